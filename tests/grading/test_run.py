"""Every submission is graded once, whatever dies, and what was graded is never lost."""

from __future__ import annotations

import csv
import errno
import gc
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import Any

import fakes
import pytest

from gradcourse import cli
from gradcourse.grading.command import run_grade_command
from gradcourse.grading.many import cluster as cluster_module
from gradcourse.grading.many import store
from gradcourse.grading.many.grade_class import Graded, Settings, grade_class
from gradcourse.grading.many.task import Task
from gradcourse.support import GradcourseError, write_atomically

ROOT = Path(__file__).parents[2]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "class").mkdir()
    store.course_version.cache_clear()  # the workers read the sources afresh, too
    return Settings(tmp_path / "class", tmp_path / "grades", jobs=1)


def _grade(settings: Settings) -> Graded:
    return grade_class(settings, fakes.GRADER)


def _tries(settings: Settings) -> Counter[str]:
    log = settings.out.parent / "log"
    return Counter(log.read_text("utf-8").split()) if log.exists() else Counter()


def _hand_in(settings: Settings, learner: str, **wish: Any) -> Path:
    log = str(settings.out.parent / "log")
    return fakes.hand_in(settings.submissions, learner, log=log, **wish)


def _codes(graded: Graded) -> dict[str, list[str]]:
    return {mark.learner: [reason.code for reason in mark.reasons] for mark in graded.marks}


@pytest.mark.parametrize("jobs", [1, 3])
def test_everyone_is_graded_once_and_has_a_file(settings: Settings, jobs: int) -> None:
    learners = [f"learner{number:02}" for number in range(12)]
    for number, learner in enumerate(learners):
        _hand_in(settings, learner, earned=number)
    graded = _grade(replace(settings, jobs=jobs))
    assert [mark.learner for mark in graded.marks] == learners
    assert [mark.earned for mark in graded.marks] == list(range(12))
    assert _tries(settings) == Counter(learners)
    files = sorted((settings.out / "results").iterdir())
    assert [path.stem for path in files] == learners
    assert json.loads(files[3].read_bytes()) == graded.marks[3].to_dict()
    assert len({mark.seed for mark in graded.marks}) == 1


def test_a_process_that_dies_costs_nobody_else(settings: Settings) -> None:
    for number in range(8):
        _hand_in(settings, f"fine{number}", sleep=0.02)
    _hand_in(settings, "unlucky", die="once")
    _hand_in(settings, "deadly", die="always")
    graded = _grade(replace(settings, jobs=2))
    codes = _codes(graded)
    assert codes.pop("deadly") == ["internal-error"]
    assert codes == {name: [] for name in [*(f"fine{n}" for n in range(8)), "unlucky"]}
    assert _tries(settings)["deadly"] == _tries(settings)["unlucky"] == 2
    assert all(_tries(settings)[f"fine{n}"] == 1 for n in range(8))
    assert [mark.learner for mark in graded.looks] == ["deadly"]


def test_what_ran_out_of_time_beside_others_is_graded_again_alone(settings: Settings) -> None:
    for number in range(6):
        _hand_in(settings, f"fine{number}", sleep=0.1)
    _hand_in(settings, "crowded", crowded=True)
    graded = _grade(replace(settings, jobs=2))
    assert _tries(settings) == Counter({f"fine{n}": 1 for n in range(6)} | {"crowded": 2})
    assert not any(mark.crowded for mark in graded.marks)
    stored = json.loads((settings.out / "results" / "crowded.json").read_bytes())
    assert "crowded" not in stored


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_fault_of_the_grader_is_a_reason_and_shows_no_path(settings: Settings, jobs: int) -> None:
    _hand_in(settings, "alice")
    _hand_in(settings, "bob", **{"raise": True})
    graded = _grade(replace(settings, jobs=jobs))
    assert _codes(graded) == {"alice": [], "bob": ["internal-error"]}
    assert "secret.py" in graded.marks[1].fault
    assert "secret.py" not in str(graded.marks[1].reasons)
    assert graded.marks[1].possible == 18


def test_a_resubmission_meets_other_inputs(settings: Settings) -> None:
    """What the page of a first attempt shows of hidden inputs is of no use to the second."""
    _hand_in(settings, "alice")
    _hand_in(settings, "bob")
    first = {mark.learner: mark.seed for mark in _grade(settings).marks}
    _hand_in(settings, "bob", earned=2)
    second = {mark.learner: mark.seed for mark in _grade(replace(settings, resume=True)).marks}
    assert first["alice"] == first["bob"] == second["alice"] != second["bob"]


def test_what_nobody_names_is_graded_as_what_all_others_are(settings: Settings) -> None:
    _hand_in(settings, "alice")
    _hand_in(settings, "bob", assignment="unknown", earned=2)
    (settings.submissions / "carol").mkdir()
    graded = _grade(settings)
    assert [mark.assignment for mark in graded.marks] == ["02", "02", "02"]
    assert graded.marks[1].earned == 2
    assert _codes(graded)["carol"] == ["no-notebook"]
    assert graded.marks[2].possible == 18


def test_what_nobody_names_stays_unknown_where_others_differ(settings: Settings) -> None:
    _hand_in(settings, "alice", assignment="01")
    _hand_in(settings, "bob", assignment="02")
    _hand_in(settings, "carol", assignment="unknown")
    graded = _grade(settings)
    assert [mark.assignment for mark in graded.marks] == ["01", "02", None]
    assert _codes(graded)["carol"] == ["unknown-assignment"]


def test_resume_does_only_what_is_missing_or_changed(settings: Settings) -> None:
    for learner in ("alice", "bob", "carol", "dave", "erin"):
        _hand_in(settings, learner, **({"raise": True} if learner == "erin" else {}))
    first = _grade(settings)
    (settings.out / "results" / "alice.json").unlink()
    (settings.out / "results" / "bob.json").write_text('{"half', "utf-8")
    _hand_in(settings, "carol", earned=3)
    again = _grade(replace(settings, resume=True))
    assert _tries(settings) == {"alice": 2, "bob": 2, "carol": 2, "dave": 1, "erin": 2}
    assert again.kept == 1
    assert again.marks[2].earned == 3
    assert again.marks[3] == first.marks[3]
    seeds = {mark.learner: mark.seed for mark in again.marks}
    assert seeds.pop("dave") == first.marks[3].seed
    assert len(set(seeds.values()) - {first.marks[3].seed}) == 1
    last = _grade(replace(settings, resume=True, jobs=2))
    assert last.kept == 4
    assert _grade(settings).kept == 0


@pytest.mark.parametrize("resume", [False, True])
def test_a_fault_at_one_question_is_no_mark_and_is_graded_again(
    settings: Settings, resume: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nine points and a fault of ours are not nine points."""
    _hand_in(settings, "alice")
    _hand_in(settings, "bob", faulty=True, earned=9.0)
    settings = replace(settings, resume=resume)
    assert run_grade_command(settings, fakes.GRADER) == 1
    said = capsys.readouterr().out
    assert "1 of 2 submissions graded" in said
    assert "bob (not graded):" in said
    rows = _table(settings, "gradebook.csv")
    assert [(row["earned"], row["graded"], row["look"]) for row in rows] == [
        ("1", "yes", "no"),
        ("", "no", "yes"),
    ]
    assert not any(value for name, value in rows[1].items() if "/" in name)
    with (settings.out / "canvas.csv").open(encoding="utf-8", newline="") as file:
        assert [row[-1] for row in csv.reader(file)][2:] == ["1", ""]
    assert [row["Grade"] for row in _table(settings, "moodle.csv")] == ["1.00", ""]
    page = (settings.out / "class.html").read_text("utf-8")
    assert "1 of 2 submissions could be graded." in page
    assert "The grading itself failed here" in page
    assert "not graded" in (settings.out / "learners" / "bob.html").read_text("utf-8")
    again = _grade(settings)
    assert again.kept == int(resume)
    assert _tries(settings)["bob"] == 2
    assert _tries(settings)["alice"] == 2 - resume


def _table(settings: Settings, name: str) -> list[dict[str, str]]:
    with (settings.out / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_a_fault_in_the_engine_at_one_question_reaches_the_mark(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The real grader, with an engine that fails once."""
    from gradcourse.grading.one import run as running

    question, check, failing = "chain/lyapunov", running.check, True

    def faulty(exercise: Any, *arguments: Any, **options: Any) -> Any:
        if failing and exercise.id == question:
            raise RuntimeError("a fault of ours")
        return check(exercise, *arguments, **options)

    monkeypatch.setattr(running, "check", faulty)
    data = (ROOT / "solutions" / "01_chain_rule.ipynb").read_bytes()
    (settings.submissions / "alice.ipynb").write_bytes(data)
    settings = replace(settings, assignment="01", resume=True)
    (mark,) = grade_class(settings).marks
    assert {marked.id for marked in mark.questions if marked.reasons} == {question}
    assert mark.look
    assert not mark.graded
    failing = False
    again = grade_class(settings)
    assert (again.kept, again.marks[0].earned) == (0, 18)
    assert again.marks[0].graded
    assert grade_class(settings).kept == 1


def test_resume_grades_again_when_the_course_changed(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    _hand_in(settings, "alice")
    _grade(settings)
    monkeypatch.setattr("gradcourse.grading.many.grade_class.course_version", lambda: "another")
    assert _grade(replace(settings, resume=True)).kept == 0


def test_the_results_of_another_assignment_are_not_overwritten(settings: Settings) -> None:
    _hand_in(settings, "alice")
    _grade(replace(settings, assignment="1"))
    with pytest.raises(GradcourseError, match="holds the results of assignment 01"):
        _grade(replace(settings, assignment="02"))


def test_names_never_collide_nor_leave_the_folder(settings: Settings) -> None:
    names = ["alice", "Alice", "ALICE", "a b", "a_b", "a.b.", "con", "-rf", "x" * 200]
    names += ["ﬁ", "fi", "Ωmega", "a~b", "=1+1"]
    for name in names:
        _hand_in(settings, name)
    graded = _grade(settings)
    assert len(graded.marks) == len(names)
    stems = [mark.origin.stem for mark in graded.marks]
    assert len({stem.casefold() for stem in stems}) == len(names)
    written = [path for path in settings.out.rglob("*") if path.is_file()]
    assert len(written) == len(names)
    assert {path.parent for path in written} == {settings.out / "results"}
    assert "Ωmega" in stems


def test_a_learner_with_several_assignments_has_a_file_for_each(settings: Settings) -> None:
    for number in ("01", "02"):
        folder = settings.submissions / "submitted" / "alice" / number
        folder.mkdir(parents=True)
        fakes.hand_in(folder, "work")
    graded = _grade(settings)
    assert [mark.origin.stem for mark in graded.marks] == ["alice-01", "alice-02"]


def test_no_earlier_mark_of_a_learner_is_left_beside_the_new_one(settings: Settings) -> None:
    """Files get other names when a second assignment comes; who is not there now is left alone."""

    def hand_in(learner: str, number: str) -> None:
        (settings.submissions / learner).mkdir(exist_ok=True)
        fakes.hand_in(settings.submissions / learner, f"{number}_work", assignment=number)

    def files() -> set[str]:
        return {path.name for path in settings.out.rglob("*") if path.suffix != ".html"} | pages()

    def pages() -> set[str]:
        return {path.name for path in (settings.out / "learners").iterdir()}

    hand_in("alice", "02")
    hand_in("bob", "02")
    run_grade_command(settings, fakes.GRADER)
    assert files() >= {"alice.json", "alice.html", "bob.json", "bob.html", "moodle.csv"}
    hand_in("alice", "03")
    assert _grade(replace(settings, resume=True)).stale == 0
    run_grade_command(replace(settings, resume=True), fakes.GRADER)
    assert pages() == {"alice-02.html", "alice-03.html", "bob.html"}
    assert files() >= {"alice-02.json", "alice-03.json", "bob.json", "moodle-02.csv"}
    assert not files() & {"alice.json", "moodle.csv"}
    (settings.submissions / "alice").rename(settings.out.parent / "away")
    assert _grade(settings).stale == 2
    assert files() >= {"alice-02.json", "alice-03.json", "alice-02.html"}


def test_a_full_disk_stops_in_one_line_and_keeps_what_is_there(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(6):
        _hand_in(settings, f"learner{number}")
    written = []

    def full(path: Path, content: bytes | str) -> None:
        if path.name != ".writable":
            written.append(path)
        if len(written) > 3:
            raise OSError(errno.ENOSPC, "No space left on device")
        write_atomically(path, content)

    monkeypatch.setattr(store, "write_atomically", full)
    with pytest.raises(GradcourseError, match=r"No space left on device.*--resume"):
        _grade(replace(settings, jobs=2))
    assert len(list((settings.out / "results").iterdir())) == 3
    monkeypatch.undo()
    again = _grade(replace(settings, resume=True))
    assert again.kept == 3
    assert len(again.marks) == 6


def test_a_disk_that_is_really_full(settings: Settings) -> None:
    settings.out.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", str(settings.out)]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("only root can make a small disk")
    try:
        for number in range(60):
            _hand_in(settings, f"learner{number:02}")
        with pytest.raises(GradcourseError, match="No space left"):
            _grade(settings)
        files = list((settings.out / "results").iterdir())
        assert 10 < len(files) < 60
        assert all(json.loads(path.read_bytes())["earned"] == 1 for path in files)
        subprocess.run(["mount", "-o", "remount,size=8m", str(settings.out)], check=True)
        assert _grade(replace(settings, resume=True)).kept == len(files)
    finally:
        subprocess.run(["umount", "-l", str(settings.out)], check=True)


def test_an_output_folder_that_cannot_be_written(settings: Settings) -> None:
    _hand_in(settings, "alice")
    settings.out.mkdir(mode=0o500)
    if os.geteuid() == 0:  # who may write everywhere but there
        settings = replace(settings, out=Path("/proc/self"))
    with pytest.raises(GradcourseError, match="cannot be written"):
        _grade(settings)


def test_a_run_that_was_killed_leaves_nothing_half_written(settings: Settings) -> None:
    _hand_in(settings, "alice")
    folder = settings.out / "results"
    folder.mkdir(parents=True)
    (folder / ".alice.json.x7f3").write_text('{"half', "utf-8")
    _grade(settings)
    assert [path.name for path in folder.iterdir()] == ["alice.json"]


@pytest.mark.parametrize("jobs", [1, 2])
def test_ctrl_c_keeps_what_is_graded_and_says_how_to_go_on(settings: Settings, jobs: int) -> None:
    process = _started(settings, jobs)
    results = settings.out / "results"
    while process.poll() is None and len(list(results.glob("l*.json"))) < 3:
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert "go on with --resume" in errors
    assert "Traceback" not in errors
    done = len(list(results.glob("*.json")))
    assert 3 <= done < 30
    again = _grade(replace(settings, jobs=4, resume=True))
    assert again.kept == done
    assert len(again.marks) == 30


def test_who_is_killed_leaves_no_folder_behind(settings: Settings) -> None:
    """The processes that it started end by themselves, and take away where they met."""
    with tempfile.TemporaryDirectory(prefix="gc-") as name:  # a socket's path must be short
        folder = Path(name)
        process = _started(settings, 2, TMPDIR=name)
        while process.poll() is None and not list(settings.out.glob("results/l*.json")):
            time.sleep(0.02)
        assert [path.name[:5] for path in folder.iterdir()] == ["pymp-"]
        process.kill()
        process.communicate(timeout=60)
        until = time.monotonic() + 60
        while list(folder.iterdir()) and time.monotonic() < until:
            time.sleep(0.05)
        assert list(folder.iterdir()) == []


def _started(settings: Settings, jobs: int, **environment: str) -> subprocess.Popen[str]:
    """Begin to grade thirty slow notebooks, in a process of its own."""
    for number in range(30):
        _hand_in(settings, f"learner{number:02}", sleep=0.2)
    code = (
        "import fakes, sys; from pathlib import Path\n"
        "from gradcourse.grading.command import run_grade_command\n"
        "from gradcourse.grading.many.grade_class import Settings\n"
        f"s = Settings(Path({str(settings.submissions)!r}), Path({str(settings.out)!r}), "
        f"jobs={jobs})\n"
        "sys.exit(run_grade_command(s, fakes.GRADER))\n"
    )
    script = settings.out.parent / "grade.py"
    body = code.replace("\n", "\n    ")
    script.write_text(f"if __name__ == '__main__':\n    {body}", "utf-8")
    return subprocess.Popen(
        [sys.executable, script],
        env={
            **os.environ,
            "PYTHONPATH": f"{Path(__file__).parent}{os.pathsep}{ROOT}",
            **environment,
        },
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


# The command.


def test_the_terminal_says_what_told_whose_work_it_is(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    for earned, name in enumerate(("jones_20251001_1_x", "smith_20251001_2_x", "roe_20251002_3_x")):
        _hand_in(settings, name, earned=float(earned))
    assert run_grade_command(settings, fakes.GRADER) == 1
    said = capsys.readouterr().out
    assert "3 learners by the names of Canvas's bulk download" in said
    assert "3 submissions without a number in canvas.csv and moodle.csv" in said
    rows = (settings.out / "canvas.csv").read_text("utf-8").splitlines()[2:]
    assert rows == ["jones,,,,,0", "roe,,,,,2", "smith,,,,,1"]
    for path in settings.submissions.iterdir():
        path.unlink()
    _hand_in(settings, "alice")
    run_grade_command(settings, fakes.GRADER)
    assert "1 learner by the names of files and folders" in capsys.readouterr().out


def _command(*words: str | Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    code = cli.main(["grade", *map(str, words)])
    return code, capsys.readouterr().err


def test_every_error_is_one_line_and_exit_code_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    class_ = tmp_path / "class"
    fakes.hand_in(class_, "alice")
    empty = tmp_path / "empty"
    empty.mkdir()
    out = tmp_path / "out"
    file = tmp_path / "file"
    file.touch()
    for words, said in [
        ([tmp_path / "nowhere", "--out", out], "there is no such folder"),
        ([class_, "--out", out, "--assignment", "77"], "no assignment '77'"),
        ([empty, "--out", out], "no submission in it"),
        ([class_, "--out", class_ / "marks"], "must not lie among the submissions"),
        ([class_, "--out", class_], "must not lie among the submissions"),
        ([class_, "--out", file], "it is a file"),
        ([class_, "--out", out, "--jobs", "0"], "give 1 or more"),
        ([class_, "--out", out, "--jobs", "2", "--scheduler", "tcp://x:1"], "not both"),
    ]:
        code, errors = _command(*words, capsys=capsys)
        assert code == 2
        assert len(errors.strip().splitlines()) == 1, errors
        assert said in errors
    assert not out.exists()
    assert [path.name for path in class_.iterdir()] == ["alice.ipynb"]


def test_submissions_that_lie_among_the_marks(settings: Settings) -> None:
    inside = settings.out / "learners"
    inside.mkdir(parents=True)
    fakes.hand_in(inside, "alice")
    with pytest.raises(GradcourseError, match="where the marks go"):
        _grade(replace(settings, submissions=inside))


@pytest.mark.some(2)
@pytest.mark.parametrize(
    "address",
    ["tcp://127.0.0.1:1", "nonsense", "http://127.0.0.1:1", "tcp://no.such.host.invalid:1"],
)
def test_a_scheduler_that_does_not_answer(
    settings: Settings,
    address: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pytest.importorskip("distributed")
    gc.collect()  # what earlier tests left is not ours
    complaints: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", complaints.append)
    _hand_in(settings, "alice")
    words = [settings.submissions, "--out", settings.out, "--scheduler", address]
    code, errors = _command(*words, capsys=capsys)
    assert code == 2
    assert (
        errors.strip()
        .splitlines()[-1]
        .startswith(f"gradcourse grade: the scheduler {address} does not answer")
    )
    assert "Traceback" not in errors
    gc.collect()  # nor later: what is thrown away must not try to reach it once more
    assert not complaints


def test_exit_code_and_summary(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    _hand_in(settings, "alice")
    assert run_grade_command(settings, fakes.GRADER) == 0
    assert "1 of 1 submission graded\n" in capsys.readouterr().out
    (settings.submissions / "bob").mkdir()
    assert run_grade_command(settings, fakes.GRADER) == 1
    said = capsys.readouterr().out
    assert "1 submission to look at by hand:\n  bob (not graded): No notebook" in said
    assert "sandbox: landlock missing: the kernel is too old" in said


# Dask.


@pytest.fixture
def cluster() -> Iterator[Any]:
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        processes=True,
        dashboard_address=None,
        silence_logs=50,
    ) as made:
        yield made


@pytest.mark.timeout(180)
def test_a_lost_workers_submissions_are_done_again_and_none_twice(
    settings: Settings, cluster: Any
) -> None:
    learners = [f"learner{number:02}" for number in range(40)]
    for number, learner in enumerate(learners):
        _hand_in(settings, learner, sleep=0.05, earned=number, die="once" if number == 20 else "")
    settings = replace(settings, jobs=None, scheduler=cluster.scheduler_address)
    graded = _grade(settings)
    assert [mark.learner for mark in graded.marks] == learners
    assert [mark.earned for mark in graded.marks] == list(range(40))
    assert not graded.looks
    assert _tries(settings)["learner20"] == 2
    assert len(list((settings.out / "results").iterdir())) == 40
    assert _grade(replace(settings, resume=True)).kept == 40


@pytest.mark.rest
@pytest.mark.timeout(180)
def test_a_submission_that_kills_every_worker_costs_only_itself(
    settings: Settings, cluster: Any
) -> None:
    for number in range(6):
        _hand_in(settings, f"fine{number}")
    # A worker that dies within milliseconds of its start takes its nanny with it.
    _hand_in(settings, "deadly", die="always", sleep=0.5)
    graded = _grade(replace(settings, jobs=None, scheduler=cluster.scheduler_address))
    codes = _codes(graded)
    assert codes.pop("deadly") == ["internal-error"]
    assert set(map(tuple, codes.values())) == {()}


class BlamingClient:
    """It blames a dead worker's whole queue, as Dask does. Submission 1 is the guilty one."""

    def __init__(self) -> None:
        self.keys: list[str] = []

    def nthreads(self) -> dict[str, int]:
        return {"worker": 1}

    def submit(self, function: Any, grader: Any, task: Task, version: str, **more: Any) -> Any:
        from distributed import KilledWorker

        key = more["key"]
        self.keys.append(key)
        future: Any = Future()
        future.key, future.release = key, lambda: None
        if task.number in (0, 1, 2) and not (key.endswith("-alone") and task.number != 1):
            future.set_exception(KilledWorker(key, "worker", 3))
        else:
            future.set_result(function(grader, task, version))
        return future


def test_a_submission_that_waited_behind_a_deadly_one_is_graded_alone(settings: Settings) -> None:
    pytest.importorskip("distributed")
    paths = [_hand_in(settings, f"learner{number}", earned=number) for number in range(9)]
    tasks = [Task(number, path.read_bytes()) for number, path in enumerate(paths)]
    client = BlamingClient()
    graded = cluster_module._graded(client, tasks, fakes.GRADER, "tcp://…")
    results = {task.number: mark for task, mark in graded}
    assert [reason.code for reason in results[1].reasons] == ["internal-error"]
    assert {n: mark.earned for n, mark in results.items() if n != 1} == {
        n: n for n in range(9) if n != 1
    }
    assert len(client.keys) == len(set(client.keys)) == 9 + 3
    assert all(key.endswith("-alone") for key in client.keys[9:])


@pytest.mark.rest
@pytest.mark.timeout(180)
def test_a_scheduler_that_goes_away_is_one_line_and_loses_nothing(
    settings: Settings, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(GradcourseError, match="went away; what is graded is kept"):
        _grade_and_lose("scheduler", settings, tmp_path)
    assert "Traceback" not in capfd.readouterr().err
    done = len(list((settings.out / "results").iterdir()))
    assert 5 <= done < 40
    again = _grade(replace(settings, jobs=4, resume=True))
    assert (again.kept, len(again.marks)) == (done, 40)


@pytest.mark.timeout(180)
def test_the_last_worker_that_is_lost_is_one_line_and_loses_nothing(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster_module, "LOOK_EVERY", 0.2)
    monkeypatch.setattr(cluster_module, "WITHOUT_WORKERS", 1)
    with pytest.raises(GradcourseError, match="lost its last worker: start some again; what is"):
        _grade_and_lose("worker", settings, tmp_path)
    done = len(list((settings.out / "results").iterdir()))
    assert 5 <= done < 40


def _grade_and_lose(lost: str, settings: Settings, folder: Path) -> None:
    """Grade a class on a scheduler with one worker; one of them dies after five results."""
    pytest.importorskip("distributed")
    for number in range(40):
        _hand_in(settings, f"learner{number:02}", sleep=0.1)
    about = folder / "scheduler.json"
    where = ["--scheduler-file", str(about)]
    run = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--port", "0", "--no-dashboard"]
    work = [sys.executable, "-m", "distributed.cli.dask_worker", "--nthreads", "1"]
    quiet: dict[str, Any] = {
        "env": {**os.environ, "PYTHONPATH": f"{Path(__file__).parent}{os.pathsep}{ROOT}"},
        "stderr": subprocess.DEVNULL,
        "cwd": folder,
    }
    processes = {
        "scheduler": subprocess.Popen([*run, "--host", "127.0.0.1", *where], **quiet),
        "worker": subprocess.Popen([*work, "--no-dashboard", "--no-nanny", *where], **quiet),
    }
    results, ended = settings.out / "results", threading.Event()

    def kill() -> None:
        while len(list(results.glob("l*.json"))) < 5 and not ended.wait(0.02):
            pass
        processes[lost].kill()

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        while not about.exists():
            time.sleep(0.05)
        address = json.loads(about.read_text("utf-8"))["address"]
        _grade(replace(settings, jobs=None, scheduler=address))
    finally:
        ended.set()
        for process in processes.values():
            process.kill()
            process.wait()
        killer.join()


# The real thing.


def test_a_small_class_from_the_command_line(tmp_path: Path) -> None:
    class_ = tmp_path / "class"
    class_.mkdir()
    for learner, folder in [("alice", "solutions"), ("bob", "exercises")]:
        data = (ROOT / folder / "01_chain_rule.ipynb").read_bytes()
        (class_ / f"{learner}.ipynb").write_bytes(data)
    (class_ / "carol.ipynb").write_bytes(b"")
    command = [sys.executable, "-m", "gradcourse.cli", "grade", "class", "--out", "grades"]
    done = subprocess.run([*command, "--jobs", "2"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 1, done.stderr
    records = {
        name: json.loads((tmp_path / "grades" / "results" / f"{name}.json").read_bytes())
        for name in ("alice", "bob", "carol")
    }
    earned = {name: record["earned"] for name, record in records.items()}
    assert earned == {"alice": 18, "bob": 0, "carol": 0}
    assert [one["code"] for one in records["carol"]["reasons"]] == ["empty-file"]
    assert not records["alice"]["look"]
    assert "on" in records["alice"]["sandbox"].values()
    written = {path.name for path in (tmp_path / "grades").iterdir()}
    assert written == {
        *("class.html", "gradebook.csv", "canvas.csv", "moodle.csv", "learners", "results"),
        "gradescope.json",
    }


def _attempts(settings: Settings, *wishes: dict[str, Any]) -> Settings:
    """One learner's notebooks, each a second newer than the one before."""
    for number, wish in enumerate(wishes):
        path = _hand_in(settings, "alice", **wish)
        place = settings.submissions / "alice" / f"02_try_{number}.ipynb"
        place.parent.mkdir(exist_ok=True)
        path.replace(place)
        os.utime(place, (number, number))
    _hand_in(settings, "bob")
    return replace(settings, best=True)


def test_the_best_of_several_attempts_counts_where_that_is_asked_for(settings: Settings) -> None:
    best = _attempts(settings, {"earned": 0.5}, {"earned": 2.0}, {"earned": 2.0}, {"earned": 0.0})
    (last, _) = _grade(settings).marks
    assert (last.earned, "several-notebooks" in last.codes) == (0.0, True)
    (alice, _) = _grade(best).marks
    assert (alice.earned, alice.look) == (2.0, False)
    assert alice.origin.name.endswith("02_try_2.ipynb")  # of two equal ones the newer
    assert alice.origin.notes == ("the best of 4 attempts counts",)
    again = _grade(replace(best, resume=True))
    assert (again.kept, again.marks[0]) == (2, alice)
    earliest = settings.submissions / "alice" / "02_try_0.ipynb"
    _hand_in(settings, "alice", earned=3.0).replace(earliest)
    os.utime(earliest, (0, 0))
    changed = _grade(replace(best, resume=True))
    assert (changed.kept, changed.marks[0].earned) == (1, 3.0)


def test_attempts_travel_to_another_process_with_their_files(settings: Settings) -> None:
    best = replace(_attempts(settings, {"earned": 2.0}, {"earned": 0.0}), jobs=2)
    (settings.submissions / "alice" / "helpers.py").write_text("x = 1")
    (alice, bob) = _grade(best).marks
    assert (alice.earned, alice.attempt, bob.earned) == (2.0, 1, 1.0)


def test_a_fault_of_the_grader_in_one_attempt_is_no_lesser_mark(settings: Settings) -> None:
    best = _attempts(settings, {"earned": 2.0, "faulty": True}, {"earned": 1.0})
    (alice, _) = _grade(best).marks
    assert alice.faulty
    assert not alice.graded


def test_ctrl_c_while_the_libraries_are_loaded_reaches_no_process_but_the_first() -> None:
    """The one that forks the others loads torch for seconds; a traceback of it helps nobody."""
    if not sys.platform.startswith("linux"):
        pytest.skip("read from /proc")
    script = (
        "from multiprocessing import forkserver\n"
        "from gradcourse.grading.many.pool import warm_up\n"
        "warm_up(None)\n"
        "with open(f'/proc/{forkserver._forkserver._forkserver_pid}/status') as file:\n"
        "    held = next(line for line in file if line.startswith('SigBlk'))\n"
        "print(bool(int(held.split()[1], 16) & 2))\n"
    )
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert told.stdout == "True\n", told.stderr
