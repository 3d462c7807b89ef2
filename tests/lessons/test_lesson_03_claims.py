"""Every qualitative claim of lesson 03, at reduced size, over five seeds."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from gradcourse import theory
from gradcourse.data import adding_problem
from gradcourse.demos.recurrent import (
    CLIFF,
    GAIN,
    SCALAR,
    TWO_UNITS,
    cliff_line,
    gradient_theory,
    lag_log_gradient,
    loss_and_gradient,
    one_step,
    random_run,
    two_unit_gradient,
    two_unit_theory,
)
from gradcourse.demos.recurrent.cliff import START
from gradcourse.demos.recurrent.linear import two_unit_matrix
from gradcourse.demos.recurrent.random import growth_over_200
from gradcourse.exercises.recurrent.lesson import recall_accuracy, scalar_gradient
from gradcourse.exercises.recurrent.networks import overflow_step, sigmoid_growth
from gradcourse.figures import Picture
from gradcourse.instrument import (
    clip_grad_norm_,
    lag_gradient,
    lag_log_norms,
    lyapunov_exponents,
    state_jacobians,
    watch,
)
from gradcourse.nets import Truncated, recurrent
from gradcourse.training import train

SEEDS = range(5)


def adam(parameters):
    return torch.optim.Adam(parameters, lr=0.01)


def adding_error(length: int, seed: int, *, steps: int = 400, before_update=None, **recipe):
    data = adding_problem(length, train=4000, test=2000, seed=seed)
    net = recurrent("rnn", 2, 16, 1, seed=seed, **recipe)
    run = train(
        net,
        data,
        steps=steps,
        lr=0.01,
        loss="mse",
        seed=seed,
        every=steps,
        optimizer=adam,
        before_update=before_update,
    )
    return net, run.test_loss[-1]


# ---------------------------------------------------------------- the puzzle, and its cure


@pytest.mark.parametrize("seed", SEEDS)
def test_five_steps_are_learned_and_thirty_stay_at_a_sixth(seed):
    assert adding_error(5, seed)[1] < 0.25 / 6
    assert 0.9 / 6 < adding_error(30, seed)[1] < 1.1 / 6


@pytest.mark.parametrize("seed", SEEDS)
def test_its_gradient_does_not_reach_the_first_step(seed):
    data = adding_problem(30, train=64, test=1, seed=seed)
    net = recurrent("rnn", 2, 16, 1, seed=seed)
    (norms,) = lag_gradient(net, data.x_train, lambda z: F.mse_loss(z, data.y_train)).values()
    assert norms[0] / norms[-1] < 1e-5


def arrives(net, seed):
    """The gradient at lag 29, relative to lag 0."""
    data = adding_problem(30, train=64, test=1, seed=seed)
    (norms,) = lag_gradient(net, data.x_train, lambda z: F.mse_loss(z, data.y_train)).values()
    return norms[0] / norms[-1]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("nonlinearity", ["relu", "tanh"])
def test_the_identity_learns_thirty_steps_where_it_stays_level(nonlinearity, seed):
    recipe = {"init": "identity", "nonlinearity": nonlinearity}
    assert arrives(recurrent("rnn", 2, 16, 1, seed=seed, **recipe), seed) > 1 / 30
    net, error = adding_error(
        30, seed, before_update=lambda parameters: clip_grad_norm_(parameters, 1.0), **recipe
    )
    if nonlinearity == "relu":
        assert arrives(net, seed) > 1 / 30
        assert error < 0.5 / 6
        radius = float(torch.linalg.eigvals(net.rnn.weight_hh_l0.detach()).abs().max())
        assert abs(radius - 1) > 0.01
    else:
        assert arrives(net, seed) < 1 / 30
        assert error > 0.9 / 6


# ---------------------------------------------------------------- linear networks


@pytest.mark.parametrize("w", [0.9, 1.0, 1.1, -0.8])
def test_one_weight_gives_powers(w):
    assert scalar_gradient(w, 50) == pytest.approx(w**50)


@pytest.mark.parametrize("coupling", [0.0, 1.0, 4.0])
def test_two_units_follow_their_paths_and_peak_where_theory_says(coupling):
    measured = two_unit_gradient(0.95, coupling)
    np.testing.assert_allclose(measured, two_unit_theory(0.95, coupling))
    if coupling:
        assert measured.argmax() == pytest.approx(-1 / math.log(0.95), abs=1)
        assert measured.max() > 2 * coupling
        assert measured[-1] < measured.max() / 5


@pytest.mark.parametrize("seed", SEEDS)
def test_at_one_radius_a_gaussian_matrix_grows_first_and_an_orthogonal_one_does_not(seed):
    silence = torch.zeros(60, 1, dtype=torch.float64)
    for init, grows in (("normal", True), ("orthogonal", False)):
        net = recurrent("rnn", 1, 100, 1, init=init, radius=0.95, seed=seed).double()
        w = net.rnn.weight_hh_l0.detach().numpy()
        product, norms = np.eye(100), []
        for jacobian in state_jacobians(net.rnn, silence):
            product = jacobian @ product
            norms.append(np.linalg.norm(product, 2))
        exact = [np.linalg.norm(np.linalg.matrix_power(w, k), 2) for k in range(1, 61)]
        np.testing.assert_allclose(norms, exact, rtol=1e-8)
        if grows:
            assert np.linalg.norm(w, 2) == pytest.approx(2 * 0.95, rel=0.15)
        assert (max(norms) > 1.1) == grows
        assert norms[-1] < 1


def test_the_growth_of_two_units_lies_between_the_bounds_of_kreiss():
    matrix = two_unit_matrix(0.95, 1.0)
    largest = max(np.linalg.norm(np.linalg.matrix_power(matrix, k), 2) for k in range(101))
    circle = np.exp(2j * np.pi * np.arange(24) / 24)
    kreiss = {
        (r, k): (r - 1) / np.linalg.svd(r * z * np.eye(2) - matrix, compute_uv=False)[-1]
        for r in np.linspace(1.001, 2, 200)
        for k, z in enumerate(circle)
    }
    worst = max(kreiss, key=kreiss.__getitem__)
    assert worst[1] == 0  # no entry is negative, so the worst z is a positive number
    assert kreiss[worst] <= largest <= 2 * math.e * kreiss[worst]
    assert largest == pytest.approx(7.57, abs=0.005)


# ---------------------------------------------------------------- tanh


@pytest.mark.parametrize("seed", SEEDS)
def test_a_norm_below_one_suffices_to_vanish(seed):
    net = recurrent("rnn", 20, 40, 1, init="orthogonal", gain=0.9, seed=seed)
    x = torch.randn(60, 20, generator=torch.Generator().manual_seed(seed))
    logs = lag_log_norms(net.rnn, x)[::-1] - 0.5 * math.log(40)
    assert (logs <= np.arange(60) * math.log(0.9) + 1e-4).all()


@pytest.mark.parametrize("seed", SEEDS)
def test_a_norm_above_one_is_not_enough_to_explode(seed):
    weights, states = random_run(2.0, 0.0, seed=seed)
    assert np.linalg.norm(weights, 2) > 3.5
    assert np.abs(states).max() < 1
    assert lag_log_gradient(2.0, 0.0, seed=seed)[-1] > 3
    assert lag_log_gradient(2.0, 2.0, seed=seed)[-1] < -5


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("gain", "strength"), [(2.0, 2.0), (3.0, 0.0), (1.0, 0.5), (2.0, 0.5)])
def test_chi_predicts_the_growth_per_step(gain, strength, seed):
    measured = lag_log_gradient(gain, strength, width=200, seed=seed)[-1] / 100
    assert measured == pytest.approx(gradient_theory(gain, strength)[-1] / 100, abs=0.05)


@pytest.mark.parametrize("seed", SEEDS)
def test_chaos_begins_above_gain_one(seed):
    found = {}
    for gain in (0.5, 1.1, 2.0, 3.0):
        net = recurrent("rnn", 1, 100, 1, init="normal", gain=gain, seed=seed).double()
        start = torch.randn(1, 1, 100, generator=torch.Generator().manual_seed(seed)).double()
        jacobians = state_jacobians(net.rnn, torch.zeros(500, 1).double(), start)
        found[gain] = lyapunov_exponents(jacobians[200:], count=1)[0][0]
        if gain == 0.5:
            radius = torch.linalg.eigvals(net.rnn.weight_hh_l0.detach()).abs().max()
            assert found[gain] == pytest.approx(float(radius.log()), abs=0.02)
    assert found[1.1] < 0.01
    assert found[2.0] > 0.03
    assert found[3.0] == pytest.approx(0.5 * math.log(theory.chi("tanh", 3.0)), abs=0.05)


# ---------------------------------------------------------------- the cliff


def test_on_the_edge_the_gradient_is_a_geometric_sum():
    for w in (1.4, 1.5, 1.6):
        loss, by_w, by_b = loss_and_gradient(w, cliff_line(w))
        s = 0.75 * w
        expected = 1.2 * 0.75 * (s**50 - 1) / (s - 1)
        assert abs(by_b) == pytest.approx(expected, rel=1e-3)
        assert by_w / by_b == pytest.approx(START, rel=1e-3)
        assert loss == pytest.approx(0.72)


@pytest.mark.parametrize("w", [1.2, 1.4, 1.6, 1.8, 2.0])
def test_the_edge_parts_high_loss_from_low(w):
    below, above = (float(loss_and_gradient(w, cliff_line(w) + d)[0]) for d in (-0.02, 0.02))
    assert below > 0.7
    assert above < 0.15


@pytest.mark.parametrize("seed", SEEDS)
def test_every_run_gets_over_the_wall_and_more_than_a_third_is_thrown(seed):
    rng = np.random.default_rng(seed)
    w, b, longest = rng.uniform(1.35, 1.6, 1000), rng.uniform(-0.1, 0.1, 1000), np.zeros(1000)
    lowest, jumped = np.full(1000, np.inf), np.zeros(1000, dtype=bool)
    for _ in range(300):
        loss, by_w, by_b = loss_and_gradient(w, b)
        jumped |= (lowest > 0.5) & (loss < 0.3)
        lowest = np.minimum(lowest, loss)
        longest = np.maximum(longest, 0.02 * np.hypot(by_w, by_b))
        w, b = w - 0.02 * by_w, b - 0.02 * by_b
    assert (lowest < 0.3).all()
    assert jumped.mean() > 0.95
    assert 1 / 3 < (longest > 1).mean() < 0.5


# ---------------------------------------------------------------- the run that ends


@pytest.mark.parametrize("seed", SEEDS)
def test_an_identity_network_dies_at_update_one_in_its_forward_pass(seed):
    data = adding_problem(100, train=128, test=1, seed=seed)
    net = recurrent("rnn", 2, 32, 1, init="identity", nonlinearity="relu", seed=seed)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    x, y = data.x_train.split(64), data.y_train.split(64)
    seen = watch(net, optimizer, F.mse_loss, stop=False)
    with seen:
        seen.loss(net(x[0]), y[0]).backward()
        optimizer.step()
        seen.loss(net(x[1]), y[1])
    report = seen.post_mortem
    assert (report.step, report.direction, report.module) == (1, "forward", "rnn")
    w = net.rnn.weight_hh_l0.detach().double().numpy()
    with torch.no_grad():
        states, _ = net.double().rnn(x[1].double())
    size = states.amax(dim=(0, 2)).numpy()
    factor = (size[99] / size[49]) ** (1 / 50)
    on = states[:, -1][states[:, -1].amax(dim=1).argmax()].numpy() > 0
    assert size[99] > 3.4e38
    assert np.abs(np.linalg.eigvals(w[np.ix_(on, on)])).max() == pytest.approx(factor, rel=0.01)
    assert np.abs(np.linalg.eigvals(w)).max() != pytest.approx(factor, rel=0.01)


# ---------------------------------------------------------------- truncation


@pytest.mark.parametrize("seed", SEEDS)
def test_a_window_teaches_nothing_about_what_was_before(seed):
    assert recall_accuracy(13, seed) > 0.9
    assert recall_accuracy(5, seed) < 0.6
    assert recall_accuracy(5, seed, blank=False) > 0.9


def test_the_reading_weights_get_a_gradient_of_exactly_zero():
    net = recurrent("rnn", 3, 8, 2)
    x = torch.zeros(4, 21, 3)
    x[:, 0, 0] = 1.0
    F.cross_entropy(Truncated(net, 5)(x), torch.tensor([0, 1, 0, 1])).backward()
    assert net.rnn.weight_ih_l0.grad[:, :2].abs().max() == 0
    assert net.rnn.weight_hh_l0.grad.abs().max() > 0


# ---------------------------------------------------------------- claims and exercises


@pytest.mark.parametrize("seed", SEEDS)
def test_the_radius_that_is_level_depends_on_the_input(seed):
    found = {}
    for gain in (1.0, 1.6):
        net = recurrent("rnn", 100, 100, 1, init="orthogonal", gain=gain, seed=seed)
        x = 0.5 * math.sqrt(3) * torch.randn(200, 100, generator=torch.Generator().manual_seed(1))
        logs = lag_log_norms(net.rnn, x)[::-1]
        found[gain] = (logs[100] - logs[0]) / 100
    assert found[1.0] < -0.2
    assert abs(found[1.6]) < 0.05


@pytest.mark.parametrize("seed", SEEDS)
def test_one_matrix_vanishes_with_sigma_and_explodes_with_tanh(seed):
    rng = np.random.default_rng(seed)
    weights, start = 2 * rng.normal(size=(100, 100)) / 10, rng.normal(size=100)
    size = {}
    for name in ("sigmoid", "tanh"):
        h, product = start, np.eye(100)
        for _ in range(50):
            z = weights @ h
            h = theory.activation(name, z)
            product = theory.slope(name, z)[:, None] * weights @ product
        size[name] = np.linalg.norm(product) / 10
    assert size["sigmoid"] < 1e-10
    assert size["tanh"] > 10


@pytest.mark.parametrize("seed", range(10))
def test_the_reference_gain_lies_inside_the_band(seed):
    assert 1e-2 < growth_over_200(seed, 1.6) < 100
    assert growth_over_200(seed, 1.0) < 1e-6
    assert growth_over_200(seed, 3.0) > 1e6


def test_sigma_with_a_norm_of_three_vanishes_for_any_input():
    for strength in (0.0, 0.5, 2.0):
        assert sigmoid_growth(strength) < 50 * math.log(0.75) + 1e-9


def test_float32_ends_where_the_logarithm_says():
    for w in (1.2, 1.5, 2.0):
        expected = math.ceil(math.log(3.4028e38) / math.log(w))
        assert overflow_step(w) == pytest.approx(expected, abs=1)


# ---------------------------------------------------------------- the demos


@pytest.mark.parametrize("demo", [SCALAR, TWO_UNITS, GAIN, CLIFF], ids=lambda d: d.id)
def test_a_demo_moves_with_each_knob(demo):
    for knob in demo.knobs:
        ends = [demo.frame(**{knob.name: value}) for value in (knob.low, knob.high)]
        assert ends[0].title != ends[1].title


def test_the_arrow_of_the_cliff_ends_where_one_step_lands_or_at_the_frame():
    for w, b in ((1.5, 0.1), (1.5, 0.2), (0.6, 0.0)):
        frame = CLIFF.frame(w=w, b=b)
        assert isinstance(frame, Picture)
        arrow = frame.lines[-1]
        to = one_step(w, b)
        inside = 0.5 <= to[0] <= 2 and -0.5 <= to[1] <= 1
        if inside:
            assert (arrow.x[-1], arrow.y[-1]) == pytest.approx(to)
        assert 0.5 - 1e-9 <= arrow.x[-1] <= 2 + 1e-9
        assert -0.5 - 1e-9 <= arrow.y[-1] <= 1 + 1e-9
