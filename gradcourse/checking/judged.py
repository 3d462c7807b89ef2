"""What a verdict is about: which name, from which cell, and whether that cell has moved on since.

A notebook shows a page and a kernel knows what was run; the two part as soon as somebody types. So
a verdict says from which run its answer comes, and warns where a later run failed, the cell was
changed after it, or the name is misspelt. The same for a panel, a file and a class.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from gradcourse.checking.question import Question
from gradcourse.checking.verdict import Verdict
from gradcourse.checking.why.written import DEFINITIONS, parsed
from gradcourse.support import nearest

LIKENESS = 0.75
"""How like an answer's name another one must be to be taken for a slip of the keyboard."""

MOST_NAMES = 300
"""Names, the latest of a notebook, among which a misspelt one is looked for."""

MOST_RUNS = 2000
"""Runs whose names are kept; of a notebook with more cells, each would be parsed for each name."""


@dataclass(frozen=True)
class CellRun:
    """One cell as it was run.

    Attributes
    ----------
    source : str
        Its text then.
    place : str
        As its reader knows it: "cell [41]" of a kernel, "cell 7" of a file.
    failed : str
        What it raised, "ZeroDivisionError: division by zero (line 3)"; empty where it ran through.
    when : float or None
        Seconds, in any clock; None where it is not known.
    """

    source: str
    place: str
    failed: str = ""
    when: float | None = None

    def gave(self, name: str) -> bool:
        """Whether this run gave a name its value, as far as the source and the error tell."""
        line = named(self.source).get(name)
        if line is None or line == 0:
            return False
        if not self.failed:
            return True
        at = re.search(r"\(line (\d+)\)$", self.failed)
        return at is not None and line < int(at[1])

    @property
    def why(self) -> str:
        """Why it failed, as the end of a sentence."""
        return f" ({self.failed})" if self.failed else ""


@dataclass(frozen=True)
class Page:
    """What is known of the notebook in which the answers stand.

    Attributes
    ----------
    runs : sequence of CellRun
        In the order in which they were run.
    texts : mapping
        From an answer's name to the text of the cell that its function says it comes from.
    shown : sequence of str
        The code cells above the question as they stand on the page now; empty where it is not
        known.
    now : float or None
        In the clock of the runs.
    others : collection of str
        The names that other questions ask for: none of them is a misspelt one of this.
    """

    runs: Sequence[CellRun] = ()
    texts: Mapping[str, str] | None = None
    shown: Sequence[str] = ()
    now: float | None = None
    others: Collection[str] = ()


def accounted(verdict: Verdict, question: Question, page: Page) -> Verdict:
    """Return the verdict with what it judged, and with warnings where that may surprise."""
    judged: list[str] = []
    warnings: dict[str, list[str]] = {}
    for name in question.answers:
        origin = _origin(name, page)
        if origin is not None and not verdict.unanswered:
            judged.append(f"`{name}` from {origin.place}{_ago(origin, page.now)}")
        warning = (
            _changed_since(name, origin, page)
            or _misspelt(name, origin, page, question, verdict)
            or _failed_since(name, origin, page)
        )
        if warning:
            warnings.setdefault(warning.replace(f"`{name}`", "{}"), []).append(f"`{name}`")
    return replace(
        verdict,
        judged="; ".join(_together(judged)),
        warnings=tuple(text.replace("{}", " and ".join(names)) for text, names in warnings.items()),
    )


def _origin(name: str, page: Page) -> CellRun | None:
    """The run from which a name has its value."""
    text = (page.texts or {}).get(name)
    if text is not None:
        for run in reversed(page.runs):
            if _plain(run.source) == _plain(text):
                return run
    return next((run for run in reversed(page.runs) if run.gave(name)), None)


def _together(judged: Sequence[str]) -> list[str]:
    """ "`a` and `b` from cell [3]" for two names of one cell."""
    names: dict[str, list[str]] = {}
    for text in judged:
        name, _, place = text.partition(" from ")
        names.setdefault(place, []).append(name)
    return [f"{' and '.join(group)} from {place}" for place, group in names.items()]


def _ago(run: CellRun, now: float | None) -> str:
    if run.when is None or now is None:
        return ""
    minutes = (now - run.when) / 60
    if minutes < 1:
        return ", run just now"
    if minutes < 60:
        return f", run {minutes:.0f} min ago"
    hours = minutes / 60
    return f", run {hours:.0f} h ago" if hours < 48 else f", run {hours / 24:.0f} days ago"


def lasting(judged: str) -> str:
    """Return what was judged without how long ago it was run: true tomorrow, too."""
    return re.sub(r", run (just now|\d+ (min|h|days) ago)", "", judged)


# ── Warnings ──────────────────────────────────────────────────────────────────────────────────


def _failed_since(name: str, origin: CellRun | None, page: Page) -> str:
    """A later run that was to give the name, and did not."""
    later = _after(origin, page.runs)
    failed = [run for run in later if run.failed and name in named(run.source)]
    if not failed or failed[-1].gave(name):
        return ""
    last = failed[-1]
    head = f"The last run of the cell that defines `{name}` failed{last.why}."
    if origin is None:  # of a file, the answer itself says so
        return f"{head} Mend it and run it again." if page.now is not None else ""
    return f"{head} This verdict is about the earlier version, from {origin.place}."


def _changed_since(name: str, origin: CellRun | None, page: Page) -> str:
    """The page's own cell has another text than the one that was run."""
    current = [text for text in page.shown if name in named(text)]
    if not current:
        return ""
    text = _plain(current[-1])
    if origin is not None and _plain(origin.source) == text:
        return ""
    if any(_plain(run.source) == text for run in page.runs):
        return ""  # it was run like this: what is judged came from elsewhere since
    if origin is None:
        return (
            f"The cell that defines `{name}` has not been run yet: click into it, press "
            "Shift+Enter, then press Check."
        )
    return (
        f"The cell that defines `{name}` was changed after it ran, and this verdict is about what "
        "ran: click into it, press Shift+Enter, then press Check."
    )


def _misspelt(
    name: str, origin: CellRun | None, page: Page, question: Question, verdict: Verdict
) -> str:
    """A later definition under a name that is nearly the one that was asked for."""
    later = _after(None if verdict.unanswered else origin, page.runs)
    asked = {*question.answers, *page.others}
    left = MOST_NAMES
    for run in reversed(later):
        if left <= 0:
            break
        names = [other for other in _given_names(run.source) if other not in asked][-left:]
        left -= len(names)
        found = nearest(name, names, most=1, likeness=LIKENESS)
        if found and run.gave(found[0]) and not _known_before(found[0], run, page.runs):
            head = f"{run.place[:1].upper()}{run.place[1:]} defines `{found[0]}`"
            if verdict.unanswered or origin is None:
                return f"{head}, and asked for is `{name}`: is it misspelt?"
            return f"{head}: is `{name}` meant? This verdict is about `{name}` from {origin.place}."
    return ""


@lru_cache(maxsize=MOST_RUNS)
def _given_names(source: str) -> tuple[str, ...]:
    """What a learner's cell defines; of functions alone, since variables often look alike."""
    tree = parsed(source)
    body = tree.body if tree is not None else []
    functions = [node.name for node in body if isinstance(node, DEFINITIONS)]
    alone = [*named(source)] if len(named(source)) == 1 else []
    return (*functions, *alone)


def _known_before(name: str, run: CellRun, runs: Sequence[CellRun]) -> bool:
    """Whether the name is older than this: then it is another thing of the notebook's."""
    earlier = runs[: _index(run, runs)]
    return any(name in named(other.source) and other.source != run.source for other in earlier)


def _after(origin: CellRun | None, runs: Sequence[CellRun]) -> Sequence[CellRun]:
    return runs if origin is None else runs[_index(origin, runs) + 1 :]


def _index(run: CellRun, runs: Sequence[CellRun]) -> int:
    return next(i for i, other in enumerate(runs) if other is run)


# ── Reading a cell ────────────────────────────────────────────────────────────────────────────


@lru_cache(maxsize=MOST_RUNS)
def named(source: str) -> dict[str, int]:
    """Return the names that a cell gives a value, and the line in which it is done.

    The line is 0 where the cell is no Python and the names are only guessed from its lines.
    """
    tree = parsed(source)
    if tree is None:
        lines = re.findall(r"^(?:(?:def|class)\s+(\w+)|(\w+)\s*=(?!=))", source, re.MULTILINE)
        return {name: 0 for pair in lines for name in pair if name}
    try:
        return dict(_names_of(tree))
    except RecursionError:
        return {}


_OF_THEIR_OWN = (ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
"""Whose names are nobody else's."""


def _names_of(tree: ast.AST) -> Iterator[tuple[str, int]]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, DEFINITIONS):
            yield node.name, node.end_lineno or 0
        elif isinstance(node, _OF_THEIR_OWN):
            continue
        elif isinstance(node, ast.Name):
            if isinstance(node.ctx, ast.Store):
                yield node.id, node.lineno
        else:
            yield from _names_of(node)


def _plain(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.strip().splitlines())
