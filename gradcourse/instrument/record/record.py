"""What a probe measured: read as arrays, saved and shown."""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gradcourse.instrument.histogram import Log2Histogram
from gradcourse.instrument.record.facts import Facts, Trainees
from gradcourse.instrument.record.one_layer import OneLayer
from gradcourse.instrument.record.step import MEASURES, LayerTable, Step, fetched, one_number
from gradcourse.instrument.record.text import as_html, as_text
from gradcourse.support import GradcourseError, nearest

if TYPE_CHECKING:
    import pandas


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
        self._open = self._called = self._logs_early = False
        self._waiting_loss: Any = None
        self._all_losses: list[Any] = []
        self.facts = Facts()

    def __len__(self) -> int:
        return len(self._steps)

    def __getitem__(self, name: str) -> OneLayer:
        """Return what is known about one of `layers`.

        Raises
        ------
        GradcourseError
            If no layer has that name.
        """
        layers = self.layers
        if name not in layers:
            like = nearest(name, layers) or list(layers[:8])
            known = ", ".join(map(repr, like)) or "none was measured"
            text = "" if isinstance(name, str) else " Layers are asked for by name, a text."
            raise GradcourseError(f"The record has no layer {name!r}; it has: {known}.{text}")
        return OneLayer(self, name)

    __iter__ = None
    """Layers are asked for by name; there is nothing to go through by number."""

    def so_far(self) -> Record:
        """Keep the record as it is now, while another thread goes on to train.

        Returns
        -------
        Record
            No probe adds to it, so that its arrays fit together.
        """
        still = Record(self._shapes)
        still._steps, still._all_losses = list(self._steps), list(self._all_losses)
        still.facts = self.facts.so_far()
        return still

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
    def update_measured(self) -> np.ndarray:
        """Whether the size of the update was measured at each step, bool, shape (S,)."""
        return np.array([step.update_ratios is not None for step in self._steps], dtype=bool)

    @property
    def evaluations(self) -> np.ndarray:
        """Times that each step called the closure of its optimizer, int, (S,); 1 without one."""
        return np.array([step.evaluations for step in self._steps], dtype=np.int64)

    @property
    def layers(self) -> tuple[str, ...]:
        """Names of the layers, in the order in which they ran."""
        return tuple(_kinds(self._steps))

    @property
    def kinds(self) -> tuple[str, ...]:
        """Class of each layer: "Linear", "Sigmoid", …"""
        return tuple(_kinds(self._steps).values())

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
        return np.array([float(step.loss) for step in self._recorded()])

    @property
    def loss_logged(self) -> np.ndarray:
        """Whether a loss was logged for each step, NaN or not, bool, shape (S,)."""
        return np.array([step.logged for step in self._steps], dtype=bool)

    @property
    def all_losses(self) -> np.ndarray:
        """Every loss that was logged, also of steps whose update was skipped, in order."""
        return np.array([float(loss) for loss in self._all_losses])

    def who_trains(self) -> Trainees:
        """Say of each parameter whether it takes part in the training.

        Returns
        -------
        Trainees
            A tuple of `Trainee`, which prints as a table: whether it requires a gradient, is in
            the optimizer, whether its layer ran, which gradient it got, and the share of its
            entries that an update changed. Complete when the probe's block has been left.
        """
        return Trainees(self.facts.trainees)

    @property
    def activation_norm(self) -> np.ndarray:
        """2-norm of each layer's output, shape (S, L)."""
        return self._layerwise("norm")

    @property
    def activation_rms(self) -> np.ndarray:
        """Root mean square of each layer's output, shape (S, L)."""
        still = self.so_far()
        return still.activation_norm / np.sqrt(still.activation_size)

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
        """2-norm of ∂ℒ/∂(layer's output), shape (S, L).

        Where several backward passes go through one forward pass, that of the last which came to
        the layer.
        """
        return self._layerwise("gradient")

    @property
    def output_gradient_rms(self) -> np.ndarray:
        """Root mean square of ∂ℒ/∂(layer's output), shape (S, L)."""
        still = self.so_far()
        return still.output_gradient_norm / np.sqrt(still.activation_size)

    @property
    def parameter_gradient_norm(self) -> np.ndarray:
        """2-norm of ∂ℒ/∂(parameter), shape (S, P)."""
        steps = self._recorded()
        table = np.full((len(steps), len(self._shapes)), np.nan)
        for row, step in zip(table, steps, strict=True):
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
        steps = self._recorded()
        table = np.zeros((len(steps), len(self._shapes)), dtype=bool)
        for row, step in zip(table, steps, strict=True):
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
        steps = self._recorded()
        names = dict.fromkeys(name for step in steps for name in step.lag_gradients)
        return {
            name: _aligned([fetched(step.lag_gradients.get(name, ())) for step in steps])
            for name in names
        }

    @property
    def log2_histograms(self) -> dict[str, tuple[Log2Histogram, ...]]:
        """Histograms of ∂ℒ/∂W by weight, one for each of `histogram_steps`.

        Raises
        ------
        GradcourseError
            If the probe did not collect them.
        """
        taken = [step for step in self._recorded() if step.histograms]
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

    def log(self, loss: Any) -> None:
        """Write down the loss of the step that is being taken.

        Call it once per step, before or after ``loss.backward()`` or ``optimizer.step()``.

        Parameters
        ----------
        loss : float, or tensor or array of one element
            As it is now: what the loop does to it later changes nothing. A tensor on another
            device is copied there, and fetched when `loss` is read.

        Raises
        ------
        GradcourseError
            If it is no single real number; True and False are none.
        """
        value = one_number(loss)
        if not self._all_losses:
            self._logs_early = not self._steps
        self._all_losses.append(value)
        # Where parts of a model are called, no call says that a step has begun: the first loss
        # tells whether the loop logs before its update or behind it.
        begun = self._open or (self._logs_early and not self._called)
        if begun or not self._steps:
            self._waiting_loss = value
        elif not self._steps[-1].logged or math.isfinite(float(value)):
            # A second loss that is NaN belongs to a batch that was left out before any pass.
            self._steps[-1].loss, self._steps[-1].logged = value, True

    def to_state(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """Return everything in it as plain data (fit for JSON) and numeric arrays, for saving.

        `from_state` makes an equal record of them.
        """
        steps = tuple(self._steps)
        logged = [step.logged for step in steps]  # before the losses: they may be coming
        arrays: dict[str, np.ndarray] = {
            "loss": np.array([float(s.loss) for s in steps]),
            "all_losses": self.all_losses,
        }
        described = []
        for k, step in enumerate(steps):
            present = {"columns": np.asarray(step.columns, dtype=np.int64)}
            for name in ("parameter_gradients", "weight_norms", "update_ratios"):
                if getattr(step, name) is not None:
                    present[name] = fetched(getattr(step, name))
            if step.measures is not None:
                present["measures"] = step.measures.values
            for number, lag in enumerate(step.lag_gradients.values()):
                present[f"lag{number}"] = fetched(lag)
            specials = {}
            for number, (name, histogram) in enumerate(step.histograms.items()):
                present[f"exponents{number}"] = histogram.exponents
                present[f"counts{number}"] = histogram.counts
                specials[name] = [int(getattr(histogram, s)) for s in _SPECIALS]
            arrays |= {f"{k}/{name}": array for name, array in present.items()}
            described.append(
                {
                    "number": step.number,
                    "evaluations": step.evaluations,
                    "logged": logged[k],
                    "names": list(step.names),
                    "kinds": list(step.kinds),
                    "lags": list(step.lag_gradients),
                    "histograms": specials,
                }
            )
        shapes = {name: list(shape) for name, shape in self._shapes.items()}
        facts = self.facts.to_dict()
        return {"parameters": shapes, "steps": described, "facts": facts}, arrays

    @classmethod
    def from_state(cls, described: dict[str, Any], arrays: dict[str, np.ndarray]) -> Record:
        """Make a record of what `to_state` returned.

        Raises
        ------
        KeyError
            If something is missing.
        ValueError
            If the parts do not fit together.
        """
        shapes = {name: tuple(shape) for name, shape in described["parameters"].items()}
        if not all(_is_count(n) for shape in shapes.values() for n in shape):
            raise ValueError("shapes that are none")
        record = cls(shapes)
        record.facts = Facts.from_dict(described.get("facts", {}))
        record._all_losses = arrays.get("all_losses", arrays["loss"]).tolist()
        steps: list[dict[str, np.ndarray]] = [{} for _ in described["steps"]]
        for name, array in arrays.items():
            number, _, own = name.partition("/")
            if own:
                steps[int(number)][own] = array
        losses = arrays["loss"].tolist()
        if not all(isinstance(loss, float) for loss in [*losses, *record._all_losses]):
            raise ValueError("losses that are no numbers")
        for item, present, loss in zip(described["steps"], steps, losses, strict=True):
            record._steps.append(_checked(_step(item, present, loss), record))
        return record

    def save(self, path: Path | str) -> None:
        """Write it to one file, whole or not at all; see `gradcourse.instrument.record.save`."""
        from gradcourse.instrument.record.save import save_record

        save_record(self, path)

    @staticmethod
    def load(path: Path | str) -> Record:
        """Read what `save` wrote. Nothing in the file is ever run as code.

        Raises
        ------
        GradcourseError
            If it is no such file.
        """
        from gradcourse.instrument.record.save import load_record

        return load_record(path)

    def to_frame(self) -> pandas.DataFrame:
        """Return it as a long table; needs pandas. See `gradcourse.instrument.record.frame`."""
        from gradcourse.instrument.record.frame import record_frame

        return record_frame(self)

    def to_tensorboard(self, where: Any) -> None:
        """Write it to a SummaryWriter or a folder: `gradcourse.instrument.record.tensorboard`."""
        from gradcourse.instrument.record.tensorboard import record_to_tensorboard

        record_to_tensorboard(self, where)

    def __getstate__(self) -> dict[str, Any]:
        described, arrays = self.to_state()
        return {"described": described, "arrays": arrays}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(vars(Record.from_state(state["described"], state["arrays"])))

    def __repr__(self) -> str:
        return as_text(self)

    def _repr_html_(self) -> str:
        return as_html(self)

    def _weight_columns(self) -> list[int]:
        weights = set(self.weights)
        return [k for k, name in enumerate(self.parameters) if name in weights]

    def _layerwise(self, measure: str) -> np.ndarray:
        steps, column = self._recorded(), MEASURES.index(measure)
        position = {name: k for k, name in enumerate(_kinds(steps))}
        table = np.full((len(steps), len(position)), np.nan)
        for row, step in zip(table, steps, strict=True):
            if step.measures is not None:
                row[[position[name] for name in step.names]] = step.measures.values[:, column]
        return table

    def _rows_of(self, name: str, width: int) -> np.ndarray:
        steps = self._recorded()
        table = np.full((len(steps), width), np.nan)
        for row, step in zip(table, steps, strict=True):
            values = getattr(step, name)
            if values is not None:
                row[:] = fetched(values)
        return table

    def _recorded(self) -> tuple[Step, ...]:
        """The steps up to now: a probe in another thread may be adding some.

        Raises
        ------
        GradcourseError
            If there is none.
        """
        steps = tuple(self._steps)
        if not steps and self.facts.backward_passes:
            raise GradcourseError(
                f"The record holds no step: {self.facts.backward_passes} backward passes came, but "
                "the optimizer that the probe was given made no update. Is it the one that the "
                "loop steps? gc.diagnose(record) says more."
            )
        if not steps:
            raise GradcourseError(
                "The record holds no step. Inside the `with gc.probe(model) as record:` block, "
                "call model(x) and then loss.backward()."
            )
        return steps


def _kinds(steps: Iterable[Step]) -> dict[str, str]:
    """The class of each layer, in the order in which they ran."""
    kinds: dict[str, str] = {}
    for names, classes in dict.fromkeys((step.names, step.kinds) for step in steps):
        for name, kind in zip(names, classes, strict=True):
            kinds.setdefault(name, kind)
    return kinds


def _aligned(rows: list[np.ndarray]) -> np.ndarray:
    """Rows of any length as one table, NaN on the left of the shorter ones."""
    table = np.full((len(rows), max(map(len, rows))), np.nan)
    for filled, row in zip(table, rows, strict=True):
        if len(row):
            filled[-len(row) :] = row
    return table


_SPECIALS = ("zeros", "nan", "positive_infinity", "negative_infinity")


def _step(item: dict[str, Any], own: dict[str, np.ndarray], loss: float) -> Step:
    return Step(
        number=item["number"],
        evaluations=item.get("evaluations", 1),
        logged=bool(item.get("logged", not math.isnan(loss))),
        columns=own["columns"],
        parameter_gradients=own["parameter_gradients"],
        weight_norms=own.get("weight_norms"),
        update_ratios=own.get("update_ratios"),
        names=tuple(item["names"]),
        kinds=tuple(item["kinds"]),
        measures=LayerTable(fetched(own["measures"])) if "measures" in own else None,
        lag_gradients={name: own[f"lag{k}"] for k, name in enumerate(item["lags"])},
        taken={
            name: Log2Histogram(own[f"exponents{k}"], own[f"counts{k}"], *specials)
            for k, (name, specials) in enumerate(item["histograms"].items())
        },
        loss=loss,
    )


def _checked(step: Step, record: Record) -> Step:
    """The step, if its parts fit together: a damaged file must not fail later."""
    known, weights = len(record.parameters), (len(record.weights),)
    names = [*step.names, *step.kinds, *step.lag_gradients, *step.histograms]
    fits = [
        all(isinstance(name, str) for name in names),
        _is_count(step.number) and _is_count(step.evaluations),
        len(step.names) == len(step.kinds),
        step.columns.dtype.kind == "i",
        step.columns.ndim == 1 and step.columns.shape == step.parameter_gradients.shape,
        ((step.columns >= 0) & (step.columns < known)).all(),
        step.weight_norms is None or step.weight_norms.shape == weights,
        step.update_ratios is None or step.update_ratios.shape == weights,
        step.measures is None or step.measures.values.shape == (len(step.names), len(MEASURES)),
        all(lag.ndim == 1 for lag in step.lag_gradients.values()),
        all(map(_is_histogram, step.histograms.values())),
    ]
    if not all(fits):
        raise ValueError("parts that do not fit together")
    return step


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value < 2**63


def _is_histogram(given: Log2Histogram) -> bool:
    exponents, counts = given.exponents, given.counts
    return bool(
        all(_is_count(getattr(given, name)) for name in _SPECIALS)
        and exponents.dtype.kind == counts.dtype.kind == "i"
        and exponents.ndim == 1
        and exponents.shape == counts.shape
        and ((exponents >= -_FARTHEST) & (exponents <= _FARTHEST)).all()
        and (np.diff(exponents) == 1).all()
        and (counts >= 0).all()
    )


_FARTHEST = 1074
"""Largest |exponent| of a float64 that is not 0."""
