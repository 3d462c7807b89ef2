"""A lecture from one file, by keyboard alone: no slide is higher than the screen.

One deck is opened once and presented. One demo with a few frames stands for all, and nothing is
measured for its questions.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from firefox import Page

from gradcourse.checking.question import Choice
from gradcourse.exercises.registry import get
from gradcourse.lessons import LESSONS, lesson
from gradcourse.site import knob_grid, pages
from gradcourse.slides.build_decks import stored
from gradcourse.slides.deck import deck
from gradcourse.slides.handout import browser as printer
from gradcourse.slides.handout import print_pdf

ROOT = Path(__file__).parents[2]
LESSON = "11"
CHEAP = "start/first-slider"
"""A demo whose frames cost nothing; here it stands for all others."""

HIGH, WIDE, LEAST = 720, 1280, 18

HIGHEST = """() => {
  const slide = deck.getCurrentSlide(), at = slide.getBoundingClientRect(), scale = deck.getScale();
  let low = 0, right = 0;
  const hidden = 'aside, svg *, math *, .window *, details:not([open]) > :not(summary)';
  for (const one of slide.querySelectorAll('*')) {
    const box = one.getBoundingClientRect();
    if (one.closest(hidden) || !box.width || !box.height) continue;
    low = Math.max(low, (box.bottom - at.top) / scale);
    right = Math.max(right, (box.right - at.left) / scale);
  }
  return [low, right];
}"""

# What a letter's size is on a screen of 1280 × 720: figures are drawn and then enlarged. Formulas
# are left out: an index of an index is smaller.
SMALLEST = """() => {
  const words = document.createTreeWalker(deck.getCurrentSlide(), NodeFilter.SHOW_TEXT);
  const hidden = 'aside, script, style, noscript, math, details:not([open]) > :not(summary)';
  let least = 99;
  for (let node; (node = words.nextNode());) {
    const one = node.parentElement, svg = one.closest('svg'), range = document.createRange();
    range.selectNodeContents(node);
    if (!node.data.trim() || one.closest(hidden) || !range.getBoundingClientRect().width) continue;
    let size = parseFloat(getComputedStyle(one).fontSize);
    const drawn = svg?.viewBox.baseVal.width;
    const zoom = (up) => (up ? parseFloat(getComputedStyle(up).zoom) * zoom(up.parentElement) : 1);
    size *= drawn ? svg.getBoundingClientRect().width / drawn / deck.getScale() : zoom(one);
    least = Math.min(least, size);
  }
  return least;
}"""


class Screen:
    """A window with the deck, and what it asked for and complained of."""

    def __init__(self, browser: Any, page: Path, query: str = "", **context: Any) -> None:
        self.context = browser.new_context(viewport={"width": 1280, "height": 720}, **context)
        self.page = self.context.new_page()
        self.asked: list[str] = []
        self.complaints: list[str] = []
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", self._hear)
        self.page.goto(page.as_uri() + query)
        self.total = self.page.evaluate("deckReady")

    def _hear(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def here(self, selector: str) -> Any:
        return self.page.locator(f".slides section.present:not(.stack) {selector}")

    def at(self) -> list[int]:
        return list(self.page.evaluate("[deck.getIndices().h, deck.getIndices().v]"))

    def close(self) -> None:
        self.context.close()
        outside = [url for url in self.asked if not url.startswith(("file:", "data:", "blob:"))]
        assert (outside, self.complaints) == ([], [])


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    played = knob_grid.script(CHEAP, 6)
    return _built(LESSON, lambda id: played.replace(CHEAP, id), tmp_path_factory.mktemp("slides"))


def _built(number: str, frames_of: Callable[[str], str], folder: Path) -> Path:
    notebook = stored(ROOT, lesson(number))
    calls = [call for cell in notebook["cells"] if (call := pages.called(cell))]
    frames = {id: frames_of(id) for kind, id in calls if kind == "demo"}
    asked = [get(id) for id in pages.questions(notebook)]
    truths = {q.id: q.options[0].key if isinstance(q, Choice) else 1.0 for q in asked}
    page = folder / "deck.html"
    page.write_text(deck(notebook, truths, frames), "utf-8")
    return page


@pytest.fixture(scope="module")
def screen(built: Path, browser: Any) -> Iterator[Screen]:
    one = Screen(browser, built)
    yield one
    one.close()


def test_a_whole_lecture_goes_by_one_key_and_no_slide_is_too_high(screen: Screen) -> None:
    page, seen, wrong = screen.page, [], []
    cores = page.evaluate("deck.getHorizontalSlides().length")
    for _ in range(20 * cores):
        hidden = screen.here(".fragment:not(.visible)").count()
        if not hidden:
            seen.append(tuple(screen.at()))
            low, right = page.evaluate(HIGHEST)
            if low > HIGH + 1 or right > WIDE + 1 or page.evaluate(SMALLEST) < LEAST:
                wrong.append((screen.at(), low, right, page.evaluate(SMALLEST)))
        if not hidden and screen.at()[0] == cores - 1:
            break
        screen.press("PageDown")
    assert seen == [(h, 0) for h in range(cores)]  # no deeper step
    assert not wrong
    assert len(seen) > 15
    assert page.locator(".sheet.window, .sheet > .window").count() == 0
    below = page.evaluate("deck.getSlides().map(s => deck.getIndices(s)).filter(i => i.v > 0)")
    for place in below:
        page.evaluate("i => deck.slide(i.h, i.v, 99)", place)
        low, right = page.evaluate(HIGHEST)
        assert (low <= HIGH + 1, right <= WIDE + 1) == (True, True), place
    # The measures can say no.
    page.add_style_tag(content=".too-large .sheet { height: auto; font-size: 70px }")
    page.evaluate("document.body.classList.add('too-large')")
    page.evaluate("deck.slide(0, 0, 99)")
    assert page.evaluate(HIGHEST)[0] > HIGH + 1
    page.evaluate("document.body.classList.remove('too-large')")
    screen.press("Home")
    assert screen.at() == [0, 0]


@pytest.mark.slow
@pytest.mark.parametrize("row", LESSONS, ids=lambda row: row.number)
def test_on_every_slide_all_is_seen_and_large_enough(
    row: Any, browser: Any, tmp_path: Path
) -> None:
    one = Screen(browser, _built(row.number, lambda id: knob_grid.script(id, 6), tmp_path))
    wrong = one.page.evaluate(
        f"""async ([high, wide, least]) => {{
          const wrong = [];
          for (const slide of deck.getSlides()) {{
            const {{ h, v }} = deck.getIndices(slide);
            deck.slide(h, v, 99);
            await new Promise((done) => setTimeout(done, 100)); // what is seen anew is drawn
            const [low, right] = ({HIGHEST})(), letter = ({SMALLEST})();
            const whole = low <= high + 1 && right <= wide + 1 && !slide.querySelector('.window');
            if (!whole || letter < least) wrong.push([slide.id, low, right, letter]);
          }}
          return wrong;
        }}""",
        [HIGH, WIDE, LEAST],
    )
    assert not wrong
    one.close()


def test_a_deeper_step_lies_below_and_the_way_on_passes_it_by(screen: Screen) -> None:
    page = screen.page
    h = page.evaluate("deck.getIndices(document.querySelector('.stack > section')).h")
    page.evaluate("h => deck.slide(h, 0, 99)", h)
    assert screen.here(".way-down").inner_text().startswith("↓ Deeper")
    screen.press("ArrowDown")
    assert screen.at() == [h, 1]
    screen.press("ArrowUp")
    assert screen.at() == [h, 0]
    screen.press("ArrowDown", "ArrowRight")
    while screen.at() == [h, 1]:
        screen.press("ArrowRight")
    assert screen.at() == [h + 1, 0]
    screen.press("ArrowLeft")
    assert screen.at() == [h, 0]


def test_a_prediction_is_a_show_of_hands(screen: Screen) -> None:
    page = screen.page
    h = page.evaluate("deck.getIndices(document.querySelector('.hands').closest('section')).h")
    page.evaluate("h => deck.slide(h, 0, -1)", h)
    while not screen.here(":is(.hands.visible, .hands:not(.fragment))").count():
        screen.press("ArrowRight")
    answer = screen.here(".answer")
    assert answer.evaluate("e => getComputedStyle(e).visibility") == "hidden"
    screen.press("2")
    assert screen.here("li.hall").count() == 1
    assert screen.here("li.hall").evaluate("e => [...e.parentElement.children].indexOf(e)") == 1
    screen.press("ArrowRight")
    page.wait_for_function(
        "e => getComputedStyle(e).visibility === 'visible'", arg=answer.element_handle()
    )
    assert answer.inner_text().startswith("Measured")


def test_a_knob_is_turned_by_keyboard_and_lets_go(screen: Screen) -> None:
    page = screen.page
    h = page.evaluate(
        "deck.getIndices(document.querySelector('.look input[type=range]').closest('section')).h"
    )
    page.evaluate("h => deck.slide(h, 0, 99)", h)
    title, before = screen.here(".gc-title"), screen.here(".gc-title").inner_text()
    screen.press("t", "ArrowRight", "ArrowRight", "ArrowRight")
    page.wait_for_function("([e, t]) => e.innerText !== t", arg=[title.element_handle(), before])
    assert screen.at() == [h, 0]
    screen.press("Escape")
    assert page.evaluate("document.activeElement === document.body")
    assert not page.evaluate("deck.isOverview()")
    screen.press("t", "PageDown")
    assert screen.at() == [h + 1, 0]


def test_the_questions_alone_and_a_dark_hall(built: Path, browser: Any) -> None:
    one = Screen(browser, built, "?questions", color_scheme="dark")
    asked = len(re.findall('class="answer fragment"', built.read_text("utf-8")))
    assert one.total == asked + 1
    ink = one.page.evaluate("getComputedStyle(deck.getCurrentSlide()).color")
    assert min(map(int, re.findall(r"\d+", ink)[:3])) > 200
    one.press("d", "ArrowRight")
    ink = one.page.evaluate("getComputedStyle(deck.getCurrentSlide()).color")
    assert max(map(int, re.findall(r"\d+", ink)[:3])) < 60
    assert one.here(".hands").count() == 1
    one.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(screen: Screen, scheme: str) -> None:
    screen.page.evaluate("name => { document.body.dataset.theme = name; }", scheme)
    found = []
    for h in range(0, 12, 3):
        screen.page.evaluate("h => deck.slide(h, 0, 99)", h)
        for one in Axe().run(screen.page).response["violations"]:
            if one["impact"] in ("serious", "critical"):
                found.append((h, one["id"], one["nodes"][0]["html"]))
    assert not found
    screen.page.evaluate("document.body.dataset.theme = 'light'")


def test_the_speaker_sees_notes_clock_and_what_comes_next(screen: Screen) -> None:
    page = screen.page
    page.evaluate("deck.slide(2, 0)")
    with page.expect_popup() as popup:
        screen.press("s")
    speaker = popup.value
    notes = speaker.locator(".speaker-controls-notes .value")
    notes.get_by_text("min").first.wait_for(timeout=20_000)
    assert speaker.locator("iframe").count() == 2
    speaker.locator(".pacing .minutes-value").wait_for()
    ahead = speaker.frame_locator("#upcoming-slide iframe").locator("section.present").last
    ahead.wait_for()
    before = notes.inner_text()
    page.evaluate("deck.slide(0, 0)")
    speaker.wait_for_function(
        "t => document.querySelector('.speaker-controls-notes .value').innerText !== t", arg=before
    )
    assert "The core path takes" in notes.inner_text()
    speaker.close()


def test_it_is_printed_a_slide_a_page(built: Path, screen: Screen) -> None:
    pdf = print_pdf(printer(), built, notes=False)
    assert pdf.startswith(b"%PDF")
    pages = len(re.findall(rb"/Type\s*/Page[^s]", pdf))
    assert pages == screen.total


# ── The same in Firefox ───────────────────────────────────────────────────────────────────────


def test_in_firefox_a_lecture_goes_by_one_key_and_no_slide_is_too_high(
    built: Path, fox: Page
) -> None:
    fox.asked.clear()
    fox.complaints.clear()
    fox.goto(built.as_uri())
    total = fox.evaluate("deckReady")
    cores = fox.evaluate("deck.getHorizontalSlides().length")
    seen, wrong = [], []
    hidden = "deck.getCurrentSlide().querySelectorAll('.fragment:not(.visible)').length"
    for _ in range(20 * cores):
        at = fox.evaluate("deck.getIndices()")
        if not fox.evaluate(hidden):
            seen.append((at["h"], at["v"]))
            (low, right), least = fox.evaluate(HIGHEST), fox.evaluate(SMALLEST)
            if low > HIGH + 1 or right > WIDE + 1 or least < LEAST:
                wrong.append((at, low, right, least))
            if at["h"] == cores - 1:
                break
        fox.press("PageDown")
    assert seen == [(h, 0) for h in range(cores)]
    assert not wrong
    assert total > cores > 15
    outside = [url for url in fox.asked if not url.startswith(("file:", "data:", "blob:"))]
    assert (outside, fox.complaints) == ([], [])
