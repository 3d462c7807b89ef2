"""The input–output Jacobian of many kinds of network, against torch's own and exact arithmetic."""

import mpmath
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from gradcourse.instrument.spectra.jacobian import jacobian_spectrum, layer_jacobians
from gradcourse.nets import mlp
from gradcourse.support import GradcourseError


class Block(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.norm, self.inner = nn.LayerNorm(width), nn.Linear(width, width)

    def forward(self, x):
        return x + F.gelu(self.inner(self.norm(x)))


class Written(nn.Module):
    """Nothing in a Sequential: functions, a long skip, a module used twice, a split."""

    def __init__(self):
        super().__init__()
        self.first, self.shared = nn.Linear(5, 8), nn.Linear(8, 8)
        self.last = nn.Linear(4, 3)

    def forward(self, x):
        a = torch.tanh(self.first(x))
        b = self.shared(F.relu(self.shared(a)))
        left, right = (a + b).chunk(2, dim=-1)
        return self.last(left * torch.sigmoid(right))


class Recurrent(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm, self.head = nn.LSTM(3, 4, batch_first=True), nn.Linear(4, 2)

    def forward(self, x):
        return self.head(self.lstm(x)[0][:, -1])


class Cells(nn.Module):
    """h and c both lead on, so neither alone is a place to cut."""

    def __init__(self):
        super().__init__()
        self.cell = nn.LSTMCell(3, 4)

    def forward(self, x):
        state = None
        for step in range(x.shape[1]):
            state = self.cell(x[:, step], state)
        return torch.cat(state, dim=-1)


class Loop(nn.Module):
    """The usual residual network: the sums are made in a loop, by no module."""

    def __init__(self, depth=4, width=6, scale=1.0):
        super().__init__()
        self.blocks = nn.ModuleList(nn.Linear(width, width) for _ in range(depth))
        self.scale = scale

    def forward(self, x):
        for block in self.blocks:
            x = self.scale * (x + torch.tanh(block(x)))
        return x


MODELS = {
    "mlp": (lambda: mlp(4, 7, "tanh", inputs=6, outputs=5), (1, 6)),
    "in place": (lambda: nn.Sequential(nn.ReLU(True), nn.Linear(6, 6), nn.ELU(True)), (1, 6)),
    "residual": (lambda: nn.Sequential(nn.Linear(4, 6), *[Block(6) for _ in range(3)]), (1, 4)),
    "written": (Written, (1, 5)),
    "convolution": (
        lambda: nn.Sequential(
            nn.Conv2d(1, 3, 3, padding=1),
            nn.BatchNorm2d(3),
            nn.SiLU(),
            nn.AvgPool2d(2),
            nn.Conv2d(3, 2, 3),
            nn.Flatten(),
            nn.Linear(8, 6),
        ),
        (2, 1, 8, 8),
    ),
    "transformer": (lambda: nn.TransformerEncoderLayer(6, 2, 9, 0.0, batch_first=True), (1, 3, 6)),
    "loop": (Loop, (1, 6)),
    "lstm": (Recurrent, (1, 5, 3)),
    "cells": (Cells, (1, 4, 3)),
    "three dimensions": (lambda: nn.Sequential(nn.Linear(3, 4), nn.Softplus()), (2, 2, 3)),
}


@pytest.mark.parametrize("mode", ["train", "eval"])
@pytest.mark.parametrize("name", MODELS)
def test_any_network_agrees_with_torch(name, mode):
    torch.manual_seed(0)
    build, shape = MODELS[name]
    model = getattr(build(), mode)()
    x = torch.randn(shape) + 0.5
    before = {key: value.clone() for key, value in model.state_dict().items()}
    found = jacobian_spectrum(model, x)
    assert all(torch.equal(before[key], value) for key, value in model.state_dict().items())
    twin = model.double()
    jacobian = torch.autograd.functional.jacobian(lambda z: twin(z.clone()), x.double())
    outputs = jacobian.numel() // x.numel()
    expected = torch.linalg.svdvals(jacobian.reshape(outputs, x.numel())).numpy()
    large = expected > 1e-9 * expected[0]
    np.testing.assert_allclose(np.exp(found[large]), expected[large], rtol=1e-6)
    assert np.all(np.exp(found[~large]) <= 1e-9 * expected[0])
    assert all(p.requires_grad for p in model.parameters())


@pytest.mark.parametrize(("activation", "lowest"), [("tanh", -60), ("sigmoid", -250)])
def test_a_deep_network_agrees_with_exact_arithmetic(activation, lowest):
    # The slopes come from float64, the product of the factors from 600 digits.
    depth, width = 60, 5
    model = mlp(
        depth,
        width,
        activation,
        inputs=width,
        outputs=width,
        bias_std=0.5,
        gain=0.2 if lowest < -99 else 1.0,
    )
    x = torch.randn(1, width, generator=torch.Generator().manual_seed(1))
    found = jacobian_spectrum(model, x)
    with mpmath.workdps(600):
        product, a = mpmath.eye(width), x.double()
        for layer in [m for m in model if isinstance(m, nn.Linear)]:
            z = F.linear(a, layer.weight.double(), layer.bias.double())
            last = layer is model[-1]
            a = z if last else getattr(torch, activation)(z)
            slopes = torch.ones_like(a) if last else (a * (1 - a) if lowest < -99 else 1 - a * a)
            rows = slopes[0][:, None] * layer.weight.double()
            product = mpmath.matrix(rows.tolist()) * product
        values = sorted(mpmath.eigsy(product.T * product, eigvals_only=True), reverse=True)
        expected = np.array([float(mpmath.log(value) / 2) for value in values])
    assert expected[-1] < lowest
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_units_that_are_off_are_exact_zeros():
    model = nn.Sequential(nn.Linear(6, 6), nn.ReLU(), nn.Linear(6, 6))
    x = torch.randn(1, 6, generator=torch.Generator().manual_seed(2))
    off = int((model[0](x) <= 0).sum())
    assert 0 < off < 6
    assert int(np.isneginf(jacobian_spectrum(model, x)).sum()) == off


def test_layers_in_a_list_and_functions_will_do():
    torch.manual_seed(3)
    layers = [nn.Linear(4, 4), torch.tanh, nn.Linear(4, 4), lambda z: z * 1e-30]
    x = torch.randn(1, 4)
    together = jacobian_spectrum(nn.Sequential(layers[0], nn.Tanh(), layers[2]), x)
    np.testing.assert_allclose(
        jacobian_spectrum(layers, x), together + np.log(1e-30), rtol=1e-9, atol=1e-9
    )


def test_sums_and_functions_without_a_module_are_cuts_too():
    torch.manual_seed(6)
    deep = Loop(depth=80, scale=0.5)
    shapes = [matrix.shape for matrix in layer_jacobians(deep, torch.randn(1, 6))]
    assert shapes == [(6, 6)] * 80
    found = jacobian_spectrum(deep, torch.randn(1, 6))
    steps = torch.linspace(0, 1, 7)[1:].double()

    def narrow(z):
        for _ in range(50):
            z = torch.tanh(z * steps) @ torch.eye(6).double()
        return z

    assert found[-1] < -20
    exact = 50 * np.log(steps.numpy())[::-1]
    np.testing.assert_allclose(jacobian_spectrum([narrow], torch.zeros(1, 6)), exact, rtol=1e-9)


def test_a_skip_spans_from_cut_to_cut():
    torch.manual_seed(4)
    model = nn.Sequential(nn.Linear(4, 6), *[Block(6) for _ in range(3)])
    shapes = [matrix.shape for matrix in layer_jacobians(model, torch.randn(1, 4))]
    assert shapes == [(6, 4), (6, 6), (6, 6), (6, 6)]


def test_dropout_keeps_its_generator_and_one_mask():
    torch.manual_seed(5)
    model = nn.Sequential(nn.Linear(8, 8), nn.Dropout(0.5), nn.Linear(8, 8))
    state = torch.get_rng_state()
    found = jacobian_spectrum(model, torch.randn(1, 8, generator=torch.Generator()))
    assert torch.equal(state, torch.get_rng_state())
    assert 0 < np.isneginf(found).sum() < 8


@pytest.mark.parametrize(
    ("model", "x", "message"),
    [
        (nn.Linear(2, 2), torch.ones(2, dtype=torch.long), "x is torch.int64"),
        (nn.Linear(2, 2), [1.0, 2.0], "x is 'list'"),
        (nn.Linear(2, 2), torch.ones(3), r"did not run on x of shape \(3,\)"),
        (nn.LSTM(2, 2), torch.ones(3, 2), "gives 3 floating-point tensors"),
        ([lambda z: torch.ones(2)], torch.ones(2), "does not depend on x"),
        ([lambda z: z.sqrt()], torch.zeros(2), "stage 1 of 1 holds NaN or Inf"),
        ([nn.Linear(2, 5000)], torch.ones(2), "gives 5000 numbers"),
        ([], torch.ones(2), "takes a torch.nn.Module"),
        ([3], torch.ones(2), "takes a torch.nn.Module"),
    ],
)
def test_what_has_no_jacobian_is_refused(model, x, message):
    with pytest.raises(GradcourseError, match=message):
        jacobian_spectrum(model, x)
