"""Losses that are computed in the loop itself: the operation is found in the graph of the loss."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
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
    found = said(lambda y: (y + torch.inf).sum(), check=True)
    assert "something in the loss function" in found
    assert "gc.watch(model, optimizer, loss_function)" in found


def advantages(y: torch.Tensor) -> torch.Tensor:
    """Those of a single row: the deviation of one number is 0/0."""
    weight = torch.ones(1)
    weight = (weight - weight.mean()) / weight.std()
    return (y[:1, 0].exp() * weight).mean()


@pytest.mark.parametrize(
    ("compute", "op"),
    [
        (advantages, "mul"),
        (lambda y: nn.functional.mse_loss(y, torch.full_like(y, torch.nan)), "mse_loss"),
        (lambda y: (y.exp() / torch.full((8, 1), torch.nan)).mean(), "div"),
    ],
)
@pytest.mark.filterwarnings("ignore:std")
def test_a_tensor_without_a_graph_that_is_not_finite(compute: Loss, op: str) -> None:
    """The exponential before it is sound."""
    found = said(compute, check=True)
    assert "a tensor without a graph that goes into the loss is not finite" in found
    assert f"loss function by {op}\n" in found
    assert "std of a single number" in found


@pytest.mark.filterwarnings("ignore:std")
def test_what_may_be_at_fault_is_not_said_to_be() -> None:
    found = said(advantages, check=False)
    assert "exp in the loss function" in found
    assert "if the targets and weights that go into it are finite" in found
    assert "std of a single number" in found
    assert "if the targets and weights" not in said(lambda y: (0 * y).log().mean(), check=True)


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


# ------------------------------------------------------------------ beside the model's own pass


class Chain(nn.Module):
    """Scores, and transitions between them that only the loss reads, as in a CRF."""

    def __init__(self, lost: bool) -> None:
        super().__init__()
        self.scores = nn.Linear(8, 4)
        self.transitions = nn.Parameter(torch.full((4, 4), torch.nan if lost else 0.1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.scores(x)


@pytest.mark.parametrize("lost", [True, False])
def test_a_parameter_that_the_loss_alone_reads(lost: bool) -> None:
    torch.manual_seed(0)
    model = Chain(lost)
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-2)
    with watch(model, optimizer, stop=False) as looks:
        y = model(X)
        (y[:-1, :, None] + model.transitions + y[1:, None]).logsumexp((1, 2)).mean().backward()
        optimizer.step()
    found = str(looks.post_mortem)
    if lost:
        assert "parameter 'transitions' is not finite" in found
        assert "torch.empty" in found
    else:
        assert found == "None"


def test_a_rate_that_is_lost_is_said_to_be() -> None:
    torch.manual_seed(0)
    model = nn.Linear(8, 4)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with watch(model, optimizer, stop=False) as looks:
        for k in range(8):
            base = np.float64(1 - k / 4)
            with np.errstate(invalid="ignore"):
                optimizer.param_groups[0]["lr"] = 0.1 * base**0.9
            optimizer.zero_grad()
            model(X).square().mean().backward()
            optimizer.step()
    assert looks.post_mortem.step == 6
    found = str(looks.post_mortem)
    assert looks.post_mortem.direction == "parameter"
    assert "The learning rate itself is NaN" in found
    assert "warm it up" not in found


def test_derivatives_of_the_output_are_looked_for_in_the_loss() -> None:
    """A residual that divides by a coordinate of 0: the replay of the model alone is finite."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(1, 16), nn.Tanh(), nn.Linear(16, 1))
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-2)
    x = torch.linspace(0, 1, 8)[:, None].requires_grad_()
    with watch(model, optimizer, stop=False) as looks:
        (slope,) = torch.autograd.grad(model(x).sum(), x, create_graph=True)
        loss = ((slope / x.detach()).square()).mean()
        loss.backward()
        optimizer.step()
    found = str(looks.post_mortem)
    assert "forward pass, div in the loss function" in found
    assert "A denominator is 0" in found


def test_the_angle_of_0_has_no_slope() -> None:
    found = said(lambda y: torch.complex(1e-25 * y, 1e-25 * y).angle().sum(), check=False)
    assert "backward pass, angle in the loss function" in found


def test_a_factor_that_is_made_beside_the_graph_is_thought_of() -> None:
    def weighted(y: torch.Tensor) -> torch.Tensor:
        before = torch.zeros(())
        return y.abs().mean() * float(before / before)

    found = said(weighted, check=False)
    assert "something in the loss function" in found
    assert "a division by a standard deviation or a count of 0" in found


@pytest.mark.parametrize("guarded", [True, False])
def test_a_batch_that_the_loop_skips_does_no_harm(guarded: bool) -> None:
    torch.manual_seed(0)
    model = nn.Linear(8, 4)
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-2)
    with watch(model, optimizer, stop=False) as looks:
        for k in range(6):
            x = X.clone()
            x[0] = torch.nan if k == 2 else x[0]
            y = model(x)
            loss = y.square().mean() if guarded else torch.where(y.isnan(), 0.0, y).square().mean()
            if guarded and not torch.isfinite(loss):
                continue
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    assert (looks.post_mortem is None) == guarded
