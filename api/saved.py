"""Saved queries: ``/api/v1/saved``, each with its search and an Atom feed of its newest records."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import orjson
from fastapi import APIRouter, Request
from starlette.responses import Response

from api.bodies import query_body, query_pairs
from api.catalogue import Catalogue
from api.conditional import conditional
from api.parameters import Pairs, host, pairs
from api.records import JSON_TYPE, authorise
from api.search import Note, query_endpoint, respond
from api.threads import Lanes
from catalog import saved as store
from catalog.saved import SavedQuery
from mappings.atom import MEDIA_TYPE, Feed, atom
from placement.recorder import NoRecorder
from schemas.query import Sort

PATH = "/api/v1/saved"
ENTRIES = 50
NAME = f"^{store.NAME.pattern}$"
SAVE = """The parameters are those of a search, in the URL, or in the body as JSON or as a form, or in both. Saving a
query under a name that is there replaces it."""


def router(catalogue: Catalogue, lanes: Lanes, public_url: str | None, recorder: NoRecorder) -> APIRouter:
    """The routes under ``/api/v1/saved``."""
    made = APIRouter(prefix=PATH)

    @made.get("")
    async def listed(request: Request) -> Response:
        found = await lanes.short(catalogue.saved_queries)
        return _json({"items": [_shown(one) for one in found]})

    @made.api_route("/{name}", methods=["GET", "PUT", "DELETE"])  # one route, so that Allow names all three
    async def one(request: Request, name: str) -> Response:
        if request.method == "GET":
            return _json(_shown(await lanes.short(lambda: catalogue.saved_query(name))))
        await lanes.short(lambda: authorise(catalogue, request))
        if request.method == "DELETE":
            await lanes.write(lambda: catalogue.remove_query(name))
            return Response(status_code=204)
        asked = pairs(request)
        media_type, body = await query_body(request)
        if body:
            asked += query_pairs(media_type, body)
        new = await lanes.write(lambda: catalogue.save_query(name, asked))
        return _json(_shown(await lanes.short(lambda: catalogue.saved_query(name))), 201 if new else 200)

    @made.get("/{name}/search")
    async def search(request: Request, name: str) -> Response:
        note = partial(recorder.search, site=recorder.site(host(request)))
        return await query_endpoint(lanes, partial(_search, catalogue, note, name))(request)

    @made.get("/{name}/atom")
    async def feed(request: Request, name: str) -> Response:
        base = (public_url or str(request.base_url)).rstrip("/")
        return await lanes.short(lambda: _atom(catalogue, name, base, request))

    return made


def _json(value: Any, status: int = 200) -> Response:
    return Response(orjson.dumps(value), status, media_type=JSON_TYPE)


def _shown(saved: SavedQuery) -> dict[str, Any]:
    return {
        "name": saved.name,
        "query": saved.query,
        "created_at": saved.created_at,
        "updated_at": saved.updated_at,
        "search": f"{PATH}/{saved.name}/search",
        "atom": f"{PATH}/{saved.name}/atom",
    }


def _search(catalogue: Catalogue, note: Note, name: str, asked: Pairs, linked: bool) -> Response:
    """The answer of a saved query, narrowed or shown otherwise by the parameters ``asked``."""
    query = catalogue.saved_query(name).parsed(asked, catalogue.resolve)
    return respond(catalogue, note, query, asked, f"{PATH}/{name}/search" if linked else None)


def _atom(catalogue: Catalogue, name: str, base: str, request: Request) -> Response:
    saved = catalogue.saved_query(name)
    query = saved.parsed((), catalogue.resolve)
    newest = replace(query, sort=(Sort("changed", True),), limit=ENTRIES, facets=(), histograms=(), density=None)
    found = catalogue.records(catalogue.search(newest).ids)
    moved = catalogue.datestamps([record["id"] for record in found])
    entries = [
        (record, moved.get(record["id"], saved.updated_at), f"{base}/api/v1/records/{record['id']}") for record in found
    ]
    updated = max([saved.updated_at, *(when for _, when, _ in entries)])
    feed = Feed(f"Asterism: {name}", f"{base}{PATH}/{name}/atom", f"{base}{PATH}/{name}/search", updated)
    # no Last-Modified: a record may come into the result without having changed itself
    return conditional(atom(feed, entries), MEDIA_TYPE, request)
