"""A working copy is laid where it harms nothing, and invites to predict."""

from __future__ import annotations

import json
import os
from pathlib import Path

import nbformat
import pytest
from pages import EXERCISE, LESSON, SOLUTION, cell, ids, read, small_course, write_in

from gradcourse.support import GradcourseError
from gradcourse.workcopy import Shelf, WorkingCopy
from gradcourse.workcopy.folder import WORKSPACES
from gradcourse.workcopy.fresh import FOR_PAGES, kernel_metadata
from gradcourse.workcopy.ledger import PLACE


def test_measured_outputs_are_cleared_and_invitations_kept(copy: WorkingCopy) -> None:
    page = read(copy, LESSON)
    assert ids(page) == ["title", "demo", "measure", "both"]
    assert "42" not in json.dumps(cell(page, "title"))
    assert cell(page, "demo").outputs[0].text == "first frame"
    assert cell(page, "measure").outputs == cell(page, "both").outputs == []
    assert all(c.get("execution_count") is None for c in page.cells)
    assert cell(read(copy, EXERCISE), "one-check").outputs[0].text == "not answered yet"
    assert cell(read(copy, SOLUTION), "all").outputs[0].text == "1"


def test_the_real_course_is_laid_without_notes_and_measurements(tmp_path: Path) -> None:
    laid = WorkingCopy(tmp_path / "mine")
    assert set(laid.lay()) == set(Shelf.default().pages())
    for page in laid.shelf.pages(solutions=False):
        node = read(laid, page)
        assert "Speaker notes" not in (laid.folder / page).read_text("utf-8"), page
        shown = [c.source for c in node.cells if c.get("outputs")]
        assert all("gc.panel(" in source or "gc.demo(" in source for source in shown), page
        assert shown, page


def test_a_page_holds_no_numbers_that_jupyterlab_would_write_otherwise(tmp_path: Path) -> None:
    copy = WorkingCopy(tmp_path / "course")
    copy.lay()
    pages = [path for path in copy.folder.rglob("*.ipynb") if ".gradcourse" not in path.parts]
    assert len(pages) > 20
    for path in pages:
        assert FOR_PAGES not in path.read_text(encoding="utf-8"), path.name


def test_without_solutions_and_with_them_later(tmp_path: Path) -> None:
    laid = WorkingCopy(tmp_path / "mine", small_course(tmp_path / "course"))
    laid.lay(solutions=False)
    assert not (laid.folder / "solutions").exists()
    laid.update()
    assert not (laid.folder / "solutions").exists()
    assert laid.lay(solutions=True) == (SOLUTION,)


def test_run_again_it_changes_nothing(copy: WorkingCopy) -> None:
    write_in(copy, EXERCISE, "one-answer", "power = pow")
    before = {path: path.read_bytes() for path in copy.folder.rglob("*.ipynb")}
    assert copy.lay() == ()
    assert {path: path.read_bytes() for path in copy.folder.rglob("*.ipynb")} == before


@pytest.mark.parametrize("there", ["notes.txt", "__init__.py", "lessons/mine.ipynb"])
def test_a_folder_that_is_no_working_copy_is_refused(tmp_path: Path, there: str) -> None:
    folder = tmp_path / "mine"
    (folder / there).parent.mkdir(parents=True)
    (folder / there).write_text("", "utf-8")
    with pytest.raises(GradcourseError, match="gradcourse lab NAME") as refused:
        WorkingCopy(folder, small_course(tmp_path / "course")).lay()
    assert "\n" not in str(refused.value)
    assert [path.name for path in folder.iterdir()] == [Path(there).parts[0]]


def test_a_working_copy_that_became_a_package_is_refused(copy: WorkingCopy) -> None:
    (copy.folder / "__init__.py").touch()
    with pytest.raises(GradcourseError, match="Python package"):
        copy.lay()


def test_a_folder_inside_a_package_and_a_file_are_refused(tmp_path: Path) -> None:
    shelf = small_course(tmp_path / "course")
    (tmp_path / "__init__.py").touch()
    with pytest.raises(GradcourseError, match="Python package"):
        WorkingCopy(tmp_path / "mine", shelf).lay()
    (tmp_path / "file").touch()
    with pytest.raises(GradcourseError, match="is a file"):
        WorkingCopy(tmp_path / "file", shelf).lay()


def test_a_working_copy_inside_another_is_refused(copy: WorkingCopy) -> None:
    with pytest.raises(GradcourseError, match="leave it first"):
        WorkingCopy(copy.folder / "another", copy.shelf).lay()


def test_an_empty_folder_is_taken(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    assert WorkingCopy(tmp_path / "mine", small_course(tmp_path / "course")).lay()


def test_a_damaged_ledger_is_one_line(copy: WorkingCopy) -> None:
    (copy.folder / PLACE).write_text('{"version": 1, "editions": 3}', "utf-8")
    with pytest.raises(GradcourseError, match="your pages are as you left them"):
        copy.lay()


def test_the_pages_are_written_for_the_kernel_that_opens_them(
    copy: WorkingCopy, monkeypatch: pytest.MonkeyPatch
) -> None:
    kernel = kernel_metadata()
    assert kernel["language_info"]["version"]
    page = read(copy, LESSON)
    assert {key: page.metadata[key] for key in kernel} == kernel
    newer = {**kernel, "language_info": {**kernel["language_info"], "version": "3.99.0"}}
    monkeypatch.setattr("gradcourse.workcopy.folder.kernel_metadata", lambda: newer)
    other = read(copy, EXERCISE)
    other.metadata.kernelspec.name = "chosen-by-the-learner"
    nbformat.write(other, copy.folder / EXERCISE)
    assert copy.lay(solutions=False) == ()
    assert read(copy, LESSON).metadata.language_info.version == "3.99.0"
    assert read(copy, EXERCISE).metadata.kernelspec.name == "chosen-by-the-learner"


def test_the_one_around_us_is_meant_or_my_course(
    copy: WorkingCopy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(copy.folder / "lessons")
    assert WorkingCopy.here().folder == copy.folder
    monkeypatch.chdir(copy.folder.parent)
    assert WorkingCopy.here().folder == copy.folder.parent / "my-course"
    assert WorkingCopy.here(Path("mine")).folder == copy.folder


def test_it_opens_where_the_learner_was(copy: WorkingCopy) -> None:
    assert copy.opening_page() == LESSON
    write_in(copy, EXERCISE, "one-answer", "power = pow")
    later = (copy.folder / PLACE).stat().st_mtime + 1
    os.utime(copy.folder / EXERCISE, (later, later))
    assert copy.opening_page() == EXERCISE
    notes = copy.folder / WORKSPACES / "default-37a8.jupyterlab-workspace"
    notes.parent.mkdir()
    notes.write_text("{}", "utf-8")
    assert copy.opening_page() == EXERCISE
    front = {"data": {"layout-restorer:data": {"main": {"current": f"notebook:{LESSON}"}}}}
    notes.write_text(json.dumps(front), "utf-8")
    assert copy.opening_page() == LESSON
