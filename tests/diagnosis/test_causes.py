"""What keeps a net from learning though its gradients may be in order: each with its sound twin."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from faults import FAULTS, run
from torch import nn
from torch.nn import functional

from gradcourse.diagnosis import Diagnosis, diagnose
from gradcourse.diagnosis.lags import as_read
from gradcourse.instrument import Record, probe
from gradcourse.instrument.record.facts import Facts

QUICK = (
    "softmax on one unit",
    "softmax twice",
    "sigmoid under a cross-entropy",
    "softmax over the batch",
    "nll_loss of raw outputs",
    "targets of ±100 behind a sigmoid",
    "ReLU under targets of both signs",
    "(N, 1) against (N)",
    "optimizer older than the layers",
    "layers in a list",
    "rounded outputs",
    "two factors of 0",
    "clipped before it is unscaled",
    "normalized over one element",
)
"""Faults that a short run shows."""


@pytest.mark.parametrize("name", QUICK)
def test_the_cause_is_named_and_the_repaired_form_is_healthy(name: str) -> None:
    (fault,) = [fault for fault in FAULTS if fault.name == name]
    fault.bug.steps = 120
    diagnosis = diagnose(run(fault.bug, 0, probe)[0])
    assert diagnosis.primary.kind in fault.kinds, diagnosis
    assert diagnosis.primary.remedies[0].action
    diagnosis = diagnose(run(fault.fixed, 0, probe)[0])
    assert diagnosis.healthy, diagnosis


def loop(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    step: Callable[[int], torch.Tensor],
    steps: int = 60,
) -> Record:
    with probe(model, optimizer) as record:
        for k in range(steps):
            optimizer.zero_grad()
            loss = step(k)
            loss.backward()
            optimizer.step()
            record.log(loss)
    return record


def classifier(*more: nn.Module) -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 4), *more)


def batch() -> tuple[torch.Tensor, torch.Tensor]:
    x = torch.randn(64, 8)
    return x, x[:, :4].argmax(1)


# ------------------------------------------------------------------ heads that are sound


@pytest.mark.parametrize(
    ("end", "loss"),
    [
        (nn.LogSoftmax(dim=1), functional.nll_loss),
        (nn.LogSoftmax(dim=1), functional.cross_entropy),  # twice changes nothing
        (
            nn.Softmax(dim=1),
            lambda p, y: functional.mse_loss(p, functional.one_hot(y, 4).float()),
        ),
        (nn.Softmax(dim=1), lambda p, y: functional.nll_loss(p.clamp_min(1e-9).log(), y)),
        (
            nn.Sigmoid(),
            lambda p, y: functional.binary_cross_entropy(p, functional.one_hot(y, 4).float()),
        ),
        (nn.Identity(), functional.cross_entropy),
    ],
)
def test_a_head_that_fits_its_loss_is_no_fault(end: nn.Module, loss: Callable) -> None:
    model = classifier(end)

    def step(k: int) -> torch.Tensor:
        x, y = batch()
        return loss(model(x), y)

    diagnosis = diagnose(loop(model, torch.optim.Adam(model.parameters(), 1e-2), step, 80))
    assert diagnosis.healthy, diagnosis


def test_a_constant_target_is_no_comparison_with_every_target() -> None:
    model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 1))

    def step(k: int) -> torch.Tensor:
        weights = sum(p.square().sum() for p in model.parameters())
        return functional.mse_loss(model(torch.randn(32, 8)), torch.ones(32, 1)) + 0.01 * weights

    assert "head" not in diagnose(loop(model, torch.optim.Adam(model.parameters()), step)).kinds


def test_a_critic_s_loss_below_0_that_levels_out_has_a_bound() -> None:
    torch.manual_seed(0)
    model = nn.Linear(4, 2)

    def step(k: int) -> torch.Tensor:
        x = torch.randn(64, 4)
        mean, log_std = model(x).unbind(1)
        y = x[:, 0] + 0.01 * torch.randn(64)
        return (log_std + 0.5 * ((y - mean) * (-log_std).exp()) ** 2).mean()

    record = loop(model, torch.optim.Adam(model.parameters(), 3e-2), step, 300)
    assert record.loss[-1] < -1
    assert "unbounded loss" not in diagnose(record).kinds


# ------------------------------------------------------------------ updates that never come


class Distances(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Linear(8, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = self.embed(x)
        return (h[:, None] - h[None]).pow(2).sum(-1).sqrt()


def test_updates_that_a_scaler_skips_for_ever_are_counted() -> None:
    model = Distances()
    optimizer = torch.optim.Adam(model.parameters())
    scaler = torch.amp.GradScaler("cpu")
    with probe(model, optimizer) as record:
        for _ in range(12):
            optimizer.zero_grad()
            loss = model(torch.randn(8, 8)).mean()
            scaler.scale(loss).backward()
            scaler.step(optimizer)
            scaler.update()
            record.log(loss)
    finding = diagnose(record).primary
    assert finding.kind == "no updates"
    assert finding.evidence["backward passes"] == 12
    assert finding.evidence["updates"] == 0
    assert "0" in finding.remedies[0].text


def test_accumulated_passes_are_no_skipped_updates() -> None:
    model = classifier()
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    with probe(model, optimizer) as record:
        for k in range(80):
            x, y = batch()
            (functional.cross_entropy(model(x), y) / 8).backward()
            if k % 8 == 7:
                optimizer.step()
                optimizer.zero_grad()
    assert record.facts.updates == 10
    assert record.facts.backward_passes == 80
    assert diagnose(record).healthy


def test_a_logged_nan_is_a_loss_and_no_missing_one() -> None:
    model = classifier()

    def step(k: int) -> torch.Tensor:
        x, y = batch()
        y[:] = -100
        return functional.cross_entropy(model(x), y)

    diagnosis = diagnose(loop(model, torch.optim.Adam(model.parameters()), step, 10))
    assert diagnosis.primary.kind == "non-finite"
    assert not any("no loss" in text for text in diagnosis.not_judged)


def test_buffers_that_only_evaluation_reads_are_looked_at() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(8, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 4))
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    with probe(model, optimizer) as record:
        for k in range(40):
            x, y = batch()
            if k == 7:
                x[0, 0] = float("nan")
            loss = functional.cross_entropy(model(x), y)
            if torch.isfinite(loss):
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                record.log(loss)
    diagnosis = diagnose(record)
    assert diagnosis.primary.kind == "non-finite"
    assert "1.running_mean" in diagnosis.primary.summary


# ------------------------------------------------------------------ scale, lags, rows


def test_a_gradient_scaler_changes_no_verdict() -> None:
    verdicts = []
    for enabled in (False, True):
        model = classifier()
        optimizer = torch.optim.SGD(model.parameters(), lr=1e-9)
        scaler = torch.amp.GradScaler("cpu", init_scale=65536.0, enabled=enabled)
        with probe(model, optimizer) as record:
            for _ in range(40):
                x, y = batch()
                optimizer.zero_grad()
                loss = functional.cross_entropy(model(x), y)
                scaler.scale(loss).backward()
                scaler.step(optimizer)
                scaler.update()
                record.log(loss)
        verdicts.append(diagnose(record).kinds)
    assert verdicts == [("update too small",)] * 2


def test_steps_behind_the_last_one_that_is_read_are_no_lags() -> None:
    gradients = np.array([[1.0, 2.0, 0.0, 0.0], [1.0, 2.0, 3.0, 4.0], [0.0, 0.0, 0.0, 0.0]])
    read = as_read(gradients)
    np.testing.assert_array_equal(read[0], [np.nan, np.nan, 1.0, 2.0])
    np.testing.assert_array_equal(read[1:], gradients[1:])


def test_a_branch_that_starts_at_0_and_leaves_it_is_healthy_in_three_measured_steps() -> None:
    torch.manual_seed(0)
    base = nn.Linear(8, 4).requires_grad_(False)
    branch = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 4))
    nn.init.zeros_(branch[2].weight)

    class Both(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.base, self.branch = base, branch

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.base(x) + self.branch(x)

    model = Both()

    def step(k: int) -> torch.Tensor:
        x, y = batch()
        return functional.cross_entropy(model(x), y)

    record = loop(model, torch.optim.Adam(branch.parameters(), 1e-2), step, 25)
    assert diagnose(record).healthy


def test_one_row_a_batch_kills_no_unit() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(2, 50), nn.ReLU(), nn.Linear(50, 3))

    def step(k: int) -> torch.Tensor:
        y = torch.randint(0, 3, (1,))
        x = torch.randn(1, 2) + torch.tensor([[4.0, 0.0], [0.0, 4.0], [-4.0, -4.0]])[y]
        return functional.cross_entropy(model(x), y)

    diagnosis = diagnose(loop(model, torch.optim.SGD(model.parameters(), 0.01), step, 300))
    assert "dead" not in diagnosis.kinds


# ------------------------------------------------------------------ who trains


def test_who_trains_says_of_each_parameter_whether_it_does() -> None:
    model = classifier()
    model[0].requires_grad_(False)

    def step(k: int) -> torch.Tensor:
        x, y = batch()
        return functional.cross_entropy(model(x), y)

    optimizer = torch.optim.Adam(model[2].parameters(), 1e-2)
    table = loop(model, optimizer, step, 5).who_trains()
    frozen, *_, bias = table
    assert (frozen.name, frozen.requires_grad, frozen.in_optimizer) == ("0.weight", False, False)
    assert (frozen.gradient, bias.gradient) == ("none", "some")
    assert bias.changed == 1.0
    assert "requires_grad" in repr(table).splitlines()[0]
    assert table._repr_html_().count("<tr>") == 5


def test_what_was_noted_survives_a_file(tmp_path) -> None:
    model = classifier(nn.Softmax(dim=1))

    def step(k: int) -> torch.Tensor:
        x, y = batch()
        return functional.cross_entropy(model(x), y)

    record = loop(model, torch.optim.Adam(model.parameters()), step, 20)
    record.save(tmp_path / "r.npz")
    again = Record.load(tmp_path / "r.npz")
    assert repr(again.facts) == repr(record.facts)
    assert repr(diagnose(again)) == repr(diagnose(record))
    assert Facts.from_dict({}) == Facts()


def test_a_headline_for_each_state() -> None:
    model = classifier()

    def step(k: int) -> torch.Tensor:
        x, y = batch()
        return functional.cross_entropy(model(x), y)

    short = diagnose(loop(model, torch.optim.Adam(model.parameters(), 1e-2), step, 10))
    assert short.headline == "healthy so far; it has just begun"
    long = diagnose(loop(model, torch.optim.Adam(model.parameters(), 1e-2), step, 100))
    assert long.headline == "healthy"
    assert isinstance(long, Diagnosis)


def test_two_optimizers_share_a_model() -> None:
    model = classifier()
    first = torch.optim.Adam(model[0].parameters(), 1e-2)
    second = torch.optim.Adam(model[2].parameters(), 1e-2)
    with probe(model, [first, second]) as record:
        for _ in range(40):
            x, y = batch()
            loss = functional.cross_entropy(model(x), y)
            model.zero_grad()
            loss.backward()
            second.step()
            first.step()
            record.log(loss)
    assert all(trainee.in_optimizer for trainee in record.who_trains())
    diagnosis = diagnose(record)
    assert diagnosis.healthy
    assert not any("left out" in line for line in diagnosis.not_judged)
