"""Clipping by the joint norm, and the angle by which other ways turn the gradient."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from gradcourse.checking.exercise import Arguments, CodeExercise, Function, Misconception, Part
from gradcourse.drivers.clipping import drive_clip

# ---------------------------------------------------------------- by the joint norm


def _gradients(parameters: Any) -> list[Any]:
    return [p.grad for p in parameters if p.grad is not None]


def _joint(gradients: Sequence[Any]) -> float:
    return math.sqrt(sum(float(g.double().square().sum()) for g in gradients))


def _scale(gradients: Sequence[Any], factor: float) -> None:
    for gradient in gradients:
        gradient.copy_(gradient.double() * factor)


def clip_by_global_norm(parameters: Any, max_norm: float) -> float:
    """Scale all gradients by one factor so that their joint norm is at most ``max_norm``."""
    gradients = _gradients(parameters)
    total = _joint(gradients)
    if math.isfinite(total) and total > max_norm:
        _scale(gradients, max_norm / total)
    return total


def _each_tensor(parameters: Any, max_norm: float) -> float:
    gradients = _gradients(parameters)
    total = _joint(gradients)
    if math.isfinite(total):
        for gradient in gradients:
            norm = _joint([gradient])
            if norm > max_norm:
                _scale([gradient], max_norm / norm)
    return total


def _by_value(parameters: Any, max_norm: float) -> float:
    gradients = _gradients(parameters)
    total = _joint(gradients)
    if math.isfinite(total):
        for gradient in gradients:
            gradient.clamp_(-max_norm, max_norm)
    return total


def _always(parameters: Any, max_norm: float) -> float:
    gradients = _gradients(parameters)
    total = _joint(gradients)
    if math.isfinite(total):
        _scale(gradients, max_norm / total if total else math.nan)
    return total


def _without_none(parameters: Any, max_norm: float) -> float:
    if any(p.grad is None for p in parameters):
        raise AttributeError("'NoneType' object has no attribute 'norm'")
    return clip_by_global_norm(parameters, max_norm)


def _by(measure: Callable[[Sequence[Any]], float]) -> Callable[[Any, float], float]:
    """Right but for what is called the norm."""

    def answer(parameters: Any, max_norm: float) -> float:
        gradients = _gradients(parameters)
        total = measure(gradients)
        if math.isfinite(total) and total > max_norm:
            _scale(gradients, max_norm / total)
        return total

    return answer


def _norm_after(parameters: Any, max_norm: float) -> float:
    clip_by_global_norm(parameters, max_norm)
    return _joint(_gradients(parameters))


def _spreads(parameters: Any, max_norm: float) -> float:
    gradients = _gradients(parameters)
    total = _joint(gradients)
    factor = 0.0 if math.isinf(total) else max_norm / (total or math.inf)
    _scale(gradients, min(factor, 1.0) if not math.isnan(factor) else math.nan)
    return total


def _torchs_own(parameters: Any, max_norm: float) -> float:
    from torch.nn.utils import clip_grad_norm_

    return float(clip_grad_norm_(parameters, max_norm))


def _copies(parameters: Any, max_norm: float) -> float:
    return _joint(_gradients(parameters))


def _to_one(parameters: Any, max_norm: float) -> float:
    gradients = _gradients(parameters)
    total = _joint(gradients)
    if math.isfinite(total) and total > max_norm:
        _scale(gradients, 1.0 / total)
    return total


def _float32_norm(gradients: Sequence[Any]) -> float:
    # Summed in float32 the square of 1e25 is inf.
    return math.sqrt(sum(float(g.square().sum()) for g in gradients))


def _f32(values: Any) -> Any:
    return np.asarray(values, dtype=np.float32)


def _three(rng: np.random.Generator, size: float) -> list[Any]:
    shapes = ((3, 2), (4,), (2, 2))
    drawn = [rng.normal(size=shape) * rng.uniform(0.3, 2.0) for shape in shapes]
    norm = math.sqrt(sum(float(np.sum(g**2)) for g in drawn))
    return [_f32(g * size / norm) for g in drawn]


def _above(rng: np.random.Generator) -> Sequence[Arguments]:
    made: list[Arguments] = []
    for _ in range(3):
        threshold = float(rng.uniform(1.5, 3.0))
        made.append((_three(rng, threshold * float(rng.uniform(3.0, 9.0))), threshold))
    return made


def _harmless(rng: np.random.Generator) -> Sequence[Arguments]:
    threshold = float(rng.uniform(1.5, 3.0))
    missing: list[Any] = [*_three(rng, 4.0 * threshold), "none"]
    return [
        (_three(rng, threshold * float(rng.uniform(0.2, 0.8))), threshold),
        ([np.zeros((2, 3), np.float32), np.zeros(2, np.float32)], threshold),
        (["none", *_three(rng, 0.5 * threshold)], threshold),
        (missing, threshold),
        (["none", "none"], threshold),
    ]


def _extreme(rng: np.random.Generator) -> Sequence[Arguments]:
    made: list[Arguments] = []
    for bad in (math.nan, math.inf):
        gradients = _three(rng, 5.0)
        gradients[1][int(rng.integers(4))] = bad
        made.append((gradients, float(rng.uniform(1.0, 3.0))))
    huge = [g * np.float32(1e24) for g in _three(rng, 5.0)]
    return [*made, (huge, float(rng.uniform(1.0, 3.0)))]


_LOOK = "What is shown: the norm that you returned, and the gradients that you left."

GLOBAL_NORM = CodeExercise(
    id="clipping/global-norm",
    title="Clip by the global norm",
    lesson="09",
    functions=(
        Function(
            "clip_by_global_norm",
            ("parameters", "max_norm"),
            clip_by_global_norm,
            (
                Misconception(
                    "each tensor by itself",
                    _each_tensor,
                    "You clipped each tensor by its own norm. That turns the gradient. All share "
                    "one factor, from the norm of everything together.",
                ),
                Misconception(
                    "by value",
                    _by_value,
                    "You cut each entry at the threshold. That turns the gradient; scale all "
                    "entries by one factor.",
                ),
                Misconception(
                    "small gradients are enlarged",
                    _always,
                    "You scale to the threshold also from below: small gradients grow, and zeros "
                    "become 0/0. A norm within the threshold changes nothing.",
                ),
                Misconception(
                    "no place for None",
                    _without_none,
                    "A parameter that took no part in the loss has grad None. Leave such "
                    "parameters out.",
                ),
                Misconception(
                    "sum of the norms",
                    _by(lambda gradients: sum(_joint([g]) for g in gradients)),
                    "You added the norms of the tensors. Squares add: the joint norm is the root "
                    "of the sum of all squares.",
                ),
                Misconception(
                    "the root is missing",
                    _by(lambda gradients: _joint(gradients) ** 2),
                    "You compared the sum of the squares with the threshold. The norm is its "
                    "square root.",
                ),
                Misconception(
                    "the norm afterwards",
                    _norm_after,
                    "Your gradients are right. The norm that is returned is the one before "
                    "clipping: the one after is known anyway.",
                ),
                Misconception(
                    "NaN and Inf spread",
                    _spreads,
                    "One NaN or Inf in one tensor made all others NaN or 0, too. No factor mends "
                    "it: leave all as they are and let the returned norm tell.",
                ),
                Misconception(
                    "the norm overflows",
                    _by(_float32_norm),
                    "A finite gradient of 1e24 has squares beyond float32, so your norm is inf. "
                    "Take the squares in float64.",
                ),
                Misconception(
                    "torch's own",
                    _torchs_own,
                    "That is what torch's clip_grad_norm_ does: its norm is float32, so finite "
                    "gradients of 1e24 become 0, and one NaN or Inf spoils all.",
                ),
                Misconception(
                    "not in place",
                    _copies,
                    "Your norm is right, but the gradients are as before: `g = g * factor` makes "
                    "a new tensor. Use p.grad.mul_(factor).",
                ),
                Misconception(
                    "scaled to 1",
                    _to_one,
                    "You divide by the norm, so that it becomes 1. It must become max_norm.",
                ),
            ),
            driver=drive_clip,
            returns="a float: the norm before clipping",
        ),
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
        "grads = [p.grad for p in parameters if p.grad is not None]; norm = "
        "sum(float(g.double().square().sum()) for g in grads) ** 0.5; if math.isfinite(norm) and "
        "norm > max_norm: for g in grads: g.copy_(g.double() * (max_norm / norm)); return norm",
    ),
)

# ---------------------------------------------------------------- the angle


def _flat(tensors: Any) -> np.ndarray:
    return np.concatenate([np.ravel(t) for t in tensors])


def _cosine(first: np.ndarray, second: np.ndarray) -> float:
    return float(first @ second / (np.linalg.norm(first) * np.linalg.norm(second)))


def angle_to_raw(raw: Any, clipped: Any) -> float:
    """Angle between a raw and a clipped gradient, in degrees, over all tensors together."""
    return math.degrees(math.acos(min(1.0, _cosine(_flat(raw), _flat(clipped)))))


def _mean_angle(raw: Any, clipped: Any) -> float:
    return float(np.mean([angle_to_raw([a], [b]) for a, b in zip(raw, clipped, strict=True)]))


def _clipped_pairs(rng: np.random.Generator) -> Sequence[Arguments]:
    made: list[Arguments] = []
    for limit in (0.4, 0.7, 1.0, 1.3):
        raw = [rng.normal(size=shape) * 3.0 for shape in ((3, 3), (4,))]
        made.append((raw, [np.clip(g, -limit, limit * 0.9) for g in raw]))
    return made


ANGLE = CodeExercise(
    id="clipping/angle",
    title="The angle to the raw gradient",
    lesson="09",
    functions=(
        Function(
            "angle_to_raw",
            ("raw", "clipped"),
            angle_to_raw,
            (
                Misconception(
                    "radians",
                    lambda raw, clipped: math.radians(angle_to_raw(raw, clipped)),
                    "Your angle is in radians. Here it is in degrees.",
                ),
                Misconception(
                    "the cosine",
                    lambda raw, clipped: _cosine(_flat(raw), _flat(clipped)),
                    "You returned the cosine. The angle is its arccos, in degrees.",
                ),
                Misconception(
                    "mean over the tensors",
                    _mean_angle,
                    "You averaged the tensors' own angles. The gradient is one vector: flatten "
                    "and join all tensors first.",
                ),
                Misconception(
                    "from the lengths",
                    lambda raw, clipped: math.degrees(
                        math.acos(np.linalg.norm(_flat(clipped)) / np.linalg.norm(_flat(raw)))
                    ),
                    "You used the ratio of the lengths. A vector can be shortened without being "
                    "turned: you need their dot product.",
                ),
                Misconception(
                    "by one length twice",
                    lambda raw, clipped: math.degrees(
                        math.acos(_flat(raw) @ _flat(clipped) / np.sum(_flat(raw) ** 2))
                    ),
                    "You divided by the raw norm twice. Each vector is divided by its own norm.",
                ),
            ),
            returns="a float, in degrees",
        ),
    ),
    parts=(
        Part(
            title="4 random gradients, clipped by value",
            points=1.0,
            cases=_clipped_pairs,
            example=([np.array([3.0, 0.0]), np.array([4.0])], [np.array([1.0, 0.0]), [1.0]]),
            look_at="(3, 0, 4) and (1, 0, 1): the dot product is 7, the norms are 5 and √2.",
            rtol=1e-6,
        ),
    ),
    hints=(
        "The gradient of a network is one long vector.",
        "cos = a·b / (‖a‖ ‖b‖), with both gradients flattened and joined.",
        "a, b = (np.concatenate([np.ravel(t) for t in g]) for g in (raw, clipped)); "
        "np.degrees(np.arccos(a @ b / np.linalg.norm(a) / np.linalg.norm(b)))",
    ),
)
