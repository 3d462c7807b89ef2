"""Whether an output is a linear function of its input that passes through two layers or more."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from torch import nn

from gradcourse.instrument.loop.graph import nodes_behind


def is_chain_of_linear_layers(model: nn.Module) -> bool:
    """Whether it is an nn.Sequential of linear layers, which is one linear layer in all.

    Batch normalization is another linear map, on each batch.
    """
    if not isinstance(model, nn.Sequential):
        return False
    parts = [m for m in model.modules() if not isinstance(m, nn.Sequential)]
    linear = [m for m in parts if isinstance(m, nn.Linear)]
    straight = (nn.Linear, nn.Identity, nn.Flatten, nn.Dropout, nn.BatchNorm1d)
    return len(linear) > 1 and all(isinstance(m, straight) for m in parts)


def is_one_map(ends: Iterable[Any], nodes: Iterable[Any]) -> bool:
    """Whether nothing between the output and its leaves bends, through two layers or more.

    Parameters
    ----------
    ends : iterable of torch.autograd.graph.Node
        That of each output; a sigmoid or softmax there belongs to the loss.
    nodes : iterable of torch.autograd.graph.Node
        All of the graph, without its leaves.
    """
    last = set(ends)
    inner = [node for node in nodes if not (node in last and _stem(node) in _OF_THE_LOSS)]
    return all(map(_is_straight, inner)) and any(map(_follows_a_layer, inner))


def _stem(node: Any) -> str:
    return str(node.name()).rstrip("0123456789").removesuffix("Backward")


def _is_straight(node: Any) -> bool:
    stem = _stem(node)
    if stem in _LAYERS:
        return _weight_is_a_leaf(node)
    if stem in ("Mul", "Div"):  # by a number, or by the mask of a dropout
        functions = [function for function, _ in node.next_functions]
        return sum(f is not None for f in functions) == 1 and functions[0] is not None
    return stem in _STRAIGHT


def _weight_is_a_leaf(node: Any) -> bool:
    function: Any = node.next_functions[_LAYERS[_stem(node)][1]][0]
    while function is not None and _stem(function) in ("T", "Transpose", "Permute"):
        function = function.next_functions[0][0]
    return hasattr(function, "variable")


def _follows_a_layer(node: Any) -> bool:
    """Whether it is a layer whose input comes from another one."""
    places = _LAYERS.get(_stem(node))
    below = [node.next_functions[places[0]][0]] if places else []
    return any(_stem(each) in _LAYERS for each in nodes_behind(below))


_LAYERS = {"Addmm": (1, 2), "Mm": (0, 1), "Linear": (0, 1), "Convolution": (0, 1)}
"""Operations of a layer: where its input and where its weight stand among what it depends on."""

_OF_THE_LOSS = ("Softmax", "LogSoftmax", "Sigmoid")

_STRAIGHT = {
    *("Add", "Sub", "Neg", "T", "Transpose", "Permute", "View", "UnsafeView", "ReshapeAlias"),
    *("Squeeze", "Unsqueeze", "Expand", "Clone", "Alias", "Mean", "Sum", "Cat", "Stack"),
    *("Select", "Slice", "AvgPool1D", "AvgPool2D", "AvgPool3D", "NativeBatchNorm"),
    "NativeDropout",
}
"""Operations that are linear in what they are given, whatever it is."""
