"""Products of numbers: where number formats end, and the mean against the typical chain."""

from __future__ import annotations

import math

import numpy as np

from gradcourse.experiments.chain_rule import running_product
from gradcourse.figures import Axis, Line, Plot
from gradcourse.figures.demo import Demo, Knob
from gradcourse.theory import two_point_factors


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
            Line(length, np.exp(law.log_mean * length), "E[r]^L", "theory", "vermillion"),
            Line(length, np.exp(law.lyapunov_exponent * length), "exp(λL)", "theory", "blue"),
        ),
    )


RANDOM_FACTORS = Demo(
    id="chain/random-factors",
    title="Random factors: the mean and the typical chain",
    knobs=(Knob("high", "larger factor (the other is 0.5)", 1.0, 3.0, 0.05, 1.6),),
    draw=_random_factors,
)
