"""Losses that are computed in the loop itself: the operation is found in the graph of the loss."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

from gradcourse.instrument import watch

X = torch.randn(8, 8, generator=torch.Generator().manual_seed(0))
Loss = Callable[[torch.Tensor], torch.Tensor]


def said(compute: Loss, check: bool) -> str:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4))
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-2)
    with watch(model, optimizer, stop=False) as looks:
        loss = compute(model(X))
        if check:
            looks.check(loss)
        loss.backward()
        optimizer.step()
    return str(looks.post_mortem)


LOG = "forward pass, log in the loss function"


@pytest.mark.parametrize("check", [False, True])
@pytest.mark.parametrize(
    ("compute", "title"),
    [
        (lambda y: (0 * y).log().mean(), LOG),
        (lambda y: (y / (y * 0).sum()).mean(), "forward pass, div in the loss function"),
        (lambda y: (1e4 * y).exp().square().mean(), "forward pass, exp in the loss function"),
        (lambda y: (0 * y).square().sum().sqrt(), "backward pass, sqrt in the loss function"),
        (lambda y: (y - 9).pow(0.5).mean(), "forward pass, pow in the loss function"),
    ],
)
def test_one_operation_can_have_made_it(compute: Loss, title: str, check: bool) -> None:
    found = said(compute, check)
    assert title in found.splitlines()[0]
    assert "watch.loss" in found
    assert "watch.check" in found


def both(y: torch.Tensor) -> torch.Tensor:
    """The root is sound, and the log is not."""
    return y.square().sum(1).sqrt().mean() + (0 * y).log().mean()


def test_of_several_operations_those_that_can_be_are_named_or_the_one_that_is() -> None:
    assert "forward pass, sqrt or log in the loss function" in said(both, check=False)
    assert LOG in said(both, check=True)


def test_a_mean_of_nothing() -> None:
    found = said(lambda y: y.square()[torch.zeros(8, dtype=torch.bool)].mean(), check=True)
    assert "forward pass, mean in the loss function" in found
    assert "0/0" in found


def test_where_no_operation_is_found_it_says_what_to_hand_in() -> None:
    found = said(lambda y: (y * torch.inf).sum(), check=True)
    assert "something in the loss function" in found
    assert "gc.watch(model, optimizer, loss_function)" in found


def test_the_operations_of_the_model_are_not_blamed_for_the_loss() -> None:
    class Root(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x.square().add(1).sqrt()

    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(8, 4), Root())
    with watch(model, torch.optim.SGD(model.parameters(), lr=1e-2), stop=False) as looks:
        loss = (model(X) - 50).log().sum() + model(X).sum()
        looks.check(loss)
    assert looks.post_mortem.op == "log"
    assert "sqrt" not in looks.post_mortem.evidence["from the output to the loss"]


@pytest.mark.parametrize(
    "compute", [lambda y: y.exp().mean(), lambda y: (y.square() + 1e-12).sum(1).sqrt().mean()]
)
def test_sound_losses_of_the_same_operations(compute: Loss) -> None:
    assert said(compute, check=True) == "None"
