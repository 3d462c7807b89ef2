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


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("∂h_T/∂h_(T−50)", "∂h<sub>T</sub>/∂h<sub>T−50</sub>"),
        ("h_t²", "h<sub>t</sub>²"),
        ("T_max and σ_w", "T<sub>max</sub> and σ<sub>w</sub>"),
        ("σ(b)^60, |w|^lag", "σ(b)<sup>60</sup>, |w|<sup>lag</sup>"),
        ("L^(−1/(2m))", "L<sup>−1/(2m)</sup>"),
        ("1e-3, a_name, is_open, x_ and ^", "1e-3, a_name, is_open, x_ and ^"),
        ("`a_1 ^ b`", "<code>a_1 ^ b</code>"),
    ],
)
def test_indices_and_powers_are_set_as_such(text: str, expected: str) -> None:
    assert inline(text) == expected


def test_a_list_and_a_table_escape_all_that_they_hold() -> None:
    assert items(["a < b", 3]) == "<li>a &lt; b</li><li>3</li>"
    row = '<tr><th scope="row">&lt;w&gt;</th><td>1</td><td>&amp;</td></tr>'
    assert table([("<w>", "1", "&")]) == f"<table><tbody>{row}</tbody></table>"
    headed = table([("a",)], heads=["<h>"], caption="<c>")
    assert '<caption>&lt;c&gt;</caption><thead><tr><th scope="col">&lt;h&gt;</th>' in headed
