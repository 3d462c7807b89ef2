import numpy as np
import pytest
import torch

import gradcourse as gc
from gradcourse.support import GradcourseError

MODEL = torch.nn.Linear(3, 2)


OF_A_RECORD = ["depth_plot", "update_plot", "saturation_plot", "ridge_plot", "histogram_picture"]
OF_HISTOGRAMS = ["ridge_plot", "histogram_picture"]


@pytest.mark.parametrize("figure", OF_A_RECORD)
@pytest.mark.parametrize("given", [None, 3, "record.npz", [], np.zeros(3), MODEL, gc.probe(MODEL)])
def test_a_figure_of_a_record_says_what_it_got(figure, given):
    with pytest.raises(GradcourseError, match=f"{figure} got '{type(given).__name__}'"):
        getattr(gc, figure)(given)


@pytest.mark.parametrize("figure", ["lag_plot", "spectrum_plot"])
@pytest.mark.parametrize("given", ["norms", MODEL, {"rnn": MODEL}])
def test_a_figure_of_numbers_says_what_it_got(figure, given):
    with pytest.raises(GradcourseError, match=f"{figure} got '(str|Linear)'"):
        getattr(gc, figure)(given)


def test_a_record_is_no_spectrum():
    with gc.probe(MODEL) as record:
        MODEL(torch.ones(1, 3)).sum().backward()
    with pytest.raises(GradcourseError, match="spectrum_plot got 'Record'"):
        gc.spectrum_plot(record)


@pytest.mark.parametrize("figure", OF_HISTOGRAMS)
@pytest.mark.parametrize("given", [3, np.zeros(3), torch.zeros(3)])
def test_a_figure_of_histograms_says_what_it_got(figure, given):
    with pytest.raises(GradcourseError, match=f"{figure} got '{type(given).__name__}' as 'a'"):
        getattr(gc, figure)({"a": given})


@pytest.mark.parametrize("figure", OF_HISTOGRAMS)
def test_a_figure_of_histograms_says_which_steps_have_some(figure):
    with gc.probe(MODEL, level="everything") as record:
        MODEL(torch.ones(1, 3)).sum().backward()
    with pytest.raises(GradcourseError, match="has histograms of 1 steps; step 1 is none of them"):
        getattr(gc, figure)(record, step=1)


@pytest.mark.parametrize(
    "figure", ["depth_plot", "ridge_plot", "histogram_picture", "lag_plot", "spectrum_plot"]
)
def test_a_figure_of_nothing_says_so(figure):
    with pytest.raises(GradcourseError, match=f"{figure} got an empty dict; it takes"):
        getattr(gc, figure)({})


def recorded(level="standard", factor=1.0, model=None):
    model = model or torch.nn.Sequential(torch.nn.Linear(3, 3), torch.nn.Tanh())
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with gc.probe(model, optimizer, level=level) as record:
        for _ in range(2):
            optimizer.zero_grad()
            (model(torch.ones(1, 3)).sum() * factor).backward()
            optimizer.step()
    return record


def test_updates_that_are_not_there_say_why():
    with pytest.raises(GradcourseError, match=r'was given the optimizer: at level "gradients"'):
        gc.update_plot(recorded("gradients"))
    with pytest.raises(GradcourseError, match="All updates that were measured are NaN"):
        gc.update_plot(recorded(factor=float("nan")))
    frozen = torch.nn.Linear(3, 3)
    frozen.weight.requires_grad_(False)
    with pytest.raises(GradcourseError, match="no weight had a gradient"):
        gc.update_plot(recorded(model=frozen))
    with pytest.raises(GradcourseError, match="no weight matrix"):
        gc.update_plot(recorded(model=torch.nn.LayerNorm(3)))
    with gc.probe(MODEL) as record:
        MODEL(torch.ones(1, 3)).sum().backward()
    with pytest.raises(GradcourseError, match="Give the probe the optimizer"):
        gc.update_plot(record)


def test_depth_of_what_was_not_measured_says_why():
    with pytest.raises(
        GradcourseError, match=r'no layers, so it has no activation_std.*"standard"'
    ):
        gc.depth_plot(recorded("gradients"), "activation_std")
    with pytest.raises(GradcourseError, match="The record holds no step"):
        gc.depth_plot(gc.Record({"weight": (2, 3)}), "activation_std")
    with pytest.raises(GradcourseError, match="no weight matrix, so it has no weight_gradient_rms"):
        gc.depth_plot(recorded(model=torch.nn.LayerNorm(3)), "weight_gradient_rms")


@pytest.mark.parametrize(
    ("layers", "what"), [([0], "0 in it"), (0, "0 in it"), ([], "no name in it"), ([None], "None")]
)
def test_layers_are_chosen_by_names(layers, what):
    with pytest.raises(GradcourseError, match=f"layers has {what}.*names, which are text"):
        gc.depth_plot(recorded(), layers=layers)


@pytest.mark.parametrize("verdict", ["vanishing", 3, {}])
def test_a_verdict_is_that_of_a_diagnosis(verdict):
    with pytest.raises(GradcourseError, match=f"verdict is '{type(verdict).__name__}'.*diagnose"):
        gc.depth_plot(recorded(), verdict=verdict)
