"""Regions as metadata writes them (DALI, STC-S, MOC text) as the record's footprint."""

from __future__ import annotations

import re
from typing import Any, cast

from mappings.quantities import UnusableError, to_icrs
from mappings.stc_s import read_region, write_region
from schemas.stc_s import MAX_VERTICES, Frame, RegionError

_MOC = re.compile(r"^\d{1,2}/\d")


def footprint(value: Any, frame: str = "icrs") -> dict[str, Any]:
    """Give the footprint of a region.

    Read are STC-S (see :func:`schemas.stc_s.parse_stc_s`), the same as ``Circle(ra, dec, radius)``, a MOC in ASCII, and
    a list of ``[ra, dec]`` pairs; numbers are degrees, in ``frame`` where the text names none. Several shapes become
    STC-S in ICRS, one is a circle or polygon.

    Raises
    ------
    UnusableError
        ``unknown-region`` or ``unknown-frame`` for anything else, ``impossible-coordinate`` for a place not on the sky.
    """
    if isinstance(value, list):
        return {"polygon": _vertices(_flat(value), frame)}
    if not isinstance(value, str):
        raise UnusableError("unknown-region", "is no region")
    if _MOC.match(value.strip()):
        return {"moc": moc(value)}
    try:
        parts = read_region(value, cast(Frame, frame))
    except RegionError as error:
        raise UnusableError(error.code, str(error)) from None
    return union(parts)


def union(parts: list[dict[str, Any]]) -> dict[str, Any]:
    """Circles and polygons as one footprint."""
    return parts[0] if len(parts) == 1 else {"stc_s": write_region(parts)}


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
