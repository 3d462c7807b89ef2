"""Does it learn? What the logged losses say, and the outputs."""

from __future__ import annotations

import math

import numpy as np

from gradcourse.diagnosis import step_size
from gradcourse.diagnosis.finding import Finding, Remedy
from gradcourse.diagnosis.remedies import SCALE
from gradcourse.diagnosis.signals import SHORTEST, Signals, is_out_of_scale, median
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
    return not still_falls(signals.known_loss(good), moves)


def stays(signals: Signals, good: np.ndarray) -> bool:
    """As `is_stuck`, for what the graph proves: no plateau of a net in time explains that."""
    return is_stuck(signals, good, int(threshold("enough")))


def learns_badly(signals: Signals, good: np.ndarray, least: int | None = None) -> bool:
    """Whether enough losses are known and they have not fallen, though they may be about to."""
    loss = signals.known_loss(good)
    if len(loss) < (least or enough(signals)) or warms_up(signals) or _is_a_game(signals):
        return False
    return not has_learned(signals, good)


def has_learned(signals: Signals, good: np.ndarray) -> bool:
    """Whether a few losses are known, and they have fallen."""
    loss = signals.known_loss(good)
    return len(loss) >= 10 and (has_fallen(loss) or step_size.has_converged(signals, good))


def _is_a_game(signals: Signals) -> bool:
    """Whether another optimizer trains a part of the model, or a net that feeds it at times.

    Then the loss need not fall.
    """
    facts = signals.record.facts
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


def is_around_zero(loss: np.ndarray) -> bool:
    """Whether it has both signs, as that of a game or of a policy: there is no floor to reach."""
    return len(loss) > 0 and bool(loss.min() < 0 < loss.max())


def has_fallen(loss: np.ndarray) -> bool:
    """Whether it ends below 0.8 of its start, or clearly, beyond its scatter, below 0.9 of it.

    A loss around or below 0 is judged by its own scatter.
    """
    start = float(np.median(loss[:5]))
    end = float(np.median(loss[-(len(loss) // 3) :]))
    if start > 0 and end > -start:
        early, late = loss[: max(5, len(loss) // 10)], loss[-(len(loss) // 3) :]
        error = math.sqrt(np.var(early) / len(early) + np.var(late) / len(late))
        clear = float(np.mean(early) - np.mean(late)) > threshold("trend_clear") * error
        half_way = 0.5 * (1 + threshold("learning"))
        return end < threshold("learning") * start or (clear and end < half_way * start)
    return end < start - 2 * float(np.std(loss[:5])) - 1e-12 * abs(start)


def still_falls(loss: np.ndarray, hopeful: bool = True) -> bool:
    """Whether a straight line through the last three quarters falls, clearly or far enough.

    Far enough: so that five times as many steps would take a fifth of the loss away, if the line
    is more than scatter; not asked unless ``hopeful``. The first quarter is left out: there a bias
    learns the mean.
    """
    late = loss[len(loss) // 4 :]
    steps = np.arange(len(late)) - (len(late) - 1) / 2
    slope = float(steps @ late / (steps @ steps))
    rest = late - np.mean(late) - slope * steps
    error = float(np.sqrt(rest @ rest / (len(late) - 2) / (steps @ steps)))
    level = abs(float(np.mean(late)))
    clear = -slope > threshold("trend_clear") * error
    hint = hopeful and -slope > threshold("trend_hint") * error
    least = -slope * len(late) > threshold("trend_least") * level
    return least and (clear or (hint and -slope * 5 * len(loss) > threshold("hope") * level))


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
    """Size of the last layer's output, end over start; inf where none was measured."""
    sizes = signals.activation_rms[:, -1] if signals.layers else np.zeros(0)
    sizes = sizes[np.isfinite(sizes) & (sizes > 0)]
    return float(sizes[-1] / sizes[0]) if len(sizes) > 1 else math.inf


def find_large_start(signals: Signals, good: np.ndarray) -> list[Sign]:
    """A cross-entropy that begins far above that of a guess, ln k: outputs that are too large."""
    first = next((h for h in signals.record.facts.heads if h.loss), None)
    if first is None or first.loss != "cross-entropy of logits" or first.columns < 2:
        return []
    row = int(np.searchsorted(signals.step_numbers, first.step))
    if row or not good[0] or first.end or first.normed:
        return []
    times = float(signals.loss[0]) / math.log(first.columns)
    if times < threshold("first_loss"):
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
    left = max(end.spread / start.spread, end.size * end.spread / (start.size * start.spread))
    fell = float(np.median(loss[-(len(loss) // 3) :])) < float(np.median(loss[:5])) / 10
    if not fell or not left < threshold("drawn_together"):
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
