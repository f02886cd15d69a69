"""Dates as DataCite writes them (RKMS-ISO8601, W3CDTF): any precision, intervals, open ends; precision is kept."""

from __future__ import annotations

import calendar
import re
from typing import Any

from mappings.outcome import Problem
from mappings.text import one_line

_COMPACT = re.compile(r"(\d{4})(\d\d)(\d\d)", re.ASCII)
_DATE = re.compile(
    r"(?P<year>-?\d{4})(?:-(?P<month>\d\d)(?:-(?P<day>\d\d)"
    r"(?:[Tt ](?P<hour>\d\d):(?P<minute>\d\d)(?::(?P<second>\d\d)(?P<fraction>[.,]\d+)?)?"
    r"\s?(?P<zone>[Zz]|[+-]\d\d(?::?\d\d)?)?)?)?)?",
    re.ASCII,
)
_OPEN = ("", "..")  # RKMS leaves an open end out, EDTF (what InvenioRDM stores) writes two dots


def normal_date(text: str) -> str:
    """Give a date or interval in one spelling and its own precision.

    ``2014``, ``2014-05``, ``2014-05-02``, ``2014-05-02T10:00Z``, ``2014/2016``, ``2014-05/`` (no end).
    ``+00:00`` becomes ``Z``, a space between date and time becomes ``T``; a time without a zone stays so
    (it is UTC by the record's rule).

    Raises
    ------
    ValueError
        When it is no such date, or an interval ends before it begins.
    """
    text = text.strip()
    if "/" not in text:
        return _instant(text)
    ends = [part.strip() for part in text.split("/")]
    if len(ends) != 2 or all(end in _OPEN for end in ends):
        raise ValueError(f"not a date or an interval of two: {text[:60]!r}")
    first, last = ("" if end in _OPEN else _instant(end) for end in ends)
    if first and last and _order(last) < _order(first)[: len(_order(last))]:
        raise ValueError(f"the interval {text[:60]!r} ends before it begins")
    return f"{first}/{last}"


def date_of(value: Any, kind: str, field: str, problems: list[Problem]) -> dict[str, str] | None:
    """Make an entry of ``dates``, or note why not; an empty value is no date and no problem."""
    if value is None or value == "":
        return None
    if isinstance(value, int) and not isinstance(value, bool):
        value = f"{value:04d}"  # JSON sources write bare years as numbers
    try:
        if not isinstance(value, str):
            raise ValueError(f"a date must be text, not {type(value).__name__}")
        return {"date": normal_date(value), "type": one_line(kind) or "Other"}
    except ValueError as error:
        problems.append(Problem(field, "mapping.bad-date", str(error), value))
        return None


def year_of(date: str) -> int | None:
    """Give the first year that a normal date names, None for an interval without a beginning."""
    found = re.match(r"-?\d{4}", date.removeprefix("/"))
    return int(found[0]) if found else None


def _instant(text: str) -> str:
    if compact := _COMPACT.fullmatch(text):
        text = "-".join(compact.groups())
    found = _DATE.fullmatch(text)
    if not found:
        raise ValueError(f"not an ISO 8601 date: {text[:60]!r}")
    year, month = int(found["year"]), int(found["month"] or 1)
    if year == 0 and text.startswith("0000"):
        raise ValueError(f"{text[:60]!r} has no year")
    if not 1 <= month <= 12:
        raise ValueError(f"no month {month} in {text[:60]!r}")
    days = calendar.monthrange(2000 + year % 400, month)[1]  # the Gregorian calendar repeats after 400 years
    if not 1 <= int(found["day"] or 1) <= days:
        raise ValueError(f"no day {found['day']} in {text[:60]!r}")
    if not found["hour"]:
        return text
    clock = (int(found["hour"]), int(found["minute"]), int(found["second"] or 0))
    if clock[0] > 23 or clock[1] > 59 or clock[2] > (60 if clock[1] == 59 else 59):
        raise ValueError(f"no such time of day: {text[:60]!r}")
    zone = found["zone"] or ""
    hours, minutes = (zone[1:].replace(":", "") + "0000")[:2], (zone[1:].replace(":", "") + "0000")[2:4]
    if zone and zone not in "Zz" and (int(hours) > 14 or int(minutes) > 59):
        raise ValueError(f"no such time zone: {text[:60]!r}")
    if zone and (zone in "Zz" or (hours, minutes) == ("00", "00")):
        zone = "Z"
    elif zone:
        zone = f"{zone[0]}{hours}:{minutes}"
    seconds = f":{found['second']}" if found["second"] else ""
    fraction = (found["fraction"] or "").replace(",", ".")
    return f"{text[: found.start('hour') - 1]}T{found['hour']}:{found['minute']}{seconds}{fraction}{zone}"


def _order(date: str) -> tuple[int, ...]:
    """Sort key of year, month and day, as many as there are; a zone cannot move a date by more than that hides."""
    return tuple(int(part) for part in date.partition("T")[0].split("-")) if date[0] != "-" else (int(date[:5]),)
