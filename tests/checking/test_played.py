"""Questions that are answered with what was done in a game."""

from __future__ import annotations

import pytest

from gradcourse.checking import check
from gradcourse.checking.question import Played, Replayed
from gradcourse.support import GradcourseError


def _replay(lines):
    if "?" in lines:
        raise GradcourseError("'?' is no move")
    return [
        Replayed(len(line) / 4, f"{len(line)} of 4", "" if line else "nothing") for line in lines
    ]


GAME = Played(
    id="demo/game",
    title="A game",
    answer="moves",
    lines=("round 1", "round 2"),
    replay=_replay,
    reference=lambda: ["abcd", "abcd"],
    points=3.0,
)


def test_each_line_earns_its_part_of_the_points() -> None:
    verdict = check(GAME, ["abcd", "ab"])
    assert [part.earned for part in verdict.parts] == [1.5, 0.75]
    assert [part.status for part in verdict.parts] == ["right", "wrong"]
    assert verdict.possible == 3.0
    assert check(GAME, {"moves": ("abcd", "abcd")}).right


@pytest.mark.parametrize("nothing", [None, ..., {}])
def test_nothing_played_is_not_answered(nothing) -> None:
    assert check(GAME, nothing).unanswered


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (7, "no list of lines"),
        (["abcd", 3], "no list of lines"),
        (["abcd"], "holds 1 line, and 2 are asked"),
        (["abcd", "?"], "'?' is no move"),
    ],
)
def test_what_is_no_list_of_lines_says_why(lines, said) -> None:
    verdict = check(GAME, lines)
    assert said in verdict.message
    assert not verdict.earned
    assert not verdict.unanswered


def test_a_slip_has_its_name() -> None:
    assert check(GAME, ["abcd", ""]).misconceptions == ("nothing",)
