"""A wheel brings the whole course, and needs nothing of this folder."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import sysconfig
import time
import urllib.request
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from gradcourse.lessons import HOME
from gradcourse.workcopy import Shelf
from gradcourse.workcopy.shelf import FIRST_PAGE

ROOT = Path(__file__).parents[2]
PARTS = ("gradcourse", "lessons", "exercises", "solutions")
FILES = ("pyproject.toml", "setup.py", "README.md", "LICENSE")
EXTENSION = "jupyter_server_config.d/gradcourse.json"


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what a wheel is made of: a build leaves folders behind that the next one reads."""
    folder = tmp_path_factory.mktemp("wheel")
    for part in PARTS:
        shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
    for file in FILES:
        shutil.copy(ROOT / file, folder / file)
    return folder


@pytest.fixture(scope="module")
def wheel(tree: Path) -> Path:
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-index"]
    command += ["--no-build-isolation", "--wheel-dir", str(tree / "out"), str(tree)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (built,) = (tree / "out").glob("gradcourse-*.whl")
    return built


def test_the_course_and_the_settings_are_in_it(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        for page in Shelf.default().pages():
            assert archive.read(f"gradcourse/course/{page}") == (ROOT / page).read_bytes()
    assert "gradcourse/workcopy/jupyter/labconfig/default_setting_overrides.json" in names
    assert "gradcourse/workcopy/readable/index.html.j2" in names
    assert [name for name in names if name.endswith(f"data/etc/jupyter/{EXTENSION}")]
    assert "gradcourse/figures/live.js" in names
    assert [name for name in names if name.endswith("page/home.html.j2")]
    data = {name.partition(".data/data/")[2] for name in names}
    assert "etc/jupyter/jupyter_server_config.d/gradcourse.json" in data
    assert "share/jupyter/labextensions/gradcourse/package.json" in data
    assert "share/jupyter/labextensions/gradcourse/static/home.js" in data
    listed = [name for name in names if name.endswith(".ipynb")]
    assert len(listed) == len(Shelf.default().pages())
    assert not [name for name in names if "/checkpoints" in name or name.startswith("tests")]


def test_it_is_small(wheel: Path) -> None:
    assert wheel.stat().st_size < 8_000_000


def test_an_editable_install_reads_the_pages_where_they_lie(tree: Path, tmp_path: Path) -> None:
    build = f"from setuptools import build_meta; build_meta.build_editable({str(tmp_path)!r})"
    command = [sys.executable, "-c", build]
    done = subprocess.run(command, cwd=tree, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (built,) = tmp_path.glob("gradcourse-*.whl")
    with zipfile.ZipFile(built) as archive:
        names = archive.namelist()
    assert not [name for name in names if name.endswith(".ipynb")]
    assert [name for name in names if name.endswith(f"data/etc/jupyter/{EXTENSION}")]


@pytest.fixture
def installed(wheel: Path, tmp_path: Path) -> Path:
    """An environment that holds the wheel and what it depends on, and not this folder.

    The dependencies are those that are here: none is fetched.
    """
    place = tmp_path / "environment"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", place], check=True)
    ours = {"base": str(place), "platbase": str(place)}
    packages = Path(sysconfig.get_path("purelib", vars=ours))
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index"]
    command += ["--target", str(packages), str(wheel)]
    subprocess.run(command, check=True, capture_output=True)
    # A path in a .pth file brings the packages there, but not the .pth files there: those of an
    # editable install would bring this folder back.
    here = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    (packages / "dependencies.pth").write_text("\n".join(here), "utf-8")
    for part in ("share", "etc"):
        if (Path(sys.prefix) / part).is_dir():
            (place / part).symlink_to(Path(sys.prefix) / part)
    return place / "bin" / "python"


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_in_an_empty_folder_lesson_00_answers(installed: Path, tmp_path: Path) -> None:
    folder = tmp_path / "empty"
    folder.mkdir()
    where = _ask(installed, folder, "import gradcourse; print(gradcourse.__file__)")
    assert str(ROOT) not in where
    with _lab(installed, folder) as (address, token):
        answer = json.loads(_get(f"{address}/api/contents/{FIRST_PAGE}?token={token}"))
        assert answer["content"]["cells"][0]["source"].startswith("# 00")
        assert b"JupyterLab" in _get(f"{address}/lab/tree/{FIRST_PAGE}?token={token}")
        home = json.loads(_get(f"{address}/gradcourse/home?document={HOME}&token={token}"))
        assert "Start here" in home["html"]
    assert (folder / "my-course" / "solutions" / "01_chain_rule.ipynb").is_file()
    checked = _run(installed, folder, "check", "my-course/solutions/01_chain_rule.ipynb")
    assert checked.strip().endswith("18 of 18 points")
    assert "Nothing is new" in _run(installed, folder, "update")
    _run(installed, folder, "export", "my-course/lessons/00_start_here.ipynb")
    assert (folder / "my-course" / "lessons" / "00_start_here.html").is_file()


def _environment(folder: Path) -> dict[str, str]:
    outside = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")
    kept = {name: value for name, value in os.environ.items() if name not in outside}
    private = {
        name: str(folder.parent / name.lower())
        for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR")
    }
    return {**kept, **private, "GRADCOURSE_PROGRESS": "off"}


def _ask(python: Path, folder: Path, code: str) -> str:
    command = [python, "-c", code]
    done = subprocess.run(
        command, cwd=folder, env=_environment(folder), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def _run(python: Path, folder: Path, *words: str) -> str:
    command = [python, "-m", "gradcourse.cli", *words]
    done = subprocess.run(
        command, cwd=folder, env=_environment(folder), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@contextmanager
def _lab(python: Path, folder: Path) -> Iterator[tuple[str, str]]:
    """`gradcourse lab --no-browser` as it is typed; gives its address and token when it answers."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    token = secrets.token_hex(8)
    command = [python, "-m", "gradcourse.cli", "lab", "--no-browser", f"--port={port}"]
    command += ["--ServerApp.port_retries=0", f"--IdentityProvider.token={token}"]
    log = folder.parent / "lab.log"
    with log.open("wb") as stream:
        process = subprocess.Popen(
            command, cwd=folder, env=_environment(folder), stdout=stream, stderr=stream
        )
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(600):
            assert process.poll() is None, log.read_text("utf-8")
            with suppress(OSError):
                _get(f"{address}/api/status?token={token}")
                break
            time.sleep(0.2)
        yield address, token
    finally:
        process.terminate()
        process.wait(30)
    assert process.returncode == 0, log.read_text("utf-8")


def _get(address: str) -> bytes:
    with urllib.request.urlopen(address, timeout=20) as answer:
        return bytes(answer.read())
