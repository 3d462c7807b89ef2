"""References of the questions against what lessons claim of them, and against torch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from gradcourse.drivers.lstm import drive_gru_step, drive_lstm_step
from gradcourse.exercises import get
from gradcourse.experiments.residual import branch_jacobians

SEEDS = range(5)


def reference(id: str, name: str) -> Callable[..., Any]:
    return next(f.reference for f in get(id).functions if f.name == name)


@pytest.mark.parametrize("seed", SEEDS)
def test_batch_norm_by_hand_is_torchs_forwards_and_backwards(seed: int) -> None:
    rng = np.random.default_rng(seed)
    u, delta = rng.normal(2.0, 3.0, (2, 9, 4))
    gamma, beta = rng.normal(size=(2, 4))
    inputs, weight, bias = (torch.tensor(v, requires_grad=True) for v in (u, gamma, beta))
    z = F.batch_norm(inputs, None, None, weight, bias, training=True, eps=1e-5)
    z.backward(torch.tensor(delta))
    expected = reference("batch-norm/forward", "bn_forward")(u, gamma, beta, 1e-5)
    np.testing.assert_allclose(z.detach().numpy(), expected, rtol=0, atol=1e-12)
    by_u = reference("batch-norm/backward", "bn_backward")(delta, u, gamma, 1e-5)
    np.testing.assert_allclose(inputs.grad.numpy(), by_u, rtol=0, atol=1e-12)
    of_parameters = reference("batch-norm/backward", "bn_parameter_gradients")
    of_gamma, of_beta = of_parameters(delta, u, 1e-5)
    np.testing.assert_allclose(weight.grad.numpy(), of_gamma, rtol=0, atol=1e-12)
    np.testing.assert_allclose(bias.grad.numpy(), of_beta, rtol=0, atol=1e-12)
    np.testing.assert_allclose(by_u.sum(0), 0.0, atol=1e-12)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("alpha", [1.0, 27**-0.5])
def test_the_parts_by_length_add_up_to_the_gradient(alpha: float, seed: int) -> None:
    jacobians = branch_jacobians(alpha, image=seed, seed=seed)
    product = np.eye(64)
    for jacobian in jacobians:
        product = (np.eye(64) + alpha * jacobian) @ product
    for delta in np.random.default_rng(seed).normal(size=(8, 64)):
        parts = reference("residual/paths", "gradients_by_length")(jacobians, alpha, delta)
        np.testing.assert_allclose(parts.sum(0), delta @ product, rtol=1e-8)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("kind", ["lstm", "gru"])
def test_cells_by_hand_are_torchs(kind: str, seed: int) -> None:
    torch.manual_seed(seed)
    cell = {"lstm": torch.nn.LSTMCell, "gru": torch.nn.GRUCell}[kind](3, 5).double()
    weights = [p.detach().numpy() for p in cell.parameters()]
    x, h, c = (torch.randn(4, n, dtype=torch.float64) for n in (3, 5, 5))
    with torch.no_grad():
        if kind == "lstm":
            step = reference("lstm/lstm-step", "lstm_step")
            answer = drive_lstm_step(step, (*weights, x, h, c))
            expected = dict(zip("hc", cell(x, (h, c)), strict=True))
            for name in "hc":
                np.testing.assert_allclose(
                    answer[f"{name} after the step"], expected[name].numpy(), atol=1e-12
                )
        else:
            answer = drive_gru_step(reference("lstm/gru-step", "gru_step"), (*weights, x, h))
            np.testing.assert_allclose(answer, cell(x, h).numpy(), atol=1e-12)


def test_qr_without_the_signs_is_not_uniform() -> None:
    orthogonal = reference("init/orthogonal", "orthogonal")
    rng = np.random.default_rng(0)
    raw = [np.linalg.qr(a)[0] for a in rng.standard_normal((300, 3, 3))]
    fixed = [orthogonal(a) for a in rng.standard_normal((300, 3, 3))]
    assert len({bool(np.linalg.det(q) > 0) for q in raw}) == 1
    assert 0.4 < np.mean([np.linalg.det(q) > 0 for q in fixed]) < 0.6
    assert np.mean([q[0, 0] for q in raw]) < -0.3
    assert abs(np.mean([q[0, 0] for q in fixed])) < 0.12
