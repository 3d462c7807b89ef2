"""Tell a dead layer from a vanished signal, and choose the cure that helps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from gradcourse.checking.exercise import (
    Arguments,
    Choice,
    CodeExercise,
    Function,
    Misconception,
    Option,
    Part,
)
from gradcourse.demos.relu import ALARM, RATE, same_zeros

if TYPE_CHECKING:
    from torch import nn

FADED = 1e-3
"""The last layer's output, relative to the first's, below which the signal has vanished."""


def _size(h: Any) -> float:
    return float(np.sqrt(np.mean(np.asarray(h) ** 2)))


def _dead_share(h: Any) -> float:
    return float((np.asarray(h) == 0).all(axis=0).mean())


def disease(layers: Any) -> str:
    """ "dead", "vanished" or "healthy", from the outputs of all ReLU layers."""
    if max(_dead_share(h) for h in layers) > ALARM:
        return "dead"
    return "vanished" if _size(layers[-1]) < FADED * _size(layers[0]) else "healthy"


def _by_zeros(layers: Any) -> str:
    if max(float((np.asarray(h) == 0).mean()) for h in layers) > ALARM:
        return "dead"
    return "vanished" if _size(layers[-1]) < FADED * _size(layers[0]) else "healthy"


def _absolute(layers: Any) -> str:
    if max(_dead_share(h) for h in layers) > ALARM:
        return "dead"
    return "vanished" if _size(layers[-1]) < FADED else "healthy"


def _last_layer_only(layers: Any) -> str:
    if _dead_share(layers[-1]) > ALARM:
        return "dead"
    return "vanished" if _size(layers[-1]) < FADED * _size(layers[0]) else "healthy"


def _all_layers(layers: Any) -> str:
    if np.mean([_dead_share(h) for h in layers]) > ALARM:
        return "dead"
    return "vanished" if _size(layers[-1]) < FADED * _size(layers[0]) else "healthy"


def _size_first(layers: Any) -> str:
    if _size(layers[-1]) < FADED * _size(layers[0]):
        return "vanished"
    return "dead" if max(_dead_share(h) for h in layers) > ALARM else "healthy"


def _rows_first(layers: Any) -> str:
    if max(float((np.asarray(h) == 0).all(axis=1).mean()) for h in layers) > ALARM:
        return "dead"
    return "vanished" if _size(layers[-1]) < FADED * _size(layers[0]) else "healthy"


def _layer(rng: np.random.Generator, silent: float, dead: float = 0.0, scale: float = 1.0) -> Any:
    """Outputs (40, 30): units silent on a share of the rows, a share of units on all of them."""
    h = rng.uniform(0.5, 1.5, (40, 30)) * scale
    for unit in range(30):
        h[rng.permutation(40)[: round(40 * silent)], unit] = 0.0
    h[:, rng.permutation(30)[: round(30 * dead)]] = 0.0
    return h


def _patients(rng: np.random.Generator) -> Sequence[Arguments]:
    fade = float(rng.uniform(0.02, 0.06))
    # Every unit speaks, but on the same two rows of 40.
    sparse = [rng.uniform(0.5, 1.5, (40, 30)) * (np.arange(40) % 20 == 7)[:, None]] * 4
    vanished = [_layer(rng, 0.5, scale=fade**k) for k in range(4)]
    in_the_middle = [_layer(rng, 0.5), _layer(rng, 0.5, dead=0.97), *(_layer(rng, 0.5),) * 2]
    at_the_end = [_layer(rng, 0.5), _layer(rng, 0.5), _layer(rng, 0.5, dead=1.0)]
    small = [_layer(rng, 0.6, scale=1e-5 * rng.uniform(0.5, 1.0)) for _ in range(3)]
    half_dead = [_layer(rng, 0.4, dead=0.5) for _ in range(3)]
    made = (sparse, vanished, in_the_middle, at_the_end, small, half_dead)
    return [(layers,) for layers in made]


DISEASE = CodeExercise(
    id="relu/disease",
    title="Which disease?",
    lesson="04",
    functions=(
        Function(
            "disease",
            ("layers",),
            disease,
            (
                Misconception(
                    "a count of zeros",
                    _by_zeros,
                    "You counted zeros. A network whose units are choosy has many and is healthy: "
                    "count the units that are 0 on *every* row.",
                ),
                Misconception(
                    "an absolute size",
                    _absolute,
                    "You compared the last layer's size with a fixed number. A network with small "
                    "inputs is small everywhere and healthy: compare with the first layer.",
                ),
                Misconception(
                    "only the last layer",
                    _last_layer_only,
                    "You looked for dead units in the last layer only. A dead layer in the middle "
                    "cuts the gradient as well.",
                ),
                Misconception(
                    "all layers at once",
                    _all_layers,
                    "You asked whether the layers are dead on average, or all of them. One dead "
                    "layer is enough to cut the gradient: take the largest share.",
                ),
                Misconception(
                    "size before death",
                    _size_first,
                    "A dead last layer has size 0, so you called it vanished. Ask for dead units "
                    "first: nothing that scales the weights brings them back.",
                ),
                Misconception(
                    "rows instead of units",
                    _rows_first,
                    "You counted rows on which all units are 0. A unit is a column: all(axis=0).",
                ),
            ),
            returns='"dead", "vanished" or "healthy"',
        ),
    ),
    parts=(
        Part(
            title="6 random networks of 3 or 4 layers",
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
        'If the largest dead share of any layer is above 0.9, "dead". Else, if the size of the '
        'last is below 1e-3 times the size of the first, "vanished". Else "healthy".',
    ),
)

# ---------------------------------------------------------------- the right cure


def _leak(net: nn.Sequential) -> nn.Sequential:
    from torch import nn

    from gradcourse.nets import with_activation

    return with_activation(net, lambda: nn.LeakyReLU(0.1))


def _larger_weights(net: nn.Sequential) -> nn.Sequential:
    from gradcourse.nets import scaled

    return scaled(net, 10.0)


def _no_biases(net: nn.Sequential) -> nn.Sequential:
    import torch

    for name, parameter in net.named_parameters():
        if name.endswith("bias"):
            torch.nn.init.zeros_(parameter)
    return net


CURES: dict[str, tuple[Callable[[nn.Sequential], nn.Sequential], float]] = {
    "leak": (_leak, RATE),
    "weights": (_larger_weights, RATE),
    "biases": (_no_biases, RATE),
    "rate": (lambda net: net, 10 * RATE),
}
"""What is done to the network, and the learning rate it then gets."""


def accuracy_with_cure(kind: str, cure: str, seed: int = 0, steps: int = 300) -> float:
    """Test accuracy of one of the networks with 75 % zeros after a cure and training."""
    from gradcourse.data import digits
    from gradcourse.training import train

    change, rate = CURES[cure]
    net = change(same_zeros(kind, seed))
    run = train(net, digits(), steps=steps, lr=rate, seed=seed, every=steps)
    return float(run.test_accuracy[-1])


def _right_cure() -> str:
    median = {
        cure: float(np.median([accuracy_with_cure("vanished", cure, seed) for seed in range(3)]))
        for cure in CURES
    }
    return max(median, key=lambda cure: median[cure])


RIGHT_CURE = Choice(
    id="relu/right-cure",
    title="The right cure",
    lesson="04",
    question="A ReLU network with four hidden layers stays at chance. Its record on all digits: "
    "75 % of the outputs of each layer are 0; no unit is silent on all digits; the size of the "
    "outputs is 0.1 in layer 1 and 0.0001 in layer 4. Which change lets it learn in 300 steps?",
    answer="right_cure",
    options=(
        Option(
            "leak",
            "A leak of 0.1 on the negative side.",
            "A leak brings dead units back, and here none is dead. It makes the signal hardly "
            "larger.",
        ),
        Option(
            "weights",
            "Weights ten times larger.",
            "The signal vanishes by a factor of 10 per layer. This pays it back.",
        ),
        Option(
            "biases",
            "All biases to 0, so that only half of the outputs are 0.",
            "The zeros were never the trouble. The weights are as small as before.",
        ),
        Option(
            "rate",
            "A learning rate ten times larger.",
            "The gradient of layer 1 is too small by far more than 10, and a larger rate is "
            "larger for the output biases, too.",
        ),
    ),
    measure=_right_cure,
    explain="No unit is dead, and the size falls by 10 per layer: a vanished signal. Its cure is "
    "larger weights.",
    hints=(
        "Which of the numbers in the record is not what a healthy network has?",
        "Zeros are no illness as long as each unit speaks for some digits.",
        "From 0.1 to 0.0001 in three layers: a factor of 10 per layer is missing.",
    ),
    points=1.0,
)
