"""The learner's intuition: what was predicted against what was measured."""

from __future__ import annotations

import pytest

from gradcourse.checking.progress import Progress
from gradcourse.exercises.guesses import Guess, Intuition, intuition


@pytest.fixture
def progress(tmp_path, monkeypatch) -> Progress:
    monkeypatch.setenv("GRADCOURSE_PROGRESS", str(tmp_path / "progress.sqlite"))
    return Progress.default()


def test_without_a_prediction_it_says_so(progress) -> None:
    found = intuition()
    assert found.figure is None
    assert "No prediction is locked in yet" in repr(found)
    assert found._repr_mimebundle_() == ({"text/plain": found.summary}, {})


def test_a_prediction_is_a_dot_and_a_linear_one_or_a_choice_is_none(progress) -> None:
    for id, answer, value in (
        ("start/first-prediction", 0.02, 8.9e-16),
        ("chain/predict-gain", 0.13, 0.1257),
        ("clipping/by-value", 45, 44.4),  # degrees
        ("recurrent/first-grows", "falls", 0.0),
        ("no/longer-there", 3, 3),
    ):
        progress.lock(id, answer)
        progress.measured(id, value)
    found = intuition()
    assert [(g.predicted, g.measured, g.close) for g in found.guesses] == [
        (0.02, 8.9e-16, False),
        (0.13, 0.1257, True),
    ]
    assert found.summary.startswith("2 predictions, 1 close; the typical miss is a factor of")
    data, _ = found._repr_mimebundle_()
    assert "Fifty halves: predicted 0.02, measured 8.9e-16" in data["text/plain"]
    assert 'alt="Your intuition:' in data["text/html"]
    assert {line.label for line in found.figure.lines} == {
        "predicted = measured",
        "close",
        "not close",
    }


def _guesses(*misses: float) -> Intuition:
    return Intuition(tuple(Guess("made", 10.0**miss, 1.0, abs(miss) < 0.1) for miss in misses))


@pytest.mark.parametrize(
    ("misses", "said"),
    [
        ((3, 3, 3), "3 predictions, 0 close; the typical miss is a factor of 1000."),
        ((3, 4, 5, 6), "guess too high"),
        ((-3, -4, -5, -6, 1), "guess too low"),
        ((3, -4, 5, -6, 1), "factor of 10000."),
        ((0.0,), "1 prediction, 1 close."),
    ],
)
def test_it_says_to_which_side_guesses_lean_once_there_are_enough(misses, said: str) -> None:
    assert said in _guesses(*misses).summary
    assert _guesses(*misses).summary.count("tend") == said.count("guess")
