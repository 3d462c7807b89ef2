"""One step's numbers about the parameters: gradients, weights, updates."""

from __future__ import annotations

from array import array
from collections.abc import Collection, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import nn

from gradcourse.instrument.histogram import Later, Log2Histogram, Taken, log2_histograms
from gradcourse.instrument.norms import Norms, local
from gradcourse.instrument.probe.passes import Measured
from gradcourse.instrument.record import Step
from gradcourse.instrument.record.step import fetched


class Changes(NamedTuple):
    """What a measured update has changed.

    Attributes
    ----------
    shares : dict of str to float
        Share of the entries that changed, of each weight.
    sample : (nn.Parameter, torch.Tensor) or None
        The weight of whose first entries most have changed, and their change; None if none has.
    """

    shares: dict[str, float]
    sample: tuple[nn.Parameter, torch.Tensor] | None


class ParameterReader:
    """Reads a model's parameters once per step.

    Parameters
    ----------
    parameters : dict of str to nn.Parameter

    Attributes
    ----------
    keeps : bool
        Whether weights are kept, to be held against what an update makes of them.
    """

    def __init__(self, parameters: dict[str, nn.Parameter]) -> None:
        self.parameters = list(parameters.values())
        self._names = list(parameters)
        self._all = np.arange(len(self.parameters))
        self._weights = [k for k, p in enumerate(self.parameters) if p.dim() > 1]
        largest = max(p.numel() for p in self.parameters)
        self._norms, self._update_norms, self._raw_norms = (Norms(largest) for _ in range(3))
        self._later = Later()
        self.keeps = False
        self._before: list[torch.Tensor] = []
        self._before_norms: Any = None
        self._plain = not any(hasattr(p, "to_local") for p in self.parameters)

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of each parameter, by name."""
        return {name: tuple(p.shape) for name, p in zip(self._names, self.parameters, strict=True)}

    def drop(self) -> None:
        """Let go of the copy of the weights."""
        self.keeps = False
        self._before = []
        self._before_norms = None

    def close(self) -> None:
        """Let go of all that is kept; what waits to be counted is counted."""
        self.drop()
        self._later.count()
        self._later = Later()

    def step(
        self, number: int, measured: Measured | None, histograms: bool, scale: Any = None
    ) -> Step:
        """Norms of the gradients as they are now, with what was measured of the layers.

        ``scale`` is the factor by which a GradScaler has left them too large, if it has.
        """
        gradients = [p.grad for p in self.parameters]
        if not self._plain:
            gradients = [None if g is None else local(g) for g in gradients]
        columns = self._all
        present = [g for g in gradients if g is not None]
        if len(present) < len(gradients):
            columns = np.array([k for k, g in enumerate(gradients) if g is not None], dtype=int)
        weights: list[torch.Tensor] = []
        if self.keeps:
            weights = self._before  # as they were when they were kept: a closure may change them
        elif measured is not None:
            weights = self._weights_now()
        # One call for all of them, where it costs most of it.
        norms = self._norms([*present, *weights]) if weights else self._norms(present)
        weight_norms = norms[len(present) :]
        if weights:
            norms = norms[: len(present)]
        if scale is not None:
            on_device = isinstance(norms, torch.Tensor)
            norms = norms / scale.to(norms) if on_device else np.asarray(norms) / float(scale)
        step = Step(number, columns, norms)
        if measured is not None:
            step.names, step.kinds, step.lag_gradients, step.measures = measured
        if histograms:
            step.taken = self._histograms(gradients)
        if self.keeps or measured is not None:
            step.weight_norms = weight_norms
        if self.keeps:
            self._before_norms = weight_norms
        return step

    def states(self) -> list[tuple[int, int]]:
        """What differs as soon as something is added to a gradient, for each parameter."""
        gradients = [p.grad for p in self.parameters]
        if self._plain:
            return [(0, 0) if g is None else (id(g), g._version) for g in gradients]
        return [(0, 0) if g is None else (id(g), local(g)._version) for g in gradients]

    def holds_gradients(self) -> bool:
        """Whether any parameter has one."""
        return any(p.grad is not None for p in self.parameters)

    def keep_weights(self) -> None:
        """Copy the weights, for the update that comes."""
        weights = self._weights_now()
        self.keeps = True
        if weights and self._fits(weights):
            # The memory of the last step is used again; fresh memory would cost more than the copy.
            torch._foreach_copy_(self._before, weights)
        else:
            self._before = [weight.clone() for weight in weights]

    def _weights_now(self) -> list[torch.Tensor]:
        weights = [self.parameters[k].detach() for k in self._weights]
        return weights if self._plain else [local(weight) for weight in weights]

    def _fits(self, weights: list[torch.Tensor]) -> bool:
        return [(w.shape, w.dtype, w.device) for w in self._before] == [
            (w.shape, w.dtype, w.device) for w in weights
        ]

    def total_norm(self) -> float:
        """2-norm of all gradients together, as they are now."""
        gradients = [local(p.grad) for p in self.parameters if p.grad is not None]
        return float(np.linalg.norm(fetched(self._raw_norms(gradients))))

    def bad_names(self) -> list[str]:
        """Parameters whose gradient holds NaN or Inf."""
        present = [k for k, p in enumerate(self.parameters) if p.grad is not None]
        gradients = [local(p.grad) for p in self.parameters if p.grad is not None]
        norms = fetched(self._raw_norms(gradients))
        finite = np.isfinite(norms)
        return [self._names[k] for k, fits in zip(present, finite, strict=True) if not fits]

    def share_at_the_largest(self) -> float:
        """Share of the entries of the gradients, 0 left out, at their largest absolute value."""
        dense = self._dense()
        if not dense:
            return 0.0
        top = max(float(g.abs().amax()) for g in dense)
        if not 0 < top < float("inf"):
            return 0.0
        at = sum(int((g.abs() >= top * (1 - 1e-6)).sum()) for g in dense)
        return at / max(sum(int(torch.count_nonzero(g)) for g in dense), 1)

    def signs(self) -> tuple[bool, bool]:
        """Whether some entries of the gradients are below 0, and some above."""
        real = [g for g in self._dense() if g.is_floating_point()]
        return any(bool((g < 0).any()) for g in real), any(bool((g > 0).any()) for g in real)

    def _dense(self) -> list[torch.Tensor]:
        """The gradients that are dense, those without entries left out."""
        gradients = [local(p.grad).detach() for p in self.parameters if p.grad is not None]
        return [g for g in gradients if g.layout is torch.strided and g.numel()]

    def write_updates(
        self, step: Step, count: bool = False, held: Collection[int] | None = None
    ) -> Changes | None:
        """Compare the weights with those that were kept, if any were.

        ``count``: return also what has changed in each. ``held`` are the identities of what the
        optimizer updates, where there are others: of their weights nothing is known.
        """
        if self._before_norms is None:
            return None
        changes = None
        positions: Sequence[int] = range(len(self._weights))
        before, after = self._before, self._weights_now()
        if len(step.columns) < len(self._all) or held is not None:
            had = set(np.asarray(step.columns).tolist())
            if held is not None:
                had = {column for column in had if id(self.parameters[column]) in held}
            positions = [k for k, column in enumerate(self._weights) if column in had]
            before, after = [before[k] for k in positions], [after[k] for k in positions]
        if before:
            torch._foreach_sub_(before, after)
            if count:
                changes = self._changes(positions, before)
            kept = self._before_norms
            if len(positions) < len(self._weights):
                kept = (np.asarray(kept) if isinstance(kept, array) else kept)[positions]
            ratios = _ratio(self._update_norms(before), kept)
            step.update_ratios = _placed(ratios, positions, len(self._weights))
        self._before_norms = None
        return changes

    def _changes(self, positions: Sequence[int], changes: list[torch.Tensor]) -> Changes:
        """What an update has made of the weights, as minus its changes."""
        shares = {}
        most, sample = 0, None
        for k, change in zip(positions, changes, strict=True):
            column = self._weights[k]
            shares[self._names[column]] = int(torch.count_nonzero(change)) / max(change.numel(), 1)
            start = change.flatten()[:_SAMPLE]
            count = int(torch.count_nonzero(start))
            if count > most:
                most, sample = count, (self.parameters[column], -start)
        return Changes(shares, sample)

    def _histograms(self, gradients: list[Any]) -> Any:
        chosen = {
            self._names[k]: gradients[k]
            for k in self._weights
            if gradients[k] is not None
            and gradients[k].is_floating_point()
            and not gradients[k].is_sparse
        }
        taken = self._later.take(list(chosen.values()))
        if taken is not None:
            return partial(_by_name, tuple(chosen), taken)
        return dict(zip(chosen, log2_histograms(list(chosen.values())), strict=True))


def _by_name(names: tuple[str, ...], taken: Taken) -> dict[str, Log2Histogram]:
    return dict(zip(names, taken(), strict=True))


_SAMPLE = 1024
"""Entries of a weight that are looked at again before the next update."""


def _ratio(update: Any, weight: Any) -> Any:
    if isinstance(update, array) and isinstance(weight, array):
        # Neither holds a 0: `Norms` makes an array only of what float32 can hold.
        return array("d", [u / w for u, w in zip(update, weight, strict=True)])
    if not (isinstance(update, torch.Tensor) and isinstance(weight, torch.Tensor)):
        update, weight = fetched(update), fetched(weight)
    with np.errstate(divide="ignore", invalid="ignore"):
        return update / weight


def _placed(values: Any, positions: Sequence[int], width: int) -> Any:
    """Values at their positions, NaN elsewhere."""
    if len(positions) == width:
        return values
    table: Any = np.full(width, np.nan)
    if isinstance(values, torch.Tensor):
        table = torch.full((width,), float("nan"), dtype=values.dtype, device=values.device)
    table[list(positions)] = values
    return table
