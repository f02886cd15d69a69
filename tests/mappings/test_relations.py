"""Relations and fractions between all kinds of regions, against points that are in one and in the other."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mappings import healpix
from mappings.sky import RegionTest, Shape, cover, pack, shape_of, union_ranges, unpack
from mappings.stc_s import write_region
from tests.mappings.skies import CELLS, POINTS, circles, decs, footprints, inside, mocs, polygons, ras, unions

MAS = 1 / 3.6e6
KINDS = {"circle": circles, "polygon": polygons(), "moc": mocs(), "union": unions()}


@pytest.mark.parametrize("kind", KINDS)
def test_a_region_holds_its_points_and_its_cover_holds_it(kind: str) -> None:
    seen = []

    @settings(max_examples=40, deadline=None)
    @given(KINDS[kind])
    def check(footprint: dict[str, Any]) -> None:
        region, truth = RegionTest(footprint), inside(footprint)
        held = region.holds(POINTS, CELLS)
        near = np.zeros(len(POINTS), dtype=bool)
        if kind != "moc":
            near = np.abs(region.area.depth(POINTS)) < math.radians(0.1 * MAS)
        assert ((held == truth) | near).all()
        covered = healpix.in_ranges(CELLS, healpix.merge_ranges(region.ranges))
        surely = healpix.in_ranges(CELLS, healpix.merge_ranges(region.ranges[region.inner]))
        assert covered[truth].all() and truth[surely & ~near].all()
        assert (healpix.angle(POINTS[truth], region.centre) <= region.radius + 1e-9).all()
        seen.append(truth.any() and not truth.all())

    check()
    assert any(seen)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("other", KINDS)
def test_relations_and_fraction(kind: str, other: str) -> None:
    @settings(max_examples=15, deadline=None)
    @given(KINDS[kind], KINDS[other])
    def check(region: dict[str, Any], footprint: dict[str, Any]) -> None:
        test, shape = RegionTest(region), shape_of(footprint)
        meets, within, contained = test.meets(shape), test.within(shape), test.contained(shape)
        share = test.fraction(shape)
        mine, its = inside(region), inside(footprint)
        # a point proves that something is there, not that nothing is; one on the very edge proves nothing
        assert meets or not (mine & its).any()
        assert not (within and (its & ~mine).any())
        assert not (contained and (mine & ~its).any())
        assert not (within or contained) or meets
        assert 0 <= share <= 1 and (share == 1) == contained and not (share > 0 and not meets)
        back = RegionTest(footprint)
        assert back.meets(test.shape) == meets and back.contained(test.shape) == within
        if mine.sum() > 200:
            sampled = (mine & its).sum() / mine.sum()
            assert abs(share - sampled) < 0.004 + 5.5 * math.sqrt(max(sampled * (1 - sampled), 0.02) / mine.sum())

    check()


@settings(max_examples=40, deadline=None)
@given(footprints)
def test_a_region_is_in_itself(footprint: dict[str, Any]) -> None:
    test = RegionTest(footprint)
    assert test.meets(test.shape) and test.within(test.shape) and test.contained(test.shape)
    assert test.fraction(test.shape) == 1


@settings(max_examples=40, deadline=None)
@given(polygons(), st.integers(0, 7), st.booleans())
def test_winding_and_beginning_change_nothing(footprint: dict[str, Any], turn: int, back: bool) -> None:
    vertices = footprint["polygon"]
    vertices = vertices[turn % len(vertices) :] + vertices[: turn % len(vertices)]
    same = RegionTest({"polygon": vertices[::-1] if back else vertices})
    assert same.within(shape_of(footprint)) and same.contained(shape_of(footprint))


@settings(max_examples=40, deadline=None)
@given(footprints)
def test_packed_numbers_make_the_same_shape(footprint: dict[str, Any]) -> None:
    shape = shape_of(footprint)
    words = pack(shape)
    assert words.dtype == np.int64 and words.ndim == 1
    again = unpack(shape.kind, words)
    assert again.kind == shape.kind and (pack(again) == words).all()


@settings(max_examples=40, deadline=None)
@given(st.lists(footprints, min_size=1, max_size=4), st.integers(0, 8))
def test_a_union_holds_all_and_little_more(some: list[dict[str, Any]], order: int) -> None:
    ranges = union_ranges([shape_of(one) for one in some], order)
    size = 1 << 2 * (29 - order)
    assert (ranges % size == 0).all() and (ranges[1:, 0] > ranges[:-1, 1]).all()
    held = np.any([inside(one) for one in some], axis=0)
    assert healpix.in_ranges(CELLS, ranges)[held].all()
    # a cell more at the edge, and none away from it
    far = healpix.in_ranges(CELLS, ranges) & ~held
    tests = [RegionTest(one) for one in some]
    reach = math.degrees(2 * healpix.cell_radius(order)) + 1e-6
    for point in POINTS[far][:5]:
        ra, dec = math.degrees(math.atan2(point[1], point[0])) % 360, math.degrees(math.asin(point[2]))
        assert any(test.meets(shape_of({"circle": [ra, dec, min(reach, 180)]})) for test in tests)


@settings(max_examples=40, deadline=None)
@given(footprints)
def test_the_cells_of_the_index_hold_a_footprint(footprint: dict[str, Any]) -> None:
    found = cover(shape_of(footprint))
    parts = [np.stack([p << 2 * (29 - o), (p + 1) << 2 * (29 - o)], axis=1) for o, p, _ in found.cells]
    held = inside(footprint)
    assert healpix.in_ranges(CELLS, healpix.merge_ranges(np.concatenate(parts)))[held].all()
    assert (healpix.angle(POINTS[held], found.cap[:3]) <= found.cap[3] + 1e-9).all()


# by hand


def polygon(*vertices: list[float]) -> Shape:
    return shape_of({"polygon": [list(vertex) for vertex in vertices]})


SQUARE = {"polygon": [[0, 0], [10, 0], [10, 10], [0, 10]]}


def test_polygons_that_share_an_edge_or_a_corner_meet() -> None:
    test = RegionTest(SQUARE)
    for other in (polygon([10, 0], [20, 0], [20, 10], [10, 10]), polygon([10, 0], [20, 0], [20, -5])):
        assert test.meets(other) and not test.within(other) and not test.contained(other)
        assert test.fraction(other) < 1e-3


def test_a_concave_polygon_does_not_hold_what_spans_its_notch() -> None:
    notched = {"polygon": [[0, 0], [10, 0], [10, 10], [5, 1], [0, 10]]}
    test = RegionTest(notched)
    hull = polygon([0, 0], [10, 0], [10, 10], [0, 10])
    assert test.meets(hull) and not test.within(hull) and test.contained(hull)
    across = polygon([0, 10], [10, 10], [5, 1])  # all its vertices are the notched one's
    assert not test.within(across) and test.meets(across)


def test_a_ring_with_a_slit_does_not_hold_its_hole() -> None:
    ring = {"polygon": [[0, 0], [9, 0], [9, 9], [0, 9], [0, 0], [3, 3], [3, 6], [6, 6], [6, 3], [3, 3]]}
    test = RegionTest(ring)
    assert not test.holds(healpix.unit([4.5], [4.5])).any() and test.holds(healpix.unit([1.5], [4.5])).all()
    assert not test.within(polygon([2, 2], [7, 2], [7, 7], [2, 7]))  # goes round the hole, all edges inside
    assert test.within(polygon([0.5, 0.5], [2.5, 0.5], [2.5, 8], [0.5, 8]))
    assert not test.meets(polygon([4, 4], [5, 4], [5, 5]))
    assert not test.within(shape_of({"circle": [4.5, 4.5, 2.5]}))


def test_adjacent_parts_hold_together_what_none_holds_alone() -> None:
    tiles = [{"polygon": [[x, 0], [x + 5, 0], [x + 5, 5], [x, 5]]} for x in (355, 0, 5)]
    test = RegionTest({"stc_s": write_region(tiles)})
    assert test.within(shape_of({"circle": [0, 2.5, 2]})) and test.within(shape_of({"circle": [5, 2.5, 2]}))
    assert not test.within(shape_of({"circle": [0, 2.5, 2.6]}))
    gap = RegionTest({"stc_s": write_region([tiles[0], tiles[2]])})
    assert not gap.within(shape_of({"circle": [2.5, 2.5, 2.6]}))
    disks = {"stc_s": "Union ICRS (Circle 0 0 2 Circle 2 0 2 Circle 1 1.7 2)"}  # three that leave no hole
    assert RegionTest(disks).within(shape_of({"circle": [1, 0.6, 1]}))
    apart = {"stc_s": "Union ICRS (Circle 0 0 1.1 Circle 2 0 1.1 Circle 1 1.7 1.1)"}  # three that leave a small one
    assert not RegionTest(apart).within(shape_of({"circle": [1, 0.6, 0.3]}))


@settings(max_examples=40, deadline=None)
@given(ras, decs, st.floats(0.001, 80), st.sampled_from([-1, 1]))
def test_a_tenth_of_a_milliarcsecond_decides(ra: float, dec: float, size: float, sign: int) -> None:
    from astropy.coordinates import offset_by

    other, gap = size / 3, sign * 0.1 * MAS
    lon, lat = (float(part.deg) for part in offset_by(*map(math.radians, (ra, dec, 77.0, size + other + gap))))
    assert RegionTest({"circle": [ra, dec, size]}).meets(shape_of({"circle": [lon % 360, lat, other]})) == (gap < 0)
    lon, lat = (float(part.deg) for part in offset_by(*map(math.radians, (ra, dec, 77.0, size - other + gap))))
    assert RegionTest({"circle": [ra, dec, size]}).within(shape_of({"circle": [lon % 360, lat, other]})) == (gap < 0)


@pytest.mark.parametrize(
    "vertices", [[[5, 5], [5, 5], [5, 5]], [[0, 0], [10, 0], [0, 0]], [[0, 90], [90, 90], [7, 90]]]
)
def test_polygons_without_an_area(vertices: list[list[float]]) -> None:
    test = RegionTest({"polygon": vertices})
    middle = {"circle": [*np.mean(vertices[:2], axis=0), 1.0]}
    assert test.meets(shape_of(middle)) and test.fraction(shape_of({"circle": [0, 0, 180]})) == 1
    assert not test.meets(shape_of({"circle": [200, -40, 20]}))
    assert test.is_point == (vertices[0][1] in (5, 90))
    assert RegionTest(middle).fraction(shape_of({"polygon": vertices})) == 0
    both = {"stc_s": write_region([{"polygon": vertices}, {"circle": [50.0, 5.0, 1.0]}])}
    assert not RegionTest(both).within(shape_of({"circle": [50.0, 5.5, 1.0]}))


def test_large_polygons_have_the_smaller_area_inside() -> None:
    belt = {"polygon": [[0, 1], [90, 1], [180, 1], [270, 1]]}  # the north is the smaller, if little
    test = RegionTest(belt)
    assert test.holds(healpix.unit([10.0], [80.0])).all() and not test.holds(healpix.unit([10.0], [-1.0])).any()
    assert test.within(shape_of({"circle": [0, 90, 80]})) and not test.meets(shape_of({"circle": [0, -90, 80]}))
    zigzag = {"polygon": [[0, -40], [60, 70], [120, -40], [180, 70], [240, -40], [300, 75]]}
    for backwards in (1, -1):
        test = RegionTest({"polygon": zigzag["polygon"][::backwards]})
        assert test.holds(healpix.unit([0.0], [90.0])).all() and not test.holds(healpix.unit([0.0], [-90.0])).any()


def test_the_whole_sky_and_one_deepest_cell() -> None:
    for whole in ({"moc": "0/0-11"}, {"circle": [77, 5, 180]}):
        for other in ({"moc": "29/123456789012345678"}, SQUARE, {"circle": [0, 90, 0]}, {"stc_s": "Position 5 5"}):
            test, shape = RegionTest(whole), shape_of(other)
            assert (
                test.meets(shape) and test.within(shape) and not test.contained(shape) and test.fraction(shape) < 0.01
            )
            assert RegionTest(other).contained(test.shape) and RegionTest(other).fraction(test.shape) == 1
    for a, b in (({"moc": "0/0-11"}, {"circle": [0, 0, 180]}), ({"circle": [9, 9, 180]}, {"circle": [0, 0, 180]})):
        assert RegionTest(a).within(shape_of(b)) and RegionTest(a).contained(shape_of(b))


def test_an_empty_moc_stands_in_no_relation() -> None:
    empty = shape_of({"moc": "3/"})
    for region in (SQUARE, {"circle": [0, 0, 180]}, {"moc": "0/0-11"}):
        test = RegionTest(region)
        assert not test.meets(empty) and not test.within(empty) and not test.contained(empty)
        assert test.fraction(empty) == 0


@pytest.mark.timeout(20)
def test_a_moc_of_half_a_million_ranges() -> None:
    low = np.arange(500_000, dtype=np.int64) * 24 << 37
    shape = Shape("moc", np.stack([low, low + (8 << 37)], axis=1))
    ra, dec = 45.0, 5.0
    for _ in range(200):
        RegionTest({"circle": [ra, dec, 0.1]}).meets(shape)
    assert RegionTest({"circle": [ra, dec, 1]}).meets(shape) and not RegionTest({"circle": [ra, dec, 1]}).contained(
        shape
    )
    assert not RegionTest({"circle": [ra, -60, 1]}).meets(shape)
