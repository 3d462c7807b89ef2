"""The arms and the maps, by name."""

from __future__ import annotations

from dataclasses import dataclass

from gradcourse.experiments.maps.arms import Arm

STEPS = (60, 300, 1500)
"""A fifth of what most lessons train for, that, and five times as much."""

MANY = (100, 500, 2500)
SIGMOID = (0.1, 0.5, 2.0, 8.0)
RELU = (0.01, 0.03, 0.1, 0.3)
DEEP = (0.003, 0.01, 0.03, 0.1)
NORMED = (0.03, 0.1, 0.3, 1.0)
ADAM = (3e-4, 1e-3, 3e-3, 1e-2)
RELU_20 = (("depth", 20), ("activation", "relu"))
LEAKY_20 = (("depth", 20), ("activation", "leaky_relu"), ("init", "xavier"))
HE_2 = (("depth", 2), ("activation", "relu"), ("init", "he"))
HE_3 = (("depth", 3), ("activation", "relu"), ("init", "he"))
NORMED_4 = (("depth", 4), ("activation", "sigmoid"), ("init", "xavier"), ("noise", 0.55))

ARMS: dict[str, Arm] = {
    "one sigmoid layer": Arm("1 sigmoid layer", "mlp", SIGMOID, STEPS, options=(("depth", 1),)),
    "sigmoid": Arm("8 sigmoid layers", "mlp", SIGMOID, STEPS, options=(("depth", 8),)),
    "shut, squared": Arm(
        "outputs that begin saturated, squared error", "shut", SIGMOID, STEPS, loss="squared"
    ),
    "shut, entropy": Arm("the same, cross-entropy", "shut", SIGMOID, STEPS),
    "relu, xavier": Arm(
        "20 ReLU layers, Xavier's weights",
        "mlp",
        DEEP,
        MANY,
        options=(*RELU_20, ("init", "xavier")),
    ),
    "leaky, xavier": Arm(
        "20 leaky ReLU layers, Xavier's weights", "mlp", DEEP, MANY, options=LEAKY_20
    ),
    "relu, raw": Arm(
        "20 ReLU layers, N(0, 1)", "mlp", DEEP, MANY, options=(*RELU_20, ("init", 1.0))
    ),
    "relu, he": Arm(
        "20 ReLU layers, He's weights", "mlp", DEEP, MANY, options=(*RELU_20, ("init", "he"))
    ),
    "start": Arm(
        "2 ReLU layers, He's weights",
        "mlp",
        ADAM,
        (300, 1500, 7500),
        options=HE_2,
        optimizer="adam",
    ),
    "start, tripled": Arm(
        "2 ReLU layers, three times He's weights",
        "mlp",
        ADAM,
        (300, 1500, 7500),
        options=(*HE_2, ("gain", 3.0)),
        optimizer="adam",
    ),
    "plain": Arm("4 sigmoid layers", "watched", NORMED, STEPS, options=(("depth", 4),)),
    "jumps": Arm(
        "4 sigmoid layers, batch norm and jumps", "normed", NORMED, STEPS, options=NORMED_4
    ),
    "normed": Arm("4 ReLU layers, batch norm", "normed", NORMED, STEPS, options=(("depth", 4),)),
    "normed, hundredfold": Arm(
        "the same, hidden weights × 100",
        "normed",
        NORMED,
        STEPS,
        options=(("depth", 4), ("hidden", 100.0)),
    ),
    "no branch scale": Arm(
        "27 blocks, α = 1", "residual", DEEP, (20, 100, 500), options=(("blocks", 27),)
    ),
    "branch scale": Arm(
        "27 blocks, α = 1/√27",
        "residual",
        DEEP,
        (20, 100, 500),
        options=(("blocks", 27), ("scale", "inverse_sqrt")),
    ),
    "identity rnn, decay": Arm(
        "recurrent ReLU, weight decay 0.01", "identity rnn", RELU, (10, 50, 250), decay=0.01
    ),
    "identity rnn, clipped": Arm(
        "the same, clipped at 1", "identity rnn", RELU, (10, 50, 250), clip=1.0
    ),
    "loud": Arm(
        "3 ReLU layers, loss × 10⁶, Adam",
        "mlp",
        ADAM,
        (50, 250, 1250),
        options=HE_3,
        optimizer="adam",
        scale=1e6,
    ),
    "timid": Arm(
        "2 ReLU layers, a 200th of the rate", "mlp", NORMED, STEPS, options=HE_2, slowness=200.0
    ),
    "bold": Arm("the same, at the rate", "mlp", NORMED, STEPS, options=HE_2),
}


@dataclass(frozen=True)
class Plan:
    """What a map compares.

    Attributes
    ----------
    accused, control : str
        Names of arms. The accused is what the claim speaks well of; where it falls short of the
        control, the claim fails.
    question : str
        What is asked at each place.
    passes : float
        What the control must reach for the place to say anything.
    margin : float
        By how much the accused must fall short.
    rule : {"right", "fitted", "shift", "survived", "norm"}
        "right": share of right answers. "fitted": the same, where the accused has all training
        rows right. "shift": the same, where the accused shifts less. "survived": whether the loss
        is finite. "norm": the accused is right, though all its gradients were above 1.
    """

    accused: str
    control: str
    question: str
    passes: float = 0.8
    margin: float = 0.1
    rule: str = "right"


PLANS: dict[str, Plan] = {
    "deeper": Plan("sigmoid", "one sigmoid layer", "Do 8 layers learn as much as one?"),
    "output": Plan("shut, squared", "shut, entropy", "Is it learned without a deep network?"),
    "vanish": Plan("relu, xavier", "relu, he", "Do ReLU layers learn from Xavier's weights?"),
    "leak": Plan("leaky, xavier", "relu, he", "Does a leak of 0.01 do instead of larger weights?"),
    "normal": Plan("relu, raw", "relu, he", "Do 20 layers learn from N(0, 1)?"),
    "start": Plan(
        "start, tripled",
        "start",
        "All training digits right: are as many test digits, from a start three times as large?",
        margin=0.02,
        rule="fitted",
    ),
    "shift": Plan("plain", "jumps", "Who shifts less: does it learn more?", rule="shift"),
    "scale": Plan(
        "normed, hundredfold",
        "normed",
        "Is as much learned with hidden weights × 100?",
        margin=0.05,
    ),
    "care": Plan(
        "no branch scale", "branch scale", "Do shortcuts do without a scale on their branches?"
    ),
    "decay": Plan(
        "identity rnn, decay",
        "identity rnn, clipped",
        "Is the loss still finite, with weight decay?",
        rule="survived",
    ),
    "norm": Plan("loud", "loud", "Every gradient above 1: is nothing learned?", rule="norm"),
    "stuck": Plan("timid", "bold", "Is 2.30 left at a 200th of the rate, from the same weights?"),
}
