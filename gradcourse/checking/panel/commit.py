"""The panel of a prediction or a choice: the answer is locked in before the measurement opens."""

from __future__ import annotations

import html
import math
from collections.abc import Callable, Mapping
from typing import Any

from gradcourse.checking.panel.base import Panel
from gradcourse.checking.question import Choice, Commitment, Prediction
from gradcourse.checking.show import number
from gradcourse.checking.values import as_number, is_open
from gradcourse.checking.verdict import Verdict

LOG_STEP = 0.01
"""Of the slider, in decades."""

LINEAR_STEPS = 500
"""Positions of the slider on a linear scale."""


class CommitPanel(Panel):
    """A control for the answer, and a button that locks it in. The first answer counts."""

    exercise: Commitment
    inputs: list[Any]
    read: Callable[[], Any]

    def look(self) -> Verdict:
        """Check what the notebook's variable holds, else what was locked in before."""
        self.committed = self._from_notebook()
        restored = is_open(self.committed)
        if restored:
            with self.noticing():
                self.committed = self.progress.locked(self.exercise.id)
        return self.check({self.exercise.answer: self.committed}, keep=not restored)

    def _from_notebook(self) -> Any:
        # In a lesson the answer is the widget's: a variable of that name means something else.
        return self.answers().get(self.exercise.answer) if self.exercise.points else None

    def buttons(self) -> list[Any]:
        import ipywidgets

        self.lock_button = ipywidgets.Button(
            description="Lock in",
            icon="lock",
            button_style="primary",
            tooltip="Commit to this answer; then the measurement opens",
        )
        self.lock_button.on_click(lambda _: self._lock())
        self.busy_controls += [self.lock_button, *self.inputs]
        self._open_or_close()
        return [self.lock_button]

    def _open_or_close(self) -> None:
        for control in self.busy_controls:
            control.disabled = not is_open(self.committed)

    def _lock(self) -> None:
        answer = self.read()
        if is_open(answer):
            self._say("<p>Choose an answer first.</p>")
            return
        if is_open(self.committed):
            with self.noticing():
                self.committed = self.progress.lock(self.exercise.id, answer)
        self.start(lambda: self.check({self.exercise.answer: self.committed}))

    def done(self, verdict: Verdict) -> None:
        """After the reveal nothing can be changed; a check that was stopped may be repeated."""
        self._open_or_close()
        if verdict.interrupted:
            self.lock_button.disabled = False

    def below(self, verdict: Verdict) -> str:
        """The line that hands the answer in."""
        if verdict.unanswered or not self.exercise.points:
            return ""
        if not is_open(self._from_notebook()):
            return ""
        return line_to_copy({self.exercise.answer: self.committed})


class PredictionPanel(CommitPanel):
    """A slider and a box."""

    exercise: Prediction

    def controls(self) -> list[Any]:
        import ipywidgets

        self.inputs, self.read = _number(self.exercise, self.committed)
        slider, box = self.inputs
        unit = self.exercise.unit
        return [slider, ipywidgets.HBox([box, ipywidgets.Label(unit)]) if unit else box]


class ChoicePanel(CommitPanel):
    """One of several options."""

    exercise: Choice

    def controls(self) -> list[Any]:
        self.inputs, self.read = _choice(self.exercise, self.committed)
        return self.inputs

    def listed(self) -> str:
        options = (f"<li>{html.escape(option.text)}</li>" for option in self.exercise.options)
        return f"<ul>{''.join(options)}</ul>"


def line_to_copy(values: Mapping[str, Any]) -> str:
    """Return HTML that offers the assignments for the answer cell."""
    lines = "\n".join(f"{name} = {_literal(value)}" for name, value in values.items())
    return f"<p>To hand it in, write this in the answer cell:</p><pre>{html.escape(lines)}</pre>"


def _literal(value: Any) -> str:
    return number(value) if isinstance(value, int | float) else repr(value)


def _number(exercise: Prediction, start: Any) -> tuple[list[Any], Any]:
    """A slider and a box that hold the same number."""
    import ipywidgets

    known = as_number(start)
    middle = (
        math.sqrt(exercise.low * exercise.high)
        if exercise.log
        else (exercise.low + exercise.high) / 2
    )
    value = float(f"{middle:.2g}") if known is None else known
    value = min(max(value, exercise.low), exercise.high)
    layout = ipywidgets.Layout(width="30em")
    wide = {"description_width": "8em"}
    common = {"description": "Your prediction", "layout": layout, "style": wide}
    slider: Any
    if exercise.log:
        slider = ipywidgets.FloatLogSlider(
            value=value,
            base=10,
            min=math.log10(exercise.low),
            max=math.log10(exercise.high),
            step=LOG_STEP,
            readout=False,
            **common,
        )
    else:
        slider = ipywidgets.FloatSlider(
            value=value,
            min=exercise.low,
            max=exercise.high,
            step=(exercise.high - exercise.low) / LINEAR_STEPS,
            readout=False,
            **common,
        )
    box = ipywidgets.BoundedFloatText(
        value=value,
        min=exercise.low,
        max=exercise.high,
        step=None,
        description="as a number",
        layout=ipywidgets.Layout(width="20em"),
        style=wide,
    )
    apart = _apart(exercise)
    slider.observe(lambda change: _follow(box, change["new"], apart), "value")
    box.observe(lambda change: _follow(slider, change["new"], apart), "value")
    return [slider, box], lambda: float(f"{box.value:.4g}")


def _apart(exercise: Prediction) -> Callable[[float, float], bool]:
    """Whether two numbers are more than half a slider's step apart.

    The browser moves the slider to the nearest step and says so; that must not come back and
    change what was typed into the box.
    """
    if exercise.log:
        return lambda a, b: abs(math.log10(a) - math.log10(b)) > 0.6 * LOG_STEP
    step = (exercise.high - exercise.low) / LINEAR_STEPS
    return lambda a, b: abs(a - b) > 0.6 * step


def _follow(other: Any, value: float, apart: Callable[[float, float], bool]) -> None:
    if apart(other.value, value):
        other.value = float(f"{value:.4g}")


def _choice(exercise: Choice, start: Any) -> tuple[list[Any], Any]:
    import ipywidgets

    keys = [option.key for option in exercise.options]
    radio = ipywidgets.RadioButtons(
        options=[(option.text, option.key) for option in exercise.options],
        value=start if isinstance(start, str) and start in keys else None,
        layout=ipywidgets.Layout(width="max-content"),
    )
    return [radio], lambda: radio.value
