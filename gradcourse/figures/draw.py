"""Draw a figure with matplotlib. No pyplot: nothing global, and safe in any thread."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from gradcourse.figures import style
from gradcourse.figures.layout import Layout, Note, Scale, Series, arrange
from gradcourse.figures.style import THEMES, ThemeName

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from gradcourse.figures.plot import Picture, Plot

SIZE = (6.4, 4.0)
"""Inches. At 100 dots per inch this is the 640 pixels that a notebook's column shows."""


def draw(figure: Any, ax: Axes | None = None, theme: ThemeName = "light") -> Figure:
    """Draw a Plot or a Picture, on given axes or in a new Figure."""
    if ax is None:
        ax = new_figure(1, theme).axes[0]
    paint(figure, ax, theme)
    whole = ax.get_figure(root=True)
    assert whole is not None  # axes that were removed from their figure cannot be drawn on
    return whole


def draw_row(figures: Sequence[Plot | Picture]) -> Figure:
    """Draw two or three figures in one row of a new Figure."""
    row = new_figure(len(figures))
    for figure, ax in zip(figures, row.axes, strict=True):
        paint(figure, ax, "light")
    return row


def new_figure(columns: int = 1, theme: ThemeName = "light") -> Figure:
    """Return an empty Figure on the theme's background."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    width = SIZE[0] if columns == 1 else 5.2 * columns
    figure = Figure(figsize=(width, SIZE[1]), layout="constrained")
    FigureCanvasAgg(figure)
    figure.set_facecolor(THEMES[theme].background)
    figure.subplots(1, columns)
    return figure


def png(figure: Figure, dpi: float) -> bytes:
    """Encode without date or program name, so that equal figures are equal bytes."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=dpi, metadata={"Software": None})
    return buffer.getvalue()


def bundle(figure: Figure, alt: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what a notebook stores: a PNG with size and alternative text, and that text."""
    from gradcourse.figures.plot import DPI

    width, height = (round(inches * 100) for inches in figure.get_size_inches())
    data = {"image/png": png(figure, DPI), "text/plain": alt}
    return data, {"image/png": {"alt": alt, "width": width, "height": height}}


def paint(figure: Plot | Picture, ax: Axes, theme: ThemeName) -> list[Artist]:
    """Paint a Plot or Picture on axes; return the artists that carry its data."""
    from gradcourse.figures.plot import Plot

    _dress(figure.title, figure.x.label, figure.y.label, ax, theme)
    if isinstance(figure, Plot):
        return _paint_plot(arrange(figure), ax, theme)
    return _paint_picture(figure, ax, theme)


def _dress(title: str, x_label: str, y_label: str, ax: Axes, theme: ThemeName) -> None:
    colors = THEMES[theme]
    ax.set_facecolor(colors.background)
    for side, spine in ax.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set_color(colors.muted)
    ax.tick_params(colors=colors.muted, labelcolor=colors.text, labelsize=style.FONT_POINTS)
    ax.set_xlabel(x_label, color=colors.text, fontsize=style.FONT_POINTS)
    ax.set_ylabel(y_label, color=colors.text, fontsize=style.FONT_POINTS)
    ax.set_title(title, loc="left", color=colors.text, fontsize=style.TITLE_POINTS, wrap=True)


def _paint_plot(layout: Layout, ax: Axes, theme: ThemeName) -> list[Artist]:
    _scale(layout.x, ax, "x")
    _scale(layout.y, ax, "y")
    colors = THEMES[theme]
    ax.grid(color=colors.grid, linewidth=0.8)
    ax.set_axisbelow(True)
    for zone in layout.zones:
        low, high = (_value(edge, layout.y) for edge in (zone.low, zone.high))
        ax.axhspan(low, high, color=colors.band, alpha=style.BAND_OPACITY, linewidth=0, zorder=0.6)
        _note(zone.note, ax, theme)
    if layout.y.zero is not None:
        ax.axhline(_value(layout.y.low, layout.y), color=colors.muted, linewidth=0.8)
    artists = [artist for one in layout.series for artist in _line(one, layout, ax, theme)]
    _legend(layout, ax, theme)
    return artists


def _value(position: float, scale: Scale) -> float:
    return float(10.0**position) if scale.native else position


def _scale(scale: Scale, ax: Axes, which: str) -> None:
    from matplotlib.ticker import FixedFormatter, FixedLocator, NullLocator

    axis = getattr(ax, f"{which}axis")
    getattr(ax, f"set_{which}scale")("log" if scale.native else "linear")
    major = [tick for tick in scale.ticks if tick[1]]
    if scale.zero is not None:
        major = [(scale.zero, "0"), *major]
    axis.set_major_locator(FixedLocator([_value(at, scale) for at, _ in major]))
    axis.set_major_formatter(FixedFormatter([label for _, label in major]))
    minor = [_value(at, scale) for at, label in scale.ticks if not label]
    axis.set_minor_locator(FixedLocator(minor) if minor else NullLocator())
    axis.set_minor_formatter(FixedFormatter([""] * len(minor)))
    ends = _value(scale.bottom, scale), _value(scale.high, scale)
    getattr(ax, f"set_{which}lim")(*ends)


def _line(one: Series, layout: Layout, ax: Axes, theme: ThemeName) -> list[Artist]:
    x = 10.0**one.x if layout.x.native else one.x
    zero = np.isneginf(one.y)
    y = np.where(zero, np.nan, one.y)
    color, width = one.hue.on(theme), one.width
    dash = (0, tuple(part / width for part in one.stroke.dash)) if one.stroke.dash else "-"
    (line,) = ax.plot(
        x,
        10.0**y if layout.y.native else y,
        color=color,
        linewidth=width,
        linestyle=dash,
        dash_capstyle="butt",
        marker=one.hue.marker.code if one.marks else None,
        markevery=list(one.marks) or None,
        markersize=6,
        markeredgewidth=0,
        label=one.label,
        zorder=2 + one.stroke.order,
    )
    artists: list[Artist] = [line]
    if one.marks and one.width > one.stroke.width:  # the theory must not cut through the markers
        line.set_markersize(9)
        xs, ys = line.get_data()
        marks = list(one.marks)
        top = ax.plot(np.asarray(xs)[marks], np.asarray(ys)[marks], one.hue.marker.code)
        top[0].set(color=color, markersize=9, markeredgewidth=0, zorder=5.5)
        artists += top
    if one.role == "theory":
        line.set_path_effects(_halo(THEMES[theme].background, width + 2 * style.HALO))
    foot = layout.foot(one)
    if foot is not None:
        heights = np.full(int(zero.sum()), _value(foot, layout.y))
        artists += ax.plot(x[zero], heights, one.hue.marker.code, color=color, markersize=4)
    if one.note is not None:
        _note(one.note, ax, theme)
    return artists


def _halo(color: str, width: float, alpha: float = 1.0) -> list[Any]:
    """Paint something once broader, below itself: it then stands out from what it crosses."""
    from matplotlib.patheffects import Normal, Stroke

    return [Stroke(linewidth=width, foreground=color, alpha=alpha), Normal()]


def _note(note: Note, ax: Axes, theme: ThemeName) -> None:
    """Write a label inside the axes, at the place that the layout found free of lines."""
    ax.text(
        note.across,
        note.up,
        note.text,
        transform=ax.transAxes,
        ha=note.anchor,
        va="center",
        color=THEMES[theme].muted,
        fontsize=style.FONT_POINTS,
        path_effects=_halo(THEMES[theme].background, 2.25, 0.75),
        zorder=6,
    )


def _legend(layout: Layout, ax: Axes, theme: ThemeName) -> None:
    """Name the lines that carry no label of their own, in the order of the plot."""
    named = {one.label for one in layout.series if not one.direct and one.label}
    handles, labels = ax.get_legend_handles_labels()
    chosen = [(h, label) for h, label in zip(handles, labels, strict=True) if label in named]
    chosen.sort(key=lambda pair: layout.order.index(pair[1]))
    _legend_above(chosen, ax, theme, room=78 if len(ax.figure.axes) == 1 else 60)


def _legend_above(chosen: list[tuple[Artist, str]], ax: Axes, theme: ThemeName, room: int) -> None:
    """Put the legend above the axes, where it covers nothing, in as many columns as fit.

    ``room`` is the number of letters that go side by side, a handle counted as eight.
    """
    if not chosen:
        return
    longest = max(len(label) for _, label in chosen)
    columns = max(1, min(len(chosen), room // (longest + 8)))
    rows = -(-len(chosen) // columns)
    in_rows = [chosen[i] for column in range(columns) for i in range(column, len(chosen), columns)]
    title, size = ax.get_title(loc="left"), style.TITLE_POINTS
    ax.set_title(title, loc="left", fontsize=size, pad=8 + 16.5 * rows)
    ax.legend(
        *zip(*in_rows, strict=True),
        loc="lower left",
        bbox_to_anchor=(-0.01, 1.0),
        ncols=columns,
        frameon=False,
        fontsize=style.FONT_POINTS,
        labelcolor=THEMES[theme].text,
        borderaxespad=0.1,
        columnspacing=1.4,
        handlelength=2.6,
    )


def _paint_picture(picture: Picture, ax: Axes, theme: ThemeName) -> list[Artist]:
    colors = THEMES[theme]
    values = np.ma.masked_invalid(np.asarray(picture.values))
    rows, columns = np.asarray(picture.rows), np.asarray(picture.columns)
    low, high = color_range(picture)
    mesh = ax.imshow(
        values,
        extent=(*_edges(columns), *_edges(rows)),
        origin="lower",
        aspect="auto",
        interpolation="nearest",
        interpolation_stage="rgba",  # colours the cells, not the pixels: a third faster
        cmap=style.PICTURE_COLORS,
        vmin=low,
        vmax=high,
    )
    for axis, name in ((picture.x, "x"), (picture.y, "y")):
        if axis.limits is not None:
            getattr(ax, f"set_{name}lim")(*axis.limits)
    bar = ax.figure.colorbar(mesh, ax=ax, pad=0.02)
    bar.set_label(picture.color_label, color=colors.text, fontsize=style.FONT_POINTS)
    bar.ax.tick_params(colors=colors.muted, labelcolor=colors.text, labelsize=style.FONT_POINTS)
    bar.outline.set_visible(False)
    lines: list[Artist] = []
    for line in picture.lines:
        stroke = style.STROKES[line.role]
        lines += ax.plot(
            line.x,
            line.y,
            color="#ffffff",
            linewidth=stroke.width,
            linestyle=(0, tuple(part / stroke.width for part in stroke.dash) or (1, 0)),
            label=line.label,
            path_effects=_halo("#1f1f1f", stroke.width + 2),  # white alone is lost on yellow
        )
    handles, labels = ax.get_legend_handles_labels()
    alone = len(ax.figure.axes) == 2  # with its colour bar
    _legend_above(list(zip(handles, labels, strict=True)), ax, theme, room=66 if alone else 48)
    return [mesh, *lines]


def color_range(picture: Picture) -> tuple[float, float]:
    """Return the values at the ends of a Picture's colour bar."""
    if picture.color_limits is not None:
        return picture.color_limits
    values = np.asarray(picture.values)
    values = values[np.isfinite(values)]
    low, high = float(values.min()), float(values.max())
    return (low, high) if low < high else (low - 0.5, high + 0.5)


def _edges(centres: Any) -> tuple[float, float]:
    half = (centres[1] - centres[0]) / 2 if len(centres) > 1 else 0.5
    return float(centres[0] - half), float(centres[-1] + half)
