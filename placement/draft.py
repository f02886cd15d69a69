"""A plan while it is made: what is where, what is held, what of ours may go, and what was decided so far."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from placement.gains import Forecast, Gains
from placement.room import Budgets, Room, margin
from placement.state import Datasets, Floats, Ints, Lake, Mask, OwnRule
from schemas.hint import Action
from schemas.policy import Policy


class Membership(Protocol):
    """Of ``placement/membership.py``: which datasets (N) and which RSEs (R) a policy means."""

    @property
    def policy(self) -> Policy: ...
    @property
    def mask(self) -> Mask: ...
    @property
    def rses(self) -> Mask: ...


@dataclass(frozen=True, slots=True)
class Step:
    """One decision: becomes a hint. ``gain``: of the copies; ``why`` and ``by``: the rule, and what it looked at."""

    action: Action
    dataset: int
    rses: tuple[int, ...]
    gain: float
    lifetime: int | None
    why: str
    member: Membership | None = None
    rules: tuple[OwnRule, ...] = ()
    freed: int = 0
    by: tuple[float, ...] = ()
    short: bool = False
    for_dataset: int | None = None


class Draft:
    """Arrays are as in ``Datasets``. ``present``: copies that are there or coming, planned ones too, without those that
    are to go; ``held``: until when, with what the plan makes and extends; ``going``: whose release is planned.
    """

    def __init__(
        self,
        lake: Lake,
        datasets: Datasets,
        memberships: Sequence[Membership],
        forecast: Forecast,
        budgets: Budgets,
        now: float,
    ) -> None:
        self.lake, self.datasets, self.forecast, self.budgets, self.now = lake, datasets, forecast, budgets, now
        self.tuning = budgets.tuning
        self.memberships = sorted(memberships, key=lambda one: (-one.policy.priority, one.policy.name))
        self.gains = Gains(lake, forecast)
        self.room = Room(lake, datasets, budgets, now)
        self.present: Mask = datasets.complete | datasets.coming
        self.held: Floats = datasets.locked_until.copy()
        self.going: Mask = np.zeros_like(self.present)
        self.steps: list[Step] = []
        self.releases = 0
        self.size: Floats = np.maximum(datasets.bytes, 0).astype(np.float64)
        self.writable: Mask = np.array([rse.writable for rse in lake.rses], bool)
        self.tape: Mask = np.array([rse.kind == "TAPE" for rse in lake.rses], bool)
        self.deletable: Mask = np.array([rse.deletable for rse in lake.rses], bool)
        self.sites = np.array([lake.sites.index(rse.site) for rse in lake.rses], np.int64)
        self.links = linked(lake)
        k = len(self.memberships)
        self._members = np.array([one.mask for one in self.memberships], bool).reshape(k, len(datasets))
        self._rses = np.array([one.rses for one in self.memberships], bool).reshape(k, len(lake.rses))
        self._copies = np.array([one.policy.copies for one in self.memberships], np.int64)
        self._margins = np.array([margin(one.policy.lifetime) for one in self.memberships], np.float64)
        self.own: dict[tuple[int, int], list[OwnRule]] = {}
        for rule in datasets.rules:
            if rule.expires_at > now:
                self.own.setdefault((rule.dataset, rule.rse), []).append(rule)
        for rules in self.own.values():
            rules.sort(key=lambda rule: (-rule.expires_at, rule.rule))
        self._at: dict[int, list[int]] | None = None
        self._failed_lacking: Floats = np.full(len(lake.rses), np.inf)
        self._failed_worth: Floats = np.zeros(len(lake.rses))

    @property
    def full(self) -> bool:
        """Whether the plan has as many hints as it may, besides releases."""
        return len(self.steps) - self.releases >= self.tuning.most

    @property
    def emptied(self) -> bool:
        """Whether it has as many releases as it may."""
        return self.releases >= self.tuning.most

    @property
    def demand_lifetime(self) -> int:
        """Seconds that a rule made for demand lives."""
        return round(self.tuning.lifetime * self.budgets.window)

    # -- where a copy can be made -------------------------------------------------------------------------

    def sources(self, datasets: Ints) -> Mask:
        """To which RSEs (M, R) a complete copy of ``datasets`` (M) that can be read may be transferred."""
        usable = self.datasets.complete[datasets] & self.gains.readable
        return np.asarray((usable.astype(np.float32) @ self.links) > 0, bool)

    def possible(self, datasets: Ints) -> Mask:
        """Where a copy of ``datasets`` (M) can be made if only there is room, tapes too; shape (M, R)."""
        there = self.present[datasets] | self.going[datasets] | self.datasets.complete[datasets]
        able = self.sources(datasets) & ~there & self.writable
        return able & (self.datasets.bytes[datasets] >= 0)[:, None]

    def row(self, d: int) -> Floats:
        """The gain of each further copy of ``d``, shape (R)."""
        return np.asarray(self.gains.rows(np.array([d]), self.present[d : d + 1])[0])

    def keep_gain(self, d: int, r: int) -> float:
        """What the copy of ``d`` at ``r`` saves over the others."""
        return float(self.gains.at(np.array([d]), np.array([r]), self.present[d : d + 1])[0])

    # -- decisions ----------------------------------------------------------------------------------------

    def copy(self, d: int, r: int, lifetime: int | None) -> Action:
        """Spend for a new copy, and take it as there; what it is called."""
        self.room.spend(r, self.size[d])
        self.present[d, r] = True
        self.held[d, r] = np.inf if lifetime is None else self.now + lifetime
        usable = self.datasets.complete[d] & self.gains.readable & ~self.tape
        return "replicate" if (usable & (self.links[:, r] > 0)).any() else "stage"

    def extend(self, d: int, r: int, lifetime: int | None, policy: str | None) -> tuple[OwnRule, ...]:
        """Hold the copy at ``r`` for longer, by a rule of ours where there is one: which; else by a new one."""
        self.held[d, r] = max(self.held[d, r], np.inf if lifetime is None else self.now + lifetime)
        own = self.own.get((d, r))
        if not own:
            unheld = self.datasets.complete[d, r] and self.datasets.locked_until[d, r] <= self.now
            self.room.lock(r, self.size[d], kept=self.size[d] if unheld else 0.0)
            return ()
        return (next((rule for rule in own if rule.policy == policy), own[0]),)

    def may_go(self, d: int, r: int) -> bool:
        """Whether our rules on the copy of ``d`` at ``r`` may end: what stays is enough for all policies and people.

        Only complete copies count that a rule holds beyond the margin, as they are now and not as planned.
        """
        held = self.datasets.locked_until[d] - self.now
        concerned = np.flatnonzero(self._members[:, d] & self._rses[:, r])
        # else it is our rule by which the copy may be held on
        if self.outlives(d, r) and (held[r] > self._margins[concerned]).all():
            return True
        left = self.datasets.complete[d] & ~self.going[d]
        left[r] = False
        if not (left & self.gains.readable & (held > margin(None))).any():
            return False
        return all(
            (left & self._rses[k] & (held > self._margins[k])).sum() >= self._copies[k] for k in concerned.tolist()
        )

    def outlives(self, d: int, r: int) -> bool:
        """Whether a rule that is not ours holds the copy for as long as ours do, or longer."""
        longest = self.own[d, r][0]
        return bool(longest.expires_at < self.datasets.locked_until[d, r] or longest.beside >= longest.expires_at)

    def release(
        self, d: int, r: int, gain: float, why: str, by: tuple[float, ...] = (), for_dataset: int | None = None
    ) -> None:
        """Let our rules on the copy of ``d`` at ``r`` end."""
        stays = self.outlives(d, r)
        rules = tuple(self.own.pop((d, r)))
        freed = 0 if stays else self.freed(d, r)
        self.room.release(r, freed, self.size[d] * len(rules))
        if not stays:
            self.going[d, r], self.present[d, r], self.held[d, r] = True, False, 0.0
        self.releases += 1
        self.steps.append(Step("release", d, (r,), gain, None, why, None, rules, freed, by, for_dataset=for_dataset))

    def freed(self, d: int, r: int) -> int:
        """Bytes of disk that come free when nothing holds the copy any more."""
        return int(self.size[d]) if self.deletable[r] and self.datasets.complete[d, r] else 0

    # -- making room --------------------------------------------------------------------------------------

    def make_room(
        self, r: int, size: float, worth: float, why: str, for_dataset: int | None = None, *, partly: bool = False
    ) -> bool:
        """Release copies of ours at ``r`` that together save at most ``worth``, until ``size`` bytes have room there.

        Those that save least by byte go first, and none that is not needed. False: not possible, nothing was released;
        or, ``partly``, all that can be.
        """
        lacking = size - self.room.later[r]
        if lacking <= 0:
            return True
        if self.emptied:
            return False
        if not partly and lacking >= self._failed_lacking[r] and worth <= self._failed_worth[r]:
            return False
        chosen: list[tuple[int, float]] = []
        found = saved = 0.0
        for d in self._victims(r):
            if found >= lacking or saved > worth:
                break
            if (d, r) in self.own and self.may_go(d, r):
                gain = self.keep_gain(d, r)
                chosen.append((d, gain))
                found += self.size[d]
                saved += gain
        for one in sorted(chosen, key=lambda one: (-one[1], one[0])):
            if found - self.size[one[0]] >= lacking:
                chosen.remove(one)
                found -= self.size[one[0]]
                saved -= one[1]
        done = found >= lacking and saved <= worth
        if not done and not partly:
            self._failed_lacking[r], self._failed_worth[r] = lacking, worth
            return False
        for d, gain in chosen:
            if self.may_go(d, r) and not self.emptied:
                self.release(d, r, gain, why, (worth, lacking), for_dataset)
        return done

    def hopeless(self, size: float, worth: Floats) -> Mask:
        """Where room for ``size`` bytes was not to be made for as much as ``worth`` (R) before."""
        lacking = size - self.room.later
        return (lacking > 0) & (self.emptied | (lacking >= self._failed_lacking) & (worth <= self._failed_worth))

    def _victims(self, r: int) -> list[int]:
        """Datasets whose copies at ``r`` are ours and would free something, the least worth by byte first."""
        if self._at is None:
            self._at = {}
            pairs = [
                pair
                for pair, rules in self.own.items()
                if self.freed(*pair)
                and self.held[pair] == self.datasets.locked_until[pair]  # what was just extended stays
                and not self.outlives(*pair)
                and max(rule.created_at for rule in rules) <= self.now - self.tuning.swap_age
            ]
            if pairs:
                d, places = np.array(pairs).T
                worth = self.gains.at(d, places, self.present[d]) / self.size[d]
                for n in np.lexsort((d, worth)).tolist():
                    self._at.setdefault(int(places[n]), []).append(int(d[n]))
        left = [d for d in self._at.get(r, ()) if (d, r) in self.own]
        self._at[r] = left
        return left


def linked(lake: Lake) -> Floats:
    """1 where Rucio transfers from one RSE to another, else 0; float32, (R, R). Without any distance: everywhere."""
    if not lake.distances:
        return np.ones((len(lake.rses), len(lake.rses)), np.float32)
    made = np.zeros((len(lake.rses), len(lake.rses)), np.float32)
    for source, destination in lake.distances:
        if source in lake.index and destination in lake.index:
            made[lake.index[source], lake.index[destination]] = 1.0
    return made
