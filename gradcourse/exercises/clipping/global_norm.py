"""Clip by the joint norm: one factor for all gradients."""

from __future__ import annotations

import math

import numpy as np

from gradcourse.checking.question import CodeExercise, Part, asks
from gradcourse.drivers.clipping import drive_clip


def _gradients(parameters):
    return [p.grad for p in parameters if p.grad is not None]


def _joint(gradients):
    return math.sqrt(sum(float(g.double().square().sum()) for g in gradients))


def _scale(gradients, factor):
    for gradient in gradients:
        gradient.copy_(gradient.double() * factor)


def clip_by_global_norm(parameters, max_norm):
    """Scale all gradients by one factor so that their joint norm is at most ``max_norm``."""
    gradients = _gradients(parameters)
    total = _joint(gradients)
    if math.isfinite(total) and total > max_norm:
        _scale(gradients, max_norm / total)
    return total


def _clip(
    norm=_joint,
    when=lambda total, c: math.isfinite(total) and total > c,
    scale=lambda gradients, total, c: _scale(gradients, c / total),
):
    """The same with another norm, at other times, or scaled in another way."""

    def answer(parameters, max_norm):
        gradients = _gradients(parameters)
        total = norm(gradients)
        if when(total, max_norm):
            scale(gradients, total, max_norm)
        return total

    return answer


def _is_finite(total, c):
    return math.isfinite(total)


def _each_by_itself(gradients, total, c):
    for gradient in gradients:
        norm = _joint([gradient])
        if norm > c:
            _scale([gradient], c / norm)


def _to_the_threshold(gradients, total, c):
    _scale(gradients, c / total if total else math.nan)


def _spread(gradients, total, c):
    _scale(gradients, math.nan if math.isnan(total) else min(1.0, c / (total or math.inf)))


def _without_none(parameters, max_norm):
    if any(p.grad is None for p in parameters):
        raise AttributeError("'NoneType' object has no attribute 'norm'")
    return clip_by_global_norm(parameters, max_norm)


def _ended_by_none(parameters, max_norm):
    total = 0.0
    for p in parameters:
        if p.grad is None:
            return 0.0
        total += float(p.grad.double().square().sum())
    return clip_by_global_norm(parameters, max_norm)


def _in_new_tensors(parameters, max_norm):
    total = _joint(_gradients(parameters))
    if math.isfinite(total) and total > max_norm:
        for p in parameters:
            if p.grad is not None:
                p.grad = (p.grad.double() * (max_norm / total)).to(p.grad.dtype)
    return total


def _with_weights(clip):
    """The same, and the weights are scaled in place by the same factor."""

    def answer(parameters, max_norm):
        total = _joint(_gradients(parameters))
        clip(parameters, max_norm)
        if math.isfinite(total) and total > max_norm:
            for p in parameters:
                p.data.mul_(max_norm / total)
        return total

    return answer


def _norm_after(parameters, max_norm):
    clip_by_global_norm(parameters, max_norm)
    return _joint(_gradients(parameters))


def _all_zero(parameters, max_norm):
    total = clip_by_global_norm(parameters, max_norm)
    if not math.isfinite(total):
        for gradient in _gradients(parameters):
            gradient.zero_()
    return total


def _of_the_weights(parameters, max_norm):
    total = _joint([p.detach() for p in parameters])
    if total > max_norm:
        _scale(_gradients(parameters), max_norm / total)
    return total


def _torchs_own(parameters, max_norm):
    from torch.nn.utils import clip_grad_norm_

    return float(clip_grad_norm_(parameters, max_norm))


def _float32(gradients):
    # Summed in float32 the square of 1e25 is inf.
    return math.sqrt(sum(float(g.square().sum()) for g in gradients))


def _f32(values):
    return np.asarray(values, dtype=np.float32)


def _three(rng, size):
    shapes = ((3, 2), (4,), (2, 2))
    drawn = [rng.normal(size=shape) * rng.uniform(0.3, 2.0) for shape in shapes]
    norm = math.sqrt(sum(float(np.sum(g**2)) for g in drawn))
    return [_f32(g * size / norm) for g in drawn]


def _above(rng):
    made = []
    for _ in range(3):
        threshold = float(rng.uniform(1.5, 3.0))
        made.append((_three(rng, threshold * float(rng.uniform(3.0, 9.0))), threshold))
    return made


def _harmless(rng):
    threshold = float(rng.uniform(1.5, 3.0))
    missing = [*_three(rng, 4.0 * threshold), "none"]
    return [
        (_three(rng, threshold * float(rng.uniform(0.2, 0.8))), threshold),
        ([np.zeros((2, 3), np.float32), np.zeros(2, np.float32)], threshold),
        (["none", *_three(rng, 0.5 * threshold)], threshold),
        (missing, threshold),
        (["none", "none"], threshold),
    ]


def _extreme(rng):
    made = []
    for bad in (math.nan, math.inf):
        gradients = _three(rng, 5.0)
        gradients[1][int(rng.integers(4))] = bad
        made.append((gradients, float(rng.uniform(1.0, 3.0))))
    huge = [g * np.float32(1e24) for g in _three(rng, 5.0)]
    return [*made, (huge, float(rng.uniform(1.0, 3.0)))]


_LOOK = (
    "Compared are the norm that you returned (as Inf if it is not finite), how many parameters "
    "have a gradient, and the gradients that you left."
)

GLOBAL_NORM = CodeExercise(
    id="clipping/global-norm",
    title="Clip by the global norm",
    functions=asks(
        clip_by_global_norm,
        "a float: the norm before clipping",
        {
            "each tensor by itself": (
                _clip(when=_is_finite, scale=_each_by_itself),
                "You clipped each tensor by its own norm. That turns the gradient. All share "
                "one factor, from the norm of everything together.",
            ),
            "by value": (
                _clip(when=_is_finite, scale=lambda gs, _, c: [g.clamp_(-c, c) for g in gs]),
                "You cut each entry at the threshold. That turns the gradient; scale all "
                "entries by one factor.",
            ),
            "small gradients are enlarged": (
                _clip(when=_is_finite, scale=_to_the_threshold),
                "You scale to the threshold also from below: small gradients grow, and zeros "
                "become 0/0. A norm within the threshold changes nothing.",
            ),
            "scaled from below, too": (
                _clip(when=lambda total, _: math.isfinite(total) and total > 0),
                "Your factor max_norm / norm is above 1 where the norm is small, so a small "
                "gradient grows. A norm within the threshold changes nothing.",
            ),
            "no place for None": (
                _without_none,
                "A parameter that took no part in the loss has grad None. Leave such "
                "parameters out.",
            ),
            "a None ends it": (
                _ended_by_none,
                "A parameter whose grad is None ends your function. `return` leaves all of it; "
                "`continue` leaves out this one parameter and goes on with the others.",
            ),
            "sum of the norms": (
                _clip(lambda gradients: sum(_joint([g]) for g in gradients)),
                "You added the norms of the tensors. Squares add: the joint norm is the root "
                "of the sum of all squares.",
            ),
            "the root is missing": (
                _clip(lambda gradients: _joint(gradients) ** 2),
                "You compared the sum of the squares with the threshold. The norm is its "
                "square root.",
            ),
            "the norm afterwards": (
                _norm_after,
                "Your gradients are right. The norm that is returned is the one before "
                "clipping: the one after is known anyway.",
            ),
            "NaN and Inf spread": (
                _clip(when=lambda *_: True, scale=_spread),
                "One NaN or Inf in one tensor made all others NaN or 0, too. No factor mends "
                "it: leave all as they are and let the returned norm tell.",
            ),
            "Inf is clipped": (
                _clip(when=lambda total, c: total > c),
                "inf > max_norm is true, and the factor max_norm / inf is 0: your finite "
                "gradients became 0. Ask whether the norm is finite before you scale.",
            ),
            "set to 0": (
                _all_zero,
                "You set the gradients to 0 where one holds NaN or Inf. Leave all as they "
                "are: whoever called you sees the norm, and decides.",
            ),
            "the norm of the weights": (
                _of_the_weights,
                "You took the norm of the parameters themselves. It is the norm of their "
                "gradients, p.grad.",
            ),
            "the norm overflows": (
                _clip(_float32),
                "A finite gradient of 1e24 has squares beyond float32, so your norm is inf. "
                "Take the squares in float64.",
            ),
            "torch's own": (
                _torchs_own,
                "That is what torch's clip_grad_norm_ does: its norm is float32, so finite "
                "gradients of 1e24 become 0, and one NaN or Inf spoils all.",
            ),
            "not in place": (
                _clip(when=lambda *_: False),
                "Your norm is right, but the gradients are as before: `g = g * factor` only makes "
                "a new tensor. Use p.grad.mul_(factor).",
            ),
            "a new tensor in the place of p.grad": (
                _in_new_tensors,
                "Your numbers are right, and they stand in new tensors: `p.grad = …` puts another "
                "one there, and whoever holds the old one sees nothing of it. Change it in place.",
            ),
            "the weights in place of the gradients": (
                _with_weights(lambda parameters, max_norm: None),
                "You scaled the weights, and the gradients are as before: p.data is the parameter "
                "itself, its gradient is p.grad.",
            ),
            "the weights as well": (
                _with_weights(clip_by_global_norm),
                "The gradients are right, but the weights are scaled, too. p.data is the parameter "
                "itself: leave it alone.",
            ),
            "scaled to 1": (
                _clip(scale=lambda gradients, total, _: _scale(gradients, 1.0 / total)),
                "You divide by the norm, so that it becomes 1. It must become max_norm.",
            ),
        },
        driver=drive_clip,
        inputs=("the gradients", "max_norm"),
    ),
    parts=(
        Part(
            title="3 random gradients above the threshold",
            points=1.0,
            cases=_above,
            example=([_f32([3.0, 0.0]), _f32([4.0])], 2.5),
            look_at=_LOOK,
        ),
        Part(
            title="below the threshold, zeros, and parameters without a gradient",
            points=1.0,
            cases=_harmless,
            example=([_f32([0.3, 0.4]), "none"], 2.5),
            look_at=_LOOK,
        ),
        Part(
            title="NaN, Inf, and finite gradients of 1e24",
            points=1.0,
            cases=_extreme,
            example=([_f32([3e24]), _f32([4e24])], 2.5),
            look_at=_LOOK,
        ),
    ),
    hints=(
        "One number decides: the norm of all gradients together. When is there nothing to do?",
        "Square in float64 and add over all tensors that have a gradient. If the root is finite "
        "and above max_norm, multiply every gradient in place by max_norm / norm.",
        "g.double().square().sum() for each gradient that is not None; math.isfinite tells whether "
        "the root is a number; p.grad.mul_(factor) works in place. In which order do you ask?",
    ),
)
