"""The table of lessons: each once, with all that more than one place says of it."""

from __future__ import annotations

from dataclasses import dataclass

from gradcourse.support import GradcourseError


@dataclass(frozen=True)
class Lesson:
    """One lesson of the course.

    Attributes
    ----------
    number : str
        Two digits, "03". The exercises that belong to it are assignment "03".
    topic : str
        The first word of the ids of its questions and demos: "recurrent".
    folder : str
        The module in `gradcourse.exercises`, `gradcourse.demos` and `gradcourse.experiments`.
    slug : str
        What its notebook's name has after the number: "the_recurrent_weight".
    title : str
        "The recurrent weight".
    question : str
        What it answers, as the README puts it.
    minutes : int
        What a learner needs for it.
    earns : bool
        Whether there is an exercise notebook whose questions earn points.
    """

    number: str
    topic: str
    folder: str
    slug: str
    title: str
    question: str
    minutes: int = 45
    earns: bool = True

    @property
    def notebook(self) -> str:
        """The lesson's page: "lessons/03_the_recurrent_weight.ipynb"."""
        return f"lessons/{self.number}_{self.slug}.ipynb"

    @property
    def exercises(self) -> str:
        """The notebook that asks its questions: "exercises/03_recurrent.ipynb"."""
        return f"exercises/{self.number}_{self.folder}.ipynb"

    @property
    def solutions(self) -> str:
        """The notebook that solves them."""
        return f"solutions/{self.number}_{self.folder}.ipynb"


LESSONS = (
    Lesson(
        "00",
        "start",
        "start",
        "start_here",
        "Start here",
        "how a lesson works, in ten minutes",
        minutes=10,
        earns=False,
    ),
    Lesson(
        "01",
        "chain",
        "chain_rule",
        "products_of_the_chain_rule",
        "Products of the chain rule",
        "what does a long product do?",
    ),
    Lesson(
        "02",
        "saturation",
        "saturation",
        "saturation",
        "Saturation",
        "where do the small factors come from?",
    ),
    Lesson(
        "03",
        "recurrent",
        "recurrent",
        "the_recurrent_weight",
        "The recurrent weight",
        "what if every factor is the same matrix?",
    ),
    Lesson(
        "04",
        "relu",
        "relu",
        "relu_and_its_kin",
        "ReLU and its kin",
        "does a slope of one cure it?",
    ),
    Lesson(
        "05",
        "init",
        "initialization",
        "initialization",
        "Initialization",
        "which weights keep the size?",
    ),
    Lesson(
        "06",
        "batch-norm",
        "batch_norm",
        "batch_normalization",
        "Batch normalization",
        "can a layer keep it by force?",
    ),
    Lesson(
        "07",
        "residual",
        "residual",
        "residual_networks",
        "Residual networks",
        "what if the factor is *one plus* something?",
    ),
    Lesson(
        "08",
        "lstm",
        "lstm",
        "lstm_and_gru",
        "LSTM and GRU",
        "the same, through time",
    ),
    Lesson(
        "09",
        "clipping",
        "clipping",
        "clipping_and_regularization",
        "Clipping and weight regularization",
        "what helps when it explodes all the same?",
    ),
    Lesson(
        "10",
        "diagnosis",
        "diagnosis",
        "diagnosis_and_the_emergency_room",
        "Diagnosis and the emergency room",
        "which disease does *your* network have?",
    ),
    Lesson(
        "11",
        "transformer",
        "transformer",
        "depth_today_the_transformer",
        "Depth today: the Transformer",
        "skips and norms throughout: is anything left?",
    ),
)
"""In the order of the course."""


def lesson(number: str) -> Lesson:
    """Return a lesson by its number, "03".

    Raises
    ------
    GradcourseError
        If there is none.
    """
    for row in LESSONS:
        if row.number == number:
            return row
    raise GradcourseError(
        f"there is no lesson {number!r}: the lessons are {', '.join(r.number for r in LESSONS)}"
    )


def lesson_about(topic: str) -> Lesson | None:
    """Return the lesson whose questions and demos begin with a word, "chain"; None for others."""
    return next((row for row in LESSONS if row.topic == topic), None)
