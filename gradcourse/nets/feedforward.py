"""Fully connected networks whose every weight follows from a recipe and a seed."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable
from types import MappingProxyType

import torch
from torch import nn

from gradcourse.support import GradcourseError, check_integers

Init = str | float | Callable[[int, int], float]
"""A name, a fixed standard deviation, or a function ``(fan_in, fan_out) -> std``."""

_ACTIVATIONS = MappingProxyType(
    {
        "sigmoid": nn.Sigmoid,
        "tanh": nn.Tanh,
        "relu": nn.ReLU,
        "leaky_relu": nn.LeakyReLU,
        "elu": nn.ELU,
        "selu": nn.SELU,
        "gelu": nn.GELU,
        "silu": nn.SiLU,
        "linear": nn.Identity,
    }
)

_STANDARD_DEVIATIONS: MappingProxyType[str, Callable[[int, int], float]] = MappingProxyType(
    {
        "xavier": lambda fan_in, fan_out: math.sqrt(2 / (fan_in + fan_out)),
        "he": lambda fan_in, fan_out: math.sqrt(2 / fan_in),
        "lecun": lambda fan_in, fan_out: math.sqrt(1 / fan_in),
    }
)


def activation_function(name: str) -> nn.Module:
    """Return a new module for an activation.

    Parameters
    ----------
    name : str
        "sigmoid", "tanh", "relu", "leaky_relu", "elu", "selu", "gelu", "silu" or "linear".

    Raises
    ------
    GradcourseError
        If the name is unknown.
    """
    if name not in _ACTIVATIONS:
        raise GradcourseError(
            f"No activation is called {name!r}; choose one of: {', '.join(_ACTIVATIONS)}."
        )
    return _ACTIVATIONS[name]()


def mlp(
    depth: int,
    width: int = 64,
    activation: str = "sigmoid",
    *,
    init: Init = "xavier",
    gain: float = 1.0,
    bias_std: float = 0.0,
    inputs: int = 64,
    outputs: int = 10,
    seed: int = 0,
) -> nn.Sequential:
    """Build a fully connected network.

    ``depth`` counts the hidden layers. Each is a matrix followed by an activation; one more
    matrix, without an activation, makes the outputs. ``depth=8`` has 9 weight matrices.
    The modules are named ``layer1``, ``sigmoid1``, ``layer2``, ``sigmoid2``, … and ``output``.
    With ``activation="linear"`` only the matrices are there.

    Parameters
    ----------
    depth : int
        Number of hidden layers, 0 or more.
    width : int
        Units in each hidden layer.
    activation : str
        See `activation_function`.
    init : str, float or callable
        Standard deviation of the weights, which are Gaussian with mean 0:

        - "xavier": √(2 / (fan_in + fan_out)) (Glorot & Bengio 2010)
        - "he": √(2 / fan_in) (He et al. 2015)
        - "lecun": √(1 / fan_in) (LeCun et al. 1998); ``gain`` is then σ_w of mean-field theory
        - a number: this standard deviation in every layer
        - a function ``(fan_in, fan_out) -> std``
        - "default": what ``nn.Linear`` does by itself, uniform weights and biases of standard
          deviation √(1 / (3 fan_in))
    gain : float
        Multiplies every weight.
    bias_std : float
        Standard deviation of the Gaussian biases. With "default" it must stay 0.
    inputs, outputs : int
        Width of the data and of the output.
    seed : int
        The same seed gives the same weights; torch's global generator is left alone.

    Returns
    -------
    nn.Sequential
        float32, on the CPU.

    Raises
    ------
    GradcourseError
        If a size, the activation or the initialization is not one of the above.

    Examples
    --------
    >>> [name for name, _ in mlp(2).named_children()]
    ['layer1', 'sigmoid1', 'layer2', 'sigmoid2', 'output']
    """
    check_integers(minimum=0, depth=depth)
    check_integers(minimum=1, width=width, inputs=inputs, outputs=outputs)
    activation_function(activation)
    generator = torch.Generator().manual_seed(seed)
    modules: OrderedDict[str, nn.Module] = OrderedDict()
    fan_in = inputs
    for layer in range(1, depth + 1):
        modules[f"layer{layer}"] = _linear(fan_in, width, init, gain, bias_std, generator)
        if activation != "linear":
            modules[f"{activation}{layer}"] = activation_function(activation)
        fan_in = width
    modules["output"] = _linear(fan_in, outputs, init, gain, bias_std, generator)
    return nn.Sequential(modules)


def deep_linear(
    depth: int,
    width: int = 64,
    gain: float = 1.0,
    *,
    inputs: int | None = None,
    outputs: int | None = None,
    seed: int = 0,
) -> nn.Sequential:
    """Build a product of matrices: no activation, no bias.

    ``depth`` counts the matrices, named ``layer1`` … ``layer{depth}``. Entries are Gaussian with
    standard deviation ``gain / √fan_in``, so at gain 1 a layer keeps the mean square of its input.

    Parameters
    ----------
    depth : int
        Number of matrices, 1 or more.
    width : int
        Size of every matrix, except where ``inputs`` or ``outputs`` say otherwise.
    gain : float
        Multiplies every weight.
    inputs, outputs : int, optional
        Width of the data and of the output; ``width`` by default.
    seed : int
        The same seed gives the same weights; torch's global generator is left alone.

    Returns
    -------
    nn.Sequential
        float32, on the CPU.

    Raises
    ------
    GradcourseError
        If a size is not a positive integer.
    """
    inputs = width if inputs is None else inputs
    outputs = width if outputs is None else outputs
    check_integers(minimum=1, depth=depth, width=width, inputs=inputs, outputs=outputs)
    generator = torch.Generator().manual_seed(seed)
    sizes = [inputs, *[width] * (depth - 1), outputs]
    return nn.Sequential(
        OrderedDict(
            (f"layer{k + 1}", _linear(sizes[k], sizes[k + 1], "lecun", gain, None, generator))
            for k in range(depth)
        )
    )


def _linear(
    fan_in: int,
    fan_out: int,
    init: Init,
    gain: float,
    bias_std: float | None,
    generator: torch.Generator,
) -> nn.Linear:
    """A layer with weights from the recipe; ``bias_std`` None means no bias."""
    # skip_init: nn.Linear's own initialization would draw from the global generator.
    layer = nn.utils.skip_init(nn.Linear, fan_in, fan_out, bias=bias_std is not None)
    with torch.no_grad():
        if init == "default":
            if bias_std:
                raise GradcourseError(
                    f'bias_std is {bias_std}, but init="default" draws the biases itself; '
                    "leave bias_std at 0 or choose another init."
                )
            bound = 1 / math.sqrt(fan_in)
            layer.weight.uniform_(-bound, bound, generator=generator).mul_(gain)
            if layer.bias is not None:
                layer.bias.uniform_(-bound, bound, generator=generator)
            return layer
        std = gain * _standard_deviation(init, fan_in, fan_out)
        layer.weight.normal_(generator=generator).mul_(std)
        if layer.bias is not None:
            layer.bias.normal_(generator=generator).mul_(bias_std)
    return layer


def _standard_deviation(init: Init, fan_in: int, fan_out: int) -> float:
    if callable(init):
        return float(init(fan_in, fan_out))
    if isinstance(init, str) and init in _STANDARD_DEVIATIONS:
        return _STANDARD_DEVIATIONS[init](fan_in, fan_out)
    if isinstance(init, int | float) and init >= 0:
        return float(init)
    names = ", ".join([*_STANDARD_DEVIATIONS, "default"])
    raise GradcourseError(
        f"init is {init!r}; expected one of {names}, a standard deviation, "
        "or a function (fan_in, fan_out) -> std."
    )
