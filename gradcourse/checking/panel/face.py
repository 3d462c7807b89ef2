"""What a panel shows, as one widget of the course's own.

Panels of ready-made widgets could not be used without a mouse: a button that is switched off drops
the focus, a slider has no name and always a value, and a status that is replaced is not spoken.
This module alone imports anywidget, and only panels import it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anywidget
import traitlets

from gradcourse.figures.live import PAGE_JS

_HERE = Path(__file__).parent


class Face(anywidget.AnyWidget):
    """The question, its control, its buttons, and one region that says what was found.

    The browser sends ``{"do": "check" | "lock" | "read" | "hint" | "stop", …}``.

    Attributes
    ----------
    said : str
        The verdict, as HTML.
    heard : str
        What was understood of a typed number, or why it is refused.
    answer : number, str or None
        What the control shows; None before it was touched.
    locked : bool
        Whether the answer was committed.
    outcome : dict
        Of a prediction, after it was locked: what was measured, to be drawn on the scale.
    hints : list of str
        Those that are open.
    hint : str
        What the button for the next one says; empty without hints.
    busy : bool
        Whether a check is running.
    """

    _esm = PAGE_JS + (_HERE / "panel.js").read_text(encoding="utf-8")
    _css = _HERE / "panel.css"

    said = traitlets.Unicode("").tag(sync=True)
    heard = traitlets.Unicode("").tag(sync=True)
    answer: Any = traitlets.Any(None, allow_none=True).tag(sync=True)
    locked = traitlets.Bool(False).tag(sync=True)
    outcome: Any = traitlets.Dict().tag(sync=True)
    hints: Any = traitlets.List().tag(sync=True)
    hint = traitlets.Unicode("").tag(sync=True)
    spent = traitlets.Bool(False).tag(sync=True)
    busy = traitlets.Bool(False).tag(sync=True)
    _title = traitlets.Unicode("").tag(sync=True)
    _worth = traitlets.Unicode("").tag(sync=True)
    _question = traitlets.Unicode("").tag(sync=True)
    _control: Any = traitlets.Dict().tag(sync=True)
    _buttons: Any = traitlets.List().tag(sync=True)
