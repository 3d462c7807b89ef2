"""Lesson 13: how often five networks enclose the truth, and what verdict maps say together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from gradcourse.experiments.common import Array
from gradcourse.experiments.maps.places import (
    FAILS,
    HOLDS,
    SILENT,
    measured_maps,
    verdict_map,
)
from gradcourse.lifesign import counted

NETWORKS = 150

# ---------------------------------------------------------------- how many networks


@cache
def many_networks(count: int = NETWORKS) -> Array:
    """Loss on the test digits after 100 updates, of networks that differ in the seed only."""
    import torch

    from gradcourse.experiments.common import digits
    from gradcourse.experiments.maps.arms import BATCH, Arm, Stack

    arm = Arm("", "mlp", (0.1,), (100,), options=(("depth", 4), ("activation", "relu")))
    stack = Stack(arm, [arm.network(16, seed) for seed in range(count)], [0.1] * count)
    data, generator = digits(), torch.Generator().manual_seed(0)
    for _ in range(100):
        rows = torch.randint(len(data.x_train), (count, BATCH), generator=generator)
        stack.loss(data.x_train[rows], data.y_train[rows]).sum().backward()
        stack.step()
    with torch.no_grad():
        x, y = (part.expand(count, *part.shape) for part in (data.x_test, data.y_test))
        found: Array = stack.loss(x, y).double().numpy()
    return found


@cache
def enclosed(networks: int, draws: int = 4000) -> float:
    """How often the range over some networks encloses the median of all, by drawing from them."""
    values = many_networks()
    rng = np.random.default_rng(networks)
    drawn = rng.choice(values, (draws, networks))
    middle = np.median(values)
    return float(np.mean((drawn.min(1) < middle) & (middle < drawn.max(1))))


def enclosed_theory(networks: int | Array) -> Array:
    """1 − 2^(1 − n): all on one side of the median happens in 2 of 2^n cases."""
    return np.asarray(1 - 2.0 ** (1 - np.asarray(networks)))


# ---------------------------------------------------------------- all maps


def maps_in_lines() -> str:
    """For each map, at how many of its places the claim fails, holds, or nothing is said."""
    lines = [f"{'':9} fails  holds  says nothing  what is asked"]
    for name in measured_maps():
        found = verdict_map(name)
        numbers = f"{found.counts[FAILS]:5} {found.counts[HOLDS]:6} {found.counts[SILENT]:13}"
        lines.append(f"{name:9} {numbers}  {found.plan.question}")
    return "\n".join(lines)


def turning_maps() -> int:
    """How many maps have a place where the claim fails and one where it holds."""
    both = (verdict_map(name).counts for name in measured_maps())
    return sum(bool(counts[FAILS] and counts[HOLDS]) for counts in both)


def silent_share() -> float:
    """Share of all places at which the control has not learned either, in per cent."""
    counts = [verdict_map(name).counts for name in measured_maps()]
    places = sum(sum(each.values()) for each in counts)
    return 100.0 * sum(each[SILENT] for each in counts) / places


# ---------------------------------------------------------------- a claim of one's own


@dataclass(frozen=True)
class Trial:
    """Accused and control over some networks, at a budget and at five times it.

    Attributes
    ----------
    accused, control : array, shape (2, seeds)
        Scores, at the budget and at five times it.
    passes, margin : float
        What the control must reach, and by how much the accused must fall short.
    """

    accused: Array
    control: Array
    passes: float
    margin: float

    @property
    def verdict(self) -> str:
        """One word for each budget."""
        words = []
        for mine, other in zip(self.accused, self.control, strict=True):
            if np.median(other) < self.passes:
                words.append("says nothing")
            else:
                short = np.median(mine) < np.median(other) - self.margin
                words.append("fails" if short else "holds")
        return f"{words[0]}; with five times the budget: {words[1]}"

    def __repr__(self) -> str:
        from gradcourse.support import spread

        lines = []
        for k, budget in enumerate(("budget", "five times it")):
            lines.append(f"{budget:13}  accused {spread(self.accused[k])}")
            lines.append(f"{'':13}  control {spread(self.control[k])}")
        return "\n".join([*lines, f"verdict: {self.verdict}"])


def put_on_trial(
    accused: Callable[[int, int], float],
    control: Callable[[int, int], float],
    steps: int,
    *,
    passes: float,
    margin: float,
    seeds: Sequence[int] = range(5),
) -> Trial:
    """Measure two networks that differ in one point, at a budget and at five times it.

    Parameters
    ----------
    accused, control : callable
        From steps and seed to a score, such as the share of right answers.
    steps : int
        The budget.
    passes, margin : float
        Written down before: what the control must reach, and by how much the accused must fall
        short of it.
    seeds : sequence of int
    """
    sides = [
        np.array(
            [
                [side(n, seed) for seed in counted(seeds, "network", len(seeds))]
                for n in (steps, 5 * steps)
            ]
        )
        for side in (accused, control)
    ]
    return Trial(sides[0], sides[1], passes, margin)
