"""What of ours lies in somebody's folder, and what it is made with: for the site and the slides."""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gradcourse.support import GradcourseError, write_atomically


@dataclass(frozen=True)
class Belongings:
    """A folder, and the list in it of what in it is ours.

    Attributes
    ----------
    folder : Path
    mark : str
        The name of the list.
    """

    folder: Path
    mark: str

    def require_folder(self, content: str) -> None:
        """Refuse a file in the folder's place.

        Raises
        ------
        GradcourseError
        """
        if self.folder.exists() and not self.folder.is_dir():
            raise GradcourseError(f"{self.folder} is a file; give a folder for the {content}")

    def files(self) -> set[str]:
        """Names from the folder on; none leads out of it, and a damaged list names none."""
        whole = self.folder.resolve()
        try:
            told: Mapping[str, Any] = json.loads((self.folder / self.mark).read_text("utf-8"))
            named = {str(name) for name in told["files"]}
            return {name for name in named if (whole / name).resolve().is_relative_to(whole)}
        except (OSError, ValueError, KeyError, TypeError):
            return set()

    def require_free(self, names: Iterable[str]) -> None:
        """Refuse to write where somebody else's file is.

        Raises
        ------
        GradcourseError
        """
        ours = self.files()
        for name in names:
            path = self.folder / name
            if name not in ours and path.exists():
                raise GradcourseError(
                    f"{path} is not ours and would be overwritten; give another folder"
                )

    def remember(self, names: Iterable[str]) -> None:
        """Write down that these files are ours, and no others."""
        write_atomically(
            self.folder / self.mark, json.dumps({"files": sorted(set(names))}, indent=0)
        )


def require_packages(names: Iterable[str], purpose: str) -> None:
    """Refuse to begin without a package.

    Parameters
    ----------
    names : iterable of str
        As they are imported.
    purpose : str
        "the site is built with".

    Raises
    ------
    GradcourseError
    """
    for name in names:
        try:
            importlib.import_module(name)
        except ImportError as error:
            raise GradcourseError(
                f"{name} is missing, which {purpose}: pip install 'gradcourse[site]'"
            ) from error
