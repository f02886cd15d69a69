"""What copies are worth: reads in the window, each weighted by how much nearer to its reader a copy brings it."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from placement.state import TAPE_COST, Floats, Ints, Lake, Mask

_BLOCK = 8_192  # datasets at a time: sites × this many numbers stay in the processor's cache
_FEW = 4  # fewer datasets than this are quicker one by one


class Forecast(Protocol):
    """Of ``placement/forecast.py``: reads (N, S) at the lake's sites, by part (N, P), and confidence (N)."""

    @property
    def reads(self) -> NDArray[np.float32]: ...
    @property
    def parts(self) -> NDArray[np.float32]: ...
    @property
    def part_names(self) -> tuple[str, ...]: ...
    @property
    def confidence(self) -> NDArray[np.float32]: ...


class NoReads:
    """A forecast of no reads."""

    def __init__(self, lake: Lake, n: int) -> None:
        self.reads = np.zeros((n, len(lake.sites)), np.float32)
        self.parts = np.zeros((n, 0), np.float32)
        self.part_names: tuple[str, ...] = ()
        self.confidence = np.zeros(n, np.float32)


class Gains:
    """The gain of a copy of dataset d at RSE r: Σ over sites of reads × what a read costs less with it than without.

    Where there is no copy at all, a read costs as from tape.
    """

    def __init__(self, lake: Lake, forecast: Forecast) -> None:
        self.cost = np.ascontiguousarray(lake.cost.T, np.float32)  # R, S
        self.readable = np.array([rse.readable for rse in lake.rses], bool)
        self.reads = forecast.reads
        # a copy that nobody may read is worth nothing
        self._cost = [(r, self.cost[r]) for r in np.flatnonzero(self.readable)]

    def most(self) -> NDArray[np.float32]:
        """An upper bound of each dataset's gains, shape (N)."""
        dearest = self.cost.max(initial=0)
        return np.asarray(self.reads.sum(axis=1) * np.float32(max(dearest, TAPE_COST)), np.float32)

    def best(self, present: Mask) -> NDArray[np.float32]:
        """What a read at each site costs from the nearest of the copies ``present`` (M, R); shape (M, S)."""
        made = np.full((len(present), self.cost.shape[1]), np.float32(TAPE_COST), np.float32)
        if len(present) <= _FEW:
            for n, there in enumerate(present & self.readable):
                made[n] = np.minimum(made[n], self.cost[there].min(axis=0, initial=np.float32(TAPE_COST)))
            return made
        for r, cost in self._cost:
            rows = present[:, r].nonzero()[0]
            if len(rows):
                made[rows] = np.minimum(made[rows], cost)
        return made

    def rows(self, datasets: Ints, present: Mask) -> Floats:
        """The gain of each further copy of ``datasets`` (M), which are where ``present`` (M, R) says; shape (M, R)."""
        made = np.zeros(present.shape, np.float64)
        for start in range(0, len(datasets), _BLOCK):
            part = slice(start, start + _BLOCK)
            best, reads = self.best(present[part]), self.reads[datasets[part]]
            if len(best) <= _FEW:
                for n in range(len(best)):
                    made[start + n] = _saved(best[n], self.cost, reads[n]) * self.readable
                continue
            for r, cost in self._cost:
                made[part, r] = _saved(best, cost, reads)
        made[present] = 0.0
        return made

    def at(self, datasets: Ints, rses: Ints, present: Mask) -> Floats:
        """The gain of the copies of ``datasets`` at ``rses`` (M each) over the others ``present`` (M, R); shape (M)."""
        made = np.zeros(len(datasets), np.float64)
        for start in range(0, len(datasets), _BLOCK):
            part = slice(start, start + _BLOCK)
            others, places = present[part].copy(), rses[part]
            others[np.arange(len(places)), places] = False
            made[part] = _saved(self.best(others), self.cost[places], self.reads[datasets[part]])
        made[~self.readable[rses]] = 0.0
        return made

    def by_site(self, d: int, r: int, present: Mask) -> tuple[NDArray[np.float32], NDArray[np.intp]]:
        """What a copy of ``d`` at ``r`` saves at each site, and from which RSE the site reads now; shapes (S).

        ``present``: (R).
        """
        there = np.flatnonzero(present & self.readable)
        there = there[there != r]
        if not len(there):
            nowhere = np.full(self.cost.shape[1], -1)
            return self.reads[d] * np.maximum(TAPE_COST - self.cost[r], 0), nowhere
        costs = self.cost[there]
        return self.reads[d] * np.maximum(costs.min(axis=0) - self.cost[r], 0), there[costs.argmin(axis=0)]


def _saved(best: NDArray[np.float32], cost: NDArray[np.float32], reads: NDArray[np.float32]) -> NDArray[Any]:
    saved = best - cost
    np.maximum(saved, 0, out=saved)
    saved *= reads
    return np.asarray(saved.sum(axis=1))
