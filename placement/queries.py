"""Queries as the demand takes them: whether they say anything, which are the same, what they ask for."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace

from placement import terms, terms_sky
from schemas.query import Query

_log = logging.getLogger(__name__)


def asks(query: Query) -> bool:
    """Whether it says anything of what is searched for."""
    return bool(query.text or query.filters or query.region is not None or query.spans)


def same(query: Query) -> str:
    """What makes two queries the same one."""
    return repr((query.text, query.filters, query.region, query.spans))


def terms_of(queries: Sequence[Query]) -> list[list[terms.Asked]]:
    """What each asks for. The cells of all at once: the library under them takes a millisecond a call."""
    try:
        cells = terms_sky.of_footprints([query.region.footprint or None if query.region else None for query in queries])
        rest = [terms.of_query(replace(query, region=None)) for query in queries]
    except Exception:  # one query that terms cannot be made of costs no other its place
        _log.exception("no terms could be made of a query")
        return [one for query in queries for one in terms_of([query])] if len(queries) > 1 else [[]]
    sky = [[terms.Asked(terms.SKY, terms.sky_key(cell), 1 / len(some)) for cell in some] for some in cells]
    return [[*own, *more] for own, more in zip(sky, rest, strict=True)]
