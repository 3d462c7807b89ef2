"""Lesson 11: the trainings that are stored, by name."""

from __future__ import annotations

from gradcourse.experiments.copying.training import Recipe

SEEDS = range(5)
LONG = 1250
"""Five times the 250 updates of the others: what a negative verdict needs."""

RUNS: dict[str, Recipe] = {
    "pre": Recipe(),
    "loud": Recipe(4, rate=0.03),
    "loud, QK-norm": Recipe(4, rate=0.03, qk_norm=True),
    "layer": Recipe(4),
    "tanh": Recipe(4, norm="tanh"),
    "post": Recipe(order="post"),
    "post, warm-up": Recipe(order="post", warm_up=100),
    "none": Recipe(4, norm="none", updates=LONG),
    "post, long": Recipe(order="post", updates=LONG),
}
"""16 blocks, pre-LN, layer norm, Adam at 0.001 without warm-up, 250 updates, unless it says so."""


def seeds_of(name: str) -> range:
    """Seeds of one kind; four where a single network of 16 blocks takes some minutes."""
    recipe = RUNS[name]
    return range(4) if recipe.blocks == 16 and recipe.updates == LONG else SEEDS
