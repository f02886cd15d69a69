"""Cells that cover a shape: for the index, and for questions of MOCs."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from mappings import healpix
from mappings.healpix import ALL, ORDER, Floats, Ints
from mappings.shapes import Round, Shape, radec

COVER_CELLS = 48  # a footprint's cells in the index: more make queries sharper, and the index larger
_MANY = 5_000  # ranges; more are made coarser before cells are sought
_MOST_WAITING = 1_000_000  # ranges, before they are joined
_SLACK = 1e-11  # 2 microarcseconds: a cover must never miss


@dataclass(frozen=True, slots=True)
class Cover:
    """``cells``: (order, pixels, inner flags) that cover the shape; ``cap``: [x, y, z, radius] that holds it."""

    cells: list[tuple[int, Ints, Any]]
    cap: Floats


def cover(shape: Shape) -> Cover:
    """The cells by which the index finds a footprint, at most about ``COVER_CELLS``; more for a union of many parts."""
    if shape.kind == "moc":
        return _moc_cover(shape.data)
    area = Round(shape)
    if shape.kind == "union" and len(area.parts) <= COVER_CELLS:
        across = 4 if len(area.parts) < 8 else 2
        ranges, inner = joined([_cap_cover(part, across) for part in area.parts])
    else:
        ranges, inner = _cap_cover(area, 4)
    return Cover(_cells(ranges, inner), area.cap)


def _widened(ranges: Ints, order: int) -> Ints:
    """The cells of ``order`` that hold ranges, as order-29 ranges."""
    size = 1 << 2 * (ORDER - order)
    return healpix.merge_ranges(np.stack([ranges[:, 0] & -size, -(-ranges[:, 1] & -size)], axis=1))


def _cap_cover(area: Round, across: int) -> tuple[Ints, Any]:
    """The cover of the cap: 70 microseconds, where a polygon's own would take ten times as long."""
    radius = math.degrees(float(area.cap[3]))
    ranges, inner = healpix.cone_cover(*radec(area.cap[:3]), radius, healpix.order_for(radius, across))
    return ranges, inner if area.shape.kind == "circle" else np.zeros(len(ranges), dtype=bool)


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
    found = healpix.cells_of(ranges) if len(ranges) <= COVER_CELLS else []
    if not found or sum(len(pixels) for _, pixels in found) > COVER_CELLS:
        wide = ranges
        for order in (12, 9, 6):
            wide = _widened(wide, order) if len(wide) > _MANY else wide
        for deepest in range(1, ORDER):
            coarser = healpix.cells_of(wide, deepest)
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


def region_cover(area: Round, across: int) -> tuple[Ints, Any]:
    """Ranges, shape (n, 2), ascending, that hold the shape, and which of them lie inside; ``across``: cells over it."""
    match area.shape.kind:
        case "circle":
            if area.circle[3] >= math.pi:
                return np.array([[0, ALL]]), np.array([True])
            radius = math.degrees(area.circle[3])
            order = healpix.order_for(min(radius, 180 - radius), across)
            return healpix.cone_cover(*radec(area.cap[:3]), radius, order)
        case "polygon":
            return _split_cover(area, healpix.order_for(min(math.degrees(float(area.cap[3])), 90.0), across))
    return joined([region_cover(part, across) for part in area.parts])


def _split_cover(area: Round, order: int) -> tuple[Ints, Any]:
    radius = math.degrees(float(area.cap[3]))
    start = min(order, healpix.order_for(min(radius, 90.0), 2))
    ranges, _ = healpix.cone_cover(*radec(area.cap[:3]), radius, start)
    first = ranges[:, 0] >> 2 * (ORDER - start)
    pixels = healpix.expand(first, (ranges[:, 1] >> 2 * (ORDER - start)) - first)
    low, high, flags = [], [], []
    for depth in range(start, order + 1):
        inside = area.depth(healpix.points_in(pixels, depth))
        reach = healpix.cell_radius(depth) + _SLACK
        keep = inside >= -reach
        done = (inside > reach) if depth < order else keep
        shift = 2 * (ORDER - depth)
        low.append(pixels[done] << shift)
        high.append((pixels[done] + 1) << shift)
        flags.append(inside[done] > reach)
        pixels = (4 * pixels[keep & ~done][:, None] + np.arange(4)).reshape(-1)
    return healpix.join(np.concatenate(low), np.concatenate(high), np.concatenate(flags))


def joined(covers: list[tuple[Ints, Any]]) -> tuple[Ints, Any]:
    """One cover of several shapes: inside one is inside."""
    inside = healpix.merge_ranges(np.concatenate([ranges[inner] for ranges, inner in covers]))
    edge = healpix.merge_ranges(np.concatenate([ranges for ranges, _ in covers]))
    edge = healpix.intersect_ranges(edge, healpix.complement(inside))
    flags = np.repeat([True, False], [len(inside), len(edge)])
    low, high = np.concatenate([inside, edge]).T
    return healpix.join(low, high, flags)


def union_ranges(shapes: Iterable[Shape], order: int) -> Ints:
    """All that shapes cover, in whole cells of ``order`` that some point of them may be in: order-29 ranges (n, 2).

    A cell at the edge of a circle or polygon may be one too many, never one too few.
    """
    shift = 2 * (ORDER - order)
    made = [np.empty((0, 2), dtype=np.int64)]
    waiting = 0
    for shape in shapes:
        found = shape.data if shape.kind == "moc" else _touched(Round(shape), order)
        if len(found) == 0:
            continue
        made.append(_widened(found, order) >> shift)
        waiting += len(made[-1])
        if waiting > _MOST_WAITING:
            made, waiting = [healpix.merge_ranges(np.concatenate(made))], 0
    return healpix.merge_ranges(np.concatenate(made)) << shift


def _touched(area: Round, order: int) -> Ints:
    found = []
    for part in area.parts:
        if part.shape.kind == "circle":
            radius = math.degrees(part.circle[3])
            found.append(healpix.cone_cover(*radec(part.cap[:3]), radius, order)[0])
        else:
            found.append(_split_cover(part, order)[0])
    return healpix.merge_ranges(np.concatenate(found))
