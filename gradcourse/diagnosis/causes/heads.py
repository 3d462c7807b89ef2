"""A last operation that does not fit the loss function, or the targets."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from gradcourse.diagnosis.causes.batches import the_one_target
from gradcourse.diagnosis.finding import Finding, Remedy
from gradcourse.diagnosis.remedies import NOT_SATURATING
from gradcourse.diagnosis.signals import Signals, ends, guess
from gradcourse.diagnosis.signs import Sign
from gradcourse.diagnosis.thresholds import threshold
from gradcourse.instrument.record.facts import Head

BINARY = ("binary cross-entropy of probabilities", "binary cross-entropy of logits")
REACH = {
    "Softmax": "numbers between 0 and 1 whose sum is 1",
    "Sigmoid": "numbers between 0 and 1",
    "Tanh": "numbers between −1 and 1",
    "Relu": "no negative number",
}

LOGITS = Remedy(
    "Take the {end} off the output: this loss brings its own, and wants logits", "02", "no end"
)
ONE_UNIT = Remedy(
    "A softmax over one number is always 1: use a sigmoid (with binary_cross_entropy), or give the "
    "net two outputs",
    "02",
    "sigmoid end",
)
SEVERAL = Remedy(
    "Use a sigmoid for each output where several labels may be true: a softmax's outputs sum to 1",
    "02",
    "sigmoid end",
)
OVER_BATCH = Remedy(
    "Take the softmax over the classes' dimension, dim=1 or dim=-1, not over the rows of the "
    "batch, nor over time",
    "02",
    "softmax over classes",
)
TURN_CLASSES = Remedy(
    "Turn the axes, do not reshape them: cross_entropy takes (N, classes, …) as it is; for "
    "(-1, classes), out.permute(0, 2, 3, 1).reshape(-1, classes)",
    "02",
    "turn classes",
)
NO_END = Remedy(
    "Take the {end} off the output: a regression ends in a linear layer", "02", "no end"
)
NO_END_AND_SCALE = Remedy(
    "Take the {end} off the output: a regression ends in a linear layer; and bring inputs and "
    "targets, which reach to {size:.2g}, to mean 0 and standard deviation 1",
    "02",
    "no end, scaled",
)
EXP_END = Remedy(
    "Let the output be a count's mean: exp or softplus in place of the {end}", "02", "exp end"
)
SCALE_TARGETS = Remedy(
    "Or bring the targets into the range that the output can reach", "02", "scale targets"
)
LOG_SOFTMAX = Remedy(
    "Use cross_entropy, which takes raw outputs: nll_loss wants the log_softmax of them",
    "02",
    "cross-entropy",
)
LOGARITHMS = Remedy(
    "Give kl_div the log_softmax of the raw outputs: it takes logarithms, and its targets are "
    "probabilities",
    "02",
    "log of the outputs",
)
SHAPES = Remedy(
    "Give outputs and targets the same shape: out.squeeze(1), or y[:, None]; (N, 1) against (N) is "
    "compared in all N × N pairs",
    "01",
    "match shapes",
)
DIAGONAL = Remedy(
    "Let row i belong to column i: labels torch.arange(n); 0 is the right one of all where each "
    "row has candidates of its own, the right one first",
    "02",
    "diagonal labels",
)
NO_LOGARITHMS = Remedy(
    "Take the {end} off the output, which is the mean's logarithm then; or keep it and set "
    "log_input=False",
    "02",
    "no end",
)
COMPETE = Remedy(
    "Let the outputs compete: cross_entropy on the raw outputs, without the {end}",
    "02",
    "cross-entropy",
)
FLIP = Remedy(
    "Turn the sign of the loss: a likelihood is to grow, so its negative is the loss",
    "02",
    "flip the sign",
)
NO_CLIMB = Remedy(
    "Leave out maximize=True: it is for a quantity that is to grow", "01", "flip the sign"
)
CLASSES = Remedy(
    "A sigmoid tells two classes, 0 and 1, apart: for more, one output each and cross_entropy",
    "02",
    "classes",
)


def find(signals: Signals) -> list[Sign]:
    """What is certain about the head, the plainest first; at most one finding."""
    heads = [head for head in signals.record.facts.heads if math.isfinite(head.high)]
    for test in (
        _one_unit,
        _over_batch,
        _across,
        _mixed,
        _twice,
        _logarithms,
        _first_of_all,
        _raw,
        _pairs,
        _alone,
        _labels,
        _reach,
        _minimax,
        _flipped,
    ):
        sign = test(signals, heads)
        if sign is not None:
            return [sign]
    return []


def find_weak(signals: Signals) -> list[Sign]:
    """What slows a net down: said of one that stays, and has nothing else wrong."""
    heads = [head for head in signals.record.facts.heads if math.isfinite(head.high)]
    sign = _share(signals, heads)
    return [] if sign is None else [sign]


def _most(heads: Sequence[Head], holds: Sequence[bool]) -> bool:
    return bool(heads) and sum(holds) >= max(1, math.ceil(len(heads) / 2))


def _first_of_most(heads: Sequence[Head], holds: Sequence[bool]) -> Head | None:
    """The first for which it holds, if it does for most of them."""
    if not _most(heads, holds):
        return None
    return next(head for head, right in zip(heads, holds, strict=True) if right)


def _one_unit(signals: Signals, heads: Sequence[Head]) -> Sign | None:
    holds = [h.end in ("Softmax", "LogSoftmax") and h.over == 1 for h in heads]
    if not _most(heads, holds):
        return None
    beyond = any(h.target_low < -0.05 or h.target_high > 1.05 for h in heads)
    return _sign(
        signals,
        heads,
        f"The output is a {heads[0].end.lower()} over a single number: it is "
        f"{'1' if heads[0].end == 'Softmax' else '0'} for every input, and its gradient 0.",
        (_for_regression(signals, heads, "softmax"),) if beyond else (ONE_UNIT,),
        {"numbers under the softmax": 1.0},
    )


def _for_reach(signals: Signals, heads: Sequence[Head], head: Head) -> Remedy:
    """In place of an activation that the targets lie beyond."""
    if head.loss == "Poisson likelihood of means":
        return _named(EXP_END, _end(head))
    within = all(h.target_low > -0.05 and h.target_high < 1.05 for h in heads if h.loss)
    if head.end == "Softmax" and within:
        return SEVERAL
    return _for_regression(signals, heads, _end(head))


def _for_regression(signals: Signals, heads: Sequence[Head], end: str) -> Remedy:
    """Take the last activation off; and scale the data, where they are far from size 1."""
    targets = [max(abs(h.target_low), abs(h.target_high)) for h in heads]
    size = max((t for t in targets if math.isfinite(t)), default=0.0)
    inputs = signals.record.facts.input_size
    size = max(size, inputs if math.isfinite(inputs) else 0.0)
    if size > threshold("out_of_scale"):
        text = NO_END_AND_SCALE.text.format(end=end, size=size)
        return replace(NO_END_AND_SCALE, text=text)
    return _named(NO_END, end)


def _across(signals: Signals, heads: Sequence[Head]) -> Sign | None:
    """A softmax over another dimension than that of the classes, as over time."""
    holds = [h.across and h.end in ("Softmax", "LogSoftmax") for h in heads]
    if not _most(heads, holds):
        return None
    return _sign(
        signals,
        heads,
        f"The {heads[0].end.lower()} of the output runs over a dimension of {heads[0].over}, but "
        f"the loss picks one of {heads[0].columns} along another one.",
        (OVER_BATCH,),
        {"numbers under the softmax": float(heads[0].over), "classes": float(heads[0].columns)},
    )


def _mixed(signals: Signals, heads: Sequence[Head]) -> Sign | None:
    """Classes along one axis, and a loss that reads them along another."""
    if not _most(heads, [h.loss == "cross-entropy across the axes" for h in heads]):
        return None
    return _sign(
        signals,
        heads,
        "The loss reads the outputs in the wrong order: view and reshape only count on in memory, "
        "so what it takes for the classes of one place comes from several.",
        (TURN_CLASSES,),
        {"rows": float(heads[0].rows), "columns": float(heads[0].columns)},
    )


def _over_batch(signals: Signals, heads: Sequence[Head]) -> Sign | None:
    if _most(heads, [h.loss == "cross-entropy over the rows" for h in heads]):
        return _sign(
            signals,
            heads,
            f"The loss takes its softmax over the {heads[0].rows} rows of the batch, not over the "
            f"{heads[0].columns} classes.",
            (OVER_BATCH,),
            {"rows under the softmax": float(heads[0].rows)},
        )
    if not _most(heads, [h.over_batch and h.rows > 1 and h.over == h.rows for h in heads]):
        return None
    return _sign(
        signals,
        heads,
        f"The {heads[0].end.lower()} of the output runs over the {heads[0].over} rows of the "
        "batch: what is said of one row depends on the others.",
        (OVER_BATCH,),
        {"rows under the softmax": float(heads[0].over)},
    )


def _twice(signals: Signals, heads: Sequence[Head]) -> Sign | None:
    """A softmax, sigmoid or ReLU before a loss that brings its own."""
    own = ("cross-entropy of logits", "binary cross-entropy of logits")
    holds = [h.loss in own and (h.end in ("Softmax", "Sigmoid", "Relu") or h.normed) for h in heads]
    head = _first_of_most(heads, holds)
    if head is None:
        return None
    end = _end(head)
    evidence = {"smallest output": head.low, "largest output": head.high}
    if head.loss == own[0] and head.columns > 1 and end != "ReLU":
        evidence["least loss possible"] = math.log1p((head.columns - 1) * math.exp(-1.0))
    return _sign(
        signals,
        heads,
        f"The outputs come from a {end}, but the loss is a {head.loss}: it squashes them once "
        "more, and can never become small.",
        (_named(LOGITS, end),),
        evidence,
    )


def _logarithms(signals: Signals, heads: Sequence[Head]) -> Sign | None:
    """Means under a likelihood that takes their logarithms."""
    ends = ("Exp", "Softplus", "Relu")
    holds = [h.loss == "Poisson likelihood of logarithms" and h.end in ends for h in heads]
    head = _first_of_most(heads, holds)
    if head is None:
        return None
    return _sign(
        signals,
        heads,
        f"The last operation is {_end(head)}, and the loss takes its result for logarithms, as "
        "PoissonNLLLoss(log_input=True) does: no mean below 1 can come out.",
        (_named(NO_LOGARITHMS, _end(head)),),
        {"smallest output": head.low, "largest output": head.high},
    )


def _first_of_all(signals: Signals, heads: Sequence[Head]) -> Sign | None:
    """Rows that are compared with rows, and all labelled with the same of them."""
    told = [h for h in heads if h.loss == "cross-entropy of logits"]
    label = the_one_target(signals)
    square = all(h.shape == (h.rows, h.rows) for h in told)
    if math.isnan(label) or not square or not told or 2 * len(told) < len(heads):
        return None
    return _sign(
        signals,
        heads,
        f"The outputs compare {told[0].rows} rows with {told[0].columns}, and the label of every "
        f"row is {label:.0f}: all are drawn to one and the same.",
        (DIAGONAL,),
        {"rows": float(told[0].rows)},
    )


_MINUS = "minus the output of the class"


def _raw(signals: Signals, heads: Sequence[Head]) -> Sign | None:
    kinds = {
        _MINUS: (f"{_MINUS}, as nll_loss is", LOG_SOFTMAX),
        "Kullback-Leibler divergence": ("a Kullback-Leibler divergence, as kl_div is", LOGARITHMS),
    }
    head = _first_of_most(
        heads, [h.loss in kinds and not h.log_normed and h.columns > 1 for h in heads]
    )
    if head is None:
        return None
    what = "probabilities, not their logarithms" if heads[0].normed else "raw outputs"
    name, remedy = kinds[head.loss]
    return _sign(
        signals,
        heads,
        f"The loss is {name}, and gets {what}: it has no lower bound, or none that teaches.",
        (remedy,),
        {"smallest output": heads[-1].low, "largest output": heads[-1].high},
    )


def _pairs(signals: Signals, heads: Sequence[Head]) -> Sign | None:
    kinds = ("squared error with every target", "a distance to every target")
    pairs = [h for h in heads if h.loss in kinds or _is_drawn_to_one(h)]
    middles = {round(0.5 * (h.target_low + h.target_high), 4) for h in pairs}
    fixed = all(abs(m - round(m)) < 1e-3 for m in middles)
    # Where all outputs lie on one side of that number, the order of the slopes says nothing.
    telling = [h for h in heads if h.loss or h in pairs]
    if len(pairs) < 2 or not _most(telling, [h in pairs for h in telling]) or fixed:
        return None
    if pairs[0].loss != kinds[0] and (3 * len(pairs) < len(heads) or _drew_apart(signals, middles)):
        return None
    return _sign(
        signals,
        heads,
        "All rows are drawn to one and the same number, the mean of the targets: the loss compares "
        f"each of the {heads[0].rows} outputs with every target.",
        (SHAPES,),
        {"rows": float(heads[0].rows), "the number": max(middles, key=abs)},
    )


def _is_drawn_to_one(head: Head) -> bool:
    """Whether a binary cross-entropy has one target for all rows, which is neither 0 nor 1."""
    binary = head.loss in BINARY and head.rows >= 8
    return binary and head.target_high - head.target_low < 1e-3 and 0.02 < head.target_low < 0.98


def _drew_apart(signals: Signals, middles: set[float]) -> bool:
    """Whether the numbers that rows are drawn to are one and the same, or the loss has halved."""
    loss = signals.loss[np.isfinite(signals.loss)]
    halved = bool(len(loss) > 5 and np.median(loss[-5:]) < 0.5 * np.median(loss[:5]))
    return halved or max(middles) - min(middles) < 1e-3


def _alone(signals: Signals, heads: Sequence[Head]) -> Sign | None:
    """−log of the class's output, though the outputs are no distribution."""
    holds = [
        h.loss == "minus the log of the class's output" and not h.normed and h.columns > 1
        for h in heads
    ]
    # Outputs that are normed over the rows, or over both, compete there.
    if not _most(heads, holds) or heads[-1].total < _NORMED:
        return None
    return _sign(
        signals,
        heads,
        "The loss looks at the output of the right class alone, and the outputs do not sum to 1: "
        "it is small as soon as all of them are large.",
        (_named(COMPETE, _end(heads[0]) or "squashing function"),),
        {"largest output": heads[-1].high},
    )


_NORMED = 1.2
"""Sum of a row, in the mean, up to which its outputs may be normed in another way."""


def _share(signals: Signals, heads: Sequence[Head]) -> Sign | None:
    """A sigmoid or ReLU whose outputs a cross-entropy divides by their sum."""
    holds = [
        h.loss == "minus the log of the class's share" and h.end in ("Sigmoid", "Relu")
        for h in heads
    ]
    if not _most(heads, holds):
        return None
    return _sign(
        signals,
        heads,
        f"The outputs come from a {_end(heads[0])}, and the loss divides them by their sum: the "
        "classes compete only through what is already squashed.",
        (_named(COMPETE, _end(heads[0])),),
        {"largest output": heads[-1].high},
    )


def _labels(signals: Signals, heads: Sequence[Head]) -> Sign | None:
    """Class numbers under a binary cross-entropy."""
    holds = [
        h.loss in BINARY
        and (h.target_high > 1.05 or h.target_low < -0.05)
        and all(abs(t - round(t)) < 0.05 for t in (h.target_low, h.target_high))
        for h in heads
    ]
    head = _first_of_most(heads, holds)
    if head is None:
        return None
    return _sign(
        signals,
        heads,
        f"A binary cross-entropy gets targets from {head.target_low:.2g} to {head.target_high:.2g};"
        " it knows 0 to 1, and has no lower bound beyond.",
        (replace(CLASSES, by=round(max(h.target_high for h in heads)) + 1.0),),
        {"smallest target": head.target_low, "largest target": head.target_high},
    )


def _reach(signals: Signals, heads: Sequence[Head]) -> Sign | None:
    if not _most(heads, [h.unreachable >= threshold("unreachable") for h in heads]):
        return None
    head = max(heads, key=lambda h: h.unreachable)
    low = min((h.target_low for h in heads if math.isfinite(h.target_low)), default=math.nan)
    high = max((h.target_high for h in heads if math.isfinite(h.target_high)), default=math.nan)
    where = f"the targets reach from {low:.3g} to {high:.3g}"
    if head.loss == "a distance" and head.end != "Relu":
        where = f"the targets lie around {low:.3g} and {high:.3g}"
    elif not math.isfinite(low) or head.loss != "squared error":
        where = f"the loss pulls {head.unreachable:.0%} of them beyond"
    return _sign(
        signals,
        heads,
        f"The outputs come from a {_end(head)}, which gives {REACH[head.end]}; {where}.",
        (
            _for_reach(signals, heads, head),
            SCALE_TARGETS,
        ),
        {"share of targets out of reach": head.unreachable}
        | ({"smallest target": low, "largest target": high} if math.isfinite(low) else {}),
    )


def _minimax(signals: Signals, heads: Sequence[Head]) -> Sign | None:
    """The generator's first loss, log(1 − D), where D is sure: flat."""
    late = heads[-max(1, len(heads) // 2) :]
    kind = "log of one minus the output"
    holds = [h.loss == kind and _judgement(h) < threshold("sure") for h in late]
    if not _most(late, holds) or not holds[-1]:
        return None
    late = [h for h, right in zip(late, holds, strict=True) if right]
    return _sign(
        signals,
        heads,
        "The loss is the mean of log(1 − D), and D, at most "
        f"{max(map(_judgement, late)):.2g}, is sure: where it is, this loss is flat.",
        (NOT_SATURATING,),
        {"largest output": late[-1].high},
    )


def _judgement(head: Head) -> float:
    """D at its largest: the output, or the sigmoid of one that is no probability."""
    return head.high if head.low >= 0 and head.high <= 1 else 1 / (1 + math.exp(-head.high))


def _flipped(signals: Signals, heads: Sequence[Head]) -> Sign | None:
    """A loss with the wrong sign, where nobody else trains: a game may be played so."""
    facts = signals.record.facts
    up = signals.climbs
    climbs = up and _most(heads, [_falls(h) for h in heads])
    turned = not up and _most(heads, [h.loss == "minus a loss that should fall" for h in heads])
    if not climbs and not turned:
        return None
    if facts.foreign or any(t.in_optimizer is False for t in facts.trainees):
        return None
    sign = _sign(
        signals,
        heads,
        "What goes backward is minus a cross-entropy or a squared error: lowering it makes the "
        "outputs worse, without end."
        if turned
        else f"The optimizer climbs (maximize=True), and the loss is a {heads[0].loss}, which is "
        "to fall.",
        (FLIP if turned else NO_CLIMB,),
        {"first loss": float(signals.loss[0])},
    )
    return Sign(0, replace(sign.finding, kind="unbounded loss"))


def least_of_bounded(signals: Signals) -> float:
    """The least loss of logits that reach the ends of [−1, 1] and never leave it, as cosines; or 0.

    Their order may be right all the same.
    """
    heads = [head for head in signals.record.facts.heads if math.isfinite(head.high)]
    late = heads[-2:]
    if len(heads) < 4 or any(h.loss != "cross-entropy of logits" for h in late):
        return 0.0
    if any(h.low < -_ONE or h.high > _ONE for h in heads) or late[-1].columns < 2:
        return 0.0
    reached = min(max(-h.low, h.high) for h in late)
    loss = signals.loss[np.isfinite(signals.loss)]
    end, by_chance = ends(loss)[1], guess(late[-1])
    least = math.log1p((late[-1].columns - 1) * math.exp(-2.0))
    at_the_floor = _FELT * by_chance < least and end < _AT * least
    return least if reached > 0.95 and (end > 0.5 * by_chance or at_the_floor) else 0.0


_FELT, _AT = 0.2, 1.05
"""Share of a guess's loss from which a floor is felt, and how near it the loss then lies."""

_ONE = 1 + 1e-4
"""Up to rounding, the largest cosine."""


def _falls(head: Head) -> bool:
    """Whether its loss is one that is to fall, whoever uses it."""
    return head.loss.startswith(("cross-entropy", "binary cross-entropy", "squared error"))


def _end(head: Head) -> str:
    if not head.end:
        return "softmax" if head.normed else ""
    return "ReLU" if head.end == "Relu" else head.end.lower()


def _named(remedy: Remedy, end: str) -> Remedy:
    return replace(remedy, text=remedy.text.format(end=end))


def _sign(
    signals: Signals,
    heads: Sequence[Head],
    summary: str,
    remedies: tuple[Remedy, ...],
    evidence: dict[str, float],
) -> Sign:
    row = int(np.searchsorted(signals.step_numbers, heads[0].step))
    row = min(row, signals.steps - 1)
    last = signals.layers[-1:] if signals.layers else ()
    return Sign(
        0,
        Finding(
            "head",
            summary,
            layers=tuple(last),
            steps=(int(signals.step_numbers[row]), int(signals.step_numbers[-1])),
            evidence=evidence,
            confidence=0.95,
            remedies=remedies,
        ),
    )
