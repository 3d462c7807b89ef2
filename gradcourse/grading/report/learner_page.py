"""The page that a learner gets back: the same feedback that the panel gives."""

from __future__ import annotations

from typing import Any

from gradcourse.checking.show import points
from gradcourse.checking.style import STYLE
from gradcourse.checking.verdict import MARKS, WORDS, PartResult, Verdict
from gradcourse.grading.report.page import inline, name, page, plain, table, visible
from gradcourse.grading.report.wording import (
    Record,
    is_graded,
    names_of,
    reason_text,
    score,
    sentences,
)


def learner_page(record: Record) -> bytes:
    """Return one learner's page.

    What the code printed is left out: it could be the hidden inputs.

    Parameters
    ----------
    record : dict
        What the JSON of the submission holds. Its seeds and fingerprints are not shown.
    """
    title = f"{names_of(record)}: {record['learner']}"
    body = [
        f"<h1>{plain(names_of(record))}: {name(record['learner'])}</h1>",
        f'<p class="score"><strong>{score(record)}</strong></p>',
        _notes(record),
        _reasons(record),
    ]
    if is_graded(record):
        body += [_overview(record), "<h2>Question by question</h2>"]
        body += [_question(index, one) for index, one in enumerate(record["questions"], 1)]
        body.append(_how(record))
    return page(title, "\n".join(filter(None, body)))


def _notes(record: Record) -> str:
    notes = record["submission"].get("notes", [])
    return f'<p class="quiet">{plain("; ".join(notes)).capitalize()}.</p>' if notes else ""


def _reasons(record: Record) -> str:
    items = "".join(f"<li>{inline(text)}</li>" for text in sentences(record))
    if not items:
        return ""
    end = "<p>Your instructor will look at this submission.</p>" if record["look"] else ""
    return f'<section class="notice"><h2>What was noticed</h2><ul>{items}</ul>{end}</section>'


def _overview(record: Record) -> str:
    rows = [
        [
            f'<a href="#q{index}">{inline(one["title"])}</a>',
            f'<span aria-hidden="true">{MARKS[one["status"]]}</span> {_word(one)}',
            f"{points(one['earned'])} of {points(one['possible'])}",
        ]
        for index, one in enumerate(record["questions"], 1)
    ]
    return table(["Question", "Answer", "Points"], rows, numbers=(2,)) if rows else ""


def _word(question: dict[str, Any]) -> str:
    if not question["parts"] and question["reasons"]:
        return "not graded"
    if question["status"] == "wrong" and question["earned"]:
        return "partly right"
    return WORDS[question["status"]]


def _question(index: int, question: dict[str, Any]) -> str:
    reasons = [reason_text(code) for code in dict.fromkeys(question["reasons"])]
    said = "".join(f"<p>{inline(text)}</p>" for text in reasons)
    return f'<section id="q{index}">{_verdict(question)}{said}</section>'


def _verdict(question: dict[str, Any]) -> str:
    if not question["parts"]:
        return (
            f'<div class="gc-verdict"><div><strong>{inline(question["title"])}</strong>: '
            f"{inline(question['headline'])}</div>{inline(question['message'])}</div>"
        )
    names = PartResult.__dataclass_fields__
    parts = tuple(
        PartResult(**{key: _visible(part[key]) for key in names}) for part in question["parts"]
    )
    verdict = Verdict(question["id"], visible(question["title"]), parts)
    return verdict._repr_html_().removeprefix(STYLE)


def _visible(value: Any) -> Any:
    return visible(value) if isinstance(value, str) else value


def _how(record: Record) -> str:
    cells = record["cells"]
    lines = [f"{cells['run']} code cells were run; {cells['failed']} of them failed."]
    on = [layer for layer, how in record["sandbox"].items() if how == "on"]
    off = [f"{layer} ({how})" for layer, how in record["sandbox"].items() if how != "on"]
    if record["trusted"] and not on:
        lines.append("They ran without a sandbox.")
    elif on:
        lines.append(f"They ran in a sandbox: {', '.join(on)}.")
    if off:
        lines.append(f"Not used: {', '.join(off)}.")
    lines.append(
        "Your functions were called on random inputs, the same for everybody who was graded with "
        "you."
    )
    text = "".join(f"<p>{plain(line)}</p>" for line in lines)
    return f'<section class="quiet"><h2>How it was graded</h2>{text}</section>'
