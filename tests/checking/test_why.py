"""What is told of a wrong answer that no slip of its question explains: true, and in every case."""

from __future__ import annotations

import linecache
import types
from dataclasses import replace

import numpy as np
import pytest
import torch

from gradcourse.checking import Outcome, check
from gradcourse.checking.question import CodeExercise, Part, asks
from gradcourse.checking.why import relation
from gradcourse.checking.why.pen import likely_slip, sure_slip, unused_parameter
from gradcourse.checking.why.raised import explained_error
from gradcourse.checking.why.written import source_here, source_in


def spread_of(x, y):
    return (x - x.mean()) / (1.0 + y)


def _pairs(rng):
    return [(rng.normal(size=n), float(rng.uniform(1.0, 2.0))) for n in (3, 4, 6)]


SPREAD = CodeExercise(
    id="made/spread",
    title="Spread",
    functions=asks(spread_of, "an array", {"not centred": (lambda x, y: x / (1 + y), "No mean.")}),
    parts=(Part("3 random arrays", 1.0, _pairs, (np.array([1.0, 2.0, 6.0]), 1.0), look_at="x"),),
)


SAME = replace(
    SPREAD,
    parts=(replace(SPREAD.parts[0], cases=lambda rng: [(rng.normal(size=3), 1.5) for _ in "abc"]),),
)


def written(text: str, **names):
    """A learner's function, from a cell whose text can be read again."""
    file = f"<cell {len(linecache.cache)}>"
    linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
    space = {"np": np, **names}
    exec(compile(text, file, "exec"), space)
    return next(value for name, value in space.items() if name == "spread_of")


def told(body: str, **names) -> tuple[str, ...]:
    """The names of what the verdict on a function with this body says."""
    return check(SPREAD, written(f"def spread_of(x, y):\n{body}", **names), seed=0).misconceptions


# ── Read from the source ──────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("body", "name"),
    [
        ("    for v in x:\n        total = v\n        return total", "a return inside the loop"),
        (
            "    for v in x:\n        if v > 0:\n            return v\n        else:\n"
            "            return -v",
            "a return inside the loop",
        ),
        ("    while True:\n        y = 1\n        break\n    return y", "a break inside the loop"),
        ("    s = 0\n    for v in x:\n        s =+ v\n    return x - s", "=+ for +="),
        ("    return x ^ 2", "^ for a power"),
        ("    x = np.ones(3)\n    return x / y", "a parameter is overwritten"),
        ("    print(x - x.mean())", "printed, not returned"),
        ("    z = x - x.mean()", "no return"),
        ("    if y > 5:\n        return x", "a way without a return"),
        ("    a = [1]\n    return a.append(2)", "a method that returns nothing"),
        ("    np.sort(x)\n    return x * y", "a result that nobody keeps"),
        ("    return x**3 + np.sin(x)", "a parameter is not used"),
    ],
)
def test_a_slip_of_the_pen_is_read_from_the_source(body: str, name: str) -> None:
    assert told(body)[:1] == (name,)


@pytest.mark.parametrize(
    "body",
    [
        "    for v in x:\n        if v > y:\n            return v\n    return y",
        "    for v in x:\n        if v < 0:\n            continue\n        return v\n    return y",
        "    def inner(a):\n        return a\n    return inner(x) * y",
        "    x = x - x.mean()\n    return x / y",
        "    for i in range(3):\n        y = y + i\n    return x * y",
        "    w = +x\n    w =-x\n    return np.sum(w, axis=- 1) * y",
        "    z = np.sum(x, axis=- 1) / y\n    return z",
        "    rows = []\n    rows.append(x)\n    rows.sort()\n    return rows[0] * y",
        '    """Words."""\n    return x if y > 1 else -x',
        "    for v in x:\n        yield v * y",
    ],
)
def test_what_is_no_slip_of_the_pen_is_not_called_one(body: str) -> None:
    source = source_in("spread_of", [f"def spread_of(x, y):\n{body}"])
    assert source is not None
    assert sure_slip(source, nothing=False, texts={}) is None
    assert likely_slip(source) is None
    assert unused_parameter(source) is None


def test_a_text_that_never_comes_is_told_with_the_one_that_does() -> None:
    source = source_in("f", ["def f(z, kind):\n    return z if kind == 'Tanh' else -z"])
    assert source is not None
    found = sure_slip(source, nothing=False, texts={"kind": {"tanh", "sigmoid"}})
    assert found is not None
    assert "'Tanh'" in found.message
    assert "'tanh'" in found.message
    assert sure_slip(source, nothing=False, texts={"kind": {"Tanh", "sigmoid"}}) is None


def test_nothing_is_read_where_there_is_nothing_to_read() -> None:
    deep = "+".join("1" for _ in range(20_000))
    for text in ("def f(:", "", "x" * 60_000, f"def f(x):\n    return {deep}"):
        source = source_in("f", [text])
        if source is not None:
            exercise = CodeExercise(
                id="made/f", title="f", functions=asks(f, "a", {}), parts=(_PART,)
            )
            verdict = check(exercise, lambda x: 3 * x, reader=lambda *_, source=source: source)
            assert not verdict.right
    assert source_here("len", len) is None


def f(x):
    return 2 * x


_PART = Part("numbers", 1.0, lambda rng: [(float(rng.normal()),) for _ in range(3)], (1.0,))


# ── Read from the exception ───────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("body", "name"),
    [
        ("    return np.linalg.norm(x) + math.exp(y)", "the name math"),
        ("    return ln(y) + x", "the name ln"),
        ("    return x.mean(axis=0, keepdim=True)", "keepdim for keepdims"),
        ("    a, b = x\n    return a * y", "a fixed number of names"),
        ("    return x + np.ones((4, 7)) * y", "the shapes do not fit"),
        ("    return x[len(x)] * y", "one index too far"),
        ("    return [1, 2].shape, x, y", "a list where an array belongs"),
        ("    return [1, 2] * y + x", "a list where a number or array belongs"),
        ("    return x(0) + y", "round brackets"),
        ("    sum = x.mean()\n    return sum(x) * y", "a name of Python's own"),
        ("    return max(x) * y", "a name of Python's own"),
        ("    spread_of = spread_of(x, y)\n    return spread_of", "a name used twice"),
        ("    return spread_of(x, y)", "it calls itself"),
        ("    for i in len(x):\n        y = i\n    return y", "one number where several belong"),
        ("    return x[y / 2]", "an index that is no whole number"),
        ("    return None + x * y", "None in between"),
        ("    import math\n    return math.exp(x) * y", "one number at a time"),
        ("    return np.where(not (x > 0), x, y)", "`not` of arrays"),
        ("    return np.where(x > 0 and x < 1, x, y)", "`and` of arrays"),
        ("    return np.where(x > 0 or x < 1, x, y)", "`or` of arrays"),
        ("    return np.where(0 < x <= 1, x, y)", "a chained comparison of an array"),
        ("    if 0 < y and 0 <= x <= 1:\n        return x", "a chained comparison of an array"),
        ("    return y * min(x, x)", "min of arrays"),
        ("    if x > min(1, y):\n        return x", "one True or False of many"),
        ("    return x if (\n        x > y\n    ) else y", "one True or False of many"),
        ("    return np.where(np.isnan(x) | x == 0, x, y)", "brackets around each comparison"),
        ("    return np.where(1.0 & y == 0, x, y)", "brackets around each comparison"),
        ("    return np.where(~x, x, y)", "~ of numbers"),
        ("    return np.where(~[True], x, y)", "~ of numbers"),
        ("    return np.array([x, x[1:]]) * y", "parts of different sizes"),
        ("    return np.ones((2, 3)) @ np.ones((2, 3)) @ x * y", "the shapes do not fit"),
    ],
)
def test_an_exception_is_told_in_the_learners_words(body: str, name: str) -> None:
    assert told(body, max=3)[:1] == (name,)


def test_of_a_stack_of_matrices_the_last_two_axes_are_to_be_swapped() -> None:
    q, k = torch.zeros(2, 5, 4), torch.zeros(2, 5, 4)
    for line, product in (
        ("q @ k", lambda: q @ k),
        ("torch.bmm(q, k)", lambda: torch.bmm(q, k)),
        ("q.numpy() @ k.numpy().T", lambda: q.numpy() @ k.numpy().T),
        ("q @ k.permute(2, 1, 0)  # which k.T is", lambda: q @ k.permute(2, 1, 0)),
    ):
        with pytest.raises((RuntimeError, ValueError)) as raised:
            product()
        told = explained_error(type(raised.value).__name__, str(raised.value), line, "f")
        assert told is not None
        assert ".transpose(-2, -1)" in told.message, line


def test_what_only_holds_tensors_is_no_function() -> None:
    kept = types.SimpleNamespace(weight=torch.zeros(2))
    body = "    return tuple(kept(x, (y, y)))"
    message = check(SPREAD, written(f"def spread_of(x, y):\n{body}", kept=kept)).parts[0].message
    assert message.startswith("`kept` is no function, and no module that computes: it only holds")


def test_a_parameter_is_given_a_number_or_another_tensor() -> None:
    layer = torch.nn.Linear(2, 1)
    for value, name in ((0.5, "number"), (layer.weight / 10, "tensor in a parameter's place")):
        with pytest.raises(TypeError) as raised:
            layer.weight = value
        told = explained_error("TypeError", str(raised.value), "layer.weight = …", "f")
        assert told is not None
        assert name in told.name


def test_an_exception_that_nobody_knows_is_left_to_speak_for_itself() -> None:
    assert explained_error("ValueError", "strange", "", "f") is None
    assert explained_error("TypeError", "'x' object is not iterable" * 50, "", "f") is not None


# ── Read from the results ─────────────────────────────────────────────────────────────────────


def related(turned, rules=relation.PLACES + relation.SIZES, shape=(5,)):
    rng = np.random.default_rng(0)
    inputs = [rng.normal(size=(int(n), 3)) for n in (3, 4, 7)]
    right = [rng.uniform(0.5, 2.0, size=shape) for _ in inputs]
    given = [turned(a, x) for a, x in zip(right, inputs, strict=True)]
    found = relation.related(rules, right, given, [("u", inputs)])
    return None if found is None else found.name


@pytest.mark.parametrize(
    ("turned", "name"),
    [
        (lambda a, x: -a, "the sign"),
        (lambda a, x: a[::-1], "the reverse order"),
        (lambda a, x: np.append(a[1:], 0.3), "one place too early"),
        (lambda a, x: np.insert(a[:-1], 0, 0.3), "one place too late"),
        (lambda a, x: a[1:], "the first is missing"),
        (lambda a, x: np.append(a, 0.1), "one too many"),
        (lambda a, x: a[:, None], "right numbers in another shape"),
        (lambda a, x: np.cumsum(a), "added up"),
        (lambda a, x: np.diff(a, prepend=0.0), "not added up"),
        (lambda a, x: np.sort(a), "another order"),
        (lambda a, x: a[-1], "one instead of all"),
        (lambda a, x: x, "an input given back"),
        (lambda a, x: np.full(5, 7.0), "always the same"),
        (lambda a, x: a**2, "the square"),
        (lambda a, x: 1 / a, "one over it"),
        (lambda a, x: 100 * a, "a factor 100"),
        (lambda a, x: np.log(10) * a, "a factor ln 10"),
        (lambda a, x: 1.7 * a, "a constant factor"),
        (lambda a, x: len(x) * a, "a size as a factor"),
        (lambda a, x: a / x.size, "a size as a factor"),
        (lambda a, x: a + x.mean(), None),
        (lambda a, x: a * (1 + 1e-9), None),
        (lambda a, x: np.full(5, np.nan), None),
    ],
)
def test_how_results_lie_to_the_right_ones(turned, name) -> None:
    assert related(turned) == name


def test_what_is_always_the_same_may_still_read_its_parameters() -> None:
    for body, read in (
        ("    return np.clip(x + y, 0, 0) + 3", True),
        ("    return x * 0 + 3", False),
    ):
        part = check(SAME, written(f"def spread_of(x, y):\n{body}"), seed=0).parts[0]
        assert part.misconception == "always the same"
        assert "in every case that was tried" in part.message
        assert ("a variable of the notebook instead" in part.message) != read


def test_all_terms_where_their_mean_is_asked() -> None:
    assert related(lambda a, x: a + np.array([1.0, -1.0]), shape=()) == "the mean is missing"


def test_what_holds_in_some_cases_only_is_not_said() -> None:
    flips = iter([1.0, -1.0, -1.0])
    assert related(lambda a, x: next(flips) * a) is None


# ── One change ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("body", "name"),
    [
        ("    return (x - x.mean()) / (2.0 + y)", None),  # a 2 is no whole number here
        ("    return (x - x.mean()) / (2 + y)", "off by one"),
        ("    return x - x.mean() / (1 + y)", "the brackets"),
        ("    return (x - x.sum()) / (1 + y)", "sum for another quantity"),
        ("    return (x + x.mean()) / (1 + y)", "the sign +"),
        ("    return (x - np.mean(x)) * (1 + y)", "the sign *"),
        ("    return (x - sum(x) / (len(x) + 1)) / (1 + y)", "off by one"),
        ("    n = 0\n    while n < 3:\n        n += 1\n    return (x + x.mean()) / (1 + y)", None),
    ],
)
def test_one_change_that_makes_it_right_is_told_with_its_line(body: str, name: str | None) -> None:
    names = told(body)
    assert names == ((name,) if name else ()) or (name is None and "the sign +" not in names)
    if name:
        said = check(SPREAD, written(f"def spread_of(x, y):\n{body}"), seed=0).parts[0].message
        assert "Line 2, `" in said
        assert "agrees in every case" in said


def running_ratio(x, y):
    return np.cumprod(np.asarray(x) - y)


RATIO = CodeExercise(
    id="made/ratio",
    title="Ratio",
    functions=asks(running_ratio, "an array", {}),
    parts=(Part("3 random arrays", 1.0, _pairs, (np.array([3.0, 2.0, 6.0]), 1.0), look_at="x"),),
)


@pytest.mark.parametrize(
    ("answer", "name"),
    [
        (lambda x, y: running_ratio(x[::-1], y), "from the wrong end"),
        (lambda x, y: running_ratio(-x, y), "the sign of an input"),
        (lambda x, y: running_ratio(x, y**0.5), "a root too many"),
        (lambda x, y: running_ratio(x, 100 * y), "per cent for a share"),
        (lambda x, y: np.cumprod((x - y) ** 2), "the square"),
    ],
)
def test_results_that_are_right_for_another_input(answer, name: str) -> None:
    told = check(RATIO, answer, seed=0, reader=lambda *_: None).misconceptions
    assert told == (name,)


def first_wrong(x, y):
    if x.sum() > 0:
        return "sum"
    return "rate" if y > 1.5 else "none"


def test_a_word_that_fits_another_input_by_chance_is_no_explanation() -> None:
    cases = [(np.array([v]), w) for v, w in ((-1.0, 1.2), (-2.0, 1.7), (-1.5, 1.4))]
    part = Part("3 cases", 1.0, lambda rng: cases, (np.array([-3.0]), 1.9), look_at="x")
    words = CodeExercise(
        id="made/words", title="Words", functions=asks(first_wrong, "a word", {}), parts=(part,)
    )
    told = check(words, lambda x, y: "sum", seed=0, reader=lambda *_: None).parts[0]
    assert told.misconception is None
    assert "Look at: x" in told.message


def test_a_search_leaves_the_answer_and_its_names_alone() -> None:
    answer = written("def spread_of(x, y):\n    return (x - x.mean()) / (k + y)", k=2)
    before = dict(answer.__globals__)
    check(SPREAD, answer, seed=0)
    assert answer.__globals__ == before


def test_no_changed_code_runs_where_the_learners_own_does_not() -> None:
    """A grader's process reads the source, and calls only through its caller."""
    text = "def spread_of(x, y):\n    seen.append(1)\n    return (x + x.mean()) / (1 + y)"
    seen: list[int] = []
    answer = written(text, seen=seen)

    def call(function, _, arguments, seconds, stop):
        x, y = arguments
        return Outcome("value", value=(x + x.mean()) / (1 + y))

    verdict = check(
        SPREAD, answer, seed=0, call=call, reader=lambda *_: source_in("spread_of", [text])
    )
    assert not seen
    assert not verdict.right


def test_the_words_of_an_exception_stay_hidden_with_the_input_that_made_them() -> None:
    def leaks(x, y):
        if len(x) != 3 or x[0] != 1.0:
            raise NameError(f"name 'x{int(1e6 * y)}' is not defined")
        return spread_of(x, y)

    verdict = check(SPREAD, leaks, seed=0, reveal=False)
    assert verdict.misconceptions == ()
    assert "is not defined" not in repr(verdict)


# ── A part that is wrong because another is ───────────────────────────────────────────────────


def base(x):
    return 3.0 * x


def twice(x):
    return 2.0 * base(x)


def _numbers(rng):
    return [(float(rng.normal()),) for _ in range(3)]


BOTH = CodeExercise(
    id="made/both",
    title="Both",
    functions=asks(base, "a float", {}) + asks(twice, "a float", {}),
    parts=(
        Part("base", 1.0, _numbers, (1.0,), function="base"),
        Part("twice", 1.0, _numbers, (1.0,), function="twice"),
    ),
)


def _both(text: str) -> dict:
    file = f"<cell {len(linecache.cache)}>"
    linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
    space: dict = {}
    exec(compile(text, file, "exec"), space)
    return {name: space[name] for name in ("base", "twice") if name in space}


def test_a_part_that_is_wrong_only_because_of_another_says_so() -> None:
    right = "def twice(x):\n    return 2 * base(x)\n"
    answers = _both(f"def base(x):\n    return x ** 2 + 7\n{right}")
    parts = check(BOTH, answers, seed=0).parts
    assert parts[1].misconception == "only because of base"
    assert parts[1].earned == 0
    assert answers["twice"](1.0) == 16.0  # the notebook's own base is still called
    wrong = "def twice(x):\n    return 9 * base(x) + 1\n"
    parts = check(BOTH, _both(f"def base(x):\n    return x ** 2 + 7\n{wrong}"), seed=0).parts
    assert parts[1].misconception != "only because of base"


def test_where_none_can_stand_in_it_is_said_that_the_other_is_wrong_too() -> None:
    text = "def base(x):\n    return x**2 + 7\ndef twice(x):\n    return 2 * base(x)\n"
    answers = _both(text)

    def call(function, answer, arguments, seconds, stop):
        return Outcome("value", value=answer(*arguments))

    verdict = check(
        BOTH, answers, seed=0, call=call, reader=lambda name, _: source_in(name, [text])
    )
    assert verdict.parts[1].misconception == "it calls base"


def test_a_part_that_calls_what_is_not_written_says_so() -> None:
    stub = "def base(x):\n    raise NotImplementedError\n"
    verdict = check(BOTH, _both(f"{stub}def twice(x):\n    return 2 * base(x)\n"), seed=0)
    assert verdict.unanswered
    assert "`twice` calls `base`, which is not written yet" in repr(verdict)
