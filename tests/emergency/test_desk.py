"""The room's widget does what the room's methods do, in the background."""

from __future__ import annotations

from gradcourse.emergency import emergency_room
from gradcourse.emergency.desk import Desk


def _do(desk: Desk, deed: str, what: str = "") -> None:
    desk.hear({"do": deed, "what": what})
    desk.wait(60)


def test_it_plays_a_patient_as_the_room_does() -> None:
    desk = Desk(emergency_room(4, 2))
    assert desk._complaint.startswith("After")
    _do(desk, "examine", "outputs")
    assert desk.entries[0]["title"] == "outputs"
    assert "sum over the classes" in desk.said
    _do(desk, "treat", "free the head")
    assert "name what you think it is" in desk.said
    _do(desk, "name", "head")
    _do(desk, "treat", "free the head")
    assert desk.kept == ["free the head"]
    assert desk.curve["measured"] > desk.first["measured"]
    assert desk.chart == "4.2: ?outputs; =head; +free the head"
    _do(desk, "discharge")
    assert desk.over
    assert desk.said.startswith("97 points")
    _do(desk, "next")
    assert desk._heading.startswith("Shift 4, patient 3")
    assert desk.entries == []
    assert not desk.busy


def test_a_message_that_is_none_does_nothing() -> None:
    desk = Desk(emergency_room(4, 2))
    for message in (None, "examine", {"do": "shout"}, {}):
        desk.hear(message)
    _do(desk, "examine", "temperature")
    assert "there is no examination" in desk.said
    assert desk.entries == []


def test_a_picture_comes_with_its_words() -> None:
    desk = Desk(emergency_room(4, 1))
    _do(desk, "examine", "gradient by layer")
    (entry,) = desk.entries
    assert entry["picture"]
    assert entry["alt"]


def test_what_is_left_of_it_tells_what_was_found_and_the_line() -> None:
    desk = Desk(emergency_room(4, 2))
    _do(desk, "examine", "first loss")
    left = desk.still()
    assert "loss at update 0" in left
    assert "4.2: ?first loss" in left
    assert "run this cell to go on" in left
