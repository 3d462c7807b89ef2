"""One labelled network: how it is made, trained and watched."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn

if TYPE_CHECKING:
    from gradcourse.instrument import Record

Batch = tuple[torch.Tensor, torch.Tensor]
LossFunction = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


@dataclass(frozen=True)
class Case:
    """A network with everything that its training needs.

    Attributes
    ----------
    model : nn.Module
    batches : callable
        From the number of a step to ``(x, y)``.
    loss : callable
        From outputs and targets to a scalar.
    optimizer : callable
        From the parameters to a torch optimizer.
    steps : int
        Steps that are recorded.
    before : int
        Steps of training before the recording starts.
    scale : float
        The loss is multiplied by it.
    plant : callable
        Called with the model and the step's number after backward, before the update: plants a
        fault.
    """

    model: nn.Module
    batches: Callable[[int], Batch]
    loss: LossFunction
    optimizer: Callable[[Any], torch.optim.Optimizer]
    steps: int = 20
    before: int = 0
    scale: float = 1.0
    plant: Callable[[nn.Module, int], None] = field(default=lambda model, step: None)


@dataclass(frozen=True)
class Patient:
    """A label and the case it stands for.

    Attributes
    ----------
    family : str
        How it was made, in a few words.
    label : str
        The finding that the making implies; see `gradcourse.diagnosis.KINDS`.
    seed : int
        Decides depth, width, activation, rates and weights within the family.
    make : callable
        From a generator to the `Case`.
    """

    family: str
    label: str
    seed: int
    make: Callable[[np.random.Generator], Case]

    def __repr__(self) -> str:
        return f"Patient({self.family!r}, seed {self.seed}: {self.label})"

    def observe(
        self,
        level: str = "standard",
        *,
        optimizer: bool = True,
        loss: bool = True,
        steps: int = 0,
        every: int | None = 1,
    ) -> Record:
        """Build the network, train it for a few steps and return what a probe saw.

        The same patient gives the same record: torch's global generator is seeded for the run
        and put back afterwards.

        Parameters
        ----------
        level : str
            As for `gradcourse.instrument.probe`.
        optimizer, loss : bool
            Whether the probe is given the optimizer, and whether the loss is logged.
        steps : int
            Recorded steps; by default as many as the case asks for.
        every : int or None
            As for `gradcourse.instrument.probe`.
        """
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            case = self.make(np.random.default_rng(self.seed))
            return _train(case, level, optimizer, loss, steps or case.steps, every)


def _train(
    case: Case, level: str, with_optimizer: bool, log: bool, steps: int, every: int | None
) -> Record:
    from gradcourse.instrument import probe

    optimizer = case.optimizer([p for p in case.model.parameters() if p.requires_grad])
    for step in range(case.before):
        _step(case, optimizer, step)
    given = optimizer if with_optimizer else None
    with probe(case.model, given, level=level, every=every) as record:
        for step in range(case.before, case.before + steps):
            loss = _step(case, optimizer, step)
            if log:
                record.log(loss)
    return record


def _step(case: Case, optimizer: torch.optim.Optimizer, step: int) -> float:
    x, y = case.batches(step)
    optimizer.zero_grad()
    loss = case.scale * case.loss(case.model(x), y)
    loss.backward()
    case.plant(case.model, step - case.before)
    optimizer.step()
    return float(loss.detach())
