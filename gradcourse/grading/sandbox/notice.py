"""Notice what a submission tries, where Python itself tells of it.

This finds the careless, not the careful: code that calls the kernel by other ways is stopped by the
sandbox without a word. So it only ever asks a person to look; no mark depends on it.
"""

from __future__ import annotations

import sys
from typing import Any

EVENTS = {
    "socket.connect": "the network",
    "socket.bind": "the network",
    "socket.getaddrinfo": "the network",
    "socket.gethostbyname": "the network",
    "socket.__new__": "the network",
    "os.system": "another program",
    "os.exec": "another program",
    "os.posix_spawn": "another program",
    "subprocess.Popen": "another program",
    "os.kill": "a signal to another process",
    "os.killpg": "a signal to another process",
}
MOST = 10

_noticed: dict[str, None] = {}


def start() -> None:
    """Begin to notice; there is no end to it."""
    import socket

    own = int(socket.AF_UNIX)

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        what = EVENTS.get(event)
        if event == "socket.__new__" and arguments[1] == own:  # asyncio's own pair
            return
        if event == "import" and str(arguments[0]).startswith("gradcourse.exercises"):
            what = "the exercises' answers"
        if what and len(_noticed) < MOST:
            _noticed[what] = None

    sys.addaudithook(hook)


def take() -> list[str]:
    """Return what was tried since the last time."""
    found = list(_noticed)
    _noticed.clear()
    return found
