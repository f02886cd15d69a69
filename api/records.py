"""Record pages: a record as JSON, as DataCite JSON and as its source wrote it; the sources; and the import."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable
from functools import partial
from typing import Any

import orjson
from fastapi import APIRouter, Request
from starlette.responses import Response

from api.bodies import receive
from api.catalogue import Catalogue
from api.conditional import conditional
from api.parameters import host, only, pairs
from api.threads import Lanes
from placement.recorder import NoRecorder
from schemas.access import visible
from schemas.errors import AccessError, QueryError, RecordError
from schemas.query import Facet, Query
from schemas.record import ID_LENGTH, Record

DATACITE_TYPE = "application/vnd.datacite.datacite+json"
JSON_TYPE = "application/json"
_ID = re.compile(rf"[0-9a-v]{{{ID_LENGTH}}}")
SOURCE = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")  # as in the settings
_IN_MEMORY = 1_000_000  # bytes of an upload before it goes to a temporary file
# A document of another site's making is shown under our name: it must not run as a page of ours.
_INERT = {"Content-Security-Policy": "sandbox; default-src 'none'", "X-Content-Type-Options": "nosniff"}

IMPORT = """One record of the record schema a line, as JSON; `source` says whose they are. The id of a record comes
from the source and its first identifier, so importing it again updates it. A line that is no record is quarantined
and counted, and does not stop the others. The answer comes when the next search sees them."""


def router(catalogue: Catalogue, lanes: Lanes, max_upload: int, recorder: NoRecorder) -> APIRouter:
    """The routes under ``/api/v1`` but for the search."""
    made = APIRouter(prefix="/api/v1")

    async def looked_at(request: Request, id: str, work: Callable[[], Response]) -> Response:
        answer = await lanes.short(work)
        recorder.view(id, recorder.site(host(request)))  # not reached where the record is not there, or hidden
        return answer

    @made.get("/sources")
    async def sources(request: Request) -> Response:
        found = await lanes.short(lambda: _sources(catalogue))
        return Response(orjson.dumps({"items": found}, default=str), media_type=JSON_TYPE)

    @made.get("/records/{id}")
    async def record(request: Request, id: str) -> Response:
        if DATACITE_TYPE in request.headers.get("accept", ""):
            return await looked_at(request, id, lambda: _datacite(seen(catalogue, id), request))
        return await looked_at(request, id, lambda: _record(catalogue, id, request))

    @made.get("/records/{id}/parts")
    async def parts(request: Request, id: str) -> Response:
        return await lanes.short(lambda: _parts(catalogue, id, request))

    @made.get("/records/{id}/raw")
    async def raw(request: Request, id: str) -> Response:
        return await looked_at(request, id, lambda: _raw(catalogue, id, request))

    @made.get("/records/{id}/datacite")
    async def datacite(request: Request, id: str) -> Response:
        return await looked_at(request, id, lambda: _datacite(seen(catalogue, id), request))

    @made.post("/records")
    async def import_records(request: Request) -> Response:
        await lanes.short(lambda: authorise(catalogue, request))
        source = only(pairs(request), "source")
        if not source:
            raise QueryError("missing-parameter", "source is missing: say whose records they are", parameter="source")
        if not SOURCE.fullmatch(source):
            what = "up to 64 letters, digits, dots, hyphens and underscores"
            raise QueryError("bad-value", f"source={source[:80]} is no source's name: {what}", parameter="source")
        with tempfile.SpooledTemporaryFile(_IN_MEMORY) as upload:
            if not await receive(request, upload, max_upload, "send it in parts, or use: asterism import"):
                raise RecordError("empty", "the request has no body; send one record a line, as JSON")
            made = await lanes.write(partial(catalogue.import_lines, upload, source))
        return Response(orjson.dumps(made, default=str), media_type=JSON_TYPE)

    return made


def _sources(catalogue: Catalogue) -> list[dict[str, Any]]:
    """The sources; ``records`` counts what a search finds, so that hidden records do not show in the difference."""
    listed = catalogue.sources()
    visible_records = catalogue.search(Query(limit=0, collapse=False, facets=(Facet("source", max(1, len(listed))),)))
    counts = {bucket.value: bucket.count for bucket in visible_records.facets["source"].buckets}
    return [{**source, "records": counts.get(source["name"], 0)} for source in listed]


def seen(catalogue: Catalogue, id: str) -> Record:
    """The record, if a caller of no group may see it.

    Raises
    ------
    RecordError
        ``record.not-found`` when there is none or it is hidden (one does not tell which), ``record.deleted``.
    """
    if _ID.fullmatch(id):
        record = catalogue.record(id)
        if record is not None and visible(record, frozenset()):
            return record
        if record is None and (grave := catalogue.tombstone(id)) is not None:
            raise RecordError("deleted", f"the record {id} was deleted by its source", id=id, deleted_at=grave.at)
    raise RecordError("not-found", f"no record {id[:80]!r}; search for it at /api/v1/search?q=", id=id[:80])


def _page(body: bytes, media_type: str, request: Request, extra: dict[str, str] | None = None) -> Response:
    return conditional(body, media_type, request, {"Vary": "Accept", **(extra or {})})


def _record(catalogue: Catalogue, id: str, request: Request) -> Response:
    """The record; of one that is merged with others, the header ``Link`` names the whole (RFC 6596)."""
    body = orjson.dumps(seen(catalogue, id))
    whole = catalogue.merged_into(id)
    return _page(body, JSON_TYPE, request, {"Link": f'</api/v1/records/{whole}>; rel="canonical"'} if whole else None)


def _parts(catalogue: Catalogue, id: str, request: Request) -> Response:
    record = seen(catalogue, id)
    shown = [part for part in catalogue.parts(id) if visible(part, frozenset())] or [record]
    return _page(orjson.dumps({"items": shown}), JSON_TYPE, request)


def _datacite(record: Record, request: Request) -> Response:
    from mappings.to_datacite import datacite_json

    return _page(orjson.dumps(datacite_json(record)), DATACITE_TYPE, request)


def _raw(catalogue: Catalogue, id: str, request: Request) -> Response:
    seen(catalogue, id)
    found = catalogue.raw(id)
    if found is None:
        raise RecordError("no-raw", f"the record {id} came in without a document of its source", id=id)
    format, body = found
    return _page(body, media_type_of(body), request, {**_INERT, "X-Asterism-Format": format})


def media_type_of(body: bytes) -> str:
    """The media type of a source's document, by its first character: sources send XML or JSON."""
    first = body[:200].removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    if first == b"<" or body[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "application/xml"  # its own declaration says the encoding, which need not be UTF-8
    return JSON_TYPE if first in (b"{", b"[") else "application/octet-stream"


def authorise(catalogue: Catalogue, request: Request) -> None:
    """Raise ``AccessError`` unless the request carries a token that is known (RFC 6750, section 2.1)."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        how = "make one with: asterism token create; send it as Authorization: Bearer TOKEN"
        raise AccessError("no-token", f"this needs a token; {how}")
    if catalogue.check_token(token.strip()) is None:
        raise AccessError("bad-token", "the token is unknown, revoked or expired; make one with: asterism token create")
