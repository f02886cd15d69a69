"""A segment's file: named arrays after a JSON header, aligned so that they can be mapped, and their CRC-32."""

from __future__ import annotations

import mmap
import os
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from catalog.segment import Arrays, Segment
from schemas.errors import SearchIndexError

_MAGIC = b"ASTSEG02"
_ALIGN = 64
_CHECKSUM = 4  # bytes


def write(path: Path, arrays: Arrays) -> None:
    """Write one file: magic, header length, JSON header, aligned arrays, their CRC-32; synced before it returns."""
    table, at = {}, 0
    for name, array in arrays.items():
        table[name] = [array.dtype.str, list(array.shape), at]
        at += -(-array.nbytes // _ALIGN) * _ALIGN
    header = orjson.dumps(table)
    start = -(-(16 + len(header)) // _ALIGN) * _ALIGN
    with path.open("wb") as file:
        file.write(_MAGIC + len(header).to_bytes(8, "little") + header)
        file.write(b"\0" * (start - 16 - len(header)))
        checksum = 0
        for array in arrays.values():
            body = np.ascontiguousarray(array).reshape(-1).view(np.uint8).data
            rest = b"\0" * (-array.nbytes % _ALIGN)
            checksum = zlib.crc32(rest, zlib.crc32(body, checksum))
            file.write(body)
            file.write(rest)
        file.write(checksum.to_bytes(_CHECKSUM, "little"))
        file.flush()
        os.fsync(file.fileno())


def sound(path: Path) -> bool:
    """Whether the file's arrays are as they were written; reads all of it, a gigabyte a second."""
    with path.open("rb") as file:
        head = file.read(16)
        file.seek(-(-(16 + int.from_bytes(head[8:], "little")) // _ALIGN) * _ALIGN)
        left = path.stat().st_size - file.tell() - _CHECKSUM
        checksum = 0
        while left > 0 and (body := file.read(min(left, 1 << 24))):
            checksum = zlib.crc32(body, checksum)
            left -= len(body)
        return left == 0 and file.read() == checksum.to_bytes(_CHECKSUM, "little")


def read(path: Path) -> Segment:
    """Map a segment's file."""
    with path.open("rb") as file:
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    if mapped[:8] != _MAGIC:
        raise SearchIndexError("bad-segment", f"{path.name} is not a segment of this version: run `asterism reindex`")
    length = int.from_bytes(mapped[8:16], "little")
    start = -(-(16 + length) // _ALIGN) * _ALIGN
    arrays: dict[str, Any] = {}
    for name, (kind, shape, at) in orjson.loads(mapped[16 : 16 + length]).items():
        count = int(np.prod(shape, dtype=np.int64))
        arrays[name] = np.frombuffer(mapped, dtype=kind, count=count, offset=start + at if count else 0).reshape(shape)
    return Segment(path.stem, arrays)
