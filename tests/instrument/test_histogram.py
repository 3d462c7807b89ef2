import math
import sys
import threading

import numpy as np
import pytest
import torch

import gradcourse as gc
from gradcourse.instrument import histogram, log2_histogram
from gradcourse.instrument.histogram import Later, log2_histograms
from gradcourse.support import GradcourseError

BITS = {
    torch.float16: torch.int16,
    torch.bfloat16: torch.int16,
    torch.float32: torch.int32,
    torch.float64: torch.int64,
}


def _random_bits(dtype, n=20_000):
    """Every exponent, subnormal numbers, NaN and both infinities: bits, not values, at random."""
    rng = np.random.default_rng(0)
    size = BITS[dtype].itemsize
    tensor = torch.from_numpy(np.frombuffer(rng.bytes(n * size), f"int{8 * size}").copy())
    values = tensor.view(dtype)
    special = torch.tensor([0.0, -0.0, math.inf, math.inf, -math.inf, math.nan], dtype=dtype)
    tiny = torch.arange(1, 200, dtype=BITS[dtype]).view(dtype)
    return torch.cat([values, special, tiny])


class Elsewhere(torch.Tensor):
    """A tensor that NumPy does not see, like one on another device: torch counts it."""


@pytest.mark.parametrize("kind", [torch.Tensor, Elsewhere])
@pytest.mark.parametrize("dtype", BITS, ids=str)
def test_counts_agree_with_frexp_element_by_element(dtype, kind):
    tensor = _random_bits(dtype)
    histogram = log2_histogram(tensor.as_subclass(kind))
    values = tensor.double().numpy()
    finite = values[np.isfinite(values) & (values != 0)]
    exponents, counts = np.unique(np.frexp(finite)[1] - 1, return_counts=True)
    expected = dict(zip(exponents.tolist(), counts.tolist(), strict=True))
    found = dict(zip(histogram.exponents.tolist(), histogram.counts.tolist(), strict=True))
    assert {e: n for e, n in found.items() if n} == expected
    assert np.all(np.diff(histogram.exponents) == 1)
    assert histogram.zeros == (values == 0).sum()
    assert histogram.nan == np.isnan(values).sum()
    assert histogram.positive_infinity == np.isposinf(values).sum()
    assert histogram.negative_infinity == np.isneginf(values).sum()
    assert histogram.total == tensor.numel()


def test_edges_of_a_bin():
    histogram = log2_histogram(torch.tensor([1.0, 1.9999999, 2.0, -0.5, 2.0**-149]))
    counts = dict(zip(histogram.exponents.tolist(), histogram.counts.tolist(), strict=True))
    assert (counts[0], counts[1], counts[-1], counts[-149]) == (2, 1, 1, 1)
    assert counts[-2] == 0


def test_a_tensor_without_any_exponent():
    histogram = log2_histogram(torch.zeros(2, 3))
    assert histogram.total == histogram.zeros == 6
    assert repr(histogram) == "Log2Histogram: 6 elements, 6 zero"
    assert log2_histogram(torch.zeros(0)).total == 0


def test_a_transposed_gradient_needs_no_copy_by_the_caller():
    assert log2_histogram(torch.ones(3, 4, requires_grad=True).T).total == 12


def test_integers_are_refused():
    with pytest.raises(GradcourseError, match="int64"):
        log2_histogram(torch.tensor([1]))


def _moment(k):
    torch.manual_seed(k)
    numbers = torch.randn(4, 5) * 2.0 ** (k - 3)
    more = torch.zeros(7) if k % 2 else torch.tensor([0.0, math.inf, -math.inf, math.nan, 1e-44])
    return [numbers, more[:5].clone()]


def _as_tuple(found):
    return (
        found.exponents.tolist(),
        found.counts.tolist(),
        *(found.zeros, found.nan, found.positive_infinity, found.negative_infinity),
    )


@pytest.mark.parametrize("moments", [1, 3, 8, 21])
def test_what_is_counted_later_is_what_was_there_then(moments):
    later, taken = Later(), []
    for k in range(moments):
        tensors = _moment(k)
        taken.append(later.take(tensors))
        for tensor in tensors:
            tensor.fill_(1.0)
    for k, each in enumerate(taken):
        expected = [_as_tuple(h) for h in log2_histograms(_moment(k))]
        assert [_as_tuple(h) for h in each()] == expected


def test_one_that_is_read_on_the_way_leaves_the_others_right():
    later = Later()
    first = later.take(_moment(0))
    read = [_as_tuple(h) for h in first()]
    second = later.take(_moment(1))
    assert read == [_as_tuple(h) for h in log2_histograms(_moment(0))]
    assert [_as_tuple(h) for h in second()] == [_as_tuple(h) for h in log2_histograms(_moment(1))]
    assert [_as_tuple(h) for h in first()] == read


def test_tensors_of_another_shape_begin_anew():
    later = Later()
    first, second = later.take([torch.ones(3)]), later.take([torch.ones(2, 2), torch.full((1,), 4)])
    assert second is None  # integers are not for it
    third = later.take([torch.full((6,), 4.0)])
    assert [h.total for h in first()] == [3]
    assert [_as_tuple(h) for h in third()] == [([2], [6], 0, 0, 0, 0)]


@pytest.mark.parametrize(
    "tensors",
    [[], [torch.ones(2).double()], [torch.ones(1 << 16)], [torch.ones(2), torch.zeros(0)]],
    ids=["none", "float64", "long", "empty"],
)
def test_others_are_left_to_be_counted_at_once(tensors):
    assert Later().take(tensors) is None
    assert Later().take(tensors) is None


def test_histograms_are_there_while_the_loop_runs():
    net = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.ReLU(), torch.nn.Linear(3, 1))
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    expected = []
    with gc.probe(net, optimizer, "everything") as record:
        for k in range(11):
            optimizer.zero_grad()
            net(torch.randn(6, 4)).square().sum().backward()
            expected.append(_as_tuple(log2_histogram(net[0].weight.grad)))
            optimizer.step()
            if k % 4 == 1:
                seen = record.log2_histograms["0.weight"]
                assert [_as_tuple(h) for h in seen] == expected
    assert [_as_tuple(h) for h in record.log2_histograms["0.weight"]] == expected


def test_a_record_may_be_read_from_another_thread():
    net = torch.nn.Linear(4, 2)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    expected, wrong, stop = [], [], []

    def read(record):
        while not stop:
            try:
                if len(record):
                    record.log2_histograms  # noqa: B018
            except ValueError as error:
                wrong.append(error)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        with gc.probe(net, optimizer, "everything") as record:
            thread = threading.Thread(target=read, args=(record,))
            thread.start()
            for _ in range(200):
                optimizer.zero_grad()
                net(torch.randn(3, 4)).square().sum().backward()
                expected.append(_as_tuple(log2_histogram(net.weight.grad)))
                optimizer.step()
            stop.append(1)
            thread.join()
    finally:
        stop.append(1)
        sys.setswitchinterval(interval)
    assert not wrong
    assert [_as_tuple(h) for h in record.log2_histograms["weight"]] == expected


def test_a_count_that_was_interrupted_is_made_again(monkeypatch):
    later = Later()
    taken = [later.take(_moment(k)) for k in range(7)]
    with monkeypatch.context() as patch:
        patch.setattr(histogram, "_read", _interrupted)
        with pytest.raises(KeyboardInterrupt):
            later.take(_moment(7))
    more = later.take(_moment(8))
    for k, each in [*enumerate(taken), (8, more)]:
        assert [_as_tuple(h) for h in each()] == [_as_tuple(h) for h in log2_histograms(_moment(k))]


def _interrupted(*arguments):
    raise KeyboardInterrupt
