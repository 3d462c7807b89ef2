"""The same five numpy questions for nbgrader and for Otter, and the seconds they take.

Both are given tests of plain numpy that draw random inputs and compare with a reference, as an
instructor would write them; neither has to import gradcourse.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

INSTALL = "absent: pip install '.[bench-grading]'"


@dataclass(frozen=True)
class Question:
    """One question, for whichever grader.

    Attributes
    ----------
    function : str
        What the learner defines.
    answer : str
        A right definition.
    arguments : str
        An expression that draws the arguments of one call from ``rng``.
    """

    function: str
    answer: str
    arguments: str

    @property
    def test(self) -> str:
        """Python that asserts, with the learner's function in scope."""
        reference = self.answer.replace(f"def {self.function}(", "def reference(")
        return (
            f"{reference}\nrng = np.random.default_rng()\nfor _ in range(8):\n"
            f"    arguments = {self.arguments}\n"
            f"    assert np.allclose({self.function}(*arguments), reference(*arguments))\n"
        )


Answers = Sequence[str]
"""What a learner wrote into the cells of the questions, one after the other."""


def learners_notebook(answers: Answers) -> dict[str, Any]:
    """Return what a learner hands in."""
    return _notebook([_code("import numpy as np"), *(_code(answer) for answer in answers)])


def half_broken(questions: Sequence[Question], number: int) -> list[list[str]]:
    """Return what so many learners wrote: half of them all right, the others broken by turns.

    No loop without an end is among them: nbgrader waits for it for ever unless told otherwise.
    """
    learners = []
    for learner in range(number):
        answers = [f"{question.answer}\n# learner {learner}" for question in questions]
        if learner % 2:
            spoil = BROKEN[learner // 2 % len(BROKEN)]
            answers = [spoil(k, answer) for k, answer in enumerate(answers)]
        learners.append(answers)
    return learners


BROKEN: tuple[Callable[[int, str], str], ...] = (
    lambda _, answer: answer.replace("return ", "return 2 * "),
    lambda k, answer: answer.replace(":\n", ":\n    oops\n", 1) if k == 1 else answer,
    lambda k, answer: answer.replace("):", ")", 1) if k == 2 else answer,
    lambda k, answer: "" if k > 2 else answer,
    lambda k, answer: f"import no_such_module\n{answer}" if k == 0 else answer,
)
"""All wrong; one raises; one is no Python; two are missing; a cell stops at its import."""


def nbgrader_seconds(questions: Sequence[Question], learners: Sequence[Answers]) -> float | None:
    """Return the seconds of `nbgrader autograde` per submission, its start not counted.

    None where nbgrader is not installed.
    """
    if importlib.util.find_spec("nbgrader") is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "nbgrader_config.py").write_text('get_config().CourseDirectory.course_id = "x"\n')
        _write(root / "source/five/five.ipynb", _for_nbgrader(questions))
        _run(root, "nbgrader", "generate_assignment", "five", "--create")
        released = json.loads((root / "release/five/five.ipynb").read_text("utf-8"))
        cells = {
            cell["metadata"].get("nbgrader", {}).get("grade_id"): cell for cell in released["cells"]
        }
        seconds = []
        for batch in ([[question.answer for question in questions]], learners):
            for learner, answers in enumerate(batch):
                for number, answer in enumerate(answers):
                    cells[f"answer-{number}"]["source"] = answer
                _write(root / f"submitted/b{len(seconds)}-{learner}/five/five.ipynb", released)
            start = time.perf_counter()
            _run(root, "nbgrader", "autograde", "five")
            seconds.append(time.perf_counter() - start)
        assert len(list(root.glob("autograded/*/five/five.ipynb"))) == 1 + len(learners)
        return (seconds[1] - seconds[0]) / (len(learners) - 1)


def otter_seconds(questions: Sequence[Question], learners: Sequence[Answers]) -> float | None:
    """Return the seconds of `otter run` per submission; it grades one at a time.

    None where Otter is not installed.
    """
    if importlib.util.find_spec("otter") is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "tests").mkdir()
        (root / "out").mkdir()
        for number, question in enumerate(questions):
            lines = "".join(f"    {line}\n" for line in question.test.splitlines())
            (root / f"tests/q{number}.py").write_text(
                "from otter.test_files import test_case\nOK_FORMAT = False\n"
                f"name = 'q{number}'\npoints = 1\n\n@test_case(points=1, hidden=True)\n"
                f"def test_it({question.function}):\n    import numpy as np\n{lines}"
            )
        _run(root, "otter.cli", "generate", "-t", "tests", "-o", "five.zip", "--no-environment")
        start = time.perf_counter()
        for answers in reversed(learners):  # the first is all right, and looked at
            _write(root / "five.ipynb", learners_notebook(answers))
            _run(root, "otter.cli", "run", "-a", "five.zip", "-o", "out", "--no-logo", "five.ipynb")
        seconds = (time.perf_counter() - start) / len(learners)
        results = json.loads((root / "out/results.json").read_text("utf-8"))["tests"]
        assert sum(test.get("score", 0) for test in results) == len(questions), results
        return seconds


def _for_nbgrader(questions: Sequence[Question]) -> dict[str, Any]:
    cells = [_code("import numpy as np")]
    for number, question in enumerate(questions):
        head, body = question.answer.split("\n", 1)
        solved = f"{head}\n    ### BEGIN SOLUTION\n{body}\n    ### END SOLUTION"
        hidden = f"### BEGIN HIDDEN TESTS\n{question.test}### END HIDDEN TESTS"
        cells += [
            _code(solved, nbgrader=_marks(f"answer-{number}", solution=True)),
            _code(hidden, nbgrader=_marks(f"test-{number}", grade=True, locked=True, points=1)),
        ]
    return _notebook(cells)


def _marks(grade_id: str, **more: Any) -> dict[str, Any]:
    plain = {"grade": False, "solution": False, "locked": False, "task": False}
    return {**plain, "schema_version": 3, "grade_id": grade_id, **more}


def _code(source: str, **metadata: Any) -> dict[str, Any]:
    return {
        "cell_type": "code",
        "execution_count": None,
        "metadata": metadata,
        "outputs": [],
        "source": source,
    }


def _notebook(cells: list[dict[str, Any]]) -> dict[str, Any]:
    for number, cell in enumerate(cells):
        cell["id"] = f"cell-{number}"
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    return {
        "cells": cells,
        "metadata": {"kernelspec": kernel},
        "nbformat": 4,
        "nbformat_minor": 5,
    }


def _write(path: Path, notebook: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(notebook), encoding="utf-8")


def _run(folder: Path, module: str, *arguments: str) -> None:
    beside = str(Path(sys.executable).parent)  # nbgrader calls alembic, Otter its own helpers
    environment = {
        **os.environ,
        "OMP_NUM_THREADS": "1",
        "PATH": os.pathsep.join([beside, os.environ.get("PATH", "")]),
    }
    main = f"import sys; from {module} import cli as main; main()" if module == "otter.cli" else ""
    command = [sys.executable, *(["-c", main] if main else ["-m", module]), *arguments]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{module} {' '.join(arguments)}: {done.stderr[-2000:]}")


Measure = Callable[[Sequence[Question], Sequence[Answers]], float | None]
