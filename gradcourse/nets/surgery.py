"""Operations on a finished ReLU network: exchange its activations, its zeros, its scale."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from itertools import pairwise

import torch
from torch import nn

from gradcourse.support import GradcourseError


def with_activation(model: nn.Sequential, make: Callable[[], nn.Module]) -> nn.Sequential:
    """Return a copy in which every ReLU is replaced; weights and names stay.

    Parameters
    ----------
    model : nn.Sequential
        Such as `gradcourse.nets.mlp` makes. It is left alone.
    make : callable
        Takes nothing and returns a new module: ``lambda: nn.LeakyReLU(0.1)``, ``nn.PReLU``.

    Returns
    -------
    nn.Sequential

    Raises
    ------
    GradcourseError
        If there is no ReLU in it.

    Examples
    --------
    >>> from gradcourse.nets import mlp
    >>> with_activation(mlp(1, activation="relu"), nn.PReLU)[1]
    PReLU(num_parameters=1)
    """
    changed = copy.deepcopy(model)
    places = [k for k, module in enumerate(changed) if isinstance(module, nn.ReLU)]
    if not places:
        kinds = ", ".join(dict.fromkeys(type(module).__name__ for module in model))
        raise GradcourseError(f"There is no ReLU to replace in this network; it has: {kinds}.")
    for place in places:
        changed[place] = make()
    return changed


def with_zeros(
    model: nn.Sequential, x: torch.Tensor, share: float | Sequence[float]
) -> nn.Sequential:
    """Return a copy of a ReLU network whose units are silent on a given share of the data.

    Each unit's bias is set to minus that quantile of its pre-activation over the rows of ``x``;
    at share 1 it is set so that no row comes near. Then the layer, weights and biases, is
    scaled to a root mean square output of 1, so that nothing grows or shrinks on the way.

    Parameters
    ----------
    model : nn.Sequential
        Linear layers, each but the last followed by a ReLU. It is left alone.
    x : torch.Tensor, shape (n, inputs)
        The data that the zeros are counted on.
    share : float, or one for each ReLU layer
        0 to 1.

    Returns
    -------
    nn.Sequential

    Raises
    ------
    GradcourseError
        If the number of shares is not the number of ReLU layers, or one is outside 0 to 1.
    """
    changed = copy.deepcopy(model)
    layers = _hidden(changed)
    shares = [float(share)] * len(layers) if isinstance(share, int | float) else list(share)
    if len(shares) != len(layers) or not all(0 <= value <= 1 for value in shares):
        raise GradcourseError(
            f"share is {share}; expected a number from 0 to 1, or {len(layers)} of them, one for "
            "each ReLU layer."
        )
    h = x
    with torch.no_grad():
        for layer, wanted in zip(layers, shares, strict=True):
            z = h @ layer.weight.T
            # Far enough below zero that no image comes near, whatever its rounding.
            edge = 2.0 * z.amax(0).clamp(min=1.0) if wanted == 1 else torch.quantile(z, wanted, 0)
            layer.bias.copy_(-edge)
            h = torch.relu(z - edge)
            size = float(h.square().mean().sqrt()) or 1.0
            layer.weight.div_(size)
            layer.bias.div_(size)
            h = h / size
    return changed


def scaled(model: nn.Sequential, factor: float) -> nn.Sequential:
    """Return a copy of a ReLU network in which layer l's output is multiplied by factorˡ.

    Every hidden weight matrix is multiplied by ``factor`` and the biases of layer l by factorˡ.
    Since relu(c z) = c relu(z) for c > 0, each unit is silent on the same rows as before.

    Parameters
    ----------
    model : nn.Sequential
        Linear layers, each but the last followed by a ReLU. It is left alone.
    factor : float
        Positive.

    Returns
    -------
    nn.Sequential

    Raises
    ------
    GradcourseError
        If the factor is not positive.
    """
    if not factor > 0:
        raise GradcourseError(f"factor is {factor}; it must be positive.")
    changed = copy.deepcopy(model)
    with torch.no_grad():
        for depth, layer in enumerate(_hidden(changed), start=1):
            layer.weight.mul_(factor)
            layer.bias.mul_(factor**depth)
    return changed


def _hidden(model: nn.Sequential) -> list[nn.Linear]:
    """The linear layers that a ReLU, or one of its leaky kin, follows."""
    kin = (nn.ReLU, nn.LeakyReLU, nn.PReLU)
    found = [
        layer
        for layer, after in pairwise(model)
        if isinstance(layer, nn.Linear) and isinstance(after, kin)
    ]
    if not found:
        raise GradcourseError("This network has no linear layer that is followed by a ReLU.")
    return found
