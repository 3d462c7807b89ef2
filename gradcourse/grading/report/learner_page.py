"""The page that a learner gets back: the same feedback that the panel gives."""

from __future__ import annotations

from collections.abc import Iterator

from markupsafe import Markup

from gradcourse.checking.verdict import MARKS, WORDS, Verdict
from gradcourse.checking.verdict_css import STYLE
from gradcourse.grading.mark import Mark, QuestionMark
from gradcourse.grading.report.page import render


def learner_page(mark: Mark) -> bytes:
    """Return one learner's page.

    What the code printed is left out: it could be the hidden inputs. Seeds and fingerprints are
    not shown, either.
    """
    return render(
        "learner.html",
        mark=mark,
        signs=MARKS,
        word=_word,
        verdict=_verdict,
        how=list(_how(mark)),
    )


def _word(question: QuestionMark) -> str:
    if not question.parts and question.reasons:
        return "not graded"
    return "partly right" if question.state == "partly" else WORDS[question.status]


def _verdict(question: QuestionMark) -> Markup:
    """What the panel shows. A verdict escapes its own texts, there and here."""
    verdict = Verdict(question.id, question.title, question.parts)
    return Markup(verdict._repr_html_().removeprefix(STYLE))


def _how(mark: Mark) -> Iterator[str]:
    yield (
        f"All {mark.run} code cells were run from top to bottom, as Run All does; "
        f"{mark.failed} of them failed."
    )
    if "on" in mark.sandbox.values():
        yield "They ran alone, without the network and without other files than you handed in."
    yield (
        "Your functions were called on random inputs, the same for everybody who was graded with "
        "you."
    )
