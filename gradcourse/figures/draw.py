"""Draw a figure with matplotlib. No pyplot: nothing global, and safe in any thread."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from gradcourse.figures import style
from gradcourse.figures.layout import Cells, Layout, Note, Scale, Series, arrange

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from gradcourse.figures.plot import Picture, Plot

_PAGE = style.THEMES["light"]

SIZE = (6.4, 4.0)
"""Inches. At 100 dots per inch this is the 640 pixels that a notebook's column shows."""


def draw(figure: Any, ax: Axes | None = None) -> Figure:
    """Draw a Plot or a Picture, on given axes or in a new Figure."""
    if ax is None:
        ax = _new_figure(1).axes[0]
    _paint(figure, ax)
    whole = ax.get_figure(root=True)
    assert whole is not None  # axes that were removed from their figure cannot be drawn on
    return whole


def draw_row(figures: Sequence[Plot | Picture]) -> Figure:
    """Draw two or three figures in one row of a new Figure."""
    row = _new_figure(len(figures))
    for figure, ax in zip(figures, row.axes, strict=True):
        _paint(figure, ax)
    return row


def _new_figure(columns: int) -> Figure:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    width = SIZE[0] if columns == 1 else 5.2 * columns
    figure = Figure(figsize=(width, SIZE[1]), layout="constrained")
    FigureCanvasAgg(figure)
    figure.set_facecolor(_PAGE.background)
    figure.subplots(1, columns)
    return figure


def encoded(figure: Figure, kind: str, dpi: float) -> bytes:
    """Encode as "png", "svg" or "pdf", without anything that differs from run to run."""
    import matplotlib

    if kind == "png":
        return png(figure, dpi)
    none = {"svg": {"Date": None}, "pdf": {"CreationDate": None, "Creator": None, "Producer": None}}
    buffer = io.BytesIO()
    with matplotlib.rc_context({"svg.hashsalt": "gradcourse"}):
        figure.savefig(buffer, format=kind, metadata=none[kind])
    return buffer.getvalue()


def png(figure: Figure, dpi: float) -> bytes:
    """Encode without date or program name, so that equal figures are equal bytes."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=dpi, metadata={"Software": None})
    return buffer.getvalue()


def bundle(figure: Figure, alt: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what a notebook stores: a PNG with size and alternative text, and that text."""
    width, height = (round(inches * 100) for inches in figure.get_size_inches())
    data = {"image/png": png(figure, style.DPI), "text/plain": alt}
    return data, {"image/png": {"alt": alt, "width": width, "height": height}}


def _paint(figure: Plot | Picture, ax: Axes) -> None:
    layout = arrange(figure)
    _dress(figure.title, layout, ax)
    if layout.cells is None:
        ax.grid(color=_PAGE.grid, linewidth=0.8)
        ax.set_axisbelow(True)
    else:
        _cells(layout.cells, ax)
    _scale(layout.x, ax, "x")
    _scale(layout.y, ax, "y")
    for zone in layout.zones:
        low, high = (_value(edge, layout.y) for edge in (zone.low, zone.high))
        ax.axhspan(low, high, color=_PAGE.band, alpha=style.BAND_OPACITY, linewidth=0, zorder=0.6)
        _note(zone.note, ax)
    if layout.y.zero is not None:
        ax.axhline(_value(layout.y.low, layout.y), color=_PAGE.muted, linewidth=0.8)
    for one in layout.series:
        _line(one, layout, ax)
    _legend(layout, ax)


def _dress(title: str, layout: Layout, ax: Axes) -> None:
    ax.set_facecolor(_PAGE.background)
    for side, spine in ax.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set_color(_PAGE.muted)
    ax.tick_params(colors=_PAGE.muted, labelcolor=_PAGE.text, labelsize=style.FONT_POINTS)
    ax.set_xlabel(layout.x.label, color=_PAGE.text, fontsize=style.FONT_POINTS)
    ax.set_ylabel(layout.y.label, color=_PAGE.text, fontsize=style.FONT_POINTS)
    ax.set_title(title, loc="left", color=_PAGE.text, fontsize=style.TITLE_POINTS, wrap=True)


def _plain(name: str) -> str:
    """A name as it is: matplotlib takes what stands between two dollar signs for a formula."""
    return name.replace("$", r"\$")


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
    axis.set_major_formatter(FixedFormatter([_plain(label) for _, label in major]))
    minor = [_value(at, scale) for at, label in scale.ticks if not label]
    axis.set_minor_locator(FixedLocator(minor) if minor else NullLocator())
    axis.set_minor_formatter(FixedFormatter([""] * len(minor)))
    ends = _value(scale.bottom, scale), _value(scale.high, scale)
    getattr(ax, f"set_{which}lim")(*ends)


def _line(one: Series, layout: Layout, ax: Axes) -> None:
    x = 10.0**one.x if layout.x.native else one.x
    zero = np.isneginf(one.y)
    y = np.where(zero, np.nan, one.y)
    color, width = one.hue.light, one.width
    dash = (0, tuple(part / width for part in one.stroke.dash)) if one.stroke.dash else "-"
    (line,) = ax.plot(
        x,
        10.0**y if layout.y.native else y,
        color=color,
        linewidth=width,
        linestyle=dash,
        dash_capstyle="butt",
        solid_capstyle="butt" if one.edge else "projecting",  # an edge runs round the ends
        marker=one.hue.marker.code if one.marks else None,
        markevery=list(one.marks) or None,
        markersize=6,
        markeredgewidth=0,
        label=one.label,
        zorder=3,
    )
    if one.marks and one.width > one.stroke.width:  # the theory must not cut through the markers
        line.set_markersize(9)
        xs, ys = line.get_data()
        marks = list(one.marks)
        top = ax.plot(np.asarray(xs)[marks], np.asarray(ys)[marks], one.hue.marker.code)
        top[0].set(color=color, markersize=9, markeredgewidth=0, zorder=5.5)
    if one.halo:
        line.set_path_effects(_halo(one.edge or _PAGE.background, width + 2 * one.halo))
    foot = layout.foot(one)
    if foot is not None:
        heights = np.full(int(zero.sum()), _value(foot, layout.y))
        ax.plot(x[zero], heights, one.hue.marker.code, color=color, markersize=4)
    if one.note is not None:
        _note(one.note, ax)


def _halo(color: str, width: float, alpha: float = 1.0) -> list[Any]:
    """Paint something once broader, below itself: it then stands out from what it crosses."""
    from matplotlib.patheffects import Normal, Stroke

    return [Stroke(linewidth=width, foreground=color, alpha=alpha), Normal()]


def _note(note: Note, ax: Axes) -> None:
    """Write a label inside the axes, at the place that the layout found free of lines."""
    ax.text(
        note.across,
        note.up,
        _plain(note.text),
        transform=ax.transAxes,
        ha=note.anchor,
        va="center",
        color=_PAGE.muted,
        fontsize=style.FONT_POINTS,
        path_effects=_halo(_PAGE.background, 2.25, 0.75),
        zorder=6,
    )


def _legend(layout: Layout, ax: Axes) -> None:
    """Name the lines that carry no label of their own, in the order of the figure.

    It stands above the axes, where it covers nothing, in as many columns as fit.
    """
    named = {one.label for one in layout.series if not one.direct and one.label}
    # matplotlib's own list leaves out names that begin with an underscore.
    once = {str(line.get_label()): line for line in reversed(ax.get_lines())}  # the first of a name
    chosen = [(handle, label) for label, handle in once.items() if label in named]
    if not chosen:
        return
    chosen.sort(key=lambda pair: layout.order.index(pair[1]))
    # Letters that go side by side, a handle counted as eight; a colour bar takes the room of 12.
    bars = int(layout.cells is not None)
    room = (78 if len(ax.figure.axes) == 1 + bars else 60) - 12 * bars
    longest = max(len(label) for _, label in chosen)
    columns = max(1, min(len(chosen), room // (longest + 8)))
    rows = -(-len(chosen) // columns)
    in_rows = [chosen[i] for column in range(columns) for i in range(column, len(chosen), columns)]
    title, size = ax.get_title(loc="left"), style.TITLE_POINTS
    ax.set_title(title, loc="left", fontsize=size, pad=8 + 16.5 * rows)
    ax.legend(
        [handle for handle, _ in in_rows],
        [_plain(label) for _, label in in_rows],
        loc="lower left",
        bbox_to_anchor=(-0.01, 1.0),
        ncols=columns,
        frameon=False,
        fontsize=style.FONT_POINTS,
        labelcolor=_PAGE.text,
        borderaxespad=0.1,
        columnspacing=1.4,
        handlelength=2.6,
    )


def _cells(cells: Cells, ax: Axes) -> None:
    """Colour the cells, and draw the colour bar beside them."""
    scale = cells.color
    image = ax.imshow(
        np.ma.masked_invalid(cells.values),
        extent=(*cells.across, *cells.up),
        origin="lower",
        aspect="auto",
        interpolation="nearest",
        interpolation_stage="rgba",  # colours the cells, not the pixels: a third faster
        cmap=style.SIGNED_COLORS if cells.signed else style.PICTURE_COLORS,
        vmin=scale.low,
        vmax=scale.high,
    )
    bar = ax.figure.colorbar(image, ax=ax, pad=0.02)
    bar.set_ticks([at for at, _ in scale.ticks], labels=[label for _, label in scale.ticks])
    bar.set_label(scale.label, color=_PAGE.text, fontsize=style.FONT_POINTS)
    bar.ax.tick_params(colors=_PAGE.muted, labelcolor=_PAGE.text, labelsize=style.FONT_POINTS)
    bar.outline.set_visible(False)
