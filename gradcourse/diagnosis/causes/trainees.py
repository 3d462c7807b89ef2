"""Parameters that do not train: cut off, left out, or changed by nothing."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from gradcourse.diagnosis.causes.standstill import has_learned, is_stuck, learns_badly, stays
from gradcourse.diagnosis.finding import Finding, Remedy
from gradcourse.diagnosis.remedies import LOOK_BETWEEN, STRAIGHT_THROUGH
from gradcourse.diagnosis.signals import Signals
from gradcourse.diagnosis.signs import Sign, first_of
from gradcourse.diagnosis.thresholds import threshold
from gradcourse.instrument.record.facts import Trainee

REGISTER = Remedy(
    "Make each layer once, in __init__, as an attribute (several in nn.ModuleList or "
    "nn.ModuleDict, not in a Python list; a tensor as nn.Parameter), and the optimizer after that",
    "10",
    "register",
)
REENTRANT = Remedy(
    "Take them out of torch.no_grad(), or checkpoint with use_reentrant=False: under no_grad, and "
    "in a reentrant checkpoint whose input needs no gradient, no graph is made",
    "10",
    "no reentrant checkpoint",
)
ADD_THE_TERM = Remedy(
    "Add the loss of these outputs as a tensor, not as a number: no .item(), .detach() or float() "
    "on the term",
    "10",
    "connect the term",
)
UNDETACH = Remedy(
    "Look for .detach(), .data, .item(), argmax or a new tensor behind these layers; if it is "
    "meant so, freeze them: requires_grad_(False)",
    "10",
    "connect the layers",
)
UNFREEZE = Remedy(
    "Let what is to learn require a gradient, requires_grad_(True), and give it to the optimizer",
    "10",
    "unfreeze",
)
USE = Remedy(
    "Call these layers on the way to the loss, with a graph: what they gave before, or under "
    "torch.no_grad(), teaches them nothing",
    "10",
    "use the layers",
)
GIVE_ALL = Remedy(
    "Give the optimizer all that is to train: model.parameters(); if it is meant so, freeze the "
    "rest: requires_grad_(False)",
    "10",
    "new optimizer",
)
MAKE_AGAIN = Remedy(
    "Make the optimizer after the last change of the model: it holds tensors that are no longer "
    "in it",
    "10",
    "new optimizer",
)
READ_PADDING = Remedy(
    "Look which steps are read: a layer whose input weights get no gradient reads zeros alone, as "
    "padding. Padded behind, read at each row's own length; padded in front, at the last step",
    "03",
)
READ_THE_ENDS = Remedy(
    "Read each direction where it ends: h_n holds both, and of the output the forward half is at "
    "the last step, out[:, -1] with batch_first=True, and the backward half at the first",
    "08",
    "read the ends",
)
ONE_STEP = Remedy(
    "Give the layer whole sequences, (rows, time, features) with batch_first=True: here each has a "
    "single step",
    "08",
)
MASTER = Remedy(
    "Keep the weights in float32 and compute in {dtype} by torch.autocast: an update below "
    "{least:.1g} of a weight is rounded away",
    "12",
    "float32",
)


def find(signals: Signals, good: np.ndarray) -> list[Sign]:
    """What is certain about who trains; at most one finding."""
    of_parts = (_stale, _strangers, _without_graph, _ignored, _detached, _left_out, _idle)
    return first_of((*of_parts, _all_frozen, _rounded), signals, good)


def trainable(signals: Signals) -> list[Trainee]:
    """Parameters that require a gradient and are in the optimizer."""
    return [t for t in signals.record.facts.trainees if t.requires_grad and t.in_optimizer]


def left_out(signals: Signals) -> list[Trainee]:
    """Parameters that require a gradient, get one, and are nobody's to change."""
    return [
        t
        for t in signals.record.facts.trainees
        if t.requires_grad
        and t.in_optimizer is False
        and t.gradient == "some"
        and not t.changed > 0
    ]


def without_slope(signals: Signals) -> list[Trainee]:
    """Weights that are to train, whose gradient was exactly 0 at every step, beside others."""
    to_train = trainable(signals)
    moves = any(t.gradient == "some" for t in to_train)
    if not moves or signals.steps < _SEVERAL:
        return []
    return [t for t in to_train if len(t.shape) > 1 and t.gradient == "0"]


_SEVERAL = 3
"""Steps at which a gradient is 0 that say more than a start from 0 does."""


def _unmoved(signals: Signals) -> list[Trainee]:
    """Of these, those without a gradient; one that is used and freed at once leaves a change."""
    return [t for t in trainable(signals) if t.gradient == "none" and not t.changed > 0]


def _stale(signals: Signals, good: np.ndarray) -> Finding | None:
    """The optimizer holds other tensors in place of parameters that get a gradient."""
    facts = signals.record.facts
    left = [t for t in facts.trainees if t.in_optimizer is False and t.gradient == "some"]
    if not facts.foreign or not left or not trainable(signals):
        return None
    return cut_off(
        signals,
        left,
        f"{_names(left)}: a gradient at every step, but not in the optimizer, which holds "
        f"{facts.foreign} tensors that are no part of the model.",
        (MAKE_AGAIN,),
        {"parameters left out": float(len(left)), "tensors not in the model": float(facts.foreign)},
    )


def _strangers(signals: Signals, good: np.ndarray) -> Finding | None:
    strangers = signals.record.facts.strangers
    if not strangers:
        return None
    shapes = ", ".join(strangers[:3]) + (", …" if len(strangers) > 3 else "")
    summary = (
        f"{len(strangers)} tensors that require a gradient take part in the forward pass but are "
        f"no parameters of the model (shapes {shapes}): the optimizer does not see them."
    )
    if len(strangers) == 1:
        summary = (
            f"A tensor of shape {shapes} that requires a gradient takes part in the forward pass "
            "but is no parameter of the model: the optimizer does not see it."
        )
    return cut_off(
        signals,
        [],
        summary,
        (REGISTER,),
        {"tensors in no module": float(len(strangers))},
    )


def _without_graph(signals: Signals, good: np.ndarray) -> Finding | None:
    cut = [t for t in _unmoved(signals) if t.ran == "without a graph"]
    if not cut or not _matters(signals, cut) or has_learned(signals, good):
        return None
    return _without_gradient(
        signals,
        cut,
        "ran, but without a graph, and never got a gradient, though they require one and are in "
        "the optimizer.",
        (REENTRANT, UNDETACH),
    )


def _ignored(signals: Signals, good: np.ndarray) -> Finding | None:
    """Outputs that the model returns and no backward pass comes back to."""
    cut = [t for t in _unmoved(signals) if t.reached]
    if not cut or not any(t.gradient == "some" for t in trainable(signals)):
        return None
    return _without_gradient(
        signals,
        cut,
        "part of what the model returns, but no gradient ever came back: the term of the loss "
        "that they belong to is detached, or missing.",
        (ADD_THE_TERM, UNDETACH),
    )


def _detached(signals: Signals, good: np.ndarray) -> Finding | None:
    cut = [t for t in _unmoved(signals) if t.ran == "with a graph" and t.reached is False]
    if not cut or not _matters(signals, cut):
        return None
    if not (learns_badly(signals, good) or stays(signals, good)):
        return None
    return _without_gradient(
        signals,
        cut,
        "ran, require a gradient and are in the optimizer, but the output's graph does not lead "
        "back to them.",
        (UNDETACH,),
    )


def _without_gradient(
    signals: Signals, cut: list[Trainee], what: str, remedies: tuple[Remedy, ...]
) -> Finding:
    evidence = {"parameters without a gradient": float(len(cut))}
    return cut_off(signals, cut, f"{_names(cut)}: {what}", remedies, evidence)


def _left_out(signals: Signals, good: np.ndarray) -> Finding | None:
    """Parameters with a gradient that no optimizer holds, under a loss that stays."""
    left = left_out(signals)
    if not left or not trainable(signals) or not stays(signals, good):
        return None
    if not _matters(signals, left):
        return None
    return cut_off(
        signals,
        left,
        f"{_names(left)}: they get a gradient, but are not in the optimizer, and the loss stays.",
        (GIVE_ALL,),
        {"parameters left out": float(len(left))},
    )


def _idle(signals: Signals, good: np.ndarray) -> Finding | None:
    """Layers that are to train and are on no way to the loss, under a loss that stays."""
    cut = [t for t in _unmoved(signals) if t.ran == "no"]
    if not cut or not _matters(signals, cut) or len(cut) == len(trainable(signals)):
        return None
    if not stays(signals, good):
        return None
    return _without_gradient(
        signals,
        cut,
        "require a gradient and are in the optimizer, but are on no way to the loss, which stays.",
        (USE, UNDETACH),
    )


def _all_frozen(signals: Signals, good: np.ndarray) -> Finding | None:
    """Not one matrix trains, as where the new head was frozen with the rest."""
    frozen = [t for t in signals.record.facts.trainees if len(t.shape) > 1 and t.ran != "no"]
    if not frozen or any(t.requires_grad for t in frozen) or not trainable(signals):
        return None
    if any(len(t.shape) > 1 and t.gradient != "none" for t in trainable(signals)):
        return None  # one of the model's own, in no layer, as a prompt
    if not learns_badly(signals, good):
        return None
    return cut_off(
        signals,
        frozen,
        f"{_names(frozen)}: all frozen (requires_grad=False); biases and scales alone train, and "
        "the loss has hardly fallen.",
        (UNFREEZE,),
        {"frozen weights": float(len(frozen))},
    )


def of_what_has_no_slope(
    signals: Signals, still: str, evidence: dict[str, float]
) -> Finding | None:
    """Weights whose gradient is exactly 0 throughout, under a loss that stays."""
    cut = without_slope(signals)
    weights = [t for t in trainable(signals) if len(t.shape) > 1]
    if not cut or sum(t.size for t in cut) < 0.1 * sum(t.size for t in weights):
        return None
    stairs = signals.record.facts.stairs
    unread = any(".weight_ih_l0" in f".{t.name}" for t in cut)
    if are_read_at_first_steps(cut):
        once = all(g.shape[1] == 1 for g in signals.lag_gradient.values())
        return cut_off(
            signals,
            cut,
            f"{_names(cut)}: a gradient of exactly 0 at every step, so no state that is read has "
            f"gone through it: each is that of a first step. The loss {still}.",
            (ONE_STEP,) if once and signals.lag_gradient else (READ_THE_ENDS,),
            evidence | {"weights with a gradient of 0": float(len(cut))},
        )
    what = f"{', '.join(stairs)} has slope 0. The" if stairs else "The"
    remedies = (STRAIGHT_THROUGH,) if stairs else (READ_PADDING,) if unread else (LOOK_BETWEEN,)
    return cut_off(
        signals,
        cut,
        f"{_names(cut)}: on the way to the loss and in the optimizer, but with a gradient of "
        f"exactly 0 at every step. {what} loss {still}.",
        remedies,
        evidence | {"weights with a gradient of 0": float(len(cut))},
    )


def are_read_at_first_steps(cut: list[Trainee]) -> bool:
    """Whether weights without a slope are those that take a state to the next step, and no other.

    Then what is read of a recurrent layer is a state before which there was none.
    """
    return bool(cut) and all(".weight_hh_l" in f".{t.name}" for t in cut)


def _matters(signals: Signals, cut: list[Trainee]) -> bool:
    """Whether they come to a tenth of what trains, or more."""
    return sum(t.size for t in cut) >= 0.1 * sum(t.size for t in trainable(signals))


def _rounded(signals: Signals, good: np.ndarray) -> Finding | None:
    """Updates that a short dtype swallows."""
    short = _short(signals)
    share = share_that_changes(signals)
    if not share < threshold("rounded") or not is_stuck(signals, good):
        return None
    dtype = short[0].dtype
    remedy = replace(MASTER, text=MASTER.text.format(dtype=dtype, least=_SPACING[dtype]))
    rate = Remedy("Or raise the learning rate until most entries change", "01", "rate", 10.0)
    finding = cut_off(
        signals,
        short,
        f"An update changes {share:.0%} of the entries of the {dtype} weights: the rest is rounded "
        "away, and the loss stays.",
        (remedy, rate),
        {"share of entries that change": share},
    )
    return replace(finding, kind="rounding")


def _short(signals: Signals) -> list[Trainee]:
    trained = trainable(signals)
    return [t for t in trained if t.dtype in _SPACING and len(t.shape) > 1 and t.gradient == "some"]


def share_that_changes(signals: Signals) -> float:
    """Of the entries of weights of a short dtype, in the median; NaN where there are none."""
    shares = [t.changed for t in _short(signals) if math.isfinite(t.changed)]
    return float(np.median(shares)) if shares else math.nan


_SPACING = {"bfloat16": 2**-9, "float16": 2**-12}
"""Half the distance of neighbouring numbers, relative to their size."""


def _names(trainees: list[Trainee]) -> str:
    names = [t.name for t in trainees]
    return ", ".join(names) if len(names) <= 3 else f"{names[0]} to {names[-1]} ({len(names)})"


def cut_off(
    signals: Signals,
    trainees: list[Trainee],
    summary: str,
    remedies: tuple[Remedy, ...],
    evidence: dict[str, float],
) -> Finding:
    names = [t.name for t in trainees]
    return Finding(
        "cut off",
        summary,
        layers=(names[0], names[-1]) if names else (),
        steps=(int(signals.step_numbers[0]), int(signals.step_numbers[-1])),
        evidence=evidence,
        confidence=0.9,
        remedies=remedies,
    )
