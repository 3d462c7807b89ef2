"""The one table of numbers that the diagnosis compares with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True)
class Threshold:
    """A number, what it means, and why it is that number.

    Attributes
    ----------
    value : float
    unit : str
    meaning : str
        The condition that it decides.
    source : str
        A paper, a theory, or the range measured on the patients that were tuned on.
    """

    value: float
    unit: str
    meaning: str
    source: str


THRESHOLDS: Mapping[str, Threshold] = MappingProxyType(
    {
        "depth_decades": Threshold(
            3.0,
            "decades",
            "∂ℒ/∂output changes by this much over the whole depth: vanishing or exploding",
            "Healthy patients stay within 1.6, sick ones start at 3.1. Batch normalization alone "
            "gives 0.083 a layer (Yang et al. 2019), 2.5 at 30 layers, which still train.",
        ),
        "both_decades": Threshold(
            2.0,
            "decades",
            "output and ∂ℒ/∂output both change by this much over the depth, the same way",
            "A wrong gain acts forward and backward alike (He et al. 2015), so two weaker signs "
            "count as one strong one. Healthy patients reach 1.4 in the weaker of the two.",
        ),
        "lag_decades": Threshold(
            4.5,
            "decades",
            "∂ℒ/∂x_t falls by this much from the newest to the oldest lag of a plain RNN",
            "Healthy patients lose up to 1.7, sick ones 8 or more. A spectral radius of 0.8 loses "
            "4.8 over 50 lags: the radius to the power of the lag (Pascanu et al. 2013).",
        ),
        "gated_lag_decades": Threshold(
            7.0,
            "decades",
            "the same for an LSTM or GRU",
            "An untrained LSTM has forget gates of 1/2 and loses 0.2 a lag, but opens them in "
            "training (Gers, Schmidhuber & Cummins 2000): 30 lags must not be called sick. Sick "
            "patients lose 13 or more.",
        ),
        "lag_growth_decades": Threshold(
            3.0,
            "decades",
            "∂ℒ/∂x_t grows by this much from the newest to the oldest lag",
            "Healthy patients, trained memories among them, reach 1.4; sick ones start at 5.9.",
        ),
        "learning": Threshold(
            0.8,
            "ratio",
            "loss at the end of the record over loss at its start: below, the net learns, and a "
            "short memory is no finding",
            "A task may need no long memory; the loss decides.",
        ),
        "saturated": Threshold(
            0.5,
            "share of outputs",
            "outputs of a sigmoid or tanh layer with less than 5 % of the largest slope",
            "Glorot & Bengio 2010 (saturation of hidden layers). Healthy patients reach 0.08, "
            "sick ones start at 0.75.",
        ),
        "dead": Threshold(
            0.9,
            "share of units",
            "units of a layer that are 0 on the whole batch",
            "Healthy patients reach 0.41 on a batch, because deep layers see almost equal inputs "
            "(Poole et al. 2016); a vanished signal reaches 0.88, dead layers are at 1.",
        ),
        "dead_shifted": Threshold(
            0.6,
            "share of units",
            "the same, if the pre-activations also lie below zero as a whole",
            "A vanished signal has pre-activations around zero; a dead layer has not.",
        ),
        "shift": Threshold(
            2.0,
            "standard deviations",
            "how far below zero the mean pre-activation lies for `dead_shifted`; below it, and "
            "with a gradient that falls from layer to layer, units are silent because the signal "
            "has vanished",
            "A Gaussian unit is silent on 64 rows with probability 0.6 if its mean lies 2.4 "
            "standard deviations below zero.",
        ),
        "large_update": Threshold(
            0.3,
            "‖ΔW‖ / ‖W‖",
            "relative change of the median weight in one step, at two steps or more",
            "The usual advice is about 1e-3 (CS231n course notes, 2015). Healthy patients reach "
            "0.06, sick ones start at 3.1.",
        ),
        "decay": Threshold(
            0.02,
            "per step",
            "rate times weight decay of SGD or AdamW: the share of every weight that a step takes",
            "What was learned 50 steps ago is halved by then. Recipes stay below 1e-3 "
            "(Loshchilov & Hutter 2019).",
        ),
        "shrunk": Threshold(
            0.01,
            "ratio",
            "‖W‖ at the end of the record over that at its start, in the median: weights go to 0",
            "A hundredth of a weight carries nothing on. Weights of nets that learn grow.",
        ),
        "huge_update": Threshold(
            1.0,
            "‖ΔW‖ / ‖W‖",
            "the same at a single step",
            "The step is larger than the weight: nothing of what was there is left.",
        ),
        "loss_growth": Threshold(
            10.0,
            "ratio",
            "loss at the end of the record over loss at its start",
            "Healthy patients reach 1.7.",
        ),
        "small_progress": Threshold(
            5e-6,
            "per step",
            "‖∂ℒ/∂W‖·‖ΔW‖ / ℒ: the largest share of the loss that a step can take away, to first "
            "order",
            "At 5e-6 the loss needs 200 000 steps at the very least. Healthy patients start at "
            "9e-6, sick ones end at 2.7e-6.",
        ),
        "moving": Threshold(
            3e-5,
            "‖ΔW‖ / ‖W‖",
            "relative change of the fastest weight: above, it moves, whatever the loss does yet",
            "A thirtieth of the usual 1e-3. Sick patients reach 2e-7.",
        ),
        "converged": Threshold(
            0.15,
            "ratio",
            "ℒ / (‖∂ℒ/∂y‖·‖y‖) at the output y: below, the loss is small for this output",
            "The loss in units of its own slope. Converged patients end at 0.08, those "
            "with updates too small start at 0.59.",
        ),
        "small_update": Threshold(
            1e-6,
            "‖ΔW‖ / ‖W‖",
            "largest relative change of any weight, unless the loss has converged",
            "A thousandth of the usual 1e-3; converged patients with SGD stay above.",
        ),
        "steady_gradient": Threshold(
            0.06,
            "decades",
            "standard deviation of log₁₀‖∂ℒ/∂W‖ over the steps, when no loss was logged",
            "Where nothing moves, gradients differ only by the batch: 0.045 at most. A "
            "converged net on small batches differs more.",
        ),
        "persistence": Threshold(
            0.2,
            "share of steps",
            "a sign must hold for this share of the finite steps",
            "Zero-initialized layers cure themselves in a step or two (Zhang, Dauphin & Ma 2019, "
            "Fixup). Adam cures a net of 40 layers that starts with Xavier in five.",
        ),
        "underflow": Threshold(
            1e-30,
            "absolute",
            "a gradient of exactly 0 below a gradient of this size is an underflow",
            "float32 ends at 1e-45. An absolute number, but it belongs to the format, not "
            "to the network.",
        ),
        "enough": Threshold(
            50,
            "steps",
            "losses before anything is said about their course",
            "The first steps learn biases; scatter hides the rest.",
        ),
        "enough_in_time": Threshold(
            300,
            "steps",
            "the same where a layer runs along time",
            "A memory is found after a plateau (Hochreiter & Schmidhuber 1997). Sound nets of "
            "20 steps have stood still for 150.",
        ),
        "guess": Threshold(
            0.985,
            "ratio",
            "cross-entropy at the end over that of a guess, ln k for k classes: above, the net has "
            "learned nothing, however large its loss was at first",
            "Outputs that are the same for all inputs reach 1, and less where classes are of "
            "different size.",
        ),
        "low": Threshold(
            0.4,
            "ratio",
            "the same ratio at the start, or a squared error over the variance of the targets: "
            "below, the weights were trained before, and a loss that stays is no sign of a fault",
            "Untrained nets begin at 1 or above, but for biases that hold the share of rare "
            "classes: those of one in ten give 0.47 of ln 2.",
        ),
        "trend_clear": Threshold(
            3.5,
            "standard errors",
            "slope of a line through the last three quarters of the losses: it still falls",
            "Noise alone gives this once in 4000 runs.",
        ),
        "trend_hint": Threshold(
            1.5,
            "standard errors",
            "the same, if by this line five times the steps would take `hope` of the loss away",
            "Noise gives this in one run of 15, but seldom a fall that goes so far.",
        ),
        "trend_least": Threshold(
            0.01,
            "share",
            "fall of that line, relative to the loss, below which it is none",
            "A hundredth in a whole record is a standstill.",
        ),
        "hope": Threshold(
            0.2,
            "share",
            "fall within five times the recorded steps that makes a net one that learns",
            "The counterpart of `learning`, 0.8.",
        ),
        "slow_update": Threshold(
            1e-3,
            "‖ΔW‖ / ‖W‖",
            "median update of a net whose loss stays: below, the rate is the cause",
            "Sound nets: 5.8e-3 in the median, 5e-4 or more in 19 of 20; and their loss falls.",
        ),
        "usual_update": Threshold(
            3e-3,
            "‖ΔW‖ / ‖W‖",
            "median update that a remedy for the rate aims at",
            "Half the median of the sound nets; the usual advice is about 1e-3 (CS231n, 2015).",
        ),
        "fast_update": Threshold(
            3e-2,
            "‖ΔW‖ / ‖W‖",
            "median update of a net whose loss stays: above, the rate is the cause",
            "Sound nets: up to 2.2e-2 in 19 of 20, 0.041 at most; and their loss falls.",
        ),
        "swapped": Threshold(
            5.0,
            "ratio",
            "(1 − β₂) / (1 − β₁) of Adam above which it remembers the gradient for much longer "
            "than its square",
            "Adam's convergence asks for β₁ < √β₂ (Reddi, Kale & Kumar 2018); (0.9, 0.999) gives "
            "0.01, and (0.999, 0.9), turned round, 100.",
        ),
        "first_loss": Threshold(
            30.0,
            "ratio",
            "first loss of a cross-entropy over that of a guess, ln k: outputs far too large",
            "Sound starts stay below 5.",
        ),
        "collapsed": Threshold(
            0.02,
            "ratio",
            "spread of the outputs over inputs, relative to their size: they are all the same",
            "And a twentieth of what it was at first. Sound nets keep 0.024 or more.",
        ),
        "drawn_together": Threshold(
            0.25,
            "ratio",
            "spread of the outputs over inputs, end over start, where pairs are compared and the "
            "loss falls: it falls because all outputs become the same",
            "A loss that is the square of a distance falls to a sixteenth by this alone.",
        ),
        "outlying": Threshold(
            0.9,
            "share of the error",
            "squared error at targets that lie 300 or more quartile distances from the median of "
            "their column, where a batch has any: they are no part of the same data",
            "Log-normal targets of σ = 2 reach 29 in the median batch of 64 rows, and 164 in one "
            "of 20. And the net must not fit them: 0.9 of the variance is left.",
        ),
        "drowned": Threshold(
            1e-3,
            "share of the loss",
            "the cross-entropy of the output, of a loss of several terms: it counts for nothing",
            "Of five sound nets in which that is known, the lowest has 0.25.",
        ),
        "unbounded": Threshold(
            10.0,
            "ratio",
            "growth below 0 of a loss, and of the outputs, that has no lower bound",
            "A log-density falls as well, but its outputs do not grow with it.",
        ),
        "unreachable": Threshold(
            0.02,
            "share of targets",
            "targets beyond what the last activation can give",
            "Fewer may be outliers.",
        ),
        "sure": Threshold(
            0.1,
            "probability",
            "largest D of log(1 − D): the discriminator is sure, and this loss flat",
            "Its slope is D/(1 − D) of the steep one's (Goodfellow et al. 2014).",
        ),
        "dropped": Threshold(
            0.95,
            "share",
            "p of a dropout: above, and under a loss that stays, it is the cause",
            "The usual rates are 0.1 to 0.5 (Srivastava et al. 2014); 0.95 leaves one unit in 20.",
        ),
        "skipped": Threshold(
            0.02,
            "share of rows",
            "rows with a gradient of exactly 0, though the output is not sure: the loss leaves "
            "them out",
            "As `unreachable`: fewer may be outliers.",
        ),
        "one_hot": Threshold(
            0.85,
            "probability",
            "median over rows of the largest weight of a softmax inside the net, at the first step",
            "Normal scores of standard deviation 1 give 0.06 over 128 inputs and 0.58 over 3; not "
            "divided by √64 (Vaswani et al. 2017), 0.84 over 128, 0.89 over 32, 0.995 over 3.",
        ),
        "logits": Threshold(
            0.03,
            "absolute",
            "largest size of the outputs under a cross-entropy of logits, over a run that stays",
            "A logit of 0.03 moves a probability of 1/2 by less than 0.01. Starts give 0.1 to 1.",
        ),
        "kept": Threshold(
            0.1,
            "share of an update",
            "what is left of it when the next begins, under a loss that stays: something else "
            "writes the weights",
            "Nothing but the optimizer writes most nets: 1. A copy of an average that forgets a "
            "thousandth a step leaves 0.001.",
        ),
        "frozen": Threshold(
            0.5,
            "share of parameters",
            "frozen parameters of layers that run, under a loss that stays: they are named",
            "Fine-tuning freezes nearly all, and learns; where it does not, this is a place to "
            "look.",
        ),
        "nothing": Threshold(
            1e-7,
            "absolute",
            "loss, and gradient of each parameter, of a choice that is never made otherwise",
            "float32 tells numbers around 1 apart by 1.2e-7: a probability is 1 beyond that.",
        ),
        "clipped": Threshold(
            10.0,
            "ratio",
            "gradient before over after it is cut down at every step: far too low a limit",
            "Recipes clip a few steps, or by a factor of a few.",
        ),
        "rounded": Threshold(
            0.5,
            "share of entries",
            "entries of short weights that an update changes: below, most of it is rounded away",
            "bfloat16 has 8 bits: an update below 1/512 of an entry is lost.",
        ),
        "out_of_scale": Threshold(
            30.0,
            "ratio",
            "size of the inputs, or of targets under a squared error: bring them to 1",
            "He's and Glorot's starts assume inputs of size 1; 30 is five octaves off. Digits of "
            "0 to 16 are not.",
        ),
    }
)


def threshold(name: str) -> float:
    """Return a threshold's value."""
    return THRESHOLDS[name].value
