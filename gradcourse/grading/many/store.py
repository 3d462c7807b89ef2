"""What is kept of each submission: one JSON file, written whole, under a name that is safe."""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path

from gradcourse.grading.intake import Submission
from gradcourse.grading.intake.layout import JOINERS, readable
from gradcourse.grading.mark import NOWHERE, Mark
from gradcourse.support import GradcourseError, write_atomically

RESULTS = "results"
LEARNERS = "learners"
"""The folders of the JSON files and of the learners' pages."""

LONGEST_STEM = 80
RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
"""No file on Windows can have these names."""


def file_stems(submissions: Sequence[Submission]) -> list[str]:
    """Return a file name without its end for each submission, no two alike on any file system.

    Names that would collide, on a disk that ignores capitals, too, get a fingerprint of the
    learner's whole key behind a sign that no cleaned name has.
    """
    per_learner = Counter(one.key for one in submissions)
    plain = [_safe(one.learner) for one in submissions]
    stems = []
    for one, name in zip(submissions, plain, strict=True):
        several = per_learner[one.key] > 1
        stems.append(f"{name}-{one.assignment or 'unknown'}" if several else name)
    counts = Counter(map(_folded, stems))
    return [
        name if counts[_folded(name)] == 1 else f"{name}~{_mark(one)}"
        for one, name in zip(submissions, stems, strict=True)
    ]


def _safe(name: str) -> str:
    text = unicodedata.normalize("NFC", readable(name))
    text = "".join(sign if _is_plain(sign) else "_" for sign in text)
    text = text.strip("._") or "learner"
    if RESERVED.fullmatch(text):
        text = f"_{text}"
    while len(text.encode()) > LONGEST_STEM:
        text = text[:-1]
    return text


def _is_plain(sign: str) -> bool:
    return unicodedata.category(sign)[0] in "LMN" or sign in ("-_." + JOINERS)


def _folded(name: str) -> str:
    return unicodedata.normalize("NFKC", name).casefold()


def stem_of(name: str, identity: str) -> str:
    """Return a file name for somebody who handed in nothing of their own."""
    return f"{_safe(name)}~{hashlib.sha256(identity.encode()).hexdigest()[:10]}"


def _mark(submission: Submission) -> str:
    text = json.dumps([submission.key, submission.assignment, submission.learner])
    return hashlib.sha256(text.encode()).hexdigest()[:10]


def identity(submission: Submission) -> str:
    """Return what tells one learner's submission for one assignment from all others."""
    return json.dumps([*submission.key, submission.assignment or ""])


def fingerprint(data: bytes, files: Mapping[str, bytes] | None = None) -> str:
    """Return the SHA-256 of a notebook, and of what was handed in beside it."""
    digest = hashlib.sha256(data)
    for name, content in sorted((files or {}).items()):
        digest.update(json.dumps([name, hashlib.sha256(content).hexdigest()]).encode())
    return digest.hexdigest()


@cache
def course_version() -> str:
    """Return a fingerprint of the package's code, which decides every mark."""
    root = Path(__file__).parents[2]
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        digest.update(path.relative_to(root).as_posix().encode() + b"\0")
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:16]


class Store:
    """The results in an output folder.

    Parameters
    ----------
    out : Path
        The folder; made if it is missing.

    Raises
    ------
    GradcourseError
        If it cannot be made or written.
    """

    def __init__(self, out: Path) -> None:
        self.out = out
        self._whose: dict[str, tuple[str, ...]] = {}
        self.folder = out / RESULTS
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            for left in self.folder.glob(".*.json.*"):  # by a run that was killed
                left.unlink()
            probe = self.folder / ".writable"
            write_atomically(probe, "x" * 4096)
            probe.unlink()
        except OSError as error:
            raise cannot_write(out, error) from error

    def write(self, mark: Mark) -> None:
        """Write one mark whole, or leave what was there.

        Raises
        ------
        GradcourseError
            If the disk is full or the folder cannot be written.
        """
        text = json.dumps(mark.to_dict(), indent=1, default=str)
        try:
            write_atomically(self.folder / f"{mark.origin.stem}.json", text + "\n")
        except OSError as error:
            raise cannot_write(self.out, error) from error

    def read_all(self) -> dict[str, Mark]:
        """Return the marks that are whole, by the identity of their submission."""
        marks = {}
        for path in sorted(self.folder.glob("*.json")):
            try:
                mark = Mark.from_dict(json.loads(path.read_bytes()))
                if mark.origin != NOWHERE:
                    self._whose[path.stem] = _whose(mark)
                    marks[mark.origin.identity] = mark
            # Not one of ours, or damaged: it will be graded again.
            except (OSError, ValueError, RecursionError, LookupError, TypeError, AttributeError):
                continue
        return marks

    def forget_earlier(self, marks: Sequence[Mark]) -> int:
        """Remove what these learners' results and pages were called in an earlier run.

        A learner who then handed in one assignment, and now two, has other file names; the page
        with the earlier mark must not be handed back beside the new one.

        Parameters
        ----------
        marks : sequence of Mark
            Those of the class as it is now.

        Returns
        -------
        int
            How many results are left that are of nobody among these.
        """
        now = set(map(_whose, marks))
        stems = {_folded(mark.origin.stem) for mark in marks}
        left = 0
        for stem, whose in self._whose.items():
            if _folded(stem) in stems:
                continue
            if whose not in now:
                left += 1
                continue
            for path in (self.folder / f"{stem}.json", self.out / LEARNERS / f"{stem}.html"):
                with suppress(OSError):
                    path.unlink()
        return left


def forget_members(out: Path, stems: Iterable[str]) -> None:
    """Remove the pages of who handed in nothing, and is in no group any more that did.

    ``stems``: those of all pages as they are now.
    """
    now = set(map(_folded, stems))
    for path in (out / LEARNERS).glob("*.html"):
        if not _STEM_OF.search(path.stem) or _folded(path.stem) in now:
            continue
        if not (out / RESULTS / f"{path.stem}.json").exists():
            path.unlink()


_STEM_OF = re.compile(r"~[0-9a-f]{10}$")


def _whose(mark: Mark) -> tuple[str, ...]:
    """Learner and assignment, whoever told the assignment: a folder, or the notebook."""
    return (*mark.origin.key, str(mark.assignment or ""))


def cannot_write(out: Path, error: OSError) -> GradcourseError:
    """Say that the output folder cannot be written, and that nothing is lost."""
    return GradcourseError(
        f"{out}: it cannot be written: {error.strerror or error}; what is graded is kept there: "
        "make room, then go on with --resume"
    )
