"""The model's output at a few steps: what made it, what it holds, and which loss pulls at it."""

from __future__ import annotations

import math
import warnings
from functools import partial
from typing import Any

import torch

from gradcourse.instrument.loop.follow import Hooks, graph_task
from gradcourse.instrument.loop.graph import kept, saved_dim
from gradcourse.instrument.loop.tensors import tensors
from gradcourse.instrument.norms import reachable
from gradcourse.instrument.probe.outputs.loss_function import (
    ACROSS,
    LIKELY,
    crosses_the_axes,
    recognized,
    share_of_logits,
)
from gradcourse.instrument.record.facts import Head

LARGEST = 1 << 20
"""Elements of an output up to which it is kept until its loss is known."""

_ENDS = {
    "SoftmaxBackward0": "Softmax",
    "LogSoftmaxBackward0": "LogSoftmax",
    "SigmoidBackward0": "Sigmoid",
    "TanhBackward0": "Tanh",
    "ReluBackward0": "Relu",
    "ExpBackward0": "Exp",
    "SoftplusBackward0": "Softplus",
    **{
        f"{name}Backward{number}": "Clamp"
        for name in ("Clamp", "ClampMin", "ClampMax", "Hardtanh", "Hardsigmoid", "Softshrink")
        for number in (0, 1)
    },
    **{f"{name}Backward0": "Clamp" for name in ("Hardshrink", "Threshold", "Minimum", "Maximum")},
}
_REACH = {
    "Softmax": (0.0, 1.0),
    "Sigmoid": (0.0, 1.0),
    "Tanh": (-1.0, 1.0),
    "Relu": (0.0, math.inf),
}
_OF_SIZES = ("squared error", "Poisson likelihood of means")
_KEEPS_VALUES = ("View", "Reshape", "Squeeze", "Unsqueeze", "ToCopy", "Alias", "Expand", "Clone")


class OutputReader:
    """Describes the output of some passes, once their loss is known.

    Parameters
    ----------
    heads : list of Head
        Where the descriptions go.
    """

    def __init__(self, heads: list[Head]) -> None:
        self._heads = heads
        self._output: torch.Tensor | None = None
        self._gradient: torch.Tensor | None = None
        self._head = Head()
        self._hooks = Hooks()
        self._dim = -1
        self._seen = 0

    def wants(self) -> bool:
        """Whether this measured step is one to look at: the first few, then ever more rarely."""
        self._seen += 1
        return self._seen <= 4 or self._seen.bit_count() == 1 or self._seen % 64 == 0

    def read(self, output: Any, step: int) -> None:
        """Keep an output, and wait for its gradient."""
        self._hooks.take_away()
        self._output = self._gradient = None
        tensor = next((t for t in tensors(output) if t.dim()), None)
        if tensor is None or tensor.is_complex() or not 0 < tensor.numel() <= LARGEST:
            return
        if not tensor.requires_grad or tensor.layout is not torch.strided:
            return
        end, over, dim = end_of(tensor)
        self._output, self._dim = tensor.detach(), dim
        shape, over_batch = tuple(tensor.shape), dim == 0 and tensor.dim() > 1
        self._head = Head(step=step, shape=shape, end=end, over=over, over_batch=over_batch)
        self._hooks.on_gradient(tensor, partial(self._came_back, self._output))

    def _came_back(self, output: torch.Tensor, gradient: torch.Tensor | None) -> None:
        if output is self._output and gradient is not None and graph_task() != -1:
            before = self._gradient
            self._gradient = gradient.detach() if before is None else before + gradient.detach()

    def settle(self, loss: float) -> None:
        """The step is over, and this is its loss, or NaN."""
        output, gradient = self._output, self._gradient
        self._output = self._gradient = None
        self._hooks.take_away()
        if output is None:
            return
        head = self._head
        self._heads.append(head)
        try:
            self._describe(head, output, gradient, loss)
        except Exception as error:
            # What is said of an output is not worth the loop, whatever the output may be.
            head.loss = ""
            warnings.warn(
                f"The probe could not read the model's output ({type(error).__name__}: {error}), "
                "so its loss is not judged. Everything else is recorded; please report this.",
                stacklevel=2,
            )

    def _describe(
        self, head: Head, output: torch.Tensor, gradient: torch.Tensor | None, loss: float
    ) -> None:
        if gradient is not None and crosses_the_axes(output, gradient, loss):
            describe(head, output)
            head.loss = ACROSS
            return
        along = self._dim == output.dim() - 1
        if gradient is not None and gradient.shape == output.shape and _picks_last(gradient, along):
            # Classes come last, as in a sequence's (N, T, C), whatever the loss makes of it.
            head.across = 0 < self._dim < output.dim() - 1
            output, gradient = output.movedim(-1, 1), gradient.movedim(-1, 1)
        describe(head, output)
        if gradient is not None:
            # Where a row is matched with a row, the rows of the batch are what competes.
            head.over_batch = head.over_batch and not _matches_rows(gradient)
            _recognize(head, output, gradient, loss)


def _matches_rows(gradient: torch.Tensor) -> bool:
    """Whether a loss picks one entry of each row and of each column of a square matrix."""
    if gradient.dim() != 2 or gradient.shape[0] != gradient.shape[1] or len(gradient) < _ROWS:
        return False
    chosen = gradient != 0
    return bool((chosen.sum(0) == 1).all()) and bool((chosen.sum(1) == 1).all())


def _picks_last(gradient: torch.Tensor, softmax_along: bool) -> bool:
    """Whether a loss picks a class along the last of three dimensions or more, not along 1.

    ``softmax_along``: whether a softmax of the net runs along the last; of a permutation's matrix
    a loss may pick along both.
    """
    if gradient.dim() < 3 or gradient.shape[-1] < 2 or not gradient.is_floating_point():
        return False
    g = reachable(gradient).double()
    least = 1e-3 * float(g.abs().max())

    def picks(dim: int) -> bool:
        single = bool(((g.abs() > least).sum(dim) <= 1).all())
        return single or bool((g.sum(dim).abs() <= 1e-2 * g.abs().sum(dim)).all())

    return least > 0 and picks(-1) and (softmax_along or not picks(1))


def describe(head: Head, output: torch.Tensor) -> None:
    """Write down what an output holds."""
    y = reachable(output).double()
    head.rows = y.shape[0]
    head.columns = y.shape[1] if y.dim() > 1 else 1
    head.low, head.high = (float(v) for v in torch.aminmax(y))
    head.size = size = float(y.square().mean().sqrt())
    if y.shape[0] > 1 and size > 0:
        # Each column about its own mean: what all rows share is no difference between inputs.
        head.spread = float((y - y.mean(0)).square().mean().sqrt()) / size
    if y.dim() > 1 and y.shape[1] > 1 and math.isfinite(size):
        tolerance = 1e-3 if output.dtype in (torch.float32, torch.float64) else 3e-2
        sums = y.sum(1)
        head.total = float(sums.mean())
        head.normed = head.low >= 0 and bool((sums - 1).abs().max() < tolerance)
        head.log_normed = bool(y.logsumexp(1).abs().max() < tolerance)
        least, choice = (y if head.normed else y.softmax(1)).max(1)
        head.settled = bool(least.min() > _SURE) and bool((choice == choice.flatten()[0]).all())


def _unexplained(outputs: torch.Tensor, targets: torch.Tensor) -> float:
    """The squared error over that of the targets' own mean, of each column; unbiased."""
    rows = targets.shape[0]
    variance = float((targets - targets.mean(0)).square().sum()) * rows / (rows - 1)
    return float((outputs - targets).square().sum()) / variance if variance > 0 else math.nan


def _outlying(outputs: torch.Tensor, targets: torch.Tensor, rows: int) -> float:
    """Share of the squared error at targets far out of the middle half of their column."""
    if len(targets) < 2 * _ROWS:
        return 0.0
    low, middle, high = targets.quantile(_QUARTERS.to(targets), dim=0)
    # A column of zeros with a few other numbers has no middle half to be far from.
    far = ((targets - middle).abs() > _FAR_OUT * (high - low)) & (high > low)
    # Where most rows have some, as a map has its few places, that is what the data are like.
    if not bool(far.any()) or float(far.reshape(rows, -1).any(1).double().mean()) > _A_FEW:
        return 0.0
    errors = (outputs - targets).square()
    return float(errors[far].sum() / errors.sum())


_A_FEW = 0.25
"""Share of the rows up to which they are the exception."""

_QUARTERS = torch.tensor([0.25, 0.5, 0.75])
_FAR_OUT = 300.0
"""Distances of the quartiles beyond which a target is no part of the same data; in a batch of 64 a
log-normal target of σ = 2 reaches 29, and 164 in one batch of 20."""

_ROWS = 8
"""Rows from which their variance says something."""


def _skipped(output: torch.Tensor, gradient: torch.Tensor) -> float:
    """Share of the rows with a gradient of exactly 0, where the output leaves a choice."""
    y, g = reachable(output).double(), gradient
    if y.dim() < 2 or y.shape[1] < 2:
        open_rows, idle = y.abs() < _OPEN, g == 0
    else:
        open_rows, idle = y.softmax(1).amax(1) < LIKELY, (g == 0).all(1)
    return float((open_rows & idle).double().mean()) if bool((g != 0).any()) else 0.0


def _are_hard(targets: torch.Tensor) -> bool:
    """Whether each is 0 or 1, up to rounding."""
    return bool((torch.minimum(targets.abs(), (targets - 1).abs()) < 1e-2).all())


_SURE, _OPEN = 1 - 1e-4, 4.0
"""A probability that leaves no choice, and a logit that leaves one."""


def _recognize(head: Head, output: torch.Tensor, gradient: torch.Tensor, loss: float) -> None:
    guess = recognized(output, gradient, loss)
    head.loss, head.scale = guess.loss, guess.scale
    if not guess.loss:
        head.share = share_of_logits(output, gradient, loss)
    head.skipped = _skipped(output, gradient)
    told = head.columns == 1 or guess.loss == "a distance"
    if head.end == "Relu" and guess.loss not in _OF_SIZES and told:
        # Outputs of 0 that the loss would have lower, whichever loss it is.
        pulled = (output <= 0) & (gradient > 0)
        slopes = gradient[pulled].double()
        # A slope that is the same for all of them may be that of a least value at 0, as Poisson's.
        spread = float(slopes.std()) if slopes.numel() > 1 else 0.0
        even = guess.loss != "a distance" and not spread > 1e-2 * float(slopes.mean())
        both = bool((gradient < 0).any()) and not even
        head.unreachable = float(pulled.double().mean()) if both else 0.0
    if guess.targets is None or not guess.targets.numel():
        return
    head.hard = not guess.targets.is_floating_point() or _are_hard(guess.targets)
    targets = guess.targets.double()
    y = reachable(output).double()
    y = y.movedim(1, -1) if y.dim() > 2 else y  # classes last, as the targets have them
    y = y.reshape(targets.shape) if y.numel() == targets.numel() else y
    head.target_low, head.target_high = (float(v) for v in torch.aminmax(targets))
    whole = targets.numel() == output.numel() and targets.shape[0] >= _ROWS
    if guess.loss == "squared error" and whole:
        head.unexplained = _unexplained(y, targets)
        head.outlying = _outlying(y, targets, head.rows)
    if guess.loss == "a distance" and head.end in _REACH and y.shape == targets.shape:
        # Of targets this far away in the mean, some lie beyond all that can come out.
        low, high = _REACH[head.end]
        far = float((targets - y).abs().mean()) > high - low
        head.unreachable = max(head.unreachable, float(far))
    if head.end == "Softmax" and guess.loss.startswith("binary") and targets.dim() == 2:
        # Several labels of a row, or none, are out of reach of outputs whose sum is 1.
        several = targets.shape[1] > 1
        head.unreachable = float(((targets.sum(1) - 1).abs() > 0.05).double().mean()) * several
    if guess.loss in _OF_SIZES and head.end in _REACH:
        low, high = _REACH[head.end]
        margin = 0.05 * max(head.target_high - head.target_low, abs(head.target_high), 1e-12)
        beyond = (targets < low - margin) | (targets > high + margin)
        if head.end == "Softmax" and targets.dim() == 2:
            # Its outputs sum to 1, so targets that do not are out of reach as well.
            beyond = beyond.any(1) | ((targets.sum(1) - 1).abs() > 0.05)
        head.unreachable = float(beyond.double().mean())


def end_of(tensor: torch.Tensor) -> tuple[str, int, int]:
    """The operation that made an output; for a softmax, its length and its dimension (else −1)."""
    node = tensor.grad_fn
    shape_kept = True
    for _ in range(6):
        if node is None:
            return "", 0, -1
        end = _ENDS.get(node.name())
        if end is not None:
            return (end, *_softmax(node, tensor, shape_kept))
        if node.name() == "LogBackward0":
            below = _under_the_log(node)
            over = _softmax(below, tensor, shape_kept) if below is not None else (0, -1)
            return ("LogSoftmax", *over) if over[0] else ("", 0, -1)
        if not node.name().startswith(_KEEPS_VALUES):
            return "", 0, -1
        shape_kept = shape_kept and node.name().startswith(("ToCopy", "Alias", "Clone"))
        node = node.next_functions[0][0] if node.next_functions else None
    return "", 0, -1


def _under_the_log(node: Any) -> Any:
    """The softmax whose log is taken, with or without a small number added; else None."""
    for _ in range(2):
        node = node.next_functions[0][0] if node is not None and node.next_functions else None
        if node is not None and node.name() == "SoftmaxBackward0":
            return node
        if node is None or not node.name().startswith(("Add", "Clamp")):
            return None
    return None


def _softmax(node: Any, tensor: torch.Tensor, shape_kept: bool) -> tuple[int, int]:
    if "Softmax" not in node.name():
        return 0, -1
    result = kept(node, "result")
    if result is None:
        return 0, -1
    shape, dim = result.shape, saved_dim(node, result.dim())
    return int(shape[dim]), dim if shape_kept else max(dim, 1)
