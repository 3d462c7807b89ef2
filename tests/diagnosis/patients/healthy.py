"""Networks that train, made in many ways; all are labelled "healthy"."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator

import torch
from torch import nn
from torch.nn import functional

from patients.case import Case
from patients.dice import (
    MATCHED_GAINS,
    SCALES,
    Optimizer,
    Rng,
    adam,
    between,
    gaussian_,
    parameter,
    pick,
    sensible_optimizer,
)
from patients.networks import (
    Attention,
    Functional,
    Residual,
    convolutional,
    digit_batches,
    regression_batches,
    stack,
)
from patients.recurrent import (
    adding,
    every_step,
    long_memory,
    rows_of_digits,
    trained_memory,
    unrolled,
)


def matched(rng: Rng) -> Case:
    """A plain network at the gain that suits its activation."""
    activation = pick(rng, *MATCHED_GAINS)
    # Beyond a few layers GELU and SiLU drift off any one gain; the others hold it.
    deepest = {"gelu": 6, "silu": 6, "elu": 12, "selu": 16}.get(activation, 30)
    depth = int(rng.integers(2, deepest + 1))
    width = pick(rng, 32, 48, 64, 100, 128)
    model = gaussian_(
        stack(depth, width, activation),
        MATCHED_GAINS[activation],
        orthogonal=bool(rng.random() < 0.4),
    )
    scale = pick(rng, *SCALES)
    batches = digit_batches(pick(rng, 32, 64, 128))
    return Case(
        model, batches, functional.cross_entropy, sensible_optimizer(rng, scale), scale=scale
    )


def library_default(rng: Rng) -> Case:
    """A shallow network with the library's own initialization."""
    activation = pick(rng, "relu", "tanh", "gelu", "silu", "leaky_relu")
    model = stack(int(rng.integers(1, 5)), pick(rng, 32, 64, 128), activation)
    scale = pick(rng, *SCALES)
    return Case(
        model,
        digit_batches(),
        functional.cross_entropy,
        sensible_optimizer(rng, scale),
        scale=scale,
    )


def shallow_sigmoid(rng: Rng) -> Case:
    """One or two sigmoid layers, which learn."""
    model = gaussian_(stack(int(rng.integers(1, 3)), pick(rng, 32, 64, 128), "sigmoid"), 1.0)
    return Case(model, digit_batches(), functional.cross_entropy, sensible_optimizer(rng))


def scaled_adam(rng: Rng) -> Case:
    """Adam as it comes, ε included, on a loss that is multiplied by 10^±6 or less."""
    model = gaussian_(stack(int(rng.integers(2, 9)), 64, "relu"), math.sqrt(2))
    return Case(
        model,
        digit_batches(),
        functional.cross_entropy,
        adam(between(rng, 3e-4, 3e-3)),
        scale=pick(rng, 1e-6, 1e-3, 1e3, 1e6),
    )


def normalized(rng: Rng) -> Case:
    """Batch or layer normalization, down to 20 layers; sigmoids too."""
    activation = pick(rng, "relu", "tanh", "sigmoid", "gelu")
    # A sigmoid's mean survives layer normalization, so the units of a row stay alike and the
    # gradient vanishes; batch normalization takes that mean away.
    norm = "batch" if activation == "sigmoid" else pick(rng, "batch", "layer")
    model = stack(int(rng.integers(2, 21)), pick(rng, 32, 64), activation, norm=norm)
    scale = pick(rng, *SCALES)
    return Case(
        model,
        digit_batches(),
        functional.cross_entropy,
        sensible_optimizer(rng, scale),
        scale=scale,
    )


def residual(rng: Rng) -> Case:
    """Residual blocks with a scaled, a normalized or a zero-initialized branch."""
    blocks, width = int(rng.integers(4, 33)), pick(rng, 32, 64)
    style = pick(rng, "scaled", "normed", "zero")
    modules: list[nn.Module] = [nn.Linear(64, width)]
    for _ in range(blocks):
        branch = gaussian_(stack(1, width, "relu", inputs=width, outputs=width), math.sqrt(2))
        if style == "zero":
            nn.init.zeros_(parameter(branch, "2.weight"))
        if style == "normed":
            branch = nn.Sequential(nn.LayerNorm(width), branch)
        modules.append(Residual(branch, 1 / math.sqrt(blocks)))
    model = nn.Sequential(*modules, nn.Linear(width, 10))
    return Case(model, digit_batches(), functional.cross_entropy, sensible_optimizer(rng))


def images(rng: Rng) -> Case:
    """Convolutions, plain, with batch normalization or residual."""
    model = convolutional(
        int(rng.integers(2, 9)), pick(rng, 8, 16), bool(rng.random() < 0.5), rng.random() < 0.5
    )
    return Case(
        model,
        digit_batches(32, shape=(1, 8, 8)),
        functional.cross_entropy,
        sensible_optimizer(rng),
        steps=12,
    )


def converged(rng: Rng) -> Case:
    """A classifier at the end of its training: a tiny loss, tiny gradients everywhere."""
    activation = pick(rng, "relu", "tanh", "gelu")
    model = gaussian_(stack(int(rng.integers(2, 6)), 64, activation), MATCHED_GAINS[activation])
    rows = pick(rng, 64, 512, 1437)
    optimizer: Optimizer = pick(
        rng,
        adam(2e-3),
        functools.partial(torch.optim.SGD, lr=0.1),
        functools.partial(torch.optim.SGD, lr=0.03, momentum=0.9),
    )
    return Case(
        model, digit_batches(64, rows=rows), functional.cross_entropy, optimizer, before=400
    )


def converged_regression(rng: Rng) -> Case:
    """A regression at the end of its training on one fixed batch."""
    model = gaussian_(stack(2, 64, "tanh", inputs=16, outputs=1), 1.0)
    fresh = regression_batches(rng)
    optimizer: Optimizer = pick(rng, adam(2e-3), functools.partial(torch.optim.SGD, lr=0.1))
    return Case(model, lambda step: fresh(0), functional.mse_loss, optimizer, before=600)


def regression(rng: Rng) -> Case:
    """A regression on fresh data, with targets in other units."""
    units = between(rng, 0.01, 10)
    activation = pick(rng, "relu", "tanh", "silu")
    model = gaussian_(
        stack(int(rng.integers(2, 8)), 64, activation, inputs=16, outputs=1),
        MATCHED_GAINS[activation],
    )
    fresh = regression_batches(rng)

    def batches(step: int) -> tuple[torch.Tensor, torch.Tensor]:
        x, y = fresh(step)
        return x, units * y

    return Case(model, batches, functional.mse_loss, adam(1e-3))


def autoencoder(rng: Rng) -> Case:
    """A bottleneck of 8, and a sigmoid at the output."""
    activation = pick(rng, "relu", "tanh")
    encoder = stack(2, 48, activation, outputs=8)
    decoder = stack(2, 48, activation, inputs=8, outputs=64)
    model = nn.Sequential(encoder, decoder, nn.Sigmoid())
    gaussian_(model, MATCHED_GAINS[activation])
    source = digit_batches()

    def batches(step: int) -> tuple[torch.Tensor, torch.Tensor]:
        x, _ = source(step)
        return x, torch.sigmoid(x)

    return Case(model, batches, functional.mse_loss, adam(1e-3), scale=pick(rng, *SCALES))


def functional_calls(rng: Rng) -> Case:
    """Activations called as functions: only the matrices are modules."""
    activation = pick(rng, "relu", "tanh")
    model = gaussian_(
        Functional(int(rng.integers(2, 13)), 64, activation), MATCHED_GAINS[activation]
    )
    return Case(model, digit_batches(), functional.cross_entropy, sensible_optimizer(rng))


def attention(rng: Rng) -> Case:
    """A Transformer encoder of 1 to 4 blocks, pre- or post-norm, over the rows of a digit."""
    model = Attention(int(rng.integers(1, 5)), 32, pre_norm=bool(rng.random() < 0.5))
    return Case(
        model,
        digit_batches(32, shape=(8, 8)),
        functional.cross_entropy,
        adam(between(rng, 3e-4, 3e-3)),
        steps=12,
        scale=pick(rng, *SCALES),
    )


def frozen(rng: Rng) -> Case:
    """The lower half frozen, dropout above it."""
    model = stack(6, 64, "relu", norm="layer")
    for module in list(model)[:9]:
        module.requires_grad_(False)
    model.insert(12, nn.Dropout(0.3))
    return Case(model, digit_batches(), functional.cross_entropy, sensible_optimizer(rng))


def small_head(rng: Rng) -> Case:
    """An output layer that starts at 0 or near it, as many recipes have it."""
    model = gaussian_(stack(int(rng.integers(2, 9)), 64, "relu"), math.sqrt(2))
    with torch.no_grad():
        list(model.parameters())[-2].mul_(pick(rng, 0.0, 0.01, 0.1))
    return Case(model, digit_batches(), functional.cross_entropy, adam(1e-3))


def small_batch(rng: Rng) -> Case:
    """Four rows a batch."""
    model = gaussian_(stack(int(rng.integers(2, 13)), 64, "relu"), math.sqrt(2))
    return Case(model, digit_batches(4), functional.cross_entropy, adam(1e-3))


def half_precision(rng: Rng) -> Case:
    """The whole network in bfloat16."""
    activation = pick(rng, "relu", "tanh", "gelu")
    model = gaussian_(stack(int(rng.integers(2, 9)), 64, activation), MATCHED_GAINS[activation])
    source = digit_batches()

    def batches(step: int) -> tuple[torch.Tensor, torch.Tensor]:
        x, y = source(step)
        return x.bfloat16(), y

    def loss(outputs: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return functional.cross_entropy(outputs.float(), y)

    return Case(model.bfloat16(), batches, loss, adam(3e-3))


HEALTHY: tuple[Callable[[Rng], Case], ...] = (
    matched,
    matched,
    matched,
    library_default,
    shallow_sigmoid,
    scaled_adam,
    normalized,
    normalized,
    residual,
    images,
    converged,
    converged,
    converged_regression,
    regression,
    autoencoder,
    functional_calls,
    attention,
    rows_of_digits,
    long_memory,
    trained_memory,
    adding,
    every_step,
    frozen,
    small_head,
    small_batch,
    half_precision,
    unrolled,
)


def families() -> Iterator[tuple[str, str, Callable[[Rng], Case]]]:
    """Name, label and maker of each family."""
    for maker in HEALTHY:
        yield maker.__name__.replace("_", " "), "healthy", maker
