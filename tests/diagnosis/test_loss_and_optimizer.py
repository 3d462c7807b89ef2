"""A loss that compares a net with itself, betas the wrong way round, weights in no optimizer."""

from __future__ import annotations

import copy

import pytest
import torch
from test_variants import adam, first, judged, net, on, rows
from torch import nn
from torch.nn import functional

# ------------------------------------------------------------------ one number at every step


def preference(policy: nn.Module, reference: nn.Module) -> torch.Tensor:
    """The loss of direct preference optimization, of one answer against another (Rafailov 2023)."""
    x, y = rows()
    other = (y + 1) % 4

    def gap(model: nn.Module) -> torch.Tensor:
        logits = model(x).log_softmax(1)
        return (logits.gather(1, y[:, None]) - logits.gather(1, other[:, None]))[:, 0]

    with torch.no_grad():
        kept = gap(reference)
    return -functional.logsigmoid(gap(policy) - kept).mean()


@pytest.mark.parametrize("copied", [False, True])
def test_a_reference_that_is_the_network_itself(copied: bool) -> None:
    model = net()
    reference = copy.deepcopy(model) if copied else model
    diagnosis = judged(model, adam(model, 1e-2), lambda: preference(model, reference), 60)
    assert diagnosis.healthy == copied, diagnosis
    if not copied:
        assert diagnosis.headline == "no gradient illness, and it does not learn"
        assert "The loss is 0.693147 at every step" in diagnosis.primary.summary
        assert "copy.deepcopy(model)" in first(diagnosis)[1]


@pytest.mark.parametrize("loss", ["divided by itself", "a ratio of policies"])
def test_a_loss_that_is_a_whole_number_by_its_making(loss: str) -> None:
    """Of these the value says nothing: the gradient is that of a loss which falls."""
    model = net()

    def step() -> torch.Tensor:
        x, y = rows()
        value = functional.cross_entropy(model(x), y)
        if loss == "divided by itself":
            return value / value.detach()
        logs = -functional.cross_entropy(model(x), y, reduction="none")
        return -((logs - logs.detach()).exp() - 1 + 0 * value).mean() + 2

    diagnosis = judged(model, adam(model, 1e-2), step, 80)
    assert "at every step, to six digits" not in diagnosis.primary.summary


def test_a_loss_that_stays_because_nothing_moves_is_another_matter() -> None:
    model = net()
    x, y = rows()
    diagnosis = judged(model, adam(model, 1e-12), lambda: functional.cross_entropy(model(x), y), 60)
    assert diagnosis.primary.kind == "update too small", diagnosis


# ------------------------------------------------------------------ betas


@pytest.mark.parametrize("betas", [(0.9999, 0.5), (0.9, 0.999), (0.9, 0.9), (0.5, 0.9)])
def test_betas_the_wrong_way_round(betas: tuple[float, float]) -> None:
    torch.manual_seed(0)
    hidden = [nn.Linear(16, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU()]
    model = nn.Sequential(*hidden, nn.Linear(32, 4))
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-2, betas=betas)
    diagnosis = judged(model, optimizer, on(model, functional.cross_entropy), 150)
    wrong = betas == (0.9999, 0.5)
    assert ("betas=" in diagnosis.primary.summary) == wrong, diagnosis
    if wrong:
        assert first(diagnosis)[0] == "update too large"
        assert first(diagnosis)[1].startswith("Set betas=(0.9, 0.999)")


def test_betas_of_a_net_that_learns_all_the_same_are_a_note() -> None:
    model = net()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, betas=(0.99, 0.8))
    diagnosis = judged(model, optimizer, on(model, functional.cross_entropy), 200)
    assert diagnosis.healthy, diagnosis
    assert sum("betas=(0.99, 0.8)" in note for note in diagnosis.not_judged) == 1


class Three(torch.optim.SGD):
    """An optimizer with three betas, the first of them the largest, as Adan has them."""

    def __init__(self, parameters: object, lr: float) -> None:
        super().__init__(parameters, lr=lr)  # type: ignore[arg-type]
        self.param_groups[0]["betas"] = (0.98, 0.5, 0.4)


def test_three_betas_mean_something_else() -> None:
    model = net()
    diagnosis = judged(model, Three(model.parameters(), 0.1), on(model, functional.cross_entropy))
    assert diagnosis.healthy, diagnosis
    assert not any("betas" in note for note in diagnosis.not_judged)


# ------------------------------------------------------------------ who trains, and the last layer


@pytest.mark.parametrize("left", ["weights", "nothing", "frozen"])
def test_weights_that_no_optimizer_holds_are_a_note_where_it_learns(left: str) -> None:
    """As where the groups with and without decay are made, and one of them is given."""
    model = net()
    given = [p for p in model.parameters() if p.dim() == 1 or left == "nothing"]
    for weight in (model[0].weight, model[2].weight):
        weight.requires_grad_(left != "frozen")

    def of_one_class() -> tuple[torch.Tensor, torch.Tensor]:
        x, y = rows()
        return x, torch.zeros_like(y)

    optimizer = torch.optim.Adam(given, lr=1e-2)
    loss = on(model, functional.cross_entropy, of_one_class)
    diagnosis = judged(model, optimizer, loss, 200)
    assert diagnosis.healthy, diagnosis
    notes = [note for note in diagnosis.not_judged if "in no optimizer" in note]
    assert len(notes) == (left == "weights"), diagnosis
    if notes:
        assert notes[0].startswith("0.weight to 2.weight (95% of the parameters)")


@pytest.mark.parametrize("last", [True, False])
def test_a_dropout_as_the_last_layer(last: bool) -> None:
    drop, model = nn.Dropout(0.3), net()
    model = nn.Sequential(*model, drop) if last else nn.Sequential(*model[:2], drop, model[2])
    diagnosis = judged(model, adam(model, 1e-2), on(model, functional.cross_entropy), 200)
    assert diagnosis.healthy, diagnosis
    assert any("is a dropout" in note for note in diagnosis.not_judged) == last


@pytest.mark.parametrize("cap", [1.0, 30.0])
def test_a_soft_cap_whose_floor_is_reached(cap: float) -> None:
    """cap·tanh(x / cap), as some language models end: the floor is a note, however low it lies."""

    class Capped(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return cap * torch.tanh(x / cap)

    model = net(Capped())
    x, y = torch.eye(16).repeat(4, 1), torch.arange(16).repeat(4) % 4
    diagnosis = judged(model, adam(model, 1e-2), lambda: functional.cross_entropy(model(x), y), 300)
    assert diagnosis.healthy, diagnosis
    notes = [note for note in diagnosis.not_judged if "it cannot fall below 0.34" in note]
    assert len(notes) == (cap == 1.0), diagnosis


@pytest.mark.parametrize("behind", [True, False])
def test_what_is_trained_and_never_read_gets_a_gradient_of_0(behind: bool) -> None:
    """A prompt behind the text, under a causal mean: no step before it depends on it."""

    class Prompted(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.head = nn.Linear(16, 4).requires_grad_(False)
            self.prompt = nn.Parameter(torch.zeros(1, 16))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            prompt = self.prompt.expand(len(x), -1)
            steps = torch.stack([x, prompt] if behind else [prompt, x], 1)  # (n, 2, 16)
            means = steps.cumsum(1) / torch.tensor([1.0, 2.0])[:, None]
            return self.head(means)[:, 0 if behind else 1]

    model = Prompted()
    optimizer = torch.optim.Adam([model.prompt], lr=1e-2)
    diagnosis = judged(model, optimizer, on(model, functional.cross_entropy), 60)
    named = "every parameter that is to train is exactly 0" in diagnosis.primary.summary
    assert named == behind, diagnosis
    if behind:
        assert diagnosis.primary.kind == "update too small"
        assert "a causal mask hides what stands behind" in first(diagnosis)[1]


@pytest.mark.parametrize("several", [True, False])
def test_a_softmax_where_several_labels_may_be_true(several: bool) -> None:
    """Of one label in each row the same loss is in order: a one-hot row sums to 1."""
    model = net(nn.Softmax(1))

    def data() -> tuple[torch.Tensor, torch.Tensor]:
        x, y = rows()
        return x, (x[:, :4] > 0).float() if several else functional.one_hot(y, 4).float()

    loss = functional.binary_cross_entropy
    diagnosis = judged(model, adam(model, 1e-2), on(model, loss, data), 200)
    assert (diagnosis.primary.kind == "head") == several, diagnosis
    if several:
        assert first(diagnosis)[1].startswith("Use a sigmoid for each output")
