"""From the marks that were found to those that count."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from gradcourse.grading.ledger.late import Policy, days_between
from gradcourse.grading.ledger.roster import Person, Roster, key_of
from gradcourse.grading.ledger.sheets import Row, moment, number_of, read_sheet
from gradcourse.grading.many.store import stem_of
from gradcourse.grading.mark import Adjustment, Mark, QuestionMark, Reason
from gradcourse.support import GradcourseError, nearest

OVERRIDES = {
    "learner": ("learner", "name", "login", "student"),
    "assignment": ("assignment",),
    "question": ("question", "id"),
    "points": ("points", "score"),
    "bonus": ("bonus", "extra"),
    "days": ("days late", "days_late"),
    "comment": ("comment", "feedback"),
}


@dataclass(frozen=True)
class Decisions:
    """What the instructor has decided.

    Attributes
    ----------
    overrides : Path or None
        ``overrides.csv``; may be missing.
    policy : Policy or None
        Of late work.
    due : datetime or None
        The deadline.
    roster : Roster or None
    groups : dict
        From a group to its members.
    """

    overrides: Path | None = None
    policy: Policy | None = None
    due: datetime | None = None
    roster: Roster | None = None
    groups: dict[str, list[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Book:
    """The marks that count.

    Attributes
    ----------
    marks : list of Mark
    people : dict
        From a learner's key to the line of the roster.
    missing : list of Person
        Who is in the roster and handed in nothing.
    unused : list of str
        What was decided and changed nothing, and why: lines of ``overrides.csv``, groups, a policy.
    """

    marks: list[Mark]
    people: dict[tuple[str, ...], Person] = field(default_factory=dict)
    missing: list[Person] = field(default_factory=list)
    unused: list[str] = field(default_factory=list)


def settle(marks: Sequence[Mark], decisions: Decisions) -> Book:
    """Apply what was decided, in this order: groups, late work, overrides.

    Raises
    ------
    GradcourseError
        If a table cannot be understood.
    """
    own = _with_groups(list(marks), decisions)
    people = _people(own, decisions.roster)
    rows = _rows(decisions.overrides)
    if decisions.roster is not None:
        own = [_of_the_class(mark, people) for mark in own]
    own = [_late(mark, people.get(mark.origin.key), decisions, rows) for mark in own]
    used: set[str] = set()
    if decisions.overrides is not None:
        own = [_overridden(mark, rows, used, decisions.overrides) for mark in own]
    unused = [
        f"{decisions.overrides}, line {row['line']}: {_why_unused(row, own)}"
        for row in rows
        if row["line"] not in used
    ]
    unused += [*_undone(rows, own, decisions.overrides), *_without_work(own, decisions)]
    if decisions.policy is not None:
        unused += _timeless(own, people, decisions, rows)
    known = set(map(id, people.values()))
    everybody = decisions.roster.people if decisions.roster else []
    return Book(own, people, [one for one in everybody if id(one) not in known], unused)


def _why_unused(row: Row, marks: Sequence[Mark]) -> str:
    """Whether nobody has that name, or the line changes nothing of theirs."""
    theirs = [mark for mark in marks if _is_of(row, mark)]
    if not theirs:
        anywhere = [mark for mark in marks if _is_of({**row, "assignment": ""}, mark)]
        if anywhere:
            return f"{anywhere[0].learner} has no assignment {row['assignment']!r}"
        return f"it fits nobody: {row['learner']!r}"
    wanted = row["question"]
    if wanted and not any(_is_asked(wanted, one) for mark in theirs for one in mark.questions):
        ids = [question.id for question in theirs[0].questions]
        near = nearest(wanted, ids) or ids[:3]
        return f"{theirs[0].learner} has no question {wanted!r}; there are {', '.join(near)}"
    return f"it changes nothing for {theirs[0].learner}: it has no points, bonus or comment"


def _undone(rows: Sequence[Row], marks: Sequence[Mark], path: Path | None) -> Iterator[str]:
    """Name the lines that give points which a later line gives anew."""
    for mark in marks:
        last: dict[str, str] = {}
        for row in rows:
            if row["points"] and _is_of(row, mark):
                earlier = last.get(row["question"].casefold())
                if earlier is not None:
                    yield f"{path}, line {earlier}: line {row['line']} counts instead"
                last[row["question"].casefold()] = row["line"]


def _without_work(marks: Sequence[Mark], decisions: Decisions) -> Iterator[str]:
    """Name the groups of which nobody is here."""
    names = {
        key_of(name) for mark in marks for name in (mark.learner, *_person_names(mark, decisions))
    }
    for group, members in decisions.groups.items():
        if not {key_of(group), *map(key_of, members)} & names:
            yield f"the group {group}: nobody of it handed in anything"


def _person_names(mark: Mark, decisions: Decisions) -> Iterable[str]:
    person = decisions.roster.find(mark) if decisions.roster else None
    return person.called() if person is not None else ()


def _people(marks: Iterable[Mark], roster: Roster | None) -> dict[tuple[str, ...], Person]:
    found = {} if roster is None else {mark.origin.key: roster.find(mark) for mark in marks}
    return {key: person for key, person in found.items() if person is not None}


def _of_the_class(mark: Mark, people: dict[tuple[str, ...], Person]) -> Mark:
    if mark.origin.key in people:
        return mark
    return mark.because(Reason("not-in-roster"))


# ---------------------------------------------------------------- groups


def _with_groups(marks: list[Mark], decisions: Decisions) -> list[Mark]:
    """A mark for each member of a group: the best that one of them handed in."""
    groups = dict(decisions.groups)
    for person in decisions.roster.people if decisions.roster else []:
        if person.group and not decisions.groups:
            groups.setdefault(person.group, []).append(person.name)
    for name, members in groups.items():
        marks = _of_group(marks, name, members, decisions.roster)
    return marks


def _of_group(
    marks: list[Mark], name: str, members: Sequence[str], roster: Roster | None
) -> list[Mark]:
    def who(text: str) -> str:
        person = roster.named(text) if roster else None
        return person.name if person else text

    def owner(mark: Mark) -> str:
        person = roster.find(mark) if roster else None
        return key_of(person.name if person else mark.learner)

    keys = {key_of(who(member)): who(member) for member in members}
    own = [mark for mark in marks if owner(mark) in {*keys, key_of(name)}]
    rest = [mark for mark in marks if mark not in own]
    for assignment in {mark.assignment for mark in own}:
        alike = [mark for mark in own if mark.assignment == assignment]
        best = max(alike, key=lambda mark: (mark.graded, mark.earned))
        hashes = {mark.origin.sha256 for mark in alike if mark.graded}
        note = f"handed in by {best.learner} for the group {name}"
        for key, member in keys.items():
            theirs = next((mark for mark in alike if owner(mark) == key), None)
            if theirs is not best:
                theirs = _for_member(best, member, theirs, note)
            text = f"The group {name} handed in several notebooks; the best one counts."
            doubt = Reason("several-notebooks", text=text)
            rest.append(theirs.because(doubt) if len(hashes) > 1 else theirs)
    return sorted(rest, key=lambda mark: (mark.learner.casefold(), mark.assignment or ""))


def _for_member(mark: Mark, member: str, theirs: Mark | None, note: str) -> Mark:
    if theirs is not None:
        origin = theirs.origin
    else:
        identity = json.dumps(["group", member, mark.assignment or ""])
        stem = stem_of(member, identity)
        origin = replace(mark.origin, identity=identity, canvas="", moodle="", stem=stem)
    name = theirs.learner if theirs is not None else member
    return replace(mark, learner=name, origin=replace(origin, notes=(*mark.origin.notes, note)))


# ---------------------------------------------------------------- late work


def _late(mark: Mark, person: Person | None, decisions: Decisions, rows: Sequence[Row]) -> Mark:
    policy = decisions.policy
    if policy is None or not mark.graded:
        return mark
    days = _days_late(mark, person, decisions, rows)
    if days is None:
        text = _submitted(mark, person)
        if text and moment(text) is None:
            said = f"When it was handed in is not understood: {text!r}."
            return mark.because(Reason("late-unknown", text=said))
        return mark.because(Reason("late-unknown")) if mark.origin.late else mark
    cost = policy.cost(days, mark.possible)
    if not cost:
        return mark
    return mark.adjusted(Adjustment("late", -min(cost, mark.earned), policy.said(days)))


def _days_late(
    mark: Mark, person: Person | None, decisions: Decisions, rows: Sequence[Row]
) -> float | None:
    for row in rows:
        if row["days"] and decisions.overrides and _is_of(row, mark):
            return number_of(row, "days", decisions.overrides)
    if person is not None and person.days:
        row = {"days": person.days, "line": "?"}
        return number_of(row, "days", Path("roster"))
    text = _submitted(mark, person)
    submitted = moment(text) if text else None
    if submitted is not None and decisions.due is not None:
        return days_between(decisions.due, submitted)
    return None


def _submitted(mark: Mark, person: Person | None) -> str:
    """When it was handed in, as the platform has it; Moodle writes "-" for never."""
    return mark.origin.submitted or (person.submitted.strip("-") if person is not None else "")


def _timeless(
    marks: Sequence[Mark],
    people: dict[tuple[str, ...], Person],
    decisions: Decisions,
    rows: Sequence[Row],
) -> Iterator[str]:
    """Say that a policy can cost nobody anything, for nobody's time is known."""
    if any(mark.origin.canvas or mark.origin.late for mark in marks):
        return  # Canvas's names say who is late
    known = (_days_late(mark, people.get(mark.origin.key), decisions, rows) for mark in marks)
    if all(days is None for days in known):
        yield (
            "--late takes nothing off: of nobody is known how late it is; give --due with times in "
            "the names or the roster, or `days late` in overrides.csv"
        )


# ---------------------------------------------------------------- overrides


def check_overrides(path: Path) -> None:
    """Read the table as `settle` does, before any work is done.

    Raises
    ------
    GradcourseError
        If there is a file, and it or a number in it cannot be understood.
    """
    for row in _rows(path):
        number_of(row, "points", path, least=0.0)
        number_of(row, "bonus", path)
        number_of(row, "days", path)


def _rows(path: Path | None) -> list[Row]:
    return [] if path is None or not path.exists() else read_sheet(path, OVERRIDES, ("learner",))


def _is_of(row: Row, mark: Mark) -> bool:
    origin = mark.origin
    names = {key_of(mark.learner), key_of(origin.stem), origin.canvas, origin.moodle} - {""}
    asked = row["assignment"].zfill(2) if row["assignment"] else mark.assignment
    return asked == mark.assignment and bool({key_of(row["learner"]), row["learner"]} & names)


def _turn(row: Row) -> int:
    """Questions, then the whole, so that points for the whole are the whole; then what is added."""
    return 0 if row["question"] else 1 if row["points"] else 2


def _overridden(mark: Mark, rows: Sequence[Row], used: set[str], path: Path) -> Mark:
    for row in sorted(rows, key=_turn):
        if not _is_of(row, mark):
            continue
        before = mark
        points, bonus = number_of(row, "points", path, 0.0), number_of(row, "bonus", path)
        if row["question"]:
            mark = _with_question(mark, row, points, path)
        elif points is not None:
            _refuse_above(points, mark.possible, "the whole", row, path)
            change = Adjustment("points", points - mark.total, f"{points:g} points by hand")
            mark = replace(mark, by_hand=True).adjusted(change)
        if bonus:
            mark = mark.adjusted(Adjustment("bonus", bonus, row["comment"] or "bonus"))
        if row["comment"] and not row["question"]:
            mark = replace(mark, comment="\n".join(filter(None, (mark.comment, row["comment"]))))
        if mark is not before or row["days"]:
            used.add(row["line"])
    return mark


def _refuse_above(points: float, possible: float, what: str, row: Row, path: Path) -> None:
    if points > possible:
        raise GradcourseError(
            f"{path}, line {row['line']}: {points:g} points for {what}, which has "
            f"{possible:g}: give the rest as a bonus"
        )


def _is_asked(wanted: str, question: QuestionMark) -> bool:
    return wanted.casefold() in (question.id.casefold(), question.title.casefold())


def _with_question(mark: Mark, row: Row, points: float | None, path: Path) -> Mark:
    questions = []
    for question in mark.questions:
        if _is_asked(row["question"], question):
            question = _changed(question, row, points, path)
        questions.append(question)
    if tuple(questions) == mark.questions:
        return mark
    return replace(mark, questions=tuple(questions), by_hand=mark.by_hand or points is not None)


def _changed(question: QuestionMark, row: Row, points: float | None, path: Path) -> QuestionMark:
    note = row["comment"]
    if points is None:
        return replace(question, note=note)
    _refuse_above(points, question.possible, question.id, row, path)
    said = f"Your instructor gave {points:g} instead of {question.earned:g} points."
    return replace(question, earned=points, note=f"{said} {note}".strip())
