"""The exercises of the course, found by id, and what a notebook asks of them."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from gradcourse.checking.engine import LIMIT
from gradcourse.checking.engine import check as _check
from gradcourse.checking.progress import Progress
from gradcourse.checking.show import points
from gradcourse.checking.table import Row, Table
from gradcourse.checking.values import as_number
from gradcourse.checking.verdict import Verdict
from gradcourse.exercises.ending import ending_of_exercises
from gradcourse.exercises.guesses import intuition
from gradcourse.exercises.my_record import progress
from gradcourse.exercises.registry import (
    all_exercises,
    assignment,
    assignment_names,
    get,
    names_beside,
    solution_notebook,
)
from gradcourse.lessons import lesson
from gradcourse.support import GradcourseError, has_kernel, running_shell

if TYPE_CHECKING:
    from gradcourse.checking.question import Question

__all__ = [
    "all_exercises",
    "assignment",
    "assignment_names",
    "bet",
    "check",
    "get",
    "intuition",
    "panel",
    "progress",
    "run_check_command",
    "score",
]


def check(
    id: str, *answer: Any, seed: int | None = None, limit: float = LIMIT, **named: Any
) -> Verdict:
    """Check an answer to one exercise: the plain twin of its panel.

    Parameters
    ----------
    id : str
        "chain/lyapunov".
    *answer : callable or value
        The answer; of an exercise that asks for several, all of them in order.
    seed : int, optional
        Fixes the random inputs; by default they are fresh each time.
    limit : float
        Seconds that your code may run.
    **named : callable or value
        The answers by name, instead: ``check("tune/two", gain=1.2, bias=0.1)``.

    Returns
    -------
    Verdict

    Raises
    ------
    GradcourseError
        If there is no such exercise, or the answers cannot be told apart.

    Examples
    --------
    >>> check("start/gradient-after", lambda r, L: r**L, seed=0).right
    True
    """
    exercise = get(id)
    unknown = [name for name in named if name not in exercise.answers]
    if unknown:
        raise GradcourseError(
            f"{exercise.id} asks for {', '.join(exercise.answers)}; {unknown[0]!r} is none of them"
        )
    if answer and named:
        raise GradcourseError(
            f"{exercise.id}: the answer was given both with and without its name: choose one way"
        )
    given: Any = answer[0] if len(answer) == 1 else answer
    verdict = _check(exercise, given if answer else named, seed=seed, limit=limit)
    # What earns nothing has no panel in an exercise notebook, but a place in the learner's record.
    if not exercise.points and has_kernel():
        Progress.default().record(verdict)
    return verdict


def panel(id: str) -> None:
    """Show the panel of one exercise and check the answer that the notebook holds now.

    Parameters
    ----------
    id : str
        "chain/lyapunov".

    Raises
    ------
    GradcourseError
        If there is no such exercise.
    """
    from gradcourse.checking.panel import show_panel

    exercise = get(id)
    solution, others = solution_notebook(exercise), names_beside(exercise)
    show_panel(exercise, _notebook, solution=solution, others=others)


def bet(id: str) -> float | None:
    """Return the number that you locked in for a prediction, or None if there is none.

    Parameters
    ----------
    id : str
        "diagnosis/hits".

    Raises
    ------
    GradcourseError
        If there is no such exercise.
    """
    return as_number(Progress.default().locked(get(id).id))


def score(name: str, namespace: Mapping[str, Any] | None = None, limit: float = LIMIT) -> Table:
    """Check all answers of one assignment that the notebook holds now.

    Parameters
    ----------
    name : str
        The assignment's number: "01".
    namespace : mapping, optional
        From names to functions and values; by default those of the notebook.
    limit : float
        Seconds that your code may run, per question.

    Returns
    -------
    Table
        One line per question; the last says "3 of 14 points". Your progress is not touched.
        When all are right, what comes next.

    Raises
    ------
    GradcourseError
        If there is no such assignment.
    """
    answers = _notebook() if namespace is None else namespace
    rows = tuple(_score_row(exercise, answers, limit) for exercise in assignment(name))
    table = Table(f"Assignment {name}", rows)
    if any(row.status != "right" for row in rows):
        return table
    ending = ending_of_exercises(lesson(str(name)), points(table.possible))
    return Table(table.title, rows, ending=ending)


def _score_row(exercise: Question, namespace: Mapping[str, Any], limit: float) -> Row:
    verdict = _check(exercise, answers_in(exercise, namespace), limit=limit)
    note = "; ".join(verdict.misconceptions)
    return Row(exercise.id, exercise.title, verdict.status, verdict.earned, exercise.points, note)


def answers_in(exercise: Question, namespace: Mapping[str, Any]) -> dict[str, Any]:
    """Return those of the exercise's answers that a namespace holds."""
    return {name: namespace[name] for name in exercise.answers if name in namespace}


def run_check_command(paths: list[str], as_json: bool) -> int:
    """Check exercise notebooks, print the verdicts, and return the exit code.

    Returns
    -------
    int
        0 when every notebook could be checked, whatever the scores; 2 when one could not, with
        one line on stderr that says why.
    """
    from gradcourse.exercises.check_command import run_check_command as run

    return run(paths, as_json)


def _notebook() -> Mapping[str, Any]:
    """Return the names of the notebook, or of the script that was started."""
    shell = running_shell()
    if shell is not None:
        names: Mapping[str, Any] = shell.user_ns
        return names
    return vars(sys.modules["__main__"])
