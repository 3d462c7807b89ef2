"""The panels, without a browser: their buttons are pressed, their words are read."""

from __future__ import annotations

import re
import subprocess
import sys
import threading

import numpy as np
import pytest

from gradcourse.checking.panel import make_panel, show_panel
from gradcourse.checking.progress import Progress


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


def words(widget) -> str:
    text = re.sub(r"<style>.*?</style>", "", widget.value, flags=re.DOTALL)
    return re.sub(r"<[^>]+>", " ", text)


def press(panel, button) -> str:
    button.click()
    panel.wait(60)
    return words(panel.status)


# ── Code ──────────────────────────────────────────────────────────────────────────────────────


def test_making_a_panel_checks_the_answer_and_keeps_the_attempt(exercise, build, progress) -> None:
    panel = build(exercise, mean_log=mean_log)
    assert panel.first.right
    assert "2 of 2 points" in words(panel.status)
    assert progress.best()[exercise.id].right


def test_a_stub_is_not_answered_and_no_attempt(exercise, build, progress) -> None:
    def stub(factors):
        raise NotImplementedError

    panel = build(exercise, mean_log=stub)
    assert panel.bundle()["text/plain"] == "made/mean-log: not answered yet"
    assert progress.best() == {}


def test_check_looks_the_function_up_at_each_press(exercise, build, progress) -> None:
    panel = build(exercise)
    assert "no function called" in words(panel.status)
    panel.names["mean_log"] = lambda f: np.log(np.abs(f).mean())
    said = press(panel, panel.check_button)
    assert "log of the mean: You averaged first." in said
    assert "0 of 2 points" in said
    panel.names["mean_log"] = mean_log
    assert "2 of 2 points" in press(panel, panel.check_button)
    assert progress.best()[exercise.id].attempts == 2


def test_the_bundle_holds_the_widget_and_the_verdict_as_it_was(exercise, build) -> None:
    panel = build(exercise, mean_log=mean_log)
    bundle = panel.bundle()
    assert set(bundle) == {
        "application/vnd.jupyter.widget-view+json",
        "text/plain",
        "text/html",
    }
    assert bundle["text/plain"] == repr(panel.first)
    other = build(exercise, mean_log=mean_log).bundle()
    assert (bundle["text/plain"], bundle["text/html"]) == (other["text/plain"], other["text/html"])


def test_the_status_is_announced_and_the_buttons_are_native(exercise, build) -> None:
    panel = build(exercise)
    assert panel.status.value.startswith('<div role="status" aria-live="polite">')
    assert panel.check_button.description == "Check"
    assert "mean_log" in panel.check_button.tooltip


def test_hints_open_one_by_one_then_the_place_of_the_solution(exercise, build) -> None:
    panel = build(exercise)
    button = panel.hints.button
    labels, texts = [button.description], []
    for _ in range(4):
        button.click()
        labels.append(button.description)
        texts.append(words(panel.hints.text))
    assert labels == ["Hint 1 of 3", "Hint 2 of 3", "Hint 3 of 3", "Solution", "Solution"]
    assert button.disabled
    assert "two" not in texts[0]
    assert "Hint 3: three" in texts[2]
    assert "solutions" not in texts[2]
    assert "The solution is in solutions/01_made.ipynb." in texts[3]


def test_a_running_check_can_be_stopped_and_repeated(exercise, build) -> None:
    started = threading.Event()

    def endless(factors):
        started.set()
        while True:
            pass

    panel = build(exercise)
    panel.names["mean_log"] = endless
    panel.check_button.click()
    assert started.wait(30)
    assert panel.check_button.disabled
    assert panel.stop_button.layout.display == ""
    assert "checking…" in words(panel.status)
    panel.check_button.click()
    panel.stop_button.click()
    panel.wait(30)
    assert "stopped" in words(panel.status)
    assert not panel.check_button.disabled
    assert panel.stop_button.layout.display == "none"
    panel.names["mean_log"] = mean_log
    assert "2 of 2 points" in press(panel, panel.check_button)


def test_an_exception_in_a_callback_is_shown(exercise, build) -> None:
    panel = build(exercise)
    panel.namespace = lambda: 1 / 0
    said = press(panel, panel.check_button)
    assert "ZeroDivisionError" in said
    assert not panel.check_button.disabled


def test_a_progress_file_that_cannot_be_written_is_said_in_the_panel(exercise, tmp_path) -> None:
    (tmp_path / "file").write_text("in the way")
    progress = Progress(tmp_path / "file" / "progress.sqlite")
    panel = make_panel(exercise, lambda: {"mean_log": mean_log}, progress=progress)
    assert "progress is not being kept" in words(panel.status)
    assert "2 of 2 points" in press(panel, panel.check_button)


def test_learner_text_is_escaped(exercise, build) -> None:
    panel = build(exercise, mean_log=lambda f: "<img src=x onerror=alert(1)>")
    assert "<img" not in panel.status.value


# ── Prediction ────────────────────────────────────────────────────────────────────────────────


def test_a_prediction_is_locked_before_the_measurement_opens(prediction, build, progress) -> None:
    panel = build(prediction)
    assert panel.first.unanswered
    assert "75" not in words(panel.status) + panel.bundle()["text/plain"]
    slider, box = panel.inputs
    box.value = 63
    said = press(panel, panel.lock_button)
    assert "normals only" in said
    assert "measured 75" in said
    assert "depth = 63" in said
    assert panel.lock_button.disabled
    assert slider.disabled
    assert box.disabled
    assert progress.locked(prediction.id) == 63


def test_running_the_cell_again_restores_the_locked_answer(prediction, build, progress) -> None:
    panel = build(prediction)
    panel.inputs[1].value = 63
    press(panel, panel.lock_button)
    again = build(prediction)
    assert again.first.misconceptions == ("normals only",)
    assert again.lock_button.disabled
    assert again.inputs[1].value == 63
    assert progress.best()[prediction.id].attempts == 1


def test_slider_and_box_follow_each_other_and_keep_what_was_typed(prediction, build) -> None:
    slider, box = build(prediction).inputs
    slider.value = 100.0
    assert box.value == 100
    box.value = 123.4
    assert slider.value == pytest.approx(123.4)
    assert box.value == 123.4
    slider.value = 123.6  # the browser's nearest step
    assert box.value == 123.4
    box.value = 1e9
    assert box.value == slider.value == 1000


def test_a_variable_of_the_notebook_is_checked_directly(prediction, build, progress) -> None:
    panel = build(prediction, depth=75)
    assert panel.first.right
    assert panel.lock_button.disabled
    assert progress.locked(prediction.id) is None


def test_in_a_lesson_a_variable_of_that_name_is_not_the_answer(prediction, build) -> None:
    from dataclasses import replace

    panel = build(replace(prediction, points=0.0), depth=75)
    assert panel.first.unanswered
    assert "depth =" not in press(panel, panel.lock_button)


def test_a_measurement_that_fails_is_shown_and_can_be_repeated(prediction, build) -> None:
    from dataclasses import replace

    def fails():
        raise RuntimeError("no such layer")

    panel = build(replace(prediction, measure=fails))
    assert "no such layer" in press(panel, panel.lock_button)


# ── Choice ────────────────────────────────────────────────────────────────────────────────────


def test_a_choice_is_locked_in(choice, build, progress) -> None:
    panel = build(choice)
    assert "Choose an answer first" in press(panel, panel.lock_button)
    panel.inputs[0].value = "grows"
    said = press(panel, panel.lock_button)
    assert "No: it is below 1." in said
    assert "which = 'grows'" in said.replace("&#x27;", "'")
    assert panel.inputs[0].disabled
    assert build(choice).first.earned == 0
    assert build(choice).inputs[0].value == "grows"


# ── Tuning ────────────────────────────────────────────────────────────────────────────────────


def test_a_tuning_measures_what_the_knobs_show_and_offers_the_lines(tuning, build) -> None:
    panel = build(tuning)
    assert panel.first.unanswered
    panel.live.knobs = {"gain": 3.0, "depth": 5}
    said = press(panel, panel.check_button)
    assert "Too large." in said
    assert "To hand it in" not in said
    panel.live.knobs = {"gain": 1.0, "depth": 10}
    said = press(panel, panel.check_button)
    assert "2 of 2 points" in said
    assert "my_gain = 1\nmy_depth = 10" in said


def test_a_tuning_starts_where_the_notebook_stands(tuning, build) -> None:
    panel = build(tuning, my_gain=0.5, my_depth=1e9)
    assert panel.live.knobs == {"gain": 0.5, "depth": 10}
    assert panel.first.earned == 0
    panel = build(tuning, my_gain=1.0, my_depth=10)
    assert "To hand it in" not in press(panel, panel.check_button)


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
    still = build(choice).bundle()["text/html"]
    assert choice.question in still
    assert all(option.text in still for option in choice.options)
    assert not any(option.message in still for option in choice.options)
