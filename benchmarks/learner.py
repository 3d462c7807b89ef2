"""What a learner waits for: home, and a verdict. In a real JupyterLab, driven with chromium.

Home is timed from the page, which is JupyterLab's own frame, to its cards on the screen; the first
load in a fresh server is told by itself. Beside it stands how long JupyterLab takes for a text file
of one line: what of the time is not home's. They take turns. A verdict is timed
from the press on Check to the last change that it makes in the panel.

    python benchmarks/learner.py

Exit code 1 when a bar is missed. (A figure that follows a knob: benchmarks/widgets.py.)
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "browser"))

from lab import Lab, chromium, open_notebook, running_browser, running_lab

from gradcourse.lessons import HOME

LOADS, CHECKS = 6, 8
HOME_BAR, VERDICT_BAR = 1.0, 0.3

WATCH = """
window.seen = {};
const shown = ".gc-home .home-card, .jp-FileEditor .cm-line";
new MutationObserver(() => {
  for (const [name, what] of [["frame", "#jp-main-dock-panel"], ["shown", shown]])
    if (!(name in window.seen) && document.querySelector(what))
      window.seen[name] = performance.now();
}).observe(document, { childList: true, subtree: true });
"""

CHECK = """panel => new Promise((done) => {
  const buttons = [...panel.querySelectorAll("button")];
  const button = buttons.find((one) => one.textContent.trim() === "Check");
  const begun = performance.now();
  let last = begun;
  const observer = new MutationObserver(() => { last = performance.now(); });
  const all = { childList: true, subtree: true, characterData: true, attributes: true };
  observer.observe(panel, all);
  button.click();
  setTimeout(() => { observer.disconnect(); done((last - begun) / 1000); }, 1500);
})"""

ANSWER = """
import gradcourse as gc
import numpy as np
def lyapunov(factors):
    return float(np.mean(np.log(np.abs(factors))))
"""


def main() -> int:
    """Measure, print, and return the exit code."""
    if chromium() is None:
        print("there is no chromium (apt install chromium): nothing was measured")
        return 0
    with (
        tempfile.TemporaryDirectory() as folder,
        running_lab(Path(folder)) as lab,
        running_browser() as browser,
    ):
        (lab.folder / "one-line.txt").write_text("one line", "utf-8")
        first, texts, homes = seconds_to(lab, browser, HOME), [], []
        for _ in range(LOADS):
            texts.append(seconds_to(lab, browser, "one-line.txt"))
            homes.append(seconds_to(lab, browser, HOME))
        verdicts = verdict_seconds(lab, browser)
    print(f"home, first load in a fresh server: {first:.2f} s after the page")
    print(f"a text file of one line after the page: median {statistics.median(texts):.2f} s")
    return int(
        report("home after the page", homes, HOME_BAR) + report("verdict", verdicts, VERDICT_BAR)
    )


def report(what: str, seconds: list[float], bar: float) -> bool:
    """Print a median against its bar; return whether it was missed."""
    median = statistics.median(seconds)
    missed = median > bar
    spread = f"{min(seconds):.2f} to {max(seconds):.2f} s"
    print(f"{what}: median {median:.2f} s, {spread}; bar {bar} s {'✗' if missed else '✓'}")
    return missed


def seconds_to(lab: Lab, browser: Any, page: str) -> float:
    """From JupyterLab's frame to what a page shows, in a browser that has never seen it."""
    context = browser.new_context(viewport={"width": 1400, "height": 1000})
    context.add_init_script(WATCH)
    tab = context.new_page()
    tab.goto(f"{lab.url}/lab/tree/{page}?token={lab.token}")
    tab.wait_for_function("'shown' in window.seen", timeout=90_000)
    seen = tab.evaluate("window.seen")
    context.close()
    return float(seen["shown"] - seen["frame"]) / 1000


def verdict_seconds(lab: Lab, browser: Any) -> list[float]:
    """Of a question with three parts, answered rightly, again and again."""
    cells = [ANSWER, 'gc.panel("chain/lyapunov")']
    notebook = open_notebook(lab, browser, lab.write("verdict.ipynb", cells))
    notebook.run_all()
    panel = notebook.page.locator(".gc-panel")
    panel.wait_for()
    seconds = [float(panel.evaluate(CHECK)) for _ in range(CHECKS + 1)]
    assert "1 of 1 point" in panel.inner_text()
    return seconds[1:]


if __name__ == "__main__":
    sys.exit(main())
