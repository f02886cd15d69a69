"""Regions for property tests: anywhere, and where it is hard; and points that tell, by other mathematics than ours."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from astropy.coordinates import offset_by
from hypothesis import strategies as st

from mappings import healpix

ras = st.one_of(st.sampled_from([0.0, 45.0, 90.0, 180.0, 359.9999999, 360.0]), st.floats(0, 360))
decs = st.one_of(st.sampled_from([-90.0, 90.0, 0.0, 89.9999999, 41.8103149]), st.floats(-90, 90))
radii = st.one_of(st.sampled_from([0.0, 1 / 3600, 0.5, 30.0, 89.9999, 90.0, 140.0, 179.9, 180.0]), st.floats(0, 180))

circles = st.builds(lambda ra, dec, radius: {"circle": [ra, dec, radius]}, ras, decs, radii)


@st.composite
def polygons(draw: st.DrawFn) -> dict[str, Any]:
    """Round a middle, in either direction, starlike or crossing themselves, with vertices repeated."""
    ra, dec, size = draw(ras), draw(decs), draw(st.floats(0.01, 40))
    bearings = draw(st.lists(st.floats(0, 2 * math.pi), min_size=3, max_size=8))
    if draw(st.booleans()):
        bearings.sort(reverse=draw(st.booleans()))
    away = [draw(st.floats(0.2, 1)) * size for _ in bearings]
    lon, lat = offset_by(math.radians(ra), math.radians(dec), np.array(bearings), np.radians(away))
    vertices = np.stack([lon.deg % 360, lat.deg], axis=1).tolist()
    if draw(st.booleans()):
        vertices.insert(1, vertices[0])
    return {"polygon": vertices}


@st.composite
def mocs(draw: st.DrawFn) -> dict[str, Any]:
    words = []
    for _ in range(draw(st.integers(1, 8))):
        order = draw(st.sampled_from([0, 1, 2, 3, 5, 29]))
        words.append(f"{order}/{draw(st.integers(0, 12 * 4**order - 1))}")
    return {"moc": draw(st.sampled_from([" ".join(words)] * 5 + ["0/0-11"]))}


@st.composite
def unions(draw: st.DrawFn) -> dict[str, Any]:
    from mappings.stc_s import write_region

    return {"stc_s": write_region(draw(st.lists(st.one_of(circles, polygons()), min_size=2, max_size=3)))}


footprints = st.one_of(circles, polygons(), mocs(), unions())

_RNG = np.random.default_rng(2026)
_Z = _RNG.uniform(-1, 1, 20_000)
RA, DEC = _RNG.uniform(0, 360, len(_Z)), np.degrees(np.arcsin(_Z))
POINTS = healpix.unit(RA, DEC)
CELLS = healpix.cells(RA, DEC)


def inside(footprint: dict[str, Any], ra: Any = RA, dec: Any = DEC) -> Any:
    """Which points the footprint holds: astropy's separations, sums of angles, the library's cells."""
    if circle := footprint.get("circle"):
        from astropy.coordinates import angular_separation

        return angular_separation(*map(np.radians, (ra, dec, circle[0], circle[1]))) <= math.radians(circle[2])
    if polygon := footprint.get("polygon"):
        return wound(np.array(polygon), healpix.unit(ra, dec))
    if moc := footprint.get("moc"):
        cells = [
            word.partition("/")[::2] for word in moc.replace("0/0-11", " ".join(f"0/{n}" for n in range(12))).split()
        ]
        return np.any([healpix.cells(ra, dec, int(order)) == int(pixel) for order, pixel in cells], axis=0)
    from mappings.stc_s import read_region

    return np.any([inside(part, ra, dec) for part in read_region(footprint["stc_s"])], axis=0)


def wound(vertices: Any, points: Any) -> Any:
    """Which points a polygon within a hemisphere winds round an odd number of times, in its own hemisphere."""
    corners = healpix.unit(vertices[:, 0], vertices[:, 1])
    middle = corners.sum(axis=0)
    across = corners[None] - (points @ corners.T)[:, :, None] * points[:, None]
    after = np.roll(across, -1, axis=1)
    turn = np.arctan2((np.cross(across, after) * points[:, None]).sum(axis=2), (across * after).sum(axis=2))
    return (np.rint(turn.sum(axis=1) / (2 * math.pi)).astype(int) % 2 == 1) & (points @ middle > 0)
