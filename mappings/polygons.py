"""Spherical polygons: great-circle edges, the smaller area inside, whatever the winding.

The edges part the sky by parity: a point is inside when a way to the outside crosses them an odd number of times. Edges
run twice, touching vertices and vertices repeated change nothing. With fewer than three distinct vertices the polygon
is an arc or a point. Vertices are unit vectors, shape (n, 3), in order; angles are radians.
"""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np

from mappings import healpix
from mappings.healpix import Floats

EDGE = 1e-12  # 0.2 microarcseconds: nearer than this is on the edge
_FLAT = 0.05  # least cosine from the middle at which straight lines on the tangent plane are exact to 1e-14
_MOST = 1_000_000  # pairs of points and edges worked on at once


def distinct(vertices: Floats) -> Floats:
    """Drop vertices that repeat the one before, so that no edge has no direction."""
    keep = ((vertices - np.roll(vertices, 1, axis=0)) ** 2).sum(axis=1) > 1e-30
    return vertices[keep] if keep.any() else vertices[:1]


def cap(vertices: Floats) -> Floats:
    """A small circle [x, y, z, radius] that holds the polygon; the whole sphere where none below a hemisphere does."""
    middle = vertices.sum(axis=0)
    norm = math.sqrt(float(middle @ middle))
    if norm > 1e-6:
        middle = middle / norm
        radius = float(healpix.angle(vertices, middle).max())
        if radius < math.pi / 2 - 1e-9:  # a cap below a hemisphere holds the arcs between its points, and the inside
            return np.append(middle, radius + 1e-12)
    return np.array([0.0, 0.0, 1.0, math.pi])


class Polygon:
    """Vertices with what the tests need of them, worked out once."""

    def __init__(self, vertices: Floats) -> None:
        self.vertices = vertices
        self.after = np.roll(vertices, -1, axis=0)
        self.size = len(vertices)

    @functools.cached_property
    def normals(self) -> Floats:
        """Unit normals of the edges' planes, on their left; zero for an edge that has none."""
        # a x b without the loss of digits that near vertices suffer
        normal = cross(self.vertices - self.after, self.vertices + self.after)
        length = np.sqrt((normal * normal).sum(axis=1))[:, None]
        made: Floats = np.divide(normal, length, out=np.zeros_like(normal), where=length > 1e-15)
        return made

    @functools.cached_property
    def _ends(self) -> tuple[Floats, Floats]:
        return cross(self.normals, self.vertices), cross(self.after, self.normals)

    def edge_distance(self, points: Floats) -> Floats:
        """Least angle from each point, shape (n, 3), to the edges."""
        made: Floats = _by_parts(self._edge_distance, points, self.size)
        return made

    def _edge_distance(self, points: Floats) -> Floats:
        chord = ((points[:, None] - self.vertices) ** 2).sum(axis=2).min(axis=1)
        least: Floats = 2 * np.arcsin(np.minimum(np.sqrt(chord) / 2, 1.0))
        from_a, from_b = self._ends
        # the foot of the perpendicular lies on the arc when it is on the inner side of both ends
        onto_a, onto_b = points @ from_a.T, points @ from_b.T
        height = np.abs(points @ self.normals.T)
        beside = (onto_a > 0) & (onto_b > 0)
        if beside.any():
            along = np.hypot(onto_a, points @ self.vertices.T)
            away = np.where(beside, np.arctan2(height, along), math.inf)
            least = np.minimum(least, away.min(axis=1))
        return least

    def depth(self, points: Floats) -> Floats:
        """Angle from each point to the edge, positive inside."""
        away = self.edge_distance(points)
        return np.where(self.holds(points), away, -away)

    def holds(self, points: Floats) -> Any:
        """Which points, shape (n, 3), are inside; on an edge either answer. An arc or a point holds what is on it."""
        if self.size < 3:
            return self.edge_distance(points) <= EDGE
        return _by_parts(self._holds_flat if self._plane is not None else self._holds_round, points, self.size)

    @functools.cached_property
    def _plane(self) -> tuple[Floats, Floats, Floats] | None:
        """A frame [x, y, middle] and the vertices in its tangent plane, where arcs are straight; None: too large."""
        for middle in (self.vertices.sum(axis=0), cross(self.vertices, self.after).sum(axis=0)):
            norm = math.sqrt(float(middle @ middle))
            for towards in (middle, -middle):
                if norm > 1e-12 and float((self.vertices @ towards).min()) > _FLAT * norm:
                    frame = frame_at(towards / norm)
                    x, y, z = frame @ self.vertices.T
                    return frame, x / z, y / z
        return None

    def _holds_flat(self, points: Floats) -> Any:
        assert self._plane is not None
        frame, ax, ay = self._plane
        x, y, z = frame @ points.T
        near = z > 0
        z = np.where(near, z, 1.0)
        x, y = (x / z)[:, None], (y / z)[:, None]
        bx, by = np.roll(ax, -1), np.roll(ay, -1)
        below = ay <= y
        # an edge owns its lower end: a vertex at the point's height counts once, or twice where the edges turn back
        crosses = below != np.roll(below, -1, axis=1)
        left = (bx - ax) * (y - ay) - (by - ay) * (x - ax) > 0
        return near & ((crosses & (left == below)).sum(axis=1) % 2 == 1)

    def _holds_round(self, points: Floats) -> Any:
        inside = np.zeros(len(points), dtype=bool)
        left = np.ones(len(points), dtype=bool)
        for place, known in self._known:
            # an arc to the antipode has no direction, so that such points are led to the other place
            able = left & (np.abs(points @ place) < 0.999999)
            odd = self._crossings(points[able], place) % 2 == 1
            inside[able] = odd != known
            left &= ~able
        return inside

    def _crossings(self, points: Floats, place: Floats) -> Any:
        """How many edges the arc from each point to ``place`` crosses."""
        plane = cross(points, place)
        side_a = plane @ self.vertices.T >= 0
        side_b = np.roll(side_a, -1, axis=1)
        start, end = points @ self.normals.T >= 0, self.normals @ place >= 0
        # both arcs cross the other's great circle: at the same point, or at opposite ones
        crosses = (side_a != side_b) & (start != end)
        return (crosses & (start == side_b)).sum(axis=1)

    @functools.cached_property
    def _known(self) -> list[tuple[Floats, bool]]:
        """Two places, and whether each is inside: for polygons that fit in no hemisphere."""
        longest = int(((self.vertices - self.after) ** 2).sum(axis=1).argmax())
        place = self.vertices[longest] + self.after[longest] + 1e-8 * self.normals[longest]
        place /= math.sqrt(float(place @ place))
        other = np.array([-place[1], place[0], place[2]]) + 0.3 * self.normals[longest]
        other /= math.sqrt(float(other @ other))
        odd = bool(self._crossings(other[None], place)[0] % 2)
        first = self.left_area() <= 2 * math.pi
        return [(place, first), (other, first != odd)]

    def left_area(self) -> float:
        """Area on the left of the edges, steradians, 0 to 4 pi."""
        apex, a, b = self.vertices[0], self.vertices[1:-1], self.vertices[2:]
        # from differences, so that small polygons keep their digits
        triple = cross(a - apex, b - apex) @ apex
        below = 1 + a @ apex + b @ apex + (a * b).sum(axis=1)
        return float((2 * np.arctan2(triple, below)).sum()) % (4 * math.pi)


def frame_at(middle: Floats) -> Floats:
    """Three unit vectors at right angles, the last of them ``middle``; right-handed."""
    x, y, z = (float(part) for part in middle)
    least = np.eye(3)[min(range(3), key=lambda n: abs((x, y, z)[n]))]
    first = cross(least, middle)
    first /= math.sqrt(float(first @ first))
    return np.stack([first, cross(middle, first), middle])


def cross(a: Floats, b: Floats) -> Floats:
    """As numpy.cross, at a third of its time for few vectors."""
    a0, a1, a2 = a[..., 0], a[..., 1], a[..., 2]
    b0, b1, b2 = b[..., 0], b[..., 1], b[..., 2]
    return np.stack([a1 * b2 - a2 * b1, a2 * b0 - a0 * b2, a0 * b1 - a1 * b0], axis=-1)


def _by_parts(work: Any, points: Floats, edges: int) -> Any:
    """Call ``work`` on so many points at once that the pairs fit in the caches."""
    step = max(1, _MOST // max(edges, 1))
    if len(points) <= step:
        return work(points)
    return np.concatenate([work(points[n : n + step]) for n in range(0, len(points), step)])
