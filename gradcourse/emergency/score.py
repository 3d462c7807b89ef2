"""What a chart is worth: everything in it is measured again."""

from __future__ import annotations

from dataclasses import dataclass, replace

from gradcourse.emergency.chart import Chart
from gradcourse.experiments.ward import Outcome, Recipe, outcome, treated

WRONG = 25
"""Points that a treatment costs without which the network would do as well."""

ENOUGH = 0.1
"""Share of what there was to gain that a treatment must bring, or it was not needed."""

FULL = 75
"""Score at which a patient earns all its points in an exercise: examinations are not free."""


TRIES = 3
"""How often a treated network is trained that ends short of what there was to gain.

Ten layers of ReLUs at a usual rate end anywhere between 0.76 and 0.95, and now and then at a guess,
by a rounding error: on another processor, that is. No points may hang on it.
"""

_NUDGE, _NEAR, _ALIKE = 1e-6, 0.95, 0.02
"""What sets a try apart, of the rate; the share of the best skill that needs no other try; and the
difference of two tries up to which the run does not hang by a rounding error."""


@dataclass(frozen=True)
class Report:
    """How it ended.

    Attributes
    ----------
    before, after, best : float
        What was measured on the test rows: as it came, as it leaves, and with the known cure; of
        the last two the best of up to `TRIES` runs, whose rates differ in the sixth digit.
    recovered : float
        Share of what there was to gain; for a healthy patient 1 if nothing was done to it.
    wrong : tuple of str
        Treatments without which it does as well.
    spent : int
        Price of the examinations.
    named, story : str
        The diagnosis that was given, and what was wrong.
    right_name : bool
        Whether the two agree; no points hang on it.
    again : bool
        Whether ``after`` is that of another run than the one that the room showed.
    """

    before: float
    after: float
    best: float
    recovered: float
    wrong: tuple[str, ...]
    spent: int
    named: str
    right_name: bool
    story: str
    again: bool = False

    @property
    def score(self) -> int:
        """100 for all that can be gained, minus examinations and wrong treatments."""
        return round(100 * self.recovered) - self.spent - WRONG * len(self.wrong)

    @property
    def share(self) -> float:
        """Of an exercise's points, 0 to 1."""
        return min(1.0, max(0.0, self.score / FULL))

    @property
    def tries(self) -> str:
        """That another run counts than the one that the room showed; else ""."""
        return f" (the best of up to {TRIES} runs, apart by a rounding error)" if self.again else ""

    @property
    def _verdict(self) -> str:
        if not self.named:
            return "nothing"
        return f"{self.named} ({'right' if self.right_name else 'not it'})"

    def __repr__(self) -> str:
        wrong = ", ".join(self.wrong) or "none"
        lines = [
            f"{self.score} points: {100 * self.recovered:.0f} for the result, "
            f"−{self.spent} for examinations, −{WRONG * len(self.wrong)} for wrong treatments",
            f"  on the test rows   {self.before:.2f} → {self.after:.2f}, with the known cure "
            f"{self.best:.2f}" + self.tries,
            f"  wrong treatments   {wrong}",
            f"  you named          {self._verdict}",
            f"  what it was        {self.story}",
        ]
        return "\n".join(lines)


def report(chart: Chart) -> Report:
    """Measure it as it came, as it leaves, with the known cure, and without each treatment."""
    kind, recipe = chart.kind, chart.admitted
    before = outcome(recipe)
    best = max((_tried(treated(recipe, keys), _NEAR) for keys in kind.cure), key=_skill)
    after = _tried(chart.now, _NEAR * best.skill) if chart.given else before
    to_gain = best.skill - before.skill
    if kind.healthy:
        recovered = 0.0 if chart.given else 1.0
        wrong = chart.given
    else:
        gain = (after.skill - before.skill) / to_gain if to_gain > 0 else 0.0
        recovered = min(1.0, max(0.0, gain))
        needed = {
            key
            for key in chart.kept
            if after.skill - _without(recipe, chart.kept, key, after).skill > ENOUGH * to_gain
        }
        wrong = tuple(key for key in chart.given if key not in needed)
    return Report(
        before.measured,
        after.measured,
        best.measured,
        recovered,
        wrong,
        chart.spent,
        chart.named,
        chart.named in kind.names,
        kind.story,
        after.recipe != chart.now,
    )


def _without(recipe: Recipe, keys: tuple[str, ...], left_out: str, after: Outcome) -> Outcome:
    """What comes of the other treatments alone."""
    rest = treated(recipe, (key for key in keys if key != left_out))
    return outcome(rest) if rest == recipe else _tried(rest, _NEAR * after.skill)


def _tried(recipe: Recipe, enough: float) -> Outcome:
    """The best of a few runs that differ by a rounding error; one, if its skill is enough."""
    best = outcome(recipe)
    for k in range(1, TRIES):
        if best.skill >= enough:
            break
        again = outcome(replace(recipe, rate=recipe.rate * (1 + k * _NUDGE)))
        alike = abs(again.skill - best.skill) < _ALIKE
        best = max(best, again, key=_skill)
        if alike:
            break
    return best


def _skill(of: Outcome) -> float:
    return of.skill
