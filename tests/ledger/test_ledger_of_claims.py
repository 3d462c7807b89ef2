"""The ledger: what is stored, what is measured now, and how both are told."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from pathlib import Path

import pytest

from gradcourse.experiments.claim import (
    OPEN,
    VERDICTS,
    Criterion,
    all_claims,
    all_errata,
    claim_about,
    measured_now,
)
from gradcourse.experiments.maps.plans import PLANS
from gradcourse.ledger import claims, errata, told, workbench
from gradcourse.ledger.entries import NOT_YET, Entry, kept_entry
from gradcourse.support import GradcourseError

ROOT = Path(__file__).parents[2]
CHEAP = "chain/claim-factors"

# ---------------------------------------------------------------- the table


def test_each_row_is_complete() -> None:
    rows = (*all_claims(), *all_errata())
    assert len({row.id for row in rows}) == len(rows)
    for row in rows:
        assert row.verdict in VERDICTS, row.id
        assert all((row.quote, row.why, row.scope, row.criteria)), row.id
        assert row.lesson.number
        assert row.map in ("", *PLANS), row.id
        assert row.year is None or 1980 < row.year < 2030, row.id


def test_a_negative_verdict_has_a_positive_control() -> None:
    """Those without one are exact, or a comparison of quantities that are all in the row."""
    without = {
        row.id
        for row in all_claims()
        if not any(rule.control for rule in row.criteria) and len(row.criteria) == 1
    }
    assert without == {"init/claim-tanh"}  # a law over the depth: layer 1 is the control


def test_at_least_ten_claims_have_a_map() -> None:
    assert sum(bool(row.map) for row in all_claims()) >= 10
    assert {row.map for row in all_claims() if row.map} == set(PLANS)


def test_a_criterion_looks_at_the_median_or_at_all() -> None:
    values = {"x": [0.1, 0.5, 2.0]}
    assert Criterion("x", below=1.0).met(values)
    assert not Criterion("x", below=1.0, every=True).met(values)
    assert not Criterion("x", above=0.5).met(values)
    assert not Criterion("x", above=0.0).met({"x": [math.nan]})
    assert Criterion("x", 0.25, 1.0).words == "x: median above 0.25 and below 1"


# ---------------------------------------------------------------- what is stored


def test_every_verdict_stands_on_what_is_stored() -> None:
    for ledger in (claims(), errata()):
        verdicts = {entry.claim.id: entry.verdict for entry in ledger.entries}
        assert verdicts == {entry.claim.id: entry.claim.verdict for entry in ledger.entries}
        assert not ledger.overturned


def test_numbers_that_miss_a_threshold_open_the_verdict() -> None:
    entry = kept_entry(claim_about(CHEAP))
    turned = replace(entry, values={**entry.values, "decades that a vector gains": [0.0]})
    assert turned.verdict == OPEN
    assert "✗ median below -2" in repr(turned)
    assert replace(entry, values={}).verdict == NOT_YET


def test_only_what_fits_is_measured_again_the_cheapest_first() -> None:
    some = claims("01", seconds=0.5)
    assert [entry.claim.id for entry in some.now] == [CHEAP]
    assert some.now[0].verdict == some.now[0].claim.verdict
    assert not claims("01").now


def test_a_measurement_now_is_the_stored_one() -> None:
    now, then = measured_now(claim_about(CHEAP)), kept_entry(claim_about(CHEAP))
    for quantity, values in then.values.items():
        assert now["values"][quantity] == pytest.approx(list(values), rel=1e-3), quantity


@pytest.mark.slow
@pytest.mark.parametrize(
    "row", [r for r in (*all_claims(), *all_errata()) if r.kept is None], ids=lambda row: row.id
)
def test_every_claim_is_decided_again(row) -> None:
    entry = kept_entry(row).measured()
    assert entry.verdict == row.verdict, entry


# ---------------------------------------------------------------- told


def test_the_terminal_has_a_line_for_each_and_no_line_is_too_long() -> None:
    text = repr(claims())
    assert max(map(len, text.splitlines())) <= told.WIDTH
    assert sum(line[2:3] in set(told.SIGNS.values()) for line in text.splitlines()) == len(
        all_claims()
    )


def test_a_claim_in_full_has_numbers_thresholds_scope_and_origin() -> None:
    text = repr(kept_entry(claim_about("saturation/claim-deep")))
    for part in ("Scope:", "✓", "control", "measured 20", "seeds", "torch", "source", "places"):
        assert part in text, part


def test_every_link_leads_to_a_cell_of_a_lesson() -> None:
    page = claims()._repr_mimebundle_()[0]["text/html"]
    links = re.findall(r'href="\.\./(lessons/(\d\d)_\w+)\.ipynb#cell-id=\2-([\w-]+)"', page)
    assert len(links) == len(all_claims())
    for path, _, cell in links:
        source = (ROOT / "source" / f"{path}.py").read_text(encoding="utf-8")
        assert f'name="{cell}"' in source, (path, cell)


def test_what_is_quoted_is_escaped() -> None:
    row = replace(claim_about(CHEAP), quote="a < b & c", map="")
    page = told.article(Entry(row, {}, 0.0, "never", ""))
    assert "a &lt; b &amp; c" in page


def test_a_place_that_is_not_there_is_named() -> None:
    with pytest.raises(GradcourseError, match="'77'"):
        claims("77")
    with pytest.raises(GradcourseError, match="chain/claim-deeper"):
        claims("chain/claim-deepr")


# ---------------------------------------------------------------- measured from a page


def test_the_button_measures_the_chosen_claim() -> None:
    bench = workbench(CHEAP)
    assert len(bench.choices) == len(all_claims())
    every, button, below = bench.widget().children
    button.click()
    bench.wait(30)
    assert bench.latest is not None
    assert bench.latest.claim.id == every.value == CHEAP
    assert bench.latest.when == "now"
    assert "measured now" in below.value
    assert not button.disabled
