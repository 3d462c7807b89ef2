"""The live figure in a real JupyterLab: keyboard, mouse, no kernel, fast dragging, dark theme."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from lab import Notebook, open_notebook
from matplotlib import colormaps

SETUP = """
import numpy as np
from gradcourse.figures import Axis, Band, Demo, Knob, Line, Picture, Plot
L = np.arange(60)

def lines(r):
    y = np.where(r**L >= 2.0**-149, r**L, 0)
    return Plot(f"Gradient norm at r = {r:.2f}", Axis("layer"), Axis("gradient norm", "log"),
                (Line(L, y, "sigmoid", color="sigmoid"), Line(L, 0.9**L, "tanh", color="tanh"),
                 Line(L, r**L, "theory", "theory", "sigmoid"),
                 Line([0, 59], [2.0**-126] * 2, "smallest normal float32", "reference")),
                (Band(0.1, 10, "healthy: 0.1 to 10"),))

def surface(k):
    x = np.linspace(-2, 2, 80)
    height = np.sin(k * np.add.outer(x, x**2))
    return Picture(f"A surface at k = {k:.1f}", Axis("w"), Axis("b"), height, x, x, "loss",
                   color_limits=(-1, 1))

def fails(r):
    return lines(r) if r < 0.9 else 1 / 0

def place(w, b):
    x = np.linspace(0, 4, 41)
    cross = Line([w - 0.1, w + 0.1], [b, b], "the point")
    return Picture(f"At w = {w:.1f}, b = {b:.1f}", Axis("w"), Axis("b"), np.add.outer(x, x), x, x,
                   "sum", (cross,))

def measured(w, b):
    import time
    time.sleep(0.3)
    figure = place(w, b)
    return Picture("Measured. " + figure.title, figure.x, figure.y, figure.values, figure.rows,
                   figure.columns, "sum", figure.lines)

ends = Knob("w", "w", 0, 4, 0.1, 1), Knob("b", "b", 0, 4, 0.1, 2)
rate = Knob("r", "factor r", 0.1, 1.0, 0.01, 0.5)
"""
KERNEL = 'Demo("t/kernel", "Recomputed in the kernel", (rate,), lines)'
LINKED = 'Demo("t/linked", "All frames sent once", (rate,), lines, linked=True)'
PICTURE = 'Demo("t/picture", "A picture", (Knob("k", "waves k", 1, 5, 0.1, 2),), surface)'
FAILS = 'Demo("t/fails", "One value fails", (rate,), fails)'

LONG = """
names = ("layer (1 is nearest the input, the last is the output)",
         "difference between the units of layer 1")
Demo("t/long", "Long labels", (rate,),
     lambda r: Plot("f", Axis(names[0]), Axis(names[1]), (Line(L, r**L, "f"),)))
"""
LINKED_PICTURE = """
Demo("t/frames", "All pictures sent once", (Knob("k", "waves k", 1, 5, 0.5, 2),), surface,
     linked=True)
"""
CLICK = 'Demo("t/click", "A map to click", ends, place, click=("w", "b"), rest=measured)'


@pytest.fixture(scope="module")
def expect() -> Any:
    from playwright.sync_api import expect

    return expect


@pytest.fixture(scope="module")
def shared(lab: Any, browser: Any) -> Iterator[Notebook]:
    """Four live figures, run once for all tests that leave the kernel alive."""
    lab.write("live.ipynb", [SETUP, KERNEL, LINKED, PICTURE, FAILS])
    shared = open_notebook(lab, browser, "live.ipynb", viewport={"width": 1280, "height": 3000})
    shared.run_all()
    shared.page.wait_for_selector(".gc-live >> nth=3")
    yield shared
    shared.page.context.close()
    lab.shut_down(shared.name)


@pytest.fixture
def notebook(shared: Notebook) -> Iterator[Notebook]:
    """The shared notebook with every knob at its start, and nothing on the console."""
    for number, start in enumerate(("0.5", "0.5", "2", "0.5")):
        _, _, slider = figure(shared, number)
        slider.evaluate(
            "(e, v) => { e.value = v; e.dispatchEvent(new Event('input', {bubbles: true})); }",
            start,
        )
    shared.wait_until_idle()
    yield shared
    assert shared.errors == []


def figure(notebook: Notebook, number: int) -> tuple[Any, Any, Any]:
    """Return the widget, its picture and its slider."""
    widget = notebook.page.locator(".gc-live").nth(number)
    return widget, widget.locator(".gc-figure:visible"), widget.locator("input[type=range]")


def test_keyboard_and_mouse_move_the_figure(notebook: Notebook, expect: Any) -> None:
    widget, picture, slider = figure(notebook, 0)
    expect(picture).to_have_attribute("aria-label", _containing("r = 0.50"))
    before = picture.locator("path").evaluate_all("all => all.map(e => e.getAttribute('d')).join()")
    slider.focus()
    notebook.page.keyboard.press("ArrowRight")
    expect(picture).to_have_attribute("aria-label", _containing("r = 0.51"))
    after = picture.locator("path").evaluate_all("all => all.map(e => e.getAttribute('d')).join()")
    assert after != before
    assert widget.locator("output").inner_text() == "0.51"
    assert slider.get_attribute("aria-label") == "factor r"
    box = slider.bounding_box()
    notebook.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    notebook.page.mouse.down()
    notebook.page.mouse.move(box["x"] + 4, box["y"] + box["height"] / 2, steps=8)
    notebook.page.mouse.up()
    expect(picture).to_have_attribute("aria-label", _containing("r = 0.10"))
    expect(picture).to_have_attribute("aria-label", _containing("exactly 0 from layer 45 on"))
    notebook.page.keyboard.press("End")
    expect(picture).to_have_attribute("aria-label", _containing("r = 1.00"))


def _colors(widget: Any, places: list[tuple[float, float]]) -> list[list[int]]:
    """Return the canvas's red, green, blue and alpha at shares of its width and height."""
    return widget.locator("canvas").evaluate(
        """(canvas, places) => places.map(([across, down]) => [...canvas.getContext("2d")
             .getImageData(across * canvas.width, down * canvas.height, 1, 1).data])""",
        places,
    )


def test_a_picture_has_the_colours_of_its_cells(notebook: Notebook, expect: Any) -> None:
    widget, picture, slider = figure(notebook, 2)
    expect(picture).to_have_attribute("aria-label", _containing("k = 2.0"))
    slider.focus()
    notebook.page.keyboard.press("End")
    expect(picture).to_have_attribute("aria-label", _containing("k = 5.0"))
    x = np.linspace(-2, 2, 80)
    height = np.sin(5.0 * np.add.outer(x, x**2))
    cells = [(3, 3), (3, 70), (70, 20), (40, 10), (79, 79)]
    places = [((column + 0.5) / 80, 1 - (row + 0.5) / 80) for row, column in cells]
    for (row, column), shown in zip(cells, _colors(widget, places), strict=True):
        expected = colormaps["viridis"]((height[row, column] + 1) / 2, bytes=True)
        assert np.abs(np.subtract(shown, expected, dtype=int)).max() <= 4
    # The canvas lies where the axes do.
    axes, canvas = picture.locator("clipPath rect"), widget.locator("canvas").bounding_box()
    frame = picture.bounding_box()
    for edge, size in (("x", "width"), ("y", "height")):
        start = frame[edge] + float(axes.get_attribute(edge)) + 5
        assert abs(canvas[edge] - start) < 1
        assert abs(canvas[size] - float(axes.get_attribute(size)) + 10) < 1


def test_an_error_is_shown_in_the_widget(notebook: Notebook, expect: Any) -> None:
    widget, picture, slider = figure(notebook, 3)
    slider.focus()
    notebook.page.keyboard.press("End")
    expect(widget.locator("[role=status]")).to_contain_text("ZeroDivisionError")
    notebook.page.keyboard.press("Home")
    expect(widget.locator("[role=status]")).to_be_empty()
    expect(picture).to_have_attribute("aria-label", _containing("r = 0.10"))


def test_thirty_fast_moves_end_on_the_last_value(notebook: Notebook, expect: Any) -> None:
    _, picture, slider = figure(notebook, 0)
    slider.evaluate(
        """async (slider) => {
          for (let i = 1; i <= 30; i++) {
            slider.value = 0.5 + i / 100;
            slider.dispatchEvent(new Event('input', { bubbles: true }));
            await new Promise((next) => setTimeout(next, 1000 / 31));
          }
        }"""
    )
    expect(picture).to_have_attribute("aria-label", _containing("r = 0.80"))
    notebook.wait_until_idle()
    notebook.page.wait_for_timeout(300)
    expect(picture).to_have_attribute("aria-label", _containing("r = 0.80"))
    expect(slider).to_have_value("0.8")


def test_a_linked_demo_works_after_the_kernel_is_gone(opened: Any, lab: Any, expect: Any) -> None:
    lab.write("linked.ipynb", [SETUP, LINKED, LINKED_PICTURE])
    notebook = opened("linked.ipynb", viewport={"width": 1280, "height": 1600})
    notebook.run_all()
    _, picture, slider = figure(notebook, 0)
    cells, waves, k = figure(notebook, 1)
    expect(k).to_be_enabled(timeout=30_000)
    expect(slider).to_be_enabled(timeout=30_000)
    slider.focus()
    notebook.page.keyboard.press("ArrowRight")
    expect(picture).to_have_attribute("aria-label", _containing("r = 0.51"))
    notebook.lab.shut_down(notebook.name)
    kernel = notebook.page.locator(".jp-NotebookPanel:visible .jp-Toolbar-kernelName")
    expect(kernel).to_contain_text("No Kernel", timeout=30_000)
    for button in notebook.page.locator(".jp-Dialog button").all():
        button.click()
    slider.focus()
    notebook.page.keyboard.press("ArrowRight")
    expect(picture).to_have_attribute("aria-label", _containing("r = 0.52"))
    notebook.page.keyboard.press("Home")
    expect(picture).to_have_attribute("aria-label", _containing("r = 0.10"))
    before = _colors(cells, [(0.1, 0.2), (0.6, 0.7)])
    k.focus()
    notebook.page.keyboard.press("End")
    expect(waves).to_have_attribute("aria-label", _containing("k = 5.0"))
    assert _colors(cells, [(0.1, 0.2), (0.6, 0.7)]) != before
    assert notebook.errors == []


def test_a_click_sets_two_knobs_and_what_is_slow_follows(
    opened: Any, lab: Any, expect: Any
) -> None:
    lab.write("click.ipynb", [SETUP, CLICK, KERNEL])
    notebook = opened("click.ipynb", viewport={"width": 1280, "height": 1600})
    notebook.run_all()
    widget, picture, sliders = figure(notebook, 0)
    expect(picture).to_have_attribute("aria-label", _containing("Measured. At w = 1.0, b = 2.0"))
    expect(picture).to_have_css("cursor", "crosshair")
    box = picture.bounding_box()
    picture.click(position={"x": 0.6 * box["width"], "y": 0.3 * box["height"]})
    expect(picture).to_have_attribute("aria-label", _containing("Measured. At w = "))
    w, b = (float(sliders.nth(k).input_value()) for k in (0, 1))
    assert 2.2 < w < 3.4
    assert 2.5 < b < 3.5
    expect(picture).to_have_attribute(
        "aria-label", _containing(f"Measured. At w = {w:.1f}, b = {b:.1f}")
    )
    expect(widget.locator(".gc-busy")).to_have_text("")
    # Beside the axes nothing happens; a slider does the same as a click.
    picture.click(position={"x": 4, "y": 4})
    assert float(sliders.nth(0).input_value()) == w
    sliders.nth(1).focus()
    notebook.page.keyboard.press("Home")
    expect(picture).to_have_attribute("aria-label", _containing(f"At w = {w:.1f}, b = 0.0"))
    expect(picture).to_have_attribute(
        "aria-label", _containing(f"Measured. At w = {w:.1f}, b = 0.0")
    )
    # A figure without a click ignores one.
    _, plain, slider = figure(notebook, 1)
    plain.click()
    expect(slider).to_have_value("0.5")
    assert notebook.errors == []


def test_two_figures_of_one_page_do_not_share_their_ids(notebook: Notebook, expect: Any) -> None:
    ids = notebook.page.locator(".gc-live [id]").evaluate_all("all => all.map(e => e.id)")
    assert len(ids) > 4
    assert len(set(ids)) == len(ids)
    for number in (0, 3):  # a label belongs to its own slider, and a line to its own axes
        widget, picture, slider = figure(notebook, number)
        widget.locator("label", has_text="factor r").click()
        expect(slider).to_be_focused()
        box = picture.locator("clipPath").get_attribute("id")
        assert picture.locator("g[clip-path]").get_attribute("clip-path") == f"url(#{box})"


def test_the_theme_is_followed(notebook: Notebook, expect: Any) -> None:
    _, picture, _ = figure(notebook, 0)
    _, image, _ = figure(notebook, 2)
    notebook.shoot("live-light", notebook.page.locator(".jp-Notebook"))
    line = picture.locator('path[fill="none"]').nth(1)
    light, frame = line.get_attribute("stroke"), image.locator("path[stroke]").first
    rule = frame.get_attribute("stroke")
    notebook.theme("JupyterLab Dark")
    expect(line).not_to_have_attribute("stroke", light)
    expect(frame).not_to_have_attribute("stroke", rule)
    notebook.shoot("live-dark", notebook.page.locator(".jp-Notebook"))
    notebook.theme("JupyterLab Light")
    expect(line).to_have_attribute("stroke", light)


def test_a_widget_shown_twice_moves_together(opened: Any, lab: Any, expect: Any) -> None:
    lab.write("twice.ipynb", [SETUP, f"w = {KERNEL}.widget(); w", "w", 'w.knobs = {"r": 0.77}'])
    notebook = opened("twice.ipynb", viewport={"width": 700, "height": 2000})
    notebook.run_all()
    for number in (0, 1):
        _, picture, slider = figure(notebook, number)
        expect(picture).to_have_attribute("aria-label", _containing("r = 0.77"))
        expect(slider).to_have_value("0.77")
    assert picture.bounding_box()["width"] < 640
    slider.focus()
    notebook.page.keyboard.press("Home")
    for number in (0, 1):
        expect(figure(notebook, number)[1]).to_have_attribute("aria-label", _containing("r = 0.10"))
    notebook.shoot("live-narrow", notebook.page.locator(".jp-Notebook"))
    assert notebook.errors == []


def test_long_labels_fit_on_a_narrow_page(opened: Any, lab: Any, expect: Any) -> None:
    lab.write("narrow.ipynb", [SETUP, LONG])
    notebook = opened("narrow.ipynb", viewport={"width": 800, "height": 800})
    notebook.run_all()
    _, picture, _ = figure(notebook, 0)
    expect(picture).to_be_visible()
    frame = picture.bounding_box()
    for words in ("the last is the output", "the units of layer 1"):
        label = picture.locator("text", has_text=words).bounding_box()
        for edge, size in (("x", "width"), ("y", "height")):
            assert label[edge] >= frame[edge]
            assert label[edge] + label[size] <= frame[edge] + frame[size]


def _containing(text: str) -> Any:
    return re.compile(re.escape(text))
