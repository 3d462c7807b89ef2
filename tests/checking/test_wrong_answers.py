"""Wrong answers, written down before the slips were read: most are named, hardly one misleads.

`python tests/checking/wrong.py` shows what each is told; docs/contributor.md has the table.
"""

from __future__ import annotations

import tomllib
from collections import Counter

import pytest
import wrong

JUDGED = tomllib.loads((wrong.FOLDER / "judged.toml").read_text("utf-8"))
ANSWERS = wrong.wrong_answers()
BLIND = [answer for answer in ANSWERS if "first" in JUDGED[answer.place]]


@pytest.mark.parametrize("number", sorted({answer.place[:2] for answer in ANSWERS}))
def test_each_is_told_what_was_found_right_to_tell(number: str) -> None:
    problems = []
    for answer in ANSWERS:
        if answer.place.startswith(number):
            verdict = wrong.judged(answer)
            if verdict.right or JUDGED[answer.place]["says"] not in repr(verdict):
                problems.append(f"{answer.place}: {answer.misunderstood}\n{verdict}")
    assert not problems, "\n\n".join(problems)


def test_the_bars_hold_and_every_exercise_has_ten_of_six_kinds() -> None:
    after = Counter(JUDGED[answer.place]["after"] for answer in BLIND)
    assert after["named"] >= 0.75 * len(BLIND)
    assert after["misleading"] + after["passed"] <= 0.03 * len(BLIND)
    for number in ("02", "03", "05", "06", "07", "09"):
        own = [a for a in BLIND if a.place.startswith(number) and a.round == 1]
        assert len(own) >= 10
        assert len({answer.kind for answer in own}) == 6
