"""The operation of a traced forward pass that turned finite numbers into NaN or Inf."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch

from gradcourse.instrument.postmortem import advice
from gradcourse.instrument.postmortem.first_nan import PostMortem
from gradcourse.instrument.postmortem.trace import Op, Trace, Use
from gradcourse.instrument.record.owners import owner

# These take -inf for "not allowed here" and give finite numbers, unless nothing is allowed.
_TAKES_MASKS = frozenset({"softmax", "log_softmax", "logsumexp", "safe_softmax"})


ARGUMENT = "of the loss function"
"""How the label of an argument of the loss function ends."""


@dataclass(frozen=True)
class _Origin:
    """Either an operation, or a tensor that was bad before anything ran."""

    op: Op
    use: Use | None = None
    mask: bool = False

    @property
    def rank(self) -> tuple[int, int]:
        # What was bad from the start comes first, and of that what will still be bad tomorrow.
        if self.use is None:
            return (2, self.op.index)
        return (0 if self.use.label[0] in ("parameter", "buffer") else 1, self.op.index)


def blame_forward(trace: Trace, outputs: Iterable[torch.Tensor]) -> PostMortem | None:
    """Find the origin of the NaN or Inf in what a traced forward pass gave.

    Infinities put there on purpose, such as -inf in an attention mask, are no fault.
    """
    search = _Search()
    end = Op(len(trace.ops), "output", "", None, -1, [trace.use(t) for t in outputs], [])
    found = [search.origin(use, end) for use in end.inputs if not use.numbers.finite]
    best = _first(found)
    if best is None or (best.mask and not _is_of_the_loss(best)):
        return _blame_choice(trace, end)
    return _tell_source(trace, best) if best.use is not None else _tell_forward(trace, best.op)


def _is_of_the_loss(origin: _Origin) -> bool:
    """Whether an infinity was given to the loss function: a target that makes the loss infinite."""
    return origin.use is not None and origin.use.label[1].endswith(ARGUMENT)


def _blame_choice(trace: Trace, end: Op) -> PostMortem | None:
    """What picks a masked entry out, so that a loss is infinite; None where no number is a loss.

    Where nothing does, an infinity that came in from outside.
    """
    if any(use.tensor.numel() != 1 for use in end.inputs):
        return None
    pending, seen = [end], {id(end)}
    outside: list[_Origin] = []
    while pending:
        op = pending.pop()
        outside += [
            _Origin(op, use)
            for use in op.inputs
            if use.maker is None and not use.numbers.finite and not use.label[0]
        ]
        if op.chosen is not None:
            found = _tell_forward(trace, op)
            rows = _rows_that_chose(op)
            evidence = {**found.evidence, **({"rows": rows} if rows else {})}
            return replace(found, evidence=evidence, advice=advice.FORBIDDEN)
        makers = [use.maker for use in op.inputs if not use.numbers.finite]
        pending += [m for m in makers if m is not None and id(m) not in seen]
        seen.update(map(id, pending))
    first = _first(outside)
    return None if first is None else _tell_source(trace, first)


def _rows_that_chose(op: Op) -> tuple[int, ...]:
    """Rows in which the entry that was picked out is -inf."""
    values, index = op.inputs[0].tensor.detach(), op.chosen
    if values.dim() != 2 or index is None or index.shape[0] != values.shape[0]:
        return ()
    picked = values.gather(1, index.view(len(values), -1).clamp_min(0))  # -100 is ignored
    rows = (picked == -math.inf).any(1).nonzero().flatten().tolist()
    return tuple(int(row) for row in rows)


def blame_infinite(trace: Trace, uses: Iterable[Use], reader: Op) -> PostMortem | None:
    """The input or parameter with Inf that the forward pass swallows and the backward does not."""
    if reader.name in _TAKES_MASKS:
        return None
    found = _first([_Search().origin(use, reader) for use in uses])
    if found is None or found.use is None:
        return None
    return replace(_tell_source(trace, found), note=advice.SWALLOWED)


def blame_hidden(trace: Trace, uses: Iterable[Use], reader: Op) -> PostMortem | None:
    """The operation that made a NaN which a mask hides before it reaches the output."""
    found = _first([_Search().origin(use, reader) for use in uses])
    if found is None or found.use is not None or found.op is reader:
        return None
    return replace(_tell_forward(trace, found.op), note=advice.HIDDEN)


class _Search:
    """Walks from a bad tensor up to where it came from; each operation is looked at once."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, bool], _Origin | None] = {}

    def origin(self, use: Use, reader: Op) -> _Origin | None:
        if use.maker is None:
            return self._source(use, reader)
        # An explicit stack, since a long recurrence is deeper than Python's own.
        pending = [(use.maker, use.numbers.nan)]
        while pending:
            op, nan = pending[-1]
            missing = [
                (u.maker, u.numbers.nan)
                for u in self._guilty(op, nan)
                if u.maker is not None
                and (id(u.maker), u.numbers.nan) not in self._known
                # An operation that writes in place may have been its own reader.
                and (u.maker, u.numbers.nan) not in pending
            ]
            if missing:
                pending += missing[:1]
                continue
            self._known[id(op), nan] = self._of_op(op, nan)
            pending.pop()
        return self._known[id(use.maker), use.numbers.nan]

    @staticmethod
    def _guilty(op: Op, nan: bool) -> list[Use]:
        bad = [use for use in op.inputs if not use.numbers.finite and not _writes_nan(use.maker)]
        with_nan = [use for use in bad if use.numbers.nan]
        return with_nan if nan and with_nan else bad

    def _of_op(self, op: Op, nan: bool) -> _Origin | None:
        guilty = self._guilty(op, nan)
        origins = [
            self._source(use, op)
            if use.maker is None
            else self._known.get((id(use.maker), use.numbers.nan))
            for use in guilty
        ]
        hard = [o for o in origins if o is not None and not o.mask]
        if hard:
            return _first(hard)
        if guilty and not nan:
            return _first(origins)
        if guilty and op.name not in _TAKES_MASKS and origins[0] is not None and all(origins):
            # A NaN from an infinite input: -inf was no mask here.
            return _Origin(op, origins[0].use)
        if not guilty and not nan and _writes_infinity(op):
            return None
        return _Origin(op)

    @staticmethod
    def _source(use: Use, reader: Op) -> _Origin | None:
        what, name = use.label
        if use.numbers.nan or use.numbers.positive_infinity or what == "parameter":
            return _Origin(reader, use)
        # What the model gave may hold -inf, as masked logits; a target may not.
        given = use.whole is not None and use.whole.requires_grad and name.endswith(ARGUMENT)
        return _Origin(reader, use, mask=True) if what == "input" and not given else None


def _writes_infinity(op: Op) -> bool:
    """Whether the infinity was written out in the code: masked_fill(mask, -inf)."""
    return any(math.isinf(value) for value in op.scalars)


def _writes_nan(op: Op | None) -> bool:
    """Whether NaN was written out, as by logdet where the determinant is negative."""
    return op is not None and op.name == "scalar_tensor" and any(map(math.isnan, op.scalars))


def _first(origins: Sequence[_Origin | None]) -> _Origin | None:
    found = [o for o in origins if o is not None]
    return min(found, key=lambda o: (o.mask, o.rank)) if found else None


def _tell_source(trace: Trace, origin: _Origin) -> PostMortem:
    use, op = origin.use, origin.op
    assert use is not None
    what, name = use.label
    place: dict[str, Any] = {
        "module": op.module,
        "kind": trace.kinds.get(op.module, ""),
        "op": op.name,
        "source": op.source,
        "evidence": _census(use.tensor if use.whole is None else use.whole),
    }
    if what in ("parameter", "buffer"):
        layer = owner(name)
        if layer in trace.kinds:
            place |= {"module": layer, "kind": trace.kinds[layer]}
        is_buffer = what == "buffer"
        own = advice.BUFFER if is_buffer else advice.PARAMETER
        return PostMortem("parameter", parameter=name, is_buffer=is_buffer, advice=own, **place)
    if what == "input":
        return PostMortem(
            "input",
            input=f"{name} of the model" if name.startswith("argument") else name,
            advice=advice.INPUT if use.tensor.grad_fn is None else advice.COMPUTED,
            **place,
        )
    shape = tuple(use.tensor.shape)
    return PostMortem(
        "input", input=f"a tensor of shape {shape} from outside", advice=advice.OUTSIDE, **place
    )


def _census(tensor: torch.Tensor) -> dict[str, Any]:
    values = tensor.detach()
    bad = ~values.isfinite()
    evidence: dict[str, Any] = {
        "shape": tuple(values.shape),
        "NaN": int(values.isnan().sum()),
        "Inf": int(values.isinf().sum()),
    }
    if values.dim() > 1:
        rows = bad.flatten(1).any(dim=1).nonzero().flatten().tolist()
        evidence["rows"] = tuple(rows)
    return evidence


def _tell_forward(trace: Trace, op: Op) -> PostMortem:
    given = [t.detach() for t in op.tensors]
    made = next((t for t in given if not bool(t.isfinite().all())), given[0])
    bad = ~made.isfinite()
    evidence: dict[str, Any] = {
        "output entries": made.numel(),
        "NaN in the output": int(made.isnan().sum()),
        "Inf in the output": int(made.isinf().sum()),
    }
    read = [use for use in op.inputs if not _writes_nan(use.maker)]
    for k, use in enumerate(read, start=1):
        which = "input" if len(read) == 1 else f"input {k}"
        evidence |= _range(which, use, bad)
    there = [e[0] for name, e in evidence.items() if name.endswith(" there")]
    if op.name == "xlogy":
        there = there[1:]  # the first is no argument of a logarithm
    name = op.slope_of or _logdet(trace, op) or op.name
    nan = made.isnan()
    infinite = any(map(math.isinf, op.scalars)) or any(_is_infinite_at(u, nan) for u in op.inputs)
    case = advice.Case(
        lowest=min(there, default=0.0),
        infinite=bool(made.isinf().any()),
        from_infinity=bool(nan.any()) and infinite,
        exponent=op.exponent,
        dtype=made.dtype,
        largest=max((abs(v) for u in read for v in u.numbers[-2:] if math.isfinite(v)), default=0),
        by_a_mask=any(is_a_mask(use) for use in read),
    )
    remedies = advice.advice_for(name, case)
    if any(u.label[1].endswith("running_var") and u.numbers.low < 0 for u in op.inputs):
        remedies = advice.RUNNING_VARIANCE
    if advice.is_overflow(remedies) and made.dtype.is_floating_point and made.isinf().any():
        evidence[f"largest {str(made.dtype).removeprefix('torch.')}"] = torch.finfo(made.dtype).max
    return PostMortem(
        "forward",
        module=op.module,
        kind=trace.kinds.get(op.module, ""),
        op=f"{op.name} in the slope of {name}" if op.slope_of else name,
        source=op.source,
        evidence=evidence,
        advice=remedies,
    )


def _logdet(trace: Trace, op: Op) -> str:
    """ "logdet" where its NaN for a negative determinant was written, else ""."""
    if op.name != "where" or not any(_writes_nan(use.maker) for use in op.inputs):
        return ""
    same = (o.name for o in trace.ops[: op.index] if o.frames == op.frames)
    return "logdet" if any("det" in name for name in same) else ""


def is_a_mask(use: Use) -> bool:
    """Whether it holds 0 and 1 alone."""
    if use.numbers.low != 0 or use.numbers.high != 1:
        return False
    return bool(((use.tensor == 0) | (use.tensor == 1)).all())


def _is_infinite_at(use: Use, bad: torch.Tensor) -> bool:
    """Whether an input is infinite where the output is bad; anywhere, if they do not line up."""
    if not (use.numbers.positive_infinity or use.numbers.negative_infinity):
        return False
    try:
        return bool(use.tensor.detach().isinf().broadcast_to(bad.shape)[bad].any())
    except RuntimeError:
        return True


def _range(name: str, use: Use, bad: torch.Tensor) -> dict[str, Any]:
    """Smallest and largest input, and the same where the output is bad, if they line up."""
    evidence: dict[str, Any] = {}
    if not math.isnan(use.numbers.low):
        evidence[f"{name} from, to"] = (use.numbers.low, use.numbers.high)
    values = use.tensor.detach()
    try:
        values = values.broadcast_to(bad.shape)
    except RuntimeError:
        return evidence
    there = values[bad]
    # What was overwritten in place can no longer be shown.
    overwritten = use.numbers.finite and not bool(there.isfinite().all())
    if there.numel() and not there.is_complex() and not overwritten:
        low, high = (float(v) for v in torch.aminmax(there))
        evidence[f"{name} there"] = (low,) if low == high else (low, high)
    return evidence
