"""A pytest plug-in of `tests/run.py`: the longest file first; a note of what failed and how long.

A worker that gets the longest file last keeps everybody waiting. How long each file takes stands in
`seconds.json`; `tests/run.py test --record` writes it anew. It need not be right: it only orders.
"""

from __future__ import annotations

import json
import os
from collections import defaultdict
from pathlib import Path

import pytest

from gradcourse.lessons import lesson_about

ROOT = Path(__file__).parents[1]
SECONDS = Path(__file__).with_name("seconds.json")
UNKNOWN = 10.0
"""Seconds of a file that is not in the table."""

NOTES = "GRADCOURSE_TEST_NOTES"
"""The variable that names the file for the notes; without it none are written."""


def known_seconds() -> dict[str, float]:
    """Seconds by file, as they were when they were last recorded."""
    found: dict[str, float] = json.loads(SECONDS.read_text("utf-8"))
    return found


def file_of(node: str) -> str:
    """The file of a test."""
    return node.split("::")[0]


def without_group(node: str) -> str:
    """The name of a test, without the group that pytest-xdist writes behind it."""
    name, _, group = node.rpartition("@")
    return name if name and group.endswith((".py", ".ipynb")) else node


def group_of(item: pytest.Item) -> str:
    """Return the file whose experiments a test shares.

    That is its own, but for a question of a lesson: what the question measures is measured by the
    lesson's claims, too, and one process remembers it.
    """
    spec = getattr(item, "callspec", None)
    topic = str(getattr(spec and spec.params.get("exercise"), "id", "")).partition("/")[0]
    lesson = lesson_about(topic)
    claims = f"tests/lessons/test_lesson_{lesson.number}_claims.py" if lesson else ""
    return claims if (ROOT / claims).is_file() else file_of(item.nodeid)


def pytest_configure(config: pytest.Config) -> None:
    notes = os.environ.get(NOTES)
    if notes and not hasattr(config, "workerinput"):  # a worker's reports come to the first process
        config.pluginmanager.register(_Notes(Path(notes)))


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    seconds = known_seconds()
    groups = {item: group_of(item) for item in items}
    for item, group in groups.items():
        item.add_marker(pytest.mark.xdist_group(group))
    items.sort(key=lambda item: (-seconds.get(groups[item], UNKNOWN), groups[item]))


class _Notes:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._failed: dict[str, None] = {}
        self._seconds: defaultdict[str, float] = defaultdict(float)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self._failed[report.nodeid] = None

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._seconds[file_of(without_group(report.nodeid))] += report.duration
        if report.failed:
            self._failed[without_group(report.nodeid)] = None

    def pytest_sessionfinish(self) -> None:
        notes = {"failed": list(self._failed), "seconds": self._seconds}
        self._path.write_text(json.dumps(notes), "utf-8")
