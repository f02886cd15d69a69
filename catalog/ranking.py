"""Facets, order and cursors over the rows of one segment, and how segments' shares are put together."""

from __future__ import annotations

import base64
import binascii
import math
from typing import Any, NamedTuple

import numpy as np
import orjson

from catalog.engine import Bucket, FacetCounts
from catalog.segment import Segment, join_id
from mappings import healpix
from mappings.sky import ConeTest
from schemas.errors import QueryError
from schemas.fields import field_name, search_fields
from schemas.query import Facet, Query, Sort

Value = str | int | float


class Tally:
    """Counts of one facet, summed over segments; a record counts once for each of its values."""

    def __init__(self, facet: Facet) -> None:
        self.facet = facet
        self.field = field_name(facet.field)
        self.counts: dict[Value, int] = {}
        self.missing = 0

    def add(self, segment: Segment, rows: Any) -> None:
        """Count the values of these rows, ascending."""
        if len(rows) == 0:
            return
        field = self.field
        seen: list[Any] = []  # ascending rows that have a value, for each kind of column
        if segment.has(f"term/{field}/codes"):
            docs, codes = _chosen(segment, f"term/{field}", "codes", rows)
            seen.append(docs)
            counts = np.bincount(codes)
            used = np.flatnonzero(counts)
            for word, count in zip(segment.some_words(field, used), counts[used].tolist(), strict=True):
                self._count(word, count)
        if segment.has(f"num/{field}/values"):
            docs, values = _chosen(segment, f"num/{field}", "values", rows)
            seen.append(docs)
            known = search_fields().get(field)
            if known is not None and known.kind == "date":
                values = _years(values)
            for value, count in zip(*(part.tolist() for part in np.unique(values, return_counts=True)), strict=True):
                self._count(int(value) if value == int(value) else value, count)
        if field == "id":
            for row in rows.tolist():
                self._count(join_id(segment["id_hi"][row], segment["id_lo"][row]), 1)
            return
        self.missing += len(rows) - _distinct(seen)

    def _count(self, value: Value, count: int) -> None:
        self.counts[value] = self.counts.get(value, 0) + count

    def result(self) -> FacetCounts:
        """The most frequent first, equal ones by value, numbers before words."""
        ranked = sorted(self.counts.items(), key=lambda item: (-item[1], isinstance(item[0], str), item[0]))
        return FacetCounts([Bucket(value, count) for value, count in ranked[: self.facet.size]], self.missing)


def _distinct(lists: list[Any]) -> int:
    """How many different rows stand in ascending lists."""
    if len(lists) > 1:
        return len(np.unique(np.concatenate(lists)))
    if not lists or len(lists[0]) == 0:
        return 0
    return 1 + int(np.count_nonzero(lists[0][1:] != lists[0][:-1]))


def _chosen(segment: Segment, column: str, part: str, rows: Any) -> tuple[Any, Any]:
    """(rows, values) of a column at the given ascending rows."""
    values = segment[f"{column}/{part}"]
    if segment.dense(column):
        return rows, values[rows]
    docs = segment.docs(column)
    if len(rows) * 8 < len(docs):
        first = np.searchsorted(docs, rows)
        count = np.searchsorted(docs, rows, side="right") - first
        at = healpix.expand(first, count)
    else:
        mask = np.zeros(segment.size, dtype=bool)
        mask[rows] = True
        at = np.flatnonzero(mask[docs])
    return docs[at], values[at]


def _years(mjd: Any) -> Any:
    """Calendar years, UTC, of MJDs."""
    days = np.datetime64("1858-11-17", "D") + np.floor(mjd).astype("timedelta64[D]")
    return days.astype("datetime64[Y]").astype(int) + 1970


class Entry(NamedTuple):
    """One hit on its way to the page: ascending ``key``, which ends with the id's first part; then the other."""

    key: tuple[float | int, ...]
    id_hi: int
    id_lo: int

    @property
    def id(self) -> str:
        return join_id(self.id_hi, self.id_lo)


def order_of(query: Query) -> tuple[Sort, ...]:
    """What the query asks for, or score for words, or id alone."""
    if query.sort:
        return query.sort
    return (Sort("score", descending=True),) if query.text else ()


def page(
    segment: Segment, rows: Any, query: Query, test: ConeTest | None, scores: Any, after: tuple[Any, ...] | None
) -> tuple[list[Entry], int]:
    """The segment's first ``limit`` entries after the cursor, and how many it has after the cursor."""
    if query.limit == 0 and after is None:
        return [], len(rows)
    keys = [_keys(segment, rows, sort, test, scores) for sort in order_of(query) if sort.field != "id"]
    ids = segment["id_hi"][rows]
    if order_of(query)[:1] == (Sort("id", descending=True),):
        ids = ~ids
    if after is not None:
        chosen = _after([*keys, ids], after)
        rows, ids, keys = rows[chosen], ids[chosen], [key[chosen] for key in keys]
    left = len(rows)
    if query.limit == 0 or left == 0:
        return [], left
    if not keys and left > 4 * query.limit:
        best = np.argpartition(ids, query.limit)[: query.limit]
    else:
        best = np.lexsort((ids, *reversed(keys)))[: query.limit]
    high, low = segment["id_hi"][rows[best]].tolist(), segment["id_lo"][rows[best]].tolist()
    columns = [*(key[best].tolist() for key in keys), ids[best].tolist()]
    entries = [Entry(key, *halves) for key, *halves in zip(zip(*columns, strict=True), high, low, strict=True)]
    entries.sort()
    return entries, left


def _after(keys: list[Any], cursor: tuple[Any, ...]) -> Any:
    """Mask of the rows whose keys come after the cursor's, compared as tuples."""
    later = np.zeros(len(keys[0]), dtype=bool)
    equal = np.ones(len(keys[0]), dtype=bool)
    for key, value in zip(keys, cursor, strict=True):
        bound = np.uint64(value) if key.dtype == np.uint64 else value
        later |= equal & (key > bound)
        equal &= key == bound
    return later


def _keys(segment: Segment, rows: Any, sort: Sort, test: ConeTest | None, scores: Any) -> Any:
    """Ascending sort keys of the rows; missing values last."""
    values = _values(segment, rows, sort, test, scores)
    values = np.clip(values, -1e308, 1e308)  # an open end is far, but not missing
    if sort.descending:
        values = -values
    return np.where(np.isnan(values), np.inf, values)


def _values(segment: Segment, rows: Any, sort: Sort, test: ConeTest | None, scores: Any) -> Any:
    if sort.field == "score":
        return scores
    if sort.field == "distance":
        assert test is not None  # the parser asks for a cone
        return healpix.angle(segment["xyz"][rows], test.centre)
    found = np.full(len(rows), np.nan)
    for column, part in (
        (f"num/{sort.field}", "values"),
        (f"int/{sort.field}", "high" if sort.descending else "low"),
    ):
        if not segment.has(f"{column}/{part}"):
            continue
        docs, values = _chosen(segment, column, part, rows)
        at = np.searchsorted(rows, docs)
        pick = np.fmax if sort.descending else np.fmin
        pick.at(found, at, values)
    return found


def encode_cursor(query: Query, entry: Entry) -> str:
    raw = orjson.dumps([_signature(query), [_json(part) for part in entry.key]])
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _json(part: float | int) -> float | int | str:
    return str(part) if isinstance(part, int) else "inf" if math.isinf(part) else part


def decode_cursor(query: Query) -> tuple[Any, ...] | None:
    """The keys of the last entry of the page before.

    Raises
    ------
    QueryError
        ``query.bad-cursor`` when it is not one of ours, or of another order.
    """
    if query.cursor is None:
        return None
    wrong = QueryError("bad-cursor", "this cursor belongs to no page of this search", parameter="cursor")
    try:
        raw = base64.urlsafe_b64decode(query.cursor + "=" * (-len(query.cursor) % 4))
        signature, keys = orjson.loads(raw)
        *values, last = keys
        made = (*(float(value) for value in values), int(last))
    except (ValueError, TypeError, binascii.Error, UnicodeError):
        raise wrong from None
    if signature != _signature(query) or len(values) != len([s for s in order_of(query) if s.field != "id"]):
        raise wrong
    if not 0 <= made[-1] < 1 << 64 or any(math.isnan(value) for value in made[:-1]):
        raise wrong
    return made


def _signature(query: Query) -> str:
    return ",".join(("-" if sort.descending else "") + sort.field for sort in order_of(query))
