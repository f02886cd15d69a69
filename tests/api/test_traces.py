"""What requests leave for the demand, and Rucio's traces that are posted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import httpx
import pytest

from api.app import create_app
from placement.recorder import NoRecorder
from placement.trace_events import Reader, Tally
from schemas.query import Query
from tests.api.conftest import DELETED, RESTRICTED, TOKEN, MemoryCatalogue, Served, problem, sample

TRACE = b'{"eventType": "get", "scope": "s", "dataset": "d", "localSite": "CAPE", "traceTimeentryUnix": 1790000000}\n'
BEARER = {"Authorization": f"Bearer {TOKEN}"}


class Noted(NoRecorder):
    def __init__(self) -> None:
        self.notes: list[tuple[Any, ...]] = []
        self.closed = False

    def site(self, host: str | None) -> str:
        return f"site of {host}"

    def search(self, query: Query, ids: Sequence[str], total: int, site: str) -> None:
        self.notes.append(("search", query, len(ids), total, site))

    def view(self, id: str, site: str) -> None:
        self.notes.append(("view", id, site))

    def resolve(self, ra: float, dec: float, site: str) -> None:
        self.notes.append(("resolve", ra, dec, site))

    def traces(self, lines: Iterable[bytes]) -> Tally:
        reader = Reader()
        self.notes += reader.lines(lines)
        return reader.tally

    def close(self) -> None:
        self.closed = True


HERE = "site of 127.0.0.1"


@pytest.fixture(scope="module")
def recorder() -> Noted:
    return Noted()


@pytest.fixture(scope="module")
def asked() -> MemoryCatalogue:
    made = sample()
    made.save_query("crab", [("q", "observation")])
    return made


@pytest.fixture(scope="module")
def address(recorder: Noted, asked: MemoryCatalogue) -> Iterator[str]:
    with Served(create_app(asked, recorder=recorder)) as made:
        yield made
    assert recorder.closed


@pytest.fixture
def at(address: str, recorder: Noted) -> Iterator[httpx.Client]:
    recorder.notes.clear()
    with httpx.Client(base_url=address) as made:
        yield made


@pytest.mark.parametrize("path", ["/api/v1/search?q=observation&limit=3", "/api/v1/saved/crab/search?limit=3"])
def test_a_search_is_noted(at: httpx.Client, recorder: Noted, path: str) -> None:
    assert at.get(path).status_code == 200
    ((what, query, shown, total, site),) = recorder.notes
    assert (what, query.text, shown, site) == ("search", "observation", 3, HERE) and total > 3


def test_a_posted_search_is_noted(at: httpx.Client, recorder: Noted) -> None:
    at.post("/api/v1/search", json={"cone": [83.63, 22.01, 1]})
    assert [note[1].cone.radius for note in recorder.notes] == [1]


def test_a_cone_search_is_noted_unless_it_asks_for_fields_alone(at: httpx.Client, recorder: Noted) -> None:
    for size in ("0.5", "20"):
        at.get("/scs", params={"RA": "83.63", "DEC": "22.01", "SR": size})
    assert [(note[0], note[1].cone.radius, note[4]) for note in recorder.notes] == [
        ("search", 0.5, HERE),
        ("search", 20, HERE),
    ]
    at.get("/scs", params={"RA": "83.63", "DEC": "22.01", "SR": "0"})
    at.get("/scs", params={"RA": "83.63", "DEC": "22.01", "SR": "x"})
    assert len(recorder.notes) == 2


def test_a_view_is_noted_whichever_form_it_has(at: httpx.Client, recorder: Noted, asked: MemoryCatalogue) -> None:
    id = next(id for id in asked.raws if id != RESTRICTED)
    page = at.get(f"/api/v1/records/{id}")
    assert at.get(f"/api/v1/records/{id}", headers={"If-None-Match": page.headers["etag"]}).status_code == 304
    at.head(f"/api/v1/records/{id}")
    at.get(f"/api/v1/records/{id}", headers={"Accept": "application/vnd.datacite.datacite+json"})
    at.get(f"/api/v1/records/{id}/raw")
    at.get(f"/api/v1/records/{id}/datacite")
    assert recorder.notes == [("view", id, HERE)] * 6


@pytest.mark.parametrize("id", [RESTRICTED, DELETED, "0" * 16, "no-id"])
@pytest.mark.parametrize("form", ["", "/raw", "/datacite"])
def test_what_may_not_be_seen_is_no_view(at: httpx.Client, recorder: Noted, id: str, form: str) -> None:
    assert at.get(f"/api/v1/records/{id}{form}").status_code in (404, 410)
    assert recorder.notes == []


def test_a_resolved_name_is_noted_and_no_unknown_one(at: httpx.Client, recorder: Noted) -> None:
    at.get("/api/v1/resolve?name=crab")
    at.get("/api/v1/resolve?name=nobody")
    assert recorder.notes == [("resolve", 83.633, 22.014, HERE)]


def test_errors_and_feeds_and_lists_are_not_noted(at: httpx.Client, recorder: Noted) -> None:
    for path in ("/api/v1/search?nonsense=1", "/api/v1/saved/crab/atom", "/api/v1/sources", "/api/v1/saved/crab"):
        at.get(path)
    assert recorder.notes == []


def test_traces_are_taken(at: httpx.Client, recorder: Noted) -> None:
    answer = at.post("/api/v1/traces", content=TRACE * 2 + b'{"eventType": "touch"}\nnonsense\n', headers=BEARER)
    assert answer.status_code == 202
    assert answer.json() == {"taken": {"read": 2}, "ignored": {"not-a-read": 1}, "bad": 1}
    assert [note.name for note in recorder.notes] == ["d", "d"]


def test_traces_need_a_token(at: httpx.Client, recorder: Noted) -> None:
    assert problem(at.post("/api/v1/traces", content=TRACE)).code == "access.no-token"
    wrong = at.post("/api/v1/traces", content=TRACE, headers={"Authorization": "Bearer x"})
    assert problem(wrong).code == "access.bad-token"
    assert recorder.notes == []


def test_too_many_traces_are_refused(at: httpx.Client) -> None:
    answer = at.post("/api/v1/traces", content=TRACE * 200_000, headers=BEARER)
    assert problem(answer).code == "api.too-large"


def test_where_it_is_switched_off_they_are_said_to_be_left_out(client: httpx.Client) -> None:
    answer = client.post("/api/v1/traces", content=TRACE, headers=BEARER)
    assert answer.json() == {"taken": {}, "ignored": {"off": 1}, "bad": 0}
