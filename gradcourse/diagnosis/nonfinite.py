"""NaN and Inf: when, and where first."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from gradcourse.diagnosis import over_depth, remedies
from gradcourse.diagnosis.finding import Finding, Remedy
from gradcourse.diagnosis.signals import ZERO, Signals, is_out_of_scale, log10
from gradcourse.diagnosis.signs import Sign, confidence
from gradcourse.diagnosis.thresholds import threshold
from gradcourse.instrument.record.owners import owner


def find(signals: Signals) -> list[Sign]:
    """The first step with NaN or Inf; and the explosion behind it, if that same step shows one."""
    bad = signals.bad
    if not bad.any():
        return []
    row = int(np.argmax(bad))
    recovered = not bad[-1] and signals.steps > 1
    place, layers = _place(signals, row)
    share = signals.nonfinite[row].mean() if len(signals.parameters) else 0.0
    after = "; later steps are finite again" if recovered else ""
    finding = Finding(
        "non-finite",
        f"The first NaN or Inf is at step {int(signals.step_numbers[row])}, {place}{after}.",
        layers=layers,
        steps=(int(signals.step_numbers[row]), int(signals.step_numbers[np.flatnonzero(bad)[-1]])),
        evidence={
            "parameters with a non-finite gradient, share": float(share),
            "non-finite steps": float(bad.sum()),
        },
        confidence=0.7 if recovered else 1.0,
        remedies=_remedies(signals),
    )
    return [*_explosion(signals, row), Sign(row, finding)]


def find_in_buffers(signals: Signals) -> list[Sign]:
    """Running statistics with NaN, which only evaluation reads."""
    names = signals.record.facts.bad_buffers
    if not names:
        return []
    last = int(signals.step_numbers[-1])
    finding = Finding(
        "non-finite",
        f"{len(names)} buffers hold NaN or Inf at the end ({', '.join(names[:2])}): training does "
        "not read them, evaluation does.",
        layers=(owner(names[0]), owner(names[-1])),
        steps=(last, last),
        evidence={"buffers with NaN or Inf": float(len(names))},
        confidence=0.95,
        remedies=remedies.BUFFERS,
    )
    return [Sign(signals.steps - 1, finding)]


def _remedies(signals: Signals) -> tuple[Remedy, ...]:
    usual = remedies.fitting(remedies.NON_FINITE, signals.has)
    first_bad = int(np.argmax(signals.bad))
    if not signals.nonfinite[first_bad].any() and not np.isfinite(signals.loss[first_bad]):
        usual = (remedies.WATCH_THE_LOSS, *usual[1:])
    facts = signals.record.facts
    if facts.exponentials >= 2:
        usual = (remedies.NO_EXP, *usual)
    logs = any(h.loss.startswith(_LOGS) and h.end in _ENDS for h in facts.heads)
    if logs:
        usual = (remedies.FUSED, *usual)
    elif _of_raw_outputs(signals):
        usual = (*usual[:1], remedies.LOG_OF_RAW, *usual[1:])
    options = signals.record.facts.optimizer
    if not math.isfinite(options.get("last rate", 0.0)):
        return (remedies.RATE_IS_LOST, *usual)
    eps = options.get("eps", 1.0)
    if "float16" in signals.dtypes and eps < 6e-8 and first_bad > 0:
        first = remedies.EPS
        return (replace(first, text=first.text.format(eps=eps)), *usual)
    return usual


def _of_raw_outputs(signals: Signals) -> bool:
    """A loss that is NaN from the first step on, of finite outputs of several classes below 0."""
    first = next(iter(signals.record.facts.heads), None)
    if first is None or first.end or first.columns < 2 or not first.low < 0:
        return False
    if signals.nonfinite[0].any():
        return False
    return bool(signals.loss_logged[0] and np.isnan(signals.loss[0]))


_LOGS = ("minus the log of", "binary cross-entropy of prob")
_ENDS = ("Softmax", "Sigmoid")


def _against_growth(signals: Signals, factor: float) -> tuple[Remedy, ...]:
    usual = remedies.for_depth("exploding", factor, signals.hidden_kinds)
    if signals.record.facts.exponentials >= 2:
        return (remedies.NO_EXP, *usual)
    return remedies.scaled_first(usual, is_out_of_scale(signals))


def _place(signals: Signals, row: int) -> tuple[str, tuple[str, ...]]:
    norms = signals.activation_norm
    infinite = np.isinf(norms[row])
    # NaN may also mean "not measured": only where another step has a number is it a loss.
    lost = np.isnan(norms[row]) & np.isfinite(norms).any(axis=0) & ~np.isnan(norms[row]).all()
    first = np.flatnonzero(infinite | lost)
    if len(first):
        name = signals.layers[int(first[0])]
        return f"first in the output of {name}", (name,)
    if signals.measured[row] and np.isnan(norms[row]).all() and np.isfinite(norms).any():
        return "in the outputs of all layers", ()
    wrong = [
        name for name, bad in zip(signals.parameters, signals.nonfinite[row], strict=True) if bad
    ]
    if wrong:
        return f"in the gradients of {len(wrong)} parameters", (wrong[0], wrong[-1])
    return "in the loss", ()


def _explosion(signals: Signals, row: int) -> list[Sign]:
    """Growth by decades towards the overflow, read off those layers that are still finite."""
    if row > 0:
        return []
    chain = over_depth.profile(signals)
    # Read anew: a layer without any finite gradient is not in the profile.
    outputs = log10(signals.along(signals.activation_rms, signals.chain)[row])
    names = [signals.layers[calls[0]] for calls in signals.chain] or list(chain.names)
    limit = 2 * threshold("depth_decades")
    for name, line in (
        ("signal forward", outputs),
        ("gradient", chain.backward[row][::-1]),
    ):
        known = line[np.isfinite(line) & (line > ZERO)]
        if len(known) >= 2 and known[-1] - known[0] >= limit:
            decades = float(known[-1] - known[0])
            factor = 10 ** (decades / (len(known) - 1))
            finding = Finding(
                "exploding",
                f"The {name} grows by {decades:.1f} decades over {len(known)} layers, "
                f"×{factor:.2g} a layer, until it overflows.",
                layers=(names[0], names[-1]),
                steps=(int(signals.step_numbers[row]),) * 2,
                evidence={"decades before the overflow": decades, "factor per layer": factor},
                confidence=confidence(decades - limit),
                remedies=_against_growth(signals, factor),
            )
            return [Sign(row, finding)]
    return []
