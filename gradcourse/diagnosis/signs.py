"""When a sign holds, and how sure it makes one."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradcourse.diagnosis.finding import Finding, Remedy
from gradcourse.diagnosis.signals import Signals
from gradcourse.diagnosis.thresholds import threshold


@dataclass(frozen=True)
class Sign:
    """A finding and the row of the record at which it set in."""

    onset: int
    finding: Finding


def first_of(tests: Iterable[Callable[..., Finding | None]], *given: Any) -> list[Sign]:
    """The finding of the first test that has one, as of the whole run; at most one."""
    for test in tests:
        finding = test(*given)
        if finding is not None:
            return [Sign(0, finding)]
    return []


def persistent(holds: np.ndarray, judged: np.ndarray) -> np.ndarray:
    """Rows at which a sign holds, if these are a large enough share of the judged ones."""
    rows = np.flatnonzero(holds & judged)
    needed = max(1.0, threshold("persistence") * judged.sum())
    return rows if len(rows) >= needed else rows[:0]


def confidence(excess: float) -> float:
    """0.5 at the threshold, 0.82 one unit (a decade) beyond it, towards 1 far beyond."""
    return round(1 - 0.5 * math.exp(-max(excess, 0.0)), 3)


def of_the_run(
    signals: Signals,
    kind: str,
    summary: str,
    evidence: dict[str, float],
    remedies: tuple[Remedy, ...],
    confidence: float = 0.7,
) -> Finding:
    """A finding about all of the net, from the first recorded step to the last."""
    return Finding(
        kind,
        summary,
        steps=(int(signals.step_numbers[0]), int(signals.step_numbers[-1])),
        evidence=evidence,
        confidence=confidence,
        remedies=remedies,
    )
