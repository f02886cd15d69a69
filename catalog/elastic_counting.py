"""Facets, histograms and the density map as aggregations of Elasticsearch, and the counts read off its answers.

A facet ignores the filters on its own field: those filters come after the aggregations (``post_filter``), and every
other aggregation repeats them.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from catalog.elastic_query import Clause, all_of, filtered, has, none_of, overlapping
from catalog.engine import Bucket, FacetCounts, HistogramCounts
from mappings.elastic import DENSITY_ORDER
from mappings.elastic_extra import read, spelt_path
from mappings.histogram import Edges, edges, kind_of
from schemas.fields import field_name, search_fields
from schemas.filters import Filter
from schemas.query import Facet, Histogram, Query

Aggregations = dict[str, Any]
_MORE = 30  # times as many values of each shard are asked for while a count may be wrong
_MOST = 20_000_000
BUCKETS = 60_000  # of one answer: the server's own bound is 65,536


@dataclass(slots=True)
class Counting:
    """What a query asks to be counted; ``sizes``: values that each shard gives for a facet, where not as usual."""

    query: Query
    sizes: dict[int, int] = field(default_factory=dict)

    @property
    def _counted(self) -> set[str]:
        facets, histograms = self.query.facets, self.query.histograms
        return {field_name(one.field) for one in facets} | {field_name(one.field) for one in histograms}

    def inner(self) -> list[Filter]:
        """The filters that everything obeys."""
        counted = self._counted
        return [one for one in self.query.filters if field_name(one.field) not in counted]

    def post(self, without: str = "") -> list[Clause]:
        """The filters on counted fields, but for those on one of them."""
        counted = self._counted - {without}
        return [filtered(one) for one in self.query.filters if field_name(one.field) in counted]

    # --- facets ----------------------------------------------------------------------------------------------

    def facets(self, only: Iterable[int] | None = None) -> Aggregations:
        made: Aggregations = {}
        for n, facet in enumerate(self.query.facets):
            if only is None or n in only:
                name = field_name(facet.field)
                parts: Aggregations = {f"facet{n}.missing": _missing(name)}
                if (terms := _terms(facet, name)) is not None:
                    if n in self.sizes:
                        terms["shard_size"] = self.sizes[n]
                    parts[f"facet{n}.values"] = {"terms": terms}
                made |= under(f"facet{n}", self.post(name), parts)
        return made

    def read_facets(self, answer: Mapping[str, Any], into: dict[str, FacetCounts]) -> list[int]:
        """Put counts into ``into``; gives the numbers of the facets that must be asked again, with larger sizes."""
        again = []
        for n, facet in enumerate(self.query.facets):
            found = answer.get(f"facet{n}", answer)
            if f"facet{n}.missing" not in found:
                continue
            values = found.get(f"facet{n}.values", {"buckets": []})
            size = self.sizes.get(n, 2 * facet.size)
            if values.get("doc_count_error_upper_bound") and size < _MOST:
                self.sizes[n] = _MORE * size
                again.append(n)
            extra = field_name(facet.field) not in search_fields()
            buckets = [Bucket(_value(one["key"], extra=extra), one["doc_count"]) for one in values["buckets"]]
            into[facet.field] = FacetCounts(buckets, found[f"facet{n}.missing"]["doc_count"])
        return again

    # --- histograms ------------------------------------------------------------------------------------------

    def ends(self) -> Aggregations:
        """The least and the greatest value of each histogram."""
        made: Aggregations = {}
        for n, asked in enumerate(self.query.histograms):
            name = field_name(asked.field)
            ends = f"{name}.ends" if _is_interval(name) else name
            parts = {
                f"histogram{n}.low": {"min": {"field": ends}},
                f"histogram{n}.high": {"max": {"field": ends}},
                f"histogram{n}.missing": _missing(name),
            }
            made |= under(f"histogram{n}", self.post(name), parts)
        return made

    def read_ends(self, answer: Mapping[str, Any]) -> list[tuple[Edges, int]]:
        """The edges of each histogram, and what has no value."""
        return [self._edges(n, asked, answer) for n, asked in enumerate(self.query.histograms)]

    def _edges(self, n: int, asked: Histogram, answer: Mapping[str, Any]) -> tuple[Edges, int]:
        found = answer.get(f"histogram{n}", answer)
        low, high = found[f"histogram{n}.low"]["value"], found[f"histogram{n}.high"]["value"]
        missing = found[f"histogram{n}.missing"]["doc_count"]
        if low is None:
            return Edges("linear", ()), missing
        return edges(low, high, asked.bins, kind_of(field_name(asked.field))), missing

    def bins(self, found: list[tuple[Edges, int]]) -> Aggregations:
        """The bins between the edges, of which the last holds its end."""
        made: Aggregations = {}
        for n, (asked, (between, _)) in enumerate(zip(self.query.histograms, found, strict=True)):
            name, values = field_name(asked.field), between.values
            if not values:
                continue
            pairs = list(itertools.pairwise(values))
            bins: Clause
            if _is_interval(name):
                open_ended = [overlapping(name, low, high, half_open=True) for low, high in pairs[:-1]]
                bins = {"filters": {"filters": [*open_ended, overlapping(name, *pairs[-1])]}}
            else:
                ranges: list[dict[str, float]] = [{"from": low, "to": high} for low, high in pairs[:-1]]
                bins = {"range": {"field": name, "ranges": [*ranges, {"from": pairs[-1][0]}]}}
            made |= under(f"histogram{n}", self.post(name), {f"histogram{n}.bins": bins})
        return made

    def read_bins(self, answer: Mapping[str, Any], found: list[tuple[Edges, int]]) -> dict[str, HistogramCounts]:
        made = {}
        for n, (asked, (between, missing)) in enumerate(zip(self.query.histograms, found, strict=True)):
            part = answer.get(f"histogram{n}", answer)
            buckets = part.get(f"histogram{n}.bins", {"buckets": []})["buckets"]
            made[asked.field] = HistogramCounts(between, [one["doc_count"] for one in buckets], missing)
        return made


def density(order: int, after: Mapping[str, Any] | None = None) -> Aggregations:
    """Cells of ``order`` with their counts; the finer maps in several answers, each ``after`` the one before."""
    width = 1 << 2 * (DENSITY_ORDER - order)
    if order <= 6:
        return {"density": {"histogram": {"field": "pixel", "interval": width, "min_doc_count": 1}}}
    source = {"pixel": {"histogram": {"field": "pixel", "interval": width}}}
    return {"density": {"composite": {"size": BUCKETS, "sources": [source], **({"after": after} if after else {})}}}


def read_density(answer: Mapping[str, Any], order: int, into: dict[int, int]) -> Mapping[str, Any] | None:
    """Put counts into ``into``; gives where the next answer starts."""
    shift = 2 * (DENSITY_ORDER - order)
    for one in answer["density"]["buckets"]:
        key = one["key"]["pixel"] if isinstance(one["key"], dict) else one["key"]
        into[int(key) >> shift] = one["doc_count"]
    after: Mapping[str, Any] | None = answer["density"].get("after_key")
    return after if len(answer["density"]["buckets"]) == BUCKETS else None


def under(name: str, filters: list[Clause], parts: Aggregations) -> Aggregations:
    """The parts as they are, or under ``name`` among what matches the filters."""
    return {name: {"filter": all_of(filters), "aggs": parts}} if filters else parts


def _terms(facet: Facet, name: str) -> dict[str, Any] | None:
    """The values of a facet; None: it shows none. Lucene knows more marks than most, so all are escaped."""
    known = search_fields().get(name)
    if known is None:
        start = _literal(spelt_path(name)) + _literal("\0")
        shown = f"w{_either_case(facet.prefix)}.*" if facet.prefix else "[nw].*"
        return {"field": "extra", "size": facet.size, "include": start + shown}
    if known.kind != "keyword":
        field = f"{name}.year" if known.kind == "date" else name
        return None if facet.prefix else {"field": field, "size": facet.size}
    made: dict[str, Any] = {"field": name, "size": facet.size}
    if name.endswith(".path"):
        made["include"] = f"{_either_case(facet.prefix)}[^/]*"
    elif facet.prefix:
        made["include"] = f"{_either_case(facet.prefix)}.*"
    return made


def _literal(text: str) -> str:
    return re.sub(r"([^A-Za-z0-9\0])", r"\\\1", text)


def _either_case(text: str) -> str:
    return "".join(
        f"[{one.lower()}{one.upper()}]" if one.isascii() and one.isalpha() else _literal(one) for one in text
    )


def _missing(name: str) -> Clause:
    """What has no value in the field; a ``missing`` aggregation would look at each document."""
    return {"filter": {"term": {"absent": name}} if name in search_fields() else none_of(has(name))}


def _is_interval(name: str) -> bool:
    return search_fields()[name].kind == "interval"


def _value(key: Any, *, extra: bool) -> str | int | float:
    if extra:
        kind, text = key.partition("\0")[2][:1], key.partition("\0")[2][1:]
        key = read(text) if kind == "n" else text
    return int(key) if isinstance(key, float) and key == int(key) else key
