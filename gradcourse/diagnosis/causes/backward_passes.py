"""Backward passes that never come, or from elsewhere, that add up or are cleared too soon."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from gradcourse.diagnosis.causes.standstill import is_stuck, learns_badly, stays
from gradcourse.diagnosis.causes.trainees import cut_off, trainable
from gradcourse.diagnosis.finding import Finding, Remedy
from gradcourse.diagnosis.remedies import CLEAR
from gradcourse.diagnosis.signals import SHORTEST, Signals
from gradcourse.diagnosis.signs import Sign, first_of
from gradcourse.diagnosis.step_size import find_large
from gradcourse.instrument.record.facts import Trainee
from gradcourse.instrument.record.owners import owner

CONNECT = Remedy(
    "Call loss.backward(), and compute the loss from the outputs by operations that have a slope: "
    "no argmax, round, int, "
    ".item(), .detach(), torch.tensor(…); requires_grad = True on the loss only hides the error",
    "10",
    "connect the loss",
)
ZERO_GRAD = Remedy(f"{CLEAR}: optimizer.zero_grad()", "01", "clear gradients")
CALL_THIS_ONE = Remedy(
    "Give the probe and the optimizer the model that the loop calls: make it once, before the "
    "loop, and make no copy",
    "10",
    "one model",
)
KEEP_THE_STATE = Remedy(
    "Carry the state from call to call without .detach(), .data or torch.no_grad(); detach it "
    "between two updates only",
    "08",
    "connect the state",
)
CLEAR_BEFORE = Remedy(
    "Clear the gradients before the backward pass, not between it and optimizer.step(): "
    "zero_grad, backward, step, in this order",
    "01",
    "clear before",
)


def find(signals: Signals, good: np.ndarray) -> list[Sign]:
    """The first that is certain; at most one finding."""
    tests = (_uncalled, _disconnected, _bypassed, _never_cleared, _cleared, _state_detached)
    return first_of(tests, signals, good)


def _uncalled(signals: Signals, good: np.ndarray) -> Finding | None:
    """The loop trains another model than the one that is looked at."""
    facts = signals.record.facts
    trained = trainable(signals)
    if facts.forward_passes or facts.updates < _SEVERAL or not trained:
        return None
    if any(t.gradient != "none" or t.ran != "no" for t in facts.trainees):
        return None
    return cut_off(
        signals,
        trained,
        f"In {facts.updates} updates the model was never called and none of its parameters got a "
        "gradient: the loop calls another model.",
        (CALL_THIS_ONE,),
        {"calls of the model": 0.0, "updates": float(facts.updates)},
    )


def _disconnected(signals: Signals, good: np.ndarray) -> Finding | None:
    facts = signals.record.facts
    trained = trainable(signals)
    if not trained or any(t.gradient != "none" for t in trained):
        return None
    if facts.backward_passes or not facts.updates or not facts.forward_passes:
        return None
    if signals.bad.any() and not np.isnan(signals.parameter_gradient_norm).all():
        return None
    return _nothing_came_back(
        signals,
        trained,
        "and no parameter ever got a gradient: the loss is cut off from the model, or "
        "loss.backward() is never called.",
    )


def _bypassed(signals: Signals, good: np.ndarray) -> Finding | None:
    """The model's output counts for nothing, though its parameters get a gradient of another term.

    No layer has got one either: a loss that is made of the layers inside passes by the output, too.
    """
    facts = signals.record.facts
    trained = trainable(signals)
    with_a_gradient = [t for t in trained if t.gradient == "some"]
    if facts.backward_passes or not facts.forward_passes or not with_a_gradient:
        return None
    ran = [t for t in with_a_gradient if t.ran == "with a graph"]
    if not ran or np.isfinite(signals.output_gradient_norm).any() or signals.bad.any():
        return None
    if facts.derivatives:
        return None  # torch.autograd.grad, and the loop writes the gradients itself
    if not learns_badly(signals, good):
        return None
    return _nothing_came_back(
        signals,
        [],
        "though its parameters got a gradient: that of another term, as a penalty on the weights. "
        "The loss of the outputs is cut off.",
    )


def _nothing_came_back(signals: Signals, parts: list[Trainee], more: str) -> Finding:
    facts = signals.record.facts
    return cut_off(
        signals,
        parts,
        f"No backward pass has come to the model's outputs in {facts.forward_passes} calls, {more}",
        (CONNECT,),
        {"calls of the model": float(facts.forward_passes), "updates": float(facts.updates)},
    )


def _never_cleared(signals: Signals, good: np.ndarray) -> Finding | None:
    """Each backward pass adds to the gradients of all updates before."""
    if not are_never_cleared(signals):
        return None
    if not (learns_badly(signals, good) or signals.bad.any() or find_large(signals, good)):
        return None
    facts = signals.record.facts
    finding = cut_off(
        signals,
        [],
        f"At each of the {facts.clearing_looked} steps at which it was looked at, the gradients of "
        "the last update were still there when the next backward pass began: each update uses the "
        "sum of all gradients so far.",
        (ZERO_GRAD,),
        {"backward passes that were looked at": float(facts.clearing_looked)},
    )
    return replace(finding, kind="update too large")


def are_never_cleared(signals: Signals) -> bool:
    """Whether the gradients of the last update were there whenever one looked, twice or more."""
    facts = signals.record.facts
    return facts.uncleared == facts.clearing_looked >= 2


def are_erased(signals: Signals) -> bool:
    """Whether, of several passes to an update, the last alone was left whenever one looked."""
    facts = signals.record.facts
    return facts.erased == facts.erasing_looked >= 2


def _cleared(signals: Signals, good: np.ndarray) -> Finding | None:
    """Backward passes came, and at the update there was no gradient left."""
    facts = signals.record.facts
    trained = trainable(signals)
    if not trained or any(t.gradient == "some" for t in facts.trainees):
        return None
    gone = all(t.gradient == "none" and not t.changed > 0 for t in trained)
    if not gone and not _set_to_0(signals, trained):
        return None
    if not facts.backward_passes or not facts.updates or not is_stuck(signals, good):
        return None
    if signals.bad.any():
        return None
    return cut_off(
        signals,
        trained,
        f"{facts.backward_passes} backward passes came to the model, but at the {facts.updates} "
        "updates "
        + (
            "no parameter had a gradient, and none changed: they are cleared in between."
            if gone
            else "the gradient of every parameter was 0: they are cleared in between, by "
            "zero_grad or a hook."
        ),
        (CLEAR_BEFORE,),
        {"backward passes": float(facts.backward_passes), "updates": float(facts.updates)},
    )


def _set_to_0(signals: Signals, trained: list[Trainee]) -> bool:
    """Whether layers with a bias got a gradient whose sum over rows, that of the bias, is 0."""
    biased = {owner(t.name) for t in trained if len(t.shape) == 1}
    columns = [k for k, name in enumerate(signals.layers) if name in biased]
    if not columns or any(t.gradient != "0" for t in trained):
        return False
    facts = signals.record.facts
    if facts.forward_passes > 1.5 * facts.updates:
        return False  # what two passes bring may cancel, as of a pair that is judged alike
    if any(not raw < _OVERFLOWS for raw, _, _ in facts.clipped):
        return False  # a norm that overflows is infinite, and clipping divides by it
    came = signals.output_gradient_norm[:, columns]
    measured = np.isfinite(came).any(axis=1)
    return bool(measured.any() and (came[measured] > 0).any(axis=1).all())


def _state_detached(signals: Signals, good: np.ndarray) -> Finding | None:
    """A layer that is called step by step, and a gradient that only its last calls get."""
    for name, calls, reach in calls_cut_off(signals):
        own = [t for t in signals.record.facts.trainees if t.name.startswith(f"{name}.")]
        if own and stays(signals, good):
            return cut_off(
                signals,
                own,
                f"{name} is called {calls} times, one after the other, and the gradient comes back "
                f"to the last {'one' if reach == 1 else reach} alone: the state is cut off in "
                "between, and nothing from before can be learned.",
                (KEEP_THE_STATE,),
                {"calls": float(calls), "calls that get a gradient": float(reach)},
            )
    return None


def calls_cut_off(signals: Signals) -> list[tuple[str, int, int]]:
    """Layers that are called often in a pass, how often, and how many calls get a gradient.

    Of those whose last calls get one, and they alone.
    """
    found = []
    table = signals.output_gradient_norm
    for name, columns in signals.calls().items():
        got = np.isfinite(table[:, columns])
        rows = got[:, -1]
        reach = int(got[rows].any(axis=0).sum()) if rows.any() else 0
        last = got[rows][:, len(columns) - reach :].all() if reach else False
        if len(columns) >= SHORTEST and last and 2 * reach <= len(columns):
            found.append((name, len(columns), reach))
    return found


_OVERFLOWS = 1e18
"""Norm of all gradients whose square float32 cannot hold, or nearly."""

_SEVERAL = 3
"""Updates before a model that is not called is no accident."""
