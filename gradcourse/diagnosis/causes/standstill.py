"""Does it learn? What the logged losses say, and the outputs."""

from __future__ import annotations

import math

import numpy as np

from gradcourse.diagnosis import step_size
from gradcourse.diagnosis.finding import Finding, Remedy
from gradcourse.diagnosis.signals import Signals, median
from gradcourse.diagnosis.signs import Sign
from gradcourse.diagnosis.thresholds import threshold

ENOUGH = 50
"""Steps with a loss before anything is said about its course."""

_USUAL, _FAST = 3e-3, 3e-2
"""Median ‖ΔW‖/‖W‖ of a sound training, and from where on the rate is the first thing to change."""

INITIALIZE = Remedy("Draw the weights for the activation: He or Xavier", "05", "initialize")


def known(signals: Signals, good: np.ndarray) -> np.ndarray:
    """The finite losses, in order."""
    return np.asarray(signals.loss[good & np.isfinite(signals.loss)])


def is_stuck(signals: Signals, good: np.ndarray) -> bool:
    """Whether enough losses are known and they show no learning at all.

    A loss that ends well below its start learns; so does one that still falls by more than its
    scatter explains, and one that is small for its outputs.
    """
    loss = known(signals, good)
    if len(loss) < ENOUGH or _warms_up(signals) or _is_a_game(signals):
        return False
    return not (step_size.has_converged(signals, good) or has_fallen(loss) or _still_falls(loss))


def _is_a_game(signals: Signals) -> bool:
    """Whether another optimizer trains a part of the model: then the loss need not fall."""
    return any(
        t.in_optimizer is False and t.requires_grad and t.changed > 0
        for t in signals.record.facts.trainees
    )


def _warms_up(signals: Signals) -> bool:
    """Whether the rate was still rising: the training has just begun, however many steps."""
    options = signals.record.facts.optimizer
    return bool(options.get("last rate", 0.0) > 1.5 * options.get("lr", math.inf))


def has_fallen(loss: np.ndarray) -> bool:
    """Whether it ends below 0.8 of its start, or, by four standard errors, below 0.9 of it.

    A loss around or below 0 is judged by its own scatter.
    """
    start = float(np.median(loss[:5]))
    end = float(np.median(loss[-(len(loss) // 3) :]))
    if start > 0 and end > -start:
        early, late = loss[: max(5, len(loss) // 10)], loss[-(len(loss) // 3) :]
        error = math.sqrt(np.var(early) / len(early) + np.var(late) / len(late))
        clear = float(np.mean(early) - np.mean(late)) > 4 * error
        return end < threshold("learning") * start or (clear and end < 0.9 * start)
    return end < start - 2 * float(np.std(loss[:5])) - 1e-12 * abs(start)


def _still_falls(loss: np.ndarray) -> bool:
    """Whether a straight line through the last three quarters falls, by 3.5 standard errors.

    And by 1 % of the loss at least. The first quarter is left out: there a bias learns the mean.
    """
    late = loss[len(loss) // 4 :]
    steps = np.arange(len(late)) - (len(late) - 1) / 2
    slope = float(steps @ late / (steps @ steps))
    rest = late - np.mean(late) - slope * steps
    error = float(np.sqrt(rest @ rest / (len(late) - 2) / (steps @ steps)))
    fall = -slope * len(late)
    return -slope > 3.5 * error and fall > 0.01 * abs(float(np.mean(late)))


def find_unbounded(signals: Signals, good: np.ndarray) -> list[Sign]:
    """A loss below 0 that falls faster and faster: it has no lower bound.

    A density's logarithm is negative, too, but levels out.
    """
    loss = known(signals, good)
    third = len(loss) // 3
    if third < 5 or loss[-1] >= 0:
        return []
    first, middle, last = (
        float(np.median(part)) for part in (loss[:third], loss[third : 2 * third], loss[-third:])
    )
    away = -last > 10 * max(abs(float(np.median(loss[:3]))), 1e-12)
    if not away or not middle - last > 1.5 * (first - middle) > 0:
        return []
    finding = Finding(
        "unbounded loss",
        f"The loss is {last:.3g} and falls faster and faster: it has no lower bound, so to lower "
        "it teaches nothing.",
        steps=_span(signals),
        evidence={"loss, last third": last, "loss, first third": first},
        confidence=0.9,
        remedies=(
            Remedy("Use a loss with a least value: cross_entropy on raw outputs", "02"),
            Remedy("Look for a sign: a log-likelihood is maximised, its negative minimised", "02"),
        ),
    )
    return [Sign(0, finding)]


def find_large_start(signals: Signals, good: np.ndarray) -> list[Sign]:
    """A cross-entropy that begins far above that of a guess, ln k: outputs that are too large."""
    first = next((h for h in signals.record.facts.heads if h.loss), None)
    if first is None or first.loss != "cross-entropy of logits" or first.columns < 2:
        return []
    row = int(np.searchsorted(signals.step_numbers, first.step))
    if row or not good[0] or first.end or first.normed:
        return []
    times = float(signals.loss[0]) / math.log(first.columns)
    if times < _FAR_ABOVE:
        return []
    finding = Finding(
        "exploding",
        f"The first loss is {times:.3g} times that of a guess, ln {first.columns}: the outputs, up "
        f"to {max(abs(first.low), abs(first.high)):.2g}, are far too large from the start.",
        layers=tuple(signals.layers[-1:]),
        steps=(0, 0),
        evidence={"first loss over that of a guess": times},
        confidence=0.8,
        remedies=(
            INITIALIZE,
            Remedy("Bring the inputs to mean 0 and standard deviation 1", "02", "scale data"),
        ),
    )
    return [Sign(0, finding)]


_FAR_ABOVE = 30.0
"""First loss over that of a guess; sound starts stay below 5."""


def find_collapsed(signals: Signals, good: np.ndarray) -> list[Sign]:
    """Outputs that came to be the same for all inputs, under a loss that stays up."""
    heads = [h for h in signals.record.facts.heads if h.rows > 1 and math.isfinite(h.spread)]
    if len(heads) < 2 or not is_stuck(signals, good):
        return []
    start = max(h.spread for h in heads[:2])
    late = heads[len(heads) // 2 :]
    end = float(np.median([h.spread for h in late]))
    if not end < min(0.02, start / 20):
        return []
    onset = next(h.step for h in heads if h.spread < max(0.02, 2 * end))
    row = min(int(np.searchsorted(signals.step_numbers, onset)), signals.steps - 1)
    first_steps = step_size.typical(signals)
    first = first_steps[np.isfinite(first_steps)][:1]
    pace = float(first[0]) if len(first) else float("nan")
    rate = Remedy("Lower the learning rate, by 10 or more, and warm it up", "01", "rate", 0.1)
    if pace > _FAST:
        rate = _slower(pace, 10.0)
    finding = Finding(
        "update too large" if pace > _FAST else "collapsed",
        f"The outputs have become the same for all inputs: {end:.1g} of their size is left of "
        f"what differed by {start:.1g} at first"
        + (f"; the first update changed the median weight by {pace:.2g}." if pace > _FAST else "."),
        steps=(int(signals.step_numbers[row]), int(signals.step_numbers[-1])),
        evidence={"spread over inputs, end": end, "spread over inputs, start": start}
        | ({"first median ‖ΔW‖/‖W‖": pace} if math.isfinite(pace) else {}),
        confidence=0.85,
        remedies=(
            rate,
            Remedy("Warm the learning rate up", "11", "warm up"),
            Remedy("If pairs are compared, add a term that keeps outputs apart", "02"),
        ),
    )
    return [Sign(0, finding)]


def find_not_learning(signals: Signals, good: np.ndarray, decades: float) -> list[Sign]:
    """No gradient illness, and the loss stays where it was."""
    if not is_stuck(signals, good):
        return []
    loss = known(signals, good)
    start, end = float(np.median(loss[:5])), float(np.median(loss[-(len(loss) // 3) :]))
    ratio = end / start if start else float("nan")
    near = abs(decades) >= threshold("both_decades")
    depth = f"the {abs(decades):.1f} decades over the depth, near the limit; then " if near else ""
    evidence = {"loss, end over start": ratio} if math.isfinite(ratio) else {}
    pace = float(median(signals.update_ratio[good]))
    if math.isfinite(pace):
        evidence["median ‖ΔW‖/‖W‖"] = pace
    heads = signals.record.facts.heads
    spread = float(np.median([h.spread for h in heads])) if heads else float("nan")
    if math.isfinite(spread):
        evidence["spread of the outputs over inputs"] = spread
    summary = (
        f"The gradients are in order, and the loss is still {ratio:.2f} of what it was at first. "
        f"If it should fall, look at {depth}what no gradient shows: the scale of inputs and "
        "targets, labels that fit their rows, the loss function, the rate, the number of steps."
    )
    if signals.layers and median(signals.saturated_fraction[good, -1]) >= threshold("saturated"):
        share = float(median(signals.saturated_fraction[good, -1]))
        summary += (
            f" {share:.0%} of the net's outputs, those of {signals.layers[-1]}, are flat: look "
            "whether the loss wants logits, and whether the outputs can reach the targets."
        )
    finding = Finding(
        "not learning",
        summary,
        steps=_span(signals),
        evidence=evidence,
        confidence=0.7,
        remedies=_remedies(signals, pace, near),
    )
    return [Sign(0, finding)]


def _remedies(signals: Signals, pace: float, near: bool) -> tuple[Remedy, ...]:
    first: list[Remedy] = []
    end = next((h.end for h in signals.record.facts.heads if h.end == "Relu"), "")
    if end:
        first.append(Remedy("Take the ReLU off the output", "04", "no end"))
    sigmoid = sum(kind == "Sigmoid" for kind in signals.kinds[:-1]) >= 3
    if near or sigmoid:
        first.append(
            Remedy("Replace the sigmoids: the slope is at most 1/4", "04", "relu")
            if sigmoid
            else INITIALIZE
        )
    if math.isfinite(pace) and 0 < pace < 1e-3:
        by = float(f"{min(_USUAL / pace, 1e4):.0e}")
        rate = f"Multiply the learning rate by about {by:g}, or use Adam"
        first.append(Remedy(rate, "01", "rate", by))
    elif math.isfinite(pace) and pace > _FAST:
        first.append(_slower(pace, 3.0))
    return (
        *first,
        Remedy("Look at a few rows as the net gets them, each with its label", "10"),
        Remedy("Bring inputs and targets to mean 0 and standard deviation 1", "02", "scale data"),
        Remedy("Train on one batch until its loss is 0; if that fails, the model or loss is wrong",
               "10"),
    )  # fmt: skip


def _slower(pace: float, least: float) -> Remedy:
    """Divide the rate by what brings updates of ``pace`` to the usual size, and by ``least``."""
    by = max(least, float(f"{pace / _USUAL:.0e}"))
    return Remedy(f"Divide the learning rate by about {by:g}", "01", "rate", 1 / by)


def _span(signals: Signals) -> tuple[int, int]:
    return int(signals.step_numbers[0]), int(signals.step_numbers[-1])
