"""What of the course is silent while a submission is graded."""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import Any

SILENT = ("bet", "check", "intuition", "panel", "progress", "score")
"""What the course shows of questions: while a notebook is graded there is nobody to see it."""

FORBIDDEN = "gradcourse.exercises"


class _Refuser(importlib.abc.MetaPathFinder):
    """Finds no exercises."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname == FORBIDDEN or fullname.startswith(FORBIDDEN + "."):
            raise ImportError(f"{FORBIDDEN} cannot be used while a notebook is graded")
        return None


def nothing(*_: Any, **__: Any) -> None:
    """Stand in for a panel or a score, which have nobody to show themselves to."""


def install() -> None:
    """Silence the panels and refuse the exercises."""
    package = sys.modules["gradcourse"]
    for name in SILENT:
        setattr(package, name, nothing)
    sys.meta_path.insert(0, _Refuser())
