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


def pytest_configure(config: pytest.Config) -> None:
    notes = os.environ.get(NOTES)
    if notes and not hasattr(config, "workerinput"):  # a worker's reports come to the first process
        config.pluginmanager.register(_Notes(Path(notes)))


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    seconds = known_seconds()
    items.sort(key=lambda item: -seconds.get(file_of(item.nodeid), UNKNOWN))


class _Notes:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._failed: dict[str, None] = {}
        self._seconds: defaultdict[str, float] = defaultdict(float)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self._failed[report.nodeid] = None

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._seconds[file_of(report.nodeid)] += report.duration
        if report.failed:
            self._failed[report.nodeid] = None

    def pytest_sessionfinish(self) -> None:
        notes = {"failed": list(self._failed), "seconds": self._seconds}
        self._path.write_text(json.dumps(notes), "utf-8")
