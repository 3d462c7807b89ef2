"""Planted faults: each must be named by module, step, direction and operation."""

import pickle
import random

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.utils.checkpoint import CheckpointFunction, checkpoint

from gradcourse.instrument import postmortem, probe
from gradcourse.instrument.postmortem import NonFiniteError, PostMortem, post_mortem, watch
from gradcourse.support import GradcourseError


class Fault(nn.Module):
    """Applies a function; from step ``at`` on, another one."""

    def __init__(self, function, at=0, healthy=torch.tanh):
        super().__init__()
        self.function, self.at, self.healthy, self.calls = function, at, healthy, 0

    def forward(self, x):
        # Counted by the loop, since a replay is no step.
        return (self.function if self.calls >= self.at else self.healthy)(x)


class BadGradient(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x.clone()

    @staticmethod
    def backward(ctx, gradient):
        return gradient * float("nan")


def hooked(x):
    y = x * 2
    y.register_hook(lambda gradient: gradient * float("inf"))
    return y


def masked_attention(x):
    scores = (x @ x.T).masked_fill(torch.ones(len(x), len(x), dtype=torch.bool).tril(-1), -np.inf)
    scores = scores.masked_fill(torch.arange(len(x))[:, None] == 2, -torch.inf)
    return scores.softmax(-1) @ x


def exp_that_cancels(x):
    return 1 / (1 + torch.exp(x * 1000))


FORWARD = {
    "forward": (lambda x: x * torch.full((), float("nan")), "full"),
    "log(0)": (lambda x: torch.log(x.relu()), "log"),
    "log of a negative number": (lambda x: torch.log(x), "log"),
    "sqrt of a negative number": (lambda x: torch.sqrt(x), "sqrt"),
    "0/0": (lambda x: (x * 0) / (x * 0).sum(), "div"),
    "a normalised row of zeros": (lambda x: (0 * x) / (0 * x).norm(dim=1, keepdim=True), "div"),
    "overflow": (lambda x: torch.exp(x * 1000), "exp"),
    "overflow that ends as NaN": (
        lambda x: (x * 1000).exp() / (x * 1000).exp().sum(1, keepdim=True),
        "exp",
    ),
    "overflow of a square": (lambda x: (x * 1e30).pow(2), "pow"),
    "fractional power": (lambda x: x**0.3, "pow"),
    "in place": (lambda x: (x + 0).log_(), "log_"),
    "in place through a view": (lambda x: _through_a_view(x), "log_"),
    "fully masked attention": (masked_attention, "softmax"),
    "arc": (lambda x: torch.acos(x * 10), "acos"),
    "batch-norm": (
        lambda x: functional.batch_norm(x, *torch.zeros(2, x.shape[1]), training=False, eps=0.0),
        "batch_norm",
    ),
    "batch-norm by hand": (lambda x: (x * 0 - (x * 0).mean(0)) / (x * 0).std(0), "div"),
    "variance of one": (lambda x: (x - x.mean(0)) / x[:1].var(0), "var"),
}

BACKWARD = {
    "backward": (BadGradient.apply, "BadGradient"),
    "a hook": (hooked, "the gradient that arrives at mul"),
    "sqrt(0)": (lambda x: torch.sqrt(x * 0), "sqrt"),
    "where-trap": (lambda x: torch.where(x > 0, x.sqrt(), x), "sqrt"),
    "where-trap of log": (
        lambda x: torch.where(x > 0, (x - x.detach().clamp_max(0)).log(), x),
        "log",
    ),
    "where-trap of a quotient": (lambda x: torch.where(x > 9, x / (x * 0), x), "div"),
    "power of 0": (lambda x: (x * 0).abs().pow(0.5), "pow"),
    "overflow that the forward pass hides": (exp_that_cancels, "exp"),
    "overflow": (lambda x: (x * 1e-30).mul(1e38).mul(1e10), "mul"),
    "batch-norm by hand": (lambda x: x * 0 / ((x * 0).var(0).sqrt() + 1e-5), "sqrt"),
}


def _through_a_view(x):
    y = x + 0
    y[1].log_()
    return y


def network(fault, width=8, dropout=0.0):
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Linear(4, width),
        nn.BatchNorm1d(width),
        nn.Sequential(nn.Dropout(dropout), fault),
        nn.Linear(width, 3),
    )


def run(model, steps=4, loss_function=None, through_watch=False, batches=None, **more):
    """A plain loop; returns what the watch found."""
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
    generator = torch.Generator().manual_seed(1)
    loss_function = loss_function or nn.CrossEntropyLoss()
    with watch(model, optimizer, loss_function if through_watch else None, **more) as seen:
        for step in range(steps):
            for module in model.modules():
                if isinstance(module, Fault):
                    module.calls = step
            x = batches[step] if batches else torch.randn(8, 4, generator=generator)
            y = torch.arange(8) % 3
            optimizer.zero_grad()
            outputs = model(x)
            loss = seen.loss(outputs, y) if through_watch else loss_function(outputs, y)
            loss.backward()
            optimizer.step()
    return seen.post_mortem


class Dies:
    """A watched block that must end with a post-mortem."""

    def __init__(self, *args):
        self.watch = watch(*args)

    def __enter__(self):
        self.watch.__enter__()
        return self

    def __exit__(self, kind, error, traceback):
        self.watch.__exit__(kind, error, traceback)
        assert kind is NonFiniteError, "the watch saw nothing"
        self.post_mortem = error.post_mortem
        return True


def fails(*args, **kwargs) -> PostMortem:
    with pytest.raises(NonFiniteError) as caught:
        run(*args, **kwargs)
    return caught.value.post_mortem


@pytest.mark.parametrize("through_watch", [False, True])
@pytest.mark.parametrize("name", FORWARD)
def test_forward_faults(name, through_watch):
    function, op = FORWARD[name]
    found = fails(network(Fault(function, at=2)), through_watch=through_watch)
    assert (found.direction, found.module, found.step) == ("forward", "2.1", 2)
    assert found.op == op
    assert found.kind == "Fault"
    assert found.source.startswith("test_postmortem.py:")
    assert found.advice


@pytest.mark.parametrize("name", BACKWARD)
def test_backward_faults(name):
    function, op = BACKWARD[name]
    found = fails(network(Fault(function, at=3)))
    assert (found.direction, found.module, found.step) == ("backward", "2.1", 3)
    assert found.op == op
    assert set(found.affected) >= {"0.weight", "1.weight"}
    assert found.source.startswith("test_postmortem.py:")


def test_the_where_trap_is_explained():
    found = fails(network(Fault(BACKWARD["where-trap"][0])))
    trapped = found.evidence["NaN or Inf in ∂ℒ/∂input, entries"]
    assert found.evidence["of these with ∂ℒ/∂output exactly 0"] == trapped > 0
    assert "torch.where" in found.advice[0]
    assert "x.sqrt()" in found.source


def test_a_parameter_that_is_not_finite():
    model = network(nn.Tanh())
    with torch.no_grad():
        model[3].weight[1, 2] = float("nan")
    found = fails(model)
    assert (found.direction, found.parameter, found.step) == ("parameter", "3.weight", 0)
    assert found.module == "3"
    assert found.evidence == {"shape": (3, 8), "NaN": 1, "Inf": 0, "rows": (1,)}


def test_a_parameter_that_the_optimizer_spoilt_is_found_one_step_later():
    model = network(nn.Tanh())
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
    with Dies(model, optimizer) as caught:
        for step in range(4):
            optimizer.zero_grad()
            model(torch.randn(8, 4)).square().sum().backward()
            optimizer.param_groups[0]["lr"] = float("inf") if step == 1 else 1e-3
            optimizer.step()
    found = caught.post_mortem
    assert found.direction == "parameter"
    assert found.step == 2


def test_a_buffer_that_is_not_finite():
    model = network(nn.Tanh()).eval()
    model[1].running_var[3] = float("nan")
    found = fails(model)
    assert (found.direction, found.parameter) == ("parameter", "1.running_var")


def test_running_statistics_spoilt_by_the_bad_batch_are_not_blamed():
    found = fails(network(Fault(lambda x: x, at=0)), batches=[torch.full((8, 4), float("inf"))])
    assert found.direction == "input"


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_the_input_batch(bad):
    batches = [torch.randn(8, 4) for _ in range(3)]
    batches[2][5, 1] = bad
    batches[2][6, 0] = bad
    found = fails(network(nn.Tanh()), batches=batches)
    assert (found.direction, found.input, found.step) == ("input", "argument 0 of the model", 2)
    assert found.evidence["rows"] == (5, 6)


def test_an_argument_that_was_computed_from_earlier_calls():
    """A solver whose steps are too long: no row of the data is to be dropped."""
    torch.manual_seed(0)
    model = nn.Linear(4, 4)
    with torch.no_grad():
        model.weight.mul_(1e3)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0)

    def solve() -> None:
        y = torch.randn(8, 4)
        for _ in range(20):
            y = y + model(y) * y
        y.mean().backward()
        optimizer.step()

    with pytest.raises(NonFiniteError) as caught, watch(model, optimizer):
        solve()
    found = caught.value.post_mortem
    assert (found.direction, found.input) == ("input", "argument 0 of the model")
    assert "It was computed in the same step" in str(found)
    assert "Repair or drop" not in str(found)


def test_dropout_is_replayed_with_the_same_mask():
    # The logarithm is bad only for the units that this mask has dropped.
    model = network(Fault(lambda x: torch.log(x.abs())), dropout=0.02)
    torch.manual_seed(5)
    found = fails(model, steps=60)
    assert (found.direction, found.module, found.op) == ("forward", "2.1", "log")
    assert found.evidence["input there"] == (0.0,)


def test_batch_norm_with_a_variance_below_0():
    model = network(nn.Tanh()).eval()
    model[1].running_var[2] = -1.0
    found = fails(model)
    assert (found.direction, found.module, found.kind) == ("forward", "1", "BatchNorm1d")
    assert (found.step, found.op) == (0, "batch_norm")


def test_batch_norm_replays_the_batch_and_not_the_later_statistics():
    class Net(nn.Module):
        """Bad only while the running mean is still what it was before the bad step."""

        def __init__(self):
            super().__init__()
            self.norm, self.head = nn.BatchNorm1d(4), nn.Linear(4, 1)

        def forward(self, x):
            mean = self.norm.running_mean.clone()
            return self.head(self.norm(x) + torch.log(mean + 1e-30 + 0 * x))

    model = Net()
    with Dies(model) as caught:
        with torch.no_grad():
            model.norm.running_mean.fill_(-1.0)
        model(torch.full((8, 4), 30.0) + torch.randn(8, 4)).sum().backward()
    found = caught.post_mortem
    assert (found.direction, found.module, found.op) == ("forward", "Net", "log")


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_overflow_in_half_precision(dtype):
    model = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4), nn.ReLU()).to(dtype)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.fill_(200.0 if dtype == torch.float16 else 1e20)
    with Dies(model) as caught:
        caught.watch.check(model(torch.ones(2, 4, dtype=dtype) * 10).float().sum())
    found = caught.post_mortem
    assert (found.direction, found.module) == ("forward", "1")
    assert torch.finfo(dtype).max in found.evidence.values()


def test_gradient_that_overflows_float16():
    model = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4)).half()
    with torch.no_grad():
        model[1].weight.fill_(500.0)
    with Dies(model) as caught:
        (model(torch.ones(2, 4).half() * 1e-3) * 100).sum().backward()
    found = caught.post_mortem
    assert (found.direction, found.module, found.kind) == ("backward", "1", "Linear")


@pytest.mark.parametrize("kind", [nn.RNN, nn.LSTM, nn.GRU])
def test_a_recurrent_network(kind):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.rnn, self.head = kind(4, 6, num_layers=2), nn.Linear(6, 1)

        def forward(self, x):
            return self.head(self.rnn(x)[0][-1])

    model = Net()
    with torch.no_grad():
        model.rnn.weight_hh_l1[0, 0] = float("inf")
    with Dies(model) as caught:
        model(torch.randn(5, 3, 4)).sum().backward()
    found = caught.post_mortem
    assert (found.direction, found.module) == ("parameter", "rnn")
    assert found.parameter == "rnn.weight_hh_l1"


def test_a_cell_called_many_times():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.cell = nn.RNNCell(4, 4, nonlinearity="relu")

        def forward(self, x):
            h = x.new_zeros(2, 4)
            for _ in range(400):
                h = self.cell(x, h * 3)
            return h

    torch.manual_seed(0)
    model = Net()
    with torch.no_grad():
        model.cell.weight_hh.fill_(1.0)
    with Dies(model) as caught:
        model(torch.ones(2, 4)).sum().backward()
    assert caught.post_mortem.module in ("cell", "Net")
    assert caught.post_mortem.direction == "forward"


def test_masks_that_are_fine_are_not_blamed():
    layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True, dropout=0.0)
    model = nn.Sequential(nn.Linear(4, 8), layer, nn.Sequential(Fault(torch.log), nn.Tanh()))
    mask = nn.Transformer.generate_square_subsequent_mask(5)
    layer_forward = layer.forward
    layer.forward = lambda x: layer_forward(x, src_mask=mask)
    found = post_mortem(model, lambda: model(torch.randn(2, 5, 4)).sum())
    assert (found.module, found.op) == ("2.0", "log")


def test_multi_head_attention_with_a_row_fully_masked():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.attention = nn.MultiheadAttention(4, 2, batch_first=True)

        def forward(self, x, mask):
            return self.attention(x, x, x, attn_mask=mask)[0]

    model, mask = Net(), torch.zeros(3, 3)
    mask[1] = -torch.inf
    with Dies(model) as caught:
        model(torch.randn(2, 3, 4), mask).sum().backward()
    found = caught.post_mortem
    assert (found.direction, found.module, found.op) == ("forward", "attention", "softmax")


def bad_log_loss(outputs, y):
    return -torch.log(outputs.softmax(-1)[:, 0] * 0).mean()


def sqrt_loss(outputs, y):
    return torch.sqrt((outputs * 0).sum())


def overflowing_loss(outputs, y):
    return torch.exp(outputs.detach().abs() + 100).sum() + outputs.sum()


@pytest.mark.parametrize(
    ("loss_function", "direction", "op"),
    [
        (bad_log_loss, "forward", "log"),
        (sqrt_loss, "backward", "sqrt"),
        (overflowing_loss, "forward", "exp"),
    ],
)
def test_only_the_loss_function_is_at_fault(loss_function, direction, op):
    found = fails(network(nn.Tanh()), loss_function=loss_function, through_watch=True)
    assert (found.direction, found.module, found.op) == (direction, "loss function", op)
    assert "_postmortem.py:" in found.source


def test_a_loss_function_that_the_watch_does_not_know():
    found = fails(network(nn.Tanh()), loss_function=sqrt_loss)
    assert found.module == "loss function"
    assert found.op == "sqrt"
    assert "watch.loss" in found.advice[-1]


def test_a_loss_module_may_be_called_directly():
    class Loss(nn.Module):
        def forward(self, outputs, y):
            return sqrt_loss(outputs, y)

    criterion, model = Loss(), network(nn.Tanh())
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with Dies(model, optimizer, criterion) as caught:
        criterion(model(torch.randn(8, 4)), torch.arange(8)).backward()
        optimizer.step()
    assert (caught.post_mortem.module, caught.post_mortem.op) == (
        "loss function",
        "sqrt",
    )


def test_a_target_with_nan():
    found = fails(
        network(nn.Tanh()),
        loss_function=lambda outputs, y: (outputs - (y / (y * 0.0))[:, None]).square().mean(),
        through_watch=True,
    )
    assert (found.module, found.op) == ("loss function", "div")


def test_a_penalty_outside_model_and_loss_function():
    model = network(nn.Tanh())
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with torch.no_grad():
        model[3].bias.zero_()
    with Dies(model, optimizer) as caught:
        (model(torch.randn(8, 4)).sum() + model[3].bias.abs().sum().sqrt()).backward()
        optimizer.step()
    assert caught.post_mortem.direction == "unknown"
    assert caught.post_mortem.affected == ("3.bias",)
    found = post_mortem(
        model, lambda: model(torch.randn(8, 4)).sum() + model[3].bias.abs().sum().sqrt()
    )
    assert (found.module, found.op, found.affected) == ("loss function", "sqrt", ("3.bias",))


def test_gradient_accumulation_and_no_optimizer():
    model = network(Fault(lambda x: torch.where(x > 0, x.sqrt(), x), at=1))
    with Dies(model) as caught:
        for step in range(3):
            model[2][1].calls = step
            model(torch.randn(8, 4)).sum().backward()
    found = caught.post_mortem
    assert (found.direction, found.module, found.step) == ("backward", "2.1", 1)


class Checkpointed(nn.Module):
    def __init__(self, reentrant):
        super().__init__()
        self.first, self.fault, self.reentrant = nn.Linear(4, 4), Fault(torch.sqrt), reentrant

    def forward(self, x):
        inner = lambda h: self.fault(h * 0)  # noqa: E731
        return checkpoint(inner, self.first(x), use_reentrant=self.reentrant)


@pytest.mark.parametrize("reentrant", [False, True])
def test_activation_checkpointing(reentrant):
    apply = CheckpointFunction.apply
    model = Checkpointed(reentrant)
    with Dies(model) as caught:
        model(torch.randn(3, 4)).sum().backward()
    found = caught.post_mortem
    assert (found.direction, found.module, found.op) == ("backward", "fault", "sqrt")
    assert CheckpointFunction.apply == apply


def test_scripted_parts_count_for_the_module_around_them():
    model = nn.Sequential(torch.jit.script(nn.Linear(4, 4)), Fault(lambda x: torch.log(x * 0)))
    with Dies(model) as caught:
        model(torch.randn(3, 4)).sum().backward()
    assert (caught.post_mortem.module, caught.post_mortem.op) == ("1", "log")


def test_nan_in_the_output_with_finite_gradients():
    # The slope of log at a negative number is finite, so no gradient tells.
    model = nn.Sequential(nn.Linear(4, 4), Fault(lambda x: torch.log(-x.abs() - 1), at=1))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with Dies(model, optimizer) as caught:
        for step in range(3):
            model[1].calls = step
            optimizer.zero_grad()
            model(torch.randn(3, 4)).sum().backward()
            assert all(torch.isfinite(p.grad).all() for p in model.parameters())
            optimizer.step()
    found = caught.post_mortem
    assert (found.direction, found.module, found.step) == ("forward", "1", 1)


def test_infinities_meant_to_be_in_the_output():
    mask = torch.tensor([[True, False, False, False]])
    model = nn.Sequential(nn.Linear(4, 4), Fault(lambda x: x.masked_fill(mask, -torch.inf)))
    with watch(model) as seen:
        for _ in range(2):
            model(torch.randn(3, 4)).softmax(-1)[:, 1].sum().backward()
    assert seen.post_mortem is None
    assert seen.step == 2


@pytest.mark.parametrize("with_optimizer", [False, True])
def test_a_probe_beside_a_watch_records_no_replay(with_optimizer):
    model = network(Fault(lambda x: torch.where(x > 0, x.sqrt(), x)))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1) if with_optimizer else None
    with probe(model, optimizer, level="everything") as record:
        with watch(model, optimizer, stop=False) as seen:
            for _ in range(3):
                model.zero_grad()
                model(torch.randn(8, 4)).sum().backward()
                if optimizer is not None:
                    optimizer.step()
        assert seen.post_mortem.op == "sqrt"
    assert record.steps == 3
    assert record.layers == ("0", "1", "2.0", "2.1", "3")


@pytest.mark.parametrize("kind", [torch.optim.LBFGS, torch.optim.SGD])
def test_gradients_made_inside_the_step_by_a_closure(kind):
    model = network(Fault(lambda x: torch.where(x > 0, x.sqrt(), x), at=2))
    optimizer = kind(model.parameters(), lr=1e-3)
    x = torch.randn(8, 4)

    def closure():
        optimizer.zero_grad()
        loss = model(x).square().sum()
        loss.backward()
        return loss

    with Dies(model, optimizer) as caught:
        for step in range(4):
            model[2][1].calls = step
            optimizer.step(closure)
    found = caught.post_mortem
    assert (found.direction, found.module, found.step) == ("backward", "2.1", 2)


def test_a_compiled_model_is_replayed_uncompiled():
    model = torch.compile(nn.Sequential(nn.Linear(4, 4), Fault(torch.log)), backend="eager")
    with Dies(model) as caught:
        model(torch.zeros(2, 4) - torch.inf).sum().backward()
    assert caught.post_mortem.direction == "input"
    with Dies(model) as caught:
        model(torch.randn(8, 4)).sum().backward()
    assert (caught.post_mortem.module, caught.post_mortem.op) == ("_orig_mod.1", "log")


def test_two_calls_before_one_update():
    model = network(nn.Tanh())
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    bad = torch.randn(8, 4)
    bad[1, 1] = float("nan")
    with Dies(model, optimizer) as caught:
        for x in (torch.randn(8, 4), bad, torch.randn(8, 4)):
            model(x).sum().backward()
        optimizer.step()
    assert caught.post_mortem.direction == "input"


def state_of(model):
    return (
        {k: v.clone() for k, v in model.state_dict().items()},
        [None if p.grad is None else p.grad.clone() for p in model.parameters()],
        [id(p.grad) for p in model.parameters()],
        [m.training for m in model.modules()],
        [(dict(m._forward_hooks), dict(m._forward_pre_hooks)) for m in model.modules()],
        torch.get_rng_state(),
        random.getstate(),
    )


def assert_same(before, after):
    for name, value in before[0].items():
        assert torch.equal(value.nan_to_num(7e7), after[0][name].nan_to_num(7e7)), name
    for g, h in zip(before[1], after[1], strict=True):
        assert (g is None) == (h is None)
        assert g is None or torch.equal(g.nan_to_num(7e7), h.nan_to_num(7e7))
    assert before[2:5] == after[2:5]
    assert torch.equal(before[5], after[5])
    assert before[6] == after[6]


@pytest.mark.parametrize("name", ["log(0)", "where-trap"])
def test_a_replay_leaves_everything_as_it_was(name):
    function = (FORWARD | BACKWARD)[name][0]
    model = network(Fault(function), dropout=0.3)
    calls = []
    model[0].register_forward_hook(lambda *_: calls.append(1))
    model[3].eval()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with watch(model, optimizer, stop=False) as seen:
        model(torch.randn(8, 4)).sum().backward()
        before = state_of(model)
        seen.check_gradients()
        assert_same(before, state_of(model))
        assert seen.post_mortem.module == "2.1"
        assert len(calls) == 2
    before = state_of(model)
    assert post_mortem(model, lambda: model(torch.randn(8, 4)).sum()) is not None
    assert_same(before, state_of(model))


def test_without_stop_the_loop_goes_on_and_keeps_the_first_finding():
    found = run(network(Fault(torch.log, at=1)), steps=4, stop=False)
    assert (found.step, found.module) == (1, "2.1")


def test_a_watched_run_is_bit_for_bit_the_plain_run():
    def train(watched):
        model = network(nn.Tanh(), dropout=0.2)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        block = watch(model, optimizer) if watched else torch.enable_grad()
        torch.manual_seed(3)
        with block:
            for _ in range(3):
                optimizer.zero_grad()
                model(torch.randn(8, 4)).square().sum().backward()
                optimizer.step()
        return model.state_dict()

    plain, watched = train(False), train(True)
    assert all(torch.equal(plain[name], watched[name]) for name in plain)


def test_a_healthy_run_finds_nothing_and_detaches():
    model = network(nn.Tanh())
    assert run(model) is None
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())
    assert post_mortem(model, lambda: model(torch.randn(8, 4)).sum()) is None


def test_huge_finite_gradients_are_not_taken_for_infinite():
    model = nn.Linear(2, 1, bias=False)
    with watch(model) as seen:
        (model(torch.ones(1, 2)) * 1e30).sum().backward()
    assert seen.post_mortem is None
    assert seen.step == 1


def test_autocast_is_replayed():
    model = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4))
    with torch.no_grad():
        model[0].weight.fill_(1e3)
        model[1].weight.fill_(1e3)
    with Dies(model) as caught:
        with torch.autocast("cpu", dtype=torch.float16):
            out = model(torch.ones(2, 4))
        caught.watch.check(out.float().sum())
    found = caught.post_mortem
    assert (found.direction, found.module) == ("forward", "1")


def test_outputs_of_any_shape():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.one, self.two = nn.Linear(4, 4), nn.Linear(4, 4)

        def forward(self, x, scale=None):
            return {"a": self.one(x), "b": [self.two(x * scale["s"]).sqrt()]}

    model = Net()
    with Dies(model) as caught:
        out = model(torch.randn(3, 4), scale={"s": torch.ones(4)})
        (out["a"].sum() + out["b"][0].sum()).backward()
    found = caught.post_mortem
    assert (found.module, found.op) == ("Net", "sqrt")


def test_the_result_reads_well_and_travels():
    found = fails(network(Fault(lambda x: torch.log(x.relu()), at=2)))
    assert found.title == "step 2: forward pass, log in '2.1' (Fault)"
    text, page = repr(found), found._repr_html_()
    assert text.startswith("Post-mortem, step 2")
    assert "torch.log(x.relu())" in text
    assert "<li>" in page
    assert "<lambda" not in page
    assert found.to_dict()["evidence"]["Inf in the output"] > 0
    again = pickle.loads(pickle.dumps(NonFiniteError(found)))
    assert repr(again.post_mortem) == text


@pytest.mark.parametrize(
    "call",
    [
        lambda: watch(3),
        lambda: watch(nn.Linear(1, 1), optimizer=3),
        lambda: watch(nn.Linear(1, 1), loss_function=3),
        lambda: watch(nn.Linear(1, 1)).loss(1),
        lambda: post_mortem(3, lambda: 0),
        lambda: post_mortem(nn.Linear(1, 1), 3),
        lambda: post_mortem(nn.Linear(1, 1), lambda: 3),
        lambda: post_mortem(nn.Linear(1, 1), lambda: torch.ones(3)),
    ],
)
def test_bad_input_is_a_clear_error(call):
    with pytest.raises(GradcourseError):
        call()


def test_the_face_of_the_folder():
    assert set(postmortem.__all__) >= {"watch", "post_mortem", "PostMortem", "NonFiniteError"}


@pytest.mark.parametrize("closed", [True, False])
def test_an_optimizer_that_calls_its_parents_step_makes_one_step(closed):
    class Own(torch.optim.SGD):
        def step(self, closure=None):
            return super().step(closure)

    net = nn.Linear(4, 2)
    optimizer = Own(net.parameters(), lr=0.1)

    def closure():
        optimizer.zero_grad()
        loss = net(torch.ones(3, 4)).square().mean()
        loss.backward()
        return loss

    with watch(net, optimizer, stop=False) as seen:
        for number in range(3):
            assert seen.step == number
            if closed:
                optimizer.step(closure)
            else:
                closure()
                optimizer.step()
        assert seen.step == 3
        with torch.no_grad():
            net.weight[0, 0] = torch.nan
        if closed:
            optimizer.step(closure)
        else:
            closure()
            optimizer.step()
    assert (seen.post_mortem.direction, seen.post_mortem.step) == ("parameter", 3)


@pytest.mark.parametrize("fused", [True, False])
def test_an_update_that_the_gradient_scaler_skips_is_no_fault(fused):
    net = nn.Linear(4, 2)
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3, fused=fused)
    scaler = torch.amp.GradScaler("cpu", init_scale=1e38)
    before = net.weight.detach().clone()
    with watch(net, optimizer) as seen:
        scaler.scale(1e3 * net(torch.ones(3, 4)).square().mean()).backward()
        scaler.step(optimizer)
        scaler.update()
    assert seen.post_mortem is None
    assert not torch.isfinite(net.weight.grad).all()
    assert torch.equal(net.weight, before)
    optimizer.zero_grad()
    with watch(net, optimizer):
        net(torch.full((3, 4), torch.nan)).square().mean().backward()
        with pytest.raises(NonFiniteError):
            optimizer.step()
