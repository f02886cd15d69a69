"""Cones and footprints against brute force: astropy for separations, dense samples for MOCs and polygons."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mappings import healpix
from mappings.sky import RegionTest, Shape, cover, moc_ranges, shape_of
from schemas.query import Cone

ras = st.one_of(st.sampled_from([0.0, 90.0, 180.0, 359.9999999, 360.0, 45.0]), st.floats(0, 360))
decs = st.one_of(st.sampled_from([-90.0, 90.0, 0.0, 89.9999999, 41.8103149]), st.floats(-90, 90))
radii = st.one_of(
    st.sampled_from([0.0, 1e-7, 1 / 3600, 0.5, 89.9999, 90.0, 90.0001, 140.0, 179.9, 179.999999, 180.0]),
    st.floats(0, 180),
)
cones = st.builds(Cone, ras, decs, radii)


def region(cone):
    return RegionTest({"circle": [cone.ra, cone.dec, cone.radius]})


def separation(ra, dec, cone):
    """Degrees, by astropy's Vincenty formula."""
    from astropy.coordinates import angular_separation

    return np.degrees(
        angular_separation(np.radians(ra), np.radians(dec), math.radians(cone.ra), math.radians(cone.dec))
    )


def around(cone, rng, n):
    """Positions everywhere, and at the very edge of the cone."""
    z = rng.uniform(-1, 1, n)
    ra, dec = rng.uniform(0, 360, n), np.degrees(np.arcsin(z))
    from astropy.coordinates import offset_by

    bearing, off = rng.uniform(0, 2 * math.pi, n), rng.choice([-1e-6, -1e-4, 1e-6, 1e-4, 0.01, -0.01], n)
    lon, lat = offset_by(
        math.radians(cone.ra), math.radians(cone.dec), bearing, np.radians(np.clip(cone.radius + off, 0, 180))
    )
    ra = np.concatenate([ra, lon.deg % 360])
    return ra, np.concatenate([dec, lat.deg])


@settings(max_examples=150, deadline=None)
@given(cones, st.integers(0, 2**32))
def test_a_cone_holds_what_astropy_says(cone, seed):
    ra, dec = around(cone, np.random.default_rng(seed), 200)
    away = separation(ra, dec, cone)
    sure = np.abs(away - cone.radius) > 0.1 / 3.6e6
    held = region(cone).holds(healpix.unit(ra, dec))
    assert (held == (away <= cone.radius))[sure].all()


@settings(max_examples=150, deadline=None)
@given(cones, st.integers(0, 2**32))
def test_a_cover_misses_nothing_and_its_inner_part_is_inside(cone, seed):
    ra, dec = around(cone, np.random.default_rng(seed), 200)
    away = separation(ra, dec, cone)
    cell = healpix.cells(ra, dec)
    test = region(cone)
    at = np.searchsorted(test.ranges[:, 1], cell, side="right")
    inside = np.zeros(len(cell), dtype=bool)
    some = at < len(test.ranges)
    inside[some] = test.ranges[at[some], 0] <= cell[some]
    assert inside[away <= cone.radius].all()
    surely = np.zeros(len(cell), dtype=bool)
    surely[inside] = test.inner[at[inside]]
    assert (away[surely] <= cone.radius + 0.1 / 3.6e6).all()


@pytest.mark.parametrize("order", [0, 1, 3, 12, 29])
def test_points_in_cells_are_the_librarys(order):
    from cdshealpix import nested

    rng = np.random.default_rng(order)
    pixels = np.append(rng.integers(0, 12 * 4**order, 3000), [0, 12 * 4**order - 1])
    for dx, dy in [(0.5, 0.5), (0.0, 0.0), (0.25, 0.999)]:
        lon, lat = nested.healpix_to_lonlat(pixels.astype(np.uint64), order, dx, dy)
        ours = healpix.points_in(pixels, order, dx, dy)
        assert np.abs(ours - healpix.unit(lon.deg, lat.deg)).max() < 1e-14


def test_a_position_is_in_the_cone_of_radius_0_on_it():
    for ra, dec in [(0, 0), (83.63, 22.01), (360, -90), (12, 90), (359.999, 1e-9)]:
        assert region(Cone(ra, dec, 0)).holds(healpix.unit([ra], [dec])).all()


def dense(shape_test, cone, n=200_000):
    """Fractions of a dense random sample: in both, only the footprint, only the cone."""
    rng = np.random.default_rng(5)
    z = rng.uniform(-1, 1, n)
    ra, dec = rng.uniform(0, 360, n), np.degrees(np.arcsin(z))
    inside = shape_test(ra, dec)
    held = separation(ra, dec, cone) <= cone.radius
    return (inside & held).any(), (inside & ~held).any(), (~inside & held).any()


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 767)), min_size=1, max_size=12),
    st.builds(Cone, ras, decs, st.floats(2, 178)),
)
def test_moc_relations_agree_with_a_dense_sample(cells, cone):
    text = " ".join(f"{order}/{pixel % (12 * 4**order)}" for order, pixel in cells)
    ranges = moc_ranges(text)

    def inside(ra, dec):
        cell = healpix.cells(ra, dec)
        at = np.minimum(np.searchsorted(ranges[:, 1], cell, side="right"), len(ranges) - 1)
        return (ranges[at, 0] <= cell) & (cell < ranges[at, 1])

    both, only_shape, only_cone = dense(inside, cone)
    test, shape = region(cone), Shape("moc", ranges)
    # a sample proves presence, never absence
    assert test.meets(shape) or not both
    assert not (test.within(shape) and only_shape)
    assert not (test.contained(shape) and only_cone)
    if both and only_shape and only_cone:
        assert test.meets(shape) and not test.within(shape) and not test.contained(shape)


def test_one_order_29_cell_is_met_by_the_cone_that_touches_it():
    pixel = 123456789012345678
    centre = healpix.points_in(np.array([pixel]), 29)[0]
    ra, dec = math.degrees(math.atan2(centre[1], centre[0])) % 360, math.degrees(math.asin(centre[2]))
    shape = shape_of({"moc": f"29/{pixel}"})
    mas = 1 / 3.6e6
    assert region(Cone(ra, dec, 0)).meets(shape)
    assert region(Cone(ra, dec, 0.5 * mas)).within(shape)
    assert not region(Cone((ra + 1) % 360, dec, 0.5)).meets(shape)
    north = dec + 2 * mas  # two cells up: out of reach of 1 mas, in reach of 2
    assert not region(Cone(ra, north, 1 * mas)).meets(shape)
    assert region(Cone(ra, north, 2 * mas)).meets(shape)


@pytest.mark.timeout(20)
def test_a_cone_whose_edge_runs_along_cell_edges():
    """Meridians are cell edges near the poles: nothing there may be split for ever."""
    for ra, moc in [(0, "0/1 3/200-300"), (45, "0/0-3"), (0, "1/0-7"), (180, "0/2 5/3000-4000")]:
        shape = shape_of({"moc": moc})
        for radius in (90, 90 - 1e-9, 90 + 1e-9, 45):
            test = region(Cone(ra, 0, radius))
            test.meets(shape), test.within(shape), test.contained(shape)
    west = shape_of({"moc": "0/2"})  # ra 180 to 270, north of 41.8 at its corners
    assert region(Cone(135, 0, 90)).meets(west)
    assert not region(Cone(45, 0, 44.9)).meets(west)


def test_a_cone_that_misses_a_cells_last_corner_does_not_hold_it():
    pixel = 345
    shape = shape_of({"moc": f"3/{pixel}"})
    centre = healpix.points_in(np.array([pixel]), 3)[0]
    ra, dec = math.degrees(math.atan2(centre[1], centre[0])) % 360, math.degrees(math.asin(centre[2]))
    corners = [healpix.points_in(np.array([pixel]), 3, dx, dy)[0] for dx in (0, 1) for dy in (0, 1)]
    far = max(math.degrees(healpix.angle(corner, centre)) for corner in corners)
    assert not region(Cone(ra, dec, far - 1e-6)).within(shape)
    assert region(Cone(ra, dec, far + 1e-6)).within(shape)


def test_all_sky():
    whole = shape_of({"moc": "0/0-11"})
    for cone in (Cone(0, 90, 0), Cone(10, -90, 5), Cone(359, 0, 180)):
        test = region(cone)
        assert test.meets(whole) and test.contained(whole)
        assert test.within(whole) == (cone.radius == 180)


@pytest.mark.parametrize("winding", [1, -1])
def test_polygon_over_ra_0_and_over_the_pole(winding):
    strip = shape_of({"polygon": [[359, -1], [1, -1], [1, 1], [359, 1]][::winding]})
    assert region(Cone(0, 0, 0.1)).contained(strip)
    assert region(Cone(180, 0, 10)).meets(strip) is False
    assert region(Cone(358, 0, 1.1)).meets(strip) and not region(Cone(358, 0, 0.9)).meets(strip)
    assert region(Cone(0, 0, 2)).within(strip) and not region(Cone(0, 0, 1.4)).within(strip)
    cap = shape_of({"polygon": [[0, 80], [90, 80], [180, 80], [270, 80]][::winding]})
    assert region(Cone(77, 90, 1)).contained(cap)
    assert not region(Cone(77, -90, 60)).meets(cap)
    assert region(Cone(77, -90, 165)).meets(cap) is False
    assert region(Cone(77, -90, 170.1)).meets(cap)


@settings(max_examples=60, deadline=None)
@given(
    st.builds(Cone, ras, decs, st.floats(0.01, 170)), ras, decs, st.floats(0.5, 60), st.integers(3, 9), st.booleans()
)
def test_polygon_relations_agree_with_a_dense_sample(cone, ra, dec, size, corners, turned):
    from astropy.coordinates import offset_by

    bearing = np.arange(corners) * 2 * math.pi / corners
    lon, lat = offset_by(math.radians(ra), math.radians(dec), bearing[:: -1 if turned else 1], math.radians(size))
    shape = shape_of({"polygon": np.stack([lon.deg % 360, lat.deg], axis=1).tolist()})
    middle = healpix.unit(ra, dec)
    sign = np.sign(np.cross(shape.data, np.roll(shape.data, -1, axis=0)) @ middle)

    def inside(ras, decs):
        side = np.cross(shape.data, np.roll(shape.data, -1, axis=0)) @ healpix.unit(ras, decs).T
        return (side * sign[:, None] > 0).all(axis=0)

    both, only_shape, only_cone = dense(inside, cone, 50_000)
    test = region(cone)
    assert test.meets(shape) or not both
    assert not (test.within(shape) and only_shape)
    assert not (test.contained(shape) and only_cone)


@pytest.mark.parametrize(
    "footprint",
    [
        {"circle": [0, 90, 3]},
        {"circle": [10, 5, 0]},
        {"polygon": [[359, -1], [1, -1], [0, 1]]},
        {"moc": "0/1-3 5/9000"},
        {"moc": "29/5"},
    ],
)
def test_a_cover_holds_its_footprint(footprint):
    shape = shape_of(footprint)
    found = cover(shape)
    ranges = healpix.merge_ranges(
        np.concatenate([np.stack([p << 2 * (29 - o), (p + 1) << 2 * (29 - o)], axis=1) for o, p, _ in found.cells])
    )
    rng = np.random.default_rng(3)
    ra, dec = rng.uniform(0, 360, 20_000), np.degrees(np.arcsin(rng.uniform(-1, 1, 20_000)))
    if shape.kind == "circle":
        ra, dec = np.append(ra, footprint["circle"][0]), np.append(dec, footprint["circle"][1])
    for one_ra, one_dec in zip(ra, dec, strict=True):
        if not ((ranges[:, 0] <= (c := healpix.cells([one_ra], [one_dec])[0])) & (c < ranges[:, 1])).any():
            assert not region(Cone(one_ra, one_dec, 0)).meets(shape)
            break
    assert found.cap[3] <= math.pi
