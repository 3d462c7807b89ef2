"""Answers of several learners that are the same but for names and spacing: where to look."""

from __future__ import annotations

import ast
import hashlib
import textwrap
from collections.abc import Sequence

from gradcourse.grading.intake.contents import tree_of
from gradcourse.grading.mark import Mark

LONG_ENOUGH = 1200
"""Characters of normalised code, over all answers, below which many write the same."""


def same_answers(marks: Sequence[Mark]) -> list[list[Mark]]:
    """Return groups of learners with the same code in every answer that both have, largest first.

    Comments, docstrings, spacing and the names of variables do not count. It is a reason to look
    and no proof: short right answers are alike, and people may have been told to work together.
    """
    groups: dict[tuple[str, ...], list[Mark]] = {}
    for mark in marks:
        codes = {id: normalised(text) for id, text in mark.sources.items()}
        if sum(map(len, codes.values())) >= LONG_ENOUGH:
            key = tuple(f"{id}:{_hash(codes[id])}" for id in sorted(codes) if codes[id])
            groups.setdefault((str(mark.assignment), *key), []).append(mark)
    # The members of a group share one submission, and are no group of this kind.
    several = [own for own in groups.values() if len({mark.origin.sha256 for mark in own}) > 1]
    twins = [own for own in groups.values() if len(own) > 1 and own not in several]
    apart = [own for own in twins if not any(_shared(mark) for mark in own)]
    return sorted([*several, *apart], key=len, reverse=True)


def _shared(mark: Mark) -> bool:
    return any("for the group" in note for note in mark.origin.notes)


def _hash(code: str) -> str:
    return hashlib.sha256(code.encode()).hexdigest()[:16]


def normalised(source: str) -> str:
    """Return a cell's code with names in the order they come; empty if it is no Python, or nested
    too deeply to be written out.
    """
    tree = tree_of(textwrap.dedent(source))
    if tree is None:
        return ""
    names: dict[str, str] = {}
    own = {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
    variables = [node for node in ast.walk(tree) if isinstance(node, ast.Name)]
    own |= {node.id for node in variables if isinstance(node.ctx, ast.Store)}
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            node.body = [one for one in node.body if not _is_text(one)] or [ast.Pass()]
        if isinstance(node, ast.arg):
            node.arg, node.annotation = names.setdefault(node.arg, f"n{len(names)}"), None
        elif isinstance(node, ast.Name) and node.id in own:
            node.id = names.setdefault(node.id, f"n{len(names)}")
    try:
        return ast.dump(tree)
    except RecursionError:  # a sum of a thousand terms is nested as deep
        return ""


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
