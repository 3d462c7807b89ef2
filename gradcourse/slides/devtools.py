"""A browser without a window that is told what to do: the little of the DevTools protocol we need.

Printing must wait until a page has laid itself out, and only the page knows when. The protocol is
JSON over a websocket, RFC 6455, of which a client on the same machine needs a page of code.
"""

from __future__ import annotations

import base64
import json
import os
import socket
import struct
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gradcourse.support import GradcourseError

LONGEST = 120.0
"""Seconds that the browser may take for one answer."""

TEXT, CLOSE, PING, PONG = 1, 8, 9, 10
MASKED, LAST = 0x80, 0x80


class Page:
    """A page in a browser that has no window.

    Parameters
    ----------
    wire : socket
        To the browser, ready to be read.
    """

    def __init__(self, wire: socket.socket) -> None:
        self._wire = wire
        self._stream = wire.makefile("rb")
        self._count = 0
        self._session: dict[str, str] = {}
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        found = self.ask("Target.attachToTarget", targetId=target, flatten=True)
        self._session = {"sessionId": found["sessionId"]}

    def go(self, address: str) -> None:
        """Open an address, and return when the page is loaded."""
        self.ask("Page.enable")
        self.ask("Page.navigate", url=address)
        while self._hear().get("method") != "Page.loadEventFired":
            pass

    def wait_for(self, promise: str) -> None:
        """Wait until a promise on the page is kept.

        Raises
        ------
        GradcourseError
            If it is broken.
        """
        told = self.ask("Runtime.evaluate", expression=promise, awaitPromise=True)
        if "exceptionDetails" in told:
            raise GradcourseError(f"the page failed: {told['exceptionDetails'].get('text')}")

    def pdf(self) -> bytes:
        """Return the page as it is printed, at the size of which its style sheet speaks."""
        told = self.ask("Page.printToPDF", preferCSSPageSize=True, printBackground=True)
        return base64.b64decode(told["data"])

    def ask(self, method: str, **words: Any) -> dict[str, Any]:
        """Send a command, and return the answer."""
        self._count += 1
        command = {"id": self._count, "method": method, "params": words, **self._session}
        self._wire.sendall(frame(json.dumps(command).encode()))
        while (answer := self._hear()).get("id") != self._count:
            pass
        if "error" in answer:
            raise GradcourseError(f"the browser refuses {method}: {answer['error']['message']}")
        return dict(answer["result"])

    def _hear(self) -> dict[str, Any]:
        """Return the next message: an answer, or what has happened."""
        message, last = b"", False
        while not last:
            kind, content, last = read_frame(self._stream)
            if kind == PING:
                self._wire.sendall(frame(content, PONG))
                last = False
            elif kind == CLOSE:
                raise GradcourseError("the browser has ended")
            else:
                message += content
        return dict(json.loads(message))


def frame(content: bytes, kind: int = TEXT) -> bytes:
    """Return a message as a client sends it, masked."""
    size = len(content)
    if size < 126:
        head = struct.pack(">BB", LAST | kind, MASKED | size)
    elif size < 1 << 16:
        head = struct.pack(">BBH", LAST | kind, MASKED | 126, size)
    else:
        head = struct.pack(">BBQ", LAST | kind, MASKED | 127, size)
    mask = os.urandom(4)
    return head + mask + bytes(byte ^ mask[i % 4] for i, byte in enumerate(content))


def read_frame(stream: Any) -> tuple[int, bytes, bool]:
    """Return a frame's kind, its content, and whether it is the last one of its message."""
    first, size = _exactly(stream, 2)
    if size == 126:
        (size,) = struct.unpack(">H", _exactly(stream, 2))
    elif size == 127:
        (size,) = struct.unpack(">Q", _exactly(stream, 8))
    return first & 0x0F, _exactly(stream, size), bool(first & LAST)


def _exactly(stream: Any, count: int) -> bytes:
    found: bytes = stream.read(count)
    if len(found) < count:
        raise GradcourseError("the browser has ended")
    return found


@contextmanager
def headless(program: str) -> Iterator[Page]:
    """Run a browser, and yield a page of it.

    Parameters
    ----------
    program : str
        Chromium, Chrome or Edge.

    Raises
    ------
    GradcourseError
        If it does not start, ends, or takes longer than two minutes for an answer.
    """
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        words = [program, "--headless=new", f"--user-data-dir={profile}", "--no-first-run"]
        words += ["--remote-debugging-port=0", "--disable-gpu", "about:blank"]
        if getattr(os, "geteuid", lambda: 1)() == 0:
            words.append("--no-sandbox")  # as root it would refuse to start
        quiet = subprocess.DEVNULL
        running = subprocess.Popen(words, stdin=quiet, stdout=quiet, stderr=quiet)
        try:
            with _connected(running, Path(profile) / "DevToolsActivePort") as wire:
                yield Page(wire)
        except OSError as error:
            raise GradcourseError(f"{program} does not answer: {error}") from error
        finally:
            running.terminate()
            running.wait()


def _connected(running: subprocess.Popen[bytes], told: Path) -> socket.socket:
    """Return the wire to a browser, which writes down where it listens."""
    end = time.monotonic() + LONGEST
    while not (told.exists() and told.read_text().count("\n")):
        if running.poll() is not None or time.monotonic() > end:
            raise GradcourseError("the browser did not start")
        time.sleep(0.05)
    port, path = told.read_text().split()
    wire = socket.create_connection(("127.0.0.1", int(port)), timeout=LONGEST)
    asked = {
        "Host": f"127.0.0.1:{port}",
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Key": base64.b64encode(os.urandom(16)).decode(),
        "Sec-WebSocket-Version": "13",
    }
    lines = [f"GET {path} HTTP/1.1", *(f"{name}: {value}" for name, value in asked.items())]
    wire.sendall("\r\n".join([*lines, "", ""]).encode())
    answer = b""
    while not answer.endswith(b"\r\n\r\n"):
        answer += wire.recv(1)
    if b" 101 " not in answer.splitlines()[0]:
        raise GradcourseError("the browser does not speak DevTools")
    return wire
