"""Lesson 07: a learner's residual blocks, with given weights, on given inputs."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np


def drive_block(make: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    """Build a fully connected block, give it weights, run it forwards and backwards.

    Parameters
    ----------
    make : callable
        ``make(width, alpha)`` returns a module with ``layer1`` and ``layer2``.
    arguments : tuple
        Two matrices (width, width), two biases (width,), α, x (rows, width) and δ of x's shape.

    Returns
    -------
    dict or None
        The output; ∂ℒ/∂x; ∂ℒ/∂α, or None where α is no parameter; how many numbers α has; by how
        much x was changed. None when there is no output.
    """
    import torch

    first, last, bias1, bias2, alpha, x, delta = (torch.tensor(np.asarray(a)) for a in arguments)
    block = make(len(first), float(alpha))
    if block is None:
        return None
    block = block.double()
    with torch.no_grad():
        block.layer1.weight.copy_(first)
        block.layer2.weight.copy_(last)
        block.layer1.bias.copy_(bias1)
        block.layer2.bias.copy_(bias2)
    leaf = x.clone().requires_grad_()
    given = leaf * 1.0  # no leaf, so that changing it in place is possible, and seen
    output = block(given)
    if output is None:
        return None
    output.backward(delta)
    scale = getattr(block, "alpha", None)
    learned = isinstance(scale, torch.nn.Parameter) and scale.grad is not None
    return {
        "the output": output.detach().numpy(),
        "the gradient of x": leaf.grad.numpy() if leaf.grad is not None else None,
        "the gradient of self.alpha": float(scale.grad.sum()) if learned else None,  # type: ignore[union-attr]
        "how many numbers self.alpha has": scale.numel() if learned else 1,  # type: ignore[union-attr]
        "by how much x was changed": float((given.detach() - x).abs().max()),
    }


def drive_projection(make: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    """Build a convolutional block that halves the picture, give it weights, run it both ways.

    Parameters
    ----------
    make : callable
        ``make(channels_in, channels_out)`` returns a module with ``conv1``, ``conv2`` and
        ``shortcut``.
    arguments : tuple
        Kernels (out, in, 3, 3), (out, out, 3, 3) and (out, in, 1, 1); x (rows, in, height, width).

    Returns
    -------
    dict or None
        The output; by how much x was changed; the gradients of the output's sum of squares to x
        and to the shortcut's kernel, None where x was changed; whether the shortcut has a bias.

    Raises
    ------
    ValueError
        If a convolution's kernel has another shape.
    """
    import torch

    first, last, projection, x = (torch.tensor(np.asarray(a)) for a in arguments)
    block = make(first.shape[1], first.shape[0])
    if block is None:
        return None
    block = block.double()
    kernels = {"conv1": first, "conv2": last, "shortcut": projection}
    for name, kernel in kernels.items():
        module = getattr(block, name)
        weight = next((p for name, p in module.named_parameters() if "weight" in name), None)
        if weight is None:
            continue  # no kernel here: the sum will show whether the shapes fit
        if weight.shape != kernel.shape:
            shapes = f"{tuple(weight.shape)}; expected {tuple(kernel.shape)}"
            raise ValueError(f"{name} has a kernel of shape {shapes}")
        with torch.no_grad():
            weight.copy_(kernel)
            for inner, parameter in module.named_parameters():
                if "bias" in inner:
                    parameter.zero_()
    leaf = x.clone().requires_grad_()
    given = leaf * 1.0  # no leaf, so that changing it in place is possible, and seen
    output = block(given)
    if output is None:
        return None
    changed = float((given.detach() - x).abs().max())
    if not changed:  # else autograd refuses, in words that name no ReLU
        output.square().sum().backward()
    parameters = dict(block.shortcut.named_parameters())
    weight = next((p for name, p in parameters.items() if "weight" in name), None)
    used = weight is not None and weight.grad is not None
    return {
        "the output": output.detach().numpy(),
        "by how much x was changed": changed,
        "the gradient of x": None if leaf.grad is None else leaf.grad.numpy(),
        "the gradient of the shortcut's kernel": weight.grad.numpy() if used else None,  # type: ignore[union-attr]
        "whether the shortcut has a bias": any("bias" in name for name in parameters),
    }


def drive_fixup(fixup: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    """Call ``fixup(matrices, blocks)``, and look at the matrices that it was given.

    Parameters
    ----------
    fixup : callable
        It returns the matrices to start with.
    arguments : tuple
        A list of matrices, and the number of blocks.

    Returns
    -------
    dict or None
        The matrices that were returned; whether the given ones were changed. None when the
        function returned None.
    """
    matrices, blocks = arguments
    given = copy.deepcopy(matrices)
    found = fixup(given, blocks)
    if found is None:
        return None
    same = len(given) == len(matrices) and all(map(np.array_equal, given, matrices))
    return {"what you returned": found, "whether the given matrices were changed": not same}
