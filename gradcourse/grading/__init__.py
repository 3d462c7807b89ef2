"""Grade a class: honest marks from notebooks that nobody has to trust.

The names below are loaded when they are first used, because the sandboxed process imports this
package, too, and must not load what grades it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gradcourse.lazy import on_first_use

if TYPE_CHECKING:
    from gradcourse.grading.one.grade import grade_one as grade_one
    from gradcourse.grading.sandbox.budget import Limits as Limits

__all__ = ["Limits", "grade_one"]

__getattr__, __dir__ = on_first_use(__name__)
