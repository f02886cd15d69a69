"""Record pages and the import."""

from __future__ import annotations

import gzip
from typing import Any

import httpx
import orjson
import pytest

from tests.api.conftest import DELETED, RESTRICTED, TOKEN, MemoryCatalogue, problem

RECORDS = "/api/v1/records"
WITH_TOKEN = {"Authorization": f"Bearer {TOKEN}"}


def with_raw(catalogue: MemoryCatalogue, format: str) -> str:
    return next(id for id, (kind, _) in catalogue.raws.items() if kind == format and id != RESTRICTED)


def test_a_record_is_given_as_it_is(client: httpx.Client, catalogue: MemoryCatalogue) -> None:
    id = next(iter(catalogue.by_id))
    assert client.get(f"{RECORDS}/{id}").json() == catalogue.by_id[id]


def test_a_record_that_the_client_has_is_not_sent_again(client: httpx.Client, catalogue: MemoryCatalogue) -> None:
    id = next(iter(catalogue.by_id))
    tag = client.get(f"{RECORDS}/{id}").headers["etag"]
    for known in (tag, f'"other", {tag}', "*"):
        again = client.get(f"{RECORDS}/{id}", headers={"If-None-Match": known})
        assert (again.status_code, again.content) == (304, b"")
    assert client.get(f"{RECORDS}/{id}", headers={"If-None-Match": '"other"'}).status_code == 200


@pytest.mark.parametrize("page", ["", "/raw", "/datacite", "/parts"])
@pytest.mark.parametrize(
    ("id", "status", "code"),
    [
        ("0" * 16, 404, "record.not-found"),
        ("nonsense", 404, "record.not-found"),
        ("%00", 404, "record.not-found"),
        ("%FF%FE", 404, "record.not-found"),
        (RESTRICTED, 404, "record.not-found"),
        (DELETED, 410, "record.deleted"),
    ],
)
def test_a_record_that_is_not_to_be_seen(client: httpx.Client, page: str, id: str, status: int, code: str) -> None:
    answer = client.get(f"{RECORDS}/{id}{page}")
    assert (answer.status_code, problem(answer).code) == (status, code)


def test_a_merged_record_and_its_parts_name_one_another(client: httpx.Client, catalogue: MemoryCatalogue) -> None:
    whole, one, other = (record["id"] for record in list(catalogue.by_id.values())[:3])
    catalogue.clusters[whole] = [one, other, RESTRICTED]
    try:
        parts = client.get(f"{RECORDS}/{whole}/parts").json()["items"]
        assert parts == [catalogue.by_id[one], catalogue.by_id[other]]
        assert client.get(f"{RECORDS}/{one}").links["canonical"]["url"] == f"{RECORDS}/{whole}"
        assert "link" not in client.get(f"{RECORDS}/{whole}").headers
    finally:
        catalogue.clusters.clear()
    assert client.get(f"{RECORDS}/{one}/parts").json()["items"] == [catalogue.by_id[one]]


def test_hidden_and_absent_answer_alike(client: httpx.Client) -> None:
    hidden, absent = client.get(f"{RECORDS}/{RESTRICTED}").json(), client.get(f"{RECORDS}/{'0' * 16}").json()
    assert {**hidden, "id": 0, "detail": 0} == {**absent, "id": 0, "detail": 0}
    assert hidden["detail"].replace(RESTRICTED, "") == absent["detail"].replace("0" * 16, "")


@pytest.mark.parametrize(("format", "media_type"), [("voresource", "application/xml"), ("invenio", "application/json")])
def test_the_raw_document_is_the_sources_own(
    client: httpx.Client, catalogue: MemoryCatalogue, format: str, media_type: str
) -> None:
    id = with_raw(catalogue, format)
    answer = client.get(f"{RECORDS}/{id}/raw")
    assert answer.content == catalogue.raws[id][1]
    assert answer.headers["content-type"] == media_type
    assert "sandbox" in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_record_without_a_raw_document_says_so(client: httpx.Client, catalogue: MemoryCatalogue) -> None:
    id = next(id for id in catalogue.by_id if id not in catalogue.raws)
    answer = client.get(f"{RECORDS}/{id}/raw")
    assert (answer.status_code, problem(answer).code) == (404, "record.no-raw")


def test_datacite_by_address_and_by_accept(client: httpx.Client, catalogue: MemoryCatalogue) -> None:
    id = next(iter(catalogue.by_id))
    by_address = client.get(f"{RECORDS}/{id}/datacite")
    by_accept = client.get(f"{RECORDS}/{id}", headers={"Accept": "application/vnd.datacite.datacite+json"})
    assert by_address.headers["content-type"] == by_accept.headers["content-type"]
    assert by_address.headers["content-type"] == "application/vnd.datacite.datacite+json"
    assert by_address.json() == by_accept.json()
    assert by_address.json()["titles"][0]["title"] == catalogue.by_id[id]["title"]


def test_the_sources_are_listed_and_count_what_may_be_seen(client: httpx.Client) -> None:
    assert client.get("/api/v1/sources").json() == {"items": [{"name": "test", "kind": "vo-oai", "records": 32}]}


def lines(count: int) -> bytes:
    return b"".join(orjson.dumps({"n": n}) + b"\n" for n in range(count))


def test_import_gives_the_lines_to_the_catalogue(client: httpx.Client, catalogue: MemoryCatalogue) -> None:
    answer = client.post(RECORDS, params={"source": "mine"}, content=lines(3) + b"nonsense", headers=WITH_TOKEN)
    assert answer.status_code == 200, answer.text
    assert (answer.json()["new"], answer.json()["quarantined"]) == (3, 1)
    assert catalogue.imported == [("mine", [b'{"n":0}\n', b'{"n":1}\n', b'{"n":2}\n', b"nonsense"])]


@pytest.mark.parametrize(
    ("headers", "code", "challenge"),
    [
        ({}, "access.no-token", 'Bearer realm="asterism"'),
        ({"Authorization": "Basic YTpi"}, "access.no-token", 'Bearer realm="asterism"'),
        ({"Authorization": "Bearer"}, "access.no-token", 'Bearer realm="asterism"'),
        ({"Authorization": "Bearer wrong"}, "access.bad-token", 'Bearer realm="asterism", error="invalid_token"'),
    ],
)
def test_import_needs_a_token(
    client: httpx.Client, catalogue: MemoryCatalogue, headers: dict[str, str], code: str, challenge: str
) -> None:
    answer = client.post(RECORDS, params={"source": "mine"}, content=lines(1), headers=headers)
    assert (answer.status_code, problem(answer).code) == (401, code)
    assert answer.headers["www-authenticate"] == challenge
    assert catalogue.imported == []


@pytest.mark.parametrize(
    ("parameters", "body", "headers", "status", "code"),
    [
        ({}, lines(1), {}, 400, "query.missing-parameter"),
        ({"source": "a b"}, lines(1), {}, 400, "query.bad-value"),
        ({"source": "../x"}, lines(1), {}, 400, "query.bad-value"),
        ({"source": "a\n"}, lines(1), {}, 400, "query.bad-value"),
        ({"source": "mine"}, b"", {}, 400, "record.empty"),
        ({"source": "mine"}, b"x" * 10_001, {}, 413, "api.too-large"),
        ({"source": "mine"}, gzip.compress(lines(1)), {"Content-Encoding": "gzip"}, 415, "api.unsupported-encoding"),
    ],
)
def test_import_refuses(
    client: httpx.Client,
    catalogue: MemoryCatalogue,
    parameters: dict[str, str],
    body: bytes,
    headers: dict[str, str],
    status: int,
    code: str,
) -> None:
    answer = client.post(RECORDS, params=parameters, content=body, headers={**WITH_TOKEN, **headers})
    assert (answer.status_code, problem(answer).code) == (status, code)
    assert catalogue.imported == []


def test_an_upload_without_a_length_is_bounded_too(client: httpx.Client, catalogue: MemoryCatalogue) -> None:
    def endless() -> Any:
        for _ in range(20):
            yield b"x" * 1000

    answer = client.post(RECORDS, params={"source": "mine"}, content=endless(), headers=WITH_TOKEN)
    assert (answer.status_code, problem(answer).code) == (413, "api.too-large")
    assert catalogue.imported == []
