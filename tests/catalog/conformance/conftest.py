"""The engines, empty or filled; Elasticsearch where ASTERISM_TEST_ELASTIC names a server."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from catalog.embedded import EmbeddedEngine

from .naive import Naive
from .records import make_history

pytest.register_assert_rewrite("tests.catalog.conformance.agree")

SIZE = 320
ENGINES = [pytest.param("embedded"), pytest.param("elasticsearch", marks=pytest.mark.real)]


class Maker:
    """Makes engines of one kind; an engine made with the same ``name`` looks at the same index."""

    def __init__(self, kind: str, build: Callable[[str], Any]) -> None:
        self.kind = kind
        self._build = build
        self.made: list[str] = []

    def __call__(self, name: str | None = None) -> Any:
        name = name or f"t{uuid.uuid4().hex[:12]}"
        self.made.append(name)
        return self._build(name)


@pytest.fixture(scope="session", params=ENGINES)
def maker(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Maker]:
    if request.param == "embedded":
        folder: Path = tmp_path_factory.mktemp("engines")
        yield Maker("embedded", lambda name: EmbeddedEngine(folder / name))
        return
    url = request.getfixturevalue("elastic_url")
    from elasticsearch import Elasticsearch

    from catalog.elastic import ElasticEngine

    made = Maker("elasticsearch", lambda name: ElasticEngine(url, prefix=f"conf-{name}"))
    yield made
    with Elasticsearch(url) as client:
        for name in set(made.made):
            names = list(client.indices.get(index=f"conf-{name}*", expand_wildcards="all", ignore_unavailable=True))
            if names:
                client.indices.delete(index=names)


@pytest.fixture(scope="session")
def filled(maker: Maker) -> Iterator[tuple[Any, Naive]]:
    """An engine with records that came in several commits, and the slow one that knows what is in it."""
    history = make_history(7, SIZE)
    engine = maker()
    for changes, upto in history.batches:
        engine.apply(changes, upto, "feed")
    yield engine, Naive(history.now)
    engine.close()


@pytest.fixture(scope="session")
def naive() -> Naive:
    """The slow engine alone."""
    return Naive(make_history(7, SIZE).now)
