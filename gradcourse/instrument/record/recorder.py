"""A record while it is being filled."""

from __future__ import annotations

from gradcourse.instrument.record.record import Record
from gradcourse.instrument.record.step import Step


class Recorder:
    """What a probe writes with; whoever reads has the `Record` alone.

    Parameters
    ----------
    parameters : dict of str to tuple of int
        Shape of each parameter of the model, by name.
    """

    def __init__(self, parameters: dict[str, tuple[int, ...]]) -> None:
        self.record = Record(parameters)

    def begin(self) -> None:
        """A step has begun: a loss that is logged now is its own."""
        self.record._open = self.record._called = True

    def give_back(self) -> None:
        """A loss waits, and the call behind which it was logged was no step: it is the last one's.

        As in a game, whose generator is called once more for the other player.
        """
        record = self.record
        if record._waiting_loss is not None and record._steps and not record._steps[-1].logged:
            last = record._steps[-1]
            last.loss, last.logged = record._waiting_loss, True
            record._waiting_loss = None

    def append(self, step: Step) -> None:
        """Add one step, with the loss that was logged while it was taken."""
        record = self.record
        if record._waiting_loss is not None:
            step.loss, record._waiting_loss = record._waiting_loss, None
            step.logged = True
        record._open = False
        record._steps.append(step)

    def end(self, evaluations: int) -> None:
        """An update is over that made several passes.

        The first of them is the step; a loss that was logged in another one is left out.
        """
        record = self.record
        if record._steps:
            record._steps[-1].evaluations = max(1, evaluations)
        record._open, record._waiting_loss = False, None

    @property
    def newest(self) -> Step | None:
        """The step that was added last."""
        return self.record._steps[-1] if self.record._steps else None
