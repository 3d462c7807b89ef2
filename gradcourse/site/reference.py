"""The reference of every public name, a page for each floor, read from the docstrings."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Iterable, Mapping
from typing import Any

gc: Any = importlib.import_module("gradcourse")
"""The package as a notebook has it. An import statement would lead up to the highest floor."""

FLOORS = {
    "exercises": "Questions and their panels",
    "demos": "Live figures",
    "instrument": "The instrument",
    "diagnosis": "Diagnosis",
    "figures": "Figures",
    "training": "Training",
    "nets": "Networks",
    "data": "Data",
    "theory": "Closed forms",
    "integrations": "Other training loops",
    "emergency": "The emergency room",
    "ledger": "Claims on trial",
    "health": "The machine",
    "support": "Errors and spreads",
}
"""From a folder of the package to what its page is called, in this order."""


def grouped() -> dict[str, list[str]]:
    """Return the public names by the floor on which they live; every name is in one."""
    groups: dict[str, list[str]] = {floor: [] for floor in FLOORS}
    for name in gc.__all__:
        thing = getattr(gc, name)
        if inspect.ismodule(thing):
            floor = thing.__name__.split(".")[1]
            groups.setdefault(floor, []).extend(f"{name}.{inner}" for inner in _public(thing))
        else:
            groups.setdefault(_floor(thing), []).append(name)
    return {floor: _sorted(set(names)) for floor, names in groups.items() if names}


def _public(module: Any) -> list[str]:
    """The names of a module that are not also names of the package."""
    return [name for name in module.__all__ if name not in gc.__all__]


def _floor(thing: Any) -> str:
    return str(thing.__module__).split(".")[1]


def _sorted(names: Iterable[str]) -> list[str]:
    return sorted(names, key=lambda name: (name.count("."), name.lower()))


def pages(groups: Mapping[str, Iterable[str]]) -> dict[str, str]:
    """Return the pages in reStructuredText, by their names in ``api/``."""
    made = {
        floor: _page(FLOORS.get(floor, floor.capitalize()), names)
        for floor, names in groups.items()
    }
    listed = "\n".join(f"   {floor}" for floor in made)
    everything = " · ".join(
        f":py:obj:`~gradcourse.{name}`" for names in groups.values() for name in names
    )
    title = "Reference"
    made["index"] = (
        f"{title}\n{'=' * len(title)}\n\nEvery public name. All are used as ``gc.NAME`` after "
        "``import gradcourse as gc``.\n\n.. toctree::\n   :maxdepth: 1\n\n"
        f"{listed}\n\n{everything}\n"
    )
    return made


def _page(title: str, names: Iterable[str]) -> str:
    return "\n".join([title, "=" * len(title), "", *(_entry(name) for name in names)])


def _entry(name: str) -> str:
    thing = gc
    for part in name.split("."):
        thing = getattr(thing, part)
    if inspect.isclass(thing):
        # Of a named tuple's fields the docstring tells; autodoc would list them once more.
        fields = ", ".join(getattr(thing, "_fields", ()))
        but = f"   :exclude-members: {fields}\n" if fields else ""
        return f".. autoclass:: gradcourse.{name}\n   :members:\n{but}"
    if callable(thing):
        return f".. autofunction:: gradcourse.{name}\n"
    return f".. autodata:: gradcourse.{name}\n"


def plain_bars(lines: list[str]) -> None:
    """Escape, in place, absolute values: ``|r|`` in a docstring is no substitution."""
    lines[:] = [re.sub(r"(?<![`\\])\|(?![`_])", r"\\|", line) for line in lines]
