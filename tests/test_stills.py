"""A saved notebook holds no widget; an opened one gets the latest still, or a living widget."""

from __future__ import annotations

import copy
import json

import pytest

from gradcourse import stills

MODEL = "0123456789abcdef0123456789abcdef"
OTHER = "fedcba9876543210fedcba9876543210"


def notebook(**data: object) -> dict:
    view = {"version_major": 2, "version_minor": 0, "model_id": MODEL}
    output = {
        "output_type": "display_data",
        "data": {stills.VIEW: view, "text/plain": "as it was", **data},
        "metadata": {"gradcourse": {"model": MODEL}, "image/png": {"alt": 'a "line"'}},
    }
    return {"cells": [{"cell_type": "markdown"}, {"cell_type": "code", "outputs": [output]}]}


def shown(page: dict) -> dict:
    return page["cells"][1]["outputs"][0]["data"]


@pytest.fixture(autouse=True)
def private(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path))


def test_saving_leaves_the_latest_still_and_no_widget() -> None:
    page = notebook(**{"text/html": "first"})
    stills.keep(MODEL, "<p>before</p>")
    stills.keep(MODEL, "<p>latest</p>", "1 of 1 point")
    stills.settle(page)
    assert shown(page) == {"text/html": "<p>latest</p>", "text/plain": "1 of 1 point"}


def test_what_was_found_after_saving_is_there_when_it_is_opened() -> None:
    page = notebook()
    stills.settle(page)
    stills.keep(MODEL, "<p>later</p>")
    stills.revive(page)
    assert shown(page)["text/html"] == "<p>later</p>"


def test_a_widget_whose_process_lives_comes_back_and_one_that_is_gone_does_not() -> None:
    page = notebook()
    stills.keep(MODEL, "<p>still</p>")
    stills.settle(page)
    alive = copy.deepcopy(page)
    stills.revive(alive)
    assert shown(alive)[stills.VIEW]["model_id"] == MODEL
    path = stills.folder() / f"{MODEL}.json"
    record = json.loads(path.read_text())
    for gone in ({"since": record["since"] - 5}, {"process": 2**30}, {"process": None}):
        path.write_text(json.dumps(record | gone))
        again = copy.deepcopy(alive)
        stills.revive(again)
        assert stills.VIEW not in shown(again)


def test_a_figure_that_no_browser_has_seen_shows_its_picture_and_what_to_do() -> None:
    page = notebook(**{"image/png": "aGk=\n"})
    stills.revive(page)
    assert shown(page)["text/html"].startswith('<img src="data:image/png;base64,aGk="')
    assert 'alt="a &quot;line&quot;"' in shown(page)["text/html"]
    assert "run this cell" in shown(page)["text/html"]


def test_a_figure_that_brings_an_image_of_its_own_keeps_it_and_says_what_to_do_once() -> None:
    page = notebook(**{"image/png": "aGk=", "text/html": ["<img ", "src='x'>"]})
    stills.settle(page)
    stills.revive(page)
    assert shown(page)["text/html"] == f"<img src='x'>{stills.GO_ON}"


def test_a_figure_stands_above_its_panel() -> None:
    page = notebook()
    stills.keep(OTHER, "<svg/>" + stills.GO_ON)
    stills.keep(MODEL, "<p>verdict</p>", above=OTHER)
    stills.settle(page)
    assert shown(page)["text/html"] == "<svg/><p>verdict</p>"


def test_other_widgets_and_odd_notebooks_are_left_alone() -> None:
    page = notebook()
    del page["cells"][1]["outputs"][0]["metadata"]["gradcourse"]
    before = copy.deepcopy(page)
    stills.settle(page)
    stills.revive(page)
    assert page == before
    for odd in ({}, {"cells": []}, {"cells": [{"outputs": [{"output_type": "stream"}]}]}):
        stills.settle(odd)
    stills.keep("../../etc/passwd", "x")
    assert stills.kept("../../etc/passwd") == {}
    stills.keep(None, "x")
    assert not stills.folder().exists()
