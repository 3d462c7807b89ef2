"""What holds for every block around a loop, be it `probe` or `watch`."""

import copy
import io
import pickle

import pytest
import torch
from torch import nn

from gradcourse.instrument import probe, watch
from gradcourse.support import GradcourseError

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


@BLOCKS
@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (torch.optim.SGD, r"optimizer is a type; .*{block}\(model, SGD\(model.parameters\(\), "),
        (3, r"optimizer is a int; expected a torch.optim.Optimizer, or None: {block}\(model, "),
        ([1], r"optimizer is a list; expected .*{block}\(model, optimizer\)"),
        (_sgd(_net()), r"updates none of this model's parameters; .* the model that you {block}"),
        (_net(), r"optimizer is a Sequential; expected .*{block}\(model, optimizer\)"),
    ],
)
def test_what_is_no_optimizer_of_this_model_is_refused(block, wrong, said):
    with pytest.raises(GradcourseError, match=said.format(block=block.__name__)):
        block(_net(), wrong)


def test_only_a_probe_has_levels():
    with pytest.raises(GradcourseError, match="level is given by name: level='gradients'"):
        probe(_net(), "gradients")
    with pytest.raises(GradcourseError, match=r"optimizer is a str; expected .*watch"):
        watch(_net(), "gradients")


@BLOCKS
@pytest.mark.parametrize("layers", [1, 2, 3])
def test_an_optimizer_inside_others_is_found(block, layers):
    class Wrapped(torch.optim.SGD):
        def __init__(self, optimizer):
            self.optimizer = optimizer

    net = _net()
    inner = optimizer = _sgd(net)
    for _ in range(layers):
        optimizer = Wrapped(optimizer)
    with block(net, optimizer) as seen:
        net(_batch()).sum().backward()
        inner.step()
    assert (seen.step if block is watch else seen.steps) == 1


@BLOCKS
def test_one_parameter_in_common_is_enough(block):
    net = _net()
    with block(net, torch.optim.SGD([*nn.Linear(2, 2).parameters(), net[0].bias], lr=0.1)):
        net(_batch()).sum().backward()
