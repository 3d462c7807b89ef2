"""A class's submissions through `grade_one`, each result on disk as soon as it is there."""

from __future__ import annotations

import os
import secrets
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

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
from gradcourse.grading.many.task import Task, not_graded
from gradcourse.grading.mark import Mark, Origin, Reason
from gradcourse.support import GradcourseError, nearest

if TYPE_CHECKING:
    from gradcourse.grading.one.grade import Grader


MANY, MOST_OF = 5, 0.8
"""So many learners, and that share of all, handed in one assignment: another one is odd."""


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
    only : tuple of str
        Grade these learners alone; of all others what is there is kept as it is.
    best : bool
        Whether of a learner's attempts the best counts; otherwise the last one.
    """

    submissions: Path
    out: Path
    assignment: str | None = None
    jobs: int | None = None
    scheduler: str | None = None
    resume: bool = False
    trusted: bool = False
    only: tuple[str, ...] = ()
    best: bool = False


@dataclass(frozen=True)
class Graded:
    """What came out.

    Attributes
    ----------
    marks : list of Mark
        One per submission, in the order of the learners' names.
    kept : int
        How many were there already.
    stale : int
        How many results lie in the folder whose submissions are no longer there.
    """

    marks: list[Mark]
    kept: int = 0
    stale: int = 0

    @property
    def looks(self) -> list[Mark]:
        """Those that a person should look at."""
        return [mark for mark in self.marks if mark.look]


def grade_class(settings: Settings, grader: Grader | None = None) -> Graded:
    """Grade a class, and write one JSON file per submission.

    Parameters
    ----------
    settings : Settings
        What to grade and how.
    grader : Grader, optional
        What grades the notebooks, instead of the course's own.

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
    submissions = find_submissions(
        settings.submissions, settings.assignment, all_attempts=settings.best
    )
    store = Store(settings.out)
    before = store.read_all()
    if settings.only:
        _check_names(submissions, settings.only)
    if grader is None:
        from gradcourse.grading.one.grade import Grader

        grader = Grader()
    class_ = _Class(settings, submissions, store, before)
    class_.grade_with(grader)
    marks = [class_.marks[number] for number in sorted(class_.marks)]
    return Graded(marks, class_.kept, store.forget_earlier(marks))


def _check_names(submissions: Sequence[Submission], names: Sequence[str]) -> None:
    wanted = {name.casefold().strip() for name in names}
    lost = wanted - {name for one in submissions for name in _names(one)}
    if lost:
        known = sorted(one.learner for one in submissions)
        near = nearest(min(lost), known) or known[:3]
        raise GradcourseError(
            f"--only {min(lost)}: nobody is called that; there are {', '.join(near)}"
        )


def _names(submission: Submission) -> set[str]:
    platforms = {submission.canvas, submission.moodle.rpartition(" ")[2]} - {""}
    return {submission.learner.casefold(), submission.key[1].casefold()} | platforms


@dataclass
class _Class:
    """One run: which submissions have a mark, and where the others are."""

    settings: Settings
    submissions: list[Submission]
    store: Store
    before: dict[str, Mark]
    marks: dict[int, Mark] = field(default_factory=dict)
    kept: int = 0

    def __post_init__(self) -> None:
        self.stems = file_stems(self.submissions)
        self.refused: dict[int, Refused] = {}
        # Secret, and new in each run: an answer that shows hidden inputs on its page shows those
        # that the resubmission will not meet.
        self.seed = secrets.randbits(64)
        self.unknown: dict[int, Mark] = {}
        self.hashes: dict[int, str] = {}
        self._refuse_another_assignment()

    def _refuse_another_assignment(self) -> None:
        for mark in self.before.values():
            old, new = mark.origin.forced, self.settings.assignment
            if old and new and old != new:
                raise GradcourseError(
                    f"{self.settings.out} holds the results of assignment {old}: give another "
                    f"--out for {new}"
                )

    def grade_with(self, grader: Grader) -> None:
        with ProgressBar(len(self.submissions)) as bar:
            self.bar = bar
            for task, mark in self._through(self._tasks(), grader):
                if mark.assignment is None:
                    self.unknown[task.number] = mark
                else:
                    self._keep(task.number, mark)
            common = self._common_assignment()
            if common is not None:
                for task, mark in self._through(self._second_tasks(common), grader):
                    self.unknown.pop(task.number)
                    self._keep(task.number, mark)
            for number, mark in self.unknown.items():
                self._keep(number, _of_assignment(mark, common))
            for number, refused in self.refused.items():
                name = self.submissions[number].assignment or common
                self._keep(number, not_graded(refused.code, name, refused.text))
            self._doubt_the_few()

    def _doubt_the_few(self) -> None:
        """Who alone handed in another assignment may have taken the wrong file."""
        counts = Counter(mark.assignment for mark in self.marks.values() if mark.graded)
        ((usual, number),) = counts.most_common(1) or [(None, 0)]
        if self.settings.assignment or number < MANY or number < MOST_OF * counts.total():
            return
        has_usual = {m.origin.key for m in self.marks.values() if m.assignment == usual}
        text = f"Nearly all others handed in assignment {usual}."
        doubt = Reason("other-assignment", text=text)
        for number, mark in self.marks.items():
            platforms = self.submissions[number].assignment is not None
            odd = mark.graded and mark.assignment != usual and not platforms
            if odd and mark.origin.key not in has_usual and doubt not in mark.reasons:
                self.marks[number] = mark.because(doubt)
                self.store.write(self.marks[number])

    def _through(self, tasks: Iterator[Task], grader: Grader) -> Iterator[tuple[Task, Mark]]:
        """Grade in the way that was asked for; where nothing is to do, nothing is started."""
        settings = self.settings
        first = next(tasks, None)
        if first is None:
            return iter(())
        tasks = chain([first], tasks)
        if settings.scheduler:
            return on_cluster(tasks, grader, settings.scheduler)
        jobs = min(settings.jobs or cores(), len(self.submissions))
        if jobs == 1:
            return in_this_process(tasks, grader)
        return in_processes(tasks, grader, jobs, len(self.submissions))

    def _tasks(self) -> Iterator[Task]:
        """Read one notebook after another, and leave out what need not or cannot be graded."""
        wanted = {name.casefold().strip() for name in self.settings.only}
        for number, submission in enumerate(self.submissions):
            old = self.before.get(identity(submission))
            if wanted and not _names(submission) & wanted:
                if old is not None:
                    self.marks[number] = old
                    self.kept += 1
                    self.bar.step(old.look)
                continue
            try:
                task = self._task(number, submission.assignment, submission.guess)
            except Refused as refused:
                self.refused[number] = refused
                continue
            prints = [fingerprint(one.data, one.files) for one in (task, *task.earlier)]
            self.hashes[number] = (
                prints[0] if len(prints) == 1 else fingerprint(repr(prints).encode())
            )
            if self.settings.resume and old is not None and self._holds(old, number):
                self.marks[number] = old
                self.kept += 1
                self.bar.step(old.look)
                continue
            yield task

    def _task(self, number: int, assignment: str | None, guess: str | None = None) -> Task:
        """Read a submission; an earlier attempt that cannot be read is none."""
        trusted = self.settings.trusted

        def task_of(one: Submission) -> Task:
            return Task(number, one.read(), assignment, guess, trusted, self.seed, one.files())

        newest, *earlier = self.submissions[number].attempts
        first, others = task_of(newest), []
        for one in earlier:
            with suppress(Refused):
                others.append(task_of(one))
        return replace(first, earlier=tuple(others))

    def _second_tasks(self, common: str) -> Iterator[Task]:
        """Those of which nobody knows the assignment, as what all others are."""
        for number in [number for number, mark in self.unknown.items() if not mark.faulty]:
            with suppress(Refused):  # it went away meanwhile: what was found before stands
                yield self._task(number, common)

    def _common_assignment(self) -> str | None:
        if self.settings.assignment:
            return self.settings.assignment
        names = {mark.assignment for mark in self.marks.values()} - {None}
        return names.pop() if len(names) == 1 else None

    def _holds(self, mark: Mark, number: int) -> bool:
        """Whether grading again would give the same."""
        return mark.origin == self._origin(number, mark.attempt) and not mark.faulty

    def _origin(self, number: int, attempt: int = 0) -> Origin:
        submission = self.submissions[number]
        graded = submission.attempts[attempt]
        return Origin(
            identity=identity(submission),
            stem=self.stems[number],
            name=graded.name,
            sha256=self.hashes.get(number, ""),
            course=course_version(),
            forced=self.settings.assignment,
            trusted=self.settings.trusted,
            canvas=submission.canvas,
            moodle=submission.moodle,
            notes=graded.notes,
            doubts=tuple(doubt.text for doubt in submission.doubts),
            submitted=graded.submitted,
        )

    def _keep(self, number: int, mark: Mark) -> None:
        submission = self.submissions[number]
        mark = replace(
            mark.because(*submission.doubts),
            learner=submission.learner,
            seed=self.seed,
            origin=self._origin(number, mark.attempt),
        )
        self.store.write(mark)
        self.marks[number] = mark
        self.bar.step(mark.look)


def _of_assignment(mark: Mark, assignment: str | None) -> Mark:
    """A mark without an assignment, with the questions that could not be asked."""
    if assignment is None:
        return mark
    asked = not_graded(mark.reasons[0].code, assignment)
    return replace(mark, assignment=assignment, questions=asked.questions)


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
