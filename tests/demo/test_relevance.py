"""How well the first ten hits answer questions of the field (``relevance.py``), on either engine."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest

from asterism.factory import Factory
from asterism.settings import load
from catalog.embedded import EmbeddedEngine
from catalog.indexer import Indexer
from catalog.store import Store
from demo.federation import Federation
from harvesters.runner import harvest
from schemas.query import parse
from tests.demo.relevance import QUERIES, grade, ndcg

FLOOR = 0.86  # measured: 0.880 on either engine


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """The demonstration's catalogue."""
    home: Path = tmp_path_factory.mktemp("relevance")
    config = home / "asterism.toml"
    with Federation(port=0) as federation:
        config.write_text(federation.settings(str(home / "data")), encoding="utf-8")
        with Factory(load(config), create=True) as factory:
            for source in factory.settings.sources:
                harvester = factory.harvester(source, source.resolved())
                assert harvest(factory.store, source.name, source.kind, harvester).error is None
            yield factory.store


@pytest.fixture(scope="module", params=["embedded", pytest.param("elasticsearch", marks=pytest.mark.real)])
def engine(request: pytest.FixtureRequest, store: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    if request.param == "embedded":
        made: Any = EmbeddedEngine(tmp_path_factory.mktemp("index"))
        Indexer(store, made).rebuild()
        yield made
        made.close()
        return
    url = request.getfixturevalue("elastic_url")
    from elasticsearch import Elasticsearch

    from catalog.elastic import ElasticEngine

    prefix = f"relevance-{uuid.uuid4().hex[:12]}"
    made = ElasticEngine(url, prefix=prefix)
    Indexer(store, made).rebuild()
    yield made
    made.close()
    with Elasticsearch(url) as client:
        client.indices.delete(index=list(client.indices.get(index=f"{prefix}*", expand_wildcards="all")))


def test_the_judgements_are_of_records_that_are_there(store: Store) -> None:
    records = list(store.iter_records())
    assert len(QUERIES) == len({query for query, _ in QUERIES}) == 60
    for query, judged in QUERIES:
        for patterns in judged.values():
            for pattern in patterns:
                assert any(grade(record, {1: [pattern]}) for record in records), (query, pattern)


def test_the_measure_is_the_one_of_the_books() -> None:
    assert ndcg([3, 2, 1], [1, 2, 3, 0]) == 1
    assert ndcg([0, 3], [3]) == pytest.approx(0.6309, abs=1e-4)
    assert ndcg([], [3]) == 0
    assert ndcg([1, 3], [3, 1]) < ndcg([3, 1], [3, 1])


def test_the_first_ten_hits_answer_the_question(store: Store, engine: Any) -> None:
    records = {record["id"]: record for record in store.iter_records()}
    scores: dict[str, float] = {}
    for query, judged in QUERIES:
        asked = parse([*parse_qsl(query), ("limit", "10"), ("collapse", "false")])
        grades = [grade(records[one], judged) for one in engine.search(asked).ids]
        scores[query] = ndcg(grades, [grade(record, judged) for record in records.values()])
    mean = sum(scores.values()) / len(scores)
    for query, score in sorted(scores.items(), key=lambda item: item[1]):
        print(f"{score:.3f}  {query}")  # noqa: T201 - the report, shown with -rP
    print(f"{mean:.3f}  nDCG@10, mean of {len(scores)}")  # noqa: T201
    assert mean >= FLOOR
