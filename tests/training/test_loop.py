import numpy as np
import pytest
import torch
from torch import nn

from gradcourse.data import digits
from gradcourse.nets import mlp
from gradcourse.support import GradcourseError
from gradcourse.training import accuracy, train


@pytest.fixture(scope="module")
def data():
    return digits()


def test_one_update_is_plain_gradient_descent(data):
    net, copy = mlp(2, seed=3), mlp(2, seed=3)
    history = train(net, data, steps=1, lr=0.3, batch=len(data.x_train))
    nn.functional.cross_entropy(copy(data.x_train), data.y_train).backward()
    for updated, before in zip(net.parameters(), copy.parameters(), strict=True):
        torch.testing.assert_close(updated.detach(), before.detach() - 0.3 * before.grad)
    weights = [p for p in copy.parameters() if p.dim() > 1]
    np.testing.assert_allclose(
        history.gradient_norm[0], [w.grad.norm().item() for w in weights], rtol=1e-4
    )
    np.testing.assert_allclose(
        history.relative_change[1],
        [0.3 * (w.grad.norm() / w.norm()).item() for w in weights],
        rtol=1e-3,
    )


def test_two_sigmoid_layers_learn_the_digits_and_eight_do_not(data):
    shallow = train(mlp(2), data, steps=300, lr=0.5, every=100)
    deep = train(mlp(8), data, steps=300, lr=0.5, every=100)
    assert shallow.test_accuracy[-1] > 0.85
    assert deep.test_accuracy[-1] < 0.2
    assert shallow.relative_change[-1, 0] > 100 * deep.relative_change[-1, 0] > 0


def test_everything_is_indexed_by_updates(data):
    history = train(mlp(1), data, steps=25, lr=0.1, every=10)
    assert history.steps.tolist() == [0, 10, 20, 25]
    assert history.loss.shape == (26,)
    assert history.train_accuracy.shape == history.test_accuracy.shape == (4,)
    assert history.weights == ("layer1.weight", "output.weight")
    assert history.relative_change.shape == history.gradient_norm.shape == (4, 2)
    assert np.all(history.relative_change[0] == 0)
    assert history.stopped == ""


def test_the_seed_decides_everything(data):
    runs = [train(mlp(1), data, steps=30, lr=0.1, seed=seed) for seed in (0, 0, 1)]
    assert np.array_equal(runs[0].loss, runs[1].loss)
    assert not np.array_equal(runs[0].loss, runs[2].loss)
    assert repr(runs[0]) == repr(runs[1])


def test_an_epoch_sees_every_row_once(data):
    seen = []

    class Spy(nn.Linear):
        def forward(self, x):
            if self.training:
                seen.append(x.detach())
            return super().forward(x)

    train(Spy(64, 10), data, steps=21, lr=0.1, batch=64)  # 22 batches of 64 fill one epoch
    rows = torch.cat(seen)
    assert len(rows) == 22 * 64
    wanted = {tuple(row) for row in data.x_train.tolist()}
    assert len({tuple(row) for row in rows.tolist()}) == len(rows)
    assert {tuple(row) for row in rows.tolist()} <= wanted


def test_a_loss_that_leaves_the_numbers_stops_the_run(data):
    history = train(mlp(2, activation="relu"), data, steps=200, lr=1e12)
    assert history.stopped.startswith("the loss is ")
    assert not np.isfinite(history.loss[-1])
    assert np.isfinite(history.loss[:-1]).all()
    assert history.steps[-1] == len(history.loss) - 1 < 200
    assert "stopped" in repr(history)


def test_losses_by_name_and_by_function(data):
    outputs, labels = torch.tensor([[2.0, -1.0], [0.0, 0.5]]), torch.tensor([0, 1])

    class Fixed(nn.Module):
        def __init__(self):
            super().__init__()
            self.shift = nn.Parameter(torch.zeros(2, 2))

        def forward(self, x):
            return outputs[x.long()] + self.shift.sum() * 0

    class Two:
        x_train = x_test = torch.tensor([0, 1])
        y_train = y_test = labels

    def first(loss):
        return train(Fixed(), Two(), steps=1, lr=0.0, batch=2, loss=loss).loss[0]

    assert first("squared_error") == pytest.approx(((1 + 1) + (0 + 0.25)) / 2)
    s = torch.sigmoid(outputs)
    expected = ((s - torch.eye(2)) ** 2).sum(dim=1).mean().item()
    assert first("sigmoid_squared_error") == pytest.approx(expected)
    assert first("cross_entropy") == pytest.approx(
        nn.functional.cross_entropy(outputs, labels).item()
    )
    assert first(lambda z, y: z.sum()) == pytest.approx(1.5)


def test_an_optimizer_may_take_over(data):
    plain, stepped = mlp(1), mlp(1)
    train(plain, data, steps=5, lr=0.2)
    train(stepped, data, steps=5, lr=0.0, optimizer=lambda p: torch.optim.SGD(p, lr=0.2))
    for a, b in zip(plain.parameters(), stepped.parameters(), strict=True):
        torch.testing.assert_close(a, b)


def test_accuracy_counts_and_leaves_the_mode_alone():
    net = nn.Sequential(nn.Dropout(0.9), nn.Identity())
    x = torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0], [float("nan"), 0.0]])
    assert accuracy(net, x, torch.tensor([0, 1, 1, 0])) == 0.5
    assert net.training
    net.eval()
    accuracy(net, x, torch.tensor([0, 1, 1, 0]))
    assert not net.training


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"steps": 0}, "steps is 0"),
        ({"steps": 10, "batch": 0}, "batch is 0"),
        ({"steps": 10, "every": -1}, "every is -1"),
        ({"steps": 10, "lr": float("nan")}, "lr is nan"),
        ({"steps": 10, "lr": "fast"}, "lr is 'fast'"),
        ({"steps": 10, "loss": "hinge"}, "loss is 'hinge'"),
        ({"steps": 10, "loss": "mse"}, "'mse' needs float targets"),
    ],
)
def test_bad_settings_are_refused(data, changes, message):
    with pytest.raises(GradcourseError, match=message):
        train(mlp(1), data, **{"lr": 0.1, **changes})


def test_a_model_without_parameters_cannot_be_trained(data):
    with pytest.raises(GradcourseError, match="no trainable parameters"):
        train(nn.Identity(), data, steps=1, lr=0.1)
