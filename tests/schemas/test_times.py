"""Time scales: against astropy, which converts the slow way."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from astropy.time import Time

from schemas.times import instant, to_tdb

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
