"""Lesson 01: long products, of numbers, of matrices, and of the layers of a network."""

from __future__ import annotations

import math

import numpy as np

from gradcourse.experiments.chain_rule import (
    DEPTH,
    STEPS,
    circle_under,
    directions_left,
    gaussian_factors,
    linear_net_gradients,
    relative_changes,
    running_product,
    sloped_chain_norms,
)
from gradcourse.figures import Axis, Band, Line, Plot
from gradcourse.figures.demo import Demo, Knob
from gradcourse.theory import ginibre_exponents, gradient_decay, q_fixed_point, two_point_factors

# ---------------------------------------------------------------- numbers


def _scalar_product(factor: float, depth: int) -> Plot:
    length = np.arange(depth + 1)
    log = length * math.log(factor)
    exact = np.exp(np.where(log > -690.0, log, math.nan))  # float64 ends, too: so does the line
    measured = tuple(
        Line(length, running_product(factor, depth, dtype), dtype, color=dtype)
        for dtype in ("float32", "bfloat16", "float16")
    )
    return Plot(
        title=f"{factor:.2f} multiplied L times",
        x=Axis("depth L"),
        y=Axis("product", "log"),
        lines=(*measured, Line(length, exact, "exact: r^L", "theory", "float64")),
    )


SCALAR_PRODUCT = Demo(
    id="chain/scalar-product",
    title="One factor, many times",
    knobs=(
        Knob("factor", "factor r", 0.05, 1.5, 0.01, 0.25),
        Knob("depth", "most factors shown", 50, 1000, 50, 100, integer=True),
    ),
    draw=_scalar_product,
)

CHAINS = 2000


def _random_factors(high: float) -> Plot:
    law = two_point_factors(0.5, high)
    factors = law.sample(np.random.default_rng(0), (CHAINS, 100))
    # Even lengths only: the median of an odd number of coin throws jumps between two values.
    products = np.exp(np.cumsum(np.log(factors), axis=1))[:, 1::2]
    length = np.arange(2, 101, 2)
    median, top = np.quantile(products, [0.5, 0.95], axis=0)
    return Plot(
        title=f"Factors 0.5 or {high:.2f}, with equal chances: mean {math.exp(law.log_mean):.3f}",
        x=Axis("depth L"),
        y=Axis("product", "log"),
        lines=(
            Line(length, top, "95 % of chains lie below", "reference"),
            Line(length, products.mean(axis=0), f"mean of {CHAINS:,} chains", color="vermillion"),
            Line(length, median, "median chain", color="blue"),
            Line(length, np.exp(law.log_mean * length), "theory", "theory", "vermillion"),
            Line(length, np.exp(law.lyapunov_exponent * length), "", "theory", "blue"),
        ),
    )


RANDOM_FACTORS = Demo(
    id="chain/random-factors",
    title="Random factors: the mean and the typical chain",
    knobs=(Knob("high", "larger factor (the other is 0.5)", 1.0, 3.0, 0.05, 1.6),),
    draw=_random_factors,
)

# ---------------------------------------------------------------- matrices


def _spectrum(depth: int, n: int = 64) -> Plot:
    from gradcourse.instrument import product_log_singular_values

    logs = product_log_singular_values(gaussian_factors(n, depth))
    theory = depth * ginibre_exponents(n, 1 / math.sqrt(n))
    index = np.arange(1, n + 1)
    kept = directions_left(logs)
    return Plot(
        title=f"L = {depth}: {kept} of {n} directions above σ₁/1000",
        x=Axis("direction"),
        y=Axis("singular value", "log"),
        lines=(
            Line(index, np.exp(logs), "measured", color="blue"),
            Line(index, np.exp(theory), "theory: exp(λᵢ L)", "theory", "blue"),
        ),
    )


SPECTRUM = Demo(
    id="chain/spectrum",
    title="All singular values of a product",
    knobs=(Knob("depth", "number of matrices L", 1, 80, 1, 20, integer=True),),
    draw=_spectrum,
)


def _rank_one(depth: int) -> Plot:
    (x, y), ratio = circle_under(depth)
    (x0, y0), _ = circle_under(0)
    return Plot(
        title=f"{depth} random 2 × 2 matri{'ces' if depth > 1 else 'x'}: σ₂/σ₁ = {ratio:.2g}",
        # As wide as the axes are beside their height, so that the circle looks like one.
        x=Axis("first component", limits=(-2.0, 2.0)),
        y=Axis("second component", limits=(-1.1, 1.1)),
        lines=(
            Line(x0, y0, "the unit circle", "reference"),
            Line(x, y, "what becomes of it, scaled", color="blue"),
        ),
    )


RANK_ONE = Demo(
    id="chain/rank-one",
    title="A circle becomes a line",
    knobs=(Knob("depth", "number of matrices", 1, 20, 1, 1, integer=True),),
    draw=_rank_one,
)

# ---------------------------------------------------------------- layers


def _backward(gain: float) -> Plot:
    deltas, _ = linear_net_gradients(gain)
    layer = np.arange(1, DEPTH + 1)
    # The last matrix is 64 → 10, so the rate starts at the last hidden layer.
    theory = deltas[-2] * gain ** (DEPTH - 1.0 - layer[:-1])
    return Plot(
        title=f"δ in a linear net of {DEPTH} layers, gain {gain:.2f}",
        x=Axis("layer"),
        y=Axis("‖δ‖", "log"),
        lines=(
            Line(layer, deltas, f"‖δ‖, × {(deltas[0] / deltas[-2]) ** (1 / 48):.2f} a layer back"),
            Line(layer[:-1], theory, f"theory, × {gain:.2f}", "theory", "blue"),
        ),
    )


BACKWARD = Demo(
    id="chain/backward",
    title="Backward through 50 linear layers",
    knobs=(Knob("gain", "gain: entries have std gain/√64", 0.4, 1.6, 0.02, 0.58),),
    draw=_backward,
)


def _sloped_chain(gain: float) -> Plot:
    layer = np.arange(1, DEPTH + 1)
    return Plot(
        title=f"Gain {gain:.2f}, slopes between 0 and 1",
        x=Axis("layer"),
        y=Axis("gradient norm, relative to layer 50", "log"),
        lines=(Line(layer, sloped_chain_norms(gain), "measured", color="blue"),),
        bands=(Band(0.05, 20.0, "wanted at layer 1: 0.05 to 20"),),
    )


SLOPED_CHAIN = Demo(
    id="chain/sloped-chain",
    title="50 layers with slopes",
    knobs=(Knob("gain", "gain", 0.5, 3.0, 0.01, 1.0),),
    draw=_sloped_chain,
)


def _learning(depth: int) -> Plot:
    layer = np.arange(1, depth + 2)
    sigmoid = relative_changes(depth, "sigmoid")
    lines = [
        Line(layer, relative_changes(depth, "linear"), "linear", color="linear"),
        Line(layer, sigmoid, "sigmoid", color="sigmoid"),
    ]
    # Layers 1 and 2 still feel the image itself; theory speaks of the layers behind them.
    inner = layer[2:-1]
    if len(inner) > 1:
        rate = gradient_decay("sigmoid", 1.0, q_fixed_point("sigmoid", 1.0))
        theory = sigmoid[-2] * rate ** (depth - inner)
        lines.append(Line(inner, theory, f"theory, × {rate:.2f} a layer back", "theory", "sigmoid"))
    return Plot(
        title=f"{depth} hidden layer{'s' if depth > 1 else ''} after {STEPS} updates",
        x=Axis("layer", limits=(0.5, 9.5)),
        y=Axis("relative change of the weights", "log", limits=(1e-7, 10.0)),
        lines=tuple(lines),
    )


LEARNING = Demo(
    id="chain/learning",
    title="Which layers move?",
    knobs=(Knob("depth", "hidden layers", 1, 8, 1, 6, integer=True),),
    draw=_learning,
    linked=True,
)

DEMOS = (SCALAR_PRODUCT, RANDOM_FACTORS, SPECTRUM, RANK_ONE, BACKWARD, SLOPED_CHAIN, LEARNING)
