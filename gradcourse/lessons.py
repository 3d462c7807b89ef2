"""The table of lessons: each once, with all that more than one place says of it."""

from __future__ import annotations

from dataclasses import dataclass

from gradcourse.support import GradcourseError

HOME = "course-home.md"
"""The page at the root of a working copy from which all others are reached."""


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
    promise : str
        What one can do after it, as its title cell says.
    minutes : int
        What a learner needs for it alone, as `gradcourse.pace` estimates it by fives.
    earns : bool
        Whether there is an exercise notebook whose questions earn points.
    """

    number: str
    topic: str
    folder: str
    slug: str
    title: str
    question: str
    promise: str
    minutes: int
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

    @property
    def neighbours(self) -> tuple[Lesson | None, Lesson | None]:
        """The lesson before it and the one after it; None at the ends of the course."""
        place = LESSONS.index(self)
        before = LESSONS[place - 1] if place else None
        return before, LESSONS[place + 1] if place + 1 < len(LESSONS) else None


LESSONS = (
    Lesson(
        "00",
        "start",
        "start",
        "start_here",
        "Start here",
        "how does a lesson work?",
        "read the picture that carries the whole course",
        minutes=15,
        earns=False,
    ),
    Lesson(
        "01",
        "chain",
        "chain_rule",
        "products_of_the_chain_rule",
        "Products of the chain rule",
        "what does a long product do?",
        "look at the factors of a long product, of numbers or of matrices, and say how "
        "large the gradient is at its far end",
        minutes=45,
    ),
    Lesson(
        "02",
        "saturation",
        "saturation",
        "saturation",
        "Saturation",
        "where do the small factors come from?",
        "say why eight sigmoid layers learn nothing where two learn to read, compute what "
        "each layer costs before you train, and repair the network with one number",
        minutes=45,
    ),
    Lesson(
        "03",
        "recurrent",
        "recurrent",
        "the_recurrent_weight",
        "The recurrent weight",
        "what if every factor is the same matrix?",
        "say how far back in time a recurrent network can learn, why one step of training "
        "can destroy it, and which of the usual explanations hold",
        minutes=45,
    ),
    Lesson(
        "04",
        "relu",
        "relu",
        "relu_and_its_kin",
        "ReLU and its kin",
        "does a slope of one cure it?",
        "say what a ReLU layer costs and why, tell a dead unit from a vanished signal "
        "(counting zeros cannot), and choose the right fix for each",
        minutes=45,
    ),
    Lesson(
        "05",
        "init",
        "initialization",
        "initialization",
        "Initialization",
        "which weights keep the size?",
        "choose the starting weights of a network so that 30 layers learn, say what your "
        "framework chose for you, and predict from two numbers how deep a signal will get",
        minutes=45,
    ),
    Lesson(
        "06",
        "batch-norm",
        "batch_norm",
        "batch_normalization",
        "Batch normalization",
        "can a layer keep it by force?",
        "write batch normalization forwards and backwards by hand, say why it makes "
        "thirty sigmoid layers learn, and say why it does not save fifty-six ReLU layers",
        minutes=45,
    ),
    Lesson(
        "07",
        "residual",
        "residual",
        "residual_networks",
        "Residual networks",
        "what if the factor is *one plus* something?",
        "say what a shortcut does to a product of Jacobians, choose the size of a branch "
        "before you train, and say what residual networks cure",
        minutes=45,
    ),
    Lesson(
        "08",
        "lstm",
        "lstm",
        "lstm_and_gru",
        "LSTM and GRU",
        "the same, through time",
        "write an LSTM and a GRU by hand, set the biases that decide how long they "
        "remember, and say what a gate can do about gradients and what it cannot",
        minutes=45,
    ),
    Lesson(
        "09",
        "clipping",
        "clipping",
        "clipping_and_regularization",
        "Clipping and weight regularization",
        "what helps when it explodes all the same?",
        "clip a gradient in three ways and say what each does to its direction, choose a "
        "threshold, and say what clipping and small weights cannot do",
        minutes=45,
    ),
    Lesson(
        "10",
        "diagnosis",
        "diagnosis",
        "diagnosis_and_the_emergency_room",
        "Diagnosis and the emergency room",
        "which disease does *your* network have?",
        "say which signs of a sick network deserve trust, ask the cheap questions first, and "
        "treat a network that you have never seen",
        minutes=45,
    ),
    Lesson(
        "11",
        "transformer",
        "transformer",
        "depth_today_the_transformer",
        "Depth today: the Transformer",
        "skips and norms throughout: is anything left?",
        "say what the place of a norm does to the gradient of a Transformer, why late blocks do "
        "little, and what keeps attention's logits small",
        minutes=45,
    ),
    Lesson(
        "12",
        "precision",
        "precision",
        "precision_width_and_the_recurrent_weight",
        "Precision, width, and the recurrent weight's return",
        "what do sixteen bits and a wider net change?",
        "say what updates and gradients lose in sixteen bits, which rate a wider network bears, "
        "and why the recurrent weight is a plain number again",
        minutes=45,
    ),
    Lesson(
        "13",
        "ledger",
        "ledger",
        "claims_on_trial",
        "Claims on trial",
        "what the web says, measured",
        "say for each claim of the course under which conditions it was decided, and put one "
        "of your own on trial",
        minutes=25,
        earns=False,
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


def lesson_ways(row: Lesson) -> str:
    """Return the line of links at both ends of a lesson: "Home | ← 02 | Exercises 03 | 04 →"."""
    before, after = row.neighbours
    links = [_link("Home", HOME)]
    if before is not None:
        links.append(f"← {_to_lesson(before)}")
    if row.earns:
        links.append(_link(f"Exercises {row.number}", row.exercises))
    if after is not None:
        links.append(f"{_to_lesson(after)} →")
    return " | ".join(links)


def exercise_ways(row: Lesson) -> str:
    """Return the line of links at both ends of an exercise notebook and of its solution."""
    _, after = row.neighbours
    links = [_link("Home", HOME), f"← {_to_lesson(row)}"]
    if after is not None:
        links.append(f"{_to_lesson(after)} →")
    return " | ".join(links)


def _to_lesson(row: Lesson) -> str:
    return _link(f"{row.number} · {row.title}", row.notebook)


def _link(text: str, page: str) -> str:
    return f"[{text}](../{page})"
