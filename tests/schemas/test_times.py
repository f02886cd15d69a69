"""Time scales: against astropy, which converts the slow way."""

from __future__ import annotations

import warnings
from datetime import datetime

import numpy as np
import pytest
from astropy.time import Time
from hypothesis import given
from hypothesis import strategies as st

from schemas.times import instant, to_tdb, utc_span

# around leap seconds, at both ends of UTC's leap seconds, and far outside of them
MJDS = [-100000.25, 36934.0, 41316.999999, 41317.0, 41498.75, 53345.9, 57753.999999, 57754.0, 60000.123456, 150000.5]


@pytest.mark.parametrize("mjd", [*MJDS, *np.random.default_rng(7).uniform(41317, 62000, 200)])
def test_utc_is_converted_as_astropy_does(mjd: float) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # dubious years
        right = Time(mjd, format="mjd", scale="utc").tdb.mjd
    assert to_tdb(float(mjd)) == pytest.approx(right, rel=0, abs=2 * np.spacing(abs(mjd)))


def test_other_scales() -> None:
    assert to_tdb(53345.9, "tdb") == 53345.9
    assert to_tdb(53345.9, "tai") == pytest.approx(53345.9 + 32.184 / 86400, abs=3e-8)


def test_a_date_before_the_calendar_is_refused() -> None:
    with pytest.raises(ValueError, match="no such date"):
        to_tdb(-3e6)


def test_a_year_is_utc_and_a_number_is_tdb() -> None:
    assert instant("53345.9") == (53345.9, 53345.9)
    first, last = instant("2004")
    assert (first, last) == (to_tdb(53005.0), to_tdb(53371.0))


@pytest.mark.parametrize(
    ("date", "days"),
    [
        ("2014", 365),
        ("2016", 366),
        ("2016-02", 29),
        ("2014-12", 31),
        ("2014-05-02", 1),
        ("2014-05-02T10", 1 / 24),
        ("2014-05-02T10:00", 1 / 1440),
        ("2014-05-02T10:00:00", 0),
        ("2014-05-02 10:00:00.125", 0),
    ],
)
def test_a_date_lasts_as_long_as_its_precision(date: str, days: float) -> None:
    first, after = utc_span(date)
    assert after - first == pytest.approx(days, abs=1e-10)
    whole = date.replace(" ", "T") + "2014-01-01T00:00:00"[len(date) :]
    assert first == pytest.approx(Time(whole, scale="utc").mjd, abs=1e-10)


@given(st.datetimes(min_value=datetime(1960, 1, 1), max_value=datetime(2100, 1, 1)), st.integers(-14, 14))
def test_zones_are_taken_off(moment: datetime, hours: int) -> None:
    text = moment.isoformat(timespec="seconds")
    assert utc_span(f"{text}{hours:+03d}:00")[0] == pytest.approx(utc_span(f"{text}Z")[0] - hours / 24, abs=1e-9)
    assert utc_span(text) == utc_span(f"{text}Z")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "now",
        "14",
        "2014-13",
        "2014-02-30",
        "2014-05-02T25",
        "2014-05-02T10:00:61",
        "2014-5-2",
        "20140502",
        "2014/2015",
        "٢٠١٤",
        "2014-٠5",
    ],
)
def test_what_is_no_date(text: str) -> None:
    with pytest.raises(ValueError, match="date"):
        utc_span(text)


@pytest.mark.parametrize("text", ["53_000", "٥٣٠٠٠", "nan", "inf", "1e999"])
def test_what_is_no_instant(text: str) -> None:
    with pytest.raises(ValueError, match=r"date|not a time"):
        instant(text)


def test_the_leap_second_is_there() -> None:
    assert utc_span("2016-12-31T23:59:60Z")[0] == utc_span("2017-01-01T00:00:00Z")[0]


@given(st.text(max_size=25) | st.from_regex(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]{0,12}", fullmatch=True))
def test_any_text_is_a_time_or_a_value_error(text: str) -> None:
    try:
        first, after = instant(text)
    except ValueError:
        return
    assert first <= after


@pytest.mark.parametrize("text", ["9999-12-31T23:59:59-05:00", "0001-01-01T00:00:00+01:00"])
def test_a_zone_that_leads_out_of_the_calendar_is_no_date(text: str) -> None:
    with pytest.raises(ValueError, match="no such date"):
        utc_span(text)
