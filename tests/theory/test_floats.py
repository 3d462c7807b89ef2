import math

import numpy as np
import pytest
import torch

from gradcourse import theory
from gradcourse.support import GradcourseError

DTYPES = ["float16", "bfloat16", "float32", "float64"]


@pytest.mark.parametrize("dtype", DTYPES)
def test_limits_are_those_of_torch(dtype):
    limits, info = theory.float_limits(dtype), torch.finfo(getattr(torch, dtype))
    assert limits.smallest_normal == info.tiny
    assert limits.largest == info.max
    assert limits.eps == info.eps
    smallest = torch.tensor([limits.smallest_subnormal], dtype=torch.float64)
    assert smallest.to(getattr(torch, dtype)).double().item() == limits.smallest_subnormal
    assert (smallest / 2).to(getattr(torch, dtype)).item() == 0


def test_dtypes_may_be_given_as_objects():
    expected = theory.float_limits("float32")
    assert theory.float_limits(torch.float32) == expected
    assert theory.float_limits(np.float32) == expected
    assert theory.float_limits(np.dtype("float32")) == expected


def test_quarter_in_float32():
    assert theory.underflow_depth(0.25, "float32") == 75
    assert theory.subnormal_depth(0.25, "float32") == 64


@pytest.mark.parametrize("dtype", ["float16", "float32"])
@pytest.mark.parametrize("r", [0.25, -0.25, 0.5, 0.3, 0.7, 0.9, 0.99, 0.015625, 1e-8])
def test_underflow_agrees_with_rounded_powers(r, dtype):
    # float64 holds these powers to 1e-16, far finer than the steps of the formats tested.
    limits = theory.float_limits(dtype)
    powers = np.abs(np.power(r, np.arange(1, 12_000, dtype=np.float64)))
    rounded = powers.astype(dtype).astype(float)
    assert theory.underflow_depth(r, dtype) == 1 + int(np.argmax(rounded == 0))
    assert theory.subnormal_depth(r, dtype) == 1 + int(np.argmax(rounded < limits.smallest_normal))


@pytest.mark.parametrize("dtype", ["float16", "float32"])
@pytest.mark.parametrize("r", [2.0, -4.0, 1.5, 1.01, 1e6])
def test_overflow_agrees_with_rounded_powers(r, dtype):
    with np.errstate(over="ignore"):
        powers = np.power(r, np.arange(1, 12_000, dtype=np.float64))
        rounded = powers.astype(dtype)
    assert theory.overflow_depth(r, dtype) == 1 + int(np.argmax(np.isinf(rounded)))


def test_factors_that_never_get_there():
    assert theory.underflow_depth(1.0) is None
    assert theory.underflow_depth(-1.5) is None
    assert theory.overflow_depth(0.99) is None
    assert theory.overflow_depth(0.0) is None
    assert theory.underflow_depth(0.0) == 1


def test_factors_very_near_one_take_no_time():
    expected = 150 * math.log(2) / -math.log1p(-1e-9)
    assert theory.underflow_depth(1 - 1e-9) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("r", [math.nan, math.inf])
def test_a_factor_must_be_finite(r):
    for depth in (theory.underflow_depth, theory.subnormal_depth, theory.overflow_depth):
        with pytest.raises(GradcourseError, match="finite"):
            depth(r)


def test_an_unknown_format_is_named():
    with pytest.raises(GradcourseError, match="float8"):
        theory.float_limits("float8")


def test_rounding_after_each_factor_sticks_above_zero():
    # The claim of underflow_depth's docstring, and why it computes the power exactly.
    product = np.float32(1)
    for _ in range(20_000):
        product = product * np.float32(0.9)
    assert theory.underflow_depth(0.9) < 20_000
    assert product == 4 * theory.float_limits("float32").smallest_subnormal
