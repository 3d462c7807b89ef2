"""What a batch holds: rows that mix, rows of one class alone, inputs that shrink, odd targets."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from gradcourse.diagnosis.causes.standstill import is_stuck, learns_badly, stays, still
from gradcourse.diagnosis.finding import Finding, Remedy
from gradcourse.diagnosis.remedies import LOOK_AT_ROWS
from gradcourse.diagnosis.signals import Signals
from gradcourse.diagnosis.signs import Sign, first_of, of_the_run
from gradcourse.diagnosis.thresholds import threshold
from gradcourse.instrument.record.facts import Head

BATCH_FIRST = Remedy(
    "Set batch_first=True, or give the input as (time, row, feature)",
    "08",
    "batch first",
)
TURN_FIRST = Remedy(
    "Turn the axes before they are merged: x.transpose(0, 1).reshape(rows, -1), or permute; view "
    "only counts on in memory, across the rows",
    "10",
    "turn first",
)
IN_PLACE = Remedy(
    "Look for what changes the data in place, x /= 255 or x.sub_(…), in the loop or in the data "
    "set: it is done once more each time. Make a new tensor, x = x / 255",
    "02",
    "new inputs",
)
FILL = Remedy(
    "Look for what makes the data 0 before the net gets them: // for /, a cast to whole numbers, a "
    "product with a mask, a tensor that is never filled",
    "02",
    "new inputs",
)
LEAVE_OUT = Remedy(
    "Look at the targets that lie far from all others, as codes for missing values do (9999, "
    "−1e6): leave these rows out. If they are real, take nn.HuberLoss, or the targets' logarithm",
    "10",
    "leave out rows",
)
SHUFFLE = Remedy(
    "Shuffle the rows, DataLoader(…, shuffle=True): each batch is to hold rows of all classes",
    "10",
    "shuffle",
)


def find(signals: Signals, good: np.ndarray) -> list[Sign]:
    """The first that holds, under a loss that stays; at most one finding."""
    tests = (_rows_as_time, _mixed_rows, _sorted, _empty, _changed_inputs, _outlying)
    return first_of(tests, signals, good)


def _rows_as_time(signals: Signals, good: np.ndarray) -> Finding | None:
    """A recurrent or attention layer that takes the batch for the time."""
    names = signals.record.facts.rows_as_time
    if not names or not stays(signals, good):
        return None
    return of_the_run(
        signals,
        "cut off",
        f"{names[0]} takes its first axis as time (batch_first=False), and the output has one row "
        "for each step of it: the rows of the batch are read as one sequence, and "
        f"the loss {still(signals.known_loss(good))}.",
        {"layers that take rows for time": float(len(names))},
        (BATCH_FIRST, LOOK_AT_ROWS),
        0.8,
    )


def _mixed_rows(signals: Signals, good: np.ndarray) -> Finding | None:
    """A view that takes another axis for that of the batch."""
    views = signals.record.facts.mixed_rows
    if not views or not stays(signals, good):
        return None
    return of_the_run(
        signals,
        "cut off",
        f"A view from {views[0]} takes its rows from all over the batch: an output depends on "
        f"other rows than its own, and the loss {still(signals.known_loss(good))}.",
        {"views that mix rows": float(len(views))},
        (TURN_FIRST, LOOK_AT_ROWS),
        0.9,
    )


def _sorted(signals: Signals, good: np.ndarray) -> Finding | None:
    """Batches of one class each: the net learns to name the class of the last one."""
    count = of_one_class_each(signals)
    if not count or not learns_badly(signals, good):
        return None
    return of_the_run(
        signals,
        "cut off",
        f"Each of the {count} batches that were looked at holds rows of one class alone, and "
        "not always of the same: the net learns which one comes now, and the loss "
        f"{still(signals.known_loss(good))}.",
        {"batches of one class": float(count)},
        (SHUFFLE, LOOK_AT_ROWS),
        0.85,
    )


def of_one_class_each(signals: Signals) -> int:
    """Batches that were looked at, if each held one class, and not always the same; else 0."""
    heads = [h for h in signals.record.facts.heads if h.loss]
    every = len(heads) >= 3 and all(map(_is_of_one_class, heads)) and _differ(heads)
    return len(heads) if every else 0


def the_one_target(signals: Signals) -> float:
    """What all targets of all batches that were looked at are; NaN where they differ."""
    heads = [h for h in signals.record.facts.heads if math.isfinite(h.target_low)]
    if len(heads) < 3 or not all(h.rows >= _SEVERAL for h in heads):
        return math.nan
    ends = [t for h in heads for t in (h.target_low, h.target_high)]
    scale = max(1.0, *(abs(h.high) for h in heads[:1]))
    return ends[0] if max(ends) - min(ends) < _SAME * scale else math.nan


_SAME = 1e-4
"""Difference of targets that their reckoning from gradients explains, for outputs of size 1."""


def _is_of_one_class(head: Head) -> bool:
    return head.hard and head.rows >= _SEVERAL and head.target_low == head.target_high


def _differ(heads: Sequence[Head]) -> bool:
    return len({head.target_low for head in heads}) > 1


_SEVERAL = 8
"""Rows that are no batch of one class by chance."""


def _empty(signals: Signals, good: np.ndarray) -> Finding | None:
    """Inputs that are all 0, as of a division of whole numbers."""
    sizes = [size for size in signals.record.facts.input_sizes if math.isfinite(size)]
    if len(sizes) < 3 or max(sizes) > 0 or not stays(signals, good):
        return None
    return of_the_run(
        signals,
        "scale",
        "The inputs are exactly 0 at every step that was looked at, and the loss stays: nothing "
        "of the data arrives.",
        {"steps with inputs of 0": float(len(sizes))},
        (FILL, LOOK_AT_ROWS),
        0.9,
    )


def are_equal_rows(signals: Signals) -> bool:
    """Whether all rows of each batch that was looked at were one and the same."""
    facts = signals.record.facts
    return facts.inputs_looked >= 3 and facts.equal_inputs == facts.inputs_looked


def _changed_inputs(signals: Signals, good: np.ndarray) -> Finding | None:
    """Inputs that shrink or grow by orders of magnitude, under a loss that stays."""
    sizes = [size for size in signals.record.facts.input_sizes if math.isfinite(size)]
    if len(sizes) < 3 or not min(sizes[:2]) > 0 or not is_stuck(signals, good):
        return None
    first, last = sizes[0], float(np.median(sizes[-2:]))
    if not (last < first / threshold("out_of_scale") or last > first * threshold("out_of_scale")):
        return None
    return of_the_run(
        signals,
        "scale",
        f"The inputs were of size {first:.3g} at first and are of size {last:.2g} at the end, and "
        "the loss stays.",
        {"size of the inputs, start": first, "size of the inputs, end": last},
        (IN_PLACE,),
        0.9,
    )


def _outlying(signals: Signals, good: np.ndarray) -> Finding | None:
    """Targets far from all others that make up the squared error, and that the net does not fit."""
    told = [h for h in signals.record.facts.heads if math.isfinite(h.unexplained)]
    hit = [h for h in told if h.outlying >= threshold("outlying")]
    late = [h.unexplained for h in hit[len(hit) // 2 :]]
    enough = len(signals.known_loss(good)) >= threshold("enough")
    if len(hit) < 2 or 3 * len(hit) < len(told) or not enough or not min(late) > _UNFIT:
        return None
    share = float(np.median([h.outlying for h in hit]))
    furthest = max((t for h in hit for t in (h.target_low, h.target_high)), key=abs)
    return of_the_run(
        signals,
        "scale",
        f"A few targets, up to {furthest:.4g}, lie hundreds of times as far out as the middle half "
        f"of them, and make up {share:.0%} of the squared error where there are any, in {len(hit)} "
        f"of {len(told)} batches that were looked at: the other rows count for nothing.",
        {"share of the error from these targets": share, "the furthest": furthest},
        (LEAVE_OUT, LOOK_AT_ROWS),
        0.85,
    )


_UNFIT = 0.9
"""Squared error over the variance of the targets from which they are not fitted."""
