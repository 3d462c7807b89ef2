"""Tell a dead layer from a vanished signal."""

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
    if max(_dead_share(h) for h in layers) > ALARM:
        return "dead"
    return "vanished" if _size(layers[-1]) < FADED * _size(layers[0]) else "healthy"


def _by_zeros(layers):
    if max(float((np.asarray(h) == 0).mean()) for h in layers) > ALARM:
        return "dead"
    return "vanished" if _size(layers[-1]) < FADED * _size(layers[0]) else "healthy"


def _absolute(layers):
    if max(_dead_share(h) for h in layers) > ALARM:
        return "dead"
    return "vanished" if _size(layers[-1]) < FADED else "healthy"


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


def _rows_first(layers):
    if max(float((np.asarray(h) == 0).all(axis=1).mean()) for h in layers) > ALARM:
        return "dead"
    return "vanished" if _size(layers[-1]) < FADED * _size(layers[0]) else "healthy"


def _with_size(size, faded=FADED):
    """The answer with another measure of size, or another border."""

    def answer(layers):
        if max(_dead_share(h) for h in layers) > ALARM:
            return "dead"
        return "vanished" if size(layers[-1]) < faded * size(layers[0]) else "healthy"

    return answer


def _from_the_largest(layers):
    if max(_dead_share(h) for h in layers) > ALARM:
        return "dead"
    sizes = [_size(h) for h in layers]
    return "vanished" if min(sizes) < FADED * max(sizes) else "healthy"


def _layer(rng, silent, dead=0.0, scale=1.0):
    """Outputs (40, 30): units silent on a share of the rows, a share of units on all of them."""
    h = rng.uniform(0.5, 1.5, (40, 30)) * scale
    for unit in range(30):
        h[rng.permutation(40)[: round(40 * silent)], unit] = 0.0
    h[:, rng.permutation(30)[: round(30 * dead)]] = 0.0
    return h


def _patients(rng):
    fade = float(rng.uniform(0.02, 0.06))
    # Every unit speaks, but on the same two rows of 40.
    sparse = [rng.uniform(0.5, 1.5, (40, 30)) * (np.arange(40) % 20 == 7)[:, None]] * 4
    vanished = [_layer(rng, 0.5, scale=fade**k) for k in range(4)]
    in_the_middle = [_layer(rng, 0.5), _layer(rng, 0.5, dead=0.97), *(_layer(rng, 0.5),) * 2]
    throughout = [_layer(rng, 0.5, dead=0.97) for _ in range(3)]
    at_the_end = [_layer(rng, 0.5), _layer(rng, 0.5), _layer(rng, 0.5, dead=1.0)]
    small = [_layer(rng, 0.6, scale=1e-5 * rng.uniform(0.5, 1.0)) for _ in range(3)]
    # Near the border, where another measure of size than the root mean square falls on the
    # other side: a last layer of few, large entries, and one of many.
    faint = [_layer(rng, 0.0), _layer(rng, 0.95, scale=FADED * rng.uniform(2.0, 4.0))]
    fainter = [_layer(rng, 0.95), _layer(rng, 0.0, scale=FADED * rng.uniform(0.1, 0.15))]
    half = [_layer(rng, 0.5), _layer(rng, 0.5, scale=FADED * rng.uniform(3.0, 6.0))]
    paler = [_layer(rng, 0.5), _layer(rng, 0.5, scale=FADED * rng.uniform(14.0, 22.0))]
    wide = [_layer(rng, 0.5)[:1], _layer(rng, 0.5, scale=FADED * rng.uniform(0.5, 0.8))]
    dip = [_layer(rng, 0.5), _layer(rng, 0.5, scale=0.3 * FADED), _layer(rng, 0.5, scale=0.1)]
    half_dead = [_layer(rng, 0.4, dead=0.5) for _ in range(3)]
    made = [sparse, vanished, in_the_middle, at_the_end, throughout, small, half_dead]
    made += [faint, fainter, half, paler, wide, dip]
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
            "an absolute size": (
                _absolute,
                "You compared the last layer's size with a fixed number. A network with small "
                "inputs is small everywhere and healthy: compare with the first layer.",
            ),
            "the mean for the size": (
                _with_size(lambda h: float(np.mean(np.abs(h)))),
                "You took the mean for the size. The root mean square is asked: a layer with "
                "few, large outputs has a small mean.",
            ),
            "the standard deviation for the size": (
                _with_size(lambda h: float(np.std(h))),
                "You took the standard deviation for the size. It subtracts the mean first; "
                "the root mean square does not.",
            ),
            "the root is missing": (
                _with_size(lambda h: float(np.mean(np.asarray(h) ** 2))),
                "You compared mean squares. Without the root 1/1000 becomes 1/1000000: take it.",
            ),
            "the norm for the size": (
                _with_size(lambda h: float(np.linalg.norm(h))),
                "You took the norm. It grows with the number of entries, and layers may have "
                "different shapes: take the root of the *mean* square.",
            ),
            "a border of 1/100": (
                _with_size(_size, 1e-2),
                "Your border is 1/100. A signal has vanished when it is below 1/1000 of the "
                "first layer's.",
            ),
            "the smallest against the largest": (
                _from_the_largest,
                "You compared the smallest layer with the largest. The last layer is "
                "compared with the first.",
            ),
            "first and last exchanged": (
                lambda layers: disease(layers[::-1]),
                "You compared the first layer with the last. The signal runs from the first "
                "to the last, and it has vanished when the last is small.",
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
            "rows instead of units": (
                _rows_first,
                "You counted rows on which all units are 0. A unit is a column: all(axis=0).",
            ),
        },
    ),
    parts=(
        Part(
            title="13 random networks of 2 to 4 layers",
            points=2.0,
            cases=_patients,
            example=(
                [
                    np.array([[1.0, 0.0], [0.0, 2.0]]),
                    np.array([[0.0, 0.0], [0.0, 0.0]]),
                ],
            ),
            look_at="First the share of units that are 0 on all rows, in each layer; only then the "
            "sizes.",
        ),
    ),
    hints=(
        "A dead layer also has no size. So the order of your two questions matters.",
        "The share of dead units of h is (h == 0).all(axis=0).mean(); its size is "
        "np.sqrt(np.mean(h**2)).",
        "Three returns, one after the other. The first asks the largest dead share of all layers, "
        "the second only layers[0] and layers[-1].",
    ),
)
