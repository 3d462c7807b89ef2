"""Files that an earlier version wrote open, and keep their numbers and points.

`fixtures/write.py` says how they were made; ``expected.json`` is what the version that wrote them
read in them.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from fixtures.write import contents

import gradcourse as gc
from gradcourse.checking import PartResult, Verdict
from gradcourse.checking.progress import Progress
from gradcourse.exercises import run_check_command
from gradcourse.instrument import Record

FILES = Path(__file__).parent / "fixtures"
EXPECTED = json.loads((FILES / "expected.json").read_text("utf-8"))
RECORDS = sorted(EXPECTED["records"])


def kept(name):
    return Record.load(FILES / "records" / f"{name}.npz")


def assert_same(found, expected):
    """The same names and numbers; what is computed from the file may differ by a rounding."""
    tables = found.pop("tables"), expected["tables"]
    lags = found.pop("lags"), expected["lags"]
    assert found == {k: v for k, v in expected.items() if k not in ("tables", "lags")}
    for numbers, wanted in (tables, lags):
        assert numbers.keys() == wanted.keys()
        for name, table in wanted.items():
            np.testing.assert_allclose(numbers[name], table, rtol=1e-12, atol=0, err_msg=name)


@pytest.mark.parametrize("name", RECORDS)
def test_a_record_holds_the_numbers_that_were_saved(name):
    assert_same(contents(kept(name)), EXPECTED["records"][name])


@pytest.mark.parametrize("name", RECORDS)
def test_a_record_that_is_saved_again_is_the_same(name, tmp_path):
    kept(name).save(tmp_path / "again.npz")
    assert_same(contents(Record.load(tmp_path / "again.npz")), EXPECTED["records"][name])


def test_every_record_has_its_numbers_and_the_other_way_round():
    assert [path.stem for path in sorted((FILES / "records").iterdir())] == RECORDS


def test_a_few_numbers_of_the_records_by_hand():
    record = kept("everything")
    # The second loss was multiplied by 1e-30, the third by NaN.
    norms = record.parameter_gradient_norm
    assert (norms[0] > 1e-3).all()
    assert ((norms[1] > 1e-33) & (norms[1] < 1e-29)).all()
    assert np.isnan(norms[2]).all()
    assert record.nonfinite.tolist() == [[False] * 8, [False] * 8, [True] * 8]
    assert record.loss[0] == 0.49933555722236633
    recurrent = kept("recurrent")
    assert recurrent.lag_gradient["rnn"].shape == (2, 5)
    assert recurrent.lag_gradient["rnn"][0, -1] == pytest.approx(0.04321099608554421, rel=1e-12)
    assert np.isnan(recurrent.parameter_gradient_norm[:, -2:]).all()  # of the layer that never ran
    assert kept("standard").layers == ("first", "first tanh", "last")
    assert kept("closure").evaluations.tolist() == [4, 4]
    assert kept("gradients").layers == ()


@pytest.mark.parametrize("name", RECORDS)
def test_figures_and_the_diagnosis_take_an_old_record(name):
    record = kept(name)
    assert len(gc.depth_plot(record, step=0).lines) == 1
    primary = gc.diagnose(record).primary.kind
    assert (primary == "non-finite") == (name == "everything")


@pytest.fixture
def progress(tmp_path, monkeypatch):
    """A copy, since opening it may write to it."""
    path = tmp_path / "progress.sqlite"
    shutil.copyfile(FILES / "progress.sqlite", path)
    monkeypatch.setenv("GRADCOURSE_PROGRESS", str(path))
    return Progress(path)


def test_progress_keeps_its_points(progress):
    rows = {row.id: row for row in gc.progress().rows}
    for id, (earned, possible, right, attempts, _) in EXPECTED["progress"]["best"].items():
        share = rows[id].earned / rows[id].possible if possible else 0.0
        assert share == (earned / possible if possible else 0.0), id  # weighed anew since, some
        assert rows[id].status == ("right" if right else "wrong"), id
        assert rows[id].note == ("1 attempt" if attempts == 1 else f"{attempts} attempts"), id
    assert sum(row.earned for row in rows.values()) == 6
    assert sum(row.status != "unanswered" for row in rows.values()) == 13
    assert (rows["chain/lyapunov"].earned, rows["chain/lyapunov"].note) == (1, "2 attempts")
    assert (rows["relu/gain"].earned, rows["relu/gain"].possible) == (1, 2)


def test_progress_goes_on_from_there(progress):
    best = progress.best()["relu/gain"]
    assert (best.earned, best.attempts, best.last) == (1, 1, 1.70000072e9)
    progress.record(Verdict("relu/gain", "title", (PartResult("part", "right", 2.0, 2.0),)))
    best = progress.best()["relu/gain"]
    assert (best.earned, best.attempts) == (2, 2)
    assert best.last > 1.70000072e9
    assert len(progress.best()) == len(EXPECTED["progress"]["best"])


def test_predictions_stay_locked(progress):
    for id, answer in EXPECTED["progress"]["locked"].items():
        assert progress.locked(id) == answer
        assert progress.lock(id, "another") == answer
    assert progress.locked("chain/predict-stillest") == "first"


def test_an_answered_notebook_keeps_its_points(tmp_path, capsys):
    path = tmp_path / "handed in.ipynb"  # its name does not tell the assignment
    shutil.copyfile(FILES / "answered.ipynb", path)
    assert run_check_command([str(path)], as_json=True) == 0
    (result,) = json.loads(capsys.readouterr().out)
    found = {question["id"]: question for question in result["questions"]}
    assert found.keys() > EXPECTED["notebook"].keys()  # there are new questions since
    assert result["earned"] == sum(found[id]["earned"] for id in EXPECTED["notebook"]) == 3
    for id, (status, earned, possible) in EXPECTED["notebook"].items():
        share = found[id]["earned"] / found[id]["possible"]  # points were weighed anew since
        assert share == earned / possible, id
        assert (found[id]["message"] == "") == (status == "right"), id
    assert found["chain/tune-gain"]["message"] == "not answered yet"


@pytest.mark.parametrize("name", ["progress.sqlite", "answered.ipynb", "expected.json"])
def test_no_file_names_a_machine(name):
    content = (FILES / name).read_bytes()
    for place in (b"/home/", b"/root/", b"/tmp/", b"/Users/"):
        assert place not in content
