"""The parameters of a URL as the rest of the API wants them."""

from __future__ import annotations

from starlette.requests import Request

from schemas.errors import QueryError

Pairs = list[tuple[str, str]]


def pairs(request: Request) -> Pairs:
    """All ``(name, value)`` pairs in their order; bytes that are not UTF-8 have become U+FFFD.

    Raises
    ------
    QueryError
        ``query.bad-value`` for a NUL character, which no field, index or database holds.
    """
    return without_nul(request.query_params.multi_items())


def without_nul(found: Pairs) -> Pairs:
    """``found``, once it is sure that no NUL character is in it (see :func:`pairs`)."""
    for name, value in found:
        if "\0" in value or "\0" in name:
            shown = name.replace("\0", "\ufffd")[:80]
            raise QueryError("bad-value", f"{shown}: a NUL character; leave it out", parameter=shown)
    return found


def host(request: Request) -> str | None:
    """The client's address; what a proxy says of it, only where the server trusts that proxy."""
    return request.client.host if request.client else None


def only(found: Pairs, name: str) -> str | None:
    """The value of ``name``, or None where it is absent.

    Raises
    ------
    QueryError
        ``query.repeated-parameter`` when it is given twice and differs.
    """
    values = {value for key, value in found if key == name}
    if len(values) > 1:
        raise QueryError("repeated-parameter", f"{name} is given twice; give it once", parameter=name)
    return next(iter(values), None)
