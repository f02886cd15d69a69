"""Columns of the embedded index: some documents, in sky order, as arrays in one memory-mapped file.

Row ``i`` of every column is the document with the ``i``-th lowest order-29 HEALPix cell; documents without a position
come last. A segment never changes: a newer version of a document goes to another segment and the old row is marked
dead beside it (``catalog/embedded.py``). Numbers take the fewest bytes that hold them (``catalog/packing.py``).

    id_hi, id_lo       the id's first 64 and last 16 bits; ``by_id`` are the rows in id order
    seq                feed number of this version less ``seq_base``; ``seq_rows`` the row of each, where few are
                       missing between the first and the last, else ``by_seq``, the rows in order, and ``seq_sorted``
    cell               order-29 cell (ALL: none); the position itself is in num/position.ra and .dec
    present            bits of the top-level fields
    flags              view, and restricted and not discoverable; not there while all are 0
    term/F/...         words (UTF-8, sorted) with offsets; (docs, codes) by row; postings by word with starts, where
                       the field has more than 256 words
    num/F/...          (docs, values) by row
    int/F/...          (docs, low, high) by row
    shape/..., part/.. footprints (catalog/footprints.py)
    cell/O/...         their cover cells of order O: pixels ascending, and number of the footprint << 1 | inner

Columns without ``docs`` have one value in each row from the first on.
"""

from __future__ import annotations

import base64
import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from mappings import healpix

Arrays = dict[str, Any]
_DIGITS = "0123456789abcdefghijklmnopqrstuv"  # base32hex (RFC 4648, section 7), in lower case
_PAIRS = [one + other for one in _DIGITS for other in _DIGITS]
_SHIFTS = range(70, -1, -10)
HIDDEN = 1  # of flags; the rest, shifted by one, is the number of the view
VIEWS = ("single", "part", "merged")
NO_ROW = np.uint32(0xFFFFFFFF)
_DECODED = 1 << 22  # bytes of words of one segment that are kept as str


def split_id(text: str) -> tuple[int, int]:
    """An id as its first 64 and last 16 bits; they order as ids do."""
    raw = base64.b32hexdecode(text.upper())
    return int.from_bytes(raw[:8], "big"), int.from_bytes(raw[8:], "big")


def split_ids(ids: Sequence[str]) -> tuple[Any, Any]:
    """The same of many: two arrays, of uint64 and uint16."""
    raw = base64.b32hexdecode("".join(ids).upper())
    halves = np.frombuffer(raw, dtype=np.dtype([("high", ">u8"), ("low", ">u2")]))
    return halves["high"].astype(np.uint64), halves["low"].astype(np.uint16)


def join_id(high: int, low: int) -> str:
    """The id again; base64.b32hexencode takes six times as long, and every row of every answer needs one."""
    bits = int(high) << 16 | int(low)
    return "".join([_PAIRS[bits >> shift & 1023] for shift in _SHIFTS])


class Values:
    """Numbers by row: as they are, or as codes of the few different ones in ``table``, ascending."""

    __slots__ = ("stored", "table")

    def __init__(self, stored: Any, table: Any) -> None:
        self.stored = stored
        self.table = table

    def __len__(self) -> int:
        return len(self.stored)

    def take(self, at: Any) -> Any:
        """The values at row numbers, a mask or a slice."""
        found = self.stored[at]
        return found if self.table is None else self.table[found]

    def where(self, test: Callable[[Any], Any]) -> Any:
        """Mask of the values that pass; few different ones are tested once each."""
        if self.table is None:
            return test(self.stored)
        return test(self.table)[self.stored]

    def counts(self, at: Any) -> tuple[Any, Any]:
        """Different values at the given places, ascending, and how often each is there."""
        if self.table is None:
            return np.unique(self.stored[at], return_counts=True)
        counts = np.bincount(self.stored[at], minlength=len(self.table))
        used = np.flatnonzero(counts)
        return self.table[used], counts[used]


class Segment:
    """Read access; ``arrays`` may be in memory or mapped."""

    def __init__(self, name: str, arrays: Arrays) -> None:
        self.name = name
        self.arrays = arrays
        self.size = len(arrays["cell"])
        self.located = int(np.searchsorted(arrays["cell"], healpix.ALL))  # rows before it have a position
        flags = arrays.get("flags")
        self.any_hidden = flags is not None and bool((flags & HIDDEN).any())
        self.any_view = flags is not None and bool((flags >> 1).any())
        self.any_shape = len(arrays["shape/docs"]) > 0
        self.seq_base = int(arrays["seq_base"][0])
        self._words: dict[str, list[str]] = {}
        self._decoded = 0

    def __getitem__(self, name: str) -> Any:
        return self.arrays[name]

    def has(self, name: str) -> bool:
        return name in self.arrays

    def values(self, name: str) -> Values:
        return Values(self.arrays[name], self.arrays.get(name + "/table"))

    def fields(self, family: str) -> Iterator[str]:
        """Names of the fields that have columns in ``family`` (term, num, int)."""
        probe = {"term": "codes", "num": "values", "int": "low"}[family]
        start, end = family + "/", "/" + probe
        return iter(
            sorted(key[len(start) : -len(end)] for key in self.arrays if key.startswith(start) and key.endswith(end))
        )

    def docs(self, column: str) -> Any:
        """Row numbers of a column's values."""
        found = self.arrays.get(column + "/docs")
        return np.arange(self.length(column), dtype=np.uint32) if found is None else found

    def length(self, column: str) -> int:
        """How many values a column has."""
        probe = {"term": "codes", "num": "values", "int": "low"}[column.partition("/")[0]]
        return len(self.arrays[f"{column}/{probe}"])

    def dense(self, column: str) -> bool:
        """One value in each row from the first on."""
        return column + "/docs" not in self.arrays

    def unit(self, rows: Any) -> Any:
        """Unit vectors, shape (n, 3), of the positions of rows; NaN where there is none. Stored, they took 24 bytes."""
        made = np.full((len(rows), 3), np.nan)
        if self.located:
            ra, dec = (self.values(f"num/position.{axis}/values") for axis in ("ra", "dec"))
            placed = rows < self.located
            here = rows if placed.all() else rows[placed]
            made[placed] = healpix.unit(ra.take(here), dec.take(here))
        return made

    def some_words(self, field: str, codes: Any) -> list[str]:
        """The words of some codes; where many are asked for, all are decoded and, while there is room, kept."""
        if (kept := self._words.get(field)) is not None:
            return [kept[code] for code in codes.tolist()]
        blob, offsets = self.arrays[f"term/{field}/words"], self.arrays[f"term/{field}/offsets"]
        if len(codes) * 8 <= len(offsets):
            edges = zip(offsets[codes].tolist(), offsets[codes + 1].tolist(), strict=True)
            return [blob[low:high].tobytes().decode() for low, high in edges]
        every = [word.decode() for word in self.words(field)]
        size = len(blob) + 60 * len(every)  # of a str, about
        if self._decoded + size <= _DECODED:
            self._words[field] = every
            self._decoded += size
        return [every[code] for code in codes.tolist()]

    def words(self, field: str) -> list[bytes]:
        blob = self.arrays[f"term/{field}/words"].tobytes()
        edges = self.arrays[f"term/{field}/offsets"].tolist()
        return [blob[low:high] for low, high in itertools.pairwise(edges)]

    def word(self, field: str, code: int) -> bytes:
        offsets = self.arrays[f"term/{field}/offsets"]
        return bytes(self.arrays[f"term/{field}/words"][offsets[code] : offsets[code + 1]])

    def code(self, field: str, word: bytes) -> tuple[int, bool]:
        """Where ``word`` stands or would stand among the field's words, and whether it is there."""
        count = len(self.arrays[f"term/{field}/offsets"]) - 1
        low, high = 0, count
        while low < high:
            middle = (low + high) // 2
            if self.word(field, middle) < word:
                low = middle + 1
            else:
                high = middle
        return low, low < count and self.word(field, low) == word

    def rows_of_ids(self, high: Any, low: Any) -> Any:
        """The row of each id, or -1."""
        order, id_high, id_low = self.arrays["by_id"], self.arrays["id_hi"], self.arrays["id_lo"]
        at = _search(lambda k: id_high[order[k]], self.size, high)
        rows = np.full(len(high), -1, dtype=np.int64)
        for n in np.flatnonzero(at < self.size).tolist():
            k = int(at[n])
            while k < self.size and id_high[order[k]] == high[n]:
                if id_low[order[k]] == low[n]:
                    rows[n] = int(order[k])
                    break
                k += 1
        return rows

    def ids(self, rows: Any = slice(None)) -> Iterator[str]:
        """Ids of rows."""
        return map(join_id, self.arrays["id_hi"][rows].tolist(), self.arrays["id_lo"][rows].tolist())

    def seqs(self, rows: Any) -> Any:
        """Feed numbers of rows."""
        return self.arrays["seq"][rows].astype(np.int64) + self.seq_base

    @property
    def last_seq(self) -> int:
        """The highest feed number of any row."""
        table = self.arrays.get("seq_rows")
        return self.seq_base + (len(table) - 1 if table is not None else int(self.arrays["seq_sorted"][-1]))

    def rows_of_seqs(self, seqs: Any) -> Any:
        """The row of each feed number, or -1."""
        asked = np.asarray(seqs, dtype=np.int64) - self.seq_base
        table = self.arrays.get("seq_rows")
        if table is not None:
            inside = (asked >= 0) & (asked < len(table))
            found = np.full(len(asked), NO_ROW, dtype=np.uint32)
            found[inside] = table[asked[inside]]
            return np.where(found == NO_ROW, -1, found.astype(np.int64))
        sorted_seqs = self.arrays["seq_sorted"]
        at = np.minimum(np.searchsorted(sorted_seqs, asked), self.size - 1)
        rows = self.arrays["by_seq"][at].astype(np.int64)
        rows[sorted_seqs[at] != asked] = -1
        return rows

    def rows_after(self, seq: int) -> Any:
        """Rows, ascending, of the versions with a feed number above ``seq``."""
        table = self.arrays.get("seq_rows")
        if table is not None:
            rows = table[max(0, seq + 1 - self.seq_base) :]
            return np.sort(rows[rows != NO_ROW].astype(np.int64))
        first = np.searchsorted(self.arrays["seq_sorted"], seq - self.seq_base, side="right")
        return np.sort(self.arrays["by_seq"][first:].astype(np.int64))


def _search(key: Callable[[Any], Any], size: int, wanted: Any) -> Any:
    """As ``np.searchsorted`` on the ``size`` values of ``key``, without making them all."""
    low, high = np.zeros(len(wanted), dtype=np.int64), np.full(len(wanted), size, dtype=np.int64)
    while (open_ := low < high).any():
        middle = (low + high) // 2
        less = open_ & (key(np.minimum(middle, size - 1)) < wanted)
        low = np.where(less, middle + 1, low)
        high = np.where(open_ & ~less, middle, high)
    return low
