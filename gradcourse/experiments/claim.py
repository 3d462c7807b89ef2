"""A claim on trial: what was said and by whom, what decides it, and under which conditions."""

from __future__ import annotations

import importlib
import importlib.util
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from gradcourse.lessons import LESSONS, Lesson, lesson_about
from gradcourse.support import GradcourseError, nearest

HOLDS, CONDITION, FAILS = "holds", "holds only if", "fails"
VERDICTS = (HOLDS, CONDITION, FAILS)
OPEN = "open"
"""What stands in place of a verdict where what was measured does not meet every criterion."""

OFTEN = "often said"
"""The source of a sentence that stands in many places, and here in our words."""

_TRIALS = "gradcourse.experiments.trials"

Values = Mapping[str, Sequence[float]]
"""What was measured: from a quantity to one number for each network."""

Rows = Sequence[Mapping[str, Any]]
"""Of a stored measurement."""


@dataclass(frozen=True)
class Criterion:
    """A threshold, written down before anything is measured.

    Attributes
    ----------
    quantity : str
        Which of the measured ones.
    above, below : float
        What its median has to lie above, and below.
    control : bool
        Whether it only shows that the experiment could have come out otherwise.
    every : bool
        Whether all values have to, and not only the median.
    """

    quantity: str
    above: float = -np.inf
    below: float = np.inf
    control: bool = False
    every: bool = False

    def met(self, values: Values) -> bool:
        """Whether it is so; NaN never is, nor what has not been measured."""
        if not len(values.get(self.quantity, ())):
            return False
        found = np.asarray(values[self.quantity], dtype=float)
        tested = found if self.every else np.array([np.median(found)])
        low = (tested > self.above) | np.isneginf(self.above)
        high = (tested < self.below) | np.isposinf(self.below)
        return bool(np.all(low & high & ~np.isnan(tested)))

    @property
    def words(self) -> str:
        """The condition, to be read."""
        which = "every value" if self.every else "median"
        ends = [f"above {self.above:g}"] if np.isfinite(self.above) else []
        ends += [f"below {self.below:g}"] if np.isfinite(self.below) else []
        return f"{self.quantity}: {which} {' and '.join(ends)}"


def needs(quantity: str, above: float = -np.inf, below: float = np.inf, **more: bool) -> Criterion:
    """Return what a verdict needs."""
    return Criterion(quantity, above, below, **more)


def control(quantity: str, above: float = -np.inf, below: float = np.inf) -> Criterion:
    """Return what a positive control must reach under the same budget."""
    return Criterion(quantity, above, below, control=True)


@dataclass(frozen=True)
class Kept:
    """Which rows of a stored measurement decide a claim whose trainings no page has time for.

    Attributes
    ----------
    name : str
        Of the measurement: "transformers".
    kinds : tuple of str
        Those of its rows that are needed.
    """

    name: str
    kinds: tuple[str, ...]


@dataclass(frozen=True)
class Claim:
    """One row of the ledger.

    Attributes
    ----------
    id : str
        As its vote has it: the lesson's topic, and a name, "saturation/claim-zero".
    cell : str
        The cell of the lesson that decides it; empty where the sentence no longer stands there.
    quote : str
        As it stands in the source; in our words where that is `OFTEN`.
    source : str
    year : int or None
        Of the source.
    verdict : {"holds", "holds only if", "fails"}
        What is said where every criterion is met.
    why : str
        A sentence or two, for who has voted.
    scope : str
        Under which conditions it was decided.
    measure : callable
        Measures at full size and returns `Values`. It takes nothing; where ``kept`` is given, the
        rows of that measurement.
    criteria : tuple of Criterion
        All are needed for the verdict.
    map : str
        The name of its verdict map, if it has one.
    kept : Kept or None
    """

    id: str
    cell: str
    quote: str
    verdict: str
    why: str
    scope: str
    measure: Callable[..., Values]
    criteria: tuple[Criterion, ...]
    source: str = OFTEN
    year: int | None = None
    map: str = ""
    kept: Kept | None = None

    @property
    def lesson(self) -> Lesson:
        """The lesson in which it is on trial."""
        row = lesson_about(self.id.partition("/")[0])
        if row is None:
            raise GradcourseError(f"no lesson is about {self.id!r}")
        return row

    @property
    def cited(self) -> str:
        """Source and year; "often said" where there is none."""
        return f"{self.source} ({self.year})" if self.year else self.source

    @property
    def page(self) -> str:
        """The cell that decides it: "lessons/02_saturation.ipynb#cell-id=02-claim-zero-measure"."""
        place = f"#cell-id={self.lesson.number}-{self.cell}" if self.cell else ""
        return f"{self.lesson.notebook}{place}"

    @property
    def where(self) -> str:
        """The same in words."""
        cell = f", cell {self.cell}" if self.cell else ""
        return f"lesson {self.lesson.number}{cell}"

    def decided(self, values: Values) -> str:
        """Return the verdict, or "open" where a criterion is not met."""
        return OPEN if any(not rule.met(values) for rule in self.criteria) else self.verdict

    def missed(self, values: Values) -> tuple[Criterion, ...]:
        """The criteria that are not met."""
        return tuple(rule for rule in self.criteria if not rule.met(values))


@cache
def all_claims() -> tuple[Claim, ...]:
    """Every claim of the course, in the order of the lessons."""
    return tuple(claim for row in LESSONS for claim in claims_of(row))


@cache
def all_errata() -> tuple[Claim, ...]:
    """What the course itself once said and no longer says."""
    found: tuple[Claim, ...] = importlib.import_module("gradcourse.experiments.errata").CLAIMS
    return found


def claims_of(row: Lesson) -> Iterator[Claim]:
    """The claims of one lesson; none where it has no file in `gradcourse.experiments.trials`."""
    name = f"{_TRIALS}.{row.folder}"
    if importlib.util.find_spec(name) is not None:
        yield from importlib.import_module(name).CLAIMS


def claim_about(id: str) -> Claim:
    """Return a claim by its id.

    Raises
    ------
    GradcourseError
        If there is none.
    """
    every = {claim.id: claim for claim in (*all_claims(), *all_errata())}
    if id not in every:
        near = nearest(id, every) or list(every)
        raise GradcourseError(f"no claim is called {id!r}: {', '.join(near)}")
    return every[id]


def measured_now(claim: Claim, rows: Rows | None = None) -> dict[str, Any]:
    """Measure a claim at full size.

    Parameters
    ----------
    claim : Claim
    rows : sequence of mapping, optional
        Where other trainings decide it, as in `Claim.kept`: what they gave.

    Returns
    -------
    dict
        ``values``; ``seeds``, how many networks the largest sample has; ``seconds`` of a processor.
    """
    began = time.process_time()
    values = claim.measure() if rows is None else claim.measure(rows)
    seconds = time.process_time() - began
    rounded = {name: [float(f"{x:.4g}") for x in found] for name, found in values.items()}
    most = max(len(found) for found in rounded.values())
    return {"claim": claim.id, "values": rounded, "seeds": most, "seconds": round(seconds, 1)}
