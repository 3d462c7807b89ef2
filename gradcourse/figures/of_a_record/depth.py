"""A quantity of a Record against depth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from gradcourse.figures.line import Axis, Line
from gradcourse.figures.of_a_record.from_record import (
    check_record,
    chosen_row,
    color_of,
    healthy_band,
    theory_lines,
)
from gradcourse.figures.plot import Plot
from gradcourse.support import GradcourseError

if TYPE_CHECKING:
    from gradcourse.diagnosis import Diagnosis
    from gradcourse.instrument import Record

QUANTITIES: dict[str, str] = {
    "output_gradient_norm": "‖∂ℒ/∂output‖",
    "output_gradient_rms": "∂ℒ/∂output, root mean square",
    "weight_gradient_norm": "‖∂ℒ/∂W‖",
    "weight_gradient_rms": "∂ℒ/∂W, root mean square",
    "activation_norm": "‖output‖",
    "activation_rms": "output, root mean square",
    "activation_std": "output, standard deviation",
    "mean_slope": "mean slope φ′",
}
"""What `depth_plot` can show: an attribute of `Record`, and the label of its axis."""


def depth_plot(
    record: Record | Mapping[str, Record],
    quantity: str | None = None,
    *,
    kind: str | None = None,
    layers: str | Sequence[str] | None = None,
    step: int = -1,
    theory: ArrayLike | Mapping[str, ArrayLike] | None = None,
    healthy: float | None = None,
    verdict: Diagnosis | None = None,
    title: str = "",
) -> Plot:
    """Plot one quantity against depth, on a log axis.

    By default that is δ, the gradient with respect to the outputs of the layers that own a
    weight: it shows what vanishes. ‖∂ℒ/∂W‖ may be flat where δ falls by ten decades, because it
    holds the size of the layer's input as well.

    Parameters
    ----------
    record : Record or mapping of str to Record
        What a probe measured; or several, by name, for one line each. A name that the style table
        knows ("sigmoid", "residual", …) gives the line its colour.
    quantity : str, optional
        One of `QUANTITIES`. Those that start with "weight" have one point for each weight matrix,
        the others one for each layer. By default "output_gradient_norm", or, where no layer was
        measured, "weight_gradient_norm".
    kind : str, optional
        Only layers of this class, "Linear" or "Sigmoid"; not for weights.
    layers : str or sequence of str, optional
        Only those of these names, in which * stands for anything: "encoder.*".
    step : int
        Which step of the record; by default the last one at which the quantity was measured.
    theory : array or mapping of str to array, optional
        What is predicted at each point, drawn dashed; of several records, by name.
    healthy : float, optional
        Shade the values within this factor of the first record's last point: 10 for the band
        from a tenth of the output's to ten times as much. Relative, so it does not move with the
        size of the loss.
    verdict : Diagnosis, optional
        Mark the layers that its first finding names: ``gc.diagnose(record)``.
    title : str
        By default made from the quantity and the step.

    Returns
    -------
    Plot

    Raises
    ------
    GradcourseError
        If the quantity, the step, the kind or a layer is not in the record, or a theory has
        another length.
    """
    if quantity is not None and quantity not in QUANTITIES:
        raise GradcourseError(
            f"depth_plot was asked for {quantity!r}; it knows {', '.join(QUANTITIES)}."
        )
    records = dict(record) if isinstance(record, Mapping) else {"measured": record}
    for each in records.values():
        check_record("depth_plot", each, quantity or "output_gradient_norm")
    shown = quantity or _usual(records, kind)
    weights = shown.startswith("weight")
    if weights and kind is not None:
        raise GradcourseError(f"{shown} belongs to weights, not to layers: leave kind out.")
    chain = quantity is None and kind is None and layers is None
    columns = [_columns(each, shown, kind, layers, chain) for each in records.values()]
    lines = [
        _line(name, each, shown, step, index, chosen)
        for index, ((name, each), chosen) in enumerate(zip(records.items(), columns, strict=True))
    ]
    bands = () if healthy is None else (healthy_band(lines[0], healthy, "the last"),)
    predicted = theory_lines(lines, theory)
    first = next(iter(records.values()))
    names = [_names(first, shown)[k] for k in columns[0]]
    marks = _marks(lines[0], names, verdict)
    where = "weight matrix" if weights else f"{kind or ''} layer".strip()
    return Plot(
        title=title or f"{QUANTITIES[shown]} by depth{_when(first, shown, step)}",
        x=Axis(f"{where} (1 = nearest to the input)", names=tuple(names) if _own(names) else ()),
        y=Axis(QUANTITIES[shown], "log"),
        lines=(*(_sloped(line) for line in lines), *predicted, *marks),
        bands=bands,
    )


def _usual(records: Mapping[str, Record], kind: str | None) -> str:
    """δ where all records have it, else the gradients of the weights."""
    seen = all(
        len(each.layers) and np.isfinite(each.output_gradient_norm).any()
        for each in records.values()
    )
    return "output_gradient_norm" if seen or kind is not None else "weight_gradient_norm"


def _names(record: Record, quantity: str) -> tuple[str, ...]:
    if quantity.startswith("weight"):
        return tuple(name.removesuffix(".weight") for name in record.weights)
    return record.layers


def _columns(
    record: Record,
    quantity: str,
    kind: str | None,
    layers: str | Sequence[str] | None,
    chain: bool,
) -> list[int]:
    names = _names(record, quantity)
    chosen = list(range(len(names))) if kind is None else list(record.select(kind))
    if layers is not None:
        patterns = [layers] if isinstance(layers, str) else list(layers)
        chosen = [k for k in chosen if any(fnmatchcase(names[k], p) for p in patterns)]
        if not chosen:
            raise GradcourseError(
                f"No layer is called {', '.join(patterns)}; this record has: "
                f"{', '.join(names[:12])}{', …' if len(names) > 12 else ''}."
            )
    if chain and not quantity.startswith("weight"):
        owners = {name.rpartition(".")[0] for name in record.weights}
        # A model that is one layer has weights without a prefix.
        chosen = [k for k in chosen if names[k].partition(" #")[0] in owners] or chosen
    return chosen


def _own(names: Sequence[str]) -> bool:
    """Whether the names say more than numbers would."""
    return any(not name.isdigit() for name in names)


def _when(record: Record, quantity: str, step: int) -> str:
    """The step, where there are several."""
    if record.steps < 2:
        return ""
    table = np.asarray(getattr(record, quantity))
    known = np.flatnonzero(~np.isnan(table).all(axis=1))
    row = int(known[-1]) if step == -1 and len(known) else step
    return f", step {int(record.step_numbers[row])}"


def _line(
    name: str, record: Record, quantity: str, step: int, index: int, columns: list[int]
) -> Line:
    row = chosen_row(np.abs(getattr(record, quantity)), step)[columns]
    return Line(np.arange(1, len(row) + 1), row, name, "measured", color_of(name, index))


def _sloped(line: Line) -> Line:
    """The line with its slope in its label, if it is straight: "× 0.58 a layer"."""
    y = np.asarray(line.y)
    keep = np.isfinite(y) & (y > 0)
    if keep.sum() < 4:
        return line
    x, height = np.asarray(line.x)[keep], np.log10(y[keep])
    slope, start = np.polyfit(x, height, 1)
    spread = float(np.std(height))
    straight = float(np.std(height - slope * x - start)) < 0.2 * spread
    if not straight or abs(slope) < 0.02:
        return line
    label = f"{line.label}, ×{10**-slope:.2g} a layer towards the input"
    return replace(line, label=label)


def _marks(line: Line, names: Sequence[str], verdict: Diagnosis | None) -> tuple[Line, ...]:
    """The points of the layers that the first finding names."""
    if verdict is None or not verdict.primary.layers:
        return ()
    ends = [
        k
        for k, name in enumerate(names)
        if name in verdict.primary.layers or f"{name}.weight" in verdict.primary.layers
    ]
    if not ends:
        return ()
    part = slice(min(ends), max(ends) + 1)
    return (
        Line(
            np.asarray(line.x)[part],
            np.asarray(line.y)[part],
            f"{verdict.primary.kind}: {verdict.primary.where}",
            "measured",
            "vermillion",
        ),
    )
