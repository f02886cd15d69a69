"""The second engine: Elasticsearch, for those whom one machine cannot hold. Why it is as it is: ADR 13.

elastic_client.py       the server, and its errors in our words
elastic_writing.py      indices, aliases, bulks
elastic_search.py       one search, made of
    elastic_query.py        fields and words
    elastic_sky.py          the region, and elastic_candidates.py what is looked at here
    elastic_order.py        order and cursors
    elastic_counting.py     facets, histograms, density map
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from catalog.elastic_client import Connection, NotThere
from catalog.elastic_query import any_of, worded
from catalog.elastic_search import Memory, Search
from catalog.elastic_writing import Writer
from catalog.engine import Answer, Change, FacetCounts, HistogramCounts
from mappings.healpix import Ints
from mappings.histogram import Edges
from mappings.thesaurus import Thesaurus
from mappings.tokens import tokens
from schemas.errors import SearchIndexError
from schemas.query import Query
from schemas.text import Fuzzy

DEFAULT_PREFIX = "asterism"
_TRIES = 4  # a rebuild takes the index away while it is searched; the next try finds the new one
_PAUSE = 0.1
_NEAR = 20
_LOOK = 1.0  # second


class ElasticEngine:
    """A :class:`catalog.engine.Engine` on an Elasticsearch server of version 8 or 9.

    ``prefix`` begins the names of its indices; ``settings`` are those of a new index (``{"number_of_shards": 3}``).
    """

    def __init__(
        self,
        url: str,
        *,
        prefix: str = DEFAULT_PREFIX,
        api_key: str | None = None,
        ca: Path | None = None,
        settings: dict[str, Any] | None = None,
        thesaurus: Thesaurus | None = None,
    ) -> None:
        self.prefix = prefix
        self._connection = Connection(url, api_key=api_key, ca=ca)
        self._writer = Writer(self._connection, prefix, settings or {}, thesaurus)
        self._memory = Memory()
        self._fits = False
        self._looked = 0.0

    def search(self, query: Query) -> Answer:
        """Answer from what has been committed; see :class:`catalog.engine.Engine`."""
        found = self._try(query, lambda search: search.answer())
        return _nothing(query) if found is None else found

    def coverage(self, query: Query, order: int) -> Ints:
        """See :class:`catalog.engine.Engine`."""
        found = self._try(query, lambda search: search.coverage(order))
        return np.empty((0, 2), dtype=np.int64) if found is None else found

    def near(self, word: str) -> list[str]:
        """See :class:`catalog.engine.Engine`; the nearest first."""
        if not tokens(word):
            return []
        body = {
            "query": {
                "bool": {
                    "filter": [{"terms": {"shown": ["collapsed", "parts"]}}],
                    "must": [
                        any_of({"constant_score": {"filter": worded(Fuzzy(word, n)), "boost": 3.0 - n}} for n in (1, 2))
                    ],
                }
            },
            "size": _NEAR,
            "_source": False,
            "stored_fields": "_none_",
            "sort": ["_score", {"id": "asc"}],
            "track_total_hits": False,
        }
        params = {"allow_partial_search_results": "false"}
        found = self._try(
            Query(), lambda _: self._connection.ask("POST", f"/{self.prefix}/_search", body, params=params)
        )
        return [hit["sort"][-1] for hit in found["hits"]["hits"]] if found else []

    def applied(self) -> int:
        """The feed number of the newest commit; 0 where there is no index."""
        state = self._writer.state()
        self._fits = state is not None
        return state.applied if state else 0

    def follows(self) -> str | None:
        """The uuid of the store it was made from."""
        state = self._writer.state()
        return state.feed if state else None

    def apply(self, changes: Iterable[Change], upto: int, feed: str) -> None:
        """Commit changes; see :class:`catalog.engine.Engine`."""
        self._writer.apply(changes, upto, feed)

    def rebuild(self, batches: Iterable[tuple[Iterable[Change], int]], feed: str) -> None:
        """Build the next index and switch to it; see :class:`catalog.engine.Engine`."""
        self._fits = False
        self._writer.rebuild(batches, feed)

    def close(self) -> None:
        """Nothing is held for writing."""

    def disconnect(self) -> None:
        """Let go of the connections; the next search opens others."""
        self._connection.close()

    def check(self) -> list[str]:
        """What is wrong with the server or the index; empty when both are sound."""
        try:
            aliased = self._writer.aliased()
            if not aliased:
                return []
            wanted = {self.prefix, f"{self.prefix}-write"}
            if len(aliased) > 1 or set(next(iter(aliased.values()))) != wanted:
                said = ", ".join(f"{name}: {' and '.join(found)}" for name, found in sorted(aliased.items()))
                return [f"the aliases of the index are not on one and the same ({said}): run `asterism reindex`"]
            if self._writer.state() is None:
                return ["the index does not say how far it has come: run `asterism reindex`"]
            health = self._connection.ask("GET", f"/_cluster/health/{next(iter(aliased))}", params={"timeout": "1s"})
            if health["status"] == "red":
                return [f"parts of the index {next(iter(aliased))} are lost (its health is red): look at the server"]
        except (NotThere, SearchIndexError) as error:
            return [str(error)]
        return []

    def count(self) -> int:
        """Sources' own records in the index, hidden ones too."""
        body = {"query": {"terms": {"shown": ["parts", "hidden-parts"]}}}
        try:
            return int(self._connection.ask("POST", f"/{self.prefix}/_count", body)["count"])
        except NotThere:
            return 0

    def _check(self) -> bool:
        """Whether there is an index, of the right form; looked at once a second: another version may make it anew."""
        now = time.monotonic()
        if not self._fits or now - self._looked > _LOOK:
            self._fits = False
            self._fits = self._writer.state() is not None
            self._looked = now
        return self._fits

    def _try(self, query: Query, ask: Any) -> Any:
        """Search; None where there is no index."""
        for left in reversed(range(_TRIES)):
            search = Search(self._connection, self.prefix, query, self._memory)
            try:
                return ask(search) if self._check() else None
            except (NotThere, SearchIndexError) as error:
                if isinstance(error, SearchIndexError) and error.code != "index.unavailable":
                    raise
                self._fits = False
                if left == 0:
                    raise SearchIndexError("unavailable", f"Elasticsearch cannot serve the index: {error}") from error
                time.sleep(_PAUSE)
        raise AssertionError


def _nothing(query: Query) -> Answer:
    return Answer(
        total=0,
        ids=[],
        facets={one.field: FacetCounts([], 0) for one in query.facets},
        histograms={one.field: HistogramCounts(Edges("linear", ()), [], 0) for one in query.histograms},
        density=None if query.density is None else {},
    )
