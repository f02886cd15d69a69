"""Which rows of one segment a query's parts match.

Each part gives a :class:`Rows`: row numbers, ascending, where few are expected, else a mask over the segment.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from catalog.segment import Segment, split_id
from mappings import healpix
from mappings.document import date_value, number_value, presence_bit
from mappings.sky import ConeTest
from schemas.fields import search_fields, top_level
from schemas.query import Filter, Query, Relation, Span, field_span
from schemas.record import ID_LENGTH


@dataclass(frozen=True, slots=True)
class Rows:
    """``rows`` ascending without repeats, or ``mask``; one of them is None."""

    rows: Any = None
    mask: Any = None

    def to_mask(self, size: int) -> Any:
        if self.mask is not None:
            return self.mask
        mask = np.zeros(size, dtype=bool)
        mask[self.rows] = True
        return mask


def all_of(parts: list[Rows], size: int) -> Any:
    """Row numbers, ascending, that every part matches."""
    lists = sorted((part.rows for part in parts if part.mask is None), key=len)
    masks = [part.mask for part in parts if part.mask is not None]
    if lists:
        rows = lists[0]
        for other in lists[1:]:
            if len(rows) == 0:
                break
            if len(other) > 20 * len(rows):  # a few in a long list: look each up
                at = np.minimum(np.searchsorted(other, rows), len(other) - 1)
                rows = rows[other[at] == rows]
            else:
                rows = np.intersect1d(rows, other, assume_unique=True)
        for mask in masks:
            rows = rows[mask[rows]]
        return rows
    if not masks:
        return np.arange(size)
    return np.flatnonzero(np.logical_and.reduce(masks) if len(masks) > 1 else masks[0])


def visible(segment: Segment, groups: frozenset[str]) -> Rows | None:
    """Rows that the caller may see; None: all of them."""
    if not segment.any_hidden:
        return None
    mask = ~segment["hidden"]
    if groups and segment.has("term/rights.groups/words"):
        for group in groups:
            code, found = segment.code("rights.groups", group.encode())
            if found:
                mask[segment.postings("rights.groups", code, code + 1)] = True
    return Rows(mask=mask)


def _from_values(size: int, docs: Any) -> Rows:
    """Rows of matching values, which may repeat a row."""
    if len(docs) * 16 < size:
        return Rows(rows=np.unique(docs).astype(np.int64))
    mask = np.zeros(size, dtype=bool)
    mask[docs] = True
    return Rows(mask=mask)


def filtered(segment: Segment, wanted: Filter) -> Rows:
    """Rows that a filter matches."""
    if wanted.op == "exists":
        found = _exists(segment, wanted.field)
        return found if wanted.values[0] == "true" else Rows(mask=~found.to_mask(segment.size))
    if wanted.op == "not":
        return Rows(mask=~filtered(segment, Filter(wanted.field, "eq", wanted.values)).to_mask(segment.size))
    docs = [part for value in wanted.values for part in _compare(segment, wanted.field, wanted.op, value)]
    return _from_values(segment.size, np.concatenate(docs) if docs else np.empty(0, dtype=np.int64))


def _exists(segment: Segment, field: str) -> Rows:
    if field in top_level():
        return Rows(mask=(segment["present"] & np.uint64(presence_bit(field))) != 0)
    known = [
        segment.docs(f"{family}/{field}")
        for family, probe in (("term", "codes"), ("num", "values"), ("int", "low"))
        if segment.has(f"{family}/{field}/{probe}")
    ]
    return _from_values(segment.size, np.concatenate(known) if known else np.empty(0, dtype=np.int64))


def _compare(segment: Segment, field: str, op: str, value: str) -> list[Any]:
    known = search_fields().get(field)
    if known is None:
        return _compare_extra(segment, field, op, value)
    if field == "id":
        return _compare_id(segment, op, value)
    if known.kind == "keyword":
        return _compare_words(segment, field, op, value)
    low, high = field_span(field, value)
    if known.kind == "interval":
        return _compare_intervals(segment, field, op, low, high)
    return _compare_numbers(segment, field, op, low, high, is_date=known.kind == "date")


def _compare_id(segment: Segment, op: str, value: str) -> list[Any]:
    try:
        high, low = split_id(value) if len(value) == ID_LENGTH else (None, None)
    except ValueError:
        high = low = None
    if op != "eq" or high is None:
        return []
    row = segment.rows_of_ids(np.array([high], dtype=np.uint64), np.array([low], dtype=np.uint16))
    return [row[row >= 0]]


def _compare_words(segment: Segment, field: str, op: str, value: str) -> list[Any]:
    if not segment.has(f"term/{field}/words"):
        return []
    code, found = segment.code(field, value.encode())
    after = code + 1 if found else code
    count = len(segment[f"term/{field}/offsets"]) - 1
    first, last = {
        "eq": (code, after),
        "gt": (after, count),
        "gte": (code, count),
        "lt": (0, code),
        "lte": (0, after),
    }[op]
    return [segment.postings(field, first, last)] if first < last else []


def _compare_numbers(segment: Segment, field: str, op: str, low: float, high: float, *, is_date: bool) -> list[Any]:
    if not segment.has(f"num/{field}/values"):
        return []
    values = segment[f"num/{field}/values"]
    if op == "eq":
        chosen = (values >= low) & (values < high) if high > low else values == low
    elif op == "gt":
        chosen = values >= high if is_date and high > low else values > low
    elif op == "gte":
        chosen = values >= low
    elif op == "lt":
        chosen = values < low
    else:
        chosen = values < high if is_date and high > low else values <= low
    return [segment.docs(f"num/{field}")[chosen]]


def _compare_intervals(segment: Segment, field: str, op: str, low: float, high: float) -> list[Any]:
    """``gte``: reaches that far; ``lte``: begins by then; ``eq``: overlaps what the value names."""
    if not segment.has(f"int/{field}/low"):
        return []
    starts, ends = segment[f"int/{field}/low"], segment[f"int/{field}/high"]
    chosen = {
        "eq": lambda: (starts <= high) & (ends >= low),
        "gt": lambda: ends > high,
        "gte": lambda: ends >= low,
        "lt": lambda: starts < low,
        "lte": lambda: starts <= high,
    }[op]()
    return [segment.docs(f"int/{field}")[chosen]]


def _compare_extra(segment: Segment, field: str, op: str, value: str) -> list[Any]:
    """A key of any type: compare as a number where the value is one, as a date where it is one, else as words."""
    found: list[Any] = []
    number, date = number_value(value), date_value(value)
    if number is not None:
        for name in (field, field + "\0text"):
            found += _compare_numbers(segment, name, op, number, number, is_date=False)
        if op == "eq":
            found += _compare_words(segment, field, op, value)
    if date is not None and number is None:
        low, high = field_span("issued", value)  # any date field reads dates alike
        found += _compare_numbers(segment, field + "\0date", op, low, high, is_date=True)
        if op == "eq":
            found += _compare_words(segment, field, op, value)
    if number is None and date is None:
        found += _compare_words(segment, field, op, value)
    return found


def overlapping(segment: Segment, wanted: Span) -> Rows:
    """Rows with an interval that shares a point with the closed interval."""
    field = wanted.field
    if not segment.has(f"int/{field}/low"):
        return Rows(rows=np.empty(0, dtype=np.int64))
    chosen = (segment[f"int/{field}/low"] <= wanted.high) & (segment[f"int/{field}/high"] >= wanted.low)
    return _from_values(segment.size, segment.docs(f"int/{field}")[chosen])


def located(segment: Segment, relation: Relation) -> Any:
    """Mask of the rows that have what ``relation`` asks about: a position, or a footprint or else a position."""
    mask = np.zeros(segment.size, dtype=bool)
    mask[: segment.located] = True
    if relation != "position":
        mask[segment["shape/docs"]] = True
    return mask


def in_region(segment: Segment, test: ConeTest, relation: Relation) -> Rows:
    """Rows whose place stands in ``relation`` to the cone."""
    first, count, edge = _points(segment, test)
    if relation == "contains" and test.cone.radius > 0:  # a point holds no more than a point
        first, count, edge = first[:0], count[:0], edge[:0]
    shapes = edge[:0]
    has_shape = None
    if relation != "position" and segment.any_shape:
        has_shape = np.zeros(segment.size, dtype=bool)
        has_shape[segment["shape/docs"]] = True
        shapes = segment["shape/docs"][_shapes(segment, test, relation)].astype(np.int64)
    if (int(count.sum()) + len(edge) + len(shapes)) * 32 > segment.size:
        # many: a mask filled by slices is made faster than a sorted list
        mask = np.zeros(segment.size, dtype=bool)
        for low, length in zip(first.tolist(), count.tolist(), strict=True):
            mask[low : low + length] = True
        mask[edge] = True
        if has_shape is not None:
            mask &= ~has_shape
            mask[shapes] = True
        return Rows(mask=mask)
    points = np.concatenate([healpix.expand(first, count), edge])
    if has_shape is not None:
        points = np.concatenate([points[~has_shape[points]], shapes])
    return Rows(rows=np.sort(points))


def _points(segment: Segment, test: ConeTest) -> tuple[Any, Any, Any]:
    """Positions in the cone: (first row, count) of those in cells inside it, and rows that the exact test let in."""
    cell = segment["cell"][: segment.located]
    first = np.searchsorted(cell, test.ranges[:, 0])
    count = np.searchsorted(cell, test.ranges[:, 1]) - first
    inner = test.inner
    edge = healpix.expand(first[~inner], count[~inner])
    if len(edge):
        edge = edge[test.holds(segment["xyz"][edge])]
    return first[inner], count[inner], edge


def _shapes(segment: Segment, test: ConeTest, relation: Relation) -> Any:
    """Numbers of the footprints that stand in ``relation`` to the cone."""
    maybe, surely = _cover_matches(segment, test)
    if relation == "intersects":
        unsure = np.flatnonzero(maybe & ~surely)
        apart = _cap_distance(segment, unsure, test) - segment["shape/cap"][unsure, 3] > test.radius + 1e-11
        unsure = unsure[~apart]
        whole = _cap_distance(segment, unsure, test) + segment["shape/cap"][unsure, 3] < test.radius - 1e-11
        surely[unsure[whole]] = True
        exact, check = test.meets, unsure[~whole]
    else:
        surely[:] = False
        check = np.flatnonzero(maybe)
        if relation == "within":
            whole = _cap_distance(segment, check, test) + segment["shape/cap"][check, 3] < test.radius - 1e-11
            surely[check[whole]] = True
            exact, check = test.within, check[~whole]
        else:
            apart = _cap_distance(segment, check, test) + test.radius > segment["shape/cap"][check, 3] + 1e-11
            apart &= segment["shape/cap"][check, 3] < math.pi - 1e-9
            exact, check = test.contained, check[~apart]
    right = [n for n in check.tolist() if exact(segment.shape(n))]
    surely[right] = True
    return np.flatnonzero(surely)


def _cap_distance(segment: Segment, numbers: Any, test: ConeTest) -> Any:
    return healpix.angle(segment["shape/cap"][numbers, :3], test.centre)


def _cover_matches(segment: Segment, test: ConeTest) -> tuple[Any, Any]:
    """Masks over the footprints: a cover cell touches the cone's cover; an inner cell touches its inner part."""
    count = len(segment["shape/docs"])
    maybe, surely = np.zeros(count, dtype=bool), np.zeros(count, dtype=bool)
    for order in range(healpix.ORDER + 1):
        if not segment.has(f"cell/{order}/low"):
            continue
        low, owner, inner = (segment[f"cell/{order}/{part}"] for part in ("low", "owner", "inner"))
        size = 1 << 2 * (healpix.ORDER - order)
        # cells are aligned: one overlaps [a, b) when its low end is at least a rounded down, and below b
        first = np.searchsorted(low, test.ranges[:, 0] & -size)
        last = np.searchsorted(low, test.ranges[:, 1])
        maybe[owner[healpix.expand(first, last - first)]] = True
        sure = healpix.expand(first[test.inner], (last - first)[test.inner])
        surely[owner[sure[inner[sure]]]] = True
    return maybe, surely


def parts_of(segment: Segment, query: Query, test: ConeTest | None, text: Rows | None) -> dict[str, Rows]:
    """All parts of a query by name; a filter's name is its field, so that a facet can leave its own out."""
    parts: dict[str, Rows] = {}
    if (seen := visible(segment, query.groups)) is not None:
        parts["\0visible"] = seen
    if text is not None:
        parts["\0text"] = text
    if test is not None:
        found = in_region(segment, test, query.relation)
        if query.unlocated:
            found = Rows(mask=found.to_mask(segment.size) | ~located(segment, query.relation))
        parts["\0sky"] = found
    for span in query.spans:
        parts[f"\0{span.field}"] = overlapping(segment, span)
    for n, wanted in enumerate(query.filters):
        parts[f"{wanted.field}\0{n}"] = filtered(segment, wanted)
    return parts
