"""Builds what changed: parse, draft, run, clean, write; two notebooks at a time."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from nbformat import NotebookNode

from gradcourse.address import repository_of, web_address
from gradcourse.authoring.cache import (
    read_cache,
    source_digest,
    surroundings_digest,
    write_cache,
)
from gradcourse.authoring.kept import difference, holds_answers, orphans
from gradcourse.authoring.notebook import Draft, Registry, course_registry, drafts
from gradcourse.authoring.shape import minutes
from gradcourse.authoring.source import parse_source
from gradcourse.checking.show import count
from gradcourse.support import GradcourseError, write_atomically

AT_ONCE = 2

Say = Callable[[str], None]


@dataclass(frozen=True)
class BuildReport:
    """What a build did.

    Attributes
    ----------
    built : tuple of str
        Notebooks written, relative to the course.
    up_to_date : tuple of str
        Sources that needed nothing.
    removed : tuple of str
        Generated notebooks that were deleted because their source is gone.
    failures : tuple of str
        One line for each source that could not be built; its old notebooks are untouched.
    """

    built: tuple[str, ...] = ()
    up_to_date: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    failures: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether nothing failed."""
        return not self.failures

    def __str__(self) -> str:
        unchanged = count(len(self.up_to_date), "source")
        parts = [f"{count(len(self.built), 'notebook')} built", f"{unchanged} unchanged"]
        if self.removed:
            parts.append(f"{len(self.removed)} removed")
        if self.failures:
            parts.append(f"{len(self.failures)} failed")
        return ", ".join(parts)


def sources(root: Path) -> tuple[Path, ...]:
    """Return every source of the course, lessons first."""
    return tuple(
        path
        for folder in ("lessons", "exercises")
        for path in sorted((root / "source" / folder).glob("*.py"))
    )


def expected(root: Path, path: Path, registry: Registry | None = None) -> tuple[Draft, ...]:
    """Return what a source becomes, before it runs.

    Parameters
    ----------
    root : Path
        The course's folder.
    path : Path
        The source below it.
    registry : Registry, optional
        Where exercises are looked up; the course's own by default.
    """
    address = web_address(repository_of(root), "repository")
    return drafts(parse_source(root, path), registry or course_registry(), address)


def expected_cells(
    root: Path, path: Path, registry: Registry | None = None
) -> dict[str, list[NotebookNode]]:
    """Return, for each notebook that a source becomes, its cells before they run."""
    return {draft.path: draft.node.cells for draft in expected(root, path, registry)}


def build(
    root: Path,
    only: Sequence[str] = (),
    everything: bool = False,
    registry: Registry | None = None,
    say: Say | None = None,
) -> BuildReport:
    """Bring the notebooks up to date with their sources.

    Parameters
    ----------
    root : Path
        The course's folder.
    only : sequence of str
        Numbers, names or paths of notebooks or sources; empty means all.
    everything : bool
        Build what has not changed, too.
    registry : Registry, optional
        Where exercises are looked up; the course's own by default.
    say : callable, optional
        Gets one line for each notebook as it is done.

    Returns
    -------
    BuildReport
        A source that fails is listed there, and the others are still built.

    Raises
    ------
    GradcourseError
        If a name in ``only`` fits no source.
    """
    root = root.resolve()
    say = say or (lambda _line: None)
    chosen = select(root, only)
    surroundings = surroundings_digest(root)
    digests = {_key(root, path): source_digest(path, surroundings) for path in chosen}
    cache = read_cache(root)
    waiting, up_to_date, failures = [], [], []
    for path in chosen:
        key = _key(root, path)
        try:
            planned = expected(root, path, registry)
        except GradcourseError as error:
            failures.append(str(error))
            continue
        differs = any(difference(root, draft) for draft in planned)
        if everything or differs or cache.get(key, digests[key]) != digests[key]:
            waiting.append((key, planned))
        else:
            up_to_date.append(key)
            cache[key] = digests[key]
    for line in failures:
        say(f"✗ {line}")
    removed = [] if only else _remove_orphans(root, say)
    built: list[str] = []
    for key, result in asyncio.run(_build_all(root, waiting, say)):
        if isinstance(result, GradcourseError):
            failures.append(str(result))
            cache.pop(key, None)
        else:
            built += result
            cache[key] = digests[key]
    known = {_key(root, path) for path in sources(root)}
    write_cache(root, {key: value for key, value in cache.items() if key in known})
    return BuildReport(tuple(built), tuple(up_to_date), tuple(removed), tuple(failures))


def out_of_date(
    root: Path, only: Sequence[str] = (), registry: Registry | None = None
) -> tuple[str, ...]:
    """Return one line for each notebook that differs from its source; nothing is run or written."""
    root = root.resolve()
    lines = []
    for path in select(root, only):
        try:
            planned = expected(root, path, registry)
        except GradcourseError as error:
            lines.append(str(error))
            continue
        lines += [line for draft in planned if (line := difference(root, draft))]
    if not only:
        lines += [f"{_key(root, path)}: its source is gone" for path in orphans(root)]
    return tuple(lines)


def run_build_command(
    root: Path, only: Sequence[str] = (), everything: bool = False, check: bool = False
) -> int:
    """Run ``gradcourse build`` and return its exit code: 1 when something is not right."""
    if check:
        lines = out_of_date(root, only)
        for line in lines:
            print(line, file=sys.stderr)
        if not lines:
            print("every notebook equals its source")
        return int(bool(lines))

    def say(line: str) -> None:
        print(line, file=sys.stderr if line.startswith("✗") else sys.stdout, flush=True)

    report = build(root, only, everything, say=say)
    print(report)
    return 0 if report.ok else 1


def select(root: Path, only: Sequence[str]) -> tuple[Path, ...]:
    """Return the sources that numbers, names or paths mean; all of them for none."""
    available = sources(root)
    if not only:
        return available
    chosen: list[Path] = []
    for word in only:
        fitting = [path for path in available if _means(word, path)]
        if not fitting:
            names = ", ".join(dict.fromkeys(path.stem for path in available)) or "none at all"
            raise GradcourseError(f"no source fits {word!r}; give a number or one of: {names}")
        chosen += [path for path in fitting if path not in chosen]
    return tuple(chosen)


def _means(word: str, source: Path) -> bool:
    given = Path(word)
    folder = {"solutions": "exercises"}.get(given.parent.name, given.parent.name)
    if folder and folder != source.parent.name:
        return False
    stem = given.stem if given.suffix in (".py", ".ipynb") else given.name
    return source.stem == stem or source.stem.startswith(f"{stem}_")


def _key(root: Path, path: Path) -> str:
    return path.relative_to(root).as_posix()


async def _build_all(
    root: Path, waiting: list[tuple[str, tuple[Draft, ...]]], say: Say
) -> list[tuple[str, list[str] | GradcourseError]]:
    free = asyncio.Semaphore(AT_ONCE)

    async def one(key: str, planned: tuple[Draft, ...]) -> tuple[str, list[str] | GradcourseError]:
        try:
            return key, await _build_source(root, planned, free, say)
        except GradcourseError as error:
            say(f"✗ {error}")
            return key, error

    return list(await asyncio.gather(*(one(key, planned) for key, planned in waiting)))


async def _build_source(
    root: Path, planned: tuple[Draft, ...], free: asyncio.Semaphore, say: Say
) -> list[str]:
    for draft in planned:
        if holds_answers(root / draft.path):
            raise GradcourseError(
                f"{draft.path}: somebody has answered in this notebook, and building would "
                "overwrite it; move it away, or bring back the stored one (git restore)"
            )
    results = await asyncio.gather(
        *(_stored(root, draft, free, say) for draft in planned), return_exceptions=True
    )
    for result in results:
        if isinstance(result, BaseException):
            raise result
    _write_together(
        {root / draft.path: str(text) for draft, text in zip(planned, results, strict=True)}
    )
    return [draft.path for draft in planned]


async def _stored(root: Path, draft: Draft, free: asyncio.Semaphore, say: Say) -> str:
    try:
        from gradcourse.authoring.execute import execute
    except ImportError as error:
        raise GradcourseError(
            f"{draft.path}: running notebooks needs {error.name}: pip install --editable '.[dev]'"
        ) from error
    from gradcourse.authoring.outputs import figures_size, store

    async with free:
        started = time.monotonic()
        text = store(root, draft, await execute(root, draft))
        seconds = time.monotonic() - started
    size, figures = len(text.encode()), figures_size(text)
    reading = f"  {minutes(draft.cells)}" if draft.path.startswith("lessons/") else ""
    say(
        f"✓ {draft.path}  {seconds:.0f} s  {size / 1000:.0f} kB, {figures / 1000:.0f} of it "
        f"figures{reading}"
    )
    return text


def _write_together(files: dict[Path, str]) -> None:
    """Write all files; if one cannot be written, put the ones before it back as they were."""
    before = {path: path.read_bytes() if path.is_file() else None for path in files}
    written: list[Path] = []
    try:
        for path, text in files.items():
            write_atomically(path, text)
            written.append(path)
    except BaseException:
        for path in written:
            old = before[path]
            if old is None:
                path.unlink()
            else:
                write_atomically(path, old)
        raise


def _remove_orphans(root: Path, say: Say) -> list[str]:
    removed = []
    for path in orphans(root):
        path.unlink()
        removed.append(_key(root, path))
        say(f"− {removed[-1]}: its source is gone, removed")
    return removed
