"""Holds an engine's answer to one query against the slow engine's, in every part."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl

import pytest

from catalog.engine import Answer
from schemas.query import Query, Region, Sort, parse

from .naive import Naive

ALL_GROUPS = frozenset({"a", "b", "c"})
EVERYTHING = 10_000
_TIE = 1e-11  # radians or 0.002 mas: nearer distances are one


def ask(parameters: str, **more: Any) -> Query:
    """A query as from a URL; ``more`` replaces fields of it."""
    found = replace(parse(parse_qsl(parameters, keep_blank_values=True)), **more)
    return found if "limit=" in parameters or "limit" in more else replace(found, limit=EVERYTHING)


def agree(engine: Any, naive: Naive, query: Query) -> Answer:
    """Check every part of the engine's answer; gives it."""
    try:
        settle(engine, naive, query)
        answer: Answer = engine.search(query)
        check(answer, naive, query)
    finally:
        naive.decide = naive.share = None
    return answer


def check(answer: Answer, naive: Naive, query: Query) -> None:
    expected = naive.search(query)
    if scored(query):
        _scored(answer, naive, query)
    elif any(sort.field == "distance" for sort in query.sort):
        _by_distance(answer, naive, query)
    else:
        assert answer.ids == expected.ids
        if not query.cursor:
            assert (answer.next is None) == (expected.next is None)
    assert answer.total == expected.total
    assert answer.facets == expected.facets
    assert answer.unlocated == expected.unlocated
    assert answer.histograms == expected.histograms
    assert answer.density == expected.density
    if not scored(query):
        assert answer.covered == pytest.approx(expected.covered, abs=1e-12)


def scored(query: Query) -> bool:
    """Scores are each engine's own: what order they give is not defined, but for ties."""
    return any(sort.field == "score" for sort in query.sort) or bool(query.text and not query.sort)


def _scored(answer: Answer, naive: Naive, query: Query) -> None:
    matching = naive.matching(query)
    assert len(set(answer.ids)) == len(answer.ids)
    assert set(answer.ids) <= set(matching)
    if not query.cursor:
        assert len(answer.ids) == min(query.limit, len(matching))
        assert (answer.next is None) == (query.limit == 0 or len(matching) <= query.limit)


def _by_distance(answer: Answer, naive: Naive, query: Query) -> None:
    """Distances that differ in their last digit may change places, and nothing else."""
    matching = naive.matching(query)
    keys = [tuple(naive.key(one, query, sort) for sort in query.sort if sort.field != "id") for one in answer.ids]
    for n in range(1, len(keys)):
        first, second = keys[n - 1], keys[n]
        assert first <= second or any(0 < abs(a - b) <= _TIE for a, b in zip(first, second, strict=True))
        if keys[n - 1] == keys[n]:
            assert answer.ids[n - 1] < answer.ids[n]
    if query.limit >= len(matching) and not query.cursor:
        assert sorted(answer.ids) == matching
    else:
        assert set(answer.ids) <= set(matching)


def settle(engine: Any, naive: Naive, query: Query) -> int:
    """Let the engine decide what is too near to an edge, once; gives how many that are.

    The rest of the answer must fit these decisions. Fractions, too, are the engine's own once they are near enough to
    those that were measured here.
    """
    if query.region is None:
        return 0
    plain = Query(region=query.region, relation=query.relation, limit=EVERYTHING, groups=ALL_GROUPS)
    unsure = [
        one
        for one in naive.ids
        if naive.located(naive.now[one].record, query) and naive.stands(one, query.region, query.relation) is None
    ]
    if unsure:
        said = {one for view in (True, False) for one in engine.search(replace(plain, collapse=view)).ids}
        naive.decide = said.__contains__
    if query.covered is not None or any(sort.field == "covered" for sort in query.sort):
        asked = replace(plain, relation="intersects", sort=(Sort("covered", descending=True),))
        shares: dict[str, float] = {}
        for view in (True, False):
            shares |= engine.search(replace(asked, collapse=view)).covered
        for one, share in shares.items():
            measured, off = naive.fraction(one, query.region)
            assert 0 <= share <= 1, (one, share)
            assert abs(share - measured) <= off, (one, share, measured, naive.now[one].record.get("footprint"))
        naive.share = lambda one: shares.get(one, 0.0)
    return len(unsure)


def pages(engine: Any, query: Query, most: int = 1000) -> list[str]:
    """All ids, page after page; every page says the same total."""
    found: list[str] = []
    total = None
    for _ in range(most):
        answer = engine.search(query)
        assert total in (None, answer.total)
        total = answer.total
        found += answer.ids
        if answer.next is None:
            return found
        assert len(answer.ids) == query.limit, "a page in the middle is full"
        query = replace(query, cursor=answer.next)
    raise AssertionError("the cursor never ends")


def region(form: str, *said: Any) -> Region:
    return Region({form: list(said) if len(said) > 1 else said[0]})
