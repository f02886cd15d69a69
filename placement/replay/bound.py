"""What no placement can beat: a linear programme for each site that knows every read to come, and relaxes the rest.

For each measured read i of dataset d at a site where no custodial disk copy serves it: x_i is the part that was kept
there since the read of d before it, and takes room all that time; y_i the part that was pushed since, and takes no
room. x_i + y_i <= 1. Each 6 hours, what is kept over that instant fits the disk; at the end of each day, what was
pushed for the reads so far is no more than the days' budgets and, at the beginning, a full disk and what was saved up.
Two reads of a dataset at a site are more than 6 hours apart, so that no keeping is free. Parts of datasets, links
without queues and pushes without room are what no strategy has: the bound is above the best of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from placement.replay.simulate import Measured, measured
from placement.replay.trace import ONE_READ, Trace
from placement.replay.world import DAY, World
from placement.state import Floats, Ints, Mask

_SOLVER = 1 + 1e-6  # what HiGHS may be off, always to the side of the bound


@dataclass(frozen=True, slots=True)
class _Reads:
    """The reads of one site that a placed copy could serve, by time: R of them, ``bytes`` in parts of the disk.

    ``kept_from``: the time of the read before, NaN for none; ``pushable``: it could have been pushed by then.
    """

    which: Ints
    at: Floats
    bytes: Floats
    kept_from: Floats
    pushable: Mask


def bound(trace: Trace, fraction: float) -> dict[str, float]:
    """Upper bounds of the hit rates of :func:`~placement.replay.simulate.hit_rates`, each by itself."""
    what, world = measured(trace), World(trace, fraction)
    size = trace.bytes[trace.read_of].astype(np.float64)
    sites = [_reads(trace, what, world, s) for s in range(world.sites)]
    made: dict[str, float] = {}
    for unit, worth in (("request", np.ones(len(size))), ("byte", size)):
        placed = _best(sites, worth, trace, what, world)
        cold = _best(sites, worth * what.cold, trace, what, world)
        given, rest = worth[what.counts & what.given].sum(), worth[what.counts & ~what.given].sum()
        made[f"{unit}_hit_rate"] = _rate(given + placed, given + rest)
        made[f"placed_{unit}_hit_rate"] = _rate(placed, rest)
        made[f"cold_{unit}_hit_rate"] = _rate(cold, worth[what.counts & what.cold].sum())
    return made


def _rate(part: float, whole: float) -> float:
    return min(1.0, part / whole) if whole else float("nan")


def _best(sites: list[_Reads], worth: Floats, trace: Trace, what: Measured, world: World) -> float:
    found = 0.0
    for s, reads in enumerate(sites):
        if (worth[reads.which] > 0).any():
            first, more = world.capacity[s] + world.most_at_once[s], world.daily[s]
            pushed = np.array([first, more]) / world.capacity[s]
            found += _solve(reads, worth[reads.which], pushed, what.split, trace.start)
    return found * _SOLVER


def _reads(trace: Trace, what: Measured, world: World, s: int) -> _Reads:
    here = np.flatnonzero((trace.read_site == s) & ~what.given & (trace.bytes[trace.read_of] <= world.capacity[s]))
    of, at = trace.read_of[here], trace.read_at[here]
    order = np.lexsort((at, of))
    before = np.full(len(here), np.nan)
    again = of[order[1:]] == of[order[:-1]]
    before[order[1:][again]] = at[order[:-1][again]]
    # the first copy comes from a custodial one: after its staging, and no faster than the fastest link
    staging = np.array([min(trace.storages[h].latency for h in homes) for homes in trace.homes])
    ready = trace.created + staging + trace.bytes / trace.rate[:, s].max()
    counted = what.counts[here]
    return _Reads(
        which=here[counted],
        at=at[counted],
        bytes=trace.bytes[of[counted]] / max(world.capacity[s], 1),
        kept_from=before[counted],
        pushable=np.maximum(ready, trace.start)[of[counted]] < at[counted],
    )


def _solve(reads: _Reads, worth: Floats, budget: Floats, split: float, start: float) -> float:
    """Max worth . (x + y). Variables: x, y, then what is kept over each instant, then what is pushed by each day's end.

    ``budget``: what may have been pushed by the end of the first day, and on each that follows, in disks. Written as
    differences, each x is in three rows and each y in two, however long it is kept.
    """
    from scipy.optimize import linprog
    from scipy.sparse import coo_array

    size = len(reads.at)
    since = np.where(np.isnan(reads.kept_from), reads.at, reads.kept_from)
    first = int(since.min() // ONE_READ)
    instants = int(reads.at.max() // ONE_READ) - first + 1
    ends = (reads.at // ONE_READ).astype(np.int64) - first  # the last instant it is kept over; the one before: begins
    begins = (since // ONE_READ).astype(np.int64) - first
    day = ((reads.at - start) // DAY).astype(np.int64) - int((split - start) // DAY)
    days = int(day.max()) + 1
    rows: list[Any] = []

    def put(row: Ints, column: Ints, value: Floats) -> None:
        rows.append((row, column, value))

    n, kept, pushed = np.arange(size), 2 * size, 2 * size + instants
    step = np.arange(instants)
    # kept[k] - kept[k-1] = x that begin to be kept between the instants k-1 and k, less those whose read has come
    put(step, kept + step, np.ones(instants))
    put(step[1:], kept + step[:-1], -np.ones(instants - 1))
    put(begins + 1, n, -reads.bytes)
    put(ends + 1, n, reads.bytes)
    turn = np.arange(days)
    put(instants + 1 + turn, pushed + turn, np.ones(days))
    put(instants + 1 + turn[1:], pushed + turn[:-1], -np.ones(days - 1))
    put(instants + 1 + day, size + n, -reads.bytes)
    row, column, value = (np.concatenate([one[k] for one in rows]) for k in range(3))
    inside = row != instants  # what ends after the last instant is in no row
    equal = coo_array((value[inside], (row[inside], column[inside])), shape=(instants + 1 + days, pushed + days))
    both = coo_array((np.ones(2 * size), (np.tile(n, 2), np.arange(2 * size))), shape=(size, pushed + days))
    upper = np.concatenate(
        [~np.isnan(reads.kept_from), reads.pushable, np.ones(instants), budget[0] + budget[1] * np.arange(days)]
    )
    scale = worth.max()
    objective = np.concatenate([worth, worth, np.zeros(instants + days)]) / -scale
    solved = linprog(
        objective,
        A_ub=both.tocsr(),
        b_ub=np.ones(size),
        A_eq=equal.tocsr(),
        b_eq=np.zeros(instants + 1 + days),
        bounds=np.column_stack([np.zeros(len(upper)), upper]),
        method="highs",
    )
    if solved.status != 0:
        raise ArithmeticError(f"the bound's programme has no solution: {solved.message}")
    return float(-solved.fun * scale)
