"""Measure a claim again from a page: choose it, press the button, read the new numbers.

This module alone imports ipywidgets, and only a front end asks for what it makes.
"""

from __future__ import annotations

import html
import threading
from typing import Any

from gradcourse import stills
from gradcourse.experiments.claim import all_claims, claim_about
from gradcourse.ledger import told
from gradcourse.ledger.entries import Entry, kept_entry

LONG = "some ten minutes and more"
"""What those take whose trainings are stored."""


class Workbench:
    """A list of claims, a button, and what was measured.

    Attributes
    ----------
    latest : Entry or None
        What the last press measured.
    """

    def __init__(self, first: str) -> None:
        self.first = first
        self.latest: Entry | None = None
        self._thread: threading.Thread | None = None

    @property
    def choices(self) -> list[tuple[str, str]]:
        """What the list offers: words with the cost, and the claim's id."""
        return [(_label(kept_entry(claim)), claim.id) for claim in all_claims()]

    def measure(self, id: str) -> Entry:
        """Measure a claim at full size, now."""
        self.latest = kept_entry(claim_about(id)).measured()
        return self.latest

    def wait(self, seconds: float | None = None) -> None:
        """Wait until the last measurement is done."""
        if self._thread is not None:
            self._thread.join(seconds)

    def widget(self) -> Any:
        """Return the list, the button and the place below them."""
        import ipywidgets

        every = ipywidgets.Dropdown(
            options=self.choices,
            value=self.first,
            description="claim",
            layout=ipywidgets.Layout(width="100%"),
        )
        button = ipywidgets.Button(description="measure now", button_style="primary")
        below = ipywidgets.HTML()

        def work(id: str) -> None:
            try:
                below.value = told.STYLE + told.article(self.measure(id), opened=True)
            except Exception as error:  # nobody else would see it
                below.value = f"<p>It could not be measured: {html.escape(repr(error))}</p>"
            finally:
                button.disabled = False

        def press(_: Any) -> None:
            button.disabled = True
            below.value = "<p>Measuring …</p>"
            self._thread = threading.Thread(target=work, args=(every.value,), daemon=True)
            self._thread.start()

        button.on_click(press)
        return ipywidgets.VBox([every, button, below])

    def __repr__(self) -> str:
        return f"Run this cell, choose one of {len(self.choices)} claims, and measure it yourself."

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> Any:
        words = f"<p>{html.escape(repr(self))}</p>"
        shown: Any = self.widget()._repr_mimebundle_() or {}
        data, metadata = shown if isinstance(shown, tuple) else (shown, {})
        model = data.get(stills.VIEW, {}).get("model_id")
        bundle = {**data, "text/html": words, "text/plain": repr(self)}
        return bundle, stills.mark(metadata, model)


def _label(entry: Entry) -> str:
    claim = entry.claim
    cost = f"{entry.seconds:.0f} s" if claim.kept is None else LONG
    return f"{claim.lesson.number} · {claim.quote} ({cost})"


def workbench(first: str = "saturation/claim-zero") -> Workbench:
    """Return a list of all claims with a button that measures the chosen one, at full size.

    Parameters
    ----------
    first : str
        The id of the claim that is chosen at the beginning.
    """
    return Workbench(first)
