"""Elasticsearch as one would use it for this by hand: a geo_point, keywords, geo_distance, terms aggregations."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.peers.table import FACETS, rows

_SERVER = Path(__file__).resolve().parents[2] / "tests" / "servers" / "elasticsearch"
_INDEX = "bench-peer"
_EARTH = 6_371_008.7714  # metres: the mean radius that Elasticsearch takes for its arcs
_MAPPING = {
    "dynamic": "strict",
    "properties": {
        "number": {"type": "keyword"},
        "place": {"type": "geo_point"},
        **{name: {"type": "keyword"} for name in FACETS[:-1]},
        FACETS[-1]: {"type": "integer"},
    },
}


class Elastic:
    """The filled index; ``url`` is the server's."""

    def __init__(self, count: int) -> None:
        from elasticsearch import Elasticsearch

        self.url = subprocess.run([_SERVER, "start"], check=True, stdout=subprocess.PIPE, text=True).stdout.split()[-1]
        self._client = Elasticsearch(self.url, request_timeout=120)
        self._fill(count)

    def _fill(self, count: int) -> None:
        from elasticsearch.helpers import parallel_bulk

        indices = self._client.indices
        if indices.exists(index=_INDEX):
            if self._client.count(index=_INDEX)["count"] == count:
                return
            indices.delete(index=_INDEX)
        settings = {"number_of_shards": 1, "number_of_replicas": 0, "refresh_interval": "-1"}
        indices.create(index=_INDEX, mappings=_MAPPING, settings=settings)
        for _ in parallel_bulk(self._client, _documents(count), index=_INDEX, thread_count=2, chunk_size=2000):
            pass
        self.tidy(_INDEX)

    def tidy(self, index: str) -> None:
        """Four segments, so that none of two indices has the better of it by chance."""
        self._client.indices.refresh(index=index)
        self._client.indices.forcemerge(index=index, max_num_segments=4)

    def version(self) -> str:
        return str(self._client.info()["version"]["number"])

    def search(self, ra: float, dec: float, radius: float, size: int = 0, *, facets: bool = False) -> int:
        """How many there are within the circle, by geo_distance, whose points are kept to a centimetre on the Earth."""
        away = f"{_arc(radius):.3f}m"
        circle = {"geo_distance": {"distance": away, "place": {"lat": dec, "lon": ra - 180}}}
        body: dict[str, Any] = {"query": {"bool": {"filter": [circle]}}, "size": size, "track_total_hits": True}
        if facets:
            body["aggs"] = {name: {"terms": {"field": name, "size": 25}} for name in FACETS}
        found = self._client.search(index=_INDEX, body=body, request_cache=False)
        return int(found["hits"]["total"]["value"])

    def close(self) -> None:
        self._client.close()
        subprocess.run([_SERVER, "stop"], check=True, stdout=subprocess.DEVNULL)


def _arc(radius: float) -> float:
    import math

    return math.radians(radius) * _EARTH


def _documents(count: int) -> Iterator[dict[str, Any]]:
    for number, ra, dec, *values in rows(count):
        yield {"number": str(number), "place": {"lat": dec, "lon": ra - 180}, **dict(zip(FACETS, values, strict=True))}
