"""The search by POST: JSON, forms and MOCs say the same as a URL; and what is no query."""

from __future__ import annotations

import io
import json
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.bodies import JSON_TYPE, query_pairs
from schemas.errors import AsterismError
from tests.api.conftest import MemoryCatalogue, problem

SEARCH = "/api/v1/search"
MOC = "3/0-3 7 5/1024"


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("q", "crab", "crab"),
        ("limit", 0, "0"),
        ("bytes.gte", 1e9, "1000000000.0"),
        ("collapse", False, "false"),
        ("cone", [83.63, 22.01, 1], "83.63,22.01,1"),
        ("cone", "M 31,2", "M 31,2"),
        ("polygon", [[83, 21], [85, 21], [84, 23]], "83,21,85,21,84,23"),
        ("polygon", [83, 21, 85, 21, 84, 23], "83,21,85,21,84,23"),
        ("box", [1, 2, 3.5, 4], "1,2,3.5,4"),
        ("facets", ["kind", "source:5"], "kind,source:5"),
        ("sort", ["-bytes", "id"], "-bytes,id"),
        ("moc", MOC, MOC),
    ],
)
def test_a_json_value_is_its_text(name: str, value: Any, text: str) -> None:
    assert query_pairs(JSON_TYPE, json.dumps({name: value}).encode()) == [(name, text)]


def test_a_list_is_the_parameter_repeated_and_null_is_none() -> None:
    body = json.dumps({"facilities": ["H.E.S.S.", "MAGIC"], "q": None}).encode()
    assert query_pairs(JSON_TYPE, body) == [("facilities", "H.E.S.S."), ("facilities", "MAGIC")]


@pytest.mark.parametrize(
    ("footprint", "pair"),
    [
        ({"circle": [1, 2, 3]}, ("cone", "1,2,3")),
        ({"polygon": [[1, 2], [3, 4], [5, 6]]}, ("polygon", "1,2,3,4,5,6")),
        ({"moc": MOC}, ("moc", MOC)),
        ({"stc_s": "Circle ICRS 1 2 3"}, ("footprint", "Circle ICRS 1 2 3")),
    ],
)
def test_a_region_may_be_given_as_in_a_record(footprint: dict[str, Any], pair: tuple[str, str]) -> None:
    assert query_pairs(JSON_TYPE, json.dumps({"footprint": footprint}).encode()) == [pair]


@pytest.mark.parametrize(
    ("media_type", "body", "code"),
    [
        (JSON_TYPE, b"{", "query.bad-body"),
        (JSON_TYPE, b"[1]", "query.bad-body"),
        (JSON_TYPE, b'{"q": {"a": 1}}', "query.bad-value"),
        (JSON_TYPE, b'{"kind": [["a"]]}', "query.bad-value"),
        (JSON_TYPE, b'{"footprint": {"circle": [1,2,3], "moc": "1/1"}}', "query.bad-value"),
        (JSON_TYPE, b'{"footprint": {"square": [1,2,3]}}', "query.bad-value"),
        (JSON_TYPE, b'{"moc": {"31": [1]}}', "query.bad-value"),
        (JSON_TYPE, b'{"q": "a\\u0000b"}', "query.bad-value"),
        ("application/x-www-form-urlencoded", b"q=a%00b", "query.bad-value"),
        ("text/plain", b"no moc", "query.bad-value"),
        ("application/fits", b"SIMPLE  =", "query.bad-value"),
        ("application/xml", b"<q/>", "api.unsupported-type"),
    ],
)
def test_what_is_no_query_says_so(media_type: str, body: bytes, code: str, client: httpx.Client) -> None:
    answer = client.post(SEARCH, content=body, headers={"Content-Type": media_type})
    assert problem(answer).code == code
    assert answer.status_code == (415 if code.startswith("api.") else 400)


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from(["q", "cone", "polygon", "moc", "footprint", "kind", "sort"]), _json) | _json)
def test_any_json_is_pairs_or_an_error_of_ours(body: Any) -> None:
    try:
        pairs = query_pairs(JSON_TYPE, json.dumps(body).encode())
    except AsterismError:
        return
    assert all(isinstance(name, str) and isinstance(value, str) for name, value in pairs)


def test_the_answer_is_that_of_the_url(client: httpx.Client) -> None:
    asked = {"q": "Observation", "facilities": "MAGIC", "limit": "3", "facets": "kind"}
    by_url = client.get(SEARCH, params=asked)
    for answer in (client.post(SEARCH, json=asked), client.post(SEARCH, data=asked)):
        assert answer.json() == by_url.json()
        assert answer.headers["x-total-count"] == by_url.headers["x-total-count"]
        assert "link" not in answer.headers  # no URL has all of it
    assert "next" in by_url.links
    csv = client.post(SEARCH, json={**asked, "format": "csv"})
    assert csv.content == client.get(SEARCH, params={**asked, "format": "csv"}).content


def test_a_page_of_another_origin_may_post_a_query_and_send_no_token(client: httpx.Client) -> None:
    asked = {"Origin": "https://example.org", "Access-Control-Request-Method": "POST"}
    for header, status in (("content-type", 200), ("authorization", 400)):
        headers = {**asked, "Access-Control-Request-Headers": header}
        assert client.request("OPTIONS", SEARCH, headers=headers).status_code == status


def test_the_url_and_the_body_are_one_query(client: httpx.Client, catalogue: MemoryCatalogue) -> None:
    client.post(f"{SEARCH}?kind=observation", json={"limit": 2})
    assert [one.field for one in catalogue.asked[-1].filters] == ["kind"] and catalogue.asked[-1].limit == 2
    twice = client.post(f"{SEARCH}?limit=1", json={"limit": 2})
    assert problem(twice).code == "query.repeated-parameter"
    assert client.post(SEARCH).json()["total"] == 32  # no body asks for everything


def _fits(moc: str) -> bytes:
    import mocpy

    out = io.BytesIO()
    mocpy.MOC.from_string(moc).serialize("fits").writeto(out)
    return out.getvalue()


@pytest.mark.parametrize("kind", ["application/fits", "text/plain", "application/octet-stream"])
def test_a_moc_alone_is_a_body(kind: str, client: httpx.Client, catalogue: MemoryCatalogue) -> None:
    from mappings.sky import moc_ranges

    bodies = (
        [_fits(MOC)] if kind == "application/fits" else [MOC.encode(), b'{"3": [0,1,2,3,7], "5": [1024]}', _fits(MOC)]
    )
    for body in bodies:
        answer = client.post(f"{SEARCH}?relation=within", content=body, headers={"Content-Type": kind})
        assert answer.status_code == 200
        asked = catalogue.asked[-1]
        assert asked.region is not None and asked.relation == "within"
        assert moc_ranges(asked.region.footprint["moc"]).tolist() == moc_ranges(MOC).tolist()


def test_a_body_that_is_too_large_is_refused_before_it_is_read(client: httpx.Client) -> None:
    def endless() -> Any:
        for _ in range(2000):
            yield b" " * 65536

    try:
        answer = client.post(SEARCH, content=endless(), headers={"Content-Type": JSON_TYPE})
    except httpx.WriteError:  # it was refused while it was still being sent
        return
    assert answer.status_code == 413 and problem(answer).code == "api.too-large"


def test_histograms_density_and_what_is_covered(client: httpx.Client, catalogue: MemoryCatalogue) -> None:
    said = client.get(f"{SEARCH}?histogram=bytes:3,issued&density=1&cone=83,22,5&sort=-covered").json()
    assert said["histograms"]["bytes"] == {
        "scale": "linear",
        "edges": [0, 1000, 2000],
        "counts": [3, 1],
        "missing": 2,
    }
    assert said["histograms"]["issued"]["edges"] == ["2014-01-01", "2015-01-01"]
    assert said["density"] == {"order": 1, "cells": {"4": 31}}
    assert said["covered"] == {catalogue.covered: 0.25}
    plain = client.get(SEARCH).json()
    assert not {"histograms", "density", "covered", "highlights", "did_you_mean", "object"} & plain.keys()


def test_hints_for_people(client: httpx.Client) -> None:
    assert client.get(SEARCH, params={"q": "carb"}).json()["did_you_mean"] == "crab"
    assert client.get(SEARCH, params={"q": "nothing"}).json()["did_you_mean"] is None
    known = client.get(SEARCH, params={"q": "m 1", "limit": 0}).json()["object"]
    assert (known["name"], round(known["ra"], 2), round(known["dec"], 2)) == ("M 1", 83.63, 22.01)
    refused = client.get(SEARCH, params={"q": "crab -nebula", "limit": 0}).json()
    assert "object" not in refused  # though dashes in names do not matter


def test_the_words_of_a_page_are_marked(client: httpx.Client) -> None:
    said = client.get(SEARCH, params={"q": "observation", "highlight": "true", "limit": 3}).json()
    titled = {item["id"] for item in said["items"] if item["title"].startswith("Observation")}
    assert titled and titled <= said["highlights"].keys()
    assert "<mark>Observation</mark>" in said["highlights"][titled.pop()]["title"]


@pytest.mark.parametrize(("form", "kind"), [("fits", "application/fits"), ("ascii", "text/plain"), ("json", JSON_TYPE)])
def test_the_coverage_of_a_result(form: str, kind: str, client: httpx.Client, catalogue: MemoryCatalogue) -> None:
    from mappings.moc_files import read_moc
    from mappings.sky import moc_ranges

    answer = client.get(f"/api/v1/coverage?q=crab&order=5&form={form}")
    assert answer.status_code == 200 and answer.headers["content-type"].startswith(kind)
    assert f"coverage.{'txt' if form == 'ascii' else form}" in answer.headers["content-disposition"]
    assert moc_ranges(read_moc(answer.content)).tolist() == catalogue.coverage(catalogue.asked[-1], 5).tolist()
    assert client.post("/api/v1/coverage", json={"q": "crab", "order": 5, "form": form}).content == answer.content


@pytest.mark.parametrize("query", ["order=13", "order=x", "form=png", "kinds=a"])
def test_a_coverage_that_cannot_be(query: str, client: httpx.Client) -> None:
    assert problem(client.get(f"/api/v1/coverage?{query}")).code.startswith("query.")
