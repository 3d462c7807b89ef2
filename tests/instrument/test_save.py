import io
import pickle
import sys
import zipfile

import numpy as np
import pytest
import torch
from torch import nn

from gradcourse.instrument import Record, probe
from gradcourse.support import GradcourseError

TABLES = [
    "loss",
    "parameter_gradient_norm",
    "weight_norm",
    "update_ratio",
    "activation_rms",
    "activation_mean",
    "activation_std",
    "mean_slope",
    "saturated_fraction",
    "dead_fraction",
    "zero_fraction",
    "output_gradient_norm",
    "step_numbers",
    "measured",
    "nonfinite",
    "histogram_steps",
]


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn, self.act, self.head = nn.GRU(3, 4), nn.Tanh(), nn.Linear(4, 2)
        self.unused = nn.Linear(2, 2)

    def forward(self, x):
        return self.head(self.act(self.rnn(x)[0][-1]))


@pytest.fixture(scope="module")
def record():
    torch.manual_seed(0)
    model = Net()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with probe(model, optimizer, level="everything") as record:
        for step in range(3):
            optimizer.zero_grad()
            # The third loss is tiny: its gradients must survive, and its NaN stay NaN.
            loss = model(torch.randn(5, 2, 3)).square().sum() * (1.0, 1e-30, np.nan)[step]
            loss.backward()
            record.log(loss)
            optimizer.step()
    return record


def assert_equal(one, other):
    for name in TABLES:
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)
    assert (one.layers, one.kinds, one.parameters) == (other.layers, other.kinds, other.parameters)
    assert one.lag_gradient.keys() == other.lag_gradient.keys() != set()
    for name, values in one.lag_gradient.items():
        np.testing.assert_array_equal(values, other.lag_gradient[name])
    for name, histograms in one.log2_histograms.items():
        for a, b in zip(histograms, other.log2_histograms[name], strict=True):
            assert repr(a) == repr(b)
            np.testing.assert_array_equal(a.counts, b.counts)
    assert repr(one) == repr(other)


def test_what_is_saved_is_loaded(record, tmp_path):
    record.save(tmp_path / "run.npz")
    assert_equal(record, Record.load(tmp_path / "run.npz"))
    record.save(str(tmp_path / "any name"))
    assert_equal(record, Record.load(str(tmp_path / "any name")))


def test_pickling_keeps_everything(record):
    assert_equal(record, pickle.loads(pickle.dumps(record)))


def test_an_empty_record_travels_too(tmp_path):
    empty = Record({"weight": (2, 3)})
    empty.save(tmp_path / "empty.npz")
    again = Record.load(tmp_path / "empty.npz")
    assert len(again) == 0
    assert again.parameter_shapes == {"weight": (2, 3)}


def test_a_long_run_is_one_small_file(tmp_path):
    model = nn.Linear(2, 1)
    with probe(model, level="gradients") as record:
        for _ in range(500):
            model(torch.ones(1, 2)).sum().backward()
    record.save(tmp_path / "long.npz")
    with zipfile.ZipFile(tmp_path / "long.npz") as archive:
        assert len(archive.namelist()) == 3
    assert len(Record.load(tmp_path / "long.npz")) == 500


def test_saving_replaces_the_file_whole(record, tmp_path):
    path = tmp_path / "run.npz"
    path.write_bytes(b"old")
    record.save(path)
    assert len(Record.load(path)) == 3
    assert [p.name for p in tmp_path.iterdir()] == ["run.npz"]


class Evil:
    def __reduce__(self):
        return (print, ("code of the file was run",))


def _npz(**arrays):
    stream = io.BytesIO()
    np.savez(stream, **arrays)
    return stream.getvalue()


def _changed(path, **changes):
    with np.load(path) as archive:
        return _npz(**({name: archive[name] for name in archive.files} | changes))


def test_code_in_a_file_is_never_run(tmp_path, capsys):
    evil = np.array([Evil()], dtype=object)
    for content in (pickle.dumps(Evil()), _npz(header=evil), _npz(header=np.zeros(1), x=evil)):
        (tmp_path / "evil").write_bytes(content)
        with pytest.raises(GradcourseError, match="not a record"):
            Record.load(tmp_path / "evil")
    assert capsys.readouterr().out == ""


def test_files_that_are_no_record(record, tmp_path):
    good = tmp_path / "good.npz"
    record.save(good)
    whole = good.read_bytes()
    broken = bytearray(whole)
    broken[len(whole) // 2] ^= 0xFF
    contents = {
        "empty": b"",
        "text": b"hello",
        "half": whole[: len(whole) // 2],
        "flipped bit": bytes(broken),
        "other archive": _npz(a=np.zeros(3)),
        "no JSON": _changed(good, header=np.frombuffer(b"{", dtype=np.uint8)),
        "JSON of another kind": _changed(good, header=np.frombuffer(b"[1]", dtype=np.uint8)),
        "other format": _changed(good, header=np.frombuffer(b'{"format": "x"}', dtype=np.uint8)),
        "numbers missing": _changed(good, float64=np.zeros(2)),
        "numbers left over": _changed(good, int64=np.zeros(10**4, dtype=np.int64)),
        "one array": b"",
    }
    stream = io.BytesIO()
    np.save(stream, np.zeros(3))
    contents["one array"] = stream.getvalue()
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(GradcourseError, match="not a record"):
            Record.load(tmp_path / name)
    with pytest.raises(GradcourseError, match="no file"):
        Record.load(tmp_path / "missing")
    with pytest.raises(GradcourseError, match="folder"):
        Record.load(tmp_path)


def test_a_newer_version_is_told_apart(record, tmp_path):
    path = tmp_path / "run.npz"
    record.save(path)
    with np.load(path) as archive:
        text = bytes(archive["header"]).replace(b'"version": 1', b'"version": 9')
    path.write_bytes(_changed(path, header=np.frombuffer(text, dtype=np.uint8)))
    with pytest.raises(GradcourseError, match="version 9"):
        Record.load(path)


def test_the_frame_holds_every_measured_number(record):
    pytest.importorskip("pandas")
    frame = record.to_frame()
    assert list(frame.columns) == ["step", "of", "name", "quantity", "lag", "value"]

    def values(quantity, name):
        return frame[(frame.quantity == quantity) & (frame.name == name)]

    one = values("parameter_gradient_norm", "head.weight")
    column = record.parameters.index("head.weight")
    assert one.step.tolist() == [0, 1, 2]
    np.testing.assert_array_equal(one.value, record.parameter_gradient_norm[:, column])
    assert np.isnan(one.value.iloc[2])
    assert len(values("parameter_gradient_norm", "unused.weight")) == 0
    slopes = values("mean_slope", "act")
    np.testing.assert_array_equal(slopes.value, record.mean_slope[:, record.layers.index("act")])
    assert len(values("mean_slope", "head")) == 0
    lags = frame[(frame.quantity == "lag_gradient") & (frame.step == 0)]
    assert lags.lag.tolist() == [4, 3, 2, 1, 0]
    np.testing.assert_array_equal(lags.value, record.lag_gradient["rnn"][0])
    assert values("loss", "loss").value.iloc[0] == record.loss[0]


def test_tensorboard_reads_what_was_written(record, tmp_path):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.util import tensor_util
    from torch.utils.tensorboard import SummaryWriter

    record.to_tensorboard(tmp_path / "folder")
    writer = SummaryWriter(str(tmp_path / "writer"))
    record.to_tensorboard(writer)
    writer.add_scalar("still open", 1.0)
    writer.close()
    for folder in ("folder", "writer"):
        events = EventAccumulator(str(tmp_path / folder), size_guidance={"histograms": 0})
        events.Reload()
        read = [
            (event.step, float(tensor_util.make_ndarray(event.tensor_proto)))
            for event in events.Tensors("parameter_gradient_norm/head.weight")
        ]
        column = record.parameters.index("head.weight")
        assert [step for step, _ in read] == [0, 1, 2]
        # Equal, not close: 1e-30 has passed through unrounded.
        np.testing.assert_array_equal(
            [value for _, value in read], record.parameter_gradient_norm[:, column]
        )
        assert "loss" in events.Tags()["tensors"]
        first = events.Histograms("log2_gradient/head.weight")[0].histogram_value
        expected = record.log2_histograms["head.weight"][0]
        assert first.num == expected.counts.sum()
        assert (first.min, first.max) == (expected.exponents[0], expected.exponents[-1] + 1)


def test_a_missing_extra_is_named(record, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "pandas", None)
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(GradcourseError, match=r"gradcourse\[frame\]"):
        record.to_frame()
    with pytest.raises(GradcourseError, match=r"gradcourse\[tensorboard\]"):
        record.to_tensorboard(tmp_path / "x")


def test_other_bad_input(record, tmp_path):
    with pytest.raises(GradcourseError, match="SummaryWriter"):
        record.to_tensorboard(3)
    empty = Record({"weight": (2, 3)})
    with pytest.raises(GradcourseError, match="no step"):
        empty.to_frame()
    with pytest.raises(GradcourseError, match="no step"):
        empty.to_tensorboard(tmp_path / "empty")
