"""A region of the sky as clauses of Elasticsearch's query language: what is in it for certain, and what may be.

Positions in a cone are found by the server's own ``geo_distance`` but for a narrow ring, positions in other regions by
their order-29 cells; in the ring, and in a MOC of many ranges, a script decides by the same arithmetic as
``mappings/shapes.py``. At other edges, and of footprints, candidates are named that
``mappings.sky.RegionTest`` is to look at (``catalog/elastic_candidates.py``).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from catalog.elastic_query import NOTHING, Clause, all_of, any_of, none_of
from mappings import healpix
from mappings.healpix import Ints
from mappings.sky import RegionTest, Shape
from schemas.query import Query

_MOST = 128  # ranges of a cover in one query: each costs some 20 microseconds, and the server bounds their number
_EARTH = 6_371_008.7714  # metres: the radius by which geo_distance makes arcs of distances
_RING = 10.0  # metres, 0.3": points are kept to a centimetre, and distances are right to 40 of them
_SMALL = math.radians(5)  # below, a script for each position costs less than a second circle: measured at 200,000
HAS_SHAPE: Clause = {"term": {"place": "footprint"}}
_TERMS = 50_000  # in one clause
_SLACK = 1e-7  # radians; the arc sine of nearly 1 has lost half its digits

# squared chord, as in mappings/shapes.in_cone; from the antipode for wide cones
_CONE = """double x = doc['x'].value - params.x, y = doc['y'].value - params.y, z = doc['z'].value - params.z;
double chord = x * x + y * y + z * z; return params.wide ? chord >= params.limit : chord <= params.limit"""
_RANGES = """long cell = doc['cell'].value; int a = 0; int b = params.low.size();
while (a < b) { int m = (a + b) >>> 1; if (((Number) params.low[m]).longValue() <= cell) { a = m + 1 } else { b = m } }
return a > 0 && cell < ((Number) params.high[a - 1]).longValue()"""
_CAPS = """double x = doc['cap.x'].value - params.x, y = doc['cap.y'].value - params.y;
double z = doc['cap.z'].value - params.z;
double away = 2 * Math.asin(Math.min(1.0, Math.sqrt(x * x + y * y + z * z) / 2)); double r = doc['cap.radius'].value;
return """
_MEET = _CAPS + "away <= params.radius + r + params.slack"
_INSIDE = _CAPS + "away + r < params.radius - params.slack"
_AROUND = _CAPS + "away + params.radius <= r + params.slack || r > Math.PI - params.slack"


def script(source: str, **params: Any) -> Clause:
    return {"script": {"script": {"source": source, "params": params}}}


@dataclass(frozen=True, slots=True)
class Places:
    """Clauses: records in the region by position and by footprint, for certain, and those that must be looked at."""

    points: Clause
    shapes: Clause
    maybe_points: Clause
    maybe_shapes: Clause

    @property
    def sure(self) -> Clause:
        return any_of([self.points, self.shapes])

    @property
    def unsure(self) -> Clause:
        """What must be looked at."""
        maybe = any_of([self.maybe_points, self.maybe_shapes])
        return maybe if NOTHING in (maybe, self.sure) else {"bool": {"filter": [maybe], "must_not": [self.sure]}}


def unlocated(query: Query) -> Clause:
    """What has no place of the kind that the relation asks about."""
    return {"term": {"place": "no-position" if query.relation == "position" else "nowhere"}}


def elsewhere(query: Query) -> Clause:
    """What a region may find, or leaves uncounted, by other things than its position."""
    place = unlocated(query)["term"]["place"]
    return {"terms": {"place": [place] if query.relation == "position" else [place, "footprint"]}}


def places(query: Query, test: RegionTest) -> Places:
    """The region's clauses."""
    cover = coarse(test.ranges, test.inner)
    points, maybe_points = _points(test, *cover)
    shapes = maybe_shapes = NOTHING
    if query.relation != "position":
        if query.relation == "contains" and not test.is_point:  # a point holds no more than a point
            points = maybe_points = NOTHING
        alone = none_of(HAS_SHAPE)
        points, maybe_points = (one if one == NOTHING else all_of([one, alone]) for one in (points, maybe_points))
        shapes, maybe_shapes = _shapes(query, test, *cover)
    return Places(points, shapes, maybe_points, maybe_shapes)


def coarse(ranges: Ints, inner: Any) -> tuple[Ints, Any]:
    """A cover in at most ``_MOST`` ranges, or in base cells: ranges, shape (n, 2), and which of them are inside."""
    order = healpix.ORDER
    if len(ranges) > _MOST:
        tail = int(np.bitwise_or.reduce(ranges.reshape(-1)))
        order -= ((tail & -tail).bit_length() - 1) // 2
    whole, inside = healpix.merge_ranges(ranges), healpix.merge_ranges(ranges[inner])
    while len(ranges) > _MOST and order > 0:
        order -= 1
        size = 1 << 2 * (healpix.ORDER - order)
        sure = np.stack([-(-inside[:, 0] & -size), inside[:, 1] & -size], axis=1)
        sure = sure[sure[:, 0] < sure[:, 1]]
        edge = healpix.intersect_ranges(whole_cells(whole, order), healpix.complement(sure))
        ranges = np.concatenate([sure, edge])
        inner = np.repeat([True, False], [len(sure), len(edge)])
    return ranges, inner


def whole_cells(ranges: Ints, order: int) -> Ints:
    """Order-29 ranges, shape (n, 2), widened to cells of ``order``."""
    size = 1 << 2 * (healpix.ORDER - order)
    return healpix.merge_ranges(np.stack([ranges[:, 0] & -size, -(-ranges[:, 1] & -size)], axis=1))


def _points(test: RegionTest, ranges: Ints, inner: Any) -> tuple[Clause, Clause]:
    """Positions in the region, and those that may be."""
    if test.shape.kind == "circle":
        return in_cone(test.shape), NOTHING
    sure, edge = _in_ranges(ranges[inner]), _in_ranges(ranges[~inner])
    if edge == NOTHING or test.shape.kind != "moc":
        return sure, edge
    left = healpix.intersect_ranges(test.ranges, ranges[~inner])
    return any_of([sure, all_of([edge, script(_RANGES, low=left[:, 0].tolist(), high=left[:, 1].tolist())])]), NOTHING


def _in_ranges(ranges: Ints) -> Clause:
    return any_of({"range": {"cell": {"gte": low, "lt": high}}} for low, high in ranges.tolist())


def in_cone(circle: Shape) -> Clause:
    """Positions in a circle."""
    x, y, z, radius = (float(part) for part in circle.data)
    point = {"lat": math.degrees(math.atan2(z, math.hypot(x, y))), "lon": math.degrees(math.atan2(y, x))}

    def about(more: float) -> Clause:
        return {"geo_distance": {"distance": f"{radius * _EARTH + more:.3f}m", "point": point}}

    wide = radius > math.pi / 2
    chord = 2 * math.sin((math.pi - radius if wide else radius) / 2)
    if wide:
        x, y, z = -x, -y, -z
    limit = chord * chord * (1 - 4e-16) if wide else chord * chord * (1 + 4e-16) + 1e-32
    exact = all_of([about(_RING), script(_CONE, x=x, y=y, z=z, limit=limit, wide=wide)])
    return exact if radius < _SMALL else any_of([about(-_RING), exact])


def _shapes(query: Query, test: RegionTest, ranges: Ints, inner: Any) -> tuple[Clause, Clause]:
    """Footprints in the relation, and those that may be."""
    by_flag = [_cells(ranges[inner]), _cells(ranges[~inner])]
    maybe_terms = _met(by_flag[0] + by_flag[1], "=~", "+-")
    if not maybe_terms:
        return NOTHING, NOTHING
    x, y, z = (float(part) for part in test.centre)
    cap = {"x": x, "y": y, "z": z, "radius": test.radius, "slack": _SLACK}
    maybe = _with_terms(maybe_terms)
    if query.relation == "contains":
        # what holds a cone has it in its cap; of another region the cap may stick out
        return NOTHING, all_of([maybe, script(_AROUND if test.shape.kind == "circle" else _MEET, **cap)])
    certain = []
    if test.shape.kind == "circle":
        certain.append(all_of([maybe, script(_INSIDE, **cap)]))
    if query.relation == "intersects" and (terms := _met(by_flag[0], "=", "+")):
        certain.append(_with_terms(terms))
    return any_of(certain), all_of([maybe, script(_MEET, **cap)])


def _with_terms(terms: list[str]) -> Clause:
    """Footprints with one of these terms; one clause takes 65,536 of them."""
    return any_of({"terms": {"shape": terms[n : n + _TERMS]}} for n in range(0, len(terms), _TERMS))


def _cells(ranges: Ints) -> list[tuple[int, int]]:
    joined = healpix.merge_ranges(ranges)
    return [(order, pixel) for order, pixels in healpix.cells_of(joined) for pixel in pixels.tolist()]


def _met(cells: list[tuple[int, int]], own: str, above: str) -> list[str]:
    """Terms of footprints with a cell that overlaps one of these, see ``mappings.elastic.shape_terms``."""
    found: set[str] = set()
    for order, pixel in cells:
        found.update(f"{mark}{order}/{pixel}" for mark in above)
        for up in range(order + 1):
            if f"{own[0]}{order - up}/{pixel >> 2 * up}" in found:
                break
            found.update(f"{mark}{order - up}/{pixel >> 2 * up}" for mark in own)
    return sorted(found)
