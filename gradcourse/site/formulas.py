"""TeX to MathML Core, at build time: no script in the page, and a screen reader speaks it."""

from __future__ import annotations

import html
from functools import cache

from gradcourse.support import GradcourseError


@cache
def formula(tex: str, display: bool = False) -> str:
    """Return a formula as a ``<math>`` element with its TeX as alternative text.

    Parameters
    ----------
    tex : str
        Without the dollars.
    display : bool
        Whether it stands on a line of its own.

    Raises
    ------
    GradcourseError
        If it cannot be understood: the build shall fail, and not the page.
    """
    from math_core import LatexError, LatexToMathML

    source = tex.strip()
    try:
        element = LatexToMathML(fancy_error=False).convert_with_local_state(
            source, displaystyle=display
        )
    except LatexError as error:
        raise GradcourseError(f"the formula {source!r} cannot be set: {error}") from error
    return element.replace("<math", f'<math alttext="{html.escape(source)}"', 1)
