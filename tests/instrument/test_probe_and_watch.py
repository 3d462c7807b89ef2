"""What holds for every block around a loop, be it `probe` or `watch`."""

import copy
import io
import pickle

import pytest
import torch
from torch import nn

from gradcourse.instrument import probe, watch

BLOCKS = pytest.mark.parametrize("block", [probe, watch])


def _net():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 2))


def _batch(rows=3):
    return torch.randn(rows, 4, generator=torch.Generator().manual_seed(rows))


def _sgd(net):
    return torch.optim.SGD(net.parameters(), lr=0.1)


def _saved(thing):
    buffer = io.BytesIO()
    torch.save(thing, buffer)
    buffer.seek(0)
    return torch.load(buffer, weights_only=False)


COPIES = pytest.mark.parametrize(
    "copied", [copy.deepcopy, lambda net: pickle.loads(pickle.dumps(net)), _saved]
)


@BLOCKS
@pytest.mark.parametrize("with_optimizer", [True, False])
@COPIES
def test_a_copy_taken_in_the_block_is_not_watched(block, with_optimizer, copied):
    net = _net()
    plain = len(pickle.dumps(net))
    with block(net, _sgd(net) if with_optimizer else None) as seen:
        twin = copied(net)
        out = twin(torch.full((2000, 4), torch.nan))
        assert len(pickle.dumps(twin)) < plain + 1000  # it keeps no batch
        out.sum().backward()
        assert not torch.isfinite(twin[0].weight.grad).all()
    assert seen.post_mortem is None if block is watch else seen.steps == 0
    assert not net._forward_hooks
    assert not net._forward_pre_hooks


@COPIES
def test_a_copy_of_a_watched_loss_is_not_watched(copied):
    net, loss_function = _net(), nn.MSELoss()
    plain = len(pickle.dumps(loss_function))
    with watch(net, _sgd(net), loss_function):
        twin = copied(loss_function)
        twin(torch.randn(2000, 4), torch.zeros(2000, 4))
        assert len(pickle.dumps(twin)) < plain + 1000
    assert not loss_function._forward_pre_hooks


@BLOCKS
def test_a_saved_model_is_no_larger_for_being_watched(block):
    net = _net()
    plain = len(pickle.dumps(net))
    with block(net, _sgd(net)):
        net(torch.randn(2000, 4))
        assert len(pickle.dumps(net)) < plain + 1000  # the watch keeps the batch, the file does not


@BLOCKS
def test_a_copy_of_the_optimizer_may_step(block):
    net = _net()
    optimizer = _sgd(net)
    with block(net, optimizer) as seen:
        twin = copy.deepcopy(optimizer)
        net(_batch()).sum().backward()
        twin.step()
    assert (seen.step if block is watch else seen.steps) == 0
