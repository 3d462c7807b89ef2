"""Targets, states and derivatives that a loss reads, and what they leave out."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import gradcourse as gc


def trained(model, step, *, steps=150, rate=3e-3, optimizer=torch.optim.Adam, **options):
    """The diagnosis of a short run; ``step`` gives the loss."""
    updates = optimizer(model.parameters(), rate, **options)
    with gc.probe(model, updates) as record:
        for _ in range(steps):
            updates.zero_grad()
            loss = step(model)
            loss.backward()
            updates.step()
            record.log(loss)
    return gc.diagnose(record)


def regression(code=None, share=0.02):
    """A regression, of whose targets some may be a code for a missing value."""
    x = torch.randn(1024, 8)
    y = x[:, :1] - x[:, 1:2]
    if code is not None:
        y[:: round(1 / share)] = code

    def step(model):
        rows = torch.randint(0, len(x), (64,))
        return F.mse_loss(model(x[rows]), y[rows])

    return nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 1)), step


@pytest.mark.parametrize("code", [9999.0, -1e6])
def test_codes_among_the_targets_are_named_where_they_make_up_the_error(code):
    torch.manual_seed(0)
    found = trained(*regression(code))
    assert found.primary.kind == "scale"
    assert found.primary.remedies[0].action == "leave out rows"
    assert found.primary.evidence["the furthest"] == pytest.approx(code, rel=1e-3)
    assert found.primary.evidence["share of the error from these targets"] > 0.95


def test_the_same_regression_without_them_is_healthy():
    torch.manual_seed(0)
    assert trained(*regression()).primary.kind == "healthy"


def test_rare_targets_far_out_that_the_net_learns_are_no_fault():
    """As the return of a game that ends badly: told by the input."""
    torch.manual_seed(0)
    x = torch.randn(1024, 8)
    ends = x[:, :1] > 1.5
    x[:, 1:2] += 4.0 * ends
    y = torch.where(ends, -100.0, 0.02 * x[:, 2:3])
    model = nn.Sequential(nn.Linear(8, 64), nn.ReLU(), nn.Linear(64, 1))

    def step(model):
        rows = torch.randint(0, len(x), (64,))
        return F.mse_loss(model(x[rows]), y[rows])

    found = trained(model, step, steps=400, rate=1e-2)
    assert all(finding.kind == "healthy" for finding in found.findings)


def test_columns_of_targets_are_not_compared_with_each_other():
    torch.manual_seed(0)
    x = torch.randn(1024, 8)
    y = torch.stack([x[:, 0], 1e4 * x[:, 1]], 1)
    model = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 2))
    updates = torch.optim.Adam(model.parameters(), 3e-3)
    with gc.probe(model, updates) as record:
        for _ in range(20):
            updates.zero_grad()
            loss = F.mse_loss(model(x[:64]), y[:64])
            loss.backward()
            updates.step()
            record.log(loss)
    heads = record.facts.heads
    assert heads
    assert all(head.loss == "squared error" and head.outlying == 0 for head in heads)


def decay(with_graph):
    """u' + u = 0 with u(0) = 1, by its residual."""

    def step(model):
        t = (2 * torch.rand(64, 1)).requires_grad_()
        u = model(t)
        (slope,) = torch.autograd.grad(u.sum(), t, create_graph=with_graph, retain_graph=True)
        residual = slope + (u if with_graph else u.detach())
        return residual.square().mean() + (model(torch.zeros(1, 1)) - 1).square().mean()

    return step


@pytest.mark.parametrize("with_graph", [False, True])
def test_derivatives_without_a_graph_are_named(with_graph):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(1, 32), nn.Tanh(), nn.Linear(32, 1))
    found = trained(model, decay(with_graph), steps=300, rate=5e-3)
    if with_graph:
        assert found.primary.kind == "healthy"
    else:
        assert found.primary.kind == "cut off"
        assert found.primary.remedies[0].action == "create the graph"


def test_inputs_that_are_made_worse_on_purpose_need_no_graph():
    """Adversarial training: a derivative at every step, taken as a number."""
    torch.manual_seed(0)
    x = torch.randn(512, 8)
    y = (x[:, 0] * x[:, 1] > 0).long()
    model = nn.Sequential(nn.Linear(8, 64), nn.ReLU(), nn.Linear(64, 2))

    def step(model):
        rows = torch.randint(0, len(x), (64,))
        near = x[rows].clone().requires_grad_()
        (slope,) = torch.autograd.grad(F.cross_entropy(model(near), y[rows]), near)
        return F.cross_entropy(model(x[rows] + 0.05 * slope.sign()), y[rows])

    found = trained(model, step, steps=300, rate=5e-3)
    assert all(finding.kind == "healthy" for finding in found.findings)


def test_the_log_of_a_product_that_is_0_is_told_to_be_a_sum():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Embedding(10, 16), nn.Linear(16, 10), nn.Softmax(-1))

    def step(model):
        x = torch.randint(0, 10, (16, 80))
        y = (x + 3) % 10
        chosen = model(x).gather(2, y[..., None])[..., 0]
        return -(chosen.prod(1) + 1e-30).log().mean()

    found = trained(model, step, steps=60)
    assert found.primary.kind == "update too small"
    assert found.primary.remedies[0].text.startswith("Add logarithms")


class Ends(nn.Module):
    """Both directions, read where ``ends`` says."""

    def __init__(self, ends):
        super().__init__()
        self.ends = ends
        self.rnn = nn.GRU(6, 16, bidirectional=True, batch_first=True)
        self.out = nn.Linear(32, 3)

    def forward(self, x):
        h, last = self.rnn(x)
        if self.ends == "h_n":
            return self.out(torch.cat([last[0], last[1]], 1))
        if self.ends == "last":
            return self.out(h[:, -1])
        return self.out(torch.cat([h[:, 0, :16], h[:, -1, 16:]], 1))


def marked(at):
    """Rows of noise whose class is marked at a step in the middle."""

    def step(model):
        y = torch.randint(0, 3, (64,))
        x = 0.5 * torch.randn(64, 12, 6)
        x[torch.arange(64), at, y] += 4
        return F.cross_entropy(model(x), y)

    return step


def test_directions_that_are_read_where_they_begin_are_named():
    torch.manual_seed(0)
    found = trained(Ends("begin"), marked(5), steps=310)
    assert found.primary.kind == "cut off"
    assert found.primary.remedies[0].action == "read the ends"
    assert "rnn.weight_hh_l0_reverse" in found.primary.summary


def test_a_backward_half_that_is_read_at_its_first_step_is_noted():
    torch.manual_seed(0)
    found = trained(Ends("last"), marked(5), steps=310)
    assert found.primary.kind == "healthy"
    (note,) = [note for note in found.not_judged if "weight_hh" in note]
    assert note.startswith("rnn.weight_hh_l0_reverse:")
    assert "first step" in note


def test_directions_that_are_read_at_their_ends_are_healthy():
    torch.manual_seed(0)
    found = trained(Ends("h_n"), marked(5), steps=310)
    assert found.primary.kind == "healthy"
    assert not any("weight_hh" in note for note in found.not_judged)


class OneStep(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn = nn.GRU(6, 16, batch_first=True)
        self.out = nn.Linear(16, 2)

    def forward(self, x):
        return self.out(self.rnn(x[:, None])[0][:, -1])


def test_sequences_of_a_single_step_are_named_where_the_loss_stays():
    torch.manual_seed(0)

    def step(model):
        return F.cross_entropy(model(torch.randn(64, 6)), torch.randint(0, 2, (64,)))

    found = trained(OneStep(), step, steps=400)
    assert found.primary.kind == "cut off"
    assert "a single step" in found.primary.remedies[0].text


@pytest.mark.parametrize("momentum", [0.0, 0.1])
def test_statistics_that_never_change_are_noted(momentum):
    torch.manual_seed(0)
    x = 5 + torch.randn(256, 8)
    y = (x[:, 0] > 5).long()
    model = nn.Sequential(
        nn.Linear(8, 16), nn.BatchNorm1d(16, momentum=momentum), nn.ReLU(), nn.Linear(16, 2)
    )
    found = trained(model, lambda model: F.cross_entropy(model(x), y), steps=120)
    notes = [note for note in found.not_judged if "momentum=0" in note]
    assert found.primary.kind == "healthy"
    assert [note.split(":")[0] for note in notes] == (["1"] if momentum == 0 else [])


def test_norms_that_only_evaluate_keep_their_statistics_as_they_should():
    torch.manual_seed(0)
    x = torch.randn(256, 8)
    y = (x[:, 0] > 0).long()
    model = nn.Sequential(
        nn.Linear(8, 16), nn.BatchNorm1d(16, momentum=0.0), nn.ReLU(), nn.Linear(16, 2)
    )
    model[1].eval()
    found = trained(model, lambda model: F.cross_entropy(model(x), y), steps=120)
    assert not any("momentum=0" in note for note in found.not_judged)


def test_units_that_are_flat_for_all_inputs_are_named_though_the_biases_learn():
    torch.manual_seed(0)
    x = gc.digits().x_train.float()
    x = (x > x.mean()).float()
    model = nn.Sequential(
        nn.Linear(64, 32), nn.Sigmoid(), nn.Linear(32, 32), nn.Sigmoid(), nn.Linear(32, 64)
    )

    def step(model):
        rows = x[torch.randint(0, len(x), (64,))]
        return F.binary_cross_entropy_with_logits(model(rows), rows)

    found = trained(model, step, steps=250, rate=30.0, optimizer=torch.optim.SGD, momentum=0.99)
    assert found.primary.kind == "saturated"
    assert found.primary.remedies[0].action == "rate"


class TwoHeads(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(12, 16), nn.ReLU())
        self.label, self.mass = nn.Linear(16, 4), nn.Linear(16, 1)

    def forward(self, x):
        h = self.body(x)
        return self.label(h), self.mass(h).squeeze(1)


def two_terms(unit):
    """A class, and a mass of which the standard deviation is ``unit``."""
    x = torch.randn(1024, 12)
    label, mass = x[:, :4].argmax(1), unit * (x[:, 5] + x[:, 6])

    def step(model):
        rows = torch.randint(0, len(x), (64,))
        out, weight = model(x[rows])
        return F.cross_entropy(out, label[rows]) + F.mse_loss(weight, mass[rows])

    return step


def test_a_term_that_is_next_to_nothing_of_the_loss_is_named():
    torch.manual_seed(0)
    found = trained(TwoHeads(), two_terms(1e3), steps=250, rate=1e-7, optimizer=torch.optim.SGD)
    assert found.primary.kind == "scale"
    assert found.primary.remedies[0].action == "balance the terms"
    assert found.primary.evidence["share of the loss"] < 1e-5


def test_it_is_noted_where_the_loss_falls_by_the_other_term():
    torch.manual_seed(0)
    found = trained(TwoHeads(), two_terms(1e3), steps=400, rate=0.1)
    assert found.primary.kind == "healthy"
    assert any("other terms all the rest" in note for note in found.not_judged)


def test_terms_of_one_size_are_healthy():
    torch.manual_seed(0)
    found = trained(TwoHeads(), two_terms(1.0), steps=250)
    assert found.primary.kind == "healthy"
    assert not any("terms" in note for note in found.not_judged)


@pytest.mark.parametrize("seed", range(3))
def test_a_loss_that_comes_down_to_exactly_0_is_no_standstill(seed):
    torch.manual_seed(seed)
    judge = nn.Linear(2, 1).requires_grad_(False)
    judge.weight.fill_(10.0)
    judge.bias.fill_(-60.0)
    model = nn.Sequential(nn.Linear(4, 32), nn.ReLU(), nn.Linear(32, 2), judge, nn.Sigmoid())
    updates = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], 1e-2)
    with gc.probe(model, updates) as record:
        for _ in range(400):
            updates.zero_grad()
            loss = -model(torch.randn(64, 4)).log().mean()
            loss.backward()
            updates.step()
            record.log(loss)
    assert loss.item() == 0
    assert gc.diagnose(record).primary.kind == "healthy"


def test_maps_with_a_few_bright_places_hold_no_codes():
    torch.manual_seed(0)
    at = torch.arange(16.0)
    middle = torch.randint(2, 14, (256, 2)).float()
    far = (at[:, None] - middle[:, 0, None, None]) ** 2 + (at - middle[:, 1, None, None]) ** 2
    maps = (-far / 2).exp()[:, None]  # (n, 1, 16, 16)
    model = nn.Conv2d(1, 1, 3, padding=1)
    updates = torch.optim.Adam(model.parameters(), 1e-3)
    with gc.probe(model, updates) as record:
        for _ in range(60):
            rows = torch.randint(0, 256, (32,))
            updates.zero_grad()
            loss = F.mse_loss(model(torch.randn(32, 1, 16, 16)), maps[rows])
            loss.backward()
            updates.step()
            record.log(loss)
    assert all(head.loss == "squared error" for head in record.facts.heads)
    assert all(head.outlying == 0 for head in record.facts.heads)


def test_outputs_that_are_one_number_are_named_though_the_bias_learns():
    torch.manual_seed(0)
    x = torch.randn(512, 8)
    y = 5 + x[:, :1]
    model = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 1), nn.LayerNorm(1))

    def step(model):
        rows = torch.randint(0, 512, (64,))
        return F.mse_loss(model(x[rows]), y[rows])

    found = trained(model, step, steps=300, rate=3e-2)
    assert found.primary.kind == "collapsed"
    assert found.primary.remedies[0].action == "normalize over more"


class Plain(nn.Module):
    """A norm in front of a ReLU, whose weights begin at ``gain``."""

    def __init__(self, gain):
        super().__init__()
        self.first, self.norm = nn.Linear(8, 32), nn.BatchNorm1d(32)
        self.last = nn.Linear(32, 2)
        nn.init.constant_(self.norm.weight, gain)

    def forward(self, x):
        return self.last(F.relu(self.norm(self.first(x))))


def rows_of_two_classes():
    x = torch.randn(512, 8)
    y = (x[:, 0] * x[:, 1] > 0).long()

    def step(model):
        rows = torch.randint(0, 512, (64,))
        return F.cross_entropy(model(x[rows]), y[rows])

    return step


def test_norms_that_begin_at_0_are_named():
    torch.manual_seed(0)
    found = trained(Plain(0.0), rows_of_two_classes(), steps=200)
    assert found.primary.kind == "dead"
    assert found.primary.remedies[0].text.startswith("Start the weights of norm, which are 0, at 1")


def test_norms_that_begin_at_1_are_healthy():
    torch.manual_seed(0)
    assert trained(Plain(1.0), rows_of_two_classes(), steps=200).primary.kind == "healthy"


def test_batches_of_one_row_are_named_where_the_loss_stays():
    torch.manual_seed(0)
    kept = torch.zeros(4)

    def step(model):
        kept.normal_()  # the store keeps this one array, 64 times
        x = torch.stack([kept] * 64)
        return F.cross_entropy(model(x), torch.randint(0, 2, (64,)))

    model = nn.Sequential(nn.Linear(4, 16), nn.Tanh(), nn.Linear(16, 2))
    found = trained(model, step, steps=200)
    assert found.primary.kind == "cut off"
    assert found.primary.remedies[0].text.startswith("Look at how the batch is put together")


def test_one_target_and_rates_far_apart_are_noted():
    torch.manual_seed(0)
    x = torch.randn(512, 8)
    model = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 1))
    groups = [{"params": model[0].parameters(), "lr": 1e-8}, {"params": model[2].parameters()}]
    updates = torch.optim.Adam(groups, 3e-3)
    with gc.probe(model, updates) as record:
        for _ in range(150):
            rows = torch.randint(0, 512, (64,))
            updates.zero_grad()
            loss = F.mse_loss(model(x[rows]), x[rows, :1].clamp(-0.9, 0.9).long().float())
            loss.backward()
            updates.step()
            record.log(loss)
    notes = " ".join(gc.diagnose(record).not_judged)
    assert "every target of every batch that was looked at is the same, " in notes
    assert "rates from 1e-08 to 0.003" in notes


def test_a_large_eps_is_noted():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 2))
    found = trained(model, rows_of_two_classes(), steps=60, rate=1.0, eps=1.0)
    assert any("Adam has eps=1" in note for note in found.not_judged) or not found.healthy


def test_a_loss_that_grows_is_not_called_still_the_same():
    torch.manual_seed(0)
    x, y = torch.randn(256, 8), torch.randint(0, 2, (256,))
    model = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 2))
    weight = iter(range(1, 1000))
    found = trained(model, lambda m: next(weight) * F.cross_entropy(m(x), y), steps=120, rate=1e-4)
    assert "is still" not in found.primary.summary


def test_a_packed_sequence_is_no_input_out_of_scale():
    torch.manual_seed(0)

    class Late(nn.Module):
        """A packed GRU, read at its end, whatever the lengths are."""

        def __init__(self):
            super().__init__()
            self.rnn, self.out = nn.GRU(4, 16, batch_first=True), nn.Linear(16, 2)

        def forward(self, x, lengths):
            packed = nn.utils.rnn.pack_padded_sequence(
                x, lengths, batch_first=True, enforce_sorted=False
            )
            h, _ = nn.utils.rnn.pad_packed_sequence(self.rnn(packed)[0], batch_first=True)
            return self.out(h[:, -1])

    def step(model):
        lengths = torch.randint(2, 30, (64,))
        lengths[0] = 40
        y = torch.randint(0, 2, (64,))
        x = torch.randn(64, 40, 4) + (2.0 * y - 1)[:, None, None]
        return F.cross_entropy(model(x, lengths), y)

    found = trained(Late(), step, steps=310)
    assert found.primary.kind != "scale"
