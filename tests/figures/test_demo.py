"""Knobs, frames, and the widget's Python side, without a browser."""

from __future__ import annotations

import base64
import json
from dataclasses import replace

import numpy as np
import pytest
from comm import DummyComm

from gradcourse import stills
from gradcourse.figures import Axis, Demo, Knob, Line, Picture, Plot
from gradcourse.figures.wire import FIGURE
from gradcourse.support import GradcourseError

X = np.arange(1.0, 11.0)


def power(r: float, n: int = 10) -> Plot:
    assert isinstance(n, int)
    return Plot(f"r = {r:g}", Axis("x"), Axis("y", "log"), (Line(X[:n], r ** X[:n], "power"),))


RATE = Knob("r", "rate r", -3, 0, 0.5, -1, log=True)
COUNT = Knob("n", "points n", 2, 10, 1, 10, integer=True)
POWER = Demo("test/power", "Powers", (RATE, COUNT), power)
LINKED = Demo("test/linked", "Powers", (RATE,), power, linked=True)


def surface(k: float) -> Picture:
    x = np.linspace(-1, 1, 20)
    return Picture(
        f"k = {k:g}", Axis("w"), Axis("b"), np.sin(k * np.add.outer(x, x)), x, x, "loss",
        color_limits=(-1, 1),
    )  # fmt: skip


SURFACE = Demo("test/surface", "Surface", (Knob("k", "waves k", 1, 5, 0.5, 1),), surface)


def test_frame_fills_in_starts_and_takes_real_values() -> None:
    assert POWER.frame().title == "r = 0.1"
    assert POWER.frame(r=0.01) == power(0.01)
    assert POWER.values(n=4.0) == {"r": 0.1, "n": 4}
    assert isinstance(POWER.values(n=4.0)["n"], int)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"rr": 1}, "no knob 'rr'.*Did you mean 'r'"),
        ({"r": 2}, "given 2; expected a number from 0.001 to 1"),
        ({"r": 0}, "expected a number"),
        ({"r": float("nan")}, "expected a number"),
        ({"r": "big"}, "given 'big'"),
        ({"r": None}, "given None"),
        ({"n": 2.5}, "whole number"),
    ],
)
def test_values_that_no_knob_has_are_refused(values: dict, message: str) -> None:
    with pytest.raises(GradcourseError, match=message):
        POWER.frame(**values)


def test_a_knob_or_demo_that_cannot_work_is_refused() -> None:
    with pytest.raises(GradcourseError, match="low ≤ start ≤ high"):
        Knob("r", "r", 0, 1, 0.1, 2)
    with pytest.raises(GradcourseError, match="exactly one"):
        Demo("a/b", "t", (RATE, COUNT), power, linked=True)


def test_positions_of_a_slider_end_at_its_ends() -> None:
    knob = Knob("r", "r", 0.05, 1.5, 0.01, 0.25)
    assert knob.count == 146
    assert knob.position(0) == 0.05
    assert knob.position(knob.count - 1) == 1.5
    assert RATE.value(RATE.position(2)) == pytest.approx(0.01)


def test_widget_follows_its_knobs_and_says_what_it_shows() -> None:
    widget = POWER.widget(start={"r": 0.01})
    assert widget.knobs == {"r": 0.01, "n": 10}
    assert widget._frames[0]["alt"] == POWER.frame(r=0.01).alt
    before = widget._data
    widget.knobs = {"r": 0.5}
    assert widget.knobs == {"r": 0.5, "n": 10}
    assert widget._frames[0]["alt"] == POWER.frame(r=0.5).alt
    assert widget._data != before


def test_widget_refuses_values_outside_its_knobs() -> None:
    widget = POWER.widget()
    with pytest.raises(GradcourseError, match="expected a number"):
        widget.knobs = {"r": 7}
    with pytest.raises(GradcourseError, match="no knob"):
        POWER.widget(start={"q": 1})


def test_one_move_is_one_message(monkeypatch: pytest.MonkeyPatch) -> None:
    widget = POWER.widget()
    widget.comm = DummyComm()  # that of an ipykernel without a server sends nothing
    sent: list[dict] = []
    monkeypatch.setattr(widget, "_send", lambda message, buffers=None: sent.append(message))
    widget.set_state({"knobs": {"r": 0.5, "n": 10}})
    updates = [message for message in sent if message["method"] == "update"]
    assert len(updates) == 1
    assert "_frames" in updates[0]["state"]
    assert "knobs" not in updates[0]["state"]


def test_an_error_in_a_callback_is_shown_and_goes_away() -> None:
    def broken(k: float) -> Plot:
        if k > 2:
            raise ValueError("k is too large")
        return power(0.5)

    widget = Demo("test/broken", "t", (Knob("k", "k", 1, 3, 1, 1),), broken).widget()
    assert widget.status == ""
    widget.knobs = {"k": 3}
    assert "ValueError: k is too large" in widget.status
    widget.knobs = {"k": 1}
    assert widget.status == ""


def test_linked_frames_are_all_sent_once_on_the_same_axes() -> None:
    widget = LINKED.widget()
    assert len(widget._frames) == 1
    widget.complete()
    assert widget._progress == 1
    assert len(widget._frames) == RATE.count == 7
    titles = [frame["title"] for frame in widget._frames]
    assert titles == [LINKED.frame(r=RATE.value(RATE.position(i))).title for i in range(7)]
    assert len({str(frame["y"]) for frame in widget._frames}) == 1
    data = widget._data
    widget.knobs = {"r": 0.1}
    assert widget._data is data


def test_a_moved_picture_is_what_a_fresh_widget_shows() -> None:
    widget = SURFACE.widget()
    before = widget._data
    widget.knobs = {"k": 4}
    fresh = SURFACE.widget(start={"k": 4})
    assert (widget._frames, widget._data) == (fresh._frames, fresh._data)
    assert widget._data != before
    assert widget._frames[0]["alt"] == SURFACE.frame(k=4).alt


def test_linked_pictures_are_all_sent_once_on_the_same_axes_and_colours() -> None:
    def grows(k: float) -> Picture:
        x = np.linspace(-1, 1, 4)
        return Picture("t", Axis("w"), Axis("b"), k * np.add.outer(x, x), x, x, "loss")

    widget = Demo("t/grows", "t", (Knob("k", "k", 1, 3, 1, 1),), grows, linked=True).widget()
    widget.complete()
    cells = [frame["cells"] for frame in widget._frames]
    assert len(cells) == len({one["start"] for one in cells}) == 3
    assert [(one["color"]["low"], one["color"]["high"]) for one in cells] == 3 * [(-6.0, 6.0)]


def place(w: float, b: float) -> Picture:
    x = np.linspace(0, 4, 20)
    cross = Line([w - 0.1, w + 0.1], [b, b], "here")
    return Picture(f"at {w:g}, {b:g}", Axis("w"), Axis("b"), np.add.outer(x, x), x, x, "sum",
                   (cross,))  # fmt: skip


def place_slowly(w: float, b: float) -> Picture:
    return replace(place(w, b), title=f"measured at {w:g}, {b:g}")


PLACE_KNOBS = (Knob("w", "w", 0, 4, 0.1, 1), Knob("b", "b", 0, 4, 0.1, 2))
PLACE = Demo("test/place", "A map", PLACE_KNOBS, place, click=("w", "b"), rest=place_slowly)


@pytest.mark.parametrize("click", [("w", "w"), ("w", "v"), ("w",), ("r", "w")])
def test_a_click_needs_two_knobs_that_are_not_log(click: tuple) -> None:
    with pytest.raises(GradcourseError, match="two different knobs that are not log: w, b"):
        Demo("a/b", "t", (*PLACE_KNOBS, RATE), place, click=click)


def test_a_linked_demo_has_no_rest() -> None:
    with pytest.raises(GradcourseError, match="needs no rest"):
        Demo("a/b", "t", (RATE,), power, linked=True, rest=power)


def test_the_browser_is_told_where_the_axes_and_a_line_on_the_cells_lie() -> None:
    widget = PLACE.widget(start={"w": 3.0, "b": 1.0})
    frame = widget._frames[0]
    half = 4 / 19 / 2  # of a cell
    assert (frame["x"]["bottom"], frame["x"]["high"]) == pytest.approx((-half, 4 + half))
    assert (frame["y"]["bottom"], frame["y"]["high"]) == pytest.approx((-half, 4 + half))
    points, (cross,) = np.frombuffer(widget._data, "<f4"), frame["lines"]
    assert points[cross["x"] : cross["x"] + 2] == pytest.approx([2.9, 3.1])
    assert points[cross["y"] : cross["y"] + 2] == pytest.approx([1.0, 1.0])
    assert widget._click == ["w", "b"]
    assert POWER.widget()._click == []


def test_a_figure_at_rest_shows_more_until_a_knob_moves() -> None:
    widget = PLACE.widget()
    assert widget._rests
    assert not widget._frames[0]["rested"]
    widget._answer(widget, {"rest": {"w": 1.0, "b": 2.0}}, [])
    assert (widget._frames[0]["title"], widget._frames[0]["rested"]) == ("measured at 1, 2", True)
    widget.knobs = {"w": 2.0}
    assert (widget._frames[0]["title"], widget._frames[0]["rested"]) == ("at 2, 2", False)


def test_a_rest_that_overtakes_its_move_brings_the_knobs_along() -> None:
    widget = PLACE.widget()
    widget._answer(widget, {"rest": {"w": 3.0, "b": 0.5}}, [])
    assert widget.knobs == {"w": 3.0, "b": 0.5}
    assert widget._frames[0]["title"] == "measured at 3, 0.5"
    widget._answer(widget, {"rest": {"w": 9.0}}, [])
    assert "expected a number from 0 to 4" in widget.status


def test_the_stored_picture_is_the_one_at_rest() -> None:
    assert "measured at 1, 2" in PLACE._repr_mimebundle_()[0]["text/plain"]
    assert POWER.rested(r=0.01) == POWER.frame(r=0.01)


def test_demo_without_a_kernel_shows_its_first_frame() -> None:
    data, metadata = POWER._repr_mimebundle_()
    assert set(data) == {"image/png", "text/html", "text/plain", FIGURE}
    assert data["text/html"].endswith(stills.GO_ON)
    (frame,) = data[FIGURE]["frames"]
    points = np.frombuffer(base64.b64decode(data[FIGURE]["points"]), "<f4")
    line = frame["lines"][0]
    assert frame["alt"] == data["text/plain"]
    assert len(points) >= line["y"] + line["n"]
    json.dumps(data[FIGURE], allow_nan=False)
    assert data["text/plain"] == POWER.frame().alt == metadata["image/png"]["alt"]
