import pytest
import torch

from gradcourse.nets.min_gru import min_gru
from gradcourse.support import GradcourseError


def test_all_steps_at_once_are_the_steps_one_by_one():
    layer = min_gru(3, 8, 1, seed=1).layers[0]
    x = 3 * torch.randn(4, 60, 3, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        kept, value = layer.kept(x), layer.candidate(x)
        h, states = torch.zeros(4, 8), []
        for t in range(60):
            h = kept[:, t] * h + (1 - kept[:, t]) * value[:, t]
            states.append(h)
        torch.testing.assert_close(layer(x), torch.stack(states, 1), rtol=1e-4, atol=1e-5)


def test_long_sequences_and_gates_that_forget_at_once_stay_finite():
    net = min_gru(2, 8, 1)
    with torch.no_grad():
        for layer in net.layers:
            layer.gate.weight *= 50
    x = torch.randn(2, 2000, 2, requires_grad=True)
    net(x).sum().backward()
    assert net(x).isfinite().all()
    assert x.grad.isfinite().all()


def test_the_same_seed_gives_the_same_weights_and_torch_is_left_alone():
    torch.manual_seed(0)
    before = torch.get_rng_state()
    first, second = (list(min_gru(2, 4, 1, seed=3).parameters()) for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
    assert torch.equal(before, torch.get_rng_state())
    with pytest.raises(GradcourseError, match="layers is 0"):
        min_gru(2, 4, 1, layers=0)
