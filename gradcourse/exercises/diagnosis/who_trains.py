"""Who trains? One code for each parameter, from a table."""

from __future__ import annotations

import numpy as np

from gradcourse.checking.question import CodeExercise, Part, asks


def who_trains(gradient, held, change):
    """0 trains, 1 has no gradient, 2 is not in the optimizer, 3 did not move all the same."""
    none = np.isnan(gradient) | (gradient == 0)
    return np.where(none, 1, np.where(~held, 2, np.where(change == 0, 3, 0)))


def _moved_only(gradient, held, change):
    return np.where(change != 0, 0, np.where(~held, 2, 3))


def _tables(rng):
    tables = []
    for n in (8, 12, 16):
        gradient = 10.0 ** rng.uniform(-12, 2, n)
        held = rng.random(n) < 0.6
        change = np.where(held, 10.0 ** rng.uniform(-6, -1, n), 0.0)
        gradient[rng.permutation(n)[:3]] = np.nan
        gradient[rng.permutation(n)[:2]] = 0.0
        gradient[0], held[0], change[0] = 1e-10, True, 1e-5
        gradient[1], held[1], change[1] = np.nan, False, 0.0
        gradient[2], held[2], change[2] = 0.3, True, 0.0
        gradient[3], held[3], change[3] = 0.0, True, 0.0
        gradient[4], held[4], change[4] = np.nan, True, 0.0
        gradient[5], held[5], change[5] = 0.2, False, 0.0
        # Momentum, or a weight decay, moves what has no gradient.
        gradient[6], held[6], change[6] = 0.0, True, 1e-4
        tables.append((gradient, held, change))
    return tables


EXAMPLE = (
    np.array([0.5, np.nan, 0.2, 1e-9, 0.0]),
    np.array([True, True, False, True, True]),
    np.array([1e-3, 0.0, 0.0, 0.0, 0.0]),
)

WHO_TRAINS = CodeExercise(
    id="diagnosis/who-trains",
    title="Who trains?",
    functions=asks(
        who_trains,
        "an array of integers, one for each parameter",
        {
            "a gradient of 0 is a gradient": (
                lambda g, h, c: np.where(np.isnan(g), 1, np.where(~h, 2, np.where(c == 0, 3, 0))),
                "You looked for NaN only. A gradient of exactly 0 is none, either: nothing comes "
                "back to that parameter.",
            ),
            "NaN counts as a gradient": (
                lambda g, h, c: np.where(g == 0, 1, np.where(~h, 2, np.where(c == 0, 3, 0))),
                "You did not see the NaN, which says that there is no gradient. `is None` and `==` "
                "do not find it: np.isnan does.",
            ),
            "a small gradient is none": (
                lambda g, h, c: np.where(
                    np.isnan(g) | (g < 1e-8), 1, np.where(~h, 2, np.where(c == 0, 3, 0))
                ),
                "You took a small gradient for none. Its size says nothing by itself: Adam would "
                "move it as far as any other. Compare with exactly 0.",
            ),
            "the optimizer first": (
                lambda g, h, c: np.where(
                    ~h, 2, np.where(np.isnan(g) | (g == 0), 1, np.where(c == 0, 3, 0))
                ),
                "You asked the optimizer first. Where no gradient arrives, no optimizer helps: "
                "that is the cause to name.",
            ),
            "held the other way round": (
                lambda g, h, c: who_trains(g, ~h, c),
                "You gave code 2 to what the optimizer holds. `held` says who is in it: 2 is for "
                "those that are not.",
            ),
            "code 3 is left out": (
                lambda g, h, c: who_trains(g, h, np.ones_like(c)),
                "You never look at `change`. A parameter that has a gradient and is held may stand "
                "still all the same: that is code 3.",
            ),
            "only whether it moved": (
                _moved_only,
                "You asked only whether it moved. Weight decay and momentum move parameters that "
                "get no gradient at all.",
            ),
        },
    ),
    parts=(
        Part(
            title="three tables of 8 to 16 parameters",
            points=2.0,
            cases=_tables,
            example=EXAMPLE,
            look_at="Parameter by parameter: is there a gradient, who holds it, did it move?",
        ),
    ),
    hints=(
        "Three questions, and the first that is answered with no names the cause.",
        "Gradient (NaN or exactly 0 is none), then optimizer, then change.",
        "np.where(this, 1, rest) can have another np.where as its rest. Which question stands "
        "outermost?",
    ),
)
