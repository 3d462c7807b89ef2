"""Long products: spectra, ‖∂h_T/∂h_t‖ and the gradient against time lag, each against its bar.

Runs of the ways that are compared take turns, on one thread, so that a busy machine slows all of
them alike. Times are CPU seconds of this process; wall time stands beside them.

    OMP_NUM_THREADS=1 python benchmarks/spectra.py

Exit code 1 when a bar is missed.
"""

from __future__ import annotations

import math
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import nn

from gradcourse.instrument import (
    jacobian_spectrum,
    lag_gradient,
    lag_log_norms,
    lag_norms,
    lag_slope,
    product_log_singular_values,
)
from gradcourse.nets import deep_linear

ROUNDS = 5


def timed(
    ways: dict[str, Callable[[], Any]], rounds: int = ROUNDS
) -> dict[str, tuple[float, float]]:
    """Median CPU and wall seconds of each way, taking turns."""
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    for turn in range(rounds + 1):
        for name, way in ways.items():
            cpu, wall = time.process_time(), time.perf_counter()
            way()
            if turn:  # the first round only warms up
                taken[name].append((time.process_time() - cpu, time.perf_counter() - wall))
    return {
        name: tuple(statistics.median(column) for column in zip(*times, strict=True))
        for name, times in taken.items()
    }


def exact_logs(matrices: list[np.ndarray], bits: int) -> np.ndarray:
    """All log singular values, from the eigenvalues of PᵀP in ``bits``-bit arithmetic."""
    import mpmath

    with mpmath.workprec(bits):
        product = mpmath.matrix(matrices[0].tolist())
        for matrix in matrices[1:]:
            product = mpmath.matrix(matrix.tolist()) * product
        values = mpmath.eigsy(product.T * product, eigvals_only=True)
        return np.array(sorted((float(mpmath.log(v) / 2) for v in values), reverse=True))


def planted(layers: int, n: int, decades: float, seed: int) -> tuple[list[np.ndarray], np.ndarray]:
    """Matrices whose product has a known spectrum: orthogonal bases that meet and cancel."""
    rng = np.random.default_rng(seed)
    spread = np.linspace(0, -decades * math.log(10) / layers, n)
    logs = rng.uniform(-0.2, 0, (layers, n)) + spread
    bases = np.linalg.qr(rng.normal(size=(layers + 1, n, n)))[0]
    matrices = [bases[k + 1] * np.exp(logs[k]) @ bases[k].T for k in range(layers)]
    return matrices, np.sort(logs.sum(axis=0))[::-1]


def right(found: np.ndarray, expected: np.ndarray) -> int:
    """How many singular values are right within 1 %."""
    with np.errstate(invalid="ignore"):
        return int((np.abs(found - expected) < 0.01).sum())


def plain_svd(matrices: list[np.ndarray]) -> np.ndarray:
    product = matrices[0]
    for matrix in matrices[1:]:
        product = matrix @ product
    with np.errstate(divide="ignore"):
        return np.log(np.linalg.svd(product, compute_uv=False))


def spectra() -> list[tuple[str, bool]]:
    matrices, expected = planted(100, 256, 150, seed=0)
    model = deep_linear(100, 256)
    with torch.no_grad():
        for layer, matrix in zip(model, matrices, strict=True):
            layer.weight.copy_(torch.from_numpy(matrix))
    x = torch.randn(1, 256)
    doubled = model.double()
    results = {
        "product_log_singular_values": lambda: product_log_singular_values(matrices),
        "jacobian_spectrum of the model": lambda: jacobian_spectrum(doubled, x),
        "float64 product and SVD": lambda: plain_svd(matrices),
    }
    times = timed(results)
    print("\n100 layers × 256, spectrum planted over 150 decades: right within 1 %, CPU s, wall s")
    verdicts = []
    for name, way in results.items():
        good = right(way(), expected)
        print(f"  {name:32} {good:3} of 256   {times[name][0]:.2f}   {times[name][1]:.2f}")
        if not name.startswith("float64"):
            ok = good == 256 and times[name][0] <= 0.5
            verdicts.append((f"{name}: 256 of 256 in at most 0.5 s", ok))
    rng = np.random.default_rng(1)
    gaussian = [rng.normal(0, 1 / math.sqrt(24), (24, 24)) for _ in range(100)]
    found, exact = product_log_singular_values(gaussian), exact_logs(gaussian, 1500)
    span = (exact[0] - exact[-1]) / math.log(10)
    worst = float(np.abs(found - exact).max())
    print(f"  Gaussian 24 × 24, 100 layers, {span:.0f} decades: worst relative error {worst:.1e}")
    print(f"    (a float64 SVD gets {right(plain_svd(gaussian), exact)} of 24)")
    verdicts.append(("Gaussian products against 1500-bit arithmetic within 1 %", worst < 0.01))
    return verdicts


def long_jacobians() -> list[tuple[str, bool]]:
    print("\nAll 200 ‖∂h_T/∂h_t‖, n = 128: CPU s, wall s, worst relative error against float64")
    verdicts = []
    for kind in ("RNN", "LSTM", "GRU"):
        torch.manual_seed(0)
        module, x = getattr(nn, kind)(16, 128), torch.randn(200, 16)

        def ours(module: nn.Module = module, x: torch.Tensor = x) -> np.ndarray:
            return lag_log_norms(module, x)

        times = timed({kind: ours})[kind]
        # Autograd on the unrolled cell, for a few lags only: one lag takes 128 backward passes.
        lags, logs = _by_autograd(kind, module, x), ours()
        error = max(abs(math.exp(logs[t] - expected) - 1) for t, expected in lags.items())
        print(f"  {kind:5} {times[0]:.3f}   {times[1]:.3f}   {error:.0e}")
        verdicts.append((f"{kind}: 200 norms in at most 0.1 s", times[0] <= 0.1 and error < 1e-3))
    return verdicts


def _by_autograd(kind: str, module: nn.Module, x: torch.Tensor) -> dict[int, float]:
    cell = getattr(nn, f"{kind}Cell")(x.shape[1], module.hidden_size).double()
    for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
        getattr(cell, name).data.copy_(getattr(module, f"{name}_l0"))
    state, hidden = None, []
    for value in x.double():
        state = cell(value[None], state)
        hidden.append(state[0] if kind == "LSTM" else state)
    last, chosen = len(hidden) - 1, [0, 100, 190, 198]
    rows = torch.eye(module.hidden_size).double()[:, None]
    wanted = [hidden[t] for t in chosen]
    found = [torch.autograd.grad(hidden[last], wanted, row, retain_graph=True) for row in rows]
    return {
        t: math.log(float(torch.stack([row[k] for row in found]).norm()))
        for k, t in enumerate(chosen)
    }


def lags() -> list[tuple[str, bool]]:
    print("\nSlope of the gradient against lag, decades per step: distance from ∂ℒ/∂h_t of cells")
    print("  (worst of 5 seeds; beside it, of the norm of x.grad)")
    verdicts = []
    for kind in ("RNN", "LSTM", "GRU"):
        for steps in (20, 100):
            found = [_slopes(kind, steps, seed) for seed in range(5)]
            exact = max(abs(a - c) for a, _, c in found)
            cheap = max(abs(b - c) for _, b, c in found)
            print(f"  {kind:5} {steps:4} steps   {exact:.0e}   {cheap:.0e}")
            verdicts.append((f"{kind}, {steps} steps: slope within 0.001", exact <= 0.001))
    return verdicts


def _slopes(kind: str, steps: int, seed: int) -> tuple[float, float, float]:
    torch.manual_seed(seed)
    module = getattr(nn, kind)(4, 64, batch_first=True)
    x = torch.randn(16, steps, 4, requires_grad=True)
    ours = lag_gradient(module, x, lambda out: out[0][:, -1].square().mean())[kind]
    module(x)[0][:, -1].square().mean().backward()
    cell = getattr(nn, f"{kind}Cell")(4, 64).double()
    for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
        getattr(cell, name).data.copy_(getattr(module, f"{name}_l0"))
    state, hidden = None, []
    for value in x.detach().double().transpose(0, 1):
        state = cell(value, state)
        hidden.append(state[0] if kind == "LSTM" else state)
        hidden[-1].retain_grad()
    hidden[-1].square().mean().backward()
    reference = np.array([float(h.grad.norm()) for h in hidden])
    return lag_slope(ours), lag_slope(lag_norms(x.grad, True)), lag_slope(reference)


def main() -> int:
    torch.set_num_threads(1)
    verdicts = [*spectra(), *long_jacobians(), *lags()]
    print()
    for bar, met in verdicts:
        print(f"{'met   ' if met else 'MISSED'}  {bar}")
    return 0 if all(met for _, met in verdicts) else 1


if __name__ == "__main__":
    sys.exit(main())
