"""One name for each module, no circles, no crowded folders: read from the files, nothing is run."""

from __future__ import annotations

import ast
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "gradcourse"
TOPICS = ("demos", "drivers", "experiments")
"""Folders that are divided by lessons; so are the folders inside of exercises/."""

ALLOWED = {
    "code",
    "compare",
    "depth",
    "draw",
    "files",
    "finding",
    "limits",
    "notebook",
    "numbers",
    "outputs",
    "progress",
    "recurrent",
    "running",
    "steps",
    "style",
    "updates",
    "wire",
}
"""Names that two modules have all the same."""

CROWDED = {
    "checking": "the engine, what it asks, how it compares and what it says, a file for each",
    "grading": "",
    "grading/sandbox": "",
    "instrument": "",
    "instrument/postmortem": "",
}
"""Folders that may hold more loose files, and why."""

CIRCLES = {
    "a demo shows itself, live": {"gradcourse.figures.demo", "gradcourse.figures.live"},
    "a figure shows itself, drawn": {
        "gradcourse.figures.draw",
        "gradcourse.figures.layout",
        "gradcourse.figures.layout.arrange",
        "gradcourse.figures.plot",
    },
    "a record shows and saves itself": {
        "gradcourse.instrument.frame",
        "gradcourse.instrument.record",
        "gradcourse.instrument.record.record",
        "gradcourse.instrument.save",
        "gradcourse.instrument.tensorboard",
    },
    "a command runs a child that looks exercises up": {
        "gradcourse.exercises",
        "gradcourse.exercises.files",
        "gradcourse.exercises.run_notebook",
    },
}
"""Modules that import each other in a circle, which an import inside of a function closes."""


def _modules() -> dict[str, Path]:
    """Every module by its dotted name; a package is its ``__init__``."""
    modules = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        modules[".".join(part for part in parts if part != "__init__")] = path
    return modules


MODULES = _modules()


def _topical(path: Path) -> bool:
    first, *rest = path.relative_to(PACKAGE).parts
    return first in TOPICS or (first == "exercises" and (len(rest) > 1 or rest == ["start.py"]))


def test_no_two_modules_share_a_name() -> None:
    named = defaultdict(list)
    for module, path in MODULES.items():
        if path.stem not in ("__init__", "__main__") and not _topical(path):
            named[path.stem].append(module)
    twins = {name: modules for name, modules in named.items() if len(modules) > 1}
    print(*(f"{name}: {', '.join(modules)}" for name, modules in twins.items()), sep="\n")
    assert set(twins) == ALLOWED


def test_no_folder_is_crowded() -> None:
    loose = Counter(
        str(path.parent.relative_to(PACKAGE))
        for path in MODULES.values()
        if path.stem not in ("__init__", "__main__")
    )
    most = {folder: 10 if folder.startswith(("instrument", "grading")) else 12 for folder in loose}
    assert {folder for folder in loose if loose[folder] > most[folder]} == set(CROWDED)


def test_no_circle_is_closed_when_modules_are_loaded() -> None:
    assert _circles(_graph(lazily=False)) == []


def test_circles_are_those_in_which_a_thing_shows_itself() -> None:
    assert _circles(_graph(lazily=True)) == sorted(map(frozenset, CIRCLES.values()), key=sorted)


def _imports(tree: ast.AST, lazily: bool) -> Iterator[ast.Import | ast.ImportFrom]:
    """The imports that run with the module; ``lazily`` those inside of functions, too."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node
        elif isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING":
            continue
        elif lazily or not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield from _imports(node, lazily)


def _targets(node: ast.Import | ast.ImportFrom) -> Iterator[str]:
    for alias in node.names:
        module = alias.name if isinstance(node, ast.Import) else str(node.module)
        inside = f"{module}.{alias.name}"
        yield inside if inside in MODULES else module


def _graph(lazily: bool) -> dict[str, set[str]]:
    return {
        name: {
            target
            for node in _imports(ast.parse(path.read_text(encoding="utf-8")), lazily)
            for target in _targets(node)
            if target in MODULES and target != name
        }
        for name, path in MODULES.items()
    }


def _circles(graph: dict[str, set[str]]) -> list[frozenset[str]]:
    """The groups of modules that reach each other."""
    reach = {name: _reachable(name, graph) for name in graph}
    groups = {
        frozenset(other for other in reach[name] if name in reach[other]) | {name} for name in graph
    }
    return sorted((group for group in groups if len(group) > 1), key=sorted)


def _reachable(name: str, graph: dict[str, set[str]]) -> set[str]:
    seen: set[str] = set()
    waiting = [name]
    while waiting:
        for target in graph[waiting.pop()] - seen:
            seen.add(target)
            waiting.append(target)
    return seen
