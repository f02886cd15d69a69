"""Strategies that value each dataset at each site: by what was read, or by what was searched, never both.

Both keep at each site what is worth the most of what passes, and each day push what is worth more than what is there.
A copy of worth w costs its bytes in room and saves w times its bytes, so that the order is that of the worth.
"""

from __future__ import annotations

import numpy as np

from placement.replay.interest import Interest
from placement.replay.strategies import Idle
from placement.replay.world import DAY, World
from placement.state import Floats

HALF_LIFE = 14 * DAY
WINDOW = 7 * DAY
SWAP = 1.5  # what is pushed is worth this many times what goes for it
MOST_A_DAY = 2000  # candidates that are looked at, of each site


class Valued(Idle):
    """Worth in any unit, shape (datasets, sites), made by :meth:`refresh` each day."""

    least = 0.0  # worth of what is pushed

    def begin(self, world: World) -> None:
        super().begin(world)
        self.made: list[int] = []
        self.worth: Floats = np.zeros((len(world.bytes), world.sites))

    def on_new(self, d: int) -> None:
        self.made.append(d)

    def refresh(self) -> None:
        """Make ``worth`` anew."""

    def daily(self, day: int) -> None:
        self.refresh()
        world = self.world
        known = np.array(self.made, np.int64)
        for s in self.able:
            for d in world.held[s]:
                self.shelves.put(d, s, float(self.worth[d, s]))
            worth = self.worth[known, s]
            best = known[np.lexsort((known, -worth))[:MOST_A_DAY]]
            for d, value in zip(best.tolist(), self.worth[best, s].tolist(), strict=True):
                if value <= self.least or world.left_today(s) <= 0:
                    break
                if d in world.held[s] or world.custodial(d, s) or world.left_today(s) < world.bytes[d]:
                    continue
                if self.shelves.room(d, s, value / SWAP) and world.push(d, s):
                    self.shelves.put(d, s, value)
                elif self.shelves.least(s) >= value / SWAP:
                    break

    def on_read(self, d: int, s: int, hit: bool) -> None:
        world, value = self.world, float(self.worth[d, s])
        if d in world.held[s] or (not hit and self.shelves.room(d, s, value) and world.keep(d, s)):
            self.shelves.put(d, s, value)


class Popularity(Valued):
    """By reads alone, with a half-life of 14 days: at the site, and elsewhere in so far as the site reads at all.

    The worth is what is expected to be read in 7 days; what is pushed is expected to be read once at least.
    """

    least = 1.0

    def begin(self, world: World) -> None:
        super().begin(world)
        self.weights = np.zeros_like(self.worth)  # as of the beginning: all decay alike, so that their order stays
        self.sums = np.zeros(len(world.bytes))
        self.by_site = np.zeros(world.sites)

    def on_read(self, d: int, s: int, hit: bool) -> None:
        weight = 2.0 ** ((self.world.now - self.world.start) / HALF_LIFE)
        self.weights[d, s] += weight
        self.sums[d] += weight
        self.by_site[s] += weight
        self._refresh(d, s)
        super().on_read(d, s, hit)

    def _refresh(self, d: int, s: int) -> None:
        own = self.weights[d, s]
        share = self.by_site[s] / self.by_site.sum()
        self.worth[d, s] = self.scale() * (own + (self.sums[d] - own) * share)

    def scale(self) -> float:
        """Expected reads in the window for a weight of 1 as of the beginning."""
        return float(np.log(2) * WINDOW / HALF_LIFE * 2.0 ** (-(self.world.now - self.world.start) / HALF_LIFE))

    def refresh(self) -> None:
        share = self.by_site / max(self.by_site.sum(), 1e-300)
        self.worth = self.scale() * (self.weights * (1 - share) + self.sums[:, None] * share)


class Metadata(Valued):
    """By searches alone: the interest of a site in each term, with a half-life of 14 days, shared among its datasets.

    Reads are not looked at; what a miss brought is kept if searches make it worth more than what is there.
    """

    def __init__(self, interest: Interest) -> None:
        self.interest = interest

    def begin(self, world: World) -> None:
        super().begin(world)
        rows, self.numbers, self.counts = self.interest.columns
        self.wanted = np.zeros((len(self.counts), world.sites))
        self.flat = np.array([term for row in rows for term in row], np.int64)
        self.of = np.repeat(np.arange(len(rows)), [len(row) for row in rows])

    def on_search(self, n: int) -> None:
        s = int(self.interest.trace.search_site[n])
        if s >= 0:
            weight = 2.0 ** ((self.world.now - self.world.start) / HALF_LIFE)
            for dim, key, amount in self.interest.asked[n]:
                number = self.numbers.get((dim, key))
                if number is not None:
                    self.wanted[number, s] += weight * amount

    def refresh(self) -> None:
        decayed = 2.0 ** (-(self.world.now - self.world.start) / HALF_LIFE)
        each = self.wanted * (decayed / np.maximum(self.counts, 1))[:, None]
        for s in self.able:
            self.worth[:, s] = np.bincount(self.of, each[self.flat, s], len(self.worth))
