"""A file of a header and named arrays, as one process wrote it, or not there at all.

A magic number, the CRC-32 of what follows, the header's length, the header (JSON), the arrays one after another. It
is written beside and renamed. What is damaged, cut off or of another program is as if it were not there.
"""

from __future__ import annotations

import contextlib
import logging
import time
import uuid
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import orjson

_log = logging.getLogger(__name__)
_MAGIC = b"ASTCOL01"
_HEAD = len(_MAGIC) + 4 + 8
_ALIGN = 8
_LEFT_BEHIND = 3600.0  # seconds after which what somebody was writing is rubbish


def write(path: Path, header: Mapping[str, Any], arrays: Mapping[str, Any]) -> None:
    """Put the file in place of what is there, wholly or not at all; where that is not possible, a warning is logged.

    It is not synced: after a power cut it may be damaged, and is then made anew.
    """
    table = {name: [array.dtype.str, list(array.shape)] for name, array in arrays.items()}
    head = orjson.dumps({"header": header, "arrays": table})
    head += b" " * (-(_HEAD + len(head)) % _ALIGN)
    parts: list[Any] = [len(head).to_bytes(8, "little"), head]
    for array in arrays.values():
        if array.size:
            parts += [np.ascontiguousarray(array).reshape(-1).view(np.uint8).data, b"\0" * (-array.nbytes % _ALIGN)]
    checksum = 0
    for part in parts:
        checksum = zlib.crc32(part, checksum)
    fresh = path.with_name(f"{path.name}.{uuid.uuid4().hex}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with fresh.open("wb") as file:
            file.writelines([_MAGIC, checksum.to_bytes(4, "little"), *parts])
        fresh.replace(path)
    except OSError as error:
        _log.warning("%s cannot be written, so the next planning makes it anew: %s", path, error)
    finally:
        with contextlib.suppress(OSError):
            fresh.unlink(missing_ok=True)


def read(path: Path) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """The header and the arrays, which may not be written to; None where there is no sound file."""
    _sweep(path)
    try:
        body = path.read_bytes()
    except OSError:
        return None
    if body[: len(_MAGIC)] != _MAGIC or len(body) < _HEAD:
        return None
    if zlib.crc32(memoryview(body)[len(_MAGIC) + 4 :]) != int.from_bytes(body[len(_MAGIC) : len(_MAGIC) + 4], "little"):
        return None
    at = _HEAD + int.from_bytes(body[len(_MAGIC) + 4 : _HEAD], "little")
    said = orjson.loads(body[_HEAD:at])
    arrays = {}
    for name, (kind, shape) in said["arrays"].items():
        count = int(np.prod(shape, dtype=np.int64))
        arrays[name] = np.frombuffer(body, dtype=kind, count=count, offset=at if count else 0).reshape(shape)
        at += -(-arrays[name].nbytes // _ALIGN) * _ALIGN
    return said["header"], arrays


def _sweep(path: Path) -> None:
    """Remove what killed writers left behind."""
    for one in path.parent.glob(f"{path.name}.*.new"):
        with contextlib.suppress(OSError):
            if time.time() - one.stat().st_mtime > _LEFT_BEHIND:
                one.unlink()
