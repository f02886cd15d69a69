"""``GET /api/v1/search``: one query, answered as JSON, CSV or VOTable."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any
from urllib.parse import urlencode

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from api.catalogue import Catalogue
from api.parameters import Pairs, only, pairs
from api.threads import Lanes
from catalog.engine import Answer
from mappings import table, votable
from schemas.errors import QueryError
from schemas.query import parse
from schemas.record import Record

PATH = "/api/v1/search"
FORMATS = ("json", "csv", "votable")
VOTABLE_TYPE = "application/x-votable+xml"
# RFC 4180, section 3
CSV_TYPE = "text/csv; charset=utf-8; header=present"
# Records are fetched and written so many at a time: as Python objects they take ten times the room of their text.
CHUNK = 500
# limit=1000 and above: the digits are counted because the query is parsed on the thread that is chosen by this
_LONG_DIGITS = 4
_LONGEST_LINK = 4096  # a header that long is refused by proxies; the cursor is in the answer as well


def route(catalogue: Catalogue, lanes: Lanes) -> Route:
    """A plain Starlette route: FastAPI's own parameter handling has nothing to do here and costs 25 microseconds."""

    async def search(request: Request) -> Response:
        asked = pairs(request)
        limit = only(asked, "limit") or ""
        run = lanes.long if len(limit) >= _LONG_DIGITS else lanes.short
        return await run(partial(answer, catalogue, asked))

    return Route(PATH, search, methods=["GET"])


def answer(catalogue: Catalogue, asked: Pairs) -> Response:
    """Answer the parameters ``asked``; raises ``QueryError``."""
    named = only(asked, "format")
    form = FORMATS[0] if named is None else named
    if form not in FORMATS:
        raise QueryError("bad-value", f"format={form[:40]} is not one of {', '.join(FORMATS)}", parameter="format")
    found = catalogue.search(parse(asked))
    headers = {"X-Total-Count": str(found.total)}
    if found.next is not None:
        again = [(name, value) for name, value in asked if name != "cursor"] + [("cursor", found.next)]
        link = f'<{PATH}?{urlencode(again)}>; rel="next"'
        if len(link) <= _LONGEST_LINK:
            headers["Link"] = link
    if form == "csv":
        return Response(_csv(catalogue, found), headers=headers, media_type=CSV_TYPE)
    if form == "votable":
        return Response(_votable(catalogue, found), headers=headers, media_type=VOTABLE_TYPE)
    return Response(_json(catalogue, found), headers=headers, media_type="application/json")


def chunks(catalogue: Catalogue, ids: list[str]) -> Iterator[list[Record]]:
    """The records of ``ids``, some at a time."""
    for start in range(0, len(ids), CHUNK):
        yield catalogue.records(ids[start : start + CHUNK])


def _json(catalogue: Catalogue, found: Answer) -> bytes:
    facets: dict[str, Any] = {
        name: {
            "buckets": [{"value": bucket.value, "count": bucket.count} for bucket in counts.buckets],
            "missing": counts.missing,
        }
        for name, counts in found.facets.items()
    }
    items = b",".join([orjson.dumps(record) for part in chunks(catalogue, found.ids) for record in part])
    rest = orjson.dumps({"facets": facets, "next": found.next, "unlocated": found.unlocated})
    return b'{"total":%d,"items":[%b],%b' % (found.total, items, rest[1:])


def _csv(catalogue: Catalogue, found: Answer) -> bytes:
    parts = [table.csv_header(), *(table.csv_rows(part) for part in chunks(catalogue, found.ids))]
    return "".join(parts).encode()


def _votable(catalogue: Catalogue, found: Answer) -> bytes:
    shown = table.columns()
    parts = [votable.head(shown), *(votable.rows(part, shown) for part in chunks(catalogue, found.ids))]
    return "".join([*parts, votable.tail(overflow=found.next is not None)]).encode()
