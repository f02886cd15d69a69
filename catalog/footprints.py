"""Footprints of a segment: their geometry, and the cells by which they are found.

A cell of order O in ``cell/O`` belongs to the cover of a footprint, wholly inside it where the flag says so. The part
of a MOC that is smaller than an order-6 cell is found by the ranges themselves: ``part`` lists for each such cell the
MOCs that have some of it, and which of their ranges those are; so a small region is compared with the few ranges
near it, whatever the size of the MOCs.

    shape/docs, cap          row, ascending, and [x, y, z, radius] that holds the footprint
    shape/kind, bounds       which numbers are the footprint's; a circle is its cap
    shape/words              as ``mappings.sky.pack`` makes them
    shape/small              ranges of MOCs in cells of order 14, where that is exact
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from catalog.packing import Arrays, smallest
from catalog.segment import Segment
from mappings import healpix, sky

CIRCLE, DEEP = sky.KINDS.index("circle"), sky.KINDS.index("moc")
MOC = len(sky.KINDS)  # the kind of a MOC down to order 14
PART = 6  # order of the cells in ``part``: 0.9 degrees; all 49,152 have a two-byte number
_PART_SHIFT = 2 * (healpix.ORDER - PART)
_SMALL_SHIFT = 2 * (healpix.ORDER - 14)  # 14 is the deepest order of four-byte numbers

Cells = tuple[Any, Any, Any]


class Footprints:
    """Collects footprints, and makes columns of them."""

    def __init__(self) -> None:
        self.rows: list[int] = []
        self.shapes: list[sky.Shape] = []
        self.caps: list[Any] = []
        self.cells: dict[int, list[Cells]] = {}
        self.parts: list[tuple[Any, Any, Any, Any]] = []

    def add(self, row: int, shape: sky.Shape) -> None:
        cover = sky.cover(shape)
        owner = len(self.shapes)
        self.rows.append(row)
        self.shapes.append(shape)
        self.caps.append(cover.cap)
        if shape.kind == "moc":
            self._add_moc(owner, shape.data)
            return
        for order, pixels, inner in cover.cells:
            self.cells.setdefault(order, []).append((pixels, np.full(len(pixels), owner), inner))

    def _add_moc(self, owner: int, ranges: Any) -> None:
        for order, pixels in healpix.cells_of(ranges, PART):
            inner = np.ones(len(pixels), dtype=bool)
            if order == PART:
                low = pixels << _PART_SHIFT
                first = np.searchsorted(ranges[:, 1], low, side="right")
                end = low + (1 << _PART_SHIFT)
                inner = (ranges[first, 0] <= low) & (ranges[first, 1] >= end)
                count = np.searchsorted(ranges[:, 0], end) - first
                rest = ~inner
                owners = np.full(int(rest.sum()), owner)
                self.parts.append((pixels[rest], owners, first[rest], count[rest]))
            if inner.any():
                self.cells.setdefault(order, []).append((pixels[inner], np.full(int(inner.sum()), owner), inner[inner]))

    def add_all(self, segment: Segment, new_rows: Any) -> None:
        """Those of another segment; ``new_rows`` of its rows, -1 for dead ones."""
        rows = new_rows[segment["shape/docs"]]
        alive = np.flatnonzero(rows >= 0)
        owners = np.full(len(rows), -1, dtype=np.int64)
        owners[alive] = np.arange(len(self.shapes), len(self.shapes) + len(alive))
        self.rows += rows[alive].tolist()
        self.shapes += [shape(segment, n) for n in alive.tolist()]
        self.caps += list(segment["shape/cap"][alive])
        for order in range(healpix.ORDER + 1):
            if segment.has(f"cell/{order}/pixel"):
                owned = segment[f"cell/{order}/owner"]
                new = owners[owned >> 1]
                keep = new >= 0
                pixels = segment[f"cell/{order}/pixel"][keep].astype(np.int64)
                self.cells.setdefault(order, []).append((pixels, new[keep], (owned[keep] & 1).astype(bool)))
        if segment.has("part/pixel"):
            new = owners[segment["part/owner"]]
            keep = new >= 0
            pixels, first, count = (segment[f"part/{name}"][keep] for name in ("pixel", "first", "count"))
            self.parts.append((pixels, new[keep], first, count))

    def columns(self, new_row: Any) -> Arrays:
        """The columns, after rows have been renumbered."""
        rows = new_row[np.array(self.rows, dtype=np.int64)]
        order = np.argsort(rows)
        number = np.empty(len(order), dtype=np.int64)
        number[order] = np.arange(len(order))
        made: Arrays = {
            "shape/docs": rows[order].astype(np.uint32),
            "shape/cap": np.array(self.caps, dtype=np.float64).reshape(-1, 4)[order],
        }
        _put_geometry(made, [self.shapes[n] for n in order.tolist()])
        for depth, some in self.cells.items():
            pixels, owners, inner = (np.concatenate(part) for part in zip(*some, strict=True))
            by_pixel = np.argsort(pixels, kind="stable")
            made[f"cell/{depth}/pixel"] = pixels[by_pixel].astype(np.min_scalar_type(12 << 2 * depth))
            made[f"cell/{depth}/owner"] = smallest((number[owners] << 1 | inner)[by_pixel])
        if any(len(pixels) for pixels, *_ in self.parts):
            pixels, owners, first, count = (np.concatenate(part) for part in zip(*self.parts, strict=True))
            by_pixel = np.argsort(pixels, kind="stable")
            made["part/pixel"] = pixels[by_pixel].astype(np.uint16)
            for name, array in (("owner", number[owners]), ("first", first), ("count", count)):
                made[f"part/{name}"] = smallest(array[by_pixel])
        return made


def _put_geometry(made: Arrays, shapes: list[sky.Shape]) -> None:
    words: list[Any] = [np.empty(0, dtype=np.int64)]
    small: list[Any] = [np.empty((0, 2), dtype=np.uint32)]
    ends = [0, 0]
    kinds, bounds = [], []
    for one in shapes:
        fits = one.kind == "moc" and not (one.data & ((1 << _SMALL_SHIFT) - 1)).any()
        kinds.append(MOC if fits else sky.KINDS.index(one.kind))
        if fits:
            numbers = (one.data >> _SMALL_SHIFT).astype(np.uint32)
        else:
            numbers = words[0] if one.kind == "circle" else sky.pack(one)
        (small if fits else words).append(numbers)
        bounds.append((ends[fits], ends[fits] + len(numbers)))
        ends[fits] += len(numbers)
    made["shape/kind"] = np.array(kinds, dtype=np.uint8)
    made["shape/bounds"] = smallest(np.array(bounds, dtype=np.int64).reshape(-1, 2))
    made["shape/words"], made["shape/small"] = np.concatenate(words), np.concatenate(small)


def shape(segment: Segment, n: int) -> sky.Shape:
    """The footprint number ``n`` as geometry."""
    kind = int(segment["shape/kind"][n])
    low, high = segment["shape/bounds"][n].tolist()
    if kind == MOC:
        return sky.Shape("moc", segment["shape/small"][low:high].astype(np.int64) << _SMALL_SHIFT)
    if sky.KINDS[kind] == "circle":
        return sky.Shape("circle", segment["shape/cap"][n])
    return sky.unpack(sky.KINDS[kind], segment["shape/words"][low:high])


def touched(segment: Segment, ranges: Any, inner: Any) -> tuple[Any, Any]:
    """Masks over the footprints: a cell of ``cell`` touches the ranges; a cell inside it touches an inner range."""
    count = len(segment["shape/docs"])
    maybe, surely = np.zeros(count, dtype=bool), np.zeros(count, dtype=bool)
    for order, pixel, owner in _levels(segment):
        if len(pixel) < len(ranges):  # a large region: its ranges are looked up for the cells
            cells = _as_ranges(pixel, order)
            maybe[owner[healpix.touches(cells, ranges)] >> 1] = True
            sure = owner[healpix.touches(cells, ranges if inner.all() else ranges[inner])]
            surely[sure[(sure & 1).astype(bool)] >> 1] = True
            continue
        first, last = _slices(pixel, ranges, order)
        maybe[owner[healpix.expand(first, last - first)] >> 1] = True
        sure = owner[healpix.expand(first[inner], (last - first)[inner])]
        surely[sure[(sure & 1).astype(bool)] >> 1] = True
    return maybe, surely


def _levels(segment: Segment) -> Iterable[tuple[int, Any, Any]]:
    for order in range(healpix.ORDER + 1):
        if segment.has(f"cell/{order}/pixel"):
            yield order, segment[f"cell/{order}/pixel"], segment[f"cell/{order}/owner"]


def _as_ranges(pixel: Any, order: int) -> Any:
    low = pixel.astype(np.int64) << 2 * (healpix.ORDER - order)
    return np.stack([low, low + (1 << 2 * (healpix.ORDER - order))], axis=1)


def _slices(pixel: Any, ranges: Any, order: int) -> tuple[Any, Any]:
    """Where the cells that overlap each range begin and end."""
    shift = 2 * (healpix.ORDER - order)
    first = np.searchsorted(pixel, (ranges[:, 0] >> shift).astype(pixel.dtype))
    last = np.searchsorted(pixel, ((ranges[:, 1] - 1) >> shift).astype(pixel.dtype), side="right")
    return first, last


def part_owners(segment: Segment, ranges: Any) -> Any:
    """MOCs, repeated, with some part in the order-6 cells that lie wholly in ``ranges``."""
    if not segment.has("part/pixel"):
        return np.empty(0, dtype=np.int64)
    first, last = _whole_pixels(ranges)
    pixel = segment["part/pixel"]
    start = np.searchsorted(pixel, first.astype(pixel.dtype))
    end = np.searchsorted(pixel, (last - 1).astype(pixel.dtype), side="right")
    return segment["part/owner"][healpix.expand(start, end - start)]


def _whole_pixels(ranges: Any) -> tuple[Any, Any]:
    first, last = -(-ranges[:, 0] >> _PART_SHIFT), ranges[:, 1] >> _PART_SHIFT
    return first[first < last], last[first < last]


def pieces(segment: Segment, ranges: Any, wanted: Any, but: Any = None) -> tuple[Any, Any, Any, Any]:
    """What the ``wanted`` MOCs (a mask) have in ``ranges``: (MOC, low, high, number of the range), without overlap.

    ``but``: parts of order-6 cells that lie wholly in these ranges are not looked at.
    """
    parts = _parts(segment, ranges, wanted, ranges[:0] if but is None else but)
    found = [_cut(*some, ranges) for some in (*_whole_cells(segment, ranges, wanted), *parts)]
    if not found:
        return (np.empty(0, dtype=np.int64),) * 4
    owner, low, high, which = (np.concatenate(part) for part in zip(*found, strict=True))
    return owner, low, high, which


def _whole_cells(segment: Segment, ranges: Any, wanted: Any) -> Iterable[tuple[Any, Any, Any]]:
    for order, pixel, owner in _levels(segment):
        if len(pixel) < len(ranges):
            at = np.flatnonzero(wanted[owner >> 1])
            yield (owner[at] >> 1).astype(np.int64), *_as_ranges(pixel[at], order).T
            continue
        first, last = _slices(pixel, ranges, order)
        first = np.maximum(first, np.append(0, np.maximum.accumulate(last)[:-1]))  # each cell once
        at = healpix.expand(first, np.maximum(last - first, 0))
        at = at[wanted[owner[at] >> 1]]
        low = pixel[at].astype(np.int64) << 2 * (healpix.ORDER - order)
        yield (owner[at] >> 1).astype(np.int64), low, low + (1 << 2 * (healpix.ORDER - order))


def _parts(segment: Segment, ranges: Any, wanted: Any, but: Any) -> Iterable[tuple[Any, Any, Any]]:
    if not segment.has("part/pixel") or len(ranges) == 0:
        return
    pixel = segment["part/pixel"]
    asked = np.zeros(12 << 2 * PART, dtype=bool)
    first = ranges[:, 0] >> _PART_SHIFT
    asked[healpix.expand(first, ((ranges[:, 1] - 1) >> _PART_SHIFT) + 1 - first)] = True
    first, last = _whole_pixels(but)
    asked[healpix.expand(first, last - first)] = False
    some = np.flatnonzero(asked).astype(pixel.dtype)
    start, end = np.searchsorted(pixel, some), np.searchsorted(pixel, some, side="right")
    at = healpix.expand(start, end - start)
    owner = segment["part/owner"][at]
    keep = wanted[owner]
    at, owner = at[keep], owner[keep].astype(np.int64)
    kinds = segment["shape/kind"][owner]
    for kind in (MOC, DEEP):
        here, who = at[kinds == kind], owner[kinds == kind]
        if len(here) == 0:
            continue
        begin, first = segment["shape/bounds"][who, 0].astype(np.int64), segment["part/first"][here].astype(np.int64)
        count = segment["part/count"][here].astype(np.int64)
        if kind == MOC:
            both = segment["shape/small"][healpix.expand(begin + first, count)].astype(np.int64) << _SMALL_SHIFT
        else:
            base = np.repeat(begin, count) + 2 * healpix.expand(first, count)
            both = segment["shape/words"][base[:, None] + np.arange(2)]
        cell = np.repeat(pixel[here].astype(np.int64) << _PART_SHIFT, count)
        low = np.maximum(both[:, 0], cell)
        high = np.minimum(both[:, 1], cell + (1 << _PART_SHIFT))
        yield np.repeat(who, count), low, high


def _cut(owner: Any, low: Any, high: Any, ranges: Any) -> tuple[Any, Any, Any, Any]:
    first = np.searchsorted(ranges[:, 1], low, side="right")
    count = np.maximum(np.searchsorted(ranges[:, 0], high) - first, 0)
    at = np.repeat(np.arange(len(low)), count)
    which = healpix.expand(first, count)
    return owner[at], np.maximum(low[at], ranges[which, 0]), np.minimum(high[at], ranges[which, 1]), which


def overlap(segment: Segment, ranges: Any, wanted: Any) -> Any:
    """How much of ``ranges`` each of the ``wanted`` MOCs holds, in order-29 cells."""
    total = np.zeros(len(segment["shape/docs"]), dtype=np.int64)
    owner, low, high, _ = pieces(segment, ranges, wanted)
    np.add.at(total, owner, high - low)
    return total


def is_moc(segment: Segment) -> Any:
    """Mask of the footprints that are MOCs."""
    kinds = segment["shape/kind"]
    return (kinds == MOC) | (kinds == DEEP)


def some_points(segment: Segment, numbers: Any) -> tuple[Any, Any]:
    """A point in each of some MOCs that are not empty: unit vectors, order-29 cells."""
    bounds = segment["shape/bounds"][numbers, 0].astype(np.int64)
    kinds = segment["shape/kind"][numbers]
    cells = np.zeros(len(numbers), dtype=np.int64)
    small, deep = kinds == MOC, kinds == DEEP
    cells[small] = segment["shape/small"][bounds[small], 0].astype(np.int64) << _SMALL_SHIFT
    cells[deep] = segment["shape/words"][bounds[deep]]
    return healpix.points_in(cells, healpix.ORDER), cells
