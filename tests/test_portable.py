"""The machines that this one stands for: disturbed as it is said, and told apart by the runner."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent / "portable"


@pytest.fixture(scope="module")
def portable():
    """`tests/portable/__main__.py` as a module."""
    sys.path.insert(0, str(FOLDER))
    spec = importlib.util.spec_from_file_location("portable", FOLDER / "__main__.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["portable"] = module
    spec.loader.exec_module(module)
    return module


MEASURE = """
import json, torch
torch.manual_seed(0)
a, b = torch.randn(64, 64), torch.randn(64, 64)
said = {"drawn": torch.randn(3).tolist(), "product": (a @ b).tolist()}
said["double"] = (a.double() @ b.double()).tolist()
weight = torch.nn.Parameter(torch.ones(1000))
for _ in range(2):
    torch.optim.SGD([weight], lr=0.1)
said["weight"] = weight.tolist()
copied = torch.nn.Parameter(torch.ones(1000))
start = copied.detach().clone()
torch.optim.SGD([copied], lr=0.1)
said["moved"] = int((copied != start).sum())
print(json.dumps(said))
"""


def measured(disturbed):
    environment = {**os.environ, "GRADCOURSE_PERTURB": disturbed, "PYTHONPATH": str(FOLDER)}
    command = [sys.executable, "-c", MEASURE]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return json.loads(done.stdout)


def test_one_rounding_error_is_all_that_changes():
    import numpy as np

    exact, matmul, start = (measured(kind) for kind in ("", "matmul:1", "start:1"))

    def noise(name, other):
        return np.divide(other[name], exact[name]).ravel() - 1

    assert exact["drawn"] == matmul["drawn"] == start["drawn"]
    assert noise("product", matmul).std() == pytest.approx(1e-7, rel=0.2)
    assert 0 < noise("double", matmul).std() < 1e-15
    assert not noise("weight", matmul).any()
    # Once, though two optimizers had it; what is near 1 is rounded to steps of 1.2e-7.
    assert noise("weight", start).std() == pytest.approx(1e-7, rel=0.4)
    assert not noise("product", start).any()
    # What is compared with a copy of the start is not found to have moved.
    assert exact["moved"] == start["moved"] == 0


def test_another_disturbance_is_refused():
    with pytest.raises(subprocess.CalledProcessError):
        measured("products:1")


def test_there_are_three_instruction_sets_with_one_and_two_threads(portable):
    variables = [machine.variables() for machine in portable.MACHINES]
    threads = [own["OMP_NUM_THREADS"] for own in variables]
    kernels = [own.get("ATEN_CPU_CAPABILITY") for own in variables]
    assert threads == ["1", "2"] * 3 + ["1"]
    assert kernels == [None, None, "avx2", "avx2", "default", "default", None]
    assert variables[-1]["GRADCOURSE_PERTURB"] == "matmul:1"
    assert str(FOLDER) in variables[-1]["PYTHONPATH"]


def test_every_lesson_solution_and_claim_is_run(portable):
    rooms = [unit.room for unit in portable.units()]
    for room, folder, pattern in (
        ("lessons", "lessons", "*.ipynb"),
        ("solutions", "solutions", "*.ipynb"),
        ("claims", "tests/lessons", "test_*.py"),
    ):
        assert rooms.count(room) == len(list((portable.ROOT / folder).glob(pattern))) > 0


def test_what_has_run_is_kept_until_it_changes(portable, tmp_path):
    path = tmp_path / "build" / "portable.json"
    machine, unit = portable.MACHINES[0], portable.units()[0]
    outcome = portable.Outcome("digest", 1, 2.5, "said")
    portable.Memory(path).keep(machine, unit, outcome)
    kept = portable.Memory(path)
    assert kept.get(machine, unit, "digest") == outcome
    assert kept.get(machine, unit, "another") is None
    assert kept.get(portable.MACHINES[1], unit, "digest") is None
    path.write_text("{half")
    assert portable.Memory(path).get(machine, unit, "digest") is None


def test_a_change_in_one_topic_runs_only_what_uses_it_again(portable):
    by_name = {unit.name: unit for unit in portable.units()}

    def behind(name):
        text = (portable.ROOT / by_name[name].path).read_text(encoding="utf-8")
        return {path.as_posix() for path in portable._files_behind(by_name[name], text)}

    lesson, other = behind("claims/03"), behind("claims/05")
    for own in ("/experiments/recurrent.py", "/demos/recurrent.py", "/exercises/recurrent/"):
        assert any(own in path for path in lesson)
        assert not any(own in path for path in other)
    # What lesson 09 measures on the cliff, lesson 03 measures; and what all share is behind all.
    assert any("/experiments/recurrent.py" in path for path in behind("claims/09"))
    assert any(path.endswith("experiments/common.py") for path in lesson & other)
    assert any(path.endswith("instrument/norms.py") for path in lesson & other)
    assert not any("/grading/" in path for path in lesson | other)
    # What is of no lesson is behind those that import it; and the last lesson tries all claims.
    assert any(path.endswith("/experiments/letters.py") for path in behind("claims/08"))
    assert not any(path.endswith("/experiments/letters.py") for path in lesson | other)
    trials = {path for path in behind("claims/13") if "/trials/" in path}
    assert trials == {
        path.as_posix() for path in (portable.ROOT / "gradcourse").glob("experiments/trials/*.py")
    }


def test_one_difference_is_reported_with_what_repeats_it_and_fails(portable, capsys, monkeypatch):
    monkeypatch.setattr(Path, "write_text", None)  # the page of a whole run is not for this one
    machines, chosen = portable.MACHINES[:2], portable.units()[:2]
    good = portable.Outcome("d", 0, 1.0)
    outcomes = {(machine, unit): good for machine in machines for unit in chosen}
    assert portable._report(machines, chosen, outcomes, 60.0) == 0
    outcomes[machines[1], chosen[0]] = portable.Outcome("d", 1, 1.0, "0.98 lies farther")
    assert portable._report(machines, chosen, outcomes, 60.0) == 1
    said = capsys.readouterr().out
    assert f'make portable ONLY={chosen[0].name} ON="{machines[1].name}"' in said
    assert "0.98 lies farther" in said
    assert f"| {machines[1].name} | 1 of 2 | {chosen[0].name} |" in said


def test_every_row_of_the_margins_names_a_test_that_there_is():
    """`docs/claims.md` is measured seldom; a row must not outlive its test."""
    root = FOLDER.parents[1]
    rows = (root / "docs" / "claims.md").read_text(encoding="utf-8").splitlines()
    named = {tuple(row.split("|")[1:3]) for row in rows if row.startswith("| 0")}
    assert named
    for lesson, test in named:
        file = root / "tests" / "lessons" / f"test_lesson_{lesson.strip()}_claims.py"
        assert f"def {test.strip(' `')}(" in file.read_text(encoding="utf-8"), test
