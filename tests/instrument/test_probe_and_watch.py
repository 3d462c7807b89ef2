"""What holds for every block around a loop, be it `probe` or `watch`."""

import copy
import io
import pickle

import numpy as np
import pytest
import torch
from torch import nn

from gradcourse.instrument import NonFiniteError, probe, watch
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


# Loops in which something is cut short, or that step in an unusual way.


def _loop(net, optimizer, closed):
    """One step, as a function that takes nothing; with a closure or without."""

    def closure():
        optimizer.zero_grad()
        loss = net(_batch()).square().sum()
        loss.backward()
        return loss

    def plain():
        closure()
        optimizer.step()

    return (lambda: optimizer.step(closure)) if closed else plain


class FailsAfterwards(torch.optim.SGD):
    """An optimizer of its own that may raise when its parent's step is done."""

    fails = False

    def step(self, closure=None):
        loss = super().step(closure)
        if self.fails:
            raise RuntimeError("planted")
        return loss


@BLOCKS
@pytest.mark.parametrize("closed", [True, False])
def test_after_an_update_that_raised_the_next_is_seen(block, closed):
    net = _net()
    optimizer = FailsAfterwards(net.parameters(), lr=0.01)
    step = _loop(net, optimizer, closed)
    with block(net, optimizer) as seen:
        step()
        optimizer.fails = True
        with pytest.raises(RuntimeError, match="planted"):
            step()
        optimizer.fails = False
        before = seen.step if block is watch else seen.steps
        for _ in range(3):
            step()
        assert (seen.step if block is watch else seen.steps) == before + 3
    if block is probe:
        assert seen.step_numbers.tolist() == [0, 1, 2, 3, 4]


def test_a_step_of_the_same_gradients_is_not_taken_for_the_one_that_raised():
    net = _net()
    optimizer = FailsAfterwards(net.parameters(), lr=0.01)
    with probe(net, optimizer, level="everything") as record:
        net(_batch()).square().sum().backward()
        optimizer.fails = True
        with pytest.raises(RuntimeError, match="planted"):
            optimizer.step()
        optimizer.fails = False
        optimizer.step()  # without a call of the model in between
    assert record.step_numbers.tolist() == [0, 1]
    assert np.isnan(record.update_ratio[0]).all()
    assert (record.update_ratio[1] > 0).all()


def test_a_closure_that_raised_leaves_no_trace_in_the_watch():
    """Or a scaler's overflow, which is planned for, is looked at as in a closure."""
    net = _net()
    optimizer = _sgd(net)

    def closure():
        raise RuntimeError("planted")

    scaler = torch.amp.GradScaler("cpu", init_scale=1e38)
    with watch(net, optimizer) as seen:
        with pytest.raises(RuntimeError, match="planted"):
            optimizer.step(closure)
        scaler.scale(1e3 * net(_batch()).square().sum()).backward()
        scaler.step(optimizer)
        scaler.update()
    assert seen.post_mortem is None
    assert not torch.isfinite(net[0].weight.grad).all()


class Interrupted(nn.Module):
    """A model that may be interrupted from the keyboard: torch then calls no hook of its end."""

    def __init__(self):
        super().__init__()
        self.layer, self.stop = nn.Linear(4, 2), False

    def forward(self, x):
        y = self.layer(x)
        if self.stop:
            raise KeyboardInterrupt
        return y


@BLOCKS
@pytest.mark.parametrize("how", ["no optimizer", "optimizer", "closure"])
def test_after_a_call_that_was_interrupted_the_next_is_seen(block, how):
    net = Interrupted()
    optimizer = _sgd(net)
    step = _loop(net, optimizer, how == "closure")
    more = {"level": "everything"} if block is probe else {"stop": False}
    with block(net, None if how == "no optimizer" else optimizer, **more) as seen:
        step()
        net.stop = True
        with pytest.raises(KeyboardInterrupt):
            step()
        net.stop = False
        for _ in range(2):
            step()
        assert (seen.step if block is watch else seen.steps) == 3
        with torch.no_grad():
            net.layer.bias[0] = torch.nan
        step()
    if block is watch:
        assert (seen.post_mortem.direction, seen.post_mortem.step) == ("parameter", 3)
    else:
        assert seen.measured.all()
        assert np.isfinite(seen.output_gradient_norm[:3]).all()


class Tree(nn.Module):
    """A model that calls itself: a real call within a call."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, 4)

    def forward(self, x, depth=2):
        y = self.layer(x)
        return self(y, depth - 1) + self(-y, depth - 1) if depth else y


@BLOCKS
def test_a_model_that_calls_itself_makes_one_pass(block):
    net = Tree()
    with block(net) as seen:
        for number in range(3):
            assert (seen.step if block is watch else seen.steps) == number
            net(_batch()).square().sum().backward()
    if block is probe:
        assert len(seen.layers) == 7


@BLOCKS
def test_a_closure_may_have_any_name(block):
    class Own(torch.optim.SGD):
        def step(self, evaluate):
            with torch.enable_grad():
                loss = evaluate()
            super().step()
            return loss

    net = _net()
    optimizer = Own(net.parameters(), lr=0.01)
    norms = []

    def evaluate():
        optimizer.zero_grad()
        net(_batch()).square().sum().backward()
        norms.append([float(p.grad.norm()) for p in net.parameters()])

    with block(net, optimizer) as seen:
        for _ in range(3):
            optimizer.step(evaluate=evaluate)
    if block is watch:
        assert seen.step == 3
    else:
        np.testing.assert_allclose(seen.parameter_gradient_norm, norms, rtol=1e-5)


@BLOCKS
def test_an_optimizer_that_calls_the_model_itself_makes_one_step(block):
    class Own(torch.optim.SGD):
        @torch.enable_grad()
        def step(self):
            net(_batch())
            super().step()

    net = _net()
    _sgd(net)  # torch calls hooks around SGD's own step once there has been an SGD
    optimizer = Own(net.parameters(), lr=0.01)
    with block(net, optimizer) as seen:
        for _ in range(3):
            optimizer.zero_grad()
            net(_batch()).square().sum().backward()
            optimizer.step()
    assert (seen.step if block is watch else seen.steps) == 3
    if block is probe:
        assert seen.step_numbers.tolist() == [0, 1, 2]


@BLOCKS
@pytest.mark.parametrize("fused", [True, False])
def test_an_update_that_a_scaler_skips_is_no_step(block, fused):
    net = _net()
    optimizer = torch.optim.Adam(net.parameters(), lr=0.01, fused=fused)
    scaler = torch.amp.GradScaler("cpu", init_scale=1e30)
    more = {"level": "everything"} if block is probe else {}
    with block(net, optimizer, **more) as seen:
        for factor in (1.0, 1e20, 1.0, 1.0):
            optimizer.zero_grad()
            scaler.scale(factor * net(_batch()).square().sum()).backward()
            scaler.step(optimizer)
            scaler.update(1e30)
    assert (seen.step if block is watch else seen.steps) == 3
    if block is probe:
        assert seen.step_numbers.tolist() == [0, 1, 2]
        assert not seen.nonfinite.any()
        assert (seen.update_ratio > 0).all()


@BLOCKS
@pytest.mark.parametrize("first", [True, False])
def test_a_scheduler_may_wrap_the_step(block, first):
    net = _net()
    optimizer = _sgd(net)
    make = torch.optim.lr_scheduler.StepLR
    scheduler = make(optimizer, 1) if first else None
    with block(net, optimizer) as seen:
        scheduler = scheduler or make(optimizer, 1)
        for _ in range(3):
            _loop(net, optimizer, False)()
            scheduler.step()
    assert (seen.step if block is watch else seen.steps) == 3
    assert not optimizer._optimizer_step_pre_hooks
    assert not optimizer._optimizer_step_post_hooks


@BLOCKS
def test_two_updates_of_the_same_gradients_are_two_steps(block):
    net = _net()
    optimizer = _sgd(net)
    with block(net, optimizer) as seen:
        for _ in range(2):
            _loop(net, optimizer, False)()
            optimizer.step()
    assert (seen.step if block is watch else seen.steps) == 4


@BLOCKS
@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_an_exception_in_the_block_leaves_no_hook(block, error):
    net, optimizer = _net(), None
    optimizer = _sgd(net)

    def fails():
        net(_batch())
        raise error

    with pytest.raises(error), block(net, optimizer):
        optimizer.step(fails)
    hooks = [net._forward_hooks, net._forward_pre_hooks]
    hooks += [optimizer._optimizer_step_pre_hooks, optimizer._optimizer_step_post_hooks]
    assert not any(hooks)


@BLOCKS
def test_a_scripted_model_is_refused(block):
    with pytest.warns(DeprecationWarning, match="torch.jit.script"):
        model = torch.jit.script(_net())
    said = f"takes no hooks.*{block.__name__} the model before torch.jit.script"
    with pytest.raises(GradcourseError, match=said):
        block(model)


def test_a_scripted_loss_is_watched_through_the_watch():
    net = _net()
    with pytest.warns(DeprecationWarning, match="torch.jit.script"):
        loss_function = torch.jit.script(nn.MSELoss())
    with watch(net, _sgd(net), loss_function, stop=False) as seen:
        seen.loss(net(_batch()), torch.full((3, 2), torch.nan)).backward()
    assert seen.post_mortem.module == "loss function"
    assert not net._forward_hooks


@pytest.mark.parametrize("bad", [False, True])
def test_a_closure_that_only_goes_backward_is_looked_at(bad):
    """The forward pass lies in front of the step, the backward pass inside it."""
    net = nn.Linear(3, 1)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    before = net.weight.detach().clone()
    with watch(net, optimizer) as seen:
        for k in range(3):
            optimizer.zero_grad()
            x = torch.ones(2, 3) * (float("inf") if bad and k == 1 else 1.0)
            loss = net(x).square().sum()

            def closure(loss=loss):
                loss.backward()
                return loss

            if bad and k == 1:
                kept = net.weight.detach().clone()
                with pytest.raises(NonFiniteError):
                    optimizer.step(closure)
                assert torch.equal(net.weight, kept)
                break
            optimizer.step(closure)
    assert seen.step == (1 if bad else 3)
    assert not torch.equal(net.weight, before)


def test_the_watch_counts_backward_passes_by_the_calls_that_they_came_to():
    net = nn.Linear(3, 1)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    with watch(net, optimizer) as seen:
        for _ in range(4):  # four passes to one update
            net(torch.ones(2, 3)).sum().backward()
        with torch.no_grad():
            net(torch.ones(2, 3))
        net(torch.ones(2, 3))  # never goes backward
        assert "no update in 5 calls of the model and 4 backward passes" in repr(seen)
        optimizer.step()
        (net(torch.ones(2, 3)) + net(torch.zeros(2, 3))).sum().backward()  # one of two calls
        optimizer.step()
    assert seen.step == 2
    assert seen._backward_passes == 5


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_a_nan_after_a_closure_that_raised_is_found_before_the_update(error):
    net = nn.Linear(4, 2)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)

    def closure():
        optimizer.zero_grad()
        net(torch.randn(3, 4)).sum().backward()
        raise error

    with watch(net, optimizer):
        with pytest.raises(error):
            optimizer.step(closure)
        optimizer.zero_grad()
        (net(torch.randn(3, 4)).sum() * float("nan")).backward()
        with pytest.raises(NonFiniteError):
            optimizer.step()
    assert bool(net.weight.isfinite().all())
