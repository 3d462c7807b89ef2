"""Files of records that were damaged where a checksum, or an archive, does not notice."""

import json
import zipfile

import numpy as np
import pytest
import torch
from torch import nn

from gradcourse.instrument import Record, probe
from gradcourse.support import GradcourseError


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))
    with probe(net, level="everything") as record:
        net(torch.ones(2, 3)).sum().backward()
    path = tmp_path_factory.mktemp("saved") / "record.npz"
    record.save(path)
    with np.load(path) as archive:
        return dict(archive)


def refused(path):
    with pytest.raises(GradcourseError, match="not a record, or it is damaged"):
        Record.load(path)


def written(path, saved, header=None, **changes):
    text = np.frombuffer(json.dumps(header).encode(), dtype=np.uint8)
    np.savez(path, **(saved | ({} if header is None else {"header": text}) | changes))
    return path


@pytest.mark.parametrize("sign", [b"(", b"'", b"\n", b"\\"])
def test_the_heading_of_an_array_is_broken(saved, tmp_path, sign):
    whole = zipfile.ZipFile(written(tmp_path / "whole.npz", saved))
    with zipfile.ZipFile(tmp_path / "broken.npz", "w") as broken:
        for name in whole.namelist():
            content = whole.read(name)
            broken.writestr(name, content.replace(b"}", sign, 1) if name[0] == "f" else content)
    refused(tmp_path / "broken.npz")


@pytest.mark.parametrize("compression", [1, 12, 14, 93])
def test_the_archive_names_another_compression(saved, tmp_path, compression):
    content = bytearray(written(tmp_path / "record.npz", saved).read_bytes())
    for mark, place in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
        content[content.index(mark) + place] = compression
    (tmp_path / "record.npz").write_bytes(content)
    refused(tmp_path / "record.npz")


def test_the_archive_says_that_it_is_encrypted(saved, tmp_path):
    content = bytearray(written(tmp_path / "record.npz", saved).read_bytes())
    content[content.index(b"PK\x03\x04") + 6] |= 1
    content[content.index(b"PK\x01\x02") + 8] |= 1
    (tmp_path / "record.npz").write_bytes(content)
    refused(tmp_path / "record.npz")


NO_COUNTS = [None, "3", 1.5, True, -1, 10**30, [0]]


@pytest.mark.parametrize("value", NO_COUNTS)
@pytest.mark.parametrize("place", ["number", "evaluations", "histograms", "parameters"])
def test_a_count_that_is_none(saved, tmp_path, place, value):
    header = json.loads(bytes(saved["header"]))
    step = header["record"]["steps"][0]
    if place == "histograms":
        step[place]["0.weight"][1] = value
    elif place == "parameters":
        header["record"][place]["0.bias"] = [value]
    else:
        step[place] = value
    refused(written(tmp_path / "record.npz", saved, header))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *[("0/exponents0", value) for value in (2**62, -(2**63), -5000)],
        *[("0/columns", value) for value in (2**62, -1)],
        ("0/counts0", -1),
    ],
)
def test_integers_that_no_histogram_has(saved, tmp_path, name, value):
    index = json.loads(bytes(saved["header"]))["arrays"]
    place = 0
    for other, kind, shape in index:
        if other == name:
            break
        place += int(np.prod(shape)) * (kind == "int64")
    numbers = saved["int64"].copy()
    numbers[place] = value
    refused(written(tmp_path / "record.npz", saved, int64=numbers))


@pytest.mark.parametrize("name", ["loss", "all_losses"])
def test_losses_that_are_no_numbers(saved, tmp_path, name):
    header = json.loads(bytes(saved["header"]))
    for entry in header["arrays"]:
        if entry[0] == name:
            entry[2] = [*entry[2], 1]
    if name == "loss":
        header["record"]["steps"][0]["logged"] = True
    else:
        # It is empty: one of another array's numbers makes it a column.
        header["arrays"] = [e for e in header["arrays"] if e[0] != name]
        header["arrays"].append([name, "float64", [1, 1]])
        saved = saved | {"float64": np.append(saved["float64"], 1.0)}
    refused(written(tmp_path / "record.npz", saved, header))


def test_the_file_as_it_was_is_read(saved, tmp_path):
    header = json.loads(bytes(saved["header"]))
    assert len(Record.load(written(tmp_path / "record.npz", saved, header))) == 1
