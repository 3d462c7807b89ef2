"""Which loss function it is, told by its value and its gradient at the outputs.

A loop may take its loss from anywhere. But ∂ℒ/∂y and ℒ at known outputs y leave little choice: a
gradient that is softmax(y) − one-hot, with a mean of −log softmax(y) at these classes that equals
ℒ, is that of a cross-entropy of logits.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch

from gradcourse.instrument.norms import reachable
from gradcourse.instrument.record.facts import LOSSES

(_LOGITS, _OUTPUT, _LOG, _BINARY, _BINARY_LOGITS, _SQUARED, _BROADCAST, _MINIMAX, _POISSON,
 _SHARE, _FLIPPED, _TO_ALL, _DISTANCE, _OVER_ROWS, _ALONE, ACROSS, _KL,
 _POISSON_LOGS) = LOSSES  # fmt: skip

CLOSE = 5e-3
"""Relative difference that rounding in bfloat16 explains, averaged over a batch."""


class Recognized(NamedTuple):
    """A loss function, the targets that follow from it, and the factor on it."""

    loss: str = ""
    targets: torch.Tensor | None = None
    scale: float = math.nan


def recognized(outputs: torch.Tensor, gradient: torch.Tensor, loss: float) -> Recognized:
    """Name the loss function, or nothing.

    Parameters
    ----------
    outputs, gradient : torch.Tensor, shape (n,), (n, k) or (n, k, …)
        The model's outputs, classes along dimension 1, and ∂ℒ/∂outputs.
    loss : float
        ℒ as it was logged.
    """
    if not math.isfinite(loss) or outputs.shape != gradient.shape or not outputs.numel():
        return Recognized()
    y, g = (reachable(t.detach()).double() for t in (outputs, gradient))
    if not (bool(y.isfinite().all()) and bool(g.isfinite().all()) and bool(g.any())):
        return Recognized()
    if y.dim() > 2:
        y, g = (t.movedim(1, -1).reshape(-1, t.shape[1]) for t in (y, g))
    tests = [_binary, _minimax, _binary_logits, _squared, _poisson, _poisson_of_logarithms]
    if y.dim() == 2 and y.shape[1] > 1:
        tests = [_cross_entropy, _of_the_class, _divergence, _of_the_share, *tests, _over_the_rows]
    guesses = [guess for guess in (test(y, g, loss) for test in tests) if guess.loss]
    if guesses:
        # Where outputs are all alike, several fit, and the factor of a mean, 1, decides.
        return min(guesses, key=lambda guess: abs(math.log(guess.scale)) > 0.05)
    # Minus it, and logged as it is or as what goes backward; a square has no sign of its own.
    falling = (_LOGITS, _BINARY_LOGITS, _SQUARED) if loss < 0 else (_LOGITS, _BINARY_LOGITS)
    for test in tests:
        guess = test(y, -g, abs(loss))
        if guess.loss in falling:
            return Recognized(_FLIPPED, None, guess.scale)
    for test in (_one_class_alone, _of_the_chosen):
        guess = test(y, g, loss)
        if guess.loss:
            return guess
    return _to_all(y, g, loss) if y.numel() == len(y) else _distance(y, g, loss)


def share_of_logits(outputs: torch.Tensor, gradient: torch.Tensor, loss: float) -> float:
    """What the cross-entropy of these logits makes of a loss of several terms; NaN if it is none.

    Its slopes are told as in `recognized`; they hold the factor on it, and so its part of ℒ.
    """
    if outputs.dim() != 2 or outputs.shape != gradient.shape or not 0 < loss < math.inf:
        return math.nan
    y, g = (reachable(t.detach()).double() for t in (outputs, gradient))
    if outputs.shape[1] < 2 or not bool(g.isfinite().all()) or not bool(g.any()):
        return math.nan
    if bool((y.softmax(1).amax(1) > LIKELY).any()):
        return math.nan  # of outputs that are sure, the slopes of many losses look alike
    found = _of_logits(y, g)
    return math.nan if found is None else found.scale * found.value * found.share / loss


LIKELY = 0.99
"""Probability that leaves next to no choice."""


def crosses_the_axes(outputs: torch.Tensor, gradient: torch.Tensor, loss: float) -> bool:
    """Whether it is a cross-entropy whose classes were read across the axes of the outputs.

    Of (n, k, …), what reshape(-1, k) gives; of (n, …, k), what reshape(n, k, …) gives. Where the
    first and the last of these axes are of one length, that is a matter of taste.
    """
    if outputs.dim() < 3 or outputs.shape != gradient.shape or not math.isfinite(loss):
        return False
    y, g = (reachable(t.detach()).double() for t in (outputs, gradient))
    first, last = y.shape[1], y.shape[-1]
    if first == last or not bool(g.isfinite().all()) or not bool(g.any()):
        return False
    if y[0].numel() in (first, last):
        return False  # the others are of length 1: to reshape is to turn

    def in_memory(t: torch.Tensor) -> torch.Tensor:
        return t.reshape(-1, first)

    def turned(t: torch.Tensor) -> torch.Tensor:
        return t.reshape(len(t), last, -1).movedim(1, -1).reshape(-1, last)

    orders = ([in_memory] if first > 1 else []) + ([turned] if last > 1 else [])
    return any(_cross_entropy(order(y), order(g), loss).loss for order in orders)


def _near(a: float, b: float) -> bool:
    return math.isfinite(a) and abs(a - b) <= CLOSE * max(abs(a), abs(b), 1e-6)


def _factor(c: float, count: int) -> float:
    """From the common factor of a mean's gradient over ``count`` entries to that on the loss."""
    return c * count


class _Logits(NamedTuple):
    """A mean of cross-entropies, by its slopes: over a share of the rows, and the factor on it."""

    classes: torch.Tensor
    value: float
    share: float
    scale: float


def _of_logits(y: torch.Tensor, g: torch.Tensor) -> _Logits | None:
    size = g.abs().sum(1)  # (n,)
    rows = size > 1e-6 * size.max()  # the others are sure and right, up to rounding
    every = y
    y, g, size = y[rows], g[rows], size[rows]
    if bool((g.sum(1).abs() > 1e-2 * size).any()):
        return None
    classes = g.argmin(1)
    p = y.softmax(1)
    wanted = p - torch.nn.functional.one_hot(classes, y.shape[1])
    c = size / wanted.abs().sum(1).clamp_min(1e-300)  # (n,)
    off = (g - c[:, None] * wanted).abs().sum(1) > 2e-2 * size
    if off.double().mean() > 0.02:
        return None
    value = float(torch.nn.functional.cross_entropy(y, classes))
    return _Logits(classes, value, len(y) / len(every), _factor(float(c.median()), len(y)))


def _cross_entropy(y: torch.Tensor, g: torch.Tensor, loss: float) -> Recognized:
    found = _of_logits(y, g)
    # A row without a gradient is left out of the mean, or so sure that it adds nothing.
    if found is None or not any(_near(found.value * v, loss) for v in (1.0, found.share)):
        return Recognized()
    return Recognized(_LOGITS, found.classes, found.scale)


def _of_the_class(y: torch.Tensor, g: torch.Tensor, loss: float) -> Recognized:
    """Only the output of the class has a gradient: −y, or −log y."""
    if bool((g > 0).any()) or bool(((g != 0).sum(1) > 1).any()):
        return Recognized()
    rows = (g != 0).any(1)
    y, g = y[rows], g[rows]
    classes = g.argmin(1)
    chosen = y.gather(1, classes[:, None])[:, 0]
    slopes = -g.gather(1, classes[:, None])[:, 0]
    if _equal(slopes) and _near(float(-chosen.mean()), loss):
        return Recognized(_OUTPUT, classes, _factor(float(slopes.median()), len(y)))
    if bool((chosen > 0).all()) and _equal(slopes * chosen):
        for value in (float(-chosen.log().mean()), float(-chosen.log().sum())):
            if _near(value, loss):
                c = float((slopes * chosen).median())
                return Recognized(_LOG, classes, _factor(c, len(y)))
    return Recognized()


def _divergence(y: torch.Tensor, g: torch.Tensor, loss: float) -> Recognized:
    """Σ t (log t − y), of distributions t: slopes of −t, whatever the outputs are."""
    if bool((g > 0).any()):
        return Recognized()
    totals = -g.sum(1)  # (n,)
    if not _equal(totals):
        return Recognized()
    targets = -g / totals[:, None]
    value = float((torch.special.xlogy(targets, targets) - targets * y).sum()) * float(totals[0])
    return Recognized(_KL, targets, 1.0) if _near(value, loss) else Recognized()


def _over_the_rows(y: torch.Tensor, g: torch.Tensor, loss: float) -> Recognized:
    """−log of the class's part in a softmax along dimension 0: each column's slopes sum to 0."""
    if bool((g.sum(0).abs() > 1e-2 * g.abs().sum(0)).any()) or len(y) < 4:
        return Recognized()
    p = y.softmax(0).clamp_min(1e-300)
    slopes = g * len(y)
    count = (slopes / p).amax(0)  # of rows of each class: the slope is count·p, less 1 in these
    own = (count * p - slopes) > 0.5
    wanted = (own.sum(0) * p - own.double()) / len(y)
    value = float(-(p.log() * own).sum(1).mean())
    off = float((g - wanted).abs().sum() / g.abs().sum())
    if bool((own.sum(1) != 1).any()) or off > 2e-2 or not _near(value, loss):
        return Recognized()
    return Recognized(_OVER_ROWS, None, 1.0)


def _of_the_share(y: torch.Tensor, g: torch.Tensor, loss: float) -> Recognized:
    """−log of the class's output over the sum of all: what Keras makes of any outputs."""
    total = y.sum(1, keepdim=True)  # (n, 1)
    if bool((y < 0).any()) or bool((total <= 0).any()):
        return Recognized()
    classes = g.argmin(1)
    share = (y / total).clamp_min(1e-12).gather(1, classes[:, None])[:, 0]
    chosen = y.gather(1, classes[:, None]).clamp_min(1e-12)
    wanted = 1 / total - torch.nn.functional.one_hot(classes, y.shape[1]) / chosen
    size = g.abs().sum(1)
    c = size / wanted.abs().sum(1)
    off = (g - c[:, None] * wanted).abs().sum(1) > 2e-2 * size.clamp_min(1e-300)
    if float(off.double().mean()) > 0.1 or not _near(float(-share.log().mean()), loss):
        return Recognized()
    return Recognized(_SHARE, classes, _factor(float(c.median()), len(y)))


def _poisson(y: torch.Tensor, g: torch.Tensor, loss: float) -> Recognized:
    """The mean of y − t·log(y), as of counts t whose means are the outputs."""
    if bool((y <= 0).any()) or float((g != 0).double().mean()) < 0.5:
        return Recognized()
    targets = y * (1 - g * y.numel())
    value = float((y - targets * (y + 1e-8).log()).mean())
    if bool((targets < -1e-3).any()) or not _near(value, loss):
        return Recognized()
    return Recognized(_POISSON, targets, 1.0)


def _poisson_of_logarithms(y: torch.Tensor, g: torch.Tensor, loss: float) -> Recognized:
    """The mean of exp(y) − t·y, or their sum, as of counts t whose means are exp(y)."""
    for count in (y.numel(), 1):
        targets = y.exp() - g * count
        value = float((y.exp() - targets * y).sum()) / count
        whole = (targets - targets.round()).abs() < CLOSE * (1 + y.exp())
        if not bool(whole.all()) or bool((targets < -0.5).any()) or not _near(value, loss):
            continue
        if bool((targets.round() > 0).any()):
            return Recognized(_POISSON_LOGS, targets, 1.0)
    return Recognized()


def _equal(values: torch.Tensor) -> bool:
    low, high = float(values.min()), float(values.max())
    return low > 0 and high <= 1.02 * low


def _binary(y: torch.Tensor, g: torch.Tensor, loss: float) -> Recognized:
    if bool((y < 0).any()) or bool((y > 1).any()):
        return Recognized()
    inside = y.clamp(1e-7, 1 - 1e-7)
    part = g * inside * (1 - inside)  # c·(y − t)
    targets = y - part * y.numel()
    value = -(targets * inside.log() + (1 - targets) * (1 - inside).log()).mean()
    if _near(float(value), loss):
        return Recognized(_BINARY, targets, 1.0)
    targets = (part < 0).double()
    c = part.abs() / (inside - targets).abs()
    value = torch.nn.functional.binary_cross_entropy(inside, targets)
    if _equal(c) and _near(float(value), loss):
        return Recognized(_BINARY, targets, _factor(float(c.median()), y.numel()))
    return Recognized()


_CURVED = 6.0
"""Size of a logit up to which its cross-entropy is no straight line."""


def _minimax(y: torch.Tensor, g: torch.Tensor, loss: float) -> Recognized:
    """The mean of log(1 − y), which a generator is to make small; or of log(1 − σ(y))."""
    of_logits = -torch.nn.functional.softplus(y)
    close = abs(float(of_logits.mean()) - loss) <= 1e-3 * max(abs(loss), 1e-9)
    if close and bool((g < 0).all()) and _equal(-g / y.sigmoid().clamp_min(1e-300)):
        return Recognized(_MINIMAX, None, 1.0)
    if bool((y < 0).any()) or bool((y > 1).any()) or bool((g > 0).any()):
        return Recognized()
    value = float((1 - y).clamp_min(1e-8).log().mean())
    if _equal(-g * (1 - y)) and abs(value - loss) <= 1e-3 * max(abs(loss), 1e-5):
        return Recognized(_MINIMAX, None, 1.0)
    return Recognized()


def _binary_logits(y: torch.Tensor, g: torch.Tensor, loss: float) -> Recognized:
    # Far out this loss is linear, and ℒ = Σ g·y holds for every loss that is.
    if float((y.abs() < _CURVED).double().mean()) < 0.5:
        return Recognized()
    p = y.sigmoid()
    targets = p - g * y.numel()
    binary = torch.nn.functional.binary_cross_entropy_with_logits
    if _near(float(binary(y, targets)), loss):
        return Recognized(_BINARY_LOGITS, targets, 1.0)
    targets = (g < 0).double()
    c = g.abs() / (p - targets).abs().clamp_min(1e-300)
    if _equal(c) and _near(float(binary(y, targets)), loss):
        return Recognized(_BINARY_LOGITS, targets, _factor(float(c.median()), y.numel()))
    return Recognized()


def _one_class_alone(y: torch.Tensor, g: torch.Tensor, loss: float) -> Recognized:
    """A binary cross-entropy in which the entries of one class count, and the others' do not."""
    count = g != 0
    if bool(count.all()) or y.numel() < _ORDERED:
        return Recognized()
    softplus, p = torch.nn.functional.softplus, y.sigmoid()
    forms = [(0.0, softplus(y), p), (1.0, softplus(-y), p - 1)]
    if y.numel() == len(y) and bool((y > 0).all()) and bool((y < 1).all()):
        forms += [(0.0, -(1 - y).log(), 1 / (1 - y)), (1.0, -y.log(), -1 / y)]
    for target, value, slope in forms:
        factors = (g / slope)[count]
        if _equal(factors) and _near(float(factors.median() * value[count].sum()), loss):
            return Recognized(_ALONE, torch.full_like(y, target), math.nan)
    return Recognized()


def _squared(y: torch.Tensor, g: torch.Tensor, loss: float) -> Recognized:
    """A mean of squares, half of one, or a sum; under a loss scale, which is a power of two."""
    n = y.numel()
    for weight in (1 / n, 0.5 / n, 1.0, 0.5):
        gap = g / (2 * weight)  # y − t
        square = weight * float(gap.square().sum())
        if _near(square, loss):
            return Recognized(_SQUARED, y - gap, 1.0)
    gap = g * n / 2
    square = float(gap.square().mean())
    if n >= 4 and (y.dim() == 1 or y.shape[1] == 1) and 0 < square < 0.99 * loss:
        middle = y - gap
        # All rows are drawn to one and the same number, from different ones.
        apart = float(gap.std()) > 1e-2 * float(gap.abs().mean())
        if apart and float(middle.std()) <= 1e-3 * float(gap.std()):
            rest = math.sqrt(loss - square)
            middle = middle.mean()
            return Recognized(_BROADCAST, torch.stack([middle - rest, middle + rest]), 1.0)
    power = math.log2(max(math.sqrt(square / loss), 1e-300)) if loss > 0 and square > 0 else 0.0
    if 8 <= power <= 24 and abs(power - round(power)) < 2e-3:
        return Recognized(_SQUARED, y - gap / 2 ** round(power), 2.0 ** round(power))
    return Recognized()


def _to_all(y: torch.Tensor, g: torch.Tensor, loss: float) -> Recognized:
    """A slope that grows with the output and depends on nothing else, and so on no row's target.

    It is 0 where a constant fits all targets best. A distance whose slope is cut off at 1, as
    Huber's, has many rows at its end; one of an output to its own target has no such order.
    """
    y, order = y.flatten().sort()
    g = g.flatten()[order]
    largest = float(g.abs().max())
    steps = g.diff()
    if _counts(g) and not bool((steps < -1e-4 * largest).any()):
        middle = y[g.abs().argmin()]
        return Recognized(_TO_ALL, torch.stack([middle, middle]), math.nan)
    at_the_end = int((g.abs() > (1 - 1e-6) * largest).sum())
    if len(y) < _ORDERED or bool((steps < -1e-4 * largest).any()) or at_the_end > 0.1 * len(y):
        return _distance(y, g, loss)
    levels = int((steps > 1e-4 * largest).sum())
    if not (float(g[0]) < 0 < float(g[-1])) or levels < max(4, len(y) / 16):
        return Recognized()
    turn = int((g >= 0).nonzero()[0])
    middle = 0.5 * (y[turn - 1] + y[turn])
    return Recognized(_TO_ALL, torch.stack([middle, middle]), math.nan)


def _of_the_chosen(y: torch.Tensor, g: torch.Tensor, loss: float) -> Recognized:
    """One output of each row is compared, as that of the action that was taken."""
    picks = g != 0
    if y.dim() < 2 or y.shape[1] < 2 or not bool((picks.sum(1) == 1).all()):
        return Recognized()
    y, g = y[picks], g[picks]
    guess = _squared(y, g, loss)
    if guess.loss:
        return guess
    guess = _to_all(y, g, loss)
    return guess if guess.loss == _TO_ALL else Recognized()


def _counts(g: torch.Tensor) -> bool:
    """Whether slopes are whole numbers of pairs, as those of |y − t| summed over all N² of them."""
    counts = g * len(g) ** 2
    whole = bool(((counts - counts.round()).abs() < 1e-2).all())
    return whole and len(g) >= _ORDERED and int(counts.round().unique().numel()) >= 4


_ORDERED = 16
"""Rows whose slopes no chance brings into the order of the outputs."""


def _distance(y: torch.Tensor, g: torch.Tensor, loss: float) -> Recognized:
    """Slopes of one size, as of an absolute error, or of Huber's far out."""
    size = g.abs()
    same = (size > 0.99 * size.max()).double().mean()
    if float(same) < 0.95 or loss <= 0:
        return _huber(y, g, loss)
    gap = loss / (y.numel() * size.max())  # in the mean
    return Recognized(_DISTANCE, y - g.sign() * gap, math.nan)


def _huber(y: torch.Tensor, g: torch.Tensor, loss: float) -> Recognized:
    """A mean of Huber's function, bent within 1 (Huber 1964): slopes up to 1/n, and some there."""
    slopes = g * y.numel()
    far = slopes.abs() > 1 - 1e-5
    near = slopes[~far]
    bent = float((near.abs() > 1e-2).double().mean()) if near.numel() else 0.0
    if not bool(far.any()) or bent < 0.5 or float(slopes.abs().max()) > 1 + 1e-5:
        return Recognized()
    rest = (loss * y.numel() - 0.5 * float(near.square().sum())) / int(far.sum()) + 0.5
    if rest < 1 - 1e-3:
        return Recognized()  # so far away must those be, in the mean, that pull with all force
    gaps = torch.where(far, slopes.sign() * rest, slopes)
    return Recognized(_DISTANCE, y - gaps, 1.0)
