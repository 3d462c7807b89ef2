"""A sign of life from a cell, or a script, that takes long.

In a notebook every cell that runs for more than a moment shows how long it has been running, and,
where a loop of the course counts its rounds, how far it is; when the cell is done, nothing is left
of that. `import gradcourse` switches it on. Kernels that no person sits at (a build, nbconvert,
nbval) are told apart by what their requests allow: nobody could answer an ``input()``; they show
nothing, so that stored outputs stay what the cells print. In a terminal the count is written on
stderr, over itself, and wiped out.
"""

from __future__ import annotations

import contextlib
import contextvars
import html
import sys
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeVar

from gradcourse.support import has_kernel, running_shell

Item = TypeVar("Item")

PATIENCE = 1.5
"""Seconds before anything is shown."""

EVERY = 0.5
"""Seconds between two looks."""


@dataclass
class Loop:
    """A loop that counts its rounds: "training 3: step 40 of 400" is the third of its kind."""

    what: str
    unit: str
    total: int
    number: int = 1
    done: int = 0

    @property
    def words(self) -> str:
        """Which round it is in."""
        which = f"{self.what}{f' {self.number}' if self.number > 1 else ''}: " if self.what else ""
        return f"{which}{self.unit} {min(self.done + 1, self.total)} of {self.total}"


@dataclass
class Life:
    """What is known of the work that runs now: since when, and which loops it is in.

    Only the main thread counts. A widget's callback works in another one, and shows its own bar.
    """

    since: float = 0.0
    loops: list[Loop] = field(default_factory=list)
    over: Counter[str] = field(default_factory=Counter)
    """How many loops of each kind have ended in this cell."""
    show: Callable[[str, float | None], None] | None = None
    """Shows words and a share; in a terminal only, where no thread looks."""

    @property
    def share(self) -> float | None:
        """How much of the outermost loop is done, with what the inner ones have done of a round."""
        share: float | None = None
        for loop in reversed(list(self.loops)):
            share = min(1.0, (loop.done + (share or 0.0)) / max(1, loop.total))
        return share

    @property
    def words(self) -> str:
        """What is running: "network 2 of 5 · training 2: step 300 of 400 · 7 s"."""
        return " · ".join(
            [*(loop.words for loop in list(self.loops)), f"{time.monotonic() - self.since:.0f} s"]
        )


_life = Life()
# There is one screen to show it on, so there is one.


def counted(items: Iterable[Item], unit: str, total: int, what: str = "") -> Iterator[Item]:
    """Yield the items of a loop and count them where a person may be waiting.

    Parameters
    ----------
    items : iterable
    unit : str
        What one of them is: "network", "step".
    total : int
        How many there are.
    what : str
        What the whole loop is, where a cell has several: "training".
    """
    with counting(unit, total, what) as step:
        for done, item in enumerate(items):
            step(done)
            yield item


@contextlib.contextmanager
def counting(unit: str, total: int, what: str = "") -> Iterator[Callable[[int], None]]:
    """Give a function to be called with the number of rounds that are done."""
    if threading.current_thread() is not threading.main_thread():
        yield lambda done: None
        return
    alone = not _life.loops and not has_kernel()
    if alone:
        _life.since, _life.show = time.monotonic(), _on_stderr()
        _life.over.clear()
    loop = Loop(what, unit, total, _life.over[what] + 1)
    _life.loops.append(loop)
    shown = [_life.since + PATIENCE - EVERY]

    def step(done: int) -> None:
        loop.done = done
        now = time.monotonic()
        if _life.show is not None and now - shown[0] >= EVERY:
            shown[0] = now
            _life.show(_life.words, _life.share)

    try:
        yield step
    finally:
        _life.over[what] += 1
        _life.loops = [one for one in _life.loops if one is not loop]
        if alone and _life.show is not None:
            _life.show("", None)
            _life.show = None


def _on_stderr() -> Callable[[str, float | None], None] | None:
    """Write over the same line of a terminal; None where stderr is a file or a pipe."""
    stream = sys.stderr
    if stream is None or not stream.isatty():
        return None
    written = [0]

    def show(words: str, _share: float | None) -> None:
        if words or written[0]:
            stream.write(f"\r{words:<{written[0]}}" + ("" if words else "\r"))
            stream.flush()
            written[0] = len(words)

    return show


# ── In a notebook ────────────────────────────────────────────────────────────────────────────────


@dataclass
class CellWatch:
    """Watches one kernel's cells from a thread, and shows those that take long."""

    shell: Any
    over: threading.Event = field(default_factory=threading.Event)
    watcher: threading.Thread | None = None

    def begin(self, _info: Any) -> None:
        """Note that a cell has begun; IPython calls this."""
        _life.since = time.monotonic()
        _life.loops, _life.over = [], Counter()
        if not getattr(self.shell.kernel, "_allow_stdin", False):
            return
        self.over = threading.Event()
        # The thread's messages belong to this cell, which the context says.
        context = contextvars.copy_context()
        work = (self._watch, self.over)
        self.watcher = threading.Thread(target=context.run, args=work, daemon=True)
        self.watcher.start()

    def end(self, _result: Any) -> None:
        """Note that it is over, and wait for the last word: after the cell nobody listens."""
        self.over.set()
        if self.watcher is not None:
            self.watcher.join(timeout=1.0)
            self.watcher = None

    def _watch(self, over: threading.Event) -> None:
        if over.wait(PATIENCE):
            return
        name = uuid.uuid4().hex
        # What cannot be shown is not worth an error in a learner's cell.
        with contextlib.suppress(Exception):
            self._publish(name, _bundle(_life.words, _life.share), update=False)
            while not over.wait(EVERY):
                self._publish(name, _bundle(_life.words, _life.share), update=True)
            self._publish(name, {}, update=True)

    def _publish(self, name: str, data: dict[str, str], update: bool) -> None:
        self.shell.display_pub.publish(data, {}, transient={"display_id": name}, update=update)


def _bundle(words: str, share: float | None) -> dict[str, str]:
    value = "" if share is None else f' value="{share:.3f}"'
    bar = f'<progress{value} aria-label="this cell" style="width:220px;vertical-align:middle">'
    said = (
        f'<span style="opacity:.75;font-variant-numeric:tabular-nums">{html.escape(words)}</span>'
    )
    return {"text/html": f"{bar}</progress> &nbsp;{said}", "text/plain": f"running … {words}"}


def watch_cells() -> None:
    """Watch the cells of this kernel, once; elsewhere do nothing."""
    shell = running_shell()
    if not has_kernel() or getattr(shell, "gradcourse_watch", None) is not None:
        return
    watch = CellWatch(shell)
    shell.gradcourse_watch = watch
    shell.events.register("pre_run_cell", watch.begin)
    shell.events.register("post_run_cell", watch.end)
