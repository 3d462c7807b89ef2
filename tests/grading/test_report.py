"""The pages and tables say what was found, and an answer in them can do nothing."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from gradcourse.grading import report
from gradcourse.grading.ledger import Book
from gradcourse.grading.many.task import not_graded
from gradcourse.grading.mark import Mark
from gradcourse.grading.reasons import REASONS
from gradcourse.grading.report import tables
from gradcourse.grading.report.class_page import class_page as page_of_class
from gradcourse.grading.report.learner_page import learner_page as page_of_learner
from gradcourse.grading.report.svg import divided_bar, histogram
from gradcourse.grading.sandbox.walls.rooms import LAYERS
from gradcourse.support import GradcourseError

ROOT = Path(__file__).parents[2]
EVIL = "<script>alert(1)</script><img src=x onerror=alert(1)>\u202e\x00\ud800 `x` \"'&"


def _part(status: str = "right", **more: Any) -> dict[str, Any]:
    part = {"title": "5 random arrays", "status": status, "earned": 0.0, "possible": 1.0}
    part |= {"message": "", "misconception": None, "tested": "", "note": ""}
    return part | more


def _record(learner: str = "alice", assignment: str = "02", **more: Any) -> dict[str, Any]:
    """A mark as its JSON holds it, with 1 point or as many as are asked for."""
    record = not_graded("no-answers", assignment).to_dict()
    for question in record["questions"]:
        question |= {"reasons": [], "parts": [_part("unanswered")]}
    record["questions"][0] |= {
        "status": "wrong",
        "earned": more.pop("earned", 1.0),
        "headline": "1 of 3 points",
        "parts": [
            _part(earned=1.0, tested="agreed on 3 random cases"),
            _part("wrong", misconception="forgot the square", message="You returned the root."),
        ],
    }
    about = {"identity": json.dumps(["plain", learner, assignment]), "stem": learner.lower()}
    about |= {"name": f"{learner}.ipynb", "canvas": "", "moodle": "", "notes": []}
    record |= {"cells": {"run": 9, "failed": 1}, "reasons": []}
    record |= {"sandbox": {"rlimits": "on", "seccomp": "missing: no such call"}, "seed": 987654321}
    return record | {"learner": learner, "submission": about | more.pop("submission", {})} | more


def _broken(learner: str, code: str = "not-json", **more: Any) -> dict[str, Any]:
    record = _record(learner, **more)
    return record | not_graded(code, "02", "It is damaged.").to_dict() | {"learner": learner}


def _mark(record: dict[str, Any]) -> Mark:
    return Mark.from_dict(json.loads(json.dumps(record)))


def learner_page(record: dict[str, Any]) -> bytes:
    return page_of_learner(_mark(record))


def class_page(records: list[dict[str, Any]]) -> bytes:
    return page_of_class(list(map(_mark, records)))


def gradebook(records: list[dict[str, Any]]) -> bytes:
    return tables.gradebook(list(map(_mark, records)))


def canvas(records: list[dict[str, Any]]) -> bytes:
    return tables.canvas(list(map(_mark, records)))


def moodle(records: list[dict[str, Any]]) -> bytes:
    return tables.moodle(map(_mark, records))


def write_reports(out: Path, records: list[dict[str, Any]]) -> list[Path]:
    return report.write_reports(out, Book(list(map(_mark, records))))


def _rows(data: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(data.decode("utf-8-sig"))))


def _text(data: bytes) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", data.decode("utf-8").split("</style>")[1]))


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.open: list[str] = []
        self.attributes: list[str] = []
        self.values: list[str] = []
        self.text = ""

    def handle_data(self, data: str) -> None:
        self.text += data

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [name for name, _ in attrs]
        self.values += [value or "" for _, value in attrs]
        if tag not in ("meta", "br", "rect", "line"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in ("rect", "line"):
            assert self.open.pop() == tag


def _parsed(data: bytes) -> _Tags:
    parser = _Tags()
    parser.feed(data.decode("utf-8"))
    assert not parser.open
    return parser


def test_a_learners_page_says_what_the_panel_says() -> None:
    text = _text(learner_page(_record()))
    assert "Assignment 02: alice" in text
    assert "1 of 18 points" in text
    assert "forgot the square: You returned the root." in text
    assert "agreed on 3 random cases" in text
    assert (
        "All 9 code cells were run from top to bottom, as Run All does; 1 of them failed." in text
    )
    assert "They ran alone, without the network" in text
    assert not any(word in text for word in ("rlimits", "seccomp"))


def test_a_learners_page_keeps_the_seed_and_what_was_printed() -> None:
    record = _record()
    record["questions"][0]["printed"] = "hidden input 0.123"
    page = learner_page(record).decode()
    assert "987654321" not in page
    assert "hidden input" not in page


def test_a_learners_page_says_why_something_was_not_graded() -> None:
    record = _broken("bob")
    text = _text(learner_page(record))
    assert "It is damaged." in text
    assert "Your instructor will look at this submission." in text
    assert "not graded" in text
    assert "points" not in text
    assert "Your functions were called" not in text
    assert "✓" not in text
    late = _record(submission={"notes": ["handed in late"]})
    assert "Handed in late." in _text(learner_page(late))
    timeout = _record()
    timeout["questions"][1] |= {"reasons": ["question-timeout"], "parts": []}
    assert "A question did not finish in its time." in _text(learner_page(timeout))
    somewhere = [{"code": "cell-error", "where": "cell 7 (slopes)", "text": "NameError: x"}]
    assert "Cell 7 (slopes): NameError: x" in _text(learner_page(_record(reasons=somewhere)))


@pytest.mark.parametrize("page", [learner_page, lambda one: class_page([one])])
def test_nothing_in_an_answer_is_code(page: Callable[[dict[str, Any]], bytes]) -> None:
    record = _record(EVIL)
    record["submission"] |= {"stem": "evil", "name": EVIL, "notes": [EVIL]}
    record["reasons"] = [{"code": "cell-timeout", "where": EVIL, "text": EVIL}]
    record["sandbox"] = {"seccomp": f"missing: {EVIL}"}
    for question in record["questions"]:
        question |= {"title": EVIL, "message": EVIL, "headline": EVIL}
        question["parts"] = [
            _part("wrong", title=EVIL, message=EVIL, misconception=EVIL, note=EVIL, tested=EVIL)
        ]
    record["questions"][1]["parts"] = []
    data = page(record)
    found = _parsed(data)
    assert not {"script", "img", "iframe", "link"} & set(found.tags)
    assert not [name for name in found.attributes if name.startswith("on")]
    assert "\u202e" not in data.decode()
    assert b"default-src 'none'" in data
    # As text it is all there: the name, the title, what its reasons and its parts say.
    shown = EVIL.replace("`x`", "x").translate(dict.fromkeys((0x202E, 0, 0xD800), "\ufffd"))
    assert found.text.count(shown) + found.text.count(shown.replace(" x ", " `x` ")) >= 8
    assert b"<script" not in data
    assert not [value for value in found.values if "alert" in value]


def test_a_question_that_hung_says_why_somebody_must_look() -> None:
    record = _record()
    record["questions"][1]["reasons"] = ["question-timeout"]
    why = f"{record['questions'][1]['title']}: {REASONS['question-timeout'].text}"
    assert why in class_page([record]).decode()
    learners = learner_page(record).decode()
    assert why in learners
    assert "Your instructor will look at this submission." in learners


def test_the_class_page_counts_and_names_the_common_ideas() -> None:
    records = [_record("alice"), _record("bob"), _broken("carol"), _record("dave", assignment="01")]
    page = class_page(records)
    _parsed(page)
    text = _text(page)
    assert "3 of 4 submissions could be graded. 1 needs a look" in text
    assert "2 forgot the square" in text
    assert "Assignment 02: What to talk about" in text
    assert "lessons/02_saturation.ipynb" in text
    assert "not-json 1" in text
    assert "missing: no such call (3)" in text
    assert 'href="learners/carol.html"' in page.decode()


def test_the_class_page_of_nobody_who_could_be_graded() -> None:
    text = _text(class_page([_broken("carol")]))
    assert "0 of 1 submission could be graded." in text
    unknown = (
        _broken("dave") | not_graded("unknown-assignment", None).to_dict() | {"learner": "dave"}
    )
    assert "0 of 1 submission" in _text(class_page([unknown]))


def test_bars_have_words_for_those_who_cannot_see_them() -> None:
    bar = divided_bar({"right": 3, "wrong": 1})
    assert 'aria-label="3 right, 1 wrong"' in bar
    widths = [float(width) for width in re.findall(r'width="([\d.]+)" height="16"/', bar)]
    assert widths[0] / widths[1] == pytest.approx(3, rel=0.02)
    assert divided_bar({}) == ""
    assert "90 to 100 percent 2" in histogram([1.0, 0.95, 0.0])


def test_gradebook_has_a_line_per_submission_and_a_column_per_question() -> None:
    records = [_record("alice"), _record("alice", assignment="01"), _broken("bob")]
    records[0]["reasons"] = [{"code": "cell-error", "where": "", "text": ""}] * 2
    head, *rows = _rows(gradebook(records))
    table = [dict(zip(head, row, strict=True)) for row in rows]
    assert [one["learner"] for one in table] == ["alice", "alice", "bob"]
    assert (table[0]["earned"], table[0]["possible"], table[0]["graded"]) == ("1", "18", "yes")
    assert table[0]["reasons"] == "cell-error"
    first = records[0]["questions"][0]["id"]
    assert (table[0][first], table[1][first]) == ("1", "")
    assert (table[2]["graded"], table[2]["reasons"]) == ("no", "not-json")


def test_canvas_finds_learners_by_id_and_leaves_out_what_has_no_mark() -> None:
    known = {"canvas": "12345"}
    records = [
        _record("doejane", submission=known),
        _record("doejane", assignment="01", submission=known),
        _broken("roejohn", submission={"canvas": "12346"}),
        _record("alice"),
    ]
    head, possible, *rows = _rows(canvas(records))
    assert head[:5] == ["Student", "ID", "SIS User ID", "SIS Login ID", "Section"]
    assert head[5:] == ["Assignment 01", "Assignment 02"]
    assert possible[0] == "    Points Possible"
    assert possible[6] == "18"
    assert rows == [
        ["doejane", "12345", "", "", "", "1", "1"],
        ["roejohn", "12346", "", "", "", "", ""],
        ["alice", "", "", "alice", "", "", "1"],
    ]


def test_no_learner_vanishes_from_an_export_or_gets_the_mark_of_another() -> None:
    """Two names under one number are two rows, and a number in doubt is no row's."""

    def record(kind: str, name: str, id: str, earned: float, number: str = "02") -> dict[str, Any]:
        about = {"identity": json.dumps([kind, name, id, number]), kind: id}
        return _record(name, number, earned=earned, submission=about)

    same = [record("canvas", name, "7", mark) for name, mark in (("jones", 4.0), ("smith", 13.0))]
    rows = _rows(canvas(same))[2:]
    assert [(row[0], row[-1]) for row in rows] == [("jones", "4"), ("smith", "13")]
    for one in same:
        one["submission"]["canvas"] = ""
        one["reasons"] = [{"code": "number-in-doubt", "where": "", "text": "Whose is it?"}]
    rows = _rows(canvas([*same, record("canvas", "lee", "8", 5.0)]))[2:]
    assert rows == [
        ["jones", "", "", "", "", "4"],
        ["smith", "", "", "", "", "13"],
        ["lee", "8", "", "", "", "5"],
    ]
    text = _text(class_page(same))
    assert "2 submissions without a number in canvas.csv and moodle.csv" in text
    assert "Whose is it?" in text
    participants = [record("moodle", name, "", 3.0) for name in ("Jane Doe", "John Roe")]
    rows = _rows(moodle(participants))[1:]
    assert [row[:2] for row in rows] == [["", "Jane Doe"], ["", "John Roe"]]
    assert [row[3] for row in _rows(canvas(participants))[2:]] == ["", ""]


def test_moodle_worksheet_has_the_columns_that_its_import_needs() -> None:
    records = [
        _record("Jane Doe", submission={"moodle": "Participant 123456"}),
        _broken("John Roe", "no-notebook", submission={"moodle": "Participant 123457"}),
    ]
    head, *rows = _rows(moodle(records))
    table = [dict(zip(head, row, strict=True)) for row in rows]
    assert {"Identifier", "Full name", "Grade", "Last modified (grade)"} <= set(head)
    assert table[0]["Identifier"] == "Participant 123456"
    assert (table[0]["Grade"], table[0]["Maximum grade"]) == ("1.00", "18.00")
    assert "forgot the square" in table[0]["Feedback comments"]
    assert (table[1]["Grade"], table[1]["Status"]) == ("", "No submission")


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@x", "\t=1", " =1", "\n=1", "\uff1d1"])
@pytest.mark.parametrize("table", [gradebook, canvas, moodle])
def test_no_cell_is_a_formula(table: Callable[[list[Any]], bytes], name: str) -> None:
    record = _record(name, submission={"name": name})
    cells = [cell for row in _rows(table([record])) for cell in row]
    assert any(name.strip() in cell for cell in cells)
    for cell in cells:
        if not re.fullmatch(r"-?[\d.]*", cell) and cell != "-":
            assert not cell.lstrip().startswith(("=", "+", "-", "@", "\uff1d"))


def test_the_guide_lists_every_reason_and_every_layer() -> None:
    guide = (ROOT / "docs" / "instructor.md").read_text("utf-8")
    for code, known in REASONS.items():
        assert f"| `{code}` | {known.text} | {'yes' if known.look else ''} |" in guide, code
    for layer in LAYERS:
        assert f"| `{layer}` |" in guide


def test_files_are_written_for_each_learner_and_each_platform(tmp_path: Path) -> None:
    records = [_record("alice"), _record("bob", assignment="01")]
    written = write_reports(tmp_path, records)
    names = ["class.html", "gradebook.csv", "canvas.csv", "moodle-01.csv", "moodle-02.csv"]
    names += ["gradescope.json"]
    assert [path.name for path in written] == names
    assert all(path.stat().st_size for path in written)
    assert sorted(path.name for path in (tmp_path / "learners").iterdir()) == [
        "alice.html",
        "bob.html",
    ]


def test_a_report_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "learners").write_text("in the way", "utf-8")
    with pytest.raises(GradcourseError, match="cannot be written"):
        write_reports(tmp_path, [_record()])


def test_what_learners_wrote_in_words_is_there_to_read() -> None:
    said = "She is wrong.\nThe slope is at most 1/4."
    wrote, silent = _record("alice", texts=[said, EVIL]), _record("bob")
    assert _mark(wrote).to_dict()["texts"] == [said, EVIL]
    assert "texts" not in _mark(silent).to_dict()
    for page in (learner_page(wrote), class_page([wrote, silent])):
        tags = _Tags()
        tags.feed(page.decode())
        assert said in tags.text
        assert "<script>alert(1)</script>" in tags.text
        assert "script" not in tags.tags
    assert b"own words" not in learner_page(silent) + class_page([silent])
    assert said in _text_lines(learner_page(_broken("carl", "no-answers", texts=[said])))


def _text_lines(page: bytes) -> str:
    tags = _Tags()
    tags.feed(page.decode())
    return tags.text


def test_the_lines_of_a_game_stand_on_the_class_page_with_what_came_of_them() -> None:
    room = "diagnosis/emergency-room"

    def played(learner: str, status: str, earned: float) -> dict[str, Any]:
        record = _record(learner, "10", sources={room: "charts = ['4.1: =healthy']"})
        (own,) = [question for question in record["questions"] if question["id"] == room]
        slip = _part("wrong", message="-25 points.", misconception="a sick one sent home")
        own |= {"status": status, "earned": earned, "parts": [slip]}
        return record

    text = _text_lines(class_page([played("alice", "wrong", 2.0), played("bob", "unanswered", 0)]))
    game = text[text.index("what they did") : text.index("Lost points")]
    assert "alice: 2 of 3" in game
    assert "charts = ['4.1: =healthy']" in game
    assert "-25 points. (a sick one sent home)" in game
    assert "bob" not in game
    assert "what they did" not in _text_lines(class_page([_record()]))
