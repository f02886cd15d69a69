"""The InvenioRDM harvester against a double that keeps the real one's rules, and against a real one."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from harvesters.base import Begin, Page
from harvesters.http import PoliteClient
from harvesters.invenio import InvenioHarvester
from harvesters.invenio_search import records_url
from mappings.invenio import to_record
from schemas.errors import SourceError
from schemas.record import validate_record

START = datetime(2024, 3, 1, tzinfo=UTC)
_RANGE = re.compile(r"updated:\[(\S+) TO (\S+)\]")
_COMMUNITY = re.compile(r'parent\.communities\.entries\.slug:"([^"]*)"')
_ID = re.compile(r'(?:^|[ (])id:"([^"]*)"')


class Repository:
    """As InvenioRDM 14 answers: dates to the millisecond, 400 past the wall, 410 with a tombstone."""

    def __init__(self, wall: int = 20, sorts: tuple[str, ...] = ("updated-asc", "oldest", "newest")) -> None:
        self.wall, self.sorts = wall, sorts
        self.records: dict[str, dict[str, Any]] = {}
        self.deleted: set[str] = set()
        self.requests: list[httpx.Request] = []
        self.before: Callable[[int], None] = lambda n: None

    def add(self, native_id: str, updated: datetime, **more: Any) -> None:
        self.records[native_id] = {
            "id": native_id,
            "updated": updated.isoformat(),
            "links": {"self_html": f"https://repository.example/records/{native_id}"},
            "pids": {"oai": {"identifier": f"oai:repository.example:{native_id}"}},
            "metadata": {"title": f"Record {native_id}", "resource_type": {"id": "dataset"}},
            "stats": {"this_version": {"views": len(self.requests)}},
            **more,
        }

    def delete(self, native_id: str) -> None:
        del self.records[native_id]
        self.deleted.add(native_id)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        self.before(len(self.requests))
        path = request.url.path.removeprefix("/api/records")
        return self._one(path[1:]) if path else self._search(request.url.params)

    def _one(self, native_id: str) -> httpx.Response:
        if native_id in self.deleted:
            return httpx.Response(410, json={"status": 410, "message": "Record deleted", "tombstone": {"note": ""}})
        if native_id not in self.records:
            return httpx.Response(404, json={"status": 404, "message": "The persistent identifier does not exist."})
        return httpx.Response(200, json=self.records[native_id])

    def _search(self, params: httpx.QueryParams) -> httpx.Response:
        page, size = int(params.get("page", 1)), int(params.get("size", 25))
        if (sort := params.get("sort")) and sort not in self.sorts:
            message = f"Invalid sort option '{sort}'."
            errors = [{"field": "_schema", "messages": [message]}]
            return httpx.Response(
                400, json={"status": 400, "message": "A validation error occurred.", "errors": errors}
            )
        if (page - 1) * size >= self.wall:
            return httpx.Response(400, json={"status": 400, "message": "Invalid querystring parameters."})
        found = [record for record in self.records.values() if self._matches(record, params.get("q", ""))]
        if sort == "updated-asc":
            found.sort(key=lambda record: _milliseconds(record["updated"]))
        shown = found[(page - 1) * size : min(page * size, self.wall)]
        return httpx.Response(200, json={"hits": {"hits": shown, "total": len(found)}, "sortBy": sort})

    def _matches(self, record: dict[str, Any], query: str) -> bool:
        if span := _RANGE.search(query):
            at = _milliseconds(record["updated"])
            if at < _milliseconds(span[1]) or (span[2] != "*" and at > _milliseconds(span[2])):
                return False
        slugs = _COMMUNITY.findall(query)
        if slugs and not set(slugs) & set(record.get("in", ())):
            return False
        if (named := _ID.search(query)) and named[1] != record["id"]:
            return False
        return "title:seven" not in query or record["metadata"]["title"].endswith("7")


def _milliseconds(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp() * 1000)


def harvester(answer: Callable[[httpx.Request], httpx.Response], **options: Any) -> InvenioHarvester:
    client = PoliteClient(
        contact="test@example.org", transport=httpx.MockTransport(answer), retries=1, sleep=lambda seconds: None
    )
    defaults: dict[str, Any] = {"page_size": 5, "wall": 20, "window": 20, "now": lambda: START + timedelta(days=300)}
    return InvenioHarvester(client, "https://repository.example", **(defaults | options))


def ids(pages: list[Page]) -> list[str]:
    return [item.native_id for page in pages for item in page.items]


@pytest.fixture
def full() -> Repository:
    repository = Repository()
    for n in range(97):
        repository.add(f"r{n:03}", START + timedelta(minutes=n * n), **{"in": ["even" if n % 2 == 0 else "odd"]})
    return repository


def test_all_records_past_the_wall(full: Repository) -> None:
    pages = list(harvester(full).pages(Begin()))
    assert set(ids(pages)) == set(full.records)
    assert pages[0].total == 97
    assert pages[-1].checkpoint["pending"] == []
    asked = [request.url.params for request in full.requests]
    assert all(int(one["page"]) * int(one["size"]) <= full.wall for one in asked)  # never past the wall
    assert all(len(page.items) <= 5 for page in pages)


def test_it_says_what_it_wants(full: Repository) -> None:
    list(harvester(full).pages(Begin()))
    request = full.requests[0]
    assert request.url.path == "/api/records"
    assert request.headers["accept"].startswith("application/vnd.inveniordm.v1+json")
    assert request.url.params["allversions"] == request.url.params["all_versions"] == "true"
    assert "test@example.org" in request.headers["user-agent"]


def test_documents_map_and_do_not_change_with_views(full: Repository) -> None:
    first = {item.native_id: item for page in harvester(full).pages(Begin()) for item in page.items}
    for record in full.records.values():
        record["stats"] = {"this_version": {"views": 12345}}
    again = {item.native_id: item for page in harvester(full).pages(Begin()) for item in page.items}
    assert first == again
    item = first["r007"]
    assert (item.format, item.datestamp) == ("invenio", "2024-03-01T00:49:00.000Z")
    assert item.raw is not None
    mapped = to_record(item.raw, {})
    validate_record({**(mapped.record or {}), "id": "0" * 16, "source": "test"})


def test_records_that_share_their_time() -> None:
    repository = Repository()
    for n in range(60):
        repository.add(f"r{n:02}", START + timedelta(seconds=n // 15))  # fifteen at a time, in pages of five
    assert set(ids(list(harvester(repository).pages(Begin())))) == set(repository.records)


def test_more_at_one_time_than_the_source_shows_is_said() -> None:
    repository = Repository()
    for n in range(30):
        repository.add(f"r{n:02}", START)
    with pytest.raises(SourceError) as caught:
        list(harvester(repository).pages(Begin()))
    assert caught.value.code == "source.window-too-full"


def test_a_wall_that_is_nearer_than_expected(full: Repository) -> None:
    assert set(ids(list(harvester(full, wall=10_000, window=1000).pages(Begin())))) == set(full.records)


def test_a_server_without_the_sort_option(full: Repository) -> None:
    full.sorts = ()
    assert set(ids(list(harvester(full).pages(Begin())))) == set(full.records)


def test_incremental_takes_what_changed_and_the_overlap(full: Repository) -> None:
    pages = list(harvester(full).pages(Begin()))
    since = harvester(full).since(pages[-1].checkpoint)
    newest = START + timedelta(minutes=96 * 96)
    assert since == newest.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    full.add("r005", newest + timedelta(hours=1), revision_id=2)
    full.add("new", newest + timedelta(hours=2))
    full.add("late", newest - timedelta(minutes=5))  # entered the index after its time
    pages = list(harvester(full).pages(Begin(since=since)))
    assert set(ids(pages)) == {"r096", "r005", "new", "late"}
    assert pages[0].total == 4
    assert harvester(full).since(pages[-1].checkpoint) == "2024-03-07T11:36:00.000Z"


def test_nothing_new_is_an_empty_answer(full: Repository) -> None:
    pages = list(harvester(full, overlap=timedelta(0)).pages(Begin(since="2024-12-01T00:00:00Z")))
    assert ids(pages) == []
    assert harvester(full).since(pages[-1].checkpoint) == "2024-12-01T00:00:00.000Z"


def test_a_date_in_the_future_does_not_stop_the_next_harvest() -> None:
    repository = Repository()
    repository.add("odd", START + timedelta(days=20_000))
    pages = list(harvester(repository).pages(Begin()))
    assert ids(pages) == ["odd"]
    assert harvester(repository).since(pages[-1].checkpoint) == "2024-12-26T00:00:00.000Z"


@pytest.mark.parametrize("stop_after", [1, 2, 7, 15])
def test_a_harvest_goes_on_after_a_kill(full: Repository, stop_after: int) -> None:
    seen: set[str] = set()
    pages = harvester(full).pages(Begin())
    for _ in range(stop_after):
        page = next(pages)
        seen |= {item.native_id for item in page.items}
    saved = json.loads(json.dumps(page.checkpoint))  # it goes through the store as JSON
    before = len(full.requests)
    rest = list(harvester(full).pages(Begin(checkpoint=saved)))
    assert seen | set(ids(rest)) == set(full.records)
    assert len(full.requests) - before <= before + 60
    assert rest[-1].checkpoint["pending"] == []


def test_an_unreadable_checkpoint_is_said(full: Repository) -> None:
    with pytest.raises(SourceError) as caught:
        list(harvester(full).pages(Begin(checkpoint={"pending": [["a"]], "latest": None, "started": "", "total": 1})))
    assert caught.value.code == "source.bad-checkpoint"


def test_a_record_that_is_updated_meanwhile_hides_no_other() -> None:
    """It leaves its window, the others move up by one, and the first of the next page would be passed over."""
    repository = Repository(wall=1000)
    for n in range(12):
        repository.add(f"r{n:02}", START + timedelta(seconds=n))

    def touch(request: int) -> None:
        if request == 3:  # after the first page of five was read
            repository.add("r00", START + timedelta(days=1))

    repository.before = touch
    assert set(ids(list(harvester(repository, wall=1000, window=100).pages(Begin())))) == set(repository.records)


def test_a_record_that_leaves_its_closed_window_hides_no_other(full: Repository) -> None:
    touched: list[int] = []

    def touch(request: int) -> None:
        params = full.requests[-1].url.params
        if params["page"] == "2" and not touched and "TO *" not in params.get("q", "TO *"):
            touched.append(request)
            first = min(full.records, key=lambda name: full.records[name]["updated"])
            full.add(first, START + timedelta(days=299))

    full.before = touch
    assert set(ids(list(harvester(full).pages(Begin())))) == set(full.records)
    assert touched


def test_a_source_that_shows_less_than_it_announces_is_a_failure(full: Repository) -> None:
    def cheat(request: httpx.Request) -> httpx.Response:
        answer = full(request).json()
        answer["hits"]["hits"] = [hit for hit in answer["hits"]["hits"] if hit["id"] != "r003"]
        return httpx.Response(200, json=answer)

    with pytest.raises(SourceError) as caught:
        list(harvester(cheat, query="x").pages(Begin()))
    assert caught.value.code == "source.incomplete"


def test_a_source_that_shows_one_page_for_all_is_left_soon(full: Repository) -> None:
    asked: list[httpx.Request] = []
    hits = list(full.records.values())[:5]

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, json={"hits": {"hits": hits, "total": 15}})

    with pytest.raises(SourceError) as caught:
        list(harvester(answer).pages(Begin()))
    assert caught.value.code == "source.incomplete" and len(asked) < 10


def test_a_source_that_ignores_the_window_is_found_out(full: Repository) -> None:
    def ignore(request: httpx.Request) -> httpx.Response:
        params = request.url.params.remove("q")
        return full(httpx.Request("GET", request.url.copy_with(params=params)))

    with pytest.raises(SourceError) as caught:
        list(harvester(ignore).pages(Begin()))
    assert caught.value.code == "source.bad-answer"
    assert len(full.requests) < 60


def test_identifiers_are_those_in_scope(full: Repository) -> None:
    assert {name for names in harvester(full).identifiers() for name in names} == set(full.records)
    listed = [name for names in harvester(full, query="title:seven").identifiers() for name in names]
    assert sorted(listed) == [f"r{n:03}" for n in range(7, 97, 10)]


def test_communities_are_any_of(full: Repository) -> None:
    one = harvester(full, communities=["odd"])
    assert {int(name[1:]) % 2 for names in one.identifiers() for name in names} == {1}
    assert full.requests[-1].url.params["communities"] == "odd"
    both = harvester(full, communities=["odd", "even"])
    pages = list(both.pages(Begin()))
    assert set(ids(pages)) == set(full.records)
    assert pages[0].total == 97
    assert list(harvester(full, communities=["none"]).identifiers()) == [[]]


def test_deletions(full: Repository) -> None:
    source = harvester(full)
    full.delete("r010")
    assert source.is_gone("r010")  # 410 and a tombstone
    assert source.is_gone("never")  # 404
    assert not source.is_gone("r011")
    assert "r010" not in {name for names in source.identifiers() for name in names}
    assert not source.lists_all
    assert not source.announces_deletions


def test_out_of_scope_is_gone(full: Repository) -> None:
    source = harvester(full, communities=["odd"], query="title:seven")
    assert not source.is_gone("r017")
    assert source.is_gone("r018")
    assert source.is_gone("r019")


def test_restricted_by_now_is_gone_but_a_firewall_says_nothing(full: Repository) -> None:
    assert harvester(lambda request: httpx.Response(403, json={"message": "Permission denied."})).is_gone("r001")
    with pytest.raises(SourceError) as caught:
        harvester(lambda request: httpx.Response(403, html="<h1>Blocked</h1>")).is_gone("r001")
    assert caught.value.code == "source.bad-answer"


def test_a_deletion_that_the_search_still_shows() -> None:
    repository = Repository()
    repository.add("gone", START, deletion_status={"is_deleted": True, "status": "D"})
    (page,) = harvester(repository).pages(Begin())
    assert [(item.native_id, item.raw) for item in page.items] == [("gone", None)]


def test_results_without_an_id_are_problems(full: Repository) -> None:
    def spoil(request: httpx.Request) -> httpx.Response:
        answer = {"hits": {"hits": [{"metadata": {}}, 7, {"id": 12, "metadata": {}}], "total": 3}}
        return httpx.Response(200, json=answer)

    (page,) = harvester(spoil).pages(Begin())
    assert ids([page]) == ["12"]
    assert [(problem[0], problem[1]) for problem in page.problems] == [(None, "source.no-identifier")] * 2


def test_one_record_that_is_no_json_does_not_stop_the_others_of_its_page() -> None:
    """NaN, half a character, a nesting without end: what Python's own writer would let through."""
    server = Repository()
    deep: list[Any] = []
    for _ in range(300):
        deep = [deep]
    for n in range(4):
        server.add(str(n), START + timedelta(days=n))
    server.records["1"]["files"] = {"entries": [{"key": "a", "size": float("nan")}]}
    server.records["2"]["metadata"]["title"] = "half \ud800"
    server.records["3"]["metadata"]["deep"] = deep

    def _search(params: httpx.QueryParams) -> httpx.Response:
        found = {"hits": {"hits": list(server.records.values()), "total": 4}}
        return httpx.Response(200, content=json.dumps(found))

    server._search = _search  # type: ignore[method-assign]
    pages = list(harvester(server).pages(Begin()))
    assert ids(pages) == ["0", "1", "2"]
    assert [problem[:2] for page in pages for problem in page.problems] == [("3", "source.bad-record")]
    mapped = [to_record(item.raw, {}) for page in pages for item in page.items if item.raw]
    assert [[(one.field, one.code) for one in each.problems] for each in mapped][1] == [
        ("files.0.size", "mapping.not-a-number"),
        ("files.0", "mapping.missing"),
    ]


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(200, html="<html><body>Down for maintenance</body></html>"),
        httpx.Response(200, content=b'{"hits": {"hits": [{"id": '),
        httpx.Response(200, json={"results": []}),
        httpx.Response(200, json={"hits": {"hits": {}, "total": 1}}),
        httpx.Response(200, json={"hits": {"hits": [], "total": "many"}}),
        httpx.Response(200, json=[]),
    ],
    ids=["html", "cut", "no hits", "hits no list", "total no number", "list"],
)
def test_json_that_is_not_what_was_promised(answer: httpx.Response) -> None:
    with pytest.raises(SourceError) as caught:
        list(harvester(lambda request: answer).pages(Begin()))
    assert caught.value.code == "source.bad-answer"


def test_a_refused_search_says_why(full: Repository) -> None:
    refusal = {"status": 400, "message": "The syntax of the search query is invalid."}
    with pytest.raises(SourceError, match="syntax of the search query") as caught:
        list(harvester(lambda request: httpx.Response(400, json=refusal)).pages(Begin()))
    assert caught.value.code == "source.refused"


def test_a_page_size_above_what_the_source_allows(full: Repository) -> None:
    def strict(request: httpx.Request) -> httpx.Response:
        if int(request.url.params["size"]) > 25:
            errors = [{"field": "size", "messages": ["Page size cannot be greater than 25."]}]
            return httpx.Response(400, json={"message": "A validation error occurred.", "errors": errors})
        return full(request)

    assert set(ids(list(harvester(strict, page_size=100, wall=1000).pages(Begin())))) == set(full.records)


def test_server_errors_pass_through() -> None:
    with pytest.raises(SourceError) as caught:
        list(harvester(lambda request: httpx.Response(500)).pages(Begin()))
    assert caught.value.code == "source.http-status"


@pytest.mark.parametrize(
    ("url", "records"),
    [
        ("https://zenodo.org", "https://zenodo.org/api/records"),
        ("https://zenodo.org/api/", "https://zenodo.org/api/records"),
        ("https://zenodo.org/api/records?size=1#x", "https://zenodo.org/api/records"),
        ("http://127.0.0.1:5000/rdm", "http://127.0.0.1:5000/rdm/api/records"),
    ],
)
def test_any_of_three_addresses(url: str, records: str) -> None:
    assert records_url(url) == records


@pytest.mark.real
def test_a_real_inveniordm(invenio_url: str) -> None:
    """Whatever else is in it, three records are; all is read in windows of two, past a wall of four."""
    with PoliteClient(contact="test@example.org") as client:
        whole = InvenioHarvester(client, invenio_url)
        pages = list(whole.pages(Begin()))
        names = set(ids(pages))
        assert len(names) >= 3
        assert pages[0].total == len(names)
        assert not any(page.problems for page in pages)
        for page in pages:
            for item in page.items:
                assert item.raw is not None
                mapped = to_record(item.raw, {})
                assert mapped.record
                validate_record({**mapped.record, "id": "0" * 16, "source": "real"})
                assert mapped.problems == []
        some = InvenioHarvester(client, invenio_url, query='metadata.title:"Toy record"', page_size=2, wall=2)
        toys = {name for page in some.identifiers() for name in page}
        assert toys == {name for page in some.pages(Begin()) for name in ids([page])}
        assert 3 <= len(toys) <= len(names)
        one = sorted(toys)[0]
        assert not some.is_gone(one)
        assert some.is_gone("never-there")
        assert InvenioHarvester(client, invenio_url, query='metadata.title:"no such title"').is_gone(one)
        assert list(InvenioHarvester(client, invenio_url, communities=["no-such"]).identifiers()) == [[]]
        since = whole.since(pages[-1].checkpoint)
        assert len(ids(list(InvenioHarvester(client, invenio_url).pages(Begin(since=since))))) >= 1
