"""A prediction or a vote for a page without a kernel: what was measured, and how to judge.

The measurement is the question's own, done when the site is built. What is said of a number is
decided in the browser by the rules of `gradcourse.checking.values`, written once more in
``static/judge.js``; a test holds both to each other. What is said of a choice is computed here.
"""

from __future__ import annotations

import dataclasses
import json
from typing import Any

from gradcourse.checking.engine import check
from gradcourse.checking.panel import ruler
from gradcourse.checking.question import Choice, Prediction, Question
from gradcourse.checking.values import ROUNDED, SETTING, measured_text
from gradcourse.checking.verdict_css import STYLE
from gradcourse.exercises.registry import get
from gradcourse.markup import inline


def truth(id: str) -> str:
    """Measure what a question asks for; return it as JSON."""
    question = get(id)
    if not isinstance(question, Prediction | Choice):
        raise TypeError(f"{id} is a {type(question).__name__}: nothing is measured for it alone")
    found = question.measure()
    return json.dumps(found if isinstance(found, str) else float(found))


def plays(question: Question) -> bool:
    """Whether a question can be asked without a kernel and without giving away points."""
    return isinstance(question, Prediction | Choice) and not question.points


def told(question: Prediction | Choice, found: Any) -> dict[str, Any]:
    """Return all that the page needs of a question.

    Parameters
    ----------
    question : Prediction or Choice
    found : float or str
        What was measured.

    Returns
    -------
    dict
        JSON-ready. What the panel shows, as its widget takes it; of a number the rule to judge by.
    """
    common = {
        "id": question.id,
        "title": question.title,
        "points": question.points,
        "question": inline(question.question),
        "hints": [inline(hint) for hint in question.hints],
    }
    if isinstance(question, Choice):
        options = [(option.key, inline(option.text)) for option in question.options]
        return {
            **common,
            "control": {"kind": "choice", "options": options},
            "button": "vote" if question.vote else "lock",
            "verdicts": {key: verdict_html(question, key, found) for key, _ in options},
        }
    unit = f" {question.unit}" if question.unit else ""
    return {
        **common,
        "control": ruler.control(question),
        "button": "lock",
        "rule": rule(question, found),
        "outcome": ruler.outcome(question, found)
        | {"words": f"{measured_text(question, found)}{unit}"},
    }


def rule(question: Prediction, found: float) -> dict[str, Any]:
    """Return what decides about a predicted number, and what is said then, as HTML.

    JSON knows no infinity, so what was measured is text.
    """
    return {
        "log": question.log,
        "low": question.low,
        "high": question.high,
        "within": question.within,
        "unit": inline(question.unit),
        "measured": repr(found),
        "words": measured_text(question, found),
        "explain": lines(question.explain),
        "rounded": ROUNDED,
        "setting": SETTING,
        "slips": [
            [float(slip.value), lines(f"{slip.name}: {slip.message}")]
            for slip in question.misconceptions
        ],
    }


def lines(text: str) -> list[str]:
    """Return a text, line by line, as HTML."""
    return [inline(line) for line in text.splitlines() if line]


def verdict_html(question: Prediction | Choice, answer: Any, found: Any) -> str:
    """Return what the engine says of an answer when this was measured, without its style sheet."""
    fixed = dataclasses.replace(question, measure=lambda: found)
    return check(fixed, answer)._repr_html_().removeprefix(STYLE)
