"""Making segments: from documents, and from other segments without their dead rows."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from catalog.engine import View
from catalog.footprints import Footprints
from catalog.packing import Arrays, put_values, smallest
from catalog.segment import HIDDEN, NO_ROW, VIEWS, Segment, split_ids
from mappings import healpix, sky
from mappings.document import Document
from schemas.record import Record

_NUMBERS = ("values", "low", "high")
_FEW_WORDS = 256  # so many are found by looking through one byte a row, without a list for each


class Builder:
    """Collects documents and makes a segment of them."""

    def __init__(self) -> None:
        self.ids: list[str] = []
        self.seqs: list[int] = []
        self.present: list[int] = []
        self.flags: list[int] = []
        self.points: list[tuple[int, float, float]] = []
        self.terms: dict[str, tuple[dict[str, int], list[int], list[int]]] = {}
        self.numbers: dict[str, tuple[list[int], list[float]]] = {}
        self.intervals: dict[str, tuple[list[int], list[float], list[float]]] = {}
        self.footprints = Footprints()

    def __len__(self) -> int:
        return len(self.ids)

    def add(self, seq: int, record: Record, document: Document, hidden: bool, view: View = "single") -> None:
        row = len(self.ids)
        self.ids.append(record["id"])
        self.seqs.append(seq)
        self.present.append(document.present)
        self.flags.append(HIDDEN * hidden | VIEWS.index(view) << 1)
        if (position := record.get("position")) is not None:
            self.points.append((row, position["ra"], position["dec"]))
        if (footprint := record.get("footprint")) is not None:
            self.footprints.add(row, sky.shape_of(footprint))
        terms = self.terms
        for field, words in document.terms.items():
            if (column := terms.get(field)) is None:
                column = terms[field] = ({}, [], [])
            known, docs, codes = column
            for word in words if len(words) == 1 else dict.fromkeys(words):  # a record counts once for a value
                docs.append(row)
                codes.append(known.setdefault(word, len(known)))
        for field, numbers in document.numbers.items():
            if (pair := self.numbers.get(field)) is None:
                pair = self.numbers[field] = ([], [])
            for number in numbers if len(numbers) == 1 else dict.fromkeys(numbers):
                pair[0].append(row)
                pair[1].append(number)
        for field, bounds in document.intervals.items():
            docs, lows, highs = self.intervals.setdefault(field, ([], [], []))
            for low, high in bounds:
                docs.append(row)
                lows.append(low)
                highs.append(high)

    def build(self) -> Arrays:
        """The columns, in sky order."""
        high, low = split_ids(self.ids)
        cell = np.full(len(self.ids), healpix.ALL, dtype=np.int64)
        if self.points:
            rows, ra, dec = (np.array(part) for part in zip(*self.points, strict=True))
            cell[rows] = healpix.cells(ra, dec)
        made: Arrays = {
            "id_hi": high,
            "id_lo": low,
            "seq": np.array(self.seqs, dtype=np.int64),
            "cell": cell,
            "present": np.array(self.present, dtype=np.uint64),
            "flags": np.array(self.flags, dtype=np.uint8),
        }
        for field, (words, docs, codes) in self.terms.items():
            if not docs:  # a list of values that is empty
                continue
            known = {word.encode(): code for word, code in words.items()}
            _put_terms(made, field, known, np.array(docs), np.array(codes))
        for field, (docs, values) in self.numbers.items():
            if not docs:
                continue
            made[f"num/{field}/docs"], made[f"num/{field}/values"] = np.array(docs), np.array(values, dtype=np.float64)
        for field, (docs, lows, highs) in self.intervals.items():
            if not docs:
                continue
            made[f"int/{field}/docs"] = np.array(docs)
            made[f"int/{field}/low"] = np.array(lows, dtype=np.float64)
            made[f"int/{field}/high"] = np.array(highs, dtype=np.float64)
        return _in_sky_order(made, self.footprints)


def _put_terms(made: Arrays, field: str, known: dict[bytes, int], docs: Any, codes: Any) -> None:
    """Words as a column; ``codes`` are those of ``known`` and become ranks."""
    ranked = sorted(known.items())
    rank = np.empty(len(ranked), dtype=np.uint32)
    rank[[code for _, code in ranked]] = np.arange(len(ranked))
    words = [word for word, _ in ranked]
    lengths = np.fromiter(map(len, words), dtype=np.int64, count=len(words))
    made[f"term/{field}/words"] = np.frombuffer(b"".join(words), dtype=np.uint8)
    made[f"term/{field}/offsets"] = _offsets(np.append(0, np.cumsum(lengths)))
    made[f"term/{field}/docs"] = docs
    made[f"term/{field}/codes"] = rank[codes]


def _offsets(numbers: Any) -> Any:
    return numbers.astype(np.uint32 if numbers[-1] < 2**32 else np.int64)


_ROWS = ("id_hi", "id_lo", "seq", "cell", "present", "flags")


def _in_sky_order(made: Arrays, footprints: Footprints) -> Arrays:
    """Renumber rows by cell (then id, so that the same documents make the same file), pack, add what is derived."""
    order = np.lexsort((made["id_hi"], made["cell"]))
    size = len(order)
    new_row = np.empty(size, dtype=np.uint32)
    new_row[order] = np.arange(size, dtype=np.uint32)
    for name in _ROWS:
        made[name] = made[name][order]
    for name in [key for key in made if key.endswith("/docs")]:
        _order_column(made, name.removesuffix("/docs"), new_row)
    put_values(made, "present", made.pop("present"))
    if not made["flags"].any():
        del made["flags"]
    made["by_id"] = np.lexsort((made["id_lo"], made["id_hi"])).astype(np.uint32)
    _put_seqs(made)
    return made | footprints.columns(new_row)


def _order_column(made: Arrays, column: str, new_row: Any) -> None:
    docs = new_row[made.pop(f"{column}/docs")]
    by_doc = np.argsort(docs, kind="stable")
    docs = docs[by_doc]
    if len(docs) and not (int(docs[-1]) == len(docs) - 1 and bool((docs == np.arange(len(docs))).all())):
        made[f"{column}/docs"] = docs
    if column.startswith("term/"):
        codes = made[f"{column}/codes"] = smallest(made[f"{column}/codes"][by_doc])
        words = len(made[f"{column}/offsets"]) - 1
        if words > _FEW_WORDS:
            made[f"{column}/postings"] = docs[np.argsort(codes, kind="stable")]
            if words < len(codes):  # else each word is in one row
                made[f"{column}/starts"] = _offsets(np.append(0, np.cumsum(np.bincount(codes, minlength=words))))
        return
    for part in _NUMBERS:
        if (key := f"{column}/{part}") in made:
            put_values(made, key, made.pop(key)[by_doc])


def _put_seqs(made: Arrays) -> None:
    base = int(made["seq"].min()) if len(made["seq"]) else 0
    seqs = made["seq"] - base
    made["seq_base"] = np.array([base], dtype=np.int64)
    made["seq"] = _offsets(seqs) if len(seqs) and seqs.max() < 2**32 else seqs
    span = int(seqs.max()) + 1 if len(seqs) else 0
    if span <= 2 * len(seqs):  # one number in the table each, where a list of rows and of numbers takes two
        made["seq_rows"] = np.full(span, NO_ROW, dtype=np.uint32)
        made["seq_rows"][seqs] = np.arange(len(seqs), dtype=np.uint32)
        return
    made["by_seq"] = np.argsort(seqs).astype(np.uint32)
    made["seq_sorted"] = made["seq"][made["by_seq"]]


def merge(parts: Iterable[tuple[Segment, Any]]) -> Arrays:
    """One segment from several, without their dead rows. Each part is (segment, rows that live)."""
    parts = list(parts)
    made: Arrays = {name: np.concatenate([part[name][alive] for part, alive in parts]) for name in _ROWS[:2]}
    made["cell"] = np.concatenate([part["cell"][alive] for part, alive in parts])
    made["seq"] = np.concatenate([part.seqs(np.flatnonzero(alive)) for part, alive in parts])
    made["present"] = np.concatenate([part.values("present").take(alive) for part, alive in parts])
    made["flags"] = np.concatenate([_flags(part)[alive] for part, alive in parts])
    new_rows, first = [], 0
    for part, alive in parts:
        rows = np.full(part.size, -1, dtype=np.int64)
        rows[alive] = np.arange(first, first + int(alive.sum()))
        first += int(alive.sum())
        new_rows.append(rows)
    both = [(part, rows) for (part, _), rows in zip(parts, new_rows, strict=True)]
    for family in ("term", "num", "int"):
        for field in sorted({field for part, _ in both for field in part.fields(family)}):
            having = [(part, rows) for part, rows in both if field in set(part.fields(family))]
            (_merge_terms if family == "term" else _merge_numbers)(made, having, f"{family}/{field}")
    footprints = Footprints()
    for part, rows in both:
        footprints.add_all(part, rows)
    return _in_sky_order(made, footprints)


def _flags(part: Segment) -> Any:
    return part["flags"] if part.has("flags") else np.zeros(part.size, dtype=np.uint8)


def _merge_terms(made: Arrays, having: list[tuple[Segment, Any]], column: str) -> None:
    field = column.partition("/")[2]
    used: dict[bytes, int] = {}
    docs, codes = [], []
    for part, rows in having:
        at = rows[part.docs(column)]
        keep = at >= 0
        docs.append(at[keep])
        values = part[f"{column}/codes"][keep]
        live = np.unique(values)
        words = part.words(field)
        place = np.zeros(len(words), dtype=np.uint32)
        place[live] = [used.setdefault(words[code], len(used)) for code in live.tolist()]
        codes.append(place[values])
    if used:
        _put_terms(made, field, used, np.concatenate(docs), np.concatenate(codes))


def _merge_numbers(made: Arrays, having: list[tuple[Segment, Any]], column: str) -> None:
    kept = [rows[part.docs(column)] >= 0 for part, rows in having]
    docs = np.concatenate([rows[part.docs(column)][keep] for (part, rows), keep in zip(having, kept, strict=True)])
    if len(docs) == 0:
        return
    made[f"{column}/docs"] = docs
    for name in _NUMBERS:
        if having[0][0].has(f"{column}/{name}"):
            values = [part.values(f"{column}/{name}").take(keep) for (part, _), keep in zip(having, kept, strict=True)]
            made[f"{column}/{name}"] = np.concatenate([some.astype(np.float64) for some in values])
