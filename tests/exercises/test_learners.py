"""Right answers by another method, and near misses that once passed or were blamed wrongly."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.special import digamma

from gradcourse.checking import check
from gradcourse.exercises import get

ReLU = torch.nn.functional.relu


def delta_by_autograd(weights, zs, upstream):
    """Runs the stack forwards again, from z_1."""
    z = torch.tensor(zs[0], requires_grad=True)
    h = ReLU(z)
    for w in weights:
        h = ReLU(h @ torch.tensor(w).T)
    h.backward(torch.tensor(upstream))
    return z.grad


def lyapunov_in_float32(factors):
    return torch.tensor(factors, dtype=torch.float32).abs().log().mean().item()


def lsuv_in_float32(weights, x):
    h, scales = torch.tensor(x, dtype=torch.float32), []
    for w in weights:
        z = h @ torch.tensor(w, dtype=torch.float32).T
        scales.append(1 / z.std(correction=0).item())
        h = ReLU(z * scales[-1])
    return scales


def disease_by_mean(layers):
    """A rule of one's own: another measure of size, another border."""
    if any(not h.any() for h in layers):
        return "dead"
    return "vanished" if layers[-1].mean() < 1e-2 * layers[0].mean() else "healthy"


def orthogonal_in_float32(a):
    if a.shape[0] < a.shape[1]:
        return orthogonal_in_float32(a.T).T
    q, r = np.linalg.qr(a.astype(np.float32))
    return q * np.sign(np.diag(r))


def lags_in_float32(W, h, delta):
    W, h, delta = (torch.tensor(a, dtype=torch.float32) for a in (W, h, delta))
    total, logs = 0.0, []
    for state in reversed(h):
        size = delta.norm()
        total += math.log10(size.item())
        logs.append(total)
        delta = W.T @ ((1 - state**2) * delta / size)
    return logs


def bound_in_float32(weights, activation):
    slopes = 0.25 ** len(weights) if activation == "sigmoid" else 1.0
    return torch.tensor(weights, dtype=torch.float32).abs().prod().item() * slopes


def probe_by_hooks(layers, x, y):
    norms, h = [0.0] * len(layers), x
    for k, layer in enumerate(layers):
        h = layer(h)
        h.register_hook(lambda grad, k=k: norms.__setitem__(k, grad.norm().item()))
    torch.nn.functional.cross_entropy(h, y).backward()
    return np.array(norms)


def weight_gradients_by_autograd(weights, x, upstream):
    leaves = [torch.tensor(w, requires_grad=True) for w in weights]
    h = torch.tensor(x)
    for w in leaves:
        h = w @ h
    h.backward(torch.tensor(upstream))
    return [w.grad for w in leaves]


def line_by_counting(n, share):
    gap, layers = digamma(n / 2) / 2 - digamma((n - 1) / 2) / 2, 0
    while math.exp(-gap * layers) >= share:
        layers += 1
    return layers


def depth_by_natural_logs(factor, dtype):
    smallest = {"float16": 2.0**-24, "bfloat16": 2.0**-133, "float32": 2.0**-149}[dtype]
    return math.ceil(math.log(smallest / 2) / math.log(factor))


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(
    ("exercise", "answer"),
    [
        ("relu/masks", delta_by_autograd),
        ("relu/disease", disease_by_mean),
        ("chain/lyapunov", lyapunov_in_float32),
        ("recurrent/lag-gradient", lags_in_float32),
        ("chain/underflow-depth", depth_by_natural_logs),
        ("chain/write-probe", probe_by_hooks),
        ("chain/weight-gradients", weight_gradients_by_autograd),
        ("chain/layers-to-a-line", line_by_counting),
        ("init/lsuv", lsuv_in_float32),
        ("init/orthogonal", orthogonal_in_float32),
        ("saturation/gradient-bound", bound_in_float32),
    ],
)
def test_another_method_or_dtype_is_right(exercise: str, answer, seed: int) -> None:
    verdict = check(get(exercise), answer, seed=seed)
    assert verdict.right, f"\n{verdict}"


@pytest.mark.parametrize("seed", [37, 45])
def test_a_saturated_unit_in_float32_costs_no_points(seed: int) -> None:
    """Its slope 1 − h² has few digits."""
    assert check(get("recurrent/lag-gradient"), lags_in_float32, seed=seed).right


def divided_and_repaired(w, x, upstream):
    with np.errstate(all="ignore"):
        return np.nan_to_num(np.prod(w) * x * upstream / w)


def divided_with_a_small_number(w, x, upstream):
    return np.prod(w) * x * upstream / (w + 1e-12)


def elementwise(weights, upstream):
    for w in reversed(weights):
        upstream = upstream * w
    return upstream


def disease_by_zeros(layers):
    if max((h == 0).mean() for h in layers) > 0.9:
        return "dead"
    return "vanished" if layers[-1].mean() < 1e-2 * layers[0].mean() else "healthy"


def share_of_the_steepest_present(a, activation):
    slope = a - a**2 if activation == "sigmoid" else 1 - a**2
    return float(np.mean(slope < 0.05 * slope.max()))


def stable_with_a_corner(z, y):
    return (z.clamp(min=0) - z * y + torch.log1p(torch.exp(-z.abs()))).mean()


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("exercise", "answer", "named"),
    [
        ("chain/scalar-backward", divided_and_repaired, ("0/0 taken for 0",)),
        ("chain/scalar-backward", divided_with_a_small_number, ("0/0 taken for 0",)),
        ("chain/matrix-backward", elementwise, ("the shapes do not fit",)),
        ("relu/disease", disease_by_zeros, ("a count of zeros",)),
        (
            "saturation/saturated-fraction",
            share_of_the_steepest_present,
            ("5 % of the largest slope among the entries",),
        ),
        ("saturation/loss-from-logits", stable_with_a_corner, ("a corner at z = 0",)),
    ],
)
def test_a_near_miss_is_wrong_and_blamed_for_what_it_is(exercise, answer, named, seed) -> None:
    verdict = check(get(exercise), answer, seed=seed)
    assert not verdict.right
    assert verdict.misconceptions == named, f"\n{verdict}"


def test_unsorted_eigenvalues_and_exponents_are_seen() -> None:
    def first_eigenvalue(W):
        return float(np.abs(np.linalg.eigvals(W)[0]))

    verdict = check(get("recurrent/radius-and-norm"), {"spectral_radius": first_eigenvalue}, seed=0)
    assert verdict.misconceptions == ("the first instead of the largest",)

    def unsorted(jacobians):
        q, logs = np.eye(len(jacobians[0])), 0.0
        for jacobian in jacobians:
            q, r = np.linalg.qr(jacobian @ q)
            logs = logs + np.log(np.abs(np.diag(r)))
        return logs / len(jacobians)

    assert check(get("recurrent/lyapunov"), unsorted, seed=0).misconceptions == ("not sorted",)
