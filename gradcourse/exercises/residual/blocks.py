"""A residual block on vectors, to write as a torch module."""

from __future__ import annotations

import numpy as np

from gradcourse.checking.question import CodeExercise, Part, asks
from gradcourse.drivers.residual import drive_block


def _block(forward, *, learned=True, start=None, each=False):
    """A maker of blocks that compute ``forward``, and start α at what is given, or elsewhere.

    With ``each``, every unit has an α of its own.
    """

    def make(width, alpha):
        import torch
        from torch import nn

        alpha = alpha if start is None else start

        class Block(nn.Module):
            def __init__(self):
                super().__init__()
                self.layer1, self.layer2 = nn.Linear(width, width), nn.Linear(width, width)
                size = (width,) if each else ()
                self.alpha = nn.Parameter(torch.full(size, float(alpha))) if learned else alpha

            def forward(self, x):
                return forward(self, x)

        return Block()

    return make


def _branch(block, x):
    return _without_first_relu(block, x.relu())


def _without_first_relu(block, x):
    return block.layer2(block.layer1(x).relu())


def _right(block, x):
    return x + block.alpha * _branch(block, x)


def _added_in_place(block, x):
    branch = block.alpha * _branch(block, x)
    x += branch
    return x


def _random_blocks(rng):
    made = []
    # A 64th is exact in float32 and float64: both kinds of α are right.
    for rows, width, alpha in ((3, 4, 0.0), (2, 6, int(rng.integers(13, 58)) / 64)):
        weights = tuple(rng.normal(size=(2, width, width)))
        biases = tuple(rng.normal(size=(2, width)))
        made.append((*weights, *biases, alpha, *rng.normal(size=(2, rows, width))))
    return made


_SMALL = (
    np.array([[1.0, 0.0], [-1.0, 2.0]]),
    np.array([[1.0, 1.0], [0.0, -2.0]]),
    np.array([0.5, 0.0]),
    np.array([0.0, 1.0]),
    0.5,
    np.array([[1.0, 2.0], [-3.0, 1.0]]),
    np.array([[1.0, 0.0], [0.0, 1.0]]),
)

BLOCK = CodeExercise(
    id="residual/block",
    title="A residual block",
    functions=asks(
        _block(_right),
        "an nn.Module",
        {
            "no shortcut": (
                _block(lambda block, x: block.alpha * _branch(block, x)),
                "You returned α F(x). The block adds it to x itself.",
            ),
            "α is not learned": (
                _block(_right, learned=False),
                "The output is right, but α gets no gradient: you multiply by a plain number. Make "
                "it an nn.Parameter, and multiply by self.alpha itself (item(), float() and "
                "detach() make a plain number of it again).",
            ),
            "one α for each unit": (
                _block(_right, each=True),
                "Your α has one number for each unit. Asked for is one number, which scales the "
                "whole branch.",
            ),
            "the shortcut is cut off backwards": (
                _block(lambda block, x: x.detach() + block.alpha * _branch(block, x)),
                "The output is right, but your shortcut carries no gradient: detach() or no_grad "
                "cuts it off. Add x itself: then the gradient of x has its 1.",
            ),
            "ReLU after the sum": (
                _block(lambda block, x: (x + block.alpha * _without_first_relu(block, x)).relu()),
                "You put the ReLU on the sum: that is the older, post-activation order. Here "
                "nothing stands on the shortcut; each ReLU stands before a matrix.",
            ),
            "ReLU on the whole sum": (
                _block(lambda block, x: _right(block, x).relu()),
                "Your branch is right, but you put one more ReLU on the sum. It closes half "
                "of the road: return the sum as it is.",
            ),
            "the first ReLU is missing": (
                _block(lambda block, x: x + block.alpha * _without_first_relu(block, x)),
                "Your branch starts with layer1. In the pre-activation order a ReLU stands "
                "before each matrix, also before the first.",
            ),
            "ReLU at the end of the branch": (
                _block(lambda block, x: x + block.alpha * _without_first_relu(block, x).relu()),
                "Your branch ends with a ReLU, so it can only add positive numbers. Each ReLU "
                "stands before a matrix; the branch ends with layer2.",
            ),
            "ReLU in place": (
                _block(lambda block, x: x + block.alpha * _without_first_relu(block, x.relu_())),
                "Your first ReLU works in place: it changes x, and the shortcut then carries "
                "relu(x). torch.relu(x) leaves x alone; relu_ and inplace=True do not.",
            ),
            "ReLU before the fork": (
                _block(lambda block, x: _right(block, x.relu())),
                "Your shortcut carries relu(x). Only the branch starts with a ReLU; x itself "
                "goes to the sum untouched.",
            ),
            "added in place": (
                _block(_added_in_place),
                "Your sum is right, but x += … changes the tensor that was handed to you. "
                "Return a new one: x + ….",
            ),
            "the second ReLU is missing": (
                _block(lambda block, x: x + block.alpha * block.layer2(block.layer1(x.relu()))),
                "There is no ReLU between your two matrices, so they are one matrix. A ReLU "
                "stands before each.",
            ),
            "α left out": (
                _block(lambda block, x: x + _branch(block, x)),
                "You added the branch as it is. It is multiplied by self.alpha first.",
            ),
            "α starts at 0": (
                _block(_right, start=0.0),
                "Your α starts at 0 whatever it is given, as SkipInit's does. Here it starts "
                "at the number `alpha`.",
            ),
            "α starts at 1": (
                _block(_right, start=1.0),
                "Your α starts at 1 whatever it is given. It starts at the number `alpha`.",
            ),
            "α on the shortcut": (
                _block(lambda block, x: block.alpha * x + _branch(block, x)),
                "You multiplied x by α. α scales the branch; the shortcut has factor 1.",
            ),
            "α on the sum": (
                _block(lambda block, x: block.alpha * (x + _branch(block, x))),
                "You multiplied the whole sum by α. α scales the branch only; the shortcut "
                "has factor 1.",
            ),
        },
        driver=drive_block,
        inputs=("layer1.weight", "layer2.weight", "layer1.bias", "layer2.bias", "alpha", "x"),
        name="ResidualBlock",
    ),
    parts=(
        Part(
            title="2 random blocks, one of them with α = 0",
            points=2.0,
            cases=_random_blocks,
            example=_SMALL,
            look_at="Five things are compared: the output, the gradient of x, that of α (None if α "
            "is no parameter), how many numbers α has, and whether x itself was changed.",
        ),
    ),
    hints=(
        "x + α F(x), with F = ReLU, layer1, ReLU, layer2, in this order.",
        "α must be an nn.Parameter, so that an optimizer finds it; nothing may stand on the "
        "shortcut.",
        "nn.Parameter(torch.tensor(float(alpha))) makes a number learned. In forward, "
        "torch.relu(x) goes to layer1, and what comes out goes through the other ReLU and "
        "layer2; x itself waits for the sum.",
    ),
)
