"""A working copy is laid where it harms nothing, and invites to predict."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode
from pages import (
    EXERCISE,
    LESSON,
    SOLUTION,
    cell,
    ids,
    lesson,
    put,
    read,
    small_course,
    text,
    write_in,
)

from gradcourse.lessons import HOME
from gradcourse.support import GradcourseError
from gradcourse.workcopy import Shelf, WorkingCopy
from gradcourse.workcopy.doorstep import doorstep
from gradcourse.workcopy.folder import WORKSPACES
from gradcourse.workcopy.fresh import FOR_PAGES, kernel_metadata
from gradcourse.workcopy.ledger import PLACE

ROOT = Path(__file__).parents[2]


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


def test_it_knows_where_the_learner_was(copy: WorkingCopy) -> None:
    assert copy.last_used() == {}
    write_in(copy, EXERCISE, "one-answer", "power = pow")
    later = (copy.folder / PLACE).stat().st_mtime + 1
    os.utime(copy.folder / EXERCISE, (later, later))
    assert copy.last_used() == {EXERCISE: later}
    notes = copy.folder / WORKSPACES / "default-37a8.jupyterlab-workspace"
    notes.parent.mkdir()
    notes.write_text("{}", "utf-8")
    assert copy.last_used() == {EXERCISE: later}
    front = {"data": {"layout-restorer:data": {"main": {"current": f"notebook:{LESSON}"}}}}
    notes.write_text(json.dumps(front), "utf-8")
    os.utime(notes, (later + 1, later + 1))
    assert copy.last_used() == {EXERCISE: later, LESSON: later + 1}


def test_home_is_laid_and_laid_again(copy: WorkingCopy) -> None:
    page = copy.folder / HOME
    assert page.read_text("utf-8") == doorstep()
    page.unlink()
    copy.lay()
    assert page.is_file()
    page.write_text("a former one", "utf-8")
    copy.update()
    assert page.read_text("utf-8") == doorstep()


def test_the_repository_has_the_page_that_its_notebooks_link_to() -> None:
    ours = (ROOT / HOME).read_text("utf-8")
    assert ours == doorstep(), "write it anew: gradcourse.workcopy.doorstep.doorstep()"


def test_every_link_leads_to_a_page_of_the_working_copy(tmp_path: Path) -> None:
    """Those that the build makes, and those that an author typed."""
    laid = WorkingCopy(tmp_path / "mine")
    laid.lay(solutions=False)
    for page in laid.shelf.pages(solutions=False):
        node = read(laid, page)
        links = [link for c in node.cells if c.cell_type == "markdown" for link in links_of(c)]
        for link in links:
            assert (laid.folder / page).parent.joinpath(link).resolve().is_file(), (page, link)
        ends = [c.source for c in node.cells if c.id.endswith(("-ways-top", "-ways-end"))]
        assert len(ends) == 2, f"run: gradcourse build {page.partition('_')[0]}"
        assert ends[0] == ends[1]
        assert all(f"(../{HOME})" in text for text in ends), page


def test_a_lesson_ends_with_the_learners_record(tmp_path: Path) -> None:
    shelf = small_course(tmp_path / "course")
    put(tmp_path / "course", LESSON, [*lesson(), text("00-ways-end", "[Home](../course-home.md)")])
    laid = WorkingCopy(tmp_path / "mine", shelf)
    laid.lay()
    assert ids(read(laid, LESSON))[-3:] == ["00-where-you-are", "00-your-record", "00-ways-end"]
    assert cell(read(laid, LESSON), "00-your-record").source == 'gc.progress("00")'


def links_of(cell: NotebookNode) -> list[str]:
    """The links of a text that lead to files, without their anchors."""
    found = re.findall(r"\]\(([^)\s]+)\)", cell.source)
    return [link.partition("#")[0] for link in found if "://" not in link and link[0] != "#"]
