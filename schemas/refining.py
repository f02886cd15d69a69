"""A search within a search: parameters that narrow those of another, or say anew how to show what they find."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from schemas.errors import QueryError
from schemas.query import Query, is_field, parse
from schemas.regions import NAMES, Resolver
from schemas.text import And

Pairs = Sequence[tuple[str, str]]
_SPANS = ("time", "spectral", "energy")


def refined(first: Pairs, further: Pairs, resolve: Resolver | None = None) -> Query:
    """What matches both, shown as ``further`` says, or else as ``first`` does.

    Fields, words and intervals of both must hold. A region stands in one of them.

    Raises
    ------
    QueryError
        ``query.*``, as of :func:`schemas.query.parse`.
    """
    base = parse(first, resolve)
    if not further:
        return base
    given = {name for name, _ in further}
    if base.region is not None and (again := sorted(given.intersection(NAMES))):
        said = f"{again[0]} is given to a query with a region; a search has one region"
        raise QueryError("several-regions", said, parameter=again[0])
    both = [name for name in _SPANS if name in given]
    anew = given | {f"{name}_relation" for name in both}
    if "facets" in given:
        anew.add("facet_prefix")
    kept = [(name, value) for name, value in first if not is_field(name) and name not in anew]
    made = parse([*kept, *further], resolve)
    words, text = made.words, made.text
    if "q" in given and base.words is not None and made.words is not None:
        words, text = And((base.words, made.words)), f"{base.text} {made.text}"
    elif text is None:
        words, text = base.words, base.text
    spans = (*(span for span in base.spans if span.field in both), *made.spans)
    return replace(made, filters=(*base.filters, *made.filters), spans=spans, words=words, text=text)
