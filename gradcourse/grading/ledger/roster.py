"""Who belongs to the class, and who works together."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from gradcourse.grading.ledger.sheets import read_sheet
from gradcourse.grading.mark import Mark
from gradcourse.support import GradcourseError

ROSTER = {
    "name": ("Student", "name", "learner", "Full name", "Name"),
    "first": ("First name", "Firstname", "given name"),
    "last": ("Surname", "Last name", "Lastname", "family name"),
    "login": ("SIS Login ID", "login", "username", "user", "User ID"),
    "id": ("ID", "canvas_id", "Identifier", "id"),
    "sis": ("SIS User ID", "student id", "matriculation", "SID"),
    "email": ("Email address", "email", "e-mail"),
    "section": ("Section", "class", "tutorial"),
    "group": ("group", "team"),
    "days": ("days late", "days_late"),
    "submitted": ("Last modified (submission)", "submitted", "submitted_at", "handed in"),
}
GROUPS = {"group": ("group", "team"), "learner": ("learner", "member", "student", "name", "login")}


@dataclass(frozen=True)
class Person:
    """A line of the roster; what is not known is empty."""

    name: str
    login: str = ""
    id: str = ""
    sis: str = ""
    email: str = ""
    section: str = ""
    group: str = ""
    days: str = ""
    submitted: str = ""

    def called(self) -> Iterator[str]:
        """All that the learner may be called by."""
        last, comma, first = self.name.partition(",")
        turned = f"{first} {last}" if comma else ""
        for text in (self.name, turned, self.login, self.email, self.email.partition("@")[0]):
            if key := key_of(text):
                yield key
        for number in (self.id, self.sis):
            if number:
                yield f"#{number.rpartition(' ')[2]}"


def key_of(name: str) -> str:
    """Return a name without capitals, spaces and signs: "Doe, Jane" and Canvas's "doejane"."""
    text = unicodedata.normalize("NFKC", name).casefold()
    return re.sub(r"[\W_]", "", text)


class Roster:
    """The class.

    Parameters
    ----------
    people : sequence of Person
    """

    def __init__(self, people: Sequence[Person]) -> None:
        self.people = list(people)
        self._by_key: dict[str, set[int]] = {}
        for index, person in enumerate(self.people):
            for key in person.called():
                self._by_key.setdefault(key, set()).add(index)

    def find(self, mark: Mark) -> Person | None:
        """Find whose mark it is, by number first; None where nobody, or more than one, fits."""
        origin = mark.origin
        numbers = [text.rpartition(" ")[2] for text in (origin.canvas, origin.moodle) if text]
        keys = [*(f"#{number}" for number in numbers), key_of(mark.learner)]
        keys += [key_of(part) for part in origin.key[1:2]]
        return self._first(keys)

    def named(self, name: str) -> Person | None:
        """Find a person by any of the names that the roster has."""
        return self._first([key_of(name), f"#{name.strip()}"])

    def _first(self, keys: Sequence[str]) -> Person | None:
        for key in keys:
            found = self._by_key.get(key, set()) if key else set()
            if len(found) == 1:
                return self.people[min(found)]
        return None


def read_roster(path: Path) -> Roster:
    """Read a roster: Canvas's gradebook export, Moodle's grading worksheet, or a table of names.

    Raises
    ------
    GradcourseError
        If it is none of these.
    """
    rows = read_sheet(path, ROSTER, ("name", "login", "last"))
    people = []
    for row in rows:
        name = row["name"] or " ".join(filter(None, (row["first"], row["last"]))) or row["login"]
        if not name or name.startswith(("Points Possible", "Student, Test")):
            continue
        kept = {key: row[key] for key in Person.__dataclass_fields__ if key != "name"}
        people.append(Person(name, **kept))
    if not people:
        raise GradcourseError(f"{path}: there is nobody in it")
    return Roster(people)


def read_groups(path: Path) -> dict[str, list[str]]:
    """Read who works together: a line for each member, or one for each group with ";" between.

    Raises
    ------
    GradcourseError
        If the columns are not there, two groups have one name, or one learner two groups.
    """
    groups: dict[str, list[str]] = {}
    named: dict[str, tuple[str, bool, str]] = {}
    of_member: dict[str, str] = {}
    for row in read_sheet(path, GROUPS, ("learner",)):
        members = [part.strip() for part in row["learner"].split(";") if part.strip()]
        name, at = row["group"] or f"group of line {row['line']}", f"{path}, line {row['line']}"
        first, whole, line = named.setdefault(key_of(name), (name, len(members) > 1, row["line"]))
        if first != name or (line != row["line"] and (whole or len(members) > 1)):
            raise GradcourseError(
                f"{at}: there is a group {first!r} in line {line}: give each a name of its own"
            )
        for member in members:
            other = of_member.setdefault(key_of(member), name)
            if other != name:
                raise GradcourseError(f"{at}: {member} is in the groups {other} and {name}")
        groups.setdefault(name, []).extend(members)
    return groups
