"""Whether one small change makes a wrong function right, and where.

The learner's own code is run with the change, in the process where it lives, on the same cases.
What is then said is so: with that change it agrees in every case. It is told where and of which
kind the change is, not what to write.
"""

from __future__ import annotations

import ast
import copy
import math
import time
import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from gradcourse.checking.call import drive
from gradcourse.checking.compare import compare
from gradcourse.checking.limits import run_limited
from gradcourse.checking.naming import Trial
from gradcourse.checking.why.written import Explanation, Source

SECONDS = 0.15
"""In all, so that a verdict stays quick; of the processor, so that a busy machine finds as much."""

LIMIT = 1.0
"""Seconds after which it is stopped, should a changed loop not end."""


@dataclass(frozen=True)
class Change:
    """One node of the tree, and what may stand in its place.

    Attributes
    ----------
    node, new : ast.AST
        Before and after.
    shown : ast.AST
        What is quoted.
    kind : str
        Short, the slip's name.
    words : str
        What is wrong there; a full sentence.
    """

    node: ast.AST
    new: ast.AST
    shown: ast.AST
    kind: str
    words: str


class Mender:
    """Looks for the change; all parts of one check share its time.

    Parameters
    ----------
    seconds : float
        For all searches together.
    """

    def __init__(self, seconds: float = SECONDS) -> None:
        self._left = seconds
        self._found: dict[str, Change] = {}

    def one_change(self, trial: Trial, answer: Any, source: Source) -> Explanation | None:
        """Return where one small change makes a part right in every case, and of which kind."""
        names = _names(answer)
        if names is None or not trial.complete or _may_hang(source):
            return None
        if any(outcome.kind != "value" for outcome in trial.expected):
            return None
        known = self._found.get(trial.function.name)
        search = _Search(trial, source, names, getattr(answer, "__defaults__", None))
        run = run_limited(lambda: search.first_that_is_right(self._left, known), LIMIT)
        change, spent = run.value or (None, LIMIT)
        self._left = max(0.0, self._left - spent)
        if not isinstance(change, Change):
            return None
        self._found[trial.function.name] = change
        line = getattr(change.shown, "lineno", 0)
        return Explanation(
            change.kind,
            f"Line {line}, `{source.words(change.shown)}`: {change.words} With this one thing "
            "changed, your function agrees in every case.",
        )


class _Search:
    """Tries the changes one after the other, each on the example first."""

    def __init__(
        self, trial: Trial, source: Source, names: dict[str, Any], defaults: tuple[Any, ...] | None
    ) -> None:
        self._trial = trial
        self._names = names
        self._source = source
        self._defaults = defaults

    def first_that_is_right(
        self, seconds: float, known: Change | None
    ) -> tuple[Change | None, float]:
        """Try what mended another part first, whatever time is left, then all others.

        Returns
        -------
        tuple
            The change, or None; and the processor's seconds that were spent.
        """
        start = time.thread_time()
        change = self._first(start + seconds, known)
        return change, time.thread_time() - start

    def _first(self, until: float, known: Change | None) -> Change | None:
        places = _places(self._source.definition)
        # The changes are listed before the tree is touched: each puts back what it took.
        for change in [*([known] if known else []), *changes(self._source)]:
            if time.thread_time() > until and change is not known:
                break
            if id(change.node) not in places:
                continue
            put = places[id(change.node)]
            put(change.new)
            try:
                changed = self._made()
                if changed is not None and self._is_right(
                    changed, until if change is not known else math.inf
                ):
                    return change
            finally:
                put(change.node)
        return None

    def _made(self) -> Any:
        module = ast.Module(body=[self._source.definition], type_ignores=[])
        ast.fix_missing_locations(module)
        names = dict(self._names)
        try:
            exec(compile(module, "<changed>", "exec"), names)
        except Exception:
            return None
        made = names[self._source.definition.name]
        if self._defaults and isinstance(made, types.FunctionType):
            made.__defaults__ = self._defaults
        return made

    def _is_right(self, changed: Any, until: float) -> bool:
        trial = self._trial
        report = trial.function.driver is not None
        for case, expected in zip(trial.cases, trial.expected, strict=True):
            try:
                got = drive(trial.function.driver, changed, copy.deepcopy(case))
                wrong = compare(expected.value, got, trial.tolerance, report)
            except Exception:
                return False
            if wrong or time.thread_time() > until:
                return False
        return True


def _names(answer: Any) -> dict[str, Any] | None:
    """The names that the answer sees; None where it cannot be made again from its source."""
    if type(answer) is types.FunctionType and answer.__closure__ is None:
        return answer.__globals__
    if isinstance(answer, type):
        methods = [m for m in vars(answer).values() if type(m) is types.FunctionType]
        return methods[0].__globals__ if methods else None
    return None


def _may_hang(source: Source) -> bool:
    """A loop whose end depends on what it computes may not end once something is changed."""
    kinds = (ast.While, ast.AsyncFunctionDef, ast.Global, ast.Yield)
    return bool(getattr(source.definition, "decorator_list", ())) or any(
        isinstance(node, kinds) for node in ast.walk(source.definition)
    )


def _places(root: ast.AST) -> dict[int, Callable[[Any], None]]:
    """From each node to what puts another one in its place."""
    places: dict[int, Callable[[Any], None]] = {}
    for parent in ast.walk(root):
        for name, value in ast.iter_fields(parent):
            if isinstance(value, ast.AST):
                places[id(value)] = _setter(parent, name)
            elif isinstance(value, list):
                for index, item in enumerate(value):
                    if isinstance(item, ast.AST):
                        places[id(item)] = _item_setter(value, index)
    return places


def _setter(parent: ast.AST, name: str) -> Callable[[Any], None]:
    return lambda new: setattr(parent, name, new)


def _item_setter(items: list[Any], index: int) -> Callable[[Any], None]:
    def put(new: Any) -> None:
        items[index] = new

    return put


# ── The changes, the likeliest first ──────────────────────────────────────────────────────────


def changes(source: Source) -> Iterator[Change]:
    """Yield the small changes that may be tried, of each kind those of all nodes."""
    nodes = [node for node in ast.walk(source.definition) if isinstance(node, ast.expr)]
    for node in nodes:
        yield from _brackets(node, source)
    for kind in (
        _power_of_a_mean,
        _power_of_a_difference,
        _other_axis,
        _numbers_off_by_one,
        _ends_of_a_range,
        _ends_of_a_slice,
        _other_end,
        _minus_nothing,
        _order_of_arguments,
        _transpose,
        _order_of_operands,
        _other_sign,
        _other_function,
        _size_for_length,
        _kept_axis,
        _other_comparison,
        _square_left_out,
    ):
        for node in nodes:
            yield from kind(node)


def _brackets(node: ast.expr, source: Source) -> Iterator[Change]:
    """``a - b / c`` may be meant as ``(a - b) / c``, and ``a ** -1 / b`` as ``a ** (-1 / b)``."""
    if not isinstance(node, ast.BinOp):
        return
    # A bracket belongs to the place, not to the node that it encloses.
    between = _between(node.left, node.right, source)
    words = "Python takes one of these operations before the other; brackets decide which."
    if isinstance(node.right, ast.BinOp) and "(" not in between:
        inner = node.right
        left = ast.BinOp(left=node.left, op=node.op, right=inner.left)
        new = ast.BinOp(left=left, op=inner.op, right=inner.right)
        yield Change(node, new, node, "the brackets", words)
    if isinstance(node.left, ast.BinOp) and ")" not in between:
        inner = node.left
        right = ast.BinOp(left=inner.right, op=node.op, right=node.right)
        new = ast.BinOp(left=inner.left, op=inner.op, right=right)
        yield Change(node, new, node, "the brackets", words)


def _between(left: ast.expr, right: ast.expr, source: Source) -> str:
    """What stands between two operands: the operator, and brackets of the learner's."""
    gap = ast.Pass(
        lineno=left.end_lineno or 0,
        col_offset=left.end_col_offset or 0,
        end_lineno=right.lineno,
        end_col_offset=right.col_offset,
    )
    return ast.get_source_segment(source.text, gap) or ""


def _power_of_a_mean(node: ast.expr) -> Iterator[Change]:
    """The square of a mean, and the mean of the squares; of another function likewise."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow):
        call = node.left
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute):
            for inner, put in _inputs_of(call):
                raised = ast.BinOp(left=inner, op=ast.Pow(), right=node.right)
                yield Change(node, put(raised), node, *_power_of(call.func.attr))
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        for inner, put in _inputs_of(node):
            if isinstance(inner, ast.BinOp) and isinstance(inner.op, ast.Pow):
                outer = ast.BinOp(left=put(inner.left), op=ast.Pow(), right=inner.right)
                yield Change(node, outer, node, *_power_of(node.func.attr))


def _power_of(function: str) -> tuple[str, str]:
    """What is confused where a power stands on the wrong side of a function, and the words."""
    if function in ("mean", "nanmean", "average"):
        words = "a power of a mean is not the mean of the powers: which comes first?"
        return "the power and the mean", words
    words = f"a power of `{function}` is not `{function}` of the power: which comes first?"
    return "the power and the function", words


def _power_of_a_difference(node: ast.expr) -> Iterator[Change]:
    """``a**2 - b`` and ``(a - b)**2``."""
    words = "the difference of powers is not the power of a difference: which comes first?"
    kind = "the power and the difference"
    if not isinstance(node, ast.BinOp):
        return
    sums = (ast.Add, ast.Sub)
    left, right = node.left, node.right
    if isinstance(node.op, sums) and isinstance(left, ast.BinOp) and isinstance(left.op, ast.Pow):
        inner = ast.BinOp(left=left.left, op=node.op, right=right)
        yield Change(node, ast.BinOp(left=inner, op=ast.Pow(), right=left.right), node, kind, words)
    if isinstance(node.op, ast.Pow) and isinstance(left, ast.BinOp) and isinstance(left.op, sums):
        for both in (False, True):
            first = ast.BinOp(left=left.left, op=ast.Pow(), right=right)
            second = ast.BinOp(left=left.right, op=ast.Pow(), right=right) if both else left.right
            new = ast.BinOp(left=first, op=left.op, right=second)
            yield Change(node, new, node, kind, words)


def _square_left_out(node: ast.expr) -> Iterator[Change]:
    """One of the two sides of an operation should be squared."""
    if not isinstance(node, ast.BinOp) or isinstance(node.op, ast.Pow):
        return
    for side in (node.left, node.right):
        if isinstance(side, ast.Name | ast.Subscript | ast.Call | ast.Attribute):
            new = ast.BinOp(left=side, op=ast.Pow(), right=ast.Constant(value=2))
            yield Change(side, new, node, "a square is missing", "something in it must be squared.")


def _inputs_of(call: ast.Call) -> Iterator[tuple[ast.expr, Callable[[ast.expr], ast.Call]]]:
    """What a call works on, and the same call of something else: ``np.mean(x)``, ``x.mean()``."""
    if call.args:
        yield (
            call.args[0],
            lambda new: ast.Call(
                func=call.func, args=[new, *call.args[1:]], keywords=call.keywords
            ),
        )
    if isinstance(call.func, ast.Attribute):
        func = call.func
        yield (
            func.value,
            lambda new: ast.Call(
                func=ast.Attribute(value=new, attr=func.attr, ctx=ast.Load()),
                args=call.args,
                keywords=call.keywords,
            ),
        )


def _other_axis(node: ast.expr) -> Iterator[Change]:
    if not isinstance(node, ast.Call):
        return
    for word in node.keywords:
        if word.arg in ("axis", "dim") and isinstance(word.value, ast.Constant):
            for axis in (0, 1, -1, None):
                if axis != word.value.value:
                    yield Change(
                        word.value,
                        ast.Constant(value=axis),
                        node,
                        "the axis",
                        "it works along another axis than the one that is meant.",
                    )


def _numbers_off_by_one(node: ast.expr) -> Iterator[Change]:
    """Whole numbers that stand in an expression, shown with it."""
    if isinstance(node, ast.Slice | ast.UnaryOp):
        return
    for inner in _parts(node):
        number = inner.operand if isinstance(inner, ast.UnaryOp) else inner
        if not isinstance(number, ast.Constant) or type(number.value) is not int:
            continue
        if abs(number.value) >= 10:
            continue
        for step in (1, -1):
            yield Change(
                number,
                ast.Constant(value=number.value + step),
                node,
                "off by one",
                f"the {_role(node, inner)} {number.value} is off by one.",
            )


def _parts(node: ast.expr) -> Iterator[ast.AST]:
    """The nodes below one, and those of its slices: ``a[1:, 0]`` is shown as a whole."""
    for inner in ast.iter_child_nodes(node):
        yield inner
        if isinstance(node, ast.Subscript) and isinstance(inner, ast.Slice | ast.Tuple):
            yield from (n for n in ast.walk(inner) if isinstance(n, ast.Constant | ast.UnaryOp))


def _role(node: ast.expr, inner: ast.AST) -> str:
    if isinstance(node, ast.Subscript) and inner is node.slice:
        return "index"
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow) and inner is node.right:
        return "exponent"
    return "number"


def _ends_of_a_range(node: ast.expr) -> Iterator[Change]:
    named = isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    if not named or not isinstance(node, ast.Call) or not node.args or len(node.args) > 3:
        return
    if not isinstance(node.func, ast.Name) or node.func.id != "range":
        return
    words = "it begins or ends one too early or too late; `range` leaves out its end."
    stop = 0 if len(node.args) == 1 else 1
    for op in (ast.Add(), ast.Sub()):
        for index in range(min(len(node.args), 2)):
            arguments = list(node.args)
            arguments[index] = ast.BinOp(left=node.args[index], op=op, right=ast.Constant(value=1))
            new = ast.Call(func=node.func, args=arguments, keywords=[])
            yield Change(node, new, node, "a range off by one", words)
    if stop == 0:
        arguments = [ast.Constant(value=1), node.args[0]]
        new = ast.Call(func=node.func, args=arguments, keywords=[])
        yield Change(node, new, node, "a range off by one", words)


def _ends_of_a_slice(node: ast.expr) -> Iterator[Change]:
    if not isinstance(node, ast.Subscript):
        return
    words = "the slice begins or ends one too early or too late."
    kind = "a slice off by one"
    for part in [n for n in ast.walk(node.slice) if isinstance(n, ast.Slice)]:
        if part.step is None and part.lower is None:
            new = ast.Slice(lower=ast.Constant(value=1), upper=part.upper)
            yield Change(part, new, node, kind, words)
        if part.step is None and part.upper is None:
            new = ast.Slice(lower=part.lower, upper=ast.Constant(value=-1))
            yield Change(part, new, node, kind, words)


def _other_end(node: ast.expr) -> Iterator[Change]:
    """A sequence that is gone through from the other end: ``zip(weights[::-1], zs)``."""
    if not isinstance(node, ast.Call) or getattr(node.func, "id", "") not in ("zip", "enumerate"):
        return
    words = "one of the sequences must be gone through from the other end."
    for argument in node.args:
        if _is_reversed(argument):
            assert isinstance(argument, ast.Subscript)
            yield Change(argument, argument.value, node, "from the wrong end", words)
        elif isinstance(argument, ast.Name):
            turned = ast.Slice(step=ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=1)))
            new = ast.Subscript(value=argument, slice=turned, ctx=ast.Load())
            yield Change(argument, new, node, "from the wrong end", words)


def _is_reversed(node: ast.expr) -> bool:
    if not isinstance(node, ast.Subscript) or not isinstance(node.slice, ast.Slice):
        return False
    part = node.slice
    return part.lower is None and part.upper is None and isinstance(part.step, ast.UnaryOp)


def _minus_nothing(node: ast.expr) -> Iterator[Change]:
    """``zs[-l]`` with l = 0 is the first entry, not the last."""
    if not isinstance(node, ast.Subscript) or not isinstance(node.slice, ast.UnaryOp):
        return
    if isinstance(node.slice.op, ast.USub) and isinstance(node.slice.operand, ast.Name):
        new = ast.BinOp(left=node.slice, op=ast.Sub(), right=ast.Constant(value=1))
        yield Change(
            node.slice,
            new,
            node,
            "index −0",
            "from the end the entries are counted −1, −2, …; −0 is 0, the first.",
        )


def _order_of_arguments(node: ast.expr) -> Iterator[Change]:
    if not isinstance(node, ast.Call) or len(node.args) < 2:
        return
    if any(isinstance(argument, ast.Starred) for argument in node.args):
        return
    for first in range(len(node.args) - 1):
        arguments = list(node.args)
        arguments[first], arguments[first + 1] = arguments[first + 1], arguments[first]
        new = ast.Call(func=node.func, args=arguments, keywords=node.keywords)
        yield Change(
            node, new, node, "the order of the arguments", "two arguments are in the wrong order."
        )


def _transpose(node: ast.expr) -> Iterator[Change]:
    if not isinstance(node, ast.BinOp) or not isinstance(node.op, ast.MatMult):
        return
    for side in ("left", "right"):
        factor = getattr(node, side)
        is_transposed = isinstance(factor, ast.Attribute) and factor.attr == "T"
        turned = (
            factor.value if is_transposed else ast.Attribute(value=factor, attr="T", ctx=ast.Load())
        )
        words = f"its {side} factor must {'not ' if is_transposed else ''}be transposed."
        yield Change(factor, turned, node, "a transpose", words)


def _order_of_operands(node: ast.expr) -> Iterator[Change]:
    kinds = (ast.Sub, ast.Div, ast.MatMult, ast.Pow)
    if isinstance(node, ast.BinOp) and isinstance(node.op, kinds):
        new = ast.BinOp(left=node.right, op=node.op, right=node.left)
        words = "its two sides are in the wrong order."
        yield Change(node, new, node, "the order of the two sides", words)


def _other_sign(node: ast.expr) -> Iterator[Change]:
    others = {ast.Add: (ast.Sub,), ast.Sub: (ast.Add,), ast.Mult: (ast.Div,), ast.Div: (ast.Mult,)}
    signs = {ast.Add: "+", ast.Sub: "−", ast.Mult: "*", ast.Div: "/"}
    if isinstance(node, ast.BinOp) and type(node.op) in others:
        for other in others[type(node.op)]:
            new = ast.BinOp(left=node.left, op=other(), right=node.right)
            sign = signs[type(node.op)]
            yield Change(node, new, node, f"the sign {sign}", f"the sign `{sign}` is not right.")
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        yield Change(node, node.operand, node, "a minus", "the minus is one too many.")


OTHERS = {
    "mean": ("sum",),
    "sum": ("mean", "prod"),
    "prod": ("sum",),
    "std": ("var",),
    "var": ("std",),
    "log": ("log10",),
    "log10": ("log",),
    "max": ("min", "argmax"),
    "min": ("max",),
    "argmax": ("argmin", "max"),
    "maximum": ("minimum",),
    "minimum": ("maximum",),
    "cumsum": ("cumprod",),
    "cumprod": ("cumsum",),
    "zeros": ("ones",),
    "ones": ("zeros",),
    "sin": ("cos",),
    "cos": ("sin",),
    "tanh": ("sigmoid",),
    "sigmoid": ("tanh",),
    "floor": ("ceil",),
    "ceil": ("floor",),
}
"""Functions that are taken for one another."""


def _other_function(node: ast.expr) -> Iterator[Change]:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        func = node.func
        for other in OTHERS.get(func.attr, ()):
            new = ast.Attribute(value=func.value, attr=other, ctx=ast.Load())
            words = f"`{func.attr}` is not the quantity that belongs here."
            yield Change(func, new, node, f"{func.attr} for another quantity", words)


def _size_for_length(node: ast.expr) -> Iterator[Change]:
    is_len = isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    if (
        is_len
        and isinstance(node, ast.Call)
        and getattr(node.func, "id", "") == "len"
        and node.args
    ):
        new = ast.Attribute(value=node.args[0], attr="size", ctx=ast.Load())
        yield Change(
            node,
            new,
            node,
            "rows counted instead of entries",
            "`len` counts the rows of an array, not its entries.",
        )


def _kept_axis(node: ast.expr) -> Iterator[Change]:
    if not isinstance(node, ast.Call):
        return
    words = {word.arg for word in node.keywords}
    if "axis" in words and "keepdims" not in words:
        keep = ast.keyword(arg="keepdims", value=ast.Constant(value=True))
        new = ast.Call(func=node.func, args=node.args, keywords=[*node.keywords, keep])
        yield Change(
            node,
            new,
            node,
            "keepdims forgotten",
            "the axis is gone after it, and numpy lines up what is left with the wrong one: "
            "keepdims keeps it.",
        )


def _other_comparison(node: ast.expr) -> Iterator[Change]:
    if not isinstance(node, ast.Compare) or len(node.ops) != 1:
        return
    others: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
        ast.Lt: (ast.LtE, ast.Gt),
        ast.LtE: (ast.Lt, ast.GtE),
        ast.Gt: (ast.GtE, ast.Lt),
        ast.GtE: (ast.Gt, ast.LtE),
        ast.Eq: (ast.NotEq,),
        ast.NotEq: (ast.Eq,),
    }
    for other in others.get(type(node.ops[0]), ()):
        new = ast.Compare(left=node.left, ops=[other()], comparators=node.comparators)
        yield Change(
            node,
            new,
            node,
            "the comparison",
            "the comparison goes the wrong way, or decides the limit itself wrongly.",
        )
