"""The bars of the checking engine: ready at once, quick to check, light to import.

Run it with ``make bench`` or ``python benchmarks/checking.py``. Exit code 1 when a bar is missed.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

REPEATS = 7
HEAVY = ("matplotlib", "ipywidgets", "anywidget", "torch", "torch.optim", "sklearn")

IMPORT = """
import time
start = time.perf_counter()
import {module}
print(time.perf_counter() - start)
"""

READY = """
import gradcourse as gc
import time
start = time.perf_counter()
gc.check
from gradcourse.exercises import get
get("chain/lyapunov")
print(time.perf_counter() - start)
"""

LOADED = f"""
import sys
import gradcourse
print(" ".join(name for name in {HEAVY!r} if name in sys.modules))
"""


@dataclass(frozen=True)
class Bar:
    """One measurement against its bar."""

    what: str
    bar: str
    measured: str
    ok: bool


def main() -> int:
    """Measure, print the table, and return the exit code."""
    bars = [import_ratio(), loaded_modules(), engine_ready(), *ordinary_checks(), wrong_answers()]
    widths = [max(len(getattr(b, name)) for b in bars) for name in ("what", "bar", "measured")]
    for b in [Bar("what", "bar", "measured", True), *bars]:
        verdict = "ok" if b.what == "what" else ("✓" if b.ok else "✗")
        cells = (b.what, b.bar, b.measured)
        row = " | ".join(f"{text:<{w}}" for text, w in zip(cells, widths, strict=True))
        print(f"{row} | {verdict}")
    return int(not all(b.ok for b in bars))


def fresh(script: str) -> str:
    """Run a script in a process of its own and return what it printed."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, env=environment, check=True
    )
    return done.stdout.strip()


def import_ratio() -> Bar:
    """The two imports take turns, so that a busy machine slows both."""
    times: dict[str, list[float]] = {"torch": [], "gradcourse": []}
    for module in times:
        fresh(IMPORT.format(module=module))
    for _ in range(REPEATS):
        for module, seconds in times.items():
            seconds.append(float(fresh(IMPORT.format(module=module))))
    ours, torch = (statistics.median(times[m]) for m in ("gradcourse", "torch"))
    ratio = ours / torch
    measured = f"{ratio:.3f} ({1000 * ours:.1f} ms / {1000 * torch:.0f} ms)"
    return Bar("import gradcourse ÷ import torch", "≤ 1.15", measured, ratio <= 1.15)


def loaded_modules() -> Bar:
    """Return which heavy modules the import brought along."""
    found = fresh(LOADED)
    return Bar("heavy modules that import gradcourse loads", "none", found or "none", not found)


def engine_ready() -> Bar:
    """From the import to an exercise in hand."""
    seconds = statistics.median(float(fresh(READY)) for _ in range(REPEATS))
    measured = f"{seconds:.3f} s"
    return Bar("engine ready after import gradcourse", "≤ 0.2 s", measured, seconds <= 0.2)


def ordinary_checks() -> list[Bar]:
    """Every code exercise of the course, checked right and wrong, with fresh inputs."""
    from gradcourse.checking import CodeExercise, check
    from gradcourse.exercises import all_exercises

    right, wrong = [], []
    for exercise in all_exercises():
        if not isinstance(exercise, CodeExercise):
            continue
        reference = {f.name: f.reference for f in exercise.functions}
        first = exercise.functions[0]
        slip = reference | {first.name: first.misconceptions[-1].answer}
        for answers, times in ((reference, right), (slip, wrong)):
            check(exercise, answers)
            for _ in range(REPEATS):
                start = time.perf_counter()
                check(exercise, answers)
                times.append(time.perf_counter() - start)
    bars = []
    for what, times in (("right answer", right), ("misconception named", wrong)):
        median, worst = 1000 * statistics.median(times), 1000 * max(times)
        measured = f"{median:.1f} ms (slowest {worst:.0f} ms of {len(times)})"
        bars.append(Bar(f"one check, {what}, median", "≤ 30 ms", measured, median <= 30))
    return bars


def wrong_answers() -> Bar:
    """Wrong answers as learners write them, most with no slip to match: all is tried on them."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "checking"))
    import wrong

    from gradcourse.checking import CodeExercise
    from gradcourse.exercises import get

    times = []
    for answer in wrong.wrong_answers():
        if isinstance(get(answer.question), CodeExercise):
            wrong.judged(answer)
            start = time.perf_counter()
            wrong.judged(answer)
            times.append(time.perf_counter() - start)
    times.sort()
    most = 1000 * times[int(0.95 * len(times))]
    measured = f"{most:.0f} ms (median {1000 * statistics.median(times):.0f} ms of {len(times)})"
    return Bar("verdict on a learner's wrong answer, 19 of 20", "≤ 300 ms", measured, most <= 300)


if __name__ == "__main__":
    raise SystemExit(main())
