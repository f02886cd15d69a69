"""Order and cursors over the rows of one segment."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from catalog import cursors
from catalog.counting import chosen
from catalog.segment import Segment, join_id
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
    return cursors.encode(order_of(query), [_json(part) for part in entry.key], state)


def _json(part: float | int) -> float | int | str:
    return str(part) if isinstance(part, int) else "inf" if math.isinf(part) else part


def decode_cursor(query: Query) -> Place | None:
    """The keys of the last entry of the page before, and the state of the first page; raises ``query.bad-cursor``."""
    if query.cursor is None:
        return None
    order = order_of(query)
    try:
        keys, state = cursors.decode(order, query.cursor)
        *values, last = keys
        made = Place((*(float(value) for value in values), int(last)), int(state))
    except cursors.MALFORMED:
        raise cursors.wrong() from None
    if len(values) != len([sort for sort in order if sort.field != "id"]) or any(map(math.isnan, made.keys[:-1])):
        raise cursors.wrong()
    if not 0 <= made.keys[-1] < 1 << 64 or not 0 <= made.state < 1 << 63:
        raise cursors.wrong()
    return made
