"""Lesson 01 on trial."""

from __future__ import annotations

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
        "If all the gradient terms on the right-hand side are between 0 and 1 then the gradient "
        "will become less and less […]",
        CONDITION,
        "It holds for numbers. A matrix has no one size: its norm is the largest stretch, its "
        "eigenvalues need not multiply. The Lyapunov exponents decide.",
        "50 Gaussian factors of width 64; 20 factors of width 2.",
        factors,
        (
            needs("smallest norm of 50 factors", above=1.0, every=True),
            needs("decades that a vector gains", below=-2.0),
            needs("decades, eigenvalues all 0.5", above=5.0),
            control("0.9 to the power 50", below=0.1),
            control("1.1 to the power 50", above=10.0),
        ),
        source="AI Stack Exchange, question 31821",
        year=2021,
    ),
    Claim(
        "chain/claim-deeper",
        "trial-deeper",
        "The deeper the network, the higher the chances of picking those complex features.",
        FAILS,
        "A deep linear net is one matrix, and a deep network learns only what its gradients let "
        "it.",
        "Width 64, gradient descent at 0.5, batches of 64.",
        deeper,
        (
            needs("distance of 8 linear layers from one matrix", below=1e-4, every=True),
            needs("right, 8 sigmoid layers", below=0.3),
            control("right, 1 sigmoid layer", above=0.8),
        ),
        source="Machine Learning Quick Reference, Packt",
        year=2019,
        map="deeper",
    ),
)
