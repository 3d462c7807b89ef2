"""The source of a learner's function, as a tree; nothing of it is run."""

from __future__ import annotations

import ast
import inspect
import itertools
import linecache
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

LONGEST = 50_000
"""Characters of a cell beyond which nobody reads it."""

MOST_STATEMENTS = 1_000
"""Statements of an answer beyond which nobody looks for slips in it; the longest here has forty."""

MOST_TRIED = 3
"""Cells that are parsed for one definition: a text that looks like one may stand in any."""

LINE_END = re.compile(r"\r\n|\r|\n")
"""What ends a line for Python; `str.splitlines` knows more."""

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


@dataclass(frozen=True)
class Explanation:
    """What was done wrong.

    Attributes
    ----------
    name : str
        Short, as a slip's: "a return inside the loop".
    message : str
        Two sentences at most, in the learner's terms.
    enough : bool
        Whether nothing need be added; else the question's own "look at" follows.
    """

    name: str
    message: str
    enough: bool = True


@dataclass(frozen=True)
class Source:
    """One definition and the text in which it stands.

    Attributes
    ----------
    definition : ast node
        Of the function or class.
    text : str
        Of the whole cell or file; the nodes' lines count in it.
    """

    definition: Definition
    text: str

    @cached_property
    def _lines(self) -> list[bytes]:
        """Split once: `ast.get_source_segment` does it for every node."""
        return [line.encode() for line in LINE_END.split(self.text)]

    def segment(self, node: ast.AST) -> str:
        """Return the source of a node, as `ast.get_source_segment` does; empty for a new one."""
        if not isinstance(node, ast.stmt | ast.expr) or node.end_lineno is None:
            return ""
        lines = self._lines[node.lineno - 1 : node.end_lineno]
        lines[-1] = lines[-1][: node.end_col_offset]  # columns count bytes
        lines[0] = lines[0][node.col_offset :]
        return b"\n".join(lines).decode()

    def words(self, node: ast.AST, most: int = 60) -> str:
        """Return the source of a node on one line, at most so long."""
        found = " ".join(self.segment(node).split())
        return found if len(found) <= most else f"{found[: most - 1]}…"

    @property
    def functions(self) -> list[ast.FunctionDef]:
        """The function itself, or the methods of the class, with all functions inside."""
        return [n for n in ast.walk(self.definition) if isinstance(n, ast.FunctionDef)]


Reader = Callable[[str, Any], Source | None]
"""From an answer's name, and the object itself, to its source; None where it is not known."""


def source_here(name: str, answer: Any) -> Source | None:
    """Return the source of a function or class that a cell or a file of this process defined."""
    code = _code(answer)
    if code is None:
        return None
    text = "".join(linecache.getlines(code.co_filename))
    tree = parsed(text)
    own = getattr(answer, "__name__", name)
    found = [n for n in _definitions(tree, own) if n.lineno <= _last_line(code)] if tree else []
    return _legible(found[-1], text) if found else None


def source_in(name: str, cells: Sequence[str]) -> Source | None:
    """Return the last definition of a name in the cells of a notebook."""
    defining = re.compile(rf"\b(?:def|class)\s+{re.escape(name)}\b")
    texts = filter(defining.search, reversed(cells))
    for text in itertools.islice(texts, MOST_TRIED):
        tree = parsed(text)
        found = list(_definitions(tree, name)) if tree else []
        if found:
            return _legible(found[-1], text)
    return None


def _legible(definition: Definition, text: str) -> Source | None:
    """Return a source, unless it is so long that looking through it would take seconds."""
    statements = sum(isinstance(node, ast.stmt) for node in ast.walk(definition))
    return Source(definition, text) if statements <= MOST_STATEMENTS else None


def parsed(text: str) -> ast.Module | None:
    """Parse a cell; None where it is no Python, or too long."""
    if not text or len(text) > LONGEST:
        return None
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _definitions(tree: ast.AST, name: str) -> Iterator[Definition]:
    for node in ast.walk(tree):
        if isinstance(node, DEFINITIONS) and node.name == name:
            yield node


def _code(answer: Any) -> Any:
    """The code of a function, or of the first method of a class."""
    if inspect.isclass(answer):
        methods = [value for value in vars(answer).values() if inspect.isfunction(value)]
        return methods[0].__code__ if methods else None
    try:
        return getattr(inspect.unwrap(answer), "__code__", None)
    except ValueError:  # it wraps itself
        return None


def _last_line(code: Any) -> int:
    return max((line for _, _, line in code.co_lines() if line), default=code.co_firstlineno)
