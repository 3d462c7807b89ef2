"""Files that are nearly a record: each is refused, or is one that can be used."""

import contextlib
import copy
import io
import json

import numpy as np
import pytest
import torch
from torch import nn

from gradcourse.diagnosis import diagnose
from gradcourse.instrument import Record, jacobian_spectrum, lag_gradient, lag_slope, probe
from gradcourse.support import GradcourseError


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    with probe(net, optimizer, level="everything") as record:
        net(torch.ones(2, 3)).sum().backward()
        optimizer.step()
    path = tmp_path_factory.mktemp("saved") / "record.npz"
    record.save(path)
    return path.read_bytes()


def use(path):
    record = Record.load(path)
    assert repr(record)
    assert record._repr_html_()
    diagnose(record)


def test_flipped_and_missing_bytes(saved, tmp_path):
    rng = np.random.default_rng(0)
    refused = 0
    for number in range(300):
        broken = bytearray(saved)
        if number % 2:
            broken = broken[: rng.integers(len(broken))]
        for _ in range(3):
            if broken:
                broken[rng.integers(len(broken))] = rng.integers(256)
        path = tmp_path / "broken.npz"
        path.write_bytes(bytes(broken))
        try:
            use(path)
        except GradcourseError:
            refused += 1
    assert refused > 200


def test_descriptions_that_were_changed(saved, tmp_path):
    rng = np.random.default_rng(0)
    arrays = dict(np.load(io.BytesIO(saved)))
    header = json.loads(bytes(arrays.pop("header")))
    others = [None, -1, 3, 10**12, "x", [], {}, [[]], 1.5, True]
    for _ in range(400):
        changed = copy.deepcopy(header)
        place, key = {"": changed}, ""
        for _ in range(rng.integers(1, 6)):
            inside = place[key]
            if not isinstance(inside, dict | list) or not inside:
                break
            keys = list(inside) if isinstance(inside, dict) else range(len(inside))
            place, key = inside, keys[rng.integers(len(keys))]
        place[key] = others[rng.integers(len(others))]
        path = tmp_path / "changed.npz"
        text = np.frombuffer(json.dumps(changed).encode(), dtype=np.uint8)
        np.savez(path, header=text, **arrays)
        with contextlib.suppress(GradcourseError):
            use(path)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: lag_gradient(None, torch.zeros(3, 1, 2)), "lag_gradient got 'NoneType'"),
        (lambda: lag_gradient(nn.LSTM(2, 3), [1, 2]), "x is 'list'"),
        (lambda: lag_gradient(nn.LSTM(2, 3), torch.arange(6)), "x is 'Tensor'"),
        (lambda: lag_slope("norms"), "lag_slope got 'norms'"),
        (lambda: lag_slope(np.ones((2, 3))), "lag_slope got"),
        (lambda: jacobian_spectrum(None, torch.ones(3)), "takes a torch.nn.Module"),
    ],
)
def test_what_is_no_model_and_no_sequence(call, words):
    with pytest.raises(GradcourseError, match=words):
        call()


def test_the_spectrum_of_a_function():
    found = jacobian_spectrum(lambda x: 3 * x, torch.ones(4))
    np.testing.assert_allclose(found, np.log(3))
