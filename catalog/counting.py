"""Facets, histograms and density over the rows of segments, summed as the segments come."""

from __future__ import annotations

from typing import Any

import numpy as np

from catalog.engine import Bucket, FacetCounts, HistogramCounts
from catalog.patterns import prefixed
from catalog.segment import Segment
from mappings import healpix
from mappings.histogram import Edges, edges, kind_of
from schemas.fields import field_name, search_fields
from schemas.query import Facet, Histogram

Value = str | int | float
_LOWER = {upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)}  # and no other letter


def chosen(segment: Segment, column: str, rows: Any) -> tuple[Any, Any]:
    """(rows, places in the column) of a column's values at the given ascending rows."""
    if segment.dense(column):
        length = segment.length(column)
        if len(rows) == segment.size:
            return rows[:length], slice(None)
        if length < segment.size:
            rows = rows[: np.searchsorted(rows, length)]
        return rows, rows
    docs = segment.docs(column)
    if len(rows) == segment.size:
        return docs, slice(None)
    if len(rows) * 8 < len(docs):
        first = np.searchsorted(docs, rows)
        at = healpix.expand(first, np.searchsorted(docs, rows, side="right") - first)
    else:
        mask = np.zeros(segment.size, dtype=bool)
        mask[rows] = True
        at = np.flatnonzero(mask[docs])
    return docs[at], at


class Tally:
    """Counts of one facet; a record counts once for each of its values."""

    def __init__(self, facet: Facet) -> None:
        self.facet = facet
        self.field = field_name(facet.field)
        self.counts: dict[Value, int] = {}
        self.missing = 0
        self._prefix = facet.prefix.translate(_LOWER)
        self._levels = self.field.endswith(".path")

    def add(self, segment: Segment, rows: Any) -> None:
        """Count the values of these rows, ascending."""
        if len(rows) == 0:
            return
        field = self.field
        if field == "id":
            for one in segment.ids(rows):
                self._count(one, 1)
            return
        seen: list[Any] = []  # ascending rows that have a value, for each kind of column
        if segment.has(f"term/{field}/codes"):
            docs, at = chosen(segment, f"term/{field}", rows)
            seen.append(docs)
            self._count_words(segment, segment[f"term/{field}/codes"][at])
        if segment.has(f"num/{field}/values"):
            docs, at = chosen(segment, f"num/{field}", rows)
            seen.append(docs)
            values, counts = segment.values(f"num/{field}/values").counts(at)
            known = search_fields().get(field)
            if known is not None and known.kind == "date":
                values = _years(values)
            for value, count in zip(values.tolist(), counts.tolist(), strict=True):
                self._count(int(value) if value == int(value) else value, count)
        self.missing += len(rows) - _distinct(seen)

    def _count_words(self, segment: Segment, codes: Any) -> None:
        counts = np.bincount(codes)
        used = np.flatnonzero(counts)
        if self._prefix:  # of many words only those that begin with the letter, small or capital
            letters = {self._prefix[0], self._prefix[0].upper()} if self._prefix[0].isascii() else {self._prefix[0]}
            bounds = [np.searchsorted(used, prefixed(segment, self.field, letter.encode())) for letter in letters]
            used = np.concatenate([used[first:last] for first, last in bounds])
        for word, count in zip(segment.some_words(self.field, used), counts[used].tolist(), strict=True):
            self._count(word, count)

    def _count(self, value: Value, count: int) -> None:
        if self._shows(value):
            self.counts[value] = self.counts.get(value, 0) + count

    def result(self) -> FacetCounts:
        """The most frequent first, equal ones by value, numbers before words."""
        ranked = sorted(self.counts.items(), key=lambda item: (-item[1], isinstance(item[0], str), item[0]))
        return FacetCounts([Bucket(value, count) for value, count in ranked[: self.facet.size]], self.missing)

    def _shows(self, value: Value) -> bool:
        if not self._prefix and not self._levels:
            return True
        if not isinstance(value, str):
            return False
        if not value.translate(_LOWER).startswith(self._prefix):
            return False
        return not self._levels or "/" not in value[len(self._prefix) :]


def _distinct(lists: list[Any]) -> int:
    """How many different rows stand in ascending lists."""
    if len(lists) > 1:
        return len(np.unique(np.concatenate(lists)))
    if not lists or len(lists[0]) == 0:
        return 0
    return 1 + int(np.count_nonzero(lists[0][1:] != lists[0][:-1]))


def _years(mjd: Any) -> Any:
    """Calendar years, UTC, of MJDs."""
    days = np.datetime64("1858-11-17", "D") + np.floor(mjd).astype("timedelta64[D]")
    return days.astype("datetime64[Y]").astype(int) + 1970


class Spread:
    """One histogram: the values of all segments first, then round edges for them, then the counts."""

    def __init__(self, histogram: Histogram) -> None:
        self.histogram = histogram
        self.field = field_name(histogram.field)
        self._found: list[tuple[Any, Any, Any]] = []  # rows, least and greatest values
        self.missing = 0

    def add(self, segment: Segment, rows: Any) -> None:
        """Take the values of these rows, ascending."""
        if len(rows) == 0:
            return
        seen = []
        for column, low, high in ((f"num/{self.field}", "values", "values"), (f"int/{self.field}", "low", "high")):
            if segment.has(f"{column}/{low}"):
                docs, at = chosen(segment, column, rows)
                least, most = (segment.values(f"{column}/{part}").take(at) for part in (low, high))
                seen.append((docs, least, most))
        if not seen:
            self.missing += len(rows)
            return
        docs, least, most = (np.concatenate(part) if len(seen) > 1 else part[0] for part in zip(*seen, strict=True))
        self.missing += len(rows) - _distinct([part[0] for part in seen])
        self._found.append((docs, least, most))

    def result(self) -> HistogramCounts:
        bounds = [values[np.isfinite(values)] for _, low, high in self._found for values in (low, high)]
        bounds = [values for values in bounds if len(values)]
        if not bounds:
            return HistogramCounts(Edges("linear", ()), [], self.missing)
        least, most = min(float(values.min()) for values in bounds), max(float(values.max()) for values in bounds)
        made = edges(least, most, self.histogram.bins, kind_of(self.field))
        values, bins = np.array(made.values), len(made.values) - 1
        counts = np.zeros(bins, dtype=np.int64)
        for docs, low, high in self._found:
            first, last = (np.clip(np.searchsorted(values, end, side="right") - 1, 0, bins - 1) for end in (low, high))
            if _distinct([np.sort(docs)]) < len(docs):
                first, last = _once(docs.astype(np.int64), first, last, bins)
            steps = np.bincount(first, minlength=bins + 1) - np.bincount(last + 1, minlength=bins + 1)
            counts += np.cumsum(steps)[:bins]
        return HistogramCounts(made, counts.tolist(), self.missing)


def _once(docs: Any, first: Any, last: Any, bins: int) -> tuple[Any, Any]:
    """The same bins of each of ``docs``, without those that an earlier one of it has: a record counts once in a bin."""
    order = np.lexsort((first, docs))
    docs, first, last = docs[order], first[order], last[order]
    reached = np.maximum.accumulate(docs * bins + last)  # by each doc, for they ascend
    first[1:] = np.maximum(first[1:], reached[:-1] - docs[1:] * bins + 1)
    left = first <= last
    return first[left], last[left]


class Density:
    """Records by HEALPix cell of ``order``: of the position, else of the middle of the footprint."""

    def __init__(self, order: int) -> None:
        self.order = order
        self.counts: dict[int, int] = {}

    def add(self, segment: Segment, rows: Any) -> None:
        shift = 2 * (healpix.ORDER - self.order)
        placed = int(np.searchsorted(rows, segment.located))
        found = [segment["cell"][rows[:placed]] >> shift]
        if segment.any_shape and placed < len(rows):
            docs = segment["shape/docs"]
            here = np.flatnonzero(np.isin(docs, rows[placed:]))
            x, y, z = segment["shape/cap"][here, :3].T
            ra, dec = np.degrees(np.arctan2(y, x)) % 360, np.degrees(np.arctan2(z, np.hypot(x, y)))
            found.append(healpix.cells(ra, dec, self.order))
        for some in found:
            cells = np.sort(some)  # those of positions are so already, which costs little
            first = np.flatnonzero(np.append(True, cells[1:] != cells[:-1])) if len(cells) else cells
            for pixel, count in zip(cells[first].tolist(), np.diff(first, append=len(cells)).tolist(), strict=True):
                self.counts[pixel] = self.counts.get(pixel, 0) + count
