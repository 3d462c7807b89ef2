"""Frames through a socket, with a limit on every wait."""

from __future__ import annotations

import select
import socket
from collections.abc import Callable
from time import monotonic  # bound now: a learner may patch the clock
from typing import Any

from gradcourse.grading.sandbox.frames import (
    BLOB_LIMIT,
    LENGTHS,
    REQUEST_LIMIT,
    TEXT_LIMIT,
    Closed,
    Silent,
    WireError,
    decode,
    encode,
)

STRETCH = 5.0
"""A busy machine may make a limit by the clock so many times longer, and no more."""

OWN_STRETCH = 2.0
"""The same for who has had as many seconds of processor as the limit has, in whatever process."""


class Deadline:
    """The end of a wait, in seconds that the other process was not kept waiting by the machine.

    Parameters
    ----------
    seconds : float
        How long to wait.
    kept : callable, optional
        Returns how many seconds the machine has kept the other process from running since this
        wait began. It is asked only when the time seems to be up.
    """

    def __init__(self, seconds: float, kept: Callable[[], float] | None = None) -> None:
        self._end = monotonic() + seconds
        self._most = (STRETCH - 1.0) * seconds
        self._kept = kept

    def left(self) -> float:
        """Return the seconds that are left; 0 when time is up."""
        left = self._end - monotonic()
        if left <= 0 and self._kept is not None:
            left += min(self._kept(), self._most)
        return max(left, 0.0)


class Channel:
    """Frames through a socket. No call waits longer than it was told.

    Parameters
    ----------
    connection : socket.socket
        To the other process.
    trusted : bool
        Whether that is the grader; a learner's process is never trusted.
    """

    def __init__(self, connection: socket.socket, *, trusted: bool = False) -> None:
        connection.setblocking(False)
        self._socket = connection
        self._trusted = trusted
        limits = TEXT_LIMIT, REQUEST_LIMIT
        self._most_sent, self._most_received = limits if trusted else limits[::-1]
        self._buffer = bytearray()

    def fileno(self) -> int:
        """The descriptor, for `select`."""
        return self._socket.fileno()

    def close(self) -> None:
        """Close this end."""
        self._socket.close()

    def send(self, value: Any, end: Deadline | None = None) -> None:
        """Send plain data.

        Raises
        ------
        Silent, Closed, WireError
            If the other end does not read in time, or is gone; if the value cannot be sent.
        """
        data = memoryview(encode(value, self._most_sent))
        while data:
            try:
                sent = self._socket.send(data)
            except BlockingIOError:
                self._wait(select.POLLOUT, end)
                continue
            except OSError:
                raise Closed("the other end is gone") from None
            data = data[sent:]

    def receive(self, end: Deadline | None = None) -> Any:
        """Receive plain data.

        Raises
        ------
        Silent, Closed, WireError
            If nothing whole came in time, if the other end is gone, if it is no frame. After a
            `WireError` the channel is of no use any more.
        """
        text_length, blob_length = LENGTHS.unpack(self._take(LENGTHS.size, end))
        if text_length > self._most_received or blob_length > BLOB_LIMIT:
            raise WireError("a frame is too large")
        text = self._take(text_length, end)
        return decode(text, self._take(blob_length, end), trusted=self._trusted)

    def _take(self, count: int, end: Deadline | None) -> bytes:
        while len(self._buffer) < count:
            try:
                piece = self._socket.recv(1 << 20)
            except BlockingIOError:
                self._wait(select.POLLIN, end)
                continue
            except OSError:
                raise Closed("the other end is gone") from None
            if not piece:
                raise Closed("the other end is gone")
            self._buffer += piece
            if end is not None and not end.left():
                raise Silent("it did not come in time")
        taken = bytes(self._buffer[:count])
        del self._buffer[:count]
        return taken

    def _wait(self, event: int, end: Deadline | None) -> None:
        waiting = select.poll()
        waiting.register(self._socket, event)
        if end is None:
            waiting.poll()
            return
        while left := end.left():
            if waiting.poll(max(left * 1000, 1.0)):
                return
        raise Silent("it did not come in time")
