import pytest
import torch
from torch import nn

from gradcourse.nets import mlp, normalization, normalized_mlp
from gradcourse.support import GradcourseError

X = torch.randn(32, 64, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("norm", ["batch", "layer", "rms"])
def test_names_say_which_layer(norm):
    net = normalized_mlp(2, width=5, activation="tanh", norm=norm, inputs=7, outputs=3)
    names = [name for name, _ in net.named_children()]
    assert names == ["layer1", "norm1", "tanh1", "layer2", "norm2", "tanh2", "output"]
    assert net(torch.zeros(4, 7)).shape == (4, 3)


@pytest.mark.parametrize("norm", ["batch", "layer", "rms"])
def test_weights_are_those_of_the_plain_network(norm):
    plain = mlp(3, init="he", activation="relu", gain=2.0, seed=7)
    net = normalized_mlp(3, norm=norm, gain=2.0, seed=7)
    for name in ("layer1", "layer2", "layer3", "output"):
        assert torch.equal(net.get_submodule(name).weight, plain.get_submodule(name).weight)


def test_only_before_batch_norm_the_matrices_have_no_bias():
    assert normalized_mlp(1, norm="batch").layer1.bias is None
    for norm in ("layer", "rms"):
        assert torch.equal(normalized_mlp(1, norm=norm).layer1.bias, torch.zeros(64))
    assert normalized_mlp(1, norm="batch").output.bias is not None


@pytest.mark.parametrize(("norm", "over"), [("batch", 0), ("layer", 1)])
def test_what_is_normalized(norm, over):
    z = normalized_mlp(1, norm=norm)[:2](X)
    torch.testing.assert_close(z.mean(over), torch.zeros_like(z.mean(over)), atol=1e-5, rtol=0)
    size = z.var(over, correction=0)
    torch.testing.assert_close(size, torch.ones_like(size), atol=1e-3, rtol=0)


def test_rms_norm_gives_each_image_the_mean_square_1_and_keeps_its_mean():
    z = normalized_mlp(1, norm="rms")[:2](X)
    torch.testing.assert_close(z.square().mean(1), torch.ones(32), atol=1e-3, rtol=0)
    assert z.mean(1).abs().max() > 0.05


def test_gamma_and_beta_are_where_every_unit_starts():
    net = normalized_mlp(2, gamma=0.5, beta=2.0)
    assert torch.equal(net.norm2.weight, torch.full((64,), 0.5))
    assert torch.equal(net.norm2.bias, torch.full((64,), 2.0))
    assert torch.equal(
        normalized_mlp(1, norm="rms", gamma=3.0).norm1.weight, torch.full((64,), 3.0)
    )


def test_momentum_reaches_batch_norm():
    net = normalized_mlp(1, momentum=0.25)
    net(X)
    expected = 0.25 * net.layer1(X).mean(0)
    torch.testing.assert_close(net.norm1.running_mean, expected)


def test_weights_depend_on_the_seed_alone():
    torch.manual_seed(1)
    before = torch.get_rng_state()
    one = normalized_mlp(2, seed=3)
    assert torch.equal(torch.get_rng_state(), before)
    again, other = normalized_mlp(2, seed=3), normalized_mlp(2, seed=4)
    assert torch.equal(one.layer2.weight, again.layer2.weight)
    assert not torch.equal(one.layer2.weight, other.layer2.weight)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"norm": "group"}, "No normalization is called 'group'"),
        ({"norm": "rms", "beta": 1.0}, "beta is 1.0"),
        ({"activation": "sigmod"}, "No activation is called 'sigmod'"),
    ],
)
def test_bad_recipes_are_refused(arguments, message):
    with pytest.raises(GradcourseError, match=message):
        normalized_mlp(2, **arguments)


def test_normalization_makes_new_modules():
    assert isinstance(normalization("rms", 3), nn.RMSNorm)
    assert normalization("batch", 3) is not normalization("batch", 3)


def test_noise_shifts_the_layers_input_while_training_and_never_afterwards():
    net = normalized_mlp(2, noise=0.5, seed=1)
    assert [n for n, _ in net.named_children()][:4] == ["layer1", "norm1", "noise1", "relu1"]
    first, second = net[:3](X).mean(0), net[:3](X).mean(0)
    # The difference of two means from N(0, 0.5²) has standard deviation 0.5 √2, over 64 units.
    assert 0.4 < float((first - second).std().detach()) < 1.1
    net.eval()
    assert torch.equal(net[:3](X), net[:2](X))
    again = normalized_mlp(2, noise=0.5, seed=1)
    assert torch.equal(again[:3](X).mean(0), first)
