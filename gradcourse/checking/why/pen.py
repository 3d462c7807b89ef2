"""Slips of the pen, read from the source: the same ones in every exercise."""

from __future__ import annotations

import ast
import builtins
import difflib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from gradcourse.checking.why.written import DEFINITIONS, Explanation, Source

Loop = ast.For | ast.While


def sure_slip(source: Source, nothing: bool, texts: Mapping[str, set[str]]) -> Explanation | None:
    """Return a slip that makes any answer wrong, whatever else is in it.

    Parameters
    ----------
    source : Source
        Of the learner's function or class.
    nothing : bool
        Whether it gave None where something was asked for.
    texts : mapping
        From each parameter that is given a text to the texts that it is given.
    """
    for function in source.functions:
        found = (
            _loop_that_ends_at_once(source, function)
            or _plus_behind_the_equals_sign(source, function)
            or _hat(source, function)
            or _overwritten_parameter(function)
            or _text_that_never_comes(function, texts)
        )
        if found is not None:
            return found
    return _nothing_returned(source) if nothing else None


def likely_slip(source: Source) -> Explanation | None:
    """Return what is odd in the source and may well be the reason."""
    for function in source.functions:
        found = (
            _dropped(source, function)
            or _new_value_for_the_loops_name(source, function)
            or _hidden_builtin(function)
        )
        if found is not None:
            return found
    return None


def unused_parameter(source: Source) -> Explanation | None:
    """Return which of its parameters a function never looks at."""
    function = source.definition
    if not isinstance(function, ast.FunctionDef):
        return None
    read = {n.id for n in ast.walk(function) if isinstance(n, ast.Name)}
    unused = [name for name in _parameters(function) if name not in read]
    if not unused:
        return None
    names = " and ".join(f"`{name}`" for name in unused)
    return Explanation("a parameter is not used", f"Your function never looks at {names}.")


# ── Loops ─────────────────────────────────────────────────────────────────────────────────────


def _loop_that_ends_at_once(source: Source, function: ast.FunctionDef) -> Explanation | None:
    for loop in _inside(function, (ast.For, ast.While)):
        assert isinstance(loop, Loop)
        leaves = _leaves(loop.body)
        if leaves is None or _goes_on(loop):
            continue
        word = "return" if isinstance(leaves, ast.Return) else "break"
        kind = "for" if isinstance(loop, ast.For) else "while"
        where = f"`{source.words(leaves)}` in line {leaves.lineno}"
        return Explanation(
            f"a {word} inside the loop",
            f"{where} stands inside the `{kind}` loop of line {loop.lineno}, and ends it in its "
            f"first round. Put it behind the loop, as far to the left as the `{kind}`.",
        )
    return None


def _leaves(body: Sequence[ast.stmt]) -> ast.stmt | None:
    """Return the statement that leaves a block on every way through it."""
    for statement in body:
        if isinstance(statement, ast.Return | ast.Break):
            return statement
        if isinstance(statement, ast.If) and statement.orelse:
            first, other = _leaves(statement.body), _leaves(statement.orelse)
            if first is not None and other is not None:
                return other
        if isinstance(statement, ast.With):
            leaves = _leaves(statement.body)
            if leaves is not None:
                return leaves
    return None


def _goes_on(loop: Loop) -> bool:
    return any(isinstance(node, ast.Continue | ast.Yield) for node in ast.walk(loop))


def _new_value_for_the_loops_name(source: Source, function: ast.FunctionDef) -> Explanation | None:
    """``for g in grads: g = g / 2`` leaves the list as it was."""
    read_last: dict[str, int] = {}
    for node in _inside(function, (ast.Name,)):
        if isinstance(node.ctx, ast.Load):
            read_last[node.id] = max(read_last.get(node.id, 0), node.lineno)
    for loop in _inside(function, (ast.For,)):
        assert isinstance(loop, ast.For)
        last = loop.body[-1]
        if not isinstance(loop.target, ast.Name) or not isinstance(last, ast.Assign):
            continue
        name = loop.target.id
        used_later = read_last.get(name, 0) > (loop.end_lineno or 0)
        forgets = [_stored(target) for target in last.targets] == [name] and not used_later
        if forgets and _reads(last.value, name):
            return Explanation(
                "a new value for the loop's own name",
                f"`{source.words(last)}` in line {last.lineno} gives `{name}` a new value, "
                f"and the next round forgets it: `{source.words(loop.iter)}` stays as it was.",
            )
    return None


# ── Names and values ──────────────────────────────────────────────────────────────────────────


def _plus_behind_the_equals_sign(source: Source, function: ast.FunctionDef) -> Explanation | None:
    """``sums =+ x``: the sign stands right behind the = and apart from what follows."""
    for node in _inside(function, (ast.Assign,)):
        assert isinstance(node, ast.Assign)
        text, value = source.segment(node), source.segment(node.value)
        before = text.removesuffix(value)
        if not value or not before.endswith("=") or value[0] not in "+-":
            continue
        if len(value) > 1 and value[1].isspace():
            name, sign = source.words(node.targets[0]), value[0]
            return Explanation(
                f"={sign} for {sign}=",
                f"`{source.words(node)}` in line {node.lineno} gives `{name}` a new value each "
                f"time: Python reads it as `{name} = {sign}(…)`. The sign comes first, `{sign}=`.",
            )
    return None


def _hat(source: Source, function: ast.FunctionDef) -> Explanation | None:
    for node in _inside(function, (ast.BinOp,)):
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitXor):
            return Explanation(
                "^ for a power",
                f"`{source.words(node)}` in line {node.lineno}: a power is written `**` in "
                "Python. `^` compares the bits of two whole numbers.",
            )
    return None


def _overwritten_parameter(function: ast.FunctionDef) -> Explanation | None:
    """A parameter that gets another value before anything has looked at it."""
    unread = dict.fromkeys(_parameters(function))
    for statement in function.body:
        stored, read = _overwritten(statement)
        lost = [name for name in unread if name in stored and name not in read]
        if lost:
            return Explanation(
                "a parameter is overwritten",
                f"Line {statement.lineno} gives the parameter `{lost[0]}` a new value before "
                "anything has read it: what the function was called with is lost.",
            )
        for name in _all_read(statement):
            unread.pop(name, None)
    return None


def _overwritten(statement: ast.stmt) -> tuple[set[str], set[str]]:
    """The names to which a statement gives a new value, and those of which it is made."""
    if isinstance(statement, ast.Assign):
        stored = {stored for target in statement.targets for stored in _all_stored(target)}
        return stored, _all_read(statement.value)
    if isinstance(statement, ast.For):
        return set(_all_stored(statement.target)), _all_read(statement.iter)
    return set(), set()


def _text_that_never_comes(
    function: ast.FunctionDef, texts: Mapping[str, set[str]]
) -> Explanation | None:
    """``activation == "Sigmoid"`` where it is "sigmoid"."""
    for name, known in texts.items():
        compared = _compared_with(function, name)
        for text in compared:
            near = difflib.get_close_matches(text.lower(), known - compared, n=1, cutoff=0.8)
            if text not in known and near:
                return Explanation(
                    "another spelling",
                    f"You compare `{name}` with {text!r}, which it never is: it is {near[0]!r}, "
                    "and every letter counts.",
                )
    return None


def _compared_with(function: ast.FunctionDef, name: str) -> set[str]:
    """The texts with which a name is compared, or by which a dict is read with it."""
    places: list[ast.AST] = []
    for node in ast.walk(function):
        if isinstance(node, ast.Compare) and _reads(node, name):
            places += [node.left, *node.comparators]
        elif isinstance(node, ast.Subscript) and _reads(node.slice, name):
            places.append(node.value)
        elif isinstance(node, ast.Match) and _reads(node.subject, name):
            places += [case.pattern for case in node.cases]
    constants = [n for place in places for n in ast.walk(place) if isinstance(n, ast.Constant)]
    return {constant.value for constant in constants if isinstance(constant.value, str)}


def _hidden_builtin(function: ast.FunctionDef) -> Explanation | None:
    """A local name such as ``sum`` or ``np``, which is called as well."""
    stored = {n.id for n in _inside(function, (ast.Name,)) if _is_stored(n)}
    called = {
        n.func.id
        for n in _inside(function, (ast.Call,))
        if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)
    }
    hidden = sorted(stored & called & set(dir(builtins)))
    if not hidden:
        return None
    name = hidden[0]
    return Explanation(
        "a name of Python's own",
        f"You use `{name}` as a name of your own: inside this function, Python's `{name}()` is "
        "out of reach. Take another name.",
    )


# ── Results ───────────────────────────────────────────────────────────────────────────────────

CHANGES = ("append", "extend", "insert", "sort", "reverse", "update", "remove", "clear", "fill")
"""Methods that change an object and give back None."""

KEEPS = {
    *("sort", "append", "concatenate", "abs", "exp", "log", "sqrt", "clip", "maximum", "minimum"),
    *("where", "cumsum", "cumprod", "flip", "transpose", "reshape", "astype", "copy", "clamp"),
    *("flatten", "ravel", "mul", "add", "div", "sub", "detach", "tanh", "relu", "sigmoid", "tril"),
    *("triu", "mean", "sum", "prod", "square", "squeeze", "unsqueeze", "clone", "double", "float"),
}
"""Functions and methods that leave their input as it is: their result is all that they do."""


def _nothing_returned(source: Source) -> Explanation | None:
    """Why a function gave None: no return, a print, a branch that ends without one."""
    functions = [source.definition] if isinstance(source.definition, ast.FunctionDef) else []
    if isinstance(source.definition, ast.ClassDef):
        methods = [n for n in source.definition.body if isinstance(n, ast.FunctionDef)]
        functions = [method for method in methods if method.name == "forward"]
    for function in functions:
        found = _no_value(source, function)
        if found is not None:
            return found
    return None


def _no_value(source: Source, function: ast.FunctionDef) -> Explanation | None:
    returns = [n for n in _inside(function, (ast.Return,)) if isinstance(n, ast.Return)]
    given = [n for n in returns if n.value is not None]
    for node in given:
        call = node.value
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute):
            if call.func.attr in CHANGES:
                return Explanation(
                    "a method that returns nothing",
                    f"`.{call.func.attr}()` in line {node.lineno} changes the object in place and "
                    "gives back None: call it on a line of its own, and return the object.",
                )
        elif isinstance(call, ast.Call) and _called(call) == "print":
            return _printed(node)
    if given and _always_returns(function.body):
        return _none_itself(source, given[-1])
    if given:
        return Explanation(
            "a way without a return",
            f"`{function.name}` has a `return`, but not on every way: where no branch is taken, "
            "it ends without one and gives None.",
        )
    prints = [n for n in _inside(function, (ast.Call,)) if _called(n) == "print"]
    if prints:
        return _printed(prints[-1])
    return Explanation(
        "no return",
        f"`{function.name}` computes and returns nothing: what it found is lost when it ends. "
        "Its last line must be a `return`.",
    )


def _always_returns(body: Sequence[ast.stmt]) -> bool:
    """Whether no way leads to the end of a block."""
    last = body[-1]
    if isinstance(last, ast.If):
        return bool(last.orelse) and _always_returns(last.body) and _always_returns(last.orelse)
    if isinstance(last, ast.With):
        return _always_returns(last.body)
    if isinstance(last, ast.While):
        return isinstance(last.test, ast.Constant) and bool(last.test.value)
    return isinstance(last, ast.Return | ast.Raise)


def _none_itself(source: Source, node: ast.Return) -> Explanation:
    assert node.value is not None
    value = source.words(node.value)
    hint = "Print it before you return it."
    if any(isinstance(n, ast.Attribute) and n.attr == "grad" for n in ast.walk(node.value)):
        hint = (
            "A tensor has a `.grad` only after `backward()`, and only if it was made with "
            "requires_grad and not computed from others."
        )
    return Explanation(
        "None is returned",
        f"Your `return` is there, and what it returns, `{value}` in line {node.lineno}, is None "
        f"or has a None in it. {hint}",
    )


def _printed(node: ast.AST) -> Explanation:
    line = getattr(node, "lineno", 0)
    return Explanation(
        "printed, not returned",
        f"Line {line} prints the result. Printing shows it to you; only `return` hands it to "
        "whoever called the function.",
    )


def _dropped(source: Source, function: ast.FunctionDef) -> Explanation | None:
    """A line whose result nobody keeps."""
    for statement in _inside(function, (ast.Expr,)):
        assert isinstance(statement, ast.Expr)
        value = statement.value
        pure = isinstance(value, ast.BinOp | ast.Compare) or (
            isinstance(value, ast.Call)
            and isinstance(value.func, ast.Attribute)
            and value.func.attr in KEEPS
            and not _changes_in_place(value)
        )
        if pure:
            return Explanation(
                "a result that nobody keeps",
                f"`{source.words(value)}` in line {statement.lineno} is computed and forgotten: "
                "give it a name.",
            )
    return None


def _changes_in_place(call: ast.Call) -> bool:
    """``logs.append(1)`` and ``a.sort()`` do something; ``np.append(a, 1)`` does not."""
    func = call.func
    assert isinstance(func, ast.Attribute)
    module = isinstance(func.value, ast.Name) and func.value.id in ("np", "numpy", "torch", "F")
    has_out = any(word.arg in ("out", "inplace") for word in call.keywords)
    return has_out or (func.attr in (*CHANGES, "add") and not module)


# ── Reading a tree ────────────────────────────────────────────────────────────────────────────


def _inside(function: ast.AST, kinds: tuple[type[ast.AST], ...]) -> Iterator[Any]:
    """The nodes of these kinds in a function, in order, but not in functions inside of it."""
    waiting = [*ast.iter_child_nodes(function)][::-1]
    while waiting:
        node = waiting.pop()
        if isinstance(node, kinds):
            yield node
        if not isinstance(node, (*DEFINITIONS, ast.Lambda)):
            waiting += [*ast.iter_child_nodes(node)][::-1]


def _parameters(function: ast.FunctionDef) -> list[str]:
    names = function.args
    return [argument.arg for argument in (*names.posonlyargs, *names.args, *names.kwonlyargs)]


def _reads(node: ast.AST, name: str) -> bool:
    return name in _all_read(node)


def _all_read(node: ast.AST) -> set[str]:
    names = (inner for inner in ast.walk(node) if isinstance(inner, ast.Name))
    return {name.id for name in names if isinstance(name.ctx, ast.Load)}


def _is_stored(node: ast.Name) -> bool:
    return isinstance(node.ctx, ast.Store)


def _stored(target: ast.AST) -> str:
    return target.id if isinstance(target, ast.Name) else ""


def _all_stored(target: ast.AST) -> list[str]:
    return [n.id for n in ast.walk(target) if isinstance(n, ast.Name) and _is_stored(n)]


def _called(node: ast.AST) -> str:
    is_name = isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    return node.func.id if is_name else ""  # type: ignore[attr-defined]
