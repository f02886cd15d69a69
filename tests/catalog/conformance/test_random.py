"""Questions put together at random from all that can be asked, against the slow engine."""

from __future__ import annotations

import functools
import os
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, note, settings
from hypothesis import strategies as st

from schemas.filters import Filter
from schemas.query import Facet, Histogram, Interval, Query, Region, Sort, Span
from schemas.text import And, Not, Or, Where

from . import cases
from .agree import agree, pages, scored
from .naive import Naive
from .records import SKY, make_history

MORE = int(os.environ.get("ASTERISM_TEST_EXAMPLES", "1"))  # times as many examples as usual

_WORDS = {
    "kind": ["dataset", "observation", "collection", "none"],
    "source": ["test", "lake", "zenodo"],
    "facilities": ["H.E.S.S.", "MAGIC", "LOFAR"],
    "wavebands": ["Gamma-ray", "Radio"],
    "creators": ["A", "B", "Müller, Jörg", "van der Hulst", "M"],
    "instruments": ["cam*1", "CAM", "cam 2"],
    "subjects.path": ["EARTH SCIENCE", "EARTH SCIENCE/SUN-EARTH"],
    "rights.level": ["open", "restricted"],
    "version": ["1", "v1.2"],
    "extra.x.n": ["1", "2.5", "red", "blue", "true", "2014-03-01", "-4e30"],
    "extra.x.when": ["2014-03", "2014-03-01", "soon", "2015"],
}
_NUMBERS = {
    "bytes": ["0", "10", "999.5", "1e12"],
    "calib_level": ["0", "2", "4"],
    "issued": ["2014", "2014-05", "2015-01-02", "2013-12-31"],
    "position.dec": ["0", "45", "-80"],
    "time": ["50010", "50020.25", "2000"],
}
_PATTERNS = ["*", "M*", "?", "*a*", "b*", "cam*", "EARTH*N*", "1*"]
_COMPARED = [*_WORDS, *_NUMBERS]


def _filters() -> st.SearchStrategy[Filter]:
    def one(field: str) -> st.SearchStrategy[Filter]:
        values = st.sampled_from(_WORDS.get(field) or _NUMBERS[field])
        made = [
            st.builds(Filter, st.just(field), st.sampled_from(["gt", "gte", "lt", "lte"]), st.tuples(values)),
            st.builds(Filter, st.just(field), st.just("exists"), st.sampled_from([("true",), ("false",)])),
            st.builds(
                Filter,
                st.just(field),
                st.sampled_from(["eq", "not"]),
                st.lists(values, min_size=1, max_size=2, unique=True).map(tuple),
            ),
        ]
        if field in _WORDS:
            made.append(st.builds(Filter, st.just(field), st.just("like"), st.tuples(st.sampled_from(_PATTERNS))))
        return st.one_of(made)

    return st.sampled_from(_COMPARED).flatmap(one)


_leaves = st.one_of(st.sampled_from(list(cases.TEXTS.values())), _filters().map(Where))
_trees = st.recursive(
    _leaves,
    lambda inner: st.one_of(
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: And(tuple(parts))),
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: Or(tuple(parts))),
        inner.map(Not),
    ),
    max_leaves=5,
)
_near = st.tuples(st.sampled_from(SKY), st.floats(-3, 3), st.floats(-3, 3)).map(
    lambda at: ((at[0][0] + at[1]) % 360, max(-90.0, min(90.0, at[0][1] + at[2])))
)
_circles = st.tuples(_near, st.sampled_from([0.0, 1e-4, 0.5, 3.0, 30.0, 90.0, 150.0, 179.9, 180.0])).map(
    lambda made: {"circle": [*made[0], made[1]]}
)
_mocs = st.lists(
    st.integers(0, 29).flatmap(lambda order: st.tuples(st.just(order), st.integers(0, 12 * 4**order - 1))),
    min_size=1,
    max_size=5,
).map(lambda cells: {"moc": " ".join(f"{order}/{cell}" for order, cell in cells)})
_triangles = st.tuples(_near, st.floats(0.2, 10), st.floats(0.2, 10), st.booleans()).map(
    lambda made: {"polygon": _triangle(*made)}
)
_boxes = st.tuples(_near, st.floats(0.1, 60), st.floats(0.1, 60)).map(
    lambda made: {"stc_s": f"Box ICRS {made[0][0]!r} {made[0][1]!r} {made[1]!r} {made[2]!r}"}
)
_regions = st.one_of(_circles, _circles, _mocs, _triangles, _boxes, st.sampled_from(list(cases.REGIONS.values())))


def _triangle(at: tuple[float, float], width: float, height: float, clockwise: bool) -> list[list[float]]:
    ra, dec = at
    corners = [[ra, dec], [(ra + width) % 360, dec], [ra, dec + height if dec + height < 90 else dec - height]]
    return corners[::-1] if clockwise else corners


_spans = st.builds(
    lambda field, low, width, relation: Span(field, *_ends(field, low, width), relation),
    st.sampled_from(["time", "spectral", "energy"]),
    st.floats(0, 1),
    st.sampled_from([0.0, 0.01, 0.3, float("inf")]),
    st.sampled_from(["overlaps", "within", "contains"]),
)


def _ends(field: str, low: float, width: float) -> tuple[float, float]:
    start, scale = {"time": (50000, 50), "spectral": (0, 0.3), "energy": (0, 1e-7)}[field]
    return start + low * scale, start + (low + width) * scale


_FACETS = ["kind", "source", "facilities", "creators", "bytes", "issued", "extra.x.n", "subjects.path", "rights.level"]
_facets = st.builds(
    Facet, st.sampled_from(_FACETS), st.sampled_from([1, 3, 100]), st.sampled_from(["", "", "m", "H", "EARTH SCIENCE/"])
)
_histograms = st.builds(
    Histogram,
    st.sampled_from(["bytes", "calib_level", "issued", "time", "spectral", "energy", "position.dec"]),
    st.sampled_from([1, 7, 50]),
)
_SORTS = ["id", "bytes", "issued", "time", "spectral", "calib_level", "changed", "position.ra"]


@st.composite
def queries(draw: Any) -> Query:
    """Any question; ``covered`` and ``distance`` only where the region has them."""
    region = draw(st.none() | _regions.map(Region))
    words = draw(st.none() | _trees)
    orders = [*_SORTS, *(["covered"] if region else []), *(["distance"] if region and region.cone else [])]
    sort = draw(
        st.lists(st.builds(Sort, st.sampled_from(orders), st.booleans()), max_size=2, unique_by=lambda s: s.field)
    )
    if any(one.field == "id" for one in sort[:-1]):
        sort = sort[:1]
    facets = draw(st.lists(_facets, max_size=3, unique_by=lambda facet: facet.field))
    return Query(
        text=None if words is None else "x",
        words=words,
        filters=tuple(draw(st.lists(_filters(), max_size=3))),
        region=region,
        relation=draw(st.sampled_from(cases.RELATIONS)),
        unlocated=draw(st.booleans()),
        covered=draw(st.none() | st.sampled_from([Interval(0.5, 1), Interval(0, 0.3), Interval(0.01, 0.99)]))
        if region
        else None,
        spans=tuple(draw(st.lists(_spans, max_size=2, unique_by=lambda span: span.field))),
        facets=tuple(facets),
        histograms=tuple(draw(st.lists(_histograms, max_size=2, unique_by=lambda one: one.field))),
        density=draw(st.none() | st.sampled_from([0, 2, 8])),
        sort=tuple(sort),
        limit=draw(st.sampled_from([0, 3, 50, 10_000])),
        collapse=draw(st.booleans()),
        after=draw(st.none() | st.integers(0, 250)),
        groups=frozenset(draw(st.sampled_from(["", "a", "bc"]))),
    )


@pytest.fixture(scope="module")
def smaller(maker):
    """150 records, in a few commits."""
    history = make_history(23, 150, batches=3)
    engine = maker()
    for changes, upto in history.batches:
        engine.apply(changes, upto, "feed")
    yield engine, Naive(history.now), maker.kind
    engine.close()


@functools.cache
def _settings(kind: str) -> settings:
    return settings(
        max_examples=(200 if kind == "embedded" else 60) * MORE,
        deadline=None,
        derandomize=MORE == 1,
        phases=[Phase.explicit, Phase.reuse, Phase.generate] if MORE == 1 else list(Phase),  # shrinking takes minutes
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.data_too_large],
    )


def test_anything_at_all(smaller):
    engine, naive, kind = smaller

    @_settings(kind)
    @given(queries())
    def held(query: Query) -> None:
        note(repr(query))
        agree(engine, naive, query)

    held()


def test_pages_of_anything_join_to_the_whole(smaller):
    engine, _, kind = smaller

    @settings(_settings(kind), max_examples=(40 if kind == "embedded" else 12) * MORE)
    @given(queries(), st.sampled_from([1, 4, 30]))
    def held(query: Query, limit: int) -> None:
        query = replace(query, facets=(), histograms=(), density=None)
        whole = engine.search(replace(query, limit=10_000))
        if limit == 1 and whole.total > 30:
            limit = 20
        found = pages(engine, replace(query, limit=limit))
        assert len(found) == whole.total
        assert found == whole.ids or (scored(query) and sorted(found) == sorted(whole.ids))

    held()
