"""``GET`` and ``POST /api/v1/search``: one query, answered as JSON, CSV or VOTable."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from urllib.parse import urlencode

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from api import answers
from api.bodies import query_body, query_pairs
from api.catalogue import Catalogue
from api.parameters import Pairs, host, only, pairs
from api.threads import Lanes
from catalog.engine import Answer
from mappings import table, votable
from placement.recorder import NoRecorder
from schemas.comparisons import choice
from schemas.parsing import truth
from schemas.query import Query, parse
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
_LONG_BODY = 100_000  # bytes: a MOC of some ten thousand ranges
Note = Callable[[Query, list[str], int], None]  # a search, the ids on its page, how many it found
_LONGEST_LINK = 4096  # a header that long is refused by proxies; the cursor is in the answer as well


def route(catalogue: Catalogue, lanes: Lanes, recorder: NoRecorder) -> Route:
    """A plain Starlette route: FastAPI's own parameter handling has nothing to do here and costs 25 microseconds."""

    async def search(request: Request) -> Response:
        note = partial(recorder.search, site=recorder.site(host(request)))
        return await query_endpoint(lanes, partial(answer, catalogue, note))(request)

    return Route(PATH, search, methods=["GET", "POST"])


def query_endpoint(
    lanes: Lanes, work: Callable[[Pairs, bool], Response], *, long: bool = False
) -> Callable[[Request], Awaitable[Response]]:
    """An endpoint that hands the parameters of a URL, or of a URL and a body, to ``work`` on the right lane.

    ``work`` is told whether the URL has all of them; ``long``: it always takes its time.
    """

    async def endpoint(request: Request) -> Response:
        asked = pairs(request)
        limit = only(asked, "limit") or ""
        run = lanes.long if long or len(limit) >= _LONG_DIGITS else lanes.short
        if request.method != "POST":
            return await run(partial(work, asked, True))
        media_type, body = await query_body(request)
        if len(body) > _LONG_BODY:
            run = lanes.long
        return await run(lambda: work([*asked, *query_pairs(media_type, body)], False))

    return endpoint


def answer(catalogue: Catalogue, note: Note, asked: Pairs, linked: bool = True) -> Response:
    """Answer the parameters ``asked``; raises ``QueryError``. ``linked``: the next page can be named by a URL."""
    return respond(catalogue, note, parse(asked, catalogue.resolve), asked, PATH if linked else None)


def respond(catalogue: Catalogue, note: Note, query: Query, asked: Pairs, path: str | None) -> Response:
    """Answer ``query`` in the form that ``asked`` says, and note it; the next page is at ``path`` with these."""
    form = choice("format", only(asked, "format") or FORMATS[0], FORMATS)
    highlight = truth("highlight", only(asked, "highlight") or "false")
    found = catalogue.search(query)
    note(query, found.ids, found.total)
    headers = {"X-Total-Count": str(found.total)}
    if found.next is not None and path is not None:
        again = [(name, value) for name, value in asked if name != "cursor"] + [("cursor", found.next)]
        link = f'<{path}?{urlencode(again)}>; rel="next"'
        if len(link) <= _LONGEST_LINK:
            headers["Link"] = link
    if form == "csv":
        return Response(_csv(catalogue, found), headers=headers, media_type=CSV_TYPE)
    if form == "votable":
        return Response(_votable(catalogue, found), headers=headers, media_type=VOTABLE_TYPE)
    return Response(_json(catalogue, query, found, highlight), headers=headers, media_type="application/json")


def chunks(catalogue: Catalogue, ids: list[str]) -> Iterator[list[Record]]:
    """The records of ``ids``, some at a time."""
    for start in range(0, len(ids), CHUNK):
        yield catalogue.records(ids[start : start + CHUNK])


def _json(catalogue: Catalogue, query: Query, found: Answer, highlight: bool) -> bytes:
    rest = answers.counts(found, query) | answers.hints(catalogue, found, query)
    if highlight:
        rest["highlights"] = {}
    texts: list[bytes] = []
    for part in chunks(catalogue, found.ids):
        texts += map(orjson.dumps, part)
        if highlight:
            rest["highlights"] |= answers.highlights(part, query)
    return b'{"total":%d,"items":[%b],%b' % (found.total, b",".join(texts), orjson.dumps(rest)[1:])


def _csv(catalogue: Catalogue, found: Answer) -> bytes:
    parts = [table.csv_header(), *(table.csv_rows(part) for part in chunks(catalogue, found.ids))]
    return "".join(parts).encode()


def _votable(catalogue: Catalogue, found: Answer) -> bytes:
    shown = table.columns()
    parts = [votable.head(shown), *(votable.rows(part, shown) for part in chunks(catalogue, found.ids))]
    return "".join([*parts, votable.tail(overflow=found.next is not None)]).encode()
