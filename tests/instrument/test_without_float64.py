"""A device that has no float64, as mps: what needs its range is computed on the CPU."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from gradcourse.instrument import lag_spectrum
from gradcourse.instrument.clipping import clip_grad_norm_
from gradcourse.instrument.norms import Norms, gradient_norm, quick_norm, wide_norm
from gradcourse.instrument.probe import moments
from gradcourse.instrument.probe.outputs.loss_function import recognized
from gradcourse.instrument.probe.outputs.network_output import describe
from gradcourse.instrument.record.facts import Head
from gradcourse.support import GradcourseError


class Elsewhere(torch.Tensor):
    """A tensor that says it lies on mps, and refuses float64 as that does."""

    @property
    def device(self) -> torch.device:
        return torch.device("mps")

    @property
    def is_cpu(self) -> bool:
        return False

    def cpu(self) -> torch.Tensor:  # type: ignore[override]
        return self.as_subclass(torch.Tensor)

    def double(self) -> torch.Tensor:  # type: ignore[override]
        raise TypeError("Cannot convert a MPS Tensor to float64 dtype")

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if any(value is torch.float64 for value in (*args, *(kwargs or {}).values())):
            raise TypeError("Cannot convert a MPS Tensor to float64 dtype")
        return super().__torch_function__(func, types, args, kwargs or {})


def elsewhere(*shape: int, scale: float = 1.0) -> tuple[torch.Tensor, torch.Tensor]:
    """A tensor, and the same on the device."""
    here = scale * torch.randn(*shape, generator=torch.Generator().manual_seed(0))
    return here, here.as_subclass(Elsewhere)


def test_the_stand_in_refuses_float64() -> None:
    _, there = elsewhere(3)
    assert there.device.type == "mps"
    assert not there.is_cpu
    with pytest.raises(TypeError, match="float64"):
        torch.linalg.vector_norm(there, dtype=torch.float64)
    with pytest.raises(TypeError, match="float64"):
        (there + 1).double()


@pytest.mark.parametrize("scale", [1.0, 1e-30, 1e25])
def test_norms_keep_their_range(scale: float) -> None:
    here, there = elsewhere(20, 5, scale=scale)
    expected = gradient_norm(here)
    assert expected[0] > 0
    assert np.isfinite(expected[0])
    np.testing.assert_allclose(gradient_norm(there), expected)
    np.testing.assert_allclose(np.asarray(Norms(100)([there, there])), np.repeat(expected, 2))
    np.testing.assert_allclose(float(wide_norm(there)), expected[0])
    np.testing.assert_allclose(float(quick_norm(there)), expected[0], rtol=1e-6)


@pytest.mark.parametrize("kind", ["", "relu", "tanh", "sigmoid"])
def test_layers_are_measured(kind: str) -> None:
    rows = []
    for values in elsewhere(64, 8):
        row: list[Any] = [float("nan")] * len(moments.MEASURES)
        moments.read(values, kind, False, row)
        rows.append([float(value) for value in row])
    np.testing.assert_allclose(rows[0], rows[1])


def test_gradients_are_clipped() -> None:
    here, there = elsewhere(10, scale=1e-3)
    for values in (here.clone(), there.clone()):
        weight = torch.zeros(10, requires_grad=True)
        weight.grad = torch.zeros(10)
        parameter = nn.Parameter(values.cpu() * 0).as_subclass(type(values))
        parameter.grad = values
        assert float(clip_grad_norm_([parameter], 1e-4)) == pytest.approx(float(here.norm()))
        assert float(parameter.grad.cpu().norm()) == pytest.approx(1e-4)


def test_the_head_and_the_loss_are_described() -> None:
    here, there = elsewhere(16, 4)
    y = torch.arange(16) % 4
    gradient = (here.softmax(1) - nn.functional.one_hot(y, 4)) / 16
    loss = float(nn.functional.cross_entropy(here, y))
    guess = recognized(there, gradient.as_subclass(Elsewhere), loss)
    assert guess.loss == "cross-entropy of logits"
    head = Head()
    describe(head, there)
    assert head.columns == 4
    assert head.spread > 0


def test_a_jacobian_is_refused_aloud() -> None:
    _, there = elsewhere(5, 3)
    with pytest.raises(GradcourseError, match="The device mps has no float64"):
        lag_spectrum(lambda x, h: (x + h).tanh(), there, torch.zeros(3))
