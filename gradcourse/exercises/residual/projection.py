"""A block that halves a picture, with a projection on its shortcut, to write as a torch module."""

from __future__ import annotations

import numpy as np

from gradcourse.checking.question import CodeExercise, Part, asks
from gradcourse.drivers.residual import drive_projection


def _down(forward, *, size=1, stride=2, pool=False, bias=False):
    """A maker of blocks with two 3×3 convolutions, and a shortcut of this size and stride."""

    def make(channels_in, channels_out):
        from torch import nn

        def convolution(c_in, c_out, size, stride, bias=False):
            return nn.Conv2d(c_in, c_out, size, stride, size // 2, bias=bias)

        class Block(nn.Module):
            def __init__(self):
                super().__init__()
                self.conv1 = convolution(channels_in, channels_out, 3, 2)
                self.conv2 = convolution(channels_out, channels_out, 3, 1)
                self.shortcut = convolution(channels_in, channels_out, size, stride, bias)
                self.pool = nn.AvgPool2d(2) if pool else nn.Identity()

            def forward(self, x):
                return forward(self, x)

        return Block()

    return make


def _convolved(block, x):
    return _without_first_relu(block, x.relu())


def _without_first_relu(block, x):
    return block.conv2(block.conv1(x).relu())


def _projected(block, x):
    return block.shortcut(block.pool(x)) + _convolved(block, x)


def _pictures(rng):
    made = []
    for c_in, c_out, pixels in ((2, 4, 6), (3, 3, 4)):
        shapes = (c_out, c_in, 3, 3), (c_out, c_out, 3, 3), (c_out, c_in, 1, 1)
        kernels = tuple(0.4 * rng.normal(size=shape) for shape in shapes)
        made.append((*kernels, rng.normal(size=(2, c_in, pixels, pixels))))
    return made


def _small_picture():
    first, last = np.zeros((2, 1, 3, 3)), np.zeros((2, 2, 3, 3))
    first[:, 0, 1, 1] = 1.0, -1.0
    last[0, 0, 1, 1] = last[1, 0, 1, 1] = 1.0
    projection = np.array([2.0, -1.0]).reshape(2, 1, 1, 1)
    x = np.arange(-8.0, 8.0).reshape(1, 1, 4, 4)
    return (first, last, projection, x)


PROJECTION = CodeExercise(
    id="residual/projection",
    title="A shortcut where the shape changes",
    functions=asks(
        _down(_projected),
        "an nn.Module",
        {
            "the shapes do not fit": (
                _down(_projected, stride=1),
                "The two terms of the sum have different shapes. The branch halves the picture and "
                "has channels_out channels; the shortcut must do both, with stride 2.",
            ),
            "a 3×3 shortcut": (
                _down(_projected, size=3),
                "Your shortcut has a kernel of another shape, such as 3×3. A projection only "
                "mixes the channels of one pixel: its kernel is 1×1, without padding.",
            ),
            "a bias": (
                _down(_projected, bias=True),
                "Your shortcut has a bias: nn.Conv2d makes one unless you say bias=False. The "
                "projection is a matrix and nothing else.",
            ),
            "no shortcut in the sum": (
                _down(_convolved),
                "Your block returns the branch alone. Add self.shortcut(x).",
            ),
            "ReLU on the projection": (
                _down(lambda block, x: block.shortcut(x).relu() + _convolved(block, x)),
                "You put a ReLU behind the projection. It closes half of the road: the "
                "projection is a matrix and nothing else.",
            ),
            "projection of relu(x)": (
                _down(lambda block, x: block.shortcut(x.relu()) + _convolved(block, x)),
                "Your shortcut projects relu(x). Only the branch starts with a ReLU.",
            ),
            "ReLU in place": (
                _down(lambda block, x: block.shortcut(x) + _without_first_relu(block, x.relu_())),
                "Your sum is right, but the branch's first ReLU works in place: it changes x, "
                "which belongs to the caller, and the shortcut needs it for its gradient.",
            ),
            "ReLU in place, before the shortcut": (
                _down(lambda block, x: _without_first_relu(block, x.relu_()) + block.shortcut(x)),
                "Your first ReLU works in place, so that the shortcut then projects relu(x). "
                "torch.relu(x) leaves x alone; relu_ and inplace=True do not.",
            ),
            "the first ReLU is missing": (
                _down(lambda block, x: block.shortcut(x) + _without_first_relu(block, x)),
                "Your branch starts with conv1. A ReLU stands before each convolution of the "
                "branch, also before the first.",
            ),
            "ReLU after the sum": (
                _down(lambda block, x: _projected(block, x).relu()),
                "You put a ReLU on the sum: the post-activation order. Here nothing stands "
                "behind the sum.",
            ),
            "averaged before the projection": (
                _down(_projected, stride=1, pool=True),
                "You averaged 2×2 pixels and then projected. A sensible variant, but the "
                "question asks for one 1×1 convolution with stride 2.",
            ),
        },
        driver=drive_projection,
        inputs=("conv1.weight", "conv2.weight", "shortcut.weight", "x"),
        name="DownBlock",
    ),
    parts=(
        Part(
            title="2 random blocks",
            points=2.0,
            cases=_pictures,
            example=_small_picture(),
            look_at="In the example the branch starts with kernels that copy the middle pixel, "
            "with a sign. Compute the output's upper left pixel by hand.",
        ),
    ),
    hints=(
        "What is the shape of the branch's result, compared with x?",
        "A 1×1 convolution from channels_in to channels_out with stride 2 gives that shape; no "
        "padding.",
        "nn.Conv2d(channels_in, channels_out, 1, stride=2) has a bias unless you say "
        "bias=False. In forward it is given x, and conv1 is given torch.relu(x).",
    ),
)
