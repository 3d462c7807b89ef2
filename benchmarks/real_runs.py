"""Runs that people asked about, and runs that learn: what is said of them, ours and published.

    python benchmarks/real_runs.py                    all that is not known yet, then the table
    python benchmarks/real_runs.py faults             one section: faults, loops, posts or sound
    python benchmarks/real_runs.py sound 2/5          the second of five parts of it
    python benchmarks/real_runs.py posts 31880720     those with this in their names
    python benchmarks/real_runs.py learn 2/5          do the sound ones learn in time?
    python benchmarks/real_runs.py table              what is known, without running anything

*faults* are those of a field trial, *posts* the questions of the published benchmarks, *loops* are
faults of the loop around a net, which came later than the rules for them and count for no bar; each
with its repaired form (``tests/diagnosis/faults``). On each, with three seeds, the first remedy is
carried out by its action alone, which knows no case. *sound* are networks that learn
(``tests/diagnosis/sound``); the list was written, and seen to learn, before any verdict on it was
looked at. The posts' repaired forms count with them, where they learn in the recorded steps.
Results are kept in ``build/benchmarks`` until the diagnosis or a case changes. Exit code 1 when a
bar is missed.
"""

from __future__ import annotations

import math
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "diagnosis")]

from benchmarks.others.ledger import Ledger  # noqa: E402
from benchmarks.others.rules import RULES, Seen, input_range  # noqa: E402

if TYPE_CHECKING:
    from faults import Fault, Run, Setup
    from sound import Sound

    from gradcourse.diagnosis import Diagnosis, Remedy

SEEDS = 3
LONGER = 5
SECTIONS = ("faults", "loops", "posts", "sound")
SOURCES = ("gradcourse/diagnosis", "gradcourse/instrument", "tests/diagnosis/faults",
           "tests/diagnosis/sound", "benchmarks/others")  # fmt: skip
NOTHING = ("healthy", "not learning")
BARS = {"posts, right": 0.75, "posts, any": 0.90, "false alarms": 0.02}


# ---- one run, watched


def watched(probe: Any, limits: list[float]) -> Any:
    """A probe that also notes the range of the inputs."""
    import contextlib

    @contextlib.contextmanager
    def both(model: Any, optimizer: Any) -> Any:
        with input_range(model) as seen, probe(model, optimizer) as record:
            yield record
        limits[:] = seen

    return both


def verdicts(record: Any, limits: list[float]) -> dict[str, Any]:
    """What our diagnosis and each set of rules say."""
    from gradcourse.diagnosis import diagnose

    diagnosis = diagnose(record)
    rules: dict[str, list[str]] = {}
    if len(record):
        with np.errstate(all="ignore"):
            rules = {name: rule(Seen(record, *limits)) for name, rule in RULES.items()}
    return {"diagnosis": diagnosis, "rules": rules}


def is_alarm(diagnosis: Diagnosis) -> bool:
    """Every finding, and every headline but "healthy" and "it has just begun"."""
    return not diagnosis.healthy


# ---- faults


def judge_fault(fault: Fault) -> dict[str, Any]:
    """Over the seeds: what is said, and whether the first remedy brings it to the repaired form.

    right: a cause is named, and the first remedy brings the loss to that of the repaired form,
    within twice its spread over the seeds. partly: a cause of this fault is named, but a person
    must carry the remedy out, or it is not enough. misleading: another cause, whose remedy does not
    help. wrong: none. A run that does as well as its repaired form has no fault in this seed.
    """
    from faults import run

    from gradcourse.instrument import probe

    fixed: list[Run] = []
    result: dict[str, Any] = {
        **{"said": [], "grades": [], "rules": [], "alarms": [], "sound": [], "learned": []}
    }
    for seed in range(SEEDS):
        limits = [math.nan] * 2
        fixed.append(run(fault.fixed, seed, watched(probe, limits)))
        said = verdicts(fixed[-1].record, limits)
        diagnosis = said["diagnosis"]
        result["alarms"].append(diagnosis.headline if is_alarm(diagnosis) else "")
        result["sound"].append(said["rules"])
        result["learned"].append(_has_learned(fixed[-1].losses))
    goal = Goal(fault.fixed, fixed)
    for seed in range(SEEDS):
        limits = [math.nan] * 2
        bug = run(fault.bug, seed, watched(probe, limits))
        said = verdicts(bug.record, limits)
        finding = said["diagnosis"].primary
        result["said"].append(finding.kind)
        result["rules"].append(said["rules"])
        result["grades"].append(_grade(fault, finding, bug, goal, seed))
    return result


def _has_learned(losses: list[float]) -> bool:
    start = float(np.median(losses[:5]))
    return end(losses) < start - 0.2 * abs(start)


class Goal:
    """What a repaired form reaches: its loss, with its spread over the seeds, and its score."""

    def __init__(self, setup: Setup, runs: list[Run]) -> None:
        from faults.setup import DATA

        self._setup = setup
        ends = [end(run.losses) for run in runs]
        start = float(np.median([np.median(run.losses[:3]) for run in runs]))
        mean = float(np.mean(ends))
        # A twentieth of the whole fall on top: three seeds say little of a spread.
        self._loss = mean + 2 * float(np.std(ends)) + 0.05 * abs(start - mean)
        scores = [run.score for run in runs]
        # Of classes, the share of right ones is what counts.
        self._of_classes = not DATA[setup.data](0)[1].is_floating_point()
        self._score = float(np.mean(scores) - 2 * np.std(scores)) - 0.05

    def is_reached(self, setup: Setup, run: Run) -> bool:
        """By its loss; by the score where losses have other functions or units, or of classes.

        Not by a loss in training where what is trained gives NaN in evaluation.
        """
        if math.isnan(run.score):
            return False
        one, other = ((s.loss, s.standard, s.data) for s in (setup, self._setup))
        if one == other and end(run.losses) <= self._loss:
            return True
        return run.score >= self._score and (one != other or self._of_classes)


def end(losses: list[float]) -> float:
    """Median of the last quarter; inf for NaN."""
    value = float(np.median(losses[-len(losses) // 4 :]))
    return value if math.isfinite(value) else math.inf


def _grade(fault: Fault, finding: Any, bug: Run, goal: Goal, seed: int) -> str:
    from faults import carry_out, run

    if goal.is_reached(fault.bug, bug):
        return "trains" if finding.kind == "healthy" else "trains, alarm"
    if finding.kind in NOTHING and finding.kind not in fault.kinds:
        remedy = finding.remedies[0] if finding.remedies else None
        return (
            "wrong"
            if finding.kind == "healthy"
            or not _works(remedy, fault.bug, goal, seed, run, carry_out)
            else "cured"
        )
    if finding.remedies and _works(finding.remedies[0], fault.bug, goal, seed, run, carry_out):
        return "right"
    return "partly" if finding.kind in fault.kinds else "misleading"


def _works(
    remedy: Remedy | None, bug: Setup, goal: Goal, seed: int, run: Any, carry_out: Any
) -> bool:
    cured = carry_out(remedy, bug) if remedy is not None else None
    return cured is not None and goal.is_reached(cured, run(cured, seed))


# ---- sound runs


def judge_sound(sound: Sound, seed: int) -> dict[str, Any]:
    """What is said of a run that learns."""
    from sound import follow

    from gradcourse.instrument import probe

    limits = [math.nan] * 2
    record = follow(sound, seed, sound.lengths[seed], watched(probe, limits)).record
    said = verdicts(record, limits)
    diagnosis = said["diagnosis"]
    alarm = f"{diagnosis.headline} · {diagnosis.primary.summary}" if is_alarm(diagnosis) else ""
    heads = [h for h in record.facts.heads if h.rows > 1 and math.isfinite(h.spread)]
    return {
        "alarm": alarm,
        "rules": said["rules"],
        "source": sound.source,
        "median update": float(np.nanmedian(record.update_ratio)),
        "spread": float(np.median([h.spread for h in heads])) if heads else math.nan,
    }


def learn(sound: Sound, seed: int) -> str:
    """Nothing if it learns within five times the recorded steps, else how its loss went."""
    from sound import follow, has_learned

    for steps in (sound.lengths[seed], LONGER * sound.lengths[seed]):
        course = follow(sound, seed, steps)
        if has_learned(course):
            return ""
    start, late = np.median(course.losses[:5]), np.median(course.losses[-20:])
    return f"loss {start:.4g} → {late:.4g}, score {course.scores[0]:.3g} → {course.scores[1]:.3g}"


# ---- what there is to do


def jobs(section: str) -> dict[str, Callable[[], Any]]:
    """By key, what to call."""
    from faults import FAULTS, LOOPS, POSTS
    from sound import LAZY, SOUND

    cases = {"faults": FAULTS, "loops": LOOPS, "posts": POSTS}.get(section)
    if cases is not None:
        return {f"{section}: {fault.name}": _bound(judge_fault, fault) for fault in cases}
    judge = learn if section == "learn" else judge_sound
    return {
        f"{section}: {sound.name}, {sound.lengths[seed]} steps": _bound(judge, sound, seed)
        for sound in SOUND
        for seed in range(len(sound.lengths))
        if section == "learn" or (sound.name, sound.lengths[seed]) not in LAZY
    }


def _bound(function: Callable[..., Any], *arguments: Any) -> Callable[[], Any]:
    return lambda: function(*arguments)


def part_of(keys: list[str], words: list[str]) -> list[str]:
    """The keys of a part "2/5", or those with a word in them."""
    for word in words:
        part, slash, parts = word.partition("/")
        if slash and part.isdigit() and parts.isdigit():
            keys = keys[int(part) - 1 :: int(parts)]
        else:
            keys = [key for key in keys if word in key]
    return keys


def work(ledger: Ledger, section: str, words: list[str]) -> None:
    """Do what is not known yet, and print a line for each that is worth one."""
    todo = jobs(section)
    for key in part_of(list(todo), words):
        if key not in ledger.known:
            with np.errstate(all="ignore"):
                ledger.add(key, todo[key]())
        line = _line(section, ledger.known[key])
        if line:
            print(f"{key.partition(': ')[2]:<58}{line}", flush=True)


def _line(section: str, value: Any) -> str:
    if section == "learn":
        return str(value)
    if section == "sound":
        return str(value["alarm"])
    pairs = zip(value["said"], value["grades"], strict=True)
    said = ", ".join(f"{kind} · {grade}" for kind, grade in pairs)
    alarms = [alarm for alarm in value["alarms"] if alarm]
    return said + (f" | repaired: {'; '.join(alarms)}" if alarms else "")


# ---- the table


def table(ledger: Ledger) -> bool:
    """Print what is known; whether the bars are met."""
    met = True
    for section in ("faults", "loops", "posts"):
        grades, found = Counter(), 0
        for value in _of(ledger, section):
            for kind, grade in zip(value["said"], value["grades"], strict=True):
                if not grade.startswith("trains"):
                    grades[grade] += 1
                    found += kind != "healthy"
        total = grades.total()
        if not total:
            continue
        shares = {"right": grades["right"] / total, "any": found / total}
        print(f"\n{section}: {total} runs; " + ", ".join(f"{n} {g}" for g, n in grades.items()))
        print(f"  cause named and remedy works {shares['right']:.1%}; anything {shares['any']:.1%}")
        for name, share in shares.items():
            met &= share >= BARS.get(f"{section}, {name}", 0.0)
    alarms, total = _alarms(ledger)
    met &= alarms <= BARS["false alarms"] * total
    print(f"\nfalse alarms: {alarms} of {total} ({alarms / max(total, 1):.1%})")
    _print_rules(ledger)
    return met


def _of(ledger: Ledger, section: str) -> list[Any]:
    return [value for key, value in ledger.known.items() if key.startswith(section + ":")]


def _alarms(ledger: Ledger) -> tuple[int, int]:
    said = [value["alarm"] for value in _of(ledger, "sound")]
    said += [
        alarm
        for value in _of(ledger, "posts")
        for alarm, learned in zip(value["alarms"], value["learned"], strict=True)
        if learned
    ]
    return sum(bool(alarm) for alarm in said), len(said)


def _print_rules(ledger: Ledger) -> None:
    """Each set of rules: what it finds on the faults, and on the runs that learn."""
    from faults import FAULTS, POSTS

    kinds = {f"{s}: {f.name}": _causes(f) for s, fs in (("faults", FAULTS), ("posts", POSTS))
             for f in fs}  # fmt: skip
    print(
        f"\n{'on the same records':<38}{'any finding':>13}{'a true cause':>14}{'false alarms':>14}"
    )
    for name in ("gc.diagnose", *RULES):
        hits, causes, faults = 0, 0, 0
        for key, allowed in kinds.items():
            value = ledger.known.get(key)
            for k in range(SEEDS if value else 0):
                if value["grades"][k].startswith("trains"):
                    continue
                ours = name == "gc.diagnose"
                said = [value["said"][k]] if ours else value["rules"][k].get(name, [])
                faults += 1
                hits += any(kind != "healthy" for kind in said)
                causes += bool(set(said) & set(allowed))
        alarms, total = _alarms(ledger) if name == "gc.diagnose" else _alarms_of(ledger, name)
        print(f"{name:<38}{_share(hits, faults)}{_share(causes, faults, 14)}"
              f"{_share(alarms, total, 14)}")  # fmt: skip


def _causes(fault: Fault) -> tuple[str, ...]:
    """What counts as the cause for a rule; inputs out of scale, where that is what repairs it."""
    return (*fault.kinds, "inputs") if fault.repair.get("standard") else fault.kinds


def _alarms_of(ledger: Ledger, name: str) -> tuple[int, int]:
    said = [value["rules"].get(name, []) for value in _of(ledger, "sound")]
    said += [
        rules.get(name, [])
        for value in _of(ledger, "posts")
        for rules, learned in zip(value["sound"], value["learned"], strict=True)
        if learned
    ]
    return sum(bool(each) for each in said), len(said)


def _share(part: int, whole: int, width: int = 13) -> str:
    return f"{part / max(whole, 1):>{width}.1%}"


def main(arguments: Iterable[str]) -> int:
    """Do the work that is asked for, and print the table."""
    import torch

    torch.set_num_threads(1)
    words = list(arguments)
    sections = [w for w in words if w in (*SECTIONS, "learn")]
    rest = [w for w in words if w not in (*SECTIONS, "learn", "table")]
    # Whether they learn is no matter of the diagnosis.
    ledger = Ledger("learn", SOURCES[2:4]) if "learn" in words else Ledger("real-runs", SOURCES)
    start = time.perf_counter()
    if "table" not in words:
        for section in sections or SECTIONS:
            work(ledger, section, rest)
    if "learn" in sections:
        return 0
    met = table(ledger)
    print(f"bars: {'✓' if met else '✗'}  ({time.perf_counter() - start:.0f} s)")
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
