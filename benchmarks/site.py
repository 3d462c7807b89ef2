"""Bars of the site: how long it takes to build, how large it is, how soon a page moves.

The whole course is built twice into a private folder: cold, with nothing remembered, and warm; the
processors' time, which stands beside, says more on a busy machine. Then every lesson is opened in
chromium from a server on this machine, on a phone's screen and on a wide one, and every page is
walked, of the reference one, light and dark. Without chromium only the build is measured.

    python benchmarks/site.py            cold and warm
    python benchmarks/site.py --keep DIR into this folder, and what is remembered there is used

Exit code 1 when a bar is missed.
"""

from __future__ import annotations

import argparse
import functools
import http.server
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "browser"))

from lab import chromium, running_browser

ROOT = Path(__file__).parents[1]
COLD, WARM = 240.0, 40.0
VIEW, WHOLE = 800e3, 20e6
MOVING, TRIES = 1.0, 3
PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}
WIDE = {"viewport": {"width": 1280, "height": 900}}
SERIOUS = ("serious", "critical")

# Everything that was loaded for the page, unpacked, the page itself among it.
LOADED = """['navigation', 'resource'].flatMap((kind) => performance.getEntriesByType(kind))
  .reduce((sum, one) => sum + one.decodedBodySize, 0)"""

# Brings the first demo into view; tells when its slider is there, counted from the navigation.
ALIVE = """() => new Promise((done) => {
  const place = document.querySelector('[data-gc=demo]');
  place.scrollIntoView();
  const there = () => place.querySelector('svg.gc-figure path') && place.querySelector('input');
  const look = () => there() ? done(performance.now() / 1000) : requestAnimationFrame(look);
  look();
})"""


def main() -> int:
    """Build, open, print; 1 if a bar is missed."""
    words = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    words.add_argument("--keep", type=Path, metavar="DIR")
    asked = words.parse_args()
    with tempfile.TemporaryDirectory() as private:
        folder = asked.keep or Path(private)
        bars = [*_builds(folder, cold=asked.keep is None)]
        if chromium():
            bars += _reading(folder / "site")
        else:
            print("There is no chromium: the pages were not opened.")
    return int(not all(bars))


def _bar(name: str, value: float, bar: float, unit: str) -> bool:
    held = value <= bar
    print(f"{'✓' if held else '✗'} {name:<52} {value:8.2f} {unit:<4} bar {bar:g}", flush=True)
    return held


def _builds(folder: Path, cold: bool) -> Iterator[bool]:
    if cold:
        yield _bar("cold build", _build(folder), COLD, "s")
    yield _bar("warm build", _build(folder), WARM, "s")
    size = sum(path.stat().st_size for path in (folder / "site").rglob("*") if path.is_file())
    yield _bar("whole site", size / 1e6, WHOLE / 1e6, "MB")


def _build(folder: Path) -> float:
    began, busy = time.monotonic(), _busy()
    program = (
        "from pathlib import Path; from gradcourse.site import *; import sys; "
        "sys.exit(run_site_command(Options(Path(sys.argv[1]), Path(sys.argv[2]) / 'site', "
        "repository='', cache=Path(sys.argv[2]) / 'cache')))"
    )
    subprocess.run([sys.executable, "-c", program, ROOT, folder], check=True, cwd=ROOT)
    print(f"    {_busy() - busy:.0f} s of the processors' time")
    return time.monotonic() - began


def _busy() -> float:
    """Seconds that processors have spent on what was started here and has ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _reading(site: Path) -> list[bool]:
    held = []
    with _served(site) as address, running_browser() as browser:
        names = sorted(path.name for path in (site / "lessons").glob("[0-9]*.html"))
        views = {name: _view(browser, f"{address}/lessons/{name}") for name in names}
        for name, (loaded, moving) in views.items():
            held.append(_bar(f"{name}: first view", loaded / 1e3, VIEW / 1e3, "kB"))
            held.append(_bar(f"{name}: the first figure moves", moving, MOVING, "s"))
        faults = [_walk(browser, f"{address}/{name}") for name in _walked(site)]
        kinds = [("outside requests", 0), ("console errors", 1)]
        if _axe():
            kinds.append(("axe-core, serious findings", 2))
        else:
            print("axe-playwright-python is not installed: accessibility was not measured.")
        for what, count in kinds:
            held.append(_bar(what, sum(fault[count] for fault in faults), 0, ""))
    return held


def _walked(site: Path) -> list[str]:
    """Every page but those of the reference, of which one is like the other."""
    pages = sorted(path.relative_to(site).as_posix() for path in site.rglob("*.html"))
    return [name for name in pages if not name.startswith("api/") or name == "api/diagnosis.html"]


@contextmanager
def _served(folder: Path) -> Iterator[str]:
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            pass

    handler = functools.partial(Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def _view(browser: Any, address: str) -> tuple[float, float]:
    """Bytes of a phone's first view, and the seconds until the first demo can be moved.

    Whatever else the machine does makes it later, never sooner: the soonest of a few counts.
    """
    page = browser.new_context(**PHONE).new_page()
    page.goto(address, wait_until="networkidle")
    loaded = float(page.evaluate(LOADED))
    page.context.close()
    return loaded, min(_moving(browser, address) for _ in range(TRIES))


def _moving(browser: Any, address: str) -> float:
    page = browser.new_context(**WIDE).new_page()
    page.goto(address, wait_until="commit")
    page.wait_for_selector("[data-gc=demo]", state="attached")
    moving = float(page.evaluate(ALIVE))
    page.context.close()
    return moving


def _axe() -> Any:
    """Return axe-core, or None where it is not installed; then nothing is said of accessibility."""
    try:
        from axe_playwright_python.sync_playwright import Axe
    except ImportError:
        return None
    return Axe()


def _walk(browser: Any, address: str) -> tuple[int, int, int]:
    """Requests to other hosts, errors and serious faults of accessibility, in both themes."""
    axe = _axe()
    asked: list[str] = []
    errors: list[str] = []
    faults: list[str] = []
    for scheme in ("light", "dark"):
        page = browser.new_context(**WIDE, color_scheme=scheme).new_page()
        page.on("request", lambda request: asked.append(request.url))
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda m: errors.append(m.text) if m.type == "error" else None)
        page.goto(address)
        page.evaluate("dispatchEvent(new Event('beforeprint'))")
        page.wait_for_function(
            "[...document.querySelectorAll('.gc-place')]"
            ".every(e => e.querySelector('.gc-live, .gc-panel, p, label'))"
        )
        found = axe.run(page).response["violations"] if axe else []
        faults += [
            f"{one['id']}: {one['nodes'][0]['html'][:90]}"
            for one in found
            if one["impact"] in SERIOUS
        ]
        page.context.close()
    outside = [url for url in asked if not url.startswith(("http://127.", "data:", "blob:"))]
    for line in [*outside, *errors, *faults]:
        print(f"    {'/'.join(address.split('/')[3:])}: {line}")
    return len(outside), len(errors), len(faults)


if __name__ == "__main__":
    raise SystemExit(main())
