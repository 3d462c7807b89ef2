"""Which cells of a submission are run, and what is odd about its set of cells.

All cells are run from top to bottom, as Jupyter's Run All does, and what the learner's names hold
in the end counts. Marks come from the course's own list of questions, never from metadata. So
metadata can be wrong, missing or forged without any effect; it is only noted. Three exceptions are
in the learner's favour:

- A cell that belongs to the grading is not run, unless an answer was written into it.
- A cell that only shows a panel, the score or one of the course's pictures is not run: whoever
  writes ``import gc`` or sets torch's default type changes what it needs, and that is no error
  in an answer.
- An untouched stub that follows an answer with the same name (a duplicated cell) is not run.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from gradcourse.checking.exercise_notebook import Cell, Notebook, grade_id
from gradcourse.checking.question import Question
from gradcourse.grading.intake.contents import defined, tree_of, untouched
from gradcourse.grading.mark import Reason
from gradcourse.grading.sandbox.frames import clean
from gradcourse.grading.sandbox.inside.stubs import SILENT

LONGEST_SHOW = 200
"""Characters of a cell that may be nothing but a call."""

PICTURES = "gradcourse.experiments"
"""Where the pictures are made that an exercise shows."""


@dataclass(frozen=True)
class Plan:
    """The cells to run, in order, the reasons that were found on the way, and what is asked."""

    cells: tuple[Cell, ...] = ()
    reasons: tuple[Reason, ...] = ()
    questions: tuple[Question, ...] = ()


def plan(notebook: Notebook, exercises: Sequence[Question]) -> Plan:
    """Decide about every code cell; where there is none, nothing is asked."""
    if not notebook.cells:
        return Plan()
    names = {name for exercise in exercises for name in exercise.answers}
    cells: list[Cell] = []
    reasons: list[Reason] = []
    answered: set[str] = set()
    for cell in notebook.cells:
        given = defined(cell.source) & names
        if cell.tests:
            if not given:
                continue
            reasons.append(Reason("answer-in-test-cell", where(cell)))
        if _only_shows(cell.source):
            continue
        stub = bool(given) and untouched(cell.source, names)
        if stub and given <= answered:
            text = "A stub follows an answer of the same name; the answer counts."
            reasons.append(Reason("duplicate-cells", where(cell), text))
            continue
        if not stub:
            answered |= given
        cells.append(cell)
    reasons += [*_odd_ids(notebook, exercises), *_answers_in_texts(notebook, exercises, names)]
    return Plan(tuple(cells), tuple(reasons), tuple(exercises))


def _only_shows(source: str) -> bool:
    """Whether a cell is nothing but ``gc.panel("…")``, or a picture of the course's experiments."""
    tree = tree_of(source) if len(source) < LONGEST_SHOW else None
    if tree is None or not tree.body:
        return False
    *imports, last = tree.body
    pictures: set[str] = set()
    for node in imports:
        if not isinstance(node, ast.ImportFrom) or not str(node.module).startswith(PICTURES):
            return False
        pictures |= {alias.name for alias in node.names if alias.asname is None}
    match last:
        case ast.Expr(ast.Call(ast.Attribute(ast.Name("gc"), name), arguments, keywords=[])):
            constants = all(isinstance(one, ast.Constant) for one in arguments)
            return constants and not imports and name in SILENT
        case ast.Expr(ast.Call(ast.Name())):
            used = {node.id for node in ast.walk(last) if isinstance(node, ast.Name)}
            return bool(imports) and used <= pictures | {"print"}
    return False


def where(cell: Cell) -> str:
    """Name a cell by what stands first in it, as people find it: "the cell `x = 1`"."""
    lines = [line.strip() for line in clean(cell.source).replace("`", "'").splitlines()]
    telling = [line for line in lines if line and not line.startswith("#")] or lines or [""]
    first = telling[0] if len(telling[0]) <= 50 else f"{telling[0][:50]} …"
    return f"the cell `{first}`"


def _odd_ids(notebook: Notebook, exercises: Sequence[Question]) -> Iterator[Reason]:
    expected = {grade_id(exercise.id): exercise for exercise in exercises}
    wanted = [*expected, *(f"{own}-answer" for own in expected)]
    counts = Counter(notebook.grade_ids)
    missing = [own for own in wanted if own not in counts]
    if missing:
        yield Reason("missing-cells", text=f"Not there: {_list(missing)}.")
    twice = [own for own in wanted if counts[own] > 1]
    if twice:
        yield Reason("duplicate-cells", text=f"More than once: {_list(twice)}.")
    edited = [
        own
        for own, exercise in expected.items()
        if own in notebook.points and notebook.points[own] != exercise.points
    ]
    if edited:
        text = f"Other points than the course's, which count: {_list(edited)}."
        yield Reason("edited-metadata", text=text)


def _answers_in_texts(
    notebook: Notebook, exercises: Sequence[Question], names: Collection[str]
) -> Iterator[Reason]:
    """An answer's cell that became text by a slip of the keyboard (M or R) looks as it did."""
    wanted = {f"{grade_id(exercise.id)}-answer" for exercise in exercises}
    code = {cell.grade_id for cell in notebook.cells}
    for cell in notebook.texts:
        written = defined(cell.source) & set(names) and not untouched(cell.source, names)
        if written and cell.grade_id in wanted - code:
            yield Reason("answer-not-code", where(cell))


def _list(names: Sequence[str]) -> str:
    rest = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return ", ".join(names[:5]) + rest


MOST_FAILING = 20
"""How many failing statements of one cell are passed over."""


def after_failure(source: str, line: int, *, again: bool = False) -> str:
    """Return what follows the statement of a cell that failed.

    A disk that is mounted, a graphics card that is asked for, a package for pictures: what works on
    the learner's machine need not work here. It must not cost what stands below it.

    Parameters
    ----------
    source : str
        Of the cell.
    line : int
        Where it failed, counted from 1 without blank lines at the top, as IPython does.
    again : bool
        Whether that statement shall be the first of them.
    """
    lines = LINE_END.split(source.lstrip())
    tree = tree_of("\n".join(map(_without_magic, lines)))
    if tree is None or not 1 <= line <= len(lines):
        return ""
    for node in tree.body:
        first, last = _lines_of(node)
        if first <= line <= last and isinstance(node, ast.Raise):
            return ""  # the rest was not meant to run
        if first <= line <= last:
            rest = lines[first - 1 :] if again else _behind(lines, node)
            return "\n".join(rest)
    return ""


def _behind(lines: Sequence[str], node: ast.stmt) -> list[str]:
    """What follows a statement, also on its own last line."""
    assert node.end_lineno is not None
    assert node.end_col_offset is not None
    rest = lines[node.end_lineno - 1].encode()[node.end_col_offset :].decode().lstrip(" \t;")
    return [*([rest] if rest and not rest.startswith("#") else []), *lines[node.end_lineno :]]


def _lines_of(node: ast.stmt) -> tuple[int, int]:
    decorators = getattr(node, "decorator_list", [])
    first = min([node.lineno, *(one.lineno for one in decorators)])
    return first, node.end_lineno or node.lineno


_MAGIC = re.compile(r"^(\s*)(?:[!%]|(\w+\s*=\s*)[!%]).*$")


def _without_magic(line: str) -> str:
    """A line for the shell or for IPython, as a statement that does nothing and is as long."""
    found = _MAGIC.match(line)
    return f"{found[1]}pass".ljust(len(line)) if found else line


def definitions(source: str) -> str:
    """Return only what a cell imports and defines, for a cell that did not come to its end.

    It is cut out of the source as it stands there: what is written anew from the tree may be no
    Python, or cannot be written at all.
    """
    tree = tree_of(source)
    if tree is None:
        return ""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom)
    kept = [n for n in tree.body if isinstance(n, kinds) or _is_constant(n)]
    if len(kept) == len(tree.body):
        return ""
    lines = LINE_END.split(source)
    pieces = [_cut(lines, node) for node in kept]
    return "\n".join(piece for piece in pieces if _is_one_statement(piece))


LINE_END = re.compile(r"\r\n|\r|\n")
"""What ends a line for Python; `str.splitlines` knows more."""


def _cut(lines: Sequence[str], node: ast.stmt) -> str:
    """The lines of one statement, without what stands before or behind it on them."""
    decorators = getattr(node, "decorator_list", [])
    first = min([node.lineno, *(one.lineno for one in decorators)]) - 1
    start = 0 if decorators else node.col_offset
    assert node.end_lineno is not None
    cut = list(lines[first : node.end_lineno])
    cut[-1] = cut[-1].encode()[: node.end_col_offset].decode()  # columns count bytes
    cut[0] = cut[0].encode()[start:].decode()
    return "\n".join(cut)


def _is_one_statement(source: str) -> bool:
    """A decorator behind a backslash does not begin on the line that the tree names."""
    tree = tree_of(source)
    return tree is not None and len(tree.body) == 1


def _is_constant(node: ast.stmt) -> bool:
    return isinstance(node, ast.Assign) and isinstance(
        node.value, ast.Constant | ast.UnaryOp | ast.List | ast.Tuple | ast.Dict | ast.Lambda
    )
