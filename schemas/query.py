"""The query: one search as plain data, whoever asks.

HTTP parameters, the command line and a policy all parse to :class:`Query` through
:func:`parse`; each engine answers it. A parameter that cannot be understood is a
:class:`~schemas.errors.QueryError` with a stable code and the nearest known name.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from schemas.errors import QueryError
from schemas.fields import field_name, search_fields, top_level
from schemas.filters import Filter, Op
from schemas.numbers import number
from schemas.text import Node
from schemas.times import instant, utc_span
from schemas.vocabulary import canonical

Relation = Literal["intersects", "within", "contains", "position"]
SpanRelation = Literal["overlaps", "within", "contains"]

MAX_LIMIT = 10_000
MAX_FACETS = 50
MAX_BINS = 200
MAX_DENSITY = 8  # order; 786,432 cells
DEFAULT_LIMIT = 25
DEFAULT_BUCKETS = 25
DEFAULT_BINS = 20


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

    ``words`` is ``text`` as a tree. ``covered`` bounds the fraction of the region that a footprint covers. ``density``:
    count by HEALPix cell of that order. ``collapse``: the same thing from several sources is one. ``after``: only what has
    changed since that feed number.
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

    @property
    def cone(self) -> Cone | None:
        """The region, where it is a cone."""
        return self.region.cone if self.region else None


_OPS = frozenset(get_args(Op)) - {"eq", "like"}
_OWN = (
    "q",
    "cone",
    "relation",
    "unlocated",
    "time",
    "spectral",
    "facets",
    "sort",
    "limit",
    "cursor",
    "format",
)
_NUMERIC_OPS = ("gt", "gte", "lt", "lte")


def parse(parameters: Iterable[tuple[str, str]]) -> Query:
    """Read ``(name, value)`` pairs as they come from a URL or a command line.

    A field repeated is any-of; different fields are all-of. ``time`` and ``spectral`` mean overlap.

    Raises
    ------
    QueryError
        ``query.*``; ``context["parameter"]`` names the parameter.
    """
    own: dict[str, str] = {}
    facets: list[Facet] = []
    asked: dict[tuple[str, Op], list[str]] = {}
    for name, value in parameters:
        if name == "facets":
            facets += [_facet(part) for part in value.split(",") if part]
        elif name in _OWN:
            if own.setdefault(name, value) != value:
                raise QueryError("repeated-parameter", f"{name} is given twice; give it once", parameter=name)
        else:
            asked.setdefault(_field_op(name), []).append(value)
    if len(facets) > MAX_FACETS:
        raise QueryError("too-many-facets", f"at most {MAX_FACETS} facets in one search", parameter="facets")
    region = Region.circle(*_cone(own["cone"])) if "cone" in own else None
    cone = region.cone if region else None
    spans = [Span(name, *_interval(name, own[name])) for name in ("time", "spectral") if name in own]
    sort = tuple(_sort(part, cone, own.get("q")) for part in own.get("sort", "").split(",") if part)
    return Query(
        text=own.get("q", "").strip() or None,
        filters=tuple(_filter(name, op, values) for (name, op), values in asked.items()),
        region=region,
        relation=_choice("relation", own.get("relation", "intersects"), get_args(Relation)),  # type: ignore[arg-type]
        unlocated=_choice("unlocated", own.get("unlocated", "exclude"), ("exclude", "include")) == "include",
        spans=tuple(spans),
        facets=tuple(dict.fromkeys(facets)),
        sort=sort,
        limit=_limit(own.get("limit")),
        cursor=own.get("cursor") or None,
    )


def field_span(name: str, value: str) -> tuple[float, float]:
    """The closed-open bounds that ``value`` names in the number or date field ``name``: a number is its own bounds.

    Raises
    ------
    QueryError
        ``query.bad-value``.
    """
    known = search_fields().get(name)
    try:
        if known is not None and known.kind == "date":
            return utc_span(value)
        if known is not None and name == "time":
            return instant(value)
        read = number(value)
    except ValueError as error:
        raise QueryError("bad-value", f"{name}: {error}", parameter=name, value=value) from None
    if not math.isfinite(read):
        raise QueryError("bad-value", f"{name}: {value} is not a finite number", parameter=name, value=value)
    return read, read


def _field_op(name: str) -> tuple[str, Op]:
    base, dot, last = name.rpartition(".")
    op: Op = "eq"
    if dot and last in _OPS:
        name, op = base, last  # type: ignore[assignment]  # membership was just checked
    if name.startswith("extra.") and len(name) > len("extra."):
        return name, op
    name = field_name(name)
    if name in search_fields() or (op == "exists" and name in top_level()):
        return name, op
    raise _unknown("unknown-field", "field", name, [*search_fields(), *_OWN, "extra."])


def _unknown(code: str, what: str, name: str, known: Iterable[str], parameter: str | None = None) -> QueryError:
    near = difflib.get_close_matches(name, list(known), 1, 0.5)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return QueryError(code, f"no {what} {name!r}{hint}", parameter=parameter or name)


def _filter(name: str, op: Op, values: list[str]) -> Filter:
    if op == "exists":
        said = {_choice(f"{name}.exists", value.lower(), ("true", "false")) for value in values}
        if len(said) > 1:
            raise QueryError("repeated-parameter", f"{name}.exists is given twice; give it once", parameter=name)
        return Filter(name, op, tuple(said))
    if any("\0" in value for value in values):
        raise QueryError("bad-value", f"{name}: a value holds a NUL character", parameter=name)
    known = search_fields().get(name)
    kind = known.kind if known else "extra"
    if kind == "text":
        raise QueryError("not-a-filter", f"{name} is text: search it with q, or ask {name}.exists", parameter=name)
    if kind in ("number", "date", "interval"):
        for value in values:
            field_span(name, value)
    if op in _NUMERIC_OPS and len(values) > 1:
        raise QueryError("repeated-parameter", f"{name}.{op} is given twice; give it once", parameter=name)
    return Filter(name, op, tuple(dict.fromkeys(canonical(name, value) for value in values)))


def _facet(text: str) -> Facet:
    name, _, size = text.partition(":")
    name = name.strip()
    known = search_fields().get(field_name(name))
    if known is None and not (name.startswith("extra.") and len(name) > len("extra.")):
        raise _unknown("unknown-field", "facet field", name, search_fields(), "facets")
    if known is not None and known.kind in ("text", "interval"):
        raise QueryError("not-a-facet", f"{name} has no values to count", parameter="facets")
    if not size:
        return Facet(name)
    if not (size.isascii() and size.isdecimal()) or len(size) > len(str(MAX_LIMIT)) or not 1 <= int(size) <= MAX_LIMIT:
        raise QueryError("bad-value", f"facets: size {size!r} is not 1 to {MAX_LIMIT}", parameter="facets")
    return Facet(name, int(size))


def _sort(text: str, cone: Cone | None, words: str | None) -> Sort:
    name = text.strip().removeprefix("-")
    descending = text.strip().startswith("-")
    if name == "distance" and cone is None:
        raise QueryError("bad-sort", "sort=distance needs a cone", parameter="sort")
    if name == "score" and not words:
        raise QueryError("bad-sort", "sort=score needs q", parameter="sort")
    if name in ("id", "score", "distance"):
        return Sort(name, descending)
    name = field_name(name)
    known = search_fields().get(name)
    if known is None:
        raise _unknown("unknown-field", "sort field", name, [*search_fields(), "score", "distance"], "sort")
    if known.kind not in ("number", "date", "interval"):
        raise QueryError("bad-sort", f"{name} cannot be sorted by; numbers, dates and times can", parameter="sort")
    return Sort(name, descending)


def _floats(name: str, text: str, count: int) -> list[float]:
    parts = text.replace(",", " ").split()
    try:
        numbers = [number(part) for part in parts]
    except ValueError:
        raise QueryError("bad-value", f"{name}={text[:80]} is not {count} numbers", parameter=name) from None
    if len(numbers) != count or not all(map(math.isfinite, numbers)):
        raise QueryError("bad-value", f"{name}={text[:80]} is not {count} finite numbers", parameter=name)
    return numbers


def _cone(text: str) -> tuple[float, float, float]:
    ra, dec, radius = _floats("cone", text, 3)
    cone(ra, dec, radius, "cone")
    return ra, dec, radius


def cone(ra: float, dec: float, radius: float, parameter: str) -> Cone:
    """Check a cone's numbers: 0 <= ra <= 360, -90 <= dec <= 90, 0 <= radius <= 180 degrees."""
    if not (0 <= ra <= 360 and -90 <= dec <= 90):
        raise QueryError(
            "bad-position",
            f"({ra:g}, {dec:g}) is not on the sky: ra 0 to 360, dec -90 to 90",
            parameter=parameter,
        )
    if not 0 <= radius <= 180:
        raise QueryError("bad-radius", f"radius {radius:g} is not 0 to 180 degrees", parameter=parameter)
    return Cone(ra, dec, radius)


def _interval(name: str, text: str) -> tuple[float, float]:
    low_text, slash, high_text = text.partition("/") if "/" in text else (text, "", text)
    if slash and not (low_text.strip() and high_text.strip()):
        raise QueryError("bad-value", f"{name}={text[:80]}: write .. for an open end", parameter=name)
    read = instant if name == "time" else (lambda part: field_span(name, part))
    try:
        low = -math.inf if low_text.strip() in ("..", "-Inf") else read(low_text.strip())[0]
        last, after = (math.inf,) * 2 if high_text.strip() in ("..", "+Inf", "Inf") else read(high_text.strip())
    except ValueError as error:
        raise QueryError("bad-value", f"{name}: {error}", parameter=name) from None
    if low > last:
        raise QueryError("bad-value", f"{name}={text[:80]} ends before it starts", parameter=name)
    # 2014 ends before the first instant of 2015, a number at itself
    return low, after if last == after else math.nextafter(after, low)


def _limit(text: str | None) -> int:
    if text is None:
        return DEFAULT_LIMIT
    if not (text.isascii() and text.isdecimal()) or len(text) > len(str(MAX_LIMIT)) or int(text) > MAX_LIMIT:
        raise QueryError("bad-value", f"limit={text[:40]} is not 0 to {MAX_LIMIT}", parameter="limit")
    return int(text)


def _choice(name: str, value: str, allowed: tuple[str, ...]) -> str:
    if value not in allowed:
        raise QueryError("bad-value", f"{name}={value[:40]} is not one of {', '.join(allowed)}", parameter=name)
    return value
