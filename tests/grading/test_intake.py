"""Whose work it is, in every shape that a class's work comes in, and nothing read that must not."""

from __future__ import annotations

import io
import json
import os
import stat
import unicodedata
import zipfile
from pathlib import Path
from typing import Any

import pytest

from gradcourse.grading.intake import Refused, Submission, contents, find_submissions
from gradcourse.grading.intake import find as intake
from gradcourse.grading.many.task import Task, texts_of
from gradcourse.support import GradcourseError

FILE = "02_saturation.ipynb"


def _notebook(mark: str = "", assignment: str = "02") -> bytes:
    metadata = {"gradcourse": {"assignment": assignment}} if assignment else {}
    return json.dumps({"nbformat": 4, "cells": [], "metadata": metadata, "mark": mark}).encode()


def _put(root: Path, *names: str, assignment: str = "02") -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(_notebook(name, assignment))


def _zip(members: dict[str, bytes] | list[str]) -> bytes:
    if isinstance(members, list):
        members = {name: _notebook(name) for name in members}
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return stream.getvalue()


def _mark(submission: Submission) -> str:
    """Which file was read."""
    return str(json.loads(submission.read())["mark"])


def _marks(root: Path, assignment: str | None = None) -> dict[str, str]:
    return {one.learner: _mark(one) for one in find_submissions(root, assignment)}


def _code(submission: Submission) -> str:
    with pytest.raises(Refused) as caught:
        submission.read()
    return caught.value.code


def test_one_notebook_per_learner_in_a_flat_folder(tmp_path: Path) -> None:
    _put(tmp_path, "alice.ipynb", "Bob O'Neil.ipynb", "carol.ipynb.json")
    (tmp_path / "README.md").write_text("a roster", "utf-8")
    assert _marks(tmp_path) == {
        "alice": "alice.ipynb",
        "Bob O'Neil": "Bob O'Neil.ipynb",
        "carol": "carol.ipynb.json",
    }


def test_nbgrader_by_learner_and_assignment(tmp_path: Path) -> None:
    _put(tmp_path, "submitted/alice/01_chain_rule/01_chain_rule.ipynb", assignment="01")
    _put(tmp_path, f"submitted/alice/02_saturation/{FILE}", f"submitted/bob/02_saturation/{FILE}")
    _put(tmp_path, f"source/02_saturation/{FILE}", f"release/02_saturation/{FILE}")
    found = find_submissions(tmp_path)
    assert [(one.learner, one.assignment) for one in found] == [
        ("alice", "01"),
        ("alice", "02"),
        ("bob", "02"),
    ]
    assert find_submissions(tmp_path / "submitted")[0].learner == "alice"
    only = find_submissions(tmp_path, "01")
    assert [one.learner for one in only] == ["alice", "bob"]
    assert _code(only[1]) == "no-notebook"


def test_nbgrader_with_one_learner_and_a_name_of_the_instructors(tmp_path: Path) -> None:
    _put(tmp_path, "submitted/alice/ps1/homework.ipynb")
    assert _marks(tmp_path) == {"alice": "submitted/alice/ps1/homework.ipynb"}
    assert set(_marks(tmp_path / "submitted")) == {"alice"}


def test_a_folder_per_learner_even_of_one_learner(tmp_path: Path) -> None:
    _put(tmp_path, f"alice/{FILE}")
    assert set(_marks(tmp_path)) == {"alice"}
    (tmp_path / "bob").mkdir()
    (tmp_path / "carol").mkdir()
    (tmp_path / "carol" / "essay.pdf").write_bytes(b"%PDF")
    found = {one.learner: one for one in find_submissions(tmp_path)}
    assert _mark(found["alice"]) == f"alice/{FILE}"
    assert _code(found["bob"]) == _code(found["carol"]) == "no-notebook"


def test_a_folder_per_assignment_with_the_learners_inside(tmp_path: Path) -> None:
    _put(
        tmp_path, "01_chain_rule/alice.ipynb", "02_saturation/alice.ipynb", "02_saturation/b.ipynb"
    )
    found = find_submissions(tmp_path)
    assert [(one.learner, one.assignment) for one in found] == [
        ("alice", "01"),
        ("alice", "02"),
        ("b", "02"),
    ]


def test_canvas_names_ids_late_and_the_last_attempt(tmp_path: Path) -> None:
    _put(
        tmp_path,
        "doejane_12345_67890_02_saturation.ipynb",
        "doejane_12345_67895_02_saturation-1.ipynb",
        "doejane_12345_67899_02_saturation-10.ipynb",
        "roejohn_LATE_12346_67891_02_saturation-2.ipynb",
        "müllerjürgen_12347_67892_my_2_3_work.ipynb",
        "anon_anon_Ab1Cd_67893_x.ipynb",
    )
    (tmp_path / "lazylars_12348_67894_essay.pdf").write_bytes(b"%PDF")
    found = {one.learner: one for one in find_submissions(tmp_path)}
    assert set(found) == {"doejane", "roejohn", "müllerjürgen", "anon", "lazylars"}
    assert _mark(found["doejane"]).endswith("-10.ipynb")
    assert not found["doejane"].doubts
    assert found["doejane"].canvas == "12345"
    assert found["roejohn"].notes == ("handed in late",)
    assert found["müllerjürgen"].canvas == "12347"
    assert found["anon"].canvas == ""
    assert _code(found["lazylars"]) == "no-notebook"


def test_two_canvas_learners_with_one_name_stay_two(tmp_path: Path) -> None:
    _put(tmp_path, "doejane_1_7_a.ipynb", "doejane_2_8_a.ipynb")
    found = find_submissions(tmp_path)
    assert [one.canvas for one in found] == ["1", "2"]
    assert found[0].key != found[1].key


def test_moodle_folders_old_and_new_and_anonymous(tmp_path: Path) -> None:
    _put(
        tmp_path,
        f"Jane Doe_123456_assignsubmission_file_/{FILE}",
        f"Jane Doe_123457_assignsubmission_file/{FILE}",
        f"Participant_123458_assignsubmission_file_/{FILE}",
        f"Zoë Ng_123459_assignsubmission_file_{FILE}",
    )
    text = tmp_path / "Text Only_123460_assignsubmission_onlinetext_" / "onlinetext.html"
    text.parent.mkdir()
    text.write_text("hello", "utf-8")
    found = find_submissions(tmp_path)
    assert [(one.learner, one.moodle) for one in found] == [
        ("Jane Doe", "Participant 123456"),
        ("Jane Doe", "Participant 123457"),
        ("Participant 123458", "Participant 123458"),
        ("Text Only", "Participant 123460"),
        ("Zoë Ng", "Participant 123459"),
    ]
    assert _code(found[3]) == "no-notebook"


MOODLES = "_assignsubmission_file_"
BLACKBOARDS = "_attempt_2025-10-01-12-30-00_"
BRIGHTSPACES = " - Oct 1, 2025 1205 PM - "


@pytest.mark.parametrize(
    ("honest", "own", "numbers"),
    [
        (
            [f"L{n}_{300 + n}{MOODLES}{FILE}" for n in range(9)],
            f"Mal_203{MOODLES}",
            {"Mal": "Participant 203"},
        ),
        ([f"l{n}_{500 + n}_{9000 + n}_{FILE}" for n in range(9)], "mal_203_9100_", {"mal": "203"}),
        ([f"Hw 2_l{n}{BLACKBOARDS}{FILE}" for n in range(9)], f"Hw 2_mal{BLACKBOARDS}", {}),
        ([f"{n}-7 - L{n}{BRIGHTSPACES}{FILE}" for n in range(9)], f"10-7 - Mal{BRIGHTSPACES}", {}),
    ],
    ids=["moodle", "canvas", "blackboard", "brightspace"],
)
def test_a_learners_file_name_cannot_speak_for_another(
    tmp_path: Path, honest: list[str], own: str, numbers: dict[str, str]
) -> None:
    """It stands behind what the platform wrote, and may look like that of any platform."""
    _put(tmp_path, *honest)
    before = _numbers(tmp_path)
    imitations = (
        f"Friend_204{MOODLES}",
        "friend_204_9200_",
        "l1_LATE_501_9200_",
        "x_l1_attempt_2026-10-01-12-30-00_",
        "1-7 - L1 - Oct 3, 2026 1205 PM - ",
    )
    _put(tmp_path, f"{own}{FILE}", *(f"{own}{imitation}{FILE}" for imitation in imitations))
    after = _numbers(tmp_path)
    (learner,) = after.keys() - before.keys()
    assert learner.lower() == "mal"
    assert after == {**before, learner: numbers.get(learner, "")}
    assert not any(one.submitted > "2026" for one in find_submissions(tmp_path))


@pytest.mark.parametrize("wrapped", [True, False])
def test_zips_of_everything(tmp_path: Path, wrapped: bool) -> None:
    shapes = {
        "flat": ["alice.ipynb", "bob.ipynb"],
        "in-a-folder": ["class/alice.ipynb", "class/bob.ipynb"],
        "folders": [f"alice/{FILE}", f"bob/{FILE}"],
        "nbgrader": [f"submitted/alice/02/{FILE}", f"submitted/bob/02/{FILE}"],
        "canvas": [f"alice_1_2_{FILE}", f"bob_LATE_3_4_{FILE}"],
        "moodle": [
            f"{name}_{len(name)}_assignsubmission_file_/{FILE}" for name in ("alice", "bob")
        ],
    }
    for shape, names in shapes.items():
        folder = tmp_path / shape
        folder.mkdir()
        (folder / "download.zip").write_bytes(_zip(names))
        path = folder if wrapped else folder / "download.zip"
        assert set(_marks(path)) == {"alice", "bob"}, shape


def test_a_zip_per_learner_and_a_zip_in_a_download(tmp_path: Path) -> None:
    for learner in ("alice", "bob"):
        (tmp_path / f"{learner}.zip").write_bytes(_zip([f"work/{FILE}", "__MACOSX/work/._x.ipynb"]))
    assert set(_marks(tmp_path)) == {"alice", "bob"}
    one = tmp_path / "one"
    one.mkdir()
    inner = _zip([FILE])
    bulk = {"doejane_1_2_work.zip": inner, f"roejohn_3_4_{FILE}": _notebook("roe")}
    (one / "download.zip").write_bytes(_zip(bulk))
    assert _marks(one) == {"doejane": FILE, "roejohn": "roe"}


def test_a_learners_zip_cannot_speak_for_another(tmp_path: Path) -> None:
    evil = _zip(["bob_2_3_02.ipynb", "Bob_7_assignsubmission_file_/02.ipynb", "../bob.ipynb"])
    (tmp_path / "alice.zip").write_bytes(evil)
    (tmp_path / "bob.zip").write_bytes(_zip({FILE: _notebook("bob")}))
    found = find_submissions(tmp_path)
    assert [one.learner for one in found] == ["alice", "bob"]
    assert _mark(found[1]) == "bob"
    canvas = tmp_path / "canvas"
    canvas.mkdir()
    (canvas / "alice_1_2_bob_2_3_02.ipynb").write_bytes(_notebook())
    (canvas / "bob_2_3_02.ipynb").write_bytes(_notebook("bob"))
    assert [one.canvas for one in find_submissions(canvas)] == ["1", "2"]


def test_a_folder_in_a_learners_zip_does_not_choose_the_assignment(tmp_path: Path) -> None:
    for name in ("alice", "bob"):
        (tmp_path / f"{name}.zip").write_bytes(_zip([f"01_easy/{FILE}"]))
    assert {one.assignment for one in find_submissions(tmp_path)} == {None}


def test_what_systems_leave_behind_is_no_submission(tmp_path: Path) -> None:
    _put(
        tmp_path,
        "alice.ipynb",
        "._alice.ipynb",
        ".ipynb_checkpoints/alice-checkpoint.ipynb",
        f"bob/.ipynb_checkpoints/{FILE}",
        f"bob/{FILE}",
        "__MACOSX/carol.ipynb",
    )
    (tmp_path / ".DS_Store").write_bytes(b"x")
    assert set(_marks(tmp_path)) == {"alice", "bob"}


def test_two_spellings_of_one_name_are_one_learner(tmp_path: Path) -> None:
    composed, apart = (unicodedata.normalize(form, "José Ñúñez") for form in ("NFC", "NFD"))
    _put(tmp_path, f"{composed}.ipynb", "alice.ipynb")
    (tmp_path / apart).mkdir()
    _put(tmp_path, f"{apart}/{FILE}")
    jose = [one for one in find_submissions(tmp_path) if one.learner == composed]
    assert len(jose) == 1
    assert [doubt.code for doubt in jose[0].doubts] == ["several-notebooks"]


def test_names_that_differ_in_capitals_are_two_learners_and_a_person_looks(tmp_path: Path) -> None:
    _put(tmp_path, "alice.ipynb", "Alice.ipynb", "bob.ipynb")
    found = {one.learner: one for one in find_submissions(tmp_path)}
    assert [doubt.code for doubt in found["Alice"].doubts] == ["name-in-doubt"]
    assert found["alice"].doubts
    assert not found["bob"].doubts
    assert _mark(found["Alice"]) == "Alice.ipynb"


def test_several_notebooks_of_one_assignment_the_newest_counts(tmp_path: Path) -> None:
    _put(tmp_path, f"alice/{FILE}", "alice/02_final.ipynb", "bob/x.ipynb")
    os.utime(tmp_path / "alice" / FILE, (1, 1))
    (alice, _) = find_submissions(tmp_path)
    assert _mark(alice) == "alice/02_final.ipynb"
    assert f"the newest was graded, not alice/{FILE}" in alice.doubts[0].text
    os.utime(tmp_path / "alice/02_final.ipynb", (1, 1))  # as some tools unpack a zip
    (alice, _) = find_submissions(tmp_path)
    assert "one of the newest was graded" in alice.doubts[0].text


def test_of_hundreds_of_notebooks_only_the_newest_are_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _put(tmp_path, "bob/x.ipynb", *(f"alice/{number}.ipynb" for number in range(200)))
    for number in range(200):
        os.utime(tmp_path / f"alice/{number}.ipynb", (number, number))
    opened: list[bytes] = []
    read = intake.read
    monkeypatch.setattr(
        intake, "read", lambda data, most: (opened.append(data), read(data, most))[1]
    )
    (alice, _) = find_submissions(tmp_path)
    assert _mark(alice) == "alice/199.ipynb"
    assert len(opened) <= intake.MOST_OPENED
    assert len(alice.doubts[0].text) < 300


def test_several_notebooks_of_several_assignments_all_count(tmp_path: Path) -> None:
    _put(tmp_path, f"alice/{FILE}", "bob/x.ipynb")
    _put(tmp_path, "alice/first.ipynb", assignment="01")
    _put(tmp_path, "alice/scratch.ipynb", assignment="")
    found = [one for one in find_submissions(tmp_path) if one.learner == "alice"]
    assert [(one.assignment, _mark(one)) for one in found] == [
        ("01", "alice/first.ipynb"),
        ("02", f"alice/{FILE}"),
    ]
    assert not any(one.doubts for one in found)
    (only,) = (one for one in find_submissions(tmp_path, "02") if one.learner == "alice")
    assert _mark(only) == f"alice/{FILE}"


def test_a_lesson_with_the_name_of_its_exercises_is_not_what_was_handed_in(tmp_path: Path) -> None:
    """Who hands in the whole course's folder has opened the lesson last."""
    _put(tmp_path, f"alice/exercises/{FILE}", f"bob/{FILE}")
    lesson = {"cells": [], "metadata": {"gradcourse": {"source": f"source/lessons/{FILE[:-6]}.py"}}}
    (tmp_path / "alice/lessons").mkdir()
    (tmp_path / "alice/lessons" / FILE).write_text(json.dumps(lesson))
    os.utime(tmp_path / f"alice/exercises/{FILE}", (1, 1))
    for assignment in (None, "02"):
        (alice, _) = find_submissions(tmp_path, assignment)
        assert _mark(alice) == f"alice/exercises/{FILE}"
        assert not alice.doubts


def test_links_are_not_followed(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    _put(secret, "key.ipynb")
    root = tmp_path / "class"
    _put(root, "alice.ipynb", f"carol/{FILE}")
    (root / "bob.ipynb").symlink_to(secret / "key.ipynb")
    (root / "dave").symlink_to(secret, target_is_directory=True)
    (root / "erin").mkdir()
    (root / "erin" / FILE).symlink_to(root / "alice.ipynb")
    found = {one.learner: one for one in find_submissions(root)}
    assert _mark(found["alice"]) == "alice.ipynb"
    for name in ("bob", "dave", "erin"):
        assert _code(found[name]) == "link-refused"
    swapped = find_submissions(root)[0]
    (root / "alice.ipynb").unlink()
    (root / "alice.ipynb").symlink_to(secret / "key.ipynb")
    assert _code(swapped) == "unreadable"


def test_a_pipe_does_not_make_the_grader_wait(tmp_path: Path) -> None:
    _put(tmp_path, "alice.ipynb")
    os.mkfifo(tmp_path / "bob.ipynb")
    assert _code(find_submissions(tmp_path)[1]) == "unreadable"


def test_zip_members_that_lead_outside(tmp_path: Path) -> None:
    names = ["../up.ipynb", "/etc/root.ipynb", "C:/disk.ipynb", "..\\back.ipynb", "fine.ipynb"]
    link = zipfile.ZipInfo("link.ipynb")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    stream = io.BytesIO(_zip(names))
    with zipfile.ZipFile(stream, "a") as archive:
        archive.writestr(link, "/etc/passwd")
    (tmp_path / "all.zip").write_bytes(stream.getvalue())
    found = {one.learner: one for one in find_submissions(tmp_path)}
    codes = {name: _code(one) for name, one in found.items() if name not in ("fine", "link")}
    assert len(codes) == 4
    assert set(codes.values()) == {"unsafe-path"}
    assert _code(found["link"]) == "link-refused"
    assert _mark(found["fine"]) == "fine.ipynb"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["all.zip"]


@pytest.mark.parametrize(
    "stray",
    [
        ["../bob.ipynb"],
        ["../../.ssh/authorized_keys"],
        ["/etc/cron.d/x", "..\\..\\autoexec.bat"],
        [*(f"data/{number}.txt" for number in range(400)), "a/../../x.py"],
    ],
    ids=["a notebook", "a hidden file", "two", "behind many others"],
)
def test_what_leads_out_of_a_learners_zip_is_not_opened_and_asks_for_a_look(
    stray: list[str], tmp_path: Path
) -> None:
    _put(tmp_path, "carol.ipynb")
    (tmp_path / "alice.zip").write_bytes(_zip([*stray, FILE]))
    (tmp_path / "dora.zip").write_bytes(_zip([f"__MACOSX/._{FILE}", "data/a.txt", FILE]))
    alice, *others = find_submissions(tmp_path)
    assert (_mark(alice), [doubt.code for doubt in alice.doubts]) == (FILE, ["unsafe-path"])
    assert [(one.learner, one.doubts) for one in others] == [("carol", ()), ("dora", ())]


def _text_cell(source: str, given_out_as: str = "") -> dict[str, Any]:
    marks = {"nbgrader": {"grade_id": given_out_as}} if given_out_as else {}
    return {"cell_type": "markdown", "metadata": marks, "source": source}


def test_what_a_learner_wrote_in_words_is_found_and_what_was_given_out_is_not() -> None:
    exercise = [
        _text_cell("# Exercises", "01-title"),
        _text_cell("## My doubts\nWhy not 2?"),
        {"cell_type": "code", "metadata": {}, "source": "# a comment"},
        _text_cell("## 1 · A question", "01-question"),
        _text_cell("  "),
    ]
    assert contents.written(exercise) == ["## My doubts\nWhy not 2?"]
    answer = "<details>\n<summary>A model answer</summary>\n\n*No.*\n\n</details>"
    asked = f"## Think!\n\nIs she right?\n\n{answer}"
    notes = "<details>\n<summary><strong>Speaker notes</strong> · 2 min</summary>\n</details>"
    lesson = [
        _text_cell("# Lesson"),
        _text_cell("Some text of the lesson."),
        _text_cell(f"{asked}\n\nI say no."),
        _text_cell(notes),
        _text_cell("### And\nhere is why."),
        _text_cell("## Summary\n\n- One"),
        _text_cell("More of the lesson."),
    ]
    assert contents.written(lesson) == ["I say no.", "### And\nhere is why."]
    assert contents.written([_text_cell(asked), _text_cell("## Summary")]) == []


@pytest.mark.parametrize("folder", ["lessons", "exercises"])
def test_nothing_that_the_course_gives_out_is_taken_for_a_learners(folder: str) -> None:
    paths = sorted((Path(__file__).parents[2] / folder).glob("*.ipynb"))
    assert paths
    for path in paths:
        assert contents.written(json.loads(path.read_bytes())["cells"]) == [], path.name


def test_a_lesson_beside_the_exercises_is_handed_on_with_them(tmp_path: Path) -> None:
    _put(tmp_path, f"alice/{FILE}", f"bob/{FILE}")
    lesson = {"gradcourse": {"source": "source/lessons/02_saturation.py"}}
    cells = [_text_cell("## Think!\nIs it?"), _text_cell("It is.")]
    (tmp_path / "alice" / "lesson.ipynb").write_text(
        json.dumps({"cells": cells, "metadata": lesson, "nbformat": 4, "nbformat_minor": 5})
    )
    alice, bob = find_submissions(tmp_path)
    assert (bob.files(), bob.doubts, alice.doubts) == ({}, (), ())
    assert (_mark(alice), list(alice.files())) == (f"alice/{FILE}", ["lesson.ipynb"])
    task = Task(0, alice.read(), files=alice.files())
    assert list(texts_of(task)) == ["It is."]


def test_backslashes_of_windows_zips_are_folders(tmp_path: Path) -> None:
    (tmp_path / "all.zip").write_bytes(_zip([f"alice\\{FILE}", f"bob\\{FILE}"]))
    assert set(_marks(tmp_path)) == {"alice", "bob"}


def test_zip_names_in_utf8_without_the_flag(tmp_path: Path) -> None:
    data = _zip({"Zoe.ipynb": _notebook()}).replace(b"Zoe", "Zë".encode())
    (tmp_path / "all.zip").write_bytes(data)
    assert [one.learner for one in find_submissions(tmp_path)] == ["Zë"]


def test_zip_bombs_are_refused_before_they_are_unpacked(tmp_path: Path) -> None:
    thin = b'{"outputs": [' + b"0," * 26_000_000
    bomb = _zip({"bomb.ipynb": b"0" * 70_000_000, "thin.ipynb": thin})
    (tmp_path / "all.zip").write_bytes(bomb)
    assert [_code(one) for one in find_submissions(tmp_path)] == ["too-large", "too-large"]
    nested = tmp_path / "nested"
    nested.mkdir()
    deep = _zip({"c.zip": _zip({"d.zip": _zip({FILE: b"{}"})})})
    (nested / "alice.zip").write_bytes(deep)
    (nested / "bob.zip").write_bytes(_zip([FILE]))
    found = find_submissions(nested)
    assert [one.learner for one in found] == ["alice", "bob"]
    assert _code(found[0]) == "unreadable"


def test_a_size_that_lies_does_not_help(tmp_path: Path) -> None:
    data = bytearray(_zip({"alice.ipynb": b"0" * 900_000}))
    for signature, offset in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        at = data.find(signature) + offset
        data[at : at + 4] = (10).to_bytes(4, "little")
    (tmp_path / "all.zip").write_bytes(data)
    assert _code(find_submissions(tmp_path)[0]) == "unreadable"


def test_encrypted_and_damaged_zips(tmp_path: Path) -> None:
    data = bytearray(_zip(["alice.ipynb"]))
    data[data.find(b"PK\x01\x02") + 8] |= 1
    (tmp_path / "alice.zip").write_bytes(data)
    (tmp_path / "bob.zip").write_bytes(b"PK\x03\x04 not a zip")
    flipped = bytearray(_zip(["carol.ipynb"]))
    flipped[50] ^= 0xFF
    (tmp_path / "carol.zip").write_bytes(flipped)
    found = {one.learner: _code(one) for one in find_submissions(tmp_path)}
    assert found == {"alice": "unreadable", "bob": "unreadable", "carol": "unreadable"}


@pytest.mark.skipif(os.name == "nt", reason="names are bytes on Unix only")
def test_names_that_are_no_text_and_signs_that_cannot_be_seen(tmp_path: Path) -> None:
    for raw in (b"b\xffb.ipynb", b"two\nlines.ipynb", "a\u202egpj.ipynb".encode()):
        (tmp_path / os.fsdecode(raw)).write_bytes(_notebook())
    names = [one.learner for one in find_submissions(tmp_path)]
    assert names == ["a\ufffdgpj", "b\ufffdb", "two\ufffdlines"]
    assert all(one.name.isprintable() for one in find_submissions(tmp_path))


def test_a_single_notebook(tmp_path: Path) -> None:
    _put(tmp_path, "alice.ipynb")
    assert _marks(tmp_path / "alice.ipynb") == {"alice": "alice.ipynb"}


@pytest.mark.parametrize("content", [[], ["notes.txt"], [".DS_Store"]])
def test_nothing_handed_in_is_an_error(tmp_path: Path, content: list[str]) -> None:
    for name in content:
        (tmp_path / name).write_text("x", "utf-8")
    with pytest.raises(GradcourseError, match="there is no submission in it"):
        find_submissions(tmp_path)


def test_a_folder_that_is_not_there() -> None:
    with pytest.raises(GradcourseError, match="no such folder"):
        find_submissions("/nowhere/at/all")


# Numbers that an import believes.

DATED = ("jones_20251001_4712_hw1", "lee_20251002_4713_hw1", "smith_20251001_4711_hw1")


def _numbers(root: Path) -> dict[str, str]:
    """Each learner's numbers; a question mark where a person shall look at them."""
    return {
        one.learner: one.canvas
        + one.moodle
        + ("?" if "number-in-doubt" in [doubt.code for doubt in one.doubts] else "")
        for one in find_submissions(root)
    }


@pytest.mark.parametrize(
    "names",
    [
        DATED,
        ("a_20251001_1_x", "b_20251002_2_x"),  # a date for each
        ("a_251001_1_x", "b_251002_2_x", "c_251003_3_x"),
        ("a_01102025_1_x", "b_02102025_2_x"),
        ("a_20251001115959_1_x", "b_20251001120000_2_x"),
        ("a_4711_20251001_x", "b_4712_20251002_x"),  # the date behind the number
        ("a_4711_01102025_x", "b_4712_02102025_x"),
        ("a_4711_8_x", "b_4712_8_x", "c_4713_8_x"),  # a group's or an exercise's
        ("a_101_1_x", "b_101_2_x", "c_101_3_x"),  # one course for everybody
        ("a_101_1_x", "b_0101_2_x"),
        ("a_LATE_7_1_x", "b_7_2_x-1", "b_7_3_x-2"),
        ("a_1_1_x", "b_1_2_x", "c_3_3_x", "d_4_4_x"),
    ],
    ids=lambda names: names[0],
)
def test_names_that_only_look_like_canvas_give_nobody_a_number(
    tmp_path: Path, names: tuple[str, ...]
) -> None:
    _put(tmp_path, *(f"{name}.ipynb" for name in names))
    assert _numbers(tmp_path) == {name.split("_")[0]: "?" for name in names}
    assert len(find_submissions(tmp_path)) == len({name.split("_")[0] for name in names})


def test_two_names_under_one_number_in_a_large_class_are_two_doubts(tmp_path: Path) -> None:
    """Nobody can take the whole class's numbers away by what stands in one name."""
    honest = {f"learner{n}": str(5000 + 37 * n) for n in range(40)}
    _put(tmp_path, *(f"{name}_{id}_{90000 + int(id)}_{FILE}" for name, id in honest.items()))
    _put(tmp_path, f"mallory_5037_77_{FILE}", f"zoë_6443_78_{FILE}")
    expected = {**honest, "mallory": "?", "learner1": "?", "zoë": "?", "learner39": "?"}
    assert _numbers(tmp_path) == expected
    doubt = next(one for one in find_submissions(tmp_path) if one.learner == "mallory").doubts[0]
    assert "also another learner's" in doubt.text
    assert "learner1" not in doubt.text  # it stands on the learner's page


def test_one_learner_under_two_spellings_of_one_number(tmp_path: Path) -> None:
    composed, apart = (unicodedata.normalize(form, "müller") for form in ("NFC", "NFD"))
    _put(
        tmp_path, f"{composed}_41_1_02_a.ipynb", f"{apart}_LATE_41_2_02_a-1.ipynb", "b_42_3_x.ipynb"
    )
    assert _numbers(tmp_path) == {composed: "41", "b": "42"}
    _put(tmp_path, "mueller_41_4_02_a.ipynb")
    assert _numbers(tmp_path) == {composed: "?", "mueller": "?", "b": "?"}


def test_resubmissions_late_work_and_several_assignments_raise_no_doubt(tmp_path: Path) -> None:
    _put(tmp_path, "01_chain_rule/a_41_1_x.ipynb", "01_chain_rule/b_42_2_x.ipynb", assignment="01")
    _put(tmp_path, "02_saturation/a_LATE_41_3_x-1.ipynb", "02_saturation/a_41_4_x.ipynb")
    _put(tmp_path, "02_saturation/b_42_5_2025_x.ipynb", "02_saturation/c_20251001_6_x.ipynb")
    assert _numbers(tmp_path) == {"a": "41", "b": "42", "c": "20251001"}


@pytest.mark.parametrize("other", ["123", "0123"])
def test_two_names_of_one_participant_of_moodle(tmp_path: Path, other: str) -> None:
    names = {"Jane Doe": "123", "John Roe": other}
    _put(tmp_path, *(f"{name}_{id}_assignsubmission_file_/{FILE}" for name, id in names.items()))
    assert _numbers(tmp_path) == {"Jane Doe": "?", "John Roe": "?"}
    _put(tmp_path, *(f"L{n}_{n}_assignsubmission_file_/{FILE}" for n in range(1, 31)))
    numbers = _numbers(tmp_path)
    assert (numbers["Jane Doe"], numbers["John Roe"]) == ("?", "?")
    assert numbers["L7"] == "Participant 7"


@pytest.mark.parametrize(
    ("names", "doubtful"),
    [
        (["alice", "alice (1)"], 2),
        (["bob", "bob - Copy"], 2),
        (["Copy of carol"], 1),
        (["alice", "\u0430lice"], 2),  # a Cyrillic letter
        (["m\u00fcller", "muller"], 2),
        (["alice", "alice ", " alice"], 3),
        (["alice", "bob", "carol", "li", "lia"], 0),
        (["jane doe", "jane roe", "doe"], 0),
    ],
)
def test_copies_and_look_alikes_are_doubts_and_name_nobody(
    tmp_path: Path, names: list[str], doubtful: int
) -> None:
    _put(tmp_path, *(f"{name}.ipynb" for name in names))
    found = find_submissions(tmp_path)
    assert len(found) == len(names)
    doubts = [doubt for one in found for doubt in one.doubts]
    assert [doubt.code for doubt in doubts] == ["name-in-doubt"] * doubtful
    assert not any(name in doubt.text for doubt in doubts for name in names)


def test_names_keep_the_joiners_that_belong_to_them(tmp_path: Path) -> None:
    names = ["\u0639\u0644\u06cc\u200c\u0631\u0636\u0627", "\U0001f469\u200d\U0001f4bb"]
    _put(tmp_path, *(f"{name}.ipynb" for name in [*names, "a\u200d"]))
    assert sorted(one.learner for one in find_submissions(tmp_path)) == sorted([*names, "a\ufffd"])


def test_blackboard_logins_and_the_last_attempt(tmp_path: Path) -> None:
    _put(
        tmp_path,
        "Home_work 2_jdoe_attempt_2025-10-01-12-30-00_02.ipynb",
        "Home_work 2_jdoe_attempt_2025-10-02-09-00-00_02.ipynb",
        "Home_work 2_jdoe_attempt_2025-10-02-09-00-00.txt",
        "Home_work 2_rroe_attempt_2025-10-01-12-31-00_my_work.ipynb",
        "Home_work 2_zed_attempt_2025-10-01-12-31-00.txt",
    )
    found = {one.learner: one for one in find_submissions(tmp_path)}
    assert set(found) == {"jdoe", "rroe", "zed"}
    assert "2025-10-02" in found["jdoe"].name
    assert found["jdoe"].submitted == "2025-10-02T09:00:00"
    assert not any(one.doubts for one in found.values())
    assert _code(found["zed"]) == "no-notebook"


@pytest.mark.parametrize("flat", [True, False])
def test_brightspace_names_and_times(tmp_path: Path, flat: bool) -> None:
    between = " - " if flat else "/"
    _put(
        tmp_path,
        f"101-7 - Jane Doe - Oct 1, 2025 1205 PM{between}02.ipynb",
        f"101-7 - Jane Doe - Oct 3, 2025 905 AM{between}02.ipynb",
        f"102-7 - Jane Doe - Oct 1, 2025 1206 PM{between}02.ipynb",
    )
    _put(tmp_path, "index.html")
    found = find_submissions(tmp_path)
    assert [one.learner for one in found] == ["Jane Doe", "Jane Doe"]
    assert found[0].submitted == "2025-10-03T09:05:00"
    assert len({one.key for one in found}) == 2


def test_gradescope_has_a_list_of_names(tmp_path: Path) -> None:
    _put(tmp_path, "export/submission_11/02.ipynb", "export/submission_12/02.ipynb")
    (tmp_path / "export/submission_metadata.yml").write_text(
        "---\nsubmission_11:\n  :submitters:\n  - :name: Jane Doe\n    :sid: '7'\n"
        'submission_12:\n  :submitters:\n  - :name: "Ann Li"\n  - :name: Bo Wu\n'
    )
    assert [one.learner for one in find_submissions(tmp_path)] == ["Ann Li, Bo Wu", "Jane Doe"]


def test_what_lies_beside_a_notebook_goes_with_it(tmp_path: Path) -> None:
    _put(tmp_path, "alice/02.ipynb", "bob/work/02.ipynb")
    for name in ("alice/helpers.py", "alice/data/a.csv", "bob/other.txt", "bob/work/big.bin"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"x" * (9_000_000 if "big" in name else 3))
    alice, bob = find_submissions(tmp_path)
    assert alice.files() == {"helpers.py": b"xxx", "data/a.csv": b"xxx"}
    assert bob.files() == {}
    flat = tmp_path / "flat"
    flat.mkdir()
    _put(flat, "doejane_12_34_02.ipynb", "roejohn_13_36_02.ipynb")
    (flat / "doejane_12_35_helpers-1.py").write_bytes(b"y")
    assert [one.files() for one in find_submissions(flat)] == [{"helpers.py": b"y"}, {}]
