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
