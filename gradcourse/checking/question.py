"""A question is data: what is asked, how it is tested, and what people get wrong.

Five kinds. `CodeExercise` asks for functions; `Prediction` for a number, `Choice` for one of
several answers, both before the measurement; `Tuning` for knob settings that bring a measured
quantity into a band; `Played` for what was done in a game, which is done again. None of them runs
anything by itself: `gradcourse.checking.check` does.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from gradcourse.experiments.claim import Claim
    from gradcourse.figures import Demo

Arguments = tuple[Any, ...]
"""The positional arguments of one call: floats, ints, strings, arrays, or lists of these."""

MakeCases = Callable[[np.random.Generator], Sequence[Arguments]]
"""From a seeded generator to the calls of one part; other seeds must give other inputs."""

Driver = Callable[[Callable[..., Any], Arguments], Any]
"""Calls a learner's object where the answer is no plain function of arrays (a torch module, a
loss to differentiate) and returns arrays. It runs in the process where the learner's code lives."""


@dataclass(frozen=True, kw_only=True)
class Question:
    """What every kind has.

    Attributes
    ----------
    id : str
        The topic, a slash and a name that stays: "chain/lyapunov".
    title : str
        What verdicts, tables and the notebook's heading call it.
    hints : tuple of str
        From a nudge to almost the answer; three where it earns points.
    question : str
        What is asked, where the panel must say it: a function's question stands in the notebook.
    """

    id: str
    title: str
    hints: tuple[str, ...] = ()
    question: str = ""

    @property
    def points(self) -> float:
        """The most that can be earned."""
        raise NotImplementedError

    @property
    def answers(self) -> tuple[str, ...]:
        """The names of the functions or variables that hold the answer."""
        raise NotImplementedError


@dataclass(frozen=True)
class Misconception:
    """A wrong answer that learners really give, as a function, and what to tell them.

    Attributes
    ----------
    name : str
        Short, names the slip: "log of the mean".
    answer : callable
        Gives what a learner with this misconception would give. It may raise or return NaN.
    message : str
        Two sentences at most: what was done, why it is not the answer, what to look at.
    """

    name: str
    answer: Callable[..., Any]
    message: str


@dataclass(frozen=True)
class Function:
    """One function that a learner writes.

    Attributes
    ----------
    name : str
        The name the learner defines, "lyapunov".
    parameters : tuple of str
        Names of the positional parameters, for the message about a wrong signature.
    reference : callable
        The right answer.
    misconceptions : tuple of Misconception
        Their outputs must differ from the reference's and from each other's on the cases.
    driver : callable, optional
        See `Driver`. Reference and misconceptions go through it too.
    returns : str
        What a right answer returns, in words: "a float", "an array of shape (L,)".
    inputs : tuple of str
        Of a driver's arguments, what each is for the learner: "x", "layer1.weight". A message
        shows those that have a name, from the first on.
    keeps : tuple of str
        Of the parameters, those that the question forbids to change in place. Where a driver calls
        the answer, it looks for itself.
    """

    name: str
    parameters: tuple[str, ...]
    reference: Callable[..., Any]
    misconceptions: tuple[Misconception, ...]
    driver: Driver | None = None
    returns: str = ""
    inputs: tuple[str, ...] = ()
    keeps: tuple[str, ...] = ()


Slips = Mapping[str, tuple[Callable[..., Any], str]]
"""From a slip's name to a function that makes it and a message: see `Misconception`."""


def asks(
    reference: Callable[..., Any],
    returns: str,
    slips: Slips,
    *,
    driver: Driver | None = None,
    inputs: Sequence[str] = (),
    name: str = "",
    keeps: Sequence[str] = (),
) -> tuple[Function, ...]:
    """Return the functions of a question that asks for one; ``+`` joins those of several.

    Parameters
    ----------
    reference : callable
        The right answer. The learner's function has its name and its parameters.
    returns : str
        What a right answer returns, in words: "a float", "an array of shape (L,)".
    slips : mapping
        From a slip's name to how it deviates from the reference and what to tell a learner who
        made it.
    driver : Driver, optional
        Calls the answer where it is no plain function of arrays.
    inputs : sequence of str
        What the driver's arguments are for the learner: see `Function`.
    name : str
        The learner's name for it, where Python has another one for the reference (a class that
        a function makes).
    keeps : sequence of str
        The parameters that must not be changed in place: see `Function`.

    Examples
    --------
    >>> def half(x):
    ...     return x / 2
    >>> asks(half, "a float", {"a quarter": (lambda x: half(half(x)), "You halved twice.")})[0].name
    'half'
    """
    parameters = tuple(inspect.signature(reference).parameters)
    misconceptions = tuple(Misconception(slip, *rest) for slip, rest in slips.items())
    asked = name or reference.__name__
    function = Function(
        asked,
        parameters,
        reference,
        misconceptions,
        driver=driver,
        returns=returns,
        inputs=tuple(inputs),
        keeps=tuple(keeps),
    )
    return (function,)


@dataclass(frozen=True)
class Part:
    """One thing that is tested, with its own points.

    Attributes
    ----------
    title : str
        What is tested; the verdict prints it: "8 random chains, no factor zero".
    points : float
        What this part earns when every case agrees.
    cases : callable
        Fresh random inputs from a seed.
    function : str
        The `Function` that is called; may be empty when the exercise has only one.
    example : tuple
        The arguments of one small fixed call. It is tested first and shown when it fails.
    look_at : str
        Where to look when the answer is wrong and no misconception matches.
    rtol, atol : float, optional
        Tolerances; by default they follow the dtype of the answer.
    same_dtype : bool
        Whether the reference's dtype is asked for, too.
    """

    title: str
    points: float
    cases: MakeCases
    example: Arguments
    function: str = ""
    look_at: str = ""
    rtol: float | None = None
    atol: float | None = None
    same_dtype: bool = False


@dataclass(frozen=True, kw_only=True)
class CodeExercise(Question):
    """Write one or more functions."""

    functions: tuple[Function, ...]
    parts: tuple[Part, ...]

    @property
    def points(self) -> float:
        """The sum of what the parts earn."""
        return sum(part.points for part in self.parts)

    @property
    def answers(self) -> tuple[str, ...]:
        """The names that a learner defines."""
        return tuple(function.name for function in self.functions)


@dataclass(frozen=True)
class NamedValue:
    """A wrong value that people give for a reason, and what to tell them."""

    name: str
    value: Any
    message: str


@dataclass(frozen=True, kw_only=True)
class Commitment(Question):
    """Commit to an answer before the measurement opens.

    Attributes
    ----------
    answer : str
        The variable that holds the learner's answer in an exercise notebook.
    measure : callable
        Takes nothing, and measures the right answer now.
    explain : str
        One or two sentences shown with the measurement.
    points : float
        0 in a lesson (there it is for the learner alone), more in an exercise.
    """

    answer: str
    measure: Callable[[], Any]
    explain: str
    points: float = 0.0

    @property
    def answers(self) -> tuple[str, ...]:
        """The name of the variable that holds the answer."""
        return (self.answer,)


@dataclass(frozen=True, kw_only=True)
class Prediction(Commitment):
    """Commit to a number; ``question`` says what is fixed (seed, sizes), ``measure`` gives a float.

    Attributes
    ----------
    within : float
        On a log scale: right when the ratio to the measurement lies within this factor (> 1).
        On a linear scale: right when the distance is at most this.
    low, high : float
        The range the widget offers.
    misconceptions : tuple of NamedValue
        Numbers that come from a known slip; matched within the same tolerance.
    """

    within: float
    low: float
    high: float
    unit: str = ""
    log: bool = True
    misconceptions: tuple[NamedValue, ...] = ()


@dataclass(frozen=True)
class Option:
    """One answer of a choice. ``message`` says what choosing it means; shown once it is locked."""

    key: str
    text: str
    message: str


@dataclass(frozen=True, kw_only=True)
class Choice(Commitment):
    """Commit to one of several options; ``measure`` returns the ``key`` of the right one.

    Attributes
    ----------
    vote : bool
        Whether it is a vote on a claim; its button says so.
    """

    options: tuple[Option, ...]
    vote: bool = False


def claim(id: str, sentence: str, verdict: str, explain: str) -> Choice:
    """Return the vote on a claim, which a lesson's measurement then decides.

    Parameters
    ----------
    id : str
        As of every question.
    sentence : str
        The claim, as one reads it.
    verdict : {"holds", "holds-only-if", "fails"}
        What the lesson's measurement decides; a test of the lesson holds it.
    explain : str
        Why, in a sentence or two; shown when the vote was cast.
    """
    words = {
        "holds": "It holds.",
        "holds-only-if": "It holds only under a condition.",
        "fails": "It fails.",
    }
    return Choice(
        id=id,
        title="Your vote",
        question=f"Claim: {sentence}",
        answer=id.rpartition("/")[2].replace("-", "_"),
        measure=lambda: verdict,
        explain=explain,
        options=tuple(Option(key, text, "") for key, text in words.items()),
        vote=True,
    )


def vote_on(row: Claim) -> Choice:
    """Return the vote on a claim that stands in `gradcourse.experiments.trials`."""
    sentence = f"“{row.quote}” ({row.cited})."
    return claim(row.id, sentence, row.verdict.replace(" ", "-"), row.why)


@dataclass(frozen=True, kw_only=True)
class Tuning(Question):
    """Set knobs so that a measured quantity lies in a band.

    Attributes
    ----------
    answers : tuple of str
        The variables that hold the knobs' values, in the order of the demo's knobs.
    demo : callable
        Takes nothing, returns the `Demo` whose knobs are turned.
    measure : callable
        ``measure(seed, **knobs) -> float``: builds the network with that seed and measures.
    low, high : float
        The band; right when every one of ``repeats`` seeds lies inside it. They are the same in
        every check, so that panel and class grader agree.
    reference : mapping
        Knob settings that are right.
    misconceptions : tuple of NamedValue
        ``value`` is a mapping of knob settings that people choose for a reason. Matched by the
        *measurement's side* and nearness: see the engine.
    """

    # Without a default the base's property would be taken for one.
    answers: tuple[str, ...] = ()
    demo: Callable[[], Demo]
    measure: Callable[..., float]
    low: float
    high: float
    quantity: str
    reference: Mapping[str, float]
    misconceptions: tuple[NamedValue, ...] = ()
    points: float = 0.0
    repeats: int = 3
    below: str = ""
    above: str = ""


@dataclass(frozen=True)
class Replayed:
    """What one line of a game was worth when it was done again.

    Attributes
    ----------
    share : float
        Of the line's points, 0 to 1.
    said : str
        What was measured, and what was wrong.
    slip : str
        The name of what went wrong; empty where nothing did.
    """

    share: float
    said: str
    slip: str = ""


@dataclass(frozen=True, kw_only=True)
class Played(Question):
    """Hand in what was done in a game, a line for each round; every line is replayed.

    Attributes
    ----------
    answer : str
        The variable that holds the list of lines.
    lines : tuple of str
        What each line is called in the verdict: "patient 1".
    replay : callable
        From the lines to a `Replayed` for each. It measures, and raises `GradcourseError` where
        a line cannot be read.
    reference : callable
        Takes nothing, returns lines that are right.
    misconceptions : tuple of NamedValue
        Lines that people hand in for a reason; ``name`` is the slip that the replay finds.
    """

    answer: str
    lines: tuple[str, ...]
    replay: Callable[[list[str]], Sequence[Replayed]]
    reference: Callable[[], list[str]]
    misconceptions: tuple[NamedValue, ...] = ()
    points: float = 0.0

    @property
    def answers(self) -> tuple[str, ...]:
        """The name of the variable that holds the lines."""
        return (self.answer,)
