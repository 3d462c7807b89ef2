"""Which units are dead?"""

from __future__ import annotations

import numpy as np

from gradcourse.checking.question import CodeExercise, Part, asks


def dead_units(batches):
    """Whether each unit is exactly 0 on every row of every batch, shape (units,)."""
    return np.all([(np.asarray(h) == 0).all(axis=0) for h in batches], axis=0)


def _layers(tiny):
    def cases(rng):
        made = []
        for units, rows in ((8, (15, 17, 16)), (10, (29, 24))):
            batches = [np.maximum(rng.normal(-0.3, 1.0, (n, units)), 0.0) for n in rows]
            kinds = rng.permutation(units)
            for h in batches:
                h[0, kinds] = np.maximum(h[0, kinds], 0.1)  # every unit speaks in every batch …
                h[-1, kinds[3:5]] = 0.0
                h[:, kinds[:2]] = 0.0  # … but these two never, they are dead,
            batches[-1][:, kinds[2]] = 0.0  # this one not in the last batch,
            batches[0][:, kinds[3]] = 0.0  # this one not in the first,
            for h in batches:
                h[1:, kinds[4]] = 0.0  # and this one on one row of each only.
            batches[0][0, kinds[5:]] += 0.1
            for h in batches:
                h[:, kinds[5]] += 0.2  # this one speaks on all rows but one of each,
                h[1, kinds[5]] = 0.0
                h[:, kinds[-1]] += 0.2  # this one never rests
            scale = 1e-7 if tiny else 1.0
            made.append(([scale * h for h in batches],))
        return made

    return cases


DEAD_UNITS = CodeExercise(
    id="relu/dead-units",
    title="Which units are dead?",
    functions=asks(
        dead_units,
        "an array of True and False, shape (units,)",
        {
            "silent in one batch is enough": (
                lambda batches: np.any([(h == 0).all(axis=0) for h in batches], axis=0),
                "You call a unit dead that is silent in any one batch. It may speak in "
                "another: dead means silent on *all* data.",
            ),
            "the first batch only": (
                lambda batches: (batches[0] == 0).all(axis=0),
                "You looked at the first batch only. A unit that is silent there may speak in "
                "another one.",
            ),
            "the last batch only": (
                lambda batches: (batches[-1] == 0).all(axis=0),
                "You looked at the last batch only. A unit that is silent there may speak in "
                "another one.",
            ),
            "mostly zero": (
                lambda batches: (np.concatenate(batches) == 0).mean(axis=0) > 0.5,
                "You call a unit dead that is 0 on most rows. A unit that speaks for few "
                "digits is choosy, not dead: it gets a gradient on those.",
            ),
            "zero on nine rows of ten": (
                lambda batches: (np.concatenate(batches) == 0).mean(axis=0) > 0.9,
                "You call a unit dead that is 0 on more than 90 % of the rows. One row is "
                "enough to live: it gets a gradient on that row.",
            ),
            "zero somewhere": (
                lambda batches: np.any([(h == 0).any(axis=0) for h in batches], axis=0),
                "You call a unit dead that is 0 on one row. Every ReLU unit is 0 on some: `all`"
                " rows, not `any`.",
            ),
            "the living ones": (
                lambda batches: ~dead_units(batches),
                "You marked the living units. Turn the condition round.",
            ),
            "small is dead": (
                lambda batches: np.concatenate(batches).max(axis=0) < 1e-3,
                "You compare with a small number. A unit whose signal is small still has the slope "
                "1: its network needs larger weights, not a resurrection. Dead is exactly 0.",
            ),
            "rows instead of units": (
                lambda batches: np.concatenate([(h == 0).all(axis=1) for h in batches]),
                "You asked each row whether all its units are 0. Ask each unit, a column, "
                "about all its rows: axis=0.",
            ),
            "an answer for each batch": (
                lambda batches: np.array([(h == 0).all(axis=0) for h in batches]),
                "You answered for each batch. The batches together are all data: a unit is "
                "dead when all of them say so.",
            ),
            "a share instead of an answer for each unit": (
                lambda batches: float(np.mean(dead_units(batches))),
                "You returned the share of dead units. An answer for each unit is asked: an "
                "array of True and False.",
            ),
            "the numbers of the dead units": (
                lambda batches: np.flatnonzero(dead_units(batches)),
                "You returned the numbers of the dead units. An answer for each unit is "
                "asked: an array of True and False, as long as there are units.",
            ),
            "0 and 1": (
                lambda batches: dead_units(batches).astype(int),
                "You wrote 1 for dead and 0 for alive. True and False are asked, because an "
                "array of them can pick units out: leave the conversion away.",
            ),
            "the share of zeros": (
                lambda batches: (np.concatenate(batches) == 0).mean(axis=0),
                "You returned the share of rows on which each unit is 0. It is dead when "
                "that is all of them.",
            ),
            "a count": (
                lambda batches: int(np.sum(dead_units(batches))),
                "You counted the dead units. An answer for each unit is asked.",
            ),
        },
    ),
    parts=(
        Part(
            title="2 random layers, in 2 and 3 batches",
            points=1.0,
            cases=_layers(tiny=False),
            example=(
                [
                    np.array([[0.0, 0.0, 0.7], [0.0, 0.0, 0.0]]),
                    np.array([[0.0, 0.4, 0.0]]),
                ],
            ),
            look_at="Go through the three columns of the small example: does the unit ever speak?",
        ),
        Part(
            title="the same with a vanished signal, activations of size 1e-7",
            points=1.0,
            cases=_layers(tiny=True),
            example=(
                [
                    np.array([[0.0, 0.0, 7e-7], [0.0, 0.0, 0.0]]),
                    np.array([[0.0, 4e-7, 0.0]]),
                ],
            ),
            look_at="Go through the three columns again: is every entry of both batches exactly 0?",
        ),
    ),
    hints=(
        "Dead means: not one row, in not one batch, makes the unit speak.",
        "For one batch, (h == 0).all(axis=0) says which units are silent on all its rows.",
        "Ask that of each batch. You have a list of answers for each unit, and it is dead when all "
        "of them are True: np.all has an axis, too.",
    ),
)
