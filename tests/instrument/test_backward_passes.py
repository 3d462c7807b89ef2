"""Backward passes are counted by what ends in the parameters' gradients."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from gradcourse.instrument import probe

X = torch.randn(8, 8, generator=torch.Generator().manual_seed(0))
STEPS = 25

Step = Callable[[nn.Sequential, torch.optim.Optimizer, int], None]


def lower(loss: torch.Tensor, optimizer: torch.optim.Optimizer) -> None:
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()


def once(model, optimizer, k) -> None:
    lower(model(X).square().mean(), optimizer)


def pairs(model, optimizer, k) -> None:
    lower((model(X) - model(X + 0.1)).square().mean(), optimizer)


def pairs_with_gradients_of_0(model, optimizer, k) -> None:
    optimizer.zero_grad(set_to_none=False)
    (model(X) - model(X + 0.1)).square().mean().backward()
    optimizer.step()


def real_and_false(model, optimizer, k) -> None:
    model(X).mean().backward()
    lower(-model(X + 1).mean(), optimizer)


def accumulated(model, optimizer, k) -> None:
    model(X).square().mean().backward()
    if k % 5 == 4:
        optimizer.step()
        optimizer.zero_grad()


def two_losses_of_one_call(model, optimizer, k) -> None:
    y = model(X)
    y.mean().backward(retain_graph=True)
    lower(y.square().mean(), optimizer)


def gradient_penalty(model, optimizer, k) -> None:
    x = X.clone().requires_grad_()
    y = model(x)
    (slope,) = torch.autograd.grad(y.sum(), x, create_graph=True)
    lower(y.mean() + (slope.norm(dim=1) - 1).square().mean(), optimizer)


def pairs_now_and_then(model, optimizer, k) -> None:
    (pairs if k % 2 else once)(model, optimizer, k)


def pairs_late(model, optimizer, k) -> None:
    (pairs if k > 12 else once)(model, optimizer, k)


def real_and_false_late(model, optimizer, k) -> None:
    (real_and_false if k >= 15 else once)(model, optimizer, k)


def cut_off(model, optimizer, k) -> None:
    lower(model(X).detach().mean().requires_grad_(), optimizer)


def parts(model, optimizer, k) -> None:
    lower(model[2](model[0](X)).square().mean(), optimizer)


def parts_and_whole(model, optimizer, k) -> None:
    (parts if k % 3 else once)(model, optimizer, k)


def reentrant(model, optimizer, k) -> None:
    x = X.clone().requires_grad_()
    lower(checkpoint(model, x, use_reentrant=True).square().mean(), optimizer)


@pytest.mark.parametrize("level", ["gradients", "standard", "everything"])
@pytest.mark.parametrize(
    ("step", "passes"),
    [
        *((step, STEPS) for step in (once, pairs, pairs_with_gradients_of_0, accumulated)),
        *((step, STEPS) for step in (gradient_penalty, pairs_now_and_then, pairs_late)),
        *((step, STEPS) for step in (parts, parts_and_whole, reentrant)),
        *((step, 2 * STEPS) for step in (real_and_false, two_losses_of_one_call)),
        (real_and_false_late, STEPS + 10),
        (cut_off, 0),
    ],
)
@pytest.mark.filterwarnings("ignore:No layer of this")
def test_what_ends_in_the_gradients_is_counted(step: Step, passes: int, level: str) -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4))
    optimizer = torch.optim.Adam(model.parameters())
    with probe(model, optimizer, level=level) as record:
        for k in range(STEPS):
            step(model, optimizer, k)
    assert record.facts.backward_passes == passes


def test_a_module_that_two_models_share_counts_what_comes_to_either() -> None:
    torch.manual_seed(0)
    shared = nn.Linear(8, 8)
    model, other = nn.Sequential(shared, nn.Linear(8, 4)), nn.Sequential(shared, nn.Linear(8, 2))
    optimizer = torch.optim.Adam(model.parameters())
    with probe(model, optimizer) as record:
        for _ in range(STEPS):
            lower(model(X).square().mean() + other(X).square().mean(), optimizer)
    assert record.facts.backward_passes == STEPS
