"""What a chart is worth: everything in it is measured again."""

from __future__ import annotations

from dataclasses import dataclass

from gradcourse.emergency.chart import Chart
from gradcourse.experiments.ward import Recipe, outcome, treated

WRONG = 25
"""Points that a treatment costs without which the network would do as well."""

ENOUGH = 0.1
"""Share of what there was to gain that a treatment must bring, or it was not needed."""

FULL = 75
"""Score at which a patient earns all its points in an exercise: examinations are not free."""


@dataclass(frozen=True)
class Report:
    """How it ended.

    Attributes
    ----------
    before, after, best : float
        What was measured on the test rows: as it came, as it leaves, and with the known cure.
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

    @property
    def score(self) -> int:
        """100 for all that can be gained, minus examinations and wrong treatments."""
        return round(100 * self.recovered) - self.spent - WRONG * len(self.wrong)

    @property
    def share(self) -> float:
        """Of an exercise's points, 0 to 1."""
        return min(1.0, max(0.0, self.score / FULL))

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
            f"{self.best:.2f}",
            f"  wrong treatments   {wrong}",
            f"  you named          {self._verdict}",
            f"  what it was        {self.story}",
        ]
        return "\n".join(lines)


def report(chart: Chart) -> Report:
    """Measure it as it came, as it leaves, with the known cure, and without each treatment."""
    kind, recipe = chart.kind, chart.admitted
    before = outcome(recipe)
    after = outcome(chart.now)
    best = max((outcome(treated(recipe, keys)) for keys in kind.cure), key=lambda o: o.skill)
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
            if after.skill - outcome(_without(recipe, chart.kept, key)).skill > ENOUGH * to_gain
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
    )


def _without(recipe: Recipe, keys: tuple[str, ...], left_out: str) -> Recipe:
    return treated(recipe, (key for key in keys if key != left_out))
