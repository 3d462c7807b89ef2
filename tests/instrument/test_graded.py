"""Spectra of products against 400-digit arithmetic, on cases that break simpler methods."""

import math

import mpmath
import numpy as np
import pytest

from gradcourse.instrument import product_log_singular_values

RNG = np.random.default_rng


def exact(matrices):
    """Log singular values by mpmath, from the eigenvalues of PᵀP with as many digits as it takes.

    Every float is a rational number, so nothing is lost on the way in.
    """
    with mpmath.workdps(3600):
        product = mpmath.matrix(np.asarray(matrices[0]).tolist())
        for matrix in matrices[1:]:
            product = mpmath.matrix(np.asarray(matrix).tolist()) * product
        gram = product.T * product if product.cols <= product.rows else product * product.T
        values = sorted(mpmath.eigsy(gram, eigvals_only=True), reverse=True)
        top = values[0]
        return np.array(
            [
                float(mpmath.log(v) / 2) if v > top * mpmath.mpf(10) ** -3300 else -math.inf
                for v in values
            ]
        )


def masked(rng, n, layers, width):
    return [
        (rng.random(width) < 0.7)[:, None] * rng.normal(size=(width, n if k == 0 else width))
        for k in range(layers)
    ]


CASES = {
    "random": lambda r: list(r.normal(size=(12, 6, 6))),
    "in and out": lambda r: [r.normal(size=s) for s in [(9, 5), (7, 9), (4, 7), (8, 4)]],
    "saturated rows": lambda r: [
        10.0 ** r.uniform(-12, 0, (6, 1)) * r.normal(size=(6, 6)) for _ in range(8)
    ],
    "tiny rows first": lambda r: [
        np.array([1e-18, 1e-9, 1, 1, 1e-5])[:, None] * r.normal(size=(5, 5)) for _ in range(6)
    ],
    "smallest direction first": lambda r: [
        np.diag([1e-30, 1e-20, 1e-10, 1.0]),
        *r.normal(size=(3, 4, 4)),
    ],
    "one bad factor among good ones": lambda r: [
        m @ np.diag([1, 1, 1, 1, 1e-7 if k > 6 else 1.0]) for k, m in
        enumerate(np.linalg.qr(r.normal(size=(14, 5, 5)))[0])
    ],
    "cancels": lambda r: [np.diag([1e9, 1, 1e-9]), np.diag([1e-9, 1, 1e9]), r.normal(size=(3, 3))],
    "nearly the whole range in one matrix": lambda r: [
        np.diag([1e250, 1.0, 1e-280]),
        r.normal(size=(3, 3)),
        np.diag([1e250, 1.0, 1e-280]),
    ],
    "squares underflow": lambda r: [np.diag([1.0, 1e-200, 1e-190])] * 3,
    "subnormal": lambda r: [1e-310 * r.normal(size=(3, 3)), r.normal(size=(3, 3))] * 2,
    "huge": lambda r: [1e300 * r.normal(size=(4, 4))] * 5,
    "masks": lambda r: masked(r, 5, 4, 12),
    "masks that kill": lambda r: [
        np.diag([1.0, 0, 0, 1]) @ r.normal(size=(4, 4)),
        np.diag([0.0, 1, 0, 1]) @ r.normal(size=(4, 4)),
        r.normal(size=(4, 4)),
    ],
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_spectra_agree_with_exact_arithmetic(name, seed):
    matrices = CASES[name](RNG(seed))
    found, expected = product_log_singular_values(matrices), exact(matrices)
    assert np.array_equal(np.isneginf(found), np.isneginf(expected))
    some = np.isfinite(expected)
    np.testing.assert_allclose(found[some], expected[some], atol=1e-6)


@pytest.mark.parametrize(("n", "layers", "decades"), [(40, 30, 900), (12, 100, 5000), (8, 9, 290)])
def test_a_planted_spectrum_of_any_width_is_found(n, layers, decades):
    rng = RNG(4)
    spread = np.linspace(0, -decades * math.log(10) / layers, n)
    logs = rng.uniform(-0.5, 0, (layers, n)) + spread
    bases = np.linalg.qr(rng.normal(size=(layers + 1, n, n)))[0]
    # Written as factors with a graded side, so that every float64 entry keeps its digits.
    matrices = []
    for k in range(layers):
        matrices += [bases[k].T, np.diag(np.exp(logs[k])), bases[k + 1]]
    found = product_log_singular_values(matrices)
    assert np.ptp(found) > 0.99 * decades * math.log(10)
    np.testing.assert_allclose(found, np.sort(logs.sum(axis=0))[::-1], atol=1e-8)


def test_directions_lost_to_rounding_are_zero():
    rng = RNG(5)
    centre = np.eye(6) - 1 / 6
    layers = [m for _ in range(20) for m in (rng.normal(size=(6, 6)), centre)]
    found = product_log_singular_values(layers)
    # Each centring drops the mean of what comes in, so five directions are left, and stay.
    assert np.isneginf(found).tolist() == [False] * 5 + [True]
    assert found[4] > -60


@pytest.mark.parametrize("columns", [(0, 1, 2, 3), (3, 1, 0, 2), (2, 3, 0, 1)])
def test_a_repeated_column_is_one_direction_wherever_it_stands(columns):
    rng = RNG(6)
    base = rng.normal(size=(4, 2))
    repeated = np.column_stack([base[:, 0], base[:, 0], base[:, 1], base[:, 0]])[:, columns]
    matrices = [rng.normal(size=(4, 4)), repeated, rng.normal(size=(4, 4))]
    found = product_log_singular_values(matrices)
    narrow = [
        np.array([[float(np.array_equal(repeated[:, c], base[:, k])) for c in range(4)]
                  for k in range(2)]) @ matrices[0],
        base,
        matrices[2],
    ]  # fmt: skip
    np.testing.assert_allclose(found[:2], exact(narrow)[:2], atol=1e-10)
    assert np.isneginf(found[2:]).all()


def test_a_matrix_of_zeros_leaves_nothing():
    found = product_log_singular_values([np.ones((3, 2)), np.zeros((4, 3))])
    assert np.isneginf(found).tolist() == [True, True]
