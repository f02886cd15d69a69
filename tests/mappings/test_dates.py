"""Dates keep the precision they came with; what is no date is named."""

from __future__ import annotations

import pytest

from mappings.dates import date_of, normal_date, year_of
from mappings.outcome import Problem
from schemas.times import utc_span


@pytest.mark.parametrize(
    ("written", "normal"),
    [
        ("2014", "2014"),
        ("2014-05", "2014-05"),
        ("2014-05-02", "2014-05-02"),
        ("20140502", "2014-05-02"),
        ("2014-10-10T10:10", "2014-10-10T10:10"),
        ("2014-10-10T10:10:10.5", "2014-10-10T10:10:10.5"),
        ("2014-10-10 10:10:10Z", "2014-10-10T10:10:10Z"),
        ("2014-10-10T10:10:10.123456+00:00", "2014-10-10T10:10:10.123456Z"),
        ("2014-10-10T10:10:10-0330", "2014-10-10T10:10:10-03:30"),
        ("2016-12-31T23:59:60Z", "2016-12-31T23:59:60Z"),
        ("2014/2016", "2014/2016"),
        ("2014-05-03 / 2014-05", "2014-05-03/2014-05"),
        ("2014-05/", "2014-05/"),
        ("../2015", "/2015"),
        ("-0500", "-0500"),
    ],
)
def test_precision_is_kept(written: str, normal: str) -> None:
    assert normal_date(written) == normal
    assert normal_date(normal) == normal


@pytest.mark.parametrize(
    "written",
    [
        "",
        "/",
        ":unav",
        "May 2014",
        "0000",
        "2014-13",
        "2014-02-30",
        "1900-02-29",
        "2016/2014",
        "1/2/2014",
        "２０１４",
        "2014-05-02T25:00",
        "2014-05-02T10:61",
        "2014-05-02T10:00:00+25:00",
    ],
)
def test_what_is_no_date_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        normal_date(written)


def test_single_dates_are_what_a_query_can_read() -> None:
    for written in ("2014", "2014-05", "20140502", "2014-10-10 10:10:10.25+02"):
        first, last = utc_span(normal_date(written))
        assert first <= last


def test_date_of_notes_the_field_and_the_value() -> None:
    problems: list[Problem] = []
    assert date_of("2014-05", "Issued", "dates", problems) == {"date": "2014-05", "type": "Issued"}
    assert date_of(2014, "Issued", "dates", problems) == {"date": "2014", "type": "Issued"}
    assert date_of(None, "Issued", "dates", problems) is None
    assert not problems
    assert date_of("last spring", "Collected", "metadata.dates.3", problems) is None
    assert date_of(["2014"], "Collected", "metadata.dates.4", problems) is None
    assert [(p.field, p.code) for p in problems] == [
        ("metadata.dates.3", "mapping.bad-date"),
        ("metadata.dates.4", "mapping.bad-date"),
    ]


def test_year_of() -> None:
    assert [year_of(d) for d in ("2014-05", "2014/2016", "/2016", "-0500")] == [2014, 2014, 2016, -500]
