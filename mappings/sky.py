"""Questions of one region of the sky, asked of many footprints and positions.

A cover is a filter, the answer is the geometry's: great circles for polygons, doubles for positions, a MOC's
cells as they are. Within 0.1 mas of an edge either answer is right. Pure; documents and queries share it.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from mappings import covers, healpix, relations
from mappings.covers import Cover as Cover
from mappings.covers import cover as cover
from mappings.healpix import Floats, Ints
from mappings.shapes import KINDS as KINDS
from mappings.shapes import Kind as Kind
from mappings.shapes import Round, Shape, moc_size, radec
from mappings.shapes import moc_ranges as moc_ranges
from mappings.shapes import pack as pack
from mappings.shapes import shape_of as shape_of
from mappings.shapes import unpack as unpack
from schemas.query import Cone

_PIECES = 16  # points a union MOC is begun with over a region of no MOC


class RegionTest:
    """A closed region and its cover, and the exact tests of footprints against it.

    Attributes
    ----------
    shape : the region as numbers
    ranges, inner : its cover, order-29 ranges, shape (n, 2), ascending; which of them lie wholly inside
    centre, radius : of a cap that holds it: unit vector, radians
    """

    def __init__(self, footprint: Mapping[str, Any]) -> None:
        self.shape = shape_of(footprint)
        if self.shape.kind == "moc":
            self.cap = covers.cover(self.shape).cap
            self.ranges, self.inner = self.shape.data, np.ones(len(self.shape.data), dtype=bool)
        else:
            self.area = Round(self.shape)
            self.cap = self.area.cap
            # measured at a million positions: finer covers of wide cones save more exact tests than they cost
            size = min(float(self.cap[3]), math.pi - float(self.cap[3])) if self.shape.kind == "circle" else self.cap[3]
            size = math.degrees(size)
            self.ranges, self.inner = covers.region_cover(self.area, 8 if size < 5 else 16 if size < 20 else 64)
        self.centre, self.radius = self.cap[:3], float(self.cap[3])

    @functools.cached_property
    def is_point(self) -> bool:
        """The region is one point."""
        if self.shape.kind == "moc" or len(self.area.parts) > 1:
            return False
        only = self.area.parts[0]
        return only.circle[3] <= 0 if only.shape.kind == "circle" else only.polygon.size == 1

    def holds(self, points: Floats, cells: Ints | None = None) -> Any:
        """Which unit vectors, shape (n, 3), are in it; ``cells``: their order-29 cells, where they are known."""
        if self.shape.kind != "moc":
            return self.area.holds(points)
        return healpix.in_ranges(cells_of_points(points) if cells is None else cells, self.shape.data)

    def meets(self, shape: Shape) -> bool:
        """Footprint and region have a point in common."""
        if self.shape.kind != "moc":
            if shape.kind != "moc":
                return relations.meet(self.area, Round(shape))
            return relations.moc_meets(shape.data, self.area, (self.ranges, self.inner))
        if shape.kind == "moc":
            return bool(healpix.touches(*_shorter_first(self.shape.data, shape.data)).any())
        return relations.moc_meets(self.shape.data, Round(shape))

    def within(self, shape: Shape) -> bool:
        """The whole footprint lies in the region."""
        if self.shape.kind != "moc":
            if shape.kind != "moc":
                return relations.lies_in(Round(shape), self.area)
            return relations.moc_lies_in(shape.data, self.area, (self.ranges, self.inner))
        return _in_moc(shape, self.shape.data)

    def contained(self, shape: Shape) -> bool:
        """The whole region lies in the footprint."""
        if self.shape.kind != "moc":
            if shape.kind != "moc":
                return relations.lies_in(self.area, Round(shape))
            return relations.lies_in_moc(self.area, shape.data, (self.ranges, self.inner))
        return (
            _in_moc(self.shape, shape.data)
            if shape.kind == "moc"
            else relations.moc_lies_in(self.shape.data, Round(shape))
        )

    def fraction(self, shape: Shape) -> float:
        """The share of the region's area that the footprint covers; of a region of no area 1 if it holds all of it."""
        if self.contained(shape):
            return 1.0
        raise NotImplementedError


def _in_moc(shape: Shape, ranges: Ints) -> bool:
    if shape.kind != "moc":
        return relations.lies_in_moc(Round(shape), ranges)
    return moc_size(healpix.intersect_ranges(shape.data, ranges)) == moc_size(shape.data)


def _shorter_first(a: Ints, b: Ints) -> tuple[Ints, Ints]:
    return (a, b) if len(a) <= len(b) else (b, a)


def cells_of_points(points: Floats) -> Ints:
    """Order-29 cells of unit vectors, shape (n, 3)."""
    x, y, z = points.T
    lon = np.degrees(np.arctan2(y, x)) % 360
    return healpix.cells(lon, np.degrees(np.arctan2(z, np.hypot(x, y))))


class ConeTest(RegionTest):
    """A region that is a cone."""

    def __init__(self, cone: Cone) -> None:
        super().__init__({"circle": [cone.ra, cone.dec, cone.radius]})
        self.cone = cone
