"""The notebook around a panel: what the kernel has run, and what stands on the page."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from gradcourse.checking.judged import CellRun, Page
from gradcourse.checking.why.written import source_here
from gradcourse.ran import cells_that_ran


def page_now(answers: Mapping[str, Any], shown: Sequence[str], others: Collection[str]) -> Page:
    """Return what is known of the notebook now; nothing where there is none.

    Parameters
    ----------
    answers : mapping
        The answers that the notebook holds.
    shown : sequence of str
        The code cells above the panel, as the browser shows them.
    others : collection of str
        The names that the notebook's other questions ask for.
    """
    sources = {name: source_here(name, value) for name, value in answers.items() if callable(value)}
    runs = [
        CellRun(text, f"cell [{number}]", ran.failed if ran else "", ran.when if ran else None)
        for number, text, ran in cells_that_ran()
    ]
    texts = {name: source.text for name, source in sources.items() if source is not None}
    return Page(runs, texts, shown, time.time(), others)
