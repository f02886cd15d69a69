"""What a query asks of fields and words, as clauses of Elasticsearch's query language."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from typing import Any

from catalog.words import BOOSTS
from mappings.document import TEXT_FIELDS, date_value, number_value
from mappings.elastic import FAR
from mappings.elastic_extra import spelt, spelt_path
from mappings.tokens import patterns, tokens
from schemas.fields import search_fields, top_level
from schemas.filters import Filter
from schemas.query import Query, Span, field_span
from schemas.text import All, And, Fuzzy, Node, Not, Or, Pattern, Phrase, Where, Words

Clause = dict[str, Any]
NOTHING: Clause = {"match_none": {}}
_NEXT = {"d": "e", "n": "o", "t": "u", "w": "x"}  # the first letter after all terms of a type


def any_of(clauses: Iterable[Clause]) -> Clause:
    """One of them at least."""
    some = [one for one in clauses if one != NOTHING]
    return some[0] if len(some) == 1 else {"bool": {"should": some, "minimum_should_match": 1}} if some else NOTHING


def all_of(clauses: list[Clause]) -> Clause:
    """Each of them, without a score."""
    return clauses[0] if len(clauses) == 1 else {"bool": {"filter": clauses}} if clauses else {"match_all": {}}


def none_of(*clauses: Clause) -> Clause:
    return {"bool": {"must_not": list(clauses)}}


def visible(query: Query) -> Clause:
    """What the caller may see, in the view that he asked for."""
    view = "collapsed" if query.collapse else "parts"
    everybody = {"term": {"shown": view}}
    if query.sees_all:
        return {"terms": {"shown": [view, f"hidden-{view}"]}}
    if not query.groups:
        return everybody
    members = {"terms": {"rights.groups": sorted(query.groups)}}
    return any_of([everybody, all_of([{"term": {"shown": f"hidden-{view}"}}, members])])


def filtered(wanted: Filter) -> Clause:
    """What a filter matches."""
    if wanted.op == "exists":
        found = _exists(wanted.field)
        return found if wanted.values[0] == "true" else none_of(found)
    if wanted.op == "not":
        return none_of(filtered(Filter(wanted.field, "eq", wanted.values)))
    known = search_fields().get(wanted.field)
    if known is not None and known.kind == "keyword" and wanted.op == "eq":
        return {"terms": {wanted.field: list(wanted.values)}}
    return any_of(clause for value in wanted.values for clause in _compare(wanted.field, wanted.op, value))


def has(field: str) -> Clause:
    """Has a value in the field."""
    return {"term": {"present": spelt_path(field)}} if field not in search_fields() else {"exists": {"field": field}}


def _exists(field: str) -> Clause:
    return {"term": {"present": field}} if field in top_level() else has(field)


def _compare(field: str, op: str, value: str) -> list[Clause]:
    known = search_fields().get(field)
    if known is None:
        return list(_compare_extra(field, op, value))
    if op == "like":
        return [{"wildcard": {field: {"value": escaped(value)}}}]
    if known.kind == "keyword":
        return [{"range": {field: {op: value}}}]
    low, high = field_span(field, value)
    if known.kind == "interval":
        return [_ends(field, op, low, high)]
    return [{"range": {field: _bounds(op, low, high, is_date=known.kind == "date")}}]


def _bounds(op: str, low: float, high: float, *, is_date: bool) -> dict[str, float]:
    """The bounds that ``op`` sets to a number or date field where a value names [low, high)."""
    wide = high > low
    if op == "eq":
        return {"gte": low, "lt": high} if wide else {"gte": low, "lte": low}
    if op == "gt":
        return {"gte": high} if is_date and wide else {"gt": low}
    if op == "lte":
        return {"lt": high} if is_date and wide else {"lte": low}
    return {op: low}


def _ends(field: str, op: str, low: float, high: float) -> Clause:
    if op == "eq":
        return overlapping(field, low, high)
    end, bound = {"gt": ("high", high), "gte": ("high", low), "lt": ("low", low), "lte": ("low", high)}[op]
    return {"range": {f"{field}.{end}": {op: bound}}}


def _compare_extra(field: str, op: str, value: str) -> Iterable[Clause]:
    """A key of any type: compare as a number and as a date where the value is one, else as words."""
    path = spelt_path(field)
    if op == "like":
        yield {"wildcard": {"extra": {"value": f"{escaped(path, literal=True)}\0w{escaped(value)}"}}}
        return
    number, date = number_value(value), date_value(value)
    if number is not None:
        for kind in "nt":
            yield _terms(
                path, kind, {end: spelt(one) for end, one in _bounds(op, number, number, is_date=False).items()}
            )
    if date is not None:  # a year is a number too
        low, high = field_span("issued", value)  # any date field reads dates alike
        yield _terms(path, "d", {end: spelt(one) for end, one in _bounds(op, low, high, is_date=True).items()})
    if op == "eq":
        yield {"term": {"extra": f"{path}\0w{value}"}}
    elif number is None and date is None:
        yield _terms(path, "w", {op: value})


def _terms(path: str, kind: str, bounds: dict[str, str]) -> Clause:
    """A range of the terms of one path and type."""
    if len(set(bounds.values())) < len(bounds):
        return {"term": {"extra": f"{path}\0{kind}{next(iter(bounds.values()))}"}}
    made = {end: f"{path}\0{kind}{value}" for end, value in bounds.items()}
    if not bounds.keys() & {"lt", "lte"}:
        made["lt"] = f"{path}\0{_NEXT[kind]}"
    if not bounds.keys() & {"gt", "gte"}:
        made["gte"] = f"{path}\0{kind}"
    return {"range": {"extra": made}}


def escaped(pattern: str, *, literal: bool = False) -> str:
    """``pattern`` for a ``wildcard`` query, in which ``*`` and ``?`` alone have a meaning (``literal``: nor they)."""
    return re.sub(r"([\\*?])" if literal else r"(\\)", r"\\\1", pattern)


def overlapping(field: str, low: float, high: float, *, half_open: bool = False) -> Clause:
    """An interval that shares a point with [low, high], or [low, high)."""
    bounds = {"gte": low, "lt" if half_open else "lte": high}
    return {"range": {field: {end: bound for end, bound in bounds.items() if math.isfinite(bound)}}}


def spanned(wanted: Span) -> Clause:
    """What stands in the relation to the span that it asks for."""
    field, low, high = wanted.field, max(wanted.low, -FAR), min(wanted.high, FAR)
    if wanted.relation == "overlaps":
        if math.isinf(wanted.low) and math.isinf(wanted.high):
            return {"exists": {"field": f"{field}.low"}}
        return overlapping(field, wanted.low, wanted.high)
    if wanted.relation == "contains":
        return {"range": {field: {"gte": low, "lte": high, "relation": "contains"}}}
    outside = {"range": {f"{field}.low": {"lt": low}}}, {"range": {f"{field}.high": {"gt": high}}}
    return {"bool": {"filter": [{"exists": {"field": f"{field}.low"}}], "must_not": list(outside)}}


def worded(node: Node) -> Clause:  # noqa: PLR0911 - one for each kind of node
    """A tree of words; its score is the sum over the words that match, each times its field's boost."""
    match node:
        case All():
            return {"bool": {"filter": [{"match_all": {}}]}}
        case And(parts):
            return {"bool": {"must": [worded(part) for part in parts]}}
        case Or(parts):
            return any_of(worded(part) for part in parts)
        case Not(part):
            return {"bool": {"must_not": [worded(part)]}}
        case Where(wanted):
            return {"bool": {"filter": [filtered(wanted)]}}
        case Words(text, field):
            found = [_in_fields(field, "term", token) for token in tokens(text)]
            return {"bool": {"must": found}} if found else NOTHING
        case Phrase(text, field):
            found_tokens = tokens(text)
            kind = "match_phrase" if len(found_tokens) > 1 else "term"
            return _in_fields(field, kind, " ".join(found_tokens)) if found_tokens else NOTHING
        case Pattern(text, field):
            return any_of(_in_fields(field, "wildcard", one, rewrite="constant_score") for one in patterns(text))
        case Fuzzy(text, distance, field):
            if not (word := tokens(text)[:1]):
                return NOTHING
            return _in_fields(field, "fuzzy", word[0], fuzziness=distance, rewrite="constant_score")
    raise TypeError(node)


def _in_fields(field: str | None, kind: str, value: str, **more: Any) -> Clause:
    key = "query" if kind == "match_phrase" else "value"
    names = TEXT_FIELDS if field is None else (field,)
    return any_of({kind: {f"text.{name}": {key: value, "boost": BOOSTS[name], **more}}} for name in names)
