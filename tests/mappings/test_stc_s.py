"""Frames, boxes and ellipses, against astropy."""

from __future__ import annotations

import pytest
from astropy import units
from astropy.coordinates import FK4, FK5, BarycentricMeanEcliptic, Galactic, SkyCoord

from mappings.stc_s import read_region, write_region

FRAMES = {
    "FK5": FK5(),
    "J2000": FK5(),
    "FK4": FK4(equinox="B1950"),
    "B1950": FK4(equinox="B1950"),
    "GALACTIC": Galactic(),
    "ECLIPTIC": BarycentricMeanEcliptic(),
}


@pytest.mark.parametrize("frame", FRAMES)
def test_frames_are_astropys(frame: str) -> None:
    ((circle),) = read_region(f"Circle {frame} 266.4 -28.9 2")
    (polygon,) = read_region(f"Polygon {frame} 10 20 30 20 20 89")
    there = SkyCoord([266.4, 10, 30, 20], [-28.9, 20, 20, 89], unit="deg", frame=FRAMES[frame])
    ours = SkyCoord([circle["circle"][:2], *polygon["polygon"]], unit="deg")
    assert there.icrs.separation(ours).mas.max() < 1e-3
    assert circle["circle"][2] == 2


def test_a_box_in_its_own_frame() -> None:
    (box,) = read_region("Box GALACTIC 10 60 20 10")
    corners = SkyCoord(box["polygon"], unit="deg").galactic
    centre = SkyCoord(10, 60, unit="deg", frame="galactic")
    # the middle of its southern side is half the height due south
    south = SkyCoord(corners[0].cartesian + corners[1].cartesian, frame="galactic", representation_type="cartesian")
    south = SkyCoord(south.spherical.lon, south.spherical.lat, frame="galactic")
    assert south.separation(centre).deg == pytest.approx(5, abs=1e-9)
    assert south.l.deg == pytest.approx(10, abs=1e-9) and south.b.deg == pytest.approx(55, abs=1e-9)


def test_an_ellipse() -> None:
    (ellipse,) = read_region("Ellipse ICRS 359.9 80 4 2 30")
    centre, rim = SkyCoord(359.9, 80, unit="deg"), SkyCoord(ellipse["polygon"], unit="deg")
    assert len(rim) == 64
    away, turn = centre.separation(rim).deg, centre.position_angle(rim).wrap_at(180 * units.deg).deg
    assert away.max() == pytest.approx(4) and away.min() == pytest.approx(2)
    assert turn[away.argmax()] % 180 == pytest.approx(30)
    assert read_region("Ellipse ICRS 1 2 3 3 30") == [{"circle": [1, 2, 3]}]


def test_what_is_written_is_read_again() -> None:
    parts = [{"circle": [10.1, 20.0, 1e-7]}, {"polygon": [[1.0, 2.0], [3.0, 4.5], [5.0, -6.0]]}]
    assert read_region(write_region(parts)) == parts
    assert read_region(write_region(parts[:1])) == parts[:1]
    assert read_region("AllSky") == [{"circle": [0, 0, 180]}]
