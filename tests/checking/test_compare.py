"""Every way in which an answer can differ has its own message; what agrees has none."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch

from gradcourse.checking.compare import Tolerance, compare, precision
from gradcourse.checking.plain import Bfloat16, Foreign, plain


class Odd:
    """Claims to be equal to everything."""

    def __eq__(self, other):
        return True

    def __array__(self, *_, **__):
        return np.ones(3)


class LyingFloat(float):
    def __eq__(self, other):
        return True

    def __sub__(self, other):
        return 0.0


@pytest.mark.parametrize(
    ("expected", "got"),
    [
        (1.5, 1.5 + 1e-10),
        (1.5, np.float64(1.5)),
        (1.5, np.float32(1.5)),
        (1.5, np.array(1.5)),
        (1.5, torch.tensor(1.5, dtype=torch.float64, requires_grad=True)),
        (0.1, torch.tensor(0.1)),
        (0.1, torch.tensor(0.1).item()),
        (np.array([0.1, 0.7]), [torch.tensor(0.1).item(), torch.tensor(0.7).item()]),
        (2.0, 2),
        (75, 75),
        (75, 75.0),
        (75, np.int32(75)),
        (True, np.True_),
        ("float32", "float32"),
        (np.arange(3.0), [0, 1, 2]),
        (np.arange(3.0), (0.0, 1.0, 2.0)),
        (np.eye(2), [[1, 0], [0, 1]]),
        (np.eye(2), [np.array([1, 0]), torch.tensor([0.0, 1.0])]),
        (np.arange(3.0), torch.arange(3)),
        ([1.0, 2.0], np.array([1.0, 2.0])),
        ([np.ones(2), np.ones(3)], (np.ones(2), torch.ones(3))),
        ({"a": 1.0, "b": [np.ones(2), 3]}, {"b": (np.ones(2), 3), "a": 1.0}),
        (np.array([1.0, np.nan, np.inf]), np.array([1.0, np.nan, np.inf])),
        (1e-25, 1e-25 * (1 + 1e-9)),
        (np.array([1e-30, 2e-30]), np.array([1e-30, 2e-30])),
        (0.0, 1e-17),
        (np.array([1.0, 0.0]), np.array([1.0, 1e-16])),
        (torch.ones(2, dtype=torch.bfloat16), torch.full((2,), 1.0078125, dtype=torch.bfloat16)),
        (10**30, 10**30),
        (1 + 2j, 1 + 2j),
        (None, None),
    ],
)
def test_agree(expected, got) -> None:
    assert compare(plain(expected), plain(got)) == ""


@pytest.mark.parametrize(
    ("expected", "got", "message"),
    [
        (1.5, None, "returned None: is a `return` missing"),
        (1.5, "1.5", "text, '1.5', where a number"),
        (1.5, 1j, "complex"),
        (1.5, float("nan"), "NaN where 1.5"),
        (1.5, float("inf"), "Inf where 1.5"),
        (3.7, 3, "integer 3 where 3.7"),
        (3.7, True, "True or False where a number"),
        (True, 1, "where True or False was expected"),
        (True, False, "expected True, got False"),
        ("a", "b", "expected 'a', got 'b'"),
        ("a", 1.0, "a number, 1.0, where text"),
        (1.5, [1.5], "shape (1,) where one number was expected: take it out"),
        (1.5, {}, "a dict where a number"),
        (1.5, lambda: 1.5, "is a call's () missing"),
        (1.5, Odd(), "an object of type Odd"),
        (1.5, LyingFloat(2.0), "expected 1.5, got 2.0"),
        (1.5, np.float16(1.5), "float16, which keeps"),
        (75, 76, "expected 75, got 76"),
        (75, 74.9, "expected 75, got 74.9"),
        (np.ones(3), np.ones(4), "shape (4,) where shape (3,)"),
        (np.ones((2, 3)), np.ones((3, 2)), "wrong order: transpose"),
        (np.ones((2, 3, 4)), np.ones((4, 3, 2)), "wrong order: which axis belongs where"),
        (np.ones(3), np.ones((3, 1)), "axes of length 1"),
        (np.ones(3), 1.0, "one number where an array of shape (3,)"),
        (np.ones(3), (x for x in range(3)), "generator"),
        (np.ones(3), np.array([1, None, 2]), "holds objects"),
        (np.ones(3), [1.0, None, 2.0], "list of 3 items where an array"),
        (np.ones((2, 2)), [[1.0, 2.0], [1.0]], "where an array of shape (2, 2)"),
        (np.ones(3), np.array(["a", "b", "c"]), "where an array of shape (3,)"),
        (np.ones(3), np.array(["a", "b", "c"]), "text, ['a', 'b', 'c'], where"),
        (np.ones(2), ["a", 1.0], "A list is as good as an array, if its entries are numbers"),
        (np.ones((1, 2)), [["a", "b"]], "text, [['a', 'b']], where"),
        (np.ones(3), np.array([1, np.nan, np.nan]), "NaN in 2 of 3 entries, first at index 1"),
        (np.ones((9, 9)), np.eye(9), "72 of 81 entries differ; the first is at index (0, 1)"),
        (np.array([1.5, 2.5]), np.array([1, 2]), "cut the fractions off"),
        (np.ones(2), np.array([True, True]), "array of True and False where"),
        (np.array([True, False]), np.array([1.0, 0.0]), "where an array of True and False"),
        (np.array([True, False]), np.array([1, 0]), "numbers where an array of True and False was"),
        (np.array([True, False]), np.array([1, 0]), "A comparison, such as x == 0, gives True"),
        (0.1, 0.1 + 3e-8, "Their first digits agree: float32, or"),
        (0.17328, 0.173, "It is rounded to 3 decimals: return all digits."),
        (0.17328, 0.2, "It is rounded to 1 decimal: return"),
        (np.array([0.71, 1.2]), type("Series", (), {})(), "a pandas Series: return its numbers"),
        ([np.ones(2), np.ones(3)], [np.ones(2)], "1 item where 2"),
        ([np.ones(2), np.ones(3)], [np.ones(2), 2 * np.ones(3)], "item 1"),
        ([np.ones(2), np.ones(3)], 1.0, "a number where a list of 2 items"),
        ({"a": 1.0}, {"b": 1.0}, "the keys 'b'; expected were 'a'"),
        ({"a": 1.0}, {"a": None}, "under the key 'a' it gave None"),
        (1e-25, 0.0, "expected 1e-25, got 0"),
        (1e-25, 1.1e-25, "expected 1e-25, got 1.1e-25"),
        (1.0, 1.0 + 1e-6, "got 1.000001"),
        (np.array([1e-30, 2e-30]), np.zeros(2), "got [0.0, 0.0]"),
        (0.0, 1e-9, "expected 0.0, got 1e-09"),
    ],
)
def test_differ(expected, got, message) -> None:
    assert message in compare(plain(expected), plain(got))


def test_the_tolerance_follows_the_coarser_dtype() -> None:
    for dtype, passes, fails in (
        (torch.float64, 1e-8, 1e-6),
        (torch.float32, 5e-6, 5e-5),
        (torch.float16, 1e-3, 1e-2),
        (torch.bfloat16, 1e-2, 4e-2),
    ):
        expected = plain(torch.ones(4, dtype=dtype))
        near = plain((torch.ones(4, dtype=torch.float64) + passes).to(dtype))
        far = plain((torch.ones(4, dtype=torch.float64) + fails).to(dtype))
        assert not compare(expected, near), dtype
        assert compare(expected, far), dtype


def test_a_part_may_set_the_tolerance() -> None:
    assert not compare(1.0, 1.05, Tolerance(rtol=0.1))
    assert not compare(0.0, 0.05, Tolerance(atol=0.1))
    assert compare(0.0, 1e-300, Tolerance(rtol=0.0, atol=0.0))


def test_a_dtype_counts_where_a_part_asks_for_it() -> None:
    half = np.array([1.5, 2.0], dtype=np.float16)
    asked = Tolerance(same_dtype=True)
    assert compare(half, half.copy(), asked) == ""
    assert compare(half, half.astype(np.float32)) == ""
    said = compare(half, half.astype(np.float32), asked)
    assert said.startswith("your function returned float32 where float16 was asked for")
    assert "bfloat16 where float16" in compare(half, plain(torch.tensor(half).bfloat16()), asked)
    assert "float64 where float16" in compare(half, [1.5, 2.0], asked)
    assert compare(half, half.astype(np.float32) + 1, asked).startswith("expected")


def test_precision_is_said_in_words() -> None:
    assert precision([1.0, 2.0], Tolerance()) == "to 1e-07 relative"
    assert precision([1, True, "a"], Tolerance()) == "exactly"
    assert precision(np.ones(2, np.float32), Tolerance(rtol=1e-3)) == "to 1e-03 relative"


def test_a_rounded_difference_is_shown_with_all_digits() -> None:
    message = compare(0.123456789, 0.123456)
    assert message.startswith("expected 0.123456789, got 0.123456.")


def test_plain_data_is_plain() -> None:
    loop: list = []
    loop.append(loop)
    assert "list" in str(plain(loop))
    assert type(plain(LyingFloat(2.0))) is float
    assert plain(Odd()) == Foreign("Odd")
    assert isinstance(plain(torch.ones(2, dtype=torch.bfloat16)), Bfloat16)
    assert isinstance(plain(torch.ones(2, device="meta")), Foreign)
    assert type(plain(np.ma.masked_array([1.0, 2.0]))) is np.ndarray


def test_a_float16_answer_is_looked_at_without_an_overflow() -> None:
    """Six decimals of 0.26 are a number that float16 does not hold."""
    wanted, given = (np.array([1.5, x], dtype=np.float16) for x in (0.26, 0.27))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert "rounded" not in compare(wanted, given)
        assert compare(wanted, given)
