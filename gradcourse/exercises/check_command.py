"""`gradcourse check FILE…`: the verdicts on exercise notebooks, outside the notebook."""

from __future__ import annotations

import json
import os
import queue
import re
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from gradcourse.checking.exercise_notebook import CELL_LIMIT, Notebook, read_notebook
from gradcourse.checking.progress import VARIABLE
from gradcourse.checking.verdict import PartResult, Verdict, score_text
from gradcourse.exercises.registry import all_exercises, assignment, assignment_names, get
from gradcourse.support import GradcourseError

GRACE = 20
"""Seconds beyond a cell's limit after which the process is ended."""

QUESTION_LIMIT = 120
START_LIMIT = 120


def run_check_command(paths: Sequence[str], as_json: bool) -> int:
    """Check the notebooks, print the verdicts, and return the exit code.

    See `gradcourse.exercises.run_check_command`.
    """
    checked, failed = [], False
    for path in paths:
        try:
            checked.append((path, check_file(path)))
        except GradcourseError as error:
            failed = True
            print(f"gradcourse check: {error}", file=sys.stderr)
    if as_json:
        print(json.dumps([as_dict(*one) for one in checked], indent=2, ensure_ascii=False))
    elif checked:
        print("\n\n".join(as_text(*one) for one in checked))
    return 2 if failed else 0


def check_files(paths: Sequence[str]) -> list[dict[str, Any]]:
    """Check notebooks and return one dict per file.

    Returns
    -------
    list of dict
        ``{"notebook", "earned", "possible", "questions": [{"id", "earned", "possible",
        "message"}]}``

    Raises
    ------
    GradcourseError
        If a file cannot be checked; the message names it.
    """
    return [as_dict(path, check_file(path)) for path in paths]


def as_dict(path: str, verdicts: Sequence[Verdict]) -> dict[str, Any]:
    """Return one notebook's result as plain data."""
    return {
        "notebook": str(path),
        "earned": sum(verdict.earned for verdict in verdicts),
        "possible": sum(verdict.possible for verdict in verdicts),
        "questions": [
            {
                "id": verdict.id,
                "earned": verdict.earned,
                "possible": verdict.possible,
                "message": verdict.message,
            }
            for verdict in verdicts
        ],
    }


def as_text(path: str, verdicts: Sequence[Verdict]) -> str:
    """Return one notebook's result as text: the verdicts, and the sum."""
    total = score_text(sum(v.earned for v in verdicts), sum(v.possible for v in verdicts))
    return "\n".join([f"{path}", *map(repr, verdicts), f"{path}: {total}"])


def check_file(path: str) -> list[Verdict]:
    """Run one notebook in a process of its own and return the verdict on every question.

    A cell that ends its process, or will not stop, is left out in a second run, and so on.

    Raises
    ------
    GradcourseError
        If the file is missing, no notebook, or holds no exercise of the course.
    """
    file = Path(path)
    name = assignment_of(read_notebook(file), file)
    skip_cells: dict[int, str] = {}
    lost: dict[str, str] = {}
    while True:
        verdicts, place, reason = _run_child(file, name, skip_cells, list(lost))
        if place is None:
            break
        if isinstance(place, int):
            skip_cells[place] = reason
        else:
            lost[place] = reason
    by_id = {verdict.id: verdict for verdict in verdicts}
    return [
        by_id[exercise.id] if exercise.id in by_id else _lost(exercise.id, lost[exercise.id])
        for exercise in assignment(name)
    ]


def _lost(id: str, reason: str) -> Verdict:
    exercise = get(id)
    part = PartResult(
        exercise.title, "wrong", 0.0, exercise.points, f"While this was checked, {reason}."
    )
    return Verdict(id, exercise.title, (part,))


def assignment_of(notebook: Notebook, path: Path) -> str:
    """Return which assignment a notebook answers: by its metadata, its cells or its name.

    Raises
    ------
    GradcourseError
        If none of them tells.
    """
    if notebook.assignment in assignment_names():
        return notebook.assignment
    for exercise in all_exercises():
        if exercise.points and notebook.has_cell_of(exercise.id):
            return next(name for name in assignment_names() if exercise in assignment(name))
    prefix = re.match(r"\d\d(?!\d)", path.name)
    if prefix and prefix.group() in assignment_names() and not notebook.lesson:
        return prefix.group()
    raise GradcourseError(
        f"{path}: no exercise of this course is in it: give a notebook made from "
        f"exercises/ (assignments {', '.join(assignment_names())})"
    )


def _run_child(
    path: Path, name: str, skip_cells: dict[int, str], skip_questions: list[str]
) -> tuple[list[Verdict], int | str | None, str]:
    """Run the notebook once.

    Returns
    -------
    tuple
        The verdicts; and when the process did not come to its end, the cell or the question at
        which it stopped, and why.
    """
    verdicts: list[Verdict] = []
    place: int | str | None = None
    limit = float(START_LIMIT)
    job = {
        "path": str(path.resolve()),
        "assignment": name,
        "skip_cells": skip_cells,
        "skip_questions": skip_questions,
    }
    with tempfile.TemporaryDirectory() as private:
        process = _start(job, path.resolve().parent, private)
        try:
            events = _lines(process)
            while True:
                try:
                    event = events.get(timeout=limit)
                except queue.Empty:
                    return _stopped(verdicts, place, "it would not stop")
                if event is None:
                    return _stopped(verdicts, place, "it ended the whole process")
                if "done" in event:
                    return verdicts, None, ""
                if "cell" in event:
                    place, limit = event["cell"], CELL_LIMIT + GRACE
                elif "question" in event:
                    place, limit = event["question"], QUESTION_LIMIT
                elif "verdict" in event:
                    verdicts.append(Verdict.from_dict(event["verdict"]))
        finally:
            process.kill()
            process.wait()


def _stopped(
    verdicts: list[Verdict], place: int | str | None, reason: str
) -> tuple[list[Verdict], int | str, str]:
    if place is None:
        raise GradcourseError(
            "the process that runs the notebook did not start: try `gradcourse doctor`"
        )
    return verdicts, place, reason


def _start(job: dict[str, Any], folder: Path, private: str) -> subprocess.Popen[str]:
    package = str(Path(__file__).parents[2])
    paths = [package, *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(paths),
        "IPYTHONDIR": private,
        "MPLBACKEND": "Agg",
        VARIABLE: "off",
    }
    environment.setdefault("OMP_NUM_THREADS", "1")
    # -P: a random.py beside the notebook must not stand in for Python's own while we start.
    command = [sys.executable, "-P", "-m", "gradcourse.exercises.check_child", json.dumps(job)]
    return subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        encoding="utf-8",
    )


def _lines(process: subprocess.Popen[str]) -> queue.Queue[dict[str, Any] | None]:
    """Read the child's events in a thread, so that waiting for one can end."""
    events: queue.Queue[dict[str, Any] | None] = queue.Queue()

    def objects() -> Iterator[dict[str, Any]]:
        assert process.stdout is not None
        for line in process.stdout:
            try:
                event = json.loads(line)
            except ValueError:
                continue
            if isinstance(event, dict):
                yield event

    def read() -> None:
        for event in objects():
            events.put(event)
        events.put(None)

    threading.Thread(target=read, daemon=True).start()
    return events
