"""Small made-up exercises, one of each kind."""

from __future__ import annotations

import numpy as np
import pytest

from gradcourse.checking import (
    Choice,
    CodeExercise,
    Function,
    Misconception,
    NamedValue,
    Option,
    Part,
    Prediction,
    Tuning,
)


def mean_log(factors):
    return float(np.mean(np.log(np.abs(factors))))


def _vectors(rng):
    return [(rng.normal(size=n),) for n in (8, 5, 3, 6)]


def _positive_vectors(rng):
    return [(rng.uniform(0.1, 2.0, size=n),) for n in (4, 7, 3)]


@pytest.fixture
def exercise() -> CodeExercise:
    """Two parts, two misconceptions; one of them is right on the second part."""
    return CodeExercise(
        id="made/mean-log",
        title="Mean of the logarithm",
        functions=(
            Function(
                "mean_log",
                ("factors",),
                mean_log,
                (
                    Misconception(
                        "log of the mean",
                        lambda f: float(np.log(np.mean(np.abs(f)))),
                        "You averaged first.",
                    ),
                    Misconception(
                        "sign kept", lambda f: float(np.mean(np.log(f))), "A negative has no log."
                    ),
                    Misconception("divides", lambda f: 1 // 0, "You divide by a constant 0."),
                ),
            ),
        ),
        parts=(
            Part("factors of both signs", 1.0, _vectors, (np.array([0.5, -2.0]),), look_at="signs"),
            Part("positive factors", 1.0, _positive_vectors, (np.array([0.5, 4.0]),)),
        ),
        hints=("one", "two", "three"),
    )


@pytest.fixture
def prediction() -> Prediction:
    return Prediction(
        id="made/how-deep",
        title="How deep",
        question="How deep?",
        answer="depth",
        measure=lambda: 75.0,
        within=1.1,
        low=1,
        high=1000,
        explain="Because 150 / 2 is 75.",
        misconceptions=(
            NamedValue("normals only", 63.0, "You stopped at the normal numbers."),
            NamedValue("near by", 66.0, "A second slip, close to the first."),
        ),
        hints=("a", "b", "c"),
        points=1.0,
    )


@pytest.fixture
def choice() -> Choice:
    return Choice(
        id="made/which",
        title="Which",
        question="Which one?",
        answer="which",
        options=(
            Option("grows", "It grows.", "No: it is below 1."),
            Option("falls", "It falls.", "Yes."),
        ),
        measure=lambda: "falls",
        explain="0.9 is below 1.",
        points=1.0,
        hints=("a", "b", "c"),
    )


@pytest.fixture
def tuning() -> Tuning:
    from gradcourse.figures import Axis, Line, Plot
    from gradcourse.figures.demo import Demo, Knob

    def draw(gain, depth):
        return Plot("made up", Axis("x"), Axis("y"), (Line([0, 1], [gain, depth], "line"),))

    demo = Demo(
        "made/demo",
        "made up",
        (
            Knob("gain", "gain", 0.1, 4.0, 0.05, 1.0),
            Knob("depth", "depth", 0.0, 2.0, 0.1, 1.0, log=True, integer=True),
        ),
        draw,
    )

    def measure(seed, gain, depth):
        assert isinstance(depth, int)
        return (1 + 1e-3 * (seed % 7)) * gain**depth

    return Tuning(
        id="made/tune",
        title="Tune it",
        question="Tune it.",
        answers=("my_gain", "my_depth"),
        demo=lambda: demo,
        measure=measure,
        low=0.5,
        high=2.0,
        quantity="size",
        reference={"gain": 1.0, "depth": 10},
        misconceptions=(
            NamedValue("twice", {"gain": 2.0, "depth": 10}, "You doubled it."),
            NamedValue("gain a half", {"gain": 0.5}, "You halved it."),
        ),
        hints=("a", "b", "c"),
        points=2.0,
        below="Too small.",
        above="Too large.",
    )
