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


def _with_guess(loss_of):
    """The same where a guess among so many classes has another loss."""

    def answer(losses, classes, spread, one_batch, ratios):
        return first_finding(losses, np.exp(loss_of(classes)), spread, one_batch, ratios)

    return answer


def _with_first(of):
    """The same with another number of the curve in the place of its first."""

    def answer(losses, classes, spread, one_batch, ratios):
        seen = np.array([of(losses)]) if _finite(losses) else losses
        return first_finding(seen, classes, spread, one_batch, ratios)

    return answer


def _with_share(factor):
    """The same where the loss of one batch must be below ½ / factor of a guess's."""

    def answer(losses, classes, spread, one_batch, ratios):
        return first_finding(losses, classes, spread, factor * one_batch, ratios)

    return answer


def _with_ratios(of):
    """The same where other ratios are looked at."""

    def answer(losses, classes, spread, one_batch, ratios):
        return first_finding(losses, classes, spread, one_batch, np.atleast_1d(of(ratios)))

    return answer


def _by_probability(losses, classes, spread, one_batch, ratios):
    if _finite(losses) and losses[0] > 3 / classes:
        return "start"
    return first_finding(losses, classes, spread, one_batch, ratios)


def _some_ratio(ratios):
    within = (ratios >= 1e-5) & (ratios <= 1e-1)
    return ratios[within] if within.any() else ratios


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


def _curve(rng, start, end=None, rate=0.3):
    curve = start * np.exp(-rate * np.arange(6)) + rng.uniform(0, 0.05, 6)
    return curve if end is None else np.append(curve[:-1], end)


def _patients(rng):
    """One of each kind, and one on each side of each border, a tenth away from it."""
    few, many = int(rng.integers(3, 6)), int(rng.integers(60, 150))
    low, high = np.log(few), np.log(many)
    well = (_curve(rng, high), many, 0.4, 0.02)

    def good(count=5):
        # From border to border, so that a narrower band is seen.
        between = 10.0 ** rng.uniform(-4, -2, count - 2)
        return np.append(between, [rng.uniform(2e-5, 8e-5), rng.uniform(0.02, 0.08)])

    def with_other(count, low, high):
        ratios = rng.permutation(good())
        ratios[:count] = 10.0 ** rng.uniform(low, high, count)
        return rng.permutation(ratios)

    wild = 10.0 ** rng.uniform(0, 2, 4)
    still = with_other(1, -9, -6)
    far = rng.uniform(5, 7) * high
    rising = np.exp(0.3 * np.arange(6))  # up to 4.5 times its first
    cases = [
        (_curve(rng, high, np.nan), many, 0.0, high, wild),
        (_curve(rng, high, np.inf), many, 0.5, 0.01, good()),
        (_curve(rng, far, rate=1.0), many, 0.0, high, still),
        (_curve(rng, rng.uniform(3.3, 3.6) * low, rate=1.0), few, 0.7, 0.01, good()),
        (_curve(rng, rng.uniform(2.4, 2.7) * high), many, 0.7, 0.01, good()),
        (rng.uniform(0.75, 0.95) * high * rising, many, 0.4, 0.02, good()),
        (_curve(rng, high), many, 0.0, high, still),
        (_curve(rng, low), few, 0.4, rng.uniform(0.55, 0.65) * low, good()),
        (_curve(rng, high), many, 0.4, rng.uniform(0.4, 0.45) * high, good()),
        (_curve(rng, high), many, 0.4, 0.9 * high, wild),
        (*well, still),
        (*well, with_other(1, 0, 1)),
        (*well, with_other(3, -9, -6)),
        (*well, 10.0 ** rng.uniform(-9, -6, 4)),
        (*well, wild),
        (*well, good()),
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
                _with_guess(lambda classes: classes),
                "You compared with C. A guess among C classes costs ln C.",
            ),
            "1/C in place of ln C": (
                _by_probability,
                "You compared with 1/C, the probability of a guess. Its cross-entropy is ln C.",
            ),
            "the logarithm to base 10": (
                _with_guess(np.log10),
                "You took np.log10. A cross-entropy is made of natural logarithms: np.log.",
            ),
            "the logarithm to base 2": (
                _with_guess(np.log2),
                "You took np.log2, which counts bits. A cross-entropy is made of natural "
                "logarithms: np.log.",
            ),
            "always ten classes": (
                _with_guess(lambda classes: np.log(10.0)),
                "You compare with 2.3, a guess among ten classes. Use the `classes` you are given.",
            ),
            "the factor three is missing": (
                lambda losses, *rest: first_finding(3 * losses, *rest),
                "You compared the first loss with that of a guess itself. A network that has not "
                "learned yet may cost more, up to the multiple that the question names.",
            ),
            "the largest loss for the first": (
                _with_first(np.max),
                "You looked at the largest loss. A start is judged by the first loss alone: what "
                "rises later has another cause.",
            ),
            "the mean loss for the first": (
                _with_first(np.mean),
                "You looked at the mean loss. Later losses hide a bad start: it is judged by the "
                "first alone.",
            ),
            "the last loss for the first": (
                _with_first(lambda losses: losses[-1]),
                "You looked at the last loss. A start is judged by the first.",
            ),
            "the whole for half": (
                _with_share(0.5),
                "For one batch you asked for less than a guess's whole loss. What was learned by "
                "heart must be better than that: the question names a part of it.",
            ),
            "a quarter for half": (
                _with_share(2.0),
                "For one batch you asked for a quarter of a guess's loss: halved twice?",
            ),
            "one good ratio is enough": (
                _with_ratios(_some_ratio),
                "You were content with some good ratio. A single matrix that stands still, or "
                "jumps, is a finding: all must lie inside.",
            ),
            "the upper border alone": (
                _with_ratios(lambda ratios: np.maximum(ratios, 1e-5)),
                "You looked for ratios that are too large. One that is too small is a finding, "
                "too: that matrix stands still.",
            ),
            "the lower border alone": (
                _with_ratios(lambda ratios: np.minimum(ratios, 1e-1)),
                "You looked for ratios that are too small. One that is too large is a finding, "
                "too: that matrix jumps.",
            ),
            "the mean of the ratios": (
                _with_ratios(np.mean),
                "You compared the mean of the ratios. It hides a matrix that stands still behind "
                "the others: each ratio must lie inside.",
            ),
            "the median of the ratios": (
                _with_ratios(np.median),
                "You compared the median of the ratios. It hides a matrix that stands still or "
                "jumps: each ratio must lie inside.",
            ),
            "another lower border": (
                _with_ratios(lambda ratios: np.where(ratios < 1e-3, 0.0, ratios)),
                "You asked for ratios of 1e-3. That is where many networks lie, and no border: "
                "the question names a lower one.",
            ),
        },
    ),
    parts=(
        Part(
            title="16 patients of every kind, in random order",
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
