"""χ and q* of tanh by quadrature."""

from __future__ import annotations

import math

import numpy as np

from gradcourse import theory
from gradcourse.checking.question import CodeExercise, Part, asks
from gradcourse.theory import gaussian_mean


def _sech2(z):
    return 1 - np.tanh(z) ** 2


def chi(sigma_w, q):
    """σ_w² E[tanh′(√q z)²]."""
    return float(sigma_w**2 * gaussian_mean(lambda z: _sech2(z) ** 2, q))


def q_star(sigma_w, sigma_b):
    """The variance that a deep tanh network settles at."""
    return float(theory.q_fixed_point("tanh", sigma_w, sigma_b))


def _physicists(sigma_w, q):
    """Nodes and weights of e^(−x²), used as if they were those of a standard normal."""
    x, w = np.polynomial.hermite.hermgauss(60)
    return float(sigma_w**2 * (w @ _sech2(math.sqrt(q) * x) ** 2) / w.sum())


def _iterated(step):
    q = 1.0
    for _ in range(300):
        q = step(q)
    return float(q)


def _weights_that_add_up_to(total):
    return lambda s, b: _iterated(lambda q: s**2 * total * _mean_tanh2(q) + b**2)


def _mean_tanh2(q):
    return gaussian_mean(lambda z: np.tanh(z) ** 2, q)


def _points(rng):
    return [(rng.uniform(0.7, 3.0), rng.uniform(0.3, 2.0)) for _ in range(5)]


def _pairs(rng):
    # Where q is taken for √q, 80 nodes of Gauss and Hermite are exact enough up to about q = 3.
    return [(rng.uniform(0.6, 1.6), rng.uniform(0.2, 1.0)) for _ in range(4)]


CHI = CodeExercise(
    id="init/chi",
    title="χ and q* of tanh",
    functions=(
        asks(
            chi,
            "a float",
            {
                "the slope is not squared": (
                    lambda s, q: float(s**2 * gaussian_mean(_sech2, q)),
                    "You averaged φ′. χ is about the mean *square* of the gradient: average φ′².",
                ),
                "the square of the mean": (
                    lambda s, q: float(s**2 * gaussian_mean(_sech2, q) ** 2),
                    "You squared after averaging. E[φ′]² is less than E[φ′²]: square inside.",
                ),
                "q for √q": (
                    lambda s, q: chi(s, q**2),
                    "You gave tanh′ the argument q·z. q is a variance; the pre-activation is √q·z.",
                ),
                "√χ, the factor on the norm": (
                    lambda s, q: math.sqrt(chi(s, q)),
                    "You returned √χ, the factor on the norm of the gradient. χ itself is the "
                    "factor on its mean square.",
                ),
                "σ_w for σ_w²": (
                    lambda s, q: chi(s, q) / s,
                    "You multiplied by σ_w. Squares are averaged here, so it is σ_w².",
                ),
                "σ_w left out": (
                    lambda s, q: chi(1.0, q),
                    "You left out the weights. Each layer also multiplies the mean square by σ_w².",
                ),
                "the square is missing in tanh′": (
                    lambda s, q: float(s**2 * gaussian_mean(lambda z: (1.0 - np.tanh(z)) ** 2, q)),
                    "You squared 1 − tanh. The slope of tanh is 1 − tanh²; χ has its square.",
                ),
                "without an average": (
                    lambda s, q: float(s**2 * _sech2(np.sqrt(q)) ** 2),
                    "You took the slope at √q alone. χ averages it over all units: their "
                    "pre-activations are √q ζ with a random ζ.",
                ),
                "the activation for its slope": (
                    lambda s, q: float(s**2 * _mean_tanh2(q)),
                    "You averaged tanh², which takes q to the next layer. χ has the slope: "
                    "tanh′ = 1 − tanh².",
                ),
                "nodes of e^(−x²)": (
                    _physicists,
                    "hermgauss is made for the weight e^(−x²), a Gaussian of variance ½. Multiply "
                    "its nodes by √2, or take np.polynomial.hermite_e.hermegauss.",
                ),
                "weights that do not add up to 1": (
                    lambda sigma_w, q: math.sqrt(2 * math.pi) * chi(sigma_w, q),
                    "Your result is too large by √(2π) = 2.507: hermegauss has weights that add "
                    "up to that. Divide by their sum.",
                ),
                "weights that add up to √π": (
                    lambda s, q: math.sqrt(math.pi) * chi(s, q),
                    "Your result is too large by √π = 1.772: the weights of hermgauss add up to "
                    "that. Divide by their sum.",
                ),
            },
        )
        + asks(
            q_star,
            "a float",
            {
                "σ_b for σ_b²": (
                    lambda s, b: _iterated(lambda q: s**2 * _mean_tanh2(q) + b),
                    "You added σ_b. Variances add up: it is σ_b².",
                ),
                "as if tanh were linear": (
                    lambda s, b: s**2 + b**2,
                    "You added σ_w² and σ_b². That would be one layer of a linear network that "
                    "starts at q = 1.",
                ),
                "σ_w for σ_w²": (
                    lambda s, b: _iterated(lambda q: s * _mean_tanh2(q) + b**2),
                    "You multiplied by σ_w. Variances are added here: it is σ_w².",
                ),
                "√q*, the size": (
                    lambda s, b: math.sqrt(q_star(s, b)),
                    "You returned √q*, the size of z. q* is its variance, the mean square.",
                ),
                "the biases are left out": (
                    lambda s, b: _iterated(lambda q: s**2 * _mean_tanh2(q)),
                    "You left σ_b² out of the map.",
                ),
                "one step only": (
                    lambda s, b: float(s**2 * _mean_tanh2(1.0) + b**2),
                    "That is one layer's step from q = 1. q* is where the map stops moving: "
                    "repeat it.",
                ),
                "the slope for the activation": (
                    lambda s, b: _iterated(
                        lambda q: s**2 * gaussian_mean(lambda z: _sech2(z) ** 2, q) + b**2
                    ),
                    "You averaged tanh′². The signal that goes forwards is tanh itself, squared.",
                ),
                "q for √q": (
                    lambda s, b: _iterated(lambda q: s**2 * _mean_tanh2(q**2) + b**2),
                    "You gave tanh the argument q·z. q is a variance; the pre-activation is √q·z.",
                ),
                "weights that do not add up to 1": (
                    _weights_that_add_up_to(math.sqrt(2 * math.pi)),
                    "Your mean of tanh² is too large by √(2π) = 2.507: hermegauss has weights that "
                    "add up to that. Divide by their sum.",
                ),
                "weights that add up to √π": (
                    _weights_that_add_up_to(math.sqrt(math.pi)),
                    "Your mean of tanh² is too large by √π = 1.772: the weights of hermgauss add "
                    "up to that. Divide by their sum.",
                ),
                "tanh of q": (
                    lambda s, b: _iterated(lambda q: s**2 * math.tanh(math.sqrt(q)) ** 2 + b**2),
                    "You put √q itself into tanh. The pre-activations are spread with variance q: "
                    "average tanh² over them.",
                ),
            },
        )
    ),
    parts=(
        Part(
            title="χ at 5 random points, σ_w from 0.7 to 3, q from 0.3 to 2",
            points=2.0,
            cases=_points,
            function="chi",
            example=(2.0, 1.0),
            look_at="At q near 0 every slope is 1, so χ must come near σ_w². Does yours?",
            rtol=2e-3,
        ),
        Part(
            title="q* at 4 random points, σ_w from 0.6 to 1.6, σ_b from 0.2 to 1",
            points=1.0,
            cases=_pairs,
            function="q_star",
            example=(1.5, 0.5),
            look_at="q* must satisfy q = σ_w² E[tanh²(√q z)] + σ_b². Put yours in.",
            rtol=2e-3,
        ),
    ),
    hints=(
        "Both want a mean over a standard normal z. A sum over many nodes with Gaussian weights "
        "that add up to 1 is such a mean.",
        "z, w = np.polynomial.hermite_e.hermegauss(80); w = w / w.sum(). Then a mean is "
        "w @ f(np.sqrt(q) * z).",
        "chi: sigma_w**2 * (w @ (1 - np.tanh(np.sqrt(q) * z)**2)**2). q_star: start at q = 1 and "
        "repeat q = sigma_w**2 * (w @ np.tanh(np.sqrt(q) * z)**2) + sigma_b**2 until it stands.",
    ),
)
