"""What batch statistics are worth: the running estimate, and the noise of small batches."""

from __future__ import annotations

import numpy as np

from gradcourse.experiments.batch_norm import (
    BATCHES,
    batch_variances,
    followed,
    normalized_among_strangers,
    running,
    sums,
)
from gradcourse.figures import Axis, Demo, Knob, Line, Plot


def draw_momentum(momentum: float) -> Plot:
    """A running variance on its way from 1 to the truth."""
    values, truth = batch_variances()
    estimate = running(values, momentum, 1.0)
    step = np.arange(BATCHES + 1)
    expected = truth + (1.0 - truth) * (1.0 - momentum) ** step
    off = float(np.sqrt(np.mean((estimate[-100:] / truth - 1.0) ** 2)))
    return Plot(
        title=f"Momentum {momentum:.2g}: off by {off:.0%} over the last 100 batches",
        x=Axis("batches seen", limits=(0.0, float(BATCHES))),
        y=Axis("variance of one unit", limits=(0.0, 2.2 * truth)),
        lines=(
            Line(step, estimate, "running variance", "measured", "batch_norm"),
            Line(step, expected, "on average", "theory", "batch_norm"),
            Line([0, BATCHES], [truth, truth], "all 1438 digits", "reference", "grey"),
        ),
    )


MOMENTUM = Demo(
    id="batch-norm/momentum",
    title="A running variance, batches of 16",
    knobs=(Knob("momentum", "momentum m", -3.0, 0.0, 0.1, -1.0, log=True),),
    draw=draw_momentum,
)


def draw_noise(size: int) -> Plot:
    """The same digit in 60 batches, by batch norm and by layer norm."""
    found, whole = normalized_among_strangers(int(size))
    image, unit, _ = followed()
    row = sums()[image]  # (64,)
    by_layer = (row[unit] - row.mean()) / row.std()
    batch = np.arange(1, len(found) + 1)
    return Plot(
        title=f"Batches of {size}: the same digit, ± {np.std(found):.2f}",
        x=Axis("which batch", limits=(1.0, float(len(found)))),
        y=Axis("one unit after the norm", limits=(-2.5, 4.5)),
        lines=(
            Line(batch, found, "batch norm", "measured", "batch_norm"),
            Line(batch, np.full(len(found), by_layer), "layer norm", "measured", "layer_norm"),
            Line([1, len(found)], [whole, whole], "among all 1438 digits", "reference", "grey"),
        ),
    )


NOISE = Demo(
    id="batch-norm/noise",
    title="One digit, always among other strangers",
    knobs=(Knob("size", "batch size", 2.0, 256.0, 2.0, 8.0, integer=True),),
    draw=draw_noise,
)
