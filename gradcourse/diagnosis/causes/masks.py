"""An attention whose mask lets through what it is to forbid, or the other way round."""

from __future__ import annotations

import numpy as np

from gradcourse.diagnosis.causes.standstill import learns_badly, still
from gradcourse.diagnosis.finding import Finding, Remedy
from gradcourse.diagnosis.remedies import LOOK_AT_ROWS
from gradcourse.diagnosis.signals import Signals
from gradcourse.diagnosis.signs import Sign, first_of, of_the_run

FORBID = Remedy(
    "Write the mask as torch asks for it: a bool mask (of nn.MultiheadAttention True where it is "
    "not allowed to look, of scaled_dot_product_attention where it is), or numbers, 0 and -inf, "
    "which are added before the softmax: scores.masked_fill(mask == 0, -torch.inf)",
    "11",
    "forbid by the mask",
)
TURN_PADDING = Remedy(
    "Turn the padding mask round: in key_padding_mask True is a place that is left out, tokens == "
    "pad; in the attention_mask of other libraries 1 is a place that is kept",
    "11",
    "turn the mask",
)
TURN_STEPS = Remedy(
    "Turn the mask over the steps round: nn.MultiheadAttention takes True for a place that is not "
    "allowed, and so wants torch.ones(T, T).bool().triu(1) where a step may look back; "
    "scaled_dot_product_attention takes it for one that is",
    "11",
    "turn the mask",
)


def find(signals: Signals, good: np.ndarray) -> list[Sign]:
    """The first that holds; at most one finding."""
    return first_of((_of_numbers, _padding_alone, _ahead_alone), signals, good)


def looks_ahead(signals: Signals) -> tuple[str, ...]:
    """That steps look at later ones alone, in a net that learns: it may read backward."""
    if not signals.record.facts.looks_ahead:
        return ()
    return (
        "an attention lets each step look at later ones, and at none before it: meant so in a net "
        "that reads backward, else its mask is the wrong way round",
    )


def _of_numbers(signals: Signals, good: np.ndarray) -> Finding | None:
    """Ones and zeros that are added to the scores, or multiplied with them."""
    masks = signals.record.facts.masks_of_numbers
    if not masks:
        return None
    name, how = next(iter(masks.items()))
    score = "the score that it had" if how == "added" else "a score of 0"
    return of_the_run(
        signals,
        "cut off",
        f"The mask of {name} is {how} as numbers, ones and zeros: a place that it is to forbid has "
        f"{score}, and is looked at all the same. What is to come is known, so a loss "
        "in training says nothing.",
        {"masks of numbers": float(len(masks))},
        (FORBID,),
        0.9,
    )


def _padding_alone(signals: Signals, good: np.ndarray) -> Finding | None:
    if not signals.record.facts.looks_at_padding:
        return None
    return of_the_run(
        signals,
        "cut off",
        "All that an attention lets the rows look at is one and the same token of the input, as "
        "padding is, and all that it forbids is not: the mask is the wrong way round.",
        {},
        (TURN_PADDING, LOOK_AT_ROWS),
        0.9,
    )


def _ahead_alone(signals: Signals, good: np.ndarray) -> Finding | None:
    if not signals.record.facts.looks_ahead or not learns_badly(signals, good):
        return None
    return of_the_run(
        signals,
        "cut off",
        "An attention lets each step look at later ones, and at none before it, and the loss "
        f"{still(signals.known_loss(good))}: the mask is the wrong way round.",
        {},
        (TURN_STEPS, LOOK_AT_ROWS),
        0.8,
    )
