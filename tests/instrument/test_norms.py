import numpy as np
import pytest
import torch

from gradcourse.instrument import gradient_norm, norms
from gradcourse.support import GradcourseError


def _gaussian(std, dtype, n=1000):
    draw = torch.randn(n, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return (draw * std).to(dtype)


def _exact(tensor):
    """The norm with a power of two taken out first, so that no square leaves float64."""
    values = tensor.double().numpy()
    exponent = np.frexp(np.abs(values).max())[1]
    return float(np.ldexp(np.linalg.norm(np.ldexp(values, -exponent)), exponent))


@pytest.mark.parametrize("exponent", range(-45, 38))
def test_float32_norm_is_right_over_the_whole_range(exponent):
    tensor = _gaussian(10.0**exponent, torch.float32)
    expected = _exact(tensor)
    assert expected > 0
    assert gradient_norm([tensor])[0] == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("dtype", "std"),
    [
        (torch.float16, 1e-7),
        (torch.float16, 1e4),
        (torch.bfloat16, 1e-38),
        (torch.bfloat16, 1e37),
        (torch.float64, 1e-310),
        (torch.float64, 1e-200),
        (torch.float64, 1e300),
    ],
)
def test_other_dtypes_keep_their_range_too(dtype, std):
    tensor = _gaussian(std, dtype)
    expected = _exact(tensor)
    assert 0 < expected < np.inf
    assert gradient_norm([tensor])[0] == pytest.approx(expected, rel=1e-10)


def test_one_smallest_number_among_zeros_is_not_lost():
    tensor = torch.zeros(10)
    tensor[3] = 2.0**-149
    assert gradient_norm(tensor)[0] == 2.0**-149


def test_zero_and_non_finite_say_exactly_that():
    given = [torch.zeros(3), torch.tensor([1.0, np.nan]), torch.tensor([1.0, -np.inf])]
    zero, nan, infinite = gradient_norm(given)
    assert zero == 0
    assert np.isnan(nan)
    assert infinite == np.inf


def test_many_tensors_of_mixed_shapes_and_dtypes():
    given = [
        torch.ones(2, 8),
        torch.ones(9, dtype=torch.float16),
        torch.zeros(0),
        torch.tensor(-2.0),
    ]
    assert gradient_norm(given).tolist() == [4.0, 3.0, 0.0, 2.0]
    assert gradient_norm([]).shape == (0,)


def test_it_works_without_torchs_private_function(monkeypatch):
    monkeypatch.delattr(torch, "_foreach_norm")
    assert gradient_norm([_gaussian(1e-30, torch.float32)])[0] == pytest.approx(
        _exact(_gaussian(1e-30, torch.float32)), rel=1e-12
    )


def test_the_private_function_is_there_in_this_torch():
    assert norms._float64_norms([torch.full((4,), 1e-30)])[0].item() == pytest.approx(2e-30)


@pytest.mark.parametrize("bad", [[None], [torch.tensor([1, 2])], [torch.ones(2), "x"]])
def test_anything_else_is_refused(bad):
    with pytest.raises(GradcourseError, match="position"):
        gradient_norm(bad)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_tensors_of_millions_of_elements(dtype):
    long, short = (
        torch.rand(n, generator=torch.Generator().manual_seed(n)) for n in (3_000_000, 7)
    )
    tensors = [short.to(dtype), long.to(dtype).view(1000, -1), long.to(dtype).view(-1, 1000).T]
    expected = [_exact(t) for t in tensors]
    np.testing.assert_allclose(norms.Norms(long.numel())(tensors), expected, rtol=1e-5)
    assert norms.quick_norm(tensors[1]) == pytest.approx(expected[1], rel=1e-5)


def test_complex_tensors_and_what_is_no_tensor():
    assert gradient_norm(torch.full((3,), 1e25j))[0] == pytest.approx(3**0.5 * 1e25, rel=1e-6)
    for wrong in (None, 3, torch.arange(3), [1.0]):
        with pytest.raises(GradcourseError, match="gradient_norm got"):
            gradient_norm(wrong)
