"""Was it fair? What a result must say about a case, and what must not be left behind."""

from __future__ import annotations

import ctypes
import glob
import json
import os
import socket
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil

from corpus.build import MARK, ROOT, Case, Points
from corpus.text import read_case

SHORT = {"cell": 1.0, "question": 0.8, "submission": 20.0}
"""Limits in seconds: an endless loop is soon over."""

LONG = {"cell": 20.0, "question": 20.0}
"""For right work, which must not fail on a busy machine."""

MEGABYTES = ("memory", "disk", "notebook")

SMUGGLED = "SMUGGLED"
"""Stands in front of everything that a notebook tries to get into the result."""

LARGEST = 200_000
"""Characters of a result; a hostile notebook must not flood the gradebook."""

PLACES = (
    *("/tmp", "/var/tmp", "/dev/shm", "/", "/root", "/home", "/run", "/etc", "/usr/local"),
    *(str(ROOT), str(ROOT / "gradcourse"), str(ROOT.parent)),
)
"""Where nothing of a submission's may be found afterwards."""

_SUBREAPER = 36


def unfair(case: Case, result: Mapping[str, Any]) -> list[str]:
    """Return what is unfair or wrong about a result; empty when it is fair."""
    from gradcourse.exercises import assignment

    said: list[str] = []
    exercises = assignment(case.assignment)
    found = {question["id"]: question for question in result["questions"]}
    if list(found) != [exercise.id for exercise in exercises]:
        return [f"the questions are {list(found)}"]
    for exercise in exercises:
        low, high = _range(case.fair.get(exercise.id, 0.0))
        earned = found[exercise.id]["earned"]
        if not low <= earned <= high:
            because = found[exercise.id]["message"][:300]
            said.append(f"{exercise.id}: {earned} points, fair is {low} to {high}: {because}")
        if found[exercise.id]["possible"] != exercise.points:
            said.append(f"{exercise.id}: out of {found[exercise.id]['possible']}")
    if result["earned"] != sum(question["earned"] for question in found.values()):
        said.append(f"the sum is {result['earned']}")
    if result["possible"] != sum(exercise.points for exercise in exercises):
        said.append(f"the most is {result['possible']}")
    return said + _reasons(case, result) + _text(case, result)


def _range(points: Points) -> tuple[float, float]:
    return points if isinstance(points, tuple) else (points, points)


def codes(result: Mapping[str, Any]) -> set[str]:
    """Return all reason codes of a result."""
    found = {reason["code"] for reason in result["reasons"]}
    return found.union(*(question["reasons"] for question in result["questions"]))


def _reasons(case: Case, result: Mapping[str, Any]) -> list[str]:
    from gradcourse.grading.reasons import REASONS

    found = codes(result)
    said = [f"unknown reason {code}" for code in found - set(REASONS)]
    if "internal-error" in found:
        said.append("internal-error")
    if case.clean and (found or result["look"]):
        said.append(f"right work was reported for {sorted(found)}: {result['reasons']}")
    if case.reasons and not case.reasons & found:
        said.append(f"reasons {sorted(found)}, none of {sorted(case.reasons)}")
    if result["look"] and not found:
        said.append("a person shall look, but nothing says why")
    return said


def _text(case: Case, result: Mapping[str, Any]) -> list[str]:
    """The result is small plain data, holds no secret and nothing of this machine."""
    text = json.dumps(result, allow_nan=False, ensure_ascii=False)
    text.encode("utf-8")
    said = ["hidden inputs stand in the result"] if SMUGGLED in text else []
    if case.secret and case.secret in text:
        said.append(f"{case.secret} stands in the result")
    if str(ROOT) in text:
        said.append("a path of the grader stands in the result")
    if len(text) > LARGEST:
        said.append(f"the result has {len(text)} characters")
    bad = {c for c in text if (ord(c) < 32 and c not in "\n\t") or c in "\x7f\x9b\u202e\u2066"}
    if bad or "\\u001b" in text:
        said.append(f"control characters in the result: {bad}")
    return said


@contextmanager
def adopting_orphans() -> Iterator[None]:
    """Orphans of this process become its children, so that none is overlooked."""
    libc = ctypes.CDLL(None)
    libc.prctl(_SUBREAPER, 1, 0, 0, 0)
    try:
        yield
    finally:
        libc.prctl(_SUBREAPER, 0, 0, 0, 0)


def processes() -> set[int]:
    """Return every living process below this one."""
    found = set()
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):
            if process.status() != psutil.STATUS_ZOMBIE:
                found.add(process.pid)
    return found


def still_there(before: set[int], allowed: int, seconds: float = 3.0) -> set[int]:
    """Wait until not more processes are left than there were, and return those that are new."""
    deadline = time.monotonic() + seconds
    while True:
        now = processes()
        if len(now) <= allowed or time.monotonic() > deadline:
            break
        time.sleep(0.02)
    return now - before if len(now) > allowed else set()


def left_files() -> list[str]:
    """Return the files that a submission has left outside its own folder."""
    places = {*PLACES, tempfile.gettempdir(), os.path.expanduser("~"), os.getcwd()}
    return sorted({path for place in places for path in glob.glob(f"{place}/{MARK}*")})


def sweep() -> None:
    """Remove what a failed case left, so that the next one is judged alone."""
    for path in left_files():
        with suppress(OSError):
            Path(path).rmdir() if Path(path).is_dir() else Path(path).unlink()


_CALLS_HOME = """
TCP, UDP and Unix sockets
---- before
import socket
for family, kind, address in (
    (socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", {tcp})),
    (socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", {udp})),
    (socket.AF_INET6, socket.SOCK_STREAM, ("::1", {tcp})),
    (socket.AF_UNIX, socket.SOCK_STREAM, chr(0) + "{mark}"),
    (socket.AF_UNIX, socket.SOCK_DGRAM, chr(0) + "{mark}-datagram"),
    (socket.AF_UNIX, socket.SOCK_STREAM, "{path}"),
):
    try:
        with socket.socket(family, kind) as s:
            s.settimeout(0.2)
            s.connect(address)
            s.send(b"SMUGGLED")
    except OSError:
        pass
"""


def _calling_home(tcp: int, udp: int, path: str) -> Case:
    return read_case(_CALLS_HOME.format(tcp=tcp, udp=udp, mark=MARK, path=path))


@contextmanager
def listeners() -> Iterator[tuple[Case, Callable[[], list[str]]]]:
    """Listen on every kind of socket. Gives the case that calls, and who was reached."""
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/socket"
        unix, inet = socket.AF_UNIX, socket.AF_INET
        kinds = {
            "TCP": (inet, socket.SOCK_STREAM, ("127.0.0.1", 0)),
            "UDP": (inet, socket.SOCK_DGRAM, ("127.0.0.1", 0)),
            "Unix, abstract": (unix, socket.SOCK_STREAM, f"\0{MARK}"),
            "Unix datagram, abstract": (unix, socket.SOCK_DGRAM, f"\0{MARK}-datagram"),
            "Unix": (unix, socket.SOCK_STREAM, path),
        }
        bound = {}
        for name, (family, kind, address) in kinds.items():
            bound[name] = opened = socket.socket(family, kind)
            opened.bind(address)
            opened.settimeout(0.05)
            if kind is socket.SOCK_STREAM:
                opened.listen()

        def reached() -> list[str]:
            found = []
            for name, opened in bound.items():
                with suppress(TimeoutError):
                    stream = kinds[name][1] is socket.SOCK_STREAM
                    _ = opened.accept()[0].close() if stream else opened.recv(10)
                    found.append(name)
            return found

        try:
            tcp, udp = (bound[name].getsockname()[1] for name in ("TCP", "UDP"))
            yield _calling_home(tcp, udp, path), reached
        finally:
            for opened in bound.values():
                opened.close()


def grade(case: Case) -> dict[str, Any]:
    """Grade a case with the corpus's short limits."""
    from gradcourse.grading import Limits, grade_one

    own = {name: round(n) << 20 if name in MEGABYTES else n for name, n in case.limits.items()}
    limits = Limits(**{**SHORT, **(LONG if case.clean else {}), **own})
    return grade_one(case.make(), case.assignment, limits=limits).to_dict()
