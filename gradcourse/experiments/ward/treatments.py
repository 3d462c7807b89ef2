"""What can be done to a network: the same list for every one, each a change of the recipe."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from gradcourse.experiments.ward.recipe import Recipe
from gradcourse.support import GradcourseError, nearest


@dataclass(frozen=True)
class Treatment:
    """One thing to change.

    Attributes
    ----------
    key : str
        What one types: "lower the rate".
    text : str
        What is done.
    lesson : str
        Where it is explained.
    change : callable
        From a recipe to the treated one.
    """

    key: str
    text: str
    lesson: str
    change: Callable[[Recipe], Recipe]


def _initialize(recipe: Recipe) -> Recipe:
    return replace(recipe, init="matched", bias=0.0)


def _standardize(recipe: Recipe) -> Recipe:
    return replace(recipe, input_scale=1.0, input_shift=0.0, target_scale=1.0, target_shift=0.0)


def _remember(recipe: Recipe) -> Recipe:
    if not recipe.cell:
        return recipe
    return replace(recipe, init="matched", forget_bias=math.log(max(recipe.lag, 2)))


TREATMENTS: tuple[Treatment, ...] = (
    Treatment(
        "lower the rate",
        "Divide the learning rate by 100.",
        "01",
        lambda recipe: replace(recipe, rate=recipe.rate / 100),
    ),
    Treatment(
        "raise the rate",
        "Multiply the learning rate by 100.",
        "01",
        lambda recipe: replace(recipe, rate=recipe.rate * 100),
    ),
    Treatment(
        "initialize",
        "Draw the weights for the activation (He for ReLU, else Xavier; a recurrent matrix "
        "orthogonal), and start the biases at 0.",
        "05",
        _initialize,
    ),
    Treatment(
        "relu",
        "Take ReLU for the hidden units, with He's weights.",
        "04",
        lambda recipe: replace(_initialize(recipe), activation="relu"),
    ),
    Treatment(
        "normalize",
        "Put batch normalization behind every hidden matrix.",
        "06",
        lambda recipe: replace(recipe, norm=True),
    ),
    Treatment(
        "skip connections",
        "Give every hidden layer a skip connection.",
        "07",
        lambda recipe: replace(recipe, skip=True),
    ),
    Treatment(
        "open the forget gate",
        "Start an LSTM's forget bias at the log of the lag, its recurrent matrix orthogonal.",
        "08",
        _remember,
    ),
    Treatment(
        "clip",
        "Clip the gradient by its global norm at 1, the norm taken in float64.",
        "09",
        lambda recipe: replace(recipe, clip=1.0, clipper="exact"),
    ),
    Treatment(
        "scale the data",
        "Bring inputs and targets to mean 0 and standard deviation 1.",
        "02",
        _standardize,
    ),
    Treatment(
        "free the head",
        "Take away what stands behind the last matrix.",
        "02",
        lambda recipe: replace(recipe, head=""),
    ),
    Treatment(
        "connect all parts",
        "Let the gradient reach every part, and give the optimizer all parameters.",
        "10",
        lambda recipe: replace(recipe, connected=True, trained=True),
    ),
    Treatment(
        "test in evaluation mode",
        "Count the running statistics anew, and call model.eval() before the test.",
        "06",
        lambda recipe: replace(recipe, tested="evaluation", recount=True),
    ),
    Treatment(
        "mend the data loader",
        "Make every row keep its own target.",
        "10",
        lambda recipe: replace(recipe, paired=True),
    ),
    Treatment(
        "train longer",
        "Three times as many updates.",
        "10",
        lambda recipe: replace(recipe, updates=3 * recipe.updates),
    ),
)
"""In the order of the lessons that explain them."""


def treatment(key: str) -> Treatment:
    """Return a treatment by its name.

    Raises
    ------
    GradcourseError
        If there is none; the message offers the nearest.
    """
    for row in TREATMENTS:
        if row.key == key:
            return row
    names = [row.key for row in TREATMENTS]
    near = nearest(str(key), names) or names
    raise GradcourseError(f"there is no treatment {key!r}; did you mean {', '.join(near)}?")


def treated(recipe: Recipe, keys: Iterable[str]) -> Recipe:
    """Return the recipe with treatments carried out, one after the other."""
    for key in keys:
        recipe = treatment(key).change(recipe)
    return recipe
