"""The Rucio harvester, against a double for its paths and faults and against a real server for the truth."""

from __future__ import annotations

import json
import os
import re
import secrets
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import httpx
import pytest

from harvesters.base import Begin, Fetched
from harvesters.http import PoliteClient
from harvesters.rucio import RucioHarvester
from harvesters.rucio_session import RucioSession, did_path
from mappings.rucio import to_record
from schemas.errors import SettingsError, SourceError
from schemas.record import Record

DATE = "Sat, 21 Nov 2026 03:41:50 UTC"
PASSWORD = "correct horse"


class FakeRucio:
    """The few routes of Rucio's REST API that a harvest uses, in memory, with places to break it."""

    def __init__(self) -> None:
        self.columns: dict[tuple[str, str], dict[str, Any]] = {}
        self.metadata: dict[tuple[str, str], dict[str, Any]] = {}
        self.contents: dict[tuple[str, str], list[tuple[str, str]]] = {}
        self.rules: list[dict[str, Any]] = []
        self.locks: list[dict[str, Any]] = []
        self.replicas: list[dict[str, Any]] = []
        self.asked: list[str] = []
        self.tokens: set[str] = set()
        self.lifetime = 3600
        self.hidden_from_bulk: set[str] = set()
        self.without_json = False
        self.fault: Callable[[httpx.Request], httpx.Response | None] = lambda request: None

    def add(self, scope: str, name: str, kind: str = "DATASET", **metadata: Any) -> None:
        column = {"scope": scope, "name": name, "did_type": kind, "created_at": DATE, "updated_at": DATE}
        self.columns[scope, name] = {**column, "bytes": 10, "length": 1, "suppressed": False, "project": None}
        self.metadata[scope, name] = metadata

    def client(self) -> PoliteClient:
        # no server, no pause and no socket: nothing to close
        return PoliteClient(
            contact="test@example.org", transport=httpx.MockTransport(self), retries=1, sleep=lambda seconds: None
        )

    def __call__(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        self.asked.append(f"{request.method} {path}")
        if (faulty := self.fault(request)) is not None:
            return faulty
        if path.startswith("/auth/"):
            return self._log_in(request)
        if request.headers.get("X-Rucio-Auth-Token") not in self.tokens:
            return self._refused(401, "CannotAuthenticate")
        if request.method == "POST":
            return self._bulk(path, json.loads(request.content))
        return self._get(request.url.raw_path.decode().partition("?")[0], dict(request.url.params))

    def _log_in(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/auth/userpass" and request.headers.get("X-Rucio-Password") != PASSWORD:
            return self._refused(401, "CannotAuthenticate")
        token = f"token-{len(self.tokens)}"
        self.tokens.add(token)
        expires = time.strftime("%a, %d %b %Y %H:%M:%S UTC", time.gmtime(self.lifetime))
        headers = {
            "X-Rucio-Auth-Token": token,
            "X-Rucio-Auth-Token-Expires": expires,
            "Date": "Thu, 01 Jan 1970 00:00:00 GMT",
        }
        return httpx.Response(200, headers=headers)

    @staticmethod
    def _refused(status: int, exception: str) -> httpx.Response:
        return httpx.Response(status, headers={"ExceptionClass": exception}, json={"ExceptionClass": exception})

    @staticmethod
    def _rows(rows: list[Any]) -> httpx.Response:
        text = "".join(json.dumps(row) + "\n" for row in rows)
        return httpx.Response(200, content=text.encode(), headers={"Content-Type": "application/x-json-stream"})

    def _bulk(self, path: str, body: dict[str, Any]) -> httpx.Response:
        asked = [(did["scope"], did["name"]) for did in body["dids"]]
        if path == "/dids/bulkmeta":
            return self._bulkmeta(asked, body.get("plugin", "DID_COLUMN"))
        kept = {"/replicas/datasets_bulk": self.replicas, "/locks/bulk_locks_for_dids": self.locks}
        if path in kept:
            return self._rows([row for row in kept[path] if (row["scope"], row["name"]) in asked])
        assert path == "/replicas/list"
        return self._rows([{"scope": s, "name": n, "bytes": 10, "states": {"A": "AVAILABLE"}} for s, n in asked])

    def _bulkmeta(self, asked: list[tuple[str, str]], plugin: str) -> httpx.Response:
        known = [did for did in asked if did in self.columns and did[1] not in self.hidden_from_bulk]
        if plugin == "DID_COLUMN":
            return self._rows([self.columns[did] for did in known])
        if self.without_json:
            return self._refused(500, "NotImplementedError")
        return self._rows([{**self.columns[did], **self.metadata[did]} for did in known])

    def _get(self, path: str, params: dict[str, str]) -> httpx.Response:
        answer = self._refused(404, "NotFound")
        if path == "/scopes/":
            answer = httpx.Response(200, json=sorted({scope for scope, _ in self.columns}, reverse=True))
        elif path == "/rules/":
            answer = self._rows([row for row in self.rules if row["scope"] == params.get("scope", row["scope"])])
        elif found := re.fullmatch(r"/rules/(\w+)", path):
            rule = [row for row in self.rules if row["id"] == found[1]]
            answer = httpx.Response(200, json=rule[0]) if rule else self._refused(404, "RuleNotFound")
        elif found := re.fullmatch(r"/dids/([^/]+)/dids/search", path):
            names = [name for (scope, name), row in self.columns.items() if scope == found[1] and self._is(row, params)]
            answer = self._rows(sorted(names, key=lambda name: name[::-1]))  # Rucio promises no order
        elif found := re.fullmatch(r"/dids/([^/]+)/([^/]+)(/\w+)?", path):
            answer = self._one((found[1], unquote(found[2])), found[3], params)
        elif re.fullmatch(r"/replicas/[^/]+/[^/]+/datasets", path):
            answer = self._rows([{"rse": "DEEP", "state": "AVAILABLE", "length": 1, "available_length": 1}])
        return answer

    @staticmethod
    def _is(row: dict[str, Any], params: dict[str, str]) -> bool:
        return bool(row["did_type"].lower() == params["type"] and not row["suppressed"])

    def _one(self, did: tuple[str, str], part: str | None, params: dict[str, str]) -> httpx.Response:
        if did not in self.columns:
            return self._refused(404, "DataIdentifierNotFound")
        if part == "/meta":
            more = self.metadata[did] if params.get("plugin") == "ALL" else {}
            return httpx.Response(200, json={**self.columns[did], **more})
        if part == "/dids":
            return self._rows([{"scope": s, "name": n, "type": "DATASET"} for s, n in self.contents.get(did, [])])
        return httpx.Response(200, json={"scope": did[0], "name": did[1], "bytes": 70.0, "length": 7})


@pytest.fixture
def lake() -> FakeRucio:
    fake = FakeRucio()
    fake.add("b", "all.cont", "CONTAINER")
    fake.contents["b", "all.cont"] = [("a", "run/2.ds"), ("b", "run1.ds")]
    for scope, name in (("a", "run/2.ds"), ("a", "run1.ds"), ("b", "run1.ds")):
        fake.add(scope, name, s_ra=10.0, s_dec=20.0, note=name)
        fake.replicas.append({"scope": scope, "name": name, "rse": "A", "state": "AVAILABLE", "length": 1})
    fake.add("a", "f.fits", "FILE")
    fake.asked.clear()
    return fake


def harvester(fake: FakeRucio, **more: Any) -> RucioHarvester:
    options: dict[str, Any] = {"account": "root", "auth": "userpass", "username": "u", "password": PASSWORD}
    return RucioHarvester(fake.client(), "http://rucio.test/", **(options | more))


def fetched(one: RucioHarvester, checkpoint: dict[str, Any] | None = None) -> list[Fetched]:
    return [item for page in one.pages(Begin(checkpoint=checkpoint)) for item in page.items]


def documents(one: RucioHarvester) -> dict[str, dict[str, Any]]:
    return {item.native_id: json.loads(item.raw or b"") for item in fetched(one)}


def test_everything_in_order_containers_first(lake: FakeRucio) -> None:
    items = fetched(harvester(lake))
    assert [item.native_id for item in items] == ["b:all.cont", "a:run/2.ds", "a:run1.ds", "b:run1.ds"]
    assert {item.format for item in items} == {"rucio"}
    assert items[0].datestamp == "2026-11-21T03:41:50Z"


def test_scopes_and_types(lake: FakeRucio) -> None:
    ids = [item.native_id for item in fetched(harvester(lake, scopes=["a"], types=["file", "dataset"]))]
    assert ids == ["a:run/2.ds", "a:run1.ds", "a:f.fits"]
    assert not [asked for asked in lake.asked if "/dids/b/" in asked]


def test_a_document_has_columns_and_json_metadata_apart(lake: FakeRucio) -> None:
    document = documents(harvester(lake))["a:run1.ds"]
    assert document["did"]["bytes"] == 10
    assert document["metadata"] == {"s_ra": 10.0, "s_dec": 20.0, "note": "run1.ds"}
    assert document["replicas"] == [{"rse": "A", "state": "AVAILABLE", "length": 1}]


def test_parents_and_contents_of_other_scopes(lake: FakeRucio) -> None:
    found = documents(harvester(lake))
    assert found["a:run/2.ds"]["parents"] == [{"scope": "b", "name": "all.cont"}]
    assert found["a:run1.ds"]["parents"] == []
    assert [child["name"] for child in found["b:all.cont"]["contents"]] == ["run/2.ds", "run1.ds"]
    assert found["b:all.cont"]["size"] == {"bytes": 70.0, "length": 7}


def test_rules_of_a_dataset_and_of_its_containers(lake: FakeRucio) -> None:
    direct = {"id": "r2", "scope": "b", "name": "run1.ds", "expires_at": None, "locks_ok_cnt": 3}
    above = {"id": "r1", "scope": "b", "name": "all.cont", "expires_at": DATE}
    lake.rules = [direct, above]
    lake.locks = [{"scope": "b", "name": "run1.ds", "rule_id": rule} for rule in ("r2", "r1", "r1", "gone")]
    found = documents(harvester(lake))
    assert [rule["id"] for rule in found["b:run1.ds"]["rules"]] == ["r1", "r2"]
    assert [rule["id"] for rule in found["b:all.cont"]["rules"]] == ["r1"]
    assert "locks_ok_cnt" not in found["b:run1.ds"]["rules"][1]
    # a rule from outside the configured scopes is asked for
    lake.rules[1] = {**above, "scope": "elsewhere"}
    found = documents(harvester(lake, scopes=["b"]))
    assert [rule["id"] for rule in found["b:run1.ds"]["rules"]] == ["r1", "r2"]


def test_where_rules_hold_a_dataset(lake: FakeRucio) -> None:
    lake.rules = [{"id": "r1", "scope": "b", "name": "run1.ds", "comments": "for the archive", "locks_ok_cnt": 1}]
    lock = {"scope": "b", "name": "run1.ds", "rule_id": "r1", "state": "OK", "bytes": 10, "accessed_at": DATE}
    lake.locks = [{**lock, "rse": "B", "rse_id": "2"}, {**lock, "rse": "A", "rse_id": "1"}]
    lake.replicas[2]["accessed_at"] = DATE
    found = documents(harvester(lake))
    assert found["b:run1.ds"]["locks"] == [{"rule_id": "r1", "rse": rse, "state": "OK"} for rse in "AB"]
    assert found["b:run1.ds"]["rules"][0]["comments"] == "for the archive"
    assert found["b:run1.ds"]["replicas"][0]["accessed_at"] == DATE
    assert found["a:run1.ds"]["locks"] == []
    assert "locks" not in found["b:all.cont"]
    # Rucio promises no order
    before = [item.raw for item in fetched(harvester(lake))]
    lake.locks.reverse()
    assert [item.raw for item in fetched(harvester(lake))] == before


def test_a_server_that_tells_no_locks(lake: FakeRucio) -> None:
    lake.fault = lambda request: httpx.Response(404) if request.url.path.startswith("/locks/") else None
    assert all("locks" not in document for document in documents(harvester(lake)).values())
    assert len([asked for asked in lake.asked if "/locks/" in asked]) == 1


def test_requests_are_bulk(lake: FakeRucio) -> None:
    for n in range(600):
        lake.add("a", f"more{n:03}.ds")
        lake.replicas.append({"scope": "a", "name": f"more{n:03}.ds", "rse": "A", "length": 1})
    lake.asked.clear()
    pages = list(harvester(lake, scopes=["a"]).pages(Begin()))
    assert sum(len(page.items) for page in pages) == 602
    assert len(lake.asked) < 25
    assert max(len(page.items) for page in pages) == 250


def test_an_uncounted_dataset_is_counted(lake: FakeRucio) -> None:
    lake.columns["a", "run1.ds"] |= {"bytes": None, "length": None}
    lake.replicas[1] |= {"length": 0, "available_length": 0, "state": "UNAVAILABLE"}
    document = documents(harvester(lake))["a:run1.ds"]
    assert document["size"] == {"bytes": 70.0, "length": 7}
    assert [row["rse"] for row in document["replicas"]] == ["A", "DEEP"]
    assert not [asked for asked in lake.asked if "run%2F2" in asked or "run/2.ds/datasets" in asked]


def test_going_on_from_any_checkpoint_gives_the_same_documents(lake: FakeRucio) -> None:
    for n in range(5):
        lake.add("b", f"x{n}.cont", "CONTAINER")
        lake.contents["b", f"x{n}.cont"] = [("a", "run1.ds")]
    pages = list(harvester(lake, page=2).pages(Begin()))
    whole = [item for page in pages for item in page.items]
    assert len(whole) == 9
    for n, page in enumerate(pages):
        checkpoint = json.loads(json.dumps(page.checkpoint))
        before = [item for earlier in pages[: n + 1] for item in earlier.items]
        assert before + fetched(harvester(lake, page=2), checkpoint) == whole


def test_a_place_that_is_gone_is_still_a_place(lake: FakeRucio) -> None:
    del lake.columns["a", "run/2.ds"]
    rest = fetched(harvester(lake), {"type": "dataset", "scope": "a", "name": "run/2.ds"})
    assert [item.native_id for item in rest] == ["a:run1.ds", "b:run1.ds"]


def test_what_bulk_leaves_out_is_looked_at_singly(lake: FakeRucio) -> None:
    lake.hidden_from_bulk = {"run/2.ds"}
    assert documents(harvester(lake))["a:run/2.ds"]["metadata"]["note"] == "run/2.ds"


def test_a_line_that_cannot_be_read_is_asked_for_singly_and_stops_no_other(lake: FakeRucio) -> None:
    before = documents(harvester(lake))
    single = b"not JSON"

    def fault(request: httpx.Request) -> httpx.Response | None:
        if request.url.path == "/dids/bulkmeta":
            rows = lake._bulk("/dids/bulkmeta", json.loads(request.content)).content.splitlines()
            broken = len(rows) > 1
            return httpx.Response(
                200, content=b"\n".join(b"{" if broken and b'"run1.ds"' in row else row for row in rows)
            )
        if request.url.path == "/dids/a/run1.ds/meta" and single:
            return httpx.Response(200, content=single)
        return None

    lake.fault = fault
    pages = list(harvester(lake).pages(Begin()))
    assert {item.native_id for page in pages for item in page.items} == before.keys() - {"a:run1.ds"}
    assert [problem[:2] for page in pages for problem in page.problems] == [("a:run1.ds", "source.bad-record")]
    single = b""
    assert documents(harvester(lake)) == before


def test_a_did_deleted_since_the_listing_is_passed_over(lake: FakeRucio) -> None:
    def vanish(request: httpx.Request) -> None:
        if request.url.path == "/dids/bulkmeta":
            lake.columns.pop(("a", "run1.ds"), None)

    lake.fault = vanish
    assert "a:run1.ds" not in documents(harvester(lake))


def test_a_server_without_json_metadata(lake: FakeRucio) -> None:
    lake.without_json = True
    assert {name: document["metadata"] for name, document in documents(harvester(lake)).items()}["a:run1.ds"] == {}
    assert fetched(harvester(lake)) != []


def test_bare_infinity_is_read(lake: FakeRucio) -> None:
    lake.metadata["a", "run1.ds"] = {"quota": float("inf"), "noise": float("nan")}
    item = next(item for item in fetched(harvester(lake)) if item.native_id == "a:run1.ds")
    assert item.raw is not None
    json.loads(item.raw, parse_constant=pytest.fail)
    assert json.loads(item.raw)["metadata"] == {"quota": "Infinity", "noise": "NaN"}


def test_identifiers_stream_in_batches(lake: FakeRucio) -> None:
    for n in range(1500):
        lake.add("a", f"n{n}.ds")
    batches = list(harvester(lake).identifiers())
    assert max(map(len, batches)) == 1000
    assert len({name for batch in batches for name in batch}) == 1504


def test_is_gone(lake: FakeRucio) -> None:
    one = harvester(lake, scopes=["a", "b"])
    lake.columns["b", "run1.ds"]["suppressed"] = True
    asked = ["a:run/2.ds", "a:nothing", "b:run1.ds", "a:f.fits", "c:run1.ds", "nonsense"]
    assert [one.is_gone(name) for name in asked] == [False, True, True, True, True, True]


def test_a_404_about_another_name_is_no_deletion(lake: FakeRucio) -> None:
    def proxy(request: httpx.Request) -> httpx.Response | None:
        return httpx.Response(404) if "run/2.ds" in request.url.path else None  # it has merged the slashes

    lake.fault = proxy
    assert not harvester(lake).is_gone("a:run/2.ds")


def _answer(path: str, response: Callable[[], httpx.Response]) -> Callable[[httpx.Request], httpx.Response | None]:
    return lambda request: response() if request.url.path == path else None


class _Cut(httpx.SyncByteStream):
    """An answer whose connection breaks after its first line."""

    def __iter__(self) -> Iterator[bytes]:
        yield b'"run1.ds"\n'
        raise httpx.RemoteProtocolError("peer closed connection without sending complete message body")


@pytest.mark.parametrize(
    ("path", "response", "code"),
    [
        ("/dids/b/dids/search", lambda: httpx.Response(200, stream=_Cut()), "source.truncated"),
        ("/dids/b/dids/search", lambda: httpx.Response(200, content=b"<html>"), "source.bad-answer"),
        ("/dids/b/dids/search", lambda: httpx.Response(200, content=b'{"name": 1}\n'), "source.bad-answer"),
        ("/dids/bulkmeta", lambda: httpx.Response(503), "source.http-status"),
        (
            "/dids/bulkmeta",
            lambda: httpx.Response(500, headers={"ExceptionClass": "DatabaseException"}),
            "source.http-status",
        ),
        ("/dids/bulkmeta", lambda: httpx.Response(200, content=b"[1]\n"), "source.bad-answer"),
        ("/dids/bulkmeta", lambda: httpx.Response(200, content=b'{"no": 1}\n'), "source.bad-answer"),
        ("/scopes/", lambda: httpx.Response(200, json={"scopes": []}), "source.bad-answer"),
        ("/scopes/", lambda: httpx.Response(404), "source.http-status"),
        ("/rules/", lambda: httpx.Response(200, content=b"null\n"), "source.bad-answer"),
        ("/replicas/datasets_bulk", lambda: httpx.Response(200, content=b"{"), "source.bad-answer"),
        ("/auth/userpass", lambda: httpx.Response(200), "source.bad-answer"),
    ],
)
def test_a_broken_answer_ends_the_harvest_as_failed(
    lake: FakeRucio, path: str, response: Callable[[], httpx.Response], code: str
) -> None:
    lake.fault = _answer(path, response)
    with pytest.raises(SourceError) as caught:
        fetched(harvester(lake))
    assert caught.value.code == code


def test_an_unknown_scope_is_an_error_and_not_an_empty_lake(lake: FakeRucio) -> None:
    lake.add("skao", "x.ds")
    with pytest.raises(SourceError, match="did you mean 'skao'") as caught:
        fetched(harvester(lake, scopes=["skoa"]))
    assert caught.value.code == "source.unknown-scope"


# -- tokens ---------------------------------------------------------------------------------------------


def test_a_token_refused_midway_is_renewed_once(lake: FakeRucio) -> None:
    def expire(request: httpx.Request) -> None:
        if request.url.path == "/replicas/datasets_bulk" and request.headers["X-Rucio-Auth-Token"] == "token-0":
            lake.tokens.discard("token-0")
            lake.tokens.add("used-0")

    lake.fault = expire
    assert len(fetched(harvester(lake))) == 4
    assert lake.asked.count("GET /auth/userpass") == 2


def test_a_token_is_renewed_before_it_ends(lake: FakeRucio) -> None:
    clock = [0.0]
    session = RucioSession(
        *(lake.client(), "http://rucio.test"),
        account="root",
        auth="userpass",
        username="u",
        password=PASSWORD,
        now=lambda: clock[0],
    )
    session.get("/scopes/")
    clock[0] = 3400.0
    session.get("/scopes/")
    assert lake.asked.count("GET /auth/userpass") == 1
    clock[0] = 3500.0
    session.get("/scopes/")
    assert lake.asked.count("GET /auth/userpass") == 2


def test_a_wrong_password_is_said_without_saying_it(lake: FakeRucio) -> None:
    one = harvester(lake, password="wrong secret")
    with pytest.raises(SourceError, match="'root'") as caught:
        fetched(one)
    assert caught.value.code == "source.unauthorised"
    assert "wrong secret" not in f"{caught.value} {caught.value.context} {one._session!r}"


def test_a_server_that_refuses_each_token_is_not_asked_for_ever(lake: FakeRucio) -> None:
    lake.fault = lambda request: None if request.url.path.startswith("/auth/") else httpx.Response(401)
    with pytest.raises(SourceError) as caught:
        fetched(harvester(lake))
    assert caught.value.code == "source.unauthorised"
    assert len(lake.asked) == 4


def test_oidc_reads_its_token_file_again(lake: FakeRucio, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("first\n")
    lake.tokens = {"first"}
    one = harvester(lake, auth="oidc", token_file=str(file))
    assert not one.is_gone("a:run1.ds")
    lake.tokens = {"second"}
    with pytest.raises(SourceError, match="put a new one there") as caught:
        one.is_gone("a:run1.ds")
    assert caught.value.code == "source.unauthorised"
    assert "first" not in str(caught.value)
    file.write_text("second\n")
    assert not one.is_gone("a:run1.ds")
    assert not [asked for asked in lake.asked if "/auth/" in asked]
    file.unlink()
    with pytest.raises(SourceError, match="cannot be read"):
        one.is_gone("a:run1.ds")


def test_x509_asks_its_own_door(lake: FakeRucio) -> None:
    assert len(fetched(harvester(lake, auth="x509", certificate="cert.pem"))) == 4
    assert lake.asked[0] == "GET /auth/x509"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"auth": "gss"}, "userpass, x509, oidc"),
        ({"password": None}, "needs password"),
        ({"auth": "oidc"}, "needs token_file"),
        ({"auth": "x509"}, "needs certificate"),
        ({"types": ["datasets"]}, "did you mean 'dataset'"),
    ],
)
def test_settings_that_cannot_work(lake: FakeRucio, options: dict[str, Any], words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        harvester(lake, **options)


def test_names_travel_quoted() -> None:
    assert did_path("a", "/x/y z+ä?.ds") == "/dids/a/%2Fx%2Fy%20z%2B%C3%A4%3F.ds"


# -- a real server --------------------------------------------------------------------------------------


class RealRucio:
    """Changes a real server over plain HTTP, in a scope of its own."""

    def __init__(self, url: str) -> None:
        self.scope = f"test{secrets.token_hex(4)}"
        self.http = httpx.Client(base_url=url, timeout=30)
        self.login = {
            "username": os.environ.get("ASTERISM_TEST_RUCIO_USERNAME", "ddmlab"),
            "password": os.environ.get("ASTERISM_TEST_RUCIO_PASSWORD", "secret"),
        }
        headers = {f"X-Rucio-{word.title()}": value for word, value in self.login.items()}
        answer = self.http.get("/auth/userpass", headers={"X-Rucio-Account": "root", **headers})
        self.http.headers["X-Rucio-Auth-Token"] = answer.raise_for_status().headers["X-Rucio-Auth-Token"]
        self("POST", f"/scopes/root/{self.scope}")
        self.url = url
        self.client = PoliteClient(contact="test@example.org")

    def close(self) -> None:
        self.http.close()
        self.client.close()

    def __call__(self, method: str, path: str, body: Any = None) -> httpx.Response:
        return self.http.request(method, path, json=body).raise_for_status()

    def did(self, name: str) -> dict[str, str]:
        return {"scope": self.scope, "name": name}

    def add(self, name: str, kind: str = "DATASET", **metadata: Any) -> None:
        self("POST", did_path(self.scope, name), {"type": kind})
        if metadata:
            self.describe(name, **metadata)

    def describe(self, name: str, **metadata: Any) -> None:
        self("POST", f"{did_path(self.scope, name)}/meta", {"meta": metadata})

    def attach(self, name: str, *children: str) -> None:
        self("POST", f"{did_path(self.scope, name)}/dids", {"dids": [self.did(child) for child in children]})

    def harvester(self, **more: Any) -> RucioHarvester:
        options: dict[str, Any] = {"account": "root", "auth": "userpass", "scopes": [self.scope], **self.login}
        return RucioHarvester(self.client, self.url, **(options | more))

    def records(self, **more: Any) -> dict[str, Record]:
        made = {}
        for item in fetched(self.harvester(**more)):
            assert item.raw is not None
            made[item.native_id.partition(":")[2]] = to_record(item.raw, {}).record or {}
        return made


@pytest.fixture(scope="module")
def real(rucio_url: str) -> Iterator[RealRucio]:
    server = RealRucio(rucio_url)
    yield server
    server.close()


@pytest.mark.real
def test_real_harvest_change_harvest(real: RealRucio) -> None:
    real.add("crab/run1.ds", s_ra=83.63, s_dec=22.01, s_fov=5.0, t_min=53345.9, t_max=53346.0, target_name="Crab")
    real.add("dark.ds", project="ESCAPE", run_number=7, quota=1.5, flags=[True, None, "x"], deep={"a": {"b": 1}})
    real.add("all.cont", "CONTAINER", obs_title="All runs")
    real.attach("all.cont", "crab/run1.ds", "dark.ds")
    first = real.records()
    assert set(first) == {"all.cont", "crab/run1.ds", "dark.ds"}
    assert (first["all.cont"]["kind"], first["all.cont"]["title"]) == ("collection", "All runs")
    assert [link["identifier"] for link in first["all.cont"]["relations"]] == [
        f"{real.scope}:crab/run1.ds",
        f"{real.scope}:dark.ds",
    ]
    crab = first["crab/run1.ds"]
    assert crab["position"] == {"ra": 83.63, "dec": 22.01}
    assert crab["footprint"] == {"circle": [83.63, 22.01, 2.5]}
    assert crab["targets"] == ["Crab"]
    assert crab["relations"] == [{"type": "IsPartOf", "identifier": f"{real.scope}:all.cont", "scheme": "rucio"}]
    extra = first["dark.ds"]["extra"]["rucio"]
    assert (extra["project"], extra["run_number"], extra["quota"]) == ("ESCAPE", 7, 1.5)
    assert (extra["flags"], extra["deep"]) == ([True, None, "x"], {"a": {"b": 1}})

    assert real.records() == first  # nothing moved, and nothing looks changed
    real.describe("crab/run1.ds", s_ra=84.0)
    real.add("new.ds")
    second = real.records()
    assert second["crab/run1.ds"]["position"]["ra"] == 84.0
    assert set(second) - set(first) == {"new.ds"}
    assert second["dark.ds"] == first["dark.ds"]


@pytest.mark.real
def test_real_replicas_rules_and_files(real: RealRucio) -> None:
    rse = f"TEST-{secrets.token_hex(4).upper()}"
    real("POST", f"/rses/{rse}", {"deterministic": True})
    real("POST", f"/accounts/root/limits/local/{rse}", {"bytes": -1})
    files = [{**real.did(f"f{n}.fits"), "bytes": 10 * n, "adler32": f"0000000{n}"} for n in (1, 2)]
    real("POST", "/replicas", {"rse": rse, "files": files, "ignore_availability": True})
    real.add("open.ds")
    real.attach("open.ds", "f1.fits", "f2.fits")
    real.add("open.cont", "CONTAINER")
    real.attach("open.cont", "open.ds")
    body = {"copies": 1, "rse_expression": rse, "lifetime": None, "grouping": "DATASET", "account": "root"}
    (above,) = real("POST", "/rules/", {**body, "dids": [real.did("open.cont")], "lifetime": 86400}).json()
    (direct,) = real("POST", "/rules/", {**body, "dids": [real.did("open.ds")]}).json()
    made = real.records(types=["container", "dataset", "file"])
    dataset = made["open.ds"]
    assert (dataset["bytes"], dataset["files"]) == (30, 2)
    assert dataset["replicas"] == [{"rse": rse, "state": "AVAILABLE", "files": 2, "bytes": 30}]
    locks = {lock["rule"]: lock for lock in dataset["locks"]}
    assert set(locks) == {above, direct}
    assert locks[direct]["expires_at"] is None
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", locks[above]["expires_at"])
    assert {lock["rse"] for lock in locks.values()} == {rse}
    assert [lock["rule"] for lock in made["open.cont"]["locks"]] == [above]
    assert (made["open.cont"]["bytes"], made["open.cont"]["files"]) == (30, 2)
    assert made["f1.fits"]["replicas"] == [{"rse": rse, "state": "AVAILABLE", "files": 1, "bytes": 10}]
    assert (made["f1.fits"]["kind"], made["f1.fits"]["bytes"]) == ("other", 10)


@pytest.mark.real
def test_real_odd_names_deletion_and_listing(real: RealRucio) -> None:
    names = ["/lead/a.ds", "x/meta", "x/dids", "deep/er/name.ds"]
    real("POST", "/dids", [{**real.did(name), "type": "DATASET"} for name in names])
    one = real.harvester()
    listed = {name for batch in one.identifiers() for name in batch}
    assert {f"{real.scope}:{name}" for name in names} <= listed
    assert set(names) <= set(real.records())
    assert not any(one.is_gone(f"{real.scope}:{name}") for name in names)
    assert one.is_gone(f"{real.scope}:never.ds")
    assert one.is_gone("another:x")


@pytest.mark.real
def test_real_refusals(real: RealRucio) -> None:
    with pytest.raises(SourceError) as caught:
        fetched(real.harvester(password="wrong"))
    assert caught.value.code == "source.unauthorised"
    with pytest.raises(SourceError) as caught:
        fetched(real.harvester(scopes=[real.scope + "x"]))
    assert caught.value.code == "source.unknown-scope"
