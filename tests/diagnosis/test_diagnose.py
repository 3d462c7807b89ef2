"""What the diagnosis says, how it says it, and on what it does not depend."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from patients.dice import gaussian_
from patients.networks import digit_batches, stack
from torch import nn
from torch.nn import functional

from gradcourse.diagnosis import KINDS, THRESHOLDS, diagnose
from gradcourse.instrument import Record, probe
from gradcourse.support import GradcourseError


def observed(
    model: nn.Module,
    *,
    steps: int = 6,
    scale: float = 1.0,
    lr: float | None = 0.01,
    level: str = "standard",
    optimizer: bool = True,
    log: bool = True,
    before: int = 0,
    adam: bool = False,
) -> Record:
    """Train on digits for a few steps under a probe."""
    batches = digit_batches()
    kind = torch.optim.Adam if adam else torch.optim.SGD
    made = kind(model.parameters(), lr=lr)
    losses = []

    def step(number: int) -> float:
        x, y = batches(number)
        made.zero_grad()
        loss = scale * functional.cross_entropy(model(x), y)
        loss.backward()
        made.step()
        losses.append(float(loss.detach()))
        return losses[-1]

    for number in range(before):
        step(number)
    with probe(model, made if optimizer else None, level=level, every=1) as record:
        for number in range(before, before + steps):
            loss = step(number)
            if log:
                record.log(loss)
    return record


def he(depth: int, factor: float = 1.0) -> nn.Module:
    torch.manual_seed(0)
    return gaussian_(stack(depth, 64, "relu"), factor * math.sqrt(2))


def sigmoid(depth: int) -> nn.Module:
    torch.manual_seed(0)
    return gaussian_(stack(depth, 64, "sigmoid"), 1.0)


# ------------------------------------------------------------------------------ scale-free


@pytest.mark.parametrize("make", [lambda: he(8), lambda: sigmoid(8), lambda: he(12, 2.5)])
def test_the_size_of_the_loss_changes_nothing_but_rounding(make) -> None:
    plain = diagnose(observed(make(), lr=1e-3))
    for scale in (1e-6, 1e6):
        scaled = diagnose(observed(make(), lr=1e-3 / scale, scale=scale))
        assert scaled.kinds == plain.kinds
        assert scaled.primary.layers == plain.primary.layers
        for name, value in plain.primary.evidence.items():
            assert scaled.primary.evidence[name] == pytest.approx(value, rel=0.05, abs=0.05)


def test_sgd_at_the_old_rate_on_a_tiny_loss_takes_updates_too_small() -> None:
    assert diagnose(observed(he(3), lr=0.05)).primary.kind == "healthy"
    assert diagnose(observed(he(3), lr=0.05, scale=1e-6)).primary.kind == "update too small"


def test_without_the_optimizer_a_tiny_loss_is_no_illness() -> None:
    diagnosis = diagnose(observed(he(3), lr=0.05, scale=1e-6, optimizer=False, log=False))
    assert diagnosis.healthy
    assert any("optimizer" in text for text in diagnosis.not_judged)


# ------------------------------------------------------------------------------ what is found


def test_vanishing_says_by_how_much_and_where() -> None:
    finding = diagnose(observed(sigmoid(10))).primary
    assert finding.kind == "vanishing"
    # Lesson 02: E[σ'(z)²]^½ is just under 1/4 a layer at weights that keep the norm.
    assert finding.evidence["factor per layer"] == pytest.approx(0.24, abs=0.02)
    assert finding.evidence["decades over the depth"] < -5
    assert finding.layers[0] == "0"
    assert [r.lesson for r in finding.remedies] == ["04", "05", "06", "07"]


def test_a_gain_is_measured_and_the_cure_undoes_it() -> None:
    sick = diagnose(observed(he(12, 2.5), lr=1e-9)).primary
    assert sick.kind == "exploding"
    assert sick.evidence["factor per layer"] == pytest.approx(2.5, rel=0.15)
    assert "0.4" in sick.remedies[0].text
    assert diagnose(observed(he(12, 2.5 * 0.4), lr=0.01)).healthy


def test_eight_sigmoid_layers_vanish_and_are_not_saturated() -> None:
    assert diagnose(observed(sigmoid(8))).kinds == ("vanishing",)


def test_a_dead_layer_is_not_a_vanished_signal() -> None:
    dead = he(6)
    nn.init.constant_(dead[4].bias, -50.0)
    assert diagnose(observed(dead)).kinds == ("dead",)
    # Half of the units of this one are silent on the batch too, but for want of a signal.
    assert diagnose(observed(he(20, 0.4))).primary.kind == "vanishing"


def test_a_dead_layer_is_found_without_an_activation_module() -> None:
    class Hidden(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.one, self.two, self.three = (nn.Linear(64, 64) for _ in range(3))
            self.readout = nn.Linear(64, 10)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            for layer in (self.one, self.two, self.three):
                x = layer(x).clamp(min=0)
            return self.readout(x)

    torch.manual_seed(0)
    model = Hidden()
    nn.init.constant_(model.two.bias, -50.0)
    finding = diagnose(observed(model)).primary
    assert (finding.kind, finding.layers) == ("dead", ("one", "two"))


def test_a_zero_head_is_not_dead() -> None:
    model = he(5)
    nn.init.zeros_(model[-1].weight)
    assert diagnose(observed(model, steps=1)).healthy
    assert diagnose(observed(he(5), steps=1)).healthy


def test_the_cause_comes_before_the_nan_that_it_ends_in() -> None:
    exploded = diagnose(observed(he(15, 3.0), lr=1.0))
    assert exploded.kinds[0] == "exploding"
    assert "non-finite" in exploded.kinds
    model = he(3)
    with torch.no_grad():
        model[2].weight[0, 0] = math.nan
    planted = diagnose(observed(model))
    assert planted.kinds == ("non-finite",)
    assert planted.primary.steps[0] == 0


def test_a_rate_too_large_is_found_with_the_optimizer_and_without() -> None:
    assert diagnose(observed(he(4), lr=30.0)).primary.kind == "update too large"
    diagnosis = diagnose(observed(he(4), lr=30.0, optimizer=False))
    assert diagnosis.primary.kind == "update too large"


def test_convergence_is_told_from_a_standstill() -> None:
    torch.manual_seed(0)
    model = gaussian_(stack(2, 64, "tanh"), 1.0)
    record = observed(model, lr=1e-2, adam=True, before=600)
    # The same weights with a rate a million times too small: nothing is left to learn either.
    still = observed(model, lr=1e-9)
    assert record.loss[-1] < 0.02
    assert diagnose(record).healthy
    assert diagnose(still).healthy
    assert diagnose(observed(he(2), lr=1e-9)).primary.kind == "update too small"


def test_the_ends_of_the_range() -> None:
    tiny = diagnose(observed(he(40, 1e-2), lr=1e-3, steps=3))
    assert tiny.primary.kind == "vanishing"
    huge = diagnose(observed(he(40, 100.0), lr=1e-3, steps=3))
    assert huge.primary.kind == "exploding"


# ------------------------------------------------------------------------------ records


def test_a_record_without_a_step_is_refused() -> None:
    with probe(he(2)) as record:
        pass
    with pytest.raises(GradcourseError, match=r"no step.*backward"):
        diagnose(record)


@pytest.mark.parametrize("wrong", [None, 3, "record", he(1), {}])
def test_what_is_no_record_is_refused(wrong) -> None:
    with pytest.raises(GradcourseError, match="record of a probe"):
        diagnose(wrong)


def test_gradients_alone_show_the_depth_and_the_rest_is_named() -> None:
    for model, kind in (
        (he(8), "healthy"),
        (sigmoid(8), "vanishing"),
        # In a ReLU net with one gain, ∂ℒ/∂W is equally small in all layers: the biases tell.
        (he(12, 0.3), "vanishing"),
        (he(12, 3.0), "exploding"),
    ):
        diagnosis = diagnose(observed(model, level="gradients", lr=1e-12, log=False))
        assert diagnosis.primary.kind == kind
        assert any("no layer was measured" in text for text in diagnosis.not_judged)
        full = diagnose(observed(he(8)))
        assert full.not_judged == ()
    assert diagnosis.primary.confidence <= 1


def test_one_layer_and_frozen_parameters() -> None:
    assert diagnose(observed(nn.Linear(64, 10))).healthy
    model = he(4)
    for parameter in list(model.parameters())[:4]:
        parameter.requires_grad_(False)
    batches = digit_batches()
    with probe(model) as record:
        x, y = batches(0)
        functional.cross_entropy(model(x), y).backward()
    assert diagnose(record).healthy


# ------------------------------------------------------------------------------ how it is said


@pytest.fixture(scope="module")
def finding_by_kind():
    return {
        d.primary.kind: d
        for d in (
            diagnose(observed(model, lr=lr, steps=4))
            for model, lr in (
                (he(3), 0.02),
                (sigmoid(8), 0.02),
                (he(15, 3.0), 1e-6),
                (he(3), 1e-9),
                (he(3), 50.0),
            )
        )
    }


def test_every_text_is_there(finding_by_kind) -> None:
    assert set(finding_by_kind) >= {"healthy", "vanishing", "exploding", "update too small"}
    for kind, diagnosis in finding_by_kind.items():
        assert kind in KINDS
        text = repr(diagnosis)
        assert text == repr(diagnosis)
        assert text.startswith(f"Diagnosis: {kind}")
        page = diagnosis._repr_html_()
        assert page.count("<section>") == page.count("</section>") == len(diagnosis.findings)
        for finding in diagnosis.findings:
            assert 0 <= finding.confidence <= 1
            assert finding.evidence
            assert (finding.kind == "healthy") == (not finding.remedies)
            assert all(len(r.lesson) == 2 and r.lesson.isdigit() for r in finding.remedies)
        back = json.loads(json.dumps(diagnosis.to_dict(), allow_nan=False))
        assert back["primary"] == kind
        assert back["findings"][0]["summary"] in text


def test_names_are_escaped_in_html() -> None:
    model = nn.ModuleDict({f"<b>{k}": nn.Linear(64, 64) for k in range(12)})
    for layer in model.values():
        nn.init.normal_(layer.weight, std=0.01)

    class Chain(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.parts = model

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            for layer in self.parts.values():
                x = torch.tanh(layer(x))
            return x

    diagnosis = diagnose(observed(Chain()))
    assert diagnosis.primary.kind == "vanishing"
    assert "<b>" not in diagnosis._repr_html_()


def test_every_threshold_has_its_reason() -> None:
    for name, threshold in THRESHOLDS.items():
        assert threshold.value > 0, name
        assert threshold.meaning, name
        assert threshold.source, name
        assert threshold.unit, name


def test_confidence_grows_with_the_distance_from_the_threshold() -> None:
    shares = [diagnose(observed(sigmoid(depth))).primary.confidence for depth in (6, 8, 14)]
    assert shares == sorted(shares)
    assert shares[0] < shares[-1]
    assert np.isfinite(shares).all()


def test_the_page_shows_the_table_as_it_is() -> None:
    page = (Path(__file__).parents[2] / "docs" / "diagnosis.md").read_text(encoding="utf-8")
    for name, t in THRESHOLDS.items():
        row = f"| `{name}` | {t.value:.3g} | {t.unit} | {t.meaning} | {t.source} |"
        assert row in page, f"docs/diagnosis.md lacks the row: {row}"


def test_a_net_that_learned_flat_units_is_healthy() -> None:
    torch.manual_seed(0)
    record = observed(stack(2, 32, "tanh"), adam=True, lr=0.01, before=1500, steps=4)
    assert np.nanmax(record.saturated_fraction) > 0.5
    assert diagnose(record).healthy


@pytest.mark.parametrize("level", ["standard", "gradients"])
def test_a_critic_that_sees_two_batches_is_healthy(level: str) -> None:
    """The gradient of its last bias is exactly 0: the two batches cancel there, and only there."""
    torch.manual_seed(0)
    critic = nn.Sequential(
        *(nn.Linear(64, 64), nn.LeakyReLU(0.2), nn.Linear(64, 64), nn.LeakyReLU(0.2)),
        nn.Linear(64, 1),
    )
    optimizer = torch.optim.Adam(critic.parameters(), lr=1e-4)
    with probe(critic, optimizer, level=level, every=1) as record:
        for _ in range(6):
            optimizer.zero_grad()
            loss = critic(torch.rand(32, 64)).mean() - critic(torch.randn(32, 64)).mean()
            loss.backward()
            optimizer.step()
            record.log(loss.item())
    assert record.parameter_gradient_norm[:, -1].max() == 0
    assert diagnose(record).healthy


def test_a_net_that_is_called_three_times_a_step_shows_its_depth() -> None:
    torch.manual_seed(0)
    net = nn.Sequential(*sigmoid(14), nn.Linear(10, 4))
    with probe(net, every=1) as record:
        for number in range(6):
            x, _ = digit_batches()(number)
            anchor, near, far = net(x), net(x + 0.1), net(x.flip(0))
            functional.triplet_margin_loss(anchor, near, far).backward()
    finding = diagnose(record).primary
    assert finding.kind == "vanishing"
    assert finding.evidence["factor per layer"] == pytest.approx(0.24, abs=0.03)
    assert "∂ℒ/∂output" in finding.summary
