import math

import pytest
import torch

from gradcourse.nets import Truncated, recurrent
from gradcourse.support import GradcourseError


@pytest.mark.parametrize("kind", ["rnn", "lstm", "gru"])
def test_it_reads_the_last_state(kind):
    net = recurrent(kind, 3, 8, 2, seed=4)
    x = torch.randn(5, 7, 3, generator=torch.Generator().manual_seed(0))
    states, _ = net.rnn(x)
    torch.testing.assert_close(net(x), states[:, -1] @ net.readout.weight.T + net.readout.bias)
    assert net(x).shape == (5, 2)


@pytest.mark.parametrize("kind", ["rnn", "lstm", "gru"])
@pytest.mark.parametrize("init", ["default", "normal", "orthogonal", "identity"])
def test_weights_depend_on_the_seed_alone(kind, init):
    torch.manual_seed(1)
    before = torch.get_rng_state()
    one = recurrent(kind, 2, 6, 1, init=init, seed=7)
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(2)
    again, other = (recurrent(kind, 2, 6, 1, init=init, seed=s) for s in (7, 8))
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), again.parameters(), strict=True))
    assert not torch.equal(one.rnn.weight_ih_l0, other.rnn.weight_ih_l0)
    assert all(p.isfinite().all() for p in one.parameters())


@pytest.mark.parametrize("kind", ["rnn", "lstm", "gru"])
def test_the_default_is_torchs_own(kind):
    net = recurrent(kind, 50, 100, 20)
    for name, parameter in net.named_parameters():
        # Standard error of a variance of uniform numbers: its kurtosis is 9/5.
        error = math.sqrt(0.8 / parameter.numel())
        assert parameter.abs().max() <= 0.1, name
        assert parameter.var().item() == pytest.approx(1 / 300, rel=4 * error), name


@pytest.mark.parametrize("kind", ["rnn", "lstm", "gru"])
def test_every_block_gets_the_recipe(kind):
    for block in recurrent(kind, 2, 20, 1, init="orthogonal", gain=0.9).rnn.weight_hh_l0.split(20):
        torch.testing.assert_close(torch.linalg.svdvals(block), torch.full((20,), 0.9))
    for block in recurrent(kind, 2, 20, 1, init="identity", gain=1.5).rnn.weight_hh_l0.split(20):
        assert torch.equal(block, 1.5 * torch.eye(20))
    blocks = recurrent(kind, 2, 100, 1, init="normal", gain=2.0).rnn.weight_hh_l0
    assert blocks.var().item() == pytest.approx(4 / 100, rel=4 * math.sqrt(2 / blocks.numel()))
    assert all(
        not p.any()
        for n, p in recurrent(kind, 2, 5, 1, init="normal").named_parameters()
        if "bias" in n
    )


def test_radius_scales_the_largest_eigenvalue():
    w = recurrent("rnn", 2, 30, 1, init="normal", radius=0.7).rnn.weight_hh_l0.double()
    assert torch.linalg.eigvals(w).abs().max().item() == pytest.approx(0.7, rel=1e-6)
    assert torch.linalg.matrix_norm(w, 2).item() > 1


@pytest.mark.parametrize("init", ["default", "orthogonal"])
def test_the_forget_bias_is_the_sum_of_torchs_two(init):
    rnn = recurrent("lstm", 2, 5, 1, init=init, forget_bias=3.0).rnn
    total = (rnn.bias_ih_l0 + rnn.bias_hh_l0).detach()
    assert total[5:10].tolist() == [3.0] * 5
    # And it is the forget gate: with that bias at ±1000, the cell keeps all or nothing.
    kept = {}
    for bias in (1000.0, -1000.0):
        lstm = recurrent("lstm", 2, 5, 1, init=init, forget_bias=bias).rnn
        cell = torch.full((1, 1, 5), 50.0)
        _, (_, after) = lstm(torch.zeros(1, 1, 2), (torch.zeros(1, 1, 5), cell))
        kept[bias] = after.detach()
    assert (kept[1000.0] > 48).all()
    assert (kept[-1000.0].abs() < 1).all()


def test_relu_is_an_option_of_the_plain_network():
    net = recurrent("rnn", 1, 4, 1, init="identity", nonlinearity="relu")
    assert net.rnn.nonlinearity == "relu"
    assert (net.rnn(torch.randn(2, 3, 1))[0] >= 0).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"kind": "elman"}, "kind is 'elman'"),
        ({"init": "xavier"}, "init is 'xavier'"),
        ({"nonlinearity": "sigmoid"}, "nonlinearity is 'sigmoid'"),
        ({"width": 0}, "width is 0"),
        ({"outputs": 1.5}, "outputs is 1.5"),
        ({"gain": math.nan}, "gain is nan"),
        ({"radius": 0.9, "gain": 2.0}, "one of the two"),
        ({"radius": -0.1}, "radius is -0.1"),
        ({"kind": "lstm", "radius": 0.9}, "kind 'rnn'"),
        ({"kind": "gru", "nonlinearity": "relu"}, "a gru has its own"),
        ({"kind": "gru", "forget_bias": 1.0}, "forget_bias is for kind 'lstm'"),
    ],
)
def test_bad_recipes_are_refused(arguments, message):
    with pytest.raises(GradcourseError, match=message):
        recurrent(**{"kind": "rnn", "inputs": 2, "width": 4, "outputs": 1, **arguments})


@pytest.mark.parametrize("kind", ["rnn", "lstm"])
def test_truncation_changes_the_gradient_and_not_the_output(kind):
    net = recurrent(kind, 2, 6, 1)
    x = torch.randn(3, 9, 2, generator=torch.Generator().manual_seed(0)).requires_grad_()
    torch.testing.assert_close(Truncated(net, 4)(x), net(x))
    (by_x,) = torch.autograd.grad(Truncated(net, 4)(x).sum(), x)
    (full,) = torch.autograd.grad(net(x).sum(), x)
    assert by_x[:, :5].abs().max() == 0
    torch.testing.assert_close(by_x[:, 5:], full[:, 5:])
    (whole,) = torch.autograd.grad(Truncated(net, 9)(x).sum(), x)
    torch.testing.assert_close(whole, full)


def test_a_window_has_a_step():
    with pytest.raises(GradcourseError, match="window is 0"):
        Truncated(recurrent("rnn", 2, 4, 1), 0)
