"""A search within a search finds what both find, and is shown as the second says."""

from __future__ import annotations

import pytest

from schemas.errors import QueryError
from schemas.filters import Filter
from schemas.query import Histogram, Sort, Span, parse
from schemas.refining import Pairs, refined
from schemas.text import And

FIRST = [
    ("q", "crab"),
    ("kind", "dataset"),
    ("cone", "10,20,1"),
    ("relation", "within"),
    ("time", "57000/57010"),
    ("time_relation", "within"),
    ("sort", "-bytes"),
    ("limit", "5"),
    ("facets", "kind"),
    ("histogram", "bytes"),
    ("collapse", "false"),
]


def test_without_further_parameters_it_is_the_first() -> None:
    assert refined(FIRST, []) == parse(FIRST)


def test_fields_of_both_must_hold_even_of_one_name() -> None:
    made = refined(FIRST, [("kind", "observation"), ("kind", "service"), ("bytes.gte", "5")])
    assert made.filters == (
        Filter("kind", "eq", ("dataset",)),
        Filter("kind", "eq", ("observation", "service")),
        Filter("bytes", "gte", ("5",)),
    )


def test_words_of_both_must_be_there() -> None:
    first, second = parse([("q", "crab OR vela")]), parse([("q", "NOT pulsar")])
    made = refined([("q", "crab OR vela")], [("q", "NOT pulsar")])
    assert first.words is not None and second.words is not None
    assert made.words == And((first.words, second.words))
    assert made.text is not None
    assert refined([("kind", "dataset")], [("q", "crab")]).words == parse([("q", "crab")]).words
    assert refined(FIRST, [("kind", "service")]).words == parse([("q", "crab")]).words


def test_intervals_of_both_must_hold_each_with_its_relation() -> None:
    made = refined(FIRST, [("time", "57005/57006"), ("spectral", "1/2")])
    assert made.spans == (
        Span("time", 57000, 57010, "within"),
        Span("time", 57005, 57006, "overlaps"),
        Span("spectral", 1, 2, "overlaps"),
    )
    assert refined(FIRST, [("limit", "1")]).spans == (Span("time", 57000, 57010, "within"),)


@pytest.mark.parametrize(
    ("further", "field", "value"),
    [
        ([("sort", "distance")], "sort", (Sort("distance"),)),  # of the first one's cone
        ([("sort", "-score")], "sort", (Sort("score", True),)),
        ([("limit", "7")], "limit", 7),
        ([("bytes", "1")], "limit", 5),
        ([("facets", "source:2")], "facets", parse([("facets", "source:2")]).facets),
        ([("histogram", "files:3")], "histograms", (Histogram("files", 3),)),
        ([("bytes", "1")], "histograms", (Histogram("bytes"),)),
        ([("collapse", "true")], "collapse", True),
        ([("bytes", "1")], "collapse", False),
        ([("relation", "contains")], "relation", "contains"),
        ([("cursor", "abc")], "cursor", "abc"),
        ([("covered.gte", "0.5")], "region", parse(FIRST).region),
        ([("density", "3")], "density", 3),
    ],
)
def test_it_is_shown_as_the_second_says_or_else_the_first(further: Pairs, field: str, value: object) -> None:
    assert getattr(refined(FIRST, further), field) == value


def test_other_facets_leave_the_prefix_of_the_first_behind() -> None:
    first = [("facets", "publisher"), ("facet_prefix", "publisher:E")]
    assert refined(first, [("facets", "kind")]).facets == parse([("facets", "kind")]).facets
    assert refined(first, [("q", "crab")]).facets == parse(first).facets


def test_a_region_stands_in_one_of_them() -> None:
    assert refined([("kind", "dataset")], [("cone", "1,2,3")]).region == parse([("cone", "1,2,3")]).region
    with pytest.raises(QueryError, match="one region"):
        refined(FIRST, [("box", "1,2,3,4")])
    with pytest.raises(QueryError, match="one region"):  # nor may it be put in the place of the first
        refined(FIRST, [("cone", "0,0,180")])


def test_names_of_objects_are_looked_up_in_both() -> None:
    def resolve(name: str) -> tuple[float, float] | None:
        return {"A": (1.0, 2.0)}.get(name)

    assert refined([("cone", "A,1")], [("bytes", "1")], resolve).cone == parse([("cone", "1,2,1")]).cone
    assert refined([("bytes", "1")], [("cone", "A,1")], resolve).cone == parse([("cone", "1,2,1")]).cone


@pytest.mark.parametrize("further", [[("nosuchfield", "1")], [("limit", "-1")], [("q", '"')], [("sort", "title")]])
def test_what_is_wrong_with_the_second_is_said(further: Pairs) -> None:
    try:
        parse(further)
    except QueryError as error:
        with pytest.raises(QueryError) as raised:
            refined([("kind", "dataset")], further)
        assert raised.value.code == error.code
    else:
        refined([("kind", "dataset")], further)
