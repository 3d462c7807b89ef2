"""What all panels share: a heading, hints, a status area, and checks that run in the background."""

from __future__ import annotations

import html
import threading
import warnings
from collections.abc import Callable, Mapping
from typing import Any

from gradcourse.checking.engine import check
from gradcourse.checking.progress import Progress, ProgressWarning
from gradcourse.checking.question import Question
from gradcourse.checking.show import count, points
from gradcourse.checking.verdict import Verdict
from gradcourse.checking.verdict_css import CONTROLS, STYLE
from gradcourse.support import GradcourseError


class Panel:
    """One exercise's widgets. A subclass adds its own controls to ``controls``.

    A check that is started by a button runs in a thread, so that the Stop button is heard:
    the thread that delivers button presses would otherwise be busy with the check.

    Attributes
    ----------
    first : Verdict
        Of the answer that the notebook held when the panel was made.
    root : ipywidgets.VBox
        What is shown.
    """

    def __init__(
        self,
        exercise: Question,
        namespace: Callable[[], Mapping[str, Any]],
        progress: Progress,
        solution: str,
    ) -> None:
        import ipywidgets

        self.exercise = exercise
        self.namespace = namespace
        self.progress = progress
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()
        self._notices: list[str] = []
        self.status = ipywidgets.HTML()
        self.stop_button = ipywidgets.Button(
            description="Stop", icon="stop", tooltip="Stop the check that is running"
        )
        self.stop_button.layout.display = "none"
        self.stop_button.on_click(lambda _: self._stop.set())
        self.hints = Hints(exercise, solution)
        self.busy_controls: list[Any] = []
        self.first = self.look()
        controls = self.controls()
        buttons = ipywidgets.HBox([*self.buttons(), self.stop_button, *self.hints.buttons])
        self.root = ipywidgets.VBox(
            [self._heading(), *controls, buttons, *self.hints.texts, self.status]
        )
        self.root.add_class("gc-panel")
        self.show(self.first)

    # What a subclass says.

    def look(self) -> Verdict:
        """Check the answer that the notebook holds now."""
        return self.check(self.answers())

    def controls(self) -> list[Any]:
        """Return the widgets between the heading and the buttons."""
        return []

    def buttons(self) -> list[Any]:
        """Return the buttons of this kind of exercise."""
        return []

    def below(self, verdict: Verdict) -> str:
        """Return HTML that belongs under a verdict."""
        return ""

    def listed(self) -> str:
        """Return HTML for what a page without a kernel shows in place of the controls."""
        return ""

    # What they all use.

    def bundle(self) -> dict[str, Any]:
        """Return the MIME bundle: the widget where one can run, else the verdict as it was."""
        data = self.root._repr_mimebundle_()
        data = data[0] if isinstance(data, tuple) else data
        return {
            **{kind: value for kind, value in (data or {}).items() if kind != "text/plain"},
            "text/plain": repr(self.first),
            "text/html": self.still(),
        }

    def still(self) -> str:
        """Return HTML for a page without a kernel: the question, and the verdict as it was."""
        return f"{self._asked()}{self.listed()}{self.first._repr_html_()}"

    def _asked(self) -> str:
        question = self.exercise.question
        return f"<p>{html.escape(question)}</p>" if question else ""

    def answers(self) -> dict[str, Any]:
        """Return the answers that the notebook holds now."""
        namespace = self.namespace()
        return {name: namespace[name] for name in self.exercise.answers if name in namespace}

    def check(self, answers: Mapping[str, Any], keep: bool = True) -> Verdict:
        """Check, and keep the attempt unless it was kept before."""
        verdict = check(self.exercise, answers, stop=self._stop)
        if not keep:
            return verdict
        with self.noticing():
            self.progress.record(verdict)
        return verdict

    def noticing(self) -> Any:
        """Turn warnings about the progress file into lines of the panel.

        What a button's callback writes to stderr is seen by nobody.
        """
        return _Noticing(self._notices)

    def show(self, verdict: Verdict) -> None:
        """Write a verdict into the status area."""
        notices = "".join(f"<p>{html.escape(notice)}</p>" for notice in self._notices)
        self._say(f"{verdict._repr_html_()}{self.below(verdict)}{notices}")
        self._notices.clear()

    def start(self, work: Callable[[], Verdict]) -> None:
        """Run a check in the background, the controls switched off meanwhile."""
        if self._thread is not None and self._thread.is_alive():
            return
        self._stop.clear()
        before = [control.disabled for control in self.busy_controls]
        for control in self.busy_controls:
            control.disabled = True
        self.stop_button.layout.display = ""
        self._say("checking…")
        self._thread = threading.Thread(
            target=self._in_background, args=(work, before), daemon=True, name="gradcourse-panel"
        )
        self._thread.start()

    def wait(self, seconds: float | None = None) -> None:
        """Wait until the check in the background is done."""
        if self._thread is not None:
            self._thread.join(seconds)

    def _in_background(self, work: Callable[[], Verdict], before: list[bool]) -> None:
        try:
            verdict = work()
            for control, disabled in zip(self.busy_controls, before, strict=True):
                control.disabled = disabled
            self.done(verdict)
            self.show(verdict)
        except Exception as error:  # nobody else would see it
            for control, disabled in zip(self.busy_controls, before, strict=True):
                control.disabled = disabled
            self._say(_failure(error))
        finally:
            self.stop_button.layout.display = "none"

    def done(self, verdict: Verdict) -> None:
        """Change the controls after a check; most have nothing to change."""

    def _say(self, content: str) -> None:
        self.status.value = f'<div role="status" aria-live="polite">{content}</div>'

    def _heading(self) -> Any:
        import ipywidgets

        exercise = self.exercise
        worth = f" · {count_points(exercise)}" if exercise.points else ""
        title = f"<strong>{html.escape(exercise.title)}</strong>{worth}"
        return ipywidgets.HTML(f"{STYLE}{CONTROLS}<div>{title}{self._asked()}</div>")


class CheckPanel(Panel):
    """Looks the functions up in the notebook at each press of Check."""

    tooltip = "Check {names} as the notebook defines it now"

    def buttons(self) -> list[Any]:
        import ipywidgets

        self.check_button = ipywidgets.Button(
            description="Check",
            icon="check",
            button_style="primary",
            tooltip=self.tooltip.format(names=", ".join(self.exercise.answers)),
        )
        self.check_button.on_click(lambda _: self.press())
        self.busy_controls.append(self.check_button)
        return [self.check_button]

    def press(self) -> None:
        """Check, in the background."""
        self.start(self.look)


class Hints:
    """A button that opens the hints one by one, and at last says where the solution is."""

    def __init__(self, exercise: Question, solution: str) -> None:
        import ipywidgets

        self._steps = [f"Hint {i}: {hint}" for i, hint in enumerate(exercise.hints, start=1)]
        if solution and self._steps:
            self._steps.append(f"The solution is in {solution}.")
        self._number_of_hints = len(exercise.hints)
        self._opened = 0
        self.button = ipywidgets.Button(description="Hint", icon="lightbulb-o")
        self.text = ipywidgets.HTML()
        self.button.on_click(lambda _: self.open_next())
        self.buttons = [self.button] if self._steps else []
        self.texts = [self.text] if self._steps else []
        self._label()

    def open_next(self) -> None:
        """Show one more."""
        self._opened = min(self._opened + 1, len(self._steps))
        opened = "".join(f"<p>{html.escape(step)}</p>" for step in self._steps[: self._opened])
        self.text.value = f'<div role="status" aria-live="polite">{opened}</div>'
        self._label()

    def _label(self) -> None:
        if self._opened < self._number_of_hints:
            self.button.description = f"Hint {self._opened + 1} of {self._number_of_hints}"
        else:
            self.button.description = "Solution"
        self.button.disabled = self._opened >= len(self._steps)


class _Noticing(warnings.catch_warnings):
    """Collects warnings about the progress file; others are shown as ever."""

    def __init__(self, notices: list[str]) -> None:
        super().__init__(record=True)
        self._notices = notices
        self._caught: list[Any] = []

    def __enter__(self) -> Any:
        caught = super().__enter__()
        assert caught is not None
        self._caught = caught
        warnings.simplefilter("default", ProgressWarning)
        return self._caught

    def __exit__(self, *details: Any) -> None:
        super().__exit__(*details)
        for warning in self._caught:
            if issubclass(warning.category, ProgressWarning):
                self._notices.append(str(warning.message))
            else:
                warnings.warn_explicit(
                    warning.message, warning.category, warning.filename, warning.lineno
                )


def count_points(exercise: Question) -> str:
    """Return "2 points"."""
    if float(exercise.points).is_integer():
        return count(int(exercise.points), "point")
    return f"{points(exercise.points)} points"


def _failure(error: Exception) -> str:
    if isinstance(error, GradcourseError):
        return f"<p>{html.escape(str(error))}</p>"
    text = f"{type(error).__name__}: {error}"
    return (
        "<p>The check itself failed; this is not your mistake. Please report it: "
        f"<code>{html.escape(text)}</code></p>"
    )
