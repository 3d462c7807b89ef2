"""What is kept back from a network: its signal by a dropout, its gradient by the loss."""

from __future__ import annotations

import math
from itertools import takewhile

import numpy as np

from gradcourse.diagnosis.causes.standstill import enough, is_stuck
from gradcourse.diagnosis.finding import Finding, Remedy
from gradcourse.diagnosis.signals import Signals
from gradcourse.diagnosis.signs import Sign, first_of, of_the_run
from gradcourse.diagnosis.thresholds import threshold
from gradcourse.instrument.record.facts import Head

LESS_DROPOUT = Remedy(
    "Lower the dropout to p = 0.5 or less: p is the share that is dropped, not the share that is "
    "kept",
    "10",
    "less dropout",
    0.2,
)
WEIGHTS = Remedy(
    "Look at what the loss is multiplied by, and which targets it leaves out: class weights or a "
    "mask of 0, pos_weight=0, ignore_index",
    "02",
)
BOTH_CLASSES = Remedy(
    "Count every class that occurs: no weight of 0 (weight=, pos_weight=) on one of them",
    "02",
)
BOTH_SIGNS = Remedy(
    "Limit gradients on both sides: clip_grad_norm_, or clip_grad_value_, which is "
    "clamp_(-c, c), not clamp_(max=c) or clamp_(min=0)",
    "09",
    "both signs",
)
OPEN_POLICY = Remedy(
    "Begin with all choices alike: draw the last layer small, its bias at 0",
    "05",
    "initialize",
)
ENTROPY = Remedy(
    "In a policy gradient, add an entropy bonus, and lower the learning rate if it closed late",
    "02",
)


def find(signals: Signals, good: np.ndarray) -> list[Sign]:
    """The first that is certain; at most one finding."""
    tests = (_dropped, _one_sided, _one_class, _closed, _nothing_asked)
    return first_of(tests, signals, good)


def ignored(signals: Signals) -> tuple[str, ...]:
    """Rows that the loss leaves out, as it is meant for padding."""
    heads = [h for h in signals.record.facts.heads if h.loss]
    shares = [h.skipped for h in heads if h.skipped >= threshold("skipped")]
    if len(shares) < 3 or 2 * len(shares) < len(heads):
        return ()
    return (
        f"{np.median(shares):.0%} of the rows get no gradient: targets that are ignored, or class "
        "weights of 0; that is as it should be for padding, and for no class that occurs",
    )


def closed_late(signals: Signals) -> tuple[str, ...]:
    """Outputs that came to leave no choice: a policy may have found the one best action."""
    heads = _choices(signals)
    closed = list(takewhile(lambda head: head.settled, reversed(heads)))
    before = heads[: len(heads) - len(closed)]
    if not (closed and before) or any(_is_no_choice(head) for head in before):
        return ()
    return (
        f"From step {closed[-1].step} on one of the outputs, taken as logits or probabilities, has "
        "all the probability, for every input. A policy tries nothing else any more then; whether "
        "it has found the best action or closed too early, the rewards say, and no gradient does",
    )


def _choices(signals: Signals) -> list[Head]:
    return [head for head in signals.record.facts.heads if head.columns > 1]


def _is_no_choice(head: Head) -> bool:
    """Whether its loss is known, and not one of probabilities: a distance to numbers, say."""
    return bool(head.loss) and "cross-entropy" not in head.loss


def _dropped(signals: Signals, good: np.ndarray) -> Finding | None:
    """A dropout that lets next to nothing through, under a loss that stays."""
    facts = signals.record.facts
    if facts.dropout < threshold("dropped"):
        return None
    if facts.dropout < 1 and not is_stuck(signals, good):
        return None
    return of_the_run(
        signals,
        "cut off",
        f"The dropout {facts.dropped} sets {facts.dropout:.0%} of what it is given to 0 at every "
        f"step{', and the loss stays' if facts.dropout < 1 else ''}.",
        {"share that is dropped": facts.dropout},
        (LESS_DROPOUT,),
        0.9,
    )


def _one_sided(signals: Signals, good: np.ndarray) -> Finding | None:
    """Gradients of which the loop keeps one sign alone."""
    facts = signals.record.facts
    looked = len(facts.clipped)
    if facts.one_sided < 3 or facts.one_sided < looked:
        return None
    return of_the_run(
        signals,
        "cut off",
        "After the backward pass the gradients had both signs and at the update one alone, at each "
        f"of the {looked} steps that were looked at: weights can go one way only.",
        {"steps that were looked at": float(looked)},
        (BOTH_SIGNS,),
        0.95,
    )


def _one_class(signals: Signals, good: np.ndarray) -> Finding | None:
    """A loss under which only the rows of one class count."""
    heads = [h for h in signals.record.facts.heads if h.loss]
    if len(heads) < 3 or not all(h.skipped >= threshold("skipped") for h in heads[:3]):
        return None
    asked = {round(t) for h in heads for t in (h.target_low, h.target_high) if math.isfinite(t)}
    several = all(h.loss == "cross-entropy of logits" and h.columns > 1 for h in heads)
    alone = all(h.loss == "binary cross-entropy of one class alone" for h in heads)
    if len(asked) != 1 or not (several or alone):
        return None
    share = float(np.median([h.skipped for h in heads[:3]]))
    return of_the_run(
        signals,
        "head",
        f"All rows that count are of class {min(asked)}; the other {share:.0%} get a gradient of "
        "exactly 0. The loss falls as soon as the net says the same of every input.",
        {"share of rows without a gradient": share},
        (BOTH_CLASSES, WEIGHTS),
        0.9,
    )


def _closed(signals: Signals, good: np.ndarray) -> Finding | None:
    """Outputs that leave no choice from the first step on, under a loss of about 0."""
    heads = _choices(signals)
    if len(heads) < 2 or not all(h.settled for h in heads):
        return None
    loss = signals.known_loss(good)
    norms = signals.parameter_gradient_norm[good]
    least = threshold("nothing")
    if len(loss) < enough(signals) or float(np.abs(loss).max()) > least:
        return None
    if not np.isfinite(norms).any() or float(np.nanmax(norms)) > least:
        return None
    return of_the_run(
        signals,
        "collapsed",
        "From the first step on one of the outputs has all the probability, for every input: a "
        "choice that is never made otherwise, as by a policy, has no gradient.",
        {"largest gradient of a parameter": float(np.nanmax(norms))},
        (OPEN_POLICY, ENTROPY),
        0.9,
    )


def _nothing_asked(signals: Signals, good: np.ndarray) -> Finding | None:
    """A loss, and gradients, of exactly 0 from first to last."""
    loss = signals.known_loss(good)
    norms = signals.parameter_gradient_norm[good]
    if len(loss) < enough(signals) or loss.any() or not signals.weight_norm.size:
        return None
    if not np.isfinite(norms).any() or np.nansum(norms):
        return None
    return of_the_run(
        signals,
        "update too small",
        "The loss is exactly 0 at every step, and so is the gradient of every parameter: nothing "
        "is asked of the net.",
        {"steps with a loss of exactly 0": float(len(loss))},
        (WEIGHTS,),
        0.9,
    )
