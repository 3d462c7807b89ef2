"""What is given out says the same everywhere: version, licences, builds, what is installed."""

from __future__ import annotations

import json
import os
import re
import tomllib
from pathlib import Path
from typing import Any

import yaml
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]


def _text(name: str) -> str:
    return (ROOT / name).read_text("utf-8")


def _project() -> dict[str, Any]:
    return dict(tomllib.loads(_text("pyproject.toml"))["project"])


def test_the_version_is_one() -> None:
    version = _project()["version"]
    assert yaml.safe_load(_text("CITATION.cff"))["version"] == version
    assert re.findall(r"^## (.+)$", _text("CHANGELOG.md"), re.MULTILINE)[0] == version


def test_the_licences_are_named_and_not_paraphrased() -> None:
    project, notice = _project(), _text("LICENSE")
    named = project["license"].split(" AND ")
    assert f"SPDX-License-Identifier: {project['license']}" in notice
    assert re.findall(r"SPDX identifier: (\S+)", notice) == named
    assert notice.count("Official text:   https://") == len(named)
    assert yaml.safe_load(_text("CITATION.cff"))["license"] == named
    assert "hereby granted" not in notice
    assert [author["name"] for author in project["authors"]] == ["the gradcourse contributors"]
    assert "urls" not in project  # none exists
    assert all((ROOT / path).is_file() for path in project["license-files"])


def _binder() -> list[str]:
    lines = _text(".binder/requirements.txt").splitlines()
    return [line for line in lines if line and not line.startswith(("#", "-"))]


def test_binder_installs_what_the_course_runs_on() -> None:
    project = _project()
    wanted = [*project["dependencies"], *project["optional-dependencies"]["lab"]]
    assert {Requirement(line).name for line in _binder()} == {Requirement(w).name for w in wanted}
    assert os.access(ROOT / ".binder/postBuild", os.X_OK)
    python = _text(".binder/runtime.txt").strip().removeprefix("python-")
    assert python in project["requires-python"]


def test_binder_and_the_container_take_torchs_build_without_cuda() -> None:
    pinned = re.search(r"^torch==(\S+)$", _text("constraints.txt"), re.MULTILINE)
    assert pinned is not None
    build = f"torch=={pinned[1]}+cpu"
    assert build in _binder()
    assert "ARG PIP_EXTRA_INDEX_URL" in _text("Containerfile")


def test_the_settings_for_vs_code_are_json() -> None:
    settings = json.loads(_text(".vscode/settings.json"))
    assert settings["jupyter.widgetScriptSources"]
