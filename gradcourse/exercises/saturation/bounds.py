"""The largest gradient that a chain of units can have."""

from __future__ import annotations

import numpy as np

from gradcourse.checking.question import CodeExercise, Part, asks
from gradcourse.theory import slope


def largest(activation):
    """Return the largest slope, which both activations have at 0."""
    return float(slope(activation, 0.0))


def gradient_bound(weights, activation):
    """Largest |∂h_L/∂h_0| of the chain h_l = φ(w_l h_(l−1)) over all inputs and biases."""
    return float(np.prod(np.abs(np.asarray(weights, dtype=np.float64)) * largest(activation)))


def _chains(activation):
    def cases(rng):
        made = []
        for length in (3, 6, 11):
            weights = rng.uniform(0.6, 3.0, length) * rng.choice([-1.0, 1.0], length)
            weights[0] = -np.prod(np.sign(weights[1:])) * np.abs(weights[0])
            made.append((weights, activation))
        return made

    return cases


GRADIENT_BOUND = CodeExercise(
    id="saturation/gradient-bound",
    title="The largest gradient a chain can have",
    functions=asks(
        gradient_bound,
        "a float",
        {
            "the weights are missing": (
                lambda w, act: largest(act) ** len(w),
                "You multiplied the largest slopes and left out the weights. Each layer "
                "multiplies the gradient by w·φ′(z), both of them.",
            ),
            "the slopes are missing": (
                lambda w, act: float(np.prod(np.abs(w))),
                "You multiplied the weights only. Each layer multiplies the gradient by "
                "w·φ′(z), and φ′ is at most ¼ for σ.",
            ),
            "largest slope of σ for both": (
                lambda w, act: gradient_bound(w, "sigmoid"),
                "You used ¼ for tanh, too. tanh has a larger largest slope: look at φ′(0).",
            ),
            "½ for tanh": (
                lambda w, act: (
                    float(np.prod(np.abs(w))) * {"sigmoid": 0.25, "tanh": 0.5}[act] ** len(w)
                ),
                "Your largest slope of tanh is too small. tanh rises with slope 1 through 0.",
            ),
            "one slope too few": (
                lambda w, act: float(np.prod(np.abs(w))) * largest(act) ** (len(w) - 1),
                "You counted one slope too few. The last layer, h_L, has an activation, too: "
                "L weights, L slopes.",
            ),
            "one weight too few": (
                lambda w, act: float(np.prod(np.abs(w[1:]))) * largest(act) ** len(w),
                "You left out a weight. The first one, w_1, stands between h_0 and h_1.",
            ),
            "the slope at the weight": (
                lambda w, act: float(np.prod(np.abs(w) * slope(act, w))),
                "You took the slope at z = w. The input and the biases may be anything, so z "
                "may be anything: which z has the largest slope?",
            ),
            "the largest weight for all": (
                lambda w, act: float((np.abs(w).max() * largest(act)) ** len(w)),
                "You used the largest weight in every layer. Each layer has a weight of its "
                "own, and it is given.",
            ),
            "the sign is kept": (
                lambda w, act: float(np.prod(np.asarray(w) * largest(act))),
                "Your product is negative. A bound is on the size of the gradient: take |w|.",
            ),
            "the value at 0 instead of the slope": (
                lambda w, act: float(np.prod(np.abs(w) * {"sigmoid": 0.5, "tanh": 0.0}[act])),
                "You used φ(0), the value of the activation at 0. The chain rule multiplies "
                "slopes. Look at φ′(0).",
            ),
            "a sum of layers": (
                lambda w, act: float(np.sum(np.abs(w) * largest(act))),
                "You added the factors of the layers. The chain rule multiplies them.",
            ),
            "one layer too few": (
                lambda w, act: gradient_bound(w[:-1], act),
                "You left out the last layer. A chain with L weights has L slopes, the last "
                "one included.",
            ),
            "one slope for the whole chain": (
                lambda w, act: float(np.prod(np.abs(w))) * largest(act),
                "You multiplied all weights, but the largest slope only once. Every layer has "
                "a slope of its own.",
            ),
        },
    ),
    parts=(
        Part(
            title="3 random σ chains of 3 to 11 layers",
            points=1.0,
            cases=_chains("sigmoid"),
            example=(np.array([2.0, -3.0, 0.5]), "sigmoid"),
            look_at="What is the largest slope of σ, and how often does it enter the product?",
        ),
        Part(
            title="3 random tanh chains of 3 to 11 layers",
            points=1.0,
            cases=_chains("tanh"),
            example=(np.array([2.0, -3.0, 0.5]), "tanh"),
            look_at="What is the largest slope of tanh, and where is it reached?",
        ),
    ),
    hints=(
        "Write ∂h_l/∂h_(l−1) for one layer first. It has two factors.",
        "The factor of one layer is w·φ′(z). You may choose z, so each slope can be at its "
        "largest: ¼ for σ, 1 for tanh.",
        "Each layer gives one number, |w| times the largest slope. The bound is the product of all "
        "of them; np.prod multiplies an array up.",
    ),
)
