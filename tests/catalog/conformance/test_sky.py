"""Regions of every form against positions and footprints of every form."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from schemas.query import Interval, Query, Region, Sort

from . import places
from .agree import EVERYTHING, agree, ask, settle
from .cases import COVERED, COVERED_REGIONS, REGIONS, RELATIONS
from .naive import position


def _query(name, relation="intersects", text="", **more):
    return replace(ask(text), region=Region(REGIONS[name]), relation=relation, **more)


@pytest.mark.parametrize("relation", RELATIONS)
@pytest.mark.parametrize("name", REGIONS)
def test_regions(filled, name, relation):
    engine, naive = filled
    agree(engine, naive, _query(name, relation))


@pytest.mark.parametrize("relation", RELATIONS)
@pytest.mark.parametrize("name", list(REGIONS)[2::5])
def test_regions_with_filters(filled, name, relation):
    engine, naive = filled
    agree(engine, naive, _query(name, relation, "kind=dataset&bytes.gte=10&facets=kind,creators", unlocated=True))
    agree(engine, naive, _query(name, relation, "time=50010/50040", collapse=False, groups=frozenset("a")))


@pytest.mark.parametrize("relation", ["intersects", "position"])
def test_unlocated_are_counted(filled, relation):
    engine, naive = filled
    answer = agree(engine, naive, _query("cone 0.0,0.0,2", relation, "kind=dataset"))
    assert answer.unlocated > 0
    both = agree(engine, naive, _query("cone 0.0,0.0,2", relation, "kind=dataset", unlocated=True))
    assert both.total == answer.total + answer.unlocated


@pytest.mark.parametrize("name", COVERED_REGIONS)
@pytest.mark.parametrize("text", COVERED)
def test_fractions(filled, name, text):
    engine, naive = filled
    bounds = [part.partition("=") for part in text.split("&") if part.startswith("covered")]
    covered = {side.removeprefix("covered."): float(value) for side, _, value in bounds}
    more = {"covered": Interval(covered.get("gte", -np.inf), covered.get("lte", np.inf))} if covered else {}
    if text.startswith("sort"):
        more["sort"] = (Sort("covered", descending="-" in text),)
    query = _query(name, **more)
    answer = agree(engine, naive, query)
    assert answer.covered.keys() == set(answer.ids)
    agree(engine, naive, replace(query, limit=3))


@pytest.mark.parametrize("descending", [False, True])
def test_what_has_no_place_comes_last_by_its_fraction(filled, descending):
    engine, naive = filled
    query = _query("cone 83.63,22.01,2", unlocated=True, sort=(Sort("covered", descending=descending),))
    assert agree(engine, naive, query).unlocated > 0


def test_what_has_no_place_covers_nothing(filled):
    engine, naive = filled
    for bounds, more in ((Interval(0.0, 0.5), True), (Interval(0.01, 1.0), False)):
        query = _query("cone 83.63,22.01,2", unlocated=True, covered=bounds)
        located = agree(engine, naive, replace(query, unlocated=False)).total
        assert (agree(engine, naive, query).total > located > 0) == more


def test_whole_and_no_cover_are_exactly_one_and_nothing(filled):
    engine, naive = filled
    query = _query("cone 83.63,22.01,2", sort=(Sort("covered", descending=True),))
    shares = engine.search(query).covered
    region = places.place(REGIONS["cone 83.63,22.01,2"])
    for one in shares:
        record = naive.now[one].record
        if "footprint" in record and places.relation(places.place(record["footprint"]), region, "contains"):
            assert shares[one] == 1.0
        if "footprint" not in record:
            assert shares[one] == 0.0
    assert {0.0, 1.0} < set(shares.values())


def test_few_cases_are_too_near_to_an_edge_to_tell(filled):
    """What is left to the engine must be little, else the suite would be its own judge."""
    engine, naive = filled
    left = total = 0
    for name in REGIONS:
        for relation in RELATIONS:
            query = _query(name, relation)
            left += settle(engine, naive, query)
            total += len(naive.ids)
    naive.decide = naive.share = None
    assert left < 0.01 * total


@pytest.mark.parametrize("order", [0, 3, 9])
@pytest.mark.parametrize(
    "text",
    [
        "",
        "cone=83.63,22.01,6&relation=within",
        "cone=0,0,30&relation=within&kind=dataset&collapse=false",
        "cone=10,90,20&relation=within&footprint.exists=true",
        "footprint.exists=false",
        "extra.nothing=1",
    ],
)
def test_the_union_of_a_result(filled, text, order):
    """Nothing that matches sticks out of it, and no cell of it is a cell away from all that matches."""
    engine, naive = filled
    query = ask(text)
    settle(engine, naive, query)
    matching = naive.matching(query)
    ranges = np.asarray(engine.coverage(query, order)).reshape(-1, 2)
    naive.decide = None
    assert (ranges[:, 0] < ranges[:, 1]).all()
    assert (ranges[1:, 0] >= ranges[:-1, 1]).all()
    cell = 1 << 2 * (29 - order)
    assert (ranges % cell == 0).all()
    shapes = []
    for one in matching:
        record = naive.now[one].record
        if "footprint" in record:
            shapes.append(places.place(record["footprint"]))
        elif "position" in record:
            here = position(record)
            assert places.in_ranges(ranges, places.pixels(here)).all()
            shapes.append(places.Circle(record["position"]["ra"], record["position"]["dec"], 0))
    if not shapes:
        assert len(ranges) == 0
        return
    for shape in shapes:
        if isinstance(shape, places.Moc):
            assert places.size(places.meet(shape.ranges, ranges)) == places.size(shape.ranges)
        else:
            inside = shape.core if shape.is_point else shape.core[shape.sure(shape.core) == 1]
            assert places.in_ranges(ranges, places.pixels(inside)).all() if len(inside) else True
    shapes.sort(key=lambda shape: -shape.cap[1])
    for low, high in ranges.tolist():
        for pixel in range(low // cell, high // cell)[:200]:
            square = places.place({"moc": f"{order}/{pixel}"})
            ra, dec = (float(part[0]) for part in places.degrees(square.core))
            reach = 2 * float(
                np.degrees(places.angle(square.rim, square.core).max())
            )  # at an edge, one too many is allowed
            around = places.Circle(ra, dec, reach)
            assert any(places.relation(shape, around, "intersects") is not False for shape in shapes), pixel


def test_an_answer_of_nothing_is_whole(filled):
    engine, naive = filled
    answer = agree(engine, naive, Query(region=Region({"moc": "0/"}), limit=EVERYTHING, density=2))
    assert (answer.total, answer.ids, answer.density) == (0, [], {})
