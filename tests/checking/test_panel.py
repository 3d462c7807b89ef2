"""The panels, without a browser: their buttons are pressed, their words are read."""

from __future__ import annotations

import html
import re
import subprocess
import sys
import threading

import numpy as np
import pytest

from gradcourse.checking.panel import make_panel, show_panel
from gradcourse.checking.panel.typed import understand
from gradcourse.checking.progress import Progress
from gradcourse.checking.question import claim


def mean_log(factors):
    return float(np.mean(np.log(np.abs(factors))))


@pytest.fixture
def progress(tmp_path) -> Progress:
    return Progress(tmp_path / "progress.sqlite")


@pytest.fixture
def build(progress):
    """A panel over a namespace that the test can change, as a notebook does."""
    namespace: dict = {}

    def build(exercise, **names):
        namespace.update(names)
        panel = make_panel(
            exercise, lambda: namespace, solution="solutions/01_made.ipynb", progress=progress
        )
        panel.names = namespace
        return panel

    return build


def words(page: str) -> str:
    text = re.sub(r"<style>.*?</style>", "", page, flags=re.DOTALL)
    return html.unescape(re.sub(r"<[^>]+>", " ", text))


def press(panel, deed: str, text: str = "") -> str:
    """Send what the browser sends, wait, and return the words of the panel."""
    panel.hear({"do": deed, "text": text})
    panel.wait(60)
    return words(panel.face.said)


# ── Code ──────────────────────────────────────────────────────────────────────────────────────


def test_making_a_panel_checks_the_answer_and_keeps_the_attempt(exercise, build, progress) -> None:
    panel = build(exercise, mean_log=mean_log)
    assert panel.first.right
    assert "2 of 2 points" in words(panel.face.said)
    assert progress.best()[exercise.id].right


def test_a_stub_is_not_answered_and_no_attempt(exercise, build, progress) -> None:
    def stub(factors):
        raise NotImplementedError

    panel = build(exercise, mean_log=stub)
    assert panel.bundle()[0]["text/plain"] == "made/mean-log: not answered yet"
    assert progress.best() == {}


def test_check_looks_the_function_up_at_each_press(exercise, build, progress) -> None:
    panel = build(exercise)
    assert "no function called" in words(panel.face.said)
    panel.names["mean_log"] = lambda f: np.log(np.abs(f).mean())
    said = press(panel, "check")
    assert "log of the mean: You averaged first." in said
    assert "0 of 2 points" in said
    panel.names["mean_log"] = mean_log
    assert "2 of 2 points" in press(panel, "check")
    assert progress.best()[exercise.id].attempts == 2


def test_the_bundle_holds_the_widget_and_the_verdict_as_it_was(exercise, build) -> None:
    panel = build(exercise, mean_log=mean_log)
    bundle, metadata = panel.bundle()
    assert metadata == {"gradcourse": {"model": panel.root.model_id}}
    assert set(bundle) == {
        "application/vnd.jupyter.widget-view+json",
        "text/plain",
        "text/html",
    }
    assert bundle["text/plain"] == repr(panel.first)
    other = build(exercise, mean_log=mean_log).bundle()[0]
    assert (bundle["text/plain"], bundle["text/html"]) == (other["text/plain"], other["text/html"])


def test_hints_open_one_by_one_then_the_place_of_the_solution(exercise, build) -> None:
    panel = build(exercise)
    labels, texts = [panel.face.hint], []
    for _ in range(4):
        press(panel, "hint")
        labels.append(panel.face.hint)
        texts.append(words(" ".join(panel.face.hints)))
    assert labels == ["Hint 1 of 3", "Hint 2 of 3", "Hint 3 of 3", "Solution", "Solution"]
    assert panel.face.spent
    assert "two" not in texts[0]
    assert "Hint 3: three" in texts[2]
    assert "solutions" not in texts[2]
    link = '<a href="../solutions/01_made.ipynb" target="_blank">solutions/01_made.ipynb</a>'
    assert panel.face.hints[3] == f"<p>The solution is in {link}.</p>"
    assert "<a" not in " ".join(panel.face.hints[:3])


def test_a_running_check_can_be_stopped_and_repeated(exercise, build) -> None:
    started = threading.Event()

    def endless(factors):
        started.set()
        while True:
            pass

    panel = build(exercise)
    panel.names["mean_log"] = endless
    panel.hear({"do": "check"})
    assert started.wait(30)
    assert panel.face.busy
    assert "checking…" in words(panel.face.said)
    panel.hear({"do": "check"})
    panel.hear({"do": "stop"})
    panel.wait(30)
    assert "stopped" in words(panel.face.said)
    assert not panel.face.busy
    panel.names["mean_log"] = mean_log
    assert "2 of 2 points" in press(panel, "check")


def test_an_exception_in_a_callback_is_shown(exercise, build) -> None:
    panel = build(exercise)
    panel.namespace = lambda: 1 / 0
    said = press(panel, "check")
    assert "ZeroDivisionError" in said
    assert not panel.face.busy


def test_a_progress_file_that_cannot_be_written_is_said_in_the_panel(exercise, tmp_path) -> None:
    (tmp_path / "file").write_text("in the way")
    progress = Progress(tmp_path / "file" / "progress.sqlite")
    panel = make_panel(exercise, lambda: {"mean_log": mean_log}, progress=progress)
    assert "progress is not being kept" in words(panel.face.said)
    assert "2 of 2 points" in press(panel, "check")


def test_learner_text_is_escaped(exercise, build) -> None:
    panel = build(exercise, mean_log=lambda f: "<img src=x onerror=alert(1)>")
    assert "<img" not in panel.face.said


# ── Prediction ────────────────────────────────────────────────────────────────────────────────


def test_a_prediction_is_locked_before_the_measurement_opens(prediction, build, progress) -> None:
    panel = build(prediction)
    assert panel.first.unanswered
    assert panel.face.answer is None
    assert panel.face.outcome == {}
    assert "75" not in words(panel.face.said) + panel.bundle()[0]["text/plain"]
    said = press(panel, "lock", "63")
    assert "normals only" in said
    assert "measured 75: a factor of 1.2 too small" in said
    assert "depth = …" in said
    assert "depth = 63" not in said  # a wrong line is not offered
    assert panel.face.locked
    assert panel.face.answer == 63
    assert panel.face.outcome["words"] == "75"
    assert progress.locked(prediction.id) == 63
    assert progress.predictions() == {prediction.id: (63.0, 75.0)}


def test_running_the_cell_again_restores_the_locked_answer(prediction, build, progress) -> None:
    press(build(prediction), "lock", "63")
    again = build(prediction)
    assert again.first.misconceptions == ("normals only",)
    assert again.face.locked
    assert again.face.answer == 63
    assert again.face.outcome["words"] == "75"
    assert progress.best()[prediction.id].attempts == 1


def test_a_line_corrected_after_the_measurement_earns_the_point(
    prediction, build, progress
) -> None:
    panel = build(prediction)
    said = press(panel, "lock", "63")
    assert "Your first answer is kept as your prediction" in said
    panel.names["depth"] = 75
    said = press(panel, "check")
    assert "1 of 1 point" in said
    assert "first answer" not in said
    assert progress.locked(prediction.id) == 63
    assert progress.predictions() == {prediction.id: (63.0, 75.0)}
    assert progress.best()[prediction.id].right


def test_what_is_typed_is_understood_before_it_is_locked(prediction, build) -> None:
    panel = build(prediction)
    press(panel, "read", "1/0")
    assert panel.face.answer is None
    for text, reason in (
        ("", "Give a number"),
        ("soon", "“soon” is no number"),
        ("1,000", "may be 1.000 or 1000"),
        ("-5", "above 0"),
        ("5000", "The scale ends at 1000"),
        ("0.5", "The scale begins at 1"),
    ):
        press(panel, "lock", text)
        assert reason in panel.face.heard
        assert not panel.face.locked
    press(panel, "lock", "150/2")
    assert "“150/2” is read as 75." in panel.face.heard
    assert not panel.face.locked
    assert panel.face.answer == 75
    assert "close" in press(panel, "lock", "150/2")
    assert panel.face.locked
    assert panel.face.heard == ""


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("12", 12.0),
        ("1e2", 100.0),
        ("12,5", 12.5),
        ("10^2", 100.0),
        ("2 × 10²", 200.0),
        ("2*10**1", 20.0),
        ("300/4", 75.0),
        ("1200 %", 12.0),
        ("1 0", 10.0),
        ("−3", None),
        ("nan", None),
        ("1e999", None),
        ("1/2/3", None),
        ("10^9999", None),
    ],
)
def test_numbers_as_people_type_them(prediction, text, value) -> None:
    assert understand(text, prediction).value == value


def test_a_variable_of_the_notebook_is_checked_directly(prediction, build, progress) -> None:
    panel = build(prediction, depth=75)
    assert panel.first.right
    assert panel.face.locked
    assert panel.face.answer == 75
    assert progress.locked(prediction.id) is None


def test_in_a_lesson_a_variable_of_that_name_is_not_the_answer(prediction, build) -> None:
    from dataclasses import replace

    panel = build(replace(prediction, points=0.0), depth=75)
    assert panel.first.unanswered
    said = press(panel, "lock", "63")
    assert "depth =" not in said
    assert "not far off" in said  # a guess is near or far, not wrong
    assert "wrong" not in said


def test_a_measurement_that_fails_is_shown_and_can_be_repeated(prediction, build) -> None:
    from dataclasses import replace

    def fails():
        raise RuntimeError("no such layer")

    panel = build(replace(prediction, measure=fails))
    assert "no such layer" in press(panel, "lock", "80")
    assert not panel.face.locked


# ── Choice ────────────────────────────────────────────────────────────────────────────────────


def test_a_choice_is_locked_in(choice, build, progress) -> None:
    panel = build(choice)
    press(panel, "lock", "")
    assert "Choose an answer first" in panel.face.heard
    said = press(panel, "lock", "grows")
    assert "No: it is below 1." in said
    assert "which = 'grows'" not in said  # a wrong line is not offered
    assert panel.face.locked
    assert build(choice).first.earned == 0
    assert build(choice).face.answer == "grows"
    panel.names["which"] = "falls"
    assert "1 of 1 point" in press(panel, "check")
    assert progress.locked(choice.id) == "grows"


# ── Tuning ────────────────────────────────────────────────────────────────────────────────────


def test_a_tuning_measures_what_the_knobs_show_and_offers_the_lines(tuning, build) -> None:
    panel = build(tuning)
    assert panel.first.unanswered
    panel.live.knobs = {"gain": 3.0, "depth": 5}
    said = press(panel, "check")
    assert "Too large." in said
    assert "To hand it in" not in said
    panel.live.knobs = {"gain": 1.0, "depth": 10}
    said = press(panel, "check")
    assert "2 of 2 points" in said
    assert "my_gain = 1\nmy_depth = 10" in said


def test_a_tuning_judges_the_answer_cell_once_something_is_in_it(tuning, build, progress) -> None:
    panel = build(tuning, my_gain=None, my_depth=...)
    panel.live.knobs = {"gain": 1.0, "depth": 10}
    said = press(panel, "check")
    assert "2 of 2 points" in said
    assert "from the knobs, for a try" in said
    assert tuning.id not in progress.best(), "the cell is handed in, not the knobs"
    panel.names.update(my_gain=3.0, my_depth=5)
    said = press(panel, "check")
    assert "Too large." in said
    assert "The answer cell was judged. The knobs stand elsewhere" in said
    panel.names.update(my_gain=1.0, my_depth=10)
    said = press(panel, "check")
    assert "2 of 2 points" in said
    assert "knobs" not in said
    assert progress.best()[tuning.id].right


def test_a_panel_warns_of_what_stands_on_the_page_and_was_not_run(exercise, build) -> None:
    panel = build(exercise)
    panel.hear({"do": "check", "cells": ["def mean_log(factors):\n    return 0.0", 7]})
    panel.wait(60)
    assert "has not been run yet" in words(panel.face.said)
    assert "has not been run yet" in panel.latest.warnings[0]
    panel.hear({"do": "check", "cells": None})
    panel.wait(60)
    assert panel.latest.warnings == ()


def test_a_tuning_starts_where_the_notebook_stands(tuning, build) -> None:
    panel = build(tuning, my_gain=0.5, my_depth=1e9)
    assert panel.live.knobs == {"gain": 0.5, "depth": 10}
    assert panel.first.earned == 0
    panel = build(tuning, my_gain=1.0, my_depth=10)
    assert "To hand it in" not in press(panel, "check")


# ── Where there is no notebook ────────────────────────────────────────────────────────────────


def test_without_a_notebook_the_verdict_is_printed(exercise, capsys) -> None:
    assert show_panel(exercise, lambda: {"mean_log": mean_log}) is None
    assert capsys.readouterr().out.startswith("made/mean-log: 2 of 2 points\n  ✓")


def test_a_script_checks_its_own_functions() -> None:
    script = (
        "import gradcourse as gc\n"
        "def gradient_after(r, L):\n"
        "    return r ** L\n"
        "gc.panel('start/gradient-after')\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout.startswith("start/gradient-after: right"), done.stderr


def test_a_page_without_a_kernel_shows_the_question_and_its_options(choice, build) -> None:
    still = build(choice).bundle()[0]["text/html"]
    assert choice.question in still
    assert all(option.text in still for option in choice.options)
    assert not any(option.message in still for option in choice.options)


def test_a_vote_is_cast_and_the_claim_is_decided(build, progress) -> None:
    vote = claim("made/claim", "it always grows.", "holds-only-if", "It needs a gain above 1.")
    panel = build(vote)
    assert panel.face._buttons == ["vote"]
    assert "It needs" not in panel.bundle()[0]["text/html"]
    said = press(panel, "lock", "fails")
    assert "The measurement decides for “It holds only under a condition”." in said
    assert "It needs a gain above 1." in said
    assert progress.locked(vote.id) == "fails"
