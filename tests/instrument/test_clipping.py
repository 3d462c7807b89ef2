import math

import numpy as np
import pytest
import torch
from torch import nn

from gradcourse.instrument import gradient_norm
from gradcourse.instrument.clipping import clip_grad_norm_
from gradcourse.support import GradcourseError


def holder(values, dtype=torch.float32):
    parameter = torch.zeros(len(values), dtype=dtype, requires_grad=True)
    parameter.grad = torch.tensor(values, dtype=torch.float64).to(dtype)
    return parameter


def joint(parameters):
    return float(np.linalg.norm(gradient_norm([p.grad for p in parameters])))


@pytest.mark.parametrize("size", [1e20, 1e37, 1e2])
@pytest.mark.parametrize("max_norm", [1.0, 1e-3, 1e-20])
def test_a_finite_gradient_ends_with_the_norm_asked_for(size, max_norm):
    parameters = [holder([size, -size, 0.5 * size]), holder([size])]
    expected = joint(parameters)
    total = clip_grad_norm_(parameters, max_norm)
    assert total.dtype == torch.float64
    assert float(total) == pytest.approx(expected, rel=1e-12)
    assert joint(parameters) == pytest.approx(max_norm, rel=1e-6)


def test_torch_turns_the_same_gradient_into_zeros():
    parameter = holder([1e20, 1e20])
    torch.nn.utils.clip_grad_norm_([parameter], 1.0)
    assert parameter.grad.count_nonzero() == 0


def test_the_direction_is_kept():
    values = torch.randn(100, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    parameter = holder((values * 1e30).tolist())
    clip_grad_norm_([parameter], 2.0)
    assert torch.allclose(parameter.grad.double(), 2 * values / values.norm(), rtol=1e-6)


@pytest.mark.parametrize("size", [1e-40, 1e-25, 0.1])
def test_within_the_limit_not_a_bit_changes(size):
    parameter = holder([size, -size])
    before = parameter.grad.clone()
    total = clip_grad_norm_([parameter], 1.0)
    assert torch.equal(parameter.grad, before)
    assert float(total) == pytest.approx(math.sqrt(2) * float(before[0].double()), rel=1e-12)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float16, 2e-3), (torch.bfloat16, 1e-2)])
def test_half_precision(dtype, tolerance):
    parameters = [holder([6e4] * 50, dtype), holder([3e4] * 7, dtype)]
    clip_grad_norm_(parameters, 1.0)
    assert joint(parameters) == pytest.approx(1.0, rel=tolerance)
    assert parameters[0].grad.dtype == dtype


def test_float64_beyond_its_own_squares():
    parameters = [holder([1e300, -1e300], torch.float64), holder([1e308] * 9, torch.float64)]
    total = clip_grad_norm_(parameters, 1.0)
    assert float(total) == math.inf
    assert joint(parameters) == pytest.approx(1.0, rel=1e-12)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_non_finite_gradients_are_left_alone_and_told(bad):
    parameters = [holder([1.0, bad]), holder([1e20, 2.0])]
    before = [p.grad.clone() for p in parameters]
    total = float(clip_grad_norm_(parameters, 1.0))
    assert not math.isfinite(total)
    for parameter, old in zip(parameters, before, strict=True):
        assert torch.equal(parameter.grad.nan_to_num(7), old.nan_to_num(7))
    with pytest.raises(GradcourseError, match="1 of 2 gradients hold NaN or Inf"):
        clip_grad_norm_(parameters, 1.0, error_if_nonfinite=True)


def test_generators_missing_gradients_ties_and_one_tensor():
    model = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3))
    model[0](torch.ones(1, 3)).sum().backward()
    assert float(clip_grad_norm_(model.parameters(), math.inf)) == pytest.approx(math.sqrt(12))
    parameter = holder([3.0, 4.0])
    clip_grad_norm_([parameter, parameter], 1.0)
    assert joint([parameter]) == pytest.approx(1.0)
    assert float(clip_grad_norm_(holder([3.0, 4.0]), 1.0)) == 5.0
    assert float(clip_grad_norm_([], 1.0)) == 0
    assert float(clip_grad_norm_(torch.zeros(2, requires_grad=True), 1.0)) == 0


def test_a_limit_of_zero_and_zero_gradients():
    parameter = holder([3.0, 4.0])
    clip_grad_norm_([parameter], 0.0)
    assert parameter.grad.tolist() == [0.0, 0.0]
    assert float(clip_grad_norm_([parameter], 0.0)) == 0


def test_sparse_gradients():
    table = nn.Embedding(5, 2, sparse=True)
    (table(torch.tensor([1, 1, 3])) * 1e20).sum().backward()
    clip_grad_norm_(table.parameters(), 1.0)
    assert float(table.weight.grad.to_dense().double().norm()) == pytest.approx(1.0)


@pytest.mark.parametrize("max_norm", [-1, math.nan, "1", None])
def test_a_limit_that_is_none(max_norm):
    with pytest.raises(GradcourseError, match="max_norm"):
        clip_grad_norm_([holder([1.0])], max_norm)


@pytest.mark.parametrize("parameters", [[3], 3, ["weight"]])
def test_parameters_that_are_none(parameters):
    with pytest.raises(GradcourseError, match="position 0"):
        clip_grad_norm_(parameters, 1.0)


@pytest.mark.parametrize("norm_type", [2.0, 1, 3, 0.5, math.inf])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.complex64])
def test_a_call_written_for_torch_gives_what_torch_gives(norm_type, dtype):
    def made():
        generator = torch.Generator().manual_seed(0)
        tensors = [torch.zeros(shape, dtype=dtype) for shape in ((3, 4), (5,), ())]
        for tensor in tensors:
            tensor.grad = torch.randn(tensor.shape, dtype=dtype, generator=generator) * 10
        return tensors

    ours, theirs = made(), made()
    expected = torch.nn.utils.clip_grad_norm_(theirs, 0.5, norm_type, True, foreach=False)
    total = clip_grad_norm_(ours, 0.5, norm_type, True, foreach=False)
    assert float(total) == pytest.approx(float(expected), rel=1e-5)
    for a, b in zip(ours, theirs, strict=True):
        assert torch.allclose(a.grad, b.grad, rtol=1e-4)


@pytest.mark.parametrize("norm_type", [1.0, 3.0, math.inf])
@pytest.mark.parametrize("size", [1e-42, 1e-25, 1e20, 3e38])
def test_other_norms_keep_their_range_too(norm_type, size):
    parameter = holder([size, -size, 0.0])
    exact = np.linalg.norm(parameter.grad.double().numpy() / size, norm_type) * size
    assert float(clip_grad_norm_(parameter, exact / 2, norm_type)) == pytest.approx(exact, 1e-6)
    left = np.linalg.norm(parameter.grad.double().numpy() / size, norm_type) * size
    assert left == pytest.approx(exact / 2, rel=1e-2 if size < 1e-38 else 1e-6)


def test_complex_gradients_beyond_what_float32_can_square():
    parameter = torch.zeros(3, dtype=torch.complex64)
    parameter.grad = torch.full((3,), 3e38j)
    clip_grad_norm_(parameter, 1e-3)
    assert torch.allclose(parameter.grad, torch.full((3,), 1e-3j / math.sqrt(3)))


@pytest.mark.parametrize("norm_type", [0, -1, math.nan, "2", None])
def test_a_norm_that_is_none(norm_type):
    with pytest.raises(GradcourseError, match="norm_type is"):
        clip_grad_norm_(holder([1.0]), 1.0, norm_type)


def test_a_limit_may_come_as_a_tensor_or_an_array():
    for limit in (torch.tensor(0.5), np.array(0.5), np.float32(0.5)):
        parameter = holder([3.0, 4.0])
        clip_grad_norm_(parameter, limit)
        assert float(parameter.grad.norm()) == pytest.approx(0.5)
