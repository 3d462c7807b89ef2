"""Is the diagnosis right? Small networks, healthy and sick, labelled by how they were made.

Two sets: thresholds were tuned on the first, and fixed before the second was made for the first
time. Two published sets of absolute rules judge the same records. Then runs with a fault that
somebody asked about, re-made, and the first remedy carried out; ``python benchmarks/diagnosis.py
faults 1`` makes these alone, with one seed. Run it with ``make bench`` or ``python
benchmarks/diagnosis.py``. Exit code 1 when a bar is missed on the second set.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "diagnosis"))

if TYPE_CHECKING:
    from faults import Fault, Setup
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


def norm_rules(record: Record, large: float) -> str:
    """Rules of thumb from the web: a norm below 1e-7 vanishes, one above ``large`` explodes."""
    norms = record.weight_gradient_norm
    if record.nonfinite.any():
        return "non-finite"
    if np.nanmin(norms) < 1e-7:
        return "vanishing"
    return "exploding" if np.nanmax(norms) > large else "healthy"


def sagemaker_rules(record: Record) -> str:
    """Amazon SageMaker Debugger's built-in rules at their documented defaults, by a record.

    VanishingGradient: mean |g| of a weight below 1e-7 (its root mean square here, which is 1.25
    times that for Gaussian entries). DeadRelu: more than 50 % of a layer's units inactive.
    WeightUpdateRatio: above 10, or below 1e-8. ExplodingTensor: NaN or Inf.
    """
    if record.nonfinite.any():
        return "non-finite"
    if (record.dead_fraction > 0.5).any():
        return "dead"
    if np.nanmin(record.weight_gradient_rms) < 1e-7:
        return "vanishing"
    ratio = record.update_ratio
    if (ratio > 10).any():
        return "update too large"
    return "update too small" if (ratio < 1e-8).any() else "healthy"


JUDGES: dict[str, Callable[[Record], str]] = {
    "gc.diagnose": ours,
    "norm < 1e-7 or > 1": lambda record: norm_rules(record, 1.0),
    "norm < 1e-7 or > 70": lambda record: norm_rules(record, 70.0),
    "SageMaker Debugger's rules": sagemaker_rules,
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
    print(f"{'judge':<28} | {'right':>7} | false alarms")
    for name, tally in tallies.items():
        alarms = f"{tally.alarms} of {tally.healthy} ({tally.false_alarms:.1%})"
        print(f"{name:<28} | {tally.share:>7.1%} | {alarms}")
    for line in tallies["gc.diagnose"].wrong:
        print(f"  {line}")


@dataclass
class Outcome:
    """What the diagnosis said of one faulty run, and what its first remedy did."""

    name: str
    said: list[str] = field(default_factory=list)
    grades: list[str] = field(default_factory=list)
    alarms: list[str] = field(default_factory=list)


def judge_fault(fault: Fault, seeds: Iterable[int]) -> Outcome:
    """Diagnose a fault over seeds, carry its first remedy out, and look whether it then learns.

    right: the finding names the cause, and the first remedy brings the loss to that of the
    repaired form, within twice its spread over the seeds. partly: a person must carry it out, or
    it does not bring it there. misleading: another cause. wrong: none.
    """
    from faults import carry_out, run

    from gradcourse.diagnosis import diagnose
    from gradcourse.instrument import probe

    seeds = list(seeds)
    outcome = Outcome(fault.name)
    ends = []
    for seed in seeds:
        record, losses = run(fault.fixed, seed, probe)
        ends.append(_end(losses))
        diagnosis = diagnose(record)
        if not diagnosis.healthy:
            outcome.alarms.append(f"seed {seed}: {diagnosis.headline}")
    start = float(np.median(run(replace(fault.fixed, steps=3), seeds[0])[1]))
    # A tenth of the whole fall on top: one seed has no spread.
    limit = float(np.mean(ends) + 2 * np.std(ends)) + 0.1 * abs(start - float(np.mean(ends)))
    for seed in seeds:
        record, losses = run(fault.bug, seed, probe)
        finding = diagnose(record).primary
        outcome.said.append(finding.kind)
        if finding.kind in ("healthy", "not learning"):
            outcome.grades.append("wrong")
            continue
        if finding.kind not in fault.kinds:
            outcome.grades.append("misleading")
            continue
        cured = carry_out(finding.remedies[0], fault.bug) if finding.remedies else None
        end = _end(run(cured, seed)[1]) if cured is not None else float("inf")
        # Another loss function, or other units, have no common scale: then it is learning at all.
        right = end <= limit or _learns(cured, seed, fault)
        outcome.grades.append("right" if right else "partly")
    return outcome


def _end(losses: list[float]) -> float:
    return float(np.median(losses[-len(losses) // 4 :]))


def _learns(setup: Setup | None, seed: int, fault: Fault) -> bool:
    """Whether a run falls by at least half as many decades as the repaired form's."""
    from faults import run

    if setup is None:
        return False
    falls = []
    for each in (setup, fault.fixed):
        losses = run(each, seed)[1]
        start, end = float(np.median(losses[:3])), _end(losses)
        falls.append(np.log(start / end) if 0 < end < start else 0.0)
    same = (setup.loss, setup.standard) == (fault.fixed.loss, fault.fixed.standard)
    return not same and falls[0] >= 0.5 * falls[1] > 0


def judge_faults(seeds: Iterable[int]) -> list[Outcome]:
    """All faults of the table, printed one by one."""
    from faults import FAULTS

    outcomes = []
    print(f"\n{'fault':<46} | said · grade, by seed")
    for fault in FAULTS:
        with np.errstate(all="ignore"):
            outcome = judge_fault(fault, seeds)
        outcomes.append(outcome)
        said = ", ".join(f"{s} · {g}" for s, g in zip(outcome.said, outcome.grades, strict=True))
        alarms = f" | repaired: {'; '.join(outcome.alarms)}" if outcome.alarms else ""
        print(f"{outcome.name:<46} | {said}{alarms}", flush=True)
    grades = Counter(grade for outcome in outcomes for grade in outcome.grades)
    total = sum(grades.values())
    counts = ", ".join(f"{grades[g]} {g}" for g in ("right", "partly", "wrong", "misleading"))
    alarms = sum(len(outcome.alarms) for outcome in outcomes)
    print(f"{total} runs with a fault: {counts}; {alarms} false alarms in {total} repaired ones")
    return outcomes


def main() -> int:
    """Judge both sets, print the tables, and return the exit code."""
    import torch
    from patients import patients

    torch.set_num_threads(1)
    if sys.argv[1:2] == ["faults"]:
        judge_faults(range(int(sys.argv[2]) if sys.argv[2:] else 3))
        return 0
    start = time.perf_counter()
    last: dict[str, Tally] = {}
    for title, seed in (("tuned on", TUNED_SEED), ("unseen", UNSEEN_SEED)):
        chosen = patients(seed, ROUNDS)
        last = judge_all(chosen)
        report(title, last, Counter(patient.label for patient in chosen))
    judge_faults(range(3))
    ours = last["gc.diagnose"]
    ok = ours.share >= RIGHT and ours.false_alarms <= FALSE_ALARMS
    print(
        f"\nbar on the unseen set: at least {RIGHT:.0%} right, at most {FALSE_ALARMS:.0%} false "
        f"alarms: {'✓' if ok else '✗'}  ({time.perf_counter() - start:.0f} s)"
    )
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())
