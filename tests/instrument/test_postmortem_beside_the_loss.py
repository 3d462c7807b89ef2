"""NaN that comes back by an output, from outside, or stays behind where no gradient shows it."""

import warnings

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import gradcourse as gc


def sgd(model):
    return torch.optim.SGD(model.parameters(), 0.01)


def found(model, loss_function, *batches, optimizer=None):
    """The post-mortem of a run over these batches, each what the loss function is given behind."""
    updates = optimizer or sgd(model)
    with gc.watch(model, updates, loss_function, stop=False) as watch:
        for x, *others in batches:
            updates.zero_grad()
            watch.loss(model(x), *others).backward()
            updates.step()
    return watch.post_mortem


class Features(nn.Module):
    """Gives what it goes on with: features, and logits of what is made of their norm."""

    def __init__(self, inside):
        super().__init__()
        self.body, self.head, self.inside = nn.Linear(4, 8), nn.Linear(8, 3), inside
        nn.init.zeros_(self.body.weight)
        nn.init.zeros_(self.body.bias)

    def forward(self, x):
        h = self.body(x)
        return h, self.head(h / (1 + (h.square().sum(1, keepdim=True) + self.inside).sqrt()))


def of_both(out, y):
    return F.cross_entropy(out[1], y) + 1e-3 * out[0].square().mean()


def test_a_slope_inside_the_model_that_comes_back_to_an_output_is_not_the_losss():
    torch.manual_seed(0)
    x, y = torch.randn(8, 4), torch.randint(0, 3, (8,))
    told = found(Features(0.0), of_both, (x, y))
    assert (told.direction, told.op, told.module) == ("backward", "sqrt", "Features")
    assert found(Features(1e-12), of_both, (x, y)) is None


def masked_entropy(safe):
    def loss(logits, allowed):
        log_p = logits.masked_fill(~allowed, -torch.inf).log_softmax(1)
        return (log_p.exp() * (log_p.masked_fill(~allowed, 0.0) if safe else log_p)).sum(1).mean()

    return loss


def test_the_infinity_of_a_mask_in_a_product_is_told_to_be_made_finite():
    torch.manual_seed(0)
    x, allowed = torch.randn(8, 4), torch.arange(5) < torch.randint(1, 5, (8, 1))
    told = found(nn.Linear(4, 5), masked_entropy(False), (x, allowed))
    assert told.op == "mul"
    assert "make that factor finite" in told.advice[0]
    assert found(nn.Linear(4, 5), masked_entropy(True), (x, allowed)) is None


def test_a_mask_that_is_written_as_a_product_is_still_told_so():
    torch.manual_seed(0)
    model = nn.Linear(4, 5)
    mask = (torch.arange(5) > 2).float()
    told = found(
        model, lambda out: (out + mask * -torch.inf).softmax(1)[:, 0].mean(), (torch.ones(2, 4),)
    )
    assert told.op == "mul"
    assert "not as a product" in told.advice[0]


def test_infinite_outputs_are_not_called_finite():
    torch.manual_seed(0)
    model = nn.Linear(4, 5)
    hidden = torch.arange(5) > 2
    updates = sgd(model)

    class Masked(nn.Module):
        def __init__(self):
            super().__init__()
            self.body = model

        def forward(self, x):
            return self.body(x).masked_fill(hidden, -torch.inf).log_softmax(1)

    net = Masked()
    with gc.watch(net, updates, stop=False) as watch:
        log_p = net(torch.randn(8, 4))
        (log_p.exp() * log_p).sum(1).mean().backward()
        updates.step()
    assert watch.post_mortem.evidence["the model's output"] == "holds Inf or -inf"
    assert watch.post_mortem.advice[0].startswith("The model's output holds infinities")


@pytest.mark.parametrize("at", [0, 3])
def test_an_infinity_from_outside_that_makes_the_loss_infinite_is_found(at):
    torch.manual_seed(0)
    table = torch.log(torch.arange(5.0))  # of 0: −inf
    told = found(nn.Linear(4, 1), lambda out, t: (out - table[t]).mean(), (torch.ones(2, 4), at))
    assert (told is None) == (at == 3)
    assert told is None or (told.direction == "input" and "from outside" in told.input)


def test_the_argument_of_the_logarithm_in_xlogy_is_its_second():
    torch.manual_seed(0)
    told = found(
        nn.Linear(4, 1),
        lambda out, y: torch.special.xlogy(out.sigmoid() - 1, y).mean(),
        (torch.ones(2, 4), torch.tensor([[0.0], [0.5]])),
    )
    assert told.op == "xlogy"
    assert "clamp the input" in told.advice[0]


class Codes(nn.Module):
    """A running average of what came to each code, which its first batch divides by 0."""

    def __init__(self, least, reads):
        super().__init__()
        self.body, self.least, self.reads = nn.Linear(4, 2), least, reads
        self.register_buffer("code", torch.zeros(3, 2))

    def forward(self, x):
        h = self.body(x)
        read = h + 0 * self.code.sum() if self.reads else h
        with torch.no_grad():
            count = torch.tensor([[len(x)], [0], [0]]).clamp_min(self.least)
            self.code.copy_(torch.stack([h.sum(0), h[0] * 0, h[0] * 0]) / count)
        return read


def mean(out):
    return out.square().mean()


def test_a_buffer_is_called_one_and_no_optimizer_is_blamed():
    torch.manual_seed(0)
    batches = [(torch.randn(8, 4),)] * 2
    told = found(Codes(0, True), mean, *batches)
    assert told.title == "step 1: buffer 'code' is not finite"
    assert told.advice[0].startswith("No optimizer changes a buffer")
    assert found(Codes(1, True), mean, *batches) is None


def test_what_no_gradient_shows_is_told_when_the_block_ends():
    torch.manual_seed(0)
    model = Codes(0, False)
    updates = sgd(model)
    message = pytest.warns(UserWarning, match="At the end of the block code held NaN")
    with message, gc.watch(model, updates) as watch:
        mean(model(torch.randn(8, 4))).backward()
        updates.step()
    assert "not finite now: code" in repr(watch)


def test_masks_in_buffers_are_left_alone():
    torch.manual_seed(0)
    model = nn.Linear(4, 2)
    model.register_buffer("mask", torch.full((3, 3), -torch.inf).triu(1))
    updates = sgd(model)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with gc.watch(model, updates) as watch:
            mean(model(torch.randn(8, 4))).backward()
            updates.step()
    assert "not finite now" not in repr(watch)


class Normed(torch.optim.Optimizer):
    """A step of one length along the gradient of each parameter."""

    def __init__(self, parameters):
        super().__init__(parameters, {"lr": 0.01})

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for p in group["params"]:
                p -= group["lr"] * p.grad / p.grad.norm()


def silent(out):
    return out[:, :1].square().mean() * 0


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (Normed, "The optimizer is Normed, which is none of torch's"),
        (lambda p: torch.optim.Adam(p, eps=0.0), "The optimizer's eps is 0"),
    ],
)
def test_what_a_step_divides_by_is_named(make, text):
    torch.manual_seed(0)
    model = nn.Linear(4, 2)
    told = found(model, silent, *[(torch.randn(8, 4),)] * 2, optimizer=make(model.parameters()))
    assert told.direction == "parameter"
    assert told.advice[0].startswith(text)


def test_numbers_that_grow_in_a_rare_operation_have_grown():
    torch.manual_seed(0)
    model = nn.Bilinear(3, 3, 3)

    class Rollout(nn.Module):
        def __init__(self):
            super().__init__()
            self.f = model

        def forward(self, x):
            for _ in range(12):
                x = 10 * self.f(x, x)
            return x

    told = found(Rollout(), mean, (10 * torch.ones(2, 3),))
    assert told.op == "trilinear"
    assert told.advice[0].startswith("Numbers grew beyond the dtype")


def test_a_jump_of_lbfgs_is_told_to_search_along_the_line():
    torch.manual_seed(0)
    model = nn.Linear(1, 1, bias=False)
    x = torch.linspace(0, 30, 20)[:, None]
    updates = torch.optim.LBFGS(model.parameters(), lr=1e3, max_iter=20)
    with gc.watch(
        model, updates, lambda out: out.exp().sub(2).square().mean(), stop=False
    ) as watch:

        def closure():
            updates.zero_grad()
            loss = watch.loss(model(x))
            loss.backward()
            return loss

        for _ in range(5):
            updates.step(closure)
    assert watch.post_mortem is not None
    assert watch.post_mortem.advice[0].startswith("LBFGS without a line search")


@pytest.mark.parametrize("function", ["i0", "i1"])
def test_bessel_functions_overflow_as_exp_does(function):
    torch.manual_seed(0)
    bessel = getattr(torch.special, function)
    told = found(
        nn.Linear(1, 1), lambda out: bessel(out.abs() + 200).log().mean(), (torch.ones(4, 1),)
    )
    assert told.op.endswith(function)
    assert "i0e" in told.advice[0]


@pytest.mark.parametrize(("value", "told"), [(torch.inf, False), (torch.nan, True)])
def test_a_best_value_so_far_begins_at_infinity(value, told):
    torch.manual_seed(0)
    model = nn.Linear(4, 2)
    model.register_buffer("best", torch.tensor(torch.inf))
    updates = sgd(model)
    with warnings.catch_warnings(record=True) as caught, gc.watch(model, updates):
        mean(model(torch.randn(8, 4))).backward()
        updates.step()
        model.best.fill_(value)
    assert any("best held NaN or Inf" in str(w.message) for w in caught) == told


def test_a_buffer_that_is_bad_from_the_start_is_called_one_too():
    torch.manual_seed(0)
    model = Codes(1, True)
    model.code.fill_(torch.nan)
    told = found(model, mean, (torch.randn(8, 4),))
    assert told.title == "step 0: buffer 'code' is not finite"


def test_a_root_at_0_under_lbfgs_is_told_to_be_one():
    torch.manual_seed(0)
    model = nn.Linear(1, 1)
    updates = torch.optim.LBFGS(model.parameters())
    with gc.watch(model, updates, lambda out: (0 * out).abs().sqrt().mean(), stop=False) as watch:

        def closure():
            updates.zero_grad()
            loss = watch.loss(model(torch.ones(4, 1)))
            loss.backward()
            return loss

        updates.step(closure)
    assert watch.post_mortem.op == "sqrt"
    assert watch.post_mortem.advice[0].startswith("The root has an infinite slope")


def test_a_sparse_buffer_is_looked_at_as_well():
    torch.manual_seed(0)
    model = nn.Linear(4, 2)
    model.register_buffer("edges", torch.eye(4).to_sparse())
    updates = sgd(model)
    with gc.watch(model, updates) as watch, gc.probe(model, updates) as record:
        mean(model(torch.randn(8, 4))).backward()
        updates.step()
    assert "not finite now" not in repr(watch)
    assert record.facts.bad_buffers == []
