"""One notebook in, one mark out: a function of bytes that holds all of class grading together."""

from __future__ import annotations

import functools
import secrets
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from gradcourse.checking.exercise_notebook import Notebook
from gradcourse.checking.question import Commitment, Question
from gradcourse.exercises.registry import assignment as questions_of
from gradcourse.grading.intake.contents import (
    Contents,
    assignment_of,
    has_cells_of,
    other_assignment,
    read,
)
from gradcourse.grading.mark import Mark, QuestionMark, Reason
from gradcourse.grading.one.measure_once import measured_once
from gradcourse.grading.one.plan import Plan, plan
from gradcourse.grading.one.run import Ran, Running
from gradcourse.grading.sandbox.budget import Limits
from gradcourse.grading.sandbox.zygotes import Lost, Zygote, borrowed, warm
from gradcourse.support import GradcourseError

MOST_REASONS = 40


def grade_one(
    notebook: bytes,
    assignment: str | None = None,
    *,
    limits: Limits | None = None,
    trusted: bool = False,
    seed: int | None = None,
    questions: Sequence[Question] | None = None,
    without: frozenset[str] = frozenset(),
    files: Mapping[str, bytes] | None = None,
) -> Mark:
    """Grade one notebook, whatever it does.

    Parameters
    ----------
    notebook : bytes
        As it was handed in.
    assignment : str, optional
        "02"; by default found out from the notebook.
    limits : Limits, optional
        What it may use.
    trusted : bool
        Grade it even where nothing keeps it from the rest of this machine.
    seed : int, optional
        Fixes the random inputs of all questions; by default secret ones of this process.
    questions : sequence of Question, optional
        Ask these instead of the assignment's.
    without : frozenset of str
        Layers of the sandbox to leave out, for tests.
    files : mapping of str to bytes, optional
        What was handed in beside it, by its place from there: "helpers.py", "data/a.csv".

    Returns
    -------
    Mark
        For every way in which a submission can be broken, too: then its ``reasons`` say how.

    Raises
    ------
    GradcourseError
        If there is no such assignment, or this machine cannot grade.
    """
    started = time.monotonic()
    _refuse_windows()
    limits = limits or Limits()
    contents = read(notebook, limits.notebook)
    asked = _which(contents, assignment, questions)
    todo = plan(contents.notebook, asked.questions)
    running = _Asking(limits, trusted, _seed() if seed is None else seed, without, files or {})
    ran = running.run(todo)
    mark = _mark(contents, asked, todo, ran)
    return replace(mark, trusted=trusted, seconds=round(time.monotonic() - started, 4))


class Grader:
    """What grades the notebooks of a class; a test may put another in its place."""

    def prepare(self, notebook: bytes, assignment: str | None) -> None:
        """Do once per process and assignment what takes seconds.

        Raises
        ------
        GradcourseError
            If the sandbox does not start.
        """
        _prepare(assignment or assignment_of(read(notebook, len(notebook)).notebook))

    def grade(
        self,
        notebook: bytes,
        assignment: str | None,
        *,
        trusted: bool,
        seed: int | None,
        files: Mapping[str, bytes] | None = None,
    ) -> Mark:
        """Grade one notebook; see `grade_one`."""
        return grade_one(notebook, assignment, trusted=trusted, seed=seed, files=files)


@functools.cache
def _prepare(assignment: str | None) -> None:
    """While the sandbox starts, measure what predictions are held against."""
    warm()
    for exercise in questions_of(assignment) if assignment else ():
        if isinstance(exercise, Commitment):
            with suppress(Exception):  # the question itself will say so
                measured: Any = measured_once(exercise)
                measured.measure()
    with borrowed() as zygote:
        assert zygote.layers  # waits until it is there


def _refuse_windows() -> None:
    if not sys.platform.startswith(("linux", "darwin")):
        raise GradcourseError("class grading needs Linux; on Windows, run it inside WSL")


@dataclass(frozen=True)
class _Asked:
    """Which assignment is graded, its questions, and what is odd about that."""

    assignment: str | None
    questions: tuple[Question, ...] = ()
    reasons: tuple[Reason, ...] = ()


def _which(
    contents: Contents, assignment: str | None, questions: Sequence[Question] | None
) -> _Asked:
    if questions is not None:
        return _Asked(assignment, tuple(questions))
    notebook = contents.notebook
    assignment = assignment or assignment_of(notebook)
    if assignment is None:
        return _Asked(None, (), () if contents.reasons else (Reason("unknown-assignment"),))
    asked = _Asked(assignment, questions_of(assignment))
    other = other_assignment(notebook, assignment)
    if other is None:
        return asked
    text = f"It is a notebook of assignment {other}, and was graded as {assignment}."
    return replace(asked, reasons=(Reason("other-assignment", text=text),))


@dataclass(frozen=True)
class _Asking:
    """How a submission is run."""

    limits: Limits
    trusted: bool
    seed: int
    without: frozenset[str]
    files: Mapping[str, bytes]

    def run(self, todo: Plan) -> Ran:
        """Run a submission; once more where it took the whole sandbox with it."""
        if not todo.questions:
            return Ran()
        exercises = [measured_once(exercise) for exercise in todo.questions]
        for _ in range(2):
            with suppress(Lost), borrowed(self.without) as zygote:
                _refuse_if_open(zygote, self.trusted)
                running = Running(zygote, todo, self.limits, self.seed, self.files)
                return running.all(exercises)
        return Ran(reasons=(Reason("killed", text="It ended the sandbox itself, twice."),))


def _refuse_if_open(zygote: Zygote, trusted: bool) -> None:
    if trusted or zygote.isolates:
        return
    why = "; ".join(f"{name} {text}" for name, text in zygote.layers.items() if text != "on")
    raise GradcourseError(
        "nothing on this machine keeps a submission from your files and the network "
        f"({why}): grade on Linux 5.13 or newer, or pass --trusted if you trust every learner"
    )


def _mark(contents: Contents, asked: _Asked, todo: Plan, ran: Ran) -> Mark:
    reasons = [*contents.reasons, *asked.reasons]
    if ran.questions:
        reasons += [*todo.reasons, *ran.reasons, *_no_answers(contents.notebook, asked, ran)]
    elif asked.questions and not contents.notebook.cells and not reasons:
        reasons.append(Reason("no-answers", text="It has no code cell."))
    else:
        reasons += ran.reasons
    return Mark(
        asked.assignment,
        ran.questions or tuple(map(QuestionMark.blank, asked.questions)),
        tuple(dict.fromkeys(reasons))[:MOST_REASONS],
        run=ran.cells,
        failed=ran.failed,
        sandbox=ran.layers,
        crowded=ran.crowded,
    )


def _no_answers(notebook: Notebook, asked: _Asked, ran: Ran) -> Iterator[Reason]:
    """That it holds none of the answers, and why it seems so."""
    if notebook.lesson:
        text = "It is the notebook of a lesson, not of its exercises."
        yield Reason("no-answers", text=text)
    elif not any(mark.earned for mark in ran.questions) and not has_cells_of(
        notebook, asked.questions
    ):
        text = "It has no cell of the assignment's notebook, and nothing in it earned points."
        yield Reason("no-answers", text=text)
    elif not ran.defined_anything and not any(mark.reasons for mark in ran.questions):
        yield Reason("no-answers")


@functools.cache
def _seed() -> int:
    """The secret seed of this process: all its submissions meet the same random inputs."""
    return secrets.randbits(64)
