"""A Record as one long table."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from gradcourse.instrument.record import Record
from gradcourse.support import GradcourseError

if TYPE_CHECKING:
    import pandas

LAYER_QUANTITIES = (
    "activation_rms",
    "activation_mean",
    "activation_std",
    "mean_slope",
    "saturated_fraction",
    "dead_fraction",
    "zero_fraction",
    "output_gradient_norm",
    "output_gradient_rms",
)
WEIGHT_QUANTITIES = ("weight_norm", "update_ratio")


class Table(NamedTuple):
    """One measured quantity: ``values[step, k]`` belongs to ``names[k]`` where ``measured``."""

    quantity: str
    what: str
    names: tuple[str, ...]
    values: np.ndarray
    measured: np.ndarray


def tables(record: Record) -> Iterator[Table]:
    """Every quantity of a record in turn, the recurrent lags apart."""
    loss = record.loss[:, None]
    yield Table("loss", "run", ("loss",), loss, ~np.isnan(loss))
    norms = record.parameter_gradient_norm
    # Here NaN may be the measured value: that of a gradient with NaN in it.
    there = ~np.isnan(norms) | record.nonfinite
    yield Table("parameter_gradient_norm", "parameter", record.parameters, norms, there)
    for what, names, quantities in (
        ("weight", record.weights, WEIGHT_QUANTITIES),
        ("layer", record.layers, LAYER_QUANTITIES),
    ):
        for quantity in quantities:
            values = getattr(record, quantity)
            yield Table(quantity, what, names, values, ~np.isnan(values))


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

        What was not measured has no row.

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
        rows, columns = np.nonzero(~np.isnan(values))
        parts.append(
            pd.DataFrame(
                {
                    "step": numbers[rows],
                    "of": "layer",
                    "name": name,
                    "quantity": "lag_gradient",
                    "lag": pd.array(values.shape[1] - 1 - columns, dtype="Int64"),
                    "value": values[rows, columns],
                }
            )
        )
    frame = pd.concat([p for p in parts if len(p)] or parts[:1], ignore_index=True)
    for column in ("of", "name", "quantity"):
        frame[column] = frame[column].astype("category")
    return frame
