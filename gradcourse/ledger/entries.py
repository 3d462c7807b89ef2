"""A claim with what was measured of it, now or when it was stored; and all of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from gradcourse.experiments.claim import (
    OPEN,
    Claim,
    Kept,
    Rows,
    Values,
    all_claims,
    all_errata,
    claim_about,
    measured_now,
)
from gradcourse.experiments.measurements import MEASUREMENTS, Measurement, Stored, stored
from gradcourse.ledger import told
from gradcourse.lifesign import counted
from gradcourse.support import GradcourseError

NOT_YET = "not measured yet"
"""What stands in place of a verdict where nothing is stored."""


@dataclass(frozen=True)
class Entry:
    """One line of the ledger.

    Attributes
    ----------
    claim : Claim
    values : mapping
        What was measured, at full size; empty where nothing is.
    seconds : float
        Of a processor, that the measurement took.
    when : str
        "now", or the day on which it was stored.
    origin : str
        Seeds, versions and the hash of the source.
    """

    claim: Claim
    values: Values
    seconds: float
    when: str
    origin: str

    @property
    def verdict(self) -> str:
        """What the measurement says, by the criteria; `OPEN` where it meets not all of them."""
        return self.claim.decided(self.values) if self.values else NOT_YET

    def measured(self) -> Entry:
        """Measure it now, at full size.

        Returns
        -------
        Entry
            Its verdict follows from the new numbers.
        """
        row = measured_now(self.claim, _anew(self.claim.kept) if self.claim.kept else None)
        return Entry(self.claim, row["values"], row["seconds"], "now", f"{row['seeds']} seeds")

    def __repr__(self) -> str:
        return told.in_full(self)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> Any:
        page = told.STYLE + told.article(self, opened=True)
        return {"text/plain": repr(self), "text/html": page}, {}


@dataclass(frozen=True)
class Ledger:
    """Claims in the order of the lessons.

    Attributes
    ----------
    entries : tuple of Entry
    """

    entries: tuple[Entry, ...]

    @property
    def verdicts(self) -> dict[str, int]:
        """How many claims have each verdict."""
        found = [entry.verdict for entry in self.entries]
        return {verdict: found.count(verdict) for verdict in dict.fromkeys(found)}

    @property
    def now(self) -> tuple[Entry, ...]:
        """Those that were measured when this was made."""
        return tuple(entry for entry in self.entries if entry.when == "now")

    @property
    def overturned(self) -> tuple[Entry, ...]:
        """Those whose numbers do not carry the verdict that the course states."""
        return tuple(entry for entry in self.entries if entry.verdict == OPEN)

    def measured(self) -> Ledger:
        """Measure all of them now, at full size."""
        many = len(self.entries)
        return Ledger(tuple(entry.measured() for entry in counted(self.entries, "claim", many)))

    def __repr__(self) -> str:
        return told.in_lines(self.entries)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> Any:
        return {"text/plain": repr(self), "text/html": told.page(self.entries)}, {}


def claims(which: str = "", seconds: float = 0.0) -> Ledger:
    """Return the ledger, or a part of it.

    Parameters
    ----------
    which : str
        A lesson's number, "06", or a claim's id; empty for all.
    seconds : float
        So much processor time may be spent on measuring again, at full size, the cheapest first;
        all others are shown as they are stored.

    Returns
    -------
    Ledger
    """
    entries = [kept_entry(claim) for claim in _chosen(which, all_claims(), "on trial")]
    again = _within(entries, seconds)
    fresh = {
        entry.claim.id: entry.measured() for entry in counted(again, "claim", len(again), "claims")
    }
    return Ledger(tuple(fresh.get(entry.claim.id, entry) for entry in entries))


def errata(which: str = "") -> Ledger:
    """Return what the course itself once said and no longer says, with what refuted it.

    Parameters
    ----------
    which : str
        A lesson's number, "06", or an id; empty for all.
    """
    return Ledger(tuple(map(kept_entry, _chosen(which, all_errata(), "taken back"))))


def _chosen(which: str, every: Sequence[Claim], done: str) -> tuple[Claim, ...]:
    if "/" in which:
        return (claim_about(which),)
    found = tuple(claim for claim in every if which in ("", claim.lesson.number))
    if not found:
        known = sorted({claim.lesson.number for claim in every})
        raise GradcourseError(f"no claim is {done} in {which!r}: {', '.join(known)}, or an id")
    return found


def _within(entries: Sequence[Entry], seconds: float) -> list[Entry]:
    """The cheapest that fit together; what other trainings decide is never among them."""
    fitting, spent = [], 0.0
    for entry in sorted(entries, key=lambda entry: entry.seconds):
        if entry.claim.kept is None and entry.values and spent + entry.seconds <= seconds:
            fitting.append(entry)
            spent += entry.seconds
    return fitting


def kept_entry(claim: Claim) -> Entry:
    """Return a claim as its measurement is stored."""
    if claim.kept is not None:
        table = stored(claim.kept.name)
        return Entry(claim, claim.measure(table.rows), 0.0, table.made, _origin(table, table.seeds))
    table = _table()
    row = next((row for row in table.rows if row["claim"] == claim.id), None)
    if row is None:
        return Entry(claim, {}, 0.0, "never", "make measurements")
    origin = _origin(replace(table, source=row["of"]), row["seeds"])
    return Entry(claim, row["values"], row["seconds"], table.made, origin)


def _table() -> Stored:
    return stored("claims")


def _origin(table: Stored, seeds: int) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in table.versions.items())
    return f"{seeds} seeds, {versions}, source {table.source[:8]}"


def _anew(kept: Kept) -> Rows:
    """Train again what is stored; it takes as long as it took."""
    wanted = named(kept.name)
    items = [item for item in wanted.items if item[0] in kept.kinds]
    return [wanted.measure(*item) for item in counted(items, "network", len(items))]


def named(name: str) -> Measurement:
    """Return a stored measurement's plan by its name."""
    make: Callable[[], Measurement] = next(m for m in MEASUREMENTS if m.__name__ == name)
    return make()
