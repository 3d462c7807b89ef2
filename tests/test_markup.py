"""Whatever goes into a page is escaped."""

from __future__ import annotations

import pytest

from gradcourse.markup import inline, items, table


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("call `f(x)` <here>", "call <code>f(x)</code> &lt;here&gt;"),
        ("`a` and `<b>`", "<code>a</code> and <code>&lt;b&gt;</code>"),
        ("one ` alone", "one ` alone"),
    ],
)
def test_backticks_set_code_and_an_unpaired_one_stays(text: str, expected: str) -> None:
    assert inline(text) == expected


def test_a_list_and_a_table_escape_all_that_they_hold() -> None:
    assert items(["a < b", 3]) == "<li>a &lt; b</li><li>3</li>"
    row = '<tr><th scope="row">&lt;w&gt;</th><td>1</td><td>&amp;</td></tr>'
    assert table([("<w>", "1", "&")]) == f"<table><tbody>{row}</tbody></table>"
    headed = table([("a",)], heads=["<h>"], caption="<c>")
    assert '<caption>&lt;c&gt;</caption><thead><tr><th scope="col">&lt;h&gt;</th>' in headed
