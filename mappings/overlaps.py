"""Areas that circles and convex polygons have in common, by formula and by clipping.

A circle is clipped as a polygon of as large an area. Its sides stray to both sides of the circle, so that what another
edge cuts from it errs by no more than one side does.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np

from mappings import crossings, healpix, polygons, relations
from mappings.healpix import Floats
from mappings.shapes import Round

_SIDES = 128
_TOUCH = 1e-14  # radians: a corner so near to an edge is on it
_WIDEST = 1.2  # radians from the middle: hemispheres have no clear inside
_MOST = 3  # parts of a union, else its terms are too many
_STRAYS = 2e-4  # of a circle's radius
_ERROR = 5e-4  # of the region's area


def lens(first: float, second: float, apart: float) -> float:
    """Area, steradians, that two circles share, of these radii and with middles so far apart; their edges cross."""
    a, b, d = first, second, apart
    half = (a + b + d) / 2
    root = math.sqrt(max(0.0, math.sin(half) * math.sin(half - a) * math.sin(half - b) * math.sin(half - d)))
    # the triangle of both middles and a crossing: angles at the middles, and its area by its excess
    at_a = 2 * math.atan2(root, math.sin(half) * math.sin(half - b))
    at_b = 2 * math.atan2(root, math.sin(half) * math.sin(half - a))
    tangents = math.tan(half / 2) * math.tan((half - a) / 2) * math.tan((half - b) / 2) * math.tan((half - d) / 2)
    triangle = 4 * math.atan(math.sqrt(max(0.0, tangents)))
    sectors = 4 * at_a * math.sin(a / 2) ** 2 + 4 * at_b * math.sin(b / 2) ** 2
    return max(0.0, sectors - 2 * triangle)


def shared(region: Round, other: Round) -> float | None:
    """The share of a circle that another covers; None where they are too wide."""
    a, b, apart = region.circle[3], other.circle[3], relations.separation(region, other)
    if max(a, b) > _WIDEST:
        return None
    if apart + b <= a:
        return other.area / region.area
    return 0.0 if apart >= a + b else min(1.0, lens(a, b, apart) / region.area)


class Convex:
    """A region all of whose parts are circles and convex polygons, few and none too wide."""

    def __init__(self, area: Round) -> None:
        self.area = area
        self.able = len(area.parts) <= _MOST and all(map(_is_convex, area.parts))
        self.corners = [_corners(part) for part in area.parts] if self.able else []
        self.radius = max((part.circle[3] for part in area.parts if part.shape.kind == "circle"), default=0.0)
        self.terms = _terms(self.corners)
        self.size = sum(sign * _area(corners) for sign, corners in self.terms)
        self.girth = sum(float(healpix.angle(c, np.roll(c, -1, axis=0)).sum()) for c in self.corners)

    def common(self, other: Convex) -> float | None:
        """Steradians that both have in common; None where clipping cannot tell them well enough."""
        if not (self.able and other.able) or self.size <= 0:
            return None
        largest = max(self.radius, other.radius)
        side = min(self.girth, 4 * math.pi / _SIDES * largest)
        if _STRAYS * largest * side > _ERROR * self.size:
            return None
        return sum(
            mine_sign * its_sign * _area(_clipped(mine, its))
            for mine_sign, mine in self.terms
            for its_sign, its in other.terms
        )


def _is_convex(part: Round) -> bool:
    if part.shape.kind == "circle":
        return 0 < part.circle[3] < _WIDEST
    return float(part.cap[3]) < _WIDEST and crossings.is_convex(part.polygon) and not part.is_thin and _once_round(part)


def _once_round(part: Round) -> bool:
    """Edges that run round twice have their vertices on one side too."""
    frame = polygons.frame_at(part.cap[:3])
    x, y, z = frame @ part.polygon.vertices.T
    edges = np.roll(np.stack([x / z, y / z]), -1, axis=1) - np.stack([x / z, y / z])
    turns = np.arctan2(edges[1], edges[0])
    bends = (np.roll(turns, -1) - turns + math.pi) % (2 * math.pi) - math.pi
    return abs(abs(float(bends.sum())) - 2 * math.pi) < 1e-3


def _corners(part: Round) -> Floats:
    """Vertices, shape (n, 3), anticlockwise seen from outside: inside is on the left."""
    if part.shape.kind == "polygon":
        normals = part.polygon.normals
        left = float((normals @ part.cap[:3]).sum()) > 0
        return part.polygon.vertices if left else part.polygon.vertices[::-1]
    x, y, axis = polygons.frame_at(part.shape.data[:3])
    # a regular polygon's area: the sum of its triangles round the middle
    radius = part.circle[3]
    turn = 2 * math.pi / _SIDES
    for _ in range(4):
        square = math.tan(radius / 2) ** 2
        excess = 2 * math.atan2(square * math.sin(turn), 1 + square * math.cos(turn))
        radius *= math.sqrt(part.area / (_SIDES * excess))
    t = np.arange(_SIDES) * turn
    around = x * np.cos(t)[:, None] + y * np.sin(t)[:, None]
    made: Floats = axis * math.cos(radius) + around * math.sin(radius)
    return made


def _terms(corners: Sequence[Floats]) -> list[tuple[int, Floats]]:
    """The union as a sum: each part, less what two have in common, and so on."""
    made: list[tuple[int, Floats]] = []
    for count in range(1, len(corners) + 1):
        for some in itertools.combinations(corners, count):
            common = some[0]
            for other in some[1:]:
                common = _clipped(common, other)
            if len(common):
                made.append((1 if count % 2 else -1, common))
    return made


def _clipped(a: Floats, b: Floats) -> Floats:
    """What two convex polygons have in common: corners of each in the other, and where edges cross, in turn."""
    ours, theirs = a @ _normals(b).T, b @ _normals(a).T
    in_b, in_a = (ours > -_TOUCH).all(axis=1), (theirs > -_TOUCH).all(axis=1)
    if in_b.all():
        return a
    if in_a.all():
        return b
    ends, others = np.roll(ours, -1, axis=0), np.roll(theirs, -1, axis=0).T
    # on two sides each of the other, and on the same side of the sky
    i, j = np.nonzero(((ours < 0) != (ends < 0)) & ((theirs.T < 0) != (others < 0)) & ((ours < 0) == (others < 0)))
    crossing = a[i] * np.abs(ends[i, j])[:, None] + a[(i + 1) % len(a)] * np.abs(ours[i, j])[:, None]
    crossing /= np.sqrt((crossing * crossing).sum(axis=1))[:, None]
    corners = np.concatenate([a[in_b], b[in_a], crossing])
    if len(corners) < 3:
        return corners[:0]
    middle = corners.sum(axis=0)
    x, y, _ = polygons.frame_at(middle / math.sqrt(float(middle @ middle))) @ corners.T
    return corners[np.argsort(np.arctan2(y, x))]


def _normals(corners: Floats) -> Floats:
    after = np.roll(corners, -1, axis=0)
    normal = polygons.cross(corners - after, corners + after)
    made: Floats = normal / np.sqrt((normal * normal).sum(axis=1))[:, None]
    return made


def _area(corners: Floats) -> float:
    """Steradians of a convex polygon; from differences, so that small ones keep their digits."""
    if len(corners) < 3:
        return 0.0
    apex, a, b = corners[0], corners[1:-1], corners[2:]
    triple = polygons.cross(a - apex, b - apex) @ apex
    below = 1 + a @ apex + b @ apex + (a * b).sum(axis=1)
    return max(0.0, float((2 * np.arctan2(triple, below)).sum()))
