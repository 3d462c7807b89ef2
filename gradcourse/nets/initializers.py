"""Initializations that need more than a standard deviation."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import nn

from gradcourse.support import GradcourseError


def constant_(model: nn.Module, value: float) -> nn.Module:
    """Set every weight of every linear layer to one value, and every bias to 0, in place.

    All units of a layer are then copies of each other, and gradient descent keeps them so.

    Parameters
    ----------
    model : nn.Module
        Its ``nn.Linear`` layers are changed.
    value : float

    Returns
    -------
    nn.Module
        The model that was given.

    Raises
    ------
    GradcourseError
        If the model has no linear layer.
    """
    with torch.no_grad():
        for layer in _linear_layers(model):
            layer.weight.fill_(value)
            _clear_bias(layer)
    return model


def orthogonal_(model: nn.Module, gain: float = 1.0, *, seed: int = 0) -> nn.Module:
    """Set every weight matrix to ``gain`` times a random orthogonal one, in place; biases to 0.

    A matrix that is not square gets orthonormal rows or columns, whichever are fewer. Each is
    uniformly distributed (Haar): Q of the QR decomposition of a Gaussian matrix, with the signs
    that make R's diagonal positive.

    Parameters
    ----------
    model : nn.Module
        Its ``nn.Linear`` layers are changed.
    gain : float
        Every singular value of every matrix.
    seed : int
        The same seed gives the same weights; torch's global generator is left alone.

    Returns
    -------
    nn.Module
        The model that was given.

    Raises
    ------
    GradcourseError
        If the model has no linear layer.

    References
    ----------
    Saxe, McClelland & Ganguli (2014), Exact solutions to the nonlinear dynamics of learning in
    deep linear neural networks; Mezzadri (2007), How to generate random matrices from the
    classical compact groups, for the signs.

    Examples
    --------
    >>> from gradcourse.nets import mlp
    >>> net = orthogonal_(mlp(1, width=64), gain=2.0)
    >>> bool(torch.allclose(net.layer1.weight @ net.layer1.weight.T, 4 * torch.eye(64), atol=1e-5))
    True
    """
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for layer in _linear_layers(model):
            layer.weight.copy_(gain * _uniform_orthogonal(tuple(layer.weight.shape), generator))
            _clear_bias(layer)
    return model


def near_identity_(model: nn.Module, noise: float = 0.02, *, seed: int = 0) -> nn.Module:
    """Set every square weight matrix to I + ``noise`` · N(0, 1), in place, and its bias to 0.

    Matrices that are not square stay as they are: they have no identity.

    Parameters
    ----------
    model : nn.Module
        Its square ``nn.Linear`` layers are changed.
    noise : float
        Standard deviation of what is added to the identity, 0 or more.
    seed : int
        The same seed gives the same weights; torch's global generator is left alone.

    Returns
    -------
    nn.Module
        The model that was given.

    Raises
    ------
    GradcourseError
        If the model has no square linear layer, or ``noise`` is negative or not finite.

    References
    ----------
    Balduzzi et al. (2017), The shattered gradients problem, for a network that starts linear;
    Zhao, Schäfer & Anandkumar (2022), ZerO initialization, for the identity.

    Examples
    --------
    >>> from gradcourse.nets import mlp
    >>> net = near_identity_(mlp(1, width=64), noise=0.0)
    >>> bool((net.layer1.weight == torch.eye(64)).all())
    True
    """
    if not (math.isfinite(noise) and noise >= 0):
        raise GradcourseError(f"noise is {noise}; it must be a finite number, 0 or more.")
    square = [layer for layer in _linear_layers(model) if layer.in_features == layer.out_features]
    if not square:
        raise GradcourseError(
            "No nn.Linear layer of the model is square, so none can start near the identity."
        )
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for layer in square:
            units = layer.out_features
            layer.weight.copy_(
                torch.eye(units) + noise * torch.randn(units, units, generator=generator)
            )
            _clear_bias(layer)
    return model


def linear_start_(model: nn.Module, *, seed: int = 0) -> nn.Module:
    """Set the weights so that a plain ReLU network starts linear, up to its last ReLU, in place.

    The lower half of what the first layer gives is the upper half with a minus, so that its ReLUs
    lose nothing: relu(v) − relu(−v) = v. Every later matrix is [[O, −O], [−O, O]], with a random
    orthogonal O of its own, which keeps it so. Biases are 0. The last layer stays as it is, and
    reads relu(v) and relu(−v).

    Parameters
    ----------
    model : nn.Module
        Its ``nn.Linear`` layers are changed, but for the last. All of them have an even number of
        units, the same.
    seed : int
        The same seed gives the same weights; torch's global generator is left alone.

    Returns
    -------
    nn.Module
        The model that was given.

    Raises
    ------
    GradcourseError
        If the layers before the last are not of one even width.

    References
    ----------
    Balduzzi et al. (2017), The shattered gradients problem: the "looks linear" initialization.

    Examples
    --------
    >>> from gradcourse.nets import mlp
    >>> net = linear_start_(mlp(9, width=8, activation="relu", inputs=4))[:-1]
    >>> x = torch.randn(5, 4)
    >>> upper, lower = (net(x) - net(-x)).chunk(2, dim=1)
    >>> bool(torch.allclose(upper.norm(dim=1), x.norm(dim=1), atol=1e-5))
    True
    """
    *layers, _ = _linear_layers(model)
    widths = {layer.out_features for layer in layers}
    if len(widths) != 1 or min(widths) % 2:
        raise GradcourseError(
            "The layers before the last need one even width: each half mirrors the other."
        )
    generator, half = torch.Generator().manual_seed(seed), min(widths) // 2
    mirror = torch.tensor([[1.0], [-1.0]])
    pair = torch.cat([mirror, -mirror], dim=1)
    with torch.no_grad():
        for number, layer in enumerate(layers):
            columns = half if number else layer.in_features
            turn = _uniform_orthogonal((half, columns), generator).contiguous()
            layer.weight.copy_(torch.kron(pair if number else mirror, turn))
            _clear_bias(layer)
    return model


def lsuv_(
    model: nn.Module, x: torch.Tensor, *, seed: int = 0, tolerance: float = 0.01, tries: int = 10
) -> nn.Module:
    """Layer-sequential unit variance: orthogonal matrices, then each scaled on data, in place.

    From the first layer to the last, the batch is sent through what is already done, and the
    layer's weights are divided by the standard deviation of its outputs, before the activation,
    over all units and rows. No formula for the activation is needed.

    Parameters
    ----------
    model : nn.Module
        Its ``nn.Linear`` layers are changed; they must be used in the order of
        ``model.modules()``.
    x : torch.Tensor
        A batch that the model takes.
    seed : int
        Of the orthogonal matrices.
    tolerance : float
        A layer is done when the variance of its outputs is this close to 1.
    tries : int
        Most divisions per layer. Without a bias that is not 0, one is enough.

    Returns
    -------
    nn.Module
        The model that was given.

    Raises
    ------
    GradcourseError
        If the model has no linear layer, or a layer's outputs do not vary or are not finite.

    References
    ----------
    Mishkin & Matas (2016), All you need is a good init, algorithm 1.
    """
    orthogonal_(model, seed=seed)
    for number, layer in enumerate(_linear_layers(model), start=1):
        for _ in range(tries):
            variance = _output_variance(model, layer, x)
            if not (math.isfinite(variance) and variance > 0):
                raise GradcourseError(
                    f"LSUV: the outputs of linear layer {number} have variance {variance}; "
                    "there is nothing to scale. Are its inputs all 0?"
                )
            if abs(variance - 1) < tolerance:
                break
            with torch.no_grad():
                layer.weight.div_(math.sqrt(variance))
    return model


def chrono_(model: nn.Module, longest: float, seed: int = 0) -> nn.Module:
    """Set the gate biases of every nn.LSTM and nn.GRU in a model by chrono initialization.

    Each unit draws a time u, uniform on [1, ``longest`` − 1], and gets the forget bias ln u, so
    that it keeps u/(1 + u) of its cell per step. Its input bias is −ln u: what it lets in is the
    1/(1 + u) that it lets go. In a GRU the update gate does both. All other biases become 0.

    Parameters
    ----------
    model : nn.Module
        Changed in place.
    longest : float
        Steps that the longest dependency spans, above 2.
    seed : int
        The same seed gives the same biases; torch's global generator is left alone.

    Returns
    -------
    nn.Module
        The same model.

    Raises
    ------
    GradcourseError
        If there is no nn.LSTM and no nn.GRU with biases, or ``longest`` is too short.

    References
    ----------
    Tallec & Ollivier (2018), Can recurrent neural networks warp time?

    Examples
    --------
    >>> lstm = chrono_(nn.LSTM(2, 3), 100.0)
    >>> bool((lstm.bias_ih_l0[3:6] == -lstm.bias_ih_l0[:3]).all())
    True
    """
    if not longest > 2:
        raise GradcourseError(f"longest is {longest}; it must be more than 2 steps.")
    gated = [m for m in model.modules() if isinstance(m, nn.LSTM | nn.GRU) and m.bias]
    if not gated:
        raise GradcourseError(
            f"This {type(model).__name__} holds no nn.LSTM and no nn.GRU with biases; only their "
            "gates can be set."
        )
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for module in gated:
            for name, bias in module.named_parameters():
                if name.startswith("bias_hh"):
                    bias.zero_()
                elif name.startswith("bias_ih"):
                    _set_gates(bias, isinstance(module, nn.LSTM), longest, generator)
    return model


def _linear_layers(model: nn.Module) -> Iterator[nn.Linear]:
    layers = [module for module in model.modules() if isinstance(module, nn.Linear)]
    if not layers:
        raise GradcourseError("The model has no nn.Linear layer, so nothing can be initialized.")
    return iter(layers)


def _clear_bias(layer: nn.Linear) -> None:
    if layer.bias is not None:
        layer.bias.zero_()


def _uniform_orthogonal(shape: tuple[int, ...], generator: torch.Generator) -> torch.Tensor:
    """A matrix with orthonormal columns, or rows if they are fewer."""
    tall = (max(shape), min(shape))
    gaussian = torch.randn(tall, generator=generator, dtype=torch.float64)
    q, r = torch.linalg.qr(gaussian)
    # LAPACK chooses the signs of R's diagonal by its own rule; without this Q is not uniform.
    q = q * torch.where(r.diagonal() < 0, -1.0, 1.0)
    return q if q.shape == shape else q.T


def _output_variance(model: nn.Module, layer: nn.Linear, x: torch.Tensor) -> float:
    caught: list[torch.Tensor] = []
    handle = layer.register_forward_hook(lambda _module, _inputs, out: caught.append(out))
    try:
        with torch.no_grad():
            model(x)
    finally:
        handle.remove()
    if not caught:
        raise GradcourseError("LSUV: the model does not use one of its linear layers.")
    return float(caught[0].double().var(correction=0))


def _set_gates(
    bias: torch.Tensor, is_lstm: bool, longest: float, generator: torch.Generator
) -> None:
    # torch's order of the gates: input, forget, cell, output; and reset, update, new.
    blocks = bias.chunk(4 if is_lstm else 3)
    uniform = torch.rand(blocks[0].shape, generator=generator)
    keep = (1.0 + (longest - 2.0) * uniform).log().to(bias)
    bias.zero_()
    blocks[1].copy_(keep)
    if is_lstm:
        blocks[0].copy_(-keep)
