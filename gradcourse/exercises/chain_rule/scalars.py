"""Assignment 01, products of numbers: underflow, backpropagation, typical size."""

from __future__ import annotations

import math

import numpy as np

from gradcourse.checking.exercise import (
    Arguments,
    CodeExercise,
    Function,
    MakeCases,
    Misconception,
    NamedValue,
    Part,
    Prediction,
)

Array = np.ndarray

# ── Underflow ────────────────────────────────────────────────────────────────────────────────────

_SMALLEST = {"float16": -24, "bfloat16": -133, "float32": -149, "float64": -1074}
_SMALLEST_NORMAL = {"float16": -14, "bfloat16": -126, "float32": -126}


def _first_zero(factor: float, smallest: int) -> int:
    """First L at which factor**L is at most half of 2**smallest, which rounds to 0."""
    return math.ceil((smallest - 1) / math.log2(factor))


def underflow_depth(factor: float, dtype: str) -> int:
    """Smallest L for which factor**L, rounded to dtype, is 0."""
    return _first_zero(factor, _SMALLEST[dtype])


def _leaves_normals(factor: float, dtype: str) -> int:
    return math.floor(_SMALLEST_NORMAL[dtype] / math.log2(factor)) + 1


def _no_rounding(factor: float, dtype: str) -> int:
    return math.floor(_SMALLEST[dtype] / math.log2(factor)) + 1


def _in_python_floats(factor: float, dtype: str) -> int:
    return _first_zero(factor, _SMALLEST["float64"])


def _last_nonzero(factor: float, dtype: str) -> int:
    return underflow_depth(factor, dtype) - 1


def _sixteen_bits(factor: float, dtype: str) -> int:
    return underflow_depth(factor, "float16" if dtype == "bfloat16" else dtype)


def _always_float32(factor: float, dtype: str) -> int:
    return underflow_depth(factor, "float32")


def _factors_for(*dtypes: str) -> MakeCases:
    def cases(rng: np.random.Generator) -> list[Arguments]:
        # The larger factors tell half of the smallest number from the smallest number itself.
        ranges = [(0.05, 0.5), (0.05, 0.5), (0.8, 0.95), (0.8, 0.95)]
        return [(float(rng.uniform(*ends)), dtype) for dtype in dtypes for ends in ranges]

    return cases


UNDERFLOW_DEPTH = CodeExercise(
    id="chain/underflow-depth",
    title="Where a power becomes 0",
    lesson="01",
    functions=(
        Function(
            name="underflow_depth",
            parameters=("factor", "dtype"),
            reference=underflow_depth,
            returns="an int",
            misconceptions=(
                Misconception(
                    "end of the normal numbers",
                    _leaves_normals,
                    "You found where the power falls below the smallest normal number. Below it "
                    "lie the subnormal numbers, smaller by up to eps: 0 comes only after them.",
                ),
                Misconception(
                    "no rounding at the bottom",
                    _no_rounding,
                    "You stopped at the smallest subnormal number itself. A power just below it "
                    "rounds back up to it; 0 begins at half of the smallest number.",
                ),
                Misconception(
                    "Python's own floats",
                    _in_python_floats,
                    "You computed in float64, as Python does whatever dtype you mean. Look up the "
                    "smallest number of the dtype that was asked for.",
                ),
                Misconception(
                    "last depth above 0",
                    _last_nonzero,
                    "You are one short: this is the last depth with a power above 0. The question "
                    "is the first depth at which it is 0.",
                ),
                Misconception(
                    "bfloat16 taken for float16",
                    _sixteen_bits,
                    "You gave bfloat16 the range of float16. Both have 16 bits, but bfloat16 has "
                    "8 exponent bits, as float32 has, and only 7 for the digits.",
                ),
                Misconception(
                    "float32 whatever was asked",
                    _always_float32,
                    "You answered for float32 each time. The exponent range belongs to the dtype: "
                    "use the argument.",
                ),
            ),
        ),
    ),
    parts=(
        Part(
            title="float32, factors between 0.05 and 0.95",
            points=1.0,
            cases=_factors_for("float32"),
            example=(0.25, "float32"),
            look_at="Solve factor**L = half of the smallest number for L, by logarithms. A loop "
            "that multiplies in float32 never ends when the factor is above one half: step 1.",
        ),
        Part(
            title="float16 and bfloat16",
            points=1.0,
            cases=_factors_for("float16", "bfloat16"),
            example=(0.5, "bfloat16"),
            look_at="The smallest number of a dtype is tiny * eps in torch.finfo(dtype): "
            "2**-24 for float16, 2**-133 for bfloat16.",
        ),
    ),
    hints=(
        "Do not multiply: solve. At which L does factor**L pass a given number?",
        "The smallest number above 0 is 2**-149 in float32, 2**-133 in bfloat16, 2**-24 in "
        "float16. What is at most half of it rounds to 0.",
        "L is the smallest whole number with L * log2(factor) <= -150 in float32: "
        "math.ceil(-150 / math.log2(factor)). Take the exponent from a dictionary over dtypes.",
    ),
)

# ── Backward through a chain of numbers ──────────────────────────────────────────────────────────


def _signals(w: Array, x: float) -> Array:
    """h_0 … h_{L-1}: what enters each factor."""
    return float(x) * np.concatenate([[1.0], np.cumprod(w[:-1])])


def _deltas(w: Array, upstream: float) -> Array:
    """Gradient at the output of each factor."""
    return float(upstream) * np.concatenate([np.cumprod(w[:0:-1])[::-1], [1.0]])


def chain_gradient(w: Array, x: float, upstream: float) -> Array:
    """Gradient of the loss with respect to every factor of h_L = w_L … w_1 x."""
    return _deltas(w, upstream) * _signals(w, x)


def _divided(w: Array, x: float, upstream: float) -> Array:
    with np.errstate(all="ignore"):
        return upstream * x * np.prod(w) / w


def _only_delta(w: Array, x: float, upstream: float) -> Array:
    return _deltas(w, upstream)


def _own_factor_kept(w: Array, x: float, upstream: float) -> Array:
    return chain_gradient(w, x, upstream) * w


def _no_upstream(w: Array, x: float, upstream: float) -> Array:
    return chain_gradient(w, x, 1.0)


def _no_input(w: Array, x: float, upstream: float) -> Array:
    return chain_gradient(w, 1.0, upstream)


def _reversed(w: Array, x: float, upstream: float) -> Array:
    return chain_gradient(w, x, upstream)[::-1]


def _chain(rng: np.random.Generator) -> tuple[Array, float, float]:
    length = int(rng.integers(4, 9))
    signs = rng.choice([-1.0, 1.0], size=length)
    return (
        signs * rng.uniform(0.4, 1.8, size=length),
        float(rng.uniform(1.5, 3.0)),
        float(rng.uniform(-0.9, -0.3)),
    )


def _chains(rng: np.random.Generator) -> list[Arguments]:
    return [_chain(rng) for _ in range(6)]


def _chains_with_zero(rng: np.random.Generator) -> list[Arguments]:
    cases: list[Arguments] = []
    for _ in range(4):
        w, x, upstream = _chain(rng)
        w[1] = 0.0  # never in the middle: a reversed answer must look different
        cases.append((w, x, upstream))
    return cases


SCALAR_BACKWARD = CodeExercise(
    id="chain/scalar-backward",
    title="Backward through a chain of numbers",
    lesson="01",
    functions=(
        Function(
            name="chain_gradient",
            parameters=("w", "x", "upstream"),
            reference=chain_gradient,
            returns="an array of shape (L,)",
            misconceptions=(
                Misconception(
                    "whole product divided by the factor",
                    _divided,
                    "You divided the whole product by each factor. With a factor 0 that is 0/0, "
                    "while the gradient is a plain number: multiply the parts before and after.",
                ),
                Misconception(
                    "signal forgotten",
                    _only_delta,
                    "You returned the gradient at each factor's output, delta. The gradient of "
                    "w[l] is delta times the signal that entered factor l.",
                ),
                Misconception(
                    "own factor kept",
                    _own_factor_kept,
                    "You left the factor itself inside its own gradient, so every entry is the "
                    "whole product. The derivative of w * h with respect to w is h, without w.",
                ),
                Misconception(
                    "upstream forgotten",
                    _no_upstream,
                    "You computed the derivative of the output. The loss arrives with the gradient "
                    "`upstream`: backpropagation starts from it, not from 1.",
                ),
                Misconception(
                    "input forgotten",
                    _no_input,
                    "You started the forward pass at 1. What enters the first factor is x.",
                ),
                Misconception(
                    "order reversed",
                    _reversed,
                    "You have the right numbers in the wrong order, last factor first. Entry 0 "
                    "belongs to w[0], the factor that meets the input.",
                ),
            ),
        ),
    ),
    parts=(
        Part(
            title="6 random chains, no factor 0",
            points=1.0,
            cases=_chains,
            example=(np.array([2.0, 3.0, 5.0]), 7.0, 0.1),
            look_at="The gradient of w[l] is upstream, times every factor after l, times every "
            "factor before l, times x.",
        ),
        Part(
            title="4 chains with one factor 0",
            points=1.0,
            cases=_chains_with_zero,
            example=(np.array([2.0, 0.0, 5.0]), 7.0, 0.1),
            look_at="With one factor 0, that factor alone has a gradient above 0. It is the "
            "product of all the others.",
        ),
    ),
    hints=(
        "Two passes: one forward that keeps what enters each factor, one backward.",
        "Forward: h[0] = x and h[l+1] = w[l] * h[l]. Backward: delta starts as upstream, and is "
        "multiplied by w[l] after it has been used at l.",
        "for l from L-1 down to 0: gradient[l] = delta * h[l], then delta = delta * w[l].",
    ),
)

# ── Lyapunov exponent ────────────────────────────────────────────────────────────────────────────


def lyapunov(factors: Array) -> float:
    """Mean of log |factor|: the product's typical rate per factor."""
    return float(np.mean(np.log(np.abs(factors))))


def _log_of_mean(factors: Array) -> float:
    return float(np.log(np.mean(np.abs(factors))))


def _log_of_product(factors: Array) -> float:
    with np.errstate(all="ignore"):
        return float(np.log(np.abs(np.prod(factors))) / len(factors))


def _no_absolute_value(factors: Array) -> float:
    with np.errstate(all="ignore"):
        return float(np.mean(np.log(factors)))


def _sum(factors: Array) -> float:
    return float(np.sum(np.log(np.abs(factors))))


def _base_ten(factors: Array) -> float:
    return float(np.mean(np.log10(np.abs(factors))))


def _log_of_median(factors: Array) -> float:
    return float(np.log(np.median(np.abs(factors))))


def _short_positive(rng: np.random.Generator) -> list[Arguments]:
    return [(rng.uniform(0.3, 2.0, size=int(rng.integers(20, 50))),) for _ in range(5)]


def _long(rng: np.random.Generator) -> list[Arguments]:
    return [(rng.uniform(0.1, 1.0, size=10_000),) for _ in range(2)]


def _negative(rng: np.random.Generator) -> list[Arguments]:
    return [(rng.normal(0.0, 1.5, size=int(rng.integers(20, 50))),) for _ in range(5)]


LYAPUNOV = CodeExercise(
    id="chain/lyapunov",
    title="Lyapunov exponent in the log domain",
    lesson="01",
    functions=(
        Function(
            name="lyapunov",
            parameters=("factors",),
            reference=lyapunov,
            returns="a float",
            misconceptions=(
                Misconception(
                    "log of the mean",
                    _log_of_mean,
                    "You took the logarithm of the mean factor. That is the rate of the mean "
                    "product, which a few huge chains decide; the typical product follows the "
                    "mean of the logarithms.",
                ),
                Misconception(
                    "log of the product",
                    _log_of_product,
                    "You multiplied first and took the logarithm afterwards. A long product "
                    "underflows to 0 before you look at it: add logarithms instead.",
                ),
                Misconception(
                    "no absolute value",
                    _no_absolute_value,
                    "You took the logarithm of negative factors, which is NaN. A sign does not "
                    "change the size of a product: use the absolute value.",
                ),
                Misconception(
                    "sum instead of mean",
                    _sum,
                    "You returned the logarithm of the whole product. The exponent is a rate per "
                    "factor: divide by their number.",
                ),
                Misconception(
                    "base ten",
                    _base_ten,
                    "You used log10. The exponent is defined with the natural logarithm, so that "
                    "the typical product is exp(L * exponent).",
                ),
                Misconception(
                    "log of the median factor",
                    _log_of_median,
                    "You took the logarithm of the median factor. Every factor enters the "
                    "product, not only the middle one: average the logarithms.",
                ),
            ),
        ),
    ),
    parts=(
        Part(
            title="5 short products of positive factors",
            points=1.0,
            cases=_short_positive,
            example=(np.array([0.5, 0.5, 2.0, 4.0]),),
            look_at="Four factors 0.5, 0.5, 2, 4: the product is 2, so the exponent is log(2)/4.",
        ),
        Part(
            title="10 000 factors whose product underflows",
            points=1.0,
            cases=_long,
            example=(np.tile([0.25, 1.0], 5000),),
            look_at="The product of these factors is 0 in float64. Their logarithms are harmless.",
        ),
        Part(
            title="5 products with negative factors",
            points=1.0,
            cases=_negative,
            example=(np.array([-2.0, 0.5, 3.0]),),
            look_at="Only the size of a factor counts.",
        ),
    ),
    hints=(
        "The logarithm of a product is the sum of the logarithms.",
        "Never form the product. Take the logarithm of each factor's absolute value first.",
        "It is the mean, over the factors, of np.log(np.abs(factors)).",
    ),
)

# ── A prediction ─────────────────────────────────────────────────────────────────────────────────


def _measure_typical() -> float:
    factors = np.random.default_rng(0).uniform(0.0, 2.0, size=(20_000, 50))
    return float(np.exp(np.median(np.log(factors).sum(axis=1))))


TYPICAL_PRODUCT = Prediction(
    id="chain/typical-product",
    title="The typical product",
    lesson="01",
    question="Each of 50 factors is drawn uniformly between 0 and 2, so their mean is exactly 1. "
    "What is the median of their product, over 20,000 such chains?",
    answer="typical_product",
    measure=_measure_typical,
    within=5.0,
    low=1e-18,
    high=1e6,
    explain="The mean of log r is log 2 - 1 = -0.307 for r uniform between 0 and 2, so the typical "
    "product of 50 is exp(-15.3), about 2e-7. The mean of the product is 1 all the same.",
    misconceptions=(
        NamedValue(
            "the mean product",
            1.0,
            "That is the mean of the product, 1 to the power 50. A few huge chains carry it; the "
            "median chain is far below: average log r, not r.",
        ),
        NamedValue(
            "root mean square",
            (4 / 3) ** 25,
            "That is the root mean square of the product. Squares weigh the rare large chains "
            "even more than the mean does: average log r.",
        ),
        NamedValue(
            "the decimal logarithm taken for the natural one",
            10 ** (50 * (math.log(2) - 1)),
            "You raised 10 to a natural logarithm. The typical product is e to the power "
            "50 times the mean of log r.",
        ),
    ),
    hints=(
        "Half of all chains lie below the median. Which average of r does the median follow?",
        "The mean of log r for r uniform between 0 and 2 is an integral you can do: "
        "half the integral of log r from 0 to 2.",
        "It is log 2 - 1 = -0.307 per factor. Multiply by 50 and exponentiate.",
    ),
    points=1.0,
)
