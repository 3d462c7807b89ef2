"""Axes that are taken for others: rows that mix, classes that are read across; sound twins."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from test_loops import looped
from test_variants import Built, adam, first, judged, net, on
from torch import nn
from torch.nn import functional

from gradcourse.diagnosis import Diagnosis

Merge = Callable[[torch.Tensor], torch.Tensor]


def signs() -> tuple[torch.Tensor, torch.Tensor]:
    """Sequences that have their class in their sum."""
    x = torch.randn(64, 12, 2)
    return x, (x.sum((1, 2)) > 0).long()


class Both(nn.Module):
    """A GRU in both directions, whose last states, (2, rows, 16), are laid side by side."""

    def __init__(self, merge: Merge) -> None:
        super().__init__()
        self.rnn = nn.GRU(2, 16, batch_first=True, bidirectional=True)
        self.head, self._merge = nn.Linear(32, 2), merge

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self._merge(self.rnn(x)[1]))


def test_a_view_that_mixes_the_rows() -> None:
    torch.manual_seed(0)
    model = Both(lambda states: states.view(states.shape[1], -1))
    diagnosis = looped(model, adam(model, 3e-3), data=signs)
    assert diagnosis.primary.kind == "cut off"
    assert "(2, 64, 16) to (64, 32)" in diagnosis.primary.summary
    assert first(diagnosis)[1].startswith("Turn the axes")


def test_a_view_that_mixes_the_rows_of_a_net_that_has_just_begun() -> None:
    torch.manual_seed(0)
    model = Both(lambda states: states.view(states.shape[1], -1))
    diagnosis = looped(model, adam(model, 3e-3), data=signs, steps=10)
    assert diagnosis.healthy
    assert any("all over the batch" in note for note in diagnosis.not_judged)


@pytest.mark.parametrize(
    "merge",
    [
        lambda states: states.transpose(0, 1).reshape(states.shape[1], -1),
        lambda states: torch.cat([states[0], states[1]], 1),
        lambda states: states.permute(1, 0, 2).contiguous().view(-1, 32),
    ],
)
def test_axes_that_are_turned_first(merge: Merge) -> None:
    torch.manual_seed(0)
    model = Both(merge)
    diagnosis = looped(model, adam(model, 3e-3), data=signs)
    assert diagnosis.healthy, diagnosis
    assert not any("all over the batch" in note for note in diagnosis.not_judged)


def images() -> tuple[torch.Tensor, torch.Tensor]:
    """Smooth pictures, and one of three classes for each place."""
    x = 2 * functional.avg_pool2d(torch.randn(20, 1, 12, 12), 3, 1, 1)
    return x, (x[:, 0] > -0.4).long() + (x[:, 0] > 0.4).long()


def painted(loss: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]) -> Diagnosis:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.Conv2d(16, 3, 1))
    return judged(model, adam(model, 1e-2), on(model, loss, images), 80)


def test_classes_that_are_read_across_the_axes() -> None:
    diagnosis = painted(lambda out, y: functional.cross_entropy(out.reshape(-1, 3), y.reshape(-1)))
    assert first(diagnosis)[0] == "head"
    assert first(diagnosis)[1].startswith("Turn the axes, do not reshape")


@pytest.mark.parametrize(
    "loss",
    [
        functional.cross_entropy,
        lambda out, y: functional.cross_entropy(
            out.permute(0, 2, 3, 1).reshape(-1, 3), y.reshape(-1)
        ),
    ],
)
def test_classes_that_are_read_as_they_are(loss) -> None:
    assert painted(loss).healthy


def words() -> tuple[torch.Tensor, torch.Tensor]:
    x = torch.randint(0, 7, (32, 10))
    return x, (x + 1) % 7


def spoken(loss: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]) -> Diagnosis:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Embedding(7, 16), nn.ReLU(), nn.Linear(16, 7))
    return judged(model, adam(model, 1e-2), on(model, loss, words), 80)


def test_a_sequence_of_classes_that_is_reshaped_to_classes_first() -> None:
    diagnosis = spoken(lambda out, y: functional.cross_entropy(out.reshape(32, 7, 10), y))
    assert first(diagnosis)[0] == "head"
    assert first(diagnosis)[1].startswith("Turn the axes, do not reshape")


@pytest.mark.parametrize(
    "loss",
    [
        lambda out, y: functional.cross_entropy(out.transpose(1, 2), y),
        lambda out, y: functional.cross_entropy(out.reshape(-1, 7), y.reshape(-1)),
    ],
)
def test_a_sequence_of_classes_as_it_is(loss) -> None:
    assert spoken(loss).healthy


# ------------------------------------------------------------------ one output of each row


def actions() -> tuple[torch.Tensor, torch.Tensor]:
    """States; an action that was taken in each, and what it brought."""
    x = torch.randn(64, 16)
    taken = torch.randint(0, 4, (64, 1))
    return x, torch.cat([taken, x[:, :4].gather(1, taken)], 1)


@pytest.mark.parametrize("loss", [functional.mse_loss, functional.smooth_l1_loss])
@pytest.mark.parametrize("flat", [True, False])
@pytest.mark.filterwarnings("ignore:Using a target size")
def test_the_value_of_the_action_that_was_taken(loss, flat: bool) -> None:
    """(N, 1) after gather, against (N,)."""
    model = net()

    def distance(out: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        chosen = out.gather(1, y[:, :1].long())  # (n, 1)
        return loss(chosen, y[:, 1] if flat else y[:, 1:])

    diagnosis = judged(model, adam(model, 1e-2), on(model, distance, actions), 150)
    if flat:
        assert first(diagnosis)[0] == "head"
        assert "N × N" in first(diagnosis)[1]
    else:
        assert diagnosis.healthy, diagnosis


def several() -> tuple[torch.Tensor, torch.Tensor]:
    x = torch.randn(64, 16)
    return x, torch.stack([x[:, 0] - x[:, 1], 2 * x[:, 2], -x[:, 3].abs() - 1], 1)


@pytest.mark.parametrize("loss", [functional.smooth_l1_loss, functional.huber_loss])
def test_a_relu_before_numbers_below_0_under_hubers_loss(loss) -> None:
    model = net(nn.ReLU(), out=3)
    diagnosis = judged(model, adam(model), on(model, loss, several))
    assert first(diagnosis)[0] == "head"
    assert first(diagnosis)[1].startswith("Take the ReLU off")
    model = net(out=3)
    assert judged(model, adam(model), on(model, loss, several)).healthy


def counts() -> tuple[torch.Tensor, torch.Tensor]:
    x, y = several()
    return x, y.abs()


def test_a_relu_before_numbers_above_0_under_hubers_loss() -> None:
    model = net(nn.ReLU(), out=3)
    diagnosis = judged(model, adam(model), on(model, functional.smooth_l1_loss, counts))
    assert diagnosis.primary.kind != "head"


# ------------------------------------------------------------------ a softmax over the rows


@pytest.mark.parametrize("dim", [0, 1])
def test_weights_that_are_shared_out_among_the_rows(dim: int) -> None:
    torch.manual_seed(0)

    def pooled(self: Built, x: torch.Tensor) -> torch.Tensor:
        weights = self.score(x)[..., 0].softmax(dim)  # (n, 12)
        return self.head((weights[..., None] * self.value(x)).sum(1))

    parts = {"score": nn.Linear(2, 1), "value": nn.Linear(2, 16), "head": nn.Linear(16, 2)}
    model = Built(pooled, **parts)
    diagnosis = looped(model, adam(model, 1e-2), data=signs)
    notes = [note for note in diagnosis.not_judged if "runs over the 64 rows" in note]
    assert len(notes) == (dim == 0)


# ------------------------------------------------------------------ the first axis: rows or time


def encoder(batch_first: bool) -> nn.Module:
    return nn.TransformerEncoderLayer(16, 2, 32, dropout=0.0, batch_first=batch_first)


@pytest.mark.parametrize("batch_first", [False, True])
def test_rows_that_attend_to_each_other(batch_first: bool) -> None:
    torch.manual_seed(0)

    def pooled(self: Built, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.encoder(self.embed(x)).mean(1))

    parts = {"embed": nn.Linear(2, 16), "encoder": encoder(batch_first), "head": nn.Linear(16, 2)}
    model = Built(pooled, **parts)
    diagnosis = looped(model, adam(model, 3e-3), data=signs)
    assert diagnosis.healthy, diagnosis
    notes = [note for note in diagnosis.not_judged if "encoder.self_attn takes its first" in note]
    assert len(notes) == (not batch_first)


@pytest.mark.parametrize("batch_first", [False, True])
def test_rows_that_attend_to_each_other_and_learn_nothing(batch_first: bool) -> None:
    """The class is that of the first token, and only attention brings it to the last."""
    torch.manual_seed(0)

    def last(self: Built, x: torch.Tensor) -> torch.Tensor:
        x = self.embed(x)  # (n, 8, 16)
        return self.head(x[:, -1] + self.attention(x, x, x)[0][:, -1])

    parts = {
        "embed": nn.Linear(3, 16),
        "attention": nn.MultiheadAttention(16, 2, batch_first=batch_first),
        "head": nn.Linear(16, 2),
    }

    def marked() -> tuple[torch.Tensor, torch.Tensor]:
        x = torch.zeros(64, 8, 3)
        x[:, 0, 2] = 1.0
        x[:, :, :2] = torch.randn(64, 8, 2)
        return x, (x[:, 0, 0] > 0).long()

    model = Built(last, **parts)
    diagnosis = looped(model, adam(model, 1e-2), data=marked)
    if batch_first:
        assert diagnosis.healthy, diagnosis
    else:
        assert diagnosis.primary.kind == "cut off"
        assert first(diagnosis)[1].startswith("Set batch_first=True")


class Speaker(nn.Module):
    """Time first, (12, 32), as torch's own layers want it: an output of 7 classes for each place.

    Its targets are drawn, so that no loss falls.
    """

    def __init__(self, core: nn.Module) -> None:
        super().__init__()
        self.embed, self.core, self.head = nn.Embedding(7, 16), core, nn.Linear(16, 7)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out = self.core(self.embed(x))
        return self.head(out if isinstance(out, torch.Tensor) else out[0])


@pytest.mark.parametrize("core", [lambda: nn.GRU(16, 16), lambda: encoder(batch_first=False)])
def test_time_first_is_no_fault(core: Callable[[], nn.Module]) -> None:
    torch.manual_seed(0)
    model = Speaker(core())

    def places(out: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return functional.cross_entropy(out.permute(1, 2, 0), y.T)

    def drawn() -> tuple[torch.Tensor, torch.Tensor]:
        return torch.randint(0, 7, (12, 32)), torch.randint(0, 7, (12, 32))

    diagnosis = judged(model, adam(model), on(model, places, drawn), 320)
    assert diagnosis.primary.kind == "not learning"
    assert "takes its first axis as time" in diagnosis.primary.summary
    diagnosis = judged(model, adam(model), on(model, places, lambda: drawn()[:1] * 2), 120)
    assert diagnosis.healthy
    assert not any("first axis" in note for note in diagnosis.not_judged)
