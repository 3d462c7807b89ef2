"""What is said when a notebook is complete: one sentence, the way on, and a picture to keep."""

from __future__ import annotations

import html
from dataclasses import dataclass
from functools import cached_property

from gradcourse.exercises.guesses import Intuition, captioned, intuition
from gradcourse.figures.themed import html_image
from gradcourse.lessons import HOME, Lesson
from gradcourse.markup import page_link

KEEP = 'gc.intuition().figure.save("my-intuition.png")'


@dataclass(frozen=True)
class Ending:
    """The end of a lesson's page, or of an exercise notebook.

    Attributes
    ----------
    said : str
        What was done, and what one can do now.
    next : tuple of (str, str)
        Words and page of each link; pages are relative to the root of the working copy.
    """

    said: str
    next: tuple[tuple[str, str], ...]

    @cached_property
    def intuition(self) -> Intuition:
        """The learner's predictions so far: the picture to keep."""
        return intuition()

    def __repr__(self) -> str:
        lines = [self.said]
        if self.intuition.guesses:
            lines.append(f"Your predictions so far: {self.intuition.summary}")
        return "\n".join([*lines, *(f"Next: {words} ({page})" for words, page in self.next[:1])])

    def _repr_html_(self) -> str:
        ways = (*self.next, ("Home", HOME))
        links = " &nbsp; ".join(page_link(page, words) for words, page in ways)
        return (
            f'<div class="gc-ending"><p><strong>{html.escape(self.said)}</strong></p>'
            f"{self._picture()}<p>{links}</p></div>"
        )

    def _picture(self) -> str:
        figure = self.intuition.figure
        if figure is None:
            return ""
        picture = captioned(html_image(figure.parts()), self.intuition.summary)
        return f"{picture}<p>To keep it: <code>{html.escape(KEEP)}</code></p>"


def ending_of_exercises(row: Lesson, points: str) -> Ending:
    """Return what is said when every question of an exercise notebook is right."""
    said = f"Well done: all {points} points of exercises {row.number}. You can now {row.promise}."
    return Ending(said, _after(row))


def ending_of_lesson(row: Lesson, predictions: str, points: str, solved: bool) -> Ending:
    """Return what is said when every prediction of a lesson is locked in.

    Parameters
    ----------
    row : Lesson
    predictions, points : str
        How many there are: "5 predictions", "16 points".
    solved : bool
        Whether its exercises are done, too, or it has none.
    """
    if solved and row.earns:
        said = f"Lesson {row.number} is yours: {predictions}, {points}. You can now {row.promise}."
        return Ending(said, _after(row))
    said = f"You are through lesson {row.number}: {predictions}. You can now {row.promise}."
    if row.earns:
        return Ending(said, ((f"Exercises {row.number} · {row.title}", row.exercises),))
    return Ending(said, _after(row))


def _after(row: Lesson) -> tuple[tuple[str, str], ...]:
    _, after = row.neighbours
    return ((f"{after.number} · {after.title}", after.notebook),) if after is not None else ()
