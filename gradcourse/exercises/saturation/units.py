"""The slopes of σ and tanh."""

from __future__ import annotations

import numpy as np

from gradcourse.checking.question import CodeExercise, Part, asks
from gradcourse.theory import sigmoid, slope

# ---------------------------------------------------------------- the two slopes


def sigmoid_prime(z):
    """σ′(z) = σ(z)(1 − σ(z))."""
    return slope("sigmoid", z)


def tanh_prime(z):
    """tanh′(z) = 1 − tanh²(z)."""
    return slope("tanh", z)


def _sigmoid_quotient(z):
    with np.errstate(over="ignore", invalid="ignore"):
        return np.exp(-z) / (1.0 + np.exp(-z)) ** 2


def _tanh_quotient(z):
    with np.errstate(over="ignore", invalid="ignore"):
        up, down = np.exp(z), np.exp(-np.asarray(z))
        return 1.0 - ((up - down) / (up + down)) ** 2


def _near_zero(rng):
    return [(rng.uniform(-4.0, 4.0, shape),) for shape in (5, (3, 4), (2, 2, 3))]


def _far_out(rng):
    far = rng.uniform(720.0, 800.0, 3)
    return [(np.concatenate([rng.uniform(-3.0, 3.0, 3), far, -far]),) for _ in range(2)]


SLOPES = CodeExercise(
    id="saturation/slopes",
    title="The slopes of σ and tanh",
    functions=(
        asks(
            sigmoid_prime,
            "an array with the shape of z",
            {
                "tanh's rule on σ": (
                    lambda z: 1.0 - sigmoid(z) ** 2,
                    "You computed 1 − σ(z)². That rule belongs to tanh. Compare your value at "
                    "z = 0 with the steepest tangent that σ has.",
                ),
                "z taken for an activation": (
                    lambda z: z * (1.0 - z),
                    "You computed z(1 − z). The rule a(1 − a) wants the activation a = σ(z), "
                    "not the pre-activation. Look at what your function receives.",
                ),
                "the square is missing": (
                    lambda z: 1.0 - sigmoid(z),
                    "You returned 1 − σ(z), which is e^(−z)/(1 + e^(−z)). The denominator is "
                    "squared: the other factor of the slope is σ(z).",
                ),
                "the value instead of the slope": (
                    sigmoid,
                    "You returned σ(z) itself. The slope is a different curve: it is a bump that "
                    "goes to 0 on both sides.",
                ),
                "a clamp at 10": (
                    lambda z: slope("sigmoid", np.clip(z, -10.0, 10.0)),
                    "You clamped z at ±10. There the slope is 5e-5 and not 0: it goes on "
                    "falling. Clamp much further out, or write it so that nothing overflows.",
                ),
                "half of tanh's slope": (
                    lambda z: 2.0 * slope("sigmoid", z),
                    "Yours is twice too large. σ(z) = (1 + tanh(z/2))/2 has a ½ in front and "
                    "another one inside.",
                ),
                "∞ divided by ∞": (
                    _sigmoid_quotient,
                    "Your formula is right on paper, but e^(−z) overflows for z below −710 and "
                    "∞/∞ is NaN. Write the slope with σ(z) alone, or make the exponent negative.",
                ),
            },
        )
        + asks(
            tanh_prime,
            "an array with the shape of z",
            {
                "σ's rule on tanh": (
                    lambda z: np.tanh(z) * (1.0 - np.tanh(z)),
                    "You computed a(1 − a) with a = tanh(z). That rule belongs to σ. Look at "
                    "z = 0: tanh is steepest there, yours is 0.",
                ),
                "z taken for an activation": (
                    lambda z: 1.0 - np.asarray(z) ** 2,
                    "You computed 1 − z². The rule 1 − a² wants the activation a = tanh(z). A "
                    "slope of tanh is never negative; look at yours for z = 2.",
                ),
                "the square is missing": (
                    lambda z: 1.0 - np.tanh(z),
                    "You computed 1 − tanh(z). The square is missing. tanh′ is the same at z and "
                    "at −z; compare yours at 1 and −1.",
                ),
                "the value instead of the slope": (
                    lambda z: np.tanh(z),
                    "You returned tanh(z) itself. Its slope is a bump that is 1 at z = 0 and "
                    "goes to 0 on both sides.",
                ),
                "σ's slope at 2z": (
                    lambda z: slope("sigmoid", 2.0 * np.asarray(z)),
                    "You took the slope of σ at 2z. tanh(z) = 2σ(2z) − 1: the chain rule brings "
                    "two more factors of 2.",
                ),
                "cos in place of cosh": (
                    lambda z: 1.0 / np.cos(z) ** 2,
                    "You divided by cos². The hyperbolic one is meant: 1/cosh²(z) is never above "
                    "1.",
                ),
                "∞ divided by ∞": (
                    _tanh_quotient,
                    "Your formula is right on paper, but e^z overflows for |z| above 710 and "
                    "∞/∞ is NaN. `np.tanh` has no such trouble.",
                ),
            },
        )
    ),
    parts=(
        Part(
            title="sigmoid_prime on 3 random arrays, |z| ≤ 4",
            points=0.5,
            cases=_near_zero,
            function="sigmoid_prime",
            example=(np.array([-2.0, 0.0, 2.0]),),
            look_at="At z = 0 the answer is ¼, and it is the same at z and −z.",
        ),
        Part(
            title="tanh_prime on 3 random arrays, |z| ≤ 4",
            points=0.5,
            cases=_near_zero,
            function="tanh_prime",
            example=(np.array([-2.0, 0.0, 2.0]),),
            look_at="At z = 0 the answer is 1, and it is the same at z and −z.",
        ),
        Part(
            title="sigmoid_prime with |z| up to 800",
            points=0.5,
            cases=_far_out,
            function="sigmoid_prime",
            example=(np.array([-800.0, 800.0, 1.0]),),
            look_at="Both tails go to 0. A NaN comes from ∞/∞ or ∞ − ∞; find the e^(…) that "
            "overflows.",
        ),
        Part(
            title="tanh_prime with |z| up to 800",
            points=0.5,
            cases=_far_out,
            function="tanh_prime",
            example=(np.array([-800.0, 800.0, 1.0]),),
            look_at="Both tails go to 0. A NaN comes from ∞/∞ or ∞ − ∞; find the e^(…) that "
            "overflows.",
        ),
    ),
    hints=(
        "Both slopes can be written with the activation alone. Which two expressions are 0 where "
        "the curve is flat?",
        "For σ the flat ends are a = 0 and a = 1; for tanh they are a = −1 and a = 1. Overflow is "
        "avoided when every exponent is negative.",
        "With a = σ(z), computed as e^(−|z|) over 1 + e^(−|z|) where z < 0 and 1 over it "
        "elsewhere: a·(1 − a). With a = np.tanh(z): 1 − a².",
    ),
)


# ---------------------------------------------------------------- the logarithm of a slope


def log_sigmoid_prime(z):
    """log σ′(z) = −|z| − 2 log(1 + e^(−|z|))."""
    size = np.abs(np.asarray(z, dtype=np.float64))
    return -size - 2.0 * np.log1p(np.exp(-size))


def _log_of_zero(z):
    with np.errstate(divide="ignore"):
        return np.log(slope("sigmoid", z))


def _overflows_on_the_left(z):
    with np.errstate(over="ignore", invalid="ignore"):
        return -np.asarray(z) - 2.0 * np.log1p(np.exp(-np.asarray(z)))


_FLOORS = (1e-8, 1e-10, 1e-12, 1e-16, 1e-30, 1e-300)
"""Usual ones; far out the result is the floor's logarithm, so each is a slip of its own."""

LOG_SLOPE = CodeExercise(
    id="saturation/log-slope",
    title="The logarithm of a slope",
    functions=asks(
        log_sigmoid_prime,
        "an array with the shape of z",
        {
            "the logarithm of 0": (
                _log_of_zero,
                "You took the logarithm of σ′(z). At |z| = 800 the slope is below the smallest "
                "float64 and becomes 0. Take the logarithm on paper first.",
            ),
            "e^(−z) overflows": (
                _overflows_on_the_left,
                "Your formula is right for z ≥ 0. For z = −800 it needs e^800, which is infinite. "
                "σ′ is the same at z and at −z: use |z|.",
            ),
            **{
                f"a floor of {floor:.0e}": (
                    lambda z, floor=floor: np.log(np.maximum(slope("sigmoid", z), floor)),
                    f"You put a floor of {floor:.0e} under the slope. The result is finite and "
                    "wrong: log σ′(−800) is near −800. Take the logarithm on paper first.",
                )
                for floor in _FLOORS
            },
            "one factor of the two": (
                lambda z: log_sigmoid_prime(z) / 2.0 - np.abs(z) / 2.0,
                "You have log σ(−|z|). The slope is σ(z)·σ(−z), two factors: their logarithms add.",
            ),
            "the logarithm of σ itself": (
                lambda z: np.minimum(z, 0.0) - np.log1p(np.exp(-np.abs(z))),
                "You have log σ(z), of the activation. Asked is the slope, σ(z)·(1 − σ(z)): two "
                "factors, whose logarithms add.",
            ),
            "σ twice": (
                lambda z: log_sigmoid_prime(z) + z,
                "You have 2 log σ(z). The two factors of the slope differ: σ(z), and "
                "1 − σ(z) = σ(−z).",
            ),
            "−|z| alone": (
                lambda z: -np.abs(np.asarray(z, dtype=np.float64)),
                "That is right far out. Near 0 the slope is ¼, not 1: what is left of the formula "
                "there?",
            ),
            "the slope itself": (
                sigmoid_prime,
                "You returned σ′(z). Its logarithm is asked, which is a number below −1.3.",
            ),
            "base ten": (
                lambda z: log_sigmoid_prime(z) / np.log(10.0),
                "You used log10. The natural logarithm is asked.",
            ),
        },
    ),
    parts=(
        Part(
            title="2 random arrays, |z| up to 800",
            points=1.0,
            cases=_far_out,
            example=(np.array([-800.0, 0.0, 2.0]),),
            look_at="At z = 0 the answer is log ¼ = −1.386, at |z| = 800 it is −800.",
        ),
    ),
    hints=(
        "A product of 100 slopes leaves float64; a sum of 100 logarithms does not. Which function "
        "of z is never small?",
        "σ′(z) = e^(−|z|) / (1 + e^(−|z|))². What is the logarithm of that?",
        "−|z| − 2·log(1 + e^(−|z|)); np.log1p(x) is log(1 + x).",
    ),
)
