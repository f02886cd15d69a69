"""Comparisons of fields, spans of time and wavelength, and who may see what."""

from __future__ import annotations

from dataclasses import replace

import pytest

from schemas.filters import Filter
from schemas.query import Query

from .agree import EVERYTHING, agree, ask
from .cases import FILTERS, LIKES, SPANS

GROUPS = [frozenset(), frozenset({"a"}), frozenset({"b", "nobody"})]


@pytest.mark.parametrize("groups", GROUPS, ids=["anonymous", "member", "other"])
@pytest.mark.parametrize("text", FILTERS)
def test_filters(filled, text, groups):
    engine, naive = filled
    agree(engine, naive, ask(text, groups=groups))


@pytest.mark.parametrize("collapse", [True, False])
@pytest.mark.parametrize("text", FILTERS[::4])
def test_filters_in_both_views(filled, text, collapse):
    engine, naive = filled
    agree(engine, naive, ask(text, collapse=collapse))


@pytest.mark.parametrize(("field", "patterns"), LIKES)
def test_patterns_of_words(filled, field, patterns):
    engine, naive = filled
    agree(engine, naive, Query(filters=(Filter(field, "like", patterns),), limit=EVERYTHING))


@pytest.mark.parametrize("text", SPANS)
def test_spans(filled, text):
    engine, naive = filled
    agree(engine, naive, ask(text))


@pytest.mark.parametrize("text", ["time=50010/50020&spectral=1e-9/1e-7&kind=dataset", "energy=1e-9/..&time=../50030"])
def test_spans_with_filters(filled, text):
    engine, naive = filled
    agree(engine, naive, ask(text))


def test_no_group_opens_more_than_its_own(filled):
    """Hidden records are in no total, facet, histogram or map; a member's answer has more."""
    engine, naive = filled
    text = "facets=rights.groups,rights.level,kind:50&histogram=bytes:5&density=2"
    answers = [agree(engine, naive, ask(text, groups=groups)) for groups in GROUPS]
    assert answers[0].total < min(answers[1].total, answers[2].total)
    named = {bucket.value for bucket in answers[0].facets["rights.groups"].buckets}
    assert named == set(), "a discoverable record names no group here"
    assert len({sum(answer.density.values()) for answer in answers}) == 3


def test_a_nested_field_answers_to_both_its_names(filled):
    engine, _ = filled
    long = engine.search(ask("creators.name=A&facets=creators.name"))
    short = engine.search(ask("creators=A&facets=creators"))
    assert long.ids == short.ids and long.ids
    assert list(long.facets.values()) == list(short.facets.values())


def test_a_limit_cuts_the_page_and_not_the_counts(filled):
    engine, naive = filled
    for limit in (0, 1, 5):
        agree(engine, naive, replace(ask("kind=dataset&facets=creators&histogram=bytes&density=1"), limit=limit))
