"""Every demo of the course, found through the registry: a new one is covered without a new test."""

from __future__ import annotations

import itertools
from functools import cache

import numpy as np
import pytest

from gradcourse.demos import all_demos, demo
from gradcourse.figures import Demo, Picture, Plot
from gradcourse.support import GradcourseError

DEMOS = all_demos()


@pytest.fixture(params=DEMOS, ids=[one.id for one in DEMOS])
def one(request: pytest.FixtureRequest) -> Demo:
    return request.param


def corners(one: Demo) -> list[dict[str, float]]:
    """Both ends of every knob, and two random places in between."""
    ends = [[knob.value(knob.position(0)), knob.value(knob.position(knob.count - 1))]
            for knob in one.knobs]  # fmt: skip
    names = [knob.name for knob in one.knobs]
    settings = [dict(zip(names, choice, strict=True)) for choice in itertools.product(*ends)]
    rng = np.random.default_rng(0)
    for _ in range(2):
        settings.append(
            {k.name: k.value(k.position(int(rng.integers(k.count)))) for k in one.knobs}
        )
    return settings


@cache
def drawn(id: str, **values: float) -> Plot | Picture:
    """A frame of a demo, computed once for all tests."""
    return demo(id).frame(**values)


def test_ids_are_unique_and_found() -> None:
    assert len({one.id for one in DEMOS}) == len(DEMOS)
    for one in DEMOS:
        assert demo(one.id) is one


def test_an_unknown_id_offers_the_nearest() -> None:
    with pytest.raises(GradcourseError, match=r"Did you mean.*'start/first-slider'"):
        demo("start/first-sluder")
    with pytest.raises(GradcourseError, match="There is no demo 'nowhere'"):
        demo("nowhere")


def test_every_frame_can_be_drawn_and_described(one: Demo) -> None:
    for values in [{}, *corners(one)]:
        frame = drawn(one.id, **values)
        assert isinstance(frame, Plot | Picture)
        assert len(frame.alt) > len(frame.title) + 10
        assert "nan" not in frame.alt
    assert drawn(one.id).to_png(50)[:4] == b"\x89PNG"


def test_frames_depend_on_the_knobs_and_on_nothing_else(one: Demo) -> None:
    settings = corners(one)
    assert drawn(one.id, **settings[0]) == one.frame(**settings[0])
    assert drawn(one.id, **settings[0]) != drawn(one.id, **settings[-3])


@pytest.mark.parametrize(
    "one",
    [one for one in DEMOS if one.id.startswith(("saturation/", "recurrent/", "relu/"))],
    ids=lambda one: one.id,
)
def test_the_title_says_what_each_knob_does(one: Demo) -> None:
    """Seen from the corner at which all stand at their low ends."""
    low, *others = corners(one)[: 2 ** len(one.knobs)]
    for other in others:
        if sum(other[name] != value for name, value in low.items()) == 1:
            assert drawn(one.id, **other).title != drawn(one.id, **low).title


def test_values_beyond_the_ends_are_refused(one: Demo) -> None:
    for knob in one.knobs:
        beyond = knob.value(knob.high + knob.step) if not knob.integer else int(knob.high) + 1000
        with pytest.raises(GradcourseError, match=knob.name):
            one.frame(**{knob.name: beyond})


def test_the_start_is_a_position_of_the_slider(one: Demo) -> None:
    for knob in one.knobs:
        steps = (knob.start - knob.low) / knob.step
        assert steps == pytest.approx(round(steps), abs=1e-6), knob.name
        assert knob.position(knob.count - 1) == pytest.approx(knob.high), knob.name


def test_what_is_exact_does_not_stay_level_where_float64_ends() -> None:
    (exact,) = (
        line
        for line in demo("chain/scalar-product").frame(factor=0.05, depth=1000).lines
        if line.role == "theory"
    )
    shown = np.asarray(exact.y)[np.isfinite(exact.y)]
    assert 200 < len(shown) < 1000
    np.testing.assert_allclose(shown[1:] / shown[:-1], 0.05)


def test_one_layer_is_no_layers() -> None:
    assert demo("chain/learning").frame(depth=1).title.startswith("1 hidden layer after")
    assert demo("chain/learning").frame(depth=2).title.startswith("2 hidden layers after")


def test_you_see_where_you_stand_when_the_step_is_too_short_to_be_seen() -> None:
    frame = demo("recurrent/cliff").frame(w=2.0, b=0.7)
    point = next(line for line in frame.lines if line.label == "the point")
    assert np.nanmean(point.x) == pytest.approx(2.0)
    assert np.nanmean(point.y) == pytest.approx(0.7)
    assert np.ptp(point.x[np.isfinite(point.x)]) > 0.02 * 1.5


def test_lines_on_cells_which_all_are_white_differ_in_their_stroke(one: Demo) -> None:
    frame = one.frame()
    if isinstance(frame, Picture):
        roles = [line.role for line in frame.lines if line.label]
        assert len(roles) == len(set(roles)), [line.label for line in frame.lines]


def test_frames_sent_ahead_are_few(one: Demo) -> None:
    if one.linked:
        assert one.knobs[0].count <= 120
