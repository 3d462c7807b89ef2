"""Dead and saturated units."""

from __future__ import annotations

import numpy as np

from gradcourse.diagnosis import over_depth, remedies, step_size
from gradcourse.diagnosis.finding import Finding, Remedy
from gradcourse.diagnosis.signals import ZERO, Signals, is_out_of_scale, median
from gradcourse.diagnosis.signs import Sign, confidence, persistent
from gradcourse.diagnosis.thresholds import threshold

SHIFT = "standard deviations of the pre-activations below zero"
"""Name of the evidence that tells a dead layer from one that gets no signal."""

ENDS = "layers with a gradient of exactly 0"
"""Name of the evidence of a gradient that ends."""


def find_saturated(signals: Signals, good: np.ndarray) -> list[Sign]:
    """Sigmoid and tanh layers with flat outputs.

    The last layer of the net is left out: a sigmoid output that is sure and right is flat. So
    are the hidden layers of a net whose loss has converged, unless they were flat before it did.
    """
    share = signals.saturated_fraction
    columns = [k for k in range(len(signals.layers) - 1) if np.isfinite(share[:, k]).any()]
    # Training drives units to their ends: then this is what was learned.
    learned = step_size.has_converged(signals, good) or _fell_in_small_steps(signals, good)
    learned = learned and not _says_one_thing(signals)
    onset, hit, levels = signals.steps, [], []
    judged_rows = np.flatnonzero(good & np.isfinite(share[:, columns]).any(axis=1))
    start = int(judged_rows[0]) if len(judged_rows) else 0
    for k in columns:
        judged = good & np.isfinite(share[:, k])
        rows = persistent(share[:, k] >= threshold("saturated"), judged)
        if learned and len(rows):
            begin = np.flatnonzero(judged)[:1]
            before = rows[0] == begin[0] and not step_size.is_converged(signals, begin)
            rows = rows if before else rows[:0]
        if len(rows):
            onset = min(onset, int(rows[0]))
            hit.append(k)
            levels.append(float(median(share[rows, k])))
    if not hit:
        return []
    worst = max(levels)
    finding = Finding(
        "saturated",
        f"Up to {worst:.0%} of the outputs of {_count(hit)} lie where the activation is flat.",
        layers=(signals.layers[hit[0]], signals.layers[hit[-1]]),
        steps=_span(signals, onset),
        evidence={"largest saturated share": worst, "layers": float(len(hit))},
        confidence=confidence((worst - threshold("saturated")) / 0.2),
        remedies=_for_saturated(signals, onset > start),
    )
    return [Sign(onset, finding)]


def _fell_in_small_steps(signals: Signals, good: np.ndarray) -> bool:
    """Whether the loss has halved, and no early update was large enough to flatten units.

    Not where it has come down to that of a guess: that much the last biases learn alone.
    """
    loss = signals.known_loss(good)
    if len(loss) < 30 or loss[0] <= 0 or step_size.guesses(signals, good):
        return False
    pace = step_size.typical(signals)
    first = pace[np.isfinite(pace)][:1]
    small = not len(first) or first[0] < threshold("large_update") / 3
    return bool(small and np.median(loss[-(len(loss) // 3) :]) < 0.5 * np.median(loss[:5]))


def _says_one_thing(signals: Signals) -> bool:
    """Whether the outputs came to be the same for all inputs: the biases alone have learned."""
    spreads = [h.spread for h in signals.record.facts.heads if h.rows > 1 and h.spread >= 0]
    late = spreads[len(spreads) // 2 :]
    same = threshold("collapsed")
    return len(spreads) > 2 and max(late) < same / 10 and spreads[0] > 2 * max(late)


def _for_saturated(signals: Signals, late: bool) -> tuple[Remedy, ...]:
    if not late:
        usual = remedies.fitting(remedies.SATURATED, signals.has)
        size = signals.record.facts.input_size
        # Inputs that are known to be of size 1 are not what makes units flat.
        return usual[1:] if len(usual) > 1 and size < 3 else usual
    pace = step_size.typical(signals)
    first = pace[np.isfinite(pace)][:1]
    usual = remedies.fitting(remedies.LATE_SATURATED, signals.has)
    if not len(first) or first[0] < threshold("large_update") / 3:
        return usual
    by = float(f"{first[0] / 3e-3:.0e}")
    text = (
        f"Divide the learning rate by about {by:g}: the first update changed the median weight by "
        f"{first[0]:.2g} of its norm"
    )
    return (Remedy(text, "01", "rate", 1 / by), *usual[1:])


def find_dead(signals: Signals, good: np.ndarray) -> list[Sign]:
    """Layers whose units are silent on all data, though a signal arrives.

    A silent unit with a signal in front of it is dead; one that gets no signal, because a layer
    before it is dead or the signal has vanished on the way, is not.
    """
    onset, hit, levels, shifts = signals.steps, [], [], []
    start = signals.steps
    for k in range(1, len(signals.layers)):
        share = signals.dead_fraction[:, k]
        before = k - 1
        # The spread of the pre-activations, and how far they lie below zero in its units.
        arrives = signals.activation_rms[:, before] > 0
        with np.errstate(divide="ignore", invalid="ignore"):
            shift = -signals.activation_mean[:, before] / signals.activation_std[:, before]
        # A layer that gets only its bias has no spread, and no shift in units of it.
        shift = np.where(np.isfinite(shift), shift, np.nan)
        shifted = (share >= threshold("dead_shifted")) & (shift >= threshold("shift"))
        holds = arrives & ((share >= threshold("dead")) | shifted)
        if _one_row(signals, k):
            # Of one row, any unit may be silent; that all are, says something.
            holds = arrives & (share >= 1)
        rows = persistent(holds, good & np.isfinite(share))
        if len(rows) and holds[good].any():
            onset = min(onset, int(rows[0]))
            start = min(start, int(np.flatnonzero(good & np.isfinite(share))[0]))
            hit.append(k)
            levels.append(float(median(share[rows])))
            shifts.append(float(median(shift[rows])))
    if not hit:
        return _cut(signals, good)
    worst = max(levels)
    finding = Finding(
        "dead",
        f"Up to {worst:.0%} of the units of {_count(hit)} are 0 on the whole batch, although a "
        "signal arrives.",
        layers=(signals.layers[hit[0]], signals.layers[hit[-1]]),
        steps=_span(signals, onset),
        evidence={
            "largest dead share": worst,
            "layers": float(len(hit)),
            **({SHIFT: float(median(np.array(shifts)))} if np.isfinite(shifts).any() else {}),
        },
        confidence=confidence((worst - threshold("dead_shifted")) / 0.2),
        remedies=_for_dead(signals, hit, onset > start),
    )
    return [Sign(onset, finding)]


def _for_dead(signals: Signals, hit: list[int], late: bool) -> tuple[Remedy, ...]:
    usual = remedies.scaled_first(remedies.for_dead(late=late), is_out_of_scale(signals))
    heads = signals.record.facts.heads
    at_the_end = any(h.end == "Relu" for h in heads) or signals.kinds[-1] == "ReLU"
    if hit[-1] == len(signals.layers) - 1 and at_the_end:
        return (remedies.NO_RELU_AT_THE_END, *usual)
    return usual


def _one_row(signals: Signals, column: int) -> bool:
    """Whether a layer's output is one row, as long as the weight before it is high."""
    owner = signals.layers[column - 1].partition(" #")[0]
    shape = signals.parameter_shapes.get(f"{owner}.weight", ())
    sizes = signals.activation_size[:, column]
    return bool(shape) and float(median(sizes)) == shape[0]


def _cut(signals: Signals, good: np.ndarray) -> list[Sign]:
    """A gradient that is whole above a layer and exactly 0 from there down: a closed ReLU.

    This is what a dead layer leaves behind where the activation is no module.
    """
    chain = over_depth.profile(signals)
    if len(chain.names) < 2:
        return []
    zero = chain.backward <= ZERO
    alive = chain.backward > np.log10(threshold("underflow"))
    # The first layer that gets a gradient, all below it getting none.
    start = np.argmax(alive, axis=1)
    rows_index = np.arange(len(start))
    below = np.array([zero[r, : start[r]].all() and start[r] > 0 for r in rows_index])
    holds = below & alive.any(axis=1)
    judged = good & np.isfinite(chain.backward).any(axis=1)
    rows = persistent(holds, judged)
    if not len(rows):
        return []
    edge = int(np.median(start[rows]))
    above, below_it = chain.names[edge], chain.names[edge - 1]
    if _zero_weight(signals, above, rows) or _flat(signals, below_it, rows):
        return []
    if chain.underflow(int(rows[0])) < 0:
        return []
    stairs = signals.record.facts.stairs
    late = bool(rows[0] > np.flatnonzero(judged)[0])
    cures = remedies.for_dead(late=late, normalized=signals.normalizes(below_it, above))
    if not late and signals.normalizes(below_it, above):
        gains = signals.record.facts.zero_gains
        cures = (remedies.gain_of_one(gains) if gains else remedies.ONE_PLACE, *cures)
    elif not late and not _closed_between(signals, below_it, above, rows):
        cures = (remedies.LOOK_BETWEEN, *cures)
    flat = "" if stairs else _flat_between(signals, below_it, above)
    if flat and not late:
        cures = (remedies.INTO_RANGE, remedies.SLOPED, *cures[1:])
    if stairs and not late:
        cures = (remedies.STRAIGHT_THROUGH, remedies.LOOK_BETWEEN)
    finding = Finding(
        "cut off" if stairs and not late else "saturated" if flat else "dead",
        f"∂ℒ/∂output is whole at {above} and exactly 0 from {below_it} down: nothing comes back "
        "through what lies between them, for any data"
        + (f", and torch.{stairs[0]} has no slope." if stairs and not late else "")
        + (f": every unit lies where {flat} is flat." if flat else "" if stairs else "."),
        layers=(chain.names[0], below_it),
        steps=_span(signals, int(rows[0])),
        evidence={ENDS: float(edge)},
        confidence=0.9 if signals.layers else 0.6,
        remedies=cures,
    )
    return [Sign(int(rows[0]), finding)]


def _flat_between(signals: Signals, below: str, above: str) -> str:
    """What is flat outside a range and may lie between two layers; "" if nothing does."""
    flats = signals.record.facts.flats
    if not flats or below not in signals.layers or above not in signals.layers:
        return ""
    if _closed_between(signals, below, above, np.arange(signals.steps)):
        return ""  # units that are silent say it themselves
    between = slice(signals.layers.index(below) + 1, signals.layers.index(above))
    named = [kind for kind in signals.kinds[between] if kind in _FLAT_KINDS]
    return named[0] if named else f"torch.{flats[0]}"


_FLAT_KINDS = ("Hardtanh", "Hardsigmoid", "ReLU6", "Softshrink", "Hardshrink", "Threshold")
"""Classes of layers that are flat outside a range."""


def _closed_between(signals: Signals, below: str, above: str, rows: np.ndarray) -> bool:
    """Whether silent units were seen between two layers; True where none were looked at."""
    if below not in signals.layers or above not in signals.layers:
        return True
    between = slice(signals.layers.index(below) + 1, signals.layers.index(above))
    share = signals.dead_fraction[rows][:, between]
    return bool((share >= threshold("dead_shifted")).any())


def _zero_weight(signals: Signals, layer: str, rows: np.ndarray) -> bool:
    """Whether the layer above was initialized to 0, which lets no gradient through either."""
    columns = [k for k, owner in enumerate(signals.owners) if owner == layer]
    return bool((signals.weight_norm[rows][:, columns] == 0).any())


def _flat(signals: Signals, layer: str, rows: np.ndarray) -> bool:
    """Whether an activation right behind the layer is saturated."""
    if layer not in signals.layers:
        return False
    after = signals.layers.index(layer) + 1
    if after >= len(signals.layers):
        return False
    share = signals.saturated_fraction[rows, after]
    return bool(median(share) >= threshold("saturated"))


def _count(columns: list[int]) -> str:
    return "1 layer" if len(columns) == 1 else f"{len(columns)} layers"


def _span(signals: Signals, onset: int) -> tuple[int, int]:
    return int(signals.step_numbers[onset]), int(signals.step_numbers[-1])
