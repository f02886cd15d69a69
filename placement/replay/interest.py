"""A trace in terms: what its datasets are and what its searches ask for; made once, for all strategies that use it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from urllib.parse import parse_qsl

import numpy as np

from placement.replay.trace import Trace
from placement.state import Floats, Ints, Mask, Terms
from placement.terms import Asked, of_query, of_records, record_key
from schemas.errors import QueryError
from schemas.query import Cone, Query, parse

_BLOCK = 4000  # records
_SAYS_NOTHING = Query()
_NONE: Ints = np.empty(0, np.int64)


@dataclass(frozen=True)
class Interest:
    """``asked``: what each search asks for; a query that cannot be understood, or names an object, asks for nothing."""

    trace: Trace

    @cached_property
    def ids(self) -> tuple[str, ...]:
        """The record of each dataset."""
        return tuple(record["id"] for record in self.trace.records)

    @cached_property
    def keys(self) -> list[int]:
        """Of each dataset, its key in the dimensions of single records."""
        return [record_key(one) for one in self.ids]

    @cached_property
    def terms(self) -> Terms:
        """The terms of all datasets."""
        records = [dict(record) for record in self.trace.records]
        made = [of_records(records[n : n + _BLOCK]) for n in range(0, len(records), _BLOCK)]
        starts = np.cumsum([0, *(len(one.keys) for one in made)])
        start = np.concatenate([one.start[:-1] + at for one, at in zip(made, starts, strict=False)] + [starts[-1:]])
        return Terms(start, np.concatenate([one.dims for one in made]), np.concatenate([one.keys for one in made]))

    @cached_property
    def columns(self) -> tuple[list[list[int]], dict[tuple[int, int], int], Floats]:
        """The terms of each dataset numbered from 0, the number of each, and of how many datasets it is a term."""
        terms, numbers = self.terms, dict[tuple[int, int], int]()
        pairs = zip(terms.dims.tolist(), terms.keys.tolist(), strict=True)
        flat = [numbers.setdefault(pair, len(numbers)) for pair in pairs]
        ends = terms.start.tolist()
        rows = [flat[a:b] for a, b in pairwise(ends)]
        return rows, numbers, np.bincount(flat, minlength=len(numbers)).astype(np.float64)

    @cached_property
    def _parsed(self) -> dict[str, Query]:
        known: dict[str, Query] = {}
        for text in self.trace.queries:
            if text not in known:
                try:
                    known[text] = parse(parse_qsl(text, keep_blank_values=True))
                except QueryError:
                    known[text] = Query()
        return known

    @cached_property
    def asked(self) -> list[list[Asked]]:
        """What each search asks for."""
        known = {text: of_query(query) for text, query in self._parsed.items()}
        return [known[text] for text in self.trace.queries]

    @cached_property
    def found(self) -> list[Ints]:
        """The datasets of the whole trace that each search finds, ascending; none where it says nothing."""
        known = {text: self._found(query) for text, query in self._parsed.items()}
        return [known[text] for text in self.trace.queries]

    def _found(self, query: Query) -> Ints:
        """As the index finds them by region, time, filters and words, as far as terms tell."""
        parts = [replace(_SAYS_NOTHING, filters=(one,)) for one in query.filters]
        parts += [replace(_SAYS_NOTHING, spans=(one,)) for one in query.spans]
        parts += [replace(_SAYS_NOTHING, region=query.region)] if query.region else []
        some = [of_query(part) for part in parts]
        every = [[one] for one in of_query(replace(_SAYS_NOTHING, words=query.words))]  # each word
        if not all(some) or not (some or every):
            return _NONE
        made: Ints | None = None
        for terms in (*some, *every):
            have = [self._having[number] for one in terms if (number := self.columns[1].get(one[:2])) is not None]
            if not have:
                return _NONE
            found = have[0] if len(have) == 1 else np.unique(np.concatenate(have))
            made = found if made is None else np.intersect1d(made, found, assume_unique=True)
        assert made is not None
        return made[self._near(query.cone, made)] if query.cone else made

    def _near(self, cone: Cone, which: Ints) -> Mask:
        """Which of these meet the cone; those of no position and circle are in cells that it meets."""
        x, y, z, radius = self._circles[which].T
        ra, dec = np.radians([cone.ra, cone.dec])
        cosine = x * np.cos(dec) * np.cos(ra) + y * np.cos(dec) * np.sin(ra) + z * np.sin(dec)
        apart = np.degrees(np.arccos(np.clip(cosine, -1, 1)))
        return np.asarray(~(apart > cone.radius + radius))

    @cached_property
    def _having(self) -> list[Ints]:
        """The datasets that have each term, ascending."""
        rows, _, counts = self.columns
        flat = np.array([number for row in rows for number in row], np.int64)
        of = np.repeat(np.arange(len(rows)), [len(row) for row in rows])
        return np.split(of[np.argsort(flat, kind="stable")], np.cumsum(counts)[:-1].astype(np.int64))

    @cached_property
    def _circles(self) -> Floats:
        """Of each dataset the unit vector of its place and its radius in degrees; NaN where it has no circle."""
        made = np.full((len(self.trace), 4), np.nan)
        for n, record in enumerate(self.trace.records):
            circle = (record.get("footprint") or {}).get("circle")
            if not record.get("footprint") and (place := record.get("position")):
                circle = [place["ra"], place["dec"], 0.0]
            if circle:
                ra, dec = np.radians(circle[:2])
                made[n] = (np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec), circle[2])
        return made
