"""Panels and checks inside a real kernel: what a notebook stores, and what cannot end it."""

from __future__ import annotations

import pytest
from nbclient import NotebookClient
from nbformat import v4

CELLS = {
    "import": "import gradcourse as gc\ndef gradient_after(r, L):\n    raise NotImplementedError",
    "stub": "gc.panel('start/gradient-after')",
    "wrong": "def gradient_after(r, L):\n    return r * L\ngc.panel('start/gradient-after')",
    "right": "def gradient_after(r, L):\n    return r ** L\ngc.panel('start/gradient-after')",
    "broken": "def gradient_after(r, L):\n    return r ** L)",
    "after a broken cell": "gc.panel('start/gradient-after')",
    "misspelt": "def gradient_aftre(r, L):\n    return r",
    "after a misspelt name": "gc.panel('start/gradient-after')",
    "live": "from gradcourse.checking.panel import make_panel\n"
    "from gradcourse.exercises import get\n"
    "print(make_panel(get('start/gradient-after'), lambda: globals()).latest)",
    "predict": "gc.panel('start/first-prediction')",
    "exit": "def leave(r, L):\n    exit()\nprint(gc.check('start/gradient-after', leave))",
    "endless": (
        "def endless(r, L):\n    while True: pass\n"
        "print(gc.check('start/gradient-after', endless, limit=0.3))"
    ),
    "alive": "print('alive')",
    "score": "gc.score('01')",
}


@pytest.fixture(scope="module")
def outputs() -> dict:
    notebook = v4.new_notebook(cells=[v4.new_code_cell(source) for source in CELLS.values()])
    notebook.cells[list(CELLS).index("broken")].metadata["tags"] = ["raises-exception"]
    NotebookClient(notebook, timeout=60, kernel_name="python3").execute()
    return {name: cell.outputs for name, cell in zip(CELLS, notebook.cells, strict=True)}


def data(outputs: list) -> dict:
    (output,) = outputs
    return output["data"]


def test_a_panel_stores_the_verdict_beside_the_widget(outputs) -> None:
    for name, text in (
        ("stub", "start/gradient-after: not answered yet"),
        ("predict", "start/first-prediction: not answered yet"),
        ("right", "start/gradient-after: right\n  ✓ 6 random factors and depths"),
        ("wrong", "start/gradient-after: wrong\n  ✗ 6 random factors and depths"),
    ):
        bundle = data(outputs[name])
        assert bundle["text/plain"].startswith(text)
        assert "gc-verdict" in bundle["text/html"]
        assert "application/vnd.jupyter.widget-view+json" in bundle
    assert "factor times layers" in data(outputs["wrong"])["text/plain"]


def test_a_verdict_tells_what_it_judged_and_what_happened_since(outputs) -> None:
    broken = data(outputs["after a broken cell"])["text/plain"]
    assert broken.startswith("start/gradient-after: right\n  ! The last run of the cell")
    assert "failed (SyntaxError: unmatched ')' (line 2))" in broken
    assert "earlier version, from cell [4]" in broken
    misspelt = data(outputs["after a misspelt name"])["text/plain"]
    assert "! Cell [7] defines `gradient_aftre`: is `gradient_after` meant?" in misspelt
    assert (
        outputs["live"][0]["text"]
        .rstrip()
        .endswith("judged: `gradient_after` from cell [4], run just now")
    )
    assert "judged" not in misspelt, "what is stored is the same at any hour"


def test_exit_in_an_answer_does_not_end_the_kernel(outputs) -> None:
    assert "SystemExit: exit() was called" in outputs["exit"][0]["text"]
    assert "line 2" in outputs["exit"][0]["text"]
    assert outputs["alive"][0]["text"] == "alive\n"


def test_an_endless_loop_does_not_hang_the_kernel(outputs) -> None:
    assert "did not finish within 0.3 s" in outputs["endless"][0]["text"]


def test_the_score_is_a_table_that_ends_with_the_sum(outputs) -> None:
    assert data(outputs["score"])["text/plain"].splitlines()[-1].startswith("0 of ")
