"""Why a loss may stay though the gradients are in order: the first reason for which there is proof.

Where there is none, that it does not learn is all that can be said.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from gradcourse.diagnosis import lags, step_size
from gradcourse.diagnosis.causes import heads
from gradcourse.diagnosis.causes.backward_passes import are_erased
from gradcourse.diagnosis.causes.batches import are_equal_rows
from gradcourse.diagnosis.causes.standstill import (
    INITIALIZE,
    has_learned,
    is_stuck,
    slower,
    stays,
    still,
    still_falls,
    warms_up,
)
from gradcourse.diagnosis.causes.trainees import UNFREEZE, of_what_has_no_slope
from gradcourse.diagnosis.finding import Finding, Remedy
from gradcourse.diagnosis.remedies import (
    LOOK_AT_ROWS,
    NO_RELU_AT_THE_END,
    NO_SIGMOIDS,
    ONE_PLACE,
    SCALE,
    SCALE_SCORES,
)
from gradcourse.diagnosis.signals import (
    SHORTEST,
    Signals,
    data_size,
    ends,
    is_around_zero,
    log10,
    median,
    target_size,
)
from gradcourse.diagnosis.signs import Sign, first_of, of_the_run
from gradcourse.diagnosis.thresholds import threshold
from gradcourse.instrument.record.owners import owner

DRAW = Remedy(
    "Draw the weights at random: units with equal weights get equal gradients, and never differ",
    "05",
    "initialize",
)
BEND = Remedy(
    "Put an activation between the layers: without one they are a single linear layer",
    "04",
    "activate",
)
READ_AT_THE_END = Remedy(
    "Read the output at the last step, out[:, -1] with batch_first=True and out[-1] without: the "
    "state at a step knows nothing of later ones",
    "03",
    "read at the end",
)
SMOOTH = Remedy(
    "Use an activation with a second derivative, tanh, softplus or SiLU: a loss of derivatives of "
    "the output gets its gradient from there",
    "04",
    "smooth activation",
)
CREATE_GRAPH = Remedy(
    "Take these derivatives with torch.autograd.grad(…, create_graph=True), and do not detach them",
    "10",
    "create the graph",
)
BALANCE = Remedy(
    "Bring the terms of the loss to one size: targets of standard deviation 1, a mean in place of "
    "a sum, or a weight on each term",
    "02",
    "balance the terms",
)
COPY_ROWS = Remedy(
    "Look at how the batch is put together: a store that keeps one array and not its copy (take "
    "x.clone(), or state.copy()), an index that stays, a row that is expanded",
    "10",
)
USUAL_BETAS = Remedy(
    "Set betas=(0.9, 0.999): the first is for the gradient, the second for its square",
    "01",
    "usual betas",
)
NO_COPY = Remedy(
    "Look whether the loss compares the network with itself: a reference or target network is a "
    "copy that stays, copy.deepcopy(model), not a second name for the same one",
    "10",
)
CLEAR_ONCE = Remedy(
    "Clear the gradients once for each update: zero_grad before the first of its backward passes, "
    "not before every one",
    "01",
    "clear once",
)
LOOK = (
    LOOK_AT_ROWS,
    SCALE,
    Remedy(
        "Train on one batch until its loss is 0; if that fails, the model or loss is wrong", "10"
    ),
)


@dataclass(frozen=True)
class Course:
    """What the losses and updates of a run that stays say.

    Attributes
    ----------
    ratio : float
        Loss, end over start.
    still : str
        The same in words.
    pace : float
        Median ‖ΔW‖/‖W‖; NaN if no update was measured.
    decades : float
        Growth of the gradient over the depth.
    """

    signals: Signals
    ratio: float
    still: str
    pace: float
    decades: float

    @property
    def evidence(self) -> dict[str, float]:
        spreads = [h.spread for h in self.signals.record.facts.heads]
        spread = float(np.median(spreads)) if spreads else math.nan
        every = {
            "loss, end over start": self.ratio,
            "median ‖ΔW‖/‖W‖": self.pace,
            "spread of the outputs over inputs": spread,
        }
        return {name: value for name, value in every.items() if math.isfinite(value)}


def find_equal_units(signals: Signals) -> list[Sign]:
    """Weights whose rows were the same from first to last: one unit, many times."""
    names = signals.record.facts.equal_rows
    if not names:
        return []
    more = f" and {len(names) - 1} more" if len(names) > 1 else ""
    summary = (
        f"All units of {owner(names[0]) or names[0]}{more} have the same weights, at "
        "the first step and at the last: they are one unit."
    )
    evidence = {"weights with equal rows": float(len(names))}
    finding = of_the_run(signals, "equal units", summary, evidence, (DRAW,), 0.95)
    return [Sign(0, finding)]


def find(signals: Signals, good: np.ndarray, decades: float) -> list[Sign]:
    """Why the loss stays where it was; or where it levels off, for one linear map."""
    pace = float(median(signals.update_ratio[good]))
    # Of weights that hardly move, a loss that stays has not levelled off.
    moves = not pace < threshold("slow_update") / 10
    tests: tuple[Callable[[Course], Finding | None], ...]
    if signals.record.facts.only_linear and moves and _has_levelled_off(signals, good):
        tests = (_linear,)
    elif is_stuck(signals, good):
        tests = (
            _erased,
            _unread,
            _without_slope,
            _scale,
            _padded,
            _equal_rows,
            _constant,
            _sigmoids,
            _depth,
            _lost,
            _one_hot,
            _no_curve,
        )
        tests += (_drowned, _slow, _fast)
        tests += (_weak, _small_logits, _frozen, _linear, _unknown)
    elif stays(signals, good):
        tests = (_large_targets,)
    else:
        return []
    return first_of(tests, _course(signals, good, decades))


def find_scaled_down(signals: Signals, good: np.ndarray) -> list[Sign]:
    """Logits that a factor behind the last layers makes small, whatever the updates are."""
    heads = [h for h in signals.record.facts.heads if h.size > 0]
    sizes = signals.activation_rms[:, -_LAST:]
    if not heads or not np.isfinite(sizes).any() or not is_stuck(signals, good):
        return []
    before = float(np.nanmax(median(sizes[good], axis=0)))
    if before < _DIVIDED * float(np.median([h.size for h in heads])):
        return []
    return first_of((_small_logits,), _course(signals, good, math.nan))


def find_numbers(signals: Signals, good: np.ndarray) -> list[Sign]:
    """Derivatives that the loss takes as numbers, where it stays or next to nothing lowers it."""
    facts = signals.record.facts
    # Where they are the gradients themselves, there is no backward pass beside them.
    passes = min(facts.derivatives, facts.backward_passes)
    if not passes >= 0.9 * facts.updates > 0 or facts.without_graph < facts.derivatives:
        return []
    if not is_stuck(signals, good) and not step_size.find_small(signals, good):
        return []
    return first_of((_numbers,), _course(signals, good, math.nan))


def _numbers(course: Course) -> Finding | None:
    return of_the_run(
        course.signals,
        "cut off",
        "At each step derivatives of the output are taken (torch.autograd.grad) without a graph: "
        "a loss that is made of them has no gradient from there, as if they were numbers.",
        course.evidence
        | {"derivatives without a graph": float(course.signals.record.facts.without_graph)},
        (CREATE_GRAPH, *LOOK[1:]),
        0.7,
    )


def find_swapped(signals: Signals, good: np.ndarray) -> list[Sign]:
    """Betas the wrong way round, where the loss has not fallen, whatever else that has led to."""
    if not len(signals.known_loss(good)) or has_learned(signals, good):
        return []
    return first_of((_swapped,), _course(signals, good, math.nan))


def find_constant(signals: Signals, good: np.ndarray) -> list[Sign]:
    """Outputs that are the same for all inputs where targets differ: biases alone have learned."""
    told = [h for h in signals.record.facts.heads if math.isfinite(h.target_low)]
    if len(told) < 3 or not all(h.target_high - h.target_low > 1e-3 * h.size for h in told):
        return []
    if len(signals.known_loss(good)) < threshold("enough"):
        return []
    return first_of((_equal_rows, _constant), _course(signals, good, math.nan))


def find_one_number(signals: Signals, good: np.ndarray) -> list[Sign]:
    """A loss that never changes, and is not 0 or another whole number, though weights move."""
    if len(signals.known_loss(good)) < threshold("enough") or warms_up(signals):
        return []
    return first_of((_one_number,), _course(signals, good, math.nan))


_LAST, _DIVIDED = 3, 30.0
"""Layers at the end that are looked at, and by how much larger than the outputs one of them is."""


def _course(signals: Signals, good: np.ndarray, decades: float) -> Course:
    loss = signals.known_loss(good)
    start, end = ends(loss)
    pace = float(median(signals.update_ratio[good]))
    return Course(signals, end / start if start else math.nan, still(loss), pace, decades)


def _has_levelled_off(signals: Signals, good: np.ndarray) -> bool:
    loss = signals.known_loss(good)
    if len(loss) < threshold("enough") or step_size.has_converged(signals, good):
        return False
    return not still_falls(loss[len(loss) // 3 :])


def _linear(course: Course) -> Finding | None:
    if not course.signals.record.facts.only_linear:
        return None
    return of_the_run(
        course.signals,
        "linear",
        "The model is a chain of linear layers, which is one linear map, and the loss has levelled "
        f"off at {course.ratio:.2f} of what it was.",
        course.evidence,
        (BEND, *LOOK),
    )


def _erased(course: Course) -> Finding | None:
    """Several backward passes for an update, and the gradients of the last alone are left."""
    facts = course.signals.record.facts
    if not are_erased(course.signals) or not facts.updates:
        return None
    passes = facts.backward_passes / facts.updates
    return of_the_run(
        course.signals,
        "cut off",
        f"There are {passes:.2g} backward passes to an update, and whenever it was looked at the "
        "gradients of those before were gone when the next began: the last alone counts, and the "
        f"loss {course.still}.",
        course.evidence | {"backward passes that were looked at": float(facts.erasing_looked)},
        (CLEAR_ONCE, *LOOK),
        0.7,
    )


def _without_slope(course: Course) -> Finding | None:
    return of_what_has_no_slope(course.signals, course.still, course.evidence)


def swapped_betas(signals: Signals) -> str:
    """That Adam remembers the gradient for much longer than its square; "" where it does not."""
    options = signals.record.facts.optimizer
    first, second = (options.get(f"beta{k}", math.nan) for k in (1, 2))
    if not 1 - second > threshold("swapped") * (1 - first):
        return ""
    return (
        f"{options['name']} has betas=({first:g}, {second:g}): it averages the gradient for longer "
        "than its square"
    )


def _swapped(course: Course) -> Finding | None:
    swapped = swapped_betas(course.signals)
    if not swapped:
        return None
    options = course.signals.record.facts.optimizer
    return of_the_run(
        course.signals,
        "update too large",
        f"{swapped}, so a step follows what was and is measured by what is; and the loss "
        f"{course.still}.",
        course.evidence | {"beta1": options["beta1"], "beta2": options["beta2"]},
        (USUAL_BETAS, *LOOK),
        0.8,
    )


def _one_number(course: Course) -> Finding | None:
    """The same loss at every step, to six digits, while weights move by gradients that are none."""
    signals = course.signals
    loss = signals.known_loss(~signals.bad)
    size = abs(float(np.median(loss)))
    # A loss that is divided by itself is 1, and that of a policy at its own samples 0.
    whole = abs(size - round(size)) < 1e-6
    if whole or float(np.ptp(loss)) > 1e-6 * size or not course.pace > threshold("slow_update"):
        return None
    if not float(median(signals.parameter_gradient_norm[~signals.bad], axis=None)) > 0:
        return None
    return of_the_run(
        signals,
        "not learning",
        f"The loss is {size:.6g} at every step, to six digits, while the weights move: what they "
        "do to one side of it they do to the other.",
        course.evidence,
        (NO_COPY, *LOOK[:1]),
        0.8,
    )


def _scale(course: Course) -> Finding | None:
    """Inputs, or the targets of a squared error, far from size 1."""
    size, where = data_size(course.signals)
    if not size > threshold("out_of_scale"):
        return None
    return of_the_run(
        course.signals,
        "scale",
        f"{where} are of size {size:.3g}, and the loss {course.still}: "
        "starts and rates are made for size 1.",
        course.evidence | {"size": size},
        (SCALE, *LOOK[::2]),
    )


def _large_targets(course: Course) -> Finding | None:
    large = target_size(course.signals) > threshold("out_of_scale")
    return _scale(course) if large else None


def _padded(course: Course) -> Finding | None:
    """A state that is read behind padding, through which less of the gradient comes than counts."""
    signals = course.signals
    for name, gradients in signals.lag_gradient.items():
        steps = gradients.shape[1]
        padding = lags.padding_of(signals, name, steps)
        if not padding or len(gradients) != signals.steps:
            continue
        decades = float(median(lags.slopes(log10(lags.as_read(gradients)))[~signals.bad]))
        if decades <= -threshold("both_decades"):
            return of_the_run(
                signals,
                "vanishing",
                f"The last {padding} of the {steps} steps that {name} is given are the same in "
                f"every row, as padding is; the gradient falls by {-decades:.1f} decades on its "
                f"way back through them, and the loss {course.still}.",
                course.evidence | {"decades over the lags": decades, "steps": float(steps)},
                (lags.read_at_length(padding), *LOOK[:1]),
                0.8,
            )
    return None


def _sigmoids(course: Course) -> Finding | None:
    """Several sigmoids one after the other: each takes three quarters of the gradient or more."""
    hidden = sum(kind == "Sigmoid" for kind in course.signals.kinds[:-1])
    if hidden < 3 or not course.decades < -threshold("both_decades") / 2:
        return None
    return of_the_run(
        course.signals,
        "vanishing",
        f"The gradient falls by {abs(course.decades):.1f} decades through {hidden} sigmoids, and "
        f"the loss {course.still}.",
        course.evidence | {"decades over the depth": course.decades},
        (NO_SIGMOIDS, INITIALIZE),
    )


def _depth(course: Course) -> Finding | None:
    """Decades near the limit, under a loss that stays."""
    if not abs(course.decades) >= threshold("both_decades"):
        return None
    vanishing = course.decades < 0
    return of_the_run(
        course.signals,
        "vanishing" if vanishing else "exploding",
        f"The gradient {'falls' if vanishing else 'grows'} by {abs(course.decades):.1f} decades "
        f"over the depth, and the loss {course.still}.",
        course.evidence | {"decades over the depth": course.decades},
        (_start_again(course), *LOOK),
    )


def _start_again(course: Course) -> Remedy:
    return NO_SIGMOIDS if "Sigmoid" in course.signals.kinds[:-1] else INITIALIZE


def _equal_rows(course: Course) -> Finding | None:
    """One row, many times: a buffer that keeps references to one array, an index that stays."""
    if not are_equal_rows(course.signals):
        return None
    count = course.signals.record.facts.equal_inputs
    return of_the_run(
        course.signals,
        "cut off",
        f"The rows of each of the {count} batches that were looked at are all the same, and the "
        f"loss {course.still}.",
        course.evidence | {"batches of one row": float(count)},
        (COPY_ROWS, *LOOK[:1]),
        0.85,
    )


def _constant(course: Course) -> Finding | None:
    """Outputs that are exactly the same for all inputs, at every step that was looked at."""
    heads = [h for h in course.signals.record.facts.heads if h.rows > 1 and math.isfinite(h.high)]
    if len(heads) < 2 or not all(h.spread <= 1e-6 or h.low == h.high for h in heads):
        return None
    norm = _is_over_one(course.signals, heads[0].rows)
    look = Remedy("Look for what makes them so: a product with 0, a mask, a constant", "01")
    return of_the_run(
        course.signals,
        "collapsed",
        "At every step the outputs are exactly the same for all inputs: nothing of the input "
        f"arrives, and the loss {course.still}.",
        {name: value for name, value in course.evidence.items() if "spread" not in name},
        (ONE_PLACE, look) if norm else (look, *LOOK),
        0.9,
    )


def _is_over_one(signals: Signals, rows: int) -> bool:
    """Whether one of the last layers is a norm that may be over a single number of each row."""
    last = range(max(0, len(signals.kinds) - 2), len(signals.kinds))
    norms = [k for k in last if "Norm" in signals.kinds[k]]
    sizes = signals.record.activation_size[:, norms]
    # Batch norm works over the rows, and a group is a part of a row.
    over_features = all(signals.kinds[k] in ("LayerNorm", "RMSNorm") for k in norms)
    return bool(norms) and not (over_features and np.nanmin(sizes, initial=np.inf) > rows)


def _lost(course: Course) -> Finding | None:
    """Outputs that differ little between inputs from the first step on: the signal got lost."""
    first = next((h for h in course.signals.record.facts.heads if h.rows > 1), None)
    if first is None or not first.spread < threshold("collapsed"):
        return None
    return of_the_run(
        course.signals,
        "vanishing",
        "From the first step on the outputs are nearly the same for all inputs: what differs is "
        f"{first.spread:.1g} of their size. The signal fades on its way, and the loss "
        f"{course.still}.",
        course.evidence | {"spread over inputs, first step": first.spread},
        (_start_again(course), *LOOK),
    )


def _one_hot(course: Course) -> Finding | None:
    """A softmax inside the net that has chosen before anything was learned."""
    sure = course.signals.record.facts.flat_softmax
    if not sure > threshold("one_hot"):
        return None
    return of_the_run(
        course.signals,
        "saturated",
        f"A softmax inside the net gives one input {sure:.0%} of the weight in half of the rows "
        f"from the first step on, and the loss {course.still}.",
        course.evidence | {"largest weight, median over rows": sure},
        (SCALE_SCORES, SCALE),
    )


def _weak(course: Course) -> Finding | None:
    sign = heads.find_weak(course.signals)
    return sign[0].finding if sign else None


def _small_logits(course: Course) -> Finding | None:
    """Logits that say next to nothing, from the first step to the last."""
    found = [h for h in course.signals.record.facts.heads if h.loss in _OF_LOGITS]
    sizes = [h.size for h in found]
    if len(sizes) < 3 or not max(sizes) < threshold("logits"):
        return None
    size = float(np.median(sizes))
    by = float(f"{1 / size:.0e}")
    remedy = Remedy(
        "Take away what makes the outputs small, a factor or a temperature, or multiply them by "
        f"about {by:g}",
        "02",
        "scale outputs",
        by,
    )
    return of_the_run(
        course.signals,
        "scale",
        f"The outputs are of size {size:.2g} at every step that was looked at, and the loss takes "
        "them as logits: all classes are equally likely to it, whatever the net has found.",
        course.evidence | {"size of the outputs": size},
        (remedy, *LOOK),
    )


_OF_LOGITS = ("cross-entropy of logits", "binary cross-entropy of logits")


def _no_curve(course: Course) -> Finding | None:
    """A loss of derivatives of the output, by a net of straight pieces."""
    facts, kinds = course.signals.record.facts, set(course.signals.kinds)
    derived = facts.derivatives >= 0.9 * facts.updates > 0
    if not derived or not kinds & _PIECES or kinds & _CURVES:
        return None
    return of_the_run(
        course.signals,
        "dead",
        "The loss is made of derivatives of the output (torch.autograd.grad), and the activations "
        f"are ReLUs, whose second derivative is 0; it {course.still}.",
        course.evidence,
        (SMOOTH, *LOOK[1:]),
        0.8,
    )


_PIECES = {"ReLU", "LeakyReLU", "PReLU", "RReLU", "ReLU6", "Hardtanh"}
_CURVES = {"Tanh", "Sigmoid", "SiLU", "GELU", "Softplus", "ELU", "CELU", "SELU", "Mish", "Softsign"}
"""Activations that are straight but for corners, and those that are not."""


def _drowned(course: Course) -> Finding | None:
    """A cross-entropy that is next to nothing of its loss."""
    share = share_of_the_loss(course.signals)
    if not share < threshold("drowned"):
        return None
    return of_the_run(
        course.signals,
        "scale",
        f"The cross-entropy of the output makes {share:.1g} of the loss, and other terms all the "
        f"rest: next to them it counts for nothing, and the loss {course.still}.",
        course.evidence | {"share of the loss": share},
        (BALANCE, *LOOK[:1]),
        0.8,
    )


def share_of_the_loss(signals: Signals) -> float:
    """What the cross-entropy of the output makes of a loss of several terms; NaN of others."""
    shares = [h.share for h in signals.record.facts.heads if math.isfinite(h.share)]
    return float(np.median(shares)) if len(shares) > 1 else math.nan


def _slow(course: Course) -> Finding | None:
    if not 0 < course.pace < threshold("slow_update"):
        return None
    by = float(f"{min(threshold('fast_update') / 3 / course.pace, 1e4):.0e}")
    text = f"Multiply the learning rate by about {by:g}, or use Adam"
    return of_the_run(
        course.signals,
        "update too small",
        f"The loss {course.still}, and a step changes the "
        f"median weight by {course.pace:.1g} of its norm: that is slow.",
        course.evidence,
        (Remedy(text, "01", "rate", by), *LOOK),
    )


def _fast(course: Course) -> Finding | None:
    if not course.pace > threshold("fast_update"):
        return None
    return of_the_run(
        course.signals,
        "update too large",
        f"The loss {course.still}, and a step changes the "
        f"median weight by {course.pace:.1g} of its norm: that is much.",
        course.evidence,
        (slower(course.pace, 3.0), *LOOK),
    )


def _unread(course: Course) -> Finding | None:
    """A recurrent layer whose output is read at its first steps alone."""
    for name, gradients in course.signals.lag_gradient.items():
        known = gradients[np.isfinite(gradients).all(axis=1)]
        steps = gradients.shape[1]
        both = f"{name}.weight_ih_l0_reverse" in course.signals.parameters
        if not len(known) or steps < SHORTEST or both:
            continue
        read = int(np.flatnonzero((known > 0).any(axis=0)).max(initial=-1)) + 1
        if 0 < read <= steps / 4:
            return of_the_run(
                course.signals,
                "cut off",
                f"Of the {steps} steps that {name} is given, the loss depends on the first "
                f"{'one' if read == 1 else read} alone: the output is read there, and the loss "
                f"{course.still}.",
                course.evidence | {"steps": float(steps), "steps that are read": float(read)},
                (READ_AT_THE_END, *LOOK[:1]),
                0.8,
            )
    return None


def _frozen(course: Course) -> Finding | None:
    """Most of the net does not train, on purpose or not."""
    trainees = course.signals.record.facts.trainees
    frozen = [t for t in trainees if not t.requires_grad and t.ran != "no"]
    share = sum(t.size for t in frozen) / max(sum(t.size for t in trainees), 1)
    if not frozen or share < threshold("frozen"):
        return None
    return of_the_run(
        course.signals,
        "cut off",
        f"{share:.0%} of the parameters are frozen (requires_grad=False), {frozen[0].name} first; "
        f"with the rest alone the loss {course.still}.",
        course.evidence | {"share of the parameters that is frozen": share},
        (UNFREEZE, *LOOK),
    )


def _unknown(course: Course) -> Finding | None:
    if is_around_zero(course.signals.known_loss(~course.signals.bad)):
        return None
    summary = (
        f"The gradients are in order, and the loss {course.still}. "
        "If it should fall, look at what no gradient shows: labels that fit their rows, the "
        "loss function, the number of steps."
    )
    signals = course.signals
    flat = median(signals.saturated_fraction[:, -1]) if signals.layers else math.nan
    if flat >= threshold("saturated"):
        summary += (
            f" {flat:.0%} of the net's outputs, those of {signals.layers[-1]}, are flat: look "
            "whether the loss wants logits, and whether the outputs can reach the targets."
        )
    for name in signals.record.facts.time_first[:1]:
        summary += f" {name} takes its first axis as time (batch_first=False): look whether it is."
    ends = [h.end for h in signals.record.facts.heads if h.end == "Relu"]
    first = (NO_RELU_AT_THE_END,) if ends else ()
    return of_the_run(signals, "not learning", summary, course.evidence, (*first, *LOOK))
