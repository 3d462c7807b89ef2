"""One layer of a record, by its name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gradcourse.instrument.record.owners import Owners

if TYPE_CHECKING:
    from gradcourse.instrument.record.record import Record

LAYERWISE = (
    *("activation_norm", "activation_rms", "activation_size", "activation_mean", "activation_std"),
    *("mean_slope", "saturated_fraction", "dead_fraction", "zero_fraction"),
    *("output_gradient_norm", "output_gradient_rms"),
)
"""What a `Record` holds by layer."""


class OneLayer:
    """What a record holds about one layer: ``record["fc1"].output_gradient_norm``, shape (S,).

    Attributes
    ----------
    name, kind : str
    parameters : tuple of str
        Those that belong to it.
    """

    def __init__(self, record: Record, name: str) -> None:
        self._record = record
        self._column = record.layers.index(name)
        self.name, self.kind = name, record.kinds[self._column]
        self.parameters = Owners(record.parameters).of(name, self.kind)

    def __getattr__(self, quantity: str) -> np.ndarray:
        if quantity not in LAYERWISE:
            raise AttributeError(
                f"A layer of a record has no {quantity!r}; it has {', '.join(LAYERWISE)}."
            )
        return np.asarray(getattr(self._record, quantity)[:, self._column])

    @property
    def parameter_gradient_norm(self) -> dict[str, np.ndarray]:
        """2-norm of the gradient of each of `parameters`, (S,) each."""
        table = self._record.parameter_gradient_norm
        position = {name: k for k, name in enumerate(self._record.parameters)}
        return {name: table[:, position[name]] for name in self.parameters}

    def __repr__(self) -> str:
        last = self.output_gradient_norm[-1]
        return f"{self.name} ({self.kind}): ‖∂ℒ/∂output‖ {last:.2g} at the last step"
