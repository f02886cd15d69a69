"""The lake as placement sees it: its storage elements (RSEs), and its datasets as columns.

Bytes are bytes, times Unix seconds (UTC). What Rucio has not said is None (or NaN, or -1 in columns of integers):
never a value that looks like knowledge.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]
Ints = NDArray[np.integer[Any]]
Mask = NDArray[np.bool_]

FOREVER = math.inf
ELSEWHERE = ""  # the site of readers of whom it is not known, or where there is no RSE
TAPE_COST = 2.0
FAR = 1.0


@dataclass(frozen=True, slots=True)
class Rse:
    """One Rucio storage element.

    ``kind`` is Rucio's ``rse_type`` (DISK, TAPE). ``site``: its attribute ``site``, else its name. ``free``: bytes that
    may still be written, by its ``storage`` usage, else its limits. ``min_free``: bytes that its limit MinFreeSpace
    keeps. ``account_left``: bytes that our account may still lock here, None: without limit.
    ``measured_at``: when its usage was measured.
    """

    name: str
    kind: str = "DISK"
    site: str = ""
    attributes: Mapping[str, Any] = field(default_factory=dict)
    readable: bool = True
    writable: bool = True
    deletable: bool = True
    total: int | None = None
    used: int | None = None
    free: int | None = None
    min_free: int = 0
    account_left: int | None = None
    measured_at: float | None = None


@dataclass(frozen=True)
class Lake:
    """The RSEs of one Rucio, by name, at ``taken_at``; ``distances`` are Rucio's, by (source, destination).

    ``account``: whose rules are ours. No distance between two RSEs means that Rucio does not transfer between them,
    unless it says none at all.
    """

    source: str
    account: str
    taken_at: float
    rses: tuple[Rse, ...]
    distances: Mapping[tuple[str, str], int] = field(default_factory=dict)

    @cached_property
    def index(self) -> dict[str, int]:
        """The place of each RSE by name."""
        return {rse.name: n for n, rse in enumerate(self.rses)}

    @cached_property
    def sites(self) -> tuple[str, ...]:
        """The sites of RSEs, sorted, and last :data:`ELSEWHERE`."""
        return (*sorted({rse.site for rse in self.rses} - {ELSEWHERE}), ELSEWHERE)

    @cached_property
    def cost(self) -> Floats:
        """What a read at each site costs from each RSE, shape (sites, RSEs).

        0 at a disk of the site itself; ``d / (1 + d)`` from a disk at Rucio's distance d; :data:`FAR` from one without;
        for :data:`ELSEWHERE` FAR from every disk; :data:`TAPE_COST` from any tape.
        """
        made = np.full((len(self.sites), len(self.rses)), FAR)
        for s, site in enumerate(self.sites):
            here = [rse.name for rse in self.rses if rse.site == site]
            for r, rse in enumerate(self.rses):
                if rse.kind == "TAPE":
                    made[s, r] = TAPE_COST
                elif site and rse.site == site:
                    made[s, r] = 0.0
                else:
                    known = [self.distances[pair] for one in here if (pair := (rse.name, one)) in self.distances]
                    if known:
                        made[s, r] = max(1, min(known)) / (1 + max(1, min(known)))
        return made


@dataclass(frozen=True, slots=True)
class OwnRule:
    """A rule of our account whose comment carries a hint's id: on dataset ``dataset`` (its place), on one RSE.

    ``beside``: until when a rule that is not ours holds the same copy; 0: none does.
    """

    dataset: int
    rse: int
    rule: str
    hint: str
    created_at: float
    expires_at: float  # FOREVER for none
    policy: str | None = None
    beside: float = 0.0


@dataclass(frozen=True, slots=True)
class Terms:
    """What each dataset is, as ``placement/terms.py`` says it: dataset n has the terms from ``start[n]`` on."""

    start: Ints  # int64, N + 1
    dims: NDArray[np.uint8]
    keys: NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class Datasets:
    """N datasets, ordered by (scope, name), and R RSEs in the order of the lake.

    ``complete``: all files are available there. ``coming``: a rule wants it there and it is not complete.
    ``locked_until``: until when some rule holds it there, FOREVER where one has no end, 0 where none does.
    ``accessed_at``, ``created_at``: NaN where not known. ``record_keys``: of the ids, as demand has them;
    None: they are yet to be made.
    """

    ids: Sequence[str]  # of the records
    scopes: Sequence[str]
    names: Sequence[str]
    bytes: Ints  # int64, N; -1: not known
    files: Ints  # int64, N; -1: not known
    created_at: Floats  # float64, N
    complete: Mask  # N, R
    coming: Mask  # N, R
    locked_until: Floats  # float64, N, R
    accessed_at: Floats  # float32, N, R
    rules: Sequence[OwnRule]
    terms: Terms
    record_keys: NDArray[np.uint64] | None = None

    def __len__(self) -> int:
        return len(self.ids)
