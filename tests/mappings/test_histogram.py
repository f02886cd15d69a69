"""Edges of histograms: round, few, and around all values."""

from __future__ import annotations

import sys
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mappings.histogram import edges

_DAYS = st.dates(max_value=date(8999, 12, 31)).map(lambda day: float(day.toordinal() - date(1858, 11, 17).toordinal()))
_NUMBERS = st.floats(-1e307, 1e307)


def check(low: float, high: float, bins: int, kind: str) -> None:
    made = edges(low, high, bins, kind)  # type: ignore[arg-type]
    assert 2 <= len(made.values) <= bins + 1
    assert list(made.values) == sorted(set(made.values))
    assert made.values[0] <= low and high <= made.values[-1]


@settings(deadline=None)
@given(_DAYS, _DAYS, st.integers(1, 200))
def test_dates(one: float, other: float, bins: int) -> None:
    check(min(one, other), max(one, other) + 0.5, bins, "date")


@settings(deadline=None)
@given(_NUMBERS, _NUMBERS, st.integers(1, 200))
def test_numbers(one: float, other: float, bins: int) -> None:
    check(min(one, other), max(one, other), bins, "number")


@settings(deadline=None)
@given(st.integers(0, 10**18), st.integers(0, 10**18), st.integers(1, 200))
def test_whole_numbers(one: int, other: int, bins: int) -> None:
    check(float(min(one, other)), float(max(one, other)), bins, "whole")


@pytest.mark.parametrize("bins", [1, 2, 3])
def test_the_whole_calendar(bins: int) -> None:
    check(float(date(1, 1, 1).toordinal() - 678576), float(date(8999, 1, 1).toordinal() - 678576), bins, "date")


@pytest.mark.parametrize("bins", [1, 2, 20, 200])
@pytest.mark.parametrize("low", [1.0, 1e300, 1e308, sys.float_info.max])
def test_up_to_the_greatest_double(low: float, bins: int) -> None:
    made = edges(low, sys.float_info.max, bins, "number")
    assert made.values[0] <= low and made.values[-1] == sys.float_info.max
