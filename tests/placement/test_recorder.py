"""The recorder: what counts and what does not, what it costs a request, and a store that fails."""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from catalog.documents import Put
from catalog.store import Store
from placement import demand_store, recorder, terms
from placement.recorder import MOST_NOTES, NoRecorder, Recorder
from placement.settings import DemandSettings
from placement.sites import Sites
from schemas.query import Query, parse
from tests.catalog.conftest import store, store_url  # noqa: F401  # fixtures
from tests.catalog.records import record
from tests.placement.test_demand import weights

NOW = 1_790_000_000.0
CRAB = parse([("cone", "83.63,22.01,0.1"), ("facilities", "MeerKAT")])
Found = dict[tuple[int, int, str], float]


class Clock:
    now = NOW

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def made(store: Store, clock: Clock) -> Iterator[Recorder]:  # noqa: F811
    one = Recorder(store, DemandSettings(), "lake", every=3600, clock=clock)
    yield one
    one.close()


def kept(one: Recorder, store: Store) -> Found:  # noqa: F811
    """What is in the store once all is saved."""
    assert one.flush()
    half_life = DemandSettings().half_life
    return {row: slow for row, (_, slow) in weights(demand_store.load(store, half_life, NOW)).items()}


def of(dim: int, found: Found) -> Found:
    return {row: round(slow, 9) for row, slow in found.items() if row[0] == dim}


def test_a_search_counts_by_its_terms_and_by_what_it_finds(made: Recorder, store: Store) -> None:  # noqa: F811
    made.search(CRAB, ["a", "b"], 4, "CAPE")
    found = kept(made, store)
    assert of(terms.FOUND, found) == {(terms.FOUND, terms.record_key(id), "CAPE"): 0.25 for id in "ab"}
    asked = {(one.dim, one.key, "CAPE"): one.amount for one in terms.of_query(CRAB)}
    assert {row: slow for row, slow in found.items() if row[0] != terms.FOUND} == pytest.approx(asked)
    assert {row[0] for row in asked} == {terms.SKY, terms.FACET}


def test_a_query_that_terms_fail_on_costs_no_other_its_place(
    made: Recorder,
    store: Store,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real = terms.of_query

    def failing(query: Query) -> list[terms.Asked]:
        if query.text == "bad":
            raise ValueError("a fault")
        return real(query)

    monkeypatch.setattr(terms, "of_query", failing)
    for word in ("bad", "crab", "vela"):
        made.search(parse([("q", word)]), [], 500, "")
    assert len(kept(made, store)) == 2


def test_what_does_not_count(made: Recorder, store: Store) -> None:  # noqa: F811
    made.search(parse([("facets", "kind"), ("sort", "-bytes")]), ["a"], 1, "")
    made.search(parse([("q", "crab"), ("cursor", "2")]), ["a"], 1, "")
    assert kept(made, store) == {}
    made.search(parse([("q", "crab"), ("limit", "0")]), [], 101, "")
    assert {row[0] for row in kept(made, store)} == {terms.WORD}
    made.search(parse([("q", "crab nebula")]), ["a"], recorder.FEW + 1, "")
    assert of(terms.FOUND, kept(made, store)) == {}


def test_a_loop_counts_once_in_a_while(made: Recorder, store: Store, clock: Clock) -> None:  # noqa: F811
    for _ in range(50):
        made.search(parse([("q", "crab")]), [], 500, "CAPE")
        made.search(parse([("q", "crab"), ("limit", "3"), ("facets", "kind")]), [], 500, "CAPE")
        made.view("a", "CAPE")
        made.resolve(10.0, 20.0, "CAPE")
    made.search(parse([("q", "crab")]), [], 500, "PERTH")
    found = kept(made, store)
    assert set(found.values()) == {1.0}
    assert sorted((row[0], row[2]) for row in found) == [(1, "CAPE"), (3, "CAPE"), (6, "CAPE"), (6, "PERTH")]
    made.view("a", "CAPE")
    assert of(terms.VIEW, kept(made, store)) == {(terms.VIEW, terms.record_key("a"), "CAPE"): 2.0}


def test_views_of_merged_records_are_of_their_parts(made: Recorder, store: Store) -> None:  # noqa: F811
    same = [{"scheme": "doi", "value": "10.5072/1"}]
    ids = []
    for source in ("lake", "vo"):
        one = record("x", source=source, identifiers=same)
        store.save(source, [Put("x", one)])
        ids.append(one["id"])
    whole = store.cluster_of(ids[0])
    assert whole is not None
    made.view(whole, "")
    made.search(parse([("q", "crab")]), [whole], 1, "")
    found = kept(made, store)
    for dim in (terms.VIEW, terms.FOUND):
        assert of(dim, found) == {(dim, terms.record_key(id), ""): 1.0 for id in ids}


def test_the_footprint_of_a_record_is_a_region(made: Recorder, store: Store) -> None:  # noqa: F811
    there = record("there", footprint={"circle": [83.63, 22.01, 0.1]})
    hidden = record("hidden", footprint={"circle": [10, 10, 0.1]}, rights={"level": "restricted"})
    store.save("lake", [Put("there", there), Put("hidden", hidden)])
    for id in (there["id"], hidden["id"]):
        made.search(parse([("footprint_of", id)]), [], 500, "")
    cells = {(one.dim, one.key, "") for one in terms.of_query(CRAB) if one.dim == terms.SKY}
    assert kept(made, store).keys() == cells


def test_a_request_pays_microseconds(store: Store, clock: Clock) -> None:  # noqa: F811
    networks = tuple((ipaddress.ip_network(f"10.{n}.0.0/16"), f"S{n}") for n in range(200))
    made = Recorder(store, DemandSettings(sites=networks), every=3600, clock=clock)
    ids = [str(n) for n in range(100)]
    best = 1.0
    for _ in range(5):
        started = time.perf_counter()
        for _ in range(1000):
            made.search(CRAB, ids, 100, made.site("10.77.1.2"))
        best = min(best, (time.perf_counter() - started) / 1000)
    made.close()
    assert best < 20e-6


def test_the_oldest_notes_are_dropped(store: Store, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    made = Recorder(store, DemandSettings(), every=3600, clock=clock)
    for _ in range(MOST_NOTES + 7):
        made.view("a", "")
    assert made.dropped == 7
    assert kept(made, store)
    made.close()


@pytest.mark.parametrize("method", ["reading", "writing"])  # before the notes are terms, and after
def test_a_store_that_is_gone_fails_nobody_and_gets_it_later(
    store: Store,  # noqa: F811
    made: Recorder,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    method: str,
) -> None:
    trace = b'{"eventType": "get", "scope": "s", "dataset": "d", "localSite": "CAPE", "filename": "f"}'

    def gone(*_: object) -> None:
        raise OSError("gone")

    with monkeypatch.context() as patched:
        made.view("a", "")
        made.search(CRAB, ["b"], 1, "")
        assert made.traces([trace]).taken["read"] == 1
        patched.setattr(store.database, method, gone)
        assert not made.flush()
        assert not made.flush()
    assert len(caplog.records) == 1
    found = kept(made, store)
    assert of(terms.VIEW, found) == {(terms.VIEW, terms.record_key("a"), ""): 1.0}
    assert of(terms.FOUND, found) == {(terms.FOUND, terms.record_key("b"), ""): 1.0}
    assert list(of(terms.READ, found).values()) == [1.0]
    assert kept(made, store) == found


def test_what_is_noted_is_saved_meanwhile_and_at_the_end(store: Store) -> None:  # noqa: F811
    soon = Recorder(store, DemandSettings(), every=0.02)
    soon.view("a", "")
    until = time.monotonic() + 10
    while not store.database.fetch("SELECT 1 FROM demand", ()):
        assert time.monotonic() < until, "nothing was saved"
        time.sleep(0.01)
    soon.close()
    last = Recorder(store, DemandSettings(), every=3600)
    last.view("b", "")
    last.close()
    last.close()
    assert len(store.database.fetch("SELECT 1 FROM demand", ())) == 2


def test_two_recorders_are_one(store: Store, clock: Clock) -> None:  # noqa: F811
    for _ in range(2):
        one = Recorder(store, DemandSettings(), clock=clock)
        one.search(CRAB, ["a"], 1, "")
        one.close()
    rows = store.database.fetch("SELECT slow FROM demand WHERE dim = 2", ())
    assert [row[0] for row in rows] == [2.0]


def test_nothing_of_who_asks_is_kept(tmp_path: Path, clock: Clock) -> None:
    settings = DemandSettings(sites=((ipaddress.ip_network("192.0.2.0/24"), "CAPE"),))
    with Store.create_or_upgrade(f"sqlite:///{tmp_path / 'asterism.db'}") as store:  # noqa: F811
        made = Recorder(store, settings, "lake", clock=clock)
        made.view("a", made.site("192.0.2.77"))
        made.search(parse([("q", "betelgeuse")]), [], 500, made.site("192.0.2.77"))
        made.traces([b'{"eventType":"get","scope":"s","dataset":"d","usrdn":"CN=Ada","account":"ada","localSite":"X"}'])
        made.close()
        assert len(store.database.fetch("SELECT 1 FROM demand", ())) == 3
    for file in tmp_path.iterdir():
        for text in (b"192.0.2.77", b"Ada", b"ada", b"betelgeuse"):
            assert text not in file.read_bytes()


def test_switched_off_it_keeps_nothing() -> None:
    off = NoRecorder()
    off.search(CRAB, ["a"], 1, off.site("192.0.2.1"))
    off.view("a", "")
    off.resolve(1, 2, "")
    assert off.traces([b"{}\n", b"\n"]).ignored == {"off": 1}
    off.close()


def test_without_a_lake_traces_are_left_out(store: Store) -> None:  # noqa: F811
    made = Recorder(store, DemandSettings())
    tally = made.traces([b'{"eventType": "get", "scope": "s", "dataset": "d"}'])
    assert (dict(tally.taken), dict(tally.ignored)) == ({}, {"no-lake": 1})
    made.close()


@pytest.mark.parametrize(
    ("host", "site"),
    [
        ("192.0.2.5", "WIDE"),
        ("192.0.2.130", "NARROW"),
        ("::ffff:192.0.2.130", "NARROW"),
        ("2001:db8::1", "SIX"),
        ("198.51.100.1", ""),
        ("testclient", ""),
        (None, ""),
    ],
)
def test_the_site_of_a_reader_is_the_narrowest_network(host: str | None, site: str) -> None:
    networks = {"192.0.2.0/24": "WIDE", "192.0.2.128/25": "NARROW", "2001:db8::/32": "SIX"}
    assert Sites([(ipaddress.ip_network(one), name) for one, name in networks.items()]).of(host) == site
    assert Sites([]).of(host) == ""


def test_a_store_that_takes_nothing_is_asked_once_for_many_traces(
    store: Store,  # noqa: F811
    made: Recorder,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = []

    def busy(*_: object) -> None:
        asked.append(1)
        raise OSError("busy")

    traces = [b'{"eventType": "get", "scope": "s", "dataset": "d%d"}' % n for n in range(60)]
    monkeypatch.setattr("placement.recorder.MOST_NOTES", 100)
    with monkeypatch.context() as patched:
        patched.setattr(store.database, "writing", busy)
        assert made.traces(traces).taken["read"] == 60
    assert len(asked) == 1
    assert len(of(terms.READ, kept(made, store))) == 60


def test_a_flood_is_pruned_before_the_hour(
    store: Store,  # noqa: F811
    made: Recorder,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(recorder, "PRUNE_AFTER", 20)
    monkeypatch.setattr(recorder, "prune", lambda *of: demand_store.prune(*of, most=30))
    for first in range(0, 90, 30):
        made.traces(b'{"eventType": "get", "scope": "s", "dataset": "d%d"}' % n for n in range(first, first + 30))
        assert len(kept(made, store)) <= 33
