"""One query over the segments of one committed state."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import orjson

from catalog import lookup, places, ranking
from catalog.counting import Density, Spread, Tally
from catalog.engine import Answer
from catalog.footprints import shape
from catalog.rows import Rows, all_of
from catalog.segment import Segment
from catalog.texts import Find, Text
from mappings import healpix
from mappings.healpix import Ints
from mappings.sky import RegionTest
from schemas.query import Query

Coverings = dict[tuple[bytes, str], tuple[Any, Any]]
_COVERINGS = 1 << 25  # bytes; of a segment and a region: the pages of a few searches at a time
_SHAPES = 1000  # joined at a time


class Look:
    """What one segment has to say to a query: the rows of each part of it by name.

    A filter's name begins with its field, so that a facet can leave its own out.
    """

    def __init__(
        self,
        segment: Segment,
        alive: Any,
        query: Query,
        test: RegionTest | None,
        find: Find,
        coverings: Coverings | None = None,
    ) -> None:
        self.segment = segment
        self.query = query
        self.test = test
        self._coverings = {} if coverings is None else coverings
        self.text = Text(segment, query.words, find) if query.words is not None else None
        self.parts = self._parts(alive)
        self.rows = all_of(list(self.parts.values()), segment.size)

    def _parts(self, alive: Any) -> dict[str, Rows]:
        segment, query = self.segment, self.query
        parts: dict[str, Rows] = {}
        if alive is not None:
            parts["\0alive"] = Rows(mask=alive)
        if not query.sees_all and (seen := lookup.visible(segment, query.groups)) is not None:
            parts["\0visible"] = seen
        if (view := lookup.in_view(segment, collapse=query.collapse)) is not None:
            parts["\0view"] = view
        if query.after is not None:
            parts["\0after"] = Rows(rows=segment.rows_after(query.after))
        if self.text is not None:
            parts["\0text"] = self.text.rows
        for n, wanted in enumerate(query.filters):
            parts[f"{wanted.field}\0{n}"] = lookup.filtered(segment, wanted)
        for n, span in enumerate(query.spans):
            parts[f"\0span{n}"] = lookup.spanning(segment, span)
        if self.test is not None:
            found = places.in_region(segment, self.test, query.relation)
            if query.unlocated:
                found = Rows(mask=found.to_mask(segment.size) | ~places.located(segment, query.relation))
            parts["\0sky"] = found
            if query.covered is not None:
                rows = all_of([part for name, part in parts.items() if name.startswith("\0")], segment.size)
                covered = self.covered(rows)
                parts["\0covered"] = Rows(rows=rows[(covered >= query.covered.low) & (covered <= query.covered.high)])
        return parts

    def covered(self, rows: Any) -> Any:
        """The fraction of the region that each of these rows covers."""
        assert self.test is not None  # the parser asks for a region
        region = orjson.dumps(self.query.region.footprint if self.query.region else None)
        key = hashlib.blake2b(region, digest_size=16).digest(), self.segment.name
        known = self._coverings.get(key)
        if known is None or len(np.setdiff1d(rows, known[0], assume_unique=True)):
            known = rows, places.fractions(self.segment, rows, self.test)
            size = known[0].nbytes + known[1].nbytes
            if size + sum(one.nbytes for kept in list(self._coverings.values()) for one in kept) > _COVERINGS:
                self._coverings.clear()
            self._coverings[key] = known
        return known[1][np.searchsorted(known[0], rows)]

    def _order_covered(self, rows: Any) -> Any:
        """As :meth:`covered`; what has no place on the sky has no fraction either, and comes last."""
        located = places.located(self.segment, self.query.relation)
        return np.where(located[rows], self.covered(rows), math.nan)

    def without(self, field: str) -> Any:
        """Rows that all parts but the filters on ``field`` match."""
        others = [part for name, part in self.parts.items() if not name.startswith(field + "\0")]
        return self.rows if len(others) == len(self.parts) else all_of(others, self.segment.size)

    def unlocated(self) -> int:
        """How many match all but the region for want of a place."""
        if self.test is None:
            return 0
        nowhere = ~places.located(self.segment, self.query.relation)
        if not nowhere.any():
            return 0
        others = [part for name, part in self.parts.items() if name not in ("\0sky", "\0covered")]
        return len(all_of([*others, Rows(mask=nowhere)], self.segment.size))

    def given(self) -> ranking.Given:
        """Values to sort by that come from the query."""
        made: dict[str, Callable[[Any], Any]] = {"changed": self.segment.seqs, "covered": self._order_covered}
        if self.text is not None:
            made["score"] = self.text.scores
        if (test := self.test) is not None:
            made["distance"] = lambda rows: healpix.angle(self.segment.unit(rows), test.centre)
        return made


def region_test(query: Query) -> RegionTest | None:
    return RegionTest(query.region.footprint) if query.region is not None else None


def answer(
    query: Query, segments: list[tuple[Segment, Any]], find: Find, coverings: Coverings, place: ranking.Place
) -> Answer:
    """Total, page, facets and all from (segment, rows alive) of one state; ``place.state`` goes on in the cursor."""
    after = place.keys or None
    test = region_test(query)
    tallies = [Tally(facet) for facet in query.facets]
    spreads = [Spread(histogram) for histogram in query.histograms]
    density = Density(query.density) if query.density is not None else None
    asks_cover = query.region is not None and (
        query.covered is not None or any(sort.field == "covered" for sort in query.sort)
    )
    total = unlocated = left = 0
    entries: list[ranking.Entry] = []
    covered: dict[str, float] = {}
    for segment, alive in segments:
        look = Look(segment, alive, query, test, find, coverings)
        total += len(look.rows)
        unlocated += look.unlocated()
        for tally in tallies:
            tally.add(segment, look.without(tally.field))
        for spread in spreads:
            spread.add(segment, look.without(spread.field))
        if density is not None:
            density.add(segment, look.rows)
        rows = look.rows
        if after is not None and len(after) > 1:  # what changed since the first page may have stood on one before
            rows = rows[segment.seqs(rows) <= place.state]
        more, count = ranking.page(segment, rows, query, look.given(), after)
        left += count
        entries += more
        if asks_cover and more:
            rows = np.sort(np.array([entry.row for entry in more]))
            covered |= zip(segment.ids(rows), look.covered(rows).tolist(), strict=True)
    entries.sort()
    entries = entries[: query.limit]
    following = ranking.encode_cursor(query, entries[-1], place.state) if entries and left > len(entries) else None
    return Answer(
        total=total,
        ids=[entry.id for entry in entries],
        next=following,
        facets={tally.facet.field: tally.result() for tally in tallies},
        unlocated=unlocated,
        histograms={spread.histogram.field: spread.result() for spread in spreads},
        density=density.counts if density is not None else None,
        covered={entry.id: covered[entry.id] for entry in entries} if asks_cover else {},
    )


def coverage(query: Query, segments: list[tuple[Segment, Any]], find: Find, order: int) -> Ints:
    """The union of the footprints, else positions, of all that matches, in whole cells of ``order``."""
    from mappings.sky import union_ranges

    test = region_test(query)
    shift = 2 * (healpix.ORDER - order)
    found: Ints = np.empty((0, 2), dtype=np.int64)
    for segment, alive in segments:
        look = Look(segment, alive, query, test, find)
        shaped = np.zeros(segment.size, dtype=bool)
        shaped[segment["shape/docs"]] = True
        points = look.rows[(look.rows < segment.located) & ~shaped[look.rows]]
        cells = np.unique(segment["cell"][points] >> shift)
        found = healpix.merge_ranges(np.concatenate([found, np.stack([cells, cells + 1], axis=1) << shift]))
        numbers = np.flatnonzero(np.isin(segment["shape/docs"], look.rows))
        for start in range(0, len(numbers), _SHAPES):
            some = [shape(segment, n) for n in numbers[start : start + _SHAPES].tolist()]
            found = healpix.merge_ranges(np.concatenate([found, union_ranges(some, order)]))
    return found


def seen(seqs: Iterable[int], segments: list[tuple[Segment, Any]]) -> dict[int, str]:
    """Ids of the versions that everybody sees in an ordinary search, by feed number."""
    asked = np.array(sorted(seqs), dtype=np.int64)
    found: dict[int, str] = {}
    for segment, alive in segments:
        rows = segment.rows_of_seqs(asked)
        known = Look(segment, alive, Query(), None, lambda tree: (asked[:0], np.empty(0), {})).rows
        rows = rows[np.isin(rows, known)]
        found |= zip(segment.seqs(rows).tolist(), segment.ids(rows), strict=True)
    return found
