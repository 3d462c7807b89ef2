"""Lesson 11: gradients by block, a softmax that hardens, many streams."""

from __future__ import annotations

import numpy as np

from gradcourse import theory
from gradcourse.experiments.transformer import (
    KEYS,
    MIXINGS,
    STREAMS,
    attention_weights,
    first_gradients,
    gains,
    stream_sizes,
)
from gradcourse.figures import Axis, Demo, Knob, Line, Plot

# ---------------------------------------------------------------- gradients by block


def draw_gradients(power: int) -> Plot:
    """‖∂ℒ/∂W‖ of each block's last matrix in untrained networks, pre-LN and post-LN."""
    blocks = 2**power
    block = np.arange(1, blocks + 1)
    pre, post = (
        np.exp(np.mean([np.log(first_gradients(order, blocks, s)) for s in range(3)], axis=0))
        for order in ("pre", "post")
    )
    sizes = stream_sizes(blocks)
    law = pre[-1] * np.sqrt(sizes[-1] / sizes[1:])
    return Plot(
        title=f"{blocks} blocks: in the last, post-LN has {post[-1] / pre[-1]:.1f} times pre-LN's "
        "gradient",
        x=Axis("block (1 = nearest to the input)", limits=(0.5, blocks + 0.5)),
        y=Axis("‖∂ℒ/∂W‖", "log", (0.03, 5.0)),
        lines=(
            Line(block, post, "post-LN", color="vermillion"),
            Line(block, pre, "pre-LN", color="blue"),
            Line(block, law, "theory, pre-LN from the forward pass", "theory", "blue"),
        ),
    )


GRADIENTS = Demo(
    id="transformer/gradients",
    title="The gradient by block, before training",
    knobs=(Knob("power", "blocks, as a power of two", 1.0, 6.0, 1.0, 4.0, integer=True),),
    draw=draw_gradients,
    linked=True,
)

# ---------------------------------------------------------------- a softmax that hardens


def draw_softmax(scale: float) -> Plot:
    """Weights and slopes of 12 keys, largest first, and the least slope under QK-norm."""
    key = np.arange(1, KEYS + 1)
    weights, slopes = attention_weights(scale)
    bound = theory.logit_bound(12)
    least = 1.0 / (1.0 + (KEYS - 1) * np.exp(2 * bound))
    return Plot(
        title=f"logits of size {scale:.3g}: the largest weight is {weights[0]:.3f}, "
        f"the steepest slope {slopes.max():.1e}",
        x=Axis("key, sorted by weight", limits=(0.5, KEYS + 0.5)),
        y=Axis("weight, and its slope", "log", (1e-40, 2.0)),
        lines=(
            Line(key, weights, "attention weight p", color="transformer"),
            Line(key, slopes, "slope p(1 − p)", color="vermillion"),
            Line(
                [1.0, float(KEYS)],
                [least * (1 - least)] * 2,
                "theory, least slope with QK-norm",
                "theory",
                "green",
            ),
        ),
    )


SOFTMAX = Demo(
    id="transformer/softmax",
    title="One query, twelve keys",
    knobs=(Knob("scale", "size of the logits", -1.0, 3.0, 0.05, 1.0, log=True),),
    draw=draw_softmax,
)

# ---------------------------------------------------------------- many streams


def draw_streams(s: float) -> Plot:
    """Gain of a product of mixings of four streams, free and doubly stochastic."""
    layer = np.arange(MIXINGS + 1)
    free, held = (np.median(gains(s, doubly), axis=0) for doubly in (False, True))
    growth = np.exp(theory.identity_plus_noise_exponent(STREAMS, s) * layer)
    return Plot(
        title=f"s = {s:.2f}: gain of 60 mixings {free[-1]:.3g}, held {held[-1]:.3f}",
        x=Axis("mixings", limits=(0.0, float(MIXINGS))),
        y=Axis("largest gain of the product", "log", (0.5, 1e6)),
        lines=(
            Line(layer, free, "I + sN", color="vermillion"),
            Line(layer, growth, "theory, one vector", "theory", "vermillion"),
            Line(layer, held, "doubly stochastic", color="blue"),
            Line(layer, np.ones(MIXINGS + 1), "theory, 1", "theory", "blue"),
        ),
    )


STREAM_MIXINGS = Demo(
    id="transformer/streams",
    title="Four streams, mixed 60 times",
    knobs=(Knob("s", "noise s in a mixing", 0.02, 0.5, 0.02, 0.3),),
    draw=draw_streams,
    linked=True,
)

DEMOS = (GRADIENTS, SOFTMAX, STREAM_MIXINGS)
