"""MOC files (MOC 2.0, section 4): FITS, JSON and ASCII read and written; coverage of the sky in ICRS only."""

from __future__ import annotations

import json
import math
import re
import zlib
from typing import Any, Literal

import numpy as np

from mappings import healpix
from mappings.healpix import ALL, ORDER, Ints
from schemas.moc import parse_spans

Form = Literal["ascii", "json", "fits"]

MAX_BYTES = 1 << 28  # of a file out of its gzip; a MOC of ten million ranges has 160 MB
_BLOCK, _CARD = 2880, 80  # FITS 4.0, section 3.1
_UNIQ = np.array([4 << 2 * order for order in range(ORDER + 2)], dtype=np.int64)  # least NUNIQ of each order
_OTHER_DIMENSION = re.compile(r"(?:^|\s)[tf]\d*/", re.IGNORECASE)
_SIZES = {"I": 2, "J": 4, "K": 8}


def read_moc(body: bytes) -> str:
    """The MOC of a file, in ASCII; FITS (NUNIQ or RANGE, gzip or not), JSON or ASCII by its first bytes.

    Raises
    ------
    ValueError
        For what is no MOC of the sky: of time, frequency or space and time, in another frame, or damaged.
    """
    if body[:2] == b"\x1f\x8b":
        body = _unzipped(body)
    if body[:6] == b"SIMPLE":
        return write_moc(_read_fits(body), "ascii").decode()
    try:
        text = body.decode("ascii").strip()
    except UnicodeDecodeError:
        raise ValueError("is no MOC in FITS, JSON or ASCII") from None
    if text[:1] in ("{", "["):
        return _read_json(text)
    if _OTHER_DIMENSION.search(text):
        raise ValueError("is a MOC of time or frequency, not of the sky")
    text = " ".join(line for line in text.splitlines() if not line.startswith("#"))
    parse_spans(text)
    return " ".join(text.split())


def write_moc(ranges: Ints, form: Form, order: int | None = None) -> bytes:
    """A file of order-29 ranges, shape (n, 2), ascending; ``order`` is the resolution to state, if not the finest."""
    cells = healpix.cells_of(ranges)
    finest = max((depth for depth, _ in cells), default=0)
    order = finest if order is None else max(order, finest)
    if form == "fits":
        return _write_fits(cells, order)
    if form == "json":
        by_order = {str(depth): pixels.tolist() for depth, pixels in cells}
        return json.dumps({**by_order, **({} if str(order) in by_order else {str(order): []})}).encode()
    words = [f"{depth}/{_runs(pixels)}" for depth, pixels in cells]
    return " ".join([*words, *([] if cells and finest == order else [f"{order}/"])]).encode()


def _runs(pixels: Ints) -> str:
    starts = np.flatnonzero(np.append(True, pixels[1:] != pixels[:-1] + 1))
    first, last = pixels[starts], pixels[np.append(starts[1:], len(pixels)) - 1]
    pairs = zip(first.tolist(), last.tolist(), strict=True)
    return " ".join([str(low) if low == high else f"{low}-{high}" for low, high in pairs])


def _unzipped(body: bytes) -> bytes:
    try:
        reader = zlib.decompressobj(zlib.MAX_WBITS | 16)
        made = reader.decompress(body, MAX_BYTES)
    except zlib.error:
        raise ValueError("is a damaged gzip file") from None
    if reader.unconsumed_tail:
        raise ValueError(f"is larger than {MAX_BYTES >> 20} MB out of its gzip")
    return made


def _read_json(text: str) -> str:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        raise ValueError("is no JSON") from None
    if isinstance(found, list) or any(key in found for key in ("t", "f")):
        raise ValueError("is a MOC of time or frequency, or of space and time, not of the sky")
    if set(found) == {"s"} and isinstance(found["s"], dict):
        found = found["s"]
    parts = []
    for order, pixels in found.items():
        if not (order.isascii() and order.isdecimal() and isinstance(pixels, list)):
            raise ValueError(f"has {order[:20]!r} where a MOC in JSON has an order and its cells")
        if not all(type(pixel) is int for pixel in pixels):
            raise ValueError(f"has a cell of order {order[:20]} that is no whole number")
        parts.append(f"{order}/{' '.join(map(str, pixels))}")
    made = " ".join(parts)
    parse_spans(made)
    return made


# FITS


def _read_fits(body: bytes) -> Ints:
    at = 0
    while at < len(body):
        header, at = _header(body, at)
        axes = [int(header.get(f"NAXIS{n + 1}", 0)) for n in range(int(header.get("NAXIS", 0)))]
        size = int(np.prod(axes, dtype=object)) if axes else 0
        size = (
            abs(int(header.get("BITPIX", 8)))
            // 8
            * int(header.get("GCOUNT", 1))
            * (size + int(header.get("PCOUNT", 0)))
        )
        if size < 0 or at + size > len(body):
            raise ValueError("is a FITS file that is cut short")
        if header.get("XTENSION") == "BINTABLE":
            return _table(header, body[at : at + size])
        at += -(-size // _BLOCK) * _BLOCK
    raise ValueError("is a FITS file without a table")


def _header(body: bytes, at: int) -> tuple[dict[str, Any], int]:
    found: dict[str, Any] = {}
    while at < len(body):
        block = body[at : at + _BLOCK]
        at += _BLOCK
        for n in range(0, len(block), _CARD):
            card = block[n : n + _CARD].decode("latin-1")
            name = card[:8].strip()
            if name == "END":
                return found, at
            if card[8:10] == "= ":
                found[name] = _value(card[10:])
    raise ValueError("is a FITS file that is cut short")


def _value(text: str) -> str:
    text = text.strip()
    if text.startswith("'"):
        return text[1:].partition("'")[0].strip()
    return text.partition("/")[0].strip()


def _table(header: dict[str, Any], body: bytes) -> Ints:
    # before MOC 2.0 only its time system told a MOC of time
    of_time = "TIMESYS" in header and "COORDSYS" not in header
    dimension = header.get("MOCDIM", "TIME" if of_time else "SPACE").upper()
    ordering = header.get("ORDERING", "").upper()
    if dimension != "SPACE":
        raise ValueError(f"is a MOC of {dimension.lower().replace('.', ' and ')}, not of the sky")
    if ordering not in ("NUNIQ", "RANGE"):
        raise ValueError("is a FITS table that is no MOC: its ORDERING is neither NUNIQ nor RANGE")
    if header.get("COORDSYS", "C").upper() not in ("C", "ICRS", ""):
        raise ValueError(f"is a MOC in the frame {header['COORDSYS']!r}: only ICRS (C) is read")
    if header.get("TFIELDS") != "1":
        raise ValueError("is a map of several columns, not a MOC: make one from it first, of some probability or depth")
    letter = header.get("TFORM1", "").strip().lstrip("1")[:1].upper()
    if letter not in _SIZES:
        raise ValueError(f"has a column of form {header.get('TFORM1')!r}: a MOC has 64-bit integers")
    numbers = np.frombuffer(body, dtype=f">i{_SIZES[letter]}").astype(np.int64) + int(header.get("TZERO1", 0))
    return _from_ranges(numbers) if ordering == "RANGE" else _from_uniq(numbers)


def _from_ranges(numbers: Ints) -> Ints:
    if len(numbers) % 2:
        raise ValueError("has half a range")
    ranges = numbers.reshape(-1, 2)
    if len(ranges) and (ranges.min() < 0 or ranges.max() > ALL or (ranges[:, 0] >= ranges[:, 1]).any()):
        raise ValueError("has a range that is not on the sky")
    return healpix.merge_ranges(ranges)


def _from_uniq(numbers: Ints) -> Ints:
    numbers = numbers[numbers != 0]  # some pad the table with them
    order = np.searchsorted(_UNIQ, numbers, side="right") - 1
    if ((order < 0) | (order > ORDER)).any():
        raise ValueError("has a NUNIQ number that is no cell")
    pixels = numbers - _UNIQ[order]
    shift = 2 * (ORDER - order)
    return healpix.merge_ranges(np.stack([pixels << shift, (pixels + 1) << shift], axis=1))


def _write_fits(cells: list[tuple[int, Ints]], order: int) -> bytes:
    numbers = np.concatenate([np.empty(0, dtype=np.int64), *(pixels + _UNIQ[depth] for depth, pixels in cells)])
    body = numbers.astype(">i8").tobytes()
    primary = _cards([("SIMPLE", True), ("BITPIX", 8), ("NAXIS", 0), ("EXTEND", True)])
    table = _cards(
        [
            ("XTENSION", "BINTABLE"),
            ("BITPIX", 8),
            ("NAXIS", 2),
            ("NAXIS1", 8),
            ("NAXIS2", len(numbers)),
            ("PCOUNT", 0),
            ("GCOUNT", 1),
            ("TFIELDS", 1),
            ("TTYPE1", "UNIQ"),
            ("TFORM1", "1K"),
            ("MOCVERS", "2.0"),
            ("MOCDIM", "SPACE"),
            ("PIXTYPE", "HEALPIX"),
            ("ORDERING", "NUNIQ"),
            ("COORDSYS", "C"),
            ("MOCORD_S", order),
            ("MOCORDER", order),  # MOC 1.1's name for it
        ]
    )
    return primary + table + body + b"\0" * (-len(body) % _BLOCK)


def _cards(values: list[tuple[str, str | int | bool]]) -> bytes:
    made = ""
    for name, value in values:
        if isinstance(value, str):
            shown = f"'{value:8}'".ljust(20)
        else:
            shown = ("FT"[value] if isinstance(value, bool) else str(value)).rjust(20)
        made += f"{name:8}= {shown}".ljust(_CARD)
    made += "END".ljust(_CARD)
    return made.ljust(math.ceil(len(made) / _BLOCK) * _BLOCK).encode()
