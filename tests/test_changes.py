"""What `make check` chooses, and what it leaves out."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from changes import belonging, changed_files, within

FILES = (
    *("tests/nets/test_residual.py", "tests/nets/test_recipes.py", "tests/nets/made.py"),
    *("tests/test_cli.py", "tests/test_docs.py", "tests/test_import.py", "tests/browser/test_a.py"),
    *("tests/authoring/test_built.py", "tests/lessons/test_lesson_07_claims.py"),
    *("lessons/07_residual.ipynb", "exercises/07_skip.ipynb", "solutions/07_skip.ipynb"),
)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "Ein Pfad für alle"
    for name in FILES:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


@pytest.mark.parametrize(
    ("changed", "chosen"),
    [
        ("tests/test_cli.py", ["tests/test_cli.py"]),
        ("tests/test_gone.py", []),
        ("tests/nets/made.py", ["tests/nets/test_recipes.py", "tests/nets/test_residual.py"]),
        ("gradcourse/cli.py", ["tests/test_cli.py", "tests/test_import.py"]),
        (
            "gradcourse/nets/residual.py",
            ["tests/nets/test_residual.py", "tests/nets/test_recipes.py", "tests/test_import.py"],
        ),
        (
            "gradcourse/experiments/residual.py",
            ["tests/lessons/test_lesson_07_claims.py", "tests/test_import.py"],
        ),
        (
            "source/lessons/07_residual.py",
            [
                "lessons/07_residual.ipynb",
                "tests/authoring/test_built.py",
                "tests/lessons/test_lesson_07_claims.py",
            ],
        ),
        (
            "source/exercises/07_skip.py",
            ["exercises/07_skip.ipynb", "solutions/07_skip.ipynb", "tests/authoring/test_built.py"],
        ),
        ("docs/learner.md", ["tests/test_docs.py"]),
        ("Makefile", []),
    ],
)
def test_the_nearest_tests_come_first(changed: str, chosen: list[str], tree: Path) -> None:
    assert belonging([changed], tree) == chosen


def test_what_takes_too_long_is_left_out_and_what_follows_is_not() -> None:
    seconds = {"a": 50.0, "b": 300.0, "c": 40.0}
    assert within(["a", "b", "c", "new"], seconds, 95.0) == (["a", "c"], ["b", "new"])


def test_committed_changed_and_new_files_are_found(tree: Path) -> None:
    def git(*words: str) -> None:
        who = ["-c", "user.name=a", "-c", "user.email=a@b.c"]
        subprocess.run(["git", *who, *words], cwd=tree, check=True, capture_output=True)

    git("init", "-b", "main")
    git("add", ".")
    git("commit", "-m", "all")
    (tree / "on main.py").touch()
    git("add", ".")
    git("commit", "-m", "one more")
    assert changed_files(tree) == (["on main.py"], "last commit")
    git("switch", "-c", "own")
    (tree / "committed ä.py").touch()
    git("add", ".")
    git("commit", "-m", "mine")
    (tree / FILES[0]).write_text("changed")
    (tree / "new.py").touch()
    changed, since = changed_files(tree)
    assert changed == ["committed ä.py", "new.py", FILES[0]]
    assert since.startswith("since ")
