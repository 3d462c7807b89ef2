"""The demos of the course, found by name: one file per lesson, loaded when first asked for."""

from __future__ import annotations

import importlib
from functools import cache

from gradcourse.figures.demo import Demo
from gradcourse.lessons import LESSONS, lesson_about
from gradcourse.support import GradcourseError, nearest


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
    near = nearest(name, every) or every[:3]
    raise GradcourseError(
        f"There is no demo {name!r}. Did you mean {' or '.join(repr(one) for one in near)}?"
    )


def all_demos() -> tuple[Demo, ...]:
    """Return every demo of the course, in the order of the lessons."""
    return tuple(one for row in LESSONS for one in _known(row.topic).values())


@cache
def _known(topic: str) -> dict[str, Demo]:
    row = lesson_about(topic)
    if row is None:
        return {}
    module = importlib.import_module(f"gradcourse.demos.{row.folder}")
    return {one.id: one for one in module.DEMOS}
