"""Hooks on tensors' gradients: in the user's order, beside the user's own, and gone afterwards."""

import weakref
from gc import collect

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


class Shift(nn.Module):
    """A parameter that is added to one row: its gradient is that of the output."""

    def __init__(self):
        super().__init__()
        self.shift = nn.Parameter(torch.ones(5, 4))

    def forward(self, x):
        return x + self.shift[None]


def test_a_gradient_is_read_before_it_is_clipped():
    net = Shift()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    with gc.probe(net, optimizer, "everything") as record:
        net(torch.ones(1, 5, 4)).square().sum().backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1e-3)
        optimizer.step()
    assert record.output_gradient_norm[0, 0] == pytest.approx(4 * 20**0.5)
    assert record.parameter_gradient_norm[0, 0] == pytest.approx(1e-3, rel=1e-3)


def test_a_gradient_is_read_before_a_later_hook_changes_it_in_place():
    net = nn.Linear(4, 2)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    with gc.probe(net, optimizer, "everything") as record:
        out = net(torch.ones(3, 4))
        out.register_hook(lambda g: g.clamp_(-1e-3, 1e-3))
        (7 * out).sum().backward()
        optimizer.step()
    assert record.output_gradient_norm[0, 0] == pytest.approx(7 * 6**0.5)


@pytest.mark.filterwarnings("ignore:Using backward")
@pytest.mark.parametrize("level", ["watch", "standard", "everything"])
def test_gradients_that_have_a_graph_keep_nothing_alive(level):
    net = nn.Linear(4, 2)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
    outputs = []
    block = gc.watch(net, optimizer) if level == "watch" else gc.probe(net, optimizer, level)
    with block:
        for _ in range(12):
            for _ in range(2):
                out = net(torch.randn(3, 4))
                outputs.append(weakref.ref(out))
                out.square().mean().backward(create_graph=True)
            optimizer.step()
            net.weight.grad = net.bias.grad = None
            del out
    collect()
    assert not any(output() is not None for output in outputs)


def test_packed_integers_are_no_parameters_of_the_record():
    net = nn.Linear(4, 2)
    net.packed = nn.Parameter(torch.zeros(4, 4, dtype=torch.int8), requires_grad=False)
    optimizer = torch.optim.SGD([net.weight, net.bias], lr=0.1)
    with gc.probe(net, optimizer, "everything") as record:
        for _ in range(3):
            optimizer.zero_grad()
            net(torch.ones(3, 4)).sum().backward()
            optimizer.step()
    assert record.steps == 3
    assert record.parameters == ("weight", "bias")
    assert record.update_ratio.shape == (3, 1)
    net = nn.Module()
    net.packed = nn.Parameter(torch.zeros(4, dtype=torch.int8), requires_grad=False)
    with pytest.raises(gc.GradcourseError, match="no parameters that can have one"):
        gc.probe(net)


class Table(nn.Module):
    """Gives its own weight."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(9, 4))

    def forward(self):
        return self.weight


class Looked(nn.Module):
    """A table that is looked up with sparse gradients."""

    def __init__(self):
        super().__init__()
        self.table, self.head = Table(), nn.Linear(4, 2)

    def forward(self, x):
        return self.head(nn.functional.embedding(x, self.table(), sparse=True))


def test_a_sparse_gradient_of_an_output_is_read():
    net = Looked()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    of_a_row = float(net.head.weight.detach().sum(0).norm())
    with gc.probe(net, optimizer, "everything") as record:
        net(torch.tensor([1, 2])).sum().backward()
        optimizer.step()
    column = record.layers.index("table")
    assert record.output_gradient_norm[0, column] == pytest.approx(2**0.5 * of_a_row, rel=1e-5)
