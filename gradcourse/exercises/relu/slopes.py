"""PReLU by hand, forwards and backwards."""

from __future__ import annotations

import numpy as np

from gradcourse.checking.question import CodeExercise, Part, asks


def prelu(z, a):
    """Return z where it is positive, and a·z elsewhere."""
    return np.where(z > 0, z, a * z)


def prelu_backward(z, a, upstream):
    """∂ℒ/∂z and ∂ℒ/∂a, from ∂ℒ/∂h."""
    return [
        upstream * np.where(z > 0, 1.0, a),
        float(np.sum(upstream * np.where(z > 0, 0.0, z))),
    ]


def _by_upstream_sign(z, a, upstream):
    return [
        upstream * np.where(upstream > 0, 1.0, a),
        float(np.sum(upstream * np.where(upstream > 0, 0.0, z))),
    ]


def _with_slope_gradient(slope_gradient):
    """prelu_backward with another ∂ℒ/∂a: from z (negative part) and the upstream gradient."""

    def answer(z, a, upstream):
        return [prelu_backward(z, a, upstream)[0], slope_gradient(z, upstream)]

    return answer


def _signs_and_slopes(rng):
    made = []
    for shape, a in (
        ((6,), rng.uniform(0.1, 0.4)),
        ((4, 5), rng.uniform(1.5, 3.0)),
        ((3, 4), -rng.uniform(0.2, 0.9)),
    ):
        z = rng.uniform(0.2, 2.0, shape) * rng.choice([-1.0, 1.0], shape)
        z.flat[:3] = (-abs(z.flat[0]), abs(z.flat[1]), 0.0)
        made.append((z, float(a)))
    return made


def _forward_cases(rng):
    return list(_signs_and_slopes(rng))


def _backward_cases(rng):
    made = []
    for z, a in _signs_and_slopes(rng):
        upstream = rng.uniform(0.3, 1.5, z.shape) * rng.choice([-1.0, 1.0], z.shape)
        upstream.flat[:2] = (abs(upstream.flat[0]), -abs(upstream.flat[1]))
        made.append((z, a, upstream))
    return made


PRELU = CodeExercise(
    id="relu/prelu",
    title="PReLU, forwards and backwards",
    functions=(
        asks(
            prelu,
            "an array with the shape of z",
            {
                "the larger of z and a·z": (
                    lambda z, a: np.maximum(z, a * z),
                    "You took the larger of z and a·z. That is PReLU only for 0 ≤ a ≤ 1, and "
                    "training may leave that range. Look at a = 2.",
                ),
                "the sides exchanged": (
                    lambda z, a: np.where(z > 0, a * z, z),
                    "You put the slope a on the positive side. PReLU leaves z > 0 as it is.",
                ),
                "a constant on the negative side": (
                    lambda z, a: np.where(z > 0, z, a),
                    "You returned a itself for z < 0. It is a slope: the output there is a·z.",
                ),
                "ReLU": (
                    lambda z, a: np.maximum(z, 0.0),
                    "That is ReLU: your answer does not depend on a. For z < 0 the output is a·z.",
                ),
                "the size of z on the negative side": (
                    lambda z, a: np.where(z > 0, z, a * np.abs(z)),
                    "Your output is a·|z| for z < 0. With a > 0 PReLU is negative there: a·z.",
                ),
                "the slope instead of the value": (
                    lambda z, a: np.where(z > 0, 1.0, a),
                    "You returned the slope of PReLU. Its value is z, or a·z.",
                ),
                "divided by a": (
                    lambda z, a: np.where(z > 0, z, z / a),
                    "You divided by a on the negative side. The slope there is a: multiply.",
                ),
                "a fixed leak": (
                    lambda z, a: np.where(z > 0, z, 0.01 * z),
                    "Your slope is 0.01, the default of a leaky ReLU. Use the argument a.",
                ),
            },
        )
        + asks(
            prelu_backward,
            "∂ℒ/∂z, an array with the shape of z, and ∂ℒ/∂a, a float",
            {
                "∂ℒ/∂a over the positive side": (
                    _with_slope_gradient(lambda z, g: float(np.sum(g * np.where(z > 0, z, 0.0)))),
                    "You summed over z > 0. There the output is z, and a does not appear: a "
                    "matters where z < 0.",
                ),
                "∂ℒ/∂a over both sides": (
                    _with_slope_gradient(lambda z, g: float(np.sum(g * z))),
                    "You summed over all entries. For z > 0 the output is z, and a does not "
                    "appear: those entries add nothing.",
                ),
                "∂ℒ/∂a from a·z": (
                    lambda z, a, g: [
                        prelu_backward(z, a, g)[0],
                        a * float(prelu_backward(z, a, g)[1]),
                    ],
                    "You multiplied by the output a·z. Its derivative with respect to a is z.",
                ),
                "upstream forgotten": (
                    lambda z, a, g: prelu_backward(z, a, np.ones_like(z)),
                    "Your answer does not depend on `upstream`. You have ∂h/∂z and ∂h/∂a; the "
                    "chain rule multiplies each by ∂ℒ/∂h.",
                ),
                "∂ℒ/∂a without z": (
                    _with_slope_gradient(lambda z, g: float(np.sum(g * np.where(z > 0, 0.0, 1.0)))),
                    "You summed ∂ℒ/∂h over z < 0. One factor is missing: the derivative of a·z "
                    "with respect to a is z.",
                ),
                "∂ℒ/∂a without upstream": (
                    _with_slope_gradient(lambda z, g: float(np.sum(np.where(z > 0, 0.0, z)))),
                    "Your ∂ℒ/∂a does not depend on `upstream`. The sum of z is Σ ∂h/∂a; each "
                    "term needs its ∂ℒ/∂h.",
                ),
                "∂ℒ/∂a with the wrong sign": (
                    _with_slope_gradient(lambda z, g: -float(np.sum(g * np.where(z > 0, 0.0, z)))),
                    "The sign of your ∂ℒ/∂a is turned around. z is negative on that side, and it "
                    "stays so.",
                ),
                "∂ℒ/∂a not summed": (
                    _with_slope_gradient(lambda z, g: g * np.where(z > 0, 0.0, z)),
                    "Your ∂ℒ/∂a is an array. There is one a for all entries, so its gradient is "
                    "the sum over all of them.",
                ),
                "∂ℒ/∂a as a mean": (
                    _with_slope_gradient(lambda z, g: float(np.mean(g * np.where(z > 0, 0.0, z)))),
                    "You took the mean. The chain rule adds up all paths from a to the loss: sum.",
                ),
                "∂ℒ/∂z of ReLU": (
                    lambda z, a, g: [g * (z > 0), prelu_backward(z, a, g)[1]],
                    "Your ∂ℒ/∂z is 0 for z < 0. That is ReLU's; PReLU has the slope a there.",
                ),
                "the slope at 0": (
                    lambda z, a, g: [
                        g * np.where(z >= 0, 1.0, a),
                        prelu_backward(z, a, g)[1],
                    ],
                    "Your slope at z = 0 is that of the positive side. Only z > 0 belongs there; 0 "
                    "itself is on the other.",
                ),
                "the slope alone": (
                    lambda z, a, g: [np.where(z > 0, g, a), prelu_backward(z, a, g)[1]],
                    "Where z < 0 your ∂ℒ/∂z is a alone. The chain rule multiplies it by ∂ℒ/∂h "
                    "there, too.",
                ),
                "the sign of h": (
                    lambda z, a, g: [
                        np.where(prelu(z, a) > 0, g, a * g),
                        float(np.sum(g * np.where(prelu(z, a) > 0, 0.0, z))),
                    ],
                    "You chose the side by the sign of h. With a < 0 the output is positive on "
                    "both sides: the sign of z decides.",
                ),
                "one answer of two": (
                    lambda z, a, g: prelu_backward(z, a, g)[0],
                    "You returned ∂ℒ/∂z only. Return both: ∂ℒ/∂z and ∂ℒ/∂a.",
                ),
                "the sign of the gradient": (
                    _by_upstream_sign,
                    "You chose the side by the sign of ∂ℒ/∂h. The slope belongs to the place "
                    "where the unit stands: the sign of z decides.",
                ),
                "the value instead of the slope": (
                    lambda z, a, g: [g * prelu(z, a), prelu_backward(z, a, g)[1]],
                    "You multiplied ∂ℒ/∂h by the value of PReLU. Backwards goes its slope, 1 or a.",
                ),
                "the two exchanged": (
                    lambda z, a, g: prelu_backward(z, a, g)[::-1],
                    "You returned the two in the wrong order: ∂ℒ/∂z first, then ∂ℒ/∂a.",
                ),
            },
        )
    ),
    parts=(
        Part(
            title="prelu on 3 random arrays, a below 0, between 0 and 1, above 1",
            points=1.0,
            cases=_forward_cases,
            function="prelu",
            example=(np.array([-2.0, 3.0]), 0.5),
            look_at="Compute both entries of the small example by hand.",
        ),
        Part(
            title="prelu_backward on 3 random arrays and gradients",
            points=2.0,
            cases=_backward_cases,
            function="prelu_backward",
            example=(np.array([-2.0, 3.0, -1.0]), 0.5, np.array([1.0, 1.0, -3.0])),
            atol=1e-5,
            look_at="Two derivatives of h: with respect to z it is 1 or a, with respect to a it "
            "is 0 or z.",
        ),
    ),
    hints=(
        "Write h for z > 0 and for z < 0. Differentiate each with respect to z, then with respect "
        "to a.",
        "∂h/∂z is 1 or a; ∂h/∂a is 0 or z. Multiply each by `upstream`. There is only one a, and "
        "all entries use it.",
        "np.where(z > 0, …, …) writes both slopes. For a: upstream times the second of them, "
        "summed over all entries.",
    ),
)
