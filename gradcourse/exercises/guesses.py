"""Predicted against measured, one dot for each prediction so far: the learner's intuition."""

from __future__ import annotations

import html
import math
import statistics
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from gradcourse.checking.progress import Progress
from gradcourse.checking.question import Prediction
from gradcourse.checking.show import count, measured
from gradcourse.exercises.registry import all_exercises
from gradcourse.figures import Axis, Line, Plot


@dataclass(frozen=True)
class Guess:
    """One prediction on a logarithmic scale, its measurement, and whether they were close."""

    title: str
    predicted: float
    measured: float
    close: bool

    @property
    def miss(self) -> float:
        """How many decades too high; negative where it was too low."""
        return math.log10(self.predicted / self.measured)


@dataclass(frozen=True)
class Intuition:
    """What `intuition` returns.

    Attributes
    ----------
    guesses : tuple of Guess
        In the order in which they were locked in.
    """

    guesses: tuple[Guess, ...]

    @property
    def summary(self) -> str:
        """What the dots tell, in a sentence or two."""
        if not self.guesses:
            return "No prediction is locked in yet. Your first one will be a dot here."
        close = sum(guess.close for guess in self.guesses)
        misses = [guess.miss for guess in self.guesses]
        typical = 10 ** min(statistics.median(map(abs, misses)), 300.0)
        text = f"{count(len(self.guesses), 'prediction')}, {close} close"
        if typical >= 1.05:
            text += f"; the typical miss is a factor of {measured(typical)}"
        return f"{text}{_leaning(misses)}"

    @property
    def figure(self) -> Plot | None:
        """A dot for each prediction, and the line on which guesses would be right."""
        if not self.guesses:
            return None
        values = [v for guess in self.guesses for v in (guess.predicted, guess.measured)]
        ends = [min(values) / 10, max(values) * 10]
        kinds = ("close", "green", True), ("not close", "orange", False)
        dots = [
            _dots([guess for guess in self.guesses if guess.close == close], label, color)
            for label, color, close in kinds
            if any(guess.close == close for guess in self.guesses)
        ]
        return Plot(
            title="Your intuition",
            x=Axis("measured", "log"),
            y=Axis("predicted", "log"),
            lines=(Line(ends, ends, "predicted = measured", "reference", "grey"), *dots),
        )

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> Any:
        if self.figure is None:
            return {"text/plain": self.summary}, {}
        data, metadata = self.figure._repr_mimebundle_()
        picture = captioned(data["text/html"], self.summary)
        return {**data, "text/html": picture, "text/plain": repr(self)}, metadata

    def __repr__(self) -> str:
        rows = [
            f"  {guess.title}: predicted {guess.predicted:.2g}, measured {guess.measured:.2g}"
            for guess in self.guesses
        ]
        return "\n".join([self.summary, *rows])


def _dots(guesses: list[Guess], label: str, color: str) -> Line:
    """A line of dots: between two of them is a gap."""
    x = [guess.measured for guess in guesses for _ in (0, 1)]
    y = [height for guess in guesses for height in (guess.predicted, math.nan)]
    return Line(x, y, label, color=color)


def captioned(picture: str, caption: str) -> str:
    """Return a figure's HTML with a line of text below it."""
    below = f"<figcaption>{html.escape(caption)}</figcaption>"
    return f'<figure style="margin:0">{picture}{below}</figure>'


def _leaning(misses: list[float]) -> str:
    """Whether guesses lean to one side: at least four, and four in five of them."""
    high, low = sum(miss > 0.05 for miss in misses), sum(miss < -0.05 for miss in misses)
    if max(high, low) < max(4, 0.8 * len(misses)):
        return "."
    if high > low:
        return ". You tend to guess too high: products shrink faster than they seem to."
    return ". You tend to guess too low: products keep more than they seem to."


def intuition() -> Intuition:
    """Return your predictions so far against what was measured.

    Returns
    -------
    Intuition
        In a notebook a figure, on both axes logarithmic; printed, a line for each prediction.
        Predictions on a linear scale are left out: an angle and a gradient share no axis.
    """
    return Intuition(tuple(_guesses(Progress.default().predictions())))


def _guesses(kept: dict[str, tuple[float, float]]) -> Iterable[Guess]:
    known = {exercise.id: exercise for exercise in all_exercises()}
    for id, (predicted, found) in kept.items():
        question = known.get(id)
        if not isinstance(question, Prediction) or not question.log or min(predicted, found) <= 0:
            continue
        close = abs(math.log(predicted / found)) <= math.log(question.within) * (1 + 1e-12)
        yield Guess(question.title, predicted, found, close)
