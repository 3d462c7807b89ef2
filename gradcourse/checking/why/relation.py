"""How wrong results lie to the right ones: each times −1, in reverse, moved by one place.

What is said here is so, whatever the question: it is only said where it holds in every case, and
the cases are random.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from gradcourse.checking import show
from gradcourse.checking.numeric import as_numbers
from gradcourse.checking.why.written import Explanation

ALWAYS_ONE = "always the same"

CLOSE = 1e-5
"""Relatively; a relation is no matter of rounding."""

FACTORS: tuple[tuple[float, str, str], ...] = (
    (math.log(10), "ln 10", "a natural logarithm where one to base 10 belongs"),
    (1 / math.log(10), "1/ln 10", "a logarithm to base 10 where the natural one belongs"),
    (math.log(2), "ln 2", "a natural logarithm where one to base 2 belongs"),
    (1 / math.log(2), "1/ln 2", "a logarithm to base 2 where the natural one belongs"),
    (math.pi / 180, "π/180", "radians where degrees belong"),
    (180 / math.pi, "180/π", "degrees where radians belong"),
    (100.0, "100", "per cent where a share belongs"),
    (0.01, "1/100", "a share where per cent belong"),
    (2.0, "2", "a 2 that is counted twice, or a ½ that is left out"),
    (0.5, "½", "a 2 that is left out, or a ½ too many"),
    (4.0, "4", "a square of 2 too many"),
    (0.25, "¼", "a square of 2 that is left out"),
    (math.sqrt(2), "√2", "a root of 2 too many"),
    (1 / math.sqrt(2), "1/√2", "a root of 2 that is left out"),
    (math.sqrt(2 * math.pi), "√(2π)", "the weights of a Gaussian that do not add up to 1"),
    (1 / math.sqrt(2 * math.pi), "1/√(2π)", "the density's factor counted twice"),
)

Pair = tuple[np.ndarray, np.ndarray]
"""What was expected and what was given, in one case."""

Inputs = Sequence[tuple[str, Sequence[Any]]]
"""Each parameter's name, and what it was in each case; empty where that is the driver's matter."""


def related(
    rules: Sequence[Rule], expected: Sequence[Any], given: Sequence[Any], inputs: Inputs
) -> Explanation | None:
    """Say how the results of all cases lie to the right ones; None where nothing simple holds.

    Parameters
    ----------
    rules : sequence of Rule
        `PLACES` or `SIZES`.
    expected, given : sequence of plain data
        One for each case.
    inputs : Inputs
        What the function was called with.
    """
    pairs = [_pair(a, b) for a, b in _what_differs(expected, given)]
    known = [pair for pair in pairs if pair is not None]
    if len(known) < len(pairs) or len(known) < 2 or all(_same(*pair) for pair in known):
        return None  # also where they differ by rounding alone
    with np.errstate(all="ignore"):
        for rule in rules:
            found = rule(known, inputs)
            if found is not None:
                return found
    return None


def _what_differs(expected: Sequence[Any], given: Sequence[Any]) -> Sequence[tuple[Any, Any]]:
    """Of several named results, the one that is wrong; all where it is not one alone."""
    both = list(zip(expected, given, strict=True))
    if not all(
        isinstance(a, dict) and isinstance(b, dict) and a.keys() == b.keys() for a, b in both
    ):
        return both
    wrong = {
        key
        for a, b in both
        for key in a
        if (pair := _pair(a[key], b[key])) is None or not _same(*pair)
    }
    key = next(iter(wrong)) if len(wrong) == 1 else None
    return both if key is None else [(a[key], b[key]) for a, b in both]


def _pair(expected: Any, given: Any) -> Pair | None:
    first, second = as_numbers(expected), as_numbers(given)
    if first is None or second is None:
        return None
    if first.values.dtype.kind not in "iuf" or second.values.dtype.kind not in "iuf":
        return None
    return first.values.astype(float), second.values.astype(float)


def _same(a: np.ndarray, b: np.ndarray) -> bool:
    if a.shape != b.shape or not (np.isfinite(a).all() and np.isfinite(b).all()):
        return False
    largest = float(np.abs(a).max()) if a.size else 0.0
    return bool(np.allclose(a, b, rtol=CLOSE, atol=CLOSE * 1e-3 * largest))


def _all(pairs: Sequence[Pair], turned: Callable[[np.ndarray], np.ndarray]) -> bool:
    """Whether a right value, turned in this way, is what was given, in each case."""
    return all(a.shape == b.shape and _same(turned(a), b) for a, b in pairs)


# ── The rules, the surest first ───────────────────────────────────────────────────────────────


def _given_back(pairs: Sequence[Pair], inputs: Inputs) -> Explanation | None:
    """The result is one of the arguments, as it came."""
    for name, values in inputs:
        known = [as_numbers(value) for value in values]
        if all(
            numbers is not None and numbers.values.dtype.kind in "iuf" and _same(numbers.values, b)
            for numbers, (_, b) in zip(known, pairs, strict=True)
        ):
            return Explanation(
                "an input given back",
                f"Your function gives back `{name}` as it came: what was computed from it is not "
                "what it returns.",
            )
    return None


def _always_one(pairs: Sequence[Pair], inputs: Inputs) -> Explanation | None:
    first = pairs[0][1]
    if not all(_same(first, b) for _, b in pairs) or all(_same(first, a) for a, _ in pairs[1:]):
        return None
    return Explanation(
        ALWAYS_ONE,
        f"Your function gives {show.value(first)} in every case that was tried.",
    )


def _other_sign(pairs: Sequence[Pair], inputs: Inputs) -> Explanation | None:
    if _all(pairs, lambda a: -a):
        return Explanation(
            "the sign", "Your numbers are right up to the sign: each is −1 times what it should be."
        )
    if _all(pairs, np.abs):
        return Explanation(
            "the sign is lost",
            "The size of your numbers is right; the negative ones lost their sign.",
        )
    return None


def _reverse(pairs: Sequence[Pair], inputs: Inputs) -> Explanation | None:
    if any(a.ndim == 0 for a, _ in pairs):
        return None
    if _all(pairs, lambda a: a[::-1]):
        return Explanation(
            "the reverse order",
            "Your numbers are right and in the reverse order: the last comes first.",
        )
    if all(a.ndim == 2 for a, _ in pairs):
        if all(_same(a.T, b) for a, b in pairs):
            return Explanation(
                "rows and columns swapped",
                "Your numbers are right, and rows and columns are swapped: transpose them.",
            )
        if _all(pairs, lambda a: a[:, ::-1]):
            return Explanation(
                "the columns in reverse",
                "Your numbers are right, and the columns are in the reverse order.",
            )
    return None


def _moved(pairs: Sequence[Pair], inputs: Inputs) -> Explanation | None:
    """By one place along the first axis."""
    if any(a.ndim == 0 or len(a) < 3 or a.shape != b.shape for a, b in pairs):
        return None
    if all(_same(a[1:], b[:-1]) for a, b in pairs):
        return Explanation(
            "one place too early",
            "Your entries are the right ones, moved by one place: your first is what should be the "
            "second. The first is missing, and the last is one too far.",
        )
    if all(_same(a[:-1], b[1:]) for a, b in pairs):
        return Explanation(
            "one place too late",
            "Your entries are the right ones, moved by one place: your second is what should be "
            "the first. The last is missing, and the first is one too many.",
        )
    return None


def _one_more_or_less(pairs: Sequence[Pair], inputs: Inputs) -> Explanation | None:
    if any(a.ndim == 0 or b.ndim != a.ndim for a, b in pairs):
        return None
    kinds: tuple[tuple[Callable[[Pair], bool], str, str], ...] = (
        (lambda p: _same(p[0][1:], p[1]), "the first is missing", "the first one is missing"),
        (lambda p: _same(p[0][:-1], p[1]), "the last is missing", "the last one is missing"),
        (lambda p: _same(p[0], p[1][1:]), "one too many", "there is one too many at the beginning"),
        (lambda p: _same(p[0], p[1][:-1]), "one too many", "there is one too many at the end"),
    )
    for holds, name, words in kinds:
        if all(map(holds, pairs)):
            return Explanation(name, f"Your entries are right, but {words}.")
    return None


def _another_order(pairs: Sequence[Pair], inputs: Inputs) -> Explanation | None:
    if any(a.ndim != 1 or len(a) < 2 or a.shape != b.shape for a, b in pairs):
        return None
    if all(_same(np.sort(a), np.sort(b)) for a, b in pairs):
        return Explanation(
            "another order", "Your numbers are the right ones, in another order than was asked for."
        )
    return None


def _another_shape(pairs: Sequence[Pair], inputs: Inputs) -> Explanation | None:
    if any(a.shape == b.shape or a.size != b.size for a, b in pairs):
        return None
    if all(_same(a.ravel(), b.ravel()) for a, b in pairs):
        return Explanation(
            "right numbers in another shape",
            "Your numbers are right and in the right order, and their shape is another one.",
        )
    return None


def _steps_or_sums(pairs: Sequence[Pair], inputs: Inputs) -> Explanation | None:
    if any(a.ndim != 1 or len(a) < 3 or a.shape != b.shape for a, b in pairs):
        return None
    if _all(pairs, np.cumsum):
        return Explanation(
            "added up", "Each of your entries holds the sum of the right ones up to there."
        )
    if all(_same(np.cumsum(b), a) for a, b in pairs):
        return Explanation(
            "not added up",
            "Your entries are the single steps; each should hold the sum of those up to there.",
        )
    return None


def _all_terms(pairs: Sequence[Pair], inputs: Inputs) -> Explanation | None:
    """An array whose mean or sum is the number that was asked for."""
    if any(a.ndim or not b.size or b.ndim == 0 for a, b in pairs):
        return None
    for word, of in (("mean", np.mean), ("sum", np.sum), ("product", np.prod)):
        if all(_same(np.asarray(of(b)), a) for a, b in pairs):
            return Explanation(
                f"the {word} is missing",
                f"You return all the terms; what is asked for is their {word}.",
            )
    for word, at in (("last", -1), ("first", 0)):
        if all(_same(b.ravel()[at], a) for a, b in pairs):
            return Explanation(
                "all instead of one",
                f"You return all of them; what is asked for is the {word} one alone.",
            )
    return None


def _part_of_it(pairs: Sequence[Pair], inputs: Inputs) -> Explanation | None:
    """One number of the array that was asked for."""
    if any(b.ndim or not a.size or a.ndim == 0 for a, b in pairs):
        return None
    for word, at in (("last", -1), ("first", 0)):
        if all(_same(a.ravel()[at], b) for a, b in pairs):
            return Explanation(
                "one instead of all", f"You return the {word} entry alone; all are asked for."
            )
    return None


def _factor(pairs: Sequence[Pair], inputs: Inputs) -> Explanation | None:
    ratios = [_ratio(a, b) for a, b in pairs]
    known = [ratio for ratio in ratios if ratio is not None]
    if len(known) < len(ratios):
        return None
    first = known[0]
    if all(math.isclose(first, ratio, rel_tol=CLOSE) for ratio in known):
        return _named_factor(first)
    return _size_factor(known, inputs)


def _ratio(a: np.ndarray, b: np.ndarray) -> float | None:
    """By what all entries of a result are too large."""
    if a.shape != b.shape or not a.size or not np.isfinite(a).all():
        return None
    at = np.unravel_index(int(np.abs(a).argmax()), a.shape)
    if not a[at] or not b[at]:
        return None
    ratio = float(b[at] / a[at])
    return ratio if _same(a * ratio, b) else None


def _named_factor(ratio: float) -> Explanation | None:
    for value, text, meaning in FACTORS:
        if math.isclose(ratio, value, rel_tol=CLOSE):
            return Explanation(
                f"a factor {text}",
                f"Each of your numbers is {text} times the right one, as by {meaning}.",
            )
    if math.isclose(ratio, 1.0, rel_tol=1e-3):
        return None
    return Explanation(
        "a constant factor",
        f"Each of your numbers is {show.number(ratio)} times the right one, in every case.",
    )


def _size_factor(ratios: Sequence[float], inputs: Inputs) -> Explanation | None:
    """How long an axis of an input is, by which the result is too large or too small."""
    for size, words in _sizes(inputs):
        if len(set(size)) < 2:
            continue
        for power, fact in _POWERS:
            if all(
                math.isclose(ratio, n**power, rel_tol=CLOSE)
                for ratio, n in zip(ratios, size, strict=True)
            ):
                said = fact.format(words)
                return Explanation("a size as a factor", f"Each of your numbers is {said}.")
    return None


_POWERS = (
    (1.0, "too large by the factor {}: a sum where a mean belongs, or a size counted twice"),
    (-1.0, "too small by the factor {}: a mean where a sum belongs, or a division too many"),
    (0.5, "too large by the root of {}"),
    (-0.5, "too small by the root of {}"),
)
"""Of a size, and what it says where results are too large by it."""


def _sizes(inputs: Inputs) -> Iterator[tuple[list[float], str]]:
    """The sizes that a learner may have counted: the axes of each argument, all its entries."""
    for name, values in inputs:
        arrays = [as_numbers(value) for value in values]
        shapes = [numbers.values.shape for numbers in arrays if numbers is not None]
        if len(shapes) < len(values) or not all(shapes):
            continue
        place = f"`{name}`"
        yield [float(shape[0]) for shape in shapes], f"the length of {place}"
        if all(len(shape) > 1 for shape in shapes):
            yield [float(shape[1]) for shape in shapes], f"the number of columns of {place}"
            yield [float(math.prod(shape)) for shape in shapes], f"the number of entries of {place}"


def _by_one(pairs: Sequence[Pair], inputs: Inputs) -> Explanation | None:
    """Whole numbers that are one too large or too small, everywhere."""
    if not all(np.array_equal(a, np.round(a)) for a, _ in pairs):
        return None
    for step, word in ((1.0, "large"), (-1.0, "small")):
        if _all(pairs, lambda a, step=step: a + step):  # type: ignore[misc]
            return Explanation("off by one", f"Each of your numbers is too {word} by exactly 1.")
    return None


def _function_of_it(pairs: Sequence[Pair], inputs: Inputs) -> Explanation | None:
    kinds: tuple[tuple[str, str, Callable[[np.ndarray], np.ndarray]], ...] = (
        ("the square", "You return the square of the right numbers: a root is missing.", np.square),
        ("the root", "You return the root of the right numbers: take it once less.", np.sqrt),
        ("one over it", "Your numbers are one over the right ones.", lambda a: 1 / a),
        ("one minus it", "Your numbers are 1 minus the right ones.", lambda a: 1 - a),
        ("the exponential", "You return e to the right numbers: a logarithm is missing.", np.exp),
        ("the logarithm", "You return the logarithm of the right numbers.", np.log),
        ("the logarithm", "You return log10 of the right numbers.", np.log10),
    )
    for name, words, turned in kinds:
        if _all(pairs, turned):
            return Explanation(name, words)
    return None


Rule = Callable[[Sequence[Pair], Inputs], Explanation | None]

PLACES: tuple[Rule, ...] = (
    _given_back,
    _always_one,
    _other_sign,
    _reverse,
    _moved,
    _one_more_or_less,
    _another_shape,
    _steps_or_sums,
    _another_order,
    _all_terms,
    _part_of_it,
    _by_one,
)
"""The right numbers, with another sign or in other places."""

SIZES: tuple[Rule, ...] = (_function_of_it, _factor)
"""Other numbers, which hang together with the right ones."""
