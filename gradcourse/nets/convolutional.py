"""A small convolutional ResNet, and its plain twin."""

from __future__ import annotations

import math
from collections import OrderedDict

import torch
from torch import nn

from gradcourse.support import check_integers


class ConvBlock(nn.Module):
    """(norm, ReLU, 3×3 convolution) twice, added to the input or to its projection.

    Where the number of channels changes or the picture shrinks, the shortcut is a 1×1 convolution
    (He et al. 2016b): the identity has the wrong shape there.
    """

    def __init__(
        self, channels_in: int, channels: int, stride: int, *, norm: bool, skip: bool
    ) -> None:
        super().__init__()
        self.norm1 = nn.BatchNorm2d(channels_in) if norm else nn.Identity()
        self.conv1 = _convolution(channels_in, channels, 3, stride, bias=not norm)
        self.norm2 = nn.BatchNorm2d(channels) if norm else nn.Identity()
        self.conv2 = _convolution(channels, channels, 3, 1, bias=not norm)
        changes = stride != 1 or channels_in != channels
        self.shortcut: nn.Module | None = None
        if skip:
            self.shortcut = (
                _convolution(channels_in, channels, 1, stride, bias=False)
                if changes
                else nn.Identity()
            )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the block's output for pictures of shape (batch, channels, height, width)."""
        branch: torch.Tensor = self.conv1(torch.relu(self.norm1(x)))
        branch = self.conv2(torch.relu(self.norm2(branch)))
        return branch if self.shortcut is None else self.shortcut(x) + branch


def residual_cnn(
    blocks: int = 3,
    channels: int = 8,
    *,
    norm: bool = True,
    skip: bool = True,
    outputs: int = 10,
    seed: int = 0,
) -> nn.Sequential:
    """Build a small convolutional ResNet for 8×8 pictures, or its plain twin.

    After a first 3×3 convolution come three stages of ``blocks`` blocks with 1, 2 and 4 times
    ``channels`` channels, on 8×8, 4×4 and 2×2 pixels; then the mean over the pixels, and a matrix.
    That is ``6 * blocks + 2`` layers with weights, not counting the two projections, as in He et
    al. (2016a) for CIFAR.

    Parameters
    ----------
    blocks : int
        Per stage, 1 or more.
    channels : int
        Of the first stage.
    norm : bool
        Batch norm before each ReLU.
    skip : bool
        Off: no shortcuts, the same convolutions.
    outputs : int
        Number of classes.
    seed : int
        The same seed gives the same weights; torch's global generator is left alone.

    Returns
    -------
    nn.Sequential
        float32, on the CPU, in training mode. Takes digits of shape (batch, 64).

    Raises
    ------
    GradcourseError
        If a number is not a positive integer.
    """
    check_integers(1, blocks=blocks, channels=channels, outputs=outputs)
    modules: OrderedDict[str, nn.Module] = OrderedDict(picture=nn.Unflatten(1, (1, 8, 8)))
    modules["stem"] = _convolution(1, channels, 3, 1, bias=not norm)
    width = channels
    for stage in range(3):
        for block in range(blocks):
            stride = 2 if stage and not block else 1
            wider = channels * 2**stage
            modules[f"stage{stage + 1}_block{block + 1}"] = ConvBlock(
                width, wider, stride, norm=norm, skip=skip
            )
            width = wider
    if norm:
        modules["norm"] = nn.BatchNorm2d(width)
    modules["relu"] = nn.ReLU()
    modules["mean"] = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
    modules["output"] = nn.utils.skip_init(nn.Linear, width, outputs)
    model = nn.Sequential(modules)
    _he_convolutions(model, seed)
    return model


def _convolution(
    channels_in: int, channels: int, size: int, stride: int, *, bias: bool
) -> nn.Conv2d:
    # skip_init: the layer's own initialization would draw from the global generator.
    return nn.utils.skip_init(
        nn.Conv2d,
        channels_in,
        channels,
        kernel_size=size,
        stride=stride,
        padding=size // 2,
        bias=bias,
    )


def _he_convolutions(model: nn.Module, seed: int) -> None:
    """Gaussian weights of variance 2/fan_in, biases 0; shortcuts last, so that twins agree."""
    generator = torch.Generator().manual_seed(seed)
    layers = [(n, m) for n, m in model.named_modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    with torch.no_grad():
        for name, layer in sorted(layers, key=lambda one: one[0].endswith("shortcut")):
            fan_in = layer.weight[0].numel()
            projects = name.endswith("shortcut") or name == "output"
            std = math.sqrt((1 if projects else 2) / fan_in)
            layer.weight.normal_(generator=generator).mul_(std)
            if layer.bias is not None:
                layer.bias.zero_()
