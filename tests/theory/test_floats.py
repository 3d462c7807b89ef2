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


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("scale", [0.0, 12.0, 30.0])
def test_lognormal_shares_are_those_of_cast_lognormal_numbers(dtype, scale):
    powers = np.random.default_rng(0).normal(-22.0, 5.0, 400_000) + scale
    cast = torch.tensor(2.0**powers).to(getattr(torch, dtype)).double()
    expected = theory.lognormal_shares(-22.0, 5.0, dtype, scale)
    tiny = torch.finfo(getattr(torch, dtype)).tiny
    found = ((cast == 0), (cast > 0) & (cast < tiny), cast.isinf())
    for share, entries in zip(expected, found, strict=True):
        assert float(entries.double().mean()) == pytest.approx(share, abs=0.003)


def test_layers_in_range_are_those_of_a_product_that_begins_at_the_top():
    for r in (0.25, 0.3, 3.0):
        small = min(r, 1 / r)
        power, layers = float(torch.finfo(torch.float16).max), 0
        while power > 2.0**-24:
            power, layers = power * small, layers + 1
        assert theory.layers_in_range(r) == pytest.approx(layers, abs=1)
    assert theory.layers_in_range(0.5, subnormal=False) == pytest.approx(30, abs=0.01)
    with pytest.raises(GradcourseError, match="factor is 1"):
        theory.layers_in_range(1.0)


@pytest.mark.parametrize("update", [0.001, 3e-4, 1e-5, 0.7])
@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_from_the_smallest_stuck_weight_on_nothing_moves(update, dtype):
    form = getattr(torch, dtype)
    smallest = theory.smallest_stuck_weight(update, dtype)
    above = (smallest * torch.linspace(1.0, 8.0, 100)).to(form)
    assert torch.equal((above.float() + update).to(form), above)
    below = (smallest * torch.linspace(0.5, 0.99, 100)).to(form)
    assert not torch.any((below.float() + update).to(form) == below)


def test_the_stuck_share_is_that_of_gaussian_weights():
    weights = (0.177 * torch.randn(200_000, generator=torch.Generator().manual_seed(0))).bfloat16()
    for update in (1e-5, 1e-4, 7e-4):
        stays = (weights.float() + update).bfloat16() == weights
        expected = theory.stuck_share(update, 0.177)
        assert float(stays.double().mean()) == pytest.approx(expected, abs=0.01)
    with pytest.raises(GradcourseError, match="update is 0"):
        theory.stuck_share(0.0, 1.0)


@pytest.mark.parametrize(("beta", "squared"), [(0.95, False), (0.95, True), (0.999, True)])
def test_a_running_mean_forgets_a_spike_when_the_formula_says(beta, squared):
    spike = (1 - beta) * 1e4 ** (2 if squared else 1)
    updates = 0
    while spike > 1:
        spike, updates = spike * beta, updates + 1
    assert theory.updates_to_forget(1e4, beta, squared=squared) == pytest.approx(updates, abs=1)
    assert theory.updates_to_forget(0.5, beta) == 0
    with pytest.raises(GradcourseError, match="beta is 1"):
        theory.updates_to_forget(10.0, 1.0)
