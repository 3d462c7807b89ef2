"""Does it learn? What the logged losses say, and the outputs."""

from __future__ import annotations

import math

import numpy as np

from gradcourse.diagnosis import step_size
from gradcourse.diagnosis.finding import Finding, Remedy
from gradcourse.diagnosis.remedies import SCALE
from gradcourse.diagnosis.signals import SHORTEST, Signals, ends, guess, is_out_of_scale, median
from gradcourse.diagnosis.signs import Sign
from gradcourse.diagnosis.thresholds import threshold

INITIALIZE = Remedy("Draw the weights for the activation: He or Xavier", "05", "initialize")


def enough(signals: Signals) -> int:
    """Steps with a loss before anything is said about its course."""
    in_time = signals.lag_gradient or any(len(c) >= SHORTEST for c in signals.calls().values())
    return int(threshold("enough_in_time" if in_time else "enough"))


def is_stuck(signals: Signals, good: np.ndarray, least: int | None = None) -> bool:
    """Whether enough losses are known and they show no learning at all.

    A loss that ends well below its start learns; so does one that still falls by more than its
    scatter explains, and one that is small for its outputs.

    ``least``: how many are enough, where it is not for the net to say.
    """
    if not learns_badly(signals, good, least):
        return False
    pace = float(median(signals.update_ratio[good]))
    # Of weights that all but stand still, what looks like a fall is scatter.
    moves = not pace < threshold("slow_update") / 10
    loss = signals.known_loss(good)
    if not still_falls(loss, moves):
        return True
    # Down to that of a guess any net falls.
    return is_a_guess(signals, loss) and not (moves and falls_far(loss, len(loss) // 2))


def stays(signals: Signals, good: np.ndarray) -> bool:
    """As `is_stuck`, for what the graph proves: no plateau of a net in time explains that."""
    return is_stuck(signals, good, int(threshold("enough")))


def learns_badly(signals: Signals, good: np.ndarray, least: int | None = None) -> bool:
    """Whether enough losses are known and they have not fallen, though they may be about to."""
    loss = signals.known_loss(good)
    wanted = least or enough(signals)
    if step_size.has_risen(loss):
        wanted = int(threshold("enough"))  # no plateau of a net in time
    if len(loss) < wanted or warms_up(signals) or is_a_game(signals):
        return False
    if begins_low(signals, loss):
        return False
    return not has_learned(signals, good)


def begins_low(signals: Signals, loss: np.ndarray) -> bool:
    """Whether it began, and is, far below a guess: a run that goes on from trained weights."""
    told = [h for h in signals.record.facts.heads if h.loss]
    if not told:
        return False
    late = told[-(len(told) // 2) :]
    if math.isfinite(told[0].unexplained):
        return all(h.unexplained < threshold("low") for h in (told[0], *late))
    return max(ends(loss)) < threshold("low") * min(guess(told[0]), guess(told[-1]))


def has_learned(signals: Signals, good: np.ndarray) -> bool:
    """Whether a few losses are known, and they have fallen; below that of a guess, if it is told.

    A net whose outputs were too large at first learns to say that it knows nothing.
    """
    loss = signals.known_loss(good)
    if len(loss) < 10 or is_a_guess(signals, loss):
        return False
    return has_fallen(loss) or step_size.has_converged(signals, good)


def is_a_guess(signals: Signals, loss: np.ndarray) -> bool:
    """Whether a cross-entropy ends where outputs that are the same for all inputs have it.

    Not asked of a squared error, of which the mean of the targets may be all that is learned early.
    """
    told = [h for h in signals.record.facts.heads if h.loss]
    late = told[-(len(told) // 2) :]
    if len(told) < 3 or not late:
        return False
    guesses = [guess(h) for h in late]
    return min(guesses) == max(guesses) and ends(loss)[1] > threshold("guess") * guesses[0] > 0


def still(loss: np.ndarray) -> str:
    """How far a loss that stays has come, as the end of a sentence about it."""
    start, end = ends(loss)
    if min(start, end) <= 0:
        return f"went from {start:.3g} to {end:.3g}"
    ratio = end / start
    if ratio < threshold("learning"):
        return "has come down to that of a guess"
    if ratio > _GROWN:
        return f"has grown to {ratio:.3g} times what it was at first"
    return f"is still {ratio:.2f} of what it was at first"


_GROWN = 1.5
"""Loss, end over start, from which it is no longer still the same."""


def is_a_game(signals: Signals) -> bool:
    """Whether another optimizer trains a part of the model, or a net that feeds or judges it.

    Then the loss need not fall.
    """
    facts = signals.record.facts
    if 2 * facts.other_updates > facts.updates > 0:
        return True
    if 0 < facts.fed_by_others < facts.calls_looked and facts.forward_passes >= 2 * facts.updates:
        return True
    return any(
        t.in_optimizer is False and t.requires_grad and t.changed > 0
        for t in signals.record.facts.trainees
    )


def warms_up(signals: Signals) -> bool:
    """Whether the rate was still rising: the training has just begun, however many steps."""
    options = signals.record.facts.optimizer
    return bool(options.get("last rate", 0.0) > 1.5 * options.get("lr", math.inf))


def has_fallen(loss: np.ndarray) -> bool:
    """Whether it ends below 0.8 of its start, or clearly, beyond its scatter, below 0.9 of it.

    A loss around or below 0 is judged by its own scatter.
    """
    start, end = ends(loss)
    early, late = loss[: max(5, len(loss) // 10)], loss[-(len(loss) // 3) :]
    error = math.sqrt(np.var(early) / len(early) + np.var(late) / len(late))
    fell = float(np.mean(early) - np.mean(late))
    clear = fell > threshold("trend_clear") * error
    if start > 0 and end > -start:
        half_way = 0.5 * (1 + threshold("learning"))
        return end < threshold("learning") * start or (clear and end < half_way * start)
    half_way = 0.5 * (1 - threshold("learning"))
    far = clear and fell > half_way * abs(float(np.mean(early)))
    return far or end < start - 2 * float(np.std(loss[:5])) - 1e-12 * abs(start)


def still_falls(loss: np.ndarray, hopeful: bool = True) -> bool:
    """Whether a straight line through the last three quarters falls, clearly or far enough.

    Far enough: so that five times as many steps would take a fifth of the loss away, if the line
    is more than scatter; not asked unless ``hopeful``. The first quarter is left out: there a bias
    learns the mean.
    """
    begin = len(loss) // 4
    fall, error, level = _line(loss[begin:])
    clear = fall > threshold("trend_clear") * error
    least = fall * len(loss[begin:]) > threshold("trend_least") * level
    return least and (clear or (hopeful and falls_far(loss, begin)))


def falls_far(loss: np.ndarray, begin: int) -> bool:
    """Whether five times the steps would take a fifth of it away, by the line from ``begin`` on."""
    fall, error, level = _line(loss[begin:])
    hint = fall > threshold("trend_hint") * error
    return hint and fall * 5 * len(loss) > threshold("hope") * level


def _line(loss: np.ndarray) -> tuple[float, float, float]:
    """Of a straight line through it: the fall at each step, its standard error, and the level."""
    steps = np.arange(len(loss)) - (len(loss) - 1) / 2
    slope = float(steps @ loss / (steps @ steps))
    rest = loss - np.mean(loss) - slope * steps
    error = float(np.sqrt(rest @ rest / (len(loss) - 2) / (steps @ steps)))
    return -slope, error, abs(float(np.mean(loss)))


def find_unbounded(signals: Signals, good: np.ndarray) -> list[Sign]:
    """A loss below 0 that falls faster and faster: it has no lower bound.

    A density's logarithm is negative, too, but levels out.
    """
    loss = signals.known_loss(good)
    third = len(loss) // 3
    if third < 5 or loss[-1] >= 0:
        return []
    first, middle, last = (
        float(np.median(part)) for part in (loss[:third], loss[third : 2 * third], loss[-third:])
    )
    away = -last > 10 * threshold("unbounded") * max(abs(float(np.median(loss[:3]))), 1e-12)
    if not away or not middle - last > 1.5 * (first - middle) > 0:
        return []
    if not _outputs_grew(signals) > threshold("unbounded"):
        return []
    finding = Finding(
        "unbounded loss",
        f"The loss is {last:.3g} and falls faster and faster: it has no lower bound, so to lower "
        "it teaches nothing.",
        steps=_span(signals),
        evidence={"loss, last third": last, "loss, first third": first},
        confidence=0.9,
        remedies=(
            Remedy("Use a loss with a least value: cross_entropy on raw outputs", "02"),
            Remedy("Look for a sign: a log-likelihood is maximised, its negative minimised", "02"),
        ),
    )
    return [Sign(0, finding)]


def _outputs_grew(signals: Signals) -> float:
    """Size of the layer's output that grew most, end over start; inf where none was measured.

    What runs away may be another output than the last, as a log-variance beside a mean.
    """
    found = []
    for sizes in signals.activation_rms.T:
        known = sizes[np.isfinite(sizes) & (sizes > 0)]
        found += [float(known[-1] / known[0])] if len(known) > 1 else []
    return max(found, default=math.inf)


def find_large_start(signals: Signals, good: np.ndarray) -> list[Sign]:
    """A cross-entropy that begins far above that of a guess, ln k: outputs that are too large."""
    first = next((h for h in signals.record.facts.heads if h.loss), None)
    if first is None or first.loss != "cross-entropy of logits" or first.columns < 2:
        return []
    row = int(np.searchsorted(signals.step_numbers, first.step))
    if row or not good[0] or first.end not in _OPEN or first.normed:
        return []
    times = float(signals.loss[0]) / guess(first)
    if not times >= threshold("first_loss"):
        return []
    finding = Finding(
        "exploding",
        f"The first loss is {times:.3g} times that of a guess, ln {first.columns}: the outputs, up "
        f"to {max(abs(first.low), abs(first.high)):.2g}, are far too large from the start.",
        layers=tuple(signals.layers[-1:]),
        steps=(0, 0),
        evidence={"first loss over that of a guess": times},
        confidence=0.8,
        remedies=(SCALE, INITIALIZE) if is_out_of_scale(signals) else (INITIALIZE, SCALE),
    )
    return [Sign(0, finding)]


_OPEN = ("", "Exp", "Softplus")
"""Ends whose outputs may be as large as they will."""


def find_scaled_inside(signals: Signals, good: np.ndarray, sick: bool) -> list[Sign]:
    """Inputs that the model itself makes huge or tiny before its first layer, where it stays.

    ``sick``: whether that has led to flat or dead units, or to a gradient that fades or explodes.
    """
    facts = signals.record.facts
    given, arrives = facts.input_size, facts.first_layer_size
    limit = threshold("out_of_scale")
    off = max(arrives, 1 / arrives) if arrives > 0 else math.nan
    changed = max(arrives / given, given / arrives) if arrives > 0 and given > 0 else math.nan
    if not (off > limit and changed > limit) or any("Norm" in kind for kind in signals.kinds[:1]):
        return []
    if not sick and not is_stuck(signals, good):
        return []
    finding = Finding(
        "scale",
        f"The model is given inputs of size {given:.2g}, and {facts.first_layer}, its first layer, "
        f"gets {arrives:.2g}: what lies between takes them out of scale.",
        layers=(facts.first_layer,),
        steps=_span(signals),
        evidence={"size of the input": given, "size at the first layer": arrives},
        confidence=0.85,
        remedies=(UNSCALED, INITIALIZE),
    )
    return [Sign(0, finding)]


UNSCALED = Remedy(
    "Look at what the model does to its inputs before its first layer, a factor, or a division by "
    "a standard deviation that is 0: what arrives there should be of size 1",
    "02",
)


def find_collapsed(signals: Signals, good: np.ndarray) -> list[Sign]:
    """Outputs that came to be the same for all inputs, under a loss that stays up."""
    heads = [h for h in signals.record.facts.heads if h.rows > 1 and math.isfinite(h.spread)]
    if len(heads) < 2 or not is_stuck(signals, good):
        return []
    start = max(h.spread for h in heads[:2])
    late = heads[len(heads) // 2 :]
    end = float(np.median([h.spread for h in late]))
    same = threshold("collapsed")
    if not end < min(same, start / 20):
        return []
    onset = next(h.step for h in heads if h.spread < max(same, 2 * end))
    row = min(int(np.searchsorted(signals.step_numbers, onset)), signals.steps - 1)
    first_steps = step_size.typical(signals)
    first = first_steps[np.isfinite(first_steps)][:1]
    pace = float(first[0]) if len(first) else float("nan")
    rate = Remedy("Lower the learning rate, by 10 or more, and warm it up", "01", "rate", 0.1)
    if pace > threshold("fast_update"):
        rate = slower(pace, 10.0)
    finding = Finding(
        "update too large" if pace > threshold("fast_update") else "collapsed",
        f"The outputs have become the same for all inputs: {end:.1g} of their size is left of "
        f"what differed by {start:.1g} at first"
        + (
            f"; the first update changed the median weight by {pace:.2g}."
            if pace > threshold("fast_update")
            else "."
        ),
        steps=(int(signals.step_numbers[row]), int(signals.step_numbers[-1])),
        evidence={"spread over inputs, end": end, "spread over inputs, start": start}
        | ({"first median ‖ΔW‖/‖W‖": pace} if math.isfinite(pace) else {}),
        confidence=0.85,
        remedies=(
            rate,
            Remedy("Warm the learning rate up", "11", "warm up"),
            Remedy("If pairs are compared, add a term that keeps outputs apart", "02"),
        ),
    )
    return [Sign(0, finding)]


def find_drawn_together(signals: Signals, good: np.ndarray) -> list[Sign]:
    """A loss of pairs that falls because all outputs become the same."""
    facts = signals.record.facts
    pairs = facts.forward_passes >= 1.9 * facts.updates > 0
    heads = [h for h in facts.heads if h.rows > 1 and h.size > 0 and math.isfinite(h.spread)]
    loss = signals.known_loss(good)
    if not pairs or len(heads) < 3 or len(loss) < enough(signals) or not loss[0] > 0:
        return []
    start, end = heads[0], heads[-1]
    if not start.spread > 0:
        return []
    left = max(end.spread / start.spread, end.size * end.spread / (start.size * start.spread))
    begun, ended = ends(loss)
    if not ended < begun / 10 or not left < threshold("drawn_together"):
        return []
    finding = Finding(
        "collapsed",
        f"What differs between the outputs of different inputs has fallen to {left:.2g} of what it "
        "was, and the loss with it: it compares calls of the model, and is smallest where all "
        "outputs are the same.",
        steps=_span(signals),
        evidence={"spread over inputs, end over start": left},
        confidence=0.8,
        remedies=(
            Remedy(
                "Add a term that keeps outputs of different inputs apart, as negative pairs do; or "
                "detach one side and give the other a predictor",
                "02",
            ),
        ),
    )
    return [Sign(0, finding)]


def slower(pace: float, least: float) -> Remedy:
    """Divide the rate by what brings updates of ``pace`` to the usual size, and by ``least``."""
    by = max(least, float(f"{pace / threshold('usual_update'):.0e}"))
    return Remedy(f"Divide the learning rate by about {by:g}", "01", "rate", 1 / by)


def _span(signals: Signals) -> tuple[int, int]:
    return int(signals.step_numbers[0]), int(signals.step_numbers[-1])
