"""A record as people see it: its newest measured step as a table."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from gradcourse.instrument.record.owners import Owners, plain_name
from gradcourse.instrument.record.step import GRADIENT, SLOPE, STD, fetched
from gradcourse.markup import table as html_table

if TYPE_CHECKING:
    from gradcourse.instrument.record.record import Record


def as_text(record: Record) -> str:
    """The step that the table shows, in columns."""
    record = record.so_far()
    if not record.steps:
        return "Record: no step yet"
    header, *rows = _rows(record)
    widths = [max(len(row[k]) for row in [header, *rows]) for k in range(len(header))]
    lines = [
        "  ".join(
            cell.ljust(width) if k == 0 else cell.rjust(width)
            for k, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in [header, *rows]
    ]
    return "\n".join([_title(record), *lines])


def as_html(record: Record) -> str:
    """The same as a table of a page."""
    record = record.so_far()
    if not record.steps:
        return "<p>Record: no step yet</p>"
    header, *rows = _rows(record)
    return html_table(rows, header, _title(record))


def _shown(record: Record) -> int:
    """The row that the table shows: the last at which layers were measured."""
    rows = np.flatnonzero(record.measured)
    return int(rows[-1]) if len(rows) else record.steps - 1


def _title(record: Record) -> str:
    if record.steps == 1:
        return f"Record: {len(record.layers)} layers, 1 step"
    shown = _shown(record)
    which = "the last one" if shown == record.steps - 1 else f"step {shown}"
    return f"Record: {len(record.layers)} layers, {record.steps} steps, {which}"


def _rows(record: Record) -> list[list[str]]:
    step = record._steps[_shown(record)]
    norms = fetched(step.parameter_gradients).tolist()
    gradients = {record.parameters[c]: n for c, n in zip(step.columns, norms, strict=True)}
    table = (
        {} if step.measures is None else dict(zip(step.names, step.measures.values, strict=True))
    )
    rows = [["layer", "output std", "mean slope", "‖∂ℒ/∂output‖", "‖∂ℒ/∂W‖"]]
    for name, weight in _layers(record):
        values = [
            float(table[name][column]) if name in table else math.nan
            for column in (STD, SLOPE, GRADIENT)
        ]
        values.append(gradients.get(weight, math.nan))
        rows.append([name, *map(_two_digits, values)])
    return rows


def _layers(record: Record) -> list[tuple[str, str]]:
    """Each layer and its weight, or, where no layer was measured, the weights alone."""
    weights = dict.fromkeys(record.weights)
    if not record.layers:
        return [(plain_name(name).removesuffix(".weight"), name) for name in weights]
    owners = Owners(record.parameters)
    return [
        (name, owners.weight(name, kind, weights))
        for name, kind in zip(record.layers, record.kinds, strict=True)
    ]


def _two_digits(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.1e}"
