"""Terms: what records are and what queries ask, in the same words."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mappings import healpix, sky
from mappings.document import document, number_value
from placement import terms, terms_sky
from placement.terms import DIMS, FACET, SKY, TIME, WORD, Asked
from schemas.query import Query, parse

PLACES = [(0.0, 0.0), (359.999, 12.0), (0.001, -30.0), (83.63, 22.01), (45.0, 90.0), (200.0, -90.0), (266.4, -29.0)]


def record(**more: Any) -> dict[str, Any]:
    made = {"id": "a" * 16, "source": "lake", "kind": "dataset", "title": "Crab"}
    return made | {"identifiers": [{"scheme": "rucio", "value": "ska:crab"}]} | more


def asked(*parameters: tuple[str, str]) -> list[Asked]:
    return terms.of_query(parse(parameters))


def common(one: dict[str, Any], *parameters: tuple[str, str]) -> set[str]:
    """The dimensions in which a record is what a query asks for."""
    mine = set(terms.of_record(one))
    return {DIMS[term.dim] for term in asked(*parameters) if (term.dim, term.key) in mine}


@pytest.mark.parametrize(
    ("fields", "parameters"),
    [
        ({"facilities": ["HESS"]}, [("facilities", "H.E.S.S.")]),
        ({"wavebands": ["gamma-ray"]}, [("wavebands", "Gammaray")]),
        ({"subjects": [{"term": "Pulsars"}]}, [("subjects", "Pulsars")]),
        ({"subjects": [{"term": "A > B"}]}, [("subjects.path", "A")]),
        ({"creators": [{"name": "Bell, J."}]}, [("creators.name", "Bell, J.")]),
        ({"calib_level": 2}, [("calib_level", "2")]),
        ({"calib_level": 2}, [("calib_level", "2.0")]),
        ({"product_type": "cube"}, [("product_type", "image"), ("product_type", "cube")]),
        ({}, [("did.path", "ska")]),
        ({"extra": {"rucio": {"project": "hi4pi"}}}, [("did.path", "ska/hi4pi")]),
        ({"extra": {"rucio": {"band": "L"}}}, [("extra.rucio.band", "L")]),
        ({"extra": {"rucio": {"run": 17}}}, [("extra.rucio.run", "17.0")]),
        ({"extra": {"rucio": {"run": "017"}}}, [("extra.rucio.run", "17")]),
        ({"extra": {"rucio": {"good": True}}}, [("extra.rucio.good", "true")]),
        ({"extra": {"rucio": {"bands": ["L", "S"]}}}, [("extra.rucio.bands", "S")]),
        ({"extra": {"rucio": {"night": "2026-01-02"}}}, [("extra.rucio.night", "2026-01-02")]),
        ({"facilities": ["MeerKAT"]}, [("q", "facilities:MeerKAT")]),
    ],
)
def test_a_filter_asks_for_the_facets_of_what_it_matches(fields: dict[str, Any], parameters: list[Any]) -> None:
    assert common(record(**fields), *parameters) == {"facet"}


@pytest.mark.parametrize(
    "parameters",
    [
        [("facilities.not", "MeerKAT")],
        [("facilities.exists", "true")],
        [("extra.rucio.run.gte", "17")],
        [("calib_level.lt", "3")],
        [("kind", "dataset")],
        [("extra.rucio.did_type", "DATASET")],
        [("q", "NOT facilities:MeerKAT")],
        [("q", "NOT crab")],
        [("q", "cra*")],
        [("q", "facilities:MEER*")],
        [("q", "*")],
        [("q", "creators:crab")],
        [("cone", "83.6,22,30")],
        [("time", "MJD 50000/60000")],
        [("time", "MJD 50000/..")],
        [("unlocated", "include"), ("cone", "0,0,180")],
        [],
    ],
)
def test_what_is_left_out_or_too_wide_says_nothing(parameters: list[Any]) -> None:
    assert asked(*parameters) == []


def test_footprints_of_records_are_looked_up_before() -> None:
    assert asked(("footprint_of", "a" * 16)) == []


def test_facets_are_what_the_index_has() -> None:
    one = record(
        facilities=["HESS", "hess", "Mine"],
        instruments=["I"],
        wavebands=["xray"],
        targets=["M31"],
        product_type="cube",
        publisher="P",
        calib_level=2,
        subjects=[{"term": "A > B"}, {"term": "C"}],
        creators=[{"name": "Bell, J.", "orcid": "0000-0001"}],
        funding=[{"funder": "F", "award": "7"}, {"funder": "F"}],
        relations=[{"type": "IsPartOf", "identifier": "ska:top", "scheme": "rucio"}],
        extra={
            "rucio": {"project": "p", "datatype": "d", "scope": "ska", "a": [1, 2.5, "x", {"b": True}], "n": None},
            "other": {"scope": "mine", "deep": {"er": "1e3", "est": "0x"}},
            "flat": "word",
        },
    )
    made = document(one)
    said = {f"{name}\0{word}" for name in terms.FIELDS for word in made.terms.get(name, ())}
    said |= {f"{name}\0#{number!r}" for name in terms.FIELDS for number in made.numbers.get(name, ())}
    for name, values in made.terms.items():
        if name.startswith("extra.") and name != "extra.rucio.scope":
            said |= {f"{name}\0{word}" for word in values if number_value(word) is None}
    for name, numbers in made.numbers.items():
        if name.startswith("extra."):
            said |= {f"{name.partition(chr(0))[0]}\0#{number!r}" for number in numbers}
    assert set(terms._facets(one, None)) == said and len(said) > 25


def test_amounts_of_a_dimension_add_up_to_one() -> None:
    made = asked(("q", "crab AND (nebula OR NOT pulsar)"), ("cone", "83.6,22,3"), ("facilities", "MAGIC"))
    made += asked(("time", "MJD 60000/60100"), ("wavebands", "Radio"), ("product_type", "cube"))
    sums = {dim: sum(one.amount for one in made if one.dim == dim) for dim in (SKY, TIME, WORD)}
    assert sums == pytest.approx({SKY: 1, TIME: 1, WORD: 1})
    assert [one.amount for one in made if one.dim == FACET] == [1, 0.5, 0.5]
    assert len([one for one in made if one.dim == WORD]) == 2


@pytest.mark.parametrize("text", ["Crab Nebula", '"crab nebulae"', "title:CRAB", "subjects:crab"])
def test_words_are_compared_as_tokens(text: str) -> None:
    assert common(record(subjects=[{"term": "Nebulae"}]), ("q", text)) == {"word"}


def test_words_are_of_title_targets_and_subjects() -> None:
    one = record(targets=["M31"], subjects=[{"term": "Galaxies"}], description="described")
    assert {word for word in ("crab", "m31", "galaxy", "described") if common(one, ("q", word))} == {
        "crab",
        "m31",
        "galaxy",
    }
    many = record(title=" ".join(f"w{n}" for n in range(500)))
    assert sum(dim == WORD for dim, _ in terms.of_record(many)) == terms.MOST_WORDS


def test_times_meet_in_spans_of_32_days() -> None:
    one = record(time=[{"min": 60000.0, "max": 60001.0}, {"min": -40.0, "max": -39.5}, {"max": -900.0}])
    assert common(one, ("time", "MJD 60010/60011")) == common(one, ("time", "MJD -35/-34")) == {"time"}
    assert common(one, ("time", "MJD 60100/60101")) == common(one, ("time", "MJD 1/2")) == set()
    whole = [{"min": 32.0, "max": 32.0 * terms.MOST_BINS + 31}]
    assert sum(dim == TIME for dim, _ in terms.of_record(record(time=whole))) == terms.MOST_BINS
    for far in ([{"min": -1e300, "max": 1e300}], [{"min": 1e300, "max": 1e300}], [{"min": 0.0, "max": 800.0}]):
        assert not any(dim == TIME for dim, _ in terms.of_record(record(time=far)))


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("radius", [0.0, 0.01, 0.7, 2.0, 3.0, 3.1, 9.0])
def test_every_place_of_a_cone_is_in_one_of_its_cells(place: tuple[float, float], radius: float) -> None:
    (found,) = terms_sky.of_footprints([{"circle": [*place, radius]}])
    ranges, _ = healpix.cone_cover(place[0] % 360, place[1], radius, 5)
    first = ranges[:, 0] >> 48
    assert set(found) <= set(healpix.expand(first, (ranges[:, 1] >> 48) - first).tolist())
    centre = int(healpix.cells(*(np.array([one]) for one in place), order=5)[0])
    assert centre in found
    if radius > 0:
        inside = _points_in(place, radius)
        missed = set((sky.cells_of_points(inside) >> 48).tolist()) - set(found)
        assert len(missed) <= len(found) / 10 + 1  # slivers


def _points_in(place: tuple[float, float], radius: float) -> Any:
    rng = np.random.default_rng(1)
    step = np.radians(radius) * np.sqrt(rng.random((400, 1))) * 0.97
    centre = healpix.unit(*place)
    away = np.cross(rng.normal(size=(400, 3)), centre)
    away /= np.linalg.norm(away, axis=1)[:, None]
    return centre * np.cos(step) + away * np.sin(step)


def box(ra: float, dec: float, size: float) -> dict[str, Any]:
    x, y, z = healpix.unit(ra, dec)
    least = np.eye(3)[np.abs([x, y, z]).argmin()]
    east = np.cross(least, [x, y, z])
    east /= np.linalg.norm(east)
    north = np.cross([x, y, z], east)
    corners = []
    for a, b in ((-1, -1), (1, -1), (1, 1), (-1, 1)):
        p = np.array([x, y, z]) + math.tan(math.radians(size)) * (a * east + b * north)
        corners.append([math.degrees(math.atan2(p[1], p[0])) % 360, math.degrees(math.asin(p[2] / np.linalg.norm(p)))])
    return {"polygon": corners}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("size", [0.05, 0.9, 1.3, 4.0])
def test_polygons_have_the_cells_of_their_cover(place: tuple[float, float], size: float) -> None:
    footprint = box(*place, size)
    (found,) = terms_sky.of_footprints([footprint])
    assert set(found) <= set(terms_sky._cells([sky.shape_of(footprint)]))
    corners = np.array([healpix.unit(*one) for one in footprint["polygon"]])
    share = np.random.default_rng(1).dirichlet(np.ones(4), 400)
    missed = set((sky.cells_of_points(share @ corners) >> 48).tolist()) - set(found)
    assert len(missed) <= len(found) / 10 + 1  # slivers
    assert int(healpix.cells(*(np.array([one]) for one in place), order=5)[0]) in found


def test_mocs_unions_and_what_is_too_large() -> None:
    found = terms_sky.of_footprints(
        [
            {"moc": "5/0-3 7/160"},
            {"moc": "0/0"},
            {"stc_s": "Union ICRS (Circle 10 10 0.1 Circle 200 -40 0.1)"},
            {"stc_s": "Circle ICRS 10 10 0.1"},
            {"circle": [10.0, 10.0, 180.0]},
            None,
            {"polygon": [[10.0, 10.0], [10.1, 10.0], [10.1, 10.0]]},
        ]
    )
    assert found[0] == [0, 1, 2, 3, 10]
    assert found[1] == found[4] == found[5] == []
    assert len(found[2]) == 2 and set(found[3]) < set(found[2])
    assert found[6] == found[3]


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 360), st.floats(-90, 90), st.sampled_from([0, 0.3, 1.9, 5]))))
def test_many_at_once_are_as_each_alone(circles: list[tuple[float, float, float]]) -> None:
    footprints = [{"circle": list(one)} for one in circles]
    assert terms_sky.of_footprints(footprints) == [terms_sky.of_footprints([one])[0] for one in footprints]


def test_a_place_is_in_the_cells_of_its_records() -> None:
    (cell,) = terms_sky.of_footprints([{"circle": [83.63, 22.01, 0.0]}])[0]
    here = terms.SKY, terms.sky_key(cell)
    assert here in terms.of_record(record(position={"ra": 83.63, "dec": 22.01}))
    wide = record(position={"ra": 83.63, "dec": 22.01}, footprint={"circle": [0.0, 0.0, 1.0]})
    assert here not in terms.of_record(wide)


def test_terms_are_one_list_of_many_records() -> None:
    some = [record(title="a b"), record(), record(title="b", facilities=["MAGIC"])]
    made = terms.of_records(some)
    assert made.start.tolist()[0] == 0 and made.start[-1] == len(made.dims) == len(made.keys)
    for n, one in enumerate(some):
        part = slice(made.start[n], made.start[n + 1])
        assert list(zip(made.dims[part].tolist(), made.keys[part].tolist(), strict=True)) == terms.of_record(one)
        assert terms.of_record(one) == sorted(set(terms.of_record(one)))
    assert len(terms.of_records([]).start) == 1 and terms.of_query(Query()) == []
