"""The frames of a page are the kernel's: the same words, and places within 1/8192 of the axes."""

from __future__ import annotations

import itertools
import math
import re
from typing import Any

import numpy as np
import pytest

from gradcourse.demos import all_demos, demo
from gradcourse.figures.layout import Layout, arrange, steady
from gradcourse.figures.plot import Picture, Plot
from gradcourse.site import knob_grid
from gradcourse.site.options import MOST

MOVED = ("recurrent/scalar", "recurrent/two-units", "recurrent/cliff", "chain/scalar-product")
"""One knob; two; cells; axes that follow the knob."""


def test_every_grid_has_frames_enough_and_not_too_many() -> None:
    wrong = []
    for one in all_demos():
        grid = knob_grid.tracks(one)
        count = math.prod(len(track.places) for track in grid)
        full = math.prod(knob.count for knob in one.knobs)
        begins = all(track.knob.start in track.places for track in grid)
        if not (begins and count <= MOST and (count == full or count > MOST / 8)):
            wrong.append((one.id, count, full, begins))
    assert not wrong


@pytest.mark.parametrize("id", MOVED)
def test_a_frame_says_and_shows_what_the_kernel_would(id: str) -> None:
    played = demo(id)
    grid = knob_grid.tracks(played, 60)
    head, points = _read(knob_grid.script(id, 60))
    spots = list(itertools.product(*(track.values for track in grid)))
    assert len(head["rows"]) == len(spots)
    assert [control["places"] for control in head["controls"]] == [len(t.places) for t in grid]
    for index in range(0, len(spots), 7):
        named = dict(zip((knob.name for knob in played.knobs), spots[index], strict=True))
        figure = played.frame(**named)
        row, pool = head["rows"][index], head["pool"]
        assert row[:2] == [figure.title, figure.alt]
        layout = _on(arrange(figure), pool[row[2]], pool[row[3]])
        for (place, x, y), series in zip(row[5], layout.series, strict=True):
            count = pool[place]["n"]
            assert pool[place]["label"] == series.label
            _near(points[x : x + count], series.x, layout.x.high - layout.x.low)
            _near(points[y : y + count], series.y, layout.y.high - layout.y.low)
        if layout.cells is not None:
            shares = points[row[8] : row[8] + layout.cells.values.size]
            shown = np.minimum(np.floor(layout.cells.shares.ravel() * 256), 255)
            np.testing.assert_array_equal(np.floor(shares * 256), shown)


def test_frames_keep_axes_while_they_fit_and_fill_half() -> None:
    played = demo("chain/scalar-product")
    (knob, *_) = played.knobs
    values = [knob.value(knob.position(index)) for index in range(knob.count)]
    own = [arrange(played.frame(**{knob.name: value})) for value in values]
    shared = knob_grid.on_shared_axes(own)
    ends = {(layout.y.low, layout.y.high) for layout in shared}
    assert 1 < len(ends) < len(own) / 4 < len({(layout.y.low, layout.y.high) for layout in own})
    for before, layout in zip(own, shared, strict=True):
        assert layout.y.low <= before.y.low
        assert layout.y.high >= before.y.high
        assert before.y.high - before.y.low >= (layout.y.high - layout.y.low) / 2


def _read(script: str) -> tuple[dict[str, Any], Any]:
    match = re.fullmatch(r'gcSite\.frames\("[^"]+","([^"]+)"\);\n', script)
    assert match is not None
    return knob_grid.unpacked(match[1])


def _on(layout: Layout, x: dict[str, Any], y: dict[str, Any]) -> Layout:
    """The layout on the axes that the page has: its own, or wider ones that it fills half."""
    from dataclasses import replace

    wide = replace(
        layout,
        x=replace(layout.x, low=x["low"], high=x["high"]),
        y=replace(layout.y, low=y["low"], high=y["high"], zero=y["zero"]),
    )
    settled = steady(layout, wide)
    assert (settled.x.low, settled.y.low, settled.y.high) == (x["low"], y["low"], y["high"])
    return settled


def _near(stored: Any, places: Any, span: float) -> None:
    finite = np.isfinite(places)
    np.testing.assert_array_equal(np.isneginf(stored), np.isneginf(places.astype(np.float32)))
    assert np.max(np.abs(stored[finite] - places[finite]), initial=0.0) <= abs(span) / 8192


def test_both_kinds_of_figures_were_tried() -> None:
    kinds = {type(demo(id).frame()) for id in MOVED}
    assert kinds == {Plot, Picture}
