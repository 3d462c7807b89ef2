"""Files that are broken, odd or edited: what a learner's editor, platform or hand makes of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from corpus.build import FIRST, Case, Points, answer_cell, answered, code, packed, released
from corpus.edits import (
    Edit,
    append,
    as_r,
    cell,
    deleted,
    duplicated,
    format_3,
    format_40,
    hostile_tests,
    import_cell_deleted,
    in_one_cell,
    marks,
    metadata,
    odd_cells,
    raw,
    reordered,
    solved_twice,
    source_as_string,
    turned,
    used,
    without,
)

FULL = FIRST.full
PARTLY: Mapping[str, Points] = {
    q: (0.0, p) for q, p in (FIRST.others | {FIRST.question: FIRST.points}).items()
}


def _file(name: str, content: bytes | Callable[[], bytes], reasons: str) -> Case:
    """Bytes in which nothing can earn a point."""
    make = content if callable(content) else lambda: content
    return Case(name, make, {}, reasons=frozenset(reasons.split()))


def _edited(
    name: str,
    edit: Edit,
    reasons: str = "",
    fair: Mapping[str, Points] = FULL,
    clean: bool = False,
    **limits: float,
) -> Case:
    """Right answers in a notebook that was edited; ``edit`` may return another document."""

    def make() -> bytes:
        notebook = answered({FIRST.question: FIRST.right}, tuple(FIRST.others))
        other = edit(notebook)
        if isinstance(other, bytes):
            return other
        return packed(notebook if other is None else other)

    return Case(name, make, fair, reasons=frozenset(reasons.split()), clean=clean, limits=limits)


def _document(**keys: Any) -> bytes:
    return json.dumps(
        {"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5, **keys}
    ).encode()


def _bare() -> list[dict[str, Any]]:
    return [{**each, "metadata": {}} for each in released("02")["cells"]]


NO_ANSWERS = frozenset({"no-answers"})


def _lesson() -> bytes:
    """It has numbers of its own under an answer's name."""
    ours = {"gradcourse": {"source": "source/lessons/01_chain_rule.py"}}
    return _document(cells=[code("gain = 1.74")], metadata=ours)


BROKEN = (
    _file("an empty file", b"", "empty-file"),
    _file("white space", b"  \n\n\t ", "empty-file not-json"),
    _file("a picture", b"\x89PNG\r\n\x1a\n" + bytes(range(256)), "not-json wrong-encoding"),
    _file("a zip", b"PK\x03\x04" + bytes(200), "not-json wrong-encoding"),
    _file("only NUL bytes", bytes(10_000), "empty-file not-json"),
    _file("a web page: the login of the platform", b"<!DOCTYPE html><html></html>", "not-json"),
    _file("JSON null", b"null", "wrong-format not-json"),
    _file("a JSON list", b"[1, 2]", "wrong-format not-json"),
    _file("JSON nested 100,000 deep", b"[" * 100_000, "not-json wrong-format"),
    _file(
        "metadata nested 100,000 deep",
        b'{"cells": [], "metadata": ' + b'{"y":' * 100_000 + b"1" + b"}" * 100_001,
        "not-json wrong-format",
    ),
    _file(
        "a number with a million digits",
        b'{"cells": [], "nbformat": ' + b"9" * 10**6 + b"}",
        "not-json wrong-format no-answers",
    ),
    _file("80 MB", lambda: _document(x="a" * (80 << 20)), "too-large"),
    _file("a million empty cells", lambda: _document(cells=[{}] * 10**6), "too-large no-answers"),
    _file("no cells", _document(), "no-answers missing-cells"),
    _file("cells that are no list", _document(cells={"a": 1}), "wrong-format not-json"),
    _file("the untouched notebook", lambda: packed(released()), ""),
    _file("another course's notebook", _document(cells=[code("print(1)")]), "no-answers"),
    _file("the notebook of another assignment", lambda: packed(released("02")), "other-assignment"),
    _file(
        "names, but none of the cells", lambda: _document(cells=[code("gain = 1")]), "no-answers"
    ),
    Case("a lesson's notebook", lambda: _lesson(), {"chain/tune-gain": 1.0}, reasons=NO_ANSWERS),
    _file("the same without metadata", lambda: _document(cells=_bare()), "other-assignment"),
    _edited("cut off in the middle", raw(lambda b: b[: len(b) // 2]), "not-json", {}),
    _edited(
        "a merge conflict",
        raw(lambda b: b.replace(b'"cells"', b'<<<<<<< HEAD\n"cells"', 1)),
        "not-json",
        {},
    ),
    _edited("written in R", as_r, "wrong-kernel", {"chain/eigenvalues": (0.0, 1.0)}),
)

ENCODED = (
    _edited("UTF-16", raw(lambda b: b.decode().encode("utf-16")), "wrong-encoding", PARTLY),
    _edited("UTF-16 without its mark", raw(lambda b: b.decode().encode("utf-16-le")), "", PARTLY),
    _edited("UTF-32", raw(lambda b: b.decode().encode("utf-32")), "wrong-encoding", PARTLY),
    _edited("a byte order mark", raw(lambda b: b"\xef\xbb\xbf" + b), clean=True),
    _edited(
        "Latin-1 in a comment",
        append("\n# größer", raw(lambda b: b.decode().encode("latin-1", "replace"))),
        "wrong-encoding",
    ),
    _edited("a NUL character in one cell", cell("x = 'a\x00b'")),
    _edited("half a surrogate pair in one cell", cell("x = '\ud800'")),
    _edited(
        "half a surrogate pair, escaped", cell("x = '\udfff'", lambda n: json.dumps(n).encode())
    ),
    _edited("Windows line ends", raw(lambda b: b.replace(b"\\n", b"\\r\\n")), clean=True),
    _edited("Windows line ends in the file", raw(lambda b: b.replace(b"\n", b"\r\n")), clean=True),
    _edited(
        "NaN and Infinity in the metadata", metadata(x=float("nan"), y=float("inf")), clean=True
    ),
    _edited("a key twice", raw(lambda b: b.replace(b"{", b'{"cells": [],', 1))),
    _edited(
        "emoji, right-to-left marks and markup in an answer",
        append("\nλ = '\U0001f600 \\x1b[31m <script>alert(1)</script>'  # \u202e \u2066"),
        clean=True,
    ),
    _edited("a syntax error in one cell", cell("def broken(:\n    return"), "syntax-error"),
    _edited("no-break spaces in one cell", cell("if True:\n\xa0\xa0\xa0\xa0x = 1"), "syntax-error"),
    _edited("bad indentation in one cell", cell("x = 1\n  y = 2"), "syntax-error"),
    _edited("an exception in one cell", cell("1 / 0"), "cell-error"),
    _edited("an import of what is not installed", cell("import no_such_module"), "cell-error"),
    _edited("a cell nested too deeply to parse", cell("x = " + "(" * 5000 + ")" * 5000)),
    _edited("a cell that crashes compilers", cell("x = " + "-" * 200_000 + "1")),
    _edited("a cell of 5 MB", cell("x = '''" + "y" * (5 << 20) + "'''"), clean=True),
    _edited(
        "a cell of 5 MB, none of it ASCII", cell("x = '" + "\u4e2d" * (5 << 20) + "'"), clean=True
    ),
)

EDITED = (
    _edited("an answer cell deleted", deleted, "missing-cells", FIRST.others),
    _edited(
        "the cells that check deleted",
        without(lambda c: bool(c["metadata"].get("nbgrader", {}).get("grade"))),
    ),
    _edited("the text deleted", without(lambda c: c["cell_type"] == "markdown")),
    _edited("an answer twice, the last one right", duplicated, "duplicate-cells"),
    _edited("every answer copied to the end", solved_twice),
    _edited("cells in the reverse order", reordered),
    _edited("all answers in one cell of one's own", in_one_cell),
    _edited("the import cell deleted, answers that import", import_cell_deleted),
    _edited("an answer turned into text", turned("markdown"), "answer-not-code", FIRST.others),
    _edited("an answer turned into raw", turned("raw"), "answer-not-code", FIRST.others),
    _edited("999 points", marks(lambda m: m["nbgrader"].update(points=999.0))),
    _edited("minus 5 points", marks(lambda m: m["nbgrader"].update(points=-5))),
    _edited("points in words", marks(lambda m: m["nbgrader"].update(points={"a": ["all"]}))),
    _edited("schema version 99", marks(lambda m: m["nbgrader"].update(schema_version=99))),
    _edited("schema version in words", marks(lambda m: m["nbgrader"].update(schema_version="x"))),
    _edited("all grading marks gone", marks(lambda m: m.pop("nbgrader"))),
    _edited(
        "every id the same",
        marks(lambda m: m["nbgrader"].update(grade_id="chain-lyapunov-answer")),
    ),
    _edited(
        "answers marked as tests",
        marks(lambda m: m["nbgrader"].update(grade=True, solution=False, locked=True, points=1)),
    ),
    _edited("marks that are no marks", marks(lambda m: m.update(nbgrader=[1, 2]))),
    _edited("no metadata", lambda notebook: {k: v for k, v in notebook.items() if k != "metadata"}),
    _edited("metadata of another assignment", metadata(gradcourse={"assignment": "02"})),
    _edited("metadata of no assignment", metadata(gradcourse={"assignment": {"$ne": 1}})),
    _edited("a hostile cell among those that check", hostile_tests),
    _edited(
        "the kernel of another environment",
        metadata(kernelspec={"display_name": "x", "language": "python", "name": "conda-env-x-py"}),
        clean=True,
    ),
    _edited("no kernel at all", lambda n: {**n, "metadata": {"gradcourse": {}}}, clean=True),
    _edited("cells that are no cells", odd_cells),
    _edited("source as one string", source_as_string, clean=True),
    _edited("format 3", format_3, "wrong-format", PARTLY),
    _edited("format 4.0, without ids", format_40, clean=True),
    _edited("format 4.99", lambda notebook: {**notebook, "nbformat_minor": 99}),
    _edited("format in words", lambda n: {**n, "nbformat": "four", "nbformat_minor": None}),
    _edited("outputs, widgets, attachments, counts out of order", used, clean=True),
    _edited(
        "30 MB of outputs",
        lambda notebook: answer_cell(notebook, FIRST.question).update(
            outputs=[{"output_type": "stream", "name": "stdout", "text": "x" * (30 << 20)}]
        ),
        clean=True,
    ),
    _edited(
        "1,500 more cells",
        lambda n: {**n, "cells": n["cells"] + [code(f"x = {i}") for i in range(1500)]},
        clean=True,
    ),
    _edited(
        "an answer only under __main__",
        lambda notebook: answer_cell(notebook, FIRST.question).update(
            source="if __name__ == '__main__':\n    lyapunov = lambda f: np.log(np.abs(f)).mean()"
        ),
        clean=True,
    ),
)

CASES: tuple[Case, ...] = (*BROKEN, *ENCODED, *EDITED)
