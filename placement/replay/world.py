"""The simulated lake: disks of bounded size for placed copies, custodial copies that stay, links that queue.

A copy takes its room from the moment that its transfer begins, and can be read once it has arrived. What strategies
may do is :meth:`World.push`, :meth:`World.keep` and :meth:`World.evict`; each says no (False) where a disk has no room
or a day's transfers are used up, so that no strategy can cheat.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from placement.replay.trace import Trace

DAY = 86_400.0
DAILY_TRANSFERS = 0.2  # of a site's capacity, that may be pushed to it in a day; what is left over of one is added


@dataclass(slots=True, eq=False)
class Copy:
    """A placed copy. ``pushed``: brought before anybody asked; ``cold``: when nobody anywhere had read the dataset."""

    since: float
    arrives: float
    bytes: int
    pushed: bool
    cold: bool
    hits: int = 0


@dataclass(slots=True)
class Tally:
    """Bytes and counts since the measuring began."""

    read_bytes_moved: int = 0
    pushed_bytes: int = 0
    cold_hits: int = 0
    cold_hit_bytes: int = 0
    missed_evictions: int = 0
    missed_eviction_bytes: int = 0


class World:
    """The lake at ``now``; places of sites and datasets are those of the trace.

    Parameters
    ----------
    fraction
        Of the bytes of all datasets, what all sites together can hold as placed copies.
    """

    def __init__(self, trace: Trace, fraction: float) -> None:
        self.sites = len(trace.sites)
        self.bytes: list[int] = trace.bytes.tolist()
        self.capacity = [int(fraction * sum(self.bytes) * share) for share in trace.shares.tolist()]
        self.daily = [int(DAILY_TRANSFERS * room) for room in self.capacity]
        # what is left over is saved up to the largest dataset that the disk can hold, which else could never come
        largest = [max((size for size in set(self.bytes) if size <= room), default=0) for room in self.capacity]
        self.most_at_once = [max(pair) for pair in zip(self.daily, largest, strict=True)]
        self.start = trace.start
        self.now = self.start
        self.day = 0
        self.held: list[dict[int, Copy]] = [{} for _ in range(self.sites)]
        self.used = [0] * self.sites
        self.read_before = bytearray(len(self.bytes))
        self.tally = Tally()
        self.pushes: list[Copy] = []
        self._where: dict[int, list[int]] = {}
        self._left = list(self.most_at_once)
        self._link_free = [0.0] * self.sites
        self._gone: set[tuple[int, int]] = set()
        self._missed: tuple[int, int, float] | None = None
        self._homes = trace.homes
        self._storages = trace.storages
        self._latency: list[list[float]] = trace.latency.tolist()
        self._rate: list[list[float]] = trace.rate.tolist()
        self._from_home: dict[tuple[int, int], tuple[float, float, int]] = {}
        self._disks = [frozenset(self._storages[h].site for h in homes if not self._storages[h].tape)
                       for homes in self._homes]  # fmt: skip

    def custodial(self, d: int, s: int) -> bool:
        """Whether a custodial copy of dataset ``d`` is on a disk of site ``s``."""
        return s in self._disks[d]

    def disks(self, d: int) -> set[int]:
        """The sites with a copy of ``d`` on disk, custodial or placed, arrived or not."""
        return {*self._disks[d], *self._where.get(d, ())}

    def placed(self, d: int) -> list[int]:
        """The sites with a placed copy of ``d``, arrived or not."""
        return self._where.get(d, [])

    def free(self, s: int) -> int:
        """Bytes that may still be placed at ``s``."""
        return self.capacity[s] - self.used[s]

    def left_today(self, s: int) -> int:
        """Bytes that may still be pushed to ``s`` today."""
        return self._left[s]

    def begin_day(self, day: int) -> None:
        """Day ``day`` since the start begins: more may be pushed."""
        self.day = day
        saved = zip(self._left, self.daily, self.most_at_once, strict=True)
        self._left = [min(left + more, most) for left, more, most in saved]

    def begin_measuring(self) -> None:
        """Forget what has been counted so far; copies stay."""
        self.tally = Tally()
        self.pushes = []

    def read(self, d: int, s: int) -> tuple[bool, float]:
        """Dataset ``d`` is read at ``s`` now: whether a disk there has it, and how long the reader waits (s)."""
        self._missed = None
        if s in self._disks[d]:
            self.read_before[d] = 1
            return True, 0.0
        copy = self.held[s].get(d)
        if copy is not None:
            copy.hits += 1  # one that is still on its way is of use too
            self.read_before[d] = 1
            if copy.arrives >= self.now:
                return False, copy.arrives - self.now
            if copy.cold:
                self.tally.cold_hits += 1
                self.tally.cold_hit_bytes += copy.bytes
            return True, 0.0
        size = self.bytes[d]
        arrives = self._transfer(d, s)
        self.read_before[d] = 1
        self.tally.read_bytes_moved += size
        if (d, s) in self._gone:
            self._gone.discard((d, s))
            self.tally.missed_evictions += 1
            self.tally.missed_eviction_bytes += size
        self._missed = (d, s, arrives)
        return False, arrives - self.now

    def push(self, d: int, s: int) -> bool:
        """Bring a copy of ``d`` to ``s``, if there is room and today's transfers allow it."""
        size = self.bytes[d]
        if d in self.held[s] or s in self._disks[d] or size > self.free(s) or size > self.left_today(s):
            return False
        self._left[s] -= size
        copy = Copy(self.now, self._transfer(d, s), size, True, not self.read_before[d])
        self.tally.pushed_bytes += size
        self.pushes.append(copy)
        self._hold(d, s, copy)
        return True

    def keep(self, d: int, s: int) -> bool:
        """Keep what the read that has just missed brought to ``s``, if there is room."""
        if self._missed is None or self._missed[:2] != (d, s) or self.bytes[d] > self.free(s):
            return False
        self._hold(d, s, Copy(self.now, self._missed[2], self.bytes[d], False, False))
        self._missed = None
        return True

    def evict(self, d: int, s: int) -> bool:
        """Give up the placed copy of ``d`` at ``s``."""
        copy = self.held[s].pop(d, None)
        if copy is None:
            return False
        self.used[s] -= copy.bytes
        self._where[d].remove(s)
        self._gone.add((d, s))
        return True

    def sources(self, d: int, s: int) -> Iterator[tuple[float, float, int]]:
        """The best custodial and each placed copy of ``d``: seconds to the first byte, bytes/s to ``s``, its site."""
        size = self.bytes[d]
        home = self._from_home.get((d, s))
        if home is None:
            ways = ((self._storages[h], self._latency[self._storages[h].site][s]) for h in self._homes[d])
            each = [(one.latency + lag, min(one.rate, self._rate[one.site][s]), one.site) for one, lag in ways]
            best = min(each, key=lambda one: one[0] + size / one[1])
            self._from_home[d, s] = home = best
        yield home
        for other in self._where.get(d, ()):
            if other != s and self.held[other][d].arrives < self.now:
                yield self._latency[other][s], self._rate[other][s], other

    def seconds(self, d: int, s: int) -> float:
        """How long a read of ``d`` at ``s`` from the nearest copy elsewhere takes, on an idle link."""
        size = self.bytes[d]
        return min(lag + size / rate for lag, rate, _ in self.sources(d, s))

    def queued(self, s: int) -> float:
        """Seconds until what is on its way to ``s`` is there."""
        return max(0.0, self._link_free[s] - self.now)

    def _hold(self, d: int, s: int, copy: Copy) -> None:
        self.held[s][d] = copy
        self.used[s] += copy.bytes
        self._where.setdefault(d, []).append(s)
        self._gone.discard((d, s))

    def _transfer(self, d: int, s: int) -> float:
        """When a transfer that begins now will be there: one at a time to each site, at most a day behind."""
        size = self.bytes[d]
        lag, rate, _ = min(self.sources(d, s), key=lambda one: one[0] + size / one[1])
        begins = min(max(self.now, self._link_free[s]), self.now + DAY)
        self._link_free[s] = begins + size / rate
        return begins + lag + size / rate
