"""What can be measured on a network: each examination gives lines of numbers, some a picture."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from gradcourse.diagnosis import diagnose
from gradcourse.emergency.prices import PRICES
from gradcourse.experiments.common import Array
from gradcourse.experiments.ward import Outcome, Recipe, outcome
from gradcourse.experiments.ward.recipe import loss_of, rows_of
from gradcourse.figures import Axis, Line, Plot, depth_plot, lag_plot
from gradcourse.instrument import Record


@dataclass(frozen=True)
class Result:
    """What an examination found.

    Attributes
    ----------
    title : str
    lines : tuple of str
    plot : Plot, optional
    """

    title: str
    lines: tuple[str, ...]
    plot: Plot | None = None

    def __repr__(self) -> str:
        return "\n".join([self.title, *(f"  {line}" for line in self.lines)])

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> Any:
        if self.plot is None:
            return {"text/plain": repr(self)}, {}
        data, metadata = self.plot._repr_mimebundle_()
        return {**data, "text/plain": repr(self)}, metadata


@dataclass(frozen=True)
class Examination:
    """One thing that can be measured.

    Attributes
    ----------
    key, text : str
        "who trains", and what it shows.
    measure : callable
        From a recipe to a `Result`.
    """

    key: str
    text: str
    measure: Callable[[Recipe], Result]

    @property
    def price(self) -> int:
        """In points."""
        return PRICES[self.key]


def _run(recipe: Recipe) -> Outcome:
    return outcome(recipe, True)


def loss_plot(recipe: Recipe) -> Plot:
    """The loss of each batch, and of a guess that looks at nothing."""
    losses = _run(recipe).loss
    finite = np.where(np.isfinite(losses), losses, np.nan)
    updates = np.arange(len(losses))
    log = bool(np.nanmax(finite) > 30 * max(np.nanmin(finite), 1e-30))
    lines = [Line(updates, finite, "loss of the batch", color="blue")]
    if len(updates) > 1:
        guess = np.full(2, guessing(recipe))
        lines.append(Line(updates[[0, -1]], guess, "a constant answer", "reference"))
    ended = "" if np.isfinite(losses[-1]) else f", not finite from update {len(losses) - 1}"
    return Plot(
        f"The loss over {len(losses)} updates{ended}",
        Axis("update"),
        Axis("loss", "log" if log else "linear"),
        tuple(lines),
    )


def guessing(recipe: Recipe) -> float:
    """Loss of the best constant answer: ln C, or the variance of the targets."""
    if recipe.task == "regression":
        return recipe.scale * float(rows_of(recipe)[1].var())
    return recipe.scale * math.log(10 if recipe.task == "digits" else 2)


def _first_loss(recipe: Recipe) -> Result:
    losses, guess = _run(recipe).loss, guessing(recipe)
    return Result(
        "first loss",
        (
            f"loss at update 0    {losses[0]:.3g}",
            f"a constant answer   {guess:.3g}",
            f"last 20 updates     {np.mean(losses[-20:]):.3g}",
        ),
    )


def _outputs(recipe: Recipe) -> Result:
    run = _run(recipe)
    x, y, *_ = rows_of(recipe)
    run.model.eval()
    with torch.no_grad():
        out = run.model(x[:256]).double()
    lines = [
        f"outputs lie in       {float(out.min()):.3g} to {float(out.max()):.3g}",
        f"spread over rows     {float(out.std(0).mean()):.3g}",
    ]
    if recipe.task == "regression":
        lines.append(f"targets lie in       {float(y.min()):.3g} to {float(y.max()):.3g}")
    else:
        sums = out.sum(1)
        lines.append(f"sum over the classes {float(sums.min()):.3g} to {float(sums.max()):.3g}")
        lines.append("the loss             cross-entropy, which takes raw outputs")
    return Result("outputs", tuple(lines))


def _who_trains(recipe: Recipe) -> Result:
    record = _run(recipe).record
    lines = [
        f"{row.name:22} gradient {row.gradient:5} in the optimizer {_yes(row.in_optimizer):3} "
        f"changed {row.changed:.0%}"
        if row.changed is not None and math.isfinite(row.changed)
        else f"{row.name:22} gradient {row.gradient:5} in the optimizer {_yes(row.in_optimizer):3} "
        "changed –"
        for row in record.who_trains()
    ]
    return Result("who trains", tuple(lines))


def _yes(flag: bool | None) -> str:
    return "?" if flag is None else "yes" if flag else "no"


def _rows(recipe: Recipe) -> Result:
    x, y, *_ = rows_of(recipe)
    lines = [
        f"inputs    mean {float(x.mean()):.3g}, standard deviation {float(x.std()):.3g}, "
        f"{float(x.min()):.3g} to {float(x.max()):.3g}"
    ]
    if recipe.task == "regression":
        lines.append(
            f"targets   mean {float(y.mean()):.3g}, standard deviation {float(y.std()):.3g}"
        )
    lines.append(f"nearest neighbours {_agreement(recipe, x, y)}")
    return Result("rows", tuple(lines))


def _agreement(recipe: Recipe, x: torch.Tensor, y: torch.Tensor) -> str:
    """Do rows that are alike have targets that are alike?"""
    flat = (x[:400, 0] if recipe.task == "recall" else x[:400]).double()
    distance = torch.cdist(flat, flat)
    distance.fill_diagonal_(math.inf)
    nearest = distance.argmin(1)
    if recipe.task == "regression":
        pairs = torch.stack([y[:400, 0], y[nearest, 0]]).double()
        return f"have targets that correlate by {float(torch.corrcoef(pairs)[0, 1]):.2f}"
    same = float((y[:400] == y[nearest]).double().mean())
    chance = 0.1 if recipe.task == "digits" else 0.5
    return f"have the same target in {same:.0%} of 400 rows (at random: {chance:.0%})"


def _median(values: Array) -> Array:
    """Over the steps, where at least one was measured."""
    kept = values[:, np.isfinite(values).any(axis=0)]
    return np.nanmedian(kept, axis=0)


def _updates(recipe: Recipe) -> Result:
    record = _run(recipe).record
    ratio = record.update_ratio[record.update_measured]
    shown = np.isfinite(ratio).any(axis=0)
    if not shown.any():
        return Result("updates", ("no weight was updated at all: ‖ΔW‖/‖W‖ was never measured",))
    names = [name for name, there in zip(record.weights, shown, strict=True) if there]
    first, rest = np.nan_to_num(ratio[0, shown]), _median(ratio)
    lines = [
        f"{name:22} ‖ΔW‖/‖W‖ {a:8.1e} at update 0, median {b:8.1e}"
        for name, a, b in zip(names, first, rest, strict=True)
    ]
    return Result("updates", tuple(lines))


def _norms(recipe: Recipe) -> Result:
    run = _run(recipe)
    shown = np.where(np.isfinite(run.norm), run.norm, np.nan)
    lines = [
        f"‖g‖ at update 0 {run.norm[0]:.2g}, median {np.nanmedian(shown):.2g}, "
        f"largest {np.nanmax(shown):.2g} at update {int(np.nanargmax(shown))}, "
        f"last {run.norm[-1]:.2g}"
    ]
    plot = Plot(
        "Norm of the gradient, before clipping",
        Axis("update"),
        Axis("‖g‖", "log"),
        (Line(np.arange(len(shown)), shown, "‖g‖", color="vermillion"),),
    )
    return Result("norm over time", tuple(lines), plot)


def _units(recipe: Recipe) -> Result:
    record = _run(recipe).record
    rows = record.measured
    lines = []
    for k, (name, kind) in enumerate(zip(record.layers, record.kinds, strict=True)):
        std = record.activation_std[rows, k]
        row = f"{name:12} {kind:12} spread {std[0]:7.2g} → {std[-1]:7.2g}"
        for word, table in (("dead", record.dead_fraction), ("flat", record.saturated_fraction)):
            share = table[rows, k]
            if np.isfinite(share).any():
                row += f"   {word} {share[0]:4.0%} → {share[-1]:4.0%}"
        lines.append(row)
    return Result("units", tuple(lines))


def _modes(recipe: Recipe) -> Result:
    run = _run(recipe)
    x, y, *_ = rows_of(recipe)
    lines = []
    for mode in ("training", "evaluation"):
        run.model.train(mode == "training")
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            out = run.model(x[:256])
        loss = float(recipe.scale * loss_of(recipe, out, y[:256]))
        lines.append(f"loss of 256 training rows in {mode} mode {loss:.3g}")
    run.model.eval()
    lines.append(f"measured on the test rows, as the owner tests it {run.measured:.2f}")
    return Result("modes", tuple(lines))


def _one_batch(recipe: Recipe) -> Result:
    few = outcome(replace(recipe, rows=16, batch=16, updates=200, spike_at=-1))
    return Result(
        "one batch",
        (
            f"200 updates on the same 16 rows: loss {few.loss[0]:.3g} → {few.loss[-1]:.3g}",
            f"a constant answer {guessing(recipe):.3g}",
        ),
    )


def _by_layer(recipe: Recipe) -> Result:
    record = _run(recipe).record
    kept = [k for k, kind in enumerate(record.kinds) if kind in ("Linear", "LSTM", "RNN")]
    delta = record.output_gradient_rms[record.measured][:, kept]
    names = [record.layers[k] for k in kept]
    lines = [
        f"{name:12} δ {_size(a)} at update 0, {_size(b)} at the end"
        for name, a, b in zip(names, delta[0], delta[-1], strict=True)
    ]
    return Result("gradient by layer", tuple(lines), _depth(record, delta))


def _size(value: float) -> str:
    """Where no gradient came back there is none, which is not 0."""
    return f"{value:8.1e}" if np.isfinite(value) else "    none"


def _depth(record: Record, delta: Array) -> Plot | None:
    if delta.shape[1] < 2 or not np.isfinite(delta).any():
        return None
    return depth_plot(record, step=int(np.flatnonzero(record.measured)[0]), healthy=10.0)


def _by_lag(recipe: Recipe) -> Result:
    record = _run(recipe).record
    if not record.lag_gradient:
        return Result("gradient by lag", ("there is no recurrent layer",))
    (table,) = record.lag_gradient.values()
    rows = table[np.isfinite(table).any(axis=1)]
    lines = [
        f"{when}: at the oldest step {row[0]:.1e}, at the newest {row[-1]:.1e}"
        for when, row in (("update 0", rows[0]), ("last", rows[-1]))
    ]
    first = rows[0]
    plot = lag_plot(record, step=0) if (first > 0).all() else None
    return Result("gradient by lag", tuple(lines), plot)


def _second_opinion(recipe: Recipe) -> Result:
    diagnosis = diagnose(_run(recipe).record)
    return Result(
        "second opinion",
        (diagnosis.headline, *(finding.summary for finding in diagnosis.findings)),
    )


EXAMINATIONS: tuple[Examination, ...] = (
    Examination(
        "first loss", "the loss at update 0, beside that of a constant answer", _first_loss
    ),
    Examination("outputs", "their range and spread, beside what the loss wants", _outputs),
    Examination("who trains", "each parameter: gradient, in the optimizer, changed", _who_trains),
    Examination("rows", "units of the data; do like rows have like targets?", _rows),
    Examination("updates", "‖ΔW‖/‖W‖ of each matrix", _updates),
    Examination("norm over time", "‖g‖ at each update", _norms),
    Examination("units", "spread, dead and flat units of each layer", _units),
    Examination("modes", "the same rows in training and in evaluation mode", _modes),
    Examination("one batch", "can it learn 16 rows by heart?", _one_batch),
    Examination("gradient by layer", "δ of each layer", _by_layer),
    Examination("gradient by lag", "the gradient against the time lag", _by_lag),
    Examination("second opinion", "what gc.diagnose says", _second_opinion),
)
"""In the order of their prices."""


def examination(key: str) -> Examination:
    """Return one by its key, which `Chart.plus` has checked."""
    return next(row for row in EXAMINATIONS if row.key == key)
