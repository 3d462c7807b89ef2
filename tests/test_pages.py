"""Every link leads somewhere, and no page speaks of the machine it was made on."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = sorted(
    path
    for pattern in (
        "*.md",
        "docs/*.md",
        "gradcourse/**/*.md",
        "lessons/*.ipynb",
        "exercises/*.ipynb",
        "solutions/*.ipynb",
    )
    for path in ROOT.glob(pattern)
)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def _prose(path: Path) -> str:
    text = path.read_text("utf-8")
    if path.suffix == ".md":
        return text
    cells = json.loads(text)["cells"]
    return "\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "markdown")


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    for target in LINK.findall(_prose(page)):
        if not target.startswith(("http:", "https:", "#", "mailto:")):
            assert (page.parent / target.split("#")[0]).exists(), f"{page.name}: {target}"


def test_the_map_in_the_readme_is_the_map_in_lesson_00() -> None:
    row = re.compile(r"^\| (\d\d) \| (.+?) \|", re.MULTILINE)
    first = ROOT / "lessons" / "00_start_here.ipynb"

    def titles(text: str) -> dict[str, str]:
        return {
            number: re.sub(r"\[(.+?)\]\(.*?\)", r"\1", cell) for number, cell in row.findall(text)
        }

    readme = titles((ROOT / "README.md").read_text("utf-8"))
    assert {n: t for n, t in readme.items() if n != "00"} == titles(_prose(first))


def test_no_tracked_file_names_a_private_path() -> None:
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    private = re.compile(r"/(?:root|home)/\w|/tmp/\w+/|/opt/\w")
    here = Path(__file__).relative_to(ROOT)
    for name in listed.stdout.splitlines():
        path = ROOT / name
        if path.exists() and path.suffix in {".py", ".md", ".ipynb", ".yml", ".toml", ".txt"}:
            found = private.search(path.read_text("utf-8"))
            assert found is None or Path(name) == here, f"{name}: {found and found.group()}"
