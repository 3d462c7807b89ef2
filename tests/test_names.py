"""One name for each module, no circles, no crowded folders: read from the files, nothing is run."""

from __future__ import annotations

import ast
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

import networkx

PACKAGE = Path(__file__).parents[1] / "gradcourse"
TOPICS = ("demos", "drivers", "experiments")
"""Folders that are divided by lessons; so are those inside of exercises/."""

CROWDED = {
    ".": "the two ends: the command line, and what every floor uses, each a page long",
    "experiments": "a file for each lesson, and what they share",
    "demos": "a file for each lesson",
    "checking": "the engine, what it asks, how it compares and what it says, a file for each",
}
"""Folders that may hold more loose files, and why."""

CIRCLES = {
    "a demo shows itself, live": "figures.demo figures.live",
    "a figure shows itself": (
        "figures.draw figures.layout figures.layout.arrange figures.plot figures.themed "
        "figures.wire"
    ),
    "a record shows and saves itself": (
        "instrument.record instrument.record.record instrument.record.frame "
        "instrument.record.save instrument.record.tensorboard"
    ),
}
"""Modules that import each other in a circle, which an import inside of a function closes."""

MODULES = {
    ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted(PACKAGE.glob("*/**/*.py"))
} | {path.stem: path for path in sorted(PACKAGE.glob("[a-z]*.py"))}


def _topical(name: str) -> bool:
    first, *rest = name.split(".")
    return first in TOPICS or (first == "exercises" and (len(rest) > 1 or rest == ["start"]))


def test_no_two_modules_share_a_name() -> None:
    named = defaultdict(list)
    for name, path in MODULES.items():
        if path.stem not in ("__init__", "__main__") and not _topical(name):
            named[path.stem].append(name)
    twins = {stem: names for stem, names in named.items() if len(names) > 1}
    assert not twins


def test_no_folder_is_crowded() -> None:
    loose = Counter(
        path.parent.relative_to(PACKAGE).as_posix()
        for path in MODULES.values()
        if path.stem not in ("__init__", "__main__")
    )
    most = {folder: 10 if folder.startswith(("instrument", "grading")) else 12 for folder in loose}
    assert {folder for folder in loose if loose[folder] > most[folder]} == set(CROWDED)


def test_no_circle_closes_when_modules_are_loaded() -> None:
    assert _circles(lazily=False) == set()


def test_circles_are_those_in_which_a_thing_shows_itself() -> None:
    assert _circles(lazily=True) == {frozenset(names.split()) for names in CIRCLES.values()}


def _circles(lazily: bool) -> set[frozenset[str]]:
    graph = networkx.DiGraph()
    for name, path in MODULES.items():
        for target in _targets(ast.parse(path.read_text(encoding="utf-8")), lazily):
            graph.add_edge(name, target)
    groups = networkx.strongly_connected_components(graph)
    return {frozenset(group) for group in groups if len(group) > 1}


def _targets(tree: ast.AST, lazily: bool) -> Iterator[str]:
    """The modules that are imported with this one; ``lazily`` those inside of functions, too."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("gradcourse"):
            home = str(node.module).removeprefix("gradcourse").removeprefix(".")
            inside = [f"{home}.{alias.name}".removeprefix(".") for alias in node.names]
            yield from (name if name in MODULES else home for name in inside)
        elif isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING":
            continue
        elif lazily or not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield from _targets(node, lazily)
