"""What the conformance suite cannot see of Elasticsearch: bulks, shards, points in time, rebuilds, lost servers."""

from __future__ import annotations

import random
import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from catalog import elastic_writing
from catalog.elastic import ElasticEngine
from catalog.elastic_client import Connection
from catalog.elastic_search import Memory
from catalog.engine import Change
from schemas.errors import QueryError, SearchIndexError
from schemas.query import Facet, Query, Region, Sort
from tests.catalog.conformance.records import make_record


@pytest.fixture
def made(elastic_url: str) -> Iterator[Any]:
    """Makes engines of one prefix, which no other test has."""
    prefix = f"test-{uuid.uuid4().hex[:10]}"
    engines = []

    def make(**more: Any) -> ElasticEngine:
        engines.append(ElasticEngine(elastic_url, prefix=prefix, **more))
        return engines[-1]

    yield make
    connection = Connection(elastic_url)
    for name in connection.ask("GET", f"/{prefix}-*/_alias"):
        connection.ask("DELETE", f"/{name}")
    for one in (*engines, connection):
        (one.disconnect if isinstance(one, ElasticEngine) else one.close)()


def changes(count: int, start: int = 0, *, title: str = "") -> list[Change]:
    rng = random.Random(start)
    found = []
    for n in range(start, start + count):
        record = make_record(rng, n) | {"rights": {"level": "open"}}
        found.append(Change(n + 1, record["id"], record | ({"title": title} if title else {})))
    return found


EVERYTHING = Query(limit=10_000)


# --- writing ---------------------------------------------------------------------------------------------------------


@pytest.mark.real
def test_a_late_bulk_undoes_neither_a_newer_version_nor_a_deletion(made: Any) -> None:
    engine = made()
    old, gone = changes(2, title="old")
    engine.apply([replace(old, seq=5, record=old.record | {"title": "new"}), Change(6, gone.id, None)], 6, "feed")
    made().apply([old, gone], 2, "feed")
    assert engine.search(EVERYTHING).ids == [old.id]
    assert engine.search(Query(filters=(), text="new")).total == 1
    assert engine.applied() == 6


@pytest.mark.real
def test_two_indexers_at_once_leave_what_one_leaves(made: Any) -> None:
    everything = changes(300)
    older = [replace(one, seq=one.seq + 300, record=one.record | {"title": "older"}) for one in everything]
    newer = [replace(one, seq=one.seq + 600, record=one.record | {"title": "newer"}) for one in everything]
    engine = made()
    engine.apply(everything, 300, "feed")
    threads = [threading.Thread(target=made().apply, args=(some, 0, "feed")) for some in (newer, older, newer[:50])]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert engine.search(Query(text="newer", limit=0)).total == 300
    assert engine.search(Query(text="older", limit=0)).total == 0


class Rejecting:
    """A connection double that answers bulks as told, and all else as the server without an index does."""

    def __init__(self, *statuses: list[int]) -> None:
        self.statuses = list(statuses)
        self.sent: list[int] = []

    def ask(self, method: str, path: str, body: Any = None, **more: Any) -> Any:
        lines = len(body) // 2
        self.sent.append(lines)
        some = self.statuses.pop(0)
        items = [
            {"index": {"_id": str(n), "status": s} | ({"error": "no"} if s > 300 else {})} for n, s in enumerate(some)
        ]
        return {"errors": any(s > 300 for s in some), "items": items}


def bulk(double: Rejecting, count: int) -> None:
    part = [(b"{}", str(n).encode()) for n in range(count)]
    elastic_writing.Writer(double, "p", {})._send("p-1", part)  # type: ignore[arg-type]  # a double


def test_rejected_parts_alone_are_sent_again_after_growing_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(time, "sleep", pauses.append)
    double = Rejecting([201, 429, 429, 200], [429, 201], [201])
    bulk(double, 4)
    assert double.sent == [4, 2, 1]
    assert pauses == sorted(pauses) and len(pauses) == 2


def test_rejections_without_end_are_an_error_that_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "sleep", lambda pause: None)
    with pytest.raises(SearchIndexError, match="load") as caught:
        bulk(Rejecting(*[[429]] * 20), 1)
    assert caught.value.code == "index.overloaded"


def test_a_newer_version_in_the_index_is_no_error() -> None:
    bulk(Rejecting([409, 201]), 2)


def test_a_refused_record_is_an_error_that_names_it() -> None:
    with pytest.raises(SearchIndexError, match="record 1") as caught:
        bulk(Rejecting([201, 400]), 2)
    assert caught.value.code == "index.write-failed"


# --- searching -------------------------------------------------------------------------------------------------------


@pytest.mark.real
def test_facets_over_several_shards_are_exact(made: Any) -> None:
    several = made(settings={"number_of_shards": 5})
    rng = random.Random(3)
    everything = changes(600)
    for change in everything:
        assert change.record is not None
        change.record["creators"] = [{"name": f"n{int(rng.expovariate(0.02))}"} for _ in range(3)]
    several.apply(everything, 600, "feed")
    counts: dict[str, int] = {}
    for change in everything:
        for name in {one["name"] for one in change.record["creators"]}:  # type: ignore[index]  # none is deleted
            counts[name] = counts.get(name, 0) + 1
    expected = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    for size in (1, 3, 10, 60):
        found = several.search(Query(facets=(Facet("creators", size),), limit=0)).facets["creators"]
        assert [(one.value, one.count) for one in found.buckets] == expected[:size]
    assert several._memory.several_shards


@pytest.mark.real
def test_a_walk_goes_on_when_its_point_in_time_is_gone(made: Any) -> None:
    engine = made()
    engine.apply(changes(60), 60, "feed")
    query = Query(sort=(Sort("bytes", descending=True),), limit=7)
    whole = engine.search(replace(query, limit=100)).ids
    found, cursor = [], None
    while True:
        answer = engine.search(replace(query, cursor=cursor))
        found += answer.ids
        cursor = answer.next
        if cursor is None:
            break
        engine._connection.ask("DELETE", "/_pit", {"id": pit}) if (pit := _pit(cursor)) else None
    assert found == whole


def _pit(cursor: str) -> str | None:
    import base64

    import orjson

    return orjson.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))[2]  # type: ignore[no-any-return]


@pytest.mark.real
@pytest.mark.parametrize("keys", [[1], ["x", 2], [None, "0000000000000000"], [1.5, "0" * 16, 3], "no", [float("inf")]])
def test_a_cursor_that_is_none_of_ours_is_refused(made: Any, keys: Any) -> None:
    import base64
    import json

    cursor = base64.urlsafe_b64encode(json.dumps(["bytes", keys, None]).encode()).decode()
    with pytest.raises(QueryError) as caught:
        made().search(Query(sort=(Sort("bytes"),), cursor=cursor))
    assert caught.value.code == "query.bad-cursor"


def asked_of(engine: ElasticEngine) -> list[str]:
    """The paths of the requests from now on."""
    asked: list[str] = []
    ask = engine._connection.ask
    engine._connection.ask = lambda method, path, *rest, **more: asked.append(path) or ask(method, path, *rest, **more)  # type: ignore[method-assign, func-returns-value]
    return asked


@pytest.mark.real
def test_a_plain_search_is_one_request_and_a_region_without_candidates_too(made: Any) -> None:
    engine = made()
    everything = [replace(one, record={k: v for k, v in one.record.items() if k != "footprint"}) for one in changes(50)]  # type: ignore[union-attr]
    engine.apply(everything, 50, "feed")
    region = Query(region=Region.circle(0.0, 0.0, 5.0), facets=(Facet("kind"),))
    engine.search(region)  # learns that some records have no place at all
    asked = asked_of(engine)
    engine.search(Query(facets=(Facet("kind"),)))
    engine.search(region)
    assert len(asked) == 2


@pytest.mark.real
def test_a_cone_over_bare_positions_is_one_search_until_there_is_anything_else(made: Any) -> None:
    engine = made()
    first, *others = changes(40)
    assert first.record is not None
    bare = {key: value for key, value in first.record.items() if key not in ("position", "footprint")}
    at = [replace(one, record=bare | {"id": one.id, "position": {"ra": n, "dec": 0.5}}) for n, one in enumerate(others)]
    engine.apply(at, 40, "feed")
    cone = Query(region=Region.circle(0.0, 0.5, 10.5), limit=0)
    engine.search(cone)
    asked = asked_of(engine)
    assert (found := engine.search(cone)).total == 11 and found.unlocated == 0
    assert asked == [f"/{engine.prefix}/_search"]
    engine.apply([Change(41, first.id, bare)], 41, "feed")
    assert (found := engine.search(cone)).total == 11 and found.unlocated == 1
    assert engine.search(replace(cone, unlocated=True)).total == 12
    shape = bare | {"id": others[0].id, "footprint": {"circle": [300.0, 0.5, 80.0]}}
    engine.apply([Change(42, others[0].id, shape)], 42, "feed")
    assert engine.search(cone).total == 11 and engine.search(replace(cone, relation="contains")).total == 1


@pytest.mark.real
@pytest.mark.parametrize("centre", [(0.0, 90.0), (0.0, -90.0), (180.0, 0.0), (359.99, 12.0), (83.0, -71.0)])
def test_cones_of_any_width_hold_what_their_circles_hold(made: Any, centre: tuple[float, float]) -> None:
    """The server's own circles are wrong by up to 40 cm, and bounded by boxes of longitude and latitude."""
    import numpy as np

    from mappings import healpix
    from mappings.sky import RegionTest

    rng = random.Random(8)
    first = changes(1)[0].record
    assert first is not None
    bare = {key: value for key, value in first.items() if key not in ("position", "footprint")}
    radii = [0.0, 1e-7, 1 / 3600, 0.3, 4.9, 5.1, 30.0, 89.9, 90.0, 90.1, 150.0, 179.99, 180.0]
    places = [(rng.uniform(0, 360), np.degrees(np.arcsin(rng.uniform(-1, 1)))) for _ in range(300)] + [centre]
    for radius in radii:  # a few on either side of the edge, 1 mas to 1" away
        for off in (-3e-4, -3e-7, 3e-7, 3e-4):
            dec = centre[1] + (radius + off if centre[1] < 0 else -radius - off)
            places.append((centre[0], dec) if abs(dec) <= 90 else (rng.uniform(0, 360), rng.uniform(-90, 90)))
    made_of = [
        Change(n, f"{n:016x}", bare | {"id": f"{n:016x}", "position": {"ra": ra, "dec": float(dec)}})
        for n, (ra, dec) in enumerate(places, 1)
    ]
    engine = made()
    engine.apply(made_of, len(places), "feed")
    points = np.array([healpix.unit(ra, dec) for ra, dec in places])
    for radius in radii:
        region = Region.circle(*centre, radius)
        held = RegionTest(region.footprint).holds(points)
        assert engine.search(Query(region=region, limit=1000)).ids == [
            one.id for one, is_in in zip(made_of, held, strict=True) if is_in
        ], radius


@pytest.mark.real
def test_no_search_takes_half_an_answer_where_a_shard_is_lost(made: Any) -> None:
    engine = made()
    engine.apply(changes(40), 40, "feed")
    asked: list[bool] = []
    ask = engine._connection.ask

    def look(method: str, path: str, body: Any = None, **more: Any) -> Any:
        if path.endswith("_search"):
            asked.append(more["params"]["allow_partial_search_results"] == "false")
        if path.endswith("_msearch"):
            asked.extend(b'"allow_partial_search_results":false' in head for head in body[::2])
        return ask(method, path, body, **more)

    engine._connection.ask = look
    query = Query(region=Region.circle(0.0, 0.0, 60.0), sort=(Sort("bytes"),), limit=5)
    first = engine.search(query)
    engine.search(replace(query, cursor=first.next))
    engine.coverage(query, 3)
    assert len(asked) > 5 and all(asked)


# --- rebuilding ------------------------------------------------------------------------------------------------------


@pytest.mark.real
def test_a_search_during_a_rebuild_sees_all_of_the_old_or_all_of_the_new(made: Any) -> None:
    engine, reader = made(), made()
    engine.apply(changes(200, title="old"), 200, "feed")
    new = changes(300, title="new")
    seen: list[tuple[int, int]] = []
    ended = threading.Event()

    def look() -> None:
        while not ended.is_set():
            seen.append((reader.search(Query(limit=0)).total, len(reader.search(EVERYTHING).ids)))

    watcher = threading.Thread(target=look)
    watcher.start()
    for n in range(3):
        engine.rebuild(((new[k : k + 100], k + 100) for k in range(0, 300, 100)), "feed")
        if n < 2:
            engine.rebuild([(changes(200, title="old"), 200)], "feed")
    ended.set()
    watcher.join()
    assert {one for pair in seen for one in pair} == {200, 300}
    assert len(engine._writer.aliased()) == 1 and engine.check() == []


@pytest.mark.real
def test_a_rebuild_that_fails_leaves_the_old_and_no_trace(made: Any) -> None:
    engine = made()
    engine.apply(changes(20), 20, "feed")

    def broken() -> Iterator[Any]:
        yield changes(5), 5
        raise RuntimeError("the store went away")

    with pytest.raises(RuntimeError):
        engine.rebuild(broken(), "other")
    assert engine.search(EVERYTHING).total == 20
    assert engine.follows() == "feed"
    assert list(engine._writer._numbers()) == [1]


@pytest.mark.real
def test_an_index_of_another_version_says_so_until_it_is_rebuilt(made: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = made()
    with monkeypatch.context() as other:
        other.setattr(elastic_writing, "fingerprint", lambda *_: "another")
        engine.apply(changes(3), 3, "feed")
    for ask in (lambda: made().search(EVERYTHING), made().applied):
        with pytest.raises(SearchIndexError, match="reindex") as caught:
            ask()
        assert caught.value.code == "index.other-format"
    assert "reindex" in engine.check()[0]
    engine.rebuild([(changes(3), 3)], "feed")
    assert engine.check() == [] and engine.search(EVERYTHING).total == 3


# --- a server that fails ---------------------------------------------------------------------------------------------


def test_a_server_that_is_away_is_an_error_that_names_it_without_its_password() -> None:
    engine = ElasticEngine("http://reader:secret@127.0.0.1:9")
    for ask in (lambda: engine.search(EVERYTHING), engine.applied, lambda: engine.apply(changes(1), 1, "feed")):
        with pytest.raises(SearchIndexError, match=r"127\.0\.0\.1:9 ") as caught:
            ask()
        assert caught.value.code == "index.unreachable"
        assert "secret" not in str(caught.value)
    assert "index.unreachable" in engine.check()[0]
    engine.disconnect()


def test_what_is_no_elasticsearch_is_told_apart() -> None:
    from http.server import BaseHTTPRequestHandler, HTTPServer

    class Other(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *said: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Other) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        engine = ElasticEngine(f"http://127.0.0.1:{server.server_port}")
        try:
            with pytest.raises(SearchIndexError) as caught:
                engine.applied()
            assert caught.value.code == "index.not-elasticsearch"
        finally:
            engine.disconnect()
            server.shutdown()
            thread.join()


def test_what_searches_learn_is_bounded() -> None:
    import numpy as np

    from mappings.sky import Shape

    memory = Memory()
    for n in range(50):
        memory.shapes.put(("i", n), Shape("moc", np.zeros((500_000, 2), dtype=np.int64)))
    kept = [n for n in range(50) if memory.shapes.get(("i", n)) is not None]
    assert kept == list(range(50 - len(kept), 50)) and 1 < len(kept) * 8_000_000 <= 128_000_000
