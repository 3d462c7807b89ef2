"""Figures as data, drawn by matplotlib for the page and by one small widget for the hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gradcourse.figures.demo import Demo, Knob
from gradcourse.figures.line import Axis, Band, Line, with_theory
from gradcourse.figures.of_a_record.depth import depth_plot
from gradcourse.figures.of_a_record.histograms import histogram_picture, ridge_plot
from gradcourse.figures.of_a_record.lag import lag_plot
from gradcourse.figures.of_a_record.saturated_units import saturation_plot
from gradcourse.figures.of_a_record.spectrum import spectrum_plot
from gradcourse.figures.of_a_record.updates import update_plot
from gradcourse.figures.plot import Picture, Plot, SideBySide, side_by_side
from gradcourse.lazy import on_first_use

if TYPE_CHECKING:
    from gradcourse.figures.live import LivePlot as LivePlot

__all__ = [
    "Axis",
    "Band",
    "Demo",
    "Knob",
    "Line",
    "LivePlot",
    "Picture",
    "Plot",
    "SideBySide",
    "depth_plot",
    "histogram_picture",
    "lag_plot",
    "ridge_plot",
    "saturation_plot",
    "side_by_side",
    "spectrum_plot",
    "update_plot",
    "with_theory",
]

# The widget brings ipywidgets with it, which a script that draws to a file does without.
__getattr__, __dir__ = on_first_use(__name__)
