"""Where the repository is: one setting, empty where it has no address."""

from __future__ import annotations

import tomllib
from pathlib import Path

from gradcourse.support import GradcourseError


def repository_of(root: Path) -> str:
    """Return the one setting: ``repository`` under ``[tool.gradcourse]`` in ``pyproject.toml``."""
    try:
        project = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))
    except (OSError, tomllib.TOMLDecodeError):
        return ""
    return str(project.get("tool", {}).get("gradcourse", {}).get("repository", ""))


def web_address(told: str, name: str) -> str:
    """Return an address without a slash at its end.

    Raises
    ------
    GradcourseError
        If it is not empty and no web address.
    """
    if told and not told.startswith(("https://", "http://")):
        raise GradcourseError(f"{name} is {told!r}; expected an address that begins with https://")
    return told.rstrip("/").removesuffix(".git")
