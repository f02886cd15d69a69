"""Errors as they leave over HTTP: ``application/problem+json`` (RFC 9457) with a stable ``code``.

The one place where codes become HTTP statuses. Simple Cone Search has its own form (``api/cone.py``).
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import orjson
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from schemas.errors import AsterismError

MEDIA_TYPE = "application/problem+json"

# by exact code, or else by area
_STATUS = {
    "api.too-large": 413,
    "api.unsupported-encoding": 415,
    "api.unsupported-type": 415,
    "api.not-ready": 503,
    "api.unknown-object": 404,
    "query.no-saved-query": 404,
    "record.not-found": 404,
    "record.no-raw": 404,
    "record.deleted": 410,
    "placement.no-lake": 404,
    "placement.no-state": 404,
    "placement.unknown-hint": 404,
    "query": 400,
    "policy": 400,
    "record": 400,
    "mapping": 400,
    "access": 401,
    "source": 502,
    "store": 503,
    "index": 503,
}
_CODES = {404: "api.no-such-page", 405: "api.method-not-allowed"}
_RETRY_SECONDS = "5"  # a lock of the store or the index lasts well under that


class ApiError(AsterismError):
    """A request that the API itself refuses, whatever the catalogue holds."""

    area = "api"


def status_of(code: str) -> int:
    """The HTTP status of an error code; 500 for what no client can help."""
    return _STATUS.get(code) or _STATUS.get(code.partition(".")[0], 500)


def problem(status: int, code: str, detail: str, *, headers: Mapping[str, str] | None = None, **more: Any) -> Response:
    """One problem document; ``more`` are its extension members (RFC 9457, section 3.2)."""
    # no page on the web explains each code, so the type is the RFC's own for "no more than the status" (4.2.1)
    members = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail}
    body = orjson.dumps({**more, **members, "code": code}, default=str)
    return Response(body, status, dict(headers or {}), MEDIA_TYPE)


def of_error(error: AsterismError) -> Response:
    """The problem document of one of our own errors, with the headers that its status asks for."""
    status = status_of(error.code)
    if status == 500:
        return internal()
    headers: dict[str, str] = {}
    if status == 401:
        # RFC 6750, section 3: no error attribute when no token was sent at all
        why = ', error="invalid_token"' if error.code == "access.bad-token" else ""
        headers["WWW-Authenticate"] = f'Bearer realm="asterism"{why}'
    elif status == 503:
        headers["Retry-After"] = _RETRY_SECONDS
    return problem(status, error.code, error.detail, headers=headers, **error.context)


def internal() -> Response:
    """The answer to a fault of ours; the log has the traceback, the client does not."""
    detail = "the server failed on this request; its log says why. Try again, or tell whoever runs it"
    return problem(500, "api.internal", detail)


def install(app: FastAPI) -> None:
    """Make every error of ``app`` a problem document."""

    async def ours(request: Request, error: Exception) -> Response:
        assert isinstance(error, AsterismError)
        return of_error(error)

    async def http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        code = _CODES.get(error.status_code, f"api.http-{error.status_code}")
        return problem(error.status_code, code, _sentence(request, error), headers=error.headers)

    async def invalid(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        first = error.errors()[0]
        name = str(first["loc"][-1])
        return problem(400, "query.bad-value", f"{name}: {first['msg']}", parameter=name)

    async def other(request: Request, error: Exception) -> Response:
        return internal()

    app.add_exception_handler(AsterismError, ours)
    app.add_exception_handler(HTTPException, http)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(Exception, other)


def _sentence(request: Request, error: HTTPException) -> str:
    if error.status_code == 404:
        return f"no page {request.url.path[:200]}; /docs lists what there is"
    if error.status_code == 405:
        allowed = (error.headers or {}).get("Allow", "GET")
        return f"{request.method[:20]} is not for {request.url.path[:200]}; use {allowed}"
    return str(error.detail)
