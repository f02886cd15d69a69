"""Demand: how much was lately asked of each term, by the site that asked; weights that decay, bounded in number.

Every event adds its amount to two weights of its (dimension, key, site): the slow one loses half in a half-life, the
fast one in a fifth of that. Weights are kept as of one moment, so that time passes without touching them.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]

MOST = 200_000  # rows: 12 MB as columns, 60 MB while they are being added to
SLACK = 10  # a tenth more may come before the least are forgotten: sorting them at each new one would cost too much
FAST = 5  # the fast half-life is this part of the slow one
# What is less is forgotten: an event of amount 1 after 13 half-lives (half a year at 14 days), a 256th after five.
FAINT = 1e-4
_FARTHEST = 500.0  # half-lives from the reference moment before the weights are put on another: 2^1024 is infinite


@dataclass(frozen=True, slots=True)
class DemandTable:
    """K rows as columns, by (dim, key, site); ``site`` is the place in ``sites``, which are sorted."""

    dims: NDArray[np.uint8]
    keys: NDArray[np.uint64]
    sites: tuple[str, ...]
    site: Ints
    fast: Floats
    slow: Floats

    def __len__(self) -> int:
        return len(self.keys)


def table(
    dims: ArrayLike, keys: ArrayLike, names: Sequence[str], site: ArrayLike, fast: ArrayLike, slow: ArrayLike
) -> DemandTable:
    """A table of columns in any order, without what is faint; ``site`` is the place in ``names``."""
    weights = np.asarray(slow, np.float64)
    kept = np.flatnonzero(weights >= FAINT)
    sites = sorted(set(names))
    places = {name: n for n, name in enumerate(sites)}
    place = np.array([places[name] for name in names], np.int32)
    used, which = np.unique(place[np.asarray(site, np.int64)[kept]], return_inverse=True)
    dim, key = np.asarray(dims, np.uint8)[kept], np.asarray(keys, np.uint64)[kept]
    order = np.lexsort((which, key, dim))
    return DemandTable(
        dims=dim[order],
        keys=key[order],
        sites=tuple(sites[n] for n in used),
        site=which[order].astype(np.int32),
        fast=np.asarray(fast, np.float64)[kept][order],
        slow=weights[kept][order],
    )


class Demand:
    """Weights in memory; one thread at a time. ``half_life`` in seconds.

    Which rows are forgotten depends on what came before; else the order of events at equal times does not matter.
    """

    def __init__(self, half_life: float, most: int = MOST) -> None:
        self.half_life = half_life
        self._most = most
        self._reference: float | None = None  # the moment at which an event weighs its amount, Unix seconds
        self._latest = 0.0
        self._clear()

    def __len__(self) -> int:
        return len(self._keys)

    def add(self, dim: int, key: int, site: str, amount: float, at: float, now: float | None = None) -> None:
        """Count an event of ``at`` (Unix seconds); one later than ``now`` is of a wrong clock, and counts as of now."""
        if now is not None and at > now:
            at = now
        slow = amount * self._scale(at)
        self._put((dim, key, site), amount * 2.0 ** (FAST * self._since(at)), slow)

    def merge(self, other: DemandTable, at: float) -> None:
        """Take in the weights of ``other``, which are as of ``at``."""
        slow, fast = self._scale(at), 2.0 ** (FAST * self._since(at))
        columns = (other.dims, other.keys, other.site, other.fast * fast, other.slow * slow)
        for dim, key, site, quick, long in zip(*(column.tolist() for column in columns), strict=True):
            self._put((dim, key, other.sites[site]), quick, long)

    def table(self, now: float) -> DemandTable:
        """All rows, decayed to ``now``, or to the latest event if that is later."""
        self._forget()
        passed = self._since(max(now, self._latest))
        fast, slow = np.array(self._fast) * 2.0 ** (-FAST * passed), np.array(self._slow) * 2.0**-passed
        return table(self._dims, self._keys, list(self._sites), self._site, fast, slow)

    def _clear(self) -> None:
        self._rows: dict[tuple[int, int, str], int] = {}
        self._sites: dict[str, int] = {}
        self._dims, self._keys, self._site = array("B"), array("Q"), array("i")
        self._fast, self._slow = array("d"), array("d")

    def _since(self, at: float) -> float:
        """Half-lives from the reference moment to ``at``."""
        return (at - (self._reference or 0.0)) / self.half_life

    def _scale(self, at: float) -> float:
        """What an amount of 1 at ``at`` weighs at the reference moment, slow."""
        if self._reference is None:
            self._reference = self._latest = at
        elif at > self._latest:
            self._latest = at
            if FAST * self._since(at) > _FARTHEST:
                self._move(at)
        return float(2.0 ** self._since(at))

    def _move(self, at: float) -> None:
        """Make ``at`` the reference moment; what has decayed to nothing is nothing."""
        passed = self._since(at)
        self._fast = array("d", (np.array(self._fast) * 2.0 ** (-FAST * passed)).tobytes())
        self._slow = array("d", (np.array(self._slow) * 2.0**-passed).tobytes())
        self._reference = at

    def _put(self, row: tuple[int, int, str], fast: float, slow: float) -> None:
        place = self._rows.get(row)
        if place is not None:
            self._fast[place] += fast
            self._slow[place] += slow
            return
        self._rows[row] = len(self._keys)
        self._dims.append(row[0])
        self._keys.append(row[1])
        self._site.append(self._sites.setdefault(row[2], len(self._sites)))
        self._fast.append(fast)
        self._slow.append(slow)
        if len(self._keys) > self._most + self._most // SLACK:
            self._forget()

    def _forget(self) -> None:
        """Keep the rows of the greatest slow weights; of equal ones those of the least key, dimension and site."""
        if len(self._keys) <= self._most:
            return
        rows = list(self._rows)
        order = {name: n for n, name in enumerate(sorted(self._sites))}
        ranks = np.array([order[name] for name in self._sites])
        columns = self._dims, self._keys, self._site, self._fast, self._slow
        dims, keys, site, fast, slow = (np.array(column) for column in columns)
        kept = np.sort(np.lexsort((ranks[site], dims, keys, -slow))[: self._most])
        self._clear()
        self._rows = {rows[place]: n for n, place in enumerate(kept.tolist())}
        for row in self._rows:
            self._sites.setdefault(row[2], len(self._sites))
        self._dims, self._keys = array("B", dims[kept].tobytes()), array("Q", keys[kept].tobytes())
        self._site = array("i", [self._sites[row[2]] for row in self._rows])
        self._fast, self._slow = array("d", fast[kept].tobytes()), array("d", slow[kept].tobytes())
