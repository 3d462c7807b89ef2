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
from gradcourse.checking.progress import Progress

ROOT = Path(__file__).parents[1]

JUPYTER = ("JUPYTER_CONFIG_PATH", "JUPYTER_PATH", "JUPYTERLAB_WORKSPACES_DIR")


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


@pytest.mark.some(2)
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
def test_lab_opens_the_working_copy_and_passes_the_rest_on(
    between: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    called: dict[str, object] = {}

    def main(words: list[str]) -> None:
        called.update(words=words, threads=os.environ["OMP_NUM_THREADS"])

    monkeypatch.setattr("jupyterlab.labapp.main", main)
    for name in ("OMP_NUM_THREADS", *JUPYTER):
        monkeypatch.setenv(name, "to be put back")
        monkeypatch.delenv(name)
    monkeypatch.setattr(sys, "argv", ["gradcourse"])
    monkeypatch.chdir(tmp_path)
    assert cli.main(["lab", *between, "--no-browser", "--port", "8000", "lessons"]) == 0
    words = called["words"]
    assert isinstance(words, list)
    assert words[-4:] == ["--no-browser", "--port", "8000", "lessons"]
    assert f"--ServerApp.root_dir={tmp_path / 'my-course'}" in words
    assert "--LabApp.default_url=/lab/tree/course-home.md" in words
    assert called["threads"] == "1"
    assert (tmp_path / "my-course" / "lessons" / "00_start_here.ipynb").is_file()
    settings = Path(os.environ["JUPYTER_CONFIG_PATH"]) / "labconfig"
    assert (settings / "default_setting_overrides.json").is_file()


def test_lab_takes_a_folder_first_and_leaves_out_solutions(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    words: list[str] = []
    monkeypatch.setattr(
        "gradcourse.workcopy.launch.run_jupyterlab",
        lambda copy, arguments: words.extend([copy.folder.name, *arguments]),
    )
    monkeypatch.chdir(tmp_path)
    cli.main(["lab", "mine", "--no-browser", "--no-solutions"])
    assert words == ["mine", "--no-browser"]
    assert (tmp_path / "mine" / "exercises").is_dir()
    assert not (tmp_path / "mine" / "solutions").exists()


def test_lab_refuses_a_package_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["lab", str(ROOT / "gradcourse" / "theory")]) == 2
    assert len(capsys.readouterr().err.strip().splitlines()) == 1


def test_a_clone_ignores_the_usual_working_copy() -> None:
    command = ["git", "check-ignore", "my-course/lessons/00_start_here.ipynb"]
    if not (ROOT / ".git").exists():
        pytest.skip("no clone")
    assert subprocess.run(command, cwd=ROOT, capture_output=True).returncode == 0


def test_a_second_day(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Lay, answer, update, give back: as a learner types it."""
    monkeypatch.setattr("gradcourse.workcopy.launch.run_jupyterlab", lambda *_: 0)
    monkeypatch.chdir(tmp_path)
    assert cli.main(["lab"]) == 0
    page = tmp_path / "my-course" / "exercises" / "03_recurrent.ipynb"
    untouched = page.read_text("utf-8")
    answered = untouched.replace("raise NotImplementedError()", "return 0.0")
    page.write_text(answered, "utf-8")
    assert cli.main(["lab"]) == cli.main(["update"]) == 0
    assert page.read_text("utf-8") == answered
    monkeypatch.chdir(page.parent)
    assert cli.main(["reset", "03"]) == 0
    assert page.read_text("utf-8") == untouched
    (copied,) = (tmp_path / "my-course" / "copies").iterdir()
    assert copied.read_text("utf-8") == answered


def test_progress_moves_to_another_machine(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = str(tmp_path / "mine.json")
    monkeypatch.setenv("GRADCOURSE_PROGRESS", str(tmp_path / "here.sqlite"))
    Progress.default().lock("start/first-prediction", 1e-3)
    assert cli.main(["progress", "--export", file]) == 0
    monkeypatch.setenv("GRADCOURSE_PROGRESS", str(tmp_path / "there.sqlite"))
    assert cli.main(["progress", "--import", file]) == 0
    assert "0 attempts and 1 prediction taken in" in capsys.readouterr().out
    assert Progress.default().locked("start/first-prediction") == 1e-3


def test_claims_prints_a_verdict_for_each_or_everything_about_one(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert cli.main(["claims", "02"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "02 · Saturation"
    assert all(line.startswith("  ") for line in lines[1:])
    assert cli.main(["claims", "saturation/claim-zero"]) == 0
    assert "Scope:" in capsys.readouterr().out
    assert cli.main(["claims", "--errata"]) == 0
    assert "no initialization can help" in capsys.readouterr().out
    assert cli.main(["claims", "--errata", "09"]) == 0
    assert capsys.readouterr().out.startswith("09 · ")
    assert cli.main(["claims", "--errata", "11"]) == 2  # nothing was taken back there
    assert cli.main(["claims", "99"]) == 2
    assert cli.main(["claims", "chain/claim-factors", "--measure"]) == 0
    assert "measured now" in capsys.readouterr().out


COMMANDS = [
    *("doctor", "lab", "update", "reset", "export", "build", "check", "claims", "grade"),
    "progress",
]


def test_every_command_says_what_it_does(capsys: pytest.CaptureFixture[str]) -> None:
    for command in COMMANDS:
        with pytest.raises(SystemExit):
            cli.main([command, "--help"])
        usage, said, *_ = capsys.readouterr().out.split("\n\n")
        assert usage.startswith(f"usage: gradcourse {command}")
        assert said.endswith("."), said


def test_a_lesson_is_no_exercise() -> None:
    done = _run("check", "lessons/01_products_of_the_chain_rule.ipynb")
    assert done.returncode == 2
    assert "no exercise of this course is in it" in done.stderr
