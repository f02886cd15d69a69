"""Single parameters of a query as they are typed, read into plain values."""

from __future__ import annotations

import functools
import math

from schemas.comparisons import choice, is_extra, unknown
from schemas.errors import QueryError
from schemas.fields import field_name, search_fields
from schemas.numbers import number
from schemas.times import read_instant, split_scale
from schemas.units import energies, is_open, split_interval, wavelengths

MAX_LIMIT = 10_000
MAX_FACETS = 50
MAX_FILTERS = 100
MAX_VALUES = 10_000  # of all filters together
MAX_BINS = 200
MAX_DENSITY = 8  # order; 786,432 cells
DEFAULT_LIMIT = 25
DEFAULT_BUCKETS = 25
DEFAULT_BINS = 20
SPAN_RELATIONS = ("overlaps", "within", "contains")
_SORTS = ("id", "score", "distance", "covered", "changed")


def facet(text: str) -> tuple[str, int]:
    """``FIELD`` or ``FIELD:SIZE``."""
    name, _, size = text.partition(":")
    name = name.strip()
    _countable(name, "facets")
    return name, whole("facets", size, 1, MAX_LIMIT, "size") if size else DEFAULT_BUCKETS


def facet_prefix(text: str) -> tuple[str, str]:
    """``FIELD:PREFIX``; the prefix may hold colons."""
    name, colon, prefix = text.partition(":")
    name = name.strip()
    _countable(name, "facet_prefix")
    if not colon or "\0" in prefix:
        raise QueryError("bad-value", f"facet_prefix={text[:80]}: write FIELD:PREFIX", parameter="facet_prefix")
    return field_name(name), prefix


def _countable(name: str, parameter: str) -> None:
    known = search_fields().get(field_name(name))
    if known is None and not is_extra(name):
        raise unknown("unknown-field", "facet field", name, search_fields(), parameter)
    if known is not None and known.kind in ("text", "interval"):
        raise QueryError("not-a-facet", f"{name} has no values to count", parameter=parameter)


def histogram(text: str) -> tuple[str, int]:
    """``FIELD`` or ``FIELD:BINS``, of a number, date or interval field."""
    name, _, bins = text.partition(":")
    name = name.strip()
    known = search_fields().get(field_name(name))
    if known is None:
        raise unknown("unknown-field", "histogram field", name, search_fields(), "histogram")
    if known.kind not in ("number", "date", "interval"):
        said = f"{name} has no histogram; numbers, dates and intervals do, count others with facets"
        raise QueryError("not-a-histogram", said, parameter="histogram")
    return name, whole("histogram", bins, 1, MAX_BINS, "bins") if bins else DEFAULT_BINS


def sort(text: str, *, cone: bool, region: bool, words: bool) -> tuple[str, bool]:
    """``FIELD`` or ``-FIELD``, descending; what the order may need is said by the flags."""
    name = text.strip().removeprefix("-")
    descending = text.strip().startswith("-")
    for asked, there, needed in (("distance", cone, "a cone"), ("covered", region, "a region"), ("score", words, "q")):
        if name == asked and not there:
            raise QueryError("bad-sort", f"sort={name} needs {needed}", parameter="sort")
    if name in _SORTS:
        return name, descending
    name = field_name(name)
    known = search_fields().get(name)
    if known is None:
        raise unknown("unknown-field", "sort field", name, [*search_fields(), *_SORTS], "sort")
    if known.kind not in ("number", "date", "interval"):
        raise QueryError("bad-sort", f"{name} cannot be sorted by; numbers, dates and times can", parameter="sort")
    return name, descending


def span(name: str, text: str, relation: str) -> tuple[float, float]:
    """The closed interval that ``time``, ``spectral`` or ``energy`` is asked for."""
    try:
        if name == "time":
            return _times(text)
        return (wavelengths if name == "spectral" else energies)(text, relation)
    except ValueError as error:
        raise QueryError("bad-value", f"{name}: {error}", parameter=name) from None


@functools.lru_cache(maxsize=1024)
def _times(text: str) -> tuple[float, float]:
    ends = split_interval(text)
    (low_text, low_scale), (high_text, high_scale) = map(split_scale, ends)
    # 57000/57001 TT: what is said at one end holds for both
    low = -math.inf if is_open(ends[0], -1) else read_instant(low_text, low_scale or high_scale)[0]
    last, after = (
        (math.inf,) * 2 if is_open(ends[1], 1) else read_instant(_alike(low_text, high_text), high_scale or low_scale)
    )
    if low > last:
        raise ValueError(f"{text[:80]!r} ends before it starts")
    # 2014 ends before the first instant of 2015, a number at itself
    return low, after if last == after else math.nextafter(after, low)


def _alike(first: str, second: str) -> str:
    """``second`` in the form of ``first``: ``JD 2457000/2457001`` are both Julian dates."""
    form = first[:3].upper().rstrip(" -.0123456789")
    return f"{form} {second}" if form in ("JD", "MJD") and second[:1].isdigit() and "-" not in second[1:] else second


def covered(parameters: dict[str, str]) -> tuple[float, float]:
    """The bounds of the fraction of the region that is covered, 0 to 1."""
    bounds = []
    for name, unsaid in (("covered.gte", "0"), ("covered.lte", "1")):
        text = parameters.get(name, unsaid)
        try:
            value = number(text)
        except ValueError:
            value = math.nan
        if not 0 <= value <= 1:
            raise QueryError("bad-value", f"{name}={text[:40]} is not a fraction, 0 to 1", parameter=name)
        bounds.append(value)
    return bounds[0], bounds[1]


def whole(parameter: str, text: str, low: int, high: int, what: str = "") -> int:
    """A whole number from ``low`` to ``high``, in digits alone."""
    if text.isascii() and text.isdecimal() and len(text) <= len(str(high)) and low <= int(text) <= high:
        return int(text)
    said = f"{parameter}: {what} {text[:40]!r}" if what else f"{parameter}={text[:40]}"
    raise QueryError("bad-value", f"{said} is not {low} to {high}", parameter=parameter)


def truth(parameter: str, text: str) -> bool:
    """``true`` or ``false``."""
    return choice(parameter, text.lower(), ("true", "false")) == "true"
