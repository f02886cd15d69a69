"""Order and cursors on Elasticsearch: the order is the embedded engine's, the cursor its own.

A cursor holds the last entry's sort values and, from the second page on, a point in time (PIT). When that has expired,
another is opened and the walk goes on after the same values.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

from catalog import cursors
from catalog.elastic_query import Clause
from mappings.sky import shape_of
from schemas.fields import search_fields
from schemas.query import Query, Sort
from schemas.record import ID_LENGTH

MISSING = 1.7976931348623157e308  # after an open end
_ID = re.compile(rf"[0-9a-v]{{{ID_LENGTH}}}")

# as mappings.healpix.angle: a half-chord's sine on each side of 90 degrees
_DISTANCE = """if (doc['x'].size() == 0) { return params.missing }
double x = doc['x'].value, y = doc['y'].value, z = doc['z'].value;
double a = x - params.x, b = y - params.y, c = z - params.z; double near = Math.sqrt(a * a + b * b + c * c) / 2;
a = x + params.x; b = y + params.y; c = z + params.z; double far = Math.sqrt(a * a + b * b + c * c) / 2;
return near <= far ? 2 * Math.asin(Math.min(near, 1.0)) : Math.PI - 2 * Math.asin(Math.min(far, 1.0))"""
_COVERED = """if (doc['place'].contains(params.nowhere)) { return params.missing }
def found = params.covered.get(String.valueOf(doc['seq'].value)); return found == null ? params.points : found"""


@dataclass(frozen=True, slots=True)
class Shares:
    """The fraction of the region that each footprint covers, by feed number; and what a bare position covers."""

    by_seq: dict[int, float]
    points: float


@dataclass(frozen=True, slots=True)
class Cursor:
    keys: list[Any]
    pit: str | None


def order_of(query: Query) -> tuple[Sort, ...]:
    """What the query asks for, or score for words; the id is the last, or the only one."""
    sorts = query.sort or ((Sort("score", descending=True),) if query.words or query.text else ())
    last = Sort("id", descending=Sort("id", descending=True) in sorts)
    return (*(one for one in sorts if one.field != "id"), last)


def by_score(query: Query) -> bool:
    return any(one.field == "score" for one in order_of(query))


def moves(query: Query) -> bool:
    """Whether a record that changes may come again on a later page: its id alone stays."""
    return len(order_of(query)) > 1


def sort_clauses(query: Query, shares: Shares | None) -> list[Clause]:
    """The order as Elasticsearch takes it; missing values come last."""
    return [_clause(one, query, shares) for one in order_of(query)]


def _clause(sort: Sort, query: Query, shares: Shares | None) -> Clause:
    order = "desc" if sort.descending else "asc"
    missing = -MISSING if sort.descending else MISSING
    known = search_fields().get(sort.field)
    if sort.field == "score":
        return {"_score": order}
    if sort.field == "changed":
        return {"seq": order}
    if sort.field == "id":
        return {"id": order}
    if sort.field == "distance":
        assert query.region is not None  # the parser asks for a cone
        x, y, z = (float(part) for part in shape_of(query.region.footprint).data[:3])
        return _scripted(_DISTANCE, order, x=x, y=y, z=z, missing=missing)
    if sort.field == "covered":
        assert shares is not None  # and for a region
        nowhere = "no-position" if query.relation == "position" else "nowhere"
        by_seq = {str(seq): share for seq, share in shares.by_seq.items()}
        return _scripted(_COVERED, order, covered=by_seq, points=shares.points, nowhere=nowhere, missing=missing)
    field = sort.field
    if known is not None and known.kind == "interval":
        field += ".high" if sort.descending else ".low"
    return {field: {"order": order, "mode": "max" if sort.descending else "min", "missing": missing}}


def _scripted(source: str, order: str, **params: Any) -> Clause:
    return {"_script": {"type": "number", "order": order, "script": {"source": source, "params": params}}}


def encode_cursor(query: Query, keys: list[Any], pit: str | None) -> str:
    return cursors.encode(order_of(query), keys, pit)


def decode_cursor(query: Query) -> Cursor | None:
    """Where the page before ended; raises ``query.bad-cursor``."""
    if query.cursor is None:
        return None
    order = order_of(query)
    try:
        keys, pit = cursors.decode(order, query.cursor)
        *values, last = keys
        numbers = [value if isinstance(value, int) and abs(value) < 1 << 63 else float(value) for value in values]
    except cursors.MALFORMED:
        raise cursors.wrong() from None
    if len(keys) != len(order) or not isinstance(last, str) or not isinstance(pit, str | None):
        raise cursors.wrong()
    if not _ID.fullmatch(last) or not all(map(math.isfinite, numbers)):
        raise cursors.wrong()
    return Cursor([*numbers, last], pit)
