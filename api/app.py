"""The HTTP application: the routes, put together around one catalogue."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.gzip import GZipMiddleware

from api import (
    cone,
    coverage,
    hints,
    hints_apply,
    objects,
    openapi,
    operations,
    pages,
    problems,
    records,
    saved,
    search,
    traces,
    vosi,
)
from api.catalogue import Catalogue
from api.edge import Edge
from api.metrics import Metrics
from api.threads import Lanes
from placement.recorder import NoRecorder

MAX_UPLOAD = 256 * 1024**2  # bytes of one import: 200,000 records; more goes by the command line
# A page of a few records is not worth compressing; a thousand records shrink to a tenth at the fastest level.
_GZIP_FROM = 32_768
_GZIP_LEVEL = 1
_PREFLIGHT_SECONDS = 86_400


def create_app(
    catalogue: Catalogue,
    *,
    version: str = "0",
    public_url: str | None = None,
    metrics_folder: Path | None = None,
    max_upload: int = MAX_UPLOAD,
    recorder: NoRecorder | None = None,
) -> FastAPI:
    """Make the application.

    Parameters
    ----------
    version
        Of Asterism, for the description of the API.
    public_url
        The address that clients see, without a path's end slash, where a proxy does not pass it on; else it is
        taken from each request.
    metrics_folder
        Where the worker processes keep their counts (see ``api/metrics.py``); None: each for itself, in memory.
    max_upload
        Bytes that one import may have.
    recorder
        Takes note of what is asked for; closed at the end. None: nobody does.
    """
    recorder = recorder or NoRecorder()
    metrics = Metrics(openapi.PATHS, metrics_folder)
    lanes = Lanes()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        yield
        await lanes.write(recorder.close)
        metrics.close()

    app = FastAPI(
        lifespan=lifespan,
        title="Asterism",
        version=version,
        docs_url=None,  # FastAPI's own pages load their scripts from elsewhere; api/pages.py needs nobody
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
        middleware=[
            Middleware(Edge, metrics=metrics),
            # anyone's page may read what anyone may read; a token is never sent by a browser on its own
            Middleware(
                CORSMiddleware,
                allow_origins=["*"],
                allow_methods=["GET", "HEAD", "POST"],  # a query may be posted; what writes needs a token
                allow_headers=["Content-Type"],
                expose_headers=["ETag", "Link", "X-Total-Count"],
                max_age=_PREFLIGHT_SECONDS,
            ),
        ],
    )
    problems.install(app)
    compressed = [search.route(catalogue, lanes, recorder), coverage.route(catalogue, lanes)]
    for one in compressed:
        one.app = GZipMiddleware(one.app, minimum_size=_GZIP_FROM, compresslevel=_GZIP_LEVEL)
    app.router.routes += [
        cone.route(catalogue, lanes, recorder),
        *compressed,
        *vosi.routes(catalogue, lanes, public_url),
    ]
    app.include_router(records.router(catalogue, lanes, max_upload, recorder))
    app.include_router(saved.router(catalogue, lanes, public_url, recorder))
    app.include_router(objects.router(catalogue, lanes, recorder))
    app.include_router(traces.router(catalogue, lanes, recorder))
    app.include_router(hints.router(catalogue, lanes))
    app.include_router(hints_apply.router(catalogue, lanes))
    app.include_router(operations.router(catalogue, lanes, metrics))
    described = openapi.description(version)
    app.openapi = lambda: described  # type: ignore[method-assign]  # FastAPI's documented way (Extending OpenAPI)
    app.include_router(pages.router(described))
    return app
