"""The panel of a tuning exercise: the demo's own sliders, and a check that measures.

Check judges what the answer cell holds, as in every other panel. While that is empty it tries what
the knobs show: for the learner to see, not for points, where the cell is what is handed in.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from gradcourse.checking.panel.base import Panel
from gradcourse.checking.panel.commit import line_to_copy
from gradcourse.checking.panel.face import Face
from gradcourse.checking.question import Tuning
from gradcourse.checking.show import number
from gradcourse.checking.values import is_open
from gradcourse.checking.verdict import Verdict
from gradcourse.markup import inline
from gradcourse.support import GradcourseError


class TunePanel(Panel):
    """The live figure, Check and Hint."""

    exercise: Tuning
    _tried: dict[str, float] | None = None

    def dress(self, face: Face) -> Any:
        import ipywidgets

        self.demo = self.exercise.demo()
        self.live = self.demo.widget(self._start())
        return ipywidgets.VBox([self.live, face])

    def above(self) -> str:
        return str(self.live.model_id)

    def press(self) -> None:
        self._tried = self.values()
        self.start(self.look if self._written() else self._try_the_knobs)

    def _written(self) -> bool:
        """Whether the answer cell holds an answer; in a lesson there is none."""
        return bool(self.exercise.points) and not all(map(is_open, self.answers().values()))

    def _try_the_knobs(self) -> Verdict:
        tried = self._tried or self.values()
        verdict = self.check(tried, keep=not self.exercise.points)
        if not self.exercise.points:
            return verdict
        noted = self.accounted(verdict, {})
        return replace(noted, judged=f"{_said(tried)} from the knobs, for a try")

    def values(self) -> dict[str, float]:
        """Return the knob values by the names of the answers, rounded as they are handed in."""
        pairs = zip(self.exercise.answers, self.demo.knobs, strict=True)
        return {name: float(f"{self.live.knobs[knob.name]:.4g}") for name, knob in pairs}

    def below(self, verdict: Verdict) -> str:
        """The lines that hand right values in, or that the knobs stand elsewhere than the cell."""
        tried = self._tried
        if tried is None or tried == self.answers():
            return ""
        if self._written():
            return (
                "<p>The answer cell was judged. The knobs stand elsewhere, at "
                f"{inline(_said(tried))}.</p>"
            )
        return line_to_copy(tried) if verdict.right else ""

    def _start(self) -> dict[str, float]:
        """Begin where the notebook's own answer stands, as far as the knobs can go there."""
        answers = self.answers()
        start = {}
        for name, knob in zip(self.exercise.answers, self.demo.knobs, strict=True):
            try:
                start[knob.name] = knob.accept(answers[name])
            except (KeyError, GradcourseError):
                continue
        return start


def _said(values: dict[str, float]) -> str:
    return ", ".join(f"`{name} = {number(value)}`" for name, value in values.items())
