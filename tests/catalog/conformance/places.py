"""Regions of the sky by maths of their own: nothing of ``mappings`` is used, so that its errors show.

A polygon is held against its gnomonic projection, a MOC against its cells as numbers, a circle against the angle.
How two regions lie is told by samples of one's border against the exact border of the other. What comes nearer to
an edge than either can tell is ``None``: there the engine's own answer is taken, and the rest must fit it.
"""

from __future__ import annotations

import functools
import json
import math
import re
from typing import Any

import numpy as np
from cdshealpix import nested

ORDER = 29
EDGE = math.radians(0.1 / 3.6e6)  # 0.1 mas: nearer than this either answer is right
_RING = 1.5 * EDGE
_SAMPLES = 240


def unit(ra: Any, dec: Any) -> Any:
    """Unit vectors, shape (..., 3), of degrees."""
    ra, dec = np.radians(np.asarray(ra, dtype=float)), np.radians(np.asarray(dec, dtype=float))
    return np.stack([np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec)], axis=-1)


def degrees(points: Any) -> tuple[Any, Any]:
    x, y, z = points[..., 0], points[..., 1], points[..., 2]
    return np.degrees(np.arctan2(y, x)) % 360, np.degrees(np.arctan2(z, np.hypot(x, y)))


def cross(a: Any, b: Any) -> Any:
    """As numpy's, in a tenth of the time for a few vectors."""
    (ax, ay, az), (bx, by, bz) = ((v[..., 0], v[..., 1], v[..., 2]) for v in (a, b))
    return np.stack([ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx], axis=-1)


def angle(a: Any, b: Any) -> Any:
    """Radians between unit vectors."""
    across = cross(a, b)
    return np.arctan2(np.sqrt((across * across).sum(axis=-1)), (a * b).sum(axis=-1))


def pixels(points: Any, order: int = ORDER) -> Any:
    from astropy.coordinates import Latitude, Longitude

    ra, dec = degrees(np.atleast_2d(points))
    return nested.lonlat_to_healpix(
        Longitude(ra, "deg"), Latitude(np.clip(dec, -90, 90), "deg"), order, num_threads=1
    ).astype(np.int64)


def _across(centre: Any) -> tuple[Any, Any]:
    other = np.eye(3)[np.argmin(np.abs(centre))]
    east = cross(other, centre)
    east /= np.linalg.norm(east)
    return east, cross(centre, east)


def ring(centre: Any, radius: float, count: int) -> Any:
    """Points on a small circle."""
    east, north = _across(centre)
    turn = np.linspace(0, 2 * math.pi, count, endpoint=False)[:, None]
    return math.cos(radius) * centre + math.sin(radius) * (np.cos(turn) * east + np.sin(turn) * north)


def spread(centre: Any, radius: float, count: int) -> Any:
    """Points laid evenly over a cap."""
    east, north = _across(centre)
    n = np.arange(count) + 0.5
    height = 1 - n / count * (1 - math.cos(radius))
    turn = math.pi * (1 + 5**0.5) * n
    out = np.sqrt(np.maximum(0, 1 - height**2))
    return height[:, None] * centre + out[:, None] * (np.cos(turn)[:, None] * east + np.sin(turn)[:, None] * north)


class Place:
    """``rim``: samples of the border, none further than ``gap`` from the next; ``core``: points of each piece."""

    rim: Any
    core: Any
    gap: float
    cap: tuple[Any, float]

    def holds(self, points: Any) -> Any:
        raise NotImplementedError

    def edge(self, points: Any) -> Any:
        """Radians from each point to the border."""
        raise NotImplementedError

    def sure(self, points: Any) -> Any:
        """1: inside, -1: outside, 0: too near the border to tell."""
        return np.where(self.edge(points) <= EDGE, 0, np.where(self.holds(points), 1, -1))

    @property
    def is_point(self) -> bool:
        return False


class Circle(Place):
    def __init__(self, ra: float, dec: float, radius: float) -> None:
        self.centre, self.radius = unit(ra, dec), math.radians(radius)
        self.cap = self.centre, self.radius
        self.whole = radius >= 180
        self.core = np.concatenate([self.centre[None], spread(self.centre, self.radius, 12)])
        if self.is_point:
            self.rim, self.core, self.gap = self.centre[None], self.centre[None], 0.0
        elif self.whole:
            self.rim, self.gap = np.empty((0, 3)), 0.0
        else:
            self.rim = ring(self.centre, self.radius, _SAMPLES)
            self.gap = 1.1 * math.pi * math.sin(self.radius) / _SAMPLES

    @property
    def is_point(self) -> bool:
        return self.radius == 0

    def holds(self, points: Any) -> Any:
        return self.whole | (angle(points, self.centre) <= self.radius)

    def edge(self, points: Any) -> Any:
        if self.whole:
            return np.full(len(points), np.inf)
        return np.abs(angle(points, self.centre) - self.radius)

    def sure(self, points: Any) -> Any:
        if self.is_point:  # the very point is in it, whatever is said of edges
            away = angle(points, self.centre)
            return np.where(away == 0, 1, np.where(away > EDGE, -1, 0))
        return super().sure(points)


class Polygon(Place):
    """Of less than a hemisphere: the smaller side, whatever the winding; touching itself, but not crossing."""

    def __init__(self, corners: list[list[float]]) -> None:
        made = unit([c[0] for c in corners], [c[1] for c in corners])
        keep = [n for n in range(len(made)) if angle(made[n], made[n - 1]) > 1e-13]
        self.corners = made[keep] if keep else made[:1]
        middle = self.corners.sum(axis=0)
        self.middle = middle / np.linalg.norm(middle)
        reach = float(angle(self.corners, self.middle).max())
        assert reach < math.radians(89), "the projection needs a hemisphere"
        self.cap = self.middle, reach + 1e-12
        after = np.roll(self.corners, -1, axis=0)
        steps = np.linspace(0, 1, max(2, _SAMPLES // len(self.corners)), endpoint=False)
        self.rim = np.concatenate([_arc(a, b, steps) for a, b in zip(self.corners, after, strict=True)])
        self.gap = 0.55 * float(angle(self.rim, np.roll(self.rim, -1, axis=0)).max())
        inside = spread(self.middle, reach, 400)
        inside = inside[self.holds(inside)]
        self.core = np.concatenate([self.rim[:1], inside[:40]])

    def holds(self, points: Any) -> Any:
        points = np.atleast_2d(points)
        if len(self.corners) < 3:
            return np.zeros(len(points), dtype=bool)
        east, north = _across(self.middle)
        front = points @ self.middle > 1e-9
        with np.errstate(divide="ignore", invalid="ignore"):
            x, y = (points @ east) / (points @ self.middle), (points @ north) / (points @ self.middle)
        u, v = ((self.corners @ axis) / (self.corners @ self.middle) for axis in (east, north))
        inside = np.zeros(len(points), dtype=bool)
        for n in range(len(u)):
            (u1, v1), (u2, v2) = (u[n - 1], v[n - 1]), (u[n], v[n])
            if v1 != v2:
                inside ^= ((v1 > y) != (v2 > y)) & (x < (u2 - u1) * (y - v1) / (v2 - v1) + u1)
        return front & inside

    def edge(self, points: Any) -> Any:
        least = np.full(len(points), np.inf)
        for a, b in zip(self.corners, np.roll(self.corners, -1, axis=0), strict=True):
            least = np.minimum(least, _from_arc(points, a, b))
        return least


class Moc(Place):
    def __init__(self, text: str) -> None:
        self.ranges = moc_ranges(text)
        cells = _cells(self.ranges)
        count = sum(len(found) for _, found in cells)
        rims, cores, gaps, borders = [], [], [0.0], []
        for order, found in cells:
            step = max(2, min(64, _SAMPLES // max(1, count)))
            lon, lat = nested.vertices(found.astype(np.uint64), order, step=step, num_threads=1)
            border = unit(lon.deg, lat.deg)
            lon, lat = nested.healpix_to_lonlat(found.astype(np.uint64), order, num_threads=1)
            middle = unit(lon.deg, lat.deg)
            cores.append(middle)
            borders.append(border.reshape(-1, 3))
            gaps.append(0.55 * float(angle(border, np.roll(border, -1, axis=1)).max()))
            if order < ORDER - 3:  # of finer ones the outward step is lost in the doubles
                out = border + 1e-5 * (border - middle[:, None])
                out /= np.linalg.norm(out, axis=-1, keepdims=True)
                border = border[~self.holds(out.reshape(-1, 3)).reshape(out.shape[:2])]
            rims.append(border.reshape(-1, 3))
        self.rim = np.concatenate(rims) if rims else np.empty((0, 3))
        self.core = np.concatenate(cores) if cores else np.empty((0, 3))
        self.gap = max(gaps)
        if len(self.core):
            middle = self.core.sum(axis=0)
            norm = np.linalg.norm(middle)
            centre = middle / norm if norm > 1e-6 else np.array([0.0, 0.0, 1.0])
            reach = float(angle(np.concatenate(borders), centre).max()) + 2 * self.gap
            self.cap = centre, (reach if reach < math.radians(80) and norm > 1e-6 else math.pi)
        else:
            self.cap = np.array([0.0, 0.0, 1.0]), -1.0

    def holds(self, points: Any) -> Any:
        return in_ranges(self.ranges, pixels(points))

    def sure(self, points: Any) -> Any:
        points = np.atleast_2d(points)
        around = np.concatenate([ring(point, _RING, 8) for point in points] or [np.empty((0, 3))])
        held = self.holds(np.concatenate([points, around]))  # at once: each call costs a millisecond
        inside = held[: len(points)]
        same = (held[len(points) :].reshape(-1, 8) == inside[:, None]).all(axis=1)
        return np.where(~same, 0, np.where(inside, 1, -1))


class Union(Place):
    def __init__(self, parts: list[Place]) -> None:
        self.parts = parts
        keep = []
        for n, part in enumerate(parts):
            others = [other for m, other in enumerate(parts) if m != n]
            inside = np.zeros(len(part.rim), dtype=bool)
            for other in others:
                inside |= other.sure(part.rim) == 1
            keep.append(part.rim[~inside])
        self.rim = np.concatenate(keep)
        self.core = np.concatenate([part.core for part in parts])
        self.gap = max(part.gap for part in parts)
        everything = np.concatenate([self.rim, self.core])
        middle = everything.sum(axis=0)
        norm = np.linalg.norm(middle)
        self.cap = (middle / norm, float(angle(everything, middle / norm).max()) + 2 * self.gap + 1e-9)
        if norm < 1e-6 or self.cap[1] > math.radians(80):
            self.cap = np.array([0.0, 0.0, 1.0]), math.pi

    def holds(self, points: Any) -> Any:
        return np.logical_or.reduce([part.holds(points) for part in self.parts])

    def edge(self, points: Any) -> Any:
        return np.minimum.reduce([part.edge(points) for part in self.parts])

    def sure(self, points: Any) -> Any:
        said = np.stack([part.sure(points) for part in self.parts])
        return np.where((said == 1).any(axis=0), 1, np.where((said == -1).all(axis=0), -1, 0))


def _arc(a: Any, b: Any, steps: Any) -> Any:
    away = float(angle(a, b))
    if away < 1e-12:
        return a[None]
    made = (np.sin((1 - steps) * away)[:, None] * a + np.sin(steps * away)[:, None] * b) / math.sin(away)
    return made / np.linalg.norm(made, axis=1, keepdims=True)


def _from_arc(points: Any, a: Any, b: Any) -> Any:
    ends = np.minimum(angle(points, a), angle(points, b))
    normal = cross(a, b)
    length = np.linalg.norm(normal)
    if length < 1e-15:
        return ends
    normal = normal / length
    beside = (points @ cross(normal, a) > 0) & (points @ cross(b, normal) > 0)
    return np.where(beside, np.minimum(ends, np.abs(np.arcsin(np.clip(points @ normal, -1, 1)))), ends)


def moc_ranges(text: str) -> Any:
    """Order-29 ranges, shape (n, 2), ascending and apart."""
    found, order = [], 0
    for token in re.split(r"[\s,]+", text.strip()):
        head, slash, cells = token.rpartition("/")
        order = int(head) if slash else order
        if cells:
            first, _, last = cells.partition("-")
            found.append((int(first) << 2 * (ORDER - order), (int(last or first) + 1) << 2 * (ORDER - order)))
    made: list[list[int]] = []
    for low, high in sorted(found):
        if made and low <= made[-1][1]:
            made[-1][1] = max(made[-1][1], high)
        else:
            made.append([low, high])
    return np.array(made, dtype=np.int64).reshape(-1, 2)


def _cells(ranges: Any) -> list[tuple[int, Any]]:
    """The fewest cells that make up the ranges, by order."""
    made: dict[int, list[int]] = {}
    for first, after in ranges.tolist():
        at = first
        while at < after:
            sizes = (1 << 2 * (ORDER - order) for order in range(ORDER + 1))
            order, width = next((n, size) for n, size in enumerate(sizes) if at % size == 0 and at + size <= after)
            made.setdefault(order, []).append(at // width)
            at += width
    return [(order, np.array(found, dtype=np.int64)) for order, found in sorted(made.items())]


def in_ranges(ranges: Any, cells: Any) -> Any:
    if len(ranges) == 0:
        return np.zeros(len(cells), dtype=bool)
    at = np.searchsorted(ranges[:, 1], cells, side="right")
    return (at < len(ranges)) & (ranges[np.minimum(at, len(ranges) - 1), 0] <= cells)


def meet(a: Any, b: Any) -> Any:
    """The ranges that both have."""
    found, i, j = [], 0, 0
    while i < len(a) and j < len(b):
        low, high = max(a[i, 0], b[j, 0]), min(a[i, 1], b[j, 1])
        if low < high:
            found.append((low, high))
        if a[i, 1] < b[j, 1]:
            i += 1
        else:
            j += 1
    return np.array(found, dtype=np.int64).reshape(-1, 2)


def size(ranges: Any) -> int:
    return int((ranges[:, 1] - ranges[:, 0]).sum())


def box(ra: float, dec: float, width: float, height: float) -> Polygon:
    """STC 1.33, 4.5.1.5."""
    across, up = math.tan(math.radians(width / 2)), math.tan(math.radians(height / 2))
    a, d = math.radians(ra), math.radians(dec)
    middle = np.array([math.cos(d) * math.cos(a), math.cos(d) * math.sin(a), math.sin(d)])
    east = np.array([-math.sin(a), math.cos(a), 0.0])
    north = cross(middle, east)
    corners = []
    for x, y in ((-across, -up), (across, -up), (across, up), (-across, up)):
        lon, lat = degrees(middle + x * east + y * north)
        corners.append([float(lon), float(lat)])
    return Polygon(corners)


def _stc(text: str) -> Place:
    """As much of STC-S as these tests write: one shape, or a Union of shapes in parentheses, in ICRS or GALACTIC."""
    words = text.replace("(", " ( ").replace(")", " ) ").split()
    frame = next((word.upper() for word in words if word.upper() in ("ICRS", "GALACTIC")), "ICRS")
    parts: list[Place] = []
    at = 0
    while at < len(words):
        kind = words[at].upper()
        at += 1
        numbers: list[float] = []
        while at < len(words) and re.match(r"^([-+.\d]|ICRS|GALACTIC|[A-Z0-9]*CENTER$|SPHERICAL2$)", words[at].upper()):
            if re.match(r"^[-+.\d]", words[at]):
                numbers.append(float(words[at]))
            at += 1
        if kind in ("CIRCLE", "BOX", "POLYGON", "POSITION"):
            pairs = [_icrs(frame, numbers[n], numbers[n + 1]) for n in range(0, len(numbers) - 1, 2)]
            match kind:
                case "CIRCLE":
                    parts.append(Circle(*pairs[0], numbers[2]))
                case "BOX":
                    assert frame == "ICRS", "a box of another frame stands askew"
                    parts.append(box(*numbers))
                case "POSITION":
                    parts.append(Circle(*pairs[0], 0))
                case _:
                    parts.append(Polygon([list(pair) for pair in pairs]))
    assert parts, text
    return parts[0] if len(parts) == 1 else Union(parts)


def _icrs(frame: str, lon: float, lat: float) -> tuple[float, float]:
    if frame == "ICRS":
        return lon, lat
    from astropy.coordinates import SkyCoord

    made = SkyCoord(l=lon, b=lat, unit="deg", frame="galactic").icrs
    return float(made.ra.deg), float(made.dec.deg)


def place(footprint: dict[str, Any]) -> Place:
    """Read any form of a footprint."""
    return _place(json.dumps(footprint, sort_keys=True))


@functools.lru_cache(maxsize=4096)
def _place(text: str) -> Place:
    ((form, said),) = json.loads(text).items()
    match form:
        case "circle":
            return Circle(*said)
        case "polygon":
            return Polygon(said)
        case "moc":
            return Moc(said)
    return _stc(said)


def relation(g: Place, q: Place, which: str) -> bool | None:
    """Whether footprint ``g`` stands in a relation to region ``q``; None: too near to tell."""
    if which == "contains":
        return _within(q, g)
    return _within(g, q) if which == "within" else _meets(g, q)


def _apart(a: Place, b: Place) -> bool:
    """Surely without a common point, by their caps alone."""
    return float(angle(a.cap[0], b.cap[0])) > a.cap[1] + b.cap[1] + 1e-9


def _borders_apart(a: Place, b: Place) -> bool:
    """Surely no point of one's border on the other's: samples of one against the other's exact border."""
    if len(a.rim) == 0 or len(b.rim) == 0:
        return True
    if isinstance(b, Moc):
        a, b = b, a
    return float(b.edge(a.rim).min()) > a.gap + 2 * EDGE


def _points(a: Place) -> Any:
    return np.concatenate([a.rim, a.core])


def _meets(a: Place, b: Place) -> bool | None:
    if isinstance(a, Moc) and isinstance(b, Moc):
        return len(meet(a.ranges, b.ranges)) > 0 or (None if _touching(a, b) else False)
    if _apart(a, b):
        return False
    if isinstance(a, Circle) and isinstance(b, Circle):
        return _by(a.radius + b.radius - float(angle(a.centre, b.centre)), exact=a.is_point and b.is_point)
    if (_sure(b, _points(a)) == 1).any() or (_sure(a, _points(b)) == 1).any():
        return True
    return False if _borders_apart(a, b) else None


def _by(spare: float, *, exact: bool = False) -> bool | None:
    if exact and spare == 0:
        return True
    return None if abs(spare) <= EDGE else spare > 0


def _touching(a: Moc, b: Moc) -> bool:
    """Whether two MOCs without a common cell come together: closed cells share edges."""
    if len(a.rim) == 0 or len(b.rim) == 0 or _apart(a, b):
        return False
    return min(float(angle(b.rim, point).min()) for point in a.rim) <= a.gap + b.gap + 2 * EDGE


def _sure(a: Place, points: Any) -> Any:
    if len(points) == 0:
        return np.empty(0, dtype=int)
    if isinstance(a, Moc):  # its ring of probes is slow: ask it only near its rim
        if not len(a.ranges):
            return np.full(len(points), -1)
        inside = np.where(a.holds(points), 1, -1)
        if len(a.rim):
            reach = math.cos(min(math.pi, 2 * a.gap + 2 * EDGE))
            beside = np.flatnonzero((points @ a.rim.T).max(axis=1) > reach)
            if len(beside):
                inside[beside] = a.sure(points[beside])
        return inside
    return a.sure(points)


def _within(a: Place, b: Place) -> bool | None:  # noqa: PLR0911 - one after another, the cheap ones first
    """All of ``a`` inside ``b``."""
    if isinstance(a, Moc) and len(a.ranges) == 0:
        return None
    if isinstance(a, Moc) and isinstance(b, Moc):
        return size(meet(a.ranges, b.ranges)) == size(a.ranges)
    if _apart(a, b):
        return False
    if isinstance(b, Circle) and b.whole:
        return True
    if isinstance(a, Circle) and isinstance(b, Circle):
        if a.whole:
            return False
        return _by(b.radius - a.radius - float(angle(a.centre, b.centre)), exact=a.is_point and b.is_point)
    inside = _sure(b, _points(a))
    if (inside == -1).any():
        return False
    if a.is_point:
        return True if (inside == 1).all() else None
    if len(b.rim) and (_sure(a, b.rim) == 1).any():
        return False
    return True if (inside == 1).all() and _borders_apart(a, b) else None


def fraction(g: Place, q: Place) -> tuple[float, float]:  # noqa: PLR0911 - the exact ones first
    """The share of ``q`` that ``g`` covers, and how wrong that may be."""
    if q.is_point:
        held = _sure(g, q.core)[0]
        return float(held == 1), 0.0 if held else 1.0
    if isinstance(g, Moc) and isinstance(q, Moc):
        return size(meet(g.ranges, q.ranges)) / size(q.ranges), 1e-9
    if _meets(g, q) is False:
        return 0.0, 0.0
    if _within(q, g):
        return 1.0, 0.0
    points = _filling(q)
    if len(points) < 500:  # an arc, or so thin that it has no area to speak of
        return 0.0, 1.0
    small = g.cap[1] < 0.05 * q.cap[1]  # so few of the samples are in it that it is measured from its own side
    if small:
        own = _filling(g)
        if len(own) < 50:
            return 0.0, 0.01
        share = float(q.holds(own).mean()) * _area(g) / _area(q)
        return share, 0.003 + 0.15 * share
    return float(g.holds(points).mean()), 0.01 + 3 / math.sqrt(max(1, len(points)))


@functools.lru_cache(maxsize=256)
def _filling(a: Place) -> Any:
    for count in (6_000, 100_000):
        points = spread(a.cap[0], min(math.pi, max(0.0, a.cap[1])), count)
        points = points[a.holds(points)]
        if len(points) > 2000:
            break
    return points


@functools.lru_cache(maxsize=1024)
def _area(a: Place) -> float:
    whole = 2 * math.pi * (1 - math.cos(min(math.pi, a.cap[1])))
    probes = spread(a.cap[0], min(math.pi, a.cap[1]), 4_000)
    return whole * float(a.holds(probes).mean())
