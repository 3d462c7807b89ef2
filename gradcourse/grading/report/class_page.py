"""The page for the instructor: how the class did, and what to do about it."""

from __future__ import annotations

from collections import Counter
from statistics import mean, median
from typing import Any
from urllib.parse import quote

from gradcourse.checking.show import count, points
from gradcourse.grading.many.store import LEARNERS
from gradcourse.grading.report.page import inline, name, page, plain, table
from gradcourse.grading.report.svg import CLASSES, STATES, divided_bar, histogram
from gradcourse.grading.report.wording import (
    Record,
    is_graded,
    layers,
    names_of,
    numbers_left_out,
    reason_text,
    sentences,
    state,
)
from gradcourse.lessons import LESSONS

WORDS = {"right": "right", "partly": "partly right", "wrong": "wrong", "unanswered": "no answer"}


def class_page(records: list[Record]) -> bytes:
    """Return the class page.

    Parameters
    ----------
    records : list of dict
        What the JSON files hold, in the order in which the learners are listed.
    """
    names = sorted({record["assignment"] or "" for record in records})
    title = f"Assignment {', '.join(filter(None, names))}" if any(names) else "The class"
    body = [f"<h1>{plain(title)}: {count(len(records), 'submission')}</h1>", _summary(records)]
    body.append(_looks(records))
    for number in filter(None, names):
        own = [record for record in records if record["assignment"] == number]
        prefix = f"{names_of(own[0])}: " if len(names) > 1 else ""
        body += [_scores(own, prefix), _questions(own, prefix), _misconceptions(own, prefix)]
    body += [_reasons(records), _sandbox(records), _everybody(records)]
    return page(f"{title}: the class", "\n".join(filter(None, body)))


def _summary(records: list[Record]) -> str:
    graded = [record for record in records if is_graded(record)]
    lines = [f"{len(graded)} of {count(len(records), 'submission')} could be graded."]
    looks = sum(record["look"] for record in records)
    if looks:
        verb = "needs" if looks == 1 else "need"
        lines.append(f"{looks} {verb} a look by hand; the list stands below.")
    late = sum("handed in late" in record["submission"].get("notes", ()) for record in records)
    if late:
        lines.append(f"{late} handed in late.")
    lines.append(numbers_left_out(records))
    return f"<p>{' '.join(filter(None, lines))}</p>"


def _looks(records: list[Record]) -> str:
    rows = [
        [_link(record), plain(record["assignment"] or "?"), _marks(record), _why(record)]
        for record in records
        if record["look"]
    ]
    if not rows:
        return ""
    heads = ["Learner", "Assignment", "Points", "Why"]
    return f"<section><h2>To look at by hand</h2>{table(heads, rows, (2,))}</section>"


def _scores(records: list[Record], prefix: str) -> str:
    graded = [record for record in records if is_graded(record) and record["possible"]]
    if not graded:
        return ""
    earned = [record["earned"] for record in graded]
    possible = points(graded[0]["possible"])
    return (
        f"<section><h2>{prefix}Points</h2>"
        f"{histogram([record['earned'] / record['possible'] for record in graded])}"
        f"<p>Of {possible} points the mean is {mean(earned):.1f} and the median "
        f"{median(earned):.1f}. What could not be graded is not counted.</p></section>"
    )


def _questions(records: list[Record], prefix: str) -> str:
    graded = [record for record in records if is_graded(record)]
    if not graded:
        return ""
    rows = []
    for index, question in enumerate(graded[0]["questions"]):
        own = [record["questions"][index] for record in graded]
        counts = Counter(map(state, own))
        rows.append(
            [
                f"{inline(question['title'])}<br><code>{plain(question['id'])}</code>",
                divided_bar(counts),
                *(str(counts[one]) for one in STATES),
                f"{mean(one['earned'] for one in own):.2f} of {points(question['possible'])}",
            ]
        )
    legend = "".join(
        f'<span><i class="key {CLASSES[one]}"></i>{WORDS[one]}</span>' for one in STATES
    )
    heads = ["Question", "", *(WORDS[one].capitalize() for one in STATES), "Mean points"]
    return (
        f'<section><h2>{prefix}Question by question</h2><p class="legend" aria-hidden="true">'
        f"{legend}</p>{table(heads, rows, (2, 3, 4, 5, 6))}</section>"
    )


def _misconceptions(records: list[Record], prefix: str) -> str:
    """What to talk about in the next lecture: the wrong ideas that most learners share."""
    counts: Counter[tuple[str, str]] = Counter()
    said: dict[tuple[str, str], tuple[str, str]] = {}
    for record in records:
        seen = set()
        for question in record["questions"]:
            for part in question["parts"]:
                if part["misconception"]:
                    idea = (question["id"], part["misconception"])
                    seen.add(idea)
                    said.setdefault(idea, (question["title"], part["message"].split("\n")[0]))
        counts.update(seen)
    if not counts:
        return ""
    rows = []
    for idea, learners in counts.most_common():
        title, message = said[idea]
        rows.append([str(learners), inline(idea[1]), inline(title), inline(message)])
    number = str(records[0]["assignment"])
    where = "".join(
        f" The lesson is <code>{row.notebook}</code>." for row in LESSONS if row.number == number
    )
    heads = ["Learners", "Misconception", "Question", "What they were told"]
    return (
        f"<section><h2>{prefix}What to talk about</h2><p>Misconceptions that were recognised, the "
        f"most common first.{where}</p>{table(heads, rows)}</section>"
    )


def _reasons(records: list[Record]) -> str:
    counts: Counter[str] = Counter()
    for record in records:
        counts.update({one["code"] for one in record["reasons"]})
    if not counts:
        return ""
    rows = [
        [f"<code>{plain(code)}</code>", str(number), plain(reason_text(code))]
        for code, number in counts.most_common()
    ]
    heads = ["Code", "Submissions", "Meaning"]
    return f"<section><h2>Reasons</h2>{table(heads, rows, (1,))}</section>"


def _sandbox(records: list[Record]) -> str:
    rows = [
        [plain(layer), "<br>".join(plain(f"{how} ({number})") for how, number in hows.items())]
        for layer, hows in layers(records).items()
    ]
    trusted = sum(record["trusted"] for record in records)
    note = f"<p>{trusted} graded with --trusted.</p>" if trusted else ""
    if not rows:
        return note
    heads = ["Layer", "How, and for how many submissions"]
    return f"<section><h2>Sandbox</h2>{note}{table(heads, rows)}</section>"


def _everybody(records: list[Record]) -> str:
    several = len({record["assignment"] for record in records}) > 1
    rows = [
        [
            _link(record),
            *([plain(record["assignment"] or "?")] if several else []),
            _marks(record),
            plain("; ".join(record["submission"].get("notes", []))),
            plain(record["submission"]["name"]),
        ]
        for record in records
    ]
    heads = ["Learner", *(["Assignment"] if several else []), "Points", "Notes", "File"]
    return f"<section><h2>Everybody</h2>{table(heads, rows, (2 if several else 1,))}</section>"


def _marks(record: Record) -> str:
    if not is_graded(record):
        return "not graded"
    return f"{points(record['earned'])} of {points(record['possible'])}"


def _why(record: Record) -> str:
    return "<br>".join(inline(text) for text in sentences(record))


def _link(record: dict[str, Any]) -> str:
    stem = quote(record["submission"]["stem"])
    return f'<a href="{LEARNERS}/{stem}.html">{name(record["learner"])}</a>'
