"""The three forms of a verdict: text, HTML, plain data."""

from __future__ import annotations

import json
from html.parser import HTMLParser

from gradcourse.checking import PartResult, Verdict
from gradcourse.checking.table import Row, Table

NASTY = "<script>alert('x')</script> & `a < b`"
VERDICT = Verdict(
    "made/up",
    f"Title {NASTY}",
    (
        PartResult("first", "right", 1.0, 1.0, tested="agreed on 8 random cases"),
        PartResult(NASTY, "wrong", 0.0, 1.5, f"{NASTY}\nsecond line", misconception="slip"),
        PartResult("third", "unanswered", 0.0, 1.0),
    ),
    seed=7,
    printed=NASTY,
)


class Balance(HTMLParser):
    """Collects tags, and fails on one that is not closed in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list = []
        self.seen: set = set()

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)
        self.seen.add(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_text() -> None:
    assert repr(VERDICT).splitlines() == [
        "made/up: 1 of 3.5 points",
        "  ✓ first (1 of 1)",
        "    agreed on 8 random cases",
        f"  ✗ {NASTY} (0 of 1.5)",
        f"    slip: {NASTY}",
        "    second line",
        "  · third (0 of 1)",
        "  printed:",
        f"    {NASTY}",
    ]


def test_html_is_escaped_and_well_formed() -> None:
    html = VERDICT._repr_html_()
    assert "<script" not in html
    assert "&lt;script&gt;" in html
    assert "<code>a &lt; b</code>" in html
    parser = Balance()
    parser.feed(html)
    assert parser.open == []
    assert parser.seen <= {"style", "div", "strong", "ul", "li", "span", "code", "pre"}


def test_html_says_right_and_wrong_in_words_and_follows_the_theme() -> None:
    html = VERDICT._repr_html_()
    assert "right</span>" in html
    assert "wrong</span>" in html
    assert "var(--jp-ui-font-color1" in html


def test_plain_data_goes_to_json_and_back() -> None:
    data = json.loads(json.dumps(VERDICT.to_dict()))
    assert Verdict.from_dict(data) == VERDICT
    assert (data["earned"], data["possible"], data["status"]) == (1.0, 3.5, "wrong")


def test_the_message_holds_what_is_wrong_and_nothing_else() -> None:
    assert VERDICT.message == f"slip: {NASTY}\nsecond line"
    right = Verdict("a/b", "t", VERDICT.parts[:1])
    assert right.message == ""
    assert Verdict("a/b", "t", VERDICT.parts[2:]).message == "not answered yet"


def test_a_misconception_is_explained_once_and_then_only_named() -> None:
    first = PartResult("one", "wrong", 0.0, 1.0, "You did this.\ncase one", "slip")
    second = PartResult("two", "wrong", 0.0, 1.0, "You did this.\ncase two", "slip")
    assert repr(Verdict("a/b", "t", (first, second))).splitlines()[1:] == [
        "  ✗ one (0 of 1)",
        "    slip: You did this.",
        "    case one",
        "  ✗ two (0 of 1)",
        "    slip, again.",
        "    case two",
    ]


def test_no_points_are_not_counted() -> None:
    part = PartResult("p", "right", 0.0, 0.0)
    assert repr(Verdict("a/b", "t", (part,))) == "a/b: right\n  ✓ p"


def test_a_table_ends_with_the_sum() -> None:
    table = Table(
        "Assignment 01",
        (
            Row("a/one", "One", "right", 2.0, 2.0),
            Row("a/three", NASTY, "wrong", 0.5, 3.0, NASTY),
            Row("a/x", "X", "unanswered", 0.0, 9.0),
        ),
    )
    assert repr(table).splitlines() == [
        "Assignment 01",
        "  ✓ a/one        2 of 2",
        f"  ✗ a/three    0.5 of 3  {NASTY}",
        "  · a/x          0 of 9  not answered yet",
        "2.5 of 14 points",
    ]
    parser = Balance()
    parser.feed(table._repr_html_())
    assert parser.open == []
    assert "<script" not in table._repr_html_()
