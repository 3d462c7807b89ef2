"""Models and loops that leave out what most have: matrices, an output, an undisturbed end."""

import types

import numpy as np
import pytest
import torch
from torch import nn

from gradcourse.diagnosis import diagnose
from gradcourse.instrument import probe, watch
from gradcourse.support import GradcourseError


class Line(nn.Module):
    """A model without any matrix."""

    def __init__(self):
        super().__init__()
        self.slope = nn.Parameter(torch.tensor(2.0))
        self.offset = nn.Parameter(torch.zeros(3))

    def forward(self, x):
        return self.slope * x + self.offset


class KeepsItsLoss(nn.Module):
    """A model whose output does not lead to its loss."""

    def __init__(self, gives):
        super().__init__()
        self.layer = nn.Linear(4, 3)
        self.gives = gives

    def forward(self, x):
        out = self.layer(x).tanh()
        self.loss = out.square().mean()
        return self.gives(out)


class Interrupted(nn.Module):
    """A model whose fourth call is interrupted from the keyboard."""

    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(4, 3), nn.Linear(3, 1)
        self.calls = 0

    def forward(self, x):
        self.calls += 1
        hidden = self.first(x)
        if self.calls == 4:
            raise KeyboardInterrupt
        return self.second(hidden)


def batch(step=0):
    return torch.randn(8, 4, generator=torch.Generator().manual_seed(step))


def sgd(net):
    return torch.optim.SGD(net.parameters(), lr=0.01)


@pytest.mark.parametrize("level", ["gradients", "standard", "everything"])
def test_a_model_without_matrices_is_trained_on(level):
    net = Line()
    optimizer = sgd(net)
    seen = []
    with probe(net, optimizer, level=level, every=2) as record:
        for _ in range(6):
            optimizer.zero_grad()
            net(torch.ones(3)).square().sum().backward()
            seen.append([float(net.slope.grad.abs()), float(net.offset.grad.norm())])
            optimizer.step()
    expected = seen[::2] if level == "gradients" else seen
    np.testing.assert_allclose(record.parameter_gradient_norm, expected, rtol=1e-5)
    assert diagnose(record).primary.kind == "healthy"


@pytest.mark.parametrize(
    "gives", [lambda out: None, lambda out: 3, lambda out: {"loss": out.sum().item()}]
)
@pytest.mark.parametrize("with_optimizer", [True, False])
def test_every_step_of_a_model_that_returns_no_tensor(gives, with_optimizer):
    net = KeepsItsLoss(gives)
    optimizer = sgd(net)
    seen = []
    with probe(net, optimizer if with_optimizer else None, level="everything") as record:
        for step in range(5):
            optimizer.zero_grad()
            net(batch(step))
            net.loss.backward()
            seen.append([float(p.grad.norm()) for p in net.parameters()])
            optimizer.step()
    np.testing.assert_allclose(record.parameter_gradient_norm, seen, rtol=1e-5)
    assert record.layers == ("layer",)
    assert record.measured.all()


def test_layers_are_measured_again_after_a_keyboard_interrupt():
    net = Interrupted()
    optimizer = sgd(net)
    with probe(net, optimizer, level="everything") as record:
        for step in range(8):
            optimizer.zero_grad()
            try:
                net(batch(step)).square().mean().backward()
            except KeyboardInterrupt:
                continue
            optimizer.step()
    assert record.steps == 7
    assert np.isfinite(record.output_gradient_norm[-2:, :2]).all()


def test_a_fault_after_a_keyboard_interrupt_is_still_replayed():
    net = Interrupted()
    optimizer = sgd(net)
    with watch(net, optimizer, stop=False) as watched:
        for step in range(8):
            optimizer.zero_grad()
            x = batch(step)
            if step == 6:
                x[2, 1] = float("nan")
            try:
                net(x).square().mean().backward()
            except KeyboardInterrupt:
                continue
            optimizer.step()
    assert watched.post_mortem.direction == "input"


def test_a_model_without_numbers_is_refused():
    with pytest.raises(GradcourseError, match="meta device"):
        probe(nn.Linear(3, 3, device="meta"))


@pytest.mark.parametrize("shape", [(1, 3, 1000, 1000), (1, 1500, 2000), (3_000_000,)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_sums_over_millions_of_elements_keep_their_precision(shape, dtype):
    net = nn.Sequential(nn.Conv2d(3, 3, 1, groups=3), nn.Tanh())
    x = torch.randn(shape, generator=torch.Generator().manual_seed(0)).to(dtype)
    if len(shape) != 4:
        net = nn.Sequential(Shift(shape[-1]), nn.Tanh())
    net = net.to(dtype)
    with probe(net, level="everything") as record:
        out = net(x)
        out.retain_grad()
        out.square().sum().backward()
    exact = out.detach().double()
    assert record.activation_norm[0, -1] == pytest.approx(float(exact.norm()), rel=1e-5)
    assert record.activation_std[0, -1] == pytest.approx(float(exact.std(correction=0)), rel=1e-5)
    gradient = float(out.grad.double().norm())
    assert record.output_gradient_norm[0, -1] == pytest.approx(gradient, rel=1e-5)
    expected = [float(p.grad.double().norm()) for p in net.parameters()]
    np.testing.assert_allclose(record.parameter_gradient_norm[0], expected, rtol=1e-5)


class Shift(nn.Module):
    """One parameter for each feature."""

    def __init__(self, features):
        super().__init__()
        self.by = nn.Parameter(torch.zeros(features))

    def forward(self, x):
        return x + self.by


def test_a_step_with_a_closure_is_as_many_updates_as_it_evaluates():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(4, 24), nn.Tanh(), nn.Linear(24, 3))
    optimizer = torch.optim.LBFGS(net.parameters(), line_search_fn="strong_wolfe")
    x = batch()
    target = torch.arange(8) % 3
    calls = []

    def closure():
        calls[-1] += 1
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(net(x), target)
        loss.backward()
        return loss

    with probe(net, optimizer, level="everything") as record:
        for _ in range(4):
            calls.append(0)
            record.log(optimizer.step(closure))
    assert calls[0] > 10
    assert record.evaluations.tolist() == [max(1, n) for n in calls]
    # The whole step is larger than the weights; each of its updates is not.
    assert np.nanmedian(record.update_ratio[0]) > 1
    assert diagnose(record).primary.kind == "healthy"


def test_a_record_of_an_older_probe_has_one_evaluation_a_step():
    older = types.SimpleNamespace()
    net = Line()
    with probe(net) as record:
        net(torch.ones(3)).sum().backward()
    older.described, older.arrays = record.to_state()
    for step in older.described["steps"]:
        del step["evaluations"]
    assert type(record).from_state(older.described, older.arrays).evaluations.tolist() == [1]


@pytest.mark.filterwarnings("ignore:No layer of this")
@pytest.mark.parametrize("block", [probe, watch])
def test_torch_func_goes_on_unmeasured(block):
    """Its tensors take no hooks and have no values yet; the loop must not stop for that."""
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
    weights = {name: p.detach().clone() for name, p in model.named_parameters()}

    def loss_of(weights, x, y):
        out = torch.func.functional_call(model, weights, (x,))
        return nn.functional.cross_entropy(out, y)

    with block(model):
        for k in range(4):
            x = torch.randn(16, 4)
            y = (x[:, 0] > 0).long()
            if k == 2:
                x[3] = float("nan")
            gradients, _ = torch.func.grad_and_value(loss_of)(weights, x, y)
            weights = {name: w - 0.1 * gradients[name] for name, w in weights.items()}


def test_a_model_that_was_compiled_before_is_said_to_be_unseen():
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    torch.compiler.reset()  # what other tests have compiled changes what is traced here
    compiled = torch.compile(model, backend="eager")
    x = torch.randn(16, 4)

    def step():
        optimizer.zero_grad()
        compiled(x).square().mean().backward()
        optimizer.step()

    step()
    with (
        pytest.warns(UserWarning, match="No layer of this Sequential"),
        probe(model, optimizer) as record,
    ):
        step()
    assert record.layers == ()
