"""Weights whose gradient is exactly 0 throughout; outputs that are not normed by the row."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import gradcourse as gc


def trained(model, batch, loss_function, *, steps=60, rate=3e-3, optimizer=torch.optim.Adam):
    """The diagnosis of a short run."""
    updates = optimizer(model.parameters(), rate)
    with gc.probe(model, updates) as record:
        for _ in range(steps):
            x, y = batch()
            updates.zero_grad()
            loss = loss_function(model(x), y)
            loss.backward()
            updates.step()
            record.log(loss)
    return gc.diagnose(record)


class Rounded(nn.Linear):
    """A quantized layer without a way around the step."""

    def forward(self, x):
        return F.linear(x, (self.weight * 8).round() / 8, self.bias)


def test_a_step_in_every_weight_is_named_where_biases_alone_move():
    torch.manual_seed(0)
    model = nn.Sequential(Rounded(8, 32), nn.ReLU(), Rounded(32, 1))

    def batch():
        x = torch.randn(64, 8)
        return x, x[:, :1] * x[:, 1:2]

    found = trained(model, batch, F.mse_loss, steps=200)
    assert found.primary.kind == "cut off"
    assert "round has slope 0" in found.primary.summary
    assert found.primary.remedies[0].action == "straight through"


class Boxes(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(8, 32), nn.Tanh())
        self.label, self.box = nn.Linear(32, 2), nn.Linear(32, 4)

    def forward(self, x):
        h = self.body(x)
        return self.label(h), self.box(h)


def test_a_head_behind_a_step_is_noted_beside_one_that_learns():
    torch.manual_seed(0)

    def batch():
        x = torch.randn(64, 8)
        return x, (x[:, 0] > 0).long()

    def loss(out, y):
        return F.cross_entropy(out[0], y) + 0.1 * F.l1_loss(out[1].round(), torch.ones(64, 4))

    found = trained(Boxes(), batch, loss, steps=150)
    assert found.primary.kind == "healthy"
    assert any(note.startswith("box.weight: a gradient of exactly 0") for note in found.not_judged)


class LastState(nn.Module):
    """Reads each row at its length, as if it were padded behind."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(30, 16, padding_idx=0)
        self.rnn, self.head = nn.GRU(16, 32, batch_first=True), nn.Linear(32, 2)

    def forward(self, given):
        x, lengths = given
        states, _ = self.rnn(self.embed(x))
        return self.head(states[torch.arange(len(x)), lengths - 1])


def test_rows_that_are_padded_in_front_and_read_at_their_length():
    torch.manual_seed(0)

    def batch():
        lengths = torch.randint(4, 10, (64,))
        x = torch.randint(1, 30, (64, 24)) * (torch.arange(24) >= 24 - lengths[:, None])
        return (x, lengths), (x[:, -1] > 15).long()

    found = trained(LastState(), batch, F.cross_entropy, steps=310)
    assert (found.primary.kind, found.primary.layers[-1]) == ("cut off", "rnn.weight_ih_l0")
    assert "padding" in found.primary.remedies[0].text


class Matched(nn.Module):
    """Which of the rows of a second view belongs to which: a matrix normed by the net itself."""

    def __init__(self, norm):
        super().__init__()
        self.embed, self.norm = nn.Sequential(nn.Linear(6, 32), nn.ReLU(), nn.Linear(32, 16)), norm

    def forward(self, views):
        a, b = (F.normalize(self.embed(x), dim=1) for x in views)
        return self.norm(a @ b.T / 0.1)


NORMS = {
    "over the rows": lambda s: s.softmax(0),
    "over both": lambda s: s.softmax(0) * s.softmax(1),
    "over both, root": lambda s: (s.softmax(0) * s.softmax(1)).sqrt(),
}


@pytest.mark.parametrize("name", NORMS)
def test_a_net_that_matches_rows_is_sound(name):
    torch.manual_seed(0)

    def batch():
        x, order = torch.randn(32, 6), torch.randperm(32)
        return (x, x[order] + 0.05 * torch.randn(32, 6)), order

    def loss(chances, order):
        return -(chances[order, torch.arange(32)] + 1e-6).log().mean()

    found = trained(Matched(NORMS[name]), batch, loss, steps=100)
    assert found.primary.kind == "healthy"


def test_updates_of_next_to_nothing_under_a_loss_around_0():
    torch.manual_seed(0)
    policy = nn.Sequential(nn.Linear(6, 32), nn.Tanh(), nn.Linear(32, 4))

    def batch():
        x = torch.randn(64, 6)
        return x, x[:, :4].argmax(1)

    def loss(logits, best):
        drawn = torch.distributions.Categorical(logits=logits)
        action = drawn.sample()
        reward = 1e-5 * ((action == best).float() - 0.25)
        return -(drawn.log_prob(action) * reward).mean()

    found = trained(policy, batch, loss, steps=150, rate=0.1, optimizer=torch.optim.SGD)
    assert found.primary.kind == "update too small"


class Nothing(nn.Module):
    def forward(self, x):
        return 0 * x


def test_the_norm_is_not_blamed_where_it_is_over_many():
    torch.manual_seed(0)
    model = nn.Sequential(Nothing(), nn.Linear(8, 16), nn.LayerNorm(16), nn.Linear(16, 2))

    def batch():
        return torch.randn(64, 8), torch.randint(0, 2, (64,))

    found = trained(model, batch, F.cross_entropy, steps=80)
    assert found.primary.kind == "collapsed"
    assert "Normalize over more" not in found.primary.remedies[0].text


def test_a_log_variance_that_runs_away_beside_another_output():
    torch.manual_seed(0)

    class Coder(nn.Module):
        def __init__(self):
            super().__init__()
            self.code, self.back = nn.Linear(8, 8), nn.Linear(4, 8)

        def forward(self, x):
            mean, log_variance = self.code(x).chunk(2, 1)
            return self.back(torch.tanh(mean)), mean, log_variance

    def batch():
        x = torch.randn(64, 8)
        return x, x

    def loss(out, x):
        y, mean, log_variance = out
        divergence = 0.5 * (mean**2 + log_variance.exp() - log_variance - 1).sum(1).mean()
        return F.mse_loss(y, x) - divergence

    found = trained(Coder(), batch, loss, steps=200, rate=2e-2)
    assert found.primary.kind == "unbounded loss"


class Translator(nn.Module):
    """Reads the state of its encoder behind the padding."""

    def __init__(self):
        super().__init__()
        self.words = nn.Embedding(12, 32)
        self.encoder, self.head = nn.LSTM(32, 64, batch_first=True), nn.Linear(64, 12)

    def forward(self, x):
        _, (state, _) = self.encoder(self.words(x))
        return self.head(state[-1])


def test_a_state_that_is_read_behind_the_padding():
    torch.manual_seed(0)

    def batch():
        x = torch.randint(2, 12, (64, 60))
        x = x * (torch.arange(60) < torch.randint(2, 5, (64, 1)))
        return x, x[:, 0]

    found = trained(Translator(), batch, F.cross_entropy, steps=320, rate=4e-3)
    assert (found.primary.kind, found.primary.remedies[0].action) == (
        "vanishing",
        "read at the length",
    )


class Divided(nn.Module):
    """Divides its inputs by a standard deviation that was never measured."""

    def __init__(self, spread, bend):
        super().__init__()
        self.register_buffer("spread", torch.tensor(spread))
        self.net = nn.Sequential(nn.Linear(8, 32), bend, nn.Linear(32, 1))

    def forward(self, x):
        return self.net(x / self.spread)


@pytest.mark.parametrize("spread", [1e-6, 1e4])
def test_inputs_that_the_model_takes_out_of_scale_itself(spread):
    def batch():
        x = torch.randn(64, 8)
        return x, x[:, :1] * x[:, 1:2]

    for divisor, kind in ((spread, "scale"), (1.0, "healthy")):
        torch.manual_seed(0)
        found = trained(Divided(divisor, nn.Tanh()), batch, F.mse_loss, steps=300, rate=1e-2)
        assert found.primary.kind == kind, divisor


def test_a_net_out_of_scale_to_which_no_gradient_comes():
    """No layer is measured, though one was given something."""
    torch.manual_seed(0)
    model, other = Divided(1e-6, nn.Tanh()), nn.Linear(8, 1)
    optimizer = torch.optim.Adam([*model.parameters(), *other.parameters()], 1e-3)
    with gc.probe(model, optimizer) as record:
        for _ in range(40):
            x = torch.randn(64, 8)
            model(x)
            optimizer.zero_grad()
            loss = other(x).square().mean() + 1
            loss.backward()
            optimizer.step()
            record.log(loss)
    assert not record.layers
    assert gc.diagnose(record).primary.kind != "healthy"


def test_units_that_are_flat_from_the_start_while_the_loss_comes_down_to_a_guess():
    """Weights drawn between 0 and 1 under tanh: the last biases alone learn, and halve the loss."""
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Linear(20, 128), nn.Tanh(), nn.Linear(128, 128), nn.Tanh(), nn.Linear(128, 4)
    )
    for layer in model[::2]:
        nn.init.uniform_(layer.weight)
    classes = torch.randn(20, 4)

    def batch():
        x = torch.rand(64, 20)
        return x, ((x - 0.5) @ classes).argmax(1)

    found = trained(model, batch, F.cross_entropy, steps=200, rate=1e-3)
    assert found.primary.kind == "saturated", found
    assert found.primary.remedies[0].text.startswith("Draw smaller weights")
