"""TensorBoard on this machine only, and a course that goes on without it."""

from __future__ import annotations

import importlib.util
import urllib.request

import pytest
import torch

import gradcourse as gc
from gradcourse.integrations import board as module


@pytest.fixture
def record():
    model = torch.nn.Sequential(torch.nn.Linear(4, 4), torch.nn.Tanh(), torch.nn.Linear(4, 1))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with gc.probe(model, optimizer, level="everything") as record:
        for _ in range(3):
            optimizer.zero_grad()
            loss = model(torch.randn(8, 4)).square().mean()
            loss.backward()
            optimizer.step()
            record.log(loss)
    return record


def test_without_tensorboard_nothing_is_lost(record, monkeypatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "tensorboard" else find(name)
    )
    board = gc.tensorboard(record)
    assert board.start() is board
    assert "go on without" in repr(board)
    board.stop()


def test_the_record_is_written_and_nothing_runs_yet(record, tmp_path) -> None:
    pytest.importorskip("tensorboard")
    board = gc.tensorboard(record, tmp_path)
    assert list(tmp_path.glob("events.out.*"))
    assert board.url == ""
    assert "not running" in repr(board)


@pytest.mark.slow
def test_it_runs_on_the_loopback_interface_and_ends(record, tmp_path) -> None:
    pytest.importorskip("tensorboard")
    board = gc.tensorboard(record, tmp_path).start()
    try:
        assert board.url.startswith("http://127.0.0.1:")
        with urllib.request.urlopen(f"{board.url}data/plugins_listing", timeout=30) as answer:
            assert b"histograms" in answer.read()
        assert board.start() is board
        assert "127.0.0.1" not in repr(board)
    finally:
        board.stop()
    with pytest.raises(OSError):
        urllib.request.urlopen(module.Board(tmp_path).url or "http://127.0.0.1:9/", timeout=1)
