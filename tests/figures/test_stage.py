"""The fast picture is the picture that matplotlib draws."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image

from gradcourse.figures import Axis, Line, Picture
from gradcourse.figures.stage import Screen, Stage


def _picture(values: Any, title: str = "t", **changes: Any) -> Picture:
    rows, columns = np.arange(values.shape[0]), np.linspace(-2, 2, values.shape[1])
    options = {"color_limits": (-1.0, 1.0)} | changes
    return Picture(title, Axis("x"), Axis("y"), values, rows, columns, "value", **options)


def _pixels(png: bytes) -> Any:
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)


@pytest.mark.parametrize("shape", [(7, 13), (80, 80)])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_changed_picture_is_drawn_as_if_drawn_anew(shape: Any, theme: Any) -> None:
    rng = np.random.default_rng(0)
    first, second = (rng.uniform(-1, 1, shape) for _ in range(2))
    second[2, 3] = np.nan
    stage = Stage(Screen(theme, 100.0))
    stage.png(_picture(first))
    moved = _pixels(stage.png(_picture(second)))
    anew = _pixels(_picture(second).to_png(dpi=100) if theme == "light" else moved_anew(second))
    assert moved.shape == anew.shape
    different = np.abs(moved - anew).max(axis=2) > 24
    # Pixels on the border between two cells may fall to either side; nothing else may differ.
    assert different.mean() < 0.02


def test_a_moved_line_is_drawn_as_if_drawn_anew_and_its_legend_stays() -> None:
    values = np.linspace(-1, 1, 80 * 80).reshape(80, 80)

    def crossed(height: float) -> Picture:
        return _picture(values, lines=(Line([-1, 1], [height, height], "the line"),))

    stage = Stage(Screen("light", 100.0))
    stage.png(crossed(10.0))
    moved = _pixels(stage.png(crossed(60.0)))
    different = np.abs(moved - _pixels(crossed(60.0).to_png(dpi=100))).max(axis=2) > 24
    assert different.mean() < 0.01
    legend = slice(15, 50), slice(40, 250)
    assert (moved[legend].sum(axis=2) < 200).sum() > 50
    assert not different[legend].any()


def moved_anew(values: Any) -> bytes:
    """A dark picture from a stage that has seen no other."""
    return Stage(Screen("dark", 100.0)).png(_picture(values))


def test_rows_go_up_and_columns_go_right() -> None:
    values = np.full((2, 2), -1.0)
    values[1, 1] = 1.0
    pixels = _pixels(Stage(Screen("light", 100.0)).png(_picture(values)))
    bright = pixels.sum(axis=2)
    height, width = bright.shape
    upper_right = bright[int(height * 0.3), int(width * 0.55)]
    lower_left = bright[int(height * 0.6), int(width * 0.25)]
    assert upper_right != lower_left
    assert lower_left == bright[int(height * 0.3), int(width * 0.25)]


@pytest.mark.parametrize(("theme", "bright"), [("light", True), ("dark", False)])
def test_a_masked_cell_shows_the_page(theme: Any, bright: bool) -> None:
    stage = Stage(Screen(theme, 100.0))
    stage.png(_picture(np.zeros((2, 2))))
    left_masked = np.array([[np.nan, 0.0], [np.nan, 0.0]])
    pixels = _pixels(stage.png(_picture(left_masked)))
    height, width, _ = pixels.shape
    inside = pixels[int(height * 0.4), int(width * 0.2)]
    np.testing.assert_array_equal(inside, pixels[2, 2])  # the margin
    assert (inside.mean() > 128) == bright
