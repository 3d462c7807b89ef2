"""The table of lessons is what the files, the README and the remedies say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gradcourse.lessons import LESSONS, Lesson, lesson, lesson_about
from gradcourse.support import GradcourseError

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("row", LESSONS, ids=lambda row: row.number)
def test_a_lesson_has_its_files(row: Lesson) -> None:
    assert (ROOT / row.notebook).is_file()
    assert (ROOT / row.exercises).is_file() == row.earns
    assert (ROOT / row.solutions).is_file() == row.earns


def test_there_is_no_notebook_without_a_row() -> None:
    rows = [*(r.notebook for r in LESSONS), *(r.exercises for r in LESSONS if r.earns)]
    files = [
        f"{room}/{p.name}"
        for room in ("lessons", "exercises")
        for p in (ROOT / room).glob("*.ipynb")
    ]
    assert sorted(files) == sorted(rows)


@pytest.mark.parametrize("row", LESSONS, ids=lambda row: row.number)
def test_a_lesson_opens_with_its_title_and_its_minutes(row: Lesson) -> None:
    source = (ROOT / "source" / row.notebook).with_suffix(".py").read_text(encoding="utf-8")
    assert f"# # {row.number} · {row.title}\n" in source
    assert f"# *{row.minutes} minutes." in source
    title = source.split("# %%")[1].replace("\n# ", " ")
    assert row.promise in title or not row.earns


@pytest.mark.parametrize("row", [r for r in LESSONS if r.earns], ids=lambda row: row.number)
def test_its_exercises_bear_its_title(row: Lesson) -> None:
    source = (ROOT / "source" / row.exercises).with_suffix(".py").read_text(encoding="utf-8")
    assert f"# # Exercises {row.number} · {row.title}\n" in source


def test_the_readme_lists_the_lessons() -> None:
    """Compared by row, link and question; rows without a link are lessons to come."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| (\d\d) \| \[(.+?)\]\((.+?)\) \| (.+?) \|$", readme, re.MULTILINE)
    assert listed == [(r.number, r.title, r.notebook, r.question) for r in LESSONS]


def test_a_lesson_that_is_not_there_is_named() -> None:
    with pytest.raises(GradcourseError, match="no lesson '42': the lessons are 00, 01"):
        lesson("42")
    assert lesson("03").topic == "recurrent"
    assert lesson_about("recurrent") is lesson("03")
    assert lesson_about("soup") is None
