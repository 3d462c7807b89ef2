"""Who trains: which parameters are in the optimizer, got a gradient, and really changed."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from gradcourse.instrument.loop.arguments import held, is_number
from gradcourse.instrument.loop.follow import Hook
from gradcourse.instrument.loop.tensors import infinite, not_finite, with_gradients
from gradcourse.instrument.norms import local
from gradcourse.instrument.probe.outputs.one_map import is_chain_of_linear_layers
from gradcourse.instrument.record.facts import Facts, Trainee
from gradcourse.instrument.record.owners import owner
from gradcourse.instrument.record.step import Step, fetched

_SMALL = 1 << 14
"""Elements of a vector up to which its start is kept, to see whether it ever changes."""


_SAMPLE = 64
"""Entries of the others that are kept for it."""


class RollCall:
    """Fills the `Facts` about a model's parameters.

    Parameters
    ----------
    model : nn.Module
    optimizers : sequence of torch.optim.Optimizer
    facts : Facts

    Attributes
    ----------
    members : set of int
        Identities of the tensors that the optimizers update.
    ran : dict of str to bool
        Whether each layer that ran did so with a graph.
    """

    def __init__(self, model: nn.Module, optimizers: Iterable[Any], facts: Facts) -> None:
        self._model, self._facts = model, facts
        self._parameters = with_gradients(model)
        self._optimizers = list(optimizers)
        self._starts = {
            name: p.detach().clone()
            for name, p in self._parameters.items()
            if p.dim() < 2 and p.numel() <= _SMALL
        }
        self._samples = {
            name: local(p.detach()).flatten()[:_SAMPLE].clone()
            for name, p in self._parameters.items()
            if name not in self._starts and not p.is_meta
        }
        self._changed: dict[str, list[float]] = {}
        self._infinite = infinite(model.named_buffers())
        self._batches = {
            name: _batches(module)
            for name, module in model.named_modules()
            if isinstance(module, _BatchNorm)
        }
        self.ran: dict[str, bool] = {}
        members = self.members = self._held()
        facts.foreign = len(members - {id(p) for p in self._parameters.values()})
        facts.trainees = [
            Trainee(
                name,
                tuple(p.shape),
                str(p.dtype).removeprefix("torch."),
                p.requires_grad,
                id(p) in members if self._optimizers else None,
            )
            for name, p in self._parameters.items()
        ]
        facts.zero_gains = [
            name or type(module).__name__
            for name, module in model.named_modules()
            if isinstance(module, _NORMS) and _has_no_gain(module)
        ]
        self._equal = [name for name, p in self._parameters.items() if _has_equal_rows(p)]
        facts.only_linear = is_chain_of_linear_layers(model)
        self._note_options()

    def _note_options(self) -> None:
        for optimizer in self._optimizers[:1]:
            group = optimizer.param_groups[0]
            self._facts.optimizer = {
                "name": type(optimizer).__name__,
                "optimizers": len(self._optimizers),
                **{k: float(v) for k, v in group.items() if is_number(v)},
                **_rates(optimizer.param_groups),
                **_betas(group.get("betas")),
            }

    def _held(self) -> set[int]:
        """Identities of the tensors that the optimizers hold now."""
        return set().union(*map(held, self._optimizers))

    def count_steps(self) -> list[Any]:
        """Count the updates of each of several optimizers; the handles of the hooks that do."""
        if len(self._optimizers) < 2:
            return []
        names = {id(p): name for name, p in self._parameters.items()}
        handles = []
        for optimizer in self._optimizers:
            held = [names.get(id(p)) for g in optimizer.param_groups for p in g["params"]]
            first = next((name for name in held if name is not None), None)
            if first is not None:
                self._facts.steps_of[first] = 0
                handles.append(optimizer.register_step_post_hook(Hook(self._count, first)))
        return handles

    def _count(self, name: str, *arguments: Any) -> None:
        self._facts.steps_of[name] += 1

    def of_the_updated(self, values: list[Any]) -> list[Any]:
        """Of a list by parameters, what belongs to those that the optimizers update."""
        owners = self._parameters.values()
        return [v for v, p in zip(values, owners, strict=True) if id(p) in self.members]

    def note_axes(self, of_layers: dict[str, tuple[int, int]]) -> None:
        """Layers whose first axis, their time, is as long as the output has rows."""
        first = next(iter(self._facts.heads), None)
        if first is None:
            return
        axes = {
            name: (times, rows)
            for name, (times, rows) in of_layers.items()
            if first.rows == times != rows > 1
        }
        taken = (*first.shape[1:], first.columns)
        self._facts.rows_as_time = [name for name, (_, rows) in axes.items() if rows not in taken]
        self._facts.time_first = [
            name for name, both in axes.items() if len(first.shape) > 2 and first.shape[:2] == both
        ]

    def note_changes(self, shares: dict[str, float]) -> None:
        """Share of the entries that an update changed, of each weight."""
        for name, share in shares.items():
            self._changed.setdefault(name, []).append(share)

    def note_buffers(self) -> None:
        """Which buffers are not finite; a mask of −inf is meant so, from the start."""
        self._facts.bad_buffers = not_finite(self._model.named_buffers(), self._infinite)

    def note_norms(self) -> None:
        """Batch norms that ran in training, and whose running statistics a momentum of 0 keeps."""
        self._facts.still_norms = [
            name or type(module).__name__
            for name, module in self._model.named_modules()
            if isinstance(module, _BatchNorm)
            and module.momentum == 0
            and _batches(module) > self._batches.get(name, 0)
        ]

    def replaced(self) -> list[str]:
        """Names of parameters that are gone, new, or others than they were."""
        before, now = self._parameters, with_gradients(self._model)
        known, there = set(map(id, before.values())), set(map(id, now.values()))
        gone = [name for name, p in before.items() if id(p) not in there]
        new = [name for name, p in now.items() if id(p) not in known]
        return list(dict.fromkeys((*gone, *new)))

    def finish(self, steps: Iterable[Step]) -> None:
        """Fill in what only the whole run shows."""
        had, moved = set(), set()
        for step in steps:
            columns = np.asarray(step.columns, dtype=np.int64)
            had.update(columns.tolist())
            # NaN is no 0.
            moved.update(columns[fetched(step.parameter_gradients) != 0].tolist())
        held = self._held()
        # Under torch.func no layer is seen, and the loop writes the gradients itself.
        sees = bool(self.ran) or self._facts.backward_passes > 0
        for column, trainee in enumerate(self._facts.trainees):
            # A part may be thawed on the way, or given to the optimizer later.
            parameter = self._parameters[trainee.name]
            trainee.requires_grad = trainee.requires_grad or parameter.requires_grad
            if self._optimizers:
                trainee.in_optimizer = trainee.in_optimizer or id(parameter) in held
            trainee.gradient = "some" if column in moved else "0" if column in had else "none"
            ran = self.ran.get(owner(trainee.name) or type(self._model).__name__)
            if ran is None and sees and trainee.gradient == "some":
                ran = True  # in a function or by another layer, as an attention uses its out_proj
            trainee.ran = _RAN[ran]
            trainee.changed = self._share(trainee.name)
        self._starts, self._samples = {}, {}
        self._facts.equal_rows = [n for n in self._equal if _are_one(self._parameters[n])]
        self._note_last_rate()

    def _share(self, name: str) -> float:
        if name in self._changed:
            return float(np.median(self._changed[name]))
        start = self._starts.get(name)
        facts = self._facts
        if start is None:
            return self._share_of_the_sample(name)
        if not start.numel() or not (facts.updates or facts.backward_passes):
            return math.nan
        now = self._parameters[name].detach()
        if start.shape != now.shape or start.device != now.device:
            return math.nan
        return int(torch.count_nonzero(start != now)) / start.numel()

    def _share_of_the_sample(self, name: str) -> float:
        """Of a few entries, and only where some have changed: others may have, too."""
        start, now = self._samples.get(name), local(self._parameters[name].detach())
        if start is None or now.is_meta or now.numel() < len(start):
            return math.nan
        end = now.flatten()[: len(start)].to(start)
        share = int(torch.count_nonzero(start != end)) / max(len(start), 1)
        return share or math.nan

    def _note_last_rate(self) -> None:
        if self._optimizers:
            rate = self._optimizers[0].param_groups[0].get("lr")
            if is_number(rate):
                self._facts.optimizer["last rate"] = float(rate)


def _batches(norm: _BatchNorm) -> int:
    """Batches that its running statistics have seen; 0 where it keeps none."""
    count = norm.num_batches_tracked
    return 0 if count is None or count.is_meta else int(count)


def _has_equal_rows(parameter: torch.Tensor) -> bool:
    """Whether a weight of several units has the same numbers for each of them, and not only 0."""
    weight = local(parameter.detach())
    if weight.dim() < 2 or weight.shape[0] < 2 or weight.shape[1] < 2 or weight.is_meta:
        return False
    # The first entries tell of nearly all weights that they differ.
    if not bool((weight[:2, :2] == weight[0, :2]).all()) or not weight.is_floating_point():
        return False
    return bool((weight == weight[:1]).all()) and bool(weight[0].any())


def _are_one(parameter: torch.Tensor) -> bool:
    """Whether the rows of a weight are the same up to what rounding has made of them."""
    weight = local(parameter.detach())
    if weight.dim() < 2 or weight.is_meta:
        return False
    gap, size = (weight - weight[:1]).abs().max(), weight.abs().max()
    return bool(gap <= _ROUNDED * size) and bool(size > 0)


_ROUNDED = 1e-3
"""What kernels that add in another order may make of equal rows, relative to their size."""


_NORMS = (_BatchNorm, nn.GroupNorm, nn.LayerNorm, nn.RMSNorm)


def _has_no_gain(norm: Any) -> bool:
    """Whether its weights are there, and all 0."""
    gain = norm.weight
    return gain is not None and not gain.is_meta and not bool(local(gain.detach()).any())


def _rates(groups: list[dict[str, Any]]) -> dict[str, float]:
    """The smallest and the largest rate of several groups, those of 0 left out."""
    rates = [float(g["lr"]) for g in groups if is_number(g.get("lr")) and float(g["lr"]) > 0]
    if len(groups) < 2 or not rates:
        return {}
    return {"lowest rate": min(rates), "highest rate": max(rates)}


def _betas(given: Any) -> dict[str, float]:
    """How long Adam's two averages remember; other optimizers have more of them, or none."""
    if not isinstance(given, tuple | list) or len(given) != 2:
        return {}
    return {f"beta{k}": float(beta) for k, beta in enumerate(given, 1)}


_RAN = {None: "no", True: "with a graph", False: "without a graph"}
