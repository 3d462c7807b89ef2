"""In Colab: the course is brought beside what is there, and shows widgets or else pictures.

Colab has a torch and a numpy of its own, which fit its processors and its drivers: they stay.
"""

from __future__ import annotations

from gradcourse.support import without_widgets

BROUGHT = ("anywidget", "psygnal")
"""Packages that the course needs and Colab lacks (as of 2026; not tried there)."""

_CELL = """\
# In Colab this brings the course; anywhere else it does nothing.
import subprocess
import sys

if "google.colab" in sys.modules:
    course = "gradcourse @ git+{address}"
    words = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", course, {brought}]
    subprocess.run(words, check=True)
    from gradcourse import colab

    colab.begin()"""


def first_cell(address: str) -> str:
    """Return the cell that a notebook begins with, so that it runs in Colab.

    Parameters
    ----------
    address : str
        Of the repository.
    """
    return _CELL.format(address=address, brought=", ".join(f'"{name}"' for name in BROUGHT))


def begin() -> None:
    """Ask Colab for widgets of other packages; where it has none, figures are pictures."""
    try:
        from google.colab import output

        output.enable_custom_widget_manager()
    except Exception as problem:  # whatever it is, the pictures need nothing
        without_widgets()
        print(
            f"Colab shows no widgets here ({type(problem).__name__}): figures are pictures, and a "
            "panel says its verdict when its cell is run."
        )
