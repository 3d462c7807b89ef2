"""Standard deviations from the shape of a weight tensor, and from data."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcourse.checking.exercise import Arguments, CodeExercise, Function, Misconception, Part

Array = NDArray[np.float64]

# ---------------------------------------------------------------- Xavier and He from a shape


def _fans(shape: Any) -> tuple[int, int]:
    """fan_in and fan_out of (out, in) or (out, in, height, width)."""
    shape = [int(size) for size in shape]
    field = math.prod(shape[2:])
    return shape[1] * field, shape[0] * field


def xavier_std(shape: Any) -> float:
    """√(2 / (fan_in + fan_out))."""
    return math.sqrt(2 / sum(_fans(shape)))


def he_std(shape: Any) -> float:
    """√(2 / fan_in)."""
    return math.sqrt(2 / _fans(shape)[0])


def _matrices(rng: np.random.Generator) -> Sequence[Arguments]:
    """Always more outputs than inputs, or the other way round: a swap must show."""
    made: list[Arguments] = []
    for _ in range(4):
        small, large = int(rng.integers(10, 60)), int(rng.integers(100, 500))
        made.append(((small, large) if len(made) % 2 else (large, small),))
    return made


def _convolutions(rng: np.random.Generator) -> Sequence[Arguments]:
    made: list[Arguments] = []
    for kernel in (3, 5):
        channels = int(rng.integers(3, 20))
        made.append(((int(rng.integers(30, 90)), channels, kernel, kernel),))
    return made


_NO_KERNEL = Misconception(
    "the kernel is left out",
    lambda shape: he_std(shape[:2]),
    "You counted the input channels only. An output of a convolution sums over channels × height "
    "× width of the kernel; all of these are its fan_in.",
)

XAVIER_HE = CodeExercise(
    id="init/xavier-he",
    title="Xavier and He from a shape",
    lesson="05",
    functions=(
        Function(
            "xavier_std",
            ("shape",),
            xavier_std,
            (
                Misconception(
                    "variance instead of standard deviation",
                    lambda shape: xavier_std(shape) ** 2,
                    "You returned the variance, 2/(fan_in + fan_out). The standard deviation is "
                    "its square root.",
                ),
                Misconception(
                    "the bound of the uniform version",
                    lambda shape: math.sqrt(3) * xavier_std(shape),
                    "√(6/(fan_in + fan_out)) is the bound of Xavier's *uniform* weights. Their "
                    "standard deviation is that bound divided by √3.",
                ),
                Misconception(
                    "the 2 is missing",
                    lambda shape: xavier_std(shape) / math.sqrt(2),
                    "You divided 1 by the sum of the fans. Xavier divides by their mean, "
                    "(fan_in + fan_out)/2.",
                ),
                Misconception(
                    "fan_in only",
                    lambda shape: math.sqrt(1 / _fans(shape)[0]),
                    "You used √(1/fan_in), which keeps the forward pass only. Xavier takes the "
                    "mean of fan_in and fan_out.",
                ),
                Misconception(
                    "He's rule",
                    he_std,
                    "That is He's √(2/fan_in). Xavier has fan_in + fan_out in the denominator.",
                ),
                Misconception(
                    "the kernel is left out",
                    lambda shape: xavier_std(shape[:2]),
                    "You counted channels only. Each weight of a kernel is one summand: both fans "
                    "are channels × height × width.",
                ),
            ),
            returns="a float",
        ),
        Function(
            "he_std",
            ("shape",),
            he_std,
            (
                Misconception(
                    "variance instead of standard deviation",
                    lambda shape: he_std(shape) ** 2,
                    "You returned the variance, 2/fan_in. The standard deviation is its square "
                    "root.",
                ),
                Misconception(
                    "fan_out",
                    lambda shape: math.sqrt(2 / _fans(shape)[1]),
                    "You used fan_out. PyTorch stores a weight as (out, in, …): fan_in starts at "
                    "the second entry.",
                ),
                Misconception(
                    "ReLU's half is missing",
                    lambda shape: math.sqrt(1 / _fans(shape)[0]),
                    "√(1/fan_in) keeps a linear layer. ReLU sets half of its inputs to 0, so the "
                    "variance must be twice as large.",
                ),
                Misconception(
                    "the bound of the uniform version",
                    lambda shape: math.sqrt(3) * he_std(shape),
                    "√(6/fan_in) is the bound of He's *uniform* weights. Their standard deviation "
                    "is that bound divided by √3.",
                ),
                Misconception(
                    "PyTorch's default",
                    lambda shape: math.sqrt(1 / (3 * _fans(shape)[0])),
                    "√(1/(3·fan_in)) is what nn.Linear does by itself. He's variance is six times "
                    "that.",
                ),
                _NO_KERNEL,
            ),
            returns="a float",
        ),
    ),
    parts=(
        Part(
            title="xavier_std for 4 random matrices",
            points=1.0,
            cases=_matrices,
            function="xavier_std",
            example=((30, 20),),
            look_at="fan_in + fan_out is 50 here, so the answer is √(2/50) = 0.2.",
        ),
        Part(
            title="he_std for 4 random matrices",
            points=1.0,
            cases=_matrices,
            function="he_std",
            example=((30, 50),),
            look_at="The shape is (out, in), so fan_in is 50 here and the answer is 0.2.",
        ),
        Part(
            title="xavier_std for 2 random convolutions",
            points=0.5,
            cases=_convolutions,
            function="xavier_std",
            example=((8, 4, 3, 3),),
            look_at="How many weights are summed up in one output, and how many outputs does one "
            "input reach?",
        ),
        Part(
            title="he_std for 2 random convolutions",
            points=0.5,
            cases=_convolutions,
            function="he_std",
            example=((8, 4, 3, 3),),
            look_at="How many products are summed up in one output of this convolution?",
        ),
    ),
    hints=(
        "Both rules need fan_in, the number of products that are summed up in one output.",
        "For a shape (out, in, kh, kw): fan_in = in·kh·kw, fan_out = out·kh·kw. For a matrix there "
        "is no kernel. `math.prod(shape[2:])` is 1 for an empty tuple.",
        "xavier: math.sqrt(2 / (fan_in + fan_out)); he: math.sqrt(2 / fan_in).",
    ),
)

# ---------------------------------------------------------------- LSUV


def lsuv_scales(weights: Any, x: Any) -> Array:
    """The factor that each weight matrix gets, ReLU between the layers."""
    h, scales = np.asarray(x, dtype=np.float64), []
    for w in weights:
        z = h @ np.asarray(w).T
        scales.append(1 / z.std())
        h = np.maximum(scales[-1] * z, 0)
    return np.array(scales)


def _by_variance(weights: Any, x: Any) -> Array:
    h, scales = np.asarray(x), []
    for w in weights:
        z = h @ w.T
        scales.append(1 / z.var())
        h = np.maximum(scales[-1] * z, 0)
    return np.array(scales)


def _not_passed_on(weights: Any, x: Any) -> Array:
    h, scales = np.asarray(x), []
    for w in weights:
        z = h @ w.T
        scales.append(1 / z.std())
        h = np.maximum(z, 0)
    return np.array(scales)


def _same_input(weights: Any, x: Any) -> Array:
    return np.array([1 / (np.asarray(x) @ w.T).std() for w in weights])


def _after_relu(weights: Any, x: Any) -> Array:
    h, scales = np.asarray(x), []
    for w in weights:
        a = np.maximum(h @ w.T, 0)
        scales.append(1 / a.std())
        h = scales[-1] * a
    return np.array(scales)


def _multiplied(weights: Any, x: Any) -> Array:
    h, scales = np.asarray(x), []
    for w in weights:
        z = h @ w.T
        scales.append(z.std())
        h = np.maximum(scales[-1] * z, 0)
    return np.array(scales)


def _without_relu(weights: Any, x: Any) -> Array:
    h, scales = np.asarray(x), []
    for w in weights:
        z = h @ w.T
        scales.append(1 / z.std())
        h = scales[-1] * z
    return np.array(scales)


def _of_weights(weights: Any, x: Any) -> Array:
    return np.array([1 / np.asarray(w).std() for w in weights])


def _batches(rng: np.random.Generator) -> Sequence[Arguments]:
    made: list[Arguments] = []
    for sizes in ((12, 20, 15, 10), (30, 25, 25, 25, 25)):
        weights = [
            rng.uniform(0.05, 0.6) * rng.standard_normal((n_out, n_in))
            for n_in, n_out in pairwise(sizes)
        ]
        made.append((weights, rng.normal(0.2, rng.uniform(0.5, 3.0), (50, sizes[0]))))
    return made


LSUV = CodeExercise(
    id="init/lsuv",
    title="Scales from data (LSUV)",
    lesson="05",
    functions=(
        Function(
            "lsuv_scales",
            ("weights", "x"),
            lsuv_scales,
            (
                Misconception(
                    "divided by the variance",
                    _by_variance,
                    "You divided by the variance. A factor s multiplies the variance by s², so "
                    "it must be 1 over the standard deviation.",
                ),
                Misconception(
                    "the scaled layer is not passed on",
                    _not_passed_on,
                    "Only your first factor is right: you sent the *unscaled* outputs on. The "
                    "next layer must see what the layers before it give after their scaling.",
                ),
                Misconception(
                    "every layer sees the data",
                    _same_input,
                    "You sent the data into every layer. Layer 2 sees the activations of layer 1.",
                ),
                Misconception(
                    "measured after the ReLU",
                    _after_relu,
                    "You took the standard deviation of the activations. LSUV measures the "
                    "outputs of the matrix, before the ReLU.",
                ),
                Misconception(
                    "multiplied instead of divided",
                    _multiplied,
                    "Your factors make large outputs larger. The factor is 1 over the standard "
                    "deviation.",
                ),
                Misconception(
                    "the ReLU is left out",
                    _without_relu,
                    "Only your first factor is right: there is a ReLU between two layers.",
                ),
                Misconception(
                    "the standard deviation of the weights",
                    _of_weights,
                    "You normalised the weights. LSUV looks at what they do to data: the standard "
                    "deviation of the outputs.",
                ),
            ),
            returns="an array with one factor per matrix",
        ),
    ),
    parts=(
        Part(
            title="2 random networks of 3 and 4 layers",
            points=2.0,
            cases=_batches,
            example=(
                [np.array([[2.0, 0.0], [0.0, -2.0]]), np.array([[1.0, 1.0]])],
                np.array([[1.0, 1.0], [-1.0, -1.0], [2.0, -2.0], [-2.0, 2.0]]),
            ),
            look_at="Compute the outputs of layer 1 for the example by hand, their standard "
            "deviation, then ReLU, then layer 2.",
        ),
    ),
    hints=(
        "Go through the layers from the first to the last, and keep what the layer before gives.",
        "In each layer: z = h @ w.T, the factor is 1/z.std(), over all rows and units at once.",
        "h = np.maximum(z / z.std(), 0) goes into the next layer, which is scaled in its turn.",
    ),
)
