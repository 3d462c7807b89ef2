"""The links at both ends of a notebook follow from the table of lessons."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gradcourse.authoring.factory import expected, sources
from gradcourse.authoring.notebook import with_papers
from gradcourse.lessons import LESSONS, exercise_ways, lesson, lesson_ways

ROOT = Path(__file__).parents[2]


def test_a_lesson_leads_home_back_to_its_exercises_and_on() -> None:
    assert lesson_ways(lesson("03")) == (
        "[Home](../course-home.md) | ← [02 · Saturation](../lessons/02_saturation.ipynb) | "
        "[Exercises 03](../exercises/03_recurrent.ipynb) | "
        "[04 · ReLU and its kin](../lessons/04_relu_and_its_kin.ipynb) →"
    )
    assert "←" not in lesson_ways(LESSONS[0])
    assert "Exercises" not in lesson_ways(LESSONS[0])
    assert "→" not in lesson_ways(LESSONS[-1])


def test_exercises_lead_home_back_to_the_lesson_and_on() -> None:
    assert exercise_ways(lesson("01")) == (
        "[Home](../course-home.md) | "
        "← [01 · Products of the chain rule](../lessons/01_products_of_the_chain_rule.ipynb) | "
        "[02 · Saturation](../lessons/02_saturation.ipynb) →"
    )
    last = LESSONS[-1]
    assert exercise_ways(last).endswith(f"← [{last.number} · {last.title}](../{last.notebook})")


@pytest.mark.parametrize("path", sources(ROOT), ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_they_stand_behind_the_title_and_at_the_end_and_on_no_slide(path: Path) -> None:
    for draft in expected(ROOT, path):
        cells = draft.node.cells
        number = path.stem[:2]
        assert (cells[1].id, cells[-1].id) == (f"{number}-ways-top", f"{number}-ways-end")
        assert cells[0].source.startswith("# ")
        assert cells[1].source == cells[-1].source
        if draft.path.startswith("lessons/"):
            assert cells[1].metadata.slideshow.slide_type == "skip"
        for link in cells[1].source.split("](../")[1:]:
            assert (ROOT / link.partition(")")[0]).is_file()


def test_claims_on_trial_lead_to_all_claims() -> None:
    link = "13_claims_on_trial.ipynb#cell-id=13-show-ledger"
    for path in sources(ROOT):
        for draft in expected(ROOT, path):
            opening = [c for c in draft.node.cells if c.source.startswith("## Claims on trial")]
            assert all(link in cell.source.splitlines()[2] for cell in opening), path
            if path.stem[:2] in ("02", "11") and draft.path.startswith("lessons/"):
                assert len(opening) == 1
    ids = [
        cell.id
        for cell in expected(ROOT, ROOT / "source/lessons/13_claims_on_trial.py")[0].node.cells
    ]
    assert "13-show-ledger" in ids


def test_a_papers_number_is_a_link_once() -> None:
    text = "*Title*, arXiv:1211.5063, ICML. (doi:10.1109/72.279181). doi:10.1214/aoms/1177705909."
    linked = with_papers(text)
    assert "[arXiv:1211.5063](https://arxiv.org/abs/1211.5063), ICML" in linked
    assert "([doi:10.1109/72.279181](https://doi.org/10.1109/72.279181))." in linked
    assert linked.endswith("(https://doi.org/10.1214/aoms/1177705909).")
    assert with_papers(linked) == linked


def test_a_number_stands_with_one_title_in_the_whole_course() -> None:
    """The same paper has the same number wherever it is cited, and another has another."""
    named: dict[str, set[str]] = {}
    for path in (ROOT / "source" / "lessons").glob("*.py"):
        text = " ".join(path.read_text("utf-8").replace("\n#", " ").split())
        for title, number in re.findall(
            r"\*([^*]+?)\.?\*,? ((?:arXiv|doi):[^\s,;:]+[^\s,;:.])", text
        ):
            named.setdefault(number, set()).add(title)
    assert len(named) > 40
    assert {number: titles for number, titles in named.items() if len(titles) > 1} == {}
    assert len({title for titles in named.values() for title in titles}) == len(named)
