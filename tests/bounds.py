"""Do the oldest versions that pyproject.toml allows work, and the newest there are?

    python tests/bounds.py oldest [TEST …]
    python tests/bounds.py newest [TEST …]

An environment of its own gets every package that the course runs on at its lower bound, or at its
newest version, with torch at the version of constraints.txt, and the test tools as they are pinned.
Then the fast tests run there, or those that are named. It is left in build/bounds for another try.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tomllib
from collections.abc import Iterable
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
TOOLS = ("pytest", "pytest-timeout", "pytest-xdist", "hypothesis", "packaging", "pyyaml", "mpmath")
TOOLS += ("networkx", "nbclient", "jupytext", "setuptools")
FAST = ("checking", "data", "demos", "figures", "instrument", "nets", "theory", "training", "home")
"""Folders of tests that take a minute or two together, and use all that the course runs on."""


def main() -> int:
    """Set up, test, and return pytest's exit code."""
    words = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    words.add_argument("which", choices=["oldest", "newest"])
    words.add_argument("tests", nargs="*")
    asked, options = words.parse_known_args()
    python = set_up(asked.which)
    tests = asked.tests or [f"tests/{name}" for name in FAST]
    command = [python, "-m", "pytest", "-q", "-m", "not slow", *options, *tests]
    return subprocess.run(command, cwd=ROOT).returncode


def set_up(which: str) -> Path:
    """Return the Python of an environment with these versions."""
    folder = ROOT / "build" / "bounds" / which
    python = folder / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    wanted = [*versions(which), *(f"{name}=={pins()[name]}" for name in ("torch", *TOOLS))]
    subprocess.run([*pip, *(["--upgrade"] if which == "newest" else []), *wanted], check=True)
    subprocess.run([*pip, "--no-deps", "--editable", ROOT], check=True)
    return python


def versions(which: str) -> list[str]:
    """Return what pip is asked for: everything the course runs on but torch."""
    asked = [needed for needed in runs_on() if needed.name != "torch"]
    if which == "newest":
        return [str(needed) for needed in asked]
    return [f"{needed.name}=={lower_bound(needed)}" for needed in asked]


def runs_on() -> Iterable[Requirement]:
    """Yield the dependencies, and those of the extras that a learner or a researcher takes."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = project["optional-dependencies"]
    for line in [*project["dependencies"], *extras["lab"], *extras["frame"]]:
        yield Requirement(line)


def lower_bound(needed: Requirement) -> str:
    """Return the oldest version that a requirement allows."""
    (bound,) = (one.version for one in needed.specifier if one.operator == ">=")
    return bound


def pins() -> dict[str, str]:
    """Return the versions of constraints.txt by name."""
    lines = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    pairs = (line.split("==") for line in lines if "==" in line)
    return {name.lower().replace("_", "-"): version for name, version in pairs}


if __name__ == "__main__":
    raise SystemExit(main())
