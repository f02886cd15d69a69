"""Round edges for histograms, the same in every engine."""

from __future__ import annotations

import functools
import math
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from itertools import count
from typing import Any, Literal

from marshmallow import fields as mm

from schemas.fields import search_fields

Scale = Literal["linear", "log", "day", "month", "year"]
Kind = Literal["number", "whole", "date"]
_MJD_0 = 678576  # proleptic Gregorian ordinal of 1858-11-17
_LAST_MONTH = 9999 * 12  # since year 0; the calendar's last year
_LOG_FROM = 1000.0  # ratio of the greatest to the least value


@dataclass(frozen=True, slots=True)
class Edges:
    """``values``, ascending, one more than there are bins; dates as MJD UTC. No values at all: no bins."""

    scale: Scale
    values: tuple[float, ...]


@functools.cache
def kind_of(field: str) -> Kind:
    """What the values of a search field are; a time is a date, and an ``extra`` key a number."""
    from schemas.record import RecordSchema

    known = search_fields().get(field)
    if known is None:
        return "number"
    if known.kind == "date" or field == "time":
        return "date"
    found: Any = RecordSchema().fields[known.path[0]]
    for key in known.path[1:]:
        inner = found.inner if isinstance(found, mm.List) else found
        found = inner.schema.fields[key] if isinstance(inner, mm.Nested) else inner
    return "whole" if isinstance(found, mm.Integer) else "number"


def edges(low: float, high: float, bins: int, kind: Kind) -> Edges:
    """At most ``bins`` bins that hold all of ``low`` to ``high``, both finite.

    ``date``: days, months or years, whichever is the finest that fits; else decades, and 1, 2, 5 in them, for positive
    values over more than three decades; else steps of 1, 2 or 5 times a power of ten, of ``whole`` values at least 1.
    """
    if kind == "date" and (made := _dates(low, high, bins)):
        return made
    if low > 0 and high / low > _LOG_FROM:
        return _decades(low, high, bins)
    return Edges("linear", _linear(low, high, bins, whole=kind == "whole"))


def _from_to(edge: Callable[[int], float], start: int, low: float, high: float, *, beyond: bool) -> Iterable[float]:
    """Edges from the last that is not above ``low`` to the first at (``beyond``: after) ``high``; at least one bin."""
    while edge(start) > low:
        start -= 1
    while edge(start) < edge(start + 1) <= low:  # past the greatest double all edges are the same
        start += 1
    yield edge(start)
    for k in count(start + 1):
        yield edge(k)
        if edge(k) > high or (edge(k) == high and not beyond):
            return


def _few(found: Iterable[float], bins: int) -> tuple[float, ...]:
    """The edges, or none when there are more than ``bins`` bins."""
    made: list[float] = []
    for one in found:
        if len(made) > bins:
            return ()
        made.append(one)
    return tuple(made)


def _linear(low: float, high: float, bins: int, *, whole: bool) -> tuple[float, ...]:
    # halves, for the difference of the two ends of the doubles is none
    width = (high / 2 - low / 2) / bins * 2 or abs(low) or 1.0
    power = max(math.floor(math.log10(width)), -300)
    if whole:
        power = max(power, 0)
    for exponent in count(power):
        for step in (1, 2, 5):

            def edge(k: int, step: int = step, exponent: int = exponent) -> float:
                return k * step / 10**-exponent if exponent < 0 else float(k * step * 10**exponent)

            size = edge(1)
            if not math.isfinite(size) or max(abs(low), abs(high)) + 2 * size > 1.7e308:
                return (float(low), float(high))
            if (high - low) / size <= bins and abs(low) / size < 2**53:
                made = _few(_from_to(edge, math.floor(low / size), low, high, beyond=whole), bins)
                if made:
                    return made
    raise AssertionError  # the steps end at the greatest double


def _decades(low: float, high: float, bins: int) -> Edges:
    def fine(k: int) -> float:
        return _power((1, 2, 5)[k % 3], k // 3)

    first = math.floor(math.log10(low))
    found = _few(_from_to(fine, 3 * first, low, high, beyond=False), bins)
    for step in count(1):
        if found:
            return Edges("log", found)

        def edge(k: int, step: int = step) -> float:
            return _power(1, k * step)

        found = _few(_from_to(edge, first // step, low, high, beyond=False), bins)
    raise AssertionError  # the steps end at one bin


def _power(digit: int, exponent: int) -> float:
    if exponent > 308 or (exponent == 308 and digit > 1):
        return sys.float_info.max
    return digit / 10**-exponent if exponent < 0 else float(digit * 10**exponent)


def _dates(low: float, high: float, bins: int) -> Edges | None:
    if not (_MJD_0 + low >= 1 and _MJD_0 + high < date(9000, 1, 1).toordinal()):
        return None  # outside of the calendar
    for step in (1, 2, 5, 10):

        def day(k: int, step: int = step) -> float:
            return float(k * step)

        if (high - low) / step <= bins and (
            made := _few(_from_to(day, int(low // step), low, high, beyond=True), bins)
        ):
            return Edges("day", made)
    start = date.fromordinal(_MJD_0 + math.floor(low))
    for scale, step in _STEPS:

        def month(k: int, step: int = step) -> float:
            year, rest = divmod(min(max(k * step, 12), _LAST_MONTH), 12)
            return float(date(year, rest + 1, 1).toordinal() - _MJD_0)

        first = (start.year * 12 + start.month - 1) // step
        if (high - low) / (28 * step) <= 2 * bins and (
            made := _few(_from_to(month, first, low, high, beyond=True), bins)
        ):
            return Edges(scale, tuple(dict.fromkeys(made)))
    return None


_STEPS: tuple[tuple[Scale, int], ...] = (
    *(("month", step) for step in (1, 2, 3, 6)),
    *(("year", 12 * step) for step in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000)),
)
