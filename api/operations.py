"""What those who run the service ask: is it alive, is it ready, how is it doing."""

from __future__ import annotations

import orjson
from fastapi import APIRouter, Request
from starlette.responses import Response

from api import metrics as prometheus
from api.catalogue import Catalogue
from api.metrics import Metrics
from api.problems import problem
from api.threads import Lanes


def router(catalogue: Catalogue, lanes: Lanes, metrics: Metrics) -> APIRouter:
    """``/healthz``, ``/readyz`` and ``/metrics``."""
    made = APIRouter()

    @made.get("/healthz")
    async def healthz(request: Request) -> Response:
        return Response(b'{"status":"ok"}', media_type="application/json")

    @made.get("/readyz")
    async def readyz(request: Request) -> Response:
        problems = await lanes.short(catalogue.ready)
        if problems:
            return problem(503, "api.not-ready", "; ".join(problems), headers={"Retry-After": "5"}, problems=problems)
        return Response(orjson.dumps({"status": "ready"}), media_type="application/json")

    @made.get("/metrics")
    async def show_metrics(request: Request) -> Response:
        lag = await lanes.short(catalogue.lag)
        gauges = {"asterism_index_lag_changes": ("Committed changes that the index has not applied.", float(lag))}
        return Response(metrics.text(gauges), headers={"Content-Type": prometheus.MEDIA_TYPE})

    return made
