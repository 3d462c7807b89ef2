"""The panel of a prediction or a choice: the answer is locked in before the measurement opens.

One rule holds for all of them. The first answer that is locked in is kept as the prediction, and
nothing changes it. Points are for what stands in the notebook's answer cell, and a line that was
corrected after the measurement earns them in full.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from html import escape
from typing import Any

from gradcourse.checking.panel import ruler
from gradcourse.checking.panel.base import Panel
from gradcourse.checking.panel.typed import understand
from gradcourse.checking.question import Choice, Commitment, Prediction, Question
from gradcourse.checking.show import measured as shown
from gradcourse.checking.show import number
from gradcourse.checking.values import as_number, is_open
from gradcourse.checking.verdict import Verdict
from gradcourse.markup import inline


class CommitPanel(Panel):
    """A control for the answer, and a button that locks it in. The first answer is kept."""

    exercise: Commitment

    def look(self) -> Verdict:
        """Check what the notebook's variable holds, else what was locked in before."""
        with self.noticing():
            self.committed = self.progress.locked(self.exercise.id)
        written = self._from_notebook()
        answers = {self.exercise.answer: written}
        if not is_open(written):
            return self.accounted(self.check(answers), answers)
        verdict = self.check({self.exercise.answer: self.committed}, keep=False)
        if not self.exercise.points:
            return verdict
        return replace(self.accounted(verdict, answers), judged="")

    def _from_notebook(self) -> Any:
        # In a lesson the answer is the widget's: a variable of that name means something else.
        return self.answers().get(self.exercise.answer) if self.exercise.points else None

    def buttons(self) -> list[str]:
        return ["lock", "check"] if self.exercise.points else ["lock"]

    def heed(self, deed: str, text: str) -> None:
        if deed == "lock":
            self.lock(text)
        else:
            super().heed(deed, text)

    def lock(self, text: str) -> None:
        """Commit to an answer, unless one was committed before, and open the measurement."""
        answer = self.read(text)
        if is_open(answer):
            return
        if is_open(self.committed):
            with self.noticing():
                self.committed = self.progress.lock(self.exercise.id, answer)
        self.start(lambda: self.check({self.exercise.answer: self.committed}))

    def read(self, text: str) -> Any:
        """Return the answer that the control holds, or None after saying why it is none."""
        raise NotImplementedError

    def settle(self, verdict: Verdict) -> None:
        """After the measurement nothing can be changed; a check that was stopped is repeated."""
        written = self._from_notebook()
        answer = self.committed if is_open(written) else written
        self.face.answer = self._plain(answer)
        self.face.locked = not verdict.unanswered and not verdict.interrupted
        self.face.heard = ""

    def _plain(self, answer: Any) -> Any:
        """Return the answer as the control shows it; None where it cannot."""
        return answer if isinstance(answer, str) else None

    def below(self, verdict: Verdict) -> str:
        """What is kept, and what the point is for; said once, while the answer cell is empty."""
        if verdict.unanswered or not self.exercise.points or not is_open(self._from_notebook()):
            return ""
        name = self.exercise.answer
        line = f"{name} = {_literal(self.committed) if verdict.right else '…'}"
        late = "" if verdict.right else " A line that you correct now earns it, too."
        return (
            "<p>Your first answer is kept as your prediction. The point is for the answer cell: "
            f"write <code>{escape(line)}</code> there, run it, and press Check.{late}</p>"
        )


class PredictionPanel(CommitPanel):
    """A scale without a value, and a box."""

    exercise: Prediction
    _measured: float | None = None
    _offered = ""

    def judged(self) -> Question:
        """The engine measures; what it measures is to be shown on the scale."""
        return replace(self.exercise, measure=self._measure)

    def _measure(self) -> float:
        self._measured = float(self.exercise.measure())
        return self._measured

    def check(self, answers: Mapping[str, Any], keep: bool = True) -> Verdict:
        verdict = super().check(answers, keep)
        if self._measured is not None and not verdict.interrupted:
            with self.noticing():
                self.progress.measured(self.exercise.id, self._measured)
        return verdict

    def control(self) -> dict[str, Any]:
        return ruler.control(self.exercise)

    def heed(self, deed: str, text: str) -> None:
        if deed == "read" and not self.face.locked:
            reading = understand(text, self.exercise)
            self.face.heard, self.face.answer = reading.words, reading.value
        else:
            super().heed(deed, text)

    def read(self, text: str) -> Any:
        """What was typed in another way than it is understood is locked at the second press."""
        if self.face.locked:
            return self.committed
        reading = understand(text, self.exercise)
        self.face.answer = reading.value
        sure = reading.value is not None and (not reading.words or self._offered == text)
        self._offered = text
        again = "" if reading.value is None else " Press Enter or Lock in again to lock it in."
        self.face.heard = "" if sure else reading.words + again
        return float(f"{reading.value:.4g}") if sure and reading.value is not None else None

    def _plain(self, answer: Any) -> Any:
        known = as_number(answer)
        inside = known is not None and self.exercise.low <= known <= self.exercise.high
        return known if inside else None

    def settle(self, verdict: Verdict) -> None:
        super().settle(verdict)
        if self.face.locked and self._measured is not None:
            unit = f" {self.exercise.unit}" if self.exercise.unit else ""
            words = {"words": shown(self._measured) + unit}
            self.face.outcome = ruler.outcome(self.exercise, self._measured) | words

    def listed(self) -> str:
        return f"<p>Your prediction: {escape(ruler.described(self.exercise))}.</p>"


class ChoicePanel(CommitPanel):
    """One of several options."""

    exercise: Choice

    def control(self) -> dict[str, Any]:
        options = [(option.key, inline(option.text)) for option in self.exercise.options]
        return {"kind": "choice", "options": options}

    def buttons(self) -> list[str]:
        return ["vote"] if self.exercise.vote else super().buttons()

    def read(self, text: str) -> Any:
        if self.face.locked:
            return self.committed
        keys = [option.key for option in self.exercise.options]
        if text not in keys:
            self.face.heard = "Choose an answer first."
            return None
        return text

    def listed(self) -> str:
        options = (f"<li>{inline(option.text)}</li>" for option in self.exercise.options)
        return f"<ul>{''.join(options)}</ul>"


def line_to_copy(values: Mapping[str, Any]) -> str:
    """Return HTML that offers the assignments for the answer cell."""
    lines = "\n".join(f"{name} = {_literal(value)}" for name, value in values.items())
    return f"<p>To hand it in, write this in the answer cell:</p><pre>{escape(lines)}</pre>"


def _literal(value: Any) -> str:
    return number(value) if isinstance(value, int | float) else repr(value)
