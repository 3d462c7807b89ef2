import math

import pytest
import torch
from torch import nn

from gradcourse.nets import mlp, residual_cnn, residual_mlp
from gradcourse.support import GradcourseError

X = torch.randn(256, 64, generator=torch.Generator().manual_seed(0))


def matrices(model):
    return [m.weight for m in model.modules() if isinstance(m, nn.Linear)]


def test_a_pre_activation_block_is_what_it_says():
    net = residual_mlp(1, width=64, scale=0.3)
    x = net.stem(X)
    layer1, layer2 = net.block1.branch.layer1, net.block1.branch.layer2
    expected = x + 0.3 * layer2(torch.relu(layer1(torch.relu(x))))
    torch.testing.assert_close(net.block1(x), expected)
    torch.testing.assert_close(net(X), net.output(torch.relu(expected)))


def test_a_post_activation_block_is_what_it_says():
    net = residual_mlp(1, order="post", norm="batch")
    x = torch.relu(net.stem(X))
    branch = net.block1.branch
    expected = torch.relu(
        x + branch.norm2(branch.layer2(torch.relu(branch.norm1(branch.layer1(x)))))
    )
    torch.testing.assert_close(net.block1(x), expected)
    torch.testing.assert_close(net(X), net.output(expected))


@pytest.mark.parametrize("order", ["pre", "post"])
def test_the_plain_twin_has_the_same_matrices_and_no_shortcut(order):
    both = [residual_mlp(4, order=order, skip=skip, seed=3) for skip in (True, False)]
    for one, other in zip(*map(matrices, both), strict=True):
        assert torch.equal(one, other)
    assert len(matrices(both[0])) == 4 * 2 + 2
    if order == "post":  # then it is the network of `mlp`
        flat = mlp(9, activation="relu", init="he", seed=3)
        torch.testing.assert_close(both[1](X), flat(X))


def test_the_variance_doubles_with_each_block_unless_it_is_scaled():
    def growth(scale):
        net, logs = residual_mlp(20, width=256, scale=scale), []
        with torch.no_grad():
            x = net.stem(X)
            start = x.square().mean()
            for number in range(1, 21):
                x = net.get_submodule(f"block{number}")(x)
            logs.append(float((x.square().mean() / start).log2()))
        return logs[0]

    assert growth(1.0) == pytest.approx(20, abs=3)
    assert growth("inverse_sqrt") == pytest.approx(math.log2((1 + 1 / 20) ** 20), abs=0.5)


@pytest.mark.parametrize("scale", ["skipinit", "rezero", "fixup"])
def test_blocks_that_start_as_the_identity(scale):
    net = residual_mlp(5, scale=scale)
    x = net.stem(X)
    for number in range(1, 6):
        block = net.get_submodule(f"block{number}")
        torch.testing.assert_close(block(x), x)
        assert isinstance(block.alpha, nn.Parameter)


def test_fixup_scales_the_other_matrices():
    plain, fixed = residual_mlp(9, layers=3), residual_mlp(9, layers=3, scale="fixup")
    ratio = fixed.block1.branch.layer1.weight / plain.block1.branch.layer1.weight
    torch.testing.assert_close(ratio, torch.full_like(ratio, 9 ** (-1 / 4)))
    assert not fixed.block1.branch.layer3.weight.any()
    assert not fixed.output.weight.any()


def test_a_fixed_scale_is_no_parameter():
    assert not any("alpha" in name for name, _ in residual_mlp(2, scale=0.5).named_parameters())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"blocks": 0}, "blocks is 0"),
        ({"blocks": 2, "layers": 0}, "layers is 0"),
        ({"blocks": 2, "order": "both"}, "order is 'both'"),
        ({"blocks": 2, "scale": "small"}, "scale is 'small'"),
        ({"blocks": 2, "layers": 1, "scale": "fixup"}, "2 or more layers"),
        ({"blocks": 2, "norm": "group"}, "'group'"),
    ],
)
def test_what_is_refused(options, message):
    with pytest.raises(GradcourseError, match=message):
        residual_mlp(**options)


def test_the_convolutional_net_has_the_layers_of_he():
    net = residual_cnn(2)
    weighted = [m for m in net.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    assert len(weighted) == 6 * 2 + 2 + 2  # two projections
    assert net(X).shape == (256, 10)
    assert [m.kernel_size for m in weighted if isinstance(m, nn.Conv2d)].count((1, 1)) == 2


def test_the_convolutional_twin_has_the_same_convolutions():
    both = [dict(residual_cnn(2, skip=skip, seed=1).named_parameters()) for skip in (True, False)]
    shared = set(both[0]) & set(both[1])
    assert {name for name in both[0] if "shortcut" not in name} == shared
    assert all(torch.equal(both[0][name], both[1][name]) for name in shared)


def test_seeds_leave_the_global_generator_alone():
    before = torch.random.get_rng_state()
    first, second = residual_cnn(1, seed=0), residual_cnn(1, seed=0)
    assert torch.equal(first.stem.weight, second.stem.weight)
    assert not torch.equal(first.stem.weight, residual_cnn(1, seed=1).stem.weight)
    assert torch.equal(torch.random.get_rng_state(), before)
    with pytest.raises(GradcourseError, match="channels is 0"):
        residual_cnn(1, channels=0)
