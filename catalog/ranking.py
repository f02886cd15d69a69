"""Order and cursors over the rows of one segment."""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import orjson

from catalog.counting import chosen
from catalog.segment import Segment, join_id
from schemas.errors import QueryError
from schemas.query import Query, Sort

Given = Mapping[str, Callable[[Any], Any]]  # the values, by rows, of sort fields that come from the query


class Entry(NamedTuple):
    """One hit on its way to the page: ascending ``key``, which ends with the id's first part; then the id; its row."""

    key: tuple[float | int, ...]
    id_hi: int
    id_lo: int
    row: int

    @property
    def id(self) -> str:
        return join_id(self.id_hi, self.id_lo)


def order_of(query: Query) -> tuple[Sort, ...]:
    """What the query asks for, or score for words, or id alone."""
    if query.sort:
        return query.sort
    return (Sort("score", descending=True),) if query.words is not None else ()


def page(
    segment: Segment, rows: Any, query: Query, given: Given, after: tuple[Any, ...] | None
) -> tuple[list[Entry], int]:
    """The segment's first ``limit`` entries after the cursor, and how many it has after the cursor."""
    if query.limit == 0 and after is None:
        return [], len(rows)
    keys = [_keys(segment, rows, sort, given) for sort in order_of(query) if sort.field != "id"]
    ids = segment["id_hi"][rows]
    if Sort("id", descending=True) in order_of(query):
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
    entries = [
        Entry(key, *more) for key, *more in zip(zip(*columns, strict=True), high, low, rows[best].tolist(), strict=True)
    ]
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


def _keys(segment: Segment, rows: Any, sort: Sort, given: Given) -> Any:
    """Ascending sort keys of the rows; missing values last."""
    values = given[sort.field](rows) if sort.field in given else _values(segment, rows, sort)
    values = np.clip(values, -1e308, 1e308)  # an open end is far, but not missing
    if sort.descending:
        values = -values
    return np.where(np.isnan(values), np.inf, values)


def _values(segment: Segment, rows: Any, sort: Sort) -> Any:
    """The greatest value of each row for a descending order, else the least; NaN where there is none."""
    found = np.full(len(rows), np.nan)
    for column, part in (
        (f"num/{sort.field}", "values"),
        (f"int/{sort.field}", "high" if sort.descending else "low"),
    ):
        if not segment.has(f"{column}/{part}"):
            continue
        docs, at = chosen(segment, column, rows)
        values = segment.values(f"{column}/{part}").take(at)
        pick = np.fmax if sort.descending else np.fmin
        pick.at(found, np.searchsorted(rows, docs), values)
    return found


class Place(NamedTuple):
    """Where a page begins: after these keys; ``state``: the feed number of the first page, for the scores of it."""

    keys: tuple[Any, ...]
    state: int


def encode_cursor(query: Query, entry: Entry, state: int) -> str:
    raw = orjson.dumps([_signature(query), [_json(part) for part in entry.key], state])
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _json(part: float | int) -> float | int | str:
    return str(part) if isinstance(part, int) else "inf" if math.isinf(part) else part


def decode_cursor(query: Query) -> Place | None:
    """The keys of the last entry of the page before, and the state of the first page.

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
        signature, keys, state = orjson.loads(raw)
        *values, last = keys
        state = int(state)
        made = (*(float(value) for value in values), int(last))
    except (ValueError, TypeError, binascii.Error, UnicodeError):
        raise wrong from None
    if signature != _signature(query) or len(values) != len([s for s in order_of(query) if s.field != "id"]):
        raise wrong
    if not 0 <= made[-1] < 1 << 64 or any(math.isnan(value) for value in made[:-1]):
        raise wrong
    return Place(made, state)


def _signature(query: Query) -> str:
    return ",".join(("-" if sort.descending else "") + sort.field for sort in order_of(query))
