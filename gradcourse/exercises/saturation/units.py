"""Slopes of σ and tanh: their formulas, their largest values, and the share that is saturated."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcourse.checking.exercise import Arguments, CodeExercise, Function, Misconception, Part
from gradcourse.theory import sigmoid, slope

Array = NDArray[np.float64]

SHARE_OF_MAXIMUM = 0.05


def _largest(activation: str) -> float:
    return float(slope(activation, 0.0))


def _slope(a: Any, activation: str) -> Array:
    """φ′ from the activation a = φ(z)."""
    a = np.asarray(a, dtype=np.float64)
    return a - a**2 if activation == "sigmoid" else 1.0 - a**2


# ---------------------------------------------------------------- the two slopes


def sigmoid_prime(z: Any) -> Array:
    """σ′(z) = σ(z)(1 − σ(z))."""
    return slope("sigmoid", z)


def tanh_prime(z: Any) -> Array:
    """tanh′(z) = 1 − tanh²(z)."""
    return slope("tanh", z)


def _sigmoid_quotient(z: Any) -> Array:
    with np.errstate(over="ignore", invalid="ignore"):
        return np.exp(-z) / (1.0 + np.exp(-z)) ** 2


def _tanh_quotient(z: Any) -> Array:
    with np.errstate(over="ignore", invalid="ignore"):
        up, down = np.exp(z), np.exp(-np.asarray(z))
        return 1.0 - ((up - down) / (up + down)) ** 2


def _near_zero(rng: np.random.Generator) -> Sequence[Arguments]:
    return [(rng.uniform(-4.0, 4.0, size),) for size in (5, 9, 16)]


def _far_out(rng: np.random.Generator) -> Sequence[Arguments]:
    far = rng.uniform(720.0, 800.0, 3)
    return [(np.concatenate([rng.uniform(-3.0, 3.0, 3), far, -far]),) for _ in range(2)]


SLOPES = CodeExercise(
    id="saturation/slopes",
    title="The slopes of σ and tanh",
    lesson="02",
    functions=(
        Function(
            "sigmoid_prime",
            ("z",),
            sigmoid_prime,
            (
                Misconception(
                    "tanh's rule on σ",
                    lambda z: 1.0 - sigmoid(z) ** 2,
                    "You computed 1 − σ(z)². That rule belongs to tanh. Compare your value at "
                    "z = 0 with the steepest tangent that σ has.",
                ),
                Misconception(
                    "z taken for an activation",
                    lambda z: z * (1.0 - z),
                    "You computed z(1 − z). The rule a(1 − a) wants the activation a = σ(z), "
                    "not the pre-activation. Look at what your function receives.",
                ),
                Misconception(
                    "the value instead of the slope",
                    sigmoid,
                    "You returned σ(z) itself. The slope is a different curve: it is a bump that "
                    "goes to 0 on both sides.",
                ),
                Misconception(
                    "∞ divided by ∞",
                    _sigmoid_quotient,
                    "Your formula is right on paper, but e^(−z) overflows for z below −710 and "
                    "∞/∞ is NaN. Write the slope with σ(z) alone, or make the exponent negative.",
                ),
            ),
            returns="an array with the shape of z",
        ),
        Function(
            "tanh_prime",
            ("z",),
            tanh_prime,
            (
                Misconception(
                    "σ's rule on tanh",
                    lambda z: np.tanh(z) * (1.0 - np.tanh(z)),
                    "You computed a(1 − a) with a = tanh(z). That rule belongs to σ. Look at "
                    "z = 0: tanh is steepest there, yours is 0.",
                ),
                Misconception(
                    "z taken for an activation",
                    lambda z: 1.0 - np.asarray(z) ** 2,
                    "You computed 1 − z². The rule 1 − a² wants the activation a = tanh(z). A "
                    "slope of tanh is never negative; look at yours for z = 2.",
                ),
                Misconception(
                    "the square is missing",
                    lambda z: 1.0 - np.tanh(z),
                    "You computed 1 − tanh(z). The square is missing. tanh′ is the same at z and "
                    "at −z; compare yours at 1 and −1.",
                ),
                Misconception(
                    "∞ divided by ∞",
                    _tanh_quotient,
                    "Your formula is right on paper, but e^z overflows for |z| above 710 and "
                    "∞/∞ is NaN. `np.tanh` has no such trouble.",
                ),
            ),
            returns="an array with the shape of z",
        ),
    ),
    parts=(
        Part(
            title="sigmoid_prime on 3 random arrays, |z| ≤ 4",
            points=1.0,
            cases=_near_zero,
            function="sigmoid_prime",
            example=(np.array([-2.0, 0.0, 2.0]),),
            look_at="At z = 0 the answer is ¼, and it is the same at z and −z.",
        ),
        Part(
            title="tanh_prime on 3 random arrays, |z| ≤ 4",
            points=1.0,
            cases=_near_zero,
            function="tanh_prime",
            example=(np.array([-2.0, 0.0, 2.0]),),
            look_at="At z = 0 the answer is 1, and it is the same at z and −z.",
        ),
        Part(
            title="sigmoid_prime with |z| up to 800",
            points=0.5,
            cases=_far_out,
            function="sigmoid_prime",
            example=(np.array([-800.0, 800.0, 1.0]),),
            look_at="Both tails go to 0. A NaN comes from ∞/∞ or ∞ − ∞; find the e^(…) that "
            "overflows.",
        ),
        Part(
            title="tanh_prime with |z| up to 800",
            points=0.5,
            cases=_far_out,
            function="tanh_prime",
            example=(np.array([-800.0, 800.0, 1.0]),),
            look_at="Both tails go to 0. A NaN comes from ∞/∞ or ∞ − ∞; find the e^(…) that "
            "overflows.",
        ),
    ),
    hints=(
        "Both slopes can be written with the activation alone. Which two expressions are 0 where "
        "the curve is flat?",
        "For σ the flat ends are a = 0 and a = 1; for tanh they are a = −1 and a = 1. Overflow is "
        "avoided when every exponent is negative.",
        "With a = σ(z), computed as e^(−|z|) over 1 + e^(−|z|) where z < 0 and 1 over it "
        "elsewhere: a·(1 − a). With a = np.tanh(z): 1 − a².",
    ),
)


# ---------------------------------------------------------------- the largest gradient of a chain


def gradient_bound(weights: Any, activation: str) -> float:
    """Largest |∂h_L/∂h_0| of the chain h_l = φ(w_l h_(l−1)) over all inputs and biases."""
    return float(np.prod(np.abs(np.asarray(weights, dtype=np.float64)) * _largest(activation)))


def _chains(activation: str) -> Any:
    def cases(rng: np.random.Generator) -> Sequence[Arguments]:
        made: list[Arguments] = []
        for length in (3, 6, 11):
            weights = rng.uniform(0.6, 3.0, length) * rng.choice([-1.0, 1.0], length)
            weights[0] = -np.prod(np.sign(weights[1:])) * np.abs(weights[0])
            made.append((weights, activation))
        return made

    return cases


GRADIENT_BOUND = CodeExercise(
    id="saturation/gradient-bound",
    title="The largest gradient a chain can have",
    lesson="02",
    functions=(
        Function(
            "gradient_bound",
            ("weights", "activation"),
            gradient_bound,
            (
                Misconception(
                    "the weights are missing",
                    lambda w, act: _largest(act) ** len(w),
                    "You multiplied the largest slopes and left out the weights. Each layer "
                    "multiplies the gradient by w·φ′(z), both of them.",
                ),
                Misconception(
                    "the sign is kept",
                    lambda w, act: float(np.prod(np.asarray(w) * _largest(act))),
                    "Your product is negative. A bound is on the size of the gradient: take |w|.",
                ),
                Misconception(
                    "the value at 0 instead of the slope",
                    lambda w, act: float(np.prod(np.abs(w) * {"sigmoid": 0.5, "tanh": 0.0}[act])),
                    "You used φ(0), the value of the activation at 0. The chain rule multiplies "
                    "slopes. Look at φ′(0).",
                ),
                Misconception(
                    "a sum of layers",
                    lambda w, act: float(np.sum(np.abs(w) * _largest(act))),
                    "You added the factors of the layers. The chain rule multiplies them.",
                ),
                Misconception(
                    "one layer too few",
                    lambda w, act: gradient_bound(w[:-1], act),
                    "You left out the last layer. A chain with L weights has L slopes, the last "
                    "one included.",
                ),
                Misconception(
                    "one slope for the whole chain",
                    lambda w, act: float(np.prod(np.abs(w))) * _largest(act),
                    "You multiplied all weights, but the largest slope only once. Every layer has "
                    "a slope of its own.",
                ),
            ),
            returns="a float",
        ),
    ),
    parts=(
        Part(
            title="3 random σ chains of 3 to 11 layers",
            points=1.0,
            cases=_chains("sigmoid"),
            example=(np.array([2.0, -3.0, 0.5]), "sigmoid"),
            look_at="What is the largest slope of σ, and how often does it enter the product?",
        ),
        Part(
            title="3 random tanh chains of 3 to 11 layers",
            points=1.0,
            cases=_chains("tanh"),
            example=(np.array([2.0, -3.0, 0.5]), "tanh"),
            look_at="What is the largest slope of tanh, and where is it reached?",
        ),
    ),
    hints=(
        "Write ∂h_l/∂h_(l−1) for one layer first. It has two factors.",
        "The factor of one layer is w·φ′(z). You may choose z, so each slope can be at its "
        "largest: ¼ for σ, 1 for tanh.",
        "float(np.prod(np.abs(weights) * largest)), with largest = 0.25 or 1.0.",
    ),
)


# ---------------------------------------------------------------- the share that is saturated


def saturated_fraction(a: Any, activation: str) -> float:
    """Share of the activations whose slope is below 5 % of the largest slope."""
    return float(np.mean(_slope(a, activation) < SHARE_OF_MAXIMUM * _largest(activation)))


def _layers(activation: str) -> Any:
    def cases(rng: np.random.Generator) -> Sequence[Arguments]:
        made: list[Arguments] = []
        for shape in ((40, 50), (60, 30)):
            z = rng.normal(rng.uniform(0.3, 0.8), rng.uniform(2.0, 5.0), shape)
            made.append((sigmoid(z) if activation == "sigmoid" else np.tanh(z), activation))
        return made

    return cases


SATURATED_FRACTION = CodeExercise(
    id="saturation/saturated-fraction",
    title="The share of saturated units",
    lesson="02",
    functions=(
        Function(
            "saturated_fraction",
            ("a", "activation"),
            saturated_fraction,
            (
                Misconception(
                    "0.05 as an absolute slope",
                    lambda a, act: float(np.mean(_slope(a, act) < SHARE_OF_MAXIMUM)),
                    "You compared the slope with 0.05. It is 5 % of the largest slope, and that "
                    "is ¼ for σ: the threshold is 0.0125 there.",
                ),
                Misconception(
                    "one end only",
                    lambda a, act: float(
                        np.mean(
                            (_slope(a, act) < SHARE_OF_MAXIMUM * _largest(act))
                            & (np.asarray(a) > (0.5 if act == "sigmoid" else 0.0))
                        )
                    ),
                    "You counted the units at the upper end only. A unit at the lower end is as "
                    "flat: look at the slope, not at the size of a.",
                ),
                Misconception(
                    "the healthy share",
                    lambda a, act: 1.0 - saturated_fraction(a, act),
                    "You counted the units that are not saturated. Look at the direction of your "
                    "comparison.",
                ),
                Misconception(
                    "a taken for a pre-activation",
                    lambda a, act: float(
                        np.mean(
                            _slope(sigmoid(a) if act == "sigmoid" else np.tanh(a), act)
                            < SHARE_OF_MAXIMUM * _largest(act)
                        )
                    ),
                    "You applied the activation once more. `a` is already the output of the unit: "
                    "its slope is a − a² for σ and 1 − a² for tanh.",
                ),
                Misconception(
                    "a count instead of a share",
                    lambda a, act: saturated_fraction(a, act) * np.size(a),
                    "You counted the saturated entries. Divide by how many entries there are: "
                    "np.mean of the comparison does both.",
                ),
                Misconception(
                    "a threshold on the activation",
                    lambda a, act: float(np.mean(np.abs(a) > 0.95)),
                    "You compared the activation with 0.95. The definition is about the slope, "
                    "and a sigmoid near 0 is as flat as one near 1.",
                ),
                Misconception(
                    "per cent instead of a share",
                    lambda a, act: 100.0 * saturated_fraction(a, act),
                    "You returned per cent. The share is a number between 0 and 1.",
                ),
                Misconception(
                    "the two rules swapped",
                    lambda a, act: float(
                        np.mean(
                            _slope(a, "tanh" if act == "sigmoid" else "sigmoid")
                            < SHARE_OF_MAXIMUM * _largest(act)
                        )
                    ),
                    "You used the slope of the other activation. It is a − a² for σ and 1 − a² "
                    "for tanh.",
                ),
            ),
            returns="a float between 0 and 1",
        ),
    ),
    parts=(
        Part(
            title="2 random layers of σ units",
            points=1.0,
            cases=_layers("sigmoid"),
            example=(np.array([[0.5, 0.99], [0.97, 0.005]]), "sigmoid"),
            look_at="Print the slopes of the small example, and the threshold beside them.",
        ),
        Part(
            title="2 random layers of tanh units",
            points=1.0,
            cases=_layers("tanh"),
            example=(np.array([[0.0, 0.99], [0.96, -0.98]]), "tanh"),
            look_at="Print the slopes of the small example, and the threshold beside them.",
        ),
    ),
    hints=(
        "You have the activations, not the pre-activations. The slope can be had from a alone.",
        "Compute all slopes as one array, compare it with 5 % of the largest slope, and take the "
        "mean of the True values.",
        "float(np.mean(slope < 0.05 * largest)), with slope = a − a², largest = 0.25 for σ and "
        "slope = 1 − a², largest = 1 for tanh.",
    ),
)
