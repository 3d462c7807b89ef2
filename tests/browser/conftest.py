"""One chromium and one Firefox for all browser tests, and one JupyterLab for each file.

Without a browser its tests are skipped on a learner's machine, and fail where they are required:
with ``CI=true`` or ``GRADCOURSE_REQUIRE_BROWSER=1``.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from firefox import Page, firefox, running_firefox
from lab import Lab, Notebook, chromium, open_notebook, running_browser, running_lab


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Debian's chromium, driven by Playwright."""
    _require(chromium(), "chromium")
    with running_browser() as running:
        yield running


@pytest.fixture(scope="session")
def fox() -> Iterator[Page]:
    """Debian's firefox-esr, driven over WebDriver BiDi: its one page."""
    _require(firefox(), "firefox-esr")
    with running_firefox() as page:
        yield page


def _require(program: str | None, name: str) -> None:
    if program is None:
        missing = f"THE BROWSER TESTS DID NOT RUN: there is no {name} (apt install {name})."
        required = os.environ.get("CI") == "true" or os.environ.get("GRADCOURSE_REQUIRE_BROWSER")
        (pytest.fail if required else pytest.skip)(missing)


@pytest.fixture(scope="module")
def lab(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A real JupyterLab on a copy of the course and a record of its own, for each file."""
    with running_lab(tmp_path_factory.mktemp("lab")) as running:
        yield running


Open = Callable[..., Notebook]


@pytest.fixture
def opened(lab: Lab, browser: Any) -> Iterator[Open]:
    """Open notebooks by name; close them and their kernels after the test."""
    notebooks: list[Notebook] = []

    def open_one(name: str, **context: Any) -> Notebook:
        notebooks.append(open_notebook(lab, browser, name, **context))
        return notebooks[-1]

    yield open_one
    for notebook in notebooks:
        notebook.page.context.close()
        if lab.session(notebook.name):
            lab.shut_down(notebook.name)
