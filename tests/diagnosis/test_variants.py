"""One kind of fault by several mechanisms: other losses, other places; and sound twins."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional

from gradcourse.diagnosis import Diagnosis, diagnose
from gradcourse.instrument import probe, watch

Step = Callable[[], torch.Tensor]


class Built(nn.Module):
    """Modules by name, and a function of them and the inputs."""

    def __init__(self, function: Callable[..., Any], **modules: nn.Module) -> None:
        super().__init__()
        for name, module in modules.items():
            setattr(self, name, module)
        self._function = function

    def forward(self, *inputs: torch.Tensor) -> Any:
        return self._function(self, *inputs)


def net(*more: nn.Module, out: int = 4) -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(16, 32), nn.ReLU(), nn.Linear(32, out), *more)


def adam(model: nn.Module, lr: float = 3e-3) -> torch.optim.Optimizer:
    return torch.optim.Adam(model.parameters(), lr=lr)


def sgd(model: nn.Module, lr: float = 0.05) -> torch.optim.Optimizer:
    return torch.optim.SGD(model.parameters(), lr=lr)


MATRIX = torch.randn(16, 4, generator=torch.Generator().manual_seed(1))


def rows() -> tuple[torch.Tensor, torch.Tensor]:
    """Inputs and their classes."""
    x = torch.randn(64, 16)
    return x, (x @ MATRIX).argmax(1)


def numbers() -> tuple[torch.Tensor, torch.Tensor]:
    """Inputs and one number for each, around 0."""
    x = torch.randn(64, 16)
    return x, torch.tanh(x @ MATRIX[:, :1]) + 0.3 * x[:, :1]


def judged(model: nn.Module, optimizer: Any, step: Step, steps: int = 120) -> Diagnosis:
    """Of a plain loop, in which ``step`` gives the loss."""
    several = optimizer if isinstance(optimizer, list) else [optimizer]
    with probe(model, optimizer) as record:
        for _ in range(steps):
            for each in several:
                each.zero_grad()
            loss = step()
            loss.backward()
            for each in several:
                each.step()
            record.log(loss)
    return diagnose(record)


def on(
    model: nn.Module,
    loss: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
    data: Callable[[], tuple[torch.Tensor, torch.Tensor]] = rows,
) -> Step:
    def step() -> torch.Tensor:
        x, y = data()
        return loss(model(x), y)

    return step


def first(diagnosis: Diagnosis) -> tuple[str, str]:
    return diagnosis.primary.kind, diagnosis.primary.remedies[0].text


# ------------------------------------------------------------------ losses and shapes


def by_hand(p: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """A binary cross-entropy that broadcasts; the library's refuses."""
    y = (y > 0).float()
    return -(y * p.clamp_min(1e-6).log() + (1 - y) * (1 - p).clamp_min(1e-6).log()).mean()


@pytest.mark.parametrize(
    ("loss", "end"),
    [
        (functional.smooth_l1_loss, ()),
        (functional.l1_loss, ()),
        (by_hand, (nn.Sigmoid(),)),
    ],
)
@pytest.mark.filterwarnings("ignore:Using a target size")
def test_all_pairs_are_told_under_any_distance(loss, end) -> None:
    model = net(*end, out=1)
    flat = judged(model, adam(model), on(model, lambda out, y: loss(out, y[:, 0]), numbers))
    assert first(flat)[0] == "head"
    assert "N × N" in first(flat)[1]
    model = net(*end, out=1)
    assert judged(model, adam(model), on(model, loss, numbers)).healthy


@pytest.mark.parametrize("loss", [functional.huber_loss, functional.l1_loss])
def test_one_input_and_a_line_are_no_pairs(loss) -> None:
    """y − t grows with y there, as the slope of all pairs does."""

    def data() -> tuple[torch.Tensor, torch.Tensor]:
        x = torch.randn(64, 1)
        return x, 3 * x + 1

    torch.manual_seed(0)
    model = nn.Linear(1, 1)
    assert judged(model, sgd(model, 0.1), on(model, loss, data), steps=200).healthy


@pytest.mark.parametrize(
    ("end", "loss", "scale", "shift"),
    [
        (nn.Tanh(), functional.l1_loss, 10.0, 0.0),
        (nn.Sigmoid(), functional.huber_loss, 5.0, 30.0),
        (nn.ReLU(), functional.huber_loss, 1.0, -0.8),
        (nn.ReLU(), functional.l1_loss, 1.0, -0.8),
    ],
)
def test_targets_out_of_reach_are_told_without_a_squared_error(end, loss, scale, shift) -> None:
    model = net(end, out=1)
    far = judged(
        model, adam(model), on(model, lambda out, y: loss(out, scale * y + shift), numbers)
    )
    assert first(far)[0] == "head"
    assert first(far)[1].startswith("Take the ")
    model = net(end, out=1)
    within = on(model, lambda out, y: loss(out, y.clamp(0.05, 0.95)), numbers)
    diagnosis = judged(model, adam(model), within)
    assert all(finding.kind != "head" for finding in diagnosis.findings)


def test_counts_of_0_lie_within_the_reach_of_a_relu() -> None:
    """The slope of y − t·log y is 1 at 0, where t is 0: pulled down, and not beyond."""
    model = net(nn.ReLU(), out=1)
    with torch.no_grad():
        model[2].bias.fill_(1.0)
    step = on(
        model,
        lambda out, y: functional.poisson_nll_loss(out, y.clamp_min(0).round(), log_input=False),
        numbers,
    )
    diagnosis = judged(model, adam(model), step)
    assert all(finding.kind != "head" for finding in diagnosis.findings), diagnosis


def tagged() -> tuple[torch.Tensor, torch.Tensor]:
    x = torch.randn(16, 7, 16)
    return x, (x @ MATRIX).argmax(2)


@pytest.mark.parametrize(
    ("dim", "data", "loss"),
    [
        (1, tagged, lambda out, y: functional.nll_loss(out.flatten(0, 1), y.flatten())),
        (0, rows, lambda out, y: functional.nll_loss(out.exp().add(1e-8).log(), y)),
    ],
)
def test_a_softmax_over_another_axis(dim, data, loss) -> None:
    for axis, healthy in ((dim, False), (-1, True)):
        torch.manual_seed(0)
        layers = nn.Sequential(nn.Linear(16, 32), nn.ReLU(), nn.Linear(32, 4))
        model = Built(lambda self, x, a=axis: self.layers(x).softmax(a).log(), layers=layers)
        diagnosis = judged(model, adam(model), on(model, loss, data))
        assert diagnosis.healthy == healthy
        assert healthy or "classes' dimension" in first(diagnosis)[1]


def test_a_softmax_over_the_rows_within_the_loss() -> None:
    model = net()
    loss = on(model, lambda out, y: functional.nll_loss(out.log_softmax(0), y))
    assert "over the 64 rows" in judged(model, adam(model), loss).primary.summary


def test_a_softmax_of_maps_has_the_least_loss_of_its_classes() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 3, 1), nn.Softmax(1)
    )

    def data() -> tuple[torch.Tensor, torch.Tensor]:
        x = torch.randn(8, 1, 6, 6)
        return x, torch.bucketize(x[:, 0], torch.tensor([-0.5, 0.5]))

    finding = judged(model, adam(model), on(model, functional.cross_entropy, data)).primary
    assert 0.5 < finding.evidence["least loss possible"] < 0.6


def test_a_flat_generator_is_told_by_the_logits_of_the_discriminator() -> None:
    torch.manual_seed(0)
    judge = nn.Sequential(nn.Linear(16, 8), nn.ReLU(), nn.Linear(8, 1)).requires_grad_(False)
    judge[2].bias.fill_(-9.0)
    model = nn.Sequential(nn.Linear(4, 16), judge)
    optimizer = sgd(model[0])
    step = on(
        model, lambda out, _: functional.logsigmoid(-out).mean(), lambda: (torch.randn(64, 4),) * 2
    )
    assert "log(1 − D)" in judged(model, optimizer, step).primary.summary


def test_a_loss_that_is_sent_backward_with_the_wrong_sign() -> None:
    model = net()
    optimizer = sgd(model)
    with probe(model, optimizer) as record:
        for _ in range(60):
            x, y = rows()
            optimizer.zero_grad()
            loss = functional.cross_entropy(model(x), y)
            (-loss).backward()
            optimizer.step()
            record.log(loss)
    assert first(diagnose(record)) == ("unbounded loss", diagnose(record).primary.remedies[0].text)
    assert "sign" in first(diagnose(record))[1]


# ------------------------------------------------------------------ who trains


@pytest.mark.parametrize(("stair", "name"), [(torch.round, "round"), (torch.sign, "sign")])
def test_a_step_has_no_slope_and_is_no_dead_unit(stair, name) -> None:
    torch.manual_seed(0)
    parts = {"below": nn.Linear(16, 8), "above": nn.Linear(8, 4)}
    cut = Built(lambda self, x: self.above(stair(2 * self.below(x))), **parts)
    diagnosis = judged(cut, adam(cut), on(cut, functional.cross_entropy))
    assert [finding.kind for finding in diagnosis.findings] == ["cut off"]
    assert f"torch.{name}" in diagnosis.primary.summary

    def through(self: Built, x: torch.Tensor) -> torch.Tensor:
        h = 2 * self.below(x)
        return self.above(h + (stair(h) - h).detach())

    torch.manual_seed(0)
    passed = Built(through, below=nn.Linear(16, 8), above=nn.Linear(8, 4))
    assert judged(passed, adam(passed), on(passed, functional.cross_entropy)).healthy


def test_a_product_with_0_is_looked_for_before_the_biases() -> None:
    torch.manual_seed(0)
    parts = {"below": nn.Linear(16, 8), "above": nn.Linear(8, 4)}
    model = Built(lambda self, x: self.above(self.below(x) * torch.zeros(8)), **parts)
    text = first(judged(model, adam(model), on(model, functional.cross_entropy)))[1]
    assert text.startswith("Look between these layers")


def test_a_tensor_that_is_no_parameter_is_named() -> None:
    model = Built(lambda self, x: self.head(torch.relu(x @ self.matrix)), head=nn.Linear(32, 4))
    model.matrix = torch.randn(16, 32, requires_grad=True)
    diagnosis = judged(model, adam(model), on(model, functional.cross_entropy))
    assert "A tensor of shape (16, 32)" in diagnosis.primary.summary


def test_an_input_that_a_module_keeps_is_no_stranger() -> None:
    def keep(self: Built, x: torch.Tensor) -> torch.Tensor:
        self.kept = x.requires_grad_()
        return self.layers(self.kept * 1.0)

    model = Built(keep, layers=net())
    assert judged(model, adam(model), on(model, functional.cross_entropy)).healthy


def test_gradients_that_are_cleared_before_the_update() -> None:
    model = net()
    optimizer = adam(model)
    with probe(model, optimizer) as record:
        for _ in range(60):
            x, y = rows()
            loss = functional.cross_entropy(model(x), y)
            loss.backward()
            optimizer.zero_grad()
            optimizer.step()
            record.log(loss)
    diagnosis = diagnose(record)
    assert diagnosis.primary.kind == "cut off"
    assert "cleared in between" in diagnosis.primary.summary
    assert not diagnosis.not_judged


@pytest.mark.parametrize("idle", [0, 1])
def test_one_of_two_optimizers_never_steps(idle: int) -> None:
    torch.manual_seed(0)
    parts = {"below": nn.Linear(16, 32), "above": nn.Linear(32, 4)}
    model = Built(lambda self, x: self.above(torch.relu(self.below(x))), **parts)
    both = [adam(model.below), adam(model.above)]
    with probe(model, both) as record:
        for _ in range(60):
            x, y = rows()
            loss = functional.cross_entropy(model(x), y)
            loss.backward()
            both[1 - idle].step()
            model.zero_grad()
            record.log(loss)
    diagnosis = diagnose(record)
    assert diagnosis.primary.kind == "no updates"
    assert diagnosis.primary.layers[0] == ("below.weight", "above.weight")[idle]


def test_frozen_and_cut_off_are_told_apart() -> None:
    torch.manual_seed(0)
    parts = {name: nn.Linear(16, 16) for name in ("frozen", "cut")}
    parts["frozen"].requires_grad_(False)
    model = Built(
        lambda self, x: self.head(torch.relu(self.frozen(x)) + self.cut(x).detach()),
        head=nn.Linear(16, 4),
        **parts,
    )
    notes = judged(model, adam(model, 3e-2), on(model, functional.cross_entropy)).not_judged
    assert any(note.startswith("frozen.weight: frozen") for note in notes)
    assert any(note.startswith("cut.weight: no gradient") for note in notes)


# ------------------------------------------------------------------ outputs, weights and rates


def test_outputs_that_never_differ() -> None:
    model = net(nn.LayerNorm(1), out=1)
    kind, text = first(judged(model, adam(model), on(model, functional.mse_loss, numbers)))
    assert kind == "collapsed"
    assert text.startswith("Normalize over more elements")


def test_a_clamp_that_the_start_lies_behind() -> None:
    model = Built(lambda self, x: self.layers(x).clamp(0, 1), layers=net(out=1))
    with torch.no_grad():
        model.layers[2].bias.fill_(-6.0)
    step = on(model, lambda out, y: functional.mse_loss(out, (y > 0).float()), numbers)
    assert first(judged(model, adam(model), step))[1].startswith("Take the clamp off")


def test_pairs_without_anything_that_keeps_them_apart() -> None:
    def pairs(apart: float) -> Diagnosis:
        model = net(out=8)

        def step() -> torch.Tensor:
            x = torch.randn(64, 16)
            a, b = model(x), model(x + 0.3 * torch.randn_like(x))
            return (a - b).square().mean() + apart * functional.relu(1 - a.std(0)).mean()

        return judged(model, adam(model), step, steps=250)

    assert pairs(0.0).primary.kind == "collapsed"
    assert pairs(1.0).healthy


def test_large_outputs_that_are_wrong_have_not_converged() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Embedding(50, 32), nn.Flatten(), nn.Linear(64, 4)).bfloat16()
    with torch.no_grad():
        model[0].weight.mul_(3)
    tokens = torch.randint(0, 50, (64, 2))
    step = on(
        model,
        lambda out, y: functional.cross_entropy(out.float(), y),
        lambda: (tokens, tokens.sum(1) % 4),
    )
    diagnosis = judged(model, torch.optim.AdamW(model.parameters(), lr=2e-5), step)
    assert diagnosis.primary.kind == "rounding"


def test_a_penalty_that_takes_the_weights_away() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Linear(16, 32), nn.Tanh(), nn.Linear(32, 32), nn.Tanh(), nn.Linear(32, 4)
    )

    def step() -> torch.Tensor:
        x, y = rows()
        penalty = sum(p.square().sum() for p in model.parameters())
        return functional.cross_entropy(model(x), y) + 3 * penalty

    assert "penalty" in first(judged(model, sgd(model), step))[1]


def test_large_steps_come_before_what_they_lead_to() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Linear(16, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 1)
    )
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5, momentum=0.99)
    diagnosis = judged(model, optimizer, on(model, functional.mse_loss, numbers), steps=100)
    kind, text = first(diagnosis)
    assert (kind, text[:22]) == ("update too large", "Divide the learning ra"), diagnosis


def test_a_warm_up_without_end() -> None:
    model = net()
    optimizer = sgd(model, 0.1)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda k: (k + 1) / 1e6)
    with probe(model, optimizer) as record:
        for _ in range(120):
            x, y = rows()
            optimizer.zero_grad()
            loss = functional.cross_entropy(model(x), y)
            loss.backward()
            optimizer.step()
            schedule.step()
            record.log(loss)
    assert "warm-up" in first(diagnose(record))[1]


# ------------------------------------------------------------------ NaN and Inf


def fault(
    loss_function: Callable[..., torch.Tensor],
    data: Callable[[], tuple[torch.Tensor, torch.Tensor]],
    after: Callable[[torch.Tensor], torch.Tensor] = lambda loss: loss,
    dtype: torch.dtype = torch.float32,
) -> str:
    """What a watch says of a step; ``after`` is given what the loss function gives."""
    x, y = data()
    model = net(out=1 if y.is_floating_point() else 4).to(dtype)
    optimizer = sgd(model)
    with watch(model, optimizer, loss_function, stop=False) as looks:
        after(looks.loss(model(x.to(dtype)), y)).backward()
        optimizer.step()
    return str(looks.post_mortem)


def test_targets_of_minus_infinity_are_named() -> None:
    targets = torch.full((64, 1), -torch.inf)
    said = fault(nn.SmoothL1Loss(), lambda: (torch.randn(64, 16), targets))
    assert "argument 1 of the loss function" in said


def test_a_mean_over_nothing_after_the_loss_function() -> None:
    each = nn.CrossEntropyLoss(reduction="none")
    said = fault(each, rows, lambda losses: (losses * 0.0).sum() / torch.zeros(()))
    assert "divided by a count of 0" in said


@pytest.mark.parametrize(
    ("dtype", "target", "said"), [(torch.float32, 1e20, False), (torch.float16, 250.0, True)]
)
def test_the_limit_of_float16_is_for_float16(dtype, target, said) -> None:
    data = (torch.randn(64, 16), torch.full((64, 1), target, dtype=dtype))
    found = fault(nn.MSELoss(reduction="sum"), lambda: data, dtype=dtype)
    assert "Numbers grew beyond the dtype" in found
    assert ("65504" in found) == said


def test_a_watch_says_that_it_saw_no_loss() -> None:
    model = net()
    optimizer = adam(model)
    with watch(model, optimizer) as looks:
        x, y = rows()
        functional.cross_entropy(model(x), y).backward()
        optimizer.step()
    assert "the losses were not looked at" in repr(looks)
    with watch(model, optimizer, nn.CrossEntropyLoss()) as looks:
        looks.loss(model(x), y).backward()
        optimizer.step()
    assert repr(looks).endswith("1 steps, all finite")


def test_a_loss_alone_is_looked_for_with_the_loss_function() -> None:
    model = net()
    step = on(model, lambda out, y: out.square().mean() + out[y > 9].mean())
    kind, text = first(judged(model, adam(model), step, steps=10))
    assert kind == "non-finite"
    assert "loss_function" in text
    assert not any(
        "float16" in r.text for r in judged(model, adam(model), step, 10).primary.remedies
    )


def test_the_eps_of_any_optimizer_is_0_in_float16() -> None:
    model = net().half()
    optimizer = torch.optim.RMSprop(model.parameters(), lr=1e-3)
    with probe(model, optimizer) as record:
        for _ in range(6):
            x, y = rows()
            optimizer.zero_grad()
            loss = functional.cross_entropy(model(x.half()).float(), y)
            loss.backward()
            optimizer.step()
            record.log(loss)
    assert "eps" in first(diagnose(record))[1]
