"""The order of triage: what is asked first, and what the first answer says."""

from __future__ import annotations

import numpy as np

from gradcourse.checking.question import CodeExercise, Part, asks


def _finite(losses):
    return bool(np.isfinite(losses).all())


def _begins_well(losses, classes):
    return bool(losses[0] <= 3 * np.log(classes))


def _depends(spread):
    return bool(spread > 0)


def _learns_by_heart(one_batch, classes):
    return bool(one_batch < 0.5 * np.log(classes))


def _moves(ratios):
    return bool(((ratios >= 1e-5) & (ratios <= 1e-1)).all())


def first_finding(losses, classes, spread, one_batch, ratios):
    """The first of the five questions that is answered with no; "none" if all are well."""
    if not _finite(losses):
        return "not finite"
    if not _begins_well(losses, classes):
        return "start"
    if not _depends(spread):
        return "outputs"
    if not _learns_by_heart(one_batch, classes):
        return "one batch"
    return "none" if _moves(ratios) else "updates"


def _nan_only(losses, classes, spread, one_batch, ratios):
    if not np.isnan(losses).any():
        losses = np.where(np.isinf(losses), 1.0, losses)
    return first_finding(losses, classes, spread, one_batch, ratios)


def _by_classes(losses, classes, spread, one_batch, ratios):
    return first_finding(losses, np.exp(classes), spread, one_batch, ratios)


def _by_probability(losses, classes, spread, one_batch, ratios):
    if _finite(losses) and losses[0] > 3 / classes:
        return "start"
    return first_finding(losses, classes, spread, one_batch, ratios)


def _some_ratio(losses, classes, spread, one_batch, ratios):
    within = (ratios >= 1e-5) & (ratios <= 1e-1)
    seen = ratios[within] if within.any() else ratios
    return first_finding(losses, classes, spread, one_batch, seen)


def _backwards(losses, classes, spread, one_batch, ratios):
    if not _moves(ratios):
        return "updates"
    if not _learns_by_heart(one_batch, classes):
        return "one batch"
    if not _depends(spread):
        return "outputs"
    if not _begins_well(losses, classes):
        return "start"
    return "none" if _finite(losses) else "not finite"


def _patients(rng):
    def losses(start, end="fine"):
        curve = start * np.exp(-0.3 * np.arange(6)) + rng.uniform(0, 0.05, 6)
        if end != "fine":
            curve[-1] = np.inf if end == "inf" else np.nan
        return curve

    ratios = 10.0 ** rng.uniform(-4, -2, 4)
    still = ratios.copy()
    still[int(rng.integers(4))] = 10.0 ** rng.uniform(-9, -6)
    wild = 10.0 ** rng.uniform(0, 2, 4)
    classes = int(rng.integers(8, 20))
    good = np.log(classes)
    high = rng.uniform(5, 7) * good
    cases = [
        (losses(good, "nan"), classes, 0.0, good, wild),
        (losses(good, "inf"), classes, 0.5, 0.01, ratios),
        (losses(high), classes, 0.0, good, still),
        (losses(high), classes, 0.7, 0.01, ratios),
        (losses(good), classes, 0.0, good, still),
        (losses(good), classes, 0.4, 0.9 * good, wild),
        (losses(good), classes, 0.4, 0.02, still),
        (losses(good), classes, 0.4, 0.02, wild),
        (losses(good), classes, 0.4, 0.02, ratios),
    ]
    return [cases[k] for k in rng.permutation(len(cases))]


TRIAGE = CodeExercise(
    id="diagnosis/triage",
    title="The order of triage",
    functions=asks(
        first_finding,
        'one of "not finite", "start", "outputs", "one batch", "updates", "none"',
        {
            "from the dearest to the cheapest": (
                _backwards,
                "You began at the end. Where the loss is not finite, the ratios mean nothing: ask "
                "the cheap questions first, and stop at the first no.",
            ),
            "NaN only": (
                _nan_only,
                "You looked for NaN. An Inf in the loss is not finite, either: np.isfinite knows "
                "both.",
            ),
            "C in place of ln C": (
                _by_classes,
                "You compared with C. A guess among C classes costs ln C.",
            ),
            "1/C in place of ln C": (
                _by_probability,
                "You compared with 1/C, the probability of a guess. Its cross-entropy is ln C.",
            ),
            "one good ratio is enough": (
                _some_ratio,
                "You were content with some good ratio. A single matrix that stands still, or "
                "jumps, is a finding: all must lie inside.",
            ),
        },
    ),
    parts=(
        Part(
            title="nine patients in random order",
            points=2.0,
            cases=_patients,
            example=(np.array([2.4, 1.0, np.nan]), 10, 0.0, 2.3, np.array([1.0, 1e-3])),
            look_at="The first question that is answered with no decides.",
        ),
    ),
    hints=(
        "Five questions in the order of the lesson's drawing, five ifs.",
        "Return at the first no; what comes later may be a consequence.",
        "Finite, then losses[0] <= 3 ln C, then spread > 0, then one_batch < ½ ln C, then all "
        "ratios between 1e-5 and 1e-1.",
    ),
)
