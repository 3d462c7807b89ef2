"""How much of everything one submission may use."""

from __future__ import annotations

from dataclasses import dataclass

MEGABYTE = 1 << 20


@dataclass(frozen=True)
class Limits:
    """The budgets of one submission.

    Attributes
    ----------
    cell, question, submission : float
        Seconds for one cell, for one question with all its cases, for everything. Those in which
        other programs kept the processors busy are not counted, up to `channel.STRETCH` times.
    memory : int
        Bytes that the submission's processes may take from the machine together.
    processes : int
        Processes and threads at one time: a pool of 32 and what looks after it.
    disk : int
        Bytes in its private folder; no file may be larger, either.
    open_files : int
        Descriptors per process.
    notebook : int
        Bytes of the notebook, without its outputs and attachments.
    """

    cell: float = 20.0
    question: float = 20.0
    submission: float = 120.0
    memory: int = 2048 * MEGABYTE
    processes: int = 40
    disk: int = 64 * MEGABYTE
    open_files: int = 256
    notebook: int = 24 * MEGABYTE
