"""Footprints as numbers, and what each says of points: whether it holds them, and how far they are from its edge."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from mappings import healpix, polygons
from mappings.healpix import ALL, ORDER, Floats, Ints
from mappings.polygons import Polygon
from schemas.moc import parse_spans

Kind = Literal["circle", "polygon", "moc", "union"]
KINDS: tuple[Kind, ...] = ("circle", "polygon", "moc", "union")


@dataclass(frozen=True, slots=True)
class Shape:
    """A footprint as numbers.

    circle: ``data`` = [x, y, z, radius]; polygon: vertices as unit vectors, shape (n, 3); moc: order-29 ranges (n, 2),
    ascending and apart; union: a tuple of circles and polygons. Radians.
    """

    kind: Kind
    data: Any


def shape_of(footprint: Mapping[str, Any]) -> Shape:
    """Read a record's ``footprint``."""
    if circle := footprint.get("circle"):
        return _circle(*circle)
    if polygon := footprint.get("polygon"):
        return _polygon(polygon)
    if (text := footprint.get("stc_s")) is not None:
        from mappings.stc_s import read_region

        made = tuple(map(shape_of, read_region(text)))
        return made[0] if len(made) == 1 else Shape("union", made)
    return Shape("moc", moc_ranges(footprint["moc"]))


def _circle(ra: float, dec: float, radius: float) -> Shape:
    return Shape("circle", np.append(healpix.unit(ra, dec), math.radians(radius)))


def _polygon(vertices: Any) -> Shape:
    points = np.asarray(vertices, dtype=np.float64)
    return Shape("polygon", polygons.distinct(healpix.unit(points[:, 0], points[:, 1])))


def moc_ranges(text: str) -> Ints:
    """Order-29 ranges, shape (n, 2), of a MOC in ASCII."""
    made = [np.empty((0, 2), dtype=np.int64)]
    for order, first, last in parse_spans(text):
        low, high = np.array(first, dtype=np.int64), np.array(last, dtype=np.int64) + 1
        made.append(np.stack([low, high], axis=1) << 2 * (ORDER - order))
    return healpix.merge_ranges(np.concatenate(made))


def pack(shape: Shape) -> Ints:
    """The numbers of a shape as one array of 64-bit words; :func:`unpack` reads it, with the kind beside it."""
    if shape.kind == "moc":
        return np.ascontiguousarray(shape.data).reshape(-1)
    if shape.kind != "union":
        return np.ascontiguousarray(shape.data, dtype=np.float64).reshape(-1).view(np.int64)
    parts = [pack(part) for part in shape.data]
    head = [len(parts), *(word for one, part in zip(shape.data, parts, strict=True) for word in _head(one, part))]
    return np.concatenate([np.array(head, dtype=np.int64), *parts])


def _head(shape: Shape, words: Ints) -> tuple[int, int]:
    return KINDS.index(shape.kind), len(words)


def unpack(kind: Kind, words: Ints) -> Shape:
    """The shape again, on the same memory."""
    match kind:
        case "moc":
            return Shape(kind, words.reshape(-1, 2))
        case "circle":
            return Shape(kind, words.view(np.float64))
        case "polygon":
            return Shape(kind, words.view(np.float64).reshape(-1, 3))
    count = int(words[0])
    made, at = [], 1 + 2 * count
    for inner, size in words[1:at].reshape(-1, 2).tolist():
        made.append(unpack(KINDS[inner], words[at : at + size]))
        at += size
    return Shape("union", tuple(made))


class Round:
    """A shape with a smooth edge, that is no MOC: how deep inside points are.

    ``depth`` changes by no more than the way between two points; it is the distance to the edge of a circle or polygon,
    and for a union the greatest of its parts, so that a depth above 0 is inside.
    """

    def __init__(self, shape: Shape) -> None:
        self.shape = shape
        self.parts: tuple[Round, ...] = tuple(map(Round, shape.data)) if shape.kind == "union" else (self,)

    @functools.cached_property
    def polygon(self) -> Polygon:
        return Polygon(self.shape.data)

    @functools.cached_property
    def circle(self) -> tuple[float, float, float, float]:
        x, y, z, radius = self.shape.data.tolist()
        return x, y, z, radius

    @functools.cached_property
    def cap(self) -> Floats:
        """[x, y, z, radius] of a small circle that holds it."""
        match self.shape.kind:
            case "circle":
                return np.asarray(self.shape.data)
            case "polygon":
                return polygons.cap(self.shape.data)
        caps = np.array([part.cap for part in self.parts])
        middle = caps[:, :3].sum(axis=0)
        norm = math.sqrt(float(middle @ middle))
        if norm < 1e-6:
            return np.array([0.0, 0.0, 1.0, math.pi])
        reach = float((healpix.angle(caps[:, :3], middle / norm) + caps[:, 3]).max())
        return np.append(middle / norm, min(reach + 1e-12, math.pi))

    def depth(self, points: Floats) -> Floats:
        match self.shape.kind:
            case "circle":
                made: Floats = self.shape.data[3] - healpix.angle(points, self.shape.data[:3])
                return made
            case "polygon":
                return self.polygon.depth(points)
        return functools.reduce(np.maximum, [part.depth(points) for part in self.parts])

    def holds(self, points: Floats) -> Any:
        """Which unit vectors, shape (n, 3), are in the closed shape."""
        match self.shape.kind:
            case "circle":
                return in_cone(points, self.shape.data[:3], float(self.shape.data[3]))
            case "polygon":
                return self.polygon.holds(points)
        return functools.reduce(np.logical_or, [part.holds(points) for part in self.parts])

    @functools.cached_property
    def is_thin(self) -> bool:
        """It has no area: a point or an arc."""
        match self.shape.kind:
            case "circle":
                return self.circle[3] <= 0
            case "polygon":
                sides = self.polygon.normals @ self.shape.data.T
                return self.polygon.size < 3 or bool((np.abs(sides) < 1e-12).all())
        return all(part.is_thin for part in self.parts)

    @functools.cached_property
    def area(self) -> float:
        """Steradians; of a union the sum of its parts; where a polygon crosses itself, lobes cancel."""
        match self.shape.kind:
            case "circle":
                return 4 * math.pi * math.sin(self.circle[3] / 2) ** 2
            case "polygon":
                if self.polygon.size < 3:
                    return 0.0
                left = self.polygon.left_area()
                return min(left, 4 * math.pi - left)
        return sum(part.area for part in self.parts)


def in_cone(points: Floats, centre: Floats, radius: float) -> Any:
    """Compare squared chords, from the antipode for large cones: exact where a cosine has lost half its digits."""
    if radius <= math.pi / 2:
        chord = 2 * math.sin(radius / 2)
        return ((points - centre) ** 2).sum(axis=-1) <= chord * chord * (1 + 4e-16) + 1e-32
    chord = 2 * math.sin((math.pi - radius) / 2)
    return ((points + centre) ** 2).sum(axis=-1) >= chord * chord * (1 - 4e-16)


def radec(vector: Floats) -> tuple[float, float]:
    """Degrees of a unit vector."""
    x, y, z = (float(part) for part in vector)
    return math.degrees(math.atan2(y, x)) % 360, math.degrees(math.atan2(z, math.hypot(x, y)))


def moc_size(ranges: Ints) -> int:
    """How many order-29 cells."""
    return int((ranges[:, 1] - ranges[:, 0]).sum())


def moc_area(ranges: Ints) -> float:
    """Steradians."""
    return moc_size(ranges) / ALL * 4 * math.pi


def cells_of_points(points: Floats) -> Ints:
    """Order-29 cells of unit vectors, shape (n, 3)."""
    x, y, z = points.T
    lon = np.degrees(np.arctan2(y, x)) % 360
    return healpix.cells(lon, np.degrees(np.arctan2(z, np.hypot(x, y))))
