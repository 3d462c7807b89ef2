"""Residual networks by recipe, and the plain networks with the same weights."""

from __future__ import annotations

import math
from collections import OrderedDict

import torch
from torch import nn

from gradcourse.nets.feedforward import Init, activation_function, mlp
from gradcourse.nets.normalized import normalization
from gradcourse.support import GradcourseError, check_integers

Scale = float | str
"""A fixed factor on every branch, or a recipe: see `residual_mlp`."""

_RECIPES = ("inverse_sqrt", "skipinit", "rezero", "fixup")


class Block(nn.Module):
    """One block: x ← x + α F(x), or F(x) alone where ``skip`` is off.

    Attributes
    ----------
    branch : nn.Sequential
        F.
    alpha : torch.Tensor, shape ()
        A parameter where the recipe learns it, else a buffer.
    skip : bool
    after : nn.Module
        Applied to the sum; the identity unless the order is "post".
    """

    alpha: torch.Tensor

    def __init__(
        self, branch: nn.Sequential, after: nn.Module, *, skip: bool, alpha: float, learned: bool
    ) -> None:
        super().__init__()
        self.branch, self.after, self.skip = branch, after, skip
        value = torch.tensor(float(alpha))
        if learned:
            self.alpha = nn.Parameter(value)
        else:
            self.register_buffer("alpha", value)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the block's output, of the shape of ``x``."""
        branch = self.branch(x)
        total: torch.Tensor = self.after(x + self.alpha * branch if self.skip else branch)
        return total


def residual_mlp(
    blocks: int,
    width: int = 64,
    activation: str = "relu",
    *,
    layers: int = 2,
    order: str = "pre",
    norm: str | None = None,
    scale: Scale = 1.0,
    skip: bool = True,
    init: Init = "he",
    inputs: int = 64,
    outputs: int = 10,
    seed: int = 0,
) -> nn.Sequential:
    """Build a fully connected residual network, or its plain twin.

    A first matrix brings the input to the width (the stem), ``blocks`` blocks of ``layers``
    matrices follow, and one more matrix makes the outputs. The modules are named ``stem``,
    ``block1`` … and ``output``; in a block's branch ``layer1``, ``norm1``, ``relu1``, …
    With the same seed, ``skip=False`` has the same matrices and no shortcuts.

    Parameters
    ----------
    blocks : int
        Number of blocks, 1 or more. There are ``blocks * layers + 2`` weight matrices.
    width : int
        Units of every layer in the blocks.
    activation : str
        See `activation_function`.
    layers : int
        Matrices per block.
    order : str
        - "pre": the branch is (norm, φ, matrix) for each matrix, and nothing stands after the sum
          (He et al. 2016b); a norm and φ stand before the output
        - "post": the branch is (matrix, norm, φ), without the last φ, which follows the sum (He et
          al. 2016a); one φ stands after the stem
    norm : str, optional
        "batch", "layer" or "rms"; see `normalization`. None by default.
    scale : float or str
        α of x + α F(x): a number, or

        - "inverse_sqrt": α = 1/√blocks (Hayou et al. 2021)
        - "skipinit": α = 0, learned (De & Smith 2020)
        - "rezero": the same by another name (Bachlechner et al. 2021)
        - "fixup": α = 1, learned; the last matrix of each branch and the output start at 0, the
          others are multiplied by blocks^(−1/(2·layers − 2)) (Zhang, Dauphin & Ma 2019, without
          its scalar biases: the matrices have biases of their own)
    skip : bool
        Off: the plain network with the same matrices, ``scale`` ignored but for "fixup".
    init : str, float or callable
        See `mlp`.
    inputs, outputs : int
        Width of the data and of the output.
    seed : int
        The same seed gives the same weights; torch's global generator is left alone.

    Returns
    -------
    nn.Sequential
        float32, on the CPU, in training mode.

    Raises
    ------
    GradcourseError
        If a number, a name or their combination is not one of the above.

    References
    ----------
    He et al. (2016a), Deep residual learning for image recognition; He et al. (2016b), Identity
    mappings in deep residual networks; Hayou et al. (2021), Stable ResNet; De & Smith (2020),
    Batch normalization biases residual blocks towards the identity function; Bachlechner et al.
    (2021), ReZero is all you need; Zhang, Dauphin & Ma (2019), Fixup initialization.

    Examples
    --------
    >>> [name for name, _ in residual_mlp(2).named_children()]
    ['stem', 'block1', 'block2', 'relu', 'output']
    """
    _check(blocks, layers, order, scale)
    # One flat network gives the matrices, so that a plain twin draws the same numbers.
    flat = mlp(
        blocks * layers + 1, width, "linear", init=init, inputs=inputs, outputs=outputs, seed=seed
    )
    matrices = [module for module in flat if isinstance(module, nn.Linear)]
    alpha, learned = _alpha(scale, blocks)
    modules: OrderedDict[str, nn.Module] = OrderedDict(stem=matrices[0])
    if order == "post":
        modules[activation] = activation_function(activation)
    for number in range(1, blocks + 1):
        first = 1 + (number - 1) * layers
        own = matrices[first : first + layers]
        if scale == "fixup":
            _fixup(own, blocks)
        branch = _branch(own, width, activation, order, norm)
        after = activation_function(activation) if order == "post" else nn.Identity()
        modules[f"block{number}"] = Block(branch, after, skip=skip, alpha=alpha, learned=learned)
    if order == "pre":
        if norm is not None:
            modules["norm"] = normalization(norm, width)
        modules[activation] = activation_function(activation)
    if scale == "fixup":
        nn.init.zeros_(matrices[-1].weight)
    modules["output"] = matrices[-1]
    return nn.Sequential(modules)


def _branch(
    matrices: list[nn.Linear], width: int, activation: str, order: str, norm: str | None
) -> nn.Sequential:
    modules: OrderedDict[str, nn.Module] = OrderedDict()

    def add_norm(number: int) -> None:
        if norm is not None:
            modules[f"norm{number}"] = normalization(norm, width)

    for number, matrix in enumerate(matrices, start=1):
        if order == "pre":
            add_norm(number)
            modules[f"{activation}{number}"] = activation_function(activation)
            modules[f"layer{number}"] = matrix
        else:
            modules[f"layer{number}"] = matrix
            add_norm(number)
            if number < len(matrices):
                modules[f"{activation}{number}"] = activation_function(activation)
    return nn.Sequential(modules)


def _fixup(matrices: list[nn.Linear], blocks: int) -> None:
    with torch.no_grad():
        for matrix in matrices[:-1]:
            matrix.weight.mul_(blocks ** (-1 / (2 * len(matrices) - 2)))
        matrices[-1].weight.zero_()


def _alpha(scale: Scale, blocks: int) -> tuple[float, bool]:
    """Return the first value of α, and whether it is learned."""
    if isinstance(scale, str):
        first = {"inverse_sqrt": 1 / math.sqrt(blocks), "fixup": 1.0}.get(scale, 0.0)
        return first, scale != "inverse_sqrt"
    return float(scale), False


def _check(blocks: int, layers: int, order: str, scale: Scale) -> None:
    check_integers(1, blocks=blocks, layers=layers)
    if order not in ("pre", "post"):
        raise GradcourseError(f'order is {order!r}; expected "pre" or "post".')
    known = scale in _RECIPES if isinstance(scale, str) else isinstance(scale, int | float)
    if not known:
        raise GradcourseError(
            f"scale is {scale!r}; expected a number or one of {', '.join(_RECIPES)}."
        )
    if scale == "fixup" and layers < 2:
        raise GradcourseError("fixup needs 2 or more layers in a block: the last one starts at 0.")


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
