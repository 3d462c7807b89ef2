"""A Record as one long table."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from gradcourse.instrument.record import Record
from gradcourse.instrument.record.owners import Owners
from gradcourse.support import GradcourseError

if TYPE_CHECKING:
    import pandas

_OF_OUTPUTS = ("activation_rms", "activation_mean", "activation_std")
_OF_STATES = ("mean_slope", "saturated_fraction", "dead_fraction", "zero_fraction")
_OF_GRADIENTS = ("output_gradient_norm", "output_gradient_rms")


class Table(NamedTuple):
    """One measured quantity: ``values[step, k]`` belongs to ``names[k]`` where ``measured``."""

    quantity: str
    what: str
    names: tuple[str, ...]
    values: np.ndarray
    measured: np.ndarray


def tables(record: Record) -> Iterator[Table]:
    """Every quantity of a record in turn, the recurrent lags apart.

    NaN may be what was measured, and then it is there: of a loss that was logged, of a gradient, a
    weight or an output with NaN in it.
    """
    loss = record.loss[:, None]
    yield Table("loss", "run", ("loss",), loss, record.loss_logged[:, None])
    norms = record.parameter_gradient_norm
    there = np.asarray(~np.isnan(norms) | record.nonfinite)
    yield Table("parameter_gradient_norm", "parameter", record.parameters, norms, there)
    weights = set(record.weights)
    columns = [name in weights for name in record.parameters]
    yield from _of_weights(record, there[:, columns])
    yield from _of_layers(record)


def _of_weights(record: Record, there: np.ndarray) -> Iterator[Table]:
    norms, ratios = record.weight_norm, record.update_ratio
    taken = np.array([step.weight_norms is not None for step in record._steps])
    weights = np.broadcast_to(taken[:, None], norms.shape)
    yield Table("weight_norm", "weight", record.weights, norms, weights)
    # A weight that is 0 and stays 0 has no ratio.
    updated = record.update_measured[:, None] & there & (norms != 0)
    yield Table("update_ratio", "weight", record.weights, ratios, ~np.isnan(ratios) | updated)


def _of_layers(record: Record) -> Iterator[Table]:
    ran = np.asarray(record.activation_size > 0)  # NaN where it did not run
    # Most layers have no slope; one that has lost it had it at another step.
    flat = ran & np.isnan(record.activation_norm) & np.isfinite(record.mean_slope).any(axis=0)
    may_be_nan = {
        **dict.fromkeys(_OF_OUTPUTS, ran),
        **dict.fromkeys(_OF_STATES, np.zeros_like(ran)),
        **dict.fromkeys(_OF_GRADIENTS, _nan_came(record, ran)),
        "mean_slope": flat,
    }
    for quantity, nan in may_be_nan.items():
        values = getattr(record, quantity)
        yield Table(quantity, "layer", record.layers, values, ~np.isnan(values) | nan)


def _nan_came(record: Record, ran: np.ndarray) -> np.ndarray:
    """Where the gradient of an output is NaN, and is not just missing, bool, shape (S, L).

    Nothing comes to a layer that the loss does not use. So the step's gradients must hold NaN, one
    must come to the layer whenever they do not, and have come at another step or to its parameters.
    """
    gradients, bad = record.output_gradient_norm, record.nonfinite
    lost = np.isnan(gradients) & ran
    nan_step = bad.any(axis=1, keepdims=True)
    always = ~(lost & ~nan_step).any(axis=0)
    owners, position = Owners(record.parameters), {n: k for k, n in enumerate(record.parameters)}
    own = [
        bad[:, [position[name] for name in owners.of(layer, kind)]].any(axis=1)
        for layer, kind in zip(record.layers, record.kinds, strict=True)
    ]
    known = np.isfinite(gradients).any(axis=0) | np.array(own).T.reshape(lost.shape)
    return np.asarray(lost & nan_step & always & known)


def record_frame(record: Record) -> pandas.DataFrame:
    """Return a record as a long table, one measured number per row.

    Parameters
    ----------
    record : Record

    Returns
    -------
    pandas.DataFrame
        Columns:

        - step: number of the step, from 0
        - of: "layer", "parameter", "weight", or "run" for the loss
        - name: of the layer or parameter
        - quantity: "activation_std", "parameter_gradient_norm", …, as the record calls it
        - lag: time steps back from the newest for "lag_gradient", else missing
        - value: float64

        What was not measured has no row; what was, and is NaN, has one.

    Raises
    ------
    GradcourseError
        If pandas is not installed, or the record holds no step.

    Examples
    --------
    The gradient norm of each weight over time::

        frame = record.to_frame()
        frame[frame.quantity == "parameter_gradient_norm"].pivot_table(
            index="step", columns="name", values="value")
    """
    try:
        import pandas as pd
    except ImportError:
        raise GradcourseError(
            "to_frame needs pandas, which is not installed: pip install 'gradcourse[frame]'."
        ) from None
    record = record.so_far()
    numbers = record.step_numbers
    parts = []
    for table in tables(record):
        rows, columns = np.nonzero(table.measured)
        parts.append(
            pd.DataFrame(
                {
                    "step": numbers[rows],
                    "of": table.what,
                    "name": np.array(table.names, dtype=object)[columns],
                    "quantity": table.quantity,
                    "lag": pd.array([pd.NA] * len(rows), dtype="Int64"),
                    "value": table.values[rows, columns],
                }
            )
        )
    for name, values in record.lag_gradient.items():
        lengths = [len(step.lag_gradients.get(name, ())) for step in record._steps]
        lags = np.arange(values.shape[1])[::-1]
        rows, columns = np.nonzero(lags < np.array(lengths)[:, None])
        parts.append(
            pd.DataFrame(
                {
                    "step": numbers[rows],
                    "of": "layer",
                    "name": name,
                    "quantity": "lag_gradient",
                    "lag": pd.array(lags[columns], dtype="Int64"),
                    "value": values[rows, columns],
                }
            )
        )
    frame = pd.concat([p for p in parts if len(p)] or parts[:1], ignore_index=True)
    for column in ("of", "name", "quantity"):
        frame[column] = frame[column].astype("category")
    return frame
