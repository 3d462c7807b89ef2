import pytest
import torch
from torch import nn

from gradcourse.data import digits
from gradcourse.nets import mlp, normalized_mlp
from gradcourse.support import GradcourseError
from gradcourse.training import ShiftMeter, train

DATA = digits()


def test_it_takes_the_steps_that_train_takes_without_it():
    nets = [normalized_mlp(2, seed=0) for _ in range(2)]
    meter = ShiftMeter(nets[0], DATA.x_train[:64], lr=0.1)
    runs = [
        train(nets[0], DATA, steps=20, lr=0.1, every=20, optimizer=meter),
        train(nets[1], DATA, steps=20, lr=0.1, every=20),
    ]
    assert (runs[0].loss == runs[1].loss).all()
    for one, other in zip(nets[0].buffers(), nets[1].buffers(), strict=True):
        assert torch.equal(one, other)
    assert len(meter.shifts) == 2


def test_a_known_shift():
    """One unit; the step moves its bias by 3 standard deviations, and nothing else."""
    net = nn.Sequential(nn.Linear(1, 1), nn.Sigmoid())
    with torch.no_grad():
        net[0].weight.fill_(2.0)
    x = torch.tensor([[-1.0], [1.0]])
    meter = ShiftMeter(net, x, lr=1.0)
    meter([net[0].bias])
    net[0].bias.grad = torch.tensor([3.0]) * net[0](x).std().detach()
    meter.step()
    assert meter.shift == pytest.approx(3.0)


def test_without_a_step_there_is_no_shift():
    meter = ShiftMeter(mlp(3, seed=0), DATA.x_train[:64], lr=0.0)
    meter(mlp(3, seed=0).parameters()).step()
    assert meter.shift == 0.0


def test_a_model_without_activations_is_refused():
    with pytest.raises(GradcourseError, match="no module of class Sigmoid"):
        ShiftMeter(nn.Linear(2, 2), torch.zeros(1, 2), lr=0.1)
