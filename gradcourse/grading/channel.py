"""Frames through a socket, with a limit on every wait."""

from __future__ import annotations

import select
import socket
import time
from typing import Any

from gradcourse.grading.wire import (
    BLOB_LIMIT,
    LENGTHS,
    TEXT_LIMIT,
    Closed,
    Silent,
    WireError,
    decode,
    encode,
)


class Channel:
    """Frames through a socket. No call waits longer than it was told."""

    def __init__(self, connection: socket.socket, *, trusted: bool = False) -> None:
        connection.setblocking(False)
        self._socket = connection
        self._trusted = trusted
        self._buffer = bytearray()

    def fileno(self) -> int:
        """The descriptor, for `select`."""
        return self._socket.fileno()

    def close(self) -> None:
        """Close this end."""
        self._socket.close()

    def send(self, value: Any, seconds: float | None = None) -> None:
        """Send plain data.

        Raises
        ------
        Silent, Closed, WireError
            If the other end does not read in time, or is gone; if the value cannot be sent.
        """
        data = memoryview(encode(value))
        deadline = None if seconds is None else time.monotonic() + seconds
        while data:
            try:
                sent = self._socket.send(data)
            except BlockingIOError:
                self._wait(select.POLLOUT, deadline)
                continue
            except OSError:
                raise Closed("the other end is gone") from None
            data = data[sent:]

    def receive(self, seconds: float | None = None) -> Any:
        """Receive plain data.

        Raises
        ------
        Silent, Closed, WireError
            If nothing whole came in time, if the other end is gone, if it is no frame. After a
            `WireError` the channel is of no use any more.
        """
        deadline = None if seconds is None else time.monotonic() + seconds
        text_length, blob_length = LENGTHS.unpack(self._take(LENGTHS.size, deadline))
        if text_length > TEXT_LIMIT or blob_length > BLOB_LIMIT:
            raise WireError("a frame is too large")
        text = self._take(text_length, deadline)
        return decode(text, self._take(blob_length, deadline), trusted=self._trusted)

    def _take(self, count: int, deadline: float | None) -> bytes:
        while len(self._buffer) < count:
            try:
                piece = self._socket.recv(1 << 20)
            except BlockingIOError:
                self._wait(select.POLLIN, deadline)
                continue
            except OSError:
                raise Closed("the other end is gone") from None
            if not piece:
                raise Closed("the other end is gone")
            self._buffer += piece
            if deadline is not None and time.monotonic() > deadline:
                raise Silent("it did not come in time")
        taken = bytes(self._buffer[:count])
        del self._buffer[:count]
        return taken

    def _wait(self, event: int, deadline: float | None) -> None:
        waiting = select.poll()
        waiting.register(self._socket, event)
        left = None if deadline is None else (deadline - time.monotonic()) * 1000
        if (left is not None and left <= 0) or not waiting.poll(left):
            raise Silent("it did not come in time")
