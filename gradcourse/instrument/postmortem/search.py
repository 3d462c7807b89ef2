"""What a `Watch` was given, and the search of the calls it has kept."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import torch
from torch import nn

from gradcourse.instrument.postmortem import advice
from gradcourse.instrument.postmortem.checks import all_finite
from gradcourse.instrument.postmortem.first_nan import LOSS, PostMortem
from gradcourse.instrument.postmortem.replay import Call, replay_loss, replay_model
from gradcourse.instrument.postmortem.state import Buffers
from gradcourse.support import GradcourseError


def check_loss_function(loss_function: Any) -> None:
    """Refuse what cannot be called."""
    if loss_function is not None and not callable(loss_function):
        raise GradcourseError(
            f"watch got {type(loss_function).__name__!r} as the loss function; it takes a "
            "function of outputs and targets."
        )


def search_model(
    model: nn.Module, calls: Collection[Call], buffers: Buffers | None
) -> PostMortem | None:
    """Replay each call of the model as it was, until one shows the fault."""
    for call in calls:
        if buffers is not None:
            buffers.put_back()
        found = replay_model(model, call)
        if found is not None:
            return found
    return None


def search_loss(
    model: nn.Module, loss_function: Callable[..., torch.Tensor], calls: Collection[Call]
) -> PostMortem | None:
    """The same with the calls of the loss function."""
    for call in calls:
        found = replay_loss(model, loss_function, call)
        if found is not None:
            return found
    return None


def unknown(calls: Collection[Call], affected: tuple[str, ...]) -> PostMortem:
    """What can be said when no replay shows the fault again."""
    sent = [g for call in calls for g in call.output_gradients if g is not None]
    nan = any(bool(value.isnan()) for call in calls for value in call.sums)
    if calls and not nan and (not affected or not all_finite(sent)):
        return PostMortem(
            "forward" if not affected else "backward",
            LOSS,
            op="something",
            evidence={"the model's output": "finite", "∂ℒ/∂output": "NaN or Inf"},
            advice=advice.LOSS_UNKNOWN,
        )
    note = (
        "The model's own forward and backward pass are finite: look at what else is in the "
        "loss, such as a penalty on the weights, and at changes of .grad."
        if calls
        else "The model itself was not called since the last update, so there is nothing to "
        "replay: watch the module that your loop calls."
    )
    if nan:
        note = "The model's output held NaN, and its replay does not."
    return PostMortem(
        "unknown",
        "",
        note=note,
        affected=affected,
        evidence={"the model's output": "NaN"} if nan else {},
        advice=advice.UNKNOWN,
    )
