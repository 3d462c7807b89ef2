"""`gc.progress("02")` is the learner's record of one lesson."""

from __future__ import annotations

from pathlib import Path

import pytest

import gradcourse as gc


@pytest.mark.parametrize("number", ["02", "2", 2])
def test_one_lesson(number: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GRADCOURSE_PROGRESS", str(tmp_path / "progress.sqlite"))
    table = gc.progress(number)
    assert table.title == "Your progress · 02 Saturation"
    assert {row.id.partition("/")[0] for row in table.rows} == {"saturation"}
    assert table.possible == gc.score("02", {}).possible
    assert len(gc.progress().rows) > len(table.rows)


def test_a_lesson_that_is_not_there_is_named() -> None:
    with pytest.raises(gc.GradcourseError, match="there is no lesson '77'"):
        gc.progress("77")
