"""Tables that people make: CSV with commas, semicolons or tabs, from Excel or a platform."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

from gradcourse.support import GradcourseError

Row = dict[str, str]

WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
"""How the files of spreadsheet programs begin."""


def read_sheet(
    path: Path, columns: Mapping[str, Sequence[str]], needed: Sequence[str]
) -> list[Row]:
    """Read a table.

    Parameters
    ----------
    path : Path
    columns : mapping
        From our name of a column to the names that it may have there; capitals do not matter.
    needed : sequence of str
        At least one of these columns must be there.

    Returns
    -------
    list of dict
        From our names to texts, "" where a cell is empty; "line" says where it stands.

    Raises
    ------
    GradcourseError
        If it cannot be read, or has none of the columns that are needed.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise GradcourseError(f"{path}: it cannot be read: {error.strerror}") from error
    if data.startswith(WORKBOOKS):
        raise GradcourseError(f"{path}: it is a workbook, no text: save it as CSV first")
    rows = list(csv.reader(io.StringIO(_text(data), newline=""), delimiter=_delimiter(data)))
    head = [_plain(name) for name in rows[0]] if rows else []
    places = {
        own: next((head.index(_plain(name)) for name in names if _plain(name) in head), None)
        for own, names in columns.items()
    }
    if all(places[name] is None for name in needed):
        asked = " or ".join(repr(columns[name][0]) for name in needed)
        there = (
            ", ".join(name.strip()[:30] for name in rows[0] if name.isprintable()) if rows else ""
        )
        has = f"; it has {there[:200]}" if there else ""
        raise GradcourseError(f"{path}: its first line has no column {asked}{has}")
    table = []
    for line, row in enumerate(rows[1:], 2):
        cells = {own: _cell(row, place) for own, place in places.items()}
        if any(cells.values()):
            table.append({**cells, "line": str(line)})
    return table


def _text(data: bytes) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")


def _delimiter(data: bytes) -> str:
    first = _text(data).split("\n", 1)[0]
    return max(",;\t", key=first.count)


def _plain(name: str) -> str:
    return re.sub(r"[^\w]", "", name).casefold()


def _cell(row: Sequence[str], place: int | None) -> str:
    text = row[place].strip() if place is not None and place < len(row) else ""
    return text[1:] if text.startswith("'") else text  # as our own tables keep formulas from acting


def number_of(row: Row, name: str, path: Path, least: float = float("-inf")) -> float | None:
    """Return a cell as a number, None where it is empty; a decimal comma is one.

    Raises
    ------
    GradcourseError
        If it is something else.
    """
    text = row[name].replace(",", ".")
    if not text:
        return None
    try:
        number = float(text)
    except ValueError:
        number = float("nan")
    if not abs(number) < 1e9:
        raise GradcourseError(f"{path}, line {row['line']}: {name} is {row[name]!r}: give a number")
    if number < least:
        raise GradcourseError(
            f"{path}, line {row['line']}: {name} is {row[name]!r}: give {least:g} or more"
        )
    return number


TIMES = (
    "%Y-%m-%d", "%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S", "%A, %d %B %Y, %I:%M %p",
    "%A, %d %B %Y, %H:%M", "%d %B %Y, %I:%M %p", "%d/%m/%Y %H:%M", "%d.%m.%Y %H:%M",
)  # fmt: skip


def moment(text: str) -> datetime | None:
    """Return a time as ISO, Moodle or a spreadsheet write it; zones are left out."""
    plain = re.sub(r"\s+", " ", text.replace("\u202f", " ")).strip()
    try:
        return datetime.fromisoformat(plain).replace(tzinfo=None)
    except ValueError:
        pass
    for form in TIMES:
        try:
            return datetime.strptime(plain, form)
        except ValueError:
            continue
    return None
