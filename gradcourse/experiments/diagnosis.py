"""Lesson 10: signs held against networks whose state is known, what people bring, histograms."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from gradcourse.experiments.common import SEEDS, Array
from gradcourse.experiments.ward import Outcome, kind, network, outcome, treated
from gradcourse.experiments.ward.signs import SIGNS, examined, networks
from gradcourse.figures import Axis, Line, Plot, SideBySide, side_by_side
from gradcourse.figures.drawing import Arrow, Box, Drawing
from gradcourse.figures.scatter import Point, Scatter
from gradcourse.instrument import Record
from gradcourse.instrument.histogram import Log2Histogram

PUBLISHED: dict[str, float] = {
    "‖g‖ < 1e-7 or > 1": 0.0,
    "‖g‖ < 1e-7 or > 70": math.log10(70),
}
"""Rules of thumb from the web: a norm that is ever below 1e-7, or ever above a limit (log₁₀). 70 is
AutoTrainer's (Zhang et al. 2021), for a ratio of gradients."""


@dataclass(frozen=True)
class Tally:
    """How often a sign is shown by the sick and by the healthy.

    Attributes
    ----------
    sick, healthy : int
        How many there are.
    hits, alarms : int
        How many of each show it.
    """

    sick: int
    healthy: int
    hits: int
    alarms: int

    @property
    def sensitivity(self) -> float:
        """Share of the sick that show it."""
        return self.hits / self.sick

    @property
    def false_alarms(self) -> float:
        """Share of the healthy that show it."""
        return self.alarms / self.healthy

    @property
    def advantage(self) -> float:
        """The difference: 0 for a coin, 1 for a perfect sign (Youden 1950)."""
        return self.sensitivity - self.false_alarms


def tally(rows: Iterable[Mapping[str, Any]]) -> dict[str, Tally]:
    """Count each sign, and the diagnosis, over examined networks."""
    rows = list(rows)
    sick = [row for row in rows if not row["healthy"]]
    healthy = [row for row in rows if row["healthy"]]

    def count(shows: Callable[[Mapping[str, Any]], bool]) -> Tally:
        return Tally(len(sick), len(healthy), sum(map(shows, sick)), sum(map(shows, healthy)))

    counted = {
        sign.key: count(lambda row, key=sign.key: key in row["signs"])  # type: ignore[misc]
        for sign in SIGNS
    }
    for name, limit in PUBLISHED.items():
        counted[name] = count(
            lambda row, limit=limit: row["least_norm"] < -7 or row["largest_norm"] > limit  # type: ignore[misc]
        )
    counted["gc.diagnose"] = count(lambda row: row["diagnosis"] != ["healthy"])
    return counted


# ---------------------------------------------------------------- what people bring

CAUSES: tuple[tuple[str, int, bool], ...] = (
    ("softmax on one unit", 26, True),
    ("a squashing output in a regression", 17, True),
    ("sigmoid under a categorical loss", 14, True),
    ("ReLU on the output", 11, True),
    ("raw outputs under a loss of probabilities", 3, True),
    ("rate, depth, start, scale, data, number of steps", 38, False),
)
"""Causes of 109 public questions (the set of deepmufl, Ghanbari et al. 2023, counted for this
course): a name, how many, and whether it is the last layer."""


def share_of_heads() -> float:
    """Share of the questions in which the last layer does not fit loss and targets."""
    return sum(n for _, n, head in CAUSES if head) / sum(n for _, n, _ in CAUSES)


# ---------------------------------------------------------------- one threshold on a norm


def threshold_rule(rows: Iterable[Mapping[str, Any]], power: float) -> Tally:
    """The rule "‖g‖ is above 10**power at every step", counted over examined networks."""
    rows = list(rows)
    shows = [row["least_norm"] > power for row in rows]
    sick = [not row["healthy"] for row in rows]
    hits = sum(shown and ill for shown, ill in zip(shows, sick, strict=True))
    return Tally(sum(sick), len(rows) - sum(sick), hits, sum(shows) - hits)


# ---------------------------------------------------------------- pictures


def signs_plot(
    stored: Mapping[str, Tally],
    live: Mapping[str, Tally] | None = None,
    bet: tuple[float | None, float | None] = (None, None),
) -> Scatter:
    """Each sign a point: false alarms against hits.

    Parameters
    ----------
    stored : mapping
        What was measured on all networks.
    live : mapping, optional
        The same from fewer, drawn as small grey points.
    bet : (float or None, float or None)
        The learner's hits and false alarms, in per cent, for "‖g‖ > 1 always".
    """
    free = {sign.key: sign.scale_free for sign in SIGNS} | dict.fromkeys(PUBLISHED, False)
    colors = {True: "blue", False: "vermillion", None: "green"}
    points = [_point(counted, "", "grey") for counted in (live or {}).values()]
    points += [_point(counted, key, colors[free.get(key)]) for key, counted in stored.items()]
    hits, alarms = bet
    if hits is not None and alarms is not None:
        points.append(Point(alarms, hits, "your bet", "purple", alarms > 80))
    key = (
        ("green", "gc.diagnose, stored"),
        ("blue", "scale-free signs, stored"),
        ("vermillion", "absolute signs, stored"),
        *([("grey", "trained now")] if live else []),
    )
    return Scatter(
        "Each sign: hits among the sick, false alarms among the healthy",
        "healthy networks with the sign, %",
        "sick networks with the sign, %",
        tuple(points),
        (-3.0, 104.0, -4.0, 104.0),
        key,
        "a coin",
        key_at="center right",
    )


def _point(counted: Tally, name: str, color: str) -> Point:
    alarms = 100 * counted.false_alarms
    return Point(alarms, 100 * counted.sensitivity, name, color, alarms > 70)


# ---------------------------------------------------------------- three histograms to read


@cache
def three_networks() -> dict[str, Record]:
    """A healthy network, one whose gradient vanishes, one with a small loss; probed once."""
    from gradcourse.experiments.common import cross_entropy
    from gradcourse.instrument import probe
    from gradcourse.nets import mlp

    records = {}
    for name, depth, activation, init, scale in (
        ("A", 6, "relu", "he", 1.0),
        ("B", 6, "sigmoid", "xavier", 1.0),
        ("C", 6, "relu", "he", 2.0**-14),
    ):
        model = mlp(depth, activation=activation, init=init, seed=3)
        with probe(model, level="everything") as record:
            (scale * cross_entropy(model, 256)).backward()
        records[name] = record
    return records


def _ends(record: Record) -> tuple[Log2Histogram, Log2Histogram]:
    first, *_, last = (h[0] for h in record.log2_histograms.values())
    return first, last


def _middle(histogram: Log2Histogram) -> float:
    """The power of two below which half of the entries lie."""
    below = np.cumsum(histogram.counts) / histogram.counts.sum()
    return float(histogram.exponents[int(np.searchsorted(below, 0.5))])


def vanishing_one() -> str:
    """Key of the network whose first and last histogram lie furthest apart."""
    apart = {
        name: abs(_middle(first) - _middle(last))
        for name, (first, last) in ((n, _ends(r)) for n, r in three_networks().items())
    }
    return max(apart, key=lambda name: apart[name]).lower()


def three_histograms() -> SideBySide:
    """|∂ℒ/∂w| of the first and the last matrix in three networks."""
    plots = []
    for name, record in three_networks().items():
        lines = []
        for histogram, label, color in zip(
            _ends(record), ("first", "last"), ("vermillion", "blue"), strict=True
        ):
            share = histogram.counts / histogram.counts.sum()
            lines.append(Line(histogram.exponents.astype(float), share, label, color=color))
        plots.append(
            Plot(name, Axis("log₂ |∂ℒ/∂w|", limits=(-40.0, 0.0)), Axis("share"), tuple(lines))
        )
    return side_by_side(*plots)


# ---------------------------------------------------------------- networks of the lesson


@cache
def trained_now(seed: int) -> list[dict[str, Any]]:
    """One network of each kind with a new seed, examined as those that are stored."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # medians of what was never measured
        return [examined(*patient) for patient in networks([seed], [seed])]


@cache
def two_networks() -> dict[str, list[Outcome]]:
    """The puzzle: five networks A with an enormous gradient, and five B with an ordinary one."""
    return {
        "A": [network("loud", seed, scale=1e4) for seed in SEEDS],
        "B": [network("mispaired", seed) for seed in SEEDS],
    }


def decades(run: Outcome) -> float:
    """Decades by which δ changes between last and first matrix, in the median over the updates."""
    record = run.record
    delta = record.output_gradient_rms[record.measured][:, record.select("Linear")]
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(np.nanmedian(np.abs(np.log10(delta[:, 0] / delta[:, -1]))))


def stuck(key: str, seeds: Iterable[int] = range(3), times: int = 1) -> tuple[Array, Array]:
    """What becomes of a kind of network whose loss ends at ln C.

    Parameters
    ----------
    key : str
    seeds : iterable of int
    times : int
        So many times the kind's updates, before the end is looked at.

    Returns
    -------
    end : array, shape (seeds,)
        Mean loss of the last 20 updates.
    cured : array, shape (seeds,)
        Share of test rows right with the kind's first cure, in the kind's own number of updates.
    """
    end, cured = [], []
    for seed in seeds:
        recipe = network(key, seed).recipe
        end.append(network(key, seed, updates=times * recipe.updates).loss[-20:].mean())
        cured.append(outcome(treated(recipe, kind(key).cure[0])).measured)
    return np.array(end), np.array(cured)


@dataclass(frozen=True)
class Edge:
    """Gradient descent on all rows: the sharpness, and the loss.

    Attributes
    ----------
    sharpness : float
        Largest eigenvalue of the Hessian, in the mean over the last 100 steps.
    loss : float
        At the end, relative to the start.
    """

    sharpness: float
    loss: float


@cache
def edge_of_stability(rate: float, seed: int, steps: int = 600) -> Edge:
    """Train two tanh layers on 200 digits by gradient descent, with the squared error.

    Cohen et al. (2021).
    """
    import torch

    from gradcourse.experiments.common import digits
    from gradcourse.nets import mlp

    x, y = digits().x_train[:200], digits().y_train[:200]
    target = torch.nn.functional.one_hot(y, 10).float()
    model = mlp(2, 32, "tanh", seed=seed)
    parameters = list(model.parameters())
    direction = [torch.ones_like(p) for p in parameters]
    losses, sharpness = [], []
    for k in range(steps):
        loss = (model(x) - target).square().sum(1).mean()
        gradients = torch.autograd.grad(loss, parameters, create_graph=k >= steps - 100)
        losses.append(float(loss.detach()))
        if k >= steps - 100 and k % 10 == 0:
            value, direction = _largest(gradients, parameters, direction)
            sharpness.append(value)
        with torch.no_grad():
            for p, g in zip(parameters, gradients, strict=True):
                p.sub_(g, alpha=rate)
    return Edge(float(np.mean(sharpness)), losses[-1] / losses[0])


def _largest(gradients: Any, parameters: Any, direction: Any) -> tuple[float, Any]:
    """The largest eigenvalue of the Hessian, by 20 turns of the power method."""
    import torch

    value = 0.0
    for _ in range(20):
        size = torch.sqrt(sum(d.square().sum() for d in direction))
        direction = [d / size for d in direction]
        product = torch.autograd.grad(
            gradients, parameters, grad_outputs=direction, retain_graph=True
        )
        value = float(sum((d * p).sum() for d, p in zip(direction, product, strict=True)))
        direction = [p.detach() for p in product]
    return value, direction


# ---------------------------------------------------------------- the order of triage

QUESTIONS = (
    ("Is the loss finite?", "gc.watch names module and operation", "10"),
    ("Does it begin at ln C?", "outputs too large, or a head that does not fit", "05, 02"),
    ("Do the outputs depend\non the inputs?", "saturated, dead, faded, or cut off", "02, 04"),
    ("Can it learn one batch\nby heart?", "rate, head, or data that do not fit", "01, 10"),
    ("Does every parameter\ntrain?", "not in the graph, or not in the optimizer", "10"),
    ("Do rows and targets fit,\nalso in the test?", "pairs, units, model.eval()", "06"),
    ("Is δ level over the depth?", "initialization, normalization, skips", "05–07"),
    ("Is ‖ΔW‖/‖W‖ near 10⁻³?", "learning rate, clipping, Adam's memory", "09"),
    ("Is δ level over the lag?", "gates, orthogonal start", "03, 08"),
)
"""Question, where to look if the answer is no, and the lessons; the cheapest first."""


def triage_tree(first: int = 1, last: int = len(QUESTIONS)) -> Drawing:
    """The order of triage: questions from above, and what a "no" says.

    Parameters
    ----------
    first, last : int
        Numbers of the first and the last question that are drawn.
    """
    boxes, arrows = [], []
    shown = list(enumerate(QUESTIONS, start=1))[first - 1 : last]
    for row, (k, (question, look, lessons)) in enumerate(shown):
        y = 0.42 + 0.72 * row
        color = "blue" if k <= 6 else "orange"
        boxes.append(Box(1.55, y, 2.5, 0.52, f"{k}  {question}", color))
        boxes.append(Box(5.6, y, 4.0, 0.46, f"{look}  ({lessons})", "grey"))
        arrows.append(Arrow((2.82, y), (3.58, y), "no"))
        arrows.append(Arrow((1.55, y + 0.26), (1.55, y + 0.46)))
    bottom = 0.42 + 0.72 * len(shown)
    end = "more steps, more data,\nor the task is hard"
    if last < len(QUESTIONS):
        end = f"go on with question {last + 1}"
    boxes.append(Box(1.55, bottom, 2.5, 0.46, end, "green"))
    words = f"The order of triage, from above, questions {first} to {last}. " + " ".join(
        f"{k}: {' '.join(question.split())} If not: {look} (lesson {lessons})."
        for k, (question, look, lessons) in shown
    )
    return Drawing(7.75, bottom + 0.4, tuple(boxes), tuple(arrows), words)
