import math

import pytest
import torch
from torch import nn

from gradcourse.nets import chrono_, recurrent
from gradcourse.support import GradcourseError


def test_an_lstm_keeps_what_it_does_not_let_in():
    lstm = chrono_(nn.LSTM(2, 50, num_layers=2), 100.0, seed=1)
    for layer in range(2):
        i, f, g, o = getattr(lstm, f"bias_ih_l{layer}").detach().chunk(4)
        assert torch.equal(i, -f)
        assert not g.any()
        assert not o.any()
        assert not getattr(lstm, f"bias_hh_l{layer}").any()
        assert 0 <= f.min() < 2.5
        assert 4 < f.max() <= math.log(99)
        torch.testing.assert_close(i.sigmoid(), 1 - f.sigmoid())
    assert not torch.equal(lstm.bias_ih_l0, lstm.bias_ih_l1)


def test_a_gru_gets_its_update_bias_and_weights_stay():
    net, same = (recurrent("gru", 2, 32, 1) for _ in range(2))
    assert chrono_(net, 60) is net
    r, z, n = net.rnn.bias_ih_l0.detach().chunk(3)
    assert z.min() >= 0
    assert not r.any()
    assert not n.any()
    assert torch.equal(net.rnn.weight_hh_l0, same.rnn.weight_hh_l0)
    assert torch.equal(net.readout.bias, same.readout.bias)


def test_a_seed_gives_the_same_and_leaves_torchs_generator_alone():
    state = torch.random.get_rng_state()
    nets = [chrono_(recurrent("lstm", 2, 8, 1), 60, seed) for seed in (3, 3, 4)]
    first, again, other = (net.rnn.bias_ih_l0 for net in nets)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert torch.equal(state, torch.random.get_rng_state())


@pytest.mark.parametrize(
    ("model", "longest", "message"),
    [
        (nn.LSTM(2, 3), 2.0, "more than 2 steps"),
        (nn.RNN(2, 3), 10.0, "no nn.LSTM and no nn.GRU"),
        (nn.LSTM(2, 3, bias=False), 10.0, "with biases"),
    ],
)
def test_what_cannot_be_done_is_said(model, longest, message):
    with pytest.raises(GradcourseError, match=message):
        chrono_(model, longest)
