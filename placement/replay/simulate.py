"""One strategy, one capacity, one trace: what happens, and what it is worth."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from placement.replay.trace import Trace
from placement.replay.world import DAY, World
from placement.state import Floats, Mask

WARM_UP = 1 / 3  # of the time of the trace: strategies fill their disks and train, nothing is counted
_NEW, _SEARCH, _READ = range(3)

Event = tuple[float, int, int]


class Strategy(Protocol):
    """Decides what is where, from what has happened so far."""

    def begin(self, world: World) -> None:
        """The trace begins: all that is done is done to ``world``."""

    def on_new(self, d: int) -> None:
        """Dataset ``d`` has come to be."""

    def on_search(self, n: int) -> None:
        """Search ``n`` of the trace is made."""

    def on_read(self, d: int, s: int, hit: bool) -> None:
        """``d`` has been read at ``s``; after a miss ``world.keep(d, s)`` keeps what it brought."""

    def learn(self) -> None:
        """The warm-up is over: what is learnt from the past is learnt now."""

    def daily(self, day: int) -> None:
        """Day ``day`` since the start begins."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one strategy did to each read, and the figures of the measured part."""

    hits: Mask
    waits: Floats
    figures: dict[str, float]


@dataclass(frozen=True, slots=True)
class Measured:
    """Which reads count, by what: the same for all strategies. ``cold``: nobody anywhere has read the dataset before.

    ``given``: a custodial copy is on a disk of the reader's site, so that nobody's placement matters.
    """

    split: float
    counts: Mask
    given: Mask
    cold: Mask


def events(trace: Trace) -> list[Event]:
    """All that happens, in order: at the same time datasets first, then searches, then reads."""
    times = np.concatenate([trace.created, trace.search_at, trace.read_at])
    sizes = (len(trace), len(trace.search_at), len(trace.read_at))
    kinds = np.repeat([_NEW, _SEARCH, _READ], sizes)
    numbers = np.concatenate([np.arange(size) for size in sizes])
    order = np.lexsort((numbers, kinds, times))
    return list(zip(times[order].tolist(), kinds[order].tolist(), numbers[order].tolist(), strict=True))


def split_time(trace: Trace) -> float:
    """When the measuring begins: the last midnight (of days since the start) within the warm-up."""
    return trace.start + DAY * int(WARM_UP * (trace.end - trace.start) / DAY)


def measured(trace: Trace) -> Measured:
    """What is measured of ``trace``."""
    homes = [{trace.storages[h].site for h in one if not trace.storages[h].tape} for one in trace.homes]
    of, site = trace.read_of.tolist(), trace.read_site.tolist()
    given = np.array([s in homes[d] for d, s in zip(of, site, strict=True)], bool)
    first = np.zeros(len(of), bool)
    first[np.unique(trace.read_of, return_index=True)[1]] = True
    split = split_time(trace)
    return Measured(split, trace.read_at >= split, given, first & ~given)


def simulate(trace: Trace, strategy: Strategy, fraction: float, order: list[Event] | None = None) -> Outcome:
    """Run ``strategy`` over all of ``trace`` with disks for ``fraction`` of the data; counted after the warm-up."""
    world = World(trace, fraction)
    what = measured(trace)
    hits = np.zeros(len(trace.read_at), bool)
    waits = np.zeros(len(trace.read_at))
    of, at = trace.read_of.tolist(), trace.read_site.tolist()
    strategy.begin(world)
    midnights = _midnights(world.start)
    day, midnight = next(midnights)
    for time, kind, n in events(trace) if order is None else order:
        while time >= midnight:
            world.now = midnight
            if midnight == what.split:
                world.begin_measuring()
                strategy.learn()
            world.begin_day(day)
            strategy.daily(day)
            day, midnight = next(midnights)
        world.now = max(time, world.start)
        if kind == _READ:
            d, s = of[n], at[n]
            hits[n], waits[n] = hit, _ = world.read(d, s)
            strategy.on_read(d, s, hit)
        elif kind == _SEARCH:
            strategy.on_search(n)
        else:
            strategy.on_new(n)
    return Outcome(hits, waits, figures(trace, what, hits, waits, world))


def _midnights(start: float) -> Iterator[tuple[int, float]]:
    day = 1
    while True:
        yield day, start + DAY * day
        day += 1


def hit_rates(trace: Trace, what: Measured, hits: Mask) -> dict[str, float]:
    """Hit rates of the measured reads, by requests and by bytes; NaN where there is nothing to hit."""
    size = trace.bytes[trace.read_of].astype(np.float64)
    made: dict[str, float] = {}
    for name, among in (("", what.counts), ("placed_", what.counts & ~what.given), ("cold_", what.counts & what.cold)):
        made[f"{name}request_hit_rate"] = _share(hits[among].sum(), among.sum())
        made[f"{name}byte_hit_rate"] = _share(size[among & hits].sum(), size[among].sum())
    return made


def figures(trace: Trace, what: Measured, hits: Mask, waits: Floats, world: World) -> dict[str, float]:
    """The figures of a report; bytes in bytes, waits in seconds."""
    size = trace.bytes[trace.read_of].astype(np.float64)
    counts, tally = what.counts, world.tally
    never = sum(copy.bytes for copy in world.pushes if not copy.hits)
    waited = waits[counts] if counts.any() else np.zeros(1)
    return {
        **hit_rates(trace, what, hits),
        "reads": float(counts.sum()),
        "read_bytes": float(size[counts].sum()),
        "bytes_moved": float(tally.read_bytes_moved + tally.pushed_bytes),
        "bytes_placed": float(tally.pushed_bytes),
        "bytes_placed_never_read": float(never),
        "hits_placed_before_any_read": float(tally.cold_hits),
        "bytes_hit_placed_before_any_read": float(tally.cold_hit_bytes),
        "evictions_asked_for": float(tally.missed_evictions),
        "evicted_bytes_asked_for": float(tally.missed_eviction_bytes),
        "wait_p50": float(np.percentile(waited, 50)),
        "wait_p95": float(np.percentile(waited, 95)),
        "jain": jain(trace, counts, hits),
    }


def jain(trace: Trace, counts: Mask, hits: Mask) -> float:
    """Jain's index of the byte hit rates of the sites that read something: 1 is equal, 1/n all at one of n."""
    size = trace.bytes[trace.read_of].astype(np.float64)
    of_all = np.bincount(trace.read_site[counts], size[counts], len(trace.sites))
    of_hits = np.bincount(trace.read_site[counts & hits], size[counts & hits], len(trace.sites))
    rates = of_hits[of_all > 0] / of_all[of_all > 0]
    return _share(rates.sum() ** 2, len(rates) * (rates**2).sum())


def _share(part: float, whole: float) -> float:
    return float(part / whole) if whole else math.nan
