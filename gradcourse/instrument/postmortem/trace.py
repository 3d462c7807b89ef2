"""A forward pass under the microscope: every operation, what went in, what came out, and where."""

from __future__ import annotations

import bisect
import linecache
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from gradcourse.instrument.loop.follow import Hooks
from gradcourse.instrument.loop.graph import next_number
from gradcourse.instrument.loop.tensors import leaves, tensors
from gradcourse.instrument.postmortem.finite import NOTHING, Numbers, numbers
from gradcourse.instrument.postmortem.first_nan import LOSS

_TORCH = os.path.dirname(torch.__file__) + os.sep
_HERE = os.path.dirname(__file__) + os.sep

# Training-mode batch-norm reads the batch, not its running statistics, which a bad batch spoils.
_BATCH_NORMS = frozenset({"native_batch_norm", "cudnn_batch_norm", "miopen_batch_norm"})


@dataclass(frozen=True, eq=False)
class Use:
    """A tensor at the moment when an operation read it.

    ``label`` and ``whole`` are the kind, the name and the tensor of the parameter, buffer or
    input that it is, or is a view of.
    """

    tensor: torch.Tensor
    numbers: Numbers
    maker: Op | None
    label: tuple[str, str]
    whole: torch.Tensor | None = None


@dataclass(eq=False)
class Op:
    """One operation of the forward pass.

    ``exponent`` is that of a power, ``chosen`` the integers by which one is picked out, and
    ``slope_of`` the operation whose slope it is a part of, where a gradient is differentiated.
    """

    index: int
    name: str
    module: str
    frames: tuple[str, int] | None
    sequence: int
    inputs: list[Use]
    scalars: list[float]
    output: Numbers = NOTHING
    tensors: list[torch.Tensor] = field(default_factory=list)
    exponent: float | None = None
    chosen: torch.Tensor | None = None
    slope_of: str = ""

    @property
    def source(self) -> str:
        return source_line(self.frames)


class Trace(TorchDispatchMode):
    """Runs a forward pass and remembers it.

    Memory: about that of the forward pass once more, since every tensor is kept until the
    verdict.

    Parameters
    ----------
    model : nn.Module
        Its modules name the places.
    outside : str
        What to call the place where no module is running.
    """

    def __init__(self, model: nn.Module, outside: str = LOSS) -> None:
        super().__init__()
        self._model = model
        self._outside = outside
        self._names = {id(m): name or type(m).__name__ for name, m in model.named_modules()}
        self.kinds = {self._names[id(m)]: type(m).__name__ for m in model.modules()}
        self._labels: dict[int, tuple[str, str, torch.Tensor]] = {}
        for name, buffer in model.named_buffers():
            self.label(buffer, "buffer", name)
        for name, parameter in model.named_parameters():
            self.label(parameter, "parameter", name)
        self._stack: list[str] = []
        self._entered: list[tuple[int, str]] = []
        self._makers: dict[int, list[Op]] = {}
        self._hooks = Hooks()
        self._stop: FrameType | None = None
        self.ops: list[Op] = []

    def __enter__(self) -> Trace:
        self._stop = sys._getframe(1)
        for module in self._model.modules():
            if isinstance(module, torch.jit.ScriptModule):
                continue  # takes no hooks; what runs inside counts for the module around it
            self._hooks += [
                module.register_forward_pre_hook(self._push, with_kwargs=True),
                module.register_forward_hook(self._pop, always_call=True),
            ]
        self._mark()
        super().__enter__()
        return self

    def __exit__(self, *exception: Any) -> None:
        super().__exit__(*exception)
        self._hooks.take_away()
        self._stop = None

    def label(self, tensor: torch.Tensor, what: str, name: str) -> None:
        """Say what a tensor is that no operation of this pass has made."""
        # By address first: cuDNN keeps all weights of an LSTM in one storage.
        for key in (tensor.data_ptr(), _storage(tensor)) if not tensor.is_sparse else ():
            if key:
                self._labels[key] = (what, name, tensor)

    def use(self, tensor: torch.Tensor) -> Use:
        """A tensor as it is now, with the operation that made it."""
        key, held = _storage(tensor), numbers(tensor)
        makers = self._makers.get(key)
        if makers:
            return Use(tensor, held, _likely(makers, tensor, held), ("", ""))
        label = None
        if not tensor.is_sparse:
            label = self._labels.get(tensor.data_ptr()) or self._labels.get(key)
        if label is None:
            return Use(tensor, held, None, ("", ""))
        return Use(tensor, held, None, label[:2], label[2])

    def module_of(self, sequence: int) -> str:
        """The module that was running when autograd made the node of this number."""
        position = bisect.bisect_right(self._entered, sequence, key=lambda event: event[0])
        return self._entered[position - 1][1] if position else self._outside

    def op_of(self, sequence: int) -> Op | None:
        """The operation for which autograd made the node of this number."""
        position = bisect.bisect_left(self.ops, sequence + 1, key=lambda op: op.sequence)
        if position < len(self.ops) and self.ops[position].sequence == sequence + 1:
            return self.ops[position]
        return None

    def _push(self, module: nn.Module, args: Any, kwargs: Any) -> None:
        if not self._stack:
            for name, tensor in named_tensors(args, kwargs):
                if _storage(tensor) not in self._makers:
                    self.label(tensor, "input", name)
        self._stack.append(self._names.get(id(module), type(module).__name__))
        self._mark()

    def _pop(self, module: nn.Module, args: Any, output: Any) -> None:
        self._stack.pop()
        self._mark()

    def _mark(self) -> None:
        self._entered.append((next_number(), self._where()))

    def _where(self) -> str:
        return self._stack[-1] if self._stack else self._outside

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        if self._stop is None:
            return func(*args, **kwargs)
        read = list(tensors((args, kwargs)))
        name = op_name(func)
        op = Op(
            index=len(self.ops),
            name=name.removeprefix("native_"),
            module=self._where(),
            frames=self._user_frame(),
            sequence=next_number(),
            inputs=[self.use(t) for t in _read(name, args, read)],
            scalars=[v for v in leaves((args, kwargs)) if isinstance(v, float)],
        )
        _note_more(op, args)
        before = {_storage(t) for t in read}
        result = func(*args, **kwargs)
        mutable = func._schema.is_mutable
        # A view holds the numbers of its base: it makes nothing.
        made = [t for t in tensors(result) if mutable or _storage(t) not in before]
        if made:
            self.ops.append(op)
            op.tensors = made
            # Fresh memory is not read before it is written, whatever it holds.
            op.output = NOTHING if name.startswith("empty") else numbers(made[0])
            for tensor in made:
                key = _storage(tensor)
                # What made this storage before is overwritten, unless it was written in part.
                self._makers[key] = [*self._makers.get(key, []), op] if mutable else [op]
        return result

    def _user_frame(self) -> tuple[str, int] | None:
        frame: FrameType | None = sys._getframe(2)
        while frame is not None and frame is not self._stop:
            file = frame.f_code.co_filename
            if not file.startswith((_TORCH, _HERE, "<frozen")):
                return file, frame.f_lineno
            frame = frame.f_back
        return None


def _note_more(op: Op, args: tuple[Any, ...]) -> None:
    node = torch._C._current_autograd_node()
    if node is not None:
        op.slope_of = node_name(node)
    if op.name.startswith("pow") and isinstance(args[1], int | float):
        op.exponent = float(args[1])
    if op.name in CHOOSE:
        op.chosen = next(
            (t for t in args if isinstance(t, torch.Tensor) and t.dtype is torch.int64), None
        )


CHOOSE = frozenset({"nll_loss", "nll_loss2d", "gather"})
"""Operations that pick one number of a row out."""


def node_name(node: Any) -> str:
    """ "log" of LogBackward0, "linalg_vector_norm" of LinalgVectorNormBackward0."""
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in node_class(node)).lstrip("_")


def node_class(node: Any) -> str:
    """ "LinalgVectorNorm" of LinalgVectorNormBackward0."""
    name: str = node.name()
    return name.rpartition("::")[2].rstrip("0123456789").removesuffix("Backward")


def _likely(makers: list[Op], tensor: torch.Tensor, held: Numbers) -> Op:
    """The last to write what the tensor holds, where several wrote parts of one storage."""
    if held.finite:
        return makers[-1]
    guilty = [op for op in makers if not op.output.finite] or makers
    here = tensor.data_ptr()
    same = [op for op in guilty if any(t.data_ptr() == here for t in op.tensors)]
    return (same or guilty)[-1]


def _read(name: str, args: tuple[Any, ...], tensors: list[torch.Tensor]) -> list[torch.Tensor]:
    if name in _BATCH_NORMS and any(a is True for a in args[5:6]):
        running = {id(t) for t in args[3:5]}
        return [t for t in tensors if id(t) not in running]
    # What copy_, fill_ and their like overwrite is not read.
    if name in ("copy_", "fill_", "zero_", "normal_", "uniform_", "bernoulli_"):
        return tensors[1:]
    return tensors


def op_name(func: Any) -> str:
    """ "sqrt" of aten.sqrt.default, "softmax" of aten._softmax.default."""
    name = str(func._schema.name).rpartition("::")[2].lstrip("_")
    return name.removesuffix("_forward")


def source_line(place: tuple[str, int] | None) -> str:
    """ "model.py:12: return x.sqrt()", or "" when nothing of yours was running."""
    if place is None:
        return ""
    file, line = place
    code = linecache.getline(file, line).strip()
    return f"{os.path.basename(file)}:{line}" + (f": {code}" if code else "")


def named_tensors(
    args: Sequence[Any], kwargs: Mapping[str, Any]
) -> Iterator[tuple[str, torch.Tensor]]:
    """Floating-point tensors among arguments, with what to call them."""
    named = [(f"argument {k}", value) for k, value in enumerate(args)]
    named += [(f"argument {name!r}", value) for name, value in kwargs.items()]
    for name, value in named:
        yield from ((name, tensor) for tensor in tensors(value))


def _storage(tensor: torch.Tensor) -> int:
    if tensor.is_sparse:
        return id(tensor)
    return tensor.untyped_storage().data_ptr()
