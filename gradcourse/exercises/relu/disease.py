"""Tell a dead layer from a vanished signal, by a rule of one's own."""

from __future__ import annotations

import numpy as np

from gradcourse.checking.question import CodeExercise, Part, asks
from gradcourse.experiments.relu import ALARM

FADED = 1e-3
"""The last layer's output, relative to the first's, below which the signal has vanished."""


def _size(h):
    return float(np.sqrt(np.mean(np.asarray(h) ** 2)))


def _dead_share(h):
    return float((np.asarray(h) == 0).all(axis=0).mean())


def disease(layers):
    """ "dead", "vanished" or "healthy", from the outputs of all ReLU layers."""
    return _with_borders(layers, ALARM, FADED)


def _with_borders(layers, dead, faded):
    """The same with other borders: a share of dead units, and a size relative to layer 1."""
    if max(_dead_share(h) for h in layers) > dead:
        return "dead"
    return "vanished" if _size(layers[-1]) < faded * _size(layers[0]) else "healthy"


def _by_zeros(layers):
    if max(float((np.asarray(h) == 0).mean()) for h in layers) > ALARM:
        return "dead"
    return "vanished" if _size(layers[-1]) < FADED * _size(layers[0]) else "healthy"


def _below(size):
    """The last layer's size compared with a fixed number."""

    def answer(layers):
        if max(_dead_share(h) for h in layers) > ALARM:
            return "dead"
        return "vanished" if _size(layers[-1]) < size else "healthy"

    return answer


def _last_layer_only(layers):
    if _dead_share(layers[-1]) > ALARM:
        return "dead"
    return "vanished" if _size(layers[-1]) < FADED * _size(layers[0]) else "healthy"


def _all_layers(layers):
    if np.mean([_dead_share(h) for h in layers]) > ALARM:
        return "dead"
    return "vanished" if _size(layers[-1]) < FADED * _size(layers[0]) else "healthy"


def _in_per_cent(layers):
    return "vanished" if _size(layers[-1]) < FADED * _size(layers[0]) else "healthy"


def _size_first(layers):
    if _size(layers[-1]) < FADED * _size(layers[0]):
        return "vanished"
    return "dead" if max(_dead_share(h) for h in layers) > ALARM else "healthy"


def _one_silent_row(layers):
    if any((np.asarray(h) == 0).all(axis=1).any() for h in layers):
        return "dead"
    return "vanished" if _size(layers[-1]) < FADED * _size(layers[0]) else "healthy"


def _rows_first(layers):
    if max(float((np.asarray(h) == 0).all(axis=1).mean()) for h in layers) > ALARM:
        return "dead"
    return "vanished" if _size(layers[-1]) < FADED * _size(layers[0]) else "healthy"


def _layer(rng, silent, dead=0.0, scale=1.0):
    """Outputs (40, 30): units silent on a share of the rows, a share of units on all of them."""
    h = rng.uniform(0.5, 1.5, (40, 30)) * scale
    for unit in range(30):
        h[rng.permutation(40)[: round(40 * silent)], unit] = 0.0
    h[:, rng.permutation(30)[: round(30 * dead)]] = 0.0
    return h


def _patients(rng):
    """Sizes and shares of zeros so that a border which is no share of anything is recognised.

    A vanished network's last layer has the size 3e-5 to 7e-5, or a thousandth of that, the small
    healthy one's 1e-5 to 3e-5; a layer that is not dead has less than half zeros, or 95 %.
    """
    fade = float(rng.uniform(0.035, 0.045))
    # Every unit speaks, but on the same two rows of 40.
    sparse = [rng.uniform(0.5, 1.5, (40, 30)) * (np.arange(40) % 20 == 7)[:, None]] * 4
    scattered = [_layer(rng, 0.95) for _ in range(3)]  # each on rows of its own
    vanished = [_layer(rng, 0.45, scale=fade**k) for k in range(4)]
    from_small = [_layer(rng, 0.45, scale=1e-3 * fade**k) for k in range(4)]
    in_the_middle = [_layer(rng, 0.45), _layer(rng, 0.45, dead=1.0), *(_layer(rng, 0.45),) * 2]
    throughout = [_layer(rng, 0.45, dead=1.0) for _ in range(3)]
    at_the_end = [_layer(rng, 0.45), _layer(rng, 0.45), _layer(rng, 0.45, dead=1.0)]
    small = [_layer(rng, 0.45, scale=1e-5 * rng.uniform(2.0, 3.0)) for _ in range(3)]
    half_dead = [_layer(rng, 0.05, dead=0.45) for _ in range(3)]
    one_row = [_layer(rng, 0.4) * (np.arange(40) != 7)[:, None] for _ in range(3)]
    one_layer = [_layer(rng, 0.45), _layer(rng, 0.05, dead=0.45), _layer(rng, 0.45, scale=0.3)]
    made = [sparse, scattered, vanished, from_small, in_the_middle, at_the_end, throughout]
    made += [small, half_dead, one_row, one_layer]
    return [(layers,) for layers in made]


DISEASE = CodeExercise(
    id="relu/disease",
    title="Which disease?",
    functions=asks(
        disease,
        '"dead", "vanished" or "healthy"',
        {
            "a count of zeros": (
                _by_zeros,
                "You counted zeros. A network whose units are choosy has many and is healthy: "
                "count the units that are 0 on *every* row.",
            ),
            "some dead units": (
                lambda layers: _with_borders(layers, 0.4, FADED),
                "You called a network dead because some units of a layer are. The others let "
                "the gradient back: ask whether hardly any is left, or none.",
            ),
            "a little smaller": (
                lambda layers: _with_borders(layers, ALARM, 0.5),
                "You called a network vanished whose last layer is a third as large as its "
                "first. To lose decades is to fall to a hundredth, or far below.",
            ),
            "an absolute size": (
                _below(FADED),
                "You compared the last layer's size with a fixed number. A network with small "
                "inputs is small everywhere and healthy: compare with the first layer.",
            ),
            "a small absolute size": (
                _below(1e-6),
                "You called a network healthy whose last layer is ten thousand times smaller than "
                "its first: it is still above your border. Compare with the first layer, not with "
                "a fixed number.",
            ),
            "never vanished": (
                lambda layers: disease(layers[::-1]),
                "You never answer “vanished”, not even where the last layer is ten thousand times "
                "smaller than the first. Which of the two do you ask to be small, and beside what?",
            ),
            "only the last layer": (
                _last_layer_only,
                "You looked for dead units in the last layer only. A dead layer in the middle "
                "cuts the gradient as well.",
            ),
            "all layers at once": (
                _all_layers,
                "You asked whether the layers are dead on average, or all of them. One dead "
                "layer is enough to cut the gradient: take the largest share.",
            ),
            "never dead": (
                _in_per_cent,
                "You never answer “dead”, not even where all layers are. A share lies between 0 "
                "and 1: 90 % is 0.9, and no share is above 90.",
            ),
            "size before death": (
                _size_first,
                "A dead last layer has size 0, so you called it vanished. Ask for dead units "
                "first: nothing that scales the weights brings them back.",
            ),
            "one silent row": (
                _one_silent_row,
                "You called a layer dead because all its units are 0 on one row. The gradient "
                "comes back on the other rows: a unit is a column.",
            ),
            "rows instead of units": (
                _rows_first,
                "You counted rows on which all units are 0. A unit is a column: all(axis=0).",
            ),
        },
    ),
    parts=(
        Part(
            title="11 random networks of 3 or 4 layers",
            points=2.0,
            cases=_patients,
            example=(
                [
                    np.array([[1.0, 0.0], [0.0, 2.0]]),
                    np.array([[0.0, 0.0], [0.0, 0.0]]),
                ],
            ),
            look_at="Two questions about this network. Is there a layer in which hardly a unit is "
            "ever above 0? And how large is the last layer beside the first?",
        ),
    ),
    hints=(
        "Two questions. Can a gradient come back through every layer? And how large is what the "
        "last layer gives, beside the first? A dead layer has no size, either: order matters.",
        "The share of dead units of h is (h == 0).all(axis=0).mean(); its size is "
        "np.sqrt(np.mean(h**2)).",
        "Three returns, one after the other. The first asks the largest dead share of all layers, "
        "the second compares layers[-1] with layers[0]: a thousandth is a good border.",
    ),
)
