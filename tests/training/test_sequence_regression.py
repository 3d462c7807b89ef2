import numpy as np
import pytest
import torch
from torch import nn

from gradcourse.data import adding_problem, delayed_recall, digits
from gradcourse.nets import mlp, recurrent
from gradcourse.support import GradcourseError
from gradcourse.training import train


class LastStep(nn.Module):
    """A linear map of the last step, (n, steps, 2) to (n, 1)."""

    def __init__(self):
        super().__init__()
        self.map = nn.Linear(2, 1)

    def forward(self, x):
        return self.map(x[:, -1])


def test_a_regression_records_its_test_loss_and_no_accuracy():
    data = adding_problem(10, train=200, test=100)
    net = recurrent("rnn", 2, 8, 1)
    history = train(net, data, steps=20, lr=0.05, loss="mse", every=10)
    assert history.test_loss.shape == (3,)
    with torch.no_grad():
        expected = (net(data.x_test) - data.y_test).square().mean().item()
    assert history.test_loss[-1] == pytest.approx(expected, rel=1e-5)
    assert np.isnan(history.train_accuracy).all()
    assert np.isnan(history.test_accuracy).all()
    assert "test loss" in repr(history)
    assert "accuracy" not in repr(history)
    assert history.weights == ("rnn.weight_ih_l0", "rnn.weight_hh_l0", "readout.weight")


def test_guessing_costs_a_sixth_and_that_is_where_sgd_arrives_without_memory():
    torch.manual_seed(0)
    data = adding_problem(40, train=2000, test=2000)
    history = train(LastStep(), data, steps=600, lr=0.1, loss="mse", every=600)
    assert history.test_loss[-1] == pytest.approx(1 / 6, rel=0.1)


def test_a_classification_keeps_its_accuracy_beside_the_test_loss():
    data = digits()
    net = mlp(1)
    history = train(net, data, steps=10, lr=0.1, every=5)
    with torch.no_grad():
        expected = nn.functional.cross_entropy(net(data.x_test), data.y_test).item()
    assert history.test_loss[-1] == pytest.approx(expected, rel=1e-5)
    assert np.isfinite(history.test_accuracy).all()


def test_recall_of_one_step_is_learned():
    data = delayed_recall(1, train=400, test=200)
    history = train(recurrent("rnn", 3, 8, 2), data, steps=150, lr=0.5, every=150)
    assert history.test_accuracy[-1] > 0.95


def test_before_update_sees_the_gradient_and_may_change_it():
    data = adding_problem(10, train=100, test=10)
    net = recurrent("rnn", 2, 8, 1)
    before = [p.detach().clone() for p in net.parameters()]
    norms = []

    def to_zero(parameters):
        norms.append(float(sum(p.grad.square().sum() for p in parameters)))
        for p in parameters:
            p.grad.zero_()

    history = train(net, data, steps=3, lr=0.1, loss="mse", every=1, before_update=to_zero)
    assert len(norms) == 3
    assert min(norms) > 0
    assert all(torch.equal(a, b) for a, b in zip(before, net.parameters(), strict=True))
    assert (history.gradient_norm > 0).all()


def test_torchs_clipping_fits_the_hook():
    data = adding_problem(10, train=100, test=10)
    net = recurrent("rnn", 2, 8, 1)
    before = torch.cat([p.detach().flatten() for p in net.parameters()])

    def clip(parameters):
        nn.utils.clip_grad_norm_(parameters, 1e-3)

    train(net, data, steps=1, lr=1.0, loss="mse", before_update=clip)
    after = torch.cat([p.detach().flatten() for p in net.parameters()])
    assert float((after - before).norm()) == pytest.approx(1e-3, rel=1e-2)


@pytest.mark.parametrize(
    ("loss", "message"),
    [("cross_entropy", "needs integer labels"), ("squared_error", "needs integer labels")],
)
def test_a_loss_for_labels_refuses_numbers(loss, message):
    with pytest.raises(GradcourseError, match=message):
        train(LastStep(), adding_problem(5), steps=1, lr=0.1, loss=loss)


def test_targets_that_would_be_spread_are_refused():
    class Flat(LastStep):
        def forward(self, x):
            return super().forward(x)[:, 0]

    with pytest.raises(GradcourseError, match="must be alike"):
        train(Flat(), adding_problem(5), steps=1, lr=0.1, loss="mse")
