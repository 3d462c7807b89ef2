"""Gradients of exactly 0 in most layers of a very deep net, and gradients that nobody saw."""

import numpy as np
import pytest
import torch
from torch import nn

from gradcourse.diagnosis import diagnose
from gradcourse.instrument import probe


def sigmoid_net(depth, dtype):
    torch.manual_seed(0)
    layers = [layer for _ in range(depth) for layer in (nn.Linear(12, 12), nn.Sigmoid())]
    return nn.Sequential(*layers, nn.Linear(12, 3)).to(dtype)


@pytest.mark.parametrize("level", ["gradients", "standard"])
@pytest.mark.parametrize(
    ("depth", "dtype"), [(200, torch.float32), (500, torch.float32), (80, torch.float16)]
)
def test_a_gradient_that_reaches_the_last_layers_only_has_vanished(depth, dtype, level):
    net = sigmoid_net(depth, dtype)
    x = torch.randn(16, 12, generator=torch.Generator().manual_seed(1)).to(dtype)
    with probe(net, level=level) as record:
        for _ in range(2):
            net.zero_grad()
            nn.functional.cross_entropy(net(x).float(), torch.arange(16) % 3).backward()
    norms = record.parameter_gradient_norm[0, 1:-2:2]
    reached = np.flatnonzero(norms)
    assert len(reached) < depth / 2
    measured = np.polyfit(reached, np.log10(norms[reached]), 1)[0]
    found = diagnose(record).primary
    assert found.kind == "vanishing"
    assert np.log10(found.evidence["factor per layer"]) == pytest.approx(-measured, rel=0.15)
    assert found.evidence["decades over the depth"] == pytest.approx(-depth * measured, rel=0.15)
    first, last = (int(name) // 2 for name in found.layers)
    assert first == 0
    assert depth - len(reached) - 1 <= last < depth - 1


def test_gradients_that_were_cleared_inside_the_backward_pass_are_not_judged():
    net = nn.Sequential(nn.Linear(4, 3), nn.Tanh(), nn.Linear(3, 1))

    def clear(parameter):
        parameter.grad = None

    for parameter in net.parameters():
        parameter.register_post_accumulate_grad_hook(clear)
    with probe(net) as record:
        net(torch.ones(5, 4)).sum().backward()
    found = diagnose(record)
    assert any("inside the backward pass" in line for line in found.not_judged)
