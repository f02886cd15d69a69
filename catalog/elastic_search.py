"""One search on Elasticsearch: its requests, and the answer made of theirs.

A plain search is one request. A point in time (PIT) is opened only where several requests must see the same state: for
candidates of a region, for histograms, for facets over several shards, and for pages after the first.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import orjson

from catalog import elastic_counting, elastic_sky
from catalog.elastic_candidates import Candidates, Shapes
from catalog.elastic_client import Connection, NotThere, reason
from catalog.elastic_counting import Counting
from catalog.elastic_order import (
    Shares,
    by_score,
    decode_cursor,
    encode_cursor,
    moves,
    order_of,
    sort_clauses,
)
from catalog.elastic_query import NOTHING, Clause, all_of, any_of, filtered, none_of, spanned, visible, worded
from catalog.engine import Answer, FacetCounts
from mappings import healpix
from mappings.healpix import Ints
from mappings.sky import RegionTest, shape_of
from schemas.errors import SearchIndexError
from schemas.query import Query
from schemas.text import Words

_PAGE_ALIVE = "5m"  # how long a cursor's point in time waits for the next page
_ALIVE = "1m"
_WHOLE = {"allow_partial_search_results": "false"}  # of a point in time too: shards are lost between its searches


@dataclass(slots=True)
class Memory:
    """What one search learns for the next; each answer is looked at again for whether it still holds.

    ``bare``: positions are all that regions meet, and all records have one; ``meets_shapes``: regions meet footprints.
    """

    shapes: Shapes = field(default_factory=Shapes)
    bare: bool = True
    meets_shapes: bool = False
    several_shards: bool = False


class Search:
    """Answers one query from one state of ``index``."""

    def __init__(self, connection: Connection, index: str, query: Query, memory: Memory) -> None:
        self._connection = connection
        self._index = index
        self._query = query
        self._memory = memory
        self._counting = Counting(query)
        self._cursor = decode_cursor(query)
        self._pit = self._cursor.pit if self._cursor else None
        self._theirs = self._pit is not None
        words = query.words or (Words(query.text) if query.text else None)
        self._words = worded(words) if words else None
        self._others = [
            visible(query),
            *([{"range": {"seq": {"gt": query.after}}}] if query.after is not None else []),
            *(spanned(one) for one in query.spans),
            *(filtered(one) for one in self._counting.inner()),
        ]
        self._shares: Shares | None = None
        self._paged = self._cursor is not None

    @functools.cached_property
    def _test(self) -> RegionTest | None:
        return RegionTest(self._query.region.footprint) if self._query.region else None

    # --- states ----------------------------------------------------------------------------------------------

    def answer(self) -> Answer:
        """The whole answer.

        Raises
        ------
        NotThere
            There is no index.
        """
        try:
            return self._answer()
        except (NotThere, SearchIndexError) as error:
            # a point in time that has expired, or whose index a rebuild has replaced; or that is no such thing
            if not self._theirs or (isinstance(error, SearchIndexError) and error.code != "index.bad-request"):
                raise
            self._pit, self._theirs = None, False
            return self._answer()
        finally:
            self._close()

    def _answer(self) -> Answer:
        query = self._query
        counts_twice = bool(query.histograms) or (query.density or 0) > 6
        # by score the first page needs its state too: scores of the same record move with every change of the index
        self._paged = self._cursor is not None or (moves(query) and query.limit > 0)
        if self._paged or counts_twice or (query.facets and self._memory.several_shards):
            self._open()
        if (cone := self._bare_cone()) is not None:
            elsewhere = elastic_sky.elsewhere(query)
            found, _ = self._main(any_of([cone, elsewhere]), elsewhere, apart=False)
            if not found["aggregations"]["unsure"]["doc_count"]:
                return self._read(found, 0, cone)
            self._memory.bare = False
        sky = watched = NOTHING
        if query.region is not None:
            sky, watched = self._sky()
        found, nowhere = self._main(sky, watched)
        if watched != NOTHING:
            self._memory.meets_shapes = found["aggregations"]["unsure"]["doc_count"] > 0
            if self._memory.meets_shapes:
                sky = self._looked()
                found, nowhere = self._main(sky, NOTHING)
        return self._read(found, nowhere, sky)

    def _open(self) -> None:
        if self._pit is None:
            alive = _PAGE_ALIVE if self._cursor else _ALIVE
            params = {"keep_alive": alive, **_WHOLE}
            self._pit = self._connection.ask("POST", f"/{self._index}/_pit", params=params)["id"]

    def _close(self, *, kept: bool = False) -> None:
        if self._pit is not None and not kept:
            pit, self._pit = self._pit, None
            with contextlib.suppress(NotThere, SearchIndexError):
                self._connection.ask("DELETE", "/_pit", {"id": pit})

    def _ask(self, body: dict[str, Any]) -> Any:
        if self._pit is None:
            return self._connection.ask("POST", f"/{self._index}/_search", body, params=_WHOLE)
        alive = _PAGE_ALIVE if self._cursor else _ALIVE
        asked = {**body, "pit": {"id": self._pit, "keep_alive": alive}}
        found = self._connection.ask("POST", "/_search", asked, params=_WHOLE)
        self._pit = found.get("pit_id", self._pit)
        return found

    def _ask_both(self, first: dict[str, Any], second: dict[str, Any]) -> tuple[Any, Any]:
        """Two searches of the same state in one request."""
        if self._pit is None:
            head: dict[str, Any] = {"index": self._index, "allow_partial_search_results": False}
        else:
            head = {"allow_partial_search_results": False}
            pit = {"pit": {"id": self._pit, "keep_alive": _PAGE_ALIVE if self._cursor else _ALIVE}}
            first, second = first | pit, second | pit
        lines = [orjson.dumps(one) for one in (head, first, head, second)]
        found = self._connection.ask("POST", "/_msearch", lines)["responses"]
        for one in found:
            if "error" in one:
                if one["status"] == 404:
                    raise NotThere(reason(one))
                code = (
                    "overloaded" if one["status"] == 429 else "bad-request" if one["status"] == 400 else "unavailable"
                )
                raise SearchIndexError(code, f"Elasticsearch could not search: {reason(one)}; try again")
        return found[0], found[1]

    # --- the sky ---------------------------------------------------------------------------------------------

    @property
    def _measured(self) -> bool:
        """Fractions of the region are asked for."""
        return self._query.covered is not None or any(one.field == "covered" for one in self._query.sort)

    def _bare_cone(self) -> Clause | None:
        """The positions in a cone, if there may be nothing else for it to find."""
        query = self._query
        if query.region is None or not self._memory.bare or self._measured or query.relation == "contains":
            return None
        shape = shape_of(query.region.footprint)
        return elastic_sky.in_cone(shape) if shape.kind == "circle" else None

    def _sky(self) -> tuple[Clause, Clause]:
        """What stands in the relation; and what of it is only hoped to: where that is nothing, this is the answer."""
        query = self._query
        if self._measured:
            return self._looked(), NOTHING
        assert self._test is not None
        places = elastic_sky.places(query, self._test)
        if places.unsure == NOTHING or not self._memory.meets_shapes:
            return self._with_unlocated(any_of([places.sure, places.unsure])), places.unsure
        return self._looked(), NOTHING

    def _looked(self) -> Clause:
        """What stands in the relation, after a look at each candidate."""
        query, test = self._query, self._test
        assert test is not None
        self._open()
        places = elastic_sky.places(query, test)
        others = [*self._others, *([self._words] if self._words else [])]
        candidates = Candidates(self._ask, others, self._memory.shapes)
        if self._measured:
            found, self._shares = candidates.covering(query, test, places)
        else:
            found = candidates.found(query, test, places)
            self._memory.meets_shapes = candidates.looked_at > 0
        return self._with_unlocated(found)

    def _with_unlocated(self, found: Clause) -> Clause:
        query, clause = self._query, elastic_sky.unlocated(self._query)
        if not query.unlocated:
            return found
        if query.covered is not None:  # what has no footprint covers nothing; the others are among what was found
            clause = all_of([clause, none_of(elastic_sky.HAS_SHAPE)]) if query.covered.low <= 0 else NOTHING
        return any_of([found, clause])

    # --- requests --------------------------------------------------------------------------------------------

    def _filters(self, sky: Clause) -> list[Clause]:
        return self._others if self._query.region is None else [*self._others, sky]

    def _matching(self, filters: list[Clause], *, score: bool = False) -> Clause:
        if self._words is None:
            return {"bool": {"filter": filters}}
        if score:
            return {"bool": {"filter": filters, "must": [self._words]}}
        return {"bool": {"filter": [*filters, self._words]}}

    def _main(self, sky: Clause, watched: Clause, *, apart: bool = True) -> tuple[Any, int]:
        """The page with most of the counts, and how many have no place, which are counted ``apart``."""
        query, counting = self._query, self._counting
        body: dict[str, Any] = {
            "query": self._matching(self._filters(sky), score=by_score(query)),
            "size": query.limit + (self._cursor is not None),
            "track_total_hits": True,
        }
        if body["size"]:
            body |= {"_source": False, "stored_fields": "_none_", "sort": sort_clauses(query, self._shares)}
            if self._shares is not None:
                body["docvalue_fields"] = ["seq", "place"]
        if self._cursor is not None:
            body["search_after"] = self._cursor.keys
        post = counting.post()
        if post:
            body["post_filter"] = all_of(post)
        aggregations = counting.facets() | counting.ends()
        if query.density is not None:
            aggregations |= elastic_counting.under("map", post, elastic_counting.density(query.density))
        if watched != NOTHING:
            aggregations["unsure"] = {"filter": watched}
        if aggregations:
            body["aggs"] = aggregations
        if query.region is None or not apart:
            return self._ask(body), 0
        nowhere = [*self._others, *post, elastic_sky.unlocated(query)]
        found, other = self._ask_both(body, {"query": self._matching(nowhere), "size": 0, "track_total_hits": True})
        return found, other["hits"]["total"]["value"]

    def _again(self, sky: Clause, aggregations: dict[str, Any]) -> Any:
        body = {"query": self._matching(self._filters(sky)), "size": 0, "track_total_hits": False, "aggs": aggregations}
        return self._ask(body)["aggregations"]

    # --- the answer ------------------------------------------------------------------------------------------

    def _read(self, found: Any, nowhere: int, sky: Clause) -> Answer:
        query, counting = self._query, self._counting
        self._memory.several_shards = found["_shards"]["total"] > 1
        total, hits = found["hits"]["total"]["value"], found["hits"]["hits"]
        width = len(order_of(query))
        pages = [hit["sort"][:width] for hit in hits[: query.limit]]
        more = len(hits) > query.limit if self._cursor else total > len(hits)
        counts = found.get("aggregations", {})
        facets: dict[str, FacetCounts] = {}
        again = counting.read_facets(counts, facets)
        while again:
            again = counting.read_facets(self._again(sky, counting.facets(again)), facets)
        ends = counting.read_ends(counts)
        bins = counting.bins(ends)
        histograms = counting.read_bins(self._again(sky, bins) if bins else {}, ends)
        density = self._density(counts, sky) if query.density is not None else None
        covered = self._covered(hits[: query.limit]) if self._shares else {}
        following = None
        if more and pages:
            kept = self._pit if self._paged else None
            following = encode_cursor(query, pages[-1], kept)
            if kept:
                self._pit = None  # the next page's now
        return Answer(
            total=total,
            ids=[page[-1] for page in pages],
            next=following,
            facets=facets,
            unlocated=nowhere,
            histograms=histograms,
            density=density,
            covered=covered,
        )

    def _density(self, counts: Any, sky: Clause) -> dict[int, int]:
        order = self._query.density
        assert order is not None
        made: dict[int, int] = {}
        post = self._counting.post()
        after = elastic_counting.read_density(counts.get("map", counts), order, made)
        while after:
            some = elastic_counting.under("map", post, elastic_counting.density(order, after))
            counts = self._again(sky, some)
            after = elastic_counting.read_density(counts.get("map", counts), order, made)
        return made

    def _covered(self, hits: Sequence[Any]) -> dict[str, float]:
        assert self._shares is not None
        made = {}
        for hit in hits:
            seq, place = hit["fields"]["seq"][0], hit["fields"]["place"]
            bare = self._shares.points if "position" in place else 0.0
            made[hit["sort"][len(order_of(self._query)) - 1]] = self._shares.by_seq.get(seq, bare)
        return made

    def coverage(self, order: int) -> Ints:
        """The union of what matches in whole cells of ``order``: order-29 ranges."""
        from mappings.sky import union_ranges

        self._open()
        try:
            sky = self._looked() if self._query.region is not None else NOTHING
            everything = self._matching([*self._filters(sky), *self._counting.post()])
            candidates = Candidates(self._ask, [everything], self._memory.shapes)
            shapes = (shape for _, shape in candidates.shapes({"match_all": {}}, []))
            made = [union_ranges(shapes, order)]
            bare = [everything, none_of(elastic_sky.HAS_SHAPE)]
            made += [
                _widened(cells, order) for cells in candidates.cells(all_of([*bare, {"exists": {"field": "cell"}}]))
            ]
            return healpix.merge_ranges(np.concatenate(made))
        finally:
            self._close()


def _widened(cells: list[int], order: int) -> Ints:
    low = np.array(cells, dtype=np.int64)
    return elastic_sky.whole_cells(healpix.merge_ranges(np.stack([low, low + 1], axis=1)), order)
