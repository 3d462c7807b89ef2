"""An error of the instrument's own does not stop the loop that it watches."""

from __future__ import annotations

import importlib

import pytest
import torch
from torch import nn

import gradcourse as gc

PROBE = importlib.import_module("gradcourse.instrument.probe.probe")
WATCHER = importlib.import_module("gradcourse.instrument.probe.watcher")
PASSES = importlib.import_module("gradcourse.instrument.probe.passes")
PARAMETERS = importlib.import_module("gradcourse.instrument.probe.parameters")
OTHERS = importlib.import_module("gradcourse.instrument.loop.others")
ROLL = importlib.import_module("gradcourse.instrument.probe.roll_call")
WATCH = importlib.import_module("gradcourse.instrument.postmortem.watch")


class Net(nn.Module):
    """A recurrent net with attention: every kind of hook."""

    def __init__(self):
        super().__init__()
        self.rnn, self.head = nn.GRU(3, 8), nn.Linear(8, 2)
        self.attention = nn.MultiheadAttention(8, 2)

    def forward(self, x):
        h, _ = self.rnn(x)
        h, _ = self.attention(h, h, h)
        return self.head(torch.relu(h[-1]))


def _loop(net, optimizer, record=None, steps=16):
    losses = []
    for k in range(steps):
        optimizer.zero_grad()
        generator = torch.Generator().manual_seed(k)
        loss = net(torch.randn(9, 4, 3, generator=generator)).square().mean()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        if record is not None:
            record.log(loss.item())
    return losses


def _net():
    torch.manual_seed(0)
    net = Net()
    return net, torch.optim.Adam(net.parameters(), lr=1e-2)


PLACES = [
    (PROBE.Probe, "_pass_begins"),
    (PROBE.Probe, "_pass_ends"),
    (PROBE.Probe, "_came_back"),
    (PROBE.Probe, "_backward_is_over"),
    (PROBE.Probe, "_keep_weights"),
    (PROBE.Probe, "_write"),
    (PROBE.Probe, "_update_made"),
    (WATCHER.Watcher, "_ran"),
    (WATCHER.Watcher, "_gradient"),
    (WATCHER.Watcher, "_input"),
    (WATCHER.Watcher, "_lag"),
    (WATCHER.Watcher, "_query"),
    (PASSES.Pass, "add"),
    (PARAMETERS.ParameterReader, "states"),
    (OTHERS.Others, "_stepped"),
]


@pytest.mark.parametrize(("owner", "name"), PLACES, ids=lambda p: getattr(p, "__name__", p))
def test_the_loop_goes_on_without_the_probe(owner, name, monkeypatch):
    expected = _loop(*_net())
    real, calls = getattr(owner, name), []

    def fails_late(self, *arguments, **named):
        calls.append(1)
        if len(calls) > 12:
            raise MemoryError("planted")
        return real(self, *arguments, **named)

    monkeypatch.setattr(owner, name, fails_late)
    net, optimizer = _net()
    hooks = _hooks(net)
    with pytest.warns(UserWarning, match=r"an error of its own at step \d+ \(MemoryError: planted"):
        losses, record = _probed(net, optimizer)
    assert losses == expected
    assert _hooks(net) == hooks
    assert len(record) < 16
    gc.diagnose(record)


def _probed(net, optimizer):
    with gc.probe(net, optimizer, "everything") as record:
        losses = _loop(net, optimizer, record)
    return losses, record


def _hooks(net):
    return [
        (len(m._forward_hooks), len(m._forward_pre_hooks), len(m._backward_hooks))
        for m in net.modules()
    ]


@pytest.mark.parametrize("name", ["_pass_begins", "_pass_ends", "_update_due", "_look_and_count"])
def test_the_loop_goes_on_without_the_watch(name, monkeypatch):
    expected = _loop(*_net())

    def fails(self, *arguments):
        raise RuntimeError("planted")

    monkeypatch.setattr(WATCH.Watch, name, fails)
    net, optimizer = _net()
    with pytest.warns(UserWarning, match=r"The watch has met an error of its own at step 0"):
        losses = _watched(net, optimizer)
    assert losses == expected


def _watched(net, optimizer):
    with gc.watch(net, optimizer):
        return _loop(net, optimizer)


def test_the_users_own_errors_are_the_users():
    net, optimizer = _net()
    probe = gc.probe(net, optimizer)
    with pytest.raises(ZeroDivisionError):
        _fails_itself(net, optimizer, probe)
    assert not any(map(sum, _hooks(net)))


def _fails_itself(net, optimizer, probe):
    with probe as record:
        _loop(net, optimizer, record, 3)
        optimizer.step(lambda: 1 / 0)


def test_notes_that_cannot_be_finished_are_missing(monkeypatch):
    def fails(self, steps):
        raise RuntimeError("planted")

    monkeypatch.setattr(ROLL.RollCall, "finish", fails)
    net, optimizer = _net()
    with pytest.warns(UserWarning, match=r"an error of its own at step 16 \(RuntimeError: planted"):
        _, record = _probed(net, optimizer)
    assert record.steps == 16


def test_an_error_beside_other_hooks_of_the_optimizer(monkeypatch):
    """torch walks its hooks while ours runs: none is taken away then."""
    expected = _loop(*_net())

    def fails(self):
        raise RuntimeError("planted")

    monkeypatch.setattr(PARAMETERS.ParameterReader, "keep_weights", fails)
    net, optimizer = _net()
    with pytest.warns(UserWarning, match="an error of its own at step 0"):
        losses, told = _probed_beside_others(net, optimizer)
    assert losses == expected
    assert told == 2 * len(expected)
    assert not optimizer._optimizer_step_pre_hooks
    assert not optimizer._optimizer_step_post_hooks


def _probed_beside_others(net, optimizer):
    told = []
    with gc.probe(net, optimizer), gc.watch(net, optimizer):
        handles = [
            optimizer.register_step_pre_hook(lambda *a: told.append(1)),
            optimizer.register_step_post_hook(lambda *a: told.append(1)),
        ]
        losses = _loop(net, optimizer)
    for handle in handles:
        handle.remove()
    return losses, len(told)
