"""Figures made from what a probe measured."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from gradcourse.diagnosis import diagnose
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
    assert np.array_equal(plot.lines[0].y, record.output_gradient_norm[-1, ::2])
    assert list(np.asarray(plot.lines[0].x)) == [1, 2, 3, 4, 5, 6]
    assert "rises from" in plot.alt
    assert "a layer towards the input" in plot.lines[0].label
    plot = depth_plot(record, "weight_gradient_norm")
    assert np.array_equal(plot.lines[0].y, record.weight_gradient_norm[-1])
    assert "weight matrix 1" in plot.alt


def test_depth_plot_shows_weights_where_no_layer_was_measured() -> None:
    record = measured(torch.nn.Tanh, level="gradients")
    assert np.array_equal(depth_plot(record).lines[0].y, record.weight_gradient_norm[-1])


def test_depth_plot_shows_what_the_weights_hide() -> None:
    """A linear net without biases: ‖∂ℒ/∂W‖ is flat whatever its gain, and δ is not."""
    torch.manual_seed(0)
    model = torch.nn.Sequential(*(torch.nn.Linear(64, 64, bias=False) for _ in range(20)))
    for layer in model:
        torch.nn.init.normal_(layer.weight, std=0.3 / 8)
    with probe(model, level="everything") as record:
        model(torch.randn(32, 64)).square().mean().backward()
    delta, weights = (
        np.log10(np.asarray(depth_plot(record, q).lines[0].y))
        for q in (None, "weight_gradient_norm")
    )
    assert np.ptp(delta) > 5 * np.ptp(weights)


def test_depth_plot_names_layers_and_marks_those_of_the_verdict(tmp_path) -> None:
    torch.manual_seed(0)
    parts = {f"block{k}": torch.nn.Linear(16, 16) for k in range(10)}

    class Chain(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.parts = torch.nn.ModuleDict(parts)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            for part in self.parts.values():
                x = part(x).sigmoid()
            return x

    model = Chain()
    with probe(model, level="everything") as record:
        for _ in range(3):
            model(torch.randn(8, 16)).square().mean().backward()
    verdict = diagnose(record)
    plot = depth_plot(record, verdict=verdict)
    assert plot.x.names[0] == "parts.block0"
    assert plot.title.endswith(", step 2")
    assert plot.lines[-1].label.startswith("vanishing: layers parts.block0 to")
    part = depth_plot(record, layers="*block1")
    assert part.x.names == ("parts.block1",)
    with pytest.raises(GradcourseError, match="No layer is called nobody"):
        depth_plot(record, layers=["nobody"])
    for kind, start in (("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")):
        plot.save(tmp_path / f"a.{kind}")
        plot.save(tmp_path / f"b.{kind}")
        content = (tmp_path / f"a.{kind}").read_bytes()
        assert content.startswith(start)
        assert content == (tmp_path / f"b.{kind}").read_bytes()
    with pytest.raises(GradcourseError, match="must end in"):
        plot.save(tmp_path / "a.txt")
    layer = record["parts.block3"]
    assert layer.output_gradient_norm.shape == (3,)
    assert set(layer.parameter_gradient_norm) == {"parts.block3.weight", "parts.block3.bias"}
    with pytest.raises(GradcourseError, match="has no layer 'block3'"):
        record["block3"]
    with pytest.raises(TypeError):
        iter(record)


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
        depth_plot(record, "weight_gradient_norm", kind="Linear")


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
