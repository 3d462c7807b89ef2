"""A figure as one image that is light on a light page and dark on a dark one.

An SVG in an ``<img>`` cannot see the page's style sheet, but it is told the colour scheme of the
element that shows it. So it carries both themes of the style table and changes by itself when the
page's theme is switched, without a script. An ``<img>`` is also the only thing whose alternative
text JupyterLab and nbconvert speak, and that JupyterLab leaves alone in a page it does not trust.

It is painted from the same `Layout` as by ``draw.py`` and ``live.js``.
"""

from __future__ import annotations

import base64
import io
import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from typing import TYPE_CHECKING

import numpy as np

from gradcourse.figures import style
from gradcourse.figures.layout import Cells, Layout, Note, Scale, Series, arrange
from gradcourse.figures.layout.scale import Array
from gradcourse.figures.wire import bar_colors

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from gradcourse.figures.plot import Picture, Plot

SCHEME = (
    '<style>:is([data-jp-theme-light="false"], [data-theme="dark"], .vscode-dark) .gc-static '
    "{ color-scheme: dark !important; } "
    "@media print { img.gc-static.gc-static { color-scheme: light !important; } }</style>"
)
"""Tells the images on a page which of their themes to show: the page's, not the system's."""

KIND = 'class="gc-static" style="color-scheme: light; max-width: 100%; height: auto"'
"""The attributes of such an image. Where no style sheet is let through, it stays light."""

_PIXELS = 4 / 3  # widths in the style table are points
_LETTER = 0.56  # width of a letter, as a share of its size; a broad font needs no more
_BROADEST = 0.62  # of a name in a broad font
_SIZE, _TITLE = 14, 15
_INCH = 100  # as the PNG says it
_IN_ROW = 400  # width of one of a row, in pixels
_LEAST = 316  # the least at which it is shown: 14 pixels are 11 there
_SEEN = 1 / 7  # of a pixel
_SCREEN = "system-ui, 'Segoe UI', Helvetica, Arial, sans-serif"


@dataclass
class _Ink:
    """What is named once for a whole image: colours that change with the theme, and markers."""

    names: dict[tuple[str, str], str] = field(default_factory=dict)
    markers: dict[str, str] = field(default_factory=dict)

    def __call__(self, light: str, dark: str) -> str:
        if light == dark:
            return light
        return f"var(--{self.names.setdefault((light, dark), f'c{len(self.names)}')})"

    def of(self, part: str) -> str:
        """Return the colour of a part of the page: "text", "muted", "grid"."""
        light, dark = (getattr(style.THEMES[name], part) for name in ("light", "dark"))
        return self(light, dark)

    def mark(self, one: Series, x: float, y: float, size: float) -> str:
        """Return a line's marker at a place."""
        drawn = (
            f'd="{one.hue.marker.path}" transform="scale({size})" '
            f'fill="{self(one.hue.light, one.hue.dark)}"'
        )
        name = self.markers.setdefault(drawn, f"m{len(self.markers)}")
        return f'<use href="#{name}" x="{_n(x)}" y="{_n(y)}"/>'

    def shapes(self) -> str:
        """Return the markers' definitions."""
        paths = "".join(f'<path id="{name}" {drawn}/>' for drawn, name in self.markers.items())
        return f"<defs>{paths}</defs>"

    def sheet(self) -> str:
        """Return the colours' definitions in both themes."""
        light, dark = (
            "".join(f"--{name}:{pair[theme]};" for pair, name in self.names.items())
            for theme in (0, 1)
        )
        return f":root{{{light}}}@media (prefers-color-scheme:dark){{:root{{{dark}}}}}"


@dataclass(frozen=True)
class _Box:
    """The axes' place in the image, in pixels."""

    layout: Layout
    left: float
    top: float
    width: float
    height: float

    def x(self, at: float) -> float:
        return self.left + self.width * _share(self.layout.x, at)

    def y(self, at: float) -> float:
        return self.top + self.height * (1 - _share(self.layout.y, at))

    @property
    def foot(self) -> float:
        return self.top + self.height

    @property
    def end(self) -> float:
        return self.left + self.width


def html_image(figures: Sequence[Plot | Picture]) -> str:
    """Return figures as HTML: one image each, with its alternative text.

    Those of a row stand side by side while their letters stay as large as a page's, and else one
    below the other.
    """
    if len(figures) == 1:
        return SCHEME + _image(*themed_svg(figures[0]), figures[0].alt)
    top = max(_above(one, arrange(one), _IN_ROW, _Ink())[0] for one in figures)
    images = [
        _image(*themed_svg(one, _IN_ROW, top), one.alt, f"; flex: 1 1 {_LEAST}px; min-width: 0")
        for one in figures
    ]
    row = "display: flex; flex-wrap: wrap; align-items: flex-start"
    return f'{SCHEME}<div style="{row}">{"".join(images)}</div>'


def html_drawing(figure: Figure, alt: str) -> str:
    """Return what matplotlib has drawn in the light theme's colours as such an image, in both."""
    from matplotlib import rc_context

    file = io.StringIO()
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": "gradcourse"}):
        figure.savefig(file, format="svg", metadata={"Date": None})
    svg = file.getvalue()
    svg, ink = svg[svg.index("<svg") :], _Ink()
    for light, dark in _both_themes().items():
        if light in svg:
            svg = svg.replace(light, ink(light, dark))
    words = f"text{{fill:{ink.of('text')}}}"  # black is what matplotlib leaves unsaid
    svg = svg.replace(">", f"><style>{ink.sheet()}{words}</style>", 1)
    width, height = (round(inches * _INCH) for inches in figure.get_size_inches())
    return SCHEME + _image(width, height, svg, alt)


def _both_themes() -> dict[str, str]:
    """The colours of the style table, lower case, from the light theme to the dark one."""
    light, dark = (vars(style.THEMES[name]) for name in ("light", "dark"))
    pairs = {one.light: one.dark for one in style.HUES.values()}
    pairs |= {light[part]: dark[part] for part in light}
    pairs["#000000"] = dark["text"]
    return {one.lower(): other.lower() for one, other in pairs.items()}


def _image(width: int, height: int, svg: str, alt: str, more: str = "") -> str:
    source = base64.b64encode(svg.encode()).decode()
    wide = f"max-width: min(100%, {width}px)" if more else "max-width: 100%"
    kind = KIND.replace("max-width: 100%", wide + more)
    return (
        f'<img {kind} width="{width}" height="{height}" alt="{escape(alt)}" '
        f'src="data:image/svg+xml;base64,{source}">'
    )


def themed_svg(figure: Plot | Picture, width: int = 640, top: int = 0) -> tuple[int, int, str]:
    """Return width, height and text of the SVG of a figure.

    Parameters
    ----------
    figure : Plot or Picture
    width : int
        In pixels.
    top : int
        How many pixels lie above the axes, at least.
    """
    ink, layout = _Ink(), arrange(figure)
    needed, head = _above(figure, layout, width, ink)
    top = max(top, needed)
    height = top + 358
    body = f"{head}{_panel(layout, _box(layout, width, top), width, ink)}"
    page, text = ink.of("background"), ink.of("text")
    note = (
        f".n{{fill:{ink.of('muted')};stroke:{page};stroke-width:3px;stroke-linejoin:round;"
        "stroke-opacity:.75;paint-order:stroke}"
    )
    sheet = f"text{{font:{_SIZE}px {_SCREEN};fill:{text}}}{note}"
    return (
        width,
        height,
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}"><style>{ink.sheet()}{sheet}</style>'
        f'{ink.shapes()}<rect width="100%" height="100%" fill="{page}"/>'
        f'<g transform="translate(0 0)">{body}</g></svg>',
    )


# ── Title and legend, above the axes ─────────────────────────────────────────────────────────────


def _above(figure: Plot | Picture, layout: Layout, width: int, ink: _Ink) -> tuple[int, str]:
    rows = textwrap.wrap(figure.title, int((width - 20) / (_LETTER * _TITLE))) or [""]
    parts = [
        f'<text x="10" y="{20 + 19 * row}" style="font-size:{_TITLE}px;font-weight:600">'
        f"{escape(words)}</text>"
        for row, words in enumerate(rows)
    ]
    top, across = 14 + 19 * len(rows), 10.0
    named = {one.label: one for one in layout.series if not one.direct and one.label}
    for number, label in enumerate(label for label in layout.order if label in named):
        room = 44 + _LETTER * _SIZE * len(label) + 18
        if number and across + room > width:
            across, top = 10.0, top + 20
        parts.append(_key(named[label], across, top + 10, ink))
        across += room
    return top + (20 if named else 0) + 8, "".join(parts)


def _key(one: Series, x: float, y: float, ink: _Ink) -> str:
    color = ink(one.hue.light, one.hue.dark)
    path = "M0 0H34"
    edge = _stroke(path, one, one.width + 2 * one.halo, one.edge) if one.edge else ""
    mark = ink.mark(one, 17, 0, 5 if one.width > 3 else 4) if one.marks else ""
    return (
        f'<g transform="translate({_n(x)} {_n(y)})">{edge}{_stroke(path, one, one.width, color)}'
        f'{mark}<text x="41" dy=".35em">{escape(one.label)}</text></g>'
    )


# ── Axes, lines, bands ───────────────────────────────────────────────────────────────────────────


def _box(layout: Layout, width: int, top: int) -> _Box:
    right = 62 + 8 * _longest(layout.cells.color) if layout.cells else 16
    left = 38 + 8 * _longest(layout.y)
    return _Box(layout, left, top, width - left - right, 358 - 9 - 46)


def _panel(layout: Layout, box: _Box, width: int, ink: _Ink) -> str:
    zones = "".join(
        f'<rect x="{_n(box.left)}" width="{_n(box.width)}" y="{_n(box.y(zone.high))}" '
        f'height="{_n(box.y(zone.low) - box.y(zone.high))}" fill="{ink.of("band")}" '
        f'fill-opacity="{style.BAND_OPACITY}"/>'
        for zone in layout.zones
    )
    cells = _cells(layout.cells, box, width, ink) if layout.cells else ""
    # A theory's dashes must not cut through the markers of what it predicts.
    lines = "".join(part(one, box, ink) for part in (_line, _marks) for one in layout.series)
    zeros = "".join(_zeros(one, box, ink) for one in layout.series)
    below = box.y(layout.y.low) + (5 if layout.y.zero is None else 0)
    clip = (
        f'<clipPath id="k0"><rect x="{_n(box.left - 5)}" y="{_n(box.top - 5)}" '
        f'width="{_n(box.width + 10)}" height="{_n(below - box.top + 5)}"/></clipPath>'
    )
    notes = [zone.note for zone in layout.zones] + [one.note for one in layout.series if one.note]
    return (
        f'{clip}{zones}{cells}{_axes(layout, box, ink)}<g clip-path="url(#k0)">{lines}</g>'
        f"{zeros}{''.join(_note(note, box) for note in notes)}"
    )


def _axes(layout: Layout, box: _Box, ink: _Ink) -> str:
    x, y, muted, grid = layout.x, layout.y, ink.of("muted"), ink.of("grid")
    rules: dict[str, list[str]] = {muted: [], grid: []}
    text = []
    across = muted if layout.cells else grid
    for at, label in y.ticks:
        height = _n(box.y(at))
        length = (box.end if across is grid else box.left - 4) if label else box.left - 3
        rules[across if label else muted].append(f"M{_n(box.left)} {height}H{_n(length)}")
        text += [_words(label, box.left - 8, box.y(at), "end", ' dy=".35em"')] if label else []
    for at, label in x.ticks:
        place = _n(box.x(at))
        rules[muted].append(f"M{place} {_n(box.foot)}v{4 if label else 3}")
        if label and not layout.cells:
            rules[grid].append(f"M{place} {_n(box.top)}V{_n(box.foot)}")
        if label:  # the last one must not run off the figure
            middle = min(box.x(at), box.end + 16 - _BROADEST * _SIZE * len(label) / 2)
            text.append(_words(label, middle, box.foot + 19, "middle"))
    if y.zero is not None:
        rules[muted].append(f"M{_n(box.left)} {_n(box.y(y.low))}H{_n(box.end)}")
        text.append(_words("0", box.left - 8, box.y(y.zero), "end", ' dy=".35em"'))
    rules[muted].append(f"M{_n(box.left)} {_n(box.top)}V{_n(box.foot)}H{_n(box.end)}")
    middle = box.left + box.width / 2
    text.append(_words(x.label, middle, box.foot + 40, "middle", _fit(x.label, box.width)))
    text.append(_upright(y.label, 14, box))
    return "".join(
        f'<path d="{"".join(rules[color])}" fill="none" stroke="{color}"/>'
        for color in (grid, muted)
    ) + "".join(text)


def _line(one: Series, box: _Box, ink: _Ink) -> str:
    x, y = (
        np.array([at(value) for value in values]) for at, values in ((box.x, one.x), (box.y, one.y))
    )
    shown = np.isfinite(x) & np.isfinite(y)
    ends = np.flatnonzero(np.diff(shown, prepend=False, append=False))  # of runs without a gap
    drawn = "".join(
        "M" + "L".join(f"{_n(x[i])} {_n(y[i])}" for i in _needed(x, y, range(start, end)))
        for start, end in zip(ends[::2], ends[1::2], strict=True)
    )
    color, halo = ink(one.hue.light, one.hue.dark), one.edge or ink.of("background")
    wide = _stroke(drawn, one, one.width + 2 * one.halo, halo) if one.halo else ""
    return wide + _stroke(drawn, one, one.width, color)


def _needed(x: Array, y: Array, run: range) -> list[int]:
    """Leave out points of a line that runs to the right, where none moves by a seventh of a pixel.

    From a point that is kept, each point that follows allows some slopes; a stretch ends before
    the first point that allows none of those that all others do.
    """
    if (np.diff(x[run.start : run.stop]) <= 0).any():
        return list(run)
    kept, low, high = [run.start], -math.inf, math.inf
    for i in run[1:]:
        step, rise = x[i] - x[kept[-1]], y[i] - y[kept[-1]]
        if not low <= rise / step <= high:
            kept.append(i - 1)
            step, rise, low, high = x[i] - x[i - 1], y[i] - y[i - 1], -math.inf, math.inf
        low, high = max(low, (rise - _SEEN) / step), min(high, (rise + _SEEN) / step)
    return kept if run.stop - run.start == 1 else [*kept, run.stop - 1]


def _marks(one: Series, box: _Box, ink: _Ink) -> str:
    size = 5 if one.width > 3 else 4
    shown = [i for i in one.marks if math.isfinite(one.y[i])]
    return "".join(ink.mark(one, box.x(one.x[i]), box.y(one.y[i]), size) for i in shown)


def _zeros(one: Series, box: _Box, ink: _Ink) -> str:
    foot = box.layout.foot(one)
    if foot is None:
        return ""
    return "".join(ink.mark(one, box.x(x), box.y(foot), 2.7) for x in one.x[np.isneginf(one.y)])


def _stroke(path: str, one: Series, width: float, color: str) -> str:
    dash = " ".join(_n(part * _PIXELS) for part in one.stroke.dash)
    dashed = f' stroke-dasharray="{dash}"' if dash else ""
    return (
        f'<path d="{path}" fill="none" stroke="{color}" stroke-width="{_n(width * _PIXELS)}" '
        f'stroke-linejoin="round"{dashed}/>'
    )


# ── The cells of a Picture ───────────────────────────────────────────────────────────────────────


def _cells(cells: Cells, box: _Box, width: int, ink: _Ink) -> str:
    left, right = sorted(map(box.x, cells.across))
    top, foot = sorted(map(box.y, cells.up))
    image = (
        f'<svg x="{_n(box.left)}" y="{_n(box.top)}" width="{_n(box.width)}" '
        f'height="{_n(box.height)}"><image x="{_n(left - box.left)}" y="{_n(top - box.top)}" '
        f'width="{_n(right - left)}" height="{_n(foot - top)}" preserveAspectRatio="none" '
        f'style="image-rendering:pixelated" href="{_pixels(cells, box)}"/></svg>'
    )
    stops = bar_colors(cells.signed)[::15]  # 256 colours: the first and the last, too
    gradient = "".join(
        f'<stop offset="{_n(index / (len(stops) - 1), 3)}" stop-color="{color}"/>'
        for index, color in enumerate(stops)
    )
    bar = box.end + 12
    ticks = "".join(
        f'<path d="M{_n(bar + 14)} {_n(height)}h4" stroke="{ink.of("muted")}"/>'
        + _words(label, bar + 22, height, "start", ' dy=".35em"')
        for at, label in cells.color.ticks
        for height in [box.top + box.height * (1 - _share(cells.color, at))]
    )
    return (
        f'{image}<linearGradient id="b0" x1="0" y1="1" x2="0" y2="0">{gradient}'
        f'</linearGradient><rect x="{_n(bar)}" y="{_n(box.top)}" width="14" '
        f'height="{_n(box.height)}" fill="url(#b0)"/>{ticks}'
        f"{_upright(cells.color.label, width - 8, box)}"
    )


def _pixels(cells: Cells, box: _Box) -> str:
    """Return a PNG with one pixel for each cell; a gap is transparent."""
    from PIL import Image

    shares = cells.shares  # (n_rows, n_columns)
    rising = box.y(cells.up[0]) > box.y(cells.up[1])
    shares = shares[::-1] if rising else shares
    shares = shares if box.x(cells.across[0]) < box.x(cells.across[1]) else shares[:, ::-1]
    colors = bar_colors(cells.signed)
    level = np.minimum(np.nan_to_num(shares) * len(colors), len(colors) - 1).astype(int)
    table = np.array([[int(color[i : i + 2], 16) for i in (1, 3, 5)] for color in colors])
    alpha = np.where(np.isnan(shares), 0, 255)[..., None]
    pixels = np.concatenate([table[level], alpha], axis=-1).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels, "RGBA").save(buffer, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()


# ── Words and numbers ────────────────────────────────────────────────────────────────────────────


def _note(note: Note, box: _Box) -> str:
    if not note.text:
        return ""
    anchor = {"left": "start", "center": "middle", "right": "end"}[note.anchor]
    x, y = box.left + note.across * box.width, box.top + (1 - note.up) * box.height
    return _words(note.text, x, y, anchor, ' class="n" dy=".35em"')


def _upright(label: str, x: float, box: _Box) -> str:
    turned = f'transform="translate({_n(x)} {_n(box.top + box.height / 2)}) rotate(-90)"'
    fitting = _fit(label, box.height + 18)
    return f'<text {turned} text-anchor="middle"{fitting}>{escape(label)}</text>'


def _fit(label: str, room: float) -> str:
    """A long label is set in smaller letters."""
    size = room / (_LETTER * max(len(label), 1))
    return f' style="font-size:{_n(size)}px"' if size < _SIZE else ""


def _words(text: str, x: float, y: float, anchor: str, more: str = "") -> str:
    return f'<text x="{_n(x)}" y="{_n(y)}" text-anchor="{anchor}"{more}>{escape(text)}</text>'


def _share(scale: Scale, at: float) -> float:
    return (at - scale.bottom) / (scale.high - scale.bottom)


def _longest(scale: Scale) -> int:
    return max([1, *(len(label) for _, label in scale.ticks)])


def _n(value: float, digits: int = 1) -> str:
    text = f"{value:.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
