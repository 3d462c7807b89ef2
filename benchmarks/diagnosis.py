"""Is the diagnosis right? Small networks, healthy and sick, labelled by how they were made.

Two sets: thresholds were tuned on the first, and fixed before the second was made for the first
time. Published rules judge the same records. ``real_runs.py`` has faults that people asked about,
and nets of other kinds that learn. Run it with ``make bench`` or on its own.
Exit code 1 when a bar is missed on the second set.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "diagnosis")]

from benchmarks.others.rules import RULES, Seen  # noqa: E402

if TYPE_CHECKING:
    from patients import Patient

    from gradcourse.instrument import Record

TUNED_SEED = 1_000
UNSEEN_SEED = 50_000
ROUNDS = 4
RIGHT = 0.95
FALSE_ALARMS = 0.01


def ours(record: Record) -> str:
    """The package's own diagnosis."""
    from gradcourse.diagnosis import diagnose

    return diagnose(record).primary.kind


def first_of(rule: Callable[[Seen], list[str]]) -> Callable[[Record], str]:
    """What a set of published rules says first; the range of the inputs is not known here."""
    return lambda record: next(iter(rule(Seen(record))), "healthy")


JUDGES: dict[str, Callable[[Record], str]] = {
    "gc.diagnose": ours,
    **{name: first_of(rule) for name, rule in RULES.items()},
}


@dataclass
class Tally:
    """How often one judge was right."""

    right: int = 0
    total: int = 0
    alarms: int = 0
    healthy: int = 0
    wrong: list[str] = field(default_factory=list)

    def add(self, patient: Patient, said: str) -> None:
        """Count one verdict."""
        self.total += 1
        self.healthy += patient.label == "healthy"
        self.right += said == patient.label
        self.alarms += patient.label == "healthy" and said != "healthy"
        if said != patient.label:
            self.wrong.append(f"{patient!r} was called {said}")

    @property
    def share(self) -> float:
        """Share of right verdicts."""
        return self.right / self.total

    @property
    def false_alarms(self) -> float:
        """Share of the healthy ones that were called sick."""
        return self.alarms / self.healthy if self.healthy else 0.0


def judge_all(patients: Iterable[Patient]) -> dict[str, Tally]:
    """Observe each patient once and let every judge say what it is."""
    tallies = {name: Tally() for name in JUDGES}
    with np.errstate(all="ignore"):
        for patient in patients:
            record = patient.observe()
            for name, judge in JUDGES.items():
                tallies[name].add(patient, judge(record))
    return tallies


def report(title: str, tallies: dict[str, Tally], labels: Counter[str]) -> None:
    """Print one set."""
    counts = ", ".join(f"{n} {label}" for label, n in labels.most_common())
    print(f"\n{title}: {sum(labels.values())} networks ({counts})")
    print(f"{'judge':<36} | {'right':>7} | false alarms")
    for name, tally in tallies.items():
        alarms = f"{tally.alarms} of {tally.healthy} ({tally.false_alarms:.1%})"
        print(f"{name:<36} | {tally.share:>7.1%} | {alarms}")
    for line in tallies["gc.diagnose"].wrong:
        print(f"  {line}")


def main() -> int:
    """Judge both sets, print the tables, and return the exit code."""
    import torch
    from patients import patients

    torch.set_num_threads(1)
    start = time.perf_counter()
    last: dict[str, Tally] = {}
    for title, seed in (("tuned on", TUNED_SEED), ("unseen", UNSEEN_SEED)):
        chosen = patients(seed, ROUNDS)
        last = judge_all(chosen)
        report(title, last, Counter(patient.label for patient in chosen))
    ours = last["gc.diagnose"]
    ok = ours.share >= RIGHT and ours.false_alarms <= FALSE_ALARMS
    print(
        f"\nbar on the unseen set: at least {RIGHT:.0%} right, at most {FALSE_ALARMS:.0%} false "
        f"alarms: {'✓' if ok else '✗'}  ({time.perf_counter() - start:.0f} s)"
    )
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())
