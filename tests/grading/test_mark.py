"""A mark is frozen, comes back from its JSON as it was, and says by itself what follows from it."""

from __future__ import annotations

import json
from dataclasses import FrozenInstanceError, replace
from typing import Any

import pytest
from toys import DOUBLE, TOTAL

from gradcourse.checking import PartResult, Verdict
from gradcourse.grading.mark import Mark, Origin, QuestionMark, Reason

PARTS = (
    PartResult("small", "right", 1.0, 1.0, tested="agreed on 3 random cases"),
    PartResult("large", "wrong", 0.0, 1.0, "You squared it.", misconception="the square"),
)
VERDICT = Verdict(DOUBLE.id, DOUBLE.title, PARTS, seed=7, printed="hello")
HALF = QuestionMark.of(VERDICT, DOUBLE, ["question-timeout", "question-timeout"])
MARK = Mark(
    "01",
    (HALF, QuestionMark.blank(TOTAL)),
    (Reason("cell-error", "cell 7", "NameError: x"),),
    run=3,
    failed=1,
    sandbox={"rlimits": "on"},
    seconds=0.25,
    learner="alice",
    seed=2**63,
    origin=Origin(json.dumps(["canvas", "alice", "7", "01"]), "alice", notes=("handed in late",)),
)


@pytest.mark.parametrize(
    "mark",
    [
        MARK,
        Mark(None),
        replace(MARK, fault="Traceback", seconds_on_worker=0.0),
        replace(MARK, learner="", seed=None, origin=Origin()),
    ],
)
def test_a_mark_comes_back_from_its_json(mark: Mark) -> None:
    data = json.loads(json.dumps(mark.to_dict(), allow_nan=False))
    assert Mark.from_dict(data) == mark
    assert Mark.from_dict(data | {"later": 1}).to_dict() == data


def test_its_json_has_the_keys_of_schema_1_in_their_order() -> None:
    data = replace(MARK, fault="Traceback", seconds_on_worker=2.0).to_dict()
    assert list(data) == [
        *("schema", "assignment", "earned", "possible", "questions", "reasons", "cells"),
        *("sandbox", "trusted", "seconds", "look", "fault", "seconds_on_worker"),
        *("learner", "seed", "submission"),
    ]
    assert list(data["questions"][0]) == [
        *("id", "title", "earned", "possible", "status", "message", "headline", "printed"),
        *("parts", "reasons"),
    ]
    assert list(data["submission"]) == [
        *("identity", "stem", "name", "sha256", "course", "forced", "trusted"),
        *("canvas", "moodle", "notes", "doubts", "submitted"),
    ]
    assert (data["schema"], data["cells"]) == (1, {"run": 3, "failed": 1})


def test_what_was_kept_before_a_question_had_its_prints_opens() -> None:
    data: dict[str, Any] = MARK.to_dict()
    del data["questions"][1]["printed"]
    assert Mark.from_dict(data) == MARK


@pytest.mark.parametrize("key", ["questions", "reasons", "cells"])
@pytest.mark.parametrize("value", [None, 3, [3]])
def test_what_is_no_mark_is_refused(key: str, value: Any) -> None:
    with pytest.raises((LookupError, TypeError, ValueError, AttributeError)):
        Mark.from_dict(MARK.to_dict() | {key: value})


def test_it_says_by_itself_what_follows() -> None:
    assert (MARK.earned, MARK.possible) == (1.0, 5.0)
    assert MARK.codes == ["cell-error", "question-timeout"]
    assert MARK.look
    assert MARK.graded
    assert not replace(MARK, run=0).graded
    assert not MARK.because(Reason("internal-error")).graded
    assert not Mark("01", reasons=(Reason("cell-error"),)).look
    assert (HALF.state, replace(HALF, earned=0.0).state) == ("partly", "wrong")
    assert (MARK.origin.key, MARK.origin.late) == (("canvas", "alice", "7"), True)
    assert [reason.sentence for reason in MARK.reasons] == ["Cell 7: NameError: x"]
    assert Reason("empty-file").text == "The file is empty."
    with pytest.raises(FrozenInstanceError):
        MARK.seed = 3  # type: ignore[misc]


def test_a_blank_question_says_whether_anybody_looked_at_it() -> None:
    assert QuestionMark.blank(TOTAL).headline == "not answered yet"
    broken = QuestionMark.blank(TOTAL, "not-json")
    assert (broken.headline, broken.message, broken.reasons) == ("not graded", "", ("not-json",))
