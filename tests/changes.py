"""What `make check` runs: the tests that belong to what has changed, as many as its time allows."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath

from gradcourse.lessons import LESSONS

ROOT = Path(__file__).parents[1]
NOTEBOOKS = ("lessons", "exercises", "solutions")
MAIN = ("origin/HEAD", "origin/main", "main", "master")


def changed_files(root: Path = ROOT) -> tuple[list[str], str]:
    """What differs from where this branch began, committed or not; and the words for it.

    On the main branch itself that is what is not committed; if all is, the last commit.
    """
    head = _git(root, "rev-parse", "HEAD").strip()
    bases = [_git(root, "merge-base", "HEAD", name).strip() for name in MAIN]
    base = next((found for found in bases if found), head)
    untracked = _names(_git(root, "ls-files", "-z", "--others", "--exclude-standard"))
    files = {*_names(_git(root, "diff", "-z", "--name-only", base)), *untracked}
    since = f"since {base[:8]}"
    if not files:
        files, since = {*_names(_git(root, "diff", "-z", "--name-only", "HEAD~1"))}, "last commit"
    return sorted(files), since


def _git(root: Path, *words: str) -> str:
    done = subprocess.run(["git", *words], cwd=root, capture_output=True, encoding="utf-8")
    return done.stdout if done.returncode == 0 else ""


def _names(listed: str) -> list[str]:
    return [name for name in listed.split("\0") if name]


def belonging(changed: Iterable[str], root: Path = ROOT) -> list[str]:
    """The test files and notebooks that belong to the changed files, the nearest first."""
    ranked: dict[str, int] = {}
    for name in changed:
        for rank, target in _tests_of_one(PurePosixPath(name), root):
            if (root / target).exists():
                ranked[target] = min(rank, ranked.get(target, rank))
    return sorted(ranked, key=lambda target: (ranked[target], target))


def _tests_of_one(path: PurePosixPath, root: Path) -> Iterator[tuple[int, str]]:
    top, *rest = path.parts
    if top == "tests" and path.suffix == ".py":
        if path.name.startswith("test_"):
            yield 0, str(path)
        elif len(rest) > 1:
            yield from ((1, test) for test in _tests_in(root, f"tests/{rest[0]}"))
    elif top == "gradcourse" and rest:
        yield 1, f"tests/test_{path.stem}.py"
        yield 2, "tests/test_import.py"
        words = {PurePosixPath(part).stem.strip("_") for part in rest[1:]}
        for test in _tests_in(root, f"tests/{rest[0]}"):
            yield (1 if any(word in test for word in words) else 2), test
        if rest[0] == "experiments":
            for lesson in (row for row in LESSONS if row.folder in words):
                yield 1, f"tests/lessons/test_lesson_{lesson.number}_claims.py"
    elif top == "source" and path.suffix == ".py":
        folders = ("lessons",) if rest[0] == "lessons" else ("exercises", "solutions")
        yield from ((0, f"{folder}/{path.stem}.ipynb") for folder in folders)
        yield 1, "tests/authoring/test_built.py"
        if rest[0] == "lessons":
            yield 1, f"tests/lessons/test_lesson_{path.stem[:2]}_claims.py"
    elif top in NOTEBOOKS and path.suffix == ".ipynb":
        yield 0, str(path)
        yield 1, "tests/authoring/test_built.py"
    elif path.suffix == ".md":
        yield 0, "tests/test_docs.py"
    elif str(path) == "setup.py":
        yield 0, "tests/workcopy/test_wheel.py"
    elif path.name in ("pyproject.toml", "constraints.txt", "environment.yml"):
        yield 0, "tests/test_environment.py"


def _tests_in(root: Path, folder: str) -> list[str]:
    found = (root / folder).rglob("test_*.py")
    return sorted(
        path.relative_to(root).as_posix() for path in found if "browser" not in path.parts
    )


def within(
    targets: Iterable[str], seconds: Mapping[str, float], budget: float
) -> tuple[list[str], list[str]]:
    """Take what fits into the budget, in order; and what is left out."""
    taken, left = [], []
    for target in targets:
        cost = seconds.get(target, 10.0)
        (taken if cost <= budget else left).append(target)
        budget -= cost if cost <= budget else 0.0
    return taken, left
