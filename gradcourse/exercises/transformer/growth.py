"""√L by measurement: the exponent of a power law, from networks that scatter."""

from __future__ import annotations

import numpy as np

from gradcourse.checking.question import CodeExercise, Part, asks


def _slope(x, y):
    x, y = x - np.mean(x), y - np.mean(y)
    return float((x @ y) / (x @ x))


def growth_exponent(depths, ratios):
    """The p of median ratio ∝ L^p: slope of log median against log L."""
    return _slope(np.log(depths), np.log(np.median(ratios, axis=0)))


def _measurements(rng):
    found = []
    for power in (0.5, 1.0, 0.25):
        depths = 2.0 ** np.sort(rng.choice(np.arange(1, 8), size=5, replace=False))
        scatter = np.exp(0.7 * np.abs(rng.normal(size=(7, 5))))
        found.append((depths, rng.uniform(0.5, 2.0) * depths**power * scatter))
    return found


EXPONENT = CodeExercise(
    id="transformer/exponent",
    title="√L by measurement",
    functions=asks(
        growth_exponent,
        "a float",
        {
            "no logarithms": (
                lambda depths, ratios: _slope(depths, np.median(ratios, axis=0)),
                "You fitted a straight line to the ratio itself. A power law is a straight line "
                "in log against log, and its slope is the exponent.",
            ),
            "the depth as it is": (
                lambda depths, ratios: _slope(depths, np.log(np.median(ratios, axis=0))),
                "You took the logarithm of the ratio only. That is the rate of an exponential; a "
                "power law needs log L too.",
            ),
            "the intercept": (
                lambda depths, ratios: float(
                    np.polyfit(np.log(depths), np.log(np.median(ratios, axis=0)), 1)[1]
                ),
                "You returned where the line begins, log c of c L^p. The exponent is its slope.",
            ),
            "the axes exchanged": (
                lambda depths, ratios: _slope(np.log(np.median(ratios, axis=0)), np.log(depths)),
                "You fitted log L against the log of the ratio. The ratio is what depends on L.",
            ),
            "the mean over the networks": (
                lambda depths, ratios: _slope(np.log(depths), np.log(np.mean(ratios, axis=0))),
                "You took the mean over the networks, which one large ratio rules. Use the median.",
            ),
            "the median of the slopes": (
                lambda depths, ratios: float(
                    np.median([_slope(np.log(depths), np.log(each)) for each in ratios])
                ),
                "You fitted a line to each network and took the median of the slopes. Take the "
                "median of the ratios first, and fit one line to it.",
            ),
            "one line through the two ends": (
                lambda depths, ratios: float(
                    np.log(np.median(ratios, axis=0)[-1] / np.median(ratios, axis=0)[0])
                    / np.log(depths[-1] / depths[0])
                ),
                "You used the two ends only. Least squares uses every depth.",
            ),
        },
    ),
    parts=(
        Part(
            title="three sets of 7 networks at 5 depths",
            points=1.0,
            cases=_measurements,
            example=(np.array([1.0, 4.0, 16.0]), np.array([[1.0, 2.0, 4.0], [3.0, 6.0, 12.0]])),
            look_at="In the example each network doubles while L is multiplied by 4: p = ½.",
        ),
    ),
    hints=(
        "If r = c L^p, what is log r?",
        "The median over axis 0 first, then a least-squares line through log median against log L.",
        "np.polyfit(np.log(depths), np.log(np.median(ratios, axis=0)), 1)[0].",
    ),
)
