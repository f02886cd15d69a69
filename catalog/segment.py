"""Columns of the embedded index: some documents, in sky order, as arrays in one memory-mapped file.

Row ``i`` of every column is the document with the ``i``-th lowest order-29 HEALPix cell; documents without a position
come last. A segment never changes: a newer version of a document goes to another segment and the old row is marked
dead beside it (``catalog/embedded.py``).

    id_hi, id_lo       the id's first 64 and last 16 bits; ``by_id`` are the rows in id order
    seq                feed number of this version; ``by_seq`` are the rows in seq order
    cell, xyz          order-29 cell (ALL: none) and unit vector (NaN: none)
    present, hidden    bits of the top-level fields; restricted and not discoverable
    term/F/...         words (UTF-8, sorted) with offsets; (docs, codes) by row; postings by word with starts
    num/F/...          (docs, values) by row
    int/F/...          (docs, low, high) by row
    shape/...          footprints: row, kind, cap [x, y, z, radius], and the numbers of ``mappings.sky.Shape``
    cell/O/...         cover cells of order O: low end, footprint, inner flag, by low end
"""

from __future__ import annotations

import base64
import itertools
import mmap
import os
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from mappings import healpix, sky
from schemas.errors import SearchIndexError

Arrays = dict[str, Any]
_MAGIC = b"ASTSEG01"
_ALIGN = 64
_DIGITS = "0123456789abcdefghijklmnopqrstuv"  # base32hex (RFC 4648, section 7), in lower case
_PAIRS = [one + other for one in _DIGITS for other in _DIGITS]
_SHIFTS = range(70, -1, -10)
_CHECKSUM = 4  # bytes
KINDS: tuple[sky.Kind, ...] = ("circle", "polygon", "moc")


def split_id(text: str) -> tuple[int, int]:
    """An id as its first 64 and last 16 bits; they order as ids do."""
    raw = base64.b32hexdecode(text.upper())
    return int.from_bytes(raw[:8], "big"), int.from_bytes(raw[8:], "big")


def join_id(high: int, low: int) -> str:
    """The id again; base64.b32hexencode takes six times as long, and every row of every answer needs one."""
    bits = int(high) << 16 | int(low)
    return "".join([_PAIRS[bits >> shift & 1023] for shift in _SHIFTS])


class Segment:
    """Read access; ``arrays`` may be in memory or mapped."""

    def __init__(self, name: str, arrays: Arrays) -> None:
        self.name = name
        self.arrays = arrays
        self.size = len(arrays["seq"])
        self.located = int(np.searchsorted(arrays["cell"], healpix.ALL))  # rows before it have a position
        self.any_hidden = bool(arrays["hidden"].any())
        self.any_shape = len(arrays["shape/docs"]) > 0

    def __getitem__(self, name: str) -> Any:
        return self.arrays[name]

    def has(self, name: str) -> bool:
        return name in self.arrays

    def fields(self, family: str) -> Iterator[str]:
        """Names of the fields that have columns in ``family`` (term, num, int)."""
        start = family + "/"
        seen = {key[len(start) :].rpartition("/")[0] for key in self.arrays if key.startswith(start)}
        return iter(sorted(seen))

    def docs(self, column: str) -> Any:
        """Row numbers of a column's values; a column with one value in every row does not store them."""
        found = self.arrays.get(column + "/docs")
        return np.arange(self.size, dtype=np.uint32) if found is None else found

    def dense(self, column: str) -> bool:
        return column + "/docs" not in self.arrays

    def some_words(self, field: str, codes: Any) -> list[str]:
        blob, offsets = self.arrays[f"term/{field}/words"], self.arrays[f"term/{field}/offsets"]
        if len(codes) * 4 > len(offsets):
            every = self.words(field)
            return [every[code].decode() for code in codes.tolist()]
        edges = zip(offsets[codes].tolist(), offsets[codes + 1].tolist(), strict=True)
        return [blob[low:high].tobytes().decode() for low, high in edges]

    def words(self, field: str) -> list[bytes]:
        blob = self.arrays[f"term/{field}/words"].tobytes()
        edges = self.arrays[f"term/{field}/offsets"].tolist()
        return [blob[low:high] for low, high in itertools.pairwise(edges)]

    def code(self, field: str, word: bytes) -> tuple[int, bool]:
        """Where ``word`` stands or would stand among the field's words, and whether it is there."""
        blob, offsets = self.arrays[f"term/{field}/words"], self.arrays[f"term/{field}/offsets"]
        low, high = 0, len(offsets) - 1
        while low < high:
            middle = (low + high) // 2
            if bytes(blob[offsets[middle] : offsets[middle + 1]]) < word:
                low = middle + 1
            else:
                high = middle
        found = low < len(offsets) - 1 and bytes(blob[offsets[low] : offsets[low + 1]]) == word
        return low, found

    def postings(self, field: str, first: int, last: int) -> Any:
        """Rows that have any of the words ``first`` to before ``last``; repeated when they have several."""
        starts = self.arrays[f"term/{field}/starts"]
        return self.arrays[f"term/{field}/postings"][starts[first] : starts[last]]

    def rows_of_ids(self, high: Any, low: Any) -> Any:
        """The row of each id, or -1."""
        order = self.arrays["by_id"]
        sorted_high = self.arrays["id_sorted"]
        at = np.searchsorted(sorted_high, high)
        rows = np.full(len(high), -1, dtype=np.int64)
        id_low = self.arrays["id_lo"]
        for n in np.flatnonzero(at < self.size).tolist():
            k = int(at[n])
            while k < self.size and sorted_high[k] == high[n]:
                if id_low[order[k]] == low[n]:
                    rows[n] = int(order[k])
                    break
                k += 1
        return rows

    def rows_of_seqs(self, seqs: Any) -> Any:
        """The row of each feed number, or -1."""
        sorted_seqs = self.arrays["seq_sorted"]
        at = np.minimum(np.searchsorted(sorted_seqs, seqs), self.size - 1)
        rows = self.arrays["by_seq"][at].astype(np.int64)
        rows[sorted_seqs[at] != seqs] = -1
        return rows

    def shape(self, n: int) -> sky.Shape:
        """The footprint number ``n`` as geometry."""
        kind = KINDS[int(self.arrays["shape/kind"][n])]
        low, high = self.arrays["shape/bounds"][n].tolist()
        if kind == "moc":
            return sky.Shape(kind, self.arrays["shape/ints"][low:high].reshape(-1, 2))
        numbers = self.arrays["shape/floats"][low:high]
        return sky.Shape(kind, numbers if kind == "circle" else numbers.reshape(-1, 3))


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
            body = np.ascontiguousarray(array).tobytes() + b"\0" * (-array.nbytes % _ALIGN)
            checksum = zlib.crc32(body, checksum)
            file.write(body)
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
    arrays = {}
    for name, (kind, shape, at) in orjson.loads(mapped[16 : 16 + length]).items():
        count = int(np.prod(shape, dtype=np.int64))
        arrays[name] = np.frombuffer(mapped, dtype=kind, count=count, offset=start + at if count else 0).reshape(shape)
    return Segment(path.stem, arrays)
