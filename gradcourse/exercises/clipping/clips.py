"""Clipping by the joint norm, done right and as it is done wrong."""

from __future__ import annotations

import math


def _gradients(parameters):
    return [p.grad for p in parameters if p.grad is not None]


def joint(gradients):
    return math.sqrt(sum(float(g.double().square().sum()) for g in gradients))


def _scale(gradients, factor):
    for gradient in gradients:
        gradient.copy_(gradient.double() * factor)


def clip_by_global_norm(parameters, max_norm):
    """Scale all gradients by one factor so that their joint norm is at most ``max_norm``."""
    gradients = _gradients(parameters)
    total = joint(gradients)
    if math.isfinite(total) and total > max_norm:
        _scale(gradients, max_norm / total)
    return total


def each_tensor(parameters, max_norm):
    gradients = _gradients(parameters)
    total = joint(gradients)
    if math.isfinite(total):
        for gradient in gradients:
            norm = joint([gradient])
            if norm > max_norm:
                _scale([gradient], max_norm / norm)
    return total


def by_value(parameters, max_norm):
    gradients = _gradients(parameters)
    total = joint(gradients)
    if math.isfinite(total):
        for gradient in gradients:
            gradient.clamp_(-max_norm, max_norm)
    return total


def always(parameters, max_norm):
    gradients = _gradients(parameters)
    total = joint(gradients)
    if math.isfinite(total):
        _scale(gradients, max_norm / total if total else math.nan)
    return total


def without_none(parameters, max_norm):
    if any(p.grad is None for p in parameters):
        raise AttributeError("'NoneType' object has no attribute 'norm'")
    return clip_by_global_norm(parameters, max_norm)


def by(measure):
    """Right but for what is called the norm."""

    def answer(parameters, max_norm):
        gradients = _gradients(parameters)
        total = measure(gradients)
        if math.isfinite(total) and total > max_norm:
            _scale(gradients, max_norm / total)
        return total

    return answer


def norm_after(parameters, max_norm):
    clip_by_global_norm(parameters, max_norm)
    return joint(_gradients(parameters))


def spreads(parameters, max_norm):
    gradients = _gradients(parameters)
    total = joint(gradients)
    factor = 0.0 if math.isinf(total) else max_norm / (total or math.inf)
    _scale(gradients, min(factor, 1.0) if not math.isnan(factor) else math.nan)
    return total


def torchs_own(parameters, max_norm):
    from torch.nn.utils import clip_grad_norm_

    return float(clip_grad_norm_(parameters, max_norm))


def copies(parameters, max_norm):
    return joint(_gradients(parameters))


def to_one(parameters, max_norm):
    gradients = _gradients(parameters)
    total = joint(gradients)
    if math.isfinite(total) and total > max_norm:
        _scale(gradients, 1.0 / total)
    return total


def float32_norm(gradients):
    # Summed in float32 the square of 1e25 is inf.
    return math.sqrt(sum(float(g.square().sum()) for g in gradients))


def enlarges(parameters, max_norm):
    """Zeros stay zeros; all other small gradients grow."""
    gradients = _gradients(parameters)
    total = joint(gradients)
    if math.isfinite(total) and total > 0:
        _scale(gradients, max_norm / total)
    return total


def inf_is_clipped(parameters, max_norm):
    """``total > max_norm`` is false for NaN, and true for Inf."""
    gradients = _gradients(parameters)
    total = joint(gradients)
    if total > max_norm:
        _scale(gradients, max_norm / total)
    return total


def all_zero(parameters, max_norm):
    total = clip_by_global_norm(parameters, max_norm)
    if not math.isfinite(total):
        for gradient in _gradients(parameters):
            gradient.zero_()
    return total


def of_the_weights(parameters, max_norm):
    total = joint([p.detach() for p in parameters])
    if total > max_norm:
        _scale(_gradients(parameters), max_norm / total)
    return total
