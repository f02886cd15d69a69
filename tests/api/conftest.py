"""A small catalogue in memory, and the application over it on a real socket."""

from __future__ import annotations

import math
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import parse_qsl, urlencode

import httpx
import numpy as np
import orjson
import pytest
import uvicorn

from api.app import create_app
from catalog.documents import Tally, Tombstone
from catalog.engine import Answer, Bucket, FacetCounts, HistogramCounts
from catalog.saved import SavedQuery, check
from mappings.healpix import Ints
from mappings.histogram import Edges
from schemas.access import visible
from schemas.errors import PlacementError, QueryError
from schemas.fields import search_fields
from schemas.hint import Hint
from schemas.objects import KnownObject
from schemas.query import Cone, Filter, Query, parse
from schemas.record import Record, record_id, validate_record
from schemas.rse_expression import parse as parse_expression

if TYPE_CHECKING:
    from placement.apply import Applier

TOKEN = "a-token-that-holds"


def observation(number: int, ra: float, dec: float, **more: Any) -> Record:
    """One valid record of the source ``test``."""
    made = {
        "id": record_id("test", str(number)),
        "source": "test",
        "identifiers": [{"scheme": "doi", "value": f"10.5072/{number}"}],
        "kind": "observation",
        "title": f"Observation {number}",
        "position": {"ra": ra, "dec": dec},
        **more,
    }
    return validate_record(made)


class MemoryCatalogue:
    """What ``api.catalogue.Catalogue`` says, over a list of records; answers by looking at each."""

    def __init__(self, records: Sequence[Record]) -> None:
        self.by_id = {record["id"]: record for record in sorted(records, key=lambda record: record["id"])}
        self.raws: dict[str, tuple[str, bytes]] = {}
        self.graves: dict[str, Tombstone] = {}
        self.imported: list[tuple[str, list[bytes]]] = []
        self.problems: list[str] = []
        self.failure: Exception | None = None
        self.asked: list[Query] = []
        self.clusters: dict[str, list[str]] = {}
        self.kept_hints: list[Hint] = []
        self.remote = False
        self.covered = next(iter(self.by_id))
        self.saved: dict[str, SavedQuery] = {}

    def search(self, query: Query) -> Answer:
        self.asked.append(query)
        if self.failure is not None:
            raise self.failure
        found = [
            record
            for record in self.by_id.values()
            if visible(record, query.groups)
            and (query.text is None or query.text.lower() in record["title"].lower())
            and (query.cone is None or _inside(query.cone, record))
            and all(_matches(one, record) for one in query.filters)
        ]
        start = 0
        if query.cursor is not None:
            if not query.cursor.isdecimal() or len(query.cursor) > 9:
                raise QueryError("bad-cursor", "the cursor is not one of ours; begin again", parameter="cursor")
            start = int(query.cursor)
        ids = [record["id"] for record in found[start : start + query.limit]]
        more = start + len(ids) < len(found) and query.limit > 0
        facets = {facet.field: _count(found, facet.field, facet.size) for facet in query.facets}
        some = Edges("linear", (0.0, 1000.0, 2000.0)), Edges("year", (56658.0, 57023.0))
        histograms = {
            one.field: HistogramCounts(edges, [3, 1][: len(edges.values) - 1], 2)
            for one, edges in zip(query.histograms, some, strict=False)
        }
        return Answer(
            len(found),
            ids,
            str(start + len(ids)) if more else None,
            facets,
            histograms=histograms,
            density=None if query.density is None else {4: 31},
            covered={self.covered: 0.25},
        )

    def coverage(self, query: Query, order: int) -> Ints:
        self.asked.append(query)
        cell = 4 ** (29 - order)
        return np.array([[0, 3 * cell], [7 * cell, 8 * cell]], dtype=np.int64)

    def resolve(self, name: str) -> tuple[float, float] | None:
        return (83.633, 22.014) if name.casefold() == "crab" else None

    def place(self, name: str) -> KnownObject | None:
        found = self.resolve(name)
        return KnownObject("Crab", *found) if found else None

    def saved_queries(self) -> list[SavedQuery]:
        return sorted(self.saved.values(), key=lambda one: one.name)

    def saved_query(self, name: str) -> SavedQuery:
        if name not in self.saved:
            raise QueryError("no-saved-query", f"no query is saved as {name!r}")
        return self.saved[name]

    def save_query(self, name: str, parameters: Sequence[tuple[str, str]]) -> bool:
        check(name, parameters, self.resolve)
        new = name not in self.saved
        at = "2026-01-01T00:00:00Z"
        self.saved[name] = SavedQuery(name, urlencode(list(parameters)), at, at)
        return new

    def remove_query(self, name: str) -> None:
        del self.saved[self.saved_query(name).name]

    def datestamps(self, ids: Sequence[str]) -> dict[str, str]:
        return dict.fromkeys(ids, "2026-02-01T00:00:00Z")

    def did_you_mean(self, query: Query) -> str | None:
        return "crab" if query.text == "carb" else None

    def records(self, ids: Sequence[str]) -> list[Record]:
        return [self.by_id[id] for id in ids if id in self.by_id]

    def record(self, id: str) -> Record | None:
        return self.by_id.get(id)

    def parts(self, id: str) -> list[Record]:
        return [self.by_id[part] for part in self.clusters.get(id, ())]

    def merged_into(self, id: str) -> str | None:
        return next((whole for whole, parts in self.clusters.items() if id in parts), None)

    def raw(self, id: str) -> tuple[str, bytes] | None:
        return self.raws.get(id)

    def tombstone(self, id: str) -> Tombstone | None:
        return self.graves.get(id)

    def sources(self) -> list[dict[str, Any]]:
        return [{"name": "test", "kind": "vo-oai", "records": len(self.by_id)}]

    def check_token(self, token: str) -> object | None:
        return "someone" if token == TOKEN else None

    def import_lines(self, lines: Iterable[bytes], source: str) -> Tally:
        kept = list(lines)
        self.imported.append((source, kept))
        return Tally(new=sum(_is_object(line) for line in kept), quarantined=sum(not _is_object(line) for line in kept))

    def hints(
        self,
        query: str | None,
        expression: str | None,
        actions: Sequence[str],
        policy: str | None,
        limit: int,
        offset: int,
    ) -> tuple[int, list[Hint]]:
        if query is not None:
            parse(parse_qsl(query))
        if expression is not None:
            parse_expression(expression)
        found = [
            one
            for one in self.kept_hints
            if (not actions or one.action in actions) and (policy is None or one.policy == policy)
        ]
        return len(found), found[offset : offset + limit]

    def placement(self, id: str) -> dict[str, Any]:
        return {"record": id, "datasets": []}

    def applier(self) -> Applier:
        raise PlacementError("no-lake", "nobody's replicas are looked after")

    def lake(self) -> dict[str, Any]:
        if not self.kept_hints:
            raise PlacementError("no-state", "nothing is known of the lake yet")
        return {"source": "lake", "rses": []}

    def ready(self) -> list[str]:
        return self.problems

    def lag(self) -> int:
        return 7


def _is_object(line: bytes) -> bool:
    try:
        return isinstance(orjson.loads(line), dict)
    except orjson.JSONDecodeError:
        return False


def _inside(cone: Cone, record: Record) -> bool:
    position = record.get("position")
    if not position:
        return False
    ra1, dec1, ra2, dec2 = map(math.radians, (cone.ra, cone.dec, position["ra"], position["dec"]))
    h = math.sin((dec2 - dec1) / 2) ** 2 + math.cos(dec1) * math.cos(dec2) * math.sin((ra2 - ra1) / 2) ** 2
    return math.degrees(2 * math.asin(math.sqrt(min(1.0, h)))) <= cone.radius


def _values(record: Record, path: Iterable[str]) -> list[Any]:
    nodes: list[Any] = [record]
    for step in path:
        nodes = [node[step] for node in nodes if isinstance(node, dict) and step in node]
        nodes = [item for node in nodes for item in (node if isinstance(node, list) else [node])]
    return nodes


def _of(record: Record, field: str) -> list[Any]:
    known = search_fields().get(field)
    return _values(record, known.path if known else field.split("."))


def _matches(wanted: Filter, record: Record) -> bool:
    values = _of(record, wanted.field)
    if wanted.op == "exists":
        return bool(values) == (wanted.values[0] == "true")
    if wanted.op in ("eq", "not"):
        return any(str(value) in wanted.values for value in values) == (wanted.op == "eq")
    bound = float(wanted.values[0]) if wanted.values[0].replace(".", "", 1).isdecimal() else math.inf
    compare: dict[str, Callable[[float], bool]] = {
        "gt": lambda value: value > bound,
        "gte": lambda value: value >= bound,
        "lt": lambda value: value < bound,
        "lte": lambda value: value <= bound,
    }
    return any(isinstance(value, int | float) and compare[wanted.op](value) for value in values)


def _count(found: list[Record], field: str, size: int) -> FacetCounts:
    counts = Counter(value for record in found for value in set(map(_hashable, _of(record, field))))
    missing = sum(not _of(record, field) for record in found)
    return FacetCounts([Bucket(value, count) for value, count in counts.most_common(size)], missing)


def _hashable(value: Any) -> Any:
    return value if isinstance(value, str | int | float) else repr(value)


RESTRICTED = record_id("test", "restricted")
DELETED = record_id("test", "deleted")
NASTY_TITLE = "Crab & <é> ]]> \"quoted\", 'Nébula'\r\n\t\u200d 🦀 \x01\x1e\x1f"


def sample() -> MemoryCatalogue:
    """Thirty observations near the Crab, one elsewhere, one without a position, one restricted, one deleted."""
    records = [
        observation(
            n,
            83.63 + n / 1000,
            22.01,
            facilities=["H.E.S.S."] if n % 2 else ["MAGIC", "VERITAS"],
            wavebands=["Gamma-ray"],
            time=[{"min": 53345.9, "max": 53346.0}, {"min": 53350.0, "max": 53350.5}],
            bytes=1000 * n,
        )
        for n in range(30)
    ]
    records[0]["title"] = NASTY_TITLE
    records.append(
        observation(100, 0, -90, spectral=[{"min": 1e-12}], calib_level=2, footprint={"circle": [0, -90, 1]})
    )
    nowhere = observation(101, 0, 0)
    del nowhere["position"]
    records.append(nowhere)
    hidden = observation(102, 83.63, 22.01, rights={"level": "restricted", "groups": ["hess"]})
    records.append({**hidden, "id": RESTRICTED})
    made = MemoryCatalogue(records)
    made.raws[records[0]["id"]] = ("voresource", b'<?xml version="1.0"?><ri:Resource xmlns:ri="x"/>')
    made.raws[records[1]["id"]] = ("invenio", b'{"id": 1}')
    made.raws[RESTRICTED] = ("invenio", b'{"secret": true}')
    made.graves[DELETED] = Tombstone(DELETED, "test", "deleted", "2026-01-01T00:00:00Z", "gone")
    return made


class Served:
    """An application on a socket of its own, for as long as the ``with`` lasts."""

    def __init__(self, app: Any) -> None:
        self._server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="critical"))
        self._thread = threading.Thread(target=self._server.run, daemon=True)

    def __enter__(self) -> str:
        self._thread.start()
        until = time.monotonic() + 20
        while not self._server.started:
            assert time.monotonic() < until, "the server did not start"
            time.sleep(0.01)
        port = self._server.servers[0].sockets[0].getsockname()[1]
        return f"http://127.0.0.1:{port}"

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join(20)


@pytest.fixture(scope="module")
def catalogue() -> MemoryCatalogue:
    return sample()


@pytest.fixture(scope="module")
def url(catalogue: MemoryCatalogue) -> Iterator[str]:
    with Served(create_app(catalogue, version="1.2.3", max_upload=10_000)) as address:
        yield address


@pytest.fixture
def client(url: str, catalogue: MemoryCatalogue) -> Iterator[httpx.Client]:
    catalogue.failure = None
    catalogue.problems = []
    catalogue.imported.clear()
    with httpx.Client(base_url=url) as made:
        yield made
    catalogue.failure = None


class Problem(NamedTuple):
    code: str
    detail: str


def problem(answer: httpx.Response) -> Problem:
    """Check that ``answer`` is a problem document, and give what it says."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    said = answer.json()
    assert {"type", "title", "status", "detail", "code"} <= said.keys()
    assert said["status"] == answer.status_code
    return Problem(said["code"], said["detail"])
