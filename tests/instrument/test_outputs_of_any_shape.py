"""Whatever a model gives and a loss makes of it, the probe reads it and the loop goes on."""

import itertools
import warnings

import pytest
import torch
from torch import nn
from torch.nn import functional

import gradcourse as gc
from gradcourse.instrument.probe.outputs import network_output

SHAPES = [(12,), (12, 1), (12, 3), (1, 3), (12, 3, 2), (4, 3, 5, 2), (6, 1, 1, 1)]
ENDS = {
    "none": lambda y: y,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "relu": torch.relu,
    "clamp": lambda y: y.clamp(-0.5, 0.5),
    "softmax over classes": lambda y: y.softmax(min(1, y.dim() - 1)),
    "softmax over the last": lambda y: y.softmax(-1),
    "log-softmax": lambda y: y.log_softmax(min(1, y.dim() - 1)),
}
LOSSES = {
    "squared": lambda y, t: functional.mse_loss(y, t),
    "absolute": lambda y, t: functional.l1_loss(y, t),
    "smooth": lambda y, t: functional.smooth_l1_loss(y, t),
    "hinge": lambda y, t: (1 - y * t.sign()).relu().mean(),
    "poisson": lambda y, t: (y - t.abs() * y.abs().add(1e-2).log()).mean(),
    "bce": lambda y, t: functional.binary_cross_entropy(y.sigmoid(), (t > 0).float()),
    "bce of logits": lambda y, t: functional.binary_cross_entropy_with_logits(y, t.sigmoid()),
    "classes": lambda y, t: functional.cross_entropy(*_classes(y, t)),
    "soft classes": lambda y, t: functional.cross_entropy(y, t.softmax(min(1, y.dim() - 1))),
    "classes last": lambda y, t: functional.cross_entropy(
        y.reshape(-1, y.shape[-1]), t.reshape(-1, y.shape[-1]).argmax(-1)
    ),
    "some rows": lambda y, t: (y[::2] - t[::2]).abs().mean() if len(y) > 1 else y.abs().mean(),
    "its size": lambda y, t: y.norm(),
    "one entry": lambda y, t: y.flatten()[0] * 2,
    "nothing": lambda y, t: (y * 0).sum(),
    "NaN": lambda y, t: (y * float("nan")).sum(),
}


def _classes(y, t):
    return (y, t.argmax(1)) if y.dim() > 1 else (y, t.softmax(0))


class Shaped(nn.Module):
    """A layer whose output has any shape, and any end."""

    def __init__(self, shape, end):
        super().__init__()
        self.shape, self.end = shape, end
        size = 1
        for n in shape[1:]:
            size *= n
        self.layer = nn.Linear(5, size)

    def forward(self, x):
        return self.end(self.layer(x).view(self.shape))


@pytest.mark.parametrize("end", ENDS)
def test_the_loop_goes_on(end):
    for shape, loss in itertools.product(SHAPES, LOSSES):
        torch.manual_seed(0)
        net = Shaped(shape, ENDS[end])
        optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
        with warnings.catch_warnings():
            warnings.filterwarnings("error", message="The probe could not read")
            warnings.filterwarnings("ignore", message="Using a target size|.*log_softmax")
            with gc.probe(net, optimizer, "everything") as record:
                for _ in range(2):
                    optimizer.zero_grad()
                    value = LOSSES[loss](net(torch.randn(shape[0], 5)), torch.randn(shape))
                    value.backward()
                    optimizer.step()
                    record.log(value.item())
        assert record.steps == 2, (shape, loss)
        assert gc.diagnose(record).primary is not None


def test_an_output_that_cannot_be_read_does_not_stop_the_loop(monkeypatch):
    def fails(*arguments):
        raise RuntimeError("planted")

    monkeypatch.setattr(network_output, "describe", fails)
    net = nn.Linear(3, 2)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    said = r"could not read the model's output \(RuntimeError: planted"
    with pytest.warns(UserWarning, match=said):
        record = _trained(net, optimizer)
    assert record.steps == 60
    assert {head.loss for head in record.facts.heads} == {""}
    gc.diagnose(record)


def _trained(net, optimizer):
    with gc.probe(net, optimizer) as record:
        for _ in range(60):
            optimizer.zero_grad()
            loss = net(torch.randn(8, 3)).square().mean()
            loss.backward()
            optimizer.step()
            record.log(loss.item())
    return record
