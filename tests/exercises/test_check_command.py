"""`gradcourse check`: notebooks as learners really leave them."""

from __future__ import annotations

import json
import textwrap
from pathlib import Path

import pytest

from gradcourse.checking.exercise_notebook import is_of, read_notebook
from gradcourse.exercises import assignment, run_check_command
from gradcourse.exercises.check_command import assignment_of, check_file, check_files
from gradcourse.grading.intake import contents

LYAPUNOV = """
import numpy as np
def lyapunov(factors):
    return float(np.mean(np.log(np.abs(factors))))
"""


def solution(id):
    return {"nbgrader": {"schema_version": 3, "solution": True, "grade": False, "grade_id": id}}


def graded(id):
    return {"nbgrader": {"schema_version": 3, "solution": False, "grade": True, "grade_id": id}}


OURS = {"gradcourse": {"assignment": "01"}}


@pytest.fixture
def notebook(tmp_path):
    def write(*cells, metadata=OURS, name="answers.ipynb"):
        cells = [cell if isinstance(cell, tuple) else (cell, {}) for cell in cells]
        data = {
            "nbformat": 4,
            "nbformat_minor": 5,
            "metadata": metadata,
            "cells": [
                {
                    "cell_type": "code",
                    "id": f"cell-{index}",
                    "metadata": marks,
                    "source": textwrap.dedent(source).strip().splitlines(keepends=True),
                    "outputs": [],
                    "execution_count": None,
                }
                for index, (source, marks) in enumerate(cells)
            ],
        }
        path = tmp_path / name
        path.write_text(json.dumps(data), encoding="utf-8")
        return str(path)

    return write


def question(path, id="chain/lyapunov"):
    return next(verdict for verdict in check_file(path) if verdict.id == id)


def test_the_json_has_the_promised_form(notebook, capsys) -> None:
    path = notebook(LYAPUNOV)
    assert run_check_command([path], as_json=True) == 0
    ((result),) = json.loads(capsys.readouterr().out)
    possible = sum(exercise.points for exercise in assignment("01"))
    assert set(result) == {"notebook", "earned", "possible", "questions"}
    assert (result["notebook"], result["earned"], result["possible"]) == (path, 1, possible)
    assert [one["id"] for one in result["questions"]] == [e.id for e in assignment("01")]
    assert all(set(q) == {"id", "earned", "possible", "message"} for q in result["questions"])
    assert check_files([path]) == [result]


def test_the_text_holds_the_same_verdicts(notebook, capsys) -> None:
    path = notebook(LYAPUNOV)
    assert run_check_command([path], as_json=False) == 0
    said = capsys.readouterr().out
    assert "chain/lyapunov: 1 of 1 point" in said
    possible = sum(exercise.points for exercise in assignment("01"))
    assert said.rstrip().endswith(f"{path}: 1 of {possible:g} points")


def test_a_cell_that_fails_or_will_not_compile_stops_no_other(notebook) -> None:
    path = notebook(
        "1/0",
        (
            "def input_gradient(weights, upstream:\n    pass",
            solution("chain-matrix-backward-answer"),
        ),
        "raise SystemExit",
        "exit()",
        "%no_such_magic",
        LYAPUNOV,
        "lyapunov([0.5) + 1",
    )
    assert question(path).right
    missing = question(path, "chain/matrix-backward")
    assert missing.unanswered
    assert "The cell that gives this answer failed: SyntaxError" in missing.message
    assert "(line 1)" in missing.message


def test_a_file_tells_what_was_judged_and_warns(notebook) -> None:
    broken = LYAPUNOV.replace("(factors))))", "(factors)))")
    verdict = question(notebook(LYAPUNOV, broken, "def lyaponov(factors):\n    return 0.0"))
    assert verdict.right
    assert verdict.judged == "`lyapunov` from cell 1"
    assert verdict.warnings == (
        "Cell 3 defines `lyaponov`: is `lyapunov` meant? This verdict is about `lyapunov` from "
        "cell 1.",
    )
    verdict = question(notebook(LYAPUNOV, broken))
    assert "earlier version, from cell 1" in verdict.warnings[0]
    verdict = question(
        notebook("def lyapunov(factors):\n    for r in factors:\n        return r", name="b.ipynb")
    )
    assert verdict.misconceptions == ("a return inside the loop",)


def test_an_error_is_shown_with_the_answer_that_its_cell_was_to_give(notebook) -> None:
    path = notebook("scale = missing_name\ndef lyapunov(factors):\n    return scale")
    assert "NameError: name 'missing_name' is not defined (line 1)" in question(path).message


def test_a_cell_that_ends_its_process_is_left_out(notebook) -> None:
    path = notebook("import os", LYAPUNOV, "os._exit(7)", "gain = 1.74")
    assert question(path).right
    assert question(path, "chain/tune-gain").right


def test_an_answer_that_ends_its_process_costs_its_own_points_only(notebook) -> None:
    path = notebook(
        "import os\ndef chain_gradient(w, x, upstream):\n    os._exit(1)",
        LYAPUNOV,
    )
    ended = question(path, "chain/scalar-backward")
    assert ended.earned == 0
    assert "it ended the whole process" in ended.message
    assert question(path).right


def test_a_cell_that_does_not_end_is_stopped(notebook, monkeypatch) -> None:
    monkeypatch.setattr("gradcourse.exercises.check_command.CELL_LIMIT", 1)
    monkeypatch.setattr("gradcourse.exercises.check_command.GRACE", 1)
    path = notebook(
        "import signal\nsignal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM])\nimport time",
        "time.sleep(500)",
        LYAPUNOV,
    )
    assert question(path).right


def test_test_cells_of_the_notebook_are_not_run(notebook) -> None:
    cheat = "def lyapunov(factors):\n    return 0.0"
    path = notebook(LYAPUNOV, (cheat, graded("chain-lyapunov")))
    assert question(path).right


def test_prints_panels_plots_magics_and_shell_lines_do_no_harm(notebook, capfd) -> None:
    path = notebook(
        "%matplotlib inline\nimport matplotlib.pyplot as plt\nplt.plot([1, 2]); plt.show()",
        "!echo from the shell",
        "import os\nprint('x' * 100_000)\nos.write(1, b'raw')",
        "import gradcourse as gc\ngc.panel('chain/lyapunov')\ngc.score('01')",
        LYAPUNOV,
        "input('name?')",
    )
    assert question(path).right
    assert capfd.readouterr() == ("", "")


def test_files_beside_the_notebook_are_found_and_do_not_replace_pythons(notebook, tmp_path) -> None:
    (tmp_path / "random.py").write_text("raise RuntimeError('the wrong random')")
    (tmp_path / "helper.py").write_text("from numpy import log, abs, mean")
    path = notebook(
        "import helper\ndef lyapunov(f):\n    return helper.mean(helper.log(helper.abs(f)))"
    )
    assert question(path).right


@pytest.mark.parametrize(
    ("metadata", "name", "marks"),
    [
        (OURS, "x.ipynb", {}),
        ({}, "01_chain_rule.ipynb", {}),
        ({}, "mine.ipynb", solution("chain-lyapunov-answer")),
        ({}, "mine.ipynb", graded("chain-lyapunov")),
    ],
)
def test_the_assignment_is_found(notebook, metadata, name, marks) -> None:
    path = notebook(LYAPUNOV, ("pass", marks), metadata=metadata, name=name)
    assert question(path).right


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "there is no such file"),
        (b"", "it is empty"),
        (b"not json", "it is not JSON"),
        (b"\xff\xfe\x00", "it is not JSON"),
        (b"[1, 2]", "it is no notebook"),
        (b'{"worksheets": []}', "old format"),
        (b'{"cells": [], "metadata": {}, "nbformat": 4}', "no exercise of this course"),
        (b"[" * 100_000, "it is not JSON"),
    ],
)
def test_what_cannot_be_checked_is_one_line_and_exit_code_2(
    tmp_path, capsys, content, message
) -> None:
    path = tmp_path / "homework.ipynb"
    if content is not None:
        path.write_bytes(content)
    assert run_check_command([str(path)], as_json=False) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert said.err.startswith(f"gradcourse check: {path}: ")
    assert message in said.err


def test_a_folder_is_no_notebook(tmp_path, capsys) -> None:
    assert run_check_command([str(tmp_path)], as_json=False) == 2
    assert "it is a folder" in capsys.readouterr().err


def test_the_others_are_checked_when_one_cannot_be(notebook, tmp_path, capsys) -> None:
    good = notebook(LYAPUNOV)
    assert run_check_command([str(tmp_path / "gone.ipynb"), good], as_json=True) == 2
    (result,) = json.loads(capsys.readouterr().out)
    assert result["notebook"] == good


def test_class_grading_reads_the_same_in_a_notebook(notebook) -> None:
    path = Path(notebook(LYAPUNOV, ("pass", graded("chain-lyapunov") | {"points": 3}), "x = 1"))
    own = read_notebook(path)
    assert contents.read(path.read_bytes(), 10_000) == contents.Contents(own)
    assert assignment_of(own, path) == contents.assignment_of(own) == "01"
    assert own.has_cell_of("chain/lyapunov")
    assert not own.has_cell_of("chain/lyapuno")
    assert is_of("chain-lyapunov-answer", "chain/lyapunov")
    assert not is_of("chain-lyapunov2", "chain/lyapunov")
