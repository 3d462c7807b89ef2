"""Lesson 00: one prediction and one function, for no points. They show how the others work."""

from __future__ import annotations

from gradcourse.checking.question import CodeExercise, NamedValue, Part, Prediction, asks


def _half_to_the_50():
    product = 1.0
    for _ in range(50):
        product *= 0.5
    return product


FIRST_PREDICTION = Prediction(
    id="start/first-prediction",
    title="Fifty halves",
    question="A gradient of size 1 is multiplied by 0.5 at each of 50 layers. How large is it "
    "then? Guess, without computing.",
    answer="guess",
    measure=_half_to_the_50,
    within=10.0,
    low=1e-40,
    high=1.0,
    explain="Ten halvings are a factor of about a thousand, so fifty are about 1000 to the power "
    "5, which is 1e15.",
    misconceptions=(
        NamedValue(
            "one over fifty",
            0.02,
            "That is near 1/50, what dividing by 50 gives. The halves multiply: every layer halves "
            "what the one before left.",
        ),
        NamedValue(
            "a quarter per layer",
            0.25**50,
            "That is about what fifty quarters leave. A halving is 0.30 of a decade, so fifty are "
            "15 decades.",
        ),
        NamedValue(
            "ten decades",
            1e-10,
            "You are on the right axis. Count again: three decades for every ten halvings.",
        ),
    ),
)


def gradient_after(r, L):
    """Gradient of size 1 after L layers that each multiply it by r."""
    return float(r**L)


def _random_chains(rng):
    return [(float(r), int(rng.integers(3, 60))) for r in rng.uniform(0.3, 1.4, size=6)]


GRADIENT_AFTER = CodeExercise(
    id="start/gradient-after",
    title="The gradient after L layers",
    functions=asks(
        gradient_after,
        "a float",
        {
            "simple interest": (
                lambda r, L: 1 - L * (1 - r),
                "You took the same amount away at every layer. A layer takes a share of what "
                "the layer before it left: it multiplies.",
            ),
            "factor times layers": (
                lambda r, L: r * L,
                "You multiplied the factor by the number of layers. L layers multiply by r, "
                "and by r again, L times.",
            ),
            "one layer short": (
                lambda r, L: r ** (L - 1),
                "You are one layer short. After one layer the gradient is r, not 1.",
            ),
            "one layer too many": (
                lambda r, L: r ** (L + 1),
                "You are one layer too far. Before the first layer the gradient is 1, not r.",
            ),
        },
    ),
    parts=(
        Part(
            title="6 random factors and depths",
            points=0.0,
            cases=_random_chains,
            example=(0.5, 3),
            look_at="what one layer does to a gradient, and what the second does to the result.",
        ),
    ),
    hints=(
        "Start with 1. What is left after the first layer? After the second?",
        "Each layer multiplies what it receives by r.",
        "return r ** L",
    ),
)

EXERCISES = (FIRST_PREDICTION, GRADIENT_AFTER)
