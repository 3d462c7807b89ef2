"""A working copy of a small course."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from pages import small_course

from gradcourse.workcopy import WorkingCopy


@pytest.fixture
def copy(tmp_path: Path) -> WorkingCopy:
    """Laid, and untouched."""
    laid = WorkingCopy(tmp_path / "mine", small_course(tmp_path / "course"))
    laid.lay()
    return laid
