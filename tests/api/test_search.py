"""The search over HTTP: its parameters, its three forms, its pages."""

from __future__ import annotations

import csv
import io
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from schemas.errors import SearchIndexError
from tests.api.conftest import NASTY_TITLE, RESTRICTED, MemoryCatalogue, problem
from tests.api.test_cone import read

SEARCH = "/api/v1/search"


def found(client: httpx.Client, **parameters: Any) -> Any:
    answer = client.get(SEARCH, params=parameters)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/json"
    return answer.json()


def test_the_answer_has_the_shape_that_was_promised(client: httpx.Client, catalogue: MemoryCatalogue) -> None:
    said = found(client, cone="83.63,22.01,0.0098", facets="facilities,calib_level", limit=5)
    assert list(said) == ["total", "items", "facets", "next", "unlocated"]
    assert said["total"] == 11
    assert said["items"] == [catalogue.by_id[item["id"]] for item in said["items"]]
    assert len(said["items"]) == 5
    assert {"value": "H.E.S.S.", "count": 5} in said["facets"]["facilities"]["buckets"]
    assert said["facets"]["calib_level"] == {"buckets": [], "missing": 11}
    assert said["unlocated"] == 0


def test_every_parameter_reaches_the_query(client: httpx.Client, catalogue: MemoryCatalogue) -> None:
    client.get(
        f"{SEARCH}?q=crab&cone=1,2,3&relation=within&unlocated=include&time=53000/..&spectral=1e-12/1e-9"
        "&facilities=HESS&facilities=MAGIC&bytes.gte=5&extra.rucio.run.not=7&facets=kind:3,source&sort=-bytes&limit=7"
    )
    asked = catalogue.asked[-1]
    assert (asked.text, asked.relation, asked.unlocated, asked.limit) == ("crab", "within", True, 7)
    assert asked.cone is not None and asked.cone.radius == 3
    time, spectral = asked.spans
    assert (time.field, time.low) == ("time", 53000) and (spectral.field, spectral.high) == ("spectral", 1e-9)
    filters = {(one.field, one.op): one.values for one in asked.filters}
    assert filters[("facilities", "eq")] == ("H.E.S.S.", "MAGIC")
    assert filters[("bytes", "gte")] == ("5",)
    assert filters[("extra.rucio.run", "not")] == ("7",)
    assert [(facet.field, facet.size) for facet in asked.facets] == [("kind", 3), ("source", 25)]
    assert asked.sort[0].descending
    assert asked.groups == frozenset()


def test_counts_alone(client: httpx.Client) -> None:
    said = found(client, limit=0, facets="kind")
    assert said["items"] == [] and said["total"] == 32
    assert said["facets"]["kind"]["buckets"] == [{"value": "observation", "count": 32}]


def test_following_next_passes_over_everything_once(client: httpx.Client, catalogue: MemoryCatalogue) -> None:
    seen: list[str] = []
    link: str | None = f"{SEARCH}?facilities=MAGIC&facilities=H.E.S.S.&limit=7"
    while link:
        answer = client.get(link)
        seen += [item["id"] for item in answer.json()["items"]]
        following = answer.links.get("next")
        link = following["url"] if following else None
        assert (answer.json()["next"] is None) == (link is None)
        if link:
            assert parse_qs(urlsplit(link).query)["facilities"] == ["MAGIC", "H.E.S.S."]
    assert len(seen) == len(set(seen)) == 30


def test_restricted_records_are_hidden(client: httpx.Client) -> None:
    assert RESTRICTED not in client.get(SEARCH, params={"limit": 100}).text


def test_csv_is_rfc_4180(client: httpx.Client) -> None:
    answer = client.get(SEARCH, params={"format": "csv", "limit": 100})
    assert answer.headers["content-type"].startswith("text/csv")
    assert answer.headers["x-total-count"] == "32"
    lines = list(csv.reader(io.StringIO(answer.content.decode(), newline=""), strict=True))
    assert lines[0][:4] == ["id", "ra", "dec", "title"]
    assert len(lines) == 33 and {len(line) for line in lines} == {len(lines[0])}
    assert NASTY_TITLE in {line[3] for line in lines}
    assert answer.content.endswith(b"\r\n")


def test_votable_holds_records_without_a_place_too(client: httpx.Client) -> None:
    table = read(client.get(SEARCH, params={"format": "votable", "limit": 100})).get_first_table()
    assert len(table.array) == 32
    assert table.array.mask["ra"].sum() == 1


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("facilites=HESS", "query.unknown-field"),
        ("facets=facilites", "query.unknown-field"),
        ("cone=361,0,1", "query.bad-position"),
        ("cone=1,2", "query.bad-value"),
        ("cone=1,2,-1", "query.bad-radius"),
        ("cone=nan,2,1", "query.bad-value"),
        ("limit=-1", "query.bad-value"),
        ("limit=10001", "query.bad-value"),
        ("limit=" + "0" * 5000, "query.bad-value"),
        ("limit=00000000099999", "query.bad-value"),
        ("format=xml", "query.bad-value"),
        ("format=csv&format=json", "query.repeated-parameter"),
        ("cursor=nonsense", "query.bad-cursor"),
        ("q=a%00b", "query.bad-value"),
        ("a%00b=1", "query.bad-value"),
        ("time=2014-13-01", "query.bad-value"),
        ("sort=title", "query.bad-sort"),
    ],
)
def test_what_cannot_be_understood_is_a_problem_with_its_code(client: httpx.Client, query: str, code: str) -> None:
    answer = client.get(f"{SEARCH}?{query}")
    assert answer.status_code == 400
    assert problem(answer).code == code


def test_an_unknown_field_names_its_neighbour(client: httpx.Client) -> None:
    assert "'facilities'" in problem(client.get(f"{SEARCH}?facilites=HESS")).detail


@pytest.mark.parametrize(
    "query", ["q=%FF%FE", "q=%ED%A0%80", "q=%", "%FF=1", "&&&=&", "q=" + "x" * 20_000, "q=%F0%9F%A6"]
)
def test_bytes_that_are_no_text_are_never_a_fault_of_ours(client: httpx.Client, query: str) -> None:
    assert client.get(f"{SEARCH}?{query}").status_code in (200, 400)


def test_an_index_that_fails_is_said_so(client: httpx.Client, catalogue: MemoryCatalogue) -> None:
    catalogue.failure = SearchIndexError("missing", "there is no index; run asterism reindex")
    answer = client.get(SEARCH)
    assert answer.status_code == 503 and problem(answer).code == "index.missing"
    assert int(answer.headers["retry-after"]) > 0


def test_a_big_answer_is_compressed_and_a_small_one_is_not(client: httpx.Client, catalogue: MemoryCatalogue) -> None:
    big = client.get(SEARCH, params={"limit": 1000, "format": "json", "facets": "identifiers:1000,kind"})
    small = client.get(SEARCH, params={"limit": 1})
    assert "content-encoding" not in small.headers
    assert len(big.content) < 32_768 or big.headers["content-encoding"] == "gzip"


def test_thousands_of_records_come_in_one_answer() -> None:
    from api.search import answer as respond
    from tests.api.conftest import observation

    many = MemoryCatalogue([observation(n, n / 100, 0) for n in range(1234)])
    body = respond(many, lambda *_: None, [("limit", "1200"), ("format", "csv")]).body
    assert bytes(body).count(b"\r\n") == 1201
