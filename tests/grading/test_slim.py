"""Outputs and attachments are dropped while a notebook is read; nothing else changes."""

from __future__ import annotations

import io
import json
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gradcourse.grading.intake import slim as slim_module
from gradcourse.grading.intake import tree
from gradcourse.grading.intake.find import find_submissions
from gradcourse.grading.intake.slim import TooLarge, slim
from gradcourse.grading.intake.tree import Refused

TEXT = st.one_of(
    st.text(max_size=8),
    st.sampled_from(("outputs", "attachments", 'a"outputs": [', "\\", '\\"', "[{", "é\u2028")),
)
ANYTHING = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), TEXT),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(
            st.one_of(st.sampled_from(("outputs", "attachments", "cells")), TEXT), inner, max_size=4
        ),
    ),
    max_leaves=20,
)


def _without(value: Any) -> Any:
    """What must be left, worked out on the data itself."""
    if isinstance(value, list):
        return [_without(item) for item in value]
    if not isinstance(value, dict):
        return value
    dropped = ("outputs", "attachments")
    return {
        key: type(item)() if key in dropped and isinstance(item, list | dict) else _without(item)
        for key, item in value.items()
    }


@given(ANYTHING, st.integers(4, 9), st.sampled_from((None, 1)))
@settings(max_examples=300, deadline=None)
def test_the_same_json_without_them_wherever_a_piece_ends(
    value: Any, size: int, indent: int | None
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(slim_module, "CHUNK", size)
        data = json.dumps(value, indent=indent, ensure_ascii=False).encode()
        kept = slim(io.BytesIO(data).read, 1 << 20, 1 << 20)
    assert json.loads(kept) == (_without(value) if len(data) > size else value)


@given(st.binary(max_size=60))
@settings(max_examples=200, deadline=None)
def test_what_is_no_json_does_no_harm(data: bytes) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(slim_module, "CHUNK", 5)
        assert len(slim(io.BytesIO(data).read, 1 << 20, 1 << 20)) <= len(data)


def _notebook(megabytes: int, where: str = "outputs") -> bytes:
    numbers = b'[{"data": [' + b"0.123," * (megabytes * 170_000) + b"0]}]"
    picture = b'{"a.png": {"image/png": "' + b"A" * (megabytes << 20) + b'"}}'
    told = {"outputs": numbers, "attachments": picture, "other": picture}[where]
    cell = b'{"cell_type": "code", "source": "x = 1", "' + where.encode() + b'": ' + told + b"}"
    return b'{"nbformat": 4, "metadata": {}, "cells": [' + cell + b"]}"


@pytest.mark.parametrize("where", ["outputs", "attachments"])
def test_a_figure_of_millions_of_numbers_takes_no_memory(tmp_path: Path, where: str) -> None:
    (tmp_path / "alice.ipynb").write_bytes(_notebook(70, where))
    (submission,) = find_submissions(tmp_path)
    tracemalloc.start()
    data = submission.read()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert json.loads(data)["cells"][0]["source"] == "x = 1"
    assert len(data) < 200
    assert peak < 20 << 20


def test_what_is_too_large_without_them_is_refused(tmp_path: Path) -> None:
    (tmp_path / "alice.ipynb").write_bytes(_notebook(40, "other"))
    (submission,) = find_submissions(tmp_path)
    with pytest.raises(Refused, match="without outputs, larger than"):
        submission.read()


def test_signs_without_end_take_no_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is kept of them."""
    monkeypatch.setattr(slim_module, "MOST_SIGNS", 100_000)
    with pytest.raises(TooLarge):
        slim(io.BytesIO(b'{"outputs":["' + b"\\" * 3_000_000).read, 1 << 20, 1 << 30)


def test_output_that_packs_well_is_no_bomb(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "class.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("alice/02.ipynb", _notebook(20))
    (submission,) = find_submissions(tmp_path / "class.zip")
    assert json.loads(submission.read())["cells"]


def test_a_learner_with_more_files_than_all_others_is_one_who_is_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tree, "MOST_FILES", 500)
    for name, count in (("ann", 0), ("carl", 501), ("dora", 400)):
        with zipfile.ZipFile(tmp_path / f"{name}.zip", "w") as archive:
            archive.writestr("02_saturation.ipynb", _notebook(0))
            for number in range(count):
                archive.writestr(zipfile.ZipInfo(f"lib/{number}.txt"), b"")
    problems = {}
    for submission in find_submissions(tmp_path):
        try:
            problems[submission.learner] = len(submission.read()) > 9
        except Refused as refused:
            problems[submission.learner] = refused.code
    assert problems == {"ann": True, "carl": "too-large", "dora": True}
