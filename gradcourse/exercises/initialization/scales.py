"""Standard deviations from the shape of a weight tensor."""

from __future__ import annotations

import math

from gradcourse.checking.question import CodeExercise, Part, asks


def _fans(shape):
    """fan_in and fan_out of (out, in) or (out, in, height, width)."""
    shape = [int(size) for size in shape]
    field = math.prod(shape[2:])
    return shape[1] * field, shape[0] * field


def xavier_std(shape):
    """√(2 / (fan_in + fan_out))."""
    return math.sqrt(2 / sum(_fans(shape)))


def he_std(shape):
    """√(2 / fan_in)."""
    return math.sqrt(2 / _fans(shape)[0])


def _matrices(rng):
    """Always more outputs than inputs, or the other way round: a swap must show."""
    made = []
    for _ in range(4):
        small, large = int(rng.integers(10, 60)), int(rng.integers(100, 500))
        made.append(((small, large) if len(made) % 2 else (large, small),))
    return made


def _convolutions(rng):
    made = []
    for kernel in (3, 5):
        channels = int(rng.integers(3, 20))
        made.append(((int(rng.integers(30, 90)), channels, kernel, kernel),))
    return made


_NO_KERNEL = (
    lambda shape: he_std(shape[:2]),
    "You counted the input channels only. An output of a convolution sums over channels × height "
    "× width of the kernel; all of these are its fan_in.",
)

XAVIER_HE = CodeExercise(
    id="init/xavier-he",
    title="Xavier and He from a shape",
    functions=(
        asks(
            xavier_std,
            "a float",
            {
                "variance instead of standard deviation": (
                    lambda shape: xavier_std(shape) ** 2,
                    "You returned the variance, 2/(fan_in + fan_out). The standard deviation is "
                    "its square root.",
                ),
                "the bound of the uniform version": (
                    lambda shape: math.sqrt(3) * xavier_std(shape),
                    "√(6/(fan_in + fan_out)) is the bound of Xavier's *uniform* weights. Their "
                    "standard deviation is that bound divided by √3.",
                ),
                "the 2 is missing": (
                    lambda shape: xavier_std(shape) / math.sqrt(2),
                    "You divided 1 by the sum of the fans. Xavier divides by their mean, "
                    "(fan_in + fan_out)/2.",
                ),
                "the root of fan_in plus fan_out alone": (
                    lambda shape: 2 / math.sqrt(sum(_fans(shape))),
                    "Yours is 2/√(fan_in + fan_out), √2 times too large. The variance is "
                    "2/(fan_in + fan_out), 1 over the mean of the two fans; its root is wanted.",
                ),
                "the sum of the whole shape": (
                    lambda shape: math.sqrt(2 / sum(shape)),
                    "You added up the shape. fan_in and fan_out are products: channels × height "
                    "× width.",
                ),
                "the product of the whole shape": (
                    lambda shape: math.sqrt(2 / math.prod(shape)),
                    "You divided by the number of all weights. Xavier divides by fan_in + fan_out.",
                ),
                "fan_in only": (
                    lambda shape: math.sqrt(1 / _fans(shape)[0]),
                    "You used √(1/fan_in), which keeps the forward pass only. Xavier takes the "
                    "mean of fan_in and fan_out.",
                ),
                "He's rule": (
                    he_std,
                    "That is He's √(2/fan_in). Xavier has fan_in + fan_out in the denominator.",
                ),
                "the kernel is left out": (
                    lambda shape: xavier_std(shape[:2]),
                    "You counted channels only. Each weight of a kernel is one summand: both fans "
                    "are channels × height × width.",
                ),
                "the kernel in fan_in only": (
                    lambda shape: math.sqrt(2 / (_fans(shape)[0] + shape[0])),
                    "Your fan_in has the kernel, your fan_out has not. An input is seen by height "
                    "× width outputs in each output channel: fan_out is out × height × width.",
                ),
            },
        )
        + asks(
            he_std,
            "a float",
            {
                "variance instead of standard deviation": (
                    lambda shape: he_std(shape) ** 2,
                    "You returned the variance, 2/fan_in. The standard deviation is its square "
                    "root.",
                ),
                "fan_out": (
                    lambda shape: math.sqrt(2 / _fans(shape)[1]),
                    "You used fan_out. PyTorch stores a weight as (out, in, …): fan_in starts at "
                    "the second entry.",
                ),
                "ReLU's half is missing": (
                    lambda shape: math.sqrt(1 / _fans(shape)[0]),
                    "√(1/fan_in) keeps a linear layer. ReLU sets half of its inputs to 0, so the "
                    "variance must be twice as large.",
                ),
                "the bound of the uniform version": (
                    lambda shape: math.sqrt(3) * he_std(shape),
                    "√(6/fan_in) is the bound of He's *uniform* weights. Their standard deviation "
                    "is that bound divided by √3.",
                ),
                "PyTorch's default": (
                    lambda shape: math.sqrt(1 / (3 * _fans(shape)[0])),
                    "√(1/(3·fan_in)) is what nn.Linear does by itself. He's variance is six times "
                    "that.",
                ),
                "Xavier's rule": (
                    xavier_std,
                    "That is Xavier's √(2/(fan_in + fan_out)). He has fan_in alone: the forward "
                    "version keeps z.",
                ),
                "the kernel is left out": _NO_KERNEL,
            },
        )
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
        "Xavier's variance is 2 over the sum of both fans, He's is 2 over one of them. A standard "
        "deviation is asked.",
    ),
)
