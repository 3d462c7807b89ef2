"""How far the grading is: one line that moves in a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import TextIO

WIDTH = 30
BETWEEN_LINES = 5.0
"""Seconds between two lines where nothing can be drawn over."""

BETWEEN_DRAWINGS = 0.1


class ProgressBar:
    """A bar on stderr while submissions are graded.

    Parameters
    ----------
    total : int
        How many there are.
    stream : file, optional
        Where to draw; by default stderr.
    """

    def __init__(self, total: int, stream: TextIO | None = None) -> None:
        self.total = total
        self.done = 0
        self.looks = 0
        self._stream = stream or sys.stderr
        self._terminal = self._stream.isatty()
        self._started = time.monotonic()
        self._said = self._started

    def __enter__(self) -> ProgressBar:
        if self._terminal:
            self._draw()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._terminal:
            self._draw()
            self._write("\n")

    def step(self, look: bool) -> None:
        """One more is graded."""
        self.done += 1
        self.looks += look
        now = time.monotonic()
        if now - self._said < (BETWEEN_DRAWINGS if self._terminal else BETWEEN_LINES):
            return
        self._said = now
        if self._terminal:
            self._draw()
        else:
            self._write(f"graded {self._words()}\n")

    def _words(self) -> str:
        text = f"{self.done} of {self.total}"
        if self.looks:
            text += f", {self.looks} to look at"
        passed = time.monotonic() - self._started
        if 3 <= self.done < self.total and passed > 2:
            left = passed / self.done * (self.total - self.done)
            text += f", about {_duration(left)} left"
        return text

    def _draw(self) -> None:
        full = round(WIDTH * self.done / self.total) if self.total else WIDTH
        self._write(f"\r\x1b[K{'█' * full}{'░' * (WIDTH - full)} {self._words()}")

    def _write(self, text: str) -> None:
        # A stderr that went away is no reason to stop grading.
        try:
            self._stream.write(text)
            self._stream.flush()
        except (OSError, ValueError):
            self._terminal = False


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"{max(1, round(seconds))} s"
    return f"{round(seconds / 60)} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
