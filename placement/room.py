"""What one planning may spend: the room, the transfers and the account's quota of each RSE."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from placement.state import Datasets, Floats, Lake, Mask, Rse

DAY = 86_400.0
LOCK = 7 * DAY  # a lock that ends within this time holds nothing


@dataclass(frozen=True, slots=True)
class Tuning:
    """The numbers of the rules; docs/explanation/hints.md says why each is what it is.

    ``threshold``: reads that a new copy must save in the window, more than the one transfer that it costs. ``doubt``:
    by how much more where the forecast has no confidence, as a part of it. ``fresh``: reads that are enough for a
    dataset that nobody has read yet, in its first ``fresh_age`` seconds. ``keep`` and ``low``: parts of the threshold
    above which a copy of ours is held longer, and below which it is released. ``swap``: how many times what goes, what
    comes in its place must be worth. ``minimum_age`` and ``swap_age``: seconds for which a rule of ours is left alone.
    ``lifetime``: of rules made for demand, in windows. ``most``: hints of one plan.
    """

    threshold: float = 1.0
    doubt: float = 1.0
    fresh: float = 0.1
    fresh_age: float = DAY
    keep: float = 0.5
    low: float = 0.25
    swap: float = 1.5
    minimum_age: float = 7 * DAY
    swap_age: float = DAY
    lifetime: float = 4.0
    most: int = 20_000


@dataclass(frozen=True, slots=True)
class Budgets:
    """``transfer``: bytes that one planning may bring to one RSE; ``window``: seconds that the forecast looks ahead.

    ``activity``: Rucio's, of rules without one of their policy. ``reuse_released``: room is there as soon as a release
    is planned, for simulations; in Rucio it is there when the reaper was.
    """

    transfer: int | None = None
    window: float = 7 * DAY
    activity: str = "Data Brokering"
    reuse_released: bool = False
    tuning: Tuning = field(default_factory=Tuning)


def margin(lifetime: float | None) -> float:
    """How long before its end a lock counts no more, seconds: a quarter of its life, at most :data:`LOCK`."""
    return LOCK if lifetime is None else min(lifetime / 4, LOCK)


def free_bytes(rse: Rse) -> float | None:
    """Bytes that may still be written; None: nobody said."""
    if rse.free is not None:
        return float(rse.free)
    if rse.total is not None and rse.used is not None:
        return float(rse.total - rse.used)
    return None


class Room:
    """What is left, by RSE (R), in bytes; of RSEs of which it is not known, none.

    ``now`` is what may be spent; ``later`` counts also what is about to be freed: copies that no rule holds any more,
    and those whose release was planned.
    """

    def __init__(self, lake: Lake, datasets: Datasets, budgets: Budgets, at: float) -> None:
        known = [free_bytes(rse) for rse in lake.rses]
        sizes = np.maximum(datasets.bytes, 0).astype(np.float64)
        self.unknown: Mask = np.array([free is None for free in known], bool)
        coming = sizes @ datasets.coming
        self.now: Floats = np.array([0.0 if free is None else free for free in known])
        self.now = self.now - [rse.min_free for rse in lake.rses] - coming
        self.later = self.now + sizes @ (datasets.complete & (datasets.locked_until <= at) & ~datasets.coming)
        if budgets.reuse_released:
            self.later = self.now.copy()
        for one in (self.now, self.later):
            one[self.unknown] = -np.inf
        inf = np.inf
        self.account: Floats = np.array([inf if rse.account_left is None else rse.account_left for rse in lake.rses])
        self.transfer: Floats = np.full(len(lake.rses), inf if budgets.transfer is None else float(budgets.transfer))
        total = np.array([float(rse.total or 0) for rse in lake.rses])
        self._per_total = np.divide(1.0, total, out=np.zeros_like(total), where=total > 0)
        self._reuse = budgets.reuse_released

    def fits(self, size: float, *, asked: bool = False) -> Mask:
        """Where a new copy of ``size`` bytes may be made now; ``asked``: an operator's policy wants it."""
        room = (self.now >= size) | (self.unknown & asked)  # Rucio, too, takes a rule where nobody measured
        return room & (self.account >= size) & (self.transfer >= size)

    def lacks_room_only(self, size: float) -> Mask:
        """Where it could be made if other copies went."""
        return ~self.unknown & (self.now < size) & (self.account >= size) & (self.transfer >= size)

    def spend(self, r: int, size: float) -> None:
        """A new copy at RSE ``r``."""
        for one in (self.now, self.later, self.account, self.transfer):
            one[r] -= size

    def lock(self, r: int, size: float, *, kept: float = 0.0) -> None:
        """A new rule on a copy that is there, of whose bytes ``kept`` were about to come free."""
        self.account[r] -= size
        if not self._reuse:
            self.later[r] -= kept

    def release(self, r: int, freed: float, unlocked: float) -> None:
        """A copy at ``r`` is to go: ``freed`` bytes of its disk, ``unlocked`` of the account."""
        self.later[r] += freed
        if self._reuse:
            self.now[r] += freed
            self.account[r] += unlocked

    def free_share(self) -> NDArray[np.float64]:
        """The share of each RSE that is free; 0 where its size is not known."""
        made: NDArray[np.float64] = np.where(self.unknown, 0.0, self.now) * self._per_total
        return made
