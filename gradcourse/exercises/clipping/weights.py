"""Penalties on the weights, and a decay to tune."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gradcourse.checking.question import (
    CodeExercise,
    NamedValue,
    Part,
    Tuning,
    asks,
)
from gradcourse.demos.clipping import DECAY
from gradcourse.experiments.clipping import spectral_norm

Array = NDArray[np.float64]


def l2_gradient(W, strength):
    """∂/∂W of λ Σ W²."""
    return np.asarray(2.0 * strength * np.asarray(W))


def l1_gradient(W, strength):
    """∂/∂W of λ Σ |W|, 0 where W is 0."""
    return np.asarray(strength * np.sign(W))


def _weight_over_size(W, strength):
    with np.errstate(invalid="ignore"):
        return np.asarray(strength * np.asarray(W) / np.abs(W))


def decoupled_step(W, step, lr, strength):
    """W − η · step − η λ W: the decay does not pass through the optimizer."""
    return np.asarray(W - lr * np.asarray(step) - lr * strength * np.asarray(W))


def _matrices(rng):
    made = []
    for shape in ((2, 3), (4, 2), (3, 3)):
        W = rng.normal(size=shape)
        W[0, 0] = 0.0
        made.append((W, float(rng.uniform(0.05, 0.4))))
    return made


def _steps(rng):
    made = []
    for W, strength in _matrices(rng):
        made.append((W, rng.normal(size=W.shape), float(rng.uniform(0.05, 0.3)), strength))
    return made


_W = np.array([[2.0, -1.0], [0.0, 0.5]])

PENALTIES = CodeExercise(
    id="clipping/penalties",
    title="L1, L2, decoupled",
    functions=(
        asks(
            l2_gradient,
            "an array with the shape of W",
            {
                "the 2 is missing": (
                    lambda W, strength: strength * W,
                    "You gave λW. That is the gradient of ½λΣW², torch's convention for "
                    "weight_decay; here the penalty is λΣW².",
                ),
                "λ left out": (
                    lambda W, strength: 2.0 * W,
                    "You gave 2W. The penalty has the factor λ, and so has its gradient.",
                ),
                "the penalty itself": (
                    lambda W, strength: float(strength * np.sum(W**2)),
                    "You returned the penalty, one number. Asked is its gradient, one number per "
                    "weight.",
                ),
                "the penalty's terms": (
                    lambda W, strength: strength * W**2,
                    "You returned λw² for each weight. That is the penalty; asked is its "
                    "derivative.",
                ),
                "the sign is lost": (
                    lambda W, strength: 2.0 * strength * np.abs(W),
                    "Your gradient is never negative. A negative weight is pulled up, so its "
                    "gradient is negative.",
                ),
                "gradient of the norm": (
                    lambda W, strength: strength * W / np.linalg.norm(W),
                    "You took the gradient of λ‖W‖. The penalty is the sum of the squares, "
                    "without a root.",
                ),
            },
        )
        + asks(
            l1_gradient,
            "an array with the shape of W",
            {
                "no sign": (
                    lambda W, strength: strength * np.ones_like(W),
                    "You gave λ everywhere. |w| falls to the left of 0: the gradient there is −λ.",
                ),
                "the penalty's terms": (
                    lambda W, strength: strength * np.abs(W),
                    "You gave λ|W|, the terms of the penalty. The slope of |w| is +1 or −1, "
                    "whatever its size.",
                ),
                "as for L2": (
                    lambda W, strength: strength * W,
                    "You gave λW: a small weight would be pulled less. L1 pulls all by the same "
                    "λ, down to 0.",
                ),
                "0 counts as positive": (
                    lambda W, strength: np.where(W >= 0, strength, -strength),
                    "At w = 0 yours is λ, so a weight that has arrived is pushed away again. "
                    "np.sign(0) is 0.",
                ),
                "0 counts as negative": (
                    lambda W, strength: np.where(W > 0, strength, -strength),
                    "At w = 0 yours is −λ, so a weight that has arrived is pushed away again. "
                    "np.sign(0) is 0.",
                ),
                "0/0": (
                    _weight_over_size,
                    "w/|w| is the sign of w, but 0/0 where w = 0. np.sign(0) is 0.",
                ),
                "λ left out": (
                    lambda W, strength: np.sign(W),
                    "You returned the signs. The penalty has the factor λ, and so has its "
                    "gradient.",
                ),
            },
        )
        + asks(
            decoupled_step,
            "an array with the shape of W",
            {
                "decay without the learning rate": (
                    lambda W, step, lr, strength: W - lr * step - strength * W,
                    "You subtract λW. In AdamW, as torch has it, the decay is ηλW.",
                ),
                "decay after the step": (
                    lambda W, step, lr, strength: (W - lr * step) * (1.0 - lr * strength),
                    "You shrink the step, too. The decay is that of the old weights, ηλW.",
                ),
                "the gradient of λΣW²": (
                    lambda W, step, lr, strength: W - lr * step - 2.0 * lr * strength * W,
                    "You used 2λW. Decoupled decay is no gradient of a penalty: the weights lose "
                    "the share ηλ.",
                ),
                "no decay": (
                    lambda W, step, lr, strength: W - lr * step,
                    "You took the optimizer's step alone. The weights also lose the share ηλ.",
                ),
                "grows": (
                    lambda W, step, lr, strength: W - lr * step + lr * strength * W,
                    "Your weights grow by the share ηλ. Decay is subtracted.",
                ),
                "the step without η": (
                    lambda W, step, lr, strength: (1.0 - lr * strength) * W - step,
                    "You subtracted the whole step. The weights lose η times it.",
                ),
                "only the change": (
                    lambda W, step, lr, strength: -lr * step - lr * strength * W,
                    "You returned the change. Asked are the new weights: add it to W.",
                ),
                "the same for every weight": (
                    lambda W, step, lr, strength: W - lr * step - lr * strength,
                    "You subtracted ηλ itself. A weight loses the *share* ηλ of what it was: ηλw.",
                ),
            },
        )
    ),
    parts=(
        Part(
            title="L2 on 3 random matrices",
            points=0.5,
            cases=_matrices,
            function="l2_gradient",
            example=(_W, 0.1),
            look_at="The derivative of λw² at w = 2, λ = 0.1, is 0.4.",
        ),
        Part(
            title="L1 on 3 random matrices",
            points=0.5,
            cases=_matrices,
            function="l1_gradient",
            example=(_W, 0.1),
            look_at="0.1, −0.1, 0, 0.1: the sign of each weight, and 0 at 0.",
        ),
        Part(
            title="decoupled decay on 3 random matrices",
            points=1.0,
            cases=_steps,
            function="decoupled_step",
            example=(_W, np.array([[1.0, 0.0], [0.0, -1.0]]), 0.5, 0.1),
            look_at="w = 2, step 1, η = 0.5, λ = 0.1: 2 − 0.5 − 0.1 = 1.4.",
        ),
    ),
    hints=(
        "Differentiate for one weight: λw² and λ|w|.",
        "2λw and λ·sign(w), with sign(0) = 0. Decoupled: the old weight loses ηλw besides the "
        "optimizer's step.",
        "np.sign(0) is 0. Decoupled: W, minus η·step, minus η·λ times … what?",
    ),
)

TUNE_DECAY = Tuning(
    id="clipping/decay",
    title="Between exploding and forgetting",
    question="A tanh network starts with σ_max(W) = 1.2 and learns for 150 updates, its gradient "
    "clipped at norm 1, with L2 on W. Choose the strength λ so that σ_max(W) ends between 0.75 and "
    "1.05.",
    answers=("strength",),
    demo=lambda: DECAY,
    measure=lambda seed, strength: spectral_norm(seed, strength),
    low=0.75,
    high=1.05,
    quantity="σ_max(W) after 150 updates",
    reference={"strength": 0.035},
    misconceptions=(
        NamedValue(
            "no decay",
            {"strength": 0.0},
            "λ = 0 leaves W to the loss, and the loss makes it larger than it was.",
        ),
        NamedValue(
            "as much as possible",
            {"strength": 0.06},
            "λ = 0.06 leaves a norm near 0.65: at lag 19 the gradient is at most 0.65^19 = 0.0003 "
            "of the last one.",
        ),
    ),
    hints=(
        "Decay alone would multiply σ_max by 1 − ηλ in each update, and η = 0.1.",
        "1.2 · (1 − 0.1 λ)^150 is what decay alone leaves. The loss pulls the other way, so take "
        "a larger λ than this formula says.",
        "The formula gives 0.9 for λ = 0.02; with the loss, λ from 0.035 to 0.04 is right.",
    ),
    points=2.0,
    below="W is pressed so far that the gradient vanishes along the lag.",
    above="W is still above 1: a gradient can grow.",
)
