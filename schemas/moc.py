"""MOC in ASCII (MOC 2.0, section 4.3.2) as plain cells; no geometry, no astropy."""

from __future__ import annotations

import operator
import re
from typing import Any

MAX_ORDER = 29
_MAX_PIECES = 10_000  # orders, repeats and all; as a rule there are at most 30
_DIGITS = "0123456789"
_TOKEN = re.compile(r"(\d+)/|(\d+)-(\d+)|(\d+)")
_CELLS = re.compile(r"[\d\s,]*")
_RANGES = re.compile(r"[\d\s,-]*")
_LONG = 2_000  # characters; below, numpy gains nothing
_BLANKS = bytes.maketrans(b",-", b"  ")


def parse_moc(text: str) -> list[tuple[int, int, int]]:
    """Read ``"1/0-3 5 6/12"``: (order, first cell, last cell) as written.

    Raises
    ------
    ValueError
        When the text is not a spatial MOC or a cell is outside its order.
    """
    return [
        (order, int(low), int(high))
        for order, first, last in parse_spans(text)
        for low, high in zip(first, last, strict=True)
    ]


def parse_spans(text: str) -> list[tuple[int, Any, Any]]:
    """Read a MOC as (order, first cells, last cells), as written: lists, or arrays where they are many.

    Raises as :func:`parse_moc` does.
    """
    if not text.isascii():  # int() reads the digits of every script
        raise ValueError(f"not a MOC in ASCII: {text[:40]!r}")
    if text.count("/") > _MAX_PIECES:
        raise ValueError(f"a MOC that names orders more than {_MAX_PIECES} times")
    before, *pieces = text.split("/")
    if before.rstrip(_DIGITS).strip() not in ("", "s"):
        return _by_token(text)
    made = []
    for n, piece in enumerate(pieces):
        written = before[len(before.rstrip(_DIGITS)) :]  # the order, at the end of what stands before the stroke
        body = piece
        if n < len(pieces) - 1:
            body = piece.rstrip(_DIGITS)
            if body.endswith("s"):  # begins a word, or is out of place
                body = body[:-1] if body[-2:-1].isspace() else "?"
        spans = _spans(body)
        if not written or int(written) > MAX_ORDER or spans is None:
            return _by_token(text)
        order, (first, last) = int(written), spans
        if len(first) and not _in_order(first, last, 12 * 4**order):
            return _by_token(text)
        made.append((order, first, last))
        before = piece
    return made or _by_token(text)


def _in_order(first: Any, last: Any, limit: int) -> bool:
    if isinstance(first, list):
        return max(last) < limit and not any(map(operator.gt, first, last))
    return bool(last.max() < limit and (first <= last).all())


def _spans(body: str) -> tuple[Any, Any] | None:
    """The cells behind an order; None where something else is among them."""
    if len(body) > _LONG:
        return _long_spans(body.encode())
    if _CELLS.fullmatch(body):
        cells = list(map(int, body.replace(",", " ").split()))
        return cells, cells
    if not _RANGES.fullmatch(body):
        return None
    parts = [token.partition("-") for token in body.replace(",", " ").split()]
    try:
        first = [int(low) for low, _, _ in parts]
        return first, [int(high) if hyphen else int(low) for low, hyphen, high in parts]
    except ValueError:
        return None


def _long_spans(body: bytes) -> tuple[Any, Any] | None:
    """The same with arrays: half a million cells take 30 milliseconds."""
    import numpy as np

    if body.translate(None, b"0123456789,- \t\r\n"):
        return None
    digit = np.frombuffer(b" " + body, dtype=np.uint8) - ord("0") < 10
    hyphens = np.flatnonzero(np.frombuffer(body, dtype=np.uint8) == ord("-"))
    starts = np.flatnonzero(digit[1:] & ~digit[:-1])
    numbers = np.fromstring(body.translate(_BLANKS), dtype=np.int64, sep=" ") if len(starts) else starts
    at = np.searchsorted(starts, hyphens + 1)  # of the numbers behind hyphens
    if len(hyphens):
        behind = len(starts) > 0 and (starts[np.minimum(at, len(starts) - 1)] == hyphens + 1).all()
        if not (behind and digit[hyphens].all() and (np.diff(at) > 1).all()):  # "1-2-3" is none
            return None
    high = np.zeros(len(numbers), dtype=bool)
    high[at] = True
    last = numbers.copy()
    last[at - 1] = numbers[at]
    return numbers[~high], last[~high]


def _by_token(text: str) -> list[tuple[int, Any, Any]]:
    """The same word by word: for what is unusual, and to say what is wrong."""
    made: list[tuple[int, Any, Any]] = []
    order, limit = -1, 0
    for token in re.split(r"[\s,]+", text.strip()):
        if token in ("", "s", "s0"):
            continue
        at = token.startswith("s")
        while at < len(token):
            found = _TOKEN.match(token, at)
            if not found:
                raise ValueError(f"not a MOC in ASCII: {token[:40]!r}")
            at = found.end()
            if found[1] is not None:
                order = int(found[1])
                if order > MAX_ORDER:
                    raise ValueError(f"MOC order {order} is above {MAX_ORDER}")
                limit = 12 * 4**order
                made.append((order, [], []))
                continue
            if order < 0:
                raise ValueError(f"MOC cell {token[:40]!r} before any order/")
            first, last = int(found[2] or found[4]), int(found[3] or found[4])
            if first > last or last >= limit:
                raise ValueError(f"MOC cell {token[:40]!r} is outside order {order}")
            made[-1][1].append(first)
            made[-1][2].append(last)
    if order < 0:
        raise ValueError("an empty string is not a MOC (an empty MOC is '0/')")
    return made
