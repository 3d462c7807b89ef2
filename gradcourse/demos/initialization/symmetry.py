"""Equal weights, and how little noise makes them different."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from gradcourse.figures import Axis, Demo, Knob, Line, Plot

if TYPE_CHECKING:
    import torch
    from torch import nn

CONSTANT = 0.1
STEPS, CHUNK = 800, 20


def noisy_constant(noise: float, seed: int = 0) -> nn.Sequential:
    """Two hidden tanh layers of 32 units; every weight is 0.1 plus Gaussian noise."""
    import torch

    from gradcourse.nets import constant_, mlp

    net = mlp(2, 32, "tanh")
    constant_(net, CONSTANT)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for p in net.parameters():
            if p.dim() > 1:
                p.add_(torch.randn(p.shape, generator=generator), alpha=noise)
    return net


def difference(weight: torch.Tensor) -> float:
    """How much the units (rows) of a matrix differ, relative to the matrix."""
    w = weight.detach().double()
    return float((w - w.mean(0)).norm() / w.norm())


@cache
def awakening(
    noise: float, seed: int = 0, steps: int = STEPS
) -> tuple[np.ndarray, np.ndarray, float]:
    """Train; return steps, the difference between the units of layer 1, and the test accuracy."""
    from gradcourse.data import digits
    from gradcourse.training import train

    net, data = noisy_constant(noise, seed), digits()
    first = next(net.parameters())
    values, right = [difference(first)], 0.0
    for chunk in range(steps // CHUNK):
        run = train(net, data, steps=CHUNK, lr=0.3, seed=100 * seed + chunk, every=CHUNK)
        values.append(difference(first))
        right = float(run.test_accuracy[-1])
    return np.arange(0, steps + 1, CHUNK), np.array(values), right


def draw_symmetry(noise: float) -> Plot:
    """How fast the units of layer 1 become different from each other."""
    steps, values, right = awakening(noise)
    return Plot(
        title=f"Noise {noise:.0e}: {right:.0%} of the test digits right after {STEPS} steps",
        x=Axis("step", limits=(0.0, float(STEPS))),
        y=Axis("difference between the units of layer 1", "log", (1e-9, 10.0)),
        lines=(
            Line(steps, values, "difference, relative to the weights", "measured", "tanh"),
            Line([0, STEPS], [0.1, 0.1], "10 %: the units are different", "reference", "grey"),
        ),
    )


SYMMETRY = Demo(
    id="init/symmetry",
    title="How much noise makes copies different?",
    knobs=(Knob("noise", "standard deviation of the noise", -8.0, -1.0, 1.0, -4.0, log=True),),
    draw=draw_symmetry,
    linked=True,
)
