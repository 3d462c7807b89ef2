"""Which parameters belong to which layer, by their names."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations, parametrize

from gradcourse.diagnosis import diagnose
from gradcourse.diagnosis.signals import Signals
from gradcourse.instrument import probe
from gradcourse.instrument.record.owners import Owners, owner, plain_name
from gradcourse.support import GradcourseError

PARAMETRIZED = [
    parametrizations.weight_norm,
    parametrizations.spectral_norm,
    parametrizations.orthogonal,
]


def chain(wrap, depth=4):
    torch.manual_seed(0)
    parts = [part for _ in range(depth) for part in (wrap(nn.Linear(8, 8)), nn.Tanh())]
    return nn.Sequential(*parts)


def once(net, *shape):
    with probe(net) as record:
        net(torch.ones(*shape)).square().sum().backward()
    return record


@pytest.mark.parametrize(
    ("name", "layer", "plain"),
    [
        ("weight", "", "weight"),
        ("0.weight", "0", "0.weight"),
        ("encoder.rnn.weight_ih_l0", "encoder.rnn", "encoder.rnn.weight_ih_l0"),
        ("parametrizations.weight.original1", "", "weight.original1"),
        ("0.parametrizations.weight.original", "0", "0.weight"),
        ("a.b.parametrizations.weight_hh_l0.original0", "a.b", "a.b.weight_hh_l0.original0"),
        ("0.parametrizations.weight.0.lora.down", "0", "0.weight.0.lora.down"),
        # Names that a network may have by itself.
        ("parametrizations.0.weight", "parametrizations.0", "parametrizations.0.weight"),
        ("0.original", "0", "0.original"),
    ],
)
def test_the_layer_and_the_plain_name_of_a_parameter(name, layer, plain):
    assert (owner(name), plain_name(name)) == (layer, plain)


@pytest.mark.parametrize("wrap", PARAMETRIZED)
def test_a_parametrized_layer_has_its_parameters(wrap):
    record = once(chain(wrap), 3, 8)
    own = record["2"].parameters
    assert own == tuple(name for name in record.parameters if name.startswith("2."))
    assert len(own) >= 2
    signals = Signals(record)
    assert set(signals.owners) == {"0", "2", "4", "6"}
    assert [[record.layers[k] for k in columns] for columns in signals.chain] == [
        [name] for name in ("0", "2", "4", "6")
    ]
    row = next(line for line in repr(record).splitlines() if line.startswith("2 "))
    assert row.endswith("–") == (wrap is parametrizations.weight_norm)  # of two, neither is W


def test_a_net_with_normed_weights_is_judged_by_its_layers():
    def small(layer):
        with torch.no_grad():
            layer.weight.mul_(0.1)
        return parametrizations.weight_norm(layer)

    net = chain(small, depth=12)
    optimizer = torch.optim.SGD(net.parameters(), lr=1e-3)
    with probe(net, optimizer, level="everything") as record:
        for _ in range(12):
            optimizer.zero_grad()
            net(torch.ones(3, 8)).square().sum().backward()
            optimizer.step()
    found = diagnose(record)
    assert found.primary.kind == "vanishing"
    assert "parametrizations" not in repr(found)


@pytest.mark.parametrize("part", [nn.Linear(4, 2), nn.LayerNorm(4), nn.Conv1d(4, 2, 1)])
def test_a_model_that_is_one_layer_has_its_parameters(part):
    shape = (3, 4, 5) if isinstance(part, nn.Conv1d) else (3, 4)
    record = once(part, *shape)
    (name,) = record.layers
    assert record[name].parameters == ("weight", "bias")
    norm = record[name].parameter_gradient_norm["weight"][0]
    assert repr(record).endswith(f"{norm:.1e}")
    assert f"{norm:.1e}" in record._repr_html_()


def test_parameters_of_the_model_itself_are_no_layer_s():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.w, self.act = nn.Parameter(torch.ones(4, 4)), nn.Tanh()

        def forward(self, x):
            return self.act(x @ self.w)

    record = once(Net(), 3, 4)
    assert record["act"].parameters == ()


def test_a_layer_that_runs_twice_has_its_parameters_twice():
    owners = Owners(["fc.weight", "fc.bias"])
    assert owners.of("fc #2", "Linear") == ("fc.weight", "fc.bias")
    assert owners.weight("fc #2", "Linear", {"fc.weight"}) == "fc.weight"


def test_a_table_without_layers_names_the_weights():
    net = nn.Sequential(parametrizations.spectral_norm(nn.Linear(4, 4)), nn.LSTM(4, 2))
    with probe(net, level="gradients") as record:
        net(torch.ones(3, 4))[0].sum().backward()
    rows = [line.split() for line in repr(record).splitlines()[2:]]
    assert [row[0] for row in rows] == ["0", "1.weight_ih_l0", "1.weight_hh_l0"]
    norms = record.weight_gradient_norm[0]
    np.testing.assert_allclose([float(row[-1]) for row in rows], norms, rtol=0.05)


def test_layers_are_asked_for_by_text():
    record = once(nn.Sequential(nn.Linear(4, 2)), 3, 4)
    with pytest.raises(GradcourseError, match=r"no layer 0; it has: '0'\. .* a text"):
        record[0]
    with pytest.raises(GradcourseError, match=r"no layer 'x'; it has: '0'\.$"):
        record["x"]


def test_a_parametrized_model_that_is_one_layer_is_judged():
    net = parametrizations.weight_norm(nn.Linear(4, 2))
    assert parametrize.is_parametrized(net)
    assert diagnose(once(net, 3, 4)).primary
