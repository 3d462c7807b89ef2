"""When a sign holds, and how sure it makes one."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from gradcourse.diagnosis.finding import Finding, Remedy
from gradcourse.diagnosis.signals import Signals
from gradcourse.diagnosis.thresholds import threshold


@dataclass(frozen=True)
class Sign:
    """A finding and the row of the record at which it set in."""

    onset: int
    finding: Finding


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
