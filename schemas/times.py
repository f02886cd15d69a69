"""Times at the door: ISO 8601 is UTC, a bare number is MJD TDB, ``..`` is an open end (design, "The record").

ERFA, which astropy's own times are made with, converts UTC; astropy, which takes half a second to import and twelve
times as long to convert, is left for the rare scales.
"""

from __future__ import annotations

import calendar
import functools
import math
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from schemas.numbers import number

_ISO = re.compile(
    r"^(?P<year>[+-]?\d{4})(?:-(?P<month>\d\d)(?:-(?P<day>\d\d)"
    r"(?:[T ](?P<hour>\d\d)(?::?(?P<minute>\d\d)(?::?(?P<second>\d\d(?:\.\d+)?))?)?"
    r"(?P<zone>Z|[+-]\d\d(?::?\d\d)?)?)?)?)?$",
    re.ASCII,
)
_SCALED = re.compile(
    r"^\s*(?P<rest>.*?\S)(?:\s+(?P<scale>UTC|TAI|TT|TDB)|\s*\((?P<held>UTC|TAI|TT|TDB)\))\s*$", re.IGNORECASE | re.ASCII
)
_NUMBERED = re.compile(r"^(?P<form>M?JD)\s*(?P<number>[-+\d.][-+\d.eE]*)$", re.IGNORECASE | re.ASCII)
_YEAR = re.compile(r"\d{4}", re.ASCII)
_JD_OF_MJD_0 = 2400000.5
_JD_OF_MJD_0_EXACT = Decimal("2400000.5")
_TT_AFTER_TAI = 32.184  # s, by definition
_EPOCH = datetime(1858, 11, 17, tzinfo=UTC)


def utc_span(text: str) -> tuple[float, float]:
    """The first instant, and the first instant after, of what an ISO 8601 date names, as MJD UTC.

    ``2014`` is a year long, ``2014-05-02`` a day, ``2014-05-02T10:00`` a minute; an instant with
    seconds has no length. A time without a zone is UTC.

    Raises
    ------
    ValueError
        When ``text`` is no such date.
    """
    found = _ISO.match(text.strip())
    if not found:
        raise ValueError(f"not an ISO 8601 date: {text[:40]!r}")
    year, month, day = int(found["year"]), int(found["month"] or 1), int(found["day"] or 1)
    hour, minute, second = int(found["hour"] or 0), int(found["minute"] or 0), float(found["second"] or 0)
    leap = second >= 60  # 23:59:60 is a real UTC second; MJD UTC cannot show it, so it is the next day's first
    try:
        start = datetime(year, month, day, hour, minute, 0, tzinfo=UTC) + timedelta(seconds=second)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"no such date: {text[:40]!r} ({error})") from None
    if second >= (61 if leap else 60):
        raise ValueError(f"no such date: {text[:40]!r} (second must be below 61)")
    zone = found["zone"]
    if zone and zone != "Z":
        sign = -1 if zone[0] == "-" else 1
        digits = zone[1:].replace(":", "")
        try:
            start -= sign * timedelta(hours=int(digits[:2]), minutes=int(digits[2:] or 0))
        except OverflowError as error:  # the first and the last day of the calendar
            raise ValueError(f"no such date: {text[:40]!r} ({error})") from None
    if found["second"]:
        length = timedelta(0)
    elif found["minute"]:
        length = timedelta(minutes=1)
    elif found["hour"]:
        length = timedelta(hours=1)
    elif found["day"]:
        length = timedelta(days=1)
    elif found["month"]:
        length = timedelta(days=calendar.monthrange(year, month)[1])
    else:
        length = timedelta(days=366 if calendar.isleap(year) else 365)
    first = (start - _EPOCH) / timedelta(days=1)
    return first, first + length / timedelta(days=1)


@functools.lru_cache(maxsize=4096)
def to_tdb(mjd: float, scale: str = "utc") -> float:
    """Convert an MJD of ``scale`` (astropy's names: utc, tai, tt, tcb, ut1 ...) to MJD TDB.

    Only the scale is converted, light travel is not. Good to the last bit of the double, 0.6 microseconds today.

    Raises
    ------
    ValueError
        When the calendar does not reach so far (4800 BC).
    """
    if scale == "tdb":
        return mjd
    if scale in ("utc", "tai", "tt"):
        import erfa.ufunc

        whole, rest, offset = _JD_OF_MJD_0, mjd, 0.0 if scale == "tt" else _TT_AFTER_TAI
        if scale == "utc":
            # the bare functions: erfa's own warn of years whose leap seconds nobody knows, which do not matter
            whole, rest, status = erfa.ufunc.utctai(whole, mjd)
            if status < 0:
                raise ValueError(f"no such date: MJD {mjd}")
        seconds = offset + erfa.ufunc.dtdb(whole, rest + offset / 86400, 0.0, 0.0, 0.0, 0.0)
        return float((whole - _JD_OF_MJD_0) + rest + seconds / 86400)
    import warnings

    from astropy.time import Time

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # "dubious year": leap seconds are unknown that far off, and do not matter
        return float(Time(mjd, format="mjd", scale=scale).tdb.mjd)


def instant(text: str) -> tuple[float, float]:
    """What a query's instant names as closed-open MJD TDB bounds; an instant without length is both.

    An ISO 8601 date is UTC; a bare number, ``MJD 57000`` and ``JD 2457000.5`` are TDB. Another scale stands after it:
    ``57000 TT``, ``2014-05-02 (TAI)``.

    Raises
    ------
    ValueError
        For anything else.
    """
    return read_instant(*split_scale(text))


def split_scale(text: str) -> tuple[str, str | None]:
    """An instant without its scale, and the scale: ``utc``, ``tai``, ``tt`` or ``tdb``."""
    if found := _SCALED.match(text):
        return found["rest"], (found["scale"] or found["held"]).lower()
    return text.strip(), None


def read_instant(text: str, scale: str | None) -> tuple[float, float]:
    """As :func:`instant`, of what :func:`split_scale` gives."""
    if found := _NUMBERED.match(text):
        value = _days(found["number"], found["form"].lower() == "jd")
        return (to_tdb(value, scale or "tdb"),) * 2
    try:
        value = number(text)
    except ValueError:
        pass
    else:
        # a four-digit number could be a year: MJD 2014 is in 1864, before any observation, so it is one
        if not _YEAR.fullmatch(text):
            if not math.isfinite(value):
                raise ValueError(f"not a time: {text!r}")
            return (to_tdb(value, scale or "tdb"),) * 2
    if scale not in (None, "utc") and (found := _ISO.match(text)) and found["zone"]:
        raise ValueError(f"{text[:40]!r} has a zone, which is of UTC, and a scale: leave one out")
    first, last = utc_span(text)
    return to_tdb(first, scale or "utc"), to_tdb(last, scale or "utc")


def _days(text: str, julian: bool) -> float:
    try:
        # a Julian date has two digits more than a double keeps to the microsecond
        value = float(Decimal(text) - _JD_OF_MJD_0_EXACT) if julian else number(text)
    except (ValueError, ArithmeticError):
        raise ValueError(f"not a number: {text[:40]!r}") from None
    if not math.isfinite(value):
        raise ValueError(f"not a time: {text[:40]!r}")
    return value
