"""What batch statistics are worth: the running estimate, and the noise of small batches."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from gradcourse.figures import Axis, Demo, Knob, Line, Plot

Array = NDArray[np.float64]

BATCHES = 300
BATCH = 16
IMAGE_AT = 1.0
"""The x̂, among all digits, of the digit that is followed."""


@cache
def sums(seed: int = 0) -> Array:
    """u of the 64 units of a first layer, for all training digits; shape (1438, 64)."""
    from gradcourse.data import digits
    from gradcourse.nets import normalized_mlp

    layer = normalized_mlp(1, seed=seed)[0]
    return layer(digits().x_train).detach().double().numpy()


@cache
def batch_variances(seed: int = 0) -> tuple[Array, float]:
    """Unbiased variance of one unit in 300 random batches of 16, and over all digits."""
    u = sums(seed)
    unit = int(np.argmax(u.var(axis=0)))
    rng = np.random.default_rng(seed)
    drawn = [u[rng.choice(len(u), BATCH, replace=False), unit] for _ in range(BATCHES)]
    return np.array([batch.var(ddof=1) for batch in drawn]), float(u[:, unit].var())


def running(values: Array, momentum: float, start: float) -> Array:
    """running ← (1 − m)·running + m·value, from ``start``; shape (n + 1,)."""
    found = [start]
    for value in values:
        found.append((1.0 - momentum) * found[-1] + momentum * float(value))
    return np.array(found)


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


def normalized_among_strangers(size: int, draws: int = 60, seed: int = 0) -> tuple[Array, float]:
    """x̂ of one digit's unit in batches whose other images are random, and among all digits."""
    u = sums()
    unit = int(np.argmax(u.var(axis=0)))
    column = u[:, unit]
    whole = (column - column.mean()) / column.std()
    image = int(np.argmin(np.abs(whole - IMAGE_AT)))
    rng = np.random.default_rng([seed, size])
    found = []
    for _ in range(draws):
        others = rng.choice(len(column), size - 1, replace=False)
        batch = np.append(column[others], column[image])
        found.append((batch[-1] - batch.mean()) / np.sqrt(batch.var() + 1e-5))
    return np.array(found), float(whole[image])


def draw_noise(size: int) -> Plot:
    """The same digit in 60 batches, by batch norm and by layer norm."""
    found, whole = normalized_among_strangers(int(size))
    row = sums()[int(np.argmin(np.abs(_unit() - IMAGE_AT)))]
    by_layer = (row[_unit_index()] - row.mean()) / row.std()
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


def _unit_index() -> int:
    return int(np.argmax(sums().var(axis=0)))


def _unit() -> Array:
    column = sums()[:, _unit_index()]
    return (column - column.mean()) / column.std()


NOISE = Demo(
    id="batch-norm/noise",
    title="One digit, always among other strangers",
    knobs=(Knob("size", "batch size", 2.0, 256.0, 2.0, 8.0, integer=True),),
    draw=draw_noise,
)
