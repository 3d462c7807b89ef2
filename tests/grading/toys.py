"""Two small exercises, and notebooks that answer them in every kind of way."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from gradcourse.checking import CodeExercise, Function, Misconception, Part
from gradcourse.grading import Limits

QUICK = Limits(cell=1.0, question=1.0, submission=30.0, memory=600 << 20)

DOUBLE = CodeExercise(
    id="toy/double",
    title="Twice a number",
    functions=(
        Function(
            "double",
            ("x",),
            lambda x: 2.0 * x,
            (Misconception("the square", lambda x: x * x, "You squared it."),),
        ),
    ),
    parts=(
        Part(
            title="random numbers",
            points=2.0,
            cases=lambda rng: [(float(value),) for value in rng.uniform(3.0, 9.0, 4)],
            example=(1.5,),
        ),
    ),
    hints=("", "", ""),
)
TOTAL = CodeExercise(
    id="toy/total",
    title="The sum of an array",
    functions=(Function("total", ("values",), lambda values: float(np.sum(values)), ()),),
    parts=(
        Part(
            title="random arrays",
            points=3.0,
            cases=lambda rng: [(rng.normal(size=n),) for n in (3, 5, 8)],
            example=(np.array([1.0, 2.0]),),
        ),
    ),
    hints=("", "", ""),
)
TOYS = (DOUBLE, TOTAL)

IMPORTS = "import gradcourse as gc\nimport numpy as np\nimport torch"
RIGHT_DOUBLE = "def double(x):\n    return x + x"
RIGHT_TOTAL = "def total(values):\n    return float(np.sum(values))"


def cell(source: str, **nbgrader: Any) -> dict[str, Any]:
    """A code cell, with nbgrader's marks if there are any."""
    return {
        "cell_type": "code",
        "metadata": {"nbgrader": nbgrader} if nbgrader else {},
        "source": source,
        "outputs": [],
        "execution_count": None,
    }


def answer(source: str, name: str) -> dict[str, Any]:
    """The cell in which an answer belongs."""
    return cell(source, grade=False, solution=True, grade_id=f"toy-{name}-answer")


def panel(name: str, points: float) -> dict[str, Any]:
    """The cell below it, which belongs to the grading."""
    return cell(
        f'gc.panel("toy/{name}")', grade=True, solution=False, grade_id=f"toy-{name}", points=points
    )


def document(cells: Sequence[dict[str, Any]], **metadata: Any) -> dict[str, Any]:
    """A notebook as JSON has it."""
    return {"cells": list(cells), "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}


def notebook(
    double: str = RIGHT_DOUBLE, total: str = RIGHT_TOTAL, *, first: str = "", last: str = ""
) -> bytes:
    """A notebook that answers both, with a cell of the learner's before or after them."""
    cells = [
        cell(IMPORTS),
        *([cell(first)] if first else []),
        answer(double, "double"),
        panel("double", 2.0),
        answer(total, "total"),
        panel("total", 3.0),
        *([cell(last)] if last else []),
    ]
    return json.dumps(document(cells)).encode()
