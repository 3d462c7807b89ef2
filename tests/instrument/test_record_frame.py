"""NaN that was measured has a row in the table; what was not measured has none."""

import numpy as np
import pytest
import torch
from torch import nn

from gradcourse.instrument import Record, probe
from gradcourse.instrument.record.frame import tables

pytest.importorskip("pandas")


def run(net, factors, x, level="everything", every=1):
    torch.manual_seed(0)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
    with probe(net, optimizer, level=level, every=every) as record:
        for factor in factors:
            optimizer.zero_grad()
            loss = net(x).square().mean() * factor
            loss.backward()
            optimizer.step()
            record.log(loss)
    return record


def steps(frame, quantity, name=None):
    rows = frame[frame.quantity == quantity]
    return sorted(set(rows.step if name is None else rows[rows.name == name].step))


def test_what_became_nan_stays_in_the_table(tmp_path):
    net = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 1))
    record = run(net, [1, np.nan, 1], torch.ones(3, 4))
    record.save(tmp_path / "run.npz")
    for one in (record, Record.load(tmp_path / "run.npz")):
        frame = one.to_frame()
        for quantity in ("loss", "parameter_gradient_norm", "weight_norm", "update_ratio"):
            assert steps(frame, quantity) == [0, 1, 2]
        for name in ("0", "1", "2"):
            for quantity in ("activation_rms", "activation_mean", "activation_std"):
                assert steps(frame, quantity, name) == [0, 1, 2]
            assert steps(frame, "output_gradient_norm", name) == [0, 1, 2]
            assert steps(frame, "output_gradient_rms", name) == [0, 1, 2]
        assert steps(frame, "mean_slope", "1") == [0, 1, 2]
        assert steps(frame, "mean_slope", "0") == steps(frame, "mean_slope", "2") == []
        assert steps(frame, "saturated_fraction") == [0, 1]  # NaN is no unit's state
        assert np.isnan(frame[frame.quantity == "loss"].value.iloc[1])


def test_what_was_not_measured_has_no_row():
    net = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 1))
    record = run(net, [1, 1, np.nan, 1], torch.ones(3, 4), level="standard", every=2)
    frame = record.to_frame()
    assert steps(frame, "activation_rms") == steps(frame, "weight_norm") == [0, 2]
    assert steps(frame, "output_gradient_norm") == steps(frame, "update_ratio") == [0, 2]
    with probe(net) as record:
        net(torch.ones(3, 4)).sum().backward()
    frame = record.to_frame()
    assert steps(frame, "loss") == steps(frame, "update_ratio") == []


class Heads(nn.Module):
    """The gradient comes to one head only, and never to the frozen part."""

    def __init__(self):
        super().__init__()
        self.frozen = nn.Linear(4, 4).requires_grad_(False)
        self.first = nn.Linear(4, 2)
        self.second = nn.Sequential(nn.Linear(4, 2), nn.Tanh())

    def forward(self, x):
        h = self.frozen(x)
        self.second(h)
        return self.first(h)


@pytest.mark.parametrize("factors", [[1, np.nan, 1], [np.nan, np.nan]])
def test_no_gradient_is_not_a_gradient_of_nan(factors):
    frame = run(Heads(), factors, torch.ones(3, 4)).to_frame()
    came = frame[frame.quantity == "output_gradient_norm"]
    assert set(came.name) == {"first"}
    assert sorted(came.step) == list(range(len(factors)))


def test_a_weight_without_a_gradient_has_no_ratio():
    record = run(Heads(), [1, np.nan, 1], torch.ones(3, 4))
    frame = record.to_frame()
    assert steps(frame, "update_ratio", "first.weight") == [0, 1, 2]
    assert steps(frame, "update_ratio", "second.0.weight") == []
    assert steps(frame, "weight_norm", "second.0.weight") == [0, 1, 2]


def test_a_weight_of_zeros_has_no_ratio():
    net = nn.Linear(4, 2)
    with torch.no_grad():
        net.weight.zero_()
    record = run(net, [0.0], torch.ones(3, 4))
    assert np.isnan(record.update_ratio).all()
    assert steps(record.to_frame(), "update_ratio") == []


def test_lags_of_nan_are_there_and_lags_that_are_not_are_not():
    net = nn.GRU(4, 3)
    with probe(net, level="everything") as record:
        for length, factor in ((5, 1.0), (3, np.nan)):
            net.zero_grad()
            x = torch.ones(length, 2, 4, requires_grad=True)
            (net(x)[0].sum() * factor).backward()
    frame = record.to_frame()
    lags = frame[frame.quantity == "lag_gradient"]
    assert lags[lags.step == 0].lag.tolist() == [4, 3, 2, 1, 0]
    assert lags[lags.step == 1].lag.tolist() == [2, 1, 0]
    assert lags[lags.step == 1].value.isna().all()


def test_an_empty_output_is_not_measured():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.part, self.last = nn.Linear(4, 4), nn.Linear(4, 2)

        def forward(self, x):
            self.part(x[:0])
            return self.last(x)

    frame = run(Net(), [1.0], torch.ones(3, 4)).to_frame()
    assert steps(frame, "activation_rms", "part") == []
    assert steps(frame, "activation_rms", "last") == [0]


def test_tensorboard_is_given_the_same_rows():
    net = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 1))
    record = run(net, [1, np.nan, 1], torch.ones(3, 4))

    class Writer:
        def __init__(self):
            self.written = []

        def add_scalar(self, tag, value, step, **_):
            self.written.append((tag, step))

        def add_histogram_raw(self, *_, **__):
            pass

        def flush(self):
            pass

    writer = Writer()
    record.to_tensorboard(writer)
    assert [step for tag, step in writer.written if tag == "loss"] == [0, 1, 2]
    assert [step for tag, step in writer.written if tag == "output_gradient_norm/0"] == [0, 1, 2]
    assert len(writer.written) == sum(int(table.measured.sum()) for table in tables(record))
