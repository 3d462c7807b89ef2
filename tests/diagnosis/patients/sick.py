"""Networks with one fault each, planted when they are made; the fault is the label."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator

import torch
from torch import nn
from torch.nn import functional

from patients.case import Batch, Case
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
    Functional,
    Residual,
    convolutional,
    digit_batches,
    stack,
)
from patients.recurrent import (
    explosive_recurrence,
    forgetful_cell,
    forgetful_gates,
    forgetful_recurrence,
)


def _classifier(rng: Rng, model: nn.Module, optimizer: Optimizer | None = None) -> Case:
    scale = pick(rng, *SCALES)
    chosen = optimizer or sensible_optimizer(rng, scale)
    return Case(model, digit_batches(), functional.cross_entropy, chosen, scale=scale)


def deep_sigmoid(rng: Rng) -> Case:
    """6 to 20 sigmoid layers: σ′ ≤ ¼ multiplies (lesson 02)."""
    depth = int(rng.integers(6, 21))
    return _classifier(rng, gaussian_(stack(depth, pick(rng, 32, 64, 128), "sigmoid"), 1.0))


def small_gain(rng: Rng) -> Case:
    """A gain below the right one; the gradient loses 3.4 to 20 decades over the depth."""
    activation = pick(rng, "relu", "leaky_relu", "tanh")
    depth = int(rng.integers(5, 26))
    factor = 10 ** (-rng.uniform(3.4, 20) / depth)
    model = gaussian_(stack(depth, 64, activation), factor * MATCHED_GAINS[activation])
    return _classifier(rng, model)


def xavier_relu(rng: Rng) -> Case:
    """Xavier in place of He, 26 to 40 ReLU layers: each loses √2 (He et al. 2015)."""
    model = gaussian_(stack(int(rng.integers(26, 41)), 64, "relu"), 1.0)
    return _classifier(rng, model)


def library_default_deep(rng: Rng) -> Case:
    """The library's own initialization at a depth of 12 to 30: each layer loses √6."""
    return _classifier(rng, stack(int(rng.integers(12, 31)), 64, pick(rng, "relu", "leaky_relu")))


def small_gain_functional(rng: Rng) -> Case:
    """As small gain, with ReLU as a function call."""
    depth = int(rng.integers(8, 21))
    factor = 10 ** (-rng.uniform(3.4, 15) / depth)
    return _classifier(rng, gaussian_(Functional(depth, 64, "relu"), factor * math.sqrt(2)))


def small_gain_images(rng: Rng) -> Case:
    """Convolutions with a gain that loses 4 to 12 decades."""
    depth = int(rng.integers(6, 11))
    model = convolutional(depth, 8, norm=False, residual=False)
    _scale_convolutions(model, 10 ** (-rng.uniform(4, 12) / depth))
    batches = digit_batches(32, shape=(1, 8, 8))
    return Case(model, batches, functional.cross_entropy, sensible_optimizer(rng), steps=12)


def _scale_convolutions(model: nn.Module, factor: float) -> None:
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, nn.Conv2d):
                module.weight.mul_(factor)


def large_gain(rng: Rng) -> Case:
    """A gain above the right one; the gradient gains 3.4 to 15 decades on its way back."""
    activation = pick(rng, "relu", "leaky_relu", "silu")
    depth = int(rng.integers(6, 26))
    factor = 10 ** (rng.uniform(3.4, 15) / depth)
    model = gaussian_(stack(depth, 64, activation), factor * MATCHED_GAINS[activation])
    return _classifier(rng, model)


def large_gain_images(rng: Rng) -> Case:
    """Convolutions with a gain that adds 4 to 12 decades."""
    depth = int(rng.integers(6, 11))
    model = convolutional(depth, 8, norm=False, residual=False)
    _scale_convolutions(model, 10 ** (rng.uniform(4, 12) / depth))
    batches = digit_batches(32, shape=(1, 8, 8))
    return Case(model, batches, functional.cross_entropy, sensible_optimizer(rng), steps=12)


def deep_batch_norm(rng: Rng) -> Case:
    """50 to 60 ReLU layers with batch normalization: ×1.21 a layer (Yang et al. 2019)."""
    model = stack(int(rng.integers(50, 61)), 32, "relu", norm="batch")
    return Case(model, digit_batches(64), functional.cross_entropy, adam(1e-3), steps=5)


def large_gain_tanh(rng: Rng) -> Case:
    """tanh with a gain of 6 to 40."""
    model = gaussian_(stack(int(rng.integers(2, 8)), 64, "tanh"), between(rng, 6, 40))
    return _classifier(rng, model)


def large_inputs(rng: Rng) -> Case:
    """Inputs in raw units, 30 to 300 times too large, into a tanh or a sigmoid."""
    activation = pick(rng, "tanh", "sigmoid")
    factor = between(rng, 30, 300) * (4 if activation == "sigmoid" else 1)
    model = gaussian_(stack(int(rng.integers(1, 3)), 64, activation), 1.0)
    source = digit_batches()

    def batches(step: int) -> Batch:
        x, y = source(step)
        return factor * x, y

    return Case(model, batches, functional.cross_entropy, adam(1e-3))


def large_gain_sigmoid(rng: Rng) -> Case:
    """One or two sigmoid layers with a gain of 40 to 200."""
    model = gaussian_(stack(int(rng.integers(1, 3)), 64, "sigmoid"), between(rng, 40, 200))
    return _classifier(rng, model, adam(1e-3))


def negative_bias(rng: Rng) -> Case:
    """ReLU units pushed out of reach of all data by a bias, in one layer or in all."""
    depth = int(rng.integers(2, 9))
    model = gaussian_(stack(depth, 64, "relu"), math.sqrt(2))
    linear = [m for m in model.modules() if isinstance(m, nn.Linear)][:-1]
    chosen = linear if rng.random() < 0.3 else [linear[int(rng.integers(depth))]]
    for layer in chosen:
        nn.init.constant_(layer.bias, -between(rng, 8, 200))
    return _classifier(rng, model)


def negative_bias_images(rng: Rng) -> Case:
    """The same with convolutions."""
    model = convolutional(int(rng.integers(2, 7)), 8, norm=False, residual=False)
    convolutions = [m for m in model.modules() if isinstance(m, nn.Conv2d)]
    layer = convolutions[int(rng.integers(len(convolutions)))]
    nn.init.constant_(parameter(layer, "bias"), -between(rng, 30, 200))
    batches = digit_batches(32, shape=(1, 8, 8))
    return Case(model, batches, functional.cross_entropy, sensible_optimizer(rng), steps=12)


def negative_bias_functional(rng: Rng) -> Case:
    """The same with ReLU as a function call."""
    depth = int(rng.integers(2, 9))
    model = Functional(depth, 64, "relu")
    gaussian_(model, math.sqrt(2))
    silenced = model.hidden[int(rng.integers(depth))]
    nn.init.constant_(parameter(silenced, "bias"), -between(rng, 8, 200))
    return _classifier(rng, model)


def _healthy_stack(rng: Rng) -> nn.Module:
    activation = pick(rng, "relu", "tanh", "gelu")
    depth = int(rng.integers(2, 7))
    return gaussian_(stack(depth, 64, activation), MATCHED_GAINS[activation])


def large_rate(rng: Rng) -> Case:
    """A sound network; a learning rate 30 to 1000 times too large."""
    too_much = between(rng, 30, 1000)
    optimizer: Optimizer = pick(
        rng, functools.partial(torch.optim.SGD, lr=0.3 * too_much), adam(0.01 * too_much)
    )
    return Case(_healthy_stack(rng), digit_batches(), functional.cross_entropy, optimizer)


def small_rate(rng: Rng) -> Case:
    """A sound network; a learning rate 3·10⁴ to 10⁸ times too small."""
    too_little = between(rng, 3e4, 1e8)
    optimizer: Optimizer = pick(
        rng, functools.partial(torch.optim.SGD, lr=0.05 / too_little), adam(1e-3 / too_little)
    )
    return Case(_healthy_stack(rng), digit_batches(), functional.cross_entropy, optimizer)


def planted_nan(rng: Rng) -> Case:
    """A NaN in a weight, a gradient or the data, at one step of a sound run."""
    place = pick(rng, "weight", "gradient", "data", "loss")
    when = int(rng.integers(0, 15))
    source = digit_batches()

    def plant(model: nn.Module, step: int) -> None:
        parameters = [p for p in model.parameters() if p.dim() > 1]
        chosen = parameters[when % len(parameters)]
        if step == when and place == "weight":
            with torch.no_grad():
                chosen[0, 0] = math.nan
        if step == when and place == "gradient" and chosen.grad is not None:
            chosen.grad[0, 0] = math.inf

    def batches(step: int) -> Batch:
        x, y = source(step)
        if step == when and place == "data":
            x = x.clone()
            x[0, 0] = math.nan
        return x, y

    def loss(outputs: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        value = functional.cross_entropy(outputs, y)
        return torch.log(value * 0) if place == "loss" else value

    return Case(_healthy_stack(rng), batches, loss, sensible_optimizer(rng), steps=20, plant=plant)


def residual_stack(rng: Rng) -> Case:
    """35 to 50 residual blocks, branch unscaled: the variance doubles per block."""
    modules: list[nn.Module] = [nn.Linear(64, 32)]
    for _ in range(int(rng.integers(35, 51))):
        branch = stack(1, 32, "relu", inputs=32, outputs=32)
        modules.append(Residual(gaussian_(branch, math.sqrt(2))))
    model = nn.Sequential(*modules, nn.Linear(32, 10))
    return _classifier(rng, model, adam(1e-4))


SICK: tuple[tuple[str, Callable[[Rng], Case]], ...] = (
    ("vanishing", deep_sigmoid),
    ("vanishing", small_gain),
    ("vanishing", xavier_relu),
    ("vanishing", library_default_deep),
    ("vanishing", small_gain_functional),
    ("vanishing", small_gain_images),
    ("vanishing", forgetful_recurrence),
    ("vanishing", forgetful_cell),
    ("vanishing", forgetful_gates),
    ("exploding", large_gain),
    ("exploding", large_gain_images),
    ("exploding", deep_batch_norm),
    ("exploding", explosive_recurrence),
    ("exploding", residual_stack),
    ("saturated", large_gain_tanh),
    ("saturated", large_inputs),
    ("saturated", large_gain_sigmoid),
    ("dead", negative_bias),
    ("dead", negative_bias_images),
    ("dead", negative_bias_functional),
    ("update too large", large_rate),
    ("update too large", large_rate),
    ("update too small", small_rate),
    ("update too small", small_rate),
    ("non-finite", planted_nan),
    ("non-finite", planted_nan),
)


def families() -> Iterator[tuple[str, str, Callable[[Rng], Case]]]:
    """Name, label and maker of each family."""
    for label, maker in SICK:
        yield maker.__name__.replace("_", " "), label, maker
