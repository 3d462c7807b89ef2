import math

import pytest
import torch

from gradcourse.data import adding_problem, delayed_recall
from gradcourse.support import GradcourseError


def test_adding_marks_one_number_in_each_half_and_adds_them():
    data = adding_problem(31, train=400, test=100)
    assert data.x_train.shape == (400, 31, 2)
    assert data.y_test.shape == (100, 1)
    assert data.x_train.dtype == data.y_train.dtype == torch.float32
    numbers, marks = data.x_train.unbind(-1)
    assert ((numbers >= 0) & (numbers < 1)).all()
    assert marks[:, :15].sum(1).eq(1).all()
    assert marks[:, 15:].sum(1).eq(1).all()
    assert set(marks.unique().tolist()) == {0.0, 1.0}
    torch.testing.assert_close((numbers * marks).sum(1, keepdim=True), data.y_train)


def test_every_step_of_a_half_gets_marked():
    marks = adding_problem(6, train=500, test=1).x_train[..., 1].sum(0)
    assert (marks > 100).all()


def test_guessing_the_mean_of_the_adding_problem_costs_a_sixth():
    y = adding_problem(30, train=20_000, test=1).y_train.double()
    # The fourth central moment of a sum of two uniforms is 1/15, so Var[(y − 1)²] = 1/15 − 1/36.
    error = math.sqrt((1 / 15 - 1 / 36) / len(y))
    assert abs((y - 1).square().mean().item() - 1 / 6) < 4 * error
    assert abs(y.mean().item() - 1) < 4 * math.sqrt(1 / 6 / len(y))


def test_recall_shows_the_symbol_once_and_then_noise():
    data = delayed_recall(7, symbols=3, noise=0.5, train=3000, test=10)
    assert data.x_train.shape == (3000, 8, 4)
    assert data.y_train.dtype == torch.int64
    assert torch.equal(data.x_train[:, 0, :3].argmax(1), data.y_train)
    assert data.x_train[:, 0].sum(1).eq(1).all()
    assert data.x_train[:, 1:, :3].abs().max() == 0
    noise = data.x_train[:, 1:, 3]
    assert noise.std().item() == pytest.approx(0.5, rel=4 * math.sqrt(0.5 / noise.numel()))
    counts = torch.bincount(data.y_train, minlength=3)
    assert (counts - 1000).abs().max() < 4 * math.sqrt(3000 * 2 / 9)


@pytest.mark.parametrize("make", [adding_problem, delayed_recall])
def test_the_seed_decides_and_the_global_generator_rests(make):
    before = torch.get_rng_state()
    one, again, other = make(12, seed=1), make(12, seed=1), make(12, seed=2)
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(one.x_train, again.x_train)
    assert torch.equal(one.y_test, again.y_test)
    assert not torch.equal(one.x_train, other.x_train)
    rows = torch.cat([one.x_train, one.x_test]).flatten(1)
    assert len(rows.unique(dim=0)) == 1500


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: adding_problem(1), "length is 1"),
        (lambda: adding_problem(10, train=0), "train is 0"),
        (lambda: delayed_recall(0), "lag is 0"),
        (lambda: delayed_recall(5, symbols=1), "symbols is 1"),
        (lambda: delayed_recall(5, noise=-1.0), "noise is -1.0"),
        (lambda: delayed_recall(5, test=2.5), "test is 2.5"),
    ],
)
def test_bad_sizes_are_refused(call, message):
    with pytest.raises(GradcourseError, match=message):
        call()


def test_repr_says_what_it_holds():
    assert repr(adding_problem(30, train=10, test=5)) == (
        "Sequences: adding problem, 30 steps, 10 for training and 5 for the test, 2 channels"
    )
