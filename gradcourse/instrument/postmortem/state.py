"""Everything a second run of the same batch needs, and everything it must put back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, NamedTuple

import torch
from torch import nn
from torch.nn.modules.batchnorm import _NormBase
from torch.utils.checkpoint import CheckpointFunction

_PACKAGE = "gradcourse.instrument."


class Conditions(NamedTuple):
    """What besides the weights and the batch decides what a forward pass gives.

    Attributes
    ----------
    cpu : torch.Tensor
        State of the CPU's random numbers: 5 kB, copied in a few microseconds.
    gpu : torch.Tensor or None
        The same of the current CUDA device, 16 bytes.
    autocast : tuple of (device, dtype)
        Those for which autocast is on.
    """

    cpu: torch.Tensor
    gpu: torch.Tensor | None
    autocast: tuple[tuple[str, torch.dtype], ...]

    @classmethod
    def now(cls) -> Conditions:
        """Take them down."""
        # A CUDA context is not to be made only to be looked at.
        gpu = torch.cuda.get_rng_state() if torch.cuda.is_initialized() else None
        return cls(torch.default_generator.get_state(), gpu, _autocasts())

    @contextmanager
    def again(self) -> Iterator[None]:
        """Make them hold inside the block; afterwards random numbers go on as if it was not."""
        before = Conditions.now()
        self._seed()
        try:
            with ExitStack() as stack:
                for device, dtype in self.autocast:
                    stack.enter_context(torch.autocast(device, dtype))
                yield
        finally:
            before._seed()

    def _seed(self) -> None:
        torch.set_rng_state(self.cpu)
        if self.gpu is not None:
            torch.cuda.set_rng_state(self.gpu)


def _autocasts() -> tuple[tuple[str, torch.dtype], ...]:
    if not torch._C._is_any_autocast_enabled():
        return ()
    return tuple(
        (device, torch.get_autocast_dtype(device))
        for device in ("cpu", "cuda")
        if torch.is_autocast_enabled(device)
    )


class Buffers:
    """Copies of those buffers that the forward pass changes, as they were before it."""

    def __init__(self, model: nn.Module) -> None:
        # Batch-norm changes its statistics without torch's version counter noticing.
        norms = [m for m in model.modules() if isinstance(m, _NormBase)]
        unseen = {id(b) for m in norms for b in m.buffers(recurse=False)}
        buffers = list(model.buffers())
        self._always = [(b, b.detach().clone()) for b in buffers if id(b) in unseen]
        self._counted = [(b, b.detach().clone()) for b in buffers if id(b) not in unseen]
        self._versions = [b._version for b, _ in self._counted]

    def refresh(self) -> None:
        """Copy again what may have changed since: nothing, for a model without batch-norm."""
        if self._always:
            buffers, copies = zip(*self._always, strict=True)
            torch._foreach_copy_(copies, [b.detach() for b in buffers])
        for k, (buffer, copy) in enumerate(self._counted):
            if buffer._version != self._versions[k]:
                copy.copy_(buffer.detach())
                self._versions[k] = buffer._version

    def put_back(self) -> None:
        """Give every buffer its kept value."""
        changed = [
            pair for k, pair in enumerate(self._counted) if pair[0]._version != self._versions[k]
        ]
        for buffer, copy in self._always + changed:
            # Through .data, so that a graph which holds the buffer can still go backward.
            buffer.data.copy_(copy)


@contextmanager
def untouched(model: nn.Module) -> Iterator[None]:
    """Whatever runs inside, buffers, gradients, modes and probes are afterwards as before."""
    buffers = Buffers(model)
    gradients = [(p, p.grad) for p in model.parameters()]
    for parameter, _ in gradients:
        parameter.grad = None
    modes = [(m, m.training) for m in model.modules()]
    try:
        with _without_probes(model), _without_checkpoints(), torch.enable_grad():
            yield
    finally:
        buffers.put_back()
        for parameter, gradient in gradients:
            parameter.grad = gradient
        for module, training in modes:
            module.training = training


@contextmanager
def _without_probes(model: nn.Module) -> Iterator[None]:
    """A replay is no step: probes and watches look away. Hooks that the model needs stay."""
    taken: list[tuple[Any, list[tuple[int, Any]]]] = []
    for module in model.modules():
        for hooks in (module._forward_hooks, module._forward_pre_hooks):
            ours = [
                (key, hook)
                for key, hook in hooks.items()
                if str(getattr(hook, "__module__", "")).startswith(_PACKAGE)
            ]
            taken.append((hooks, list(hooks.items()) if ours else []))
            for key, _ in ours:
                del hooks[key]
    try:
        yield
    finally:
        for hooks, items in taken:
            if items:
                # Put back in the old order.
                hooks.clear()
                hooks.update(items)


@contextmanager
def _without_checkpoints() -> Iterator[None]:
    """Reentrant checkpointing hides its part of the graph; a replay keeps all activations."""
    replaced: Any = CheckpointFunction
    before = replaced.__dict__.get("apply")
    replaced.apply = staticmethod(lambda function, _, *args: function(*args))
    try:
        yield
    finally:
        del replaced.apply
        if before is not None:
            replaced.apply = before
