"""What a probe measured, as arrays."""

from __future__ import annotations

import html
import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from gradcourse.instrument.histogram import Log2Histogram
from gradcourse.support import GradcourseError


@dataclass(frozen=True)
class Reading:
    """One layer's output in one forward pass."""

    kind: str
    size: int
    norm: float
    mean: float
    std: float
    slope: float


@dataclass(frozen=True)
class Step:
    """One forward pass and the backward pass that followed."""

    readings: dict[str, Reading] = field(default_factory=dict)
    output_gradients: dict[str, float] = field(default_factory=dict)
    parameter_gradients: dict[str, float] = field(default_factory=dict)
    histograms: dict[str, Log2Histogram] = field(default_factory=dict)


class Record:
    """Norms, moments and gradients, layer by layer and step by step.

    A probe fills it; you read it. Arrays have shape (steps, layers) or (steps, parameters), are
    float64, and hold NaN where there is nothing to measure (a parameter without a gradient, the
    slope of an activation that is neither a sigmoid nor a tanh).
    """

    def __init__(self, parameters: dict[str, tuple[int, ...]]) -> None:
        self._shapes = dict(parameters)
        self._steps: list[Step] = []

    def append(self, step: Step) -> None:
        """Add one step. The probe calls this at the end of each backward pass."""
        self._steps.append(step)

    def __len__(self) -> int:
        return len(self._steps)

    @property
    def steps(self) -> int:
        """Number of forward passes that were followed by a backward pass."""
        return len(self._steps)

    @property
    def layers(self) -> tuple[str, ...]:
        """Names of the layers, in the order in which they ran."""
        return tuple(self._layer_kinds())

    @property
    def kinds(self) -> tuple[str, ...]:
        """Class of each layer: "Linear", "Sigmoid", …"""
        return tuple(self._layer_kinds().values())

    @property
    def parameters(self) -> tuple[str, ...]:
        """Names of the model's parameters, as ``model.named_parameters()`` gives them."""
        return tuple(self._shapes)

    @property
    def weights(self) -> tuple[str, ...]:
        """Those parameters that are matrices (or higher): the weights, without the biases."""
        return tuple(name for name, shape in self._shapes.items() if len(shape) > 1)

    @property
    def activation_norm(self) -> np.ndarray:
        """2-norm of each layer's output, shape (steps, layers)."""
        return self._layerwise(lambda reading: reading.norm)

    @property
    def activation_rms(self) -> np.ndarray:
        """Root mean square of each layer's output, shape (steps, layers)."""
        return self._layerwise(lambda reading: reading.norm / math.sqrt(reading.size))

    @property
    def activation_mean(self) -> np.ndarray:
        """Mean of each layer's output over batch and units, shape (steps, layers)."""
        return self._layerwise(lambda reading: reading.mean)

    @property
    def activation_std(self) -> np.ndarray:
        """Standard deviation of each layer's output over batch and units, (steps, layers)."""
        return self._layerwise(lambda reading: reading.std)

    @property
    def mean_slope(self) -> np.ndarray:
        """Mean of φ′ over batch and units for sigmoid and tanh, else NaN, (steps, layers).

        Read off the outputs a: 1 − mean(a²) for tanh, mean(a − a²) for the sigmoid.
        """
        return self._layerwise(lambda reading: reading.slope)

    @property
    def output_gradient_norm(self) -> np.ndarray:
        """2-norm of ∂L/∂(layer's output), shape (steps, layers)."""
        return self._table(
            self.layers, lambda step, name: step.output_gradients.get(name, math.nan)
        )

    @property
    def output_gradient_rms(self) -> np.ndarray:
        """Root mean square of ∂L/∂(layer's output), shape (steps, layers)."""
        return self.output_gradient_norm / np.sqrt(self._layerwise(lambda r: r.size))

    @property
    def parameter_gradient_norm(self) -> np.ndarray:
        """2-norm of ∂L/∂(parameter), shape (steps, parameters)."""
        return self._table(
            self.parameters, lambda step, name: step.parameter_gradients.get(name, math.nan)
        )

    @property
    def parameter_gradient_rms(self) -> np.ndarray:
        """Root mean square of ∂L/∂(parameter), shape (steps, parameters)."""
        sizes = np.array([math.prod(shape) for shape in self._shapes.values()], dtype=float)
        return self.parameter_gradient_norm / np.sqrt(sizes)

    @property
    def weight_gradient_norm(self) -> np.ndarray:
        """2-norm of ∂L/∂W for each of `weights`, shape (steps, weights)."""
        return self.parameter_gradient_norm[:, self._weight_columns()]

    @property
    def weight_gradient_rms(self) -> np.ndarray:
        """Root mean square of ∂L/∂W for each of `weights`, shape (steps, weights)."""
        return self.parameter_gradient_rms[:, self._weight_columns()]

    @property
    def log2_histograms(self) -> dict[str, tuple[Log2Histogram, ...]]:
        """Histograms of ∂L/∂W by weight, one per step; needs ``level="everything"``.

        Raises
        ------
        GradcourseError
            If the probe did not collect them.
        """
        self._require_step()
        names = [n for n in self.weights if all(n in step.histograms for step in self._steps)]
        if not names:
            raise GradcourseError(
                'The record holds no histograms. Probe with level="everything" to collect them.'
            )
        return {name: tuple(s.histograms[name] for s in self._steps) for name in names}

    def select(self, kind: str) -> np.ndarray:
        """Return the columns of the layers of one class.

        Parameters
        ----------
        kind : str
            "Linear", "Sigmoid", …; one of `kinds`.

        Returns
        -------
        numpy.ndarray of int
            ``record.activation_std[:, record.select("Sigmoid")]`` are the sigmoids alone.

        Raises
        ------
        GradcourseError
            If no layer is of that class.
        """
        columns = [k for k, name in enumerate(self.kinds) if name == kind]
        if not columns:
            found = ", ".join(sorted(set(self.kinds)))
            raise GradcourseError(f"No layer is a {kind!r}; this model has: {found}.")
        return np.array(columns)

    def __repr__(self) -> str:
        if not self._steps:
            return "Record: no step yet"
        header, *rows = self._rows()
        widths = [max(len(row[k]) for row in [header, *rows]) for k in range(len(header))]
        lines = [
            "  ".join(
                cell.ljust(width) if k == 0 else cell.rjust(width)
                for k, (cell, width) in enumerate(zip(row, widths, strict=True))
            ).rstrip()
            for row in [header, *rows]
        ]
        return "\n".join([self._title(), *lines])

    def _repr_html_(self) -> str:
        if not self._steps:
            return "<p>Record: no step yet</p>"
        header, *rows = self._rows()
        head = "".join(f'<th scope="col">{html.escape(cell)}</th>' for cell in header)
        body = "".join(
            f'<tr><th scope="row">{html.escape(row[0])}</th>'
            + "".join(f"<td>{html.escape(cell)}</td>" for cell in row[1:])
            + "</tr>"
            for row in rows
        )
        return (
            f"<table><caption>{html.escape(self._title())}</caption>"
            f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        )

    def _title(self) -> str:
        steps = "1 step" if self.steps == 1 else f"{self.steps} steps, the last one"
        return f"Record: {len(self.layers)} layers, {steps}"

    def _rows(self) -> list[list[str]]:
        step = self._steps[-1]
        rows = [["layer", "output std", "mean slope", "‖∂L/∂output‖", "‖∂L/∂W‖"]]
        for name in self.layers or self._weight_owners():
            reading = step.readings.get(name)
            weight = step.parameter_gradients.get(f"{name}.weight", math.nan)
            rows.append(
                [
                    name,
                    _two_digits(reading.std if reading else math.nan),
                    _two_digits(reading.slope if reading else math.nan),
                    _two_digits(step.output_gradients.get(name, math.nan)),
                    _two_digits(weight),
                ]
            )
        return rows

    def _weight_owners(self) -> list[str]:
        return [name.removesuffix(".weight") for name in self.weights]

    def _weight_columns(self) -> list[int]:
        return [k for k, name in enumerate(self.parameters) if name in self.weights]

    def _layer_kinds(self) -> dict[str, str]:
        kinds: dict[str, str] = {}
        for step in self._steps:
            for name, reading in step.readings.items():
                kinds.setdefault(name, reading.kind)
        return kinds

    def _layerwise(self, value: Callable[[Reading], float]) -> np.ndarray:
        return self._table(
            self.layers,
            lambda step, name: value(step.readings[name]) if name in step.readings else math.nan,
        )

    def _table(self, names: tuple[str, ...], value: Callable[[Step, str], float]) -> np.ndarray:
        self._require_step()
        return np.array(
            [[value(step, name) for name in names] for step in self._steps], dtype=float
        )

    def _require_step(self) -> None:
        if not self._steps:
            raise GradcourseError(
                "The record holds no step. Inside the `with gc.probe(model) as record:` block, "
                "call model(x) and then loss.backward()."
            )


def _two_digits(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.1e}"
