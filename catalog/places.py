"""Which rows of one segment stand in a relation to a region of the sky, and how much of the region they cover."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from catalog import footprints
from catalog.rows import Rows
from catalog.segment import Segment
from mappings import healpix
from mappings.sky import RegionTest, cells_of_points
from schemas.query import Relation

_EPS = 1e-11  # radians: 2 microarcseconds, far above the rounding of an angle and below what an answer may err


def located(segment: Segment, relation: Relation) -> Any:
    """Mask of the rows that have what ``relation`` asks about: a position, or a footprint or else a position."""
    mask = np.zeros(segment.size, dtype=bool)
    mask[: segment.located] = True
    if relation != "position":
        mask[segment["shape/docs"]] = True
    return mask


def in_region(segment: Segment, test: RegionTest, relation: Relation) -> Rows:
    """Rows whose place stands in ``relation`` to the region."""
    first, count, edge = _points(segment, test)
    if relation == "contains" and not test.is_point:  # a point holds no more than a point
        first, count, edge = first[:0], count[:0], edge[:0]
    shapes = edge[:0]
    has_shape = None
    if relation != "position" and segment.any_shape:
        has_shape = np.zeros(segment.size, dtype=bool)
        has_shape[segment["shape/docs"]] = True
        shapes = segment["shape/docs"][_RELATIONS[relation](segment, test)].astype(np.int64)
    if (int(count.sum()) + len(edge) + len(shapes)) * 32 > segment.size:
        # many: a mask filled by slices is made faster than a sorted list
        mask = np.zeros(segment.size, dtype=bool)
        for low, length in zip(first.tolist(), count.tolist(), strict=True):
            mask[low : low + length] = True
        mask[edge] = True
        if has_shape is not None:
            mask &= ~has_shape
            mask[shapes] = True
        return Rows(mask=mask)
    points = np.concatenate([healpix.expand(first, count), edge])
    if has_shape is not None:
        points = np.concatenate([points[~has_shape[points]], shapes])
    return Rows(rows=np.sort(points))


def _points(segment: Segment, test: RegionTest) -> tuple[Any, Any, Any]:
    """Positions in the region: (first row, count) of those in cells inside it, and rows that the exact test let in."""
    cell = segment["cell"][: segment.located]
    first = np.searchsorted(cell, test.ranges[:, 0])
    count = np.searchsorted(cell, test.ranges[:, 1]) - first
    inner = test.inner & (count > 0)
    edge = healpix.expand(first[~test.inner], count[~test.inner])
    if len(edge):
        edge = edge[test.holds(segment.unit(edge), cell[edge])]
    return first[inner], count[inner], edge


def _meeting(segment: Segment, test: RegionTest) -> Any:
    """Numbers of the footprints that have a point in common with the region."""
    maybe, surely = footprints.touched(segment, test.ranges, test.inner)
    surely[footprints.part_owners(segment, test.ranges[test.inner])] = True
    moc = footprints.is_moc(segment)
    check = np.flatnonzero(maybe & ~surely & ~moc)
    away, cap = _caps(segment, check, test)
    if test.shape.kind == "circle":
        surely[check[away + cap < test.radius - _EPS]] = True
    check, cap = (some[~surely[check] & (away - cap <= test.radius + _EPS)] for some in (check, cap))
    if test.shape.kind != "moc" and len(check):
        depth = test.area.depth(segment["shape/cap"][check, :3])
        surely[check[depth > cap + _EPS]] = True
        check = check[np.abs(depth) <= cap + _EPS]
    owner, low, high, which = footprints.pieces(segment, test.ranges, moc & ~surely, test.ranges[test.inner])
    surely[owner[test.inner[which]]] = True
    near = _near(test, owner, low, high, surely) if len(owner) else owner  # a MOC has no edge, and all of it is inner
    surely[[n for n in near.tolist() if test.meets(footprints.shape(segment, n))]] = True
    if len(check):
        surely[check] = test.meets_each([footprints.shape(segment, n) for n in check.tolist()])
    return np.flatnonzero(surely)


def _near(test: RegionTest, owner: Any, low: Any, high: Any, surely: Any) -> Any:
    """Owners of pieces of MOCs that come too near to the region's edge to tell; those with a point in it become sure.

    All pieces at once: what is apart is dropped, a whole cell is asked by its middle, and the rest is quartered.
    """
    if test.is_point and len(owner):
        own = cells_of_points(test.centre[None])[0]
        surely[owner[(low <= own) & (own < high)]] = True
    smallest: list[Any] = []
    for _ in range(_QUARTERED):
        left = ~surely[owner]
        owner, low, high = owner[left], low[left], high[left]
        if len(owner) == 0 or len(owner) > _PIECES:
            break
        bits = np.frexp((low ^ (high - 1)).astype(np.float64))[1].astype(
            np.int64
        )  # rounded up at most: the cell is then a larger one
        order = np.maximum(healpix.ORDER - (bits + 1) // 2, 0)
        shift = 2 * (healpix.ORDER - order)
        depth = test.area.depth(healpix.points_in(low >> shift, order))
        surely[owner[(depth >= _EPS) & (high - low == 1 << shift)]] = True
        left = (depth >= -_RADII[order] - _EPS) & ~surely[owner]
        owner, low, high, shift = owner[left], low[left], high[left], shift[left]
        last = shift == 0
        smallest.append(owner[last])
        cell = (low >> shift << shift)[~last]
        owner, low, high, quarter = owner[~last], low[~last], high[~last], (1 << shift[~last]) >> 2
        starts = cell[:, None] + quarter[:, None] * np.arange(4)
        lows = np.maximum(starts, low[:, None]).reshape(-1)
        highs = np.minimum(starts + quarter[:, None], high[:, None]).reshape(-1)
        some = lows < highs
        owner, low, high = np.repeat(owner, 4)[some], lows[some], highs[some]
    owner = np.concatenate([owner, *smallest])
    return np.unique(owner[~surely[owner]])


_QUARTERED = 14  # times: nearly all are decided after a few
_PIECES = 200_000
_RADII = np.array([healpix.cell_radius(order) for order in range(healpix.ORDER + 1)])


def _inside(segment: Segment, test: RegionTest) -> Any:
    """Numbers of the footprints that lie in the region."""
    maybe, _ = footprints.touched(segment, test.ranges, test.inner)
    maybe[footprints.part_owners(segment, test.ranges)] = True
    moc = footprints.is_moc(segment)
    owner, *_ = footprints.pieces(segment, test.ranges, moc & ~maybe)
    maybe[owner] = True
    check = np.flatnonzero(maybe)
    away, cap = _caps(segment, check, test)
    inside = away + cap < test.radius - _EPS if test.shape.kind == "circle" else np.zeros(len(check), dtype=bool)
    outside = np.zeros(len(check), dtype=bool)
    if test.shape.kind != "moc" and len(check):
        depth = test.area.depth(segment["shape/cap"][check, :3])
        inside |= depth > cap + _EPS
        outside = depth < -_EPS
        # in a circle's footprint its middle, in others somewhere
        outside &= (depth < -cap - _EPS) | (segment["shape/kind"][check] == footprints.CIRCLE)
    rest = check[~(inside | outside)]
    ours = moc[rest]
    mocs, rest = rest[ours], rest[~ours]
    mocs = mocs[test.holds(*footprints.some_points(segment, mocs))]
    found = [n for n in mocs.tolist() if test.within(footprints.shape(segment, n))]
    right = test.within_each([footprints.shape(segment, n) for n in rest.tolist()])
    return np.concatenate([check[inside], rest[right], np.array(found, dtype=np.int64)])


def _holding(segment: Segment, test: RegionTest) -> Any:
    """Numbers of the footprints that hold the region."""
    inner = test.ranges[test.inner]
    # all that holds the region has a part in any one of its cells
    probe = np.array([[inner[0, 0], inner[0, 0] + 1]]) if len(inner) else test.ranges
    maybe, _ = footprints.touched(segment, probe, np.ones(len(probe), dtype=bool))
    moc = footprints.is_moc(segment)
    owner, *_ = footprints.pieces(segment, probe, moc & ~maybe)
    maybe[owner] = True
    check = np.flatnonzero(maybe)
    away, cap = _caps(segment, check, test)
    if test.shape.kind == "circle":
        check = check[~((away + test.radius > cap + _EPS) & (cap < math.pi - 1e-9))]
    asked = np.zeros(len(maybe), dtype=bool)
    asked[check] = True
    moc &= asked
    surely: list[int] = []
    if moc.any() and len(test.ranges):
        whole = footprints.overlap(segment, test.ranges, moc) == int((test.ranges[:, 1] - test.ranges[:, 0]).sum())
        surely = np.flatnonzero(moc & whole).tolist()
        short = footprints.overlap(segment, inner, moc) < int((inner[:, 1] - inner[:, 0]).sum())
        check = check[~(moc & (whole | short))[check]]
    right = [n for n in check.tolist() if test.contained(footprints.shape(segment, n))]
    return np.array(surely + right, dtype=np.int64)


_RELATIONS = {"intersects": _meeting, "within": _inside, "contains": _holding}


def _caps(segment: Segment, numbers: Any, test: RegionTest) -> tuple[Any, Any]:
    """How far the middles of footprints are from the region's, and how far they reach; radians."""
    caps = segment["shape/cap"][numbers]
    return healpix.angle(caps[:, :3], test.centre), caps[:, 3]


def fractions(segment: Segment, rows: Any, test: RegionTest) -> Any:
    """The fraction, 0 to 1, of the region's area that each row's footprint covers; of a point, whether it holds it."""
    made = np.zeros(len(rows))
    if test.is_point:
        held = in_region(segment, test, "contains")
        return held.to_mask(segment.size)[rows].astype(np.float64)
    if not segment.any_shape:
        return made
    docs = segment["shape/docs"]
    asked = np.zeros(segment.size, dtype=bool)
    asked[rows] = True
    numbers = np.flatnonzero(asked[docs])
    numbers = np.intersect1d(numbers, _meeting(segment, test))
    whole = set(_holding(segment, test).tolist())
    found = np.array([float(n in whole) for n in numbers.tolist()])
    rest = found == 0
    if test.shape.kind == "moc":  # MOCs all at once, by their ranges
        mocs = np.zeros(len(docs), dtype=bool)
        mocs[numbers[rest]] = footprints.is_moc(segment)[numbers[rest]]
        size = int((test.ranges[:, 1] - test.ranges[:, 0]).sum())
        share = footprints.overlap(segment, test.ranges, mocs)[numbers[rest]] / max(size, 1)
        found[rest] = np.minimum(share, math.nextafter(1, 0))
        rest &= ~mocs[numbers]
    found[rest] = [test.share(footprints.shape(segment, n)) for n in numbers[rest].tolist()]
    made[np.searchsorted(rows, docs[numbers])] = found
    return made
