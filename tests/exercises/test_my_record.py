"""`gc.progress()` is the course by lesson, and the end of a notebook is said in one sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

import gradcourse as gc
from gradcourse.checking import PartResult, Verdict
from gradcourse.checking.progress import Progress
from gradcourse.exercises import all_exercises, assignment
from gradcourse.lessons import LESSONS


@pytest.fixture
def progress(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Progress:
    monkeypatch.setenv("GRADCOURSE_PROGRESS", str(tmp_path / "progress.sqlite"))
    return Progress.default()


def solve(progress: Progress, number: str) -> None:
    for one in assignment(number):
        part = PartResult("p", "right", one.points, one.points)
        progress.record(Verdict(one.id, one.title, (part,)))


def predict(progress: Progress, topic: str) -> None:
    for one in all_exercises():
        if one.id.startswith(f"{topic}/") and not one.points:
            progress.lock(one.id, 1.0)
            progress.measured(one.id, 2.0)


def test_the_course_is_a_line_for_each_lesson(progress: Progress) -> None:
    record = gc.progress()
    lines = repr(record).splitlines()
    assert len(lines) == len(LESSONS) + 4
    total = sum(one.points for one in all_exercises())
    assert record.summary.startswith(f"0 of {total:g} points, 0 of ")
    assert "Go on: 00 · Start here (lessons/00_start_here.ipynb)" in lines
    predict(progress, "start")
    solve(progress, "02")
    lines = repr(gc.progress()).splitlines()
    assert lines[1].startswith("✓ 00 · Start here")
    assert "██████████  18 of 18 points, 0 of" in lines[3]
    assert "Go on: 02 · Saturation (lessons/02_saturation.ipynb)" in lines
    page = gc.progress()._repr_html_()
    assert '<a href="../lessons/02_saturation.ipynb">02 · Saturation</a>' in page
    assert '<a href="../exercises/02_saturation.ipynb">18 of 18 points</a>' in page


def test_a_lesson_is_told_by_number_and_title_and_a_guess_is_never_wrong(
    progress: Progress,
) -> None:
    progress.record(Verdict("chain/predict-gain", "t", (PartResult("p", "wrong", 0.0, 0.0),)))
    said = repr(gc.progress("01"))
    assert "  · 1 · Backward through a chain of numbers " in said
    assert "  ≈ chain/predict-gain " in said
    assert "✗" not in said
    assert said.endswith("0 of 18 points, 0 of 7 predictions") or "1 of 7 predictions" in said


def test_a_function_for_no_points_is_no_prediction(progress: Progress) -> None:
    progress.record(Verdict("start/gradient-after", "t", (PartResult("p", "right", 0.0, 0.0),)))
    assert "0 of 1 prediction" in repr(gc.progress()).splitlines()[1]
    assert "gradient-after" in repr(gc.progress("00"))


def test_the_end_of_a_lesson_and_of_its_exercises(progress: Progress) -> None:
    assert gc.progress("01").ending is None
    predict(progress, "chain")
    ending = gc.progress("01").ending
    assert ending.said.startswith("You are through lesson 01: 7 predictions. You can now look at")
    assert ending.next[0][1] == "exercises/01_chain_rule.ipynb"
    solve(progress, "01")
    table = gc.progress("01")
    assert table.ending.said.startswith("Lesson 01 is yours: 7 predictions, 18 points.")
    assert repr(table).endswith("Next: 02 · Saturation (lessons/02_saturation.ipynb)")
    page = table._repr_html_()
    assert 'src="data:image/svg+xml;base64,' in page  # the picture to keep
    assert 'alt="Your intuition' in page
    assert '<a href="../course-home.md">Home</a>' in page


def test_the_last_lesson_has_no_next(progress: Progress) -> None:
    last = LESSONS[-1]
    predict(progress, last.topic)
    if last.earns:
        solve(progress, last.number)
    assert gc.progress(last.number).ending.next == ()
    assert "Next" not in repr(gc.progress(last.number))


def test_a_score_says_it_when_all_is_right(progress: Progress) -> None:
    assert gc.score("01", {}).ending is None
    names: dict[str, object] = {}
    for one in assignment("01"):
        for function in getattr(one, "functions", ()):
            names[function.name] = function.reference
    found = gc.score("01", names)
    right = [row for row in found.rows if row.status == "right"]
    assert right
    assert (found.ending is not None) == (len(right) == len(found.rows))


@pytest.mark.parametrize("kernel", [True, False])
def test_what_earns_nothing_is_kept_when_a_notebook_checks_it(
    progress: Progress, monkeypatch: pytest.MonkeyPatch, kernel: bool
) -> None:
    monkeypatch.setattr("gradcourse.exercises.has_kernel", lambda: kernel)
    gc.check("start/gradient-after", lambda r, L: r**L)
    gc.check("chain/lyapunov", lambda factors: 1.0)
    assert set(progress.best()) == ({"start/gradient-after"} if kernel else set())
