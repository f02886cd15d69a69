"""The index as one protocol; two engines pass one conformance suite."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal, Protocol

from mappings.healpix import Ints
from mappings.histogram import Edges
from schemas.query import Query
from schemas.record import Record

View = Literal["single", "part", "merged"]


@dataclass(frozen=True, slots=True)
class Change:
    """One entry of the change feed: the newest version of one record; ``record is None``: deleted.

    ``view`` says when a search sees it: always (``single``), with ``collapse=false`` only (``part``), or
    in place of its parts (``merged``).
    """

    seq: int
    id: str
    record: Record | None
    view: View = "single"


@dataclass(frozen=True, slots=True)
class Bucket:
    value: str | int | float | bool
    count: int


@dataclass(frozen=True, slots=True)
class FacetCounts:
    """``missing`` counts the records that match and have no value. Counts are exact."""

    buckets: list[Bucket]
    missing: int


@dataclass(frozen=True, slots=True)
class HistogramCounts:
    """``counts[i]`` records have a value from ``edges.values[i]`` to before the next (the last bin: to the end).

    A record counts once in each bin that it has a value or interval in; ``missing``: it has none at all.
    """

    edges: Edges
    counts: list[int]
    missing: int


@dataclass(frozen=True, slots=True)
class Answer:
    """``total`` is exact; ``ids`` are this page in order; ``next`` is the cursor of the next page or None.

    ``unlocated`` counts what matches all but the sky region for want of a place. ``density``: records by HEALPix cell,
    of the position or else of the footprint's centre. ``covered``: the fraction of the region that each of ``ids``
    covers, where the query filters or sorts by it.
    """

    total: int
    ids: list[str]
    next: str | None = None
    facets: dict[str, FacetCounts] = field(default_factory=dict)
    unlocated: int = 0
    histograms: dict[str, HistogramCounts] = field(default_factory=dict)
    density: dict[int, int] | None = None
    covered: dict[str, float] = field(default_factory=dict)


class Engine(Protocol):
    """A search index that follows one change feed."""

    def search(self, query: Query) -> Answer:
        """Answer from all changes that any process has committed so far."""

    def coverage(self, query: Query, order: int) -> Ints:
        """The union of all that matches: footprints, else positions, in whole cells of ``order``.

        Order-29 ranges, shape (n, 2), ascending.
        """

    def near(self, word: str) -> list[str]:
        """Up to 20 ids of records that everybody may see, with words within two edits of ``word``."""

    def applied(self) -> int:
        """The feed number up to which the index is complete; 0 for an empty one."""

    def follows(self) -> str | None:
        """The uuid of the store whose feed it follows; None while it is empty."""

    def apply(self, changes: Iterable[Change], upto: int, feed: str) -> None:
        """Apply changes (idempotent: an older version never undoes a newer one) and commit ``upto``.

        A merged record above ``upto`` may be among them, for parts that would not be seen without it; it comes again.
        ``feed`` is the uuid of the store they come from. One process at a time: the caller holds the index lease.
        """

    def rebuild(self, batches: Iterable[tuple[Iterable[Change], int]], feed: str) -> None:
        """Build anew beside the old from batches of (changes, upto), and swap when they end.

        A search meanwhile sees all of the old or all of the new. The caller holds the index lease.
        """

    def close(self) -> None:
        """Let go of what writing needs; searching goes on working."""

    def check(self) -> list[str]:
        """Sentences on what is wrong with the index, for ``doctor``; empty when it is sound."""
