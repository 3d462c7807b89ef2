"""Faults of the loop around a sound net: what it calls, clears, writes and climbs; sound twins."""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from faults import Setup, carry_out
from test_variants import Built, adam, first, judged, net, numbers, on, rows, sgd
from torch import nn
from torch.nn import functional

import gradcourse as gc
from gradcourse.diagnosis import Diagnosis, Remedy
from gradcourse.support import GradcourseError

Act = Callable[[], Any]


def looped(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    *,
    before: Act = lambda: None,
    after: Act = lambda: None,
    data: Callable[[], tuple[torch.Tensor, torch.Tensor]] = rows,
    clear: bool = True,
    steps: int = 120,
) -> Diagnosis:
    """Of a loop that does something before each update, or after it."""
    with gc.probe(model, optimizer) as record:
        for _ in range(steps):
            if clear:
                optimizer.zero_grad()
            x, y = data()
            loss = functional.cross_entropy(model(x), y)
            loss.backward()
            before()
            optimizer.step()
            after()
            record.log(loss)
    return gc.diagnose(record)


def shuffled() -> tuple[torch.Tensor, torch.Tensor]:
    """Rows whose classes cannot be learned."""
    x, y = rows()
    return x, y[torch.randperm(len(y))]


# ------------------------------------------------------------------ which model, which optimizer


def test_an_optimizer_that_is_made_in_the_loop() -> None:
    model = net()
    given = sgd(model)
    with gc.probe(model, given) as record:
        for _ in range(60):
            own = sgd(model, 1e-5)
            own.zero_grad()
            x, y = rows()
            loss = functional.cross_entropy(model(x), y)
            loss.backward()
            own.step()
            record.log(loss)
    diagnosis = gc.diagnose(record)
    assert diagnosis.primary.kind == "no updates"
    assert "another one updates them" in diagnosis.primary.summary
    assert first(diagnosis)[1].startswith("Make the optimizer once")
    with pytest.raises(GradcourseError, match="60 backward passes came, but the optimizer"):
        _ = record.loss


def test_a_model_that_is_made_in_the_loop() -> None:
    model = net()
    optimizer = sgd(model)
    with gc.probe(model, optimizer) as record:
        for _ in range(60):
            other = net()
            optimizer.zero_grad()
            x, y = rows()
            loss = functional.cross_entropy(other(x), y)
            loss.backward()
            optimizer.step()
            record.log(loss)
    diagnosis = gc.diagnose(record)
    assert diagnosis.primary.kind == "cut off"
    assert "the loop calls another model" in diagnosis.primary.summary
    assert diagnosis.not_judged == ("all that a call of the model shows: there was none",)


def test_a_loss_whose_outputs_are_detached_beside_a_penalty() -> None:
    def penalty() -> torch.Tensor:
        return sum((p**2).sum() for p in model.parameters())

    model = net()
    cut = on(model, lambda out, y: functional.cross_entropy(out.detach(), y) + 1e-4 * penalty())
    diagnosis = judged(model, adam(model), cut)
    assert diagnosis.primary.kind == "cut off"
    assert "that of another term" in diagnosis.primary.summary
    model = net()
    whole = on(model, lambda out, y: functional.cross_entropy(out, y) + 1e-4 * penalty())
    assert judged(model, adam(model), whole).healthy


def test_a_loss_of_a_layer_inside_is_not_cut_off() -> None:
    """The output itself is only looked at."""

    def forward(self: Built, x: torch.Tensor) -> torch.Tensor:
        self.inner = self.above(torch.relu(self.below(x)))
        return self.inner.softmax(1)

    torch.manual_seed(0)
    model = Built(forward, below=nn.Linear(16, 32), above=nn.Linear(32, 4))

    def step() -> torch.Tensor:
        x, y = shuffled()
        model(x)
        return functional.cross_entropy(model.inner, y)

    assert judged(model, adam(model), step).primary.kind != "cut off"


# ------------------------------------------------------------------ gradients


def test_gradients_that_are_set_to_0_before_the_update() -> None:
    model = net()
    optimizer = adam(model)
    diagnosis = looped(model, optimizer, before=lambda: optimizer.zero_grad(set_to_none=False))
    assert diagnosis.primary.kind == "cut off"
    assert "cleared in between" in diagnosis.primary.summary
    assert first(diagnosis)[1].startswith("Clear the gradients before the backward pass, not")


def test_a_clipping_whose_norm_overflows_is_no_clearing() -> None:
    """The norm is infinite, so that every gradient is multiplied by 0."""
    model = net()
    optimizer = sgd(model)
    with gc.probe(model, optimizer) as record:
        for _ in range(60):
            optimizer.zero_grad()
            x, y = rows()
            (functional.cross_entropy(model(x), y) * 1e30).backward()
            norm = nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            record.log(functional.cross_entropy(model(x), y))
    assert torch.isinf(norm)
    assert gc.diagnose(record).primary.kind != "cut off"


def test_gradients_that_are_never_cleared() -> None:
    """Where it does not learn, that is the cause; where it does, a note."""
    model = net()
    ill = looped(model, sgd(model, 0.5), clear=False, data=shuffled)
    assert ill.primary.kind == "update too large"
    assert "sum of all gradients" in ill.primary.summary
    assert ill.primary.remedies[0].action == "clear gradients"
    assert [finding.kind for finding in ill.findings].count("update too large") == 1
    model = net()
    well = looped(model, adam(model, 1e-3), clear=False)
    assert well.healthy
    assert any(note.startswith("the gradients are not cleared") for note in well.not_judged)


@pytest.mark.parametrize("set_to_none", [True, False])
@pytest.mark.parametrize("late", [True, False])
def test_gradients_that_are_cleared_are_not_said_to_stay(set_to_none: bool, late: bool) -> None:
    """Before the forward pass, or between it and the backward pass; nothing can be learned."""
    model = net()
    optimizer = sgd(model, 30.0)
    with gc.probe(model, optimizer) as record:
        for _ in range(120):
            x, y = shuffled()
            if not late:
                optimizer.zero_grad(set_to_none=set_to_none)
            loss = functional.cross_entropy(model(x), y)
            if late:
                optimizer.zero_grad(set_to_none=set_to_none)
            loss.backward()
            optimizer.step()
            record.log(loss)
    assert record.facts.clearing_looked >= 3
    assert not record.facts.uncleared
    texts = [r.text for finding in gc.diagnose(record).findings for r in finding.remedies]
    assert texts
    assert not any(text.startswith("Clear the gradients") for text in texts)


def test_accumulated_passes_are_cleared_once_an_update() -> None:
    model = net()
    optimizer = sgd(model)
    with gc.probe(model, optimizer) as record:
        for _ in range(60):
            optimizer.zero_grad()
            for _ in range(3):
                x, y = rows()
                loss = functional.cross_entropy(model(x), y) / 3
                loss.backward()
            optimizer.step()
            record.log(loss)
    assert record.facts.clearing_looked >= 3
    assert not record.facts.uncleared
    assert gc.diagnose(record).healthy


# ------------------------------------------------------------------ weights that others write


@pytest.mark.parametrize("every", [1, 20])
def test_weights_that_are_put_back(every: int) -> None:
    """After each update, or after every twentieth, as by one who loads the best state again."""
    model = net()
    kept = copy.deepcopy(model.state_dict())
    count = iter(range(1, 1000))

    def put_back() -> None:
        if next(count) % every == 0:
            model.load_state_dict(kept)

    diagnosis = looped(model, sgd(model, 0.02), after=put_back)
    assert diagnosis.primary.kind == "overwritten"
    assert "puts them back" in diagnosis.primary.summary


def test_descent_that_goes_to_and_fro_is_not_put_back() -> None:
    """One weight w on all rows, whose loss √(1 + w²) it can only step across: from w to −w."""
    model = nn.Sequential(nn.Linear(1, 1, bias=False), nn.Flatten(0))
    nn.init.constant_(model[0].weight, 4.0)
    x = torch.ones(8, 1)
    with gc.probe(model, optimizer := sgd(model, 0.9)) as record:
        for _ in range(400):
            optimizer.zero_grad()
            loss = 2.5 * (1 + model(x) ** 2).sqrt().mean()
            loss.backward()
            optimizer.step()
            record.log(loss)
    assert len(set(record.weight_norm[200::10, 0])) == 1
    assert gc.diagnose(record).primary.kind == "update too large"


def clamping(model: nn.Module, limit: float) -> Act:
    @torch.no_grad()
    def clamp() -> None:
        for parameter in model.parameters():
            parameter.clamp_(-limit, limit)

    return clamp


def test_weights_that_are_cut_to_a_small_range() -> None:
    torch.manual_seed(0)
    layers = [m for _ in range(4) for m in (nn.Linear(16, 16), nn.ReLU())]
    model = nn.Sequential(*layers, nn.Linear(16, 4))

    diagnosis = looped(model, adam(model, 1e-4), after=clamping(model, 0.01))
    assert diagnosis.primary.kind == "overwritten"
    assert "Something other than the optimizer" in diagnosis.primary.summary


def test_rows_of_length_1_turn_and_are_not_put_back() -> None:
    """Their norm stays to the last digits that float32 has, and nothing can be learned."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(16, 32, bias=False), nn.ReLU(), nn.Linear(32, 4, bias=False))

    @torch.no_grad()
    def project() -> None:
        for parameter in model.parameters():
            parameter.div_(parameter.norm(dim=1, keepdim=True))

    project()
    diagnosis = looped(model, sgd(model), after=project, data=shuffled)
    assert diagnosis.primary.kind != "overwritten"


def test_weights_that_one_rewrites_and_that_learn_all_the_same() -> None:
    model = net()

    assert looped(model, adam(model), after=clamping(model, 0.2)).healthy


@pytest.mark.parametrize("stays", [True, False])
def test_weights_that_become_their_own_average(stays: bool) -> None:
    """An average of a thousand updates (EMA) that is put in for a look, and stays."""
    model = net()
    average = copy.deepcopy(model.state_dict())

    @torch.no_grad()
    def look() -> None:
        for name, value in model.state_dict().items():
            average[name].lerp_(value, 1e-3)
        trained = copy.deepcopy(model.state_dict())
        model.load_state_dict(average)
        model(rows()[0])
        if not stays:
            model.load_state_dict(trained)

    diagnosis = looped(model, adam(model), after=look, steps=150)
    assert (diagnosis.primary.kind == "overwritten") == stays, diagnosis
    if stays:
        assert "0.1% is left" in diagnosis.primary.summary


def test_weights_that_are_cut_at_once_to_a_very_small_range() -> None:
    """After the first update they are where they stay: no norm shrinks between two that follow."""
    model = net()

    diagnosis = looped(model, adam(model, 1e-2), after=clamping(model, 0.01))
    assert diagnosis.primary.kind == "overwritten", diagnosis


# ------------------------------------------------------------------ inputs, and parts that train


@pytest.mark.parametrize("in_place", [True, False])
def test_inputs_that_shrink_at_every_step(in_place: bool) -> None:
    model = net()
    x, y = rows()

    def scaled() -> tuple[torch.Tensor, torch.Tensor]:
        nonlocal x
        if in_place:
            x /= 4
        return x, y

    diagnosis = looped(model, adam(model, 1e-4), data=scaled)
    assert (diagnosis.primary.kind == "scale") == in_place, diagnosis
    if in_place:
        assert first(diagnosis)[1].startswith("Look for what changes the data in place")


def featured(self: Built, x: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        h = self.trunk(x)
    return self.head(h)


def test_features_without_a_graph_and_a_head_that_learns() -> None:
    """The optimizer has the trunk, too, and nothing is wrong with that."""
    trunk = net(nn.ReLU(), out=64)
    model = Built(featured, trunk=trunk, head=nn.Linear(64, 4))
    diagnosis = looped(model, adam(model, 1e-2))
    assert diagnosis.healthy, diagnosis
    assert any("trunk.0.weight" in note for note in diagnosis.not_judged)


def test_a_head_that_is_newer_than_the_optimizer() -> None:
    """Its gradients are not cleared either, and that is no cause."""
    trunk = net(nn.ReLU(), out=64)
    model = Built(featured, trunk=trunk, head=nn.Linear(64, 9))
    optimizer = adam(model)
    model.head = nn.Linear(64, 4)
    diagnosis = looped(model, optimizer)
    assert first(diagnosis)[0] == "cut off"
    assert first(diagnosis)[1].startswith("Make the optimizer after the last change")


def test_a_net_of_which_no_matrix_trains() -> None:
    torch.manual_seed(0)
    norm = nn.BatchNorm1d(32)
    model = nn.Sequential(nn.Linear(16, 32), norm, nn.ReLU(), nn.Linear(32, 4))
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(name.startswith("1."))
    diagnosis = looped(model, adam(model, 1e-3), steps=200)
    assert first(diagnosis)[0] == "cut off"
    assert "biases and scales alone train" in diagnosis.primary.summary
    assert first(diagnosis)[1].startswith("Let what is to learn require a gradient")


def test_a_part_that_is_on_no_way_to_the_loss() -> None:
    """An actor whose choices were scored before, without a graph, beside a critic."""
    actor, critic = net(), net(out=1)
    model = nn.ModuleDict({"actor": actor, "critic": critic})

    def step() -> torch.Tensor:
        x = torch.randn(64, 16)
        with torch.no_grad():
            chances = actor(x).log_softmax(1)[:, 0]
        value = critic(x)[:, 0]
        surprise = torch.randn(64) - value
        return surprise.square().mean() - 0.1 * (chances * surprise.detach()).mean()

    diagnosis = judged(model, adam(model), step)
    assert diagnosis.primary.kind == "cut off"
    assert "actor" in diagnosis.primary.summary
    assert first(diagnosis)[1].startswith("Call these layers on the way to the loss")


def test_a_first_update_that_is_large_for_very_small_weights() -> None:
    """Adam changes an entry by its rate, however small the entry is; and the net learns."""
    model = net()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(0.02)
    diagnosis = looped(model, adam(model, 3e-3), steps=250)
    assert diagnosis.healthy, diagnosis


def test_the_loss_of_a_closure_belongs_to_its_first_call() -> None:
    """What step(closure) returns; the outputs of later calls fit another one."""
    model = net(out=1)
    x, y = numbers()
    optimizer = torch.optim.LBFGS(model.parameters(), lr=0.3, max_iter=4)

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss = functional.mse_loss(model(x), y)
        loss.backward()
        return loss

    with gc.probe(model, optimizer) as record:
        for _ in range(40):
            record.log(optimizer.step(closure))
    assert {head.loss for head in record.facts.heads} == {"squared error"}


# ------------------------------------------------------------------ sequences


class Stepwise(nn.Module):
    """A cell that is called step by step, and the class of the last state."""

    def __init__(self, detached: bool) -> None:
        super().__init__()
        self.cell, self.head = nn.RNNCell(2, 16), nn.Linear(16, 2)
        self._detached = detached

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = x.new_zeros(len(x), 16)
        for step in x.unbind(1):
            h = self.cell(step, h.detach() if self._detached else h)
        return self.head(h)


def sequences(steps: int = 12) -> tuple[torch.Tensor, torch.Tensor]:
    x = torch.randn(64, steps, 2)
    return x, torch.randint(0, 2, (64,))


@pytest.mark.parametrize("detached", [True, False])
def test_a_state_that_is_detached_at_every_step(detached: bool) -> None:
    torch.manual_seed(0)
    model = Stepwise(detached)
    diagnosis = looped(model, adam(model, 1e-3), data=sequences, steps=320)
    assert (diagnosis.primary.kind == "cut off") == detached, diagnosis
    if detached:
        assert "is called 12 times" in diagnosis.primary.summary
        assert first(diagnosis)[1].startswith("Carry the state")


class Recurrent(nn.Module):
    """An RNN read at the last entry of an axis."""

    def __init__(self, axis: int, batch_first: bool) -> None:
        super().__init__()
        self.rnn = nn.GRU(2, 16, batch_first=batch_first)
        self.head, self._axis = nn.Linear(16, 2), axis

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.rnn(x)[0].select(self._axis, -1))


def test_a_batch_that_is_taken_for_the_time() -> None:
    torch.manual_seed(0)
    model = Recurrent(axis=1, batch_first=False)
    diagnosis = looped(model, adam(model, 1e-3), data=sequences, steps=320)
    assert diagnosis.primary.kind == "cut off"
    assert first(diagnosis)[1].startswith("Set batch_first=True")


def test_time_first_where_it_is_time() -> None:
    """(time, row, feature) as it should be, and batch_first as it should be; neither can learn."""

    def turned() -> tuple[torch.Tensor, torch.Tensor]:
        x, y = sequences()
        return x.transpose(0, 1), y

    for model, data in (
        (Recurrent(axis=0, batch_first=False), turned),
        (Recurrent(axis=1, batch_first=True), sequences),
    ):
        diagnosis = looped(model, adam(model, 1e-3), data=data, steps=320)
        assert not any("batch_first" in r.text for f in diagnosis.findings for r in f.remedies)


# ------------------------------------------------------------------ one map, sure softmaxes


def crossed() -> tuple[torch.Tensor, torch.Tensor]:
    """Two inputs, and whether they have one sign: no line divides them."""
    x = torch.randn(64, 2)
    return x, (x[:, 0] * x[:, 1] > 0).long()


def unused(self: Built, x: torch.Tensor) -> torch.Tensor:
    h = self.below(x)
    torch.relu(h)  # its result is thrown away
    return self.above(functional.dropout(h, 0.1))


@pytest.mark.parametrize("end", [False, True])
def test_an_activation_whose_result_is_not_used(end: bool) -> None:
    torch.manual_seed(0)
    model = Built(unused, below=nn.Linear(2, 32), above=nn.Linear(32, 2))
    whole = nn.Sequential(model, nn.LogSoftmax(1)) if end else model
    loss = functional.nll_loss if end else functional.cross_entropy
    assert judged(whole, adam(whole), on(whole, loss, crossed), 200).primary.kind == "linear"


def test_linear_layers_that_hardly_move_have_not_levelled_off() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(16, 32), nn.Linear(32, 4))
    diagnosis = judged(model, sgd(model, 1e-5), on(model, functional.cross_entropy), 200)
    assert diagnosis.primary.kind == "update too small"


def bent(self: Built, x: torch.Tensor) -> torch.Tensor:
    return self.above(self.below(x) * self.gate(x))


def beside(self: Built, x: torch.Tensor) -> torch.Tensor:
    return self.below(x) + self.gate(x)


@pytest.mark.parametrize(("function", "width"), [(bent, 2), (beside, 2)])
def test_what_is_no_chain_of_linear_layers(function: Callable[..., Any], width: int) -> None:
    """A product of two layers bends; two layers side by side are one on purpose."""
    torch.manual_seed(0)
    model = Built(
        function,
        below=nn.Linear(2, width),
        gate=nn.Linear(2, width),
        above=nn.Linear(width, 2),
    )
    kinds = judged(model, adam(model), on(model, functional.cross_entropy, crossed), 200)
    assert kinds.primary.kind != "linear"


class Attention(nn.Module):
    """One head over ten inputs, whose scores are multiplied."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.q, self.k, self.v, self.head = (nn.Linear(16, n) for n in (16, 16, 16, 2))
        self._factor = factor

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        scores = self._factor * self.q(x) @ self.k(x).transpose(1, 2)
        return self.head((scores.softmax(-1) @ self.v(x)).mean(1))


@pytest.mark.parametrize(("factor", "sure"), [(0.25, False), (100.0, True)])
def test_scores_that_are_too_large_from_the_start(factor: float, sure: bool) -> None:
    def noise() -> tuple[torch.Tensor, torch.Tensor]:
        return torch.randn(64, 10, 16), torch.randint(0, 2, (64,))

    torch.manual_seed(0)
    model = Attention(factor)
    diagnosis = judged(model, sgd(model, 1e-2), on(model, functional.cross_entropy, noise), 160)
    said = any("√d" in r.text for f in diagnosis.findings for r in f.remedies)
    assert said == sure, diagnosis


# ------------------------------------------------------------------ the optimizer's options


def test_an_optimizer_that_climbs() -> None:
    model = net()
    up = torch.optim.SGD(model.parameters(), lr=0.01, maximize=True)
    diagnosis = judged(model, up, on(model, functional.cross_entropy))
    assert diagnosis.primary.kind == "unbounded loss"
    assert first(diagnosis)[1].startswith("Leave out maximize=True")
    model = net()
    up = torch.optim.SGD(model.parameters(), lr=0.05, maximize=True)
    turned = on(model, lambda out, y: -functional.cross_entropy(out, y))
    assert judged(model, up, turned).healthy


def test_an_eps_that_outweighs_the_gradient() -> None:
    model = net()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, eps=1e3)
    diagnosis = judged(model, optimizer, on(model, functional.cross_entropy))
    assert diagnosis.primary.kind == "update too small"
    assert diagnosis.primary.remedies[0].action == "eps"


def test_outputs_of_which_a_sigmoid_is_sure() -> None:
    def loss(out: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return functional.binary_cross_entropy(out.sigmoid(), (y > 0).float())

    model = net(out=1)
    nn.init.constant_(model[-1].bias, -150.0)
    diagnosis = judged(model, adam(model, 1e-4), on(model, loss, numbers), 60)
    assert first(diagnosis)[1].startswith("Give logits")


def test_a_generator_alone_under_a_sure_discriminator() -> None:
    """Its loss, log(1 − D), comes up to 0 from below: that is its upper end, and flat."""
    torch.manual_seed(0)
    generator, judge = net(out=2), nn.Sequential(nn.Linear(2, 64), nn.ReLU(), nn.Linear(64, 1))
    own, other = adam(generator, 1e-4), adam(judge, 0.1)

    def step() -> torch.Tensor:
        false = generator(torch.randn(64, 16))
        said = judge(torch.cat([torch.randn(64, 2) + 5, false.detach()]))
        truth = torch.cat([torch.ones(64, 1), torch.zeros(64, 1)])
        other.zero_grad()
        functional.binary_cross_entropy_with_logits(said, truth).backward()
        other.step()
        return torch.log(1 - judge(false).sigmoid() + 1e-8).mean()

    diagnosis = judged(generator, own, step, 300)
    assert diagnosis.primary.kind == "update too small"
    assert "log D(G(z))" in first(diagnosis)[1]


def test_labels_of_0_and_1_under_a_hinge() -> None:
    """The gradient ends when all outputs are beyond the margin; it began with a slope."""

    def hinge(out: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return torch.relu(1 - (y > 0).float() * out).mean()

    model = net(out=1)
    diagnosis = judged(model, adam(model, 3e-2), on(model, hinge, numbers))
    assert diagnosis.primary.kind == "update too small"
    assert first(diagnosis)[1].startswith("Give logits")


def test_logits_that_are_divided_by_a_large_number() -> None:
    torch.manual_seed(0)
    model = Built(lambda self, x: self.layers(x) / 1e4, layers=net())
    diagnosis = judged(model, adam(model, 1e-3), on(model, functional.cross_entropy))
    assert diagnosis.primary.kind == "scale"
    assert diagnosis.primary.remedies[0].action == "scale outputs"


@pytest.mark.parametrize("radius", [1.3, 2.0])
def test_a_recurrent_gradient_that_grows_along_a_straight_line(radius: float) -> None:
    """So many times a lag, from the newest to the oldest, as the chain rule has it."""
    torch.manual_seed(0)
    model = Recurrent(axis=1, batch_first=True)
    model.rnn = nn.RNN(2, 16, nonlinearity="relu", batch_first=True)
    with torch.no_grad():
        model.rnn.weight_hh_l0.copy_(radius * torch.eye(16))
        model.rnn.weight_ih_l0.abs_()
    with gc.probe(model) as record:
        x, y = torch.rand(64, 60, 2), torch.randint(0, 2, (64,))
        functional.cross_entropy(model(x), y).backward()
    finding = gc.diagnose(record).primary
    assert finding.kind == "exploding"
    assert finding.layers == ("rnn",)
    assert 1.2 < finding.evidence["factor per lag"] <= radius


@pytest.mark.parametrize("step", [0, -1])
def test_an_output_that_is_read_at_the_first_step(step: int) -> None:
    """Which class it is, the sum over all steps says; the state at the first knows but one."""

    class First(Recurrent):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.head(self.rnn(x)[0][:, step])

    torch.manual_seed(0)
    model = First(axis=1, batch_first=True)
    diagnosis = looped(model, adam(model, 1e-3), data=sequences, steps=320)
    assert (diagnosis.primary.kind == "cut off") == (step == 0), diagnosis
    if step == 0:
        assert "the first one alone" in diagnosis.primary.summary


def test_a_net_of_which_only_the_biases_train() -> None:
    model = net()
    for name, parameter in model.named_parameters():
        parameter.requires_grad_("bias" in name)
    biases = [p for p in model.parameters() if p.requires_grad]
    diagnosis = looped(model, torch.optim.SGD(biases, lr=0.01))
    assert diagnosis.primary.kind == "cut off"
    assert diagnosis.primary.remedies[0].action == "unfreeze"


def test_clipping_by_value_is_not_taken_for_one_by_norm() -> None:
    """If the limit is so low that nearly all entries lie at it, the norm is the same each time."""
    model = net()

    def cut() -> None:
        nn.utils.clip_grad_value_(model.parameters(), 1e-8)

    diagnosis = looped(model, sgd(model, 0.1), before=cut)
    assert diagnosis.primary.kind == "update too small"
    assert "clip_grad_value_" in first(diagnosis)[1]


def test_a_penalty_of_absolute_values_that_takes_the_weights_away() -> None:
    model = net()

    def step() -> torch.Tensor:
        x, y = rows()
        penalty = sum(p.abs().sum() for p in model.parameters())
        return functional.cross_entropy(model(x), y) + 0.3 * penalty

    diagnosis = judged(model, adam(model, 3e-2), step)
    assert "penalty on the weights" in first(diagnosis)[1], diagnosis


# ------------------------------------------------------------------ thawed, erased, not yet fallen


@pytest.mark.parametrize("given", [False, True])
def test_a_part_that_is_thawed_and_not_given_to_the_optimizer(given: bool) -> None:
    """A frozen body of zeros tells the head nothing."""
    model = net()
    nn.init.zeros_(model[0].weight)
    body = list(model[0].parameters())
    for parameter in body:
        parameter.requires_grad_(False)
    optimizer = adam(nn.ModuleList(model[1:]), 1e-2)
    steps = iter(range(200))

    def thaw() -> None:
        if next(steps) == 10:
            for parameter in body:
                parameter.requires_grad_()
            if given:
                optimizer.add_param_group({"params": body})

    diagnosis = looped(model, optimizer, after=thaw)
    if given:
        assert diagnosis.healthy, diagnosis
    else:
        assert "0.weight, 0.bias: they get a gradient, but" in diagnosis.primary.summary
        assert first(diagnosis)[1].startswith("Give the optimizer all")


def in_parts(clear: str, learnable: bool = True) -> Diagnosis:
    """Four backward passes to an update, each of one class; the gradients are cleared "once", or
    before "every" pass."""
    torch.manual_seed(0)
    model = net()
    optimizer = adam(model)
    with gc.probe(model, optimizer) as record:
        for _ in range(120):
            x, y = rows() if learnable else shuffled()
            total = 0.0
            if clear == "once":
                optimizer.zero_grad()
            for kind in range(4):
                if clear == "every":
                    optimizer.zero_grad()
                loss = functional.cross_entropy(model(x[y == kind]), y[y == kind]) / 4
                loss.backward()
                total += loss.item()
            optimizer.step()
            record.log(total)
    return gc.diagnose(record)


def test_gradients_that_are_erased_before_the_update() -> None:
    diagnosis = in_parts("every")
    assert diagnosis.primary.kind == "cut off"
    assert "There are 4 backward passes to an update" in diagnosis.primary.summary
    assert first(diagnosis)[1].startswith("Clear the gradients once for each update")


def test_gradients_that_add_up_to_an_update() -> None:
    assert in_parts("once").healthy
    assert in_parts("once", learnable=False).primary.kind == "not learning"


def test_an_update_that_is_made_of_a_second_pass_at_other_weights() -> None:
    """Sharpness-aware minimization clears the gradients in between (Foret et al. 2021)."""
    torch.manual_seed(0)
    model = net()
    optimizer = adam(model)
    with gc.probe(model, optimizer) as record:
        for _ in range(120):
            x, y = rows()
            loss = functional.cross_entropy(model(x), y)
            loss.backward()
            with torch.no_grad():
                steps = [0.01 * p.grad.sign() for p in model.parameters()]
                for parameter, step in zip(model.parameters(), steps, strict=True):
                    parameter.add_(step)
            optimizer.zero_grad()
            functional.cross_entropy(model(x), y).backward()
            with torch.no_grad():
                for parameter, step in zip(model.parameters(), steps, strict=True):
                    parameter.sub_(step)
            optimizer.step()
            optimizer.zero_grad()
            record.log(loss)
    diagnosis = gc.diagnose(record)
    assert diagnosis.healthy, diagnosis
    assert record.facts.erased == record.facts.erasing_looked > 2


@pytest.mark.parametrize("learnable", [False, True])
def test_a_net_in_time_that_has_not_fallen_yet(learnable: bool) -> None:
    torch.manual_seed(0)

    def drawn() -> tuple[torch.Tensor, torch.Tensor]:
        x = torch.randn(64, 12, 2)
        y = (x.sum((1, 2)) > 0).long()
        return x, y if learnable else y[torch.randperm(len(y))]

    model = Recurrent(axis=1, batch_first=True)
    diagnosis = looped(model, adam(model, 1e-2), data=drawn, steps=150)
    assert diagnosis.healthy, diagnosis
    notes = [note for note in diagnosis.not_judged if "has not fallen in 150 steps" in note]
    assert len(notes) == (not learnable)


# ------------------------------------------------------------------ what is advised


def actions() -> Iterator[str]:
    """Every action that the source of the diagnosis gives a remedy."""
    for path in (Path(gc.__file__).parent / "diagnosis").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("Remedy"):
                named = [word.value for word in node.keywords if word.arg == "action"]
                for given in [*node.args[2:3], *named]:
                    if isinstance(given, ast.Constant):
                        yield given.value


def test_every_action_that_is_advised_can_be_carried_out() -> None:
    """A remedy without an action has none on purpose; one that nobody can carry out is a slip."""
    names = set(actions())
    assert len(names) > 50
    assert not {n for n in names if carry_out(Remedy("", "01", n, 1.0), Setup()) is None}
