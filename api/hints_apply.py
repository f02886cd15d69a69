"""``POST /api/v1/hints/apply``: what `hints apply` would do, or did, for those who have a token."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

import orjson
from fastapi import APIRouter, Request
from starlette.responses import Response

from api.bodies import receive
from api.catalogue import Catalogue
from api.records import JSON_TYPE, authorise
from api.threads import Lanes
from schemas.errors import QueryError

if TYPE_CHECKING:
    from placement.apply import Applier, Report

PATH = "/api/v1/hints/apply"
MAX_BODY = 1024**2
KEYS = {"yes": "true or false", "ids": "a list of hints' ids", "max": "a whole number from 0"}


def router(catalogue: Catalogue, lanes: Lanes) -> APIRouter:
    """The route."""
    made = APIRouter()

    @made.post(PATH)
    async def apply(request: Request) -> Response:
        await lanes.short(lambda: authorise(catalogue, request))
        body = io.BytesIO()
        await receive(request, body, MAX_BODY, "name fewer hints")
        yes, ids, most = _asked(body.getvalue())
        report = await lanes.afar(lambda: _done(catalogue.applier(), yes, ids, most))
        return Response(orjson.dumps({"applied": yes, **report.document()}), media_type=JSON_TYPE)

    return made


def _done(applier: Applier, yes: bool, ids: Sequence[str], most: int | None) -> Report:
    return applier.watch(applier.run(ids, most), earlier=not ids) if yes else applier.plan(ids, most)


def _asked(body: bytes) -> tuple[bool, list[str], int | None]:
    try:
        asked = orjson.loads(body or b"{}")
    except orjson.JSONDecodeError as error:
        raise QueryError("bad-body", f"the body is not JSON: {error}") from None
    if not isinstance(asked, dict):
        raise QueryError("bad-body", f"the body is not a JSON object of {', '.join(KEYS)}")
    for key in asked:
        if key not in KEYS:
            raise QueryError("bad-value", f"unknown {key[:80]!r}; it may have {', '.join(KEYS)}", parameter=key[:80])
    yes, ids, most = asked.get("yes", False), asked.get("ids"), asked.get("max")
    good = {
        "yes": isinstance(yes, bool),
        # an empty list is taken for none of them, never for all
        "ids": ids is None or (isinstance(ids, list) and bool(ids) and all(isinstance(one, str) for one in ids)),
        "max": most is None or (isinstance(most, int) and not isinstance(most, bool) and most >= 0),
    }
    for key, fine in good.items():
        if not fine:
            raise QueryError("bad-value", f"{key}: give {KEYS[key]}", parameter=key)
    return yes, ids or [], most
