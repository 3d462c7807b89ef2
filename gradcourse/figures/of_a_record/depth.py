"""A quantity of a Record against depth."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from gradcourse.figures.line import Axis, Line
from gradcourse.figures.of_a_record.from_record import (
    by_name,
    check_record,
    chosen_row,
    color_of,
    healthy_band,
    short_names,
    still,
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
    records = by_name("depth_plot", record, "measured", "a record, or several by name")
    for each in records.values():
        check_record("depth_plot", each, quantity or "output_gradient_norm")
    records = {name: still(each) for name, each in records.items()}
    if verdict is not None and not hasattr(verdict, "primary"):
        raise GradcourseError(
            f"depth_plot: verdict is {type(verdict).__name__!r}; it takes what "
            "gc.diagnose(record) returns."
        )
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
    points = [_points(first, shown)[k] for k in columns[0]]
    names = [point.label for point in points]
    marks: tuple[Line, ...] = () if verdict is None else _marks(lines[0], points, first, verdict)
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


class Point(NamedTuple):
    """One point of the line: its label, and the names by which it may be asked for."""

    label: str
    name: str
    layer: str


def _points(record: Record, quantity: str) -> list[Point]:
    # It brings torch with it, which a figure of plain numbers does without.
    from gradcourse.instrument.record.owners import owner, plain_name

    if quantity.startswith("weight"):
        return [
            Point(plain_name(name).removesuffix(".weight"), name, owner(name))
            for name in record.weights
        ]
    return [Point(name, name, name) for name in record.layers]


def _columns(
    record: Record,
    quantity: str,
    kind: str | None,
    layers: str | Sequence[str] | None,
    chain: bool,
) -> list[int]:
    points = _points(record, quantity)
    if not points:
        np.asarray(getattr(record, quantity))  # where there is no step, it says so itself
        raise GradcourseError(_NOTHING[quantity.startswith("weight")].format(quantity))
    chosen = list(range(len(points))) if kind is None else list(record.select(kind))
    if layers is not None:
        patterns = _patterns(layers)
        chosen = [k for k in chosen if any(fnmatchcase(n, p) for n in points[k] for p in patterns)]
        if not chosen:
            labels = [point.label for point in points]
            raise GradcourseError(
                f"No layer is called {', '.join(patterns)}; this record has: "
                f"{', '.join(labels[:12])}{', …' if len(labels) > 12 else ''}."
            )
    if chain and not quantity.startswith("weight"):
        owners = {point.layer for point in _points(record, "weight_gradient_norm")}
        # A model that is one layer has weights without a prefix.
        chosen = [k for k in chosen if points[k].name.partition(" #")[0] in owners] or chosen
    return chosen


_NOTHING = (
    'The record holds no layers, so it has no {}: they are measured at level "standard" or '
    '"everything" only, and not in what was compiled. Probe again, or ask for '
    '"weight_gradient_norm".',
    "The model of this record has no weight matrix, so it has no {}.",
)
"""Of layers, and of weights."""


def _patterns(layers: str | Sequence[str]) -> list[str]:
    if isinstance(layers, str):
        return [layers]
    patterns = list(layers) if isinstance(layers, Iterable) else [layers]
    wrong = [pattern for pattern in patterns if not isinstance(pattern, str)]
    if wrong or not patterns:
        what = f"{wrong[0]!r} in it" if wrong else "no name in it"
        raise GradcourseError(
            f"depth_plot: layers has {what}; it takes names, which are text, as layers=['0', "
            "'encoder.*']. Leave it out for all layers."
        )
    return patterns


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


def _marks(
    line: Line, points: Sequence[Point], record: Record, verdict: Diagnosis
) -> tuple[Line, ...]:
    """The points of the layers, or of the layers of the weights, that the first finding names."""
    named = verdict.primary.layers
    weights = _points(record, "weight_gradient_norm")
    meant = {*named, *(weight.layer for weight in weights if weight.name in named)}
    ends = [k for k, point in enumerate(points) if not meant.isdisjoint(point)]
    if not ends:
        return ()
    part = slice(min(ends), max(ends) + 1)
    where = verdict.primary.where
    for name, short in zip(named, short_names(named), strict=True):
        where = where.replace(name, short)
    return (
        Line(
            np.asarray(line.x)[part],
            np.asarray(line.y)[part],
            f"{verdict.primary.kind}: {where}",
            "measured",
            "vermillion",
        ),
    )
