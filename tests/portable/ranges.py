"""Measures how far the numbers of a notebook range over machines and perturbed starts.

    make numbers                    every notebook whose cells state a tolerance
    make numbers ONLY=lessons/03    one

Runs each source in a cold kernel once for each machine of `machines`, from the top to the last
cell with a tolerance, and writes what the numbers ranged over into source/numbers.csv. Then it
prints each tolerance beside its range; one that does not fit fails the build.
"""

from __future__ import annotations

import asyncio
import dataclasses
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from machines import MACHINES, STARTS, Machine

from gradcourse.authoring import printed_numbers
from gradcourse.authoring.execute import execute
from gradcourse.authoring.factory import expected, select
from gradcourse.authoring.notebook import Draft
from gradcourse.support import GradcourseError

ROOT = Path(__file__).parents[2]
SECONDS = 600
"""For one cell: the oldest kernels on a busy machine."""


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
    """Return, for each machine, what the cells printed; the first is this machine's own."""
    free = asyncio.Semaphore(2)
    alone = asyncio.Lock()

    async def on(machine: Machine) -> dict[str, str]:
        async with alone if machine.threads > 1 else free:
            started = time.monotonic()
            try:
                node = await execute(ROOT, draft, SECONDS, machine.variables())
            except GradcourseError as error:
                raise GradcourseError(f"{machine.name}: {error}") from error
            print(f"   {machine.name:20} {time.monotonic() - started:4.0f} s", flush=True)
        code = [cell for cell in node.cells if cell.cell_type == "code"]
        return {cell.id: printed_numbers.printed_text(cell.outputs) for cell in code}

    machines = (*MACHINES, *STARTS)
    single = [machine for machine in machines if machine.threads == 1]
    runs = list(await asyncio.gather(*map(on, single)))
    return runs + [await on(machine) for machine in machines if machine.threads > 1]


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
