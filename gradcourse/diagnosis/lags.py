"""Vanishing and exploding over time lags."""

from __future__ import annotations

import numpy as np

from gradcourse.diagnosis import remedies
from gradcourse.diagnosis.finding import Finding, Remedy
from gradcourse.diagnosis.signals import SHORTEST, Signals, largest, log10, median
from gradcourse.diagnosis.signs import Sign, confidence, persistent
from gradcourse.diagnosis.thresholds import threshold


def find(signals: Signals, good: np.ndarray) -> list[Sign]:
    """Findings for each recurrent layer, and for each layer that is called step by step."""
    kinds = dict(zip(signals.layers, signals.kinds, strict=True))
    sequences = dict(signals.lag_gradient)
    owners = set(signals.owners)
    for name, columns in signals.calls().items():
        if name in owners and name not in sequences:
            sequences[name] = signals.output_gradient_norm[:, columns]
    signs = []
    for name, gradients in sequences.items():
        if f"{name}.weight_ih_l0_reverse" in signals.parameters:
            continue  # in both directions: the oldest step is the other one's newest
        gated = any(word in kinds.get(name, "") for word in ("LSTM", "GRU"))
        if gradients.shape[1] >= SHORTEST and len(gradients) == signals.steps:
            signs += _judge(signals, good, name, gated, log10(as_read(gradients)))
    return signs


def as_read(gradients: np.ndarray) -> np.ndarray:
    """Move each row to the right, so that the last step that is read is the newest.

    What runs behind it, padding or labels that are ignored, gets no gradient and is no lag.
    Shape (S, T), NaN on the left.
    """
    moved = gradients.copy()
    for row, values in enumerate(gradients):
        read = np.flatnonzero(values > 0)
        unread = len(values) - 1 - int(read[-1]) if len(read) else 0
        if unread:
            moved[row, unread:] = values[:-unread]
            moved[row, :unread] = np.nan
    return moved


def slopes(levels: np.ndarray) -> np.ndarray:
    """Growth in decades from the newest lags to the oldest, for each step."""
    quarter = max(1, levels.shape[1] // 4)
    newest = largest(levels[:, -quarter:], axis=1)
    growth = np.full(len(levels), np.nan)
    for row, values in enumerate(levels):
        known = values[np.isfinite(values)]
        if len(known) >= SHORTEST:
            growth[row] = np.median(known[: max(1, len(known) // 8)]) - newest[row]
    return growth


def _goes_on(levels: np.ndarray, grows: bool) -> np.ndarray:
    """Whether a gradient that grows does so in the older half of the lags too, for each step.

    Where it only rises out of steps that are not read, as behind ignored labels, it does not.
    """
    goes_on = np.ones(len(levels), dtype=bool)
    for row, values in enumerate(levels):
        known = values[np.isfinite(values)]
        if grows and len(known) >= SHORTEST:
            half, some = len(known) // 2, max(2, len(known) // 4)
            first = half - some // 2
            oldest, middle, newest = (
                np.median(part)
                for part in (known[:some], known[first : first + some], known[-some:])
            )
            # A straight line has half of its growth between the oldest and the middle.
            goes_on[row] = oldest - middle > (oldest - newest) / 3
    return goes_on


def is_learning(loss: np.ndarray) -> bool:
    """Whether the loss has fallen well below where the record starts."""
    known = loss[np.isfinite(loss)]
    third = len(known) // 3
    if third < 1:
        return False
    return bool(np.median(known[-third:]) < threshold("learning") * np.median(known[:third]))


def _start(loss: np.ndarray) -> float:
    """The first losses; NaN where they are not above 0."""
    known = loss[np.isfinite(loss)][:5]
    return float(np.median(known)) if len(known) and known.min() > 0 else float("nan")


def _judge(
    signals: Signals, good: np.ndarray, name: str, gated: bool, levels: np.ndarray
) -> list[Sign]:
    growth = slopes(levels)
    fall = threshold("gated_lag_decades" if gated else "lag_decades")
    judged = good & np.isfinite(growth)
    # Where the loss is small, the newest steps may be sure already, and send nothing back.
    open_rows = judged & ~(signals.loss < 0.5 * _start(signals.loss[good]))
    signs = []
    for kind, holds, limit in (
        ("vanishing", growth <= -fall, fall),
        ("exploding", growth >= threshold("lag_growth_decades"), threshold("lag_growth_decades")),
    ):
        looked = open_rows if kind == "exploding" else judged
        rows = persistent(holds & _goes_on(levels, kind == "exploding"), looked)
        if len(rows) and not (kind == "vanishing" and is_learning(signals.loss[good])):
            signs.append(
                _finding(kind, signals, name, gated, levels[rows], growth[rows], limit, rows)
            )
    return signs


def _finding(
    kind: str,
    signals: Signals,
    name: str,
    gated: bool,
    levels: np.ndarray,
    growth: np.ndarray,
    limit: float,
    rows: np.ndarray,
) -> Sign:
    decades = float(median(growth))
    line = median(levels, axis=0)[::-1]
    known = np.flatnonzero(np.isfinite(line))
    longest = int(known[-1])
    away = -1 if kind == "vanishing" else 1
    top = np.max(line[known][: max(1, len(known) // 4)])
    reached = known[away * (line[known] - top) >= threshold("depth_decades")]
    first = int(reached[0]) if len(reached) else 0
    rate = decades / max(longest, 1)
    verb = "falls" if kind == "vanishing" else "grows"
    return Sign(
        int(rows[0]),
        Finding(
            kind,
            f"The gradient that reaches {name} {verb} by {abs(decades):.1f} decades from the "
            f"newest step to the oldest, ×{10**rate:.2g} a lag.",
            layers=(name,),
            lags=(first, longest),
            steps=(int(signals.step_numbers[rows[0]]), int(signals.step_numbers[rows[-1]])),
            evidence={
                "decades over the lags": round(decades, 2),
                "factor per lag": 10**rate,
                "lag at which a factor of 1000 is lost or gained": float(first),
            },
            confidence=confidence(abs(decades) - limit),
            remedies=_remedies(signals, kind, name, gated, max(first, 1), levels.shape[1]),
        ),
    )


def _remedies(
    signals: Signals, kind: str, name: str, gated: bool, horizon: int, steps: int
) -> tuple[Remedy, ...]:
    usual = remedies.for_lags(kind, gated, horizon)
    padding = padding_of(signals, name, steps)
    if kind == "exploding" or not padding:
        return usual
    return (read_at_length(padding), *usual)


def padding_of(signals: Signals, name: str, steps: int) -> int:
    """Steps at the end that are padding, where they are many of those that a layer is given."""
    padding = signals.record.facts.padding.get(name, 0)
    return 0 if padding < max(SHORTEST, steps / 4) else padding


def read_at_length(padding: int) -> Remedy:
    """The cure for a state that is read behind so many steps of padding."""
    read = remedies.READ_AT_LENGTH
    return Remedy(read.text.format(steps=padding), read.lesson, read.action)
