"""Lesson 03 on trial."""

from __future__ import annotations

import math

import numpy as np

from gradcourse.experiments.claim import CONDITION, Claim, Values, control, needs
from gradcourse.experiments.common import SEEDS, Array
from gradcourse.experiments.recurrent import growth_of_kinds


def log_gradient(init: str, gain: float, strength: float, seed: int) -> Array:
    """ln ‖∂h_T/∂h_t‖, Frobenius over √n, of 100 tanh units; shape (101,), by lag."""
    import torch

    from gradcourse.instrument import lag_log_norms
    from gradcourse.nets import recurrent

    net = recurrent("rnn", 100, 100, 1, init=init, gain=gain, seed=seed)
    normal = torch.randn(202, 100, generator=torch.Generator().manual_seed(seed))
    x = strength * math.sqrt(3) * normal[1:]
    return np.asarray(lag_log_norms(net.rnn, x, normal[:1, None])[:-102:-1] - math.log(10))


def equal_to_one() -> Values:
    """Factor on the gradient per step at radius 1 and 1.6, with an input and without."""

    def factors(gain: float, strength: float) -> list[float]:
        ends = [log_gradient("orthogonal", gain, strength, seed)[-1] for seed in SEEDS]
        return [float(np.exp(end / 100)) for end in ends]

    return {
        "factor per step, radius 1, input": factors(1.0, 0.5),
        "factor per step, radius 1.6, input": factors(1.6, 0.5),
        "one linear unit, weight that keeps a tenth over 30 steps": [0.1 ** (1 / 30)],
    }


def outputs_and_gradients() -> Values:
    """ReLU and tanh behind the same matrices; and a growing state whose gradient does not grow."""
    import torch

    h = first = torch.zeros((), requires_grad=True)
    for _ in range(1000):
        h = torch.relu(h + 1.0)
    (level,) = torch.autograd.grad(h, first)
    small, large = growth_of_kinds(1.2), growth_of_kinds(2.0)
    return {
        "decades over 50 steps, ReLU over tanh, gain 1.2": np.subtract(
            small["relu"], small["tanh"]
        ).tolist(),
        "decades over 50 steps, ReLU over tanh, gain 2": np.subtract(
            large["relu"], large["tanh"]
        ).tolist(),
        "decades over 50 steps, tanh, gain 2": large["tanh"],
        "h after 1000 steps of + 1": [float(h.detach())],
        "its gradient": [float(level)],
    }


def weights_or_activation() -> Values:
    """The same 50 matrices of gain 2 behind four activations, and of gain 20 behind σ."""
    found = {f"decades over 50 steps, {name}": of for name, of in growth_of_kinds(2.0).items()}
    return found | {"decades over 50 steps, sigmoid, gain 20": growth_of_kinds(20.0)["sigmoid"]}


CLAIMS = (
    Claim(
        "recurrent/claim-one",
        "claim-one",
        "Any eigenvalues λᵢ that are not near an absolute value of 1 will either explode if they "
        "are greater than 1 in magnitude or vanish if they are less than 1 in magnitude.",
        CONDITION,
        "It holds without an activation. Otherwise the product of slope and weight should be "
        "near 1, over the lags that the task needs.",
        "100 units, untrained, 100 steps, input 0.5.",
        equal_to_one,
        (
            needs("factor per step, radius 1, input", below=0.97),
            control("factor per step, radius 1.6, input", above=0.97),
            needs("one linear unit, weight that keeps a tenth over 30 steps", below=0.95),
        ),
        source="Goodfellow, Bengio & Courville, Deep learning, 8.2.5",
        year=2016,
    ),
    Claim(
        "recurrent/claim-two",
        "claim-two-measure",
        "At first sight, ReLUs seem inappropriate for RNNs because they can have very large "
        "outputs so they might be expected to be far more likely to explode than units that have "
        "bounded values.",
        CONDITION,
        "It holds for large weights. At gain 1.2 ReLU's gradient fades while tanh's stays. And a "
        "bounded state can have an exploding gradient, a growing state a level one.",
        "100 units, untrained, gains 1.2 and 2, no input; one ReLU unit.",
        outputs_and_gradients,
        (
            needs("decades over 50 steps, ReLU over tanh, gain 1.2", below=-1.0),
            needs("decades over 50 steps, ReLU over tanh, gain 2", above=1.0),
            needs("decades over 50 steps, tanh, gain 2", above=1.0),
            needs("h after 1000 steps of + 1", above=100.0),
            needs("its gradient", above=0.999, below=1.001),
        ),
        source="Le, Jaitly & Hinton, who go on to show otherwise",
        year=2015,
    ),
    Claim(
        "recurrent/claim-three",
        "claim-three-measure",
        "The exploding gradient problem is mostly caused by using large weight values in "
        "combination with using a large number of layers.",
        CONDITION,
        "Large has to be measured against the slope: weights that explode without an activation "
        "vanish with σ.",
        "Gaussian weights of gain 2, 100 units, untrained.",
        weights_or_activation,
        (
            needs("decades over 50 steps, sigmoid", below=-2.0),
            needs("decades over 50 steps, linear", above=2.0),
            control("decades over 50 steps, sigmoid, gain 20", above=2.0),
        ),
        source="a blog, To learn is to teach, June",
        year=2019,
    ),
)
