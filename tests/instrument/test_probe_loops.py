"""The probe in loops and with models as people write them."""

import copy
import dataclasses
import io
import pickle
import types
import weakref

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from gradcourse.instrument import gradient_norm, probe
from gradcourse.nets import mlp
from gradcourse.support import GradcourseError


def _batch(rows=16, inputs=64, seed=0):
    return torch.randn(rows, inputs, generator=torch.Generator().manual_seed(seed))


def _sgd(net, lr=0.1):
    return torch.optim.SGD(net.parameters(), lr=lr)


def _train(net, optimizer, steps=1, record=None, **zero):
    for step in range(steps):
        optimizer.zero_grad(**zero)
        loss = net(_batch(seed=step)).square().mean()
        if record is not None:
            record.log(loss)
        loss.backward()
        optimizer.step()


def _hooks(net):
    found = sum(
        len(m._forward_hooks) + len(m._forward_pre_hooks) + len(m._backward_hooks)
        for m in net.modules()
    )
    return found + sum(len(p._post_accumulate_grad_hooks or ()) for p in net.parameters())


def test_each_optimizer_step_is_a_step_and_layers_come_every_tenth():
    net = mlp(2)
    optimizer = _sgd(net)
    with probe(net, optimizer) as record:
        _train(net, optimizer, 21, record)
    assert record.steps == 21
    assert np.flatnonzero(record.measured).tolist() == [0, 10, 20]
    assert record.histogram_steps.tolist() == [0]
    assert np.isfinite(record.parameter_gradient_norm).all()
    assert np.isfinite(record.activation_std[[0, 10, 20]]).all()
    assert np.isnan(record.activation_std[1:10]).all()
    assert np.isfinite(record.update_ratio[record.measured]).all()
    assert np.isfinite(record.loss).all()
    assert _hooks(net) == 0
    assert not optimizer._optimizer_step_pre_hooks
    assert not optimizer._optimizer_step_post_hooks


@pytest.mark.parametrize("set_to_none", [True, False])
def test_gradients_and_updates_are_those_of_the_loop(set_to_none):
    net, twin = mlp(2, seed=3), mlp(2, seed=3)
    optimizer, other = _sgd(net), _sgd(twin)
    with probe(net, optimizer, level="everything") as record:
        _train(net, optimizer, 3, set_to_none=set_to_none)
    for step in range(3):
        other.zero_grad()
        twin(_batch(seed=step)).square().mean().backward()
        norms = gradient_norm(p.grad for p in twin.parameters())
        np.testing.assert_allclose(record.parameter_gradient_norm[step], norms, rtol=1e-5)
        before = [p.detach().clone() for p in twin.parameters() if p.dim() > 1]
        other.step()
        after = [p.detach() for p in twin.parameters() if p.dim() > 1]
        moved = gradient_norm(a - b for a, b in zip(after, before, strict=True))
        np.testing.assert_allclose(record.weight_norm[step], gradient_norm(before), rtol=1e-5)
        ratio = moved / gradient_norm(before)
        np.testing.assert_allclose(record.update_ratio[step], ratio, rtol=1e-5)
    for a, b in zip(net.parameters(), twin.parameters(), strict=True):
        assert torch.equal(a, b)


def test_accumulated_and_clipped_gradients_are_read_as_the_update_uses_them():
    net = mlp(2)
    optimizer = _sgd(net)
    with probe(net, optimizer) as record:
        for half in range(2):
            net(_batch(seed=half)).square().mean().backward()
        net.eval()
        net(_batch(seed=9))  # an evaluation that forgot no_grad
        nn.utils.clip_grad_norm_(net.parameters(), 1e-3)
        optimizer.step()
    assert record.steps == 1
    assert np.linalg.norm(record.parameter_gradient_norm[0]) == pytest.approx(1e-3, rel=1e-3)
    expected = net[0](_batch(seed=1)).double().mean().item()
    assert len(record.layers) == 5
    assert record.activation_mean[0, 0] != pytest.approx(expected)  # the weights have moved since
    assert np.isfinite(record.output_gradient_norm).all()


def test_a_closure_makes_its_gradients_inside_the_step():
    net = mlp(1)
    optimizer = torch.optim.LBFGS(net.parameters(), max_iter=2)

    def closure():
        optimizer.zero_grad()
        loss = net(_batch()).square().mean()
        loss.backward()
        return loss

    with probe(net, optimizer) as record:
        optimizer.step(closure)
    assert record.steps == 1
    assert np.all(record.parameter_gradient_norm > 0)
    assert np.all(record.update_ratio > 0)


class Spending(torch.optim.SGD):
    """An optimizer that uses its gradients up, as one that unscales or signs them in place."""

    def step(self, closure=None):
        loss = super().step(closure)
        for group in self.param_groups:
            for p in group["params"]:
                p.grad.fill_(7.0)
        return loss


@pytest.mark.parametrize("how", ["plain", "positional", "named", "scheduled"])
@pytest.mark.parametrize("level", ["gradients", "everything"])
def test_gradients_are_read_before_the_update_uses_them_up(how, level):
    net, twin = mlp(2, seed=3), mlp(2, seed=3)
    optimizer, other = Spending(net.parameters(), lr=0.1), _sgd(twin)
    if how == "scheduled":
        torch.optim.lr_scheduler.ConstantLR(optimizer, factor=1.0)  # it wraps optimizer.step

    def closure():
        optimizer.zero_grad()
        loss = net(_batch()).square().mean()
        loss.backward()
        return loss

    with probe(net, optimizer, level=level) as record:
        for _ in range(2):
            if how in ("plain", "scheduled"):
                closure()
                optimizer.step()
            elif how == "positional":
                record.log(optimizer.step(closure))
            else:
                record.log(optimizer.step(closure=closure))
    assert record.steps == 2
    for step in range(2):
        other.zero_grad()
        loss = twin(_batch()).square().mean()
        loss.backward()
        norms = gradient_norm(p.grad for p in twin.parameters())
        np.testing.assert_allclose(record.parameter_gradient_norm[step], norms, rtol=1e-5)
        if how in ("positional", "named"):
            assert record.loss[step] == pytest.approx(loss.item())
        before = [p.detach().clone() for p in twin.parameters() if p.dim() > 1]
        other.step()
        if level == "everything":
            after = [p.detach() for p in twin.parameters() if p.dim() > 1]
            moved = gradient_norm(a - b for a, b in zip(after, before, strict=True))
            np.testing.assert_allclose(record.weight_norm[step], gradient_norm(before), rtol=1e-5)
            ratio = moved / gradient_norm(before)
            np.testing.assert_allclose(record.update_ratio[step], ratio, rtol=1e-5)


@pytest.mark.parametrize("fused", [True, False])
def test_the_factor_of_a_gradient_scaler_is_not_recorded(fused):
    net, twin = mlp(1, seed=1), mlp(1, seed=1)
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3, fused=fused)
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**12)
    with probe(net, optimizer) as record:
        scaler.scale(net(_batch()).square().mean()).backward()
        scaler.step(optimizer)
    twin(_batch()).square().mean().backward()
    norms = gradient_norm(p.grad for p in twin.parameters())
    np.testing.assert_allclose(record.parameter_gradient_norm[0], norms, rtol=1e-5)


@pytest.mark.parametrize("closed", [True, False])
def test_an_update_that_fails_is_followed_by_one_that_is_recorded(closed):
    class Failing(torch.optim.SGD):
        fails = True

        def step(self, closure=None):
            loss = super().step(closure)
            if self.fails:
                raise RuntimeError("planted")
            return loss

    net = mlp(1)
    optimizer = Failing(net.parameters(), lr=0.1)

    def closure():
        optimizer.zero_grad()
        if closed and optimizer.fails:
            raise RuntimeError("planted")
        loss = net(_batch()).square().mean()
        loss.backward()
        return loss

    def step():
        if closed:
            optimizer.step(closure)
        else:
            closure()
            optimizer.step()

    with probe(net, optimizer, every=1) as record:
        with pytest.raises(RuntimeError, match="planted"):
            step()
        before = record.steps
        optimizer.fails = False
        for _ in range(2):
            step()
    assert record.steps == before + 2
    assert np.all(record.update_ratio[-2:] > 0)


def test_a_search_along_a_line_is_one_step_from_where_it_starts():
    net = mlp(1, seed=2)
    start = copy.deepcopy(net)
    optimizer = torch.optim.LBFGS(net.parameters(), max_iter=4)
    losses = []

    def closure():
        optimizer.zero_grad()
        loss = net(_batch()).square().mean()
        loss.backward()
        record.log(loss)
        losses.append(loss.item())
        return loss

    with probe(net, optimizer, level="everything") as record:
        optimizer.step(closure)
    assert len(losses) > 2
    assert losses[-1] < losses[0]
    assert record.loss.tolist() == pytest.approx(losses[:1])
    end = [p.detach() for p in net.parameters() if p.dim() > 1]
    begin = [p.detach() for p in start.parameters() if p.dim() > 1]
    moved = gradient_norm(a - b for a, b in zip(end, begin, strict=True))
    np.testing.assert_allclose(record.weight_norm[0], gradient_norm(begin), rtol=1e-5)
    ratio = moved / gradient_norm(begin)
    np.testing.assert_allclose(record.update_ratio[0], ratio, rtol=1e-4)
    with probe(start) as alone:
        start(_batch()).square().mean().backward()
    for name in ("parameter_gradient_norm", "activation_norm", "output_gradient_norm"):
        np.testing.assert_allclose(getattr(record, name), getattr(alone, name), rtol=1e-5)
    assert not optimizer._optimizer_step_pre_hooks


@pytest.mark.parametrize("when", ["before backward", "after step"])
def test_a_logged_loss_belongs_to_its_own_step(when):
    net = mlp(1)
    optimizer = _sgd(net)
    losses = []
    with probe(net, optimizer) as record:
        for step in range(4):
            optimizer.zero_grad()
            loss = net(_batch(seed=step)).square().mean()
            if when == "before backward" and step != 2:
                record.log(loss)
            loss.backward()
            optimizer.step()
            if when == "after step" and step != 2:
                record.log(loss.item())
            losses.append(loss.item() if step != 2 else np.nan)
    np.testing.assert_allclose(record.loss, losses, rtol=1e-6)
    with pytest.raises(GradcourseError, match="3 elements"):
        record.log(torch.ones(3))


def test_saturated_dead_and_zero_are_counted_exactly():
    x = _batch(32, 8)
    for name in ("tanh", "sigmoid", "relu"):
        net = nn.Sequential(nn.Linear(8, 20), mlp(1, activation=name)[1], nn.Linear(20, 1))
        with torch.no_grad():
            net[0].weight.mul_(8)
            net[0].bias[:5] = -100
        with probe(net) as record:
            net(x).sum().backward()
        a = net[1](net[0](x)).detach().double()
        if name == "relu":
            assert record.dead_fraction[0, 1] == pytest.approx((a == 0).all(0).double().mean())
            assert record.dead_fraction[0, 1] >= 0.25
            assert record.zero_fraction[0, 1] == pytest.approx((a == 0).double().mean().item())
            assert np.isnan(record.saturated_fraction[0]).all()
        else:
            slope = 1 - a**2 if name == "tanh" else 4 * a * (1 - a)
            flat = (slope < 0.05).double().mean().item()
            assert record.saturated_fraction[0, 1] == pytest.approx(flat, abs=1e-9)
            assert 0.1 < flat < 0.9
            assert np.isnan(record.dead_fraction[0]).all()


def test_a_dead_channel_of_an_image_is_a_dead_unit():
    net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 36, 2))
    with torch.no_grad():
        net[0].bias[:2] = -100
        net[0].bias[2:] = 100
    with probe(net) as record:
        net(torch.randn(4, 3, 8, 8)).sum().backward()
    assert record.dead_fraction[0, 1] == 0.25


class Functional(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(8, 16)
        self.fc2 = nn.Linear(16, 16)
        self.fc3 = nn.Linear(16, 1)

    def forward(self, x):
        x = torch.relu(self.fc1(x))
        x = x + torch.tanh(self.fc2(x))
        return torch.sigmoid(self.fc3(x))


def test_activations_that_are_functions_are_seen_where_they_feed_a_layer():
    net = Functional()
    with probe(net) as record:
        net(_batch(inputs=8)).sum().backward()
    assert record.layers == ("fc1", "fc1 relu", "fc2", "fc3", "fc3 sigmoid")
    assert record.kinds == ("Linear", "ReLU", "Linear", "Linear", "Sigmoid")
    hidden = net.fc1(_batch(inputs=8)).relu()
    zero = (hidden == 0).double().mean().item()
    assert record.zero_fraction[0, 1] == pytest.approx(zero)
    assert np.isfinite(record.output_gradient_norm[0]).all()


@pytest.mark.parametrize("kind", [nn.RNN, nn.LSTM, nn.GRU])
@pytest.mark.parametrize("batch_first", [True, False])
def test_gradient_by_time_step_of_a_fused_recurrent_layer(kind, batch_first):
    torch.manual_seed(0)
    net = kind(3, 5, batch_first=batch_first)
    x = torch.randn(2, 7, 3) if batch_first else torch.randn(7, 2, 3)
    own = x.clone().requires_grad_()
    last = (slice(None), -1) if batch_first else -1
    net(own)[0][last].square().sum().backward()
    per_step = own.grad.unbind(1 if batch_first else 0)
    wanted = [grad.clone() for grad in net.parameters() for grad in [grad.grad]]
    net.zero_grad()
    with probe(net) as record:
        net(x)[0][last].square().sum().backward()
    lags = record.lag_gradient[kind.__name__]
    assert lags.shape == (1, 7)
    np.testing.assert_allclose(lags[0], gradient_norm(per_step), rtol=1e-5)
    assert lags[0, -1] > lags[0, 0]
    assert x.grad is None
    assert not x.requires_grad
    for parameter, gradient in zip(net.parameters(), wanted, strict=True):
        assert torch.equal(parameter.grad, gradient)


def test_packed_sequences_and_shorter_batches_are_aligned_at_the_newest_step():
    net = nn.GRU(3, 5)
    with probe(net, every=1) as record:
        for longest in (6, 4):
            parts = [torch.randn(n, 3) for n in (longest, 2)]
            packed = nn.utils.rnn.pack_sequence(parts)
            net(packed)[1].sum().backward()
    lags = record.lag_gradient["GRU"]
    assert lags.shape == (2, 6)
    assert np.isnan(lags[1, :2]).all()
    assert np.all(lags[1, 2:] > 0)


@dataclasses.dataclass
class Answer:
    text: str
    logits: torch.Tensor


@pytest.mark.parametrize(
    "wrap",
    [
        lambda y: {"n": 3, "logits": y},
        lambda y: (None, (y, 1)),
        lambda y: Answer("x", y),
        lambda y: types.SimpleNamespace(logits=y),
    ],
    ids=["dict", "tuple", "dataclass", "object"],
)
def test_outputs_of_any_shape(wrap):
    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(4, 2)

        def forward(self, x):
            return wrap(self.fc(x))

    def logits(output):
        if isinstance(output, dict):
            return output["logits"]
        return output[1][0] if isinstance(output, tuple) else output.logits

    net = Model()
    with probe(net) as record:
        logits(net(_batch(inputs=4))).sum().backward()
    assert record.steps == 1
    assert np.isfinite(record.output_gradient_norm).all()


def test_a_model_whose_parts_are_called_without_it():
    net = nn.ModuleDict({"encoder": nn.Linear(8, 4), "decoder": nn.Linear(4, 8)})
    optimizer = _sgd(net)
    for given in (None, optimizer):
        with probe(net, given, every=2) as record:
            for step in range(4):
                optimizer.zero_grad()
                x = _batch(inputs=8, seed=step)
                (net["decoder"](net["encoder"](x)) - x).square().mean().backward()
                optimizer.step()
        assert record.steps == 4
        assert np.all(record.parameter_gradient_norm > 0)
        assert record.layers == ("encoder", "decoder")
        assert record.measured.tolist() == [True, False, True, False]
        assert _hooks(net) == 0


def test_two_calls_that_share_a_backward_pass_are_one_step():
    net = mlp(1)
    with probe(net) as record:
        (net(_batch()) - net(_batch(seed=1))).square().mean().backward()
    assert record.steps == 1
    assert record.layers[3:] == ("layer1 #2", "sigmoid1 #2", "output #2")
    assert np.isfinite(record.output_gradient_norm).all()


@pytest.mark.parametrize("reentrant", [True, False])
def test_checkpointed_layers_are_listed_once(reentrant):
    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.second = nn.Linear(4, 4), nn.Linear(4, 4)

        def forward(self, x):
            return self.second(checkpoint(self.first, x, use_reentrant=reentrant))

    net = Model()
    optimizer = _sgd(net)
    for given in (None, optimizer):
        with probe(net, given, level="everything") as record:
            for _ in range(2):
                optimizer.zero_grad()
                net(_batch(inputs=4).requires_grad_()).sum().backward()
                optimizer.step()
        assert record.steps == 2
        assert record.layers == ("first", "second")
        assert np.all(record.parameter_gradient_norm > 0)


def test_a_copy_or_a_saved_model_is_not_watched():
    net = mlp(1)
    with probe(net, level="everything") as record:
        twin = copy.deepcopy(net)
        loaded = pickle.loads(pickle.dumps(net))
        buffer = io.BytesIO()
        torch.save(net, buffer)
        for other in (twin, loaded):
            other(_batch()).sum().backward()
        assert record.steps == 0
        net(_batch()).sum().backward()
    assert record.steps == 1
    assert torch.equal(twin[0].weight, net[0].weight)


def test_an_exception_in_the_block_leaves_no_hook_anywhere():
    net = mlp(1)
    optimizer = _sgd(net)

    def fail_after_a_step():
        _train(net, optimizer, 1)
        net(_batch(inputs=3))

    with pytest.raises(RuntimeError), probe(net, optimizer, level="everything") as record:
        fail_after_a_step()
    assert _hooks(net) == 0
    assert not optimizer._optimizer_step_pre_hooks
    assert record.steps == 1
    _train(net, optimizer, 1)
    assert record.steps == 1


def test_a_failed_forward_or_backward_does_not_stop_the_recording():
    net = mlp(1)
    with probe(net, every=1) as record:
        with pytest.raises(RuntimeError):
            net(_batch(inputs=3))
        bad = net(_batch())
        bad.register_hook(lambda g: (_ for _ in ()).throw(ValueError("planted")))
        with pytest.raises(ValueError, match="planted"):
            bad.sum().backward()
        net(_batch()).sum().backward()
    assert record.steps == 1
    assert np.isfinite(record.output_gradient_norm).all()


def test_two_probes_with_different_rhythms():
    net = mlp(1)
    optimizer = _sgd(net)
    with probe(net, optimizer, every=2) as one, probe(net, optimizer, every=3) as two:
        _train(net, optimizer, 6)
    assert one.measured.tolist() == [True, False] * 3
    assert two.measured.tolist() == [True, False, False] * 2
    np.testing.assert_array_equal(one.parameter_gradient_norm, two.parameter_gradient_norm)
    np.testing.assert_array_equal(one.activation_norm[0], two.activation_norm[0])


def test_a_compiled_model_gives_gradients_and_says_what_is_missing():
    net = torch.compile(mlp(1), backend="eager")
    optimizer = _sgd(net)
    with pytest.warns(UserWarning, match="compiled"), probe(net, optimizer) as record:
        _train(net, optimizer, 2)
    assert record.steps == 2
    assert np.all(record.parameter_gradient_norm > 0)
    assert record.layers == ()


def test_data_parallel_and_autocast():
    net = mlp(1)
    wrapped = nn.DataParallel(net)
    with probe(wrapped) as record, torch.autocast("cpu", torch.bfloat16):
        wrapped(_batch()).float().square().mean().backward()
    assert np.all(record.parameter_gradient_norm > 0)
    assert np.isfinite(record.activation_std).all()
    assert len(record.layers) == 3


def test_sparse_and_missing_and_non_finite_gradients():
    net = nn.ModuleDict(
        {"table": nn.Embedding(10, 4, sparse=True), "out": nn.Linear(4, 2), "idle": nn.Linear(2, 2)}
    )
    optimizer = _sgd(net)
    with probe(net, optimizer, level="everything") as record:
        net["out"](net["table"](torch.tensor([1, 1, 3]))).sum().backward()
        net["out"].bias.grad[0] = np.nan
        optimizer.step()
    names = list(record.parameters)
    row = record.parameter_gradient_norm[0]
    dense = net["table"].weight.grad.to_dense()
    assert row[names.index("table.weight")] == pytest.approx(gradient_norm(dense)[0], rel=1e-6)
    assert np.isnan(row[names.index("idle.weight")])
    assert record.nonfinite[0].tolist() == [name == "out.bias" for name in names]
    assert np.isnan(record.update_ratio[0, record.weights.index("idle.weight")])


@pytest.mark.parametrize("exponent", range(-45, 38, 2))
@pytest.mark.parametrize("level", ["gradients", "everything"])
def test_no_gradient_is_reported_as_zero_or_infinite(exponent, level):
    net = nn.Linear(50, 20, bias=False)
    optimizer = _sgd(net, 0.0)
    draw = torch.randn(20, 50, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    gradient = (draw * 10.0**exponent).float()
    with probe(net, optimizer, level=level) as record:
        for _ in range(2):  # the second time, what needed a wide sum is known
            net(_batch(inputs=50)).sum().backward()
            net.weight.grad = gradient.clone()
            optimizer.step()
    expected = torch.linalg.vector_norm(gradient.double()).item()
    assert 0 < expected < np.inf
    np.testing.assert_allclose(record.parameter_gradient_norm[:, 0], expected, rtol=1e-5)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_range_of_other_dtypes(dtype):
    net = nn.Linear(50, 20, bias=False).to(dtype)
    optimizer = _sgd(net, 0.0)
    sizes = {
        torch.float16: (1e-7, 6e4),
        torch.bfloat16: (1e-38, 1e38),
        torch.float64: (1e-310, 1e305),
    }
    for size in sizes[dtype]:
        gradient = torch.full((20, 50), size, dtype=dtype)
        with probe(net, optimizer, level="gradients") as record:
            net(_batch(inputs=50).to(dtype)).sum().backward()
            net.weight.grad = gradient.clone()
            optimizer.step()
        expected = float(gradient[0, 0]) * np.sqrt(1000)
        assert record.parameter_gradient_norm[0, 0] == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("scale", [1e-30, 1e-20, 1e20, 1e30])
def test_layers_keep_their_range_too(scale):
    net = nn.Sequential(nn.Linear(8, 8, bias=False), nn.Identity())
    with probe(net) as record:
        y = net(_batch(inputs=8) * scale)
        (y * (1 / scale)).sum().backward()
    wanted = y.detach().double()
    assert record.activation_norm[0, 0] == pytest.approx(wanted.norm().item(), rel=1e-5)
    assert record.activation_std[0, 0] == pytest.approx(
        wanted.std(correction=0).item(), rel=1e-5, abs=0
    )
    gradient = float(np.float32(1 / scale)) * np.sqrt(wanted.numel())
    assert record.output_gradient_norm[0, 0] == pytest.approx(gradient, rel=1e-5)


def test_a_small_spread_around_a_large_mean_is_kept():
    net = nn.Linear(8, 8)
    with torch.no_grad():
        net.weight.mul_(1e-3)
        net.bias.fill_(1.0)
    with probe(net) as record:
        y = net(_batch(inputs=8))
        y.sum().backward()
    expected = y.detach().double().std(correction=0).item()
    assert record.activation_std[0, 0] == pytest.approx(expected, rel=1e-4)
    with torch.no_grad():
        net.weight.zero_()
    with probe(net) as record:
        net(_batch(inputs=8)).sum().backward()
    assert record.activation_std[0, 0] == 0


def test_a_record_pickles_with_everything_in_it():
    net = nn.Sequential(nn.GRU(3, 4), mlp(0, inputs=4))
    net.forward = lambda x: net[1](net[0](x)[0][-1])
    optimizer = _sgd(net)
    with probe(net, optimizer, level="everything") as record:
        for _ in range(2):
            loss = net(torch.randn(5, 2, 3)).square().mean()
            record.log(loss)
            loss.backward()
            optimizer.step()
    twin = pickle.loads(pickle.dumps(record))
    assert repr(twin) == repr(record)
    for name in (
        "parameter_gradient_norm",
        "activation_std",
        "output_gradient_norm",
        "update_ratio",
        "weight_norm",
        "loss",
        "step_numbers",
    ):
        np.testing.assert_array_equal(getattr(twin, name), getattr(record, name))
    np.testing.assert_array_equal(twin.lag_gradient["0"], record.lag_gradient["0"])
    name = record.weights[0]
    for a, b in zip(twin.log2_histograms[name], record.log2_histograms[name], strict=True):
        np.testing.assert_array_equal(a.counts, b.counts)


def test_wrong_optimizers_and_numbers_are_refused():
    net = mlp(1)
    with pytest.raises(GradcourseError, match="level='everything'"):
        probe(net, "everything")
    with pytest.raises(GradcourseError, match="optimizer is a type"):
        probe(net, torch.optim.SGD)
    with pytest.raises(GradcourseError, match="none of this model's"):
        probe(net, _sgd(mlp(1)))
    with pytest.raises(GradcourseError, match="every is 0"):
        probe(net, every=0)
    with pytest.raises(GradcourseError, match="lazy"):
        probe(nn.LazyLinear(3))
    with pytest.raises(GradcourseError, match=r"before torch\.jit\.script"):
        probe(torch.jit.script(nn.Linear(3, 3)))


def test_a_scripted_part_is_passed_over():
    net = nn.Sequential(torch.jit.script(nn.Linear(3, 4)), nn.Tanh(), nn.Linear(4, 2))
    with probe(net, level="everything") as record:
        net(torch.ones(5, 3)).sum().backward()
    assert record.layers == ("1", "2")
    assert np.isfinite(record.parameter_gradient_norm).all()
    assert len(record.parameters) == 4


@pytest.mark.filterwarnings("error:Converting a tensor with requires_grad")
@pytest.mark.filterwarnings("ignore:Using backward")
def test_gradients_that_carry_a_graph_are_read_without_a_word():
    net = nn.Linear(4, 2)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    with probe(net, optimizer, level="everything") as record:
        for _ in range(6):
            optimizer.zero_grad()
            net(torch.randn(8, 4)).square().mean().backward(create_graph=True)
            optimizer.step()
    assert np.isfinite(record.parameter_gradient_norm).all()


def test_a_batch_does_not_outlive_its_step():
    """Nor what made it: the inputs of a measured step are let go when the model has returned."""
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with probe(model, optimizer) as record:
        for step in range(2):
            x = torch.randn(16, 4)
            batch = weakref.ref(x)
            loss = model(x).square().mean()
            loss.backward()
            optimizer.step()
            record.log(loss)
            del x, loss
            assert batch() is None, step
