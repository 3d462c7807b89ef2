"""Assignment 01: how many random matrices make a line of a sphere."""

from __future__ import annotations

import math

import numpy as np
from scipy.special import digamma

from gradcourse.checking.question import CodeExercise, Part, asks


def _exponent(n, i):
    """λ_i of products of n × n Gaussian matrices with entries of variance 1/n (Newman 1986)."""
    return 0.5 * (math.log(2 / n) + digamma((n - i + 1) / 2))


def _layers(share, gap):
    return math.ceil(math.log(share) / -gap)


def layers_to_a_line(n, share):
    """How many factors it takes until typically σ₂/σ₁ < share."""
    return _layers(share, _exponent(n, 1) - _exponent(n, 2))


def _random(rng):
    widths = rng.permutation(np.arange(3, 40))[:5]
    return [(int(n), float(10.0 ** rng.uniform(-8, -2))) for n in widths]


LAYERS_TO_A_LINE = CodeExercise(
    id="chain/layers-to-a-line",
    title="When is the product a line?",
    functions=asks(
        layers_to_a_line,
        "an int",
        {
            "the weakest in place of the second": (
                lambda n, share: _layers(share, _exponent(n, 1) - _exponent(n, n)),
                "You compared the strongest direction with the weakest. The product is a line when "
                "the second one is small beside the first.",
            ),
            "the half forgotten": (
                lambda n, share: _layers(share, 2 * (_exponent(n, 1) - _exponent(n, 2))),
                "You left out the ½ of Newman's formula. It is there because the length, and not "
                "its square, grows like e^(λL).",
            ),
            "i counted from 0": (
                lambda n, share: _layers(share, _exponent(n, 0) - _exponent(n, 1)),
                "You counted i from 0. The strongest direction is i = 1: ψ has n/2 for it, and "
                "(n − 1)/2 for the second.",
            ),
            "the gap of a wide matrix": (
                lambda n, share: _layers(share, 1 / (2 * n)),
                "You took 1/(2n) for λ₁ − λ₂. It comes near that in wide matrices only: put "
                "i = 1 and i = 2 into Newman's formula.",
            ),
            "decimal logarithm": (
                lambda n, share: math.ceil(
                    math.log10(share) / -(_exponent(n, 1) - _exponent(n, 2))
                ),
                "You took log10 of the share. The exponents are natural logarithms, so the share "
                "must be one, too.",
            ),
            "rounded down": (
                lambda n, share: layers_to_a_line(n, share) - 1,
                "You are one short: at this number of layers the ratio is still above the share.",
            ),
            "not rounded": (
                lambda n, share: math.log(share) / (_exponent(n, 2) - _exponent(n, 1)),
                "There the ratio equals the share. A number of matrices is whole: round up.",
            ),
            "the sign of the logarithm": (
                lambda n, share: math.ceil(math.log(share) / (_exponent(n, 1) - _exponent(n, 2))),
                "Your number is negative: log(share) is below 0, and so is λ₂ − λ₁, the rate of "
                "the ratio. Their quotient is positive.",
            ),
            "digamma of the whole, not of the half": (
                lambda n, share: _layers(share, 0.5 * (digamma(n) - digamma(n - 1))),
                "You put n − i + 1 into ψ. Its half belongs there: ψ((n − i + 1)/2).",
            ),
        },
    ),
    parts=(
        Part(
            title="5 random widths",
            points=2.0,
            cases=_random,
            example=(3, 1e-3),
            look_at="The ratio σ₂/σ₁ is typically e to the power (λ₂ − λ₁) L. Solve for L.",
        ),
    ),
    hints=(
        "σ_i grows like e to the power λ_i L. How does σ₂/σ₁ change with L?",
        "In λ₁ − λ₂ the logarithms cancel: ½ (ψ(n/2) − ψ((n − 1)/2)), the factor per layer.",
        "The smallest L with (λ₁ − λ₂) L > −log(share). scipy.special.digamma is ψ, and math.ceil "
        "rounds up.",
    ),
)
