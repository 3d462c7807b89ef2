"""The moments of a training loop, in the order in which a listener is told them."""

import contextlib
import copy
import dataclasses
import pickle
from functools import partial
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from gradcourse.instrument import PostMortem, jacobian_spectrum, post_mortem, watch
from gradcourse.instrument.loop.follow import Follower, Hook, Hooks, Listener
from gradcourse.instrument.loop.tensors import first_tensor, leaves, tensors

MOMENTS = [field.name for field in dataclasses.fields(Listener)]
PASS = ["pass_begins", "pass_ends"]
UPDATE = ["update_begins", "update_due", "update_made"]


def _followed(net, optimizer=None):
    told = []

    def tell(name, *arguments):
        told.append(name)

    return Follower(
        net,
        [] if optimizer is None else [optimizer],
        Listener(**{name: partial(tell, name) for name in MOMENTS}),
    ), told


def _net():
    torch.manual_seed(0)
    return nn.Linear(3, 2)


def _loss(net):
    return net(torch.ones(1, 3)).square().sum()


class Fails(torch.optim.SGD):
    """Calls super().step(), and raises when told to."""

    fails = False

    def step(self, closure=None):
        loss = super().step(closure)
        if self.fails:
            raise RuntimeError("planted")
        return loss


def test_a_plain_step():
    net = _net()
    optimizer = Fails(net.parameters(), lr=0.1)
    _, told = _followed(net, optimizer)
    _loss(net).backward()
    optimizer.step()
    assert told == PASS + UPDATE
    with torch.no_grad():
        net(torch.ones(1, 3))
    assert told == PASS + UPDATE


def test_a_closure_is_due_once_however_often_it_is_called():
    net = _net()
    optimizer = torch.optim.LBFGS(net.parameters(), max_iter=3)
    loop, told = _followed(net, optimizer)

    def closure():
        assert loop.in_closure
        optimizer.zero_grad()
        loss = _loss(net)
        loss.backward()
        return loss

    optimizer.step(closure)
    assert loop.has_closure
    assert not loop.in_closure
    assert told[:4] == ["update_begins", *PASS, "update_due"]
    assert told[4:] == PASS * (loop.evaluations - 1) + ["update_made"]
    assert loop.evaluations > 1


def test_an_update_that_raised_is_lost_when_the_loop_goes_on():
    net = _net()
    optimizer = Fails(net.parameters(), lr=0.1)
    _, told = _followed(net, optimizer)
    _loss(net).backward()
    optimizer.fails = True
    with pytest.raises(RuntimeError, match="planted"):
        optimizer.step()
    optimizer.fails = False
    assert told == [*PASS, "update_begins", "update_due"]
    _loss(net)
    assert told[4:] == ["update_lost", *PASS]
    optimizer.step()
    assert told[7:] == UPDATE


def test_an_update_that_a_scaler_skips():
    net = _net()
    optimizer = torch.optim.Adam(net.parameters(), fused=True)
    _, told = _followed(net, optimizer)
    optimizer.found_inf = torch.ones(())
    optimizer.step()
    assert told == ["update_skipped"]


def test_the_end_of_a_backward_pass_is_told_once_to_whom_awaits_it():
    net = _net()
    loop, told = _followed(net)
    out = net(torch.ones(1, 3))
    out.register_hook(lambda _: loop.await_backward())
    (out * 2).register_hook(lambda _: loop.await_backward())
    out.sum().backward(retain_graph=True)
    out.sum().backward()
    assert told == [*PASS, "backward_is_over", "backward_is_over"]


def test_after_it_has_left_nothing_is_told_and_no_hook_is_there():
    net = _net()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    loop, told = _followed(net, optimizer)
    out = net(torch.ones(1, 3))
    out.register_hook(lambda _: loop.await_backward())
    loop.leave()
    assert not loop.follows
    out.sum().backward()
    optimizer.step()
    assert told == PASS
    hooks = [net._forward_hooks, net._forward_pre_hooks]
    hooks += [optimizer._optimizer_step_pre_hooks, optimizer._optimizer_step_post_hooks]
    assert not any(hooks)


def test_hooks_are_taken_away_after_a_block_that_raised():
    net = _net()
    with contextlib.suppress(RuntimeError), Hooks() as hooks:
        hooks.append(net.register_forward_hook(print))
        raise RuntimeError
    assert not net._forward_hooks
    assert hooks == []


# Pickles of earlier versions name the modules of their day.
OLD = b"cgradcourse.instrument.passes\n_inert\n(tR."
OLD_POST_MORTEM = b"cgradcourse.instrument.postmortem.finding\nPostMortem\n."


@pytest.mark.parametrize(
    "again",
    [copy.deepcopy, lambda hook: pickle.loads(pickle.dumps(hook)), lambda _: pickle.loads(OLD)],
)
def test_a_copy_of_a_hook_does_nothing(again):
    called = []
    hook = Hook(called.append)
    hook(1)
    assert again(hook)(2, 3) is None
    assert called == [1]


def test_a_pickled_post_mortem_of_an_earlier_version_is_one():
    assert pickle.loads(OLD_POST_MORTEM) is PostMortem


# What is in an output.

A, B = torch.ones(1), torch.zeros(2)


@dataclasses.dataclass(slots=True)
class Slots:
    first: torch.Tensor
    second: torch.Tensor


CONTAINERS = pytest.mark.parametrize(
    "pack",
    [
        lambda *parts: parts,
        lambda *parts: [["text", b"bytes", 3, None], *parts],
        lambda *parts: dict(zip("ab", parts, strict=True)),
        lambda a, b: {"deep": [(a,), {"deeper": b}]},
        lambda a, b: SimpleNamespace(a=a, b=b),
        Slots,
    ],
)


@CONTAINERS
def test_tensors_in_containers_of_all_kinds(pack):
    assert [id(t) for t in tensors(pack(A, B))] == [id(A), id(B)]
    assert first_tensor(pack(A, B)) is A


def test_what_holds_itself_is_searched_once():
    knot, ring = SimpleNamespace(tensor=A), [B]
    knot.other = SimpleNamespace(back=knot)
    ring.append(ring)
    assert [id(t) for t in tensors(knot)] == [id(A)]
    assert {id(t) for t in tensors(ring)} == {id(B)}


def test_modules_integers_and_text_are_leaves_without_tensors():
    assert list(tensors([_net(), "text", torch.arange(3), nn.Linear, None])) == []
    assert list(leaves((1, [2.5, "text"]))) == [1, 2.5, "text"]


class Packed(nn.Module):
    """A model that gives two tensors in a container."""

    def __init__(self, pack):
        super().__init__()
        self.layer, self.pack = nn.Linear(3, 2), pack

    def forward(self, x):
        y = self.layer(x)
        return self.pack(y.log(), y)


@CONTAINERS
def test_the_post_mortem_finds_tensors_in_all_of_them(pack):
    net = Packed(pack)
    with torch.no_grad():
        net.layer.weight.fill_(-1.0)
        net.layer.bias.zero_()
    with watch(net, stop=False) as seen:
        first_tensor(net(torch.ones(1, 3))).sum().backward()
    assert (seen.post_mortem.direction, seen.post_mortem.op) == ("forward", "log")
    cause = post_mortem(net, lambda: first_tensor(net(torch.ones(1, 3))).sum())
    assert cause.op == "log"


def test_a_jacobian_of_what_a_model_gives_in_an_object():
    layer = nn.Linear(3, 2)
    one = jacobian_spectrum(layer, torch.ones(1, 3))
    other = jacobian_spectrum(lambda x: SimpleNamespace(y=layer.double()(x)), torch.ones(1, 3))
    assert other == pytest.approx(one)
