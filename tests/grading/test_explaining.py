"""What explains a wrong answer reads a learner's source in the grader: it has an end, and soon."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from toys import DOUBLE, TOYS, notebook

from gradcourse.checking import judged
from gradcourse.checking.judged import CellRun, Page, accounted
from gradcourse.checking.verdict import PartResult, Verdict
from gradcourse.checking.why import written
from gradcourse.checking.why.pen import likely_slip, sure_slip, unused_parameter
from gradcourse.checking.why.written import MOST_STATEMENTS, Source, source_in
from gradcourse.grading import grade_one
from gradcourse.grading.one import run
from gradcourse.grading.sandbox import zygotes

LONG = {
    "assignments": "def double(x):\n" + " a=1\n" * 9_900 + " return x\n",
    "loops": "def double(x):\n"
    + "".join(f" for g{i} in x:g{i}=g{i}\n" for i in range(1_500))
    + "".join(f" g{i}\n" for i in range(1_500)),
    "parameters": "def double("
    + ",".join(f"a{i}" for i in range(4_000))
    + "):\n"
    + " f()\n" * 4_000,
    "blocks": "def double(x):\n for a in x:\n"
    + "".join(f"{' ' * depth}with a:\n" for depth in range(2, 60))
    + f"{' ' * 60}break\n",
}


def seconds(work: Callable[[], Any]) -> float:
    before = time.process_time()
    work()
    return time.process_time() - before


@pytest.mark.parametrize("text", LONG.values(), ids=LONG)
def test_a_long_answer_is_read_in_linear_time(text: str) -> None:
    tree = written.parsed(text)
    assert tree is not None
    source = Source(tree.body[0], text)  # type: ignore[arg-type]

    def read() -> None:
        sure_slip(source, True, {"x": {"sigmoid"}})
        likely_slip(source)
        unused_parameter(source)

    assert seconds(read) < 3.0


def test_an_answer_that_is_too_long_is_not_read() -> None:
    text = "def double(x):\n" + " a = 1\n" * MOST_STATEMENTS + " return x\n"
    assert source_in("double", [text]) is None
    assert source_in("double", ["def double(x):\n return x", "x = 1"]) is not None


def test_of_cells_that_seem_to_define_it_a_few_are_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    parsed: list[str] = []
    monkeypatch.setattr(written, "parsed", parsed.append)
    assert source_in("double", ["x = 'def double'"] * 100 + ["double(1)"] * 100) is None
    assert len(parsed) == written.MOST_TRIED


def test_a_segment_is_what_python_takes_for_it() -> None:
    text = "é = 'ü'; sums =+ 'ä', (\r\n 1 +\n 2)\nz = '\x0c\u2028'; y = z\n"
    tree = written.parsed(text)
    assert tree is not None
    source = Source(None, text)  # type: ignore[arg-type]
    segments = [source.segment(node) for node in tree.body]
    assert segments == ["é = 'ü'", "sums =+ 'ä', (\n 1 +\n 2)", "z = '\x0c\u2028'", "y = z"]


def test_a_misspelt_name_is_looked_for_among_the_latest_and_each_cell_is_parsed_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tried: list[int] = []
    parsed: list[str] = []
    nearest, parse = judged.nearest, judged.parsed

    def counted(name: object, known: Sequence[str], **options: Any) -> list[str]:
        tried.append(len(known))
        return nearest(name, known, **options)

    def noted(text: str) -> Any:
        parsed.append(text)
        return parse(text)

    monkeypatch.setattr(judged, "nearest", counted)
    monkeypatch.setattr(judged, "parsed", noted)
    sources = ["".join(f"def other_{n}_{k}(): 0\n" for k in range(100)) for n in range(40)] + [
        "def duoble(x): return x"
    ]
    page = Page([CellRun(source, f"cell {n}") for n, source in enumerate(sources)])
    part = PartResult("all", "unanswered", 0.0, 1.0, "")
    verdict = Verdict(DOUBLE.id, "Title", (part,))
    for _ in range(10):
        told = accounted(verdict, DOUBLE, page)
    assert told.warnings == (
        "Cell 40 defines `duoble`, and asked for is `double`: is it misspelt?",
    )
    tried.clear()
    accounted(verdict, DOUBLE, Page(page.runs[:-1]))
    assert sum(tried) == judged.MOST_NAMES
    assert len(parsed) <= 2 * len(sources)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the sandbox is Linux's")
def test_when_explaining_has_taken_long_answers_are_only_judged(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    loop = "def total(values):\n    for value in values:\n        return value"
    try:
        told = grade_one(notebook(total=loop), questions=TOYS).questions[1]
        monkeypatch.setattr(run, "EXPLAINING", -1.0)
        silent = grade_one(notebook(total=loop), questions=TOYS).questions[1]
    finally:
        zygotes.end_all()
    assert "ends it in its first round" in told.message
    assert "ends it in its first round" not in silent.message
    assert (told.earned, told.status) == (silent.earned, silent.status)


def test_of_a_long_notebook_the_end_is_read() -> None:
    cells = [run.Cell(n, "x" * 100_000) for n in range(9)]
    assert [cell.index for cell in run._last_of(cells)] == [4, 5, 6, 7, 8]
    assert list(run._last_of(cells[:2])) == cells[:2]
    assert list(run._last_of([run.Cell(0, "x" * 600_000)])) == []
