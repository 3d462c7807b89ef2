"""Losses that end where a guess has them, heads that are held back, batches that are sorted."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from test_loops import looped
from test_variants import Built, adam, first, judged, net, numbers, on, rows, sgd
from torch import nn
from torch.nn import functional

import gradcourse as gc
from gradcourse.diagnosis import Diagnosis

Data = Callable[[], tuple[torch.Tensor, torch.Tensor]]


def large(model: nn.Sequential, factor: float = 8.0) -> nn.Sequential:
    """Outputs that are too large at first, so that any loss falls."""
    with torch.no_grad():
        model[2].weight.mul_(factor)
        model[2].bias.mul_(factor)
    return model


# ------------------------------------------------------------------ no better than a guess


@pytest.mark.parametrize("learnable", [True, False])
def test_a_cross_entropy_that_falls_to_that_of_a_guess(learnable: bool) -> None:
    def drawn() -> tuple[torch.Tensor, torch.Tensor]:
        x, y = rows()
        return x, y if learnable else torch.randint(0, 4, (64,))

    model = large(net())
    diagnosis = judged(model, adam(model, 1e-2), on(model, functional.cross_entropy, drawn), 1000)
    assert diagnosis.healthy == learnable, diagnosis
    if not learnable:
        assert diagnosis.primary.kind == "not learning"
        assert diagnosis.primary.evidence["loss, end over start"] < 0.8
        assert "the loss has come down to that of a guess" in diagnosis.primary.summary


def test_a_mean_that_is_learned_first_is_no_guess() -> None:
    """Targets far from 0: the loss falls by decades before anything else is learned."""

    def drawn() -> tuple[torch.Tensor, torch.Tensor]:
        x, y = numbers()
        return x, 5 + 0.1 * torch.randn_like(y)

    model = net(out=1)
    assert judged(model, adam(model, 1e-2), on(model, functional.mse_loss, drawn), 800).healthy


@pytest.mark.parametrize("before", [150, 0])
def test_a_run_that_goes_on_from_trained_weights(before: int) -> None:
    """A rate of 1e-6: the loss stays, and that is a fault of a net that knows nothing alone."""
    model = net(out=1)
    if before:
        judged(model, adam(model, 1e-2), on(model, functional.mse_loss, numbers), before)
    diagnosis = judged(model, adam(model, 1e-6), on(model, functional.mse_loss, numbers), 80)
    assert diagnosis.healthy == bool(before), diagnosis
    notes = [note for note in diagnosis.not_judged if "trained before, and has stayed" in note]
    assert len(notes) == bool(before)


def test_soft_targets_have_a_floor_of_their_own() -> None:
    """A binary cross-entropy of gray pictures ends near ln 2, and that is all there is."""

    def gray() -> tuple[torch.Tensor, torch.Tensor]:
        x = torch.randn(64, 16)
        return x, 0.5 + 0.05 * torch.tanh(x[:, :4])

    model = large(net())
    loss = functional.binary_cross_entropy_with_logits
    assert judged(model, adam(model, 1e-2), on(model, loss, gray), 300).healthy


# ------------------------------------------------------------------ heads


def faces() -> tuple[torch.Tensor, torch.Tensor]:
    y = torch.randint(0, 40, (128,))
    return CENTRES[y] + 0.3 * torch.randn(128, 16), y


CENTRES = torch.randn(40, 16, generator=torch.Generator().manual_seed(3))


@pytest.mark.parametrize("scale", [1.0, 16.0])
def test_cosines_as_logits_can_be_in_the_right_order(scale: float) -> None:
    torch.manual_seed(0)

    def cosine(self: Built, x: torch.Tensor) -> torch.Tensor:
        x, w = functional.normalize(self.body(x), dim=1), functional.normalize(self.proxies.weight)
        return scale * x @ w.T

    model = Built(cosine, body=nn.Linear(16, 32), proxies=nn.Linear(32, 40, bias=False))
    diagnosis = judged(model, adam(model, 1e-2), on(model, functional.cross_entropy, faces), 200)
    assert diagnosis.healthy, diagnosis
    notes = [note for note in diagnosis.not_judged if "it cannot fall below 1.84" in note]
    assert len(notes) == (scale == 1.0)


def test_logits_that_are_small_at_first_are_no_cosines() -> None:
    model = net()
    diagnosis = judged(model, adam(model, 1e-3), on(model, functional.cross_entropy), 60)
    assert diagnosis.healthy, diagnosis


def mixtures() -> tuple[torch.Tensor, torch.Tensor]:
    x = torch.randn(64, 16)
    return x, (x @ MATRIX).softmax(1)


MATRIX = torch.randn(16, 6, generator=torch.Generator().manual_seed(2))


@pytest.mark.parametrize("reduction", ["batchmean", "sum", "mean"])
@pytest.mark.parametrize(
    ("end", "fits"), [(nn.Softmax(1), False), (nn.LogSoftmax(1), True), (nn.Identity(), False)]
)
@pytest.mark.filterwarnings("ignore:reduction:UserWarning")
def test_a_divergence_takes_logarithms(end: nn.Module, fits: bool, reduction: str) -> None:
    model = net(end, out=6)

    def loss(out: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return functional.kl_div(out, y, reduction=reduction)

    diagnosis = judged(model, adam(model, 3e-3), on(model, loss, mixtures), 60)
    if fits:
        assert diagnosis.primary.kind != "head", diagnosis
    else:
        assert first(diagnosis)[0] == "head"
        assert first(diagnosis)[1].startswith("Give kl_div the log_softmax")


def test_a_matrix_of_a_permutation_picks_along_both_axes() -> None:
    """(64, 5, 5) logarithms of probabilities, of which a loss reads one in each row and column."""
    torch.manual_seed(0)

    def sorts(self: Built, x: torch.Tensor) -> torch.Tensor:
        s = self.score(x)[..., 0]  # (n, 5)
        gaps = (s[:, :, None] - s[:, None]).abs().sum(2)
        scale = (6 - 2 * torch.arange(1.0, 6.0))[None, :, None]
        return (scale * s[:, None] - gaps[:, None]).log_softmax(2)

    def sets() -> tuple[torch.Tensor, torch.Tensor]:
        x = torch.randn(64, 5, 6)
        return x, x.sum(2).argsort(1, descending=True)

    def loss(out: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return functional.nll_loss(out.flatten(0, 1), y.flatten())

    model = Built(sorts, score=nn.Sequential(nn.Linear(6, 32), nn.ReLU(), nn.Linear(32, 1)))
    diagnosis = judged(model, adam(model, 3e-3), on(model, loss, sets), 120)
    assert diagnosis.healthy, diagnosis


# ------------------------------------------------------------------ signs, sorted rows, others


@pytest.mark.parametrize(("sign", "sound"), [(-1.0, True), (1.0, False)])
def test_minus_a_loss_that_is_raised_is_lowered(sign: float, sound: bool) -> None:
    model = net(out=1)
    optimizer = torch.optim.Adam(model.parameters(), 1e-2, maximize=True)
    with gc.probe(model, optimizer) as record:
        for _ in range(120):
            x, y = numbers()
            optimizer.zero_grad()
            loss = functional.mse_loss(model(x), y)
            (sign * loss).backward()
            optimizer.step()
            record.log(loss)
    diagnosis = gc.diagnose(record)
    assert diagnosis.healthy == sound, diagnosis


@pytest.mark.parametrize(("momentum", "shuffled"), [(0.9, False), (0.0, False), (0.9, True)])
def test_batches_of_one_class_each(momentum: float, shuffled: bool) -> None:
    """The data lie in the order of their classes, as folders do; momentum throws the net out."""
    torch.manual_seed(0)
    centres = torch.randn(10, 16)
    order = iter(range(10**6))

    def data() -> tuple[torch.Tensor, torch.Tensor]:
        k = next(order) // 2 % 10
        y = torch.randint(0, 10, (32,)) if shuffled else torch.full((32,), k)
        return centres[y] + 0.6 * torch.randn(32, 16), y

    model = net(out=10)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=momentum)
    diagnosis = looped(model, optimizer, data=data, steps=200)
    noted = any("shuffle them" in note for note in diagnosis.not_judged)
    if momentum and not shuffled:
        assert first(diagnosis)[1].startswith("Shuffle the rows"), diagnosis
    else:
        assert diagnosis.healthy, diagnosis
        assert noted != shuffled


def played(together: bool, frozen: bool = False) -> Diagnosis:
    """A net whose output another net reads, which learns too: by the same loss, or by its own.

    ``frozen``: whether the other one takes no gradient while the first one learns.
    """
    torch.manual_seed(0)
    model, other = net(nn.Tanh()), nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 1))
    own, others = adam(model), adam(other)
    loss_of = functional.binary_cross_entropy_with_logits
    with gc.probe(model, own) as record:
        for _ in range(150):
            out = model(torch.randn(64, 16))
            if together:
                loss = loss_of(other(out), torch.randint(0, 2, (64, 1)).float())
                own.zero_grad()
                others.zero_grad()
                loss.backward()
                others.step()
                own.step()
            else:
                false = loss_of(other(out.detach()), torch.zeros(64, 1))
                real = loss_of(other(torch.randn(64, 4)), torch.ones(64, 1))
                others.zero_grad()
                (false + real).backward()
                others.step()
                own.zero_grad()
                other.requires_grad_(not frozen)
                loss = loss_of(other(out), torch.ones(64, 1))
                loss.backward()
                own.step()
                other.requires_grad_()
            record.log(loss)
    assert (record.facts.other_updates > 0) != together
    return gc.diagnose(record)


@pytest.mark.parametrize("frozen", [False, True])
def test_a_loss_that_another_net_works_against_need_not_fall(frozen: bool) -> None:
    diagnosis = played(together=False, frozen=frozen)
    assert diagnosis.healthy, diagnosis


def test_two_nets_that_learn_by_one_loss_play_no_game() -> None:
    assert played(together=True).primary.kind == "not learning"


def test_two_nets_that_only_share_a_loop_play_no_game() -> None:
    """As those of an ensemble; the labels of one are drawn."""
    torch.manual_seed(0)
    model, other = net(), net()
    own, others = adam(model), adam(other)
    with gc.probe(model, own) as record:
        for _ in range(120):
            x, y = rows()
            for each, optimizer, of in ((other, others, y), (model, own, y[torch.randperm(64)])):
                optimizer.zero_grad()
                loss = functional.cross_entropy(each(x), of)
                loss.backward()
                optimizer.step()
            record.log(loss)
    assert record.facts.other_updates == 0
    assert gc.diagnose(record).primary.kind == "not learning"


# ------------------------------------------------------------------ small starts, losses below 0


def test_small_weights_that_one_large_update_makes_usual() -> None:
    """Factors of 0.01 and weights of 0, whose loss has a floor at two thirds of its start."""
    torch.manual_seed(0)
    sides = torch.randn(3, 20, 3)

    def clicks() -> tuple[torch.Tensor, torch.Tensor]:
        f = torch.randint(0, 20, (1024, 3))
        a, b, c = (sides[k][f[:, k]] for k in range(3))
        logit = (a * b).sum(1) + (b * c).sum(1) - 4
        return f + torch.tensor([0, 20, 40]), torch.bernoulli(logit.sigmoid())

    def machine(self: Built, f: torch.Tensor) -> torch.Tensor:
        v = self.factors(f)
        pairs = 0.5 * (v.sum(1).square() - v.square().sum(1)).sum(1)
        return self.linear(f).squeeze(1) + pairs - 3

    linear, factors = nn.EmbeddingBag(60, 1, mode="sum"), nn.Embedding(60, 6)
    nn.init.zeros_(linear.weight)
    nn.init.normal_(factors.weight, std=0.01)
    model = Built(machine, linear=linear, factors=factors)
    loss = functional.binary_cross_entropy_with_logits
    diagnosis = judged(model, adam(model, 2e-2), on(model, loss, clicks), 200)
    assert diagnosis.healthy, diagnosis


def test_a_mask_of_minus_infinity_is_a_buffer_as_it_should_be() -> None:
    torch.manual_seed(0)

    def causal(self: Built, x: torch.Tensor) -> torch.Tensor:
        x = self.embed(x)
        return self.head(x + self.attention(x, x, x, attn_mask=self.mask)[0])

    parts = {
        "embed": nn.Embedding(7, 16),
        "attention": nn.MultiheadAttention(16, 2, batch_first=True),
        "head": nn.Linear(16, 7),
    }
    model = Built(causal, **parts)
    model.register_buffer("mask", torch.full((10, 10), -torch.inf).triu(1))

    def words() -> tuple[torch.Tensor, torch.Tensor]:
        x = torch.randint(0, 7, (32, 10))
        return x, (x + 1) % 7

    def loss(out: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return functional.cross_entropy(out.transpose(1, 2), y)

    diagnosis = judged(model, adam(model, 1e-2), on(model, loss, words), 80)
    assert diagnosis.healthy, diagnosis
    model.mask[0, 0] = torch.nan
    diagnosis = judged(model, adam(model, 0.0), on(model, lambda out, y: out.sum() * 0, words), 3)
    assert diagnosis.primary.kind == "non-finite"


def test_weights_that_are_written_by_hand_are_not_told_to_go_backward() -> None:
    """As by Levenberg and Marquardt, who solve for the step (1944, 1963)."""
    model = net(out=1)
    with gc.probe(model, sgd(model)) as record:
        for _ in range(20):
            x, y = numbers()
            record.log(functional.mse_loss(model(x), y).detach())
            with torch.no_grad():
                model[2].weight.mul_(0.9)
    with pytest.raises(gc.GradcourseError, match="the parameters have changed, but no backward"):
        gc.diagnose(record)


@pytest.mark.parametrize("steps", [30, 60])
def test_a_schedule_that_ends_in_nan(steps: int) -> None:
    """A power of what is left of 50 steps."""
    model = net()
    optimizer = sgd(model)
    with gc.probe(model, optimizer) as record:
        for k in range(steps):
            left = 1 - k / 50
            optimizer.param_groups[0]["lr"] = 0.05 * left**0.9 if left > 0 else float("nan")
            optimizer.zero_grad()
            x, y = rows()
            loss = functional.cross_entropy(model(x), y)
            loss.backward()
            optimizer.step()
            record.log(loss)
    diagnosis = gc.diagnose(record)
    if steps > 50:
        assert first(diagnosis)[0] == "non-finite"
        assert first(diagnosis)[1].startswith("The learning rate itself is NaN")
    else:
        assert diagnosis.healthy, diagnosis


# ------------------------------------------------------------------ what later trials brought


def test_an_output_that_is_not_used_has_no_gradient() -> None:
    """The sequence beside the last state; (time, row, feature)."""
    torch.manual_seed(0)

    def last(self: Built, x: torch.Tensor) -> torch.Tensor:
        _, (h, _) = self.encoder(x.transpose(0, 1))
        return self.head(h[-1])

    model = Built(last, encoder=nn.LSTM(2, 16), head=nn.Linear(16, 2))

    def signs() -> tuple[torch.Tensor, torch.Tensor]:
        x = torch.randn(64, 12, 2)
        return x, (x[:, -1, 0] > 0).long()

    diagnosis = judged(model, adam(model, 1e-2), on(model, functional.cross_entropy, signs), 60)
    assert diagnosis.healthy, diagnosis


@pytest.mark.parametrize("empty", [True, False])
def test_inputs_that_are_all_0(empty: bool) -> None:
    def whole() -> tuple[torch.Tensor, torch.Tensor]:
        x, y = rows()
        return (x // 255).clamp(0) if empty else x, y

    model = net()
    diagnosis = judged(model, adam(model), on(model, functional.cross_entropy, whole))
    if empty:
        assert first(diagnosis)[0] == "scale"
        assert first(diagnosis)[1].startswith("Look for what makes the data 0")
    else:
        assert diagnosis.healthy, diagnosis


def test_units_that_are_one_up_to_rounding() -> None:
    """All weights 0.1, an odd width, and a learning rate that makes much of rounding."""
    torch.manual_seed(0)
    layers = [nn.Linear(2, 50), nn.Tanh(), nn.Linear(50, 50), nn.Tanh(), nn.Linear(50, 2)]
    model = nn.Sequential(*layers)
    for layer in layers[::2]:
        nn.init.constant_(layer.weight, 0.1)
        nn.init.zeros_(layer.bias)
    x = torch.rand(400, 2) * 2 - 1
    y = (x[:, 0] * x[:, 1] > 0).long()
    step = on(model, functional.cross_entropy, lambda: (x, y))
    diagnosis = judged(model, adam(model, 1e-2), step, 200)
    assert diagnosis.primary.kind == "equal units"


def test_a_loss_that_rises_is_no_plateau_of_a_net_in_time() -> None:
    """A limit of −1 turns every gradient round."""
    torch.manual_seed(0)

    def last(self: Built, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.rnn(x)[0][:, -1])

    model = Built(last, rnn=nn.GRU(2, 16, batch_first=True), head=nn.Linear(16, 2))
    optimizer = adam(model, 1e-2)
    with gc.probe(model, optimizer) as record:
        for _ in range(150):
            x = torch.randn(64, 12, 2)
            optimizer.zero_grad()
            loss = functional.cross_entropy(model(x), (x[:, -1, 0] > 0).long())
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), -1.0)
            optimizer.step()
            record.log(loss)
    assert not gc.diagnose(record).healthy


def test_two_passes_that_cancel_are_not_cleared() -> None:
    """Both answers of a pair are read at their first word, which is the same."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 1))
    optimizer = adam(model)
    with gc.probe(model, optimizer) as record:
        for _ in range(120):
            x = torch.randn(32, 4)
            optimizer.zero_grad()
            loss = -functional.logsigmoid(model(x) - model(x.clone())).mean()
            loss.backward()
            optimizer.step()
            record.log(loss)
    diagnosis = gc.diagnose(record)
    assert diagnosis.primary.kind == "update too small"
    assert "cleared" not in diagnosis.primary.summary


def test_a_temperature_that_is_trained_alone() -> None:
    """Of a net that is trained, and far too sure."""
    body = net()
    judged(body, adam(body, 1e-2), on(body, functional.cross_entropy), 100)
    model = Built(lambda self, x: self.body(x) / self.scale, body=body)
    model.scale = nn.Parameter(torch.full((1,), 0.05))
    optimizer = adam(nn.ParameterList([model.scale]), 0.02)
    with gc.probe(model, optimizer) as record:
        for _ in range(100):
            x, y = rows()
            optimizer.zero_grad()
            loss = functional.cross_entropy(model(x), torch.where(x[:, 0] > 1, y.flip(0), y))
            loss.backward()
            optimizer.step()
            record.log(loss)
    diagnosis = gc.diagnose(record)
    assert diagnosis.healthy, diagnosis


def test_traces_that_are_written_into_the_gradients() -> None:
    """Eligibility traces (Sutton 1988): torch.autograd.grad, and .grad is set by hand."""
    torch.manual_seed(0)
    model = net(out=1)
    optimizer = sgd(model, 0.05)
    traces = [torch.zeros_like(p) for p in model.parameters()]
    with gc.probe(model, optimizer) as record:
        for _ in range(120):
            x, y = numbers()
            value = model(x)
            slopes = torch.autograd.grad(value.mean(), list(model.parameters()))
            error = (y - value.detach()).mean()
            for parameter, trace, slope in zip(model.parameters(), traces, slopes, strict=True):
                trace.mul_(0.5).add_(slope)
                parameter.grad = -error * trace
            optimizer.step()
            record.log(functional.mse_loss(value.detach(), y))
    assert not any("cut off" in f.kind for f in gc.diagnose(record).findings)
