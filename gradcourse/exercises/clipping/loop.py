"""The place of clipping in the loop, with a scaler."""

from __future__ import annotations

import numpy as np

from gradcourse.checking.question import CodeExercise, Part, asks
from gradcourse.drivers.clipping import drive_step


def _loss(model, x, y):
    from torch.nn.functional import mse_loss

    return mse_loss(model(x), y)


def _clip(model, max_norm):
    from torch.nn.utils import clip_grad_norm_

    clip_grad_norm_(model.parameters(), max_norm)


def training_step(model, x, y, optimizer, scaler, max_norm):
    """One update: the gradient is clipped at its true size, between unscale_ and step."""
    optimizer.zero_grad()
    scaler.scale(_loss(model, x, y)).backward()
    scaler.unscale_(optimizer)
    _clip(model, max_norm)
    scaler.step(optimizer)
    scaler.update()


def _loop(order):
    """The same lines in another order, with some left out, or with another one in their place."""

    def answer(model, x, y, optimizer, scaler, max_norm):
        from torch.nn.utils import clip_grad_value_

        lines = {
            "zero": optimizer.zero_grad,
            "backward": lambda: scaler.scale(_loss(model, x, y)).backward(),
            "unscaled-backward": lambda: _loss(model, x, y).backward(),
            "unscale": lambda: scaler.unscale_(optimizer),
            "clip": lambda: _clip(model, max_norm),
            "clip-values": lambda: clip_grad_value_(model.parameters(), max_norm),
            "step": lambda: scaler.step(optimizer),
            "optimizer-step": optimizer.step,
            "update": scaler.update,
        }
        for line in order.split():
            lines[line]()

    return answer


def _run(rng):
    weights, stale = rng.normal(size=(2, 1, 3))
    x = rng.normal(size=(2, 6, 3))
    y = x.sum(axis=2, keepdims=True) * rng.uniform(4.0, 8.0) + rng.normal(size=(2, 6, 1))
    return weights, 20.0 * stale, x, y


def _two_steps(rng):
    """The last threshold is far above the norm: there is nothing to clip."""
    return [
        (*_run(rng), float(rng.uniform(*ends))) for ends in ((0.3, 1.0), (0.3, 1.0), (1e4, 2e4))
    ]


def _overflow(rng):
    """The first batch's squared error, times the scale, has a gradient beyond float32."""
    made = []
    for _ in range(2):
        weights, stale, x, y = _run(rng)
        x[0] *= 4e18
        made.append((weights, stale, x, y, float(rng.uniform(0.3, 1.0))))
    return made


_EXAMPLE_X = np.array([[[1.0, 0.0], [0.0, 1.0]], [[1.0, 1.0], [1.0, -1.0]]])
_EXAMPLE_Y = np.array([[[3.0], [4.0]], [[9.0], [2.0]]])
_ZERO = np.zeros((1, 2))

STEP = CodeExercise(
    id="clipping/loop",
    title="The place of clipping in the loop",
    functions=asks(
        training_step,
        "nothing: it changes the model",
        {
            "clipped while still scaled": (
                _loop("zero backward clip step update"),
                "You clipped gradients that are still 1024 times too large, so the step is a "
                "thousandth of what it may be. scaler.unscale_(optimizer) comes first.",
            ),
            "clipped too late, too early, or not at all": (
                _loop("zero clip backward step update"),
                "The step was taken with the raw gradient. Before backward there is nothing to "
                "clip, and after the step it is too late: clip between unscale_ and step.",
            ),
            "old gradients are kept": (
                _loop("backward unscale clip step update"),
                "backward adds to what is there, and there was a gradient from before. Call "
                "optimizer.zero_grad() first.",
            ),
            "zero_grad at the end": (
                _loop("backward unscale clip step update zero"),
                "Your zero_grad comes last, so the first step still has the gradient that the "
                "model held before. Call it first: then it holds wherever the loop begins.",
            ),
            "no gradient to unscale": (
                _loop("backward zero unscale clip step update"),
                "When unscale_ came there was no gradient. Either zero_grad stands after "
                "backward and threw it away, or backward comes too late.",
            ),
            "the loss is not scaled": (
                _loop("zero unscaled-backward unscale clip step update"),
                "You unscale a gradient that was never scaled: it is 1024 times too small. "
                "backward starts from scaler.scale(loss).",
            ),
            "by value": (
                _loop("zero backward unscale clip-values step update"),
                "You cut each entry of the gradient at max_norm. Clip its norm: "
                "clip_grad_norm_ scales all entries by one factor.",
            ),
            "no update arrives": (
                _loop("zero backward unscale clip update"),
                "Your weights do not move at all. Is scaler.step(optimizer) called in every "
                "step, while the gradients are still there?",
            ),
            "scaler.update() is missing, or not last": (
                _loop("zero backward unscale clip step"),
                "Your first step is right; the second one raises, because the scaler still "
                "waits for update(). It comes once in every step, as its last line.",
            ),
            "optimizer.step()": (
                _loop("zero backward unscale clip optimizer-step update"),
                "You stepped past the scaler. With gradients that overflowed, scaler.step "
                "leaves the update out; optimizer.step takes it.",
            ),
            "without the scaler": (
                _loop("zero unscaled-backward clip optimizer-step"),
                "That is right in float32 alone. Here the scaler has a part: it scales the "
                "loss, and leaves out an update whose gradients overflowed.",
            ),
        },
        driver=drive_step,
        inputs=("model.weight", "the gradient from before", "x of two steps", "y", "max_norm"),
    ),
    parts=(
        Part(
            title="3 random models, two steps each, one of them with nothing to clip",
            points=2.0,
            cases=_two_steps,
            example=(np.array([[0.0, 0.0]]), _ZERO + 5.0, _EXAMPLE_X, _EXAMPLE_Y, 0.5),
            look_at="In the example each step must be 0.1 · max_norm long, since both gradients "
            "are larger. Where the gradient is smaller than max_norm, the step is 0.1 · gradient.",
            rtol=1e-4,
            atol=1e-6,
        ),
        Part(
            title="a first batch whose gradient overflows",
            points=1.0,
            cases=_overflow,
            example=(
                np.array([[0.0, 1.0]]),
                _ZERO + 5.0,
                _EXAMPLE_X * np.array([1e19, 1.0])[:, None, None],
                _EXAMPLE_Y,
                0.5,
            ),
            look_at="After an overflow the first step is left out, the scale is halved, and the "
            "second step is an ordinary one.",
            rtol=1e-4,
            atol=1e-6,
        ),
    ),
    hints=(
        "At which moment does the model hold the true gradient of this batch, not yet used?",
        "zero_grad, scaled backward, unscale_, clip, step, update.",
        "Between backward and step the gradient is still 1024 times too large. First unscale_, "
        "then clip, then scaler.step(optimizer), and update() last. zero_grad: where can it not "
        "throw the new gradient away?",
    ),
)
