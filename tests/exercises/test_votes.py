"""What a vote on a claim is held against is what its lesson measures."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest

from gradcourse.checking.question import Choice
from gradcourse.exercises import all_exercises

LESSONS = Path(__file__).parents[2] / "lessons"
VOTES = {e.id: e for e in all_exercises() if isinstance(e, Choice) and e.vote}
PANEL = re.compile(r'gc\.panel\("([^"]+)"\)')


def _verdicts() -> dict[str, str]:
    """The verdict that the next measuring cell after a vote has printed."""
    printed: dict[str, str] = {}
    for path in sorted(LESSONS.glob("*.ipynb")):
        vote = ""
        for cell in nbformat.read(path, as_version=4).cells:
            asked = PANEL.search(cell.source) if cell.cell_type == "code" else None
            vote = asked[1] if asked and asked[1] in VOTES else vote
            for output in cell.get("outputs", ()):
                said = re.search(r"^verdict: (.+)$", output.get("text", ""), re.MULTILINE)
                if said and vote:
                    printed[vote] = said[1].strip()
                    vote = ""
    return printed


def test_each_vote_stands_before_its_measurement() -> None:
    assert set(_verdicts()) == set(VOTES)


@pytest.mark.parametrize("id", VOTES)
def test_a_vote_is_decided_as_the_lesson_measures(id: str) -> None:
    assert _verdicts()[id].replace(" ", "-") == VOTES[id].measure()
