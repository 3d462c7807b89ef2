"""What a diagnosis says: findings with evidence, confidence and remedies."""

from __future__ import annotations

import html
import math
from dataclasses import dataclass, field
from typing import Any

from gradcourse.markup import items, table

GRADIENT_KINDS = (
    "non-finite",
    "dead",
    "saturated",
    "vanishing",
    "exploding",
    "update too small",
    "update too large",
    "healthy",
)
"""What a finding about the gradient can be, and that there is none."""

CAUSES = (
    "head",
    "scale",
    "linear",
    "equal units",
    "cut off",
    "rounding",
    "overwritten",
    "no updates",
    "unbounded loss",
    "collapsed",
    "not learning",
)
"""What else keeps a network from learning, though its gradients may be in order."""

KINDS = (*GRADIENT_KINDS, *CAUSES)
"""Everything that a finding can be."""


@dataclass(frozen=True)
class Remedy:
    """One thing to change, and the lesson that explains why it helps.

    Attributes
    ----------
    text, lesson : str
    action : str
        One word for what is done, which a program can carry out; "" where a person must look.
    by : float
        How far: the factor of a rate, say. NaN where that means nothing.
    """

    text: str
    lesson: str
    action: str = ""
    by: float = math.nan

    def __str__(self) -> str:
        return f"{self.text} (lesson {self.lesson})"


@dataclass(frozen=True)
class Finding:
    """One thing that the record shows.

    Attributes
    ----------
    kind : str
        One of `KINDS`.
    summary : str
        One sentence with the numbers in it.
    layers : tuple of str
        First and last layer, or parameter, that it concerns; empty if it concerns all.
    lags : tuple of int
        First and last time lag, 0 being the newest; empty if it is not about time.
    steps : tuple of int
        First and last step at which it holds.
    evidence : dict of str to float
        The numbers behind it; none depends on the size of the loss.
    confidence : float
        0 to 1: 0.5 at the threshold, and up with the distance from it.
    remedies : tuple of Remedy
        What to do, first things first.
    begun : bool
        Whether the record is too short to say whether the network learns.
    """

    kind: str
    summary: str
    layers: tuple[str, ...] = ()
    lags: tuple[int, ...] = ()
    steps: tuple[int, int] = (0, 0)
    evidence: dict[str, float] = field(default_factory=dict)
    confidence: float = 1.0
    remedies: tuple[Remedy, ...] = ()
    begun: bool = False

    @property
    def where(self) -> str:
        """The layers or lags in words."""
        parts = []
        if self.layers:
            first, last = self.layers[0], self.layers[-1]
            parts.append(f"layer {first}" if first == last else f"layers {first} to {last}")
        if self.lags:
            parts.append(f"lags {self.lags[0]} to {self.lags[-1]}")
        return ", ".join(parts) or "all layers"

    def to_dict(self) -> dict[str, Any]:
        """Return plain data, fit for JSON."""
        return {
            "kind": self.kind,
            "summary": self.summary,
            "layers": list(self.layers),
            "lags": list(self.lags),
            "steps": list(self.steps),
            "evidence": dict(self.evidence),
            "confidence": self.confidence,
            "remedies": [{"text": r.text, "lesson": r.lesson} for r in self.remedies],
        }

    def __repr__(self) -> str:
        first, last = self.steps
        when = f"step {first}" if first == last else f"steps {first} to {last}"
        lines = [
            f"{self.kind} · {self.where} · {when} · confidence {self.confidence:.2f}",
            f"  {self.summary}",
            *(f"    {name}: {_number(value)}" for name, value in self.evidence.items()),
            *(f"  {k}. {remedy}" for k, remedy in enumerate(self.remedies, start=1)),
        ]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        first, last = self.steps
        when = f"step {first}" if first == last else f"steps {first} to {last}"
        evidence = [(name, _number(value)) for name, value in self.evidence.items()]
        return (
            f"<section><h4>{html.escape(self.kind)}</h4>"
            f"<p>{html.escape(self.where)}, {when}; confidence {self.confidence:.2f}</p>"
            f"<p>{html.escape(self.summary)}</p>"
            + (table(evidence) if evidence else "")
            + (f"<ol>{items(self.remedies)}</ol>" if self.remedies else "")
            + "</section>"
        )


@dataclass(frozen=True)
class Diagnosis:
    """All findings of a record, the root cause first.

    Attributes
    ----------
    findings : tuple of Finding
        The first is what came first: a net whose loss turned NaN because its gradient exploded
        is "exploding", then "non-finite". Never empty.
    not_judged : tuple of str
        What the record does not say, and how to record it.
    """

    findings: tuple[Finding, ...]
    not_judged: tuple[str, ...] = ()

    @property
    def primary(self) -> Finding:
        """The first finding: the cause, as far as the record shows it."""
        return self.findings[0]

    @property
    def healthy(self) -> bool:
        """Whether nothing was found."""
        return self.primary.kind == "healthy"

    @property
    def headline(self) -> str:
        """What is so, in one line."""
        if self.primary.kind == "not learning":
            return "no gradient illness, and it does not learn"
        if self.healthy and self.primary.begun:
            return "healthy so far; it has just begun"
        return ", then ".join(self.kinds)

    @property
    def kinds(self) -> tuple[str, ...]:
        """Kinds of all findings, in order."""
        return tuple(finding.kind for finding in self.findings)

    def to_dict(self) -> dict[str, Any]:
        """Return plain data, fit for JSON."""
        return {
            "primary": self.primary.kind,
            "headline": self.headline,
            "findings": [finding.to_dict() for finding in self.findings],
            "not_judged": list(self.not_judged),
        }

    def __repr__(self) -> str:
        lines = [f"Diagnosis: {self.headline}"]
        lines += [repr(finding) for finding in self.findings]
        lines += [f"not judged: {text}" for text in self.not_judged]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        findings = "".join(finding._repr_html_() for finding in self.findings)
        return (
            f'<article class="gc-diagnosis"><h3>Diagnosis: {html.escape(self.headline)}</h3>'
            f"{findings}"
            + (f"<p>Not judged:</p><ul>{items(self.not_judged)}</ul>" if self.not_judged else "")
            + "</article>"
        )


def _number(value: float) -> str:
    return f"{value:.3g}"
