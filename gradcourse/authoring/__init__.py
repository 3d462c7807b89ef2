"""The notebook factory: text sources in, executed notebooks out.

A source is one file of py:percent text (``source/lessons/01_chain_rule.py``). `build` turns it
into notebooks with stable cell ids, slide and nbgrader metadata and stored outputs, and writes
them only when every one of them ran. The format is described in ``docs/contributor.md``.
"""

from __future__ import annotations

from gradcourse.authoring.factory import (
    BuildReport,
    build,
    expected,
    expected_cells,
    out_of_date,
    run_build_command,
    sources,
)
from gradcourse.authoring.notebook import Draft, Registry
from gradcourse.authoring.source import Cell, Source, parse_source

__all__ = [
    "BuildReport",
    "Cell",
    "Draft",
    "Registry",
    "Source",
    "build",
    "expected",
    "expected_cells",
    "out_of_date",
    "parse_source",
    "run_build_command",
    "sources",
]
