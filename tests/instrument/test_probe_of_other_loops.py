"""Loops and models that do it otherwise: threads, exports, several optimizers, other classes."""

import threading
import warnings

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.nn.utils import parametrizations, prune

from gradcourse.instrument import probe, watch
from gradcourse.instrument.loop import others

RUNS_UNSEEN = "ignore:No layer of this"


def net():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 1))


def sgd(model):
    return torch.optim.SGD(model.parameters(), 0.1)


def batch():
    return torch.randn(6, 4, generator=torch.Generator().manual_seed(1))


def step(model, *optimizers):
    for optimizer in optimizers:
        optimizer.zero_grad()
    model(batch()).square().mean().backward()
    for optimizer in optimizers:
        optimizer.step()


def test_gradients_of_a_loop_in_another_thread_are_left_alone(monkeypatch):
    """They may go while one looks at them, and then the process dies."""
    asked = []
    first_of = others._first_of
    monkeypatch.setattr(others, "_first_of", lambda o: asked.append(o) or first_of(o))
    model, elsewhere, beside = net(), net(), net()
    optimizer, far, near = sgd(model), sgd(elsewhere), sgd(beside)
    with probe(model, optimizer):
        for _ in range(3):
            step(model, optimizer)
            thread = threading.Thread(target=step, args=(elsewhere, far))
            thread.start()
            thread.join()
            step(beside, near)
    assert optimizer in asked
    assert near in asked
    assert far not in asked


BLOCKS = {
    "everything": lambda model, optimizer: probe(model, optimizer, level="everything"),
    "standard": probe,
    "gradients": lambda model, optimizer: probe(model, optimizer, level="gradients"),
    "no optimizer": lambda model, optimizer: probe(model),
    "watch": watch,
}


@pytest.mark.parametrize("block", BLOCKS)
@pytest.mark.filterwarnings(RUNS_UNSEEN)
def test_a_model_that_is_compiled_whole_inside_the_block_trains(block):
    torch.compiler.reset()
    model = net()
    optimizer = sgd(model)
    with BLOCKS[block](model, optimizer):
        compiled = torch.compile(model, backend="eager", fullgraph=True)
        for _ in range(12):
            step(compiled, optimizer)


def test_a_model_without_an_optimizer_that_is_compiled_is_said_to_be_unseen():
    torch.compiler.reset()
    model = net()
    with pytest.warns(UserWarning, match="No layer of this Sequential"), probe(model) as record:
        step(torch.compile(model, backend="eager", fullgraph=True))
    assert len(record) == 1


def test_a_compiled_method_is_put_back():
    torch.compiler.reset()
    model = net()
    model.compile(backend="eager")
    before = model._compiled_call_impl
    with watch(model) as outer, watch(model) as inner:
        step(model)
    assert model._compiled_call_impl == before
    assert outer._passes == inner._passes == 1


EXPORTS = {
    "export": lambda model: torch.export.export(model, (batch(),)),
    "trace": lambda model: torch.jit.trace(model, batch()),
}


@pytest.mark.parametrize("how", EXPORTS)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_model_may_be_exported_inside_the_block(how):
    model = net()
    optimizer = sgd(model)
    with probe(model, optimizer, level="everything") as record, watch(model, optimizer):
        for _ in range(3):
            step(model, optimizer)
            EXPORTS[how](model)
    assert record.layers == ("0", "1", "2")
    assert np.isfinite(record.output_gradient_norm).all()
    assert record.facts.forward_passes == 3


def test_an_update_is_measured_of_the_first_of_several_optimizers_alone():
    model = net()
    optimizers = [sgd(model[0]), sgd(model[2])]
    with probe(model, optimizers, level="everything") as record:
        for _ in range(3):
            step(model, *optimizers)
    of_first, of_second = record.update_ratio.T
    assert (of_first > 0).all()
    assert np.isnan(of_second).all()
    assert all(each.changed == 1 for each in record.who_trains())


class OwnConvolution(nn.Conv2d):
    """A class of its own."""


IMAGES = torch.randn(2, 3, 5, 6, generator=torch.Generator().manual_seed(2))

CHANNELS = {
    "Conv2d": (lambda: nn.Conv2d(3, 50, 3), IMAGES, 1),
    "weight_norm": (lambda: parametrizations.weight_norm(nn.Conv2d(3, 50, 3)), IMAGES, 1),
    "spectral_norm": (lambda: parametrizations.spectral_norm(nn.Conv2d(3, 50, 3)), IMAGES, 1),
    "subclass": (lambda: OwnConvolution(3, 50, 3), IMAGES, 1),
    "transposed": (lambda: nn.ConvTranspose3d(3, 50, 2), IMAGES.expand(2, 3, 5, 6)[..., None], 1),
    "InstanceNorm3d": (
        lambda: nn.InstanceNorm3d(50, affine=True),
        torch.randn(2, 50, 2, 3, 4),
        1,
    ),
    "BatchNorm1d": (lambda: nn.BatchNorm1d(50), torch.randn(4, 50), 1),
    "GroupNorm": (lambda: nn.GroupNorm(5, 50), torch.randn(2, 50, 7), 1),
    "one image": (lambda: nn.Conv2d(3, 50, 3), IMAGES[0], 0),
    "one large image": (lambda: nn.Conv2d(3, 50, 3), torch.randn(3, 60, 70), 0),
    "one sequence": (lambda: nn.Conv1d(3, 50, 3), IMAGES[0, :, 0], 0),
    "one normed image": (lambda: nn.InstanceNorm2d(50, affine=True), torch.randn(50, 5, 6), 0),
    "own linear": (lambda: parametrizations.weight_norm(nn.Linear(6, 50)), IMAGES, 3),
}


@pytest.mark.parametrize("case", CHANNELS)
def test_units_lie_along_the_channels_of_any_class(case):
    make, x, axis = CHANNELS[case]
    torch.manual_seed(0)
    model = nn.Sequential(make(), nn.ReLU())
    with torch.no_grad():
        model[0].bias[::5] = -100.0
    with probe(model, level="everything") as record:
        out = model(x)
        out.sum().backward()
    axes = tuple(k for k in range(out.dim()) if k != axis)
    dead = float((out == 0).all(axes).double().mean())
    assert dead >= 0.2
    assert record.dead_fraction[0, -1] == pytest.approx(dead)


def test_channels_stay_first_where_an_image_is_made_a_sequence():
    model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.Flatten(2), nn.ReLU())
    with torch.no_grad():
        model[0].bias[:2] = -100.0
    with probe(model, level="everything") as record:
        model(IMAGES).sum().backward()
    assert record["2"].dead_fraction[0] == 0.25


def test_an_activation_in_place_is_listed_once():
    def record_of(inplace):
        torch.manual_seed(0)
        model = nn.Sequential(
            nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(inplace), nn.Linear(8, 8), nn.ReLU(inplace)
        )
        with probe(model, level="everything") as record:
            model(batch()).square().sum().backward()
        return record

    usual, inplace = record_of(False), record_of(True)
    assert inplace.layers == usual.layers == ("0", "1", "2", "3", "4")
    np.testing.assert_allclose(inplace.output_gradient_norm, usual.output_gradient_norm)
    np.testing.assert_allclose(inplace.activation_norm, usual.activation_norm)


def test_a_function_before_a_layer_that_gives_what_it_is_given_is_still_seen():
    class Passed(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.same, self.last = nn.Linear(4, 8), nn.Identity(), nn.Linear(8, 1)

        def forward(self, x):
            return self.last(self.same(functional.relu(self.first(x))))

    model = Passed()
    with probe(model, level="everything") as record:
        step(model)
    assert record.layers == ("first", "first relu", "same", "last")


def test_an_evaluation_between_parts_that_are_called_alone_leaves_no_trace():
    parts = nn.ModuleDict({"encoder": nn.Linear(4, 8), "decoder": nn.Linear(8, 1)})

    def whole(x):
        return parts["decoder"](parts["encoder"](x))

    optimizer = sgd(parts)
    with probe(parts, optimizer, level="everything") as record:
        for _ in range(3):
            optimizer.zero_grad()
            loss = whole(batch()).square().mean()
            with torch.no_grad():
                whole(batch())
            loss.backward()
            optimizer.step()
    assert record.layers == ("encoder", "decoder")


def test_options_that_are_tensors_are_noted():
    model = net()
    decay = torch.tensor(0.25)
    optimizer = torch.optim.SGD(model.parameters(), torch.tensor(0.5), weight_decay=decay)
    with probe(model, optimizer) as record:
        step(model, optimizer)
        optimizer.param_groups[0]["lr"] = torch.tensor(0.125)
    noted = record.facts.optimizer
    assert (noted["lr"], noted["weight_decay"], noted["last rate"]) == (0.5, 0.25, 0.125)


def _replace_a_layer(model):
    model[2] = nn.Linear(8, 1)


CHANGES = {
    "layer": (_replace_a_layer, "2.weight, 2.bias"),
    "assigned": (
        lambda model: model.load_state_dict(net().state_dict(), assign=True),
        "0.weight, 0.bias, 2.weight and 1 more",
    ),
    "weight_norm": (
        lambda model: parametrizations.weight_norm(model[2]),
        r"2.weight, 2.parametrizations.weight.original0",
    ),
    "added": (lambda model: model.append(nn.Linear(1, 1)), "3.weight, 3.bias"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_parameters_that_are_others_at_the_end_are_named(change):
    how, names = CHANGES[change]
    model = net()
    optimizer = sgd(model)

    def change_in_the_block():
        with probe(model, optimizer):
            step(model, optimizer)
            how(model)
            step(model, optimizer)

    with pytest.warns(UserWarning, match=names) as said:
        change_in_the_block()
    assert sum("enter a new probe" in str(each.message) for each in said) == 1
    assert all(each.filename == __file__ for each in said)


def test_parameters_that_only_change_their_name_or_their_numbers_are_the_same():
    model = net()
    optimizer = sgd(model)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with probe(model, optimizer):
            step(model, optimizer)
            prune.random_unstructured(model[0], "weight", 0.5)
            model.load_state_dict(model.state_dict())
            model.double().float()
            step(model, optimizer)


class UsesWeights(nn.Module):
    """Most of its parameters work without their module being called."""

    def __init__(self):
        super().__init__()
        self.attention = nn.MultiheadAttention(4, 2)
        self.linear = nn.Linear(4, 4)
        self.scales = nn.ParameterList([torch.ones(4)])
        self.unused = nn.Linear(4, 4)

    def forward(self, x):
        x = self.attention(x, x, x)[0] * self.scales[0]
        return functional.linear(x, self.linear.weight, self.linear.bias)


@pytest.mark.parametrize("level", ["everything", "gradients"])
def test_what_got_a_gradient_took_part(level):
    model = UsesWeights()
    optimizer = sgd(model)
    with probe(model, optimizer, level=level) as record:
        step(model, optimizer)
    ran = {each.name: each.ran for each in record.who_trains()}
    assert ran.pop("unused.weight") == ran.pop("unused.bias") == "no"
    assert set(ran.values()) == {"with a graph"}


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("activation", [nn.Tanh, nn.Sigmoid])
def test_flat_outputs_are_counted_in_every_precision(dtype, activation):
    model = nn.Sequential(nn.Linear(1, 1), activation()).to(dtype)
    nn.init.constant_(model[0].weight, 1)
    nn.init.zeros_(model[0].bias)
    x = torch.linspace(-6, 6, 400, dtype=torch.float64)[:, None].to(dtype)
    with probe(model, level="everything") as record:
        out = model(x)
        out.sum().backward()
    exact = out.detach().double()
    tanh = exact if activation is nn.Tanh else 2 * exact - 1
    flat = float((1 - tanh.square() < 0.05).double().mean())
    assert record["1"].saturated_fraction[0] == pytest.approx(flat)


@pytest.mark.parametrize("bias", [True, False])
def test_what_makes_a_weight_is_no_layer(bias):
    model = nn.Sequential(
        parametrizations.weight_norm(nn.Linear(4, 8, bias)),
        nn.ReLU(),
        parametrizations.spectral_norm(nn.Linear(8, 8, bias)),
        parametrizations.orthogonal(nn.Linear(8, 8, bias)),
    )
    with probe(model, level="everything") as record:
        step(model)
    assert record.layers == ("0", "1", "2", "3")
    assert {each.ran for each in record.who_trains()} == {"with a graph"}
