"""Figures made from a whole run: lags, ridges, updates, units, spectra; and theory over depth."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import nn

from gradcourse import theory
from gradcourse.figures import (
    Plot,
    depth_plot,
    lag_plot,
    ridge_plot,
    saturation_plot,
    spectrum_plot,
    update_plot,
)
from gradcourse.instrument import Record, log2_histogram, probe
from gradcourse.instrument.lags.gradient import lag_gradient
from gradcourse.nets import mlp
from gradcourse.support import GradcourseError


def trained(model: nn.Module, steps: int = 6, every: int = 2, level: str = "everything") -> Record:
    torch.manual_seed(0)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    x, y = torch.randn(32, 12), torch.randint(0, 3, (32,))
    with probe(model, optimizer, level=level, every=every, histogram_every=every) as record:
        for _ in range(steps):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(x), y).backward()
            optimizer.step()
    return record


class Reader(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.GRU(4, 6, batch_first=True), nn.RNN(6, 6, batch_first=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.second(self.first(x)[0])[0][:, -1]


def heard(steps: int = 15) -> Record:
    torch.manual_seed(0)
    model = Reader()
    with probe(model) as record:
        model(torch.randn(8, steps, 4)).square().mean().backward()
    return record


def drawn(plot: Plot) -> bytes:
    return plot.to_png(30)


def test_depth_with_theory_and_healthy_band() -> None:
    torch.manual_seed(0)
    model = mlp(12, 200, "tanh", init="lecun", inputs=200, outputs=200)
    with probe(model) as record:
        (model(torch.randn(64, 200)) * torch.randn(64, 200)).sum().backward()
    norms = record.output_gradient_norm[-1][record.select("Linear")]
    q = theory.q_trajectory("tanh", 1.0, depth=12)
    decay = [theory.gradient_decay("tanh", 1.0, one) for one in q]
    predicted = norms[-1] * np.append(np.cumprod(decay[::-1])[::-1], 1.0)
    plot = depth_plot(record, "output_gradient_norm", kind="Linear", theory=predicted, healthy=10)
    assert [line.role for line in plot.lines] == ["measured", "theory"]
    # Gradient independence (Schoenholz et al. 2017) holds to a few per cent at this width.
    np.testing.assert_allclose(plot.lines[0].y, plot.lines[1].y, rtol=0.1)
    assert (plot.bands[0].low, plot.bands[0].high) == (norms[-1] / 10, norms[-1] * 10)
    assert "theory, dashed, within" in plot.alt
    with pytest.raises(GradcourseError, match="has shape"):
        depth_plot(record, theory=[1.0])
    with pytest.raises(GradcourseError, match="'nobody'"):
        depth_plot(record, theory={"nobody": [1.0]})
    with pytest.raises(GradcourseError, match="healthy is 1"):
        depth_plot(record, healthy=1)


def test_the_band_moves_with_the_loss() -> None:
    bands = []
    for size in (1.0, 1e-6):
        torch.manual_seed(0)
        model = mlp(3, 8, "tanh", inputs=8)
        with probe(model) as record:
            (size * model(torch.ones(2, 8)).square().mean()).backward()
        bands.append(depth_plot(record, healthy=10).bands[0])
    assert bands[1].low == pytest.approx(1e-6 * bands[0].low, rel=1e-4)


def test_depth_takes_the_last_step_that_was_measured() -> None:
    record = trained(mlp(3, 8, "relu", inputs=12, outputs=3), steps=6, every=4)
    assert np.isnan(record.activation_std[-1]).all()
    plot = depth_plot(record, "activation_std")
    np.testing.assert_array_equal(plot.lines[0].y, record.activation_std[4])


def test_lags_of_a_record_and_of_norms() -> None:
    plot = lag_plot(heard(), healthy=10)
    assert len(plot.lines) == 2
    assert plot.lines[0].label.startswith("first (−")
    newest = heard().lag_gradient["second"][-1]
    np.testing.assert_allclose(plot.lines[1].y, newest[::-1])
    assert np.asarray(plot.lines[1].x)[0] == 0
    assert "lag 0" in plot.alt
    assert drawn(plot)


def test_slope_and_theory_of_lags() -> None:
    norms = 10.0 ** (0.25 * np.arange(20) - 5)
    plot = lag_plot({"rnn": norms}, theory=norms * 1.01)
    assert plot.lines[0].label == "rnn (−0.25 decades/step)"
    assert plot.lines[0].color == "rnn"
    np.testing.assert_allclose(plot.lines[1].y, 1.01 * norms[::-1])
    assert "within 1 % of rnn" in plot.alt
    both = lag_plot(
        {kind.lower(): lag_gradient(getattr(nn, kind)(3, 5), torch.randn(9, 2, 3))[kind]
         for kind in ("LSTM", "GRU")}
    )  # fmt: skip
    assert [line.color for line in both.lines] == ["lstm", "gru"]


def test_a_shorter_sequence_starts_at_lag_zero_too() -> None:
    plot = lag_plot({"rnn": [math.nan, math.nan, 1e-2, 1e-1]})
    assert np.asarray(plot.lines[0].y).tolist() == [1e-1, 1e-2]


def test_ridges_stand_at_their_exponents() -> None:
    tensors = {"a": torch.tensor([1.0, 1.5, 0.0, 0.0]), "b": torch.tensor([0.25, 0.0, 4.0, 0.3])}
    plot = ridge_plot({name: log2_histogram(t) for name, t in tensors.items()})
    x, y = np.asarray(plot.lines[0].x), np.asarray(plot.lines[0].y)
    # Both have half of their numbers in one bin, so both peaks have the full height.
    assert x[np.nanargmax(np.where(y < 2, y, np.nan))] == 0.5
    assert x[np.nanargmax(y)] == -1.5
    assert np.nanmax(y) - 2 == pytest.approx(np.nanmax(np.where(y < 2, y, np.nan)) - 1)
    assert plot.title.endswith("38 % are exactly 0")
    assert "layer 1 range from 2^0 to 2^1" in plot.alt
    assert drawn(plot)


def test_ridges_of_a_record() -> None:
    record = trained(mlp(3, 8, "relu", inputs=12, outputs=3))
    plot = ridge_plot(record, step=0)
    assert np.isnan(np.asarray(plot.lines[0].y)).sum() == 4
    assert plot.alt.startswith(plot.title)
    with pytest.raises(GradcourseError, match="step 9"):
        ridge_plot(record, step=9)
    with pytest.raises(GradcourseError, match="every gradient"):
        ridge_plot({"a": log2_histogram(torch.zeros(3))})


def test_updates_of_a_few_weights_and_of_many() -> None:
    record = trained(mlp(2, 8, "tanh", inputs=12, outputs=3))
    plot = update_plot(record)
    assert [line.label for line in plot.lines] == list(record.weights)
    some = np.flatnonzero(~np.isnan(record.update_ratio).all(axis=1))
    np.testing.assert_array_equal(plot.lines[0].x, record.step_numbers[some])
    np.testing.assert_array_equal(plot.lines[1].y, record.update_ratio[some, 1])
    assert "around 1e-3" in plot.alt
    many = trained(mlp(9, 8, "tanh", inputs=12, outputs=3))
    high, middle, low = (np.asarray(line.y) for line in update_plot(many).lines)
    assert np.all(high >= middle)
    assert np.all(middle >= low)
    assert "median of 10 weights" in update_plot(many).alt


def test_units_that_saturate_and_units_that_die() -> None:
    dead = mlp(3, 8, "relu", inputs=12, outputs=3)
    with torch.no_grad():
        dead[2].bias[:2] = -1e3
    plot = saturation_plot(trained(dead))
    shares = {line.label.split(":")[0]: np.asarray(line.y) for line in plot.lines}
    assert shares["dead"][1] >= 25
    assert set(shares) == {"dead", "zero"}
    flat = saturation_plot(trained(mlp(3, 8, "tanh", inputs=12, outputs=3, gain=30.0)))
    assert [line.label.split(":")[0] for line in flat.lines] == ["saturated"]
    assert np.asarray(flat.lines[0].y)[-1] > 50
    assert drawn(flat)


class Function(nn.Module):
    """An activation called as a function, with or without a layer behind it."""

    def __init__(self, function, ends: bool) -> None:
        super().__init__()
        self.first, self.function = nn.Linear(12, 8), function
        self.last = None if ends else nn.Linear(8, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = self.function(self.first(x))
        return h if self.last is None else self.last(h)


SEEN = {
    "torch.relu": (torch.relu, {"dead", "zero"}),
    "F.relu": (nn.functional.relu, {"dead", "zero"}),
    "x.relu_()": (lambda x: x.relu_(), {"dead", "zero"}),
    "torch.tanh": (torch.tanh, {"saturated"}),
    "x.tanh()": (lambda x: x.tanh(), {"saturated"}),
    "torch.sigmoid": (torch.sigmoid, {"saturated"}),
    "F.sigmoid": (nn.functional.sigmoid, {"saturated"}),
}
UNSEEN = {
    "F.gelu": nn.functional.gelu,
    "F.leaky_relu": nn.functional.leaky_relu,
    "F.relu6": nn.functional.relu6,
    "F.hardtanh": nn.functional.hardtanh,
    "x.clamp(min=0)": lambda x: x.clamp(min=0),
    "x * (x > 0)": lambda x: x * (x > 0),
    "relu, whose result is changed": lambda x: 2 * torch.relu(x),
}


@pytest.mark.parametrize("ends", [True, False])
@pytest.mark.parametrize("name", SEEN)
def test_an_activation_called_as_a_function_is_seen(name, ends) -> None:
    function, shares = SEEN[name]
    plot = saturation_plot(trained(Function(function, ends)))
    assert {line.label.split(":")[0] for line in plot.lines} == shares


@pytest.mark.parametrize("ends", [True, False])
@pytest.mark.parametrize("name", UNSEEN)
def test_what_is_not_seen_is_what_the_message_says(name, ends) -> None:
    with pytest.raises(GradcourseError) as refused:
        saturation_plot(trained(Function(UNSEEN[name], ends)))
    said = str(refused.value)
    assert "called as functions (torch.tanh, F.relu) it sees those three" in said
    assert "where a layer takes their result, or the model returns it" in said
    assert "Of GELU, x.clamp(min=0) and others" in said


def test_spectrum_with_theory_zeros_and_any_range() -> None:
    logs = 40 * theory.ginibre_exponents(8, 1.0)
    plot = spectrum_plot(logs + 0.01, theory=logs)
    np.testing.assert_allclose(plot.lines[0].y, (logs + 0.01) / np.log(10))
    assert "theory, dashed, within 1 % of measured" in plot.alt
    wide = spectrum_plot({"linear": [0.0, -3000.0], "relu": [1.0, -math.inf]})
    assert "1303 decades" in wide.title
    assert wide.lines[1].label == "relu; 1 of 2 are exactly 0"
    assert drawn(wide)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: lag_plot(trained(mlp(1, 4, "tanh", inputs=12, outputs=3))), "no nn.RNN"),
        (lambda: lag_plot({"a": np.ones((2, 2))}), "one for each time step"),
        (lambda: lag_plot(heard(), step=5), "step 5 is not"),
        (lambda: update_plot(heard()), "Give the probe the optimizer"),
        (lambda: saturation_plot(heard()), "no layer that can saturate"),
        (lambda: spectrum_plot([-math.inf]), "is finite and above 0"),
        (lambda: spectrum_plot([1.0, 2.0], theory=[1.0]), "has shape"),
    ],
)
def test_what_is_not_in_the_record_is_said(call, message) -> None:
    with pytest.raises(GradcourseError, match=message):
        call()
