"""The query: one search as plain data, whoever asks.

HTTP parameters, the command line and a policy all parse to :class:`Query` through
:func:`parse`; each engine answers it. A parameter that cannot be understood is a
:class:`~schemas.errors.QueryError` with a stable code and the nearest known name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, cast, get_args

from schemas import parsing, regions
from schemas.comparisons import choice, comparison, field_op, field_span, known_field_op
from schemas.errors import QueryError
from schemas.fields import field_name
from schemas.filters import Filter, Op
from schemas.grammar import parse_text
from schemas.parsing import DEFAULT_BINS, DEFAULT_BUCKETS, DEFAULT_LIMIT, MAX_BINS, MAX_DENSITY, MAX_FACETS, MAX_LIMIT
from schemas.text import Node

__all__ = [
    "DEFAULT_BINS",
    "DEFAULT_BUCKETS",
    "DEFAULT_LIMIT",
    "MAX_BINS",
    "MAX_DENSITY",
    "MAX_FACETS",
    "MAX_LIMIT",
    "Cone",
    "Facet",
    "Filter",
    "Histogram",
    "Interval",
    "Query",
    "Region",
    "Relation",
    "Sort",
    "Span",
    "SpanRelation",
    "cone",
    "field_span",
    "is_parameter",
    "parse",
]

Relation = Literal["intersects", "within", "contains", "position"]
SpanRelation = Literal["overlaps", "within", "contains"]


@dataclass(frozen=True, slots=True)
class Cone:
    """Closed small circle; degrees, ICRS."""

    ra: float
    dec: float
    radius: float


@dataclass(frozen=True, slots=True)
class Region:
    """A closed region of the sky, in the form of a record's ``footprint``; a box is ``{"stc_s": "Box ICRS ..."}``.

    ``record`` instead: the footprint of the record with that id; the catalogue looks it up before an engine is asked.
    """

    footprint: Mapping[str, Any] = field(default_factory=dict)
    record: str | None = None

    @classmethod
    def circle(cls, ra: float, dec: float, radius: float) -> Region:
        return cls({"circle": [ra, dec, radius]})

    @property
    def cone(self) -> Cone | None:
        """The region as a cone, if it is one."""
        circle = self.footprint.get("circle")
        return Cone(*circle) if circle else None


@dataclass(frozen=True, slots=True)
class Interval:
    """Closed interval; an open end is infinite."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Span:
    """A closed interval asked of ``time`` (MJD TDB), ``spectral`` (metres in vacuum) or ``energy`` (J).

    ``overlaps``: an interval of the record shares a point with it; ``within``: all of the record's intervals lie
    inside; ``contains``: one of the record's intervals holds all of it.
    """

    field: str
    low: float
    high: float
    relation: SpanRelation = "overlaps"


@dataclass(frozen=True, slots=True)
class Facet:
    """The ``size`` most frequent values of ``field``, ties in value order.

    Only values that begin with ``prefix`` (letters A to Z in either case). Of a field named ``*.path`` one level: the
    values that go on after ``prefix`` without a further ``/``.
    """

    field: str
    size: int = DEFAULT_BUCKETS
    prefix: str = ""


@dataclass(frozen=True, slots=True)
class Histogram:
    """Counts of a number, date or interval field in at most ``bins`` bins with round edges."""

    field: str
    bins: int = DEFAULT_BINS


@dataclass(frozen=True, slots=True)
class Sort:
    field: str
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Query:
    """One search. ``groups`` are the caller's, for restricted records, and never come from a parameter.

    Nor does ``sees_all``: who operates a lake looks after all that is in it, whoever may see it.
    ``words`` is ``text`` as a tree. ``covered`` bounds the fraction of the region that a footprint covers. ``density``:
    count by HEALPix cell of that order. ``collapse``: the same thing from several sources is one. ``after``: only what
    has changed since that feed number.
    """

    text: str | None = None
    words: Node | None = None
    filters: tuple[Filter, ...] = ()
    region: Region | None = None
    relation: Relation = "intersects"
    unlocated: bool = False
    covered: Interval | None = None
    spans: tuple[Span, ...] = ()
    facets: tuple[Facet, ...] = ()
    histograms: tuple[Histogram, ...] = ()
    density: int | None = None
    sort: tuple[Sort, ...] = ()
    limit: int = DEFAULT_LIMIT
    cursor: str | None = None
    collapse: bool = True
    after: int | None = None
    groups: frozenset[str] = field(default=frozenset())
    sees_all: bool = False

    @property
    def cone(self) -> Cone | None:
        """The region, where it is a cone."""
        return self.region.cone if self.region else None


_SPANS = ("time", "spectral", "energy")
# What is no field's name; format and highlight are for the answer's form, and mean nothing here
_OWN = (
    *("q", "relation", "unlocated", "collapse", "covered.gte", "covered.lte", "density"),
    *("sort", "limit", "cursor", "format", "highlight"),
    *regions.NAMES,
    *_SPANS,
    *(f"{name}_relation" for name in _SPANS),
)
_LISTS = ("facets", "facet_prefix", "histogram")
_SINGLE = frozenset(_OWN)


def is_field(name: str) -> bool:
    """Whether a parameter of that name compares a field of the record; the others belong to the search as a whole."""
    return name not in _SINGLE and name not in _LISTS


def is_parameter(name: str) -> bool:
    """Whether :func:`parse` knows a parameter of that name."""
    return name in _SINGLE or name in _LISTS or known_field_op(name) is not None


def parse(parameters: Iterable[tuple[str, str]], resolve: regions.Resolver | None = None) -> Query:
    """Read ``(name, value)`` pairs as they come from a URL or a command line.

    A field repeated is any-of; different fields are all-of. ``resolve`` gives the (ra, dec) of an object's name, in
    degrees ICRS, or None.

    Raises
    ------
    QueryError
        ``query.*``; ``context["parameter"]`` names the parameter.
    """
    own: dict[str, str] = {}
    lists: dict[str, list[str]] = {name: [] for name in _LISTS}
    asked: dict[tuple[str, Op], list[str]] = {}
    for name, value in parameters:
        if name in _SINGLE:
            if own.setdefault(name, value) != value:
                raise QueryError("repeated-parameter", f"{name} is given twice; give it once", parameter=name)
        elif name in lists:
            lists[name] += [value] if name == "facet_prefix" else [part for part in value.split(",") if part]
        else:
            asked.setdefault(field_op(name, (*_OWN, *_LISTS)), []).append(value)
    if len(asked) > parsing.MAX_FILTERS or sum(map(len, asked.values())) > parsing.MAX_VALUES:
        said = f"at most {parsing.MAX_FILTERS} comparisons with {parsing.MAX_VALUES} values in one search"
        raise QueryError("too-many-filters", said, parameter=next(reversed(asked))[0])
    filters = tuple([comparison(name, op, values) for (name, op), values in asked.items()])
    text = own.get("q", "").strip() or None
    if not own and not any(lists.values()):
        return Query(filters=filters)
    region = _region(own, resolve)
    facets, histograms = _facets(lists)
    return Query(
        text=text,
        words=parse_text(text, comparison) if text else None,
        filters=filters,
        region=region,
        relation=cast(Relation, choice("relation", own.get("relation", "intersects"), get_args(Relation))),
        unlocated=choice("unlocated", own.get("unlocated", "exclude"), ("exclude", "include")) == "include",
        covered=_covered(own, region),
        spans=tuple([_span(name, own) for name in _SPANS if name in own or f"{name}_relation" in own]),
        facets=facets,
        histograms=histograms,
        density=parsing.whole("density", own["density"], 0, MAX_DENSITY) if "density" in own else None,
        sort=_sorts(own.get("sort", ""), region, text),
        limit=parsing.whole("limit", own["limit"], 0, MAX_LIMIT) if "limit" in own else DEFAULT_LIMIT,
        cursor=own.get("cursor") or None,
        collapse=parsing.truth("collapse", own.get("collapse", "true")),
    )


def cone(ra: float, dec: float, radius: float, parameter: str) -> Cone:
    """Check a cone's numbers: 0 <= ra <= 360, -90 <= dec <= 90, 0 <= radius <= 180 degrees."""
    regions.check_place(ra, dec, parameter)
    regions.check_radius(radius, parameter)
    return Cone(ra, dec, radius)


def _region(own: Mapping[str, str], resolve: regions.Resolver | None) -> Region | None:
    given = [name for name in regions.NAMES if name in own]
    if not given:
        return None
    name, text = given[0], own[given[0]]
    if len(given) > 1:
        said = f"{' and '.join(given)} are given; a search has one region"
        raise QueryError("several-regions", said, parameter=given[1])
    if name == "cone":
        return Region(regions.cone(text, resolve))
    if name == "footprint_of":
        return Region(record=regions.record(text))
    return Region(_REGIONS[name](text))


_REGIONS = {
    "polygon": regions.polygon,
    "box": regions.box,
    "moc": regions.moc,
    "footprint": regions.stc_s,
}


def _covered(own: dict[str, str], region: Region | None) -> Interval | None:
    named = next((name for name in ("covered.gte", "covered.lte") if name in own), None)
    if named is None:
        return None
    if region is None:
        raise QueryError("no-region", f"{named} needs a region that is to be covered", parameter=named)
    return Interval(*parsing.covered(own))


def _span(name: str, own: Mapping[str, str]) -> Span:
    relation = choice(f"{name}_relation", own.get(f"{name}_relation", "overlaps"), get_args(SpanRelation))
    if name not in own:
        raise QueryError("missing-parameter", f"{name}_relation needs {name}", parameter=f"{name}_relation")
    return Span(name, *parsing.span(name, own[name], relation), cast(SpanRelation, relation))


def _facets(lists: Mapping[str, list[str]]) -> tuple[tuple[Facet, ...], tuple[Histogram, ...]]:
    if sum(len(lists[name]) for name in ("facets", "histogram")) > MAX_FACETS:
        named = "facets" if lists["facets"] else "histogram"
        said = f"at most {MAX_FACETS} facets and histograms in one search"
        raise QueryError("too-many-facets", said, parameter=named)
    prefixes: dict[str, str] = {}
    for text in lists["facet_prefix"]:
        name, prefix = parsing.facet_prefix(text)
        if prefixes.setdefault(name, prefix) != prefix:
            raise QueryError("repeated-parameter", f"{name} has two prefixes; give it one", parameter="facet_prefix")
    sizes = dict(map(parsing.facet, lists["facets"]))
    facets = tuple([Facet(name, size, prefixes.pop(field_name(name), "")) for name, size in sizes.items()])
    if prefixes:
        lost = next(iter(prefixes))
        raise QueryError("missing-parameter", f"facet_prefix={lost} needs facets={lost}", parameter="facet_prefix")
    return facets, tuple(dict.fromkeys([Histogram(*parsing.histogram(text)) for text in lists["histogram"]]))


def _sorts(text: str, region: Region | None, words: str | None) -> tuple[Sort, ...]:
    if not text:
        return ()
    needs = {"cone": region is not None and region.cone is not None, "region": region is not None, "words": bool(words)}
    asked = [Sort(*parsing.sort(part, **needs)) for part in text.split(",") if part]
    last = next((n for n, one in enumerate(asked) if one.field == "id"), len(asked))
    return tuple(asked[: last + 1])  # no two ids are equal: nothing is ordered by what follows
