"""Vanishing and exploding over the depth, by decades and never by sizes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gradcourse.diagnosis import remedies, step_size
from gradcourse.diagnosis.finding import Finding, Remedy
from gradcourse.diagnosis.signals import ZERO, Signals, is_out_of_scale, log10, median, trend
from gradcourse.diagnosis.signs import Sign, confidence, persistent
from gradcourse.diagnosis.thresholds import threshold
from gradcourse.instrument.record.owners import owner


@dataclass(frozen=True, eq=False)
class Profile:
    """log₁₀ of what goes backward and forward, by step and by layer along the chain.

    Attributes
    ----------
    names : tuple of str
        The layers that own a weight, from input to output.
    backward, forward : numpy.ndarray, shape (S, n)
    source : str
        What ``backward`` is made of.
    """

    names: tuple[str, ...]
    backward: np.ndarray
    forward: np.ndarray
    source: str

    @property
    def hidden(self) -> slice:
        """All but the output layer, where there are enough: a small or zero head is no fault."""
        return slice(0, -1) if len(self.names) >= 4 else slice(0, None)

    def gradual(self, row: int) -> float:
        """Decades over the depth by the layers that still get a gradient."""
        line = self.backward[row][self.hidden]
        return trend(line[line > ZERO][::-1])

    def decades(self) -> tuple[np.ndarray, np.ndarray]:
        """Growth of the gradient towards the input, and of the signal towards the output."""
        backward = np.array([trend(_reached(row[self.hidden])[::-1]) for row in self.backward])
        forward = np.array([trend(row[self.hidden]) for row in self.forward])
        for row in range(len(backward)):
            faded = self.underflow(row)
            if faded < 0:
                backward[row] = forward[row] = faded
            ended = self._beyond_zero(row)
            if ended < 0:
                backward[row] = ended
        return backward, forward

    def _beyond_zero(self, row: int) -> float:
        """Decades over the whole depth of a gradient that fades to exactly 0 on its way.

        From the layers that it reaches: where most get nothing, all quarters look alike. 0 where
        it reaches all, or ends abruptly.
        """
        line = self.backward[row][self.hidden]
        reached = np.count_nonzero(line > ZERO)
        fall = self.gradual(row)
        if reached == np.count_nonzero(np.isfinite(line)) or not fall <= -threshold(
            "depth_decades"
        ):
            return 0.0
        return fall * (len(line) - 1) / (reached - 1)

    def underflow(self, row: int) -> float:
        """Decades that the signal loses before it is 0, if it is and no gradient comes back.

        A ReLU whose input is exactly 0 has slope 0, so such a net has no gradient to measure; the
        signal shows how it faded. 0 where there is a gradient, or the signal ends abruptly.
        """
        line = self.forward[row][self.hidden]
        if (self.backward[row][self.hidden] > ZERO).any() or not (line <= ZERO).any():
            return 0.0
        fall = trend(line[line > ZERO])
        return fall if fall <= -2 * threshold("depth_decades") else 0.0


def _reached(line: np.ndarray) -> np.ndarray:
    """Leave out what is exactly 0 behind the first layer with a gradient: a branch of its own."""
    alive = line > ZERO
    behind = np.arange(len(line)) > np.argmax(alive)
    return np.where(alive.any() & behind & (line <= ZERO), np.nan, line)


def profile(signals: Signals) -> Profile:
    """Read the chain off the layers, or off the parameters where no layer was measured."""
    gradients = signals.output_gradient_norm
    seen = [calls for calls in signals.chain if np.isfinite(gradients[:, calls]).any()]
    if seen and not _hidden_from_view(signals, len(seen)):
        return Profile(
            tuple(signals.layers[calls[0]] for calls in seen),
            log10(signals.along(gradients, seen)),
            log10(signals.along(signals.activation_rms, seen)),
            "∂ℒ/∂output",
        )
    return _of_parameters(signals)


def _hidden_from_view(signals: Signals, seen: int) -> bool:
    """Whether layers got gradients whose outputs were not seen: behind a reentrant checkpoint."""
    facts = signals.record.facts
    unseen = sum(
        t.ran == "without a graph" and t.gradient == "some" and len(t.shape) > 1
        for t in facts.trainees
    )
    return unseen >= 2 and unseen > seen


def _of_parameters(signals: Signals) -> Profile:
    """The bias's gradient is ∂ℒ/∂output summed over the batch; ‖∂ℒ/∂W‖ over it, the input."""
    position = {name: k for k, name in enumerate(signals.parameters)}
    norms = signals.parameter_gradient_norm
    trained = [name for name in signals.weights if np.isfinite(norms[:, position[name]]).any()]
    biases = [name.removesuffix("weight") + "bias" for name in trained]
    weight = norms[:, [position[name] for name in trained]]
    names = tuple(owner(name) or name for name in trained)
    # A bias in front of a normalization has a gradient of rounding errors only.
    normed = any(
        name.endswith("weight") and name not in signals.weights for name in signals.parameters
    )
    if trained and not normed and all(name in position for name in biases):
        bias = norms[:, [position[name] for name in biases]]
        # Exactly 0 beside a weight that learns: the rows of the batch cancel, as they do in the
        # last bias of a loss that takes differences. That says nothing about the depth.
        bias = np.where((bias == 0) & (weight > 0), np.nan, bias)
        with np.errstate(divide="ignore", invalid="ignore"):
            inputs = log10(weight / bias)
        # The first layer's input is the data, whose units are anyone's choice.
        inputs[:, 0] = np.nan
        return Profile(names, log10(bias), inputs, "∂ℒ/∂b")
    return Profile(names, log10(weight), np.full(weight.shape, np.nan), "∂ℒ/∂W")


def find(signals: Signals, good: np.ndarray) -> list[Sign]:
    """Vanishing or exploding over the depth."""
    chain = profile(signals)
    if len(chain.names) < 2:
        return []
    backward, forward = chain.decades()
    both = np.where(
        np.sign(backward) == np.sign(forward), np.minimum(abs(backward), abs(forward)), 0
    )
    alone = threshold("depth_decades")
    strength = np.maximum(abs(backward) / alone, np.nan_to_num(both) / threshold("both_decades"))
    found = []
    for kind, sign in (("vanishing", -1), ("exploding", 1)):
        holds = (strength >= 1) & (np.sign(backward) == sign)
        rows = persistent(holds, good & np.isfinite(backward))
        if kind == "exploding" and len(rows) and _learned(signals, good, rows):
            continue
        if len(rows):
            ended = _ended(signals, chain, rows) if kind == "vanishing" else []
            if ended is None:
                continue
            found += ended or [
                _finding(kind, signals, good, chain, backward, forward, strength, rows)
            ]
    return found


def _learned(signals: Signals, good: np.ndarray, rows: np.ndarray) -> bool:
    """Whether weights have grown to what the task needs: outputs of 10 000, say, from inputs of 1.

    So it is where the net began without it, and its loss has fallen all along; and where a
    residual stream is normalized, whose gradient grows as its blocks do and harms nothing.
    """
    judged = np.flatnonzero(good & signals.measured)
    loss = signals.known_loss(good)
    if not good.all() or not len(judged) or len(loss) < 30:
        return False
    if rows[0] == judged[0] and not {"norm", "residual"} <= signals.has:
        return False
    third = len(loss) // 3
    return bool(0 < np.median(loss[-third:]) < 0.5 * np.median(loss[:5]))


def _ended(signals: Signals, chain: Profile, rows: np.ndarray) -> list[Sign] | None:
    """A gradient that does not fall by a factor but is exactly 0 from one layer on.

    None where that has cured itself: a zero-initialized layer lets nothing through in its first
    step alone.
    """
    levels = median(chain.backward[rows], axis=0)
    edge = int(np.argmax(levels > ZERO))
    row = int(rows[0])
    if edge == 0 or chain.underflow(row) < 0 or chain.gradual(row) <= -threshold("both_decades"):
        return []
    above, below = chain.names[edge], chain.names[edge - 1]
    columns = [k for k, owner in enumerate(signals.owners) if owner == above]
    zero = bool((signals.weight_norm[rows][:, columns] == 0).any())
    norms = signals.weight_norm[:, columns]
    known = np.flatnonzero(np.isfinite(norms).any(axis=1))
    if zero and len(known) > 1 and not (norms[known[-1]] == 0).any():
        return None  # a branch that starts at 0, and has left it
    cause = f": the weights of {above} are all 0" if zero else ""
    finding = Finding(
        "vanishing",
        f"{chain.source} is exactly 0 from {below} down, though not at {above}{cause}.",
        layers=(chain.names[0], below),
        steps=(int(signals.step_numbers[rows[0]]), int(signals.step_numbers[rows[-1]])),
        evidence={"layers with a gradient of exactly 0": float(edge)},
        confidence=0.9,
        remedies=remedies.for_cut(zero, signals.normalizes(below, above)),
    )
    return [Sign(int(rows[0]), finding)]


def _finding(
    kind: str,
    signals: Signals,
    good: np.ndarray,
    chain: Profile,
    backward: np.ndarray,
    forward: np.ndarray,
    strength: np.ndarray,
    rows: np.ndarray,
) -> Sign:
    decades = float(median(backward[rows]))
    hidden = chain.backward[rows][:, chain.hidden]
    n = hidden.shape[1]
    factor = 10 ** (decades / max(n - 1, 1))
    levels = median(hidden, axis=0)
    last_quarter = levels[-max(1, n // 4) :]
    above_zero = last_quarter[last_quarter > ZERO]
    top = np.median(above_zero if len(above_zero) else last_quarter)
    sign = -1 if kind == "vanishing" else 1
    reached = np.flatnonzero(
        sign * (levels - top) >= min(threshold("depth_decades"), abs(decades)) * 0.99
    )
    last = chain.names[int(reached[-1])] if len(reached) else chain.names[0]
    evidence = {"decades over the depth": round(decades, 2), "factor per layer": factor}
    if np.isfinite(forward[rows]).any():
        evidence["decades of the signal forward"] = round(float(median(forward[rows])), 2)
    verb = "falls" if kind == "vanishing" else "grows"
    passed = (
        "" if rows[-1] == _last(good & np.isfinite(backward)) else " Later steps are free of it."
    )
    summary = (
        f"{chain.source} {verb} by {abs(decades):.1f} decades from {chain.names[n - 1]} back to "
        f"{chain.names[0]}, ×{factor:.2g} a layer.{passed}"
    )
    cures = remedies.fitting(remedies.for_depth(kind, factor, signals.hidden_kinds), signals.has)
    place = _one_place(signals, chain, levels, decades)
    if place is not None:
        above, below, share = place
        evidence = {"decades over the depth": round(decades, 2), "share of it in one place": share}
        summary = (
            f"{chain.source} {verb} by {abs(decades):.1f} decades, {share:.0%} of it in one place, "
            f"between {above} and {below}.{passed}"
        )
    excess = threshold("depth_decades") * (float(median(strength[rows])) - 1)
    start = int(np.flatnonzero(good & np.isfinite(backward))[0])
    whole = (chain.backward[start][chain.hidden] > ZERO).all()
    late = bool(rows[0] > start and whole and strength[start] < 0.5)
    return Sign(
        int(rows[0]),
        Finding(
            kind,
            summary,
            layers=(chain.names[0], last),
            steps=(int(signals.step_numbers[rows[0]]), int(signals.step_numbers[rows[-1]])),
            evidence=evidence,
            confidence=confidence(excess),
            remedies=_cures(signals, kind, place, late, cures, factor),
        ),
    )


def _one_place(
    signals: Signals, chain: Profile, levels: np.ndarray, decades: float
) -> tuple[str, str, float] | None:
    """The two layers between which most of the change lies, where it is no factor a layer."""
    finite = np.flatnonzero(np.isfinite(levels) & (levels > ZERO))
    if len(finite) < 2 or abs(decades) < 2:
        return None
    # Towards the input: positive where it grows.
    changes = -np.diff(levels[finite]) * np.sign(decades)
    k = int(np.argmax(changes))
    share = float(changes[k] / abs(decades))
    if share < 0.8 or (len(finite) < 3 and not signals.normalizes(*_pair(chain, finite, k))):
        return None
    below, above = _pair(chain, finite, k)
    return above, below, min(share, 1.0)


def _pair(chain: Profile, finite: np.ndarray, k: int) -> tuple[str, str]:
    return chain.names[finite[k]], chain.names[finite[k + 1]]


def _cures(
    signals: Signals,
    kind: str,
    place: tuple[str, str, float] | None,
    late: bool,
    usual: tuple[Remedy, ...],
    factor: float,
) -> tuple[Remedy, ...]:
    if kind == "vanishing" and signals.record.facts.flat_softmax > threshold("one_hot"):
        return (remedies.SCALE_SCORES, *(r for r in usual if not r.text.startswith("Multiply")))
    if place is not None:
        above, below, _ = place
        look = Remedy(f"Look at what lies between {below} and {above}", "01")
        if kind == "exploding" and signals.record.facts.exponentials:
            return (remedies.EXP, look)
        if kind == "vanishing" and signals.normalizes(below, above):
            return remedies.scaled_first((remedies.ONE_PLACE, look), is_out_of_scale(signals))
        if not late:
            return (look, *(r for r in usual if not r.text.startswith("Multiply")))
    if kind == "exploding" and signals.record.facts.exponentials >= 2:
        return (remedies.NO_EXP, *usual)
    if "post-norm" in signals.has:
        return (remedies.PRE_NORM, remedies.WARM_UP)
    if late:
        usual = remedies.for_depth(kind, factor, signals.hidden_kinds, late)
        if not signals.record.facts.optimizer.get("weight_decay", 1.0):
            usual = tuple(r for r in usual if r.action != remedies.LESS_DECAY.action)
            shrunk = step_size.have_shrunk(signals, ~signals.bad)
            usual = (*((remedies.LESS_PENALTY,) if shrunk else ()), *usual)
        return remedies.fitting(usual, signals.has)
    return usual


def _last(rows: np.ndarray) -> int:
    return int(np.flatnonzero(rows)[-1])


def has_faded(signals: Signals, row: int) -> bool:
    """Whether the gradient falls by decades before it ends, and not only where it ends."""
    chain = profile(signals)
    return len(chain.names) >= 2 and chain.gradual(row) <= -threshold("both_decades")
