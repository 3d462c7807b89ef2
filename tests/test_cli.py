"""The commands answer, and say in one line what is wrong."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from gradcourse import cli

ROOT = Path(__file__).parents[1]


def _run(*arguments: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "gradcourse.cli", *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd)


def test_doctor_prints_a_list_and_exits_with_0() -> None:
    done = _run("doctor")
    assert done.returncode == 0, done.stdout
    assert "✓ self-test" in done.stdout


def test_progress_answers_without_a_file() -> None:
    assert _run("progress").returncode == 0


def test_check_of_a_missing_file_is_one_line_and_exit_2() -> None:
    done = _run("check", "no-such-notebook.ipynb")
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1
    assert "no-such-notebook.ipynb" in done.stderr


@pytest.mark.parametrize("number", ["01_chain_rule", "02_saturation"])
def test_check_gives_the_untouched_0_and_the_solution_everything(number: str) -> None:
    done = _run("check", "--json", f"exercises/{number}.ipynb", f"solutions/{number}.ipynb")
    assert done.returncode == 0, done.stderr
    untouched, solved = json.loads(done.stdout)
    assert untouched["earned"] == 0
    assert untouched["possible"] == solved["earned"] == solved["possible"] > 0
    assert all(set(q) == {"id", "earned", "possible", "message"} for q in solved["questions"])


def test_a_reader_that_goes_away_is_not_an_error() -> None:
    command = f"{shlex.quote(sys.executable)} -m gradcourse.cli doctor | head -n 1"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, cwd=ROOT)
    assert "Traceback" not in done.stderr


def test_the_course_is_found_from_a_folder_inside_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT / "tests")
    assert cli.course_root() == ROOT


@pytest.mark.parametrize("between", [[], ["--"]])
def test_lab_starts_jupyterlab_on_the_first_page(
    between: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    called: dict[str, object] = {}
    monkeypatch.setattr(
        os, "execve", lambda program, words, env: called.update(words=words, env=env)
    )
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.chdir(ROOT)
    cli.main(["lab", *between, "--no-browser", "--port", "8000", "lessons"])
    words, environment = called["words"], called["env"]
    assert isinstance(words, list)
    assert isinstance(environment, dict)
    assert words[-4:] == ["--no-browser", "--port", "8000", "lessons"]
    assert "--LabApp.default_url=/lab/tree/lessons/00_start_here.ipynb" in words
    assert environment["OMP_NUM_THREADS"] == "1"


def test_every_command_says_what_it_does(capsys: pytest.CaptureFixture[str]) -> None:
    for command in ("doctor", "lab", "build", "check", "grade", "progress"):
        with pytest.raises(SystemExit):
            cli.main([command, "--help"])
        usage, said, *_ = capsys.readouterr().out.split("\n\n")
        assert usage.startswith(f"usage: gradcourse {command}")
        assert said.endswith("."), said


def test_a_lesson_is_no_exercise() -> None:
    done = _run("check", "lessons/01_products_of_the_chain_rule.ipynb")
    assert done.returncode == 2
    assert "no exercise of this course is in it" in done.stderr
