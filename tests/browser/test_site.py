"""The site as a reader has it: opened from file://, without a kernel and without a network."""

from __future__ import annotations

import dataclasses
import itertools
import json
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from firefox import Page
from links import dead_links

from gradcourse.checking.panel.typed import understand
from gradcourse.checking.question import Choice, Prediction
from gradcourse.checking.show import measured, number
from gradcourse.exercises import all_exercises
from gradcourse.exercises.guesses import Guess, Intuition
from gradcourse.figures import Axis, Line, Plot
from gradcourse.figures.style import THEMES
from gradcourse.figures.wire import stored
from gradcourse.lessons import LESSONS
from gradcourse.site import assets, pages, quiz, reference
from gradcourse.site.build_site import Built, build_site
from gradcourse.site.options import Options
from gradcourse.site.run_elsewhere import hub_address

ROOT = Path(__file__).parents[2]
LESSON = "lessons/00_start_here.html"
PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}
WIDE = {"viewport": {"width": 1280, "height": 900}}


class Reader:
    """A page, and what it asked for and complained of."""

    def __init__(self, browser: Any, **context: Any) -> None:
        self.page = browser.new_context(**context).new_page()
        self.asked: list[str] = []
        self.complaints: list[str] = []
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", self._hear)

    def _hear(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)

    def close(self) -> None:
        self.page.context.close()
        outside = [url for url in self.asked if not url.startswith(("file:", "data:", "blob:"))]
        assert (outside, self.complaints) == ([], [])


@pytest.fixture(scope="module")
def site(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Built:
    """Two lessons with few frames, all guides, and the shortest pages of the reference."""
    private = tmp_path_factory.mktemp("site")
    options = Options(
        ROOT, private / "out", ("00", "03"), repository="", cache=private / "cache", frames=40
    )
    few = {"data": ["digits"], "health": ["doctor"]}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reference, "grouped", lambda: few)
        return build_site(options)


@pytest.fixture
def reading(site: Built, browser: Any) -> Iterator[Any]:
    """Open pages of the site; afterwards nothing was asked of others, and nothing complained."""
    readers: list[Reader] = []

    def read(path: str, **context: Any) -> Any:
        readers.append(Reader(browser, **context))
        readers[-1].page.goto((site.first.parent / path).as_uri())
        return readers[-1].page

    yield read
    for reader in readers:
        reader.close()


def test_sphinx_has_nothing_to_complain_of(site: Built) -> None:
    assert site.complaints == ()


def test_no_page_makes_a_browser_ask_for_an_icon(site: Built) -> None:
    for path in site.first.parent.rglob("*.html"):
        assert '<link rel="icon" href="data:,">' in path.read_text("utf-8"), path


def test_every_link_leads_somewhere(site: Built, tmp_path: Path) -> None:
    assert dead_links(site.first.parent) == []
    (tmp_path / "a.html").write_text("<p id=here></p><a href=#here></a><a href=b.html#x></a>")
    (tmp_path / "b.html").write_text("<a href=a.html#there></a><a href=https://c.org#d></a>")
    assert dead_links(tmp_path) == ["a.html: b.html#x", "b.html: a.html#there"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("device", [WIDE, PHONE], ids=["wide", "phone"])
def test_a_figure_follows_the_knob(reading: Any, device: dict[str, Any], scheme: str) -> None:
    page = reading(LESSON, color_scheme=scheme, **device)
    place = page.locator('[data-id="start/first-slider"]')
    place.scroll_into_view_if_needed()
    slider, title = place.locator("input[type=range]"), place.locator(".gc-title")
    slider.wait_for()
    before = title.inner_text(), place.locator("svg.gc-figure").inner_html()
    box = slider.bounding_box()
    height = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] * 0.5, height)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.8, height, steps=5)
    page.mouse.up()
    page.wait_for_function("([e, t]) => e.innerText !== t", arg=[title.element_handle(), before[0]])
    assert place.locator("svg.gc-figure").inner_html() != before[1]
    assert place.locator("svg.gc-figure").get_attribute("aria-label")
    ink = place.locator(".gc-live").evaluate("e => getComputedStyle(e).color")
    bright = sum(map(int, ink.removeprefix("rgb(").removesuffix(")").split(","))) > 382
    assert bright == (scheme == "dark")
    slack = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert slack <= 0


def test_a_prediction_locks_reveals_and_is_kept(reading: Any) -> None:
    page = reading(LESSON, **PHONE)
    panel = page.locator(".gc-panel").first
    panel.locator("input[type=text]").fill("1/50")
    assert "measured" not in panel.inner_text()
    panel.get_by_role("button", name="Lock in").click()
    assert "is read as 0.02" in panel.inner_text()
    panel.get_by_role("button", name="Lock in").click()
    said = panel.locator(".gc-found").inner_text()
    assert "one over fifty" in said
    assert "measured 8.9e-16" in said
    assert panel.locator("input[type=text]").evaluate("e => e.readOnly")
    page.reload()
    assert page.locator(".gc-panel .gc-found").first.inner_text() == said
    page.goto(page.url.replace("00_start_here", "intuition"))
    words = page.locator('[data-gc="intuition"]')
    words.locator("svg.gc-figure").wait_for()
    assert "1 prediction, 0 close" in words.inner_text()
    page.go_back()
    page.get_by_role("button", name="Forget my answer").first.click()
    panel = page.locator(".gc-panel").first
    assert panel.locator(".gc-found").inner_text() == ""
    assert not panel.locator("input[type=text]").evaluate("e => e.readOnly")


ALIVE = """[...document.querySelectorAll('.gc-place')]
  .every((place) => place.querySelector('.gc-live, .gc-panel'))"""


def test_every_place_of_a_lesson_comes_alive(reading: Any) -> None:
    page = reading("lessons/03_the_recurrent_weight.html", **WIDE)
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.wait_for_function(ALIVE)
    assert page.locator("math").count() > 50
    assert page.locator("svg.gc-figure[aria-label='']").count() == 0
    votes = page.locator(".gc-panel").filter(has=page.get_by_role("button", name="Vote"))
    if votes.count():
        votes.first.locator("input[type=radio]").first.check()
        votes.first.get_by_role("button", name="Vote").click()
        assert "measurement" in votes.first.locator(".gc-found").inner_text()


RECURRENT = "lessons/03_the_recurrent_weight.html"


def test_a_link_of_the_contents_leads_there_without_drawing_what_lies_between(reading: Any) -> None:
    page = reading(RECURRENT, viewport={"width": 1500, "height": 900})  # its contents are open
    page.locator(".toc-tree a", has_text="Sources").click()
    heading = page.locator("h2", has_text="Sources")
    page.wait_for_function("e => e.getBoundingClientRect().top < 200", arg=heading.element_handle())
    assert page.locator('.gc-place[data-gc="demo"]').count() == 3
    assert page.locator('.gc-place[data-gc="demo"][data-live]').count() == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_drawing_has_the_readers_theme_and_can_be_read_on_a_phone(
    reading: Any, scheme: str
) -> None:
    page = reading(RECURRENT, color_scheme=scheme, **PHONE)
    drawing = page.locator(".gc-wide > img.gc-static").first
    assert drawing.evaluate("e => getComputedStyle(e).colorScheme") == scheme
    assert drawing.bounding_box()["width"] >= 600
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


@pytest.mark.parametrize(("system", "chosen"), [("dark", "light"), ("light", "dark")])
def test_what_the_browser_draws_has_the_theme_that_was_chosen(
    reading: Any, system: str, chosen: str
) -> None:
    page = reading(LESSON, color_scheme=system, **WIDE)
    page.evaluate("theme => { document.body.dataset.theme = theme; }", chosen)
    scheme = "e => getComputedStyle(e).colorScheme"
    assert page.locator(".gc-panel input").first.evaluate(scheme) == chosen


def test_words_at_a_scale_keep_apart_on_a_phone(reading: Any) -> None:
    page = reading(RECURRENT, **PHONE)
    page.wait_for_timeout(300)
    words = """all => all.map(scale => [...scale.querySelectorAll('.gc-tick span')]
      .filter(word => getComputedStyle(word).visibility === 'visible')
      .map(word => word.getBoundingClientRect()).map(({left, right}) => [left, right]))"""
    scales = page.locator(".gc-scale").evaluate_all(words)
    assert min(map(len, scales)) >= 3  # both ends, and something between
    for scale in scales:
        assert all(one[1] < other[0] for one, other in itertools.pairwise(scale)), scale


def test_a_box_shows_no_more_digits_than_the_verdict(reading: Any) -> None:
    page = reading(LESSON, **WIDE)
    kept = """localStorage.setItem('gradcourse:start/first-prediction',
      JSON.stringify({answer: 2.1715792741452e-7, time: 1}))"""
    page.evaluate(kept)
    page.reload()
    panel = page.locator(".gc-panel").first
    assert panel.locator("input[type=text]").input_value() == "2.172e-7"
    assert "2.172e-07" in panel.locator(".gc-found").inner_text()


def test_a_page_is_printed_whole_and_light(reading: Any) -> None:
    page = reading(RECURRENT, color_scheme="dark", **WIDE)
    # What is drawn after the browser has told of the printing comes too late.
    drawn = """() => {
      dispatchEvent(new Event('beforeprint'));
      return Promise.resolve().then(() => Promise.resolve()).then(() =>
        [...document.querySelectorAll('.gc-place[data-gc=figure]')].map(place =>
          place.querySelectorAll('svg.gc-figure path').length > 0
          && place.querySelector('.gc-live').style.getPropertyValue('--gc-theme-text')));
    }"""
    figures = page.evaluate(drawn)
    assert len(figures) > 5
    assert set(figures) == {THEMES["light"].text}
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.evaluate("document.body.dataset.theme") == "auto"
    page.reload()
    assert page.pdf()[:4] == b"%PDF"
    assert page.locator("details.gc-deeper:not([open])").count() == 0
    stills = page.locator("img.gc-paper")
    assert stills.count() == 3
    assert all(stills.evaluate_all("all => all.map(one => one.naturalWidth > 0)"))
    page.emulate_media(media="print")
    cut = "all => all.filter(one => one.scrollWidth > one.clientWidth + 1).length"
    assert page.locator("article pre").evaluate_all(cut) == 0
    assert not page.locator(".skip-to-content").is_visible()


def test_pages_search_and_reference_work_from_a_file(reading: Any) -> None:
    page = reading("index.html", **WIDE)
    page.locator("input.sidebar-search").fill("eigenvalue")
    page.keyboard.press("Enter")
    page.locator("#search-results li").first.wait_for()
    page.goto(page.url.partition("search.html")[0] + "api/data.html")
    assert page.locator("dt[id='gradcourse.digits']").count() == 1


# ── The same in Firefox ───────────────────────────────────────────────────────────────────────


@pytest.fixture
def foxed(site: Built, fox: Page) -> Iterator[Callable[..., Page]]:
    """Open pages of the site in Firefox; afterwards nothing was asked of others, no complaint."""
    fox.asked.clear()
    fox.complaints.clear()

    def read(path: str, query: str = "", **size: int) -> Page:
        fox.goto((site.first.parent / path).as_uri() + query, **size)
        return fox

    yield read
    outside = [url for url in fox.asked if not url.startswith(("file:", "data:", "blob:"))]
    assert (outside, fox.complaints) == ([], [])


PICTURE = """['.gc-title', 'svg.gc-figure'].map((part) =>
  document.querySelector(`[data-id='start/first-slider'] ${part}`).outerHTML)"""


def test_in_firefox_a_figure_follows_the_knob(foxed: Callable[..., Page]) -> None:
    page = foxed(LESSON, width=390, height=844)
    slider = "[data-id='start/first-slider'] input[type=range]"
    page.evaluate("document.querySelector(\"[data-id='start/first-slider']\").scrollIntoView()")
    page.wait_until("one => document.querySelector(one) !== null", slider)
    seen = [page.evaluate(PICTURE)]
    page.drag(slider, 0.5, 0.8)
    page.wait_until(f"old => ({PICTURE}).every((now, i) => now !== old[i])", seen[-1])
    seen.append(page.evaluate(PICTURE))
    page.press("ArrowLeft")
    page.wait_until(f"old => ({PICTURE}).every((now, i) => now !== old[i])", seen[-1])
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


def test_in_firefox_every_place_comes_alive(foxed: Callable[..., Page]) -> None:
    page = foxed("lessons/03_the_recurrent_weight.html")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.wait_until(ALIVE)
    assert page.evaluate("[...document.querySelectorAll('svg.gc-figure')].every(e => e.ariaLabel)")
    high = "[...document.querySelectorAll('math')].map(e => e.getBoundingClientRect().height)"
    assert page.evaluate(f"{high}.filter(h => h > 0).length") > 50


def test_in_firefox_a_prediction_locks_reveals_and_is_kept(foxed: Callable[..., Page]) -> None:
    page = foxed(LESSON)
    page.click(".gc-panel input[type=text]")
    page.press(*"1e-3", "Enter")
    said = "document.querySelector('.gc-found').innerText"
    page.wait_until(f"{said} !== ''")
    first = page.evaluate(said)
    assert "measured 8.9e-16" in first
    page.reload()
    assert page.evaluate(said) == first
    page.click(".gc-forget")
    assert page.evaluate(said) == ""


def test_in_firefox_search_works_from_a_file(foxed: Callable[..., Page]) -> None:
    page = foxed("search.html", "?q=eigenvalue")
    page.wait_until("document.querySelectorAll('#search-results li').length > 0")


OVERLAPS = """() => [...document.querySelectorAll('svg.gc-figure')].flatMap((svg) => {
  const texts = [...svg.querySelectorAll('text')];
  const boxes = texts.map((one) => [one.textContent, one.getBoundingClientRect()]);
  const meet = (a, b) => Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1
    && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 7;
  return boxes.flatMap(([one, a], i) =>
    boxes.slice(i + 1).filter(([, b]) => meet(a, b)).map(([other]) => [one, other]));
})"""
"""Pairs of labels in figures that lie over each other."""


CROSSED = """() => [...document.querySelectorAll('svg.gc-figure')].flatMap(svg => {
  const labels = [...svg.querySelectorAll('.gc-note')].map(one => one.getBoundingClientRect());
  return [...svg.querySelectorAll('g[clip-path] > path[fill=none]:not([stroke-dasharray])')]
    .flatMap(line => Array.from({length: 2001}, (_, i) =>
      line.getPointAtLength(line.getTotalLength() * i / 2000).matrixTransform(line.getScreenCTM()))
    ).filter(at => labels.some(({left, right, top, bottom}) =>
      at.x > left + 1 && at.x < right - 1 && at.y > top + 3 && at.y < bottom - 3));
}).length"""
"""Places at which a solid line runs through a label."""

ONTO_A_LINE = """() => {
  const line = [...document.querySelectorAll('g[clip-path] > path[fill=none]')].at(-1);
  const {x, y} = line.getPointAtLength(line.getTotalLength() / 2);
  for (const [name, value] of Object.entries({x, y, 'text-anchor': 'middle'}))
    document.querySelector('.gc-note').setAttribute(name, value);
}"""


def _reading(browser: Any, folder: Path, places: str, device: dict[str, Any]) -> Reader:
    """A page of figures alone, with all of them drawn."""
    (folder / "course.js").write_text(assets.player_js(), "utf-8")
    (folder / "page.html").write_text(
        f'<meta charset="utf-8"><style>{assets.course_css()}</style>{places}'
        '<script src="course.js"></script>',
        "utf-8",
    )
    reader = Reader(browser, **device)
    reader.page.goto((folder / "page.html").as_uri())
    reader.page.evaluate("document.querySelectorAll('.gc-place').forEach(gcSite.mount)")
    return reader


@pytest.mark.parametrize("device", [WIDE, PHONE], ids=["wide", "phone"])
def test_no_line_runs_through_the_label_of_a_level_line_that_has_room(
    browser: Any, tmp_path: Path, device: dict[str, Any]
) -> None:
    step = np.arange(0.0, 301.0)
    # Free of lines is only a stretch below the level, right of the middle and left of the end.
    near, far = np.where(step < 185, 2.22, 0.1), np.where(step > 250, 2.22, 0.1)
    lines = [
        Line(step, np.full_like(step, 2.3), "ln 10", "reference"),
        Line(step, np.maximum(near, far), "loss"),
        Line(step, np.full_like(step, 2.36), "other"),
    ]
    plot = Plot("Losses", Axis("step"), Axis("loss", limits=(0.0, 2.6)), tuple(lines))
    place = pages.figure_place(stored([plot]), b"", "", pages.Used())
    reader = _reading(browser, tmp_path, f"<div>{place}</div>", device)
    reader.page.wait_for_selector("svg.gc-figure .gc-note")
    reader.page.wait_for_timeout(300)
    assert reader.page.evaluate(CROSSED) == 0
    # The measure can say no.
    reader.page.evaluate(ONTO_A_LINE)
    assert reader.page.evaluate(CROSSED) > 0
    reader.page.context.close()


@pytest.mark.parametrize("device", [WIDE, PHONE], ids=["wide", "phone"])
def test_no_label_of_the_course_lies_over_another_or_on_a_line(
    browser: Any, tmp_path: Path, device: dict[str, Any]
) -> None:
    figures = [
        output["data"][pages.FIGURE]
        for notebook in (*(row.notebook for row in LESSONS), *ROOT.glob("exercises/*.ipynb"))
        for cell in json.loads((ROOT / notebook).read_text("utf-8"))["cells"]
        for output in cell.get("outputs", ())
        if pages.FIGURE in output.get("data", {})
    ]
    places = "".join(pages.figure_place(one, b"", "", pages.Used()) for one in figures)
    reader = _reading(browser, tmp_path, places, device)
    drawn = "n => document.querySelectorAll('svg.gc-figure text').length > n"
    reader.page.wait_for_function(drawn, arg=len(figures))
    reader.page.wait_for_timeout(300)
    assert reader.page.evaluate(OVERLAPS) == []
    assert reader.page.evaluate(CROSSED) == 0
    # The measure can say no.
    reader.page.evaluate(
        "(one => one.after(one.cloneNode(true)))(document.querySelector('svg.gc-figure text'))"
    )
    assert len(reader.page.evaluate(OVERLAPS)) == 1
    reader.page.context.close()


# ── The rules in the browser are the engine's ─────────────────────────────────────────────────


@pytest.fixture(scope="module", params=["chromium", "firefox"])
def script(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Any]:
    """The course's script on an empty page."""
    folder = tmp_path_factory.mktemp("script")
    (folder / "course.js").write_text(assets.course_js(), "utf-8")
    empty = '<!DOCTYPE html><meta charset="utf-8"><script src="course.js"></script>'
    (folder / "page.html").write_text(empty)
    address = (folder / "page.html").as_uri()
    if request.param == "firefox":
        page = request.getfixturevalue("fox")
        page.goto(address)
        yield page
        return
    reader = Reader(request.getfixturevalue("browser"))
    reader.page.goto(address)
    yield reader.page
    reader.close()


def _predictions() -> list[Prediction]:
    return [question for question in all_exercises() if isinstance(question, Prediction)]


def _truths(question: Prediction) -> list[float]:
    """What might be measured: on the scale, at a slip, off the scale, and no number."""
    low, high = question.low, question.high
    middle = math.sqrt(low * high) if question.log else low + 0.37 * (high - low)
    slips = [float(slip.value) for slip in question.misconceptions[:1]]
    return [middle, *slips, 0.0, 3.7 * abs(high) + 1, math.inf, math.nan]


def _answers(question: Prediction, truth: float) -> list[float]:
    low, high = question.low, question.high
    if question.log:
        along = np.geomspace(low, high, 5)
        edge = [truth * question.within, truth / question.within, truth * 1.02]
    else:
        along = np.linspace(low, high, 5)
        edge = [truth + question.within, truth - question.within, truth * 1.02, truth / 100]
    values = [float(slip.value) for slip in question.misconceptions]
    slips = [value * factor for value in values for factor in (1, 1.04, 1.06)]
    near = [*edge, *slips] if math.isfinite(truth) else slips
    numbers = [float(f"{value:.4g}") for value in [*along, *near] if math.isfinite(value)]
    return [value for value in numbers if not question.log or value > 0]


def test_every_prediction_is_judged_as_the_engine_does(script: Any) -> None:
    differ, tried = [], 0
    for question in _predictions():
        for truth in _truths(question):
            told = {"title": question.title, "points": question.points}
            told["rule"] = quiz.rule(question, truth)
            answers = _answers(question, truth)
            said = script.evaluate("([t, xs]) => xs.map(x => gcSite.judge(t, x))", [told, answers])
            for answer, page in zip(answers, said, strict=True):
                tried += 1
                if page != quiz.verdict_html(question, answer, truth):
                    differ.append((question.id, truth, answer, page))
    assert not differ, f"{len(differ)} of {tried}: {differ[:3]}"
    assert tried > 1000


def test_every_vote_and_choice_has_the_verdict_of_the_engine() -> None:
    for question in all_exercises():
        if isinstance(question, Choice):
            for truth in (question.options[0].key, question.options[-1].key):
                told = json.loads(json.dumps(quiz.told(question, truth)))
                assert list(told["verdicts"]) == [option.key for option in question.options]
                for key, said in told["verdicts"].items():
                    assert ("gc-right" in said) == (key == truth)


TYPED = (
    *("", " ", "7", "0", "-3", "1e-3", "1,5", "0,001", "1,000", "-12,345", "1/4", "1/0", "1/2/3"),
    *("10^-3", "2*10^-3", "2 × 10⁻³", "10⁻³", "5 %", "0.5%", "−1", "1e400", "abc", "1 000", ".5"),
    *("3·10**-2", "5.", "1e", "+2", "1e-5", "0.12345678", "50%", "1/3", "2x10^2"),
)


def test_a_typed_number_is_read_as_the_notebook_reads_it(script: Any) -> None:
    some = itertools.islice(_predictions(), 0, None, 6)
    percent = [question for question in _predictions() if question.unit == "%"]
    for question in [*some, *percent[:1]]:
        rule = quiz.rule(question, 1.0)
        read = script.evaluate("([r, ts]) => ts.map(t => gcSite.understand(t, r))", [rule, TYPED])
        ours = [dataclasses.asdict(understand(text, question)) for text in TYPED]
        assert read == ours


def test_numbers_are_written_as_python_writes_them(script: Any) -> None:
    rng = np.random.default_rng(0)
    values = [0.015625, 0.5, 2.5, 12.5, 1e4, 99995.0, 9999.5, 1e-5, 0.00012345, -0.25, -1e9, 100.0]
    values += [float(rng.normal() * 10.0 ** rng.integers(-30, 30)) for _ in range(300)]
    values += [k / 2**n for k in (1, 3, 7, 13) for n in range(12)]
    write = "vs => vs.map(v => [gcSite.numberText(v), gcSite.measuredText(v)])"
    assert script.evaluate(write, values) == [[number(v), measured(v)] for v in values]


def test_the_link_to_a_hub_is_the_one_of_the_launch_row(script: Any) -> None:
    told = ["lessons/03.ipynb", "https://github.com/example/course.git/", "https://hub.org/"]
    address = hub_address(told[0], "https://github.com/example/course", "https://hub.org")
    assert script.evaluate("told => gcSite.hubAddress(...told)", told) == address


def test_the_words_below_ones_intuition_are_the_notebooks(script: Any) -> None:
    pairs = [(1e-3, 1e-5), (1e-2, 1e-2), (1e-9, 1e-12), (3.0, 2.0), (0.5, 0.01)]
    for count in range(len(pairs) + 1):
        guesses = [Guess("g", p, m, abs(math.log10(p / m)) < 0.3) for p, m in pairs[:count]]
        told = [
            {"predicted": g.predicted, "measured": g.measured, "close": g.close} for g in guesses
        ]
        assert (
            script.evaluate("gs => gcSite.summary(gs)", told) == Intuition(tuple(guesses)).summary
        )
