"""Facets, histograms and density maps."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import date, timedelta

import pytest

from mappings.histogram import kind_of
from schemas.query import Region

from .agree import agree, ask, settle
from .cases import DENSITIES, FACETS, HISTOGRAMS


@pytest.mark.parametrize("text", FACETS)
def test_facets_are_exact_and_ignore_their_own_filter(filled, text):
    engine, naive = filled
    agree(engine, naive, ask(text, limit=3))
    agree(engine, naive, ask(text, limit=0, collapse=False, groups=frozenset("b")))


def test_equal_counts_stand_in_value_order_numbers_first(filled):
    engine, naive = filled
    answer = agree(engine, naive, ask("facets=extra.x.n:500,bytes:500,creators:500"))
    counts = [bucket.count for bucket in answer.facets["extra.x.n"].buckets]
    assert len(counts) > len(set(counts)), "no ties: nothing was tried"
    kinds = {type(bucket.value) for bucket in answer.facets["extra.x.n"].buckets}
    assert kinds >= {int, float, str}


def test_a_facet_of_dates_counts_years(filled):
    engine, _ = filled
    found = engine.search(ask("facets=issued")).facets["issued"]
    assert {bucket.value for bucket in found.buckets} == {2013, 2014, 2015}


@pytest.mark.parametrize("text", HISTOGRAMS)
def test_histograms(filled, text):
    engine, naive = filled
    agree(engine, naive, ask(text, limit=2))


@pytest.mark.parametrize("text", HISTOGRAMS)
def test_the_edges_of_a_histogram_are_round_and_hold_everything(filled, text):
    engine, naive = filled
    query = ask(text)
    ((field, found),) = engine.search(query).histograms.items()
    values = found.edges.values
    bins = next(asked.bins for asked in query.histograms)
    settle(engine, naive, query)
    matching = naive.matching(query, without=field)
    naive.decide = None
    have = [span for one in matching for span in naive._spans(naive.now[one].record, field, _kind(field))]
    ends = [end for span in have for end in span if math.isfinite(end)]
    assert len(found.counts) == max(0, len(values) - 1) <= bins
    assert (found.counts == []) == (ends == [])
    if ends:
        assert values[0] <= min(ends) and max(ends) <= values[-1]
        assert list(values) == sorted(set(values))
        assert all(_round(found.edges.scale, kind_of(field), value) for value in values)
        assert sum(found.counts) + found.missing >= len(matching)


def _kind(field):
    return "interval" if field in ("time", "spectral", "energy") else "number"


def _round(scale, kind, value):
    if kind == "date" and scale in ("day", "month", "year"):
        day = date(1858, 11, 17) + timedelta(days=int(value))
        return (
            value == int(value) and {"day": True, "month": day.day == 1, "year": (day.month, day.day) == (1, 1)}[scale]
        )
    digits = f"{abs(value):.14e}".partition("e")[0].rstrip("0").rstrip(".")
    return len(digits) <= 7 if scale == "linear" else digits in ("1", "2", "5", "0")


@pytest.mark.parametrize("text", DENSITIES)
def test_density(filled, text):
    engine, naive = filled
    answer = agree(engine, naive, ask(text))
    assert answer.density and sum(answer.density.values()) <= answer.total


def test_everything_at_once(filled):
    """One request: filters of several facets' own fields, and all that can be counted."""
    engine, naive = filled
    text = (
        "facilities=HESS&kind=dataset&kind=observation&creators.not=B&bytes.gte=10"
        "&facets=facilities,kind,creators:4,extra.x.n,issued,bytes&histogram=bytes:10&histogram=time:6&density=2"
    )
    agree(engine, naive, ask(text, limit=4))
    query = replace(ask(text, limit=4), region=Region.circle(0, 0, 60), unlocated=True, collapse=False)
    agree(engine, naive, query)


def test_counts_fit_one_another(filled):
    """A facet of one value each and what is missing make up the total; so do the bins of one number each."""
    engine, _ = filled
    answer = engine.search(ask("facets=kind:100,bytes:100&histogram=bytes:30"))
    for facet in answer.facets.values():
        assert sum(bucket.count for bucket in facet.buckets) + facet.missing == answer.total
    bins = answer.histograms["bytes"]
    assert sum(bins.counts) + bins.missing == answer.total
