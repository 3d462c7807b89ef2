"""From stored notebooks to a folder of pages: compute, write, set, and hand over."""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import os
import shutil
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gradcourse.site.options import Options
from gradcourse.site.remembered import Remembered
from gradcourse.support import GradcourseError, write_atomically

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
    _check_packages()
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


def _check_packages() -> None:
    for name in NEEDED:
        try:
            importlib.import_module(name)
        except ImportError as error:
            raise GradcourseError(
                f"{name} is missing, which the site is built with: pip install 'gradcourse[site]'"
            ) from error


# ── Sphinx ────────────────────────────────────────────────────────────────────────────────────


def _set(work: Path) -> list[str]:
    """Let Sphinx set the pages that changed; return what it complained of."""
    from sphinx.application import Sphinx
    from sphinx.errors import SphinxError

    from gradcourse.site.sphinx_part import settings

    said = io.StringIO()
    try:
        with _without_jupyter_folder(work):
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
    if out.exists() and not out.is_dir():
        raise GradcourseError(f"{out} is a file; give a folder for the pages")
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
    ours = _ours(out)
    foreign = [name for name in new if name not in ours and (out / name).exists()]
    if foreign:
        raise GradcourseError(
            f"{out / foreign[0]} is not ours and would be overwritten; give a new folder"
        )
    for name in ours - set(new):
        (out / name).unlink(missing_ok=True)
    for name, path in new.items():
        target = out / name
        if not target.exists() or target.read_bytes() != path.read_bytes():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
    write_atomically(out / MARK, json.dumps({"files": sorted(new)}, indent=0))


LEFT_OUT = (".buildinfo", ".buildinfo.bak", "objects.inv")


def _ours(out: Path) -> set[str]:
    """The files that the last build left; a damaged list names none."""
    try:
        told: Mapping[str, Any] = json.loads((out / MARK).read_text("utf-8"))
        return {
            name for name in told["files"] if (out / name).resolve().is_relative_to(out.resolve())
        }
    except (OSError, ValueError, KeyError, TypeError):
        return set()
