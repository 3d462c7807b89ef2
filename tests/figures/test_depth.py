"""Figures made from what a probe measured."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from gradcourse.figures import depth_plot, histogram_picture
from gradcourse.instrument import Record, log2_histogram, probe
from gradcourse.support import GradcourseError


def measured(activation: type[torch.nn.Module], level: str = "everything") -> Record:
    torch.manual_seed(0)
    blocks = [part for _ in range(6) for part in (torch.nn.Linear(16, 16), activation())]
    model = torch.nn.Sequential(*blocks)
    with probe(model, level=level) as record:
        model(torch.randn(8, 16)).square().mean().backward()
    return record


def test_depth_plot_shows_the_record() -> None:
    record = measured(torch.nn.Sigmoid)
    plot = depth_plot(record)
    assert np.array_equal(plot.lines[0].y, record.weight_gradient_norm[-1])
    assert list(np.asarray(plot.lines[0].x)) == [1, 2, 3, 4, 5, 6]
    assert "rises from" in plot.alt
    assert "weight matrix 1" in plot.alt


def test_depth_plot_compares_records_in_their_own_colours() -> None:
    records = {"sigmoid": measured(torch.nn.Sigmoid), "mine": measured(torch.nn.Tanh)}
    plot = depth_plot(records, "output_gradient_norm", kind="Linear")
    assert [line.color for line in plot.lines] == ["sigmoid", "vermillion"]
    assert len(np.asarray(plot.lines[0].y)) == 6


def test_depth_plot_refuses_what_is_not_there() -> None:
    record = measured(torch.nn.Tanh)
    with pytest.raises(GradcourseError, match="it knows output_gradient_norm"):
        depth_plot(record, "gradient")
    with pytest.raises(GradcourseError, match="has 1 steps"):
        depth_plot(record, step=3)
    with pytest.raises(GradcourseError, match="leave kind out"):
        depth_plot(record, kind="Linear")


def test_histogram_picture_adds_up_to_all_weights() -> None:
    picture = histogram_picture(measured(torch.nn.Sigmoid))
    values = np.nan_to_num(np.asarray(picture.values))
    assert values.shape[0] == 6
    assert values.sum(axis=1) == pytest.approx(100)


def test_histogram_picture_places_a_layer_at_its_exponents() -> None:
    tensors = {"a": torch.tensor([1.0, 1.5, 0.0, 0.0]), "b": torch.tensor([0.25, 0.0, 4.0, 0.3])}
    picture = histogram_picture({name: log2_histogram(t) for name, t in tensors.items()})
    assert list(np.asarray(picture.columns)) == [-2, -1, 0, 1, 2]
    values = np.nan_to_num(np.asarray(picture.values))
    assert values.tolist() == [[0, 0, 50, 0, 0], [50, 0, 0, 0, 25]]
    assert "38 % are exactly 0" in picture.title


def test_histogram_picture_of_nothing_but_zeros_is_refused() -> None:
    with pytest.raises(GradcourseError, match="every gradient"):
        histogram_picture({"a": log2_histogram(torch.zeros(3))})
