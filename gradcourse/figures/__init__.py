"""Figures as data, drawn by matplotlib for the page and by one small widget for the hand."""

from __future__ import annotations

from gradcourse.figures.demo import Demo, Knob
from gradcourse.figures.plot import Axis, Band, Line, Picture, Plot, SideBySide, side_by_side

__all__ = [
    "Axis",
    "Band",
    "Demo",
    "Knob",
    "Line",
    "Picture",
    "Plot",
    "SideBySide",
    "side_by_side",
]
