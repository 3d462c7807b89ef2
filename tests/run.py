"""Every test of the course, in the order in which a failure is cheapest to learn.

`make test` runs all of it, `make lint` the first four. Each step runs even when one before it
failed, and the exit code is 1 when any did.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent
PYTEST = [sys.executable, "-m", "pytest", "-q"]
NBVAL = [
    "--nbval-lax",
    "--nbval-current-env",
    "--nbval-cell-timeout=120",
    "--nbval-sanitize-with=tests/nbval_sanitize.cfg",
    *["-p", "tests.nbval_numbers"],
]

LINT = {
    "format": [BIN / "ruff", "format", "--check", "--quiet", "."],
    "lint": [BIN / "ruff", "check", "--quiet", "."],
    "types": [BIN / "mypy"],
    "floors": [BIN / "lint-imports"],
}
TESTS = {
    "package": [*PYTEST, "tests", "--ignore=tests/browser", "-n", "2"],
    "notebooks": [
        *PYTEST,
        *["lessons", "exercises", "solutions"],
        *NBVAL,
        *["-n", "2", "--dist", "loadscope"],
    ],
    "browser": [*PYTEST, "tests/browser", "-rs"],
}


def main(only: str | None) -> int:
    """Run the steps, print a table of them, and return the exit code."""
    steps = LINT if only == "lint" else LINT | TESTS
    outcomes = []
    with tempfile.TemporaryDirectory() as private:
        environment = private_environment(Path(private))
        for name, command in steps.items():
            print(f"\n── {name} " + "─" * (70 - len(name)), flush=True)
            started = time.monotonic()
            code = subprocess.run([str(word) for word in command], cwd=ROOT, env=environment)
            outcomes.append((name, code.returncode, time.monotonic() - started))
    print("\n── summary " + "─" * 64)
    for name, status, seconds in outcomes:
        print(f"{'✓' if status == 0 else '✗'} {name:<10} {seconds:5.0f} s")
    if only is None and not shutil.which("chromium"):
        print("! The browser tests did not run: there is no chromium on this machine.")
    passed = sum(status == 0 for _, status, _ in outcomes)
    print(f"steps: {passed} passed, {len(outcomes) - passed} failed")
    return int(passed < len(outcomes))


def private_environment(private: Path) -> dict[str, str]:
    """Nothing of the user's own Jupyter or progress is read or written; one thread each."""
    return {
        **os.environ,
        "OMP_NUM_THREADS": "1",
        "OMP_WAIT_POLICY": "PASSIVE",
        "GRADCOURSE_PROGRESS": "off",
        "IPYTHONDIR": str(private / "ipython"),
        "JUPYTER_CONFIG_DIR": str(private / "jupyter"),
        "PYTHONHASHSEED": "0",
    }


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1] if len(sys.argv) > 1 else None))
