"""Many circles and polygons at once: how deep points are in each, and which of them have a point in a MOC.

All arithmetic is that of :mod:`mappings.polygons` and :mod:`mappings.shapes`, over pairs of a shape and a point. What
is hard stays undecided, and is asked one by one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from mappings import healpix, polygons
from mappings.healpix import ORDER, Floats, Ints
from mappings.shapes import Shape, cells_of_points

_FLAT = 0.05  # as for one polygon: least cosine from the middle
_LONGEST = 200  # vertices of a polygon
_MOST = 400_000  # pairs of a shape and a cell, or of a point and an edge, worked on at once
_EPS = 1e-11
_RADII = np.array([healpix.cell_radius(order) for order in range(ORDER + 1)])


class Many:
    """Circles and polygons, those of unions too.

    Attributes
    ----------
    owner : number of the shape that each part belongs to
    hard : mask over the shapes: some part of it is none of this, and must be asked alone
    """

    def __init__(self, shapes: Sequence[Shape]) -> None:
        parts = [(n, one) for n, shape in enumerate(shapes) for one in _parts(shape)]
        self.hard = np.zeros(len(shapes), dtype=bool)
        easy = [(n, one) for n, one in parts if one.kind == "circle" or 3 <= len(one.data) <= _LONGEST]
        self.hard[[n for n, one in parts if one.kind == "moc"]] = True
        self.hard[[n for n, one in parts if one.kind == "polygon" and not 3 <= len(one.data) <= _LONGEST]] = True
        circles = [(n, one.data) for n, one in easy if one.kind == "circle"]
        others = [(n, one.data) for n, one in easy if one.kind == "polygon"]
        self.owner = np.array([n for n, _ in (*circles, *others)], dtype=np.int64)
        self.circles = np.array([data for _, data in circles]).reshape(-1, 4)
        self._count = np.array([len(data) for _, data in others], dtype=np.int64)
        self._first = np.cumsum(self._count) - self._count
        self.vertices = np.concatenate([np.empty((0, 3)), *(data for _, data in others)])
        self._prepare()

    def _prepare(self) -> None:
        size = len(self.vertices)
        self._next = np.arange(1, size + 1)
        self._next[self._first + self._count - 1] = self._first
        a, b = self.vertices, self.vertices[self._next]
        normal = polygons.cross(a - b, a + b)
        length = np.sqrt((normal * normal).sum(axis=1))[:, None]
        self._normal = np.divide(normal, length, out=np.zeros_like(normal), where=length > 1e-15)
        self._from_a, self._from_b = polygons.cross(self._normal, a), polygons.cross(b, self._normal)
        if size == 0:
            self._frame, self._flat = np.empty((0, 3, 3)), np.empty((0, 2))
            return
        middle = np.add.reduceat(a, self._first)
        norm = np.sqrt((middle * middle).sum(axis=1))[:, None]
        middle = np.divide(middle, norm, out=np.tile([0.0, 0.0, 1.0], (len(norm), 1)), where=norm > 1e-6)
        least = np.eye(3)[np.abs(middle).argmin(axis=1)]
        x = polygons.cross(least, middle)
        x /= np.sqrt((x * x).sum(axis=1))[:, None]
        self._frame = np.stack([x, polygons.cross(middle, x), middle], axis=1)
        local = (self._frame[self.polygon_of_vertex] * a[:, None]).sum(axis=2)
        round_ones = np.minimum.reduceat(local[:, 2], self._first) <= _FLAT
        self.hard[self.owner[len(self.circles) :][round_ones]] = True
        self._flat = local[:, :2] / np.maximum(local[:, 2:], _FLAT)

    @property
    def polygon_of_vertex(self) -> Ints:
        return np.repeat(np.arange(len(self._count)), self._count)

    def of_points(self) -> tuple[Ints, Floats]:
        """A point or more of each: number of the shape, unit vectors."""
        points = np.concatenate([self.circles[:, :3], self.vertices])
        parts = np.concatenate([np.arange(len(self.circles)), len(self.circles) + self.polygon_of_vertex])
        return self.owner[parts], points

    def any_of(self, parts: Any) -> Any:
        """Mask of the shapes with any of these parts."""
        made = np.zeros(len(self.hard), dtype=bool)
        made[self.owner[parts]] = True
        return made

    def depth(self, parts: Ints, points: Floats) -> Floats:
        """Depth in each part of the point beside it, as :meth:`mappings.shapes.Round.depth`; not of hard ones."""
        made = np.empty(len(parts))
        circle = parts < len(self.circles)
        own = self.circles[parts[circle]]
        made[circle] = own[:, 3] - healpix.angle(points[circle], own[:, :3])
        rest = np.flatnonzero(~circle)
        step = max(1, _MOST // max(int(self._count.max(initial=1)), 1))
        for n in range(0, len(rest), step):
            some = rest[n : n + step]
            made[some] = self._polygon_depth(parts[some] - len(self.circles), points[some])
        return made

    def _polygon_depth(self, number: Ints, points: Floats) -> Floats:
        count = self._count[number]
        starts = np.cumsum(count) - count
        edge = healpix.expand(self._first[number], count)
        pair = np.repeat(np.arange(len(number)), count)
        at, corner = points[pair], self.vertices[edge]
        chord = np.minimum.reduceat(((at - corner) ** 2).sum(axis=1), starts)
        least = 2 * np.arcsin(np.minimum(np.sqrt(chord) / 2, 1.0))
        onto = (at * self._from_a[edge]).sum(axis=1)
        beside = np.flatnonzero((onto > 0) & ((at * self._from_b[edge]).sum(axis=1) > 0))
        near, edges = at[beside], edge[beside]
        height = np.abs((near * self._normal[edges]).sum(axis=1))
        along = np.hypot(onto[beside], (near * self.vertices[edges]).sum(axis=1))
        np.minimum.at(least, pair[beside], np.arctan2(height, along))
        x, y, z = (self._frame[number] * points[:, None]).sum(axis=2).T
        seen = z > 0
        z = np.where(seen, z, 1.0)
        x, y = (x / z)[pair], (y / z)[pair]
        (ax, ay), (bx, by) = self._flat[edge].T, self._flat[self._next[edge]].T
        below = ay <= y
        left = (bx - ax) * (y - ay) - (by - ay) * (x - ax) > 0
        crosses = (below != (by <= y)) & (left == below)
        inside = seen & (np.add.reduceat(crosses.astype(np.int64), starts) % 2 == 1)
        return np.where(inside, least, -least)

    def touching(self, ranges: Ints) -> tuple[Any, Any]:
        """Which shapes have a point in a MOC: masks of those that do for certain, and of those that may."""
        owner, points = self.of_points()
        sure = np.zeros(len(self.hard), dtype=bool)
        sure[owner[healpix.in_ranges(cells_of_points(points), ranges)]] = True
        maybe = self.hard & ~sure
        edges = np.ascontiguousarray(ranges).reshape(-1)
        parts = np.repeat(np.flatnonzero(~(sure | maybe)[self.owner]), 12)
        pixels = np.tile(np.arange(12), len(parts) // 12)
        for order in range(ORDER + 1):
            left = ~sure[self.owner[parts]]
            parts, pixels = parts[left], pixels[left]
            shift = 2 * (ORDER - order)
            # both ends of the cell in the list of edges: at the same odd place it is wholly in a range
            first = np.searchsorted(edges, pixels << shift, side="right")
            last = np.searchsorted(edges, (pixels + 1) << shift, side="left")
            touched, whole = (first & 1 == 1) | (last > first), (first & 1 == 1) & (last == first)
            parts, pixels, whole = parts[touched], pixels[touched], whole[touched]
            if len(parts) == 0 or len(parts) > _MOST:
                break
            depth = self.depth(parts, healpix.points_in(pixels, order))
            sure[self.owner[parts[(depth >= _EPS) & (whole | (depth >= _RADII[order] + _EPS))]]] = True
            keep = depth >= -_RADII[order] - _EPS
            parts, pixels = parts[keep], pixels[keep]
            if order < ORDER:
                pixels = (4 * pixels[:, None] + np.arange(4)).reshape(-1)
                parts = np.repeat(parts, 4)
        maybe[self.owner[parts]] = True
        return sure, maybe & ~sure


def _parts(shape: Shape) -> tuple[Shape, ...]:
    return shape.data if shape.kind == "union" else (shape,)
