"""The sky in terms: the order-5 HEALPix cells that footprints meet, thousands of footprints at a time.

Small circles and polygons are sampled: at points on rings round their middle, as far apart as half a cell at most. A
cell that only a sliver of one lies in may be missed. Larger ones and MOCs have the cells of their covers.
"""

from __future__ import annotations

import functools
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from mappings import healpix, sky
from mappings.healpix import Floats, Ints
from mappings.shapes import Shape

ORDER = 5
MOST_CELLS = 256  # of the sky's 12,288: a cone of 16 degrees
_SHIFT = 2 * (healpix.ORDER - ORDER)
_STEP = math.radians(0.8)  # between rings; a cell is 1.8 degrees wide
_SMALL = math.radians(3.0)
_WIDEST = 17.0  # degrees: 268 cells
_ROUND = 24  # points on a ring: 0.8 degrees apart on the largest
_WIDE = 1 << 14  # points at once


def of_footprints(footprints: Sequence[Mapping[str, Any] | None]) -> list[list[int]]:
    """The cells of each, ascending; of what has more than :data:`MOST_CELLS`, or no place at all, none.

    A footprint is a record's; ``{"circle": [ra, dec, 0]}`` is a position.
    """
    found: list[list[int]] = [[] for _ in footprints]
    circles: list[tuple[int, Sequence[float]]] = []
    polygons: dict[int, list[tuple[int, Sequence[Sequence[float]]]]] = defaultdict(list)
    for n, one in enumerate(footprints):
        if one is None:
            continue
        if (circle := one.get("circle")) and circle[2] <= math.degrees(_SMALL):
            circles.append((n, circle))
            continue
        if circle:
            found[n] = list(_of_circle(*circle)) if circle[2] < _WIDEST else []
            continue
        if polygon := one.get("polygon"):
            polygons[len(polygon)].append((n, polygon))
        else:
            found[n] = _cells([sky.shape_of(one)])
    if circles:
        numbers, places = zip(*circles, strict=True)
        _put(found, np.array(numbers), *_rims(np.array(places, dtype=np.float64)))
    for some in polygons.values():
        numbers, corners = zip(*some, strict=True)
        degrees = np.array(corners, dtype=np.float64)
        alone = _put_polygons(found, np.array(numbers), healpix.unit(degrees[..., 0], degrees[..., 1]))
        for n in alone.tolist():
            found[n] = _cells([sky.shape_of(footprints[n] or {})])
    return found


def _put(found: list[list[int]], numbers: Ints, middle: Floats, rim: Floats, radius: Floats) -> None:
    """The cells of shapes by the points between their middles, shape (n, 3), and their rims, (n, points, 3)."""
    rings = np.maximum(1, np.ceil(radius / _STEP)).astype(int)
    rings[radius <= 0] = 0
    for count in np.unique(rings).tolist():
        chosen = np.flatnonzero(rings == count)
        points = [middle[chosen][:, None]]
        for ring in range(1, count + 1):
            part = ring / count
            points.append(middle[chosen][:, None] * (1 - part) + rim[chosen] * part)
        many = np.concatenate(points, axis=1)
        for start in range(0, len(chosen), size := max(1, _WIDE * 8 // many.shape[1])):
            some = many[start : start + size]
            cells = np.sort(sky.cells_of_points(some.reshape(-1, 3)).reshape(len(some), -1) >> _SHIFT, axis=1)
            new = np.ones(cells.shape, dtype=bool)
            new[:, 1:] = cells[:, 1:] != cells[:, :-1]
            for n, row, kept in zip(numbers[chosen[start : start + size]].tolist(), cells, new, strict=True):
                found[n] = row[kept].tolist()


def _rims(circles: Floats) -> tuple[Floats, Floats, Floats]:
    """Middles, points on the rims and radii (radians) of circles in degrees, shape (n, 3)."""
    middle = healpix.unit(circles[:, 0], circles[:, 1])
    radius = np.radians(circles[:, 2])
    least = np.eye(3)[np.abs(middle).argmin(axis=1)]
    x = np.cross(least, middle)
    x /= np.linalg.norm(x, axis=1)[:, None]
    y = np.cross(middle, x)
    turn = np.arange(_ROUND) * (2 * math.pi / _ROUND)
    around = x[:, None] * np.cos(turn)[:, None] + y[:, None] * np.sin(turn)[:, None]
    return middle, middle[:, None] * np.cos(radius)[:, None, None] + around * np.sin(radius)[:, None, None], radius


def _put_polygons(found: list[list[int]], numbers: Ints, corners: Floats) -> Ints:
    """Polygons of as many corners each, shape (n, corners, 3); gives the numbers of those that are too large."""
    middle = corners.sum(axis=1)
    norm = np.linalg.norm(middle, axis=1)
    middle = np.divide(middle, norm[:, None], out=np.zeros_like(middle), where=norm[:, None] > 1e-6)
    radius = healpix.angle(corners, middle[:, None]).max(axis=1)
    small = (radius <= _SMALL) & (norm > 1e-6)
    if small.any():
        # as many points on a side as keep those of the longest possible one half a cell apart
        parts = np.arange(6)[:, None] / 6
        sides = corners[small][:, :, None] * (1 - parts) + np.roll(corners[small], -1, axis=1)[:, :, None] * parts
        _put(found, numbers[small], middle[small], sides.reshape(int(small.sum()), -1, 3), radius[small])
    large: Ints = numbers[~small]
    return large


@functools.lru_cache(maxsize=10_000)  # surveys have fields of one size
def _of_circle(ra: float, dec: float, radius: float) -> tuple[int, ...]:
    return tuple(_cells([sky.shape_of({"circle": [ra, dec, radius]})]))


def _cells(shapes: Iterable[Shape]) -> list[int]:
    """Exactly, one by one."""
    ranges = sky.union_ranges(shapes, ORDER) >> _SHIFT
    size = ranges[:, 1] - ranges[:, 0]
    return healpix.expand(ranges[:, 0], size).tolist() if size.sum() <= MOST_CELLS else []
