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
