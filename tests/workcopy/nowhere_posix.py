"""Hide what Windows lacks from the course's own modules, in this process and its children.

Read by `sitecustomize`, which Python loads into every process. Other libraries look at the
platform before they import such a module, and are left alone.
"""

from __future__ import annotations

import builtins
import os
import signal
from typing import Any

MODULES = (
    "fcntl",
    "resource",
    "termios",
    "pty",
    "tty",
    "pwd",
    "grp",
    "syslog",
    "readline",
    "crypt",
)
OF_OS = (
    *("fork", "forkpty", "execv", "execve", "execvp", "execvpe", "execl", "execlp", "spawnvp"),
    *("geteuid", "getuid", "getgid", "setsid", "setpgid", "killpg", "wait", "wait3", "wait4"),
    *("mkfifo", "uname", "nice", "getpgid", "sched_getaffinity", "pread", "memfd_create"),
)
OF_SIGNAL = ("SIGALRM", "SIGKILL", "SIGHUP", "SIGUSR1", "setitimer", "alarm", "pthread_kill")
OURS = ("gradcourse", "__main__")


class _Without:
    """A module without some of its names."""

    def __init__(self, module: Any, hidden: tuple[str, ...]) -> None:
        self.__dict__.update(_module=module, _hidden=hidden)

    def __getattr__(self, name: str) -> Any:
        if name in self._hidden:
            raise AttributeError(f"{name} is hidden: Windows has none")
        return getattr(self._module, name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._module, name, value)


def hide() -> None:
    real = builtins.__import__
    replaced = {"os": _Without(os, OF_OS), "signal": _Without(signal, OF_SIGNAL)}

    def importing(
        name: str, globals: Any = None, locals: Any = None, fromlist: Any = (), level: int = 0
    ) -> Any:
        importer = str((globals or {}).get("__name__", ""))
        if level == 0 and importer.partition(".")[0] in OURS:
            if name in MODULES:
                raise ImportError(f"{name} is hidden: Windows has none")
            if name in replaced:
                return replaced[name]
        return real(name, globals, locals, fromlist, level)

    builtins.__import__ = importing
