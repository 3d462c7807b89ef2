"""Constant, orthogonal and data-dependent initializations."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from gradcourse.data import digits
from gradcourse.nets import constant_, linear_start_, lsuv_, mlp, near_identity_, orthogonal_
from gradcourse.nets.initializers import _uniform_orthogonal
from gradcourse.support import GradcourseError

X = digits().x_train[:200]


def outputs(net: nn.Sequential, x: torch.Tensor) -> list[torch.Tensor]:
    seen = []
    for module in net:
        x = module(x)
        if isinstance(module, nn.Linear):
            seen.append(x.detach())
    return seen


def test_constant_makes_copies_without_bias() -> None:
    net = constant_(mlp(2, 16, "tanh", bias_std=1.0), 0.25)
    assert all((p == 0.25).all() for p in net.parameters() if p.dim() > 1)
    assert all((p == 0).all() for p in net.parameters() if p.dim() == 1)


@pytest.mark.parametrize("inputs", [64, 40, 100])
def test_orthogonal_has_one_singular_value(inputs: int) -> None:
    net = orthogonal_(mlp(2, 64, bias_std=1.0, inputs=inputs), gain=1.5, seed=3)
    for p in net.parameters():
        if p.dim() > 1:
            values = torch.linalg.svdvals(p.detach().double())
            assert torch.allclose(values, torch.full_like(values, 1.5), atol=1e-5)
        else:
            assert (p == 0).all()


def test_near_identity_changes_square_matrices_only() -> None:
    net = mlp(2, 32, bias_std=1.0)
    first, last = net.layer1.weight.clone(), net.output.weight.clone()
    near_identity_(net, 0.1, seed=1)
    assert torch.equal(net.layer1.weight, first)  # 32 × 64
    assert torch.equal(net.output.weight, last)
    away = net.layer2.weight.detach() - torch.eye(32)
    assert float(away.std()) == pytest.approx(0.1, rel=0.1)
    assert (net.layer2.bias == 0).all()
    assert torch.equal(near_identity_(mlp(2, 32), 0.1, seed=1).layer2.weight, net.layer2.weight)


@pytest.mark.parametrize("noise", [-0.1, float("nan"), float("inf")])
def test_near_identity_refuses_other_noise(noise: float) -> None:
    with pytest.raises(GradcourseError, match="0 or more"):
        near_identity_(mlp(1), noise)


def test_near_identity_needs_a_square_matrix() -> None:
    with pytest.raises(GradcourseError, match="square"):
        near_identity_(mlp(1, 32))


@pytest.mark.parametrize("inputs", [64, 20])
def test_a_linear_start_is_linear_and_keeps_lengths(inputs: int) -> None:
    net = linear_start_(mlp(20, 64, "relu", bias_std=1.0, inputs=inputs), seed=3)
    one, other = torch.randn(2, 5, inputs, generator=torch.Generator().manual_seed(0))
    first, second, both = (outputs(net, x)[-2] for x in (one, other, one + other))
    torch.testing.assert_close(first + second, both, atol=1e-4, rtol=0)
    if inputs == 20:
        torch.testing.assert_close(first.norm(dim=1), 2**0.5 * one.norm(dim=1))


@pytest.mark.parametrize("net", [mlp(2, 33), nn.Sequential(*mlp(1, 32)[:-1], *mlp(1, 64)[:])])
def test_a_linear_start_needs_one_even_width(net: nn.Sequential) -> None:
    with pytest.raises(GradcourseError, match="even width"):
        linear_start_(net)


def test_a_seed_decides_and_the_global_generator_is_left_alone() -> None:
    before = torch.get_rng_state()
    first, again, other = (
        orthogonal_(mlp(1, 32), seed=seed).layer1.weight.detach() for seed in (1, 1, 2)
    )
    assert torch.equal(first, again)
    assert not torch.allclose(first, other)
    assert torch.equal(torch.get_rng_state(), before)


def test_orthogonal_matrices_are_uniform() -> None:
    """Half of them are rotations, and the first entry has mean 0 and mean square 1/n."""
    generator = torch.Generator().manual_seed(0)
    many = np.stack([_uniform_orthogonal((3, 3), generator).numpy() for _ in range(2000)])
    assert 0.46 < np.mean(np.linalg.det(many) > 0) < 0.54
    assert np.abs(many.mean(axis=0)).max() < 0.05
    assert np.square(many).mean(axis=0) == pytest.approx(1 / 3, abs=0.03)


@pytest.mark.parametrize("activation", ["relu", "tanh", "sigmoid", "gelu"])
def test_lsuv_gives_every_layer_variance_1(activation: str) -> None:
    net = lsuv_(mlp(20, 64, activation), X, seed=1)
    for z in outputs(net, X):
        assert float(z.double().var(correction=0)) == pytest.approx(1.0, abs=0.011)


def test_lsuv_leaves_the_singular_values_equal_and_no_hook_behind() -> None:
    net = lsuv_(mlp(3, 64, "relu"), X)
    values = torch.linalg.svdvals(net.layer2.weight.detach().double())
    assert float(values.max() / values.min()) == pytest.approx(1.0, abs=1e-4)
    assert not any(module._forward_hooks for module in net.modules())


def test_what_cannot_be_initialized_is_refused() -> None:
    for initialize in (lambda m: constant_(m, 1.0), orthogonal_, lambda m: lsuv_(m, X)):
        with pytest.raises(GradcourseError, match=r"no nn\.Linear"):
            initialize(nn.Sequential(nn.ReLU()))
    with pytest.raises(GradcourseError, match="linear layer 1 have variance 0"):
        lsuv_(mlp(1), torch.zeros(10, 64))
