"""δ through a stack of ReLU layers."""

from __future__ import annotations

import numpy as np

from gradcourse.checking.question import CodeExercise, Part, asks


def delta_of_layer_1(weights, zs, upstream):
    """δ_1 of a stack of ReLU layers, from ∂ℒ/∂h of the last one."""
    delta = upstream * (zs[-1] > 0)
    for w, z in zip(weights[::-1], zs[-2::-1], strict=True):
        delta = (delta @ w) * (z > 0)
    return delta


def _relu_on_delta(weights, zs, upstream):
    delta = np.maximum(upstream, 0.0)
    for w in weights[::-1]:
        delta = np.maximum(delta @ w, 0.0)
    return delta


def _with_slope(slope):
    """The same with something else in place of the slope, 0 or 1."""

    def answer(weights, zs, upstream):
        delta = upstream * slope(zs[-1])
        for w, z in zip(weights[::-1], zs[-2::-1], strict=True):
            delta = (delta @ w) * slope(z)
        return delta

    return answer


def _with_masks(masks):
    """The same with the pre-activations of other layers, or of none, behind the masks."""
    return lambda weights, zs, upstream: delta_of_layer_1(weights, masks(zs), upstream)


def _open(z):
    return np.ones_like(z)


def _stacks(rng):
    made = []
    for depth, width, rows in ((3, 6, 4), (4, 8, 5)):
        weights = [rng.normal(size=(width, width)) for _ in range(depth - 1)]
        zs = [rng.normal(size=(rows, width))]
        for w in weights:  # really run forwards: who runs it again must come to the same
            zs.append(np.maximum(zs[-1], 0.0) @ w.T)
        made.append((weights, zs, rng.normal(size=(rows, width))))
    return made


MASKS = CodeExercise(
    id="relu/masks",
    title="δ through a stack of ReLU layers",
    functions=asks(
        delta_of_layer_1,
        "an array of shape (rows, width)",
        {
            "ReLU on the gradient": (
                _relu_on_delta,
                "You applied ReLU to the gradient itself. Backwards nothing asks whether δ is "
                "positive: the mask is where z was positive on the way forwards.",
            ),
            "the mask of the layer above": (
                _with_masks(lambda zs: [*zs[1:], zs[-1]]),
                "The masks are one layer off. After W_{l+1}ᵀ you are in layer l: its own z_l "
                "decides.",
            ),
            "no masks": (
                _with_slope(_open),
                "You multiplied the matrices only. Each ReLU also has a slope, 0 or 1.",
            ),
            "the last mask is missing": (
                _with_masks(lambda zs: [*zs[:-1], _open(zs[-1])]),
                "`upstream` is ∂ℒ/∂h of the last layer, behind its ReLU. δ of that layer needs "
                "its mask too.",
            ),
            "the mask of layer 1 is missing": (
                _with_masks(lambda zs: [_open(zs[0]), *zs[1:]]),
                "You stopped at ∂ℒ/∂h of layer 1. δ is ∂ℒ/∂z: one more mask.",
            ),
            "the value instead of the slope": (
                _with_slope(lambda z: np.maximum(z, 0.0)),
                "You multiplied by relu(z). Backwards goes the slope, which is 0 or 1.",
            ),
            "the matrix transposed": (
                lambda weights, *rest: delta_of_layer_1([w.T for w in weights], *rest),
                "Forwards it was z = h @ W.T, so backwards it is delta @ W, for rows of a "
                "batch. You have the transpose.",
            ),
            "the matrices in forward order": (
                lambda weights, zs, upstream: delta_of_layer_1(weights[::-1], zs, upstream),
                "You used the matrices from the input to the output. δ starts at the output: "
                "the last matrix comes first.",
            ),
            "everything in forward order": (
                _with_masks(lambda zs: zs[::-1]),
                "You used the masks and the matrices from the input to the output. δ starts "
                "at the output: the last of both comes first.",
            ),
            "the masks in forward order": (
                _with_masks(lambda zs: [*zs[-2::-1], zs[-1]]),
                "The matrices come from the last to the first, and your masks from the first on. "
                "Behind W_{l+1}ᵀ you are in layer l: both go backwards.",
            ),
            "stopped at layer 2": (
                lambda weights, zs, upstream: delta_of_layer_1(weights[1:], zs[1:], upstream),
                "You stopped one layer too early. L masks and L − 1 matrices lie on the way "
                "to z_1.",
            ),
            "the mean over the rows": (
                lambda weights, zs, upstream: (
                    delta_of_layer_1(weights, zs, upstream) / len(upstream)
                ),
                "You divided by the number of rows. `upstream` already carries whatever mean "
                "the loss takes: nothing is left to divide by.",
            ),
            "the slope of a leaky ReLU": (
                _with_slope(lambda z: np.where(z > 0, 1.0, 0.01)),
                "You gave the negative side the slope 0.01. That is a leaky ReLU; the slope "
                "of ReLU is 0 there.",
            ),
        },
    ),
    parts=(
        Part(
            title="random stacks of 3 and 4 layers",
            points=3.0,
            cases=_stacks,
            example=(
                [np.array([[1.0, 2.0], [-3.0, -1.0]])],
                [np.array([[2.0, -1.0]]), np.array([[2.0, -6.0]])],
                np.array([[4.0, -2.0]]),
            ),
            look_at="Two layers: a mask, one matrix, a mask. Compute the small example by hand.",
        ),
    ),
    hints=(
        "Start with δ of the last layer: ∂ℒ/∂h times the slope of its ReLU, where z > 0.",
        "Then, from the last matrix to the first: delta @ W, times the mask of the layer you "
        "arrive in.",
        "delta = upstream * (zs[-1] > 0) is where it starts. Each turn of the loop uses one matrix "
        "of weights[::-1] and one mask, from zs[-2::-1].",
    ),
)
