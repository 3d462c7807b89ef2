"""Remedies by operation, the most likely one first."""

from __future__ import annotations

from types import MappingProxyType
from typing import NamedTuple

import torch


class Case(NamedTuple):
    """What is known of an operation that turned finite numbers into NaN or Inf.

    Attributes
    ----------
    lowest : float
        Its smallest argument there.
    infinite : bool or None
        Whether it gave Inf; None where that is unknown.
    from_infinity : bool
        Whether it gave NaN where Inf went in.
    exponent : float or None
        Of a power.
    dtype : torch.dtype or None
    largest : float
        Size of the largest number that went in there.
    by_a_mask : bool
        Whether one of several inputs holds 0 and 1 alone.
    """

    lowest: float = 0.0
    infinite: bool | None = None
    from_infinity: bool = False
    exponent: float | None = None
    dtype: torch.dtype | None = None
    largest: float = 0.0
    by_a_mask: bool = False


_OVERFLOW = (
    "Numbers grew beyond the dtype: bring inputs and targets to standard deviation 1, lower the "
    "learning rate, scale the initial weights (He or Xavier), normalise between layers.",
    "In float16 the limit is 65504: use bfloat16, or do this operation in float32.",
)
_CAST = (
    "The number does not fit the dtype that it is cast to; float16 ends at 65504. For a mask take "
    "-inf, or torch.finfo(x.dtype).min.",
)
_SOFTMAX = (
    "A row whose every entry is -inf, fully masked, has no softmax: leave at least one entry "
    "unmasked, or set such rows to 0 afterwards with torch.where on a safe input.",
)
_LOG = (
    "log has no value at 0 and an infinite slope there: on probabilities take log_softmax or "
    "logsigmoid of the logits, else clamp the input: torch.log(x.clamp_min(1e-12)).",
)
_SQRT = (
    "The root has an infinite slope at 0 and no value below: add the small number inside, "
    "torch.sqrt(x + 1e-12).",
)
_POWER = (
    "A fractional power has no value below 0 and, under 1, an infinite slope at 0: clamp the base "
    "first, x.clamp_min(1e-12).",
)
_DIVIDE = (
    "A denominator is 0, or nearly: add a small number to it, or take torch.where on the "
    "denominator before dividing.",
)
_OVER_ZERO = (
    "A denominator is 0, or nearly, and what stands above it is not: find out why it becomes 0 "
    "(the end of a schedule, a temperature, the norm of a weight that is 0), and keep it away "
    "from there. A tiny number added would only make the result huge.",
)
_INF_MINUS_INF = (
    "Infinities meet here, and ∞ − ∞ has no value: a row that is masked throughout (-inf "
    "everywhere), or two infinite masks. Leave one entry unmasked, mask with "
    "torch.finfo(x.dtype).min, or set such rows to 0 with torch.where before this.",
)
_ZERO_TIMES_INF = (
    "An infinity is multiplied by 0 here, and 0 × ∞ has no value: write a mask with "
    "masked_fill(mask, -inf) or torch.where, not as a product.",
)
_TERM_OF_A_MASK = (
    "An infinity is multiplied by 0 here, and 0 × ∞ has no value, as in p·log p where a mask has "
    "made p 0 and log p -inf: make that factor finite before the product, "
    "log_p.masked_fill(~allowed, 0.0). A torch.where after it hides the value, not its slope.",
)
_FROM_INFINITY = (
    "What goes in is infinite already (above), and 0 × ∞ and ∞ − ∞ have no value: look at where "
    "that infinity is made.",
)
FORBIDDEN = (
    "The target is a class, or an action, whose logit is -inf: it is masked, so its loss is Inf. "
    "Do not mask what the target is, or leave those rows out.",
)
RUNNING_VARIANCE = (
    "The running variance that batch norm keeps is negative, which no batch makes: look at the "
    "checkpoint, at an average of several models, and at what else writes that buffer.",
)
_DETERMINANT = (
    "The determinant is not above 0, so its logarithm has no value: take torch.linalg.slogdet, "
    "which gives sign and logarithm apart. One of exactly 0 belongs to a singular matrix: add a "
    "small multiple of the identity to it.",
)
_SINGULAR = (
    "The matrix is singular, or nearly: add a small multiple of the identity to it, or take "
    "torch.linalg.pinv or lstsq.",
)
_NEGATIVE_POWER = (
    "A power with a negative exponent is infinite at 0: add a small number to the base, "
    "x + 1e-12, or clamp it.",
)
_EXP = (
    "exp overflows above 88.7 in float32 and 11.1 in float16. In a sum of several, subtract the "
    "maximum first: softmax, logsumexp, logaddexp. One that stands alone, as of a log-variance, a "
    "log-ratio or a scale, wants what goes in bounded: clamp(-10, 10), or c·tanh(x / c).",
)
_BESSEL = (
    "i0 and i1 grow as exp does, and overflow above 88.7 in float32: of their logarithm take "
    "torch.special.i0e(x).log() + x.abs().",
)
_BATCH_NORM = (
    "A channel has variance 0 in this batch and eps is 0, or too small for the dtype: use the "
    "default eps of 1e-5, or larger batches.",
)
_EMPTY = (
    "The mean of nothing is 0/0: the batch is empty, every target is ignore_index (-100), or the "
    "weights of all classes in it are 0. Skip such batches, or take "
    'reduction="sum" and divide by the count, at least 1.',
)
_CTC = (
    "A target that is longer than its input (with one blank between equal labels) has probability "
    "0, and its loss is Inf: leave such rows out, check the lengths, or take zero_infinity=True.",
)
_SINGLE = (
    "The variance of a single number is 0/0, since it divides by n - 1: give it more than one, or "
    "correction=0.",
)
_ANGLE = (
    "The angle of 0 has no slope, and its neighbours' squares underflow: leave such entries out "
    "before the operation, torch.where(z.abs() > 1e-6, z, 1.0).",
)
RATE_IS_LOST = (
    "The learning rate itself is NaN, so the update wrote NaN: look at the schedule, as at a "
    "negative number to a fractional power past its last step, or 0/0.",
)
_ARC = ("The inverse function has an infinite slope at ±1: clamp to 1 - 1e-6 in size.",)
_ACOSH = ("acosh has no value below 1 and an infinite slope there: x.clamp_min(1 + 1e-6).",)

WHERE = (
    "The gradient that arrives is exactly 0 at these entries, and 0 × inf is NaN: torch.where "
    "or a mask hides the bad value forward, not its slope. Make the input safe before the "
    "operation: f(torch.where(ok, x, 1.0)).",
)
PARAMETER = (
    "The gradients before it were finite if the watch ran, so an update wrote it: lower the "
    "learning rate, warm it up, check the optimizer's eps; or go back to the last checkpoint.",
)
INPUT = (
    "Repair or drop these rows before training: torch.isfinite(x) finds them. Look for division "
    "by a standard deviation of 0 in the preprocessing.",
)
OUTSIDE = (
    "Targets, weights, masks and advantages have no graph. Look at how they are made: a division "
    "by a standard deviation or a count of 0, the std of a single number (0/0, since it divides "
    "by n - 1), a log or a root at 0, and missing values in the data; torch.isfinite finds them.",
)
COMPUTED = (
    "It was computed in the same step, as from earlier calls of the model: look at what is done to "
    "their outputs. A solver or a rollout that overflows wants smaller or fewer steps, or a model "
    "whose output is bounded.",
)
ARRIVED = (
    "The gradients that were sent here are finite, so a hook changed them, or their sum over "
    "several uses overflowed.",
)
GIVE_THE_LOSS = (
    "Give the loss function to the watch, gc.watch(model, optimizer, loss_function), and call it "
    "as watch.loss(…): the operation is then named, with its line. Lines that compute the loss in "
    "the loop itself go into such a function; or hand what they give to watch.check(loss), before "
    "the backward pass."
)
LOSS_UNKNOWN = (
    f"The model's output is finite, so the fault is in what you compute from it. {GIVE_THE_LOSS}",
)
OUTPUT_IS_INFINITE = (
    "The model's output holds infinities, as masked logits do: fine for a softmax or an argmax, "
    "but 0 × ∞ and ∞ − ∞ have no value. Look for a product with it, as in p·log p; make its "
    "masked entries finite before, log_p.masked_fill(~allowed, 0.0)."
)
AFTER_THE_LOSS = (
    "The model's outputs are finite, and so is all that the loss function gives, with its slopes: "
    "look at what is done with its values afterwards. A mean over none of them, and a sum divided "
    "by a count of 0, is 0/0: divide by the count, at least 1.",
)
UNKNOWN = (
    "Give post_mortem the whole computation: gc.post_mortem(model, lambda: loss_function("
    "model(x), y)).",
)

_EQUAL = (
    "Equal singular values or eigenvalues have no gradient: the formula divides by their "
    "differences. Add a little noise to the matrix, or use only the values (svdvals, eigvalsh).",
)
_WEIGHT_NORM = (
    "A row of the weight has norm 0, and 0/0 has no value: do not start a weight-normalised layer "
    "at 0; draw it at random, and start its gain at 0 instead.",
)
_UNKNOWN_OP = (
    "This operation has no value, or no slope, at what it was given: look at the smallest and "
    "largest input above, and keep away from there, by a clamp or a small number added.",
)
_NEGATIVE = (
    "Its argument is negative, so it is no matter of a small number: a sign, a scale or a range in "
    "the formula is wrong (1 − a² with |a| > 1, a variance as a difference). A clamp would hide "
    "that.",
)
_ARITHMETIC = (
    *("mm", "bmm", "addmm", "matmul", "baddbmm", "dot", "mv", "linear", "einsum"),
    *("add", "sub", "mul", "sum", "square", "cumsum", "cumprod", "prod", "conv1d", "conv2d"),
    *("conv3d", "convolution", "lstm", "gru", "rnn_tanh", "rnn_relu"),
    *("scaled_dot_product_attention", "embedding", "gelu", "silu", "softplus", "var", "cosh"),
)
_ROOTS = frozenset({"log", "log2", "log10", "log1p", "sqrt", "rsqrt", "xlogy", "logit"})
EPS_IN_FLOAT16 = (
    "The optimizer's eps of 1e-8 and the squares of small gradients are 0 in float16, so its "
    "update divides by 0: take eps=1e-4, or keep the weights in float32 under torch.autocast.",
)
EPS_IS_ZERO = (
    "The optimizer's eps is 0, so where all gradients so far were exactly 0 its update is 0/0: "
    "leave it at 1e-8.",
)
OWN_OPTIMIZER = (
    "The optimizer is {name}, which is none of torch's: look at what its step divides by, as the "
    "norm of a gradient that is exactly 0.",
)
BUFFER = (
    "No optimizer changes a buffer: the forward pass or the loop has written it, such as a running "
    "average that took a bad batch, or a sum divided by a count of 0. Keep the count at 1 or more, "
    "or leave such batches out.",
)
LINE_SEARCH = (
    'LBFGS without a line search may jump far away in one step: line_search_fn="strong_wolfe".'
)
MOMENTUM = (
    "The optimizer's momentum is 1 or more, so its velocity grows at every step, whatever the "
    "gradient: take one below 1, such as 0.9."
)
NEGATIVE_DECAY = (
    "The optimizer's weight decay is negative, so weights grow at every step: take 0 or more."
)
NEGATIVE_RATE = (
    "The optimizer's learning rate is negative, so it climbs: look at the schedule past its end."
)
HUGE_START = (
    "No update has been made yet, and {name} holds numbers up to {size:.1g}: look at torch.empty, "
    "at the initialization, and at the checkpoint that was loaded."
)
BAD_FROM_THE_START = (
    "No update has been made yet, so it was so from the start: look at the checkpoint that was "
    "loaded, at torch.empty, and at the initialization.",
)
SWALLOWED = (
    "The forward pass is finite, for what follows swallows the infinity, as tanh(∞) = 1; backward, "
    "0 × ∞ is NaN."
)
HIDDEN = "A mask hides its NaN later in the forward pass; backward, 0 × NaN is NaN again."

_BY_OP: MappingProxyType[str, tuple[str, ...]] = MappingProxyType(
    {
        "log": _LOG,
        "log2": _LOG,
        "log10": _LOG,
        "log1p": _LOG,
        "logit": _LOG,
        "xlogy": _LOG,
        "binary_cross_entropy": (
            "Give logits to binary_cross_entropy_with_logits instead of probabilities.",
            *_LOG,
        ),
        "sqrt": _SQRT,
        "rsqrt": _SQRT,
        "linalg_vector_norm": _SQRT,
        "norm": _SQRT,
        "std": (*_SINGLE, *_SQRT),
        **dict.fromkeys(("var", "var_mean", "std_mean"), _SINGLE),
        **dict.fromkeys(
            (
                "mean",
                "mse_loss",
                "smooth_l1_loss",
                "huber_loss",
                "binary_cross_entropy_with_logits",
            ),
            (*_EMPTY, *_OVERFLOW),
        ),
        "nll_loss": _EMPTY,
        "nll_loss2d": _EMPTY,
        "ctc_loss": _CTC,
        "cdist": _SQRT,
        "pow": _POWER,
        "div": _DIVIDE,
        "reciprocal": _DIVIDE,
        "remainder": _DIVIDE,
        "fmod": _DIVIDE,
        "exp": _EXP,
        "exp2": _EXP,
        "expm1": _EXP,
        "sinh": _EXP,
        "cosh": _EXP,
        **dict.fromkeys(("i0", "i1", "special_i0", "special_i1"), _BESSEL),
        "softmax": _SOFTMAX,
        "log_softmax": _SOFTMAX,
        "logsumexp": _SOFTMAX,
        "batch_norm": _BATCH_NORM,
        "layer_norm": _BATCH_NORM,
        "group_norm": _BATCH_NORM,
        "angle": _ANGLE,
        "acos": _ARC,
        "asin": _ARC,
        "atanh": _ARC,
        "acosh": _ACOSH,
        **dict.fromkeys(("to", "to_copy"), _CAST),
        "logdet": _DETERMINANT,
        **dict.fromkeys(
            (
                *("linalg_inv_ex", "linalg_inv", "inverse", "linalg_cholesky_ex", "linalg_solve"),
                *("linalg_solve_ex", "linalg_det", "linalg_slogdet", "slogdet"),
            ),
            _SINGULAR,
        ),
        **dict.fromkeys(
            ("linalg_svd", "linalg__svd", "svd", "linalg_eigh", "linalg_eig", "linalg__eigh"),
            _EQUAL,
        ),
        **dict.fromkeys(
            ("weight_norm", "_weight_norm", "_weight_norm_interface", "weight_norm_interface"),
            _WEIGHT_NORM,
        ),
        "empty": ("torch.empty holds whatever was in memory: use torch.zeros, or fill it.",),
    }
)


def advice_for(op: str, case: Case | None = None) -> tuple[str, ...]:
    """Remedies for an operation that turned finite numbers into NaN or Inf, as it stands."""
    case = case or Case()
    name = op.strip("_")  # div_ is div in place, _softmax is softmax
    return tuple(_suited(text, case.dtype) for text in _fitting(_of(name, case), case))


def _of(op: str, case: Case) -> tuple[str, ...]:
    if op in _ROOTS and case.lowest < (-1.0 if op == "log1p" else 0.0):
        return _NEGATIVE
    if case.from_infinity:
        if op in ("add", "sub", "sum"):
            return _INF_MINUS_INF
        if op in ("mul", "prod"):
            return _ZERO_TIMES_INF if case.by_a_mask else _TERM_OF_A_MASK
        if op in _ARITHMETIC:
            return _FROM_INFINITY
    if op == "pow":
        return _of_power(case)
    if op == "div" and case.infinite:
        return _OVER_ZERO
    if op in _BY_OP:
        return _BY_OP[op]
    grew = case.infinite and case.largest > _LARGE
    return _OVERFLOW if op in _ARITHMETIC or grew else _UNKNOWN_OP


_LARGE = 1e9
"""Numbers from which an infinity is one of growth, whatever the operation."""


def _of_power(case: Case) -> tuple[str, ...]:
    exponent = 0.5 if case.exponent is None else case.exponent
    if exponent < 0 and case.infinite:
        return _NEGATIVE_POWER
    whole = exponent >= 1 and exponent == round(exponent)
    return _OVERFLOW if case.infinite or whole else _POWER


def _fitting(remedies: tuple[str, ...], case: Case) -> tuple[str, ...]:
    """Those that fit: float16's limit for float16, and there first; no mean of nothing is Inf."""
    if case.infinite and remedies[: len(_EMPTY)] == _EMPTY:
        remedies = _OVERFLOW
    if remedies[-len(_OVERFLOW) :] != _OVERFLOW or case.dtype is None:
        return remedies
    if case.infinite:
        return _OVERFLOW[::-1] if case.dtype is torch.float16 else _OVERFLOW[:1]
    return remedies if case.dtype is torch.float16 else remedies[:-1]


def _suited(text: str, dtype: torch.dtype | None) -> str:
    """With small numbers that are not 0, and do not make 1, in this dtype."""
    for usual, own in _SMALL.get(dtype, {}).items():
        text = text.replace(usual, own)
    return text


_SMALL: MappingProxyType[torch.dtype | None, dict[str, str]] = MappingProxyType(
    {
        torch.float16: {"1e-12": "1e-5", "1 - 1e-6": "1 - 1e-3", "1 + 1e-6": "1 + 2e-3"},
        torch.bfloat16: {"1 - 1e-6": "1 - 1e-2", "1 + 1e-6": "1 + 2e-2"},
    }
)
"""float16 begins at 6e-8, and its numbers next to 1 are 1e-3 apart; those of bfloat16 8e-3."""


def is_overflow(remedies: tuple[str, ...]) -> bool:
    """Whether the dtype's largest number belongs to the evidence."""
    return bool({*_EXP, *_CAST, _OVERFLOW[0]} & set(remedies))
