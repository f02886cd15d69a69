"""Answers that a client may have already (RFC 9110, sections 8.8 and 13)."""

from __future__ import annotations

import hashlib

from starlette.requests import Request
from starlette.responses import Response


def conditional(body: bytes, media_type: str, request: Request, extra: dict[str, str] | None = None) -> Response:
    """A body with its ETag, or 304 when the client has it."""
    opaque = f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'
    headers = {"ETag": f"W/{opaque}", **(extra or {})}
    known = request.headers.get("if-none-match", "")
    if known.strip() == "*" or opaque in (part.strip().removeprefix("W/") for part in known.split(",")):
        return Response(status_code=304, headers=headers)
    return Response(body, headers=headers, media_type=media_type)
