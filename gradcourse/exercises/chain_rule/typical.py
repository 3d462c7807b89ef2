"""Assignment 01: the typical size of a random product."""

from __future__ import annotations

import math

import numpy as np

from gradcourse.checking.question import CodeExercise, NamedValue, Part, Prediction, asks


def lyapunov(factors):
    """Mean of log |factor|: the product's typical rate per factor."""
    return float(np.mean(np.log(np.abs(factors))))


def _log_of_product(factors):
    with np.errstate(all="ignore"):
        return float(np.log(np.abs(np.prod(factors))) / len(factors))


def _no_absolute_value(factors):
    with np.errstate(all="ignore"):
        return float(np.mean(np.log(factors)))


def _sum(factors):
    return float(np.sum(np.log(np.abs(factors))))


def _short_positive(rng):
    return [(rng.uniform(0.3, 2.0, size=int(rng.integers(20, 50))),) for _ in range(5)]


def _long(rng):
    return [(rng.uniform(0.1, 1.0, size=10_000),) for _ in range(2)]


def _negative(rng):
    return [(rng.normal(0.0, 1.5, size=int(rng.integers(20, 50))),) for _ in range(5)]


LYAPUNOV = CodeExercise(
    id="chain/lyapunov",
    title="Lyapunov exponent in the log domain",
    functions=asks(
        lyapunov,
        "a float",
        {
            "log of the mean": (
                lambda factors: float(np.log(np.mean(np.abs(factors)))),
                "You took the logarithm of the mean factor. That is the rate of the mean "
                "product, which a few huge chains decide; the typical product follows the "
                "mean of the logarithms.",
            ),
            "log of the product": (
                _log_of_product,
                "You multiplied first and took the logarithm afterwards. A long product "
                "underflows to 0 before you look at it: add logarithms instead.",
            ),
            "log of a product that is 0": (
                lambda factors: math.log(abs(float(np.prod(factors)))) / len(factors),
                "You multiplied first. A long product underflows to 0, and math.log refuses "
                "a 0: add the logarithms of the factors instead.",
            ),
            "no absolute value": (
                _no_absolute_value,
                "You took the logarithm of negative factors, which is NaN. A sign does not "
                "change the size of a product: use the absolute value.",
            ),
            "negative factors left out": (
                lambda factors: float(np.mean(np.log(factors[factors > 0]))),
                "You left out the negative factors. They stretch or shrink the product as "
                "the others do: take their absolute value.",
            ),
            "the sign": (
                lambda factors: -lyapunov(factors),
                "Your exponent has the other sign. A product that shrinks has an exponent below 0.",
            ),
            "absolute value at the end": (
                lambda factors: abs(lyapunov(factors)),
                "You took the absolute value of the exponent. It belongs to the factors: a "
                "product that shrinks has an exponent below 0.",
            ),
            "absolute value of each logarithm": (
                lambda factors: float(np.mean(np.abs(np.log(np.abs(factors))))),
                "You took the absolute value of each logarithm. A factor below 1 shrinks the "
                "product: its logarithm counts as negative.",
            ),
            "sum instead of mean": (
                _sum,
                "You returned the logarithm of the whole product. The exponent is a rate per "
                "factor: divide by their number.",
            ),
            "divided by L - 1": (
                lambda factors: _sum(factors) / (len(factors) - 1),
                "You divided by one less than the number of factors. A mean over L factors "
                "divides by L.",
            ),
            "base ten": (
                lambda factors: float(np.mean(np.log10(np.abs(factors)))),
                "You used log10. The exponent is defined with the natural logarithm, so that "
                "the typical product is exp(L * exponent).",
            ),
            "base two": (
                lambda factors: float(np.mean(np.log2(np.abs(factors)))),
                "You used log2. The exponent is defined with the natural logarithm, so that "
                "the typical product is exp(L * exponent).",
            ),
            "the growth factor itself": (
                lambda factors: float(np.exp(lyapunov(factors))),
                "You returned the typical factor, exp of the exponent. The exponent is its "
                "logarithm.",
            ),
            "log of the median factor": (
                lambda factors: float(np.log(np.median(np.abs(factors)))),
                "You took the logarithm of the median factor. Every factor enters the "
                "product, not only the middle one: average the logarithms.",
            ),
        },
    ),
    parts=(
        Part(
            title="5 short products of positive factors",
            points=0.25,
            cases=_short_positive,
            example=(np.array([0.5, 0.5, 2.0, 4.0]),),
            atol=1e-6,
            look_at="Four factors 0.5, 0.5, 2, 4: the product is 2, so the exponent is log(2)/4.",
        ),
        Part(
            title="10 000 factors whose product underflows",
            points=0.5,
            cases=_long,
            example=(np.tile([0.25, 1.0], 5000),),
            atol=1e-6,
            look_at="The product of these factors is 0 in float64. Their logarithms are harmless.",
        ),
        Part(
            title="5 products with negative factors",
            points=0.25,
            cases=_negative,
            example=(np.array([-2.0, 0.5, 3.0]),),
            atol=1e-6,
            look_at="Only the size of a factor counts.",
        ),
    ),
    hints=(
        "The logarithm of a product is the sum of the logarithms.",
        "Never form the product. Take the logarithm of each factor's absolute value first.",
        "np.log(np.abs(factors)) has one number per factor. Their sum belongs to the whole "
        "product: what makes a rate per factor of it?",
    ),
)


def _measure_typical():
    factors = np.random.default_rng(0).uniform(0.0, 2.0, size=(20_000, 50))
    return float(np.exp(np.median(np.log(factors).sum(axis=1))))


TYPICAL_PRODUCT = Prediction(
    id="chain/typical-product",
    title="The typical product",
    question="Each of 50 factors is drawn uniformly between 0 and 2, so their mean is exactly 1. "
    "What is the median of their product, over 20,000 such chains?",
    answer="typical_product",
    measure=_measure_typical,
    within=5.0,
    low=1e-18,
    high=1e12,
    explain="The mean of log r is log 2 - 1 = -0.307 for r uniform between 0 and 2, so the typical "
    "product of 50 is exp(-15.3), about 2e-7. The mean of the product is 1 all the same.",
    misconceptions=(
        NamedValue(
            "the mean product",
            1.0,
            "That is the mean of the product, 1 to the power 50. A few huge chains carry it; the "
            "median chain is far below: average log r, not r.",
        ),
        NamedValue(
            "a half in each factor",
            0.5**50,
            "You took ½ for a typical factor. Half of the factors lie below 1, but the typical "
            "one is e to the mean of log r.",
        ),
        NamedValue(
            "one factor only",
            math.exp(math.log(2) - 1),
            "That is about the size of one typical factor, e to the mean of log r. The product has "
            "50 of them.",
        ),
        NamedValue(
            "root mean square",
            (4 / 3) ** 25,
            "That is the root mean square of the product. Squares weigh the rare large chains "
            "even more than the mean does: average log r.",
        ),
        NamedValue(
            "the decimal logarithm taken for the natural one",
            10 ** (50 * (math.log(2) - 1)),
            "You raised 10 to a natural logarithm. The typical product is e to the power "
            "50 times the mean of log r.",
        ),
    ),
    hints=(
        "Half of all chains lie below the median. Which average of r does the median follow?",
        "The mean of log r for r uniform between 0 and 2 is an integral you can do: "
        "half the integral of log r from 0 to 2.",
        "It is log 2 - 1 = -0.307 per factor. Multiply by 50 and exponentiate.",
    ),
    points=2.0,
)
