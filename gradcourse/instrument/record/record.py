"""What a probe measured: filled step by step, read as arrays, saved and shown."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gradcourse.instrument.histogram import Log2Histogram
from gradcourse.instrument.record.readings import Readings
from gradcourse.instrument.record.step import MEASURES, Step, fetched
from gradcourse.instrument.record.text import as_html, as_text
from gradcourse.support import GradcourseError

if TYPE_CHECKING:
    import pandas


class Record(Readings):
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

    def end(self, evaluations: int) -> None:
        """Note that an update is over that made several passes. For the probe.

        The first of them is the step; a loss that was logged in another one is left out.
        """
        if self._steps:
            self._steps[-1].evaluations = max(1, evaluations)
        self._open = False
        self._waiting_loss = None

    def newest(self) -> Step:
        """The step that was added last. The probe writes the update into it."""
        return self._steps[-1]

    def step_at(self, row: int) -> Step:
        """The step in one row of this record."""
        return self._steps[row]

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
                    present[name] = fetched(getattr(step, name))
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
        ValueError
            If the parts do not fit together.
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


_SPECIALS = ("zeros", "nan", "positive_infinity", "negative_infinity")


def _step(item: dict[str, Any], own: dict[str, np.ndarray], loss: float) -> Step:
    return Step(
        number=int(item["number"]),
        evaluations=int(item.get("evaluations", 1)),
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


def _checked(step: Step, record: Record) -> Step:
    """The step, if its parts fit together: a damaged file must not fail later."""
    known, weights = len(record.parameters), (len(record.weights),)
    names = [*step.names, *step.kinds, *step.lag_gradients, *step.histograms]
    fits = [
        all(isinstance(name, str) for name in names),
        len(step.names) == len(step.kinds),
        step.columns.ndim == 1 and step.columns.shape == step.parameter_gradients.shape,
        ((step.columns >= 0) & (step.columns < known)).all(),
        step.weight_norms is None or step.weight_norms.shape == weights,
        step.update_ratios is None or step.update_ratios.shape == weights,
        step.measures is None or step.measures.shape == (len(step.names), len(MEASURES)),
        all(lag.ndim == 1 for lag in step.lag_gradients.values()),
        all(h.counts.shape == h.exponents.shape for h in step.histograms.values()),
        all(h.counts.ndim == 1 for h in step.histograms.values()),
    ]
    if not all(fits):
        raise ValueError("parts that do not fit together")
    return step
