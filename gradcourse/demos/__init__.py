"""The demos of the course, found by name: one file per lesson, loaded when first asked for."""

from __future__ import annotations

import difflib
import importlib
from functools import cache

from gradcourse.figures.demo import Demo
from gradcourse.support import GradcourseError

_FILES = {
    "start": "start",
    "chain": "chain_rule",
    "saturation": "saturation",
    "recurrent": "recurrent",
    "relu": "relu",
    "init": "initialization",
    "batch-norm": "batch_norm",
    "residual": "residual",
    "lstm": "lstm",
    "clipping": "clipping",
}
"""From the first word of a demo's id to the module that defines it."""


def demo(name: str) -> Demo:
    """Return a demo by its id, for example ``demo("chain/scalar-product")``.

    Raises
    ------
    GradcourseError
        If there is no such demo; the message offers the nearest ids.
    """
    known = _known(str(name).partition("/")[0])
    if name in known:
        return known[name]
    every = [one.id for one in all_demos()]
    near = difflib.get_close_matches(str(name), every, n=3) or every[:3]
    raise GradcourseError(
        f"There is no demo {name!r}. Did you mean {' or '.join(repr(one) for one in near)}?"
    )


def all_demos() -> tuple[Demo, ...]:
    """Return every demo of the course, in the order of the lessons."""
    return tuple(one for group in _FILES for one in _known(group).values())


@cache
def _known(group: str) -> dict[str, Demo]:
    if group not in _FILES:
        return {}
    module = importlib.import_module(f"gradcourse.demos.{_FILES[group]}")
    return {one.id: one for one in module.DEMOS}
