"""What is left of an update when the next one begins."""

from __future__ import annotations

from typing import Any

import torch

from gradcourse.instrument.norms import local
from gradcourse.instrument.record.facts import Facts


class LastUpdate:
    """Looks at one weight once more before it is updated again, and fills ``Facts.kept``.

    Parameters
    ----------
    facts : Facts

    Attributes
    ----------
    watched : tuple or None
        A parameter, what its last update made of its start, and the change that this was.
    """

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self.watched: tuple[Any, torch.Tensor, torch.Tensor] | None = None

    def remember(self, sample: tuple[Any, torch.Tensor] | None) -> None:
        """Keep what an update has made of the start of a weight, beside its change there."""
        self.watched = None
        if sample is not None:
            parameter, change = sample
            now = local(parameter.detach()).flatten()[: len(change)]
            self.watched = parameter, now.clone(), change

    def look_again(self) -> None:
        """The next update begins: has anything else written that weight?"""
        if self.watched is None:
            return
        parameter, after, change = self.watched
        self.watched = None
        now = local(parameter.detach()).flatten()[: len(change)]
        if now.shape != after.shape or now.device != after.device or torch.equal(now, after):
            self._facts.kept.append([1.0, 0.0, 1.0])
            return
        now, after, change = (t.double() for t in (now, after, change))
        other = now - after
        size = float(change.norm())
        left = 1 + float(other @ change) / size**2
        self._facts.kept.append(
            [left, float(other.norm()) / size, float(now.norm() / after.norm().clamp_min(1e-300))]
        )
