"""The tests of the course, in tiers. Also: one step alone, or some tests of a step.

    python tests/run.py check              what belongs to what has changed, in a minute and a half
    python tests/run.py test               everything but what is marked rest or slow
    python tests/run.py rest               what is marked rest: the cases of which `test` tries some
    python tests/run.py slow               what is marked slow
    python tests/run.py lint               format, lint, types and floors
    python tests/run.py package [TEST …]   one step, or only these tests of it

Each step runs even when one before it failed, and the exit code is 1 when any did. `types` needs
one processor for most of a minute, so it runs beside the steps that leave one idle.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shlex
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import psutil

sys.path.insert(0, str(Path(__file__).parent))

import bookkeeping
import changes
import sharing

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent
PYTHON = [sys.executable, "-m"]
PYTEST = [*PYTHON, "pytest", "-q", "-p", "tests.bookkeeping", "-p", "tests.sharing"]
BALANCED = ["-n", "2", "--dist", "loadfile", "--no-loadscope-reorder"]
"""A file's experiments are shared by its tests, so one worker gets all of it; longest first."""

NBVAL = [
    "--nbval-lax",
    "--nbval-current-env",
    "--nbval-cell-timeout=120",
    "--nbval-sanitize-with=tests/nbval_sanitize.cfg",
    *["-p", "tests.nbval_numbers"],
]
NOTHING_COLLECTED = 5
CHECK_BUDGET = 120.0
"""Seconds of tests that `check` takes on, with two workers, after half a minute of starting up."""

MANY = 12
"""Of more failures than this the command that repeats them names the files."""


@dataclass(frozen=True)
class Step:
    """One command, and the files it looks at; ``beside`` lets the next step start at once.

    ``may_be_empty`` says that it is no failure when there is no test of that kind.
    """

    name: str
    command: Sequence[str]
    targets: Sequence[str] = ()
    beside: bool = False
    may_be_empty: bool = False


@dataclass
class Outcome:
    """How a step ended."""

    name: str
    code: int
    seconds: float
    targets: Sequence[str]
    failed: list[str] = field(default_factory=list)
    took: dict[str, float] = field(default_factory=dict)


FORMAT = Step("format", [*PYTHON, "ruff", "format", "--check", "--quiet"], ["."])
STYLE = Step("style", [*PYTHON, "ruff", "check", "--quiet"], ["."])
TYPES = Step("types", [*PYTHON, "mypy"], beside=True)
FLOORS = Step("floors", [str(BIN / "lint-imports")])
PACKAGE = Step("package", [*PYTEST, "--ignore=tests/browser", *BALANCED], ["tests"])
NOTEBOOKS = Step("notebooks", [*PYTEST, *NBVAL, *BALANCED], list(changes.NOTEBOOKS))
BROWSER = Step("browser", [*PYTEST, "-rs", *BALANCED], ["tests/browser"])
LINT = (TYPES, FORMAT, STYLE, FLOORS)
STEPS = (*LINT, BROWSER, PACKAGE, NOTEBOOKS)
TIERS = ("check", "test", "rest", "slow", "lint")
FIRST = "not slow and not rest"
"""The tests of `check` and `test`."""


def main() -> int:
    """Run a tier or a step, print a table of the steps, and return the exit code."""
    words = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    names = [*TIERS, *(step.name for step in STEPS)]
    words.add_argument("what", nargs="?", default="test", choices=names)
    words.add_argument("targets", nargs="*", help="tests or files of a single step; options, too")
    words.add_argument("--record", action="store_true", help="note how long each file takes")
    asked, options = words.parse_known_args()
    if asked.what in TIERS and (asked.targets or options):
        words.error(f"{asked.what} takes none of {' '.join([*asked.targets, *options])}")
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as private, _memory() as peak:
        outcomes = _run_all(_steps(asked.what, [*asked.targets, *options]), Path(private))
    _summary(outcomes, time.monotonic() - started, peak)
    for names in (("chromium", "chromium-browser"), ("firefox-esr", "firefox")):
        if asked.what in ("test", "rest", "browser") and not any(map(shutil.which, names)):
            print(f"! The tests in {names[0]} did not run: it is not on this machine.")
    if asked.record:
        _record(outcomes)
    return int(any(outcome.code for outcome in outcomes))


def _steps(what: str, targets: Sequence[str]) -> list[Step]:
    if what == "check":
        return _touched()
    if what == "lint":
        return list(LINT)
    if what == "test":
        pages = replace(NOTEBOOKS, targets=["lessons", *_solutions()[::2]])
        return [pages if step is NOTEBOOKS else _marked(step, FIRST) for step in STEPS]
    if what == "rest":
        browser, package = (_marked(step, "rest and not slow") for step in (BROWSER, PACKAGE))
        pages = replace(NOTEBOOKS, targets=["exercises", *_solutions()[1::2]])
        return [replace(browser, beside=True), package, pages]
    if what == "slow":
        return [replace(_marked(step, "slow"), may_be_empty=True) for step in (BROWSER, PACKAGE)]
    (step,) = (step for step in STEPS if step.name == what)
    step = replace(step, beside=False)
    if not targets:
        return [_marked(step, FIRST)]
    return [replace(step, targets=targets)]


def _solutions() -> list[str]:
    """The solutions' notebooks: `test` runs every second, `rest` the others and the exercises."""
    return sorted(path.relative_to(ROOT).as_posix() for path in ROOT.glob("solutions/*.ipynb"))


def _marked(step: Step, expression: str) -> Step:
    """Only the tests with this mark, where it is a step of tests."""
    if step.name not in ("package", "browser"):
        return step
    return replace(step, command=[*step.command, "-m", expression])


def _touched() -> list[Step]:
    """The steps of `check`, and a word about what it left out."""
    changed, since = changes.changed_files()
    python = [name for name in changed if name.endswith(".py") and (ROOT / name).exists()]
    targets, left = changes.within(
        changes.belonging(changed), bookkeeping.known_seconds(), CHECK_BUDGET
    )
    notebooks = [target for target in targets if target.endswith(".ipynb")]
    tests = [target for target in targets if target not in notebooks]
    print(f"{len(changed)} files changed ({since}); run here: {' '.join(targets) or 'no test'}")
    if left:
        print(f"Left to `make test`, for they take long: {' '.join(left)}")
    steps = []
    if any(name.startswith("gradcourse/") for name in python):
        steps += [TYPES, FLOORS]
    if python:
        steps += [replace(step, targets=python) for step in (FORMAT, STYLE)]
    if tests:
        package = [*PACKAGE.command, "-m", FIRST]
        steps.append(Step("package", package, tests, may_be_empty=True))
    if notebooks:
        steps.append(replace(NOTEBOOKS, targets=notebooks))
    return steps


# ── Running ───────────────────────────────────────────────────────────────────────────────────


def _run_all(steps: Sequence[Step], private: Path) -> list[Outcome]:
    """Run the steps in order; the output of one that runs beside others is shown at its end."""
    outcomes: list[Outcome] = []
    waiting: list[Running] = []
    (private / "shared").mkdir()
    sharing.startup(private / "ipython")
    for step in steps:
        if step.beside:
            waiting.append(Running(step, private))
            continue
        _title(step.name)
        outcomes.append(Running(step, private).outcome())
        for one in [one for one in waiting if one.process.poll() is not None]:
            waiting.remove(one)
            outcomes.append(one.outcome())
    return outcomes + [one.outcome() for one in waiting]


def _title(name: str) -> None:
    print(f"\n── {name} " + "─" * (70 - len(name)), flush=True)


class Running:
    """A step that has been started."""

    def __init__(self, step: Step, private: Path) -> None:
        self.step = step
        self._notes = private / f"{step.name}.json"
        self._shown = private / f"{step.name}.txt"
        self._started = time.monotonic()
        self._seconds = 0.0
        environment = private_environment(private) | {
            bookkeeping.NOTES: str(self._notes),
            sharing.FOLDER: str(private / "shared"),
        }
        command = [*step.command, *step.targets]
        with self._shown.open("w") as file:
            output = file if step.beside else None
            self.process = subprocess.Popen(
                command, cwd=ROOT, env=environment, stdout=output, stderr=output
            )
        self._clock = threading.Thread(target=self._wait)
        self._clock.start()

    def _wait(self) -> None:
        self.process.wait()
        self._seconds = time.monotonic() - self._started

    def outcome(self) -> Outcome:
        """Wait for its end; show what a step that ran beside others has printed."""
        self._clock.join()
        if self.step.beside:
            _title(self.step.name)
            print(self._shown.read_text("utf-8", errors="replace"), end="", flush=True)
        code = self.process.returncode
        if code == NOTHING_COLLECTED and self.step.may_be_empty:
            code = 0
        noted = json.loads(self._notes.read_text("utf-8")) if self._notes.exists() else {}
        failed, took = noted.get("failed", []), noted.get("seconds", {})
        return Outcome(self.step.name, code, self._seconds, self.step.targets, failed, took)


def private_environment(private: Path) -> dict[str, str]:
    """Nothing of the user's own Jupyter or progress is read or written; one thread each.

    What Python compiles is kept, whatever the user's rule: hundreds of processes need it.
    """
    left_out = (sharing.FOLDER, "PYTHONDONTWRITEBYTECODE")
    inherited = {name: value for name, value in os.environ.items() if name not in left_out}
    return {
        **inherited,
        "OMP_NUM_THREADS": "1",
        "OMP_WAIT_POLICY": "PASSIVE",
        "GRADCOURSE_PROGRESS": "off",
        "IPYTHONDIR": str(private / "ipython"),
        "JUPYTER_CONFIG_DIR": str(private / "jupyter"),
        "PYTHONHASHSEED": "0",
    }


@contextmanager
def _memory() -> Iterator[list[float]]:
    """Watch how much all processes hold together, in GB; pages that they share count for each."""
    peak, ended = [0.0], threading.Event()

    def watch() -> None:
        while not ended.wait(2.0):
            held = 0.0
            for process in psutil.Process().children(recursive=True):
                with suppress(psutil.Error):
                    held += process.memory_info().rss / 1e9
            peak[0] = max(peak[0], held)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield peak
    finally:
        ended.set()
        watcher.join()


# ── At the end ────────────────────────────────────────────────────────────────────────────────


def _summary(outcomes: Sequence[Outcome], seconds: float, peak: Sequence[float]) -> None:
    print("\n── summary " + "─" * 64)
    for outcome in outcomes:
        print(f"{'✗' if outcome.code else '✓'} {outcome.name:<10} {_minutes(outcome.seconds)}")
    largest = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024 / 1e9
    print(f"  all        {_minutes(seconds)}; memory: largest process {largest:.1f} GB, ", end="")
    print(f"all together {peak[0]:.1f} GB")
    failed = [outcome for outcome in outcomes if outcome.code]
    print(f"steps: {len(outcomes) - len(failed)} passed, {len(failed)} failed")
    for outcome in failed:
        for node in outcome.failed[:MANY]:
            print(f"  failed: {node}")
        if len(outcome.failed) > MANY:
            print(f"  and {len(outcome.failed) - MANY} more")
    if failed:
        print("To repeat just that:")
    for outcome in failed:
        words = [os.path.relpath(sys.executable), "tests/run.py", outcome.name, *_again(outcome)]
        print(f"  {shlex.join(words)}")


def _again(outcome: Outcome) -> Sequence[str]:
    """What repeats the failures. The cells of a notebook need those before them."""
    if not outcome.failed:
        return outcome.targets
    files = list(dict.fromkeys(map(bookkeeping.file_of, outcome.failed)))
    whole = outcome.name == "notebooks" or len(outcome.failed) > MANY
    return files if whole else outcome.failed


def _minutes(seconds: float) -> str:
    return f"{int(seconds) // 60:3}:{int(seconds) % 60:02}"


def _record(outcomes: Sequence[Outcome]) -> None:
    took = {name: round(n) for one in outcomes for name, n in one.took.items() if round(n)}
    known = bookkeeping.known_seconds() | took
    there = {name: known[name] for name in sorted(known) if (ROOT / name).exists()}
    bookkeeping.SECONDS.write_text(json.dumps(there, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    raise SystemExit(main())
