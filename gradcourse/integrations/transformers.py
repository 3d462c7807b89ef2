"""A callback for Hugging Face's Trainer that probes a run and examines the first NaN."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import nn

from gradcourse.instrument import probe
from gradcourse.instrument.postmortem import NonFiniteError, PostMortem, Watch, watch
from gradcourse.integrations.recording import Recording
from gradcourse.support import GradcourseError

try:
    from transformers import TrainerCallback
except ImportError:
    raise GradcourseError(
        "gradcourse.integrations.transformers needs Transformers, which is not installed: "
        "pip install 'gradcourse[transformers]'."
    ) from None


class ProbeCallback(Recording, TrainerCallback):
    """Record a run of Hugging Face's Trainer; at the first NaN, say where it came from.

    Parameters
    ----------
    level, every, histogram_every
        As for `gradcourse.probe`.
    post_mortem : bool
        Whether to look at all gradients before each update, and to run the batch again when one
        is not finite.
    stop : bool
        Whether to raise `NonFiniteError` then, before the optimizer changes a weight. Otherwise
        only ``finding`` is set.

    Attributes
    ----------
    record : Record
        Of the last run; readable while it runs.
    finding : PostMortem or None

    Notes
    -----
    Gradients are seen after the Trainer's clipping (``max_grad_norm``); one NaN spreads to all
    of them there, so ``finding.affected`` lists them all. The place is found by the replay. With
    ``fp16=True`` updates that the scaler skips are not looked at. The Trainer tells no callback
    of an exception in your code: call `close` then, if the model is used again.

    Examples
    --------
    ::

        callback = ProbeCallback()
        Trainer(model, args, train_dataset=data, callbacks=[callback]).train()
        callback.record
    """

    unseen = (
        "This ProbeCallback has not seen a run yet; give it to the trainer: "
        "Trainer(…, callbacks=[callback])."
    )

    def __init__(
        self,
        level: str = "standard",
        every: int | None = None,
        histogram_every: int | None = None,
        *,
        post_mortem: bool = True,
        stop: bool = True,
    ) -> None:
        super().__init__(level, every, histogram_every, post_mortem, stop)
        self._watch: Watch | None = None
        self._moment: _Moment | None = None

    @property
    def finding(self) -> PostMortem | None:
        """Where the first NaN or Inf came from; None if there was none."""
        return None if self._watch is None else self._watch.post_mortem

    def close(self) -> None:
        """Take all hooks off the model. The callback does it itself when training ends."""
        if self._watch is not None:
            self._watch.__exit__()
        if self._probe is not None:
            self._probe.__exit__()
        self._probe = self._moment = None

    def on_train_begin(self, args: Any, state: Any, control: Any, **more: Any) -> None:
        self.close()
        model, optimizer = more["model"], more.get("optimizer")
        self._probe = probe(model, optimizer, **self._options)
        self._record = self._probe.__enter__()
        self._watch = None
        if self._post_mortem:
            # With a scaler only the optimizer itself knows which updates are made.
            self._moment = None if args.fp16 else _Moment(model)
            self._watch = watch(model, self._moment or optimizer, stop=self._stop)
            self._watch.__enter__()
            self._watch.step = state.global_step

    def on_pre_optimizer_step(self, args: Any, state: Any, control: Any, **more: Any) -> None:
        if self._moment is None:
            return
        try:
            self._moment.now()
        except NonFiniteError:
            self.close()
            raise

    def on_log(self, args: Any, state: Any, control: Any, **more: Any) -> None:
        """The Trainer tells the loss here alone: the mean since it logged the last one."""
        loss = (more.get("logs") or {}).get("loss")
        if loss is not None and self._probe is not None and self._record is not None:
            self._record.log(float(loss))

    def on_train_end(self, args: Any, state: Any, control: Any, **more: Any) -> None:
        self.close()


class _Moment:
    """Stands in for the optimizer where the loop itself says that an update is due."""

    def __init__(self, model: nn.Module) -> None:
        self.param_groups = [{"params": list(model.parameters())}]
        self._hooks: list[Callable[..., None]] = []

    def register_step_pre_hook(self, hook: Callable[..., None]) -> _Moment:
        self._hooks.append(hook)
        return self

    register_step_post_hook = register_step_pre_hook

    def remove(self) -> None:
        self._hooks.clear()

    def now(self) -> None:
        for hook in tuple(self._hooks):
            hook(self, (), {})
