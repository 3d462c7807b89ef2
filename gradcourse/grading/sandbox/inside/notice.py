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
    "socket.getaddrinfo": "to look up an address",
    "socket.gethostbyname": "to look up an address",
    "socket.__new__": "to reach the network",
    "os.system": "to start another program",
    "os.exec": "to start another program",
    "os.posix_spawn": "to start another program",
    "subprocess.Popen": "to start another program",
    "os.killpg": "to end other processes",
}
ANSWERS = "to load the course's answers"
ASKING = "to ask another program about this machine"
HARMLESS = frozenset(("to look up an address", ASKING))
"""What honest notebooks do, too: read a table from the web, ask for versions, install a package."""

TEXTS = frozenset((*EVENTS.values(), *HARMLESS, ANSWERS))
"""All that can be noticed."""

ASKED = frozenset(
    (
        "uname", "nvidia-smi", "lscpu", "free", "df", "ls", "pwd", "cat", "which", "where", "file",
        "git", "pip", "pip3", "conda", "mamba", "uv", "apt", "apt-get", "clear", "cls", "sysctl",
        "lsb_release", "hostname", "nproc", "sw_vers", "ver", "date", "whoami", "dot", "latex",
        "ffmpeg", "fc-list", "rocm-smi", "ldconfig", "gcc", "cc", "c++", "g++", "locale",
    )
)  # fmt: skip
"""Programs that tell something, draw, or install."""

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
        if what == "to start another program" and _is_asking(event, arguments):
            what = ASKING
        if event == "import" and str(arguments[0]).startswith("gradcourse.exercises"):
            what = ANSWERS
        if what and len(_noticed) < MOST:
            _noticed[what] = None

    sys.addaudithook(hook)


def _is_asking(event: str, arguments: tuple[Any, ...]) -> bool:
    """Whether a program is started that only tells something; pip is started by Python, too."""
    command = arguments[1] if event == "subprocess.Popen" and len(arguments) > 1 else arguments[0]
    words = command.split() if isinstance(command, str | bytes) else [*(command or [])]
    texts = [w.decode("utf-8", "replace") if isinstance(w, bytes) else str(w) for w in words[:3]]
    if texts[:1] and texts[0].endswith(("/sh", "/bash")) and len(words) > 2:
        texts = str(words[2]).split()[:3]
    first = texts[0].rpartition("/")[2] if texts else ""
    installs = first.startswith("python") and texts[1:] in (["-m", "pip"], ["--version"])
    return first in ASKED or installs


def take() -> list[str]:
    """Return what was tried since the last time."""
    found = list(_noticed)
    _noticed.clear()
    return found
