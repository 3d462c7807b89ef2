import math

import pytest
import torch
from torch import nn

from gradcourse.nets import activation_function, deep_linear, mlp
from gradcourse.support import GradcourseError


def test_depth_counts_hidden_layers_and_names_say_which():
    net = mlp(3, width=5, activation="tanh", inputs=7, outputs=2)
    names = [name for name, _ in net.named_children()]
    assert names == ["layer1", "tanh1", "layer2", "tanh2", "layer3", "tanh3", "output"]
    shapes = [tuple(p.shape) for p in net.parameters() if p.dim() > 1]
    assert shapes == [(5, 7), (5, 5), (5, 5), (2, 5)]
    assert net(torch.zeros(4, 7)).shape == (4, 2)


def test_linear_activation_leaves_matrices_only():
    assert all(isinstance(m, nn.Linear) for m in mlp(4, activation="linear"))


@pytest.mark.parametrize(
    ("init", "variance"),
    [
        ("xavier", 2 / (300 + 200)),
        ("he", 2 / 300),
        ("lecun", 1 / 300),
        ("default", 1 / (3 * 300)),
        (0.5, 0.25),
        (lambda fan_in, fan_out: 1 / fan_out, 1 / 200**2),
    ],
)
def test_weight_variance_follows_the_recipe(init, variance):
    weight = mlp(1, width=200, inputs=300, init=init, gain=1.5).layer1.weight.detach().double()
    expected = 1.5**2 * variance
    # Standard error of a sample variance: at most √(2/n) relative, for a Gaussian.
    error = expected * math.sqrt(2 / weight.numel())
    assert abs(weight.var().item() - expected) < 4 * error
    assert abs(weight.mean().item()) < 4 * math.sqrt(expected / weight.numel())


def test_biases_are_zero_unless_asked():
    assert mlp(2).layer2.bias.abs().max() == 0
    spread = mlp(1, width=10_000, bias_std=0.3).layer1.bias.std().item()
    assert spread == pytest.approx(0.3, rel=4 * math.sqrt(0.5 / 10_000))
    assert mlp(1, init="default").layer1.bias.abs().max() > 0


@pytest.mark.parametrize(
    "build", [lambda seed: mlp(3, seed=seed), lambda s: deep_linear(3, seed=s)]
)
def test_weights_depend_on_the_seed_alone(build):
    torch.manual_seed(1)
    before = torch.get_rng_state()
    one = build(7)
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(2)
    again, other = build(7), build(8)
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), again.parameters(), strict=True))
    assert not torch.equal(one[0].weight, other[0].weight)
    assert not torch.equal(one.layer1.weight, one.layer2.weight)


def test_deep_linear_is_a_product_of_matrices():
    net = deep_linear(4, width=6, inputs=3, outputs=2)
    product = torch.eye(3)
    for layer in net:
        product = layer.weight @ product
    x = torch.randn(5, 3, generator=torch.Generator().manual_seed(0))
    assert len(net) == 4
    assert sum(p.numel() for p in net.parameters()) == 6 * 3 + 6 * 6 * 2 + 2 * 6
    torch.testing.assert_close(net(x), x @ product.T)


def test_deep_linear_at_gain_one_keeps_the_mean_square():
    net = deep_linear(1, width=400, gain=2.0)
    spread = net.layer1.weight.std().item()
    assert spread == pytest.approx(2 / 20, rel=4 * math.sqrt(0.5 / 160_000))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"depth": -1}, "depth is -1"),
        ({"depth": 2.0}, "depth is 2.0"),
        ({"depth": 2, "width": 0}, "width is 0"),
        ({"depth": 2, "activation": "sigmod"}, "No activation is called 'sigmod'"),
        ({"depth": 2, "init": "kaiming"}, "init is 'kaiming'"),
        ({"depth": 2, "init": -1.0}, "init is -1.0"),
        ({"depth": 2, "init": "default", "bias_std": 0.1}, "bias_std is 0.1"),
    ],
)
def test_bad_recipes_are_refused(arguments, message):
    with pytest.raises(GradcourseError, match=message):
        mlp(**arguments)


def test_deep_linear_needs_a_matrix():
    with pytest.raises(GradcourseError, match="depth is 0"):
        deep_linear(0)


def test_activation_function_makes_new_modules():
    assert isinstance(activation_function("relu"), nn.ReLU)
    assert activation_function("tanh") is not activation_function("tanh")
