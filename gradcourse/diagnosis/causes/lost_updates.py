"""Backward passes that no update followed, and gradients that something cut down before it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from gradcourse.diagnosis.finding import Finding, Remedy
from gradcourse.diagnosis.thresholds import threshold

if TYPE_CHECKING:
    from gradcourse.instrument import Record

WATCH = Remedy(
    "Run the loop inside `with gc.watch(model) as watch:`, without the optimizer: it looks at "
    "every backward pass and names the operation",
    "10",
)
NO_SCALE = Remedy(
    "A NaN that comes at every loss scale is no overflow: look for sqrt, log, a norm or a division "
    "at exactly 0, and add a small number inside",
    "10",
    "safe operation",
)
CALL_STEP = Remedy("Call optimizer.step() after the backward pass", "01", "call step")
STEP_EACH = Remedy("Call step() of each optimizer after the backward pass", "01", "call step")
ONE_OPTIMIZER = Remedy(
    "Make the optimizer once, before the loop, and give the probe that one: one that is made in "
    "the loop forgets its momentum at every step",
    "01",
    "one optimizer",
)
CALL_BACKWARD = Remedy(
    "Call loss.backward(); if it stands behind `if isfinite(loss)`, find what makes the loss NaN",
    "10",
)


def find(record: Record) -> list[Finding]:
    """Backward passes and losses that came to nothing; empty if all led to updates."""
    facts = record.facts
    losses = record.all_losses
    bad = int((~np.isfinite(losses)).sum())
    evidence = {
        "calls of the model": float(facts.forward_passes),
        "backward passes": float(facts.backward_passes),
        "updates": float(facts.updates),
    }
    if facts.unused_bad and facts.unused_looked >= _OFTEN:
        names = facts.unused_bad
        summary = (
            f"The last {facts.unused_looked} backward passes or more were followed by no update, "
            f"and each left NaN or Inf in the gradients of {len(names)} parameters: they are "
            "skipped, as a gradient scaler or a guard does, and nothing trains."
        )
        return [_finding(record, summary, (names[0], names[-1]), evidence, (NO_SCALE, WATCH))]
    idle = [name for name, steps in facts.steps_of.items() if not steps]
    most = max(facts.steps_of.values(), default=0)
    if idle and most >= _MANY:
        summary = (
            f"Of {len(facts.steps_of)} optimizers, that of {', '.join(idle)} made no update, and "
            f"another one {most}: what it holds does not train."
        )
        evidence |= {"updates": float(most)}
        return [_finding(record, summary, tuple(idle[:1]), evidence, (STEP_EACH,))]
    if len(record) or not facts.trainees or facts.trainees[0].in_optimizer is None:
        return []
    changed = any(t.changed > 0 for t in facts.trainees)
    if facts.backward_passes:
        summary = (
            f"{facts.backward_passes} backward passes came to the model and no update followed."
        )
        if changed:
            summary = (
                f"{facts.backward_passes} backward passes came to the model, and the optimizer "
                "that the probe was given made no update, though parameters have changed: another "
                "one updates them."
            )
            return [_finding(record, summary, (), evidence, (ONE_OPTIMIZER,))]
        return [_finding(record, summary, (), evidence, (CALL_STEP, WATCH))]
    if facts.forward_passes and not changed:
        summary = (
            f"The model was called {facts.forward_passes} times; no backward pass came to it and "
            "no update followed."
        )
        if bad:
            summary += f" {bad} of the {len(losses)} losses that were logged are NaN or Inf."
        return [_finding(record, summary, (), evidence, (CALL_BACKWARD, WATCH))]
    return []


_OFTEN, _MANY = 4, 20


def _finding(
    record: Record,
    summary: str,
    layers: tuple[str, ...],
    evidence: dict[str, float],
    remedies: tuple[Remedy, ...],
) -> Finding:
    last = int(record.step_numbers[-1]) if len(record) else 0
    return Finding(
        "no updates",
        summary,
        layers=layers,
        steps=(last, last),
        evidence=evidence,
        confidence=0.9,
        remedies=remedies,
    )


def loss_scale(record: Record) -> float:
    """By how much the loss was multiplied before the backward pass; 1 if by nothing that shows.

    A gradient scaler takes a power of two, and divides it out of the parameters' gradients alone.
    """
    scales = [h.scale for h in record.facts.heads if h.scale > 0]
    if scales and math.isfinite(scales[0]):
        scale = float(np.median(scales))
        # A weighted mean over rows is no scale, nor is one over half of them.
        power = math.log2(scale)
        return scale if power >= 4 - 2e-2 and abs(power - round(power)) < 2e-2 else 1.0
    ratios = [raw / used for raw, used, _ in record.facts.clipped if used > 0 and raw > 0]
    if ratios and math.isfinite(max(ratios)):
        powers = [math.log2(ratio) for ratio in ratios]
        if min(powers) >= 4 and all(abs(p - round(p)) < 2e-3 for p in powers):
            return 2.0 ** round(float(np.median(powers)))
    return 1.0


def cut_by(record: Record) -> tuple[str, float]:
    """How gradients are cut down before the update, "norm", "value" or "", and by how much."""
    rows = [row for row in record.facts.clipped if row[1] > 0 and math.isfinite(row[0])]
    if len(rows) < 2:
        return "", 1.0
    raw, used, share = (np.array(column) for column in zip(*rows, strict=True))
    factor = float(np.median(raw / used)) / loss_scale(record)
    if float(np.median(share)) > 0.2 and factor > 2:
        return "value", factor
    if float(np.std(used)) <= 1e-3 * float(np.mean(used)) and factor > 2:
        return "norm", factor
    return "", factor


def remedy_for_cut(record: Record) -> Remedy | None:
    """What to do about gradients that are cut far too low."""
    how, factor = cut_by(record)
    if not how or factor < threshold("clipped"):
        return None
    if loss_scale(record) >= 16:
        return Remedy(
            "Call scaler.unscale_(optimizer) before you clip: the gradients still hold the "
            f"factor of {loss_scale(record):.6g} when they are clipped, and 1/{factor:.2g} of them "
            "is left",
            "12",
            "unscale first",
        )
    name = "by norm (clip_grad_norm_)" if how == "norm" else "by value (clip_grad_value_)"
    return Remedy(
        f"Raise the limit of the clipping {name}: it cuts the gradient to 1/{factor:.2g} at every "
        "step",
        "09",
        "raise the limit",
        factor,
    )
