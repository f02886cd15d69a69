"""Cursors as text: what an engine notes of the last entry of a page, and the order that it is good for."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from typing import Any

import orjson

from schemas.errors import QueryError
from schemas.query import Sort

# refused with QueryError: what a text that is none of ours can do on its way to numbers
MALFORMED = (ValueError, TypeError, OverflowError)


def wrong() -> QueryError:
    """``query.bad-cursor``."""
    return QueryError("bad-cursor", "this cursor belongs to no page of this search", parameter="cursor")


def encode(order: Iterable[Sort], *noted: Any) -> str:
    """A cursor that holds JSON values."""
    return base64.urlsafe_b64encode(orjson.dumps([_signature(order), *noted])).decode().rstrip("=")


def decode(order: Iterable[Sort], cursor: str) -> list[Any]:
    """What :func:`encode` was given.

    Raises
    ------
    QueryError
        ``query.bad-cursor`` when it is not one of ours, or of another order.
    """
    try:
        noted: list[Any]
        signature, *noted = orjson.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except MALFORMED:
        raise wrong() from None
    if signature != _signature(order):
        raise wrong()
    return noted


def _signature(order: Iterable[Sort]) -> str:
    return ",".join(("-" if sort.descending else "") + sort.field for sort in order)
