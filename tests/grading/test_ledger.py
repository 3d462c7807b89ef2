"""What the instructor decides: applied last, named on the page, never lost, nobody else's."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import fakes
import pytest

from gradcourse import cli
from gradcourse.grading.command import Wishes, run_grade_command
from gradcourse.grading.ledger import Decisions, settle
from gradcourse.grading.ledger.late import policy_of
from gradcourse.grading.ledger.roster import Person, Roster, read_groups, read_roster
from gradcourse.grading.ledger.sheets import moment
from gradcourse.grading.many.grade_class import Settings
from gradcourse.grading.mark import Mark, Origin, QuestionMark
from gradcourse.grading.report.alike import normalised, same_answers
from gradcourse.grading.report.learner_page import learner_page
from gradcourse.grading.report.upload import feedback_zips, gradescope
from gradcourse.support import GradcourseError


def _mark(learner: str, earned: float = 2.0, **more: object) -> Mark:
    key = ["canvas", learner, str(more["canvas"])] if "canvas" in more else ["plain", learner]
    about: dict[str, object] = {"sha256": learner, "name": f"{learner}.ipynb", **more}
    origin = Origin(json.dumps([*key, "02"]), learner, **about)  # type: ignore[arg-type]
    questions = tuple(
        QuestionMark(f"toy/{name}", name.title(), points, 4.0, "right" if points else "wrong")
        for name, points in (("slopes", earned), ("bound", 0.0))
    )
    return Mark("02", questions, run=5, learner=learner, origin=origin)


def _decided(tmp_path: Path, text: str, **more: object) -> Decisions:
    path = tmp_path / "overrides.csv"
    path.write_text(text, "utf-8")
    return Decisions(path, **more)  # type: ignore[arg-type]


# ---------------------------------------------------------------- overrides


def test_points_bonus_and_comments_by_hand(tmp_path: Path) -> None:
    decisions = _decided(
        tmp_path,
        "learner,question,points,bonus,comment\n"
        "alice,toy/bound,3,,A nice way round\n"
        "Alice,,,1.5,a talk\n"
        "bob,,7,,oral exam\n"
        "nobody,,7,,\n"
        "bob,toy/other,1,,\n"
        "bob,,,,\n",
    )
    book = settle([_mark("alice"), _mark("bob"), replace(_mark("carl"), run=0)], decisions)
    alice, bob, carl = book.marks
    assert (alice.total, alice.earned, alice.questions[1].earned) == (6.5, 5.0, 3.0)
    assert alice.questions[1].note == (
        "Your instructor gave 3 instead of 0 points. A nice way round"
    )
    assert (bob.total, bob.comment) == (7.0, "oral exam")
    assert (carl.total, carl.graded) == (2.0, False)
    assert [text.split(", ", 1)[1] for text in book.unused] == [
        "line 5: it fits nobody: 'nobody'",
        "line 6: bob has no question 'toy/other'; there are toy/slopes",
        "line 7: it changes nothing for bob: it has no points, bonus or comment",
    ]
    page = learner_page(alice).decode()
    for text in ("6.5 of 8 points", "5 of 8 for the questions", "+1.5: a talk", "A nice way round"):
        assert text in page


def test_what_could_not_be_graded_counts_when_a_person_has_graded_it(tmp_path: Path) -> None:
    lost = replace(_mark("alice", 0.0), run=0)
    (mark,) = settle([lost], _decided(tmp_path, "learner;points\nalice;3,5\n")).marks
    assert (mark.graded, mark.total) == (True, 3.5)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("learner,question,points\nalice,toy/bound,5", "which has 4"),
        ("learner,points\nalice,many", "line 2: points is 'many'"),
        ("learner,points\nalice,inf", "give a number"),
        ("who,points\nalice,1", "no column 'learner'"),
    ],
)
def test_a_slip_in_the_table_is_one_line(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(GradcourseError, match=said):
        settle([_mark("alice")], _decided(tmp_path, text))


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1252"])
def test_tables_as_excel_saves_them(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "o.csv"
    path.write_bytes("Learner\tBonus\tComment\r\nzoë\t1\tschön\r\n".encode(encoding))
    (mark,) = settle([_mark("zoë")], Decisions(path)).marks
    assert (mark.total, mark.comment) == (3.0, "schön")


def test_no_option_loses_an_override(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    submissions, out = tmp_path / "class", tmp_path / "grades"
    fakes.hand_in(submissions, "alice", earned=1)
    fakes.hand_in(submissions, "bob", earned=1)
    out.mkdir()
    (out / "overrides.csv").write_text("learner,bonus,comment\nalice,2,talk\n")
    settings = Settings(submissions, out, jobs=1)
    for how in (settings, replace(settings, resume=True), replace(settings, only=("bob",))):
        assert run_grade_command(how, fakes.GRADER) == 0
        with (out / "gradebook.csv").open(encoding="utf-8-sig") as file:
            rows = {row["learner"]: row for row in csv.DictReader(file)}
        assert (rows["alice"]["earned"], rows["alice"]["bonus"], rows["bob"]["earned"]) == (
            "3",
            "2",
            "1",
        )
        stored = json.loads((out / "results" / "alice.json").read_bytes())
        assert stored["earned"] == 1
        assert "1 mark changed" in capsys.readouterr().out
    (out / "overrides.csv").write_text("learner,bonus\nalicia,2\n")
    assert run_grade_command(settings, fakes.GRADER) == 1
    assert "line 2: it fits nobody: 'alicia'" in capsys.readouterr().out
    assert "it fits nobody" in (out / "class.html").read_text("utf-8")


def test_only_one_learner_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    submissions = tmp_path / "class"
    log = str(tmp_path / "log")
    for name in ("alice", "bob", "carl"):
        fakes.hand_in(submissions, name, log=log)
    settings = Settings(submissions, tmp_path / "grades", jobs=1)
    assert run_grade_command(settings, fakes.GRADER) == 0
    fakes.hand_in(submissions, "bob", log=log, earned=3)
    assert run_grade_command(replace(settings, only=("Bob",)), fakes.GRADER) == 0
    assert (tmp_path / "log").read_text().split() == ["alice", "bob", "carl", "bob"]
    assert "3 of 3 submissions graded; 2 results kept" in capsys.readouterr().out
    with pytest.raises(GradcourseError, match="--only bop: nobody is called that; there are bob"):
        run_grade_command(replace(settings, only=("bop",)), fakes.GRADER)


def test_a_dry_run_says_what_was_recognised(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "class").mkdir()
    for name in ("doe_LATE_12_34_02_saturation.ipynb", "roe_13_35_02_saturation.ipynb"):
        (tmp_path / "class" / name).write_text("{}")
    command = ["grade", str(tmp_path / "class"), "--out", str(tmp_path / "grades"), "--list"]
    assert cli.main(command) == 0
    printed = capsys.readouterr().out
    assert "doe  12  02?  " in printed
    assert "handed in late" in printed
    assert "no name" not in printed
    assert "2 learners by the names of Canvas's bulk download" in printed
    assert not (tmp_path / "grades").exists()


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ("alice,toy/bound,-1,,", "line 2: points is '-1': give 0 or more"),
        ("alice,,-3,,", "line 2: points is '-3': give 0 or more"),
        ("alice,,x,,", "line 2: points is 'x': give a number"),
        ("alice,,,nan,", "line 2: bonus is 'nan': give a number"),
        ("alice,,,,soon", "line 2: days is 'soon': give a number"),
    ],
)
def test_a_slip_in_the_overrides_is_told_before_anything_is_graded(
    row: str, why: str, tmp_path: Path
) -> None:
    decisions = _decided(tmp_path, f"learner,question,points,bonus,days late\n{row}\n")
    assert decisions.overrides is not None
    with pytest.raises(GradcourseError, match=why):
        Wishes(overrides=decisions.overrides).decisions(tmp_path)


def test_more_points_than_there_are_are_a_bonus(tmp_path: Path) -> None:
    decisions = _decided(tmp_path, "learner,points\nalice,8.5\n")
    with pytest.raises(GradcourseError, match=r"line 2: 8.5 points for the whole, which has 8: "):
        settle([_mark("alice")], decisions)
    decisions = _decided(tmp_path, "learner,points,bonus\nalice,8,0.5\n")
    assert settle([_mark("alice")], decisions).marks[0].total == 8.5


def test_of_two_lines_for_one_thing_the_later_counts_and_the_earlier_is_named(
    tmp_path: Path,
) -> None:
    text = (
        "learner,assignment,question,points\nalice,,,1\nalice,,,2\nalice,,toy/bound,1\nalice,3,,1\n"
    )
    decisions = _decided(tmp_path, text)
    book = settle([_mark("alice")], decisions)
    assert book.marks[0].total == 2.0  # points for the whole are the whole
    assert [told.split(", ", 1)[1] for told in book.unused] == [
        "line 5: alice has no assignment '3'",
        "line 2: line 3 counts instead",
    ]


# ---------------------------------------------------------------- late work


@pytest.mark.parametrize(
    ("text", "days", "cost"),
    [
        ("10%/day, at most 3", 0.01, 0.8),
        ("10%/day, at most 3", 1.0, 0.8),
        ("10 % per day, at most 3 days", 9.0, 2.4),
        ("1 point/hour", 0.1, 3.0),
        ("0.5 points a day", 2.5, 1.5),
        ("20%", 30, 1.6),
        ("10%/day, grace 30 min", 0.02, 0.0),
        ("10%/day", -3, 0.0),
        ("60%/day", 2, 8.0),
    ],
)
def test_what_late_work_costs(text: str, days: float, cost: float) -> None:
    assert policy_of(text).cost(days, 8.0) == pytest.approx(cost)


@pytest.mark.parametrize("text", ["", "late", "10%/week", "-5%/day", "10%/day at most 3", "10/day"])
def test_a_policy_that_is_none(text: str) -> None:
    with pytest.raises(GradcourseError, match="--late"):
        policy_of(text)


def test_late_by_time_by_column_and_unknown(tmp_path: Path) -> None:
    marks = [
        _mark("time", submitted="2025-10-02T13:00:00"),
        _mark("early", submitted="2025-09-30T13:00:00"),
        _mark("flag", notes=("handed in late",)),
        _mark("column", 1.0, notes=("handed in late",)),
        _mark("moodle"),
    ]
    roster = Roster(
        [Person("moodle", submitted="Friday, 3 October 2025, 12:30 PM"), *map(Person, "abc")]
    )
    decisions = _decided(
        tmp_path,
        "learner,days late\ncolumn,9\n",
        policy=policy_of("10%/day, at most 3"),
        due=datetime(2025, 10, 1, 12, 0),
        roster=roster,
    )
    found = {mark.learner: mark for mark in settle(marks, decisions).marks}
    totals = {name: mark.total for name, mark in found.items()}
    assert totals == {"time": 0.4, "early": 2.0, "flag": 2.0, "column": 0.0, "moodle": 0.0}
    assert "late-unknown" in found["flag"].codes
    assert "2 days late, 10 % for each" in learner_page(found["time"]).decode()


def test_times_as_platforms_write_them() -> None:
    for text in ("2025-10-01T23:59", "Wednesday, 1 October 2025, 11:59 PM", "01.10.2025 23:59"):
        assert moment(text) == datetime(2025, 10, 1, 23, 59)
    assert moment("yesterday") is None


def test_a_time_that_nobody_understands_is_a_reason_to_look_and_none_is_told(
    tmp_path: Path,
) -> None:
    times = {"lost": "Donnerstag, 8. Oktober 2026", "never": "-", "early": "2025-09-30"}
    roster = Roster([Person(name, submitted=text) for name, text in times.items()])
    policy, due = policy_of("10%/day"), datetime(2025, 10, 1)
    book = settle(list(map(_mark, times)), Decisions(policy=policy, due=due, roster=roster))
    looks = {mark.learner: mark.reasons for mark in book.marks if mark.look}
    assert list(looks) == ["lost"]
    assert "not understood: 'Donnerstag, 8. Oktober 2026'" in looks["lost"][0].text
    assert book.unused == []
    (told,) = settle([_mark("alice")], Decisions(policy=policy, due=due)).unused
    assert told.startswith("--late takes nothing off: of nobody is known how late it is")
    assert settle([_mark("bob", canvas="12")], Decisions(policy=policy)).unused == []
    by_hand = _decided(tmp_path, "learner,days late\nalice,0\n", policy=policy)
    assert settle([_mark("alice")], by_hand).unused == []


# ---------------------------------------------------------------- the class


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("group,learner\nred,a;b\nblue,c\nred,d;e\n", "line 4: there is a group 'red' in line 2"),
        ("group,learner\nTeam 1,a\nteam-1,b\n", "line 3: there is a group 'Team 1' in line 2"),
        ("group,learner\nred,Ann\nblue,Bob\nblue,ann\n", "line 4: ann is in the groups red and"),
        ("team,who\nred,Ann\n", "no column 'learner'; it has team, who"),
    ],
    ids=["one name twice", "nearly one name", "one learner twice", "no members"],
)
def test_groups_that_cannot_be_told_apart(text: str, why: str, tmp_path: Path) -> None:
    (tmp_path / "groups.csv").write_text(text)
    with pytest.raises(GradcourseError, match=why):
        read_groups(tmp_path / "groups.csv")


def test_a_group_of_which_nobody_is_here_is_named() -> None:
    groups = {"red": ["alice", "new"], "blue": ["xx", "yy"]}
    told = settle([_mark("alice")], Decisions(groups=groups)).unused
    assert told == ["the group blue: nobody of it handed in anything"]


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"PK\x03\x04rest", "it is a workbook, no text: save it as CSV first"),
        (b"vorname,matrikel\na,b\n", "it has vorname, matrikel"),
        (b"Student,ID\nPoints Possible,\n", "there is nobody in it"),
        (b"", "has no column 'Student' or 'SIS Login ID' or 'Surname'$"),
    ],
    ids=["a workbook", "other columns", "nobody", "empty"],
)
def test_what_is_no_roster_is_told_in_a_line(data: bytes, why: str, tmp_path: Path) -> None:
    (tmp_path / "roster").write_bytes(data)
    with pytest.raises(GradcourseError, match=why):
        read_roster(tmp_path / "roster")


def test_rosters_of_platforms_find_learners_and_say_who_is_missing(tmp_path: Path) -> None:
    path = tmp_path / "roster.csv"
    path.write_text(
        "Student,ID,SIS User ID,SIS Login ID,Section,Quiz\n"
        "Points Possible,,,,,10\n"
        '"Doe, Jane",12,s12,jdoe,Mon,5\n"Roe, John",13,s13,jroe,Tue,\n"Poe, Ann",14,,apoe,Tue,\n'
        '"Student, Test",99,,,,\n'
    )
    marks = [_mark("doejane", canvas="12"), _mark("jroe"), _mark("stranger")]
    book = settle(marks, Decisions(roster=read_roster(path)))
    assert [person.section for person in book.people.values()] == ["Mon", "Tue"]
    assert [person.name for person in book.missing] == ["Poe, Ann"]
    assert [("not-in-roster" in mark.codes) for mark in book.marks] == [False, False, True]
    from gradcourse.grading.report.tables import canvas

    rows = list(csv.reader(io.StringIO(canvas(book.marks, book.people).decode())))
    assert rows[2][:5] == ["doejane", "12", "s12", "jdoe", "Mon"]
    assert rows[3][:5] == ["jroe", "13", "s13", "jroe", "Tue"]
    moodle = tmp_path / "moodle.csv"
    moodle.write_text("Identifier,Full name,Email address\nParticipant 7,Jane Doe,jane@x.org\n")
    assert read_roster(moodle).find(_mark("x", moodle="Participant 7")) is not None


def test_two_with_one_name_are_nobody(tmp_path: Path) -> None:
    roster = Roster([Person("Li Wei", login="a"), Person("Li Wei", login="b")])
    assert roster.find(_mark("liwei")) is None
    assert roster.find(_mark("b")) is roster.people[1]


def test_a_group_has_the_mark_of_the_best_that_one_of_them_handed_in(tmp_path: Path) -> None:
    path = tmp_path / "groups.csv"
    path.write_text("group,member\nred,alice;bob\nblue,carl\nblue,dora\nblue,erin\n")
    marks = [_mark("alice", 3.0), _mark("carl", 1.0), _mark("dora", 2.0), _mark("zoe")]
    book = settle(marks, Decisions(groups=read_groups(path)))
    assert {mark.learner: mark.total for mark in book.marks} == {
        "alice": 3.0, "bob": 3.0, "carl": 2.0, "dora": 2.0, "erin": 2.0, "zoe": 2.0
    }  # fmt: skip
    assert len({mark.origin.key for mark in book.marks}) == 6
    assert len({mark.origin.stem for mark in book.marks}) == 6
    looks = {mark.learner for mark in book.marks if mark.look}
    assert looks == {"carl", "dora", "erin"}  # two of them handed in
    bob = next(mark for mark in book.marks if mark.learner == "bob")
    assert "Handed in by alice for the group red" in learner_page(bob).decode()
    assert same_answers(book.marks) == []


def test_the_page_of_a_member_goes_when_the_member_goes(tmp_path: Path) -> None:
    fakes.hand_in(tmp_path / "class", "alice")
    groups, out = tmp_path / "groups.csv", tmp_path / "grades"
    pages = {}
    for members in ("alice;bob;carl", "alice;carl", "carl;dora"):
        groups.write_text(f"group,member\nred,{members}\n")
        settings = Settings(tmp_path / "class", out, jobs=1, resume=bool(pages))
        run_grade_command(settings, fakes.GRADER, Wishes(groups=groups))
        pages[members] = sorted(p.stem.partition("~")[0] for p in out.glob("learners/*.html"))
        (out / "learners" / "notes.html").write_text("an instructor's own")
    assert pages["alice;bob;carl"] == ["alice", "bob", "carl"]
    assert pages["alice;carl"] == ["alice", "carl", "notes"]
    assert pages["carl;dora"] == ["alice", "notes"]


def test_pages_that_name_nobody(tmp_path: Path) -> None:
    fakes.hand_in(tmp_path / "class", "alice")
    settings = Settings(tmp_path / "class", tmp_path / "grades", jobs=1)
    run_grade_command(settings, fakes.GRADER, Wishes(anonymous=True))
    folder = tmp_path / "grades" / "anonymous"
    pages = list(folder.rglob("*.html"))
    assert len(pages) == 2
    assert not any("alice" in path.read_text("utf-8") for path in pages)
    assert "alice" in (folder / "names.csv").read_text("utf-8")


# ---------------------------------------------------------------- back into a platform


def test_pages_go_back_under_the_names_of_the_download() -> None:
    marks = [
        _mark("doejane", canvas="12", name="all.zip/doejane_LATE_12_34_02_sat-1.ipynb"),
        _mark("lost", canvas="", name="lost_20251001_1_x.ipynb"),
        _mark(
            "Jane Doe",
            moodle="Participant 7",
            name="m.zip/Jane Doe_7_assignsubmission_file_/02.ipynb",
        ),
    ]
    zips = feedback_zips(marks, {mark.origin.stem: b"<p>" for mark in marks})
    names = {file: zipfile.ZipFile(io.BytesIO(data)).namelist() for file, data in zips.items()}
    assert names == {
        "feedback-canvas.zip": ["doejane_LATE_12_34_02_sat-1.html"],
        "feedback-moodle.zip": ["Jane Doe_7_assignsubmission_file_/assignment-02.html"],
    }


def test_gradescope_gets_a_test_for_each_question() -> None:
    marks = [_mark("x", name="export/submission_11/02.ipynb"), replace(_mark("y"), run=0)]
    results = json.loads(gradescope(marks))
    assert list(results) == ["submission_11"]
    assert results["submission_11"]["score"] == 2.0
    assert [test["max_score"] for test in results["submission_11"]["tests"]] == [4.0, 4.0]


# ---------------------------------------------------------------- the same answers

LONG = "def f(a, b):\n    c = a * b\n" + "".join(
    f"    c = c + a ** {n} - b / {n}\n" for n in range(1, 12)
) + "    return c\n"  # fmt: skip


def test_the_same_code_with_other_names_is_a_reason_to_look() -> None:
    other = LONG.replace("a, b", "x, y").replace("a *", "x *").replace("b", "y").replace("c", "z")
    other = other.replace("    z = x", '    """Mine."""\n    z = x', 1)
    texts = {"ann": LONG, "bea": other, "eve": LONG.replace("- b", "+ b"), "zoe": "def f(): pass"}
    marks = [replace(_mark(name), sources={"toy/slopes": text}) for name, text in texts.items()]
    assert normalised("not python (") == ""
    assert normalised(f"x = {'+'.join('1' * 1500)}") == ""  # nested too deeply to be told
    (group,) = same_answers(marks)
    assert [mark.learner for mark in group] == ["ann", "bea"]
