"""Lesson 07: singular spectra, paths by length, variance, the road, shattered gradients."""

from __future__ import annotations

import math
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from gradcourse import theory
from gradcourse.experiments.common import SEEDS, Array, digits, one_word_for_theory, trained
from gradcourse.figures import Axis, Line, Plot, with_theory
from gradcourse.figures.drawing import Arrow, Box, Drawing

if TYPE_CHECKING:
    from torch import nn

Pair = tuple[Array, Array]

BLOCKS = 27
"""Two matrices per block, a stem and an output: the 56 layers of He et al. (2016a)."""

# ---------------------------------------------------------------- an untrained network as arrays


@cache
def matrices(
    blocks: int = BLOCKS, width: int = 64, seed: int = 0
) -> tuple[Array, tuple[Pair, ...]]:
    """The stem's matrix, and the two matrices of each block, of `nets.residual_mlp`."""
    from gradcourse.nets import residual_mlp

    parameters = residual_mlp(blocks, width, seed=seed).parameters()
    weights = [p.detach().double().numpy() for p in parameters if p.ndim == 2]
    return weights[0], tuple(zip(weights[1:-1:2], weights[2:-1:2], strict=True))


@cache
def images(count: int) -> Array:
    """The first training digits, shape (count, 64)."""
    return digits().x_train[:count].double().numpy()


def branch(pair: Pair, x: Array) -> Array:
    """F(x) = W₂ relu(W₁ relu(x)) for rows x."""
    return np.maximum(np.maximum(x, 0.0) @ pair[0].T, 0.0) @ pair[1].T


def states(
    alpha: float, blocks: int = BLOCKS, rows: int = 64, width: int = 64, seed: int = 0
) -> Array:
    """x_0, x_1, …, x_L of the pre-activation network, shape (blocks + 1, rows, width)."""
    stem, pairs = matrices(blocks, width, seed)
    x = [images(rows) @ stem.T]
    for pair in pairs:
        x.append(x[-1] + alpha * branch(pair, x[-1]))
    return np.array(x)


def mean_squares(
    alpha: float, blocks: int = BLOCKS, rows: int = 64, width: int = 64, seed: int = 0
) -> Array:
    """Mean square of x_0, …, x_L over digits and units, relative to that of x_0."""
    squares = np.square(states(alpha, blocks, rows, width, seed)).mean(axis=(1, 2))
    return squares / squares[0]


def growth(alpha: float, seed: int = 0) -> float:
    """Mean square of x_100 relative to x_0."""
    return float(mean_squares(alpha, 100, rows=32, width=96, seed=seed)[-1])


STACKS: dict[str, tuple[dict[str, Any], str]] = {
    "α = 1": ({"scale": 1.0}, "orange"),
    "α = 1/√27": ({"scale": BLOCKS**-0.5}, "residual"),
    "batch norm, α = 1": ({"norm": "batch"}, "batch_norm"),
}
"""Options of `nets.residual_mlp`, and a colour."""


@cache
def sizes(name: str, seed: int, width: int = 256) -> Array:
    """Mean square of x_0, …, x_27 over 256 digits in one of the `STACKS`; shape (28,)."""
    import torch

    from gradcourse.nets import residual_mlp

    x, found = digits().x_train[:256], []
    with torch.no_grad():
        for module in residual_mlp(BLOCKS, width, seed=seed, **STACKS[name][0])[: BLOCKS + 1]:  # type: ignore[attr-defined]
            x = module(x)
            found.append(float(x.square().mean()))
    return np.array(found)


def sizes_plot() -> Plot:
    """The signal through 27 blocks, by recipe; the laws dashed."""
    block = np.arange(BLOCKS + 1)
    lines: list[Line] = []
    for name, (options, color) in STACKS.items():
        found = np.median([sizes(name, seed) for seed in SEEDS], axis=0)
        law = found[0] * theory.residual_variance(BLOCKS, options.get("scale", 1.0))
        straight = "norm" not in options
        factor = f", × {(found[-1] / found[0]) ** (1 / BLOCKS):.2f} a block" if straight else ""
        expected = law if straight else found[0] + block
        lines += with_theory(block, found, expected, name + factor, color)
    return Plot(
        "The signal in 27 residual blocks, median of 5",
        Axis("block (0 is the stem)"),
        Axis("mean square of x", "log"),
        one_word_for_theory(lines),
    )


def end_to_end(skip: bool, seed: int) -> float:
    """‖δ_0‖/‖δ_27‖ with batch norm in front of each ReLU, 1024 digits, at the start."""
    import torch

    from gradcourse.nets import residual_mlp

    net = residual_mlp(BLOCKS, norm="batch", skip=skip, seed=seed)
    x0 = net[0](digits().x_train[:1024]).detach().requires_grad_()
    x_last = net[1 : BLOCKS + 1](x0)
    loss = torch.nn.functional.cross_entropy(net[BLOCKS + 1 :](x_last), digits().y_train[:1024])
    first, last = torch.autograd.grad(loss, (x0, x_last))
    return float(first.norm() / last.norm())


# ---------------------------------------------------------------- paths by length


def branch_jacobians(
    alpha: float, blocks: int = BLOCKS, image: int = 0, seed: int = 0
) -> list[Array]:
    """∂F_l/∂x_{l−1} of each block at one digit, in the order in which the blocks act."""
    stem, pairs = matrices(blocks, 64, seed)
    x, jacobians = images(image + 1)[image] @ stem.T, []
    for first, last in pairs:
        u = first @ np.maximum(x, 0.0)
        jacobians.append((last * (u > 0)) @ (first * (x > 0)))
        x = x + alpha * last @ np.maximum(u, 0.0)
    return jacobians


def squares_by_length(alpha: float, jacobians: list[Array], delta: Array) -> Array:
    """Squared norm of what the paths of each length bring to ∂ℒ/∂x_0; shape (L + 1,)."""
    parts = np.zeros((len(jacobians) + 1, len(delta)))  # (L + 1, n), by branches on the path
    parts[0] = delta
    for jacobian in reversed(jacobians):
        parts[1:] = parts[1:] + alpha * parts[:-1] @ jacobian
    return np.sum(parts**2, axis=1)


def measured_shares(alpha: float, blocks: int = BLOCKS, seeds: int = 3) -> Array:
    """Share of the squared gradient that comes on paths of each length, mean over networks."""
    total = np.zeros(blocks + 1)
    for seed in range(seeds):
        delta = np.random.default_rng(seed).normal(size=64)
        jacobians = branch_jacobians(alpha, blocks, image=seed, seed=seed)
        squares = squares_by_length(alpha, jacobians, delta)
        total += squares / squares.sum() / seeds
    return total


def mean_branches(alpha: float, blocks: int = BLOCKS, seeds: int = 3) -> float:
    """Branches on the gradient's path, weighted by its square, mean over networks."""
    return float(measured_shares(alpha, blocks, seeds) @ np.arange(blocks + 1))


def shares_by_length(alpha: float, seed: int, blocks: int = BLOCKS) -> Array:
    """Share of the squared gradient on paths of each length, over all directions of δ; (L + 1,)."""
    parts = np.zeros((blocks + 1, 64, 64))  # by branches on the path, then by direction
    parts[0] = np.eye(64)
    for jacobian in reversed(branch_jacobians(alpha, blocks, image=seed, seed=seed)):
        parts[1:] = parts[1:] + alpha * parts[:-1] @ jacobian
    squares = np.square(parts).sum(axis=(1, 2))
    return squares / squares.sum()


def paths_plot(shares: dict[float, list[Array]]) -> Plot:
    """Where the squared gradient goes, by the number of branches on the way; the law dashed.

    Parameters
    ----------
    shares : dict
        From α to `shares_by_length`, one array for each seed.
    """
    length = np.arange(BLOCKS + 1)
    lines: list[Line] = []
    for (alpha, found), color in zip(shares.items(), ("orange", "residual"), strict=True):
        mean = np.mean(found, axis=0)
        name = f"α = {alpha:.2f}, mean {mean @ length:.1f} branches"
        lines += with_theory(length, mean, theory.path_shares(BLOCKS, alpha), name, color)
    return Plot(
        "Where the squared gradient goes, mean of 5 networks",
        Axis("branches on the path"),
        Axis("share of the squared gradient"),
        one_word_for_theory(lines),
    )


# ---------------------------------------------------------------- the spectrum


@cache
def log_singular_values(skip: bool, seed: int) -> Array:
    """ln of the singular values of ∂x_27/∂x_0 at one digit, α = 1/√27 with the shortcut; (64,)."""
    from gradcourse.instrument import jacobian_spectrum
    from gradcourse.nets import residual_mlp

    net = residual_mlp(BLOCKS, scale="inverse_sqrt", skip=skip, seed=seed)
    stem = net[0](digits().x_train[seed : seed + 1]).detach()
    return jacobian_spectrum(net[1 : BLOCKS + 1], stem)


def spectrum_plot() -> Plot:
    """Both spectra on a log axis; the law of wide random factors dashed."""
    index = np.arange(1, 65)
    plain = log_singular_values(False, 0) / np.log(10)
    law = theory.residual_log_singular_values(BLOCKS, BLOCKS**-0.5, 64) / np.log(10)
    found = np.mean([log_singular_values(True, seed) for seed in SEEDS], axis=0) / np.log(10)
    lines = with_theory(index, found, law, "residual, mean of 5", "residual")
    return Plot(
        "Singular values of ∂x₂₇/∂x₀ at a digit; what is missing is exactly 0",
        Axis("singular value (1 = largest)"),
        Axis("log₁₀ of the singular value"),
        (
            Line(index, np.where(np.isfinite(plain), plain, np.nan), "plain", color="plain"),
            *one_word_for_theory(lines),
        ),
    )


@cache
def random_factors(depth: int = BLOCKS, width: int = 64, seed: int = 0) -> tuple[Array, ...]:
    """Matrices with N(0, 1/n) entries: on average each keeps the length of a vector."""
    rng = np.random.default_rng(seed)
    return tuple(rng.normal(size=(width, width)) / np.sqrt(width) for _ in range(depth))


@cache
def decades(alpha: float | None, depth: int = BLOCKS, seed: int = 0) -> Array:
    """log₁₀ of the singular values of the product of I + αA, or of A where α is None."""
    from gradcourse.instrument import product_log_singular_values

    factors = random_factors(depth, seed=seed)
    if alpha is not None:
        factors = tuple(np.eye(len(a)) + alpha * a for a in factors)
    return product_log_singular_values(factors) / np.log(10)


# ---------------------------------------------------------------- the road


def open_share(alpha: float, blocks: int = 60, rows: int = 128, seed: int = 0) -> Array:
    """Post-activation: share of units whose shortcuts alone let a gradient through l blocks.

    The slopes of the ReLUs that stand after the sums, multiplied, for each unit and digit; relative
    to the units that are on behind the stem. Shape (blocks + 1,), from 1 on.
    """
    stem, pairs = matrices(blocks, 64, seed)
    x = np.maximum(images(rows) @ stem.T, 0.0)
    start = x > 0
    is_open, shares = start, [1.0]
    for first, last in pairs:
        total = x + alpha * np.maximum(x @ first.T, 0.0) @ last.T
        is_open = is_open & (total > 0)
        shares.append(float(is_open.sum() / start.sum()))
        x = np.maximum(total, 0.0)
    return np.array(shares)


# ---------------------------------------------------------------- shattering

WALK_BLOCKS, WALK_WIDTH = 40, 128


def walk(first: Array, last: Array, steps: int = 201) -> tuple[Array, Array, Array]:
    """A walk along the arc between two images of equal length.

    Returns
    -------
    tuple of arrays
        The angles walked, shape (steps,); the images; and the direction of the walk at each,
        both of shape (steps, n).
    """
    length = np.linalg.norm(first)
    start = first / length
    across = last - (last @ start) * start
    across = across / np.linalg.norm(across)
    angle = np.linspace(0.0, np.arctan2(last @ across, last @ start), steps)[:, None]
    there = length * (np.cos(angle) * start + np.sin(angle) * across)
    return angle[:, 0], there, length * (np.cos(angle) * across - np.sin(angle) * start)


@cache
def slopes(shortcut: bool, seed: int = 0) -> Array:
    """∂f/∂(angle) after 1, 2, …, 40 blocks, root mean square 1; shape (40, steps).

    f is a random sum over the units of x_l. With the shortcut α = 1/√40.
    """
    stem, pairs = matrices(WALK_BLOCKS, WALK_WIDTH, seed)
    output = np.random.default_rng(seed).normal(size=WALK_WIDTH)
    _, x, tangent = walk(*images(2))
    x, tangent, rows = x @ stem.T, tangent @ stem.T, []  # (steps, n)
    for first, last in pairs:
        u, along = np.maximum(x, 0.0) @ first.T, (tangent * (x > 0)) @ first.T
        branch, branch_along = np.maximum(u, 0.0) @ last.T, (along * (u > 0)) @ last.T
        if shortcut:
            alpha = WALK_BLOCKS**-0.5
            x, tangent = x + alpha * branch, tangent + alpha * branch_along
        else:
            x, tangent = branch, branch_along
        f = tangent @ output
        rows.append(f / np.sqrt(np.mean(f**2)))
    return np.array(rows)


def gradient_cosine(shortcut: bool, angle: float = 0.35, seed: int = 0, width: int = 192) -> float:
    """Cosine of ∂f/∂x at two inputs ``angle`` apart on the way from one digit to another."""
    import torch

    from gradcourse.nets import residual_mlp

    whole = residual_mlp(BLOCKS, width, scale="inverse_sqrt", skip=shortcut, seed=seed)
    model = whole[:-2].double()
    angles, there, _ = walk(*images(2))
    rows = [0, int(np.argmin(np.abs(angles - angle)))]
    x = torch.tensor(there[rows], requires_grad=True)  # (2, 64)
    generator = torch.Generator().manual_seed(seed)
    output = torch.randn(width, generator=generator, dtype=torch.float64)
    (model(x) @ output).sum().backward()
    assert x.grad is not None
    return float(torch.nn.functional.cosine_similarity(x.grad[0], x.grad[1], dim=0))


COSINES: dict[str, float | None] = {"plain": None, "α = 1": 1.0, "α = 1/√27": BLOCKS**-0.5}
"""Branch scales; None without a shortcut."""

DEGREES = 20.0


@cache
def cosines_by_depth(name: str, seed: int, width: int = 256) -> Array:
    """Cosine of ∂f/∂x_0 at two inputs 20° apart, behind 1, 2, …, 27 blocks; shape (27,).

    The mean over 16 pairs with f a random sum of the units.
    """
    import torch
    from torch.nn.functional import cosine_similarity, normalize

    from gradcourse.nets import residual_mlp

    scale = COSINES[name]
    net = residual_mlp(BLOCKS, width, scale=scale or 1.0, skip=scale is not None, seed=seed)
    generator = torch.Generator().manual_seed(0)
    u, v, outputs = torch.randn(3, 16, width, generator=generator)
    u = normalize(u[0], dim=0)
    v = normalize(v[0] - (v[0] @ u) * u, dim=0)
    angle = math.radians(DEGREES)
    pair = math.sqrt(width) * torch.stack([u, math.cos(angle) * u + math.sin(angle) * v])
    x0 = pair.repeat_interleave(len(outputs), 0).requires_grad_()
    x: torch.Tensor = x0
    found: list[float] = []
    for block in net[1 : BLOCKS + 1]:  # type: ignore[attr-defined]
        x = block(x)
        f = (x * outputs.repeat(2, 1)).sum()
        (gradient,) = torch.autograd.grad(f, x0, retain_graph=True)
        found.append(float(cosine_similarity(*gradient.chunk(2)).mean()))  # type: ignore[arg-type]
    return np.array(found)


def cosines_plot() -> Plot:
    """How alike two gradients are, by depth; the law dashed."""
    block = np.arange(1, BLOCKS + 1)
    lines: list[Line] = []
    for (name, scale), color in zip(COSINES.items(), ("plain", "orange", "residual"), strict=True):
        found = np.mean([cosines_by_depth(name, seed) for seed in SEEDS], axis=0)
        start = math.cos(math.radians(DEGREES))
        law = theory.gradient_correlation(start, BLOCKS, scale, layers=2)[1:]
        lines += with_theory(block, found, law, name, color)
    return Plot(
        "How alike two gradients are, inputs 20° apart",
        Axis("blocks of two layers"),
        Axis("cosine, mean of 5 networks", limits=(-0.1, 1.0)),
        one_word_for_theory(lines),
    )


# ---------------------------------------------------------------- the block, drawn


def block_drawing() -> Drawing:
    """Two plain layers, and the residual block of 2015 and that of 2016."""
    plain = ("matrix", "ReLU", "matrix", "ReLU")
    boxes = [Box(1.2, 0.3, 2.1, 0.42, "plain", "plain", True)]
    boxes += [
        Box(1.2, 1.2 + 0.72 * k, 1.1, 0.42, name, _shade(name)) for k, name in enumerate(plain)
    ]
    arrows = [Arrow((1.2, 0.65), (1.2, 0.98), "x")]
    arrows += [Arrow((1.2, 1.42 + 0.72 * k), (1.2, 1.7 + 0.72 * k)) for k in range(3)]
    arrows.append(Arrow((1.2, 3.58), (1.2, 4.9)))
    columns = (
        (3.1, "post-activation, 2015", ("matrix", "ReLU", "matrix"), True),
        (5.75, "pre-activation, 2016", ("ReLU", "matrix", "ReLU", "matrix"), False),
    )
    for left, title, branch, after in columns:
        column = left + 1.3
        boxes.append(Box(left + 0.75, 0.3, 2.15, 0.42, title, "residual", True))
        boxes += [
            Box(column, 1.2 + 0.6 * k, 1.1, 0.4, name, _shade(name))
            for k, name in enumerate(branch)
        ]
        boxes.append(Box(column, 3.75, 0.6, 0.4, "× α", "grey"))
        boxes.append(Box(left, 3.75, 0.4, 0.4, "+", "residual", True))
        last = 1.4 + 0.6 * (len(branch) - 1)
        arrows += [
            Arrow((left, 0.65), (left, 3.53), "x"),
            Arrow((left, 1.2), (column - 0.57, 1.2)),
            *(
                Arrow((column, 1.4 + 0.6 * k), (column, 1.6 + 0.6 * k))
                for k in range(len(branch) - 1)
            ),
            Arrow((column, last), (column, 3.53)),
            Arrow((column - 0.3, 3.75), (left + 0.22, 3.75)),
        ]
        if after:
            boxes.append(Box(left, 4.4, 0.9, 0.4, "ReLU", _shade("ReLU")))
            arrows += [Arrow((left, 3.95), (left, 4.18)), Arrow((left, 4.6), (left, 4.9))]
        else:
            arrows.append(Arrow((left, 3.95), (left, 4.9)))
    words = (
        "Three pieces of a network, read downwards. Plain: x goes through matrix, ReLU, matrix and "
        "ReLU. Post-activation, 2015: x goes straight down to a plus sign; a branch reads it, goes "
        "through matrix, ReLU and matrix, is multiplied by α and added; a ReLU follows the sum. "
        "Pre-activation, 2016: the branch is ReLU, matrix, ReLU, matrix, and nothing stands on the "
        "straight line."
    )
    return Drawing(7.7, 5.0, tuple(boxes), tuple(arrows), words)


def _shade(name: str) -> str:
    return "orange" if name == "ReLU" else "blue"


# ---------------------------------------------------------------- three pictures to tell apart

THREE: dict[str, dict[str, Any]] = {
    "A": {"norm": "batch", "skip": False},
    "B": {"norm": "batch"},
    "C": {"scale": "inverse_sqrt"},
}
"""The three networks of an exercise's picture, by their letters: options of `residual_mlp`."""


def deltas_of_blocks(seed: int = 0, **options: Any) -> Array:
    """Root mean square of ∂ℒ/∂x_0, …, ∂ℒ/∂x_27 on 512 digits, at the start; shape (28,)."""
    import torch

    from gradcourse.nets import residual_mlp

    net = residual_mlp(BLOCKS, seed=seed, **options)
    x, states_ = net[0](digits().x_train[:512]), []
    for block in net[1 : BLOCKS + 1]:  # type: ignore[attr-defined]
        states_.append(x)
        x = block(x)
    states_.append(x)
    loss = torch.nn.functional.cross_entropy(net[BLOCKS + 1 :](x), digits().y_train[:512])
    gradients = torch.autograd.grad(loss, states_)
    return np.array([float(g.double().square().mean().sqrt()) for g in gradients])


def three_networks_plot() -> Plot:
    """δ block by block in three untrained networks."""
    block = np.arange(BLOCKS + 1)
    lines: list[Line] = []
    for (letter, options), color in zip(
        THREE.items(), ("blue", "vermillion", "purple"), strict=True
    ):
        delta = deltas_of_blocks(**options)
        lines.append(Line(block, delta / delta[-1], letter, color=color))
    return Plot(
        "Three untrained networks of 27 blocks",
        Axis("block (0 is the stem)"),
        Axis("size of δ, relative to block 27", "log"),
        tuple(lines),
    )


def bent_one() -> str:
    """The letter of the network whose log δ is farthest from a straight line over the blocks."""
    bend = {}
    for letter, options in THREE.items():
        logs = np.log(deltas_of_blocks(**options))
        straight = np.linspace(logs[0], logs[-1], len(logs))
        bend[letter] = float(np.abs(logs - straight).max())
    return max(bend, key=lambda letter: bend[letter]).lower()


def growth_with_last_gamma(gamma: float = 0.0, seed: int = 0) -> float:
    """Mean square of x after block 27 over that after the stem's ReLU; order of 2015, batch norm.

    ``gamma`` is the last γ of every branch.
    """
    import torch

    from gradcourse.nets import residual_mlp

    net = residual_mlp(BLOCKS, order="post", norm="batch", seed=seed)
    with torch.no_grad():
        for name, parameter in net.named_parameters():
            if name.endswith("norm2.weight"):
                parameter.fill_(gamma)
        first = net[:2](digits().x_train[:512])
        last = net[2 : BLOCKS + 2](first)
    return float(last.square().mean() / first.square().mean())


def parameters_of_the_shortcuts(blocks: int = 27) -> int:
    """How many more parameters a network with identity shortcuts has than its plain twin."""
    from gradcourse.nets import residual_mlp

    with_skip, without = (
        sum(p.numel() for p in residual_mlp(blocks, skip=skip).parameters())
        for skip in (True, False)
    )
    return with_skip - without


def scale_for_e(seeds: int = 3) -> float:
    """The α at which the mean square grows by e over 100 blocks, in the median; by bisection."""
    low, high = 0.01, 1.0
    for _ in range(12):
        middle = math.sqrt(low * high)
        grown = np.median([growth(middle, seed) for seed in range(seeds)])
        low, high = (middle, high) if grown < math.e else (low, middle)
    return math.sqrt(low * high)


# ---------------------------------------------------------------- two zeros


def moved_with_two_zeros(steps: int = 30, seed: int = 0) -> tuple[bool, bool]:
    """Whether any α moves, and anything else in a block, when α and the last matrix start at 0."""
    import torch

    from gradcourse.nets import residual_mlp

    model = residual_mlp(6, scale="skipinit", seed=seed)
    for name, parameter in model.named_parameters():
        if name.endswith("layer2.weight") and name.startswith("block"):
            torch.nn.init.zeros_(parameter)
    start = {name: p.detach().clone() for name, p in model.named_parameters()}
    trained(model, steps, 0.1, seed=seed)
    moved = {name for name, p in model.named_parameters() if not torch.equal(p, start[name])}
    in_blocks = {name for name in moved if name.startswith("block")}
    alphas = {name for name in in_blocks if name.endswith("alpha")}
    return bool(alphas), bool(in_blocks - alphas)


def plain_layers(start: str, seed: int, depth: int = 56) -> nn.Sequential:
    """ReLU layers without norm and shortcut: He's weights, or I + 0.02 N(0, 1) ("near I")."""
    from gradcourse.nets import mlp, near_identity_

    net = mlp(depth, activation="relu", init="he", seed=seed)
    if start != "He":
        near_identity_(net, 0.02, seed=seed)
    return net


# ---------------------------------------------------------------- training


def error_after(net: nn.Module, steps: int, seed: int, rate: float = 0.1) -> float:
    """Share of the training digits that a network gets wrong after training; 1 if it is NaN."""
    run = trained(net, steps, rate, seed=seed)
    return 1.0 if run.stopped else float(1 - run.train_accuracy[-1])


def learned_scale(blocks: int, seed: int, steps: int = 150) -> float:
    """Root mean square of ReZero's α over the blocks, after training."""
    from gradcourse.nets import residual_mlp

    net = residual_mlp(blocks, scale="rezero", seed=seed)
    error_after(net, steps, seed)
    squares = [float(p.detach()) ** 2 for name, p in net.named_parameters() if "alpha" in name]
    return float(np.sqrt(np.mean(squares)))


def right_without_a_block(skip: bool, seed: int, blocks: int = 4) -> Array:
    """Shares of the training digits: the trained network, and without each block; (1 + blocks,)."""
    from torch import nn

    from gradcourse.nets import residual_mlp
    from gradcourse.training import accuracy

    net, data = residual_mlp(blocks, norm="batch", skip=skip, seed=seed), digits()
    trained(net, 100, 0.1, seed=seed)
    parts = [
        [m for name, m in net.named_children() if name != f"block{without}"]
        for without in range(blocks + 1)
    ]
    return np.array([accuracy(nn.Sequential(*kept), data.x_train, data.y_train) for kept in parts])


def readout(net: nn.Sequential) -> float:
    """Share of 414 held-out digits that a ridge regression on an untrained x_27 gets right."""
    import torch

    data = digits()
    with torch.no_grad():
        z = net[: BLOCKS + 1](data.x_train).double()
    z = torch.cat([(z - z.mean(0)) / (z.std(0) + 1e-12), torch.ones(len(z), 1)], 1)
    fit, held_out = z[:1024], z[1024:]
    target = torch.nn.functional.one_hot(data.y_train[:1024], 10).double()
    ridge = fit.T @ fit + torch.eye(z.shape[1], dtype=z.dtype)
    weights = torch.linalg.solve(ridge, fit.T @ target)
    right = (held_out @ weights).argmax(1) == data.y_train[1024:]
    return float(right.double().mean())


def first_to_last_layer(net: nn.Module, kind: str = "Linear") -> float:
    """δ behind the first layer, relative to the last hidden one, on 256 digits."""
    from gradcourse.experiments.common import probed

    record = probed(net, 256)
    delta = record.output_gradient_rms[0, record.select(kind)]
    return float(delta[0] / delta[-2 if kind == "Linear" else -1])
