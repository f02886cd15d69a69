"""Our engine on Elasticsearch beside requests written by hand, and how fast a bare bulk takes the same documents."""

from __future__ import annotations

import itertools
import random
import time
from collections.abc import Iterable, Iterator
from typing import Any

import orjson

from bench.data import source_file
from bench.peers.table import FACETS
from bench.report import Row, milliseconds
from catalog.elastic import ElasticEngine
from catalog.engine import Change
from catalog.indexer import BATCH
from mappings.elastic import index_document, mapping
from schemas.query import parse
from schemas.record import record_id

_PREFIX = "bench-ours"
_BULK = 100_000  # documents


def run(elastic: Any, count: int, seconds: float, about: dict[str, Any]) -> list[Row]:
    """Ratios of searches; documents a second of ``parallel_bulk``, and of the import that took ``seconds``."""
    from bench.search import RADII, centre

    engine = ElasticEngine(elastic.url, prefix=_PREFIX)
    if engine.count() != count:
        engine.rebuild(_batches(count), "bench")
        elastic.tidy(_PREFIX)
    rows = []
    fresh = time.time_ns()  # other centres in every run, and for each question: the server keeps answers to equal ones
    for radius, label, times in RADII:
        for what, more in (("first 100 rows", "limit=100"), ("seven facets", f"limit=0&facets={','.join(FACETS)}")):
            pairs = [tuple(part.split("=")) for part in more.split("&")]

            def ours(ra: float, dec: float, radius: float = radius, pairs: Any = pairs) -> int:
                return engine.search(parse([("cone", f"{ra!r},{dec!r},{radius!r}"), *pairs])).total

            def hand(ra: float, dec: float, radius: float = radius, facets: bool = "facets" in more) -> int:
                return int(elastic.search(ra, dec, radius, size=0 if facets else 100, facets=facets))

            took = []
            fresh += 1
            for ask in (ours, hand):
                rng = random.Random(fresh)
                took.append(milliseconds(lambda ask=ask, rng=rng: ask(*centre(rng)), 2 * times)[0])
            said = f"written by hand {took[1]:.1f} ms ({took[0] / took[1]:.2f}x)"
            rows.append(Row(f"through Elasticsearch, cone {label}: {what}", took[0], "ms", "at most 1.2x", said))
    engine.disconnect()
    bare = _bulk(elastic, count)
    about["bulk"] = f"{_BULK} documents, two threads"
    rows.append(
        Row(
            "import: validate, store, embedded index",
            count / seconds,
            "records/s",
            "bare bulk 1.5x",
            f"parallel_bulk of the same index documents {bare:,.0f}/s ({count / seconds / bare:.2f}x)",
        )
    )
    return rows


def _batches(count: int) -> Iterator[tuple[Iterable[Change], int]]:
    changes = _changes(count)
    while some := list(itertools.islice(changes, BATCH)):
        yield some, some[-1].seq


def _changes(count: int) -> Iterator[Change]:
    with source_file(count).open("rb") as file:
        for n, line in enumerate(file, 1):
            id = record_id("bench", str(n))
            yield Change(n, id, {"id": id, "source": "bench", **orjson.loads(line)})


def _bulk(elastic: Any, count: int) -> float:
    """Documents a second that the client's own helper gets into an index of our mapping."""
    from elasticsearch import Elasticsearch
    from elasticsearch.helpers import parallel_bulk

    documents = [
        index_document(one.seq, one.record or {}, one.view) for one in itertools.islice(_changes(count), _BULK)
    ]
    index = f"{_PREFIX}-bulk"
    with Elasticsearch(elastic.url, request_timeout=120) as client:
        client.indices.delete(index=index, ignore_unavailable=True)
        settings = {"number_of_shards": 1, "number_of_replicas": 0, "refresh_interval": "-1"}
        client.indices.create(index=index, mappings=mapping(), settings=settings)
        start = time.perf_counter()
        for _ in parallel_bulk(client, documents, index=index, thread_count=2, chunk_size=2000):
            pass
        client.indices.refresh(index=index)
        took = time.perf_counter() - start
        client.indices.delete(index=index)
    return _BULK / took
