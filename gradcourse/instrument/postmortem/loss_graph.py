"""What a loss was made of, where no loss function is known that could be run again."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from types import FrameType, MappingProxyType
from typing import Any

import torch
from torch import nn

from gradcourse.instrument.loop.graph import DEEPEST, is_leaf, kept, nodes_behind
from gradcourse.instrument.postmortem import advice
from gradcourse.instrument.postmortem.finite import is_finite
from gradcourse.instrument.postmortem.first_nan import LOSS, PostMortem
from gradcourse.instrument.postmortem.trace import node_name

Span = tuple[int, int]
"""Numbers of the first node that autograd made for a call of the model, and of that behind it."""


def named(found: PostMortem, model: nn.Module, loss: Any, calls: Collection[Span]) -> PostMortem:
    """The finding with the operation between the model's outputs and the loss, if one is found.

    Parameters
    ----------
    found : PostMortem
        That the fault lies there.
    model : nn.Module
    loss : torch.Tensor or None
        Without it, it is looked for among the variables of the functions that are running.
    calls : collection of Span
        Of the model: the nodes in between are its own.
    """
    parameters = {id(parameter) for parameter in model.parameters()}
    made = []
    for candidate in _in_sight() if loss is None else [loss]:
        nodes, leaves = _outside(candidate, calls)
        if nodes and leaves & parameters:
            made.append((not is_finite(candidate.detach()), nodes[-1]._sequence_nr(), nodes))
    if not made:
        return found
    # A loss that is not finite; of several, the one made last holds the others.
    bad, _, nodes = max(made, key=lambda each: each[:2])
    every = " → ".join(node_name(node) for node in nodes[-_SHOWN:])
    evidence = {**found.evidence, "from the output to the loss": every}
    outside = next((node for node in nodes if _keeps_bad_data(node)), None)
    if outside is not None:
        return replace(
            found,
            direction="input",
            module=LOSS,
            op=node_name(outside),
            input="a tensor without a graph that goes into the loss",
            evidence=evidence,
            advice=advice.OUTSIDE,
        )
    risky = [node for node in nodes if _is_risky(node)]
    # What autograd keeps for the backward pass is there until that pass is over.
    sure = [node for node in risky if _is_at_fault(node)]
    ops = tuple(dict.fromkeys(node_name(node) for node in sure[:1] or risky))
    if not ops:
        return found
    cures = tuple(dict.fromkeys(text for op in ops for text in advice.advice_for(op)))
    return replace(
        found,
        direction="forward" if bad else "backward",
        module=LOSS,
        op=" or ".join(ops),
        evidence=evidence,
        advice=(*cures, *(() if sure else advice.OUTSIDE), *found.advice),
        note="" if sure else _LIKELY,
    )


def _in_sight() -> Iterator[torch.Tensor]:
    """Tensors of one number with a graph, among the variables of the functions that are running."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        for value in list(frame.f_locals.values()):
            if type(value) is torch.Tensor and value.grad_fn is not None and value.numel() == 1:
                yield value
        frame = frame.f_back


def _outside(loss: torch.Tensor, calls: Collection[Span]) -> tuple[list[Any], set[int]]:
    """Nodes that belong to no call of the model, in order, and the leaves that it leads to."""
    leaves, nodes = set(), []
    for node in nodes_behind([loss.grad_fn], most=DEEPEST):
        if is_leaf(node):
            leaves.add(id(node.variable))
            continue
        number = node._sequence_nr()
        if not any(begin <= number < end for begin, end in calls):
            nodes.append(node)
    return sorted(nodes, key=lambda node: node._sequence_nr()), leaves


def _is_risky(node: Any) -> bool:
    """Whether its operation has places without a value or a slope; the mean, where it is empty."""
    op = node_name(node)
    if op == "mean":
        return getattr(node, "_saved_self_sym_numel", 1) == 0
    power = getattr(node, "_saved_exponent", 0.5)
    whole = isinstance(power, int | float) and power >= 1 and power == round(power)
    return op in _RISKY and not (op == "pow" and whole)


def _is_at_fault(node: Any) -> bool:
    """Whether what it keeps lies where its operation has no value, or no slope."""
    name, is_bad = _KEEPS.get(node_name(node), ("", torch.isnan))
    value = kept(node, name)
    return value is not None and bool(is_bad(value).any())


def _keeps_bad_data(node: Any) -> bool:
    """Whether it keeps NaN or Inf of an operand that has no graph, such as a target or a weight."""
    functions = node.next_functions
    for name, place in _OPERANDS.items():
        if place < len(functions) and functions[place][0] is not None:
            continue  # it was made with a graph, by an operation further back
        value = kept(node, name)
        if value is not None and not is_finite(value):
            return True
    return False


_LIKELY = (
    "Autograd has let go of the numbers by now: this is what may have made them in the loss, if "
    "the targets and weights that go into it are finite."
)

_OPERANDS = MappingProxyType({"self": 0, "other": 1, "target": 1, "weight": 1})
"""What a node keeps of its operands, and which of them that is."""

_KEEPS: MappingProxyType[str, tuple[str, Callable[[torch.Tensor], torch.Tensor]]] = (
    MappingProxyType(
        {
            **dict.fromkeys(("log", "log2", "log10"), ("self", lambda x: x <= 0)),
            "log1p": ("self", lambda x: x <= -1),
            "sqrt": ("result", lambda r: (r == 0) | r.isnan()),
            "rsqrt": ("result", lambda r: ~r.isfinite()),
            "linalg_vector_norm": ("result", lambda r: r == 0),
            "reciprocal": ("result", lambda r: ~r.isfinite()),
            "div": ("other", lambda d: d == 0),
            "exp": ("result", torch.isinf),
            "pow": ("self", lambda x: x <= 0),
            **dict.fromkeys(("acos", "asin", "atanh", "erfinv"), ("self", lambda x: x.abs() >= 1)),
            **dict.fromkeys(("lgamma", "digamma"), ("self", lambda x: (x <= 0) & (x == x.round()))),
            **dict.fromkeys(("i0", "i1", "sinh", "cosh"), ("self", lambda x: x.abs() > _TALL)),
            "linalg_slogdet": ("sign", lambda s: s == 0),
        }
    )
)
"""What a node keeps, and what is bad in it."""

_TALL = 88.7
"""Where exp, and what is made of it, leaves float32."""

_RISKY = frozenset(_KEEPS) | {
    *("logit", "xlogy", "std", "norm", "cdist", "acosh", "angle", "ctc_loss"),
    *("binary_cross_entropy", "linalg_svd", "linalg_eigh", "nll_loss", "nll_loss2d"),
}
"""Operations of which a loss is made and which have places without a value or a slope."""

_SHOWN = 8
"""Nodes that are shown."""
