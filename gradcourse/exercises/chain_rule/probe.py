"""Assignment 01: the probe, written by hand."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from gradcourse.checking.question import CodeExercise, Part, asks
from gradcourse.drivers.chain_rule import drive_probe


def _outputs(layers, x, y, *, keep=True, last=lambda h: h, **options):
    """What each layer gives, with its gradient kept, after the backward pass."""
    import torch

    h, outputs = x, []
    for layer in layers:
        h = layer(h)
        if keep:
            h.retain_grad()
        outputs.append(h)
    torch.nn.functional.cross_entropy(last(h), y, **options).backward()
    return outputs


def delta_norms(layers, x, y):
    """Norm of the cross-entropy's gradient with respect to the output of each layer."""
    return [float(h.grad.norm()) for h in _outputs(layers, x, y)]


def _of_the_inputs(layers, x, y):
    h = x.clone().requires_grad_()
    inputs = [h]
    for output in _outputs(layers, h, y)[:-1]:
        inputs.append(output)
    return [float(h.grad.norm()) for h in inputs]


def _of_the_weights(layers, x, y, *, others=()):
    """And a number, or none, for a layer that has no weights."""
    _outputs(layers, x, y)
    found = []
    for layer in layers:
        found += [float(p.grad.norm()) for p in layer.parameters()] or others
    return found


def _asked_of_the_layers(layers, x, y):
    _outputs(layers, x, y)
    return [float(layer.weight.grad.norm()) for layer in layers]


def _batches(rng):
    cases = []
    for depth in (2, 3, 4):
        widths = rng.integers(3, 7, size=depth + 1)
        weights = [
            rng.normal(size=(int(n_out), int(n_in))) / np.sqrt(n_in)
            for n_in, n_out in pairwise(widths)
        ]
        rows = int(rng.integers(3, 8))
        labels = rng.integers(0, int(widths[-1]), size=rows)
        cases.append((weights, rng.normal(size=(rows, int(widths[0]))), labels))
    return cases


WRITE_PROBE = CodeExercise(
    id="chain/write-probe",
    title="Write the probe",
    functions=asks(
        delta_norms,
        "a list of floats, one for each layer",
        {
            "the outputs themselves": (
                lambda layers, x, y: [float(h.detach().norm()) for h in _outputs(layers, x, y)],
                "You returned the norms of the outputs. The question is the gradient that arrives "
                "there: it lies in .grad after the backward pass.",
            ),
            "the inputs of the layers": (
                _of_the_inputs,
                "You took the gradient in front of each layer. The first number is then that of "
                "x, and the one behind the last layer is missing.",
            ),
            "the gradients of the weights": (
                _of_the_weights,
                "You returned ‖∂ℒ/∂W‖ of the matrices. It has the layer's input as a factor, and "
                "a tanh has none: take the gradient of each layer's output.",
            ),
            "the gradients of the weights, and 0 for a tanh": (
                lambda layers, x, y: _of_the_weights(layers, x, y, others=[0.0]),
                "You returned ‖∂ℒ/∂W‖, and 0 where a layer has no weights. A tanh passes a "
                "gradient on, too: take the gradient of each layer's output.",
            ),
            "the layer in place of its output": (
                _asked_of_the_layers,
                "You asked the layers themselves, and a tanh has neither weights nor .grad. Every "
                "layer has an output: take the gradient of that.",
            ),
            "no gradient kept": (
                lambda layers, x, y: [
                    float(h.grad.norm()) for h in _outputs(layers, x, y, keep=False)
                ],
                "The gradient of an output was None. torch keeps it only where h.retain_grad() was "
                "called before the backward pass, and it is there only after that pass.",
            ),
            "a softmax too many": (
                lambda layers, x, y: [
                    float(h.grad.norm())
                    for h in _outputs(layers, x, y, last=lambda h: h.softmax(dim=1))
                ],
                "You put a softmax in front of cross_entropy, which brings its own. Hand it the "
                "last output as it is.",
            ),
            "summed over the rows": (
                lambda layers, x, y: [
                    float(h.grad.norm()) for h in _outputs(layers, x, y, reduction="sum")
                ],
                "You added the losses of the rows. torch's cross_entropy takes their mean, unless "
                "it is told otherwise.",
            ),
            "a norm for each row": (
                lambda layers, x, y: [
                    float(h.grad.norm(dim=1).mean()) for h in _outputs(layers, x, y)
                ],
                "You took a norm for each row and averaged. One norm of all entries of the "
                "gradient, rows and units together, is meant.",
            ),
            "root mean square": (
                lambda layers, x, y: [
                    float(h.grad.square().mean().sqrt()) for h in _outputs(layers, x, y)
                ],
                "You divided by the root of the number of entries. That is the root mean square; "
                "the norm does not divide.",
            ),
            "last layer first": (
                lambda layers, x, y: delta_norms(layers, x, y)[::-1],
                "You have the right numbers in the order of the backward pass. The first entry "
                "belongs to the layer that meets x.",
            ),
        },
        driver=drive_probe,
        inputs=("the matrices", "x", "y"),
    ),
    parts=(
        Part(
            title="3 random networks",
            points=2.0,
            cases=_batches,
            example=(
                [
                    np.array([[1.0, 0.0], [0.0, 2.0], [1.0, 1.0]]),
                    np.array([[1.0, 1.0, 0.0], [0.0, 2.0, -1.0]]),
                ],
                np.array([[1.0, 0.0], [0.5, -1.0], [0.0, 2.0]]),
                np.array([0, 1, 1]),
            ),
            look_at="Three layers: a matrix, a tanh, a matrix. So there are three numbers, the "
            "last one for the outputs.",
        ),
    ),
    hints=(
        "torch keeps .grad for leaves only. What tells it to keep the gradient of another tensor?",
        "Go through the layers one by one, and keep each output in a list. Call h.retain_grad() "
        "on it before the backward pass.",
        "torch.nn.functional.cross_entropy(h, y).backward(), then h.grad.norm() of every h in "
        "the list. What do they have to be to make a list of floats?",
    ),
)
