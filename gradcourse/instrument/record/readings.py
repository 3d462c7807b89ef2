"""Everything that can be read off the steps of a record, as arrays."""

from __future__ import annotations

import math

import numpy as np

from gradcourse.instrument.histogram import Log2Histogram
from gradcourse.instrument.record.step import MEASURES, Step, fetched
from gradcourse.support import GradcourseError


class Readings:
    """The part of a `Record` that is read; see there."""

    _shapes: dict[str, tuple[int, ...]]
    _steps: list[Step]

    def __len__(self) -> int:
        return len(self._steps)

    @property
    def steps(self) -> int:
        """Number S of steps: backward passes, or updates if the probe was given the optimizer."""
        return len(self._steps)

    @property
    def step_numbers(self) -> np.ndarray:
        """Number of each recorded step, counted from 0 at the start of the block, int, (S,)."""
        return np.array([step.number for step in self._steps], dtype=np.int64)

    @property
    def measured(self) -> np.ndarray:
        """Whether the layers were measured at each step, bool, shape (S,)."""
        return np.array([step.measures is not None for step in self._steps], dtype=bool)

    @property
    def evaluations(self) -> np.ndarray:
        """Times that each step called the closure of its optimizer, int, (S,); 1 without one."""
        return np.array([step.evaluations for step in self._steps], dtype=np.int64)

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
    def parameter_shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of each parameter, by name."""
        return dict(self._shapes)

    @property
    def weights(self) -> tuple[str, ...]:
        """Those parameters that are matrices (or higher): the weights, without the biases."""
        return tuple(name for name, shape in self._shapes.items() if len(shape) > 1)

    @property
    def loss(self) -> np.ndarray:
        """Loss of each step, shape (S,); NaN unless it was given with `log`."""
        self._require_step()
        return np.array([float(step.loss) for step in self._steps])

    @property
    def activation_norm(self) -> np.ndarray:
        """2-norm of each layer's output, shape (S, L)."""
        return self._layerwise("norm")

    @property
    def activation_rms(self) -> np.ndarray:
        """Root mean square of each layer's output, shape (S, L)."""
        return self.activation_norm / np.sqrt(self.activation_size)

    @property
    def activation_size(self) -> np.ndarray:
        """Number of elements of each layer's output, shape (S, L)."""
        return self._layerwise("size")

    @property
    def activation_mean(self) -> np.ndarray:
        """Mean of each layer's output over batch and units, shape (S, L)."""
        return self._layerwise("mean")

    @property
    def activation_std(self) -> np.ndarray:
        """Standard deviation of each layer's output over batch and units, shape (S, L)."""
        return self._layerwise("std")

    @property
    def mean_slope(self) -> np.ndarray:
        """Mean of φ′ over batch and units for sigmoid and tanh, else NaN, shape (S, L).

        Read off the outputs a: 1 − mean(a²) for tanh, mean(a − a²) for the sigmoid.
        """
        return self._layerwise("slope")

    @property
    def saturated_fraction(self) -> np.ndarray:
        """Share of outputs at which a sigmoid or tanh is flat, else NaN, shape (S, L).

        Flat: the slope is below 5 % of the largest, that is |a| > √0.95 for tanh and
        |2a − 1| > √0.95 for the sigmoid.
        """
        return self._layerwise("saturated")

    @property
    def dead_fraction(self) -> np.ndarray:
        """Share of dead units of a ReLU-like layer, else NaN, shape (S, L).

        A unit is a feature, or a channel of an image; it is dead on a batch if its output is
        exactly 0 for every row (and place).
        """
        return self._layerwise("dead")

    @property
    def zero_fraction(self) -> np.ndarray:
        """Share of outputs of a ReLU-like layer that are exactly 0, else NaN, shape (S, L)."""
        return self._layerwise("zero")

    @property
    def output_gradient_norm(self) -> np.ndarray:
        """2-norm of ∂ℒ/∂(layer's output), shape (S, L)."""
        return self._layerwise("gradient")

    @property
    def output_gradient_rms(self) -> np.ndarray:
        """Root mean square of ∂ℒ/∂(layer's output), shape (S, L)."""
        return self.output_gradient_norm / np.sqrt(self.activation_size)

    @property
    def parameter_gradient_norm(self) -> np.ndarray:
        """2-norm of ∂ℒ/∂(parameter), shape (S, P)."""
        self._require_step()
        table = np.full((len(self._steps), len(self._shapes)), np.nan)
        for row, step in zip(table, self._steps, strict=True):
            row[np.asarray(step.columns, dtype=np.int64)] = fetched(step.parameter_gradients)
        return table

    @property
    def parameter_gradient_rms(self) -> np.ndarray:
        """Root mean square of ∂ℒ/∂(parameter), shape (S, P)."""
        sizes = np.array([math.prod(shape) for shape in self._shapes.values()], dtype=float)
        return self.parameter_gradient_norm / np.sqrt(np.maximum(sizes, 1))

    @property
    def nonfinite(self) -> np.ndarray:
        """Whether ∂ℒ/∂(parameter) holds NaN or Inf, bool, shape (S, P).

        False for a parameter that has no gradient.
        """
        self._require_step()
        table = np.zeros((len(self._steps), len(self._shapes)), dtype=bool)
        for row, step in zip(table, self._steps, strict=True):
            norms = fetched(step.parameter_gradients)
            row[np.asarray(step.columns, dtype=np.int64)] = ~np.isfinite(norms)
        return table

    @property
    def weight_gradient_norm(self) -> np.ndarray:
        """2-norm of ∂ℒ/∂W for each of `weights`, shape (S, W)."""
        return self.parameter_gradient_norm[:, self._weight_columns()]

    @property
    def weight_gradient_rms(self) -> np.ndarray:
        """Root mean square of ∂ℒ/∂W for each of `weights`, shape (S, W)."""
        return self.parameter_gradient_rms[:, self._weight_columns()]

    @property
    def weight_norm(self) -> np.ndarray:
        """2-norm of each of `weights`, before the update, shape (S, W)."""
        return self._rows_of("weight_norms", len(self.weights))

    @property
    def update_ratio(self) -> np.ndarray:
        """‖W after − W before‖ / ‖W before‖ of each update, shape (S, W).

        Of the weights as they are, so an update that rounding swallows counts as 0. NaN unless
        the probe was given the optimizer, and for a weight that has no gradient.
        """
        return self._rows_of("update_ratios", len(self.weights))

    @property
    def lag_gradient(self) -> dict[str, np.ndarray]:
        """‖∂ℒ/∂x_t‖ of the input of each recurrent layer, by its name; each of shape (S, T).

        Columns are in the order of time, so the last is the newest: lag 0. A sequence shorter
        than the longest has NaN on the left. Empty where the model has no nn.RNN, nn.LSTM or
        nn.GRU.
        """
        self._require_step()
        names = dict.fromkeys(name for step in self._steps for name in step.lag_gradients)
        return {name: self._lag_table(name) for name in names}

    @property
    def log2_histograms(self) -> dict[str, tuple[Log2Histogram, ...]]:
        """Histograms of ∂ℒ/∂W by weight, one for each of `histogram_steps`.

        Raises
        ------
        GradcourseError
            If the probe did not collect them.
        """
        self._require_step()
        taken = [step for step in self._steps if step.histograms]
        names = [n for n in self.weights if taken and all(n in s.histograms for s in taken)]
        if not names:
            raise GradcourseError(
                'The record holds no histograms. Probe with level="everything" to collect them.'
            )
        return {name: tuple(step.histograms[name] for step in taken) for name in names}

    @property
    def histogram_steps(self) -> np.ndarray:
        """Rows of this record at which histograms were taken, int."""
        return np.flatnonzero([bool(step.histograms) for step in self._steps])

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
            found = ", ".join(sorted(set(self.kinds))) or "none measured"
            raise GradcourseError(f"No layer is a {kind!r}; this model has: {found}.")
        return np.array(columns)

    def _weight_columns(self) -> list[int]:
        weights = set(self.weights)
        return [k for k, name in enumerate(self.parameters) if name in weights]

    def _layer_kinds(self) -> dict[str, str]:
        kinds: dict[str, str] = {}
        for names, classes in dict.fromkeys((step.names, step.kinds) for step in self._steps):
            for name, kind in zip(names, classes, strict=True):
                kinds.setdefault(name, kind)
        return kinds

    def _layerwise(self, measure: str) -> np.ndarray:
        self._require_step()
        position = {name: k for k, name in enumerate(self._layer_kinds())}
        which = MEASURES.index(measure)
        table = np.full((len(self._steps), len(position)), np.nan)
        for row, step in zip(table, self._steps, strict=True):
            if step.measures is not None:
                row[[position[name] for name in step.names]] = step.table()[:, which]
        return table

    def _rows_of(self, name: str, width: int) -> np.ndarray:
        self._require_step()
        table = np.full((len(self._steps), width), np.nan)
        for row, step in zip(table, self._steps, strict=True):
            values = getattr(step, name)
            if values is not None:
                row[:] = fetched(values)
        return table

    def _lag_table(self, name: str) -> np.ndarray:
        rows = [fetched(step.lag_gradients.get(name, ())) for step in self._steps]
        table = np.full((len(rows), max(map(len, rows))), np.nan)
        for filled, row in zip(table, rows, strict=True):
            if len(row):
                filled[-len(row) :] = row
        return table

    def _require_step(self) -> None:
        if not self._steps:
            raise GradcourseError(
                "The record holds no step. Inside the `with gc.probe(model) as record:` block, "
                "call model(x) and then loss.backward()."
            )
