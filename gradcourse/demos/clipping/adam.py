"""What Adam remembers of one enormous gradient."""

from __future__ import annotations

import numpy as np

from gradcourse.figures import Axis, Demo, Knob, Line, Plot

BETA = 0.999
BEFORE = 200
AFTER = 3000


def adam_rate(
    spike: float, threshold: float, *, before: int = BEFORE, after: int = AFTER, seed: int = 0
) -> np.ndarray:
    """1/√v̂ of Adam for gradients drawn from N(0, 1), one of them ``spike``, all clipped.

    Returns
    -------
    numpy.ndarray, shape (after,)
        From the update with the spike on; 1 would be the rate for gradients of size 1.
    """
    gradients = np.random.default_rng([9, seed]).standard_normal(before + after)
    gradients[before] = spike
    squares = np.minimum(np.abs(gradients), threshold) ** 2
    v, rates = 0.0, np.empty(before + after)
    for t, square in enumerate(squares):
        v = BETA * v + (1.0 - BETA) * float(square)
        rates[t] = ((1.0 - BETA ** (t + 1)) / v) ** 0.5
    return rates[before:]


def adam_rate_theory(
    spike: float, threshold: float, *, before: int = BEFORE, after: int = AFTER
) -> np.ndarray:
    """The same in expectation: v̂ = 1 + (1 − β₂) β₂^k (S² − 1)/(1 − β₂^t), S the clipped spike.

    For thresholds that leave ordinary gradients alone.
    """
    k = np.arange(after)
    size = min(spike, threshold)
    surplus = (1.0 - BETA) * BETA**k * (size**2 - 1.0) / (1.0 - BETA ** (before + k + 1.0))
    return np.asarray(1.0 / np.sqrt(1.0 + surplus))


def draw_spike(spike: float, threshold: float) -> Plot:
    """Adam's rate after a spike of 10^spike, with a threshold of 10^threshold."""
    k = np.arange(AFTER)
    rate = adam_rate(10.0**spike, 10.0**threshold)
    expected = adam_rate_theory(10.0**spike, 10.0**threshold)
    some = np.unique(np.append(np.arange(0, AFTER, 10), AFTER - 1))
    return Plot(
        title=f"Spike {10.0**spike:.3g}, c = {10.0**threshold:.3g}: Adam's rate falls to "
        f"{rate[0]:.2g}",
        x=Axis("updates since the spike", limits=(0.0, float(AFTER))),
        y=Axis("rate 1/√v, for gradients of size 1", "log", (1e-3, 10.0)),
        lines=(
            Line(k[some], rate[some], "Adam", color="blue"),
            Line(k[some], expected[some], "theory, Adam", "theory", "blue"),
            Line([0.0, AFTER], [1.0, 1.0], "without a spike", "reference", "grey"),
        ),
    )


SPIKE = Demo(
    id="clipping/spike",
    title="One enormous gradient, and Adam's memory of it",
    knobs=(
        Knob("spike", "size of the spike, as a power of ten", 0.0, 4.0, 0.1, 3.0),
        Knob("threshold", "threshold c, as a power of ten", 0.5, 4.0, 0.1, 4.0),
    ),
    draw=draw_spike,
)
