"""The worked examples in the contributor's guide work."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gradcourse as gc
from gradcourse.exercises import rules

ROOT = Path(__file__).parents[1]
GUIDE = (ROOT / "docs" / "contributor.md").read_text("utf-8")


def _code(start: str) -> str:
    blocks = re.findall(r"^( *)```python\n(.*?)^ *```", GUIDE, re.DOTALL | re.MULTILINE)
    (code,) = [
        "\n".join(line.removeprefix(indent) for line in body.splitlines())
        for indent, body in blocks
        if start in body
    ]
    return code


def _example(start: str) -> dict[str, Any]:
    names: dict[str, Any] = {}
    exec(compile(_code(start), "docs/contributor.md", "exec"), names)
    return names


def test_the_exercise_of_the_guide_keeps_to_the_rules() -> None:
    exercise = _example("RELATIVE_CHANGE = CodeExercise")["RELATIVE_CHANGE"]
    broken = [problem for rule in rules.rules_for(exercise) for problem in rule(exercise)]
    assert not broken, "\n".join(broken)


@pytest.mark.parametrize("command", [["check"], ["format", "--check"]])
def test_the_exercise_of_the_guide_passes_the_linter(command: list[str]) -> None:
    code = _code("RELATIVE_CHANGE = CodeExercise") + "\n"
    name = ["--stdin-filename", "gradcourse/exercises/saturation/change.py", "-"]
    ruff = [sys.executable, "-m", "ruff", *command, *name]
    done = subprocess.run(ruff, input=code, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_demo_of_the_guide_draws() -> None:
    demo = _example('id="recurrent/scalar"')["DEMO"]
    frame = demo.frame(w=1.1)
    np.testing.assert_allclose(frame.lines[0].y[-1], 1.1**100)
    assert "1.10" in frame.title


INSTRUMENT = (ROOT / "docs" / "instrument.md").read_text("utf-8")


def test_the_guide_to_the_instrument_runs_as_it_stands() -> None:
    names: dict[str, Any] = {}
    for block in re.findall(r"^```python\n(.*?)^```", INSTRUMENT, re.DOTALL | re.MULTILINE):
        exec(compile(block, "docs/instrument.md", "exec"), names)
    assert len(names["record"]) == len(names["batches"])
    assert names["watch"].post_mortem is None
    assert float(names["total"]) > 0
    assert 0 < names["slope"] < 1
    assert np.isfinite(names["spectrum"]).all()
    _the_small_probe_gives_what_the_large_one_gives(names)


def _the_small_probe_gives_what_the_large_one_gives(names: dict[str, Any]) -> None:
    assert 1e-7 < float(names["fall"]) < 1e-3
    chain = names["chain"]
    with gc.probe(chain) as record:
        chain(names["inputs"]).square().mean().backward()
    assert record.layers == tuple(names["measured"])
    for name, table in (
        ("output", record.activation_norm),
        ("gradient", record.output_gradient_norm),
    ):
        small = [float(row[name]) for row in names["measured"].values()]
        np.testing.assert_allclose(small, table[0], rtol=1e-4)
    assert not any(module._forward_hooks for module in chain)


def test_the_guide_to_the_instrument_opens_with_25_lines_and_names_files_that_exist() -> None:
    block = INSTRUMENT.split("```")[1]
    assert "def small_probe" in block
    assert len(block.splitlines()[1:]) <= 25
    opening = INSTRUMENT.partition("## ")[0]
    for file in re.findall(r"`([a-z_/0-9]+\.py)`", opening):
        assert (Path(gc.__file__).parent / "instrument" / file).is_file(), file
