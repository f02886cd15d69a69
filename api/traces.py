"""``POST /api/v1/traces``: Rucio's traces, of which the reads of datasets are noted."""

from __future__ import annotations

import io

import orjson
from fastapi import APIRouter, Request
from starlette.responses import Response

from api.bodies import receive
from api.catalogue import Catalogue
from api.records import JSON_TYPE, authorise
from api.threads import Lanes
from placement.recorder import NoRecorder

PATH = "/api/v1/traces"
MOST = 16 * 1024**2  # bytes: some 20,000 traces
POST = """One trace a line, as JSON, as Rucio's clients and pilots send them: the events of one dataset and site within
six hours are one read. Whose it was is not kept. A line that is no trace is counted, and does not stop the others.
What is accepted here is in the demand some seconds later."""


def router(catalogue: Catalogue, lanes: Lanes, recorder: NoRecorder) -> APIRouter:
    """The one route."""
    made = APIRouter()

    @made.post(PATH)
    async def traces(request: Request) -> Response:
        await lanes.short(lambda: authorise(catalogue, request))
        body = io.BytesIO()
        await receive(request, body, MOST, "send them in parts, or let asterism read the file: traces in [demand]")
        done = await lanes.write(lambda: recorder.traces(body))
        said = {"taken": dict(done.taken), "ignored": dict(done.ignored), "bad": done.bad}
        return Response(orjson.dumps(said), 202, media_type=JSON_TYPE)

    return made
