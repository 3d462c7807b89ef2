"""Names of layers and weights as figures write them: parametrized, very long, with signs."""

import re

import matplotlib.text
import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations

from gradcourse.diagnosis import diagnose
from gradcourse.figures import Axis, Line, Plot, depth_plot, lag_plot, update_plot
from gradcourse.figures.of_a_record.from_record import short_names
from gradcourse.instrument import probe


class Chain(nn.Module):
    def __init__(self, names):
        super().__init__()
        self.parts = nn.ModuleDict({name: nn.Linear(4, 4) for name in names})

    def forward(self, x):
        for part in self.parts.values():
            x = part(x).sigmoid()
        return x


def run(model, size=4, steps=3):
    torch.manual_seed(0)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with probe(model, optimizer, level="everything") as record:
        for _ in range(steps):
            optimizer.zero_grad()
            model(torch.randn(8, size)).square().mean().backward()
            optimizer.step()
    return record


def written(plot):
    """All texts as matplotlib sets them, and whether one of them is a formula."""
    figure = plot.to_matplotlib()
    figure.canvas.draw()
    texts = [t for t in figure.findobj(matplotlib.text.Text) if t.get_text()]
    parsed = [text._preprocess_math(text.get_text()) for text in texts]
    return [text for text, _ in parsed], any(math for _, math in parsed)


@pytest.mark.parametrize("wrap", [parametrizations.spectral_norm, parametrizations.orthogonal])
def test_a_parametrized_weight_goes_by_its_layer(wrap):
    record = run(nn.Sequential(*(wrap(nn.Linear(4, 4)) for _ in range(3)), nn.Tanh()))
    plain = run(nn.Sequential(*(nn.Linear(4, 4) for _ in range(3)), nn.Tanh()))
    for quantity in (None, "weight_gradient_norm"):
        assert depth_plot(record, quantity).x.names == depth_plot(plain, quantity).x.names == ()
    named = depth_plot(record, "weight_gradient_norm", layers=["0", "2"])
    assert np.array_equal(named.lines[0].y, record.weight_gradient_norm[-1, [0, 2]])
    assert [line.label for line in update_plot(record).lines] == list(plain.weights)


def test_depth_of_a_net_with_normed_weights_is_that_of_its_layers():
    record = run(nn.Sequential(*(parametrizations.weight_norm(nn.Linear(4, 4)) for _ in range(3))))
    layers = [record.layers.index(name) for name in ("0", "1", "2")]
    plot = depth_plot(record)
    assert np.array_equal(plot.lines[0].y, record.output_gradient_norm[-1, layers])
    two = depth_plot(record, "weight_gradient_norm", layers="1")
    assert two.x.names == ("1.weight.original0", "1.weight.original1")


def test_a_verdict_marks_the_weights_of_its_layers():
    torch.manual_seed(0)
    model = Chain([f"block{k}" for k in range(10)])
    for part in model.parts.values():
        parametrizations.spectral_norm(part)
    record = run(model)
    verdict = diagnose(record)
    plot = depth_plot(record, "weight_gradient_norm", verdict=verdict)
    assert plot.lines[-1].label.startswith("vanishing: layers parts.block0 to")


def test_dollar_signs_are_no_formula():
    record = run(Chain(["$a_b$", "c", "_$d"]))
    texts, math = written(depth_plot(record))
    assert "parts.$a_b$" in texts
    assert not math
    texts, math = written(update_plot(record))
    assert {"parts.$a_b$.weight", "parts._$d.weight"} <= set(texts)
    assert not math


def test_a_name_that_begins_with_an_underscore_is_in_the_legend():
    lines = (Line([1, 2], [1.0, 2.0], "_first"), Line([1, 2], [2.0, 3.0], "$b$", color="green"))
    texts, math = written(Plot("A title", Axis("x"), Axis("y"), lines))
    assert {"_first", "$b$"} <= set(texts)
    assert not math


def test_a_formula_in_a_title_stays_one():
    _, math = written(Plot("$a_b$", Axis("x"), Axis("y"), (Line([1, 2], [1.0, 2.0], "a"),)))
    assert math


def test_long_names_lose_their_middle_and_stay_apart():
    assert short_names(["encoder.0", "encoder.1"]) == ["encoder.0", "encoder.1"]
    long = [f"layer_{k}_{'x' * 300}.weight" for k in range(3)]
    short = short_names(long)
    assert all(re.fullmatch(rf"layer_{k}_x+…x+\.weight", name) for k, name in enumerate(short))
    assert {len(name) for name in short} == {36}
    alike = [f"base_model.model.model.layers.{k}.self_attn.q_proj.weight" for k in range(12)]
    short = short_names(alike)
    assert len(set(short)) == 12
    assert short[3] == "…el.layers.3.self_attn.q_proj.weight"
    assert short_names(["a" * 300, "a" * 400]) == ["a" * 300, "a" * 400]  # nothing tells them apart


def test_a_figure_of_long_names_keeps_its_width():
    record = run(Chain([f"layer_{'x' * 300}{k}" for k in range(6)]))
    for plot in (update_plot(record), depth_plot(record, verdict=diagnose(record))):
        assert all(len(line.label) < 130 for line in plot.lines)
        figure = plot.to_matplotlib()
        figure.canvas.draw()
        box = figure.axes[0].get_position()
        assert box.width > 0.6
        assert box.height > 0.4


def test_lags_of_a_layer_with_a_long_name():
    class Reader(nn.Module):
        def __init__(self):
            super().__init__()
            self.parts = nn.ModuleDict({"x" * 300: nn.GRU(4, 3)})

        def forward(self, x):
            return self.parts["x" * 300](x)[0]

    reader = Reader()
    with probe(reader) as record:
        reader(torch.randn(9, 2, 4)).sum().backward()
    assert len(lag_plot(record).lines[0].label) < 70
