"""Results of a long benchmark that may be cut off, and goes on where it was."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "build" / "benchmarks"


class Ledger:
    """What is known by now, in a file; it begins anew when the code that decides has changed.

    Parameters
    ----------
    name : str
    sources : tuple of str
        Folders of the repository whose Python files decide the results.
    """

    def __init__(self, name: str, sources: tuple[str, ...]) -> None:
        digest = hashlib.sha256()
        for source in sources:
            for path in sorted((ROOT / source).rglob("*.py")):
                digest.update(path.read_bytes())
        self._path = FOLDER / f"{name}-{digest.hexdigest()[:12]}.jsonl"
        self.known: dict[str, Any] = {}
        if self._path.exists():
            for line in self._path.read_text(encoding="utf-8").splitlines():
                entry = json.loads(line)
                self.known[entry["key"]] = entry["value"]

    def add(self, key: str, value: Any) -> None:
        """Write a result down, at once."""
        self.known[key] = value
        FOLDER.mkdir(parents=True, exist_ok=True)
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"key": key, "value": value}) + "\n")
