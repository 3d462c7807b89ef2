"""Every submission of the corpus is graded fairly, and leaves nothing behind."""

from __future__ import annotations

import json
import resource
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="the sandbox's layers are Linux's"
)

sys.path.insert(0, str(Path(__file__).parent))

from corpus import CASES, EVERYDAY, Case, judge  # noqa: E402
from corpus.build import FIRST, ROOT  # noqa: E402
from corpus.text import read_case  # noqa: E402

from gradcourse.grading import Limits, grade_one  # noqa: E402
from gradcourse.grading.sandbox import zygotes  # noqa: E402

PLAIN = read_case("right work\nfair: full\nclean: yes")


@pytest.fixture(scope="module")
def idle() -> Iterator[int]:
    """How many processes a warm grader has when it is idle; at the end it must have none."""
    with judge.adopting_orphans():
        judge.sweep()
        before = judge.processes()
        assert not judge.unfair(PLAIN, judge.grade(PLAIN))
        yield len(judge.processes())
        zygotes.end_all()
        assert not judge.still_there(before, len(before), 10.0)


def assert_fair(case: Case, idle: int) -> None:
    before = judge.processes()
    try:
        result = judge.grade(case)
        assert not judge.unfair(case, result)
        assert not judge.still_there(before, idle)
        assert not judge.left_files()
    finally:
        judge.sweep()


def test_the_corpus_is_large_enough() -> None:
    assert len({case.name for case in CASES}) == len(CASES) >= 75


@pytest.mark.some(6)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_fair(case: Case, idle: int) -> None:
    assert_fair(case, idle)


@pytest.mark.slow
@pytest.mark.parametrize("case", EVERYDAY, ids=lambda case: case.name)
def test_everyday_work_is_fairly_graded(case: Case, idle: int) -> None:
    assert_fair(case, idle)


def test_right_work_is_tried_in_many_forms() -> None:
    right = [case for case in (*CASES, *EVERYDAY) if case.clean]
    assert len({case.name for case in right}) == len(right) >= 120


def test_no_socket_reaches_anything(idle: int) -> None:
    with judge.listeners() as (case, reached):
        assert_fair(case, idle)
        assert not reached()


def test_after_all_this_right_work_still_gets_full_marks(idle: int) -> None:
    result = judge.grade(PLAIN)
    assert not judge.unfair(PLAIN, result)
    assert result["earned"] == sum(FIRST.full.values())
    assert next(q for q in result["questions"] if q["id"] == FIRST.question)["status"] == "right"


def test_the_grader_parses_no_cell_whose_tree_would_fill_its_memory() -> None:
    """A million lines are 2 MB of source and 2 GB of tree; deep trees cannot be written out."""
    from gradcourse.grading.intake.contents import untouched
    from gradcourse.grading.one.plan import definitions

    source = "lyapunov = None\n" + "a\n" * 1_000_000
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert not untouched(source, ["lyapunov"])
    assert definitions(source) == ""
    assert untouched("lyapunov = None", ["lyapunov"])  # no stub is long: thousands of cells may be
    assert not untouched("lyapunov = None\n" + "a\n" * 5000, ["lyapunov"])
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200 * 1024
    deep = "def deep():\n    return " + "1 + " * 400 + "1\nwhile True:\n    pass\n"
    assert definitions(deep) in ("", deep.split("while")[0].strip())


@pytest.mark.parametrize(
    ("source", "kept"),
    [
        ("x = 1\nos._exit(0)\n", "x = 1"),
        (
            "def f():\n    return f\"{'\xa0'.join('ab')}\"\nf()",
            "def f():\n    return f\"{'\xa0'.join('ab')}\"",
        ),
        ("import os; n = 'ü'; os.abort(); m = [1,\n 2]; f()", "import os\nn = 'ü'\nm = [1,\n 2]"),
        (
            "@a\n@b(1,\n   2)\nclass C:\n    x = 1  # one\n\nC()",
            "@a\n@b(1,\n   2)\nclass C:\n    x = 1",
        ),
        ('s = """a\n  b\x0c\u2028"""\r\nf()\rt = 2', 's = """a\n  b\x0c\u2028"""\nt = 2'),
        ("async def f():\n\tawait g()\nf()", "async def f():\n\tawait g()"),
        ("a = 1\nb = -2\n", ""),  # nothing is left out: it would do the same again
        ("@\\\na\ndef f(): pass\nf()\nx = 1", "x = 1"),
        ("def f(:\n", ""),
    ],
)
def test_definitions_are_cut_out_of_the_source_as_it_stands_there(source: str, kept: str) -> None:
    from gradcourse.grading.one.plan import definitions

    assert definitions(source) == kept


def test_definitions_of_the_courses_own_cells_are_python() -> None:
    import ast

    from gradcourse.grading.intake.contents import defined
    from gradcourse.grading.one.plan import definitions

    cells = [cell for path in (ROOT / "solutions").glob("*.ipynb") for cell in _sources(path)]
    for source in cells:
        kept = definitions(f"{source}\nstop()")
        ast.parse(kept)
        assert {name for name in defined(source) if f"def {name}" in source} <= defined(kept)
    assert len(cells) > 50


def _sources(path: Path) -> list[str]:
    cells = json.loads(path.read_text("utf-8"))["cells"]
    return ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]


PLANTS = """a submission that prepares the folder for the next one
---- before
import os
above = os.path.dirname(os.getcwd())
for name in ("planted", "../planted"):
    try:
        open(os.path.join(above, name), "w").close()
    except OSError:
        pass
try:
    os.rename(os.getcwd(), above + "/away")
    os.symlink("{victim}", above + "/work")
except OSError:
    pass
"""

LOOKS = """a submission that looks for what was left
reasons: cell-error
---- before
import glob, os
above = os.path.dirname(os.getcwd())
found = glob.glob(above + "/planted") + glob.glob(above + "/../planted") + glob.glob("planted")
assert not found, "LEFT"
assert os.path.basename(os.getcwd()) != "victim", "LEFT"
1 / 0
"""


@pytest.mark.parametrize("missing", ["", "mounts", "namespaces mounts"])
def test_nothing_is_left_for_the_next_submission(missing: str, tmp_path: Path) -> None:
    """Not even where layers are missing; and no link leads the grader to another folder."""
    victim = tmp_path / "victim"
    victim.mkdir(mode=0o700)
    without = frozenset(missing.split())
    limits = Limits(cell=20.0)
    for text in (PLANTS.replace("{victim}", str(victim)), LOOKS):
        case = read_case(text)
        mark = grade_one(case.make(), case.assignment, limits=limits, without=without)
        result = mark.to_dict()
        assert not judge.unfair(case, result)
    assert any("ZeroDivisionError" in reason["text"] for reason in result["reasons"])
    assert victim.stat().st_mode & 0o777 == 0o700
    assert not list(victim.iterdir())
    zygotes.end_all()
