"""What a probe notes about a whole run: who trains, what comes out, how it is updated."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from copy import copy
from dataclasses import asdict, dataclass, field, fields, replace
from types import MappingProxyType
from typing import Any

from gradcourse.markup import table


@dataclass
class Trainee:
    """One parameter, and whether it takes part in the training.

    Attributes
    ----------
    name : str
    shape : tuple of int
    dtype : str
        "float32", …
    requires_grad : bool
        At first or at the end.
    in_optimizer : bool or None
        At first or at the end; None if the probe was given no optimizer.
    ran : str
        Whether its layer ran: "with a graph", "without a graph" (under ``torch.no_grad``, as in a
        reentrant checkpoint), or "no".
    reached : bool or None
        Whether the graph of the model's output leads to it; None if that was not looked at.
    gradient : str
        "some", "0" (exactly, at every step) or "none".
    changed : float
        Share of its entries that a measured update changed, in the median; NaN if unknown.
    """

    name: str
    shape: tuple[int, ...] = ()
    dtype: str = ""
    requires_grad: bool = True
    in_optimizer: bool | None = None
    ran: str = "no"
    reached: bool | None = None
    gradient: str = "none"
    changed: float = math.nan

    @property
    def size(self) -> int:
        """Number of its entries."""
        return math.prod(self.shape)


class Trainees(tuple[Trainee, ...]):
    """All parameters of a run; prints as a table."""

    __slots__ = ()

    def _rows(self) -> Iterator[tuple[str, ...]]:
        yield ("parameter", "dtype", "requires_grad", "in optimizer", "ran", "gradient", "changed")
        for each in self:
            member = "–" if each.in_optimizer is None else _yes(each.in_optimizer)
            changed = "–" if math.isnan(each.changed) else f"{each.changed:.0%}"
            yield (
                *(each.name, each.dtype, _yes(each.requires_grad), member),
                *(each.ran, each.gradient, changed),
            )

    def __repr__(self) -> str:
        rows = list(self._rows())
        widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
        lines = (
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in rows
        )
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        heads, *rows = self._rows()
        return table(rows, heads, "Who trains")


@dataclass
class Head:
    """The model's output at one step, and the loss function as its numbers show it.

    Attributes
    ----------
    step : int
    shape : tuple of int
        Of the output, as the model gave it.
    rows, columns : int
        Rows of the batch, and outputs along the classes' dimension.
    end : str
        The operation that made the output, if it is one of "Softmax", "LogSoftmax", "Sigmoid",
        "Tanh", "Relu", "Clamp", "Exp", "Softplus"; else "".
    over : int
        For a softmax, how many numbers it is taken over; 0 otherwise.
    over_batch : bool
        Whether that is over the rows of the batch.
    across : bool
        Whether that is over another dimension than the one from which the loss picks a class.
    low, high : float
        Smallest and largest output.
    size, spread : float
        Root mean square of the outputs; and of what differs between the rows, over it.
    total : float
        Mean over the rows of the sum of a row's outputs.
    normed : bool
        Whether each row is a distribution: not negative, with sum 1.
    log_normed : bool
        Whether each row holds the logarithms of one.
    loss : str
        One of `LOSSES`, or "" where the numbers fit none.
    share : float
        What the cross-entropy of this output makes of a loss of several terms; NaN of others.
    target_low, target_high : float
        Range of the targets, where they follow from the numbers.
    hard : bool
        Whether all of these are 0 or 1, or classes.
    unexplained : float
        Of a squared error, over the variance of the targets about their mean; NaN of others.
    outlying : float
        Share of a squared error that comes from targets which lie hundreds of quartile distances
        from the median of their column, where few rows have any.
    unreachable : float
        Share of the targets that lie beyond what ``end`` can give.
    scale : float
        Factor by which the loss was multiplied before the backward pass; NaN if unknown.
    skipped : float
        Share of the rows whose gradient is exactly 0 though the output is not sure.
    settled : bool
        Whether, as logits or probabilities, the outputs give one and the same class all the
        probability, in every row.
    """

    step: int = 0
    shape: tuple[int, ...] = ()
    rows: int = 0
    columns: int = 0
    end: str = ""
    over: int = 0
    over_batch: bool = False
    across: bool = False
    low: float = math.nan
    high: float = math.nan
    size: float = math.nan
    spread: float = math.nan
    total: float = math.nan
    normed: bool = False
    log_normed: bool = False
    loss: str = ""
    share: float = math.nan
    target_low: float = math.nan
    target_high: float = math.nan
    hard: bool = False
    unexplained: float = math.nan
    outlying: float = 0.0
    unreachable: float = 0.0
    scale: float = math.nan
    skipped: float = 0.0
    settled: bool = False


LOSSES = (
    "cross-entropy of logits",
    "minus the output of the class",
    "minus the log of the class's output",
    "binary cross-entropy of probabilities",
    "binary cross-entropy of logits",
    "squared error",
    "squared error with every target",
    "log of one minus the output",
    "Poisson likelihood of means",
    "minus the log of the class's share",
    "minus a loss that should fall",
    "a distance to every target",
    "a distance",
    "cross-entropy over the rows",
    "binary cross-entropy of one class alone",
    "cross-entropy across the axes",
    "Kullback-Leibler divergence",
    "Poisson likelihood of logarithms",
)
"""Loss functions that are told by their value and their gradient alone."""


@dataclass
class Facts:
    """What is noted once, or a few times in a run; filled by a probe.

    Attributes
    ----------
    trainees : list of Trainee
    strangers : list of str
        Shapes of the leaves of the output's graph that require a gradient and are neither a
        parameter nor an input.
    foreign : int
        Tensors that the optimizer updates and that are no parameter of the model.
    sums, post_norms, exponentials : int
        Additions of two branches in the graph of the output, normalizations right after one, and
        calls of exp.
    first_layer : str
        The first layer that ran.
    first_layer_size : float
        Root mean square of what it was given, the first time; NaN where that is no real tensor.
    input_size, input_spread : float
        Of the first real input with features along its last dimension: its root mean square, and
        that of its largest feature over their median; NaN if there was none.
    equal_rows : list of str
        Weights that are not 0 and whose rows were all the same from first to last: units that
        never differ.
    only_linear : bool
        Whether the model is a chain of two linear layers or more and nothing else that bends.
    stairs : list of str
        Operations without a slope in the graph of the output: "round", "sign", …
    steps_of : dict of str to int
        Of several optimizers, the updates of each, by the name of its first parameter.
    heads : list of Head
    optimizer : dict
        "name", and the options of the first group that are numbers; of two betas each.
    forward_passes, backward_passes, updates : int
    derivatives : int
        Backward passes through the model's output that left the parameters' gradients as they
        were, as torch.autograd.grad does.
    without_graph : int
        Of these, those that made no graph of what they gave (``create_graph=False``).
    calls_looked, fed_by_others : int
        Calls of the model whose input was looked at; and of these, those whose input was made, with
        a graph, by parameters of another model alone: as of a critic that a generator learns by.
    other_updates : int
        Updates, of parts of the model or of other nets, by a loss that brought the other ones no
        gradient.
    clearing_looked, uncleared : int
        Backward passes after an update at whose begin the gradients were looked at; and of these,
        those that found the gradients of the update still there, to add to them.
    erasing_looked, erased : int
        Backward passes that began after others of the same update, and were looked at; and of
        these, those that found the gradients of the others gone.
    flat_softmax : float
        Median over rows of the largest probability of a softmax inside the net, at the first pass;
        the largest of several, NaN where there is none.
    unused_looked, unused_bad : int, list of str
        Backward passes without an update whose gradients were looked at; and the parameters in
        which all of them had NaN or Inf.
    bad_buffers : list of str
        Buffers with NaN or Inf when the block was left.
    zero_gains : list of str
        Normalizations whose weights were all 0 at the start.
    still_norms : list of str
        Batch norms that saw batches in training with ``momentum=0``: their running statistics stay
        as they were.
    rows_as_time : list of str
        Recurrent and attention layers with ``batch_first=False`` whose first axis is as long as the
        model's output has rows, and no other axis of the output as long as their second.
    time_first : list of str
        Those whose first two axes are as long as the output's: they may be time and rows.
    mixed_rows : list of str
        Views in the graph of the output that read rows across the batch: from (n, rows, …), with
        n other than rows, straight to (rows, …).
    masks_of_numbers : dict of str to str
        Attentions whose mask over steps is of ones and zeros as numbers, which forbid nothing: by
        name, or "an attention", and "added" to the scores or "multiplied" with them.
    looks_ahead : bool
        Whether an attention lets each step look at later ones, and at none before it.
    looks_at_padding : bool
        Whether all that an attention lets the rows look at is one and the same in the input.
    softmax_over_rows : int
        Rows of the batch, where a softmax inside the net runs over them; else 0.
    inputs_looked, equal_inputs : int
        Steps at which the rows of the first real input were looked at, and of these, those at
        which they were all the same.
    input_sizes : list of float
        As ``input_size``, at each of the steps at which the output is looked at.
    kept : list of list of float
        Of the start of one weight, before the update that follows a measured one: which part of
        the measured change is left; the size of what else has changed it, over that of the change;
        and its norm then over that right after the update.
    padding : dict of str to int
        Equal steps at the end of each recurrent layer's input, over all rows of the first batch.
    dropout, dropped : float, str
        Largest p of a dropout that runs, and its name; 0 where there is none, and in evaluation.
    flats : list of str
        Operations that are flat outside a range, in the graph of the output: "hardtanh", …
    clipped : list of list of float
        At a few steps: norm of the gradients when the backward pass was over, when the update
        used them, and the share of entries at the largest absolute value.
    one_sided : int
        Of these steps, those at which the gradients were of both signs first and of one then.
    """

    trainees: list[Trainee] = field(default_factory=list)
    strangers: list[str] = field(default_factory=list)
    foreign: int = 0
    sums: int = 0
    post_norms: int = 0
    exponentials: int = 0
    first_layer: str = ""
    first_layer_size: float = math.nan
    input_size: float = math.nan
    input_spread: float = math.nan
    equal_rows: list[str] = field(default_factory=list)
    only_linear: bool = False
    stairs: list[str] = field(default_factory=list)
    steps_of: dict[str, int] = field(default_factory=dict)
    heads: list[Head] = field(default_factory=list)
    optimizer: dict[str, Any] = field(default_factory=dict)
    forward_passes: int = 0
    backward_passes: int = 0
    updates: int = 0
    derivatives: int = 0
    without_graph: int = 0
    calls_looked: int = 0
    fed_by_others: int = 0
    other_updates: int = 0
    clearing_looked: int = 0
    uncleared: int = 0
    erasing_looked: int = 0
    erased: int = 0
    flat_softmax: float = math.nan
    unused_looked: int = 0
    unused_bad: list[str] = field(default_factory=list)
    bad_buffers: list[str] = field(default_factory=list)
    zero_gains: list[str] = field(default_factory=list)
    still_norms: list[str] = field(default_factory=list)
    rows_as_time: list[str] = field(default_factory=list)
    time_first: list[str] = field(default_factory=list)
    mixed_rows: list[str] = field(default_factory=list)
    masks_of_numbers: dict[str, str] = field(default_factory=dict)
    looks_ahead: bool = False
    looks_at_padding: bool = False
    softmax_over_rows: int = 0
    inputs_looked: int = 0
    equal_inputs: int = 0
    input_sizes: list[float] = field(default_factory=list)
    kept: list[list[float]] = field(default_factory=list)
    padding: dict[str, int] = field(default_factory=dict)
    dropout: float = 0.0
    dropped: str = ""
    flats: list[str] = field(default_factory=list)
    clipped: list[list[float]] = field(default_factory=list)
    one_sided: int = 0

    def to_dict(self) -> dict[str, Any]:
        """As plain data, fit for JSON."""
        return asdict(self.so_far())

    def so_far(self) -> Facts:
        """What is noted up to now, in lists and dictionaries that no probe adds to."""
        return replace(self, **{f.name: copy(getattr(self, f.name)) for f in fields(self)})

    @classmethod
    def from_dict(cls, plain: dict[str, Any]) -> Facts:
        """What `to_dict` gave; what an older version did not note keeps its default.

        Raises
        ------
        ValueError
            If the parts do not fit: a damaged file must not fail later.
        """
        if not isinstance(plain, dict):
            raise ValueError("facts are no mapping")
        known = {f.name: plain[f.name] for f in fields(cls) if f.name in plain}
        known["trainees"] = [_made(Trainee, each) for each in _listed(known, "trainees")]
        known["heads"] = [_made(Head, each) for each in _listed(known, "heads")]
        options = known.get("optimizer", {})
        if isinstance(options, dict) and not all(
            _is_number(v) or isinstance(v, bool) for k, v in options.items() if k != "name"
        ):
            raise ValueError("options of an optimizer that are no numbers")
        facts: Facts = _made(cls, known)
        return facts


def _listed(known: dict[str, Any], name: str) -> list[Any]:
    given = known.get(name, [])
    if not isinstance(given, list):
        raise ValueError(f"{name} are no list")
    return given


def _made(kind: type[Any], given: Any) -> Any:
    """One of these dataclasses, if every field is what it says."""
    types = {f.name: str(f.type) for f in fields(kind)}
    if not isinstance(given, dict) or not set(given) <= set(types):
        raise ValueError(f"no {kind.__name__}")
    if not all(_CHECKS[types[name]](value) for name, value in given.items()):
        raise ValueError(f"a {kind.__name__} with parts that do not fit")
    shape = {"shape": tuple(given["shape"])} if "shape" in given else {}
    return kind(**{**given, **shape})


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _all(check: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, list | tuple) and all(check(each) for each in value)


def _is(*kinds: type) -> Callable[[Any], bool]:
    return lambda value: type(value) in kinds


def _values(check: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: (
        isinstance(value, dict)
        and all(isinstance(key, str) and check(each) for key, each in value.items())
    )


def _is_triple(value: Any) -> bool:
    return _all(_is_number)(value) and len(value) == 3


_CHECKS: MappingProxyType[str, Callable[[Any], bool]] = MappingProxyType(
    {
        "int": _is(int),
        "float": _is_number,
        "str": _is(str),
        "bool": _is(bool),
        "bool | None": _is(bool, type(None)),
        "tuple[int, ...]": _all(_is(int)),
        "list[str]": _all(_is(str)),
        "list[float]": _all(_is_number),
        "list[list[float]]": _all(_is_triple),
        "dict[str, int]": _values(_is(int)),
        "dict[str, str]": _values(_is(str)),
        "dict[str, Any]": _values(_is(int, float, str, bool)),
        "list[Trainee]": _all(_is(Trainee)),
        "list[Head]": _all(_is(Head)),
    }
)


def _yes(value: bool) -> str:
    return "yes" if value else "no"
