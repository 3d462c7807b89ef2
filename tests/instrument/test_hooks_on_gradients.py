"""Hooks on tensors' gradients: in the user's order, beside the user's own, and gone afterwards."""

import pytest
import torch
from torch import nn

import gradcourse as gc
from gradcourse.instrument.loop.follow import Hooks


def _middle():
    x = torch.ones(3, requires_grad=True)
    return x, x * 2


@pytest.mark.parametrize("first", [True, False])
def test_the_users_hooks_run_beside_ours(first):
    x, middle = _middle()
    told, hooks = [], Hooks()
    if first:
        own = middle.register_hook(lambda g: told.append("theirs"))
        hooks.on_gradient(middle, lambda g: told.append("ours"))
    else:
        hooks.on_gradient(middle, lambda g: told.append("ours"))
        own = middle.register_hook(lambda g: told.append("theirs"))
    middle.retain_grad()
    middle.sum().backward(retain_graph=True)
    assert sorted(told) == ["ours", "theirs"]
    assert (told[0] == "theirs") is first
    assert torch.equal(middle.grad, torch.ones(3))
    assert torch.equal(x.grad, 2 * torch.ones(3))
    own.remove()
    middle.sum().backward()
    assert told[2:] == ["ours"]
    assert not hooks


def test_two_of_ours_on_one_tensor_both_run():
    _, middle = _middle()
    told = []
    for name in ("probe", "watch"):
        Hooks().on_gradient(middle, lambda g, name=name: told.append(name))
    middle.sum().backward()
    assert told == ["probe", "watch"]


def test_a_hook_after_a_change_in_place_gets_the_gradient_of_what_the_tensor_is_then():
    """As `Tensor.register_hook` has it: it belongs to the tensor as it was when it was hooked."""
    for put in (lambda t, h: t.register_hook(h), Hooks().on_gradient):
        _, middle = _middle()
        told = []
        put(middle, lambda g, told=told: told.append(g.tolist()))
        middle.mul_(5.0)
        middle.sum().backward()
        assert told == [[5.0, 5.0, 5.0]]


class Other(torch.Tensor):
    """A tensor of a class of its own."""


def test_a_subclass_is_hooked_the_public_way():
    x = torch.ones(3, requires_grad=True)
    middle = (x * 2).as_subclass(Other)
    told = []
    Hooks().on_gradient(middle, lambda g: told.append(type(g)))
    middle.sum().backward()
    assert len(told) == 1


def test_a_torch_without_that_place_is_served_the_public_way(monkeypatch):
    x, middle = _middle()

    class Bare:
        """A tensor whose node has no place for hooks."""

        grad_fn = object()
        is_leaf = False
        _backward_hooks = None

        def register_hook(self, hook):
            return middle.register_hook(hook)

    monkeypatch.setattr(torch, "Tensor", Bare)
    told, bare = [], Bare()
    Hooks().on_gradient(bare, lambda g: told.append(1))
    monkeypatch.undo()
    middle.sum().backward()
    assert told == [1]
    assert bare._backward_hooks is None
    assert x.grad is not None


def test_a_handle_is_kept_where_the_tensor_outlives_its_graph():
    x = torch.ones(3, requires_grad=True)
    hooks = Hooks()
    hooks.on_gradient(x, lambda g: None)
    assert len(hooks) == 1
    hooks.take_away()
    assert not x._backward_hooks


class Picture(nn.Module):
    """A parameter that is trained itself, as in style transfer."""

    def __init__(self):
        super().__init__()
        self.pixels = nn.Parameter(torch.ones(3, 4, 4))

    def forward(self):
        return self.pixels


@pytest.mark.parametrize("level", ["watch", "gradients", "standard", "everything"])
def test_a_model_that_returns_its_parameter_gathers_no_hooks(level):
    net = Picture()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    block = gc.watch(net, optimizer) if level == "watch" else gc.probe(net, optimizer, level)
    with block as record:
        for _ in range(12):
            optimizer.zero_grad()
            net().square().sum().backward()
            assert len(net.pixels._backward_hooks or ()) <= 3
            optimizer.step()
    assert not net.pixels._backward_hooks
    if level in ("standard", "everything"):
        assert record.layers == ("Picture",)
        assert record.output_gradient_norm[10, 0] > 0
