"""Spherical polygons: great-circle edges, the smaller area inside, whatever the winding.

Vertices are unit vectors, shape (n, 3), in order, none the same as the one before; angles are radians.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from mappings import healpix
from mappings.healpix import Floats


def distinct(vertices: Floats) -> Floats:
    """Drop vertices that repeat the one before, so that no edge has no direction."""
    keep = np.linalg.norm(vertices - np.roll(vertices, 1, axis=0), axis=1) > 1e-15
    return vertices[keep] if keep.any() else vertices[:1]


def cap(vertices: Floats) -> Floats:
    """A small circle [x, y, z, radius] that holds the polygon; the whole sphere where none below a hemisphere does."""
    middle = vertices.sum(axis=0)
    norm = float(np.linalg.norm(middle))
    if norm > 1e-6:
        middle = middle / norm
        radius = float(healpix.angle(vertices, middle).max())
        if radius < math.pi / 2 - 1e-9:  # a cap below a hemisphere holds the arcs between its points, and the inside
            return np.append(middle, radius + 1e-12)
    return np.array([0.0, 0.0, 1.0, math.pi])


def meets(vertices: Floats, centre: Floats, radius: float) -> bool:
    """Some point of the polygon is within ``radius`` of ``centre``."""
    return edge_distance(vertices, centre) <= radius or holds(vertices, centre)


def edge_distance(vertices: Floats, point: Floats) -> float:
    """Least angle, radians, from a point to the polygon's edges."""
    a, b = vertices, np.roll(vertices, -1, axis=0)
    least = float(healpix.angle(a, point).min())
    normal = np.cross(a, b)
    length = np.linalg.norm(normal, axis=1)
    good = length > 1e-15
    a, b, normal = a[good], b[good], normal[good] / length[good, None]
    # the foot of the perpendicular lies on the arc when it is on the inner side of both ends
    onto_a = (np.cross(normal, a) * point).sum(axis=1)
    onto_b = (np.cross(b, normal) * point).sum(axis=1)
    beside = (onto_a > 0) & (onto_b > 0)
    if beside.any():
        height = np.abs(normal[beside] @ point)
        along = np.hypot(onto_a[beside], (a[beside] @ point))
        least = min(least, float(np.arctan2(height, along).min()))
    return least


def _turning(vertices: Floats, point: Floats) -> int:
    """How often the polygon winds round ``point`` (and backwards round its antipode): -1, 0 or 1 if it is simple."""
    across = vertices - (vertices @ point)[:, None] * point
    after = np.roll(across, -1, axis=0)
    turn = np.arctan2(np.cross(across, after) @ point, (across * after).sum(axis=1))
    return round(float(turn.sum()) / (2 * math.pi))


def _left_area(vertices: Floats) -> float:
    """Area on the left of the edges, steradians, 0 to 4 pi."""
    apex = vertices[0]
    a, b = vertices[1:-1], vertices[2:]
    triple = np.cross(a, b) @ apex
    below = 1 + a @ apex + b @ apex + (a * b).sum(axis=1)
    return float((2 * np.arctan2(triple, below)).sum()) % (4 * math.pi)


def holds(vertices: Floats, point: Floats) -> bool:
    """The point is on the side of smaller area; on an edge either answer."""
    if len(vertices) < 3:
        return False
    left = _left_area(vertices) <= 2 * math.pi
    turning = _turning(vertices, point)
    if turning:
        return (turning > 0) == left
    # The edges do not part the point from its antipode: follow an arc to a place whose side is known.
    # A polygon inside a hemisphere holds no such point, so this is for the very large and the very odd.
    middle = vertices.sum(axis=0)
    norm = float(np.linalg.norm(middle))
    if norm > 1e-9 and float((vertices @ (middle / norm)).min()) > 0:
        return False
    for known in _places(vertices):
        side = _turning(vertices, known)
        if side:
            inside = (side > 0) == left
            return inside ^ (_crossings(vertices, point, known) % 2 == 1)
    return False


def _places(vertices: Floats) -> Iterator[Floats]:
    """Points just beside the edges' middles: one side or the other is wound round."""
    after = np.roll(vertices, -1, axis=0)
    for a, b in zip(vertices, after, strict=True):
        normal = np.cross(a, b)
        for sign in (1.0, -1.0):
            place = a + b + sign * 1e-3 * normal
            length = float(np.linalg.norm(place))
            if length > 1e-9:
                yield place / length


def _crossings(vertices: Floats, start: Floats, end: Floats) -> int:
    """How many edges the arc from start to end crosses."""
    plane = np.cross(start, end)
    a, b = vertices, np.roll(vertices, -1, axis=0)
    normal = np.cross(a, b)
    side_a, side_b = a @ plane, b @ plane
    side_start, side_end = normal @ start, normal @ end
    crosses = (side_a * side_b < 0) & (side_start * side_end < 0)
    # both arcs cross the other's great circle: at the same point, or at opposite ones
    meeting = np.cross(plane, normal)
    same = ((meeting * (a + b)).sum(axis=1) > 0) == ((meeting @ (start + end)) > 0)
    return int((crosses & same).sum())
