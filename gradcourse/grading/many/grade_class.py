"""A class's submissions through `grade_one`, each result on disk as soon as it is there."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import Any

from gradcourse.grading.intake import Refused, Submission, find_submissions
from gradcourse.grading.many.cluster import on_cluster
from gradcourse.grading.many.pool import cores, in_processes, in_this_process, warm_up
from gradcourse.grading.many.progress_bar import ProgressBar
from gradcourse.grading.many.store import (
    LEARNERS,
    RESULTS,
    Store,
    course_version,
    file_stems,
    fingerprint,
    identity,
)
from gradcourse.grading.many.task import Grade, Result, Task, not_graded
from gradcourse.grading.reasons import failed_here, needs_look, reason
from gradcourse.support import GradcourseError

Record = dict[str, Any]
"""A result with whose it is: what the JSON of one submission holds."""


@dataclass(frozen=True)
class Settings:
    """What the instructor asked for.

    Attributes
    ----------
    submissions, out : Path
        From where, and to where.
    assignment : str or None
        As which everything is graded; None leaves it to folders and notebooks.
    jobs : int or None
        Processes; None for as many as there are processors. One is this process itself.
    scheduler : str or None
        The address of a Dask scheduler, instead of processes.
    resume : bool
        Whether results that are there and still hold are kept.
    trusted : bool
        Whether the notebooks may run where there is no sandbox.
    """

    submissions: Path
    out: Path
    assignment: str | None = None
    jobs: int | None = None
    scheduler: str | None = None
    resume: bool = False
    trusted: bool = False


@dataclass(frozen=True)
class Graded:
    """What came out.

    Attributes
    ----------
    records : list of dict
        One per submission, in the order of the learners' names.
    kept : int
        How many were there already.
    stale : int
        How many results lie in the folder whose submissions are no longer there.
    """

    records: list[Record]
    kept: int = 0
    stale: int = 0

    @property
    def looks(self) -> list[Record]:
        """Those that a person should look at."""
        return [record for record in self.records if record["look"]]


def grade_class(settings: Settings, grade: Grade | None = None) -> Graded:
    """Grade a class, and write one JSON file per submission.

    Parameters
    ----------
    settings : Settings
        What to grade and how.
    grade : callable, optional
        What grades one notebook; by default `grade_one`.

    Returns
    -------
    Graded

    Raises
    ------
    GradcourseError
        If the submissions, the output folder, the scheduler or the sandbox cannot be used. What
        was graded before is kept.
    """
    settings = _checked(settings)
    # One thread per process: the processes share the processors. Set before torch is loaded.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    if not settings.scheduler and (settings.jobs or cores()) > 1:
        warm_up(settings.assignment)
    submissions = find_submissions(settings.submissions, settings.assignment)
    if grade is None:
        from gradcourse.grading.one.grade import grade_one

        grade = grade_one
    store = Store(settings.out)
    class_ = _Class(settings, submissions, store, store.read_all())
    class_.grade_with(grade)
    records = [class_.records[number] for number in range(len(submissions))]
    return Graded(records, class_.kept, store.forget_earlier(records))


@dataclass
class _Class:
    """One run: which submissions have a record, and where the others are."""

    settings: Settings
    submissions: list[Submission]
    store: Store
    before: dict[str, Record]
    records: dict[int, Record] = field(default_factory=dict)
    kept: int = 0

    def __post_init__(self) -> None:
        self.stems = file_stems(self.submissions)
        self.refused: dict[int, Refused] = {}
        seeds = [one["seed"] for one in self.before.values() if isinstance(one.get("seed"), int)]
        # Secret, so that nobody can hand in the right results for just these inputs.
        self.seed = seeds[0] if self.settings.resume and seeds else secrets.randbits(64)
        self.unknown: dict[int, Result] = {}
        self.hashes: dict[int, str] = {}
        self._refuse_another_assignment()

    def _refuse_another_assignment(self) -> None:
        for record in self.before.values():
            old, new = record["submission"].get("forced"), self.settings.assignment
            if old and new and old != new:
                raise GradcourseError(
                    f"{self.settings.out} holds the results of assignment {old}: give another "
                    f"--out for {new}"
                )

    def grade_with(self, grade: Grade) -> None:
        with ProgressBar(len(self.submissions)) as bar:
            self.bar = bar
            for task, result in self._through(self._tasks(), grade):
                if result["assignment"] is None:
                    self.unknown[task.number] = result
                else:
                    self._keep(task.number, result)
            common = self._common_assignment()
            if common is not None:
                for task, result in self._through(self._second_tasks(common), grade):
                    self.unknown.pop(task.number)
                    self._keep(task.number, result)
            for number, result in self.unknown.items():
                self._keep(number, _of_assignment(result, common))
            for number, refused in self.refused.items():
                name = self.submissions[number].assignment or common
                self._keep(number, not_graded(refused.code, name, refused.text))

    def _through(self, tasks: Iterator[Task], grade: Grade) -> Iterator[tuple[Task, Result]]:
        """Grade in the way that was asked for; where nothing is to do, nothing is started."""
        settings = self.settings
        first = next(tasks, None)
        if first is None:
            return iter(())
        tasks = chain([first], tasks)
        if settings.scheduler:
            return on_cluster(tasks, grade, settings.scheduler)
        jobs = min(settings.jobs or cores(), len(self.submissions))
        if jobs == 1:
            return in_this_process(tasks, grade)
        return in_processes(tasks, grade, jobs, len(self.submissions))

    def _tasks(self) -> Iterator[Task]:
        """Read one notebook after another, and leave out what need not or cannot be graded."""
        for number, submission in enumerate(self.submissions):
            try:
                data = submission.read()
            except Refused as refused:
                self.refused[number] = refused
                continue
            self.hashes[number] = fingerprint(data)
            old = self.before.get(identity(submission))
            if self.settings.resume and old is not None and self._holds(old, number):
                self.records[number] = old
                self.kept += 1
                self.bar.step(old["look"])
                continue
            name = submission.assignment
            yield self._task(number, data, name, submission.guess)

    def _task(self, number: int, data: bytes, assignment: str | None, guess: str | None) -> Task:
        return Task(number, data, assignment, guess, self.settings.trusted, self.seed)

    def _second_tasks(self, common: str) -> Iterator[Task]:
        """Those of which nobody knows the assignment, as what all others are."""
        for number in [n for n, result in self.unknown.items() if not failed_here(result)]:
            with suppress(Refused):  # it went away meanwhile: what was found before stands
                data = self.submissions[number].read()
                yield self._task(number, data, common, None)

    def _common_assignment(self) -> str | None:
        if self.settings.assignment:
            return self.settings.assignment
        names = {record["assignment"] for record in self.records.values()} - {None}
        return names.pop() if len(names) == 1 else None

    def _holds(self, record: Record, number: int) -> bool:
        """Whether grading again would give the same."""
        with suppress(LookupError, TypeError):  # not as it was written
            return record["submission"] == self._about(number) and not failed_here(record)
        return False

    def _about(self, number: int) -> dict[str, Any]:
        submission = self.submissions[number]
        return {
            "identity": identity(submission),
            "stem": self.stems[number],
            "name": submission.name,
            "sha256": self.hashes.get(number, ""),
            "course": course_version(),
            "forced": self.settings.assignment,
            "trusted": self.settings.trusted,
            "canvas": submission.canvas,
            "moodle": submission.moodle,
            "notes": list(submission.notes),
            "doubts": [doubt.text for doubt in submission.doubts],
        }

    def _keep(self, number: int, result: Result) -> None:
        submission = self.submissions[number]
        doubts = [reason(doubt.code, text=doubt.text) for doubt in submission.doubts]
        record = {
            **result,
            "learner": submission.learner,
            "reasons": [*result["reasons"], *doubts],
            "look": result["look"] or needs_look([doubt.code for doubt in submission.doubts]),
            "seed": self.seed,
            "submission": self._about(number),
        }
        self.store.write(self.stems[number], record)
        self.records[number] = record
        self.bar.step(record["look"])


def _of_assignment(result: Result, assignment: str | None) -> Result:
    """A result without an assignment, with the questions that could not be asked."""
    if assignment is None:
        return result
    asked = not_graded(result["reasons"][0]["code"], assignment)
    return {**result, **{key: asked[key] for key in ("assignment", "possible", "questions")}}


def _checked(settings: Settings) -> Settings:
    """Refuse what cannot work before anything is read or written."""
    from gradcourse.exercises.registry import assignment as exercises_of

    if settings.assignment is not None:
        name = settings.assignment.zfill(2)
        exercises_of(name)
        settings = replace(settings, assignment=name)
    if settings.jobs is not None and settings.jobs < 1:
        raise GradcourseError(f"--jobs {settings.jobs}: give 1 or more")
    if settings.scheduler and settings.jobs:
        raise GradcourseError("give --jobs or --scheduler, not both: a cluster has its own workers")
    if not settings.submissions.exists():
        raise GradcourseError(f"{settings.submissions}: there is no such folder")
    source, out = settings.submissions.resolve(), settings.out.resolve()
    if out.exists() and not out.is_dir():
        raise GradcourseError(f"{settings.out}: it is a file; --out must be a folder")
    if out.is_relative_to(source):
        raise GradcourseError(
            f"{settings.out} lies in {settings.submissions}: the marks must not lie among the "
            "submissions; give another --out"
        )
    if any(source.is_relative_to(out / name) for name in (RESULTS, LEARNERS)):
        raise GradcourseError(
            f"{settings.submissions} lies where the marks go: give another --out than "
            f"{settings.out}"
        )
    return settings
