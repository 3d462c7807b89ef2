"""What travels arrives as it was; what is no frame is refused, and nothing waits for ever."""

from __future__ import annotations

import contextlib
import json
import math
import socket
import struct
import threading
import time
import tracemalloc
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gradcourse.checking.plain import Bfloat16, Foreign
from gradcourse.grading.sandbox.channel import Channel, Deadline
from gradcourse.grading.sandbox.frames import (
    BLOB_LIMIT,
    DTYPES,
    HASHED,
    LENGTHS,
    TEXT_LIMIT,
    Closed,
    Silent,
    WireError,
    clean,
    decode,
    encode,
)


def there_and_back(value: Any, *, trusted: bool = True) -> Any:
    frame = encode(value)
    text, blob = LENGTHS.unpack(frame[: LENGTHS.size])
    start = LENGTHS.size
    assert len(frame) == start + text + blob
    return decode(frame[start : start + text], frame[start + text :], trusted=trusted)


def same(a: Any, b: Any) -> bool:
    if isinstance(a, Bfloat16):
        return isinstance(b, Bfloat16) and same(a.values, b.values)
    if isinstance(a, np.ndarray | np.generic):
        kinds = type(a) is type(b) and a.dtype == b.dtype and a.shape == b.shape
        return kinds and a.tobytes() == b.tobytes()
    if type(a) is not type(b):
        return False
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    if isinstance(a, float):
        return (math.isnan(a) and math.isnan(b)) or struct.pack("d", a) == struct.pack("d", b)
    return bool(a == b)


LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**40), 10**40),
    st.floats(allow_nan=False),
    st.just(float("nan")),
    st.complex_numbers(allow_nan=False),
    st.text(),
    st.sampled_from(sorted(DTYPES)).flatmap(
        lambda name: st.lists(st.integers(0, 3), max_size=3).map(
            lambda shape: np.arange(np.prod(shape, dtype=int)).reshape(shape).astype(name)
        )
    ),
    st.just(np.float32(0.1)),
    st.just(np.array(["a", "βγ"])),
    st.just(Bfloat16(np.ones((2, 3), np.float32))),
    st.just(Foreign("generator", "why")),
    st.lists(st.floats(allow_nan=True, width=64), min_size=40, max_size=50),
)
PLAIN = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=4).map(tuple),
        st.dictionaries(st.text(), inner, max_size=4),
    ),
    max_leaves=12,
)


@given(PLAIN)
@settings(max_examples=150, deadline=None)
def test_plain_data_arrives_as_it_was(value: Any) -> None:
    assert same(there_and_back(value), value)


def test_other_byte_orders_and_long_doubles_arrive_as_ordinary_numbers() -> None:
    big = there_and_back(np.array([1.5, 2.5], dtype=">f8"))
    assert big.dtype == np.float64
    assert big.tolist() == [1.5, 2.5]
    long = there_and_back(np.array([1.5], dtype=np.longdouble))
    assert long.dtype == np.float64


def test_views_that_are_not_contiguous_arrive_whole() -> None:
    table = np.arange(12.0).reshape(3, 4).T[::2]
    assert same(there_and_back(table), np.ascontiguousarray(table))


JSONS = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=4)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.tuples(st.sampled_from(list("acdflnpstubx")), inner).map(list),
        st.tuples(st.sampled_from(list("acdfu")), inner, inner).map(list),
        st.tuples(
            st.just("a"),
            st.sampled_from(["f8", "b1", "O", "V8", "M8"]),
            st.lists(st.integers(-2, 2**62), max_size=3),
            st.integers(-9, 99),
        ).map(list),
        st.dictionaries(st.text(max_size=3), inner, max_size=3),
    ),
    max_leaves=20,
)


@given(JSONS, st.binary(max_size=64))
@settings(max_examples=300, deadline=None)
def test_whatever_json_comes_is_read_or_refused(tree: Any, blob: bytes) -> None:
    with contextlib.suppress(WireError):
        decode(json.dumps(tree).encode(), blob)


@given(st.binary(max_size=200), st.binary(max_size=32))
@settings(max_examples=200, deadline=None)
def test_whatever_bytes_come_are_read_or_refused(text: bytes, blob: bytes) -> None:
    with contextlib.suppress(WireError):
        decode(text, blob)


@pytest.mark.parametrize(
    "node",
    [
        ["a", "f8", [10**12], 0],
        ["a", "f8", [2], 1],
        ["a", "f8", [-1], 0],
        ["a", "f8", [True], 0],
        ["a", "O8", [1], 0],
        ["a", "f8", [1] * 33, 0],
        ["a", ">f8", [1], 0],
        ["a", ["f8"], [1], 0],
        ["b", ["a", "f8", [1], 0]],
        ["s", ["a", "f8", [1], 0]],
        ["p", ["a", "b1", [2], 0]],
        ["u", [3], ["a", "b"]],
        ["u", [1], [3]],
        ["d", [[["l", []], 1]]],
        ["n", "1e999"],
        ["value", 3],
        ["__class__"],
        [],
        [3],
        {},
        {"a": 1},
    ],
)
def test_lies_about_arrays_and_unknown_nodes_are_refused(node: Any) -> None:
    with pytest.raises(WireError):
        decode(json.dumps(node).encode(), b"\x01" * 15)


def test_nan_as_bare_json_and_bottomless_nesting_are_refused() -> None:
    for text in (
        b"NaN",
        b"Infinity",
        b"[" * 100_000,
        b'["l",' * 40 + b"[]" + b"]" * 40,
        b"9" * 9999,
    ):
        with pytest.raises(WireError):
            decode(text, b"")
    value: Any = 1
    for _ in range(100):
        value = [value]
    with pytest.raises(WireError, match="deep"):
        encode(value)


def test_a_short_frame_cannot_become_much() -> None:
    """Arrays that share their bytes, and one long text among many short ones, are gigabytes."""
    blob = bytes(BLOB_LIMIT)
    shared = ["l", [["a", "i1", [BLOB_LIMIT], 0]] * 64]
    padded = ["u", [4096], ["x" * (3 << 20), *[""] * 4095]]
    packed = ["p", ["a", "f8", [BLOB_LIMIT // 8], 0]]
    for node in (shared, padded, packed):
        tracemalloc.start()
        try:
            with pytest.raises(WireError, match="large"):
                decode(json.dumps(node).encode(), blob)
            assert tracemalloc.get_traced_memory()[1] < 1 << 28
        finally:
            tracemalloc.stop()
    for value in ([0.5] * (BLOB_LIMIT // 8), np.array(["x" * (1 << 20), *[""] * 20])):
        with pytest.raises(WireError, match="large"):
            encode(value)


def test_a_byte_that_is_no_bool_becomes_one() -> None:
    array = decode(json.dumps(["a", "b1", [3], 0]).encode(), b"\x00\x01\x7f")
    assert array.tolist() == [False, True, True]
    assert array.view(np.uint8).tolist() == [0, 1, 1]


def test_objects_are_refused_before_they_travel() -> None:
    for value in (object(), np.array([object()]), {1, 2}, b"bytes", np.array(["2020"], "M8")):
        with pytest.raises(WireError):
            encode(value)


def test_texts_that_act_on_a_terminal_or_a_page_are_disarmed() -> None:
    nasty = "a\x1b[31mb\x07\x9b1\u202ec\u2066\ud800\x00\r\nd\te"
    assert clean(nasty) == "a\ufffd[31mb\ufffd\ufffd1\ufffdc\ufffd\ufffd\ufffd\nd\te"
    clean(nasty).encode("utf-8")
    assert there_and_back({"k\x1b": nasty}, trusted=False) == {"k\ufffd": clean(nasty)}
    assert there_and_back(Foreign("\x1b", nasty), trusted=False).why == clean(nasty)


# ---------------------------------------------------------------- through a socket


@pytest.fixture
def ends() -> Any:
    ours, theirs = socket.socketpair()
    channel = Channel(ours)
    yield channel, theirs
    channel.close()
    theirs.close()


def test_a_large_frame_goes_through_a_small_pipe(ends: Any) -> None:
    channel, theirs = ends
    other = Channel(theirs)
    value = {"x": np.arange(1_000_000.0), "n": 1}
    sender = threading.Thread(target=channel.send, args=(value, Deadline(20.0)))
    sender.start()
    arrived = other.receive(Deadline(20.0))
    sender.join()
    assert same(arrived, value)


def test_silence_and_slow_drops_end_at_the_deadline(ends: Any) -> None:
    channel, theirs = ends
    with pytest.raises(Silent):
        channel.receive(Deadline(0.05))
    stop = threading.Event()

    def drip() -> None:
        theirs.send(LENGTHS.pack(1000, 0))
        while not stop.wait(0.01):
            theirs.send(b" ")

    dripping = threading.Thread(target=drip)
    dripping.start()
    began = time.monotonic()
    with pytest.raises(Silent):
        channel.receive(Deadline(0.3))
    stop.set()
    dripping.join()
    assert time.monotonic() - began < 20


def test_who_does_not_read_cannot_block_the_sender(ends: Any) -> None:
    channel, _ = ends
    with pytest.raises(Silent):
        channel.send(np.zeros(1_000_000), Deadline(0.2))


def test_a_closed_end_and_an_impossible_length_are_errors(ends: Any) -> None:
    channel, theirs = ends
    theirs.send(LENGTHS.pack(TEXT_LIMIT + 1, 0))
    with pytest.raises(WireError, match="large"):
        channel.receive(Deadline(5.0))
    ours, theirs_too = socket.socketpair()
    other = Channel(ours)
    theirs_too.send(LENGTHS.pack(100, 0) + b"short")
    theirs_too.close()
    with pytest.raises(Closed):
        other.receive(Deadline(5.0))
    other.close()


def test_keys_that_all_have_one_hash_are_refused() -> None:
    """Thirty thousand of them would keep the grader busy for seconds, once for each answer."""
    for number in (HASHED, -HASHED, 5 * HASHED):
        with pytest.raises(WireError, match="a key is too large"):
            decode(json.dumps(["d", [[number, 0]]]).encode(), b"")
    honest = {HASHED - 1: 1, -7: 2, 2.0**80: 3, "x": 4, True: 5, None: 6}
    assert there_and_back(honest) == honest


def test_a_deadline_moves_by_what_the_machine_took_and_not_without_end() -> None:
    kept = [0.0]
    end = Deadline(0.05, lambda: kept[0])
    assert 0 < end.left() <= 0.05
    time.sleep(0.06)
    assert end.left() == 0
    kept[0] = 10.0
    assert 0.05 < end.left() <= 4 * 0.05
    time.sleep(0.2)
    assert end.left() == 0
