"""Whatever a submission's process replies, only right values earn points, and nothing breaks."""

from __future__ import annotations

import json
import random
import sys
from collections import Counter
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent))

from toys import DOUBLE, TOTAL

from gradcourse.checking import (
    Choice,
    CodeExercise,
    Function,
    Option,
    Outcome,
    Part,
    Prediction,
    check,
)
from gradcourse.checking.exercise_notebook import Cell
from gradcourse.checking.plain import Bfloat16, Foreign
from gradcourse.grading.mark import Mark
from gradcourse.grading.one.answers import outcome_of_answer, remote
from gradcourse.grading.one.plan import Plan
from gradcourse.grading.one.run import Running
from gradcourse.grading.reasons import REASONS, needs_look
from gradcourse.grading.sandbox import zygotes
from gradcourse.grading.sandbox.budget import Limits
from gradcourse.grading.sandbox.channel import Deadline
from gradcourse.grading.sandbox.frames import LENGTHS, Closed, Silent, WireError, decode, encode
from gradcourse.grading.sandbox.walls.resources import Times
from gradcourse.grading.sandbox.zygotes import Child

Random = random.Random


def _root(x: float) -> float:
    if x < 0:
        raise ValueError("x is negative")
    return float(np.sqrt(x))


def _about(values: np.ndarray) -> dict[str, Any]:
    return {"name": "norm", "norms": [float(abs(v)) for v in values], "positive": values > 0}


def _exercise(id: str, function: Function, examples: dict[str, list[tuple[Any, ...]]]) -> Any:
    parts = tuple(
        Part(title, 2.0, cases=lambda _, cases=cases: cases[1:], example=cases[0])
        for title, cases in examples.items()
    )
    hints = ("", "", "")
    return CodeExercise(id=id, title="A toy", functions=(function,), parts=parts, hints=hints)


ROOT = _exercise(
    "toy/root",
    Function("root", ("x",), _root, ()),
    {"numbers": [(4.0,), (9.0,), (2.0,)], "refused": [(-4.0,), (-1.0,), (3.0,)]},
)
ABOUT = _exercise(
    "toy/about",
    Function("about", ("values",), _about, ()),
    {"arrays": [(np.array([1.0, -2.5]),), (np.array([3.0, 4.0, -5.0]),)]},
)
ONE = _exercise(
    "toy/one", Function("one", ("a", "b"), lambda a, b: f"{a} or {b}", ()), {"": [(3, 4)]}
)
CODE: tuple[CodeExercise, ...] = (DOUBLE, TOTAL, ROOT, ABOUT, ONE)
UP, DOWN = Option("up", "up", ""), Option("down", "down", "")
SAID: dict[str, Any] = {"title": "A value", "question": "?", "explain": ""}
VALUES = (
    Prediction(
        **SAID,
        id="toy/guess",
        answer="guess",
        measure=lambda: 7.25e5,
        within=1.5,
        low=1,
        high=9,
        points=2.0,
    ),
    Choice(**SAID, id="toy/which", answer="which", options=(UP, DOWN), measure=lambda: "down"),
)


# ---------------------------------------------------------------- random replies

KINDS = ("value", "error", "signature", "timeout", "interrupted", "right", "callable", "", "VALUE")
NAMES = ("ValueError", "TypeError", "NotImplementedError", "KeyError", "SystemExit", "", "<x>")
TEXTS = ("", "()", "(x)", "(a, b)", "(x: pass", "(*args)", "\n", "full marks", "x" * 900, "up")
KEYS = ("kind", "value", "error", "message", "line", "printed", "changed", "abandoned", "unfit")


def _leaf(rng: Random) -> Any:
    kind = rng.randrange(15)
    if kind < 4:
        return rng.choice((None, True, False, 0, -1, 2**70, -0.0, 1e300, 0.5))
    if kind == 4:
        return rng.choice((float("nan"), float("inf"), complex(0, 1), complex("nan+1j")))
    if kind < 7:
        return rng.choice((*KINDS, *NAMES, *TEXTS))
    if kind == 7:
        return rng.choice((Foreign("ellipsis"), Foreign("function"), Foreign("", "\0")))
    if kind == 8:
        return Bfloat16(np.zeros(rng.choice(((), (2,), (0,))), np.float32))
    if kind == 9:
        return rng.choice((np.float32(0.1), np.int8(-1), np.bool_(True), np.str_("up")))
    if kind == 10:
        return np.array(["value", "error"][: rng.randrange(3)])
    shape = rng.choice(((), (0,), (1,), (2,), (3,), (2, 2), (0, 3), (1, 1, 1)))
    dtype = rng.choice(("f8", "f4", "f2", "i8", "u8", "u1", "b1", "c16"))
    with np.errstate(all="ignore"):
        return np.full(shape, rng.choice((0, 1, np.nan, -1.5)) or 0).astype(dtype)


def _any(rng: Random, depth: int = 0) -> Any:
    """Any plain data that the wire can carry."""
    if depth > 2 or rng.random() < 0.6:
        return _leaf(rng)
    items = [_any(rng, depth + 1) for _ in range(rng.randrange(4))]
    kind = rng.randrange(3)
    if kind == 0:
        return items
    if kind == 1:
        return tuple(items)
    names = ("name", "norms", "positive", "kind", 0, True, None, 1.5)
    return {rng.choice(names): item for item in items}


def _reply(rng: Random, honest: dict[str, Any]) -> dict[str, Any]:
    """The reply of an honest process with nothing, something or everything changed."""
    reply: dict[str, Any] = {**honest}
    for _ in range(rng.choice((0, 0, 1, 1, 2, 9))):
        key = rng.choice((*KEYS, *honest))
        change = rng.randrange(5)
        if change == 0:
            reply.pop(key, None)
        elif change == 1:
            reply[key] = _any(rng)
        elif change == 2:
            reply["kind"] = rng.choice(KINDS)
        elif change == 3:
            reply["message"] = rng.choice(TEXTS)
        else:
            reply["error"] = rng.choice(NAMES)
    return reply if rng.random() < 0.9 else {rng.choice(KEYS): _any(rng) for _ in range(3)}


def _travelled(reply: Any) -> Any:
    """What the grader gets of it."""
    return decode(*_sent(reply))


def _sent(reply: Any) -> tuple[bytes, bytes]:
    frame = encode(reply)
    text, _ = LENGTHS.unpack(frame[: LENGTHS.size])
    start = LENGTHS.size
    return frame[start : start + text], frame[start + text :]


def _damaged(rng: Random, text: bytes) -> bytes:
    """A frame's JSON with a piece lost, doubled, or put in another's place."""
    a, b = sorted(rng.randrange(len(text) + 1) for _ in range(2))
    piece = text[a:b]
    other = rng.choice((b"", piece * 2, b"[", b"null", b'"', b"1e999", b'["a","f8",[9],0]'))
    return text[:a] + other + text[b:]


def _honest(function: Function, arguments: tuple[Any, ...]) -> dict[str, Any]:
    reply = dict.fromkeys(("value", "error", "message", "line", "printed"), "")
    try:
        reply |= {"kind": "value", "value": function.reference(*arguments)}
    except ValueError as error:
        reply |= {"kind": "error", "value": None, "error": "ValueError", "message": str(error)}
    return {**reply, "changed": (), "abandoned": False, "noticed": []}


def _is_right(reply: Any, honest: dict[str, Any]) -> bool:
    """Whether a reply says what an honest process with the right answer says: judged by itself."""
    if type(reply.get("unfit")) is str or type(reply.get("kind")) is not str:
        return False
    if reply["kind"] != honest["kind"]:
        return False
    if honest["kind"] == "error":
        return type(reply.get("error")) is str and reply["error"] == honest["error"]
    return "value" in reply and reply["value"] is honest["value"]


# ---------------------------------------------------------------- through the engine


@pytest.mark.parametrize("exercise", CODE, ids=lambda one: one.id)
def test_of_thousands_of_replies_only_the_right_values_earn(exercise: CodeExercise) -> None:
    """Honest replies are among them, so that the test sees points that are earned, too."""
    rng = Random(20261)
    function = exercise.functions[0]
    parts: list[list[bool]] = []
    calm = 0.0

    def call(_: Any, __: Any, arguments: Any, ___: float, ____: Any) -> Outcome:
        if any(arguments is part.example for part in exercise.parts):
            parts.append([])
        honest = _honest(function, arguments)
        reply = honest if rng.random() < calm else _reply(rng, honest)
        parts[-1].append(_is_right(reply, honest))
        codes: list[str] = []
        outcome = outcome_of_answer(_travelled(reply), function, len(arguments), codes)
        assert set(codes) <= set(REASONS)
        return outcome

    sizes = [1 + len(part.cases(np.random.default_rng(0))) for part in exercise.parts]
    counts: Counter[bool] = Counter()
    for number in range(400):
        calm = rng.choice((0.0, 0.8, 1.0))
        parts.clear()
        answer = {function.name: remote}
        verdict = check(exercise, answer, seed=number, call=call, reveal=number % 2 == 0)
        expected = [own == [True] * size for own, size in zip(parts, sizes, strict=True)]
        assert [part.earned > 0 for part in verdict.parts] == expected, verdict
        assert all(part.message for part in verdict.parts if part.status == "wrong")
        counts.update(expected)
    assert min(counts[True], counts[False]) > 50, counts


# ---------------------------------------------------------------- through everything

LIMITS = Limits(cell=2.0, question=2.0, submission=30.0)
SOURCES = ("import no_such_module\nx = 1", "def root(x):\n    return 0\nwhile True: pass", "y = 2")
TODO = Plan(tuple(Cell(i, source) for i, source in enumerate(SOURCES)))


class _Liar:
    """A zygote, its children and their channels; they say anything but what is right."""

    layers: ClassVar[dict[str, str]] = {}

    def __init__(self, rng: Random) -> None:
        self.rng = rng
        self.asked: dict[str, Any] = {}

    def start(self, *_: Any) -> Child:
        self.asked = {"n": 0}
        return Child(self, self)  # type: ignore[arg-type]

    def stop_child(self, gone: bool = False) -> dict[str, Any]:
        why = self.rng.choice(("", "", "memory", "disk"))
        return {"status": self.rng.choice((0, 1, -9)), "why": why}

    def times(self) -> Times:
        return Times(0.0, 0.0)

    def close(self) -> None:
        pass

    def send(self, value: dict[str, Any], end: Any = None) -> None:
        self.asked = value

    def receive(self, end: Any = None) -> Any:
        asked, rng = self.asked, self.rng
        if asked["n"] == 0:
            return {"n": 0, "layers": {}}
        if rng.random() < 0.05:
            raise rng.choice((Closed, Silent, WireError))("no answer")
        if asked["do"] == "cell":
            text = "ModuleNotFoundError: x (line 1)"
            honest = {"ending": rng.choice(("", "error", "timeout")), "text": text, "cut": False}
        elif asked["do"] == "describe":
            honest = {"names": {name: self._about() for name in asked["names"]}}
        else:
            honest = {"kind": "value", "value": _any(rng), "message": "", "printed": "-"}
        honest |= {"noticed": rng.choice(([], ["to reach the network"]))}
        reply = _reply(rng, honest) if rng.random() < 0.7 else honest
        reply["n"] = _any(rng) if rng.random() < 0.02 else asked["n"]
        text, blob = _sent(reply if rng.random() < 0.99 else _any(rng))
        return decode(_damaged(rng, text) if rng.random() < 0.05 else text, blob)

    def _about(self) -> Any:
        rng = self.rng
        kind = rng.choice(("callable", "callable", "value", "missing"))
        return _reply(rng, {"kind": kind, "value": _any(rng)}) if rng.random() < 0.9 else _any(rng)


def test_no_process_breaks_the_grader_or_earns_without_an_answer() -> None:
    """Whatever it says of its cells, of what its names hold, and of its calls."""
    found = earn_nothing(range(400))
    seen = ("wrote-nothing-readable", "tried-forbidden", "cell-error", "killed", "memory")
    assert all(found[code] > 10 for code in (*seen, "question-timeout", "cell-timeout")), found


def earn_nothing(seeds: range) -> Counter[str]:
    """One lying process for each seed; returns how often each reason was given."""
    found: Counter[str] = Counter()
    for seed in seeds:
        liar: Any = _Liar(Random(seed))
        run = Running(liar, TODO, LIMITS, seed)
        ran = run.all((*CODE, *VALUES))
        mark = Mark("", ran.questions, ran.reasons)
        assert [question.earned for question in mark.questions] == [0.0] * 7, seed
        json.dumps(mark.to_dict(), allow_nan=False)
        codes = mark.codes
        assert set(codes) <= set(REASONS)
        assert "internal-error" not in codes, seed
        found.update(set(codes))
    return found


# ---------------------------------------------------------------- at the other end

REQUESTS = st.fixed_dictionaries(
    {
        "do": st.sampled_from(("cell", "describe", "call", "", "files")),
        "n": st.integers(1, 9),
        "seconds": st.sampled_from((0.01, 1, "2", None)),
    },
    optional={
        "source": st.one_of(st.text(max_size=9), st.sampled_from(("x = 1", "1 / 0", "exit()"))),
        "names": st.lists(st.sampled_from(("x", "double", "", "\0")), max_size=3),
        "function": st.sampled_from(("x", "abs", "len", "missing")),
        "parameters": st.lists(st.just("a"), max_size=2),
        "driver": st.sampled_from(("", "gradcourse.drivers.saturation:no", "x", "os:abort_")),
        "arguments": st.tuples(st.floats(), st.text(max_size=2)),
    },
)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the sandbox is Linux's")
@given(st.lists(REQUESTS, min_size=1, max_size=4), st.binary(max_size=40))
@settings(max_examples=20, deadline=None)
def test_whatever_is_asked_of_it_the_other_end_answers_or_ends(
    requests: list[dict[str, Any]], rest: bytes
) -> None:
    """It need not be believed, and it must not hang: then a broken grader would wait, too."""
    with zygotes.borrowed() as zygote:
        child = zygote.start(Limits(cell=2.0))
        try:
            child.begin(60.0)
            for request in requests:
                child._channel.send(request, Deadline(5.0))
                answer = child._channel.receive(Deadline(30.0))
                assert isinstance(answer, dict)
            child._channel._socket.setblocking(True)
            child._channel._socket.sendall(rest)
        except (Closed, BrokenPipeError):
            pass
        finally:
            assert child.end(gone=True)["status"] in (0, 1, 70, -9)


# ---------------------------------------------------------------- signatures

SIGNATURES = {
    # from the course's own process
    "(a, b, c, e=2.5)": ("is defined as one(a, b, c, e=2.5)", []),
    "()": ("is defined as one()", []),
    "(a, b, c)": ("is defined as one(a, b, c)", []),
    "(a, *, b)": ("is defined as one(a, *, b)", []),
    "(a: 'int', b: int, c, d=None)": ("is defined as one(a: 'int', b: int, c, d=None)", []),
    "(a, act=<function relu at 0x7f>, *, d)": ("takes others", []),
    # absurd: our own words
    "(full marks)": ("takes others", []),
    "(a): return 3": ("takes others", []),
    "(a)\nb": ("takes others", []),
    # from another one
    "": ("", ["wrote-nothing-readable"]),
    "All parts are right.": ("", ["wrote-nothing-readable"]),
    "(a, b)": ("", ["wrote-nothing-readable"]),
    "(a, b, c=1, *more, d=2)": ("", ["wrote-nothing-readable"]),
    "(*args)": ("", ["wrote-nothing-readable"]),
}


@pytest.mark.parametrize("parameters", SIGNATURES)
def test_a_signature_earns_nothing_and_its_words_are_ours(parameters: str) -> None:
    said, expected = SIGNATURES[parameters]
    codes: list[str] = []

    def call(function: Function, *_: Any) -> Outcome:
        reply = {"kind": "signature", "message": parameters}
        return outcome_of_answer(reply, function, 2, codes)

    verdict = check(ONE, remote, call=call, reveal=False)
    assert (verdict.earned, verdict.status) == (0.0, "wrong")
    assert sorted(set(codes)) == expected
    assert needs_look(codes) == bool(expected)
    if said:
        text = f"It is called as one(a, b), but yours {said}: give it the parameters"
        assert verdict.message.startswith(text)
    else:
        assert "(what it sent could not be read)" in verdict.message


def test_a_signature_cannot_show_a_random_input() -> None:
    def call(function: Function, _: Any, arguments: Any, *__: Any) -> Outcome:
        (x,) = arguments
        reply = {"kind": "value", "value": 3.0}
        if x != 1.5:
            reply = {"kind": "signature", "message": f"(a, b, c={x!r})"}
        return outcome_of_answer(reply, function, 1, [])

    verdict = check(DOUBLE, remote, call=call, reveal=False)
    assert verdict.earned == 0
    assert verdict.message == (
        "The example is right, but 1 of 4 random inputs gave another result than expected."
    )
