"""Exchanging activations, zeros and scale of a ReLU network."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from gradcourse.nets import mlp, scaled, with_activation, with_zeros
from gradcourse.support import GradcourseError

X = torch.randn(200, 64, generator=torch.Generator().manual_seed(0))


def hidden(model: nn.Sequential, x: torch.Tensor = X) -> list[torch.Tensor]:
    out = []
    with torch.no_grad():
        for module in model:
            x = module(x)
            if isinstance(module, nn.ReLU):
                out.append(x)
    return out


def relu_net(seed: int = 0) -> nn.Sequential:
    return mlp(3, width=32, activation="relu", init="he", seed=seed)


def test_activations_are_exchanged_and_weights_stay():
    net = relu_net()
    changed = with_activation(net, lambda: nn.LeakyReLU(0.1))
    assert [type(m) for m in net][1::2] == [nn.ReLU] * 3
    assert [type(m) for m in changed][1::2] == [nn.LeakyReLU] * 3
    assert [n for n, _ in changed.named_children()] == [n for n, _ in net.named_children()]
    for before, after in zip(net.parameters(), changed.parameters(), strict=True):
        assert torch.equal(before, after)
        assert before is not after


def test_each_new_activation_is_its_own():
    changed = with_activation(relu_net(), nn.PReLU)
    assert len({id(m) for m in changed if isinstance(m, nn.PReLU)}) == 3


def test_nothing_to_replace_is_an_error():
    with pytest.raises(GradcourseError, match=r"no ReLU to replace.*Tanh"):
        with_activation(mlp(2, activation="tanh"), nn.PReLU)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("share", [0.2, 0.75])
def test_every_unit_is_silent_on_the_share_and_the_size_is_1(share, seed):
    for h in hidden(with_zeros(relu_net(seed), X, share)):
        silent = (h == 0).double().mean(0)
        assert silent.min() >= share - 1 / 100
        assert silent.max() <= share + 1 / 100
        assert float(h.square().mean().sqrt()) == pytest.approx(1.0, rel=1e-4)


def test_a_share_of_1_is_a_dead_layer_with_no_row_near():
    net = with_zeros(relu_net(), X, [0.5, 0.5, 1.0])
    first, second, third = hidden(net)
    assert not third.any()
    assert first.any(0).all()
    with torch.no_grad():
        assert float(net[4](second).max()) < -0.5


@pytest.mark.parametrize("share", [1.5, -0.1, [0.5, 0.5]])
def test_a_wrong_share_is_an_error(share):
    with pytest.raises(GradcourseError, match="3 of them"):
        with_zeros(relu_net(), X, share)


def test_scaling_keeps_every_zero_and_scales_layer_l_by_the_power():
    net = with_zeros(relu_net(), X, 0.6)
    for depth, (before, after) in enumerate(
        zip(hidden(net), hidden(scaled(net, 0.125)), strict=True), start=1
    ):
        assert torch.equal(before == 0, after == 0)
        assert torch.allclose(after, before * 0.125**depth, rtol=1e-5, atol=0)


def test_scaling_back_gives_the_same_network():
    net = with_zeros(relu_net(), X, 0.6)
    for before, after in zip(
        net.parameters(), scaled(scaled(net, 0.125), 8.0).parameters(), strict=True
    ):
        assert torch.equal(before, after)


def test_a_factor_must_be_positive():
    with pytest.raises(GradcourseError, match="factor is 0"):
        scaled(relu_net(), 0)


def test_a_network_without_relu_cannot_be_scaled():
    with pytest.raises(GradcourseError, match="followed by a ReLU"):
        scaled(mlp(2, activation="tanh"), 2.0)
