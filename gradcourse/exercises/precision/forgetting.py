"""How long Adam's memory needs to forget a spike, with the β₂ of large runs."""

from __future__ import annotations

from gradcourse.checking.question import NamedValue, Prediction

SPIKE, BETA = 1e4, 0.95


def _updates_until_even():
    """Updates after the spike until ordinary gradients outweigh it in v."""
    spike = (1 - BETA) * SPIKE**2
    rest, updates = 1.0, 0
    while spike > rest:
        spike *= BETA
        rest = BETA * rest + (1 - BETA) * 1.0
        updates += 1
    return float(updates)


FORGOTTEN = Prediction(
    id="precision/forgotten",
    title="How soon Adam forgets",
    question="Adam with β₂ = 0.95, as many large runs have it; gradients of size 1, and one of "
    "10,000. After how many updates does what the spike left in v weigh no more than the ordinary "
    "squares, so that the rate is back at 1/√2 of what it was?",
    answer="forgotten",
    measure=_updates_until_even,
    within=1.08,
    low=1.0,
    high=1e6,
    points=1.0,
    explain="(1 − β₂) β₂^k S² = 1 gives k = ln(0.05 · 10⁸)/0.0513 = 301. With β₂ = 0.999 it is "
    "11,500, and the whole run may be over.",
    misconceptions=(
        NamedValue(
            "not squared",
            121.0,
            "You let S itself fade: that is Muon's momentum. In v its square stands.",
        ),
        NamedValue("the span of the memory", 20.0, "1/(1 − β₂) is the time to fade by e only."),
        NamedValue(
            "lesson 09's β₂", 11507.0, "That is β₂ = 0.999. A shorter memory forgets sooner."
        ),
        NamedValue("the share forgotten", 359.0, "The spike enters with the share 1 − β₂ = 0.05."),
    ),
    hints=(
        "How much of v is the spike's in the first update, and what is left of that k later?",
        "Solve (1 − β₂) β₂^k S² = 1 for k.",
        "ln(0.05 · 10⁸) = 15.4, and −ln 0.95 = 0.0513.",
    ),
)
