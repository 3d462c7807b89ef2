"""What every floor may use: the error, near names, the shell, files written whole or not at all."""

from __future__ import annotations

import difflib
import math
import os
import statistics
import sys
import tempfile
from collections.abc import Iterable
from numbers import Integral
from pathlib import Path
from typing import Any


class GradcourseError(Exception):
    """Bad input, said in one line: what was given, what was expected, what to do."""


def nearest(name: object, known: Iterable[str], most: int = 3, likeness: float = 0.6) -> list[str]:
    """Return the known names that are most like another one, the nearest first; it may be none.

    Examples
    --------
    >>> nearest("gamma", ["alpha", "gain", "gammas"])
    ['gammas']
    """
    return difflib.get_close_matches(str(name), list(known), n=most, cutoff=likeness)


def running_shell() -> Any:
    """Return IPython's shell where the code runs in one, as in a notebook; else None."""
    module = sys.modules.get("IPython.core.getipython")
    return module.get_ipython() if module is not None else None


def has_kernel() -> bool:
    """Whether this is a notebook's kernel; a terminal or a script shows no widgets."""
    return hasattr(running_shell(), "kernel")


_WIDGETS = "GRADCOURSE_WIDGETS"
"""The environment variable that is "off" where a front end shows none."""


def has_widgets() -> bool:
    """Whether widgets are shown: in a notebook, unless its front end has none."""
    return has_kernel() and os.environ.get(_WIDGETS) != "off"


def without_widgets() -> None:
    """From now on figures are pictures, and panels are text."""
    os.environ[_WIDGETS] = "off"


def check_integers(minimum: int, **numbers: object) -> None:
    """Refuse a number that is no integer, or below the minimum; its name says which.

    Raises
    ------
    GradcourseError
        For the first of them.
    """
    for name, value in numbers.items():
        if not isinstance(value, Integral) or isinstance(value, bool) or value < minimum:
            raise GradcourseError(f"{name} is {value!r}; it must be an integer, {minimum} or more.")


def spread(values: Iterable[float], form: str = ".2f") -> str:
    """Return several measurements of one quantity as a lesson prints them: median and range.

    Parameters
    ----------
    values : iterable of float
        One for each seed, two at least.
    form : str
        How each number is written, as a format specification.

    Returns
    -------
    str
        "median 0.93, 0.89 to 0.96".

    Raises
    ------
    GradcourseError
        If there are fewer than two, one is not finite, or they are True and False: a count hides
        how near each of them was.

    Examples
    --------
    >>> spread([0.91, 0.89, 0.96])
    'median 0.91, 0.89 to 0.96'
    """
    measured = list(values)
    if len(measured) < 2:
        raise GradcourseError(f"a spread takes two measurements at least; there are {measured!r}")
    if any(str(value) in ("True", "False") for value in measured):
        raise GradcourseError("a spread takes what was measured, not True and False")
    numbers = [float(value) for value in measured]
    if not all(map(math.isfinite, numbers)):
        raise GradcourseError(f"a spread takes finite numbers; there are {numbers!r}")
    middle, low, high = statistics.median(numbers), min(numbers), max(numbers)
    return f"median {middle:{form}}, {low:{form}} to {high:{form}}"


def write_atomically(path: Path | str, content: bytes | str) -> None:
    """Write a file so that a reader sees the old content or the new, never a part.

    Parameters
    ----------
    path : Path or str
        The file to write. Its folder is made if it is missing.
    content : bytes or str
        What to write; a string is encoded as UTF-8.

    Raises
    ------
    OSError
        If the folder cannot be written; the old file is then untouched.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    data = content.encode("utf-8") if isinstance(content, str) else content
    descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        os.chmod(temporary, path.stat().st_mode & 0o777 if path.exists() else 0o644)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
