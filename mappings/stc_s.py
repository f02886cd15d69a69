"""Regions of STC-S as circles and polygons in ICRS."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from mappings import healpix
from mappings.healpix import Floats
from schemas.stc_s import Frame, Part, parse_stc_s

_ELLIPSE = 64  # vertices
_WHOLE = {"circle": [0.0, 0.0, 180.0]}


def read_region(text: str, frame: Frame = "icrs") -> list[dict[str, Any]]:
    """The circles and polygons that ``text`` is the union of, each as a record's ``footprint``.

    ``frame``: where the text names none. Raises ValueError as :func:`schemas.stc_s.parse_stc_s` does.
    """
    return [_footprint(part) for part in parse_stc_s(text, frame)]


def write_region(footprints: Iterable[dict[str, Any]]) -> str:
    """Circles and polygons as STC-S; numbers as they are."""
    parts = []
    for one in footprints:
        name, value = next(iter(one.items()))
        numbers = value if name == "circle" else [number for vertex in value for number in vertex]
        parts.append((name.capitalize(), " ".join(map(repr, map(float, numbers)))))
    if len(parts) == 1:
        return f"{parts[0][0]} ICRS {parts[0][1]}"
    return f"Union ICRS ({' '.join(f'{name} {numbers}' for name, numbers in parts)})"


def _footprint(part: Part) -> dict[str, Any]:
    match part.form:
        case "allsky":
            return _WHOLE
        case "circle" | "position":
            lon, lat, *radius = part.numbers
            centre = to_icrs([(lon, lat)], part.frame)[0]
            return {"circle": [*centre, *(radius or [0.0])]}
        case "polygon":
            pairs = list(zip(part.numbers[::2], part.numbers[1::2], strict=True))
            if len(pairs) > 3 and pairs[0] == pairs[-1]:
                pairs.pop()  # some close the polygon by repeating its first vertex
        case "box":
            pairs = box(*part.numbers)
        case "ellipse":
            lon, lat, a, b, angle = part.numbers
            if a == b:
                return {"circle": [*to_icrs([(lon, lat)], part.frame)[0], a]}
            pairs = _ellipse(lon, lat, a, b, angle)
    return {"polygon": to_icrs(pairs, part.frame)}


def box(lon: float, lat: float, width: float, height: float) -> list[tuple[float, float]]:
    """Corners of a box about (lon, lat), in degrees; each size below 180.

    Its sides are great circles at right angles to the arms of a cross along the meridian and across it (STC 1.33,
    section 4.5.1.5; ADQL 2.1 BOX), so that in the tangent plane it is a rectangle.
    """
    x, y = math.tan(math.radians(width / 2)), math.tan(math.radians(height / 2))
    centre = math.radians(lat)
    corners = []
    for dx, dy in ((-x, -y), (x, -y), (x, y), (-x, y)):
        along = math.cos(centre) - dy * math.sin(centre)
        corner_lon = (lon + math.degrees(math.atan2(dx, along))) % 360
        corner_lat = math.degrees(math.atan2(math.sin(centre) + dy * math.cos(centre), math.hypot(dx, along)))
        corners.append((corner_lon, corner_lat))
    return corners


def _ellipse(lon: float, lat: float, a: float, b: float, angle: float) -> list[tuple[float, float]]:
    """Vertices on an ellipse; ``angle`` from north through east to the half axis ``a``; degrees.

    Distances from the centre are those of the plane ellipse, directions too (zenithal equidistant projection).
    """
    turn = np.arange(_ELLIPSE) * (2 * math.pi / _ELLIPSE)
    along, across = math.radians(a) * np.cos(turn), math.radians(b) * np.sin(turn)
    away = np.hypot(along, across)
    bearing = np.arctan2(across, along) + math.radians(angle)
    centre, pole = healpix.unit(lon, lat), math.radians(lat)
    phi = math.radians(lon)
    north = np.array([-math.sin(pole) * math.cos(phi), -math.sin(pole) * math.sin(phi), math.cos(pole)])
    east = np.array([-math.sin(phi), math.cos(phi), 0.0])
    towards = np.cos(bearing)[:, None] * north + np.sin(bearing)[:, None] * east
    return _degrees(np.cos(away)[:, None] * centre + np.sin(away)[:, None] * towards)


def to_icrs(pairs: list[tuple[float, float]], frame: Frame) -> list[list[float]]:
    """Longitudes and latitudes, degrees, as right ascensions and declinations."""
    if frame == "icrs":
        return [[lon % 360, lat] for lon, lat in pairs]
    places = np.array(pairs)
    if frame == "fk4":  # the E-terms of aberration make it more than a rotation
        from astropy.coordinates import FK4, SkyCoord

        there = SkyCoord(places[:, 0], places[:, 1], unit="deg", frame=FK4(equinox="B1950")).icrs
        return np.stack([there.ra.deg, there.dec.deg], axis=1).tolist()  # type: ignore[no-any-return]  # untyped
    return [list(pair) for pair in _degrees(healpix.unit(places[:, 0], places[:, 1]) @ _rotation(frame).T)]


@functools.cache
def _rotation(frame: Frame) -> Floats:
    """The matrix that turns a frame's unit vectors into ICRS's, by astropy."""
    from astropy.coordinates import FK5, BarycentricMeanEcliptic, Galactic, SkyCoord

    system = {"fk5": FK5, "galactic": Galactic, "ecliptic": BarycentricMeanEcliptic}[frame]()
    axes = SkyCoord([0.0, 90.0, 0.0], [0.0, 0.0, 90.0], unit="deg", frame=system).icrs
    made: Floats = np.asarray(axes.cartesian.xyz.value)
    return made


def _degrees(vectors: Floats) -> list[tuple[float, float]]:
    x, y, z = vectors.T
    lon = np.degrees(np.arctan2(y, x)) % 360
    return list(zip(lon.tolist(), np.degrees(np.arctan2(z, np.hypot(x, y))).tolist(), strict=True))
