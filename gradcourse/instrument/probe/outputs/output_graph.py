"""The graph of an output: which leaves it leads back to, and what lies on the way."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import torch
from torch import nn

from gradcourse.instrument.loop.arguments import is_sharded
from gradcourse.instrument.loop.graph import DEEPEST, is_leaf, kept, nodes_behind, saved_dim
from gradcourse.instrument.loop.tensors import tensors
from gradcourse.instrument.probe.outputs import attention_masks
from gradcourse.instrument.probe.outputs.one_map import is_one_map
from gradcourse.instrument.record.facts import Facts

_CALLS = 16
"""Calls of the model at which one looks where their input comes from."""


class GraphReader:
    """Fills the `Facts` about the graph of a model's output, and about its inputs.

    Parameters
    ----------
    model : nn.Module
    updated : set of int
        Identities of the tensors that the optimizers update.
    facts : Facts

    Attributes
    ----------
    sharded : bool
        Whether the weights are spread over several machines.
    """

    def __init__(self, model: nn.Module, updated: set[int], facts: Facts) -> None:
        self._model, self._updated, self._facts = model, updated, facts
        self._names = {id(p): name for name, p in model.named_parameters()}
        self.sharded = is_sharded(model)

    def read(self, output: Any, given: Iterable[Any]) -> None:
        """Which leaves the output leads back to, and what lies on the way; what goes in."""
        self._note_input(given)
        self._note_dropout()
        inputs = {id(t) for t in tensors(given)}
        # What made the inputs is no part of this model.
        before = {t.grad_fn for t in tensors(given)}
        reached: set[str] = set()
        rows = next((t.shape[0] for t in tensors(output) if t.dim()), 0)
        ends: list[Any] = [t.grad_fn for t in tensors(output) if t.grad_fn is not None]
        visited = list(nodes_behind(ends, before, DEEPEST))
        inner = [node for node in visited if not is_leaf(node)]
        for node in filter(is_leaf, visited):
            self._note_leaf(node.variable, inputs, reached)
        for node in inner:
            self._note_branches(node)
            if node.name() == "SoftmaxBackward0" and node not in ends:
                self._note_softmax(node, rows)
            if node.name().startswith(_ATTENTIONS) and node not in ends:
                self._note_mask(node, given)
            self._note_dropout_in(node)
            self._note_view(node, rows)
        again = self.sharded or any("Checkpoint" in n.name() for n in visited)
        whole = len(visited) < DEEPEST and not again
        self._facts.only_linear |= whole and is_one_map(ends, inner)
        for trainee in self._facts.trainees:
            trainee.reached = trainee.name in reached or (None if not whole else False)

    def read_input(self, given: Iterable[Any]) -> None:
        """Size of the first real input with features, at one of the steps that are looked at."""
        first = _first_input(given)
        if first is not None:
            self._facts.input_sizes.append(_size(_rows(first)))
            if len(first) >= _SEVERAL:
                self._facts.inputs_looked += 1
                same = bool((first == first[:1]).all()) and bool(first.any())
                self._facts.equal_inputs += same

    def note_source(self, given: Iterable[Any]) -> None:
        """Whether what a call is given was made by another net, which learns through this one."""
        if self._facts.calls_looked < _CALLS:
            self._facts.calls_looked += 1
            self._facts.fed_by_others += self._is_made_by_others(t.grad_fn for t in tensors(given))

    def _is_made_by_others(self, ends: Iterable[Any]) -> bool:
        others = False
        for node in filter(is_leaf, nodes_behind(ends, most=DEEPEST)):
            if id(node.variable) in self._names:
                return False
            others = others or isinstance(node.variable, nn.Parameter)
        return others

    def _note_input(self, given: Iterable[Any]) -> None:
        """Size of the first real input that has features, and how far their sizes lie apart."""
        first = _first_input(given)
        if first is None:
            return
        rows = _rows(first)
        self._facts.input_size = _size(rows)
        sizes = rows.square().mean(0).sqrt()  # (k,)
        if first.dim() == 2 and float(sizes.median()) > 0:
            self._facts.input_spread = float(sizes.max() / sizes.median())

    def _note_dropout(self) -> None:
        """The largest p: of a dropout layer, or of another module that keeps one, as an LSTM."""
        for name, module in self._model.named_modules():
            own = "Dropout" in type(module).__name__
            p = getattr(module, "p" if own else "dropout", 0.0)
            used = own or (type(p) is float and p < 1 and getattr(module, "num_layers", 2) > 1)
            if module.training and used and isinstance(p, int | float):
                self._take_dropout(float(p), name or type(module).__name__)

    def _note_dropout_in(self, node: Any) -> None:
        """The p of a dropout that is called as a function; on a CPU it is a product with a mask."""
        if node.name() == "NativeDropoutBackward0":
            self._take_dropout(float(node._saved_p or 0.0), "in the model")
        elif node.name() == "MulBackward0":
            mask = kept(node, "other")
            if mask is not None:
                self._take_dropout(_share_dropped(mask.detach()), "in the model")

    def _note_softmax(self, node: Any, rows: int) -> None:
        """How sure a softmax inside the net is, as that of an attention."""
        result = kept(node, "result")
        if result is None:
            return
        chances, dim = result.detach(), saved_dim(node, result.dim())
        if chances.dim() > 1 and dim == 0 and chances.shape[0] == rows > 1:
            self._facts.softmax_over_rows = rows
        if chances.numel() and chances.shape[dim] > 2:
            sure = float(chances.amax(dim).float().median())
            self._facts.flat_softmax = max(sure, self._facts.flat_softmax, key=_or_least)

    def _note_mask(self, node: Any, given: Iterable[Any]) -> None:
        """What the mask of an attention lets through."""
        facts = self._facts
        how = attention_masks.taken_as_numbers(node)
        if how:
            facts.masks_of_numbers.setdefault("an attention", how)
        seen = attention_masks.seen_by(node)
        if seen is not None:
            facts.looks_ahead = facts.looks_ahead or seen.looks_ahead_alone()
            facts.looks_at_padding = facts.looks_at_padding or seen.looks_at_padding_alone(given)

    def _note_view(self, node: Any, rows: int) -> None:
        """A view of (n, rows, …) as (rows, …): it counts on in memory, so it mixes the rows."""
        if node.name() not in _VIEWS or is_leaf(node.next_functions[0][0]):
            return
        before, after = tuple(node._saved_self_sym_sizes), tuple(node._input_metadata[0].shape)
        # (rows·T, …) to (rows, T, …) only divides what was merged.
        crosses = len(before) > 2 and rows == before[1] and before[0] % rows
        if rows > 1 and crosses and before[0] > 1 and after[0] == rows:
            change = f"{before} to {after}"
            if change not in self._facts.mixed_rows:
                self._facts.mixed_rows.append(change)

    def _take_dropout(self, p: float, name: str) -> None:
        if self._facts.dropout + 1e-4 < p <= 1:
            self._facts.dropout, self._facts.dropped = p, name

    def _note_leaf(self, leaf: torch.Tensor, inputs: set[int], reached: set[str]) -> None:
        if id(leaf) in self._names:
            reached.add(self._names[id(leaf)])
        elif self.sharded or id(leaf) in inputs | self._updated:
            pass
        elif self._is_meant_to_train(leaf):
            self._facts.strangers.append(str(tuple(leaf.shape)))

    def _is_meant_to_train(self, leaf: torch.Tensor) -> bool:
        """A parameter, or a plain tensor that a module keeps as an attribute."""
        if isinstance(leaf, nn.Parameter):
            return True
        return any(value is leaf for m in self._model.modules() for value in vars(m).values())

    def _note_branches(self, node: Any) -> None:
        name = node.name()
        following = [f for f, _ in node.next_functions if f is not None]
        inner = [f for f in following if not is_leaf(f)]
        self._facts.exponentials += name == "ExpBackward0"
        stair = name.removesuffix("Backward0").lower()
        if stair in _STAIRS and stair not in self._facts.stairs:
            self._facts.stairs.append(stair)
        flat = _FLAT.get(name)
        if flat is not None and flat not in self._facts.flats and not _is_relu(node):
            self._facts.flats.append(flat)
        if name == "AddBackward0" and len(inner) == 2:
            self._facts.sums += 1
        if "LayerNorm" in name or "RmsNorm" in name:
            self._facts.post_norms += bool(following) and following[0].name() == "AddBackward0"


_SEVERAL = 8
"""Rows that are not all the same by chance."""


def _first_input(given: Iterable[Any]) -> torch.Tensor | None:
    """The first real input that has features along its last dimension."""
    first = next((t for t in tensors(given) if t.dim() >= 2 and not t.is_complex()), None)
    if first is None or not first.numel() or first.layout is not torch.strided:
        return None
    return first


def _rows(values: torch.Tensor) -> torch.Tensor:
    """Those that are looked at, shape (at most _ROWS, k), float32."""
    return values.detach().reshape(-1, values.shape[-1])[:_ROWS].float()


def _size(values: torch.Tensor) -> float:
    """Root mean square."""
    return float(values.square().mean().sqrt())


def _share_dropped(mask: torch.Tensor) -> float:
    """The p of a dropout's mask, whose entries are 0 or 1/(1 - p); 0 for what is none.

    One of a usual p is not looked at further.
    """
    if not mask.is_floating_point() or mask.layout is not torch.strided or mask.is_meta:
        return 0.0
    if mask.numel() < _MASK or float(mask.flatten()[:_MASK].amin()) != 0:
        return 0.0
    kept, largest = int(torch.count_nonzero(mask)), float(mask.amax())
    if not _MANY_DROPPED <= largest < math.inf or int((mask == largest).sum()) != kept:
        return 0.0
    expected = mask.numel() / largest
    return 1 - 1 / largest if abs(kept - expected) <= 5 * math.sqrt(expected) else 0.0


def _or_least(value: float) -> float:
    return -math.inf if math.isnan(value) else value


def _is_relu(node: Any) -> bool:
    """Whether a clamp has 0 as its least value and no largest one."""
    if node.name() not in ("ClampBackward1", "ClampMinBackward0"):
        return False
    return node._saved_min == 0 and getattr(node, "_saved_max", None) is None


_ATTENTIONS = ("Softmax", "SafeSoftmax", "ScaledDotProduct")

_MASK, _MANY_DROPPED = 64, 10.0
"""Entries of a mask that are looked at first; 1/(1 - p) of a p that is worth a word, 0.9."""

_VIEWS = ("ViewBackward0", "UnsafeViewBackward0", "ReshapeAliasBackward0")
"""What a graph calls a tensor that is read in another shape, in the same order."""

_STAIRS = ("round", "sign", "sgn", "floor", "ceil", "trunc", "heaviside")
"""Operations whose slope is 0 wherever they have one, as they are called in a graph."""

_SLOPELESS = ("hardtanh", "hardsigmoid", "hardswish", "hardshrink", "softshrink", "threshold")
_FLAT = {
    **{f"{name.capitalize()}Backward0": name for name in (*_SLOPELESS, "minimum", "maximum")},
    **{
        f"Clamp{name}": "clamp"
        for name in ("Backward0", "Backward1", "MinBackward0", "MaxBackward0")
    },
}
"""Operations that are flat outside a range, by the names of their nodes."""

_ROWS = 1024
"""Rows of the first input that are looked at."""
