"""Start a torch model: He's weights, biases 0, a small output layer."""

from __future__ import annotations

from gradcourse.checking.question import CodeExercise, Part, asks
from gradcourse.drivers.initialization import drive_initialize


def _started(hidden=1.0, last=0.1, mode="fan_in", biases=True, square=False):
    """`initialize` with other scales, another fan, or what it leaves out."""

    def initialize(model):
        import torch

        layers = [module for module in model.modules() if isinstance(module, torch.nn.Linear)]
        for layer in layers:
            fan = layer.in_features if mode == "fan_in" else layer.out_features
            std = (last if layer is layers[-1] else hidden) * (2 / fan) ** (1.0 if square else 0.5)
            torch.nn.init.normal_(layer.weight, std=std)
            if biases:
                torch.nn.init.zeros_(layer.bias)

    return initialize


def initialize(model):
    """He's weights in every nn.Linear, a tenth of them in the last one, biases 0; in place."""
    _started()(model)


def _xavier(model):
    import torch

    layers = [module for module in model.modules() if isinstance(module, torch.nn.Linear)]
    for layer in layers:
        torch.nn.init.xavier_normal_(layer.weight, gain=0.1 if layer is layers[-1] else 1.0)
        torch.nn.init.zeros_(layer.bias)


def _stacks(rng):
    made = []
    for depth in (2, 3):
        small, large = rng.integers(150, 250), rng.integers(500, 700)
        hidden = [int(large if k % 2 else small) for k in range(depth)]
        made.append(((64, *hidden, int(rng.integers(30, 60))), int(rng.integers(1000))))
    return made


INITIALIZE = CodeExercise(
    id="init/initialize",
    title="Start a torch model",
    functions=asks(
        initialize,
        "nothing; the model is changed in place",
        {
            "nothing is changed": (
                lambda model: None,
                "The model that you were given is as torch made it. A copy, or a new one that you "
                "return, does not count: change its own weights and biases, in place.",
            ),
            "the output layer like the others": (
                _started(last=1.0),
                "Your last matrix has He's full scale. Then the first outputs are large, and the "
                "first loss is above ln C: make it a tenth.",
            ),
            "every layer a tenth": (
                _started(hidden=0.1),
                "You made all matrices small. Each hidden layer then loses a factor of ten; only "
                "the last one is to be a tenth.",
            ),
            "fan_out": (
                _started(mode="fan_out"),
                "You divided by fan_out. The forward version of He's rule has fan_in, the number "
                "of inputs: layer.in_features.",
            ),
            "the biases stay": (
                _started(biases=False),
                "Your biases are still what nn.Linear drew. Set them to 0.",
            ),
            "variance instead of standard deviation": (
                _started(square=True),
                "You took 2/fan_in for the standard deviation. It is the variance: take the root.",
            ),
            "ReLU's half is missing": (
                _started(hidden=0.5**0.5, last=0.1 * 0.5**0.5),
                "Your matrices have the variance 1/fan_in. ReLU loses half of the mean square: "
                "2/fan_in pays for it.",
            ),
            "Xavier's rule": (
                _xavier,
                "That is Xavier's rule. He's has fan_in alone, and a 2 for ReLU.",
            ),
        },
        driver=drive_initialize,
        inputs=("widths", "seed"),
    ),
    parts=(
        Part(
            title="2 random stacks of nn.Linear and ReLU",
            points=2.0,
            cases=_stacks,
            example=((64, 300, 400, 40), 0),
            rtol=0.06,
            look_at="each entry is drawn for itself, around 0: nn.init has kaiming_normal_, and "
            "zeros_ for the biases. Which layer is the last one?",
        ),
    ),
    hints=(
        "Go through model.modules() and keep the nn.Linear ones in a list.",
        "torch.nn.init.kaiming_normal_(layer.weight, nonlinearity='relu') is He's rule, and "
        "torch.nn.init.zeros_(layer.bias) clears a bias.",
        "The last one: with torch.no_grad(): layers[-1].weight.mul_(0.1).",
    ),
)
