"""Fully connected networks with a normalization between each matrix and its activation."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from types import MappingProxyType

import torch
from torch import nn

from gradcourse.nets.feedforward import Init, mlp
from gradcourse.support import GradcourseError

EPS = 1e-5
"""What all three add to the variance or the mean square, torch's default for batch norm."""

_NORMS: MappingProxyType[str, Callable[[int, float], nn.Module]] = MappingProxyType(
    {
        "batch": lambda width, momentum: nn.BatchNorm1d(width, eps=EPS, momentum=momentum),
        "layer": lambda width, momentum: nn.LayerNorm(width, eps=EPS),
        "rms": lambda width, momentum: nn.RMSNorm(width, eps=EPS),
    }
)


def normalization(name: str, width: int, *, momentum: float = 0.1) -> nn.Module:
    """Return a new normalization of ``width`` units, with γ = 1 and β = 0.

    Parameters
    ----------
    name : str
        - "batch": each unit over the batch (Ioffe & Szegedy 2015)
        - "layer": each image over the units (Ba, Kiros & Hinton 2016)
        - "rms": as "layer", without subtracting a mean, and without β (Zhang & Sennrich 2019)
    width : int
        Number of units.
    momentum : float
        Of batch norm's running statistics: running ← (1 − momentum)·running + momentum·batch.

    Raises
    ------
    GradcourseError
        If the name is unknown.
    """
    if name not in _NORMS:
        raise GradcourseError(
            f"No normalization is called {name!r}; choose one of: {', '.join(_NORMS)}."
        )
    return _NORMS[name](width, momentum)


class ShiftingNoise(nn.Module):
    """Noise whose distribution changes with every call, in training mode only.

    Each call draws for each unit a mean from N(0, size²) and a standard deviation from
    U(0, size), and adds that noise to every row. So the layer above sees, at every step, inputs
    with another mean and another spread (after Santurkar et al. 2018).
    """

    def __init__(self, width: int, size: float, seed: int) -> None:
        super().__init__()
        self.width, self.size = width, size
        self._generator = torch.Generator().manual_seed(seed)

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        """Return z, shape (batch, width), with noise added while training."""
        if not self.training:
            return z
        mean = self.size * torch.randn(self.width, generator=self._generator)
        spread = self.size * torch.rand(self.width, generator=self._generator)
        return z + mean + spread * torch.randn(z.shape, generator=self._generator)


def normalized_mlp(
    depth: int,
    width: int = 64,
    activation: str = "relu",
    norm: str = "batch",
    *,
    init: Init = "he",
    gain: float = 1.0,
    gamma: float = 1.0,
    beta: float = 0.0,
    momentum: float = 0.1,
    noise: float = 0.0,
    inputs: int = 64,
    outputs: int = 10,
    seed: int = 0,
) -> nn.Sequential:
    """Build `mlp` with a normalization after each hidden matrix.

    A hidden layer is a matrix, a normalization and an activation: u = W h, z = norm(u), a = φ(z).
    The modules are named ``layer1``, ``norm1``, ``relu1``, ``layer2``, … and ``output``. The
    weights are those of ``mlp`` with the same recipe and seed. Before batch norm the matrices have
    no bias, since subtracting the batch's mean would undo it; before the others they keep theirs,
    which starts at 0.

    Parameters
    ----------
    depth, width, activation, init, gain, inputs, outputs, seed
        See `mlp`.
    norm : str
        "batch", "layer" or "rms"; see `normalization`.
    gamma, beta : float
        First value of every γ and β. RMS norm has no β: there ``beta`` must stay 0.
    momentum : float
        See `normalization`.
    noise : float
        Above 0, a `ShiftingNoise` of this size, ``noise1``, …, follows each normalization.

    Returns
    -------
    nn.Sequential
        float32, on the CPU, in training mode.

    Raises
    ------
    GradcourseError
        If the normalization is unknown, or a number does not fit it or `mlp`.

    Examples
    --------
    >>> [name for name, _ in normalized_mlp(1).named_children()]
    ['layer1', 'norm1', 'relu1', 'output']
    """
    normalization(norm, 1)
    if norm == "rms" and beta:
        raise GradcourseError(f"beta is {beta}, but RMS norm has no β; leave beta at 0.")
    plain = mlp(
        depth, width, activation, init=init, gain=gain, inputs=inputs, outputs=outputs, seed=seed
    )
    modules: OrderedDict[str, nn.Module] = OrderedDict()
    for name, module in plain.named_children():
        modules[name] = module
        if isinstance(module, nn.Linear) and name != "output":
            if norm == "batch":
                module.register_parameter("bias", None)
            added = normalization(norm, width, momentum=momentum)
            _fill(added, gamma, beta)
            modules[name.replace("layer", "norm")] = added
            if noise > 0:
                number = int(name.removeprefix("layer"))
                shaken = ShiftingNoise(width, noise, 1000 * seed + number)
                modules[f"noise{number}"] = shaken
    return nn.Sequential(modules)


def _fill(norm: nn.Module, gamma: float, beta: float) -> None:
    with torch.no_grad():
        for name, parameter in norm.named_parameters():
            parameter.fill_(gamma if name == "weight" else beta)
