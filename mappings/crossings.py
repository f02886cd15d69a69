"""Where edges cross, and whether a region lies in a union of others.

All edges are arcs of circles: great ones of polygons, small ones of circles. Cut at their crossings, they bound the
faces into which they part the sky; a face lies in a region or it does not, and a point beside an arc tells.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from mappings import healpix, polygons
from mappings.healpix import Floats
from mappings.polygons import Polygon
from mappings.shapes import Round

_BESIDE = 1e-10  # radians (0.02 mas) from the arc to the points that tell; faces narrower than this are left out
_MOST = 1_000_000  # pairs of arcs worked on at once
_OWN = 500  # vertices up to which a polygon's edges are tried against each other


def any_cross(a: Polygon, b: Polygon) -> bool:
    """Some edge of one crosses some edge of the other; those that only touch may be left out."""
    step = max(1, _MOST // b.size)
    for n in range(0, a.size, step):
        normals = a.normals[n : n + step]
        start_b, end_b = normals @ b.vertices.T, normals @ b.after.T
        start_a, end_a = a.vertices[n : n + step] @ b.normals.T, a.after[n : n + step] @ b.normals.T
        # arcs cross where the ends of each lie on two sides of the other, and both on the same side of the sky
        if ((start_b * end_b < 0) & (start_a * end_a < 0) & ((start_a > 0) == (end_b > 0))).any():
            return True
    return False


def is_convex(polygon: Polygon) -> bool:
    """Every vertex is on the same side of every edge, so that what has its vertices inside is inside."""
    if polygon.size < 3 or polygon.size * polygon.size > _MOST:
        return False
    sides = polygon.normals @ polygon.vertices.T
    return bool((sides > -1e-14).all() or (sides < 1e-14).all())


class _Arcs:
    """n arcs: point(t) = axis cos(radius) + sin(radius) (x cos(t) + y sin(t)), t from 0 to ``end``."""

    def __init__(self, area: Round) -> None:
        if area.shape.kind == "circle":
            frame = polygons.frame_at(area.shape.data[:3])
            self.x, self.y, self.axis = frame[0:1], frame[1:2], frame[2:3]
            self.radius, self.end = np.array([area.circle[3]]), np.array([2 * math.pi])
            self.alone = True
            return
        polygon = area.polygon
        some = (polygon.normals != 0).any(axis=1)
        self.x, self.axis = polygon.vertices[some], polygon.normals[some]
        self.y = np.cross(self.axis, self.x)
        self.radius = np.full(len(self.x), math.pi / 2)
        self.end = healpix.angle(self.x, polygon.after[some])
        self.alone = polygon.size > _OWN

    def points(self, n: Any, t: Floats, radius: Floats) -> Floats:
        along = self.x[n] * np.cos(t)[:, None] + self.y[n] * np.sin(t)[:, None]
        made: Floats = self.axis[n] * np.cos(radius)[:, None] + along * np.sin(radius)[:, None]
        return made

    def where(self, n: Any, points: Floats) -> Floats:
        """The t, 0 to 2 pi, of points on arc ``n``."""
        turn = np.arctan2((self.y[n] * points).sum(axis=-1), (self.x[n] * points).sum(axis=-1))
        return np.asarray(turn % (2 * math.pi))


def _cuts(arcs: _Arcs, others: _Arcs) -> tuple[Any, Floats]:
    """Where arcs meet others: number of the arc, and t."""
    found_n, found_t = [], []
    step = max(1, _MOST // max(len(others.radius), 1))  # a polygon that is a point has none
    for first in range(0, len(arcs.radius), step):
        mine = np.arange(first, min(first + step, len(arcs.radius)))
        n, other = (part.reshape(-1) for part in np.meshgrid(mine, np.arange(len(others.radius)), indexing="ij"))
        apart = healpix.angle(arcs.axis[n], others.axis[other])
        own, far = arcs.radius[n], others.radius[other]
        half = (own + far + apart) / 2  # the triangle of both axes and the meeting point, by its half-angles
        above = np.sin(half - own) * np.sin(half - apart)
        below = np.sin(half) * np.sin(half - far)
        some = (above * below >= 0) & (apart > 1e-15)
        turn = 2 * np.arctan2(np.sqrt(np.abs(above)), np.sqrt(np.abs(below)))
        n, other, turn = n[some], other[some], turn[some]
        towards = arcs.where(n, others.axis[other])
        for t in ((towards + turn) % (2 * math.pi), (towards - turn) % (2 * math.pi)):
            there = others.where(other, arcs.points(n, t, arcs.radius[n]))
            on_both = (t < arcs.end[n]) & ((there <= others.end[other] + 1e-9) | (there >= 2 * math.pi - 1e-9))
            found_n.append(n[on_both])
            found_t.append(t[on_both])
    return np.concatenate(found_n), np.concatenate(found_t)


def _pieces(arcs: _Arcs, all_arcs: list[_Arcs]) -> tuple[Any, Floats]:
    """The middles of the pieces into which ``all_arcs`` cut ``arcs``: number of the arc, and t."""
    every = np.arange(len(arcs.radius))
    cuts = [_cuts(arcs, others) for others in all_arcs if not (others is arcs and arcs.alone)]
    n = np.concatenate([every, every, *(part[0] for part in cuts)])
    t = np.concatenate([np.zeros(len(every)), arcs.end, *(part[1] for part in cuts)])
    order = np.lexsort((t, n))
    n, t = n[order], t[order]
    long = (n[1:] == n[:-1]) & ((t[1:] - t[:-1]) * np.sin(arcs.radius[n[1:]]) > 2 * _BESIDE)
    return n[1:][long], ((t[1:] + t[:-1]) / 2)[long]


def lies_in(area: Round, others: list[Round], near: float) -> bool:
    """All of a circle or polygon is in the union of circles and polygons; ``near``: how far outside is inside still."""
    if not others:
        return False
    own = _Arcs(area) if float(area.cap[3]) > 4 * _BESIDE else None
    if own is None:
        return any(float(other.depth(area.cap[None, :3])[0]) >= -near for other in others)
    every = [own, *(_Arcs(other) for other in others)]
    for arcs in every:
        n, t = _pieces(arcs, every)
        if arcs is own:
            points = arcs.points(n, t, arcs.radius[n])
            if not np.logical_or.reduce([other.depth(points) >= -near for other in others]).all():
                return False
        for side in (_BESIDE, -_BESIDE):
            points = arcs.points(n, t, arcs.radius[n] + side)
            points = points[area.holds(points)]
            if len(points) and not np.logical_or.reduce([other.holds(points) for other in others]).all():
                return False
    return True
