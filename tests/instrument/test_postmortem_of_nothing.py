"""NaN that comes from too few numbers, and a replay that does not come about."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from gradcourse.instrument import post_mortem, watch


def cross_entropy_of_ignored_targets(out):
    return functional.cross_entropy(out, torch.full((len(out),), -100))


@pytest.mark.parametrize(
    ("rows", "loss", "words"),
    [
        (4, cross_entropy_of_ignored_targets, "mean of nothing"),
        (0, torch.mean, "mean of nothing"),
        (0, lambda out: functional.mse_loss(out, torch.zeros(0, 3)), "mean of nothing"),
        (1, lambda out: out.std(0).sum(), "variance of a single number"),
        (1, lambda out: torch.var_mean(out, 0)[0].sum(), "variance of a single number"),
    ],
)
def test_the_advice_is_not_about_overflow(rows, loss, words):
    net = nn.Linear(5, 3)
    found = post_mortem(net, lambda: loss(net(torch.ones(rows, 5))))
    assert (found.direction, found.module) == ("forward", "loss function")
    assert words in found.advice[0]


def test_a_mean_that_overflows_says_what_the_dtype_holds():
    net = nn.Linear(5, 3)
    found = post_mortem(net, lambda: (net(torch.ones(2, 5)) * 0 + 2e38).mean())
    assert found.op == "mean"
    assert "largest float32" in found.evidence


class OnlyOnce(nn.Module):
    """A model that cannot be replayed."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(5, 3)
        self.calls = 0

    def forward(self, x):
        self.calls += 1
        if self.calls > 1:
            raise RuntimeError("only once")
        return self.layer(x)


def test_a_replay_that_fails_does_not_call_the_output_finite():
    net = OnlyOnce()
    with watch(net, stop=False) as watched:
        net(torch.full((2, 5), float("nan"))).sum().backward()
    found = watched.post_mortem
    assert found.direction == "unknown"
    assert found.evidence == {"the model's output": "NaN"}
    assert "only once" in found.note
