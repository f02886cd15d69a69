"""Many footprints at once are as one by one; areas by formula are as by cells."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mappings import healpix
from mappings.fractions import Measure
from mappings.many import Many
from mappings.shapes import Round
from mappings.sky import RegionTest, shape_of
from tests.mappings.skies import POINTS, circles, footprints, inside, polygons, unions

ROUND = st.one_of(circles, polygons(), unions())


def some(rng: np.random.Generator, size: float) -> dict[str, Any]:
    """A circle, a polygon (starlike, or with a vertex too many) or two of them, near (10, 60)."""
    ra, dec = 10 + rng.normal() * 2 * size, 60 + rng.normal() * size
    radius = size * 10 ** rng.uniform(-1.5, 0.3)
    if (kind := rng.integers(3)) == 0:
        return {"circle": [ra % 360, dec, radius]}
    if kind == 1:
        turns = np.sort(rng.uniform(0, 2 * math.pi, rng.integers(3, 9)))
        away = radius * rng.uniform(0.3, 1, len(turns))
        across = away * np.sin(turns) / math.cos(math.radians(dec))
        return {"polygon": [[(ra + x) % 360, dec + y] for x, y in zip(across, away * np.cos(turns), strict=True)]}
    width, height = radius * rng.uniform(0.1, 2, 2)
    box = f"Box ICRS {(ra + radius) % 360} {dec} {width} {height}"
    return {"stc_s": f"Union ICRS (Circle {ra % 360} {dec} {radius} {box.replace('ICRS ', '')})"}


def cells(rng: np.random.Generator) -> dict[str, Any]:
    order = int(rng.integers(4, 8))
    near = np.unique(healpix.cells(10 + rng.normal(size=300) * 5, 60 + rng.normal(size=300) * 3, order))
    return {"moc": f"{order}/{' '.join(map(str, near))}"}


@pytest.mark.parametrize("kind", ["round", "moc", "sky"])
def test_each_is_as_alone(kind: str) -> None:
    rng = np.random.default_rng(7)
    seen = np.zeros(4, dtype=int)
    for _ in range(12):
        test = RegionTest({"moc": "0/0-11"} if kind == "sky" else cells(rng) if kind == "moc" else some(rng, 4))
        shapes = [shape_of(some(rng, 2)) for _ in range(40)]
        meets, within = test.meets_each(shapes), test.within_each(shapes)
        assert meets.tolist() == [test.meets(one) for one in shapes]
        assert within.tolist() == [test.within(one) for one in shapes]
        seen += [meets.sum(), (~meets).sum(), within.sum(), (~within).sum()]
    assert (seen > 10).all() or kind == "sky"


@settings(max_examples=40, deadline=None)
@given(footprints, st.lists(ROUND, min_size=1, max_size=4))
def test_what_points_prove_holds_for_each(region: dict[str, Any], them: list[dict[str, Any]]) -> None:
    test, mine = RegionTest(region), inside(region)
    shapes = [shape_of(one) for one in them]
    for one, meets, within in zip(them, test.meets_each(shapes), test.within_each(shapes), strict=True):
        its = inside(one)
        assert meets or not (mine & its).any()
        assert meets or not within
        assert not (within and (its & ~mine).any())


@settings(max_examples=40, deadline=None)
@given(st.lists(ROUND, min_size=1, max_size=4))
def test_depths_are_those_of_one(them: list[dict[str, Any]]) -> None:
    shapes = [shape_of(one) for one in them]
    many, points = Many(shapes), POINTS[:200]
    for n in np.flatnonzero(~many.hard).tolist():
        mine = np.flatnonzero(many.owner == n)
        depths = [many.depth(np.full(len(points), part), points) for part in mine]
        assert np.abs(np.max(depths, axis=0) - Round(shapes[n]).depth(points)).max() < 1e-9


def test_no_footprints_at_all() -> None:
    for region in ({"circle": [1.0, 2.0, 3.0]}, {"moc": "3/5"}, {"moc": "0/"}):
        test = RegionTest(region)
        assert test.meets_each([]).tolist() == test.within_each([]).tolist() == []


def test_shares_by_formula_are_those_by_cells() -> None:
    rng = np.random.default_rng(11)
    told = 0
    for size in [10.0] * 40 + [2.0] * 200 + [0.01] * 100:
        region, other = RegionTest(some(rng, size)), Round(shape_of(some(rng, size)))
        share = region._measure.common(other)
        if share is None:
            continue
        told += 0.01 < share < 0.99
        by_cells = Measure(region.area, region.ranges, region.inner).of_round(other)
        assert share == pytest.approx(by_cells, abs=3e-3)
    assert told > 15


def test_circles_that_share_a_lens() -> None:
    """Small ones are as in the plane."""
    test = RegionTest({"circle": [0.0, 0.0, 0.001]})
    plane = (2 * math.acos(0.5) - 0.5 * math.sqrt(3)) / math.pi  # equal radii, one radius apart
    assert test.fraction(shape_of({"circle": [0.001, 0.0, 0.001]})) == pytest.approx(plane, rel=1e-6)
    assert test.fraction(shape_of({"circle": [0.0, 0.0, 0.0005]})) == pytest.approx(0.25, rel=1e-6)
    assert test.fraction(shape_of({"circle": [0.01, 0.0, 0.001]})) == 0
