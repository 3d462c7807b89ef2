"""Infinities that are meant, that are swallowed, or that meet; and advice that fits the dtype."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import gradcourse as gc

INF = float("inf")


def found_in(model, loss_function, *targets, x=None, rate=0.1, **options):
    """The post-mortem of one step."""
    x = torch.randn(6, 4) if x is None else x
    optimizer = torch.optim.SGD(model.parameters(), rate)
    optimizer.param_groups[0].update(options)
    watch = gc.watch(model, optimizer, loss_function, stop=False)
    with watch:
        loss = watch.loss(model(x), *targets)
        if watch.post_mortem is None:
            loss.backward()
            optimizer.step()
    return watch.post_mortem


def advice_of(found):
    return found.advice[0]


class Apply(nn.Module):
    """A linear layer and a function of what it gives."""

    def __init__(self, function, outputs=4):
        super().__init__()
        torch.manual_seed(0)
        self.linear, self.function = nn.Linear(4, outputs), function

    def forward(self, x):
        return self.function(self.linear(x))


def _masked(scores):
    """The first entry of the second row is masked."""
    mask = torch.zeros_like(scores, dtype=torch.bool)
    mask[1, 0] = True
    return scores.masked_fill(mask, -INF)


def _picked(logits, y):
    return -torch.distributions.Categorical(logits=logits).log_prob(y).mean()


@pytest.mark.parametrize("loss", [F.cross_entropy, _picked])
def test_a_target_that_is_masked_is_named_with_its_row(loss):
    found = found_in(Apply(_masked), loss, torch.zeros(6, dtype=torch.long))
    assert (found.direction, found.evidence["rows"]) == ("forward", (1,))
    assert "masked" in advice_of(found)


def test_a_masked_class_that_is_no_target_is_no_fault():
    assert found_in(Apply(_masked), F.cross_entropy, torch.full((6,), 2)) is None


def _masked_throughout(scores):
    return scores.masked_fill(torch.arange(6)[:, None] == 1, -INF)


ROWS = torch.arange(6)
MEETING = {
    "logsumexp of nothing": (
        lambda s: (torch.logsumexp(_masked_throughout(s), 1) - _masked_throughout(s)[:, 0]).mean(),
        "∞ − ∞",
    ),
    "a softmax by hand": (
        lambda s: (_masked_throughout(s) - _masked_throughout(s).amax(1, keepdim=True)).exp().sum(),
        "∞ − ∞",
    ),
    "two masks": (
        lambda s: (s.masked_fill(ROWS[:, None] > 4, INF) + _all(-INF)).sum(),
        "∞ − ∞",
    ),
    "a mask as a product": (lambda s: (s + _all(0.0) * -INF).softmax(1).sum(), "0 × ∞"),
}


def _all(value):
    return torch.full((6, 4), value)


@pytest.mark.parametrize("name", MEETING)
def test_infinities_that_meet_are_no_overflow(name):
    loss, words = MEETING[name]
    advice = advice_of(found_in(Apply(nn.Identity()), loss))
    assert words in advice
    assert "learning rate" not in advice


@pytest.mark.parametrize("layer", [nn.Tanh(), nn.Sigmoid()])
def test_an_infinite_input_that_the_net_swallows_is_found_by_its_row(layer):
    x = torch.rand(6, 4)
    x[3, 2] = 0
    found = found_in(Apply(layer), lambda out: out.square().mean(), x=x.log10())
    assert (found.direction, found.input) == ("input", "argument 0 of the model")
    assert found.evidence["rows"] == (3,)


def test_a_parameter_that_the_net_swallows():
    model = Apply(lambda out: torch.tanh(out * model.gain))
    model.gain = nn.Parameter(torch.tensor([1.0, INF, 1.0, 1.0]))
    found = found_in(model, lambda out: out.square().mean())
    assert (found.direction, found.parameter) == ("parameter", "gain")


def test_an_infinite_weight_of_the_classes():
    weight = torch.tensor([1.0, INF, 1.0, 1.0])
    loss = lambda out, y: F.cross_entropy(out, y, weight=weight)  # noqa: E731
    found = found_in(Apply(nn.Identity()), loss, torch.arange(6) % 4)
    assert (found.direction, found.input) == ("input", "a tensor of shape (4,) from outside")
    assert "weights" in advice_of(found)


CURES = {
    "a whole power": (lambda out: (1e20 * out**3 * 1e5).pow(4).sum(), "Numbers grew"),
    "a broken power": (lambda out: (out - 5).pow(1.5).sum(), "fractional power"),
    "a power of minus one": (lambda out: (out * 0).pow(-1).sum(), "negative exponent"),
    "acosh": (lambda out: torch.acosh(1 + 0 * out).sum(), "1 + 1e-6"),
    "something over 0": (lambda out: (out / (0 * out.detach())).sum(), "A tiny number added"),
    "nothing over 0": (lambda out: ((0 * out) / (0 * out)).sum(), "add a small number"),
    "in place": (lambda out: (0 * out).clone().log_().sum(), "clamp the input"),
    "a cast": (lambda out: (out * 1e6).half().float().sum(), "does not fit the dtype"),
    "a log of a determinant": (
        lambda out: torch.logdet(torch.diag(torch.tensor([-1.0, 1.0])) + 0 * out[:2, :2]),
        "slogdet",
    ),
    "a singular matrix": (lambda out: torch.linalg.slogdet(0 * out[:4])[1], "singular"),
    "a log in half": (lambda out: (0 * out).half().log().float().sum(), "1e-5"),
    "an angle in bfloat16": (
        lambda out: (1 + 0 * out).bfloat16().acos().float().sum(),
        "1 - 1e-2",
    ),
}


@pytest.mark.parametrize("name", CURES)
def test_the_first_remedy_fits_the_operation_and_its_dtype(name):
    loss, words = CURES[name]
    assert words in advice_of(found_in(Apply(nn.Identity()), loss))


@pytest.mark.parametrize(
    ("dtype", "smallest"), [(torch.float16, "1e-5"), (torch.bfloat16, "1e-12")]
)
def test_small_numbers_that_are_advised_are_not_0_in_the_dtype(dtype, smallest):
    found = found_in(Apply(nn.Identity()), lambda out: (0 * out).to(dtype).log().float().sum())
    assert smallest in advice_of(found)
    assert torch.tensor(float(smallest), dtype=dtype) > 0


def test_a_running_variance_below_0():
    model = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4)).eval()
    model[1].running_var[3] = -0.5
    found = found_in(model, lambda out: out.square().mean())
    assert "running variance" in advice_of(found)


def test_no_mask_is_blamed_where_there_is_none():
    """The 0 that arrives is the slope of a distance at its target."""
    found = found_in(
        Apply(lambda out: (0 * out).square().sqrt()), lambda out: F.l1_loss(out, torch.zeros(6, 4))
    )
    assert (found.direction, found.op) == ("backward", "sqrt")
    assert "add the small number inside" in advice_of(found)


def test_the_slope_of_a_root_that_is_differentiated():
    def penalty(out):
        slope = torch.autograd.grad(out.square().mul(0).sqrt().sum(), out, create_graph=True)[0]
        return slope.square().sum()

    found = found_in(Apply(nn.Identity()), penalty)
    assert "in the slope of sqrt" in found.op
    assert "add the small number inside" in advice_of(found)


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ({"momentum": 1.2}, "momentum"),
        ({"weight_decay": -1.0}, "weight decay"),
        ({"lr": -1.0}, "climbs"),
    ],
)
def test_settings_that_no_optimizer_should_have_come_first(setting, words):
    found = found_in(Apply(lambda out: (out * 1e30).square() * 1e10), torch.sum, **setting)
    assert words in advice_of(found)


def test_a_parameter_that_was_never_drawn():
    model = Apply(lambda out: out.square().square())
    with torch.no_grad():
        model.linear.bias.fill_(1e30)
    found = found_in(model, torch.sum)
    assert "'linear.bias'" in advice_of(found)
    assert math.isinf(found.loss)


def test_a_model_whose_parts_are_called():
    parts = nn.ModuleDict({"g": nn.Linear(4, 4), "d": nn.Linear(4, 1)})
    optimizer = torch.optim.SGD(parts.parameters(), 0.1)
    watch = gc.watch(parts, optimizer, stop=False)
    with watch:
        watch.check(torch.log(0 * parts["d"](parts["g"](torch.randn(6, 4)))).mean())
    found = watch.post_mortem
    assert (found.direction, found.op) == ("forward", "log")
