"""The questions of lesson 13: a bet before each measurement, for no points."""

from __future__ import annotations

from gradcourse.checking.question import Choice, NamedValue, Option, Prediction
from gradcourse.experiments.ledger import enclosed
from gradcourse.experiments.maps.places import verdict_map
from gradcourse.ledger import claims


def _holding():
    found = claims().verdicts
    share = found.get("holds", 0) / sum(found.values())
    return "few" if share < 0.1 else "quarter" if share < 0.4 else "half" if share < 0.6 else "most"


HOLDING = Choice(
    id="ledger/holding",
    title="How many hold?",
    question="All sentences that were on trial in lessons 01 to 12. How many have the verdict "
    "“holds”, without a condition?",
    answer="holding",
    options=(
        Option("few", "Fewer than one in ten.", "They were chosen: something was wrong with them."),
        Option("quarter", "About a quarter.", "Count those that you remember: was there one?"),
        Option("half", "About half.", "A coin would do; but nobody tries a sentence at random."),
        Option("most", "Most.", "Then the lessons would have had no reason to quote them."),
    ),
    measure=_holding,
    explain="What many repeat has been right somewhere. What got lost on the way is where.",
    hints=("Count those that you remember. What did their verdict begin with?",),
)


def _turned():
    return "turns" if verdict_map("deeper").counts["holds"] else "stays"


TURNING = Choice(
    id="ledger/turning",
    title="The same test elsewhere",
    question="Eight sigmoid layers learn less than one: so it was at a rate of 0.5, after 300 "
    "updates, 64 units wide. Now four rates, from 0.1 to 8, a fifth and five times the updates, 16 "
    "units and 64. Is there a place where eight layers learn as much?",
    answer="turning",
    options=(
        Option("stays", "No, nowhere.", "Neither rate nor patience reaches layer 1."),
        Option("turns", "Yes, at some.", "A larger rate multiplies a gradient that has vanished."),
    ),
    measure=_turned,
    explain="This verdict does not hang on the three knobs. Others do, and a map says which.",
    hints=("What did gain 4 do in lesson 02, and what does a larger rate do?",),
)

ENCLOSED = Prediction(
    id="ledger/enclosed",
    title="Five networks",
    question="Take five networks that differ in the seed only. How often does the true median lie "
    "between the worst and the best of the five?",
    answer="enclosed",
    measure=lambda: 100.0 * enclosed(5),
    within=3.0,
    low=0.0,
    high=100.0,
    log=False,
    unit="%",
    explain="It does not only if all five lie on one side: 2 of 32 cases.",
    misconceptions=(
        NamedValue("three of five", 60.0, "It is about the extremes of the five, not the middle."),
        NamedValue("always", 100.0, "Five may all lie above it, as five coins may all show heads."),
    ),
    hints=("Each network lies above the median with a probability of ½.",),
)
