"""What share of a region's area a footprint covers.

Exact where both areas have a formula and one holds the other, and between MOCs. Else by cells: whole ones inside, and
on the edge the part that a straight edge at the centre's depth would leave. Measured, the error is below 0.2 % of the
region.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from mappings import crossings, healpix
from mappings.covers import region_cover
from mappings.healpix import ALL, ORDER, Floats, Ints
from mappings.overlaps import Convex, shared
from mappings.shapes import Round, moc_size

_FINE = 0.05  # the side of the last cells, by the region's area over its girth: 80 cells across a circle
_FINEST = 2_000  # cells across half the region, at most
_MOST = 30_000  # cells along the region's edge, for the very thin
_COARSEST = 5  # order; cells below it are too crooked for a straight edge

_FEW = 2_000  # ranges of a MOC whose cells are all asked of every footprint
_RADII = np.array([healpix.cell_radius(order) for order in range(ORDER + 1)])
_FURTHER = 4  # orders by which cells with two edges are split further

Cells = dict[int, Ints]
Depth = Callable[[Floats], Floats]


def _depth(area: Round) -> Depth:
    """The depth near the edge; of a convex polygon outside, off a corner, it may be too small an amount."""
    parts = [_depth(part) for part in area.parts] if len(area.parts) > 1 else []
    if parts:
        return lambda points: functools.reduce(np.maximum, [depth(points) for depth in parts])
    only = area.parts[0]
    if only.shape.kind == "circle" or not Convex(only).able:
        return only.depth
    normals = only.polygon.normals * np.sign(only.polygon.normals @ only.cap[:3]).sum().clip(-1, 1)
    return lambda points: np.asarray(np.arcsin(np.clip((points @ normals.T).min(axis=1), -1, 1)))


class Measure:
    """A region's area, in order-29 cells, and what part of it others take."""

    def __init__(self, area: Round | None, ranges: Ints, inner: Any) -> None:
        """``area`` None: the region is the MOC ``ranges``."""
        self.area, self.ranges, self.inner = area, ranges, inner

    @functools.cached_property
    def order(self) -> int:
        """The order of the last cells."""
        if self.area is None:
            side = math.sqrt(max(moc_size(self.ranges), 1) / ALL * 4 * math.pi) / 100
        else:
            girth = sum(_girth(part) for part in self.area.parts)
            side = max(_FINE * self.area.area / max(girth, 1e-12), girth / _MOST, float(self.area.cap[3]) / _FINEST)
        return min(ORDER, max(_COARSEST, math.ceil(math.log2(max(math.sqrt(math.pi / 3) / max(side, 1e-12), 1)))))

    @functools.cached_property
    def _own(self) -> Depth:
        assert self.area is not None
        return _depth(self.area)

    @functools.cached_property
    def _cells(self) -> Cells:
        return dict(healpix.cells_of(healpix.merge_ranges(self.ranges)))

    @functools.cached_property
    def _leaves(self) -> tuple[Ints, Ints, Floats, Floats, Any]:
        """The region's cells, once for all footprints: pixels, orders, middles, areas, and whether its edge is in them.

        Cells at the edge are of the last order.
        """
        found: list[tuple[int, Ints, Floats, Floats, Any]] = []
        pixels = np.empty(0, dtype=np.int64)
        for order in range(min(self._cells, default=0), max(self.order, *self._cells) + 1):
            pixels = np.concatenate([pixels, self._cells.get(order, pixels[:0])])
            points = healpix.points_in(pixels, order)
            size, reach = float(1 << 2 * (ORDER - order)), _RADII[order]
            depth = np.full(len(pixels), math.inf) if self.area is None else self._own(points)
            split = np.abs(depth) <= reach
            share = np.where(split, np.clip(0.5 + depth / _side(order), 0, 1), depth > 0)
            done = depth > reach if order < self.order else depth >= -reach
            found.append((order, pixels[done], points[done], size * share[done], split[done]))
            pixels = (4 * pixels[~done & split][:, None] + np.arange(4)).reshape(-1)
        orders = np.repeat([part[0] for part in found], [len(part[1]) for part in found])
        pixels, points, weights, edge = (np.concatenate([part[n] for part in found]) for n in range(1, 5))
        return pixels, orders, points, weights, edge

    @functools.cached_property
    def whole(self) -> float:
        """The region's area, by the same cells as its parts are."""
        if self.area is None:
            return float(moc_size(self.ranges))
        return _measured(self._cells, (self._own,), self.order)

    @functools.cached_property
    def exact(self) -> float | None:
        return float(moc_size(self.ranges)) if self.area is None else exact_area(self.area)

    @functools.cached_property
    def _convex(self) -> Convex | None:
        return None if self.area is None else Convex(self.area)

    def common(self, other: Round) -> float | None:
        """The share that circles and convex polygons cover, by formula or clipping; None: by cells."""
        if self.area is None or self._convex is None:
            return None
        if self.area.shape.kind == other.shape.kind == "circle":
            return shared(self.area, other)
        found = self._convex.common(Convex(other)) if self._convex.able else None
        return None if found is None else found / self._convex.size

    def of_moc(self, ranges: Ints) -> float:
        """The share that a MOC covers."""
        if self.area is None:
            return moc_size(healpix.intersect_ranges(self.ranges, ranges)) / self.whole
        inside = moc_size(healpix.intersect_ranges(ranges, self.ranges[self.inner]))
        edge = healpix.intersect_ranges(ranges, self.ranges[~self.inner])
        return (inside + _measured(dict(healpix.cells_of(edge)), (self._own,), self.order)) / self.whole

    def of_round(self, other: Round) -> float:
        """The share that a circle, polygon or union covers."""
        its = _depth(other)
        if self.area is not None or len(self.ranges) <= _FEW:
            pixels, orders, points, weights, edge = self._leaves
            depth = its(points)
            near = np.abs(depth) <= _RADII[orders]
            total = float(weights[~near & (depth > 0)].sum())
            for cut, depths in ((near & ~edge, (its,)), (near & edge, (self._own, its) if self.area else (its,))):
                cells = {int(order): pixels[cut & (orders == order)] for order in np.unique(orders[cut])}
                total += _measured(cells, depths, self.order)
            return total / self.whole
        ranges, inner = region_cover(other, 16)
        inside = moc_size(healpix.intersect_ranges(self.ranges, ranges[inner]))
        edge = healpix.intersect_ranges(self.ranges, ranges[~inner])
        return (inside + _measured(dict(healpix.cells_of(edge)), (its,), self.order)) / self.whole


def exact_area(area: Round) -> float | None:
    """The area in order-29 cells, where a formula has it."""
    if len(area.parts) > 1:
        return None
    only = area.parts[0]
    if only.shape.kind == "polygon" and only.polygon.size >= 3 and not crossings.is_convex(only.polygon):
        return None
    return only.area / (4 * math.pi) * ALL


def _girth(area: Round) -> float:
    if area.shape.kind == "circle":
        return 2 * math.pi * math.sin(area.circle[3])
    return float(healpix.angle(area.polygon.vertices, area.polygon.after).sum())


def _measured(cells: Cells, depths: tuple[Depth, ...], last: int) -> float:
    """Area, in order-29 cells, of what is inside depth 0 of all ``depths``, of the cells."""
    total = 0.0
    pixels = np.empty(0, dtype=np.int64)
    for order in range(min(cells, default=0), ORDER + 1):
        if order in cells:
            pixels = np.concatenate([pixels, cells[order]])
        if len(pixels) == 0:
            if order >= max(cells, default=0):
                break
            continue
        size = float(1 << 2 * (ORDER - order))
        points = healpix.points_in(pixels, order)
        by_region = [depth(points) for depth in depths]
        inside = functools.reduce(np.minimum, by_region)
        reach = healpix.cell_radius(order)
        split = np.abs(inside) <= reach
        if order >= last:
            # one straight edge is known by its distance, two are not: they may run along one another
            several = split & (sum((np.abs(depth) <= reach).astype(int) for depth in by_region) > 1)
            if order >= min(last + _FURTHER, ORDER):
                several[:] = False
            total += size * float(np.clip(0.5 + inside[~several] / _side(order), 0, 1).sum())
            split = several
        else:
            total += size * int((inside > reach).sum())
        pixels = (4 * pixels[split][:, None] + np.arange(4)).reshape(-1)
    return total


def _side(order: int) -> float:
    """The side of a cell, radians, were it a square."""
    return math.sqrt(math.pi / 3) / (1 << order)
