"""``/api/v1/hints``, ``/api/v1/lake`` and each record's placement: where replicas are, where they should be, why."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import orjson
from fastapi import APIRouter, Request
from starlette.responses import Response

from api.catalogue import Catalogue
from api.parameters import only, pairs
from api.records import JSON_TYPE, seen
from api.threads import Lanes
from schemas.comparisons import choice
from schemas.errors import QueryError
from schemas.hint import ACTIONS
from schemas.parsing import whole

PATH = "/api/v1/hints"
FORMATS = ("json", "jsonl")
JSONL_TYPE = "application/jsonl"
PARAMETERS = ("for", "rse", "action", "policy", "limit", "offset", "format")
MAX_LIMIT = 10_000
_LIMIT = 100


def router(catalogue: Catalogue, lanes: Lanes) -> APIRouter:
    """The routes."""
    made = APIRouter(prefix="/api/v1")

    def add(path: str, work: Callable[[Request], Response]) -> None:
        async def endpoint(request: Request) -> Response:
            return await lanes.long(partial(work, request))

        made.add_api_route(path, endpoint, methods=["GET"], name=path)

    add("/hints", lambda request: _hints(catalogue, request))
    add("/lake", lambda _: _json(catalogue.lake()))

    @made.get("/records/{id}/placement")
    async def placement(request: Request, id: str) -> Response:
        return await lanes.long(lambda: _placement(catalogue, id))

    return made


def _json(value: Any) -> Response:
    return Response(orjson.dumps(value), media_type=JSON_TYPE)


def _hints(catalogue: Catalogue, request: Request) -> Response:
    asked = pairs(request)
    for name, _ in asked:
        if name not in PARAMETERS:
            said = f"unknown parameter {name[:80]!r}; hints have {', '.join(PARAMETERS)}"
            raise QueryError("unknown-parameter", said, parameter=name[:80])
    form = choice("format", only(asked, "format") or FORMATS[0], FORMATS)
    actions = [choice("action", value, ACTIONS) for name, value in asked if name == "action"]
    limit = whole("limit", only(asked, "limit") or str(_LIMIT), 0, MAX_LIMIT)
    offset = whole("offset", only(asked, "offset") or "0", 0, 1 << 31)
    query, rse, policy = (only(asked, name) for name in ("for", "rse", "policy"))
    total, found = catalogue.hints(query, rse, actions, policy, limit, offset)
    page = [one.document() for one in found]
    headers = {"X-Total-Count": str(total)}
    if form == "jsonl":
        return Response(b"".join(orjson.dumps(one) + b"\n" for one in page), headers=headers, media_type=JSONL_TYPE)
    return Response(orjson.dumps({"total": total, "items": page}), headers=headers, media_type=JSON_TYPE)


def _placement(catalogue: Catalogue, id: str) -> Response:
    record = seen(catalogue, id)
    return _json(catalogue.placement(record["id"]))
