"""Remembers from what each notebook was built, in a file that git ignores."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import platform
from pathlib import Path

from gradcourse.support import write_atomically

CACHE = ".build-cache.json"

# Whatever may change a stored output.
_PACKAGES = (
    *("numpy", "scipy", "torch", "scikit-learn", "matplotlib", "matplotlib-inline", "pillow"),
    *("ipykernel", "ipython", "ipywidgets", "anywidget", "nbclient", "nbformat"),
)
_SUFFIXES = (".py", ".js", ".css", ".mplstyle")


def read_cache(root: Path) -> dict[str, str]:
    """Return the digest of each source at its last build; empty when there is none to read."""
    try:
        stored = json.loads((root / CACHE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(stored, dict):
        return {}
    return {key: value for key, value in stored.items() if isinstance(value, str)}


def write_cache(root: Path, cache: dict[str, str]) -> None:
    """Store the digests."""
    write_atomically(root / CACHE, json.dumps(cache, indent=1, sort_keys=True) + "\n")


def surroundings_digest(root: Path) -> str:
    """Return a digest of what every notebook depends on: the package's files, the versions."""
    digest = hashlib.sha256(platform.python_version().encode())
    for name in _PACKAGES:
        try:
            version = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            version = "none"
        digest.update(f"{name}=={version}\n".encode())
    for path in sorted((root / "gradcourse").rglob("*")):
        if path.suffix in _SUFFIXES and path.is_file():
            digest.update(path.relative_to(root).as_posix().encode())
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def source_digest(path: Path, surroundings: str) -> str:
    """Return the digest that decides whether one source must be built again."""
    return hashlib.sha256(path.read_bytes() + surroundings.encode()).hexdigest()
