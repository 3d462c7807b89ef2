"""What a probe measured, as arrays."""

from __future__ import annotations

import html
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gradcourse.instrument.histogram import Log2Histogram
from gradcourse.support import GradcourseError

if TYPE_CHECKING:
    import pandas

MEASURES = (
    "size",
    "norm",
    "mean",
    "std",
    "slope",
    "saturated",
    "dead",
    "zero",
    "gradient",
)
"""Columns of ``Step.measures``: what is known about one call of one layer."""


@dataclass
class Step:
    """One step: a forward pass, the backward pass that followed, and perhaps the update.

    Attributes
    ----------
    number : int
        Which step of the block, from 0.
    columns : array of int (n,)
        Which parameters had a gradient.
    parameter_gradients : array (n,)
        Its 2-norm, for each of these.
    weight_norms, update_ratios : array (W,), optional
        ‖W‖ before the update, and ‖change‖ / ‖W‖.
    names, kinds : tuple of str, n each
        The layers that ran, in order, and their classes.
    measures : array (n, len(MEASURES)), optional
        What was read off each of them.
    lag_gradients : dict of str to array (T,)
        ‖∂ℒ/∂x_t‖ of each recurrent layer, in the order of time.
    histograms : dict of str to Log2Histogram
        Of the weights' gradients.
    loss : float
        NaN if it was not logged.

    An array may also be a tensor that still lies on its device: `Record` fetches it when read.
    """

    number: int = 0
    columns: Any = ()
    parameter_gradients: Any = ()
    weight_norms: Any = None
    update_ratios: Any = None
    names: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    measures: Any = None
    lag_gradients: dict[str, Any] = field(default_factory=dict)
    histograms: dict[str, Log2Histogram] = field(default_factory=dict)
    loss: Any = math.nan


class Record:
    """Norms, moments and gradients, layer by layer and step by step.

    A probe fills it; you read it. S is the number of steps, L of `layers`, P of `parameters`, W
    of `weights`. Arrays are float64 and hold NaN where nothing was measured: on the steps between
    two that the probe looks at closely, for a parameter without a gradient, for the slope of an
    activation that is neither a sigmoid nor a tanh. `measured` says which steps were looked at
    closely.
    """

    def __init__(self, parameters: dict[str, tuple[int, ...]]) -> None:
        self._shapes = dict(parameters)
        self._steps: list[Step] = []
        self._open = False
        self._waiting_loss: Any = None

    def begin(self) -> None:
        """Note that a step has begun, so that `log` knows whose loss it gets. For the probe."""
        self._open = True

    def append(self, step: Step) -> None:
        """Add one step. The probe calls this at the end of each step."""
        if self._waiting_loss is not None:
            step.loss, self._waiting_loss = self._waiting_loss, None
        self._open = False
        self._steps.append(step)

    def end(self) -> None:
        """Note that an update is over that made several passes. For the probe.

        The first of them is the step; a loss that was logged in another one is left out.
        """
        self._open = False
        self._waiting_loss = None

    def newest(self) -> Step:
        """The step that was added last. The probe writes the update into it."""
        return self._steps[-1]

    def log(self, loss: Any) -> None:
        """Write down the loss of the step that is being taken.

        Call it once per step, before or after ``loss.backward()`` or ``optimizer.step()``.

        Parameters
        ----------
        loss : float or scalar torch.Tensor
            A tensor is detached, and fetched from its device when `loss` is read.

        Raises
        ------
        GradcourseError
            If it is no single number.
        """
        value = loss.detach() if hasattr(loss, "detach") else loss
        size = value.numel() if hasattr(value, "numel") else np.size(value)
        if size != 1 or isinstance(value, str | bytes):
            raise GradcourseError(
                f"record.log got {type(loss).__name__} with {size} elements; give it the loss, "
                "a single number or a tensor of one element."
            )
        if self._open or not self._steps:
            self._waiting_loss = value
        else:
            self._steps[-1].loss = value

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
            row[np.asarray(step.columns, dtype=np.int64)] = _fetched(step.parameter_gradients)
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
            norms = _fetched(step.parameter_gradients)
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

    def to_state(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """Return everything in it as plain data (fit for JSON) and numeric arrays, for saving.

        `from_state` makes an equal record of them.
        """
        arrays: dict[str, np.ndarray] = {"loss": np.array([float(s.loss) for s in self._steps])}
        described = []
        for k, step in enumerate(self._steps):
            present = {"columns": np.asarray(step.columns, dtype=np.int64)}
            for name in ("parameter_gradients", "weight_norms", "update_ratios", "measures"):
                if getattr(step, name) is not None:
                    present[name] = _fetched(getattr(step, name))
            for number, lag in enumerate(step.lag_gradients.values()):
                present[f"lag{number}"] = _fetched(lag)
            specials = {}
            for number, (name, histogram) in enumerate(step.histograms.items()):
                present[f"exponents{number}"] = histogram.exponents
                present[f"counts{number}"] = histogram.counts
                specials[name] = [int(getattr(histogram, s)) for s in _SPECIALS]
            arrays |= {f"{k}/{name}": array for name, array in present.items()}
            described.append(
                {
                    "number": step.number,
                    "names": list(step.names),
                    "kinds": list(step.kinds),
                    "lags": list(step.lag_gradients),
                    "histograms": specials,
                }
            )
        shapes = {name: list(shape) for name, shape in self._shapes.items()}
        return {"parameters": shapes, "steps": described}, arrays

    @classmethod
    def from_state(cls, described: dict[str, Any], arrays: dict[str, np.ndarray]) -> Record:
        """Make a record of what `to_state` returned.

        Raises
        ------
        KeyError
            If something is missing.
        """
        shapes = described["parameters"]
        record = cls({name: tuple(int(n) for n in shape) for name, shape in shapes.items()})
        steps: list[dict[str, np.ndarray]] = [{} for _ in described["steps"]]
        for name, array in arrays.items():
            number, _, own = name.partition("/")
            if own:
                steps[int(number)][own] = array
        losses = arrays["loss"].tolist()
        for item, present, loss in zip(described["steps"], steps, losses, strict=True):
            record._steps.append(_step(item, present, loss))
        return record

    def save(self, path: Path | str) -> None:
        """Write it to one file, whole or not at all; see `gradcourse.instrument.save`."""
        from gradcourse.instrument.save import save_record

        save_record(self, path)

    @staticmethod
    def load(path: Path | str) -> Record:
        """Read what `save` wrote. Nothing in the file is ever run as code.

        Raises
        ------
        GradcourseError
            If it is no such file.
        """
        from gradcourse.instrument.save import load_record

        return load_record(path)

    def to_frame(self) -> pandas.DataFrame:
        """Return it as a long table; needs pandas. See `gradcourse.instrument.frame`."""
        from gradcourse.instrument.frame import record_frame

        return record_frame(self)

    def to_tensorboard(self, where: Any) -> None:
        """Write it to a SummaryWriter or a folder; see `gradcourse.instrument.tensorboard`."""
        from gradcourse.instrument.tensorboard import record_to_tensorboard

        record_to_tensorboard(self, where)

    def __getstate__(self) -> dict[str, Any]:
        described, arrays = self.to_state()
        return {"described": described, "arrays": arrays}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(vars(Record.from_state(state["described"], state["arrays"])))

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

    def _shown(self) -> int:
        """The row that the table shows: the last at which layers were measured."""
        rows = np.flatnonzero(self.measured)
        return int(rows[-1]) if len(rows) else len(self._steps) - 1

    def _title(self) -> str:
        if self.steps == 1:
            return f"Record: {len(self.layers)} layers, 1 step"
        shown = self._shown()
        which = "the last one" if shown == self.steps - 1 else f"step {shown}"
        return f"Record: {len(self.layers)} layers, {self.steps} steps, {which}"

    def _rows(self) -> list[list[str]]:
        step = self._steps[self._shown()]
        norms = _fetched(step.parameter_gradients).tolist()
        gradients = {self.parameters[c]: n for c, n in zip(step.columns, norms, strict=True)}
        table = {} if step.measures is None else dict(zip(step.names, _measures(step), strict=True))
        rows = [["layer", "output std", "mean slope", "‖∂ℒ/∂output‖", "‖∂ℒ/∂W‖"]]
        for name in self.layers or self._weight_owners():
            values = [
                float(table[name][MEASURES.index(measure)]) if name in table else math.nan
                for measure in ("std", "slope", "gradient")
            ]
            values.append(gradients.get(f"{name}.weight", math.nan))
            rows.append([name, *map(_two_digits, values)])
        return rows

    def _weight_owners(self) -> list[str]:
        return [name.removesuffix(".weight") for name in self.weights]

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
                row[[position[name] for name in step.names]] = _measures(step)[:, which]
        return table

    def _rows_of(self, name: str, width: int) -> np.ndarray:
        self._require_step()
        table = np.full((len(self._steps), width), np.nan)
        for row, step in zip(table, self._steps, strict=True):
            values = getattr(step, name)
            if values is not None:
                row[:] = _fetched(values)
        return table

    def _lag_table(self, name: str) -> np.ndarray:
        rows = [_fetched(step.lag_gradients.get(name, ())) for step in self._steps]
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


_SPECIALS = ("zeros", "nan", "positive_infinity", "negative_infinity")


def _step(item: dict[str, Any], own: dict[str, np.ndarray], loss: float) -> Step:
    return Step(
        number=int(item["number"]),
        columns=own["columns"],
        parameter_gradients=own["parameter_gradients"],
        weight_norms=own.get("weight_norms"),
        update_ratios=own.get("update_ratios"),
        names=tuple(item["names"]),
        kinds=tuple(item["kinds"]),
        measures=own.get("measures"),
        lag_gradients={name: own[f"lag{k}"] for k, name in enumerate(item["lags"])},
        histograms={
            name: Log2Histogram(own[f"exponents{k}"], own[f"counts{k}"], *specials)
            for k, (name, specials) in enumerate(item["histograms"].items())
        },
        loss=loss,
    )


def _measures(step: Step) -> np.ndarray:
    step.measures = _fetched(step.measures).reshape(len(step.names), len(MEASURES))
    return step.measures


def _fetched(values: Any) -> np.ndarray:
    if hasattr(values, "cpu"):
        values = values.cpu()
    return np.asarray(values, dtype=np.float64)


def _two_digits(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.1e}"
