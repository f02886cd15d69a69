"""Whether two regions meet, and whether one lies in the other; exact to 0.05 mas.

Circles and polygons by their edges. A MOC against them by its cells, split until one decides: a region's depth changes
by no more than the way between two points, so that a cell's centre says something of all of it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from mappings import crossings, healpix
from mappings.covers import region_cover
from mappings.healpix import ORDER, Floats, Ints
from mappings.polygons import EDGE
from mappings.shapes import Round, moc_size

NEAR = math.radians(0.05 / 3.6e6)
_LAST = 9  # points a side tried in an order-29 cell that still touches the edge: none of it is 0.05 mas from one
_MOST = 256  # cells kept at one order
_ACROSS = 8


def separation(a: Round, b: Round) -> float:
    """Angle between the middles of two circles; plain numbers, at a tenth of numpy's time."""
    ax, ay, az, _ = a.circle
    bx, by, bz, _ = b.circle
    near = math.sqrt((ax - bx) ** 2 + (ay - by) ** 2 + (az - bz) ** 2)
    if near <= 1.4142135623730951:
        return 2 * math.asin(near / 2)
    far = math.sqrt((ax + bx) ** 2 + (ay + by) ** 2 + (az + bz) ** 2)
    return math.pi - 2 * math.asin(min(far / 2, 1.0))


def meet(a: Round, b: Round) -> bool:
    """Two shapes that are no MOCs have a point in common."""
    return any(_parts_meet(one, other) for one in a.parts for other in b.parts)


def _parts_meet(a: Round, b: Round) -> bool:
    match a.shape.kind, b.shape.kind:
        case "circle", "circle":
            return separation(a, b) <= a.circle[3] + b.circle[3] + EDGE
        case "circle", _:
            return float(b.depth(a.shape.data[None, :3])[0]) >= -a.circle[3] - EDGE
        case _, "circle":
            return _parts_meet(b, a)
    one, other = a.polygon, b.polygon
    return bool(
        other.holds(one.vertices).any()
        or one.holds(other.vertices).any()
        or crossings.any_cross(one, other)
        or (other.edge_distance(one.vertices) <= EDGE).any()
        or (one.edge_distance(other.vertices) <= EDGE).any()
    )


def lies_in(a: Round, b: Round) -> bool:
    """All of ``a`` is in ``b``; neither is a MOC."""
    if len(a.parts) > 1 or len(b.parts) == 1:
        return all(_part_lies_in(part, b.parts[0]) if len(b.parts) == 1 else lies_in(part, b) for part in a.parts)
    only = a.parts[0]
    near = [part for part in b.parts if _parts_meet(only, part)]
    return any(_part_lies_in(only, part) for part in near) or crossings.lies_in(only, near, NEAR)


def _part_lies_in(a: Round, b: Round) -> bool:
    match a.shape.kind, b.shape.kind:
        case "circle", "circle":
            return b.circle[3] >= math.pi or separation(a, b) + a.circle[3] <= b.circle[3] + EDGE
        case "circle", _:
            return float(b.depth(a.shape.data[None, :3])[0]) >= a.circle[3] - EDGE
        case _, "circle":  # nothing of it comes nearer to the antipode
            return b.circle[3] >= math.pi or float(a.depth(-b.shape.data[None, :3])[0]) <= b.circle[3] - math.pi + EDGE
    one, other = a.polygon, b.polygon
    if not (other.holds(one.vertices) | (other.edge_distance(one.vertices) <= NEAR)).all():
        return False
    if crossings.is_convex(other):
        return True
    # clear of the edge, and edges that do not cross: there is no need to cut them
    apart = (other.depth(one.vertices) > NEAR).all() and (one.depth(other.vertices) < -NEAR).all()
    return bool(apart and not crossings.any_cross(one, other)) or crossings.lies_in(a, [b], NEAR)


def moc_meets(ranges: Ints, area: Round, cover: tuple[Ints, Any] | None = None) -> bool:
    """A MOC has a point in common with a shape; ``cover`` is the shape's, if it is at hand."""
    within, inner = cover if cover is not None else region_cover(area, _ACROSS)
    touched = healpix.touches(within, ranges)
    if not touched.any():
        return False
    if (touched & inner).any():
        return True
    return _any_deep(healpix.intersect_ranges(ranges, within[touched]), area.depth)


def moc_lies_in(ranges: Ints, area: Round, cover: tuple[Ints, Any] | None = None) -> bool:
    """All cells of a MOC are in a shape; an empty one is in none."""
    within, inner = cover if cover is not None else region_cover(area, _ACROSS)
    if len(ranges) == 0 or ranges[0, 0] < within[0, 0] or ranges[-1, 1] > within[-1, 1]:
        return False
    if moc_size(healpix.intersect_ranges(ranges, within)) < moc_size(ranges):
        return False
    edge = healpix.intersect_ranges(ranges, within[~inner])
    return not _any_deep(edge, lambda points: -area.depth(points) - NEAR)


def lies_in_moc(area: Round, ranges: Ints, cover: tuple[Ints, Any] | None = None) -> bool:
    """All of a shape is in cells of a MOC."""
    within, inner = cover if cover is not None else region_cover(area, _ACROSS)
    rest = healpix.outside(within[inner], ranges)
    if len(rest):
        return False
    rest = healpix.outside(within[~inner], ranges)
    return not _any_deep(rest, area.depth)


def _any_deep(ranges: Ints, depth: Callable[[Floats], Floats]) -> bool:
    """Any cell of ``ranges`` has a point of depth 0 or more: cells are split until a centre has.

    At most ``_MOST`` cells, the deepest, are kept at one order: edges may run along cells' edges (a meridian does).
    """
    if len(ranges) == 0:
        return False
    by_order = dict(healpix.cells_of(ranges))
    pixels = np.empty(0, dtype=np.int64)
    for order in range(min(by_order), ORDER + 1):
        if order in by_order:
            pixels = np.concatenate([pixels, by_order.pop(order)])
        if len(pixels) == 0:
            if not by_order:
                return False
            continue
        deep = depth(healpix.points_in(pixels, order))
        if (deep >= 0).any():
            return True
        pixels = pixels[deep >= -healpix.cell_radius(order) - NEAR]
        if len(pixels) > _MOST:
            most = _deepest(pixels, order, depth)
            if most.max() >= -NEAR:  # they touch, and either answer is right: no need to split to the end
                return True
            pixels = pixels[np.argpartition(-most, _MOST)[:_MOST]]
        if order < ORDER:
            pixels = (4 * pixels[:, None] + np.arange(4)).reshape(-1)
    return len(pixels) > 0 and bool(_deepest(pixels, ORDER, depth, _LAST).max() >= -NEAR)


def _deepest(pixels: Ints, order: int, depth: Callable[[Floats], Floats], side: int = 3) -> Floats:
    """Greatest depth of ``side`` by ``side`` points of each cell, corners among them."""
    steps = np.linspace(0, 1 - 1e-9, side)
    most = np.full(len(pixels), -math.inf)
    for dx in steps:
        for dy in steps:
            most = np.maximum(most, depth(healpix.points_in(pixels, order, dx, dy)))
    return most
