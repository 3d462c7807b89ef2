"""Pictures are stored smaller only where nobody can tell."""

from __future__ import annotations

import base64
import io

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import pytest
from PIL import Image

from gradcourse.authoring.shrink import MOST_ERROR, shrink


def encoded(picture):
    stream = io.BytesIO()
    picture.save(stream, "PNG")
    return base64.b64encode(stream.getvalue()).decode()


def pixels(png):
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(png))).convert("RGB"), dtype=int)


def test_a_figure_takes_half_and_looks_the_same():
    figure, axes = plt.subplots()
    axes.plot(np.sin(np.arange(50)), color="#d55e00", lw=3)
    axes.plot(np.cos(np.arange(50)), color="#0072b2", ls="--")
    stream = io.BytesIO()
    figure.savefig(stream, dpi=144)
    plt.close(figure)
    before = base64.b64encode(stream.getvalue()).decode()
    after = shrink(before)
    assert len(after) < len(before) / 2
    assert np.abs(pixels(after) - pixels(before)).max() <= MOST_ERROR
    assert shrink(before) == after


def photo():
    random = np.random.default_rng(0)
    return Image.fromarray(random.integers(0, 256, (64, 64, 3), dtype=np.uint8))


@pytest.mark.parametrize(
    "png",
    [
        encoded(photo()),
        encoded(Image.new("RGBA", (64, 64), (255, 0, 0, 128))),
        base64.b64encode(b"not a picture").decode(),
        "?",
    ],
    ids=["photo", "transparent", "no picture", "no base64"],
)
def test_what_would_suffer_is_left_as_it_is(png):
    assert shrink(png) == png
