"""From a knob's change to the new picture on screen: the live figure against `interact`.

Drives a real JupyterLab with chromium. The same figures are shown in several ways in one notebook;
the ways take turns, so that a busy machine slows all of them alike. Read the ratios.

The bars compare with `interact` and plain pyplot calls, as a notebook's author writes them. The
rows "our renderer" show how much of the gain is due to `Plot.to_matplotlib`, which is faster than
pyplot's own log axis and legend placement, and how much to the widget.

    python benchmarks/widgets.py

Exit code 1 when a bar is missed.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "browser"))

from lab import Notebook, chromium, open_notebook, running_browser, running_lab

ROUNDS, MOVES = 4, 8

SETUP = """
import matplotlib.pyplot as plt, numpy as np, torch
from ipywidgets import FloatSlider, interact
from gradcourse.figures import Axis, Band, Demo, Knob, Line, Picture, Plot

torch.set_num_threads(1)
generator = torch.Generator().manual_seed(0)
weights = [torch.randn(64, 64, generator=generator) / 8 for _ in range(50)]

def norms(gain, activation):
    states = [torch.ones(1, 64, requires_grad=True)]
    for W in weights:
        states.append(activation(gain * (states[-1] @ W)))
    gradients = torch.autograd.grad(states[-1].square().mean(), states)
    return torch.stack(torch._foreach_norm(gradients, 2, torch.float64)).tolist()

def lines(gain):
    depth = np.arange(51)
    return Plot(f"Gradient norm at gain {gain:.2f}", Axis("layer"),
                Axis("norm", "log", (1e-40, 1e10)),
                (Line(depth, norms(gain, torch.tanh), "tanh", color="tanh"),
                 Line(depth, norms(gain, torch.sigmoid), "sigmoid", color="sigmoid")),
                (Band(0.1, 10, "healthy"),))

def surface(gain):
    x = np.linspace(-2, 2, 80)
    height = np.sin(3 * gain * np.add.outer(x, x**2))
    return Picture(f"Surface at {gain:.2f}", Axis("w"), Axis("b"), height, x, x, "loss",
                   color_limits=(-1, 1))

def lines_by_hand(gain):
    depth = np.arange(51)
    figure, ax = plt.subplots(figsize=(6.4, 4))
    ax.semilogy(depth, norms(gain, torch.tanh), "o-", markevery=7, label="tanh")
    ax.semilogy(depth, norms(gain, torch.sigmoid), "s-", markevery=7, label="sigmoid")
    ax.axhspan(0.1, 10, alpha=0.13, color="green", label="healthy")
    ax.set(xlabel="layer", ylabel="norm", ylim=(1e-40, 1e10))
    ax.set_title(f"Gradient norm at gain {gain:.2f}")
    ax.grid()
    ax.legend()
    plt.show()

def surface_by_hand(gain):
    x = np.linspace(-2, 2, 80)
    figure, ax = plt.subplots(figsize=(6.4, 4))
    mesh = ax.pcolormesh(x, x, np.sin(3 * gain * np.add.outer(x, x**2)), vmin=-1, vmax=1)
    figure.colorbar(mesh, label="loss")
    ax.set(xlabel="w", ylabel="b", title=f"Surface at {gain:.2f}")
    plt.show()

def redraw(draw):
    def show(gain):
        figure, ax = plt.subplots(figsize=(6.4, 4))
        draw(gain).to_matplotlib(ax)
        plt.show()
    return show

knob = Knob("gain", "gain", 0.5, 1.5, 0.01, 0.8)
slider = lambda: FloatSlider(0.8, min=0.5, max=1.5, step=0.01, description="gain")
"""

CELLS = {
    "interact, lines": "interact(lines_by_hand, gain=slider());",
    "  our renderer": "interact(redraw(lines), gain=slider());",
    "LivePlot, kernel": "Demo('b/kernel', 'kernel', (knob,), lines)",
    "LivePlot, linked": "Demo('b/linked', 'linked', (knob,), lines, linked=True)",
    "interact, picture": "interact(surface_by_hand, gain=slider());",
    "  our renderer, too": "interact(redraw(surface), gain=slider());",
    "LivePlot, picture": "Demo('b/picture', 'picture', (knob,), surface)",
}

# The clock starts at the key's event and stops in the frame after the new picture is there: an
# SVG with another text, or an image with another source, decoded.
WATCH = """(cell) => {
  const state = { start: 0, times: [], last: 0 };
  window.gcWatch = state;
  cell.addEventListener('keydown', () => { state.start = performance.now(); }, true);
  const seen = new WeakMap();
  const done = () => requestAnimationFrame(() => {
    const now = performance.now();
    if (state.start) { state.times.push(now - state.start); state.start = 0; }
    state.last = now;
  });
  const look = () => {
    const svg = cell.querySelector('svg.gc-figure');
    if (svg) {
      const label = svg.getAttribute('aria-label');
      if (seen.get(svg) !== label) { seen.set(svg, label); done(); }
    }
    for (const img of cell.querySelectorAll('img')) {
      if (!img.src || seen.get(img) === img.src) continue;
      seen.set(img, img.src);
      img.decode().then(done, () => {});
    }
  };
  look();
  state.observer = new MutationObserver(look);
  state.observer.observe(cell, { subtree: true, childList: true, attributes: true,
                                 attributeFilter: ['src', 'aria-label'] });
}"""

FAST = """async (slider) => {
  const start = performance.now();
  for (let i = 1; i <= 30; i++) {
    slider.value = 0.8 + i / 100;
    slider.dispatchEvent(new Event('input', { bubbles: true }));
    const pause = start + (i * 1000) / 30 - performance.now();
    await new Promise((next) => setTimeout(next, Math.max(0, pause)));
  }
  return performance.now();
}"""


@dataclass
class Way:
    """One way of showing a figure, and what it took."""

    name: str
    cell: int
    times: list[float] = field(default_factory=list)

    @property
    def median(self) -> float:
        """Median in milliseconds."""
        return statistics.median(self.times)

    @property
    def p95(self) -> float:
        """95th percentile in milliseconds."""
        return statistics.quantiles(self.times, n=20)[-1]


def main() -> int:
    """Measure, print the table, and return 1 when a bar is missed."""
    if chromium() is None:
        print("There is no chromium on this machine; nothing was measured (apt install chromium).")
        return 0
    ways = [Way(name, index) for index, name in enumerate(CELLS, start=1)]
    with tempfile.TemporaryDirectory() as private, running_lab(Path(private)) as lab:
        lab.write("bench.ipynb", [SETUP, *CELLS.values()])
        with running_browser() as browser:
            size = {"width": 1280, "height": 4200}
            notebook = open_notebook(lab, browser, "bench.ipynb", viewport=size)
            notebook.run_all()
            notebook.page.wait_for_selector(".gc-live >> nth=2")
            notebook.page.wait_for_timeout(3000)
            notebook.wait_until_idle()
            for _ in range(ROUNDS):
                for way in ways:
                    way.times += moves(notebook, way)
            late = {way.name: _after_drag(notebook, way) for way in ways if "Live" in way.name}
    return _report({way.name: way for way in ways}, late)


def moves(notebook: Notebook, way: Way) -> list[float]:
    """Press an arrow key a few times; return the milliseconds until each new picture."""
    page, cell, slider = _place(notebook, way)
    cell.evaluate(WATCH)
    slider.focus()
    keys = ["ArrowRight", "ArrowLeft"]
    if slider.evaluate("one => one.value !== undefined && one.value === one.max"):
        keys.reverse()
    for key in keys * (MOVES // 2):
        have = page.evaluate("gcWatch.times.length")
        page.keyboard.press(key)
        page.wait_for_function("n => gcWatch.times.length > n", arg=have, timeout=10_000)
        page.wait_for_timeout(120)
    return list(page.evaluate("(gcWatch.observer.disconnect(), gcWatch.times)"))


def _after_drag(notebook: Notebook, way: Way) -> float:
    """Thirty moves in a second; return the milliseconds from the last to the last picture."""
    page, cell, slider = _place(notebook, way)
    cell.evaluate(WATCH)
    end = slider.evaluate(FAST)
    page.wait_for_timeout(1500)
    shown = cell.locator(".gc-figure:visible").first
    text = shown.get_attribute("aria-label")
    assert "1.10" in text, f"{way.name} did not end on the last value: {text}"
    return max(0.0, page.evaluate("(gcWatch.observer.disconnect(), gcWatch.last)") - end)


def _place(notebook: Notebook, way: Way) -> tuple[Any, Any, Any]:
    cell = notebook.page.locator(".jp-Notebook .jp-Cell").nth(way.cell)
    slider = cell.locator("input[type=range], .noUi-handle").first
    return notebook.page, cell, slider


def _report(ways: dict[str, Way], late: dict[str, float]) -> int:
    print(f"{'':<20}{'median ms':>10}{'p95 ms':>9}{'ratio':>8}{'after 30 moves, ms':>21}")
    base = ways["interact, lines"]
    for name, way in ways.items():
        base = ways[name] if name.startswith("interact") else base
        drag = f"{late[name]:.0f}" if name in late else "–"
        ratio = f"1/{base.median / way.median:.1f}"
        print(f"{name:<20}{way.median:>10.1f}{way.p95:>9.1f}{ratio:>8}{drag:>21}")
    bars = [
        ("kernel ≤ 1/5 of interact", _faster(ways, "LivePlot, kernel", "interact, lines"), 5),
        ("linked ≤ 1/12 of interact", _faster(ways, "LivePlot, linked", "interact, lines"), 12),
        ("picture ≤ 1/3 of interact", _faster(ways, "LivePlot, picture", "interact, picture"), 3),
        ("last value within 300 ms", 300 / max(1.0, *late.values()), 1),
    ]
    print()
    for text, got, bar in bars:
        print(f"{'✓' if got >= bar else '✗'} {text} (reached {got / bar:.1f} times the bar)")
    return int(any(got < bar for _, got, bar in bars))


def _faster(ways: dict[str, Way], name: str, base: str) -> float:
    return ways[base].median / ways[name].median


if __name__ == "__main__":
    raise SystemExit(main())
