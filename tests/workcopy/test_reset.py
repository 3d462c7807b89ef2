"""One question or one page is given back, after a copy."""

from __future__ import annotations

import nbformat
import pytest
from pages import EXERCISE, LESSON, cell, code, exercise, ids, put, read, write_in

from gradcourse.support import GradcourseError
from gradcourse.workcopy import WorkingCopy


def answered(copy: WorkingCopy) -> None:
    write_in(copy, EXERCISE, "one-answer", "power = pow", printed="x")
    write_in(copy, EXERCISE, "two-answer", "radius = max", printed="y")
    write_in(copy, EXERCISE, "two-check", 'gc.panel("recurrent/radius")', printed="wrong")


@pytest.mark.parametrize("what", ["03/2", "exercises/03/2", f"{EXERCISE}/2", "03_recurrent/2"])
def test_one_question_comes_back_and_the_others_stay(copy: WorkingCopy, what: str) -> None:
    answered(copy)
    before = (copy.folder / EXERCISE).read_bytes()
    page, title, copied = copy.reset(what)
    assert (page, title) == (EXERCISE, "2 · A radius")
    assert copied.read_bytes() == before
    node = read(copy, EXERCISE)
    assert cell(node, "one-answer").source == "power = pow"
    assert cell(node, "two-answer").source == exercise()[5].source
    assert cell(node, "two-answer").outputs == []
    assert cell(node, "two-check").outputs[0].text == "not answered yet"


def test_own_cells_in_a_question_stay_and_deleted_ones_come_back(copy: WorkingCopy) -> None:
    page = read(copy, EXERCISE)
    page.cells = [c for c in page.cells if c.id != "two-answer"]
    page.cells.insert(5, code("my-try", "1 + 1"))
    (copy.folder / EXERCISE).write_text(nbformat.writes(page), "utf-8")
    copy.reset("03/2")
    order = ids(read(copy, EXERCISE))
    assert "my-try" in order
    assert order.index("two") < order.index("two-answer") < order.index("two-check")


@pytest.mark.parametrize(
    ("what", "page"), [("03", EXERCISE), ("00", LESSON), ("lessons/00", LESSON)]
)
def test_a_whole_page_comes_back(copy: WorkingCopy, what: str, page: str) -> None:
    fresh = (copy.folder / page).read_bytes()
    write_in(copy, page, "title", "mine")
    mine = (copy.folder / page).read_bytes()
    reset, title, first = copy.reset(what)
    assert (reset, title) == (page, "")
    assert (copy.folder / page).read_bytes() == fresh
    _, _, second = copy.reset(what)
    assert first != second
    assert first.read_bytes() == mine


@pytest.mark.parametrize(
    ("what", "complaint"),
    [
        ("03/9", "it has 1 · A power; 2 · A radius"),
        ("33", "no page"),
        ("nonsense", "no page"),
        ("00/1", "none"),
    ],
)
def test_what_is_not_there_is_one_line_and_copies_nothing(
    copy: WorkingCopy, what: str, complaint: str
) -> None:
    with pytest.raises(GradcourseError, match=complaint) as said:
        copy.reset(what)
    assert "\n" not in str(said.value)
    assert not (copy.folder / "copies").exists()


def test_one_question_of_a_page_that_is_behind_waits_for_the_update(copy: WorkingCopy) -> None:
    answered(copy)
    cells = exercise()
    cells[1].source += " New."
    put(copy.shelf.root, EXERCISE, cells)
    before = (copy.folder / EXERCISE).read_bytes()
    with pytest.raises(GradcourseError, match="gradcourse update first"):
        copy.reset("03/2")
    assert (copy.folder / EXERCISE).read_bytes() == before
    assert not (copy.folder / "copies").exists()
    copy.update()
    copy.reset("03/2")
    assert cell(read(copy, EXERCISE), "two-answer").source == cells[5].source
