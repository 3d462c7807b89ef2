"""The live figure: one widget for lines and cells, with its knobs inside.

This module alone imports anywidget, and only `Demo.widget` imports this module.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from gradcourse import stills
from gradcourse.figures.demo import Demo
from gradcourse.figures.layout import Layout, arrange, arrange_all, steady
from gradcourse.figures.plot import Picture, Plot
from gradcourse.figures.themed import KIND, SCHEME
from gradcourse.figures.wire import Points, describe, style_table
from gradcourse.support import GradcourseError

_HERE = Path(__file__).parent

PAGE_JS = (_HERE / "page.js").read_text(encoding="utf-8")
"""What every widget's module begins with."""

Frames = tuple[list[dict[str, Any]], bytes]


class LivePlot(anywidget.AnyWidget):
    """A figure whose knobs stand below it. `Demo.widget` makes one.

    Attributes
    ----------
    knobs : dict
        Name to real value. Set it from Python and the sliders follow; observe it to follow them.
    status : str
        Why the last figure could not be computed; empty when it could.
    """

    _esm = PAGE_JS + (_HERE / "live.js").read_text(encoding="utf-8")
    _css = _HERE / "live.css"

    # The browser moves its own sliders; an echo of its own message would move them back.
    knobs = traitlets.Dict().tag(sync=True, echo_update=False)
    status = traitlets.Unicode("").tag(sync=True)
    _controls: Any = traitlets.List().tag(sync=True)
    _heading = traitlets.Unicode("").tag(sync=True)
    _style = traitlets.Dict().tag(sync=True)
    _linked = traitlets.Bool(False).tag(sync=True)
    _click: Any = traitlets.List().tag(sync=True)
    _rests = traitlets.Bool(False).tag(sync=True)
    _frames: Any = traitlets.List().tag(sync=True)
    _data = traitlets.Bytes(b"").tag(sync=True)
    _progress = traitlets.Float(1.0).tag(sync=True)

    def __init__(self, demo: Demo, values: Mapping[str, float]) -> None:
        self._demo = demo
        self._layout_before: Layout | None = None
        self._rested: dict[str, float] | None = None
        # Callbacks come in a thread of their own, while a cell may set `knobs` in another.
        self._lock = threading.RLock()
        super().__init__(
            knobs=dict(values),
            _heading=demo.title,
            _controls=[_control(knob) for knob in demo.knobs],
            _style={**style_table(), "image": KIND},
            _linked=demo.linked,
            _click=list(demo.click or ()),
            _rests=demo.rest is not None,
            _progress=0.0 if demo.linked else 1.0,
        )
        self._redraw()
        self.on_msg(self._answer)

    def complete(self) -> None:
        """Compute every frame of a linked demo now; a page without a kernel needs them all.

        A front end asks for this by itself when it shows the widget.
        """
        with self._lock:
            if self._progress < 1:
                self._hand_over(*self._every_frame())
                self._progress = 1.0

    @traitlets.validate("knobs")
    def _accept(self, proposal: Any) -> dict[str, float]:
        return self._demo.values(**{**self.knobs, **proposal["value"]})

    @traitlets.observe("knobs")
    def _move(self, _: Any) -> None:
        if self.comm is not None and not (self._linked and self._progress >= 1):
            self._redraw()

    def _answer(self, _: Any, content: Any, __: Any) -> None:
        if content == "frames":
            self._guarded(self.complete)
        elif isinstance(content, dict) and "rest" in content:
            self._guarded(lambda: self._come_to_rest(content["rest"]))
        elif isinstance(content, dict) and "still" in content:
            stills.keep(self.model_id, SCHEME + str(content["still"]) + stills.GO_ON)

    def _come_to_rest(self, knobs: Mapping[str, float]) -> None:
        """The values come with the message: it may overtake the one that moves the knobs."""
        self._rested = self._demo.values(**knobs)
        if self.knobs != self._rested:
            self.knobs = self._rested  # draws, too
        else:
            self._redraw()

    def _redraw(self) -> None:
        self._guarded(lambda: self._hand_over(*self._one_frame()))

    def _guarded(self, action: Any) -> None:
        """An exception in a callback is printed nowhere: show it in the widget."""
        try:
            with self._lock, self.hold_sync():
                action()
                self.status = ""
        except GradcourseError as problem:
            self.status = str(problem)
        except Exception as problem:
            self.status = f"This figure could not be computed: {type(problem).__name__}: {problem}"

    def _hand_over(self, frames: list[dict[str, Any]], data: bytes) -> None:
        with self.hold_sync():
            self._frames, self._data = frames, data

    def _one_frame(self) -> Frames:
        rested = self._rested == self.knobs
        figure = (self._demo.rested if rested else self._demo.frame)(**self.knobs)
        self._layout_before = steady(arrange(figure), self._layout_before)
        frames, data = _described([figure], [self._layout_before])
        return [{**frames[0], "rested": rested, "at": dict(self.knobs)}], data

    def _every_frame(self) -> Frames:
        knob = self._demo.knobs[0]
        figures = []
        for index in range(knob.count):
            figures.append(_figure(self._demo, knob.position(index)))
            self._progress = 0.99 * (index + 1) / knob.count
            self.send_state("_progress")
        return _described(figures, arrange_all(figures))


def live(demo: Demo, values: Mapping[str, float]) -> LivePlot:
    """Return the widget of a demo, its knobs at these real values."""
    return LivePlot(demo, values)


@lru_cache(maxsize=1024)
def _figure(demo: Demo, position: float) -> Plot | Picture:
    """A frame that trains a network is computed once, however often the demo is shown."""
    knob = demo.knobs[0]
    return demo.frame(**{knob.name: knob.value(position)})


def _described(figures: Sequence[Plot | Picture], layouts: Sequence[Layout]) -> Frames:
    points = Points()
    frames = [
        describe(layout, figure.title, figure.alt, points)
        for figure, layout in zip(figures, layouts, strict=True)
    ]
    return frames, points.bytes()


def _control(knob: Any) -> dict[str, Any]:
    return {
        "name": knob.name,
        "label": knob.label,
        "low": knob.low,
        "high": knob.position(knob.count - 1),
        "step": knob.step,
        "log": knob.log,
        "integer": knob.integer,
        "decimals": max(0, -math.floor(math.log10(knob.step) + 1e-9)),
    }
