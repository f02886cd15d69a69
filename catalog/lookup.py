"""Which rows of one segment a comparison matches."""

from __future__ import annotations

from typing import Any

import numpy as np

from catalog import patterns
from catalog.rows import NONE, Rows, all_but, any_of, from_docs, from_values
from catalog.segment import HIDDEN, VIEWS, Segment, join_id, split_id
from mappings.document import date_value, number_value, presence_bit
from schemas.fields import search_fields, top_level
from schemas.filters import Filter
from schemas.query import Span, field_span
from schemas.record import ID_LENGTH


def visible(segment: Segment, groups: frozenset[str]) -> Rows | None:
    """Rows that the caller may see; None: all of them."""
    if not segment.any_hidden:
        return None
    mask = (segment["flags"] & HIDDEN) == 0
    for group in groups:
        if segment.has("term/rights.groups/codes"):
            code, found = segment.code("rights.groups", group.encode())
            if found:
                mask |= _words(segment, "rights.groups", code, code + 1).to_mask(segment.size)
    return Rows(mask=mask)


def in_view(segment: Segment, *, collapse: bool) -> Rows | None:
    """Clusters and what is alone, or what is alone and the parts of clusters; None: all rows."""
    if not segment.any_view:
        return None
    return Rows(mask=(segment["flags"] >> 1) != VIEWS.index("part" if collapse else "merged"))


def filtered(segment: Segment, wanted: Filter) -> Rows:
    """Rows that a filter matches."""
    if wanted.op == "exists":
        found = having(segment, wanted.field)
        return found if wanted.values[0] == "true" else all_but(found, segment.size)
    if wanted.op == "not":
        return all_but(filtered(segment, Filter(wanted.field, "eq", wanted.values)), segment.size)
    found_parts = [part for value in wanted.values for part in _compare(segment, wanted.field, wanted.op, value)]
    return any_of(found_parts, segment.size) if found_parts else NONE


def having(segment: Segment, field: str) -> Rows:
    """Rows with any value of a field."""
    if field in top_level():
        bit = np.uint64(presence_bit(field))
        return Rows(mask=segment.values("present").where(lambda bits: (bits & bit) != 0))
    known = [
        from_values(segment, column, np.ones(segment.length(column), dtype=bool))
        for column, probe in columns_of(field)
        if segment.has(f"{column}/{probe}")
    ]
    return any_of(known, segment.size) if known else NONE


def columns_of(field: str) -> tuple[tuple[str, str], ...]:
    """The columns that a field may have, each with a part that tells whether it is there."""
    return (f"term/{field}", "codes"), (f"num/{field}", "values"), (f"int/{field}", "low")


def _compare(segment: Segment, field: str, op: str, value: str) -> list[Rows]:
    known = search_fields().get(field)
    if known is None:
        return _compare_extra(segment, field, op, value)
    if field == "id":
        return [_compare_id(segment, op, value)]
    if known.kind == "keyword":
        return [_compare_words(segment, field, op, value)]
    low, high = field_span(field, value)
    if known.kind == "interval":
        return [_compare_intervals(segment, field, op, low, high)]
    return [_compare_numbers(segment, field, op, low, high, is_date=known.kind == "date")]


def _compare_id(segment: Segment, op: str, value: str) -> Rows:
    if op == "eq":
        try:
            high, low = split_id(value) if len(value) == ID_LENGTH else (None, None)
        except ValueError:
            return NONE
        if high is None or join_id(high, low or 0) != value:
            return NONE
        row = segment.rows_of_ids(np.array([high], dtype=np.uint64), np.array([low], dtype=np.uint16))
        return Rows(rows=row[row >= 0])
    if op == "like":
        matches = patterns.expression(value).fullmatch
        return Rows(mask=np.fromiter((bool(matches(one)) for one in segment.ids()), bool, segment.size))
    compare = {"gt": str.__gt__, "gte": str.__ge__, "lt": str.__lt__, "lte": str.__le__}[op]
    return Rows(mask=np.fromiter((compare(one, value) for one in segment.ids()), bool, segment.size))


def _compare_words(segment: Segment, field: str, op: str, value: str) -> Rows:
    if not segment.has(f"term/{field}/codes"):
        return NONE
    if op == "like":
        codes = patterns.like(segment, field, value)
        if len(codes) == 0 or int(codes[-1]) - int(codes[0]) + 1 == len(codes):
            return _words(segment, field, *((int(codes[0]), int(codes[-1]) + 1) if len(codes) else (0, 0)))
        chosen = np.zeros(len(segment[f"term/{field}/offsets"]) - 1, dtype=bool)
        chosen[codes] = True
        return from_values(segment, f"term/{field}", chosen[segment[f"term/{field}/codes"]])
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
    return _words(segment, field, first, last)


def _words(segment: Segment, field: str, first: int, last: int) -> Rows:
    """Rows with any of the words ``first`` to before ``last``."""
    if first >= last:
        return NONE
    column = f"term/{field}"
    if segment.has(f"{column}/postings"):
        bounds = segment[f"{column}/starts"] if segment.has(f"{column}/starts") else None
        low, high = (first, last) if bounds is None else (int(bounds[first]), int(bounds[last]))
        return from_docs(segment.size, segment[f"{column}/postings"][low:high])
    codes = segment[f"{column}/codes"]
    chosen = codes == first if last == first + 1 else (codes >= first) & (codes < last)
    return from_values(segment, column, chosen)


def _compare_numbers(segment: Segment, field: str, op: str, low: float, high: float, *, is_date: bool) -> Rows:
    if not segment.has(f"num/{field}/values"):
        return NONE

    def chosen(values: Any) -> Any:
        if op == "eq":
            return (values >= low) & (values < high) if high > low else values == low
        if op == "gt":
            return values >= high if is_date and high > low else values > low
        if op == "gte":
            return values >= low
        if op == "lt":
            return values < low
        return values < high if is_date and high > low else values <= low

    return from_values(segment, f"num/{field}", segment.values(f"num/{field}/values").where(chosen))


def _compare_intervals(segment: Segment, field: str, op: str, low: float, high: float) -> Rows:
    """``gte``: reaches that far; ``lte``: begins by then; ``eq``: overlaps what the value names."""
    if not segment.has(f"int/{field}/low"):
        return NONE
    starts, ends = segment.values(f"int/{field}/low"), segment.values(f"int/{field}/high")
    chosen = {
        "eq": lambda: starts.where(lambda at: at <= high) & ends.where(lambda at: at >= low),
        "gt": lambda: ends.where(lambda at: at > high),
        "gte": lambda: ends.where(lambda at: at >= low),
        "lt": lambda: starts.where(lambda at: at < low),
        "lte": lambda: starts.where(lambda at: at <= high),
    }[op]()
    return from_values(segment, f"int/{field}", chosen)


def _compare_extra(segment: Segment, field: str, op: str, value: str) -> list[Rows]:
    """A key of any type: compare as a number and as a date where the value is one, else as words."""
    if op == "like":
        return [_compare_words(segment, field, op, value)]
    found: list[Rows] = []
    number, date = number_value(value), date_value(value)
    if number is not None:
        for name in (field, field + "\0text"):
            found.append(_compare_numbers(segment, name, op, number, number, is_date=False))
    if date is not None:  # a year is a number too
        low, high = field_span("issued", value)  # any date field reads dates alike
        found.append(_compare_numbers(segment, field + "\0date", op, low, high, is_date=True))
    if (number is None and date is None) or op == "eq":
        found.append(_compare_words(segment, field, op, value))
    return found


def spanning(segment: Segment, wanted: Span) -> Rows:
    """Rows whose intervals stand in the span's relation to it."""
    column = f"int/{wanted.field}"
    if not segment.has(f"{column}/low"):
        return NONE
    starts, ends = segment.values(f"{column}/low"), segment.values(f"{column}/high")
    low, high = wanted.low, wanted.high
    if wanted.relation == "overlaps":
        return from_values(segment, column, starts.where(lambda at: at <= high) & ends.where(lambda at: at >= low))
    if wanted.relation == "contains":
        return from_values(segment, column, starts.where(lambda at: at <= low) & ends.where(lambda at: at >= high))
    outside = from_values(segment, column, starts.where(lambda at: at < low) | ends.where(lambda at: at > high))
    some = from_values(segment, column, np.ones(segment.length(column), dtype=bool))
    return Rows(mask=some.to_mask(segment.size) & ~outside.to_mask(segment.size))
