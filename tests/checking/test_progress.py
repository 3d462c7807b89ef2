"""The progress file: two writers, a killed one, a corrupt file, a folder that cannot be written."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

from gradcourse.checking import PartResult, Verdict
from gradcourse.checking.progress import Progress, ProgressWarning, location
from gradcourse.support import GradcourseError

WRITER = """
import sys
from pathlib import Path
from gradcourse.checking import PartResult, Verdict
from gradcourse.checking.progress import Progress
progress = Progress(Path(sys.argv[1]))
for i in range(int(sys.argv[3])):
    part = PartResult("part", "right", 1.0, 1.0)
    progress.record(Verdict(sys.argv[2], "title", (part,), seed=i))
    print(i, flush=True)
"""


def verdict(id: str = "made/up", earned: float = 1.0, possible: float = 2.0) -> Verdict:
    status = "right" if earned == possible else "wrong"
    part = PartResult("part", status, earned, possible, "message", "slip" if earned else None)
    return Verdict(id, "title", (part,), seed=3)


@pytest.fixture
def progress(tmp_path) -> Progress:
    return Progress(tmp_path / "deep" / "down" / "progress.sqlite")


def rows(path: Path, query: str = "SELECT * FROM attempts") -> list:
    db = sqlite3.connect(path)
    try:
        return db.execute(query).fetchall()
    finally:
        db.close()


def writer(path: Path, id: str, count: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", WRITER, str(path), id, str(count)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_an_attempt_is_kept_whole(progress) -> None:
    progress.record(verdict())
    ((id, _when, earned, possible, right, message, slip, seed),) = rows(progress.path)
    assert (id, earned, possible, right) == ("made/up", 1.0, 2.0, 0)
    assert (message, slip, seed) == ("slip: message", "slip", 3)
    assert rows(progress.path, "PRAGMA journal_mode") == [("wal",)]


def test_what_is_unanswered_or_stopped_is_no_attempt(progress) -> None:
    progress.record(Verdict("a/b", "t", (PartResult("p", "unanswered", 0.0, 1.0),)))
    stopped = PartResult("p", "wrong", 0.0, 1.0)
    progress.record(Verdict("a/b", "t", (stopped,), interrupted=True))
    assert progress.best() == {}


def test_the_best_attempt_is_kept_and_all_are_counted(progress) -> None:
    for earned in (1.0, 2.0, 0.0):
        progress.record(verdict(earned=earned))
    progress.record(verdict("made/other", 0.0))
    best = progress.best()
    assert (best["made/up"].earned, best["made/up"].right) == (2.0, True)
    assert best["made/up"].attempts == 3
    assert (best["made/other"].earned, best["made/other"].attempts) == (0.0, 1)


def test_the_first_locked_answer_counts(progress) -> None:
    assert progress.locked("a/b") is None
    assert progress.lock("a/b", 1e-15) == 1e-15
    assert progress.lock("a/b", 3.0) == 1e-15
    assert Progress(progress.path).locked("a/b") == 1e-15
    assert progress.lock("a/choice", "grows") == "grows"


def test_two_processes_at_once_lose_nothing(progress) -> None:
    writers = [writer(progress.path, f"made/{name}", 60) for name in ("one", "two", "three")]
    for process in writers:
        _, problems = process.communicate(timeout=120)
        assert process.returncode == 0
        assert problems == ""
    counts = {id: best.attempts for id, best in progress.best().items()}
    assert counts == {"made/one": 60, "made/two": 60, "made/three": 60}


def test_a_killed_process_corrupts_nothing_and_loses_nothing_it_had_kept(progress) -> None:
    for round_ in range(3):
        process = writer(progress.path, f"made/{round_}", 100_000)
        assert process.stdout is not None
        for _ in range(15):
            process.stdout.readline()
        process.send_signal(signal.SIGKILL)
        kept = 15 + len(process.stdout.readlines())
        process.wait()
        assert rows(progress.path, "PRAGMA integrity_check") == [("ok",)]
        assert kept <= progress.best()[f"made/{round_}"].attempts <= kept + 1


def damage_header(path: Path) -> None:
    path.write_bytes(b"this is no database" * 400)


def damage_pages(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[100:] = os.urandom(len(data) - 100)
    path.write_bytes(data)


@pytest.mark.parametrize("damage", [damage_header, damage_pages])
def test_a_corrupt_file_is_set_aside_and_reported_once(progress, damage) -> None:
    progress.record(verdict("made/before"))
    for number in (1, 2):
        damage(progress.path)
        damaged = progress.path.read_bytes()
        with pytest.warns(
            ProgressWarning, match=f"kept as progress.sqlite.corrupt-{number}"
        ) as seen:
            progress.record(verdict("made/after"))
        assert len(seen) == 1
        aside = progress.path.with_name(f"progress.sqlite.corrupt-{number}")
        assert aside.read_bytes() == damaged
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert set(progress.best()) == {"made/after"}


def test_several_processes_that_meet_a_corrupt_file_keep_it_and_all_attempts(progress) -> None:
    progress.path.parent.mkdir(parents=True)
    damage_header(progress.path)
    writers = [writer(progress.path, f"made/{name}", 5) for name in ("one", "two", "three")]
    for process in writers:
        process.communicate(timeout=120)
        assert process.returncode == 0
    asides = list(progress.path.parent.glob("*.corrupt-?"))
    assert len(asides) == 1
    counts = {id: best.attempts for id, best in progress.best().items()}
    assert counts == {"made/one": 5, "made/two": 5, "made/three": 5}


def test_a_folder_that_cannot_be_made_is_one_clear_warning(tmp_path) -> None:
    (tmp_path / "file").write_text("in the way")
    progress = Progress(tmp_path / "file" / "progress.sqlite")
    with pytest.warns(ProgressWarning, match="not being kept.*GRADCOURSE_PROGRESS") as seen:
        progress.record(verdict())
    assert len(seen) == 1
    with pytest.warns(ProgressWarning):
        assert progress.lock("a/b", 2.0) == 2.0
    with pytest.warns(ProgressWarning):
        assert progress.best() == {}


def test_the_warning_is_shown_once_in_a_session(tmp_path) -> None:
    (tmp_path / "file").write_text("in the way")
    script = (
        "import sys; from pathlib import Path\n"
        "from gradcourse.checking.progress import Progress\n"
        "for _ in range(3): Progress(Path(sys.argv[1])).locked('a/b')\n"
    )
    path = str(tmp_path / "file" / "progress.sqlite")
    done = subprocess.run([sys.executable, "-c", script, path], capture_output=True, text=True)
    assert done.stderr.count("ProgressWarning: your progress is not being kept") == 1


def test_a_file_of_a_newer_course_is_left_alone(progress) -> None:
    progress.record(verdict())
    db = sqlite3.connect(progress.path)
    db.execute("PRAGMA user_version=99")
    db.close()
    before = rows(progress.path)
    with pytest.warns(ProgressWarning, match="newer gradcourse"):
        progress.record(verdict())
    assert rows(progress.path) == before


def test_where_it_is_kept(monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("GRADCOURSE_PROGRESS", "off")
    assert location() is None
    assert Progress.default().best() == {}
    assert Progress.default().lock("a/b", 4.0) == 4.0
    monkeypatch.setenv("GRADCOURSE_PROGRESS", str(tmp_path / "mine.sqlite"))
    assert location() == tmp_path / "mine.sqlite"
    monkeypatch.delenv("GRADCOURSE_PROGRESS")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert location().name == "progress.sqlite"


# ── Between machines ──────────────────────────────────────────────────────────────────────────


def test_what_is_saved_is_taken_in_once(progress, tmp_path) -> None:
    progress.record(verdict())
    progress.record(verdict(earned=2.0))
    progress.lock("made/guess", "vanishes")
    assert progress.save(tmp_path / "mine.json") == "2 attempts and 1 prediction"
    other = Progress(tmp_path / "other.sqlite")
    other.record(verdict("made/other"))
    assert other.take_in(tmp_path / "mine.json") == "2 attempts and 1 prediction"
    assert other.take_in(tmp_path / "mine.json") == "0 attempts and 0 predictions"
    assert other.best()["made/up"] == progress.best()["made/up"]
    assert set(other.best()) == {"made/up", "made/other"}
    assert other.locked("made/guess") == "vanishes"


def test_the_dots_of_the_intuition_go_along(progress, tmp_path) -> None:
    progress.lock("made/number", 0.02)
    progress.measured("made/number", 9e-16)
    assert progress.save(tmp_path / "mine.json") == "0 attempts and 1 prediction"
    other = Progress(tmp_path / "other.sqlite")
    assert other.take_in(tmp_path / "mine.json") == "0 attempts and 1 prediction"
    assert other.predictions() == {"made/number": (0.02, 9e-16)}
    other.measured("made/number", 8e-16)
    other.take_in(tmp_path / "mine.json")
    assert other.predictions() == {"made/number": (0.02, 8e-16)}


def test_a_file_of_a_former_gradcourse_is_taken_in(progress, tmp_path) -> None:
    progress.lock("made/number", 0.02)
    progress.save(tmp_path / "mine.json")
    data = json.loads((tmp_path / "mine.json").read_text("utf-8"))
    del data["measured"]
    (tmp_path / "mine.json").write_text(json.dumps(data), "utf-8")
    other = Progress(tmp_path / "other.sqlite")
    assert other.take_in(tmp_path / "mine.json") == "0 attempts and 1 prediction"
    assert other.predictions() == {}


@pytest.mark.parametrize("earlier_here", [True, False])
def test_of_two_locked_answers_the_earlier_counts(tmp_path, monkeypatch, earlier_here) -> None:
    here, there = Progress(tmp_path / "here.sqlite"), Progress(tmp_path / "there.sqlite")
    clock = iter([1.0, 2.0])
    monkeypatch.setattr("gradcourse.checking.progress.time.time", lambda: next(clock))
    for machine in (here, there) if earlier_here else (there, here):
        machine.lock("made/guess", "here" if machine is here else "there")
    there.save(tmp_path / "there.json")
    here.take_in(tmp_path / "there.json")
    assert here.locked("made/guess") == ("here" if earlier_here else "there")


@pytest.mark.parametrize(
    "content",
    ["", "[]", "{}", '{"gradcourse progress": 1, "attempts": [[1, 2]], "locked": []}', "\0\1"],
)
def test_a_file_that_is_none_is_refused_and_changes_nothing(progress, tmp_path, content) -> None:
    progress.record(verdict())
    (tmp_path / "bad.json").write_text(content, "utf-8")
    with pytest.raises(GradcourseError, match="--export"):
        progress.take_in(tmp_path / "bad.json")
    assert len(rows(progress.path)) == 1


def test_exporting_overwrites_nothing(progress, tmp_path) -> None:
    with pytest.raises(GradcourseError, match="no progress"):
        progress.save(tmp_path / "mine.json")
    progress.record(verdict())
    (tmp_path / "mine.json").write_text("something else", "utf-8")
    with pytest.raises(GradcourseError, match="exists"):
        progress.save(tmp_path / "mine.json")
    assert (tmp_path / "mine.json").read_text("utf-8") == "something else"


def test_a_complaint_tells_whether_anything_would_be_kept(progress, tmp_path) -> None:
    assert Progress(None).complaint() == ""
    assert progress.complaint() == ""
    assert not progress.path.parent.exists()
    progress.record(verdict())
    before = rows(progress.path)
    assert progress.complaint() == ""
    assert rows(progress.path) == before
    (tmp_path / "file").write_text("no database, and not short enough to be an empty one " * 20)
    for path in (
        tmp_path,
        tmp_path / "file",
        tmp_path / "file" / "below.sqlite",
        Path("/proc/nowhere/p.sqlite"),
    ):
        assert Progress(path).complaint(), path
