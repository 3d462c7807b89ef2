"""From a knob's change to the new picture on screen, for every demo of the course.

Drives a real JupyterLab with chromium, one notebook for each lesson. The bar, 95 % of the moves on
screen within 100 ms, is for a quiet machine and for figures of lines; pictures are shown beside it.

    python benchmarks/demos.py             every demo
    python benchmarks/demos.py relu init   those whose ids begin so

Exit code 1 when a figure of lines misses the bar.
"""

from __future__ import annotations

import sys
import tempfile
from itertools import groupby
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "browser"))
sys.path.insert(0, str(Path(__file__).parents[1]))

from lab import Lab, chromium, open_notebook, running_browser, running_lab

from benchmarks.widgets import Way, moves
from gradcourse.demos import all_demos
from gradcourse.figures import Demo, Plot

ROUNDS, P95 = 4, 100


def main(only: list[str]) -> int:
    """Measure, print a line per demo, and return 1 when a bar is missed."""
    if chromium() is None:
        print("There is no chromium on this machine; nothing was measured (apt install chromium).")
        return 0
    chosen = [one for one in all_demos() if not only or one.id.startswith(tuple(only))]
    print(f"{'demo':<32}{'kind':<18}{'median ms':>10}{'p95 ms':>9}   bar {P95} ms")
    missed = 0
    with tempfile.TemporaryDirectory() as private, running_lab(Path(private)) as lab:
        for group, demos in groupby(chosen, lambda one: one.id.partition("/")[0]):
            with running_browser() as browser:
                missed += _measure(lab, browser, group, list(demos))
    return int(missed > 0)


def _measure(lab: Lab, browser: Any, group: str, demos: list[Demo]) -> int:
    """Print the lines of one lesson's demos and return how many missed the bar."""
    name = f"{group}.ipynb"
    lab.write(name, ["import gradcourse as gc", *(f"gc.demo({one.id!r})" for one in demos)])
    size = {"width": 1280, "height": 700 * (len(demos) + 1)}
    notebook = open_notebook(lab, browser, name, viewport=size)
    notebook.run_all(timeout=180)
    notebook.page.wait_for_timeout(3000)
    notebook.wait_until_idle()
    ways = [Way(one.id, k) for k, one in enumerate(demos, start=1)]
    for _ in range(ROUNDS):
        for way in ways:
            way.times += moves(notebook, way)
    missed = 0
    for one, way in zip(demos, ways, strict=True):
        lines = isinstance(one.frame(), Plot)
        kind = ("lines" if lines else "picture") + (", linked" if one.linked else "")
        verdict = "–" if not lines else "✓" if way.p95 <= P95 else "✗"
        missed += verdict == "✗"
        print(f"{one.id:<32}{kind:<18}{way.median:>10.1f}{way.p95:>9.1f}   {verdict}", flush=True)
    lab.shut_down(name)
    return missed


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
