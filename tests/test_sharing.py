"""An experiment is measured once in a run of the tests, and never read from another run."""

from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import run
import sharing

ASKS = """
import sharing
sharing.WORTH = 0.0  # a clock would decide which parts get a file
sharing.share()
from gradcourse.experiments import common
from gradcourse.experiments.recurrent import recall_accuracy
print(recall_accuracy(5, 0, steps=40))
print(common.digits() is common.digits())
"""


def ask(folder: Path | None) -> list[str]:
    """What a process of its own prints."""
    environment = {
        **run.private_environment(folder or Path.cwd()),
        "PYTHONPATH": str(Path(sharing.__file__).parent),
    }
    if folder is not None:
        environment[sharing.FOLDER] = str(folder)
    command = [sys.executable, "-c", ASKS]
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, check=True
    ).stdout.split()


def test_what_one_process_measured_the_others_of_the_run_read(tmp_path: Path) -> None:
    measured = ask(tmp_path)
    assert measured == ask(None)
    written = {path: path.read_bytes() for path in tmp_path.iterdir()}
    assert ask(tmp_path) == measured
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == written
    for path in written:
        if isinstance(pickle.loads(path.read_bytes()), float):
            path.write_bytes(pickle.dumps(-1.0))
    assert ask(tmp_path)[0] == "-1.0"


def test_a_run_inherits_nobody_elses_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(sharing.FOLDER, "/somewhere")
    assert sharing.FOLDER not in run.private_environment(Path.cwd())
