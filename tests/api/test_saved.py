"""Saved queries over HTTP: kept with a token, answered, narrowed, and fed; and where objects are."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from api.app import create_app
from asterism.factory import Factory
from asterism.settings import read
from catalog import saved
from catalog.tokens import create_token
from schemas.errors import QueryError
from tests.api.conftest import Served

ATOM = "{http://www.w3.org/2005/Atom}"
NASTY = 'Crab & <b> "quoted" \x1b[31m'


def line(name: str, title: str, **more: Any) -> bytes:
    made = {"identifiers": [{"scheme": "doi", "value": f"10.5072/{name}"}], "kind": "dataset", "title": title}
    return json.dumps(made | more).encode()


class Place:
    """A catalogue of its own, served; ``client`` may write."""

    def __init__(self, factory: Factory, address: str, token: str) -> None:
        self.factory, self.address = factory, address
        self.client = httpx.Client(base_url=address, headers={"Authorization": f"Bearer {token}"})

    def load(self, *lines: bytes) -> None:
        self.factory.catalogue.import_lines(lines, "test")


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with Factory(read({"data": str(tmp_path / "data")}, None), create=True) as factory:
        token = create_token(factory.store, "me")
        with Served(create_app(factory.catalogue)) as address:
            made = Place(factory, address, token)
            made.load(
                line("a", NASTY, bytes=5, position={"ra": 83.63, "dec": 22.01}, creators=[{"name": "A & B"}]),
                line("b", "Crab two", kind="observation", bytes=7, description="Long. " * 500),
                line("c", "Vela", bytes=9),
                line("d", "Crab in private", rights={"level": "restricted", "groups": ["few"]}),
            )
            with made.client:
                yield made


def titles(answer: httpx.Response) -> set[str]:
    assert answer.status_code == 200, answer.text
    return {item["title"] for item in answer.json()["items"]}


def test_a_query_is_saved_shown_listed_replaced_and_forgotten(place: Place) -> None:
    client = place.client
    answer = client.put("/api/v1/saved/crab?q=crab&kind=dataset")
    assert answer.status_code == 201
    shown = answer.json()
    assert shown == client.get("/api/v1/saved/crab").json()
    assert (shown["query"], shown["search"]) == ("q=crab&kind=dataset", "/api/v1/saved/crab/search")
    assert (
        client.put("/api/v1/saved/crab", json={"bytes.gte": 7, "kind": ["dataset", "observation"]}).status_code == 200
    )
    assert client.get("/api/v1/saved").json()["items"] == [client.get("/api/v1/saved/crab").json()]
    assert client.get("/api/v1/saved/crab").json()["query"] == "bytes.gte=7&kind=dataset&kind=observation"
    assert titles(client.get("/api/v1/saved/crab/search")) == {"Crab two", "Vela"}
    assert client.delete("/api/v1/saved/crab").status_code == 204
    assert client.get("/api/v1/saved").json() == {"items": []}
    for path in ("crab", "crab/search", "crab/atom"):
        gone = client.get(f"/api/v1/saved/{path}")
        assert (gone.status_code, gone.json()["code"]) == (404, "query.no-saved-query")
    assert client.delete("/api/v1/saved/crab").status_code == 404


def test_saving_and_forgetting_need_a_token(place: Place) -> None:
    place.client.put("/api/v1/saved/crab?q=crab")
    for headers, code in (({}, "access.no-token"), ({"Authorization": "Bearer ast_x_y"}, "access.bad-token")):
        with httpx.Client(base_url=place.address, headers=headers) as stranger:
            for answer in (stranger.put("/api/v1/saved/crab?q=vela"), stranger.delete("/api/v1/saved/crab")):
                assert (answer.status_code, answer.json()["code"]) == (401, code)
            assert stranger.get("/api/v1/saved/crab").json()["query"] == "q=crab"


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("Crab?q=crab", "query.bad-name"),
        ("a_b?q=crab", "query.bad-name"),
        ("x" * 65 + "?q=crab", "query.bad-name"),
        ("crab?q=crab&cursor=x", "query.not-saved"),
        ("crab?q=crab&format=csv", "query.not-saved"),
        ("crab?nosuchfield=1", "query.unknown-field"),
        ("crab?cone=1,2", "query.bad-value"),
    ],
)
def test_what_cannot_be_saved_is_refused(place: Place, path: str, code: str) -> None:
    answer = place.client.put(f"/api/v1/saved/{path}")
    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert place.client.get("/api/v1/saved").json() == {"items": []}


@pytest.mark.parametrize(
    ("further", "found"),
    [
        ("", {NASTY, "Crab two"}),
        ("kind=observation", {"Crab two"}),
        ("bytes.lt=7", {NASTY}),
        ("bytes.gte=5&bytes.lt=6", {NASTY}),
        ("q=two", {"Crab two"}),
        ("cone=83.63,22.01,1", {NASTY}),
        ("bytes=9", set()),
    ],
)
def test_further_parameters_narrow_the_answer(place: Place, further: str, found: set[str]) -> None:
    place.client.put("/api/v1/saved/crab?q=crab&bytes.lte=7&limit=1&sort=bytes&facets=kind")
    answer = place.client.get(f"/api/v1/saved/crab/search?limit=10&{further}")
    assert titles(answer) == found
    assert answer.json()["total"] == len(found)
    assert set(answer.json()["facets"]) == {"kind"}


def test_pages_of_a_saved_query_are_linked(place: Place) -> None:
    place.client.put("/api/v1/saved/crab?bytes.gte=1&limit=2&sort=bytes")
    first = place.client.get("/api/v1/saved/crab/search")
    assert [item["bytes"] for item in first.json()["items"]] == [5, 7]
    assert first.links["next"]["url"].startswith("/api/v1/saved/crab/search?")
    second = place.client.get(first.links["next"]["url"])
    assert [item["bytes"] for item in second.json()["items"]] == [9]
    assert "next" not in second.links
    assert place.client.get("/api/v1/saved/crab/search?format=csv&sort=-bytes").text.count("\n") > 2


def feed(answer: httpx.Response) -> list[dict[str, str]]:
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("application/atom+xml")
    root = ET.fromstring(answer.content)  # of our own making
    assert root.tag == f"{ATOM}feed"
    assert all(root.find(ATOM + name) is not None for name in ("id", "title", "updated", "author"))
    return [{child.tag.removeprefix(ATOM): child.text or "" for child in entry} for entry in root.iter(f"{ATOM}entry")]


def test_the_feed_has_the_newest_first_and_says_when_it_changed(place: Place) -> None:
    client = place.client
    client.put("/api/v1/saved/crab?q=crab&sort=bytes&limit=1&facets=kind")
    answer = client.get("/api/v1/saved/crab/atom")
    entries = feed(answer)
    assert [entry["title"] for entry in entries] == ["Crab two", 'Crab & <b> "quoted" \ufffd[31m']
    assert all(len(entry["summary"]) < 700 for entry in entries)
    ids = [item["id"] for item in client.get("/api/v1/saved/crab/search?limit=9&sort=-bytes").json()["items"]]
    assert [entry["updated"] for entry in entries] == [saved.datestamps(place.factory.store, ids)[id] for id in ids]
    again = client.get("/api/v1/saved/crab/atom", headers={"If-None-Match": answer.headers["etag"]})
    assert again.status_code == 304 and not again.content
    place.load(line("a", "Crab one", bytes=5))
    changed = client.get("/api/v1/saved/crab/atom", headers={"If-None-Match": answer.headers["etag"]})
    assert [entry["title"] for entry in feed(changed)] == ["Crab one", "Crab two"]
    assert {entry["id"] for entry in feed(changed)} == {entry["id"] for entry in entries}
    assert all(entry["id"].startswith("urn:uuid:") for entry in entries)


def test_links_of_the_feed_lead_to_the_records(place: Place) -> None:
    place.client.put("/api/v1/saved/all?limit=1")
    root = ET.fromstring(place.client.get("/api/v1/saved/all/atom").content)
    links = [link.attrib for link in root.iter(f"{ATOM}link")]
    pages = [link["href"] for link in links if link["rel"] in ("alternate", "self")]
    assert len(pages) == 2 + 3  # the hidden record has none
    for page in pages:
        assert page.startswith(place.address)
        assert place.client.get(page).status_code == 200
    assert "https://doi.org/10.5072/a" in {link["href"] for link in links if link["rel"] == "related"}


def test_an_empty_feed_is_a_feed(place: Place) -> None:
    place.client.put("/api/v1/saved/none?q=nosuchword")
    assert feed(place.client.get("/api/v1/saved/none/atom")) == []


def test_a_query_that_is_not_understood_any_more_says_so(place: Place) -> None:
    store = place.factory.store
    saved.put(store, "old", [("q", "crab")])
    with store.database.writing() as connection:
        connection.exec_driver_sql("UPDATE saved SET query = 'colour=red'")
    for path in ("search", "atom", "search?limit=1"):
        answer = place.client.get(f"/api/v1/saved/old/{path}")
        assert answer.json()["code"] == "query.broken-saved-query"
        assert "old" in answer.json()["detail"] and "colour" in answer.json()["detail"]
    assert place.client.get("/api/v1/saved/old").status_code == 200
    with pytest.raises(QueryError, match="colour"):
        saved.get(store, "old").parsed()


def test_a_saved_cone_may_name_its_object(place: Place) -> None:
    assert place.client.put("/api/v1/saved/m1?cone=M1,0.1").status_code == 201
    assert titles(place.client.get("/api/v1/saved/m1/search")) == {NASTY}
    answer = place.client.put("/api/v1/saved/m1?cone=Nobody's Nebula,0.1")
    assert answer.json()["code"] == "query.unknown-object"


def test_objects_are_resolved(place: Place) -> None:
    found = place.client.get("/api/v1/resolve?name=messier 31").json()
    assert found == {"name": "M 31", "ra": 10.685, "dec": 41.269, "source": "built-in"}
    for query, status, code in (("name=Nobody", 404, "api.unknown-object"), ("", 400, "query.missing-parameter")):
        answer = place.client.get(f"/api/v1/resolve?{query}")
        assert (answer.status_code, answer.json()["code"]) == (status, code)
