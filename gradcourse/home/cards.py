"""Where the learner is: the record beside the pages, a card for each lesson, one way on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gradcourse.checking.progress import Best, Progress
from gradcourse.home.steps import Page, Section, read_page
from gradcourse.lessons import LESSONS, Lesson
from gradcourse.workcopy import WorkingCopy


@dataclass(frozen=True)
class StepState:
    """A step of a lesson, and how much of it is done, from 0 to 1.

    Its predictions count when they are locked in, its other cells when they were run, as the page
    was last saved.
    """

    title: str
    anchor: str
    share: float
    minutes: float

    @property
    def done(self) -> bool:
        """Whether nothing is left."""
        return self.share >= 1.0

    @property
    def left(self) -> float:
        """Minutes that are left."""
        return (1.0 - self.share) * self.minutes


@dataclass(frozen=True)
class QuestionState:
    """A question of an exercise notebook, and what it has earned."""

    title: str
    anchor: str
    earned: float
    possible: float
    right: bool
    minutes: float

    @property
    def left(self) -> float:
        """Minutes that are left; what was tried and is not right is still to do."""
        return 0.0 if self.right else self.minutes


@dataclass(frozen=True)
class Card:
    """What home shows of one lesson.

    Attributes
    ----------
    lesson : Lesson
    needs : str
        What it presumes.
    steps : tuple of StepState
        Empty where the page is missing from the working copy.
    questions : tuple of QuestionState
    """

    lesson: Lesson
    needs: str
    steps: tuple[StepState, ...]
    questions: tuple[QuestionState, ...]

    @property
    def steps_done(self) -> int:
        """Steps of which nothing is left."""
        return sum(step.done for step in self.steps)

    @property
    def earned(self) -> float:
        """Points."""
        return sum(question.earned for question in self.questions)

    @property
    def possible(self) -> float:
        """Points that can be earned."""
        return sum(question.possible for question in self.questions)

    @property
    def begun(self) -> bool:
        """Whether anything was done."""
        return any(step.share for step in self.steps) or any(q.earned for q in self.questions)

    @property
    def read(self) -> bool:
        """Whether the lesson is done, its exercises aside."""
        return all(step.done for step in self.steps)

    @property
    def complete(self) -> bool:
        """Whether lesson and exercises are done."""
        return self.read and all(question.right for question in self.questions)

    @property
    def lesson_left(self) -> float:
        """Minutes that are left in the lesson."""
        return sum(step.left for step in self.steps)

    @property
    def exercises_left(self) -> float:
        """Minutes that are left in its exercises."""
        return sum(question.left for question in self.questions)


@dataclass(frozen=True)
class WayOn:
    """Where to go on: a page, a place on it, and the words for it.

    Attributes
    ----------
    page : str
    anchor : str
        The heading to go to; empty for the top.
    title, place : str
        "03 · The recurrent weight" and "Step 4 · The cliff".
    minutes : float
        What is left on this page.
    """

    page: str
    anchor: str
    title: str
    place: str
    minutes: float


@dataclass(frozen=True)
class Standing:
    """All that home shows of the learner.

    Attributes
    ----------
    cards : tuple of Card
    way_on : WayOn or None
        None when everything is done.
    guesses : int
        Predictions on a number that were locked in and measured.
    """

    cards: tuple[Card, ...]
    way_on: WayOn | None
    guesses: int

    @property
    def begun(self) -> bool:
        """Whether anything was done anywhere."""
        return any(card.begun for card in self.cards)


def standing(
    copy: WorkingCopy, progress: Progress, looked_at: Mapping[str, float] | None = None
) -> Standing:
    """Return where the learner is, from the pages as saved and the record as it is now.

    Parameters
    ----------
    copy : WorkingCopy
    progress : Progress
        The learner's record.
    looked_at : mapping of str to float, optional
        Pages that were in front in JupyterLab, and when last (seconds since 1970).

    Returns
    -------
    Standing
    """
    best, touched = progress.best(), progress.touched()
    pages = {row.notebook: read_page(copy.folder / row.notebook) for row in LESSONS}
    pages |= {row.exercises: read_page(copy.folder / row.exercises) for row in LESSONS if row.earns}
    cards = tuple(_card(row, pages, best, touched) for row in LESSONS)
    used = copy.last_used()
    for name, when in (looked_at or {}).items():
        used[name] = max(when, used.get(name, 0.0))
    for name, page in pages.items():
        times = [touched[id] for id in (page.panels if page else ()) if id in touched]
        if times:
            used[name] = max(*times, used.get(name, 0.0))
    return Standing(cards, _way_on(cards, used), len(progress.predictions()))


def _card(
    row: Lesson,
    pages: Mapping[str, Page | None],
    best: Mapping[str, Best],
    touched: Mapping[str, float],
) -> Card:
    lesson, exercises = pages.get(row.notebook), pages.get(row.exercises)
    steps = tuple(_step(part, touched) for part in lesson.sections) if lesson else ()
    asked = [part for part in exercises.sections if part.points] if exercises else []
    questions = tuple(_question(part, best) for part in asked)
    needs = lesson.needs if lesson else ""
    return Card(row, needs, steps, questions)


def _step(part: Section, touched: Mapping[str, float]) -> StepState:
    done = sum(
        all(id in touched for id in cell.panels) if cell.panels else cell.ran for cell in part.cells
    )
    return StepState(part.title, part.anchor, done / len(part.cells), part.minutes)


def _question(part: Section, best: Mapping[str, Best]) -> QuestionState:
    kept = [best[id] for id in part.panels if id in best]
    share = kept[0].earned / kept[0].possible if kept and kept[0].possible else 0.0
    right = bool(kept) and kept[0].right
    title = part.title
    return QuestionState(title, part.anchor, share * part.points, part.points, right, part.minutes)


def _way_on(cards: tuple[Card, ...], used: Mapping[str, float]) -> WayOn | None:
    """Go on where one worked last; when that is done, with what is open after it, then before."""
    place, in_exercises, latest = 0, False, 0.0
    for index, card in enumerate(cards):
        row = card.lesson
        for page in (row.notebook, row.exercises, row.solutions):
            if used.get(page, 0.0) > latest:
                place, in_exercises, latest = index, page != row.notebook, used[page]
    first = cards[place]
    if in_exercises and not all(question.right for question in first.questions):
        return _to_exercises(first)
    for card in (*cards[place:], *cards[:place]):
        way = _to_lesson(card) if not card.read else _to_exercises(card)
        if way is not None:
            return way
    return None


def _to_lesson(card: Card) -> WayOn | None:
    """The step in which one was last, or the one after it when it is done."""
    if not card.steps:
        return None
    begun = [index for index, step in enumerate(card.steps) if step.share]
    last = begun[-1] if begun else 0
    later = [step for step in card.steps[last:] if not step.done]
    step = (later or [step for step in card.steps if not step.done])[0]
    anchor = step.anchor if begun else ""
    row = card.lesson
    title = f"{row.number} · {row.title}"
    return WayOn(row.notebook, anchor, title, step.title, card.lesson_left)


def _to_exercises(card: Card) -> WayOn | None:
    """The first question that is not right yet."""
    open_questions = [question for question in card.questions if not question.right]
    if not open_questions:
        return None
    question, row = open_questions[0], card.lesson
    title = f"Exercises {row.number} · {row.title}"
    return WayOn(row.exercises, question.anchor, title, question.title, card.exercises_left)
