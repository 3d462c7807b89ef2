"""What all panels share: a question, hints, a verdict, and checks that run in the background."""

from __future__ import annotations

import html
import threading
import warnings
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from typing import Any

from gradcourse import stills
from gradcourse.checking.engine import check
from gradcourse.checking.judged import accounted, lasting
from gradcourse.checking.panel.around import page_now
from gradcourse.checking.panel.face import Face
from gradcourse.checking.progress import Progress, ProgressWarning
from gradcourse.checking.question import Question
from gradcourse.checking.show import count, points
from gradcourse.checking.verdict import Verdict
from gradcourse.markup import inline
from gradcourse.support import GradcourseError


class Panel:
    """One question and its face. A subclass says which control and buttons it has.

    A check that is started by a button runs in a thread, so that the Stop button is heard:
    the thread that delivers button presses would otherwise be busy with the check.

    Attributes
    ----------
    first : Verdict
        Of the answer that the notebook held when the panel was made.
    latest : Verdict
        Of the last check that was done.
    face : Face
        The widget.
    root : ipywidgets.DOMWidget
        What is shown: the face, with a live figure above it where there is one.
    """

    def __init__(
        self,
        exercise: Question,
        namespace: Callable[[], Mapping[str, Any]],
        progress: Progress,
        solution: str,
        others: Collection[str] = (),
    ) -> None:
        self.exercise = exercise
        self.namespace = namespace
        self.progress = progress
        self.others = others
        self.hints = Hints(exercise, solution)
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()
        self._notices: list[str] = []
        self.shown = False
        self._cells: list[str] = []
        looked = self.look()
        # What is stored with the notebook must be the same in any kernel, at any hour.
        self.first = self.latest = replace(looked, judged="")
        self.face = Face(
            _title=exercise.title,
            _worth=count_points(exercise) if exercise.points else "",
            _question=inline(exercise.question),
            _control=self.control(),
            _buttons=self.buttons(),
            hint=self.hints.label,
        )
        self.root = self.dress(self.face)
        self.face.on_msg(lambda _, content, __: self.hear(content))
        self.settle(looked)
        self.show(looked)
        self.latest = looked

    # What a subclass says.

    def look(self) -> Verdict:
        """Check the answer that the notebook holds now, and say where it comes from."""
        answers = self.answers()
        return self.accounted(self.check(answers), answers)

    def control(self) -> dict[str, Any]:
        """Describe the control for the answer; empty where the notebook's cell is the control."""
        return {}

    def buttons(self) -> list[str]:
        """Name the buttons of this kind of question, the first one foremost."""
        return ["check"]

    def dress(self, face: Face) -> Any:
        """Return the widget that is shown, the face in it."""
        return face

    def settle(self, verdict: Verdict) -> None:
        """Change the control after a check; most have nothing to change."""

    def below(self, verdict: Verdict) -> str:
        """Return HTML that belongs under a verdict."""
        return ""

    def listed(self) -> str:
        """Return HTML for what a page without a kernel shows in place of the control."""
        return ""

    # What the browser sends.

    def hear(self, message: Any) -> None:
        """Do what a press or a key asks for."""
        if not isinstance(message, Mapping):
            return
        cells = message.get("cells")
        several = cells if isinstance(cells, list) else []
        self._cells = [text for text in several if isinstance(text, str)]
        try:
            self.heed(str(message.get("do")), str(message.get("text", "")))
        except Exception as error:  # nobody else would see it
            self.face.said = _failure(error)

    def heed(self, deed: str, text: str) -> None:
        """Do one thing: check, stop, or open a hint. A subclass adds its own."""
        if deed == "check":
            self.press()
        elif deed == "stop":
            self._stop.set()
        elif deed == "hint":
            self.hints.open_next()
            self.face.hints = [f"<p>{self.hints.linked(hint)}</p>" for hint in self.hints.opened]
            self.face.hint, self.face.spent = self.hints.label, self.hints.spent

    def press(self) -> None:
        """Check the notebook's answer, in the background."""
        self.start(self.look)

    # What they all use.

    def bundle(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return MIME bundle and metadata: the widget where one can run, else the verdict."""
        data = self.root._repr_mimebundle_()
        data = data[0] if isinstance(data, tuple) else data
        return {
            **{kind: value for kind, value in (data or {}).items() if kind != "text/plain"},
            "text/plain": repr(self.first),
            "text/html": self.still(self.first),
        }, stills.mark({}, self.root.model_id)

    def still(self, verdict: Verdict) -> str:
        """Return HTML for a page without a kernel: the question, and a verdict."""
        return (
            f"{self._asked()}{self.listed()}{verdict._repr_html_()}"
            '<p class="gc-go-on">Run this cell to go on.</p>'
        )

    def _asked(self) -> str:
        question = self.exercise.question
        return f"<p>{inline(question)}</p>" if question else ""

    def answers(self) -> dict[str, Any]:
        """Return the answers that the notebook holds now."""
        namespace = self.namespace()
        return {name: namespace[name] for name in self.exercise.answers if name in namespace}

    def check(self, answers: Mapping[str, Any], keep: bool = True) -> Verdict:
        """Check, and keep the attempt unless it was kept before."""
        verdict = check(self.judged(), answers, stop=self._stop)
        if not keep:
            return verdict
        with self.noticing():
            self.progress.record(verdict)
        return verdict

    def accounted(self, verdict: Verdict, answers: Mapping[str, Any]) -> Verdict:
        """Say of a verdict on the notebook's answers from which cells they come."""
        return accounted(verdict, self.exercise, page_now(answers, self._cells, self.others))

    def judged(self) -> Question:
        """Return the question as the engine is to judge it."""
        return self.exercise

    def noticing(self) -> Any:
        """Turn warnings about the progress file into lines of the panel.

        What a button's callback writes to stderr is seen by nobody.
        """
        return _Noticing(self._notices)

    def show(self, verdict: Verdict) -> None:
        """Write a verdict into the panel, and into what is left of it tomorrow."""
        self.latest = verdict
        notices = "".join(f"<p>{html.escape(notice)}</p>" for notice in self._notices)
        self.face.said = f"{verdict._repr_html_()}{self.below(verdict)}{notices}"
        self._notices.clear()
        self.remember()

    def remember(self) -> None:
        """Write down what is left of this panel when its kernel is gone."""
        if self.shown:
            kept = replace(self.latest, judged=lasting(self.latest.judged))
            stills.keep(self.root.model_id, self.still(kept), repr(kept), self.above())

    def above(self) -> str:
        """Name the widget whose own still belongs above this panel's; most have none."""
        return ""

    def start(self, work: Callable[[], Verdict]) -> None:
        """Run a check in the background, the controls switched off meanwhile."""
        if self._thread is not None and self._thread.is_alive():
            return
        self._stop.clear()
        self.face.busy = True
        self.face.said = "<p>checking…</p>"
        self._thread = threading.Thread(
            target=self._in_background, args=(work,), daemon=True, name="gradcourse-panel"
        )
        self._thread.start()

    def wait(self, seconds: float | None = None) -> None:
        """Wait until the check in the background is done."""
        if self._thread is not None:
            self._thread.join(seconds)

    def _in_background(self, work: Callable[[], Verdict]) -> None:
        try:
            verdict = work()
            self.settle(verdict)
            self.show(verdict)
        except Exception as error:  # nobody else would see it
            self.face.said = _failure(error)
        finally:
            self.face.busy = False


class Hints:
    """Opened one by one; at last the place of the solution."""

    def __init__(self, exercise: Question, solution: str) -> None:
        self._steps = [f"Hint {i}: {hint}" for i, hint in enumerate(exercise.hints, start=1)]
        if solution and self._steps:
            self._steps.append(f"The solution is in {solution}.")
        self._number_of_hints = len(exercise.hints)
        self._solution = solution
        self._open = 0

    def linked(self, hint: str) -> str:
        """Return a hint as HTML; the solution opens in a tab of its own."""
        text, path = inline(hint), html.escape(self._solution)
        link = f'<a href="../{path}" target="_blank">{path}</a>'
        return text.replace(path, link) if path else text

    @property
    def opened(self) -> list[str]:
        """Those that were opened."""
        return self._steps[: self._open]

    @property
    def spent(self) -> bool:
        """Whether there is none left."""
        return self._open >= len(self._steps)

    @property
    def label(self) -> str:
        """What the button for the next one says; empty where there are none at all."""
        if not self._steps:
            return ""
        if self._open < self._number_of_hints:
            return f"Hint {self._open + 1} of {self._number_of_hints}"
        return "Solution"

    def open_next(self) -> None:
        """Open one more."""
        self._open = min(self._open + 1, len(self._steps))


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
