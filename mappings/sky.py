"""Footprints and cones: covers for the index, exact tests for the answer. Pure; shared by documents and queries.

A cover is a filter, the answer is the geometry's: great circles for polygons, doubles for positions, a MOC's
cells as they are. Within 0.1 mas of an edge either answer is right.

A question about a cone is one of three about closed regions, and two of them turn into the first: a footprint
lies within a cone when it does not meet the cone around the antipode, and contains it when the footprint's
complement does not meet the cone.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from mappings import healpix, polygons
from mappings.healpix import ORDER, Floats, Ints
from schemas.moc import parse_moc
from schemas.query import Cone

Kind = Literal["circle", "polygon", "moc"]
COVER_CELLS = 48  # a footprint's cells in the index: more make queries sharper, and the index larger


@dataclass(frozen=True, slots=True)
class Shape:
    """A footprint as numbers.

    circle: ``data`` = [x, y, z, radius]; polygon: vertices as unit vectors, shape (n, 3); moc: order-29 ranges (n, 2).
    """

    kind: Kind
    data: Any


@dataclass(frozen=True, slots=True)
class Cover:
    """``cells``: (order, pixels, inner flags) that cover the shape; ``cap``: [x, y, z, radius] that holds it."""

    cells: list[tuple[int, Ints, Any]]
    cap: Floats


def shape_of(footprint: dict[str, Any]) -> Shape:
    """Read a record's ``footprint``."""
    if circle := footprint.get("circle"):
        ra, dec, radius = circle
        return Shape("circle", np.append(healpix.unit(ra, dec), math.radians(radius)))
    if polygon := footprint.get("polygon"):
        points = np.asarray(polygon, dtype=np.float64)
        return Shape("polygon", polygons.distinct(healpix.unit(points[:, 0], points[:, 1])))
    return Shape("moc", moc_ranges(footprint["moc"]))


def moc_ranges(text: str) -> Ints:
    """Order-29 ranges, shape (n, 2), of a MOC in ASCII."""
    made = [(first << 2 * (ORDER - order), (last + 1) << 2 * (ORDER - order)) for order, first, last in parse_moc(text)]
    return healpix.merge_ranges(np.array(made, dtype=np.int64).reshape(-1, 2))


def cover(shape: Shape) -> Cover:
    """The cells by which the index finds a footprint, at most about ``COVER_CELLS``."""
    if shape.kind == "moc":
        return _moc_cover(shape.data)
    cap = shape.data if shape.kind == "circle" else polygons.cap(shape.data)
    ra, dec = _radec(cap[:3])
    radius = math.degrees(float(cap[3]))
    ranges, inner = healpix.cone_cover(ra, dec, radius, healpix.order_for(radius, 4))
    if shape.kind == "polygon":
        inner = np.zeros(len(ranges), dtype=bool)
    return Cover(_cells(ranges, inner), cap)


def _cells(ranges: Ints, inner: Any) -> list[tuple[int, Ints, Any]]:
    made = []
    for flag in (True, False):
        for order, pixels in healpix.cells_of(ranges[inner == flag]):
            made.append((order, pixels, np.full(len(pixels), flag)))
    return made


def _moc_cover(ranges: Ints) -> Cover:
    """A MOC's own cells while they are few, else coarser ones that hold them."""
    if len(ranges) == 0:
        return Cover([], np.array([0.0, 0.0, 1.0, -1.0]))
    deepest = ORDER
    found = healpix.cells_of(ranges)
    if sum(len(pixels) for _, pixels in found) > COVER_CELLS:
        for deepest in range(1, ORDER):
            coarser = healpix.cells_of(ranges, deepest)
            if sum(len(pixels) for _, pixels in coarser) > COVER_CELLS and deepest > 3:
                break
            found = coarser
    cells = []
    centres, reach = [], []
    for order, pixels in found:
        shift = 2 * (ORDER - order)
        low = pixels << shift
        at = np.searchsorted(ranges[:, 1], low, side="right")
        inner = (ranges[at, 0] <= low) & (ranges[at, 1] >= low + (1 << shift))
        cells.append((order, pixels, inner))
        centres.append(healpix.points_in(pixels, order))
        reach.append(np.full(len(pixels), healpix.cell_radius(order)))
    points = np.concatenate(centres)
    middle = points.sum(axis=0)
    norm = float(np.linalg.norm(middle))
    if norm < 1e-6 * len(points):
        return Cover(cells, np.array([0.0, 0.0, 1.0, math.pi]))
    middle /= norm
    radius = float((healpix.angle(points, middle) + np.concatenate(reach)).max())
    return Cover(cells, np.append(middle, min(radius, math.pi)))


def _radec(vector: Floats) -> tuple[float, float]:
    x, y, z = (float(part) for part in vector)
    return math.degrees(math.atan2(y, x)) % 360, math.degrees(math.atan2(z, math.hypot(x, y)))


class ConeTest:
    """One cone and its cover, and the exact tests of footprints against it."""

    def __init__(self, cone: Cone) -> None:
        self.cone = cone
        self.radius = math.radians(cone.radius)
        self.centre = healpix.unit(cone.ra, cone.dec)
        smaller = min(cone.radius, 180 - cone.radius)
        # measured at a million positions: finer covers of wide cones save more exact tests than they cost
        order = healpix.order_for(smaller, 8 if smaller < 5 else 16 if smaller < 20 else 64)
        self.ranges, self.inner = healpix.cone_cover(cone.ra, cone.dec, cone.radius, order)

    def holds(self, points: Floats) -> Any:
        """Which unit vectors, shape (n, 3), are in the closed cone."""
        return _in_cone(points, self.centre, self.cone.radius)

    def meets(self, shape: Shape) -> bool:
        """Footprint and cone have a point in common."""
        match shape.kind:
            case "circle":
                return self._from_circle(shape) <= self.radius + float(shape.data[3])
            case "polygon":
                return polygons.meets(shape.data, self.centre, self.radius)
            case _:
                if len(healpix.intersect_ranges(shape.data, self.ranges[self.inner])):
                    return True
                edge = healpix.intersect_ranges(shape.data, self.ranges[~self.inner])
                return _cells_meet(edge, self.centre, self.radius)

    def within(self, shape: Shape) -> bool:
        """The whole footprint lies in the cone."""
        if self.cone.radius >= 180:
            return True
        match shape.kind:
            case "circle":
                return self._from_circle(shape) + float(shape.data[3]) <= self.radius
            case "polygon":
                return not polygons.meets(shape.data, -self.centre, math.pi - self.radius)
            case _:
                inside = healpix.intersect_ranges(shape.data, healpix.merge_ranges(self.ranges))
                if _size(inside) < _size(shape.data):
                    return False
                edge = healpix.intersect_ranges(shape.data, self.ranges[~self.inner])
                return not _cells_meet(edge, -self.centre, math.pi - self.radius)

    def contained(self, shape: Shape) -> bool:
        """The whole cone lies in the footprint."""
        match shape.kind:
            case "circle":
                return float(shape.data[3]) >= math.pi or self._from_circle(shape) + self.radius <= shape.data[3]
            case "polygon":
                vertices = shape.data
                return (
                    polygons.holds(vertices, self.centre)
                    and polygons.edge_distance(vertices, self.centre) >= self.radius
                )
            case _:
                rest = healpix.complement(shape.data)
                if len(healpix.intersect_ranges(rest, self.ranges[self.inner])):
                    return False
                edge = healpix.intersect_ranges(rest, self.ranges[~self.inner])
                return not _cells_meet(edge, self.centre, self.radius)

    def _from_circle(self, shape: Shape) -> float:
        return float(healpix.angle(shape.data[:3], self.centre))


def _size(ranges: Ints) -> int:
    return int((ranges[:, 1] - ranges[:, 0]).sum())


def _in_cone(points: Floats, centre: Floats, radius: float) -> Any:
    """Compare squared chords, from the antipode for large cones: exact where a cosine has lost half its digits."""
    if radius <= 90:
        chord = 2 * math.sin(math.radians(radius) / 2)
        return ((points - centre) ** 2).sum(axis=-1) <= chord * chord * (1 + 4e-16) + 1e-32
    chord = 2 * math.sin(math.radians(180 - radius) / 2)
    return ((points + centre) ** 2).sum(axis=-1) >= chord * chord * (1 - 4e-16)


_LAST = 9  # points a side tried in an order-29 cell that still touches the edge: none of it is 0.05 mas from one
_NEAR = math.radians(0.05 / 3.6e6)
_MOST = 1024  # cells kept at one order


def _cells_meet(ranges: Ints, centre: Floats, radius: float) -> bool:
    """Any cell of ``ranges`` has a point within ``radius`` radians of ``centre``: split cells till one centre is in."""
    by_order = dict(healpix.cells_of(ranges))
    pixels = np.empty(0, dtype=np.int64)
    for order in range(ORDER + 1):
        pixels = np.concatenate([pixels, by_order.pop(order, pixels[:0])])
        if len(pixels) == 0:
            if not by_order:
                return False
            continue
        away = healpix.angle(healpix.points_in(pixels, order), centre)
        if (away <= radius).any():
            return True
        pixels = pixels[away <= radius + healpix.cell_radius(order) + _NEAR]
        if len(pixels) > _MOST:
            # the edge runs along cells' edges (a meridian does, in the polar caps): go on where it comes nearest
            nearest = _least_sample(pixels, order, centre)
            pixels = pixels[np.argpartition(nearest, _MOST)[:_MOST]]
        if order < ORDER:
            pixels = (4 * pixels[:, None] + np.arange(4)).reshape(-1)
    return len(pixels) > 0 and bool(_least_sample(pixels, ORDER, centre, _LAST).min() <= radius + _NEAR)


def _least_sample(pixels: Ints, order: int, centre: Floats, side: int = 3) -> Floats:
    """Least distance, radians, of ``side`` by ``side`` points of each cell, corners among them."""
    steps = np.linspace(0, 1 - 1e-9, side)
    least = np.full(len(pixels), math.inf)
    for dx in steps:
        for dy in steps:
            least = np.minimum(least, healpix.angle(healpix.points_in(pixels, order, dx, dy), centre))
    return least
