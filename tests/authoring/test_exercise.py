"""What an author is shown of one exercise."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from gradcourse import cli
from gradcourse.authoring import exercise
from gradcourse.exercises import get

ROOT = Path(__file__).parents[2]


def described(id: str) -> str:
    return "\n".join(exercise.described(ROOT, get(id)))


def test_a_function_is_shown_with_its_parts_slips_and_hints() -> None:
    text, question = described("chain/lyapunov"), get("chain/lyapunov")
    assert text.startswith("chain/lyapunov · Lyapunov exponent in the log domain · 1 point\n")
    assert "lesson 01, Products of the chain rule" in text
    assert "exercises/01_chain_rule.ipynb, source/exercises/01_chain_rule.py:" in text
    assert "lyapunov([0.5, 0.5, 2.0, 4.0]) → 0.1733" in text
    assert "Slips of lyapunov(factors) → a float" in text
    for words in (*question.hints, question.functions[0].misconceptions[0].message):
        assert words.split()[0] in text
    assert max(map(len, text.splitlines())) <= exercise.WIDTH


def test_a_place_has_the_line_of_its_panel() -> None:
    (place,) = exercise.places(ROOT, "chain/lyapunov")
    path, line = place.split(", ")[1].split(":")
    assert (ROOT / path).read_text().splitlines()[int(line) - 1] == 'gc.panel("chain/lyapunov")'
    assert exercise.places(ROOT, "chain/nowhere") == ["in no notebook yet"]


@pytest.mark.parametrize(
    ("id", "said"),
    [
        ("chain/typical-product", "within a factor of 5; measured 3"),
        ("chain/eigenvalues", "the measurement decides for"),
        ("chain/tune-gain", "in 3 networks: "),
    ],
)
def test_a_value_is_shown_with_what_is_right(id: str, said: str) -> None:
    question = get(id)
    text = described(id)
    assert said in text
    assert " ".join(question.question.split()[:4]) in text


def test_the_command_tells_whether_the_rules_hold(capsys, monkeypatch) -> None:
    assert cli.main(["exercise", "chain/lyapunov"]) == 0
    assert "✓ Each slip is recognised" in capsys.readouterr().out
    broken = replace(get("chain/lyapunov"), hints=("one", "two"))
    monkeypatch.setattr(exercise, "get", lambda id: broken)
    assert cli.main(["exercise", "chain/lyapunov"]) == 1
    assert "\n    it has 2 hints, and 3 are asked\n" in capsys.readouterr().out


def test_an_unknown_exercise_is_one_line(capsys) -> None:
    assert cli.main(["exercise", "chain/lyapunow"]) == 2
    assert "did you mean chain/lyapunov" in capsys.readouterr().err
