"""The panel of a tuning exercise: the demo's own sliders, and a check that measures."""

from __future__ import annotations

from typing import Any

from gradcourse.checking.panel.base import Panel
from gradcourse.checking.panel.commit import line_to_copy
from gradcourse.checking.panel.face import Face
from gradcourse.checking.question import Tuning
from gradcourse.checking.verdict import Verdict
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
        tried = self._tried = self.values()
        self.start(lambda: self.check(tried))

    def values(self) -> dict[str, float]:
        """Return the knob values by the names of the answers, rounded as they are handed in."""
        pairs = zip(self.exercise.answers, self.demo.knobs, strict=True)
        return {name: float(f"{self.live.knobs[knob.name]:.4g}") for name, knob in pairs}

    def below(self, verdict: Verdict) -> str:
        """The lines that hand right values in, unless the notebook has them already."""
        tried = self._tried
        if not verdict.right or tried is None or tried == self.answers():
            return ""
        return line_to_copy(tried)

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
