"""A record in TensorBoard, started for this machine only and without a network."""

from __future__ import annotations

import atexit
import importlib.util
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import IO

from gradcourse.instrument import Record
from gradcourse.support import GradcourseError

_ADDRESS = re.compile(rb"http://127\.0\.0\.1:\d+/")
SECONDS = 60


class Board:
    """TensorBoard over one folder of event files.

    Attributes
    ----------
    folder : Path
        Where the record was written.
    url : str
        Its address while it runs, else empty.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.url = ""
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> Board:
        """Start it on the loopback interface; nobody else in your network can open it.

        Raises
        ------
        GradcourseError
            If it does not start.
        """
        if self.url:
            return self
        command = [sys.executable, "-m", "tensorboard.main", "--logdir", str(self.folder)]
        command += ["--host", "127.0.0.1", "--port", "0", "--load_fast", "false"]
        self._process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL
        )
        atexit.register(self.stop)
        assert self._process.stderr is not None
        self.url = _address(self._process.stderr)
        return self

    def stop(self) -> None:
        """End it."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            self._process.wait(10)
        self._process, self.url = None, ""

    def __repr__(self) -> str:
        state = "running, for this machine only; open board.url" if self.url else "not running"
        return f"TensorBoard: the record is written; {state}"


class NoBoard:
    """Stands where tensorboard is not installed: everything goes on without it."""

    url = ""

    def start(self) -> NoBoard:
        """Do nothing."""
        return self

    def stop(self) -> None:
        """Do nothing."""

    def __repr__(self) -> str:
        return "TensorBoard is not installed (pip install 'gradcourse[tensorboard]'); go on without"


def tensorboard(record: Record, folder: Path | str | None = None) -> Board | NoBoard:
    """Write a record for TensorBoard; ``.start()`` on the result opens it on this machine.

    Parameters
    ----------
    record : Record
    folder : Path or str, optional
        By default a new temporary one.

    Returns
    -------
    Board, or NoBoard
        The second where tensorboard is not installed.

    Raises
    ------
    GradcourseError
        If it is no record, or holds no step.
    """
    if not isinstance(record, Record):
        raise GradcourseError(
            f"tensorboard got {type(record).__name__}; it takes a record, which a probe gives: "
            "with gc.probe(model) as record: …"
        )
    if importlib.util.find_spec("tensorboard") is None:
        return NoBoard()
    path = Path(folder if folder is not None else tempfile.mkdtemp(prefix="gradcourse-board-"))
    record.to_tensorboard(path)
    return Board(path)


def _address(pipe: IO[bytes]) -> str:
    """Read what it says until its address comes; TensorBoard writes it when it is ready."""
    said = b""
    for line in iter(pipe.readline, b""):
        said += line
        found = _ADDRESS.search(line)
        if found:
            return found[0].decode()
    raise GradcourseError(f"TensorBoard did not start: {said[-300:].decode(errors='replace')}")
