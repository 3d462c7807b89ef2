"""Solution regions and hidden tests: what a learner's notebook leaves out."""

from __future__ import annotations

import ast

from gradcourse.authoring.source import Cell, Source, at

BEGIN_SOLUTION = "### BEGIN SOLUTION"
END_SOLUTION = "### END SOLUTION"
BEGIN_HIDDEN = "### BEGIN HIDDEN TESTS"
END_HIDDEN = "### END HIDDEN TESTS"

# nbgrader's default, so that its own tools treat the cell as an untouched answer.
CODE_STUB = ("# YOUR CODE HERE", "raise NotImplementedError()")
# In the open of a cell that would stop Run All; a name set to None is enough of a stub.
VALUE_STUB = ("# YOUR ANSWER HERE",)


def require_regions(source: Source, cell: Cell) -> None:
    """Raise if a cell's solution markers are unbalanced, missing, or in the wrong cell."""
    inside = False
    found = False
    for text, line in zip(cell.text.split("\n"), cell.lines, strict=True):
        sign = text.strip()
        if sign in (BEGIN_HIDDEN, END_HIDDEN):
            raise at(source, line, "the build writes the hidden tests; remove this line")
        if sign not in (BEGIN_SOLUTION, END_SOLUTION):
            continue
        if not cell.answer:
            raise at(source, line, 'a solution outside an answer cell; mark it answer="…"')
        if (sign == BEGIN_SOLUTION) == inside:
            raise at(source, line, f"{sign} without its partner before it")
        inside = not inside
        found = True
    if inside:
        raise at(source, cell.line, f"{BEGIN_SOLUTION} without {END_SOLUTION}")
    if cell.answer and not found:
        raise at(source, cell.line, f"an answer cell needs {BEGIN_SOLUTION} … {END_SOLUTION}")


def cleared(cell: Cell) -> tuple[str, tuple[int, ...]]:
    """Return a cell's text without its solutions.

    Each region gives way to a stub at the indentation of its first marker. Inside a function
    the stub raises; in the open of a cell it does not.

    Returns
    -------
    text : str
        The learner's cell.
    lines : tuple of int
        For each line of it, the line in the source file.
    """
    kept: list[tuple[str, int]] = []
    inside = False
    for text, line in zip(cell.text.split("\n"), cell.lines, strict=True):
        sign = text.strip()
        if sign == BEGIN_SOLUTION:
            inside = True
            indent = text[: text.index("#")]
            stub = CODE_STUB if indent else VALUE_STUB
            kept += [(indent + stub_line, line) for stub_line in stub]
        elif sign == END_SOLUTION:
            inside = False
        elif not inside:
            kept.append((text, line))
    return "\n".join(text for text, _ in kept), tuple(line for _, line in kept)


def require_answers(source: Source, cell: Cell, answers: tuple[str, ...]) -> None:
    """Raise unless the cleared cell still runs and defines every name the answer lives in."""
    text, lines = cleared(cell)
    try:
        tree = ast.parse(text)
    except SyntaxError as error:
        line = lines[min(error.lineno or 1, len(lines)) - 1]
        raise at(
            source, line, f"without its solution this cell is no Python: {error.msg}"
        ) from error
    defined = set()
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            defined.add(node.name)
        defined |= {
            name.id
            for name in ast.walk(node)
            if isinstance(node, ast.Assign | ast.AnnAssign)
            and isinstance(name, ast.Name)
            and isinstance(name.ctx, ast.Store)
        }
    for answer in answers:
        if answer not in defined:
            raise at(
                source,
                cell.line,
                f"the learner's cell does not define {answer!r}: put its def line, or "
                f"'{answer} = None', above {BEGIN_SOLUTION}",
            )


def panel_line(identity: str) -> str:
    """Return the one line that a learner's grade cell holds."""
    return f'gc.panel("{identity}")'


def with_hidden_test(identity: str, answers: tuple[str, ...]) -> str:
    """Return the instructor's grade cell: the panel, then the number nbgrader reads."""
    given = answers[0] if len(answers) == 1 else ", ".join(f"{name}={name}" for name in answers)
    return "\n".join(
        [
            panel_line(identity),
            BEGIN_HIDDEN,
            f'gc.check("{identity}", {given}).earned',
            END_HIDDEN,
        ]
    )
