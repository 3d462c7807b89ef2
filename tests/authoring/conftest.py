"""The small course of `authoring_course`, fresh for each test or built once for many."""

from __future__ import annotations

from pathlib import Path

import pytest
from authoring_course import QUESTIONS, get, make_course

from gradcourse.authoring import Registry, build


@pytest.fixture(scope="session")
def registry() -> Registry:
    return Registry(get, lambda number: tuple(QUESTIONS) if number == "01" else ())


@pytest.fixture
def course(tmp_path: Path) -> Path:
    return make_course(tmp_path / "course")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory, registry: Registry) -> Path:
    """The same course, built once; tests only read it."""
    root = make_course(tmp_path_factory.mktemp("built") / "course")
    report = build(root, registry=registry)
    assert report.failures == ()
    return root
