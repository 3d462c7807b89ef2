"""A browser without a window that is told what to do: the little of the DevTools protocol we need.

Printing must wait until a page has laid itself out, and only the page knows when. The protocol is
JSON over a websocket.
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import websocket

from gradcourse.support import GradcourseError

LONGEST = 120.0
"""Seconds that the browser may take for one answer."""


class Page:
    """A page in a browser that has no window.

    Parameters
    ----------
    wire : websocket.WebSocket
        To the browser.
    """

    def __init__(self, wire: websocket.WebSocket) -> None:
        self._wire = wire
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
        self._wire.send(json.dumps(command))
        while (answer := self._hear()).get("id") != self._count:
            pass
        if "error" in answer:
            raise GradcourseError(f"the browser refuses {method}: {answer['error']['message']}")
        return dict(answer["result"])

    def _hear(self) -> dict[str, Any]:
        """Return the next message: an answer, or what has happened."""
        return dict(json.loads(self._wire.recv()))


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
            with closing(_connected(running, Path(profile) / "DevToolsActivePort")) as wire:
                yield Page(wire)
        except (OSError, websocket.WebSocketException) as error:
            raise GradcourseError(f"{program} does not answer: {error}") from error
        finally:
            running.terminate()
            running.wait()


def _connected(running: subprocess.Popen[bytes], told: Path) -> websocket.WebSocket:
    """Return the wire to a browser, which writes down where it listens."""
    end = time.monotonic() + LONGEST
    while not (told.exists() and told.read_text().count("\n")):
        if running.poll() is not None or time.monotonic() > end:
            raise GradcourseError("the browser did not start")
        time.sleep(0.05)
    port, path = told.read_text().split()
    address = f"ws://127.0.0.1:{port}{path}"
    # With an origin it would take us for a page, and refuse.
    return websocket.create_connection(address, timeout=LONGEST, suppress_origin=True)
