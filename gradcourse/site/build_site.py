"""From stored notebooks to a folder of pages: compute, write, set, and hand over."""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from gradcourse.belongings import Belongings, require_packages
from gradcourse.site.options import Options
from gradcourse.site.remembered import Remembered
from gradcourse.support import GradcourseError

MARK = ".gradcourse-site.json"
"""The file that says that a folder is a site of ours, and which files in it are."""

NEEDED = ("sphinx", "myst_nb", "furo", "sphinx_copybutton", "math_core")


@dataclass(frozen=True)
class Built:
    """What was built.

    Attributes
    ----------
    first : Path
        The page to open.
    pages : int
    megabytes : float
        Of the whole folder.
    seconds : float
    complaints : tuple of str
        What Sphinx did not like, a line each.
    """

    first: Path
    pages: int
    megabytes: float
    seconds: float
    complaints: tuple[str, ...]


def build_site(options: Options) -> Built:
    """Build the site.

    Parameters
    ----------
    options : Options

    Returns
    -------
    Built

    Raises
    ------
    GradcourseError
        If a lesson is unknown, the folder holds files that are not ours, a package is missing, or
        a notebook or a formula cannot be read. Nothing in the folder has changed then.
    """
    began = time.perf_counter()
    rows, out = options.rows, options.out
    check_ours(out)
    require_packages(NEEDED, "the site is built with")
    options.address()

    from gradcourse.site import sources
    from gradcourse.site.pages import Used

    remembered = Remembered.of(options)
    notebooks, used = sources.Notebooks.read(options), Used()
    found = remembered.truths(notebooks.questions())
    made = sources.texts(notebooks, found, used)
    work = options.kept / f"work-{'-'.join(row.number for row in rows)}-{options.solutions:d}"
    if sources.write_tree(work / "text", made):
        shutil.rmtree(work / "doctrees", ignore_errors=True)
        shutil.rmtree(work / "html", ignore_errors=True)
    computed = remembered.results("knob_grid", used.demos)
    if sources.static_files(work / "static", used, computed.__getitem__):
        shutil.rmtree(work / "html", ignore_errors=True)
    complaints = _set(work)
    hand_over(work / "html", out)
    size = sum(path.stat().st_size for path in out.rglob("*") if path.is_file())
    seconds = time.perf_counter() - began
    return Built(out / "index.html", len(made), size / 1e6, seconds, tuple(complaints))


# ── Sphinx ────────────────────────────────────────────────────────────────────────────────────


def _set(work: Path) -> list[str]:
    """Let Sphinx set the pages that changed; return what it complained of."""
    from sphinx.application import Sphinx
    from sphinx.errors import SphinxError
    from sphinx.util.docutils import docutils_namespace

    from gradcourse.site.sphinx_part import settings

    said = io.StringIO()
    try:
        # What is registered for one site would be complained of by the next one of this process.
        with _without_jupyter_folder(work), docutils_namespace():
            app = Sphinx(
                srcdir=work / "text",
                confdir=None,
                outdir=work / "html",
                doctreedir=work / "doctrees",
                buildername="html",
                confoverrides=settings(work / "static"),
                status=None,
                warning=said,
                parallel=os.cpu_count() or 1,
            )
            app.build()
            _copy_static(work)
    except SphinxError as error:
        raise GradcourseError(f"Sphinx could not set the pages: {error}") from error
    return _lines(said.getvalue(), work)


def _copy_static(work: Path) -> None:
    """Where no page has changed, Sphinx copies nothing; but frames may have changed."""
    target = work / "html" / "_static" / "gradcourse"
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(work / "static" / "gradcourse", target)


@contextlib.contextmanager
def _without_jupyter_folder(work: Path) -> Iterator[None]:
    """myst-nb writes a copy of each notebook beside the pages; nobody reads it."""
    try:
        yield
    finally:
        shutil.rmtree(work / "jupyter_execute", ignore_errors=True)


def _lines(said: str, work: Path) -> list[str]:
    """Return complaints without the machine's paths and without colours."""
    from sphinx.util.console import strip_escape_sequences

    text = strip_escape_sequences(said).replace(f"{work / 'text'}/", "")
    return [line for line in text.splitlines() if line.strip()]


# ── The folder ────────────────────────────────────────────────────────────────────────────────


def check_ours(out: Path) -> None:
    """Refuse a folder that holds what is not ours.

    Raises
    ------
    GradcourseError
        If it is a file, or a folder with other files and without our mark.
    """
    Belongings(out, MARK).require_folder("pages")
    if out.is_dir() and any(out.iterdir()) and not (out / MARK).is_file():
        raise GradcourseError(
            f"{out} holds files that are not a site of this course; give an empty or a new folder"
        )


def hand_over(pages: Path, out: Path) -> None:
    """Copy what changed into the folder, and remove of our own files those that are gone."""
    new = {
        path.relative_to(pages).as_posix(): path
        for path in sorted(pages.rglob("*"))
        if path.is_file() and path.name not in LEFT_OUT
    }
    ours = Belongings(out, MARK)
    ours.require_free(new)
    for name in ours.files() - set(new):
        (out / name).unlink(missing_ok=True)
    for name, path in new.items():
        target = out / name
        if not target.exists() or target.read_bytes() != path.read_bytes():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
    ours.remember(new)


LEFT_OUT = (".buildinfo", ".buildinfo.bak", "objects.inv")
