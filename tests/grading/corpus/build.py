"""What a case of the corpus is, and how its notebook is made."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

from gradcourse.exercises import assignment

ROOT = Path(__file__).parents[3]
MARK = "gradcourse-corpus"
"""In the name of every file, socket and process that a hostile notebook makes."""

Points = float | tuple[float, float]
"""What is fair: a number of points, or the least and the most."""


@dataclass(frozen=True)
class Case:
    """One submission.

    Attributes
    ----------
    name : str
        For the report.
    make : callable
        Returns the notebook's bytes.
    fair : mapping
        Points by question; a question that is not named is worth 0 here.
    assignment : str
        That the instructor names.
    reasons : frozenset of str
        At least one of these codes must be reported; empty where none is called for.
    clean : bool
        Right work in an odd way: no reason may be reported at all.
    secret : str
        Must not stand in the result.
    limits : mapping
        Of the limits that differ from the corpus's own.
    """

    name: str
    make: Callable[[], bytes]
    fair: Mapping[str, Points] = field(default_factory=dict)
    assignment: str = "01"
    reasons: frozenset[str] = frozenset()
    clean: bool = False
    secret: str = ""
    limits: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Assignment:
    """Of which assignment the corpus uses what.

    Attributes
    ----------
    question : str
        The one whose answer is hostile or odd.
    points : float
        Of that question.
    right : str
        An answer to it that is right.
    others : dict
        What is answered rightly beside it, and its points.
    """

    name: str
    file: str
    question: str
    points: float
    right: str
    others: dict[str, float]

    @property
    def full(self) -> dict[str, Points]:
        """Points when that question is right, too."""
        return {**self.others, self.question: self.points}


ASSIGNMENTS = {
    path.name[:2]: Assignment(path.name[:2], path.name, "", 0.0, "", {})
    for path in sorted((ROOT / "exercises").glob("*.ipynb"))
}
ASSIGNMENTS |= {
    "01": Assignment(
        "01",
        "01_chain_rule.ipynb",
        "chain/lyapunov",
        1.0,
        "def lyapunov(factors):\n    return float(np.mean(np.log(np.abs(factors))))",
        {"chain/scalar-backward": 2.0, "chain/matrix-backward": 2.0, "chain/eigenvalues": 1.0},
    ),
    "02": Assignment(
        "02",
        "02_saturation.ipynb",
        "saturation/loss-from-logits",
        3.0,
        "def loss_from_logits(z, y):\n    return (torch.nn.functional.softplus(z) - y * z).mean()",
        {"saturation/slopes": 2.0, "saturation/gradient-bound": 2.0},
    ),
}
FIRST = ASSIGNMENTS["01"]


def alone(about: Assignment, question: str) -> Assignment:
    """Return an assignment of which one question is answered, and no other."""
    points = next(one.points for one in assignment(about.name) if one.id == question)
    return replace(about, question=question, points=points, right="", others={})


@cache
def _stored(folder: str, name: str) -> str:
    return (ROOT / folder / ASSIGNMENTS[name].file).read_text("utf-8")


def released(name: str = "01") -> dict[str, Any]:
    """Return the untouched notebook of an assignment, as data."""
    notebook: dict[str, Any] = json.loads(_stored("exercises", name))
    return notebook


def grade_id(cell: Mapping[str, Any]) -> str:
    """Return the id that the cell was given for grading; empty where it has none."""
    return str(cell["metadata"].get("nbgrader", {}).get("grade_id", ""))


def answer_cell(notebook: Mapping[str, Any], question: str) -> dict[str, Any]:
    """Return the cell that answers a question."""
    wanted = question.replace("/", "-") + "-answer"
    cell: dict[str, Any] = next(c for c in notebook["cells"] if grade_id(c) == wanted)
    return cell


def solution(question: str, name: str = "01") -> list[str]:
    """Return the source of the answer cell in the solution notebook."""
    return list(answer_cell(json.loads(_stored("solutions", name)), question)["source"])


def code(source: str) -> dict[str, Any]:
    """Return a code cell."""
    return {
        "cell_type": "code",
        "execution_count": None,
        "id": "of-the-learner",
        "metadata": {},
        "outputs": [],
        "source": source.splitlines(keepends=True),
    }


def answered(
    answers: Mapping[str, str],
    right: tuple[str, ...],
    name: str = "01",
    before: str = "",
    after: str = "",
) -> dict[str, Any]:
    """Return a notebook with answers in it.

    Parameters
    ----------
    answers : mapping
        The source of answer cells, by question.
    right : tuple of str
        Questions that are answered as in the solution.
    before, after : str
        A cell of the learner's own, after the imports or at the end.
    """
    notebook = released(name)
    for question in right:
        answer_cell(notebook, question)["source"] = solution(question, name)
    for question, source in answers.items():
        answer_cell(notebook, question)["source"] = source.splitlines(keepends=True)
    if before:
        first = next(i for i, c in enumerate(notebook["cells"]) if c["cell_type"] == "code")
        notebook["cells"].insert(first + 1, code(before))
    if after:
        notebook["cells"].append(code(after))
    return notebook


def packed(notebook: Any) -> bytes:
    """Return a notebook's bytes as Jupyter stores them."""
    return json.dumps(notebook, indent=1, ensure_ascii=False).encode("utf-8", "surrogatepass")
