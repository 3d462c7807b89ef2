"""What was done to one patient, in order: written as one line, and read back.

``17.2: ?who trains; =cut off; +connect all parts`` is patient 2 of shift 17: an examination, a
diagnosis, a treatment. ``-clip`` takes a treatment back.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

import numpy as np

from gradcourse.emergency.prices import PRICES
from gradcourse.experiments.ward import KINDS, Kind, Recipe, admit, treated
from gradcourse.experiments.ward.patients import NAMES
from gradcourse.experiments.ward.treatments import treatment
from gradcourse.support import GradcourseError, nearest

_LINE = re.compile(r"\s*(?P<shift>\d{1,9})\.(?P<patient>\d{1,2})\s*:(?P<events>.*)", re.DOTALL)
ON_CALL = tuple(row for row in KINDS if row.on_call)
MOST = 40
"""Events on one chart; a line of thousands would be trained for an hour."""
BEARS = 6
"""Treatments that one patient can be given: each is left out once when the chart is scored."""


@dataclass(frozen=True)
class Event:
    """One thing that was done.

    Attributes
    ----------
    sign : {"?", "=", "+", "-"}
        Examined, named, treated, taken back.
    what : str
    """

    sign: str
    what: str

    def __str__(self) -> str:
        return f"{self.sign}{self.what}"


@dataclass(frozen=True)
class Chart:
    """One patient, and what was done.

    Attributes
    ----------
    shift, patient : int
        The shift decides who comes, in which order; patients count from 1.
    events : tuple of Event
    """

    shift: int
    patient: int
    events: tuple[Event, ...] = ()

    def __str__(self) -> str:
        return f"{self.shift}.{self.patient}: {'; '.join(map(str, self.events))}".rstrip()

    @property
    def kind(self) -> Kind:
        """Who it is: every kind comes once before one comes again."""
        deck = np.random.default_rng([10, self.shift]).permutation(len(ON_CALL))
        return ON_CALL[int(deck[(self.patient - 1) % len(ON_CALL)])]

    @property
    def admitted(self) -> Recipe:
        """The network as it came in."""
        return admit(self.kind.key, 1000 * self.shift + self.patient)

    @property
    def kept(self) -> tuple[str, ...]:
        """Treatments in effect, in the order in which they were given."""
        keys: list[str] = []
        for event in self.events:
            if event.sign == "+" and event.what not in keys:
                keys.append(event.what)
            elif event.sign == "-" and event.what in keys:
                keys.remove(event.what)
        return tuple(keys)

    @property
    def given(self) -> tuple[str, ...]:
        """Treatments that were given at all."""
        return tuple(dict.fromkeys(e.what for e in self.events if e.sign == "+"))

    @property
    def named(self) -> str:
        """The last diagnosis; empty if there is none."""
        names = [event.what for event in self.events if event.sign == "="]
        return names[-1] if names else ""

    @property
    def now(self) -> Recipe:
        """The network with what is in effect."""
        return treated(self.admitted, self.kept)

    @property
    def spent(self) -> int:
        """What the examinations cost; the same one twice in one state is paid once."""
        paid: set[tuple[str, tuple[str, ...]]] = set()
        for k, event in enumerate(self.events):
            if event.sign == "?":
                paid.add((event.what, replace(self, events=self.events[:k]).kept))
        return sum(PRICES[name] for name, _ in paid)

    def plus(self, sign: str, what: str) -> Chart:
        """Return the chart with one more event.

        Raises
        ------
        GradcourseError
            If there is no such thing, or it comes too early: a treatment needs a diagnosis.
        """
        if len(self.events) >= MOST:
            raise GradcourseError(f"a chart holds {MOST} entries at most; discharge the patient")
        if sign == "?":
            _known(what, PRICES, "examination")
        elif sign == "=":
            _known(what, NAMES, "diagnosis")
        else:
            treatment(what)
        if sign == "+" and not self.named:
            raise GradcourseError("name what you think it is before you treat: room.name(…)")
        if sign == "+" and what not in self.given and len(self.given) >= BEARS:
            raise GradcourseError(f"a patient bears {BEARS} treatments; this would be one more")
        if sign == "-" and what not in self.kept:
            raise GradcourseError(f"{what!r} is not in effect, so it cannot be taken back")
        return replace(self, events=(*self.events, Event(sign, what)))


def _known(what: str, known: dict[str, int] | dict[str, str], noun: str) -> None:
    if what not in known:
        near = nearest(str(what), known) or list(known)
        raise GradcourseError(f"there is no {noun} {what!r}; did you mean {', '.join(near)}?")


def read_chart(line: str) -> Chart:
    """Read what `Chart` writes.

    Raises
    ------
    GradcourseError
        If it cannot be read; the message says where.
    """
    match = _LINE.fullmatch(line) if isinstance(line, str) and len(line) < 5000 else None
    if match is None:
        shown = repr(line)[:60]
        raise GradcourseError(
            f"{shown} is no chart: it begins with shift and patient, such as "
            "'17.2: ?who trains; =cut off; +connect all parts'"
        )
    if not 1 <= int(match["patient"]) <= len(ON_CALL):
        raise GradcourseError(f"a shift has patients 1 to {len(ON_CALL)}, not {match['patient']}")
    chart = Chart(int(match["shift"]), int(match["patient"]))
    for text in filter(None, (part.strip() for part in match["events"].split(";"))):
        if text[0] not in "?=+-":
            raise GradcourseError(
                f"{text!r} begins with none of ? (examined), = (named), + (treated), - (taken back)"
            )
        chart = chart.plus(text[0], text[1:].strip())
    return chart
