"""Regions as metadata writes them (DALI, STC-S, MOC text) as the record's footprint."""

from __future__ import annotations

import math
import re
from typing import Any

from mappings.quantities import UnusableError, frame_name, to_icrs

_WORDS = re.compile(r"[A-Za-z_][A-Za-z0-9_]*|[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|[^\s,()]")
_MOC = re.compile(r"^\d{1,2}/\d")
# STC-S words between the shape and its numbers that leave the numbers as they are
_NEUTRAL = {
    *("spherical2", "cartesian2", "geocenter", "barycenter", "heliocenter", "topocenter", "lsr", "unknownrefpos"),
    *("unknownframe", "relocatable"),
}
# A moderate bound on what a metadata value may hold: a real outline has tens of vertices
MAX_VERTICES = 10_000


def footprint(value: Any, frame: str = "icrs") -> dict[str, Any]:
    """Give the footprint of a region.

    Read are ``CIRCLE [frame] ra dec radius``, ``POLYGON [frame] ra dec ra dec ...``, ``BOX [frame] ra dec
    width height`` (STC-S, with its words for frame and reference position), the same as ``Circle(ra, dec,
    radius)``, a MOC in ASCII, and a list of ``[ra, dec]`` pairs; numbers are degrees.

    Raises
    ------
    UnusableError
        ``unknown-region`` for anything else, ``impossible-coordinate`` for a place not on the sky.
    """
    if isinstance(value, list):
        return {"polygon": _vertices(_flat(value), frame)}
    if not isinstance(value, str):
        raise UnusableError("unknown-region", "is no region")
    if _MOC.match(value.strip()):
        return {"moc": moc(value)}
    words = _WORDS.findall(value)
    shape, words = (words[0].casefold(), words[1:]) if words else ("", [])
    while words and words[0][0].isalpha():
        word = words.pop(0)
        if word.casefold() not in _NEUTRAL:
            frame = frame_name(word)
    try:
        numbers = [float(word) for word in words]
    except ValueError:
        raise UnusableError("unknown-region", "is no circle, polygon, box or MOC") from None
    match shape, len(numbers):
        case "circle", 3:
            return {"circle": circle(*to_icrs(numbers[0], numbers[1], frame), numbers[2])}
        case "polygon", n if n >= 6 and n % 2 == 0:
            return {"polygon": _vertices(numbers, frame)}
        case "box", 4:
            return {"polygon": _vertices(_box(*numbers), frame)}
        case _:
            raise UnusableError("unknown-region", "is no circle, polygon, box or MOC with all its numbers")


def circle(ra: float, dec: float, radius: float) -> list[float]:
    """A small circle of the record, its radius checked."""
    if not 0 <= radius <= 180:
        raise UnusableError("impossible-coordinate", f"gives a radius of {radius:.10g} deg: it is 0 to 180 deg")
    return [ra, dec, radius]


def moc(value: Any) -> str:
    """A MOC in ASCII, checked."""
    from schemas.moc import parse_moc

    text = " ".join(str(value).split())
    try:
        parse_moc(text)
    except ValueError as error:
        raise UnusableError("unknown-region", f"is no MOC: {error}") from None
    return text


def _flat(value: list[Any]) -> list[float]:
    flat = [part for item in value for part in (item if isinstance(item, list) else [item])]
    if not all(isinstance(part, int | float) and not isinstance(part, bool) for part in flat):
        raise UnusableError("unknown-region", "is no list of [ra, dec] pairs")
    if len(flat) < 6 or len(flat) % 2:
        raise UnusableError("unknown-region", "is no list of three or more [ra, dec] pairs")
    return [float(part) for part in flat]


def _vertices(numbers: list[float], frame: str) -> list[list[float]]:
    if len(numbers) > 2 * MAX_VERTICES:
        raise UnusableError("unknown-region", f"has more than {MAX_VERTICES} vertices; give it as a MOC")
    pairs = [list(to_icrs(lon, lat, frame)) for lon, lat in zip(numbers[::2], numbers[1::2], strict=True)]
    if len(pairs) > 3 and pairs[0] == pairs[-1]:
        pairs.pop()  # some close the polygon by repeating its first vertex
    return pairs


def _box(lon: float, lat: float, width: float, height: float) -> list[float]:
    """Corners of a box about (lon, lat): width and height along the great circles through its centre."""
    if not (0 < width < 180 and 0 < height < 180):
        raise UnusableError("impossible-coordinate", f"gives a box of {width:.10g} by {height:.10g} deg")
    to_icrs(lon, lat, "icrs")  # the range of the centre, whatever its frame
    x, y = math.tan(math.radians(width / 2)), math.tan(math.radians(height / 2))
    centre, corners = math.radians(lat), []
    for dx, dy in ((-x, -y), (x, -y), (x, y), (-x, y)):
        # gnomonic projection back to the sphere: great circles are straight lines in it
        along = math.cos(centre) - dy * math.sin(centre)
        corner_lon = (lon + math.degrees(math.atan2(dx, along))) % 360
        corner_lat = math.degrees(math.atan2(math.sin(centre) + dy * math.cos(centre), math.hypot(dx, along)))
        corners += [corner_lon, corner_lat]
    return corners
