"""Published rules for sick trainings, written anew from what their authors state.

Each takes what was seen of a run and returns the kinds that it would report, in the words of
`gradcourse.diagnosis.KINDS`; "inputs" is said of inputs out of scale and "unstable" of a loss that
swings. An epoch is ten steps here. What a rule asks for and no record holds (accuracy, data for
validation) stands where it is left out.
"""

from __future__ import annotations

import contextlib
import itertools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from gradcourse.instrument import Record

EPOCH = 10


@dataclass
class Seen:
    """A run: the probe's record (of every step, for the rules), and the range of its inputs."""

    record: Record
    low: float = math.nan
    high: float = math.nan


@contextlib.contextmanager
def input_range(model: Any) -> Iterator[list[float]]:
    """The least and the largest number that the model is called with."""
    limits = [math.inf, -math.inf]

    def look(module: Any, inputs: Any) -> None:
        for value in inputs:
            if hasattr(value, "is_floating_point") and value.is_floating_point():
                limits[0] = min(limits[0], float(value.detach().min()))
                limits[1] = max(limits[1], float(value.detach().max()))

    handle = model.register_forward_pre_hook(look)
    yield limits
    handle.remove()


def norm_rules(seen: Seen, large: float) -> list[str]:
    """Rules of thumb from the web: a norm below 1e-7 vanishes, one above ``large`` explodes."""
    norms = seen.record.weight_gradient_norm
    said = ["non-finite"] if seen.record.nonfinite.any() else []
    if np.nanmin(norms, initial=math.inf) < 1e-7:
        said.append("vanishing")
    if np.nanmax(norms, initial=0.0) > large:
        said.append("exploding")
    return said


def sagemaker(seen: Seen) -> list[str]:
    """Amazon SageMaker Debugger's built-in rules at their documented defaults.

    ExplodingTensor: NaN or Inf. DeadRelu: more than 50 % of a layer's units inactive.
    VanishingGradient: mean |g| of a weight below 1e-7 (its root mean square here, 1.25 times that
    of Gaussian entries). WeightUpdateRatio: above 10, or below 1e-8. (Amazon SageMaker Developer
    Guide, "List of Debugger built-in rules".)
    """
    record = seen.record
    said = ["non-finite"] if record.nonfinite.any() else []
    if (record.dead_fraction > 0.5).any():
        said.append("dead")
    if np.nanmin(record.weight_gradient_rms, initial=math.inf) < 1e-7:
        said.append("vanishing")
    ratio = record.update_ratio
    if (ratio > 10).any():
        said.append("update too large")
    if (ratio < 1e-8).any():
        said.append("update too small")
    return said


def sagemaker_with_loss(seen: Seen) -> list[str]:
    """The same, and LossNotDecreasing: over 10 steps the loss falls by less than 0.1 %."""
    loss = seen.record.loss[::EPOCH]
    later, earlier = loss[1:], loss[:-1]
    stands = (earlier - later) < 1e-3 * np.abs(earlier)
    return sagemaker(seen) + (["not learning"] if stands.any() else [])


def deepdiagnosis(seen: Seen) -> list[str]:
    """DeepDiagnosis (Wardat, Cruz, Le and Rajan, ICSE 2022).

    Numerical error: the mean of an output, a weight's gradient or the loss is NaN, Inf or 0.
    Out of range: targets beyond the last activation; a ReLU or linear layer before a categorical
    cross-entropy. Dead node: 70 % of a ReLU's outputs at 0, in the last epoch. Saturated: half of
    the inputs of a sigmoid or tanh beyond ±5 (here: half of the outputs flat, which is ±3.7 and
    ±2.2). Vanishing: mean |g| below 1e-7. Loss or output the same over 5 epochs. Accuracy is left
    out.
    """
    record, said = seen.record, []
    means, loss = record.activation_mean, record.loss
    gradients = record.weight_gradient_norm
    known = np.isfinite(record.activation_size)
    if (~np.isfinite(means) & known).any() or record.nonfinite.any():
        said.append("non-finite")
    if (gradients == 0).any() or (means == 0).any():
        said.append("update too small")
    if record.loss_logged.any() and not np.isfinite(loss[record.loss_logged]).all():
        said.append("non-finite")
    said += _out_of_range(record)
    if (record.zero_fraction[-EPOCH:] >= 0.7).any():
        said.append("dead")
    if (record.saturated_fraction > 0.5).any():
        said.append("saturated")
    if np.nanmin(record.weight_gradient_rms, initial=math.inf) < 1e-7:
        said.append("vanishing")
    epochs = _by_epoch(loss)
    if len(epochs) >= 5 and any(np.ptp(epochs[k : k + 5]) == 0 for k in range(len(epochs) - 4)):
        said.append("not learning")
    return said


def _out_of_range(record: Record) -> list[str]:
    heads = record.facts.heads
    if any(h.unreachable > 0 for h in heads):
        return ["head"]
    multi = any(h.loss == "cross-entropy of logits" and h.end in ("", "Relu") for h in heads)
    # In Keras a linear layer there is a fault; in torch the loss takes its logits. Only the ReLU.
    return ["head"] if multi and any(h.end == "Relu" for h in heads) else []


def _by_epoch(loss: np.ndarray) -> np.ndarray:
    whole = loss[: len(loss) // EPOCH * EPOCH]
    return np.asarray(whole.reshape(-1, EPOCH).mean(axis=1))


def autotrainer(seen: Seen) -> list[str]:
    """AutoTrainer (Zhang, Zhai, Ma and Shen, ICSE 2021), with the constants of its program.

    NaN, or a loss above 1e5: exploding. Where training is not satisfying (accuracy below 0.7;
    here: the loss above 0.8 of its start, as no record has the accuracy): 70 % of the gradient's
    entries 0: dying ReLU (here: of a ReLU's units), ‖g₁‖/‖gₙ‖ above 70: exploding, below 1e-3 with
    ‖g₁‖ < 1e-4: vanishing, else no gain of accuracy above 0.01 (here: of the loss, relative): slow.
    Where it is: swings of 0.03 in a fifth of the epochs: unstable.
    """
    record = seen.record
    epochs = _by_epoch(record.loss)
    if record.nonfinite.any() or (np.isinf(record.loss) | (record.loss > 1e5)).any():
        return ["exploding"]
    norms = record.weight_gradient_norm
    trained = norms[:, np.isfinite(norms).any(axis=0)]
    satisfying = len(epochs) > 1 and epochs[-1] < 0.8 * abs(epochs[0])
    if satisfying:
        swings = np.abs(np.diff(epochs)) / max(abs(float(epochs[0])), 1e-12)
        turns = np.flatnonzero(np.diff(np.sign(np.diff(epochs))) != 0)
        return ["unstable"] if (swings[turns] >= 0.03).sum() >= 0.2 * len(epochs) else []
    if (np.nanmax(record.dead_fraction, axis=0, initial=0.0) >= 0.7).any():
        return ["dead"]
    if trained.shape[1]:
        first, last = trained[:, 0], trained[:, -1]
        with np.errstate(divide="ignore", invalid="ignore"):
            rate = first / last
        if (rate > 70).any():
            return ["exploding"]
        if ((rate < 1e-3) & (first < 1e-4)).any():
            return ["vanishing"]
    if len(epochs) > 1 and np.max(-np.diff(epochs)) < 0.01 * abs(epochs[0]):
        return ["not learning"]
    return []


def umlaut(seen: Seen) -> list[str]:
    """UMLAUT (Schoop, Huang and Hartmann, CHI 2021).

    Inputs beyond ±1. A loss that is NaN. A rate above 0.01 or below 1e-7. Two linear layers
    without an activation between them. A categorical cross-entropy of what is no softmax is a
    fault in Keras and none in torch, where it is the other way round: a softmax before it. What
    needs data for validation is left out.
    """
    record, said = seen.record, []
    if seen.low < -1 or seen.high > 1:
        said.append("inputs")
    if np.isnan(record.loss[record.loss_logged]).any():
        said.append("non-finite")
    rate = record.facts.optimizer.get("lr", 1e-3)
    if rate > 0.01:
        said.append("update too large")
    if rate < 1e-7:
        said.append("update too small")
    kinds = [kind for kind in record.kinds if kind not in ("Dropout", "Flatten")]
    if any(a == b == "Linear" for a, b in itertools.pairwise(kinds)):
        said.append("linear")
    heads = record.facts.heads
    if any(h.loss == "cross-entropy of logits" and h.end == "Softmax" for h in heads):
        said.append("head")
    return said


RULES: dict[str, Callable[[Seen], list[str]]] = {
    "norm < 1e-7 or > 1": lambda seen: norm_rules(seen, 1.0),
    "norm < 1e-7 or > 70": lambda seen: norm_rules(seen, 70.0),
    "SageMaker Debugger, of tensors": sagemaker,
    "SageMaker Debugger, of the loss too": sagemaker_with_loss,
    "DeepDiagnosis (2022)": deepdiagnosis,
    "AutoTrainer (2021)": autotrainer,
    "UMLAUT (2021)": umlaut,
}
