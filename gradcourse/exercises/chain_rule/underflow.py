"""Assignment 01: where a power becomes 0."""

from __future__ import annotations

import math

import numpy as np

from gradcourse.checking.question import CodeExercise, Part, asks

_SMALLEST = {"float16": -24, "bfloat16": -133, "float32": -149, "float64": -1074}
_SMALLEST_NORMAL = {"float16": -14, "bfloat16": -126, "float32": -126}


def _first_zero(factor, smallest):
    """First L at which factor**L is at most half of 2**smallest, which rounds to 0."""
    return math.ceil((smallest - 1) / math.log2(factor))


def underflow_depth(factor, dtype):
    """Smallest L for which factor**L, rounded to dtype, is 0."""
    return _first_zero(factor, _SMALLEST[dtype])


def _sixteen_bits(factor, dtype):
    return underflow_depth(factor, "float16" if dtype == "bfloat16" else dtype)


def _eight_digits(factor):
    """The factor with the 8 binary digits that bfloat16 keeps."""
    mantissa, exponent = math.frexp(factor)
    return math.ldexp(round(mantissa * 2**8), exponent - 8)


def _factor_rounded_first(factor, dtype):
    rounded = {
        "float16": float(np.float16(factor)),
        "bfloat16": _eight_digits(factor),
        "float32": float(np.float32(factor)),
    }
    return underflow_depth(rounded[dtype], dtype)


def _range_of_float32(factor, dtype):
    return underflow_depth(factor, "float32" if dtype == "bfloat16" else dtype)


def _factors_for(*dtypes):
    def cases(rng):
        # The larger factors tell half of the smallest number from the smallest number itself.
        ranges = [(0.05, 0.5), (0.05, 0.5), (0.8, 0.95), (0.8, 0.95)]
        random = [(float(rng.uniform(*ends)), dtype) for dtype in dtypes for ends in ranges]
        return [(0.25, "float32"), *random] if dtypes == ("float32",) else random

    return cases


UNDERFLOW_DEPTH = CodeExercise(
    id="chain/underflow-depth",
    title="Where a power becomes 0",
    functions=asks(
        underflow_depth,
        "an int",
        {
            "end of the normal numbers": (
                lambda factor, dtype: math.floor(_SMALLEST_NORMAL[dtype] / math.log2(factor)) + 1,
                "You found where the power falls below the smallest normal number. Below it "
                "lie the subnormal numbers, smaller by up to eps: 0 comes only after them.",
            ),
            "no rounding at the bottom": (
                lambda factor, dtype: math.floor(_SMALLEST[dtype] / math.log2(factor)) + 1,
                "You stopped at the smallest subnormal number itself. A power just below it "
                "rounds back up to it; 0 begins at half of the smallest number.",
            ),
            "Python's own floats": (
                lambda factor, dtype: _first_zero(factor, _SMALLEST["float64"]),
                "You computed in float64, as Python does whatever dtype you mean. Look up the "
                "smallest number of the dtype that was asked for.",
            ),
            "last depth above 0": (
                lambda factor, dtype: underflow_depth(factor, dtype) - 1,
                "You are one short: this is the last depth with a power above 0. The question "
                "is the first depth at which it is 0.",
            ),
            "bfloat16 taken for float16": (
                _sixteen_bits,
                "You gave bfloat16 the range of float16. Both have 16 bits, but bfloat16 has "
                "8 exponent bits, as float32 has, and only 7 for the digits.",
            ),
            "bfloat16 taken for float32": (
                _range_of_float32,
                "You gave bfloat16 the smallest number of float32. The exponents are the "
                "same, but below the normal numbers it has 7 more digits to lose, and not "
                "23: its smallest is 2**-133.",
            ),
            "the factor rounded first": (
                _factor_rounded_first,
                "You rounded the factor to the dtype and took powers of that. The power of "
                "the factor as it is given is meant, and only the power is rounded.",
            ),
            "half of the smallest number kept": (
                lambda factor, dtype: math.floor((_SMALLEST[dtype] - 1) / math.log2(factor)) + 1,
                "You let a power that is exactly half of the smallest number live. Halfway, "
                "rounding goes to the even neighbour, and that is 0: factor**L at most half "
                "is enough.",
            ),
            "float32 whatever was asked": (
                lambda factor, dtype: underflow_depth(factor, "float32"),
                "You answered for float32 each time. The exponent range belongs to the dtype: "
                "use the argument.",
            ),
        },
    ),
    parts=(
        Part(
            title="float32, factors between 0.05 and 0.95",
            points=0.5,
            cases=_factors_for("float32"),
            example=(0.3, "float32"),
            look_at="Solve factor**L = half of the smallest number for L, by logarithms. A loop "
            "that multiplies in float32 never ends when the factor is above one half.",
        ),
        Part(
            title="float16 and bfloat16",
            points=0.5,
            cases=_factors_for("float16", "bfloat16"),
            example=(0.3, "bfloat16"),
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
