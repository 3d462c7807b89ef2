"""The learner's own record: every attempt and every locked prediction, in one SQLite file.

The file lies where the platform keeps a user's data, or where the environment variable
GRADCOURSE_PROGRESS points; "off" keeps nothing. It never leaves the machine. Nothing here may
stop a check: what cannot be kept is reported by a warning, and the lesson goes on.
"""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from gradcourse.checking.show import count
from gradcourse.checking.verdict import Verdict
from gradcourse.support import GradcourseError

Result = TypeVar("Result")

VARIABLE = "GRADCOURSE_PROGRESS"
BUSY_SECONDS = 10.0
"""How long a writer waits for another one."""

FORMAT = "gradcourse progress"
"""The first key of a file that carries progress to another machine."""

SCHEMA_VERSION = 2
TABLES = {"attempts": 8, "locked": 3, "measured": 2}
"""What is carried to another machine, and how many columns each table has."""

SCHEMA = """
CREATE TABLE IF NOT EXISTS attempts (
    id TEXT NOT NULL, time REAL NOT NULL, earned REAL NOT NULL, possible REAL NOT NULL,
    right INTEGER NOT NULL, message TEXT NOT NULL, misconception TEXT NOT NULL, seed INTEGER);
CREATE INDEX IF NOT EXISTS attempts_by_id ON attempts (id);
CREATE TABLE IF NOT EXISTS locked (
    id TEXT PRIMARY KEY, time REAL NOT NULL, answer TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS measured (
    id TEXT PRIMARY KEY, value REAL NOT NULL);
"""


class ProgressWarning(UserWarning):
    """Something about the progress file that the learner should know."""


@dataclass(frozen=True)
class Best:
    """The best attempt at one question, and how many there were."""

    id: str
    earned: float
    possible: float
    right: bool
    attempts: int
    last: float


def location() -> Path | None:
    """Return where progress is kept, or None when it is switched off."""
    chosen = os.environ.get(VARIABLE, "").strip()
    if chosen.lower() == "off":
        return None
    if chosen:
        return Path(chosen).expanduser()
    import platformdirs

    return Path(platformdirs.user_data_dir("gradcourse", appauthor=False)) / "progress.sqlite"


@dataclass(frozen=True)
class Progress:
    """The progress file.

    Any number of notebooks may use it at once. Each call opens the file, does one transaction
    and closes it, so a killed kernel leaves either the whole attempt or none of it.

    Attributes
    ----------
    path : Path or None
        The file; None keeps nothing.
    """

    path: Path | None

    @classmethod
    def default(cls) -> Progress:
        """The file of this user."""
        return cls(location())

    def record(self, verdict: Verdict) -> None:
        """Keep one attempt. A question that is not answered yet, or stopped, is none."""
        if verdict.unanswered or verdict.interrupted:
            return
        row = (
            verdict.id,
            time.time(),
            verdict.earned,
            verdict.possible,
            int(verdict.right),
            verdict.message,
            "; ".join(verdict.misconceptions),
            verdict.seed,
        )
        self._do(
            lambda db: db.execute("INSERT INTO attempts VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row), None
        )

    def lock(self, id: str, answer: Any) -> Any:
        """Lock the answer to a prediction, and return the one that counts: the first.

        Parameters
        ----------
        id : str
            Of the exercise.
        answer : float or str
            What the learner committed to.
        """

        row = (id, time.time(), json.dumps(answer))

        def first(db: sqlite3.Connection) -> Any:
            db.execute("INSERT OR IGNORE INTO locked VALUES (?, ?, ?)", row)
            found = db.execute("SELECT answer FROM locked WHERE id = ?", (id,)).fetchone()
            return json.loads(found[0])

        return self._do(first, answer)

    def locked(self, id: str) -> Any:
        """Return the locked answer to a prediction, or None."""

        def look(db: sqlite3.Connection) -> Any:
            found = db.execute("SELECT answer FROM locked WHERE id = ?", (id,)).fetchone()
            return None if found is None else json.loads(found[0])

        return self._do(look, None)

    def measured(self, id: str, value: float) -> None:
        """Keep what was measured last, to be laid beside what was predicted."""
        row = (id, value)
        self._do(lambda db: db.execute("INSERT OR REPLACE INTO measured VALUES (?, ?)", row), None)

    def predictions(self) -> dict[str, tuple[float, float]]:
        """Return, by id and in the order of locking, each number predicted and measured."""

        def look(db: sqlite3.Connection) -> dict[str, tuple[float, float]]:
            rows = db.execute(
                "SELECT locked.id, answer, value FROM locked JOIN measured "
                "ON locked.id = measured.id ORDER BY locked.time"
            ).fetchall()
            pairs = ((id, json.loads(answer), value) for id, answer, value in rows)
            return {id: (float(a), value) for id, a, value in pairs if isinstance(a, int | float)}

        return self._do(look, {})

    def best(self) -> dict[str, Best]:
        """Return the best attempt per question; by the share of the points, then the latest."""

        def look(db: sqlite3.Connection) -> dict[str, Best]:
            rows = db.execute(
                "SELECT id, earned, possible, right, time FROM attempts ORDER BY rowid"
            ).fetchall()
            found: dict[str, Best] = {}
            for id, earned, possible, right, when in rows:
                before = found.get(id)
                count = 1 + (before.attempts if before else 0)
                new = Best(id, earned, possible, bool(right), count, when)
                if before is not None and _rank(before) > _rank(new):
                    new = Best(id, before.earned, before.possible, before.right, count, when)
                found[id] = new
            return found

        return self._do(look, {})

    def touched(self) -> dict[str, float]:
        """Return every question that was tried or locked, with the time of the last try."""

        def look(db: sqlite3.Connection) -> dict[str, float]:
            both = "SELECT id, time FROM attempts UNION ALL SELECT id, time FROM locked"
            return dict(db.execute(f"SELECT id, MAX(time) FROM ({both}) GROUP BY id").fetchall())

        return self._do(look, {})

    def complaint(self) -> str:
        """Return why nothing can be kept in this file, or an empty string; nothing is changed.

        A file is opened for writing, and where there is none yet its nearest folder is written
        to: permissions alone do not tell (a full disk, a read-only one, root's own rights).
        """
        if self.path is None:
            return ""
        try:
            if self.path.exists():
                with contextlib.closing(sqlite3.connect(self.path, isolation_level=None)) as db:
                    db.execute("BEGIN IMMEDIATE")
                    db.execute("CREATE TABLE complaint (id)")
                    db.execute("ROLLBACK")
            else:
                parents = self.path.parents
                folder = next(parent for parent in parents if parent.exists())
                with tempfile.TemporaryDirectory(dir=folder):
                    pass
        except OSError as error:
            return error.strerror or str(error)
        except sqlite3.Error as error:
            return str(error)
        return ""

    def save(self, path: Path) -> str:
        """Write everything that is kept to a new file, for another machine.

        Returns
        -------
        str
            What that was: "12 attempts and 3 predictions".

        Raises
        ------
        GradcourseError
            If nothing is kept, the file exists or cannot be written.
        """

        def look(db: sqlite3.Connection) -> dict[str, list[Any]]:
            return {name: db.execute(f"SELECT * FROM {name}").fetchall() for name in TABLES}

        nothing: dict[str, list[Any]] = {}
        rows = self._do(look, nothing)
        if not any(rows.values()):
            raise GradcourseError("there is no progress to export yet")
        try:
            with path.expanduser().open("x", encoding="utf-8") as file:
                json.dump({FORMAT: SCHEMA_VERSION, **rows}, file, ensure_ascii=False)
        except OSError as error:
            raise GradcourseError(f"{path} cannot be written: {error}") from error
        return _counted(len(rows["attempts"]), len(rows["locked"]))

    def take_in(self, path: Path) -> str:
        """Add what another machine has kept; of two locked answers the earlier one counts.

        To take in the same file twice adds nothing.

        Parameters
        ----------
        path : Path
            A file that `save` wrote.

        Returns
        -------
        str
            What was new: "12 attempts and 3 predictions".

        Raises
        ------
        GradcourseError
            If it is no such file, or nothing can be kept here.
        """
        rows = _read_saved(path)
        if self.path is None:
            raise GradcourseError(f"progress is switched off ({VARIABLE}=off)")

        def add(db: sqlite3.Connection) -> str:
            before = db.total_changes
            for row in rows["attempts"]:
                db.execute(
                    "INSERT INTO attempts SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8 WHERE NOT EXISTS "
                    "(SELECT 1 FROM attempts WHERE id = ?1 AND time = ?2)",
                    row,
                )
            attempts = db.total_changes - before
            for row in rows["locked"]:
                db.execute(
                    "INSERT INTO locked VALUES (?1, ?2, ?3) ON CONFLICT (id) DO UPDATE "
                    "SET time = ?2, answer = ?3 WHERE ?2 < time",
                    row,
                )
            predictions = db.total_changes - before - attempts
            for row in rows["measured"]:  # what was measured here is nearer to what is shown here
                db.execute("INSERT OR IGNORE INTO measured VALUES (?, ?)", row)
            return _counted(attempts, predictions)

        said = self._do(add, "")
        if not said:
            raise GradcourseError(f"your progress cannot be kept in {self.path}")
        return said

    def _do(self, work: Callable[[sqlite3.Connection], Result], otherwise: Result) -> Result:
        """Run one transaction; set a corrupt file aside and try once more; report what fails."""
        if self.path is None:
            return otherwise
        for _ in range(3):
            seen = _identity(self.path)
            try:
                with _transaction(self.path) as db:
                    return work(db)
            except (sqlite3.OperationalError, OSError) as error:
                _warn(f"your progress is not being kept: {self.path}: {error}. {_ADVICE}")
                return otherwise
            except (sqlite3.DatabaseError, ValueError) as error:
                if not self._set_aside(seen, error):
                    return otherwise
        return otherwise

    def _set_aside(self, seen: tuple[int, int] | None, error: Exception) -> bool:
        """Rename a corrupt file, unless another process has just done so."""
        assert self.path is not None
        if _identity(self.path) != seen:
            return True
        aside = _free_name(self.path)
        try:
            for suffix in ("-wal", "-shm"):
                companion = Path(f"{self.path}{suffix}")
                if companion.exists():
                    companion.rename(f"{aside}{suffix}")
            self.path.rename(aside)
        except FileNotFoundError:  # the other process was faster
            return True
        except OSError as failure:
            _warn(
                f"your progress file {self.path} cannot be read ({error}) and could not be "
                f"renamed ({failure}). {_ADVICE}"
            )
            return False
        _warn(
            f"your progress file could not be read ({error}). It was kept as {aside.name}, and "
            f"a new one was started in {self.path.parent}"
        )
        return True


_ADVICE = f"Set {VARIABLE} to a file in a folder that you can write, or to off"


def _read_saved(path: Path) -> dict[str, list[Any]]:
    try:
        data = json.loads(path.expanduser().read_text("utf-8"))
        if data[FORMAT] > SCHEMA_VERSION:
            raise GradcourseError(f"{path} was written by a newer gradcourse: update this one")
        # Files of a former gradcourse lack what was measured.
        rows: dict[str, list[Any]] = {"measured": []} | {n: data[n] for n in TABLES if n in data}
        plain = (str, int, float, type(None))
        for name, width in TABLES.items():
            for row in rows[name]:
                if len(row) != width or not all(isinstance(value, plain) for value in row):
                    raise ValueError(name)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise GradcourseError(
            f"{path} cannot be read: give a file that gradcourse progress --export wrote"
        ) from error
    return rows


def _counted(attempts: int, predictions: int) -> str:
    return f"{count(attempts, 'attempt')} and {count(predictions, 'prediction')}"


def _warn(message: str) -> None:
    warnings.warn(message, ProgressWarning, stacklevel=2)


def _rank(best: Best) -> tuple[bool, float]:
    return (best.right, best.earned / best.possible if best.possible else 0.0)


@contextlib.contextmanager
def _transaction(path: Path) -> Iterator[sqlite3.Connection]:
    path.parent.mkdir(parents=True, exist_ok=True)
    db = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)
    try:
        version = db.execute("PRAGMA user_version").fetchone()[0]
        if version > SCHEMA_VERSION:
            raise sqlite3.OperationalError(f"it was written by a newer gradcourse ({version})")
        if version < SCHEMA_VERSION:
            _create(db)
        db.execute("PRAGMA synchronous=NORMAL")
        db.execute("BEGIN IMMEDIATE")
        try:
            yield db
        except BaseException:
            with contextlib.suppress(sqlite3.Error):  # a damaged file has rolled back already
                db.execute("ROLLBACK")
            raise
        db.execute("COMMIT")
    finally:
        db.close()


def _create(db: sqlite3.Connection) -> None:
    """Make the tables; write-ahead logging lets readers and a writer work side by side."""
    _patiently(lambda: db.execute("PRAGMA journal_mode=WAL"))
    db.execute("BEGIN IMMEDIATE")
    for statement in SCHEMA.split(";"):
        db.execute(statement)
    db.execute(f"PRAGMA user_version={SCHEMA_VERSION}")
    db.execute("COMMIT")


def _patiently(action: Callable[[], Any]) -> None:
    """Try again while another process holds the file: SQLite's own waiting leaves this out."""
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            action()
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.02)


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return (found.st_dev, found.st_ino)


def _free_name(path: Path) -> Path:
    number = 1
    while (aside := Path(f"{path}.corrupt-{number}")).exists():
        number += 1
    return aside
