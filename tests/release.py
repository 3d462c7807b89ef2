"""Builds what is given out, and tries it where nothing else is: `make release`.

From what is committed it makes the sdist, from the sdist the wheel, into dist/. The wheel is
installed in an empty environment, and there, in an empty folder, lesson 00 is run, an exercise is
checked, a submission graded, and a lecture made. It takes minutes, most of them to install torch.

    python tests/release.py              build and try
    python tests/release.py --only-build build
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
DIST = ROOT / "dist"
PAGES = "gradcourse/course"
LESSON, SOLUTION = "lessons/00_start_here.ipynb", "solutions/01_chain_rule.ipynb"


def main() -> int:
    """Build, install, try; 1 if something does not work."""
    words = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    words.add_argument("--only-build", action="store_true")
    asked = words.parse_args()
    with tempfile.TemporaryDirectory() as private:
        folder = Path(private)
        wheel = build(folder)
        if not asked.only_build:
            try_out(wheel, folder)
    return 0


def build(folder: Path) -> Path:
    """Write sdist and wheel into dist/, and return the wheel."""
    if _output("git", "status", "--porcelain", "--untracked-files=no"):
        print("! What is not committed is not in it.")
    archive = folder / "committed.tar"
    _run("git", "archive", "--output", archive, "HEAD")
    tree = folder / "tree"
    with tarfile.open(archive) as committed:
        committed.extractall(tree, filter="data")
    shutil.rmtree(DIST, ignore_errors=True)
    DIST.mkdir()
    make = f"from setuptools import build_meta; build_meta.build_sdist({str(DIST)!r})"
    _run(sys.executable, "-c", make, cwd=tree)
    (sdist,) = DIST.glob("*.tar.gz")
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    _run(*pip, "--wheel-dir", DIST, sdist)
    (wheel,) = DIST.glob("*.whl")
    for file in (sdist, wheel):
        print(f"{file.relative_to(ROOT)}: {file.stat().st_size / 1e6:.1f} MB")
    return wheel


def try_out(wheel: Path, folder: Path) -> None:
    """Install the wheel in an empty environment, and do there what people do."""
    environment, desk = folder / "venv", folder / "desk"
    desk.mkdir()
    _run(sys.executable, "-m", "venv", environment)
    pip = [environment / "bin" / "python", "-m", "pip", "install", "--quiet"]
    _run(*pip, "--constraint", ROOT / "constraints.txt", f"{wheel}[lab,site]")
    with zipfile.ZipFile(wheel) as content:
        for page in (LESSON, SOLUTION):
            (desk / Path(page).name).write_bytes(content.read(f"{PAGES}/{page}"))
    submissions = desk / "submissions"
    submissions.mkdir()
    solution = Path(SOLUTION).name
    shutil.copy(desk / solution, submissions / "alice.ipynb")
    course, jupyter = environment / "bin" / "gradcourse", environment / "bin" / "jupyter"
    _run(jupyter, "execute", Path(LESSON).name, cwd=desk)
    (checked,) = json.loads(_output(course, "check", "--json", solution, cwd=desk))
    if checked["earned"] != checked["possible"]:
        raise SystemExit(f"the solution earns {checked['earned']} of {checked['possible']}")
    _run(course, "grade", submissions, "--out", desk / "grades", "--assignment", "01", cwd=desk)
    _run(course, "slides", "00", "--to", desk / "slides", cwd=desk)


def _run(*words: object, cwd: Path = ROOT) -> None:
    shown = " ".join(Path(str(word)).name for word in words)
    began = time.monotonic()
    done = subprocess.run(list(map(str, words)), cwd=cwd, capture_output=True, text=True)
    print(f"{'✓' if done.returncode == 0 else '✗'} {time.monotonic() - began:5.0f} s  {shown[:90]}")
    if done.returncode:
        raise SystemExit(f"{done.stdout}\n{done.stderr}")


def _output(*words: object, cwd: Path = ROOT) -> str:
    done = subprocess.run(list(map(str, words)), cwd=cwd, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{done.stdout}\n{done.stderr}")
    return done.stdout.strip()


if __name__ == "__main__":
    raise SystemExit(main())
