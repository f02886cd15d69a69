"""Small lakes for the tests of the planner, and what Rucio would make of a plan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from placement.room import free_bytes
from placement.state import FOREVER, Datasets, Lake, OwnRule, Rse, Terms
from schemas.hint import Hint
from schemas.policy import Policy

NOW = 1_763_700_000.0
DAY = 86_400.0


@dataclass(frozen=True)
class Wanted:
    reads: np.ndarray
    parts: np.ndarray
    part_names: tuple[str, ...]
    confidence: np.ndarray


@dataclass(frozen=True)
class Member:
    policy: Policy
    mask: np.ndarray
    rses: np.ndarray


def rse(name: str, **more: object) -> Rse:
    return Rse(name, **({"site": name.partition("-")[0], "total": 10_000, "free": 1_000} | more))  # type: ignore[arg-type]


def lake(*rses: Rse, distances: Mapping[tuple[str, str], int] | None = None) -> Lake:
    return Lake("lake", "root", NOW, rses, distances or {})


def datasets(
    made: Lake, *where: Mapping[str, float], sizes: Sequence[int] = (), coming: Sequence[str] = ()
) -> Datasets:
    """Dataset n has complete copies at the RSEs of ``where[n]``, each held until the time there (NOW + days)."""
    n, r = len(where), len(made.rses)
    complete, locked = np.zeros((n, r), bool), np.zeros((n, r))
    for d, places in enumerate(where):
        for name, days in places.items():
            complete[d, made.index[name]] = True
            locked[d, made.index[name]] = 0.0 if days == 0 else NOW + days * DAY
    names = [f"d{d}" for d in range(n)]
    none = Terms(np.zeros(n + 1, np.int64), np.zeros(0, np.uint8), np.zeros(0, np.uint64))
    size = np.array(sizes or [100] * n, np.int64)
    return Datasets(
        [f"record{d}" for d in range(n)], ["s"] * n, names, size, np.ones(n, np.int64), np.full(n, NOW - 90 * DAY),
        complete, np.zeros((n, r), bool), locked, np.full((n, r), np.nan, np.float32), (), none,
    )  # fmt: skip


def own(made: Lake, these: Datasets, d: int, name: str, *, age: float = 30, policy: str | None = None) -> Datasets:
    """The copy of ``d`` at ``name`` is held by a rule of ours, made ``age`` days ago."""
    r = made.index[name]
    ends = float(these.locked_until[d, r])
    rule = OwnRule(d, r, f"rule{len(these.rules)}", "hint", NOW - age * DAY, ends, policy)
    return replace(these, rules=(*these.rules, rule))


def wanted(made: Lake, these: Datasets, *reads: Mapping[str, float], confidence: float = 1.0) -> Wanted:
    table = np.zeros((len(these), len(made.sites)), np.float32)
    for d, by_site in enumerate(reads):
        for site, amount in by_site.items():
            table[d, made.sites.index(site)] = amount
    total = table.sum(axis=1)
    parts = np.stack([total * np.float32(0.75), total * np.float32(0.25)], axis=1)
    return Wanted(table, parts, ("reads", "sky"), np.full(len(these), confidence, np.float32))


def member(made: Lake, these: Datasets, *names: str, of: Sequence[int] = (), name: str = "p", **more: object) -> Member:
    policy = Policy(name, "q=1", "|".join(names), **more)  # type: ignore[arg-type]
    mask = np.isin(np.arange(len(these)), of) if of else np.ones(len(these), bool)
    return Member(policy, mask, np.array([one.name in names for one in made.rses], bool))


def applied(made: Lake, these: Datasets, hints: Sequence[Hint], now: float = NOW) -> tuple[Lake, Datasets]:
    """The lake once Rucio took all hints: transfers under way, released copies gone."""
    rses = {one.name: one for one in made.rses}
    coming, complete, locked = these.coming.copy(), these.complete.copy(), these.locked_until.copy()
    rules = {rule.rule: rule for rule in these.rules}
    for hint in hints:
        d = these.names.index(hint.name)
        ends = FOREVER if hint.lifetime is None else now + hint.lifetime
        for name in hint.to:
            r = made.index[name]
            old = next((rules[one] for one in hint.rules if rules[one].rse == r), None)
            if old:
                rules[old.rule] = replace(old, expires_at=max(ends, old.expires_at))
            else:
                rules[f"{hint.id}{name}"] = OwnRule(d, r, f"{hint.id}{name}", hint.id, now, ends, hint.policy)
                if (left := rses[name].account_left) is not None:
                    rses[name] = replace(rses[name], account_left=left - int(these.bytes[d]))
            coming[d, r] |= not complete[d, r]
            locked[d, r] = max(locked[d, r], ends)
        for name in hint.from_rses if hint.action == "release" else ():
            r = made.index[name]
            last = max(rules.pop(one).expires_at for one in hint.rules)
            if last >= locked[d, r]:
                free = free_bytes(rses[name]) if complete[d, r] else None
                rses[name] = replace(rses[name], free=None if free is None else int(free) + int(these.bytes[d]))
                complete[d, r] = coming[d, r] = False
                locked[d, r] = 0.0
    after = replace(these, complete=complete, coming=coming, locked_until=locked, rules=tuple(rules.values()))
    return replace(made, rses=tuple(rses[one.name] for one in made.rses)), after
