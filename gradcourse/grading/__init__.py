"""Grade a class: honest marks from notebooks that nobody has to trust.

The names below are loaded when they are first used, because the sandboxed process imports this
package, too, and must not load what grades it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gradcourse.grading.one.grade import grade_one
    from gradcourse.grading.sandbox.budget import Limits

__all__ = ["Limits", "grade_one"]


def __getattr__(name: str) -> Any:
    if name == "Limits":
        from gradcourse.grading.sandbox.budget import Limits

        return Limits
    if name == "grade_one":
        from gradcourse.grading.one.grade import grade_one

        return grade_one
    raise AttributeError(f"gradcourse.grading has no name {name!r}")
