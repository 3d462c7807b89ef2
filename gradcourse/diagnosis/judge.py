"""From a record to a diagnosis."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from gradcourse.diagnosis import lags, nonfinite, over_depth, remedies, step_size, units, unseen
from gradcourse.diagnosis.causes import (
    backward_passes,
    batches,
    heads,
    lost_updates,
    masks,
    overwritten,
    standstill,
    stuck,
    trainees,
    withheld,
)
from gradcourse.diagnosis.finding import Diagnosis, Finding
from gradcourse.diagnosis.signals import Signals, largest, median
from gradcourse.diagnosis.signs import Sign, confidence
from gradcourse.diagnosis.thresholds import threshold
from gradcourse.instrument import Record

ORDER = (
    "no updates",
    "cut off",
    "overwritten",
    "head",
    "equal units",
    "rounding",
    "unbounded loss",
    "dead",
    "saturated",
    "vanishing",
    "exploding",
    "non-finite",
    "update too large",
    "update too small",
    "collapsed",
    "scale",
    "linear",
    "not learning",
)
"""Which of two findings that set in at the same step is the cause: the earlier in this list."""


def diagnose(record: Record) -> Diagnosis:
    """Say what is wrong with a network, from what a probe recorded.

    Everything is judged by ratios: decades per depth or lag, shares of units, relative updates.
    A loss that is multiplied by any number gives the same diagnosis, as long as the updates are
    the same: Adam's are, those of plain SGD are with the learning rate divided by the number. SGD
    on a loss times 1e-6 at the old rate does take updates a million times too small, and is told
    so.

    Parameters
    ----------
    record : Record
        Of a probe, one step or more. Give the probe the optimizer to have the updates judged,
        and log the loss (``record.log(loss)``) to have convergence told from a standstill.

    Returns
    -------
    Diagnosis
        The first finding is the cause as far as the record shows it: what set in first.

    Raises
    ------
    GradcourseError
        If it is no record or holds no step.
    """
    idle = lost_updates.find(record) if isinstance(record, Record) else []
    if idle and not len(record):
        return Diagnosis(tuple(idle))
    signals = Signals(record)
    good = ~signals.bad
    signs = [Sign(0, finding) for finding in idle] + _causes(signals, good)
    known = bool(signs)
    signs += nonfinite.find(signals)
    certain = bool(signs)
    if good.any():
        signs += _of_the_net(signals, good)
        large = step_size.find_large(signals, good)
        causes = ("unbounded loss", "update too large")
        signs += [] if any(s.finding.kind in causes for s in signs) else large
        late = [s.onset for s in signs if s.finding.kind in ("dead", "saturated", "vanishing")]
        if not (known or large) and late and not any(s.finding.lags for s in signs):
            signs += step_size.find_before(signals, good, min(late))
        if not certain and not any(s.finding.kind != "saturated" for s in signs):
            signs += standstill.find_collapsed(signals, good)
        if not signs:
            # Tiny updates of a sick net are a consequence, not a second illness.
            signs = (
                step_size.find_nothing(signals, good)
                or stuck.find_numbers(signals, good)
                or stuck.find_scaled_down(signals, good)
                or step_size.find_small(signals, good)
                or step_size.find_cut(signals, good)
            )
    signs = signs or nonfinite.find_in_buffers(signals)
    signs = signs or step_size.find_decay(signals, good)
    signs = signs or standstill.find_drawn_together(signals, good)
    signs = signs or standstill.find_large_start(signals, good)
    signs = signs or stuck.find_constant(signals, good)
    signs = signs or stuck.find_one_number(signals, good)
    signs = signs or stuck.find(signals, good, _decades(signals, good))
    cut = any(sign.finding.kind == "cut off" for sign in signs)
    unknown = unseen.not_judged(signals, cut)
    always = unseen.without_gradient(signals, cut) + withheld.closed_late(signals)
    sick = any(s.finding.kind in ("dead", "saturated", "vanishing", "exploding") for s in signs)
    signs = standstill.find_scaled_inside(signals, good, sick) or signs
    signs = _without_consequences(signals, signs)
    if not signs:
        healthy = _healthy(signals, good, len(unknown))
        notes = unseen.of_a_net_that_learns(signals, good) + withheld.ignored(signals)
        return Diagnosis((healthy,), unknown + always + notes)
    signs.sort(key=lambda sign: (sign.onset, ORDER.index(sign.finding.kind)))
    return Diagnosis(tuple(_findings(signs, signals.clears)), unknown + always)


def _causes(signals: Signals, good: np.ndarray) -> list[Sign]:
    """What is certain without a look at any gradient's size."""
    return (
        heads.find(signals)
        or backward_passes.find(signals, good)
        or trainees.find(signals, good)
        or overwritten.find(signals, good)
        or masks.find(signals, good)
        or batches.find(signals, good)
        or stuck.find_equal_units(signals)
        or withheld.find(signals, good)
        or stuck.find_swapped(signals, good)
        or standstill.find_unbounded(signals, good)
    )


def _decades(signals: Signals, good: np.ndarray) -> float:
    chain = over_depth.profile(signals)
    if len(chain.names) < 2 or not good.any():
        return float("nan")
    return float(median(chain.decades()[0][good]))


def _findings(signs: list[Sign], clears: bool) -> list[Finding]:
    """In order. A gradient that fades in flat units is cured by what cures those.

    ``clears``: gradients are known to be cleared, so nobody is told to.
    """
    flat = False
    found = []
    for finding in (sign.finding for sign in signs):
        flat = flat or finding.kind == "saturated"
        if flat and finding.kind == "vanishing" and finding.layers and not finding.lags:
            finding = replace(finding, remedies=(remedies.SATURATED_FIRST,))
        if clears:
            others = tuple(r for r in finding.remedies if not r.text.startswith(remedies.CLEAR))
            finding = replace(finding, remedies=others)
        found.append(finding)
    return found


def _of_the_net(signals: Signals, good: np.ndarray) -> list[Sign]:
    """Signs of the network itself; those from before an update that destroyed it come first.

    Such an update may hide after one step what the net suffered from before it.
    """
    before = good & (np.arange(signals.steps) <= step_size.first_huge(signals, good))
    signs: list[Sign] = []
    for find in (units.find_dead, units.find_saturated, over_depth.find, lags.find):
        early = find(signals, before)
        known = {sign.finding.kind for sign in early}
        late = [] if (before == good).all() else find(signals, good)
        signs += early + [sign for sign in late if sign.finding.kind not in known]
    return signs


def _only_ends(sign: Sign) -> bool:
    """Whether it says that a gradient ends, and not what cuts it off."""
    return sign.finding.kind != "cut off" and units.ENDS in sign.finding.evidence


def _is_flat(sign: Sign) -> bool:
    """Whether it says that a gradient ends where every unit is flat."""
    return sign.finding.kind == "saturated" and units.ENDS in sign.finding.evidence


def _without_consequences(signals: Signals, signs: list[Sign]) -> list[Sign]:
    """Of a dead layer and a vanishing gradient, keep the one that makes the other.

    A gradient that ends at a dead layer has not vanished on its way; and a layer that gets only
    its bias, because the signal has faded, is silent for that reason.
    """
    if any(sign.finding.kind == "cut off" for sign in signs):
        signs = [sign for sign in signs if not _only_ends(sign)]
    dead = [sign for sign in signs if sign.finding.kind == "dead" or _is_flat(sign)]
    vanishing = [sign for sign in signs if sign.finding.kind == "vanishing"]
    if not dead or not vanishing:
        return signs
    shift = dead[0].finding.evidence.get(units.SHIFT, 0.0)
    faded = over_depth.has_faded(signals, vanishing[0].onset) and shift < threshold("shift")
    if faded and vanishing[0].onset <= dead[0].onset:
        return [sign for sign in signs if sign not in dead]
    return [sign for sign in signs if sign not in vanishing or sign.onset < dead[0].onset]


def _healthy(signals: Signals, good: np.ndarray, unknown: int) -> Finding:
    chain = over_depth.profile(signals)
    evidence: dict[str, float] = {}
    margins = [2.0]
    if len(chain.names) >= 2:
        decades = _decades(signals, good)
        evidence["decades over the depth"] = round(decades, 2)
        margins.append(threshold("depth_decades") - abs(decades))
    for name, values in (
        ("dead", signals.dead_fraction),
        ("saturated", signals.saturated_fraction),
    ):
        if np.isfinite(values[good]).any():
            worst = float(largest(median(values[good], axis=0)))
            evidence[f"largest {name} share"] = worst
            margins.append((threshold(name) - worst) / 0.2)
    if np.isfinite(signals.update_ratio[good]).any():
        evidence["median ‖ΔW‖/‖W‖"] = float(median(signals.update_ratio[good]))
    ratio = unseen.of_the_loss(signals, good)
    if np.isfinite(ratio):
        evidence["loss, end over start"] = ratio
    margin = min(m for m in margins if np.isfinite(m))
    return Finding(
        "healthy",
        "No sign of a sick gradient in what was recorded.",
        steps=(int(signals.step_numbers[0]), int(signals.step_numbers[-1])),
        evidence=evidence,
        confidence=round(confidence(margin) * 0.9**unknown, 3),
        begun=len(signals.known_loss(good)) < standstill.enough(signals),
    )
