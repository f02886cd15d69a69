"""Answers that a client may have already (RFC 9110, sections 8.8 and 13)."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime

from starlette.requests import Request
from starlette.responses import Response


def conditional(
    body: bytes,
    media_type: str,
    request: Request,
    extra: dict[str, str] | None = None,
    *,
    changed: str | None = None,
) -> Response:
    """A body with its ETag, or 304 when the client has it. ``changed``, ISO 8601 UTC, is also its Last-Modified."""
    tag = f'W/"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'
    headers = {"ETag": tag, **(extra or {})}
    at = None if changed is None else datetime.fromisoformat(changed).astimezone(UTC)
    if at is not None:
        headers["Last-Modified"] = format_datetime(at, usegmt=True)
    known = request.headers.get("if-none-match")
    if known is not None:
        opaque = tag.removeprefix("W/")
        same = known.strip() == "*" or opaque in (part.strip().removeprefix("W/") for part in known.split(","))
    else:
        same = at is not None and _had_since(request.headers.get("if-modified-since"), at)
    if same:
        return Response(status_code=304, headers=headers)
    return Response(body, headers=headers, media_type=media_type)


def _had_since(said: str | None, at: datetime) -> bool:
    try:
        return said is not None and at <= parsedate_to_datetime(said)
    except (ValueError, TypeError):  # no date, or one without a zone: as if it were not there (section 13.1.3)
        return False
