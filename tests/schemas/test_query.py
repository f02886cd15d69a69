"""The query: what it understands, and that everything else is an error with its code."""

from __future__ import annotations

import math
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import schemas.comparisons
import schemas.parsing
import schemas.query
import schemas.regions
import schemas.units
from schemas.errors import QueryError
from schemas.fields import search_fields
from schemas.query import Cone, Facet, Filter, Histogram, Interval, Query, Region, Sort, Span, field_span, parse
from schemas.text import And, Where, Words
from schemas.times import to_tdb

REFUSED = [
    ("unknown-field", [("facilites", "HESS")], "facilities"),
    ("unknown-field", [("facets", "kinds")], "kind"),
    ("unknown-field", [("sort", "byte")], "bytes"),
    ("unknown-field", [("extra.", "1")], ""),
    ("unknown-field", [("position.exist", "true")], ""),
    ("repeated-parameter", [("q", "a"), ("q", "b")], "q"),
    ("repeated-parameter", [("bytes.gte", "1"), ("bytes.gte", "2")], "bytes"),
    ("repeated-parameter", [("kind.exists", "true"), ("kind.exists", "false")], "exists"),
    ("too-many-filters", [(f"extra.k{n}", "1") for n in range(101)], "100"),
    ("too-many-filters", [("bytes", f"{n}") for n in range(10_001)], "10000"),
    ("too-many-facets", [("facets", ",".join(["kind"] * 51))], "50"),
    ("not-a-filter", [("title", "Crab")], "q"),
    ("not-a-facet", [("facets", "title")], "title"),
    ("not-a-facet", [("facets", "time")], "time"),
    ("bad-sort", [("sort", "distance")], "cone"),
    ("bad-sort", [("sort", "score")], "q"),
    ("bad-sort", [("sort", "kind")], "kind"),
    ("bad-position", [("cone", "361,0,1")], "361"),
    ("bad-position", [("cone", "0,-91,1")], "-91"),
    ("bad-radius", [("cone", "0,0,-1")], "-1"),
    ("bad-radius", [("cone", "0,0,180.1")], "180"),
    ("bad-value", [("cone", "0,0")], "3"),
    ("bad-value", [("cone", "nan,0,1")], "finite"),
    ("bad-value", [("cone", "a,b,c")], "3"),
    ("bad-value", [("bytes.gte", "many")], "bytes"),
    ("bad-value", [("bytes", "inf")], "finite"),
    ("bad-value", [("bytes", "1_000")], "not a number"),
    ("bad-value", [("cone", "1_0,0,1")], "3"),
    ("bad-value", [("cone", "٥,0,1")], "3"),
    ("bad-value", [("spectral", "1_0")], "neither a number nor a band"),
    ("bad-value", [("spectral", "Radio/Infrared")], "stands alone"),
    ("bad-value", [("issued.lt", "yesterday")], "issued"),
    ("bad-value", [("time", "/2014")], ".."),
    ("bad-value", [("time", "2015/2014")], "ends before"),
    ("bad-value", [("time", "soon")], "time"),
    ("bad-value", [("spectral", "1e-6/red")], "spectral"),
    ("bad-value", [("relation", "near")], "intersects"),
    ("bad-value", [("unlocated", "yes")], "include"),
    ("bad-value", [("kind.exists", "maybe")], "true"),
    ("bad-value", [("kind", "a\0b")], "NUL"),
    ("bad-value", [("limit", "-1")], "limit"),
    ("bad-value", [("limit", "10001")], "10000"),
    ("bad-value", [("limit", "٢٥")], "limit"),
    ("bad-value", [("facets", "kind:0")], "size"),
    ("bad-value", [("facets", "kind:many")], "size"),
    ("bad-value", [("spectral", "1 parsec")], "GHz"),
    ("bad-value", [("spectral", "xrays")], "X-ray"),
    ("bad-value", [("spectral", "2/1 GHz")], "ends before"),
    ("bad-value", [("spectral", "1 GHz/21 cm")], "two kinds"),
    ("bad-value", [("spectral", "-1/1")], "0 or more"),
    ("bad-value", [("energy", "1 GHz")], "TeV"),
    ("bad-value", [("energy", "much")], "not a number"),
    ("bad-value", [("time", "2014-05-02T10:00Z TAI")], "zone"),
    ("bad-value", [("time", "JD many")], "date"),
    ("bad-value", [("time", "2014"), ("time_relation", "near")], "overlaps"),
    ("bad-value", [("polygon", "1,2,3,4")], "pairs"),
    ("bad-value", [("polygon", "1,2,3,4,5,6,7")], "pairs"),
    ("bad-value", [("box", "1,2,3")], "4 numbers"),
    ("bad-value", [("box", "1,2,180,3")], "180"),
    ("bad-value", [("moc", "30/1")], "order 30"),
    ("bad-value", [("moc", "")], "empty"),
    ("bad-value", [("footprint", "Not (Circle 1 2 3)")], "Not"),
    ("bad-value", [("footprint_of", " ")], "id"),
    ("bad-value", [("collapse", "no")], "true"),
    ("bad-value", [("density", "9")], "0 to 8"),
    ("bad-value", [("cone", "1,1,1"), ("covered.gte", "1.5")], "fraction"),
    ("bad-value", [("histogram", "bytes:201")], "1 to 200"),
    ("bad-value", [("facets", "kind"), ("facet_prefix", "kind")], "FIELD:PREFIX"),
    ("bad-position", [("polygon", "1,2,3,4,5,96")], "96"),
    ("bad-position", [("box", "-1,2,3,4")], "-1"),
    ("several-regions", [("cone", "1,1,1"), ("box", "1,2,3,4")], "one region"),
    ("unknown-object", [("cone", "Krypton,1")], "Krypton"),
    ("unknown-object", [("cone", "Andromda Galaxy,1")], "'Andromeda Galaxy'"),
    ("no-region", [("covered.lte", "0.5")], "region"),
    ("missing-parameter", [("spectral_relation", "within")], "needs spectral"),
    ("missing-parameter", [("facets", "kind"), ("facet_prefix", "source:a")], "facets=source"),
    ("repeated-parameter", [("facets", "kind"), ("facet_prefix", "kind:a"), ("facet_prefix", "kind:b")], "prefix"),
    ("not-a-histogram", [("histogram", "kind")], "facets"),
    ("unknown-field", [("histogram", "byte")], "bytes"),
    ("unknown-field", [("facet_prefix", "kinds:a")], "kind"),
    ("too-many-facets", [("histogram", ",".join(["bytes"] * 51))], "50"),
    ("bad-sort", [("sort", "covered")], "region"),
    ("bad-sort", [("box", "1,2,3,4"), ("sort", "distance")], "cone"),
]


@pytest.mark.parametrize(("code", "parameters", "said"), REFUSED)
def test_what_cannot_be_understood_has_a_code_and_a_sentence(
    code: str, parameters: list[tuple[str, str]], said: str
) -> None:
    with pytest.raises(QueryError) as caught:
        parse(parameters)
    assert caught.value.code == f"query.{code}"
    assert said in caught.value.detail
    named, asked = caught.value.context["parameter"], parameters[-1][0]
    assert named == asked or asked.startswith(f"{named}.")  # bytes, of bytes.gte


def test_every_code_of_the_query_is_reached_above() -> None:
    modules = (schemas.query, schemas.parsing, schemas.comparisons, schemas.regions, schemas.units)
    source = "".join(Path(module.__file__).read_text() for module in modules)
    written = set(re.findall(r'(?:QueryError|unknown)\(\s*"([a-z-]+)"', source))
    assert len(written) > 5
    assert written == {code for code, _, _ in REFUSED}


_names = st.sampled_from(
    [*search_fields(), *schemas.query._OWN, *schemas.query._LISTS, "cone", "polygon", "moc", "time", "extra.a.b"]
)
_ops = st.sampled_from(["", ".gt", ".gte", ".lt", ".lte", ".not", ".exists", ".x", "."])
_values = st.text(max_size=20) | st.sampled_from(
    [
        "1",
        "-1",
        "nan",
        "inf",
        "1e400",
        "0,0,1",
        "1,1,1,1",
        "../..",
        "..",
        "2014",
        "2014-02-30",
        "1/2",
        "99999/1",
        "true",
        "MJD 57000/57001 TT",
        "0.5/2 keV",
        "Ku",
        "0,0,10,0,0,10",
        "1/0-3",
        "bytes:5",
        "kind:a",
        "within",
    ]
)


@settings(max_examples=400, deadline=None)
@given(st.lists(st.tuples(st.builds(str.__add__, _names, _ops) | st.text(max_size=9), _values), max_size=4))
def test_anything_gives_a_query_or_a_query_error(parameters: list[tuple[str, str]]) -> None:
    try:
        query = parse(parameters)
    except QueryError as error:
        assert error.context["parameter"] is not None
        return
    if query.cone:
        assert 0 <= query.cone.ra <= 360 and -90 <= query.cone.dec <= 90 and 0 <= query.cone.radius <= 180
    for span in query.spans:
        assert span.low <= span.high
    assert 0 <= query.limit <= 10_000 and query.groups == frozenset()


def test_nothing_asked_is_everything() -> None:
    assert parse([]) == Query()
    assert parse([("q", "  "), ("cursor", "")]) == Query()


def test_a_whole_query() -> None:
    query = parse(
        [
            ("q", "crab"),
            ("cone", "83.63, 22.01 0.5"),
            ("relation", "within"),
            ("unlocated", "include"),
            ("facilities", "HESS"),
            ("facilities", "h.e.s.s"),
            ("facilities", "MAGIC"),
            ("bytes.gte", "1e9"),
            ("kind.not", "service"),
            ("position.exists", "TRUE"),
            ("extra.rucio.run_number.lt", "5"),
            ("spectral", "1e-12/1e-10"),
            ("facets", "kind,facilities:5,kind"),
            ("sort", "-bytes,distance,id"),
            ("limit", "0"),
        ]
    )
    assert query.text == "crab" and query.cone == Cone(83.63, 22.01, 0.5)
    assert query.relation == "within" and query.unlocated and query.limit == 0
    assert set(query.filters) == {
        Filter("facilities", "eq", ("H.E.S.S.", "MAGIC")),
        Filter("bytes", "gte", ("1e9",)),
        Filter("kind", "not", ("service",)),
        Filter("position", "exists", ("true",)),
        Filter("extra.rucio.run_number", "lt", ("5",)),
    }
    assert query.spans == (Span("spectral", 1e-12, 1e-10),)
    assert query.facets == (Facet("kind"), Facet("facilities", 5))
    assert query.sort == (Sort("bytes", True), Sort("distance"), Sort("id"))


def just_before(moment: float) -> float:
    return math.nextafter(moment, -math.inf)


@pytest.mark.parametrize(
    ("asked", "low", "high"),
    [
        ("53000/53001", 53000.0, 53001.0),
        ("../53001", -math.inf, 53001.0),
        ("53000/..", 53000.0, math.inf),
        ("53000", 53000.0, 53000.0),
        ("2004-01-01/2004-01-31", to_tdb(53005.0), just_before(to_tdb(53036.0))),
        ("2004", to_tdb(53005.0), just_before(to_tdb(53371.0))),
        ("2004/2004", to_tdb(53005.0), just_before(to_tdb(53371.0))),
        ("2004-01-01T00:00:00Z/..", to_tdb(53005.0), math.inf),
    ],
)
def test_times_are_tdb_and_dates_last_as_long_as_they_say(asked: str, low: float, high: float) -> None:
    assert parse([("time", asked)]).spans == (Span("time", low, high),)


@pytest.mark.parametrize(
    ("asked", "low", "high"),
    [
        ("MJD 53000/53001", 53000.0, 53001.0),
        ("JD 2453000.5/2453001.5", 53000.0, 53001.0),
        ("JD2453000.5", 53000.0, 53000.0),
        ("MJD 2014", 2014.0, 2014.0),
        ("53000/53001 TT", to_tdb(53000.0, "tt"), to_tdb(53001.0, "tt")),
        ("53000 (TAI)/..", to_tdb(53000.0, "tai"), math.inf),
        ("2004-01-01T00:00:00 tai", to_tdb(53005.0, "tai"), to_tdb(53005.0, "tai")),
        ("53000 UTC", to_tdb(53000.0), to_tdb(53000.0)),
        ("2004-01-01/53010 TDB", 53005.0, 53010.0),
    ],
)
def test_other_scales_and_julian_dates(asked: str, low: float, high: float) -> None:
    assert parse([("time", asked)]).spans == (Span("time", low, high),)


def test_the_regions() -> None:
    def region(name: str, value: str) -> Region | None:
        return parse([(name, value)], lambda name: (10.0, 20.0) if name == "M 31" else None).region

    assert region("cone", "M 31, 2") == Region.circle(10, 20, 2) == region("cone", "10 20 2")
    assert region("polygon", "1,2, 3,4, 5,6") == Region({"polygon": [[1, 2], [3, 4], [5, 6]]})
    assert region("box", "1,2,3,4") == Region({"stc_s": "Box ICRS 1.0 2.0 3.0 4.0"})
    assert region("moc", "1/0-3,7") == Region({"moc": "1/0-3,7"})
    assert region("footprint", "Circle ICRS 1 2 3") == Region({"stc_s": "Circle ICRS 1 2 3"})
    assert region("footprint_of", "8vtudcbgvjte3s74") == Region(record="8vtudcbgvjte3s74")


def test_what_is_asked_about_a_region_and_an_interval() -> None:
    query = parse(
        [
            ("box", "1,2,3,4"),
            ("covered.gte", "0.5"),
            ("sort", "-covered,changed"),
            ("spectral", "X-ray"),
            ("spectral_relation", "within"),
            ("energy", "1 TeV"),
            ("collapse", "false"),
        ]
    )
    assert query.covered == Interval(0.5, 1.0) and not query.collapse
    assert query.sort == (Sort("covered", True), Sort("changed"))
    assert [(span.field, span.relation) for span in query.spans] == [("spectral", "within"), ("energy", "overlaps")]


def test_nothing_is_ordered_by_what_follows_the_id() -> None:
    assert parse([("sort", "bytes,-id,issued")]).sort == (Sort("bytes"), Sort("id", True))


def test_counts_of_all_kinds() -> None:
    query = parse(
        [
            ("facets", "subjects.path:5,extra.a.b"),
            ("facet_prefix", "subjects.path:Stars/"),
            ("facet_prefix", "extra.a.b:x:y"),
            ("histogram", "bytes:5,time"),
            ("histogram", "bytes:5"),
            ("density", "3"),
        ]
    )
    assert query.facets == (Facet("subjects.path", 5, "Stars/"), Facet("extra.a.b", prefix="x:y"))
    assert query.histograms == (Histogram("bytes", 5), Histogram("time")) and query.density == 3


def test_the_text_is_a_tree() -> None:
    query = parse([("q", "crab AND bytes:>1e9")])
    assert query.words == And((Words("crab"), Where(Filter("bytes", "gt", ("1e9",)))))
    with pytest.raises(QueryError) as caught:
        parse([("q", "bytes:>many")])
    assert (caught.value.code, caught.value.context["parameter"]) == ("query.bad-value", "q")


def test_a_nested_field_answers_to_both_names() -> None:
    for short, full in (
        ("creators", "creators.name"),
        ("identifiers", "identifiers.value"),
        ("replicas", "replicas.rse"),
    ):
        assert parse([(short, "x")]) == parse([(full, "x")])
        assert parse([("facets", full)]).facets[0].field == full  # the answer's facet is called what was asked


def test_the_groups_are_never_a_parameter() -> None:
    with pytest.raises(QueryError):
        parse([("groups", "hess")])


def test_a_date_names_a_span_and_a_number_itself() -> None:
    assert field_span("bytes", "1e3") == (1000.0, 1000.0)
    assert field_span("issued", "2014") == (56658.0, 57023.0)
