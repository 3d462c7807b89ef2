"""One exercise before its author's eyes: what it asks and knows, and whether the rules hold."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from gradcourse.checking import show
from gradcourse.checking.call import call_trusted
from gradcourse.checking.code import function_of
from gradcourse.checking.question import (
    Choice,
    CodeExercise,
    Function,
    Part,
    Played,
    Prediction,
    Question,
    Tuning,
)
from gradcourse.exercises import get
from gradcourse.exercises.rules import rules_for, truth_of
from gradcourse.lessons import lesson_about

WIDTH = 100


def run_exercise_command(root: Path, id: str) -> int:
    """Print what there is to know of an exercise, then try the rules.

    Returns
    -------
    int
        0 when every rule holds, 1 when one does not.

    Raises
    ------
    GradcourseError
        If there is no such exercise.
    """
    question = get(id)
    for line in described(root, question):
        print(line)
    print("\nRules")
    broken = 0
    for rule in rules_for(question):
        problems = list(rule(question))
        broken += bool(problems)
        says = (rule.__doc__ or "").splitlines()[0]
        print(f"{'✗' if problems else '✓'} {says}", flush=True)
        for problem in problems:
            print(textwrap.indent(problem, "    "))
    return int(broken > 0)


def described(root: Path, question: Question) -> Iterator[str]:
    """Yield the lines that tell an instructor what a question asks, tests and knows.

    Parameters
    ----------
    root : Path
        The course's folder, where its sources stand.
    question : Question
        Of any kind.
    """
    worth = f"{show.points(question.points)} points" if question.points != 1 else "1 point"
    yield f"{question.id} · {question.title} · {worth}"
    lesson = lesson_about(question.id.partition("/")[0])
    if lesson is not None:
        yield f"  lesson {lesson.number}, {lesson.title}"
    yield from (f"  {place}" for place in places(root, question.id))
    if question.question:
        yield from _wrapped(question.question, "  ")
    yield from _ABOUT[type(question)](question)
    if question.hints:
        yield "\nHints"
        for number, hint in enumerate(question.hints, start=1):
            yield from _wrapped(f"{number}  {hint}", "  ", hanging="   ")


def places(root: Path, id: str) -> list[str]:
    """Return where notebooks show an exercise's panel, with the line of the source."""
    shown = []
    for path in sorted((root / "source").glob("*/*.py")):
        notebook = f"{path.parent.name}/{path.stem}.ipynb"
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            if re.search(rf'panel\("{re.escape(id)}"\)', line):
                shown.append(f"{notebook}, {path.relative_to(root).as_posix()}:{number}")
    return shown or ["in no notebook yet"]


def _wrapped(text: str, indent: str, hanging: str = "") -> list[str]:
    further = indent + hanging
    return textwrap.wrap(text, WIDTH, initial_indent=indent, subsequent_indent=further)


def _listed(name: str, message: str) -> list[str]:
    return [f"  {name}", *_wrapped(message, "     ")]


def _about_code(question: CodeExercise) -> Iterator[str]:
    yield "\nWhat is tested"
    for part in question.parts:
        yield f"  {show.points(part.points):<4} {part.title}"
        yield from _wrapped(_example(function_of(question, part), part), "       ")
    for function in question.functions:
        call = f"{function.name}({', '.join(function.parameters)})"
        yield f"\nSlips of {call} → {function.returns}"
        for slip in function.misconceptions:
            yield from _listed(slip.name, slip.message)


def _example(function: Function, part: Part) -> str:
    right = call_trusted(function, function.reference, [part.example])[0]
    gives = show.value(right.value) if right.kind == "value" else right.error
    return f"{show.call(function.name, part.example)} → {gives}"


def _about_prediction(question: Prediction) -> Iterator[str]:
    reach = show.number(question.within)
    near = f"within a factor of {reach}" if question.log else f"within {reach}"
    yield "\nWhat is tested"
    yield f"  {question.answer}, {near}; measured {show.measured(truth_of(question))}"
    yield "\nSlips"
    for slip in question.misconceptions:
        yield from _listed(f"{slip.name}: {show.number(float(slip.value))}", slip.message)


def _about_choice(question: Choice) -> Iterator[str]:
    truth = truth_of(question)
    yield "\nWhat is tested"
    yield f"  {question.answer}; the measurement decides for {truth!r}"
    yield "\nOptions"
    for option in question.options:
        yield from _listed(f"{option.key}: {option.text}", option.message)


def _about_tuning(question: Tuning) -> Iterator[str]:
    low, high = show.number(question.low), show.number(question.high)
    right = ", ".join(f"{name} = {show.number(v)}" for name, v in question.reference.items())
    yield "\nWhat is tested"
    yield f"  {question.quantity} from {low} to {high}, in {question.repeats} networks: {right}"
    yield "\nSlips"
    for slip in question.misconceptions:
        values = ", ".join(f"{name} = {show.number(v)}" for name, v in slip.value.items())
        yield from _listed(f"{slip.name}: {values}", slip.message)


def _about_played(question: Played) -> Iterator[str]:
    yield "\nWhat is replayed"
    yield from (f"  {line}" for line in question.reference())
    yield "\nSlips"
    for slip in question.misconceptions:
        yield from _listed(slip.name, slip.message)


_ABOUT: dict[type[Question], Callable[[Any], Iterator[str]]] = {
    CodeExercise: _about_code,
    Prediction: _about_prediction,
    Choice: _about_choice,
    Tuning: _about_tuning,
    Played: _about_played,
}
