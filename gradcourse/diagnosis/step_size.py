"""Updates that are too large or too small for the weights."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np

from gradcourse.diagnosis import remedies
from gradcourse.diagnosis.causes.lost_updates import cut_by, loss_scale, remedy_for_cut
from gradcourse.diagnosis.finding import Finding, Remedy
from gradcourse.diagnosis.signals import (
    Signals,
    data_size,
    ends,
    guess,
    is_around_zero,
    is_out_of_scale,
    largest,
    log10,
    median,
)
from gradcourse.diagnosis.signs import Sign, confidence
from gradcourse.diagnosis.thresholds import threshold
from gradcourse.instrument.record.facts import Head


def find_large(signals: Signals, good: np.ndarray) -> list[Sign]:
    """Steps that change the typical weight by a large part of itself, or a loss that runs off."""
    pace = typical(signals)
    large = np.flatnonzero(good & (pace >= threshold("large_update")))
    huge = np.flatnonzero(good & (pace >= threshold("huge_update")))
    if _did_no_harm(signals, good, pace) or have_shrunk(signals, good):
        return []
    if len(huge) or len(large) >= 2:
        rows = large
        ratio = float(np.max(pace[rows]))
        # Later ones may be of a net that has left: the first tells by how much the rate is off.
        first = _excess(signals, float(_direct(signals)[rows[0]]))
        first = min(first, _usual_excess(signals))
        summary = f"One step changed the median weight by up to {ratio:.2g} of its own norm."
        evidence = {"largest median ‖ΔW‖/‖W‖": ratio, "steps": float(len(rows))}
        excess = float(np.log10(ratio / threshold("large_update")))
        sign = _sign("update too large", signals, rows, summary, evidence, excess, first)
        if not (rows[0] and _left(signals, good) < _MUCH_LESS):
            return [sign]
        # Too large a rate makes weights grow; of those that a penalty has taken away, any update
        # is a large part.
        summary = f"Of the weights {_left(signals, good):.1g} is left, in the median. {summary}"
        cures = (remedies.LESS_PENALTY, *sign.finding.remedies)
        return [Sign(sign.onset, replace(sign.finding, summary=summary, remedies=cures))]
    growth = _loss_growth(signals.loss[good])
    # Where the weights are known to have moved little, the data have changed, not the net.
    moved = not np.isfinite(pace).any() or largest(pace) >= threshold("large_update") / 10
    if growth >= threshold("loss_growth") and moved:
        rows = np.flatnonzero(good)
        summary = f"The loss grew by a factor of {growth:.2g} while the net was trained."
        excess = float(np.log10(growth / threshold("loss_growth")))
        evidence = {"loss, end over start": growth}
        return [_sign("update too large", signals, rows, summary, evidence, excess, 0.0)]
    return []


def find_before(signals: Signals, good: np.ndarray, onset: int) -> list[Sign]:
    """Large steps that came before what only set in later: flat or silent units, a fallen gradient.

    A third of what is large by itself is enough: what it led to is there.
    """
    pace = typical(signals)
    rows = np.flatnonzero(good & (pace >= threshold("large_update") / 3))
    rows = rows[rows < onset]
    if not len(rows) or _did_no_harm(signals, good, pace) or have_shrunk(signals, good):
        return []
    ratio = float(np.max(pace[rows]))
    summary = (
        f"Steps changed the median weight by up to {ratio:.2g} of its own norm, and what follows "
        "set in after them."
    )
    evidence = {"largest median ‖ΔW‖/‖W‖": ratio, "steps": float(len(rows))}
    # Down to updates of the usual size: the first ones were the cause, and are known.
    first = 1e-2 * ratio / threshold("usual_update")
    return [_sign("update too large", signals, rows, summary, evidence, 0.3, first)]


def _usual_excess(signals: Signals) -> float:
    """For optimizers that bring gradients to size 1: what leads to their usual rate of 1e-3.

    Kingma & Ba 2015; their first steps are larger than those that follow.
    """
    options = signals.record.facts.optimizer
    rate = options.get("lr", 0.0)
    adaptive = any(word in str(options.get("name")) for word in ("Adam", "RMSprop"))
    return max(1e-2 * rate / 1e-3, 0.1) if adaptive and rate > 1e-3 else float("inf")


def find_decay(signals: Signals, good: np.ndarray) -> list[Sign]:
    """Weight decay that takes a large part of every weight away, at every step."""
    options = signals.record.facts.optimizer
    share = options.get("lr", 0.0) * options.get("weight_decay", 0.0)
    if options.get("name") not in ("SGD", "AdamW") or share < threshold("decay"):
        return _find_shrunk(signals, good)
    rows = np.flatnonzero(good)
    summary = f"Weight decay takes {share:.1%} of every weight away at each step: it forgets."
    sign = _sign("update too large", signals, rows, summary, {"decay a step": share}, 0.5, 0.0)
    cures = (remedies.LESS_DECAY, *sign.finding.remedies)
    text = "Lower the weight decay: rate times decay is what each step takes away"
    return [Sign(0, replace(sign.finding, remedies=(replace(cures[0], text=text), *cures[1:])))]


def _find_shrunk(signals: Signals, good: np.ndarray) -> list[Sign]:
    """Weights that all but disappear, as under a penalty on them that outweighs the loss."""
    if not have_shrunk(signals, good):
        return []
    rows = np.flatnonzero(good)
    left = _left(signals, good)
    summary = f"The weights shrink away: {left:.1g} of their norm is left, in the median."
    evidence = {"‖W‖, end over start": left}
    sign = _sign("update too large", signals, rows, summary, evidence, 0.5, 0.0)
    others = tuple(r for r in sign.finding.remedies if r.action != "rate")
    return [Sign(0, replace(sign.finding, remedies=(remedies.LESS_PENALTY, *others)))]


_MUCH_LESS = 0.3
"""Part of the weights that is left where their updates are large for this reason."""


def have_shrunk(signals: Signals, good: np.ndarray) -> bool:
    """Whether next to nothing is left of the weights, under finite gradients."""
    return _left(signals, good) < threshold("shrunk")


def _left(signals: Signals, good: np.ndarray) -> float:
    """‖W‖ at the end over ‖W‖ at the start, in the median over the weights."""
    norms = _known_norm(signals)[good]
    norms = norms[np.isfinite(norms).any(axis=1)]
    return float(median(norms[-1] / norms[0])) if len(norms) >= 3 else float("nan")


def _excess(signals: Signals, first: float) -> float:
    """By how much the rate is off, as a relative update; that of the first one, if nothing else.

    On a slope of curvature λ each step of plain descent multiplies the distance by 1 − ηλ, and the
    loss by its square: the factor q by which it grows gives ηλ = 1 + √q, and half of 1 is safe.
    Where q itself runs away, the curvature grows with the weights, and the first q is nearest to
    that of the slope on which it began.
    """
    loss = signals.loss[:6]
    loss = loss[np.isfinite(loss) & (loss > 0)]
    if signals.record.facts.optimizer.get("name") != "SGD" or len(loss) < 3:
        return first
    growths = loss[1:] / loss[:-1]
    runs_away = growths.max() >= _STEADY * max(growths[0], 1.0)
    growth = float(growths[0] if runs_away else np.median(growths))
    if not growth > 1.5:
        return first
    excess = 2e-2 * (1 + growth**0.5)
    return float(np.fmin(excess, first)) if runs_away else excess


_STEADY = 1e3
"""How far the growth of a loss may rise above its first one on a slope of one curvature."""


def _did_no_harm(signals: Signals, good: np.ndarray, pace: np.ndarray) -> bool:
    """Whether small weights took a few large steps to where the loss is small, and all is finite.

    Of weights that many times their size has been added to, the loss says nothing good.
    """
    if _outgrew_its_start(signals, good, pace):
        return True
    late = pace[len(pace) // 2 :]
    settled = len(pace) >= 50 and largest(late) < threshold("large_update") / 3
    if not settled and not largest(pace) < 10 * threshold("huge_update"):
        return False
    known = signals.loss[np.isfinite(signals.loss)]
    if not good.all() or len(known) < 2 or known[0] <= 0:
        return False
    fell = np.median(known[-max(1, len(known) // 3) :]) < known[0] / threshold("loss_growth")
    return bool(fell) and has_converged(signals, good)


def _outgrew_its_start(signals: Signals, good: np.ndarray, pace: np.ndarray) -> bool:
    """Whether only the first update was large, of weights that were next to nothing, and it learns.

    Adam changes an entry by its rate, however small the entry is.
    """
    known = np.flatnonzero(np.isfinite(pace))
    loss = signals.known_loss(good)
    if not good.all() or len(known) < 5 or len(loss) < threshold("enough"):
        return False
    alone = largest(pace[known[1:]]) < threshold("large_update")
    grew = _left(signals, good) > _FROM_NOTHING
    return bool(alone and grew and ends(loss)[1] < threshold("learning") * float(loss[0]))


_FROM_NOTHING = 10.0
"""Growth of weights whose start was so small that it does not count."""


def first_huge(signals: Signals, good: np.ndarray) -> int:
    """Row of the first update that leaves nothing of the weights; the last row if there is none."""
    huge = np.flatnonzero(good & (typical(signals) >= threshold("huge_update")))
    return int(huge[0]) if len(huge) else signals.steps - 1


def typical(signals: Signals) -> np.ndarray:
    """Median over the weights of ‖ΔW‖/‖W‖, at each step.

    Where a step's update was not measured, the change of ‖W‖ up to the next step at which it was,
    divided by the number of steps in between: a lower bound of the average update. A step that
    calls a closure many times, as that of LBFGS, is as many updates.
    """
    norm = _known_norm(signals)
    pace = _direct(signals)
    rows = np.flatnonzero(np.isfinite(norm).any(axis=1))
    for row, following in itertools.pairwise(rows):
        gap = signals.step_numbers[following] - signals.step_numbers[row]
        gap = gap * signals.evaluations[row]
        drift = float(median(np.abs(norm[following] / norm[row] - 1))) / max(int(gap), 1)
        pace[row] = np.fmax(pace[row], drift)
    return pace


def _known_norm(signals: Signals) -> np.ndarray:
    norm = np.where(np.isfinite(signals.weight_norm), signals.weight_norm, np.nan)
    norm[norm == 0] = np.nan
    return norm


def _direct(signals: Signals) -> np.ndarray:
    """Median over the weights of ‖ΔW‖/‖W‖, at the steps whose update was measured."""
    known = np.isfinite(signals.update_ratio * _known_norm(signals))
    ratio = np.where(known, signals.update_ratio, np.nan)
    return np.asarray(median(ratio, axis=1)) / signals.evaluations


def _loss_growth(loss: np.ndarray) -> float:
    known = loss[np.isfinite(loss) & (loss > 0)]
    third = len(known) // 3
    if third < 1:
        return float("nan")
    growth = np.median(known[-third:]) / np.median(known[:third])
    if len(known) > 2:
        # A run that leaves in its first step has no low start left to take a median of.
        growth = max(growth, known[2:].min() / known[0])
    return float(growth)


def find_small(signals: Signals, good: np.ndarray) -> list[Sign]:
    """Steps too small to lower the loss in any reasonable time, though there is much to lower."""
    ratio = np.where(np.isfinite(signals.update_ratio), signals.update_ratio, np.nan)
    # A weight of 0 that gets its first update has moved as far as anything can.
    from_zero = np.isinf(signals.update_ratio).any(axis=1)
    rows = np.flatnonzero(good & np.isfinite(ratio).any(axis=1) & ~from_zero)
    if len(rows) and rows[0] == 0 and not np.nansum(ratio[0]):
        # A warm-up that begins at 0. Of a rate that stays there, other steps tell.
        rows = rows[1:]
    left_out = {t.name for t in signals.record.facts.trainees if t.in_optimizer is False}
    gradients = signals.weight_gradient_norm[rows][:, [n not in left_out for n in signals.weights]]
    if not len(rows) or not (np.isfinite(gradients) & (gradients != 0)).any():
        return []  # no weight is trained, but biases, scales or a temperature may be
    fastest = float(largest(median(ratio[rows], axis=0)))
    logged = rows[np.isfinite(signals.loss[rows]) & (signals.loss[rows] != 0)]
    evidence = {"largest ‖ΔW‖/‖W‖": fastest}
    if len(logged):
        progress = _progress(signals, logged)
        evidence["progress per step"] = progress
        slow = progress < threshold("small_progress") and fastest < threshold("moving")
        stuck = slow or fastest < threshold("small_update")
        # A loss that goes up and down around 0 is small for its outputs, and has not converged.
        crosses = is_around_zero(signals.known_loss(good))
        if not stuck or (has_converged(signals, good) and not crosses):
            return []
        excess = float(np.log10(threshold("small_progress") / max(progress, 1e-30)))
        summary = (
            f"At best a step takes away {progress:.1g} of the loss, to first order: the weights "
            f"change by {fastest:.1g} of their norm."
        )
    else:
        if fastest >= threshold("small_update") or not _steady(signals, good):
            return []
        excess = float(np.log10(threshold("small_update") / max(fastest, 1e-30))) / 2
        summary = f"A step changes no weight by more than {fastest:.1g} of its norm."
    by_step = largest(ratio[rows], axis=1)
    falls = bool(by_step[-1] < by_step[0] / 2)
    sign = _sign("update too small", signals, rows, summary, evidence, excess, fastest, falls)
    first = remedy_for_cut(signals.record)
    if first is None and _came_up_to_0(signals.known_loss(good)):
        first = remedies.NOT_SATURATING
    first = first or _remedy_for_rate(signals, fastest)
    if first is None:
        return [sign]
    others = tuple(r for r in sign.finding.remedies if r.action != first.action)
    return [Sign(sign.onset, replace(sign.finding, remedies=(first, *others)))]


LARGE_EPS = 0.1
"""An eps of Adam or RMSprop that is no recipe's; Inception's was 1."""


def _remedy_for_rate(signals: Signals, fastest: float) -> Remedy | None:
    """What the optimizer's own rate, at the start and at the end, says."""
    options = signals.record.facts.optimizer
    start, end = options.get("lr"), options.get("last rate")
    if start is None or end is None:
        return None
    if start == end == 0:
        return Remedy("The optimizer's learning rate is 0: raise it", "01")
    if options.get("eps", 0.0) >= LARGE_EPS and "Adagrad" not in str(options.get("name")):
        text = f"Lower the optimizer's eps from {options['eps']:g} to 1e-8: it outweighs the "
        return Remedy(text + "gradient it is added to", "12", "eps", 1e-8)
    if end > 2 * start and fastest > 0:
        text = f"The rate still rises, from {start:.1g} to {end:.1g} so far: take a shorter warm-up"
        by = float(f"{1e-2 / fastest:.0e}")
        return Remedy(text, "11", "rate", by)
    if end < 0.1 * start:
        text = f"The schedule has taken the rate from {start:.1g} to {end:.1g}: step it once an "
        return Remedy(text + "epoch, not once a batch, or let it end later", "09", "no schedule")
    if fastest > 0 and end >= 0.5 * start:
        by = float(f"{1e-2 / fastest:.0e}")
        return Remedy(f"Multiply the learning rate by about {by:g}", "01", "rate", by)
    return None


def find_cut(signals: Signals, good: np.ndarray) -> list[Sign]:
    """Gradients of which clipping leaves next to nothing, under a loss that stays."""
    how, factor = cut_by(signals.record)
    remedy = remedy_for_cut(signals.record)
    if remedy is None or factor < 10 * threshold("clipped"):
        return []
    pace = float(largest(median(signals.update_ratio[good], axis=0)))
    if not pace < threshold("slow_update"):
        return []
    rows = np.flatnonzero(good)
    finding = Finding(
        "update too small",
        f"Clipping by {how} leaves 1/{factor:.2g} of the gradient at every step, and the weights "
        f"change by {pace:.1g} of their norm.",
        steps=(int(signals.step_numbers[rows[0]]), int(signals.step_numbers[rows[-1]])),
        evidence={"gradient before over after": factor, "largest ‖ΔW‖/‖W‖": pace},
        confidence=0.9,
        remedies=(remedy,),
    )
    return [Sign(0, finding)]


def _progress(signals: Signals, rows: np.ndarray) -> float:
    """Σ ‖∂ℒ/∂W‖·‖ΔW‖ / ℒ, by Cauchy–Schwarz the most that a step can gain to first order."""
    # A weight that starts at 0 has no relative change; from the next step on it has.
    known = np.isfinite(signals.update_ratio[rows])
    change = np.where(known, signals.update_ratio[rows], 0.0) * signals.weight_norm[rows]
    gain = np.nansum(signals.weight_gradient_norm[rows] * change, axis=1)
    return float(median(gain / np.abs(signals.loss[rows])))


def find_nothing(signals: Signals, good: np.ndarray) -> list[Sign]:
    """Gradients that are exactly 0 in all that is to train, though there is a loss."""
    norms = signals.parameter_gradient_norm
    trainees = signals.record.facts.trainees
    trains = np.array([t.requires_grad and t.in_optimizer is not False for t in trainees], bool)
    part = len(trains) == norms.shape[1] and trains.any() and not trains.all()
    norms = norms[:, trains] if part else norms
    judged = good & np.isfinite(signals.loss) & (signals.loss != 0) & ~np.isnan(norms).all(axis=1)
    rows = np.flatnonzero(judged & (np.nansum(norms, axis=1) == 0))
    if not len(rows) or len(rows) < judged.sum() / 2:
        return []
    zeros = _zero_weights(signals, rows)
    late = bool(rows[0] > np.flatnonzero(judged)[0])
    cause = f" {', '.join(zeros[:4])}: all 0, and a product of zeros has no slope." if zeros else ""
    finding = Finding(
        "update too small",
        f"The gradient of every parameter{' that is to train' if part else ''} is exactly 0, "
        f"though the loss is not: no step can lower it.{cause}",
        steps=(int(signals.step_numbers[rows[0]]), int(signals.step_numbers[rows[-1]])),
        evidence={"steps with a gradient of exactly 0": float(len(rows))}
        | ({"weights of 0": float(len(zeros))} if zeros else {}),
        confidence=0.9,
        remedies=remedies.for_nothing(
            late=late,
            has=signals.has,
            zeros=len(zeros),
            ends=frozenset(_ends(signals, late)) | ({"hidden"} if part and not late else set()),
        ),
    )
    return [Sign(int(rows[0]), finding)]


def _ends(signals: Signals, late: bool) -> set[str]:
    """What lies between the weights and the loss and may have no slope."""
    heads = [h for h in signals.record.facts.heads if h.rows]
    if any(h.end == "Clamp" for h in heads):
        return {"clamp"}
    if heads and all(map(_is_at_its_end, heads)):
        return {"flat"}
    if heads and all(map(_is_sure, heads)):
        return {"sure"}
    if heads and not late and all(h.end in ("Softmax", "Sigmoid") and not h.loss for h in heads):
        return {"probabilities"}
    if signals.record.facts.stairs:
        return {"stairs"}
    if late:
        return set()  # it began with a slope, as no softmax over one number does
    # A loss that is told from its gradient has one there, so what is constant lies before.
    one = all(h.columns == 1 and not h.loss for h in heads)
    return {"one number"} if heads and one else set()


def _is_sure(head: Head) -> bool:
    """Whether a sigmoid of these outputs is exactly 0 or 1 in float32, in every row."""
    return not head.end and head.columns == 1 and (head.low > 17 or head.high < -88)


def _is_at_its_end(head: Head) -> bool:
    """Whether all outputs of a sigmoid, tanh or softmax lie at one end of its range."""
    same = head.end in _BENT and head.rows > 1 and head.over != 1 and head.spread <= 1e-6
    return same and (head.high >= 1 or head.low <= 0)


_BENT = ("Sigmoid", "Tanh", "Softmax")
"""Activations at the end whose outputs may all lie at the end of their range."""


def _zero_weights(signals: Signals, rows: np.ndarray) -> list[str]:
    """Trained matrices that are all 0 at these rows; one alone is a usual start."""
    trained = {t.name for t in signals.record.facts.trainees if t.requires_grad}
    norms = median(signals.weight_norm[rows], axis=0)
    zeros = [n for n, v in zip(signals.weights, norms, strict=True) if v == 0 and n in trained]
    return zeros if len(zeros) >= 2 else []


def is_converged(signals: Signals, rows: np.ndarray) -> bool:
    """Whether the loss is small for the outputs it comes from, at these rows."""
    return relative_loss(signals, rows) < threshold("converged")


def has_converged(signals: Signals, good: np.ndarray) -> bool:
    """Whether a loss was logged that is small for the outputs it comes from.

    Judged by ℒ / (‖∂ℒ/∂y‖·‖y‖) at the last layer y, which no factor of the loss changes. A
    cross-entropy that is no better than a guess has not converged, however large its outputs.
    """
    if guesses(signals, good) or has_risen(signals.known_loss(good)):
        return False
    return is_converged(signals, np.flatnonzero(good))


def has_risen(loss: np.ndarray) -> bool:
    """Whether it ends clearly above its start, or has come up to 0 from below.

    Then it is at its upper end, however flat it is there.
    """
    third = len(loss) // 3
    if third < 5:
        return False
    if _came_up_to_0(loss):
        return True
    start, end = float(np.median(loss[:5])), float(np.median(loss[-third:]))
    return end > start + max(0.5 * abs(start), 2 * float(np.std(loss[:5])))


def _came_up_to_0(loss: np.ndarray) -> bool:
    """Whether it was below 0 and is next to nothing now, as log(1 − D) is where D is sure."""
    third = len(loss) // 3
    return bool(third and loss[0] < 0 and abs(np.median(loss[-third:])) < 0.01 * abs(loss[0]))


def guesses(signals: Signals, good: np.ndarray) -> bool:
    """Whether a cross-entropy ends no better than equal probabilities, ln k for k classes."""
    known = signals.known_loss(good)
    heads = [h for h in signals.record.facts.heads if h.loss == "cross-entropy of logits"]
    if not len(known) or not heads or heads[-1].columns < 2:
        return False
    end = float(np.median(known[-max(1, len(known) // 3) :]))
    return end > 0.95 * guess(heads[-1])


def relative_loss(signals: Signals, rows: np.ndarray) -> float:
    """ℒ / (‖∂ℒ/∂y‖·‖y‖) at the last layer y of the chain; inf where that is unknown."""
    chain = signals.chain
    if not chain:
        return float("inf")
    last = chain[-1:]
    slope = (
        signals.along(signals.output_gradient_norm, last)[rows, 0]
        * signals.along(signals.activation_norm, last)[rows, 0]
    )
    loss = np.abs(signals.loss[rows])
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        # One that has come down to exactly 0 is small, and so is its slope.
        part = np.where((loss == 0) & bool(loss.any()), 0.0, loss / slope)
        value = float(median(part)) * loss_scale(signals.record)
    return value if np.isfinite(value) else float("inf")


def _steady(signals: Signals, good: np.ndarray) -> bool:
    total = np.sqrt(np.nansum(signals.weight_gradient_norm[good] ** 2, axis=1))
    return len(total) >= 3 and float(np.std(log10(total))) < threshold("steady_gradient")


def _sign(
    kind: str,
    signals: Signals,
    rows: np.ndarray,
    summary: str,
    evidence: dict[str, float],
    excess: float,
    ratio: float,
    falls: bool = False,
) -> Sign:
    span = (int(signals.step_numbers[rows[0]]), int(signals.step_numbers[rows[-1]]))
    cures = remedies.for_updates(kind, ratio, falls)
    if kind == "update too large":
        # The curvature grows as the square of the inputs: more than that is the rate's own.
        square = data_size(signals)[0] ** 2
        enough = not ratio / 1e-2 > 10 * square
        cures = remedies.scaled_first(cures, is_out_of_scale(signals) and enough)
    finding = Finding(
        kind,
        summary,
        steps=span,
        evidence=evidence,
        confidence=confidence(excess),
        remedies=cures,
    )
    return Sign(int(rows[0]), finding)
