"""The one style table. matplotlib and the browser both draw from it.

The hues are those of Okabe and Ito (2002), which people with every common kind of colour vision
tell apart. Orange, sky and purple are too pale for thin lines on white and blue too deep for
black, so each hue has a value per theme. Colour is never alone: every hue has a marker of its
own, and the role of a line sets its dash.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from gradcourse.support import GradcourseError, nearest

ThemeName = Literal["light", "dark"]


@dataclass(frozen=True)
class Theme:
    """Colours of everything that is not a line: the page, its text, the grid, the bands."""

    background: str
    text: str
    muted: str
    grid: str
    band: str


@dataclass(frozen=True)
class Marker:
    """One shape: matplotlib's code, and the SVG path of the same shape in a 2 × 2 box."""

    code: str
    path: str


@dataclass(frozen=True)
class Hue:
    """One colour in both themes, and the marker that goes with it."""

    light: str
    dark: str
    marker: Marker

    def on(self, theme: ThemeName) -> str:
        """Return the hex colour for one theme."""
        return self.light if theme == "light" else self.dark


@dataclass(frozen=True)
class Stroke:
    """How a role is drawn: width and dash in points, and its place in the stack."""

    width: float
    dash: tuple[float, ...]
    order: int


THEMES: dict[ThemeName, Theme] = {
    "light": Theme("#ffffff", "#1f1f1f", "#595959", "#e3e3e3", "#009e73"),
    "dark": Theme("#111111", "#ececec", "#b8b8b8", "#3a3a3a", "#35d0a5"),
}

CIRCLE = Marker("o", "M-1 0A1 1 0 1 0 1 0A1 1 0 1 0-1 0Z")
SQUARE = Marker("s", "M-.9-.9H.9V.9H-.9Z")
TRIANGLE = Marker("^", "M0-1.1L1.05.9H-1.05Z")
DIAMOND = Marker("D", "M0-1.25L1.25 0L0 1.25L-1.25 0Z")
TRIANGLE_DOWN = Marker("v", "M0 1.1L1.05-.9H-1.05Z")
TRIANGLE_RIGHT = Marker(">", "M1.1 0L-.9 1.05V-1.05Z")
PLUS = Marker("P", "M-.4-1.2H.4V-.4H1.2V.4H.4V1.2H-.4V.4H-1.2V-.4H-.4Z")
TRIANGLE_LEFT = Marker("<", "M-1.1 0L.9 1.05V-1.05Z")
CROSS = Marker("X", "M-1-.6L-.6-1L0-.4L.6-1L1-.6L.4 0L1 .6L.6 1L0 .4L-.6 1L-1 .6L-.4 0Z")
PENTAGON = Marker("p", "M0.00 -1.15L1.09 -0.36L0.68 0.93L-0.68 0.93L-1.09 -0.36Z")
STAR = Marker(
    "*",
    "M0.00 -1.35L0.34 -0.47L1.28 -0.42L0.55 0.18L0.79 1.09"
    "L0.00 0.58L-0.79 1.09L-0.55 0.18L-1.28 -0.42L-0.34 -0.47Z",
)

_BLUE = Hue("#0072b2", "#3d9ddb", CIRCLE)
_VERMILLION = Hue("#d55e00", "#e8702a", SQUARE)
_GREEN = Hue("#008f68", "#1fb58b", TRIANGLE)
_ORANGE = Hue("#b47c00", "#f0b429", DIAMOND)
_SKY = Hue("#2b8eca", "#9bd7f7", TRIANGLE_DOWN)
_PURPLE = Hue("#b8568c", "#dd93bd", TRIANGLE_RIGHT)
_GREY = Hue("#767676", "#a0a0a0", TRIANGLE_LEFT)
_BLACK = Hue("#1f1f1f", "#ececec", STAR)
_BROWN = Hue("#8a5a2b", "#c99a6b", PENTAGON)
_NAVY = Hue("#3b3b98", "#a3a3f5", PLUS)
_OLIVE = Hue("#707000", "#c4c45a", CROSS)

HUES: dict[str, Hue] = {
    "blue": _BLUE,
    "vermillion": _VERMILLION,
    "green": _GREEN,
    "orange": _ORANGE,
    "sky": _SKY,
    "purple": _PURPLE,
    "grey": _GREY,
    "black": _BLACK,
    "brown": _BROWN,
    "navy": _NAVY,
    "olive": _OLIVE,
    # activations
    "linear": _BLACK,
    "sigmoid": _VERMILLION,
    "tanh": _BLUE,
    "relu": _GREEN,
    "leaky_relu": _SKY,
    "prelu": _ORANGE,
    "elu": _PURPLE,
    "selu": _OLIVE,
    "gelu": _NAVY,
    "silu": _BROWN,
    # architectures
    "plain": _VERMILLION,
    "residual": _BLUE,
    "batch_norm": _GREEN,
    "layer_norm": _SKY,
    "rms_norm": _ORANGE,
    "rnn": _VERMILLION,
    "lstm": _BLUE,
    "gru": _GREEN,
    "transformer": _PURPLE,
    # number formats
    "float16": _VERMILLION,
    "bfloat16": _PURPLE,
    "float32": _BLUE,
    "float64": _BLACK,
}

STROKES: dict[str, Stroke] = {
    "reference": Stroke(1.2, (1.2, 2.6), 1),
    "measured": Stroke(2.2, (), 2),
    "theory": Stroke(1.8, (7.0, 4.0), 3),
}

BROAD = 4.6
"""Width in points of a measured line that has a theory on top of it."""

HALO = 1.5
"""Width in points of the background's colour on either side of a theory's dashes. With it the
dashes show on top of a line of the same colour."""

FONT_POINTS = 11.0
TITLE_POINTS = 12.0
BAND_OPACITY = 0.13
DPI = 144.0
"""Resolution of a stored picture; it is shown at half of that, so it stays crisp."""

PICTURE_COLORS = "viridis"
SIGNED_COLORS = "RdBu_r"
"""Of a picture whose sign is the message: pale in the middle."""
ON_CELLS = Hue("#ffffff", "#ffffff", CIRCLE)
CELL_EDGE = "#1f1f1f"
"""Lines on a picture are white with an edge of this colour."""


def hue(name: str) -> Hue:
    """Return the hue of a style name.

    Raises
    ------
    GradcourseError
        If the style table has no such name; the message offers the nearest ones.
    """
    if name in HUES:
        return HUES[name]
    near = nearest(name, HUES) or ["blue", "vermillion", "green"]
    raise GradcourseError(
        f"The style table has no colour {name!r}. Did you mean {', '.join(near)}? "
        "gradcourse.figures.style.HUES lists all of them."
    )


def contrast(first: str, second: str) -> float:
    """Return the contrast ratio of two hex colours, 1 to 21 (WCAG 2.1, 2018)."""
    darker, lighter = sorted((_luminance(first), _luminance(second)))
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(color: str) -> float:
    channels = [int(color[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
