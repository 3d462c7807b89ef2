"""Figures as data: what they refuse, what they say, and that they cannot change afterwards."""

from __future__ import annotations

import numpy as np
import pytest

from gradcourse.figures import Axis, Band, Line, Picture, Plot, side_by_side
from gradcourse.support import GradcourseError

LAYERS = np.arange(1, 21)


def log_plot(*lines: Line, bands: tuple[Band, ...] = ()) -> Plot:
    return Plot("Gradients", Axis("layer"), Axis("norm", "log"), lines, bands)


def test_alt_says_where_a_line_starts_and_ends() -> None:
    plot = log_plot(Line(LAYERS, 10.0 ** (-(20.0 - LAYERS)) * 3, "gradient norm"))
    assert plot.alt == ("Gradients: gradient norm rises from 3e-19 at layer 1 to 3 at layer 20.")


def test_alt_names_exact_zeros_and_overflow() -> None:
    falling = 0.25 ** np.arange(100.0)
    falling[75:] = 0
    growing = np.where(np.arange(100) < 90, 2.0 ** np.arange(100), np.inf)
    alt = log_plot(
        Line(np.arange(100), falling, "float32"), Line(np.arange(100), growing, "float16")
    ).alt
    assert "float32 falls from 1 at layer 0 to 3e-45 at layer 74, exactly 0 from layer 75 on" in alt
    assert "infinite from layer 90 on" in alt


def test_alt_names_a_layer_by_its_whole_number() -> None:
    depth = np.arange(1000)
    with np.errstate(over="ignore"):
        y = (1.5**depth).astype("float32").astype(float)
    alt = Plot("t", Axis("layer"), Axis("size", "log"), (Line(depth, y, "f"),)).alt
    assert "to 2e38 at layer 218, infinite from layer 219 on" in alt


def test_alt_of_a_line_that_is_zero_throughout() -> None:
    alt = log_plot(Line(LAYERS, LAYERS, "a"), Line(LAYERS, 0 * LAYERS, "b")).alt
    assert "b is exactly 0 throughout" in alt


@pytest.mark.parametrize(
    ("factor", "said"),
    [(1.021, "within 3 %"), (1.3, "within 30 %"), (4.2, "within a factor of 5")],
)
def test_alt_says_how_well_theory_agrees(factor: float, said: str) -> None:
    measured = 0.5**LAYERS
    alt = log_plot(
        Line(LAYERS, measured, "measured", color="tanh"),
        Line(LAYERS, measured * factor, "theory", "theory", "tanh"),
    ).alt
    assert f"theory, dashed, {said} of measured" in alt


def test_alt_describes_a_peak_a_flat_line_a_reference_and_a_band() -> None:
    x = np.linspace(-4, 4, 81)
    plot = Plot(
        "Slopes",
        Axis("x"),
        Axis("slope"),
        (
            Line(x, 1 - np.tanh(x) ** 2, "tanh′"),
            Line(x, np.full(81, 0.5), "flat"),
            Line([2, 2], [0, 1], "saturated from here", "reference"),
        ),
        (Band(0.2, 0.8, "healthy"),),
    )
    assert "tanh′ rises from 1.3e-3 at x = -4 to 1 at x = 0, then falls to" in plot.alt
    assert "flat stays near 0.5" in plot.alt
    assert "saturated from here, a reference line at x = 2" in plot.alt
    assert "shaded from 0.2 to 0.8: healthy" in plot.alt


def test_alt_survives_noise_below_its_digits() -> None:
    """The stored text of a notebook must not depend on the last bits of a sum."""
    y = 0.77**LAYERS
    noisy = y * (1 + 1e-9 * np.random.default_rng(0).normal(size=y.shape))
    assert log_plot(Line(LAYERS, y, "a")).alt == log_plot(Line(LAYERS, noisy, "a")).alt


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Line([1, 2], [1, 2, 3], "a"), r"\(2,\).*\(3,\)"),
        (lambda: Line([], [], "a"), "at least 1"),
        (lambda: Line([[1, 2]], [[1, 2]], "a"), "vectors"),
        (lambda: Line([1, np.nan], [1, 2], "a"), "x holds NaN"),
        (lambda: Line([1], ["many"], "a"), "no array of numbers"),
        (lambda: Line([1], [1], "a", "guess"), "role is 'guess'"),
        (lambda: Line([1], [1], "a", color="sigmod"), "Did you mean sigmoid"),
        (lambda: Band(2, 1, "b"), "low < high"),
        (lambda: Axis("y", "cubic"), "'linear' or 'log'"),
        (lambda: Axis("y", "log", (0, 1)), "must be positive"),
        (lambda: Axis("y", limits=(0, np.inf)), "two finite"),
        (lambda: log_plot(), "no finite point"),
        (lambda: log_plot(Line([1, 2], [np.nan, np.inf], "a")), "no finite point"),
        (lambda: log_plot(Line([1, 2], [1, -3], "a")), "y is -3 at point 1"),
        (lambda: log_plot(Line([1], [1], "a"), bands=(Band(-2, -1, "b"),)), "below 0"),
        (
            lambda: Plot("t", Axis("x", "log"), Axis("y"), (Line([0, 1], [1, 1], "a"),)),
            "x holds 0 on a log axis",
        ),
        (lambda: side_by_side(log_plot(Line([1], [1], "a"))), "2 or 3"),
    ],
)
def test_bad_figures_are_refused_with_a_reason(make, message: str) -> None:
    with pytest.raises(GradcourseError, match=message):
        make()


def picture(values: np.ndarray) -> Picture:
    rows, columns = np.arange(values.shape[0]), np.arange(values.shape[1]) - 5.0
    return Picture("Loss", Axis("w"), Axis("b"), values, rows, columns, "loss")


def test_picture_alt_and_validation() -> None:
    values = np.arange(12.0).reshape(3, 4)
    values[0, 0] = np.nan
    assert picture(values).alt == (
        "Loss: loss over w -5 to -2 and b 0 to 2; largest 11 at w = -2, b = 2, "
        "smallest 1 at w = -4, b = 0."
    )
    with pytest.raises(GradcourseError, match="no finite value"):
        picture(np.full((2, 2), np.nan))
    with pytest.raises(GradcourseError, match="evenly spaced"):
        Picture("t", Axis("x"), Axis("y"), np.ones((1, 3)), [1], [1, 2, 4], "c")
    with pytest.raises(GradcourseError, match=r"\(2, 3\)"):
        Picture("t", Axis("x"), Axis("y"), np.ones((3, 2)), [1, 2], [1, 2, 3], "c")


def test_a_figure_does_not_change_with_its_source_and_compares_by_value() -> None:
    y = np.array([1.0, np.nan, 3.0])
    line, same = Line([1, 2, 3], y, "a"), Line([1, 2, 3], y, "a")
    y[0] = 99
    assert np.asarray(line.y)[0] == 1
    assert line == same
    assert line != Line([1, 2, 3], y, "a")
    with pytest.raises(ValueError, match="read-only"):
        np.asarray(line.y)[0] = 2


def test_a_tensor_that_needs_a_gradient_is_refused_in_words() -> None:
    import torch

    with pytest.raises(GradcourseError, match="detach"):
        Line([1], torch.ones(1, requires_grad=True), "a")


def test_a_sentence_does_not_reverse_time() -> None:
    lag = Plot("f", Axis("lag T − t"), Axis("g", "log"), (Line([0, 100], [1, 3e-5], "gradient"),))
    assert "falls from 1 at lag 0 to 3e-5 at lag 100" in lag.alt
    number = Plot("f", Axis("factors L"), Axis("g", "log"), (Line([0, 9], [1, 0.1], "size"),))
    assert "at L = 9" in number.alt


def test_a_small_fall_is_told_in_numbers_that_differ() -> None:
    small = Plot("f", Axis("layer"), Axis("g", "log"), (Line([1, 9], [0.14, 0.11], "size"),))
    assert "falls from 0.14 at layer 1 to 0.11 at layer 9" in small.alt


def test_a_number_follows_a_name_and_not_a_phrase() -> None:
    phrase = Axis("images in the batch")
    plot = Plot("f", phrase, Axis("share"), (Line([2, 64], [0.1, 0.9], "share"),))
    assert "at images in the batch = 2 to 0.9 at images in the batch = 64" in plot.alt
