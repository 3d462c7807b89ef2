"""Small Transformers that learn to copy: the task, the training, and what is stored of it."""

from gradcourse.experiments.copying.measured import (
    blocks_of,
    damage,
    delta_by_block,
    gradients,
    row,
    stream,
    sure_share,
)
from gradcourse.experiments.copying.runs import LONG, RUNS, SEEDS, seeds_of
from gradcourse.experiments.copying.training import (
    GUESS,
    HALF,
    TOKENS,
    Recipe,
    Training,
    batch,
    copy_loss,
    largest_logit,
    training,
)

__all__ = [
    "GUESS",
    "HALF",
    "LONG",
    "RUNS",
    "SEEDS",
    "TOKENS",
    "Recipe",
    "Training",
    "batch",
    "blocks_of",
    "copy_loss",
    "damage",
    "delta_by_block",
    "gradients",
    "largest_logit",
    "row",
    "seeds_of",
    "stream",
    "sure_share",
    "training",
]
