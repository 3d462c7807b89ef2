"""A record that one thread reads while the loop of another fills it."""

import sys
import threading

import numpy as np
import pytest
import torch
from torch import nn

from gradcourse.figures import depth_plot, ridge_plot, saturation_plot, update_plot
from gradcourse.instrument import Record, probe
from gradcourse.instrument.histogram import log2_histogram
from gradcourse.instrument.record import MEASURES, Step
from gradcourse.instrument.record.recorder import Recorder
from gradcourse.instrument.record.step import LayerTable
from gradcourse.support import GradcourseError

SHAPES = {"0.weight": (3, 3), "0.bias": (3,)}


def a_step(number):
    """A step of one layer and, later on, of a second; its numbers are worked out when read."""
    names = ("0", "1")[: 1 + (number > 20)]
    histogram = log2_histogram(torch.ones(3))
    return Step(
        number,
        np.array([0, 1]),
        np.ones(2),
        weight_norms=np.ones(1),
        update_ratios=np.ones(1),
        names=names,
        kinds=("Linear", "ReLU")[: len(names)],
        measures=LayerTable(lambda: np.ones((len(names), len(MEASURES)))),
        lag_gradients={"0": np.ones(1 + number % 3)},
        taken=lambda: {"0.weight": histogram},
        loss=1.0,
        logged=True,
    )


def parts(record):
    """Every array, each of the width and, at most, of the length that the record has now."""
    names = [name for name in dir(Record) if isinstance(getattr(Record, name), property)]
    return {name: getattr(record, name) for name in names}


READ = {
    "arrays": parts,
    "state": lambda record: Record.from_state(*record.to_state()),
    "text": repr,
    "page": lambda record: record._repr_html_(),
    "layer": lambda record: record["0"].output_gradient_rms,
    "depth": depth_plot,
    "updates": update_plot,
    "units": saturation_plot,
    "ridges": ridge_plot,
}


@pytest.fixture
def often():
    """Threads take turns as often as they can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def read_while(fill, record, read):
    """What the reader has met until ``fill`` ends."""
    errors, done = [], threading.Event()

    def go_on():
        while not done.is_set():
            try:
                read(record)
            except GradcourseError:
                pass  # no step yet
            except Exception as error:
                errors.append(repr(error))

    thread = threading.Thread(target=go_on)
    thread.start()
    try:
        fill()
    finally:
        done.set()
        thread.join()
    return errors


@pytest.mark.parametrize("name", READ)
def test_what_is_read_is_whole(name, often):
    recorder = Recorder(SHAPES)
    read = READ[name]

    def fill():
        for number in range(80):
            recorder.append(a_step(number))
            recorder.record.facts.steps_of[str(number)] = 1
            read(recorder.record)

    assert read_while(fill, recorder.record, read) == []


def test_the_table_of_a_loop_that_goes_on(often):
    pytest.importorskip("pandas")
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 1))
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
    with probe(net, optimizer, level="standard", every=1) as record:

        def fill():
            for _ in range(40):
                optimizer.zero_grad()
                net(torch.ones(3, 4)).sum().backward()
                optimizer.step()

        assert read_while(fill, record, Record.to_frame) == []
    assert record.steps == 40


def test_the_record_up_to_now_stays_as_it_is():
    recorder = Recorder(SHAPES)
    recorder.append(a_step(0))
    record = recorder.record
    still = record.so_far()
    recorder.append(a_step(1))
    record.log(2.0)
    record.facts.optimizer["name"] = "SGD"
    assert (len(record), len(still)) == (2, 1)
    assert not len(still.all_losses)
    assert not still.facts.optimizer
    assert still.parameters == record.parameters
    np.testing.assert_array_equal(still.activation_norm, record.activation_norm[:1])
