"""The learner's folder: laid once, brought up to date, one question given back, opened again."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nbformat import NotebookNode

from gradcourse.lessons import HOME, LESSONS
from gradcourse.support import GradcourseError, write_atomically
from gradcourse.workcopy.doorstep import doorstep
from gradcourse.workcopy.fresh import fresh, kernel_metadata, parsed, with_record, written
from gradcourse.workcopy.ledger import PLACE, Edition, Ledger
from gradcourse.workcopy.news import ALIKE, BROUGHT, LAID, LEFT, NEWS, PageNews, as_text, is_news
from gradcourse.workcopy.shelf import FOLDERS, Shelf
from gradcourse.workcopy.weave import question_cells, questions, weave

USUAL = "my-course"
COPIES = "copies"
WORKSPACES = ".gradcourse/workspaces"


@dataclass(frozen=True)
class WorkingCopy:
    """A folder in which a learner works.

    Every write is atomic, and what a page was laid as is noted before the page is written: a
    process that is killed at any moment leaves each page as it was or as it should be, and the
    same command run again does the rest.

    Attributes
    ----------
    folder : Path
    shelf : Shelf
        The pages of the course.
    """

    folder: Path
    shelf: Shelf = field(default_factory=Shelf.default)

    @classmethod
    def here(cls, folder: Path | None = None, shelf: Shelf | None = None) -> WorkingCopy:
        """Return the working copy that is meant: a folder, the one around us, or ``my-course/``.

        Parameters
        ----------
        folder : Path, optional
            Without it, the working copy that the current folder lies in, or ``my-course/`` in it.
        shelf : Shelf, optional
            The pages of the course; those of this gradcourse by default.
        """
        here = Path.cwd()
        around = next((p for p in (here, *here.parents) if (p / PLACE).is_file()), here / USUAL)
        chosen = around if folder is None else folder.expanduser()
        return cls(chosen.resolve(), shelf or Shelf.default())

    # Laying.

    def lay(self, solutions: bool | None = None) -> tuple[str, ...]:
        """Lay the pages that are still to come, and write all for the kernel that will open them.

        Parameters
        ----------
        solutions : bool, optional
            Whether the solutions are wanted; by default as the last time, and at first they are.

        Returns
        -------
        tuple of str
            The pages that were laid.

        Raises
        ------
        GradcourseError
            If the folder exists and is no working copy, holds ``__init__.py``, or cannot be
            written.
        """
        self._refuse_what_is_none()
        ledger = Ledger.read(self.folder) or Ledger()
        wanted = ledger.solutions if solutions is None else solutions
        if ledger.complete:
            self._lay_home()
        if ledger.complete and wanted == ledger.solutions and ledger.kernel == kernel_metadata():
            return ()
        with self._writing():
            self._write_for_this_kernel(ledger)
            ledger.complete = ledger.complete and wanted == ledger.solutions
            ledger.solutions = wanted
            laid = () if ledger.complete else self._lay_missing(ledger)
            ledger.kernel, ledger.complete = kernel_metadata(), True
            ledger.course = ledger.course or self.shelf.digest()
            ledger.write(self.folder)
            self._lay_home()
        return laid

    def _lay_home(self) -> None:
        """Write the list of lessons, nobody's work, where it is missing or another one."""
        path, text = self.folder / HOME, doorstep()
        with self._writing():
            if not path.is_file() or path.read_text("utf-8") != text:
                write_atomically(path, text)

    def _lay_missing(self, ledger: Ledger) -> tuple[str, ...]:
        missing = {
            page: self._new(page)
            for page in self.shelf.pages(ledger.solutions)
            if not (self.folder / page).exists()
        }
        for page, node in missing.items():
            ledger.add(page, Edition.of(node))
        ledger.write(self.folder)
        for page, node in missing.items():
            write_atomically(self.folder / page, written(node))
        return tuple(missing)

    def _new(self, page: str) -> NotebookNode:
        """The page as it would be laid now; it says itself which edition it is."""
        node = fresh(parsed(self.shelf.text(page), page), page, kernel_metadata())
        node = with_record(node, page)
        node.metadata.setdefault("gradcourse", {})["edition"] = Edition.of(node).key
        return node

    def _write_for_this_kernel(self, ledger: Ledger) -> None:
        """Another Python has come: a page that names the former kernel gets the new one's name."""
        if not ledger.complete or ledger.kernel == kernel_metadata():
            return
        for page in self._present():
            text = (self.folder / page).read_text("utf-8")
            try:
                node = parsed(text, page)
            except GradcourseError:
                continue
            named = {key: dict(node.metadata.get(key, {})) for key in kernel_metadata()}
            if named == ledger.kernel:
                node.metadata.update(kernel_metadata())
                self._replace(page, text, node)

    def _refuse_what_is_none(self) -> None:
        folder = self.folder
        other = "give the name of a folder that is not there yet: gradcourse lab NAME"
        if folder.exists() and not folder.is_dir():
            raise GradcourseError(f"{folder} is a file; {other}")
        for place in (folder, folder.parent):
            if (place / "__init__.py").exists():
                raise GradcourseError(
                    f"{place} is a Python package (it holds __init__.py), no place to work; {other}"
                )
        if (folder / PLACE).is_file():
            return
        outer = next((place for place in folder.parents if (place / PLACE).is_file()), None)
        if outer is not None:
            raise GradcourseError(f"{folder} lies in the working copy {outer}: leave it first")
        if not folder.is_dir():
            return
        # A laying that was interrupted before its first page may have left this much.
        if any(path.name != Path(PLACE).parts[0] for path in folder.iterdir()):
            raise GradcourseError(f"{folder} exists and is no working copy of the course; {other}")

    # Bringing new pages.

    def is_behind(self) -> bool:
        """Whether the course has pages that `update` would bring."""
        ledger = Ledger.read(self.folder)
        return ledger is not None and ledger.course != self.shelf.digest()

    def update(self, solutions: bool | None = None) -> tuple[PageNews, ...]:
        """Bring new pages, and new cells of old ones; leave what was answered or edited alone.

        Parameters
        ----------
        solutions : bool, optional
            As for `lay`.

        Returns
        -------
        tuple of PageNews
            One for each page of the course.

        Raises
        ------
        GradcourseError
            If this is no working copy, or it cannot be written.
        """
        ledger = self._ledger()
        if solutions is not None:
            ledger.solutions = solutions
        news = []
        with self._writing():
            self._sweep()
            for page in self.shelf.pages(ledger.solutions):
                news.append(self._update_page(ledger, page))
            ledger.course, ledger.complete = self.shelf.digest(), True
            ledger.write(self.folder)
            self._lay_home()
            if any(map(is_news, news)):
                note = {"time": time.time(), "text": as_text(news)}
                write_atomically(self.folder / NEWS, json.dumps(note, ensure_ascii=False))
        return tuple(news)

    def news(self) -> tuple[float, str]:
        """Return when `update` last brought something, and what it said; 0 and nothing if never."""
        try:
            note = json.loads((self.folder / NEWS).read_text("utf-8"))
            return float(note["time"]), str(note["text"])
        except (OSError, ValueError, KeyError, TypeError):
            return 0.0, ""

    def _update_page(self, ledger: Ledger, page: str) -> PageNews:
        path = self.folder / page
        new = self._new(page)
        edition = Edition.of(new)
        if edition.key not in ledger.editions.get(page, {}):
            ledger.add(page, edition)
            ledger.write(self.folder)
        if not path.exists():
            write_atomically(path, written(new))
            return PageNews(page, LAID)
        for text in self._readings(page):
            try:
                mine = parsed(text, page)
            except GradcourseError as error:
                return PageNews(page, LEFT, reason=str(error))
            if mine.metadata.get("gradcourse", {}).get("edition") == edition.key:
                return PageNews(page, ALIKE)
            if not {cell.get("id") for cell in mine.cells} & {cell.id for cell in new.cells}:
                return PageNews(page, LEFT, reason="its cells have lost their names")
            woven = weave(mine, ledger.edition(page, mine), new)
            if self._replace(page, text, woven.node):
                return PageNews(page, BROUGHT, tuple(s for s in woven.sections if s.touched))
        return PageNews(page, LEFT, reason="it is being written to; save it, and update again")

    def _readings(self, page: str) -> Iterator[str]:
        """Read a page, and again, should somebody have saved it in between."""
        for _ in range(3):
            yield (self.folder / page).read_text("utf-8")

    def _replace(self, page: str, seen: str, node: NotebookNode) -> bool:
        """Write a page unless it is no longer what was read; return whether that was done."""
        path = self.folder / page
        if path.read_text("utf-8") != seen:
            return False
        write_atomically(path, written(node))
        return True

    # Giving back.

    def reset(self, what: str) -> tuple[str, str, Path]:
        """Give one question or one page back as the course has it, after a copy.

        Parameters
        ----------
        what : str
            "03/2", the second question of exercises 03; "03", all of them; or a page,
            "lessons/03_the_recurrent_weight.ipynb".

        Returns
        -------
        tuple
            The page, the title of the question or an empty string, and the file that holds the
            page as it was.

        Raises
        ------
        GradcourseError
            If there is no such question or page, or it cannot be written.
        """
        ledger = self._ledger()
        name, _, number = what.rpartition("/") if _ends_in_a_number(what) else (what, "", "")
        page = self._page(name)
        new = self._new(page)
        title, ids = question_cells(new, number)
        if number and not ids:
            asked = "; ".join(questions(new)) or "none"
            raise GradcourseError(f"{page} has no question {number!r}; it has {asked}")
        if number:
            self._refuse_what_is_behind(ledger, page, new)
        with self._writing():
            copied = self._copy(page)
            ledger.add(page, Edition.of(new))
            ledger.write(self.folder)
            path = self.folder / page
            if not number:
                write_atomically(path, written(new))
                return page, "", copied
            for text in self._readings(page):
                mine = parsed(text, page)
                woven = weave(mine, ledger.edition(page, mine), new, give_back=ids)
                if self._replace(page, text, woven.node):
                    return page, title, copied
        raise GradcourseError(f"{page} is being written to; save it, and try again")

    def _refuse_what_is_behind(self, ledger: Ledger, page: str, new: NotebookNode) -> None:
        """One question of a new edition alone would hide from `update` that the rest is old."""
        path = self.folder / page
        if not path.exists():
            return
        edition = ledger.edition(page, parsed(path.read_text("utf-8"), page))
        if edition is not None and edition.key != Edition.of(new).key:
            raise GradcourseError(
                f"{page} has a new edition: run gradcourse update first, then reset"
            )

    def _copy(self, page: str) -> Path:
        path = self.folder / page
        if not path.exists():
            raise GradcourseError(f"{path} is not there; gradcourse update lays it")
        stamp = time.strftime("%Y-%m-%d_%H-%M-%S")
        copied = self.folder / COPIES / f"{path.stem}_{stamp}.ipynb"
        number = 1
        while copied.exists():
            number += 1
            copied = copied.with_name(f"{path.stem}_{stamp}_{number}.ipynb")
        write_atomically(copied, path.read_bytes())
        return copied

    def _page(self, name: str) -> str:
        """Return the page that is meant by "03" (its exercises), or by a name or path."""
        row = next((row for row in LESSONS if row.number == name), None)
        if row is not None:
            return row.exercises if row.earns else row.notebook
        wanted = name.replace("\\", "/").removeprefix("./").removesuffix(".ipynb")
        pages = self.shelf.pages()
        for page in pages:
            stem = page.removesuffix(".ipynb")
            short = stem.partition("_")[0]  # lessons/03
            if wanted in (stem, short, stem.rpartition("/")[2]) or wanted.endswith(f"/{stem}"):
                return page
        numbers = ", ".join(row.number for row in LESSONS)
        raise GradcourseError(
            f"there is no page {name!r}: give a number ({numbers}), a number and a question (03/2),"
            " or a page (lessons/03)"
        )

    # Going on.

    def last_used(self) -> dict[str, float]:
        """Return the pages on which the learner has worked, each with the time when last.

        A page was worked on when it was saved after it was laid. JupyterLab also notes which page
        is in front, when that changes.
        """
        laid = (self.folder / PLACE).stat().st_mtime
        saved = {page: (self.folder / page).stat().st_mtime for page in self._present()}
        used = {page: when for page, when in saved.items() if when > laid}
        page, when = self._in_front()
        if page:
            used[page] = max(when, used.get(page, 0.0))
        return used

    def _in_front(self) -> tuple[str, float]:
        """The notebook that JupyterLab's own notes say was in front, and since when."""
        workspaces = [
            (path.stat().st_mtime, path)
            for path in (self.folder / WORKSPACES).glob("*.jupyterlab-workspace")
        ]
        for when, path in sorted(workspaces, reverse=True):
            try:
                data = json.loads(path.read_text("utf-8"))["data"]
                current = data["layout-restorer:data"]["main"]["current"]
            except (OSError, ValueError, KeyError, TypeError):
                continue
            page = str(current).partition(":")[2]
            if page.endswith(".ipynb") and (self.folder / page).is_file():
                return page, when
        return "", 0.0

    # What all use.

    def _ledger(self) -> Ledger:
        ledger = Ledger.read(self.folder)
        if ledger is None:
            raise GradcourseError(
                f"{self.folder} is no working copy of the course: gradcourse lab lays one"
            )
        return ledger

    def _present(self) -> tuple[str, ...]:
        return tuple(page for page in self.shelf.pages() if (self.folder / page).is_file())

    def _sweep(self) -> None:
        """Remove what a killed process began to write: `write_atomically`'s temporary files."""
        names = [Path(PLACE).name, *(Path(page).name for page in self.shelf.pages())]
        for folder in (Path(PLACE).parent, *map(Path, FOLDERS)):
            for name in names:
                for path in (self.folder / folder).glob(f".{name}.*"):
                    path.unlink(missing_ok=True)

    def _writing(self) -> _Writing:
        return _Writing(self.folder)


class _Writing:
    """Says in one line that a folder cannot be written."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: Any, error: BaseException | None, _trace: Any) -> None:
        if isinstance(error, OSError):
            raise GradcourseError(f"{self._folder} cannot be written: {error}") from error


def _ends_in_a_number(what: str) -> bool:
    """Whether a question is meant: "03/2", "exercises/03_recurrent.ipynb/2", not "lessons/03"."""
    name, slash, last = what.rpartition("/")
    return bool(slash) and last.isdigit() and name not in FOLDERS
