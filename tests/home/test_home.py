"""Home tells where the learner is, what is left and where to go on, from pages and record alone."""

from __future__ import annotations

import json
import os
import re
import time
from html.parser import HTMLParser
from pathlib import Path

import nbformat
import pytest
from nbformat import v4

from gradcourse.checking import PartResult, Verdict
from gradcourse.checking.progress import Progress
from gradcourse.home.cards import Standing, standing
from gradcourse.home.render import home_html, inline
from gradcourse.home.steps import read_page
from gradcourse.lessons import LESSONS
from gradcourse.pace import rounded
from gradcourse.symbols import SYMBOLS
from gradcourse.workcopy import WorkingCopy
from gradcourse.workcopy.ledger import PLACE
from gradcourse.workcopy.news import NEWS

ROOT = Path(__file__).parents[2]
LESSON, EXERCISE = "lessons/01_products_of_the_chain_rule.ipynb", "exercises/01_chain_rule.ipynb"


@pytest.fixture(scope="module")
def laid(tmp_path_factory: pytest.TempPathFactory) -> WorkingCopy:
    copy = WorkingCopy(tmp_path_factory.mktemp("home") / "mine")
    copy.lay(solutions=False)
    return copy


@pytest.fixture
def copy(laid: WorkingCopy) -> WorkingCopy:
    """The same folder for all, as it was laid."""
    pages = {page: (laid.folder / page).read_bytes() for page in (LESSON, EXERCISE)}
    yield laid
    for page, content in pages.items():
        (laid.folder / page).write_bytes(content)
        os.utime(laid.folder / page, (1, 1))
    (laid.folder / NEWS).unlink(missing_ok=True)


@pytest.fixture
def progress(tmp_path: Path) -> Progress:
    return Progress(tmp_path / "progress.sqlite")


def run(copy: WorkingCopy, page: str, until: str = "") -> None:
    """Give the cells of a page numbers, as a run does, up to a heading."""
    path = copy.folder / page
    notebook = json.loads(path.read_text("utf-8"))
    for count, cell in enumerate(notebook["cells"], start=1):
        if until and "".join(cell["source"]).startswith(f"## {until}"):
            break
        if cell["cell_type"] == "code":
            cell["execution_count"] = count
    path.write_text(json.dumps(notebook), "utf-8")
    later = (copy.folder / PLACE).stat().st_mtime + 60
    os.utime(path, (later, later))


def lock_all(copy: WorkingCopy, page: str, progress: Progress) -> None:
    for id in read_page(copy.folder / page).panels:
        progress.lock(id, 1.0)


def solve_all(copy: WorkingCopy, progress: Progress) -> None:
    for section in read_page(copy.folder / EXERCISE).sections:
        for id in section.panels:
            part = PartResult("p", "right", section.points, section.points)
            progress.record(Verdict(id, "t", (part,)))


def test_before_anything_it_says_begin_with_lesson_00(
    copy: WorkingCopy, progress: Progress
) -> None:
    now = standing(copy, progress)
    assert [card.lesson for card in now.cards] == list(LESSONS)
    assert not now.begun
    assert (now.way_on.title, now.way_on.anchor) == ("00 · Start here", "")
    assert now.way_on.page == "lessons/00_start_here.ipynb"
    assert "Begin" in home_html(copy, progress)


def test_a_lesson_is_gone_on_with_at_its_step(copy: WorkingCopy, progress: Progress) -> None:
    run(copy, LESSON, until="Step 3")
    card = standing(copy, progress).cards[1]
    assert [step.done for step in card.steps[:4]] == [True, False, False, False]
    assert 0 < card.steps[1].share < 1  # its prediction was not locked in
    lock_all(copy, LESSON, progress)
    now = standing(copy, progress)
    assert now.cards[1].steps_done == 3
    assert now.way_on.page == LESSON
    before = now.cards[1].lesson_left
    run(copy, LESSON)
    assert standing(copy, progress).cards[1].lesson_left < before


def test_after_a_lesson_its_exercises_and_then_the_next(
    copy: WorkingCopy, progress: Progress
) -> None:
    run(copy, LESSON)
    lock_all(copy, LESSON, progress)
    way = standing(copy, progress).way_on
    assert (way.page, way.place) == (EXERCISE, "1 · Backward through a chain of numbers")
    assert way.anchor.startswith("1-·-Backward-through-a-chain-of-numbers")
    solve_all(copy, progress)
    now = standing(copy, progress)
    assert now.cards[1].complete
    assert (now.cards[1].earned, now.cards[1].possible) == (18, 18)
    assert now.way_on.page == "lessons/02_saturation.ipynb"
    assert "all 18 points" in home_html(copy, progress)


def test_the_record_counts_at_once_and_a_page_that_is_gone_harms_nothing(
    copy: WorkingCopy, progress: Progress
) -> None:
    progress.record(Verdict("chain/lyapunov", "t", (PartResult("p", "wrong", 0.5, 1.0),)))
    assert standing(copy, progress).way_on.page == EXERCISE
    (copy.folder / EXERCISE).unlink()
    (copy.folder / LESSON).write_text("no notebook", "utf-8")
    now = standing(copy, progress)
    assert (now.cards[1].steps, now.cards[1].questions) == ((), ())
    assert "Products of the chain rule" in home_html(copy, progress)


def test_when_all_is_done_it_says_so() -> None:
    assert Standing((), None, 0).way_on is None


def test_news_of_an_update_are_told_for_a_while(copy: WorkingCopy, progress: Progress) -> None:
    note = {"time": time.time(), "text": "lessons/03: <b>2 cells new</b>"}
    (copy.folder / NEWS).write_text(json.dumps(note), "utf-8")
    assert "lessons/03: &lt;b&gt;2 cells new" in home_html(copy, progress)
    (copy.folder / NEWS).write_text(json.dumps(note | {"time": time.time() - 9e6}), "utf-8")
    assert "2 cells new" not in home_html(copy, progress)


class Links(HTMLParser):
    """The links of a page, and the tags that are still open at its end."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.open: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open.append(tag)
        self.links += [value for name, value in attrs if name == "href" and value]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_every_link_leads_to_a_page_and_nothing_is_left_open(
    copy: WorkingCopy, progress: Progress
) -> None:
    page = home_html(copy, progress)
    read = Links(page)
    assert read.open == []
    pages = {link.partition("#")[0] for link in read.links}
    assert {row.notebook for row in LESSONS} <= pages
    assert {row.exercises for row in LESSONS if row.earns} <= pages
    assert all((copy.folder / page).is_file() for page in pages)
    assert "http" not in page
    assert "<script" not in page


def test_a_line_is_set_and_escaped() -> None:
    assert inline("a *b* <i> $x$").startswith("a <em>b</em> &lt;i&gt; <math>")


@pytest.mark.parametrize("row", LESSONS, ids=lambda row: row.number)
def test_a_lesson_says_the_minutes_that_its_text_takes(laid: WorkingCopy, row) -> None:
    page = read_page(laid.folder / row.notebook)
    minutes = sum(section.minutes for section in page.sections)
    opening = "".join(
        json.loads((laid.folder / row.notebook).read_text("utf-8"))["cells"][0]["source"]
    )
    deeper = re.search(r"With the deeper steps (\d+)\.", opening)
    promised = int(deeper[1]) if deeper else row.minutes
    assert abs(rounded(minutes) - promised) <= 5, f"it takes about {minutes:.0f}"
    assert len(page.sections) >= 3
    assert page.needs.startswith("You need")


def test_an_empty_cell_below_the_last_one_is_nothing_to_do(copy: WorkingCopy) -> None:
    path = copy.folder / LESSON
    before = read_page(path)
    node = nbformat.read(path, 4)
    node.cells += [v4.new_code_cell(""), v4.new_code_cell("\n")]
    nbformat.write(node, path)
    assert read_page(path) == before


def test_what_is_looked_up_or_folded_takes_no_minutes(tmp_path: Path) -> None:
    words = "word " * 200
    pages = []
    for name, unread in (("short", ""), ("long", f"<details>\n{words}</details>")):
        cells = [
            v4.new_markdown_cell("# T"),
            v4.new_markdown_cell(f"## Step 1\n{words}{unread}"),
            v4.new_code_cell("1"),
        ]
        if unread:
            cells.append(v4.new_markdown_cell(f"## Sources\n{words}"))
        nbformat.write(v4.new_notebook(cells=cells), tmp_path / f"{name}.ipynb")
        pages.append(read_page(tmp_path / f"{name}.ipynb"))
    short, long = (sum(section.minutes for section in page.sections) for page in pages)
    assert short == long > 1.0


@pytest.mark.parametrize("symbol", SYMBOLS, ids=lambda symbol: symbol.tex)
def test_a_letter_stands_in_the_lesson_that_defines_it(symbol) -> None:
    (source,) = (ROOT / "source" / "lessons").glob(f"{symbol.lesson}_*.py")
    letter = re.sub(r"\(.*\)|_l$", "", symbol.tex).replace(r"\mathcal{L}", r"\mathcal")
    assert letter in source.read_text("utf-8")
    assert "⟨" not in inline(symbol.meaning)


def test_it_is_quick(copy: WorkingCopy, progress: Progress) -> None:
    home_html(copy, progress)
    begun = time.perf_counter()
    home_html(copy, progress)
    assert time.perf_counter() - begun < 0.5  # 0.02 to 0.05 s


def test_lesson_00_lists_the_letters() -> None:
    source = (ROOT / "source" / "lessons" / "00_start_here.py").read_text("utf-8")
    listed = re.findall(r"^# - \$(.+?)\$: (.+) \((\d\d)\)$", source, re.MULTILINE)
    assert listed == [(s.tex, s.meaning, s.lesson) for s in SYMBOLS]
