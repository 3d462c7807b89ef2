"""environment.yml, pyproject.toml and constraints.txt name the same things, and pip takes them."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]


def _pyproject() -> dict[str, Requirement]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    lines = [*project["dependencies"], *project["optional-dependencies"]["lab"]]
    return {requirement.name: requirement for requirement in map(Requirement, lines)}


def _constraints() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    pins = [line.split("==") for line in lines if line and not line.startswith("#")]
    return {re.sub(r"[-_.]+", "-", name).lower(): version for name, version in pins}


def _environment() -> tuple[dict[str, Requirement], list[str]]:
    entries = yaml.safe_load((ROOT / "environment.yml").read_text("utf-8"))["dependencies"]
    (pip,) = [entry["pip"] for entry in entries if isinstance(entry, dict)]
    conda = [Requirement(entry) for entry in entries if isinstance(entry, str)]
    return {requirement.name: requirement for requirement in conda}, pip


def test_conda_and_pip_name_the_same_packages() -> None:
    conda, pip = _environment()
    from_pip = {Requirement(line).name for line in pip if not line.startswith("-")}
    assert set(conda) - {"python", "pip"} | from_pip == set(_pyproject())


def test_conda_and_pyproject_agree_on_versions() -> None:
    conda, _ = _environment()
    for name, requirement in _pyproject().items():
        if name != "torch":
            assert conda[name].specifier == requirement.specifier, name


def test_every_requirement_is_pinned_to_a_version_it_allows() -> None:
    pins = _constraints()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    dev = [Requirement(line) for line in project["optional-dependencies"]["dev"]]
    for requirement in [*_pyproject().values(), *dev]:
        if requirement.name != "gradcourse":
            assert requirement.specifier.contains(pins[requirement.name.lower()]), requirement


def test_torch_is_the_same_build_everywhere() -> None:
    _, pip = _environment()
    assert f"torch=={_constraints()['torch']}" in pip


def test_what_runs_here_is_what_is_pinned() -> None:
    from importlib.metadata import version

    for name, requirement in _pyproject().items():
        assert version(name).split("+")[0] == _constraints()[name.lower()], requirement


def test_pip_takes_its_part_of_the_environment(tmp_path: Path) -> None:
    """No index is asked: what is pinned is here, and the course is where pip looks for it."""
    _, pip = _environment()
    (course,) = (line.removeprefix("--editable ") for line in pip if line.startswith("--editable "))
    assert (ROOT / course / "pyproject.toml").exists()
    requirements = tmp_path / "pip-part.txt"
    requirements.write_text("\n".join(line for line in pip if not line.startswith("-")), "utf-8")
    command = [sys.executable, "-m", "pip", "install", "--dry-run", "--no-deps", "--no-index"]
    done = subprocess.run([*command, "-r", requirements], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_pip_part_of_the_environment_installs(tmp_path: Path) -> None:
    """In an empty environment, from the index that pip is set up for; torch is large."""
    _, pip = _environment()
    requirements = tmp_path / "pip-part.txt"
    requirements.write_text("\n".join(pip), encoding="utf-8")
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True)
    python = tmp_path / "venv" / "bin" / "python"
    # What conda brings (numpy and so on) is absent here on purpose: only pip's own part is tried.
    command = [python, "-m", "pip", "install", "--quiet", "--no-deps", "-r", requirements]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    where = subprocess.run(
        [python, "-c", "import gradcourse, importlib.metadata as m; print(m.version('torch'))"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert where.stdout.startswith("2.13.0"), where.stderr
