"""A Record in one file, and back, without ever running what is in the file."""

from __future__ import annotations

import errno
import io
import json
import lzma
import math
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from gradcourse.instrument.record import Record
from gradcourse.support import GradcourseError, write_atomically

_FORMAT = "gradcourse record"
_VERSION = 1
_KINDS = ("float64", "int64")


def save_record(record: Record, path: Path | str) -> None:
    """Write a record to one file, whole or not at all.

    Parameters
    ----------
    record : Record
    path : Path or str
        Written as named; ".npz" is the usual ending. An existing file is replaced.

    Raises
    ------
    OSError
        If the folder cannot be written.

    Notes
    -----
    The file is a NumPy ``.npz`` archive of plain numbers with a description in JSON. Arrays of
    one dtype lie in one piece, so that a long run does not become a hundred thousand members.
    """
    described, arrays = record.to_state()
    pieces: dict[str, list[np.ndarray]] = {kind: [] for kind in _KINDS}
    index = []
    for name, array in arrays.items():
        kind = "int64" if np.issubdtype(array.dtype, np.integer) else "float64"
        pieces[kind].append(np.asarray(array, dtype=kind).reshape(-1))
        index.append([name, kind, list(array.shape)])
    header = {"format": _FORMAT, "version": _VERSION, "record": described, "arrays": index}
    stream = io.BytesIO()
    np.savez_compressed(
        stream,
        header=np.frombuffer(json.dumps(header).encode(), dtype=np.uint8),
        float64=np.concatenate([np.zeros(0), *pieces["float64"]]),
        int64=np.concatenate([np.zeros(0, dtype=np.int64), *pieces["int64"]]),
    )
    write_atomically(path, stream.getvalue())


def load_record(path: Path | str) -> Record:
    """Read what `save_record` wrote.

    Parameters
    ----------
    path : Path or str

    Returns
    -------
    Record
        Equal to the one that was saved; no probe adds to it.

    Raises
    ------
    GradcourseError
        If there is no such file, it is no record, it is damaged, or a newer version wrote it.
    """
    path = Path(path)
    try:
        # A pickle inside would be refused: data must never become code.
        with _seekable(), np.load(path, allow_pickle=False) as archive:
            header = json.loads(bytes(archive["header"]))
            packed = {kind: archive[kind] for kind in _KINDS}
        if header["format"] != _FORMAT:
            raise ValueError("another format")
        version = header["version"]
        record = None if version != _VERSION else _unpack(header, packed)
    except FileNotFoundError:
        raise GradcourseError(
            f"There is no file {path}; give the path of a saved record."
        ) from None
    except IsADirectoryError:
        raise GradcourseError(f"{path} is a folder; give the path of a saved record.") from None
    except (
        *(ValueError, KeyError, TypeError, IndexError, AttributeError, EOFError, RuntimeError),
        *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, OverflowError, MemoryError),
        *(struct.error, tokenize.TokenError, SyntaxError, _NotAnArchive),
    ):
        raise GradcourseError(
            f"{path} is not a record, or it is damaged; expected a file that record.save wrote."
        ) from None
    if record is None:
        raise GradcourseError(
            f"{path} is a record of version {version}; this gradcourse reads version {_VERSION}. "
            "Install the gradcourse that wrote it, or a newer one."
        )
    return record


class _NotAnArchive(Exception):
    """The file's own table of contents is wrong: a place outside of it, another compression."""


@contextmanager
def _seekable() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        # Without a number it is the decompression's own.
        if error.errno in (errno.EINVAL, None):
            raise _NotAnArchive from None
        raise


def _unpack(header: dict[str, Any], packed: dict[str, np.ndarray]) -> Record:
    arrays: dict[str, np.ndarray] = {}
    used = dict.fromkeys(_KINDS, 0)
    for name, kind, shape in header["arrays"]:
        start, used[kind] = used[kind], used[kind] + math.prod(shape)
        # reshape fails where the file is shorter than it says.
        arrays[name] = packed[kind][start : used[kind]].reshape(shape).astype(kind, copy=True)
    if any(used[kind] != packed[kind].size for kind in _KINDS):
        raise ValueError("numbers left over")
    return Record.from_state(header["record"], arrays)
