"""Assignment 01, products of matrices: backpropagation, a tuned gain, eigenvalues."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from gradcourse.checking.question import (
    Choice,
    CodeExercise,
    NamedValue,
    Option,
    Part,
    Tuning,
    asks,
)
from gradcourse.demos.chain_rule import SLOPED_CHAIN
from gradcourse.experiments.chain_rule import sloped_chain_norms

# ── A chain of matrices ──────────────────────────────────────────────────────────────────────────


def input_gradient(weights, upstream):
    """Gradient with respect to x of a loss on W_L … W_1 x, given the gradient at the output."""
    delta = upstream
    for weight in reversed(weights):
        delta = weight.T @ delta
    return delta


def _no_transpose(weights, upstream):
    delta = upstream
    for weight in reversed(weights):
        delta = weight @ delta
    return delta


def _forward_order(weights, upstream):
    delta = upstream
    for weight in weights:
        delta = weight.T @ delta
    return delta


def _forward_pass(weights, upstream):
    delta = upstream
    for weight in weights:
        delta = weight @ delta
    return delta


def _square_chains(rng):
    cases = []
    for _ in range(4):
        width, depth = int(rng.integers(3, 6)), int(rng.integers(3, 6))
        weights = [rng.normal(size=(width, width)) for _ in range(depth)]
        cases.append((weights, rng.normal(size=width)))
    return cases


def _rectangular_chains(rng):
    cases = []
    for _ in range(4):
        widths = rng.permutation(np.arange(2, 8))[: int(rng.integers(4, 6))]
        weights = [rng.normal(size=(int(n_out), int(n_in))) for n_in, n_out in pairwise(widths)]
        cases.append((weights, rng.normal(size=int(widths[-1]))))
    return cases


MATRIX_BACKWARD = CodeExercise(
    id="chain/matrix-backward",
    title="Backward through a chain of matrices",
    functions=asks(
        input_gradient,
        "an array of shape (n_0,)",
        {
            "no transpose": (
                _no_transpose,
                "You went backward with W itself. W maps a layer's input to its output; a "
                "gradient goes the other way, through the transpose.",
            ),
            "first layer first": (
                _forward_order,
                "You used the transposes, but began with layer 1. The gradient starts at the "
                "output, so it meets W_L first and W_1 last.",
            ),
            "the inverse": (
                lambda weights, upstream: input_gradient(
                    [np.linalg.pinv(weight).T for weight in weights], upstream
                ),
                "You went back through the inverse, as if to undo the layers. A gradient is not "
                "undone: each layer multiplies it by the transpose of its matrix.",
            ),
            "forward pass of the gradient": (
                _forward_pass,
                "You sent the gradient forward through the net, as if it were an input. It "
                "goes from W_L down to W_1, through the transposes.",
            ),
            "stopped at layer 1": (
                lambda weights, upstream: input_gradient(weights[1:], upstream),
                "You stopped at the output of layer 1. The question is the gradient at the "
                "input x: one more transpose, that of W_1.",
            ),
            "last matrix skipped": (
                lambda weights, upstream: input_gradient(weights[:-1], upstream),
                "You left W_L out. `upstream` is the gradient at the output of layer L, so W_L "
                "still lies ahead of it.",
            ),
        },
    ),
    parts=(
        Part(
            title="4 chains of square matrices",
            points=1.0,
            cases=_square_chains,
            example=(
                [np.array([[0.0, 1.0], [0.0, 0.0]]), np.diag([2.0, 3.0])],
                np.array([1, 10.0]),
            ),
            look_at="Write x -> W_1 x -> W_2 W_1 x out for two layers, and differentiate the "
            "output times upstream with respect to x.",
        ),
        Part(
            title="4 chains of rectangular matrices",
            points=1.0,
            cases=_rectangular_chains,
            example=([np.array([[1.0, 2.0]]), np.array([[3.0], [4.0], [5.0]])], np.ones(3)),
            look_at="W_l has shape (n_l, n_{l-1}) and delta at layer l has shape (n_l,): only one "
            "order and one of W and its transpose fit.",
        ),
    ),
    hints=(
        "Let the shapes guide you: which product of `upstream` and a weight is possible at all?",
        "Start with delta = upstream and walk through the layers from the last to the first.",
        "for W in reversed(weights): delta = W.T @ delta. Return delta.",
    ),
)

# ── A gain by formula, then on a chain ───────────────────────────────────────────────────────────


def keeping_gain(slopes):
    """The gain that keeps the size of δ where each component is multiplied by such a slope."""
    return float(1 / np.sqrt(np.mean(slopes**2)))


def _slopes(rng):
    cases = [(rng.uniform(0.0, rng.uniform(0.5, 2.0), size=200),) for _ in range(3)]
    masks = [(0.1 + (rng.random(200) < rng.uniform(0.2, 0.8)),) for _ in range(2)]
    return cases + [(mask.astype(float),) for (mask,) in masks]


KEEPING_GAIN = CodeExercise(
    id="chain/keeping-gain",
    title="The gain that makes up for slopes",
    functions=asks(
        keeping_gain,
        "a float",
        {
            "one over the mean slope": (
                lambda slopes: float(1 / np.mean(slopes)),
                "You made up for the mean slope. A length is the root of a sum of squares: the "
                "mean of the squared slopes counts.",
            ),
            "one over the typical slope": (
                lambda slopes: float(np.exp(-np.mean(np.log(slopes)))),
                "You averaged the logarithms, right for a chain of single numbers. Here each layer "
                "sums the squares of many components: their mean counts.",
            ),
            "the root forgotten": (
                lambda slopes: float(1 / np.mean(slopes**2)),
                "You made up for the squared length. The length has the root of that factor.",
            ),
            "what the slopes do": (
                lambda slopes: float(np.sqrt(np.mean(slopes**2))),
                "You returned the factor that the slopes put on the length. The gain must undo it.",
            ),
            "one over the spread": (
                lambda slopes: float(1 / np.std(slopes)),
                "You took the standard deviation, which leaves the mean out. Take the mean of the "
                "squares, without subtracting the mean first.",
            ),
        },
    ),
    parts=(
        Part(
            title="5 random sets of slopes",
            points=1.0,
            cases=_slopes,
            example=(np.array([0.5, 1.0]),),
            atol=1e-9,
            look_at="A component of size 1 becomes its slope. What is then the mean square?",
        ),
    ),
    hints=(
        "What does a layer do to the mean of the squared components of δ?",
        "The matrix multiplies it by the gain squared, the slopes by the mean of their squares.",
        "The gain squared times np.mean(slopes**2) must be 1. Solve for the gain.",
    ),
)

TUNE_GAIN = Tuning(
    id="chain/tune-gain",
    title="Keep a gradient alive through 50 layers",
    question="Going backward, each of 50 layers multiplies the gradient by a matrix of Gaussian "
    "entries with standard deviation gain/sqrt(128), and then each component by a slope of its "
    "own, uniform between 0 and 1. Choose the gain so that the gradient that reaches layer 1 is "
    "between 1/20 and 20 times the one that left layer 50.",
    answers=("gain",),
    demo=lambda: SLOPED_CHAIN,
    measure=lambda seed, gain: float(sloped_chain_norms(gain, seed)[0]),
    low=0.05,
    high=20.0,
    quantity="The gradient at layer 1, over that at layer 50,",
    reference={"gain": 1.74},
    misconceptions=(
        NamedValue(
            "the slopes forgotten",
            {"gain": 1.0},
            "A gain of 1 keeps the length through the matrices, but every slope is below 1 and "
            "takes its share. Ask what the slopes do to a squared length.",
        ),
        NamedValue(
            "one over the mean slope",
            {"gain": 2.0},
            "You made up for the mean slope, 1/2. A length is a root of a sum of squares: the "
            "mean of the squared slope counts, and that is 1/3, not 1/4.",
        ),
        NamedValue(
            "one over the typical slope",
            {"gain": 2.72},
            "You averaged the logarithm of the slopes, right for a chain of single numbers. Here "
            "each layer sums the squares of 128 components: their mean counts, 1/3.",
        ),
    ),
    hints=(
        "Move the gain and watch the left end of the line. A straight line on a log axis: what is "
        "its factor per layer?",
        "A layer multiplies the squared length by gain squared, times the mean of the squared "
        "slope.",
        "The mean of u squared for u uniform between 0 and 1 is 1/3, so the gain is near the "
        "square root of 3.",
    ),
    points=1.0,
    below="The gradient that reaches layer 1 is too small: each layer loses a little.",
    above="The gradient that reaches layer 1 is too large: each layer gains a little.",
)

# ── A choice ─────────────────────────────────────────────────────────────────────────────────────


def _measure_eigenvalues():
    """Alternate two matrices, each with both eigenvalues 0.5, and look at the product."""
    first = np.array([[0.5, 3.0], [0.0, 0.5]])
    product = np.linalg.matrix_power(first.T @ first, 10)
    radii = [np.abs(np.linalg.eigvals(m)).max() for m in (first, first.T)]
    inside = max(radii) < 1.0
    return "may-grow" if inside and np.linalg.norm(product, 2) > 1e3 else "vanishes"


EIGENVALUES = Choice(
    id="chain/eigenvalues",
    title="All eigenvalues below 1",
    question="Every factor of a long matrix product has all its eigenvalues inside the unit "
    "circle, |eigenvalue| < 1. The factors differ from each other. What can you say about the "
    "product?",
    answer="eigenvalues",
    options=(
        Option(
            "vanishes",
            "It vanishes.",
            "That is true when all factors are the same matrix. Different factors need not share "
            "eigenvectors, and then the eigenvalues of a factor do not multiply.",
        ),
        Option(
            "may-grow",
            "It may grow without bound.",
            "Yes. Two matrices with both eigenvalues 0.5, taken in turn, make a product that "
            "grows at every turn.",
        ),
        Option(
            "bounded",
            "It may grow for a while, but must vanish in the end.",
            "That is the transient growth of powers of one matrix. With different factors the "
            "growth can be renewed at every step.",
        ),
    ),
    measure=_measure_eigenvalues,
    explain="A = [[0.5, 3], [0, 0.5]] and its transpose have both eigenvalues at 0.5. Taken in "
    "turn, ten times each, they make a product of norm about 6e9. The exponents of the product "
    "decide, and eigenvalues of single factors do not give them.",
    hints=(
        "Eigenvalues multiply when the factors share eigenvectors. Do they here?",
        "Try two triangular matrices, one upper and one lower, with small diagonals.",
        "A = [[0.5, 3], [0, 0.5]]: what are the eigenvalues of A, and of A.T @ A?",
    ),
    points=1.0,
)
