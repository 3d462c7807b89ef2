import math

import numpy as np
import pytest
import torch

from gradcourse.instrument import log2_histogram
from gradcourse.support import GradcourseError

BITS = {
    torch.float16: torch.int16,
    torch.bfloat16: torch.int16,
    torch.float32: torch.int32,
    torch.float64: torch.int64,
}


def _random_bits(dtype, n=20_000):
    """Every exponent, subnormal numbers, NaN and both infinities: bits, not values, at random."""
    rng = np.random.default_rng(0)
    size = BITS[dtype].itemsize
    tensor = torch.from_numpy(np.frombuffer(rng.bytes(n * size), f"int{8 * size}").copy())
    values = tensor.view(dtype)
    special = torch.tensor([0.0, -0.0, math.inf, math.inf, -math.inf, math.nan], dtype=dtype)
    tiny = torch.arange(1, 200, dtype=BITS[dtype]).view(dtype)
    return torch.cat([values, special, tiny])


@pytest.mark.parametrize("dtype", BITS, ids=str)
def test_counts_agree_with_frexp_element_by_element(dtype):
    tensor = _random_bits(dtype)
    histogram = log2_histogram(tensor)
    values = tensor.double().numpy()
    finite = values[np.isfinite(values) & (values != 0)]
    exponents, counts = np.unique(np.frexp(finite)[1] - 1, return_counts=True)
    expected = dict(zip(exponents.tolist(), counts.tolist(), strict=True))
    found = dict(zip(histogram.exponents.tolist(), histogram.counts.tolist(), strict=True))
    assert {e: n for e, n in found.items() if n} == expected
    assert np.all(np.diff(histogram.exponents) == 1)
    assert histogram.zeros == (values == 0).sum()
    assert histogram.nan == np.isnan(values).sum()
    assert histogram.positive_infinity == np.isposinf(values).sum()
    assert histogram.negative_infinity == np.isneginf(values).sum()
    assert histogram.total == tensor.numel()


def test_edges_of_a_bin():
    histogram = log2_histogram(torch.tensor([1.0, 1.9999999, 2.0, -0.5, 2.0**-149]))
    counts = dict(zip(histogram.exponents.tolist(), histogram.counts.tolist(), strict=True))
    assert (counts[0], counts[1], counts[-1], counts[-149]) == (2, 1, 1, 1)
    assert counts[-2] == 0


def test_a_tensor_without_any_exponent():
    histogram = log2_histogram(torch.zeros(2, 3))
    assert histogram.total == histogram.zeros == 6
    assert repr(histogram) == "Log2Histogram: 6 elements, 6 zero"
    assert log2_histogram(torch.zeros(0)).total == 0


def test_a_transposed_gradient_needs_no_copy_by_the_caller():
    assert log2_histogram(torch.ones(3, 4, requires_grad=True).T).total == 12


def test_integers_are_refused():
    with pytest.raises(GradcourseError, match="int64"):
        log2_histogram(torch.tensor([1]))
