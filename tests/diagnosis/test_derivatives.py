"""Losses that are made of derivatives, and layers whose gradient torch.autograd.grad has seen."""

from __future__ import annotations

import math

import pytest
import torch
from test_variants import Step, adam, first, judged, net, rows, sgd
from torch import nn
from torch.nn import functional

import gradcourse as gc


def along(act: type[nn.Module]) -> nn.Sequential:
    torch.manual_seed(0)
    hidden = (nn.Linear(32, 32), act())
    return nn.Sequential(nn.Linear(1, 32), act(), *hidden, nn.Linear(32, 1))


def of_the_curve(model: nn.Module) -> Step:
    """u″ = −sin x, and u = 0 at both ends."""
    ends = torch.tensor([[0.0], [2 * math.pi]])

    def step() -> torch.Tensor:
        x = (2 * math.pi * torch.rand(128, 1)).requires_grad_()
        u = model(x / 2 - 1.5)
        (slope,) = torch.autograd.grad(u.sum(), x, create_graph=True)
        (bend,) = torch.autograd.grad(slope.sum(), x, create_graph=True, allow_unused=True)
        bend = x * 0 if bend is None else bend
        edge = model(ends / 2 - 1.5).square().mean()
        return functional.mse_loss(bend, -torch.sin(x.detach())) + 0.1 * edge

    return step


def test_a_loss_of_second_derivatives_and_a_relu() -> None:
    model = along(nn.ReLU)
    diagnosis = judged(model, adam(model), of_the_curve(model), 250)
    assert first(diagnosis)[0] == "dead"
    assert "second derivative is 0" in diagnosis.primary.summary
    assert first(diagnosis)[1].startswith("Use an activation with a second derivative")


def test_a_loss_of_second_derivatives_and_a_tanh() -> None:
    model = along(nn.Tanh)
    diagnosis = judged(model, adam(model), of_the_curve(model), 250)
    assert diagnosis.healthy, diagnosis


def test_what_autograd_grad_brings_is_no_gradient_of_the_loss() -> None:
    """The output counts for nothing: its gradient is that of u.sum(), 1 in every row."""
    model = along(nn.Tanh)
    optimizer = adam(model)
    with gc.probe(model, optimizer, level="everything") as record:
        x = torch.rand(128, 1, requires_grad=True)
        (slope,) = torch.autograd.grad(model(x).sum(), x, create_graph=True)
        slope.square().mean().backward()
        optimizer.step()
    gradient = dict(zip(record.layers, record.output_gradient_norm[-1], strict=True))
    assert math.isnan(gradient["4"])
    assert gradient["2"] > 0


def test_what_came_before_autograd_grad_stays() -> None:
    """As where one looks at the gradient of a part, after the backward pass and before the step."""
    torch.manual_seed(0)
    model = net()
    norms = []
    for looks in (False, True):
        optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
        with gc.probe(model, optimizer, level="everything") as record:
            x, y = rows_of_one_seed()
            out = model(x)
            functional.cross_entropy(out, y).backward(retain_graph=True)
            if looks:
                torch.autograd.grad(out.sum(), model[0].weight)
            optimizer.step()
            optimizer.zero_grad()
        norms.append(record.output_gradient_norm[0])
    assert (norms[0] == norms[1]).all()
    assert (norms[0] > 0).all()


def rows_of_one_seed() -> tuple[torch.Tensor, torch.Tensor]:
    torch.manual_seed(1)
    return rows()


@pytest.mark.parametrize("late", [True, False])
def test_gradients_that_are_cleared_after_autograd_grad(late: bool) -> None:
    """zero_grad may stand between the derivative and the backward pass."""
    model = along(nn.Tanh)
    optimizer = adam(model)
    step = of_the_curve(model)
    with gc.probe(model, optimizer) as record:
        for _ in range(120):
            if not late:
                optimizer.zero_grad()
            loss = step()
            if late:
                optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            record.log(loss)
    assert record.facts.derivatives >= 12
    assert record.facts.clearing_looked >= 3
    assert not record.facts.uncleared


class Slope(nn.Module):
    """A field that is the slope of a network, taken in its own forward pass."""

    def __init__(self, energy: nn.Module) -> None:
        super().__init__()
        self.energy = energy

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x.requires_grad_()
        (slope,) = torch.autograd.grad(self.energy(x).sum(), x, create_graph=True)
        return slope


def test_a_model_that_takes_a_derivative_itself() -> None:
    model = Slope(along(nn.Tanh))

    def step() -> torch.Tensor:
        x = 2 * torch.rand(128, 1) - 1
        return functional.mse_loss(model(x), torch.sin(3 * x.detach()))

    diagnosis = judged(model, adam(model), step, 250)
    assert diagnosis.healthy, diagnosis


@pytest.mark.parametrize("played", [True, False])
def test_a_critic_through_which_a_generator_learns(played: bool) -> None:
    """Its loss stays at that of a guess: there is nothing to tell apart. Only one is a game."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(1, 32), nn.LeakyReLU(0.2), nn.Linear(32, 1))
    nn.init.constant_(model[2].bias, 0.5)
    maker = nn.Linear(4, 1)
    nn.init.constant_(maker.weight, 0.5)
    nn.init.zeros_(maker.bias)
    with torch.no_grad():
        model[2].weight.mul_(0.1)
    optimizer, other = adam(model, 2e-3), sgd(maker, 1e-6)

    def step() -> torch.Tensor:
        real, made = torch.randn(128, 1), maker(torch.randn(128, 4))
        one, none = torch.ones(128, 1), torch.zeros(128, 1)
        loss = functional.mse_loss(model(real), one)
        loss = loss + functional.mse_loss(model(made.detach()), none)
        if played:
            other.zero_grad()
            functional.mse_loss(model(made), one).backward()
            other.step()
            optimizer.zero_grad()
        return loss

    diagnosis = judged(model, optimizer, step, 250)
    assert (diagnosis.primary.kind == "not learning") == (not played), diagnosis


def test_a_critic_that_the_probe_does_not_see() -> None:
    """A generator whose loss goes up and down around 0, under a critic with a penalty."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 48), nn.ReLU(), nn.Linear(48, 2))
    critic = nn.Sequential(nn.Linear(2, 48), nn.LeakyReLU(0.2), nn.Linear(48, 1))
    optimizer, other = (
        torch.optim.Adam(m.parameters(), lr=3e-3, betas=(0.0, 0.9)) for m in (model, critic)
    )
    with gc.probe(model, optimizer) as record:
        for _ in range(250):
            for _ in range(3):
                real = 0.3 * torch.randn(64, 2) + torch.tensor([2.0, -1.0])
                fake = model(torch.randn(64, 4)).detach()
                share = torch.rand(64, 1)
                between = (share * real + (1 - share) * fake).requires_grad_()
                (slope,) = torch.autograd.grad(critic(between).sum(), between, create_graph=True)
                other.zero_grad()
                penalty = (slope.norm(2, 1) - 1).square().mean()
                (critic(fake).mean() - critic(real).mean() + 10 * penalty).backward()
                other.step()
            optimizer.zero_grad()
            loss = critic(real).detach().mean() - critic(model(torch.randn(64, 4))).mean()
            loss.backward()
            optimizer.step()
            record.log(loss)
    diagnosis = gc.diagnose(record)
    assert diagnosis.healthy, diagnosis
