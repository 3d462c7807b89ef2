"""Names that a package loads when they are first used (PEP 562)."""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Callable
from typing import Any

_IMPORT = re.compile(r"^    from (\S+) import (\w+) as \2$", re.MULTILINE)


def on_first_use(package: str) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Return the ``__getattr__`` and the ``__dir__`` of a package.

    Its lazy names are those that its file imports for type checkers, which thereby see the same
    ones, each on a line of its own; ``as`` says that the name is public::

        if TYPE_CHECKING:
            from gradcourse.nets import mlp as mlp

    Parameters
    ----------
    package : str
        ``__name__`` of the package that calls.
    """
    module = sys.modules[package]
    with open(str(module.__file__), encoding="utf-8") as source:
        homes = {name: home for home, name in _IMPORT.findall(source.read())}
    names = sorted({*homes, *getattr(module, "__all__", ())})

    def load(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"{package} has no name {name!r}; it has: {', '.join(names)}")
        if homes[name] == package:
            return importlib.import_module(f"{package}.{name}")
        value = getattr(importlib.import_module(homes[name]), name)
        setattr(module, name, value)
        return value

    return load, lambda: names
