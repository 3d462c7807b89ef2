"""The image that a page shows: both themes in one, the numbers of the layout, a text beside it."""

from __future__ import annotations

import base64
import html
import io
import re
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from gradcourse.figures import Axis, Band, Line, Picture, Plot, side_by_side
from gradcourse.figures.layout import arrange
from gradcourse.figures.style import CELL_EDGE, HUES, ON_CELLS, THEMES
from gradcourse.figures.themed import html_image, themed_svg

SVG = "{http://www.w3.org/2000/svg}"
DEPTH = np.arange(90.0)
PLOT = Plot(
    "A gradient & its <theory>",
    Axis("layer"),
    Axis("norm", "log"),
    (
        Line(DEPTH, 0.25**DEPTH, "0.25^L", "theory", "sigmoid"),
        Line(DEPTH, np.where(DEPTH < 75, 0.25**DEPTH, 0.0), "sigmoid", color="sigmoid"),
        Line([0, 89], [1, 1], "one", "reference"),
    ),
    (Band(0.1, 10, "healthy"),),
)
GRID = np.array([[0.0, 1.0, 2.0], [3.0, np.nan, 5.0]])
PICTURE = Picture("p", Axis("w"), Axis("b"), GRID, [0, 1], [0, 1, 2], "loss",
                  (Line([0, 2], [0, 1], "path"),))  # fmt: skip


def drawn(figure: Plot | Picture) -> ElementTree.Element:
    return ElementTree.fromstring(themed_svg(figure)[2])


def sheet(root: ElementTree.Element) -> tuple[dict[str, str], dict[str, str]]:
    """The meaning of each colour's name, in the light and in the dark theme."""
    text = next(root.iter(f"{SVG}style")).text or ""
    light, dark = re.findall(r":root\{(.*?)\}", text)
    return tuple(dict(re.findall(r"--(c\d+):(#\w+);", part)) for part in (light, dark))


def named(root: ElementTree.Element) -> set[str]:
    """Every colour that something is painted with, apart from what stands in the style sheet."""
    attributes = [one.get(part) for one in root.iter() for part in ("fill", "stroke")]
    return {value for value in attributes if value and value != "none"}


def test_every_colour_of_a_plot_has_a_meaning_in_both_themes() -> None:
    root = drawn(PLOT)
    light, dark = sheet(root)
    assert named(root) <= {f"var(--{name})" for name in light}
    pairs = {(light[name], dark[name]) for name in light}
    for part in ("background", "text", "muted", "grid", "band"):
        assert (getattr(THEMES["light"], part), getattr(THEMES["dark"], part)) in pairs
    for hue in ("sigmoid", "grey"):
        assert (HUES[hue].light, HUES[hue].dark) in pairs


def test_what_lies_on_the_cells_of_a_picture_is_the_same_in_both() -> None:
    literal = {color for color in named(drawn(PICTURE)) if not color.startswith("var")}
    assert literal == {ON_CELLS.light, CELL_EDGE, "url(#b0)"}


WAVE = np.linspace(0, 30, 3000)
RISING = Line(WAVE, np.sin(WAVE**1.5 / 9) + 2, "wave")
WINDING = Line(np.cos(WAVE), np.sin(1.3 * WAVE), "wind")


@pytest.mark.parametrize("line", [RISING, WINDING], ids=["to the right", "to and fro"])
def test_points_lie_where_the_layout_says_and_none_is_missed(line: Line) -> None:
    plot = Plot("f", Axis("x"), Axis("y"), (line,))
    (one,) = arrange(plot).series
    places = _places(drawn(plot))  # (n_points, 2): pixels
    off = 0.05 + 0.01  # a place is rounded to a tenth of a pixel
    if line is WINDING:
        assert len(places) == 3000
        whole = places
    else:
        assert len(places) < 600
        # What is left out lies within a seventh of a pixel; a rounded place shifts a steep piece.
        steps = np.diff(places, axis=0)
        off += 1 / 7 + 0.05 * np.abs(steps[:, 1] / steps[:, 0]).max()
        scale = np.ptp(places[:, 0]) / np.ptp(one.x)
        across = places[0, 0] + scale * (one.x - one.x[0])
        whole = np.stack([across, np.interp(across, *places.T)], axis=1)
    for axis, positions in ((0, one.x), (1, one.y)):  # pixels are linear in positions
        slope, start = np.polyfit(positions, whole[:, axis], 1)
        assert whole[:, axis] == pytest.approx(slope * positions + start, abs=off)


def _places(root: ElementTree.Element) -> np.ndarray:
    path = max((one.get("d") or "" for one in root.iter(f"{SVG}path")), key=len)
    return np.array([[float(part) for part in p.split(" ")] for p in re.split("[ML]", path)[1:]])


def test_a_gap_breaks_a_line() -> None:
    broken = Line([0, 1, 2, 3, 4, 5], [1, 2, np.nan, 2, np.nan, 1], "a")
    paths = [one.get("d") or "" for one in drawn(Plot("f", Axis("x"), Axis("y"), (broken,))).iter()]
    assert "nan" not in "".join(paths)
    assert [path.count("M") for path in paths if path.count("L") == 1] == [3]


def test_each_exact_zero_has_its_mark() -> None:
    feet = [one for one in drawn(PLOT).iter(f"{SVG}use") if float(one.get("y") or 0) > 300]
    assert len(feet) >= 15


def test_the_cells_are_one_pixel_each_and_a_gap_is_seen_through() -> None:
    href = next(drawn(PICTURE).iter(f"{SVG}image")).get("href") or ""
    raw = base64.b64decode(href.partition(",")[2])
    pixels = np.asarray(Image.open(io.BytesIO(raw)))  # (rows from the top, columns, RGBA)
    assert pixels.shape == (2, 3, 4)
    assert pixels[..., 3].tolist() == [[255, 0, 255], [255, 255, 255]]
    assert tuple(pixels[0, 2, :3]) == (253, 231, 37)  # viridis's yellow, at the largest
    assert tuple(pixels[1, 0, :3]) == (68, 1, 84)  # its violet, at the smallest


def test_the_page_gets_an_image_with_its_sentence_for_each_figure() -> None:
    for figure in (PLOT, PICTURE, side_by_side(PLOT, PICTURE, PLOT)):
        page = html_image(figure.parts())
        tags = re.findall(r"<img [^>]*>", page)
        said = [html.unescape(re.findall(r'alt="([^"]*)"', tag)[0]) for tag in tags]
        assert said == [part.alt for part in figure.parts()]
        assert all("color-scheme: light" in tag for tag in tags)
        assert page == figure._repr_mimebundle_()[0]["text/html"]
        assert len(page) < 4 / 3 * len(figure.to_png()), "it costs less than the PNG beside it"


def test_the_letters_of_a_row_can_be_read_where_it_is_narrowest() -> None:
    page = html_image(side_by_side(PLOT, PICTURE, PLOT).parts())
    for tag in re.findall(r"<img [^>]*>", page):
        (least,) = re.findall(r"flex: 1 1 (\d+)px", tag)
        (width,) = re.findall(r' width="(\d+)"', tag)
        source = base64.b64decode(re.findall(r'base64,([^"]*)"', tag)[0]).decode()
        sizes = [float(size) for size in re.findall(r"font(?:-size)?:([\d.]+)px", source)]
        assert min(sizes) * int(least) / int(width) >= 11


def test_the_axes_of_a_row_have_one_height() -> None:
    named = Plot(
        "A title that takes more than one row of a narrow figure", PLOT.x, PLOT.y, PLOT.lines
    )
    page = html_image(side_by_side(named, PICTURE).parts())
    assert len(set(re.findall(r' height="(\d+)" alt', page))) == 1
