"""Units that die, and the three networks that have the same share of zeros."""

from __future__ import annotations

import numpy as np

from gradcourse.experiments.relu import one_step, prepared, sizes_and_zeros
from gradcourse.figures import Axis, Demo, Knob, Line, Plot


def draw_large_step(rate: float) -> Plot:
    """Highest and lowest z of each of 64 units over all digits, after one step."""
    z, fall = one_step()
    after = z - rate * fall
    after /= np.sqrt(np.mean(after**2))
    order = np.argsort(after.max(axis=0))
    highest, lowest = after.max(axis=0)[order], after.min(axis=0)[order]
    unit = np.arange(1, 65)
    dead = int((highest <= 0).sum())
    return Plot(
        title=f"After one step with η = {rate:.2g}: {dead} of 64 units are dead",
        x=Axis("unit (layer 1, sorted by highest z)", limits=(0.0, 65.0)),
        y=Axis("z over all 1438 digits (rms of all z = 1)", limits=(-6.0, 6.0)),
        lines=(
            Line(unit, highest, "its highest z", "measured", "relu"),
            Line(unit, lowest, "its lowest z", "measured", "grey"),
            Line([0.0, 65.0], [0.0, 0.0], "below: silent", "reference", "grey"),
        ),
    )


LARGE_STEP = Demo(
    id="relu/large-step",
    title="One step of gradient descent, and who survives",
    knobs=(Knob("rate", "learning rate η of the step", -1.3, 1.7, 0.05, -1.3, log=True),),
    draw=draw_large_step,
)

# ---------------------------------------------------------------- the same zeros


def draw_same_zeros(factor: float) -> Plot:
    """Size of the outputs by layer, when layer l is scaled by a factor to the power l."""
    from gradcourse.nets import scaled

    layers = np.arange(1.0, 5.0)
    sizes, zeros = sizes_and_zeros(scaled(prepared("healthy", 0), factor))
    dead, dead_zeros = sizes_and_zeros(prepared("dead", 0))
    return Plot(
        title=f"Weights × {factor:.2g}: {zeros:.0%} zeros. Layer 4 dead: {dead_zeros:.0%} zeros",
        x=Axis("layer (1 is nearest the input)", limits=(0.8, 4.2)),
        y=Axis("size of the layer's output", "log", (1e-8, 100.0)),
        lines=(
            Line(layers, sizes, "scaled network", "measured", "relu"),
            Line(layers, factor**layers, "scaled network, theory", "theory", "relu"),
            Line(layers, dead, "network with layer 4 dead", "measured", "vermillion"),
        ),
    )


SAME_ZEROS = Demo(
    id="relu/same-zeros",
    title="What a count of zeros does not see",
    knobs=(Knob("factor", "factor on the weights", -2.0, 0.0, 0.05, 0.0, log=True),),
    draw=draw_same_zeros,
)
