"""HEALPix arithmetic on plain arrays (nested, ICRS), by the CDS library's compiled core.

The package ``cdshealpix`` wraps that core in astropy units: importing it costs a second and each cover
half a millisecond. A search needs neither, so the compiled module is loaded by itself.
Angles here are radians unless a name says degrees; cells are order-29 half-open ranges ``[low, high)``.
"""

from __future__ import annotations

import functools
import importlib.machinery
import importlib.util
import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

ORDER = 29
ALL = 12 << (2 * ORDER)  # number of order-29 cells


@functools.cache
def _core() -> Any:
    package = importlib.util.find_spec("cdshealpix")
    if package is None or not package.submodule_search_locations:
        raise ImportError("cdshealpix is not installed")
    folder = Path(next(iter(package.submodule_search_locations)))
    for suffix in importlib.machinery.EXTENSION_SUFFIXES:
        path = folder / f"cdshealpix{suffix}"
        if path.exists():
            loader = importlib.machinery.ExtensionFileLoader("cdshealpix", str(path))
            spec = importlib.util.spec_from_loader("cdshealpix", loader)
            assert spec is not None
            module = importlib.util.module_from_spec(spec)
            loader.exec_module(module)
            return module
    raise ImportError(f"no compiled module in {folder.name}")


def unit(ra: Any, dec: Any) -> Floats:
    """Unit vectors, shape (..., 3), of positions in degrees."""
    lon, lat = np.radians(ra), np.radians(dec)
    cos = np.cos(lat)
    return np.stack([cos * np.cos(lon), cos * np.sin(lon), np.sin(lat)], axis=-1)


def cells(ra: Any, dec: Any, order: int = ORDER) -> Ints:
    """Cells, shape (n,), that hold positions in degrees, shape (n,)."""
    lon = np.ascontiguousarray(np.radians(ra), dtype=np.float64).reshape(-1)
    lat = np.clip(np.ascontiguousarray(np.radians(dec), dtype=np.float64).reshape(-1), -math.pi / 2, math.pi / 2)
    pixels = np.empty(lon.shape, dtype=np.uint64)
    unused = np.empty(lon.shape), np.empty(lon.shape)
    depth = np.full(lon.shape, order, dtype=np.uint8)
    _core().lonlat_to_healpix(depth, lon, lat, pixels, *unused, np.uint16(1))
    return pixels.astype(np.int64)


_RING = np.array([2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4])  # rows of base cells, counted from the north in cell heights
_LONGITUDE = np.array([1, 3, 5, 7, 0, 2, 4, 6, 1, 3, 5, 7])  # of base cells' centres, in eighths of a turn


def points_in(pixels: Ints, order: int | Ints, dx: float = 0.5, dy: float = 0.5) -> Floats:
    """Unit vectors, shape (n, 3), of the point at (dx, dy), 0 to 1, in each cell; (0.5, 0.5) is the centre.

    The projection of Górski et al. 2005, section 5. Ours, because the library starts threads at every call
    (0.3 ms, of which a search would pay dozens); the tests hold it against the library.
    """
    face = pixels >> 2 * order
    inside = pixels - (face << 2 * order)
    side = np.left_shift(1, order)
    x = (_even_bits(inside) + dx) / side
    y = (_even_bits(inside >> 1) + dy) / side
    ring = _RING[face] - x - y  # 0 at the north pole, 4 at the south pole
    cap = np.minimum(np.minimum(ring, 4 - ring), 1.0)  # below 1 in the polar caps
    height = cap * cap / 3
    z = np.where(ring < 1, 1 - height, np.where(ring > 3, height - 1, (2 - ring) * (2 / 3)))
    # near a pole 1 - z^2 would cancel
    radius = np.where(cap < 1, np.sqrt(height * (2 - height)), np.sqrt(np.maximum(0.0, (1 - z) * (1 + z))))
    across = _LONGITUDE[face] * cap + x - y
    phi = math.pi / 4 * np.divide(across, cap, out=np.zeros_like(cap), where=cap > 0)
    return np.stack([radius * np.cos(phi), radius * np.sin(phi), z], axis=-1)


def _even_bits(value: Ints) -> Ints:
    """Bits 0, 2, 4 ... packed together."""
    value = value & 0x5555555555555555
    for shift, mask in (
        (1, 0x3333333333333333),
        (2, 0x0F0F0F0F0F0F0F0F),
        (4, 0x00FF00FF00FF00FF),
        (8, 0x0000FFFF0000FFFF),
        (16, 0x00000000FFFFFFFF),
    ):
        value = (value | (value >> shift)) & mask
    return value


@functools.cache
def cell_radius(order: int) -> float:
    """Upper bound of the distance from a cell's centre to its farthest corner, in radians.

    The farthest corner of all belongs to the cells at the join of the equatorial and polar zones
    (Górski et al. 2005, fig. 4); this is the angle between that centre and that corner.
    """
    nside = 1 << order
    corner = math.radians(0.0), 1 - (1 - 1 / nside) ** 2 / 3
    centre = math.pi / (4 * nside), 2 / 3
    a, b = (
        np.array([math.sqrt(1 - z * z) * math.cos(phi), math.sqrt(1 - z * z) * math.sin(phi), z])
        for phi, z in (centre, corner)
    )
    return float(2 * math.asin(min(1.0, float(np.linalg.norm(a - b)) / 2))) * (1 + 1e-9)


_CELL_RADII = np.array([cell_radius(order) for order in range(ORDER + 1)])


def cone_cover(ra: float, dec: float, radius: float, order: int) -> tuple[Ints, NDArray[np.bool_]]:
    """Cells that may meet the closed cone (degrees), to ``order``: ranges, shape (n, 2), ascending; and inner flags.

    An inner range lies wholly inside the cone. Neighbours of the same flag are joined.
    """
    if radius > 90:
        return _wide_cover(ra, dec, radius, order)
    pixels, depths, full = _core().cone_search(
        np.uint8(order),
        np.uint8(min(2, ORDER - order)),
        np.float64(math.radians(ra % 360)),
        np.float64(math.radians(dec)),
        # 2 microarcseconds more than asked: the cover must never miss, the exact test decides
        np.float64(math.radians(radius) + 1e-11),
        False,
    )
    pixels, orders, inner = pixels.astype(np.int64), depths.astype(np.int64), full.astype(bool)
    sure, centre = math.radians(radius), unit(ra, dec)
    made = [(pixels[~inner], orders[~inner], False)]
    pixels, orders = pixels[inner], orders[inner]
    # The library calls base cells full that are not (0.9.0: 30 degrees round ra 0, dec 0), so each is asked again;
    # where the bound on its size cannot tell, its quarters are.
    while len(pixels):
        away = angle(points_in(pixels, orders), centre)
        inside = away + _CELL_RADII[orders] <= sure
        made.append((pixels[inside], orders[inside], True))
        last = ~inside & (orders >= order)
        made.append((pixels[last], orders[last], False))
        split = ~inside & ~last & (away - _CELL_RADII[orders] <= sure)
        pixels = (4 * pixels[split][:, None] + np.arange(4)).reshape(-1)
        orders = np.repeat(orders[split] + 1, 4)
    pixels, orders = (np.concatenate([part[n] for part in made]) for n in (0, 1))
    inner = np.repeat([part[2] for part in made], [len(part[0]) for part in made])
    shift = 2 * (ORDER - orders)
    return join(pixels << shift, (pixels + 1) << shift, inner)


def _wide_cover(ra: float, dec: float, radius: float, order: int) -> tuple[Ints, NDArray[np.bool_]]:
    """All but what lies inside the cone round the antipode.

    The library is asked for the smaller of the two: it loses whole base cells of cones near 180 degrees (0.9.0).
    """
    rest, gone = cone_cover((ra + 180) % 360, -dec, max(180 - radius, 0.0), order)
    ours = complement(merge_ranges(rest))
    low, high = np.concatenate([ours, rest[~gone]]).T
    return join(low, high, np.append(np.ones(len(ours), dtype=bool), np.zeros(int((~gone).sum()), dtype=bool)))


def join(low: Ints, high: Ints, flag: NDArray[np.bool_]) -> tuple[Ints, NDArray[np.bool_]]:
    """Join touching ranges of equal flag; the ranges come in any order and do not overlap."""
    if len(low) == 0:
        return np.empty((0, 2), dtype=np.int64), flag
    by_low = np.argsort(low, kind="stable")
    low, high, flag = low[by_low], high[by_low], flag[by_low]
    starts = np.ones(len(low), dtype=bool)
    starts[1:] = (low[1:] != high[:-1]) | (flag[1:] != flag[:-1])
    first = np.flatnonzero(starts)
    last = np.append(first[1:], len(low)) - 1
    return np.stack([low[first], high[last]], axis=1), flag[first]


def order_for(radius: float, cells_across: int = 8) -> int:
    """An order at which a cone of ``radius`` degrees is some ``cells_across`` cells wide (58.6 degrees: order 0)."""
    size = 2 * radius / cells_across
    if size < 1e-9:  # below an order-29 cell
        return ORDER
    return max(0, min(ORDER, math.floor(math.log2(58.6 / size))))


def angle(a: Floats, b: Floats) -> Floats:
    """Angles in radians between unit vectors, exact to 1e-16 at both ends (a half-chord's sine on each side of 90)."""
    near = np.sqrt(((a - b) ** 2).sum(axis=-1)) / 2
    far = np.sqrt(((a + b) ** 2).sum(axis=-1)) / 2
    small: Floats = 2 * np.arcsin(np.minimum(near, 1.0))
    large: Floats = math.pi - 2 * np.arcsin(np.minimum(far, 1.0))
    return np.asarray(np.where(near <= far, small, large))


def merge_ranges(ranges: Ints) -> Ints:
    """Sort and join overlapping or touching ranges, shape (n, 2)."""
    if len(ranges) == 0:
        return ranges.reshape(0, 2)
    ranges = ranges[np.argsort(ranges[:, 0], kind="stable")]
    reach = np.maximum.accumulate(ranges[:, 1])
    starts = np.ones(len(ranges), dtype=bool)
    starts[1:] = ranges[1:, 0] > reach[:-1]
    first = np.flatnonzero(starts)
    last = np.append(first[1:], len(ranges)) - 1
    return np.stack([ranges[first, 0], reach[last]], axis=1)


def intersect_ranges(a: Ints, b: Ints) -> Ints:
    """Common part of two sorted disjoint lists of ranges."""
    if len(a) == 0 or len(b) == 0:
        return np.empty((0, 2), dtype=np.int64)
    if len(a) > len(b):
        a, b = b, a
    edges = np.ascontiguousarray(b).reshape(-1)  # one ascending list: searched where it lies, without a copy
    first = np.searchsorted(edges, a[:, 0], side="right") >> 1
    last = (np.searchsorted(edges, a[:, 1], side="left") + 1) >> 1
    count = np.maximum(last - first, 0)
    left = np.repeat(np.arange(len(a)), count)
    right = expand(first, count)
    return np.stack([np.maximum(a[left, 0], b[right, 0]), np.minimum(a[left, 1], b[right, 1])], axis=1)


def touches(some: Ints, ranges: Ints) -> NDArray[np.bool_]:
    """Which of ``some`` ranges share a cell with ``ranges``, sorted and disjoint."""
    edges = np.ascontiguousarray(ranges).reshape(-1)
    first = np.searchsorted(edges, some[:, 0], side="right")
    return np.asarray((first & 1 == 1) | (np.searchsorted(edges, some[:, 1], side="left") > first))


def in_ranges(cells: Ints, ranges: Ints) -> NDArray[np.bool_]:
    """Which order-29 cells lie in ``ranges``, sorted and disjoint."""
    return np.asarray(np.searchsorted(np.ascontiguousarray(ranges).reshape(-1), cells, side="right") & 1 == 1)


def outside(some: Ints, ranges: Ints) -> Ints:
    """What of ``some`` is not in ``ranges``; both sorted and disjoint. Of a long list only the near part is read."""
    if len(some) == 0 or len(ranges) == 0:
        return some
    low, high = int(some[0, 0]), int(some[-1, 1])
    edges = np.ascontiguousarray(ranges).reshape(-1)
    first, last = int(np.searchsorted(edges, low, side="right")) >> 1, int(np.searchsorted(edges, high) + 1) >> 1
    return intersect_ranges(some, complement(ranges[first:last]))


def complement(ranges: Ints) -> Ints:
    """The rest of the sky."""
    edges = np.concatenate([[0], ranges.reshape(-1), [ALL]]).reshape(-1, 2)
    return np.asarray(edges[edges[:, 0] < edges[:, 1]])


def expand(first: Any, count: Any) -> Ints:
    """Concatenate ``arange(first[i], first[i] + count[i])``."""
    count = np.asarray(count, dtype=np.int64)
    total = int(count.sum())
    if total == 0:
        return np.empty(0, dtype=np.int64)
    starts = np.repeat(np.asarray(first, dtype=np.int64) - np.append(0, np.cumsum(count)[:-1]), count)
    return np.asarray(np.arange(total, dtype=np.int64) + starts)


def cells_of(ranges: Ints, deepest: int = ORDER) -> list[tuple[int, Ints]]:
    """The fewest cells that make up ``ranges``: (order, pixels) from coarse to fine.

    Below ``deepest`` the cell that holds the rest is given instead, so the result covers the ranges.
    """
    made: list[tuple[int, Ints]] = []
    rest = ranges
    # no cell is larger than the longest range
    longest = int((rest[:, 1] - rest[:, 0]).max()) if len(rest) else 1
    start = max(0, ORDER - (longest.bit_length() - 1) // 2)
    for order in range(min(start, deepest), deepest + 1):
        shift = 2 * (ORDER - order)
        low, high = rest[:, 0], rest[:, 1]
        if order == deepest:
            first, last = low >> shift, -(-high >> shift)
            if len(rest):
                made.append((order, np.unique(expand(first, last - first))))
            break
        first, last = -(-low >> shift), high >> shift
        some = first < last
        if some.any():
            made.append((order, expand(first[some], (last - first)[some])))
        whole = np.where(some, first << shift, high), np.where(some, last << shift, high)
        rest = np.concatenate([np.stack([low, whole[0]], axis=1), np.stack([whole[1], high], axis=1)])
        rest = rest[rest[:, 0] < rest[:, 1]]
        if len(rest) == 0:
            break
    return made
