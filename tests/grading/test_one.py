"""`grade_one`: from any bytes to fair marks and a reason."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="the sandbox's layers are Linux's"
)

sys.path.insert(0, str(Path(__file__).parent))

from toys import (  # noqa: E402
    IMPORTS,
    QUICK,
    RIGHT_DOUBLE,
    RIGHT_TOTAL,
    TOYS,
    answer,
    cell,
    document,
    notebook,
    panel,
)

from gradcourse.checking import Choice, Option, Prediction  # noqa: E402
from gradcourse.checking.engine import check  # noqa: E402
from gradcourse.checking.exercise_notebook import CELL_LIMIT  # noqa: E402
from gradcourse.checking.exercise_notebook import grade_id as _id  # noqa: E402
from gradcourse.checking.plain import Bfloat16  # noqa: E402
from gradcourse.exercises.initialization.torch_start import INITIALIZE  # noqa: E402
from gradcourse.exercises.registry import assignment as questions_of  # noqa: E402
from gradcourse.grading import Limits, grade_one  # noqa: E402
from gradcourse.grading.mark import Mark  # noqa: E402
from gradcourse.grading.one.answers import value_of, weight_of  # noqa: E402
from gradcourse.grading.one.measure_once import measured_once  # noqa: E402
from gradcourse.grading.one.run import MOST_KEPT  # noqa: E402
from gradcourse.grading.reasons import REASONS  # noqa: E402
from gradcourse.grading.sandbox import zygotes  # noqa: E402
from gradcourse.support import GradcourseError  # noqa: E402

ROOT = Path(__file__).parents[2]
SOLUTIONS = sorted(path.name for path in (ROOT / "solutions").glob("*.ipynb"))
JUNK = """import os
    for fd in range(3, 64):
        try:
            os.write(fd, b"junk" * 99)
        except OSError:
            pass"""
STUB = "def double(x):\n    # YOUR CODE HERE\n    raise NotImplementedError()"


@pytest.fixture(scope="module", autouse=True)
def _end() -> Iterator[None]:
    yield
    zygotes.end_all()


def graded(data: bytes | dict[str, Any], **options: Any) -> dict[str, Any]:
    if isinstance(data, dict):
        data = json.dumps(data).encode()
    mark = grade_one(data, questions=TOYS, limits=options.pop("limits", QUICK), **options)
    result = mark.to_dict()
    assert Mark.from_dict(json.loads(json.dumps(result, allow_nan=False))) == mark
    assert [q["id"] for q in result["questions"]] == ["toy/double", "toy/total"]
    assert result["possible"] == 5.0
    assert result["earned"] == sum(q["earned"] for q in result["questions"])
    assert set(codes(result)) <= set(REASONS)
    return result


def codes(result: dict[str, Any]) -> list[str]:
    found = [reason["code"] for reason in result["reasons"]]
    return found + [code for q in result["questions"] for code in q["reasons"]]


def test_a_slip_is_read_from_the_source_and_a_misspelt_name_is_told() -> None:
    loop = "def total(values):\n    for value in values:\n        return value"
    (_, total) = graded(notebook(total=loop))["questions"]
    assert "ends it in its first round" in total["message"]
    (_, total) = graded(notebook(total=RIGHT_TOTAL.replace("total", "totla")))["questions"]
    assert "defines `totla`, and asked for is `total`: is it misspelt?" in total["message"]
    broken = f"{RIGHT_TOTAL}\n    )"
    (_, total) = graded(notebook(last=broken))["questions"]
    assert total["earned"] == 3.0
    assert "This verdict is about the earlier version, from cell 4." in total["message"]


def test_the_source_of_a_submission_is_read_and_never_run_here() -> None:
    """One change away from right, and many trees deep: nothing of it runs in this process."""
    deep = " + ".join(["0"] * 3000)
    away = "import os\ndef total(values):\n    return float(np.sum(values)) + len(str(os.getpid()))"
    for source in (away, f"def total(values):\n    return np.max(values) + {deep}"):
        (_, total) = graded(notebook(total=source))["questions"]
        assert total["earned"] == 0
        assert "internal-error" not in total["reasons"]
        assert "agrees in every case" not in total["message"]


def question(result: dict[str, Any], id: str) -> dict[str, Any]:
    found: dict[str, Any] = next(q for q in result["questions"] if q["id"] == id)
    return found


# ---------------------------------------------------------------- the course's own notebooks


@pytest.mark.some(5)
@pytest.mark.parametrize("name", SOLUTIONS)
def test_a_solution_gets_full_marks_and_the_exercise_none(name: str) -> None:
    solved = grade_one((ROOT / f"solutions/{name}").read_bytes())
    assert solved.earned == solved.possible > 0
    assert solved.codes == []
    assert not solved.look
    assert solved.assignment == name[:2]
    open_yet = grade_one((ROOT / f"exercises/{name}").read_bytes(), name[:2])
    assert open_yet.earned == 0
    assert {question.status for question in open_yet.questions} == {"unanswered"}
    assert open_yet.codes == []
    assert not open_yet.look
    assert open_yet.possible == solved.possible


def test_a_result_has_everything_that_a_report_needs() -> None:
    result = graded(notebook())
    assert {*result} == {
        *("schema", "assignment", "earned", "possible", "questions", "reasons", "cells"),
        *("sandbox", "trusted", "seconds", "look"),
    }
    assert result["schema"] == 1
    assert result["cells"] == {"run": 3, "failed": 0}
    first = result["questions"][0]
    assert {*first} >= {"id", "title", "earned", "possible", "status", "message", "headline"}
    assert {*first["parts"][0]} == {
        *("title", "status", "earned", "possible", "message", "misconception", "tested", "note"),
        "word",
    }


def test_the_seed_decides_the_random_inputs_and_is_not_in_the_result() -> None:
    source = "def double(x):\n    seen.append(x)\n    return 2 * x"
    peek = "def total(values):\n    return ' '.join(map(str, seen))"
    notebook_that_tells = notebook(source, peek, first="seen = []")
    told = []
    for seed in (7654321, 7654321, 1234567):
        result = graded(notebook_that_tells, seed=seed)
        told.append(question(result, "toy/total")["message"])
        assert str(seed) not in json.dumps(result["questions"][0])
    assert told[0] == told[1] != told[2]


# ---------------------------------------------------------------- marks


def test_a_misconception_is_named_and_the_other_question_counts() -> None:
    result = graded(notebook("def double(x):\n    return x * x"))
    wrong = question(result, "toy/double")
    assert result["earned"] == 3.0
    assert wrong["parts"][0]["misconception"] == "the square"
    assert "You squared it." in wrong["message"]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("return 3.0 if x == 1.5 else -x", "4 of 4 random inputs gave another result"),
        ("if x != 1.5: raise ValueError(f'{x}')\n    return 3.0", "raised ValueError."),
        ("if x != 1.5: raise type(f'E{x}', (Exception,), {})\n    return 3.0", "of its own."),
        ("print(x)\n    return 3.0 if x == 1.5 else x * x", "gave another result"),
        ("if x != 1.5: raise FileNotFoundError(repr(x))\n    return 3.0", "FileNotFoundError."),
        ("if x != 1.5: raise RuntimeError(f'cuda {x}')\n    return 3.0", "RuntimeError."),
        ("if x != 1.5: raise type(f'cuda{x}', (Exception,), {})\n    return 3.0", "of its own."),
    ],
)
def test_a_random_input_is_never_shown(body: str, said: str) -> None:
    result = graded(notebook(f"def double(x):\n    {body}"))
    wrong = question(result, "toy/double")
    assert wrong["earned"] == 0
    assert said in wrong["message"]
    assert not re.search(r"[3-9]\.\d{2,}", json.dumps([wrong, result["reasons"]]))


def _matrices(entries: Callable[[int, int], np.ndarray]) -> Callable[[Any], None]:
    """`initialize` with matrices of He's standard deviation, a tenth in the last, and biases 0."""

    def initialize(model: Any) -> None:
        import torch

        layers = [module for module in model if isinstance(module, torch.nn.Linear)]
        for layer in layers:
            made = entries(*layer.weight.shape)
            scale = (0.1 if layer is layers[-1] else 1.0) * (2 / layer.in_features) ** 0.5
            with torch.no_grad():
                layer.weight.copy_(torch.tensor(made / made.std() * scale))
                layer.bias.zero_()

    return initialize


RNG = np.random.default_rng(5)


@pytest.mark.parametrize(
    ("entries", "earned"),
    [
        (lambda n, m: RNG.normal(size=(n, m)), 2.0),
        (lambda n, m: RNG.uniform(-1.0, 1.0, size=(n, m)), 2.0),
        (lambda n, m: np.arange(n * m).reshape(n, m) == 0, 0.0),
        (lambda n, m: np.tile(RNG.normal(size=m), (n, 1)), 0.0),
        (lambda n, m: np.tile(RNG.normal(size=(n, 1)), m), 0.0),
        (lambda n, m: RNG.uniform(0.0, 1.0, size=(n, m)), 0.0),
        (lambda n, m: 5.0 + RNG.normal(size=(n, m)), 0.0),
    ],
    ids=["normal", "uniform", "one entry", "equal rows", "equal columns", "positive", "mean 5"],
)
def test_a_start_with_the_right_deviation_must_carry_a_signal(
    entries: Callable[[int, int], np.ndarray], earned: float
) -> None:
    assert check(INITIALIZE, _matrices(entries), seed=3, reveal=False).earned == earned


def test_the_report_of_a_start_depends_on_the_widths() -> None:
    reports = [
        INITIALIZE.functions[0].driver(INITIALIZE.functions[0].reference, ((64, *hidden, 40), 0))
        for hidden in ((300, 400), (200, 600))
    ]
    for name in reports[0]:
        alike = np.isclose(reports[0][name], reports[1][name], rtol=0.06)
        assert np.all(alike) == (name == "the largest size of a bias")


def test_an_answer_that_is_the_courses_own_function_asks_for_a_look() -> None:
    own = "from gradcourse.theory.floats import underflow_depth"
    data = json.dumps(document([cell(f"{IMPORTS}\n{own}")])).encode()
    asked = [exercise for exercise in questions_of("01") if exercise.id == "chain/underflow-depth"]
    mark = grade_one(data, questions=asked)
    assert mark.earned == mark.possible
    assert mark.questions[0].reasons == ("course-function",)
    assert mark.look


def test_a_failing_example_is_shown_with_what_was_expected() -> None:
    result = graded(notebook("def double(x):\n    return x + 1"))
    assert question(result, "toy/double")["message"] == "`double(1.5)`: expected 3.0, got 2.5."


def test_nothing_that_acts_on_a_terminal_gets_through() -> None:
    nasty = r"\x1b]0;owned\x07\u202e<script>alert(1)</script>"
    for source in (
        f"def double(x):\n    print('{nasty}')\n    raise ValueError('{nasty}')",
        f"double = '{nasty}'",
        f"def double(x):\n    return '{nasty}'",
        f"raise ValueError('{nasty}')",
    ):
        text = json.dumps(graded(notebook(source)), ensure_ascii=False)
        assert not re.search(r"\\u001b|\\u0007|\u202e|[\x00-\x08\x1b]", text)


@pytest.mark.parametrize(
    "value",
    [
        "{str(i): 0 for i in range(200_000)}",
        "[[0.0]] * 500_000",
        "list(range(1_000_000))",
        "'x' * 10_000_000",
        "np.zeros(7_000_000)",
        "np.zeros(40_000_000)",
        "10 ** 100_000",
        "[[[[[[[[[[1]]]]]]]]]] * 50_000",
    ],
)
def test_an_enormous_answer_is_wrong_and_said_briefly(value: str) -> None:
    limits = Limits(cell=20.0, question=20.0)
    result = graded(notebook(f"def double(x):\n    return {value}"), limits=limits)
    assert result["earned"] == 3.0
    assert "internal-error" not in codes(result)
    assert len(json.dumps(result)) < 20_000


@pytest.mark.parametrize(
    "value",
    ["[0.5] * 400_000", "[[0.5, 'x']] * 20_000", "np.ones(900_000)", "['x' * 3_900_000]"],
)
def test_a_heavy_answer_is_dropped_before_it_is_compared_with_every_slip(value: str) -> None:
    """The grader's own time and memory count for nobody's limits."""
    # The first call alone may be light enough, all of them are not.
    result = graded(notebook(double=f"def double(x):\n    return {value}"))
    assert question(result, "toy/double")["earned"] == 0
    assert question(result, "toy/total")["earned"] == 3

    weight = weight_of(eval(value, {"np": np}))
    assert 5 * weight > MOST_KEPT


def test_what_right_answers_hold_is_light() -> None:
    assert weight_of([[0.5] * 100] * 100) < MOST_KEPT / 5
    assert weight_of({"a": np.ones((300, 300)), "b": "text"}) < MOST_KEPT / 20


def test_it_must_be_data_and_not_something_that_claims_to_be_equal() -> None:
    for source in (
        "class E(float):\n    def __eq__(self, o): return True\n    __hash__ = None\n"
        "def double(x): return E(1)",
        "class A(np.ndarray): pass\ndef double(x): return np.array(x).view(A)",
        "class D:\n    def __array__(self, *a, **k): return np.array(3.0)\n"
        "def double(x): return D()",
    ):
        assert graded(notebook(source))["earned"] == 3.0


# ---------------------------------------------------------------- cells


def test_final_names_count_as_after_run_all() -> None:
    again = [cell(IMPORTS), answer("def double(x): return 0", "double")]
    result = graded(document([*again, answer(RIGHT_DOUBLE, "double"), cell(RIGHT_TOTAL)]))
    assert result["earned"] == 5.0
    assert codes(result).count("duplicate-cells") == 1


def test_an_untouched_stub_after_the_answer_does_not_take_it_away() -> None:
    cells = [cell(IMPORTS), answer(RIGHT_DOUBLE, "double"), answer(STUB, "double")]
    result = graded(document([*cells, cell(RIGHT_TOTAL)]))
    assert result["earned"] == 5.0
    assert "duplicate-cells" in codes(result)


def test_an_answer_in_a_test_cell_counts_and_is_looked_at() -> None:
    wrong_place = panel("double", 2.0)
    wrong_place["source"] = RIGHT_DOUBLE
    result = graded(document([cell(IMPORTS), wrong_place, cell(RIGHT_TOTAL)]))
    assert result["earned"] == 5.0
    assert "answer-in-test-cell" in codes(result)
    assert result["look"]


def test_a_test_cell_without_an_answer_is_not_run() -> None:
    theirs = panel("double", 2.0)
    theirs["source"] = "while True: pass"
    result = graded(document([cell(IMPORTS), cell(RIGHT_DOUBLE), cell(RIGHT_TOTAL), theirs]))
    assert result["earned"] == 5.0
    assert result["cells"]["run"] == 3


def test_deleted_reordered_and_unmarked_cells_cost_nothing() -> None:
    cells = [cell(f"{IMPORTS}\n{RIGHT_TOTAL}"), cell(RIGHT_DOUBLE)]
    result = graded(document(cells))
    assert result["earned"] == 5.0
    assert codes(result) == ["missing-cells"]
    assert not result["look"]


def test_points_and_metadata_come_from_the_course_alone() -> None:
    cells = [
        cell(IMPORTS), answer(RIGHT_DOUBLE, "double"), panel("double", 1000.0),
        cell(RIGHT_TOTAL, grade="yes", grade_id=["x"], points="many", schema_version=99),
    ]  # fmt: skip
    result = graded(document(cells, gradcourse={"assignment": {"a": 1}}, kernelspec=7))
    assert result["earned"] == 5.0
    assert "edited-metadata" in codes(result)


def test_a_broken_cell_costs_only_itself() -> None:
    result = graded(notebook("def double(x:\n    return 2 * x"))
    assert result["earned"] == 3.0
    assert result["reasons"][0]["code"] == "syntax-error"
    assert result["reasons"][0]["where"].startswith("the cell `")
    assert "SyntaxError" in question(result, "toy/double")["message"]
    assert result["cells"] == {"run": 3, "failed": 1}


def test_what_a_cell_defined_before_it_hung_counts() -> None:
    swallow = "\nimport signal\nsignal.signal(signal.SIGALRM, signal.SIG_IGN)\nwhile True: pass"
    for rest in ("\nwhile True: pass", swallow, "\nimport os\nos._exit(3)"):
        result = graded(notebook(RIGHT_DOUBLE + rest))
        assert result["earned"] == 5.0, rest
        assert result["look"]


def test_a_question_that_hangs_or_dies_costs_only_itself() -> None:
    for body, code in (
        ("while True: pass", "question-timeout"),
        ("import os; os._exit(0)", "process-ended"),
        ("import ctypes; ctypes.string_at(0)", "killed"),
        (JUNK, "wrote-nothing-readable"),
    ):
        result = graded(notebook(f"def double(x):\n    {body}"))
        assert result["earned"] == 3.0, body
        assert question(result, "toy/double")["reasons"] == [code]
        assert question(result, "toy/total")["reasons"] == []


def test_the_whole_submission_has_a_limit() -> None:
    slow = "def double(x):\n    import time; time.sleep(9)"
    limits = Limits(cell=5.0, question=5.0, submission=1.0)
    result = graded(notebook(slow), limits=limits)
    assert result["earned"] == 0.0
    assert "submission-timeout" in codes(result)
    assert result["seconds"] < CELL_LIMIT


def test_an_import_of_what_is_not_here_costs_nothing_below_it() -> None:
    imports = """

%matplotlib inline
import no_such_module as nsm, os
from no_such_module import (
    one,
    two,
)
from math import no_such_name \\
    as name
import numpy as np
import torch"""
    shown = RIGHT_DOUBLE + "\n\nfrom no_such_module import three\nfour = 4"
    late = "assert four == 4\nraise ImportError('no import')\ndouble = 7"
    cells = [cell(imports), answer(shown, "double"), answer(RIGHT_TOTAL, "total"), cell(late)]
    result = graded(document(cells))
    assert result["earned"] == 5.0
    assert codes(result).count("cell-error") == 3
    assert not result["look"]


def test_one_cause_of_several_losses_is_said_once_and_a_person_looks() -> None:
    double = "def double(x):\n    return scale * x"
    total = "def total(values):\n    return scale * 0.5 * float(np.sum(values))"
    mark = grade_one(
        notebook(double, total, first="scale = open('not_here.txt').read()"),
        questions=TOYS,
        limits=QUICK,
    )
    (reason,) = [reason for reason in mark.reasons if reason.code == "one-cause"]
    assert reason.text == (
        "2 questions fail for one cause: NameError: name 'scale' is not defined; the cell that "
        "gives it failed: FileNotFoundError: [Errno 2] No such file or directory: 'not_here.txt' "
        "(line 1)."
    )
    assert mark.look
    assert "not-here" in mark.codes


COLAB = "from google.colab import drive\ndrive.mount('/content/drive')"
LOADED = "from google.colab import files\nup = files.upload()"
WRONG = "def double(x):\n    return x * x"


@pytest.mark.parametrize(
    ("first", "double", "look"),
    [
        (COLAB, RIGHT_DOUBLE, False),
        (COLAB, WRONG, False),  # what is wrong by itself is no matter of the disk
        (COLAB, STUB, False),
        ("import no_such_module", STUB, False),  # nobody has tried
        ("import no_such_module", WRONG, True),
        (LOADED, "def double(x):\n    return up['x'] * x", True),
        (LOADED, "double = up['double']", True),
        (COLAB + "\nscale = open('/content/drive/x').read()", WRONG, True),
    ],
)
def test_what_is_not_here_asks_for_a_look_where_marks_may_hang_on_it(
    first: str, double: str, look: bool
) -> None:
    how: dict[str, Any] = {"questions": TOYS, "limits": QUICK}
    mark = grade_one(notebook(double, first=first), **how)
    assert mark.questions[1].earned == 3.0
    assert mark.look == look, mark.reasons


def test_files_beside_the_notebook_are_there() -> None:
    files = {"helpers.py": b"factor = 2.0", "data/numbers.csv": b"1,2"}
    first = "from helpers import factor\nassert open('data/numbers.csv').read() == '1,2'"
    double = "def double(x):\n    return factor * x"
    how: dict[str, Any] = {"questions": TOYS, "limits": QUICK}
    mark = grade_one(notebook(double, first=first), files=files, **how)
    assert (mark.earned, mark.codes) == (5.0, [])
    without = grade_one(notebook(double, first=first), **how)
    assert without.earned == 3.0
    assert "not-here" in without.codes
    assert without.look


@pytest.mark.parametrize(
    ("source", "line", "rest"),
    [
        ("a()\nimport b\n", 1, "import b\n"),
        ("\n\nx = (1,\n  a())\ny = 2", 2, "y = 2"),
        ("a(); b = 1 ; c = 2  # d", 1, "b = 1 ; c = 2  # d"),
        ("%matplotlib inline\nif x:\n    !pip list\n    a()\n!ls\nb = 1", 4, "!ls\nb = 1"),
        ("é = a(); ü = 3", 1, "ü = 3"),
        ("@a\ndef f(): pass\ng = 1", 1, "g = 1"),
        ("def f(:\n", 1, ""),
        ("a()", 9, ""),
        ("a()", 0, ""),
    ],
)
def test_what_follows_a_statement_that_failed(source: str, line: int, rest: str) -> None:
    from gradcourse.grading.one.plan import after_failure

    assert after_failure(source, line) == rest


@pytest.mark.parametrize(
    ("value", "same"),
    [("may\u2013grow", "may-grow"), (" up\xa0", "up"), (Bfloat16(np.array([1.5])), 1.5)],
)
def test_what_was_typed_with_other_signs_is_the_same(value: Any, same: Any) -> None:
    assert value_of(value) == same


def test_failing_imports_without_end_are_passed_over_only_so_often() -> None:
    result = graded(notebook(first="import no_such_module\n" * 5000))
    assert result["earned"] == 5.0
    assert result["cells"]["failed"] == 1


def test_long_experiments_do_not_cost_the_questions() -> None:
    """Each of them may take its time, but all together would take more than there is."""
    cells = [cell(IMPORTS), *[cell(f"while {n}: pass") for n in range(1, 10)]]
    more = [answer(f"{RIGHT_DOUBLE}\nwhile True: pass", "double"), answer(RIGHT_TOTAL, "total")]
    limits = Limits(cell=1.0, question=2.0, submission=8.0, memory=QUICK.memory)
    result = graded(document([*cells, *more]), limits=limits)
    assert result["earned"] == 5.0
    assert codes(result).count("cell-timeout") == 10
    assert any("its share of the time left" in one["text"] for one in result["reasons"])


def test_nobody_is_said_to_have_no_answers_who_was_not_asked() -> None:
    limits = Limits(cell=5.0, question=5.0, submission=0.01)
    found = codes(graded(notebook(), limits=limits))
    assert "submission-timeout" in found
    assert "no-answers" not in found


BUSY = "import time\nend = time.monotonic() + 120\nwhile time.monotonic() < end: pass"
SOME_WORK = """def double(x):
    import time
    end = time.process_time() + 0.15
    while time.process_time() < end:
        pass
    return 2 * x if x == 1.5 else None"""


def test_a_busy_machine_costs_no_marks() -> None:
    """The seconds in which others have the processor are not counted."""
    if not Path("/proc/self/schedstat").exists():
        pytest.skip("this kernel does not count them")
    everywhere = os.sched_getaffinity(0)
    zygotes.end_all()
    others: list[subprocess.Popen[bytes]] = []
    try:
        os.sched_setaffinity(0, {min(everywhere)})
        others = [subprocess.Popen([sys.executable, "-c", BUSY]) for _ in range(5)]
        result = graded(notebook(SOME_WORK), limits=Limits(cell=0.5, question=0.8))
    finally:
        os.sched_setaffinity(0, everywhere)
        for one in others:
            one.kill()
            one.wait()
        zygotes.end_all()
    assert result["earned"] == 3.0
    assert "question-timeout" not in codes(result)
    assert "gave another result" in question(result, "toy/double")["message"]


def test_lines_for_a_notebook_are_harmless() -> None:
    first = "%matplotlib inline\n!pip install numpy\nfiles = !ls\n%pip list\nnp.sum?"
    last = "%%bash\nexit 3"
    result = graded(notebook(first=first, last=last))
    assert result["earned"] == 5.0
    assert result["reasons"] == []


def test_exit_is_no_fault_of_syntax_even_where_warnings_are_errors() -> None:
    first = "import warnings\nwarnings.filterwarnings('error')"
    (reason,) = graded(notebook(first=first, last="raise SystemExit"))["reasons"]
    assert reason["code"] == "cell-error"
    assert reason["text"].startswith("SystemExit")


@pytest.mark.some(2)
@pytest.mark.parametrize(
    ("number", "id"),
    [("06", "batch-norm/predict"), ("09", "clipping/global-norm"), ("09", "clipping/loop")],
)
def test_torchs_default_type_costs_no_right_answer(number: str, id: str) -> None:
    (name,) = [name for name in SOLUTIONS if name.startswith(number)]
    content = json.loads((ROOT / f"solutions/{name}").read_text("utf-8"))
    first, answer_cell = (
        next(c for c in content["cells"] if c["cell_type"] == "code" and wanted(c))
        for wanted in (
            lambda c: "import torch" in "".join(c["source"]),
            lambda c: c["metadata"].get("nbgrader", {}).get("grade_id") == f"{_id(id)}-answer",
        )
    )
    cells = [first, cell("torch.set_default_dtype(torch.float64)"), answer_cell]
    asked = [exercise for exercise in questions_of(number) if exercise.id == id]
    mark = grade_one(json.dumps(document(cells)).encode(), questions=asked)
    assert mark.earned == mark.possible


def test_what_one_cell_overwrites_does_not_cost_another_its_marks() -> None:
    first = (
        "import json, builtins\nimport numpy as np\n"
        "np.sum = np.array = json.dumps = json.loads = lambda *a, **k: None\n"
        "ip = get_ipython()\nip.input_transformers_cleanup.append(lambda lines: ['1/0'])\n"
        "builtins.isinstance = lambda *a: True"
    )
    assert graded(notebook(first=first))["earned"] == 5.0


# ---------------------------------------------------------------- files


def _text() -> str:
    return notebook().decode()


def _old() -> bytes:
    cells = [{"cell_type": "code", "input": s} for s in (IMPORTS, RIGHT_DOUBLE, RIGHT_TOTAL)]
    return json.dumps({"nbformat": 3, "metadata": {}, "worksheets": [{"cells": cells}]}).encode()


def _language(name: str) -> bytes:
    kernel = {"kernelspec": {"language": name, "name": "ir"}}
    return json.dumps(document(json.loads(_text())["cells"], **kernel)).encode()


READABLE = {
    "a byte order mark": (lambda: b"\xef\xbb\xbf" + notebook(), None),
    "UTF-16": (lambda: _text().encode("utf-16"), "wrong-encoding"),
    "UTF-16 without a mark": (lambda: _text().encode("utf-16-be"), "wrong-encoding"),
    "UTF-32": (lambda: _text().encode("utf-32"), "wrong-encoding"),
    "Latin-1": (lambda: _text().replace("import", "# é\\nimport", 1).encode("latin-1"),
                "wrong-encoding"),
    "format 3": (_old, "wrong-format"),
    "format 9": (lambda: notebook().replace(b'"nbformat": 4', b'"nbformat": 9'), "wrong-format"),
    "another language by name alone": (lambda: _language("R"), None),
}  # fmt: skip


def test_another_language_is_known_by_what_is_written_in_it() -> None:
    cells = [cell("library(ggplot2)\nx <- c(1, 2)"), cell("f <- function(x) x * 2")]
    mark = grade_one(json.dumps(document(cells, kernelspec={"language": "R"})).encode(), "01")
    assert "wrong-kernel" in mark.codes
    assert mark.look


@pytest.mark.parametrize(("make", "code"), READABLE.values(), ids=READABLE)
def test_what_can_be_read_is_graded(make: Callable[[], bytes], code: str | None) -> None:
    result = graded(make())
    assert result["earned"] == 5.0
    assert [c for c in codes(result) if c != "missing-cells"] == ([code] if code else [])


BROKEN = {
    "empty": (b"", "empty-file"),
    "blank": (b" \n\x00 ", "empty-file"),
    "noise": (b"Dear sir, attached", "not-json"),
    "cut off": (notebook()[:-200], "not-json"),
    "a list": (b"[1, 2]", "not-json"),
    "no cells": (b'{"cells": 3}', "not-json"),
    "nested": (b"[" * 200_000, "not-json"),
    "a large number": (b'{"cells": [], "x": ' + b"9" * 9999 + b"}", "not-json"),
    "large": (b" " * 2_000_000 + b"{}", "too-large"),
    "many parts": (b"[" + b"[]," * 5_100_000 + b"0]", "too-large"),
    "no code": (json.dumps(document([{"cell_type": "markdown"}, 3])).encode(), "no-answers"),
}


@pytest.mark.parametrize(("data", "code"), BROKEN.values(), ids=BROKEN)
def test_what_cannot_be_read_has_a_reason(data: bytes, code: str) -> None:
    limits = Limits(notebook=1 << 20) if len(data) < 3_000_000 else Limits()
    result = graded(data, limits=limits)
    assert codes(result) == [code]
    assert result["earned"] == 0
    assert result["look"]


def test_which_assignment_is_found_out_or_not() -> None:
    cells = [cell("import numpy as np"), cell("def gradient_bound(weights, activation): return 1")]
    assert grade_one(json.dumps(document(cells)).encode()).assignment == "02"
    lost = grade_one(json.dumps(document([cell("x = 1")])).encode())
    assert lost.assignment is None
    assert lost.codes == ["unknown-assignment"]
    with pytest.raises(GradcourseError, match="99"):
        grade_one(notebook(), "99")


# ---------------------------------------------------------------- once, and in many processes


def test_a_prediction_is_measured_once_per_process() -> None:
    calls = []

    def measure() -> float:
        calls.append(1)
        return 7.0

    named: dict[str, Any] = {"title": "t", "question": "q", "explain": "e"}
    offered = {"within": 1.5, "low": 1, "high": 9, "points": 1.0}
    asked = Prediction(id="toy/guess", answer="guess", measure=measure, **named, **offered)
    for _ in range(3):
        data = json.dumps(document([cell("guess = 7")])).encode()
        assert grade_one(data, questions=[asked]).earned == 1.0
    assert calls == [1]
    one = (Option("a", "A", ""),)
    choice = Choice(id="toy/which", answer="which", options=one, measure=lambda: "a", **named)
    assert measured_once(choice).measure() == "a"


def test_it_works_in_threads_and_in_forked_processes() -> None:
    earned: list[float] = []
    threads = [
        threading.Thread(target=lambda: earned.append(graded(notebook())["earned"]))
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert earned == [5.0, 5.0]
    with get_context("fork").Pool(2) as pool:
        assert pool.map(_in_pool, range(4)) == [5.0] * 4
    assert graded(notebook())["earned"] == 5.0


def _in_pool(_: int) -> float:
    return float(graded(notebook())["earned"])


def test_a_zygote_that_died_is_replaced() -> None:
    with zygotes.borrowed() as zygote:
        assert zygote.layers
        os.kill(zygote._process.pid, 9)
    assert graded(notebook())["earned"] == 5.0
