"""What to change, in order, and which lesson explains it."""

from __future__ import annotations

import numpy as np

from gradcourse.diagnosis.finding import Remedy


def for_depth(kind: str, factor: float, kinds: set[str], late: bool = False) -> tuple[Remedy, ...]:
    """Cures for a gradient that changes by ``factor`` a layer of these classes.

    ``late``: the net began without it, so its training has made it.
    """
    if kind == "exploding" and any("Norm" in name for name in kinds) and factor < 1.4:
        return (
            Remedy("Add skip connections: normalization itself adds a factor a layer", "07"),
            Remedy("Take fewer layers", "06"),
            Remedy("Clip by global norm to survive until then", "09"),
        )
    if kind == "vanishing" and any("BatchNorm" in name for name in kinds):
        # It undoes any gain of the weights, if it normalizes at all.
        rows = "Check batch normalization: it needs model.train() and more than a few rows a batch"
        return (Remedy(rows, "06"), Remedy("Use residual blocks", "07"))
    if late:
        return _for_late(kind)
    better = Remedy(
        "Draw the weights for the activation: He for ReLU, Xavier for tanh", "05", "initialize"
    )
    if kind == "vanishing" and factor < 1e-2 and kinds & {"GroupNorm", "LayerNorm"}:
        return (ONE_PLACE, better, Remedy("Use residual blocks", "07"))
    # What is further off is no gain: the weights are 0, or the signal has left the format.
    times = f"Multiply the initial weights by about {1 / factor:.2g}"
    gain = (Remedy(times, "05", "gain", 1 / factor),) if 1e-3 < factor < 1e3 else ()
    if kind == "exploding":
        return (
            *(gain or (better,)),
            Remedy("Normalize: batch or layer normalization after each matrix", "06"),
            Remedy("Use residual blocks with a scaled branch", "07"),
            Remedy("Clip by global norm: it treats the symptom", "09"),
        )
    if "Sigmoid" in kinds:
        return (
            NO_SIGMOIDS,
            better,
            Remedy("Normalize before the activation", "06"),
            Remedy("Use residual blocks", "07"),
        )
    return (
        better,
        *gain,
        Remedy("Normalize: batch or layer normalization after each matrix", "06"),
        Remedy("Use residual blocks", "07"),
    )


def _for_late(kind: str) -> tuple[Remedy, ...]:
    if kind == "exploding":
        return (
            Remedy("The net began without it: lower the learning rate", "01", "rate", 0.1),
            Remedy("Clip by global norm", "09"),
            Remedy("Normalize: batch or layer normalization after each matrix", "06"),
        )
    return (
        LESS_DECAY,
        Remedy("Lower the learning rate, if units become flat or silent", "04", "rate", 0.1),
        Remedy("Normalize: batch or layer normalization after each matrix", "06"),
        Remedy("Use residual blocks", "07"),
    )


def for_dead(late: bool, normalized: bool = False) -> tuple[Remedy, ...]:
    """Cures for closed units. ``late``: they were open at first; else the start closed them."""
    rate = Remedy("Lower the learning rate: one large step kills units for good", "04", "rate", 0.1)
    leaky = Remedy("Use a leaky ReLU: its units can come back", "04")
    if late:
        again = f"{CLEAR}: sums of old ones are large steps"
        return (rate, Remedy(again, "09"), leaky)
    start = Remedy("Start the biases at 0 and the weights with He's recipe", "05", "initialize")
    return (*((MORE_ROWS,) if normalized else ()), start, rate, leaky)


def for_cut(zero: bool, normalized: bool) -> tuple[Remedy, ...]:
    """Cures for a gradient that is 0 from one layer on; ``zero``: because its weights are."""
    if zero:
        return (Remedy("Draw the weights at random: a matrix of 0 lets nothing through", "05"),)
    return (*((MORE_ROWS,) if normalized else ()), LOOK_BETWEEN, SCALER)


def for_nothing(
    late: bool,
    has: frozenset[str] = frozenset(),
    zeros: int = 0,
    ends: frozenset[str] = frozenset(),
) -> tuple[Remedy, ...]:
    """Cures for gradients of exactly 0 everywhere.

    ``late``: the net began with others. ``has``: as for `fitting`. ``zeros``: so many trained
    matrices are all 0. ``ends``: "flat", "clamp", "sure", "probabilities", "stairs" or "one
    number", where the output is so; "hidden", where a part alone is to train.
    """
    if zeros:
        return (
            Remedy(
                "Draw one of two factors at random: a product of two that are 0 (LoRA's A and B) "
                "has no slope in either",
                "05",
                "draw zeros",
            ),
        )
    logits = Remedy(
        "Give logits to cross_entropy or binary_cross_entropy_with_logits: where a softmax or "
        "sigmoid is sure and wrong, its log has lost the gradient",
        "02",
    )
    constant = Remedy(
        "Look for what is constant before the loss, or in it: a clamp, a max with 0 (a hinge, an "
        "overlap of boxes that lie apart), a round, an argmax, a .detach(), a number that is added "
        "inside of a log and outweighs the rest",
        "01",
    )
    scaled = Remedy("If the loss was scaled down, take the factor away", "01")
    every = (logits, constant, SCALER) if late else (SCALER, constant, scaled, logits)
    seen = {
        "hidden": NOT_READ,
        "flat": FLAT_END,
        "sure": logits,
        "probabilities": LOG_OF_A_PRODUCT,
        "clamp": NO_CLAMP,
        "stairs": STRAIGHT_THROUGH,
        "one number": ONE_CLASS,
    }
    first = tuple(remedy for end, remedy in seen.items() if end in ends)
    others = (remedy for remedy in fitting(every, has) if remedy not in first)
    return (*first, *others)


def fitting(remedies: tuple[Remedy, ...], has: frozenset[str]) -> tuple[Remedy, ...]:
    """Those that this network can use; all, if none would be left.

    ``has``: "norm", "residual", "post-norm", and the dtypes of the parameters; empty if unknown.
    """
    if not has:
        return remedies
    short = bool(has & {"float16", "scaled"})
    kept = tuple(
        remedy
        for remedy in remedies
        if not (remedy.text.startswith("Normalize:") and "norm" in has)
        and not (remedy.text.startswith("Normalize before") and "norm" in has)
        and not (remedy.text.startswith("Use residual blocks") and "residual" in has)
        and not (remedy.text.startswith("With float16") and not short)
    )
    return kept or remedies


def for_lags(kind: str, gated: bool, horizon: int) -> tuple[Remedy, ...]:
    """Cures for a gradient that changes with the time lag."""
    if kind == "exploding":
        return (
            Remedy("Clip by global norm", "09"),
            Remedy("Scale the recurrent matrix to a spectral radius of 1 or less", "03"),
            Remedy("Start it orthogonal", "05"),
        )
    if gated:
        return (
            Remedy("Start the forget bias at log of the longest lag (chrono initialization)", "08"),
            Remedy(f"Shorten the sequences towards {horizon} steps, or read out more often", "03"),
        )
    return (
        Remedy("Use an LSTM or GRU, with the forget bias at log of the longest lag", "08"),
        Remedy("Start the recurrent matrix orthogonal", "05"),
        Remedy(f"Shorten the sequences towards {horizon} steps", "03"),
    )


def gain_of_one(names: list[str]) -> Remedy:
    """Of normalizations whose weights are 0."""
    which = ", ".join(names[:3]) + (", …" if len(names) > 3 else "")
    return Remedy(
        f"Start the weights of {which}, which are 0, at 1: 0 is for the last normalization of a "
        "residual branch, and with a ReLU behind it, it lets no gradient through",
        "06",
    )


def scaled_first(remedies: tuple[Remedy, ...], scaled: bool) -> tuple[Remedy, ...]:
    """With the data's scale in front, if it is off; without it, what the weights can do."""
    others = tuple(r for r in remedies if r.action != "scale data")
    return (SCALE, *others) if scaled else remedies


def _round(value: float) -> str:
    """One digit of it, without an exponent where that is short."""
    return f"{float(f'{value:.0e}'):g}"


PRE_NORM = Remedy(
    "Put each normalization in front of its branch, not behind the sum: norm_first=True",
    "11",
    "norm first",
)
WARM_UP = Remedy("Warm the learning rate up, to a tenth of it or less", "11", "warm up")
LESS_DECAY = Remedy(
    "The net began without it: lower the weight decay, if the weights shrink",
    "09",
    "less decay",
    0.0,
)
FUSED = Remedy(
    "Give raw outputs to cross_entropy (or binary_cross_entropy_with_logits): the log of a softmax "
    "or sigmoid that has become 0 is −inf",
    "10",
    "cross-entropy",
)
LOOK_AT_ROWS = Remedy(
    "Look at a few rows as the net gets them, each with its label; change one, and see that the "
    "outputs of the others stay (view and reshape can mix rows)",
    "10",
)
NOT_READ = Remedy(
    "Look whether what is read depends on what is to train: a causal mask hides what stands "
    "behind, so a prompt belongs in front",
    "11",
)
LOOK_BETWEEN = Remedy(
    "Look between these layers for what has no slope: a product with 0, a constant, a clamp, a "
    "step, a backward pass of your own",
    "01",
)
INTO_RANGE = Remedy(
    "Bring what arrives there into its range: biases at 0 and weights by He or Xavier, data of "
    "standard deviation 1",
    "05",
    "initialize",
)
SLOPED = Remedy("Or take an activation with a slope everywhere: leaky ReLU, GELU, SiLU", "04")
FLAT_END = Remedy(
    "Begin where the last sigmoid, tanh or softmax has a slope: biases at 0 and weights by Xavier; "
    "here every output lies at its end",
    "05",
    "initialize",
)
NO_CLAMP = Remedy(
    "Take the clamp off the output, or put a sigmoid in its place: outside its range it has no "
    "slope",
    "04",
    "no end",
)
STRAIGHT_THROUGH = Remedy(
    "Let the gradient pass by the step: round, sign and floor have slope 0. Straight-through is "
    "h + (torch.round(h) − h).detach()",
    "04",
    "straight through",
)
LOG_OF_A_PRODUCT = Remedy(
    "Add logarithms, log_softmax or logsigmoid of the raw outputs: a product of many probabilities "
    "is 0 in float32, and its log has no slope",
    "12",
)
ONE_CLASS = Remedy(
    "A cross_entropy or softmax over one number is constant: for one output take "
    "binary_cross_entropy_with_logits",
    "02",
)
LESS_PENALTY = Remedy(
    "Lower the weight decay, or the penalty on the weights in the loss: it outweighs the loss",
    "09",
    "less decay",
    0.0,
)
LOG_OF_RAW = Remedy(
    "If the loss takes the log of these outputs, some of which are negative, give them to "
    "cross_entropy, or to a sigmoid or softmax first",
    "10",
    "cross-entropy",
)
NO_SIGMOIDS = Remedy("Replace the sigmoids by ReLUs: their slope is at most 1/4", "04", "relu")
NO_EXP = Remedy(
    "Replace exp as an activation: its slope is as large as its value, and there are several",
    "04",
    "relu",
)
SCALE = Remedy("Bring inputs and targets to mean 0 and standard deviation 1", "02", "scale data")
EXP = Remedy(
    "Bring the data to standard deviation 1, and clamp what goes into exp, such as a log-variance, "
    "to ±10: exp makes it, and its slope, huge",
    "02",
    "scale data",
)
NOT_SATURATING = Remedy(
    "Train the generator on −log D(G(z)), whose slope is steep where D is sure; and make D weaker",
    "02",
    "non-saturating",
)
CLEAR = "Clear the gradients before each backward pass"

SCALE_SCORES = Remedy(
    "Divide the scores by √d before the softmax, or normalize queries and keys: from the first "
    "step on it gives one input nearly all the weight, and has lost its slope",
    "11",
    "scale scores",
)
ONE_PLACE = Remedy(
    "Normalize over more elements: over one (or equal ones) the result is 0 for every input",
    "06",
    "normalize over more",
)
READ_AT_LENGTH = Remedy(
    "Read the output at each sequence's own length, or pack it (pack_padded_sequence): the last "
    "{steps} steps are padding",
    "03",
    "read at the length",
)
NO_RELU_AT_THE_END = Remedy(
    "Take the ReLU off the output (a sigmoid instead, for a probability): where its input is "
    "negative, no gradient comes back",
    "04",
    "no ReLU end",
)
RATE_IS_LOST = Remedy(
    "The learning rate itself is NaN or Inf: look at the schedule, as at a negative number to a "
    "fractional power past its last step, or 0/0",
    "01",
    "plain rate",
)
EPS = Remedy(
    "The optimizer's eps of {eps:.0e} is 0 in float16, and so is the square of a small gradient: "
    "take eps=1e-4, or keep the weights in float32 (torch.autocast)",
    "12",
    "eps",
    1e-4,
)
LATE_SATURATED = (
    Remedy("The units were not flat at first: lower the learning rate", "04", "rate", 0.1),
    WARM_UP,
    Remedy("Normalize before the activation", "06"),
)
SATURATED = (
    Remedy("Bring the inputs to mean 0 and standard deviation 1", "02", "scale data"),
    Remedy("Draw smaller weights: Xavier", "05", "initialize"),
    Remedy("Normalize before the activation", "06"),
)
SATURATED_FIRST = Remedy("Cure the saturation first: little comes back through flat units", "02")
SCALER = Remedy("With float16, multiply the loss by a factor, as a gradient scaler does", "12")
MORE_ROWS = Remedy("Normalize over more rows: over equal rows the result is constant", "06")
BUFFERS = (
    Remedy(
        "Look at the batch before the model is called on it, not at the loss after: the forward "
        "pass has already written to running_mean and running_var",
        "06",
        "skip before the call",
    ),
    Remedy("Reset them: module.reset_running_stats(), then some batches in training mode", "06"),
)
WATCH_THE_LOSS = Remedy(
    "Run the loop inside `with gc.watch(model, optimizer, loss_function) as watch:` and compute "
    "the loss as watch.loss(…): gradients are finite, so without the loss function it sees nothing",
    "10",
)
NON_FINITE = (
    Remedy(
        "Run the loop inside `with gc.watch(model, optimizer):`; it replays the bad step and "
        "names the module",
        "10",
    ),
    Remedy("Look for log, sqrt or a division at 0, and for NaN in the data", "10"),
    Remedy("With float16, let a gradient scaler skip the step", "12"),
    Remedy("Lower the learning rate, or clip and leave out non-finite steps", "09"),
)


def for_updates(kind: str, ratio: float, falls: bool = False) -> tuple[Remedy, ...]:
    """Cures for a relative update of ``ratio`` a step; ``falls``: at first it was larger."""
    if kind == "update too large":
        scale = Remedy(
            "Bring inputs and targets to standard deviation 1; take the mean loss",
            "02",
            "scale data",
        )
        again = Remedy(CLEAR, "09")
        warm = Remedy("Warm the learning rate up", "11")
        clip = Remedy("Clip by global norm", "09")
        by = max(ratio / 1e-2, 10.0) if np.isfinite(ratio) else 10.0
        if by > 1e6:
            # So far off is no rate: something is out of scale, or the gradient has exploded.
            return (scale, clip, again, warm)
        return (
            Remedy(
                f"Divide the learning rate by about {_round(by)}",
                "01",
                "rate",
                1 / float(_round(by)),
            ),
            scale,
            again,
            warm,
            clip,
        )
    check = Remedy(
        "Check that the optimizer holds these parameters, that no schedule is at 0 and that "
        "nothing clips far too low",
        "09",
    )
    adam = Remedy("If the loss was scaled down, scale the learning rate up, or use Adam", "10")
    if ratio > 0:
        by = float(_round(1e-3 / ratio))
        rate = Remedy(f"Multiply the learning rate by about {by:g}", "01", "rate", by)
    else:
        stands = "Raise the learning rate until the weights move: now they do not change at all"
        rate = Remedy(stands, "01")
    return (rate, check, adam) if ratio > 0 and not falls else (check, rate, adam)
