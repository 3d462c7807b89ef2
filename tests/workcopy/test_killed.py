"""A process that is killed at any moment loses nothing, and the next one does the rest.

The child counts every call by which a file can come to be or to change, and kills itself before
the n-th; n goes up until the child comes to its end.
"""

from __future__ import annotations

import io
import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pages import EXERCISE, LESSON, cell, exercise, lesson, put, read, small_course, text, write_in

from gradcourse.workcopy import WorkingCopy
from gradcourse.workcopy.news import NEWS

MINE = "def power(w, T):\n    return w**T"
CALLS = ("replace", "fsync", "open", "mkdir", "chmod", "unlink", "fdopen")
MOST = 400


def killed_at(number: int, work: Callable[[], Any]) -> bool:
    """Run in a child that dies before its n-th call; return whether it did die."""
    child = os.fork()
    if child == 0:
        try:
            _die_at(number)
            work()
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)


def _die_at(number: int) -> None:
    left = [number]

    def counting(real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*words: Any, **named: Any) -> Any:
            left[0] -= 1
            if left[0] == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*words, **named)

        return call

    for name in CALLS:
        setattr(os, name, counting(getattr(os, name)))
    writer = io.BufferedWriter

    class Torn(writer):  # type: ignore[misc,valid-type]
        """A write that stops half way."""

        def write(self, data: Any) -> int:
            left[0] -= 1
            if left[0] == 0:
                super().write(bytes(data)[: len(data) // 2])
                super().flush()
                os.kill(os.getpid(), signal.SIGKILL)
            return super().write(data)

    def fdopen(descriptor: int, mode: str = "r", *words: Any, **named: Any) -> Any:
        if mode == "wb":
            return Torn(io.FileIO(descriptor, "wb"))
        return real_fdopen(descriptor, mode, *words, **named)

    real_fdopen = os.fdopen
    os.fdopen = fdopen


def tree(folder: Path) -> dict[str, bytes]:
    """Every file but what an interrupted write may leave, and the note of when pages came."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.startswith(".") and path != folder / NEWS
    }


@pytest.fixture
def worked(copy: WorkingCopy) -> WorkingCopy:
    """Answered, and the course has a new edition of two pages, and one more."""
    write_in(copy, EXERCISE, "one-answer", MINE, printed="8")
    cells = [*exercise(), text("end", "## 3 · New")]
    cells[1].source += " New."
    put(copy.shelf.root, EXERCISE, cells)
    put(copy.shelf.root, LESSON, [*lesson(), text("end", "The end.")])
    put(copy.shelf.root, "lessons/01_next.ipynb", lesson())
    return copy


def every_moment(start: WorkingCopy, work: Callable[[WorkingCopy], Any]) -> Any:
    """Yield the working copy after a kill at each moment, from the same start each time."""
    place = start.folder.parent / "tried"
    for number in range(1, MOST):
        shutil.rmtree(place, ignore_errors=True)
        if start.folder.exists():
            shutil.copytree(start.folder, place)
        tried = WorkingCopy(place, start.shelf)
        died = killed_at(number, lambda tried=tried: work(tried))
        yield tried
        if not died:
            assert number > 10
            return
    raise AssertionError("it never came to its end")


def test_update_killed_at_any_moment(worked: WorkingCopy) -> None:
    whole = WorkingCopy(worked.folder.parent / "whole", worked.shelf)
    shutil.copytree(worked.folder, whole.folder)
    whole.update()
    for tried in every_moment(worked, WorkingCopy.update):
        answer = cell(read(tried, EXERCISE), "one-answer")
        assert (answer.source, answer.outputs[0].text) == (MINE, "8")
        tried.update()
        assert tree(tried.folder) == tree(whole.folder)
        left = list(tried.folder.rglob(".*.ipynb.*"))
        assert left == []


def test_laying_killed_at_any_moment(tmp_path: Path) -> None:
    start = WorkingCopy(tmp_path / "nothing", small_course(tmp_path / "course"))
    whole = WorkingCopy(tmp_path / "whole", start.shelf)
    whole.lay()
    for tried in every_moment(start, WorkingCopy.lay):
        tried.lay()
        assert tree(tried.folder) == tree(whole.folder)
        assert not tried.is_behind()


def test_reset_killed_at_any_moment(copy: WorkingCopy) -> None:
    write_in(copy, EXERCISE, "one-answer", MINE)
    before = (copy.folder / EXERCISE).read_bytes()
    for tried in every_moment(copy, lambda tried: tried.reset("03/1")):
        now = (tried.folder / EXERCISE).read_bytes()
        copies = [path.read_bytes() for path in (tried.folder / "copies").glob("*.ipynb")]
        assert now == before or before in copies
        read(tried, EXERCISE)
