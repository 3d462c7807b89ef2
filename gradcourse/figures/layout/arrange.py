"""From a figure, or the frames of one, to a Layout."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from gradcourse.figures.layout.elements import Cells, Layout, Series, Zone
from gradcourse.figures.layout.labels import alike, annotate
from gradcourse.figures.layout.scale import (
    Array,
    Scale,
    cell_scale,
    color_scale,
    edges,
    settle,
    x_scale,
    y_scale,
)
from gradcourse.figures.line import Axis, Line
from gradcourse.figures.plot import Picture, Plot
from gradcourse.figures.style import BROAD, CELL_EDGE, HALO, ON_CELLS, STROKES, hue


def arrange(figure: Plot | Picture) -> Layout:
    """Work out scales, ticks, markers and the order of painting for one figure."""
    return arrange_all([figure])[0]


def arrange_all(figures: Sequence[Plot | Picture]) -> list[Layout]:
    """Arrange frames of one demo on the same axes, so that nothing jumps between them."""
    pictures = [figure for figure in figures if isinstance(figure, Picture)]
    if pictures:
        return _pictures(pictures)
    plots = [figure for figure in figures if isinstance(figure, Plot)]
    return alike([annotate(layout) for layout in _plots(plots)])


def _plots(plots: Sequence[Plot]) -> list[Layout]:
    series = [_series(plot) for plot in plots]
    zones = [_zones(plot) for plot in plots]
    everything = [one for frame in series for one in frame]
    edges = [edge for frame in zones for zone in frame for edge in (zone.low, zone.high)]
    x = x_scale(plots[0].x, np.concatenate([one.x for one in everything]))
    y = y_scale(plots[0].y, np.concatenate([one.y for one in everything]), edges)
    return [
        Layout(
            x=replace(x, label=plot.x.label),
            y=replace(y, label=plot.y.label),
            series=lines,
            zones=_inside(bands, y),
            order=tuple(dict.fromkeys(line.label for line in plot.lines if line.label)),
        )
        for plot, lines, bands in zip(plots, series, zones, strict=True)
    ]


def _pictures(pictures: Sequence[Picture]) -> list[Layout]:
    first = pictures[0]
    values = [_position(np.asarray(picture.values)) for picture in pictures]
    x = cell_scale(first.x, [np.asarray(picture.columns) for picture in pictures])
    y = cell_scale(first.y, [np.asarray(picture.rows) for picture in pictures])
    bar = Axis(first.color_label, limits=first.color_limits)
    color = color_scale(bar, np.concatenate([table.ravel() for table in values]))
    return [
        Layout(
            x=replace(x, label=picture.x.label),
            y=replace(y, label=picture.y.label),
            series=tuple(_on_cells(line) for line in picture.lines),
            zones=(),
            order=tuple(line.label for line in picture.lines),
            cells=Cells(
                table,
                edges(np.asarray(picture.columns)),
                edges(np.asarray(picture.rows)),
                replace(color, label=picture.color_label),
                picture.signed,
            ),
        )
        for picture, table in zip(pictures, values, strict=True)
    ]


def _on_cells(line: Line) -> Series:
    """White alone is lost on yellow: on cells a line has a dark edge."""
    return Series(
        x=_position(np.asarray(line.x)),
        y=_position(np.asarray(line.y)),
        label=line.label,
        role=line.role,
        hue=ON_CELLS,
        stroke=STROKES[line.role],
        width=STROKES[line.role].width,
        marks=(),
        direct=False,
        halo=1.0,
        edge=CELL_EDGE,
    )


def _inside(zones: Iterable[Zone], y: Scale) -> tuple[Zone, ...]:
    """Cut the bands at the ends of the axis; drop those that lie outside."""
    return tuple(
        replace(zone, low=max(zone.low, y.low), high=min(zone.high, y.high))
        for zone in zones
        if zone.high > y.low and zone.low < y.high
    )


def steady(layout: Layout, previous: Layout | None) -> Layout:
    """Keep the axes of the previous frame while the new one fits and fills half of them.

    An axis that follows every move of a knob hides the very change that the knob makes.
    """
    if previous is None:
        return layout
    kept = replace(layout, x=settle(layout.x, previous.x), y=settle(layout.y, previous.y))
    if layout.cells and previous.cells:
        color = settle(layout.cells.color, previous.cells.color)
        kept = replace(kept, cells=replace(layout.cells, color=color))
    return alike([previous, annotate(kept)])[1]


def _series(plot: Plot) -> tuple[Series, ...]:
    lines = [_one(line, plot) for line in plot.lines]
    return tuple(sorted(lines, key=lambda one: one.stroke.order))


def _one(line: Line, plot: Plot) -> Series:
    x = _position(np.asarray(line.x), plot.x.scale == "log")
    y = _position(np.asarray(line.y), plot.y.scale == "log")
    straight = bool(np.ptp(line.y) == 0 or np.ptp(line.x) == 0)
    return Series(
        x=x,
        y=y,
        label=line.label,
        role=line.role,
        hue=hue("grey") if line.role == "reference" else hue(line.color),
        stroke=STROKES[line.role],
        width=BROAD if _predicted(line, plot) else STROKES[line.role].width,
        marks=_marks(x, y, sum(other.role == "measured" for other in plot.lines))
        if line.role == "measured"
        else (),
        direct=line.role == "reference" and straight,
        halo=HALO if line.role == "theory" else 0.0,
    )


def _predicted(line: Line, plot: Plot) -> bool:
    return line.role == "measured" and any(
        other.role == "theory" and other.color == line.color for other in plot.lines
    )


def _position(values: Array, log: bool = False) -> Array:
    values = np.where(np.isfinite(values), values, np.nan)
    if not log:
        return values
    with np.errstate(divide="ignore"):
        return np.asarray(np.log10(values))


def _marks(x: Array, y: Array, measured: int) -> tuple[int, ...]:
    """Mark all of a few points, a handful of many; always a point without neighbours."""
    shown = np.flatnonzero(~np.isnan(x) & ~np.isnan(y))
    if len(shown) <= 12:
        return tuple(int(i) for i in shown)
    chosen = set()
    if measured > 1:
        chosen = {int(i) for i in shown[np.linspace(0, len(shown) - 1, 8).round().astype(int)]}
    present = {int(i) for i in shown}
    chosen |= {i for i in present if i - 1 not in present and i + 1 not in present}
    return tuple(sorted(chosen))


def _zones(plot: Plot) -> tuple[Zone, ...]:
    if plot.y.scale == "linear":
        return tuple(Zone(band.low, band.high, band.label) for band in plot.bands)
    return tuple(
        Zone(math.log10(band.low) if band.low > 0 else -math.inf, math.log10(band.high), band.label)
        for band in plot.bands
    )
