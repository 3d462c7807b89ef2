"""What a record does not say: what was not measured, and what no gradient shows."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator

import numpy as np

from gradcourse.diagnosis import step_size
from gradcourse.diagnosis.causes.backward_passes import are_erased, are_never_cleared, calls_cut_off
from gradcourse.diagnosis.causes.batches import (
    are_equal_rows,
    of_one_class_each,
    the_one_target,
)
from gradcourse.diagnosis.causes.heads import least_of_bounded
from gradcourse.diagnosis.causes.masks import looks_ahead
from gradcourse.diagnosis.causes.standstill import (
    begins_low,
    enough,
    has_fallen,
    has_learned,
    is_a_game,
    is_stuck,
    stays,
    warms_up,
)
from gradcourse.diagnosis.causes.stuck import share_of_the_loss, swapped_betas
from gradcourse.diagnosis.causes.trainees import (
    are_read_at_first_steps,
    left_out,
    share_that_changes,
    without_slope,
)
from gradcourse.diagnosis.signals import Signals, is_around_zero
from gradcourse.diagnosis.thresholds import threshold
from gradcourse.instrument.record.facts import Trainee


def not_judged(signals: Signals, cut: bool = False) -> tuple[str, ...]:
    """What was not measured, and how to have it measured.

    ``cut``: a finding says why gradients are missing.
    """
    missing = []
    facts = signals.record.facts
    if facts.trainees and facts.forward_passes and not facts.backward_passes and not cut:
        return ("all that a backward pass shows: none has come to the model's outputs",)
    if cut and facts.updates and not facts.forward_passes and not signals.layers:
        return ("all that a call of the model shows: there was none",)
    missed = np.isnan(signals.parameter_gradient_norm).all() and not signals.nonfinite.any()
    if missed and not cut:
        missing.append(
            "the gradients of the parameters: at the end of each step none had one; an optimizer "
            "that steps inside the backward pass has cleared them by then"
        )
    if not signals.layers:
        missing.append(
            "dead and saturated units, gradients over time lags: no layer was measured; probe "
            'with level="standard", and without torch.compile'
        )
    elif not (
        (np.isfinite(signals.saturated_fraction) | np.isfinite(signals.dead_fraction)).any()
        or signals.bad.all()
    ):
        missing.append(
            "dead and saturated units, except by a gradient that ends: the probe saw no ReLU, tanh "
            "or sigmoid, neither as a module nor as a function"
        )
    given = any(trainee.in_optimizer is not None for trainee in facts.trainees)
    if not signals.update_measured.any() and not given:
        missing.append(
            "the size of the updates: no optimizer was given; use gc.probe(model, optimizer)"
        )
    elif not signals.loss_logged.any() and not signals.bad.any():
        missing.append(
            "whether small updates mean convergence: no loss was logged; use record.log(loss)"
        )
    return tuple(missing)


def without_gradient(signals: Signals, named: bool = False) -> tuple[str, ...]:
    """Weights that never got a gradient, whether they may be meant so or not.

    ``named``: what a finding says of those that require one.
    """
    never = np.isnan(signals.weight_gradient_norm).all(axis=0)
    if signals.bad.any() or not never.any() or never.all():
        return ()
    frozen = {t.name for t in signals.record.facts.trainees if not t.requires_grad}
    meant = never & np.array([name in frozen for name in signals.weights], dtype=bool)
    notes = []
    if meant.any():
        notes.append(f"{_names(signals, meant)}: frozen, so no gradient at any step")
    if (never & ~meant).any() and not named:
        notes.append(
            f"{_names(signals, never & ~meant)}: no gradient at any step, though not frozen: "
            "detached (.detach(), .data, argmax), or unused"
        )
    return tuple(notes)


def of_a_net_that_learns(signals: Signals, good: np.ndarray) -> tuple[str, ...]:
    """What is no finding where nothing else is wrong, and worth a look all the same."""
    of_the_run = (
        _uncleared,
        _mixes_rows,
        _sorted,
        _bounded,
        _cuts_the_state,
        _sure_softmax,
        looks_ahead,
        _drops,
        _rounded,
        _swapped_betas,
        _ends_in_dropout,
        _keeps_statistics,
        _drowned,
        _one_row,
        _one_target,
        _rates_apart,
        _large_eps,
        _in_no_optimizer,
        _without_slope,
        left_alone,
    )
    of_the_loss: tuple[Callable[[Signals, np.ndarray], Iterable[str]], ...]
    of_the_loss = (_around_zero, _still_warms_up, _may_yet_fall, _judged_by_others, _erases)
    of_the_loss += (_began_low,)
    notes = [note for look in of_the_run for note in look(signals)]
    notes += [note for look in of_the_loss for note in look(signals, good)]
    return tuple(notes)


def _uncleared(signals: Signals) -> Iterator[str]:
    if are_never_cleared(signals):
        yield (
            "the gradients are not cleared between two updates, so each uses the sum of all "
            "before: optimizer.zero_grad()"
        )


def _mixes_rows(signals: Signals) -> Iterator[str]:
    facts = signals.record.facts
    for name in facts.rows_as_time[:1]:
        yield (
            f"{name} takes its first axis as time (batch_first=False), and the output has one row "
            "for each step of it: what it gives for one row depends on the others"
        )
    for change in facts.mixed_rows[:1]:
        yield f"a view from {change} takes its rows from all over the batch: transpose before it"
    if facts.softmax_over_rows:
        yield (
            f"a softmax inside the net runs over the {facts.softmax_over_rows} rows of the batch "
            "(dim=0): what it gives for one row depends on the others"
        )


def _sorted(signals: Signals) -> Iterator[str]:
    count = of_one_class_each(signals)
    if count:
        yield (
            f"each of the {count} batches that were looked at holds rows of one class alone: a "
            "loss that falls may only follow the order of the data; shuffle them"
        )


def _bounded(signals: Signals) -> Iterator[str]:
    least = least_of_bounded(signals)
    if least:
        yield (
            "the outputs lie between −1 and 1, as cosines do, and the loss takes them as logits: "
            f"it cannot fall below {least:.3g}; multiply them by 16 or so"
        )


def _cuts_the_state(signals: Signals) -> Iterator[str]:
    for name, calls, reach in calls_cut_off(signals)[:1]:
        yield (
            f"{name} is called {calls} times, one after the other, and the gradient comes back to "
            f"the last {'one' if reach == 1 else reach} alone: a state that is detached"
        )


def _ends_in_dropout(signals: Signals) -> Iterator[str]:
    if signals.kinds and signals.kinds[-1] in ("Dropout", "FeatureDropout", "AlphaDropout"):
        yield (
            f"the last layer, {signals.layers[-1]}, is a dropout: in training some of the outputs "
            "are set to 0, which no net can fit; put it in front of the last Linear"
        )


def _keeps_statistics(signals: Signals) -> Iterator[str]:
    names = signals.record.facts.still_norms
    if names:
        more = ", …" if len(names) > 3 else ""
        yield (
            f"{', '.join(names[:3])}{more}: batch norm with momentum=0, so its running statistics "
            "stay as they were at the start, and after model.eval() it normalizes by these; usual "
            "is 0.1"
        )


def _one_row(signals: Signals) -> Iterator[str]:
    if are_equal_rows(signals):
        yield (
            f"the rows of each of the {signals.record.facts.equal_inputs} batches that were looked "
            "at are all the same: a store that keeps one array and not its copy, or an index that "
            "stays"
        )


def _one_target(signals: Signals) -> Iterator[str]:
    value = the_one_target(signals)
    if not math.isnan(value):
        yield (
            f"every target of every batch that was looked at is the same, {value:.3g}: if it is "
            "not meant so, look at how the targets are made (a cast to whole numbers, a mask)"
        )


def _rates_apart(signals: Signals) -> Iterator[str]:
    options = signals.record.facts.optimizer
    low, high = options.get("lowest rate", math.nan), options.get("highest rate", math.nan)
    if high > _APART * low:
        yield (
            f"the optimizer's groups have rates from {low:.1g} to {high:.1g}: at the lowest, "
            "weights all but stand still"
        )


_APART = 1e4
"""Ratio of the rates of two groups beyond which one of them is a slip; 10 to 1000 is usual."""


def _large_eps(signals: Signals) -> Iterator[str]:
    options = signals.record.facts.optimizer
    if options.get("eps", 0.0) >= step_size.LARGE_EPS and "Adagrad" not in str(options["name"]):
        yield (
            f"{options['name']} has eps={options['eps']:g}: it divides gradients by that where "
            "they are smaller, and no longer by their own size; usual is 1e-8"
        )


def _drowned(signals: Signals) -> Iterator[str]:
    share = share_of_the_loss(signals)
    if share < threshold("drowned"):
        yield (
            f"the cross-entropy of the output makes {share:.1g} of the loss, and other terms all "
            "the rest: a loss that falls says nothing about it"
        )


def _swapped_betas(signals: Signals) -> Iterator[str]:
    swapped = swapped_betas(signals)
    if swapped:
        yield f"{swapped}; usual is (0.9, 0.999)"


def _in_no_optimizer(signals: Signals) -> Iterator[str]:
    trainees, left = signals.record.facts.trainees, left_out(signals)
    if left and not left_alone(signals):
        share = sum(t.size for t in left) / max(sum(t.size for t in trainees), 1)
        yield (
            f"{_from_to(left)} ({share:.0%} of the parameters): a gradient, but in no optimizer; "
            "if it is meant so, freeze them, which saves their part of the backward pass"
        )


def _without_slope(signals: Signals) -> Iterator[str]:
    flat = without_slope(signals)
    if are_read_at_first_steps(flat):
        yield (
            f"{_from_to(flat)}: a gradient of exactly 0 at every step, so what is read of that "
            "direction, or layer, is the state after its first step; h_n has the last one of each"
        )
    elif flat:
        yield (
            f"{_from_to(flat)}: a gradient of exactly 0 at every step, while others have one: "
            "behind it is a step (round, sign, a comparison), a product with 0, or a unit that is "
            "silent"
        )


def _from_to(trainees: list[Trainee]) -> str:
    first, last = trainees[0].name, trainees[-1].name
    return first if len(trainees) == 1 else f"{first} to {last}"


def _sure_softmax(signals: Signals) -> Iterator[str]:
    sure = signals.record.facts.flat_softmax
    if sure > threshold("one_hot"):
        yield (
            f"a softmax inside the net gives one input {sure:.0%} of the weight in half of the "
            "rows from the first step on: little gradient passes"
        )


def _drops(signals: Signals) -> Iterator[str]:
    facts = signals.record.facts
    if facts.dropout >= threshold("dropped"):
        yield f"the dropout {facts.dropped} sets {facts.dropout:.0%} of its input to 0"


def _rounded(signals: Signals) -> Iterator[str]:
    share = share_that_changes(signals)
    if share < threshold("rounded"):
        yield (
            f"an update changes {share:.0%} of the entries of the short weights: the rest is "
            "rounded away; keep the weights in float32 (torch.autocast)"
        )


def _around_zero(signals: Signals, good: np.ndarray) -> Iterator[str]:
    if is_around_zero(signals.known_loss(good)) and is_stuck(signals, good):
        yield (
            "whether it learns: the loss goes up and down around 0 and has not fallen; that of a "
            "game or of a policy gradient need not"
        )


def _still_warms_up(signals: Signals, good: np.ndarray) -> Iterator[str]:
    loss, facts = signals.known_loss(good), signals.record.facts
    if warms_up(signals) and len(loss) >= enough(signals) and not has_fallen(loss):
        yield (
            f"the rate is still rising, from {facts.optimizer['lr']:.2g} to "
            f"{facts.optimizer['last rate']:.2g} in {facts.updates} updates, and the loss has not "
            "fallen"
        )


def _may_yet_fall(signals: Signals, good: np.ndarray) -> Iterator[str]:
    """A net in time that stands still: no finding yet, and no sign of learning either."""
    count = len(signals.known_loss(good))
    if threshold("enough") <= count < enough(signals) and stays(signals, good):
        yield (
            f"whether it learns: the loss has not fallen in {count} steps, and a net in time may "
            f"stand still for longer; after {enough(signals)} it is a finding. Until then look at "
            "a few rows as the net gets them, each with its target"
        )


def _judged_by_others(signals: Signals, good: np.ndarray) -> Iterator[str]:
    loss = signals.known_loss(good)
    if signals.record.facts.other_updates and is_a_game(signals) and not has_fallen(loss):
        yield (
            "whether it learns: another net trains in the same loop by a loss of its own, as in a "
            "game, and then this one's loss need not fall"
        )


def _began_low(signals: Signals, good: np.ndarray) -> Iterator[str]:
    loss = signals.known_loss(good)
    if (
        len(loss) >= enough(signals)
        and begins_low(signals, loss)
        and not has_learned(signals, good)
    ):
        yield (
            "whether it still learns: the loss began far below that of a guess, as of weights that "
            "were trained before, and has stayed"
        )


def _erases(signals: Signals, good: np.ndarray) -> Iterator[str]:
    if are_erased(signals) and not has_learned(signals, good):
        yield (
            "of several backward passes to an update only the last one counts: the gradients of "
            "those before are cleared; to add them up, call zero_grad once for each update"
        )


def left_alone(signals: Signals) -> tuple[str, ...]:
    """Weights with a gradient that no update changed, while it changed others."""
    gradients = np.where(np.isfinite(signals.weight_gradient_norm), signals.weight_gradient_norm, 0)
    # A first update of 0 may be a warm-up.
    rows = np.flatnonzero(np.isfinite(signals.update_ratio).any(axis=1))[1:]
    ratio = signals.update_ratio[rows]
    moved = (ratio > 0).any(axis=0)
    if signals.record.facts.optimizer.get("optimizers", 1) > 1:
        # What another one changes has changed before, or will after, the update that is measured.
        moved |= np.array([n in _trained(signals) for n in signals.weights], dtype=bool)
    still = ~moved & (ratio == 0).all(axis=0) & (gradients[rows] > 0).any(axis=0)
    if not len(rows) or not still.any() or not moved.any():
        return ()
    return (
        f"{_names(signals, still)}: a gradient, but no change in any measured step; frozen, or "
        "left out of the optimizer?",
    )


def of_the_loss(signals: Signals, good: np.ndarray) -> float:
    """Loss, end over start, where enough of it was logged; else NaN."""
    loss = signals.known_loss(good)
    if len(loss) < enough(signals) or step_size.has_converged(signals, good):
        return float("nan")
    start = float(np.median(loss[:5]))
    return float(np.median(loss[-(len(loss) // 3) :])) / start if start > 0 else float("nan")


def _trained(signals: Signals) -> set[str]:
    return {t.name for t in signals.record.facts.trainees if t.in_optimizer}


def _names(signals: Signals, which: np.ndarray) -> str:
    names = [name for name, chosen in zip(signals.weights, which, strict=True) if chosen]
    return ", ".join(names) if len(names) <= 3 else f"{names[0]} to {names[-1]} ({len(names)})"
