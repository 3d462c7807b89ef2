"""The emergency room as a widget: examine, name, treat, discharge, by mouse or keyboard.

This module alone imports anywidget, and only `EmergencyRoom` imports it, to show itself.
"""

from __future__ import annotations

import base64
import threading
from collections.abc import Callable
from html import escape
from pathlib import Path
from typing import Any

import anywidget
import numpy as np
import traitlets

from gradcourse import stills
from gradcourse.emergency.chart import ON_CALL
from gradcourse.emergency.examinations import EXAMINATIONS, guessing
from gradcourse.experiments.ward import TREATMENTS, outcome
from gradcourse.experiments.ward.patients import NAMES
from gradcourse.figures.live import PAGE_JS
from gradcourse.support import GradcourseError

_HERE = Path(__file__).parent
POINTS = 200
"""Most points of a curve that are sent."""


class Desk(anywidget.AnyWidget):
    """One room's face. The browser sends ``{"do": "examine" | "name" | "treat" | …, "what": …}``.

    Attributes
    ----------
    entries : list of dict
        What was done: ``title``, ``lines``, ``picture`` (a PNG as data, or empty) and its ``alt``.
    curve, first : dict
        Loss of the network as it stands, and as it came: ``loss``, ``guess``, ``measured``.
    kept : list of str
        Treatments in effect.
    chart : str
        The line to hand in.
    said : str
        What the last deed did, for the live region.
    busy, over : bool
    """

    _esm = PAGE_JS + (_HERE / "desk.js").read_text(encoding="utf-8")
    _css = _HERE / "desk.css"

    entries: Any = traitlets.List().tag(sync=True)
    curve: Any = traitlets.Dict().tag(sync=True)
    first: Any = traitlets.Dict().tag(sync=True)
    kept: Any = traitlets.List().tag(sync=True)
    chart = traitlets.Unicode("").tag(sync=True)
    spent = traitlets.Int(0).tag(sync=True)
    named = traitlets.Unicode("").tag(sync=True)
    said = traitlets.Unicode("").tag(sync=True)
    busy = traitlets.Bool(False).tag(sync=True)
    over = traitlets.Bool(False).tag(sync=True)
    _complaint = traitlets.Unicode("").tag(sync=True)
    _heading = traitlets.Unicode("").tag(sync=True)
    _examinations: Any = traitlets.List().tag(sync=True)
    _names: Any = traitlets.List().tag(sync=True)
    _treatments: Any = traitlets.List().tag(sync=True)

    def __init__(self, room: Any) -> None:  # an EmergencyRoom, which shows itself by this
        self.room = room
        self._thread: threading.Thread | None = None
        super().__init__(
            _examinations=[(row.key, row.text, row.price) for row in EXAMINATIONS],
            _names=list(NAMES.items()),
            _treatments=[(row.key, row.text) for row in TREATMENTS],
        )
        self._admit()
        self.on_msg(lambda _, content, __: self.hear(content))

    def hear(self, message: Any) -> None:
        """Do what a press asks for, in the background."""
        if not isinstance(message, dict) or self.busy:
            return
        deeds: dict[str, Callable[[str], None]] = {
            "examine": self._examine,
            "name": self._name,
            "treat": self._treat,
            "take back": self._take_back,
            "discharge": self._discharge,
            "next": self._next,
        }
        deed = deeds.get(str(message.get("do")))
        if deed is None:
            return
        self.busy = True
        self._thread = threading.Thread(
            target=self._in_background, args=(deed, str(message.get("what", ""))), daemon=True
        )
        self._thread.start()

    def wait(self, seconds: float | None = None) -> None:
        """Wait until the last deed is done."""
        if self._thread is not None:
            self._thread.join(seconds)

    def _in_background(self, deed: Callable[[str], None], what: str) -> None:
        try:
            deed(what)
        except GradcourseError as error:
            self.said = str(error)
        except Exception as error:  # nobody else would see it
            self.said = f"The room itself failed; this is not your mistake. {error!r}"
        finally:
            self.busy = False

    # ── Deeds ─────────────────────────────────────────────────────────────────────────────────

    def _examine(self, key: str) -> None:
        result = self.room.examine(key)
        picture, alt = "", ""
        if result.plot is not None:
            picture = base64.b64encode(result.plot.to_png(100)).decode()
            alt = result.plot.alt
        self._enter(result.title, result.lines, picture, alt)
        self.said = f"{result.title}: {'; '.join(result.lines)}"

    def _name(self, name: str) -> None:
        self.room.name(name)
        self._enter(f"You named: {NAMES[name]}", ())
        self.said = f"Named: {NAMES[name]}."

    def _treat(self, key: str) -> None:
        before = self.room.measured
        self.room.treat(key)
        self._after(f"Treated: {key}", before)

    def _take_back(self, key: str) -> None:
        before = self.room.measured
        self.room.take_back(key)
        self._after(f"Taken back: {key}", before)

    def _after(self, title: str, before: float) -> None:
        line = f"on the test rows {before:.2f} → {self.room.measured:.2f}"
        self._enter(title, (line,))
        self.said = f"{title}; {line}."

    def _discharge(self, _: str) -> None:
        lines = repr(self.room.discharge()).splitlines()
        self._enter("Discharged", tuple(line.strip() for line in lines))
        self.over = True
        self.said = lines[0]

    def _next(self, _: str) -> None:
        self.room = self.room.following()
        self._admit()
        self.said = f"{self._heading}. {self._complaint}"

    # ── What is shown ─────────────────────────────────────────────────────────────────────────

    def _admit(self) -> None:
        chart = self.room.chart
        with self.hold_sync():
            self._heading = f"Shift {chart.shift}, patient {chart.patient} of {len(ON_CALL)}"
            self._complaint = self.room.complaint
            self.entries = []
            self.over = self.room.discharged
            self.first = self._curve(self.room.chart.admitted)
            self._refresh()

    def _enter(self, title: str, lines: tuple[str, ...], picture: str = "", alt: str = "") -> None:
        with self.hold_sync():
            self.entries = [
                *self.entries,
                {"title": title, "lines": list(lines), "picture": picture, "alt": alt},
            ]
            self._refresh()

    def _refresh(self) -> None:
        chart = self.room.chart
        self.curve = self._curve(chart.now)
        self.kept, self.spent, self.named = list(chart.kept), chart.spent, chart.named
        self.chart = str(chart)
        stills.keep(self.model_id, self.still(), repr(self.room))

    def still(self) -> str:
        """Return HTML for a page whose kernel is gone: what was found, and the line to hand in."""
        parts = [f"<p><strong>{escape(self._heading)}</strong><br>{escape(self._complaint)}</p>"]
        for entry in self.entries:
            lines = escape("\n".join(entry["lines"]))
            parts.append(f"<p>{escape(entry['title'])}</p>{f'<pre>{lines}</pre>' if lines else ''}")
        return f"{''.join(parts)}<pre>{escape(self.chart)}</pre>{stills.GO_ON}"

    def _curve(self, recipe: Any) -> dict[str, Any]:
        run = outcome(recipe, True)
        rows = np.unique(np.linspace(0, len(run.loss) - 1, POINTS).astype(int))
        losses = [float(v) if np.isfinite(v) else None for v in run.loss[rows]]
        return {
            "updates": rows.tolist(),
            "loss": losses,
            "guess": guessing(recipe),
            "measured": run.measured,
        }
