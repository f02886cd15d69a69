"""The slow, obvious engine: every question is answered by looking at every record.

Nothing of ``catalog`` but the forms of question and answer is used here, and of ``mappings`` the tokens, the edges of
histograms (which a test of their own holds against the rules) and the centre of an odd footprint.
"""

from __future__ import annotations

import functools
import json
import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import date, timedelta
from fnmatch import translate
from typing import Any

from catalog.engine import Answer, Bucket, FacetCounts, HistogramCounts
from mappings.histogram import Edges, edges, kind_of
from mappings.sky import cover, shape_of
from schemas.fields import field_name, search_fields, top_level
from schemas.filters import Filter
from schemas.query import Facet, Histogram, Query, Region, Sort, Span, field_span
from schemas.record import Record
from schemas.times import utc_span
from schemas.vocabulary import canonical

from . import places
from .records import Kept
from .texts import Words_

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_DATE = re.compile(r"\d{4}(-\d\d(-\d\d)?([T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?)?)?")
Decide = Callable[[str], Any]


class Naive:
    """``decide`` says whether a record too near to an edge is in; ``share`` how much of the region it covers."""

    def __init__(self, now: dict[str, Kept]) -> None:
        self.now = now
        self.ids = sorted(now)
        self.words = {one: Words_(kept.record) for one, kept in now.items()}
        self.decide: Decide | None = None
        self.share: Callable[[str], float] | None = None

    # --- which records match ---------------------------------------------------------------------------------

    def matching(self, query: Query, without: str | None = None, *, sky: bool = True) -> list[str]:
        """Ids that match, ascending, but for the filters on the field ``without``."""
        return [one for one in self.ids if self.matches(one, query, without, sky=sky)]

    def matches(self, one: str, query: Query, without: str | None = None, *, sky: bool = True) -> bool:
        kept = self.now[one]
        record = kept.record
        return (
            self.in_view(kept, query)
            and self.may_see(record, query.groups)
            and (query.after is None or kept.seq > query.after)
            and all(self.filter(record, wanted) for wanted in query.filters if field_name(wanted.field) != without)
            and all(self.span(record, wanted) for wanted in query.spans)
            and (query.words is None or self.says(one, query))
            and (not sky or query.region is None or self.sky(one, query))
        )

    def in_view(self, kept: Kept, query: Query) -> bool:
        return kept.view != ("part" if query.collapse else "merged")

    def may_see(self, record: Record, groups: Iterable[str]) -> bool:
        rights = record.get("rights", {})
        if rights.get("level") != "restricted" or rights.get("discoverable"):
            return True
        return bool(set(rights.get("groups", ())) & set(groups))

    def says(self, one: str, query: Query) -> bool:
        assert query.words is not None
        return self.words[one].matches(query.words, lambda wanted: self.filter(self.now[one].record, wanted))

    def span(self, record: Record, wanted: Span) -> bool:
        have = intervals(record, wanted.field)
        match wanted.relation:
            case "overlaps":
                return any(low <= wanted.high and high >= wanted.low for low, high in have)
            case "within":
                return bool(have) and all(wanted.low <= low and high <= wanted.high for low, high in have)
        return any(low <= wanted.low and wanted.high <= high for low, high in have)

    # --- the sky ---------------------------------------------------------------------------------------------

    def located(self, record: Record, query: Query) -> bool:
        return "position" in record or (query.relation != "position" and "footprint" in record)

    def sky(self, one: str, query: Query) -> bool:
        record = self.now[one].record
        assert query.region is not None
        if self.located(record, query):
            found = self.stands(one, query.region, query.relation)
            if found is None:
                assert self.decide is not None, "too near to an edge to tell"
                found = bool(self.decide(one))
        else:
            found = query.unlocated
        if found and query.covered is not None:  # what has no footprint covers nothing
            return query.covered.low <= self.covered(one, query.region) <= query.covered.high
        return found

    def stands(self, one: str, region: Region, relation: str) -> bool | None:
        """Whether a located record stands in the relation to the region; None: too near to tell."""
        record = self.now[one].record
        which = "position" if relation == "position" or "footprint" not in record else "footprint"
        return _stands(json.dumps(record[which]), json.dumps(dict(region.footprint)), which, relation)

    def covered(self, one: str, region: Region) -> float:
        if self.share is not None:
            return self.share(one)
        return self.fraction(one, region)[0]

    def fraction(self, one: str, region: Region) -> tuple[float, float]:
        """The share of the region that a record covers, and how far off that may be."""
        record = self.now[one].record
        which = "footprint" if "footprint" in record else "position"
        return _fraction(json.dumps(record.get(which)), json.dumps(dict(region.footprint)), which)

    # --- filters ---------------------------------------------------------------------------------------------

    def filter(self, record: Record, wanted: Filter) -> bool:
        field = field_name(wanted.field)
        if wanted.op == "exists":
            there = field in record if field in top_level() else bool(self.values(record, field, whole=True))
            return there == (wanted.values[0] == "true")
        if wanted.op == "not":
            return not any(self.compare(record, field, "eq", value) for value in wanted.values)
        return any(self.compare(record, field, wanted.op, value) for value in wanted.values)

    def compare(self, record: Record, field: str, op: str, text: str) -> bool:
        if field.startswith("extra."):
            return any(_extra(value, op, text) for value in leaves(record.get("extra", {}), field.split(".")[1:]))
        kind = search_fields()[field].kind
        if kind == "interval":
            low, high = field_span(field, text)
            check: Callable[[float, float], bool] = {
                "eq": lambda start, end: start <= high and end >= low,
                "gt": lambda start, end: end > high,
                "gte": lambda start, end: end >= low,
                "lt": lambda start, end: start < low,
                "lte": lambda start, end: start <= high,
            }[op]
            return any(check(*one) for one in intervals(record, field))
        if kind in ("number", "date"):
            return any(_holds(op, value, *field_span(field, text)) for value in self.numbers(record, field))
        return any(_words(op, value, text) for value in self.values(record, field))

    def values(self, record: Record, field: str, *, whole: bool = False) -> list[Any]:
        """The values that a facet counts, each once; of dates the years. ``whole``: dates as they are."""
        field = field_name(field)
        if field.startswith("extra."):
            found = leaves(record.get("extra", {}), field.split(".")[1:])
            return list(dict.fromkeys(_shown(value) for value in found))
        if field.endswith(".path"):
            return _paths(record, field)
        if field == "source" and "same_as" in record:
            return list(dict.fromkeys(part["source"] for part in record["same_as"]))
        kind = search_fields()[field].kind
        if kind == "interval":
            return list(intervals(record, field))
        if kind in ("number", "date"):
            numbers = self.numbers(record, field)
            if kind == "date" and not whole:
                numbers = [(date(1858, 11, 17) + timedelta(days=math.floor(day))).year for day in numbers]
            return list(dict.fromkeys(_plain(float(number)) for number in numbers))
        found = steps(record, search_fields()[field].path)
        return list(dict.fromkeys(canonical(field, value) for value in found if isinstance(value, str)))

    def numbers(self, record: Record, field: str) -> list[float]:
        if field == "issued":
            dates = [one["date"] for one in record.get("dates", ()) if one["type"] == "Issued"]
            return [utc_span(dates[0])[0]] if dates else []
        found = steps(record, search_fields()[field].path)
        if search_fields()[field].kind == "date":
            return [utc_span(value)[0] for value in found if value and _DATE.fullmatch(value)]
        return [float(value) for value in found]

    # --- what is counted -------------------------------------------------------------------------------------

    def facet(self, query: Query, facet: Facet) -> FacetCounts:
        field = field_name(facet.field)
        counts: Counter[Any] = Counter()
        missing = 0
        for one in self.matching(query, without=field):
            values = self.values(self.now[one].record, field)
            counts.update(value for value in values if self.shows(facet, value))
            missing += not values
        ranked = sorted(counts.items(), key=lambda item: (-item[1], isinstance(item[0], str), item[0]))
        return FacetCounts([Bucket(value, count) for value, count in ranked[: facet.size]], missing)

    def shows(self, facet: Facet, value: Any) -> bool:
        if facet.field.endswith(".path"):
            return _lower(value).startswith(_lower(facet.prefix)) and "/" not in value[len(facet.prefix) :]
        return not facet.prefix or (isinstance(value, str) and _lower(value).startswith(_lower(facet.prefix)))

    def histogram(self, query: Query, asked: Histogram) -> HistogramCounts:
        field = field_name(asked.field)
        kind = search_fields()[field].kind if field in search_fields() else "number"
        matching = self.matching(query, without=field)
        spans = [self._spans(self.now[one].record, field, kind) for one in matching]
        ends = [end for have in spans for span in have for end in span if math.isfinite(end)]
        made = edges(min(ends), max(ends), asked.bins, kind_of(field)) if ends else Edges("linear", ())
        counts = []
        for n, (low, high) in enumerate(zip(made.values, made.values[1:], strict=False)):
            last = n == len(made.values) - 2
            counts.append(
                sum(
                    any(end >= low and (start < high or (last and start <= high)) for start, end in have)
                    for have in spans
                )
            )
        return HistogramCounts(made, counts, sum(not have for have in spans))

    def _spans(self, record: Record, field: str, kind: str) -> list[tuple[float, float]]:
        if kind == "interval":
            return intervals(record, field)
        if field.startswith("extra."):
            found = leaves(record.get("extra", {}), field.split(".")[1:])
            return [(float(v), float(v)) for v in found if isinstance(v, int | float) and not isinstance(v, bool)]
        return [(value, value) for value in self.numbers(record, field)]

    def density(self, query: Query) -> dict[int, int]:
        assert query.density is not None
        found: Counter[int] = Counter()
        for one in self.matching(query):
            if (point := middle(self.now[one].record)) is not None:
                found[int(places.pixels(point, query.density)[0])] += 1
        return dict(found)

    # --- order -----------------------------------------------------------------------------------------------

    def order(self, query: Query, ids: Sequence[str]) -> list[str]:
        """Every order but that of scores."""
        last = Sort("id", descending=True) in query.sort
        made = sorted(ids, reverse=last)
        for sort in reversed([sort for sort in query.sort if sort.field not in ("id", "score")]):
            keys = {one: self.key(one, query, sort) for one in made}
            made.sort(key=keys.__getitem__)
        return made

    def key(self, one: str, query: Query, sort: Sort) -> float:
        """Ascending; what has no value comes last, an open end before it."""
        kept = self.now[one]
        field = field_name(sort.field)
        if field == "changed":
            values = [float(kept.seq)]
        elif field == "covered":
            assert query.region is not None
            values = [self.covered(one, query.region)] if self.located(kept.record, query) else []
        elif field == "distance":
            assert query.cone is not None
            centre = places.unit(query.cone.ra, query.cone.dec)
            values = [float(places.angle(position(kept.record)[0], centre))] if "position" in kept.record else []
        elif field.startswith("extra.") or search_fields()[field].kind != "interval":
            values = [low for low, _ in self._spans(kept.record, field, "number")]
        else:
            values = [span[sort.descending] for span in intervals(kept.record, field)]
        if not values:
            return math.inf
        best = max(values) if sort.descending else min(values)
        return max(-1e308, min(1e308, -best if sort.descending else best))

    # --- as an engine ----------------------------------------------------------------------------------------

    def search(self, query: Query) -> Answer:
        """A whole answer, so that this stands where an engine does; its cursors are its own."""
        ids = self.order(query, self.matching(query))
        start = int(query.cursor) if query.cursor else 0
        page = ids[start : start + query.limit]
        more = bool(page) and start + len(page) < len(ids)
        region = query.region
        shown = region is not None and (query.covered is not None or any(s.field == "covered" for s in query.sort))
        return Answer(
            len(ids),
            page,
            str(start + len(page)) if more else None,
            {facet.field: self.facet(query, facet) for facet in query.facets},
            self.unlocated(query),
            {asked.field: self.histogram(query, asked) for asked in query.histograms},
            None if query.density is None else self.density(query),
            {one: self.covered(one, region) for one in page} if shown and region is not None else {},
        )

    def unlocated(self, query: Query) -> int:
        if query.region is None:
            return 0
        return sum(not self.located(self.now[one].record, query) for one in self.matching(query, sky=False))

    def near(self, word: str) -> set[str]:
        """All ids of what anybody may see with a word within two edits."""
        from mappings.tokens import fold, stem

        from .texts import edits

        asked = stem(fold(word))
        return {
            one
            for one in self.ids
            if self.may_see(self.now[one].record, ())
            and any(edits(asked, token) <= 2 for value in self.words[one].of(None) for token in value)
        }


def steps(value: Any, path: Sequence[str]) -> list[Any]:
    """The values at the end of a path through objects and lists."""
    found = [value]
    for step in path:
        found = [one[step] for one in found if isinstance(one, dict) and step in one]
        while any(isinstance(one, list) for one in found):
            found = [inner for one in found for inner in (one if isinstance(one, list) else [one])]
    return [one for one in found if one is not None]


def leaves(extra: Any, path: Sequence[str]) -> list[Any]:
    return [value for value in steps(extra, path) if not isinstance(value, dict)]


def intervals(record: Record, field: str) -> list[tuple[float, float]]:
    """A record's intervals, those that touch made one."""
    made: list[tuple[float, float]] = []
    for low, high in sorted((one.get("min", -math.inf), one.get("max", math.inf)) for one in record.get(field, ())):
        if made and low <= made[-1][1]:
            made[-1] = made[-1][0], max(made[-1][1], high)
        else:
            made.append((low, high))
    return made


def position(record: Record) -> Any:
    return places.unit([record["position"]["ra"]], [record["position"]["dec"]])


def middle(record: Record) -> Any:
    """Where the density map has a record: its position, or the centre of its footprint's cap."""
    if "position" in record:
        return position(record)
    if "footprint" not in record:
        return None
    if "circle" in record["footprint"]:
        return places.place(record["footprint"]).cap[0][None]
    return _middle(json.dumps(record["footprint"]))


@functools.lru_cache(maxsize=4096)
def _middle(footprint: str) -> Any:
    cap = cover(shape_of(json.loads(footprint))).cap
    return None if cap[3] < 0 else cap[None, :3]


@functools.cache  # both engines are asked the same
def _stands(where: str, region: str, which: str, relation: str) -> bool | None:
    q = places.place(json.loads(region))
    if which == "footprint":
        return places.relation(places.place(json.loads(where)), q, relation)
    if relation == "contains" and not q.is_point:
        return False
    said = int(q.sure(position({"position": json.loads(where)}))[0])
    return None if said == 0 else said > 0


@functools.cache
def _fraction(where: str, region: str, which: str) -> tuple[float, float]:
    q, there = places.place(json.loads(region)), json.loads(where)
    if which == "footprint":
        return places.fraction(places.place(there), q)
    if there and q.is_point:
        held = int(q.sure(position({"position": there}))[0])
        return float(held > 0), 0.0 if held else 1.0
    return 0.0, 0.0


def _paths(record: Record, field: str) -> list[str]:
    if field == "did.path":
        rucio = record.get("extra", {}).get("rucio", {})
        below = [rucio[key] for key in ("project", "datatype") if key in rucio]
        dids = [one["value"].split(":")[0] for one in record["identifiers"] if one["scheme"] == "rucio"]
        chains = [[scope, *below] for scope in dids]
    else:
        chains = [one["term"].split(" > ") for one in record.get("subjects", ()) if " > " in one["term"]]
    return list(dict.fromkeys("/".join(chain[: n + 1]) for chain in chains for n in range(len(chain))))


def _plain(value: float) -> float | int:
    return int(value) if value == int(value) else value


def _shown(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    return _plain(float(value)) if isinstance(value, int | float) else value


def _lower(text: str) -> str:
    return "".join(chr(ord(letter) + 32) if "A" <= letter <= "Z" else letter for letter in text)


def _extra(value: Any, op: str, text: str) -> bool:
    """One value of ``extra`` compared as what the asked value is: a number, a date, or else a word."""
    word = _shown(value) if isinstance(value, bool | str) else None
    if op == "like":
        return word is not None and _words(op, word, text)
    if not _NUMBER.fullmatch(text) and not _DATE.fullmatch(text):
        return word is not None and _words(op, word, text)
    if op == "eq" and word == text:
        return True
    if _NUMBER.fullmatch(text):
        own = float(value) if word is None else float(word) if _NUMBER.fullmatch(word) else None
        if own is not None and _holds(op, own, float(text), float(text)):
            return True
    if not _DATE.fullmatch(text):
        return False
    dated = word is not None and _DATE.fullmatch(word) and not _NUMBER.fullmatch(word)
    return bool(dated) and _holds(op, utc_span(str(word))[0], *utc_span(text))


def _words(op: str, value: str, text: str) -> bool:
    if op == "like":
        return bool(re.fullmatch(translate(text.replace("[", "[[]")), value))
    return {"eq": value == text, "gt": value > text, "gte": value >= text, "lt": value < text, "lte": value <= text}[op]


def _holds(op: str, value: float, low: float, high: float) -> bool:
    wide = high > low
    return {
        "eq": low <= value < high if wide else value == low,
        "gt": value >= high if wide else value > low,
        "gte": value >= low,
        "lt": value < low,
        "lte": value < high if wide else value <= low,
    }[op]
