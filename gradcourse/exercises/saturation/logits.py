"""A loss that survives a saturated output."""

from __future__ import annotations

import numpy as np

from gradcourse.checking.question import CodeExercise, Part, asks
from gradcourse.drivers.saturation import drive_loss
from gradcourse.exercises.saturation.output import certain_outputs, outputs


def loss_from_logits(z, y):
    """Mean cross-entropy of σ(z) against y, from z."""
    import torch.nn.functional as F

    return (F.softplus(z) - y * z).mean()


def _log_of_sigmoid(z, y, *, mend=False):
    import torch

    a = torch.sigmoid(z)
    loss = -(y * torch.log(a) + (1 - y) * torch.log(1 - a))
    return (torch.nan_to_num(loss) if mend else loss).mean()


def _binary_cross_entropy(z, y):
    import torch
    import torch.nn.functional as F

    return F.binary_cross_entropy(torch.sigmoid(z), y)


def _clamped(small):
    def loss(z, y):
        import torch

        a = torch.sigmoid(z).clamp(small, 1 - small)
        return -(y * torch.log(a) + (1 - y) * torch.log(1 - a)).mean()

    return loss


def _small_number_added(small):
    def loss(z, y):
        import torch

        a = torch.sigmoid(z)
        return -(y * torch.log(a + small) + (1 - y) * torch.log(1 - a + small)).mean()

    return loss


# The loss shows where it was cut off, so each usual number is a slip of its own.

_FAR = (10, 15, 20, 30, 50, 80)
"""Where z is clamped; at 100 the loss is that of `binary_cross_entropy`."""

_ADDED = tuple(10.0**-k for k in range(4, 13))
"""Added in the logarithm, or its least argument: down to 1e-5 a clamp of σ(z) is the same."""

_CLAMPED = (1e-6, 1e-7)
"""At which σ(z) is clamped: below, 1 minus it is 1 in float32."""


def _exp_overflows(z, y):
    import torch

    return (torch.log1p(torch.exp(z)) - y * z).mean()


def _corner_of_clamp(z, y):
    import torch

    return (z.clamp(min=0) - z * y + torch.log1p(torch.exp(-z.abs()))).mean()


def _corner_of_relu(z, y):
    import torch

    return (torch.relu(z) - z * y + torch.log1p(torch.exp(-z.abs()))).mean()


def _target_ignored(z, y):
    import torch.nn.functional as F

    return F.softplus(-z).mean()


def _squared_error(z, y):
    import torch

    return 0.5 * (torch.sigmoid(z) - y).square().mean()


def _softmax_loss(z, y):
    import torch.nn.functional as F

    return F.cross_entropy(z, y)


def _squashed_twice(z, y):
    import torch

    return loss_from_logits(torch.sigmoid(z), y)


LOSS_FROM_LOGITS = CodeExercise(
    id="saturation/loss-from-logits",
    title="Repair a saturated output",
    functions=asks(
        loss_from_logits,
        "a tensor of shape ()",
        {
            "log of a σ that is exactly 0": (
                _log_of_sigmoid,
                "You take the logarithm of σ(z). In float32 σ(−200) is exactly 0, and 0·log 0 "
                "is NaN. Write log σ(z) with z, on paper, before you compute.",
            ),
            "cut off at 100": (
                _binary_cross_entropy,
                "Your loss stops at 100, where PyTorch's binary_cross_entropy cuts the logarithm "
                "off, as does a clamp of z. No NaN, but at |z| = 200 the gradient is 0: start from "
                "z, and clamp nothing.",
            ),
            **{
                f"σ(z) clamped at {small:.0e}": (
                    _clamped(small),
                    f"You clamped at {small:.0e}, which removes the NaN and the gradient with it: "
                    "outside the clamp the derivative is 0. Look at the gradient of a wrong and "
                    "certain output.",
                )
                for small in _CLAMPED
            },
            "σ(z) clamped too near to 1": (
                _clamped(1e-12),
                "You clamped σ(z) nearer to 1 than float32 can tell: 1 − σ(z) is still 0, and "
                "0·log 0 is NaN. Nor has a clamp a gradient outside: write log σ(z) with z.",
            ),
            "float64 in place of float32": (
                lambda z, y: _log_of_sigmoid(z.double(), y).float(),
                "float64 only ends later: 1 − σ(z) is exactly 0 from z = 37 on, and 0·log 0 is NaN "
                "again. Write log σ(z) with z, on paper, before you compute.",
            ),
            "NaN replaced": (
                lambda z, y: _log_of_sigmoid(z, y, mend=True),
                "You put numbers in the place of NaN and infinity. The loss at z = −200 is 200, "
                "and its gradient has to be right, too: write log σ(z) with z.",
            ),
            **{
                f"z clamped at {far}": (
                    lambda z, y, far=far: loss_from_logits(z.clamp(-far, far), y),
                    f"You clamped z at {far}, and outside the clamp the derivative is 0. Look at "
                    "the gradient of a wrong and certain output.",
                )
                for far in _FAR
            },
            "z clamped, then σ(z)": (
                lambda z, y: _log_of_sigmoid(z.clamp(-15.0, 15.0), y),
                "Clamping z removes the NaN and the gradient with it: outside the clamp the "
                "derivative is 0. Look at the gradient of a wrong and certain output.",
            ),
            "z clamped too far out": (
                lambda z, y: _log_of_sigmoid(z.clamp(-50.0, 50.0), y),
                "You clamped z so far out that 1 − σ(z) is still 0 in float32, and 0·log 0 is NaN. "
                "Nor has a clamp a gradient outside: write log σ(z) with z.",
            ),
            **{
                f"{small:.0e} in the logarithm": (
                    _small_number_added(small),
                    f"You kept the logarithm away from 0 with {small:.0e}. That removes the "
                    "infinity, and the loss is wrong with it: it stops growing, and its gradient "
                    "at |z| = 200 is 0.",
                )
                for small in _ADDED
            },
            "e^z overflows": (
                _exp_overflows,
                "The formula is right on paper, but e^z is infinite in float32 above z = 88. "
                "log(1 + e^z) is z there; PyTorch has a function that knows it.",
            ),
            "a corner at z = 0": (
                _corner_of_clamp,
                "The loss is right everywhere, its gradient not at z = 0: clamp and |z| have "
                "a corner there, and autograd takes one side of it. A network whose last "
                "weights start at 0 begins exactly there. Use a function that is smooth.",
            ),
            "a corner of ReLU at z = 0": (
                _corner_of_relu,
                "The loss is right everywhere, its gradient not at z = 0: relu and |z| have "
                "a corner there, and autograd takes 0 for both. A network whose last weights "
                "start at 0 begins exactly there. Use a function that is smooth.",
            ),
            "squared error": (
                _squared_error,
                "That is the squared error. Its gradient carries σ′(z), which is 0 where the "
                "output is saturated: the disease, not the repair.",
            ),
            "sum instead of mean": (
                lambda z, y: loss_from_logits(z, y) * z.numel(),
                "Loss and gradient are too large by the number of outputs: you took the sum. "
                "The mean is asked.",
            ),
            "softmax cross-entropy": (
                _softmax_loss,
                "You used softmax over the outputs. Each output here is a σ of its own, with "
                "a target of its own.",
            ),
            "the targets are left out": (
                _target_ignored,
                "Your loss is right where y = 1. Where y = 0 it must fall as z falls: the "
                "term with 1 − y is missing.",
            ),
            "the sign of the loss": (
                lambda z, y: -loss_from_logits(z, y),
                "The sign is turned around. A logarithm of a probability is below 0, and a "
                "loss is above it.",
            ),
            "σ applied twice": (
                _squashed_twice,
                "You gave σ(z) to a loss that applies σ itself. It wants z.",
            ),
        },
        driver=drive_loss,
        inputs=("z", "y"),
    ),
    parts=(
        Part(
            title="loss and gradient on 2 random output layers, |z| ≤ 4",
            points=1.0,
            cases=outputs(4.0),
            example=(np.array([0.0, 2.0]), np.array([1.0, 1.0])),
            look_at="The gradient for each z must be (σ(z) − y)/n.",
            rtol=1e-4,
            atol=1e-6,
        ),
        Part(
            title="loss and gradient on 2 random output layers, |z| from 150 to 250",
            points=2.0,
            cases=certain_outputs,
            example=(np.array([-200.0, 200.0]), np.array([1.0, 1.0])),
            look_at="A wrong and certain output has loss |z|/n and gradient ±1/n.",
            rtol=1e-4,
            atol=1e-6,
        ),
    ),
    hints=(
        "σ(z) throws away what you need: −200 and −300 both become 0. Never compute it.",
        "−log σ(z) = log(1 + e^(−z)), and −log(1 − σ(z)) = log(1 + e^z). PyTorch has a function "
        "for log(1 + e^z) that does not overflow.",
        "softplus(z) − y·z is the loss of one output; take the mean. "
        "`torch.nn.functional.binary_cross_entropy_with_logits` does the same.",
    ),
)
