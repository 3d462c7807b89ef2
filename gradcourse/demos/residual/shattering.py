"""The slope of a deep network along a walk from one digit to another."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from gradcourse.demos.residual.network import images, matrices
from gradcourse.figures import Axis, Demo, Knob, Line, Plot

Array = NDArray[np.float64]
BLOCKS = 40
WIDTH = 128
STEPS = 201


def walk(first: Array, last: Array, steps: int = STEPS) -> tuple[Array, Array, Array]:
    """A walk along the arc between two images of equal length.

    Returns
    -------
    tuple of arrays
        The angles walked, shape (steps,); the images; and the direction of the walk at each,
        both of shape (steps, n).
    """
    length = np.linalg.norm(first)
    start = first / length
    across = last - (last @ start) * start
    across = across / np.linalg.norm(across)
    angle = np.linspace(0.0, np.arctan2(last @ across, last @ start), steps)[:, None]
    there = length * (np.cos(angle) * start + np.sin(angle) * across)
    return angle[:, 0], there, length * (np.cos(angle) * across - np.sin(angle) * start)


@cache
def slopes(shortcut: bool, seed: int = 0) -> Array:
    """∂f/∂(angle) after 1, 2, …, 40 blocks, root mean square 1; shape (40, steps).

    f is a random sum over the units of x_l. With the shortcut α = 1/√40.
    """
    stem, pairs = matrices(BLOCKS, WIDTH, seed)
    output = np.random.default_rng(seed).normal(size=WIDTH)
    _, x, tangent = walk(*images(2))
    x, tangent, found = x @ stem.T, tangent @ stem.T, []
    for first, last in pairs:
        u, along = np.maximum(x, 0.0) @ first.T, (tangent * (x > 0)) @ first.T
        branch, branch_along = np.maximum(u, 0.0) @ last.T, (along * (u > 0)) @ last.T
        if shortcut:
            alpha = BLOCKS**-0.5
            x, tangent = x + alpha * branch, tangent + alpha * branch_along
        else:
            x, tangent = branch, branch_along
        f = tangent @ output
        found.append(f / np.sqrt(np.mean(f**2)))
    return np.array(found)


def draw_shattering(blocks: int) -> Plot:
    """Slope of a plain and of a residual network of the same depth."""
    angle = walk(*images(2))[0]
    return Plot(
        title=f"{blocks} block{'s' if blocks > 1 else ''} of two layers",
        x=Axis("angle walked from one digit to another", limits=(0.0, float(angle[-1]))),
        y=Axis("slope of f, relative to its rms", limits=(-5.0, 6.5)),
        lines=(
            Line(angle, slopes(False)[blocks - 1], "plain", color="plain"),
            Line(angle, slopes(True)[blocks - 1], "residual, α = 1/√40", color="residual"),
        ),
    )


SHATTERING = Demo(
    id="residual/shattering",
    title="The slope along a walk between two digits",
    knobs=(Knob("blocks", "blocks", 1.0, 40.0, 1.0, 1.0, integer=True),),
    draw=draw_shattering,
)
