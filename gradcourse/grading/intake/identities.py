"""Whether a learner's number in Canvas or Moodle is theirs: an import believes it, not the name."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from gradcourse.grading.intake.layout import Found

MOST_SHARED = 0.1
"""The share of learners with somebody else's number beyond which the folder is no download."""

DATE = re.compile(
    r"(19|20)\d\d(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])(\d{4}|\d{6})?"
    r"|(0[1-9]|[12]\d|3[01])(0[1-9]|1[0-2])20\d\d"
)
SHORT_DATE = re.compile(r"[12]\d(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])")
SHORT_FROM = 3
"""Six digits are a date by chance; those of so many learners are not."""

Key = tuple[str, ...]


def doubtful_numbers(found: Iterable[Found]) -> dict[Key, str]:
    """Find the learners whose numbers may not be theirs.

    No platform gives two learners one number. Where that is found, or where all numbers are dates,
    the names are of another shape that only looks like the platform's: ``name_date_id_file``.

    Returns
    -------
    dict
        From the keys of these learners to why, in words.
    """
    doubts: dict[Key, str] = {}
    for platform, number in (("Canvas", _canvas), ("Moodle", _moodle)):
        own = [one for one in found if number(one)]
        doubts |= _of_one_platform(platform, own, number)
    return doubts


def _of_one_platform(
    platform: str, found: Sequence[Found], number: Callable[[Found], str]
) -> dict[Key, str]:
    keys = {one.key for one in found}
    shared = _shared(found, number)
    why = ""
    if len(shared) > MOST_SHARED * len(keys):
        why = "several learners have one number"
    elif _shared(found, _upload):
        why = "files of several learners have one number"
    elif _are_dates(map(number, found), len(keys)) or _are_dates(map(_upload, found), len(keys)):
        why = "all numbers are dates"
    # The learners' pages show these texts: nobody else may be named in them.
    if why:
        text = (
            f"The names look like {platform}'s, but {why}: its mark is exported without a number."
        )
        return dict.fromkeys(keys, text)
    text = f"Its number in {platform} is also another learner's: its mark is exported without it."
    return dict.fromkeys(shared, text)


def _shared(found: Sequence[Found], number: Callable[[Found], str]) -> set[Key]:
    """Learners one of whose numbers is another's, too."""
    holders: dict[str, set[Key]] = {}
    for one in found:
        if number(one):
            holders.setdefault(number(one).lstrip("0"), set()).add(one.key)
    return {key for keys in holders.values() if len(keys) > 1 for key in keys}


def _are_dates(numbers: Iterable[str], learners: int) -> bool:
    given = [number.zfill(8) if len(number) == 7 else number for number in numbers if number]
    long = all(DATE.fullmatch(number) for number in given)
    short = learners >= SHORT_FROM and all(SHORT_DATE.fullmatch(number) for number in given)
    return bool(given) and (long or short)


def _canvas(one: Found) -> str:
    return one.canvas


def _moodle(one: Found) -> str:
    return one.moodle.rpartition(" ")[2]


def _upload(one: Found) -> str:
    return str(one.serial[1]) if one.canvas else ""


SHAPES = {
    "canvas": "the names of Canvas's bulk download, name_ID_number_file",
    "moodle": "the names of Moodle's bulk download, name_ID_assignsubmission_…",
    "blackboard": "the names of Blackboard's download, assignment_login_attempt_time_file",
    "brightspace": "the names of Brightspace's download, ID-number - name - time",
    "gradescope": "Gradescope's export, submission_ID and its list of names",
    "plain": "the names of files and folders",
}
"""By the first part of a learner's key: what told whose work it is."""


def shapes(keys: Iterable[Key]) -> list[tuple[str, int]]:
    """Return in words what told whose work it is, and of how many learners."""
    counts = Counter(key[0] for key in set(keys))
    return [(SHAPES.get(kind, kind), number) for kind, number in counts.most_common()]
