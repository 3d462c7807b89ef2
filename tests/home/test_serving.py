"""What the server answers: of a working copy below its root, and of nothing else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gradcourse.checking.progress import Progress
from gradcourse.home import _jupyter_server_extension_points
from gradcourse.home.serving import _home, _intuition, _working_copy
from gradcourse.lessons import HOME
from gradcourse.workcopy.ledger import PLACE

ROOT = Path(__file__).parents[2]
JUPYTER = ROOT / "gradcourse" / "workcopy" / "jupyter"


def test_the_folder_of_a_document_is_found_below_the_root_only(tmp_path: Path) -> None:
    mine, other = tmp_path / "root" / "my-course", tmp_path / "other"
    for folder in (mine, other):
        (folder / PLACE).parent.mkdir(parents=True)
        (folder / PLACE).write_text("{}", "utf-8")
    assert _working_copy(tmp_path / "root", f"my-course/{HOME}") == mine.resolve()
    assert _working_copy(mine, HOME) == mine.resolve()
    assert _working_copy(mine, f"/{HOME}") == mine.resolve()
    assert _working_copy(mine, f"../../other/{HOME}") is None
    assert _working_copy(tmp_path / "root", HOME) is None


def test_the_intuition_comes_as_data(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GRADCOURSE_PROGRESS", str(tmp_path / "progress.sqlite"))
    assert _intuition()["figure"] is None
    Progress.default().lock("start/first-prediction", 0.02)
    Progress.default().measured("start/first-prediction", 8.9e-16)
    answer = json.loads(json.dumps(_intuition()))
    assert answer["said"].startswith("1 prediction, 0 close")
    assert answer["figure"]["frames"][0]["alt"].startswith("Your intuition")
    assert set(answer["style"]["themes"]) == {"light", "dark"}


def test_a_folder_without_pages_has_a_home(tmp_path: Path) -> None:
    (tmp_path / PLACE).parent.mkdir()
    (tmp_path / PLACE).write_text(
        '{"version": 1, "solutions": true, "complete": true, "course": "", "kernel": {}, '
        '"editions": {}}',
        "utf-8",
    )
    page = _home(tmp_path)
    assert "Start here" in page["html"]
    assert ".gc-home" in page["style"]
    assert "gradcourse update" in page["html"]


def test_jupyter_is_told_of_both_halves() -> None:
    config = json.loads(
        (JUPYTER / "jupyter_server_config.d" / "gradcourse.json").read_text("utf-8")
    )
    (point,) = _jupyter_server_extension_points()
    assert config["ServerApp"]["jpserver_extensions"][point["module"]]
    extension = JUPYTER / "labextensions" / "gradcourse"
    package = json.loads((extension / "package.json").read_text("utf-8"))
    load = package["jupyterlab"]["_build"]["load"]
    script = (extension / load).read_text("utf-8")
    assert f"window._JUPYTERLAB.{package['name']} = " in script
    assert HOME.replace(".", r"\\.") in script
    assert "http" not in script.replace("http://www.w3.org/2000/svg", "")
