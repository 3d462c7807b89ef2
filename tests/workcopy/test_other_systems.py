"""A learner's path needs nothing that only POSIX has. (Windows itself was not tried.)"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]

LAB = """
import gradcourse.cli
import jupyterlab.labapp
jupyterlab.labapp.main = lambda words: print("STARTED", *words)
for words in (["lab", "--no-browser"], ["lab"], ["update"], ["reset", "01/2"], ["reset", "00"]):
    assert gradcourse.cli.main(words) == 0, words
import gradcourse.home.serving
from pathlib import Path
assert "Start here" in gradcourse.home.serving._home(Path("my-course").resolve())["html"]
"""
PANELS = """
import gradcourse as gc
for id in ("start/first-prediction", "chain/lyapunov"):
    gc.panel(id)
assert gc.check("start/gradient-after", lambda r, L: r**L).right
gc.demo("start/first-slider")
print(gc.score("01", {}).summary, gc.progress("01").title)
print(len(gc.progress().lessons), "lessons")
print(gc.doctor())
"""
HIDDEN = """
import os, signal
for name in ("fork", "execve", "geteuid"):
    assert not hasattr(os, name), name
assert not hasattr(signal, "SIGALRM")
try:
    import fcntl
except ImportError:
    print("HIDDEN")
"""


def run(code: str, folder: Path) -> str:
    """Run code as a script in a process that lacks what is hidden, and so do its children."""
    site = folder / "site"
    site.mkdir()
    hide = f"import sys; sys.path.insert(0, {str(HERE)!r}); import nowhere_posix as n; n.hide()\n"
    (site / "sitecustomize.py").write_text(hide, "utf-8")
    path = os.pathsep.join([str(site), str(ROOT)])
    environment = {
        **os.environ,
        "PYTHONPATH": path,
        "GRADCOURSE_PROGRESS": str(folder / "progress.sqlite"),
    }
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def test_what_is_hidden_is_hidden(tmp_path: Path) -> None:
    assert "HIDDEN" in run(HIDDEN, tmp_path)


def test_lab_update_and_reset(tmp_path: Path) -> None:
    said = run(LAB, tmp_path)
    assert said.count("STARTED") == 2
    assert (tmp_path / "my-course" / "copies").is_dir()


def test_panels_figures_and_the_doctor(tmp_path: Path) -> None:
    said = run(PANELS, tmp_path)
    assert "0 of 18 points Your progress · 01" in said
    assert "✓ self-test" in said


def test_check_in_a_terminal(tmp_path: Path) -> None:
    solved = ROOT / "solutions" / "01_chain_rule.ipynb"
    code = f"import gradcourse.cli\nassert gradcourse.cli.main(['check', {str(solved)!r}]) == 0"
    assert run(code, tmp_path).strip().endswith("18 of 18 points")


@pytest.mark.parametrize(
    "module",
    ["cli", "workcopy.folder", "workcopy.launch", "exercises.check_command", "home.serving"],
)
def test_the_path_starts_no_other_program(module: str) -> None:
    source = (ROOT / "gradcourse" / f"{module.replace('.', '/')}.py").read_text("utf-8")
    for word in ("os.exec", "os.fork", '"make"', "bash"):
        assert word not in source
