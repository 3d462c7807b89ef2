"""What `record.log` takes, and that the loop cannot change it afterwards."""

import math
from fractions import Fraction

import numpy as np
import pytest
import torch
from torch import nn

from gradcourse.instrument import probe
from gradcourse.support import GradcourseError


def logged(make):
    """A record of three steps; ``make(loss)`` logs, and gives the value that it logged."""
    torch.manual_seed(0)
    net = nn.Linear(4, 1)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    values = []
    with probe(net, optimizer) as record:
        for _ in range(3):
            optimizer.zero_grad()
            loss = net(torch.randn(5, 4)).square().mean()
            values.append(make(record, loss))
            loss.backward()
            optimizer.step()
    return record, values


def test_a_loss_that_is_scaled_afterwards():
    def make(record, loss):
        record.log(loss)
        value = loss.item()
        loss /= 4
        return value

    record, values = logged(make)
    np.testing.assert_array_equal(record.loss, values)
    np.testing.assert_array_equal(record.all_losses, values)


@pytest.mark.parametrize("start", [np.zeros(()), np.zeros(3)[1:2], torch.zeros(3)[1]])
def test_an_average_that_runs_on(start):
    def make(record, loss):
        start[...] += float(loss.detach())
        record.log(start)
        return float(start.item())

    record, values = logged(make)
    np.testing.assert_array_equal(record.loss, values)


class Elsewhere(torch.Tensor):
    """A tensor that says that it lies on another device, and counts how often it is read."""

    is_cpu, read = False, 0

    def __float__(self):
        Elsewhere.read += 1
        return self.as_subclass(torch.Tensor).item()

    item = __float__


def test_a_loss_on_another_device_is_copied_and_not_waited_for():
    def make(record, loss):
        there, before = loss.detach().as_subclass(Elsewhere), Elsewhere.read
        record.log(there)
        assert Elsewhere.read == before
        value = loss.item()
        there.zero_()
        return value

    record, values = logged(make)
    np.testing.assert_array_equal(record.loss, values)


@pytest.mark.parametrize(
    ("given", "value"),
    [
        *[(2, 2.0), (1.5, 1.5), (Fraction(1, 4), 0.25), (np.float16(0.5), 0.5), (np.int64(3), 3.0)],
        *[(np.array([1.5]), 1.5), (np.array([[2]]), 2.0), (torch.ones(1, 1), 1.0)],
        *[(torch.tensor(3), 3.0), (torch.tensor(0.5, dtype=torch.bfloat16), 0.5)],
        *[(math.nan, math.nan), (-math.inf, -math.inf), (torch.tensor(math.nan), math.nan)],
    ],
)
def test_one_real_number_is_taken(given, value):
    record, _ = logged(lambda record, _: record.log(given))
    np.testing.assert_array_equal(record.loss, [value] * 3)
    assert record.loss_logged.all()


REFUSED = {
    "NoneType": None,
    "list": [1.0],
    "dict": {"loss": 1.0},
    "complex": 1 + 2j,
    "str": "0.5",
    "bool": True,
    "ndarray of complex128": np.array(1j),
    "ndarray of object": np.array([None]),
    "ndarray of float64 with 2 elements": np.ones(2),
    "Tensor of torch.complex64": torch.tensor(1j),
    "Tensor of torch.bool": torch.tensor(True),
    "Tensor of torch.float32 with 0 elements": torch.ones(0),
    "Tensor of torch.float32 with 3 elements": torch.ones(3),
    "Tensor of torch.float32; it": torch.ones((), device="meta"),
    "int that cannot be read": 10**400,
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_no_real_number_is_refused_at_once(what):
    def make(record, loss):
        with pytest.raises(GradcourseError, match=f"record.log got {what}.*one real number"):
            record.log(REFUSED[what])

    record, _ = logged(make)
    assert record.steps == 3
    assert not record.loss_logged.any()
    assert not len(record.all_losses)
