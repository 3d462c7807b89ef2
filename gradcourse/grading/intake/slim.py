"""A notebook without its outputs and attachments: no mark depends on them, so none is kept.

A figure with five million numbers, or a photograph in a text cell, then takes neither memory nor a
learner's marks.
"""

from __future__ import annotations

import re
from collections.abc import Callable

CHUNK = 1 << 20
MOST_SIGNS = 10_000_000
"""Quotes, brackets and backslashes that are looked at: some seconds of work."""

KEYS = (b"outputs", b"attachments")
_OUTSIDE = re.compile(rb'["\[\]{}]')
_INSIDE = re.compile(rb'["\\]')
_QUOTE, _BACKSLASH, _OPENING = b'"'[0], b"\\"[0], b"[{"
_SPACE = b" \t\r\n"


class TooLarge(Exception):
    """There is more than may be kept, or looked at."""


def slim(read: Callable[[int], bytes], most: int, most_raw: int) -> bytes:
    """Read a notebook from a stream, and keep what matters of it.

    Parameters
    ----------
    read : callable
        Returns at most so many bytes, and none at the end.
    most, most_raw : int
        Bytes that may be kept, and read.

    Returns
    -------
    bytes
        As they stand there where there is less than a megabyte; else the same JSON with empty lists
        and objects in place of outputs and attachments. Anything else than JSON is left as it is.

    Raises
    ------
    TooLarge
    """
    first = read(CHUNK)
    if len(first) < CHUNK and not (more := read(CHUNK)):
        return _checked([first], most)
    whole = first if len(first) == CHUNK else first + more
    if 0 in whole[:4]:  # UTF-16 or UTF-32, or no text
        return _whole(whole, read, most)
    filtered, raw, size = _Filter(), 0, 0
    kept: list[bytes] = []
    while whole:
        raw += len(whole)
        kept.append(filtered.feed(whole))
        size += len(kept[-1])
        if raw > most_raw or size > most:
            raise TooLarge
        whole = read(CHUNK)
    return b"".join(kept)


def _whole(start: bytes, read: Callable[[int], bytes], most: int) -> bytes:
    pieces, size = [start], len(start)
    while size <= most and (piece := read(CHUNK)):
        pieces.append(piece)
        size += len(piece)
    return _checked(pieces, most)


def _checked(pieces: list[bytes], most: int) -> bytes:
    data = b"".join(pieces)
    if len(data) > most:
        raise TooLarge
    return data


class _Filter:
    """What of JSON text passes, a piece at a time; a piece may end anywhere."""

    def __init__(self) -> None:
        self._signs = 0
        self._in_text = self._escaped = False
        self._name = b""  # the beginning of the text that was read last
        self._dropping = 0  # how deep in what is left out
        self._key = ""  # "colon" and "value" are what comes next, behind the name of one

    def feed(self, data: bytes) -> bytes:
        kept: list[bytes] = []
        at, start = 0, 0
        while at < len(data):
            if self._key:
                at, begins = self._behind_key(data, at)
                if begins:
                    kept += [data[start : at - 1], b"[]" if data[at - 1 : at] == b"[" else b"{}"]
            elif self._in_text:
                at = self._text(data, at)
            else:
                at, ends = self._between(data, at)
                start = at if ends else start
        if self._signs > MOST_SIGNS:
            raise TooLarge
        if not self._dropping:
            kept.append(data[start:])
        return b"".join(kept)

    def _behind_key(self, data: bytes, at: int) -> tuple[int, bool]:
        sign = data[at]
        if sign in _SPACE:
            return at + 1, False
        if self._key == "colon" and sign == b":"[0]:
            self._key = "value"
            return at + 1, False
        begins = self._key == "value" and sign in _OPENING
        self._key, self._dropping = "", int(begins)
        return at + begins, begins

    def _text(self, data: bytes, at: int) -> int:
        if self._escaped:
            self._escaped = False
            return at + 1
        found = _INSIDE.search(data, at)
        end = found.start() if found else len(data)
        if len(self._name) < 16:
            self._name += data[at : min(end, at + 16)]
        if found is None:
            return end
        self._signs += 1
        if data[end] == _BACKSLASH:
            self._escaped, self._name = True, b"\\" * 16
        else:
            self._in_text = False
            self._key = "colon" if self._name in KEYS and not self._dropping else ""
        return end + 1

    def _between(self, data: bytes, at: int) -> tuple[int, bool]:
        found = _OUTSIDE.search(data, at)
        if found is None:
            return len(data), False
        self._signs += 1
        sign = data[found.start()]
        if sign == _QUOTE:
            self._in_text, self._name = True, b""
            return found.end(), False
        if not self._dropping:
            return found.end(), False
        self._dropping += 1 if sign in _OPENING else -1
        return found.end(), not self._dropping
