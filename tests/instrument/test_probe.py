import copy

import numpy as np
import pytest
import torch
from torch import nn

from gradcourse.instrument import gradient_norm, probe
from gradcourse.nets import mlp
from gradcourse.support import GradcourseError


def _batch(rows=16, inputs=64, seed=0, dtype=torch.float32):
    return torch.randn(rows, inputs, generator=torch.Generator().manual_seed(seed)).to(dtype)


def _hooks(model):
    return sum(
        len(m._forward_hooks) + len(m._forward_pre_hooks) + len(m._backward_hooks)
        for m in model.modules()
    )


def test_everything_agrees_with_autograd_by_hand():
    net = mlp(3, activation="tanh", init="lecun", gain=1.5)
    with probe(net, level="everything") as record:
        net(_batch()).square().mean().backward()
    x, outputs = _batch(), []
    for module in net:
        x = module(x)
        x.retain_grad()
        outputs.append(x)
    net.zero_grad()
    x.square().mean().backward()
    assert record.layers == tuple(name for name, _ in net.named_children())
    assert record.kinds == ("Linear", "Tanh") * 3 + ("Linear",)
    np.testing.assert_allclose(record.activation_norm[0], gradient_norm(outputs), rtol=1e-6)
    np.testing.assert_allclose(
        record.output_gradient_norm[0], gradient_norm([o.grad for o in outputs]), rtol=1e-6
    )
    means = [o.double().mean().item() for o in outputs]
    np.testing.assert_allclose(record.activation_mean[0], means, atol=1e-7)
    stds = [o.double().std(correction=0).item() for o in outputs]
    np.testing.assert_allclose(record.activation_std[0], stds, rtol=1e-5)
    np.testing.assert_allclose(
        record.activation_rms[0], [o.square().mean().sqrt().item() for o in outputs], rtol=1e-5
    )
    grads = [p.grad for p in net.parameters()]
    np.testing.assert_allclose(record.parameter_gradient_norm[0], gradient_norm(grads), rtol=1e-6)
    rms = [g.square().mean().sqrt().item() for g in grads if g.dim() > 1]
    np.testing.assert_allclose(record.weight_gradient_rms[0], rms, rtol=1e-5)
    assert record.weights == (*(f"layer{k}.weight" for k in (1, 2, 3)), "output.weight")
    assert set(record.log2_histograms) == set(record.weights)
    assert record.log2_histograms["layer1.weight"][0].total == 64 * 64


@pytest.mark.parametrize(
    ("name", "slope"),
    [("tanh", lambda a: 1 - a**2), ("sigmoid", lambda a: a * (1 - a)), ("relu", None)],
)
def test_mean_slope_is_read_off_the_outputs(name, slope):
    net = mlp(1, activation=name)
    with probe(net) as record:
        net(_batch()).sum().backward()
    a = net[1](net[0](_batch())).double()
    assert np.isnan(record.mean_slope[0, [0, 2]]).all()
    if slope is None:
        assert np.isnan(record.mean_slope[0, 1])
    else:
        assert record.mean_slope[0, 1] == pytest.approx(slope(a).mean().item(), rel=1e-6)


def test_a_plain_training_loop_appends_one_step_per_update():
    net = mlp(2)
    with probe(net, every=1) as record:
        for step in range(3):
            net.zero_grad()
            loss = net(_batch(seed=step)).square().mean()
            with torch.no_grad():
                net(_batch(seed=99))  # an evaluation between forward and backward
            loss.backward()
            net.zero_grad()  # the gradients are gone before the block ends
    assert record.steps == len(record) == 3
    assert record.parameter_gradient_norm.shape == (3, 6)
    assert np.all(record.parameter_gradient_norm > 0)
    assert len(set(record.activation_norm[:, 0])) == 3


def test_a_gradient_below_the_range_of_float32_squares_is_not_zero():
    net = mlp(8, init=1e-4, activation="tanh")
    with probe(net) as record:
        (net(_batch()) * 1e-5).sum().backward()
    first = net.layer1.weight.grad
    assert first.abs().max() > 0
    assert first.norm() == 0  # what float32 arithmetic says
    assert record.weight_gradient_norm[0, 0] == pytest.approx(gradient_norm(first)[0], rel=1e-12)


def test_the_model_is_left_as_it_was_also_after_an_exception():
    net = mlp(2)
    before = copy.deepcopy(net.state_dict())
    with pytest.raises(RuntimeError), probe(net):
        net(_batch(inputs=3))
    assert _hooks(net) == 0
    with probe(net) as record:
        net(_batch()).sum().backward()
        kept = net(_batch()).sum()
    assert _hooks(net) == 0
    kept.backward()  # a graph that outlives the block
    assert record.steps == 1
    assert all(torch.equal(v, before[k]) for k, v in net.state_dict().items())


def test_watching_changes_no_gradient():
    plain, watched = mlp(4), mlp(4)
    plain(_batch()).square().sum().backward()
    with probe(watched, level="everything"):
        watched(_batch()).square().sum().backward()
    for a, b in zip(plain.parameters(), watched.parameters(), strict=True):
        assert torch.equal(a.grad, b.grad)


def test_two_probes_at_once_see_the_same():
    net = mlp(2)
    with probe(net) as one, probe(net) as two:
        net(_batch()).sum().backward()
    assert repr(one) == repr(two)


def test_the_level_gradients_records_only_those():
    net = mlp(2)
    with probe(net, level="gradients") as record:
        net(_batch()).sum().backward()
    assert record.layers == ()
    assert np.all(record.weight_gradient_norm > 0)
    assert "layer1" in repr(record)
    with pytest.raises(GradcourseError, match='level="everything"'):
        _ = record.log2_histograms


class Unrolled(nn.Module):
    def __init__(self):
        super().__init__()
        self.cell = nn.Linear(4, 4)
        self.tanh = nn.Tanh()

    def forward(self, x, times):
        for _ in range(times):
            x = self.tanh(self.cell(x))
        return {"state": x, "times": times}


def test_a_module_called_several_times_is_listed_once_per_call():
    net = Unrolled()
    with probe(net, every=1) as record:
        for times in (3, 2):
            net(_batch(inputs=4), times)["state"].sum().backward()
    assert record.layers == ("cell", "tanh", "cell #2", "tanh #2", "cell #3", "tanh #3")
    assert np.isnan(record.activation_norm[1, 4:]).all()
    assert not np.isnan(record.output_gradient_norm[0]).any()


@pytest.mark.parametrize("kind", [nn.RNN, nn.LSTM, nn.GRU])
def test_tuple_outputs_and_a_loss_on_the_last_state_only(kind):
    net = kind(3, 5, batch_first=True)
    with probe(net) as record:
        _, state = net(torch.ones(2, 7, 3))
        state = state[0] if isinstance(state, tuple) else state
        state.sum().backward()
    assert record.layers == (kind.__name__,)
    assert record.steps == 1
    assert np.all(record.parameter_gradient_norm > 0)


def test_attention_inplace_relu_frozen_and_shared_parameters():
    layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True, dropout=0.0)
    net = nn.Sequential(layer, nn.Linear(8, 8), nn.ReLU(inplace=True), nn.Linear(8, 8))
    net[3].weight = net[1].weight
    net[1].bias.requires_grad_(False)
    with probe(net) as record:
        net(torch.randn(2, 5, 8, generator=torch.Generator().manual_seed(0))).sum().backward()
    assert "0.self_attn" in record.layers
    frozen = record.parameters.index("1.bias")
    assert np.isnan(record.parameter_gradient_norm[0, frozen])
    assert np.isfinite(np.delete(record.parameter_gradient_norm[0], frozen)).all()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_dtypes(dtype):
    net = mlp(2).to(dtype)
    with probe(net, level="everything") as record:
        net(_batch(dtype=dtype)).sum().backward()
    expected = gradient_norm(p.grad for p in net.parameters())
    np.testing.assert_allclose(record.parameter_gradient_norm[0], expected, rtol=2e-6)
    assert np.isfinite(record.activation_std).all()


def test_a_second_backward_through_the_same_graph_is_a_second_step():
    net = mlp(1)
    with probe(net) as record:
        loss = net(_batch()).sum()
        loss.backward(retain_graph=True)
        loss.backward()
    assert record.steps == 2
    np.testing.assert_allclose(
        record.parameter_gradient_norm[1], 2 * record.parameter_gradient_norm[0], rtol=1e-6
    )


def test_select_gives_the_columns_of_one_kind():
    net = mlp(2)
    with probe(net) as record:
        net(_batch()).sum().backward()
    assert record.select("Sigmoid").tolist() == [1, 3]
    with pytest.raises(GradcourseError, match="has: Linear, Sigmoid"):
        record.select("Tanh")


def test_text_is_a_short_table_and_html_the_same():
    net = mlp(1, init=0.0, bias_std=0.0)
    with probe(net) as record:
        net(_batch()).sum().backward()
    assert repr(record) == (
        "Record: 3 layers, 1 step\n"
        "layer     output std  mean slope  ‖∂ℒ/∂output‖  ‖∂ℒ/∂W‖\n"
        "layer1       0.0e+00           –       0.0e+00  0.0e+00\n"
        "sigmoid1     0.0e+00     2.5e-01       0.0e+00        –\n"
        "output       0.0e+00           –       1.3e+01  2.0e+02"
    )
    assert record._repr_html_().count("<tr>") == 4


def test_a_record_without_a_step_says_what_to_do():
    net = mlp(1)
    with probe(net) as record, torch.no_grad():
        net(_batch())
    assert repr(record) == "Record: no step yet"
    assert "no step" in record._repr_html_()
    for name in ("activation_norm", "parameter_gradient_norm", "log2_histograms"):
        with pytest.raises(GradcourseError, match=r"loss\.backward"):
            getattr(record, name)


def test_wrong_uses_are_refused():
    with pytest.raises(GradcourseError, match="no parameters"):
        probe(nn.Sequential(nn.ReLU()))
    with pytest.raises(GradcourseError, match="function"):
        probe(lambda x: x)
    with pytest.raises(GradcourseError, match="level is 'all'"):
        probe(mlp(1), level="all")
    with pytest.raises(GradcourseError, match="as record"):
        _ = probe(mlp(1)).activation_norm
    watching = probe(mlp(1))
    with watching, pytest.raises(GradcourseError, match="already in use"), watching:
        pass
