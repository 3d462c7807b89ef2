"""Small honest training runs, each with one everyday mistake or none, as the probe sees them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice

import numpy as np
import pytest
import torch
from patients.networks import digit_batches
from torch import nn
from torch.nn import functional

from gradcourse.diagnosis import Diagnosis, diagnose
from gradcourse.instrument import Record, probe


def mlp(*widths: int, act: type[nn.Module] = nn.ReLU) -> nn.Sequential:
    torch.manual_seed(0)
    layers, width = [], 64
    for following in widths:
        layers += [nn.Linear(width, following), act()]
        width = following
    return nn.Sequential(*layers, nn.Linear(width, 10))


def digits(factor: float = 1.0) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    batches = digit_batches()
    number = 0
    while True:
        x, y = batches(number)
        yield x * factor, y
        number += 1


def trained(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    data: Iterator[tuple[torch.Tensor, torch.Tensor]] | None = None,
    loss_function: Callable[..., torch.Tensor] = functional.cross_entropy,
    steps: int = 60,
    clear: bool = True,
    after: Callable[[], None] = lambda: None,
) -> Record:
    with probe(model, optimizer) as record:
        for x, y in islice(data or digits(), steps):
            if clear:
                optimizer.zero_grad()
            loss = loss_function(model(x), y)
            loss.backward()
            optimizer.step()
            after()
            record.log(loss)
    return record


def sgd(model: nn.Module, lr: float = 0.1, **options: float) -> torch.optim.Optimizer:
    return torch.optim.SGD(model.parameters(), lr=lr, **options)


def adam(model: nn.Module, lr: float = 1e-3) -> torch.optim.Optimizer:
    return torch.optim.Adam(model.parameters(), lr=lr)


def remedies(diagnosis: Diagnosis, kind: str) -> list[str]:
    finding = next(finding for finding in diagnosis.findings if finding.kind == kind)
    return [remedy.text for remedy in finding.remedies]


# ------------------------------------------------------------------ what is exactly 0


@pytest.mark.parametrize("act", [nn.ReLU, nn.Tanh])
def test_weights_of_0_are_named_and_not_measured_in_decades(act) -> None:
    model = mlp(32, 32, act=act)
    for parameter in model.parameters():
        nn.init.zeros_(parameter)
    diagnosis = diagnose(trained(model, sgd(model)))
    finding = diagnosis.primary
    assert finding.kind == "vanishing"
    assert "exactly 0 from 2 down" in finding.summary
    assert "the weights of 4 are all 0" in finding.summary
    assert finding.evidence == {"layers with a gradient of exactly 0": 2.0}
    assert "random" in finding.remedies[0].text
    # An optimizer was given, and it is not said that there was none.
    assert not any("optimizer" in text for text in diagnosis.not_judged)


def test_a_gradient_that_underflows_everywhere_is_not_healthy() -> None:
    model = mlp(32).half()
    data = ((x.half(), y) for x, y in digits())
    record = trained(
        model, sgd(model), data, lambda out, y: 1e-8 * functional.cross_entropy(out.float(), y)
    )
    assert np.nansum(record.parameter_gradient_norm) == 0
    finding = diagnose(record).primary
    assert finding.kind == "update too small"
    assert "exactly 0" in finding.summary
    assert "float16" in finding.remedies[0].text


def test_a_loss_of_0_needs_no_gradient() -> None:
    model = mlp(32)
    optimizer = adam(model, 1e-2)
    x, y = next(digits())
    for _ in range(200):
        optimizer.zero_grad()
        functional.multi_margin_loss(model(x), y).backward()
        optimizer.step()
    record = trained(model, optimizer, iter([(x, y)] * 20), functional.multi_margin_loss)
    assert record.loss[-1] == 0
    assert diagnose(record).healthy


def test_normalizing_equal_rows_cuts_the_gradient_at_the_usual_rhythm() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(64, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, 10))
    data = ((x[:1].repeat(2, 1), y[:1].repeat(2)) for x, y in digits())
    finding = diagnose(trained(model, sgd(model), data)).primary
    assert finding.kind in ("dead", "vanishing")
    assert finding.layers == ("0", "0")
    assert "exactly 0 from 0 down" in finding.summary
    assert "more rows" in finding.remedies[0].text


def test_units_closed_behind_the_backs_of_modules_are_found_at_the_usual_rhythm() -> None:
    class Hidden(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.one, self.two, self.three = nn.Linear(64, 32), nn.Linear(32, 32), nn.Linear(32, 10)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            hidden = self.two(self.one(x).clamp(min=0)).clamp(min=0)
            return self.three(hidden)

    torch.manual_seed(0)
    model = Hidden()
    nn.init.constant_(model.two.bias, -50.0)
    finding = diagnose(trained(model, sgd(model, 0.01))).primary
    assert (finding.kind, finding.layers) == ("dead", ("one", "two"))


def test_a_branch_without_a_gradient_behind_others_is_no_explosion() -> None:
    class Towers(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.main = mlp(32, 32)
            self.side = mlp(32, 32)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.main(x) + 0.0 * self.side(x)

    model = Towers()
    diagnosis = diagnose(trained(model, adam(model)))
    assert "exploding" not in diagnosis.kinds
    assert all(abs(v) < 60 for f in diagnosis.findings for v in f.evidence.values())


# ------------------------------------------------------------------ NaN: where, and what is known


def test_nan_at_a_step_whose_layers_were_not_measured_is_not_placed_in_their_outputs() -> None:
    model = mlp(32)
    losses = []

    def loss_function(out: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        losses.append(functional.cross_entropy(out, y))
        zero = out[0, 0] - out[0, 0]
        return losses[-1] + (torch.sqrt(zero) if len(losses) == 18 else 0)

    finding = diagnose(trained(model, adam(model), None, loss_function, 30)).primary
    assert finding.kind == "non-finite"
    assert finding.steps[0] == 17
    assert "in the gradients of 4 parameters" in finding.summary


def test_an_infinite_loss_is_a_logged_loss() -> None:
    model = mlp(32).half()
    data = ((x.half() * 300, y) for x, y in digits())
    record = trained(
        model, sgd(model), data, lambda out, y: (out * 1000).square().mean() + y.sum() * 0, 5
    )
    assert np.isinf(record.loss).any()
    assert not any("no loss" in text for text in diagnose(record).not_judged)


# ------------------------------------------------------------------ remedies


def test_the_rate_is_divided_by_what_the_first_step_shows() -> None:
    model = mlp(64, 64)
    record = trained(
        model, sgd(model), None, lambda out, y: functional.cross_entropy(out, y, reduction="sum")
    )
    diagnosis = diagnose(record)
    assert diagnosis.primary.kind == "update too large"
    # 64 rows: the sum is 64 times the mean; the net runs off by far more in its second step.
    advice = remedies(diagnosis, "update too large")[0]
    assert 10 <= float(advice.split()[-1]) <= 1000
    assert any("mean loss" in text for text in remedies(diagnosis, "update too large"))


def test_units_that_die_in_training_are_not_blamed_on_the_start() -> None:
    model = mlp(64, 64)
    count = iter(range(1000))

    def kill() -> None:
        if next(count) == 14:
            nn.init.constant_(model[2].bias, -50.0)

    diagnosis = diagnose(trained(model, sgd(model, 0.01), after=kill))
    assert diagnosis.primary.kind == "dead"
    texts = remedies(diagnosis, "dead")
    assert "rate" in texts[0]
    assert not any("Clear the gradients" in text for text in texts)  # the loop does
    assert not any("He's recipe" in text for text in texts)
    born = mlp(64, 64)
    nn.init.constant_(born[2].bias, -50.0)
    assert "He's recipe" in diagnose(trained(born, sgd(born, 0.01))).primary.remedies[0].text


def test_weight_decay_that_makes_a_gradient_vanish_is_no_matter_of_initial_weights() -> None:
    model = mlp(32, 32, 32)
    diagnosis = diagnose(trained(model, sgd(model, weight_decay=1.0), steps=150))
    assert diagnosis.primary.kind == "vanishing"
    texts = remedies(diagnosis, "vanishing")
    assert "weight decay" in texts[0]
    assert not any("initial weights" in text for text in texts)


def test_flat_units_are_cured_first_and_not_with_larger_weights() -> None:
    model = mlp(128, 128, act=nn.Tanh)
    record = trained(model, adam(model, 3e-3), digits(1000.0), steps=200)
    # It learns what can be read off signs, so flat units must not pass for what was learned.
    assert record.loss[-1] < 0.5 * record.loss[0]
    diagnosis = diagnose(record)
    assert diagnosis.primary.kind == "saturated"
    assert "inputs" in diagnosis.primary.remedies[0].text
    if "vanishing" in diagnosis.kinds:
        assert not any("Multiply" in text for text in remedies(diagnosis, "vanishing"))


def test_batch_normalization_left_in_eval_mode_is_the_first_thing_to_check() -> None:
    torch.manual_seed(0)
    parts = [(nn.Linear(64, 64), nn.BatchNorm1d(64), nn.ReLU()) for _ in range(14)]
    model = nn.Sequential(*(layer for part in parts for layer in part), nn.Linear(64, 10)).eval()
    diagnosis = diagnose(trained(model, sgd(model, 1e-3), steps=30))
    assert diagnosis.primary.kind == "vanishing"
    texts = remedies(diagnosis, "vanishing")
    assert "model.train()" in texts[0]
    assert not any("Multiply" in text or text.startswith("Normalize") for text in texts)


def test_a_loss_that_saturates_is_told_from_an_underflow() -> None:
    model = mlp(32)
    count = iter(range(1000))

    def probabilities(out: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        sure = 1e12 if next(count) > 10 else 1.0
        return functional.nll_loss(torch.log(torch.softmax(out * sure, 1) + 1e-9), y)

    record = trained(model, sgd(model, 1e-3), None, probabilities)
    assert np.nansum(record.parameter_gradient_norm[0]) > 0
    assert np.nansum(record.parameter_gradient_norm[-20:]) == 0
    diagnosis = diagnose(record)
    assert diagnosis.primary.kind == "update too small"
    assert "exactly 0" in diagnosis.primary.summary
    assert "logits" in diagnosis.primary.remedies[0].text


def test_a_schedule_that_ends_too_soon_is_the_first_thing_to_look_at() -> None:
    model = mlp(32)
    optimizer = sgd(model)
    schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.6)
    diagnosis = diagnose(trained(model, optimizer, steps=100, after=schedule.step))
    assert diagnosis.primary.kind == "update too small"
    assert "schedule" in diagnosis.primary.remedies[0].text


# ------------------------------------------------------------------ what healthy leaves open


def test_a_healthy_gradient_with_wrong_labels_points_to_the_data() -> None:
    model = mlp(32)
    generator = torch.Generator().manual_seed(1)
    data = ((x, y[torch.randperm(len(y), generator=generator)]) for x, y in digits())
    diagnosis = diagnose(trained(model, adam(model), data))
    finding = diagnosis.primary
    assert finding.kind == "not learning"
    assert diagnosis.headline == "no gradient illness, and it does not learn"
    assert "labels" in finding.summary
    assert finding.remedies
    assert finding.evidence["loss, end over start"] > 0.8
    learns = mlp(32)
    finding = diagnose(trained(learns, adam(learns, 1e-2))).primary
    assert "labels" not in finding.summary


def test_a_sigmoid_before_a_loss_that_wants_logits_is_pointed_at() -> None:
    model = nn.Sequential(*mlp(64), nn.Sigmoid())

    def twice(out: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return functional.binary_cross_entropy_with_logits(out, functional.one_hot(y, 10).float())

    finding = diagnose(trained(model, adam(model, 3e-3), None, twice, 300)).primary
    assert finding.kind == "head"
    assert "sigmoid" in finding.summary
    assert "logits" in finding.remedies[0].text


def test_what_was_left_out_of_the_optimizer_is_named() -> None:
    model = mlp(32, 32)
    optimizer = sgd(model)
    model[-1] = nn.Linear(32, 10)
    diagnosis = diagnose(trained(model, optimizer))
    assert diagnosis.primary.kind == "cut off"
    assert diagnosis.primary.layers == ("4.weight", "4.bias")
    assert "Make the optimizer after" in diagnosis.primary.remedies[0].text


def test_what_another_optimizer_trains_is_named_and_is_no_illness() -> None:
    model = mlp(32, 32)
    parts = [model[:-1], model[-1:]]
    diagnosis = diagnose(trained(model, sgd(nn.Sequential(*parts[0])), steps=40))
    assert diagnosis.healthy
    (line,) = diagnosis.not_judged
    assert line.startswith("4.weight: a gradient, but no change")


def test_a_detached_part_is_named_and_is_no_illness() -> None:
    class Detached(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.encoder = mlp(32)
            self.head = nn.Linear(10, 10)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.head(self.encoder(x).detach())

    model = Detached()
    diagnosis = diagnose(trained(model, adam(model, 1e-2)))
    assert diagnosis.healthy
    assert any(
        line.startswith("encoder.0.weight, encoder.2.weight: no gradient")
        for line in diagnosis.not_judged
    )


@pytest.mark.parametrize("steps", [8, 40])
def test_a_warm_up_from_0_is_healthy(steps: int) -> None:
    model = mlp(32)
    optimizer = adam(model)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda k: min(1, k / 200))
    diagnosis = diagnose(trained(model, optimizer, steps=steps, after=schedule.step))
    assert diagnosis.healthy
    assert not any("left out" in line for line in diagnosis.not_judged)


def test_a_rate_of_0_all_along_is_no_warm_up() -> None:
    model = mlp(32)
    diagnosis = diagnose(trained(model, sgd(model, 0.0)))
    assert diagnosis.primary.kind == "update too small"
    assert "optimizer" in diagnosis.primary.remedies[0].text


def test_small_weights_may_take_a_large_step_to_the_solution() -> None:
    torch.manual_seed(0)
    model = nn.Linear(8, 1)
    x = torch.randn(64, 8)
    y = x @ torch.full((8, 1), 3.0)
    record = trained(model, sgd(model, 0.2), iter([(x, y)] * 100), functional.mse_loss)
    assert np.nanmax(record.update_ratio) > 1
    assert record.loss[-1] < 1e-3 * record.loss[0]
    assert diagnose(record).healthy
