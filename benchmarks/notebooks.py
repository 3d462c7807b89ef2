"""Bars of the notebooks: cold run under 60 s, stored under 1 MB, the same results every time.

Each notebook is run by nbval from a cold kernel, three times with one OpenMP thread and three
times with two, and its result cells are compared with the stored ones.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted(
    path
    for folder in ("lessons", "exercises", "solutions")
    for path in (ROOT / folder).glob("*.ipynb")
)
RUNS, THREADS = 3, ("1", "2")
SECONDS, BYTES = 60, 10**6


def main() -> int:
    """Print one line per notebook; 1 if a bar is missed."""
    print(f"{'notebook':<46} {'slowest':>8} {'bar':>5} {'size':>8} {'bar':>6}  same results")
    missed = False
    for notebook in NOTEBOOKS:
        outcomes = [_run(notebook, threads) for threads in THREADS for _ in range(RUNS)]
        slowest = max(seconds for _, seconds in outcomes)
        same = sum(passed for passed, _ in outcomes)
        size = notebook.stat().st_size
        missed |= slowest > SECONDS or size > BYTES or same < len(outcomes)
        print(
            f"{notebook.relative_to(ROOT)!s:<46} {slowest:6.0f} s {SECONDS:3d} s "
            f"{size / 1000:5.0f} kB {BYTES // 1000:4d} kB  {same} of {len(outcomes)}",
            flush=True,
        )
    return int(missed)


def _run(notebook: Path, threads: str) -> tuple[bool, float]:
    """Whether every result cell was as stored, and the seconds from a cold kernel to the end."""
    command = [sys.executable, "-m", "pytest", "-q", str(notebook), "--nbval-lax"]
    options = [
        "--nbval-current-env",
        "--nbval-cell-timeout=120",
        "--nbval-sanitize-with=tests/nbval_sanitize.cfg",
    ]
    environment = {**os.environ, "OMP_NUM_THREADS": threads, "GRADCOURSE_PROGRESS": "off"}
    started = time.monotonic()
    done = subprocess.run(command + options, cwd=ROOT, env=environment, capture_output=True)
    return done.returncode == 0, time.monotonic() - started


if __name__ == "__main__":
    raise SystemExit(main())
