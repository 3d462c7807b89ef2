"""What was computed for a page, kept by the hash of the sources that it was computed from."""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
import json
import multiprocessing
import os
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gradcourse.lessons import LESSONS
from gradcourse.site.options import Options
from gradcourse.support import write_atomically

PACKAGE = Path(__file__).parents[1]
UNRELATED = (
    *("authoring", "checking", "grading", "home", "integrations", "site", "slides", "workcopy"),
)
"""Folders that no frame and no measurement is computed by."""

TOPICAL = ("demos", "exercises")
"""Folders in which a lesson's files matter to that lesson only."""

FEW = 3
"""So many results are computed here; for more, processes are started."""

VERSIONS = ("numpy", "scipy", "torch", "scikit-learn")


@dataclass(frozen=True)
class Remembered:
    """A folder of results.

    Attributes
    ----------
    folder : Path
    common : str
        The digest of what every result depends on.
    frames : int
        At most so many frames of a demo.
    """

    folder: Path
    common: str
    frames: int

    @classmethod
    def of(cls, options: Options) -> Remembered:
        """Open the results of earlier builds; there may be none."""
        return cls(options.kept, _digest(_common_files()), options.frames)

    def truths(self, ids: Iterable[str]) -> dict[str, Any]:
        """Return what each question measures."""
        return {id: json.loads(text) for id, text in self.results("quiz", ids).items()}

    def results(self, kind: str, ids: Iterable[str]) -> dict[str, str]:
        """Return results by id; what is not remembered is computed, by every processor.

        Parameters
        ----------
        kind : {"knob_grid", "quiz"}
            The frames of demos, or what questions measure.
        ids : iterable of str
        """
        places = {id: self.place(kind, id) for id in ids}
        missing = [id for id, place in places.items() if not place.exists()]
        for id, text in _compute(kind, missing, self.frames):
            self.keep(places[id], text)
        return {id: place.read_text("utf-8") for id, place in places.items()}

    def place(self, kind: str, id: str) -> Path:
        """Return the file of one result of a module, `kind`; if it exists, it holds."""
        topic = id.partition("/")[0]
        folders = [row.folder for row in LESSONS if row.topic == topic]
        own = [path for folder in folders for path in _topical_files(folder)]
        maker = PACKAGE / "site" / f"{kind}.py"
        key = hashlib.sha256(
            f"{self.common}{_digest([*own, maker])}{self.frames}".encode()
        ).hexdigest()
        return self.folder / kind / f"{id.replace('/', '--')}.{key[:20]}"

    def keep(self, place: Path, text: str) -> None:
        """Write a result, and remove what was computed for it from older sources."""
        write_atomically(place, text)
        for old in place.parent.glob(f"{place.name.partition('.')[0]}.*"):
            if old != place:
                old.unlink(missing_ok=True)


def _compute(kind: str, ids: list[str], most: int) -> Iterable[tuple[str, str]]:
    if len(ids) <= FEW:
        yield from ((id, compute(kind, id, most)) for id in ids)
        return
    workers = min(os.cpu_count() or 1, len(ids))
    fresh = multiprocessing.get_context("spawn")  # torch's threads do not survive a fork
    with ProcessPoolExecutor(workers, mp_context=fresh) as pool:
        work = functools.partial(compute, kind, most=most)
        yield from zip(ids, pool.map(work, ids), strict=True)


def compute(kind: str, id: str, most: int) -> str:
    """Return one result: the frames of a demo, or what a question measures."""
    from gradcourse.site import knob_grid, quiz

    return knob_grid.script(id, most) if kind == "knob_grid" else quiz.truth(id)


def _common_files() -> list[Path]:
    folders = [
        path for path in sorted(PACKAGE.iterdir()) if path.is_dir() and path.name not in UNRELATED
    ]
    everywhere = [folder for folder in folders if folder.name not in TOPICAL]
    return [path for folder in everywhere for path in sorted(folder.rglob("*.py"))]


def _topical_files(folder: str) -> list[Path]:
    return [
        path
        for where in TOPICAL
        for path in [
            PACKAGE / where / f"{folder}.py",
            *sorted((PACKAGE / where / folder).glob("*.py")),
        ]
        if path.exists()
    ]


def _digest(paths: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    for name in VERSIONS:
        digest.update(f"{name}=={importlib.metadata.version(name)}\n".encode())
    for path in paths:
        digest.update(path.relative_to(PACKAGE).as_posix().encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()
