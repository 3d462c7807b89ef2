"""Wrong answers as learners write them, each run in its notebook and shown with its verdict.

python tests/checking/wrong.py                  all, with what each was told
python tests/checking/wrong.py 03 recurrent/l   some of them
"""

from __future__ import annotations

import json
import linecache
import sys
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from gradcourse.checking import Verdict, check
from gradcourse.exercises import answers_in, get

FOLDER = Path(__file__).parent / "wrong_answers"
NOTEBOOKS = Path(__file__).parents[2] / "exercises"


@dataclass(frozen=True)
class WrongAnswer:
    """One of them.

    Attributes
    ----------
    place : str
        Its file and number: "03/7", as it is called everywhere.
    question, kind, misunderstood, source : str
        As the file has them.
    held_out : bool
        Whether it was not looked at before the messages were mended.
    round : int
        2 for those that were written when all was mended, to see what is told to new ones.
    """

    place: str
    question: str
    kind: str
    misunderstood: str
    source: str
    held_out: bool = False
    round: int = 1


def wrong_answers() -> list[WrongAnswer]:
    """Return all of them, in the order of the files."""
    return [
        WrongAnswer(f"{path.name[:2]}/{number}", **entry)
        for path in sorted(FOLDER.glob("[0-9]*.toml"))
        for number, entry in enumerate(tomllib.loads(path.read_text("utf-8"))["answer"], start=1)
    ]


def judged(answer: WrongAnswer, seed: int = 0) -> Verdict:
    """Run an answer's cell after the notebook's own ones, and check it."""
    names: dict[str, Any] = {"__name__": "__main__"}
    cells = [_imports(answer.place[:2]), *_stubs(answer), answer.source.strip("\n") + "\n"]
    for number, source in enumerate(cells, start=1):
        _run(source, f"<{answer.place}, cell {number}>", names)
    question = get(answer.question)
    return check(question, answers_in(question, names), seed=seed)


def _run(source: str, name: str, names: dict[str, Any]) -> None:
    """As a kernel does: the source can be read again by the cell's name."""
    linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
    exec(compile(source, name, "exec"), names)


def _imports(number: str) -> str:
    return next(source for source in _cells(number) if "import gradcourse as gc" in source)


def _stubs(answer: WrongAnswer) -> Iterator[str]:
    names = get(answer.question).answers
    for source in _cells(answer.place[:2]):
        if any(f"{word}{name}" in source for name in names for word in ("def ", "class ")):
            yield source


@cache
def _cells(number: str) -> tuple[str, ...]:
    path = next(NOTEBOOKS.glob(f"{number}_*.ipynb"))
    cells = json.loads(path.read_text("utf-8"))["cells"]
    return tuple("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")


def main(wanted: Sequence[str]) -> None:
    """Print what each is told."""
    for answer in wrong_answers():
        where = f"{answer.place} {answer.question}"
        if wanted and not any(word in where for word in wanted):
            continue
        held_out = " (held out)" if answer.held_out else ""
        print(f"\n### {where} · {answer.kind}{held_out}\n    {answer.misunderstood}")
        print(judged(answer), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
