"""Fused recurrent modules against their cells, unrolled and differentiated by torch."""

import math

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from gradcourse.instrument import lyapunov_exponents
from gradcourse.instrument.lags.gradient import lag_gradient, lag_norms, lag_slope
from gradcourse.instrument.lags.jacobians import lag_log_norms, lag_spectrum, state_jacobians
from gradcourse.support import GradcourseError

KINDS = ["RNN", "LSTM", "GRU"]


def built(kind, inputs, n, layers=1, seed=0, scale=1.0, **options):
    torch.manual_seed(seed)
    fused = getattr(nn, kind)(inputs, n, num_layers=layers, **options)
    with torch.no_grad():
        for weight in fused.parameters():
            weight.mul_(scale)
    return fused


def unrolled(fused, x, state=None):
    """h_t of the top layer at every step, by float64 cells with the same weights.

    ``x`` is (T, batch, inputs). Returns the list and the last state of every layer.
    """
    kind = type(fused).__name__
    cells = []
    for layer in range(fused.num_layers):
        inputs = fused.input_size if layer == 0 else fused.hidden_size
        cell = getattr(nn, f"{kind}Cell")(inputs, fused.hidden_size, bias=fused.bias).double()
        if kind == "RNN":
            cell.nonlinearity = fused.nonlinearity
        for name in ("weight_ih", "weight_hh", *(["bias_ih", "bias_hh"] if fused.bias else [])):
            getattr(cell, name).data.copy_(getattr(fused, f"{name}_l{layer}"))
        cells.append(cell)
    states = list(state) if state is not None else [None] * len(cells)
    top = []
    for value in x.double():
        for layer, cell in enumerate(cells):
            states[layer] = cell(value, states[layer])
            value = states[layer][0] if kind == "LSTM" else states[layer]
        value.retain_grad()
        top.append(value)
    return top, states


def norms_of(tensors):
    return np.array([float(t.grad.norm()) for t in tensors])


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize(("steps", "inputs"), [(12, 1), (80, 5)])
@pytest.mark.parametrize("kind", KINDS)
def test_gradient_against_lag_is_that_of_the_unrolled_cells(kind, steps, inputs, layers):
    fused = built(kind, inputs, 16, layers, batch_first=True)
    x = torch.randn(8, steps, inputs)
    found = lag_gradient(fused, x, lambda out: 3 * out[0][:, -1].square().mean() + out[0].mean())
    top, _ = unrolled(fused, x.transpose(0, 1))
    (3 * top[-1].square().mean() + torch.stack(top).mean()).backward()
    np.testing.assert_allclose(found[kind], norms_of(top), rtol=1e-5)
    assert abs(lag_slope(found[kind]) - lag_slope(norms_of(top))) < 1e-5
    assert all(p.grad is None for p in fused.parameters())


@pytest.mark.parametrize("kind", KINDS)
def test_last_states_and_given_first_states_count(kind):
    fused = built(kind, 3, 6)
    x, first = torch.randn(9, 4, 3), torch.randn(1, 4, 6)
    start = (first, first.flip(0)) if kind == "LSTM" else first
    given = [tuple(s[0].double() for s in start) if kind == "LSTM" else first[0].double()]

    class Head(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = fused

        def forward(self, x):
            return self.net(x, start)[1]

    def loss(last):
        return last[1].square().sum() if kind == "LSTM" else last.square().sum()

    top, states = unrolled(fused, x, given)
    (states[0][1] if kind == "LSTM" else states[0]).square().sum().backward()
    expected = np.array([0.0 if t.grad is None else float(t.grad.norm()) for t in top])
    np.testing.assert_allclose(lag_gradient(Head(), x, loss)["net"], expected, rtol=1e-5)


@pytest.mark.parametrize(("kind", "scale"), [("RNN", 0.2), ("LSTM", 0.1), ("RNN", 4.0)])
def test_no_gradient_is_zero_or_infinite(kind, scale):
    # The cells in float64 hold what float32 cannot: below 1e-45, above 1e38.
    options = {"nonlinearity": "relu"} if scale > 1 else {}
    fused = built(kind, 2, 8, scale=scale, bias=False, **options)
    x = (
        torch.rand(120, 1, 2)
        if scale < 1
        else torch.cat([torch.ones(1, 1, 2), torch.zeros(69, 1, 2)])
    )
    if scale > 1:
        fused.weight_hh_l0.data.abs_().mul_(0.5)
        fused.weight_ih_l0.data.abs_()
    found = lag_gradient(fused, x)[kind]
    top, _ = unrolled(fused, x)
    top[-1].square().mean().backward()
    expected = norms_of(top)
    assert expected.max() / expected.min() > 1e20
    np.testing.assert_allclose(found, expected, rtol=2e-4)


def test_a_float32_underflow_is_no_zero():
    fused = built("RNN", 1, 4, scale=0.02)
    found = lag_gradient(fused, torch.randn(150, 1, 1))["RNN"]
    assert 0 < found[0] < 1e-100
    assert lag_slope(found[:75]) == pytest.approx(lag_slope(found[75:]), rel=0.05)


def test_where_states_are_hidden_the_input_gradient_is_taken():
    torch.manual_seed(0)
    x = torch.randn(6, 20, 3)
    for options in ({"bidirectional": True}, {"num_layers": 2, "dropout": 0.5}):
        fused = nn.GRU(3, 5, batch_first=True, **options)
        torch.manual_seed(1)
        found = lag_gradient(fused, x)["GRU"]
        leaf = x.clone().requires_grad_()
        torch.manual_seed(1)
        fused(leaf)[0][:, -1].square().mean().backward()
        np.testing.assert_allclose(found, lag_norms(leaf.grad, batch_first=True), rtol=1e-5)


def test_packed_sequences():
    torch.manual_seed(0)
    fused, x = nn.LSTM(3, 5), torch.randn(7, 2, 3)
    packed = pack_padded_sequence(x, torch.tensor([7, 4]))
    found = lag_gradient(fused, packed, lambda out: pad_packed_sequence(out[0])[0].square().sum())
    leaf = x.clone().requires_grad_()
    again = fused(pack_padded_sequence(leaf, torch.tensor([7, 4])))[0]
    pad_packed_sequence(again)[0].square().sum().backward()
    np.testing.assert_allclose(found["LSTM"], lag_norms(leaf.grad), rtol=1e-5)


def test_norms_by_step_keep_their_range():
    gradient = torch.full((3, 2, 8), 1e-30)
    gradient[1] = 1e30
    gradient[2] = 0
    assert lag_norms(gradient).tolist() == [pytest.approx(4e-30), pytest.approx(4e30), 0.0]
    assert lag_norms(torch.full((2, 4), 1e-200).double()) == pytest.approx([2e-200] * 2)
    assert np.isnan(lag_norms(torch.tensor([[1.0], [math.nan]]))).tolist() == [False, True]
    assert lag_norms(torch.ones(2, 5, 3), batch_first=True).shape == (5,)


def test_slope_per_step():
    assert lag_slope(10.0 ** (0.25 * np.arange(30) - 9)) == pytest.approx(0.25)
    assert lag_slope([0.0, 1e-3, math.nan, 1e-1, math.inf]) == pytest.approx(1.0)
    with pytest.raises(GradcourseError, match="Of 3 norms 1 are positive"):
        lag_slope([0.0, 0.0, 1.0])


def jacobians_by_torch(fused, x):
    """∂h_T/∂h_t (and ∂h_T/∂c_t) for all t, row by row from the unrolled cells."""
    kind, n = type(fused).__name__, fused.hidden_size
    cell = getattr(nn, f"{kind}Cell")(fused.input_size, n).double()
    for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
        getattr(cell, name).data.copy_(getattr(fused, f"{name}_l0"))
    state, hidden, cells = None, [], []
    for value in x.double():
        state = cell(value[None], state)
        if kind == "LSTM":
            cells.append(state[1])
        hidden.append(state[0] if kind == "LSTM" else state)
    rows = torch.eye(n).double()[:, None]
    wanted = [*hidden[:-1], *cells[:-1]]
    grads = [torch.autograd.grad(hidden[-1], wanted, r, retain_graph=True) for r in rows]
    stacked = [torch.stack([row[k][0] for row in grads]).numpy() for k in range(len(wanted))]
    return stacked[: len(hidden) - 1], stacked[len(hidden) - 1 :]


@pytest.mark.parametrize("as_cell", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_long_jacobians_are_those_of_torch(kind, as_cell):
    fused, x = built(kind, 3, 7), torch.randn(15, 3)
    hidden, cells = jacobians_by_torch(fused, x)
    module = fused
    if as_cell:
        module = getattr(nn, f"{kind}Cell")(3, 7)
        for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
            getattr(module, name).data.copy_(getattr(fused, f"{name}_l0"))
    found = lag_log_norms(module, x)
    assert found[-1] == pytest.approx(math.log(7) / 2)
    np.testing.assert_allclose(np.exp(found[:-1]), [np.linalg.norm(j) for j in hidden], rtol=1e-5)
    if kind == "LSTM":
        along = np.exp(lag_log_norms(module, x, of="cell"))[:-1]
        # torch's ∂h_T/∂c_t also runs through h_t, which c_t makes; so does the cell's.
        steps = state_jacobians(module, x)
        assert along.shape == (14,)
        product, n = np.eye(14)[:7], 7
        for t in range(14, 0, -1):
            product = product @ steps[t]
        assert np.linalg.norm(product[:, :n]) == pytest.approx(np.exp(found[0]), rel=1e-5)
        np.testing.assert_allclose(along, [np.linalg.norm(j) for j in cells], rtol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_step_jacobians_and_their_spectrum(kind):
    fused, x = built(kind, 3, 5, seed=1, scale=1.5), torch.randn(30, 3)
    steps = state_jacobians(fused, x)
    size = 10 if kind == "LSTM" else 5
    assert steps.shape == (30, size, size)
    cell = getattr(nn, f"{kind}Cell")(3, 5).double()
    for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
        getattr(cell, name).data.copy_(getattr(fused, f"{name}_l0"))

    def step(x_t, s):
        state = (s[None, :5], s[None, 5:]) if kind == "LSTM" else s[None]
        after = cell(x_t[None], state)
        return torch.cat(after, dim=-1)[0] if kind == "LSTM" else after[0]

    by_torch = state_jacobians(step, x, torch.zeros(size))
    np.testing.assert_allclose(steps, by_torch, atol=1e-12)
    product = np.linalg.multi_dot(list(steps[27:][::-1]))
    expected = np.log(np.linalg.svd(product, compute_uv=False))
    np.testing.assert_allclose(lag_spectrum(fused, x, lag=3), expected, rtol=1e-7)
    # The sum of the logs is log|det|, over any lag.
    total = sum(np.linalg.slogdet(j)[1] for j in steps)
    assert lag_spectrum(fused, x).sum() == pytest.approx(total, rel=1e-9)
    if kind != "LSTM":
        function = lag_log_norms(step, x, torch.zeros(size))
        np.testing.assert_allclose(function, lag_log_norms(fused, x), atol=1e-5)


def test_a_thousand_steps_do_not_underflow():
    fused = built("RNN", 2, 6, scale=0.3)
    logs = lag_log_norms(fused, torch.randn(1000, 2))
    assert logs[0] < -1500
    spectrum = lag_spectrum(fused, torch.randn(1000, 2))
    assert np.isfinite(spectrum).all()
    assert spectrum[-1] < -3000


def test_norm_spectrum_and_exponent_tell_one_story():
    fused = built("RNN", 2, 20, seed=3, scale=2.0)
    x = torch.randn(400, 2)
    exponents, error = lyapunov_exponents(state_jacobians(fused, x))
    rate = (lag_log_norms(fused, x)[0] - math.log(20) / 2) / 399
    assert abs(lag_spectrum(fused, x)[0] / 400 - exponents[0]) < 4 * error[0] + 0.02
    assert abs(rate - exponents[0]) < 4 * error[0] + 0.02


def test_a_relu_network_that_has_died_remembers_nothing():
    fused = built("RNN", 2, 4, nonlinearity="relu")
    fused.bias_ih_l0.data.fill_(-100)
    logs = lag_log_norms(fused, torch.randn(5, 2))
    assert np.isneginf(logs).tolist() == [True] * 4 + [False]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: lag_gradient(nn.Linear(2, 2), torch.ones(3, 2)), "no nn.RNN"),
        (lambda: lag_gradient(nn.RNN(2, 2), torch.ones(3, 2), lambda out: out[0]), "one number"),
        (lambda: lag_norms(torch.ones(3)), "expected"),
        (lambda: lag_log_norms(nn.RNN(2, 3), torch.ones(4, 5, 2)), "5 sequences"),
        (lambda: lag_log_norms(nn.RNN(2, 3, bidirectional=True), torch.ones(4, 2)), "bidirection"),
        (lambda: lag_log_norms(nn.LSTM(2, 3, proj_size=2), torch.ones(4, 2)), "proj_size"),
        (lambda: lag_log_norms(nn.RNN(2, 3, num_layers=2), torch.ones(4, 2)), "several layers"),
        (lambda: lag_log_norms(nn.Linear(2, 3), torch.ones(4, 2)), "a Linear is no nn.RNN"),
        (lambda: lag_log_norms(nn.GRU(2, 3), torch.ones(4, 2), of="cell"), "has no cell"),
        (lambda: lag_log_norms(nn.GRU(2, 3), torch.ones(4, 2), of="x"), "of is 'x'"),
        (lambda: lag_log_norms(nn.GRU(2, 3), torch.ones(4).long()), "x is shape"),
        (lambda: lag_spectrum(nn.GRU(2, 3), torch.ones(4, 2), lag=5), "lag is 5"),
        (lambda: state_jacobians(lambda x, h: h, torch.ones(4, 2)), "first state h"),
    ],
)
def test_what_cannot_be_followed_is_refused(call, message):
    with pytest.raises(GradcourseError, match=message):
        call()
