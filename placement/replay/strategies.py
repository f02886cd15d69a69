"""What placement is judged against: what lakes do today, caches, and one that knows what will be read."""

from __future__ import annotations

import math
import random
from collections import deque

from placement.replay.shelves import Shelves
from placement.replay.trace import Trace
from placement.replay.world import DAY, World

COPIES = 2  # besides the custodial ones, of those that place at creation
LIFETIME = 30 * DAY  # of a random copy, a usual one for secondary data


class Idle:
    """Does nothing: only custodial copies. The others are made from it."""

    def begin(self, world: World) -> None:
        self.world = world
        self.shelves = Shelves(world)
        self.able = [s for s, room in enumerate(world.capacity) if room]

    def on_new(self, d: int) -> None: ...

    def on_search(self, n: int) -> None: ...

    def on_read(self, d: int, s: int, hit: bool) -> None: ...

    def learn(self) -> None: ...

    def daily(self, day: int) -> None: ...


class Static(Idle):
    """Copies of each new dataset at the largest sites, until these are full; what a day's budget leaves waits."""

    def begin(self, world: World) -> None:
        super().begin(world)
        self.able.sort(key=lambda s: -world.capacity[s])
        self.waiting: list[tuple[int, int]] = []

    def on_new(self, d: int) -> None:
        self._place(d, COPIES)

    def daily(self, day: int) -> None:
        waiting, self.waiting = self.waiting, []
        for d, copies in waiting:
            self._place(d, copies)

    def _place(self, d: int, copies: int) -> None:
        world = self.world
        for s in self._choice(d, copies):
            if not copies:
                return
            copies -= world.push(d, s)
        if copies and any(self._could(d, s) for s in self.able):
            self.waiting.append((d, copies))

    def _could(self, d: int, s: int) -> bool:
        return d not in self.world.held[s] and self.world.free(s) >= self.world.bytes[d] > self.world.left_today(s)

    def _choice(self, d: int, copies: int) -> list[int]:
        return self.able


class Random(Static):
    """Copies at creation as Rucio's rules choose: at random among the RSEs allowed, weighted by what they have free.

    They live 30 days; what has outlived that goes, oldest first, where room is wanted.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def begin(self, world: World) -> None:
        super().begin(world)
        self.random = random.Random(self.seed)

    def _choice(self, d: int, copies: int) -> list[int]:
        world = self.world
        allowed = [s for s in self.able if d not in world.held[s] and not world.custodial(d, s)]
        chosen: list[int] = []
        while allowed and len(chosen) < copies:
            weights = [world.free(s) / world.capacity[s] + 1e-3 for s in allowed]
            s = self.random.choices(allowed, weights)[0]
            allowed.remove(s)
            self.shelves.room(d, s, world.now)
            chosen.append(s)
        return chosen

    def _place(self, d: int, copies: int) -> None:
        super()._place(d, copies)
        for s in self.able:
            if d in self.world.held[s]:
                self.shelves.put(d, s, self.world.held[s][d].since + LIFETIME)


class Lru(Idle):
    """A cache at each site: what a miss brought stays, the one that was read longest ago goes."""

    def on_read(self, d: int, s: int, hit: bool) -> None:
        world = self.world
        if d in world.held[s] or (not hit and self.shelves.room(d, s) and world.keep(d, s)):
            self.shelves.put(d, s, world.now)


class Lfu(Idle):
    """A cache at each site: the one that was read least often since it came goes."""

    def on_read(self, d: int, s: int, hit: bool) -> None:
        world = self.world
        if d in world.held[s]:
            self.shelves.put(d, s, world.held[s][d].hits + 1)
        elif not hit and self.shelves.room(d, s) and world.keep(d, s):
            self.shelves.put(d, s, 1)


class Belady(Idle):
    """A cache at each site that knows the future: the one that is read again latest goes, itself included."""

    def __init__(self, trace: Trace) -> None:
        self.reads: dict[tuple[int, int], deque[float]] = {}
        for time, d, s in zip(trace.read_at.tolist(), trace.read_of.tolist(), trace.read_site.tolist(), strict=True):
            self.reads.setdefault((d, s), deque()).append(time)

    def begin(self, world: World) -> None:
        super().begin(world)
        self.left = {key: deque(times) for key, times in self.reads.items()}

    def on_read(self, d: int, s: int, hit: bool) -> None:
        world, left = self.world, self.left[d, s]
        left.popleft()
        again = -left[0] if left else -math.inf
        if d in world.held[s] or (not hit and left and self.shelves.room(d, s, again) and world.keep(d, s)):
            self.shelves.put(d, s, again)


class C3po(Idle):
    """ATLAS's C3PO by the space that is free (algorithm ``t2_free_space``), of Rucio before 2025.

    Asked at each request of a dataset: one that had 5 requests in the last day, or 10 in a week, and fewer than 5
    copies on disk, gets one more where the free part of the disk is the greatest, divided by a penalty that is 10
    after each choice and falls by 1 at each request. A copy is held for 7 days since it was made or read; then it
    goes where room is wanted, oldest first, and counts as free.
    """

    recent, popular = 5, 10
    most_copies = 5
    lifetime = 7 * DAY

    def begin(self, world: World) -> None:
        super().begin(world)
        self.requests: dict[int, deque[float]] = {}
        self.penalties = [1.0] * world.sites

    def on_read(self, d: int, s: int, hit: bool) -> None:
        world = self.world
        if d in world.held[s]:
            self.shelves.put(d, s, world.now + self.lifetime)
        self.soften()
        before = self.requests.setdefault(d, deque())
        while before and before[0] < world.now - 7 * DAY:
            before.popleft()
        lately = sum(1 for time in before if time > world.now - DAY)
        wanted = lately >= self.recent or len(before) >= self.popular
        before.append(world.now)
        if wanted and len(disks := world.disks(d)) < self.most_copies:
            for to in self.ranked(d, [one for one in self.able if one not in disks]):
                if world.left_today(to) >= world.bytes[d] and self.shelves.room(d, to, world.now) and world.push(d, to):
                    self.shelves.put(d, to, world.now + self.lifetime)
                    self.chosen(d, to)
                    return

    def soften(self) -> None:
        self.penalties = [max(1.0, one - 1) for one in self.penalties]

    def free(self, s: int) -> float:
        """The part of the disk that is free or held no longer, in percent."""
        world = self.world
        held = world.held[s]
        going = sum(held[d].bytes for d in self.shelves.below(s, world.now))
        return 100.0 * (world.free(s) + going) / world.capacity[s]

    def ranked(self, d: int, sites: list[int]) -> list[int]:
        return sorted(sites, key=lambda s: (-self.free(s) / self.penalties[s], s))

    def chosen(self, d: int, s: int) -> None:
        self.penalties[s] = 10.0


class C3poNetwork(C3po):
    """C3PO by free space and network (``t2_free_space_only_pop_with_network``), its last default.

    5 requests in the last day, or 8 in a week; at most one new copy of a dataset in 24 hours; nothing to a link with
    a queue. The score is a quarter of the free percentage and the link's throughput in percent of the fastest one's,
    multiplied by factors of source and destination that are 10 after a choice and rise by 10 to 100. Where all
    copies are on tape the original does nothing; here tape is a source as well.
    """

    popular = 8

    def begin(self, world: World) -> None:
        super().begin(world)
        self.penalties = [100.0] * world.sites
        self.from_penalties: dict[int, float] = {}
        self.added: dict[int, float] = {}

    def soften(self) -> None:
        self.penalties = [min(100.0, one + 10) for one in self.penalties]
        for source, one in self.from_penalties.items():
            self.from_penalties[source] = min(100.0, one + 10)

    def ranked(self, d: int, sites: list[int]) -> list[int]:
        world = self.world
        if self.added.get(d, -math.inf) > world.now - DAY:
            return []
        ways = [(rate, source, s) for s in sites if not world.queued(s) for _, rate, source in world.sources(d, s)]
        fastest = max((rate for rate, _, _ in ways), default=1.0)
        scores: dict[int, tuple[float, int]] = {}
        for rate, source, s in ways:
            score = (self.free(s) / 4 + 100 * rate / fastest) * self.from_penalties.get(source, 100.0)
            scores[s] = max(scores.get(s, (-1.0, 0)), (score * self.penalties[s], source))
        self.via = {s: source for s, (_, source) in scores.items()}
        return sorted(scores, key=lambda s: (-scores[s][0], s))

    def chosen(self, d: int, s: int) -> None:
        super().chosen(d, s)
        self.from_penalties[self.via[s]] = 10.0
        self.added[d] = self.world.now
