"""Bodies of requests: taken up to a size, and a query in one read as the pairs of a URL."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import IO, Any
from urllib.parse import parse_qsl

import orjson
from starlette.requests import Request

from api.parameters import Pairs, without_nul
from api.problems import ApiError
from schemas.errors import QueryError
from schemas.regions import ReadMoc

MAX_QUERY = 32 * 1024**2  # bytes: a MOC of one or two million ranges, which takes some seconds
JSON_TYPE = "application/json"
FORM_TYPE = "application/x-www-form-urlencoded"
# The last is what a client says that does not know FITS
MOC_TYPES = ("application/fits", "image/fits", "text/plain", "application/octet-stream")
_COMMAS = ("cone", "polygon", "box", "facets", "histogram", "sort")  # lists that stand in one parameter
_FORMS = {"circle": "cone", "polygon": "polygon", "moc": "moc", "stc_s": "footprint"}


async def receive(request: Request, body: IO[bytes], most: int, instead: str) -> int:
    """Write the request's body to ``body``, rewind it and say how long it is; ``instead``: what else to do.

    Raises
    ------
    ApiError
        ``api.too-large``, above ``most`` bytes; ``api.unsupported-encoding``.
    """
    if request.headers.get("content-encoding", "identity").lower() not in ("identity", ""):
        raise ApiError("unsupported-encoding", "send the body as it is, without Content-Encoding")
    too_large = ApiError("too-large", f"at most {most} bytes at a time; {instead}")
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and len(announced) < 19 and int(announced) > most:
        raise too_large
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > most:
            raise too_large
        body.write(part)
    body.seek(0)
    return size


async def query_body(request: Request) -> tuple[str, bytes]:
    """The media type and the body of a query that was posted."""
    body = io.BytesIO()
    await receive(request, body, MAX_QUERY, "give the MOC in fewer cells")
    return request.headers.get("content-type", JSON_TYPE).partition(";")[0].strip().lower(), body.getvalue()


def query_pairs(media_type: str, body: bytes) -> Pairs:
    """The parameters that a body holds: a JSON object, a form, or nothing but a MOC.

    Raises
    ------
    QueryError
        ``query.bad-body``, ``query.bad-value``.
    ApiError
        ``api.unsupported-type``.
    """
    if media_type in MOC_TYPES:
        return [("moc", _moc(body))]
    if media_type == JSON_TYPE:
        return without_nul(_json(body))
    if media_type == FORM_TYPE:
        return without_nul(parse_qsl(body.decode(errors="replace"), keep_blank_values=True))
    known = ", ".join((JSON_TYPE, FORM_TYPE, *MOC_TYPES))
    raise ApiError("unsupported-type", f"no query is sent as {media_type[:80]}; known are {known}")


def _moc(body: bytes) -> str:
    from mappings.moc_files import read_moc

    if body[:1].isdigit():  # in ASCII already: the query will check it
        return body.decode(errors="replace")
    try:
        return ReadMoc(read_moc(body))
    except ValueError as error:
        raise QueryError("bad-value", f"moc: {error}", parameter="moc") from None


def _json(body: bytes) -> Pairs:
    try:
        asked = orjson.loads(body or b"{}")
    except orjson.JSONDecodeError as error:
        raise QueryError("bad-body", f"the body is not JSON: {error}") from None
    if not isinstance(asked, dict):
        raise QueryError("bad-body", "the body is not a JSON object of parameters")
    return [pair for name, value in asked.items() for pair in _pairs(name, value)]


def _pairs(name: str, value: Any) -> Pairs:
    if value is None:
        return []
    if isinstance(value, dict):
        return _region(name, value)
    if not isinstance(value, list):
        return [(name, _text(name, value))]
    if name in _COMMAS:
        flat = [item for one in value for item in (one if isinstance(one, list) else [one])]
        return [(name, ",".join([_text(name, item) for item in flat]))]
    return [(name, _text(name, item)) for item in value]


def _region(name: str, value: Mapping[str, Any]) -> Pairs:
    """``footprint`` as in a record, or ``moc`` as in a JSON file of a MOC."""
    if name == "moc":
        return [("moc", _moc(orjson.dumps(value)))]
    if name == "footprint" and len(value) == 1:
        form, region = next(iter(value.items()))
        if form in _FORMS:
            return _pairs(_FORMS[form], region)
    said = "one of circle, polygon, moc and stc_s" if name == "footprint" else "a text, a number, true, false or a list"
    raise QueryError("bad-value", f"{name} is not {said}", parameter=name)


def _text(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value
    if isinstance(value, int | float):
        return repr(value)
    raise QueryError("bad-value", f"{name} holds something else than texts and numbers", parameter=name)
