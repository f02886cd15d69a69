"""``GET /api/v1/resolve``: where an object is, by its name."""

from __future__ import annotations

import orjson
from fastapi import APIRouter, Request
from starlette.responses import Response

from api.catalogue import Catalogue
from api.parameters import host, only, pairs
from api.problems import ApiError
from api.threads import Lanes
from placement.recorder import NoRecorder
from schemas.errors import QueryError

PATH = "/api/v1/resolve"


def router(catalogue: Catalogue, lanes: Lanes, recorder: NoRecorder) -> APIRouter:
    """The one route."""
    made = APIRouter()

    @made.get(PATH)
    async def resolve(request: Request) -> Response:
        name = (only(pairs(request), "name") or "").strip()
        if not name:
            raise QueryError("missing-parameter", "name is missing: say which object", parameter="name")
        found = await lanes.short(lambda: catalogue.place(name))
        if found is None:
            raise ApiError("unknown-object", f"no object {name[:80]!r} is known here; give a position instead")
        recorder.resolve(found.ra, found.dec, recorder.site(host(request)))
        return Response(orjson.dumps(found._asdict()), media_type="application/json")

    return made
