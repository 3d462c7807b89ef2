"""How long Adam remembers one large gradient."""

from __future__ import annotations

from gradcourse.checking.question import NamedValue, Prediction
from gradcourse.experiments.clipping import rate_after_spike

MEMORY = Prediction(
    id="clipping/memory",
    title="What Adam remembers",
    question="Adam, β₂ = 0.999, has run for 4000 updates on gradients of size 1. Then comes one "
    "gradient of size 100, and after it ordinary ones again. By which factor is Adam's rate 1/√v "
    "changed, 100 updates after the spike?",
    answer="rate",
    measure=lambda: rate_after_spike(100.0, 100),
    within=1.25,
    low=1e-3,
    high=10.0,
    explain="v = 1 + 0.001 · 0.999^100 · 100² = 10, and 1/√10 = 0.32.",
    misconceptions=(
        NamedValue(
            "forgotten",
            1.0,
            "You expected it to be forgotten. The mean m forgets in about ten updates; v has "
            "β₂ = 0.999 and needs thousands.",
        ),
        NamedValue(
            "as if all were spikes",
            0.01,
            "You divided by 100, as if v were 100² = the spike alone. It enters v with the share "
            "1 − β₂ = 0.001.",
        ),
        NamedValue(
            "upside down",
            3.2,
            "That is √v. The rate is 1/√v: a larger v makes smaller steps.",
        ),
        NamedValue(
            "v itself",
            10.0,
            "That is by what v grows. The rate is 1/√v.",
        ),
        NamedValue(
            "the root is missing",
            0.1,
            "You divided by v, which is about 10. Adam divides by its root.",
        ),
    ),
    hints=(
        "v is a running mean of squares. With what share does the spike enter it?",
        "With the share 0.001, and after k more updates 0.999^k of that is left.",
        "v = 1 + 0.001 · 0.905 · 10,000; the rate is 1/√v.",
    ),
    points=1.0,
)
