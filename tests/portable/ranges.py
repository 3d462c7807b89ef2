"""Measures how far the numbers of a notebook range over machines and perturbed starts.

    make numbers                    every notebook whose cells state a tolerance
    make numbers ONLY=lessons/03    one

Runs each source in a cold kernel once for each machine of `machines`, from the top to the last
cell with a tolerance, and writes what the numbers ranged over into source/numbers.csv. Then it
prints each tolerance beside its range; one that does not fit fails the build. What a machine gave
stays in build/numbers.json until the cells change, so that a run that was stopped goes on.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import hashlib
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from machines import DISTURBED, MACHINES, Machine

from gradcourse.authoring import printed_numbers
from gradcourse.authoring.execute import execute
from gradcourse.authoring.factory import expected, select
from gradcourse.authoring.notebook import Draft
from gradcourse.support import GradcourseError, write_atomically

ROOT = Path(__file__).parents[2]
KEPT = ROOT / "build" / "numbers.json"
SECONDS = 1200
"""For one cell: two threads on a busy machine wait for each other."""


def main(only: Sequence[str]) -> int:
    """Measure, write the table, and return 1 if a tolerance does not fit its range."""
    table = printed_numbers.read_table(ROOT)
    unfit = 0
    for path in select(ROOT, only):
        draft = expected(ROOT, path)[-1]  # an exercise's solution
        cells = {cell.id: printed_numbers.stated(cell) for cell in draft.node.cells}
        cells = {identity: tolerances for identity, tolerances in cells.items() if tolerances}
        own = [key for key in table if key[0] == draft.source_key]
        if not cells and not own:
            continue
        print(f"── {draft.source_key}", flush=True)
        for key in own:
            del table[key]
        if cells:
            runs = asyncio.run(_on_all_machines(_until_last(draft, set(cells))))
            for identity, tolerances in cells.items():
                texts = [run[identity] for run in runs]
                rows = printed_numbers.measured(draft.source_key, identity, texts, tolerances)
                table.update(rows)
                unfit += _report(draft.source_key, identity, texts[0], tolerances, rows)
        printed_numbers.write_table(ROOT, table)
    print(f"{unfit} tolerances do not fit" if unfit else "every tolerance fits its range")
    return int(unfit > 0)


def _until_last(draft: Draft, wanted: set[str]) -> Draft:
    """Drop what comes after the last cell with a tolerance, and what measures nothing."""
    cells = draft.node.cells
    last = max(index for index, cell in enumerate(cells) if cell.id in wanted)
    kept = [i for i in range(last + 1) if not cells[i].source.startswith(("gc.demo(", "gc.panel("))]
    node = draft.node.copy()
    node.cells = [cells[i] for i in kept]
    own = (tuple(part[i] for i in kept) for part in (draft.cells, draft.lines))
    return dataclasses.replace(draft, node=node, **dict(zip(("cells", "lines"), own, strict=True)))


async def _on_all_machines(draft: Draft) -> list[dict[str, str]]:
    """Return, for each machine, what the cells printed; the first is this machine's own.

    Raises
    ------
    GradcourseError
        If a machine's run failed; those that came to their end are kept.
    """
    free, kept = asyncio.Semaphore(2), _Kept(draft)

    async def on(machine: Machine) -> dict[str, str]:
        found = kept.get(machine)
        if found is not None:
            return found
        async with free:
            started = time.monotonic()
            try:
                node = await execute(ROOT, draft, SECONDS, machine.variables())
            except GradcourseError as error:
                raise GradcourseError(f"{machine.name}: {error}") from error
            print(f"   {machine.name:20} {time.monotonic() - started:4.0f} s", flush=True)
        code = [cell for cell in node.cells if cell.cell_type == "code"]
        texts = {cell.id: printed_numbers.printed_text(cell.outputs) for cell in code}
        kept.keep(machine, texts)
        return texts

    runs: list[dict[str, str] | BaseException] = []
    machines = (*MACHINES, *DISTURBED)
    single = [machine for machine in machines if machine.threads == 1]
    runs += await asyncio.gather(*map(on, single), return_exceptions=True)
    for machine in machines:  # two threads want both processors
        if machine.threads > 1:
            runs += await asyncio.gather(on(machine), return_exceptions=True)
    for run in runs:
        if isinstance(run, BaseException):
            raise run
    return [run for run in runs if not isinstance(run, BaseException)]


class _Kept:
    """What the cells of a notebook printed on each machine, kept until their code changes."""

    def __init__(self, draft: Draft) -> None:
        code = "\0".join(cell.source for cell in draft.node.cells if cell.cell_type == "code")
        self._key = f"{draft.source_key} {hashlib.sha256(code.encode()).hexdigest()[:16]}"
        self._texts: dict[str, dict[str, dict[str, str]]] = {}
        with contextlib.suppress(OSError, ValueError):
            self._texts = json.loads(KEPT.read_text(encoding="utf-8"))

    def get(self, machine: Machine) -> dict[str, str] | None:
        return self._texts.get(self._key, {}).get(machine.name)

    def keep(self, machine: Machine, texts: dict[str, str]) -> None:
        self._texts.setdefault(self._key, {})[machine.name] = texts
        write_atomically(KEPT, json.dumps(self._texts, indent=1))


def _report(
    notebook: str,
    cell: str,
    text: str,
    tolerances: Sequence[printed_numbers.Tolerance],
    rows: dict[printed_numbers.Key, printed_numbers.Range],
) -> int:
    unfit = 0
    fitting = []
    for tolerance in tolerances:
        sizes = []
        printed = printed_numbers.numbers_after(
            printed_numbers.one_line(text, tolerance.line), tolerance.line
        )
        print(f"   {cell}: {tolerance.line!r}")
        for place, number in enumerate(printed):
            row = rows.get((notebook, cell, tolerance.line, place + 1))
            if row is None:
                continue
            size, spread = tolerance.size(place), printed_numbers.range_of(number, row)
            sizes.append(f"{2 * spread:.2g}")
            wrong = printed_numbers.held_against(number, size, row)
            unfit += bool(wrong)
            stated = f"± {size.around(printed_numbers.value(number)):.3g}"
            print(
                f"      {number:>10}  {row.low:g} to {row.high:g}  range {spread:.3g}  {stated}"
                f"  {'✗ ' + wrong if wrong else '✓'}"
            )
        fitting.append(f'"{tolerance.line}: {" ".join(sizes)}"')
    if unfit:
        print(f"   would fit: tolerance=[{', '.join(fitting)}]")
    return unfit


if __name__ == "__main__":
    try:
        raise SystemExit(main(sys.argv[1:]))
    except GradcourseError as error:
        raise SystemExit(f"✗ {error}") from error
