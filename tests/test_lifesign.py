"""A cell that takes long shows that it lives, and leaves nothing behind."""

from __future__ import annotations

import io
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest
from jupyter_client.manager import start_new_kernel

from gradcourse import lifesign, stills

SLOW = """
import time
from gradcourse.experiments.common import over_seeds
print("begun")
over_seeds(lambda seed: time.sleep(0.5) or 0.0, range(5))
"""
TRAINING = """
data = gc.digits()
for seed in range(2):
    net = gc.mlp(depth=2, seed=seed)
    gc.train(net, data, steps=3, lr=0.1, before_update=lambda _: time.sleep(0.45))
"""


@pytest.fixture(scope="module")
def kernel() -> Iterator[Any]:
    manager, client = start_new_kernel()
    _run(client, "import gradcourse as gc, torch\nimport gradcourse.experiments.common")
    yield client
    client.stop_channels()
    manager.shutdown_kernel(now=True)


def _run(client: Any, code: str, person: bool = True) -> list[tuple[str, dict[str, Any], float]]:
    """Run a cell; return what it sent: kind, content, and after how many seconds."""
    begun, sent = time.monotonic(), []
    name = client.execute(code, allow_stdin=person)
    while True:
        message = client.get_iopub_msg(timeout=60)
        if message["parent_header"].get("msg_id") != name:
            continue
        kind, content = message["header"]["msg_type"], message["content"]
        if kind == "status" and content["execution_state"] == "idle":
            return sent
        assert kind != "error", content
        sent.append((kind, content, time.monotonic() - begun))


def test_a_long_cell_counts_within_two_seconds_and_wipes_it_out(kernel: Any) -> None:
    sent = [one for one in _run(kernel, SLOW) if "display" in one[0]]
    kinds = [kind for kind, _, _ in sent]
    assert kinds[0] == "display_data"
    assert set(kinds[1:]) == {"update_display_data"}
    _, first, after = sent[0]
    assert after < 2.0
    assert "of 5" in first["data"]["text/plain"]
    assert "<progress value=" in first["data"]["text/html"]
    assert sent[-1][1]["data"] == {}
    names = {content["transient"]["display_id"] for _, content, _ in sent}
    assert len(names) == 1


def test_a_training_says_which_one_it_is(kernel: Any) -> None:
    sent = _run(kernel, TRAINING)
    said = [content["data"].get("text/plain", "") for kind, content, _ in sent if "display" in kind]
    assert any("training 2: step" in words for words in said)


def test_a_short_cell_and_a_kernel_that_nobody_sits_at_show_nothing(kernel: Any) -> None:
    assert not [kind for kind, *_ in _run(kernel, "x = 1") if "display" in kind]
    assert not [kind for kind, *_ in _run(kernel, SLOW, person=False) if "display" in kind]


def test_a_saved_notebook_keeps_nothing_of_it() -> None:
    printed = {"output_type": "stream", "name": "stdout", "text": "begun"}
    empty = {"output_type": "display_data", "data": {}, "metadata": {}}
    notebook = {"cells": [{"outputs": [printed, empty]}, {"source": ""}]}
    stills.settle(notebook)
    assert notebook["cells"][0]["outputs"] == [printed]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_is_written_over_and_wiped_out(monkeypatch: pytest.MonkeyPatch) -> None:
    stream, clock = Terminal(), [0.0]
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setattr(lifesign.time, "monotonic", lambda: clock[0])
    for _ in lifesign.counted(range(6), "step", 6, "training"):
        clock[0] += 0.4
    lines = stream.getvalue().split("\r")
    assert lines[1].startswith("training: step 5 of 6 · 2 s")
    assert lines[-2:] == [" " * len(lines[-3]), ""]


def test_a_file_gets_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    stream, clock = io.StringIO(), [0.0]
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setattr(lifesign.time, "monotonic", lambda: clock[0])
    for _ in lifesign.counted(range(9), "network", 9):
        clock[0] += 1.0
    assert stream.getvalue() == ""
