"""The share of a layer's units that are saturated."""

from __future__ import annotations

import numpy as np

from gradcourse.checking.question import CodeExercise, Part, asks
from gradcourse.exercises.saturation.bounds import largest
from gradcourse.theory import sigmoid

SHARE_OF_MAXIMUM = 0.05


def _slope(a, activation):
    """φ′ from the activation a = φ(z)."""
    a = np.asarray(a, dtype=np.float64)
    return a - a**2 if activation == "sigmoid" else 1.0 - a**2


def saturated_fraction(a, activation):
    """Share of the activations whose slope is below 5 % of the largest slope."""
    return float(np.mean(_slope(a, activation) < SHARE_OF_MAXIMUM * largest(activation)))


def _layers(activation):
    def cases(rng):
        made = []
        for shape in ((40, 50), (60, 30)):
            z = rng.normal(rng.uniform(0.3, 0.8), rng.uniform(2.0, 5.0), shape)
            made.append((sigmoid(z) if activation == "sigmoid" else np.tanh(z), activation))
        # No unit near the steepest place: the largest slope is the activation's, not theirs.
        z = rng.uniform(2.0, 5.5, 30) / (1.0 if activation == "sigmoid" else 2.0)
        made.append((sigmoid(z) if activation == "sigmoid" else np.tanh(z), activation))
        return made

    return cases


SATURATED_FRACTION = CodeExercise(
    id="saturation/saturated-fraction",
    title="The share of saturated units",
    functions=asks(
        saturated_fraction,
        "a float between 0 and 1",
        {
            "0.05 as an absolute slope": (
                lambda a, act: float(np.mean(_slope(a, act) < SHARE_OF_MAXIMUM)),
                "You compared the slope with 0.05. It is 5 % of the largest slope, and that "
                "is ¼ for σ: the threshold is 0.0125 there.",
            ),
            "5 % of the largest slope among the entries": (
                lambda a, act: float(
                    np.mean(_slope(a, act) < SHARE_OF_MAXIMUM * _slope(a, act).max())
                ),
                "You compared with the largest slope that you were given. The activation's "
                "largest slope is meant: ¼ for σ, 1 for tanh, also where no unit reaches it.",
            ),
            "one end only": (
                lambda a, act: float(
                    np.mean(
                        (_slope(a, act) < SHARE_OF_MAXIMUM * largest(act))
                        & (np.asarray(a) > (0.5 if act == "sigmoid" else 0.0))
                    )
                ),
                "You counted the units at the upper end only. A unit at the lower end is as "
                "flat: look at the slope, not at the size of a.",
            ),
            "the healthy share": (
                lambda a, act: 1.0 - saturated_fraction(a, act),
                "You counted the units that are not saturated. Look at the direction of your "
                "comparison.",
            ),
            "a taken for a pre-activation": (
                lambda a, act: float(
                    np.mean(
                        _slope(sigmoid(a) if act == "sigmoid" else np.tanh(a), act)
                        < SHARE_OF_MAXIMUM * largest(act)
                    )
                ),
                "You applied the activation once more. `a` is already the output of the unit: "
                "its slope is a − a² for σ and 1 − a² for tanh.",
            ),
            "a count instead of a share": (
                lambda a, act: saturated_fraction(a, act) * np.size(a),
                "You counted the saturated entries. Divide by how many entries there are: "
                "np.mean of the comparison does both.",
            ),
            "a share of each column": (
                lambda a, act: np.mean(_slope(a, act) < SHARE_OF_MAXIMUM * largest(act), axis=0),
                "You returned a share for each column. One number is asked, over all "
                "entries: np.mean without an axis.",
            ),
            "a yes or no for each entry": (
                lambda a, act: _slope(a, act) < SHARE_OF_MAXIMUM * largest(act),
                "You returned True or False for each entry. The share is the mean of them.",
            ),
            "the mean slope": (
                lambda a, act: float(np.mean(_slope(a, act))),
                "You returned the mean of the slopes. Ask of each slope whether it is below "
                "5 % of the largest, and count.",
            ),
            "a threshold on the activation": (
                lambda a, act: float(np.mean(np.abs(a) > 0.95)),
                "You compared the activation with 0.95. The definition is about the slope, "
                "and a sigmoid near 0 is as flat as one near 1.",
            ),
            "5 % from the ends": (
                lambda a, act: float(
                    np.mean(np.abs(a) > 0.95)
                    if act == "tanh"
                    else np.mean((np.asarray(a) < 0.05) | (np.asarray(a) > 0.95))
                ),
                "You compared the activation with both its ends. The definition is about the "
                "slope: at a = 0.95 that of σ is still 19 % of its largest.",
            ),
            "per cent instead of a share": (
                lambda a, act: 100.0 * saturated_fraction(a, act),
                "You returned per cent. The share is a number between 0 and 1.",
            ),
            "the two rules swapped": (
                lambda a, act: float(
                    np.mean(
                        _slope(a, "tanh" if act == "sigmoid" else "sigmoid")
                        < SHARE_OF_MAXIMUM * largest(act)
                    )
                ),
                "You used the slope of the other activation. It is a − a² for σ and 1 − a² "
                "for tanh.",
            ),
            "tanh's rule for both": (
                lambda a, act: saturated_fraction(a, "tanh"),
                "You used the slope and the threshold of tanh for σ, too. The slope of σ is "
                "a − a², and its largest is ¼.",
            ),
            "σ's rule for both": (
                lambda a, act: saturated_fraction(a, "sigmoid"),
                "You used the slope and the threshold of σ for tanh, too. The slope of tanh "
                "is 1 − a², and its largest is 1.",
            ),
        },
    ),
    parts=(
        Part(
            title="3 random layers of σ units",
            points=1.0,
            cases=_layers("sigmoid"),
            example=(np.array([[0.5, 0.99], [0.97, 0.005]]), "sigmoid"),
            look_at="Print the slopes of the small example, and the threshold beside them.",
        ),
        Part(
            title="3 random layers of tanh units",
            points=1.0,
            cases=_layers("tanh"),
            example=(np.array([[0.0, 0.99], [0.96, -0.98]]), "tanh"),
            look_at="Print the slopes of the small example, and the threshold beside them.",
        ),
    ),
    hints=(
        "You have the activations, not the pre-activations. The slope can be had from a alone.",
        "Compute all slopes as one array, compare it with 5 % of the largest slope, and take the "
        "mean of the True values.",
        "The slopes are a − a² for σ and 1 − a² for tanh. The threshold is 0.05 times the largest "
        "slope, which is ¼ for σ and 1 for tanh.",
    ),
)
