"""Numbers that another machine prints a little differently: stated tolerances, measured ranges.

The same program gives other digits on another processor. So a cell may state, for the numbers of a
line that it prints, how far another run's may lie from the stored ones::

    # %% name="measure-shares" tolerance=["tanh, after: 0.02 0.01 0.05", "decades: 5%"]

Each entry is the beginning of exactly one printed line, a colon, and a tolerance for each number
that follows in that line, in order: absolute, or relative with ``%``. A number without one, or with
0, and all that is no number, is compared exactly; a line that begins with "verdict" always is.

A tolerance is not chosen by taste. ``source/numbers.csv`` holds how far each number ranged over
processors, threads and perturbed starts, and a tolerance lies between that range and three times
it. A printed number is known to one unit of its last digit, so no range is smaller than that.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from nbformat import NotebookNode

from gradcourse.support import GradcourseError, write_atomically

TABLE = "source/numbers.csv"
VERDICT = "verdict"
MOST_RANGES = 3.0
"""A tolerance is at most so many times the range that was measured."""

_SLACK = 1e-9  # for the rounding of decimal fractions
_NUMBER = re.compile(r"(?<![\w.^])(?<!\^[-+−])[-+−]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?(?![\w^]|\.\d)")
_SIZE = re.compile(r"(?P<number>\d+(?:\.\d+)?(?:e-?\d+)?)(?P<percent>%?)")
_HEAD = ("notebook", "cell", "line", "number", "low", "high", "runs")

Key = tuple[str, str, str, int]
"""A notebook as "lessons/03_x", a cell's id, the beginning of a line, a number's place in it."""


@dataclass(frozen=True)
class Size:
    """How far one number may lie from the stored one.

    Attributes
    ----------
    value : float
        In the number's own unit, or as a share of the stored number.
    relative : bool
        Whether it is a share.
    """

    value: float
    relative: bool = False

    def around(self, stored: float) -> float:
        """Return the largest distance from a stored number."""
        return self.value * abs(stored) if self.relative else self.value


EXACT = Size(0.0)


@dataclass(frozen=True)
class Tolerance:
    """What a cell states for one of its printed lines.

    Attributes
    ----------
    line : str
        How the line begins.
    sizes : tuple of Size
        For the numbers after that, in order.
    """

    line: str
    sizes: tuple[Size, ...]

    def size(self, place: int) -> Size:
        """Return the tolerance of the number at a place; exact where none is stated."""
        return self.sizes[place] if place < len(self.sizes) else EXACT


@dataclass(frozen=True)
class Range:
    """How far a printed number went over all settings.

    Attributes
    ----------
    low, high : float
        The smallest and the largest.
    runs : int
        In how many runs.
    """

    low: float
    high: float
    runs: int


Table = Mapping[Key, Range]


def parse_tolerance(entry: str) -> Tolerance:
    """Read one entry of a marker's ``tolerance=[…]``.

    Raises
    ------
    GradcourseError
        If it is not "the beginning of a line: 0.02 5%".
    """
    line, colon, written = entry.rpartition(":")
    matches = [_SIZE.fullmatch(word) for word in written.split()]
    if not colon or not line.strip() or not matches or not all(matches):
        raise GradcourseError(
            f"cannot read the tolerance {entry!r}; expected the beginning of a printed line, a "
            'colon, and one tolerance for each number after it: "tanh, after: 0.02 0.01 5%"'
        )
    sizes = (_size(match) for match in matches if match)
    tolerance = Tolerance(_folded(line), tuple(sizes))
    if tolerance.line.startswith(VERDICT):
        raise GradcourseError(f"{entry!r}: a verdict is compared exactly and has no tolerance")
    return tolerance


def _size(match: re.Match[str]) -> Size:
    number = float(match["number"])
    return Size(number / 100, relative=True) if match["percent"] else Size(number)


def numbers_after(line: str, beginning: str) -> list[str]:
    """Return the numbers of a line after its beginning, as they are printed."""
    return _NUMBER.findall(_folded(line)[len(beginning) :])


def _words_after(line: str, beginning: str) -> str:
    """Return a line after its beginning, without its numbers."""
    return _NUMBER.sub("#", _folded(line)[len(beginning) :])


def value(printed: str) -> float:
    """Return a printed number."""
    return float(printed.replace("−", "-"))


def unit(printed: str) -> float:
    """Return one unit of the last digit of a printed number: 0.01 for "0.43"."""
    mantissa, _, exponent = printed.lower().partition("e")
    return float(10.0 ** (int(exponent or 0) - len(mantissa.partition(".")[2])))


def disagreement(stored: str, printed: str, tolerances: Sequence[Tolerance]) -> str:
    """Say how what a cell prints differs from what is stored; empty when it agrees.

    Parameters
    ----------
    stored, printed : str
        All that the cell printed, then and now.
    tolerances : sequence of Tolerance
        What the cell states.
    """
    before, now = stored.strip().splitlines(), printed.strip().splitlines()
    if len(before) != len(now):
        return f"{len(now)} lines are printed where {len(before)} are stored:\n{printed}"
    for old, new in zip(before, now, strict=True):
        tolerance = _of_line(old, tolerances)
        wrong = _unequal(old, new) if tolerance is None else _too_far(old, new, tolerance)
        if wrong:
            return wrong
    return ""


def _of_line(line: str, tolerances: Sequence[Tolerance]) -> Tolerance | None:
    return next((one for one in tolerances if _folded(line).startswith(one.line)), None)


def _unequal(old: str, new: str) -> str:
    if old.rstrip() == new.rstrip():
        return ""
    return f"a line without a tolerance differs\n  stored:  {old}\n  printed: {new}"


def _too_far(old: str, new: str, tolerance: Tolerance) -> str:
    shown = f"\n  stored:  {old}\n  printed: {new}"
    folded = [_folded(line) for line in (old, new)]
    if not folded[1].startswith(tolerance.line):
        return f"a line begins otherwise{shown}"
    if len({_words_after(line, tolerance.line) for line in folded}) > 1:
        return f"the words of a line differ{shown}"
    pairs = zip(*(numbers_after(line, tolerance.line) for line in folded), strict=True)
    for place, (first, second) in enumerate(pairs):
        most = tolerance.size(place).around(value(first))
        if abs(value(second) - value(first)) > most * (1 + _SLACK) + _SLACK * unit(first):
            return f"{second} lies farther than {most:g} from the stored {first}{shown}"
    return ""


def source_key(notebook: NotebookNode) -> str:
    """Return a notebook's source as the table has it: "lessons/03_the_recurrent_weight"."""
    path = str(notebook.metadata.gradcourse.source)
    return path.removeprefix("source/").removesuffix(".py")


def stated(cell: NotebookNode) -> list[Tolerance]:
    """Return the tolerances that a notebook's cell carries."""
    ours = cell.metadata.get("gradcourse", {})
    return [parse_tolerance(entry) for entry in ours.get("tolerance", ())]


def of_cell(notebook: str, cell: NotebookNode, table: Table) -> list[str]:
    """Say what is wrong with the tolerances of a stored cell, held against what was measured.

    Parameters
    ----------
    notebook : str
        As in the table, see `source_key`.
    cell : NotebookNode
        With its outputs.
    table : mapping
        What was measured, see `read_table`.
    """
    found = []
    tolerances = stated(cell)
    printed = printed_text(cell.outputs) if tolerances else ""
    for tolerance in tolerances:
        try:
            line = one_line(printed, tolerance.line)
        except GradcourseError as error:
            found.append(str(error))
            continue
        numbers = numbers_after(line, tolerance.line)
        if len(numbers) < len(tolerance.sizes):
            found.append(
                f"{tolerance.line!r} states {len(tolerance.sizes)} tolerances, and "
                f"{len(numbers)} numbers follow it"
            )
            continue
        for place, size in enumerate(tolerance.sizes):
            key = (notebook, cell.id, tolerance.line, place + 1)
            wrong = held_against(numbers[place], size, table.get(key))
            if wrong:
                found.append(f"{tolerance.line!r}, number {place + 1} ({numbers[place]}): {wrong}")
    return found


def held_against(printed: str, size: Size, measured: Range | None) -> str:
    """Say what is wrong with one tolerance; empty when it fits what was measured."""
    if size.value == 0:
        ranged = measured is not None and measured.low != measured.high
        return "is exact, and ranged in what was measured" if ranged else ""
    if measured is None:
        return f"has a tolerance and no row in {TABLE}; measure it: make numbers"
    stored, spread = value(printed), range_of(printed, measured)
    most = size.around(stored)
    if most < spread * (1 - _SLACK):
        return f"tolerance {most:g} is smaller than its range {spread:g}"
    if most > MOST_RANGES * spread * (1 + _SLACK):
        return f"tolerance {most:g} is more than three times its range {spread:g}"
    if not measured.low - most <= stored <= measured.high + most:
        return (
            f"lies outside of what was measured, {measured.low:g} to {measured.high:g}; "
            "measure again: make numbers"
        )
    return ""


def range_of(printed: str, measured: Range) -> float:
    """Return how far a number ranged, at least one unit of its last printed digit."""
    return max(measured.high - measured.low, unit(printed))


def read_table(root: Path) -> dict[Key, Range]:
    """Return what was measured; nothing where there is no table.

    Raises
    ------
    GradcourseError
        If a row cannot be read.
    """
    path = root / TABLE
    if not path.is_file():
        return {}
    table: dict[Key, Range] = {}
    reader = csv.reader(io.StringIO(path.read_text(encoding="utf-8")))
    for number, row in enumerate(reader, start=1):
        if number == 1 and tuple(row) == _HEAD:
            continue
        try:
            notebook, cell, line, place, low, high, runs = row
            table[notebook, cell, line, int(place)] = Range(float(low), float(high), int(runs))
        except ValueError:
            raise GradcourseError(
                f"{TABLE}:{number}: cannot read {','.join(row)!r}; expected {','.join(_HEAD)}"
            ) from None
    return table


def write_table(root: Path, table: Table) -> None:
    """Write what was measured, in order."""
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(_HEAD)
    for (notebook, cell, line, place), measured in sorted(table.items()):
        low, high = f"{measured.low:.12g}", f"{measured.high:.12g}"
        writer.writerow([notebook, cell, line, place, low, high, measured.runs])
    write_atomically(root / TABLE, stream.getvalue())


def measured(
    notebook: str, cell: str, printed: Sequence[str], tolerances: Sequence[Tolerance]
) -> dict[Key, Range]:
    """Return the rows of one cell from what it printed in several runs.

    Raises
    ------
    GradcourseError
        If a run printed other words, another line, or a number more: then there is no range.
    """
    rows: dict[Key, Range] = {}
    for tolerance in tolerances:
        runs = [one_line(text, tolerance.line) for text in printed]
        words = {_words_after(line, tolerance.line) for line in runs}
        if len(words) > 1:
            raise GradcourseError(
                f'cell "{cell}": the line {tolerance.line!r} has other words in other runs: '
                + " | ".join(sorted(words))
            )
        columns = zip(*(numbers_after(line, tolerance.line) for line in runs), strict=True)
        for place, column in enumerate(columns, start=1):
            values = [value(number) for number in column]
            if place <= len(tolerance.sizes):
                key = (notebook, cell, tolerance.line, place)
                rows[key] = Range(min(values), max(values), len(values))
    return rows


def one_line(printed: str, beginning: str) -> str:
    """Return the one printed line that begins so.

    Raises
    ------
    GradcourseError
        If there is none, or more than one.
    """
    lines = [line for line in printed.splitlines() if _folded(line).startswith(beginning)]
    if len(lines) != 1:
        raise GradcourseError(
            f"{len(lines)} printed lines begin with {beginning!r}; it must be one"
        )
    return lines[0]


def printed_text(outputs: Iterable[Mapping[str, object]]) -> str:
    """Return all that a cell printed, and the text of its last expression."""
    texts = []
    for output in outputs:
        data = output.get("data")
        if output.get("output_type") == "stream" and output.get("name") == "stdout":
            texts.append(str(output["text"]))
        elif isinstance(data, Mapping) and "text/plain" in data:
            texts.append(str(data["text/plain"]))
    return "".join(text if text.endswith("\n") else f"{text}\n" for text in texts)


def _folded(line: str) -> str:
    """Fold white space: columns are padded by the width of their numbers."""
    return " ".join(line.split())
