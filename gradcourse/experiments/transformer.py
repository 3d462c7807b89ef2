"""Lesson 11: the last block's gradient, the stream, attention's logits, many streams, no norm."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

import numpy as np

from gradcourse import theory
from gradcourse.experiments.common import Array
from gradcourse.experiments.copying import (
    GUESS,
    Recipe,
    gradients,
    stream,
    training,
)
from gradcourse.experiments.measurements import stored
from gradcourse.figures import Axis, Line, Plot
from gradcourse.figures.drawing import Arrow, Box, Drawing

NETWORKS = range(8)
"""Seeds of untrained networks: the last block's gradient differs much from one to the next."""

ROWS = 16
DEPTHS = (2, 4, 8, 16, 32, 64)

# ---------------------------------------------------------------- at the start, block by block


@cache
def first_gradients(order: str, blocks: int, seed: int) -> Array:
    """‖∂ℒ/∂W‖ of each block's last matrix in an untrained network; shape (blocks,)."""
    model = Recipe(blocks, order=order).network(seed)
    return gradients(model, seed, ROWS)["down"]


def ratios(blocks: int, seeds: Iterable[int] = NETWORKS, over: str = "post") -> Array:
    """‖∂ℒ/∂W‖ of the last block, another order over pre-LN, before any training; (seeds,)."""
    return np.array(
        [
            first_gradients(over, blocks, seed)[-1] / first_gradients("pre", blocks, seed)[-1]
            for seed in seeds
        ]
    )


@cache
def _last_branch(order: str, blocks: int, seed: int) -> tuple[float, float]:
    """‖∂ℒ/∂F‖ of the last branch's output before any training; mean square of its norm's input.

    The norm is the next one on the stream: pre-LN's final norm, post-LN's own.
    """
    import torch

    from gradcourse.experiments.copying import blocks_of, copy_loss
    from gradcourse.experiments.copying.measured import fresh_rows

    model = Recipe(blocks, order=order).network(seed)
    last = blocks_of(model)[-1]
    outputs: list[torch.Tensor] = []
    read: list[torch.Tensor] = []
    norm = model.get_submodule("norm") if order == "pre" else last.get_submodule("norm2")
    last.feed_forward.register_forward_hook(lambda _, __, output: outputs.append(output))
    norm.register_forward_pre_hook(lambda _, inputs: read.append(inputs[0]))
    (delta,) = torch.autograd.grad(copy_loss(model, fresh_rows(seed, ROWS)), outputs)
    return float(delta.norm()), float(read[0].detach().square().mean())


def last_delta_ratios(blocks: int, seeds: Iterable[int] = NETWORKS) -> tuple[Array, Array]:
    """δ at the last branch's output, post-LN over pre-LN; and √(q_pre/q_post), theory; (seeds,)."""
    pairs = np.array(
        [[_last_branch(order, blocks, seed) for order in ("pre", "post")] for seed in seeds]
    )
    (pre, q_pre), (post, q_post) = pairs[:, 0].T, pairs[:, 1].T
    return post / pre, np.sqrt(q_pre / q_post)


@cache
def first_stream(blocks: int, seed: int, scaled: bool = False) -> tuple[Array, Array]:
    """Mean squares of x_0, …, x_L in an untrained pre-LN network, and what each block adds.

    ``scaled``: what a branch of block l reads is multiplied by 1/√l (Sun et al. 2025).
    """
    return stream(Recipe(blocks, depth_scaling=scaled).network(seed), seed, ROWS)


def stream_sizes(blocks: int, seeds: Iterable[int] = range(3)) -> Array:
    """Mean square of x_0, …, x_L, in the mean over some untrained networks; (blocks + 1,)."""
    return np.mean([first_stream(blocks, seed)[0] for seed in seeds], axis=0)


def ratio_plot(depths: Sequence[int] = DEPTHS) -> Plot:
    """The last block's gradient, post-LN over pre-LN, against depth; √L dashed."""
    found = [ratios(depth) for depth in depths]
    middle = [float(np.median(values)) for values in found]
    each = [
        Line(
            list(depths),
            [float(np.sort(values)[rank]) for values in found],
            name,
            "reference",
            "grey",
        )
        for rank, name in ((0, "smallest of 8"), (-1, "largest of 8"))
    ]
    law = theory.last_block_ratio(list(depths))
    return Plot(
        "‖∂ℒ/∂W‖ in the last block before training: post-LN over pre-LN",
        Axis("blocks L", "log"),
        Axis("ratio", "log", (1.0, 32.0)),
        (
            Line(list(depths), middle, "median of 8", color="transformer"),
            Line(list(depths), law, "theory, √L", "theory", "transformer"),
            *each,
        ),
    )


@cache
def query_share(order: str, blocks: int, seed: int) -> float:
    """‖∂ℒ/∂W‖ of the last block's query matrix over its value matrix, before any training."""
    found = gradients(Recipe(blocks, order=order).network(seed), seed, ROWS // 2)
    return float(found["query"][-1] / found["value"][-1])


@cache
def likeness(order: str, blocks: int, seed: int) -> float:
    """Mean cosine of two places of a sequence behind the last block, before any training."""
    import torch

    from gradcourse.experiments.copying.measured import fresh_rows

    model = Recipe(blocks, order=order).network(seed)
    with torch.no_grad():
        x = model[: blocks + 1](fresh_rows(seed, ROWS // 2)[:, :-1])
        x = torch.nn.functional.normalize(x, dim=-1)
        cosines = x @ x.transpose(1, 2)  # (rows, T, T)
    places = x.shape[1]
    return float((cosines.mean() * places - 1) / (places - 1))


# ---------------------------------------------------------------- what is stored of the trainings


@cache
def _stored() -> tuple[dict[str, Any], ...]:
    return tuple(stored("transformers").rows)


def runs(kind: str) -> list[dict[str, Any]]:
    """The stored trainings of one kind, a row for each seed; see `copying.runs.RUNS`."""
    return [row for row in _stored() if row["kind"] == kind]


def of(kind: str, key: str) -> Array:
    """One number or one array of each stored training; shape (seeds,) or (seeds, …)."""
    return np.array([row[key] for row in runs(kind)])


def loss_plot(kinds: dict[str, tuple[str, str]], updates: int) -> Plot:
    """Stored losses against updates, a thin line for each seed.

    Parameters
    ----------
    kinds : dict
        From the kind to a label and a colour.
    updates : int
        How far.
    """
    lines = [Line([0.0, updates], [GUESS, GUESS], "ln 16, a guess", "reference", "grey")]
    for kind, (label, color) in kinds.items():
        for k, losses in enumerate(of(kind, "loss")):
            shown = losses[: updates // 10]
            at = 10.0 * np.arange(1, len(shown) + 1)
            lines.append(Line(at, shown, label if k == 0 else "", color=color))
    return Plot(
        "Learning to copy: every line is one network",
        Axis("updates", limits=(0.0, float(updates))),
        Axis("loss", "log", (1e-3, 20.0)),
        tuple(lines),
    )


def damage_plot(kind: str = "pre", label: str = "loss that a cut adds") -> Plot:
    """What cutting one block costs, in the median over the stored networks."""
    found = of(kind, "damage")
    block = np.arange(1, found.shape[1] + 1)
    return Plot(
        "Cut one block out of a trained network",
        Axis("block that is cut", limits=(0.5, len(block) + 0.5)),
        Axis("loss added, on fresh rows", "log", (1e-4, 10.0)),
        (
            Line(block, np.maximum(np.median(found, 0), 0.0), label, color="transformer"),
            Line([0.5, len(block) + 0.5], [GUESS, GUESS], "ln 16", "reference", "grey"),
        ),
    )


def cheapest_end() -> str:
    """Where a cut costs less, in the first third or the last, by a factor of three: or "alike"."""
    first, _, last = (part.max() for part in np.array_split(np.median(of("pre", "damage"), 0), 3))
    return "late" if 3 * last < first else "early" if 3 * first < last else "alike"


def worst_block() -> str:
    """The number of the block whose loss hurts most in the median network."""
    return str(int(np.argmax(np.median(of("pre", "damage"), 0))) + 1)


def largest_logits(kind: str) -> Array:
    """Largest |q·k|/√d that was met in each stored training; shape (seeds,)."""
    return of(kind, "largest logit")


@cache
def live(kind: str, seed: int = 0, updates: int = 250) -> tuple[float, float]:
    """Train one network of a stored kind now: its largest logit, and its loss at the end."""
    from dataclasses import replace

    from gradcourse.experiments.copying import RUNS

    run = training(replace(RUNS[kind], updates=updates), seed)
    return float(run.logits.max()), run.end


# ---------------------------------------------------------------- softmax, from soft to hard

KEYS = 12


def attention_weights(scale: float, seed: int = 3) -> tuple[Array, Array]:
    """Weights of 12 keys whose logits are ``scale`` times standard normals, sorted; and slopes.

    Returns
    -------
    weights, slopes : array, shape (12,)
        p and p(1 − p), the slope of a key's weight in its own logit. From p of the others, so
        that it is right where 1 − p is lost in rounding.
    """
    z = scale * np.sort(np.random.default_rng(seed).normal(size=KEYS))[::-1]
    z = z - z[0]
    p = np.exp(z) / np.exp(z).sum()
    rest = np.array([np.delete(np.exp(z), k).sum() for k in range(KEYS)]) / np.exp(z).sum()
    return p, p * rest


# ---------------------------------------------------------------- many streams

STREAMS, MIXINGS = 4, 60


@cache
def _noise(draws: int, layers: int) -> Array:
    return np.random.default_rng(11).normal(size=(draws, layers, STREAMS, STREAMS))


@cache
def gains(s: float, doubly: bool = False, layers: int = MIXINGS, draws: int = 60) -> Array:
    """Spectral norm of the product of the first 0, 1, … mixings of four streams.

    A mixing is I + s N with N(0, 1) entries; or, doubly stochastic, exp of 4 I + 5 s N brought to
    rows and columns that sum to 1 (Sinkhorn & Knopp 1967).

    Returns
    -------
    array, shape (draws, layers + 1)
    """
    noise = s * _noise(draws, layers)
    if doubly:
        factors = np.exp(4 * np.eye(STREAMS) + 5 * noise)
        for _ in range(100):
            factors /= factors.sum(-1, keepdims=True)
            factors /= factors.sum(-2, keepdims=True)
    else:
        factors = np.eye(STREAMS) + noise
    product = np.broadcast_to(np.eye(STREAMS), (draws, STREAMS, STREAMS))
    norms = [np.ones(draws)]
    for k in range(layers):
        product = factors[:, k] @ product
        norms.append(np.linalg.norm(product, 2, axis=(-2, -1)))
    return np.array(norms).T


def gain_of_60(s: float = 0.3, doubly: bool = False) -> float:
    """Spectral norm of the product of 60 mixings, in the median over 60 products."""
    return float(np.median(gains(s, doubly)[:, -1]))


# ---------------------------------------------------------------- the block, drawn


def block_drawing() -> Drawing:
    """Both orders of a Transformer block, side by side."""
    boxes: list[Box] = []
    arrows: list[Arrow] = []
    for left, order in ((0.55, "pre"), (4.2, "post")):
        boxes.append(Box(left + 1.35, 0.3, 2.3, 0.42, f"{order}-LN", "grey", True))
        begins = 0.7
        for top, name in ((0.95, "attention"), (3.1, "feed-forward")):
            boxes += _sublayer(left, top, name, order)
            arrows += _arrows(left, top, begins, order)
            begins = top + (1.43 if order == "pre" else 1.93)
        arrows.append(Arrow((left, begins), (left, 5.35)))
    words = (
        "A Transformer block in two orders, read downwards. Pre-LN: the stream x runs straight "
        "through; a branch reads it through a norm, goes through attention or through two "
        "matrices, and is added; no norm stands on the stream. Post-LN: the branch reads x "
        "itself, is added, and the sum goes through a norm, so that every norm stands on the "
        "stream."
    )
    return Drawing(7.4, 5.45, tuple(boxes), tuple(arrows), words)


def _sublayer(left: float, top: float, name: str, order: str) -> list[Box]:
    branch = [Box(left + 1.6, top + 0.8, 1.7, 0.4, name, "purple")]
    if order == "pre":
        branch.append(Box(left + 1.6, top + 0.2, 1.7, 0.4, "norm", "green"))
    else:
        branch.append(Box(left, top + 1.75, 0.9, 0.36, "norm", "green", True))
    return [*branch, Box(left, top + 1.25, 0.36, 0.36, "+", "blue")]


def _arrows(left: float, top: float, begins: float, order: str) -> list[Arrow]:
    enters = top + (0.2 if order == "pre" else 0.8)
    found = [
        Arrow((left, begins), (left, top + 1.05)),
        Arrow((left, enters), (left + 0.75, enters)),
        Arrow((left + 1.6, top + 1.0), (left + 0.2, top + 1.25)),
    ]
    if order == "pre":
        found.append(Arrow((left + 1.6, top + 0.4), (left + 1.6, top + 0.6)))
    else:
        found.append(Arrow((left, top + 1.43), (left, top + 1.57)))
    return found
