"""From what a learning platform hands over to one submission per learner and assignment.

Understood are one notebook per learner in a flat folder, a folder per learner, nbgrader's
``submitted/<learner>/<assignment>/``, the bulk downloads of Canvas and Moodle, and zips of these.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from gradcourse.checking.show import count
from gradcourse.grading.intake.contents import read
from gradcourse.grading.intake.identities import doubtful_numbers
from gradcourse.grading.intake.layout import COPY, Found, recognise, shown, skeleton
from gradcourse.grading.intake.tree import UNSAFE, Refused, is_notebook, walk
from gradcourse.grading.mark import LATE, Reason
from gradcourse.grading.sandbox.budget import Limits
from gradcourse.support import GradcourseError

MOST_OPENED = 50
"""Of one learner's notebooks, how many are opened to see what they answer: the newest."""

T = TypeVar("T")


@dataclass(frozen=True)
class Submission:
    """What one learner handed in for one assignment.

    Attributes
    ----------
    learner : str
        The name to show; two learners may have the same.
    assignment : str or None
        "02", as the platform or the instructor says; None where only the notebook knows.
    name : str
        Where it was found: "download.zip/alice/02_saturation.ipynb". Only to be shown.
    read : callable
        Returns the notebook's bytes, or raises `Refused` with a reason.
    notes : tuple of str
        What is worth knowing and changes nothing: "handed in late".
    doubts : tuple of Reason
        Why a person should look at it although it can be graded.
    guess : str or None
        The assignment that the learner's file name speaks of.
    key : tuple of str
        Tells learners apart whose names look the same.
    canvas, moodle : str
        The learner's number in Canvas, the "Participant 123" of Moodle; empty where unknown or
        in doubt.
    files : callable
        Returns what was handed in beside the notebook, by its place from there, if it is small.
    submitted : str
        When it was handed in, where the platform's names say it: "2025-10-01T12:30:00".
    earlier : tuple of Submission
        The same learner's attempts at the same assignment before this one, the newest first, where
        the best is to count.
    """

    learner: str
    assignment: str | None
    name: str
    read: Callable[[], bytes]
    notes: tuple[str, ...] = ()
    doubts: tuple[Reason, ...] = ()
    guess: str | None = None
    key: tuple[str, ...] = ()
    canvas: str = ""
    moodle: str = ""
    files: Callable[[], dict[str, bytes]] = dict
    submitted: str = ""
    earlier: tuple[Submission, ...] = ()

    @property
    def attempts(self) -> tuple[Submission, ...]:
        """This and the earlier ones."""
        return (self, *self.earlier)


def find_submissions(
    path: Path | str, assignment: str | None = None, *, all_attempts: bool = False
) -> list[Submission]:
    """Find the submissions in a folder or zip; nothing is unpacked and no link followed.

    Parameters
    ----------
    path : Path or str
        A folder, a zip, or a single notebook.
    assignment : str, optional
        Only this one; a learner who handed in nothing for it is listed without a notebook.
    all_attempts : bool
        Whether of several notebooks for one assignment all are kept; otherwise the newest alone.

    Returns
    -------
    list of Submission
        In the order of the learners' names.

    Raises
    ------
    GradcourseError
        If nothing is there, or no submission is in it.
    """
    from gradcourse.exercises.registry import assignment_names

    path = Path(path)
    known = assignment_names()
    try:
        found = recognise(walk(path), known, path.resolve().name)
    except GradcourseError as error:
        raise GradcourseError(
            str(error) if str(error).startswith(str(path)) else f"{path}: {error}"
        ) from None
    submissions = [
        one
        for group in _groups(found, lambda one: one.key)
        for one in _with_strays(_of_one_learner(group, assignment, known, all_attempts), group)
    ]
    submissions.sort(key=lambda one: (one.learner.casefold(), one.key, one.assignment or ""))
    return _with_doubtful_names(_without_doubtful_numbers(submissions, doubtful_numbers(found)))


def _of_one_learner(
    found: list[Found], assignment: str | None, known: Collection[str], all_attempts: bool
) -> list[Submission]:
    one_of = _with_earlier if all_attempts else _one
    others = tuple(other for one in found for other in one.others)
    files = [replace(one, others=others) for one in found if one.entry is not None]
    if assignment is not None:
        files = [one for one in files if one.assignment in (None, assignment)]
    notebooks = [one for one in files if one.entry and not one.entry.problem]
    if not all_attempts:
        notebooks = _last_attempts(notebooks)
    if not notebooks:
        return [_without(files or found[:1], assignment)]
    if len(notebooks) == 1:
        return [one_of(notebooks, notebooks[0].assignment or assignment)]
    newest = {id(one) for one in sorted(notebooks, key=_entry_time)[-MOST_OPENED:]}
    named = [
        (one, _named_assignment(one, known) if id(one) in newest else None) for one in notebooks
    ]
    lessons = tuple((one.place, one.entry) for one, name in named if not name and one.entry)
    named = [
        (replace(one, others=(*lessons, *one.others)) if name else one, name) for one, name in named
    ]
    if assignment is not None and any(name == assignment for _, name in named):
        named = [(one, name) for one, name in named if name == assignment]
    # A notebook that names no assignment, beside some that do, is a scratch pad.
    named = [(one, name) for one, name in named if name] or named
    return [
        one_of([one for one, _ in group], group[0][0].assignment or assignment or group[0][1])
        for group in _groups(named, lambda pair: pair[1])
    ]


def _with_strays(submissions: list[Submission], found: list[Found]) -> list[Submission]:
    """Ask a person to look where a zip holds, beside what is graded, what leads out of it."""
    strays = [one for one in found if one.entry and one.entry.leads_out]
    if not strays or not any(one.entry and not one.entry.problem for one in found):
        return submissions
    were = "was" if len(strays) == 1 else "were"
    what = count(len(strays), "file")
    doubt = Reason(
        UNSAFE, text=f"{what} in the zip would lie outside its folder, and {were} not opened."
    )
    return [replace(one, doubts=(*one.doubts, doubt)) for one in submissions]


def _groups(things: Iterable[T], by: Callable[[T], Any]) -> list[list[T]]:
    groups: dict[Any, list[T]] = {}
    for thing in things:
        groups.setdefault(by(thing), []).append(thing)
    return list(groups.values())


def _last_attempts(notebooks: list[Found]) -> list[Found]:
    """Of Canvas's 02.ipynb, 02-1.ipynb, 02-2.ipynb, the last."""
    files = [one for one in notebooks if one.base]
    last = [max(same, key=lambda one: one.serial) for same in _groups(files, lambda one: one.base)]
    return last + [one for one in notebooks if not one.base]


def _one(notebooks: list[Found], assignment: str | None) -> Submission:
    """The newest of a learner's notebooks for one assignment."""
    times = [(_entry_time(one), one.serial) for one in notebooks]
    chosen = notebooks[times.index(max(times))]
    doubts: tuple[Reason, ...] = ()
    if len(notebooks) > 1:
        others = sorted(shown(_place(one)) for one in notebooks if one is not chosen)
        others[5:] = [f"{len(others) - 5} more"] if len(others) > 5 else []
        newest = "the newest" if times.count(max(times)) == 1 else "one of the newest"
        text = (
            f"There are {len(notebooks)} notebooks; {newest} was graded, not {', '.join(others)}."
        )
        doubts = (Reason("several-notebooks", text=text),)
    assert chosen.entry is not None
    submission = _submission(chosen, assignment, chosen.entry.read, doubts)
    return replace(submission, files=partial(_beside, chosen))


MOST_ATTEMPTS = 10
"""Of one learner for one assignment: so many may count, the newest ones."""


def _with_earlier(notebooks: list[Found], assignment: str | None) -> Submission:
    """All of a learner's notebooks for one assignment, the newest in front."""
    ordered = sorted(notebooks, key=lambda one: (one.submitted, _entry_time(one), one.serial))
    attempts = [_one([one], assignment) for one in ordered[: -MOST_ATTEMPTS - 1 : -1]]
    if len(attempts) == 1:
        return attempts[0]
    note = f"the best of {len(attempts)} attempts counts"
    newest, *earlier = (replace(one, notes=(*one.notes, note)) for one in attempts)
    return replace(newest, earlier=tuple(earlier))


MOST_BESIDE, LARGEST_BESIDE = 100, 16 << 20
"""How many files beside a notebook, and bytes of them, are handed on with it."""


def _beside(chosen: Found) -> dict[str, bytes]:
    """The files in a notebook's folder and below it; those that cannot be read are left out."""
    folder, size = chosen.place[:-1], 0
    files: dict[str, bytes] = {}
    for place, entry in chosen.others[:MOST_BESIDE]:
        name = place[len(folder) :]
        if place[: len(folder)] != folder or not all(map(_is_plain, name)):
            continue
        with suppress(Refused):
            data = entry.read()
            if size + len(data) <= LARGEST_BESIDE:
                files["/".join(name)] = data
                size += len(data)
    return files


def _is_plain(name: str) -> bool:
    return name.isprintable() and "/" not in name and name not in ("", ".", "..")


def _without(found: list[Found], assignment: str | None) -> Submission:
    """A learner without a notebook that can be read, and why."""
    refused = [one for one in found if one.entry and one.entry.problem]
    refused.sort(key=lambda one: not is_notebook(_place(one)))
    first = refused[0] if refused else found[0]
    problem = first.entry.problem if refused and first.entry else None
    reason = problem or Refused("no-notebook", "No notebook was handed in.")

    def read() -> bytes:
        raise reason

    return _submission(first, first.assignment or assignment, read)


def _submission(
    found: Found,
    assignment: str | None,
    read: Callable[[], bytes],
    doubts: tuple[Reason, ...] = (),
) -> Submission:
    return Submission(
        learner=found.learner,
        assignment=assignment,
        name=shown(_place(found)),
        read=read,
        notes=(LATE,) if found.late else (),
        doubts=doubts,
        guess=found.guess,
        key=found.key,
        canvas=found.canvas,
        moodle=found.moodle,
        submitted=found.submitted,
    )


def _without_doubtful_numbers(
    submissions: list[Submission], why: dict[tuple[str, ...], str]
) -> list[Submission]:
    """An export without a number goes to nobody; with somebody else's, to a wrong person."""
    return [
        replace(
            one,
            canvas="",
            moodle="",
            doubts=(*one.doubts, Reason("number-in-doubt", text=why[one.key])),
        )
        if one.key in why
        else one
        for one in submissions
    ]


def _with_doubtful_names(submissions: list[Submission]) -> list[Submission]:
    """Names that may be one person's; the learners' pages show the texts, so they name nobody."""
    keys = sorted({one.key for one in submissions})
    texts = {
        key: "Its name is that of a copy: whose work is it?"
        for key in keys
        if key[0] == "plain" and COPY.search(key[1].strip())
    }
    for group in _groups(keys, lambda key: (key[0], skeleton(key[1]), *key[2:])):
        if len(group) > 1:
            capitals = len({key[1].casefold() for key in group}) == 1
            what = "differs only in capitals" if capitals else "is nearly the same"
            text = f"Another learner's name {what}: is it the same person?"
            texts |= dict.fromkeys(group, text)
    return [
        replace(one, doubts=(*one.doubts, Reason("name-in-doubt", text=texts[one.key])))
        if one.key in texts
        else one
        for one in submissions
    ]


def _place(found: Found) -> str:
    return "/".join(found.entry.parts) if found.entry else found.learner


def _entry_time(found: Found) -> float:
    return found.entry.modified if found.entry else 0.0


def _named_assignment(found: Found, known: Collection[str]) -> str | None:
    """Which assignment a notebook is of: by its folder, its metadata, or its name."""
    if found.assignment:
        return found.assignment
    assert found.entry is not None
    with suppress(Refused):  # whatever is wrong with it, grading will find it and say so
        notebook = read(found.entry.read(), Limits.notebook).notebook
        if notebook.assignment in known or notebook.lesson:
            return notebook.assignment or None
    return found.guess if found.guess in known else None
