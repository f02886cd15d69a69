"""Candidates of a region on Elasticsearch: what only the geometry itself can tell is fetched and looked at here.

Footprints are kept in memory by index and feed number, which name one version for ever.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import orjson

from catalog.elastic_order import Shares
from catalog.elastic_query import NOTHING, Clause, all_of, any_of, none_of
from catalog.elastic_sky import HAS_SHAPE, Places, unlocated
from mappings.sky import RegionTest, Shape, shape_of
from schemas.query import Query

_PAGE = 10_000  # hits that hold a few numbers each
_GEOMETRIES = 250  # footprints in one answer: a MOC may take a megabyte
_TERMS = 50_000  # values in one clause: the server's own bound is 65,536
_ROOM = 128_000_000  # bytes of footprints kept

Ask = Callable[[dict[str, Any]], Any]
Key = tuple[str, int]


class Shapes:
    """Footprints met of late, safe in threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[Key, tuple[Shape, int]] = OrderedDict()
        self._size = 0

    def get(self, key: Key) -> Shape | None:
        with self._lock:
            if (found := self._kept.get(key)) is None:
                return None
            self._kept.move_to_end(key)
            return found[0]

    def put(self, key: Key, shape: Shape) -> None:
        size = _size(shape)
        with self._lock:
            if key in self._kept or size > _ROOM:
                return
            self._kept[key] = shape, size
            self._size += size
            while self._size > _ROOM:
                self._size -= self._kept.popitem(last=False)[1][1]


def _size(shape: Shape) -> int:
    return 200 + (sum(map(_size, shape.data)) if shape.kind == "union" else int(shape.data.nbytes))


@dataclass(slots=True)
class Candidates:
    """Looks at candidates through ``ask``, which searches one state; ``others``: what else they must match."""

    ask: Ask
    others: list[Clause]
    memory: Shapes
    looked_at: int = field(default=0)

    def found(self, query: Query, test: RegionTest, places: Places) -> Clause:
        """All that stands in the relation to the region."""
        if places.unsure == NOTHING:
            return places.sure
        points = self._points(test, places.maybe_points, [places.points])
        exact = {"intersects": test.meets, "within": test.within, "contains": test.contained}
        shapes = [
            seq for seq, shape in self.shapes(places.maybe_shapes, [places.shapes]) if exact[query.relation](shape)
        ]
        return any_of([places.sure, among(points), among(shapes)])

    def covering(self, query: Query, test: RegionTest, places: Places) -> tuple[Clause, Shares]:
        """What stands in the relation and covers as much of the region as is asked for; with the shares."""
        low, high = (query.covered.low, query.covered.high) if query.covered else (0.0, 1.0)
        bare = float(test.is_point)
        points = any_of([places.points, among(self._points(test, places.maybe_points, [places.points]))])
        if query.relation == "position":
            # what has no position may have a footprint
            shapes = self.shapes(any_of([points, unlocated(query)]) if query.unlocated else points, [])
            points = NOTHING if points == NOTHING else all_of([points, none_of(HAS_SHAPE)])
        else:
            exact = {"intersects": test.meets, "within": test.within, "contains": test.contained}[query.relation]
            shapes = ((seq, shape) for seq, shape in self.shapes(places.maybe_shapes, []) if exact(shape))
        shares = {seq: test.fraction(shape) for seq, shape in shapes}
        chosen = [seq for seq, share in shares.items() if low <= share <= high]
        return any_of([points if low <= bare <= high else NOTHING, among(chosen)]), Shares(shares, bare)

    def _points(self, test: RegionTest, maybe: Clause, sure: list[Clause]) -> list[int]:
        """Feed numbers of the positions that the region holds."""
        found: list[int] = []
        for hits in self._scan(maybe, sure, {"docvalue_fields": ["seq", "cell", "x", "y", "z"]}):
            rows = [[hit["fields"][name][0] for name in ("seq", "cell", "x", "y", "z")] for hit in hits]
            points = np.array([row[2:] for row in rows], dtype=np.float64)
            held = test.holds(points, np.array([row[1] for row in rows], dtype=np.int64))
            found += [row[0] for row, one in zip(rows, held.tolist(), strict=True) if one]
        return found

    def shapes(self, maybe: Clause, sure: list[Clause]) -> Iterator[tuple[int, Shape]]:
        """Feed number and footprint of what may match, and does not for certain."""
        if maybe == NOTHING:
            return
        missing: list[int] = []
        for hits in self._scan(all_of([maybe, HAS_SHAPE]), sure, {"docvalue_fields": ["seq"]}):
            for hit in hits:
                seq = hit["fields"]["seq"][0]
                if (shape := self.memory.get((hit["_index"], seq))) is not None:
                    yield seq, shape
                else:
                    missing.append(seq)
        for n in range(0, len(missing), _GEOMETRIES):
            some = {"terms": {"seq": missing[n : n + _GEOMETRIES]}}
            fetched = {"docvalue_fields": ["seq"], "_source": ["footprint"]}
            for hits in self._scan(some, [], fetched, others=[]):
                for hit in hits:
                    seq = hit["fields"]["seq"][0]
                    shape = shape_of(orjson.loads(hit["_source"]["footprint"]))
                    self.memory.put((hit["_index"], seq), shape)
                    yield seq, shape

    def cells(self, wanted: Clause) -> Iterator[list[int]]:
        """Order-29 cells of the positions that match."""
        for hits in self._scan(wanted, [], {"docvalue_fields": ["cell"]}):
            yield [hit["fields"]["cell"][0] for hit in hits]

    def _scan(
        self, wanted: Clause, but: list[Clause], fields: dict[str, Any], others: list[Clause] | None = None
    ) -> Iterator[list[Any]]:
        if wanted == NOTHING:
            return
        but = [one for one in but if one != NOTHING]
        clauses = [*(self.others if others is None else others), wanted]
        body = {
            "size": _PAGE,
            "query": {"bool": {"filter": clauses, "must_not": but}},
            "sort": ["_shard_doc"],
            "track_total_hits": False,
            "_source": False,
            **fields,
        }
        while True:
            hits = self.ask(body)["hits"]["hits"]
            self.looked_at += len(hits)
            if hits:
                yield hits
            if len(hits) < _PAGE:
                return
            body["search_after"] = hits[-1]["sort"]


def among(seqs: list[int]) -> Clause:
    """The versions with these feed numbers."""
    return any_of({"terms": {"seq": seqs[n : n + _TERMS]}} for n in range(0, len(seqs), _TERMS))
