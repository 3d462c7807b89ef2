"""Lesson 03: what its measurements look like, and a recurrent network drawn unrolled."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from gradcourse import theory
from gradcourse.experiments.common import Array, window_means
from gradcourse.experiments.recurrent import (
    LAGS,
    UNNAMED,
    Descent,
    cliff_line,
    fatal_batch,
    loss_and_gradient,
    two_unit_gradient,
    two_unit_matrix,
)
from gradcourse.figures import Axis, Band, Line, Picture, Plot
from gradcourse.figures.drawing import Arrow, Box, Drawing

if TYPE_CHECKING:
    from gradcourse.training import History


def loss_plot(runs: Mapping[int, Sequence[History]]) -> Plot:
    """The puzzle: the loss of networks on sequences of some lengths, each the mean of its runs."""
    update = np.arange(20, 401, 20)
    lines = [
        Line(
            update,
            np.mean([window_means(run.loss, 20)[1] for run in runs[length]], axis=0),
            f"{length} steps, mean of {len(runs[length])}",
            color=color,
        )
        for length, color in zip(runs, ("blue", "rnn"), strict=False)
    ]
    lines.append(Line([20, 400], [1 / 6] * 2, "1/6, the mean is the answer", "reference"))
    return Plot("The adding problem", Axis("update"), Axis("squared error", "log"), tuple(lines))


def scalar_plot(back: Mapping[float, Array]) -> Plot:
    """Gradients of one linear unit by lag, for some weights; w^lag dashed."""
    lines: list[Line] = []
    for (w, values), color in zip(back.items(), ("blue", "green", "vermillion"), strict=False):
        lag = np.arange(len(values))
        lines.append(Line(lag, values, f"× {w} a step", color=color))
        lines.append(Line(lag, w**lag, "" if len(lines) > 1 else "dashed: theory", "theory", color))
    return Plot(
        "One weight, 100 steps back",
        Axis("lag T − t"),
        Axis("|∂h_T/∂h_t|", "log"),
        tuple(lines),
        (Band(0.1, 10.0, "healthy: 0.1 to 10"),),
    )


def powers_plot(grown: Mapping[str, Sequence[Array]], norm: float, radius: float = 0.95) -> Plot:
    """Growth of three matrices with one radius, and the two bounds of the Gaussian one.

    Parameters
    ----------
    grown : mapping
        From "orthogonal" and "normal" to `growth` of some networks; the last one is drawn.
    norm : float
        σ_max of the Gaussian matrix that is drawn.
    """
    lags = np.arange(1, 61)
    matrix = two_unit_matrix(radius, 1.0)
    powers = [np.linalg.norm(np.linalg.matrix_power(matrix, k), 2) for k in lags]
    cross, keep = lags * radius ** (lags - 1.0), radius**lags  # entries of W^k, and below its norm
    expected = cross / 2 + np.sqrt(cross**2 / 4 + keep**2)
    begins = np.arange(0, 8)
    return Plot(
        title="Three matrices with ρ = 0.95",
        x=Axis("lag T − t", limits=(0.0, 60.0)),
        y=Axis("largest growth, ‖∂h_T/∂h_t‖", "log", (0.03, 100.0)),
        lines=(
            Line(lags, grown["orthogonal"][-1], "orthogonal, n = 100", color="blue"),
            Line(lags, grown["normal"][-1], "Gaussian, n = 100", color="rnn"),
            Line(lags, powers, "two units, a = 1", color="green"),
            Line(lags, expected, "dashed: theory", "theory", "green"),
            Line(begins, norm**begins, "σ_max^lag of the Gaussian", "reference"),
            Line(lags, radius**lags, "ρ^lag", "reference"),
        ),
    )


def pascanu_plot(curves: Mapping[tuple[str, float, float], Array]) -> Plot:
    """Gradients by lag in three kinds of tanh networks; √χ dashed, with the bound of the first."""
    lag, lines = np.arange(LAGS + 1), []
    for (init, gain, strength), color in zip(curves, ("green", "tanh", "purple"), strict=False):
        mean = np.exp(curves[init, gain, strength].mean(axis=0))
        per_step = mean[-1] ** (1 / LAGS)
        name = "orthogonal" if init == "orthogonal" else "gain"
        driven = f", input {strength:g}" if strength else ""
        label = f"{name} {gain:g}{driven}: × {per_step:.2f}"
        lines.append(Line(lag, mean, label, color=color))
        if init == "normal":
            chi = theory.chi("tanh", gain, strength)
            dashed = "dashed: theory, √χ" if strength == 0.0 else ""
            lines.append(Line(lag, chi ** (lag / 2), dashed, "theory", color))
        else:
            lines.append(Line(lag, gain**lag, f"{gain}^lag", "reference"))
    return Plot(
        title="A norm above 1 is not enough to explode",
        x=Axis("lag T − t", limits=(0.0, float(LAGS))),
        y=Axis("size of the gradient", "log"),
        lines=tuple(lines),
    )


def chaos_plot(gains: Sequence[float], exponents: Array) -> Plot:
    """Largest exponents of five networks at some gains, shape (gains, 5); theory dashed."""
    grid = np.linspace(0.5, 3.0, 51)
    expected = [0.5 * math.log(theory.chi("tanh", g)) if g > 1 else math.log(g) for g in grid]
    return Plot(
        title="Lyapunov exponent of random tanh networks without input",
        x=Axis("gain"),
        y=Axis("λ, natural logarithm a step"),
        lines=(
            Line(gains, np.median(exponents, axis=1), "100 units, median of 5", color="tanh"),
            Line(gains, exponents.min(axis=1), "smallest of 5", color="sky"),
            Line(gains, exponents.max(axis=1), "largest of 5", color="purple"),
            Line(grid, expected, "dashed: theory, infinitely wide", "theory", "tanh"),
            Line([0.5, 3.0], [0, 0], "λ = 0", "reference"),
        ),
    )


def cliff_picture(descent: Descent) -> Picture:
    """The loss over w and b, and one run that is thrown off the edge."""
    w, b = (np.linspace(low, low + 1.5, 76) for low in (0.5, -0.5))
    longest = descent.step.max(axis=0)
    before = [descent.height[: k + 1, i].min() for i, k in enumerate(descent.step.argmax(axis=0))]
    far_up = descent.path[-1, :, 1] > 0.5
    run = int(np.argmax((np.array(before) > 0.5) & (longest > 1) & far_up))
    until = int(descent.step[:, run].argmax()) + 1
    one = descent.path[: until + 1, run]
    way = one[-2] + np.linspace(0, 1, 200)[:, None] * (one[-1] - one[-2])
    way = way[(way[:, 0] > 0.5) & (way[:, 0] < 2) & (way[:, 1] < 1) & (way[:, 1] > -0.5)]
    walls = w[w >= 1]
    return Picture(
        title="Plateau, wall and plain",
        x=Axis("recurrent weight w"),
        y=Axis("bias b"),
        values=loss_and_gradient(w[None, :], b[:, None])[0],
        rows=b,
        columns=w,
        color_label="loss after 50 steps",
        lines=(
            Line(walls, cliff_line(walls), "edge, theory", "theory", "black"),
            Line(one[:-1, 0], one[:-1, 1], "descent", color="vermillion"),
            Line(way[:, 0], way[:, 1], "one step", "reference"),
        ),
    )


def nan_plot(seeds: Sequence[int] = (0, 3)) -> Plot:
    """The largest state of the fatal batch in float64; ρ of W's active part dashed."""
    time = np.arange(1, 101)
    lines = [Line([1, 100], [3.4e38] * 2, "end of float32", "reference")]
    for seed, color in zip(seeds, ("relu", "purple"), strict=False):
        fatal = fatal_batch(seed)
        expected = fatal.sizes[19] * fatal.active_radius ** (time - 20.0)
        label = f"seed {seed}: × {fatal.active_radius:.1f} a step"
        lines.append(Line(time, fatal.sizes, label, color=color))
        dashed = "dashed: ρ of the active part" if len(lines) == 2 else ""
        lines.append(Line(time, expected, dashed, "theory", color))
    return Plot(
        title="The fatal batch again, in float64, after one update",
        x=Axis("time step t"),
        y=Axis("largest |h_t|", "log"),
        lines=tuple(lines),
    )


def arrival_plot(shares: Array, radius: float) -> Plot:
    """What arrives at each lag in one untrained network of the puzzle; ρ^lag for comparison."""
    past = np.arange(len(shares))
    factor = (shares[-1] / shares[0]) ** (1 / (len(shares) - 1))
    return Plot(
        title="What the loss of the adding problem tells each step",
        x=Axis("lag T − t"),
        y=Axis("‖∂ℒ/∂h_t‖, relative to lag 0", "log"),
        lines=(
            Line(past, shares, f"untrained RNN: × {factor:.2f} a step", color="rnn"),
            Line(past, radius**past, "ρ^lag, if tanh had slope 1", "reference", "grey"),
        ),
    )


def unnamed_plot() -> Plot:
    """Gradients of three networks of two units against lag, without their matrices."""
    lag = np.arange(LAGS + 1)
    lines = tuple(
        Line(lag, two_unit_gradient(*knobs), name, color=color)
        for (name, knobs), color in zip(
            UNNAMED.items(), ("blue", "green", "vermillion"), strict=True
        )
    )
    axes = Axis("lag T − t", limits=(0.0, float(LAGS))), Axis("‖∂ℒ/∂h_t‖", "log")
    return Plot("Three networks of two units", *axes, lines)


def unrolled_drawing() -> Drawing:
    """A recurrent network, unrolled over some steps: the same W at each, gradients going back."""
    boxes, arrows = [], []
    places, names = (0.75, 2.35, 3.95, 5.55), ("h_1", "h_2", "…", "h_T")
    for k, (x, name) in enumerate(zip(places, names, strict=True)):
        boxes.append(Box(x, 1.0, 0.75, 0.5, name, "rnn", name != "…"))
        if name != "…":
            boxes.append(Box(x, 2.15, 0.75, 0.42, name.replace("h", "x"), "grey"))
            arrows.append(Arrow((x, 1.92), (x, 1.27), "U"))
        if k:
            arrows.append(Arrow((places[k - 1] + 0.4, 0.93), (x - 0.4, 0.93), "W"))
            boxes.append(Box((places[k - 1] + x) / 2, 1.38, 0.6, 0.34, "× Jᵀ", "vermillion"))
            arrows.append(Arrow((x - 0.4, 1.12), (places[k - 1] + 0.4, 1.12)))
    boxes.append(Box(7.0, 1.0, 0.75, 0.5, "loss ℒ", "blue"))
    arrows.append(Arrow((5.95, 0.93), (6.6, 0.93)))
    arrows.append(Arrow((6.6, 1.12), (5.95, 1.12)))
    above = "→ forwards: the same W at every step       ← backwards: the gradient of the loss"
    boxes.append(Box(3.87, 0.3, 7.0, 0.36, above, "grey"))
    words = (
        "A recurrent network unrolled in time. The states h_1, h_2 and so on to h_T stand side by "
        "side; each is made from the one before by the same matrix W, and from its input x_1 to "
        "x_T by the same matrix U. A loss reads h_T. The gradient goes back from right to left, "
        "and each step multiplies it by the transposed Jacobian J of that step."
    )
    return Drawing(7.6, 2.5, tuple(boxes), tuple(arrows), words)
