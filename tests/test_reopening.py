"""A server that the course did not start keeps its pages readable, too, and its own choices."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from jupyter_server.serverapp import ServerApp
from jupyter_server.services.contents.filemanager import FileContentsManager

from gradcourse import reopening

SETTING = Path(reopening.__file__).parent / "workcopy/jupyter/jupyter_server_config.d"


def test_a_server_of_no_choice_gets_the_courses_contents() -> None:
    server = ServerApp()
    reopening._link_jupyter_server_extension(server)
    assert server.contents_manager_class is reopening.StillContents


def test_another_choice_stands() -> None:
    server = ServerApp(contents_manager_class=FileContentsManager)
    reopening._link_jupyter_server_extension(server)
    assert server.contents_manager_class is FileContentsManager


def test_the_setting_names_the_extension() -> None:
    said = json.loads((SETTING / "gradcourse.json").read_text("utf-8"))
    (point,) = reopening._jupyter_server_extension_points()
    assert said["ServerApp"]["jpserver_extensions"][point["module"]] is True


def test_a_server_that_loads_it_gives_its_kernels_no_environment_of_ours() -> None:
    code = (
        "import os; before = dict(os.environ); import jupyter_server; "
        "import gradcourse.reopening; assert dict(os.environ) == before"
    )
    clean = {"PYTHONPATH": str(Path(reopening.__file__).parents[1])}
    done = subprocess.run([sys.executable, "-c", code], env=clean, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
