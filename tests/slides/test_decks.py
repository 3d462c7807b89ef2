"""A lesson as a lecture: its parts and minutes, its questions for a hall, the file it becomes."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from gradcourse.checking.question import Choice, Prediction
from gradcourse.cli import main
from gradcourse.exercises import all_exercises
from gradcourse.lessons import LESSONS
from gradcourse.site import pages, quiz
from gradcourse.site.remembered import Remembered
from gradcourse.slides import build_decks, handout, reveal_js
from gradcourse.slides.deck import deck
from gradcourse.slides.lecture import core_minutes, parts, timetable
from gradcourse.slides.on_slides import Lesson
from gradcourse.slides.show_of_hands import MOST, borders, hands, number, ranges
from gradcourse.support import GradcourseError

ROOT = Path(__file__).parents[2]
TRUTHS: dict[str, Any] = {
    question.id: question.options[0].key if isinstance(question, Choice) else 1.0
    for question in all_exercises()
    if quiz.plays(question)
}


def _stored(path: str) -> dict[str, Any]:
    return dict(json.loads((ROOT / path).read_text("utf-8")))


def _cell(id: str, kind: str, source: str, slide: str, **metadata: Any) -> dict[str, Any]:
    told = {"slideshow": {"slide_type": slide}, **metadata}
    return {"id": id, "cell_type": kind, "source": source, "metadata": told, "outputs": []}


def _notes(minutes: int) -> str:
    return (
        f"<details>\n<summary><strong>Speaker notes</strong> · {minutes} min</summary>\n\n"
        "Say it.\n\n</details>"
    )


SMALL = {
    "cells": [
        _cell("title", "markdown", "# A lesson\n\nWords.", "slide"),
        _cell("ways", "markdown", "[Home](../course-home.md)", "skip"),
        _cell("n1", "markdown", _notes(2), "notes"),
        _cell("step", "markdown", "## Step 1 · $x^2$", "slide"),
        _cell("code", "code", "x = 1", "fragment"),
        _cell("explain", "markdown", "### Explain\n\nBecause.", "subslide"),
        _cell("n2", "markdown", _notes(7), "notes"),
        _cell("deep", "markdown", "## Deeper · More\n\nIt is.", "slide", tags=["deeper"]),
        _cell("n3", "markdown", _notes(4), "notes"),
        _cell("end", "markdown", "## Summary\n\nAll.", "slide"),
        _cell("sources", "markdown", "## Sources\n\nOne.", "-"),
    ]
}


def test_a_lecture_has_its_parts_and_the_deeper_ones_take_no_time() -> None:
    lecture = parts(SMALL)
    told = [(p.title, p.deeper, p.minutes, [s.id for s in p.slides]) for p in lecture]
    assert told == [
        ("A lesson", False, 2, ["title"]),
        ("Step 1 · $x^2$", False, 7, ["step", "explain"]),
        ("Deeper · More", True, 4, ["deep"]),
        ("Summary", False, 1, ["end"]),
        ("Sources", True, 0, ["sources"]),
    ]
    assert core_minutes(lecture) == 10
    clocks = [(begin, minutes) for begin, minutes, _ in timetable(lecture)]
    assert clocks == [(0, 2), (2, 7), (9, 1)]


def test_the_speaker_is_told_the_time_and_nobody_else_the_notes() -> None:
    page = deck(SMALL, {}, {})
    slides = re.findall(r'<section id="([^"]+)".*?data-timing="(\d+)"', page)
    assert slides == [
        *[("title", "120"), ("step", "210"), ("explain", "210"), ("deep", "0"), ("end", "60")],
        ("sources", "0"),
    ]
    seen = re.sub(r'<aside class="notes">.*?</aside>', "", page, flags=re.DOTALL)
    assert page.count("Say it.") == 4
    assert "Say it." not in seen
    assert "The core path takes 10 minutes" in page
    assert "Home" not in seen.partition("<script>")[0]


@pytest.mark.parametrize("row", LESSONS, ids=lambda row: row.number)
def test_each_lessons_demos_figures_and_questions_are_on_its_slides(row: Any) -> None:
    stored = _stored(row.notebook)
    lesson = Lesson(TRUTHS)
    slides = [lesson.section(part, one) for part in parts(stored) for one in part.slides]
    body = "".join(slides)
    calls = [call for cell in stored["cells"] if (call := pages.called(cell))]
    assert set(lesson.used.demos) == {id for kind, id in calls if kind == "demo"}
    assert body.count('class="hands"') == sum(kind == "panel" for kind, _ in calls)
    assert body.count('class="answer fragment"') == len(pages.questions(stored))
    figures = sum(
        pages.FIGURE in output.get("data", {})
        for cell in stored["cells"]
        if cell["cell_type"] == "code" and pages.called(cell) is None
        for output in cell["outputs"]
    )
    assert body.count('data-gc="figure"') == figures
    assert core_minutes(parts(stored)) > 0
    assert "course-home.md" not in body
    assert "](../" not in body
    assert 'href="../' not in body


def test_every_scale_is_asked_for_by_a_few_ranges_with_round_ends() -> None:
    wrong = []
    for question in all_exercises():
        if not isinstance(question, Prediction):
            continue
        ends = borders(question)
        digits = max(len(f"{end:.10g}".replace(".", "").strip("-0").split("e")[0]) for end in ends)
        inside = all(question.low < end < question.high for end in ends)
        if not (inside and ends == sorted(ends) and len(ends) < MOST and digits <= 3):
            wrong.append((question.id, ends))
    assert not wrong


def _hands(question: Prediction | Choice, truth: Any) -> tuple[list[str], list[str]]:
    page = hands(question, {question.id: truth})
    items = re.findall(r'<li(?: class="(\w+)")?><span>(.*?)</span></li>', page)
    return [text for _, text in items], [text for mark, text in items if mark == "right"]


def test_the_range_that_holds_the_measurement_is_right() -> None:
    for question in all_exercises():
        if isinstance(question, Prediction):
            ends = borders(question)
            for truth in (question.low, ends[0], ends[-1], question.high):
                texts, right = _hands(question, truth)
                (place,) = (i for i, text in enumerate(texts) if text == right[0])
                assert place == sum(end <= truth for end in ends)
            assert _hands(question, math.nan)[1] == []
        elif isinstance(question, Choice):
            for option in question.options:
                texts, right = _hands(question, option.key)
                assert texts.index(right[0]) == question.options.index(option)


def test_numbers_are_set_as_in_print() -> None:
    assert [number(x) for x in (1e-4, 3e-5, 0.3, -2.0, 0.0, 200.0, 1e12)] == [
        *("10<sup>−4</sup>", "3·10<sup>−5</sup>", "0.3", "−2", "0", "200", "10<sup>12</sup>")
    ]
    assert ranges([1.0, 2.0], "%") == ["below 1 %", "1 to 2 %", "2 % or more"]


def test_a_script_inside_a_page_does_not_end_it() -> None:
    inside = reveal_js.inside_a_page('a = "</script><script><!-- -->"')
    assert inside == 'a = "\\x3c/script>\\x3cscript>\\x3c!-- -->"'
    for script in reveal_js.scripts():
        assert not re.search("<!--|</?script", script)
    assert "Permission is hereby granted" in reveal_js.scripts()[0]


# ── Bad input is one line, and nothing foreign is touched ─────────────────────────────────────


def _refused(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main(["slides", *words]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    return said


def test_bad_input_is_refused_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    assert "there is no lesson '77'" in _refused(capsys, "77", "--to", str(out))
    monkeypatch.setattr(handout, "BROWSERS", ("no-such-browser",))
    assert "Chromium, Chrome or Edge" in _refused(capsys, "00", "--pdf", "--to", str(out))
    monkeypatch.setattr(reveal_js, "PACKAGE", "no_such_package")
    assert "pip install 'gradcourse[site]'" in _refused(capsys, "00", "--to", str(out))
    assert not out.exists()


def test_a_foreign_file_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    build_decks.take_folder(tmp_path, ["a.html"])
    (tmp_path / "a.html").write_text("ours")
    build_decks.take_folder(tmp_path, ["a.html", "b.html"])
    (tmp_path / "c.html").write_text("mine")
    with pytest.raises(GradcourseError, match=r"c\.html is not ours"):
        build_decks.take_folder(tmp_path, ["a.html", "c.html"])
    with pytest.raises(GradcourseError, match="is a file"):
        build_decks.take_folder(tmp_path / "notes.txt", ["a.html"])
    assert (tmp_path / "c.html").read_text() == "mine"


def test_the_command_writes_a_lecture_and_says_where(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    known = {"knob_grid": "/* frames */", "quiz": "1.0"}
    monkeypatch.setattr(
        Remembered, "results", lambda self, kind, ids: dict.fromkeys(ids, known[kind])
    )
    out = tmp_path / "out"
    assert main(["slides", "00", "--to", str(out)]) == 0
    page = out / "00_start_here.html"
    assert capsys.readouterr().out.startswith(f"{page}: ")
    assert "/* frames */" in page.read_text("utf-8")


def test_the_timetable_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["slides", "00", "--timetable"]) == 0
    first, *rows = capsys.readouterr().out.splitlines()
    whole = int(re.search(r"(\d+) min$", first)[1])  # type: ignore[index]
    assert sum(int(re.search(r"(\d+) min", row)[1]) for row in rows) == whole  # type: ignore[index]


def test_the_instructors_guide_says_how_long_each_lecture_takes() -> None:
    guide = (ROOT / "docs" / "instructor.md").read_text("utf-8")
    told = [
        re.findall(r"\d+", re.search(rf"^\| {row} \|(.*)$", guide, re.MULTILINE)[1])  # type: ignore[index]
        for row in ("lesson", "minutes")
    ]
    assert told[0] == [row.number for row in LESSONS]
    lectures = [parts(_stored(row.notebook)) for row in LESSONS]
    assert told[1] == [str(core_minutes(lecture)) for lecture in lectures]


def _all_ids(book: Mapping[str, Any]) -> list[str]:
    return [cell["id"] for cell in book["cells"]]


def test_no_cell_but_notes_and_links_is_lost() -> None:
    for row in LESSONS:
        stored = _stored(row.notebook)
        kept = [cell["id"] for p in parts(stored) for s in p.slides for cell in s.cells]
        left = set(_all_ids(stored)) - set(kept)
        kinds = {
            cell["metadata"]["slideshow"]["slide_type"]
            for cell in stored["cells"]
            if cell["id"] in left
        }
        assert kinds <= {"notes", "skip"}
        assert len(kept) == len(set(kept))
