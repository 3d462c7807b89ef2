"""What the rules read: a record, and what they all ask of it."""

from __future__ import annotations

import math
import warnings
from functools import cached_property
from typing import Any

import numpy as np

from gradcourse.diagnosis.causes.lost_updates import loss_scale
from gradcourse.diagnosis.thresholds import threshold
from gradcourse.instrument import Record
from gradcourse.instrument.record.facts import Head
from gradcourse.instrument.record.owners import owner
from gradcourse.support import GradcourseError

SHORTEST = 8
"""A layer called this often in a step is a sequence; there is no slope in fewer points."""

ZERO = -60.0
"""log₁₀ of what counts as 0: below everything that float32 can hold."""


class Signals:
    """A record as the rules read it: all that a `Record` has, worked out once, and a few more.

    Arrays are by step (rows) and by layer, parameter or weight (columns), with NaN for whatever
    was not measured.

    Raises
    ------
    GradcourseError
        If it is given no record, or one that holds no step.
    """

    def __init__(self, record: Record) -> None:
        if not isinstance(record, Record):
            raise GradcourseError(
                f"diagnose got {type(record).__name__!r}; it takes the record of a probe: "
                "with gc.probe(model) as record: … then gc.diagnose(record)."
            )
        if not len(record) and any(t.changed > 0 for t in record.facts.trainees):
            raise GradcourseError(
                "The record holds no step: the parameters have changed, but no backward pass came "
                "to them and this optimizer made no update, so there is no gradient to judge."
            )
        if not len(record):
            raise GradcourseError(
                "The record holds no step, so there is nothing to diagnose. Inside the "
                "`with gc.probe(model) as record:` block, call model(x) and then loss.backward()."
            )
        self.record = record.so_far()  # the loop may go on in another thread

    def __getattr__(self, name: str) -> Any:
        value = getattr(self.record, name)
        setattr(self, name, value)
        return value

    @cached_property
    def climbs(self) -> bool:
        """Whether the optimizer is to raise what is logged.

        With maximize=True, unless that has fallen: then minus the loss goes backward.
        """
        logged = self.record.loss[np.isfinite(self.record.loss)]
        up = self.record.facts.optimizer.get("maximize", 0.0) == 1
        return up and not (len(logged) >= 10 and 0 < 2 * np.median(logged[-5:]) < logged[:5].min())

    @cached_property
    def loss(self) -> np.ndarray:
        """What the optimizer is to lower: minus what was logged, where it climbs."""
        return -self.record.loss if self.climbs else self.record.loss

    def known_loss(self, good: np.ndarray) -> np.ndarray:
        """The finite losses at these rows, in order."""
        return np.asarray(self.loss[good & np.isfinite(self.loss)])

    @property
    def bad(self) -> np.ndarray:
        """Which steps hold NaN or Inf somewhere, bool, shape (S,)."""
        # NaN alone says nothing: it also stands for "not measured". NaN that matters reaches a
        # gradient, where `nonfinite` tells the two apart.
        infinite = np.isinf(self.activation_norm).any(axis=1)
        lost = self.loss_logged & ~np.isfinite(self.loss)
        return self.nonfinite.any(axis=1) | infinite | lost

    @property
    def dtypes(self) -> set[str]:
        """Those of the parameters; "scaled" is among them under a gradient scaler."""
        trainees = self.record.facts.trainees
        scaled = {"scaled"} if loss_scale(self.record) > 1 else set()
        return {trainee.dtype for trainee in trainees} | scaled

    @property
    def has(self) -> frozenset[str]:
        """What the network already has, of what a remedy may propose."""
        facts = self.record.facts
        norm = {"norm"} if any("Norm" in kind for kind in self.kinds) else set()
        skips = {"residual"} if facts.sums >= 2 else set()
        after = {"post-norm"} if facts.post_norms >= 2 else set()
        return frozenset(norm | skips | after | self.dtypes)

    @property
    def clears(self) -> bool:
        """Whether gradients were found to be cleared between two updates, each time one looked."""
        facts = self.record.facts
        return facts.clearing_looked > 0 and not facts.uncleared

    @property
    def hidden_kinds(self) -> set[str]:
        """Classes of the layers but the last: an activation there is a matter of the loss."""
        return set(self.kinds[:-1])

    @property
    def owners(self) -> tuple[str, ...]:
        """The layer of each weight."""
        return tuple(owner(name) for name in self.weights)

    @property
    def chain(self) -> list[list[int]]:
        """Columns of each layer that owns a weight, in the order in which they first run.

        A layer has one column for each call: a discriminator sees real data and false, a Siamese
        net two views. One that is called as often as a sequence is long is judged by its lags.
        """
        # A model that is itself one layer has parameters without a prefix.
        if "" in self.owners and len(self.layers) == 1:
            return [[0]]
        owners = set(self.owners)
        return [
            columns
            for name, columns in self._columns().items()
            if name in owners and len(columns) < SHORTEST
        ]

    def along(self, table: np.ndarray, chain: list[list[int]]) -> np.ndarray:
        """Root of the sum of squares over each layer's calls, as over one larger batch.

        NaN where no call was measured. Shape (S, len(chain)).
        """
        parts = [table[:, calls] for calls in chain]
        with np.errstate(over="ignore"):
            roots = [np.sqrt(np.nansum(part**2, axis=1)) for part in parts]
        # The usual single call as it was measured: a square may leave float64.
        roots = [
            part[:, 0] if part.shape[1] == 1 else root
            for part, root in zip(parts, roots, strict=True)
        ]
        missing = [np.isnan(part).all(axis=1) for part in parts]
        lines = [np.where(none, np.nan, root) for none, root in zip(missing, roots, strict=True)]
        return np.stack(lines, axis=1) if lines else np.full((self.steps, 0), np.nan)

    def normalizes(self, below: str, above: str) -> bool:
        """Whether a normalization runs between two layers."""
        if below not in self.layers or above not in self.layers:
            return False
        between = self.kinds[self.layers.index(below) + 1 : self.layers.index(above)]
        return any("Norm" in kind for kind in between)

    def calls(self) -> dict[str, list[int]]:
        """Columns of each layer that is called several times in a step, in the order of time."""
        return {name: columns for name, columns in self._columns().items() if len(columns) > 1}

    def _columns(self) -> dict[str, list[int]]:
        """Columns of all calls of each layer, in the order in which layers first run."""
        groups: dict[str, list[int]] = {}
        for k, name in enumerate(self.layers):
            groups.setdefault(name.partition(" #")[0], []).append(k)
        return groups


def ends(loss: np.ndarray) -> tuple[float, float]:
    """Where losses begin and end: the medians of the first five and of the last third."""
    return float(np.median(loss[:5])), float(np.median(loss[-(len(loss) // 3) :]))


def guess(head: Head) -> float:
    """The cross-entropy at which all classes are equally likely; 0 of another loss.

    Soft targets have a floor of their own.
    """
    if head.loss in _OF_CLASSES and head.columns > 1:
        return math.log(head.columns)
    return math.log(2) if head.loss in _OF_TWO and head.hard else 0.0


_OF_CLASSES = ("cross-entropy of logits", "minus the log of the class's output")
_OF_TWO = ("binary cross-entropy of logits", "binary cross-entropy of probabilities")


def data_size(signals: Signals) -> tuple[float, str]:
    """What is furthest from size 1 of inputs and of targets under a squared error, and its name."""
    facts = signals.record.facts
    sizes = [(target_size(signals), "The targets"), (facts.input_size, "The inputs")]
    if facts.input_spread > threshold("out_of_scale"):
        sizes.append((facts.input_spread, "The inputs' columns, against each other,"))
    sizes += [(1 / size, f"{name}, inverted,") for size, name in sizes if size > 0]
    return max((s for s in sizes if math.isfinite(s[0])), default=(math.nan, ""))


def target_size(signals: Signals) -> float:
    """Largest target under a squared error; NaN where there is none.

    The first: of outputs that have run off, or died, targets cannot be told any more.
    """
    heads = (h for h in signals.record.facts.heads if h.loss == "squared error")
    return next((max(abs(h.target_low), abs(h.target_high)) for h in heads), math.nan)


def is_out_of_scale(signals: Signals) -> bool:
    """Whether inputs or targets are far larger than 1, or apart from each other."""
    return data_size(signals)[0] > threshold("out_of_scale")


def is_around_zero(loss: np.ndarray) -> bool:
    """Whether it has both signs, as that of a game or of a policy: there is no floor to reach."""
    return len(loss) > 0 and bool(loss.min() < 0 < loss.max())


def log10(values: np.ndarray) -> np.ndarray:
    """Decimal log; an exact 0 counts as 1e-60, what is not finite as NaN."""
    finite = np.where(np.isfinite(values), values, np.nan)
    with np.errstate(divide="ignore"):
        return np.maximum(np.log10(finite), ZERO)


def median(values: np.ndarray, axis: int | None = None) -> Any:
    """Median of what was measured; NaN where nothing was."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        return np.nanmedian(values, axis=axis)


def largest(values: np.ndarray, axis: int | None = None) -> Any:
    """Maximum of what was measured; NaN where nothing was."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        return np.nanmax(values, axis=axis) if values.size else np.nan


def trend(values: np.ndarray) -> float:
    """Change from the first to the last of a sequence, by the medians of its outer quarters.

    Extrapolated from the centres of the quarters to the ends, so that a straight line gives what
    its ends give. NaN are left out; fewer than two values have no trend.
    """
    known = values[np.isfinite(values)]
    n = len(known)
    if n < 2:
        return float("nan")
    quarter = max(1, n // 4)
    change = np.median(known[-quarter:]) - np.median(known[:quarter])
    return float(change * (n - 1) / (n - quarter))
