"""MOC in ASCII (MOC 2.0, section 4.3.2) as plain cells; no geometry, no astropy."""

from __future__ import annotations

import operator
import re

MAX_ORDER = 29
_DIGITS = "0123456789"
_TOKEN = re.compile(r"(\d+)/|(\d+)-(\d+)|(\d+)")
_CELLS = re.compile(r"[\d\s,]*")
_RANGES = re.compile(r"[\d\s,-]*")


def parse_moc(text: str) -> list[tuple[int, int, int]]:
    """Read ``"1/0-3 5 6/12"``: (order, first cell, last cell) as written.

    Raises
    ------
    ValueError
        When the text is not a spatial MOC or a cell is outside its order.
    """
    return [(order, *span) for order, first, last in parse_spans(text) for span in zip(first, last, strict=True)]


def parse_spans(text: str) -> list[tuple[int, list[int], list[int]]]:
    """Read a MOC as (order, first cells, last cells), as written; half a million ranges take half a second.

    Raises as :func:`parse_moc` does.
    """
    if not text.isascii():  # int() reads the digits of every script
        raise ValueError(f"not a MOC in ASCII: {text[:40]!r}")
    before, *pieces = text.split("/")
    if before.rstrip(_DIGITS).strip() not in ("", "s"):
        return _by_token(text)
    made = []
    for n, piece in enumerate(pieces):
        written = before[len(before.rstrip(_DIGITS)) :]  # the order, at the end of what stands before the stroke
        body = piece if n == len(pieces) - 1 else piece.rstrip(_DIGITS).removesuffix("s")
        spans = _spans(body)
        if not written or int(written) > MAX_ORDER or spans is None:
            return _by_token(text)
        order, (first, last) = int(written), spans
        if first and (max(last) >= 12 * 4**order or any(map(operator.gt, first, last))):
            return _by_token(text)
        made.append((order, first, last))
        before = piece
    return made or _by_token(text)


def _spans(body: str) -> tuple[list[int], list[int]] | None:
    """The cells behind an order; None where something else is among them."""
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


def _by_token(text: str) -> list[tuple[int, list[int], list[int]]]:
    """The same word by word: for what is unusual, and to say what is wrong."""
    made: list[tuple[int, list[int], list[int]]] = []
    order, limit = -1, 0
    for token in re.split(r"[\s,]+", text.strip()):
        if token in ("", "s", "s0"):
            continue
        rest = token.removeprefix("s")
        while rest:
            found = _TOKEN.match(rest)
            if not found:
                raise ValueError(f"not a MOC in ASCII: {token[:40]!r}")
            rest = rest[found.end() :]
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
