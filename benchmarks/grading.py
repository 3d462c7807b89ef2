"""The bars of class grading: fast, fair, and nothing lost.

Run it with ``make bench`` or ``python benchmarks/grading.py [PART …]``; the parts are five, beside,
hogs, torch, class, fuzz and corpus. nbgrader and Otter run beside it on the same five questions
where they are installed (``pip install '.[bench-grading]'``). Exit code 1 when a bar is missed.
"""

from __future__ import annotations

import csv
import json
import os
import statistics
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "tests" / "grading"), str(ROOT / "benchmarks")]
os.environ.setdefault("OMP_NUM_THREADS", "1")

from others import graders  # noqa: E402

REPEATS = 20
THEIR_REPEATS = 4
CLASS, CROWD = 30, 500

FIVE = (
    graders.Question(
        "chain_gradient",
        "def chain_gradient(w, x, upstream):\n"
        "    before = x * np.concatenate([[1.0], np.cumprod(w[:-1])])\n"
        "    after = upstream * np.concatenate([np.cumprod(w[:0:-1])[::-1], [1.0]])\n"
        "    return before * after",
        "(rng.normal(size=6), 2.0, 0.5)",
    ),
    graders.Question(
        "lyapunov",
        "def lyapunov(factors):\n    return float(np.mean(np.log(np.abs(factors))))",
        "(rng.uniform(0.1, 3.0, 40),)",
    ),
    graders.Question(
        "input_gradient",
        "def input_gradient(weights, upstream):\n    delta = upstream\n"
        "    for weight in reversed(weights):\n        delta = weight.T @ delta\n    return delta",
        "(list(rng.normal(size=(4, 3, 3))), rng.normal(size=3))",
    ),
    graders.Question(
        "gradient_bound",
        "def gradient_bound(weights, activation):\n"
        "    largest = 0.25 if activation == 'sigmoid' else 1.0\n"
        "    return float(np.prod(np.abs(weights) * largest))",
        "(rng.normal(size=5), 'sigmoid')",
    ),
    graders.Question(
        "saturated_fraction",
        "def saturated_fraction(a, activation):\n"
        "    slope = a - a**2 if activation == 'sigmoid' else 1 - a**2\n"
        "    return float(np.mean(slope < 0.05 * (0.25 if activation == 'sigmoid' else 1.0)))",
        "(rng.uniform(size=50), 'sigmoid')",
    ),
)
"""Questions of this course whose answers need numpy alone."""

OURS = (
    "chain/scalar-backward",
    "chain/lyapunov",
    "chain/matrix-backward",
    "saturation/gradient-bound",
    "saturation/saturated-fraction",
)


@dataclass(frozen=True)
class Bar:
    """One measurement against its bar; ``ok`` is None where there is no bar."""

    what: str
    bar: str
    measured: str
    ok: bool | None


def main(parts: list[str]) -> int:
    """Measure, print the table, and return the exit code."""
    known = {
        "five": five_questions,
        "beside": half_broken,
        "hogs": hogs,
        "torch": torch_exercise,
        "class": whole_class,
        "fuzz": fuzz,
        "corpus": corpus,
    }
    bars = [bar for part in parts or known for bar in known[part]()]
    widths = [max(len(getattr(b, name)) for b in bars) for name in ("what", "bar", "measured")]
    for b in [Bar("what", "bar", "measured", None), *bars]:
        verdict = "ok" if b.what == "what" else {None: "–", True: "✓", False: "✗"}[b.ok]
        cells = (b.what, b.bar, b.measured)
        row = " | ".join(f"{text:<{w}}" for text, w in zip(cells, widths, strict=True))
        print(f"{row} | {verdict}")
    return int(any(b.ok is False for b in bars))


# ---------------------------------------------------------------- one submission


THEIRS: dict[str, graders.Measure] = {
    "nbgrader": graders.nbgrader_seconds,
    "Otter": graders.otter_seconds,
}


def five_questions() -> list[Bar]:
    """Ours, warm, one submission after another; theirs on the same answers."""
    from gradcourse.exercises import get

    right = [question.answer for question in FIVE]
    notebook = json.dumps(graders.learners_notebook(right)).encode()
    times = _graded_again(notebook, questions=[get(id) for id in OURS])
    ours = statistics.median(times)
    measured = f"{ours:.3f} s (slowest {max(times):.3f} of {len(times)})"
    bars = [Bar("one submission, five numpy questions", "≤ 0.12 s", measured, ours <= 0.12)]
    for name, measure in THEIRS.items():
        seconds = measure(FIVE, [right] * THEIR_REPEATS)
        text = graders.INSTALL if seconds is None else f"{seconds:.1f} s, {seconds / ours:.0f} ×"
        bars.append(Bar(f"the same with {name}", "–", text, None))
    return bars


def half_broken() -> list[Bar]:
    """A crowd, half of it broken, by the command with two processes; theirs on a class.

    Ours has the other questions of the assignment to look for, too, and writes the pages.
    """
    seconds = {}
    for number in (CROWD, CLASS):
        notebooks = [graders.learners_notebook(one) for one in graders.half_broken(FIVE, number)]
        with tempfile.TemporaryDirectory() as folder:
            whole, names = _command(Path(folder), "01", notebooks, "--jobs", "2")
        assert len(names) == number
        seconds[number] = whole / number
    measured = f"{seconds[CROWD]:.2f} s each, {seconds[CROWD] * CROWD:.0f} s in all"
    bars = [Bar(f"{CROWD} submissions, half broken, whole command", "–", measured, None)]
    learners = graders.half_broken(FIVE, CLASS)
    for name, measure in THEIRS.items():
        theirs = measure(FIVE, learners)
        what = f"{CLASS} of the same with {name}"
        if theirs is None:
            bars.append(Bar(what, "–", graders.INSTALL, None))
            continue
        measured = f"{theirs:.2f} s each; ours 1/{theirs / seconds[CLASS]:.1f}, of the {CROWD} "
        measured += f"1/{theirs / seconds[CROWD]:.1f}"
        bar, ok = ("≥ 5 ×", theirs >= 5 * seconds[CROWD]) if name == "nbgrader" else ("–", None)
        bars.append(Bar(what, bar, measured, ok))
    return bars


HOGS = {
    "a loop": "while True:\n    pass\n",
    "sleep": "import time\ntime.sleep(999)\n",
    "threads": "import threading\nfor _ in range(4):\n"
    "    threading.Thread(target=lambda: list(iter(int, 1)), daemon=True).start()\n"
    "while True:\n    pass\n",
    "children": "import os\nwhile True:\n    child = os.fork()\n    if not child:\n"
    "        sum(range(10**8))\n        os._exit(0)\n    os.waitpid(child, 0)\n",
    "orphans": "import os\nwhile True:\n    child = os.fork()\n    if not child:\n"
    "        if not os.fork():\n            sum(range(10**9))\n        os._exit(0)\n"
    "    os.waitpid(child, 0)\n",
}
"""Ways to use up time, in an answer or in a cell."""


def hogs() -> list[Bar]:
    """What takes all the time it gets: by the clock, against the limit of the submission."""
    from gradcourse.grading import grade_one
    from gradcourse.grading.sandbox.budget import Limits

    limits = Limits(cell=3.0, question=3.0, submission=12.0)
    right = [question.answer for question in FIVE]
    longest, whose = 0.0, ""
    for name, code in HOGS.items():
        heads = [answer.partition("\n")[0] for answer in right]
        inside = [f"{head}\n{textwrap.indent(code, '    ')}" for head in heads]
        for place, answers in (("the answers", inside), ("a cell", [code, *right])):
            notebook = json.dumps(graders.learners_notebook(answers)).encode()
            start = time.perf_counter()
            mark = grade_one(notebook, assignment="01", limits=limits)
            times = (time.perf_counter() - start) / limits.submission
            assert place == "a cell" or not mark.earned, mark
            if times > longest:
                longest, whose = times, f"{name} in {place}"
    measured = f"{longest:.2f} × ({whose})"
    bar = "by the clock, the longest of 10 submissions that never end"
    return [Bar(bar, "≤ 2.5 × its limit", measured, longest <= 2.5)]


def torch_exercise() -> list[Bar]:
    """Every question of assignment 02, answered as in its solution."""
    times = _graded_again(_solution("02"), assignment="02")
    seconds = statistics.median(times)
    measured = f"{seconds:.3f} s (slowest {max(times):.3f} of {len(times)})"
    return [Bar("one submission of assignment 02, with torch", "≤ 0.5 s", measured, seconds <= 0.5)]


def _graded_again(notebook: bytes, **how: Any) -> list[float]:
    """Seconds of one grading after another; the first, which warms up, is not counted."""
    from gradcourse.grading import grade_one

    times = []
    for _ in range(1 + REPEATS):
        start = time.perf_counter()
        mark = grade_one(notebook, **how)
        times.append(time.perf_counter() - start)
        assert mark.earned == mark.possible, mark
    return times[1:]


def _solution(name: str) -> bytes:
    return next((ROOT / "solutions").glob(f"{name}*.ipynb")).read_bytes()


# ---------------------------------------------------------------- a class


def whole_class() -> list[Bar]:
    """The command, from its start to the last page, with two processes."""
    bars = []
    for name, bar in (("01", 10.0), ("02", None)):
        with tempfile.TemporaryDirectory() as folder:
            notebooks = [json.loads(_solution(name))] * CLASS
            seconds, earned = _command(Path(folder), name, notebooks, "--jobs", "2")
        assert len(earned) == CLASS
        measured = f"{seconds:.1f} s"
        what = f"{CLASS} submissions of assignment {name}, 2 processes, whole command"
        bars.append(Bar(what, f"≤ {bar:g} s" if bar else "–", measured, bar and seconds <= bar))
    return bars


def _command(
    folder: Path, name: str, notebooks: Sequence[dict[str, Any]], *options: str
) -> tuple[float, list[str]]:
    """Run `gradcourse grade` on a class, and read the gradebook."""
    submissions = _hand_in(folder, name, notebooks)
    command = [sys.executable, "-m", "gradcourse.cli", "grade", str(submissions)]
    start = time.perf_counter()
    done = subprocess.run(
        [*command, "--out", str(folder / "out"), "--assignment", name, *options],
        capture_output=True,
        text=True,
    )
    seconds = time.perf_counter() - start
    assert done.returncode in (0, 1), done.stderr + done.stdout  # 1: some to look at by hand
    return seconds, _learners(folder / "out")


def _hand_in(folder: Path, name: str, notebooks: Sequence[dict[str, Any]]) -> Path:
    submissions = folder / "submissions"
    submissions.mkdir()
    for learner, notebook in enumerate(notebooks):
        page = submissions / f"learner{learner:04}_{name}.ipynb"
        page.write_text(json.dumps(notebook), "utf-8")
    return submissions


def _learners(out: Path) -> list[str]:
    with (out / "gradebook.csv").open(encoding="utf-8-sig", newline="") as file:
        return [next(iter(row.values())) for row in csv.DictReader(file)]


# ---------------------------------------------------------------- fairness


LYING = 10_000
"""Processes that lie; the tests have 400 others."""


def fuzz() -> list[Bar]:
    """Processes that say anything but what is right, through the wire and the engine."""
    import test_replies

    start = time.perf_counter()
    first = 10**6  # other seeds than the tests'
    found = test_replies.earn_nothing(range(first, first + LYING))
    measured = f"0 of {LYING}, {sum(found.values())} reasons ({time.perf_counter() - start:.0f} s)"
    return [Bar("lying processes that earn a point or break the grader", "0", measured, True)]


def corpus() -> list[Bar]:
    """Every hostile, broken or odd submission of the tests, graded in this process."""
    from corpus import CASES, EVERYDAY, judge

    start = time.perf_counter()
    cases = (*CASES, *EVERYDAY)
    unfair = [case.name for case in cases if judge.unfair(case, judge.grade(case))]
    measured = f"{len(unfair)} of {len(cases)} ({time.perf_counter() - start:.0f} s)"
    if unfair:
        measured += ": " + ", ".join(unfair)
    return [Bar("unfair outcomes on the corpus", "0", measured, not unfair)]


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
