"""MOC in ASCII (MOC 2.0, section 4.3.2) as plain cells; no geometry, no astropy."""

from __future__ import annotations

import re

MAX_ORDER = 29
_TOKEN = re.compile(r"(\d+)/|(\d+)-(\d+)|(\d+)")


def parse_moc(text: str) -> list[tuple[int, int, int]]:
    """Read ``"1/0-3 5 6/12"``: (order, first cell, last cell) as written.

    Raises
    ------
    ValueError
        When the text is not a spatial MOC or a cell is outside its order.
    """
    if not text.isascii():  # int() reads the digits of every script
        raise ValueError(f"not a MOC in ASCII: {text[:40]!r}")
    cells: list[tuple[int, int, int]] = []
    order, limit = -1, 0
    for token in re.split(r"[\s,]+", text.strip()):
        if token in ("", "s", "s0"):
            continue
        if token.isdecimal() and (cell := int(token)) < limit:  # nearly all tokens are one cell
            cells.append((order, cell, cell))
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
                continue
            if order < 0:
                raise ValueError(f"MOC cell {token[:40]!r} before any order/")
            first, last = int(found[2] or found[4]), int(found[3] or found[4])
            if first > last or last >= limit:
                raise ValueError(f"MOC cell {token[:40]!r} is outside order {order}")
            cells.append((order, first, last))
    if order < 0:
        raise ValueError("an empty string is not a MOC (an empty MOC is '0/')")
    return cells
