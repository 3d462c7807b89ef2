"""Lesson 12: sixteen bits, the width, a spike in a memory, and a recurrence without a matrix."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from gradcourse import theory
from gradcourse.experiments.clipping import angle
from gradcourse.experiments.common import SEEDS, Array, digits
from gradcourse.experiments.depth_transfer import LOG2_RATES
from gradcourse.experiments.measurements import stored
from gradcourse.experiments.modern import formats, memory, rates, scans, spikes
from gradcourse.figures import Axis, Line, Plot
from gradcourse.figures.drawing import Arrow, Box, Drawing

if TYPE_CHECKING:
    import torch

# ---------------------------------------------------------------- the formats, drawn

FORMATS = (("float32", 8, 23), ("bfloat16", 8, 7), ("float16", 5, 10))
"""Name, bits of the exponent, bits of the fraction; one more is the sign."""


def formats_drawing() -> Drawing:
    """Which bits three formats have, and what they buy."""
    boxes: list[Box] = []
    bit = 0.19
    for k, (name, exponent, fraction) in enumerate(FORMATS):
        top = 0.45 + 0.75 * k
        boxes.append(Box(0.55, top, 1.0, 0.42, name, "grey"))
        left = 1.15
        for bits, word, color in (
            (1, "±", "grey"),
            (exponent, f"exponent {exponent}", "vermillion"),
            (fraction, f"fraction {fraction}", "blue"),
        ):
            middle = left + bits * bit / 2
            boxes.append(Box(middle, top, bits * bit - 0.02, 0.42, word, color, True))
            left += bits * bit
    words = (
        "The bits of three formats. float32: a sign, 8 bits of exponent, 23 of fraction. bfloat16: "
        "a sign, the same 8 bits of exponent, 7 of fraction. float16: a sign, 5 bits of exponent, "
        "10 of fraction."
    )
    none: tuple[Arrow, ...] = ()
    return Drawing(7.4, 2.4, tuple(boxes), none, words)


# ---------------------------------------------------------------- a real gradient, cast

SCALES = np.arange(-20, 41, 2)
"""Loss scales, as powers of two; below 0 they stand for gradients that are smaller."""


@cache
def gradients(seed: int) -> tuple[torch.Tensor, ...]:
    """∂ℒ/∂W of each parameter of lesson 11's Transformer, 4 blocks, after 60 updates."""
    from gradcourse.experiments.copying import RUNS, copy_loss, training
    from gradcourse.experiments.copying.measured import fresh_rows

    model = training(replace(RUNS["layer"], updates=60), seed).model
    model.zero_grad()
    copy_loss(model, fresh_rows(seed, 32)).backward()
    return tuple(p.grad for p in model.parameters() if p.grad is not None)


@cache
def gradient(seed: int) -> torch.Tensor:
    """All entries that are not 0, float32."""
    import torch

    whole = torch.cat([g.ravel() for g in gradients(seed)])
    return whole[whole != 0]


def shares(entries: torch.Tensor, dtype: str, scale: float = 0.0) -> theory.Shares:
    """What becomes of numbers that are multiplied by 2^scale and then cast."""
    import torch

    limits = torch.finfo(getattr(torch, dtype))
    cast = (entries.double() * 2.0**scale).to(getattr(torch, dtype)).float()
    zero = float((cast == 0).double().mean())
    infinite = float((~cast.isfinite()).double().mean())
    subnormal = float((cast.abs() < limits.smallest_normal).double().mean()) - zero
    return theory.Shares(zero, subnormal, infinite)


def expected_shares(entries: torch.Tensor, dtype: str, scale: float = 0.0) -> theory.Shares:
    """The same, if log₂ of the numbers were Gaussian with their mean and spread."""
    powers = entries.abs().double().log2()
    return theory.lognormal_shares(float(powers.mean()), float(powers.std()), dtype, scale)


def lost(seed: int, dtype: str, scale: float = 0.0) -> float:
    """Share of a real gradient that is no normal number of a format any more."""
    return sum(shares(gradient(seed), dtype, scale))


@cache
def _by_scale(dtype: str) -> tuple[Array, Array]:
    """Measured and expected shares, in the median over five networks; (scales, 3) each."""
    found = [
        np.median([_of(gradient(seed), dtype, scale) for seed in SEEDS], axis=0)
        for scale in map(float, SCALES)
        for _of in (shares, expected_shares)
    ]
    return np.array(found[::2]), np.array(found[1::2])


def shares_plot(dtype: str = "float16") -> Plot:
    """What a format makes of a real gradient, against the loss scale; lognormal theory dashed."""
    measured, expected = _by_scale(dtype)
    lines: list[Line] = []
    for k, (name, color) in enumerate(
        (("0", "vermillion"), ("subnormal", "orange"), ("infinite", "blue"))
    ):
        lines.append(Line(SCALES, measured[:, k], name, color=color))
        lines.append(Line(SCALES, expected[:, k], f"theory, {name}", "theory", color))
    return Plot(
        f"A Transformer's gradient in {dtype}",
        Axis("loss scale, as a power of two", limits=(float(SCALES[0]), float(SCALES[-1]))),
        Axis("share of the entries", limits=(0.0, 1.0)),
        tuple(lines),
    )


def turned(seed: int, dtype: str, scale: float = 10.0) -> float:
    """Degrees between a real gradient and what a format makes of it, at a scale that fits."""
    import torch

    whole = gradient(seed).double() * 2.0**scale
    cast = whole.to(getattr(torch, dtype)).double()
    return angle(whole.numpy(), cast.numpy())


# ---------------------------------------------------------------- a deep gradient in a window

DEEP = 30
"""Sigmoid layers; each multiplies δ by about a quarter."""


@cache
def deep_factor() -> float:
    """The factor of one layer, from mean-field theory."""
    return theory.gradient_decay("sigmoid", 1.0, theory.q_fixed_point("sigmoid", 1.0))


@cache
def deep_delta(dtype: str, scale: int, seed: int = 0) -> Array:
    """Largest |∂ℒ/∂z| in each of 30 sigmoid layers, all passes in a format; (30,).

    The loss, in float32, is multiplied by 2^scale. NaN where an entry is not finite.
    """
    import torch

    from gradcourse.nets import mlp

    form = getattr(torch, dtype)
    net = mlp(DEEP, activation="sigmoid", init="xavier", seed=seed).to(form)
    outputs: list[torch.Tensor] = []

    def keep(_module: Any, _inputs: Any, output: torch.Tensor) -> None:
        output.retain_grad()
        outputs.append(output)

    for name, module in net.named_children():
        if name.startswith("layer"):
            module.register_forward_hook(keep)
    data = digits()
    logits = net(data.x_train[:64].to(form)).float()
    (torch.nn.functional.cross_entropy(logits, data.y_train[:64]) * 2.0**scale).backward()
    sizes = [output.grad.double().abs() for output in outputs]  # type: ignore[union-attr]
    return np.array([float(s.max()) if bool(s.isfinite().all()) else np.nan for s in sizes])


def layers_served(seed: int, dtype: str = "float16") -> int:
    """How many of 30 layers get a gradient that is neither 0 nor infinite, at the best scale."""
    return max(int((deep_delta(dtype, scale, seed) > 0).sum()) for scale in range(0, 32, 2))


# ---------------------------------------------------------------- updates that are lost

RATES = 1.3 * 2.0 ** np.arange(-18, -6)
"""Between the powers of two, where updates of exactly half a step would be tossed up."""


@cache
def stuck(rate: float, seed: int) -> float:
    """Share of a layer's 64 × 64 He weights in bfloat16 that one update of ±rate leaves as it is.

    The size of Adam's first update is its rate, whatever the gradient; its sign is drawn.
    """
    import torch

    generator = torch.Generator().manual_seed(seed)
    weights = (torch.randn(64, 64, generator=generator) * (2 / 64) ** 0.5).bfloat16()
    signs = torch.randint(2, weights.shape, generator=generator) * 2 - 1
    after = (weights.float() + rate * signs).bfloat16()
    return float((after == weights).double().mean())


def lost_updates(relative: float, dtype: str, seed: int = 0) -> float:
    """Share of He weights that an update of a fixed share of each leaves as they are."""
    import torch

    generator = torch.Generator().manual_seed(seed)
    form = getattr(torch, dtype)
    weights = (torch.randn(64, 64, generator=generator) * (2 / 64) ** 0.5).to(form)
    after = (weights.float() * (1 + relative)).to(form)
    return float((after == weights).double().mean())


def stuck_plot() -> Plot:
    """Share of weights that do not move, against the rate; theory dashed."""
    measured = [np.median([stuck(rate, seed) for seed in SEEDS]) for rate in RATES]
    fine = 1.3 * 2.0 ** np.linspace(-18, -7, 221)
    expected = [theory.stuck_share(rate, (2 / 64) ** 0.5) for rate in fine]
    return Plot(
        "Weights in bfloat16 that one update does not move",
        Axis("size of the update: Adam's rate", "log"),
        Axis("share of the weights", limits=(0.0, 1.0)),
        (
            Line(RATES, measured, "measured", color="vermillion"),
            Line(fine, expected, "theory", "theory", "vermillion"),
        ),
    )


@cache
def _rows(name: str) -> tuple[dict[str, Any], ...]:
    return tuple(stored(name).rows)


def in_format(kind: str, key: str) -> Array:
    """One number or array of each stored training of one kind; shape (seeds, …)."""
    return np.array([row[key] for row in _rows("formats") if row["kind"] == kind])


def loss_of(kind: str, updates: int) -> Array:
    """Mean loss of the 20 updates before; shape (seeds,)."""
    return in_format(kind, "loss")[:, updates // formats.EVERY - 1]


def formats_plot(kinds: dict[str, str], updates: int = formats.UPDATES) -> Plot:
    """Stored losses of the same networks with weights in several formats; a line for each seed.

    ``kinds``: from a kind to its colour.
    """
    lines: list[Line] = []
    at = formats.EVERY * np.arange(1, updates // formats.EVERY + 1)
    for kind, color in kinds.items():
        for k, losses in enumerate(in_format(kind, "loss")):
            lines.append(Line(at, losses[: len(at)], kind if k == 0 else "", color=color))
    return Plot(
        "The same start, rows and rate: every line is one network",
        Axis("updates", limits=(0.0, float(updates))),
        Axis("loss", limits=(0.0, 3.6)),
        tuple(lines),
    )


# ---------------------------------------------------------------- width and depth

COLORS = ("blue", "orange", "vermillion")


def losses(kind: str, width: int) -> Array:
    """Stored losses, (seeds, rates); inf where a training was not finite."""
    return rates.losses(_rows("rates"), kind, width)


def best_rates(kind: str, width: int) -> Array:
    """log₂ of the best rate of each stored network; (seeds,)."""
    return rates.best_rates(_rows("rates"), kind, width)


def best_rate(kind: str, width: int) -> int:
    """log₂ of the rate that is best in the median over the networks."""
    return rates.EXPONENTS[int(np.argmin(np.median(losses(kind, width), axis=0)))]


def price(kind: str, tuned: int, width: int) -> Array:
    """Loss at a width with the best rate of another, over the best loss there; (seeds,)."""
    place = rates.EXPONENTS.index(best_rate(kind, tuned))
    found = losses(kind, width)
    return np.asarray(found[:, place] / found.min(axis=1))


BRANCHES = {"1": 0.0, "1/√L": 0.5, "1/L": 1.0}
"""What multiplies each branch of a residual network: L to the power of minus this."""


def best_rates_over_depth(branch: str, blocks: int) -> Array:
    """log₂ of the best rate of each residual network that lesson 07 has stored; (seeds,)."""
    found = [
        row["losses"]
        for row in _rows("depth_transfer")
        if (row["exponent"], row["blocks"]) == (BRANCHES[branch], blocks)
    ]
    finite = np.nan_to_num(np.array(found, dtype=float), nan=np.inf)
    return np.asarray(np.array(LOG2_RATES)[np.argmin(finite, axis=1)])


def rates_plot(kind: str, names: Sequence[str] = ()) -> Plot:
    """Loss against Adam's rate for three widths, in the median over five networks."""
    lines = [
        Line(
            np.array(rates.EXPONENTS),
            np.minimum(np.median(losses(kind, width), axis=0), 1e3),
            names[k] if names else f"width {width}",
            color=COLORS[k],
        )
        for k, width in enumerate(rates.WIDTHS)
    ]
    return Plot(
        kind,
        Axis("Adam's rate, as a power of two"),
        Axis("loss after 60 updates", "log", (0.03, 3.0)),
        tuple(lines),
    )


LETTERS = ("B", "C", "A")
"""What a picture calls the three widths, from 64 to 1024, where they are to be found out."""


def anonymous_rates_plot() -> Plot:
    """The widths of the standard parametrization, by letters and in one colour each."""
    whole = rates_plot(rates.STANDARD, names=LETTERS)
    lines = tuple(sorted(whole.lines, key=lambda line: line.label))
    return replace(whole, title="Three widths, standard parametrization", lines=lines)


MOVED = (64, 128, 256, 512, 1024, 2048)


@cache
def moved(width: int, kind: str, seed: int, rate: float = 2.0**-9) -> float:
    """Root mean square of what one update of Adam changes in z_2, on the update's 64 images."""
    import torch

    layers, data = rates.plain(width, kind, seed), digits()
    generator = torch.Generator().manual_seed(seed)
    rows = torch.randint(len(data.x_train), (rates.ROWS,), generator=generator)
    optimizer = layers.adam(rate)
    before = layers.states(data.x_train[rows])
    torch.nn.functional.cross_entropy(before[-1], data.y_train[rows]).backward()
    optimizer.step()
    with torch.no_grad():
        after = layers.states(data.x_train[rows])
        return float((after[1] - before[1]).square().mean().sqrt())


def moved_plot(seeds: Sequence[int] = range(3)) -> Plot:
    """What one update changes in the pre-activations, against the width; laws dashed."""
    lines: list[Line] = []
    for kind, color, power, name in (
        (rates.STANDARD, "vermillion", 1.0, "theory, ∝ n"),
        (rates.MUP, "blue", 0.0, "theory, level"),
    ):
        found = [float(np.median([moved(n, kind, s) for s in seeds])) for n in MOVED]
        # A law for wide networks: it is laid through the widest.
        law = found[-1] * (np.array(MOVED) / MOVED[-1]) ** power
        lines.append(Line(list(MOVED), found, kind, color=color))
        lines.append(Line(list(MOVED), law, name, "theory", color))
    return Plot(
        "Change of z₂ in one update of Adam, at one rate",
        Axis("width n", "log"),
        Axis("root mean square change", "log"),
        tuple(lines),
    )


# ---------------------------------------------------------------- the recurrent weight


def needed(kind: str) -> list[str]:
    """Updates that each stored network needed, in words."""
    cap = scans.CAPS[kind]
    return [
        f"more than {cap}" if row["updates"] is None else str(row["updates"])
        for row in _rows("scans")
        if row["kind"] == kind
    ]


def median_needed(kind: str) -> float:
    """Their median; infinity counts for those that the cap stopped."""
    found = [row["updates"] or np.inf for row in _rows("scans") if row["kind"] == kind]
    return float(np.median(found))


def roads_plot(seed: int = 0) -> Plot:
    """∂h_T/∂h_t of single units of a minGRU against the lag: autograd, and a product dashed."""
    lag = np.arange(101)
    lines: list[Line] = []
    for slow, color, name in ((0.0, "vermillion", "as it comes"), (4.0, "blue", "keeps 98 %")):
        measured, product = memory.roads(seed, slow=slow)
        unit = int(np.argsort(product[-50])[16])
        lines.append(Line(lag, measured[::-1][lag, unit], name, color=color))
        lines.append(Line(lag, product[::-1][lag, unit], f"theory, {name}", "theory", color))
    return Plot(
        "One unit of a minGRU: what arrives of the gradient",
        Axis("lag T − t", limits=(0.0, 100.0)),
        Axis("gradient", "log"),
        tuple(lines),
    )


# ---------------------------------------------------------------- a spike


def after_accident(kind: str, key: str = "right") -> Array:
    """Shares of the test digits of each stored network, (seeds, 31), or another key."""
    return np.array([row[key] for row in _rows("spikes") if row["kind"] == kind])


def accident_plot() -> Plot:
    """Stored accuracies around an accident with Muon; a line for each network."""
    at = spikes.EVERY * np.arange(spikes.UPDATES // spikes.EVERY + 1)
    lines = [
        Line(at, shares, kind if k == 0 else "", color=color)
        for kind, color in (
            (spikes.ACCIDENT, "vermillion"),
            (spikes.CLIPPED, "blue"),
        )
        for k, shares in enumerate(after_accident(kind))
    ]
    back = spikes.ACCIDENT_AT + theory.updates_to_forget(spikes.ACCIDENT_SIZE, spikes.MOMENTUM)
    lines.append(Line([back, back], [0.0, 1.0], "theory, forgotten", "theory", "vermillion"))
    return Plot(
        "Muon, one accident at update 20: every line is one network",
        Axis("updates", limits=(0.0, float(spikes.UPDATES))),
        Axis("share of the test digits right", limits=(0.0, 1.0)),
        tuple(lines),
    )
