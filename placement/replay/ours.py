"""Asterism's own placement in the replay: its demand, terms, forecast and planner, over the simulated lake."""

from __future__ import annotations

import numpy as np

from placement.demand import Demand
from placement.features import TermIndex
from placement.forecast import UNTRAINED, Basis
from placement.gains import Gains
from placement.plan import plan
from placement.replay.interest import Interest
from placement.replay.strategies import Idle
from placement.replay.world import DAY, World
from placement.room import Budgets, Tuning
from placement.state import ELSEWHERE, FOREVER, Datasets, Floats, Lake, Mask, OwnRule, Rse, Terms
from placement.terms import FOUND, READ
from placement.training import LEAST_READS, train_on

HALF_LIFE = 14 * DAY
WINDOW = 7 * DAY
MOST_FOUND = 100  # records: a search that finds more says nothing of each
SAMPLE_EVERY = 2  # days
# A copy of a cache is given up as soon as something is worth more: there is no rule in Rucio that would have to go
TUNING = Tuning(minimum_age=DAY, swap_age=0.0)
# Nothing is pushed over a link with a longer queue (s): what is new would come too late, and readers would wait
QUEUE = 4 * 3600.0


class Ours(Idle):
    """Plans each day on the whole; at each new dataset, where it is worth more than the least that is there; at each
    miss, whether what it brought is.

    The forecast's model is trained once, at the end of the warm-up, on what was read in it. ``reads``, ``searches`` and
    ``at_once`` (decisions between the daily plannings) are left out one by one to see what each is worth.
    """

    def __init__(self, interest: Interest, reads: bool = True, searches: bool = True, at_once: bool = True) -> None:
        self.interest = interest
        self.reads, self.searches, self.at_once = reads, searches, at_once

    def begin(self, world: World) -> None:
        super().begin(world)
        trace, size = self.interest.trace, len(world.bytes)
        self.demand = Demand(HALF_LIFE)
        self.model = UNTRAINED
        self.known = 0  # datasets come to be in the order of their places
        self.covered = 0  # of these, as many are in the forecast
        self.indexed = 0  # and in the index of terms
        self.place = {did: d for d, did in enumerate(trace.dids)}
        self.index: TermIndex | None = None
        self.basis: Basis | None = None
        self.read_days: list[np.ndarray[tuple[int], np.dtype[np.float64]]] = [np.zeros(size)]
        self.samples: list[tuple[int, Floats]] = []
        # A hit is a read that the reader's own site serves: to it a tape is as far away as any other site
        fixed = [
            Rse(one.name, site=ELSEWHERE if one.tape else trace.sites[one.site], writable=False)
            for one in trace.storages
        ]
        self.fixed = tuple(fixed)
        self.home: Mask = np.zeros((size, len(fixed) + len(self.able)), bool)
        for d, homes in enumerate(trace.homes):
            self.home[d, list(homes)] = True
        self.rse = {s: len(fixed) + n for n, s in enumerate(self.able)}
        self.names = {f"{trace.sites[s]}/placed": s for s in self.able}
        self.lake = self._lake()
        places = {name: n for n, name in enumerate(self.lake.sites)}
        self.site = [places.get(name, places[ELSEWHERE]) for name in trace.sites]

    def on_new(self, d: int) -> None:
        """As a planning after a harvest would: copies where the new dataset is worth more than what is there."""
        self.known = max(self.known, d + 1)
        if self.basis is None or not self.at_once or d < self.covered:
            return
        world, terms = self.world, self.interest.terms
        low, high = terms.start[[self.covered, d + 1]].tolist()
        start = terms.start[self.covered : d + 2] - low
        new = Terms(start, terms.dims[low:high], terms.keys[low:high])
        self.basis.add(new, self.interest.trace.created[self.covered : d + 1], world.now)
        self.covered = d + 1
        size = world.bytes[d]
        for worth, s in sorted(((self._worth(d, s), s) for s in self.able), reverse=True):
            if worth < TUNING.fresh:
                break
            if world.custodial(d, s) or world.queued(s) > QUEUE or world.left_today(s) < size:
                continue
            if self.shelves.room(d, s, worth / TUNING.swap) and world.push(d, s):
                self.shelves.put(d, s, worth)

    def on_search(self, n: int) -> None:
        if not self.searches:
            return
        trace, now = self.interest.trace, self.world.now
        site = trace.sites[trace.search_site[n]] if trace.search_site[n] >= 0 else ELSEWHERE
        for dim, key, amount in self.interest.asked[n]:
            self.demand.add(dim, key, site, amount, now)
        found = self.interest.found[n]
        found = found[: np.searchsorted(found, self.known)]
        if 0 < len(found) <= MOST_FOUND:
            for d in found.tolist():
                self.demand.add(FOUND, self.interest.keys[d], site, 1 / len(found), now)

    def on_read(self, d: int, s: int, hit: bool) -> None:
        world = self.world
        self.read_days[-1][d] += 1
        if self.reads:
            self.demand.add(READ, self.interest.keys[d], self.interest.trace.sites[s], 1.0, world.now)
            if self.basis is not None and d < self.covered:
                self.basis.read(d, self.site[s])
        if s not in self.rse:
            return
        if d in world.held[s]:
            self.shelves.put(d, s, self._worth(d, s))
        elif not hit and self.at_once:
            worth = self._worth(d, s)
            if self.shelves.room(d, s, worth) and world.keep(d, s):
                self.shelves.put(d, s, worth)

    def learn(self) -> None:
        days = len(self.read_days) - 1
        window = round(WINDOW / DAY)
        rows = [(made, day) for day, made in self.samples if day + window <= days]
        if rows:
            features = np.concatenate([made for made, _ in rows])
            reads = np.concatenate(
                [sum(self.read_days[day + n][: len(made)] for n in range(window)) for made, day in rows]
            )
            if reads.sum() >= LEAST_READS:
                self.model = train_on(features, reads, WINDOW)
        self.samples = []

    def daily(self, day: int) -> None:
        world = self.world
        self.lake = self._lake()
        datasets = self._datasets()
        if self.index is None or self.known != self.indexed:
            self.index = TermIndex(datasets.terms)
            self.indexed = self.known
        self.covered = self.known
        table = self.demand.table(world.now)
        self.basis = Basis(
            datasets,
            table,
            self.lake,
            self.model,
            WINDOW,
            world.now,
            half_life=HALF_LIFE,
            index=self.index,
            grows=True,
        )
        forecast = self.basis.forecast()
        if self.model is UNTRAINED and day % SAMPLE_EVERY == 0:
            self.samples.append((len(self.read_days), self.basis.interest.features))
        self.read_days.append(np.zeros(len(world.bytes)))
        budgets = Budgets(window=WINDOW, reuse_released=True, tuning=TUNING)
        hints = plan(self.lake, datasets, (), forecast, budgets, world.now, {}, explain=False)
        for hint in hints:
            if hint.action == "release":
                for name in hint.from_rses:
                    world.evict(self.place[hint.scope, hint.name], self.names[name])
        for hint in hints:
            if hint.action in ("replicate", "stage"):
                for name in hint.to:
                    if world.queued(self.names[name]) <= QUEUE:
                        world.push(self.place[hint.scope, hint.name], self.names[name])
        gains, present = Gains(self.lake, forecast), self._present()
        for s, r in self.rse.items():
            held = np.array(list(world.held[s]), np.int64)
            worth = gains.at(held, np.full(len(held), r), present[held])
            for d, value in zip(held.tolist(), worth.tolist(), strict=True):
                self.shelves.put(d, s, value)

    def _worth(self, d: int, s: int) -> float:
        """What a copy of ``d`` at ``s`` saves in the window, over all others."""
        if self.basis is None or d >= self.covered:
            return 0.0
        r, cost = self.rse[s], self.lake.cost
        others = self.home[d].copy()
        others[[self.rse[other] for other in self.world.placed(d) if other != s]] = True
        best = cost[:, others].min(axis=1)
        return float(self.basis.one(d) @ np.maximum(best - cost[:, r], 0))

    def _lake(self) -> Lake:
        world = self.world
        placed = tuple(
            Rse(
                name,
                site=self.interest.trace.sites[s],
                total=world.capacity[s],
                used=world.used[s],
                free=world.free(s),
                account_left=world.left_today(s),
            )
            for name, s in self.names.items()
        )
        return Lake("replay", "asterism", world.now, self.fixed + placed)

    def _present(self) -> Mask:
        made = self.home[: self.known].copy()
        for s, r in self.rse.items():
            made[list(self.world.held[s]), r] = True
        return made

    def _datasets(self) -> Datasets:
        world, interest, size = self.world, self.interest, self.known
        present = self._present()
        coming = np.zeros_like(present)
        rules: list[OwnRule] = []
        for s, r in self.rse.items():
            for d, copy in world.held[s].items():
                coming[d, r] = copy.arrives >= world.now
                rules.append(OwnRule(d, r, f"{d}@{s}", "replay", copy.since, FOREVER))
        terms = interest.terms
        end = int(terms.start[size])
        trace = interest.trace
        return Datasets(
            ids=interest.ids[:size],
            scopes=[scope for scope, _ in trace.dids[:size]],
            names=[name for _, name in trace.dids[:size]],
            bytes=trace.bytes[:size],
            files=np.ones(size, np.int64),
            created_at=trace.created[:size],
            complete=present & ~coming,
            coming=coming,
            locked_until=np.where(present, FOREVER, 0.0),
            accessed_at=np.full(present.shape, np.nan, np.float32),
            rules=rules,
            terms=Terms(terms.start[: size + 1], terms.dims[:end], terms.keys[:end]),
        )
