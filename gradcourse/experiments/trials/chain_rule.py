"""Lesson 01 on trial."""

from __future__ import annotations

import math

import numpy as np

from gradcourse.experiments.claim import CONDITION, FAILS, Claim, Values, control, needs
from gradcourse.experiments.common import SEEDS, accuracy, digits, trained


def factors() -> Values:
    """Fifty Gaussian factors of gain 0.8; ten times a triangular matrix and its transpose."""
    smallest, length, product = [], [], []
    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        vector, norms = np.ones(64) / 8, []
        for _ in range(50):
            factor = 0.8 * rng.normal(size=(64, 64)) / 8
            norms.append(np.linalg.norm(factor, 2))
            vector = factor @ vector
        smallest.append(float(min(norms)))
        length.append(float(np.log10(np.linalg.norm(vector))))
        corner = 3.0 + rng.random()
        a = np.array([[0.5, corner], [0.0, 0.5]])
        product.append(float(np.log10(np.linalg.norm(np.linalg.matrix_power(a.T @ a, 10)))))
    return {
        "smallest norm of 50 factors": smallest,
        "decades that a vector gains": length,
        "decades, eigenvalues all 0.5": product,
        "0.9 to the power 50": [0.9**50],
        "1.1 to the power 50": [1.1**50],
    }


def mean_square() -> Values:
    """200 chains of matrices that keep the mean square: what becomes of the typical one."""

    def typical(width: int, depth: int, seed: int) -> float:
        rng = np.random.default_rng(seed)
        v = np.ones((200, width, 1)) / math.sqrt(width)
        for _ in range(depth):
            v = rng.normal(size=(200, width, width)) @ v / math.sqrt(width)
        return float(np.median(np.linalg.norm(v, axis=(1, 2))))

    return {
        "length, width 64, depth 16": [typical(64, 16, seed) for seed in SEEDS],
        "length, width 8, depth 200": [typical(8, 200, seed) for seed in SEEDS],
    }


def float64() -> Values:
    """50 linear layers with torch's own weights, in both precisions; two of them as control."""
    from dataclasses import replace

    import torch

    from gradcourse.instrument import gradient_norm
    from gradcourse.nets import mlp
    from gradcourse.training import train

    ratio, right, short = [], [], []
    for seed in SEEDS:
        norms = []
        for dtype in (torch.float32, torch.float64):
            x_train, x_test = digits().x_train.to(dtype), digits().x_test.to(dtype)
            data = replace(digits(), x_train=x_train, x_test=x_test)
            net = mlp(49, activation="linear", init="default", seed=seed).to(dtype)
            torch.nn.functional.cross_entropy(net(x_train), data.y_train).backward()
            norms.append(float(gradient_norm([net.get_submodule("layer1").weight.grad])[0]))
        history = train(net, data, steps=200, lr=0.1, seed=seed, every=200)
        right.append(float(history.test_accuracy[-1]))
        ratio.append(abs(norms[0] / norms[1] - 1))
        net = mlp(1, activation="linear", init="default", seed=seed)
        short.append(accuracy(net, 200, 0.1, seed=seed))
    return {
        "relative difference of the gradients": ratio,
        "right in float64, 50 layers": right,
        "right, 2 layers": short,
    }


def deeper() -> Values:
    """Eight trained linear layers against their product; eight sigmoid layers against one."""
    import torch

    from gradcourse.nets import deep_linear, mlp

    away = []
    for seed in SEEDS:
        linear = deep_linear(depth=8, inputs=64, outputs=10, seed=seed)
        trained(linear, 300, 0.02, seed=seed)
        with torch.no_grad():
            product = torch.eye(64)
            for layer in linear:
                product = layer.weight @ product  # type: ignore[operator]
            outputs = linear(digits().x_test)
            apart = (outputs - digits().x_test @ product.T).norm() / outputs.norm()
        away.append(float(apart))
    right = {
        depth: [accuracy(mlp(depth, seed=seed), 300, 0.5, seed=seed) for seed in SEEDS]
        for depth in (1, 8)
    }
    return {
        "distance of 8 linear layers from one matrix": away,
        "right, 8 sigmoid layers": right[8],
        "right, 1 sigmoid layer": right[1],
    }


CLAIMS = (
    Claim(
        "chain/claim-factors",
        "trial-factors",
        "Factors below 1 make the gradient vanish, factors above 1 make it explode.",
        CONDITION,
        "It holds for numbers. For matrices neither norms nor eigenvalues of single factors "
        "decide.",
        "Products of 50 Gaussian matrices of width 64, and of 20 triangular ones.",
        factors,
        (
            needs("smallest norm of 50 factors", above=1.0, every=True),
            needs("decades that a vector gains", below=-2.0),
            needs("decades, eigenvalues all 0.5", above=5.0),
            control("0.9 to the power 50", below=0.1),
            control("1.1 to the power 50", above=10.0),
        ),
    ),
    Claim(
        "chain/claim-mean-square",
        "trial-mean-square",
        "An initialization that keeps the gradient's mean square at 1 keeps the gradient.",
        CONDITION,
        "What counts is depth over width: the typical length is about e^(−L/2N).",
        "Gaussian matrices, 200 chains.",
        mean_square,
        (
            needs("length, width 8, depth 200", below=0.01),
            control("length, width 64, depth 16", above=0.5, below=2.0),
        ),
    ),
    Claim(
        "chain/claim-float",
        "trial-float",
        "Vanishing gradients are a problem of precision: use float64.",
        FAILS,
        "The gradient is small in exact arithmetic, too.",
        "50 linear layers with torch's own weights, 200 updates at 0.1.",
        float64,
        (
            needs("relative difference of the gradients", below=1e-3),
            needs("right in float64, 50 layers", below=0.3),
            control("right, 2 layers", above=0.6),
        ),
    ),
    Claim(
        "chain/claim-deeper",
        "trial-deeper",
        "A deeper network always learns more complex functions.",
        FAILS,
        "A deep linear network is one matrix, and a deeper one learns what its gradients let it.",
        "Digits, 300 updates, at 0.02 and at 0.5.",
        deeper,
        (
            needs("distance of 8 linear layers from one matrix", below=1e-4, every=True),
            needs("right, 8 sigmoid layers", below=0.3),
            control("right, 1 sigmoid layer", above=0.8),
        ),
        map="deeper",
    ),
)
