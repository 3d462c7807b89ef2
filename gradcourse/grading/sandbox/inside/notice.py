"""Notice what a submission tries, where Python itself tells of it.

This finds the careless, not the careful: code that calls the kernel by other ways is stopped by the
sandbox without a word. So it only ever asks a person to look; no mark depends on it.
"""

from __future__ import annotations

import sys
from typing import Any

EVENTS = {
    "socket.connect": "to reach the network",
    "socket.bind": "to reach the network",
    "socket.getaddrinfo": "to reach the network",
    "socket.gethostbyname": "to reach the network",
    "socket.__new__": "to reach the network",
    "os.system": "to start another program",
    "os.exec": "to start another program",
    "os.posix_spawn": "to start another program",
    "subprocess.Popen": "to start another program",
    "os.killpg": "to end other processes",
}
ANSWERS = "to load the course's answers"
TEXTS = frozenset((*EVENTS.values(), ANSWERS))
"""All that can be noticed."""

MOST = 10

_noticed: dict[str, None] = {}


def start() -> None:
    """Begin to notice; there is no end to it."""
    import os
    import socket

    own, parents = int(socket.AF_UNIX), (0, 1, -1, os.getpid(), os.getppid())

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        what = EVENTS.get(event)
        if event == "socket.__new__" and arguments[1] == own:  # asyncio's own pair
            return
        if event == "os.kill" and arguments[0] in parents:  # a pool ends its own children
            what = "to end other processes"
        if event == "import" and str(arguments[0]).startswith("gradcourse.exercises"):
            what = ANSWERS
        if what and len(_noticed) < MOST:
            _noticed[what] = None

    sys.addaudithook(hook)


def take() -> list[str]:
    """Return what was tried since the last time."""
    found = list(_noticed)
    _noticed.clear()
    return found
