"""`gc.emergency_room`: one patient at a time, with methods for a cell and for a script."""

from __future__ import annotations

import html
import secrets
from typing import Any

from gradcourse import stills
from gradcourse.emergency.chart import ON_CALL, Chart, read_chart
from gradcourse.emergency.examinations import EXAMINATIONS, Result, examination, loss_plot
from gradcourse.emergency.score import Report, report
from gradcourse.experiments.ward import TREATMENTS, outcome
from gradcourse.experiments.ward.patients import NAMES
from gradcourse.figures import Plot
from gradcourse.support import GradcourseError, has_widgets


class EmergencyRoom:
    """One patient: a small network that was trained, and does well or badly.

    `examine` costs points, `name` says what you think it is, `treat` carries a treatment out and
    trains the network again, `discharge` ends it and counts. A healthy one is discharged untreated.

    Attributes
    ----------
    chart : Chart
        What was done so far; as text it can be handed in.
    """

    def __init__(self, chart: Chart) -> None:
        self.chart = chart
        self._report: Report | None = None

    @property
    def loss_curve(self) -> Plot:
        """The loss of the network as it stands now; this costs nothing."""
        return loss_plot(self.chart.now)

    @property
    def measured(self) -> float:
        """What it does on the test rows now: share right, or share of the variance explained."""
        return outcome(self.chart.now, True).measured

    @property
    def complaint(self) -> str:
        """What its owner says."""
        recipe, first = self.chart.admitted, outcome(self.chart.admitted, True)
        what = {
            "digits": f"reads {first.measured:.0%} of the test digits (ten classes)",
            "recall": f"recalls {first.measured:.0%} of the symbols (two) after a pause",
            "regression": f"explains {first.measured:.0%} of the variance of one number",
        }[recipe.task]
        return f"After {len(first.loss)} updates it {what}."

    @property
    def examinations(self) -> Menu:
        """What can be measured, and its price."""
        return Menu({row.key: f"{row.price:2} points  {row.text}" for row in EXAMINATIONS})

    @property
    def names(self) -> Menu:
        """The diagnoses one can give."""
        return Menu(NAMES)

    @property
    def treatments(self) -> Menu:
        """What can be done."""
        return Menu({row.key: row.text for row in TREATMENTS})

    def examine(self, key: str) -> Result:
        """Measure something on the network as it stands now."""
        self._do("?", key)
        return examination(key).measure(self.chart.now)

    def name(self, name: str) -> None:
        """Say what you think it is."""
        self._do("=", name)

    def treat(self, key: str) -> Plot:
        """Carry a treatment out, on top of those that were given, and train the network anew."""
        self._do("+", key)
        return self.loss_curve

    def take_back(self, key: str) -> Plot:
        """Undo a treatment; it counts as given all the same."""
        self._do("-", key)
        return self.loss_curve

    def discharge(self) -> Report:
        """End it, and count."""
        if self._report is None:
            self._report = report(self.chart)
        return self._report

    def following(self) -> EmergencyRoom:
        """The next patient of this shift; after the last one the first."""
        chart = self.chart
        return EmergencyRoom(Chart(chart.shift, chart.patient % len(ON_CALL) + 1))

    def _do(self, sign: str, what: str) -> None:
        if self._report is not None:
            raise GradcourseError("this patient was discharged; take another: gc.emergency_room()")
        self.chart = self.chart.plus(sign, what)

    @property
    def discharged(self) -> bool:
        """Whether it is over."""
        return self._report is not None

    def __repr__(self) -> str:
        chart = self.chart
        lines = [
            f"Emergency room, shift {chart.shift}, patient {chart.patient} of {len(ON_CALL)}",
            f"  {self.complaint}",
            "  room.loss_curve is free. room.examinations, room.names and room.treatments list",
            "  what there is; then room.examine(…), room.name(…), room.treat(…), room.discharge().",
        ]
        if chart.events or self.discharged:
            lines.append(f"  now it measures {self.measured:.2f}; spent {chart.spent} points")
            lines.append(f"  chart: {chart}")
        return "\n".join(lines)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> Any:
        data, metadata = self.loss_curve._repr_mimebundle_()
        data = {**data, "text/plain": repr(self)}
        if has_widgets():
            from gradcourse.emergency.desk import Desk

            desk = Desk(self)
            view: Any = desk._repr_mimebundle_()
            view = view[0] if isinstance(view, tuple) else view
            data = {**(view or {}), **data}
            metadata = stills.mark(metadata, desk.model_id)
        return data, metadata


class Menu(dict[str, str]):
    """What one can choose from, as a table."""

    def __repr__(self) -> str:
        width = max(map(len, self))
        return "\n".join(f"{key:{width}}  {text}" for key, text in self.items())

    def _repr_html_(self) -> str:
        rows = (
            f"<tr><td><code>{html.escape(key)}</code></td><td>{html.escape(text)}</td></tr>"
            for key, text in self.items()
        )
        return f"<table>{''.join(rows)}</table>"


def emergency_room(shift: int | str | None = None, patient: int = 1) -> EmergencyRoom:
    """Open the emergency room for one patient.

    Parameters
    ----------
    shift : int or str, optional
        Decides who comes, in which order; by default another shift each time. Or a chart, the line
        that a room wrote: the room opens where it was left.
    patient : int
        Counted from 1. In one shift every kind comes once.

    Returns
    -------
    EmergencyRoom

    Raises
    ------
    GradcourseError
        If there is no such shift or patient, or the chart cannot be read.
    """
    if isinstance(shift, str):
        return EmergencyRoom(read_chart(shift))
    if shift is None:
        shift = secrets.randbelow(1_000_000)
    if not isinstance(shift, int) or not 0 <= shift < 10**9:
        raise GradcourseError(f"shift is {shift!r}: give a whole number from 0 on")
    if not isinstance(patient, int) or not 1 <= patient <= len(ON_CALL):
        raise GradcourseError(f"patient is {patient!r}: a shift has patients 1 to {len(ON_CALL)}")
    return EmergencyRoom(Chart(shift, patient))
