"""One unit and a batch of eight images: forwards, and the three paths back."""

from __future__ import annotations

import numpy as np

from gradcourse.experiments.batch_norm import EPS, gradient_by_torch, paths, standardised
from gradcourse.figures import Axis, Demo, Knob, Line, Plot

OTHERS = np.array([-2.6, -1.5, -0.7, 0.1, 0.8, 1.5, 2.4])
"""The sums of seven images; the learner holds the eighth."""


def draw_one_batch(u: float) -> Plot:
    """Eight sums, before and after batch norm."""
    batch = np.append(OTHERS, u)
    image = np.arange(1, 9)
    return Plot(
        title=f"Image 8 has u = {u:.1f}: batch mean {batch.mean():.2f}, std {batch.std():.2f}",
        x=Axis("image", limits=(0.7, 8.3)),
        y=Axis("one unit", limits=(-8.5, 8.5)),
        lines=(
            Line(image, batch, "u, before", "reference", "grey"),
            Line(image, standardised(batch), "x̂, after", "measured", "batch_norm"),
        ),
    )


ONE_BATCH = Demo(
    id="batch-norm/one-batch",
    title="Move one image, and watch the seven others",
    knobs=(Knob("u", "u of image 8", -8.0, 8.0, 0.2, 3.0),),
    draw=draw_one_batch,
)


def draw_paths(u: float) -> Plot:
    """∂ℒ/∂u of eight images when the loss looks at image 8 only."""
    batch, delta = np.append(OTHERS, u), np.eye(8)[7]
    size = np.sqrt(batch.var() + EPS)
    direct, with_mean, whole = paths(batch, delta)
    measured = gradient_by_torch(batch, delta) * size
    image = np.arange(1, 9)
    return Plot(
        title=f"Image 8 has x̂ = {standardised(batch)[7]:.2f}; its own gradient: {measured[7]:.2f}",
        x=Axis("image", limits=(0.7, 8.3)),
        y=Axis("∂ℒ/∂u, times the batch's std", limits=(-1.0, 1.1)),
        lines=(
            Line(image, direct, "direct", color="grey"),
            Line(image, with_mean - direct, "through μ", color="vermillion"),
            Line(image, whole - with_mean, "through σ²", color="blue"),
            Line(image, measured, "autograd", "measured", "batch_norm"),
            Line(image, whole, "sum of three", "theory", "batch_norm"),
        ),
    )


PATHS = Demo(
    id="batch-norm/paths",
    title="The loss looks at image 8 only: who gets a gradient?",
    knobs=(Knob("u", "u of image 8", -8.0, 8.0, 0.2, 3.0),),
    draw=draw_paths,
)
