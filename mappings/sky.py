"""Questions of one region of the sky, asked of many footprints and positions.

A cover is a filter, the answer is the geometry's: great circles for polygons, doubles for positions, a MOC's
cells as they are. Within 0.1 mas of an edge either answer is right. Pure; documents and queries share it.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mappings import covers, healpix, relations
from mappings.covers import Cover, cover, union_ranges
from mappings.fractions import Measure, exact_area
from mappings.healpix import Floats, Ints
from mappings.many import Many
from mappings.polygons import EDGE
from mappings.shapes import KINDS, Kind, Round, Shape, cells_of_points, moc_ranges, moc_size, pack, shape_of, unpack

__all__ = [
    "KINDS", "Cover", "Kind", "RegionTest", "Shape", "cells_of_points", "cover", "moc_ranges", "pack",
    "shape_of", "union_ranges", "unpack",
]  # fmt: skip


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
        mine, other = self.shape, shape
        if mine.kind == "moc" and other.kind == "moc":
            few, many = sorted((mine.data, other.data), key=len)
            return bool(healpix.touches(few, many).any())
        if other.kind == "moc":
            return relations.moc_meets(other.data, self.area, (self.ranges, self.inner))
        if mine.kind == "moc":
            return relations.moc_meets(mine.data, Round(other))
        return relations.meet(self.area, Round(other))

    def within(self, shape: Shape) -> bool:
        """The whole footprint lies in the region; an empty one in none."""
        if self.shape.kind == "moc":
            return _in_moc(shape, self.shape.data)
        if shape.kind == "moc":
            return relations.moc_lies_in(shape.data, self.area, (self.ranges, self.inner))
        return relations.lies_in(Round(shape), self.area)

    def contained(self, shape: Shape) -> bool:
        """The whole region lies in the footprint."""
        if shape.kind == "moc" and self.shape.kind != "moc":
            return relations.lies_in_moc(self.area, shape.data, (self.ranges, self.inner))
        if shape.kind == "moc":
            return _in_moc(self.shape, shape.data)
        if self.shape.kind == "moc":
            return relations.moc_lies_in(self.shape.data, Round(shape))
        return relations.lies_in(self.area, Round(shape))

    def meets_each(self, shapes: Sequence[Shape]) -> Any:
        """Mask of the footprints that meet the region."""
        many = Many(shapes)
        if self.shape.kind == "moc":
            sure, maybe = many.touching(self.shape.data)
        else:
            sure = self._each_met(many)
            maybe = ~sure
            if self.shape.kind == "circle":  # the depth of its centre says all
                maybe = many.hard & ~sure
        sure[maybe] = [self.meets(shapes[n]) for n in np.flatnonzero(maybe).tolist()]
        return sure

    def _each_met(self, many: Many) -> Any:
        """Mask of the footprints that certainly meet the region, which is no MOC; those that are not hard."""
        sure = many.any_of(np.flatnonzero(self.area.depth(many.circles[:, :3]) >= -many.circles[:, 3] - EDGE))
        owner, points = many.of_points()
        sure[owner[self.area.holds(points)]] = True
        easy = np.flatnonzero(~(sure | many.hard)[many.owner])
        for one in self.area.parts if len(easy) else ():
            radius = one.circle[3] if one.shape.kind == "circle" else 0.0
            point = one.shape.data[:3] if one.shape.kind == "circle" else one.polygon.vertices[0]
            depth = many.depth(easy, np.broadcast_to(point, (len(easy), 3)))
            sure |= many.any_of(easy[depth >= -radius - EDGE])
        return sure

    def within_each(self, shapes: Sequence[Shape]) -> Any:
        """Mask of the footprints that lie in the region."""
        many = Many(shapes)
        sure = np.zeros(len(shapes), dtype=bool)
        if self.shape.kind == "moc":
            out, maybe = many.touching(self._rest)
            sure = ~(out | maybe)
        else:
            owner, points = many.of_points()
            out = np.zeros(len(shapes), dtype=bool)
            out[owner[self.area.depth(points) < -2 * relations.NEAR]] = True
            maybe = ~out
        sure[maybe] = [self.within(shapes[n]) for n in np.flatnonzero(maybe).tolist()]
        return sure

    @functools.cached_property
    def _rest(self) -> Ints:
        return healpix.complement(self.shape.data)

    def fraction(self, shape: Shape) -> float:
        """The share of the region's area that the footprint covers: 0 to 1, and 1 only where it contains the region.

        A region of no area is covered wholly or not at all. See :mod:`mappings.fractions` for the error.
        """
        if self.contained(shape):
            return 1.0
        return self.share(shape) if self.meets(shape) else 0.0

    def share(self, shape: Shape) -> float:
        """The fraction of a footprint that meets the region and does not contain it."""
        if self.shape.kind != "moc" and self.area.is_thin:
            return 0.0
        if shape.kind == "moc":
            made = self._measure.of_moc(shape.data)
        else:
            other = Round(shape)
            if other.is_thin:
                return 0.0
            if (common := self._measure.common(other)) is not None:
                made = common
            else:
                part, whole = exact_area(other), self._measure.exact
                exact = part is not None and whole is not None and self.within(shape)
                made = part / whole if exact else self._measure.of_round(other)  # type: ignore[operator]  # both are
        return min(made, math.nextafter(1, 0))

    @functools.cached_property
    def _measure(self) -> Measure:
        return Measure(None if self.shape.kind == "moc" else self.area, self.ranges, self.inner)


def _in_moc(shape: Shape, ranges: Ints) -> bool:
    if shape.kind != "moc":
        return relations.lies_in_moc(Round(shape), ranges)
    size = moc_size(shape.data)
    return size > 0 and moc_size(healpix.intersect_ranges(shape.data, ranges)) == size
