"""New pages arrive; what a learner wrote is left alone."""

from __future__ import annotations

import nbformat
import pytest
from pages import (
    EXERCISE,
    LESSON,
    SOLUTION,
    cell,
    code,
    exercise,
    ids,
    lesson,
    put,
    read,
    text,
    write_in,
)

from gradcourse.support import GradcourseError
from gradcourse.workcopy import WorkingCopy
from gradcourse.workcopy.news import as_text

MINE = "def power(w, T):\n    return w**T"


def edited_course(copy: WorkingCopy, change: dict[str, str], drop: str = "", add: str = "") -> None:
    """A new edition of the exercise page."""
    cells = [c for c in exercise() if c.id != drop]
    for c in cells:
        c.source = change.get(c.id, c.source)
    if add:
        cells.insert(2, text(add, "A word on powers."))
    put(copy.shelf.root, EXERCISE, cells)


def said(copy: WorkingCopy) -> str:
    return as_text(copy.update())


def test_nothing_new_says_so(copy: WorkingCopy) -> None:
    write_in(copy, EXERCISE, "one-answer", MINE)
    before = (copy.folder / EXERCISE).read_bytes()
    assert said(copy).startswith("Nothing is new")
    assert (copy.folder / EXERCISE).read_bytes() == before
    assert not copy.is_behind()


def test_an_answer_is_kept_and_the_text_beside_it_is_new(copy: WorkingCopy) -> None:
    write_in(copy, EXERCISE, "one-answer", MINE, printed="8")
    edited_course(copy, {"one": "## 1 · A power (2 points)\n\nReturn w to the T."})
    assert copy.is_behind()
    words = said(copy)
    assert "1 · A power: 1 cell changed beside what you wrote" in words
    page = read(copy, EXERCISE)
    answer = cell(page, "one-answer")
    assert (answer.source, answer.outputs[0].text, answer.execution_count) == (MINE, "8", 7)
    assert cell(page, "one").source.endswith("to the T.")
    assert not copy.is_behind()
    assert said(copy).startswith("Nothing is new")


def test_of_a_cell_that_both_changed_the_learners_is_kept_and_the_courses_shown(
    copy: WorkingCopy,
) -> None:
    write_in(copy, EXERCISE, "one-answer", MINE)
    edited_course(copy, {"one-answer": "def power(w, steps):\n    raise NotImplementedError()"})
    words = said(copy)
    assert "1 · A power: yours was kept; the course now has" in words
    assert "    | def power(w, steps):" in words
    assert cell(read(copy, EXERCISE), "one-answer").source == MINE
    assert said(copy).startswith("Nothing is new")


def test_an_untouched_stub_is_renewed_and_a_run_cell_keeps_its_output(copy: WorkingCopy) -> None:
    write_in(copy, EXERCISE, "two-check", 'gc.panel("recurrent/radius")', printed="wrong")
    edited_course(copy, {"one-answer": "def power(w, steps):\n    raise NotImplementedError()"})
    said(copy)
    page = read(copy, EXERCISE)
    assert "steps" in cell(page, "one-answer").source
    assert cell(page, "two-check").outputs[0].text == "wrong"


def test_a_first_frame_that_was_not_run_is_renewed(copy: WorkingCopy) -> None:
    cells = lesson()
    cells[2].outputs[0].text = "another frame"
    put(copy.shelf.root, LESSON, cells)
    said(copy)
    assert cell(read(copy, LESSON), "demo").outputs[0].text == "another frame"


def test_own_cells_stay_behind_what_they_followed_and_new_ones_come_in_their_place(
    copy: WorkingCopy,
) -> None:
    page = read(copy, EXERCISE)
    page.cells.insert(2, code("my-try", "1 + 1", "2"))
    page.cells.append(code("my-end", "2 + 2"))
    nbformat.write(page, copy.folder / EXERCISE)
    edited_course(copy, {}, drop="two-check", add="one-more")
    words = said(copy)
    assert "1 cell new beside what you wrote" in words
    assert "1 cell taken out" in words
    new = read(copy, EXERCISE)
    assert set(ids(new)) == {*ids(page), "one-more"} - {"two-check"}
    order = ids(new)
    assert order.index("one") < order.index("my-try") < order.index("one-answer")
    assert order.index("one") < order.index("one-more") < order.index("one-answer")
    assert order[-1] == "my-end"


def test_a_cell_that_the_learner_deleted_stays_away(copy: WorkingCopy) -> None:
    page = read(copy, EXERCISE)
    page.cells = [c for c in page.cells if c.id != "two"]
    nbformat.write(page, copy.folder / EXERCISE)
    edited_course(copy, {"one": "## 1 · A power\n\nNew.", "two": "## 2 · A radius\n\nNew."})
    said(copy)
    assert "two" not in ids(read(copy, EXERCISE))


def test_an_edited_cell_that_the_course_took_out_is_kept(copy: WorkingCopy) -> None:
    write_in(copy, EXERCISE, "two-answer", "radius = max")
    edited_course(copy, {}, drop="two-answer")
    said(copy)
    assert cell(read(copy, EXERCISE), "two-answer").source == "radius = max"


def test_moved_cells_stay_where_the_learner_put_them(copy: WorkingCopy) -> None:
    page = read(copy, EXERCISE)
    page.cells = [page.cells[0], *page.cells[4:], *page.cells[1:4]]
    nbformat.write(page, copy.folder / EXERCISE)
    edited_course(copy, {"one": "## 1 · A power\n\nNew."}, add="one-more")
    said(copy)
    new = read(copy, EXERCISE)
    assert [i for i in ids(new) if i != "one-more"] == ids(page)
    assert cell(new, "one").source.endswith("New.")


def test_the_front_ends_own_metadata_stays(copy: WorkingCopy) -> None:
    page = read(copy, EXERCISE)
    cell(page, "one").metadata["collapsed"] = True
    nbformat.write(page, copy.folder / EXERCISE)
    edited_course(copy, {"one": "## 1 · A power\n\nNew."})
    said(copy)
    assert cell(read(copy, EXERCISE), "one").metadata["collapsed"] is True


def test_new_and_missing_pages_are_laid(copy: WorkingCopy) -> None:
    (copy.folder / SOLUTION).unlink()
    put(copy.shelf.root, "lessons/01_next.ipynb", lesson())
    words = said(copy)
    assert f"{SOLUTION}: new" in words
    assert "lessons/01_next.ipynb: new" in words
    assert (copy.folder / "lessons/01_next.ipynb").is_file()


def test_a_page_that_is_none_or_lost_its_names_is_left_alone(copy: WorkingCopy) -> None:
    (copy.folder / LESSON).write_text("not a notebook", "utf-8")
    page = read(copy, EXERCISE)
    for number, each in enumerate(page.cells):
        each.id = f"other-{number}"
    nbformat.write(page, copy.folder / EXERCISE)
    before = (copy.folder / EXERCISE).read_bytes()
    edited_course(copy, {"one": "## 1 · A power\n\nNew."})
    words = said(copy)
    assert f"{LESSON}: left as it is" in words
    assert f"{EXERCISE}: left as it is: its cells have lost their names" in words
    assert (copy.folder / EXERCISE).read_bytes() == before
    assert (copy.folder / LESSON).read_text("utf-8") == "not a notebook"


def test_two_cells_of_one_name_are_both_kept(copy: WorkingCopy) -> None:
    page = read(copy, EXERCISE)
    text_before = (copy.folder / EXERCISE).read_text("utf-8")
    page.cells.insert(3, code("one-answer", "my second try"))
    (copy.folder / EXERCISE).write_text(nbformat.v4.writes(page), "utf-8")
    assert text_before != (copy.folder / EXERCISE).read_text("utf-8")
    edited_course(copy, {"one-answer": "def power(w, steps):\n    raise NotImplementedError()"})
    said(copy)
    sources = [c.source for c in nbformat.v4.reads((copy.folder / EXERCISE).read_text()).cells]
    assert "my second try" in sources
    assert sum("steps" in source for source in sources) == 1


def test_a_page_saved_while_it_is_brought_up_to_date_is_read_again(
    copy: WorkingCopy, monkeypatch: pytest.MonkeyPatch
) -> None:
    edited_course(copy, {"one": "## 1 · A power\n\nNew."})
    real, saved = WorkingCopy._replace, []

    def replace(self: WorkingCopy, page: str, seen: str, node: nbformat.NotebookNode) -> bool:
        if page == EXERCISE and not saved:
            saved.append(page)
            write_in(self, EXERCISE, "one-answer", MINE)
        return real(self, page, seen, node)

    monkeypatch.setattr(WorkingCopy, "_replace", replace)
    said(copy)
    page = read(copy, EXERCISE)
    assert cell(page, "one-answer").source == MINE
    assert cell(page, "one").source.endswith("New.")


def test_without_the_edition_everything_that_differs_counts_as_edited(copy: WorkingCopy) -> None:
    page = read(copy, EXERCISE)
    page.metadata["gradcourse"] = {}
    nbformat.write(page, copy.folder / EXERCISE)
    write_in(copy, EXERCISE, "one-answer", MINE)
    edited_course(copy, {"one": "## 1 · A power\n\nNew."}, add="one-more")
    said(copy)
    page = read(copy, EXERCISE)
    assert cell(page, "one-answer").source == MINE
    assert "one-more" in ids(page)


def test_no_working_copy_is_one_line(copy: WorkingCopy) -> None:
    with pytest.raises(GradcourseError, match="no working copy"):
        WorkingCopy(copy.folder.parent / "elsewhere", copy.shelf).update()
