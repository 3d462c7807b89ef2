"""Every command in the README does what stands beside it, or at least what its words say."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from gradcourse import cli

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")
PROGRAMS = ("make", "gradcourse", "pip", "mamba", "source")
LONG = ("slides", "site", "grade")
"""Commands that take long; here their words are read, and tests of their own run them."""

CHANGED = ("OMP_NUM_THREADS", "JUPYTER_CONFIG_PATH", "JUPYTER_PATH", "JUPYTERLAB_WORKSPACES_DIR")


def commands() -> list[list[str]]:
    """Return every command in its order, those on lines of their own and those in backticks."""
    prose = re.sub(r"^```.*?^```", "", README, flags=re.MULTILINE | re.DOTALL)
    found = re.findall(r"^ {4}(\S.*)$|`([^`\n]+)`", prose, flags=re.MULTILINE)
    split = [shlex.split(line or code, comments=True) for line, code in found]
    return [words for words in split if len(words) > 1 and words[0] in PROGRAMS]


def test_the_readme_has_commands_of_every_kind() -> None:
    assert {words[0] for words in commands()} == set(PROGRAMS)


def test_make_knows_its_targets() -> None:
    for words in commands():
        if words[0] == "make":
            done = subprocess.run(
                ["make", "--dry-run", *words[1:]], cwd=ROOT, capture_output=True, text=True
            )
            assert done.returncode == 0, done.stderr


def test_the_courses_own_commands_run_in_their_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("jupyterlab.labapp.main", lambda words: None)
    monkeypatch.setattr(sys, "argv", ["gradcourse"])
    for name in CHANGED:  # by `lab`; afterwards they are what they were
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    ran = [words for words in commands() if words[0] == "gradcourse"]
    for words in [["gradcourse", "lab"], *ran]:
        if words[1] in LONG:
            assert cli._parser().parse_args(words[1:]).command == words[1]
        else:
            assert cli.main(words[1:]) == 0, (words, capsys.readouterr().err)
    assert (tmp_path / "my-course" / "lessons").is_dir()


def test_what_pip_and_mamba_are_given_is_there() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    for words in commands():
        if words[:2] == ["pip", "install"]:
            asked = Requirement(words[2])
            assert asked.name == project["name"]
            assert asked.extras <= set(project["optional-dependencies"])
        elif "-f" in words:
            assert (ROOT / words[words.index("-f") + 1]).is_file()
