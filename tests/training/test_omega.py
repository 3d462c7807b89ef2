import numpy as np
import pytest
import torch

from gradcourse.exercises.clipping.omega import omega
from gradcourse.nets import recurrent
from gradcourse.support import GradcourseError
from gradcourse.training import pascanu_omega


def states_and_deltas(net, x):
    """h_1 … h_T and ∂ℒ/∂h_t by autograd; the loss is the sum of the outputs."""
    rnn, h = net.rnn, [torch.zeros(len(x), net.rnn.hidden_size, dtype=x.dtype, requires_grad=True)]
    for t in range(x.shape[1]):
        z = h[-1] @ rnn.weight_hh_l0.T + x[:, t] @ rnn.weight_ih_l0.T
        h.append(torch.tanh(z + rnn.bias_ih_l0 + rnn.bias_hh_l0))
    deltas = torch.autograd.grad(net.readout(h[-1]).sum(), h[1:])
    return [s.detach().numpy() for s in h[1:]], [d.numpy() for d in deltas]


@pytest.mark.parametrize("seed", range(5))
def test_it_is_the_mean_over_sequences_of_omega_by_hand(seed):
    net = recurrent("rnn", 2, 6, 1, seed=seed).double()
    x = torch.randn(3, 9, 2, generator=torch.Generator().manual_seed(seed)).double()
    h, delta = (np.array(found) for found in states_and_deltas(net, x))
    W = net.rnn.weight_hh_l0.detach().numpy()
    expected = np.mean([omega(delta[:, k], h[:, k], W) for k in range(3)])
    found = pascanu_omega(net, x, torch.sum)
    assert float(found.detach()) == pytest.approx(expected, rel=1e-10)


def test_its_gradient_reaches_w_alone_and_takes_states_as_constants():
    net = recurrent("rnn", 2, 4, 1, seed=0).double()
    x = torch.randn(1, 2, 2, generator=torch.Generator().manual_seed(0)).double()
    pascanu_omega(net, x, torch.sum).backward()
    assert net.rnn.weight_ih_l0.grad is None
    assert net.readout.weight.grad is None
    h, delta = states_and_deltas(net, x)
    W = net.rnn.weight_hh_l0.detach().numpy()
    numeric, eps = np.zeros_like(W), 1e-6
    for index in np.ndindex(W.shape):
        step = np.zeros_like(W)
        step[index] = eps
        both = [omega(np.array(delta)[:, 0], np.array(h)[:, 0], W + s * step) for s in (1, -1)]
        numeric[index] = (both[0] - both[1]) / (2 * eps)
    np.testing.assert_allclose(net.rnn.weight_hh_l0.grad.numpy(), numeric, atol=1e-8)


def test_an_orthogonal_matrix_at_rest_is_level_and_long_lags_do_not_underflow():
    net = recurrent("rnn", 1, 8, 1, init="orthogonal")
    assert float(pascanu_omega(net, torch.zeros(2, 5, 1), torch.sum).detach()) < 1e-10
    small = recurrent("rnn", 1, 8, 1, init="orthogonal", gain=0.1)
    found = float(pascanu_omega(small, torch.zeros(2, 200, 1), torch.sum).detach())
    assert found == pytest.approx(0.81, rel=1e-4)


def test_what_it_cannot_take():
    with pytest.raises(GradcourseError, match="tanh"):
        pascanu_omega(recurrent("gru", 1, 4, 1), torch.zeros(1, 3, 1), torch.sum)
    with pytest.raises(GradcourseError, match="tanh"):
        pascanu_omega(
            recurrent("rnn", 1, 4, 1, nonlinearity="relu"), torch.zeros(1, 3, 1), torch.sum
        )
    with pytest.raises(GradcourseError, match="shape"):
        pascanu_omega(recurrent("rnn", 1, 4, 1), torch.zeros(1, 1, 1), torch.sum)
