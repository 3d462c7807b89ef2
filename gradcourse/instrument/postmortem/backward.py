"""The operation whose backward pass turned a finite gradient into NaN or Inf."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch

from gradcourse.instrument.loop.follow import Hooks
from gradcourse.instrument.loop.graph import is_leaf, nodes_behind
from gradcourse.instrument.postmortem import advice
from gradcourse.instrument.postmortem.finite import Numbers, numbers
from gradcourse.instrument.postmortem.first_nan import PostMortem
from gradcourse.instrument.postmortem.forward import blame_hidden, blame_infinite, is_a_mask
from gradcourse.instrument.postmortem.trace import Op, Trace, node_class, node_name


@dataclass(eq=False)
class _Passed:
    """What a node of the backward graph received and gave."""

    received: Numbers
    gave: list[Numbers | None]
    zero_where_bad: int
    bad: int


class Backward:
    """Watches the backward pass of a traced forward pass, node by node.

    Parameters
    ----------
    trace : Trace
        Of the forward pass, which has ended.
    roots : sequence of torch.Tensor
        What is differentiated.
    """

    def __init__(self, trace: Trace, roots: Sequence[torch.Tensor]) -> None:
        self._trace = trace
        self._passed: dict[Any, _Passed] = {}
        self._order: list[Any] = []
        self._nodes = _nodes(roots)
        self._hooks = Hooks(node.register_hook(partial(self._passes, node)) for node in self._nodes)

    def __enter__(self) -> Backward:
        return self

    def __exit__(self, *exception: object) -> None:
        self._hooks.take_away()

    def _passes(self, node: Any, sent: Sequence[Any], received: Sequence[Any]) -> None:
        came = [numbers(g) for g in received if g is not None]
        finite = all(n.finite for n in came)
        gave = [None if g is None else numbers(g) for g in sent]
        zeros, bad = _zeros_where_bad(sent, received) if finite and came else (0, 0)
        worst = next((n for n in came if not n.finite), came[0] if came else None)
        if worst is not None:
            self._passed[node] = _Passed(worst, gave, zeros, bad)
            self._order.append(node)

    def blame(self, bad: Sequence[torch.Tensor]) -> PostMortem | None:
        """The node from which NaN or Inf reached the gradients of these parameters."""
        reaching = self._reaching({id(p) for p in bad})
        flows = {
            target for node in self._order for target in self._targets(node, lambda n: not n.finite)
        }
        for node in self._order:
            passed = self._passed[node]
            if node not in reaching:
                continue
            if passed.received.finite:
                return self._tell(node, passed)
            if node not in flows:
                return self._arrived(node, passed)
        return None

    def _targets(self, node: Any, wanted: Any) -> list[Any]:
        gave = self._passed[node].gave
        return [
            target
            for (target, _), n in zip(node.next_functions, gave, strict=False)
            if target is not None and n is not None and wanted(n)
        ]

    def _reaching(self, leaves: set[int]) -> set[Any]:
        """Nodes from which bad numbers flow to the leaves, without a finite link."""
        reaching: set[Any] = set()
        for node in reversed(self._order):
            for target in self._targets(node, lambda n: not n.finite):
                variable = getattr(target, "variable", None)
                if target in reaching or (variable is not None and id(variable) in leaves):
                    reaching.add(node)
        return reaching

    def _place(self, node: Any) -> tuple[Op | None, dict[str, Any]]:
        sequence = node._sequence_nr()
        op = self._trace.op_of(sequence)
        module = op.module if op is not None else self._trace.module_of(sequence)
        return op, {
            "module": module,
            "kind": self._trace.kinds.get(module, ""),
            "op": _node_name(node, op),
            "source": op.source if op is not None else "",
        }

    def _tell(self, node: Any, passed: _Passed) -> PostMortem:
        op, place = self._place(node)
        hidden = [use for use in op.inputs if use.numbers.nan] if op is not None else []
        maker = blame_hidden(self._trace, hidden, op) if op is not None and hidden else None
        if maker is None and op is not None and not hidden:
            infinite = [use for use in op.inputs if not use.numbers.finite]
            maker = blame_infinite(self._trace, infinite, op) if infinite else None
        if maker is not None:
            return maker
        evidence: dict[str, Any] = {
            "∂ℒ/∂output from, to": (passed.received.low, passed.received.high),
            "NaN or Inf in ∂ℒ/∂input, entries": passed.bad,
        }
        if passed.zero_where_bad:
            evidence["of these with ∂ℒ/∂output exactly 0"] = passed.zero_where_bad
        for k, use in enumerate(op.inputs if op is not None else [], start=1):
            which = "input" if op is not None and len(op.inputs) == 1 else f"input {k}"
            evidence[f"{which} from, to"] = (use.numbers.low, use.numbers.high)
            if not use.numbers.finite:
                evidence[f"{which} holds"] = "NaN" if use.numbers.nan else "Inf"
        if op is not None:
            evidence["output from, to"] = (op.output.low, op.output.high)
        lowest = min((use.numbers.low for use in op.inputs), default=0.0) if op else 0.0
        case = advice.Case(lowest=lowest)
        if op is not None and op.inputs:
            dtype = op.inputs[0].tensor.dtype
            case = case._replace(exponent=op.exponent, dtype=dtype, infinite=False)
        remedies = advice.advice_for(place["op"], case)
        if passed.zero_where_bad == passed.bad and passed.bad and self._masks_after(op):
            remedies = (*advice.WHERE, *remedies)
        return PostMortem("backward", evidence=evidence, advice=remedies, **place)

    def _masks_after(self, op: Op | None) -> bool:
        """Whether anything behind it may hide a value: else the 0 is a slope of its own."""
        if op is None:
            return True
        return any(
            after.name.strip("_") in _HIDES
            or (after.name == "mul" and any(map(is_a_mask, after.inputs)))
            for after in self._trace.ops[op.index + 1 :]
        )

    def _arrived(self, node: Any, passed: _Passed) -> PostMortem:
        _, place = self._place(node)
        place["op"] = f"the gradient that arrives at {place['op']}"
        holds = "NaN" if passed.received.nan else "Inf"
        return PostMortem(
            "backward", evidence={"∂ℒ/∂output holds": holds}, advice=advice.ARRIVED, **place
        )


_HIDES = frozenset(
    {
        *("where", "masked_fill", "masked_select", "masked_scatter", "index", "index_put"),
        *("nan_to_num", "clamp", "clamp_min", "clamp_max", "maximum", "minimum", "gather"),
        *("select", "slice", "relu", "threshold", "topk", "sort", "max", "min", "amax", "amin"),
    }
)
"""Operations behind which a value may not count, and get a gradient of exactly 0."""


def _zeros_where_bad(sent: Sequence[Any], received: Sequence[Any]) -> tuple[int, int]:
    """Bad entries sent, and how many of them got a gradient of exactly 0."""
    came = [g for g in received if g is not None]
    zeros = total = 0
    for gradient in sent:
        if gradient is None or gradient.is_sparse:
            continue
        bad = ~gradient.isfinite()
        count = int(bad.sum())
        total += count
        if count and came[0].shape == gradient.shape:
            zeros += int((came[0][bad] == 0).sum())
    return zeros, total


def _nodes(roots: Iterable[torch.Tensor]) -> list[Any]:
    """All nodes that the backward pass can reach, leaves apart. Holding them keeps their ids."""
    return [node for node in nodes_behind(t.grad_fn for t in roots) if not is_leaf(node)]


def _node_name(node: Any, op: Op | None) -> str:
    """autograd's own name, unless it only says what the operation's name says better."""
    name = node_class(node)
    if isinstance(node, torch.autograd.function.BackwardCFunction):
        hook = name.startswith("BackwardHookFunction")
        return "a backward hook" if hook else name
    if op is not None and name.lower() == op.name.replace("_", "").lower():
        return op.name
    return node_name(node)
