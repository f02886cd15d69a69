"""Making segments: from documents, and from other segments without their dead rows."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from typing import Any

import numpy as np

from catalog.segment import KINDS, Arrays, Segment
from mappings import healpix, sky
from mappings.document import Document
from schemas.record import Record


class Builder:
    """Collects documents and makes a segment of them."""

    def __init__(self) -> None:
        self.ids: list[str] = []
        self.seqs: list[int] = []
        self.present: list[int] = []
        self.hidden: list[bool] = []
        self.points: list[tuple[int, float, float]] = []
        self.terms: dict[str, tuple[dict[str, int], list[int], list[int]]] = {}
        self.numbers: dict[str, tuple[list[int], list[float]]] = {}
        self.intervals: dict[str, tuple[list[int], list[float], list[float]]] = {}
        self.shapes: list[tuple[int, sky.Shape, sky.Cover]] = []

    def __len__(self) -> int:
        return len(self.ids)

    def add(self, seq: int, record: Record, document: Document, hidden: bool) -> None:
        row = len(self.ids)
        self.ids.append(record["id"])
        self.seqs.append(seq)
        self.present.append(document.present)
        self.hidden.append(hidden)
        if (position := record.get("position")) is not None:
            self.points.append((row, position["ra"], position["dec"]))
        if (footprint := record.get("footprint")) is not None:
            shape = sky.shape_of(footprint)
            self.shapes.append((row, shape, sky.cover(shape)))
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
        size = len(self.ids)
        raw = base64.b32hexdecode("".join(self.ids).upper())
        halves = np.frombuffer(raw, dtype=np.dtype([("high", ">u8"), ("low", ">u2")]))
        cell = np.full(size, healpix.ALL, dtype=np.int64)
        xyz = np.full((size, 3), np.nan)
        if self.points:
            rows, ra, dec = (np.array(part) for part in zip(*self.points, strict=True))
            cell[rows], xyz[rows] = healpix.cells(ra, dec), healpix.unit(ra, dec)
        made: Arrays = {
            "id_hi": halves["high"].astype(np.uint64),
            "id_lo": halves["low"].astype(np.uint16),
            "seq": np.array(self.seqs, dtype=np.int64),
            "cell": cell,
            "xyz": xyz,
            "present": np.array(self.present, dtype=np.uint64),
            "hidden": np.array(self.hidden, dtype=bool),
        }
        for field, (words, docs, codes) in self.terms.items():
            sorted_words = sorted((word.encode(), code) for word, code in words.items())
            rank = np.empty(len(sorted_words), dtype=np.uint32)
            rank[[code for _, code in sorted_words]] = np.arange(len(sorted_words))
            _put_terms(made, field, [word for word, _ in sorted_words], docs, rank[codes])
        for field, (docs, values) in self.numbers.items():
            made[f"num/{field}/docs"] = np.array(docs, dtype=np.uint32)
            made[f"num/{field}/values"] = np.array(values)
        for field, (docs, lows, highs) in self.intervals.items():
            made[f"int/{field}/docs"] = np.array(docs, dtype=np.uint32)
            made[f"int/{field}/low"], made[f"int/{field}/high"] = np.array(lows), np.array(highs)
        _put_shapes(made, self.shapes)
        return _in_sky_order(made)


def _put_terms(made: Arrays, field: str, words: list[bytes], docs: Any, codes: Any) -> None:
    lengths = np.fromiter(map(len, words), dtype=np.int64, count=len(words))
    made[f"term/{field}/words"] = np.frombuffer(b"".join(words), dtype=np.uint8)
    made[f"term/{field}/offsets"] = np.append(0, np.cumsum(lengths)).astype(np.int64)
    made[f"term/{field}/docs"] = np.asarray(docs, dtype=np.uint32)
    made[f"term/{field}/codes"] = np.asarray(codes, dtype=np.uint32)


def _put_shapes(made: Arrays, shapes: list[tuple[int, sky.Shape, sky.Cover]]) -> None:
    floats: list[Any] = [np.empty(0)]
    ints: list[Any] = [np.empty(0, dtype=np.int64)]
    by_order: dict[int, list[tuple[Any, Any, Any]]] = {}
    ends = {"f": 0, "i": 0}
    bounds = []
    for n, (_, shape, cover) in enumerate(shapes):
        family, pile = ("i", ints) if shape.kind == "moc" else ("f", floats)
        numbers = shape.data.reshape(-1)
        pile.append(numbers)
        bounds.append((ends[family], ends[family] + len(numbers)))
        ends[family] += len(numbers)
        for order, pixels, inner in cover.cells:
            low = pixels << 2 * (healpix.ORDER - order)
            by_order.setdefault(order, []).append((low, np.full(len(low), n, dtype=np.uint32), inner))
    made["shape/docs"] = np.array([row for row, _, _ in shapes], dtype=np.uint32)
    made["shape/kind"] = np.array([KINDS.index(shape.kind) for _, shape, _ in shapes], dtype=np.uint8)
    made["shape/cap"] = np.array([cover.cap for _, _, cover in shapes], dtype=np.float64).reshape(-1, 4)
    made["shape/bounds"] = np.array(bounds, dtype=np.int64).reshape(-1, 2)
    made["shape/floats"] = np.concatenate(floats)
    made["shape/ints"] = np.concatenate(ints)
    for order, parts in by_order.items():
        low, owner, inner = (np.concatenate(part) for part in zip(*parts, strict=True))
        by_low = np.argsort(low, kind="stable")
        for name, array in (("low", low), ("owner", owner), ("inner", inner)):
            made[f"cell/{order}/{name}"] = array[by_low]


_ROWS = ("id_hi", "id_lo", "seq", "cell", "xyz", "present", "hidden")


def _in_sky_order(made: Arrays) -> Arrays:
    """Renumber rows by cell (then id, so that the same documents make the same file) and add what is derived."""
    order = np.lexsort((made["id_hi"], made["cell"]))
    new_row = np.empty(len(order), dtype=np.uint32)
    new_row[order] = np.arange(len(order), dtype=np.uint32)
    for name in _ROWS:
        made[name] = made[name][order]
    size = len(order)
    for name in [key for key in made if key.endswith("/docs") and key != "shape/docs"]:
        column = name.removesuffix("/docs")
        docs = new_row[made[name]]
        by_doc = np.argsort(docs, kind="stable")
        docs = docs[by_doc]
        for part in ("codes", "values", "low", "high"):
            if (key := f"{column}/{part}") in made:
                made[key] = made[key][by_doc]
        made[name] = docs
        if column.startswith("term/"):
            _add_postings(made, column)
        if len(docs) == size and bool((docs == np.arange(size)).all()):
            del made[name]
    made["shape/docs"] = new_row[made["shape/docs"]]
    made["by_id"] = np.lexsort((made["id_lo"], made["id_hi"])).astype(np.uint32)
    made["id_sorted"] = made["id_hi"][made["by_id"]]
    made["by_seq"] = np.argsort(made["seq"]).astype(np.uint32)
    made["seq_sorted"] = made["seq"][made["by_seq"]]
    return made


def _add_postings(made: Arrays, column: str) -> None:
    codes = made[f"{column}/codes"]
    words = len(made[f"{column}/offsets"]) - 1
    made[f"{column}/postings"] = made[f"{column}/docs"][np.argsort(codes, kind="stable")]
    made[f"{column}/starts"] = np.append(0, np.cumsum(np.bincount(codes, minlength=words))).astype(np.int64)


def merge(parts: Iterable[tuple[Segment, Any]]) -> Arrays:
    """One segment from several, without their dead rows. Each part is (segment, rows that live)."""
    parts = list(parts)
    made: Arrays = {name: np.concatenate([part[name][alive] for part, alive in parts]) for name in _ROWS}
    new_rows, first = [], 0
    for part, alive in parts:
        rows = np.full(part.size, -1, dtype=np.int64)
        rows[alive] = np.arange(first, first + int(alive.sum()))
        first += int(alive.sum())
        new_rows.append(rows)
    for family in ("term", "num", "int"):
        for field in sorted({field for part, _ in parts for field in part.fields(family)}):
            _merge_column(made, parts, new_rows, family, field)
    shapes = []
    for (part, _), rows in zip(parts, new_rows, strict=True):
        shapes += [(int(rows[doc]), part.shape(n)) for n, doc in enumerate(part["shape/docs"]) if rows[doc] >= 0]
    _put_shapes(made, [(row, shape, sky.cover(shape)) for row, shape in shapes])
    return _in_sky_order(made)


def _merge_column(made: Arrays, parts: list[tuple[Segment, Any]], new_rows: list[Any], family: str, field: str) -> None:
    column = f"{family}/{field}"
    probe = f"{column}/{'codes' if family == 'term' else 'values' if family == 'num' else 'low'}"
    having = [(part, rows) for (part, _), rows in zip(parts, new_rows, strict=True) if part.has(probe)]
    docs: list[Any] = []
    piles: dict[str, list[Any]] = {name: [] for name in ("codes", "values", "low", "high")}
    used: dict[bytes, int] = {}
    for part, rows in having:
        at = rows[part.docs(column)]
        keep = at >= 0
        docs.append(at[keep])
        for name, pile in piles.items():
            if part.has(f"{column}/{name}"):
                values = part[f"{column}/{name}"][keep]
                if name == "codes":
                    live = np.unique(values)
                    words = part.words(field)
                    place = np.zeros(len(words), dtype=np.uint32)
                    place[live] = [used.setdefault(words[code], len(used)) for code in live.tolist()]
                    values = place[values]
                pile.append(values)
    all_docs = np.concatenate(docs).astype(np.uint32)
    if len(all_docs) == 0:
        return
    if family == "term":
        ranked = sorted(used.items())
        rank = np.empty(len(ranked), dtype=np.uint32)
        rank[[code for _, code in ranked]] = np.arange(len(ranked))
        _put_terms(made, field, [word for word, _ in ranked], all_docs, rank[np.concatenate(piles["codes"])])
        return
    made[f"{column}/docs"] = all_docs
    for name in ("values", "low", "high"):
        if piles[name]:
            made[f"{column}/{name}"] = np.concatenate(piles[name])
