"""What an exception means, in the words of somebody who does not read tracebacks every day.

Only its type, its text and the line are known: it may come from a process that nobody trusts, so
what is taken out of the text is short, and stands in our own sentence.
"""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Callable

from gradcourse.checking.why.written import Explanation, parsed
from gradcourse.support import nearest

MODULES = {
    "np": "import numpy as np",
    "numpy": "import numpy",
    "math": "import math",
    "torch": "import torch",
    "nn": "from torch import nn",
    "F": "import torch.nn.functional as F",
    "plt": "import matplotlib.pyplot as plt",
    "copy": "import copy",
    "random": "import random",
    "itertools": "import itertools",
}
ELSEWHERE = {
    **{name: f"np.{name}" for name in ("exp", "log", "sqrt", "tanh", "sign", "log10", "zeros")},
    **{name: f"np.{name}" for name in ("ones", "array", "mean", "prod", "linalg", "eye", "dot")},
    "ln": "np.log",
    "sigmoid": "1 / (1 + np.exp(-z))",
    "relu": "np.maximum(z, 0)",
    "true": "True",
    "false": "False",
    "null": "None",
}
"""Names that people expect, and how they are called."""

WORDS = {"keepdim": "keepdims", "keepdims": "keepdim", "dim": "axis", "axis": "dim"}
"""The same keyword in numpy and in torch."""

Match = re.Match[str]
Words = tuple[str, str] | Callable[[Match, str, str], tuple[str, str] | None]
"""A name and a sentence, or what makes them of the match, the line and the function's name."""


def explained_error(error: str, message: str, line: str, name: str) -> Explanation | None:
    """Say what an exception means, where its text is one that learners often meet.

    Parameters
    ----------
    error, message, line : str
        The type's name, the first line of its text, and "line 3: `return 1 / 0`".
    name : str
        Of the learner's function.
    """
    if error == "RecursionError":
        return Explanation(
            "it calls itself",
            f"`{name}` calls itself without end. Where you mean another function or a value, give "
            "it another name.",
        )
    for errors, pattern, words in _KNOWN:
        found = re.search(pattern, message)
        if error in errors.split() and found:
            said = words(found, line, name) if callable(words) else words
            if said is not None:
                return Explanation(*said)
    return None


# ── Names ─────────────────────────────────────────────────────────────────────────────────────


def _unknown_name(found: Match, line: str, name: str) -> tuple[str, str]:
    missing = found[1]
    if missing in MODULES:
        cure = f"Nothing has imported it: put `{MODULES[missing]}` into a cell and run it."
    elif missing in ELSEWHERE:
        cure = f"Python does not know it by that name: write `{ELSEWHERE[missing]}`."
    else:
        near = nearest(missing, [*re.findall(r"[A-Za-z_]\w*", line), *dir(builtins)])
        near = [other for other in near if other != missing]
        cure = (
            f"Is it misspelt (`{near[0]}`), or does it belong to a cell that has not run?"
            if near
            else ("Is it misspelt, or does it belong to a cell that has not run?")
        )
    return f"the name {missing}", f"Nothing is called `{missing}` here. {cure}"


def _local_before_value(found: Match, line: str, name: str) -> tuple[str, str]:
    own = found[1]
    if own == name or own in dir(builtins) or own in MODULES:
        whose = "the function's own name" if own == name else f"the name of `{own}` itself"
        return (
            "a name used twice",
            f"`{own}` is {whose}, and you also assign to it: inside your function it is then a "
            "variable that has no value yet. Take another name.",
        )
    return (
        "used before it has a value",
        f"`{own}` is read before anything is assigned to it: give it a value before the loop, or "
        "on every way that leads here.",
    )


def _not_callable(found: Match, line: str, name: str) -> tuple[str, str]:
    kind = found[1]
    if kind.endswith("SimpleNamespace"):
        called = [
            word
            for word in re.findall(r"(?<![.\w])([A-Za-z_]\w*)\(", line)
            if word not in dir(builtins)
        ]
        whose = f"`{called[0]}`" if called else "What you call"
        return (
            "it only holds tensors",
            f"{whose} is no function, and no module that computes: it only holds numbers under "
            "their names. Take them out with a dot and compute with them yourself.",
        )
    hidden = [word for word in re.findall(r"([A-Za-z_]\w*)\(", line) if word in dir(builtins)]
    if hidden:
        return (
            "a name of Python's own",
            f"`{hidden[0]}` is no function any more: some cell has made it {_a(kind)}. Take "
            f"another name there, and run `del {hidden[0]}`.",
        )
    return (
        "round brackets",
        f"You call {_a(kind)} like a function. An index takes square brackets, and a product "
        "takes its `*`.",
    )


def _no_attribute(found: Match, line: str, name: str) -> tuple[str, str] | None:
    kind, attribute = found[1], found[2]
    if kind == "NoneType":
        return (
            "None in between",
            f"Something has no value (it is None), so it has no `.{attribute}`. What stands before "
            f"`.{attribute}` in that line may be missing: a gradient that was never computed, or "
            "a function without `return`.",
        )
    if kind in ("float", "int") and ("Parameter" in line or attribute in ("detach", "dim")):
        return (
            "a number where a tensor belongs",
            "torch needs a tensor here, not a plain number: wrap it, `torch.tensor(float(…))`.",
        )
    if kind in ("list", "tuple"):
        return (
            "a list where an array belongs",
            f"A {kind} has no `.{attribute}`; an array has: `np.array(…)`.",
        )
    if kind == "ndarray" and attribute in ("clamp", "detach", "numel", "unsqueeze", "backward"):
        return (
            "torch's word for an array",
            f"`.{attribute}` is torch's; this is numpy's array. Look for numpy's name, or work on "
            "tensors throughout.",
        )
    if kind == "Tensor" and attribute in ("astype", "copy"):
        word = {"astype": ".to(dtype)", "copy": ".clone()"}[attribute]
        return (
            "numpy's word for a tensor",
            f"`.{attribute}` is numpy's; a tensor says `{word}`.",
        )
    if kind == name:
        return (
            f"no self.{attribute}",
            f"Your `{name}` has nothing called `{attribute}`: it must be made in `__init__`, as "
            f"`self.{attribute}`, under exactly this name.",
        )
    return None


def _no_attribute_of_module(found: Match, line: str, name: str) -> tuple[str, str]:
    return (
        f"no {found[1]}.{found[2]}",
        f"{found[1]} has nothing called `{found[2]}`: look it up, or press Tab behind the dot.",
    )


# ── Types ─────────────────────────────────────────────────────────────────────────────────────


def _one_number_only(found: Match, line: str, name: str) -> tuple[str, str]:
    whose = "`float()`" if "float(" in line else "A function of `math`"
    called = re.search(r"math\.(\w+)", line)
    instead = f" `np.{called[1]}` takes each entry of an array." if called else ""
    return (
        "one number at a time",
        f"{whose} takes one number, and is given an array.{instead}",
    )


_LIST_TIMES_FLOAT = (
    "a list where a number or array belongs",
    "A list times a number repeats the list, and no list can be repeated 0.5 times. If one of "
    "its entries is meant, write its index; if all are, make it an array.",
)


def _unsupported(found: Match, line: str, name: str) -> tuple[str, str] | None:
    kinds = {found[2], found[3]}
    if found[1] in ("&", "|"):
        return _BRACKETS
    if "NoneType" in kinds:
        return (
            "None in between",
            "One side is None: a function that returns nothing, or a value that was never set.",
        )
    if kinds & {"list", "tuple"}:
        return (
            "a list where an array belongs",
            f"Lists do not calculate: `{found[1]}` works on numbers and arrays. Make an array of "
            "it with `np.array(…)`.",
        )
    if "builtin_function_or_method" in kinds or "function" in kinds or "method" in kinds:
        return ("a call without brackets", "One side is a function: is a call's () missing?")
    if "str" in kinds:
        return ("text where a number belongs", "One side is text: a number has no quotes.")
    return None


_BRACKETS = (
    "brackets around each comparison",
    "`&` and `|` bind more tightly than `==`, `<` and `>`, so they met numbers where you meant "
    "True and False. Put each comparison into brackets of its own: `(a < 1) | (b == 2)`.",
)


_NOT_OF_NUMBERS = (
    "~ of numbers",
    "`~` turns True and False of an array round, and is given something else: make it an array of "
    "True and False, by a comparison or by `np.asarray(…)`.",
)


def _statement(line: str) -> ast.AST:
    """The learner's line as a tree; an empty one where it is no whole statement."""
    code = line.partition(": ")[2].strip("`")
    for text in (code, f"{code}\n    pass", f"if 1:\n    pass\n{code}\n    pass"):
        tree = parsed(text)
        if tree is not None:
            return tree
    return ast.Module([], [])


def _no_single_truth(found: Match, line: str, name: str) -> tuple[str, str]:
    """An array, or a tensor, where Python asks for one True or False."""
    nodes = list(ast.walk(_statement(line)))
    if any(isinstance(node, ast.Compare) and len(node.ops) > 1 for node in nodes):
        return (
            "a chained comparison of an array",
            "`low <= x <= high` works for one number only. Of an array make two comparisons, each "
            "in brackets of its own, and join them with `&`.",
        )
    words = {ast.Not: ("not", "~"), ast.And: ("and", "&"), ast.Or: ("or", "|")}
    for node in nodes:
        if isinstance(node, ast.UnaryOp | ast.BoolOp) and type(node.op) in words:
            word, sign = words[type(node.op)]
            return (
                f"`{word}` of arrays",
                f"`{word}` knows one True or False only. Of an array, entry by entry, it is "
                f"`{sign}`, with each comparison in brackets of its own.",
            )
    called = [
        node.func.id
        for node in nodes
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    ]
    whole = next((word for word in called if word in ("max", "min")), None)
    if whole and not any(isinstance(node, ast.If | ast.While | ast.IfExp) for node in nodes):
        return (
            f"{whole} of arrays",
            f"Python's `{whole}` takes one of several things as a whole. Entry by entry it is "
            f"`np.{whole}imum`; of all entries of one array, `np.{whole}`.",
        )
    return (
        "one True or False of many",
        "Python asks for one True or False here (`if`, `not`, `and`, `or`, a comparison with two "
        "signs), and is given an array of them. Entry by entry: `np.where`, `~`, `&` and `|`, with "
        "each comparison in brackets. For all at once: `.all()` or `.any()`.",
    )


_UNEQUAL_PARTS = (
    "parts of different sizes",
    "An array needs rows of one size, and the parts of this list have different ones: no array can "
    "hold them all. Go through the list, one part after the other.",
)


def _keyword(found: Match, line: str, name: str) -> tuple[str, str]:
    word = found[1]
    if word in WORDS:
        whose = "torch's" if word in ("keepdim", "dim") else "numpy's"
        return (
            f"{word} for {WORDS[word]}",
            f"`{word}` is {whose} word; what you call here says `{WORDS[word]}`.",
        )
    return (
        f"the keyword {word}",
        f"The function that you call knows no `{word}=`: look up how it is called.",
    )


def _not_iterable(found: Match, line: str, name: str) -> tuple[str, str]:
    kind = found[1]
    if kind in ("int", "float"):
        return (
            "one number where several belong",
            f"A single {kind} is used like a list. A loop over n turns is `range(n)`.",
        )
    if kind in ("Linear", "Sequential", "Module", "Conv2d", "LSTM", "RNN", "GRU"):
        return (
            "the module for its parameters",
            "A module is no list of parameters: hand over `.parameters()`, with the brackets.",
        )
    if kind in ("builtin_function_or_method", "method", "function"):
        return (
            "a call without brackets",
            "A function is used where its result belongs: are a call's brackets missing?",
        )
    return ("not a list", f"{_a(kind).capitalize()} is used like a list.")


def _not_subscriptable(found: Match, line: str, name: str) -> tuple[str, str]:
    kind = found[1]
    if "function" in kind or kind in ("method", "type"):
        return (
            "square brackets",
            "A function is called with round brackets, not with square ones.",
        )
    return (
        "an index into one number",
        f"You take an entry of {_a(kind)}, which has none. Was a list or array meant, or was its "
        "name given another value?",
    )


_INDEX_TYPE = (
    "an index that is no whole number",
    "An index must be a whole number. `/` always gives a float; `//` and `int()` give an int.",
)


# ── Shapes ────────────────────────────────────────────────────────────────────────────────────


def _too_many(found: Match, line: str, name: str) -> tuple[str, str]:
    names = found[1]
    return (
        "a fixed number of names",
        f"The left side has {names} names, and the right side holds more values than that. Take "
        "those that you need by index: `shape[0]`, `shape[1:]`.",
    )


def _too_few(found: Match, line: str, name: str) -> tuple[str, str]:
    return (
        "a fixed number of names",
        f"The left side has {found[1]} names, and the right side holds only {found[2]}.",
    )


def _broadcast(found: Match, line: str, name: str) -> tuple[str, str]:
    first, second = (_shape(found[i]) for i in (1, 2))
    text = (
        f"An array of shape {first} meets one of shape {second}. numpy lines shapes up from the "
        "right, and each pair must be equal or have a 1."
    )
    wide, narrow = sorted((found[1], found[2]), key=lambda shape: -shape.count(","))
    sizes = [size for size in wide.strip("()").split(",") if size]
    if narrow.count(",") == 1 and len(sizes) == 2 and sizes[0] == narrow.strip("(),"):
        text += " One number for each row needs shape (rows, 1): keepdims=True, or [:, None]."
    return "the shapes do not fit", text


def _shape(text: str) -> str:
    inner = [size for size in text.strip("()").split(",") if size]
    return f"({inner[0]},)" if len(inner) == 1 else f"({', '.join(inner)})"


_ALL_AXES = (
    " `.T` turns all axes round. Of a stack of matrices swap the last two: `.transpose(-2, -1)` of "
    "a tensor, `np.swapaxes(x, -1, -2)` of an array."
)


def _of_a_stack(line: str) -> str:
    return _ALL_AXES if re.search(r"\.T\b", line) else ""


def _batches(found: Match, line: str, name: str) -> tuple[str, str]:
    return (
        "the shapes do not fit",
        f"In a product of stacks of matrices each right factor must have {found[2]} rows, as many "
        f"as the left one has columns; here it has {found[4]}."
        + (_of_a_stack(line) or " Is a `.transpose(-2, -1)` missing?"),
    )


def _matmul(found: Match, line: str, name: str) -> tuple[str, str]:
    return (
        "the shapes do not fit",
        "In a matrix product the last axis of the left factor and the first of the right one must "
        f"be equally long; here they have {found[2]} and {found[1]} entries. Is a transpose "
        "missing, or are the factors in the wrong order?" + _of_a_stack(line),
    )


def _torch_matmul(found: Match, line: str, name: str) -> tuple[str, str]:
    return (
        "the shapes do not fit",
        f"A matrix of shape ({found[1]}, {found[2]}) is multiplied by one of shape ({found[3]}, "
        f"{found[4]}): {found[2]} and {found[3]} would have to be equal. Is a transpose missing, "
        "or are the factors in the wrong order?",
    )


def _torch_sizes(found: Match, line: str, name: str) -> tuple[str, str]:
    return (
        "the shapes do not fit",
        f"Two tensors are combined entry by entry, and at dimension {found[3]} one has {found[1]} "
        f"entries, the other {found[2]}." + _of_a_stack(line),
    )


def _channels(found: Match, line: str, name: str) -> tuple[str, str]:
    return (
        "the channels do not fit",
        f"A convolution is given {found[2]} channels and was made for {found[1]}: the first number "
        "of nn.Conv2d is how many come in, the second how many go out.",
    )


def _out_of_bounds(found: Match, line: str, name: str) -> tuple[str, str]:
    index, size = int(found[1]), int(found[2])
    if index == size:
        return (
            "one index too far",
            f"Index {index} of an axis with {size} entries: they are numbered 0 to {size - 1}.",
        )
    return (
        "an index beyond the end",
        f"Index {index} of an axis with {size} entries. Is it the right axis?",
    )


_LIST_INDEX = (
    "an index beyond the end",
    "The list is shorter than you think there: its entries are numbered from 0 to length − 1. "
    "Print its length, and how far the loop counts.",
)


# ── Autograd ──────────────────────────────────────────────────────────────────────────────────


_NUMPY_OF_TENSOR = (
    "numpy on a tensor",
    "numpy cannot work on a tensor of which a gradient is wanted: it would be lost. Use "
    "torch's functions.",
)


_NO_GRAPH = (
    "no way back for the gradient",
    "The result does not hang together with the input for autograd: it was detached, or made "
    "anew from numbers (.item(), .data, torch.tensor(…), no_grad).",
)


def _no_tensor(found: Match, line: str, name: str) -> tuple[str, str]:
    return (
        "a number where a tensor belongs",
        f"You return a {found[1]}. `.item()`, `float()` and numpy make plain numbers, through "
        "which no gradient finds back: return the tensor itself.",
    )


_LEAF_IN_PLACE = (
    "a parameter changed in place",
    "A tensor of which a gradient is wanted is changed in place: do it inside "
    "`with torch.no_grad():`.",
)


_PARAMETER_STAYS = (
    "a tensor in a parameter's place",
    "A layer keeps its parameter; change what is in it: `with torch.no_grad():` and then "
    "`layer.weight.mul_(0.1)`, or `layer.weight.copy_(…)`.",
)


_PARAMETER_NEEDS_TENSOR = (
    "a number where a tensor belongs",
    "torch needs a tensor here, not a plain number: wrap it, `torch.tensor(float(…))`.",
)


def _a(kind: str) -> str:
    words = {"ndarray": "an array", "int": "an int", "str": "a text", "NoneType": "None"}
    return words.get(kind, f"a {kind}")


_ANY = "TypeError ValueError RuntimeError IndexError"

_KNOWN: tuple[tuple[str, str, Words], ...] = (
    ("NameError", r"^name '(\w+)' is not defined", _unknown_name),
    (
        "UnboundLocalError",
        r"local variable '(\w+)'",
        _local_before_value,
    ),
    ("TypeError", r"^'([\w.]+)' object is not callable", _not_callable),
    ("AttributeError", r"^module '([\w.]+)' has no attribute '(\w+)'", _no_attribute_of_module),
    ("AttributeError", r"^'([\w.]+)' object has no attribute '(\w+)'", _no_attribute),
    (
        "TypeError",
        r"only (?:0-dimensional|length-1|size-1|scalar) arrays|only one element tensors",
        _one_number_only,
    ),
    ("TypeError", r"can't multiply sequence by non-int", _LIST_TIMES_FLOAT),
    (
        "TypeError",
        r"unsupported operand type\(s\) for (\S+?):? '([\w.]+)' and '([\w.]+)'",
        _unsupported,
    ),
    ("TypeError", r"ufunc 'bitwise_(?:or|and)' not supported for the input types", _BRACKETS),
    (
        "TypeError",
        r"ufunc 'invert' not supported|bad operand type for unary ~: '(?:list|tuple|float)'"
        r"|^~ \(operator\.invert\) is only implemented",
        _NOT_OF_NUMBERS,
    ),
    (
        "ValueError RuntimeError",
        r"truth value of an array with more than one element"
        r"|Boolean value of Tensor with more than one value",
        _no_single_truth,
    ),
    ("ValueError", r"array has an inhomogeneous shape", _UNEQUAL_PARTS),
    ("TypeError", r"unexpected keyword argument '(\w+)'", _keyword),
    ("TypeError", r"'(keepdims?|dim|axis)' is an invalid keyword", _keyword),
    ("TypeError", r"^'([\w.]+)' object is not iterable", _not_iterable),
    ("TypeError", r"^'([\w.]+)' object is not subscriptable", _not_subscriptable),
    ("IndexError", r"invalid index to scalar variable()", _not_subscriptable),
    ("TypeError", r"cannot be interpreted as an integer|indices must be integers", _INDEX_TYPE),
    ("IndexError", r"only integers, slices", _INDEX_TYPE),
    ("ValueError", r"too many values to unpack \(expected (\d+)", _too_many),
    ("ValueError", r"not enough values to unpack \(expected (\d+), got (\d+)\)", _too_few),
    (
        "ValueError",
        r"could not be broadcast together with (?:remapped )?shapes (\([\d,]*\)) (\([\d,]*\))",
        _broadcast,
    ),
    ("ValueError", r"matmul: .*\(size (\d+) is different from (\d+)\)", _matmul),
    ("ValueError", r"shapes .* not aligned: (\d+) \(dim \d\) != (\d+)", _matmul),
    (
        "RuntimeError",
        r"of batch2 tensor to be: \[(\d+), (\d+)\] but got: \[(\d+), (\d+)\]",
        _batches,
    ),
    ("RuntimeError", r"cannot be multiplied \((\d+)x(\d+) and (\d+)x(\d+)\)", _torch_matmul),
    (
        "RuntimeError",
        r"size of tensor a \((\d+)\) must match the size of tensor b \((\d+)\) "
        r"at non-singleton dimension (\d+)",
        _torch_sizes,
    ),
    (
        "RuntimeError",
        r"weight of size \[\d+, (\d+).*to have \d+ channels, but got (\d+) channels",
        _channels,
    ),
    (
        "IndexError",
        r"^index (\d+) is out of bounds for (?:axis \d+ with )?size (\d+)",
        _out_of_bounds,
    ),
    (
        "IndexError",
        r"^index (\d+) is out of bounds for dimension \d+ with size (\d+)",
        _out_of_bounds,
    ),
    ("IndexError", r"list (?:assignment )?index out of range", _LIST_INDEX),
    ("TypeError", r"is an? (\w+), not a tensor", _no_tensor),
    (_ANY, r"Can't call numpy\(\) on Tensor that requires grad", _NUMPY_OF_TENSOR),
    (_ANY, r"does not require grad and does not have a grad_fn", _NO_GRAPH),
    (_ANY, r"leaf Variable that requires grad is being used in an in-place", _LEAF_IN_PLACE),
    ("TypeError", r"cannot assign '[\w.]*Tensor' as parameter", _PARAMETER_STAYS),
    ("TypeError", r"cannot assign '[\w.]+' as parameter", _PARAMETER_NEEDS_TENSOR),
)
