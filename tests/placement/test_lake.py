"""The state of the lake: what is made of Rucio's answers, also of wrong ones, and how it is kept."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from catalog.store import Store
from harvesters.registry import rucio_session
from harvesters.rucio_lake import DISTANCES_LAST, LakeReader
from placement import lake as lakes
from placement.state import Lake, Rse
from schemas.errors import SettingsError, SourceError

NOW = 1_800_000_000.0
DATE, TIME = "Sat, 21 Nov 2026 03:41:50 UTC", 1795232510.0


class FakeRucio:
    """What LakeReader asks, with three RSEs at two sites, and places to break it."""

    def __init__(self) -> None:
        self.columns: dict[str, dict[str, Any]] = {}
        self.attributes: dict[str, dict[str, Any]] = {}
        self.usage: dict[str, list[dict[str, Any]]] = {}
        self.limits: dict[str, dict[str, Any]] = {}
        self.distances = {("A", "B"): 2, ("B", "A"): 3, ("A", "T"): 1}
        self.account_attributes: list[dict[str, Any]] = []
        self.local: dict[str, Any] = {"A": 1000, "B": float("inf")}
        self.shared: dict[str, Any] = {}
        self.locked: dict[str, int] = {"A": 100}
        self.asked: list[str] = []
        self.order = random.Random(0)
        self.fault: Callable[[str], httpx.Response | None] = lambda path: None
        for name, kind in (("B", "DISK"), ("A", "DISK"), ("T", "TAPE")):
            self.add(name, kind)

    def add(self, name: str, kind: str = "DISK") -> None:
        flags = dict.fromkeys(("availability_read", "availability_write", "availability_delete"), True)
        self.columns[name] = {"rse": name, "rse_type": kind, "volatile": False, "city": None, **flags}
        self.attributes[name] = {name: True, "site": "NORTH" if name in "AT" else "SOUTH"}
        rucio = {"source": "rucio", "used": 300, "free": None, "total": 300, "updated_at": DATE}
        self.usage[name] = [rucio, {"source": "storage", "used": 400, "free": 600, "total": 1000, "updated_at": DATE}]
        self.limits[name] = {"MinFreeSpace": 50}

    def __call__(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        if path.startswith("/auth/"):
            return httpx.Response(200, headers={"X-Rucio-Auth-Token": "t"})
        self.asked.append(path)
        if (faulty := self.fault(path)) is not None:
            return faulty
        _, room, *rest = path.split("/")
        return self._account(rest[1:]) if room == "accounts" else self._rse(*rest)

    def _rse(self, name: str, part: str | None = None, other: str = "") -> httpx.Response:
        if not name:
            return self._rows(list(self.columns.values()))
        if part == "distances":
            far = self.distances.get((name, other))
            return httpx.Response(200, json=[] if far is None else [{"distance": far, "ranking": far}])
        if part == "usage":
            return self._rows(self.usage[name])
        return httpx.Response(
            200, json={None: self.columns, "attr": self.attributes, "limits": self.limits}[part][name]
        )

    def _account(self, asked: list[str]) -> httpx.Response:
        if asked[0] == "usage":
            return self._rows([{"rse": rse, "bytes": count} for rse, count in self.locked.items()])
        answers = {("attr", ""): self.account_attributes, ("limits", "local"): self.local}
        value = answers.get((asked[0], asked[1]), self.shared)
        return httpx.Response(200, content=json.dumps(value))  # Infinity comes bare

    def _rows(self, rows: list[Any]) -> httpx.Response:
        self.order.shuffle(rows)  # Rucio promises no order
        return httpx.Response(200, content="".join(json.dumps(row) + "\n" for row in rows))


@pytest.fixture
def rucio() -> FakeRucio:
    return FakeRucio()


OPTIONS = {"url": "http://127.0.0.1:1", "account": "us", "auth": "userpass", "username": "u", "password": "p"}


def document(rucio: FakeRucio, before: dict[str, Any] | None = None, now: float = NOW) -> dict[str, Any]:
    session = rucio_session({**OPTIONS, "scopes": ["x"]}, "", transport=httpx.MockTransport(rucio))
    rucio.asked.clear()
    return json.loads(json.dumps(LakeReader(session).read("lake", session.account, now, before)))  # type: ignore[no-any-return]


def state(rucio: FakeRucio, before: dict[str, Any] | None = None) -> dict[str, Rse]:
    return {rse.name: rse for rse in lakes.read(document(rucio, before)).rses}


def test_what_is_made_of_the_answers(rucio: FakeRucio) -> None:
    rucio.columns["T"]["availability_write"] = False
    found = lakes.read(document(rucio))
    assert (found.source, found.account, found.taken_at) == ("lake", "us", NOW)
    assert found.distances == {("A", "B"): 2, ("B", "A"): 3, ("A", "T"): 1}
    a, b, tape = found.rses
    assert [rse.name for rse in found.rses] == ["A", "B", "T"]
    assert (a.site, b.site, tape.kind, tape.writable, tape.readable) == ("NORTH", "SOUTH", "TAPE", False, True)
    assert (a.total, a.used, a.free, a.min_free, a.measured_at) == (1000, 400, 600, 50, TIME)
    assert a.attributes["A"] is True
    assert a.attributes["rse_type"] == "DISK"
    assert found.cost[found.sites.index("SOUTH"), 0] == pytest.approx(2 / 3)


def test_the_same_state_whatever_the_order_of_answers(rucio: FakeRucio) -> None:
    first = document(rucio)
    for _ in range(5):
        assert document(rucio) == first
        assert lakes.read(document(rucio)) == lakes.read(first)


def test_rucio_itself_does_not_know_what_is_free(rucio: FakeRucio) -> None:
    del rucio.usage["A"][1]
    a = state(rucio)["A"]
    assert (a.total, a.used, a.free) == (None, 300, None)
    rucio.limits["A"]["MaxSpaceAvailable"] = 1000
    assert state(rucio)["A"].free == 700
    rucio.usage["A"].clear()
    a = state(rucio)["A"]
    assert (a.used, a.free, a.measured_at) == (None, None, None)


def test_a_limit_of_space_stands_beside_what_the_storage_says(rucio: FakeRucio) -> None:
    rucio.limits["A"] = {"MaxSpaceAvailable": 500}
    assert (state(rucio)["A"].free, state(rucio)["A"].min_free) == (200, 0)


def test_an_rse_without_a_site_is_one(rucio: FakeRucio) -> None:
    del rucio.attributes["A"]["site"]
    assert state(rucio)["A"].site == "A"


def test_columns_stand_before_attributes(rucio: FakeRucio) -> None:
    rucio.attributes["A"] |= {"city": "X", "rse_type": "TAPE", "country": "ZA"}
    kept = state(rucio)["A"].attributes
    assert (kept["rse_type"], kept["country"], "city" in kept) == ("DISK", "ZA", False)


@pytest.mark.parametrize("column", ["volatile", "staging_area"])
def test_what_no_rule_should_want_is_not_written_to(rucio: FakeRucio, column: str) -> None:
    rucio.columns["A"][column] = True
    found = state(rucio)
    assert (found["A"].writable, found["A"].readable, found["B"].writable) == (False, True, True)


def test_flags_are_asked_for_where_the_list_has_none(rucio: FakeRucio) -> None:
    listed = [{"rse": name, "rse_type": row["rse_type"]} for name, row in rucio.columns.items()]
    rucio.fault = lambda path: rucio._rows(listed) if path == "/rses/" else None
    rucio.columns["A"]["availability_write"] = False
    found = state(rucio)
    assert (found["A"].writable, found["A"].readable, found["B"].writable) == (False, True, True)


# -- the account ----------------------------------------------------------------------------------------


def left(rucio: FakeRucio) -> dict[str, int | None]:
    return {name: rse.account_left for name, rse in state(rucio).items()}


def test_what_the_account_may_lock(rucio: FakeRucio) -> None:
    # a rule must leave a byte of the limit, and where there is no limit nothing may be locked
    assert left(rucio) == {"A": 899, "B": None, "T": 0}
    rucio.local = {"A": -1, "B": 10, "T": 0}
    rucio.locked = {"B": 20}
    assert left(rucio) == {"A": None, "B": 0, "T": 0}


def test_limits_over_several_rses(rucio: FakeRucio) -> None:
    rucio.shared = {"A|B": {"resolved_rses": ["A", "B"], "limit": 500}, "*": {"resolved_rses": ["A"], "limit": -1}}
    rucio.locked = {"A": 100, "B": 150}
    assert left(rucio) == {"A": 249, "B": 249, "T": 0}


def test_nothing_limits_an_administrator_nor_a_mock(rucio: FakeRucio) -> None:
    rucio.attributes["T"]["mock"] = True
    assert left(rucio)["T"] is None
    rucio.account_attributes = [{"key": "admin", "value": False}]
    assert left(rucio) == {"A": None, "B": None, "T": None}


def test_limits_that_cannot_be_read_are_no_leave(rucio: FakeRucio) -> None:
    rucio.fault = lambda path: httpx.Response(500) if path.endswith("/limits/local") else None
    found = document(rucio)
    assert {row["account_left"] for row in found["rses"]} == {0}
    assert "what us may lock cannot be read" in lakes.problems(found)[0]


# -- faults ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "answer", [httpx.Response(500, headers={"ExceptionMessage": "no"}), httpx.Response(200, content=b"<")]
)
@pytest.mark.parametrize("part", ["attr/", "usage", "limits"])
def test_an_rse_that_fails_alone_is_not_written_to(rucio: FakeRucio, part: str, answer: httpx.Response) -> None:
    before = document(rucio)
    rucio.fault = lambda path: answer if path == f"/rses/A/{part}" else None
    found = document(rucio, before)
    (problem,) = lakes.problems(found)
    assert problem.startswith("A: ")
    a, b, _ = lakes.read(found).rses
    assert (a.writable, a.deletable, b.writable) == (False, False, True)
    assert a.site == "NORTH"  # what is known from before: else no policy would count its copies there
    assert (a.free is None) == (part == "usage")


def test_flags_that_are_not_known_are_no(rucio: FakeRucio) -> None:
    del rucio.columns["A"]["availability_read"]
    rucio.fault = lambda path: httpx.Response(404) if path == "/rses/A" else None
    found = state(rucio)
    assert (found["A"].readable, found["A"].writable, found["B"].readable) == (False, False, True)


@pytest.mark.parametrize(
    ("path", "answer", "code"),
    [
        ("/rses/", httpx.Response(404), "source.http-status"),
        ("/rses/", httpx.Response(200, content=b'{"name": 1}\n'), "source.bad-answer"),
        ("/rses/A/usage", httpx.Response(418), "source.http-status"),
        ("/accounts/us/attr/", httpx.Response(401), "source.unauthorised"),
        ("/rses/A/distances/B", httpx.Response(418), "source.http-status"),
    ],
)
def test_without_the_list_or_the_server_there_is_no_state(
    rucio: FakeRucio, path: str, answer: httpx.Response, code: str
) -> None:
    rucio.fault = lambda asked: answer if asked == path else None
    with pytest.raises(SourceError) as caught:
        document(rucio)
    assert caught.value.code == code


# -- distances ------------------------------------------------------------------------------------------


def pairs(rucio: FakeRucio) -> int:
    return sum("/distances/" in path for path in rucio.asked)


def test_distances_are_asked_once_a_day_and_for_what_is_new(rucio: FakeRucio) -> None:
    first = document(rucio)
    assert pairs(rucio) == 6
    rucio.distances["A", "B"] = 9
    second = document(rucio, first, NOW + 100)
    assert pairs(rucio) == 0
    assert second["distances"] == first["distances"]
    rucio.add("C")
    rucio.distances["C", "A"] = 4
    del rucio.columns["B"]
    third = document(rucio, second, NOW + 200)
    assert pairs(rucio) == 4
    assert third["distances"] == [["A", "T", 1], ["C", "A", 4]]
    assert third["distances_at"] == NOW
    del rucio.distances["A", "T"]
    fourth = document(rucio, third, NOW + DISTANCES_LAST)
    assert pairs(rucio) == 6
    assert fourth["distances"] == [["C", "A", 4]]
    assert fourth["distances_at"] == NOW + DISTANCES_LAST


def test_another_source_is_another_lake(rucio: FakeRucio) -> None:
    document(rucio, {**document(rucio), "source": "other"})
    assert pairs(rucio) == 6


def test_a_distance_that_cannot_be_read_stays_and_is_asked_for_again(rucio: FakeRucio) -> None:
    first = document(rucio)
    rucio.fault = lambda path: httpx.Response(500) if path == "/rses/A/distances/B" else None
    later = NOW + DISTANCES_LAST
    second = document(rucio, first, later)
    assert second["distances"] == first["distances"]
    assert lakes.problems(second)[0].startswith("1 distances cannot be read")
    rucio.fault = lambda path: None
    document(rucio, second, later + 1)
    assert pairs(rucio) == 6


# -- kept -----------------------------------------------------------------------------------------------


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.create_or_upgrade(f"sqlite:///{tmp_path / 'asterism.db'}") as made:
        yield made


def test_the_state_is_kept_whole_and_the_last_one_counts(rucio: FakeRucio, store: Store) -> None:
    assert lakes.lake(store, "lake") is None
    session = rucio_session(OPTIONS, "", transport=httpx.MockTransport(rucio))
    found = lakes.refresh(store, "lake", session, NOW)
    assert lakes.lake(store, "lake") == found
    assert isinstance(found, Lake)
    rucio.asked.clear()
    again = lakes.refresh(store, "lake", session, NOW + 1)
    assert lakes.lake(store, "lake") == again
    assert again.taken_at == NOW + 1
    assert pairs(rucio) == 0
    assert lakes.lake(store, "other") is None


def test_a_state_that_cannot_be_read_leaves_the_last(rucio: FakeRucio, store: Store) -> None:
    session = rucio_session(OPTIONS, "", transport=httpx.MockTransport(rucio))
    found = lakes.refresh(store, "lake", session, NOW)
    rucio.fault = lambda path: httpx.Response(404)
    with pytest.raises(SourceError):
        lakes.refresh(store, "lake", session, NOW + 1)
    assert lakes.lake(store, "lake") == found


def test_a_session_needs_what_its_source_needs() -> None:
    with pytest.raises(SettingsError, match="username"):
        rucio_session({key: value for key, value in OPTIONS.items() if key != "username"}, "")
    with pytest.raises(SettingsError) as caught:
        rucio_session({"url": "http://127.0.0.1:1"}, "")
    assert caught.value.code == "settings.missing-key"
