"""What late work costs."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import datetime

from gradcourse.checking.show import count, points
from gradcourse.support import GradcourseError

_POLICY = re.compile(
    r"(?P<much>\d+(?:\.\d+)?) ?(?P<unit>%|points?) ?(?:/|per|a|an)? ?(?P<each>day|hour)?"
    r"(?:, ?at most (?P<most>\d+)(?: (?:days?|hours?))?)?(?:, ?grace (?P<grace>\d+) ?min(?:utes)?)?"
)
SECONDS = {"day": 86_400, "hour": 3_600}


@dataclass(frozen=True)
class Policy:
    """So much for each begun day or hour.

    Attributes
    ----------
    much : float
        Percent of what could be earned, or points.
    percent : bool
    each : str
        "day", "hour", or "" for once, however late.
    most : int or None
        More days or hours than these cost no more.
    grace : float
        Seconds after the deadline that do not count.
    """

    much: float
    percent: bool = True
    each: str = "day"
    most: int | None = None
    grace: float = 0.0

    def units(self, days: float) -> int:
        """How many days or hours have begun."""
        late = days * SECONDS["day"] - self.grace
        if late <= 0:
            return 0
        number = math.ceil(late / SECONDS[self.each] - 1e-9) if self.each else 1
        return number if self.most is None else min(number, self.most)

    def cost(self, days: float, possible: float) -> float:
        """Points that are taken off, of so many that could be earned."""
        each = self.much / 100 * possible if self.percent else self.much
        return min(possible, round(each * self.units(days), 4))

    def said(self, days: float) -> str:
        """In words: "2 days late, 10 % for each"."""
        unit = "%" if self.percent else "point" if self.much == 1 else "points"
        rate = f"{points(self.much)} {unit}"
        if not self.each:
            return f"late: {rate}"
        number = self.units(days)
        most = " (at most)" if self.most is not None and number == self.most else ""
        return f"{count(number, self.each)} late{most}, {rate} for each"


def policy_of(text: str) -> Policy:
    """Read a policy: "10%/day, at most 3", "1 point/hour", "20%", "10%/day, grace 30 min".

    Raises
    ------
    GradcourseError
        If it cannot be understood.
    """
    found = _POLICY.fullmatch(" ".join(text.casefold().split()))
    if found is None:
        raise GradcourseError(
            f'--late {text!r}: give it as "10%/day, at most 3" or "1 point/hour, grace 15 min"'
        )
    return Policy(
        float(found["much"]),
        found["unit"] == "%",
        found["each"] or "",
        int(found["most"]) if found["most"] else None,
        60.0 * int(found["grace"] or 0),
    )


def days_between(due: datetime, submitted: datetime) -> float:
    """Days from the deadline to when it was handed in; negative before it."""
    return (submitted - due).total_seconds() / SECONDS["day"]
