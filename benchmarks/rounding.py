"""What hangs by a rounding error: runs whose rates differ in the sixth digit, or that should not.

    python -m benchmarks.rounding

The emergency room's cures of three kinds of patients, and lesson 03's window on purpose, at the
rates that were given up and at those that are used. There is no bar; docs/portable.md quotes it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from unittest import mock

import numpy as np

from gradcourse.emergency.chart import ON_CALL, Chart
from gradcourse.experiments import recurrent
from gradcourse.experiments.ward import Recipe, outcome, treated

SHIFTS = range(6)
NUDGE = 1e-6


def main() -> None:
    """Print each range."""
    (deep,) = _cured("deep sigmoid", "relu", [4])
    _print("deep sigmoid, shift 4, ReLU in its place", [_ends(deep, 14)])
    _print("hidden explosion, ReLU", [_ends(one, 4) for one in _cured("hidden explosion", "relu")])
    drowned = _cured("dead memory", "lower the rate")
    _print("dead memory, a hundredth of the rate", [_ends(one, 3) for one in drowned])
    _print(
        "the same at the rates given up",
        [_ends(replace(one, rate=one.rate * 2.5), 3) for one in drowned],
    )
    for rate in (0.01, 0.003):
        for window, blank in ((5, False), (13, True)):
            right = np.array([_recall(rate, window, blank, k) for k in range(40)])
            print(f"window {window}, Adam at {rate}: {int((right > 90).sum())} of 40 recall")


def _cured(key: str, treatment: str, shifts: Iterable[int] = SHIFTS) -> list[Recipe]:
    charts = [Chart(s, p) for s in shifts for p in range(1, len(ON_CALL) + 1)]
    return [treated(c.admitted, (treatment,)) for c in charts if c.kind.key == key]


def _ends(recipe: Recipe, runs: int) -> list[float]:
    return [
        outcome(replace(recipe, rate=recipe.rate * (1 + k * NUDGE))).measured for k in range(runs)
    ]


def _print(what: str, ends: list[list[float]]) -> None:
    every = np.concatenate(ends)
    poor = int((every < 0.7).sum())
    print(f"{what}: {every.min():.2f} to {every.max():.2f}; below 0.7 in {poor} of {len(every)}")


def _recall(rate: float, window: int, blank: bool, k: int) -> float:
    """Seeds 0 to 9, each with four rates."""
    with mock.patch.object(recurrent, "RATE", rate * (1 + k // 10 * NUDGE)):
        return recurrent.recall(window, k % 10, blank=blank)[0]


if __name__ == "__main__":
    main()
