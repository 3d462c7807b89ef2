"""Both renderers draw the same layout: scales, ticks, zero strip, points."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from PIL import Image

from gradcourse.figures import Axis, Band, Line, Picture, Plot, side_by_side
from gradcourse.figures.layout import Layout, arrange, arrange_all, steady
from gradcourse.figures.style import SIGNED_COLORS, contrast
from gradcourse.figures.themed import themed_svg
from gradcourse.figures.wire import Points, bar_colors, describe, style_table

DEPTH = np.arange(90.0)


@pytest.fixture
def plot() -> Plot:
    vanishing = np.where(DEPTH < 75, 0.25**DEPTH, 0.0)
    return Plot(
        "Gradient norm",
        Axis("layer"),
        Axis("norm", "log"),
        (
            Line(DEPTH, 0.25**DEPTH, "0.25^L", "theory", "sigmoid"),
            Line(DEPTH, vanishing, "sigmoid", color="sigmoid"),
            Line(DEPTH, 0.9**DEPTH, "tanh", color="tanh"),
            Line([0, 89], [1, 1], "one", "reference"),
        ),
        (Band(0.1, 10, "healthy"),),
    )


def test_both_renderers_show_the_same_ticks_and_limits(plot: Plot) -> None:
    layout = arrange(plot)
    ax = plot.to_matplotlib().axes[0]
    frame = describe(layout, plot.title, plot.alt, Points())
    labels = [label for _, label in frame["y"]["ticks"] if label]
    assert [text.get_text() for text in ax.get_yticklabels()] == ["0", *labels]
    assert np.log10(ax.get_ylim()) == pytest.approx([frame["y"]["bottom"], frame["y"]["high"]])
    assert ax.get_xlim() == pytest.approx((frame["x"]["bottom"], frame["x"]["high"]))
    assert frame["alt"] == plot.alt
    json.dumps(frame)


def test_both_renderers_draw_the_same_points(plot: Plot) -> None:
    points = Points()
    frame = describe(arrange(plot), plot.title, plot.alt, points)
    numbers = np.frombuffer(points.bytes(), "<f4")
    drawn = {line.get_label(): line for line in plot.to_matplotlib().axes[0].get_lines()}
    for line in frame["lines"]:
        sent = numbers[line["y"] : line["y"] + line["n"]]
        shown = np.asarray(drawn[line["label"]].get_ydata(), dtype=float)
        with np.errstate(divide="ignore"):
            shown = np.log10(shown)
        gap = np.isnan(shown)
        assert sent[~gap] == pytest.approx(shown[~gap], rel=1e-6)
        assert not np.isfinite(sent[gap]).any()


def test_exact_zeros_lie_on_a_strip_of_their_own(plot: Plot) -> None:
    scale = arrange(plot).y
    assert scale.zero is not None
    assert scale.bottom < scale.zero < scale.low
    foot = 10.0**scale.zero
    on_strip = [
        line for line in plot.to_matplotlib().axes[0].get_lines()
        if np.allclose(line.get_ydata(), foot, rtol=1e-9, atol=0)
    ]  # fmt: skip
    assert [len(line.get_xdata()) for line in on_strip] == [15]
    without = Plot(plot.title, plot.x, plot.y, plot.lines[2:])
    assert arrange(without).y.zero is None


def test_values_below_float32_reach_the_browser() -> None:
    tiny = Plot("t", Axis("x"), Axis("y", "log"), (Line([1, 2, 3], [1e-300, 1e-200, 1], "a"),))
    points = Points()
    line = describe(arrange(tiny), "t", "", points)["lines"][0]
    sent = np.frombuffer(points.bytes(), "<f4")[line["y"] : line["y"] + 3]
    assert sent == pytest.approx([-300, -200, 0])


def test_bytes_hold_a_shared_x_once(plot: Plot) -> None:
    points = Points()
    frame = describe(arrange(plot), "t", "", points)
    long = [line for line in frame["lines"] if line["n"] == 90]
    assert len({line["x"] for line in long}) == 1
    assert len(points.bytes()) == 4 * (90 + 3 * 90 + 2 + 2)


def test_theory_comes_last_and_its_measured_line_is_broad(plot: Plot) -> None:
    layout = arrange(plot)
    assert [one.role for one in layout.series] == ["reference", "measured", "measured", "theory"]
    widths = {one.label: one.width for one in layout.series}
    assert widths["sigmoid"] > 2 * widths["0.25^L"]
    assert widths["tanh"] < widths["sigmoid"]
    legend = plot.to_matplotlib().axes[0].get_legend()
    assert [text.get_text() for text in legend.get_texts()] == ["0.25^L", "sigmoid", "tanh"]


def test_labels_inside_the_axes_do_not_lie_on_each_other() -> None:
    crowded = Plot(
        "t",
        Axis("x"),
        Axis("y"),
        (
            Line([0, 10], [1, 2], "a"),
            Line([0, 10], [1.5, 1.5], "first reference", "reference"),
            Line([0, 10], [1.52, 1.52], "second reference", "reference"),
        ),
        (Band(1.4, 1.6, "healthy"),),
    )
    layout = arrange(crowded)
    notes = [one.note for one in layout.series if one.note] + [zone.note for zone in layout.zones]
    places = {(note.anchor, round(note.up / 0.065)) for note in notes}
    assert len(places) == 3


STEPS = np.arange(300.0)
NOISE = np.random.default_rng(0).uniform(0.6, 1.4, 300)
ONE = Line([0, 299], [1, 1], "guessing", "reference")
UPRIGHT = Line([150, 150], [0, 2], "half-way", "reference")


def _under(loss: np.ndarray, reference: Line) -> Plot:
    axes = Axis("step"), Axis("loss", limits=(0.0, 2.0))
    return Plot("t", *axes, (Line(STEPS, loss, "loss"), reference), (Band(0.1, 0.4, "good"),))


@pytest.mark.parametrize("reference", [ONE, UPRIGHT], ids=["level", "upright"])
@pytest.mark.parametrize(
    "loss",
    [2 - STEPS / 150, np.where(STEPS < 200, NOISE, 1.7), np.where(abs(STEPS - 200) < 40, 1.7, 0.9),
     np.where(STEPS % 2, 1.95, 0.5)],
    ids=["falling", "calm at the end", "a gap", "to and fro"],
)  # fmt: skip
def test_no_line_runs_through_a_label(loss: np.ndarray, reference: Line) -> None:
    figure = _under(loss, reference).to_matplotlib()
    figure.canvas.draw()
    ax = figure.axes[0]
    line = next(one for one in ax.get_lines() if one.get_label() == "loss")
    at = np.interp(np.linspace(0, 299, 30_000), STEPS, np.arange(300.0))
    across, up = ax.transData.transform(np.stack(line.get_data(), axis=1)).T
    across, up = (np.interp(at, STEPS, places) for places in (across, up))
    named = [text for text in ax.texts if text.get_text() == reference.label]
    legend = ax.get_legend()
    assert legend is not None
    assert bool(named) != (reference.label in [text.get_text() for text in legend.get_texts()])
    for text in named:
        box = text.get_window_extent()
        inside = (across > box.x0) & (across < box.x1) & (up > box.y0 + 2) & (up < box.y1 - 2)
        assert not inside.any()


def test_a_label_without_a_free_place_stands_in_every_legend() -> None:
    plot = _under(NOISE, ONE)
    assert not any(one.direct or one.note for one in arrange(plot).series)
    frame = describe(arrange(plot), plot.title, plot.alt, Points())
    assert [frame["lines"][index]["label"] for index in frame["order"]] == ["loss", "guessing"]
    legend = plot.to_matplotlib().axes[0].get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == ["loss", "guessing"]
    assert themed_svg(plot)[2].count(">guessing<") == 1


def test_what_one_frame_names_in_its_legend_all_do() -> None:
    calm, noisy = _under(np.full(300, 1.7), ONE), _under(NOISE, ONE)
    assert any(one.direct for one in arrange(calm).series)
    assert not any(one.direct for layout in arrange_all([calm, noisy]) for one in layout.series)
    assert not any(one.direct for one in steady(arrange(calm), arrange(noisy)).series)


def test_png_is_the_same_twice_and_carries_no_date(plot: Plot) -> None:
    first, second = plot.to_png(100), plot.to_png(100)
    assert first == second
    assert first[:8] == b"\x89PNG\r\n\x1a\n"
    assert b"tIME" not in first
    assert b"Software" not in first


def test_bundle_carries_the_text_and_the_size(plot: Plot) -> None:
    data, metadata = plot._repr_mimebundle_()
    assert data["text/plain"] == plot.alt
    assert metadata["image/png"] == {"alt": plot.alt, "width": 640, "height": 400}
    row, about = side_by_side(plot, plot)._repr_mimebundle_()
    assert row["text/plain"] == f"{plot.alt} {plot.alt}"
    assert about["image/png"]["width"] > 640


def test_letters_can_be_read_at_the_back_of_a_hall(plot: Plot) -> None:
    from matplotlib.text import Text

    for text in plot.to_matplotlib().findobj(Text):
        assert text.get_fontsize() >= 11 or not text.get_text()


def test_a_plot_can_be_drawn_on_axes_that_are_given(plot: Plot) -> None:
    from matplotlib.figure import Figure

    figure = Figure()
    ax = figure.subplots()
    assert plot.to_matplotlib(ax) is figure
    assert ax.get_yscale() == "log"


def test_frames_of_one_demo_share_their_axes() -> None:
    plots = [
        Plot("t", Axis("x"), Axis("y", "log"), (Line(DEPTH, r**DEPTH, "a"),)) for r in (0.5, 1.1)
    ]
    layouts = arrange_all(plots)
    assert layouts[0].y == layouts[1].y
    assert layouts[0].y.low < -26
    assert layouts[0].y.high > 3.6


def test_axes_stay_while_a_frame_fits_and_follow_when_it_does_not() -> None:
    def of(top: float) -> Plot:
        return Plot("t", Axis("x"), Axis("y"), (Line([0, 1], [0, top], "a"),))

    first = arrange(of(10))
    assert steady(arrange(of(8)), first).y == first.y
    assert steady(arrange(of(12)), first).y.high > 12
    assert steady(arrange(of(1)), first).y.high < 2


@pytest.mark.parametrize(
    ("limits", "labels"),
    [
        ((0.0, 1.0), ["0", "0.2", "0.4", "0.6", "0.8", "1.0"]),
        ((-6.0, 6.0), ["−6", "−4", "−2", "0", "2", "4", "6"]),
        ((0.0, 1.2e-7), ["0", "2·10⁻⁸", "4·10⁻⁸", "6·10⁻⁸", "8·10⁻⁸", "1·10⁻⁷", "1.2·10⁻⁷"]),
    ],
)
def test_linear_ticks_are_round_numbers(limits: tuple[float, float], labels: list[str]) -> None:
    line = Line([0, 1], limits, "a")
    scale = arrange(Plot("t", Axis("x"), Axis("y", limits=limits), (line,))).y
    assert [label for _, label in scale.ticks] == labels


@pytest.mark.parametrize("span", [1.5, 3, 12, 40, 160, 600])
def test_log_ticks_are_few_and_labelled_in_powers(span: float) -> None:
    y = [10 ** (-span / 2), 10 ** (span / 2)]
    scale = arrange(Plot("t", Axis("x"), Axis("y", "log"), (Line([0, 1], y, "a"),))).y
    labels = [label for _, label in scale.ticks if label]
    assert 2 <= len(labels) <= 9
    assert len(scale.ticks) <= 45
    if span >= 3:
        assert all(label.startswith("10") for label in labels)


def test_axis_may_be_reversed() -> None:
    line = Line([1, 50], [1, 2], "a")
    plot = Plot("t", Axis("layer", limits=(50, 1)), Axis("y"), (line,))
    assert plot.to_matplotlib().axes[0].get_xlim() == (50, 1)
    assert [at for at, _ in arrange(plot).x.ticks] == [10, 20, 30, 40, 50]


def test_extreme_values_are_drawn_without_a_warning(recwarn: pytest.WarningsRecorder) -> None:
    y = [5e-324, 1e-310, 1e308, np.inf, 0]
    plot = Plot("t", Axis("x"), Axis("y", "log"), (Line(np.arange(5), y, "a"),))
    assert plot.to_png(50)
    assert [str(one.message) for one in recwarn] == []


def test_lines_on_a_picture_can_be_seen_on_its_brightest_cells() -> None:
    axis = np.arange(20.0)

    def darkest(*lines: Line) -> int:
        names, bright = (Axis("x"), Axis("y")), np.ones((20, 20))
        picture = Picture("t", *names, bright, axis, axis, "v", lines, color_limits=(0.0, 1.0))
        pixels = np.asarray(Image.open(io.BytesIO(picture.to_png(100))).convert("L"))
        return int(pixels[120:300, 150:400].min())

    assert darkest() > 150
    assert darkest(Line(axis, axis, "the diagonal", "theory")) < 80


def test_a_legend_covers_no_cell_of_a_picture() -> None:
    axis = np.arange(5.0)
    lines = tuple(Line(axis, axis / k, f"line {k}") for k in (1, 2, 3))
    figure = Picture("t", Axis("x"), Axis("y"), np.eye(5), axis, axis, "v", lines).to_matplotlib()
    figure.canvas.draw()
    ax = figure.axes[0]
    legend = ax.get_legend().get_window_extent()
    assert legend.y0 >= ax.bbox.y1 - 2
    assert legend.x1 <= figure.bbox.x1
    assert ax.title.get_window_extent().y0 >= ax.bbox.y1


def _picture(values: np.ndarray, **changes: Any) -> Picture:
    rows, columns = np.arange(1, len(values) + 1), np.linspace(-2, 2, values.shape[1])
    return Picture("t", Axis("x"), Axis("y"), values, rows, columns, "value", **changes)


@pytest.mark.parametrize("limits", [None, (-0.5, 0.5)])
def test_both_renderers_colour_the_same_cells(limits: Any) -> None:
    values = np.random.default_rng(0).uniform(-1, 1, (7, 13))
    values[2, 3], values[4, 5] = np.nan, np.inf
    picture, points = _picture(values, color_limits=limits), Points()
    cells = describe(arrange(picture), "t", "", points)["cells"]
    numbers = np.frombuffer(points.bytes(), "<f4")
    assert (cells["rows"], cells["columns"]) == values.shape
    shares = numbers[cells["start"] : cells["start"] + values.size].reshape(values.shape)
    gap = np.isnan(shares)
    assert np.argwhere(gap).tolist() == [[2, 3], [4, 5]]

    image = picture.to_matplotlib().axes[0].get_images()[0]
    drawn = image.to_rgba(image.get_array(), bytes=True).astype(int)
    assert (drawn[..., 3] == 0).tolist() == gap.tolist()
    colors = np.array([[int(c[i : i + 2], 16) for i in (1, 3, 5)] for c in style_table()["colors"]])
    sent = colors[np.minimum(len(colors) - 1, (shares[~gap] * len(colors)).astype(int))]
    assert np.abs(sent - drawn[~gap][:, :3]).max() <= 4  # float32 may end one colour beside
    extent = tuple(image.get_extent())
    assert extent == pytest.approx((*cells["across"], *cells["up"]))


def test_both_renderers_show_the_same_ticks_of_a_picture_and_of_its_colours() -> None:
    picture = _picture(np.array([[1.0, 2.0], [np.nan, 40.0]]))
    frame = describe(arrange(picture), "t", picture.alt, Points())
    figure = picture.to_matplotlib()
    figure.canvas.draw()
    ax, bar = figure.axes
    for axis, scale in ((ax.xaxis, frame["x"]), (ax.yaxis, frame["y"]),
                        (bar.yaxis, frame["cells"]["color"])):  # fmt: skip
        labels = [text.get_text() for text in axis.get_ticklabels()]
        assert labels == [label for _, label in scale["ticks"]]
        assert axis.get_view_interval() == pytest.approx((scale["bottom"], scale["high"]))
        assert axis.get_label_text() == scale["label"]
    assert [label for _, label in frame["y"]["ticks"]] == ["1", "2"]
    json.dumps(frame)


def test_lines_on_cells_are_the_same_for_both_renderers() -> None:
    line = Line([-1, 1], [1, 2], "across", "theory")
    picture, points = _picture(np.eye(3), lines=(line,)), Points()
    (sent,) = describe(arrange(picture), "t", "", points)["lines"]
    drawn = picture.to_matplotlib().axes[0].get_lines()[0]
    numbers = np.frombuffer(points.bytes(), "<f4")
    assert numbers[sent["x"] : sent["x"] + 2].tolist() == drawn.get_xdata().tolist()
    assert sent["light"] == sent["dark"] == drawn.get_color() == "#ffffff"
    assert (sent["width"], sent["edge"]) == (drawn.get_linewidth(), "#1f1f1f")


def test_colours_stay_while_a_frame_fits_and_follow_when_it_does_not() -> None:
    def layout(top: float) -> Layout:
        return arrange(_picture(np.array([[0.0, top]])))

    def color(top: float) -> tuple[float, float]:
        cells = steady(layout(top), layout(10)).cells
        assert cells is not None
        return cells.color.low, cells.color.high

    assert color(8) == (0, 10)
    assert color(12) == (0, 12)
    assert color(1) == (0, 1)


def test_a_picture_of_one_value_has_a_colour_in_the_middle() -> None:
    for value in (0.0, 5.0, -1e20):
        cells = arrange(_picture(np.full((2, 2), value))).cells
        assert cells is not None
        assert cells.shares.tolist() == [[0.5, 0.5], [0.5, 0.5]]


def test_a_picture_may_show_a_part_of_its_cells() -> None:
    picture = Picture(
        "t", Axis("x", limits=(2, 1)), Axis("y"), np.eye(3), [1, 2, 3], [1, 2, 3], "v"
    )
    assert picture.to_matplotlib().axes[0].get_xlim() == (2, 1)
    assert (arrange(picture).x.low, arrange(picture).x.high) == (2, 1)


def test_rows_go_up_columns_go_right_and_a_gap_shows_the_page() -> None:
    values = np.array([[-1.0, -1.0], [np.nan, 1.0]])
    pixels = np.asarray(Image.open(io.BytesIO(_picture(values).to_png(100))).convert("RGB"))
    pixels = pixels.astype(int)
    upper_left, upper_right = pixels[120, 120], pixels[120, 400]
    lower_left, lower_right = pixels[280, 120], pixels[280, 400]
    assert upper_left.tolist() == pixels[2, 2].tolist()
    assert lower_left.tolist() == lower_right.tolist()
    assert upper_right.sum() > lower_right.sum() + 100  # yellow and violet


def test_picture_keeps_its_cells_and_gaps() -> None:
    values = np.array([[1.0, np.nan], [3.0, 4.0]])
    picture = Picture("t", Axis("x"), Axis("y"), values, [1, 2], [10, 20], "c")
    image = picture.to_matplotlib().axes[0].get_images()[0]
    assert np.ma.filled(image.get_array(), -1).tolist() == [[1, -1], [3, 4]]
    assert tuple(image.get_extent()) == (5, 25, 0.5, 2.5)


def test_figures_import_neither_matplotlib_nor_widgets_nor_torch() -> None:
    code = (
        "import sys, gradcourse.figures; "
        "print([m for m in ('matplotlib', 'ipywidgets', 'anywidget', 'torch') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_zeros_of_two_lines_lie_in_lanes_of_their_own() -> None:
    x = [0.0, 1.0, 2.0]
    lines = (Line(x, [1.0, 0.0, 0.0], "a"), Line(x, [1.0, 0.1, 0.0], "b", color="green"))
    layout = arrange(Plot("t", Axis("x"), Axis("y", "log"), lines))
    feet = [layout.foot(one) for one in layout.series]
    assert None not in feet
    assert len(set(feet)) == 2
    assert all(layout.y.bottom < foot < layout.y.low for foot in feet if foot is not None)


def test_a_picture_whose_sign_is_the_message_is_pale_at_zero_in_every_renderer() -> None:
    signed = _picture(np.array([[-1.0, 0.0, 1.0]]), signed=True, color_limits=(-1.0, 1.0))
    layout = arrange(signed)
    assert layout.cells is not None
    assert describe(layout, "t", "", Points())["cells"]["signed"] is True
    middle = bar_colors(signed=True)[128]
    assert contrast(middle, "#ffffff") < 1.2 < contrast(bar_colors()[128], "#ffffff")
    assert signed.to_matplotlib().axes[0].images[0].get_cmap().name == SIGNED_COLORS


def test_a_name_stands_once_in_the_legend() -> None:
    x = [1.0, 2.0]
    lines = [
        Line(x, [1.0, k], name, role, color)
        for k, (name, role, color) in enumerate(
            (
                ("a", "measured", "blue"),
                ("theory", "theory", "black"),
                ("b", "measured", "green"),
                ("theory", "theory", "black"),
            ),
            start=1,
        )
    ]
    plot = Plot("t", Axis("x"), Axis("y"), tuple(lines))
    frame = describe(arrange(plot), "t", plot.alt, Points())
    assert [frame["lines"][index]["label"] for index in frame["order"]] == ["a", "theory", "b"]
    legend = plot.to_matplotlib().axes[0].get_legend()
    assert legend is not None
    assert sorted(text.get_text() for text in legend.get_texts()) == ["a", "b", "theory"]
    assert plot.alt.count("theory") == 2
