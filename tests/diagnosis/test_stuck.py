"""Why a loss stays, each reason with its proof; and runs of the kind that learn."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest
import torch
from faults import FAULTS, LOOPS, POSTS, Fault, Setup, carry_out, run
from sound import SOUND, follow
from torch import nn
from torch.nn import functional

from gradcourse.diagnosis import diagnose
from gradcourse.diagnosis.causes.standstill import still_falls
from gradcourse.instrument import probe
from gradcourse.instrument.probe.outputs.loss_function import recognized

NAMED = {
    "33969059": ("head", "no end, scaled"),
    "56774954": ("head", "exp end"),
    "41596619": ("head", "classes"),
    "38648195": ("head", "sigmoid end"),
    "41999686": ("vanishing", "initialize"),
    "48486598": ("linear", "activate"),
    "equal weights": ("equal units", "initialize"),
    "normalized twice": ("scale", "scale data"),
    "flipped sign": ("unbounded loss", "flip the sign"),
    "over-regularized": ("update too large", "less decay"),
    "TF 33641799": ("non-finite", "cross-entropy"),
    "TF 46577203": ("update too large", "rate"),
    "TF 43636736": ("update too large", "scale data"),
    "×8 exp": ("non-finite", "relu"),
}
"""A part of a question's name, the finding, and what its first remedy does."""


def question(name: str) -> Fault:
    (fault,) = [fault for fault in POSTS if name in fault.name]
    return fault


@pytest.mark.parametrize("name", NAMED)
def test_the_reason_is_named_and_its_remedy_can_be_carried_out(name: str) -> None:
    fault = question(name)
    finding = diagnose(run(replace(fault.bug, steps=150), 0, probe).record).primary
    assert (finding.kind, finding.remedies[0].action) == NAMED[name], finding
    assert carry_out(finding.remedies[0], fault.bug) is not None


def test_every_repair_changes_a_part_of_the_run() -> None:
    names = {name for fault in (*FAULTS, *LOOPS, *POSTS) for name in fault.repair}
    assert names <= {field.name for field in fields(Setup)}


QUICK = (
    "contrastive", "views without negatives", "gaussian likelihood", "one row", "warm up",
    "cosine to zero", "two tasks", "positive outputs", "squashed outputs", "frozen backbone",
    "sparse embedding", "read at the length", "large activations", "zero layer", "distances",
)  # fmt: skip


@pytest.mark.parametrize("name", QUICK)
def test_a_net_that_learns_raises_no_alarm(name: str) -> None:
    (sound,) = [sound for sound in SOUND if sound.name == name]
    diagnosis = diagnose(follow(sound, 0, sound.lengths[0], probe).record)
    assert diagnosis.healthy, diagnosis


def test_names_of_the_sound_nets_differ_and_there_are_enough() -> None:
    names = [sound.name for sound in SOUND]
    assert len(set(names)) == len(names)
    assert sum(len(sound.lengths) for sound in SOUND) >= 200


@pytest.mark.parametrize("name", ["linear", "equal units"])
def test_what_only_looks_like_it_is_not_said(name: str) -> None:
    """Linear layers with an activation between; an output layer of zeros, and one of equal rows."""
    torch.manual_seed(0)
    if name == "linear":
        model = nn.Sequential(nn.Linear(6, 16), nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 2))
    else:
        model = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 2))
        nn.init.constant_(model[2].weight, 0.1)  # they learn apart: their targets differ
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    with probe(model, optimizer) as record:
        for _ in range(100):
            x = torch.randn(32, 6)
            optimizer.zero_grad()
            loss = functional.cross_entropy(model(x), (x[:, 0] * x[:, 1] > 0).long())
            loss.backward()
            optimizer.step()
            record.log(loss)
    assert name not in diagnose(record).kinds


def test_losses_of_counts_and_of_shares_are_told_by_their_numbers() -> None:
    torch.manual_seed(0)
    y = (torch.rand(16, 4) + 0.1).requires_grad_()
    counts = torch.poisson(3 * torch.rand(16, 4))
    loss = functional.poisson_nll_loss(y, counts, log_input=False)
    (gradient,) = torch.autograd.grad(loss, y)
    guess = recognized(y, gradient, float(loss.detach()))
    assert guess.loss == "Poisson likelihood of means"
    assert guess.targets is not None
    torch.testing.assert_close(guess.targets.float(), counts, atol=1e-3, rtol=1e-3)
    classes = torch.randint(0, 4, (16,))
    loss = functional.nll_loss((y / y.sum(1, keepdim=True)).log(), classes)
    (gradient,) = torch.autograd.grad(loss, y)
    assert (
        recognized(y, gradient, float(loss.detach())).loss == "minus the log of the class's share"
    )


def test_outputs_that_are_all_alike_do_not_hide_which_cross_entropy_it_is() -> None:
    """At equal outputs the gradient of a share is that of a softmax, but for a factor."""
    classes = torch.arange(16) % 4
    for divided, name in ((True, "minus the log of the class's share"),
                          (False, "cross-entropy of logits")):  # fmt: skip
        y = torch.full((16, 4), 0.5, requires_grad=True)
        logs = (y / y.sum(1, keepdim=True)).log() if divided else y.log_softmax(1)
        loss = functional.nll_loss(logs, classes)
        (gradient,) = torch.autograd.grad(loss, y)
        assert recognized(y, gradient, float(loss.detach())).loss == name


def test_a_line_through_losses_is_a_fall_or_scatter() -> None:
    torch.manual_seed(0)
    steps, noise = torch.arange(200.0), torch.randn(200)
    assert still_falls((1 - 0.001 * steps + 0.01 * noise).numpy())  # clear
    assert not still_falls((1 + 0.01 * noise).numpy())
    assert still_falls((1 - 0.0015 * steps + 0.6 * noise).numpy())  # a hint of a long way
    assert not still_falls((1 - 0.0015 * steps + 0.6 * noise).numpy(), hopeful=False)


@pytest.mark.parametrize("fault", LOOPS, ids=lambda fault: fault.name)
def test_what_is_advised_to_a_loop_cures_it(fault: Fault) -> None:
    """The first remedy, by its action alone; the repaired form is healthy."""
    ill = run(fault.bug, 0, probe)
    finding = diagnose(ill.record).primary
    assert finding.kind in fault.kinds
    cured = carry_out(finding.remedies[0], fault.bug)
    assert cured is not None
    fixed = run(fault.fixed, 0, probe)
    after = fixed if cured == fault.fixed else run(cured, 0)
    enough = fixed.score - 0.1
    assert after.score > enough
    assert not ill.score > enough  # NaN neither
    assert diagnose(fixed.record).healthy, diagnose(fixed.record)
