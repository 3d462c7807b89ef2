"""Where the links of built pages lead."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

LOADED = {"a": "href", "link": "href", "script": "src", "img": "src"}


class _Page(HTMLParser):
    """What a page names, and what it links to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.links: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        self.names |= {value for key in ("id", "name") if (value := told.get(key))}
        target = told.get(LOADED.get(tag, ""))
        if target is not None:
            self.links.add(target)


def dead_links(site: Path) -> list[str]:
    """Return, as text, every link within a folder of pages that leads nowhere.

    Parameters
    ----------
    site : Path
        Links to other hosts are not followed.
    """
    read = {path: _Page(path.read_text("utf-8")) for path in sorted(site.rglob("*.html"))}
    return [
        f"{path.relative_to(site)}: {link}"
        for path, page in read.items()
        for link in sorted(page.links)
        if not _leads(path, link, read)
    ]


def _leads(path: Path, link: str, read: dict[Path, _Page]) -> bool:
    parts = urlsplit(link)
    if parts.scheme or parts.netloc:
        return True
    target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
    if not target.is_file():
        return False
    return not parts.fragment or target not in read or unquote(parts.fragment) in read[target].names
