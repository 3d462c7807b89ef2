import math

import numpy as np
import pytest
import torch
from torch import nn

from gradcourse import theory
from gradcourse.support import GradcourseError

NAMES = ("relu", "tanh", "selu", "gelu", "sigmoid", "erf")
Q = 1.3


@pytest.fixture(scope="module")
def simulated():
    """Mean squares forward and backward through 300 random layers; each is drawn for all names."""
    rng, n = np.random.default_rng(0), 600
    found = {name: ([], []) for name in NAMES}
    for row in rng.normal(0, math.sqrt(Q), (300, n)):
        w = rng.normal(0, 1 / math.sqrt(n), (n, n))
        upstream = w.T @ rng.normal(size=n)
        for name, (forward, backward) in found.items():
            z = theory.forward_gain(name, Q) * (w @ theory.activation(name, row))
            forward.append(np.mean(z**2))
            delta = theory.backward_gain(name, Q) * upstream
            backward.append(np.mean((theory.slope(name, row) * delta) ** 2))
    return found


@pytest.mark.parametrize("name", NAMES)
def test_gains_keep_what_they_say(name, simulated):
    for found, expected in zip(simulated[name], (Q, 1.0), strict=True):
        error = np.std(found, ddof=1) / math.sqrt(len(found))
        assert abs(np.mean(found) - expected) < 4 * error


def test_selu_constants_are_those_of_torch_and_a_fixed_point():
    alpha, scale = theory.selu_constants()
    z = torch.tensor([-50.0, 1.0], dtype=torch.float64)
    low, high = torch.nn.functional.selu(z).tolist()
    assert (high, -low / high) == (pytest.approx(scale), pytest.approx(alpha))
    assert theory.gaussian_mean(lambda x: theory.activation("selu", x), 1.0) == pytest.approx(
        0, abs=1e-12
    )
    assert theory.q_map("selu", 1.0, 1.0) == pytest.approx(1.0, rel=1e-12)
    assert theory.forward_gain("selu") == pytest.approx(1.0)


def test_rules_are_those_of_torch():
    weight = torch.empty(400, 700)
    torch.manual_seed(0)
    for scheme, fill in (
        ("glorot", nn.init.xavier_normal_),
        ("he", nn.init.kaiming_normal_),
        ("prelu", lambda w: nn.init.kaiming_normal_(w, a=0.25)),
    ):
        measured = float(fill(weight).std())
        expected = theory.weight_std(scheme, 700, 400)
        # The standard error of a standard deviation is σ / √(2n).
        assert abs(measured - expected) < 4 * expected / math.sqrt(2 * weight.numel())
    assert theory.weight_std("selu", 100) == theory.weight_std("lecun", 100) == 0.1


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: theory.weight_std("xavier", 3), "scheme is 'xavier'"),
        (lambda: theory.weight_std("glorot", 3), "needs fan_out"),
        (lambda: theory.weight_std("he", 0), "fan_in is 0"),
        (lambda: theory.forward_gain("tanh", 0.0), "q is 0"),
    ],
)
def test_bad_values_are_refused(call, message):
    with pytest.raises(GradcourseError, match=message):
        call()
