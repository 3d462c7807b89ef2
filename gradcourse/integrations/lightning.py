"""A Lightning callback that probes a run and examines the first NaN."""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import torch
from torch import nn

from gradcourse.instrument import probe
from gradcourse.instrument.postmortem import (
    KeptStep,
    NonFiniteError,
    PostMortem,
    bad_parameters,
)
from gradcourse.integrations.recording import Recording
from gradcourse.support import GradcourseError

try:
    import lightning.pytorch as pl
except ImportError:
    raise GradcourseError(
        "gradcourse.integrations.lightning needs Lightning, which is not installed: "
        "pip install 'gradcourse[lightning]'."
    ) from None


class ProbeCallback(Recording, pl.Callback):
    """Record a Lightning run; at the first NaN or Inf, say where it came from.

    Parameters
    ----------
    level, every, histogram_every
        As for `gradcourse.probe`.
    module : str
        Which part of the LightningModule to probe, by name; "" is all of it. Layers are seen
        when that module itself is called: with ``self.net(x)`` in ``training_step``, "net".
        Without the argument it is the only child with parameters if the LightningModule has no
        ``forward`` of its own, else all of it.
    post_mortem : bool
        Whether to look at the loss and at all gradients of each step, and to run a step that is
        not finite again. Not under a gradient scaler, where an overflow is planned for.
    stop : bool
        Whether to raise `NonFiniteError` then, before the optimizer changes a weight. Otherwise
        only ``finding`` is set.

    Attributes
    ----------
    record : Record
        Of the last fit; readable while it runs.
    finding : PostMortem or None

    Notes
    -----
    The examination calls ``training_step`` once more, with ``self.log`` muted, and puts weights,
    buffers, gradients and random numbers back; other state, such as that of metrics, it does not
    know. With several optimizers the probe counts steps of the first.

    Examples
    --------
    ::

        callback = ProbeCallback()
        L.Trainer(callbacks=[callback]).fit(model, data)
        callback.record
    """

    unseen = (
        "This ProbeCallback has not seen a fit yet; give it to the trainer: "
        "Trainer(callbacks=[callback])."
    )

    def __init__(
        self,
        level: str = "standard",
        every: int | None = None,
        histogram_every: int | None = None,
        *,
        module: str | None = None,
        post_mortem: bool = True,
        stop: bool = True,
    ) -> None:
        super().__init__(level, every, histogram_every, post_mortem, stop)
        self.finding: PostMortem | None = None
        self._module = module
        self._kept: KeptStep | None = None

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        self._close()
        self.finding = None
        optimizer = trainer.optimizers[0] if trainer.optimizers else None
        self._probe = probe(_part(pl_module, self._module), optimizer, **self._options)
        self._record = self._probe.__enter__()
        scaler = getattr(trainer.precision_plugin, "scaler", None)
        if self._post_mortem and scaler is None:
            self._kept = KeptStep(pl_module)

    def on_train_batch_start(
        self, trainer: Any, pl_module: Any, batch: Any, batch_idx: int
    ) -> None:
        if self._watching and self._kept is not None and pl_module.automatic_optimization:
            self._kept.keep(lambda: _loss(trainer, pl_module, batch, batch_idx))

    def on_before_backward(self, trainer: Any, pl_module: Any, loss: torch.Tensor) -> None:
        if self._record is not None and self._probe is not None:
            self._record.log(loss.detach().float().mean() * trainer.accumulate_grad_batches)
        if self._watching:
            value = float(loss.detach())
            if not math.isfinite(value):
                self._examine(trainer, (), value)

    def on_before_optimizer_step(self, trainer: Any, pl_module: Any, optimizer: Any) -> None:
        if self._watching:
            bad = bad_parameters(pl_module)
            if bad:
                self._examine(trainer, bad, None)

    def on_train_batch_end(self, trainer: Any, pl_module: Any, *_: Any) -> None:
        if self._kept is not None:
            self._kept.forget()

    def on_train_end(self, trainer: Any, pl_module: Any) -> None:
        self._close()

    def on_exception(self, trainer: Any, pl_module: Any, exception: BaseException) -> None:
        self._close()

    def teardown(self, trainer: Any, pl_module: Any, stage: str) -> None:
        self._close()

    @property
    def _watching(self) -> bool:
        return self._kept is not None and self.finding is None

    def _examine(self, trainer: Any, affected: tuple[str, ...], loss: float | None) -> None:
        try:
            found = self._kept.examine() if self._kept is not None else None
            note = "Run again, the step was finite, or training_step optimises by itself."
        except Exception as error:
            # A second run may fail for reasons of its own; the first fact must not be lost.
            found, note = None, f"The replay failed: {type(error).__name__}: {error}"
        found = found or PostMortem("unknown", "", note=note)
        self.finding = replace(
            found,
            step=trainer.global_step,
            affected=affected or found.affected,
            loss=found.loss if loss is None else loss,
        )
        if self._stop:
            raise NonFiniteError(self.finding)

    def _close(self) -> None:
        if self._probe is not None:
            self._probe.__exit__()
        self._probe = self._kept = None


def _part(pl_module: Any, name: str | None) -> nn.Module:
    if name is not None:
        try:
            return pl_module.get_submodule(name)
        except AttributeError:
            parts = ", ".join(n for n, _ in pl_module.named_children())
            raise GradcourseError(
                f"This {type(pl_module).__name__} has no module {name!r}; it has: {parts}."
            ) from None
    children = [
        child for child in pl_module.children() if any(p.requires_grad for p in child.parameters())
    ]
    own_forward = type(pl_module).forward is not pl.LightningModule.forward
    return children[0] if len(children) == 1 and not own_forward else pl_module


def _loss(trainer: Any, pl_module: Any, batch: Any, batch_idx: int) -> torch.Tensor:
    with _muted(pl_module), trainer.precision_plugin.train_step_context():
        result = pl_module.training_step(batch, *_number(pl_module, batch_idx))
    return result["loss"] if isinstance(result, Mapping) else result


def _number(pl_module: Any, batch_idx: int) -> tuple[int, ...]:
    """The batch's number, for a training_step that takes a second argument of whatever name."""
    parameters = inspect.signature(pl_module.training_step).parameters.values()
    by_position = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    takes_any = any(p.kind is p.VAR_POSITIONAL for p in parameters)
    return (batch_idx,) if takes_any or len(by_position) > 1 else ()


@contextmanager
def _muted(pl_module: Any) -> Iterator[None]:
    """A replay logs nothing."""
    names = ("log", "log_dict")
    before = {name: pl_module.__dict__[name] for name in names if name in pl_module.__dict__}
    pl_module.__dict__.update(dict.fromkeys(names, lambda *_, **__: None))
    try:
        yield
    finally:
        for name in names:
            del pl_module.__dict__[name]
        pl_module.__dict__.update(before)
