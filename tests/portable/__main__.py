"""Runs every lesson, every solution and every claim on each machine that this one can stand for.

    make portable                                  everything
    make portable ONLY="lessons/03 claims/07"      some of it
    make portable ON="oldest"                      on some machines
    python tests/portable --flipped                what once turned over, on the oldest kernels
    python tests/portable --times 5                five perturbed starts, five matrix noises

What has run stays in build/portable.json, by what it was run from: a run that was stopped goes on
where it was; what failed, or has changed, runs again (--again: all of it). The exit code is 1 when
one differs. A whole run that is green is written into docs/portable.md.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import hashlib
import json
import platform
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from machines import MACHINES, OLDEST_ONE, Machine, repeats

from gradcourse.lessons import LESSONS
from gradcourse.site.remembered import UNRELATED
from gradcourse.support import write_atomically

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from run import NBVAL, PYTEST, private_environment  # noqa: E402

MEMORY = ROOT / "build" / "portable.json"
PAGE = ROOT / "docs" / "portable.md"
ROOMS = ("lessons", "solutions", "claims")
FLIPPED = (
    "lessons/03",
    *("claims/03", "claims/06", "claims/07", "claims/09"),
)
"""Where something was found to turn over on other kernels once: continuous integration tries it
again. A lesson is run whole; of a file of claims, the tests that are marked `flipped`. (What turned
over in lessons 04, 06 and 09 is a claim of these files, or is no longer there; whole lessons take a
minute each, and `make portable` runs them all.)"""

WITHOUT_NUMBERS = {
    *(set(UNRELATED) - {"checking"}),  # a solution is checked
    *("address.py", "belongings.py", "cli.py", "colab.py", "health.py", "nodelay.py"),
    *("reopening.py", "stills.py"),
}
"""Parts of the package on which no measured number depends."""

TOPICAL = ("demos", "exercises", "experiments")
"""Parts with a folder or a file for each lesson: a change in one leaves the other lessons alone."""

STORED = {"measurements", "claim"}
"""Parts of the experiments that know all lessons' files; who reads what they stored runs none."""

CELL_SECONDS = 600

_TOPIC = re.compile(rf"gradcourse\.(?:{'|'.join(TOPICAL)})\.(\w+)")


@dataclass(frozen=True)
class Unit:
    """One notebook, or one file of claims.

    Attributes
    ----------
    name : str
        "lessons/03_the_recurrent_weight", "claims/03".
    path : str
        Relative to the course.
    tests : str
        Which tests of a file of claims, as pytest's ``-m`` takes it.
    """

    name: str
    path: str
    tests: str = "not slow"

    @property
    def room(self) -> str:
        """One of ``ROOMS``."""
        return self.name.partition("/")[0]

    def command(self) -> list[str]:
        """Return what runs it."""
        if self.room == "claims":
            return [*PYTEST, self.path, "-m", self.tests, "-n", "0", "-rf", "--tb=short"]
        timeout = f"--nbval-cell-timeout={CELL_SECONDS}"
        nbval = [word for word in NBVAL if not word.startswith("--nbval-cell-timeout")]
        return [*PYTEST, self.path, *nbval, timeout, "-n", "0", "-rf", "--tb=short"]


@dataclass(frozen=True)
class Outcome:
    """What a unit gave on a machine.

    Attributes
    ----------
    digest : str
        Of what it was run from.
    code : int
        pytest's exit code.
    seconds : float
    said : str
        The end of what was printed, where it failed.
    """

    digest: str
    code: int
    seconds: float
    said: str = ""


def units() -> list[Unit]:
    """Return everything that holds numbers."""
    found = [
        Unit(f"{room}/{path.stem}", path.relative_to(ROOT).as_posix())
        for room in ("lessons", "solutions")
        for path in sorted((ROOT / room).glob("[0-9][0-9]_*.ipynb"))
    ]
    for path in sorted((ROOT / "tests" / "lessons").glob("test_lesson_[0-9][0-9]_claims.py")):
        found.append(Unit(f"claims/{path.stem.split('_')[2]}", path.relative_to(ROOT).as_posix()))
    return found


class Memory:
    """What has run, kept in a file after each outcome."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._outcomes: dict[str, dict[str, Outcome]] = {}
        with contextlib.suppress(OSError, ValueError, TypeError):
            stored = json.loads(path.read_text(encoding="utf-8"))
            self._outcomes = {
                machine: {unit: Outcome(**outcome) for unit, outcome in own.items()}
                for machine, own in stored.items()
            }

    def get(self, machine: Machine, unit: Unit, digest: str) -> Outcome | None:
        """Return an outcome, if it came from what the unit is made of now."""
        outcome = self._outcomes.get(machine.name, {}).get(unit.name)
        return outcome if outcome and outcome.digest == digest else None

    def keep(self, machine: Machine, unit: Unit, outcome: Outcome) -> None:
        """Keep an outcome."""
        with self._lock:
            self._outcomes.setdefault(machine.name, {})[unit.name] = outcome
            plain = {
                name: {unit: vars(outcome) for unit, outcome in own.items()}
                for name, own in self._outcomes.items()
            }
            write_atomically(self._path, json.dumps(plain, indent=1))


def main() -> int:
    """Run what has not run, print the table, and return 1 if something differs."""
    options = _options()
    chosen = _flipped(units()) if options.flipped else _chosen(options.only, units())
    machines = _machines(options)
    memory = Memory(MEMORY)
    digests = {unit: _digest(unit) for unit in chosen}
    started = time.monotonic()
    waiting = [
        (machine, unit)
        for machine in machines
        for unit in chosen
        if options.again or not _is_good(memory.get(machine, unit, digests[unit]))
    ]
    print(f"{len(waiting)} of {len(machines) * len(chosen)} runs to do", flush=True)
    with tempfile.TemporaryDirectory() as private:
        environment = private_environment(Path(private))

        def run(task: tuple[Machine, Unit]) -> None:
            machine, unit = task
            outcome = _run(machine, unit, environment, digests[unit])
            memory.keep(machine, unit, outcome)
            mark = "✓" if outcome.code == 0 else "✗"
            print(f"{mark} {machine.name:20} {unit.name:40} {outcome.seconds:4.0f} s", flush=True)

        # Two threads each have two cores to themselves: on one they would wait for each other.
        for at_once, some in ((2, [1]), (1, [2])):
            with ThreadPoolExecutor(at_once) as pool:
                list(pool.map(run, (task for task in waiting if task[0].threads in some)))
    outcomes = {
        (machine, unit): memory.get(machine, unit, digests[unit])
        for machine in machines
        for unit in chosen
    }
    return _report(machines, chosen, outcomes, time.monotonic() - started)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make portable", description=__doc__.splitlines()[0])
    parser.add_argument("only", nargs="*", help="lessons/03, claims, solutions/07 …")
    parser.add_argument("--on", action="append", default=[], help="machines whose name begins so")
    parser.add_argument("--flipped", action="store_true", help="what once turned over, oldest")
    parser.add_argument("--times", type=int, default=0, help="perturb starts and products N times")
    parser.add_argument("--again", action="store_true", help="run what has run, too")
    return parser.parse_args()


def _machines(options: argparse.Namespace) -> tuple[Machine, ...]:
    if options.flipped:
        return (OLDEST_ONE,)
    available = repeats(options.times) if options.times else MACHINES
    names = tuple(options.on)
    chosen = tuple(one for one in available if not names or one.name.startswith(names))
    if not chosen:
        known = ", ".join(machine.name for machine in available)
        raise SystemExit(f"no machine begins with {' or '.join(names)}; there are: {known}")
    return chosen


def _chosen(words: Sequence[str], available: list[Unit]) -> list[Unit]:
    for word in words:
        if not any(unit.name.startswith(word) for unit in available):
            raise SystemExit(f"nothing is called {word!r}; say lessons, solutions/07, claims/03 …")
    return [unit for unit in available if not words or unit.name.startswith(tuple(words))]


def _flipped(available: list[Unit]) -> list[Unit]:
    return [
        replace(unit, name=f"{unit.name}, flipped", tests="flipped and not slow")
        if unit.room == "claims"
        else unit
        for unit in _chosen(FLIPPED, available)
    ]


def _digest(unit: Unit) -> str:
    """Digest what a unit's numbers are made of: itself, and the package that it may use."""
    content = (ROOT / unit.path).read_bytes()
    digest = hashlib.sha256(content)
    for path in _files_behind(unit, content.decode("utf-8")):
        digest.update(path.relative_to(ROOT).as_posix().encode() + path.read_bytes())
    digest.update((ROOT / "constraints.txt").read_bytes())
    return digest.hexdigest()[:16]


def _files_behind(unit: Unit, content: str) -> list[Path]:
    package, found = ROOT / "gradcourse", []
    others = {row.folder for row in LESSONS} - _topics(content)
    for path in sorted(package.rglob("*.py")):
        room, *inside = path.relative_to(package).parts
        if room in WITHOUT_NUMBERS or (room == "checking" and unit.room != "solutions"):
            continue
        if room not in TOPICAL or _topic(inside) not in others:
            found.append(path)
    return _without_unnamed(found, content)


def _without_unnamed(found: Sequence[Path], content: str) -> list[Path]:
    """Leave out the experiments of no lesson's own that neither a text nor what it runs imports."""
    folder = ROOT / "gradcourse" / "experiments"
    names = {
        path: _topic(path.relative_to(folder).parts) for path in found if folder in path.parents
    }
    own = {row.folder for row in LESSONS} | {"__init__", *STORED}
    unnamed = {path for path, name in names.items() if name not in own}
    imported, new = _experiments_in(content), set(found) - unnamed
    while new:
        for path in new:
            if names.get(path) not in STORED:
                imported |= _experiments_in(path.read_text(encoding="utf-8"))
        new = {path for path in unnamed if names[path] in imported}
        unnamed -= new
    return [path for path in found if path not in unnamed]


def _experiments_in(text: str) -> set[str]:
    """The modules of the experiments that a text imports."""
    listed = re.findall(r"gradcourse\.experiments import \(?([\w\s,]+)", text)
    return {*re.findall(r"\bexperiments\.(\w+)", text), *re.findall(r"\w+", " ".join(listed))}


def _topic(inside: Sequence[str]) -> str:
    """The lesson's folder that a file belongs to, by its place in one of the topical parts."""
    first = Path(inside[0]).stem
    return {"trials": Path(inside[-1]).stem, "errata": LESSONS[-1].folder}.get(first, first)


def _topics(content: str) -> set[str]:
    """Return the lessons' folders that a text names, and those that their files import."""
    folders = {row.topic: row.folder for row in LESSONS}
    found: set[str] = set()
    new = {folder for word, folder in folders.items() if f"{word}/" in content}
    new |= {folder for folder in folders.values() if f".{folder}" in content}
    while new:
        found |= new
        texts = [
            path.read_text(encoding="utf-8")
            for folder in new
            for room in TOPICAL
            for pattern in (f"{folder}.py", f"{folder}/*.py")
            for path in (ROOT / "gradcourse" / room).glob(pattern)
        ]
        imported = {name for text in texts for name in _TOPIC.findall(text)}
        new = imported - found - STORED
    # The last lesson measures the claims of all others.
    return set(folders.values()) if LESSONS[-1].folder in found else found


def _run(machine: Machine, unit: Unit, environment: dict[str, str], digest: str) -> Outcome:
    started = time.monotonic()
    done = subprocess.run(
        [str(word) for word in unit.command()],
        cwd=ROOT,
        env=environment | machine.variables(),
        capture_output=True,
        text=True,
        check=False,
    )
    seconds = time.monotonic() - started
    said = "" if done.returncode == 0 else (done.stdout + done.stderr)[-6000:]
    return Outcome(digest, done.returncode, round(seconds, 1), said)


def _report(
    machines: Sequence[Machine],
    chosen: Sequence[Unit],
    outcomes: dict[tuple[Machine, Unit], Outcome | None],
    seconds: float,
) -> int:
    failed = [
        (machine, unit, outcome)
        for (machine, unit), outcome in outcomes.items()
        if outcome is not None and outcome.code != 0
    ]
    for machine, unit, outcome in failed:
        print(f"\n── {machine.name}: {unit.name} " + "─" * 30)
        print(outcome.said)
        print(f'repeat:  make portable ONLY={unit.name} ON="{machine.name}"')
    table = _table(machines, chosen, outcomes)
    print("\n" + table)
    print(f"\n{len(outcomes) - len(failed)} passed, {len(failed)} failed; {seconds / 60:.0f} min")
    whole = set(machines) >= set(MACHINES) and len(chosen) == len(units())
    if whole and not failed:
        PAGE.write_text(_page(table) + _said_below(PAGE), encoding="utf-8")
        print(f"written: {PAGE.relative_to(ROOT)}")
    return int(bool(failed))


def _table(
    machines: Sequence[Machine],
    chosen: Sequence[Unit],
    outcomes: dict[tuple[Machine, Unit], Outcome | None],
) -> str:
    rooms = [room for room in ROOMS if any(unit.room == room for unit in chosen)]
    lines = [f"| | {' | '.join(rooms)} | what differs |", "|---" * (len(rooms) + 2) + "|"]
    for machine in machines:
        cells, differing = [], []
        for room in rooms:
            own = [unit for unit in chosen if unit.room == room]
            good = [unit for unit in own if _is_good(outcomes[machine, unit])]
            cells.append(f"{len(good)} of {len(own)}")
            differing += [unit.name for unit in own if unit not in good]
        lines.append(f"| {machine.name} | {' | '.join(cells)} | {', '.join(differing) or '–'} |")
    return "\n".join(lines)


def _is_good(outcome: Outcome | None) -> bool:
    return outcome is not None and outcome.code == 0


def _said_below(page: Path) -> str:
    """What somebody has written below the table, which no run knows."""
    text = page.read_text(encoding="utf-8") if page.exists() else ""
    return text.rpartition("|\n")[2]


def _page(table: str) -> str:
    import torch

    today = datetime.date.today().isoformat()
    kernels = torch.backends.cpu.get_cpu_capability()
    versions = f"Python {platform.python_version()}, torch {torch.__version__.partition('+')[0]}"
    return f"""# The same numbers on other machines

Every lesson, every solution and every claim of `tests/lessons/` (without those marked `slow`), run
by `make portable` on {today}: {versions}, {platform.system()}, {platform.machine()}.

- *natural* are this processor's own kernels ({kernels}); *avx2* and *oldest* (SSE) are those that
  torch, MKL, oneDNN and OpenBLAS choose for older processors.
- *matmul noise* multiplies each matrix product of torch by 1 + 10⁻⁷ N(0, 1). It stands for machines
  that we lack and that add in another order.

A number counts as the same within the tolerance that its cell states
([the source format](contributor.md#the-source-format)), all else to the letter.

{table}
"""


if __name__ == "__main__":
    raise SystemExit(main())
