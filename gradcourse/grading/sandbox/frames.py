"""Plain data as bytes, between the grader and a process that it does not trust.

A frame is two lengths, a JSON text and the raw bytes of the arrays in it. JSON has no tuples,
arrays or NaN, so everything but None, bools, ints, finite floats and strings is a list that
starts with a tag. Nothing is ever pickled or evaluated: the worst that a hostile frame can do is
to be refused with a `WireError`.
"""

from __future__ import annotations

import json
import math
import re
import struct
import sys
from typing import Any

import numpy as np

from gradcourse.checking.plain import Bfloat16, Foreign

LENGTHS = struct.Struct("<II")
TEXT_LIMIT = 4 << 20
BLOB_LIMIT = 8 << 20
"""Bytes of the JSON and of the arrays that are accepted in one frame."""

REQUEST_LIMIT = 512 << 20
"""Bytes of JSON that the grader may send: a cell may be as large as a notebook."""

MOST_NODES = 60_000
"""Values in one frame, an array or 8 packed floats counted once: millions would take long."""

MOST_MARKS = 8 * MOST_NODES
"""Brackets and commas in an answer: what is refused as too large must not be built before."""

DEEPEST = 32
AXES = 32
PACKED = 32
"""A list of floats longer than this travels as bytes."""

LIGHT = 8
"""Of these, so many count as one value."""

HASHED = sys.hash_info.modulus
"""From here on, as many ints as one likes have one hash: a dict of them takes minutes to build."""

DTYPES = frozenset(
    ("b1", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8", "c8", "c16")
)
UNSAFE = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\u200e\u200f\u202a-\u202e\u2066-\u2069]"
)
"""Control codes, halves of characters, and what turns the direction of writing."""


class WireError(Exception):
    """What came is no frame, or breaks the rules."""


class Silent(WireError):
    """Nothing came in time."""


class Closed(WireError):
    """The other end is gone."""


def clean(text: str) -> str:
    """Replace the characters of a foreign text that could act on a terminal or a page."""
    return UNSAFE.sub("\ufffd", text.replace("\r\n", "\n"))


# ---------------------------------------------------------------- to bytes


class _Blob(bytearray):
    """The bytes of a frame's arrays, and how many values it has so far."""

    nodes = 0


def encode(value: Any, most: int = TEXT_LIMIT) -> bytes:
    """Return plain data as one frame, with at most so many bytes of JSON.

    Raises
    ------
    WireError
        If it is too large or nested too deeply, or is no plain data.
    """
    blob = _Blob()
    text = json.dumps(_node(value, blob, 0), allow_nan=False, separators=(",", ":")).encode()
    if len(text) > most or len(blob) > BLOB_LIMIT or blob.nodes > MOST_NODES:
        raise WireError("it is too large")
    return LENGTHS.pack(len(text), len(blob)) + text + bytes(blob)


def _node(value: Any, blob: _Blob, depth: int) -> Any:
    if depth > DEEPEST:
        raise WireError("it is nested too deeply")
    blob.nodes += 1
    if blob.nodes > MOST_NODES:
        raise WireError("it is too large")
    kind = type(value)
    if value is None or kind is bool or kind is str:
        return value
    if kind is int:
        huge = value.bit_length() > 4096
        return ["f", "int", "it has more than a thousand digits"] if huge else value
    if kind is float:
        return value if math.isfinite(value) else ["n", repr(value)]
    if kind is complex:
        return ["c", _node(value.real, blob, depth + 1), _node(value.imag, blob, depth + 1)]
    if kind in (list, tuple):
        return _sequence(value, blob, depth)
    if kind is dict:
        pairs = value.items()
        return ["d", [[_node(k, blob, depth + 1), _node(v, blob, depth + 1)] for k, v in pairs]]
    if isinstance(value, np.generic):
        return ["s", _array(np.asarray(value), blob)]
    if isinstance(value, np.ndarray):
        return _array(value, blob)
    if isinstance(value, Bfloat16):
        return ["b", _array(value.values, blob)]
    if isinstance(value, Foreign):
        return ["f", str(value.type_name)[:200], str(value.why)[:500]]
    raise WireError(f"{kind.__name__} is no plain data")


def _sequence(value: Any, blob: _Blob, depth: int) -> Any:
    if type(value) is list and len(value) > PACKED and all(type(item) is float for item in value):
        blob.nodes += len(value) // LIGHT
        return ["p", _array(np.array(value), blob)]
    tag = "l" if type(value) is list else "t"
    return [tag, [_node(item, blob, depth + 1) for item in value]]


def _array(array: np.ndarray, blob: _Blob) -> Any:
    kind = array.dtype.kind
    if kind == "U":
        if array.size > MOST_NODES or array.nbytes > BLOB_LIMIT:
            raise WireError("it is too large")
        return ["u", list(array.shape), [str(item) for item in array.ravel()]]
    if kind == "f" and array.dtype.itemsize > 8:
        array = array.astype(np.float64)
    elif kind == "c" and array.dtype.itemsize > 16:
        array = array.astype(np.complex128)
    array = array.astype(array.dtype.newbyteorder("<"), copy=False)
    name = array.dtype.str.lstrip("<>|=")
    if name not in DTYPES:
        raise WireError(f"an array of {array.dtype} is no plain data")
    if array.nbytes + len(blob) > BLOB_LIMIT:
        raise WireError("it is too large")
    start = len(blob)
    blob += array.tobytes()
    return ["a", name, list(array.shape), start]


# ---------------------------------------------------------------- from bytes


def decode(text: bytes, blob: bytes, *, trusted: bool = False) -> Any:
    """Return the plain data of a frame.

    Parameters
    ----------
    text, blob : bytes
        Of the frame.
    trusted : bool
        Keep strings as they are; otherwise they go through `clean`.

    Raises
    ------
    WireError
        If anything in it breaks the rules.
    """
    if not trusted and sum(map(text.count, (b"[", b"{", b","))) > MOST_MARKS:
        raise WireError("it is too large")
    try:
        tree = json.loads(text.decode(), parse_constant=_refuse)
        return _Reader(blob, trusted).value(tree, 0)
    except WireError:
        raise
    except (ValueError, TypeError, RecursionError, OverflowError, MemoryError) as error:
        raise WireError(f"it is no frame: {type(error).__name__}") from None


def _refuse(name: str) -> Any:
    raise WireError(f"{name} is no JSON")


class _Reader:
    """Reads the tree of one frame, and believes nothing."""

    def __init__(self, blob: bytes, trusted: bool) -> None:
        self._blob = blob
        self._trusted = trusted
        self._nodes = 0
        self._bytes = 0

    def _count(self, nodes: int = 0, bytes: int = 0) -> None:
        """A short frame must not become much: arrays may share bytes, texts be padded."""
        self._nodes += nodes
        self._bytes += bytes
        if self._nodes > MOST_NODES or self._bytes > BLOB_LIMIT:
            raise WireError("it is too large")

    def value(self, node: Any, depth: int) -> Any:
        self._count(nodes=1)
        if depth > DEEPEST:
            raise WireError("it is nested too deeply")
        if node is None or isinstance(node, bool | int | float):
            return node
        if isinstance(node, str):
            return node if self._trusted else clean(node)
        if not isinstance(node, list) or not node or not isinstance(node[0], str):
            raise WireError("a node has no tag")
        read = getattr(self, f"_read_{node[0]}", None) if len(node[0]) == 1 else None
        if read is None:
            raise WireError("a node has an unknown tag")
        return read(depth, *node[1:])

    def _items(self, items: Any) -> list[Any]:
        if not isinstance(items, list):
            raise WireError("a list is none")
        return items

    def _read_l(self, depth: int, items: Any) -> list[Any]:
        return [self.value(item, depth + 1) for item in self._items(items)]

    def _read_t(self, depth: int, items: Any) -> tuple[Any, ...]:
        return tuple(self._read_l(depth, items))

    def _read_d(self, depth: int, items: Any) -> dict[Any, Any]:
        found = {}
        for key, item in self._items(items):
            name = self.value(key, DEEPEST)
            if not isinstance(name, str | int | float | bool | None):
                raise WireError("a key is no key")
            if isinstance(name, int) and abs(name) >= HASHED:
                raise WireError("a key is too large")
            found[name] = self.value(item, depth + 1)
        return found

    def _read_n(self, depth: int, name: Any) -> float:
        if name not in ("nan", "inf", "-inf"):
            raise WireError("a number is none")
        return float(name)

    def _read_c(self, depth: int, real: Any, imaginary: Any) -> complex:
        parts = [self.value(part, DEEPEST) for part in (real, imaginary)]
        if not all(isinstance(part, float) for part in parts):
            raise WireError("a number is none")
        return complex(*parts)

    def _read_p(self, depth: int, node: Any) -> list[float]:
        array = self._an_array(node)
        if array.dtype != np.float64 or array.ndim != 1:
            raise WireError("packed floats are none")
        self._count(nodes=array.size // LIGHT)
        numbers: list[float] = array.tolist()
        return numbers

    def _read_s(self, depth: int, node: Any) -> Any:
        array = self._an_array(node)
        if array.ndim:
            raise WireError("a scalar has axes")
        return array[()]

    def _read_b(self, depth: int, node: Any) -> Bfloat16:
        array = self._an_array(node)
        if array.dtype != np.float32:
            raise WireError("bfloat16 travels as float32")
        return Bfloat16(array)

    def _read_f(self, depth: int, name: Any, why: Any) -> Foreign:
        if not isinstance(name, str) or not isinstance(why, str):
            raise WireError("a foreign object is none")
        return Foreign(clean(name)[:80], clean(why)[:200])

    def _an_array(self, node: Any) -> np.ndarray:
        if not isinstance(node, list) or not node or node[0] not in ("a", "u"):
            raise WireError("an array is none")
        array: np.ndarray = self.value(node, DEEPEST)
        return array

    def _shape(self, shape: Any) -> tuple[int, ...]:
        if not isinstance(shape, list) or len(shape) > AXES:
            raise WireError("a shape is none")
        if not all(type(n) is int and 0 <= n < 1 << 40 for n in shape):
            raise WireError("a shape is none")
        return tuple(shape)

    def _read_a(self, depth: int, name: Any, shape: Any, start: Any) -> np.ndarray:
        sizes = self._shape(shape)
        if name not in DTYPES or type(start) is not int or start < 0:
            raise WireError("an array is none")
        dtype = np.dtype(f"<{name}")
        count = math.prod(sizes)
        if start + count * dtype.itemsize > len(self._blob):
            raise WireError("an array has not the bytes that it claims")
        self._count(bytes=count * dtype.itemsize)
        if not count:
            return np.empty(sizes, dtype.newbyteorder("="))
        if name == "b1":  # a byte that is neither 0 nor 1 must not become a bool
            raw = np.frombuffer(self._blob, np.uint8, count, start)
            return (raw != 0).reshape(sizes)
        array = np.frombuffer(self._blob, dtype, count, start).reshape(sizes)
        return array.astype(dtype.newbyteorder("="))

    def _read_u(self, depth: int, shape: Any, items: Any) -> np.ndarray:
        sizes = self._shape(shape)
        texts = [self.value(item, DEEPEST) for item in self._items(items)]
        if math.prod(sizes) != len(texts) or not all(isinstance(text, str) for text in texts):
            raise WireError("an array has not the strings that it claims")
        self._count(bytes=4 * len(texts) * max(map(len, texts), default=0))
        return np.array(texts, dtype=np.str_).reshape(sizes)
