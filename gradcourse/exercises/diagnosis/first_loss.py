"""The loss at the start: for C classes, and for outputs of any size."""

from __future__ import annotations

import numpy as np

from gradcourse.checking.question import CodeExercise, NamedValue, Part, Prediction, asks


def _log_sum_exp(z):
    top = z.max(axis=1, keepdims=True)
    return top[:, 0] + np.log(np.exp(z - top).sum(axis=1))


def expected_first_loss(z):
    """Cross-entropy of outputs z, in the mean over all labels that each row could have."""
    return float(np.mean(_log_sum_exp(z) - z.mean(axis=1)))


def _naive(z):
    with np.errstate(all="ignore"):
        return float(np.mean(np.log(np.exp(z).sum(axis=1)) - z.mean(axis=1)))


def _log_of_softmax(z, shift):
    with np.errstate(all="ignore"):
        p = np.exp(z - shift)
        return float(np.mean(-np.log(p / p.sum(axis=1, keepdims=True))))


def _own_entropy(z):
    """The loss if the labels were drawn from the network's own probabilities."""
    log_p = z - _log_sum_exp(z)[:, None]
    return float(-np.mean((np.exp(log_p) * log_p).sum(axis=1)))


def _one_maximum(z):
    with np.errstate(divide="ignore"):
        return float(np.mean(z.max() + np.log(np.exp(z - z.max()).sum(axis=1)) - z.mean(axis=1)))


def _outputs(low, high):
    def cases(rng):
        return [
            (rng.uniform(low, high) * rng.normal(size=(int(rng.integers(3, 7)), classes)),)
            for classes in (2, 10, 100)
        ]

    return cases


def _large_outputs(rng):
    """Large ones, and the second case moved below 0: its exp does not overflow."""
    made = _outputs(500.0, 3000.0)(rng)
    (z,) = made[1]
    return [*made, (z - z.max(axis=1, keepdims=True),)]


SMALL = np.array([[0.0, 2.0, 1.0], [1.0, 1.0, 1.0]])

FIRST_LOSS = CodeExercise(
    id="diagnosis/first-loss",
    title="The loss that a network should begin with",
    functions=asks(
        expected_first_loss,
        "a float",
        {
            "ln C whatever the outputs": (
                lambda z: float(np.log(z.shape[1])),
                "ln C is the loss of equal outputs. These are not equal: outputs that differ, and "
                "know nothing, cost more.",
            ),
            "overflow": (
                _naive,
                "exp overflows at 710 in float64. Take the largest output of each row out first: "
                "log Σ exp z = m + log Σ exp(z − m).",
            ),
            "the softmax overflows": (
                lambda z: _log_of_softmax(z, 0.0),
                "exp overflows at 710 in float64, and Inf/Inf is NaN. Work with the logarithm: "
                "log softmax = z − m − log Σ exp(z − m), m the largest of the row.",
            ),
            "the log of a softmax that is 0": (
                lambda z: _log_of_softmax(z, z.max(axis=1, keepdims=True)),
                "Your softmax is right, but its small entries round to exactly 0, and log 0 is "
                "−Inf. Never take the log of a softmax: log softmax = z − m − log Σ exp(z − m).",
            ),
            "over the rows": (
                lambda z: float(np.mean(_log_sum_exp(z.T)) - z.mean()),
                "You summed over the rows. The softmax runs over the classes, axis 1.",
            ),
            "one maximum for all rows": (
                _one_maximum,
                "You took the largest output of *all* rows out. A row far below it becomes exp of "
                "−1000 and less, which is 0: each row needs its own.",
            ),
            "its own entropy": (
                _own_entropy,
                "You weighted the labels with the network's own softmax, its entropy. A network "
                "that knows nothing meets every label equally often: take the mean over the "
                "classes.",
            ),
            "the surest class is right": (
                lambda z: float(np.mean(_log_sum_exp(z) - z.max(axis=1))),
                "You took the largest output for the right one. A network that knows nothing meets "
                "every label equally often: take the mean over the classes.",
            ),
        },
    ),
    parts=(
        Part(
            title="outputs of ordinary size",
            points=1.0,
            cases=_outputs(0.1, 4.0),
            example=(SMALL,),
            look_at="What is the loss of the second row, where all outputs are equal?",
        ),
        Part(
            title="outputs in the hundreds and thousands",
            points=1.0,
            cases=_large_outputs,
            example=(np.array([[0.0, 1000.0]]),),
            look_at="Work the example out on paper, for each of the two labels. Which step of "
            "yours gives another number, and is there one that leaves float64?",
        ),
    ),
    hints=(
        "The loss of one row with label y is log Σ exp z − z_y.",
        "Take the mean of that over all labels y: what becomes of z_y?",
        "Subtract the row's maximum inside exp and add it again outside of the logarithm.",
    ),
)


def _measure():
    rng = np.random.default_rng(10)
    return expected_first_loss(3.0 * rng.normal(size=(20_000, 10)))


CONFIDENT = Prediction(
    id="diagnosis/confident",
    title="Sure, and knowing nothing",
    question="A network tells ten classes apart. At the start its outputs are drawn from N(0, 3²), "
    "so that it is often sure of a class, and it knows nothing. With which cross-entropy does it "
    "begin?",
    answer="begins",
    measure=_measure,
    within=0.4,
    low=0.0,
    high=12.0,
    log=False,
    points=1.0,
    explain="log Σ exp z grows with the largest of ten outputs, about 1.5 · 3 = 4.6, and the "
    "label's output is 0 in the mean. A first loss far above ln C says that the outputs are too "
    "large.",
    misconceptions=(
        NamedValue(
            "ln 10",
            float(np.log(10)),
            "That is the loss of equal outputs. Being sure of the wrong class costs more.",
        ),
        NamedValue(
            "ln 10 plus half the variance",
            float(np.log(10)) + 4.5,
            "ln C + s²/2 holds while s is small, or C very large. Of ten draws the largest is "
            "seldom beyond two standard deviations.",
        ),
    ),
    hints=(
        "The loss is log Σ exp z minus the output of the label.",
        "The label's output is 0 in the mean; the sum is ruled by the largest of ten.",
        "The largest of ten draws from N(0, 1) is 1.54 in the mean.",
    ),
)
