"""What is known of how much each dataset is wanted, as numbers that add up: the features of the forecast.

Every feature is a rate in events a day, and those of demand add up, over all datasets, to what was recorded: a read
counts for its dataset, a search for all that has what it asked for, divided by how many have it (what many share says
little of one). A read also counts a little for datasets that are alike: as if their terms had been searched for.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from placement import terms as term
from placement.state import Datasets, Floats, Ints, Terms

DAY = 86_400.0
HALF_LIFE = 14 * DAY
FAST = 5  # the fast weights' half-life is this part of the slow ones'
NEW = np.array([1.0, 5.0, 30.0]) * DAY  # in which a dataset's newness halves: each a feature

_DIMS = (term.SKY, term.TIME, term.FACET, term.WORD)
_DIM_NAMES = ("sky", "time", "facets", "words")
_KINDS = len(_DIMS)
_KIND = np.zeros(256, np.int8)
_KIND[list(_DIMS)] = range(_KINDS)
# own reads in two steps: most of what was read once is not read again, what was read often is
NAMES = (
    *("reads.fast", "reads.first", "reads.more", "views.fast", "views.slow", "found.fast", "found.slow"),
    *(f"{name}.{speed}" for name in _DIM_NAMES for speed in ("fast", "slow")),
    *(f"alike.{name}.{speed}" for name in _DIM_NAMES for speed in ("fast", "slow")),
    *("newness.days", "newness.weeks", "newness.months", "base"),
)
_VIEWS, _TERMS, _ALIKE, _NEW = 3, 7, 15, 23  # where features of views, terms, likeness, and of no demand begin
_BLOCK = 8_000_000  # numbers in one block of terms × sites


class Table(Protocol):
    """Of :class:`placement.demand.DemandTable`: K rows sorted by (dim, key, site), decayed to now."""

    @property
    def dims(self) -> NDArray[np.uint8]: ...
    @property
    def keys(self) -> NDArray[np.uint64]: ...
    @property
    def sites(self) -> tuple[str, ...]: ...
    @property
    def site(self) -> Ints: ...
    @property
    def fast(self) -> Floats: ...
    @property
    def slow(self) -> Floats: ...


def memories(half_life: float) -> tuple[float, float]:
    """Days in which as much is recorded as the fast and the slow weights hold: half-life / ln 2."""
    slow = half_life / DAY / np.log(2)
    return slow / FAST, slow


class TermIndex:
    """The T distinct terms of N datasets, and what follows from them alone: keep it while the terms stay.

    Terms that several datasets have are numbered first: ``shared`` is how many these are. ``datasets`` (T) have each
    term; ``kind`` (T) is its dimension's place, sky first; ``owner`` is the one dataset of each of the others.
    ``has`` (N, shared + 1) is 1 where a dataset has the term, the last column standing for all that are not shared;
    ``tells`` (the same) is what a read of the dataset says to each that has the term: those of one kind share it, and
    a term that nobody else has says nothing. ``itself`` (N, kinds): what it would say to itself.
    """

    def __init__(self, terms: Terms) -> None:
        n, entry = len(terms.start) - 1, self._numbered(terms)
        size = self.datasets.size
        kinds = _KIND[terms.dims]
        self.kind = np.zeros(size, np.int8)
        self.kind[entry] = kinds
        alone = np.flatnonzero(entry >= self.shared)
        self.owner = np.zeros(size - self.shared, np.int32)
        self.owner[entry[alone] - self.shared] = np.searchsorted(terms.start, alone, side="right") - 1
        np.minimum(entry, self.shared, out=entry)

        # terms of one kind lie side by side: runs are a fifth as many
        cell = np.repeat(np.arange(0, n * _KINDS, _KINDS, dtype=np.int32), np.diff(terms.start)) + kinds
        runs = np.flatnonzero(np.append(True, cell[1:] != cell[:-1])[: cell.size])
        sizes = np.diff(runs, append=cell.size)
        of_kind = np.maximum(np.bincount(cell[runs], sizes, n * _KINDS), 1).astype(np.float32)
        share = np.append(1 / self.datasets[: self.shared], 0).astype(np.float32)[entry]
        share /= np.repeat(of_kind[cell[runs]], sizes)
        own = np.add.reduceat(share, runs, dtype=np.float64) if runs.size else share
        self.itself = np.bincount(cell[runs], own, n * _KINDS).reshape(n, _KINDS).astype(np.float32)
        start = terms.start.astype(np.int32)
        shape = (n, self.shared + 1)
        self.has = csr_array((np.ones(entry.size, np.float32), entry, start), shape=shape)
        self.tells = csr_array((share, entry, start), shape=shape)

    def _numbered(self, terms: Terms) -> NDArray[np.int32]:
        """The number of each entry's term; makes ``datasets``, ``shared`` and what :meth:`find` looks in."""
        mixed = _mixed(terms.dims, terms.keys)
        bits = max(10, int(mixed.size).bit_length() - 1)
        # each term takes the slot that its hash says; the few that find another's there are numbered by sorting
        hashed = mixed * np.uint64(0x9E3779B97F4A7C15)
        hashed >>= np.uint64(64 - bits)
        slot = hashed.view(np.int64)
        held = np.zeros(1 << bits, np.uint64)
        held[slot] = mixed
        late = np.flatnonzero(held[slot] != mixed)
        others, place = np.unique(mixed[late], return_inverse=True)
        slot[late] = held.size + place
        count = np.bincount(slot, minlength=held.size + others.size)
        used = np.flatnonzero(count)
        several = count[used] > 1
        used = np.concatenate([used[several], used[~several]])
        self.datasets = count[used]
        self.shared = int(several.sum())
        self._values = np.concatenate([held, others])[used]
        self._order = np.argsort(self._values)
        number = np.zeros(count.size, np.int32)
        number[used] = np.arange(used.size, dtype=np.int32)
        return number[slot]

    def find(self, dims: NDArray[np.uint8], keys: NDArray[np.uint64]) -> Ints:
        """The number of each of these terms, -1 where no dataset has it."""
        if not self._values.size or not keys.size:
            return np.full(keys.size, -1)
        asked = _mixed(dims, keys)
        place = np.minimum(np.searchsorted(self._values, asked, sorter=self._order), self._values.size - 1)
        found = self._order[place]
        return np.where(self._values[found] == asked, found, -1)


@dataclass(frozen=True, slots=True)
class Interest:
    """Of N datasets: ``features`` (N, K), events a day; and by site, each (N, S): the weights of ``own_fast`` and
    ``own_slow`` reads, and ``rest``, all other demand in events a day, each times its coefficient.

    ``all_reads``: the slow weights of all reads, by site. ``by_term`` (shared + 1, S): what each shared term adds to
    ``rest``; only where it is asked for.
    """

    features: NDArray[np.float32]
    own_fast: NDArray[np.float32]
    own_slow: NDArray[np.float32]
    rest: NDArray[np.float32]
    all_reads: Floats
    by_term: NDArray[np.float32] | None = None


def interest(
    datasets: Datasets,
    table: Table,
    sites: tuple[str, ...],
    coefficients: Floats,
    now: float,
    half_life: float = HALF_LIFE,
    index: TermIndex | None = None,
    by_term: bool = False,
) -> Interest:
    """What is known of each dataset at ``now``; a site of the table that is none of ``sites`` counts as the last."""
    memory = np.array(memories(half_life))
    place = {site: n for n, site in enumerate(sites)}
    site = np.array([place.get(name, len(sites) - 1) for name in table.sites], np.int64)[table.site]
    shape = len(datasets), len(sites)
    features = np.zeros((shape[0], len(NAMES)), np.float32)
    rest = np.zeros(shape, np.float32)
    own = np.zeros((2, *shape), np.float32)
    rates = np.stack([table.fast, table.slow]) / memory[:, None]
    keys = datasets.record_keys
    if keys is None:
        keys = np.fromiter(map(_record_key, datasets.ids), np.uint64, shape[0])
    order = np.argsort(keys)
    for dim, first in ((term.READ, 0), (term.VIEW, _VIEWS), (term.FOUND, _VIEWS + 2)):
        rows, record = _rows_of(table, dim, keys, order)
        for speed in range(2):
            features[:, first + speed] = np.bincount(record, rates[speed, rows], shape[0])
        if dim == term.READ:
            own[0] = _grid(record, site[rows], table.fast[rows], shape)
            own[1] = _grid(record, site[rows], table.slow[rows], shape)
        elif rows.size:
            rest += _grid(record, site[rows], coefficients[first : first + 2] @ rates[:, rows], shape)
    features[:, 1], features[:, 2] = steps(features[:, 1] * memory[1], memory[1])
    if index is None:
        index = TermIndex(datasets.terms)
    each = np.zeros((index.shared + 1, shape[1]), np.float32) if by_term else None
    if rates.size and shape[0]:
        _add_terms(index, table, site, rates, _damped(own, memory), coefficients, features, rest, each)
    reads = table.dims == term.READ
    all_reads = np.bincount(site[reads], table.slow[reads], shape[1]).astype(np.float64)
    mean = all_reads.sum() / memory[1] / max(shape[0], 1)
    features[:, _NEW:-1], features[:, -1] = mean * newness(datasets.created_at, now), mean
    return Interest(features, own[0], own[1], rest, all_reads, each)


def newness(created_at: Floats, now: float) -> Floats:
    """1 for what was made just now (or later, by a wrong clock), which halves by each of :data:`NEW`, shape (N, 3).

    0 where it is not known.
    """
    age = np.maximum(now - created_at, 0)[:, None]
    return np.where(np.isfinite(age), np.exp2(-age / NEW), 0.0)


def steps(weight: Any, memory: float) -> tuple[Any, Any]:
    """Slow weights of own reads as two rates: up to one read, and beyond."""
    return np.minimum(weight, 1) / memory, np.maximum(weight - 1, 0) / memory


def _damped(own: NDArray[np.float32], memory: Floats) -> NDArray[np.float32]:
    """Own reads as they count for others: the logarithm, so that one hot dataset does not make all its kin hot."""
    total = own.sum(axis=2)
    factor = np.log1p(total) / np.maximum(total, np.float32(1e-30)) / memory[:, None]
    made: NDArray[np.float32] = own * factor[:, :, None].astype(np.float32)
    return made


def _rows_of(table: Table, dim: int, keys: NDArray[np.uint64], order: Ints) -> tuple[Ints, Ints]:
    """Rows of the table that are about one of our records, and which record each is about."""
    low, high = (int(one) for one in np.searchsorted(table.dims, (dim, dim + 1)))
    if not keys.size:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    asked = table.keys[low:high]
    place = order[np.minimum(np.searchsorted(keys, asked, sorter=order), keys.size - 1)]
    here = np.flatnonzero(keys[place] == asked)
    return here + low, place[here]


def _add_terms(
    index: TermIndex,
    table: Table,
    site: Ints,
    rates: Floats,
    damped: NDArray[np.float32],
    coefficients: Floats,
    features: NDArray[np.float32],
    rest: NDArray[np.float32],
    by_term: NDArray[np.float32] | None,
) -> None:
    """Add what searches ask for by terms, and what reads say of datasets that are alike."""
    rows = np.flatnonzero(table.dims >= _DIMS[0])
    asked = index.find(table.dims[rows], table.keys[rows])
    rows, asked = rows[asked >= 0], asked[asked >= 0]
    searches = rates[:, rows] / index.datasets[asked]
    read = np.flatnonzero(damped[1].any(axis=1))
    tells = index.tells[read].T
    itself, size = index.itself[read], index.shared + 1
    reads = damped[:, read]
    # what one dataset alone has is asked of it
    alone = asked >= index.shared
    owner, alone_kind = index.owner[asked[alone] - index.shared], index.kind[asked[alone]]
    many = np.flatnonzero(~alone)
    shared = asked[many]

    # by kind and speed: of searches, then of likeness
    wide = np.zeros((size, 4 * _KINDS), np.float32)
    every, kind = np.arange(index.shared), index.kind[: index.shared]
    for speed in range(2):
        wide[every, 2 * kind + speed] = np.bincount(shared, searches[speed, many], index.shared)
        wide[every, 2 * (kind + _KINDS) + speed] = (tells @ reads[speed].sum(axis=1))[: index.shared]
    sums = index.has @ wide
    for speed in range(2):
        sums[read, 2 * _KINDS + speed :: 2] -= reads[speed].sum(axis=1)[:, None] * itself
        np.add.at(sums, (owner, 2 * alone_kind + speed), searches[speed, alone].astype(np.float32))
    features[:, _TERMS:_NEW] = np.maximum(sums, 0)
    del wide, sums

    of_search = coefficients[_TERMS:_ALIKE].reshape(_KINDS, 2)
    likeness = np.append(coefficients[_ALIKE:_NEW].reshape(_KINDS, 2)[kind], [[0, 0]], axis=0).astype(np.float32)
    of_kind = coefficients[_ALIKE:_NEW].reshape(_KINDS, 2).astype(np.float32)
    worth = (searches.T * of_search[index.kind[asked]]).sum(axis=1)
    np.add.at(rest, (owner, site[rows][alone]), worth[alone].astype(np.float32))
    step = max(1, _BLOCK // max(size, 1))
    for low in range(0, rest.shape[1], step):
        part = slice(low, low + step)
        width = len(range(*part.indices(rest.shape[1])))
        column = site[rows][many] - low
        inside = (column >= 0) & (column < step)
        block = _grid(shared[inside], column[inside], worth[many][inside], (size, width))
        for speed in range(2):
            block += (tells @ reads[speed, :, part]) * likeness[:, speed, None]
        if by_term is not None:
            by_term[:, part] = block
        more = index.has @ block
        for speed in range(2):
            more[read] -= reads[speed, :, part] * (itself @ of_kind[:, speed])[:, None]
        rest[:, part] += np.maximum(more, 0)


def _grid(row: Ints, column: Ints, values: Floats, shape: tuple[int, int]) -> NDArray[np.float32]:
    """The values added up in a table of this shape."""
    flat = np.bincount(row * shape[1] + column, values, shape[0] * shape[1])
    return flat.reshape(shape).astype(np.float32)


def _mixed(dims: NDArray[np.uint8], keys: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """One number for a dimension and a key."""
    made = dims.astype(np.uint64)
    made += np.uint64(1)
    made *= np.uint64(0xD1B54A32D192ED03)
    made ^= keys
    return made


@lru_cache(maxsize=1 << 18)
def _record_key(record: str) -> int:
    return term.record_key(record)
