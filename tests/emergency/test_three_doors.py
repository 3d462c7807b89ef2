"""One score at three doors: the panel's check, a terminal, and class grading."""

from __future__ import annotations

import json

from gradcourse.exercises import check, get
from gradcourse.exercises.check_command import check_file
from gradcourse.grading.one.grade import grade_one

ID = "diagnosis/emergency-room"
CHARTS = [
    "4.1: ?gradient by layer; =vanishing; +normalize",
    "4.2: =step too large; +clip; =head; +free the head",
    "4.3: =exploding; +clip",
]


def _notebook(tmp_path):
    data = {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {"gradcourse": {"assignment": "10"}},
        "cells": [
            {
                "cell_type": "code",
                "id": "charts",
                "metadata": {},
                "source": f"charts = {CHARTS!r}",
                "outputs": [],
                "execution_count": None,
            }
        ],
    }
    path = tmp_path / "10_diagnosis.ipynb"
    path.write_text(json.dumps(data), encoding="utf-8")
    return path


def test_panel_terminal_and_class_agree(tmp_path) -> None:
    here = check(ID, CHARTS)
    assert [part.status for part in here.parts] == ["right", "wrong", "wrong"]
    assert here.misconceptions == ("a treatment that was not needed", "a healthy one treated")
    assert here.parts[0].earned == 1.0 > here.parts[1].earned > here.parts[2].earned == 0.0
    path = _notebook(tmp_path)
    terminal = next(verdict for verdict in check_file(str(path)) if verdict.id == ID)
    assert [part.earned for part in terminal.parts] == [part.earned for part in here.parts]
    mark = grade_one(path.read_bytes(), questions=(get(ID),), trusted=True)
    (question,) = mark.questions
    assert question.earned == here.earned
