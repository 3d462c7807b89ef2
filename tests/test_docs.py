"""The worked examples in the contributor's guide work."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np

import gradcourse as gc
from gradcourse.checking import check

GUIDE = (Path(__file__).parents[1] / "docs" / "contributor.md").read_text("utf-8")


def _example(start: str) -> dict[str, Any]:
    blocks = re.findall(r"^( *)```python\n(.*?)^ *```", GUIDE, re.DOTALL | re.MULTILINE)
    (code,) = [
        "\n".join(line.removeprefix(indent) for line in body.splitlines())
        for indent, body in blocks
        if start in body
    ]
    names: dict[str, Any] = {}
    exec(compile(code, "docs/contributor.md", "exec"), names)
    return names


def test_the_exercise_of_the_guide_recognises_its_misconceptions() -> None:
    names = _example("RELATIVE_CHANGE = CodeExercise")
    exercise = names["RELATIVE_CHANGE"]
    assert check(exercise, names["relative_change"], seed=0).right
    for misconception in exercise.functions[0].misconceptions:
        verdict = check(exercise, misconception.answer, seed=0)
        assert verdict.misconceptions == (misconception.name,)


def test_the_demo_of_the_guide_draws() -> None:
    demo = _example('id="recurrent/scalar"')["DEMO"]
    frame = demo.frame(w=1.1)
    np.testing.assert_allclose(frame.lines[0].y[-1], 1.1**100)
    assert "1.10" in frame.title


INSTRUMENT = (Path(__file__).parents[1] / "docs" / "instrument.md").read_text("utf-8")


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
